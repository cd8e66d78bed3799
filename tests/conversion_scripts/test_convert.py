# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original files to a model directory: what is made of them, and what happens when it fails."""

import errno
import importlib
import json
import sys

import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoTokenizer

from modeling_elmo import ElmoModel
from modeling_elmo.conversion_scripts import ElmoFormatError, OriginalFiles, convert, original_hdf5
from modeling_elmo.conversion_scripts.weights_hdf5 import read_weights
from modeling_elmo.model.saved_code import AUTO_MAP
from tests.helpers.original_format import make_options, make_weights, write_model
from tests.helpers.variants import options_of_every_kind
from tests.test_repository import MODEL_FILES

from .conftest import WORDS, contents


# The package's attribute of this name is the function.
CONVERT = sys.modules["modeling_elmo.conversion_scripts.convert"]


@pytest.mark.parametrize(("codes", "language"), [(["fr"], "fr"), (["tlh"], "xx"), (["en"], "en"), (["fr", "it"], "en")])
def test_one_language_chooses_the_word_rules(source, tmp_path, codes, language):
    convert(OriginalFiles.find(source), tmp_path / "elmo", language=codes)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "elmo")
    assert tokenizer.language == language
    assert tokenizer.split_words(["l'an"]) == [["l'", "an"] if language == "fr" else ["l'an"]]


class TestVocabulary:
    def write(self, source, content):
        (source / "vocab.txt").write_bytes(content)

    def test_number_of_words_that_the_options_state(self, source, tmp_path, change_options):
        change_options(lambda options: options.update(n_tokens_vocab=len(WORDS)))
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        assert AutoConfig.from_pretrained(tmp_path / "elmo").vocab_size == len(WORDS) + 2

    @pytest.mark.parametrize("missing", ["<S>", "</S>", "<UNK>"])
    def test_model_of_words_needs_the_special_tokens(self, source, refuses, missing):
        words = [word for word in WORDS if word != missing]
        write_model(source, make_options(reads_words=True), words=words)
        refuses(f"vocab.txt: a model that reads words needs {missing} in the vocabulary")

    def test_model_of_words_needs_a_vocabulary(self, source, refuses):
        write_model(source, make_options(reads_words=True), words=WORDS)
        (source / "vocab.txt").unlink()
        refuses("--vocab is required for a model that reads words")

    def test_model_of_words_needs_the_number_of_words_that_the_options_state(self, source, refuses):
        write_model(source, make_options(reads_words=True, n_tokens_vocab=9), words=WORDS)
        refuses("options.json: n_tokens_vocab is 9, but vocab.txt has 8 words")

    def test_ids_of_special_tokens_are_those_of_the_vocabulary(self, source, tmp_path):
        self.write(source, b"the\n</S>\nbank\n")
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        config, tokenizer = (kind.from_pretrained(tmp_path / "elmo") for kind in (AutoConfig, AutoTokenizer))
        assert (config.bos_token_id, config.eos_token_id, config.pad_token_id, config.vocab_size) == (3, 1, 5, 7)
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            assert getattr(config, name) == getattr(tokenizer, name)

    def test_windows_line_ends_and_a_byte_order_mark(self, source, tmp_path):
        self.write(source, ("\ufeff" + "\r\n".join(WORDS)).encode())
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        assert AutoTokenizer.from_pretrained(tmp_path / "elmo").get_vocab()["."] == WORDS.index(".")


