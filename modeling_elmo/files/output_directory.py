# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""An output directory that appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import ElmoFormatError


@contextmanager
def new_directory(path: Path, force: bool = False, sources: Iterable[Path] = ()) -> Iterator[Path]:
    """Yields a temporary sibling of `path` to write into, and gives it that name when the block ends without an error.

    Args:
        path (`Path`): The directory to make. Its parents are made too. A symbolic link to it stays a link.
        force (`bool`): Whether a directory that already holds files is replaced. One that holds directories never is:
            nothing here writes such, so it would be something else that is lost.
        sources (`Iterable[Path]`): What is read within the block, which a replaced directory must not hold.

    Raises:
        `ElmoFormatError`: If `path` is a file, is the working directory, or holds something that may not be replaced.
    """
    place = Path(os.path.realpath(path))
    _check_may_replace(path, place, force, sources)
    with (
        _parents_of(place),
        tempfile.TemporaryDirectory(prefix=".elmo-", dir=place.parent, ignore_cleanup_errors=True) as work,
    ):
        # Within the temporary directory, which only its owner may read, a directory with the usual permissions.
        target = Path(work, "new")
        target.mkdir()
        yield target
        # The block takes minutes for a large model: time enough for someone to put something in the way.
        _check_may_replace(path, place, force, sources)
        _replace(target, place, aside=Path(f"{work}.old"))


def check_new_directory(path: Path, force: bool = False) -> None:
    """Raises what `new_directory` would, for a caller with much to do before."""
    _check_may_replace(path, Path(os.path.realpath(path)), force, ())


def _check_may_replace(path: Path, place: Path, force: bool, sources: Iterable[Path]) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise ElmoFormatError(f"{path}: expected a directory to write to, found a file")
    if place == Path.cwd():
        raise ElmoFormatError(f"{path}: this is the working directory, which can't be replaced; name another")
    contents = sorted(place.iterdir())
    if contents and not force:
        raise ElmoFormatError(f"{path}: this directory is not empty; --force replaces it")
    if os.path.ismount(place):
        raise ElmoFormatError(f"{path}: this is a mount point, which can't be replaced; name a directory within it")
    for source in sources:
        # The name that is read may be a link out of the directory, or lead into it by a link.
        if any(real.is_relative_to(place) for real in (source.resolve(), source.parent.resolve() / source.name)):
            raise ElmoFormatError(f"{path}: can't be replaced, since {source.name} is read from it")
    for child in contents:
        if child.is_dir() and not child.is_symlink():
            raise ElmoFormatError(f"{path}: can't be replaced, since it holds another directory, {child.name}")


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Makes the parents that are missing, and takes them away again after an error."""
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


def _replace(new: Path, path: Path, aside: Path) -> None:
    try:
        if path.exists():
            path.rename(aside)
        new.rename(path)
    finally:
        # Whatever went wrong, and be it an interrupt between the two renames: what was there is deleted only when
        # the new is in its place.
        if aside.exists() and path.exists():
            shutil.rmtree(aside, ignore_errors=True)
        elif aside.exists():
            aside.rename(path)
