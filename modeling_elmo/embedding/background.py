# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What goes on in threads while a corpus is embedded: shards are written, and the output is made of those written.

Both take their work in order through a queue. The disk, and the copying of one file into another, then take time of
their own and not the model's. What is computed and what is written is decided elsewhere.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .shards import ShardFile


class Background:
    """Does tasks one after another in a thread, a few behind; their errors are raised where the next is submitted, or
    in the end."""

    def __init__(self, size: int = 1):
        self._tasks: queue.Queue[Callable[[], None] | None] = queue.Queue(size)
        self._error: BaseException | None = None
        self._is_cancelled = False
        self.on_failure: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._work, name="elmo-writer", daemon=True)

    def __enter__(self) -> "Background":
        self._thread.start()
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        if kind is not None:
            self.cancel()
            self.on_failure()
            return
        self._tasks.put(None)
        self._thread.join()
        self._raise()

    def submit(self, task: Callable[[], None]) -> None:
        """Has a task done, once those before it are."""
        self._raise()
        self._tasks.put(task)

    def cancel(self) -> None:
        """Leaves undone what is not done yet."""
        self._is_cancelled = True
        if self._thread.is_alive():
            self._tasks.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            self.on_failure()
            raise self._error

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._error is not None or self._is_cancelled:
                continue
            try:
                task()
            except BaseException as error:
                self._error = error


class _AbandonedError(Exception):
    """Ends the making of an output that is no longer wanted."""


class Assembly:
    """Makes one file of shards in a thread, while later shards are still to come.

    Args:
        make (`Callable[[Iterator[ShardFile]], None]`): Writes the output of the shards, in order.
        abandoned (`Callable[[], None]`): Takes away what is written of an output that is not finished.
    """

    def __init__(self, make: Callable[[Iterator[ShardFile]], None], abandoned: Callable[[], None]):
        self._paths: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._make = make
        self._abandoned = abandoned
        self._error: BaseException | None = None
        self._is_finished = False
        self._thread = threading.Thread(target=self._work, name="elmo-assembly", daemon=True)

    def __enter__(self) -> "Assembly":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if not self._is_finished:
            self._error = self._error or _AbandonedError()
            self._end()

    def add(self, path: Path) -> None:
        """Has a shard added.

        Raises:
            `Exception`: What went wrong with those before it.
        """
        if self._error is not None:
            raise self._error
        self._paths.put(path)

    def finish(self) -> None:
        """Waits until all shards are in the output.

        Raises:
            `Exception`: What went wrong.
        """
        self._is_finished = True
        self._end()
        if self._error is not None:
            raise self._error

    def _end(self) -> None:
        self._paths.put(None)
        self._thread.join()

    def _files(self) -> Iterator[ShardFile]:
        while (path := self._paths.get()) is not None:
            if self._error is not None:
                break
            yield ShardFile(path)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._make(self._files())
        except BaseException as error:
            self._error = error
            with suppress(OSError):
                self._abandoned()


__all__ = ["Assembly", "Background"]
