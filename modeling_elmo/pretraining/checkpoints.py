# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory that a training writes to: its checkpoints, and that no half of one is ever taken for a whole.

What is in a checkpoint is `pretraining.py`'s; here are names and locks.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..model.configuration_elmo import ElmoConfig
from ..model.loading_checks import abbreviated
from ..model.tokenization_elmo import ElmoTokenizer
from .corpus import Corpus
from .settings import SETTINGS_FILE, PretrainingSettings


def checkpoint_settings(
    settings: PretrainingSettings,
    config: ElmoConfig,
    tokenizer: ElmoTokenizer,
    corpus: Corpus,
    epoch_size: int | None = None,
) -> dict[str, Any]:
    """Returns what a training that goes on from a checkpoint must agree with, as it stands in the checkpoint."""
    vocabulary = hashlib.sha256("\n".join(tokenizer.get_words()).encode()).hexdigest()
    fields = {**config.to_dict()}
    for name in ("transformers_version", "architectures", "dtype", "auto_map", "_name_or_path", "training_options"):
        fields.pop(name, None)
    # As JSON gives it back.
    model = json.loads(json.dumps(fields))
    return {
        **asdict(settings),
        "vocabulary": vocabulary,
        "text": [os.path.basename(name) for name in corpus.names],
        "model": model,
        "epoch_size": epoch_size,
    }


def check_settings(checkpoint: Path, settings: dict[str, Any]) -> None:
    """Raises `ValueError` if a checkpoint was made with other settings, naming them."""
    try:
        saved = json.loads((checkpoint / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{checkpoint}: not a checkpoint of this command ({error})") from error
    # A training that began in float32 may go on in bfloat16, and back: what is kept is float32.
    free = {"epoch_size", "bf16"}
    # At a constant learning rate, a training may be made longer.
    if settings["optimizer"] == "adagrad":
        free.add("max_steps")
    differing = []
    for name, value in settings.items():
        if name == "model" and isinstance(saved.get("model"), dict):
            old = saved["model"]
            fields = sorted({*old, *value})
            differing += [(field, old.get(field), value.get(field)) for field in fields]
        elif name not in free:
            differing.append((name, saved.get(name), value))
    differing = [(name, old, new) for name, old, new in differing if old != new]
    if differing:
        described = "; ".join(f"{name}={abbreviated(old)}, found {abbreviated(new)}" for name, old, new in differing)
        raise ValueError(
            f"{checkpoint}: made with {described}. A training goes on with the settings that it began with; "
            f"another one needs another directory"
        )


CHECKPOINT = re.compile(r"checkpoint-(\d+)")
INCOMPLETE = ".incomplete"
LOCK = ".lock"


def checkpoints(output_dir: Path) -> list[Path]:
    """Returns the checkpoints of a training, oldest first."""
    if not output_dir.is_dir():
        return []
    found = [(int(match[1]), path) for path in output_dir.iterdir() if (match := CHECKPOINT.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def prepare_output(output_dir: Path, resume: bool) -> Path | None:
    """Returns the checkpoint that a training goes on from, after taking left-overs away; None if it begins.

    Raises:
        `ValueError`: If the directory holds something else, or checkpoints although `resume` is False.
    """
    if output_dir.exists() and not output_dir.is_dir():
        raise ValueError(f"{output_dir}: expected a directory to write to, found a file")
    found = checkpoints(output_dir)
    if found and not resume:
        raise ValueError(
            f"{output_dir}: it holds {found[-1].name}, which --no-resume would mix with another training; name another "
            f"directory, or delete its checkpoints"
        )
    others = [path.name for path in output_dir.iterdir()] if output_dir.is_dir() else []
    others = sorted(name for name in others if name not in (INCOMPLETE, LOCK) and not CHECKPOINT.fullmatch(name))
    if others and not found:
        raise ValueError(f"{output_dir}: expected an empty directory, or one with checkpoints, found {others[0]}")
    return found[-1] if found else None
