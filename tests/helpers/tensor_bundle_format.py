# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Small TensorFlow checkpoints, written without TensorFlow: LevelDB tables, protobuf messages, data files.

Independent of the package on purpose, from the descriptions of the formats.
"""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.original_format import make_weights


DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}


def varint(value: int) -> bytes:
    """A number in groups of 7 bits, the low ones first; all but the last have bit 7 set."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes([*encoded, value])


def number_field(number: int, value: int) -> bytes:
    """A field of an integer; zeros are left out."""
    return varint(number * 8) + varint(value) if value else b""


def bytes_field(number: int, value: bytes) -> bytes:
    """A field of bytes or of a message."""
    return varint(number * 8 + 2) + varint(len(value)) + value


def crc32c(data: bytes) -> int:
    """Bit by bit, by the reflected polynomial of Castagnoli."""
    remainder = 2**32 - 1
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder // 2) ^ (0x82F63B78 * (remainder % 2))
    return remainder ^ (2**32 - 1)


def masked(crc: int) -> int:
    """As LevelDB stores it."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def block(entries: Iterable[tuple[bytes, bytes]], restart_interval: int = 16) -> bytes:
    """A block of a table: entries, whose keys share beginnings with those before, and where keys are whole."""
    data, restarts, before = b"", [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart_interval == 0:
            restarts.append(len(data))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return data + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def table(entries: list[tuple[bytes, bytes]], entries_per_block: int = 1000, compression: int = 0) -> bytes:
    """A table of one or more blocks."""
    parts = [entries[start : start + entries_per_block] for start in range(0, len(entries), entries_per_block)]
    return table_of_blocks([(part[-1][0] + b"\0", block(part)) for part in parts], compression)


def table_of_blocks(blocks: Iterable[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    """A table of blocks, each with a key that is not before any of its own."""
    data = b""

    def append(content: bytes) -> bytes:
        nonlocal data
        place = varint(len(data)) + varint(len(content))
        stored = content + bytes([compression])
        data += stored + struct.pack("<I", masked(crc32c(stored)))
        return place

    places = [(key, append(content)) for key, content in blocks]
    meta_place, index_place = append(block([])), append(block(places, 1))
    return data + (meta_place + index_place).ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def entry(values: np.ndarray, shard: int, offset: int, **fields: int) -> bytes:
    """The entry of a tensor."""
    shape = b"".join(bytes_field(2, number_field(1, size)) for size in values.shape)
    return b"".join(
        [
            number_field(1, fields.get("dtype", DTYPES[str(values.dtype)])),
            bytes_field(2, shape),
            number_field(3, shard),
            number_field(4, offset),
            number_field(5, fields.get("size", values.nbytes)),
            varint(6 * 8 + 5) + struct.pack("<I", masked(crc32c(values.tobytes()[:64]))),
            bytes_field(7, b"") if fields.get("is_partitioned") else b"",
        ]
    )


def write_bundle(
    prefix: Path,
    arrays: Mapping[str, np.ndarray],
    num_shards: int = 1,
    entries_per_block: int = 1000,
    compression: int = 0,
    endianness: int = 0,
    special: Mapping[str, Mapping[str, int]] = {},
) -> None:
    """Writes a checkpoint; arrays go to its shards in turn. `special` replaces fields of entries."""
    header = number_field(1, num_shards) + number_field(2, endianness) + bytes_field(3, number_field(1, 1))
    entries = [(b"", header)]
    shards = [b""] * num_shards
    for number, name in enumerate(sorted(arrays, key=str.encode)):
        shard, values = number % num_shards, np.asarray(arrays[name])
        entries.append((name.encode(), entry(values, shard, len(shards[shard]), **special.get(name, {}))))
        shards[shard] += values.tobytes()
    prefix.parent.mkdir(parents=True, exist_ok=True)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(entries, entries_per_block, compression))
    for shard, content in enumerate(shards):
        prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{num_shards:05d}").write_bytes(content)


def variables(
    options: Mapping[str, Any], num_words: int, has_softmax: bool = True, seed: int = 0
) -> dict[str, np.ndarray]:
    """The variables of a training of bilm-tf: the biLM, the softmax, accumulators and counters."""
    weights = make_weights(dict(options), seed=seed, num_words=num_words)
    rng = np.random.default_rng(seed + 1)
    if has_softmax:
        weights["softmax/b"] = rng.standard_normal(num_words).astype(np.float32)
        if not options.get("share_embedding_softmax"):
            weights["softmax/W"] = rng.standard_normal((num_words, options["lstm"]["projection_dim"])).astype(
                np.float32
            )
    trained = {f"lm/{training_name(name, options)}": values for name, values in weights.items()}
    accumulators = {f"{name}/Adagrad": np.abs(values) + 1 for name, values in trained.items()}
    counters = {name: np.zeros((), dtype=np.float32) for name in ("global_step", "train_perplexity")}
    return {**trained, **accumulators, **counters}


def training_name(name: str, options: Mapping[str, Any]) -> str:
    """The variable that is called `name` in `weights.hdf5`."""
    if not name.startswith("RNN_"):
        return name
    direction, _, _, cell, _, part = name.split("/")
    part = {"W_0": "kernel", "B": "bias", "W_P_0": "projection/kernel"}[part]
    is_single = options["lstm"].get("n_layers", 1) == 1
    middle = "" if is_single else f"multi_rnn_cell/cell_{cell.removeprefix('Cell')}/"
    return f"{direction}/rnn/{middle}lstm_cell/{part}"


def module_name(name: str) -> str:
    """The variable of a module of TensorFlow Hub that is called `name` in `weights.hdf5`."""
    if not name.startswith("RNN_"):
        return f"bilm/{name}"
    start, _, part = name.rpartition("/LSTMCell/")
    return f"bilm/{start}/rnn/lstm_cell/{({'W_0': 'kernel', 'B': 'bias', 'W_P_0': 'projection/kernel'})[part]}"
