# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The settings of a training run, for `Trainer`, and as the original's `options.json` has them."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from ..model.configuration_elmo import ElmoConfig
from .windows import BatchPlan


# Steps between checkpoints, evaluations and reports, and how many checkpoints are kept.
INTERVALS = {"save_steps": 1000, "eval_steps": 1000, "logging_steps": 100, "save_total_limit": 2}

# Adagrad with an initial accumulator of 1 is the original optimizer, with its learning rate.
LEARNING_RATES = {"adagrad": 0.2, "adamw": 1e-3}


@dataclass(frozen=True)
class PretrainingSettings:
    """The settings that determine the result of training, together with the model and the text. A value out of range
    raises `ValueError`."""

    max_steps: int  # Optimizer steps.
    batch_size: int = 128  # Rows of a batch over all processes, a multiple of their number.
    num_steps: int = 20  # Words of a window (truncated backpropagation).
    # "adagrad", the original's, at a constant learning rate; or "adamw", whose rate rises for a twentieth of the steps
    # (at most 1,000) and then falls linearly to 0.
    optimizer: str = "adagrad"
    learning_rate: float = LEARNING_RATES["adagrad"]
    max_grad_norm: float = 10.0  # Gradients are scaled down to this norm; 0 disables this.
    gradient_accumulation_steps: int = 1  # Windows per step.
    seed: int = 0  # Of shuffling, new weights, dropout and negative samples.
    bf16: bool = False  # Whether to compute in bfloat16. Weights and cell states stay in float32.
    sentence_per_row: bool = False  # Whether each sentence is its own row, starting from a state of zeros.
    is_raw: bool = False  # Whether `ElmoTokenizer` splits the text; otherwise it is split at white space.

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "num_steps", "gradient_accumulation_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, found {getattr(self, name)}")
        if self.optimizer not in LEARNING_RATES:
            raise ValueError(f"optimizer: expected {' or '.join(LEARNING_RATES)}, found {self.optimizer!r}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate: expected a positive number, found {self.learning_rate}")
        if not 0 <= self.max_grad_norm < math.inf:
            raise ValueError(f"max_grad_norm: expected a number of at least 0, found {self.max_grad_norm}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: expected a number from 0 to {2**32 - 1}, found {self.seed}")

    @property
    def window_size(self) -> int:
        """`int`: Size of a window of the global batch: sentences, with a sentence per row, and otherwise words."""
        return self.batch_size if self.sentence_per_row else self.batch_size * self.num_steps

    @property
    def loss_scale(self) -> int:
        """`int`: Factor of the loss before gradients are taken. The original's loss is the sum over a window's steps.
        `max_grad_norm` is chosen for it, and Adagrad depends on it, because its accumulator starts at 1."""
        return self.num_steps if self.optimizer == "adagrad" and not self.sentence_per_row else 1

    def batch_plan(self, rows: range) -> BatchPlan:
        """Returns how training reads its text."""
        return BatchPlan(self.batch_size, rows, self.num_steps, self.seed, self.is_raw, self.sentence_per_row)


def training_arguments(
    settings: PretrainingSettings, output_dir: Path, has_evaluation: bool, **intervals: int
) -> TrainingArguments:
    """Returns the arguments of `Trainer`. `intervals` are those of `INTERVALS` that are not the default."""
    num_processes = int(os.environ.get("WORLD_SIZE", "1"))
    has_accelerator = torch.accelerator.is_available()
    is_constant = settings.optimizer == "adagrad"
    arguments = TrainingArguments(
        output_dir=str(output_dir),
        max_steps=settings.max_steps,
        per_device_train_batch_size=max(1, settings.batch_size // num_processes),
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant" if is_constant else "linear",
        warmup_steps=0 if is_constant else min(1000, settings.max_steps // 20),
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        bf16=settings.bf16,
        # An infinite or NaN loss is shown, and ends the run.
        logging_nan_inf_filter=False,
        save_strategy="steps",
        eval_strategy="steps" if has_evaluation else "no",
        # The corpus resumes at the position in the checkpoint; there is nothing to skip.
        ignore_data_skip=True,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not has_accelerator,
        ddp_backend="gloo" if num_processes > 1 and not has_accelerator else None,
        # Every step has a gradient for every trained weight.
        ddp_find_unused_parameters=False,
        **{**INTERVALS, **intervals},
    )
    # One process uses one device: with several, `DataParallel` would share one LSTM state between them.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def training_options(
    settings: PretrainingSettings, config: ElmoConfig, epoch_size: int | None = None
) -> dict[str, Any]:
    """Returns what the original's `options.json` records of training, under the names of `bin/train_elmo.py`; words
    and epochs if the size of the corpus is known."""
    options: dict[str, Any] = {
        "bidirectional": True,
        "unroll_steps": settings.num_steps,
        "batch_size": settings.batch_size * settings.gradient_accumulation_steps,
        "all_clip_norm_val": settings.max_grad_norm,
        "learning_rate": settings.learning_rate,
        "sample_softmax": config.num_negative_samples > 0,
        "n_negative_samples_batch": config.num_negative_samples,
    }
    if epoch_size is not None:
        if not settings.sentence_per_row:
            options["n_train_tokens"] = epoch_size
        num_windows = settings.max_steps * settings.gradient_accumulation_steps
        options["n_epochs"] = max(1, round(num_windows * settings.window_size / epoch_size))
    return options
