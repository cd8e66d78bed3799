# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences to batches (bilm-tf's `bilm/data.py`).

Each row of a batch reads an endless stream of sentences, cut into windows of a fixed number of words that continue
across sentences: the model carries its LSTM state from window to window. The forward direction reads `<S> w1 .. wn` and
predicts `w1 .. wn </S>`. The backward direction has its own streams, shuffled in another order; it reads
`</S> wn .. w1` and predicts `wn .. w1 <S>`.

Sentence n of an endless shuffled sequence goes to row n mod B, whichever process has that row. So several processes
read what one would read, and two numbers per row are enough to resume a stream: how many sentences the row has begun,
and how many words of the last one it has used.

Dimensions: B rows of the global batch, R rows of this process, W words of a window, C characters per word, N words.
"""

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
from .corpus import Corpus, independent_reader


# The directions; these numbers are part of the seed of shuffling.
FORWARD, BACKWARD = 0, 1

# Unknown words whose characters are kept, 50 bytes each.
MAX_CACHED_WORDS = 500_000

# In a batch of one sentence per row, longer sentences are cut.
MAX_WORDS_PER_ROW = 512


class WordNumbering:
    """Gives every word a number: vocabulary words have their ids, other words get the next free numbers.

    For each number, a table has the bytes that represent the word's character ids.

    Args:
        tokenizer (`ElmoTokenizer`): With a vocabulary that has `<S>`, `</S>` and `<UNK>`.
        has_characters (`bool`): Whether characters are needed. Otherwise all unknown words share the number of `<UNK>`.
        max_cached_words (`int`, *optional*): How many unknown words are kept before all of them are dropped.

    Attributes:
        num_words (`int`): Words of the vocabulary.
        boundaries (`tuple[int, int]`): The ids of `<S>` and `</S>`.
        unknown (`int`): The id of `<UNK>`.
        length (`int`): C, or 0 without characters.
    """

    def __init__(self, tokenizer: ElmoTokenizer, has_characters: bool, max_cached_words: int = MAX_CACHED_WORDS):
        check_vocabulary(tokenizer, "the tokenizer's vocabulary")
        words = tokenizer.get_words()[: len(tokenizer) - NUM_APPENDED_TOKENS]
        self._numbers = dict(zip(words, range(len(words))))
        self.num_words = len(words)
        self.boundaries = (self._numbers[str(tokenizer.bos_token)], self._numbers[str(tokenizer.eos_token)])
        self.unknown = self._numbers[str(tokenizer.unk_token)]
        self.max_cached_words = max_cached_words
        self.has_characters = has_characters
        self.length = tokenizer.max_characters_per_token if has_characters else 0
        self._bytes_NC = np.empty((0, self.length), dtype=np.uint8)
        if has_characters:
            self._add_rows(words)
            for number, content in zip(self.boundaries, BOUNDARY_CONTENTS):
                self._bytes_NC[number] = np.frombuffer(word_row(content, self.length), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._numbers)

    def empty_rows(self, shape: tuple[int, int]) -> np.ndarray:
        """Returns the bytes of positions without a word, `(*shape, C)` uint8."""
        return np.full((*shape, self.length), EMPTY_BYTE, dtype=np.uint8)

    def encode(self, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the word ids of a sentence with its boundaries, `(N + 2,)` int64, and the bytes of its characters,
        `(N + 2, C)` uint8."""
        first, last = self.boundaries
        if not self.has_characters:
            numbers = [first, *(self._numbers.get(word, self.unknown) for word in words), last]
            return np.array(numbers, dtype=np.int64), np.empty((len(numbers), 0), dtype=np.uint8)
        if len(self) > self.num_words + self.max_cached_words:
            for word in list(itertools.islice(self._numbers, self.num_words, None)):
                del self._numbers[word]
        if new_words := [word for word in dict.fromkeys(words) if word not in self._numbers]:
            self._numbers.update(zip(new_words, itertools.count(len(self))))
            self._add_rows(new_words)
        numbers = [first, *map(self._numbers.__getitem__, words), last]
        numbers_N = np.array(numbers, dtype=np.int64)
        return np.where(numbers_N < self.num_words, numbers_N, self.unknown), self._bytes_NC[numbers_N]

    def _add_rows(self, new_words: list[str]) -> None:
        """Writes the rows of the last words that got a number."""
        rows = b"".join(word_row(leading_bytes(word, self.length), self.length) for word in new_words)
        needed = len(self)
        if needed > len(self._bytes_NC):
            grown = np.empty((needed + needed // 2, self.length), dtype=np.uint8)
            grown[: len(self._bytes_NC)] = self._bytes_NC
            self._bytes_NC = grown
        added = np.frombuffer(rows, dtype=np.uint8).reshape(-1, self.length)
        self._bytes_NC[needed - len(new_words) : needed] = added


def check_vocabulary(tokenizer: ElmoTokenizer, name: str) -> None:
    """Checks that a vocabulary can be used for training.

    Raises:
        `ValueError`: Beginning with `name`, if `<S>`, `</S>` or `<UNK>` is missing, or if `<PAD>` and `<MASK>`, which
            are never predicted, are not the last two entries.
    """
    words = tokenizer.get_words()
    needed = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token)
    missing = [str(token) for token in needed if token not in words[: tokenizer.num_words]]
    if missing:
        raise ValueError(f"{name}: expected the special tokens <S>, </S>, <UNK> among its words, found no {missing[0]}")
    if words[-NUM_APPENDED_TOKENS:] != [tokenizer.pad_token, tokenizer.mask_token]:
        raise ValueError(
            f"{name}: {tokenizer.pad_token} and {tokenizer.mask_token} must not be among its words; they are added"
        )


@dataclass
class StreamPosition:
    """How far each row has read in one direction.

    Attributes:
        taken_R (`np.ndarray` of shape `(R,)`): Sentences that each row has begun.
        used_R (`np.ndarray` of shape `(R,)`): Words of its last sentence that each row has used.
        counts (`dict[int, int]`): Number of sentences of each block read so far.
    """

    taken_R: np.ndarray
    used_R: np.ndarray
    counts: dict[int, int] = field(default_factory=dict)

    @classmethod
    def start(cls, num_rows: int) -> "StreamPosition":
        """Returns the position before the first sentence."""
        return cls(np.zeros(num_rows, dtype=np.int64), np.zeros(num_rows, dtype=np.int64))

    def copy(self) -> "StreamPosition":
        """Returns a copy that does not change with this one."""
        return StreamPosition(self.taken_R.copy(), self.used_R.copy(), dict(self.counts))


@dataclass(frozen=True)
class BatchPlan:
    """How a corpus is made into batches.

    Attributes:
        batch_size (`int`): B, rows of the global batch.
        rows (`range`): The rows of this process.
        num_steps (`int`): W.
        seed (`int`, *optional*): Seed of shuffling. None: one pass, in order.
        is_raw (`bool`): Whether `ElmoTokenizer` splits the text; otherwise it is split at white space.
    """

    batch_size: int
    rows: range
    num_steps: int
    seed: int | None
    is_raw: bool

    def splitter(self, tokenizer: ElmoTokenizer) -> TextSplitter:
        """Returns the function that splits texts into words."""
        return tokenizer.split_words if self.is_raw else split_at_white_space


class SentenceStream:
    """The sentences of a corpus in the order of one direction, distributed over the rows of this process."""

    def __init__(
        self, corpus: Corpus, split_words: TextSplitter, plan: BatchPlan, direction: int, position: StreamPosition
    ) -> None:
        self.corpus = independent_reader(corpus)
        self.split_words = split_words
        self.plan = plan
        self.direction = direction
        self.counts = position.counts
        # The current sentence of a row is read again, those before it are not.
        begun = np.maximum(position.taken_R - 1, 0)
        self._first_needed = {row: row + plan.batch_size * int(number) for row, number in zip(plan.rows, begun)}
        self._waiting: dict[int, deque[list[str]]] = {row: deque() for row in plan.rows}
        self._next = min(self._first_needed.values())
        self._texts = self._read(self._next)

    def take(self, row: int) -> list[str] | None:
        """Returns the words of a row's next sentence, or None if there are no more."""
        waiting = self._waiting[row]
        while not waiting:
            lines = list(itertools.islice(self._texts, CHUNK_LINES))
            if not lines:
                return None
            numbers = range(self._next, self._next + len(lines))
            self._next += len(lines)
            batch_size, needed = self.plan.batch_size, self._first_needed
            own = [
                (number % batch_size, line)
                for number, line in zip(numbers, lines)
                if number >= needed.get(number % batch_size, number + 1)
            ]
            for (owner, _), words in zip(own, self.split_words([line for _, line in own])):
                self._waiting[owner].append(words)
        return waiting.popleft()

    def _read(self, first: int) -> Iterator[str]:
        """Yields sentence number `first` and all after it. Earlier blocks whose size is known are not read again."""
        seed, number = self.plan.seed, 0
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
                raise ValueError(f"{self.corpus.names[0]}: this corpus holds no text")
            if key is None:
                return


class DirectionWindows:
    """The windows of one direction, in the order in which its LSTM reads."""

    def __init__(
        self, sentences: SentenceStream, numbering: WordNumbering, plan: BatchPlan, position: StreamPosition
    ) -> None:
        self.position = position
        self.numbering = numbering
        self.plan = plan
        self.sentences = sentences
        # The current sentence of each row: word ids and bytes of characters, boundaries included.
        self._current: list[Any] = [
            self._take(index) if taken else None for index, taken in enumerate(position.taken_R)
        ]

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns word ids and labels `(R, W)`, bytes of characters `(R, W, C)`, and the number of words in each row
        `(R,)`, which is W until a corpus that is read once ends."""
        shape = (len(self.plan.rows), self.plan.num_steps)
        ids_RW = np.full(shape, self.numbering.unknown, dtype=np.int64)
        labels_RW = np.full(shape, IGNORED_LABEL, dtype=np.int64)
        bytes_RWC = self.numbering.empty_rows(shape)
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
                bytes_RWC[index, filled : filled + count] = bytes_NC[used : used + count]
                filled += count
                used += count
            used_R[index], lengths_R[index] = used, filled
        return ids_RW, labels_RW, bytes_RWC, lengths_R

    def _take(self, index: int) -> tuple[np.ndarray, np.ndarray] | None:
        words = self.sentences.take(self.plan.rows[index])
        if words is None:
            return None
        ids_N, bytes_NC = self.numbering.encode(words)
        return (ids_N[::-1], bytes_NC[::-1]) if self.sentences.direction == BACKWARD else (ids_N, bytes_NC)


Batch = tuple[dict[str, torch.Tensor], tuple[StreamPosition, StreamPosition]]


class Windows:
    """Iterates over windows of words. Each item is a batch and the position after it.

    A batch is the input of `ElmoForPreTraining`: `input_ids`, `forward_labels`, `backward_input_ids`, `backward_labels`
    of shape `(R, W)`, and `character_ids`, `backward_character_ids` of shape `(R, W, C)` if the model reads characters,
    all int64. An `attention_mask` is added when a corpus that is read once leaves rows unfilled. The backward window is
    in the order of the text. The position is a pair: of the forward and of the backward direction.

    Args:
        corpus (`Corpus`): The text.
        tokenizer (`ElmoTokenizer`): Has the vocabulary, and splits raw text.
        plan (`BatchPlan`): Sizes, seed and rows.
        has_characters (`bool`): Whether the model reads characters.
        positions (`tuple[StreamPosition, StreamPosition]`, *optional*): Where to resume, forward and backward.

    Raises:
        `ValueError`: Naming the file, if one is empty or not UTF-8; also if the vocabulary can't be used.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: ElmoTokenizer,
        plan: BatchPlan,
        has_characters: bool,
        positions: tuple[StreamPosition, StreamPosition] | None = None,
    ) -> None:
        numbering = WordNumbering(tokenizer, has_characters)
        start = StreamPosition.start(len(plan.rows))
        self.directions = []
        for direction, position in zip((FORWARD, BACKWARD), positions or (start, start)):
            position = position.copy()
            sentences = SentenceStream(corpus, plan.splitter(tokenizer), plan, direction, position)
            self.directions.append(DirectionWindows(sentences, numbering, plan, position))

    def __iter__(self) -> Iterator[Batch]:
        while True:
            forward, backward = (direction.next() for direction in self.directions)
            lengths_R = forward[3]
            # In a single pass, both directions of a row read the same sentences, so the same number of words.
            assert (lengths_R == backward[3]).all()
            if not lengths_R.any():
                return
            batch = dict(zip(("input_ids", "forward_labels", "character_ids"), forward))
            batch |= zip(("backward_input_ids", "backward_labels", "backward_character_ids"), backward)
            num_steps = forward[0].shape[1]
            is_full = (lengths_R == num_steps).all()
            order = _reversal(lengths_R, num_steps)
            for name, values in list(batch.items()):
                if name.startswith("backward"):
                    values = values[:, ::-1] if is_full else values[np.arange(len(values))[:, None], order]
                if name.endswith("character_ids"):
                    if not values.shape[2]:
                        del batch[name]
                        continue
                    values = CHARACTER_OF_BYTE.take(values)
                # torch rejects negative strides, and a reversed window of one word still has them.
                batch[name] = values.copy()
            if not is_full:
                batch["attention_mask"] = (np.arange(num_steps) < lengths_R[:, None]).astype(np.int64)
            positions = self.directions[0].position.copy(), self.directions[1].position.copy()
            yield {name: torch.from_numpy(values) for name, values in batch.items()}, positions


