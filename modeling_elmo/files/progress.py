# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How far the embedding of a corpus is: a bar with words/s and time left on a terminal, plain lines otherwise.

What is told follows from the shards that are begun and the words that are added; nothing is measured or written here.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm
from transformers import TrainerCallback


SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Shows progress: a bar on a terminal; otherwise a line every half minute.

    Args:
        write (`Callable[[str], None]`): Takes a line.
        is_shown (`bool`): Whether this process shows anything.
        num_processes (`int`): How many there are; each counts its own words.
    """

    def __init__(self, write: Callable[[str], None], is_shown: bool, num_processes: int):
        self.write = write
        self.is_shown = is_shown
        self.suffix = " in this process" if num_processes > 1 else ""
        self.bar: Any = None
        self.started: float | None = None
        self.num_words = self.num_found = 0
        self.first_share: float | None = None
        self.share: float | None = None
        self._shard: Any = None
        self._words_of_shard = 0
        self._words_done = 0
        self._last_line = 0.0

    def found(self, shard: Any) -> None:
        """Notes a shard that was there."""
        self.num_found += 1

    def begin(self, shard: Any) -> None:
        """Notes a shard that is about to be computed."""
        if self.started is None:
            self.started = self._last_line = time.monotonic()
            self.first_share = shard.shares[0] if shard.shares else None
            if self.num_found:
                self.tell(f"going on: {self.num_found:,} shards are there")
            if self.is_shown and sys.stderr.isatty():
                with_total = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
                form = with_total if shard.shares else "{elapsed}{postfix}"
                self.bar = tqdm(total=1.0, initial=self.first_share or 0.0, bar_format=form, dynamic_ncols=True)
        self._shard, self._words_of_shard, self._words_done = shard, shard.num_words, 0

    def add(self, num_words: int) -> None:
        """Notes words that have been computed."""
        self.num_words += num_words
        self._words_done += num_words
        assert self._shard is not None
        if self._shard.shares is not None:
            first, last = self._shard.shares
            self.share = first + (last - first) * min(1.0, self._words_done / max(1, self._words_of_shard))
        now = time.monotonic()
        if self.bar is not None:
            if self.share is not None:
                self.bar.n = self.share
            self.bar.set_postfix_str(self._speed(now))
        elif now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            self.tell(self._line(now))

    def tell(self, line: str) -> None:
        """Writes a line."""
        if not self.is_shown:
            return
        if self.bar is None:
            self.write(line)
        else:
            self.bar.write(line, file=sys.stderr)

    def _speed(self, now: float) -> str:
        assert self.started is not None
        rate = self.num_words / max(now - self.started, 1e-9)
        return f"{self.num_words:,} words, {rate:,.0f} words/s{self.suffix}"

    def _line(self, now: float) -> str:
        line = self._speed(now)
        assert self.started is not None
        if self.share is not None and self.first_share is not None and self.share > self.first_share:
            left = (now - self.started) / (self.share - self.first_share) * (1 - self.share)
            line += f", {self.share:.0%} of the input, {tqdm.format_interval(left)} left"
        return line

    def close(self) -> None:
        """Ends the bar, and tells the speed of the whole."""
        if self.started is None:
            return
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        self.tell(self._speed(time.monotonic()))
        self.started = None


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


__all__ = ["Progress"]
