# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`weights.hdf5`: read and written bit for bit; any other content is refused by name."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings

from modeling_elmo import ElmoModel
from modeling_elmo.conversion_scripts.options_json import config_from_options
from modeling_elmo.conversion_scripts.weights_hdf5 import read_weights, weight_table, write_weights
from modeling_elmo.files.errors import ElmoFormatError
from tests.helpers.original_format import make_options, make_weights, read_hdf5, write_hdf5
from tests.helpers.variants import options_of_every_kind


CELL = "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell"


def assert_same_bits(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype == np.float32
        assert found[name].shape == values.shape
        assert found[name].tobytes() == values.tobytes(), name


@settings(max_examples=40)
@given(options_of_every_kind())
@example(make_options(dim=4, projection_dim=4, filters=[(1, 4)], n_highway=None, n_layers=None))
def test_models_of_every_kind_come_back_bit_for_bit(tmp_path_factory, options):
    config = config_from_options(options, vocab_size=8)
    weights = make_weights(options, num_words=6)
    directory = tmp_path_factory.mktemp("weights")
    write_hdf5(directory / "weights.hdf5", weights)
    parameters = read_weights(directory / "weights.hdf5", config, num_words=6)
    write_weights(directory / "written.hdf5", config, parameters, num_words=6)
    assert_same_bits(read_hdf5(directory / "written.hdf5"), weights)


@settings(max_examples=30)
@given(options_of_every_kind())
def test_the_table_lists_each_parameter_of_the_model_once_and_each_dataset_of_the_file(options):
    config = config_from_options(options, vocab_size=6)
    with torch.device("meta"):
        model = ElmoModel(config)
    table = weight_table(config, num_words=6)
    listed = [name for dataset in table for name in dataset.parameters]
    assert len(listed) == len(set(listed))
    assert set(listed) == {name for name in model.state_dict() if not name.startswith("scalar_mixes.")}
    expected = {name: values.shape for name, values in make_weights(options, num_words=6).items()}
    assert {dataset.name: dataset.shape for dataset in table} == expected


def test_extreme_and_subnormal_numbers_and_minus_zero_come_back_bit_for_bit(tmp_path):
    options = make_options()
    config, weights = config_from_options(options), make_weights(options)
    numbers = np.array([-0.0, 1e-45, -1e-40, 1.1754944e-38, 3.4028235e38, -3.4028235e38], np.float32)
    for values in weights.values():
        values.flat[: min(6, values.size)] = numbers[: min(6, values.size)]
    write_hdf5(tmp_path / "weights.hdf5", weights)
    parameters = read_weights(tmp_path / "weights.hdf5", config)
    write_weights(tmp_path / "written.hdf5", config, parameters)
    assert_same_bits(read_hdf5(tmp_path / "written.hdf5"), weights)


def test_gates_are_in_the_order_of_torch(tmp_path):
    options = make_options(dim=2, projection_dim=1)
    weights = make_weights(options)
    weights[f"{CELL}/B"] = np.arange(8, dtype=np.float32)  # input, new memory, forget, output: two of each
    write_hdf5(tmp_path / "weights.hdf5", weights)
    parameters = read_weights(tmp_path / "weights.hdf5", config_from_options(options))
    assert parameters["layers.0.forward_lstm.bias"].tolist() == [0, 1, 4, 5, 2, 3, 6, 7]


def test_row_of_padding_positions_is_zero(source):
    parameters = read_weights(source / "weights.hdf5", config_from_options(make_options()))
    weight = parameters["character_encoder.character_embedding.weight"]
    assert weight.shape == (262, 4)
    assert not weight[0].any()


class TestSingleLayer:
    """bilm-tf's training writes the one layer of a model without `MultiRNNCell/Cell0`."""

    @pytest.fixture
    def options(self):
        return make_options(n_layers=1)

    @pytest.fixture
    def weights(self, options):
        return {name.replace("MultiRNNCell/Cell0/", ""): values for name, values in make_weights(options).items()}

    def test_name_of_training_is_read(self, tmp_path, options, weights):
        config = config_from_options(options)
        write_hdf5(tmp_path / "training.hdf5", weights)
        write_hdf5(tmp_path / "inference.hdf5", make_weights(options))
        found = read_weights(tmp_path / "training.hdf5", config)
        expected = read_weights(tmp_path / "inference.hdf5", config)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        write_weights(tmp_path / "written.hdf5", config, found)
        assert_same_bits(read_hdf5(tmp_path / "written.hdf5"), make_weights(options))

    def test_both_names_at_once(self, tmp_path, options, weights):
        write_hdf5(tmp_path / "weights.hdf5", {**make_weights(options), **weights})
        with pytest.raises(ElmoFormatError, match="Cell0/LSTMCell/B: this layer occurs twice"):
            read_weights(tmp_path / "weights.hdf5", config_from_options(options))

    def test_one_dataset_missing(self, tmp_path, options, weights):
        del weights["RNN_1/RNN/LSTMCell/B"]
        write_hdf5(tmp_path / "weights.hdf5", weights)
        with pytest.raises(ElmoFormatError, match=r"RNN_1/RNN/LSTMCell/B: missing; expected shape \(48,\)"):
            read_weights(tmp_path / "weights.hdf5", config_from_options(options))

    def test_of_a_model_of_two_layers(self, tmp_path, weights):
        write_hdf5(tmp_path / "weights.hdf5", weights)
        with pytest.raises(
            ElmoFormatError, match="RNN_0/RNN/LSTMCell: not part of the model that the options describe"
        ):
            read_weights(tmp_path / "weights.hdf5", config_from_options(make_options(n_layers=2)))


class TestMissingAndExtra:
    @pytest.mark.parametrize("name", list(make_weights(make_options())))
    def test_each_dataset_is_needed(self, change_weights, refuses, name):
        change_weights(lambda file: file.__delitem__(name))
        refuses(f"weights.hdf5: {name}: missing; expected shape {make_weights(make_options())[name].shape}")

    def test_missing_group(self, change_weights, refuses):
        change_weights(lambda file: file.__delitem__("RNN_1"))
        refuses("weights.hdf5: RNN_1/RNN/MultiRNNCell/Cell0/LSTMCell/W_0: missing; expected shape (10, 48)")

    def test_extra_dataset(self, change_weights, refuses):
        change_weights(lambda file: file.create_dataset("CNN/W_cnn_3", data=np.zeros(3, np.float32)))
        refuses("weights.hdf5: CNN/W_cnn_3: not part of the model that the options describe")

    def test_extra_empty_group(self, change_weights, refuses):
        change_weights(lambda file: file.create_group("Adagrad"))
        refuses("weights.hdf5: Adagrad: not part of the model that the options describe")

    def test_layer_that_the_options_do_not_know(self, change_options, refuses):
        change_options(lambda options: options["lstm"].update(n_layers=1))
        refuses("weights.hdf5: RNN_0/RNN/MultiRNNCell/Cell1: not part of the model that the options describe")

    def test_layer_that_only_the_options_know(self, change_options, refuses):
        change_options(lambda options: options["lstm"].update(n_layers=3))
        refuses("weights.hdf5: RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/W_0: missing; expected shape (10, 48)")

    def test_projection_without_use(self, change_options, refuses):
        change_options(lambda options: options["char_cnn"].update(filters=[[1, 2], [2, 3]]))
        refuses("not part of the model that the options describe")


class TestValues:
    @pytest.mark.parametrize("name", ["char_embed", "CNN/W_cnn_1", "CNN_high_0/b_carry", f"{CELL}/W_P_0"])
    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
    def test_not_finite(self, change_weights, refuses, name, number):
        def change(file):
            file[name][(0,) * file[name].ndim] = number

        change_weights(change)
        refuses(f"weights.hdf5: {name}: expected finite values, found NaN or infinity")

    @pytest.mark.parametrize("shape", [(4, 261), (262, 4), (261, 5), (1, 261, 4), (1044,), (0, 4)])
    def test_wrong_shape(self, change_weights, refuses, shape):
        def change(file):
            del file["char_embed"]
            file["char_embed"] = np.zeros(shape, np.float32)

        change_weights(change)
        refuses(f"weights.hdf5: char_embed: expected shape (261, 4), found {shape}")

    @pytest.mark.parametrize(
        ("dtype", "found"),
        [
            ("f8", "float64"),
            ("f2", "float16"),
            ("i4", "int32"),
            ("u1", "uint8"),
            ("?", "bool"),
            ("c8", "complex64"),
            ("S4", "|S4"),
            ([("x", "f4")], "[('x', '<f4')]"),
            (("f4", (2,)), "('<f4', (2,))"),
        ],
    )
    def test_wrong_type(self, change_weights, refuses, dtype, found):
        def change(file):
            del file["char_embed"]
            file.create_dataset("char_embed", (261, 4), np.dtype(dtype))

        change_weights(change)
        refuses(f"weights.hdf5: char_embed: expected float32, found {found}")

    def test_text_of_any_length(self, change_weights, refuses):
        def change(file):
            del file["char_embed"]
            file["char_embed"] = np.full((261, 4), "text", dtype=object)

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected float32, found object")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_model_that_is_not_finite_is_not_written(tmp_path, number):
    config = config_from_options(make_options())
    model = ElmoModel(config)
    with torch.no_grad():
        model.layers[1].backward_lstm.bias[0] = number
    with pytest.raises(ElmoFormatError, match=r"layers\.1\.backward_lstm\.bias: expected finite values"):
        write_weights(tmp_path / "weights.hdf5", config, model.state_dict())
