# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards of an embedded corpus: safetensors files, written in pieces and read row by row.

A shard holds some sentences and their vectors. Its layout follows from the sentences alone, so its header is written
first and vectors are then written in any order: no more than a window or a piece of them is in memory. (`save_file`
needs whole tensors, and a shard with a line of 200,000 words has gigabytes.)

Dimensions: S sentences, N rows, K kinds of vectors, D their size.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from ..files.atomic import new_file
from .embedder import ElmoEmbedder, Sentence, windows
from .long_sentences import tensor_bytes, write_rows


# A shard ends after this many words, however small their vectors: a killed run repeats no more work than that.
SHARD_WORDS = 131_072

DTYPE_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.uint8: "U8",
}


@dataclass
class Shard:
    """The sentences of one file. Their words in `num_words` exclude boundaries."""

    index: int
    first_sentence: int  # Its index in the corpus.
    windows: list[list[Sentence]]
    offsets: np.ndarray  # `(S + 1,)`: the first row of each sentence, before pooling.
    shares: tuple[float, float] | None = None  # Of the corpus: read before this shard, and after it.

    def __post_init__(self) -> None:
        sentences = list(itertools.chain(*self.windows))
        texts = [sentence.text.encode("utf-8") for sentence in sentences]
        self.text = b"".join(texts)
        # `(S + 1,)`: the first byte of each sentence.
        self.text_offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        self.num_sentences = len(sentences)
        self.num_words = sum(len(sentence.words) for sentence in sentences)
        self.digest = hashlib.sha256(self.offsets.tobytes() + self.text_offsets.tobytes() + self.text).hexdigest()

    def share_after(self, num_words: int) -> float | None:
        """Returns the share of the corpus that is done after this many words of the shard, or None if unknown."""
        if self.shares is None:
            return None
        first, last = self.shares
        return first + (last - first) * min(1.0, num_words / max(1, self.num_words))


def shards(
    embedder: ElmoEmbedder,
    sentences: Iterable[Sentence],
    shard_bytes: int,
    share: Callable[[], float | None] = lambda: None,
) -> Iterator[Shard]:
    """Yields the shards of a corpus: whole windows with at least `shard_bytes` bytes of vectors in total.

    `share` returns the share of the corpus that has been read, or None if unknown.
    """
    first_sentence, last_share = 0, share() or 0.0
    for index, members in enumerate(_groups(embedder, sentences, shard_bytes)):
        lengths = [embedder.num_rows(sentence.words) for window in members for sentence in window]
        new_share = share()
        shares = None if new_share is None else (last_share, new_share)
        yield Shard(index, first_sentence, members, np.cumsum([0, *lengths], dtype=np.int64), shares)
        first_sentence, last_share = first_sentence + len(lengths), new_share or last_share


def _groups(embedder: ElmoEmbedder, sentences: Iterable[Sentence], shard_bytes: int) -> Iterator[list[list[Sentence]]]:
    """Yields the windows of each shard."""
    row_bytes = embedder.num_kinds * embedder.config.hidden_size * embedder.dtype.itemsize
    members: list[list[Sentence]] = []
    size = num_words = 0
    for window in windows(sentences, embedder.window_words, embedder.piece_words):
        members.append(window)
        words = [sentence.words for sentence in window]
        size += sum(embedder.row_counts(words)) * row_bytes
        num_words += sum(map(len, words))
        if size >= shard_bytes or num_words >= SHARD_WORDS:
            yield members
            members, size, num_words = [], 0, 0
    if members:
        yield members


@contextmanager
def new_shard(
    path: Path,
    shard: Shard,
    embedder: ElmoEmbedder,
    metadata: dict[str, str],
    state_shapes: dict[str, tuple[int, ...]] | None = None,
) -> Iterator["ShardWriter"]:
    """Writes one shard, which gets its name once the block has ended and it is on the disk.

    `metadata` goes into the header; `state_shapes` has names and shapes of further float32 tensors.
    """
    with new_file(path) as temporary, open(temporary, "wb") as file:
        yield ShardWriter(file, shard, embedder, metadata, state_shapes or {})


