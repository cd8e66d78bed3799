# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The data of the scripts `run_*.py`: lines of files, parts that are held out, samples, labels."""

import math
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path

from datasets import Dataset

from arguments import DataArguments, FineTuningArguments
from modeling_elmo.files.text import TextLines


def text_lines(path: str, encoding: str) -> Iterator[tuple[str, str]]:
    """Yields `file:line`, for errors, and the line of each line of a text file, which may be compressed."""
    try:
        for number, line in enumerate(TextLines(path, encoding=encoding), start=1):
            yield f"{Path(path).name}:{number}", line
    except ValueError as error:
        if isinstance(error.__cause__, (UnicodeError, LookupError)):
            raise ValueError(f"{path}: can't be read as {encoding}: {error}; see --encoding") from error
        raise


def load_splits(
    data: DataArguments,
    training: FineTuningArguments,
    read: Callable[[str], Dataset],
    unit: str | None = None,
) -> tuple[dict[str, Dataset], Dataset]:
    """Reads the files and holds out a part of the training data where a file is missing.

    Args:
        data ([`DataArguments`]): Which files to read, and how much of them to use.
        training ([`FineTuningArguments`]): What to do with them.
        read (`Callable`): Reads a file.
        unit (`str`, *optional*): A column: examples with the same value stay in the same part.

    Returns:
        The parts `train`, `validation` and `test`, empty where there is no data, and the whole training file.

    Raises:
        `ValueError`: If a required file is missing.
    """
    if not (training.do_train or training.evaluates or training.do_predict):
        raise ValueError("nothing to do: pass --do_train, --do_eval or --do_predict")
    if training.do_train and data.train_file is None:
        raise ValueError("--do_train requires --train_file")
    train = whole = Dataset.from_list([]) if data.train_file is None else read(data.train_file)
    parts = {"train": train, "validation": Dataset.from_list([]), "test": Dataset.from_list([])}
    for name, seed in (("test", data.split_seed), ("validation", data.split_seed + 1)):
        file, fraction = getattr(data, f"{name}_file"), getattr(data, f"{name}_fraction")
        if file is not None:
            parts[name] = read(file)
        elif fraction and data.train_file is not None:
            train = parts["train"]
            kept, held_out = hold_out(range(len(train)) if unit is None else list(train[unit]), fraction, seed)
            parts["train"], parts[name] = train.select(kept), train.select(held_out)
        if data.max_eval_samples is not None and len(parts[name]):
            wanted = min(1.0, data.max_eval_samples / len(parts[name]))
            parts[name] = parts[name].select(sample(len(parts[name]), wanted, data.split_seed))
    if data.train_file is not None:
        parts["train"] = parts["train"].select(sample(len(parts["train"]), data.train_fraction, data.split_seed))
    if training.do_predict and not len(parts["test"]):
        raise ValueError("--do_predict requires --test_file or --test_fraction")
    if training.evaluates and not training.do_train and not len(parts["validation"]):
        raise ValueError("--do_eval requires --validation_file")
    return parts, whole


def hold_out(units: Sequence[Hashable], fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Divides examples at random. Those of equal units stay together.

    Returns:
        The indices to keep and those held out: `fraction` of the distinct units, at least one.
    """
    distinct = list(dict.fromkeys(units))
    number = max(1, round(fraction * len(distinct)))
    if number >= len(distinct):
        raise ValueError(f"can't hold out {fraction:g} of {len(distinct)} examples: none would remain")
    chosen = set(random.Random(seed).sample(distinct, number))
    indices = range(len(units))
    return [index for index in indices if units[index] not in chosen], [i for i in indices if units[i] in chosen]


def sample(num_examples: int, fraction: float, seed: int) -> list[int]:
    """Returns the indices of a random sample of at least one. With one seed, a smaller sample is part of a larger."""
    order = list(range(num_examples))
    random.Random(seed).shuffle(order)
    return sorted(order[: max(1, round(fraction * num_examples))])


def label_names(labels: Iterable[str]) -> list[str]:
    """Returns the distinct labels in order: numbers by value, names by the alphabet with `O` first."""
    distinct = set(labels)
    if all(is_number(label) for label in distinct):
        return sorted(distinct, key=float)
    return sorted(distinct, key=lambda label: (label != "O", label))


def is_number(text: str) -> bool:
    """Returns whether a text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def label_fields(names: Sequence[str]) -> dict[str, dict]:
    """Returns the fields of a config that name labels."""
    return {"id2label": dict(enumerate(names)), "label2id": {name: id for id, name in enumerate(names)}}


def check_labels(parts: dict[str, Iterable[str]], names: Sequence[str]) -> None:
    """Raises `ValueError` if a part of the data has a label that the model lacks."""
    for part, labels in parts.items():
        for label in labels:
            if label not in names:
                known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
                raise ValueError(f"{part} data: expected a label of {known}, found {label!r}; see --label_list")
