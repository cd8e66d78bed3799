# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Iterables that are run ahead in a thread."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar


T = TypeVar("T")


def prefetch(items: Iterable[T], size: int = 32) -> Iterator[T]:
    """Yields the items of an iterable, which a thread makes ahead. The thread ends when the iterator is closed.

    Args:
        items (`Iterable`): The items. An error it raises is raised here, after the items before it.
        size (`int`, *optional*, defaults to 32): Maximum number of items made ahead.
    """
    made: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(size)
    is_wanted = threading.Event()
    is_wanted.set()

    def offer(item: T | None, error: BaseException | None = None) -> bool:
        while is_wanted.is_set():
            try:
                made.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not offer(item):
                    return
            offer(None, StopIteration())
        except BaseException as error:
            offer(None, error)

    thread = threading.Thread(target=make, name="elmo-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        is_wanted.clear()
        thread.join()
