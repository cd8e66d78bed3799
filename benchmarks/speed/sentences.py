# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentences that the benchmarks read: synthetic ones with the statistics of English, or those of a file.

Speed depends on the lengths of sentences and words and on how often words recur, not on the letters. Sentences have 3
to 80 words, log-normal with a mean of 22; words recur by Zipf's law.
"""

import gzip
import lzma
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from modeling_elmo.model.word_splitting import treebank_pre_tokenizer


Sentence = list[str]

SHORTEST, LONGEST = 3, 80
NUM_DISTINCT_WORDS = 20_000

END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+")
LETTERS = np.array(list("etaoinshrdlcumwfgypbvkjxqz"))


def synthetic_sentences(count: int, seed: int = 0) -> list[Sentence]:
    """Returns `count` sentences of made-up words. A smaller count gives the first of them."""
    vocabulary = _vocabulary(np.random.default_rng(seed))
    # The Zipf-Mandelbrot law, fitted to English books: of 700 words, 49 % are distinct; of 3,000, 33 %.
    shares = (np.arange(len(vocabulary)) + 3.7) ** -1.2
    cumulated = np.cumsum(shares / shares.sum())
    rng = np.random.default_rng(seed + 1)
    sentences = []
    for _ in range(count):
        # exp(2.9 + 0.6**2 / 2) = 22
        length = int(np.clip(np.rint(rng.lognormal(mean=2.9, sigma=0.6)), SHORTEST, LONGEST))
        ranks = np.searchsorted(cumulated, rng.random(length))
        sentences.append([vocabulary[min(rank, len(vocabulary) - 1)] for rank in ranks])
    return sentences


def _vocabulary(rng: np.random.Generator) -> list[str]:
    shares = 1 / np.arange(1, len(LETTERS) + 1)
    words: dict[str, None] = {}
    while len(words) < NUM_DISTINCT_WORDS:
        # Frequent words are short.
        mean = 1 + np.log10(len(words) + 1)
        length = 1 + min(int(rng.poisson(mean)), 24)
        words["".join(rng.choice(LETTERS, size=length, p=shares / shares.sum()))] = None
    return list(words)


def sentences_of_file(path: Path) -> Iterator[Sentence]:
    """Yields the sentences of a text with one paragraph per line, plain, .gz or .xz, as lists of words.

    Sentences end after `.`, `!` and `?`, which is good enough to measure speed. Those of other lengths are skipped.
    """
    openers = {".gz": gzip.open, ".xz": lzma.open}
    pre_tokenizer = treebank_pre_tokenizer()
    with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
        for line in file:
            for text in END_OF_SENTENCE.split(line.strip()):
                words = [word for word, _ in pre_tokenizer.pre_tokenize_str(text)]
                if SHORTEST <= len(words) <= LONGEST:
                    yield words


def get_sentences(count: int, text: Path | None = None) -> list[Sentence]:
    """Returns the first `count` sentences of a file, or synthetic ones.

    Raises:
        `ValueError`: If the file has fewer.
    """
    if text is None:
        return synthetic_sentences(count)
    sentences = list(islice(sentences_of_file(text), count))
    if len(sentences) < count:
        raise ValueError(f"{text}: expected {count} sentences of {SHORTEST} to {LONGEST} words, found {len(sentences)}")
    return sentences
