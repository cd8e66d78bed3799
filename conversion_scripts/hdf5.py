# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading HDF5 files that may come from anywhere: no links, no plug-in filters, no surprises in size."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil, prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from modeling_elmo.files.errors import ElmoFormatError, as_format_error


# Filters that are part of h5py itself. Any other would be looked for among the plug-ins of the machine, and run.
BUILT_IN_FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}

# How much larger numbers may be than the file they are in. Weights hardly compress at all; what does by more is not
# weights, and no memory is given to it. The least bound lets small files have any amount.
MAX_COMPRESSION = 16
MIN_BYTES = 2**24

# HDF5 makes room for a whole chunk to read any of it; h5py's own choice are chunks of at most this size.
MAX_COMPRESSED_CHUNK = 2**20


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Opens a file for reading. Raises `ElmoFormatError` if it is not a whole HDF5 file."""
    with as_format_error(f"{path.name}: not a readable HDF5 file, or cut short"):
        file = h5py.File(path, "r")
    with file:
        yield file


def dataset_names(file: h5py.File, expected: set[str]) -> set[str]:
    """Lists the datasets of a file.

    Args:
        file (`h5py.File`): The open file.
        expected (`set[str]`): The names that may occur, such as `"CNN/W_cnn_0"`.

    Raises:
        `ElmoFormatError`: For any other dataset or group, for soft and external links, and for a damaged file.
    """
    known_groups = {name[:end] for name in expected for end, letter in enumerate(name) if letter == "/"}
    found, groups = set(), [""]
    with as_format_error(f"{file_name(file)}: damaged"):
        while groups:
            group = groups.pop(0)
            for key in file[group or "/"]:
                name = f"{group}/{key}".lstrip("/")
                link = file.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    kind = type(link).__name__
                    raise ElmoFormatError(f"{file_name(file)}: {name}: expected a dataset, found a link ({kind})")
                kind = file.get(name, getclass=True)
                if name in known_groups and kind is h5py.Group:
                    groups.append(name)
                elif name in expected and kind is h5py.Dataset:
                    found.add(name)
                else:
                    raise ElmoFormatError(
                        f"{file_name(file)}: {name}: the options describe nothing of this name and kind"
                    )
    return found


def check_total_size(file: h5py.File, names: Sequence[str]) -> None:
    """Checks that the datasets that are about to be read are within the file, all together.

    Several names may be those of one dataset, and chunks of several may be the same bytes.

    Raises:
        `ElmoFormatError`: If they take more room than the file has, or hold far more than that.
    """
    place = file_name(file)
    with as_format_error(f"{place}: damaged"):
        datasets = [file[name] for name in names]
        for name, dataset in zip(names, datasets):
            _check_is_within(f"{place}: {name}", dataset)
        size = file.id.get_filesize()
        stored = sum(dataset.id.get_storage_size() for dataset in datasets)
        declared = sum(dataset.nbytes for dataset in datasets)
    if stored > size:
        raise ElmoFormatError(f"{place}: expected datasets of at most {size} bytes in all, the file's, found {stored}")
    if declared > max(MAX_COMPRESSION * size, MIN_BYTES):
        raise ElmoFormatError(
            f"{place}: expected numbers of at most {max(MAX_COMPRESSION * size, MIN_BYTES)} bytes in a file of {size}, "
            f"found {declared}"
        )


def read_dataset(file: h5py.File, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Reads a float32 dataset of a known shape.

    Raises:
        `ElmoFormatError`: If it has another shape or type, lies outside the file, can't be read, or holds NaN or
            infinity.
    """
    place = f"{file_name(file)}: {name}"
    with as_format_error(f"{place}: can't be read"):
        dataset = file[name]
        _check_dataset(place, dataset, shape)
        values = dataset[...].astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ElmoFormatError(f"{place}: expected finite numbers, found NaN or infinity")
    return values