class ShardWriter:
    """Writes the vectors of a shard, see `new_shard`."""

    def __init__(
        self,
        file: BinaryIO,
        shard: Shard,
        embedder: ElmoEmbedder,
        metadata: dict[str, str],
        state_shapes: dict[str, tuple[int, ...]],
    ):
        num_rows = shard.num_sentences if embedder.is_pooled else int(shard.offsets[-1])
        shape: tuple[int, ...] = (num_rows, embedder.config.hidden_size)
        if embedder.layers == "all":
            # Pooled, a row holds all kinds of vectors of a sentence.
            shape = (num_rows, embedder.num_kinds, shape[1]) if embedder.is_pooled else (embedder.num_kinds, *shape)
        self.num_rows = num_rows
        self.is_by_sentence = len(shape) == 3 and embedder.is_pooled
        # Aligned tensors come first.
        tensors: list[tuple[str, torch.dtype, tuple[int, ...]]] = [
            ("offsets", torch.int64, shard.offsets.shape),
            ("text_offsets", torch.int64, shard.text_offsets.shape),
            ("embeddings", embedder.dtype, shape),
            *((name, torch.float32, shape) for name, shape in state_shapes.items()),
            ("text", torch.uint8, (len(shard.text),)),
        ]
        header: dict[str, Any] = {"__metadata__": metadata}
        begins: dict[str, int] = {}
        end = 0
        for name, dtype, shape in tensors:
            begins[name], end = end, end + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            header[name] = {"dtype": DTYPE_NAMES[dtype], "shape": list(shape), "data_offsets": [begins[name], end]}
        encoded = json.dumps(header, sort_keys=True).encode()
        encoded += b" " * (-len(encoded) % 8)
        first = 8 + len(encoded)
        self._begin = {name: first + begin for name, begin in begins.items()}
        self._file = file
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        file.truncate(first + end)
        for name, array in (("offsets", shard.offsets), ("text_offsets", shard.text_offsets)):
            file.seek(self._begin[name])
            file.write(array.data)
        file.seek(self._begin["text"])
        file.write(shard.text)

    def rows(self, first: int, rows_KND: torch.Tensor) -> None:
        """Writes rows `(K, n, D)`, the first of which is row `first` of the shard."""
        num_rows = self.num_rows
        if self.is_by_sentence:
            first, num_rows = first * len(rows_KND), num_rows * len(rows_KND)
            rows_KND = rows_KND.transpose(0, 1).flatten(0, 1)[None]
        write_rows(self._file, self._begin["embeddings"], num_rows, first, rows_KND)

    def tensor(self, name: str, tensor: torch.Tensor) -> None:
        """Writes one of the further tensors."""
        self._file.seek(self._begin[name])
        self._file.write(tensor_bytes(tensor.float()))


class ShardFile:
    """A shard on the disk, reopened for each read, so that little of it is mapped into memory at a time.

    Raises:
        `ValueError`: If it is not a shard, or incomplete.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with safe_open(path, "numpy") as file:
                self.metadata: dict[str, str] = file.metadata()
                self.shape: list[int] = file.get_slice("embeddings").get_shape()
                self.is_pooled = self.metadata["pool"] != "none"
        except (KeyError, SafetensorError, TypeError) as error:
            raise ValueError(f"{path}: expected a shard of embeddings ({error}); delete it") from error

    @property
    def num_rows(self) -> int:
        """`int`: N, or S if pooled."""
        return self.shape[0 if self.is_pooled else -2]

    def array(self, name: str) -> np.ndarray:
        """Returns a whole tensor."""
        with safe_open(self.path, "numpy") as file:
            return file.get_tensor(name)

    def rows(self, begin: int, end: int) -> np.ndarray:
        """Returns rows `(n, D)` or `(K, n, D)`; pooled, `(n, D)` or `(n, K, D)`."""
        if begin == end:
            begin = end = 0
        with safe_open(self.path, "numpy") as file:
            # The library refuses to slice a dimension of size 0.
            embeddings = file.get_slice("embeddings") if self.num_rows else file.get_tensor("embeddings")
            return embeddings[:, begin:end] if len(self.shape) == 3 and not self.is_pooled else embeddings[begin:end]

    def texts(self) -> list[str]:
        """Returns the sentences."""
        data, offsets = self.array("text").tobytes(), self.array("text_offsets").tolist()
        return [data[begin:end].decode() for begin, end in itertools.pairwise(offsets)]

    def row_counts(self) -> np.ndarray:
        """Returns the number of rows of each sentence in the file."""
        counts = np.diff(self.array("offsets"))
        return np.ones_like(counts) if self.is_pooled else counts

    def runs(self, max_bytes: int) -> Iterator[tuple[int, int, int, int]]:
        """Yields runs of whole sentences of at most `max_bytes` bytes, or of one sentence: the first sentence, the
        one after the last, the first row, and the row after the last."""
        row_bytes = self.rows(0, 1).nbytes
        ends = np.cumsum(self.row_counts()).tolist()
        first = begin = 0
        for sentence, end in enumerate(ends, start=1):
            if sentence == len(ends) or (ends[sentence] - begin) * row_bytes > max_bytes:
                yield first, sentence, begin, end
                first, begin = sentence, end
