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
"""The directory that a training writes to: its checkpoints, and that no half of one is ever taken for a whole.

What is in a checkpoint is `pretraining.py`'s; here are names and locks.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


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


@contextmanager
def sole_use(output_dir: Path) -> Iterator[None]:
    """Keeps other trainings out of a directory while entered. One that was killed keeps nobody out.

    Raises:
        `ValueError`: If another training is using it.
    """
    lock = FileLock(output_dir / LOCK, timeout=0)
    try:
        # Some network file systems have no locks.
        with suppress(NotImplementedError):
            lock.acquire()
    except Timeout as error:
        raise ValueError(
            f"{output_dir}: another training is writing to this directory (if none is, delete {LOCK} in it)"
        ) from error
    try:
        yield
    finally:
        # Windows takes no open file away; its lock does so itself.
        with suppress(OSError):
            (output_dir / LOCK).unlink()
        lock.release()
