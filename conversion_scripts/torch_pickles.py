# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""State dicts that `torch.save` wrote, of any version: zip files, and the older files that are one stream of pickles.

Such a file may come from anyone, and a pickle is a program. `_evaluate` knows only the instructions that put together
names, numbers and containers, and calls nothing: an instruction that would call a function of torch yields a
description of a tensor. Every description is checked against the bytes of the file before a value is read. That is
stricter than `torch.load(weights_only=True)`, which still allocates what a file asks for (it allows
`bytearray(10**11)`), and not all versions of which compare a tensor with the bytes that are there.
"""

import io
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

from modeling_elmo.files.errors import ElmoFormatError, as_format_error
from modeling_elmo.model.loading_checks import abbreviated


# The largest published file has 750 MB. A pickle describes a tensor in about 150 bytes.
MAX_BYTES = 2**33
MAX_PICKLE_BYTES = 2**21
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 8

# Names may share values, as tied weights do, so together they may describe more than the file has.
MAX_SHARING = 4

# Pickled integers of the older format. The second is the version of the format.
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001

DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

EXPECTED = "expected names and tensors, as torch.save(model.state_dict(), path) writes them"

CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}


class _Global(NamedTuple):
    """The name of a class or function. It is never looked up."""

    module: str
    name: str


@dataclass(frozen=True)
class _Storage:
    """A row of values of one dtype, which tensors are views of."""

    key: str
    dtype: torch.dtype
    size: int

    @property
    def num_bytes(self) -> int:
        return self.size * self.dtype.itemsize


@dataclass(frozen=True)
class _View:
    """A tensor: part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Reads the tensors of a state dict by their names, on the CPU, wherever they were when they were saved.

    Names that share values share memory. The caller compares dtypes and shapes with those it needs.

    Raises:
        `ElmoFormatError`: If the file is damaged, contains anything else than names and tensors, or describes more
            values than it has.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ElmoFormatError(f"{path.name}: expected at most {MAX_BYTES:,} bytes, found {size:,}")
    with as_format_error(f"{path.name}: can't be read as a state dict of torch.save"), open(path, "rb") as file:
        if file.read(4) == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                return _read_zip(path.name, archive, size)
        file.seek(0)
        return _read_stream(path.name, file, size)


def _read_zip(name: str, archive: zipfile.ZipFile, size: int) -> dict[str, torch.Tensor]:
    members = {info.filename: info for info in archive.infolist()}
    pickles = [member for member in members if member.count("/") == 1 and member.endswith("/data.pkl")]
    if len(pickles) != 1 or len(members) != len(archive.infolist()):
        raise ElmoFormatError(f"{name}: a zip file, but not one of torch.save: expected one data.pkl in it")
    folder = pickles[0].removesuffix("data.pkl")
    for info in members.values():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
            raise ElmoFormatError(f"{name}: {abbreviated(info.filename)}: expected a stored member, found a packed one")
    if members[pickles[0]].file_size > MAX_PICKLE_BYTES:
        raise ElmoFormatError(f"{name}: data.pkl: expected at most {MAX_PICKLE_BYTES:,} bytes")
    byte_order = members.get(f"{folder}byteorder")
    if byte_order is not None and (byte_order.file_size > 10 or archive.read(byte_order) != b"little"):
        raise ElmoFormatError(f"{name}: byteorder: expected little")
    views = _views(name, _evaluate(io.BytesIO(archive.read(pickles[0]))), size)

    def read(storage: _Storage) -> bytearray:
        info = members[f"{folder}data/{storage.key}"]
        if info.file_size != storage.num_bytes:
            raise ValueError(
                f"storage {abbreviated(storage.key)}: expected {storage.num_bytes} bytes, found {info.file_size}"
            )
        return bytearray(archive.read(info))

    return _tensors(views, [view.storage for view in views.values()], read)


