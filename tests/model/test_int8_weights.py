# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from modeling_elmo.model import int8_weights
from modeling_elmo.model.fast_path_guards import is_as_made
from modeling_elmo.model.int8_weights import Int8Linear, Int8Weight, fbgemm_limit


sizes = st.tuples(st.integers(1, 9), st.integers(1, 70), st.integers(1, 70))


@torch.no_grad()
@given(sizes, st.booleans(), st.booleans(), st.sampled_from([1e-20, 1.0, 1e5]), st.integers(0, 2**32))
def test_a_product_is_that_of_the_reference(sizes, is_symmetric, has_bias, magnitude, seed):
    torch.manual_seed(seed)
    num_rows, size_in, size_out = sizes
    weight = Int8Weight.of(torch.randn(size_out, size_in), is_symmetric)
    inputs, bias = magnitude * torch.randn(num_rows, size_in), torch.randn(size_out) if has_bias else None
    found, expected = weight(inputs, bias), weight.plain_product(inputs, bias)
    # A value between two steps may be rounded to either.
    step = inputs.abs().amax(dim=1).max() / 90 * weight.dequantized().abs().max()
    assert (found - expected).abs().max() <= 1.01 * step + 1e-5 * expected.abs().max()
    exact = F.linear(inputs, weight.dequantized(), bias)
    assert (found - exact).norm() <= 0.05 * (exact.norm() + inputs.norm() * weight.dequantized().norm()) + 1e-30


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1e-30, 1.0, 1e30]), st.integers(0, 2**32))
def test_a_weight_is_rounded_to_the_nearest_step_of_its_row(size_out, size_in, magnitude, seed):
    torch.manual_seed(seed)
    weight = magnitude * torch.randn(size_out, size_in)
    weight[0] = 0
    rounded = Int8Weight.of(weight)
    assert ((rounded.dequantized() - weight).abs() <= 0.501 * rounded.scale[:, None]).all()
    assert not rounded.dequantized()[0].any()
    pairs = F.pad(rounded.unpacked().int().abs(), (0, size_in % 2)).unflatten(1, (-1, 2)).sum(dim=2)
    assert pairs.max() <= int8_weights.MAX_PAIR + 1


@torch.no_grad()
def test_a_row_has_the_same_product_in_any_batch():
    weight, inputs = Int8Weight.of(torch.randn(30, 50)), torch.randn(40, 50) * torch.logspace(-3, 3, 40)[:, None]
    together = weight(inputs)
    assert all(torch.equal(weight(row[None])[0], expected) for row, expected in zip(inputs, together))


@torch.no_grad()
@pytest.mark.parametrize("is_symmetric", [True, False])
def test_the_largest_values_do_not_overflow(is_symmetric):
    weight = Int8Weight.of(torch.tensor([[1.0, 0.4], [0.7, 0.7], [-1.0, -1.0]]).repeat(1, 64), is_symmetric)
    inputs = torch.tensor([[1.0], [-1.0]]).repeat(1, 128)
    inputs[:, 0] = 0
    torch.testing.assert_close(weight(inputs), weight.plain_product(inputs))
    torch.testing.assert_close(weight(inputs), F.linear(inputs, weight.dequantized()), rtol=1e-2, atol=1e-2)


@torch.no_grad()
def test_weights_are_kept_once_and_saved_copied_and_moved_as_they_were():
    weight, inputs = Int8Weight.of(torch.randn(7, 5)), torch.randn(3, 5)
    values, scale = weight.values.clone(), weight.scale.clone()
    expected = weight(inputs)
    assert (weight.values is None) == bool(fbgemm_limit())
    for other in (copy.deepcopy(weight), pickle.loads(pickle.dumps(weight)), weight.bfloat16(), weight.to("cpu")):
        assert torch.equal(other(inputs), expected)
        assert torch.equal(other.state_dict()["values"], values)
        assert torch.equal(other.state_dict()["scale"], scale)
    twin = Int8Weight(7, 5)
    twin(inputs)
    twin.load_state_dict(weight.state_dict())
    assert torch.equal(twin(inputs), expected)


@torch.no_grad()
@pytest.mark.parametrize("is_symmetric", [True, False])
def test_a_new_scale_counts(is_symmetric):
    weight, inputs = Int8Weight.of(torch.randn(7, 5), is_symmetric), torch.rand(3, 5)
    before = weight(inputs)
    weight.scale.mul_(2)
    torch.testing.assert_close(weight(inputs), 2 * before)


