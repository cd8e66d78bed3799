# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sources of sentences: text files, standard input, JSON lines, Parquet, `datasets`.

A source is read from beginning to end, again for each run, with no more than a line or a block of rows in memory.
Unlike in training, nothing is skipped: an empty line is a sentence without words, so that sentence n of the output is
line n of the input. Sources don't split sentences and know nothing of models.

JSON lines and Parquet are read directly, not through `datasets`, whose readers have no line numbers for errors and no
limit on the length of a line.
"""

import json
import os
import reprlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..files.columns import COLUMN_ENDINGS, ColumnWords
from ..files.text import MAX_LINE_BYTES, STANDARD_INPUT, TextLines


DEFAULT_COLUMN = "text"

# Rows of a Parquet file that are read together, fewer if they are long.
CHUNK_ROWS = 1024
CHUNK_BYTES = 2**25

INSTALL = "pip install 'modeling-elmo[embedding]'"


class SentenceSource(Protocol):
    """Sentences in order."""

    name: str  # For messages.
    is_repeatable: bool  # Whether it can be read again, by this process and others.

    def __iter__(self) -> Iterator[str | Sequence[str]]:
        """Yields texts or lists of words."""

    def share(self) -> float | None:
        """Returns the share of it that has been read, from 0 to 1, or None if unknown."""


class JSONLines(TextLines):
    """The field `column` of JSON objects, one object per line: texts or lists of words."""

    def __init__(self, path: str | os.PathLike[str], column: str = DEFAULT_COLUMN, errors: str = "strict"):
        super().__init__(path, errors)
        self.column = column

    def __iter__(self) -> Iterator[str | Sequence[str]]:
        for number, line in enumerate(super().__iter__(), start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{self.name}: line {number}: not JSON ({error})") from error
            if not isinstance(row, dict) or self.column not in row:
                found = f"the fields {', '.join(row)}" if isinstance(row, dict) else type(row).__name__
                raise ValueError(f"{self.name}: line {number}: expected a field {self.column!r}, found {found}")
            yield checked_sentence(row[self.column], f"{self.name}: line {number}: {self.column}")


class DatasetColumn:
    """One column of a `datasets.Dataset` or `IterableDataset`, or of anything that yields rows as they do.

    Raises:
        `ValueError`: If there is no such column, or the dataset has several splits.
    """

    is_repeatable = True

    def __init__(self, dataset: Any, column: str = DEFAULT_COLUMN, name: str = "dataset"):
        self.dataset = dataset
        self.path: str | None = getattr(dataset, "path", None)
        self.column = column
        self.name = name
        self._num_read = 0
        names = getattr(dataset, "column_names", None)
        if isinstance(names, dict):
            raise ValueError(f"{name}: expected one split of a dataset, found the splits {', '.join(names)}")
        if names is not None and column not in names:
            raise ValueError(f"{name}: expected a column {column!r}, found {', '.join(names)}")
        if names is not None and hasattr(dataset, "select_columns"):
            self.dataset = dataset.select_columns([column])

    def __iter__(self) -> Iterator[str | Sequence[str]]:
        self._num_read = 0
        for row in self.dataset:
            self._num_read += 1
            name = f"{self.name}: row {self._num_read}"
            if self.column not in row:
                raise ValueError(f"{name}: expected a column {self.column!r}, found {', '.join(row)}")
            yield checked_sentence(row[self.column], f"{name}: {self.column}")

    def share(self) -> float | None:
        """Returns the share of the rows that has been read, if their number is known."""
        try:
            return self._num_read / len(self.dataset)
        except (TypeError, ZeroDivisionError):
            return None


class ParquetRows:
    """The rows of a Parquet file with one column, for `DatasetColumn`.

    Raises:
        `ValueError`: If it is not a Parquet file, or pyarrow is not installed.
    """

    def __init__(self, path: str, column: str):
        self.path = path
        self.column = column
        with self._opened() as file:
            self.num_rows: int = file.metadata.num_rows
            self.column_names: list[str] = file.schema_arrow.names

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self._opened() as file:
            for group in range(file.num_row_groups):
                num_rows, num_bytes = _size(file.metadata.row_group(group), self.column)
                mean_bytes = num_bytes // max(num_rows, 1)
                if mean_bytes > MAX_LINE_BYTES:
                    raise ValueError(
                        f"{self.path}: row group {group}: expected at most {MAX_LINE_BYTES} bytes a row, found "
                        f"{mean_bytes} in {self.column}"
                    )
                size = max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(mean_bytes, 1)))
                for batch in file.iter_batches(size, [group], [self.column]):
                    yield from ({self.column: value} for value in _values(batch.column(0)))

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = import_parquet(self.path)
        import pyarrow

        try:
            with open(self.path, "rb") as handle:
                metadata = parquet.read_metadata(handle)
                paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
                # Values that occur once in the file may fill the memory otherwise.
                repeated = [path for path in paths if path.partition(".")[0] == self.column]
                with parquet.ParquetFile(handle, metadata=metadata, read_dictionary=repeated) as file:
                    yield file
        except pyarrow.ArrowException as error:
            raise ValueError(f"{self.path}: not a readable Parquet file ({' '.join(str(error).split())})") from error


def _values(column: Any) -> Iterator[Any]:
    """Yields the Python values of a part of a column. Equal ones share memory in Arrow, but not in Python."""
    import pyarrow as pa
    from pyarrow import compute

    is_list = pa.types.is_list(column.type)
    words = column.flatten() if is_list else column
    if pa.types.is_dictionary(words.type):
        num_bytes = compute.sum(compute.take(compute.binary_length(words.dictionary), words.indices)).as_py()
        if len(column) > 1 and (num_bytes or 0) > CHUNK_BYTES:
            half = len(column) // 2
            yield from _values(column.slice(0, half))
            yield from _values(column.slice(half))
            return
        plain = words.type.value_type
        column = column.cast(pa.list_(plain) if is_list else plain)
    yield from column.to_pylist()


def _size(row_group: Any, column: str) -> tuple[int, int]:
    """Returns the number of rows of a row group, and the bytes that its metadata and word counts admit."""
    chunks = [row_group.column(index) for index in range(row_group.num_columns)]
    of_column = [chunk for chunk in chunks if chunk.path_in_schema.partition(".")[0] == column]
    # A word takes a byte of the text that separates it from the next one.
    return row_group.num_rows, sum(chunk.total_uncompressed_size + chunk.num_values for chunk in of_column)


def open_source(path: str | os.PathLike[str], column: str | None = None, errors: str = "strict") -> SentenceSource:
    """Returns the source that a path stands for.

    Args:
        path (`str` or `os.PathLike`): `-` for standard input; a file that ends in `.parquet`, `.jsonl`, `.ndjson` or
            `.json`; a directory written by `Dataset.save_to_disk`; or a text file. Text and JSON lines may end in .gz
            or .xz as well.
        column (`str`, *optional*): The column of the sentences, `"text"` by default. Text files have no columns.
        errors (`str`, *optional*, defaults to `"strict"`): As for `TextLines`.

    Raises:
        `ValueError`, `OSError`: If it can't be read, or has no such column.
    """
    name, wanted = os.fspath(path), column or DEFAULT_COLUMN
    if name != STANDARD_INPUT and Path(name).is_dir():
        return DatasetColumn(_load_from_disk(name), wanted, name)
    if name.lower().endswith(".parquet"):
        return DatasetColumn(ParquetRows(name, wanted), wanted, name)
    stem = name.lower().removesuffix(".gz").removesuffix(".xz")
    if stem.endswith((".jsonl", ".json", ".ndjson")):
        return JSONLines(name, wanted, errors)
    if stem.endswith(COLUMN_ENDINGS):
        return ColumnWords(name, column, errors)
    if column is not None:
        raise ValueError(f"{name}: a text file has no columns; --column requires Parquet, JSON lines or a dataset")
    return TextLines(name, errors)


def _load_from_disk(name: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ValueError(f"{name}: reading a dataset requires the package datasets: {INSTALL}") from error
    try:
        return datasets.load_from_disk(name)
    except FileNotFoundError as error:
        raise ValueError(f"{name}: expected a file, or a directory written by Dataset.save_to_disk") from error


def import_parquet(name: str) -> Any:
    """Returns `pyarrow.parquet`, or raises a `ValueError` that says how to install it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(f"{name}: Parquet requires the package pyarrow: {INSTALL}") from error
    return pyarrow.parquet


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
