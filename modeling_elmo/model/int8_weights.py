# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Weights of eight bits: a quarter of the memory, and of the time where the processor waits for memory.

A weight is stored as int8 with one float32 scale per row, so that W = scale * values. A product rounds its inputs too:
each row x is divided by its range and becomes integers of 8 bits. Rows don't depend on each other, so a sentence has
the same vectors in any batch.

    symmetric:   r = max |x|,        y = r * scale * (values @ round(x / r * L) / L) + b
    asymmetric:  r = max x - min x,  y = r * scale * (values @ round((x - min x) / r * L') / L') + min x * (W @ 1) + b

The inputs of LSTMs lie around zero. Those of highway layers are never negative: the asymmetric form rounds them to half
the error. `Int8Weight.plain_product` is the equation in float32.

FBGEMM, a part of torch, multiplies the integers. Processors without VNNI add pairs of products, of columns 2k and
2k + 1, in 16 bits, which overflow at 32,768. There, inputs have fewer steps: L = 90 and L' = 181, otherwise 127 and
255. Scales are such that a pair of weights has at most 181 together, and 181 * 181 = 32,761.

The values are in memory once: from the first product on, only in FBGEMM's layout, from which they are unpacked to be
saved. Products are scaled after they are computed: FBGEMM takes as long to read a scale per row as to pack the values.

Dimensions: N rows, I input, O output.
"""

import functools
import itertools
import logging
import threading
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .fast_matmul import pack
from .fast_path_guards import is_traced


logger = logging.getLogger(__name__)

MAX_VALUE = 127

# Largest integer of a symmetric input with and without VNNI. FBGEMM's inputs are not negative: one more is added.
EXACT_LIMIT, REDUCED_LIMIT = 127, 90

# Largest sum of two neighbours before they are rounded.
MAX_PAIR = 2 * REDUCED_LIMIT

# How many values are checked together: few enough that temporary copies stay in the processor's cache.
CHECKED_VALUES = 2**18

# While a thread packs or unpacks values, and chooses torch's engine for it, others wait.
_lock = threading.RLock()

_revisions = itertools.count()


class Int8Weight(nn.Module):
    """A matrix of int8 values with a scale per row.

    Args:
        size_out (`int`), size_in (`int`): O and I.
        is_symmetric (`bool`, *optional*, defaults to `True`): Whether inputs lie around zero.

    Attributes:
        values (`torch.Tensor` of shape `(O, I)`, int8): `None` once it is packed; `unpacked` returns it.
        scale (`torch.Tensor` of shape `(O,)`, float32): W is `scale * values`.
        revision (`int`): Changes with the weight; by it, caches notice changes.
    """

    values: torch.Tensor | None
    scale: torch.Tensor

    def __init__(self, size_out: int, size_in: int, is_symmetric: bool = True):
        super().__init__()
        self.register_buffer("values", torch.zeros(size_out, size_in, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(size_out, dtype=torch.float32))
        self.is_symmetric = is_symmetric
        self.revision = next(_revisions)
        # In a tuple: a callable attribute would be taken for a replaced `forward`.
        self._packed: Any = None
        self._value_sums_1O: torch.Tensor | None = None
        self.num_packed = 0

    @classmethod
    def of(cls, weight_OI: torch.Tensor, is_symmetric: bool = True) -> "Int8Weight":
        """Returns a weight rounded to int8.

        Raises:
            `ValueError`: If it has values that are not finite.
        """
        weight_OI = weight_OI.detach()
        with torch.device("meta"):
            size_out, size_in = weight_OI.shape
            result = cls(size_out, size_in, is_symmetric)
        if weight_OI.is_meta:
            return result
        if not weight_OI.isfinite().all():
            raise ValueError("int8: expected finite weights, found inf or nan")
        # In float32: the quotients and scales need more digits, and a wider range, than float16 and bfloat16 have.
        weight_OI = weight_OI.float()
        sizes_OI = F.pad(weight_OI.abs(), (0, weight_OI.shape[1] % 2))
        # Divided first: the sum of two large values would be inf.
        pairs_O = (sizes_OI / MAX_PAIR).unflatten(1, (-1, 2)).sum(dim=2).amax(dim=1)
        scale_O = torch.maximum(sizes_OI.amax(dim=1) / MAX_VALUE, pairs_O)
        # Rows of zeros, and of values so small that they become zeros.
        result.scale = torch.where(scale_O >= torch.finfo(scale_O.dtype).tiny, scale_O, torch.ones_like(scale_O))
        result.values = (weight_OI / result.scale[:, None]).round_().clamp_(-MAX_VALUE, MAX_VALUE).to(torch.int8)
        return result

    def unpacked(self) -> torch.Tensor:
        """Returns the values `(O, I)`, int8.

        Raises:
            `RuntimeError`: Under `torch.jit.trace`, which can't record how packed values are read.
        """
        with _lock:
            if self.values is not None:
                return self.values
            if torch.jit.is_tracing():
                raise RuntimeError("torch.jit.trace: int8 weights can't be traced; trace the float32 model")
            return self._packed[0].unpack()[0].int_repr()

    def dequantized(self) -> torch.Tensor:
        """Returns the weight `(O, I)` in float32."""
        return self.scale[:, None] * self.unpacked()

    def forward(self, inputs_NI: torch.Tensor, bias_O: torch.Tensor | None = None) -> torch.Tensor:
        """Returns the product `(N, O)` in the inputs' dtype; without a gradient where it is fast."""
        if (
            inputs_NI.device.type != "cpu"
            or is_traced(inputs_NI)
            or (torch.is_grad_enabled() and inputs_NI.requires_grad)
        ):
            return F.linear(inputs_NI, self.dequantized().to(inputs_NI.dtype), bias_O)
        with _lock:
            pack_all([self])
            is_float, (packed,), value_sums_1O = self.values is not None, self._packed, self._value_sums_1O
        rows_NI, bias_O = inputs_NI.float(), None if bias_O is None else bias_O.float()
        if is_float:
            result_NO = packed(rows_NI, None).mul_(self.scale)
            return (result_NO if bias_O is None else result_NO.add_(bias_O)).to(inputs_NI.dtype)
        begin_N1, range_N1, levels = self._range(rows_NI)
        zero = levels + 1
        if begin_N1 is not None:
            rows_NI, zero = rows_NI - begin_N1, 0
        result_NO = fbgemm_product(rows_NI / range_N1, levels, zero, packed).mul_(range_N1)
        if begin_N1 is not None and value_sums_1O is not None:
            result_NO.addmm_(begin_N1, value_sums_1O)
        result_NO.mul_(self.scale)
        return (result_NO if bias_O is None else result_NO.add_(bias_O)).to(inputs_NI.dtype)

    def _range(self, rows_NI: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, int]:
        """Returns the least value of each row or `None`, the size of its range, and by how many steps it is divided."""
        limit = fbgemm_limit() or EXACT_LIMIT
        # A row of zeros stays one.
        tiny = torch.finfo(torch.float32).tiny
        if self.is_symmetric:
            return None, rows_NI.abs().amax(dim=1, keepdim=True).clamp_min_(tiny), limit
        begin_N1, end_N1 = rows_NI.aminmax(dim=1, keepdim=True)
        return begin_N1, (end_N1 - begin_N1).clamp_min_(tiny), 2 * limit + 1

    def plain_product(self, inputs_NI: torch.Tensor, bias_O: torch.Tensor | None = None) -> torch.Tensor:
        """The reference for `forward`: the equation in float32, inputs rounded to as many bits."""
        rows_NI = inputs_NI.float()
        begin_N1, range_N1, levels = self._range(rows_NI)
        begin_N1 = torch.zeros_like(range_N1) if begin_N1 is None else begin_N1
        rounded_NI = ((rows_NI - begin_N1) / range_N1 * levels).round() / levels * range_N1 + begin_N1
        return F.linear(rounded_NI, self.dequantized(), bias_O).to(inputs_NI.dtype)

    def pack(self) -> None:
        """Brings the values into FBGEMM's layout; called by `pack_all`, which knows that they are not there yet.

        Raises:
            `ValueError`: If they have another dtype, as in a damaged file, or could overflow.
        """
        assert self.values is not None
        found = self.values.dtype, self.scale.dtype
        if found != (torch.int8, torch.float32):
            raise ValueError(
                f"int8 weights: expected values of int8 and scales of float32, found {found[0]}, {found[1]}"
            )
        chunks = self.values.split(max(1, CHECKED_VALUES // self.values.shape[1]))
        largest = max(map(_largest_pair, chunks))
        if largest > MAX_PAIR + 1:
            raise ValueError(
                f"int8 weights: expected neighbours with at most {MAX_PAIR + 1} together, found {largest}; "
                "round the original model again"
            )
        if fbgemm_limit():
            is_symmetric = self.is_symmetric
            self._value_sums_1O = (
                None if is_symmetric else torch.cat([rows.float().sum(dim=1) for rows in chunks])[None]
            )
            self._packed = (_prepack(self.values),)
            self.num_packed, self.values = self.values.numel(), None
        else:
            values = self.values.float()
            self._packed = (pack(values) or functools.partial(_float_product, values),)

    def needs_packing(self) -> bool:
        """Whether the values are on a CPU and not packed."""
        values = self.values
        return values is not None and self._packed is None and values.device.type == "cpu" and values.numel() > 0

    def _unpack(self) -> None:
        self.values, self._packed, self.revision = self.unpacked(), None, next(_revisions)

    def _apply(self, fn: Any, recurse: bool = True) -> "Int8Weight":
        # Moves to another device. A cast would make the scales inexact.
        with _lock:
            scale = self.scale
            moved = fn(scale)
            if moved.device != scale.device:
                self._unpack()
            if self.values is not None:
                self.values = fn(self.values)
            self.scale = moved if moved.dtype == scale.dtype else scale.to(moved.device)
        return self

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}values"] = self.unpacked()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        with _lock:
            self._unpack()
            super()._load_from_state_dict(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # For copies and pickles.
        return {**self.__dict__, "_buffers": {**self._buffers, "values": self.unpacked()}, "_packed": None}


class Int8Linear(nn.Module):
    """`torch.nn.Linear` with an `Int8Weight`: inputs `(N, I)` -> `(N, O)`."""

    def __init__(self, weight: Int8Weight, bias: nn.Parameter | None):
        super().__init__()
        self.weight = weight
        self.bias = bias

    @classmethod
    def of(cls, layer: nn.Linear) -> "Int8Linear":
        """Returns a layer with its weights rounded to int8."""
        return cls(Int8Weight.of(layer.weight, is_symmetric=False), layer.bias)

    def forward(self, inputs_NI: torch.Tensor) -> torch.Tensor:
        return self.weight(inputs_NI, self.bias)


def _float_product(weight_OI: torch.Tensor, inputs_NI: torch.Tensor, bias_O: torch.Tensor | None) -> torch.Tensor:
    return F.linear(inputs_NI, weight_OI, bias_O)


def scales_of(*modules: nn.Module) -> list[torch.Tensor]:
    """Returns the scales of the int8 weights in modules, whose `revision` does not change with them."""
    return [part.scale for module in modules for part in module.modules() if isinstance(part, Int8Weight)]


def _largest_pair(values_OI: torch.Tensor) -> int:
    """Returns the largest sum of the sizes of columns 2k and 2k + 1, or 256 if a value is -128."""
    if values_OI.min() == -MAX_VALUE - 1:
        return 256
    if values_OI.shape[1] < 2:
        return 0
    sizes_OI = values_OI[:, : values_OI.shape[1] // 2 * 2].contiguous().abs()
    # Both bytes of a number of 16 bits.
    pairs = sizes_OI.view(torch.int16)
    return int((pairs & 255).add_(pairs >> 8).max())


def pack_all(weights: Iterable[Int8Weight]) -> None:
    """Packs those weights that are on a CPU and not packed, in as many threads as torch uses.

    Raises:
        `ValueError`: As `Int8Weight.pack`.
    """
    with _lock:
        weights = [weight for weight in weights if weight.needs_packing()]
        if not weights:
            return
        fbgemm_limit()
        with _fbgemm():
            if len(weights) == 1:
                weights[0].pack()
            else:
                # FBGEMM packs a matrix in a single thread. In each of them, torch's own threads would be too many.
                num_threads = torch.get_num_threads()
                with ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,)) as threads:
                    list(threads.map(Int8Weight.pack, weights))
                # What threads that start later inherit.
                torch.set_num_threads(num_threads)


@contextmanager
def _fbgemm() -> Iterator[None]:
    """Makes FBGEMM torch's engine for packing."""
    engine = torch.backends.quantized.engine
    if "fbgemm" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "fbgemm"
    try:
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            # torch wants to drop tensors of its quantised dtypes; the probe in `fbgemm_limit` notices if it does.
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        torch.backends.quantized.engine = engine


def fbgemm_pack(values_OI: torch.Tensor) -> Any:
    """Returns int8 values `(O, I)` in FBGEMM's layout."""
    with _fbgemm():
        return _prepack(values_OI)


def _prepack(values_OI: torch.Tensor) -> Any:
    # A view, so that a mapped file is packed without another copy.
    quantized = torch._empty_affine_quantized([0], scale=1.0, zero_point=0, dtype=torch.qint8, device="cpu")
    quantized.set_(values_OI.untyped_storage(), values_OI.storage_offset(), values_OI.shape, values_OI.stride())
    return torch.ops.quantized.linear_prepack(quantized, None)


def fbgemm_product(inputs_NI: torch.Tensor, levels: int, zero: int, packed: Any) -> torch.Tensor:
    """Returns the product `(N, O)` of float32 inputs, rounded to multiples of 1 / `levels` above `-zero / levels`."""
    return torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(inputs_NI, 1 / levels, zero, packed)


@functools.cache
def fbgemm_limit() -> int | None:
    """Returns the largest integer of an input with which FBGEMM's sums are exact, or `None` where it doesn't work.

    Without FBGEMM, weights are multiplied in float32, and a warning says so.
    """
    if "fbgemm" in torch.backends.quantized.supported_engines:
        for limit in (EXACT_LIMIT, REDUCED_LIMIT):
            if _is_exact(limit):
                return limit
    logger.warning(
        "this processor has no int8 products (FBGEMM): weights stay int8 in files, but are multiplied in float32, with "
        "the memory and at the speed of float32"
    )
    return None


def _is_exact(limit: int) -> bool:
    try:
        with _fbgemm(), torch.autocast("cpu", enabled=False):
            # Rows of pairs with the largest sum, of either sign, against the largest inputs.
            values = torch.tensor([[127, 54], [90, 91], [-127, -54], [-90, -91], [127, -54]], device="cpu")
            values = values.to(torch.int8).repeat(3, 32)
            inputs = torch.tensor([1.0, -1.0, 0.5], device="cpu").expand(64, 3).T.contiguous()
            inputs[2, ::2] = -1
            packed = fbgemm_pack(values)
            found = fbgemm_product(inputs, limit, limit + 1, packed)
            expected = F.linear((inputs * limit).round() / limit, values.float())
            return bool((found - expected).abs().max() <= 1e-5 * expected.abs().max())
    except Exception as error:
        logger.debug("FBGEMM's int8 products are unavailable: %s", error)
        return False
