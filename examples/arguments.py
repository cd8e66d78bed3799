# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments of the scripts `run_*.py`: which model, which data, how to train; and how errors in them are reported."""

import functools
import json
import sys
from argparse import SUPPRESS
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import HfArgumentParser, TrainingArguments
from transformers.hf_argparser import HfArg
from transformers.utils import logging


# Far enough below the other mix weights for a softmax of exactly 0.
NEVER = -9e10

ELMO_AT = {"input": (True, False), "output": (False, True), "both": (True, True), "none": (False, False)}


@dataclass
class PretrainedArguments:
    """Which model to load."""

    model_name_or_path: str = HfArg(help="A model directory or a name on the Hub: ELMo or any other model.")
    tokenizer_name: str | None = HfArg(default=None, help="Where the tokenizer is, if not with the model.")
    trust_remote_code: bool = HfArg(default=False, help="Whether to run code that comes with a model.")


@dataclass
class ModelArguments(PretrainedArguments):
    """Which model to load, and how an ELMo enters the task model. The model's config sets what is not given."""

    freeze: bool | None = HfArg(
        default=None,
        help="Whether to freeze the pretrained part. By default an ELMo is frozen and other models aren't.",
    )
    elmo_layers: str | None = HfArg(
        default=None,
        help="ELMo: 'mix' learns the weights of the layers, 'average' fixes them to be equal, 'top' or a number (0 is "
        "the token embedding) selects one layer.",
    )
    elmo_at: Literal["input", "output", "both", "none"] | None = HfArg(
        default=None, help="ELMo: where its vectors enter, before or after the first BiLSTM, or nowhere."
    )
    mix_l2: float | None = HfArg(default=None, help="ELMo: lambda of the penalty lambda ||w||^2 on the mix weights.")
    mix_layer_norm: bool | None = HfArg(default=None, help="ELMo: whether to normalize layers before mixing them.")
    representation_dropout: float | None = HfArg(default=None, help="ELMo: dropout on its vectors.")
    task_lstm_layers: int | None = HfArg(default=None, help="ELMo: BiLSTM layers; 0 for a probe.")
    task_lstm_size: int | None = HfArg(default=None, help="ELMo: cells of the BiLSTM in each direction.")
    task_dropout: float | None = HfArg(default=None, help="ELMo: dropout in the task model.")
    word_vectors: str | None = HfArg(
        default=None, help="ELMo: a GloVe or word2vec text file of static vectors to use besides the ELMo vectors."
    )
    word_vector_size: int | None = HfArg(
        default=None, help="ELMo: size of static vectors that are trained from scratch, without a file."
    )
    freeze_word_vectors: bool | None = HfArg(
        default=None, help="ELMo: whether to freeze static vectors. By default those from a file are frozen."
    )
    text_cache_gb: float = HfArg(
        default=1.0,
        help="ELMo: memory in GB, in each process, that caches the layers of a frozen biLM so that it reads each text "
        "only once; 0 disables the cache.",
    )

    def __post_init__(self) -> None:
        if not 0 <= self.text_cache_gb < float("inf"):
            raise ValueError(f"text_cache_gb: expected a finite number, 0 or more, found {self.text_cache_gb}")

    def elmo_fields(self, num_layers: int) -> dict[str, Any]:
        """Returns the fields of `ElmoConfig` that were given. Most arguments have the name of their field."""
        others = {"freeze", "elmo_layers", "elmo_at", "word_vectors", "text_cache_gb"}
        others |= {each.name for each in fields(PretrainedArguments)}
        given = {name: value for name, value in vars(self).items() if name not in others and value is not None}
        if self.freeze is not None:
            given["freeze_bilm"] = self.freeze
        if self.elmo_at is not None:
            given["elmo_at_input"], given["elmo_at_output"] = ELMO_AT[self.elmo_at]
        if self.elmo_layers is not None:
            given["mix_parameters"] = self.mix_parameters(num_layers)
        if self.word_vector_size and self.word_vectors is None:
            given.setdefault("freeze_word_vectors", False)
        return given

    def mix_parameters(self, num_layers: int) -> list[float] | None:
        """Returns the fixed mix weights that `elmo_layers` asks for, `None` to learn them."""
        if self.elmo_layers == "mix":
            return None
        if self.elmo_layers == "average":
            return [0.0] * (num_layers + 1)
        layers = {"top": num_layers, **{str(layer): layer for layer in range(num_layers + 1)}}
        if self.elmo_layers not in layers:
            raise ValueError(
                f"elmo_layers: expected mix, average, top or a layer from 0 to {num_layers}, found {self.elmo_layers!r}"
            )
        return [0.0 if layer == layers[self.elmo_layers] else NEVER for layer in range(num_layers + 1)]

    def given_for_elmo(self) -> list[str]:
        """Returns the names of the given arguments that have no meaning for another model."""
        others = {"freeze", *(each.name for each in fields(PretrainedArguments))}
        return [
            each.name for each in fields(self) if each.name not in others and getattr(self, each.name) != each.default
        ]


