# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Where sentences to be embedded come from: text files, standard input, Parquet, JSON lines, `datasets`.

A source is read from its beginning to its end, and again if a run is taken up again; no more of it is in memory than a
sentence or a block of rows. Unlike for training, nothing is skipped: an empty line is a sentence without words, so that
sentence n of the output is line n of the input. Nothing here splits sentences or knows about models.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from ..files.text import STANDARD_INPUT, TextLines


DEFAULT_COLUMN = "text"

# Rows of a Parquet file that are read together.
ROWS_AT_A_TIME = 1024

DATASETS_NEEDED = "needs the package datasets: pip install 'modeling-elmo[examples]'"


class SentenceSource(Protocol):
    """Sentences in order.

    Attributes:
        name (`str`): For messages.
        is_repeatable (`bool`): Whether it can be read again, by this process and others.
    """

    name: str
    is_repeatable: bool

    def __iter__(self) -> Iterator[str | list[str]]:
        """Yields texts, or lists of words."""

    def share(self) -> float | None:
        """Returns how much of it has been read, from 0 to 1; None if that is not known."""


class JSONLines(TextLines):
    """One field of JSON objects, one object a line: texts, or lists of words.

    Args:
        path (`str` or `os.PathLike`): The file; .gz and .xz too.
        column (`str`, *optional*, defaults to `"text"`): The field.
        errors (`str`, *optional*, defaults to `"strict"`): As for `TextLines`.
    """

    def __init__(self, path: str | os.PathLike[str], column: str = DEFAULT_COLUMN, errors: str = "strict"):
        super().__init__(path, errors)
        self.column = column

    def __iter__(self) -> Iterator[str | list[str]]:
        for number, line in enumerate(super().__iter__(), start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{self.name}: line {number}: not JSON ({error})") from error
            if not isinstance(row, dict) or self.column not in row:
                found = f"the fields {', '.join(row)}" if isinstance(row, dict) else type(row).__name__
                raise ValueError(f"{self.name}: line {number}: expected a field {self.column!r}, found {found}")
            yield _checked(row[self.column], f"{self.name}: line {number}: {self.column}")


class ParquetColumn:
    """One column of a Parquet file: texts, or lists of words.

    Args:
        path (`str` or `os.PathLike`): The file.
        column (`str`, *optional*, defaults to `"text"`): The column.

    Raises:
        `ValueError`: If it is no Parquet file, has no such column, or the package is missing that reads it.
    """

    is_repeatable = True

    def __init__(self, path: str | os.PathLike[str], column: str = DEFAULT_COLUMN):
        self.name = self.path = os.fspath(path)
        self.column = column
        self._read = 0
        with self._opened() as file:
            self.num_rows = file.metadata.num_rows
            names = file.schema_arrow.names
        if column not in names:
            raise ValueError(f"{self.name}: expected a column {column!r}, found {', '.join(names)}")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = import_parquet(self.name)
        import pyarrow

        try:
            with open(self.name, "rb") as handle, parquet.ParquetFile(handle) as file:
                yield file
        except pyarrow.ArrowException as error:
            raise ValueError(f"{self.name}: not a readable Parquet file ({' '.join(str(error).split())})") from error

    def __iter__(self) -> Iterator[str | list[str]]:
        self._read = 0
        with self._opened() as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME, columns=[self.column]):
                for value in batch.column(0).to_pylist():
                    self._read += 1
                    yield _checked(value, f"{self.name}: row {self._read}: {self.column}")

    def share(self) -> float | None:
        """Returns the share of the rows."""
        return self._read / self.num_rows if self.num_rows else None


