# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""When a fast path may take the place of the plain one."""

from typing import Any

import torch
from torch import nn
from torch.autograd import forward_ad


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


__all__ = ["fingerprint", "has_hooks", "hooks_of", "is_replica", "is_traced", "weights_of"]
