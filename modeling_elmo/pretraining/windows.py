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

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ..model.configuration_elmo import IGNORED_LABEL, NUM_APPENDED_TOKENS
from ..model.tokenization_elmo import CHUNK_LINES, ElmoTokenizer
from ..model.word_splitting import TextSplitter, split_at_white_space
from .corpus import Corpus, independent_reader


# The directions; these numbers are part of the seed of shuffling.
FORWARD, BACKWARD = 0, 1

# Words whose characters are kept, 50 bytes each, or 200 of code points.
MAX_CACHED_WORDS = 500_000

# In a batch of one sentence per row, longer sentences are cut.
MAX_WORDS_PER_ROW = 512


class WordEncoder:
    """Encodes words as their ids and, for a model that reads characters, the numbers that represent character ids.
    Raises `ValueError` if the tokenizer's vocabulary can't be used for training."""

    def __init__(self, tokenizer: ElmoTokenizer, has_characters: bool) -> None:
        check_vocabulary(tokenizer, "the tokenizer's vocabulary")
        words = tokenizer.get_words()[:-NUM_APPENDED_TOKENS]
        self.num_words = len(words)
        self._ids = dict(zip(words, range(len(words))))
        self._marks = str(tokenizer.bos_token), str(tokenizer.eos_token)
        # The ids of <S> and </S>, and of <UNK>.
        self.boundaries = self._ids[self._marks[0]], self._ids[self._marks[1]]
        self.unknown = self._ids[str(tokenizer.unk_token)]
        self.max_lookup = tokenizer.max_lookup_characters
        self.characters = characters = tokenizer.characters
        # C, or 0 without characters.
        self.length = characters.length if has_characters else 0
        boundaries = dict(zip(self._marks, characters.boundary_rows()))

        @lru_cache(MAX_CACHED_WORDS)
        def row(word: str) -> bytes:
            return boundaries.get(word) or characters.row(word)

        self._row = row

    def encode(self, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the word ids of a sentence with its boundaries, `(N + 2,)` int64, and the numbers of its characters,
        `(N + 2, C)`; see `character_ids`."""
        words = [self._marks[0], *words, self._marks[1]]
        ids_N = np.array([self._ids.get(word[: self.max_lookup], self.unknown) for word in words], dtype=np.int64)
        rows = b"".join(map(self._row, words)) if self.length else b""
        return ids_N, np.frombuffer(rows, dtype=self.characters.dtype).reshape(len(words), self.length)

    def empty_rows(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns the numbers `(*shape, C)` of positions without a word."""
        return np.full((*shape, self.length), self.characters.empty, dtype=self.characters.dtype)

    def character_ids(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the character ids, int64, of the numbers of characters."""
        return self.characters.ids.take(numbers)


def check_vocabulary(tokenizer: ElmoTokenizer, name: str) -> None:
    """Raises `ValueError`, beginning with `name`, if a vocabulary can't be used for training: if `<S>`, `</S>` or
    `<UNK>` is missing, or `<PAD>` and `<MASK>`, which are never predicted, are not the last two entries."""
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
    """How far each row has read in one direction."""

    taken_R: np.ndarray  # Sentences that each row has begun.
    used_R: np.ndarray  # Words of its last sentence that each row has used.
    counts: dict[int, int] = field(default_factory=dict)  # The number of sentences of each block read so far.

    @classmethod
    def start(cls, num_rows: int) -> "StreamPosition":
        """Returns the position before the first sentence."""
        return cls(np.zeros(num_rows, dtype=np.int64), np.zeros(num_rows, dtype=np.int64))

    def copy(self) -> "StreamPosition":
        """Returns a copy that does not change with this one."""
        return StreamPosition(self.taken_R.copy(), self.used_R.copy(), dict(self.counts))


@dataclass(frozen=True)
class BatchPlan:
    """How a corpus is made into batches."""

    batch_size: int  # B, rows of the global batch.
    rows: range  # The rows of this process.
    num_steps: int  # W.
    seed: int | None = None  # Seed of shuffling. None: one pass, in order.
    is_raw: bool = False  # Whether `ElmoTokenizer` splits the text; otherwise it is split at white space.
    sentence_per_row: bool = False  # Whether each sentence is its own row, instead of windows.
    as_bilm_tf: bool = False  # Whether a sentence goes to the row that is free first, until one finds no more.

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
        first = min(self._first_needed.values())
        self._texts = enumerate(self.read_from(first), first)

    def take(self, row: int) -> list[str] | None:
        """Returns the words of a row's next sentence, or None if there are no more."""
        waiting = self._waiting[row]
        while not waiting:
            numbered = list(itertools.islice(self._texts, CHUNK_LINES))
            if not numbered:
                return None
            rows = [(number, text, number % self.plan.batch_size) for number, text in numbered]
            own = [(text, row) for number, text, row in rows if number >= self._first_needed.get(row, math.inf)]
            for (_, owner), words in zip(own, self.split_words([text for text, _ in own])):
                self._waiting[owner].append(words)
        return waiting.popleft()

    def read_from(self, first: int) -> Iterator[str]:
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


class FreeRowStream(SentenceStream):
    """Sentences as bilm-tf's `test` distributes them: the next one goes to the row that has read its own first."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # After how many words each row is free, and its number.
        self._free = [(0, row) for row in self.plan.rows]

    def take(self, row: int) -> list[str] | None:
        """Returns the words of a row's next sentence, or None if there are no more."""
        waiting = self._waiting[row]
        while not waiting:
            numbered = next(self._texts, None)
            if numbered is None:
                return None
            (words,) = self.split_words([numbered[1]])
            time, free = self._free[0]
            heapq.heapreplace(self._free, (time + len(words) + 1, free))
            self._waiting[free].append(words)
        return waiting.popleft()


class DirectionWindows:
    """The windows of one direction."""

    def __init__(self, sentences: SentenceStream, encoder: WordEncoder, position: StreamPosition) -> None:
        self.sentences = sentences
        self.encoder = encoder
        self.position = position
        # The current sentence of each row: word ids and numbers of characters, boundaries included.
        self._current = [self._take(index) if taken else None for index, taken in enumerate(position.taken_R)]

    def next(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Returns word ids `(R, W)`, labels `(R, W)` and, if needed, character ids `(R, W, C)` in the order of the
        text; and the number of words in each row `(R,)`, which is W until a corpus that is read once ends."""
        shape = (len(self._current), self.sentences.plan.num_steps)
        ids_RW = np.full(shape, self.encoder.unknown, dtype=np.int64)
        labels_RW = np.full(shape, IGNORED_LABEL, dtype=np.int64)
        numbers_RWC = self.encoder.empty_rows(shape)
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
                ids_N, numbers_NC = current
                count = min(len(ids_N) - 1 - used, shape[1] - filled)
                ids_RW[index, filled : filled + count] = ids_N[used : used + count]
                labels_RW[index, filled : filled + count] = ids_N[used + 1 : used + count + 1]
                numbers_RWC[index, filled : filled + count] = numbers_NC[used : used + count]
                filled += count
                used += count
            used_R[index], lengths_R[index] = used, filled
        if self.sentences.plan.as_bilm_tf:
            # A step for which one row has no word does not count for the others either.
            shortest = int(lengths_R.min())
            lengths_R[:] = shortest
            labels_RW[:, shortest:] = IGNORED_LABEL
        if self.sentences.direction == BACKWARD:
            for index, filled in enumerate(lengths_R.tolist()):
                for values in (ids_RW, labels_RW, numbers_RWC):
                    values[index, :filled] = values[index, :filled][::-1]
        characters = [self.encoder.character_ids(numbers_RWC)] if self.encoder.length else []
        return [ids_RW, labels_RW, *characters], lengths_R

    def _take(self, index: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns a row's next sentence in the order in which the direction's LSTM reads."""
        words = self.sentences.take(self.sentences.plan.rows[index])
        if words is None:
            return None
        ids_N, numbers_NC = self.encoder.encode(words)
        return (ids_N[::-1], numbers_NC[::-1]) if self.sentences.direction == BACKWARD else (ids_N, numbers_NC)


Batch = tuple[dict[str, torch.Tensor], tuple[StreamPosition, StreamPosition]]


class Windows:
    """Iterates over windows of words. Each item is a batch and the position after it, of both directions.

    A batch is the input of `ElmoForPreTraining`: `input_ids`, `forward_labels`, `backward_input_ids`, `backward_labels`
    of shape `(R, W)`, and `character_ids`, `backward_character_ids` of shape `(R, W, C)` if the model reads characters,
    all int64. An `attention_mask` is added when a corpus that is read once leaves rows unfilled.

    Iteration resumes from `positions`, forward and backward. It raises `ValueError` if the text can't be read.
    """

    def __init__(
        self,
        corpus: Corpus,
        tokenizer: ElmoTokenizer,
        plan: BatchPlan,
        has_characters: bool,
        positions: tuple[StreamPosition, StreamPosition] | None = None,
    ) -> None:
        encoder = WordEncoder(tokenizer, has_characters)
        start = StreamPosition.start(len(plan.rows))
        self.directions = []
        for direction, position in zip((FORWARD, BACKWARD), positions or (start, start)):
            position = position.copy()
            stream = FreeRowStream if plan.as_bilm_tf else SentenceStream
            sentences = stream(corpus, plan.splitter(tokenizer), plan, direction, position)
            self.directions.append(DirectionWindows(sentences, encoder, position))

    def __iter__(self) -> Iterator[Batch]:
        forward, backward = self.directions
        while True:
            (arrays, lengths_R), (backward_arrays, backward_lengths_R) = forward.next(), backward.next()
            # In a single pass, both directions of a row read the same sentences, so the same number of words.
            assert (lengths_R == backward_lengths_R).all()
            if not lengths_R.any():
                return
            batch = dict(zip(("input_ids", "forward_labels", "character_ids"), arrays))
            batch |= zip(("backward_input_ids", "backward_labels", "backward_character_ids"), backward_arrays)
            steps = np.arange(arrays[0].shape[1])
            if lengths_R.min() < len(steps):
                batch["attention_mask"] = (steps < lengths_R[:, None]).astype(np.int64)
            positions = forward.position.copy(), backward.position.copy()
            yield {name: torch.from_numpy(values) for name, values in batch.items()}, positions


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
        self.encoder = WordEncoder(tokenizer, has_characters)
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
                    encoded.append(self.encoder.encode(words[: MAX_WORDS_PER_ROW - 2]))
                    self.position.taken_R[index] += 1
            if not encoded:
                return
            shape = (len(encoded), max(len(ids_N) for ids_N, _ in encoded))
            ids_RW = np.full(shape, self.encoder.unknown, dtype=np.int64)
            mask_RW = np.zeros(shape, dtype=np.int64)
            numbers_RWC = self.encoder.empty_rows(shape)
            for index, (ids_N, numbers_NC) in enumerate(encoded):
                ids_RW[index, : len(ids_N)] = ids_N
                mask_RW[index, : len(ids_N)] = 1
                numbers_RWC[index, : len(ids_N)] = numbers_NC
            batch = {"input_ids": ids_RW, "attention_mask": mask_RW}
            batch["labels"] = np.where(mask_RW, ids_RW, IGNORED_LABEL)
            if self.encoder.length:
                batch["character_ids"] = self.encoder.character_ids(numbers_RWC)
            positions = self.position.copy(), StreamPosition.start(len(self.plan.rows))
            yield {name: torch.from_numpy(values) for name, values in batch.items()}, positions


def rows_of_process(batch_size: int, process: int, num_processes: int) -> range:
    """Returns the rows of the global batch that belong to one of several processes, if they can be divided evenly."""
    size, rest = divmod(batch_size, num_processes)
    if rest:
        expected = f"a multiple of the number of processes, {num_processes}"
        raise ValueError(f"batch size: expected {expected}, found {batch_size}")
    return range(process * size, (process + 1) * size)
