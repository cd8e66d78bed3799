# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Faster CPU matrix products through oneDNN.

torch hands float32 products on a CPU to MKL. On many processors, MKL reaches a third of the speed of oneDNN, which is
part of torch as well; packing a weight once into oneDNN's own layout is as large a gain again for small batches. We use
the operators that torch's compiler substitutes for `linear`. These operators are private, so we probe them once and
fall back to `F.linear`.

Dimensions: N rows, I input, O output.
"""

import functools
import logging
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .fast_path_guards import fingerprint, is_as_made, is_traced


logger = logging.getLogger(__name__)

# The dtypes for which oneDNN has its own kernels.
ONEDNN_DTYPES = (torch.float32, torch.bfloat16)

# oneDNN compiles code for each number of rows and keeps it, so a server that gets batches of all sizes would grow by
# gigabytes. Larger numbers are rounded up to multiples of a power of two, 16 of them between a number and its double.
EXACT_ROWS, ROUNDED_BITS = 64, 5


def product(
    inputs_NI: torch.Tensor,
    weight_OI: torch.Tensor,
    bias_O: torch.Tensor | None = None,
    packed: torch.Tensor | None = None,
) -> torch.Tensor:
    """Returns `inputs @ weight.T + bias` `(N, O)`, all of one dtype, without a gradient; `linear` has one.

    `packed`, which is `pack(weight)`, is used instead of `weight`.
    """
    if packed is None and not has_onednn(weight_OI):
        return F.linear(inputs_NI, weight_OI, bias_O)
    weight = weight_OI if packed is None else packed
    num_rows = len(inputs_NI)
    num_fillers = rounded_rows(num_rows) - num_rows
    if num_fillers:
        inputs_NI = F.pad(inputs_NI, (0, 0, 0, num_fillers))
    return torch.ops.mkldnn._linear_pointwise(inputs_NI, weight, bias_O, "none", [], "")[:num_rows]


def rounded_rows(num_rows: int) -> int:
    """Returns the number of rows that oneDNN computes for a product of so many, at most a sixteenth more."""
    if num_rows <= EXACT_ROWS:
        return num_rows
    return num_rows + -num_rows % (1 << num_rows.bit_length() - ROUNDED_BITS)


def weight_gradient(gradient_NO: torch.Tensor, inputs_NI: torch.Tensor) -> torch.Tensor:
    """Returns the gradient `(O, I)` of a product's weight, given the gradient of the result and the inputs."""
    return product(inputs_NI.t(), gradient_NO.t()).t().contiguous()


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs_NI: torch.Tensor, weight_OI: torch.Tensor, bias_O: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.save_for_backward(inputs_NI, weight_OI)
        return product(inputs_NI, weight_OI, bias_O)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_NO: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs_NI, weight_OI = ctx.saved_tensors
        needs_inputs, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            product(gradient_NO, weight_OI.t()) if needs_inputs else None,
            weight_gradient(gradient_NO, inputs_NI) if needs_weight else None,
            gradient_NO.sum(0) if needs_bias else None,
        )


def linear(inputs_NI: torch.Tensor, weight_OI: torch.Tensor, bias_O: torch.Tensor | None = None) -> torch.Tensor:
    """`torch.nn.functional.linear` of a matrix, faster where possible. Its gradient can't be differentiated again."""
    tensors = [inputs_NI, weight_OI] if bias_O is None else [inputs_NI, weight_OI, bias_O]
    device_type = inputs_NI.device.type
    if is_traced(*tensors) or torch.is_autocast_enabled(device_type) or not has_onednn(weight_OI):
        return F.linear(inputs_NI, weight_OI, bias_O)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _Product.apply(inputs_NI, weight_OI, bias_O)
    return product(inputs_NI, weight_OI, bias_O)


def apply_linear(layer: nn.Module, inputs_NI: torch.Tensor) -> torch.Tensor:
    """Returns `layer(inputs)`, through `linear` if the layer is a `torch.nn.Linear` as made."""
    if not isinstance(layer, nn.Linear) or not is_as_made(layer):
        return layer(inputs_NI)
    return linear(inputs_NI, layer.weight, layer.bias)


def has_onednn(weight_OI: torch.Tensor) -> bool:
    """Whether oneDNN can multiply by this weight and is enabled (`torch.backends.mkldnn.flags`)."""
    is_on_cpu = weight_OI.device.type == "cpu" and weight_OI.numel() > 0
    return is_on_cpu and bool(torch.backends.mkldnn.enabled) and _onednn_works(weight_OI.dtype)


@functools.cache
def _onednn_works(dtype: torch.dtype) -> bool:
    """Probes oneDNN's product on a small example."""
    if dtype not in ONEDNN_DTYPES or not torch.backends.mkldnn.is_available():
        return False
    try:
        with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
            weight = torch.linspace(-1, 1, 96, device="cpu").to(dtype).view(12, 8)
            inputs = torch.linspace(-1, 1, 24, device="cpu").to(dtype).view(3, 8)
            for operand in (weight, torch.ops.mkldnn._reorder_linear_weight(weight)):
                found = torch.ops.mkldnn._linear_pointwise(inputs, operand, None, "none", [], "")
                torch.testing.assert_close(found, F.linear(inputs, weight))
    except Exception as error:
        logger.debug("oneDNN matmul unavailable for %s, falling back to torch: %s", dtype, error)
        return False
    return True


def pack(weight_OI: torch.Tensor) -> torch.Tensor | None:
    """Returns a copy of a weight in oneDNN's layout, for any number of rows, or `None` without oneDNN."""
    return torch.ops.mkldnn._reorder_linear_weight(weight_OI) if has_onednn(weight_OI) else None


class PackedWeight:
    """The packed copy of one weight, made on first use and again whenever the weight has changed.

    Threads may share it: the copy and its fingerprint are replaced together.
    """

    def __init__(self) -> None:
        self._copy: tuple[tuple[object, ...], torch.Tensor | None] | None = None

    def of(self, weight_OI: torch.Tensor) -> torch.Tensor | None:
        """Returns the packed copy, or `None` without oneDNN."""
        if not has_onednn(weight_OI):
            return None
        key, copy = fingerprint(weight_OI), self._copy
        if copy is None or copy[0] != key:
            copy = self._copy = key, pack(weight_OI)
        return copy[1]

    def drop(self) -> None:
        """Frees the copy."""
        self._copy = None

    def __reduce__(self) -> tuple[type["PackedWeight"], tuple[()]]:
        # A copied or pickled model makes its own copy.
        return PackedWeight, ()
