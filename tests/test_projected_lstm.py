# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from modeling_elmo.projected_lstm import ElmoLayer, Packing, ProjectedLSTM


def random_parameters(module, scale=0.5):
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=scale)
    return module


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


class TestProjectedLSTM:
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
