# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Progress: a bar on a terminal, otherwise a line every 30 seconds; nothing if `QUIET` is set.

`Progress` is for jobs of minutes and days. What takes seconds shows a `bar` or a `step`, on a terminal only.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from tqdm.auto import tqdm


SECONDS_BETWEEN_LINES = 30.0

# What is done sooner shows no bar.
DELAY = 1.0

# Whether nothing is to be reported: `elmo --quiet`.
QUIET: ContextVar[bool] = ContextVar("QUIET", default=False)


def bar(title: str, items: Any = None, **kwargs: Any) -> Any:
    """Returns tqdm's bar, which appears on a terminal after a second and disappears when `items` are done."""
    return tqdm(items, title, disable=QUIET.get() or None, delay=DELAY, leave=False, **kwargs)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Shows a title and the elapsed seconds of work whose progress is unknown, as `bar` does."""
    with bar(title, bar_format="{desc}: {elapsed}") as line:
        is_done = threading.Event()

        def show() -> None:
            if not is_done.wait(DELAY):
                line.refresh()
                while not is_done.wait(1):
                    line.refresh()
                line.clear()

        thread = threading.Thread(target=show, daemon=True)
        if not line.disable:
            thread.start()
        try:
            yield
        finally:
            is_done.set()
            if not line.disable:
                thread.join()


class Progress:
    """Reports how much is done, how fast it goes and how long it will take.

    Args:
        write (`Callable[[str], None]`, *optional*): Receives the lines. By default they go to standard output.
        is_shown (`bool`, *optional*, defaults to `True`): Whether this process reports anything.
        suffix (`str`, *optional*): Follows the speed, as in `" in this process"`.
    """

    def __init__(self, write: Callable[[str], None] | None = None, is_shown: bool = True, suffix: str = ""):
        self.write = write or partial(print, flush=True)
        self.is_shown = is_shown and not QUIET.get()
        self.suffix = suffix
        self.is_started = False
        self._bar: Any = None
        self._num_words = 0

    def start(self, share: float | None) -> None:
        """Starts the clock, with the share that is done already, from 0 to 1; None if that is never known."""
        self.is_started = True
        self._first_share = share
        self._start = self._last_line = time.monotonic()
        if self.is_shown and sys.stderr.isatty():
            with_total = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            form = "{elapsed}{postfix}" if share is None else with_total
            self._bar = tqdm(total=1.0, initial=share or 0.0, bar_format=form, dynamic_ncols=True)

    def add(self, num_words: int, share: float | None) -> None:
        """Reports that `num_words` more words are done, and `share` of the whole."""
        self._num_words += num_words
        if not self.show(share, self._speed()) and self.is_due():
            self.tell(self._speed() + self._time_left(share))

    def is_due(self) -> bool:
        """Returns whether the last line was written 30 seconds ago."""
        return time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES

    def show(self, share: float | None, note: str | None = None) -> bool:
        """Moves the bar to `share` and puts a note next to it. Returns whether there is a bar."""
        if self._bar is None:
            return False
        if note is not None:
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(0 if share is None else share - self._bar.n)
        return True

    def tell(self, line: str) -> None:
        """Writes a line, above the bar if there is one."""
        self._last_line = time.monotonic()
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        elif self.is_shown:
            self.write(line)

    def close(self, says_speed: bool = True) -> None:
        """Ends the bar, and reports the overall speed if words were counted."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._num_words and says_speed:
            self.tell(self._speed())
        self._num_words = 0

    def _speed(self) -> str:
        rate = self._num_words / max(time.monotonic() - self._start, 1e-9)
        return f"{self._num_words:,} words, {rate:,.0f} words/s{self.suffix}"

    def _time_left(self, share: float | None) -> str:
        if share is None or self._first_share is None or share <= self._first_share:
            return ""
        left = (time.monotonic() - self._start) / (share - self._first_share) * (1 - share)
        return f", {share:.0%} of the input, {tqdm.format_interval(left)} left"
