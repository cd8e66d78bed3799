# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How the example scripts divide their data."""

import pytest

from data_splits import hold_out, label_names, sample


class TestHoldOut:
    def test_divides_all_and_keeps_the_order(self):
        kept, held_out = hold_out(range(100), 0.2, seed=0)
        assert len(held_out) == 20
        assert sorted([*kept, *held_out]) == list(range(100))
        assert kept == sorted(kept)
        assert hold_out(range(100), 0.2, seed=0) == (kept, held_out)
        assert hold_out(range(100), 0.2, seed=1)[1] != held_out

    def test_units_stay_together(self):
        kept, held_out = hold_out([index // 10 for index in range(100)], 0.3, seed=0)
        assert len(held_out) == 30
        assert not {index // 10 for index in kept} & {index // 10 for index in held_out}

    def test_holding_out_everything_is_an_error(self):
        with pytest.raises(ValueError, match="none would remain"):
            hold_out([1], 0.1, seed=0)


def test_a_smaller_sample_is_part_of_a_larger_one():
    parts = [sample(1000, fraction, seed=3) for fraction in (0.01, 0.1, 1.0)]
    assert list(map(len, parts)) == [10, 100, 1000]
    assert set(parts[0]) < set(parts[1]) < set(parts[2])
    assert sample(2, 0.001, seed=0) in ([0], [1])


def test_labels_are_sorted_as_numbers_or_names():
    assert label_names(["10", "9", "-1"]) == ["-1", "9", "10"]
    assert label_names(["B-X", "O", "B-A"]) == ["O", "B-A", "B-X"]
