# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""One direction of one LSTM layer, fast. The reference is `ProjectedLSTM.plain_forward`.

- `run_lstm`, for inference, works in place on the gates of a few steps at a time, with packed weights.
- `TrainedLSTM`, for training, keeps the gates of all steps and has a hand-written gradient for the whole layer.
  Autograd would add to the weights' gradients at each step; here, each is a single product after the loop.

Dimensions: N tokens, S sequences, R running sequences, I input, P projection, H cells, G = 4H gates.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable

from .fast_matmul import PackedProduct, pack, product, weight_gradient
from .packing import DirectionState


# Inference computes the gates of this many tokens at a time, or of one step. That is enough rows for a fast input
# product and few enough for the result to stay in the processor's cache, and it bounds memory for any length of text.
CHUNK_TOKENS = 256

# Packing a weight for a single call pays from this many steps and average rows per step on.
STEPS_WORTH_PACKING, ROWS_WORTH_PACKING = 24, 8

sigmoid_backward, tanh_backward = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward


class LSTMWeights(NamedTuple):
    """The weights of a `ProjectedLSTM`, all of one dtype, which may be narrower than that of the inputs."""

    ih: torch.Tensor
    hh: torch.Tensor
    bias: torch.Tensor
    hr: torch.Tensor | None


class LSTMSettings(NamedTuple):
    """The constants in the equations of a `ProjectedLSTM`."""

    forget_bias: float
    cell_clip: float | None
    projection_clip: float | None


# Rows `(N, I)`, and the keyword `bias_O` -> rows `(N, O)` of the same dtype.
Product = Callable[..., torch.Tensor]


class LSTMProducts(NamedTuple):
    """What multiplies by the weights of a `ProjectedLSTM`: rows and a bias or None -> rows."""

    ih: Product
    hh: Product
    hr: Product | None

    @classmethod
    def of(
        cls,
        weights: LSTMWeights,
        packed_hh: PackedProduct | None = None,
        packed_hr: PackedProduct | None = None,
        packed_ih: PackedProduct | None = None,
    ) -> "LSTMProducts":
        """Returns products with the weights, or with packed copies of them."""
        hr = None if weights.hr is None else partial(product, weight_OI=weights.hr, packed=packed_hr)
        return cls(
            partial(product, weight_OI=weights.ih, packed=packed_ih),
            partial(product, weight_OI=weights.hh, packed=packed_hh),
            hr,
        )

    @classmethod
    def for_one_call(cls, weights: LSTMWeights, batch_sizes: list[int]) -> "LSTMProducts":
        """Packs the weights that each step uses, in one call only, where that pays."""
        num_steps = len(batch_sizes)
        if num_steps < STEPS_WORTH_PACKING or sum(batch_sizes) < ROWS_WORTH_PACKING * num_steps:
            return cls.of(weights)
        return cls.of(weights, pack(weights.hh), None if weights.hr is None else pack(weights.hr))


def run_lstm(
    inputs_NI: torch.Tensor,
    batch_sizes: list[int],
    state: DirectionState,
    products: LSTMProducts,
    bias: torch.Tensor,
    settings: LSTMSettings,
) -> tuple[torch.Tensor, DirectionState]:
    """Runs all time steps, without gradients; arguments and results as in `ProjectedLSTM.forward`."""
    hidden_SP, cell_SH = state[0], state[1].clone()
    outputs_NP = hidden_SP.new_empty(len(inputs_NI), hidden_SP.shape[1])
    begin, ended_hidden = 0, []
    for sizes in _step_chunks(batch_sizes):
        gates_NG = _input_gates(inputs_NI[begin : begin + sum(sizes)], products, bias, settings, cell_SH.dtype)
        for gates_RG in gates_NG.split(sizes):
            running = len(gates_RG)
            if running < len(hidden_SP):
                ended_hidden.append(hidden_SP[running:])
            _add_recurrent_(gates_RG, hidden_SP[:running], products, is_first=begin == 0)
            hidden_RP = _step_(gates_RG, cell_SH[:running], products, settings, hidden_SP.dtype)
            hidden_SP = outputs_NP[begin : begin + running].copy_(hidden_RP)
            begin += running
    return outputs_NP, (torch.cat([hidden_SP, *reversed(ended_hidden)]), cell_SH)


