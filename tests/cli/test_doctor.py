# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo doctor`: what it prints and recommends, given the rates of a machine."""

import sys

import pytest
import torch

from modeling_elmo import hardware


@pytest.fixture
def machine(monkeypatch):
    """Makes the seconds of products, of one row and of 32, those given by dtype."""

    def make(**seconds):
        monkeypatch.setattr(hardware, "step_seconds", lambda kind, rows: seconds[kind][rows == 32])
        monkeypatch.setattr(hardware, "product_rate", lambda kind: 123e9)
        monkeypatch.setattr(hardware, "read_rate", lambda: 24.2e9)

    return make


@pytest.mark.parametrize(
    ("bfloat16", "int8", "recommended"),
    [
        ((2.5, 8), (1, 4), ["Recommended: int8, 3.0 times", "More exact: bfloat16, 1.2 times"]),
        ((2.9, 11.9), (1, 4), ["Recommended: int8, 3.0 times", "More exact: float32, the vectors of the original"]),
        ((1.5, 6), (1.4, 5.9), ["Recommended: bfloat16, 2.0 times"]),
        # Faster for one sentence alone: not faster.
        ((1, 12), (1, 13), ["Recommended: float32, the vectors of the original"]),
    ],
)
def test_recommends_the_dtype_that_is_faster_in_small_and_large_batches(elmo, machine, bfloat16, int8, recommended):
    machine(float32=(3, 12), bfloat16=bfloat16, int8=int8)
    code, out, err = elmo("doctor")
    assert (code, err) == (0, "")
    assert f"torch {torch.__version__}" in out
    assert hardware.cpu_name() in out
    assert "24.2 GB/s" in out
    assert all(text in out for text in recommended)
    assert ("from_pretrained(..., dtype=torch.bfloat16)" in out) == any("bfloat16" in text for text in recommended)
    assert ("elmo embed --int8" in out) == any("int8" in text for text in recommended)


@pytest.mark.parametrize("command", ["doctor", "embed", "pretrain"])
def test_too_many_threads_get_a_line(elmo, machine, monkeypatch, tmp_path, command):
    machine(float32=(3, 12), bfloat16=(3, 12), int8=(3, 12))
    monkeypatch.setattr(hardware, "thread_advice", lambda: "torch uses 9 threads")
    missing = tmp_path / "missing"
    arguments = {
        "doctor": [],
        "embed": ["models/elmo-tiny", missing, tmp_path / "vectors"],
        "pretrain": ["--output", tmp_path, "--train", missing, "--preset", "tiny", "--vocab", missing, "--epochs", 1],
    }
    _, out, err = elmo(command, *arguments[command])
    assert "warning" in out + err
    assert "torch uses 9 threads" in out + err


@pytest.mark.parametrize(("num_threads", "expected"), [(1, "torch uses 1 thread\n"), (2, "torch uses 2 threads\n")])
def test_a_terminal_is_told_what_is_measured(elmo, machine, monkeypatch, num_threads, expected):
    machine(float32=(3, 12), bfloat16=(3, 12), int8=(3, 12))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads)
    code, out, err = elmo("doctor")
    assert (code, err) == (0, "measuring memory, and products of three dtypes ...\n")
    assert expected in out
    assert elmo("--quiet", "doctor")[2] == ""
