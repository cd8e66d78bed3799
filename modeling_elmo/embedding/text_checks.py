# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What is said about texts that are embedded: words that are cut, words with white space, texts of one word each."""

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..files.model_directory import reads_lemmas
from ..model.text_warnings import CutWords, ElmoWarning, GluedMarks, shown


if TYPE_CHECKING:
    from .embedder import ElmoEmbedder


# Words that are cut are normal, such as long addresses. Above this share, they are said at once, not at the end.
MANY = 0.01

# A model that knows only words: below this share of known ones, its vectors are those of `<UNK>`.
FEW_KNOWN = 0.5


class TextChecks:
    """Counts what is unusual in the texts of a call or run, and warns of each kind once.

    Args:
        embedder (`ElmoEmbedder`): What reads them.
    """

    def __init__(self, embedder: "ElmoEmbedder"):
        tokenizer = embedder.tokenizer
        self._cut = CutWords(tokenizer.characters)
        self._glued = GluedMarks()
        self._reads_characters = embedder.config.reads_characters
        self._find, self._max_lookup = tokenizer.backend_tokenizer.token_to_id, tokenizer.max_lookup_characters
        self._num_texts = self._num_single = self._num_spaced = self._num_unknown = 0
        self._single = self._spaced = self._unknown = ""
        self._said: set[str] = set()

    def add(self, sentences: Iterable[Sequence[str]]) -> None:
        """Counts the words of texts."""
        for words in sentences:
            if not words:
                continue
            self._num_texts += 1
            if len(words) == 1:
                self._num_single += 1
                self._single = self._single or words[0]
            if len(" ".join(words).split()) > len(words):
                words = self._without_spaced(words)
            self._glued.add(words)
            if self._reads_characters:
                self._cut.add(words)
            else:
                self._cut.num_words += len(words)
                unknown = [word for word in words if self._find(word[: self._max_lookup]) is None]
                self._num_unknown += len(unknown)
                self._unknown = max([self._unknown, *unknown], key=len)

    def _without_spaced(self, words: Sequence[str]) -> list[str]:
        spaced = [word for word in words if len(word.split()) > 1]
        self._num_spaced += len(spaced)
        self._spaced = max([self._spaced, *spaced], key=len)
        return [word for word in words if len(word.split()) <= 1]

    def warn(self, is_all: bool = False) -> None:
        """Warns of what the texts have been found to be so far; `is_all`, if there are no more."""
        num_words = self._cut.num_words
        if self._num_spaced:
            self._say(
                f"words with white space inside: {self._num_spaced:,} of {num_words + self._num_spaced:,}, such as "
                f"{shown(self._spaced)}. The model reads each as one word; pass a sentence as a text, or as a list of "
                "its words"
            )
        elif self._num_texts > 1 and self._num_single == self._num_texts:
            self._say(
                f"texts of one word: all {self._num_texts:,}, such as {shown(self._single)}. Their vectors have no "
                "context; pass whole sentences (in Python, the words of one are a list in the list: [['I', 'love']])"
            )
        if (glued := self._glued.message()) is not None:
            self._say(glued)
        if self._cut.num_cut > (0 if is_all else MANY * num_words):
            self._say(self._cut.message())
        if self._num_unknown > (1 - FEW_KNOWN) * num_words:
            self._say(
                f"words outside the vocabulary: {self._num_unknown:,} of {num_words:,}, such as "
                f"{shown(self._unknown)}. This model reads no characters, so they share one vector. Is the text in the "
                "model's language, and in its case?"
            )

    def _say(self, message: str) -> None:
        kind = message.partition(":")[0]
        if kind not in self._said:
            self._said.add(kind)
            # The line that calls `embed`.
            warnings.warn(message, ElmoWarning, stacklevel=5)


def warn_of_lemmas(path: str | os.PathLike[str]) -> None:
    """Warns if the model in a directory reads lemmas, as its card says."""
    if reads_lemmas(path):
        warnings.warn(
            f"{os.fspath(path)}: this model reads lemmas, says its model card. If the text is not lemmatized, its "
            "vectors are poor",
            ElmoWarning,
            stacklevel=3,
        )
