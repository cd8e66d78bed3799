# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model directory back to original files: there and back again, nothing changes."""

import json
import shutil
import sys

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from modeling_elmo import ElmoForPreTraining, ElmoModel, ElmoTokenizer
from modeling_elmo.conversion_scripts import ElmoFormatError, OriginalFiles, convert, export
from modeling_elmo.conversion_scripts.options_json import config_from_options, options_of_config
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import InitialModel
from modeling_elmo.pretraining.job import pretrain
from modeling_elmo.pretraining.settings import PretrainingSettings
from tests.helpers.original_format import make_options, make_weights, read_hdf5, write_model
from tests.helpers.variants import options_of_every_kind

from .conftest import WORDS, contents
from .test_options_json import with_defaults
from .test_weights_hdf5 import assert_same_bits


words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r\t "), min_size=1, max_size=20)
vocabularies = st.lists(words, max_size=8, unique=True).map(lambda more: list(dict.fromkeys([*WORDS[:3], *more])))


class TestRoundTrip:
    @settings(max_examples=15)
    @given(options_of_every_kind(bidirectional=True, all_clip_norm_val=10.0), vocabularies)
    @example(make_options(), WORDS)
    def test_models_of_every_kind(self, tmp_path_factory, options, vocabulary):
        place = tmp_path_factory.mktemp("round-trip")
        weights = write_model(place / "source", options, words=vocabulary)
        convert(OriginalFiles.find(place / "source"), place / "elmo")
        export(place / "elmo", place / "back")
        assert_same_bits(read_hdf5(place / "back" / "weights.hdf5"), weights)
        assert json.loads((place / "back" / "options.json").read_text()) == with_defaults(options, len(vocabulary))
        assert (place / "back" / "vocab.txt").read_bytes() == (place / "source" / "vocab.txt").read_bytes()
        convert(OriginalFiles.find(place / "back"), place / "again")
        assert_same_model(place / "again", place / "elmo")
        shutil.rmtree(place)

    @pytest.mark.parametrize("last", [["<PAD>"], ["<MASK>"], ["<PAD>", "<MASK>"], ["<MASK>", "<PAD>"]])
    def test_of_words_whose_vocabulary_ends_in_tokens_that_are_elsewhere_appended(self, tmp_path, last):
        words = ["<S>", "</S>", "<UNK>", "the", *last]
        weights = write_model(tmp_path / "source", make_options(reads_words=True), words=words)
        convert(OriginalFiles.find(tmp_path / "source"), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back")
        assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), weights)
        assert (tmp_path / "back" / "vocab.txt").read_text().split() == words

    def test_without_a_vocabulary_its_stated_size_comes_back(self, tmp_path):
        write_model(tmp_path / "source", make_options(n_tokens_vocab=793471))
        convert(OriginalFiles.find(tmp_path / "source"), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back")
        assert json.loads((tmp_path / "back" / "options.json").read_text())["n_tokens_vocab"] == 793471

    def test_without_a_vocabulary(self, source, tmp_path):
        (source / "vocab.txt").unlink()
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back")
        assert not (tmp_path / "back" / "vocab.txt").exists()
        convert(OriginalFiles.find(tmp_path / "back"), tmp_path / "again")
        assert_same_model(tmp_path / "again", tmp_path / "elmo")

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_in_half_precision_gives_the_rounded_weights(self, source, tmp_path, dtype):
        convert(OriginalFiles.find(source), tmp_path / "elmo", dtype=dtype)
        export(tmp_path / "elmo", tmp_path / "back")
        rounded = {
            name: torch.from_numpy(values).to(getattr(torch, dtype)).float().numpy()
            for name, values in read_hdf5(source / "weights.hdf5").items()
        }
        assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), rounded)
        convert(OriginalFiles.find(tmp_path / "back"), tmp_path / "again", dtype=dtype)
        assert_same_model(tmp_path / "again", tmp_path / "elmo")

    def test_files_hold_nothing_else(self, model_dir, tmp_path):
        export(model_dir, tmp_path / "back")
        assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [
            "options.json",
            "vocab.txt",
            "weights.hdf5",
        ]

    @pytest.mark.parametrize("name", ["bilm_tf", "allennlp"])
    def test_models_of_the_original_code(self, parity_dir, tmp_path, name):
        source = parity_dir / name
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back")
        assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), read_hdf5(source / "lm_weights.hdf5"))
        options = json.loads((source / "options.json").read_text())
        vocabulary = (source / "vocab_test.txt").read_text(encoding="utf-8").splitlines()
        written = (tmp_path / "back" / "vocab.txt").read_text(encoding="utf-8").splitlines()
        # bilm-tf's own vocabulary lacks it.
        is_complete = "<UNK>" in vocabulary
        assert written == vocabulary + ["<UNK>"] * (not is_complete)
        exported = json.loads((tmp_path / "back" / "options.json").read_text())
        assert exported == with_defaults(options, len(written))
        if is_complete:
            convert(OriginalFiles.find(tmp_path / "back"), tmp_path / "again")
            assert_same_model(tmp_path / "again", tmp_path / "elmo")


