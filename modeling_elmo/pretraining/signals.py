# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""What a training tells its user, and what it is told: reports of progress, and signals to stop."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm
from transformers import TrainerCallback


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


class ProgressReport(TrainerCallback):
    """Shows progress: a bar on a terminal; otherwise a line whenever something is logged."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self.write = write or (lambda line: print(line, flush=True))
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero and sys.stderr.isatty():
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, unit="step", dynamic_ncols=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        line = _describe_logs(logs or {})
        if line is None or not state.is_world_process_zero:
            return
        if self.bar is None:
            self.write(f"step {state.global_step:,} of {state.max_steps:,}: {line}")
        elif "loss" in logs:
            self.bar.set_postfix_str(line)
        else:
            self.bar.write(f"step {state.global_step:,}: {line}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.close()


def _describe_logs(logs: dict[str, float]) -> str | None:
    prefix = "eval_" if "eval_perplexity" in logs else ""
    if f"{prefix}perplexity" not in logs:
        return None
    mean, forward, backward = (logs[f"{prefix}{name}perplexity"] for name in ("", "forward_", "backward_"))
    line = f"perplexity {mean:,.2f} (forward {forward:,.2f}, backward {backward:,.2f})"
    if prefix:
        return f"evaluation: {line}"
    line += f", learning rate {logs['learning_rate']:.3g}, {logs['words_per_second']:,.0f} words/s"
    return f"{line}, epoch {logs['epoch']:.2f}" if logs.get("epoch") is not None else line
