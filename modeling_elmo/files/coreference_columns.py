# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files with coreference: a word on each line, whose last column has the brackets of mentions (CoNLL-2012, OntoGUM).

    #begin document NAME        a document begins; `#end document` may end it
    (1      or  (1|(2           mentions of the clusters 1 and 2 begin at this word
    1)      or  (3)|1)          a mention ends; one begins and ends
    _       or  -               neither

Blank lines separate sentences, `|` may separate brackets. CoNLL-2012: https://conll.cemantix.org/2012/data.html
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .columns import split_columns
from .text import MAX_LINE_BYTES


EMPTY = ("_", "-", "*")
BEGIN, END = "#begin document", "#end document"

_CELL = re.compile(r"(?:(?:\([^()|\s]+\)?|[^()|\s]+\))\|?)+")
_BRACKET = re.compile(r"(\()?([^()|\s]+)(\))?")

# First and last word of a mention, counted from 0 over the document.
Span = tuple[int, int]


@dataclass(frozen=True)
class CoreferenceDocument:
    """A document: the words of its sentences, and the mentions of its clusters, both in the order of the text."""

    name: str
    sentences: list[list[str]] = field(default_factory=list)
    clusters: list[list[Span]] = field(default_factory=list)


class CoreferenceFile:
    """The documents of lines with a word each.

    A span that stands in two clusters counts in the first of them only.

    Args:
        lines (`Iterable[str]`): The lines, without their ends.
        name (`str`): The file, for messages.
        word_column (`int`, *optional*, defaults to 0): The index of the column of the words; 3 in CoNLL-2012.

    Raises:
        `ValueError`: While iterating, for a word outside a document or brackets that do not match. The message names
            the line.
    """

    def __init__(self, lines: Iterable[str], name: str, word_column: int = 0):
        if word_column < 0:
            raise ValueError(f"word_column: expected 0 or more, found {word_column}")
        self.name, self._lines, self._word_column = name, lines, word_column

    def __iter__(self) -> Iterator[CoreferenceDocument]:
        rows: list[tuple[int, str]] = []
        title, size = None, 0
        for number, line in enumerate(self._lines, start=1):
            if line.startswith((BEGIN, END)):
                if title is not None:
                    yield self._document(title, rows)
                title, rows, size = None, [], 0
                if line.startswith(BEGIN):
                    title = line.removeprefix(BEGIN).strip()
                continue
            if title is None and line.strip(" \t"):
                raise ValueError(f"{self.name}:{number}: expected {BEGIN!r} before the first word, found {line[:60]!r}")
            rows.append((number, line))
            size += len(line) + 1
            if size > MAX_LINE_BYTES:
                raise ValueError(f"{self.name}:{number}: a document of more than {MAX_LINE_BYTES} characters")
        if title is not None:
            yield self._document(title, rows)

    def _document(self, title: str, rows: Sequence[tuple[int, str]]) -> CoreferenceDocument:
        document = CoreferenceDocument(title)
        mentions: list[tuple[Span, str]] = []
        # The first words of the mentions that have not ended, and the line of the last one, by cluster.
        begun: dict[str, list[tuple[int, int]]] = defaultdict(list)
        position, is_new = 0, True
        for number, line in rows:
            if not line.strip(" \t"):
                is_new = True
                continue
            columns = split_columns(line)
            if len(columns) < self._word_column + 2 or not columns[self._word_column]:
                raise ValueError(
                    f"{self.name}:{number}: expected a word in column {self._word_column} and brackets of mentions in "
                    f"the last column, found {line[:60]!r}"
                )
            if is_new:
                document.sentences.append([])
                is_new = False
            document.sentences[-1].append(columns[self._word_column])
            for begins, cluster, ends in self._brackets(number, columns[-1]):
                if begins:
                    begun[cluster].append((position, number))
                if ends:
                    if not begun[cluster]:
                        raise ValueError(f"{self.name}:{number}: a mention of {cluster} ends, but none has begun")
                    mentions.append(((begun[cluster].pop()[0], position), cluster))
            position += 1
        for cluster, open_mentions in begun.items():
            for _, number in open_mentions:
                raise ValueError(f"{self.name}:{number}: the mention ({cluster} of this document has no end")
        document.clusters.extend(_clusters(mentions))
        return document

    def _brackets(self, number: int, cell: str) -> list[tuple[str, str, str]]:
        if cell in EMPTY:
            return []
        if not _CELL.fullmatch(cell):
            raise ValueError(
                f"{self.name}:{number}: expected `_` or brackets such as `(1`, `1)` or `(1)`, found {cell[:60]!r}"
            )
        return _BRACKET.findall(cell)


def _clusters(mentions: Iterable[tuple[Span, str]]) -> list[list[Span]]:
    clusters: dict[str, list[Span]] = defaultdict(list)
    seen: set[Span] = set()
    for span, cluster in sorted(mentions):
        if span not in seen:
            seen.add(span)
            clusters[cluster].append(span)
    return list(clusters.values())


def bracket_cells(num_words: int, clusters: Sequence[Sequence[Sequence[int]]]) -> list[str]:
    """Returns the cell of each word of a document, the inverse of [`CoreferenceFile`]; `_` for none."""
    mentions = sorted((first, -last, number) for number, cluster in enumerate(clusters) for first, last in cluster)
    begins: list[list[str]] = [[] for _ in range(num_words)]
    ends: list[list[str]] = [[] for _ in range(num_words)]
    for first, negative_last, number in mentions:
        last = -negative_last
        begins[first].append(f"({number})" if first == last else f"({number}")
        if first != last:
            ends[last].insert(0, f"{number})")
    return ["|".join(before + after) or "_" for before, after in zip(begins, ends)]
