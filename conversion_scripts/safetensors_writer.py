# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Writing `model.safetensors` piece by piece, as tensors are read: the softmax of the published checkpoint has 1.6 GB.

`safetensors` itself writes tensors that are in memory. The files are the same, byte for byte.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

import torch

from modeling_elmo.files.progress import bar

from .converted_model import StoredTensor


NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


def write_safetensors(path: Path, parameters: Mapping[str, torch.Tensor | StoredTensor]) -> None:
    """Writes tensors of one dtype, float32, bfloat16 or float16."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in sorted(parameters.items()):
        size = prod(tensor.shape) * tensor.dtype.itemsize
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    # The values begin at a multiple of 8 bytes.
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for _, tensor in bar("Writing weights", sorted(parameters.items())):
            for piece in [tensor] if isinstance(tensor, torch.Tensor) else tensor.pieces():
                file.write(piece.detach().contiguous().view(-1).view(torch.uint8).numpy().data)
        assert file.tell() == 8 + len(encoded) + offset
