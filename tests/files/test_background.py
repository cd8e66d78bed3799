# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Items made ahead in a thread."""

import itertools

import pytest

from modeling_elmo.files.background import prefetch


class TestPrefetch:
    def test_gives_the_same_and_can_be_left(self):
        assert list(prefetch(range(100), 3)) == list(range(100))
        assert list(itertools.islice(prefetch(itertools.count(), 3), 5)) == [0, 1, 2, 3, 4]

    def test_errors_come_through(self):
        def items():
            yield 1
            raise ValueError("a.txt: line 3")

        with pytest.raises(ValueError, match="line 3"):
            list(prefetch(items()))
