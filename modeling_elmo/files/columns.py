# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files with a word on each line: CoNLL-U, and the columns of CoNLL-2003, GermEval, WNUT and their like.

Columns are separated by tabs or spaces, sentences by blank lines or document marks (`-DOCSTART-`). The first lines tell
whether words are numbered, as in CoNLL-U and GermEval. Then every line that begins with `#` is a comment, and ranges
(`1-2`) and empty nodes (`2.1`), which are no words of their own, are left out. Otherwise a line may begin with the word
`#` or `#nlp`: a comment stands before a sentence and has other columns than a word.

CoNLL-U: https://universaldependencies.org/format.html; with other columns: https://universaldependencies.org/ext-format.html
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from .text import MAX_LINE_BYTES, TextLines


# Endings of the names of such files, in small letters.
COLUMN_ENDINGS = (".conll", ".conllu", ".conllup", ".iob", ".iob2", ".bio")

DOCUMENT_MARK = "-DOCSTART-"

CONLLU = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")

# How much of a file tells its layout.
HEAD_LINES = 100
HEAD_CHARACTERS = 1_000_000

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_ID = re.compile(r"\d{1,9}([-.]\d{1,9})?", re.ASCII)
_NAMES = re.compile(r"#\s*global\.columns\s*=\s*(.+)")
_COMMENT = re.compile(r"#\s+\S|##")
_CERTAIN_COMMENT = re.compile(r"#\s+(\S+\s*=\s|(newdoc|newpar)\b)|#(begin|end) document\b")
_ENTITY_LABEL = re.compile(r"O|[BIESLUM]-\S+")

Column = int | str | None


@dataclass(frozen=True)
class ColumnSentence:
    """The words of a sentence and, if labels are read, these and the lines of the file on which they stand."""

    words: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


class ColumnFile:
    """The sentences of lines with a word each.

    Args:
        lines (`Iterable[str]`): The lines, without their ends.
        name (`str`): The file, for messages.
        word_column (`int` or `str`, *optional*): The column of the words: its index, negative from the end, or its
            name in CoNLL-U. By default `FORM` or, in other files, the first one that does not number the words.
        label_column (`int` or `str`, *optional*): The column of the labels. By default `UPOS` in CoNLL-U, the one after
            the words where these are numbered (GermEval), otherwise the last one.
        has_labels (`bool`, *optional*, defaults to `True`): Whether to read labels.
        word_option (`str`, *optional*, defaults to `"word_column"`): What messages call `word_column`.

    Raises:
        `ValueError`: If there are no words or no such columns and, while iterating, for a line that has other columns
            than the first one. The message names the line.
    """

    def __init__(
        self,
        lines: Iterable[str],
        name: str,
        word_column: Column = None,
        label_column: Column = None,
        has_labels: bool = True,
        word_option: str = "word_column",
    ):
        self.name = name
        numbered = enumerate(lines, start=1)
        head = list(_head(numbered))
        self._lines = chain(head, numbered)
        rows = [(number, line) for number, line in head if _is_row(line)]
        words = [row for row in rows if not row[1].startswith("#")] or rows
        if not words:
            raise ValueError(f"{name}: expected a word on each line, found no words")
        self._first, first = words[0]
        self._has_tabs = "\t" in first
        self.num_columns = len(split_columns(first))
        named = [match[1].split() for _, line in rows if (match := _NAMES.match(line))]
        self.is_numbered = _are_numbered([line for _, line in head])
        standard = CONLLU if self.is_numbered and self.num_columns == len(CONLLU) else ()
        self.column_names: tuple[str, ...] = tuple(named[0]) if named else standard
        self._options = {word_option: self._index(word_option, word_column, self._default_word_column(), first)}
        if has_labels:
            default = self._default_label_column(*self._options.values())
            self._options["label_column"] = self._index("label_column", label_column, default, first)
        if len(set(self._options.values())) < len(self._options):
            raise ValueError(
                f"{name}:{self._first}: {word_option} and label_column must differ, found {first[:60]!r} with "
                f"{self.num_columns} columns, which tabs or spaces separate"
            )

    def describe(self) -> str:
        """Returns which columns are read, as `FORM and UPOS` or `0 and 3`."""
        named = dict(enumerate(self.column_names))
        return " and ".join(str(named.get(index, index)) for index in self._options.values())

    def __iter__(self) -> Iterator[ColumnSentence]:
        sentence, size = ColumnSentence(), 0
        for number, line in self._lines:
            if not _is_row(line):
                if sentence.words:
                    yield sentence
                sentence, size = ColumnSentence(), 0
                continue
            if self._is_comment(line, is_first=not sentence.words):
                continue
            where, columns = f"{self.name}:{number}", self._columns(number, line)
            size += len(line) + 1
            if size > MAX_LINE_BYTES:
                raise ValueError(f"{where}: a sentence of more than {MAX_LINE_BYTES} characters: no blank line ends it")
            if self.is_numbered and not _NUMBER.fullmatch(columns[0]):
                continue
            cells = [columns[index] for index in self._options.values()]
            for option, cell in zip(self._options, cells):
                if not cell:
                    raise ValueError(f"{where}: expected a value in {option}, found none: {line[:60]!r}")
            sentence.words.append(cells[0])
            if len(cells) > 1:
                sentence.labels.append(cells[1])
                sentence.lines.append(number)
        if sentence.words:
            yield sentence

    def _columns(self, number: int, line: str) -> list[str]:
        columns = split_columns(line)
        if len(columns) != self.num_columns:
            raise ValueError(
                f"{self.name}:{number}: expected {self.num_columns} columns, found {len(columns)}: {line[:60]!r}"
            )
        if self.is_numbered and not _ID.fullmatch(columns[0]):
            raise ValueError(f"{self.name}:{number}: expected the number of a word, found {line[:60]!r}")
        return columns

    def _is_comment(self, line: str, is_first: bool) -> bool:
        if self.is_numbered or not line.startswith("#"):
            return line.startswith("#")
        has_other_columns = ("\t" in line) != self._has_tabs or len(split_columns(line)) != self.num_columns
        if _CERTAIN_COMMENT.match(line):
            return True
        return is_first and has_other_columns and _COMMENT.match(line) is not None

    def _default_word_column(self) -> int:
        return self.column_names.index("FORM") if "FORM" in self.column_names else int(self.is_numbered)

    def _default_label_column(self, word_column: int) -> int:
        if "UPOS" in self.column_names:
            return self.column_names.index("UPOS")
        return min(word_column + 1, self.num_columns - 1) if self.is_numbered else -1

    def _index(self, option: str, column: Column, default: int, first: str) -> int:
        """Returns the index, 0 or more, of a column that is given by its index or name."""
        given: int | str = default if column is None else column
        named = [name for name in (given, str(given).upper()) if name in self.column_names]
        if named:
            given = self.column_names.index(named[0])
        where = f"{self.name}:{self._first}"
        if isinstance(given, str) and not re.fullmatch(r"-?\d{1,9}", given, re.ASCII):
            known = (
                f"one of {', '.join(self.column_names)}" if self.column_names else "an index, as columns have no names"
            )
            raise ValueError(f"{where}: {option}: expected {known}, found {given!r}")
        index = int(given)
        if not -self.num_columns <= index < self.num_columns:
            raise ValueError(f"{where}: expected {option} {index}, found {self.num_columns} columns: {first[:60]!r}")
        return index % self.num_columns


