# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Stopping a training run in good order when it receives a signal."""

import signal
import threading
import time
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback


# Seconds within which signals count as one. All processes started from a terminal receive Ctrl-C, and `torchrun` then
# forwards it to its processes, which have it already.
SAME_SIGNAL = 3.0


class StopSignals(TrainerCallback):
    """Within its `with` block, a first SIGTERM, SIGINT or SIGHUP is only recorded, and a second one ends the process.
    As a callback, it ends the run, with a checkpoint, after the step in which any process received one."""

    def __init__(self) -> None:
        # The number of the signal.
        self.received: int | None = None
        self._since = 0.0
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        # Only the main thread may set handlers.
        if threading.current_thread() is not threading.main_thread():
            return self
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)
            # Under nohup, a closed terminal is to be ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: object) -> None:
        if self.received is None:
            self.received, self._since = number, time.monotonic()
        elif time.monotonic() - self._since > SAME_SIGNAL:
            raise SystemExit(128 + number)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        number = self.received or 0
        if args.world_size > 1:
            # Processes agree on the step at which all of them stop.
            agreed = torch.tensor(number, device=args.device)
            distributed.all_reduce(agreed, distributed.ReduceOp.MAX)
            number = int(agreed)
        if number:
            self.received = number
            control.should_save = True
            control.should_training_stop = True
