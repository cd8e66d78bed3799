# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Matrix products at the rate that the machine can reach.

torch hands float32 products on a CPU to MKL, which on many processors reaches a third of what oneDNN, also part of
torch, reaches on the same matrices; for small batches a weight that was packed once into oneDNN's own layout gains as
much again. The operators are those that torch's compiler puts in place of `linear`. They are no public interface: they
are tried out once, and where they are missing or wrong, `torch.nn.functional.linear` takes their place.

Dimensions: N rows, I input, O output.
"""

import functools
import logging
from typing import Any, cast

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


logger = logging.getLogger(__name__)

# The number types for which oneDNN has kernels of its own.
ONEDNN_DTYPES = (torch.float32, torch.bfloat16)


def product(
    inputs_NI: torch.Tensor,
    weight_OI: torch.Tensor,
    bias_O: torch.Tensor | None = None,
    packed: torch.Tensor | None = None,
) -> torch.Tensor:
    """Returns `inputs @ weight.T + bias` `(N, O)`. Without a gradient: `linear` has one.

    Args:
        inputs_NI (`torch.Tensor` of shape `(N, I)`): Any strides.
        weight_OI (`torch.Tensor` of shape `(O, I)`): Of the same dtype; any strides.
        bias_O (`torch.Tensor` of shape `(O,)`, *optional*): Of the same dtype.
        packed (`torch.Tensor`, *optional*): `pack(weight)`, used in the place of `weight`.
    """
    if packed is None and not has_onednn(weight_OI):
        return F.linear(inputs_NI, weight_OI, bias_O)
    weight = weight_OI if packed is None else packed
    return torch.ops.mkldnn._linear_pointwise(inputs_NI, weight, bias_O, "none", [], "")


def weight_gradient(gradient_NO: torch.Tensor, inputs_NI: torch.Tensor) -> torch.Tensor:
    """Returns the gradient `(O, I)` of a product's weight, from the gradient of its result and its inputs."""
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
    """`torch.nn.functional.linear` of a matrix, faster where it can be. Its gradient can't be differentiated again."""
    tensors = [inputs_NI, weight_OI] if bias_O is None else [inputs_NI, weight_OI, bias_O]
    device_type = inputs_NI.device.type
    if is_traced(*tensors) or torch.is_autocast_enabled(device_type) or not has_onednn(weight_OI):
        return F.linear(inputs_NI, weight_OI, bias_O)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _Product.apply(inputs_NI, weight_OI, bias_O)
    return product(inputs_NI, weight_OI, bias_O)


def apply_linear(layer: nn.Module, inputs_NI: torch.Tensor) -> torch.Tensor:
    """`layer(inputs)`, through `linear` if it is `torch.nn.Linear` and nobody has changed what calling it does."""
    if type(layer).forward is not nn.Linear.forward or has_hooks(layer):
        return layer(inputs_NI)
    layer = cast(nn.Linear, layer)
    return linear(inputs_NI, layer.weight, layer.bias)


def hooks_of(module: nn.Module) -> list[Any]:
    """Returns what is called besides a module's `forward` when the module is."""
    of_forward = (module._forward_pre_hooks, module._forward_hooks)
    of_backward = (module._backward_pre_hooks, module._backward_hooks)
    return [hook for hooks in (*of_forward, *of_backward) for hook in hooks.values()]


def has_hooks(module: nn.Module) -> bool:
    """Whether calling a module does more than its `forward`."""
    return bool(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    )


def is_replica(module: nn.Module) -> bool:
    """Whether it is a copy that `nn.DataParallel` made for a single call: all but its weights is the original's."""
    return getattr(module, "_is_replica", False)


def weights_of(module: nn.Module) -> list[torch.Tensor]:
    """Returns a module's parameters; those of a replica, of which torch says that it has none, are its copies."""
    if not is_replica(module):
        return list(module.parameters())
    return [weight for part in module.modules() for weight in vars(part)["_former_parameters"].values()]


def is_traced(*tensors: torch.Tensor) -> bool:
    """Whether every operation must be torch's own: for a compiler, a transform, a counter, a tensor subclass."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or forward_ad._current_level >= 0
        or any(type(tensor) not in (torch.Tensor, nn.Parameter) or tensor.is_meta for tensor in tensors)
    )


def has_onednn(weight_OI: torch.Tensor) -> bool:
    """Whether oneDNN's product is there for this weight, and switched on (`torch.backends.mkldnn.flags`)."""
    is_on_cpu = weight_OI.device.type == "cpu" and weight_OI.numel() > 0
    return is_on_cpu and bool(torch.backends.mkldnn.enabled) and _is_right(weight_OI.dtype)


@functools.cache
def _is_right(dtype: torch.dtype) -> bool:
    """Tries oneDNN's product on a small example."""
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
        logger.debug("oneDNN's %s product is not to be had, torch's own takes its place: %s", dtype, error)
        return False
    return True


def pack(weight_OI: torch.Tensor) -> torch.Tensor | None:
    """Returns a copy of a weight in oneDNN's layout, good for any number of rows; `None` if there can't be one."""
    return torch.ops.mkldnn._reorder_linear_weight(weight_OI) if has_onednn(weight_OI) else None


class PackedWeight:
    """The packed copy of one weight, made when it is first asked for and again whenever the weight has changed.

    Threads may share it: the copy and what it was made from are replaced together.
    """

    def __init__(self) -> None:
        self._copy: tuple[tuple[object, ...], torch.Tensor | None] | None = None

    def of(self, weight_OI: torch.Tensor) -> torch.Tensor | None:
        """Returns the packed copy, or `None` if there can't be one."""
        if not has_onednn(weight_OI):
            return None
        key, copy = fingerprint(weight_OI), self._copy
        if copy is None or copy[0] != key:
            copy = self._copy = key, pack(weight_OI)
        return copy[1]

    def drop(self) -> None:
        """Gives the copy's memory back."""
        self._copy = None

    def __reduce__(self) -> tuple[type["PackedWeight"], tuple[()]]:
        # A model that is copied or pickled makes its own.
        return PackedWeight, ()


def fingerprint(*tensors: torch.Tensor) -> tuple[object, ...]:
    """Returns what changes when one of the tensors is replaced or written to.

    That is its address, its version in torch's count, and, for writing that torch doesn't count (through `.data`,
    NumPy, another process), the sums of the bits of its rows: they miss no change but one that moves values within a
    row. They read the tensors once, which takes 0.3 ms for the 33 MB of a full-size recurrent weight.
    """
    return tuple(
        (
            tensor.data_ptr(),
            tensor.dtype,
            tensor.shape,
            # torch counts no versions of tensors that were made in inference mode.
            None if tensor.is_inference() else tensor._version,
            _bits_of_rows(tensor),
        )
        for tensor in tensors
    )


@torch.no_grad()
def _bits_of_rows(tensor: torch.Tensor) -> int:
    rows = tensor.detach().reshape(len(tensor), -1) if tensor.ndim > 1 else tensor.detach().reshape(-1, 1)
    octets = rows.contiguous().view(torch.uint8)
    if octets.shape[1] % 8 == 0:
        # 64-bit integers are added at the speed of memory, narrower ones are not.
        octets = octets.view(torch.int64).sum(dim=1)
    return hash(octets.cpu().numpy().tobytes())


__all__ = [
    "PackedWeight",
    "apply_linear",
    "fingerprint",
    "has_hooks",
    "hooks_of",
    "is_replica",
    "is_traced",
    "linear",
    "pack",
    "product",
    "weight_gradient",
    "weights_of",
]
