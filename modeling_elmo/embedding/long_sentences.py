# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences that are embedded in pieces."""

import tempfile

import torch


# What is waiting of a sentence in pieces is in memory up to so many bytes.
WAITING_IN_MEMORY = 1 << 20


def octets(tensor: torch.Tensor) -> memoryview:
    """Returns the bytes of a tensor."""
    flat = tensor.detach().cpu().contiguous().flatten()
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


class WaitingOutputs:
    """The outputs of the forward direction, layer by layer `(T, P)`: in memory while they are few, else in a file."""

    def __init__(self, num_layers: int, num_tokens: int, size: int):
        self.num_tokens = num_tokens
        self.size = size
        self.file = tempfile.SpooledTemporaryFile(WAITING_IN_MEMORY, prefix="elmo-")  # noqa: SIM115
        self.dtype = torch.float32

    def __enter__(self) -> "WaitingOutputs":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def _seek(self, layer: int, start: int) -> None:
        self.file.seek((layer * self.num_tokens + start) * self.size * self.dtype.itemsize)

    def write(self, layer: int, start: int, rows_NP: torch.Tensor) -> None:
        self.dtype = rows_NP.dtype
        self._seek(layer, start)
        self.file.write(octets(rows_NP))

    def read(self, layer: int, start: int, most: int) -> torch.Tensor:
        count = min(most, self.num_tokens - start)
        self._seek(layer, start)
        data = bytearray(self.file.read(count * self.size * self.dtype.itemsize))
        return torch.frombuffer(data, dtype=self.dtype).view(count, self.size)
