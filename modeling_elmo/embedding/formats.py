# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards to one file: HDF5 in the layout of the original commands, and Parquet.

The HDF5 layout is that of bilm-tf's `dump_bilm_embeddings` (`bilm/model.py`), a dataset per sentence named by its index
from 0, and of AllenNLP's command `elmo`, which adds `sentence_to_index`. Shards are read in parts.

Dimensions: S sentences, N rows, K kinds of vectors, D their size.
"""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .shards import ShardFile
from .sources import import_parquet


# A shard is read in parts of this size; a part is larger only if one sentence is.
PART_BYTES = 16 << 20

# Rows of a long sentence that are copied at a time.
CHUNK_ROWS = 4096

# The length of an HDF5 string has 32 bits.
MAX_INDEX_BYTES = 2**32 - 2

SENTENCE_INDEX = "sentence_to_index"


def write_hdf5(path: Path, files: Iterable[ShardFile], sentence_index: bool) -> None:
    """Writes the datasets `0`, `1`, ... and `sentence_to_index`.

    A dataset has the shape `(N, D)` or `(K, N, D)`; pooled, `(D,)` or `(K, D)`.

    Args:
        path (`Path`): The file to make.
        files (`Iterable[ShardFile]`): The shards, in order.
        sentence_index (`bool`): Whether to write `sentence_to_index`: a string, the JSON of a dictionary that maps each
            sentence to the name of its dataset, for equal sentences that of the last.

    Raises:
        `OSError`, `RuntimeError`: If it can't be written.
        `ValueError`: If the dictionary is too long for HDF5.
    """
    index: dict[str, str] = {}
    with _DeferredErrors(path) as output, h5py.File(output, "w") as file:
        count = 0
        for shard in files:
            if sentence_index:
                index.update({text.strip(): str(number) for number, text in enumerate(shard.texts(), start=count)})
            counts = shard.row_counts().tolist()
            for first, last, begin, end in shard.runs(PART_BYTES):
                if last - first == 1 and not shard.is_pooled:
                    _copy_sentence(file, str(count + first), shard, begin, end)
                else:
                    rows = shard.rows(begin, end)
                    row = 0
                    for number, length in enumerate(counts[first:last], start=count + first):
                        vectors = rows[row] if shard.is_pooled else rows[..., row : row + length, :]
                        # The time of creation would be the only difference between two files of the same vectors.
                        file.create_dataset(str(number), data=vectors, track_times=False)
                        row += length
                output.check()
            count += len(counts)
        if sentence_index:
            text = json.dumps(index)
            if len(text) > MAX_INDEX_BYTES:
                raise ValueError(
                    f"{path.name}: {SENTENCE_INDEX} has {len(text):,} bytes, more than the {MAX_INDEX_BYTES:,} of an "
                    f"HDF5 string; leave it out (--forget-sentences)"
                )
            dataset = file.create_dataset(SENTENCE_INDEX, (1,), dtype=h5py.string_dtype(), track_times=False)
            dataset[0] = text


def _copy_sentence(file: Any, name: str, shard: ShardFile, begin: int, end: int) -> None:
    """Copies a sentence of any length."""
    shape = (*shard.shape[:-2], end - begin, shard.shape[-1])
    dataset = file.create_dataset(name, shape, dtype=shard.rows(begin, begin).dtype, track_times=False)
    for first in range(begin, end, CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, end)
        dataset[..., first - begin : last - begin, :] = shard.rows(first, last)


class _DeferredErrors(io.FileIO):
    """File object that defers write errors, because HDF5 crashes on them.

    HDF5 can't close a file that it can't write to, and crashes the process when it tries again later. So the first
    error is kept for `check` or the end, and the whole file is lost anyway.
    """

    def __init__(self, path: Path):
        super().__init__(path, "w+")
        self._error: OSError | None = None

    def __exit__(self, *error: object) -> None:
        self.close()
        self.check()

    def check(self) -> None:
        """Raises the first error."""
        if self._error is not None:
            raise self._error

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while len(rest) and self._error is None:
                rest = rest[super().write(rest) or 0 :]
        except OSError as error:
            self._error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0


def write_parquet(path: Path, files: Iterable[ShardFile]) -> None:
    """Writes the columns `sentence` and `embeddings`, in row groups of about 16 MB.

    An entry of `embeddings` is a list with one vector per word, each a list of fixed size; with all layers, a list of
    L + 1 such lists. Pooled, it is a vector, or a list of L + 1.

    Args:
        path (`Path`): The file to make.
        files (`Iterable[ShardFile]`): The shards, in order.

    Raises:
        `OSError`: If it can't be written.
        `ValueError`: If pyarrow is not installed.
    """
    parquet = import_parquet(str(path))
    import pyarrow as pa

    writer = None
    try:
        for shard in files:
            texts, counts = shard.texts(), shard.row_counts()
            for first, last, begin, end in shard.runs(PART_BYTES):
                column = _embeddings_column(pa, shard, shard.rows(begin, end), counts[first:last])
                table = pa.table({"sentence": pa.array(texts[first:last], pa.string()), "embeddings": column})
                if writer is None:
                    # Vectors don't repeat: dictionaries and compression would cost time and save nothing.
                    writer = parquet.ParquetWriter(
                        path, table.schema, use_dictionary=False, compression="none", write_statistics=False
                    )
                writer.write_table(table)
        if writer is None:
            empty = pa.array([], pa.list_(pa.float32()))
            table = pa.table({"sentence": pa.array([], pa.string()), "embeddings": empty})
            writer = parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _embeddings_column(pa: Any, shard: ShardFile, rows: np.ndarray, counts: np.ndarray) -> Any:
    def vectors(values: np.ndarray) -> Any:
        return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), shard.shape[-1])

    def lists(lengths: np.ndarray, values: Any) -> Any:
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), values)

    if shard.is_pooled:
        return vectors(rows) if rows.ndim == 2 else lists(np.full(len(rows), rows.shape[1]), vectors(rows))
    if rows.ndim == 2:
        return lists(counts, vectors(rows))
    ends = np.cumsum(counts)
    sentences = [rows[:, end - count : end].reshape(-1, rows.shape[-1]) for end, count in zip(ends, counts)]
    by_layer = lists(np.repeat(counts, len(rows)), vectors(np.concatenate(sentences)))
    return lists(np.full(len(counts), len(rows)), by_layer)


__all__ = ["write_hdf5", "write_parquet"]
