# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from huggingface_hub.errors import StrictDataclassError
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo import ElmoConfig
from modeling_elmo.conversion_scripts.options_json import (
    config_from_options,
    options_of_config,
    read_options,
    write_options,
)
from modeling_elmo.files.errors import ElmoFormatError
from tests.helpers.original_format import make_options
from tests.helpers.variants import options_of_every_kind
from tests.model.test_configuration_elmo import configs


class TestConfig:
    @given(configs.filter(lambda config: config.word_embedding_size is None))
    def test_config_comes_back_from_its_options(self, config):
        options = json.loads(json.dumps(options_of_config(config)))
        assert config_from_options(options).to_dict() == config.to_dict()

    def test_options_of_training_come_back_but_for_the_padding_character(self):
        options = make_options(
            n_characters=261, n_tokens_vocab=793471, dropout=0.1, bidirectional=True, unroll_steps=20, n_gpus=3
        )
        expected = {**options, "char_cnn": {**options["char_cnn"], "n_characters": 262}}
        config = config_from_options(options)
        assert options_of_config(config) == expected
        assert config.lstm_dropout == 0.1
        assert config.vocab_size == 793471 + 2
        assert config.pad_token_id == 793471

    def test_missing_options_are_off(self):
        options = make_options(n_layers=None, use_skip_connections=None, cell_clip=None, proj_clip=None, n_highway=None)
        config = config_from_options(options)
        assert (config.num_hidden_layers, config.use_skip_connections, config.num_highway_layers) == (1, False, 0)
        assert (config.cell_clip, config.projection_clip) == (None, None)

    def test_without_a_character_cnn_words_are_read(self):
        assert config_from_options(make_options(reads_words=True)).token_input == "words"

    def test_keyword_arguments_win(self):
        assert not config_from_options(make_options(), freeze_bilm=False).freeze_bilm

    def test_another_forget_bias_has_no_original_form(self):
        with pytest.raises(ValueError, match="forget_bias is always 1.0, found 0.5"):
            options_of_config(ElmoConfig(forget_bias=0.5))

    def test_refuses_what_is_not_finite(self):
        with pytest.raises(StrictDataclassError, match="projection_clip must be a positive number or None, got nan"):
            config_from_options(make_options(proj_clip=float("nan")))


class TestFile:
    def write(self, source, content):
        (source / "options.json").write_bytes(content)

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"lstm: {dim: 3}", b"\xff\xfe\x00", b'{"lstm": {}} x', b"\x89HDF\r\n\x1a\n", b"{'a': 1}"]
    )
    def test_not_json(self, source, refuses, content):
        self.write(source, content)
        refuses("options.json: not a valid JSON file: ")

    @pytest.mark.parametrize("content", ["[]", "3", "null", '"lstm"', "true"])
    def test_not_an_object(self, source, refuses, content):
        self.write(source, content.encode())
        refuses("options.json: expected a JSON object, found")

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_number_that_json_has_not(self, source, refuses, number):
        # One that the config would carry along to its own JSON file.
        text = (source / "options.json").read_text()
        self.write(source, (text[:-1] + f', "all_clip_norm_val": {number}}}').encode())
        refuses("options.json: Out of range float values are not JSON compliant")

    @pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
    @pytest.mark.parametrize("depth", [20, 500, 100_000])
    def test_deep_nesting(self, source, refuses, left, right, depth):
        text = (source / "options.json").read_text()
        self.write(source, (text[:-1] + f', "x": {left * depth}1{right * depth}}}').encode())
        refuses("options.json: ")

    def test_integer_of_thousands_of_digits(self, source, refuses):
        text = (source / "options.json").read_text()
        self.write(source, (text[:-1] + f', "x": {"9" * 5000}}}').encode())
        refuses("options.json: not a valid JSON file: Exceeds the limit")

    def test_too_long(self, source, refuses):
        self.write(source, b" " * 10_000_001)
        refuses("options.json: expected at most 10000000 bytes, found 10000001")

    def test_long_list_is_not_quoted_in_full(self, source, change_options, refuses):
        change_options(lambda options: options["char_cnn"].update(filters=["x"] * 100_000))
        refuses("options.json: Invalid item at index 0 in list 'char_cnn.filters'")

    def test_byte_order_mark_is_read(self, source):
        text = (source / "options.json").read_text()
        expected = read_options(source / "options.json")[0].to_dict()
        self.write(source, text.encode("utf-8-sig"))
        assert read_options(source / "options.json")[0].to_dict() == expected


class TestSections:
    @pytest.mark.parametrize("name", ["lstm"])
    def test_missing(self, change_options, refuses, name):
        change_options(lambda options: options.pop(name))
        refuses("options.json: lstm: expected a section (a JSON object), found None")

    def test_missing_embedding(self, change_options, refuses):
        change_options(lambda options: options["char_cnn"].pop("embedding"))
        refuses("options.json: embedding: expected a section (a JSON object), found None")

    @pytest.mark.parametrize("value", [[], 3, "x"])
    def test_not_an_object(self, change_options, refuses, value):
        change_options(lambda options: options.update(char_cnn=value))
        refuses("options.json: char_cnn: expected a section (a JSON object), found")

    @pytest.mark.parametrize(
        "change", [lambda options: options.pop("char_cnn"), lambda options: options.update(char_cnn=None)]
    )
    def test_missing_char_cnn_makes_a_model_that_reads_words(self, change_options, refuses, change):
        # Then the weights of the CNN have no place.
        change_options(change)
        refuses("weights.hdf5: CNN: not part of the model that the options describe")


