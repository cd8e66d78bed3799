# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import importlib
import json

import pytest
import transformers
from huggingface_hub.errors import StrictDataclassError
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig

import modeling_elmo
from modeling_elmo import ElmoConfig, ElmoModel
from modeling_elmo.model.configuration_elmo import SELDOM_SET
from modeling_elmo.model.saved_code import AUTO_MAP
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
    character_encoders
    | st.just({"token_input": "words"})
    | st.just({"token_input": "words", "word_embedding_size": 3, "lstm_projection": True})
    | st.just({"token_input": "characters_and_words", "word_embedding_size": 3, "character_unit": "code_point"}),
    st.sampled_from([None, {"batch_size": 128, "unroll_steps": 20, "bidirectional": True}]),
)


class TestValidation:
    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"hidden_size": 100}, "hidden_size=100 and projection_size=512"),
            ({"projection_size": 5000}, "projection_size=5000 and cell_size=4096"),
            ({"token_input": "characters_and_words"}, "word_embedding_size must be set .* got None"),
            ({"word_embedding_size": 3}, "word_embedding_size must be set .* got 3 and 'characters'"),
            ({"word_embedding_size": 0, "token_input": "words"}, "word_embedding_size must be between 1 and"),
            ({"character_unit": "word"}, "character_unit"),
            ({"pad_character_id": 7}, "pad_character_id must be 261 .* got 7"),
            ({"character_unit": "code_point", "character_vocab_size": 10**9}, "character_vocab_size must be between 1"),
            ({"character_unit": "code_point", "character_vocab_size": 9}, "pad_character_id must be between 1 and 8"),
            (
                {"token_input": "words", "word_embedding_size": 3, "tie_word_embeddings": True},
                "tie_word_embeddings requires word_embedding_size=None, got 3",
            ),
            ({"lstm_projection": False}, "lstm_projection=False requires .* got 512 and 4096"),
            ({"character_projection": False}, "character_projection=False requires .* got 2048 and 512"),
            ({"max_characters_per_token": 6}, "got 6 and a filter of width 7"),
            ({"mix_parameters": [1.0]}, "1 values and num_hidden_layers=2"),
            ({"character_vocab_size": 300}, "character_vocab_size must be 262 .* got 300"),
            ({"character_filters": []}, "character_filters must have 1 to 1000 groups, got 0"),
            ({"character_filters": [[1, 0]]}, r"of 1 to 1000000, got \[1, 0\]"),
            ({"character_filters": [[1, 2, 3]]}, r"pairs of 1 to 1000000, got \[1, 2, 3\]"),
            ({"character_filters": [[1, 1], [1, 10**6]]}, "at most 1000000 filters, got 1000001"),
            ({"max_characters_per_token": 2, "character_filters": [[1, 1]]}, "between 3 and 10000, got 2"),
            ({"max_characters_per_token": 10**6}, "between 3 and 10000, got 1000000"),
            ({"projection_clip": 10**400}, "projection_clip must be a positive number or None, got 1000"),
            ({"cell_clip": 0}, "cell_clip must be a positive number or None, got 0"),
            ({"projection_clip": -1.0}, "projection_clip must be a positive number or None, got -1.0"),
            ({"lstm_dropout": 1}, "lstm_dropout must be at least 0 and less than 1, got 1"),
            ({"representation_dropout": -0.1}, "representation_dropout must be at least 0 and less than 1"),
            ({"num_hidden_layers": 0}, "num_hidden_layers must be between 1 and 1000, got 0"),
            ({"num_highway_layers": 10**9}, "num_highway_layers must be between 0 and 1000"),
            ({"num_output_representations": 0}, "num_output_representations must be between 1 and 1000, got 0"),
            ({"cell_size": 10**9}, "cell_size must be between 1 and 1000000"),
            ({"vocab_size": 0}, "vocab_size must be between 1 and"),
            ({"mix_parameters": [float("nan"), 0, 0]}, r"mix_parameters must be finite, got \[nan"),
            ({"mix_parameters": [1e300, 0, 0]}, "mix_parameters must be finite"),
            ({"forget_bias": float("inf")}, r"forget_bias must be finite, got \[inf\]"),
            ({"token_input": "bytes"}, "token_input"),
            ({"word_vector_size": -1}, "word_vector_size must be between 0 and 1000000, got -1"),
            ({"task_lstm_layers": -1}, "task_lstm_layers must be between 0 and 1000, got -1"),
            ({"task_lstm_size": 0}, "task_lstm_size must be between 1 and 1000000, got 0"),
            ({"task_dropout": 1}, "task_dropout must be at least 0 and less than 1, got 1"),
            ({"mix_l2": -0.1}, "mix_l2 must be at least 0 and finite, got -0.1"),
            ({"mix_l2": float("nan")}, "mix_l2 must be at least 0 and finite, got nan"),
            ({"pooling": []}, r"pooling must list one or more .*, got \[\]"),
            ({"pooling": ["max", "max"]}, "pooling must list one or more .* each once"),
            ({"pooling": ["median"]}, "pooling"),
            ({"num_segments": 3}, "num_segments"),
            ({"elmo_at_input": False}, "a task model needs an input"),
            ({"label_scheme": "IO", "use_crf": True}, "label_scheme"),
            ({"num_labels": 2, "id2label": {0: "A"}}, "num_labels=2 and 1 names"),
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

    def test_projections_are_made_on_request_where_sizes_agree(self, tmp_path):
        sizes = {"cell_size": 16, "projection_size": 16, "character_filters": [[1, 16]]}
        assert not any(
            ".projection." in name or "weight_hr" in name for name in ElmoModel(ElmoConfig(**sizes)).state_dict()
        )
        config = ElmoConfig(**sizes, character_projection=True, lstm_projection=True)
        config.save_pretrained(tmp_path)
        names = ElmoModel(ElmoConfig.from_pretrained(tmp_path)).state_dict()
        assert {"character_encoder.projection.weight", "layers.1.backward_lstm.weight_hr"} <= names.keys()

    def test_a_saved_config_lacks_what_only_other_kinds_of_models_set(self, tmp_path):
        ElmoConfig().save_pretrained(tmp_path)
        assert not SELDOM_SET & json.loads((tmp_path / "config.json").read_text()).keys()

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
        ignored = {"transformers_version": None, "_name_or_path": None}
        assert {**loaded.to_dict(), **ignored} == {**config.to_dict(), **ignored}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"projection_size": 128}, "projection_size=128 and cell_size=64"),
            ({"mix_parameters": [0.0]}, "1 values and num_hidden_layers=2"),
            ({"lstm_dropout": 2.0}, "lstm_dropout must be at least 0 and less than 1"),
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
        with pytest.raises(StrictDataclassError, match="1 values and num_hidden_layers=2"):
            modeling_elmo.ElmoModel(config)

    def test_saved_config_names_every_class_for_the_auto_classes(self, tmp_path):
        config = ElmoConfig()
        config.auto_map = {
            "AutoModel": "someone/elmo--modeling_elmo.AnOlderName",
            "AutoModelForCausalLM": "auto_classes.ElmoOfAnEarlierVersion",
        }
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
            module = importlib.import_module(f"modeling_elmo.model.{module_name}")
            assert class_name in module.__all__
            if auto_name not in ("AutoConfig", "AutoTokenizer"):
                model = getattr(transformers, auto_name).from_config(config)
                assert type(model) is getattr(module, class_name)
