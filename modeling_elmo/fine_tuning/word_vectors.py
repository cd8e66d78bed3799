# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Static word embeddings from text files: GloVe's and word2vec's, one word and its numbers a line.

Reads files into a matrix that goes into a task head (`set_word_vectors`); does not travel with models, since the matrix
does, as a weight. The one idea: a row per word id of a tokenizer, found in one pass that keeps nothing else of files of
gigabytes.
"""

import gzip
import lzma
import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from ..files.text import bounded_lines


OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}

# No published vectors come near; a file of other contents is noticed before memory is allocated for it.
MAX_SIZE = 100_000
MAX_LINE_BYTES = 32 * MAX_SIZE


@dataclass(frozen=True)
class WordVectorCounts:
    """What was found for the words of a vocabulary, special tokens left out.

    Attributes:
        hits (`int`): Words that are in the file as they are.
        lower_case_hits (`int`): Words that are in it in lower case only, and got the vector of that.
        misses (`int`): Words that are in it neither way, and got zeros.
    """

    hits: int
    lower_case_hits: int
    misses: int


def load_word_vectors(
    path: str | os.PathLike[str], tokenizer: PreTrainedTokenizerBase
) -> tuple[torch.Tensor, WordVectorCounts]:
    """Reads the vectors of a tokenizer's vocabulary.

    Of a word that stands in the file twice, the first vector counts. Words outside the vocabulary share the row of
    `<UNK>`; a model that reads characters tells them apart all the same.

    Args:
        path (`str` or `os.PathLike`): A text file: a word and its numbers on each line, separated by single spaces,
            after an optional first line of two whole numbers, the numbers of words and of dimensions. Compressed if the
            name ends in `.gz` or `.xz`.
        tokenizer (`PreTrainedTokenizerBase`): A tokenizer with a vocabulary of words.

    Returns:
        The vectors, `torch.FloatTensor` of shape `(len(tokenizer), dimensions)`, and [`WordVectorCounts`].

    Raises:
        `ValueError`: Naming file and line, if a line has another number of numbers than the lines before, or what
            should be one is none; or if the file has no lines. Numbers are read where the vocabulary has the word.

    Example:
    ```python
    >>> from pathlib import Path
    >>> from modeling_elmo import ElmoConfig, ElmoForTokenClassification, ElmoTokenizer, load_word_vectors

    >>> _ = Path("vectors.txt").write_text("the 0.5 1 2\\nbank -1 0 0.25\\n")
    >>> tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "The", "bank", "of"])
    >>> matrix, counts = load_word_vectors("vectors.txt", tokenizer)
    >>> counts
    WordVectorCounts(hits=1, lower_case_hits=1, misses=1)
    >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
    >>> config = ElmoConfig(**sizes, vocab_size=len(tokenizer), word_vector_size=matrix.shape[1])
    >>> ElmoForTokenClassification(config).set_word_vectors(matrix)
    ```
    """
    name = os.path.basename(path)
    ids = {word.encode("utf-8", "surrogatepass"): id for word, id in tokenizer.get_vocab().items()}
    lower_case_ids: dict[bytes, list[int]] = defaultdict(list)
    for word, id in tokenizer.get_vocab().items():
        if word.lower() != word:
            lower_case_ids[word.lower().encode("utf-8", "surrogatepass")].append(id)

    matrix: np.ndarray | None = None
    is_hit = np.zeros(len(tokenizer), dtype=bool)
    is_lower_case_hit = np.zeros(len(tokenizer), dtype=bool)
    for number, word, numbers in _rows(path):
        if matrix is None:
            matrix = np.zeros((len(tokenizer), 1 + numbers.count(b" ")), dtype=np.float32)
        exact = ids.get(word)
        takers = [id for id in lower_case_ids.get(word, ()) if not is_hit[id] and not is_lower_case_hit[id]]
        is_lower_case_hit[takers] = True
        if exact is not None and not is_hit[exact]:
            is_hit[exact] = True
            takers.append(exact)
        if takers:
            matrix[takers] = _numbers(numbers.split(b" "), f"{name}: line {number}")
    if matrix is None:
        raise ValueError(f"{name}: expected a word and its numbers on each line, found no such line")

    is_word = np.ones(len(tokenizer), dtype=bool)
    is_word[tokenizer.all_special_ids] = False
    counts = WordVectorCounts(
        hits=int((is_hit & is_word).sum()),
        lower_case_hits=int((is_lower_case_hit & ~is_hit & is_word).sum()),
        misses=int((~is_hit & ~is_lower_case_hit & is_word).sum()),
    )
    return torch.from_numpy(matrix), counts


def _rows(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields the lines of a file: their number (from 1), the word, and its numbers, as many on each line."""
    name = os.path.basename(path)
    size = None
    with OPENERS.get(os.path.splitext(path)[1], open)(path, "rb") as file:
        for number, line in enumerate(_lines(file, path), start=1):
            line = line.rstrip(b" \r\n")
            # Only spaces separate: words of the published files hold other kinds of white space.
            num_spaces = line.count(b" ")
            if number == 1 and num_spaces == 1 and all(field.isdigit() for field in line.split(b" ")):
                size = int(line.split(b" ")[1])
                continue
            if not line:
                continue
            if size is None:
                size = num_spaces
            if not 1 <= size <= MAX_SIZE:
                raise ValueError(f"{name}: line {number}: expected a word and 1 to {MAX_SIZE} numbers, found {size}")
            # Of millions of lines a vocabulary needs few: the others are not taken apart.
            word, *numbers = line.split(b" ", 1) if num_spaces == size else line.rsplit(b" ", size)
            # Published files have a few words with spaces in them: ". . .", "at name@domain.com".
            if not word or num_spaces < size or any(_is_number(part) for part in word.split(b" ")[1:]):
                found = len(line.split(b" ")) - 1
                raise ValueError(f"{name}: line {number}: expected a word and {size} numbers, found {found} numbers")
            yield number, word, b" ".join(numbers)


def _lines(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[bytes]:
    try:
        yield from bounded_lines(file, MAX_LINE_BYTES, os.path.basename(path))
    except (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        suffix = os.path.splitext(path)[1]
        raise ValueError(f"{os.path.basename(path)}: not a readable {suffix} file: {error}") from error


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _numbers(fields: list[bytes], place: str) -> np.ndarray:
    for field in fields:
        if not _is_number(field) or not np.isfinite(float(field)):
            text = field.decode("utf-8", "replace")
            raise ValueError(f"{place}: expected finite numbers after the word, found {text[:40]!r}")
    return np.array([float(field) for field in fields], dtype=np.float32)


__all__ = ["WordVectorCounts", "load_word_vectors"]
