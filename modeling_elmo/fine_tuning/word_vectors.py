# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Static word embeddings from text files in the format of GloVe and word2vec.

The result is a matrix with a row per word id of a tokenizer, to be passed to `set_word_vectors` of a task model, which
saves it as a weight. A file of gigabytes is read in one pass, and only the vectors of the vocabulary are kept.
"""

import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from ..files.text import bounded_lines, damage_as_value_error, decompressed


# Far above all published vectors: a file with other contents fails before memory is allocated for it.
MAX_SIZE = 100_000
MAX_LINE_BYTES = 32 * MAX_SIZE


@dataclass(frozen=True)
class WordVectorCounts:
    """How many words of a vocabulary a file has, without the special tokens."""

    hits: int  # Words in the file.
    lower_case_hits: int  # Words that only occur in the file in lower case; they get that vector.
    misses: int  # Words not in the file; their vectors are zero.


def load_word_vectors(
    path: str | os.PathLike[str], tokenizer: PreTrainedTokenizerBase
) -> tuple[torch.Tensor, WordVectorCounts]:
    """Reads the vectors of a tokenizer's vocabulary.

    If a word occurs twice, its first vector is used. All words outside the vocabulary share the row of `<UNK>`.

    Args:
        path (`str` or `os.PathLike`): A text file (`.gz` and `.xz` too) with a word and its values on each line,
            separated by single spaces. The first line may instead hold the numbers of words and of dimensions.
        tokenizer (`PreTrainedTokenizerBase`): A tokenizer with a vocabulary of words.

    Returns:
        The vectors, `torch.FloatTensor` of shape `(len(tokenizer), dimensions)`, and [`WordVectorCounts`].

    Raises:
        `ValueError`: If lines differ in length, a vector of the vocabulary contains non-numeric values, or the file has
            no vectors. The message names the file and the line.

    Example:
    ```python
    >>> from pathlib import Path
    >>> from modeling_elmo import ElmoConfig, ElmoForTokenClassification, ElmoTokenizer
    >>> from modeling_elmo.fine_tuning import load_word_vectors

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
    ids: dict[bytes, int] = {}
    lower_case_ids: dict[bytes, list[int]] = defaultdict(list)
    for word, id in tokenizer.get_vocab().items():
        ids[word.encode("utf-8", "surrogatepass")] = id
        if word.lower() != word:
            lower_case_ids[word.lower().encode("utf-8", "surrogatepass")].append(id)

    matrix: np.ndarray | None = None
    is_hit = np.zeros(len(tokenizer), dtype=bool)
    is_lower_case_hit = np.zeros(len(tokenizer), dtype=bool)
    for number, word, values in _rows(path):
        if matrix is None:
            matrix = np.zeros((len(tokenizer), 1 + values.count(b" ")), dtype=np.float32)
        exact = ids.get(word)
        rows = [id for id in lower_case_ids.get(word, ()) if not is_hit[id] and not is_lower_case_hit[id]]
        is_lower_case_hit[rows] = True
        if exact is not None and not is_hit[exact]:
            is_hit[exact] = True
            rows.append(exact)
        if rows:
            fields = values.split(b" ")
            wrong = [field for field in fields if not _is_number(field) or not math.isfinite(float(field))]
            if wrong:
                text = wrong[0].decode("utf-8", "replace")[:40]
                raise ValueError(f"{name}: line {number}: expected finite values after the word, found {text!r}")
            matrix[rows] = [float(field) for field in fields]
    if matrix is None:
        raise ValueError(f"{name}: expected a word and its values on each line, found no such line")

    is_word = np.ones(len(tokenizer), dtype=bool)
    is_word[tokenizer.all_special_ids] = False
    kinds = (is_hit, is_lower_case_hit & ~is_hit, ~is_hit & ~is_lower_case_hit)
    return torch.from_numpy(matrix), WordVectorCounts(*(int((kind & is_word).sum()) for kind in kinds))


def _rows(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields the number (from 1), the word and the values of each line; all lines have the same number of values."""
    name, size = os.path.basename(path), None
    with open(path, "rb") as file, damage_as_value_error(name):
        lines = bounded_lines(decompressed(file, os.fspath(path)), MAX_LINE_BYTES, name)
        for number, line in enumerate(lines, start=1):
            line = line.rstrip(b" \r\n")
            # Only spaces separate fields: words of the published files contain other white space.
            num_spaces = line.count(b" ")
            if number == 1 and num_spaces == 1 and all(field.isdigit() for field in line.split(b" ")):
                size = int(line.split(b" ")[1])
                continue
            if not line:
                continue
            if not num_spaces and b"\t" in line:
                raise ValueError(f"{name}: line {number}: expected spaces, found tabs; tr '\\t' ' ' < {name}")
            size = num_spaces if size is None else size
            if not 1 <= size <= MAX_SIZE:
                raise ValueError(f"{name}: line {number}: expected a word and 1 to {MAX_SIZE} values, found {size}")
            # Most of the millions of lines are not needed, so their values are not split.
            word, *values = line.split(b" ", 1) if num_spaces == size else line.rsplit(b" ", size)
            # Published files have a few words that contain spaces: ". . .", "at name@domain.com".
            if not word or num_spaces < size or any(_is_number(part) for part in word.split(b" ")[1:]):
                raise ValueError(f"{name}: line {number}: expected a word and {size} values, found {num_spaces}")
            yield number, word, b" ".join(values)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
