# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files with semantic roles: a word on each line, a column that marks the predicates, then a column for each of them.

A sentence with n predicates has n columns of roles, in the order of the predicates: sentences differ in their number
of columns. The words of an argument are marked in one of two styles:

    spans       `(A0*`, `*`, `*)` (CoNLL-2005)                                become  B-A0, I-A0, I-A0
    one word    `ARG0` at the head of the argument (Universal Propositions)   stays   ARG0

Other words, `*` or `_`, become `O`. CoNLL-2005: https://www.cs.upc.edu/~srlconll/; Universal Propositions:
https://universalpropositions.github.io
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .columns import split_columns
from .text import MAX_LINE_BYTES


# What stands for no predicate or no role.
EMPTY = ("_", "-", "")
OUTSIDE = "O"

_SPAN = re.compile(r"(?:\(([^()*\s]+))?\*(\))?")


@dataclass(frozen=True)
class RoleSentence:
    """The words of a sentence, the indices of its predicates, and for each predicate the role of every word."""

    words: list[str] = field(default_factory=list)
    predicates: list[int] = field(default_factory=list)
    roles: list[list[str]] = field(default_factory=list)


class RoleFile:
    """The sentences of lines with a word each.

    Args:
        lines (`Iterable[str]`): The lines, without their ends.
        name (`str`): The file, for messages.
        word_column (`int`, *optional*, defaults to 0): The index of the column of the words.
        predicate_column (`int`, *optional*, defaults to 2): The index of the column whose entries, other than `_` and
            `-`, mark predicates. The columns of roles follow it.

    Raises:
        `ValueError`: While iterating, for a sentence that has not one column of roles for each predicate, or whose
            brackets do not match. The message names the line.
    """

    def __init__(self, lines: Iterable[str], name: str, word_column: int = 0, predicate_column: int = 2):
        if min(word_column, predicate_column) < 0 or word_column == predicate_column:
            raise ValueError(
                f"word_column and predicate_column: expected two indices, 0 or more, found {word_column} and "
                f"{predicate_column}"
            )
        self.name, self._lines = name, lines
        self._word_column, self._predicate_column = word_column, predicate_column

    def __iter__(self) -> Iterator[RoleSentence]:
        rows: list[list[str]] = []
        number = size = 0
        for number, line in enumerate(self._lines, start=1):
            if line.strip(" \t"):
                rows.append(self._columns(number, line))
                size += len(line) + 1
                if size > MAX_LINE_BYTES:
                    raise ValueError(
                        f"{self.name}:{number}: a sentence of more than {MAX_LINE_BYTES} characters: no blank line "
                        "ends it"
                    )
            elif rows:
                yield self._sentence(rows, number - len(rows))
                rows, size = [], 0
        if rows:
            yield self._sentence(rows, number - len(rows) + 1)

    def _columns(self, number: int, line: str) -> list[str]:
        columns = split_columns(line)
        if len(columns) <= max(self._word_column, self._predicate_column) or not columns[self._word_column]:
            raise ValueError(
                f"{self.name}:{number}: expected a word in column {self._word_column} and predicates in column "
                f"{self._predicate_column}, found {line[:60]!r}"
            )
        return columns

    def _sentence(self, rows: list[list[str]], first: int) -> RoleSentence:
        """Makes a sentence of its rows, the first of which is on the line `first`."""
        at = self._predicate_column
        sentence = RoleSentence(words=[row[self._word_column] for row in rows])
        sentence.predicates.extend(index for index, row in enumerate(rows) if row[at] not in EMPTY)
        wanted = at + 1 + len(sentence.predicates)
        for number, row in enumerate(rows, start=first):
            # Without predicates, a tab may still end the line.
            if (len(row) != wanted and any(row[wanted:])) or len(row) < wanted:
                raise ValueError(
                    f"{self.name}:{number}: expected {wanted} columns, since {len(sentence.predicates)} predicates "
                    f"stand in column {at} of this sentence, found {len(row)}"
                )
        for column in range(at + 1, wanted):
            sentence.roles.append(self._roles([row[column] for row in rows], first))
        return sentence

    def _roles(self, cells: list[str], first: int) -> list[str]:
        if not any("*" in cell for cell in cells):
            return [OUTSIDE if cell in EMPTY else cell for cell in cells]
        roles, inside = [], ""
        for number, cell in enumerate(cells, start=first):
            match = _SPAN.fullmatch(cell)
            if match is None or (match[1] and inside) or (match[2] and not (match[1] or inside)):
                raise ValueError(
                    f"{self.name}:{number}: expected `(ROLE*`, `*`, `*)` or `(ROLE*)`, one span after the other, found "
                    f"{cell[:60]!r}"
                )
            roles.append(f"B-{match[1]}" if match[1] else f"I-{inside}" if inside else OUTSIDE)
            inside = "" if match[2] else match[1] or inside
        if inside:
            raise ValueError(f"{self.name}:{first}: the span ({inside} of this sentence has no end")
        return roles
