# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The machine: its CPU, the cores that we may use, how fast it multiplies and reads.

A biLM multiplies matrices, so its speed is limited by two rates, which are measured here with torch's own engines: the
best matrix product of a kind of weights (float32, bfloat16, int8), and reading weights from memory or caches.
"""

import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from .model.configuration_elmo import ElmoConfig
from .model.fast_matmul import pack, product, product_dtype
from .model.int8_weights import Int8Weight, fbgemm_limit, fbgemm_pack, fbgemm_product
from .model.lstm import Int8LSTM, ProjectedLSTM


# Kinds of weights, and the bytes of each.
KINDS = {"float32": 4, "bfloat16": 2, "int8": 1}

# Rows, inputs and outputs of matrix products: those of the original model (gates, projection), and a square one.
SHAPES = [(rows, *sizes) for rows in (256, 1024) for sizes in ((512, 16384), (4096, 512), (4096, 4096))]

# Steps of the sentences with which dtypes are compared.
NUM_STEPS = 24

# More than the caches of a processor hold.
MEMORY_BYTES = 2**28

# Where a Linux container has its limits; the files of version 2, and those of version 1, are named below.
CONTROL_GROUP = Path("/sys/fs/cgroup")

# Instructions of x86 processors that matter here, by their names in `torch.cpu.get_capabilities`.
INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512_f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI (int8)",
    "avx_vnni": "AVX VNNI (int8)",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_fp16": "AVX-512 FP16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX BF16",
    "amx_fp16": "AMX FP16",
}


def cpu_name() -> str:
    """Returns the processor's name, or its architecture where torch and Python don't know the name."""
    return str(_capabilities().get("cpu_name") or platform.processor() or platform.machine())


def cpu_instructions() -> dict[str, bool]:
    """Returns whether the processor has each of the `INSTRUCTIONS`; nothing if it is of another kind."""
    flags = _capabilities()
    return {name: bool(flags[key]) for key, name in INSTRUCTIONS.items() if key in flags}


def _capabilities() -> dict[str, Any]:
    # Not in every torch that we support.
    return getattr(torch.cpu, "get_capabilities", dict)()


def torch_engines() -> list[str]:
    """Returns torch's libraries for matrix products on a CPU that are available and enabled."""
    engines = {
        "oneDNN": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
        "MKL": torch.backends.mkl.is_available(),
        "FBGEMM": "fbgemm" in torch.backends.quantized.supported_engines,
    }
    return [name for name, is_usable in engines.items() if is_usable]


def available_cores() -> int:
    """Returns the cores that this process may use at once: those assigned to it, within the limit of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            quota, period = " ".join((CONTROL_GROUP / name).read_text() for name in names).split()
            if int(quota) > 0:
                cores = min(cores, math.ceil(int(quota) / int(period)))
        except (OSError, ValueError):
            # No such file, or "max": no limit.
            continue
    return cores


def thread_advice() -> str | None:
    """Returns one line if all processes of this job on this machine have more threads than there are cores."""
    num_threads, cores = torch.get_num_threads(), available_cores()
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if num_threads == 1 or num_threads * processes <= cores:
        return None
    available = "1 core is" if cores == 1 else f"{cores} cores are"
    of_each = f" in each of {processes} processes" if processes > 1 else ""
    return (
        f"torch uses {num_threads} threads{of_each}, but {available} available: threads wait for one another, up to "
        f"30 times slower; set OMP_NUM_THREADS={max(1, cores // processes)}"
    )


def product_rate(kind: str, is_quick: bool = False) -> float:
    """Returns the operations per second (a multiply-add is two) of the best matrix product with weights of a kind.

    That is the best of several shapes, each a median over 0.1 s, and of the ways in which torch and this package
    multiply. Weights are packed before, and inputs of int8 products rounded.
    """
    rates = [
        2 * rows * size_in * size_out / median_call(run)
        for rows, size_in, size_out in (SHAPES[:1] if is_quick else SHAPES)
        for run in _products(kind, rows, size_in, size_out)
    ]
    return max(rates)


@torch.no_grad()
def step_seconds(kind: str, num_rows: int) -> float:
    """Returns the seconds per step of one direction of one LSTM layer of the original model, as the model runs it."""
    config = ElmoConfig()
    lstm = ProjectedLSTM(config).eval().requires_grad_(False)
    for parameter in lstm.parameters():
        parameter.uniform_(-0.05, 0.05)
    dtype = torch.float32 if kind == "int8" else getattr(torch, kind)
    direction = Int8LSTM(lstm) if kind == "int8" else lstm.to(dtype)
    inputs_NI = torch.randn(NUM_STEPS * num_rows, config.projection_size, dtype=dtype)
    state = inputs_NI.new_zeros(num_rows, config.projection_size), torch.zeros(num_rows, config.cell_size)
    return median_call(lambda: direction(inputs_NI, NUM_STEPS * [num_rows], state)) / NUM_STEPS


def read_rate(num_bytes: int = MEMORY_BYTES) -> float:
    """Returns the bytes per second at which sums read `num_bytes` repeatedly, from caches if they fit there.

    The default is more than caches hold: the rate of memory.
    """
    values = torch.ones(num_bytes // 8, dtype=torch.int64)
    return 8 * len(values) / median_call(values.sum)


def _products(kind: str, rows: int, size_in: int, size_out: int) -> list[Callable[[], Any]]:
    limit = fbgemm_limit() if kind == "int8" else None
    if limit is not None:
        weight, inputs_NI = Int8Weight.of(torch.randn(size_out, size_in)), torch.rand(rows, size_in) * 2 - 1
        packed = fbgemm_pack(weight.unpacked())
        return [lambda: fbgemm_product(inputs_NI, limit, limit + 1, packed)]
    dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
    inputs_NI, weight_OI = torch.randn(rows, size_in, dtype=dtype), torch.randn(size_out, size_in, dtype=dtype)
    packed = pack(weight_OI)
    runs = [lambda: product(inputs_NI, weight_OI, packed=packed)]
    if product_dtype(dtype, torch.device("cpu")) == dtype:
        runs.append(lambda: F.linear(inputs_NI, weight_OI))
    return runs


@torch.no_grad()
def median_call(run: Callable[[], Any], seconds: float = 0.1) -> float:
    """Returns the median seconds of a call, after one to warm up: of three calls, or of as many as `seconds` hold."""
    run()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