def _read_stream(name: str, file: io.BufferedReader, size: int) -> dict[str, torch.Tensor]:
    head = io.BytesIO(file.read(MAX_PICKLE_BYTES))
    try:
        if _evaluate(head) != MAGIC_NUMBER or _evaluate(head) != PROTOCOL_VERSION:
            raise ValueError("another kind of pickle")
    except (ValueError, IndexError) as error:
        raise ElmoFormatError(f"{name}: not a file of torch.save; {EXPECTED}") from error
    system = _evaluate(head)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ElmoFormatError(f"{name}: expected a file of a little-endian machine")
    views = _views(name, _evaluate(head), size)
    by_key = {view.storage.key: view.storage for view in views.values()}
    keys = _evaluate(head)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or {*keys} != by_key.keys():
        raise ElmoFormatError(f"{name}: the list of storages is not that of the tensors")
    file.seek(head.tell())

    def read(storage: _Storage) -> bytearray:
        (length,) = struct.unpack("<q", file.read(8))
        values = bytearray(storage.num_bytes)
        if length != storage.size or file.readinto(values) != len(values):
            raise ValueError(f"storage {abbreviated(storage.key)}: expected {storage.size} values, found {length}")
        return values

    return _tensors(views, [by_key[key] for key in keys], read)


def _tensors(
    views: dict[str, _View], storages: list[_Storage], read: Callable[[_Storage], bytearray]
) -> dict[str, torch.Tensor]:
    """Reads each storage once, in this order."""
    values: dict[str, torch.Tensor] = {}
    for storage in storages:
        if storage.key not in values:
            data = read(storage)
            # `frombuffer` refuses what is empty.
            empty = torch.empty(0, dtype=storage.dtype)
            values[storage.key] = torch.frombuffer(data, dtype=storage.dtype) if data else empty
    return {
        name: values[view.storage.key].as_strided(view.shape, view.stride, view.offset) for name, view in views.items()
    }


def _views(name: str, state: Any, size: int) -> dict[str, _View]:
    """Returns the tensors that an evaluated pickle describes, checked against the size of the file."""
    if not isinstance(state, dict) or not state:
        raise ElmoFormatError(f"{name}: {EXPECTED}, found {'no names' if state == {} else _kind(state)}")
    if len(state) > MAX_TENSORS:
        raise ElmoFormatError(f"{name}: expected at most {MAX_TENSORS} tensors, found {len(state)}")
    for key, view in state.items():
        if not isinstance(view, _View):
            raise ElmoFormatError(f"{name}: {abbreviated(key)}: {EXPECTED}, found {_kind(view)}")
        _check_view(f"{name}: {abbreviated(key)}", view, size)
    storages: dict[str, _Storage] = {}
    for view in state.values():
        if storages.setdefault(view.storage.key, view.storage) != view.storage:
            raise ElmoFormatError(f"{name}: storage {abbreviated(view.storage.key)}: described in two ways")
    stored = sum(storage.num_bytes for storage in storages.values())
    described = sum(prod(view.shape) * view.storage.dtype.itemsize for view in state.values())
    if stored > size or described > MAX_SHARING * size:
        raise ElmoFormatError(f"{name}: tensors of {described} bytes: expected at most the {size} bytes of the file")
    return state


def _check_view(name: str, view: _View, size: int) -> None:
    numbers = [view.offset, view.storage.size, *view.shape, *view.stride]
    if len(view.shape) != len(view.stride) or len(view.shape) > MAX_DIMENSIONS:
        raise ElmoFormatError(f"{name}: expected at most {MAX_DIMENSIONS} dimensions and a stride for each")
    if not all(type(number) is int and 0 <= number <= size for number in numbers):
        raise ElmoFormatError(f"{name}: expected sizes between 0 and the {size} bytes of the file")
    # Each of several dimensions may be 0 or large, so the product is bounded too.
    end = view.offset + sum((length - 1) * step for length, step in zip(view.shape, view.stride)) + 1
    if prod(view.shape) > view.storage.size or (0 not in view.shape and end > view.storage.size):
        raise ElmoFormatError(f"{name}: expected a tensor within its {view.storage.size} values, found {view.shape}")


