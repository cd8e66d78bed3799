# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Character ids of words, of the two kinds that ELMo models read.

`ByteCharacters` are those of bilm-tf's `bilm/data.py`. Ids 1 to 256 are UTF-8 bytes plus 1, followed by five marks.
`CodePointCharacters` are those of ELMoForManyLangs: code points of a vocabulary of the model's own, which has the marks
too. In both, 0 is for positions without a word, and the row of a word is C ids:

    [begin of word, characters ..., end of word, padding ...]

No loop runs over the characters of bytes. The row of each distinct word is written as C small numbers, one look-up
turns those of all rows into ids, and another copies each row to the positions of its word.

Dimensions: N words, D distinct words, C characters per word.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, repeat
from typing import Any

import numpy as np


BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PAD_CHARACTER = 257, 258, 259, 260, 261
PAD_POSITION = 0

# Bound of C. A row of character ids has this many values, and no word is this long.
MAX_CHARACTERS = 10_000

# Bound of a vocabulary of code points. Unicode has 1,114,112, most of them not assigned.
MAX_CHARACTER_VOCAB_SIZE = 1_200_000

# In rows of bytes: a position without a word. UTF-8 has no byte above 0xF4, so the last six bytes are free. 0xFB to
# 0xFF are the five marks in the order of their ids.
EMPTY_BYTE = 0xFA

# The character id of each byte of a row.
CHARACTER_OF_BYTE = np.array(
    [*range(1, EMPTY_BYTE + 1), PAD_POSITION, *range(BEGIN_SENTENCE, PAD_CHARACTER + 1)], dtype=np.int64
)

# What a vocabulary of code points names besides characters.
MARKS = ("begin_word", "end_word", "begin_sentence", "end_sentence", "padding", "unknown")


class Characters:
    """Words to character ids. A subclass knows one kind of characters.

    Attributes:
        length (`int`): C, at least 3. A word keeps its first C - 2 characters.
        ids (`np.ndarray`): The character id, int64, of each number in a row of `dtype`.
        objects (`np.ndarray`): The same for lists, in which equal ids are one object. `ndarray.tolist()` makes an
            object per value: 300,000 rows of 50 need 544 MB instead of 132 MB.
        empty (`int`): The number for positions without a word.
        boundaries (`tuple[int, int]`): The ids of the marks that are the only characters of the sentence boundaries.
        unit (`str`): What a character is, for messages.
    """

    dtype: type[np.generic]
    unit: str
    empty: int
    boundaries: tuple[int, int]

    def __init__(self, length: int, ids: np.ndarray):
        self.length = length
        self.ids = ids
        self.objects = ids.astype(object)

    def row(self, word: str) -> bytes:
        """Returns the row of a word: C numbers of `dtype` that `ids` turns into character ids."""
        raise NotImplementedError

    def cut(self, words: Sequence[str]) -> list[str]:
        """Returns the words of which a row does not keep all characters."""
        raise NotImplementedError

    def boundary_rows(self) -> tuple[bytes, bytes]:
        """Returns the rows of the sentence boundaries, `<S>` and `</S>`."""
        raise NotImplementedError

    def read(self, row: list[int]) -> str | int | None:
        """Returns the word of a row of character ids, the index of a boundary, or `None` without a row's form."""
        raise NotImplementedError

    def matrix(self, rows: Sequence[bytes], indices_N: np.ndarray, as_objects: bool = False) -> np.ndarray:
        """Returns character ids `(N, C)` for the rows of distinct words; index -1 is a position without a word."""
        table = self.objects if as_objects else self.ids
        empty = np.full(self.length, self.empty, dtype=self.dtype).tobytes()
        numbers_DC = np.frombuffer(b"".join([empty, *rows]), dtype=self.dtype).reshape(-1, self.length)
        return table.take(numbers_DC).take(indices_N + 1, axis=0)

    def encode(self, words: Sequence[str]) -> np.ndarray:
        """Returns the character ids of words, `(N, C)`, int64. `<S>` is three characters here, not the boundary."""
        distinct = dict.fromkeys(words)
        return self.matrix([*map(self.row, distinct)], indices_among(distinct, words))

    def boundary_ids(self) -> np.ndarray:
        """Returns the character ids `(2, C)` of the sentence boundaries `<S>` and `</S>`."""
        return self.matrix(self.boundary_rows(), np.arange(2))


