# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Character ids of words (bilm-tf's `bilm/data.py`).

Character ids 1 to 256 are UTF-8 bytes plus 1, followed by the five marks below; 0 pads positions without a word. The
row of a word is [259, bytes ..., 260, 261 ...], C ids in all.

No loop runs over characters. The row of each distinct word is written as C bytes, one look-up turns the bytes of all
rows into ids, and another copies each row to the positions of its word.

Dimensions: N words, D distinct words, C characters per word.
"""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np


BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PAD_CHARACTER = 257, 258, 259, 260, 261
PAD_POSITION = 0

# Bound of C. A row of character ids has this many values, and no word is this long.
MAX_CHARACTERS = 10_000

# In rows of bytes: a position without a word. UTF-8 has no byte above 0xF4, so the last six bytes are free. 0xFB to
# 0xFF are the five marks in the order of their ids.
EMPTY_BYTE = 0xFA

# The character id of each byte of a row.
CHARACTER_OF_BYTE = np.array(
    [*range(1, EMPTY_BYTE + 1), PAD_POSITION, *range(BEGIN_SENTENCE, PAD_CHARACTER + 1)], dtype=np.int64
)

# The same for lists, in which equal ids are one object. `ndarray.tolist()` makes an object per value: 300,000 rows of
# 50 need 544 MB instead of 132 MB.
INTEGER_OF_BYTE = CHARACTER_OF_BYTE.astype(object)

# The contents of the rows of the sentence boundaries, `<S>` and `</S>`.
BOUNDARY_CONTENTS = (b"\xfb", b"\xfc")


def encode_characters(words: Sequence[str], max_characters_per_token: int) -> np.ndarray:
    """Returns the character ids of N words, `(N, C)`, int64. `<S>` is three characters here, not the boundary.

    C is `max_characters_per_token`, at least 3. A word keeps its first C - 2 bytes.
    """
    distinct = dict.fromkeys(words)
    contents = [leading_bytes(word, max_characters_per_token) for word in distinct]
    return character_matrix(contents, indices_among(distinct, words), max_characters_per_token)


def boundary_characters(max_characters_per_token: int) -> np.ndarray:
    """Returns the character ids `(2, C)` of the sentence boundaries `<S>` and `</S>`."""
    return character_matrix(BOUNDARY_CONTENTS, np.arange(2), max_characters_per_token)


def leading_bytes(word: str, max_characters_per_token: int) -> bytes:
    """Returns at least the UTF-8 bytes of a word that fit into its row, and not many more."""
    return word[:max_characters_per_token].encode("utf-8", "surrogatepass")


def word_row(content: bytes, max_characters_per_token: int) -> bytes:
    """Returns the row of a word as C bytes; `CHARACTER_OF_BYTE` turns them into character ids."""
    return (b"\xfd" + content[: max_characters_per_token - 2] + b"\xfe").ljust(max_characters_per_token, b"\xff")


def indices_among(distinct: Iterable[Any], keys: Sequence[Any]) -> np.ndarray:
    """Returns the index of each key among the distinct keys."""
    indices = dict(zip(distinct, count()))
    return np.fromiter(map(indices.__getitem__, keys), np.int64, len(keys))


def character_matrix(
    contents: Sequence[bytes],
    indices_N: np.ndarray,
    max_characters_per_token: int,
    table: np.ndarray = CHARACTER_OF_BYTE,
) -> np.ndarray:
    """Returns rows `(N, C)` of character ids for the bytes of distinct words; index -1 is a position without a word.

    The `table` is `CHARACTER_OF_BYTE`, or `INTEGER_OF_BYTE` for rows that become lists.
    """
    length = max_characters_per_token
    rows = [bytes([EMPTY_BYTE]) * length, *(word_row(content, length) for content in contents)]
    bytes_DC = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, length)
    return table.take(bytes_DC).take(indices_N + 1, axis=0)
