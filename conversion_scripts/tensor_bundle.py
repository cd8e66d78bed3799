# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's TensorBundle, the format of its checkpoints, read without TensorFlow and with bounded memory.

`PREFIX.index` is a LevelDB table of entries, whose keys are the names of tensors. `PREFIX.data-SSSSS-of-NNNNN` have the
values, row-major. A table ends with the place of its index block; the entries of the index block are the places of the
blocks that hold entries. In a block, a key begins with the first `shared` bytes of the key before it. Entries and the
header, whose key is empty, are protobuf messages, in which numbers that are 0 are left out.

The table is checked by its checksums. The values are not: that takes minutes per gigabyte in Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.model.loading_checks import abbreviated


MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER_BYTES = 48
BLOCK_TRAILER_BYTES = 5  # compression, then the checksum

# The index of the published checkpoint has 10 KB and 100 entries.
MAX_INDEX_BYTES = 2**24
MAX_TENSORS = 20_000
MAX_KEY_BYTES = 1_000
MAX_DIMENSIONS = 8
MAX_SHARDS = 10_000

# TensorFlow's numbers of data types.
DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}
STRING = 7


@dataclass(frozen=True)
class Tensor:
    """Where a tensor is, and of which kind. `shape` and `size` are what the file says, unchecked."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    is_partitioned: bool


class TensorBundle:
    """A checkpoint: the names of its tensors, and reading one or some rows of it.

    Args:
        prefix (`Path`): The path of the index without `.index`.

    Raises:
        `ElmoFormatError`: If the index is damaged, too large, packed, or of a big-endian machine.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.index = prefix.with_name(f"{prefix.name}.index")
        self.tensors: dict[str, Tensor] = {}
        self.num_shards = 1
        for number, (key, value) in enumerate(_entries(self.index)):
            if number == 0:
                if key:
                    raise ElmoFormatError(f"{self.index.name}: expected the header as its first entry, found none")
                self._read_header(value)
                continue
            name = key.decode("utf-8", "backslashreplace")
            if not key or name in self.tensors:
                raise ElmoFormatError(f"{self.index.name}: {abbreviated(name)}: expected each name once, found two")
            if number > MAX_TENSORS:
                raise ElmoFormatError(f"{self.index.name}: expected at most {MAX_TENSORS:,} tensors, found more")
            try:
                self.tensors[name] = _read_tensor(value)
            except ValueError as error:
                raise ElmoFormatError(f"{self.index.name}: {abbreviated(name)}: {error}") from error

    def _read_header(self, value: bytes) -> None:
        try:
            header = dict(_fields(value))
        except ValueError as error:
            raise ElmoFormatError(f"{self.index.name}: header: {error}") from error
        if header.get(2, 0) != 0:
            raise ElmoFormatError(
                f"{self.index.name}: a checkpoint of a big-endian machine; save it again on a little-endian one"
            )
        shards = header.get(1, 0)
        if not isinstance(shards, int) or not 1 <= shards <= MAX_SHARDS:
            raise ElmoFormatError(
                f"{self.index.name}: expected between 1 and {MAX_SHARDS:,} data files, found {abbreviated(shards)}"
            )
        self.num_shards = shards

    def files(self) -> list[Path]:
        """Returns the index and the data files."""
        return [self.index, *map(self._shard, range(self.num_shards))]

    def _shard(self, number: int) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.data-{number:05d}-of-{self.num_shards:05d}")

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Reads a tensor in its dtype, or the rows `start` to `stop` of its first axis.

        Raises:
            `ElmoFormatError`: If it holds no numbers, is stored in slices, or its data file is missing or too short.
        """
        tensor = self.tensors[name]
        label = f"{self.index.name}: {abbreviated(name)}"
        if tensor.is_partitioned:
            raise ElmoFormatError(
                f"{label}: a partitioned variable, stored in slices; expected a whole one: save it again without them"
            )
        if tensor.dtype not in DTYPES:
            found = "strings" if tensor.dtype == STRING else f"TensorFlow's data type {tensor.dtype}"
            raise ElmoFormatError(f"{label}: expected float or integer values, found {found}")
        dtype = np.dtype(DTYPES[tensor.dtype])
        if tensor.size != prod(tensor.shape) * dtype.itemsize:
            raise ElmoFormatError(
                f"{label}: expected {prod(tensor.shape) * dtype.itemsize:,} bytes for shape {tensor.shape}, found "
                f"{tensor.size:,}"
            )
        if tensor.shard >= self.num_shards:
            raise ElmoFormatError(f"{label}: expected one of {self.num_shards} data files, found number {tensor.shard}")
        path = self._shard(tensor.shard)
        if not path.is_file():
            raise ElmoFormatError(f"{path}: missing; it has the values of {abbreviated(name)}")
        if tensor.offset + tensor.size > path.stat().st_size:
            raise ElmoFormatError(f"{path.name}: {abbreviated(name)}: the file ends before this tensor does")
        shape, offset = tensor.shape, tensor.offset
        if shape:
            start, stop, _ = slice(start, stop).indices(shape[0])
            offset += start * prod(shape[1:]) * dtype.itemsize
            shape = (max(0, stop - start), *shape[1:])
        return np.fromfile(path, dtype, prod(shape), offset=offset).reshape(shape)


# The table


def is_table(path: Path) -> bool:
    """Whether a file ends as a LevelDB table: an index, or a checkpoint of the format before TensorBundle."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(MAGIC)))
        return file.read() == MAGIC


