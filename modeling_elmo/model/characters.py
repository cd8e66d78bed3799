# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Character ids of words (bilm-tf's `bilm/data.py`).

A UTF-8 byte plus 1 is 1 to 256, then come the five marks below; 0 pads positions that hold no word. A word is
[259, bytes ..., 260, 261 ...], C ids in all.

No loop runs over characters: the row of each distinct word is written as C bytes, one look-up turns the bytes of all
rows into ids, and one more copies a row to each place where its word stands.

Dimensions: N words, D distinct words, C characters per word.
"""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np


BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PAD_CHARACTER = 257, 258, 259, 260, 261
PAD_POSITION = 0

# The most that C may be: no word comes near, and a row of character ids has this many numbers.
MAX_CHARACTERS = 10_000

# The character id that each byte of a row stands for. UTF-8 has no byte above 0xF4, so the last six are free: 0xFA is
# a position without a word, 0xFB to 0xFF are the marks in the order of their ids.
CHARACTER_OF_BYTE = np.array([*range(1, 0xFB), PAD_POSITION, *range(BEGIN_SENTENCE, PAD_CHARACTER + 1)], dtype=np.int64)

# The same for lists, which then share one object per id, where `ndarray.tolist()` makes one per position: 300,000 rows
# of 50 take 132 MB, not 544.
INTEGER_OF_BYTE = CHARACTER_OF_BYTE.astype(object)

# What stands in the row of a sentence boundary in place of a word's bytes: `<S>`, `</S>`.
BOUNDARY_CONTENTS = (b"\xfb", b"\xfc")


def encode_characters(words: Sequence[str], max_characters_per_token: int) -> np.ndarray:
    """Returns the character ids of words.

    Args:
        words (`Sequence[str]`): N words, each taken as it is: `<S>` gives its three bytes, not the boundary mark.
        max_characters_per_token (`int`): C, at least 3. A word keeps its first C - 2 bytes.

    Returns:
        `np.ndarray` of shape `(N, C)`, int64.
    """
    distinct = dict.fromkeys(words)
    contents = [leading_bytes(word, max_characters_per_token) for word in distinct]
    return character_matrix(contents, numbers_among(distinct, words), max_characters_per_token)


def boundary_characters(max_characters_per_token: int) -> np.ndarray:
    """Returns the character ids `(2, C)` of the sentence boundaries `<S>` and `</S>`."""
    return character_matrix(BOUNDARY_CONTENTS, np.arange(2), max_characters_per_token)


def leading_bytes(word: str, max_characters_per_token: int) -> bytes:
    """Returns a word's UTF-8 bytes, as many as can matter or some more, however long the word is."""
    return word[:max_characters_per_token].encode("utf-8", "surrogatepass")


def numbers_among(distinct: Iterable[Any], keys: Sequence[Any]) -> np.ndarray:
    """Returns the place of each key among the distinct ones, -1 for `None`, which is no key."""
    numbers: dict[Any, int] = dict(zip(distinct, count()))
    numbers[None] = -1
    return np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))


def character_matrix(
    contents: Sequence[bytes],
    numbers_N: np.ndarray,
    max_characters_per_token: int,
    table: np.ndarray = CHARACTER_OF_BYTE,
) -> np.ndarray:
    """Returns rows `(N, C)` of character ids.

    Args:
        contents (`Sequence[bytes]`): The bytes of distinct words.
        numbers_N (`np.ndarray` of shape `(N,)`): Which of them each row is for, -1 for a position without a word.
        max_characters_per_token (`int`): C.
        table (`np.ndarray`, *optional*): `CHARACTER_OF_BYTE`, or `INTEGER_OF_BYTE` for rows that become lists.
    """
    space, length = max_characters_per_token - 2, max_characters_per_token
    rows = [b"\xfa" * length]
    rows += [(b"\xfd" + content[:space] + b"\xfe").ljust(length, b"\xff") for content in contents]
    bytes_DC = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, length)
    return table.take(bytes_DC).take(numbers_N + 1, axis=0)
