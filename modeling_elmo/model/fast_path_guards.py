# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that decide whether a fast path may replace the plain one.

A fast path runs other operations than the equations, calls a layer's weights instead of the layer, or reuses an earlier
result. It has to step aside where somebody must see every operation of torch (`is_traced`), where calling a layer does
more than its `forward` (`has_hooks`, `is_unmodified`), and in replicas (`is_replica`). Caches compare `fingerprint`s to
notice that weights have changed.
"""

from typing import Any

import torch
from torch import nn
from torch.autograd import forward_ad
from transformers.utils import output_capturing


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


def hooks_of(module: nn.Module) -> list[Any]:
    """Returns what a call of the module runs besides its `forward`."""
    of_forward = (module._forward_pre_hooks, module._forward_hooks)
    of_backward = (module._backward_pre_hooks, module._backward_hooks)
    return [hook for hooks in (*of_forward, *of_backward) for hook in hooks.values()]


def has_hooks(module: nn.Module) -> bool:
    """Whether a call of the module runs more than its `forward`."""
    return bool(hooks_of(module))


def is_unmodified(module: nn.Module, known_layers: set[type[nn.Module]]) -> bool:
    """Whether a module's output depends only on inputs, weights and `known_layers`: no other layers, no hooks.

    The hooks with which transformers records hidden states are ignored. They stay on the layers afterwards.
    """
    return all(
        type(part) in known_layers
        and "forward" not in vars(part)
        and all(getattr(hook, "__module__", None) == output_capturing.__name__ for hook in hooks_of(part))
        for part in module.modules()
    )


def is_replica(module: nn.Module) -> bool:
    """Whether `nn.DataParallel` made this copy for a single call. A replica shares everything but its weights."""
    return getattr(module, "_is_replica", False)


def weights_of(module: nn.Module) -> list[torch.Tensor]:
    """Returns a module's parameters, or a replica's copies of them, which torch doesn't list as parameters."""
    if not is_replica(module):
        return list(module.parameters())
    return [weight for part in module.modules() for weight in vars(part)["_former_parameters"].values()]


def fingerprint(*tensors: torch.Tensor) -> tuple[object, ...]:
    """Returns a value that changes when one of the tensors is replaced or written to.

    It holds the address, torch's version counter and, for writes that torch doesn't count (through `.data`, NumPy,
    another process), the sum of the bits of each row. Only moving values within a row goes unnoticed. The sums read
    each tensor once: 0.3 ms for the 33 MB of a full-size recurrent weight.
    """
    return tuple(
        (
            tensor.data_ptr(),
            tensor.dtype,
            tensor.shape,
            # torch doesn't count versions of tensors made in inference mode.
            None if tensor.is_inference() else tensor._version,
            _row_sums_hash(tensor),
        )
        for tensor in tensors
    )


@torch.no_grad()
def _row_sums_hash(tensor: torch.Tensor) -> int:
    rows = tensor.detach().reshape(len(tensor), -1) if tensor.ndim > 1 else tensor.detach().reshape(-1, 1)
    row_bytes = rows.contiguous().view(torch.uint8)
    if row_bytes.shape[1] % 8 == 0:
        # Only 64-bit integers are summed at the speed of memory.
        row_bytes = row_bytes.view(torch.int64).sum(dim=1)
    return hash(row_bytes.cpu().numpy().tobytes())


__all__ = ["fingerprint", "has_hooks", "hooks_of", "is_replica", "is_traced", "is_unmodified", "weights_of"]