class DatasetColumn:
    """One column of a Hugging Face dataset, which may be streamed: texts, or lists of words.

    Args:
        dataset: A `datasets.Dataset` or `datasets.IterableDataset`.
        column (`str`, *optional*, defaults to `"text"`): The column.
        name (`str`, *optional*, defaults to `"dataset"`): For messages.
    """

    is_repeatable = True

    def __init__(self, dataset: Any, column: str = DEFAULT_COLUMN, name: str = "dataset"):
        self.dataset = dataset
        self.column = column
        self.name = name
        self._read = 0
        names = getattr(dataset, "column_names", None)
        if isinstance(names, dict):
            raise ValueError(f"{name}: expected one split of a dataset, found the splits {', '.join(names)}")
        if names is not None and column not in names:
            raise ValueError(f"{name}: expected a column {column!r}, found {', '.join(names)}")

    @classmethod
    def from_disk(cls, path: str | os.PathLike[str], column: str = DEFAULT_COLUMN) -> "DatasetColumn":
        """Opens what `Dataset.save_to_disk` wrote.

        Raises:
            `ValueError`: If the directory holds no dataset, or the package is missing.
        """
        try:
            import datasets
        except ImportError as error:
            raise ValueError(f"{path}: this {DATASETS_NEEDED}") from error
        try:
            dataset = datasets.load_from_disk(os.fspath(path))
        except FileNotFoundError as error:
            raise ValueError(f"{path}: expected a file, or a directory that Dataset.save_to_disk wrote") from error
        return cls(dataset, column, os.fspath(path))

    def __iter__(self) -> Iterator[str | list[str]]:
        self._read = 0
        dataset = self.dataset
        if hasattr(dataset, "select_columns") and getattr(dataset, "column_names", None) is not None:
            dataset = dataset.select_columns([self.column])
        for row in dataset:
            self._read += 1
            if self.column not in row:
                raise ValueError(
                    f"{self.name}: row {self._read}: expected a column {self.column!r}, found {', '.join(row)}"
                )
            yield _checked(row[self.column], f"{self.name}: row {self._read}: {self.column}")

    def share(self) -> float | None:
        """Returns the share of the rows, where their number is known."""
        try:
            return self._read / len(self.dataset)
        except (TypeError, ZeroDivisionError):
            return None


def open_source(path: str | os.PathLike[str], column: str | None = None, errors: str = "strict") -> SentenceSource:
    """Returns the source that a name stands for.

    Args:
        path (`str` or `os.PathLike`): `-` for standard input; a file that ends in `.parquet`, `.jsonl` or `.json`; a
            directory that `Dataset.save_to_disk` wrote; or a text file. Those of lines may end in .gz or .xz as well.
        column (`str`, *optional*): Where the sentences are; `"text"` by default. Text files have none.
        errors (`str`, *optional*, defaults to `"strict"`): As for `TextLines`.

    Raises:
        `ValueError`, `OSError`: If it can't be read, or has no such column.
    """
    name = os.fspath(path)
    if name != STANDARD_INPUT and Path(name).is_dir():
        return DatasetColumn.from_disk(name, column or DEFAULT_COLUMN)
    stem = name.lower().removesuffix(".gz").removesuffix(".xz")
    if name.lower().endswith(".parquet"):
        return ParquetColumn(name, column or DEFAULT_COLUMN)
    if stem.endswith((".jsonl", ".json", ".ndjson")):
        return JSONLines(name, column or DEFAULT_COLUMN, errors)
    if column is not None:
        raise ValueError(f"{name}: expected a Parquet file, JSON lines or a dataset for --column, found a text file")
    return TextLines(name, errors)


def import_parquet(name: str) -> Any:
    """Returns `pyarrow.parquet`.

    Raises:
        `ValueError`: If it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(
            f"{name}: Parquet needs the package pyarrow, which comes with datasets: "
            "pip install 'modeling-elmo[examples]'"
        ) from error
    return pyarrow.parquet


def _checked(value: Any, name: str) -> str | list[str]:
    is_words = isinstance(value, list) and all(isinstance(word, str) for word in value)
    if not isinstance(value, str) and not is_words:
        raise ValueError(f"{name}: expected a text or a list of words, found {type(value).__name__} {value!r:.60}")
    return cast(str | list[str], value)


__all__ = ["DatasetColumn", "JSONLines", "ParquetColumn", "SentenceSource", "TextLines", "open_source"]
