# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""One sentence of any length in bounded memory: the model runs over it piece by piece.

The two directions are independent stacks. The forward one runs from left to right with its LSTM state carried over, and
its outputs wait in a temporary file; the backward one then runs from right to left, and each piece is joined with the
forward outputs that wait for it.

Dimensions: T tokens of the sentence with its boundaries, n of a piece, L layers, P projection, H cell, D = 2P, K kinds
    of vectors, N rows.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import torch

from ..model.bilm import ElmoModel, State


# Forward outputs of up to this many bytes wait in memory, larger ones on the disk.
MAX_BYTES_IN_MEMORY = 1 << 20


class LongSentence:
    """Runs a model over one sentence, piece by piece.

    Args:
        model (`ElmoModel`): The model.
        encode (`Callable[[list[str]], torch.Tensor]`): Returns the embeddings `(n, P)` of tokens.
        tokens (`Sequence[str]`): The sentence with its boundaries.
        piece_words (`int`): Tokens of a piece.
        num_layers (`int`): How many LSTM layers to run.
        state (`tuple[torch.Tensor, torch.Tensor]`, *optional*): Where the LSTMs start, as for `ElmoModel`: `(2L, 1, P)`
            and `(2L, 1, H)`. By default zeros.
    """

    def __init__(
        self,
        model: ElmoModel,
        encode: Callable[[list[str]], torch.Tensor],
        tokens: Sequence[str],
        piece_words: int,
        num_layers: int,
        state: State | None = None,
    ):
        self.model = model
        self.encode = encode
        self.tokens = tokens
        self.piece_words = piece_words
        self.num_layers = num_layers
        hidden, cell = zero_state(model) if state is None else state
        # By layer and direction.
        self._states = list(zip(hidden.to(model.device), cell.to(model.device)))

    def pieces(self) -> Iterator[tuple[int, list[torch.Tensor]]]:
        """Yields the index of a piece's first token and its layers, `num_layers + 1` of shape `(n, D)`, from the end of
        the sentence to its beginning."""
        starts = range(0, len(self.tokens), self.piece_words)
        with _WaitingOutputs(self.num_layers + 1, len(self.tokens), self.model.config.projection_size) as waiting:
            for start in starts:
                x_NP = self.encode(list(self.tokens[start : start + self.piece_words]))
                waiting.write(0, start, x_NP)
                for layer in range(self.num_layers):
                    x_NP = self._run(layer, 0, x_NP)
                    waiting.write(layer + 1, start, x_NP)
            for start in reversed(starts):
                forward = [waiting.read(layer, start, self.piece_words) for layer in range(self.num_layers + 1)]
                backward = [forward[0].to(self.model.device)]
                for layer in range(self.num_layers):
                    backward.append(self._run(layer, 1, backward[-1].flip(0)).flip(0))
                halves = zip(forward, backward)
                yield start, [torch.cat([first.to(second.device), second], dim=-1) for first, second in halves]

    def state(self) -> State:
        """Returns the state after the sentence, once all pieces have been taken."""
        hidden, cell = zip(*self._states)
        return torch.stack(hidden), torch.stack(cell)

    def _run(self, index: int, direction: int, x_NP: torch.Tensor) -> torch.Tensor:
        layer: Any = self.model.layers[index]
        lstm = layer.backward_lstm if direction else layer.forward_lstm
        number = 2 * index + direction
        output_NP, self._states[number] = lstm(x_NP, [1] * len(x_NP), self._states[number])
        return output_NP + x_NP if layer.has_skip_connection else output_NP


def zero_state(model: ElmoModel) -> State:
    """Returns the state in which a sentence starts: hidden `(2L, 1, P)` and cell `(2L, 1, H)`."""
    config, count = model.config, 2 * model.config.num_hidden_layers
    # The cell state accumulates over a sentence: half precision would lose it.
    cell_dtype = torch.promote_types(model.dtype, torch.float32)
    hidden = torch.zeros((count, 1, config.projection_size), dtype=model.dtype)
    return hidden, torch.zeros((count, 1, config.cell_size), dtype=cell_dtype)


class _WaitingOutputs:
    """The outputs `(T, P)` of the forward direction, layer by layer."""

    def __init__(self, num_layers: int, num_tokens: int, size: int):
        self.num_tokens = num_tokens
        self.size = size
        self.file: Any = tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY, prefix="elmo-")  # noqa: SIM115
        self.dtype = torch.float32

    def __enter__(self) -> "_WaitingOutputs":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def write(self, layer: int, start: int, rows_NP: torch.Tensor) -> None:
        self.dtype = rows_NP.dtype
        write_rows(self.file, 0, self.num_tokens, layer * self.num_tokens + start, rows_NP[None])

    def read(self, layer: int, start: int, max_rows: int) -> torch.Tensor:
        count = min(max_rows, self.num_tokens - start)
        row_bytes = self.size * self.dtype.itemsize
        self.file.seek((layer * self.num_tokens + start) * row_bytes)
        return torch.frombuffer(bytearray(self.file.read(count * row_bytes)), dtype=self.dtype).view(count, self.size)


def mapped_tensor(shape: tuple[int, int, int], dtype: torch.dtype, pieces: Iterable[tuple[int, Any]]) -> torch.Tensor:
    """Collects pieces in an unnamed temporary file.

    Args:
        shape (`tuple[int, int, int]`): `(K, N, D)`.
        dtype (`torch.dtype`): Of the rows.
        pieces (`Iterable`): The first row of each piece and its rows `(K, n, D)`.

    Returns:
        `torch.Tensor` of that shape, mapped from the file, which exists for as long as the tensor does.
    """
    num_bytes = shape[0] * shape[1] * shape[2] * dtype.itemsize
    with tempfile.TemporaryFile(prefix="elmo-") as file:
        for first, rows_KND in pieces:
            write_rows(file, 0, shape[1], first, rows_KND)
        file.flush()
        mapped = np.memmap(file, dtype=np.uint8, mode="r+", shape=(num_bytes,))
    return torch.from_numpy(mapped).view(dtype).view(shape)


def write_rows(file: BinaryIO, begin: int, num_rows: int, first: int, rows_KND: torch.Tensor) -> None:
    """Writes rows `(K, n, D)`, from row `first` on, of a tensor `(K, num_rows, D)` that begins at byte `begin`."""
    row_bytes = rows_KND.shape[2] * rows_KND.dtype.itemsize
    for kind, rows_ND in enumerate(rows_KND):
        file.seek(begin + (kind * num_rows + first) * row_bytes)
        file.write(tensor_bytes(rows_ND))


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """Returns the bytes of a tensor."""
    flat = tensor.detach().cpu().contiguous().flatten()
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


__all__ = ["LongSentence", "mapped_tensor", "tensor_bytes", "write_rows", "zero_state"]
