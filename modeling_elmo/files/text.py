# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The lines of text files: plain, compressed, from standard input or a pipe. Errors name the file and the line."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, AnyStr, BinaryIO, cast


STANDARD_INPUT = "-"

# The longest line accepted: its words need some fifty times as much memory, and a small file may unpack to gigabytes.
MAX_LINE_BYTES = 2**25
BYTE_ORDER_MARK = "\ufeff"

# Endings of compressed files.
COMPRESSED = (".gz", ".xz", ".bz2", ".zst")

# What the decompressors raise when the data is damaged; `bz2` and Arrow, also an `OSError` without a number.
DAMAGE_ERRORS = (gzip.BadGzipFile, lzma.LZMAError, EOFError, zlib.error)


class TextLines:
    """The lines of a text file without their ends (`\\n` or `\\r\\n`), decoded one at a time.

    In a file without any `\\n`, lines end in `\\r`.

    A file that ends in `.gz`, `.xz`, `.bz2` or `.zst` is decompressed. A byte order mark is dropped.

    Args:
        path (`str` or `os.PathLike`): The file, or `-` for standard input.
        errors (`str`, *optional*, defaults to `"strict"`): `"strict"`: invalid UTF-8 is an error that names the line;
            `"replace"`: it is read as U+FFFD.
        encoding (`str`, *optional*, defaults to `"utf-8"`): Any encoding that Python knows.

    Raises:
        `OSError`: If the file can't be read. A missing file raises here, before anything is read.
        `ValueError`: For an unknown encoding. While reading: for text that is not in the encoding, damaged compressed
            data, or a line that is too long.
    """

    def __init__(self, path: str | os.PathLike[str], errors: str = "strict", encoding: str = "utf-8"):
        self.path = os.fspath(path)
        self.errors = errors
        try:
            self.encoding = codecs.lookup(encoding).name
        except LookupError as error:
            raise ValueError(f"encoding: expected one such as utf-8 or latin-1, found {encoding!r}") from error
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
        with self.opened() as file:
            yield from self._decoded(file)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Opens the file for its decompressed bytes. Damage is a `ValueError`."""
        with damage_as_value_error(self.name):
            if self.path == STANDARD_INPUT:
                yield sys.stdin.buffer
                return
            with open(self.path, "rb") as self._file:
                yield decompressed(self._file, self.path)

    def share(self) -> float | None:
        """Returns the share of the file's (compressed) bytes read so far, from 0 to 1; None if its size is unknown."""
        if not self._size or self._file is None:
            return 0.0 if self._size else None
        return 1.0 if self._file.closed else min(1.0, self._file.tell() / self._size)

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        number = 0
        # Binary files split lines at a line feed only: U+0085, U+2028 and others may be part of a text.
        lines: Iterator[Any] = bounded_lines(file, MAX_LINE_BYTES, self.name)
        if "\n".encode(self.encoding) != b"\n":
            text = io.TextIOWrapper(file, self.encoding, self.errors, newline="\n")
            lines = bounded_lines(text, MAX_LINE_BYTES, self.name)
        try:
            for number, line in enumerate(lines, start=1):
                text_line = line.decode(self.encoding, self.errors) if isinstance(line, bytes) else line
                if number == 1:
                    text_line = text_line.removeprefix(BYTE_ORDER_MARK)
                if number == 1 and "\r" in text_line and not text_line.endswith("\n"):
                    yield from text_line.removesuffix("\r").split("\r")
                    return
                yield text_line.removesuffix("\n").removesuffix("\r")
        except UnicodeError as error:
            found = f", found byte {error.object[error.start]:#04x}" if isinstance(error, UnicodeDecodeError) else ""
            raise ValueError(f"{self.name}: line {max(number, 1)}: expected {self.encoding.upper()}{found}") from error


def decompressed(file: BinaryIO, path: str) -> BinaryIO:
    """Returns a binary file that decompresses `file` if the name `path` ends in one of `COMPRESSED`.

    Raises:
        `ValueError`: For `.zst` without the package pyarrow.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if ending == ".zst":
        try:
            import pyarrow
        except ImportError as error:
            raise ValueError(f"{path}: .zst requires the package pyarrow: pip install pyarrow") from error
        unpacked = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd")
        return cast(BinaryIO, io.BufferedReader(unpacked))
    if ending == ".bz2":
        return cast(BinaryIO, bz2.BZ2File(file))
    return cast(BinaryIO, lzma.LZMAFile(file)) if ending == ".xz" else file


def without_compression(name: str) -> str:
    """Returns a file's name in small letters, without the ending of compressed files."""
    stem, ending = os.path.splitext(name.lower())
    return stem if ending in COMPRESSED else name.lower()


@contextmanager
def damage_as_value_error(name: str) -> Iterator[None]:
    """Turns the errors of damaged compressed data into a `ValueError` that names the file."""
    try:
        yield
    except (*DAMAGE_ERRORS, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{name}: damaged, or not compressed as its name says ({error})") from error


def bounded_lines(file: IO[AnyStr], max_bytes: int, name: str) -> Iterator[AnyStr]:
    """Yields the lines of a file, and raises a `ValueError` for one of more than `max_bytes` bytes."""
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes:
            raise ValueError(f"{name}: line {number}: expected at most {max_bytes} bytes, found more")
        yield line
