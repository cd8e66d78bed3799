# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Vocabularies counted from text: `<S>`, `</S>`, `<UNK>`, then words by falling frequency.

The order matters: the sampled softmax of training estimates a word's frequency from its rank. Vocabulary files are
read by the tokenizer.
"""

import os
import warnings
from collections import Counter
from dataclasses import dataclass

from ..files.atomic import new_file
from ..files.progress import Progress
from ..model.text_warnings import CutWords, ElmoWarning, GluedMarks, shown
from ..model.tokenization_elmo import ElmoTokenizer
from ..model.vocabulary_files import LINE_SPACE, NOT_A_WORD, SPECIAL_TOKENS
from ..model.word_splitting import TextSplitter
from .corpus import Corpus


# The first lines of a vocabulary file.
LEADING_TOKENS = (SPECIAL_TOKENS["bos_token"], SPECIAL_TOKENS["eos_token"], SPECIAL_TOKENS["unk_token"])

# Sentences that are split together. The tokenizer's 256 would take a third longer on raw text.
CHUNK_LINES = 4096


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary, and how much it covers of the text it was counted from."""

    # Special tokens first, then words by falling frequency, in alphabetical order where frequencies are equal.
    words: list[str]
    num_text_words: int  # Words in the text.
    num_known_words: int  # How many of them are in the vocabulary.


def count_words(
    corpus: Corpus, split_words: TextSplitter, progress: Progress | None = None
) -> tuple[Counter[str], int]:
    """Returns the count of each word in a corpus, and the number of sentences."""
    progress = progress or Progress(is_shown=False)
    progress.start(None)
    counts: Counter[str] = Counter()
    num_sentences = 0
    for block in corpus.order(None):
        lines = corpus.read(block)
        if lines is None:
            break
        num_sentences += len(lines)
        for first in range(0, len(lines), CHUNK_LINES):
            num_words = 0
            for words in split_words(lines[first : first + CHUNK_LINES]):
                counts.update(words)
                num_words += len(words)
            progress.add(num_words, None)
    progress.close(says_speed=False)
    return counts, num_sentences


def check_counts(counts: Counter[str], num_sentences: int) -> None:
    """Warns of text that is probably not split into words, as its counts show."""
    if num_sentences > 1 and sum(counts.values()) == num_sentences:
        message = f"texts of one word: all {num_sentences:,}, such as {shown(next(iter(counts)))}. Is the text split?"
        warnings.warn(message, ElmoWarning, stacklevel=2)
    glued = GluedMarks()
    for word, count in counts.items():
        glued.add([word], count)
    if (found := glued.message()) is not None:
        warnings.warn(found, ElmoWarning, stacklevel=2)
    cut = CutWords(ElmoTokenizer().characters)
    cut.add([*counts])
    if cut.num_cut:
        warnings.warn(cut.message(), ElmoWarning, stacklevel=2)


def build_vocabulary(counts: Counter[str], size: int | None = None, min_count: int = 1) -> Vocabulary:
    """Chooses words that occur at least `min_count` times, up to `size` entries with the three special tokens.

    Raises:
        `ValueError`: If `size` leaves no room for a word, or `min_count` is below 1.
    """
    if size is not None and size <= len(LEADING_TOKENS):
        raise ValueError(f"size: expected more than the {len(LEADING_TOKENS)} special tokens, found {size}")
    if min_count < 1:
        raise ValueError(f"min_count: expected at least 1, found {min_count}")
    # Words that can't be a line of the file, or have another meaning there, stay unknown.
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
    return Vocabulary([*LEADING_TOKENS, *chosen], sum(counts.values()), known)


def write_vocabulary(words: list[str], path: str | os.PathLike[str]) -> None:
    """Writes a vocabulary file with one word per line. If it can't be written, a file that was there is unchanged."""
    with new_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{word}\n" for word in words)