def _check_dataset(place: str, dataset: h5py.Dataset, shape: tuple[int, ...]) -> None:
    _check_is_within(place, dataset)
    if dataset.shape != shape:
        raise ElmoFormatError(f"{place}: expected shape {shape}, found {dataset.shape}")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize != 4:
        raise ElmoFormatError(f"{place}: expected float32, found {dataset.dtype}")
    stored = dataset.id.get_storage_size()
    if dataset.chunks is None:
        if stored != dataset.nbytes:
            raise ElmoFormatError(f"{place}: expected {dataset.nbytes} bytes of data, found {stored}")
        return
    # A chunk that was never written would be read as zeros.
    num_chunks = prod(ceil(size / chunk) for size, chunk in zip(shape, dataset.chunks))
    if dataset.id.get_num_chunks() != num_chunks:
        raise ElmoFormatError(f"{place}: expected {num_chunks} chunks, found {dataset.id.get_num_chunks()}")
    _check_chunks(place, dataset)


def _check_is_within(place: str, dataset: h5py.Dataset) -> None:
    # First of all: to tell the shape of data that lies elsewhere, HDF5 may open the other file.
    if dataset.is_virtual or dataset.external:
        raise ElmoFormatError(f"{place}: expected data within the file, found a reference to another file")


def _check_chunks(place: str, dataset: h5py.Dataset) -> None:
    """Checks filters and chunks: what a chunk becomes when it is read has the size of a chunk."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    if not set(filters) <= BUILT_IN_FILTERS:
        raise ElmoFormatError(
            f"{place}: compressed by a plug-in filter (number {min(set(filters) - BUILT_IN_FILTERS)})"
        )
    if len(set(filters)) != len(filters):
        raise ElmoFormatError(f"{place}: expected each filter once, found numbers {filters}")
    size = prod(dataset.chunks) * dataset.dtype.itemsize
    if size > max(dataset.nbytes, MAX_COMPRESSED_CHUNK):
        raise ElmoFormatError(f"{place}: expected chunks no larger than the dataset, found {size} bytes")
    if h5py.h5z.FILTER_LZF in filters and size > MAX_COMPRESSED_CHUNK:
        raise ElmoFormatError(f"{place}: expected LZF chunks of at most {MAX_COMPRESSED_CHUNK} bytes, found {size}")
    for index in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(index)
        # No filter makes more of a chunk than a few bytes; LZF at most 88 times less.
        if chunk.size > size + size // 100 + 1000:
            raise ElmoFormatError(f"{place}: expected chunks of at most {size} bytes, found {chunk.size}")
        if h5py.h5z.FILTER_DEFLATE in filters:
            _check_deflated(place, dataset, chunk, filters, size)
        elif h5py.h5z.FILTER_LZF not in filters:
            _check_not_short(place, chunk.size, size)


def _check_deflated(place: str, dataset: h5py.Dataset, chunk: Any, filters: list[int], size: int) -> None:
    # HDF5 makes as much room as a stream asks for: it is measured first, piece by piece.
    is_skipped, last = chunk.filter_mask >> filters.index(h5py.h5z.FILTER_DEFLATE) & 1, filters[-1]
    if is_skipped:
        _check_not_short(place, chunk.size, size)
        return
    if last not in (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32):
        raise ElmoFormatError(f"{place}: expected deflate as the last filter but a checksum, found numbers {filters}")
    _, stream = dataset.id.read_direct_chunk(chunk.chunk_offset)
    inflated = zlib.decompressobj().decompress(stream, size + 5)
    # A checksum that was made before has 4 bytes.
    if len(inflated) > size + 4 * (last == h5py.h5z.FILTER_DEFLATE and h5py.h5z.FILTER_FLETCHER32 in filters):
        raise ElmoFormatError(f"{place}: expected chunks of {size} bytes, found more in one that is compressed")
    _check_not_short(place, len(inflated), size)


def _check_not_short(place: str, found: int, size: int) -> None:
    # HDF5 reads a whole chunk from the memory of what it has unpacked.
    if found < size:
        raise ElmoFormatError(f"{place}: expected chunks of {size} bytes, found one of {found}")


def file_name(file: h5py.File) -> str:
    """Returns the name that messages give an open file: without its directory."""
    return Path(file.filename).name
