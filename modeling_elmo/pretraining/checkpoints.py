# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The checkpoints of a training run: their names, the state of the rows, and the settings that must match to resume."""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..files.model_directory import VOLATILE_FIELDS
from ..model.configuration_elmo import ElmoConfig
from ..model.loading_checks import abbreviated
from ..model.tokenization_elmo import ElmoTokenizer
from .corpus import Corpus
from .settings import PretrainingSettings
from .windows import StreamPosition


CHECKPOINT = re.compile(r"checkpoint-(\d+)")
INCOMPLETE = ".incomplete"
LOCK = ".lock"

SETTINGS_FILE = "pretraining.json"
ROWS_FILE = "pretraining_rows_{}.pt"

# What is the same in all processes.
SHARED_NUMBERS = ("num_windows", "num_words", "num_losses", "last_logged")


@dataclass
class RowsState:
    """What a run carries from step to step besides weights and the optimizer: the state of this process's rows."""

    positions: tuple[StreamPosition, StreamPosition]  # Forward and backward.
    losses: torch.Tensor  # `(2,)` float64: sums of the forward and backward losses since the last report.
    lstm_state: tuple[torch.Tensor, torch.Tensor] | None = None  # After the last window.
    num_windows: int = 0  # So far.
    num_words: int = 0  # So far, over all processes, including one boundary per sentence.
    num_losses: int = 0  # How many losses are summed.
    trainer_loss: float = 0.0  # `Trainer`'s sum of losses.
    last_logged: int = 0  # The step of its last report.

    @classmethod
    def start(cls, num_rows: int, device: torch.device) -> "RowsState":
        """Returns the state before the first step."""
        positions = StreamPosition.start(num_rows), StreamPosition.start(num_rows)
        return cls(positions, torch.zeros(2, dtype=torch.float64, device=device))

    def save(self, checkpoint: Path, process: int, first_row: int) -> None:
        """Writes the file of one process."""
        content = {
            "first_row": first_row,
            "positions": [
                {"taken": torch.from_numpy(each.taken_R), "used": torch.from_numpy(each.used_R), "counts": each.counts}
                for each in self.positions
            ],
            "state": None if self.lstm_state is None else tuple(tensor.cpu() for tensor in self.lstm_state),
            "losses": self.losses.cpu(),
        }
        numbers = {name: getattr(self, name) for name in (*SHARED_NUMBERS, "trainer_loss")}
        torch.save(content | numbers, checkpoint / ROWS_FILE.format(process))

    @classmethod
    def load(cls, checkpoint: Path, rows: range, batch_size: int, device: torch.device) -> "RowsState":
        """Reads the state of some rows, whatever the number of processes that wrote the checkpoint. Raises
        `ValueError` if the files don't have the states of exactly `batch_size` rows."""
        parts: list[dict[str, Any]] = []
        while (path := checkpoint / ROWS_FILE.format(len(parts))).is_file():
            parts.append(torch.load(path, map_location="cpu", weights_only=True))
        sizes = [len(part["positions"][0]["taken"]) for part in parts]
        found = [part["first_row"] + index for part, size in zip(parts, sizes) for index in range(size)]
        if found != list(range(batch_size)):
            raise ValueError(f"expected the states of {batch_size} rows, found those of {len(found)}")
        own = slice(rows.start, rows.stop)
        positions = []
        for pieces in zip(*(part["positions"] for part in parts)):
            taken, used = (torch.cat([piece[name] for piece in pieces])[own].clone() for name in ("taken", "used"))
            counts = {block: count for piece in pieces for block, count in piece["counts"].items()}
            positions.append(StreamPosition(taken.numpy(), used.numpy(), counts))
        lstm_state = None
        if parts[0]["state"] is not None:
            hidden, cell = (torch.cat(tensors, dim=1)[:, own] for tensors in zip(*(part["state"] for part in parts)))
            lstm_state = hidden.to(device), cell.to(device)
        losses = torch.stack([part["losses"] for part in parts]).mean(0).to(device)
        trainer_loss = sum(part["trainer_loss"] for part in parts) / len(parts)
        numbers = {name: parts[0][name] for name in SHARED_NUMBERS}
        return cls((positions[0], positions[1]), losses, lstm_state, trainer_loss=trainer_loss, **numbers)


def checkpoint_settings(
    settings: PretrainingSettings,
    config: ElmoConfig,
    tokenizer: ElmoTokenizer,
    corpus: Corpus,
    epoch_size: int | None = None,
) -> dict[str, Any]:
    """Returns the settings that must match to resume, as they are in the checkpoint's `pretraining.json`."""
    vocabulary = hashlib.sha256("\n".join(tokenizer.get_words()).encode()).hexdigest()
    fields = {name: value for name, value in config.to_dict().items() if name not in (*VOLATILE_FIELDS, "dtype")}
    return {
        **asdict(settings),
        "vocabulary": vocabulary,
        "splitting": tokenizer.splitting_hash() if settings.is_raw else "white space",
        "text": [os.path.basename(name) for name in corpus.names],
        "text_bytes": corpus.sizes,
        # The values that JSON returns: lists for tuples.
        "model": json.loads(json.dumps(fields)),
        "epoch_size": epoch_size,
    }


def read_settings(checkpoint: Path) -> dict[str, Any]:
    """Returns the content of a checkpoint's `pretraining.json`. Raises `ValueError` if it can't be read."""
    try:
        settings: dict[str, Any] = json.loads((checkpoint / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{checkpoint}: not a checkpoint of this command ({error})") from error
    return settings


def check_settings(checkpoint: Path, settings: dict[str, Any]) -> None:
    """Raises `ValueError`, naming the differences, if a checkpoint was made with other settings."""
    saved = read_settings(checkpoint)
    free = {"model", "epoch_size"}
    # Checkpoints of earlier versions do not have them.
    free |= {"text_bytes", "splitting"} - saved.keys()
    # At a constant learning rate, a run can be made longer.
    if settings["optimizer"] == "adagrad":
        free.add("max_steps")
    compared = [(name, saved.get(name), value) for name, value in settings.items() if name not in free]
    old_fields, fields = saved.get("model", {}), settings["model"]
    compared += [(name, old_fields.get(name), fields.get(name)) for name in sorted({*old_fields, *fields})]
    differing = [(name, abbreviated(old), abbreviated(new)) for name, old, new in compared if old != new]
    if differing:
        described = "; ".join(f"{name}={old}, found {new}" for name, old, new in differing)
        message = f"made with {described}. Resume with the same settings, or use another directory"
        raise ValueError(f"{checkpoint}: {message}")


def checkpoints(output_dir: Path) -> list[Path]:
    """Returns the checkpoints in a directory, oldest first."""
    found = [(int(match[1]), path) for path in output_dir.glob("*") if (match := CHECKPOINT.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def find_checkpoint(output_dir: Path, resume: bool) -> Path | None:
    """Returns the checkpoint to resume from, or None for a new run. Raises `ValueError` if the directory holds
    something else, or if it holds checkpoints and `resume` is False."""
    names = sorted(os.listdir(output_dir)) if output_dir.exists() else []
    found = checkpoints(output_dir)
    if found and not resume:
        raise ValueError(
            f"{output_dir}: --no-resume requires a directory without checkpoints, found {found[-1].name}; delete them "
            f"or choose another directory"
        )
    others = [name for name in names if name not in (INCOMPLETE, LOCK)]
    if others and not found:
        raise ValueError(f"{output_dir}: expected an empty directory, or one with checkpoints, found {others[0]}")
    return found[-1] if found else None