def _step_chunks(batch_sizes: list[int]) -> Iterator[list[int]]:
    """Splits the steps into chunks of at most `CHUNK_TOKENS` tokens, or of one step."""
    first_step = num_tokens = 0
    for step, running in enumerate(batch_sizes):
        if num_tokens and num_tokens + running > CHUNK_TOKENS:
            yield batch_sizes[first_step:step]
            first_step, num_tokens = step, 0
        num_tokens += running
    yield batch_sizes[first_step:]


def _input_gates(
    inputs_NI: torch.Tensor,
    products: LSTMProducts,
    bias: torch.Tensor,
    settings: LSTMSettings,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Returns the part of the gates `[N, G]` that does not depend on the previous step."""
    num_cells = len(bias) // 4
    gates_NG = products.ih(inputs_NI, bias_O=bias).to(dtype)
    gates_NG[:, num_cells : 2 * num_cells] += settings.forget_bias
    return gates_NG


def _add_recurrent_(gates_SG: torch.Tensor, hidden_SP: torch.Tensor, products: LSTMProducts, is_first: bool) -> None:
    """Adds the recurrent part of the gates, skipping the first step if its hidden state is zero, as it usually is."""
    if not is_first or hidden_SP.any():
        gates_SG += products.hh(hidden_SP)


def _step_(
    gates_SG: torch.Tensor,
    cell_SH: torch.Tensor,
    products: LSTMProducts,
    settings: LSTMSettings,
    dtype: torch.dtype,
    unclipped_cell_SH: torch.Tensor | None = None,
    unclipped_projection_SP: torch.Tensor | None = None,
) -> torch.Tensor:
    """Runs one step, given complete gates. Changes gates and cells in place; returns the hidden state in `dtype`."""
    i, f, g, o = _split_gates(gates_SG)
    # tanh(x) = 2 sigmoid(2x) - 1 takes a fifth of the time of torch's tanh. Its absolute error of 2e-7 is that of
    # float32 near 1. Tiny values lose digits, but they are added to larger ones, which would drop these digits anyway.
    g.mul_(2)
    gates_SG.sigmoid_()
    g.mul_(2).sub_(1)
    cell_SH.mul_(f).addcmul_(i, g)
    if unclipped_cell_SH is not None:
        unclipped_cell_SH.copy_(cell_SH)
    if settings.cell_clip is not None:
        cell_SH.clamp_(-settings.cell_clip, settings.cell_clip)
    hidden_SP = _tanh(cell_SH).mul_(o).to(dtype)
    if products.hr is not None:
        hidden_SP = products.hr(hidden_SP)
    if unclipped_projection_SP is not None:
        unclipped_projection_SP.copy_(hidden_SP)
    if settings.projection_clip is not None:
        hidden_SP.clamp_(-settings.projection_clip, settings.projection_clip)
    return hidden_SP


def _split_gates(gates_SG: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Returns the input, forget, new memory and output gates, each `[S, H]`."""
    return gates_SG.unflatten(1, (4, -1)).unbind(1)


def _tanh(values: torch.Tensor) -> torch.Tensor:
    return values.mul(2).sigmoid_().mul_(2).sub_(1)


def clip(values: torch.Tensor, limit: float | None) -> torch.Tensor:
    """Clips to plus or minus the limit, unless it is `None`. The gradient passes a value at the limit itself, as in
    TensorFlow; since torch 2.14, that of `clamp` is 0 there.
    """
    if limit is None:
        return values
    clipped = values.clamp(-limit, limit)
    return torch.where(values.abs() <= limit, values, clipped.detach()) if values.requires_grad else clipped


class TrainedLSTM(torch.autograd.Function):
    """`run_lstm` with gradients for inputs, states and weights. Returns outputs, last hidden and last cell state."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs_NI: torch.Tensor,
        hidden_SP: torch.Tensor,
        cell_SH: torch.Tensor,
        ih: torch.Tensor,
        hh: torch.Tensor,
        bias: torch.Tensor,
        hr: torch.Tensor | None,
        batch_sizes: list[int],
        settings: LSTMSettings,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        products = LSTMProducts.for_one_call(LSTMWeights(ih, hh, bias, hr), batch_sizes)
        last_hidden_SP, last_cell_SH = hidden_SP.clone(), cell_SH.clone()
        outputs_NP = hidden_SP.new_empty(len(inputs_NI), hidden_SP.shape[1])
        projections_NP = torch.empty_like(outputs_NP)
        cells_NH = cell_SH.new_empty(len(inputs_NI), cell_SH.shape[1])
        gates_NG = _input_gates(inputs_NI, products, bias, settings, cell_SH.dtype)
        begin = 0
        for gates_RG in gates_NG.split(batch_sizes):
            running = len(gates_RG)
            now = slice(begin, begin + running)
            _add_recurrent_(gates_RG, last_hidden_SP[:running], products, is_first=begin == 0)
            last_hidden_SP[:running] = outputs_NP[now] = _step_(
                gates_RG,
                last_cell_SH[:running],
                products,
                settings,
                hidden_SP.dtype,
                cells_NH[now],
                projections_NP[now],
            )
            begin += running
        ctx.save_for_backward(inputs_NI, hidden_SP, cell_SH, ih, hh, bias, hr, gates_NG, cells_NH, projections_NP)
        ctx.batch_sizes, ctx.settings = batch_sizes, settings
        return outputs_NP, last_hidden_SP, last_cell_SH

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_outputs_NP: torch.Tensor, d_hidden_SP: torch.Tensor, d_cell_SH: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        inputs_NI, hidden_SP, cell_SH, ih, hh, bias, hr, gates_NG, cells_NH, projections_NP = ctx.saved_tensors
        batch_sizes, (_, cell_clip, projection_clip) = ctx.batch_sizes, ctx.settings
        transposed = LSTMWeights(ih.t(), hh.t(), bias, None if hr is None else hr.t())
        products = LSTMProducts.for_one_call(transposed, batch_sizes)
        d_hidden_SP, d_cell_SH, d_projections_NP = d_hidden_SP.clone(), d_cell_SH.clone(), d_outputs_NP.clone()
        d_gates_NG, memories_NH = inputs_NI.new_empty(gates_NG.shape), inputs_NI.new_empty(cells_NH.shape)
        first = [end - running for end, running in zip(accumulate(batch_sizes), batch_sizes)]
        for step in reversed(range(len(batch_sizes))):
            running = batch_sizes[step]
            now = slice(first[step], first[step] + running)
            cell_before_RH = cell_SH if step == 0 else clip(cells_NH[first[step - 1] :][:running], cell_clip)
            i, f, g, o = _split_gates(gates_NG[now])
            d_i, d_f, d_g, d_o = _split_gates(d_gates_NG[now])

            d_projection_RP = d_projections_NP[now].add_(d_hidden_SP[:running])
            if projection_clip is not None:
                d_projection_RP.mul_(projections_NP[now].abs() <= projection_clip)
            d_memory_RH = d_projection_RP if products.hr is None else products.hr(d_projection_RP)
            tanh_cell_RH = _tanh(clip(cells_NH[now], cell_clip))
            memories_NH[now] = o * tanh_cell_RH
            d_o.copy_(sigmoid_backward(d_memory_RH * tanh_cell_RH, o))
            d_cell_RH = d_cell_SH[:running].add_(tanh_backward(d_memory_RH * o, tanh_cell_RH))
            if cell_clip is not None:
                d_cell_RH.mul_(cells_NH[now].abs() <= cell_clip)
            d_i.copy_(sigmoid_backward(d_cell_RH * g, i))
            d_f.copy_(sigmoid_backward(d_cell_RH * cell_before_RH, f))
            d_g.copy_(tanh_backward(d_cell_RH * i, g))
            d_cell_RH.mul_(f)
            d_hidden_SP[:running] = products.hh(d_gates_NG[now])

        outputs_NP = clip(projections_NP, projection_clip)
        hidden_before_NP = torch.cat([hidden_SP, *(outputs_NP[b:][:n] for b, n in zip(first, batch_sizes[1:]))])
        needs_inputs, needs_hidden, needs_cell, needs_ih, needs_hh, needs_bias, needs_hr, *_ = ctx.needs_input_grad
        return (
            products.ih(d_gates_NG) if needs_inputs else None,
            d_hidden_SP if needs_hidden else None,
            d_cell_SH if needs_cell else None,
            weight_gradient(d_gates_NG, inputs_NI) if needs_ih else None,
            weight_gradient(d_gates_NG, hidden_before_NP) if needs_hh else None,
            d_gates_NG.sum(0) if needs_bias else None,
            weight_gradient(d_projections_NP, memories_NH) if needs_hr else None,
            None,
            None,
        )
