# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from modeling_elmo.model import fast_lstm
from modeling_elmo.model import fast_matmul as fast_matmul
from modeling_elmo.model.lstm import ElmoLayer, ProjectedLSTM
from modeling_elmo.model.packing import Packing


def random_parameters(module, scale=0.5):
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=scale)
    return module


class Shift(nn.Module):
    """Adds a trained number to a weight, as an adapter does."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(0.1))

    def forward(self, weight):
        return weight + self.shift


class Hidden(nn.Module):
    """A module whose parameters the module around it does not list."""

    def __init__(self, module):
        super().__init__()
        self.forward = module.forward


class TestProjectedLSTM:
    @pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "weight_hr", "bias"])
    def test_trains_what_a_frozen_weight_is_computed_from(self, tiny_config, name):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).requires_grad_(False)
        shift = Shift()
        # An adapter is part of the layer around this one.
        nn.utils.parametrize.register_parametrization(lstm, name, Hidden(shift))
        inputs, state = torch.randn(3, 4), (torch.zeros(2, 4), torch.zeros(2, 6))
        gradients = []
        for forward in (lstm, lstm.plain_forward):
            shift.shift.grad = None
            forward(inputs, [2, 1], state)[0].sum().backward()
            gradients.append(shift.shift.grad)
        torch.testing.assert_close(*gradients)

    @pytest.mark.parametrize("projection_size", [4, 6])
    def test_equals_torch_lstm_where_that_can_do_the_same(self, tiny_config, projection_size):
        config = tiny_config(
            projection_size=projection_size, cell_clip=None, projection_clip=None, forget_bias=0.0, cell_size=6
        )
        ours = random_parameters(ProjectedLSTM(config).double())
        theirs = nn.LSTM(
            projection_size, 6, proj_size=projection_size if projection_size < 6 else 0, batch_first=True
        ).double()
        theirs.weight_ih_l0, theirs.weight_hh_l0 = ours.weight_ih, ours.weight_hh
        theirs.bias_ih_l0, theirs.bias_hh_l0 = ours.bias, nn.Parameter(torch.zeros_like(ours.bias))
        if projection_size < 6:
            theirs.weight_hr_l0 = ours.weight_hr

        lengths = [5, 3, 1]
        inputs = torch.randn(3, 5, projection_size, dtype=torch.double)
        hidden, cell = torch.randn(3, projection_size).double(), torch.randn(3, 6).double()
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True)
        with torch.no_grad():
            expected, (expected_hidden, expected_cell) = theirs(packed, (hidden[None], cell[None]))
            output, (last_hidden, last_cell) = ours(packed.data, packed.batch_sizes.tolist(), (hidden, cell))
        torch.testing.assert_close(output, expected.data)
        torch.testing.assert_close(last_hidden, expected_hidden[0])
        torch.testing.assert_close(last_cell, expected_cell[0])

    def test_adds_the_forget_bias_at_run_time(self, tiny_config):
        with_bias = random_parameters(ProjectedLSTM(tiny_config(forget_bias=1.0)).double())
        folded = ProjectedLSTM(tiny_config(forget_bias=0.0)).double()
        folded.load_state_dict(with_bias.state_dict())
        with torch.no_grad():
            folded.bias[6:12] += 1.0
        inputs = torch.randn(7, 4, dtype=torch.double)
        state = torch.zeros(2, 4).double(), torch.zeros(2, 6).double()
        torch.testing.assert_close(with_bias(inputs, [2, 2, 2, 1], state)[0], folded(inputs, [2, 2, 2, 1], state)[0])

    def test_clips_cell_and_projection(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config(cell_clip=0.2, projection_clip=0.1)), scale=3.0)
        state = torch.zeros(1, 4), torch.zeros(1, 6)
        output, (_, cell) = lstm(torch.randn(9, 4), [1] * 9, state)
        assert output.abs().max() == np.float32(0.1)
        assert cell.abs().max() == np.float32(0.2)

    def test_does_not_clip_the_output_without_a_projection(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config(projection_size=6, projection_clip=0.1)), scale=3.0)
        output, _ = lstm(torch.randn(9, 6), [1] * 9, (torch.zeros(1, 6), torch.zeros(1, 6)))
        assert output.abs().max() > 0.1

    @pytest.mark.parametrize("clip", [None, 0.3])
    def test_gradients_of_inputs_states_and_weights_are_right(self, tiny_config, clip):
        config = tiny_config(cell_size=3, projection_size=2, cell_clip=clip, projection_clip=clip)
        lstm = random_parameters(ProjectedLSTM(config).double(), scale=1.0)
        names = list(dict(lstm.named_parameters()))

        def run(inputs, hidden, cell, *parameters):
            output, state = torch.func.functional_call(
                lstm, dict(zip(names, parameters)), (inputs, [2, 2, 1], (hidden, cell))
            )
            return (output, *state)

        inputs = [torch.randn(*shape, dtype=torch.double, requires_grad=True) for shape in ((5, 2), (2, 2), (2, 3))]
        assert torch.autograd.gradcheck(run, (*inputs, *lstm.parameters()))


def batch_sizes_of(lengths):
    return [sum(length > step for length in lengths) for step in range(max(lengths))]


def compare(lstm, batch_sizes, inputs, state, rtol=1e-4, atol=1e-5, needed=None):
    """Holds the fast path and the plain reference together: outputs, states, and all gradients."""
    leaves = [inputs, *state, *lstm.parameters()]
    for tensor, is_needed in zip(leaves, needed or [True] * len(leaves)):
        tensor.requires_grad_(is_needed)
    trained = [tensor for tensor in leaves if tensor.requires_grad]

    def run(forward):
        output, (hidden, cell) = forward(inputs, batch_sizes, state)
        results = (output, hidden, cell)
        generator = torch.Generator().manual_seed(7)
        loss = sum((r.double() * torch.randn(r.shape, generator=generator)).sum() for r in results)
        return results, torch.autograd.grad(loss, trained) if trained else ()

    for ours, theirs in zip(run(lstm), run(lstm.plain_forward)):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol, check_dtype=False)
    with torch.no_grad():
        torch.testing.assert_close(
            lstm(inputs, batch_sizes, state),
            lstm.plain_forward(inputs, batch_sizes, state),
            rtol=rtol,
            atol=atol,
            check_dtype=False,
        )


@st.composite
def runs(draw):
    """A direction of a layer, with sequences, inputs and states for it."""
    cell_size = draw(st.integers(1, 9))
    clip = st.sampled_from([None, 0.05, 0.5])
    config = {
        "cell_size": cell_size,
        "projection_size": draw(st.integers(1, cell_size)),
        "cell_clip": draw(clip),
        "projection_clip": draw(clip),
        "forget_bias": draw(st.sampled_from([0.0, 1.0])),
    }
    lengths = sorted(draw(st.lists(st.integers(1, 12), min_size=1, max_size=6)), reverse=True)
    return config, lengths, draw(st.integers(0, 2**32)), draw(st.booleans())


class TestFastPath:
    """The fast path against the plain reference."""

    @pytest.fixture(params=["a few tokens at a time", "all at once"])
    def chunks(self, request, monkeypatch):
        # Chunks that end in the middle of a batch, and weights packed for every call.
        if request.param == "a few tokens at a time":
            monkeypatch.setattr(fast_lstm, "CHUNK_TOKENS", 5)
            monkeypatch.setattr(fast_lstm, "STEPS_WORTH_PACKING", 1)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(run=runs())
    def test_outputs_states_and_gradients_are_those_of_the_reference(self, tiny_config, chunks, run):
        config, lengths, seed, has_past = run
        torch.manual_seed(seed)
        lstm = random_parameters(ProjectedLSTM(tiny_config(**config)))
        hidden = torch.randn(len(lengths), config["projection_size"]) * has_past
        cell = torch.randn(len(lengths), config["cell_size"]) * has_past
        inputs = torch.randn(sum(lengths), config["projection_size"])
        compare(lstm, batch_sizes_of(lengths), inputs, (hidden, cell))

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
    def test_other_dtypes(self, tiny_config, chunks, dtype):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).to(dtype)
        state = torch.randn(3, 4).to(dtype), torch.randn(3, 6, dtype=torch.promote_types(dtype, torch.float32))
        tolerance = {torch.float64: 1e-12, torch.bfloat16: 0.1, torch.float16: 0.02}[dtype]
        compare(lstm, [3, 3, 2, 1, 1], torch.randn(10, 4).to(dtype), state, rtol=tolerance, atol=tolerance)
        assert lstm(torch.randn(3, 4).to(dtype), [3], state)[1][1].dtype == state[1].dtype

    def test_without_onednn(self, tiny_config, chunks, monkeypatch):
        monkeypatch.setattr(fast_matmul, "_onednn_works", lambda dtype: False)
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        compare(lstm, [2, 2, 1], torch.randn(5, 4), (torch.randn(2, 4), torch.randn(2, 6)))

    def test_under_autocast(self, tiny_config, chunks):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            state = torch.randn(2, 4), torch.randn(2, 6)
            compare(lstm, [2, 2, 1], torch.randn(5, 4), state, rtol=0.1, atol=0.1)
            output, (hidden, cell) = lstm(torch.randn(5, 4), [2, 2, 1], state)
        assert (output.dtype, hidden.dtype, cell.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
        output.float().sum().backward()
        assert {parameter.grad.dtype for parameter in lstm.parameters()} == {torch.float32}

    @pytest.mark.parametrize("needed", [[i == k for i in range(7)] for k in range(7)], ids=range(7))
    def test_each_gradient_can_be_asked_for_alone(self, tiny_config, needed):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        state = torch.randn(2, 4), torch.randn(2, 6)
        compare(lstm, [2, 2, 1], torch.randn(5, 4), state, needed=needed)

    def test_the_gradient_passes_a_value_that_is_just_at_the_limit(self, tiny_config):
        # All gates saturated: the cell stays at the limit from step to step, and is not clipped by it.
        lstm = ProjectedLSTM(tiny_config(cell_clip=0.5, projection_clip=None))
        with torch.no_grad():
            for parameter in lstm.parameters():
                parameter.zero_()
            lstm.bias[:6], lstm.bias[6:12] = -200.0, 200.0
            lstm.weight_hr.fill_(0.1)
        state = torch.zeros(1, 4), torch.full((1, 6), 0.5)
        compare(lstm, [1, 1, 1], torch.zeros(3, 4), state)
        output, _ = lstm(torch.zeros(3, 4), [1, 1, 1], state)
        assert torch.autograd.grad(output.sum(), state[1])[0].abs().min() > 0

    def test_the_gradient_passes_a_projection_that_is_just_at_the_limit(self, tiny_config):
        lstm = ProjectedLSTM(tiny_config(cell_size=2, projection_size=1, projection_clip=0.25, cell_clip=None))
        with torch.no_grad():
            for parameter in lstm.parameters():
                parameter.zero_()
            # o = 1/2 and c = 100, so that the output is half the weights' sum.
            lstm.weight_hr.fill_(0.25)
        state = torch.zeros(1, 1), torch.full((1, 2), 200.0)
        compare(lstm, [1], torch.zeros(1, 1), state)
        output, _ = lstm(torch.zeros(1, 1), [1], state)
        assert output.item() == 0.25
        assert torch.autograd.grad(output.sum(), lstm.weight_hr)[0].abs().min() > 0

    @pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
    @pytest.mark.parametrize("is_trained", [True, False])
    def test_whoever_must_see_each_operation_does(self, tiny_config, is_trained):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).requires_grad_(is_trained)
        inputs, batch_sizes, state = torch.randn(5, 4), [2, 2, 1], (torch.randn(2, 4), torch.randn(2, 6))
        expected = lstm.plain_forward(inputs, batch_sizes, state)[0].detach()

        with FlopCounterMode(display=False) as counter:
            lstm(inputs, batch_sizes, state)
        # Products of inputs, hidden states and memories: 24 x 4, 24 x 4 and 4 x 6 numbers, for 5 tokens.
        assert counter.get_total_flops() == 2 * 5 * (24 * 4 + 24 * 4 + 4 * 6)

        lstm.requires_grad_(False)
        traced = torch.jit.trace(lambda inputs: lstm(inputs, batch_sizes, state)[0], (inputs,))
        torch.testing.assert_close(traced(inputs), expected)
        lstm.requires_grad_(is_trained)

        with forward_ad.dual_level():
            dual = forward_ad.make_dual(inputs, torch.ones_like(inputs))
            tangent = forward_ad.unpack_dual(lstm(dual, batch_sizes, state)[0]).tangent
        step = 1e-3 * torch.ones_like(inputs)
        with torch.no_grad():
            difference = lstm(inputs + step, batch_sizes, state)[0] - lstm(inputs - step, batch_sizes, state)[0]
        torch.testing.assert_close(tangent.detach(), difference / 2e-3, rtol=1e-2, atol=1e-2)

    def test_on_the_meta_device(self, tiny_config):
        lstm = ProjectedLSTM(tiny_config()).to("meta")
        state = torch.empty(2, 4, device="meta"), torch.empty(2, 6, device="meta")
        assert lstm(torch.empty(5, 4, device="meta"), [2, 2, 1], state)[0].shape == (5, 4)

    def test_autocast_leaves_float64_alone(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).double()
        arguments = torch.randn(5, 4).double(), [2, 2, 1], (torch.randn(2, 4).double(), torch.randn(2, 6).double())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert lstm(*arguments)[0].dtype == lstm.plain_forward(*arguments)[0].dtype == torch.float64

    def test_inputs_of_another_dtype_are_an_error(self, tiny_config):
        lstm = ProjectedLSTM(tiny_config())
        with pytest.raises(RuntimeError, match="dtype"):
            lstm(torch.randn(5, 4).bfloat16(), [2, 2, 1], (torch.randn(2, 4).bfloat16(), torch.randn(2, 6)))

    def test_a_second_derivative_is_an_error_and_the_plain_path_has_it(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        inputs = torch.randn(5, 4, requires_grad=True)
        state = torch.randn(2, 4), torch.randn(2, 6)
        for forward in (lstm, lstm.plain_forward):
            output, _ = forward(inputs, [2, 2, 1], state)
            gradient = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)[0]
            if forward is lstm:
                with pytest.raises(RuntimeError, match="once_differentiable"):
                    gradient.sum().backward()
            else:
                gradient.sum().backward()
                assert inputs.grad.abs().sum() > 0

    def test_the_graph_can_be_kept_for_a_second_backward(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        output, _ = lstm(torch.randn(5, 4), [2, 2, 1], (torch.randn(2, 4), torch.randn(2, 6)))
        weight = torch.randn_like(output)
        first = torch.autograd.grad(output, list(lstm.parameters()), weight, retain_graph=True)
        second = torch.autograd.grad(output, list(lstm.parameters()), weight)
        assert all(torch.equal(a, b) for a, b in zip(first, second))

    def test_a_weight_changed_before_backward_is_an_error(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        output, _ = lstm(torch.randn(5, 4), [2, 2, 1], (torch.randn(2, 4), torch.randn(2, 6)))
        with torch.no_grad():
            lstm.weight_hh.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            output.sum().backward()

    def test_inputs_and_states_are_left_as_they_are(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        inputs, state = torch.randn(5, 4), (torch.randn(2, 4), torch.randn(2, 6))
        copies = [tensor.clone() for tensor in (inputs, *state)]
        lstm(inputs, [2, 2, 1], state)[0].sum().backward()
        with torch.no_grad():
            lstm(inputs, [2, 2, 1], state)
        assert all(torch.equal(tensor, copy) for tensor, copy in zip((inputs, *state), copies))

    def test_reads_no_memory_that_it_did_not_write(self, tiny_config):
        # The tests run with uninitialised memory filled with NaN.
        assert torch.empty(3).isnan().all()
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        compare(lstm, [3, 2, 2, 1], torch.randn(8, 4), (torch.randn(3, 4), torch.randn(3, 6)))

    def test_what_a_frozen_direction_computes_has_no_graph(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).requires_grad_(False)
        output, state = lstm(torch.randn(5, 4), [2, 2, 1], (torch.zeros(2, 4), torch.zeros(2, 6)))
        assert {tensor.grad_fn for tensor in (output, *state)} == {None}

    def test_saved_tensor_hooks_see_all_that_is_kept_for_backward(self, tiny_config):
        # Gradient checkpointing and offloading rest on them.
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t
        ):
            lstm(torch.randn(50, 4), [1] * 50, (torch.zeros(1, 4), torch.zeros(1, 6)))
        assert sum(kept) >= 50 * (4 * 6 + 6 + 4)

    @pytest.mark.parametrize(
        "change",
        [
            lambda lstm: torch.optim.SGD(lstm.parameters(), lr=1.0).step(),
            lambda lstm: lstm.weight_hh.data.mul_(1.5),
            lambda lstm: lstm.load_state_dict({name: w + 0.1 for name, w in lstm.state_dict().items()}),
            lambda lstm: setattr(lstm, "weight_hr", nn.Parameter(lstm.weight_hr + 0.1)),
            lambda lstm: lstm.weight_hh.detach().numpy().fill(0.2),
            lambda lstm: lstm.double().float().weight_hh.data.add_(0.1),
            lambda lstm: lstm.weight_hh.data.copy_(lstm.weight_hh.data.flip(0)),
        ],
        ids=["optimizer", ".data", "load_state_dict", "new parameter", "numpy", "to", "rows swapped"],
    )
    def test_inference_after_a_change_of_weights_uses_the_new_ones(self, tiny_config, change):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        arguments = torch.randn(5, 4), [2, 2, 1], (torch.randn(2, 4), torch.randn(2, 6))
        with torch.no_grad():
            before = lstm(*arguments)[0]
        lstm(*arguments)[0].sum().backward()
        change(lstm)
        with torch.no_grad():
            torch.testing.assert_close(lstm(*arguments), lstm.plain_forward(*arguments))
            assert (lstm(*arguments)[0] - before).abs().max() > 1e-3

    def test_training_holds_no_packed_copies(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).eval()
        arguments = torch.randn(5, 4), [2, 2, 1], (torch.randn(2, 4), torch.randn(2, 6))

        def runs_without_gradients():
            with torch.no_grad():
                torch.testing.assert_close(lstm(*arguments), lstm.plain_forward(*arguments))
            return lstm._packed[0]._copy is not None

        assert runs_without_gradients()
        lstm(*arguments)
        assert lstm._packed[0]._copy is None
        assert runs_without_gradients()
        # As in a checkpointed layer's first pass.
        lstm.train()
        assert not runs_without_gradients()
        lstm.requires_grad_(False)
        assert runs_without_gradients()

    def test_threads_may_share_it(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config())).requires_grad_(False)
        batches = [(torch.randn(n, 4), [1] * n, (torch.randn(1, 4), torch.randn(1, 6))) for n in range(1, 40)]
        expected = [lstm(*batch)[0] for batch in batches]
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda batch: lstm(*batch)[0], batches))
        assert all(torch.equal(a, b) for a, b in zip(found, expected))

    def test_the_plain_path_serves_transforms(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config()))
        state = torch.randn(1, 4), torch.randn(1, 6)
        gradient = torch.func.grad(lambda inputs: lstm(inputs, [1, 1], state)[0].sum())
        inputs = torch.randn(2, 4, requires_grad=True)
        torch.testing.assert_close(
            gradient(inputs), torch.autograd.grad(lstm(inputs, [1, 1], state)[0].sum(), inputs)[0]
        )

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_a_gpu_gives_what_the_cpu_gives(self, tiny_config):
        lstm = random_parameters(ProjectedLSTM(tiny_config(cell_size=64, projection_size=16))).requires_grad_(False)
        for lengths in ([9, 7, 7, 2], [30]):
            state = torch.randn(len(lengths), 16), torch.randn(len(lengths), 64)
            arguments = torch.randn(sum(lengths), 16), batch_sizes_of(lengths), state
            expected = lstm.cpu().plain_forward(*arguments)
            output, found = lstm.cuda()(arguments[0].cuda(), arguments[1], tuple(part.cuda() for part in state))
            torch.testing.assert_close((output.cpu(), tuple(part.cpu() for part in found)), expected)


class TestElmoLayer:
    def test_is_zero_outside_the_mask_and_keeps_the_state_of_rows_without_tokens(self, tiny_config):
        layer = random_parameters(ElmoLayer(tiny_config(), layer_idx=1))
        mask = torch.tensor([[True, False, True], [False, False, False]])
        inputs = torch.randn(2, 3, 8) * mask[..., None]
        hidden, cell = torch.randn(2, 2, 4), torch.randn(2, 2, 6)
        output, new_hidden, new_cell = layer(inputs, Packing.from_mask(mask), hidden, cell)
        assert (output[~mask] == 0).all()
        assert (output[mask] != 0).all()
        assert torch.equal(new_hidden[:, 1], hidden[:, 1])
        assert torch.equal(new_cell[:, 1], cell[:, 1])
        assert not torch.equal(new_cell[:, 0], cell[:, 0])

    def test_adds_its_input_from_the_second_layer_on(self, tiny_config):
        first = random_parameters(ElmoLayer(tiny_config(), layer_idx=0))
        second = ElmoLayer(tiny_config(), layer_idx=1)
        second.load_state_dict(first.state_dict())
        inputs, packing = torch.randn(2, 3, 8), Packing.from_mask(torch.ones(2, 3, dtype=torch.bool))
        state = torch.zeros(2, 2, 4), torch.zeros(2, 2, 6)
        without, hidden, _ = first(inputs, packing, *state)
        output, hidden_with, _ = second(inputs, packing, *state)
        torch.testing.assert_close(output, without + inputs)
        # The recurrence does not see the skip connection.
        assert torch.equal(hidden, hidden_with)

    def test_the_skip_connection_sees_the_dropped_input(self, tiny_config):
        layer = ElmoLayer(tiny_config(lstm_dropout=0.5), layer_idx=1)
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
        inputs, packing = torch.rand(2, 3, 8) + 1, Packing.from_mask(torch.ones(2, 3, dtype=torch.bool))
        output = layer(inputs, packing, torch.zeros(2, 2, 4), torch.zeros(2, 2, 6))[0]
        kept = output != 0
        assert 0 < kept.float().mean() < 1
        torch.testing.assert_close(output[kept], 2 * inputs[kept])

    def test_drops_inputs_only_while_its_weights_are_trained(self, tiny_config):
        layer = random_parameters(ElmoLayer(tiny_config(lstm_dropout=0.5), layer_idx=0))
        inputs, packing = torch.randn(2, 3, 8), Packing.from_mask(torch.ones(2, 3, dtype=torch.bool))

        def run():
            return layer(inputs, packing, torch.zeros(2, 2, 4), torch.zeros(2, 2, 6))[0]

        assert not torch.equal(run(), run())
        assert torch.equal(
            layer.requires_grad_(False)(inputs, packing, torch.zeros(2, 2, 4), torch.zeros(2, 2, 6))[0], run()
        )
        layer.requires_grad_(True).eval()
        assert torch.equal(run(), run())
