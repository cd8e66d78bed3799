# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading HDF5 files that may come from anyone: no links, no plug-in filters, bounded memory. Writing them safely.

HDF5 trusts its files: it follows links and references to other files, loads plug-ins, allocates whatever a file
declares, and reads past the end of a chunk that unpacks to less than its size. All of this is checked before it reads a
value.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import ceil, prod
from pathlib import Path

import h5py
import numpy as np

from modeling_elmo.files.errors import ElmoFormatError, as_format_error


# The filters of h5py itself, in the order in which it applies them. HDF5 would look for any other among the plug-ins of
# the machine and run it, and applied twice, a filter multiplies.
FILTERS = [
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_LZF,
    h5py.h5z.FILTER_FLETCHER32,
]

# What `FILTER_FLETCHER32` appends to a chunk.
CHECKSUM_BYTES = 4

# How much larger values may be than their file: weights hardly compress. Small files may contain up to `MIN_BYTES`.
MAX_COMPRESSION = 16
MIN_BYTES = 2**24

# HDF5 allocates a whole chunk to read any part of it. h5py makes chunks of at most this size.
MAX_COMPRESSED_CHUNK = 2**20


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Opens a file for reading. Raises `ElmoFormatError` if it is not a complete HDF5 file."""
    with as_format_error(f"{path.name}: not a readable HDF5 file, or cut short"):
        file = h5py.File(path, "r")
    with file:
        yield file


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yields a file in memory, which is written to `path` when the block ends without an error.

    HDF5 crashes the process if it can't write its file, so Python writes it, and raises `OSError`.
    """
    with h5py.File(path, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    path.write_bytes(image)


def dataset_names(file: h5py.File, expected: set[str]) -> set[str]:
    """Returns the names of the datasets of a file, such as `"CNN/W_cnn_0"`.

    Raises:
        `ElmoFormatError`: For any that is not expected, for soft and external links, and for a damaged file.
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
                    raise ElmoFormatError(f"{file_name(file)}: {name}: not part of the model that the options describe")
    return found


def read_datasets(file: h5py.File, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[np.ndarray]:
    """Reads float32 datasets of known shapes, one after another.

    Raises:
        `ElmoFormatError`: If one has another shape or dtype, lies outside the file, can't be read, or contains NaN or
            infinity; or if they are together larger than the file when stored, or far larger when unpacked.
    """
    _check_total_size(file, shapes)
    for name, shape in shapes.items():
        path = f"{file_name(file)}: {name}"
        with as_format_error(f"{path}: can't be read"):
            dataset = file[name]
            _check_dataset(path, dataset, shape)
            values = dataset[...].astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise ElmoFormatError(f"{path}: expected finite values, found NaN or infinity")
        yield values


def file_name(file: h5py.File) -> str:
    """Returns the name of an open file in error messages: without its directory."""
    return Path(file.filename).name


def _check_total_size(file: h5py.File, names: Iterable[str]) -> None:
    # Several names may refer to one dataset, and chunks of several datasets to the same bytes.
    path = file_name(file)
    with as_format_error(f"{path}: damaged"):
        datasets = []
        for name in names:
            datasets.append(file[name])
            # Always first: even to find the shape, HDF5 may open the other file.
            if datasets[-1].is_virtual or datasets[-1].external:
                raise ElmoFormatError(
                    f"{path}: {name}: expected data within the file, found a reference to another file"
                )
        size = file.id.get_filesize()
        stored = sum(dataset.id.get_storage_size() for dataset in datasets)
        declared = sum(dataset.nbytes for dataset in datasets)
    if stored > size:
        raise ElmoFormatError(f"{path}: datasets: expected at most {size} bytes, the size of the file, found {stored}")
    most = max(MAX_COMPRESSION * size, MIN_BYTES)
    if declared > most:
        raise ElmoFormatError(f"{path}: values: expected at most {most} bytes in a file of {size}, found {declared}")


def _check_dataset(path: str, dataset: h5py.Dataset, shape: tuple[int, ...]) -> None:
    if dataset.shape != shape:
        raise ElmoFormatError(f"{path}: expected shape {shape}, found {dataset.shape}")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize != 4:
        raise ElmoFormatError(f"{path}: expected float32, found {dataset.dtype}")
    # HDF5 reads data and chunks that were never written as zeros.
    if dataset.chunks is None:
        if (stored := dataset.id.get_storage_size()) != dataset.nbytes:
            raise ElmoFormatError(f"{path}: expected {dataset.nbytes} bytes of data, found {stored}")
        return
    num_chunks = prod(ceil(size / chunk) for size, chunk in zip(shape, dataset.chunks))
    if (found := dataset.id.get_num_chunks()) != num_chunks:
        raise ElmoFormatError(f"{path}: expected {num_chunks} chunks, found {found}")
    _check_chunks(path, dataset)


def _check_chunks(path: str, dataset: h5py.Dataset) -> None:
    """Checks the filters, and that each chunk unpacks to the size of a chunk."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    is_twice_compressed = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF} <= set(filters)
    if is_twice_compressed or filters != [number for number in FILTERS if number in filters]:
        raise ElmoFormatError(f"{path}: expected filters of h5py in its order, {FILTERS}, found {filters}")
    size = prod(dataset.chunks) * dataset.dtype.itemsize
    most = MAX_COMPRESSED_CHUNK if h5py.h5z.FILTER_LZF in filters else max(dataset.nbytes, MAX_COMPRESSED_CHUNK)
    if size > most:
        raise ElmoFormatError(f"{path}: expected chunks of at most {most} bytes, found {size}")
    for index in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(index)
        # Filters enlarge a chunk by a few bytes only.
        if chunk.size > size + size // 100 + 1000:
            raise ElmoFormatError(f"{path}: expected chunks of at most {size} bytes, found {chunk.size}")
        applied = [number for position, number in enumerate(filters) if not chunk.filter_mask >> position & 1]
        if h5py.h5z.FILTER_DEFLATE in applied:
            # Up to a bound: HDF5 would allocate whatever the stream yields.
            _, stream = dataset.id.read_direct_chunk(chunk.chunk_offset)
            found = len(zlib.decompressobj().decompress(stream, size + 1))
        elif h5py.h5z.FILTER_LZF in applied:
            # h5py unpacks an LZF chunk into the number of bytes that the filter's third value declares.
            found = (*properties.get_filter_by_id(h5py.h5z.FILTER_LZF)[1], 0, 0, 0)[2]
        else:
            found = min(chunk.size - CHECKSUM_BYTES * (h5py.h5z.FILTER_FLETCHER32 in applied), size)
        if found != size:
            raise ElmoFormatError(f"{path}: expected chunks of {size} bytes, found one of {found}")
