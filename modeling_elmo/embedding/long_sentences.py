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
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch

from ..model.bilm import ElmoModel, State


# Forward outputs of up to this many bytes wait in memory, larger ones on the disk.
MAX_BYTES_IN_MEMORY = 1 << 20


@dataclass
class LongSentence:
    """A run of the lower `num_layers` of a model over one sentence, piece by piece."""

    model: ElmoModel
    encode: Callable[[list[str]], torch.Tensor]  # Returns the embeddings `(n, P)` of tokens.
    tokens: Sequence[str]  # With the boundaries.
    piece_words: int
    num_layers: int
    # Where the LSTMs start, `(2L, 1, P)` and `(2L, 1, H)`; the state after the sentence once all pieces are taken.
    state: State

    def pieces(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Yields the index of a piece's first token and its layers `(num_layers + 1, n, D)`, from the end of the
        sentence to its beginning."""
        starts = range(0, len(self.tokens), self.piece_words)
        hidden, cell = self.state
        # By layer and direction.
        states = list(zip(hidden.to(self.model.device), cell.to(self.model.device)))
        with tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY, prefix="elmo-") as file:
            for start in starts:
                x_NP = self.encode(list(self.tokens[start : start + self.piece_words]))
                forward_KNP = self._run(0, x_NP, states)
                file.write(tensor_bytes(forward_KNP))
            token_bytes = file.tell() // len(self.tokens)
            for start in reversed(starts):
                file.seek(start * token_bytes)
                data = bytearray(file.read(self.piece_words * token_bytes))
                waiting = torch.frombuffer(data, dtype=forward_KNP.dtype).to(self.model.device)
                forward_KNP = waiting.view(self.num_layers + 1, -1, x_NP.shape[-1])
                backward_KNP = self._run(1, forward_KNP[0].flip(0), states).flip(1)
                yield start, torch.cat([forward_KNP, backward_KNP], dim=-1)
        self.state = torch.stack([hidden for hidden, _ in states]), torch.stack([cell for _, cell in states])

    def _run(self, direction: int, x_NP: torch.Tensor, states: list[State]) -> torch.Tensor:
        """Runs the stack of a direction over a piece, and returns its input and the outputs of its layers."""
        outputs = [x_NP]
        for index in range(self.num_layers):
            layer: Any = self.model.layers[index]
            lstm = layer.backward_lstm if direction else layer.forward_lstm
            number = 2 * index + direction
            output_NP, states[number] = lstm(outputs[-1], [1] * len(x_NP), states[number])
            outputs.append(output_NP + outputs[-1] if layer.has_skip_connection else output_NP)
        return torch.stack(outputs)


def mapped_tensor(
    shape: tuple[int, int, int], dtype: torch.dtype, pieces: Iterable[tuple[int, torch.Tensor]]
) -> torch.Tensor:
    """Returns a tensor `(K, N, D)` of pieces, the first row of each and its rows `(K, n, D)`. It is mapped from an
    unnamed temporary file, which exists for as long as it does."""
    with tempfile.TemporaryFile(prefix="elmo-") as file:
        for first, rows_KND in pieces:
            write_rows(file, 0, shape[1], first, rows_KND)
        file.flush()
        mapped = np.memmap(file, dtype=np.uint8, mode="r+", shape=(int(np.prod(shape)) * dtype.itemsize,))
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
