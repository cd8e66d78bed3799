# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The bidirectional LSTM layers of ELMo's language model, with projection and clipping.

One step of one direction (Sak et al. 2014; TensorFlow's `LSTMCell` with `num_proj`), gates in torch's order:

    i, f, g, o = W_ih x_t + W_hh h_{t-1} + b                        [4H]
    c_t = clip(sigmoid(f + forget_bias) * c_{t-1} + sigmoid(i) * tanh(g), cell_clip)
    h_t = clip(W_hr (sigmoid(o) * tanh(c_t)), projection_clip)      no W_hr and no clip where P = H

`plain_lstm` is these equations, step by step; `ProjectedLSTM`'s `forward` computes the same with `fast_lstm`. Both read
real tokens only, in the order of a `Packing`. `scan_lstm` is these equations in a graph. The cell state stays in
float32 under half precision. Nothing is kept between calls: states are arguments and results.

Dimensions: B batch, W words of a padded row, N real tokens, S sequences, I input, P projection, H cells.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_elmo import ElmoConfig
from .fast_lstm import LSTMProducts, LSTMSettings, LSTMWeights, TrainedLSTM, clip, run_lstm
from .fast_matmul import PackedWeight, product_dtype
from .fast_path_guards import is_traced, weights_of
from .int8_weights import Int8Weight
from .packing import DirectionState, Packing
from .scan import Pair, Steps, Tensors


class DirectionSettings(nn.Module):
    """What each kind of direction has: the constants in its equations, as attributes."""

    forget_bias: float
    cell_clip: float | None
    projection_clip: float | None

    @property
    def settings(self) -> LSTMSettings:
        """`LSTMSettings`: The constants in the equations."""
        return LSTMSettings(self.forget_bias, self.cell_clip, self.projection_clip)

    def plain_weights(self, dtype: torch.dtype) -> LSTMWeights:
        """Returns the weights in the equations, for inputs of `dtype`."""
        raise NotImplementedError

    def plain_forward(
        self, inputs_NI: torch.Tensor, batch_sizes: list[int], state: DirectionState
    ) -> tuple[torch.Tensor, DirectionState]:
        """The reference for `forward`: the equations step by step, visible to autograd and tracers."""
        return plain_lstm(inputs_NI, batch_sizes, state, self.plain_weights(inputs_NI.dtype), self.settings)

    def graph_forward(
        self, inputs_BWI: torch.Tensor, steps: Steps, state: DirectionState, is_backward: bool
    ) -> tuple[torch.Tensor, DirectionState]:
        """Runs all time steps of a padded batch in a graph; see [`scan_lstm`]."""
        weights = self.plain_weights(inputs_BWI.dtype)
        return scan_lstm(inputs_BWI, steps, state, is_backward, weights, self.settings)


class ProjectedLSTM(DirectionSettings):
    """One direction of one layer. Weights have the names and layout of `torch.nn.LSTM`, but with a single bias."""

    def __init__(self, config: ElmoConfig):
        super().__init__()
        cell_size, projection_size = config.cell_size, config.projection_size
        # Config integers may exceed int64.
        self.cell_clip = None if config.cell_clip is None else float(config.cell_clip)
        clip = config.projection_clip if config.has_lstm_projection else None
        self.projection_clip = None if clip is None else float(clip)
        self.forget_bias = float(config.forget_bias)
        self.weight_ih = nn.Parameter(torch.empty(4 * cell_size, projection_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * cell_size, projection_size))
        self.bias = nn.Parameter(torch.empty(4 * cell_size))
        self.weight_hr = nn.Parameter(torch.empty(projection_size, cell_size)) if config.has_lstm_projection else None
        self._packed = PackedWeight(), PackedWeight(), PackedWeight()

    def forward(
        self, inputs_NI: torch.Tensor, batch_sizes: list[int], state: DirectionState
    ) -> tuple[torch.Tensor, DirectionState]:
        """Runs all time steps: inputs `(N, I)` and `batch_sizes` of a `Packing`, states in the order of its `rows`.

        Returns outputs `(N, P)` in the order of the inputs, and each sequence's state after its last token. Their
        gradient can't be differentiated again; use `plain_forward` for second derivatives.
        """
        # Not the parameters: an adapter's are elsewhere, and parametrize what is read here.
        weights = LSTMWeights(self.weight_ih, self.weight_hh, self.bias, self.weight_hr)
        tensors = (inputs_NI, *state, *(weight for weight in weights if weight is not None))
        device_type = inputs_NI.device.type
        # Autocast does not cast float64. Mixed dtypes: let torch raise.
        autocasts = torch.is_autocast_enabled(device_type) if not inputs_NI.is_meta else False
        has_one_dtype = autocasts or inputs_NI.dtype == weights.hh.dtype == weights.ih.dtype
        if is_traced(*tensors) or not has_one_dtype or (autocasts and inputs_NI.dtype == torch.float64):
            return self.plain_forward(inputs_NI, batch_sizes, state)
        dtype = torch.get_autocast_dtype(device_type) if autocasts else inputs_NI.dtype
        is_trainable = any(tensor.requires_grad for tensor in tensors)
        with torch.autocast(device_type, enabled=False):
            outputs_NP, (hidden_SP, cell_SH) = self._fast_forward(
                inputs_NI, batch_sizes, state, weights, dtype, is_trainable
            )
        return outputs_NP.to(dtype), (hidden_SP.to(dtype), cell_SH)

    def _fast_forward(
        self,
        inputs_NI: torch.Tensor,
        batch_sizes: list[int],
        state: DirectionState,
        weights: LSTMWeights,
        dtype: torch.dtype,
        is_trainable: bool,
    ) -> tuple[torch.Tensor, DirectionState]:
        """Computes as in `dtype`, but in float32 where the processor has no units for it."""
        wide = product_dtype(dtype, inputs_NI.device)
        inputs_NI, state = inputs_NI.to(dtype).to(wide), (state[0].to(dtype).to(wide), state[1])
        settings = self.settings
        if is_trainable and (self.training or torch.is_grad_enabled()):
            # The weights are about to change: packed copies would only cost memory.
            for packed_weight in self._packed:
                packed_weight.drop()
        elif weights.hh.dtype in (dtype, wide):
            products = self._products(weights, batch_sizes)
            return run_lstm(inputs_NI, batch_sizes, state, products, weights.bias, settings)
        hr = None if weights.hr is None else weights.hr.to(wide)
        weights = LSTMWeights(weights.ih.to(wide), weights.hh.to(wide), weights.bias.to(wide), hr)
        if is_trainable and torch.is_grad_enabled():
            outputs_NP, *last = TrainedLSTM.apply(inputs_NI, *state, *weights, batch_sizes, settings)
            return outputs_NP, (last[0], last[1])
        products = LSTMProducts.for_one_call(weights, batch_sizes)
        return run_lstm(inputs_NI, batch_sizes, state, products, weights.bias, settings)

    def _products(self, weights: LSTMWeights, batch_sizes: list[int]) -> LSTMProducts:
        is_narrow = product_dtype(weights.hh.dtype, weights.hh.device) != weights.hh.dtype
        if batch_sizes[:1] == [1] and weights.hh.dtype == torch.float32:
            # One row at a time waits for memory, however the weights lie there: no copies, no fingerprints of them.
            # In bfloat16, oneDNN reads packed weights twice as fast.
            return LSTMProducts.of(weights)
        packed_hh, packed_hr, packed_ih = self._packed
        return LSTMProducts.of(
            weights,
            packed_hh.of(weights.hh),
            None if weights.hr is None else packed_hr.of(weights.hr),
            packed_ih.of(weights.ih) if is_narrow else None,
        )

    def plain_weights(self, dtype: torch.dtype) -> LSTMWeights:
        return LSTMWeights(self.weight_ih, self.weight_hh, self.bias, self.weight_hr)


class Int8LSTM(DirectionSettings):
    """A frozen `ProjectedLSTM` with weights of int8; gates and states stay in float32.

    `plain_forward` is the reference for `forward` but for the rounding of the rows that are multiplied; see
    `Int8Weight.plain_product`. It serves tracers and gradients of the inputs.
    """

    def __init__(self, lstm: ProjectedLSTM):
        super().__init__()
        self.forget_bias, self.cell_clip, self.projection_clip = lstm.settings
        self.weight_ih = Int8Weight.of(lstm.weight_ih)
        self.weight_hh = Int8Weight.of(lstm.weight_hh)
        self.weight_hr = None if lstm.weight_hr is None else Int8Weight.of(lstm.weight_hr)
        self.bias = nn.Parameter(lstm.bias.detach(), requires_grad=False)

    def forward(
        self, inputs_NI: torch.Tensor, batch_sizes: list[int], state: DirectionState
    ) -> tuple[torch.Tensor, DirectionState]:
        """Runs all time steps; arguments and results as in `ProjectedLSTM.forward`."""
        tensors = (inputs_NI, *state, self.bias)
        needs_gradients = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        if is_traced(*tensors) or needs_gradients or inputs_NI.device.type != "cpu":
            return self.plain_forward(inputs_NI, batch_sizes, state)
        dtype, wide = inputs_NI.dtype, torch.promote_types(inputs_NI.dtype, torch.float32)
        products = LSTMProducts(self.weight_ih, self.weight_hh, self.weight_hr)
        state = state[0].to(wide), state[1]
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            outputs_NP, (hidden_SP, cell_SH) = run_lstm(
                inputs_NI.to(wide), batch_sizes, state, products, self.bias, self.settings
            )
        return outputs_NP.to(dtype), (hidden_SP.to(dtype), cell_SH)

    def plain_weights(self, dtype: torch.dtype) -> LSTMWeights:
        hr = None if self.weight_hr is None else self.weight_hr.dequantized().to(dtype)
        ih, hh = (weight.dequantized().to(dtype) for weight in (self.weight_ih, self.weight_hh))
        return LSTMWeights(ih, hh, self.bias.to(dtype), hr)


def plain_lstm(
    inputs_NI: torch.Tensor,
    batch_sizes: list[int],
    state: DirectionState,
    weights: LSTMWeights,
    settings: LSTMSettings,
) -> tuple[torch.Tensor, DirectionState]:
    """The equations, step by step; arguments and results as in `ProjectedLSTM.forward`."""
    hidden_SP, cell_SH = state
    # One product for the inputs of all steps: only the recurrent product depends on the previous step.
    input_gates_NG = F.linear(inputs_NI, weights.ih, weights.bias)
    outputs, last_hidden, last_cell = [], [], []
    for gates_SG, running in zip(input_gates_NG.split(batch_sizes), batch_sizes):
        last_hidden.append(hidden_SP[running:])
        last_cell.append(cell_SH[running:])
        hidden_SP, cell_SH = _plain_step(gates_SG, hidden_SP[:running], cell_SH[:running], weights, settings)
        outputs.append(hidden_SP)
    last_hidden.append(hidden_SP)
    last_cell.append(cell_SH)
    return torch.cat(outputs), (torch.cat(last_hidden[::-1]), torch.cat(last_cell[::-1]))


def _plain_step(
    input_gates_SG: torch.Tensor,
    hidden_SP: torch.Tensor,
    cell_SH: torch.Tensor,
    weights: LSTMWeights,
    settings: LSTMSettings,
) -> DirectionState:
    features_SH, cell_SH = _plain_cell(input_gates_SG + F.linear(hidden_SP, weights.hh), cell_SH, settings)
    return _plain_projection(features_SH, weights, settings), cell_SH


def _plain_cell(
    gates_SG: torch.Tensor, cell_SH: torch.Tensor, settings: LSTMSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns sigmoid(o) * tanh(c) and c."""
    i, f, g, o = gates_SG.to(cell_SH.dtype).chunk(4, dim=-1)
    cell_SH = torch.sigmoid(f + settings.forget_bias) * cell_SH + torch.sigmoid(i) * torch.tanh(g)
    cell_SH = clip(cell_SH, settings.cell_clip)
    return (torch.sigmoid(o) * torch.tanh(cell_SH)).to(gates_SG.dtype), cell_SH


def _plain_projection(
    features_SH: torch.Tensor, weights: LSTMWeights, settings: LSTMSettings, addend_SP: torch.Tensor | None = None
) -> torch.Tensor:
    hidden_SP = features_SH if weights.hr is None else F.linear(features_SH, weights.hr)
    if addend_SP is not None:
        hidden_SP = hidden_SP + addend_SP
    return clip(hidden_SP, settings.projection_clip)


def scan_lstm(
    inputs_BWI: torch.Tensor,
    steps: Steps,
    state: DirectionState,
    is_backward: bool,
    weights: LSTMWeights,
    settings: LSTMSettings,
) -> tuple[torch.Tensor, DirectionState]:
    """The equations for a graph: inputs `(B, W, I)` -> outputs `(B, W, P)`, and each row's state after its last token.

    With torch 2.13's compiler, weights read within scans get wrong gradients if a graph has several scans. So a first
    scan, without gradients, finds what each step multiplies with them. These products, minus themselves, are inputs of
    the second scan: they add 0, and the gradients.
    """
    gates_BWG = F.linear(inputs_BWI, weights.ih, weights.bias)
    recurrent = [weight for weight in (weights.hh, weights.hr) if weight is not None]
    if not (torch.is_grad_enabled() and any(weight.requires_grad for weight in recurrent)):
        state, (outputs_BWP,) = _scan((gates_BWG,), steps, state, is_backward, weights, settings)
        return outputs_BWP, state
    hr = None if weights.hr is None else weights.hr.detach()
    constant = LSTMWeights(weights.ih.detach(), weights.hh.detach(), weights.bias.detach(), hr)
    with torch.no_grad():
        run = (gates_BWG.detach(),), steps, (state[0].detach(), state[1].detach()), is_backward, constant, settings
        _, (_, hidden_BWP, features_BWH) = _scan(*run, returns_factors=True)
    inputs = [gates_BWG + _gradient_of(hidden_BWP, weights.hh)]
    if weights.hr is not None:
        inputs.append(_gradient_of(features_BWH, weights.hr))
    state, (outputs_BWP,) = _scan(tuple(inputs), steps, state, is_backward, constant, settings)
    return outputs_BWP, state


def _gradient_of(factor: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Returns zeros with the gradient of the product."""
    product = F.linear(factor, weight)
    return product - product.detach()


def _scan(
    inputs: tuple[torch.Tensor, ...],
    steps: Steps,
    state: DirectionState,
    is_backward: bool,
    weights: LSTMWeights,
    settings: LSTMSettings,
    returns_factors: bool = False,
) -> tuple[DirectionState, tuple[torch.Tensor, ...]]:
    """Runs the input gates `(B, W, G)` and addends of the projection `(B, W, P)`, if any.

    Returns the outputs `(B, W, P)` and, if requested, what hh and hr multiply: `(B, W, P)`, `(B, W, H)`.
    """

    def step(state: Tensors, of_step: Tensors) -> Pair:
        (hidden_BP, cell_BH), (gates_BG, *addend) = state, of_step
        features_BH, cell_BH = _plain_cell(gates_BG + F.linear(hidden_BP, weights.hh), cell_BH, settings)
        output_BP = _plain_projection(features_BH, weights, settings, *addend)
        return (output_BP, cell_BH), (output_BP, hidden_BP, features_BH) if returns_factors else (output_BP,)

    (hidden_BP, cell_BH), outputs = steps.run(step, state, inputs, is_backward)
    return (hidden_BP, cell_BH), outputs


class ElmoLayer(GradientCheckpointingLayer):
    """Both directions of one layer. Input and output are hidden states `[B, W, 2P]`, forward half first."""

    def __init__(self, config: ElmoConfig, layer_idx: int):
        super().__init__()
        self.forward_lstm = ProjectedLSTM(config)
        self.backward_lstm = ProjectedLSTM(config)
        self.dropout = config.lstm_dropout
        self.has_skip_connection = config.use_skip_connections and layer_idx > 0

    def forward(
        self, hidden_states: torch.Tensor, packing: Packing | Steps, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Runs both directions over the real tokens.

        Takes and returns `(B, W, 2P)`, zero outside the mask, and the hidden `(2, B, P)` and cell `(2, B, H)` states of
        each row, before and after: after its last token, in the backward direction after its first. Rows without
        tokens keep their state; that of rows with several segments is meaningless.
        """
        if isinstance(packing, Packing) and not packing.batch_sizes:
            return hidden_states, hidden, cell
        # No dropout in a frozen biLM, whose features are fixed. As with the original's dropout wrapper, the skip
        # connection sees the same dropped input as the LSTM.
        is_trained = any(parameter.requires_grad for parameter in weights_of(self))
        hidden_states = F.dropout(hidden_states, self.dropout, self.training and is_trained)
        if isinstance(packing, Steps):
            output, new_hidden, new_cell = self._graph_forward(hidden_states, packing, hidden, cell)
        else:
            output, new_hidden, new_cell = self._packed_forward(hidden_states, packing, hidden, cell)
        return output + hidden_states if self.has_skip_connection else output, new_hidden, new_cell

    def _packed_forward(
        self, hidden_states: torch.Tensor, packing: Packing, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        directions = ((self.forward_lstm, packing.forward_index), (self.backward_lstm, packing.backward_index))
        outputs, new_hidden, new_cell = [], [], []
        for (lstm, index), inputs, h, c in zip(directions, hidden_states.flatten(0, 1).chunk(2, dim=-1), hidden, cell):
            state = h.index_select(0, packing.rows), c.index_select(0, packing.rows)
            output, (last_hidden, last_cell) = lstm(inputs.index_select(0, index), packing.batch_sizes, state)
            outputs.append(output)
            # Under autocast, the new state may have a narrower dtype than the old one.
            new_hidden.append(h.to(last_hidden.dtype).index_copy(0, packing.rows, last_hidden))
            new_cell.append(c.index_copy(0, packing.rows, last_cell))
        output = outputs[0].new_zeros(hidden_states.shape).flatten(0, 1)
        size = output.shape[-1] // 2
        output[:, :size].index_copy_(0, packing.forward_index, outputs[0])
        output[:, size:].index_copy_(0, packing.backward_index, outputs[1])
        return output.view(hidden_states.shape), torch.stack(new_hidden), torch.stack(new_cell)

    def _graph_forward(
        self, hidden_states: torch.Tensor, steps: Steps, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        outputs, new_hidden, new_cell = [], [], []
        for lstm, inputs, h, c in zip(
            (self.forward_lstm, self.backward_lstm), hidden_states.chunk(2, dim=-1), hidden, cell
        ):
            output, (last_hidden, last_cell) = lstm.graph_forward(inputs, steps, (h, c), lstm is self.backward_lstm)
            outputs.append(output)
            new_hidden.append(last_hidden)
            new_cell.append(last_cell)
        return torch.cat(outputs, dim=-1), torch.stack(new_hidden), torch.stack(new_cell)