def _entries(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of a table in their order."""
    if not path.is_file():
        raise ElmoFormatError(f"{path}: missing")
    size = path.stat().st_size
    if not FOOTER_BYTES <= size <= MAX_INDEX_BYTES:
        raise ElmoFormatError(
            f"{path.name}: expected the index of a checkpoint, {FOOTER_BYTES} to {MAX_INDEX_BYTES:,} bytes, found "
            f"{size:,} bytes"
        )
    data = path.read_bytes()
    if data[-len(MAGIC) :] != MAGIC:
        raise ElmoFormatError(f"{path.name}: expected the index of a TensorFlow checkpoint, found another kind of file")
    try:
        footer = data[-FOOTER_BYTES:]
        position = _handle(footer, 0)[1]  # The first is that of the meta index, which is not needed.
        place, _ = _handle(footer, position)
        end = 0
        for _, value in _block_entries(_block(data, *place)):
            (offset, length), _ = _handle(value, 0)
            # So that no block is read twice.
            if offset < end:
                raise ValueError("expected blocks one after another, found overlapping ones")
            end = offset + length + BLOCK_TRAILER_BYTES
            yield from _block_entries(_block(data, offset, length))
    except ElmoFormatError:
        raise
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {error}") from error


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Reads the offset and the size of a block. Returns also the position after them."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _block(data: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + BLOCK_TRAILER_BYTES > len(data):
        raise ValueError("damaged: a block reaches past the end of the file")
    compression = data[end]
    if compression:
        kind = "snappy" if compression == 1 else f"method {compression}"
        raise ValueError(
            f"a block is compressed ({kind}); expected none, as TensorFlow writes checkpoints: save it again with it"
        )
    stored = int.from_bytes(data[end + 1 : end + BLOCK_TRAILER_BYTES], "little")
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise ValueError("damaged: the checksum of a block is wrong; copy the file again")
    return data[offset:end]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    num_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (num_restarts + 1)
    if len(block) < 4 or end < 0:
        raise ValueError("damaged: a block is shorter than its list of restarts")
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        if shared > len(key) or shared + unshared > MAX_KEY_BYTES or position + unshared + length > end:
            raise ValueError("damaged: an entry reaches past its block, or its name is too long")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = _crc_table()


def masked_crc32c(data: bytes) -> int:
    """The checksum that LevelDB stores: CRC-32C, rotated, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[crc & 0xFF ^ byte]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# Protobuf


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Reads a number of 7 bits per byte, the low ones first. Returns also the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("damaged: a number has no end")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields the numbers and values of a message's fields: integers, or the bytes of texts and messages."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == 2:
            length, position = _varint(message, position)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"damaged: expected a field of a known kind, found kind {wire_type}")
        if position + length > len(message):
            raise ValueError("damaged: a field reaches past its message")
        yield number, message[position : position + length]
        position += length


def _read_tensor(message: bytes) -> Tensor:
    """Reads a BundleEntryProto."""
    numbers = {1: 0, 3: 0, 4: 0, 5: 0}
    shape: list[int] = []
    is_partitioned = False
    for number, value in _fields(message):
        if number in numbers and isinstance(value, int):
            numbers[number] = value
        elif number == 2 and isinstance(value, bytes):
            shape += _read_shape(value)
        elif number == 7:
            is_partitioned = True
        if len(shape) > MAX_DIMENSIONS:
            raise ValueError(f"expected at most {MAX_DIMENSIONS} dimensions, found more")
    return Tensor(numbers[1], tuple(shape), numbers[3], numbers[4], numbers[5], is_partitioned)


def _read_shape(message: bytes) -> Iterator[int]:
    for number, dimension in _fields(message):
        if number == 2 and isinstance(dimension, bytes):
            size = dict(_fields(dimension)).get(1, 0)
            if not isinstance(size, int) or size >= 2**63:
                raise ValueError("expected a size for each dimension, found an unknown one")
            yield size
