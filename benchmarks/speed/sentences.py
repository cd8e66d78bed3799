# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentences that the benchmarks run on: synthetic ones with the statistics of English, or those of a file.

What matters to speed is how long sentences and words are and how often words recur; the letters do not matter. Lengths
are log-normal with a mean of 22 words, from 3 to 80; words recur by Zipf's law.
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
    """`count` sentences of made-up words; the first are the same whatever the count."""
    vocabulary = _vocabulary(np.random.default_rng(seed))
    # Zipf's law as Mandelbrot has it, fitted to English books: of 700 words 49 % are distinct, of 3,000 33 %.
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
    """Sentences of a text with one paragraph a line, plain or compressed with gzip or xz, as lists of words.

    Cut after `.`, `!` and `?`, which is good enough to measure speed; those outside 3 to 80 words are left out.
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
    """The first `count` sentences of a file, or synthetic ones.

    Raises:
        `ValueError`: If the file has fewer.
    """
    if text is None:
        return synthetic_sentences(count)
    sentences = list(islice(sentences_of_file(text), count))
    if len(sentences) < count:
        raise ValueError(f"{text}: expected {count} sentences of {SHORTEST} to {LONGEST} words, found {len(sentences)}")
    return sentences
