# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines of text files."""

import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO, cast


def read_bytes(name: str) -> bytes:
    """Returns what a file holds, decompressed if its name ends in .gz or .xz.

    Raises:
        `ValueError`: If the compressed data is damaged.
    """
    opened: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with opened.get(os.path.splitext(name)[1].lower(), open)(name, "rb") as file:
            return file.read()
    except (gzip.BadGzipFile, lzma.LZMAError, EOFError, zlib.error) as error:
        raise ValueError(f"{name}: damaged, or not compressed as its name says ({error})") from error


def decode(data: bytes, name: str, errors: str = "strict") -> str:
    """Returns UTF-8 text without a byte order mark.

    Raises:
        `ValueError`: Naming file and line, if the data is not UTF-8.
    """
    try:
        return data.decode("utf-8", errors).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name}: line {line}: expected UTF-8, found byte {data[error.start]:#04x}") from error


STANDARD_INPUT = "-"

# The longest line of a text file. Its words take some fifty times as much memory.
MAX_LINE_BYTES = 2**25
BYTE_ORDER_MARK = "\ufeff"


def bounded_lines(file: BinaryIO, most: int, name: str) -> Iterator[bytes]:
    """Yields the lines of a binary file. Raises `ValueError` for one of more than `most` bytes: a small compressed file
    may be one line of gigabytes."""
    for number, line in enumerate(iter(partial(file.readline, most + 1), b""), start=1):
        if len(line) > most:
            raise ValueError(f"{name}: line {number}: expected at most {most} bytes, found more")
        yield line


class Lines:
    """The lines of a text file, possibly compressed, decoded one by one."""

    is_repeatable = True

    def __init__(self, path: str | os.PathLike[str], errors: str = "strict"):
        self.path = os.fspath(path)
        self.errors = errors
        self.name = "standard input" if self.path == STANDARD_INPUT else self.path
        self._size = 0
        self._file: BinaryIO | None = None
        self._is_read = False
        if self.path == STANDARD_INPUT:
            self.is_repeatable = False
        elif os.path.isfile(self.path):
            # So that a name that is wrong shows before a model is loaded.
            with open(self.path, "rb") as file:
                self._size = os.fstat(file.fileno()).st_size
        else:
            # A pipe: who opens it must read it. Or nothing at all, which is an error.
            os.stat(self.path)
            self.is_repeatable = False

    def __iter__(self) -> Iterator[Any]:
        if self.path == STANDARD_INPUT:
            yield from self._decoded(sys.stdin.buffer)
            return
        with open(self.path, "rb") as file:
            self._file, self._is_read = file, False
            yield from self._decoded(self._decompressed(file))
        self._file, self._is_read = None, True

    def share(self) -> float | None:
        """Returns the share of the file's bytes, compressed as they are."""
        if not self._size:
            return None
        return float(self._is_read) if self._file is None else min(1.0, self._file.tell() / self._size)

    def _decompressed(self, file: BinaryIO) -> BinaryIO:
        ending = os.path.splitext(self.path)[1].lower()
        if ending == ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=file))
        return cast(BinaryIO, lzma.LZMAFile(file)) if ending == ".xz" else file

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        errors = self.errors
        number = 0
        try:
            # Binary files end lines at a line feed alone: U+0085, U+2028 and others may be part of a text.
            for number, line in enumerate(bounded_lines(file, MAX_LINE_BYTES, self.name), start=1):
                text = line.decode("utf-8", errors)
                if number == 1:
                    text = text.removeprefix(BYTE_ORDER_MARK)
                yield text.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            found = f"found byte {error.object[error.start]:#04x}"
            raise ValueError(f"{self.name}: line {number}: expected UTF-8, {found}") from error
        except (gzip.BadGzipFile, lzma.LZMAError, EOFError, zlib.error) as error:
            raise ValueError(f"{self.name}: damaged, or not compressed as its name says ({error})") from error
