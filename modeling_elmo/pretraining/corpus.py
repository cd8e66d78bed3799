# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The text to train on, in blocks of sentences: text files, or a `datasets` stream."""

import glob
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from ..files.tables import table_format
from ..files.text import TextLines


# Rows of a `datasets` stream that are shuffled together.
ROWS_PER_BLOCK = 50_000


class Corpus(Protocol):
    """Sentences in blocks that fit in memory. Each epoch reads the blocks again, so their content must not change."""

    names: list[str]  # Names of the blocks, or one name for all, for messages.
    sizes: list[int]  # Bytes of each named file, to notice changes; empty where there are no files.

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        """Returns the blocks of one epoch, shuffled if there is a seed. It may continue past the last block."""

    def read(self, block: int) -> list[str] | None:
        """Returns the sentences of a block, or None past the last one."""


class TextFiles:
    """A corpus of text files with one sentence or paragraph per line. Each file is a block.

    Args:
        patterns (`Iterable[str]`): File names, or patterns (`news-*.txt.gz`). `.gz`, `.xz`, `.bz2` and `.zst` are
            decompressed.
        errors (`str`): `"strict"`: invalid UTF-8 is an error; `"replace"`: it is read as U+FFFD.

    Raises:
        `ValueError`: If a pattern matches no file, or a file is empty, a table, or named twice.
    """

    def __init__(self, patterns: Iterable[str | os.PathLike[str]], errors: str = "strict"):
        self.names: list[str] = []
        self.errors = errors
        for given in patterns:
            pattern = os.fspath(given)
            # The name of a file may contain characters of a pattern.
            found = [pattern] if os.path.isfile(pattern) else sorted(filter(os.path.isfile, glob.glob(pattern)))
            if not found and os.path.isdir(pattern):
                files = os.path.join(
                    pattern, "*.txt" if glob.glob(os.path.join(glob.escape(pattern), "*.txt")) else "*"
                )
                raise ValueError(f"{pattern}: a directory; pass its files as a pattern, '{files}'")
            if not found:
                raise ValueError(f"{pattern}: no such file, and no file matches it as a pattern")
            self.names += found
        for name in self.names:
            if table_format(name) is not None:
                raise ValueError(
                    f"{name}: a table, but training reads every line as a text; write the column of the texts to a "
                    "text file first"
                )
        name, count = Counter(self.names).most_common(1)[0]
        if count > 1:
            raise ValueError(f"{name}: this file is named twice")
        self.sizes = [os.path.getsize(name) for name in self.names]
        # Fail now, not days into training.
        if 0 in self.sizes:
            raise ValueError(f"{self.names[self.sizes.index(0)]}: this file holds no text")

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        """Returns the numbers of all files, shuffled if there is a seed."""
        count = len(self.names)
        return range(count) if seed is None else np.random.default_rng(seed).permutation(count).tolist()

    def read(self, block: int) -> list[str]:
        """Returns the lines of a file that are not blank. Raises `ValueError` if there are none, or if the file is
        not UTF-8, damaged, or of another size than at first."""
        name = self.names[block]
        if (size := os.path.getsize(name)) != self.sizes[block]:
            raise ValueError(
                f"{name}: had {self.sizes[block]} bytes when the run began, found {size}; restore it and resume"
            )
        lines = [line for line in TextLines(name, self.errors) if line.strip()]
        if not lines:
            raise ValueError(f"{name}: this file holds no text")
        return lines


class StreamedDataset:
    """A corpus of the rows of a Hugging Face dataset, which may be streamed. Each run of rows is a block.

    Rows are shuffled within a block of `rows_per_block`; blocks stay in the order of the dataset.
    The dataset is a `datasets.Dataset` or `IterableDataset`; `column` holds the text. Blank rows are skipped.
    """

    def __init__(self, dataset: Any, column: str = "text", rows_per_block: int = ROWS_PER_BLOCK):
        self.dataset = dataset
        self.column = column
        self.rows_per_block = rows_per_block
        self.names = [f"dataset column {column}"]
        self.sizes: list[int] = []
        self._rows: Iterator[Any] = iter(())
        self._next_block = -1

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        """Returns the numbers of blocks, without end: how many there are is not known."""
        return itertools.count()

    def read(self, block: int) -> list[str] | None:
        """Returns the texts of a run of rows, or None after the last row. Raises `ValueError` if one is no text."""
        if block != self._next_block:
            self._rows = iter(self.dataset.skip(block * self.rows_per_block))
        self._next_block = block + 1
        rows = list(itertools.islice(self._rows, self.rows_per_block))
        texts = [row.get(self.column) for row in rows]
        for row, text in zip(rows, texts):
            if not isinstance(text, str):
                found = f"{type(text).__name__}; the row has {', '.join(row)}"
                raise ValueError(f"{self.names[0]}: expected text, found {found}")
        # A line feed within a row counts as white space.
        return [text for text in texts if text.strip()] if rows else None


def independent_reader(corpus: Corpus) -> Corpus:
    """Returns a corpus of the same text that is read independently: a streamed dataset keeps its position in it."""
    if isinstance(corpus, StreamedDataset):
        return StreamedDataset(corpus.dataset, corpus.column, corpus.rows_per_block)
    return corpus
