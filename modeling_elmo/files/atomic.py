# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files and directories that appear complete or not at all, even if the process is killed or the power fails.

Everything is written under a temporary name in the same parent directory, flushed to the disk, and then renamed.
"""

import errno
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import ElmoFormatError


# The ending of a file that is being written. A killed process leaves it behind.
PARTIAL = ".partial"

# What only writing can raise. Libraries often don't say which file they wrote.
WRITE_ERRORS = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS}


def flush(path: Path) -> None:
    """Returns once the content of a file, or the names in a directory, are on the disk."""
    # Windows can't open directories.
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_into_place(new: Path, target: Path) -> None:
    """Gives a file, or a directory and all that is in it, its final name, once it is on the disk.

    A file is replaced in one step. A directory is first put aside and comes back after an error.
    """
    for inner in new.rglob("*"):
        if inner.is_file():
            flush(inner)
    flush(new)
    aside = target.with_name(f".elmo-{secrets.token_hex(4)}.old")
    try:
        if new.is_dir() and target.is_dir():
            target.replace(aside)
        new.replace(target)
        flush(target.parent)
    finally:
        # After any failure, even an interrupt between the two renames: the old directory is deleted only when the new
        # one is in place.
        if aside.exists() and target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        elif aside.exists():
            aside.replace(target)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Adds the name of the output to an error of writing."""
    try:
        yield
    except OSError as error:
        if error.errno not in WRITE_ERRORS:
            raise
        raise OSError(error.errno, os.strerror(error.errno), os.fspath(path)) from error


@contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path to write to. The file gets the name `path` when the block ends without an error.

    Args:
        path (`str` or `os.PathLike`): The file to write or replace. A symbolic link to it stays a link.

    Raises:
        `OSError`: If it can't be written. Whatever was there before is then unchanged.
    """
    target = Path(os.path.realpath(path))
    # Not by `tempfile`, whose files only their owner may read.
    temporary = target.with_name(f".elmo-{secrets.token_hex(4)}{PARTIAL}")
    try:
        with _named(path):
            yield temporary
            move_into_place(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file, complete or not at all."""
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def exclusive_lock(path: Path, used: Path) -> Iterator[None]:
    """Holds the lock file `path` within the block. The lock ends with the process, even if killed.

    Raises:
        `ValueError`: If another process holds it. The message names `used`, what the lock protects.
    """
    lock = FileLock(path, timeout=0)
    try:
        # Some network file systems have no locks.
        with suppress(NotImplementedError):
            lock.acquire()
    except Timeout as error:
        raise ValueError(f"{used}: another run is writing to it; if none is, delete {path}") from error
    try:
        yield
    finally:
        # Windows can't delete an open file; there, releasing the lock deletes it.
        with suppress(OSError):
            path.unlink()
        lock.release()


@contextmanager
def new_directory(path: Path, force: bool = False, sources: Iterable[Path] = ()) -> Iterator[Path]:
    """Yields a temporary directory to write into. It gets the name `path` when the block ends without an error.

    Args:
        path (`Path`): The directory to make. Missing parents are made too. A symbolic link to it stays a link.
        force (`bool`): Whether to replace a directory that already holds files. One with subdirectories is never
            replaced: we never write any, so it is not ours to delete.
        sources (`Iterable[Path]`): Files that the block reads. A directory that holds one of them is not replaced.

    Raises:
        `ElmoFormatError`: If `path` is a file, is the working directory, or holds something that may not be replaced.
    """
    target = Path(os.path.realpath(path))
    _check_may_replace(path, target, force, sources)
    with (
        _named(path),
        _parents_of(target),
        tempfile.TemporaryDirectory(prefix=".elmo-", dir=target.parent, ignore_cleanup_errors=True) as work,
    ):
        # Only the owner may read the temporary directory. The new one inside it gets the usual permissions.
        new = Path(work, "new")
        new.mkdir()
        yield new
        # Converting a large model takes minutes; something else may have been written there in the meantime.
        _check_may_replace(path, target, force, sources)
        move_into_place(new, target)


def check_new_directory(path: Path, force: bool = False) -> None:
    """Raises the errors of `new_directory` early, for callers that have much to do before."""
    _check_may_replace(path, Path(os.path.realpath(path)), force, ())


def _check_may_replace(path: Path, target: Path, force: bool, sources: Iterable[Path]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise ElmoFormatError(f"{path}: expected a directory to write to, found a file")
    if target == Path.cwd():
        raise ElmoFormatError(f"{path}: this is the working directory, which can't be replaced; choose another")
    contents = sorted(target.iterdir())
    if contents and not force:
        raise ElmoFormatError(f"{path}: this directory is not empty; --force replaces it")
    if os.path.ismount(target):
        raise ElmoFormatError(f"{path}: this is a mount point, which can't be replaced; choose a directory in it")
    for source in sources:
        # The source may be a link that leads out of the directory, or be reached through a link that leads into it.
        if any(real.is_relative_to(target) for real in (source.resolve(), source.parent.resolve() / source.name)):
            raise ElmoFormatError(f"{path}: can't be replaced, because {source.name} is read from it")
    for child in contents:
        if child.is_dir() and not child.is_symlink():
            raise ElmoFormatError(f"{path}: can't be replaced, because it holds another directory, {child.name}")


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Makes missing parents, and removes them again after an error."""
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise
