# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sources of sentences: text files, standard input, a column of a table (CSV, JSON, Parquet) or of `datasets`.

A source is read from beginning to end, again for each run, with no more than a line or a block of rows in memory.
Unlike in training, nothing is skipped: an empty line is a sentence without words, so that sentence n of the output is
line n of the input. Sources don't split sentences and know nothing of models.
"""

import os
import reprlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..files.columns import COLUMN_ENDINGS, ColumnWords, are_columns
from ..files.tables import FORMATS, check_column, is_header, open_rows, table_format
from ..files.text import MAX_LINE_BYTES, STANDARD_INPUT, TextLines, without_compression
from ..model.text_warnings import ElmoWarning


DEFAULT_COLUMN = "text"

# Lines to look at before deciding whether each has a word and its labels.
COLUMN_LINES = 10

# If the first texts of a column are all numbers, a warning says so after this many.
MANY_NUMBERS = 100


class SentenceSource(Protocol):
    """Sentences in order."""

    name: str  # For messages.
    is_repeatable: bool  # Whether it can be read again, by this process and others.

    def __iter__(self) -> Iterator[str | Sequence[str]]:
        """Yields texts or lists of words."""

    def share(self) -> float | None:
        """Returns the share of it that has been read, from 0 to 1, or None if unknown."""


class SentenceLines(TextLines):
    """The lines of a text file. Warns if they are probably the header of a table, or words with labels."""

    def __iter__(self) -> Iterator[str]:
        first: list[str] = []
        for number, line in enumerate(super().__iter__()):
            if len(first) < COLUMN_LINES:
                first.append(line[:1000])
                if len(first) == COLUMN_LINES:
                    self._warn_of_columns(first)
            if not number and is_header(line):
                warnings.warn(
                    f"{self.name}: line 1: {reprlib.repr(line)} seems to name the columns of a table, but is read as a "
                    "sentence, as all lines are. If it is a table, its name must end in .csv or .tsv, and the column "
                    "of the sentences must be given (--column)",
                    ElmoWarning,
                    stacklevel=2,
                )
            yield line
        if len(first) < COLUMN_LINES:
            self._warn_of_columns(first)

    def _warn_of_columns(self, lines: list[str]) -> None:
        if are_columns(lines):
            warnings.warn(
                f"{self.name}: its lines seem to have a word and its labels each, but are read as sentences. If so, "
                f"the name must end in {', '.join(COLUMN_ENDINGS)}, or --column must be the index of the words' column",
                ElmoWarning,
                stacklevel=2,
            )


class DatasetColumn:
    """One column of a `datasets.Dataset` or `IterableDataset`, of a table of `files/tables.py`, or of other rows.

    Warns if all texts are numbers: another column is probably meant.

    Raises:
        `ValueError`: If there is no such column, or the dataset has several splits.
    """

    def __init__(self, dataset: Any, column: str = DEFAULT_COLUMN, name: str = "dataset"):
        self.dataset = dataset
        self.path: str | None = getattr(dataset, "path", None)
        self.column = column
        self.name = name
        self.is_repeatable: bool = getattr(dataset, "is_repeatable", True)
        self._num_read = 0
        names = getattr(dataset, "column_names", None)
        check_column(names, column, name)
        if names is not None and hasattr(dataset, "select_columns"):
            self.dataset = dataset.select_columns([column])

    def __iter__(self) -> Iterator[str | Sequence[str]]:
        self._num_read = num_numbers = 0
        for row in self.dataset:
            self._num_read += 1
            name = f"{self.name}: {getattr(self.dataset, 'place', f'row {self._num_read}')}"
            if not isinstance(row, Mapping):
                raise ValueError(f"{name}: expected a field {self.column!r}, found {type(row).__name__}")
            check_column(list(row), self.column, name)
            item = checked_sentence(row[self.column], f"{name}: {self.column}")
            yield item
            if num_numbers == self._num_read - 1:
                num_numbers += _is_number(item)
                if num_numbers == MANY_NUMBERS:
                    self._warn_of_numbers()
        if 0 < num_numbers == self._num_read < MANY_NUMBERS:
            self._warn_of_numbers()

    def _warn_of_numbers(self) -> None:
        warnings.warn(
            f"{self.name}: the column {self.column!r} holds numbers, not texts; select another one (--column)",
            ElmoWarning,
            stacklevel=3,
        )

    def share(self) -> float | None:
        """Returns the share of the rows that has been read, if their number is known."""
        if hasattr(self.dataset, "share"):
            share: float | None = self.dataset.share()
            return share
        try:
            return self._num_read / len(self.dataset)
        except (TypeError, ZeroDivisionError):
            return None


def _is_number(item: str | Sequence[str]) -> bool:
    try:
        return isinstance(item, str) and float(item) is not None
    except ValueError:
        return False


def open_source(path: str | os.PathLike[str], column: str | None = None, errors: str = "strict") -> SentenceSource:
    """Returns the source that a path stands for.

    Args:
        path (`str` or `os.PathLike`): `-` for standard input; a table: `.csv`, `.tsv`, `.json` or `.jsonl` (an array of
            objects or JSON lines), `.parquet`; a file with a word on each line: `.conllu`, `.conll`; a directory
            written by `Dataset.save_to_disk`; or a text file. All but Parquet may be compressed: `.gz`, `.xz`, `.bz2`,
            `.zst`.
        column (`str`, *optional*): The column of the sentences, `"text"` by default; of the words in a file with a word
            on each line, see `ColumnFile`. A text file is read as such a file if this is an index.
        errors (`str`, *optional*, defaults to `"strict"`): As for `TextLines`.

    Raises:
        `ValueError`, `OSError`: If it can't be read, or has no such column.
    """
    name, wanted = os.fspath(path), column or DEFAULT_COLUMN
    if name != STANDARD_INPUT and (table_format(name) is not None or Path(name).is_dir()):
        return DatasetColumn(open_rows(name, {wanted: "--column"}, errors=errors), wanted, name)
    if without_compression(name).endswith(COLUMN_ENDINGS) or (column or "").lstrip("-").isdecimal():
        return ColumnWords(name, column, errors)
    if column is not None:
        raise ValueError(
            f"{name}: a text file has no columns; --column requires a table that ends in {', '.join(FORMATS)}, a "
            "dataset, or the index of a column in a file with a word on each line"
        )
    return SentenceLines(name, errors)


def checked_sentence(item: Any, name: str) -> str | Sequence[str]:
    """Returns a text or words, and raises a `ValueError` for anything else or more than `MAX_LINE_BYTES` bytes.

    Every sentence of every source passes through here.
    """
    is_words = isinstance(item, (list, tuple)) and all(isinstance(word, str) for word in item)
    if not isinstance(item, str) and not is_words:
        raise ValueError(
            f"{name}: expected a text or a list of words, found {type(item).__name__} {reprlib.repr(item)}"
        )
    text = item if isinstance(item, str) else " ".join(item)
    # A character has at most 4 bytes.
    if len(text) > MAX_LINE_BYTES // 4 and len(text.encode("utf-8", "surrogatepass")) > MAX_LINE_BYTES:
        raise ValueError(f"{name}: expected at most {MAX_LINE_BYTES} bytes, found more")
    return item
