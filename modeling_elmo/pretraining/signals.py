# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What a training tells its user, and what it is told: reports of progress, and signals to stop."""

import signal
import threading
import time
from typing import Any


SAME_SIGNAL = 3.0


class StopSignals:
    """While entered, SIGTERM, SIGINT and SIGHUP do not end the process but are remembered; a second one ends it.

    `torchrun` passes on what its processes have received already, as all that a terminal has started receive Ctrl-C: so
    what comes within `SAME_SIGNAL` seconds is not a second one.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._since = 0.0
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        # Signals are the main thread's alone.
        if threading.current_thread() is not threading.main_thread():
            return self
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)
            # Under nohup, a closed terminal is to be ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _remember(self, number: int, frame: object) -> None:
        if self.received is None:
            self.received, self._since = number, time.monotonic()
        elif time.monotonic() - self._since > SAME_SIGNAL:
            raise SystemExit(128 + number)