def assert_same_model(found, expected):
    """Byte for byte; only the model card names other source files."""
    names = sorted(path.name for path in expected.iterdir())
    assert sorted(path.name for path in found.iterdir()) == names
    for name in names:
        if name != "README.md":
            assert (found / name).read_bytes() == (expected / name).read_bytes(), name


class TestSavedByTransformers:
    @pytest.fixture
    def weights(self, original_dir):
        return read_hdf5(original_dir / "weights.hdf5")

    @pytest.mark.parametrize("kwargs", [{}, {"max_shard_size": "5KB"}], ids=["whole", "in shards"])
    def test_model_and_tokenizer(self, model_dir, tmp_path, weights, kwargs):
        AutoModel.from_pretrained(model_dir).save_pretrained(tmp_path / "saved", **kwargs)
        AutoTokenizer.from_pretrained(model_dir).save_pretrained(tmp_path / "saved")
        assert len(list((tmp_path / "saved").glob("*.safetensors"))) == 1 or kwargs
        export(tmp_path / "saved", tmp_path / "back")
        assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), weights)
        assert (tmp_path / "back" / "vocab.txt").read_text().split() == WORDS

    def test_in_bfloat16(self, model_dir, tmp_path, weights):
        AutoModel.from_pretrained(model_dir, dtype=torch.bfloat16).save_pretrained(tmp_path / "saved")
        export(tmp_path / "saved", tmp_path / "back")
        rounded = {name: torch.from_numpy(values).bfloat16().float().numpy() for name, values in weights.items()}
        assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), rounded)

    def test_model_alone_has_no_vocabulary(self, model_dir, tmp_path, weights):
        AutoModel.from_pretrained(model_dir).save_pretrained(tmp_path / "saved")
        export(tmp_path / "saved", tmp_path / "back")
        assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), weights)
        assert not (tmp_path / "back" / "vocab.txt").exists()
        assert json.loads((tmp_path / "back" / "options.json").read_text())["n_tokens_vocab"] == len(WORDS)
        with pytest.raises(ElmoFormatError, match="saved: contains no vocabulary"):
            export(tmp_path / "saved", tmp_path / "more", token_embeddings=True)

    def test_trained_mixes_and_other_mixes_do_not_matter(self, tmp_path):
        config = config_from_options(
            make_options(), num_output_representations=3, mix_parameters=[1, 2, 3], freeze_bilm=False, vocab_size=5
        )
        model = ElmoModel(config)
        model.save_pretrained(tmp_path / "saved")
        export(tmp_path / "saved", tmp_path / "back")
        bias = model.layers[0].forward_lstm.bias.detach().numpy()
        found = read_hdf5(tmp_path / "back" / "weights.hdf5")["RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/B"]
        assert found[:12].tobytes() == bias[:12].tobytes()

    def test_word_added_to_tokenizer_and_model(self, source, tmp_path):
        weights = write_model(source, make_options(reads_words=True), words=WORDS)
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        tokenizer, model = (kind.from_pretrained(tmp_path / "elmo") for kind in (AutoTokenizer, AutoModel))
        tokenizer.add_tokens(["shore"])
        model.resize_token_embeddings(len(tokenizer))
        for part in (tokenizer, model):
            part.save_pretrained(tmp_path / "saved")
        export(tmp_path / "saved", tmp_path / "back", token_embeddings=True)
        assert (tmp_path / "back" / "vocab.txt").read_text().split() == [*WORDS, "<PAD>", "<MASK>", "shore"]
        exported = read_hdf5(tmp_path / "back" / "weights.hdf5")["embedding"]
        assert exported.tobytes() == model.word_embedding.weight.detach().numpy().tobytes()
        assert exported[: len(WORDS)].tobytes() == weights["embedding"].tobytes()
        convert(OriginalFiles.find(tmp_path / "back"), tmp_path / "again")
        again = AutoModel.from_pretrained(tmp_path / "again")
        assert torch.equal(again.word_embedding.weight, model.word_embedding.weight)


