# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards of an embedded corpus: safetensors files that are written piece by piece and read row by row.

A shard is some sentences with their vectors. Its layout follows from the sentences alone, so that the header is written
first and vectors then go to their places in any order, and no more than a piece of them is in memory. (The library
writes tensors that are all there.) A shard has its name only when it is whole and on the disk.

Dimensions: S sentences, N rows, K kinds of vectors, D their size.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..files.atomic import flush
from .embedder import ElmoEmbedder, Sentence, windows
from .long_sentences import octets


# A shard ends with so many words, however small their vectors: so much is done again after a kill.
SHARD_WORDS = 131_072

DTYPE_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.uint8: "U8",
}
DTYPES = {name: dtype for dtype, name in DTYPE_NAMES.items()}
NUMPY_DTYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "U8": np.uint8}


@dataclass
class Shard:
    """Sentences that go into one file.

    Attributes:
        number (`int`): Its place among the shards.
        first_sentence (`int`): The place of its first sentence in the corpus.
        windows (`list[list[Sentence]]`): The sentences.
        offsets (`np.ndarray` of shape `(S + 1,)`): Where the rows of each sentence begin, before pooling.
        text_offsets (`np.ndarray` of shape `(S + 1,)`): Where the bytes of each sentence begin in `text`.
        text (`bytes`): The sentences in UTF-8.
        shares (`tuple[float, float]`, *optional*): How much of the corpus had been read before it and after it.
    """

    number: int
    first_sentence: int
    windows: list[list[Sentence]]
    offsets: np.ndarray
    text_offsets: np.ndarray
    text: bytes
    shares: tuple[float, float] | None = None
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for part in (self.offsets.tobytes(), self.text_offsets.tobytes(), self.text):
            digest.update(part)
        self.digest = digest.hexdigest()

    @property
    def num_sentences(self) -> int:
        """`int`: S."""
        return len(self.offsets) - 1

    @property
    def num_words(self) -> int:
        """`int`: Words, boundaries not counted."""
        return sum(len(sentence.words) for window in self.windows for sentence in window)


def shards(
    embedder: ElmoEmbedder, sentences: Iterable[Sentence], shard_bytes: int, share: Any = lambda: None
) -> Iterator[Shard]:
    """Yields the shards of a corpus: whole windows of at least `shard_bytes` bytes of vectors together.

    Args:
        embedder (`ElmoEmbedder`): Says what a window is and how large its vectors are.
        sentences (`Iterable[Sentence]`): The corpus.
        shard_bytes (`int`): The size.
        share (`Callable`, *optional*): Says how much of the corpus has been read, from 0 to 1, or None.
    """
    row_bytes = embedder.num_kinds * embedder.config.hidden_size * embedder.dtype.itemsize
    first_sentence = number = 0
    members: list[list[Sentence]] = []
    size = num_words = 0
    last_share = share() or 0.0

    def shard() -> Shard:
        nonlocal last_share
        flat = [sentence for window in members for sentence in window]
        texts = [sentence.text.encode("utf-8") for sentence in flat]
        now = share()
        made = Shard(
            number,
            first_sentence,
            members,
            np.cumsum([0, *(embedder.num_rows(sentence.words) for sentence in flat)], dtype=np.int64),
            np.cumsum([0, *map(len, texts)], dtype=np.int64),
            b"".join(texts),
            None if now is None else (last_share, now),
        )
        last_share = now or last_share
        return made

    for window in windows(sentences, embedder.window_words, embedder.piece_words):
        members.append(window)
        words = sum(len(sentence.words) for sentence in window)
        rows = len(window) if embedder.is_pooled else sum(embedder.num_rows(sentence.words) for sentence in window)
        num_words += words
        size += rows * row_bytes
        if size >= shard_bytes or num_words >= SHARD_WORDS:
            made = shard()
            yield made
            first_sentence, number = first_sentence + made.num_sentences, number + 1
            members, size, num_words = [], 0, 0
    if members:
        yield shard()


