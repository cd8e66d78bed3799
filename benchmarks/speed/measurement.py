# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How the benchmarks measure: alternating timings, the machine's best matrix product, memory of new processes."""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from transformers import logging


def median_seconds(rivals: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Returns the median seconds of each rival, timed in turns (A B A B ...) so that a slow period affects all equally.

    There is no warm-up: check the rivals' results first, which has the same effect.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(repeats):
        for name, run in rivals.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


@contextmanager
def num_threads(number: int) -> Iterator[None]:
    """Makes torch use `number` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# Matrix products (N, I) x (I, O): those of the model (gates, projection) at several batch sizes, and a square one.
ROOFLINE_SHAPES = [
    (rows, inputs, outputs)
    for rows in (64, 256, 1024, 4096)
    for inputs, outputs in ((512, 16384), (4096, 512), (4096, 4096))
]


def best_matrix_product_rate(dtype: torch.dtype, is_quick: bool = False) -> float:
    """Returns the roofline: floating point operations per second of the best matrix product on this machine.

    That is the best of several shapes, and of `F.linear` and oneDNN with a packed weight, each a median over 0.1 s.
    """
    best = 0.0
    for rows, inputs, outputs in ROOFLINE_SHAPES[:1] if is_quick else ROOFLINE_SHAPES:
        input_NI, weight_OI = torch.randn(rows, inputs, dtype=dtype), torch.randn(outputs, inputs, dtype=dtype)
        for product in (_plain_product, _packed_product):
            run = product(input_NI, weight_OI)
            if run is not None:
                best = max(best, 2 * rows * inputs * outputs / _median_call(run))
    return best


def _plain_product(input_NI: torch.Tensor, weight_OI: torch.Tensor) -> Callable[[], torch.Tensor]:
    return lambda: F.linear(input_NI, weight_OI)


def _packed_product(input_NI: torch.Tensor, weight_OI: torch.Tensor) -> Callable[[], torch.Tensor] | None:
    # The operators that torch's compiler uses. They are private, so other builds may lack them.
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight_OI, len(input_NI))
        torch.ops.mkldnn._linear_pointwise(input_NI, packed, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return None
    return lambda: torch.ops.mkldnn._linear_pointwise(input_NI, packed, None, "none", [], "")


@torch.no_grad()
def _median_call(run: Callable[[], Any], seconds: float = 0.1) -> float:
    run()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    """Returns the result of a module-level function, called in a new process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, initializer=_start, initargs=(torch.get_num_threads(),)) as pool:
        return pool.apply(function, args)


def _start(threads: int) -> None:
    torch.set_num_threads(threads)
    logging.disable_progress_bar()


def status_mib(name: str) -> float | None:
    """Returns one of this process's sizes in MiB: `VmHWM`, the peak, or `VmRSS`. None where Linux does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), None)


def peak_memory_mib() -> float:
    """Returns the peak physical memory of this process in MiB. Memory-mapped files count once they are read."""
    # Avoid ru_maxrss on Linux: a new process inherits its parent's.
    if (found := status_mib("VmHWM")) is not None:
        return found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024
