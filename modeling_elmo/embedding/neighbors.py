# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The nearest contexts of a word: where in a corpus it is used as in a given sentence.

Contexts are compared by the cosine of contextual vectors, as in the word sense experiments of the paper (Peters et al.
2018, section 5.3). The corpus is read as a stream, and only sentences that contain the word are computed.
"""

import heapq
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from .embedder import ElmoEmbedder, Sentence, windows
from .text_checks import TextChecks


MARKED = re.compile(r"\[([^\[\]]+)\]")

# Words of a long sentence that are shown on either side.
WORDS_SHOWN = 12


@dataclass(frozen=True)
class Context:
    """A word in a sentence of the corpus."""

    similarity: float  # Cosine of its vector and the given word's.
    line: int  # The line of the sentence in the corpus, from 1.
    words: tuple[str, ...]
    index: int  # The index of the word in its sentence.

    def marked(self) -> str:
        """Returns the surrounding words, with the word in brackets."""
        first, last = max(0, self.index - WORDS_SHOWN), self.index + 1 + WORDS_SHOWN
        shown = [*self.words[first : self.index], f"[{self.words[self.index]}]", *self.words[self.index + 1 : last]]
        return " ".join(["..."] * (first > 0) + shown + ["..."] * (last < len(self.words)))


def marked_word(embedder: ElmoEmbedder, sentence: str, tokenized: bool = True) -> tuple[list[str], int]:
    """Returns the words of a sentence and the index of the one in brackets: `"He sat on the [bank] of the river ."`.

    Raises `ValueError` if not exactly one word is in brackets.
    """
    marks = list(MARKED.finditer(sentence))
    if len(marks) != 1:
        raise ValueError(f"sentence: expected one word in brackets, as in 'the [bank] of', found {len(marks)}")
    marked = marks[0]
    text = sentence[: marked.start()] + marked[1] + sentence[marked.end() :]
    ((_, words),) = embedder.split([text], tokenized)
    end = 0
    for index, word in enumerate(words):
        begin = text.index(word, end)
        end = begin + len(word)
        if (begin, end) == (marked.start(), marked.start() + len(marked[1])):
            return words, index
    raise ValueError(f"sentence: expected one of the words {' '.join(words)!r} in brackets, found {marked[1]!r}")


def nearest_contexts(
    embedder: ElmoEmbedder,
    source: Iterable[str | Sequence[str]],
    words: Sequence[str],
    index: int,
    top_k: int = 10,
    any_word: bool = False,
    tokenized: bool = True,
) -> list[Context]:
    """Finds the words of a corpus whose vectors are most similar to that of a word in a sentence.

    Warns of a corpus whose texts are unusual, as [`ElmoEmbedder.embed`] does.

    Args:
        embedder (`ElmoEmbedder`): Must give one vector per word, without boundaries.
        source (`Iterable`): The corpus: texts or lists of words, such as a `SentenceSource`.
        words (`Sequence[str]`): The sentence.
        index (`int`): The index of the word in it.
        top_k (`int`, *optional*, defaults to 10): Maximum number of contexts.
        any_word (`bool`, *optional*, defaults to `False`): Whether to compare with every word, not only the same one.
        tokenized (`bool`, *optional*, defaults to `True`): Whether to split the corpus at white space.

    Returns:
        `list[Context]`: Sorted by similarity, then by position in the corpus.

    Raises:
        `ValueError`: For an embedder with other vectors, or a `top_k` below 1.
    """
    if embedder.layers == "all" or embedder.is_pooled or embedder.keep_boundaries:
        raise ValueError("embedder must give one vector per word: use layers other than all, no pool and no boundaries")
    if top_k < 1:
        raise ValueError(f"top_k: expected at least 1, found {top_k}")
    (vectors,) = embedder.vectors_of([list(words)])
    wanted = torch.nn.functional.normalize(vectors[index].double(), dim=0)
    lines: deque[int] = deque()
    checks = TextChecks(embedder)

    def candidates() -> Iterator[Sentence]:
        for line, sentence in enumerate(embedder.split(source, tokenized), start=1):
            checks.add([sentence.words])
            if sentence.words if any_word else words[index] in sentence.words:
                lines.append(line)
                yield sentence
        checks.warn(is_all=True)

    def contexts() -> Iterator[Context]:
        for window in windows(candidates(), embedder.window_words, embedder.piece_words):
            for (_, found), vectors in zip(window, embedder.vectors_of([sentence.words for sentence in window])):
                line, shown = lines.popleft(), tuple(found)
                positions = [position for position, word in enumerate(found) if any_word or word == words[index]]
                for begin in range(0, len(positions), embedder.piece_words):
                    chunk = positions[begin : begin + embedder.piece_words]
                    rows = torch.nn.functional.normalize(vectors[chunk].double(), dim=1)
                    for similarity, position in zip((rows @ wanted).tolist(), chunk):
                        yield Context(similarity, line, shown, position)

    # Of equal contexts the earlier one is kept.
    return heapq.nlargest(top_k, contexts(), key=lambda context: context.similarity)