NOT_SIZES = [None, "5", 5.0, True, [], {}, -1, 10**9, 10**300]


def refusal(name, value, least, most):
    """How the config refuses a size, under the name of the option."""
    if type(value) is int:
        return f"{name} must be between {least} and {most}, got {value}"
    return f"Field '{name}' expected int, got {type(value).__name__}"


class TestSizes:
    @pytest.mark.parametrize("name", ["dim", "projection_dim"])
    @pytest.mark.parametrize("value", NOT_SIZES)
    def test_of_the_lstm(self, change_options, refuses, name, value):
        change_options(lambda options: options["lstm"].update({name: value}))
        refuses(f"options.json: {refusal(f'lstm.{name}', value, 1, 1_000_000)}")

    @pytest.mark.parametrize("value", NOT_SIZES)
    def test_of_a_word(self, change_options, refuses, value):
        change_options(lambda options: options["char_cnn"].update(max_characters_per_token=value))
        refuses(f"options.json: {refusal('char_cnn.max_characters_per_token', value, 3, 10_000)}")

    @pytest.mark.parametrize(
        ("section", "name", "value", "message"),
        [
            ("lstm", "dim", 0, "lstm.dim must be between 1 and 1000000, got 0"),
            ("lstm", "dim", 1_000_001, "lstm.dim must be between 1 and 1000000, got 1000001"),
            ("lstm", "projection_dim", 0, "lstm.projection_dim must be between 1 and 1000000, got 0"),
            (
                "lstm",
                "projection_dim",
                13,
                "lstm.projection_dim must not exceed lstm.dim, got lstm.projection_dim=13 and",
            ),
            ("lstm", "n_layers", 0, "lstm.n_layers must be between 1 and 1000, got 0"),
            ("lstm", "n_layers", 10_000_000, "lstm.n_layers must be between 1 and 1000, got 10000000"),
            ("lstm", "n_layers", "2", "Field 'lstm.n_layers' expected int, got str"),
            ("lstm", "cell_clip", "3", "Field 'lstm.cell_clip' with value '3' doesn't match any type"),
            ("lstm", "cell_clip", True, "Field 'lstm.cell_clip' with value True doesn't match any type"),
            ("lstm", "cell_clip", 0, "lstm.cell_clip must be a positive number or None, got 0"),
            ("lstm", "cell_clip", 10**400, "lstm.cell_clip must be a positive number or None, got 1000000"),
            ("lstm", "cell_clip", 1e39, "lstm.cell_clip must be a positive number or None, got 1e+39"),
            ("lstm", "proj_clip", -3, "lstm.proj_clip must be a positive number or None, got -3"),
            ("lstm", "use_skip_connections", 1, "Field 'lstm.use_skip_connections' expected bool, got int"),
            ("char_cnn", "n_highway", -1, "char_cnn.n_highway must be between 0 and 1000, got -1"),
            ("char_cnn", "n_highway", 1001, "char_cnn.n_highway must be between 0 and 1000, got 1001"),
            (
                "char_cnn",
                "activation",
                "gelu",
                "Field 'char_cnn.activation' expected one of ('relu', 'tanh'), got gelu",
            ),
            ("char_cnn", "activation", None, "Field 'char_cnn.activation' expected one of ('relu', 'tanh'), got None"),
            (
                "char_cnn",
                "activation",
                ["relu"],
                "Field 'char_cnn.activation' expected one of ('relu', 'tanh'), got ['relu']",
            ),
            ("char_cnn", "embedding", {"dim": 0}, "char_cnn.embedding.dim must be between 1 and 1000000, got 0"),
            ("char_cnn", "embedding", {"dim": "4"}, "Field 'char_cnn.embedding.dim' expected int, got str"),
            (
                "char_cnn",
                "max_characters_per_token",
                2,
                "char_cnn.max_characters_per_token must be between 3 and 10000, got 2",
            ),
            (
                "char_cnn",
                "filters",
                [[60, 2]],
                "char_cnn.max_characters_per_token must not be less than the widest filter",
            ),
            ("char_cnn", "filters", None, "Field 'char_cnn.filters' expected a list, got NoneType"),
            ("char_cnn", "filters", [[1, 2, 3]], "char_cnn.filters must be [width, number] pairs of 1 to 1000000"),
            ("char_cnn", "filters", [[1, True]], "Invalid item at index 0 in list 'char_cnn.filters'"),
            ("char_cnn", "filters", {"1": 4}, "Field 'char_cnn.filters' expected a list, got dict"),
            ("char_cnn", "filters", [], "char_cnn.filters must have 1 to 1000 groups, got 0"),
            ("char_cnn", "filters", [[1, 1]] * 1001, "char_cnn.filters must have 1 to 1000 groups, got 1001"),
            ("char_cnn", "filters", [[0, 4]], "char_cnn.filters must be [width, number] pairs of 1 to 1000000"),
            ("char_cnn", "filters", [[1, -4]], "char_cnn.filters must be [width, number] pairs of 1 to 1000000"),
            ("char_cnn", "filters", [[1, 10**300]], "char_cnn.filters must be [width, number] pairs of 1 to 1000000"),
            (
                "char_cnn",
                "filters",
                [[51, 4]],
                "char_cnn.max_characters_per_token must not be less than the widest filter, got 50 and a ",
            ),
            ("char_cnn", "filters", [[1, 10**6], [2, 1]], "char_cnn.filters must have at most 1000000 filters"),
        ],
    )
    def test_absurd(self, change_options, refuses, section, name, value, message):
        change_options(lambda options: options[section].update({name: value}))
        refuses(f"options.json: {message}")

    @pytest.mark.parametrize("value", [260, 263, 0, -1, 262.0, "262", None, True])
    def test_number_of_characters(self, change_options, refuses, value):
        change_options(lambda options: options["char_cnn"].update(n_characters=value))
        refuses(
            "options.json: char_cnn.n_characters must be 262"
            if type(value) is int
            else f"options.json: Field 'char_cnn.n_characters' expected int, got {type(value).__name__}"
        )

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("n_tokens_vocab", "8", "Field 'n_tokens_vocab' expected int, got str"),
            ("n_tokens_vocab", 10**12, "n_tokens_vocab must be between 1 and 100000000, got 1000000000002"),
            ("n_tokens_vocab", 10**8, "n_tokens_vocab must be between 1 and 100000000, got 100000002"),
            ("dropout", 1, "dropout must be at least 0 and less than 1, got 1"),
            ("dropout", -0.1, "dropout must be at least 0 and less than 1, got -0.1"),
            ("dropout", "0.1", "Field 'dropout' with value '0.1' doesn't match any type"),
            ("bidirectional", False, "bidirectional: a unidirectional model has no backward LSTM; expected true"),
            ("bidirectional", 0, "bidirectional: expected true or false, found 0"),
            ("bidirectional", 1, "bidirectional: expected true or false, found 1"),
            ("share_embedding_softmax", "false", "share_embedding_softmax: expected true or false, found 'false'"),
        ],
    )
    def test_of_training(self, change_options, refuses, name, value, message):
        change_options(lambda options: options.update({name: value}))
        refuses(f"options.json: {message}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)
PLACES = [
    *[("lstm", name) for name in make_options()["lstm"]],
    *[("char_cnn", name) for name in make_options()["char_cnn"]],
    *[(name,) for name in ("lstm", "char_cnn", "bidirectional", "n_tokens_vocab", "dropout", "anything")],
]


@given(st.sampled_from(PLACES), json_values)
def test_any_value_in_any_place_is_either_read_or_refused_by_one_line(tmp_path_factory, place, value):
    options = make_options()
    section = options
    for name in place[:-1]:
        section = section[name]
    section[place[-1]] = value
    path = tmp_path_factory.mktemp("options") / "options.json"
    path.write_text(json.dumps(options))
    try:
        read_options(path)
    except ElmoFormatError as error:
        message = str(error)
    else:
        return
    assert message.startswith("options.json: ")


@given(options_of_every_kind(bidirectional=True, unroll_steps=20, dropout=0.1), st.integers(0, 10**6))
def test_options_come_back_with_defaults_made_explicit(tmp_path_factory, options, num_words):
    path = tmp_path_factory.mktemp("options") / "options.json"
    path.write_text(json.dumps(options))
    config, stated = read_options(path)
    assert stated is None
    write_options(path, config, num_words)
    assert json.loads(path.read_text()) == with_defaults(options, num_words)
    again, stated = read_options(path)
    assert stated == num_words
    assert {**again.to_dict(), "vocab_size": 0, "pad_token_id": 0} == {
        **config.to_dict(),
        "vocab_size": 0,
        "pad_token_id": 0,
    }


def with_defaults(options, num_words):
    """The options as the inference code needs them: all there, and with the padding character counted."""
    options = json.loads(json.dumps(options))
    lstm = {"n_layers": 1, "use_skip_connections": False, "cell_clip": None, "proj_clip": None}
    options["lstm"] = {**lstm, **options["lstm"]}
    if "char_cnn" in options:
        options["char_cnn"] = {"n_highway": 0, **options["char_cnn"], "n_characters": 262}
    return {"dropout": 0.0, **options, "n_tokens_vocab": num_words}


def test_what_the_original_code_has_no_option_for_is_not_written(tmp_path):
    with pytest.raises(ElmoFormatError, match=r"options.json: the original code's forget_bias is always 1.0, found 0"):
        write_options(tmp_path / "options.json", ElmoConfig(forget_bias=0), 3)
    config = ElmoConfig(training_options={"learning_rate": float("nan")})
    with pytest.raises(ElmoFormatError, match=r"options.json: Out of range float values"):
        write_options(tmp_path / "options.json", config, 3)
    assert not list(tmp_path.iterdir())
