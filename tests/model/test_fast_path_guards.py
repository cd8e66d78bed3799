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


MATRICES = {
    "random": lambda: torch.randn(8, 12),
    "whole numbers": lambda: torch.randint(-3, 4, (8, 12)).float(),
    "a permutation": lambda: torch.eye(12)[torch.randperm(12)],
    "constant rows": lambda: torch.arange(8.0)[:, None].expand(8, 12).clone(),
    "with infinity": lambda: torch.randn(8, 12).index_fill_(0, torch.tensor([3]), torch.inf),
}


@st.composite
def writes(draw):
    """A write that a sum over rows or columns may not notice."""
    first, second = draw(st.permutations(range(8)))[:2]
    shift, axis = draw(st.integers(1, 7)), draw(st.sampled_from([0, 1, (0, 1)]))

    def move(weight):
        weight.copy_(weight.roll(shift, axis) if isinstance(axis, int) else weight.roll((shift, shift), axis))

    def double_and_halve(weight):
        weight[:, first] *= 2
        weight[:, second] /= 2

    def exchange(weight):
        weight[first, [first, second]] = weight[first, [second, first]]

    def rectangle(weight):
        weight[[first, second], [first, second]] += 1
        weight[[first, second], [second, first]] -= 1

    def reverse(weight):
        weight.copy_(weight.flip(axis))

    return draw(st.sampled_from([move, double_and_halve, exchange, rectangle, reverse]))


@given(st.sampled_from(sorted(MATRICES)), writes(), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]))
def test_fingerprint_sees_writes_that_torch_does_not_count(kind, write, dtype):
    weight = MATRICES[kind]().to(dtype)
    before, values = fingerprint(weight), weight.clone()
    write(weight.data)
    assert (fingerprint(weight) != before) == (not torch.equal(weight, values))


def test_fingerprint_works_under_another_default_device():
    weight = torch.ones(2, 79)
    with torch.device("meta"):
        found = fingerprint(weight)
    assert found == fingerprint(weight)
