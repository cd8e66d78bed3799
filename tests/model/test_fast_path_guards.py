# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo.model.fast_path_guards import fingerprint


@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]))
def test_fingerprint_sees_every_element(size, where, dtype):
    tensor = torch.randn(size).to(dtype)
    before = fingerprint(tensor)
    assert fingerprint(tensor) == before
    tensor.data[where % size] = torch.nextafter(tensor[where % size], torch.tensor(9.0, dtype=dtype))
    assert fingerprint(tensor) != before


@given(st.permutations(range(6)), st.sampled_from([(6,), (6, 1), (6, 2), (6, 5), (6, 4, 2)]))
def test_fingerprint_sees_rows_that_change_places(order, shape):
    tensor = torch.randn(shape)
    before = fingerprint(tensor)
    tensor.data.copy_(tensor.data[list(order)])
    assert (fingerprint(tensor) != before) == (order != sorted(order))
