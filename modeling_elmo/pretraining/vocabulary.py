# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Vocabularies counted from text: `<S>`, `</S>`, `<UNK>`, then words by falling frequency.

The order matters: the sampled softmax of training takes a word's rank for its frequency. Reading vocabulary files is
the tokenizer's.
"""

import os
from collections import Counter
from dataclasses import dataclass

from ..files.atomic import new_file
from ..model.tokenization_elmo import LINE_SPACE, NOT_A_WORD, SPECIAL_TOKENS
from ..model.word_splitting import TextSplitter
from .corpus import Corpus


# In this order at the head of a vocabulary file.
LEADING_TOKENS = (SPECIAL_TOKENS["bos_token"], SPECIAL_TOKENS["eos_token"], SPECIAL_TOKENS["unk_token"])


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary and how much of the text it was counted from it covers.

    Attributes:
        words (`list[str]`): Special tokens first, then by falling frequency, in alphabetical order where that is equal.
        num_text_words (`int`): Words in the text.
        num_known_words (`int`): How many of them the vocabulary has.
        num_sentences (`int`): Lines of text.
    """

    words: list[str]
    num_text_words: int
    num_known_words: int
    num_sentences: int


def count_words(corpus: Corpus, split_words: TextSplitter) -> tuple[Counter[str], int]:
    """Returns how often each word stands in a corpus, and the number of its sentences.

    Args:
        corpus (`Corpus`): The text.
        split_words (`TextSplitter`): Splits texts into words.
    """
    counts: Counter[str] = Counter()
    num_sentences = 0
    for block in corpus.order(None):
        lines = corpus.read(block)
        if lines is None:
            break
        num_sentences += len(lines)
        for first in range(0, len(lines), 4096):
            for words in split_words(lines[first : first + 4096]):
                counts.update(words)
    return counts, num_sentences


def build_vocabulary(
    counts: Counter[str], num_sentences: int = 0, size: int | None = None, min_count: int = 1
) -> Vocabulary:
    """Chooses the words of a vocabulary.

    Args:
        counts (`Counter[str]`): How often each word stands in the text.
        num_sentences (`int`, *optional*): Carried along.
        size (`int`, *optional*): The most entries it may have, special tokens included.
        min_count (`int`, *optional*, defaults to 1): How often a word must stand in the text.

    Raises:
        `ValueError`: If `size` leaves no room for a word, or `min_count` is below 1.
    """
    if size is not None and size <= len(LEADING_TOKENS):
        raise ValueError(f"size: expected more than the {len(LEADING_TOKENS)} special tokens, found {size}")
    if min_count < 1:
        raise ValueError(f"min_count: expected at least 1, found {min_count}")
    # What can't be a line of the file, or means something else there, is an unknown word.
    excluded = {*SPECIAL_TOKENS.values(), NOT_A_WORD}
    chosen = [
        word
        for word, count in counts.items()
        if count >= min_count and word not in excluded and word and word.strip(LINE_SPACE) == word and "\n" not in word
    ]
    chosen.sort(key=lambda word: (-counts[word], word))
    if size is not None:
        chosen = chosen[: size - len(LEADING_TOKENS)]
    known = sum(counts[word] for word in chosen)
    return Vocabulary([*LEADING_TOKENS, *chosen], sum(counts.values()), known, num_sentences)


def write_vocabulary(words: list[str], path: str | os.PathLike[str]) -> None:
    """Writes a vocabulary file, one word a line. It appears whole or not at all.

    Raises:
        `OSError`: If it can't be written; a file that was there before is then as it was.
    """
    with new_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{word}\n" for word in words)
