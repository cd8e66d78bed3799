# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Checking and loading model directories."""

import json
import os
import re
from pathlib import Path
from typing import Any

import torch

from .errors import ElmoFormatError, as_format_error


# Config fields that no output depends on.
VOLATILE_FIELDS = ("transformers_version", "architectures", "auto_map", "_name_or_path", "training_options")

# A note in the model card of a model that was trained on lemmas, and what else a card may say.
LEMMAS_NOTE = "This model reads lemmas, so text must be lemmatized first."
LEMMAS = re.compile(r"\breads? lemmas\b|\b(trained on|reads|needs|expects) (lemmas|lemmati[sz]ed)\b", re.IGNORECASE)
MAX_CARD_BYTES = 1_000_000


def local_device() -> torch.device:
    """Returns this process's accelerator, or the CPU. Processes on the same machine use different accelerators."""
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        return torch.device("cpu")
    number = int(os.environ.get("LOCAL_RANK", "0")) % torch.accelerator.device_count()
    return torch.device(device.type, number)


def check_model_directory(path: str | os.PathLike[str]) -> Path:
    """Returns the path of a directory that holds an ELMo model.

    Raises:
        `ElmoFormatError`: If `config.json` is missing, is not JSON, or describes another type of model.
    """
    path = Path(path)
    if not (path / "config.json").is_file():
        raise ElmoFormatError(f"{path}: expected a model directory, found no config.json in it")
    with as_format_error(f"{path}: config.json"):
        config = json.loads((path / "config.json").read_bytes())
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != "elmo":
        raise ElmoFormatError(f"{path}: config.json: expected a model of type 'elmo', found {found!r}")
    return path


def load_model(model_class: Any, path: str | os.PathLike[str], **kwargs: Any) -> tuple[Any, list[str]]:
    """Returns a model of a class and the names of the weights that the files lack. `kwargs` are for `from_pretrained`.

    Raises:
        `ElmoFormatError`: If it is not a model directory, or a file is damaged or does not match the config.
    """
    path = check_model_directory(path)
    with as_format_error(str(path)):
        # Otherwise transformers reports wrong shapes in a table of many lines.
        model, report = model_class.from_pretrained(
            path, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True, **kwargs
        )
    for name, found, expected in sorted(report["mismatched_keys"]):
        raise ElmoFormatError(f"{path}: {name}: expected shape {tuple(expected)}, found {tuple(found)}")
    return model, sorted(report["missing_keys"])


def reads_lemmas(path: str | os.PathLike[str]) -> bool:
    """Returns whether the model card in a directory says that the model reads lemmas."""
    try:
        with open(Path(path) / "README.md", encoding="utf-8", errors="replace") as file:
            return LEMMAS.search(file.read(MAX_CARD_BYTES)) is not None
    except OSError:
        return False
