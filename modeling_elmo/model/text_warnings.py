# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Warnings about text: numbers come out, but probably of other words than its author means.

Each is said once for a call or a run, with counts and an example. `elmo ... --strict` and
`warnings.simplefilter("error", ElmoWarning)` turn them into errors.
"""

from collections.abc import Sequence

from .characters import Characters


# Longer examples are abbreviated.
MAX_SHOWN = 40


class ElmoWarning(UserWarning):
    """Text or files that are valid, but probably don't mean what their author thinks."""


class CutWords:
    """Counts the words that are longer than a model reads.

    Args:
        characters (`Characters`): Those of the tokenizer.
    """

    def __init__(self, characters: Characters):
        self._characters = characters
        self.num_words = 0
        self.num_cut = 0
        self.longest = ""

    def add(self, words: Sequence[str]) -> None:
        """Counts words."""
        self.num_words += len(words)
        if cut := self._characters.cut(words):
            self.num_cut += len(cut)
            self.longest = max(self.longest, *cut, key=len)

    def message(self) -> str:
        """Returns the warning."""
        characters = self._characters
        return (
            f"words longer than the {characters.length - 2} {characters.unit} that the model reads: "
            f"{self.num_cut:,} of {self.num_words:,}, the longest {shown(self.longest)}. The rest of each is left out. "
            "Is the text split into words?"
        )


def shown(text: str) -> str:
    """Returns an example for a message, abbreviated if it is long."""
    return repr(text) if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]!r}... ({len(text):,} characters)"
