# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards to one file: HDF5 in the layout of the original commands, and Parquet.

The HDF5 layout is that of bilm-tf's `dump_bilm_embeddings` (`bilm/model.py`), a dataset per sentence named by its index
from 0, and of AllenNLP's command `elmo`, which adds `sentence_to_index`. Shards are read in parts.

Dimensions: S sentences, N rows, K kinds of vectors, D their size.
"""

import io
import itertools
import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..files.tables import import_parquet
from .shards import ShardFile


# A shard is read in parts of this size; a part is larger only if one sentence is.
PART_BYTES = 16 << 20

# Rows of a long sentence that are copied at a time.
CHUNK_ROWS = 4096

# The length of an HDF5 string has 32 bits.
MAX_INDEX_BYTES = 2**32 - 2

SENTENCE_INDEX = "sentence_to_index"


def write_hdf5(path: Path, files: Iterable[ShardFile], sentence_index: bool) -> None:
    """Writes the datasets `0`, `1`, ... of shape `(N, D)` or `(K, N, D)`; pooled, `(D,)` or `(K, D)`.

    With `sentence_index`, also `sentence_to_index`: a string, the JSON of a dictionary that maps each sentence to the
    name of its dataset, for equal sentences that of the last.

    Raises:
        `OSError`: If it can't be written.
        `ValueError`: If the dictionary is too long for HDF5.
    """
    index: dict[str, str] = {}
    numbers = map(str, itertools.count())
    with _DeferredErrors(path) as output, h5py.File(output, "w") as file:
        # The time of creation would be the only difference between two files of the same vectors.
        create = partial(file.create_dataset, track_times=False)
        for shard in files:
            counts = shard.row_counts().tolist()
            names = list(itertools.islice(numbers, len(counts)))
            if sentence_index:
                index.update(zip(map(str.strip, shard.texts()), names))
            for first, last, begin, end in shard.runs(PART_BYTES):
                if last - first == 1 and not shard.is_pooled:
                    # A sentence of any length.
                    shape = (*shard.shape[:-2], end - begin, shard.shape[-1])
                    dataset = create(names[first], shape, dtype=shard.rows(0, 0).dtype)
                    for row in range(begin, end, CHUNK_ROWS):
                        chunk = shard.rows(row, min(row + CHUNK_ROWS, end))
                        dataset[..., row - begin : row - begin + chunk.shape[-2], :] = chunk
                else:
                    rows, row = shard.rows(begin, end), 0
                    for name, length in zip(names[first:last], counts[first:last]):
                        create(name, data=rows[row] if shard.is_pooled else rows[..., row : row + length, :])
                        row += length
                output.check()
        if sentence_index:
            text = json.dumps(index)
            if len(text) > MAX_INDEX_BYTES:
                raise ValueError(
                    f"{path.name}: {SENTENCE_INDEX} has {len(text):,} bytes, more than the {MAX_INDEX_BYTES:,} of an "
                    f"HDF5 string; leave it out (--forget-sentences)"
                )
            create(SENTENCE_INDEX, (1,), dtype=h5py.string_dtype())[0] = text


class _DeferredErrors(io.FileIO):
    """A file that keeps the first write error for `check`, or for the end, when the whole file is lost anyway.

    HDF5 can't close a file that it can't write to, and crashes the process when it tries again later.
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
    L + 1 such lists. Pooled, it is a vector, or a list of L + 1. Arguments and errors are those of `write_hdf5`.
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
