# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How the benchmarks measure: alternating timings, memory of new processes."""

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
