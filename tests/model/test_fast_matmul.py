# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from modeling_elmo.model import fast_matmul
from modeling_elmo.model.fast_matmul import (
    PackedWeight,
    apply_linear,
    linear,
    pack,
    product,
    rounded_rows,
    weight_gradient,
)
from modeling_elmo.model.fast_path_guards import is_as_made


DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture
def without_onednn(monkeypatch):
    monkeypatch.setattr(fast_matmul, "_onednn_works", lambda dtype: False)


class TestProduct:
    @given(
        sizes=st.tuples(st.integers(0, 40) | st.integers(60, 300), st.integers(1, 70), st.integers(1, 70)),
        dtype=st.sampled_from(DTYPES),
        has_bias=st.booleans(),
        is_transposed=st.booleans(),
        is_packed=st.booleans(),
    )
    def test_equals_torch_linear(self, sizes, dtype, has_bias, is_transposed, is_packed):
        rows, size_in, size_out = sizes
        inputs = torch.randn(rows, size_in).to(dtype)
        weight = (
            torch.randn(size_in, size_out).to(dtype).t() if is_transposed else torch.randn(size_out, size_in).to(dtype)
        )
        bias = torch.randn(size_out).to(dtype) if has_bias else None
        found = product(inputs, weight, bias, packed=pack(weight) if is_packed else None)
        expected = F.linear(inputs.double(), weight.double(), None if bias is None else bias.double())
        assert found.dtype == dtype
        tolerance = 8 * torch.finfo(dtype).eps * size_in**0.5
        torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=10 * tolerance)

    @given(num_rows=st.integers(0, 10**6))
    def test_computes_few_rows_too_many(self, num_rows):
        assert num_rows <= rounded_rows(num_rows) <= num_rows * 17 / 16

    def test_computes_few_different_numbers_of_rows(self):
        # Each costs memory for good.
        assert len({rounded_rows(num_rows) for num_rows in range(2**14)}) < 200

    def test_weight_gradient_is_that_of_autograd(self):
        inputs, weight = torch.randn(9, 5), torch.randn(7, 5, requires_grad=True)
        result = F.linear(inputs, weight)
        gradient = torch.randn_like(result)
        torch.testing.assert_close(weight_gradient(gradient, inputs), torch.autograd.grad(result, weight, gradient)[0])

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_needs_no_onednn(self, without_onednn, dtype):
        inputs, weight = torch.randn(3, 4).to(dtype), torch.randn(5, 4).to(dtype)
        assert pack(weight) is None
        assert PackedWeight().of(weight) is None
        torch.testing.assert_close(product(inputs, weight), F.linear(inputs, weight))

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("scale", [1.0, 1e-6, 1e30])
    def test_narrow_weights_are_multiplied_in_float32_where_the_processor_has_no_units(self, dtype, scale, monkeypatch):
        monkeypatch.setattr(fast_matmul, "has_units", lambda dtype: False)
        inputs, weight = torch.randn(3, 64), (torch.randn(5, 64) * scale).nan_to_num(posinf=1, neginf=1).to(dtype)
        weight = weight.nan_to_num(posinf=1, neginf=1)
        packed = pack(weight)
        expected = F.linear(inputs, weight.float())
        assert product(inputs.to(dtype), weight).dtype == dtype
        for found in (product(inputs, weight), product(inputs, weight, packed=packed)):
            # FBGEMM's weights have 11 digits in binary, or an absolute error for tiny ones.
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=float(expected.abs().max()) * 1e-3 + 1e-6)

    @pytest.mark.filterwarnings("ignore:TF32")
    def test_heeds_the_switch_for_onednn(self):
        with torch.backends.mkldnn.flags(enabled=False):
            assert pack(torch.randn(5, 4)) is None

    @pytest.mark.parametrize("state", [torch.device("meta"), torch.inference_mode(), torch.autocast("cpu")])
    def test_is_tried_out_alike_wherever_it_is_first_needed(self, state):
        fast_matmul._onednn_works.cache_clear()
        with state:
            found = fast_matmul._onednn_works(torch.float32)
        fast_matmul._onednn_works.cache_clear()
        assert found == fast_matmul._onednn_works(torch.float32)

    def test_operators_that_are_missing_or_wrong_are_passed_over(self, monkeypatch, caplog):
        def fails(*args):
            raise RuntimeError("not built in")

        for operator in (fails, lambda inputs, weight, *rest: torch.zeros(3, 12)):
            fast_matmul._onednn_works.cache_clear()
            monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", operator)
            with caplog.at_level("DEBUG", logger="modeling_elmo.model.fast_matmul"):
                assert not fast_matmul._onednn_works(torch.float32)
            assert "falling back to torch" in caplog.text
        fast_matmul._onednn_works.cache_clear()


