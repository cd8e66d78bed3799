# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Warnings about text: numbers come out, but probably of other words than its author means.

Each is said once for a call or a run, with counts and an example. `elmo ... --strict` and
`warnings.simplefilter("error", ElmoWarning)` turn them into errors.
"""

import re
import warnings
from collections.abc import Iterable, Sequence

from .characters import Characters


# Longer examples are abbreviated.
MAX_SHOWN = 40

# At the end of a word, these belong to raw text. The empty string is in no set.
MARKS = frozenset(",;!?\u060c\u061b\u061f\u0964")

# Of the words of raw text, about every tenth has a mark; of text that is split, hardly one.
MANY_GLUED = 0.02

# A sentence with fewer unknown words may be short, or about names.
MIN_UNKNOWN = 3

# Several words of a script without spaces between them, which only a dictionary tells apart.
UNSPACED = re.compile(
    "(?P<Thai>[\u0e01-\u0e4e]{8})|(?P<Lao>[\u0e81-\u0ecd]{8})|(?P<Burmese>[\u1000-\u109f]{8})|(?P<Khmer>[\u1780-\u17d3]{8})"
)


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


class GluedMarks:
    """Counts words with a comma or the like at their end, as raw text has them where words are taken for split."""

    def __init__(self) -> None:
        self._num_words = 0
        self._num_glued = 0
        self._example = ""

    def add(self, words: Sequence[str], times: int = 1) -> None:
        """Counts the words of a text, of which the last may also end with a period; or some that occur `times`."""
        self._num_words += len(words) * times
        glued = [word for word in words if word[-1:] in MARKS and word[-2:-1].isalpha()]
        if len(words) > 1 and words[-1][-1:] == "." and words[-1][-2:-1].isalpha():
            glued.append(words[-1])
        if glued:
            self._num_glued += len(glued) * times
            self._example = self._example or glued[0]

    def message(self) -> str | None:
        """Returns the warning, or `None` where there are few such words."""
        if self._num_glued < 2 or self._num_glued < MANY_GLUED * self._num_words:
            return None
        return (
            f"words with a mark at their end: {self._num_glued:,} of {self._num_words:,}, such as "
            f"{shown(self._example)}. If it is raw text, --raw splits it (in Python, pass texts, not lists of words)"
        )


class TokenizerWarnings:
    """What a tokenizer says of the texts that it encodes, each kind once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __reduce__(self) -> tuple[type, tuple[()]]:
        # `datasets` hashes a tokenizer to find results of an earlier map; what was said doesn't change them.
        return type(self), ()

    def check_lengths(self, words: Sequence[str], characters: Characters) -> None:
        """Warns of words of a call, all different, that are longer than a model reads."""
        if "lengths" not in self._said and characters.cut(words):
            cut = CutWords(characters)
            cut.add(words)
            self._say("lengths", cut.message())

    def check_spaces(self, texts: Iterable[str]) -> None:
        """Warns of raw text in a script without spaces between words, other than Chinese and Japanese."""
        if "spaces" in self._said:
            return
        found = next((match for text in texts if not text.isascii() and (match := UNSPACED.search(text))), None)
        if found is not None:
            self._say(
                "spaces",
                f"{found.lastgroup} has no spaces between words, and this tokenizer can't find words without them: "
                "split the text by a tokenizer for this language first, and pass lists of words "
                "(is_split_into_words=True) or put spaces between them",
            )

    def check_known(self, num_unknown: int, num_words: int) -> None:
        """Warns if half of the words or more are unknown, where a model predicts words of its vocabulary."""
        if num_unknown >= MIN_UNKNOWN and 2 * num_unknown >= num_words:
            self._say(
                "known",
                f"words outside the vocabulary: {num_unknown:,} of {num_words:,}. The model predicts words of its "
                "vocabulary: is it that of the text's language and case?",
            )

    def _say(self, kind: str, message: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            warnings.warn(message, ElmoWarning, stacklevel=4)


def shown(text: str) -> str:
    """Returns an example for a message, abbreviated if it is long."""
    return repr(text) if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]!r}... ({len(text):,} characters)"