def _reversal(lengths_R: np.ndarray, num_steps: int) -> np.ndarray:
    """Returns the indices `(R, W)` that reverse the words of each row and leave the padding at the end."""
    steps = np.arange(num_steps)
    return np.where(steps < lengths_R[:, None], lengths_R[:, None] - 1 - steps, steps)


class SentenceRows:
    """Iterates over batches with one sentence per row, which both directions share. Items and arguments are those of
    `Windows`.

    The batch has `labels`, which are the `input_ids` with -100 at padding, instead of labels for each direction. A
    sentence of more than 510 words is cut.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: ElmoTokenizer,
        plan: BatchPlan,
        has_characters: bool,
        positions: tuple[StreamPosition, StreamPosition] | None = None,
    ) -> None:
        self.numbering = WordNumbering(tokenizer, has_characters)
        self.plan = plan
        self.position = StreamPosition.start(len(plan.rows)) if positions is None else positions[0].copy()
        # Rows have finished every sentence they began, so the first one needed is the next.
        begun = StreamPosition(self.position.taken_R + 1, self.position.used_R, self.position.counts)
        self.sentences = SentenceStream(corpus, plan.splitter(tokenizer), plan, FORWARD, begun)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            encoded = []
            for index, row in enumerate(self.plan.rows):
                words = self.sentences.take(row)
                if words is not None:
                    encoded.append(self.numbering.encode(words[: MAX_WORDS_PER_ROW - 2]))
                    self.position.taken_R[index] += 1
            if not encoded:
                return
            shape = (len(encoded), max(len(ids_N) for ids_N, _ in encoded))
            ids_RW = np.full(shape, self.numbering.unknown, dtype=np.int64)
            mask_RW = np.zeros(shape, dtype=np.int64)
            bytes_RWC = self.numbering.empty_rows(shape)
            for index, (ids_N, bytes_NC) in enumerate(encoded):
                ids_RW[index, : len(ids_N)] = ids_N
                mask_RW[index, : len(ids_N)] = 1
                bytes_RWC[index, : len(ids_N)] = bytes_NC
            batch = {"input_ids": ids_RW, "attention_mask": mask_RW}
            batch["labels"] = np.where(mask_RW, ids_RW, IGNORED_LABEL)
            if self.numbering.has_characters:
                batch["character_ids"] = CHARACTER_OF_BYTE.take(bytes_RWC)
            positions = self.position.copy(), StreamPosition.start(len(self.plan.rows))
            yield {name: torch.from_numpy(values) for name, values in batch.items()}, positions


def rows_of_process(batch_size: int, process: int, num_processes: int) -> range:
    """Returns the rows of the global batch that belong to one of several processes.

    Raises:
        `ValueError`: If the rows can't be divided evenly.
    """
    if batch_size % num_processes:
        raise ValueError(
            f"batch size: expected a multiple of the number of processes, {num_processes}, found {batch_size}"
        )
    size = batch_size // num_processes
    return range(process * size, (process + 1) * size)
