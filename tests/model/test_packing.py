# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo.model.packing import Packing


@st.composite
def masks(draw):
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 6))
    bits = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    types = draw(st.lists(st.integers(0, 2), min_size=rows * columns, max_size=rows * columns))
    return torch.tensor(bits, dtype=torch.bool).reshape(rows, columns), torch.tensor(types).reshape(rows, columns)


def sequences_of(mask, types=None):
    """The sequences of a batch as lists of flat positions, found the slow way."""
    sequences, (rows, columns) = [], mask.shape
    for row in range(rows):
        previous = None
        for column in range(columns):
            if mask[row, column]:
                kind = (row, 0 if types is None else int(types[row, column]))
                if kind != previous:
                    sequences.append([])
                sequences[-1].append(row * columns + column)
                previous = kind
    return sequences


class TestPacking:
    @given(masks(), st.booleans())
    def test_lists_every_sequence_step_by_step_longest_first(self, batch, has_types):
        mask, types = batch
        packing = Packing.from_mask(mask, types if has_types else None)
        expected = sorted(sequences_of(mask, types if has_types else None), key=len, reverse=True)
        steps = len(expected[0]) if expected else 0
        assert packing.batch_sizes == [sum(len(s) > t for s in expected) for t in range(steps)]
        assert packing.forward_index.tolist() == [s[t] for t in range(steps) for s in expected if len(s) > t]
        assert packing.backward_index.tolist() == [s[::-1][t] for t in range(steps) for s in expected if len(s) > t]
        assert packing.rows.tolist() == [s[0] // mask.shape[1] for s in expected]
        assert packing.has_segments == (len(expected) > int(mask.any(1).sum()))

    def test_moves_to_a_device_as_a_whole(self):
        packing = Packing.from_mask(torch.ones(2, 3, dtype=torch.bool)).to("meta")
        assert {packing.forward_index.device.type, packing.backward_index.device.type, packing.rows.device.type} == {
            "meta"
        }
