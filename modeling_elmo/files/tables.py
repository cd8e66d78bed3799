# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The rows of tables, as dictionaries: CSV, TSV, JSON lines, JSON arrays, Parquet, and saved datasets.

Tables are read from beginning to end with no more than a row or a block of rows in memory. CSV and JSON are read by
the standard library, and Parquet by pyarrow: the readers of `datasets` have no line numbers for errors and no limit on
the length of a row, and hold a whole JSON array in memory.
"""

import csv
import io
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from .text import MAX_LINE_BYTES, TextLines, without_compression


# What a file's ending says about its format.
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}

# What separates the fields of a CSV file: the one that its header has most of.
CSV_DELIMITERS = ",;\t"

# Names of columns that tell a header from a sentence.
HEADER_NAMES = {"text", "texts", "sentence", "sentences", "sentence1", "tweet", "tweets", "review", "label", "id"}
HEADER_NAMES |= {"content", "comment", "comments", "message", "title", "body", "description", "document", "sentiment"}

# Rows of a Parquet file that are read together, fewer if they are long.
CHUNK_ROWS = 1024
CHUNK_BYTES = 2**25

# Characters of a JSON array that are read together, more for longer rows.
CHUNK_CHARACTERS = 2**16

# Lines to look at before deciding whether quotation marks enclose the fields of TSV.
QUOTED_LINES = 1000

# Lines of TSV as programs write them that quote fields. If fields have line feeds: all lines, and the last may be open.
_QUOTED_LINE = re.compile(r'(?:(?:[^"\t\n]*|"[^"\n]*(?:""[^"\n]*)*")[\t\n])*')
_QUOTED_TEXT = re.compile(r'(?:[^"\t\n]*[\t\n]|"[^"]*(?:""[^"]*)*(?:"[\t\n]|\Z))*')

_WHITE_SPACE = re.compile(r"[ \t\n\r\ufeff]*")
_DECODER = json.JSONDecoder()


class Rows(Protocol):
    """The rows of a table, in order."""

    name: str  # For messages.
    path: str | None
    is_repeatable: bool  # Whether it can be read again, by this process and others.
    column_names: list[str] | None  # `None`: each row has its own.
    place: str  # Of the last row, for messages: `line 2`.

    def __iter__(self) -> Iterator[Any]:
        """Yields dictionaries; other JSON values for rows that are none."""

    def share(self) -> float | None:
        """Returns the share of it that has been read, from 0 to 1, or None if unknown."""


class CSVRows(TextLines):
    """The rows of a CSV or TSV file whose first row names the columns. All values are texts.

    Fields of CSV are separated by commas, semicolons or tabs, and may be in quotation marks. So may those of TSV if all
    quotation marks of the first rows are around fields or doubled inside them; otherwise they are ordinary characters,
    and every line is a row. Blank lines are skipped.

    Args:
        path, errors, encoding: As for `TextLines`.
        is_tsv (`bool`): Whether the format is TSV.

    Raises:
        `ValueError`: If there is no header. While iterating: for a row with another number of fields than the header,
            with open quotation marks, or that is too long. The message names the line.
    """

    def __init__(
        self, path: str | os.PathLike[str], errors: str = "strict", encoding: str = "utf-8", is_tsv: bool = False
    ):
        super().__init__(path, errors, encoding)
        self.is_tsv = is_tsv
        self.place = "line 1"
        self._is_quoted = not is_tsv
        self.column_names: list[str] | None = None
        self._row_size = 0
        if self.is_repeatable:
            if is_tsv:
                self._is_quoted = _has_quoted_fields(list(itertools.islice(self._lines(), QUOTED_LINES)))
            self.column_names = next(self._fields(), None)
            if self.column_names is None:
                raise ValueError(f"{self.name}: expected a row with the names of the columns, found an empty file")

    def __iter__(self) -> Iterator[dict[str, str]]:
        names: list[str] | None = None
        for fields in self._fields():
            if names is None:
                names = fields
                continue
            if len(fields) != len(names):
                hint = "" if self.is_tsv else "; texts that contain the separator must be in quotation marks"
                raise ValueError(
                    f"{self.name}: {self.place}: expected {len(names)} fields, as in the first row, found "
                    f"{len(fields)}{hint}"
                )
            yield dict(zip(names, fields))

    def _fields(self) -> Iterator[list[str]]:
        """Yields the fields of each row, those of the header without white space around them."""
        # The limit holds for a field, and for all readers of the process.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
        lines = self._lines()
        first = next(lines, None)
        if first is None:
            return
        is_header, line = True, 1
        try:
            delimiter = "\t"
            if not self.is_tsv:
                delimiter = max(CSV_DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
            quoting = csv.QUOTE_MINIMAL if self._is_quoted else csv.QUOTE_NONE
            options: dict[str, Any] = {"delimiter": delimiter, "quoting": quoting, "strict": self._is_quoted}
            reader = csv.reader(itertools.chain([first], lines), **options)
            for fields in reader:
                self.place, line, self._row_size = f"line {line}", reader.line_num + 1, 0
                if fields:
                    yield [name.strip() for name in fields] if is_header else fields
                    is_header = False
        except csv.Error as error:
            raise ValueError(
                f"{self.name}: line {line}: not a row of {'TSV' if self.is_tsv else 'CSV'} ({error})"
            ) from error

    def _lines(self) -> Iterator[str]:
        self._row_size = 0
        for line in super().__iter__():
            self._row_size += len(line) + 1
            if self._row_size > MAX_LINE_BYTES:
                raise ValueError(
                    f"{self.name}: after {self.place}: expected at most {MAX_LINE_BYTES} bytes a row, found more; is a "
                    "quotation mark left open?"
                )
            # A feed in quotation marks is part of the text.
            yield line + "\n"


def _has_quoted_fields(lines: Sequence[str]) -> bool:
    """Returns whether quotation marks enclose fields of TSV, and mark nothing else."""
    if len({line.count("\t") for line in lines if line.strip()}) == 1:
        return any('"' in line for line in lines) and all(_QUOTED_LINE.fullmatch(line) for line in lines)
    return _QUOTED_TEXT.fullmatch("".join(lines)) is not None


class JSONRows(TextLines):
    """The rows of JSON lines, an object per line, or of a file that is one array of objects, or one object of columns.

    Args:
        path, errors, encoding: As for `TextLines`.

    Raises:
        `ValueError`: While iterating: for text that is not JSON, or a row that is too long. The message names the line,
            or the row of an array.
    """

    column_names: list[str] | None = None

    def __init__(self, path: str | os.PathLike[str], errors: str = "strict", encoding: str = "utf-8"):
        super().__init__(path, errors, encoding)
        self.place = "line 1"
        self.is_array = False
        if self.is_repeatable:
            with self.opened() as file:
                self.is_array = file.read(1024).decode(self.encoding, "replace").lstrip(" \t\r\n\ufeff").startswith("[")

    def __iter__(self) -> Iterator[Any]:
        if self.is_array:
            with self.opened() as file:
                yield from self._items(io.TextIOWrapper(file, self.encoding, self.errors))
            return
        lines = super().__iter__()
        first = list(itertools.islice(lines, 2))
        # In JSON lines, a list is the words of a row.
        may_be_columns = len(first) == 1 and ".json" in map(str.lower, Path(self.path).suffixes)
        for number, line in enumerate(itertools.chain(first, lines), start=1):
            self.place = f"line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(
                    f"{self.name}: {self.place}: not JSON ({error}); expected an object on each line, or one array of "
                    "objects"
                ) from error
            yield from (_rows_of_columns(row) if may_be_columns else None) or [row]

    def _items(self, file: io.TextIOWrapper) -> Iterator[Any]:
        """Yields the items of an array, of which only a part is in memory."""
        text, position, mark = "", 0, ""
        number = 0
        while mark != "]":
            try:
                item, end = _item(text, position, mark)
            except (ValueError, IndexError, RecursionError) as error:
                # Perhaps the rest of the item has not been read yet.
                text, position = text[position:], 0
                more = "" if len(text) > MAX_LINE_BYTES else self._read(file, max(CHUNK_CHARACTERS, len(text)))
                text += more
                if not more:
                    limit = f"{self.name}: {self.place}: expected JSON of at most {MAX_LINE_BYTES} bytes a row"
                    raise ValueError(f"{limit}, found something else ({error})") from error
                continue
            position, mark = end + 1, text[end]
            if item is not _NOTHING:
                yield item
                number += 1
            self.place = f"row {number + 1}"
        if (text[position:] + self._read(file, CHUNK_CHARACTERS)).strip():
            raise ValueError(f"{self.name}: expected one array, found more after row {number}")

    def _read(self, file: io.TextIOWrapper, size: int) -> str:
        try:
            return file.read(size)
        except UnicodeError as error:
            raise ValueError(f"{self.name}: {self.place}: expected {self.encoding.upper()} ({error})") from error


def _rows_of_columns(table: Any) -> list[dict[str, Any]] | None:
    """Returns the rows of an object with a list for each column, or an object as pandas writes it; otherwise `None`.

    Lists of words are no columns: one of the columns must have a text with a space.
    """
    if not isinstance(table, dict):
        return None
    columns = [list(column.values()) if isinstance(column, dict) else column for column in table.values()]
    if not all(isinstance(column, list) for column in columns) or len({len(column) for column in columns}) != 1:
        return None
    if not any(isinstance(value, str) and " " in value for column in columns for value in column):
        return None
    return [dict(zip(table, values)) for values in zip(*columns)]


# In place of the item between two marks.
_NOTHING = object()


def _item(text: str, position: int, mark: str) -> tuple[Any, int]:
    """Returns an item of an array and the index of the mark after it: `[` before the first item, then `,` and `]`.

    Raises:
        `IndexError`, `ValueError`: If the text ends before this mark, or is not JSON.
    """
    start = _after_space(text, position)
    if not mark and text[start] == "[":
        return _NOTHING, start
    if mark == "[" and text[start] == "]":
        return _NOTHING, start
    item, end = _DECODER.raw_decode(text, start)
    end = _after_space(text, end)
    if text[end] not in ",]":
        raise ValueError(f"expected a comma or ], found {text[end]!r}")
    return item, end


def _after_space(text: str, position: int) -> int:
    match = _WHITE_SPACE.match(text, position)
    return match.end() if match else position


class ParquetRows:
    """The rows of a Parquet file, with some of its columns.

    Args:
        path (`str` or `os.PathLike`): The file.
        columns (`Sequence[str]`): The columns to read.

    Raises:
        `ValueError`: If it is not a Parquet file, or pyarrow is not installed. While iterating: if rows are too long.
    """

    is_repeatable = True

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[str]):
        self.path = self.name = os.fspath(path)
        self.columns = list(columns)
        self.place = "row 1"
        self._num_read = 0
        with self._opened() as file:
            self.num_rows: int = file.metadata.num_rows
            self.schema: Any = file.schema_arrow
            self.column_names: list[str] | None = self.schema.names

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._num_read = 0
        with self._opened() as file:
            for group in range(file.num_row_groups):
                num_rows, num_bytes = _size(file.metadata.row_group(group), self.columns)
                mean_bytes = num_bytes // max(num_rows, 1)
                if mean_bytes > MAX_LINE_BYTES:
                    raise ValueError(
                        f"{self.path}: row group {group}: expected at most {MAX_LINE_BYTES} bytes a row, found "
                        f"{mean_bytes} in {', '.join(self.columns)}"
                    )
                size = max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(mean_bytes, 1)))
                for batch in file.iter_batches(size, [group], self.columns):
                    for values in zip(*(_values(batch.column(name)) for name in self.columns)):
                        self._num_read += 1
                        self.place = f"row {self._num_read}"
                        yield dict(zip(self.columns, values))

    def share(self) -> float | None:
        """Returns the share of the rows that has been read."""
        return self._num_read / self.num_rows if self.num_rows else None

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = import_parquet(self.path)
        import pyarrow

        try:
            with open(self.path, "rb") as handle:
                metadata = parquet.read_metadata(handle)
                paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
                # Values that occur once in the file may fill the memory otherwise.
                repeated = [path for path in paths if path.partition(".")[0] in self.columns]
                with parquet.ParquetFile(handle, metadata=metadata, read_dictionary=repeated) as file:
                    yield file
        except (pyarrow.ArrowException, OSError) as error:
            # Arrow's own errors of damaged files have no number.
            if isinstance(error, OSError) and error.errno is not None:
                raise
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


def _size(row_group: Any, columns: Sequence[str]) -> tuple[int, int]:
    """Returns the number of rows of a row group, and the bytes that its metadata and word counts admit."""
    chunks = [row_group.column(index) for index in range(row_group.num_columns)]
    read = [chunk for chunk in chunks if chunk.path_in_schema.partition(".")[0] in columns]
    # A word takes a byte of the text that separates it from the next one.
    return row_group.num_rows, sum(chunk.total_uncompressed_size + chunk.num_values for chunk in read)


def table_format(path: str | os.PathLike[str]) -> str | None:
    """Returns the format of a table by the ending of its name: `csv`, `tsv`, `json`, `parquet`; otherwise `None`."""
    return FORMATS.get(Path(without_compression(os.fspath(path))).suffix)


def open_rows(
    path: str | os.PathLike[str],
    columns: Mapping[str, str],
    format: str | None = None,
    errors: str = "strict",
    encoding: str = "utf-8",
) -> Any:
    """Returns the rows of a table: [`Rows`], or a `datasets.Dataset` for a directory.

    Args:
        path (`str` or `os.PathLike`): A file, compressed or not, or a directory written by `Dataset.save_to_disk`.
        columns (`Mapping[str, str]`): The columns that are needed, each with the option that selects it, for messages.
            Rows may have others, too.
        format (`str`, *optional*): One of those of `FORMATS`. By default, the ending of the name decides.
        errors, encoding (`str`, *optional*): As for `TextLines`.

    Raises:
        `ValueError`, `OSError`: If it can't be read, lacks a column, or has it twice.
    """
    name, format = os.fspath(path), format or table_format(path)
    rows: Any
    if Path(name).is_dir():
        rows = load_saved_dataset(name)
    elif format == "parquet":
        rows = ParquetRows(name, list(columns))
    elif format == "json":
        rows = JSONRows(name, errors, encoding)
    elif format in ("csv", "tsv"):
        rows = CSVRows(name, errors, encoding, is_tsv=format == "tsv")
    else:
        raise ValueError(f"{name}: expected a table that ends in {', '.join(FORMATS)}, or a directory of `datasets`")
    # A file without a header has a row of data there.
    place = f"{name}: line 1" if isinstance(rows, CSVRows) else name
    for column, option in columns.items():
        check_column(rows.column_names, column, place, option)
    return rows


def is_header(line: str) -> bool:
    """Returns whether a line is probably the header of a table with texts: names, one of them usual."""
    names = [name.strip(' "').lower() for name in re.split("[\t,;]", line)]
    are_names = all(re.fullmatch(r"[^\W\d][\w.-]*|", name) for name in names) and ", " not in line
    # Alone, "Title" may be one.
    is_table = len(names) == len(set(names)) > 1 or line in ("text", "sentence", "tweet", "review")
    return are_names and is_table and not HEADER_NAMES.isdisjoint(names)


def check_column(names: Any, column: str, name: str, option: str = "column") -> None:
    """Raises a `ValueError` unless a table has a column once. If its names are `None`, its rows have to be checked."""
    if isinstance(names, dict):
        raise ValueError(f"{name}: expected one split of a dataset, found the splits {', '.join(names)}")
    if names is None:
        return
    if column not in names:
        found = ", ".join(map(str, names))
        raise ValueError(f"{name}: expected a column {column!r}, found {found}; {option} selects another one")
    if list(names).count(column) > 1:
        raise ValueError(f"{name}: expected one column {column!r}, found {list(names).count(column)}")


def load_saved_dataset(name: str) -> Any:
    """Returns the dataset of a directory, or raises a `ValueError` that says what is wrong."""
    try:
        import datasets
    except ImportError as error:
        raise ValueError(f"{name}: reading a dataset requires the package datasets: pip install datasets") from error
    try:
        return datasets.load_from_disk(name)
    except FileNotFoundError as error:
        raise ValueError(f"{name}: expected a file, or a directory written by Dataset.save_to_disk") from error


def import_parquet(name: str) -> Any:
    """Returns `pyarrow.parquet`, or raises a `ValueError` that says how to install it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(f"{name}: Parquet requires the package pyarrow: pip install pyarrow") from error
    return pyarrow.parquet
