# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Zip and tar files that may come from anyone, unpacked within bounds into a temporary directory.

Only ordinary files are unpacked, under their own names below that directory; links and devices are passed over.
"""

import os
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from modeling_elmo.files.errors import ElmoFormatError, as_format_error
from modeling_elmo.files.progress import step
from modeling_elmo.model.loading_checks import abbreviated


MAX_MEMBERS = 10_000
MAX_BYTES = 2**34
MAX_DEPTH = 10

# Weights hardly compress, but a TensorFlow checkpoint holds an accumulator for each, most of which are alike. Small
# archives may hold up to `MIN_BYTES`.
MAX_COMPRESSION = 100
MIN_BYTES = 2**26

CHUNK = 2**20
MAGIC = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


def is_archive(path: Path) -> bool:
    """Whether a file begins as zip files and compressed tar files do, or is a tar file."""
    with open(path, "rb") as file:
        head = file.read(262)
    return head.startswith(MAGIC) or head[257:] == b"ustar"


def is_zip(path: Path) -> bool:
    """Whether a file begins as zip files do."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC[0])) == MAGIC[0]


def is_skipped(name: str) -> bool:
    """Whether a member is never read: weights before training, graphs, optimizers, files of macOS."""
    base = name.rpartition("/")[2]
    return (
        (name.startswith("fta/") and "weight_file" in base)
        or base.endswith(".meta")
        or base.startswith(("._", "training_state_"))
        or name.startswith("__MACOSX/")
    )


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yields a temporary directory with the files of an archive, or the single directory in it.

    Raises:
        `ElmoFormatError`: If the archive can't be read, is too large, or has a member that would be outside.
    """
    with tempfile.TemporaryDirectory(prefix="elmo-", ignore_cleanup_errors=True) as work:
        most = min(MAX_BYTES, max(MIN_BYTES, MAX_COMPRESSION * path.stat().st_size))
        with as_format_error(f"{path.name}: can't be unpacked"), step(f"Unpacking {path.name}"):
            total = 0
            for count, (name, size, file) in enumerate(_members(path)):
                total += size
                if count >= MAX_MEMBERS or total > most:
                    raise ElmoFormatError(
                        f"{path.name}: expected at most {MAX_MEMBERS} files of {most:,} bytes together, found more"
                    )
                if file is not None and not is_skipped(name):
                    _copy(file, _target(path.name, Path(work), name), size)
        directory = Path(work)
        while len(children := list(directory.iterdir())) == 1 and children[0].is_dir():
            directory = children[0]
        yield directory


def _members(path: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Yields name, declared size and, for ordinary files, the content of each member, in the order of the archive."""
    # By its beginning: a tar file may end with a zip file in it.
    if is_zip(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ElmoFormatError(f"{path.name}: {abbreviated(info.filename)}: encrypted, or packed unusually")
                if info.is_dir():
                    continue
                with archive.open(info) as file:
                    yield info.filename, info.file_size, file
        return
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            yield member.name.removeprefix("./"), member.size, archive.extractfile(member) if member.isreg() else None


def _target(archive: str, directory: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    is_inside = 0 < len(parts) <= MAX_DEPTH and not {"..", "/"} & {*parts} and not {"\\", ":", "\0"} & {*name}
    if not is_inside or PurePosixPath(name).is_absolute():
        raise ElmoFormatError(f"{archive}: {abbreviated(name)}: expected a name within the archive")
    path = directory.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _copy(file: IO[bytes], target: Path, size: int) -> None:
    # Exclusively: a name that occurs twice is an error.
    with open(target, "xb") as copy:
        while chunk := file.read(CHUNK):
            size -= len(chunk)
            if size < 0:
                raise ValueError("a member is longer than it says")
            copy.write(chunk)
    if size:
        raise ValueError(f"{os.path.basename(target)}: cut short")
