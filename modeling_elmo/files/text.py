# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The lines of text files: plain, compressed, from standard input or a pipe. Errors name the file and the line."""

import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, cast


STANDARD_INPUT = "-"

# The longest line accepted: its words need some fifty times as much memory, and a small file may unpack to gigabytes.
MAX_LINE_BYTES = 2**25
BYTE_ORDER_MARK = "\ufeff"

# What `gzip` and `lzma` raise when the compressed data is damaged.
DAMAGE_ERRORS = (gzip.BadGzipFile, lzma.LZMAError, EOFError, zlib.error)


class TextLines:
    """The lines of a text file without their ends (`\\n` or `\\r\\n`), decoded one at a time.

    A file that ends in `.gz` or `.xz` is decompressed. A byte order mark is dropped.

    Args:
        path (`str` or `os.PathLike`): The file, or `-` for standard input.
        errors (`str`, *optional*, defaults to `"strict"`): `"strict"`: invalid UTF-8 is an error that names the line;
            `"replace"`: it is read as U+FFFD.

    Raises:
        `OSError`: If the file can't be read. A missing file raises here, before anything is read.
        `ValueError`: While reading: for invalid UTF-8, damaged compressed data, or a line that is too long.
    """

    def __init__(self, path: str | os.PathLike[str], errors: str = "strict"):
        self.path = os.fspath(path)
        self.errors = errors
        # For messages.
        self.name = "standard input" if self.path == STANDARD_INPUT else self.path
        # Whether it can be read more than once, by this process and others.
        self.is_repeatable = self.path != STANDARD_INPUT and os.path.isfile(self.path)
        self._size = 0
        self._file: BinaryIO | None = None
        if self.is_repeatable:
            with open(self.path, "rb") as file:
                self._size = os.fstat(file.fileno()).st_size
        elif self.path != STANDARD_INPUT:
            # Opening a pipe here would consume it.
            os.stat(self.path)

    def __iter__(self) -> Iterator[Any]:
        if self.path == STANDARD_INPUT:
            yield from self._decoded(sys.stdin.buffer)
            return
        with open(self.path, "rb") as self._file:
            yield from self._decoded(decompressed(self._file, self.path))

    def share(self) -> float | None:
        """Returns the share of the file's (compressed) bytes read so far, from 0 to 1; None if its size is unknown."""
        if not self._size or self._file is None:
            return 0.0 if self._size else None
        return 1.0 if self._file.closed else min(1.0, self._file.tell() / self._size)

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        number = 0
        try:
            with damage_as_value_error(self.name):
                # Binary files split lines at a line feed only: U+0085, U+2028 and others may be part of a text.
                for number, line in enumerate(bounded_lines(file, MAX_LINE_BYTES, self.name), start=1):
                    text = line.decode("utf-8", self.errors)
                    if number == 1:
                        text = text.removeprefix(BYTE_ORDER_MARK)
                    yield text.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            found = f"found byte {error.object[error.start]:#04x}"
            raise ValueError(f"{self.name}: line {number}: expected UTF-8, {found}") from error


def decompressed(file: BinaryIO, path: str) -> BinaryIO:
    """Returns a binary file that decompresses `file` if the name `path` ends in `.gz` or `.xz`."""
    ending = os.path.splitext(path)[1].lower()
    if ending == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return cast(BinaryIO, lzma.LZMAFile(file)) if ending == ".xz" else file


@contextmanager
def damage_as_value_error(name: str) -> Iterator[None]:
    """Turns the errors of damaged compressed data into a `ValueError` that names the file."""
    try:
        yield
    except DAMAGE_ERRORS as error:
        raise ValueError(f"{name}: damaged, or not compressed as its name says ({error})") from error


def bounded_lines(file: BinaryIO, max_bytes: int, name: str) -> Iterator[bytes]:
    """Yields the lines of a binary file, and raises a `ValueError` for one of more than `max_bytes` bytes."""
    for number, line in enumerate(iter(partial(file.readline, max_bytes + 1), b""), start=1):
        if len(line) > max_bytes:
            raise ValueError(f"{name}: line {number}: expected at most {max_bytes} bytes, found more")
        yield line
