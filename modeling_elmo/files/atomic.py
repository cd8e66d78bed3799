# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are on the disk before they have their names, so that no half of one is ever taken for a whole."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout


def flush(path: Path) -> None:
    """Returns when a file, or the names in a directory, are on the disk."""
    # Windows has no descriptors of directories.
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def complete_directory(work: Path, path: Path) -> None:
    """Gives a directory its name once what it holds is on the disk."""
    for file in work.rglob("*"):
        if file.is_file():
            flush(file)
    flush(work)
    work.rename(path)
    flush(path.parent)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    temporary = path.with_name(f"{path.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    flush(temporary)
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


LOCK = ".lock"


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
