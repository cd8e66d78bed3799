# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Iterables that are run ahead in a thread."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar


T = TypeVar("T")


def prefetch(items: Iterable[T], size: int = 32) -> Iterator[T]:
    """Yields the items of an iterable, which a thread makes ahead. The thread ends when the iterator is closed.

    Args:
        items (`Iterable`): The items. An error it raises is raised here, after the items before it.
        size (`int`, *optional*, defaults to 32): Maximum number of items made ahead.
    """
    iterator, end = iter(items), object()
    thread = ThreadPoolExecutor(1, "elmo-prefetch")
    try:
        made: deque[Any] = deque(thread.submit(next, iterator, end) for _ in range(size))
        while (item := made.popleft().result()) is not end:
            made.append(thread.submit(next, iterator, end))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
