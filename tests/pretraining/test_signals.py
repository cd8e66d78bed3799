# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Signals that stop a training run."""

import os
import signal
from types import SimpleNamespace

import pytest
import torch
from transformers import TrainerControl

from modeling_elmo.pretraining import signals as stop_signals


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_second_signal_ends_the_process_unless_it_is_the_same_one(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(stop_signals.time, "monotonic", lambda: now[0])
    with stop_signals.StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGTERM
        now[0] += 10
        with pytest.raises(SystemExit, match="130"):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_to_one_process_is_one_to_all(monkeypatch):
    def all_reduce(tensor, op):
        # What the other process has received.
        assert op == torch.distributed.ReduceOp.MAX
        tensor.clamp_(min=int(signal.SIGTERM))

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    signals, control = stop_signals.StopSignals(), TrainerControl()
    signals.on_step_end(SimpleNamespace(world_size=1, device="cpu"), None, control)
    assert not control.should_training_stop
    signals.on_step_end(SimpleNamespace(world_size=2, device="cpu"), None, control)
    assert control.should_training_stop
    assert control.should_save
    # Each process knows that the run is incomplete.
    assert signals.received == signal.SIGTERM