class ShardWriter:
    """Writes one shard under a temporary name; `finish` gives it its own.

    Args:
        path (`Path`): The file to make.
        shard (`Shard`): What is in it.
        embedder (`ElmoEmbedder`): Whose vectors they are.
        metadata (`dict[str, str]`): Goes into the header.
        state_shapes (`dict`, *optional*): Shapes of further tensors of type float32, by their names.
    """

    def __init__(
        self,
        path: Path,
        shard: Shard,
        embedder: ElmoEmbedder,
        metadata: dict[str, str],
        state_shapes: dict[str, tuple[int, ...]] | None = None,
    ):
        self.path = path
        self.temporary = path.with_suffix(".partial")
        num_rows = shard.num_sentences if embedder.is_pooled else int(shard.offsets[-1])
        rows = (num_rows, embedder.config.hidden_size)
        shape: tuple[int, ...] = (embedder.num_kinds, *rows) if embedder.layers == "all" else rows
        if embedder.layers == "all" and embedder.is_pooled:
            # A row of it belongs to a sentence.
            shape = (num_rows, embedder.num_kinds, embedder.config.hidden_size)
        self.num_rows = num_rows
        self.is_by_sentence = len(shape) == 3 and embedder.is_pooled
        self.row_bytes = rows[1] * embedder.dtype.itemsize
        # Numbers that must be aligned come first.
        tensors: list[tuple[str, torch.dtype, tuple[int, ...]]] = [
            ("offsets", torch.int64, shard.offsets.shape),
            ("text_offsets", torch.int64, shard.text_offsets.shape),
            ("embeddings", embedder.dtype, shape),
            *((name, torch.float32, shape) for name, shape in (state_shapes or {}).items()),
            ("text", torch.uint8, (len(shard.text),)),
        ]
        header: dict[str, Any] = {"__metadata__": metadata}
        self._begin: dict[str, int] = {}
        end = 0
        for name, dtype, shape in tensors:
            self._begin[name], end = end, end + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            header[name] = {
                "dtype": DTYPE_NAMES[dtype],
                "shape": list(shape),
                "data_offsets": [self._begin[name], end],
            }
        encoded = json.dumps(header, sort_keys=True).encode()
        encoded += b" " * (-len(encoded) % 8)
        self._first = 8 + len(encoded)
        self._end = self._first + end
        self._file = open(self.temporary, "wb")  # noqa: SIM115
        self._file.write(len(encoded).to_bytes(8, "little") + encoded)
        self._write("offsets", 0, shard.offsets.tobytes())
        self._write("text_offsets", 0, shard.text_offsets.tobytes())
        self._write("text", 0, shard.text)

    def _write(self, name: str, begin: int, data: bytes | memoryview) -> None:
        self._file.seek(self._first + self._begin[name] + begin)
        self._file.write(data)

    def rows(self, first: int, rows_KND: torch.Tensor) -> None:
        """Writes rows `(K, n, D)`, the first of which is row `first` of the shard."""
        if self.is_by_sentence:
            self._write("embeddings", first * len(rows_KND) * self.row_bytes, octets(rows_KND.transpose(0, 1)))
            return
        for kind, rows_ND in enumerate(rows_KND):
            self._write("embeddings", (kind * self.num_rows + first) * self.row_bytes, octets(rows_ND))

    def tensor(self, name: str, tensor: torch.Tensor) -> None:
        """Writes one of the further tensors."""
        self._write(name, 0, octets(tensor.float()))

    def finish(self) -> None:
        """Gives the shard its name once it is on the disk."""
        self._file.truncate(self._end)
        self._file.close()
        flush(self.temporary)
        self.temporary.replace(self.path)
        flush(self.path.parent)

    def abandon(self) -> None:
        """Takes away what is written."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)


class ShardFile:
    """A shard on the disk.

    Raises:
        `ValueError`: If it is no shard, or cut short.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with open(path, "rb") as file:
                size = int.from_bytes(file.read(8), "little")
                if not 0 < size <= os.fstat(file.fileno()).st_size:
                    raise ValueError("its header has no end")
                header = json.loads(file.read(size))
                self.metadata: dict[str, str] = header.pop("__metadata__")
                self._first = 8 + size
                self._tensors = header
                end = max(tensor["data_offsets"][1] for tensor in header.values())
                if self._first + end != os.fstat(file.fileno()).st_size:
                    raise ValueError("it is cut short")
                self.shape: list[int] = header["embeddings"]["shape"]
                self.dtype = NUMPY_DTYPES.get(header["embeddings"]["dtype"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: expected a shard of embeddings ({error}); delete it") from error

    @property
    def num_rows(self) -> int:
        """`int`: N."""
        return self.shape[0] if self.is_by_sentence else self.shape[-2]

    @property
    def is_by_sentence(self) -> bool:
        """`bool`: Whether a row holds all kinds of vectors of a sentence."""
        return self.metadata["pool"] != "none" and len(self.shape) == 3

    def array(self, name: str) -> np.ndarray:
        """Returns a whole tensor."""
        tensor = self._tensors[name]
        begin, end = tensor["data_offsets"]
        with open(self.path, "rb") as file:
            file.seek(self._first + begin)
            return np.frombuffer(file.read(end - begin), NUMPY_DTYPES[tensor["dtype"]]).reshape(tensor["shape"])

    def texts(self) -> list[str]:
        """Returns the sentences."""
        data, offsets = self.array("text").tobytes(), self.array("text_offsets").tolist()
        return [data[begin:end].decode() for begin, end in itertools.pairwise(offsets)]

    def row_counts(self) -> np.ndarray:
        """Returns how many rows each sentence has, as they are in the file."""
        counts = np.diff(self.array("offsets"))
        return np.ones_like(counts) if self.metadata["pool"] != "none" else counts

    def runs(self, most_bytes: int) -> Iterator[tuple[int, int, int, int]]:
        """Yields runs of whole sentences of about so many bytes, or of one: first sentence, the one after the last,
        first row, and the row after the last."""
        row_bytes = int(np.prod(self.shape)) // max(1, self.num_rows) * np.dtype(self.dtype).itemsize
        ends = np.cumsum(self.row_counts()).tolist()
        first = begin = 0
        for sentence, end in enumerate(ends):
            is_last = sentence + 1 == len(ends)
            following = end if is_last else ends[sentence + 1]
            if is_last or (following - begin) * row_bytes > most_bytes:
                yield first, sentence + 1, begin, end
                first, begin = sentence + 1, end

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Yields a function that reads rows: `(begin, end)` to `(n, D)`, `(K, n, D)` or, by sentence, `(n, K, D)`."""
        begin_of_tensor = self._first + self._tensors["embeddings"]["data_offsets"][0]
        with open(self.path, "rb") as file:

            def read(first: int, end: int) -> np.ndarray:
                inner = self.shape[1:] if self.is_by_sentence or len(self.shape) == 2 else self.shape[2:]
                blocks = 1 if self.is_by_sentence or len(self.shape) == 2 else self.shape[0]
                rows = np.empty((blocks, end - first, *inner), dtype=self.dtype)
                row_bytes = int(np.prod(inner)) * rows.itemsize
                for block, values in enumerate(rows):
                    file.seek(begin_of_tensor + (block * self.num_rows + first) * row_bytes)
                    file.readinto(memoryview(values.reshape(-1).view(np.uint8)))
                return rows if len(self.shape) == 3 and not self.is_by_sentence else rows[0]

            yield read


__all__ = ["Shard", "ShardFile", "ShardWriter", "shards"]
