# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import transformers
from huggingface_hub.errors import StrictDataclassError
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig

import modeling_elmo
from modeling_elmo import ElmoConfig
from modeling_elmo.model.saved_code import AUTO_MAP
from tests.helpers.original_format import make_options
from tests.test_repository import MODEL_FILES


clips = st.none() | st.floats(0.01, 10) | st.integers(1, 5)

architectures = st.fixed_dictionaries(
    {
        "num_hidden_layers": st.integers(1, 5),
        "cell_size": st.integers(30, 60),
        "projection_size": st.integers(1, 30),
        "cell_clip": clips,
        "projection_clip": clips,
        "use_skip_connections": st.booleans(),
        "lstm_dropout": st.floats(0, 0.9) | st.just(0),
        "vocab_size": st.integers(5, 1_000_000),
    }
)
character_encoders = st.fixed_dictionaries(
    {
        "token_input": st.just("characters"),
        "max_characters_per_token": st.integers(7, 100),
        "character_embedding_size": st.integers(1, 30),
        "character_filters": st.lists(st.tuples(st.integers(1, 7), st.integers(1, 50)).map(list), min_size=1),
        "num_highway_layers": st.integers(0, 3),
        "hidden_act": st.sampled_from(["relu", "tanh"]),
    }
)
configs = st.builds(
    lambda architecture, encoder, training: ElmoConfig(**architecture, **encoder, training_options=training),
    architectures,
    character_encoders | st.just({"token_input": "words"}),
    st.sampled_from([None, {"batch_size": 128, "unroll_steps": 20, "bidirectional": True}]),
)


class TestOptions:
    @given(configs)
    def test_config_comes_back_from_its_options(self, config):
        options = json.loads(json.dumps(config.to_options()))
        assert ElmoConfig.from_options(options).to_dict() == config.to_dict()

    def test_options_of_training_come_back_but_for_the_padding_character(self):
        options = make_options(
            n_characters=261, n_tokens_vocab=793471, dropout=0.1, bidirectional=True, unroll_steps=20, n_gpus=3
        )
        expected = {**options, "char_cnn": {**options["char_cnn"], "n_characters": 262}}
        config = ElmoConfig.from_options(options)
        assert config.to_options() == expected
        assert config.lstm_dropout == 0.1
        assert config.vocab_size == 793471 + 2
        assert config.pad_token_id == 793471

    def test_missing_options_are_off(self):
        options = make_options(n_layers=None, use_skip_connections=None, cell_clip=None, proj_clip=None, n_highway=None)
        config = ElmoConfig.from_options(options)
        assert (config.num_hidden_layers, config.use_skip_connections, config.num_highway_layers) == (1, False, 0)
        assert (config.cell_clip, config.projection_clip) == (None, None)

    def test_without_a_character_cnn_words_are_read(self):
        assert ElmoConfig.from_options(make_options(reads_words=True)).token_input == "words"

    def test_keyword_arguments_win(self):
        assert not ElmoConfig.from_options(make_options(), freeze_bilm=False).freeze_bilm

    def test_another_forget_bias_has_no_original_form(self):
        with pytest.raises(ValueError, match="forget_bias is always 1.0: found 0.5"):
            ElmoConfig(forget_bias=0.5).to_options()

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            (("lstm",), None, "lstm: expected a section .* found null"),
            (("char_cnn",), [], r"char_cnn: expected a section .* found \[\]"),
            (("lstm", "dim"), "many", "lstm.dim: expected an integer between .* found 'many'"),
            (("lstm", "dim"), None, "lstm.dim: expected an integer .* found null"),
            (("lstm", "dim"), True, "lstm.dim: expected an integer .* found True"),
            (("lstm", "dim"), 10**30, "lstm.dim: expected an integer .* found 1000"),
            (("lstm", "projection_dim"), -3, "lstm.projection_dim: expected an integer .* found -3"),
            (("lstm", "cell_clip"), "3", "lstm.cell_clip: expected a number, found '3'"),
            (("lstm", "proj_clip"), float("nan"), "lstm.proj_clip: expected a number, found nan"),
            (("lstm", "use_skip_connections"), 1, "lstm.use_skip_connections: expected true or false, found 1"),
            (("char_cnn", "n_characters"), 256, "char_cnn.n_characters: expected 261 .* 262 .* found 256"),
            (("char_cnn", "filters"), [[1, 2, 3]], "char_cnn.filters: expected a list of"),
            (("char_cnn", "filters"), None, "char_cnn.filters: expected a list of .* found null"),
            (("char_cnn", "activation"), "gelu", "char_cnn.activation: expected .* found 'gelu'"),
            (("char_cnn", "embedding"), {}, "char_cnn.embedding.dim: expected an integer"),
            (("n_tokens_vocab",), "x", "n_tokens_vocab: expected an integer"),
            (("dropout",), "x", "dropout: expected a number"),
            (("bidirectional",), False, "bidirectional: a unidirectional model has no backward LSTM"),
        ],
    )
    def test_refuses_what_an_option_can_not_be(self, path, value, message):
        options = make_options()
        section = options
        for name in path[:-1]:
            section = section[name]
        section[path[-1]] = value
        with pytest.raises(ValueError, match=message):
            ElmoConfig.from_options(options)

    def test_refuses_a_missing_section(self):
        with pytest.raises(ValueError, match="lstm: this section is missing"):
            ElmoConfig.from_options({"char_cnn": {}})
        with pytest.raises(ValueError, match="options: expected a JSON object"):
            ElmoConfig.from_options([])


