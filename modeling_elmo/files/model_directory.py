# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Model directories."""

import os
from pathlib import Path

import torch


# Of a config, what no number depends on.
VOLATILE_FIELDS = ("transformers_version", "architectures", "auto_map", "_name_or_path", "training_options")


def local_accelerator() -> torch.device:
    """Returns the accelerator of this process: with several processes on a machine, each has one."""
    device = torch.accelerator.current_accelerator()
    assert device is not None
    number = int(os.environ.get("LOCAL_RANK", "0")) % torch.accelerator.device_count()
    return torch.device(device.type, number)


def model_directory(path: Path) -> Path:
    """Returns a directory that holds a model.

    Raises:
        `ValueError`: If it holds none.
    """
    if not (path / "config.json").is_file():
        raise ValueError(f"{path}: expected a model directory, found no config.json in it")
    return path
