# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from ..model.configuration_elmo import ElmoConfig
from ..model.tokenization_elmo import ElmoTokenizer
from ..model.word_splitting import split_at_white_space
from .corpus import Corpus
from .vocabulary import count_words
from .windows import Reading


# Adagrad from an accumulator of 1 is the original's, with its learning rate.
LEARNING_RATES = {"adagrad": 0.2, "adamw": 1e-3}


SETTINGS_FILE = "pretraining.json"


@dataclass(frozen=True)
class PretrainingSettings:
    """What the numbers of a training depend on, beside the model and the text.

    Attributes:
        max_steps (`int`): Steps of the optimizer.
        batch_size (`int`): Rows of a batch, over all processes. Each process needs the same number of them.
        num_steps (`int`): Words of a window, at whose ends gradients stop.
        optimizer (`str`): `"adagrad"`, the original's, at a constant learning rate; or `"adamw"`, with a rate that
            rises for a twentieth of the steps (1,000 at most) and then falls linearly to 0.
        learning_rate (`float`): Of the optimizer.
        max_grad_norm (`float`): Gradients are scaled down to this norm. 0: never.
        gradient_accumulation_steps (`int`): Windows per step.
        seed (`int`): Of the shuffling, of new weights, dropout and negative samples.
        bf16 (`bool`): Whether to compute in bfloat16 (the weights and the cell states stay in float32).
        sentence_per_row (`bool`): Whether each sentence is a row of its own, from a state of zeros.
        is_raw (`bool`): Whether the text is raw, to be split by `ElmoTokenizer`.

    Raises:
        `ValueError`: For a number that is out of its range.
    """

    max_steps: int
    batch_size: int = 128
    num_steps: int = 20
    optimizer: str = "adagrad"
    learning_rate: float = LEARNING_RATES["adagrad"]
    max_grad_norm: float = 10.0
    gradient_accumulation_steps: int = 1
    seed: int = 0
    bf16: bool = False
    sentence_per_row: bool = False
    is_raw: bool = False

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
        """`int`: How much of `epoch_size` a window of the global batch is."""
        return self.batch_size if self.sentence_per_row else self.batch_size * self.num_steps

    @property
    def loss_scale(self) -> int:
        """`int`: What the loss is multiplied by before gradients are taken. The original's is the sum over a window's
        steps, not their mean. Adagrad, whose accumulator begins at 1 whatever the gradient's scale, learns faster for
        it, and `max_grad_norm` is meant for it. AdamW is the same whatever the scale."""
        return self.num_steps if self.optimizer == "adagrad" and not self.sentence_per_row else 1

    def reading(self, rows: range) -> Reading:
        """Returns how training reads its text."""
        return Reading(self.batch_size, rows, self.num_steps, self.seed, self.is_raw)


def training_arguments(
    settings: PretrainingSettings,
    output_dir: Path,
    save_steps: int,
    eval_steps: int | None,
    logging_steps: int,
    save_total_limit: int,
) -> TrainingArguments:
    """Returns what `Trainer` is to know of all this."""
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
        logging_steps=logging_steps,
        # A loss that is no number shows, and ends the training.
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=save_steps,
        save_total_limit=save_total_limit,
        eval_strategy="no" if eval_steps is None else "steps",
        eval_steps=eval_steps,
        # The text goes on from the position in the checkpoint; nothing is to be skipped.
        ignore_data_skip=True,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not has_accelerator,
        ddp_backend="gloo" if num_processes > 1 and not has_accelerator else None,
        # Every step has a gradient for all that is trained.
        ddp_find_unused_parameters=False,
    )
    # Several devices are for several processes: one that used all would have one LSTM state for them.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def epoch_size(
    corpus: Corpus, tokenizer: ElmoTokenizer, is_raw: bool, sentence_per_row: bool, checkpoint: Path | None = None
) -> int:
    """Counts a corpus: its words with a boundary per sentence; its sentences, where each is to be a row. A checkpoint
    that knows their number is asked."""
    if checkpoint is not None:
        try:
            saved = json.loads((checkpoint / SETTINGS_FILE).read_text(encoding="utf-8"))["epoch_size"]
        except (OSError, ValueError, KeyError):
            saved = None
        if isinstance(saved, int):
            return saved
    counts, num_sentences = count_words(corpus, tokenizer.split_words if is_raw else split_at_white_space)
    return num_sentences if sentence_per_row else sum(counts.values()) + num_sentences


def training_options(
    settings: PretrainingSettings, config: ElmoConfig, epoch_size: int | None = None
) -> dict[str, Any]:
    """Returns what the original's `options.json` says about a training, under the names of `bin/train_elmo.py`.

    The numbers of words and epochs are there if the text was counted.
    """
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