class ColumnWords(TextLines):
    """The words of each sentence of a file with a word on each line, as [`ColumnFile`] reads them."""

    def __init__(self, path: str | os.PathLike[str], column: Column = None, errors: str = "strict"):
        super().__init__(path, errors)
        self.column = column

    def __iter__(self) -> Iterator[list[str]]:
        lines = super().__iter__()
        for sentence in ColumnFile(lines, self.name, self.column, has_labels=False, word_option="column"):
            yield sentence.words


def are_columns(lines: list[str]) -> bool:
    """Returns whether the first lines of a text have a word each: numbered words, or ones labelled as in BIO."""
    rows = [split_columns(line) for line in lines if _is_row(line) and not line.startswith("#")]
    if len(rows) < 3 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return False
    return _are_numbered(lines) or all(_ENTITY_LABEL.fullmatch(row[-1]) for row in rows)


def _head(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yields the first lines, at least until the first word."""
    size, has_words = 0, False
    for number, line in lines:
        yield number, line
        size += len(line)
        has_words = has_words or (_is_row(line) and not line.startswith("#"))
        if size > HEAD_CHARACTERS or (has_words and number >= HEAD_LINES):
            return


def _is_row(line: str) -> bool:
    """Whether a line is part of a sentence or a comment, rather than the end of a sentence."""
    return bool(line.strip(" \t")) and not (line.startswith(DOCUMENT_MARK) and split_columns(line)[0] == DOCUMENT_MARK)


def split_columns(line: str) -> list[str]:
    """Returns the columns of a line, which tabs or spaces separate."""
    # Don't split at any white space: it may be a word of web text.
    return line.split("\t") if "\t" in line else [column for column in line.split(" ") if column]


def _are_numbered(lines: list[str]) -> bool:
    """Whether the words of each sentence are numbered from 0 or 1 in the first column."""
    expected: tuple[int, ...] = (0, 1)
    num_rows = 0
    for line in lines:
        if not _is_row(line):
            expected = (0, 1)
        elif not line.startswith("#"):
            columns = split_columns(line)
            if len(columns) < 2 or not _ID.fullmatch(columns[0]):
                return False
            if "\t" in line and len(columns) == len(CONLLU):
                return True
            num_rows += 1
            if _NUMBER.fullmatch(columns[0]):
                if int(columns[0]) not in expected:
                    return False
                expected = (int(columns[0]) + 1,)
    # A single `1` may be a word.
    return num_rows > 1