def _kind(value: Any) -> str:
    return f"{value.module}.{value.name}" if isinstance(value, _Global) else type(value).__name__.lstrip("_")


def _evaluate(stream: BinaryIO) -> Any:
    """Returns the value of the next pickle. Raises `ValueError`, `IndexError` or `KeyError` for all others.

    Containers hold references, so memory and time are bounded by the number of instructions, provided that keys of
    dictionaries are strings: hashing a tuple of tuples of one another may take forever.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    argument: Any
    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "MARK":
                marks.append(len(stack))
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument)
            case name if name in CONSTANTS:
                stack.append(CONSTANTS[name]())
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                length = int(opcode.name[-1])
                stack[-length:] = [tuple(_last(stack, length))]
            case "APPEND" | "APPENDS":
                items = since_mark() if opcode.name == "APPENDS" else [stack.pop()]
                _expect(list, stack[-1]).extend(items)
            case "SETITEM" | "SETITEMS":
                items = since_mark() if opcode.name == "SETITEMS" else [stack.pop(-2), stack.pop()]
                _expect(dict, stack[-1]).update(_pairs(items))
            case "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                memo[len(memo) if argument is None else argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_Global(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack[-2:] = [_Global(*(_expect(str, item) for item in _last(stack, 2)))]
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                arguments = stack.pop()
                stack.append(_called(_expect(_Global, stack.pop()), _expect(tuple, arguments)))
            case "BUILD":
                # The `_metadata` of a state dict: versions of layers.
                _expect(dict, stack.pop())
                _expect(dict, stack[-1])
            case name:
                raise ValueError(f"{EXPECTED}, found the pickle instruction {name}")
    raise ValueError("no end of the pickle")


def _expect(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{EXPECTED}, found {_kind(value)}")
    return value


def _last(stack: list[Any], number: int) -> list[Any]:
    if len(stack) < number:
        raise IndexError("the stack of the pickle is empty")
    return stack[-number:]


def _pairs(items: list[Any]) -> Iterator[tuple[str, Any]]:
    if len(items) % 2:
        raise ValueError("a key without a value")
    return ((_expect(str, key), value) for key, value in zip(items[::2], items[1::2]))


def _storage(value: Any) -> _Storage:
    """What `torch.save` writes for a storage: kind, type, key, device, size and, in old files, the part of another."""
    if (
        not isinstance(value, tuple)
        or len(value) not in (5, 6)
        or value[0] != "storage"
        or value[5:] not in ((), (None,))
    ):
        raise ValueError(f"{EXPECTED}, found something else that torch.save writes")
    kind, key, size = value[1], value[2], value[4]
    if not isinstance(kind, _Global) or kind.module not in ("torch", "torch.cuda") or kind.name not in DTYPES:
        raise ValueError(f"{EXPECTED}, found a storage of the type {_kind(kind)}")
    if not isinstance(key, str) or type(size) is not int or size < 0:
        raise ValueError("expected a storage with a key and a size")
    return _Storage(key, DTYPES[kind.name], size)


def _called(function: _Global, arguments: tuple[Any, ...]) -> Any:
    """The description of what a function of torch would return for these arguments."""
    if function == ("collections", "OrderedDict") and arguments == ():
        return {}
    if function.module == "torch._utils":
        if function.name in ("_rebuild_tensor_v2", "_rebuild_tensor") and len(arguments) >= 4:
            storage, offset, shape, stride = arguments[:4]
            return _View(_expect(_Storage, storage), offset, _expect(tuple, shape), _expect(tuple, stride))
        if function.name == "_rebuild_parameter" and arguments:
            return _expect(_View, arguments[0])
    raise ValueError(f"{EXPECTED}, found {abbreviated(_kind(function))}; nothing of it was run")