class TestLinear:
    @pytest.mark.parametrize("has_bias", [True, False])
    @pytest.mark.parametrize("needed", [(True, True, True), (False, True, False), (True, False, True)])
    def test_has_the_gradients_of_torch_linear(self, has_bias, needed):
        tensors = [torch.randn(6, 5), torch.randn(7, 5), torch.randn(7)][: 3 if has_bias else 2]
        for tensor, is_needed in zip(tensors, needed):
            tensor.requires_grad_(is_needed)
        leaves = [tensor for tensor in tensors if tensor.requires_grad]
        gradient = torch.randn(6, 7)
        found, expected = linear(*tensors), F.linear(*tensors)
        torch.testing.assert_close(found, expected)
        for ours, theirs in zip(
            torch.autograd.grad(found, leaves, gradient), torch.autograd.grad(expected, leaves, gradient)
        ):
            torch.testing.assert_close(ours, theirs)

    def test_autocast_to_a_dtype_without_units_computes_in_float32(self, monkeypatch):
        monkeypatch.setattr(fast_matmul, "has_units", lambda dtype: False)
        inputs, layer = torch.randn(4, 3), nn.Linear(3, 2)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = apply_linear(layer, inputs)
        assert torch.equal(found, layer(inputs).bfloat16())
        found.float().sum().backward()
        torch.testing.assert_close(layer.weight.grad, inputs.sum(0).expand(2, 3), rtol=1e-2, atol=1e-2)

    def test_follows_autocast(self):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert linear(torch.randn(2, 3), torch.randn(4, 3)).dtype == torch.bfloat16

    def test_can_be_transformed(self):
        weight, inputs = torch.randn(2, 3), torch.randn(5, 3)
        per_example = torch.func.vmap(lambda row: linear(row[None], weight)[0])(inputs)
        torch.testing.assert_close(per_example, linear(inputs, weight))
        jacobian = torch.func.jacrev(lambda inputs: linear(inputs, weight))(inputs)
        torch.testing.assert_close(jacobian[0, :, 0], weight)

    def test_keeps_nothing_for_backward_without_gradients(self):
        with torch.no_grad():
            assert linear(torch.randn(2, 3), torch.randn(4, 3, requires_grad=True)).grad_fn is None


class TestApplyLinear:
    def test_calls_what_somebody_has_put_in_the_place_of_a_linear_layer(self):
        class Adapter(nn.Linear):
            def forward(self, inputs):
                return super().forward(inputs) + 1

        layer, inputs = Adapter(3, 2), torch.randn(5, 3)
        torch.testing.assert_close(apply_linear(layer, inputs), F.linear(inputs, layer.weight, layer.bias) + 1)

    @pytest.mark.parametrize(
        "register",
        [
            *("register_forward_hook", "register_forward_pre_hook"),
            *("register_full_backward_hook", "register_full_backward_pre_hook"),
        ],
    )
    def test_calls_hooks(self, register):
        called, layer = [], nn.Linear(3, 2)
        handle = getattr(layer, register)(lambda *args: called.append(True))
        assert not is_as_made(layer)
        expected = apply_linear(layer, torch.ones(1, 3))
        expected.sum().backward()
        assert called
        handle.remove()
        torch.testing.assert_close(apply_linear(layer, torch.ones(1, 3)), expected)
        assert len(called) == 1

    @pytest.mark.parametrize("has_bias", [True, False])
    def test_equals_a_call(self, has_bias):
        layer, inputs = nn.Linear(3, 2, bias=has_bias), torch.randn(5, 3)
        torch.testing.assert_close(apply_linear(layer, inputs), layer(inputs))


def numpy_write(weight):
    weight.numpy()[3, 2] += 1.0


def version_write(weight):
    weight[3, 2] += 1.0


def data_write(weight):
    weight.data[3, 2] = 7.0


def swap_rows(weight):
    weight.data[[0, 1]] = weight.data[[1, 0]]


def swap_rows_by_numpy(weight):
    weight.numpy()[[0, 1]] = weight.numpy()[[1, 0]]


class TestPackedWeight:
    @pytest.mark.parametrize("write", [numpy_write, version_write, data_write, swap_rows, swap_rows_by_numpy])
    @pytest.mark.parametrize("shape", [(8, 6), (5, 3)])
    def test_a_changed_weight_is_packed_again(self, write, shape):
        weight, packed, inputs = torch.randn(shape), PackedWeight(), torch.randn(2, shape[1])
        first = packed.of(weight)
        assert packed.of(weight) is first
        write(weight)
        torch.testing.assert_close(product(inputs, weight, packed=packed.of(weight)), F.linear(inputs, weight))

    def test_another_weight_is_packed_anew(self):
        packed, inputs = PackedWeight(), torch.randn(2, 3)
        for dtype in (torch.float32, torch.bfloat16):
            weight = torch.randn(5, 3).to(dtype)
            found = product(inputs.to(dtype), weight, packed=packed.of(weight))
            torch.testing.assert_close(found, F.linear(inputs.to(dtype), weight))

    def test_weights_made_in_inference_mode_are_watched_too(self):
        packed = PackedWeight()
        with torch.inference_mode():
            weight, inputs = torch.randn(5, 3), torch.randn(2, 3)
            packed.of(weight)
            weight[1, 1] += 1
            torch.testing.assert_close(product(inputs, weight, packed=packed.of(weight)), F.linear(inputs, weight))

    def test_copies_of_a_model_make_their_own(self):
        packed = PackedWeight()
        packed.of(torch.randn(5, 3))
        for twin in (copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
            assert twin._copy is None

    def test_drop_gives_the_copy_back(self):
        packed = PackedWeight()
        packed.of(torch.randn(5, 3))
        packed.drop()
        assert packed._copy is None


@torch.no_grad()
@pytest.mark.parametrize("magnitude", [1e-30, 1e-8, 1e-3, 1.0, 1e30])
def test_bfloat16_weights_of_any_magnitude_keep_their_digits_without_units(monkeypatch, magnitude):
    monkeypatch.setattr(fast_matmul, "has_units", lambda dtype: False)
    weight, inputs = (magnitude * torch.randn(12, 8)).bfloat16(), torch.randn(3, 8)
    expected = F.linear(inputs, weight.float())
    found = fast_matmul.product(inputs, weight, packed=fast_matmul.pack(weight))
    assert (found - expected).norm() <= 1e-3 * expected.norm()
