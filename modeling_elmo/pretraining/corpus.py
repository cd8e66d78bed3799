# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Text to the batches of language model training (bilm-tf's `bilm/data.py`).

A row of a batch is an endless stream of sentences, cut into windows of so many words that run on across sentences: the
model carries its LSTM state from window to window. The forward direction reads `<S> w1 .. wn` and predicts
`w1 .. wn </S>`; the backward direction has streams of its own, shuffled in another order, reads `</S> wn .. w1` and
predicts `wn .. w1 <S>`.

What a row reads follows from numbers alone: sentence n of an endless shuffled sequence goes to row n mod B, whichever
process has that row. So several processes see what one would see, and a stream is taken up again from two numbers per
row: how many sentences it has begun, and how many words of the last one it has used.

Nothing here knows about models or training.

Dimensions: B rows of the global batch, R rows of this process, W words of a window, C characters per word, N words.
"""

import glob
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from ..files.text import TextLines


# A `datasets` stream is shuffled within blocks of so many rows.
ROWS_PER_BLOCK = 50_000


class Corpus(Protocol):
    """Sentences in blocks that fit in memory. They are read again for every epoch, so their content may not change."""

    names: list[str]

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        """Returns the blocks of one epoch, shuffled if there is a seed. More may be named than there are."""

    def read(self, block: int) -> list[str] | None:
        """Returns the sentences of a block, or None where the corpus has ended."""


class TextFiles:
    """A corpus of text files, one sentence or paragraph a line; each file is a block.

    Args:
        patterns (`Iterable[str]`): Names of files, or patterns (`news-*.txt.gz`). Files that end in .gz or .xz are
            decompressed.
        errors (`str`, *optional*, defaults to `"strict"`): What becomes of bytes that are not UTF-8: an error, or, with
            `"replace"`, U+FFFD.

    Raises:
        `ValueError`: If a pattern matches nothing, or a file is named twice or empty.
    """

    def __init__(self, patterns: Iterable[str | os.PathLike[str]], errors: str = "strict"):
        self.names: list[str] = []
        self.errors = errors
        for given in patterns:
            pattern = os.fspath(given)
            # A name may hold what would be a pattern.
            found = [pattern] if os.path.isfile(pattern) else sorted(filter(os.path.isfile, glob.glob(pattern)))
            if not found:
                raise ValueError(f"{pattern}: no such file, and no file that matches it")
            self.names += found
        if not self.names:
            raise ValueError("expected text files, found none")
        name, count = Counter(self.names).most_common(1)[0]
        if count > 1:
            raise ValueError(f"{name}: this file is named twice")
        # Better told now than when it comes to be read, days later.
        for name in self.names:
            if not os.path.getsize(name):
                raise ValueError(f"{name}: this file holds no text")

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        if seed is None:
            return range(len(self.names))
        return np.random.default_rng(seed).permutation(len(self.names)).tolist()

    def read(self, block: int) -> list[str]:
        """Returns the lines of a file that hold more than white space.

        Raises:
            `ValueError`: If the file holds none, is not UTF-8 or is damaged.
        """
        name = self.names[block]
        lines = [line for line in TextLines(name, self.errors, is_bounded=False) if line.strip()]
        if not lines:
            raise ValueError(f"{name}: this file holds no text")
        return lines


class StreamedDataset:
    """A corpus of the rows of a Hugging Face dataset, which may be streamed: blocks are runs of rows.

    Rows are shuffled within a block; the order of blocks is the dataset's.

    Args:
        dataset: A `datasets.Dataset` or `datasets.IterableDataset`.
        column (`str`, *optional*, defaults to `"text"`): Where the text is. Rows without any are skipped.
        rows_per_block (`int`, *optional*, defaults to 50,000): Number of rows that are shuffled together.
    """

    def __init__(self, dataset: Any, column: str = "text", rows_per_block: int = ROWS_PER_BLOCK):
        self.dataset = dataset
        self.column = column
        self.rows_per_block = rows_per_block
        self.names = [f"dataset column {column}"]
        self._rows: Iterator[Any] = iter(())
        self._next_block = -1

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        return itertools.count()

    def read(self, block: int) -> list[str] | None:
        """Returns the texts of a run of rows, or None after the last row.

        Raises:
            `ValueError`: If a row has no such column, or no text in it.
        """
        if block != self._next_block:
            self._rows = iter(self.dataset.skip(block * self.rows_per_block))
        self._next_block = block + 1
        rows = list(itertools.islice(self._rows, self.rows_per_block))
        texts = []
        for row in rows:
            text = row.get(self.column)
            if not isinstance(text, str):
                raise ValueError(
                    f"{self.names[0]}: expected text, found {type(text).__name__}; the row has {', '.join(row)}"
                )
            # A line feed in a row is no more than white space.
            if text.strip():
                texts.append(text)
        return texts if rows else None
