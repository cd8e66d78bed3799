# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Faster CPU matrix products through oneDNN and FBGEMM.

torch hands float32 products on a CPU to MKL. On many processors, MKL reaches a third of the speed of oneDNN, which is
part of torch as well; packing a weight once into oneDNN's own layout is as large a gain again for small batches. We use
the operators that torch's compiler substitutes for `linear`. These operators are private, so we probe them once and
fall back to `F.linear`.

Processors without units for bfloat16 or float16 emulate them, several times slower than float32. There, products are
computed in float32. FBGEMM, another part of torch, reads packed weights of 16 bits for it, which halves the time of
small batches: they wait for memory.

Dimensions: N rows, I input, O output.
"""

import functools
import logging
import platform
from collections.abc import Callable
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


# What multiplies by a packed weight: inputs `(N, I)`, bias `(O,)` or None -> `(N, O)`.
PackedProduct = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]


def product(
    inputs_NI: torch.Tensor,
    weight_OI: torch.Tensor,
    bias_O: torch.Tensor | None = None,
    packed: PackedProduct | None = None,
) -> torch.Tensor:
    """Returns `inputs @ weight.T + bias` `(N, O)` in the inputs' dtype, without a gradient; `linear` has one.

    `packed`, which is `pack(weight)`, is used instead of `weight`.
    """
    dtype = product_dtype(weight_OI.dtype, weight_OI.device)
    rows_NI, bias_O = inputs_NI.to(dtype), None if bias_O is None else bias_O.to(dtype)
    if packed is not None:
        result_NO = packed(rows_NI, bias_O)
    elif has_onednn(weight_OI):
        result_NO = _onednn_product(weight_OI.to(dtype), rows_NI, bias_O)
    else:
        result_NO = F.linear(rows_NI, weight_OI.to(dtype), bias_O)
    return result_NO.to(inputs_NI.dtype)


def _onednn_product(weight_OI: torch.Tensor, inputs_NI: torch.Tensor, bias_O: torch.Tensor | None) -> torch.Tensor:
    num_rows = len(inputs_NI)
    num_fillers = rounded_rows(num_rows) - num_rows
    if num_fillers:
        inputs_NI = F.pad(inputs_NI, (0, 0, 0, num_fillers))
    return torch.ops.mkldnn._linear_pointwise(inputs_NI, weight_OI, bias_O, "none", [], "")[:num_rows]


def _fbgemm_product(weight: Any, inputs_NI: torch.Tensor, bias_O: torch.Tensor | None) -> torch.Tensor:
    result_NO = torch.ops.quantized.linear_dynamic_fp16(inputs_NI, weight)
    return result_NO if bias_O is None else result_NO.add_(bias_O)


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
    if is_traced(*tensors) or not has_onednn(weight_OI):
        return F.linear(inputs_NI, weight_OI, bias_O)
    device_type = inputs_NI.device.type
    if torch.is_autocast_enabled(device_type):
        dtype = torch.get_autocast_dtype(device_type)
        if weight_OI.dtype != torch.float32 or product_dtype(dtype, inputs_NI.device) != torch.float32:
            return F.linear(inputs_NI, weight_OI, bias_O)
        with torch.autocast(device_type, enabled=False):
            return linear(inputs_NI.float(), weight_OI, bias_O).to(dtype)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _Product.apply(inputs_NI, weight_OI, bias_O)
    return product(inputs_NI, weight_OI, bias_O)


def apply_linear(layer: nn.Module, inputs_NI: torch.Tensor) -> torch.Tensor:
    """Returns `layer(inputs)`, through `linear` if the layer is a `torch.nn.Linear` as made."""
    if not isinstance(layer, nn.Linear) or not is_as_made(layer):
        return layer(inputs_NI)
    return linear(inputs_NI, layer.weight, layer.bias)


def product_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Returns the dtype that products of a dtype are computed in: float32 where a CPU has no units for a narrow one."""
    is_narrow = device.type == "cpu" and dtype in (torch.bfloat16, torch.float16)
    return torch.float32 if is_narrow and not has_units(dtype) else dtype


@functools.cache
def has_units(dtype: torch.dtype) -> bool:
    """Whether the CPU has instructions for products of bfloat16 or float16."""
    is_bfloat16 = dtype == torch.bfloat16
    if platform.machine().lower() not in ("x86_64", "amd64"):
        probe = f"_is_mkldnn_{'bf16' if is_bfloat16 else 'fp16'}_supported"
        return torch.backends.mkldnn.is_available() and bool(getattr(torch.ops.mkldnn, probe)())
    # Without these units, oneDNN says that it supports bfloat16, and emulates it.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported") if is_bfloat16 else ("_is_amx_fp16_supported",)
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def has_onednn(weight_OI: torch.Tensor) -> bool:
    """Whether oneDNN can multiply by this weight and is enabled (`torch.backends.mkldnn.flags`)."""
    is_on_cpu = weight_OI.device.type == "cpu" and weight_OI.numel() > 0
    dtype = product_dtype(weight_OI.dtype, weight_OI.device)
    return is_on_cpu and bool(torch.backends.mkldnn.enabled) and _onednn_works(dtype)


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


@functools.cache
def _fbgemm_works() -> bool:
    """Probes FBGEMM's product of float32 rows and a float16 weight on a small example."""
    try:
        with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
            weight = torch.linspace(-1, 1, 96, device="cpu").view(12, 8).half().float()
            inputs = torch.linspace(-1, 1, 24, device="cpu").view(3, 8)
            found = _fbgemm_product(torch.ops.quantized.linear_prepack_fp16(weight, None), inputs, None)
            torch.testing.assert_close(found, F.linear(inputs, weight))
    except Exception as error:
        logger.debug("FBGEMM's float16 products unavailable, falling back to float32: %s", error)
        return False
    return True


@torch.no_grad()
def pack(weight_OI: torch.Tensor) -> PackedProduct | None:
    """Returns what multiplies by a copy of a weight in oneDNN's or FBGEMM's layout, or `None` without oneDNN."""
    if not has_onednn(weight_OI):
        return None
    dtype = product_dtype(weight_OI.dtype, weight_OI.device)
    weight_OI = weight_OI.detach()
    if dtype != weight_OI.dtype and _fbgemm_works() and _fits_float16(weight_OI):
        return functools.partial(_fbgemm_product, torch.ops.quantized.linear_prepack_fp16(weight_OI.to(dtype), None))
    return functools.partial(_onednn_product, torch.ops.mkldnn._reorder_linear_weight(weight_OI.to(dtype)))


def _fits_float16(weight_OI: torch.Tensor) -> bool:
    """Whether float16, which has more digits than bfloat16, loses nothing that matters.

    FBGEMM clips large values. If even the largest is tiny, float16 has too few digits for it.
    """
    limits = torch.finfo(torch.float16)
    return weight_OI.dtype == torch.float16 or bool(limits.tiny <= weight_OI.abs().max() <= limits.max)


class PackedWeight:
    """The packed copy of one weight, made on first use and again whenever the weight has changed.

    Threads may share it: the copy and its fingerprint are replaced together.
    """

    def __init__(self) -> None:
        self._copy: tuple[tuple[object, ...], PackedProduct | None] | None = None

    def of(self, weight_OI: torch.Tensor) -> PackedProduct | None:
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
