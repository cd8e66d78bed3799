# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The nearest contexts of a word: where in a corpus it is used as in a given sentence.

The measure is the cosine of contextual vectors, as in the word sense experiments of the paper (Peters et al. 2018,
section 5.3). The corpus is read as a stream, and only sentences that may count are computed.
"""

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from .embedder import ElmoEmbedder, Sentence, windows
from .sources import SentenceSource


MARKED = re.compile(r"\[([^\[\]]+)\]")

# How many words of a long sentence are shown on either side.
WORDS_SHOWN = 12


@dataclass(frozen=True)
class Context:
    """A word in a sentence of the corpus.

    Attributes:
        similarity (`float`): Cosine of its vector and the given word's.
        line (`int`): The number of the sentence in the corpus, from 1.
        words (`tuple[str, ...]`): The sentence.
        place (`int`): The word's place in it.
    """

    similarity: float
    line: int
    words: tuple[str, ...]
    place: int

    def marked(self) -> str:
        """Returns the words around, with the word in brackets."""
        first, last = max(0, self.place - WORDS_SHOWN), self.place + 1 + WORDS_SHOWN
        shown = [*self.words[first : self.place], f"[{self.words[self.place]}]", *self.words[self.place + 1 : last]]
        return " ".join(["..."] * (first > 0) + shown + ["..."] * (last < len(self.words)))


def marked_word(embedder: ElmoEmbedder, sentence: str, tokenized: bool = True) -> tuple[list[str], int]:
    """Reads a sentence in which one word is in brackets.

    Args:
        embedder (`ElmoEmbedder`): Splits raw text.
        sentence (`str`): The sentence: `"He sat on the [bank] of the river ."`
        tokenized (`bool`, *optional*, defaults to `True`): Whether white space separates its words.

    Returns:
        The words, and the place of the one in brackets.

    Raises:
        `ValueError`: If not exactly one word is.
    """
    marks = list(MARKED.finditer(sentence))
    if len(marks) != 1:
        raise ValueError(f"sentence: expected one word in brackets, as in 'the [bank] of', found {len(marks)}")
    marked = marks[0]
    text = sentence[: marked.start()] + marked[1] + sentence[marked.end() :]
    ((_, words),) = embedder.split([text], tokenized)
    end = 0
    for place, word in enumerate(words):
        begin = text.index(word, end)
        end = begin + len(word)
        if (begin, end) == (marked.start(), marked.start() + len(marked[1])):
            return words, place
    raise ValueError(f"sentence: expected one of the words {' '.join(words)!r} in brackets, found {marked[1]!r}")


def nearest_contexts(
    embedder: ElmoEmbedder,
    source: SentenceSource,
    words: Sequence[str],
    place: int,
    top_k: int = 10,
    any_word: bool = False,
    tokenized: bool = True,
) -> list[Context]:
    """Finds the words of a corpus whose vectors are most like a word's in a sentence.

    Args:
        embedder (`ElmoEmbedder`): With one vector for each word, boundaries left out.
        source (`SentenceSource`): The corpus.
        words (`Sequence[str]`): The sentence.
        place (`int`): The word's place in it.
        top_k (`int`, *optional*, defaults to 10): How many are wanted.
        any_word (`bool`, *optional*, defaults to `False`): Whether to compare with all words, not with the same alone.
        tokenized (`bool`, *optional*, defaults to `True`): Whether white space separates the words of the corpus.

    Returns:
        `list[Context]`: The most similar first; of equally similar ones, the earlier first.

    Raises:
        `ValueError`: For an embedder that gives other vectors, or a number below 1.
    """
    if embedder.layers == "all" or embedder.is_pooled or embedder.keep_boundaries:
        raise ValueError("embedder: expected one vector for each word: layers other than all, no pool, no boundaries")
    if top_k < 1:
        raise ValueError(f"top_k: expected at least 1, found {top_k}")
    (vectors,) = embedder.vectors_of([list(words)])
    wanted = torch.nn.functional.normalize(vectors[place].double(), dim=0)
    best: list[tuple[float, int, int, tuple[str, ...]]] = []
    lines: list[int] = []

    def candidates() -> Iterator[Sentence]:
        for line, sentence in enumerate(embedder.split(source, tokenized), start=1):
            if sentence.words if any_word else words[place] in sentence.words:
                lines.append(line)
                yield sentence

    for window in windows(candidates(), embedder.window_words, embedder.piece_words):
        sentences = [sentence.words for sentence in window]
        window_lines, lines[:] = lines[: len(window)], lines[len(window) :]
        for line, found, vectors in zip(window_lines, sentences, embedder.vectors_of(sentences)):
            places = [at for at, word in enumerate(found) if any_word or word == words[place]]
            for begin in range(0, len(places), embedder.piece_words):
                some = places[begin : begin + embedder.piece_words]
                rows = torch.nn.functional.normalize(vectors[some].double(), dim=1)
                for similarity, at in zip((rows @ wanted).tolist(), some):
                    # Earlier contexts are greater, so that they stay.
                    entry = (similarity, -line, -at, tuple(found) if len(best) < top_k else ())
                    if len(best) < top_k:
                        heapq.heappush(best, entry)
                    elif entry[:3] > best[0][:3]:
                        heapq.heapreplace(best, (*entry[:3], tuple(found)))
    return [Context(similarity, -line, found, -at) for similarity, line, at, found in sorted(best, reverse=True)]


__all__ = ["Context", "marked_word", "nearest_contexts"]