class TestValidation:
    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"hidden_size": 100}, "hidden_size=100 and projection_size=512"),
            ({"projection_size": 5000}, "projection_size=5000 and cell_size=4096"),
            ({"max_characters_per_token": 6}, "width 7 and max_characters_per_token=6"),
            ({"mix_parameters": [1.0]}, "1 numbers and num_hidden_layers=2"),
            ({"character_vocab_size": 300}, "character_vocab_size is 262 .* found 300"),
            ({"character_filters": []}, "character_filters has 1 to 1000 groups: found 0"),
            ({"character_filters": [[1, 0]]}, r"positive sizes: found \[1, 0\]"),
            ({"character_filters": [[1, 2, 3]]}, r"pairs of positive sizes: found \[1, 2, 3\]"),
            ({"character_filters": [[1, 1], [1, 10**6]]}, "at most 1000000 filters: found 1000001"),
            ({"max_characters_per_token": 2, "character_filters": [[1, 1]]}, "between 3 and 10000: found 2"),
            ({"max_characters_per_token": 10**6}, "between 3 and 10000: found 1000000"),
            ({"projection_clip": 10**400}, "projection_clip is a positive number or None: found 1000"),
            ({"cell_clip": 0}, "cell_clip is a positive number or None: found 0"),
            ({"projection_clip": -1.0}, "projection_clip is a positive number or None: found -1.0"),
            ({"lstm_dropout": 1}, "lstm_dropout is a probability below 1: found 1"),
            ({"representation_dropout": -0.1}, "representation_dropout is a probability"),
            ({"num_hidden_layers": 0}, "num_hidden_layers is between 1 and 1000: found 0"),
            ({"num_highway_layers": 10**9}, "num_highway_layers is between 0 and 1000"),
            ({"num_output_representations": 0}, "num_output_representations is between 1 and 1000: found 0"),
            ({"cell_size": 10**9}, "cell_size is between 1 and 1000000"),
            ({"vocab_size": 0}, "vocab_size is between 1 and"),
            ({"mix_parameters": [float("nan"), 0, 0]}, r"mix_parameters: expected finite numbers, found \[nan"),
            ({"mix_parameters": [1e300, 0, 0]}, "mix_parameters: expected finite numbers"),
            ({"forget_bias": float("inf")}, r"forget_bias: expected finite numbers, found \[inf\]"),
            ({"token_input": "bytes"}, "token_input"),
            ({"word_vector_size": -1}, "word_vector_size is between 0 and 1000000: found -1"),
            ({"task_lstm_layers": -1}, "task_lstm_layers is between 0 and 1000: found -1"),
            ({"task_lstm_size": 0}, "task_lstm_size is between 1 and 1000000: found 0"),
            ({"task_dropout": 1}, "task_dropout is a probability below 1: found 1"),
            ({"mix_l2": -0.1}, "mix_l2 is a number of at least 0: found -0.1"),
            ({"mix_l2": float("nan")}, "mix_l2 is a number of at least 0: found nan"),
            ({"pooling": []}, r"pooling has one or several .*: found \[\]"),
            ({"pooling": ["max", "max"]}, "pooling has one or several .* each once"),
            ({"pooling": ["median"]}, "pooling"),
            ({"num_segments": 3}, "num_segments"),
            ({"elmo_at_input": False}, "elmo_at_input=False and word_vector_size=0"),
            ({"label_scheme": "BIO"}, "label_scheme needs use_crf=True"),
            ({"label_scheme": "IO", "use_crf": True}, "label_scheme"),
            ({"num_labels": 2, "id2label": {0: "A"}}, "num_labels=2 and id2label with 1 labels"),
            ({"hidden_act": "gelu"}, "hidden_act"),
            ({"cell_size": "4096"}, "cell_size"),
        ],
    )
    def test_refuses_contradictions_and_impossible_values(self, kwargs, message):
        with pytest.raises((ValueError, StrictDataclassError), match=message):
            ElmoConfig(**kwargs)

    def test_whole_numbers_serve_as_probabilities_and_clips(self):
        config = ElmoConfig(lstm_dropout=0, representation_dropout=0, cell_clip=3, forget_bias=1)
        assert config.cell_clip == 3

    def test_hidden_size_follows_the_projection(self):
        config = ElmoConfig(projection_size=64, hidden_size=128)
        assert config.hidden_size == 128
        config.projection_size = 32
        assert config.hidden_size == 64

    def test_defaults_are_those_of_the_original_model(self):
        config = ElmoConfig()
        expected = {
            "vocab_size": 5,
            "token_input": "characters",
            "character_vocab_size": 262,
            "max_characters_per_token": 50,
            "character_embedding_size": 16,
            "character_filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]],
            "num_highway_layers": 2,
            "hidden_act": "relu",
            "num_hidden_layers": 2,
            "cell_size": 4096,
            "projection_size": 512,
            "cell_clip": 3.0,
            "projection_clip": 3.0,
            "use_skip_connections": True,
            "forget_bias": 1.0,
            "lstm_dropout": 0.0,
            "num_output_representations": 1,
            "mix_layer_norm": False,
            "mix_parameters": None,
            "representation_dropout": 0.5,
            "freeze_bilm": True,
            "elmo_at_input": True,
            "elmo_at_output": False,
            "mix_l2": 0.001,
            "word_vector_size": 0,
            "freeze_word_vectors": True,
            "task_lstm_layers": 1,
            "task_lstm_size": 200,
            "task_dropout": 0.5,
            "pooling": ["attention", "max", "mean"],
            "num_segments": 1,
            "use_crf": False,
            "label_scheme": None,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 3,
        }
        assert {name: getattr(config, name) for name in expected} == expected


