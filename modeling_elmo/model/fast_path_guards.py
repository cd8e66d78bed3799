# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that decide whether a fast path may replace the plain one.

A fast path runs other operations than the equations, calls a layer's weights instead of the layer, or reuses an earlier
result. It has to step aside where somebody must see every operation of torch (`is_traced`), where calling a layer does
anything else than when it was made (`is_as_made`), and in replicas (`is_replica`). Caches compare `settings_of` layers
and `fingerprint`s of weights to notice changes.
"""

import functools
from types import BuiltinFunctionType

import torch
from torch import nn
from torch.autograd import forward_ad
from transformers.utils import output_capturing


# Modules whose classes compute the same from the same inputs and weights: these, and those of this folder.
KNOWN_CODE = (*(f"torch.nn.modules.{name}" for name in ("container", "conv", "linear")), f"{__package__}.")

# Where torch keeps hooks of all modules.
GLOBAL_HOOKS = [f"_global_{kind}_hooks" for kind in ("forward", "forward_pre", "backward", "backward_pre")]

# Values that `fingerprint` converts to float32 together: 256 KB, which caches hold.
CONVERTED_VALUES = 2**16

# The module of transformers' hooks that record hidden states.
RECORDER = output_capturing.__name__


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


def is_as_made(module: nn.Module) -> bool:
    """Whether calling a module runs known code alone: no hooks, no replaced or patched layers, no other activation.

    The hooks with which transformers records hidden states are ignored. They stay on the layers afterwards.
    """
    has_global_hook = any(vars(nn.modules.module)[name] for name in GLOBAL_HOOKS)
    return not has_global_hook and all(map(_runs_its_own_code, module.modules()))


def _runs_its_own_code(module: nn.Module) -> bool:
    hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
    return (
        type(module).__module__.startswith(KNOWN_CODE)
        and all(getattr(hook, "__module__", None) == RECORDER for each in hooks for hook in each.values())
        # A `forward` of the instance, an activation.
        and all(value in (torch.relu, torch.tanh) for value in vars(module).values() if callable(value))
    )


def is_replica(module: nn.Module) -> bool:
    """Whether `nn.DataParallel` made this copy for a single call. A replica shares everything but its weights."""
    return getattr(module, "_is_replica", False)


def weights_of(module: nn.Module) -> list[torch.Tensor]:
    """Returns a module's parameters, or a replica's copies of them, which torch doesn't list as parameters."""
    if not is_replica(module):
        return list(module.parameters())
    return [weight for part in module.modules() for weight in vars(part)["_former_parameters"].values()]


def settings_of(module: nn.Module) -> list[object]:
    """Returns what the output of a module that is as made depends on besides inputs and weights."""
    kinds = (bool, float, int, str, BuiltinFunctionType)
    return [
        (type(part), [item for item in vars(part).items() if isinstance(item[1], kinds) and item[0] != "training"])
        for part in module.modules()
    ]


def fingerprint(*tensors: torch.Tensor) -> tuple[object, ...]:
    """Returns a value that changes when one of the tensors is replaced or written to.

    It holds the address, torch's version counter and, for writes that torch doesn't count (through `.data`, NumPy,
    another process), two numbers per row: the sum of its bits, which every single change changes, and its product with
    fixed random numbers, which depends on positions. A write that leaves both as they were changes no product by more
    than rounding. Each reads the tensor once.
    """
    # torch doesn't count versions of tensors made in inference mode.
    versions = [None if tensor.is_inference() else tensor._version for tensor in tensors]
    places = [(tensor.data_ptr(), tensor.dtype, tensor.shape) for tensor in tensors]
    return *places, *versions, *(hash_ for tensor in tensors for hash_ in _hashes(tensor))


@torch.no_grad()
def _hashes(tensor: torch.Tensor) -> tuple[int, ...]:
    rows = tensor.detach().flatten(1) if tensor.ndim > 1 else tensor.detach().reshape(-1, 1)
    row_bytes = rows.contiguous().view(torch.uint8)
    if rows.shape[1] < 2:
        return (_hash(row_bytes),)
    if row_bytes.shape[1] % 8 == 0:
        # Only 64-bit integers are summed at the speed of memory.
        row_bytes = row_bytes.view(torch.int64)
    dtype = torch.promote_types(tensor.dtype, torch.float32)
    with torch.autocast(tensor.device.type, enabled=False):
        random_row = _random_row(rows.shape[1], dtype, tensor.device)
        if dtype == tensor.dtype:
            products = torch.mv(rows, random_row)
        else:
            # A few rows at a time, and into one buffer, so that they stay in the processor's cache.
            chunks = rows.split(max(1, CONVERTED_VALUES // rows.shape[1]))
            wide = torch.empty_like(chunks[0], dtype=dtype)
            products = torch.cat([torch.mv(wide[: len(chunk)].copy_(chunk), random_row) for chunk in chunks])
    return _hash(row_bytes.sum(dim=1)), _hash(products)


def _hash(tensor: torch.Tensor) -> int:
    return hash(tensor.cpu().numpy().tobytes())


@functools.lru_cache(maxsize=64)
def _random_row(size: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    # Between 1 and 2, so that no change is lost by a small factor.
    return torch.rand(size, generator=torch.Generator("cpu").manual_seed(size), device="cpu").add_(1).to(device, dtype)
