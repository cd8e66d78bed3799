# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Time steps for a graph: what `torch.export`, ONNX and `torch.compile` see in place of packed sequences.

A `Packing` depends on the values of the mask, which a graph does not know. Here every row takes every step: a position
outside the mask leaves the state as it was, and a new segment starts from zeros. The loop is one operator,
`torch.ops.higher_order.scan`, so the number of words is free. Results are those of packed sequences, up to rounding.

Dimensions: B batch, W words of a padded row, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch._higher_order_ops.scan import scan

from .packing import Neighbours, Packing


Tensors = tuple[torch.Tensor, ...]
# State and inputs, or outputs, of one step: tensors `(B, ...)`. torch's compiler can't read `tuple[...]` in a function
# within a function, only names.
Pair = tuple[Tensors, Tensors]
Step = Callable[[Tensors, Tensors], Pair]


@dataclass(frozen=True)
class Steps:
    """The real tokens of a padded batch; the counterpart of a `Packing`."""

    is_real: torch.Tensor  # (B, W)
    # (B, W): a new segment in reading order, forward and backward. A row's first one is not marked: it starts from the
    # given state. None without segments.
    restarts: tuple[torch.Tensor, torch.Tensor] | None
    # Segments are in the values, which a graph does not know.
    has_segments: bool = False

    @classmethod
    def from_mask(cls, mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> "Steps":
        """Arguments as in `Packing.from_mask`."""
        if token_type_ids is None:
            return cls(mask, None)
        of_row, of_segment = Neighbours.from_mask(mask), Neighbours.from_mask(mask, token_type_ids)
        forward = (of_row.before >= 0) & (of_segment.before < 0)
        return cls(mask, (forward, (of_row.after >= 0) & (of_segment.after < 0)))

    def run(self, step: Step, state: Tensors, inputs: Tensors, is_backward: bool = False) -> Pair:
        """Carries a state through all steps, which starts again from zeros at a new segment.

        Takes and returns the state, `(B, ...)`, and per-step tensors `(B, W, ...)`. Outputs are zero outside the mask.
        """

        def masked_step(state: Tensors, of_step: Pair) -> Pair:
            inputs, (is_real, *restart) = of_step
            if restart:
                state = tuple(part.masked_fill(restart[0], 0) for part in state)
            new_state, outputs = step(state, inputs)
            kept = tuple(
                torch.where(is_real, new.to(old.dtype), old) for new, old in zip(new_state, state, strict=True)
            )
            # Not the tensors of the state: a scan's results must not share memory.
            return kept, tuple(output.masked_fill(~is_real, 0) for output in outputs)

        marks = (self.is_real,) if self.restarts is None else (self.is_real, self.restarts[is_backward])
        by_step = (
            tuple(tensor.transpose(0, 1) for tensor in inputs),
            tuple(mark.t().unsqueeze(-1) for mark in marks),
        )
        state, outputs = scan(masked_step, state, by_step, reverse=is_backward)
        return state, tuple(output.transpose(0, 1) for output in outputs)


def sequences_of(mask: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> Packing | Steps:
    """Returns the `Packing` of a batch or, while a graph is made, its `Steps`.

    Raises:
        `NotImplementedError`: Under `torch.jit.trace`, which would record the lengths of one batch for all others.
    """
    if torch.jit.is_tracing():
        raise NotImplementedError(
            "torch.jit.trace records the sentence lengths of its example, and would be wrong for others; "
            "use torch.export.export, or elmo export --format onnx"
        )
    kind = Steps if torch.compiler.is_compiling() else Packing
    return kind.from_mask(mask, token_type_ids)