class TestTrainedHere:
    """A language model that `elmo pretrain` made leaves behind what bilm-tf's training left."""

    @pytest.fixture(params=["characters", "words", "tied words"])
    def trained(self, request, tiny_config, tmp_path):
        (tmp_path / "a.txt").write_text("the bank of the river .\n" * 5)
        tokenizer = ElmoTokenizer(vocab=WORDS)
        config = tiny_config(
            token_input="characters" if request.param == "characters" else "words",
            tie_word_embeddings=request.param == "tied words",
            vocab_size=len(tokenizer),
            num_negative_samples=4,
            lstm_dropout=0.1,
            freeze_bilm=False,
        )
        settings = PretrainingSettings(max_steps=2, batch_size=2, num_steps=5, max_grad_norm=3.0)
        corpus = TextFiles([tmp_path / "a.txt"])
        start = InitialModel(ElmoForPreTraining(config), tokenizer)
        pretrain(start, corpus, settings, tmp_path / "trained", write=len, epochs=1)
        return request.param

    def test_options_tell_of_the_training(self, trained, tmp_path):
        export(tmp_path / "trained", tmp_path / "back")
        options = json.loads((tmp_path / "back" / "options.json").read_text())
        assert ("char_cnn" in options) == (trained == "characters")
        assert options.get("share_embedding_softmax", False) == (trained == "tied words")
        for name, value in {
            "bidirectional": True,
            "n_tokens_vocab": len(WORDS),
            "unroll_steps": 5,
            "batch_size": 2,
            "all_clip_norm_val": 3.0,
            "learning_rate": 0.2,
            "dropout": 0.1,
            "sample_softmax": True,
            "n_negative_samples_batch": 4,
            "n_train_tokens": 35,
            "n_epochs": 1,
        }.items():
            assert options[name] == value, name

    def test_weights_are_the_encoder_alone(self, trained, tmp_path):
        export(tmp_path / "trained", tmp_path / "back")
        weights = read_hdf5(tmp_path / "back" / "weights.hdf5")
        expected = make_weights(json.loads((tmp_path / "back" / "options.json").read_text()), num_words=len(WORDS))
        assert {name: value.shape for name, value in weights.items()} == {
            name: value.shape for name, value in expected.items()
        }

    def test_embeddings_of_the_vocabulary_come_along_if_the_model_reads_words(self, trained, tmp_path):
        export(tmp_path / "trained", tmp_path / "back")
        path = tmp_path / "back" / "vocab_embedding.hdf5"
        assert path.exists() == (trained != "characters")
        export(tmp_path / "trained", tmp_path / "without", token_embeddings=False)
        assert not (tmp_path / "without" / "vocab_embedding.hdf5").exists()
        if trained != "characters":
            model = ElmoForPreTraining.from_pretrained(tmp_path / "trained")
            rows = model.elmo.word_embedding.weight.detach().numpy()[: len(WORDS)]
            assert read_hdf5(path)["embedding"].tobytes() == rows.tobytes()
            assert torch.equal(model.elmo.word_embedding.weight, model.lm_head.weight) == (trained == "tied words")

    def test_converted_back_it_is_the_same_encoder(self, trained, tmp_path):
        export(tmp_path / "trained", tmp_path / "back")
        convert(OriginalFiles.find(tmp_path / "back"), tmp_path / "again")
        found, expected = (ElmoModel.from_pretrained(tmp_path / name) for name in ("again", "trained"))
        assert options_of_config(found.config) == options_of_config(expected.config)
        rows = len(WORDS)
        assert found.state_dict().keys() == expected.state_dict().keys()
        for name, values in expected.state_dict().items():
            # <PAD> and <MASK> have no place in the original files.
            known = slice(rows) if name == "word_embedding.weight" else slice(None)
            assert torch.equal(found.state_dict()[name][known], values[known]), name
        tokenizers = [AutoTokenizer.from_pretrained(tmp_path / name) for name in ("again", "trained")]
        batches = [tokenizer("The bank of the river.", return_tensors="pt") for tokenizer in tokenizers]
        with torch.no_grad():
            vectors = [model(**batch).last_hidden_state for model, batch in zip((found, expected), batches)]
        assert torch.equal(*vectors)