@dataclass
class DataArguments:
    """Which files to read, and how much of them to use."""

    train_file: str | None = HfArg(default=None, help="The training data.")
    validation_file: str | None = HfArg(
        default=None, help="The data that select the best epoch; by default a part of the training data."
    )
    test_file: str | None = HfArg(default=None, help="The data that nothing is selected on.")
    validation_fraction: float = HfArg(
        default=0.1, help="Fraction of the training data to hold out if there is no validation file."
    )
    test_fraction: float = HfArg(
        default=0.0, help="Fraction of the training data to hold out if there is no test file."
    )
    train_fraction: float = HfArg(default=1.0, help="Fraction of the remaining training data to use, such as 0.01.")
    max_eval_samples: int | None = HfArg(default=None, help="Maximum number of examples to evaluate on.")
    split_seed: int = HfArg(default=0, help="Seed of what is held out and used, independent of the training seed.")
    encoding: str = HfArg(default="utf-8", help="Encoding of the files, such as latin-1.")
    max_seq_length: int | None = HfArg(
        default=None, help="Maximum number of tokens of a text. By default as many as the model accepts."
    )

    def __post_init__(self) -> None:
        check_fractions(self)
        check_positive(self, "max_eval_samples", "max_seq_length")


@dataclass
class LabelledDataArguments(DataArguments):
    """Files with labels."""

    label_list: list[str] = field(
        default_factory=list,
        metadata={"help": "All labels in the order of their ids; by default those of the training file."},
    )


def check_fractions(data: Any) -> None:
    """Raises `ValueError` unless the fractions of data arguments leave something to train on."""
    for name in ("validation_fraction", "test_fraction"):
        if not 0 <= getattr(data, name) < 1:
            raise ValueError(f"{name}: expected at least 0 and less than 1, found {getattr(data, name)}")
    if not 0 < data.train_fraction <= 1:
        raise ValueError(f"train_fraction: expected more than 0 and at most 1, found {data.train_fraction}")


def check_positive(arguments: Any, *names: str) -> None:
    """Raises `ValueError` if an argument is given and less than 1."""
    for name in names:
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            raise ValueError(f"{name}: expected at least 1, found {getattr(arguments, name)}")


@dataclass
class FineTuningArguments(TrainingArguments):
    """`TrainingArguments` with defaults that suit a task model on a frozen ELMo."""

    learning_rate: float = HfArg(default=1e-3, help="1e-3 suits a new head on a frozen ELMo; BERT needs 2e-5 to 5e-5.")
    per_device_train_batch_size: int = HfArg(default=32, help="Batch size in training.")
    per_device_eval_batch_size: int = HfArg(default=64, help="Batch size in evaluation.")
    num_train_epochs: float = HfArg(default=20.0, help="Maximum number of epochs; see early_stopping_patience.")
    eval_strategy: str = HfArg(default="epoch", help="When to evaluate.")
    save_strategy: str = HfArg(default="epoch", help="When to save; must match eval_strategy.")
    logging_strategy: str = HfArg(default="epoch", help="When to log the training loss.")
    load_best_model_at_end: bool = HfArg(default=True, help="Whether to keep the model of the best epoch.")
    save_total_limit: int | None = HfArg(default=1, help="Checkpoints to keep besides the best.")
    restore_callback_states_from_checkpoint: bool = HfArg(
        default=True, help="Whether a resumed run continues to count for early stopping."
    )
    early_stopping_patience: int = HfArg(
        default=5, help="Stop after this many evaluations without an improvement; 0 to never stop early."
    )

    def __post_init__(self) -> None:
        # The base class changes both: it selects by the loss if no metric is given, and turns on `do_eval`.
        self.has_own_metric, self.evaluates = self.metric_for_best_model is not None, self.do_eval
        super().__post_init__()
        # A JSON file of arguments has true, the command line "true".
        asked = str(self.resume_from_checkpoint).lower()
        if asked in ("true", "false", "none"):
            self.resume_from_checkpoint = "true" if asked == "true" else None
        # Without an accelerator, this default makes data loaders warn in each epoch.
        self.dataloader_pin_memory &= torch.accelerator.is_available()


# Arguments that every `Trainer` has: only these are shown by `--help`.
SHOWN_ARGUMENTS = {
    "output_dir",
    "do_train",
    "do_eval",
    "do_predict",
    "seed",
    "resume_from_checkpoint",
    "bf16",
    "use_cpu",
}
OTHER_ARGUMENTS = {each.name for each in fields(TrainingArguments)} - {
    *SHOWN_ARGUMENTS,
    *vars(FineTuningArguments)["__annotations__"],
}


def reports_errors(main: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a script report a wrong argument, file or model in one line, without a traceback."""

    @functools.wraps(main)
    def run(arguments: Sequence[str] | None = None) -> Any:
        # Those of loading and saving, which overlap with those of training.
        logging.disable_progress_bar()
        try:
            return main(arguments)
        except (OSError, ValueError, StrictDataclassError) as error:
            # Errors of configs name the failed check in the first line and its cause in the second.
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise SystemExit(" ".join(["error:", *lines[:2]])) from error

    return run


def parse_arguments(types: Sequence[type], arguments: Sequence[str] | None) -> tuple[Any, ...]:
    """Parses the arguments of the command line, or those in the one JSON file that replaces them."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    usage = "%(prog)s --model_name_or_path MODEL [--OPTION VALUE ...], or %(prog)s OPTIONS.json"
    epilog = "--help-all also lists the other arguments of transformers' Trainer."
    parser = HfArgumentParser(types, usage=usage, epilog=epilog)  # type: ignore[arg-type]
    if "--help-all" in arguments:
        arguments = ["--help"]
    else:
        for action in parser._actions:
            if action.dest in OTHER_ARGUMENTS:
                action.help = SUPPRESS
    if len(arguments) != 1 or not arguments[0].endswith(".json"):
        return parser.parse_args_into_dataclasses(arguments)
    values = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{arguments[0]}: expected an object with arguments by name, found {values!r:.60}")
    try:
        return parser.parse_dict(values)
    except TypeError as error:
        # A required argument is missing.
        raise ValueError(f"{arguments[0]}: {error}") from error
