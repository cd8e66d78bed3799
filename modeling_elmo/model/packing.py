# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The real tokens of a padded batch, in the order in which the LSTMs read them, and checks of inputs.

LSTMs run on real tokens only. `Packing` lists them time step by time step, longest sequence first, so that the batch
shrinks as sequences end: torch's `PackedSequence`, but without moving data. One index per direction carries a padded
tensor into that order and back. A sequence is a run of real tokens of one row, or of one segment of a row.

Dimensions: B batch, W words of a padded row, N real tokens, S sequences, T steps, P projection, H cells.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch


# Hidden state [S, P] and cell state [S, H] of one direction of one layer.
DirectionState = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Sequences:
    """The sequences of a padded batch, row by row."""

    position: torch.Tensor  # (N,): flat position (row * W + column) of each real token.
    index: torch.Tensor  # (N,): index of the sequence that each token belongs to.
    start: torch.Tensor  # (S,): index, among the N tokens, of each sequence's first.
    length: torch.Tensor  # (S,): number of tokens of each sequence.
    row: torch.Tensor  # (S,): batch row of each sequence.
    has_segments: bool  # Whether some row holds more than one sequence.

    @classmethod
    def from_mask(cls, mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> "Sequences":
        """Finds the sequences of the real tokens of `mask` `(B, W)`.

        The real tokens of a row follow one another, wherever its padding is. With `token_type_ids` `(B, W)`, each run
        of equal types among them is a separate sequence.
        """
        position = mask.flatten().nonzero().squeeze(1)
        row = position // mask.shape[1]
        is_start = torch.ones_like(position, dtype=torch.bool)
        is_start[1:] = row[1:] != row[:-1]
        has_segments = False
        if token_type_ids is not None:
            token_type = token_type_ids.flatten()[position]
            starts_segment = (token_type[1:] != token_type[:-1]) & ~is_start[1:]
            has_segments = bool(starts_segment.any())
            is_start[1:] |= starts_segment
        start = is_start.nonzero().squeeze(1)
        length = torch.diff(start, append=start.new_tensor([len(position)]))
        return cls(position, is_start.cumsum(0) - 1, start, length, row[start], has_segments)


@dataclass(frozen=True)
class Packing:
    """The positions of the real tokens of a padded batch, in the order in which the LSTMs read them."""

    batch_sizes: list[int]  # Number of running sequences at each of the T steps, in decreasing order.
    forward_index: torch.Tensor  # (N,): flat positions of the tokens, step by step, longest sequence first.
    backward_index: torch.Tensor  # (N,): the same, with every sequence read from its end.
    rows: torch.Tensor  # (S,): the batch row of each sequence, longest sequence first.
    has_segments: bool  # Whether some row holds more than one sequence.

    @classmethod
    def from_mask(cls, mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> "Packing":
        """Orders the sequences of a batch; arguments as in [`Sequences.from_mask`]."""
        sequences = Sequences.from_mask(mask, token_type_ids)
        position, sequence, start, length = sequences.position, sequences.index, sequences.start, sequences.length
        longest_first = length.argsort(descending=True, stable=True)
        rank = torch.empty_like(longest_first)
        rank[longest_first] = torch.arange(len(start), device=start.device)

        step = torch.arange(len(position), device=position.device) - start[sequence]
        step_from_end = length[sequence] - 1 - step
        num_sequences = len(start)
        return cls(
            batch_sizes=torch.bincount(step).tolist(),
            forward_index=position[(step * num_sequences + rank[sequence]).argsort()],
            backward_index=position[(step_from_end * num_sequences + rank[sequence]).argsort()],
            rows=sequences.row[longest_first],
            has_segments=sequences.has_segments,
        )

    def to(self, device: torch.device | str, **kwargs: object) -> "Packing":
        """Moves the indices to a device. Called by accelerate where layers are on several devices."""
        return replace(
            self,
            forward_index=self.forward_index.to(device),
            backward_index=self.backward_index.to(device),
            rows=self.rows.to(device),
        )


@dataclass(frozen=True)
class Neighbours:
    """The columns `(B, W)` of the real tokens before and after each real token in its sequence; -1 without one."""

    before: torch.Tensor
    after: torch.Tensor

    @classmethod
    def from_mask(cls, mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> "Neighbours":
        """Arguments as in [`Sequences.from_mask`]. No size depends on values, so a graph can include it."""
        column = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
        rank = mask.cumsum(1)
        # The column of each row's real tokens by rank, from 1. -1 at rank 0 and after the last.
        columns = column.new_full((mask.shape[0], mask.shape[1] + 2), -1)
        columns = columns.scatter(1, torch.where(mask, rank, 0), torch.where(mask, column, -1))
        neighbours = []
        for found in (columns.gather(1, (rank - 1).clamp(min=0)), columns.gather(1, rank + 1)):
            belongs = mask
            if token_type_ids is not None:
                belongs = mask & (token_type_ids.gather(1, found.clamp(min=0)) == token_type_ids)
            neighbours.append(torch.where(belongs, found, -1))
        return cls(*neighbours)


def check_shape(name: str, tensor: Any, expected: tuple[int | str, ...]) -> None:
    """Raises `ValueError` unless `tensor` has the shape `expected`, in which a word stands for any size."""
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"{name}: expected a tensor, found {type(tensor).__name__}")
    sizes = zip(tensor.shape, expected)
    if tensor.ndim != len(expected) or any(isinstance(size, int) and size != found for found, size in sizes):
        shape = ", ".join(map(str, expected))
        raise ValueError(f"{name}: expected shape ({shape}), found {tuple(tensor.shape)}")


def check_ids(name: str, ids: torch.Tensor, size: int, ignored: int | None = None) -> None:
    """Raises `ValueError` unless `ids` are integers from 0 to `size - 1`, or `ignored`."""
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(f"{name}: expected integers, found {ids.dtype}")
    # Reading values would cut a compiled graph in two.
    if torch.compiler.is_compiling():
        return
    # Without this check, an id out of range is an obscure error on a CPU and ends the whole process on a GPU.
    counted = ids if ignored is None else ids[ids != ignored]
    if counted.numel():
        smallest, largest = int(counted.min()), int(counted.max())
        if smallest < 0 or largest >= size:
            alternative = "" if ignored is None else f", or {ignored}"
            found = smallest if smallest < 0 else largest
            raise ValueError(f"{name}: expected ids from 0 to {size - 1}{alternative}, found {found}")
