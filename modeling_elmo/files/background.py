# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Work ahead in a thread."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any


class Prefetched:
    """Iterates over what another iterable yields, made ahead in a thread of its own.

    Args:
        items (`Iterable`): Its errors are raised here.
        size (`int`, *optional*, defaults to 32): How many items are made ahead.
    """

    def __init__(self, items: Iterable[Any], size: int = 32) -> None:
        self.items = items
        self.size = size

    def __iter__(self) -> Iterator[Any]:
        made: queue.Queue[tuple[bool, Any]] = queue.Queue(self.size)
        is_wanted = threading.Event()
        is_wanted.set()

        def offer(item: tuple[bool, Any]) -> bool:
            while is_wanted.is_set():
                try:
                    made.put(item, timeout=0.1)
                except queue.Full:
                    continue
                return True
            return False

        def make() -> None:
            try:
                for item in self.items:
                    if not offer((True, item)):
                        return
            except BaseException as error:
                offer((False, error))
            else:
                offer((False, None))

        thread = threading.Thread(target=make, name="elmo-corpus", daemon=True)
        thread.start()
        try:
            while True:
                is_item, item = made.get()
                if is_item:
                    yield item
                elif item is None:
                    return
                else:
                    raise item
        finally:
            is_wanted.clear()
            thread.join()