class TestModelDirectory:
    def test_holds_these_files(self, model_dir):
        code = {f"{name}.py" for name in MODEL_FILES}
        data = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        assert {path.name for path in model_dir.iterdir()} == code | data

    def test_names_a_class_in_it_for_each_auto_class(self, model_dir):
        config = json.loads((model_dir / "config.json").read_text())
        assert config["auto_map"] == AUTO_MAP
        for reference in config["auto_map"].values():
            module, name = (reference if isinstance(reference, str) else reference[0]).split(".")
            assert hasattr(importlib.import_module(f"modeling_elmo.model.{module}"), name)
            assert (model_dir / f"{module}.py").is_file()

    def test_all_files_have_the_same_permissions(self, model_dir):
        assert len({path.stat().st_mode for path in model_dir.iterdir()}) == 1

    def test_scalar_mixes_start_as_in_training(self, model_dir):
        tensors = load_file(model_dir / "model.safetensors")
        assert tensors["scalar_mixes.0.weight"].tolist() == [0, 0, 0]
        assert tensors["scalar_mixes.0.gamma"].tolist() == [1]

    def test_is_the_same_each_time(self, source, tmp_path):
        for name in ("first", "second"):
            convert(OriginalFiles.find(source), tmp_path / name)
        for path in (tmp_path / "first").iterdir():
            assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()

    @settings(max_examples=15)
    @given(options_of_every_kind())
    def test_has_every_weight_of_models_of_every_kind(self, tmp_path_factory, options):
        directory = tmp_path_factory.mktemp("variant")
        write_model(directory / "source", options, make_weights(options, num_words=len(WORDS)), words=WORDS)
        convert(OriginalFiles.find(directory / "source"), directory / "elmo")
        model, report = ElmoModel.from_pretrained(directory / "elmo", output_loading_info=True)
        assert not any(report.values())
        expected = read_weights(directory / "source" / "weights.hdf5", model.config, len(WORDS))
        state = model.state_dict()
        for name, values in expected.items():
            assert torch.equal(state[name][: len(values)], values)

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
    def test_weights_are_rounded_to_the_type_asked_for(self, source, tmp_path, dtype):
        convert(OriginalFiles.find(source), tmp_path / "elmo", dtype=dtype)
        model = AutoModel.from_pretrained(tmp_path / "elmo")
        assert model.config.dtype == getattr(torch, dtype)
        state = model.state_dict()
        for name, values in read_weights(source / "weights.hdf5", model.config).items():
            assert state[name].dtype == getattr(torch, dtype)
            assert torch.equal(state[name], values.to(getattr(torch, dtype)))

    @pytest.mark.parametrize(("dtype", "number"), [("float16", 65520), ("float16", -1e38), ("bfloat16", 3.4e38)])
    def test_numbers_too_large_for_the_type_asked_for(self, source, tmp_path, change_weights, dtype, number):
        def change(file):
            file["CNN_proj/b_proj"][0] = number

        change_weights(change)
        message = f"weights.hdf5: CNN_proj/b_proj: contains values too large for {dtype}"
        with pytest.raises(ElmoFormatError, match=message):
            convert(OriginalFiles.find(source), tmp_path / "elmo", dtype=dtype)
        assert not (tmp_path / "elmo").exists()
        convert(OriginalFiles.find(source), tmp_path / "elmo")

    def test_source_may_be_anywhere(self, source, tmp_path):
        place = tmp_path / "a b" / "naïve 日本 [x]*?"
        source.rename(place.parent.mkdir() or place)
        convert(OriginalFiles.find(place), place / "elmo, näher")
        AutoModel.from_pretrained(place / "elmo, näher")


class TestFailure:
    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("step", ["read_weights", "save_model_directory", "write_safetensors", "conversion_card"])
    def test_at_any_step_leaves_nothing(self, source, tmp_path, monkeypatch, step, error):
        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(original_hdf5 if step == "read_weights" else CONVERT, step, fail)
        before = contents(tmp_path)
        with pytest.raises(type(error)):
            convert(OriginalFiles.find(source), tmp_path / "new parent" / "elmo")
        assert contents(tmp_path) == before

    def test_with_force_leaves_what_was_there(self, source, tmp_path):
        (tmp_path / "elmo").mkdir()
        (tmp_path / "elmo" / "old").write_text("old")
        before = contents(tmp_path)
        with pytest.raises(ElmoFormatError):
            convert(OriginalFiles(source / "options.json", source / "vocab.txt"), tmp_path / "elmo", force=True)
        assert contents(tmp_path) == before

    def test_target_that_is_not_empty(self, source, tmp_path):
        with pytest.raises(ElmoFormatError, match="this directory is not empty; --force replaces it"):
            convert(OriginalFiles.find(source), source)

    def test_target_that_holds_the_source(self, source):
        before = {path: path.read_bytes() for path in source.iterdir()}
        with pytest.raises(ElmoFormatError, match="can't be replaced, because options.json is read from it"):
            convert(OriginalFiles.find(source), source, force=True)
        assert {path: path.read_bytes() for path in source.iterdir()} == before

    def test_unidirectional(self, change_options, refuses):
        change_options(lambda options: options.update(bidirectional=False))
        refuses("options.json: bidirectional: a unidirectional model has no backward LSTM; expected true, found False")