class TestRefused:
    @pytest.fixture
    def spoiled(self, model_dir, tmp_path):
        shutil.copytree(model_dir, tmp_path / "spoiled")
        return tmp_path / "spoiled"

    @pytest.fixture
    def refuses(self, spoiled, tmp_path):
        def check(message, model_dir=spoiled, **kwargs):
            before = contents(tmp_path)
            with pytest.raises(ElmoFormatError, match=message) as error:
                export(model_dir, tmp_path / "new parent" / "back", **kwargs)
            assert "\n" not in str(error.value)
            assert contents(tmp_path) == before

        return check

    def test_no_directory(self, tmp_path, refuses):
        refuses("nowhere: expected a model directory, found no config.json in it", tmp_path / "nowhere")

    def test_directory_of_original_files(self, original_dir, refuses):
        refuses("expected a model directory, found no config.json in it", original_dir)

    def test_file(self, spoiled, refuses):
        refuses("expected a model directory, found no config.json in it", spoiled / "config.json")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "config.json: Expecting value"),
            ("{", "config.json: Expecting property name"),
            ("[" * 100_000, "config.json: maximum recursion depth exceeded"),
            ("[]", "config.json: expected a model of type 'elmo', found None"),
            ("null", "config.json: expected a model of type 'elmo', found None"),
            ("{}", "config.json: expected a model of type 'elmo', found None"),
            ('{"model_type": "bert"}', "config.json: expected a model of type 'elmo', found 'bert'"),
            ('{"model_type": ["elmo"]}', r"config.json: expected a model of type 'elmo', found \['elmo'\]"),
        ],
    )
    def test_config_that_is_none(self, spoiled, refuses, content, message):
        (spoiled / "config.json").write_text(content)
        refuses(f"spoiled: {message}")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"cell_size": "12"}, "Field 'cell_size' expected int, got str"),
            ({"cell_size": 10**9}, "cell_size must be between 1 and 1000000, got 1000000000"),
            ({"projection_size": 13}, "projection_size must not exceed cell_size"),
            ({"hidden_size": 3}, "hidden_size must be 2"),
            ({"character_filters": 5}, "Field 'character_filters' expected a list, got int"),
            ({"dtype": "float33"}, "float33"),
            ({"quantization_config": {}}, "quantization"),
            ({"cell_size": 13}, r"bias: expected shape \(52,\), found \(48,\)"),
            ({"num_hidden_layers": 3}, "config.json describes weights that no file has: layers.2.backward_lstm.bias, "),
            (
                {"num_highway_layers": 2},
                "weights that no file has: character_encoder.highway_layers.1.gate.bias",
            ),
            ({"token_input": "words"}, "config.json describes weights that no file has: word_embedding.weight"),
        ],
    )
    def test_config_that_contradicts_itself_or_the_weights(self, spoiled, refuses, change, message):
        config = json.loads((spoiled / "config.json").read_text())
        (spoiled / "config.json").write_text(json.dumps({**config, **change}))
        refuses(f"spoiled: .*{message}")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"forget_bias": 0.0}, "options.json: the original code's forget_bias is always 1.0, found 0.0"),
            ({"training_options": {"x": float("nan")}}, "options.json: Out of range float values"),
        ],
    )
    def test_config_that_the_original_code_can_not_have(self, spoiled, refuses, change, message):
        config = json.loads((spoiled / "config.json").read_text())
        (spoiled / "config.json").write_text(json.dumps({**config, **change}))
        refuses(message)

    def test_no_weights(self, spoiled, refuses):
        (spoiled / "model.safetensors").unlink()
        refuses("spoiled: Error no file named model.safetensors")

    @pytest.mark.parametrize("size", [0, 4, 100, -1])
    def test_weights_cut_short(self, spoiled, refuses, size):
        content = (spoiled / "model.safetensors").read_bytes()
        (spoiled / "model.safetensors").write_bytes(content[:size])
        refuses("spoiled: model.safetensors: not a whole safetensors file: ")

    def test_shard_missing(self, model_dir, tmp_path, refuses):
        AutoModel.from_pretrained(model_dir).save_pretrained(tmp_path / "saved", max_shard_size="5KB")
        next((tmp_path / "saved").glob("*-00002-of-*.safetensors")).unlink()
        refuses("saved: ", tmp_path / "saved")

    def test_one_weight_missing(self, spoiled, refuses):
        tensors = load_file(spoiled / "model.safetensors")
        del tensors["layers.1.backward_lstm.bias"]
        save_file(tensors, spoiled / "model.safetensors", metadata={"format": "pt"})
        refuses("spoiled: config.json describes weights that no file has: layers.1.backward_lstm.bias")

    def test_weights_that_are_not_finite(self, spoiled, refuses):
        tensors = load_file(spoiled / "model.safetensors")
        tensors["layers.1.backward_lstm.bias"][3] = float("nan")
        save_file(tensors, spoiled / "model.safetensors", metadata={"format": "pt"})
        refuses("layers.1.backward_lstm.bias: expected finite values, found NaN or infinity")

    @pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
    @pytest.mark.parametrize("content", ["", "{", "[]"])
    def test_broken_tokenizer(self, spoiled, refuses, name, content):
        (spoiled / name).write_text(content)
        refuses("spoiled: tokenizer: ")

    def test_weights_in_a_pickle(self, spoiled, refuses):
        torch.save(load_file(spoiled / "model.safetensors"), spoiled / "pytorch_model.bin")
        (spoiled / "model.safetensors").unlink()
        refuses("spoiled: Error no file named model.safetensors")

    @pytest.mark.parametrize("word", ["a\nb", " a", "\n", "!!!MAXTERMID"])
    def test_word_that_no_line_can_hold(self, spoiled, refuses, word):
        tokenizer = AutoTokenizer.from_pretrained(spoiled)
        tokenizer.add_tokens([word, "more"])
        tokenizer.save_pretrained(spoiled)
        refuses("spoiled: tokenizer: vocab.txt: .* can't be a line of this file")

    def test_model_of_words_without_a_tokenizer(self, source, tmp_path, refuses):
        write_model(source, make_options(reads_words=True), words=WORDS)
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        (tmp_path / "elmo" / "tokenizer.json").unlink()
        refuses("elmo: contains no vocabulary", tmp_path / "elmo")

    def test_model_of_words_with_the_tokenizer_of_another(self, source, tmp_path, refuses):
        write_model(source, make_options(reads_words=True), words=WORDS)
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / "elmo")
        tokenizer.add_tokens(["shore"])
        tokenizer.save_pretrained(tmp_path / "elmo")
        refuses("vocab_size: expected at least 11, the tokenizer's words, found 10", tmp_path / "elmo")

    def test_target_that_is_not_empty(self, spoiled):
        with pytest.raises(ElmoFormatError, match="this directory is not empty; --force replaces it"):
            export(spoiled, spoiled)

    def test_target_that_holds_the_model(self, spoiled, tmp_path):
        before = contents(tmp_path)
        with pytest.raises(ElmoFormatError, match="can't be replaced, because spoiled is read from it"):
            export(spoiled, spoiled, force=True)
        assert contents(tmp_path) == before

    def test_target_that_is_a_snapshot_of_links(self, spoiled, tmp_path):
        # As in the cache of the Hub: the files themselves lie elsewhere.
        (tmp_path / "snapshot").mkdir()
        for path in spoiled.iterdir():
            (tmp_path / "snapshot" / path.name).symlink_to(path)
        with pytest.raises(ElmoFormatError, match="can't be replaced, because snapshot is read from it"):
            export(tmp_path / "snapshot", tmp_path / "snapshot", force=True)
        export(tmp_path / "snapshot", tmp_path / "back")

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("step", ["load_model", "write_options", "write_weights", "write_vocab_embedding"])
    def test_failure_at_any_step_leaves_nothing(self, model_dir, tmp_path, monkeypatch, step, error):
        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.export"], step, fail)
        with pytest.raises(type(error)):
            export(model_dir, tmp_path / "new parent" / "back", token_embeddings=True)
        assert contents(tmp_path) == []


def test_force_replaces_an_earlier_export(model_dir, tmp_path):
    export(model_dir, tmp_path / "back", token_embeddings=True)
    export(model_dir, tmp_path / "back", force=True)
    assert not (tmp_path / "back" / "vocab_embedding.hdf5").exists()


def test_large_models_of_words_keep_the_order_of_their_vocabulary(tmp_path):
    vocabulary = [*WORDS[:3], *(f"w{index}" for index in range(5000, 0, -1))]
    options = make_options(reads_words=True)
    weights = write_model(tmp_path / "source", options, make_weights(options, num_words=len(vocabulary)), vocabulary)
    convert(OriginalFiles.find(tmp_path / "source"), tmp_path / "elmo")
    export(tmp_path / "elmo", tmp_path / "back", token_embeddings=True)
    assert (tmp_path / "back" / "vocab.txt").read_text().split() == vocabulary
    assert_same_bits(read_hdf5(tmp_path / "back" / "weights.hdf5"), weights)
    embedding = read_hdf5(tmp_path / "back" / "vocab_embedding.hdf5")["embedding"]
    assert embedding.tobytes() == weights["embedding"].tobytes()