@torch.no_grad()
def test_a_move_to_the_same_device_keeps_what_is_packed(monkeypatch):
    weight = Int8Weight.of(torch.randn(7, 5))
    weight(torch.rand(3, 5))
    monkeypatch.setattr(Int8Weight, "unpacked", lambda self: pytest.fail("unpacked"))
    weight.to("cpu").float().bfloat16()
    assert weight.scale.dtype == torch.float32


@torch.no_grad()
def test_packed_weights_are_not_traced():
    weight, inputs = Int8Weight.of(torch.randn(7, 5)), torch.rand(3, 5)
    weight(inputs)
    with pytest.raises(RuntimeError, match="trace the float32 model"):
        torch.jit.trace(weight, inputs)


def test_inputs_get_the_gradient_of_the_rounded_weights():
    weight, inputs = Int8Weight.of(torch.randn(7, 5)), torch.randn(3, 5, requires_grad=True)
    weight(inputs).sum().backward()
    torch.testing.assert_close(inputs.grad, weight.dequantized().sum(0).expand(3, 5))


@torch.no_grad()
def test_threads_may_share_a_weight():
    weight, inputs = Int8Weight.of(torch.randn(70, 50)), [torch.randn(n, 50) for n in range(1, 60)]
    twin = copy.deepcopy(weight)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(weight, inputs))
    assert all(torch.equal(a, twin(b)) for a, b in zip(found, inputs))


@torch.no_grad()
def test_without_fbgemm_it_is_said_and_computed_in_float32(monkeypatch, caplog):
    monkeypatch.setattr(int8_weights, "_is_exact", lambda limit: False)
    fbgemm_limit.cache_clear()
    weight, inputs = Int8Weight.of(torch.randn(7, 5)), torch.randn(3, 5)
    torch.testing.assert_close(weight(inputs), F.linear(inputs, weight.dequantized()))
    torch.testing.assert_close(copy.deepcopy(weight)(inputs), weight(inputs))
    assert is_as_made(weight)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    fbgemm_limit.cache_clear()


@torch.no_grad()
def test_threads_may_copy_save_move_and_load_a_weight_that_others_call():
    weight, inputs = Int8Weight.of(torch.randn(70, 50)), torch.randn(3, 50)
    expected = copy.deepcopy(weight)(inputs)

    def change(_):
        pickle.dumps(weight)
        weight.to("cpu")
        weight.load_state_dict(weight.state_dict())

    with ThreadPoolExecutor(4) as threads:
        changes = [threads.submit(change, index) for index in range(100)]
        found = list(threads.map(weight, [inputs] * 400))
    assert all(torch.equal(result, expected) for result in found)
    assert all(future.exception() is None for future in changes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_weights_are_rounded_as_float32(dtype):
    for magnitude in (1e-7, 1.0):
        weight = (magnitude * torch.randn(20, 30)).to(dtype)
        assert torch.equal(Int8Weight.of(weight).dequantized(), Int8Weight.of(weight.float()).dequantized())


@pytest.mark.parametrize("value", [1e-44, 3e38])
def test_the_least_and_the_largest_weights_stay_finite(value):
    weight = torch.full((2, 4), value)
    torch.testing.assert_close(Int8Weight.of(weight).dequantized(), weight, rtol=0.01, atol=1e-37)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_weights_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="finite"):
        Int8Weight.of(torch.tensor([[1.0, value]]))


@torch.no_grad()
def test_inputs_that_are_not_finite_spoil_their_own_row_alone():
    weight, inputs = Int8Weight.of(torch.randn(7, 5)), torch.randn(3, 5)
    expected = weight(inputs)[::2]
    inputs[1, 2] = float("nan")
    found = weight(inputs)
    assert found[1].isnan().all()
    assert torch.equal(found[::2], expected)


@torch.no_grad()
def test_a_linear_layer_keeps_its_bias():
    layer, inputs = nn.Linear(5, 7), torch.rand(3, 5)
    found = Int8Linear.of(layer)
    assert found.bias is layer.bias
    torch.testing.assert_close(found(inputs), layer(inputs), rtol=0.05, atol=0.03)
