# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What is said about the machine. No rate is asserted."""

import os
import re

import pytest
import torch

from modeling_elmo import ElmoConfig, hardware


@pytest.fixture
def cores(monkeypatch, tmp_path):
    """Makes a machine of 64 cores without limits, and returns the directory of the limits."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    monkeypatch.setattr(hardware, "CONTROL_GROUP", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 64),
        ({"cpu.max": "max 100000\n"}, 64),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ({"cpu/cpu.cfs_quota_us": "350000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
    ],
)
def test_available_cores_are_within_the_limit_of_a_container(cores, files, expected):
    for name, text in files.items():
        (cores / name).parent.mkdir(exist_ok=True)
        (cores / name).write_text(text)
    assert hardware.available_cores() == expected


@pytest.mark.parametrize(
    ("threads", "processes", "advice"),
    [
        (64, 1, None),
        (32, 2, None),
        (1, 100, None),
        (65, 1, "torch uses 65 threads, but 64 cores are available: .*; set OMP_NUM_THREADS=64$"),
        (64, 4, "torch uses 64 threads in each of 4 processes, but 64 cores .*; set OMP_NUM_THREADS=16$"),
        (2, 100, ".* set OMP_NUM_THREADS=1$"),
    ],
)
def test_more_threads_than_cores_get_advice(cores, monkeypatch, threads, processes, advice):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    found = hardware.thread_advice()
    assert found is None if advice is None else re.match(advice, found)


@pytest.mark.parametrize("kind", hardware.KINDS)
def test_products_of_every_kind_have_a_rate(kind, monkeypatch):
    monkeypatch.setattr(hardware, "SHAPES", [(8, 64, 64)])
    monkeypatch.setattr(hardware, "ElmoConfig", lambda: ElmoConfig(cell_size=64, projection_size=16))
    assert hardware.product_rate(kind) > 0
    assert hardware.step_seconds(kind, 3) > 0
    assert hardware.read_rate(2**16) > 0


def test_instructions_are_those_of_the_processor(monkeypatch):
    has_avx2 = torch.backends.cpu.get_cpu_capability() != "DEFAULT"
    assert hardware.cpu_instructions().get("AVX2", has_avx2) == has_avx2
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"neon": True}, raising=False)
    assert hardware.cpu_instructions() == {}
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert hardware.cpu_instructions() == {}
    assert hardware.cpu_name()