class ByteCharacters(Characters):
    """The UTF-8 bytes of words."""

    dtype = np.uint8
    unit = "bytes"
    empty = EMPTY_BYTE
    boundaries = (BEGIN_SENTENCE, END_SENTENCE)

    def __init__(self, length: int):
        super().__init__(length, CHARACTER_OF_BYTE)

    def row(self, word: str) -> bytes:
        # A character has at least one byte: most of a long word need not be encoded.
        return self._row(word[: self.length].encode("utf-8", "surrogatepass"))

    def cut(self, words: Sequence[str]) -> list[str]:
        most = self.length - 2
        # A character has at most 4 bytes: most words need not be encoded.
        long = [word for word in words if 4 * len(word) > most]
        return [word for word in long if len(word.encode("utf-8", "surrogatepass")) > most]

    def _row(self, content: bytes) -> bytes:
        return (b"\xfd" + content[: self.length - 2] + b"\xfe").ljust(self.length, b"\xff")

    def boundary_rows(self) -> tuple[bytes, bytes]:
        return self._row(b"\xfb"), self._row(b"\xfc")

    def read(self, row: list[int]) -> str | int | None:
        content = row[1 : row.index(END_WORD)] if END_WORD in row else []
        if row != [BEGIN_WORD, *content, END_WORD, *[PAD_CHARACTER] * (self.length - len(content) - 2)]:
            return None
        if len(content) == 1 and content[0] in self.boundaries:
            return self.boundaries.index(content[0])
        if not all(0 < character <= 256 for character in content):
            return None
        return bytes(character - 1 for character in content).decode("utf-8", "replace")


class CodePointCharacters(Characters):
    """The code points of words, in a vocabulary.

    Args:
        length (`int`): C.
        vocabulary (`Mapping[str, Any]`): `"characters"` in the order of their ids, which start at 1, and under each of
            `MARKS` one of them. Those with more than one code point, such as `"<pad>"`, occur in no word.

    Raises:
        `ValueError`: If it is no such vocabulary.
    """

    dtype = np.int32
    unit = "characters"
    empty = PAD_POSITION

    def __init__(self, length: int, vocabulary: Mapping[str, Any]):
        characters, marks = vocabulary.get("characters"), [vocabulary.get(mark) for mark in MARKS]
        if not isinstance(characters, list) or not 0 < len(characters) < MAX_CHARACTER_VOCAB_SIZE:
            raise ValueError(f"characters: expected a list of 1 to {MAX_CHARACTER_VOCAB_SIZE - 1} strings")
        if not all(isinstance(character, str) for character in characters):
            raise ValueError("characters: expected strings")
        self._ids = dict(zip(characters, count(1)))
        if len(self._ids) < len(characters):
            raise ValueError("characters: expected each character once")
        for mark, character in zip(MARKS, marks):
            if not isinstance(character, str) or character not in self._ids:
                raise ValueError(f"{mark}: expected one of the characters, found {str(character)[:20]!r}")
        super().__init__(length, np.arange(len(characters) + 1, dtype=np.int64))
        self.vocabulary: dict[str, Any] = {**dict(zip(MARKS, marks)), "characters": characters}
        self._begin, self._end, *boundaries, self.padding, self._unknown = map(self._ids.__getitem__, marks)
        self.boundaries = boundaries[0], boundaries[1]

    def row(self, word: str) -> bytes:
        return self._row(map(self._ids.get, word[: self.length - 2], repeat(self._unknown)))

    def cut(self, words: Sequence[str]) -> list[str]:
        return [word for word in words if len(word) > self.length - 2]

    def _row(self, content: Iterable[int]) -> bytes:
        row = array("i", [self._begin, *content, self._end])
        row.extend(repeat(self.padding, self.length - len(row)))
        return row.tobytes()

    def boundary_rows(self) -> tuple[bytes, bytes]:
        first, second = ([boundary] for boundary in self.boundaries)
        return self._row(first), self._row(second)

    def read(self, row: list[int]) -> str | int | None:
        end = row.index(self._end, 1) if self._end in row[1:] else 1
        content = row[1:end]
        padding = [self.padding] * (self.length - len(content) - 2)
        if row != [self._begin, *content, self._end, *padding]:
            return None
        if len(content) == 1 and content[0] in self.boundaries:
            return self.boundaries.index(content[0])
        if not all(0 < character <= len(self._ids) for character in content):
            return None
        characters = self.vocabulary["characters"]
        return "".join("\ufffd" if id == self._unknown else characters[id - 1] for id in content)


def encode_characters(words: Sequence[str], max_characters_per_token: int) -> np.ndarray:
    """Returns the character ids of words for models that read bytes; see `Characters.encode`."""
    return ByteCharacters(max_characters_per_token).encode(words)


def indices_among(distinct: Iterable[Any], keys: Sequence[Any]) -> np.ndarray:
    """Returns the index of each key among the distinct keys."""
    indices = dict(zip(distinct, count()))
    return np.fromiter(map(indices.__getitem__, keys), np.int64, len(keys))
