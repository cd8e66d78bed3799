# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences to batches."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..model.characters import BOUNDARY_CONTENTS, CHARACTER_OF_BYTE, EMPTY_BYTE, leading_bytes, word_row
from ..model.configuration_elmo import IGNORED_LABEL, NUM_APPENDED_TOKENS
from ..model.tokenization_elmo import CHUNK_LINES, ElmoTokenizer
from ..model.word_splitting import TextSplitter, split_at_white_space
from .corpus import Corpus, StreamedDataset


# Readers of the two directions; the numbers are part of what shuffling is seeded with.
FORWARD, BACKWARD = 0, 1

# So many words that the vocabulary lacks keep their characters at hand: 50 bytes each.
MAX_CACHED_WORDS = 500_000

# A sentence that is a row of its own keeps its first words.
MAX_WORDS_PER_ROW = 512


class WordTable(dict[str, int]):
    """The number of each word, given out as words come: those of the vocabulary have their ids, others come after.

    Beside it stands, for each number, the row of bytes that stand for the word's character ids.

    Args:
        tokenizer (`ElmoTokenizer`): With a vocabulary that has `<S>`, `</S>` and `<UNK>`.
        has_characters (`bool`): Whether characters are needed. Otherwise all words that the vocabulary lacks have the
            number of `<UNK>`.
        max_cached_words (`int`, *optional*): How many other words are remembered before they are all forgotten.
    """

    def __init__(self, tokenizer: ElmoTokenizer, has_characters: bool, max_cached_words: int = MAX_CACHED_WORDS):
        check_vocabulary(tokenizer, "the tokenizer's vocabulary")
        words = tokenizer.get_words()[: len(tokenizer) - NUM_APPENDED_TOKENS]
        super().__init__(zip(words, range(len(words))))
        self.num_words = len(words)
        self.boundaries = (self[str(tokenizer.bos_token)], self[str(tokenizer.eos_token)])
        self.unknown = self[str(tokenizer.unk_token)]
        self.max_cached_words = max_cached_words
        self.length = tokenizer.max_characters_per_token
        self.bytes_NC: np.ndarray | None = None
        if has_characters:
            self.bytes_NC = np.empty((0, self.length), dtype=np.uint8)
            self._new_words = words
            self._write_rows()
            for number, content in zip(self.boundaries, BOUNDARY_CONTENTS):
                self.bytes_NC[number] = np.frombuffer(word_row(content, self.length), dtype=np.uint8)
        self._new_words = []

    def __missing__(self, word: str) -> int:
        if self.bytes_NC is None:
            return self.unknown
        self[word] = number = len(self)
        self._new_words.append(word)
        return number

    def encode(self, words: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the word ids of a sentence within its boundaries, `(N + 2,)` int64, and the bytes that stand for its
        characters, `(N + 2, C)` (None without characters)."""
        if len(self) > self.num_words + self.max_cached_words:
            for word in list(itertools.islice(self, self.num_words, None)):
                del self[word]
        first, last = self.boundaries
        numbers = [first, *map(self.__getitem__, words), last]
        numbers_N = np.fromiter(numbers, dtype=np.int64, count=len(numbers))
        if self.bytes_NC is None:
            return numbers_N, None
        if self._new_words:
            self._write_rows()
        return np.where(numbers_N < self.num_words, numbers_N, self.unknown), self.bytes_NC[numbers_N]

    def _write_rows(self) -> None:
        """Writes the rows of new words, whose numbers are the last that were given."""
        assert self.bytes_NC is not None
        rows = b"".join(word_row(leading_bytes(word, self.length), self.length) for word in self._new_words)
        needed = len(self)
        if needed > len(self.bytes_NC):
            grown = np.empty((needed + needed // 2, self.length), dtype=np.uint8)
            grown[: len(self.bytes_NC)] = self.bytes_NC
            self.bytes_NC = grown
        first = needed - len(self._new_words)
        self.bytes_NC[first:needed] = np.frombuffer(rows, dtype=np.uint8).reshape(-1, self.length)
        self._new_words = []


def check_vocabulary(tokenizer: ElmoTokenizer, name: str) -> None:
    """Raises `ValueError` unless a vocabulary is one to train with: the three tokens that every text has, and then
    `<PAD>` and `<MASK>`, which are never predicted, as the last words, not before."""
    words = tokenizer.get_words()
    needed = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token)
    missing = [str(token) for token in needed if token not in words[: tokenizer.num_words]]
    if missing:
        raise ValueError(f"{name}: expected the special tokens <S>, </S>, <UNK> among its words, found no {missing[0]}")
    if words[-NUM_APPENDED_TOKENS:] != [tokenizer.pad_token, tokenizer.mask_token]:
        raise ValueError(
            f"{name}: expected no {tokenizer.pad_token} and {tokenizer.mask_token} among its words: they follow it"
        )


@dataclass
class Position:
    """How far each row of a batch has read, and how many sentences the blocks read so far hold."""

    taken_R: np.ndarray
    used_R: np.ndarray
    counts: dict[int, int] = field(default_factory=dict)

    @classmethod
    def start(cls, num_rows: int) -> "Position":
        """Returns the position before the first sentence."""
        return cls(np.zeros(num_rows, dtype=np.int64), np.zeros(num_rows, dtype=np.int64))

    def copy(self) -> "Position":
        return Position(self.taken_R.copy(), self.used_R.copy(), dict(self.counts))


@dataclass(frozen=True)
class Reading:
    """How a corpus becomes batches.

    Attributes:
        batch_size (`int`): B, rows of the global batch.
        rows (`range`): Those of this process.
        num_steps (`int`): W.
        seed (`int`, *optional*): What blocks and lines are shuffled with. None: in order, once, and then no more.
        is_raw (`bool`): Whether `ElmoTokenizer` splits the text; otherwise white space does.
    """

    batch_size: int
    rows: range
    num_steps: int
    seed: int | None
    is_raw: bool


class SentenceStream:
    """The sentences of a corpus in one direction's order, dealt to the rows of this process."""

    def __init__(
        self, corpus: Corpus, split_words: TextSplitter, reading: Reading, direction: int, position: Position
    ) -> None:
        self.corpus = corpus
        self.split_words = split_words
        self.reading = reading
        self.direction = direction
        self.counts = position.counts
        batch_size = reading.batch_size
        # The sentence that a row is at is read again, those before are not.
        begun = np.maximum(position.taken_R - 1, 0)
        self._first_needed = {row: row + batch_size * int(number) for row, number in zip(reading.rows, begun)}
        self._waiting: dict[int, deque[list[str]]] = {row: deque() for row in reading.rows}
        self._next = min(self._first_needed.values())
        self._texts = self._read(self._next)

    def take(self, row: int) -> list[str] | None:
        """Returns the words of the next sentence of a row; None if there are no more."""
        waiting = self._waiting[row]
        while not waiting:
            lines = list(itertools.islice(self._texts, CHUNK_LINES))
            if not lines:
                return None
            numbers = range(self._next, self._next + len(lines))
            self._next += len(lines)
            batch_size, needed = self.reading.batch_size, self._first_needed
            own = [
                (number % batch_size, line)
                for number, line in zip(numbers, lines)
                if number >= needed.get(number % batch_size, number + 1)
            ]
            for (owner, _), words in zip(own, self.split_words([line for _, line in own])):
                self._waiting[owner].append(words)
        return waiting.popleft()

    def _read(self, first: int) -> Iterator[str]:
        """Yields sentence `first` and those after it. Blocks before it that have been read once are not read again."""
        seed, number = self.reading.seed, 0
        for epoch in itertools.count():
            start = number
            key = None if seed is None else (seed, epoch, self.direction)
            for block in self.corpus.order(key):
                count = self.counts.get(block)
                if count is not None and number + count <= first:
                    number += count
                    continue
                lines = self.corpus.read(block)
                if lines is None:
                    break
                if count not in (None, len(lines)):
                    name = self.corpus.names[block if block < len(self.corpus.names) else 0]
                    raise ValueError(f"{name}: it held {count} sentences when last read, found {len(lines)}")
                self.counts[block] = len(lines)
                order: Iterable[int] = range(len(lines))
                if key is not None:
                    order = np.random.default_rng((*key, block + 1)).permutation(len(lines)).tolist()
                yield from map(lines.__getitem__, itertools.islice(order, max(0, first - number), None))
                number += len(lines)
            if number == start:
                raise ValueError(f"{self.corpus.names[0]}: there is no text")
            if key is None:
                return


class DirectionWindows:
    """Windows of one direction, in the order in which its LSTM reads."""

    def __init__(
        self,
        corpus: Corpus,
        split_words: TextSplitter,
        table: WordTable,
        reading: Reading,
        direction: int,
        position: Position,
    ) -> None:
        self.position = position
        self.table = table
        self.reading = reading
        self.is_backward = direction == BACKWARD
        self.sentences = SentenceStream(corpus, split_words, reading, direction, position)
        # Each row's sentence: word ids and bytes of characters, boundaries included.
        self._current: list[Any] = [None] * len(reading.rows)
        for index, taken in enumerate(position.taken_R):
            if taken:
                self._current[index] = self._take(index)

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
        """Returns word ids and labels `(R, W)`, bytes of characters `(R, W, C)`, and how many words each row holds
        `(R,)`: W, but where a corpus that is read once has ended."""
        shape = (len(self.reading.rows), self.reading.num_steps)
        ids_RW = np.full(shape, self.table.unknown, dtype=np.int64)
        labels_RW = np.full(shape, IGNORED_LABEL, dtype=np.int64)
        bytes_RWC = None
        if self.table.bytes_NC is not None:
            bytes_RWC = np.full((*shape, self.table.length), EMPTY_BYTE, dtype=np.uint8)
        lengths_R = np.zeros(shape[0], dtype=np.int64)
        taken_R, used_R = self.position.taken_R, self.position.used_R
        for index in range(shape[0]):
            filled, used = 0, int(used_R[index])
            while filled < shape[1]:
                current = self._current[index]
                if current is None or used >= len(current[0]) - 1:
                    following = self._take(index)
                    if following is None:
                        break
                    self._current[index] = current = following
                    taken_R[index] += 1
                    used = 0
                ids_N, bytes_NC = current
                count = min(len(ids_N) - 1 - used, shape[1] - filled)
                ids_RW[index, filled : filled + count] = ids_N[used : used + count]
                labels_RW[index, filled : filled + count] = ids_N[used + 1 : used + count + 1]
                if bytes_RWC is not None:
                    bytes_RWC[index, filled : filled + count] = bytes_NC[used : used + count]
                filled += count
                used += count
            used_R[index], lengths_R[index] = used, filled
        return ids_RW, labels_RW, bytes_RWC, lengths_R

    def _take(self, index: int) -> tuple[np.ndarray, np.ndarray | None] | None:
        words = self.sentences.take(self.reading.rows[index])
        if words is None:
            return None
        ids_N, bytes_NC = self.table.encode(words)
        if self.is_backward:
            return ids_N[::-1], None if bytes_NC is None else bytes_NC[::-1]
        return ids_N, bytes_NC


class Windows:
    """Iterates over windows of words, each with the position after it.

    Yields pairs of a batch, as `ElmoForPreTraining` takes it, and the positions of the forward and the backward
    direction. The batch has `input_ids`, `forward_labels`, `backward_input_ids`, `backward_labels` of shape `(R, W)`,
    both sides' `character_ids` `(R, W, C)` where the model reads characters, all int64, and an `attention_mask` where a
    corpus that is read once leaves rows unfilled. The backward window is in text order.

    Args:
        corpus (`Corpus`): The text.
        tokenizer (`ElmoTokenizer`): Its vocabulary, and how raw text is split.
        reading (`Reading`): Sizes, seed and rows.
        has_characters (`bool`): Whether the model reads characters.
        positions (`tuple[Position, Position]`, *optional*): Where to go on, forward and backward.

    Raises:
        `ValueError`: Naming the file, where one is empty or not UTF-8; also for a vocabulary that can't be used.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: ElmoTokenizer,
        reading: Reading,
        has_characters: bool,
        positions: tuple[Position, Position] | None = None,
    ) -> None:
        table = WordTable(tokenizer, has_characters)
        split_words = tokenizer.split_words if reading.is_raw else split_at_white_space
        if positions is None:
            positions = Position.start(len(reading.rows)), Position.start(len(reading.rows))
        self.directions = [
            DirectionWindows(_own_cursor(corpus), split_words, table, reading, direction, position.copy())
            for direction, position in zip((FORWARD, BACKWARD), positions)
        ]

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], tuple[Position, Position]]]:
        while True:
            forward, backward = (direction.next() for direction in self.directions)
            lengths_R = forward[3]
            # Read in order, both directions of a row have the same sentences, so as many words.
            assert (lengths_R == backward[3]).all()
            if not lengths_R.any():
                return
            batch = {"input_ids": forward[0], "forward_labels": forward[1]}
            batch |= {"backward_input_ids": backward[0], "backward_labels": backward[1]}
            if forward[2] is not None and backward[2] is not None:
                batch |= {"character_ids": forward[2], "backward_character_ids": backward[2]}
            num_steps = batch["input_ids"].shape[1]
            is_full = (lengths_R == num_steps).all()
            # A backward window that is not full begins where a forward one does.
            order = _reversal(lengths_R, num_steps)
            for name, values in batch.items():
                if name.startswith("backward"):
                    values = values[:, ::-1] if is_full else values[np.arange(len(values))[:, None], order]
                if name.endswith("character_ids"):
                    values = CHARACTER_OF_BYTE.take(values)
                # torch takes no arrays that run backwards, as a window of one word does however it is turned.
                batch[name] = values.copy()
            if not is_full:
                batch["attention_mask"] = (np.arange(num_steps) < lengths_R[:, None]).astype(np.int64)
            positions = self.directions[0].position.copy(), self.directions[1].position.copy()
            yield {name: torch.from_numpy(values) for name, values in batch.items()}, positions


def _reversal(lengths_R: np.ndarray, num_steps: int) -> np.ndarray:
    """Returns the indices `(R, W)` that put the words of each row into the opposite order, padding left at the end."""
    steps = np.arange(num_steps)
    return np.where(steps < lengths_R[:, None], lengths_R[:, None] - 1 - steps, steps)


class SentenceRows:
    """Iterates over batches of one sentence per row, both directions on the same, each with the position after it.

    Yields as `Windows` does, with `labels`, the `input_ids` with -100 at padding, in place of the labels of each
    direction. Of a sentence of more than 510 words, the first are taken. Args as `Windows`.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: ElmoTokenizer,
        reading: Reading,
        has_characters: bool,
        positions: tuple[Position, Position] | None = None,
    ) -> None:
        self.table = WordTable(tokenizer, has_characters)
        self.reading = reading
        split_words = tokenizer.split_words if reading.is_raw else split_at_white_space
        self.position = Position.start(len(reading.rows)) if positions is None else positions[0].copy()
        # Rows are done with all that they have begun.
        begun = Position(self.position.taken_R + 1, self.position.used_R, self.position.counts)
        self.sentences = SentenceStream(_own_cursor(corpus), split_words, reading, FORWARD, begun)

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], tuple[Position, Position]]]:
        while True:
            encoded = []
            for index, row in enumerate(self.reading.rows):
                words = self.sentences.take(row)
                if words is not None:
                    encoded.append(self.table.encode(words[: MAX_WORDS_PER_ROW - 2]))
                    self.position.taken_R[index] += 1
            if not encoded:
                return
            shape = (len(encoded), max(len(ids_N) for ids_N, _ in encoded))
            ids_RW = np.full(shape, self.table.unknown, dtype=np.int64)
            mask_RW = np.zeros(shape, dtype=np.int64)
            bytes_RWC = np.full((*shape, self.table.length), EMPTY_BYTE, dtype=np.uint8)
            for index, (ids_N, bytes_NC) in enumerate(encoded):
                ids_RW[index, : len(ids_N)] = ids_N
                mask_RW[index, : len(ids_N)] = 1
                if bytes_NC is not None:
                    bytes_RWC[index, : len(ids_N)] = bytes_NC
            batch = {"input_ids": ids_RW, "attention_mask": mask_RW}
            batch["labels"] = np.where(mask_RW, ids_RW, IGNORED_LABEL)
            if self.table.bytes_NC is not None:
                batch["character_ids"] = CHARACTER_OF_BYTE.take(bytes_RWC)
            positions = self.position.copy(), Position.start(len(self.reading.rows))
            yield {name: torch.from_numpy(values) for name, values in batch.items()}, positions


def _own_cursor(corpus: Corpus) -> Corpus:
    # A streamed dataset remembers where it is, and each direction is elsewhere.
    if isinstance(corpus, StreamedDataset):
        return StreamedDataset(corpus.dataset, corpus.column, corpus.rows_per_block)
    return corpus


def rows_of_process(batch_size: int, process: int, num_processes: int) -> range:
    """Returns the rows of a global batch that one of several processes has.

    Raises:
        `ValueError`: If the rows can't be divided evenly.
    """
    if batch_size % num_processes:
        raise ValueError(
            f"batch size: expected a multiple of the number of processes, {num_processes}, found {batch_size}"
        )
    size = batch_size // num_processes
    return range(process * size, (process + 1) * size)