class TestSaving:
    @given(configs)
    def test_dictionary_round_trip(self, config):
        assert ElmoConfig(**config.to_dict()).to_dict() == config.to_dict()

    def test_saved_config_loads_through_auto_config(self, tmp_path):
        config = ElmoConfig(cell_size=64, projection_size=16, mix_parameters=[0, 1.5, 2], cell_clip=None)
        config.save_pretrained(tmp_path)
        loaded = AutoConfig.from_pretrained(tmp_path)
        assert type(loaded) is ElmoConfig
        place = {"transformers_version": None, "_name_or_path": None}
        assert {**loaded.to_dict(), **place} == {**config.to_dict(), **place}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"projection_size": 128}, "projection_size=128 and cell_size=64"),
            ({"mix_parameters": [0.0]}, "1 numbers and num_hidden_layers=2"),
            ({"lstm_dropout": 2.0}, "lstm_dropout is a probability"),
            ({"hidden_size": 100}, "hidden_size=100 and projection_size=16"),
        ],
    )
    def test_fields_changed_on_loading_are_checked_together(self, tmp_path, change, message):
        ElmoConfig(cell_size=64, projection_size=16).save_pretrained(tmp_path)
        for auto_class in (ElmoConfig, AutoConfig):
            with pytest.raises((ValueError, StrictDataclassError), match=message):
                auto_class.from_pretrained(tmp_path, **change)
        assert AutoConfig.from_pretrained(tmp_path, projection_size=8).hidden_size == 16

    def test_fields_changed_later_are_checked_by_the_model(self):
        config = ElmoConfig(cell_size=64, projection_size=16)
        config.mix_parameters = [0.0]
        with pytest.raises(StrictDataclassError, match="1 numbers and num_hidden_layers=2"):
            modeling_elmo.ElmoModel(config)

    def test_saved_config_names_every_class_for_the_auto_classes(self, tmp_path):
        config = ElmoConfig()
        config.auto_map = {"AutoModel": "someone/elmo--modeling_elmo.AnOlderName"}
        config.save_pretrained(tmp_path)
        assert json.loads((tmp_path / "config.json").read_text())["auto_map"] == AUTO_MAP

    def test_saved_config_keeps_classes_of_others(self, tmp_path):
        config = ElmoConfig()
        config.auto_map = {"AutoModelForCausalLM": "my_head.MyHead"}
        config.save_pretrained(tmp_path)
        stored = json.loads((tmp_path / "config.json").read_text())["auto_map"]
        assert stored == {**AUTO_MAP, "AutoModelForCausalLM": "my_head.MyHead"}

    def test_code_of_every_class_named_lies_beside_a_saved_config(self, tmp_path):
        ElmoConfig().save_pretrained(tmp_path)
        assert {path.stem for path in tmp_path.glob("*.py")} == set(MODEL_FILES)

    def test_every_class_named_is_the_one_registered(self):
        config = ElmoConfig(cell_size=4, projection_size=2, character_filters=[[1, 2]])
        for auto_name, reference in AUTO_MAP.items():
            module_name, class_name = (reference if isinstance(reference, str) else reference[0]).split(".")
            module = getattr(modeling_elmo, module_name)
            assert class_name in module.__all__
            if auto_name not in ("AutoConfig", "AutoTokenizer"):
                model = getattr(transformers, auto_name).from_config(config)
                assert type(model) is getattr(module, class_name)
