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
        path (`Path`): The directory to make. Its parents are made too.
        force (`bool`): Whether a directory that already holds something is replaced.
        sources (`Iterable[Path]`): Files that are read within the block, which a replaced directory must not hold.

    Raises:
        `ElmoFormatError`: If `path` is a file, holds something and `force` is false, or holds one of `sources`.
    """
    path = Path(os.path.abspath(path))
    if path.exists() and not path.is_dir():
        raise ElmoFormatError(f"{path.name}: expected a directory to write to, found a file")
    if path.exists() and any(path.iterdir()):
        if not force:
            raise ElmoFormatError(f"{path.name}: this directory is not empty; --force replaces it")
        for source in sources:
            if source.resolve().is_relative_to(path.resolve()):
                raise ElmoFormatError(f"{path.name}: can't be replaced, since {source.name} is read from it")
    new_parents = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        target = work / "new"
        target.mkdir()
        yield target
        _replace(target, path, aside=work / "old")
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()
        raise
    shutil.rmtree(work, ignore_errors=True)


def _replace(new: Path, path: Path, aside: Path) -> None:
    if path.exists():
        path.rename(aside)
    try:
        new.rename(path)
    except OSError:
        if aside.exists():
            aside.rename(path)
        raise
