# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The files that shards of an embedded corpus become: HDF5 in the layout of the original commands, and Parquet.

The HDF5 layout is that of bilm-tf's `dump_bilm_embeddings` (`bilm/model.py`): a dataset for each sentence, named by its
number from 0; and of AllenNLP's command `elmo`, which adds `sentence_to_index`. Shards are read a piece at a time.

Dimensions: S sentences, N rows, K kinds of vectors, D their size.
"""

import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .shards import ShardFile
from .sources import import_parquet


# So much of a shard is read at a time; more only where one sentence has more.
BYTES_AT_A_TIME = 16 << 20

# Rows of a long sentence that are copied at a time.
ROWS_AT_A_TIME = 4096

# An HDF5 string has a length of 32 bits.
MOST_INDEX_BYTES = 2**32 - 2

SENTENCE_INDEX = "sentence_to_index"


def write_hdf5(path: Path, files: Iterator[ShardFile], sentence_index: bool) -> None:
    """Writes the datasets `0`, `1`, ... and `sentence_to_index`.

    Args:
        path (`Path`): The file to make.
        files (`Iterator[ShardFile]`): The shards, in order.
        sentence_index (`bool`): Whether to write `sentence_to_index`: a string, the JSON of a dictionary from each
            sentence to the name of its dataset. Of equal sentences it names the last.

    Raises:
        `OSError`, `RuntimeError`: If it can't be written.
        `ValueError`: If the dictionary is too long for HDF5.
    """
    index: dict[str, str] = {}
    # When datasets were made would be all that differs between two files of the same vectors.
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    with _HDF5Output(path) as output, h5py.File(output, "w") as file:
        number = 0
        for shard in files:
            if sentence_index:
                names = (str(number + place) for place in range(len(shard.row_counts())))
                index.update(zip((text.strip() for text in shard.texts()), names))
            dtype = h5py.h5t.py_create(np.dtype(shard.dtype), logical=True)
            for vectors in sentence_arrays(shard):
                space = h5py.h5s.create_simple(vectors.shape)
                dataset = h5py.h5d.create(file.id, str(number).encode(), dtype, space, properties)
                if vectors.size:
                    vectors.write_to(dataset)
                number += 1
                output.check()
        if sentence_index:
            text = json.dumps(index)
            if len(text) > MOST_INDEX_BYTES:
                raise ValueError(
                    f"{path.name}: {SENTENCE_INDEX} has {len(text):,} bytes, HDF5 holds {MOST_INDEX_BYTES:,}; leave it "
                    f"out (--forget-sentences)"
                )
            dataset = file.create_dataset(SENTENCE_INDEX, (1,), dtype=h5py.string_dtype(), track_times=False)
            dataset[0] = text


class _HDF5Output(io.RawIOBase):
    """The file under an HDF5 file, on a disk that never seems full.

    HDF5 can't close a file that it can't write to, and crashes the process when it tries again later. So what fails
    here is remembered, and what is written after it is lost, as the whole file is: `check`, or the end, raises the
    error.
    """

    def __init__(self, path: Path):
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115
        self._error: OSError | None = None

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self.check()

    def check(self) -> None:
        """Raises the first error of the disk."""
        if self._error is not None:
            raise self._error

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer) or 0

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while len(rest) and self._error is None:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self._error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class SentenceArray:
    """The vectors of one sentence: in memory, or, if they are many, still in the file."""

    def __init__(self, shape: tuple[int, ...], read: Callable[[int, int], np.ndarray]):
        self.shape = shape
        self.size = int(np.prod(shape))
        self._read = read

    def whole(self) -> np.ndarray:
        """Returns the array."""
        return self._read(0, self.shape[-2] if len(self.shape) > 1 else 1)

    def write_to(self, dataset: Any) -> None:
        """Writes the vectors into an HDF5 dataset of their shape."""
        num_rows = self.shape[-2] if len(self.shape) > 1 else 1
        if self.size * 4 <= BYTES_AT_A_TIME or len(self.shape) < 2:
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(self.whole()))
            return
        for begin in range(0, num_rows, ROWS_AT_A_TIME):
            rows = np.ascontiguousarray(self._read(begin, min(begin + ROWS_AT_A_TIME, num_rows)))
            space = dataset.get_space()
            space.select_hyperslab((0,) * (rows.ndim - 2) + (begin, 0), rows.shape)
            dataset.write(h5py.h5s.create_simple(rows.shape), space, rows)


def sentence_arrays(shard: ShardFile) -> Iterator[SentenceArray]:
    """Yields the vectors of each sentence of a shard: `(N, D)` or `(K, N, D)`; pooled, `(D,)` or `(K, D)`."""
    counts = shard.row_counts()
    is_pooled = shard.metadata["pool"] != "none"
    with shard.opened() as read:
        for first, last, begin, end in shard.runs(BYTES_AT_A_TIME):
            if last - first == 1 and not is_pooled:
                shape = (*shard.shape[:-2], end - begin, shard.shape[-1])
                yield SentenceArray(shape, partial(_rows_from, read, begin))
                continue
            rows = read(begin, end)
            place = 0
            for count in counts[first:last].tolist():
                values = rows[place] if is_pooled else rows[..., place : place + count, :]
                # Pooled, all of it whatever is asked for.
                yield SentenceArray(values.shape, partial(_rows_of, values, is_pooled))
                place += count


def _rows_from(read: Callable[[int, int], np.ndarray], first: int, begin: int, end: int) -> np.ndarray:
    return read(first + begin, first + end)


def _rows_of(values: np.ndarray, is_pooled: bool, begin: int, end: int) -> np.ndarray:
    return values if is_pooled else values[..., begin:end, :]


def write_parquet(path: Path, files: Iterator[ShardFile]) -> None:
    """Writes the columns `sentence` and `embeddings`, in row groups of about 16 MB.

    An entry of `embeddings` is a list of vectors, one a word, each a list of fixed size; with all layers, a list of
    L + 1 such lists. Pooled, it is a vector, or a list of L + 1.

    Args:
        path (`Path`): The file to make.
        files (`Iterator[ShardFile]`): The shards, in order.

    Raises:
        `OSError`: If it can't be written.
        `ValueError`: If the package is missing that writes it.
    """
    parquet = import_parquet(str(path))
    import pyarrow as pa

    writer = None
    try:
        for shard in files:
            texts, counts = shard.texts(), shard.row_counts()
            with shard.opened() as read:
                for first, last, begin, end in shard.runs(BYTES_AT_A_TIME):
                    column = _embeddings_column(pa, shard, read(begin, end), counts[first:last])
                    table = pa.table({"sentence": pa.array(texts[first:last], pa.string()), "embeddings": column})
                    if writer is None:
                        # Vectors don't repeat: dictionaries and compression would take time and save nothing.
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

    if shard.metadata["pool"] != "none":
        return vectors(rows) if rows.ndim == 2 else lists(np.full(len(rows), rows.shape[1]), vectors(rows))
    if rows.ndim == 2:
        return lists(counts, vectors(rows))
    ends = np.cumsum(counts)
    sentences = [rows[:, end - count : end].reshape(-1, rows.shape[-1]) for end, count in zip(ends, counts)]
    by_layer = lists(np.repeat(counts, len(rows)), vectors(np.concatenate(sentences)))
    return lists(np.full(len(counts), len(rows)), by_layer)


__all__ = ["sentence_arrays", "write_hdf5", "write_parquet"]
