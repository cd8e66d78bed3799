# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""One experiment: load a model, fine-tune it with `Trainer` under one or several seeds, evaluate, predict, draw.

What the example scripts share beside their data: the arguments, how ELMo enters a task model, seeds, resuming, results.
The scripts say what their examples, features and metrics are ([`Task`]). The one idea: a run is a directory. It holds
the checkpoints, the best model, `all_results.json`, the predictions and the pictures; several seeds make a directory
each, with the arguments that its results depend on (`arguments.json`), and a summary beside them.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from torch.utils.data import SequentialSampler
from transformers import (
    AutoConfig,
    AutoTokenizer,
    EarlyStoppingCallback,
    EvalPrediction,
    HfArgumentParser,
    PreTrainedConfig,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, WEIGHTS_INDEX_NAME, WEIGHTS_NAME

from data_files import InputError, hold_out, take_fraction
from learning_plots import MIX_SHARE, mix_shares, plot_learning_curves, plot_mix_weights
from modeling_elmo import ElmoTokenizer, load_word_vectors
from modeling_elmo.files.atomic import new_file
from modeling_elmo.pretraining.checkpoints import checkpoints
from modeling_elmo.pretraining.process_group import leave_process_group


RESULTS = "all_results.json"
USED_ARGUMENTS = "arguments.json"

# Arguments that results do not depend on: where they go, how a run goes on, what it tells, keeps and runs on.
INDIFFERENT = {
    *("output_dir", "seeds", "cache_dir", "text_cache_gb", "use_cpu", "local_rank"),
    *("resume_from_checkpoint", "restore_callback_states_from_checkpoint", "ignore_data_skip"),
    *("disable_tqdm", "report_to", "run_name", "project", "debug", "skip_memory_metrics"),
    *("save_total_limit", "save_only_model", "save_on_each_node", "enable_jit_checkpoint", "push_to_hub"),
    *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers"),
    *("dataloader_prefetch_factor", "dataloader_multiprocessing_context", "torch_empty_cache_steps"),
}
INDIFFERENT_PREFIXES = ("log_", "logging_", "hub_", "trackio_", "ddp_")

# How far a weight must be below the others for its softmax to be 0.
NEVER = -9e10

# How many distinct words the character encoder of a frozen biLM remembers: 200 MB for the original model's 512 numbers.
REMEMBERED_WORDS = 100_000

# Models whose tokens begin with the space before a word; they read words that are split already with this option only.
SPACE_IN_TOKENS = {"bloom", "deberta", "gpt2", "longformer", "roberta"}

ELMO_AT = {"input": (True, False), "output": (False, True), "both": (True, True), "none": (False, False)}


@dataclass
class PretrainedArguments:
    """Which model."""

    model_name_or_path: str = field(metadata={"help": "A model directory, or a name on the Hub: ELMo or any other."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "Where the tokenizer is, if elsewhere."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Whether to run code that comes with a model."})


@dataclass
class ModelArguments(PretrainedArguments):
    """Which model, and, for an ELMo, how it enters the task model. What is not given is as the model's config says."""

    freeze: bool | None = field(
        default=None,
        metadata={"help": "Whether the pretrained part stays fixed. By default an ELMo does, other models do not."},
    )
    elmo_layers: str | None = field(
        default=None,
        metadata={
            "help": "ELMo: 'mix' learns the weights of the layers, 'average' fixes them all alike; 'top', or a number "
            "(0 is the token embedding), takes one layer."
        },
    )
    elmo_at: Literal["input", "output", "both", "none"] | None = field(
        default=None, metadata={"help": "ELMo: where its vectors enter, before or after the first BiLSTM, or nowhere."}
    )
    mix_l2: float | None = field(default=None, metadata={"help": "ELMo: lambda of lambda ||w||^2 on the mix weights."})
    mix_layer_norm: bool | None = field(default=None, metadata={"help": "ELMo: whether layers are normalised first."})
    representation_dropout: float | None = field(default=None, metadata={"help": "ELMo: dropout on its vectors."})
    task_lstm_layers: int | None = field(default=None, metadata={"help": "ELMo: BiLSTM layers; 0 for a probe."})
    task_lstm_size: int | None = field(default=None, metadata={"help": "ELMo: cells of the BiLSTM per direction."})
    task_dropout: float | None = field(default=None, metadata={"help": "ELMo: dropout in the task model."})
    word_vectors: str | None = field(
        default=None,
        metadata={"help": "ELMo: a GloVe or word2vec text file of static vectors beside the ELMo vectors."},
    )
    word_vector_size: int | None = field(
        default=None, metadata={"help": "ELMo: size of static vectors that are learned from nothing, without a file."}
    )
    freeze_word_vectors: bool | None = field(
        default=None, metadata={"help": "ELMo: whether static vectors stay fixed. By default those of a file do."}
    )
    text_cache_gb: float = field(
        default=1.0,
        metadata={
            "help": "ELMo: memory, in each process, for what a frozen biLM gives to texts, so that it reads each text "
            "once, as far as there is room; 0 for none."
        },
    )

    def __post_init__(self) -> None:
        if not 0 <= self.text_cache_gb < float("inf"):
            raise InputError(f"text_cache_gb: expected a finite number, 0 or more, found {self.text_cache_gb}")

    def elmo_fields(self, num_hidden_layers: int) -> dict[str, Any]:
        """Returns the fields of `ElmoConfig` that were asked for. Raises [`InputError`] for a layer that is none."""
        # Of these the names are those of the config.
        own = {"freeze", "elmo_layers", "elmo_at", "word_vectors", "text_cache_gb"}
        own |= {each.name for each in fields(PretrainedArguments)}
        asked = {name: value for name, value in vars(self).items() if name not in own and value is not None}
        if self.freeze is not None:
            asked["freeze_bilm"] = self.freeze
        if self.elmo_at is not None:
            asked["elmo_at_input"], asked["elmo_at_output"] = ELMO_AT[self.elmo_at]
        if self.elmo_layers is not None:
            asked["mix_parameters"] = self._mix_parameters(num_hidden_layers)
        if self.word_vector_size and self.word_vectors is None:
            asked.setdefault("freeze_word_vectors", False)
        return asked

    def _mix_parameters(self, num_hidden_layers: int) -> list[float] | None:
        if self.elmo_layers == "mix":
            return None
        if self.elmo_layers == "average":
            return [0.0] * (num_hidden_layers + 1)
        numbers = {"top": num_hidden_layers, **{str(number): number for number in range(num_hidden_layers + 1)}}
        if self.elmo_layers not in numbers:
            raise InputError(
                f"elmo_layers: expected mix, average, top or a layer from 0 to {num_hidden_layers}, "
                f"found {self.elmo_layers!r}"
            )
        layer = numbers[self.elmo_layers]
        return [0.0 if number == layer else NEVER for number in range(num_hidden_layers + 1)]

    def asked_of_elmo_only(self) -> list[str]:
        """Returns the names of given arguments that mean nothing to another model."""
        others = {"freeze", *(each.name for each in fields(PretrainedArguments))}
        return [
            each.name for each in fields(self) if each.name not in others and getattr(self, each.name) != each.default
        ]


@dataclass
class DataArguments:
    """Which files, and how much of them."""

    train_file: str | None = field(default=None, metadata={"help": "The training data."})
    validation_file: str | None = field(
        default=None, metadata={"help": "The data that choose the best epoch; by default a part of the training data."}
    )
    test_file: str | None = field(default=None, metadata={"help": "The data that nothing is chosen on."})
    validation_fraction: float = field(
        default=0.1, metadata={"help": "How much of the training data is held out where there is no validation file."}
    )
    test_fraction: float = field(
        default=0.0, metadata={"help": "How much of the training data is held out where there is no test file."}
    )
    train_fraction: float = field(
        default=1.0, metadata={"help": "How much of what is left to train on is used: 0.01 for a hundredth."}
    )
    max_eval_samples: int | None = field(default=None, metadata={"help": "Evaluate on so many examples at most."})
    split_seed: int = field(
        default=0, metadata={"help": "Seed of what is held out and taken: the same for all seeds of training."}
    )
    encoding: str = field(default="utf-8", metadata={"help": "Encoding of the files, such as latin-1."})
    max_seq_length: int | None = field(
        default=None, metadata={"help": "Tokens of a text at most. By default as many as the model can read."}
    )

    def __post_init__(self) -> None:
        check_fractions(self)
        check_at_least_one(self, "max_eval_samples", "max_seq_length")


def check_fractions(data: Any) -> None:
    """Raises [`InputError`] unless the fractions of data arguments are such that something is left to train on."""
    for name in ("validation_fraction", "test_fraction"):
        if not 0 <= getattr(data, name) < 1:
            raise InputError(f"{name}: expected at least 0 and less than 1, found {getattr(data, name)}")
    if not 0 < data.train_fraction <= 1:
        raise InputError(f"train_fraction: expected more than 0 and at most 1, found {data.train_fraction}")


def check_at_least_one(arguments: Any, *names: str) -> None:
    """Raises [`InputError`] for an argument that is given and less than 1."""
    for name in names:
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InputError(f"{name}: expected at least 1, found {value}")


def check_run(output_dir: str, seeds: Sequence[int]) -> None:
    """Raises [`InputError`] if a file is where results should go, or if two runs would have one seed."""
    for path in (Path(output_dir), *Path(output_dir).parents):
        if path.exists() and not path.is_dir():
            raise InputError(f"output_dir: {output_dir}: expected a directory, found the file {path}")
    if len(set(seeds)) < len(seeds):
        raise InputError(f"seeds: expected each once, found {' '.join(map(str, seeds))}")


@dataclass
class LabelledDataArguments(DataArguments):
    """Files with labels."""

    label_list: list[str] = field(
        default_factory=list,
        metadata={"help": "All labels, in the order of their ids; by default those of the training file."},
    )

    def labels(self, found: Iterable[str]) -> list[str]:
        """Returns the labels of the model, given those of the training file."""
        return self.label_list or label_names(found)


@dataclass
class FineTuningArguments(TrainingArguments):
    """`TrainingArguments` with defaults that suit a task model on a frozen ELMo, and what the scripts add to them."""

    learning_rate: float = field(
        default=1e-3, metadata={"help": "1e-3 suits a new head on a frozen ELMo; for BERT give 2e-5 to 5e-5."}
    )
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Examples of a training step."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Examples of a batch in evaluation."})
    num_train_epochs: float = field(default=20.0, metadata={"help": "Epochs at most; see early_stopping_patience."})
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save; as eval_strategy."})
    logging_strategy: str = field(default="epoch", metadata={"help": "When to log the training loss."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Whether the best epoch's model is kept."})
    save_total_limit: int | None = field(default=1, metadata={"help": "Checkpoints to keep beside the best."})
    restore_callback_states_from_checkpoint: bool = field(
        default=True, metadata={"help": "Whether a resumed run goes on counting for early stopping."}
    )
    early_stopping_patience: int = field(
        default=5, metadata={"help": "Stop after so many evaluations without a better one; 0 for never."}
    )
    seeds: list[int] = field(
        default_factory=list, metadata={"help": "Several seeds: a run for each, and their mean and deviation."}
    )

    def __post_init__(self) -> None:
        # The base class puts the loss where no metric is named; the scripts have better ones.
        self.names_metric = self.metric_for_best_model is not None
        # And it sets `do_eval` wherever there is a strategy of evaluation.
        self.evaluates = self.do_eval
        super().__post_init__()
        check_run(self.output_dir, self.seeds)
        # A JSON file of arguments may say true, the command line "true".
        asked = str(self.resume_from_checkpoint).lower()
        if asked in ("true", "false", "none"):
            self.resume_from_checkpoint = "true" if asked == "true" else None
        # Where there is no accelerator, its data loaders would warn of this default in each epoch.
        self.dataloader_pin_memory &= torch.accelerator.is_available()


@dataclass
class Task:
    """What a script brings to an experiment.

    Attributes:
        auto_class: The Auto class of the model, such as `AutoModelForTokenClassification`.
        metric (`str`): The name of the metric that the best model has most of.
        config_fields (`dict`): What the config of the model must say, such as `id2label`.
        elmo_fields (`dict`): The same, for ELMo models only.
        features (`Callable`): From examples, a tokenizer and whether they are to train on, to what the collator takes.
        collator (`Callable`): From a tokenizer, the collator.
        metrics (`Callable`): From the examples and features of a data set, `compute_metrics` for it.
        write_predictions (`Callable`): From examples, features, the output of `Trainer.predict` and a directory.
        words (`Callable`): From examples and a tokenizer, their words, for static word vectors.
        reduce_logits (`Callable`, *optional*): Trainer's `preprocess_logits_for_metrics`.
        begin (`Callable`, *optional*): From a model that is to be trained, the names of its weights that are new and
            the training examples: sets what the new weights begin with.
    """

    auto_class: Any
    metric: str
    config_fields: dict[str, Any]
    elmo_fields: dict[str, Any]
    features: Callable[[list[Any], Any, bool], list[dict[str, Any]]]
    collator: Callable[[Any], Any]
    metrics: Callable[[list[Any], list[dict[str, Any]]], Callable[[EvalPrediction], dict[str, float]]]
    write_predictions: Callable[[list[Any], list[dict[str, Any]], Any, Path], None]
    words: Callable[[list[Any], Any], Iterable[str]]
    reduce_logits: Callable[..., Any] | None = None
    begin: Callable[[Any, set[str], list[Any]], None] | None = None


@dataclass
class Splits:
    """The examples of each part of the data; empty where there is none."""

    train: list[Any] = field(default_factory=list)
    validation: list[Any] = field(default_factory=list)
    test: list[Any] = field(default_factory=list)


def parse_arguments(types: Sequence[type], arguments: Sequence[str] | None) -> tuple[Any, ...]:
    """Reads the arguments of a script, or of the one JSON file that is given in their place."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = HfArgumentParser(types)  # type: ignore[arg-type]
    if len(arguments) == 1 and arguments[0].endswith(".json"):
        if not Path(arguments[0]).is_file():
            raise InputError(f"{arguments[0]}: no such file")
        try:
            values = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
            if not isinstance(values, dict):
                raise InputError(f"expected an object with arguments by name, found {str(values)[:60]}")
            return parser.parse_dict(values)
        except (json.JSONDecodeError, TypeError, KeyError) as error:
            raise InputError(f"{arguments[0]}: not a JSON file of arguments: {error}") from error
        except ValueError as error:
            raise InputError(f"{arguments[0]}: {error}") from error
    try:
        return parser.parse_args_into_dataclasses(arguments)
    except InputError:
        raise
    except ValueError as error:
        # Of `TrainingArguments`, about values that do not go together.
        raise InputError(_first_line(error)) from error


def read_splits(
    data: DataArguments,
    training: FineTuningArguments,
    read: Callable[[str], list[Any]],
    unit: Callable[[Any], Any] | None = None,
) -> tuple[Splits, list[Any]]:
    """Reads the files that were named, and holds out what was asked for.

    Args:
        data ([`DataArguments`]): Which files, and how much of them.
        training ([`FineTuningArguments`]): What is to be done with them.
        read (`Callable`): Reads a file.
        unit (`Callable`, *optional*): What of an example stays together with others, such as its paragraph.

    Returns:
        The parts, and all examples of the training file, which say which labels there are.

    Raises:
        [`InputError`]: If a file is needed and not named.
    """
    if not (training.do_train or training.evaluates or training.do_predict):
        raise InputError("nothing to do: expected one or several of --do_train, --do_eval and --do_predict")
    if training.do_train and data.train_file is None:
        raise InputError("train_file: --do_train needs a file to train on, found none")
    splits, everything = Splits(), []
    if data.train_file is not None:
        everything = read(data.train_file)
        splits.train = everything
        if data.test_file is None and data.test_fraction:
            splits.train, splits.test = hold_out(splits.train, data.test_fraction, data.split_seed, unit)
        if data.validation_file is None and data.validation_fraction:
            splits.train, splits.validation = hold_out(
                splits.train, data.validation_fraction, data.split_seed + 1, unit
            )
        splits.train = take_fraction(splits.train, data.train_fraction, data.split_seed)
    if data.validation_file is not None:
        splits.validation = read(data.validation_file)
    if data.test_file is not None:
        splits.test = read(data.test_file)
    if training.do_predict and not splits.test:
        raise InputError("test_file: --do_predict needs a test_file or a test_fraction, found neither")
    if training.evaluates and not training.do_train and not splits.validation:
        raise InputError("validation_file: --do_eval needs data to evaluate on, found none")
    if data.max_eval_samples is not None:
        for part in (splits.validation, splits.test):
            part[:] = (
                take_fraction(part, min(1.0, data.max_eval_samples / max(1, len(part))), data.split_seed)
                if part
                else []
            )
    return splits, everything


def label_names(labels: Iterable[str], first: str = "O") -> list[str]:
    """Returns the distinct labels: numbers in their order, names in that of the alphabet, `first` before all others."""
    distinct = set(labels)
    if all(label.lstrip("-").isdigit() for label in distinct):
        return sorted(distinct, key=int)
    return sorted(distinct, key=lambda label: (label != first, label))


def label_fields(names: Sequence[str]) -> dict[str, Any]:
    """Returns what a config says about labels."""
    return {"id2label": dict(enumerate(names)), "label2id": {name: id for id, name in enumerate(names)}}


def label_id(ids: Mapping[str, int], label: str, place: str) -> int:
    """Returns the number of a label. Raises [`InputError`] for a label that is new."""
    if label not in ids:
        known = ", ".join(list(ids)[:12]) + (", ..." if len(ids) > 12 else "")
        raise InputError(f"{place}: expected a label of the training data ({known}), found {label!r}; see label_list")
    return ids[label]


def load_tokenizer(arguments: PretrainedArguments, model_type: str) -> Any:
    """Loads the tokenizer. Raises [`InputError`] if there is none, or none that knows which character a token is of."""
    name = arguments.tokenizer_name or arguments.model_name_or_path
    options = {"add_prefix_space": True} if model_type in SPACE_IN_TOKENS else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=arguments.trust_remote_code, **options)
    except (OSError, ValueError) as error:
        raise InputError(f"model_name_or_path: no tokenizer in {name}: {_first_line(error)}") from error
    if not tokenizer.is_fast:
        raise InputError(f"model_name_or_path: expected a fast tokenizer, found {type(tokenizer).__name__}")
    return tokenizer


def load_config(arguments: PretrainedArguments, **kwargs: Any) -> PreTrainedConfig:
    """Loads a config. Raises [`InputError`] if there is none, or if fields do not go together."""
    name = arguments.model_name_or_path
    try:
        return AutoConfig.from_pretrained(name, trust_remote_code=arguments.trust_remote_code, **kwargs)
    except (OSError, ValueError, StrictDataclassError) as error:
        raise InputError(f"model_name_or_path: {name}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    # Errors of configs name the check that failed, and the cause on the line after.
    parts = [part.strip() for part in str(error).splitlines() if part.strip()]
    return " ".join(parts[:2]) if parts else type(error).__name__


def max_length_of(tokenizer: Any, asked: int | None) -> int | None:
    """Returns how many tokens a text may have; `None` for any number, which is what ELMo reads."""
    known = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else None
    if asked is None or known is None:
        return asked or known
    return min(asked, known)


class ExperimentTrainer(Trainer):
    """`Trainer` that logs the shares of ELMo's layers (softmax of the mix weights) beside the loss, counts questions as
    it counts labels, and evaluates examples in their order, whatever the order of training."""

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        super().log({**logs, **shares_of(self.accelerator.unwrap_model(self.model))}, *args, **kwargs)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        # The base class counts `labels`, and answers to questions are none. Of the models that might be told how many
        # questions a step has, only an ELMo is known to divide by them.
        if self.model.config.model_type == "elmo":
            batch_samples = [
                {"labels": batch["start_positions"].clamp(min=0), **batch} if "start_positions" in batch else batch
                for batch in batch_samples
            ]
        return super()._get_num_items_in_batch(batch_samples, device)

    def _get_eval_sampler(self, eval_dataset: Any) -> SequentialSampler | None:
        # The base class groups by length in evaluation as it does in training; predictions are told apart by place.
        return None if eval_dataset is None else SequentialSampler(eval_dataset)


def shares_of(model: Any) -> dict[str, float]:
    """Returns the share of each layer in the mixes that a task model uses and trains; nothing for other models."""
    config = model.config
    if config.model_type != "elmo":
        return {}
    mixes = model.elmo.scalar_mixes[: config.elmo_at_input + config.elmo_at_output]
    return {
        f"{MIX_SHARE}_{number}_{layer}": share
        for number, mix in enumerate(mixes)
        if mix.fixed_weight is None
        for layer, share in enumerate(mix.weight.detach().float().softmax(dim=0).tolist())
    }


def run_experiment(
    task: Task, model: ModelArguments, data: DataArguments, training: FineTuningArguments, splits: Splits
) -> dict[str, Any]:
    """Runs a task under one seed, or under each of several.

    Args:
        task ([`Task`]): What the script brings.
        model ([`ModelArguments`]): Which model.
        data ([`DataArguments`]): Which files the examples are of.
        training ([`FineTuningArguments`]): How to train, and what to do.
        splits ([`Splits`]): The examples.

    Returns:
        What `all_results.json` holds. Of several seeds, the mean of every number, its sample standard deviation under
        the name with `_std`, and the numbers under the name with `_values`.

    Raises:
        [`InputError`]: If the model, the arguments or the data are not as expected.
    """
    if not splits.validation:
        training.eval_strategy, training.load_best_model_at_end = "no", False
    if not training.names_metric:
        training.metric_for_best_model, training.greater_is_better = task.metric, True
    if training.seeds:
        results = _run_seeds(task, model, training, splits, used_arguments(task, model, data, training))
    else:
        results = _run_seed(task, model, training, splits)
    leave_process_group()
    return results


def used_arguments(
    task: Task, model: ModelArguments, data: DataArguments, training: FineTuningArguments
) -> dict[str, Any]:
    """Returns what the results of a run depend on: its arguments, and what the script adds to them."""
    given = {**asdict(model), **asdict(data), **training.to_dict()}
    used = {
        name: value
        for name, value in given.items()
        if name not in INDIFFERENT and not name.startswith(INDIFFERENT_PREFIXES)
    }
    # The runs tell their seeds apart by directory.
    del used["seed"]
    used |= {"metric": task.metric, "config_fields": task.config_fields, "elmo_fields": task.elmo_fields}
    # As they are once written: keys are strings, tuples are lists.
    return json.loads(json.dumps(used, default=str))


def check_same_arguments(stored: Mapping[str, Any], used: Mapping[str, Any], path: Path) -> None:
    """Raises [`InputError`] if results depend on other arguments than those stored with them.

    Names that only one side has are those of another version of the scripts, or of transformers: not compared.
    """
    for name in used:
        if name in stored and stored[name] != used[name]:
            expected, found = (f"{json.dumps(each[name], ensure_ascii=False):.300}" for each in (stored, used))
            raise InputError(
                f"{name}: expected {expected}, as in {path}, found {found}: can't go on with a run that has other "
                "arguments; name another output_dir"
            )


def _run_seeds(
    task: Task, model: ModelArguments, training: FineTuningArguments, splits: Splits, used: dict[str, Any]
) -> dict[str, Any]:
    if training.resume_from_checkpoint not in (None, "true"):
        raise InputError("resume_from_checkpoint: with several seeds, expected true (the last of each), found a path")
    _checkpoint(training)
    runs = [copy.copy(training) for _ in training.seeds]
    for seed, run in zip(training.seeds, runs):
        run.seed, run.output_dir = seed, str(Path(training.output_dir, f"seed-{seed}"))
    # Of all, before the first one trains: what is wrong with the last would be told hours later.
    finished = [_finished_results(run, used) for run in runs]
    results = []
    for run, done in zip(runs, finished):
        if done is None:
            if training.process_index == 0:
                write_json(Path(run.output_dir, USED_ARGUMENTS), used)
            done = _run_seed(task, model, run, splits)
        results.append(done)
    summary = {"seeds": training.seeds, **spread(results)}
    if training.process_index == 0:
        write_json(Path(training.output_dir, RESULTS), summary)
    return summary


def _finished_results(run: FineTuningArguments, used: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the results of a seed if it has some and they are to be kept.

    Raises [`InputError`] if the directory of the seed holds a run with other arguments, or one that is not to go on.
    """
    checkpoint = _checkpoint(run)
    results, stored = Path(run.output_dir, RESULTS), Path(run.output_dir, USED_ARGUMENTS)
    is_finished = run.resume_from_checkpoint is not None and results.is_file()
    # Runs of earlier versions of this script left no arguments: they are taken as they are.
    if (is_finished or checkpoint is not None) and stored.is_file():
        check_same_arguments(read_json(stored), used, stored)
    return read_json(results) if is_finished else None


def _run_seed(
    task: Task, model_arguments: ModelArguments, training: FineTuningArguments, splits: Splits
) -> dict[str, Any]:
    checkpoint = _checkpoint(training)
    set_seed(training.seed)
    tokenizer, model, results = _load(task, model_arguments, splits, training.do_train)
    if training.label_smoothing_factor and model.config.model_type == "elmo":
        # `Trainer` smooths a loss of its own, and takes the labels from the model.
        found = training.label_smoothing_factor
        raise InputError(
            "label_smoothing_factor: expected 0 for an ELMo, whose loss (of a random field, and of the mix weights) it "
            f"would replace, found {found:g}"
        )
    features = {
        "train": task.features(splits.train, tokenizer, True) if training.do_train else [],
        "validation": task.features(splits.validation, tokenizer, False),
        "test": task.features(splits.test, tokenizer, False) if training.do_predict else [],
    }
    is_watched = training.do_train and features["validation"] and training.eval_strategy != "no"
    patience = training.early_stopping_patience if is_watched else 0
    trainer = ExperimentTrainer(
        model=model,
        args=training,
        train_dataset=features["train"] or None,
        eval_dataset=features["validation"] or None,
        data_collator=task.collator(tokenizer),
        processing_class=tokenizer,
        compute_metrics=task.metrics(splits.validation, features["validation"]),
        preprocess_logits_for_metrics=task.reduce_logits,
        callbacks=[EarlyStoppingCallback(patience)] if patience else [],
    )
    directory = Path(training.output_dir)
    if training.do_train:
        outcome = trainer.train(resume_from_checkpoint=checkpoint)
        trainer.save_model()
        trainer.save_state()
        results |= {"seed": training.seed, "train_samples": len(splits.train), "epoch": trainer.state.epoch}
        results |= {name: value for name, value in outcome.metrics.items() if name.startswith("train_")}
        results |= {f"final_{name}": value for name, value in shares_of(model).items()}
        if trainer.is_world_process_zero():
            metric = training.metric_for_best_model.removeprefix("eval_")
            picture = directory / "learning_curves.png"
            plot_learning_curves(trainer.state.log_history, metric, bool(training.greater_is_better), picture)
            if mix_shares(trainer.state.log_history):
                places = model.config.elmo_at_input, model.config.elmo_at_output
                names = [name for name, used in zip(("input", "output"), places) if used]
                plot_mix_weights(trainer.state.log_history, shares_of(model), names, directory / "mix_weights.png")
    if features["validation"] and (training.evaluates or training.do_train):
        results |= trainer.evaluate()
    if training.do_predict:
        trainer.compute_metrics = task.metrics(splits.test, features["test"])
        output = trainer.predict(features["test"], metric_key_prefix="test")
        results |= output.metrics
        if trainer.is_world_process_zero():
            directory.mkdir(parents=True, exist_ok=True)
            task.write_predictions(splits.test, features["test"], output, directory)
    if trainer.is_world_process_zero():
        write_json(directory / RESULTS, results)
    return results


def _checkpoint(training: FineTuningArguments) -> str | None:
    """Returns where to go on from. Raises [`InputError`] if there is nothing, or a run would be overwritten."""
    directory, asked = Path(training.output_dir), training.resume_from_checkpoint
    if not training.do_train:
        return None
    found = checkpoints(directory)
    if asked is None:
        if found or (directory / RESULTS).exists():
            left = "checkpoints" if found else RESULTS
            raise InputError(
                f"output_dir: {directory} has {left} of another run; go on with --resume_from_checkpoint true, or "
                "name another directory"
            )
        return None
    if asked == "true":
        # One that was stopped before its first checkpoint starts anew, as do the seeds after it.
        return next((str(path) for path in reversed(found) if _is_complete(path)), None)
    if not _is_complete(Path(asked)):
        raise InputError(f"resume_from_checkpoint: {asked}: expected a checkpoint of this script, found none")
    return asked


def _is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint has weights, and the state of training, which `Trainer` writes after all else."""
    try:
        json.loads((checkpoint / TRAINER_STATE_NAME).read_bytes())
    except (OSError, ValueError):
        return False
    weights = SAFE_WEIGHTS_NAME, SAFE_WEIGHTS_INDEX_NAME, WEIGHTS_NAME, WEIGHTS_INDEX_NAME
    return any((checkpoint / name).is_file() for name in weights)


def _load(task: Task, arguments: ModelArguments, splits: Splits, is_new: bool) -> tuple[Any, Any, dict[str, Any]]:
    """Returns tokenizer, model, and what is worth reporting about them."""
    config = load_config(arguments)
    tokenizer = load_tokenizer(arguments, config.model_type)
    is_elmo = config.model_type == "elmo"
    if not is_elmo and arguments.asked_of_elmo_only():
        names = ", ".join(arguments.asked_of_elmo_only())
        raise InputError(f"{names}: for ELMo models only, found a model of the type {config.model_type}")
    wanted = dict(task.config_fields) if is_new else {}
    found: dict[str, Any] = {}
    matrix = None
    if is_elmo:
        wanted |= arguments.elmo_fields(config.num_hidden_layers)
        if is_new:
            wanted |= task.elmo_fields
            if arguments.word_vectors is not None or arguments.word_vector_size:
                tokenizer = _with_vocabulary(tokenizer, config, task, splits)
                wanted |= {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
            if arguments.word_vectors is not None:
                matrix, counts = _word_vectors(arguments.word_vectors, tokenizer)
                wanted["word_vector_size"] = matrix.shape[1]
                found = {f"word_vector_{name}": value for name, value in vars(counts).items()}
        if arguments.elmo_at in ("none", "output") and not wanted.get("word_vector_size", config.word_vector_size):
            raise InputError(
                "elmo_at: a task model needs an input: expected --word_vectors or --word_vector_size with --elmo_at "
                f"{arguments.elmo_at}, found neither"
            )
    config = load_config(arguments, **wanted)
    try:
        model, loading = task.auto_class.from_pretrained(
            arguments.model_name_or_path,
            config=config,
            trust_remote_code=arguments.trust_remote_code,
            output_loading_info=True,
        )
    except RuntimeError as error:
        if "ignore_mismatched_sizes" not in str(error):
            raise
        raise InputError(
            f"model_name_or_path: {arguments.model_name_or_path}: weights of other sizes than the arguments and the "
            "labels of the training data ask for; begin with a model that has no head yet"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"model_name_or_path: {arguments.model_name_or_path}: {_first_line(error)}") from error
    if is_new and task.begin is not None:
        task.begin(model, set(loading["missing_keys"]), splits.train)
    if matrix is not None:
        model.set_word_vectors(matrix)
    if is_elmo and config.freeze_bilm:
        model.elmo.cache_texts(int(arguments.text_cache_gb * 10**9))
        if config.token_input == "characters":
            model.elmo.cache_vocabulary(max_new_words=REMEMBERED_WORDS)
    if not is_elmo and arguments.freeze:
        model.base_model.requires_grad_(False)
    return tokenizer, model, found


def _with_vocabulary(tokenizer: Any, config: PreTrainedConfig, task: Task, splits: Splits) -> Any:
    """Returns a tokenizer that tells words apart, as static word vectors need it.

    A model that reads characters may have come without a vocabulary, and has no weights that depend on one: it gets the
    words of the data.
    """
    num_words = len(tokenizer) - len(set(tokenizer.all_special_ids))
    if num_words or not isinstance(tokenizer, ElmoTokenizer) or config.token_input == "words":
        return tokenizer
    examples = [*splits.train, *splits.validation, *splits.test]
    special = tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token
    reserved = {"", *tokenizer.all_special_tokens}
    words = [word for word in dict.fromkeys(task.words(examples, tokenizer)) if word not in reserved]
    size = tokenizer.max_characters_per_token
    return ElmoTokenizer(vocab=[*special, *words], max_characters_per_token=size)


def _word_vectors(path: str, tokenizer: Any) -> tuple[torch.Tensor, Any]:
    try:
        return load_word_vectors(path, tokenizer)
    except OSError as error:
        # No such file, or a directory.
        raise InputError(f"word_vectors: {path}: expected a file of word vectors, found: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"word_vectors: {error}") from error


def spread(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the mean of each number over runs, its sample standard deviation (`_std`) and the numbers (`_values`)."""
    summary: dict[str, Any] = {}
    for name in results[0]:
        numbers = [result.get(name) for result in results]
        if name != "seed" and all(type(number) in (int, float) for number in numbers):
            summary[name] = float(np.mean(numbers))
            summary[f"{name}_std"] = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0
            summary[f"{name}_values"] = numbers
    return summary


def write_json(path: Path, values: Any) -> None:
    """Writes a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Reads an object that [`write_json`] wrote. Raises [`InputError`] if the file holds something else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a JSON file of this script, found: {error}; delete it to go on") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a JSON file of this script, found {values!r:.60}; delete it to go on")
    return values


def print_results(results: Mapping[str, Any]) -> None:
    """Prints the numbers of a run, one a line."""
    for name, value in results.items():
        if type(value) in (int, float):
            print(f"{name:<40}{value:>14,.4f}" if isinstance(value, float) else f"{name:<40}{value:>14,}")
