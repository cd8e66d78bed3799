# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
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
