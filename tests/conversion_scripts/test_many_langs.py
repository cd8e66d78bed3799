# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Models of ELMoForManyLangs: what is read, and that the converted model computes what the original does."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo import ElmoModel
from modeling_elmo.conversion_scripts import ElmoFormatError
from modeling_elmo.conversion_scripts.many_langs import (
    SAMPLE,
    SAMPLE_NAMES,
    is_many_langs,
    read_dic,
    read_many_langs,
)
from tests.conftest import SHARED
from tests.helpers.many_langs_format import CHARACTERS, WORDS, architecture, states, write_model


FORMATS = SHARED / "formats" / "elmoformanylangs"
SENTENCES = [
    ["the", "cat", "<bos>", "<pad>", "", "new york"],
    ["今天", "天氣", "x" * 40, "<oov>", "👍🏽", "cafe\u0301"],
    ["a"],
]

KINDS = {"characters": {"word_dim": 0}, "words": {"char_dim": 0}, "both": {}}


def loaded(converted):
    """The converted model with its parameters."""
    model = ElmoModel(converted.config).eval()
    missing, unexpected = model.load_state_dict(converted.parameters, strict=False)
    assert not unexpected
    assert all(name.startswith("scalar_mixes.") for name in missing)
    return model


def layers_of(model, tokenizer, sentences):
    """All layers of each sentence, with boundaries, computed in one batch."""
    batch = tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        layers = torch.stack(model(**batch, output_hidden_states=True).hidden_states)
    return [layers[:, row, : len(sentence) + 2].numpy() for row, sentence in enumerate(sentences)]


@pytest.fixture(params=list(KINDS))
def converted(request, tmp_path):
    return read_many_langs(write_model(tmp_path / "model", **KINDS[request.param]))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return read_many_langs(write_model(tmp_path_factory.mktemp("tokenizer"))).tokenizer


@st.composite
def architectures(draw):
    word_dim = draw(st.sampled_from([0, 1, 6]))
    dim = draw(st.integers(1, 8))
    # No smaller than the widest filter, and than a word of one character.
    return architecture(
        word_dim=word_dim,
        char_dim=draw(st.integers(0 if word_dim else 1, 4)),
        dim=dim,
        projection_dim=draw(st.integers(1, dim) | st.just(dim)),
        n_layers=draw(st.integers(1, 3)),
        filters=draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=3)),
        n_highway=draw(st.integers(0, 2)),
        activation=draw(st.sampled_from(["relu", "tanh"])),
        max_characters_per_token=draw(st.integers(7, 30)),
        cell_clip=draw(st.sampled_from([None, 0, 0.3, 3])),
        proj_clip=draw(st.sampled_from([None, 0, 0.2, 3])),
    )


words_of_any_kind = st.text(max_size=35) | st.sampled_from(WORDS) | st.text(CHARACTERS, max_size=12)


class TestParity:
    @given(architectures(), st.lists(st.lists(words_of_any_kind, max_size=5), min_size=1, max_size=3))
    def test_every_kind_computes_what_the_equations_give(self, tmp_path_factory, description, sentences):
        directory = write_model(tmp_path_factory.mktemp("model"), description)
        converted = read_many_langs(directory)
        for found, sentence in zip(layers_of(loaded(converted), converted.tokenizer, sentences), sentences):
            expected = converted.expected_layers(sentence)
            np.testing.assert_allclose(found, expected, atol=2e-5 * max(1, np.abs(expected).max()), rtol=0)

    def test_a_sentence_does_not_depend_on_its_batch(self, converted):
        model = loaded(converted)
        together = layers_of(model, converted.tokenizer, SENTENCES)
        for sentence, found in zip(SENTENCES, together):
            (alone,) = layers_of(model, converted.tokenizer, [sentence])
            np.testing.assert_allclose(found, alone, atol=3e-6, rtol=0)

    def test_the_plain_encoder_gives_the_same(self, tmp_path):
        converted = read_many_langs(write_model(tmp_path / "model"))
        encoder = loaded(converted).character_encoder
        ids = torch.from_numpy(
            converted.tokenizer.token_ids([word for sentence in SENTENCES for word in sentence], "characters_and_words")
        )
        torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids), atol=1e-5, rtol=0)

    def test_old_files_of_torch_give_the_same(self, tmp_path):
        new, old = (read_many_langs(write_model(tmp_path / str(z), is_zip=z)) for z in (True, False))
        assert new.parameters.keys() == old.parameters.keys()
        assert all(torch.equal(value, old.parameters[name]) for name, value in new.parameters.items())

    def test_the_forget_gate_keeps_its_bits(self, tmp_path):
        directory = write_model(tmp_path / "model")
        converted = read_many_langs(directory)
        bias = torch.load(directory / "encoder.pkl")["forward_layer_0.state_linearity.bias"]
        assert torch.equal(converted.parameters["layers.0.forward_lstm.bias"], bias)
        assert converted.config.forget_bias == 0


class TestIds:
    @pytest.fixture
    def model(self, tmp_path):
        directory = write_model(tmp_path / "model")
        return read_many_langs(directory), read_dic(directory / "char.dic"), read_dic(directory / "word.dic")

    def test_marks_are_exchanged_and_ids_are_the_numbers_of_the_file(self, model):
        converted, characters, words = model
        batch = converted.tokenizer(["the", "天q"], is_split_into_words=True)
        # The first id is for positions without a word.
        begin, end, pad, unknown = (characters[f"<{mark}>"] + 1 for mark in ("eow", "bow", "pad", "oov"))
        spelled = [characters[letter] + 1 for letter in "the"]
        assert batch["character_ids"][1] == [begin, *spelled, end] + [pad] * 7
        assert batch["character_ids"][2] == [begin, characters["天"] + 1, unknown, end] + [pad] * 8
        assert batch["character_ids"][0] == [begin, characters["<bos>"] + 1, end] + [pad] * 9
        assert batch["input_ids"] == [words["<bos>"], words["the"], words["<oov>"], words["<eos>"]]

    def test_words_that_look_like_marks(self, model):
        converted, characters, words = model
        batch = converted.tokenizer(["<bos>", "<pad>", "<oov>", ""], is_split_into_words=True)
        assert batch["character_ids"][1] == batch["character_ids"][0]
        assert batch["input_ids"][1:5] == [words[word] for word in ("<bos>", "<pad>", "<oov>", "<oov>")]
        unknown = characters["<oov>"] + 1
        for row in batch["character_ids"][2:4]:
            assert row[1] == row[5] == unknown
        assert batch["character_ids"][4][:3] == [characters[mark] + 1 for mark in ("<eow>", "<bow>", "<pad>")]

    def test_the_look_up_too_uses_the_shortened_word(self, tmp_path):
        directory = write_model(tmp_path / "model", words=[*WORDS, "abcdeabcde", "abcdeabcdeX"])
        tokenizer, words = read_many_langs(directory).tokenizer, read_dic(directory / "word.dic")
        long = ["abcdeabcde", "abcdeabcdeX", "abcdeabcdeZZ"]
        expected = [words["abcdeabcde"]] * 3
        assert tokenizer(long, is_split_into_words=True)["input_ids"][1:-1] == expected
        assert tokenizer(" ".join(long))["input_ids"][1:-1] == expected
        assert tokenizer.token_ids(long, "words").tolist() == expected

    def test_padding_has_a_row_of_its_own(self, tmp_path):
        directory = write_model(tmp_path / "model")
        table = read_many_langs(directory).parameters["character_encoder.character_embedding.weight"]
        original = torch.load(directory / "token_embedder.pkl")["char_emb_layer.embedding.weight"]
        assert torch.equal(table[1:], original)
        assert not table[0].any()

    def test_halves_of_surrogate_pairs_become_the_replacement_character(self, model):
        tokenizer = model[0].tokenizer
        odd = tokenizer(["a\ud800", "\udfff"], is_split_into_words=True)
        assert odd == tokenizer(["a\ufffd", "\ufffd"], is_split_into_words=True)

    @given(st.lists(words_of_any_kind, max_size=6))
    def test_ids_for_the_embedder_are_those_of_encoding(self, tokenizer, words):
        batch = tokenizer(words, is_split_into_words=True, add_special_tokens=False, return_tensors="np")
        expected = np.concatenate([batch["input_ids"][..., None], batch["character_ids"]], axis=-1)
        assert np.array_equal(tokenizer.token_ids(words, "characters_and_words"), expected.reshape(len(words), 13))

    @given(st.lists(st.text(CHARACTERS, max_size=10), min_size=1))
    def test_known_characters_decode_to_their_words(self, tokenizer, words):
        batch = tokenizer(words, is_split_into_words=True)
        assert tokenizer.decode(batch["character_ids"]) == " ".join(["<bos>", *words, "<eos>"])

    def test_added_tokens_have_the_vector_of_unknown_words(self, tmp_path):
        converted = read_many_langs(write_model(tmp_path / "model"))
        model = loaded(converted)
        (found,) = layers_of(model, converted.tokenizer, [["<PAD>", "<MASK>"]])
        np.testing.assert_allclose(found, converted.expected_layers(["<PAD>", "<MASK>"]), atol=2e-5, rtol=0)


class TestDic:
    def read(self, tmp_path, text):
        path = tmp_path / "char.dic"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_dic(path)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\t1\nb\t0\n", {"a": 1, "b": 0}),
            ("  a\t0  \r\nnew york\t1", {"a": 0, "new york": 1}),
            (" \t1\nb\t0\n", {"\u3000": 1, "b": 0}),
            ("\u3000\t0\n", {"\u3000": 0}),
            ("\u00a0\t0\n", {"\u3000": 0}),
            ("a\t0\u2028b\t1\u0085c\t2", {"a": 0, "b": 1, "c": 2}),
            ("\ufeffa\t0", {"\ufeffa": 0}),
            ("", {}),
        ],
    )
    def test_lines_are_read_as_the_original_does(self, tmp_path, text, expected):
        assert self.read(tmp_path, text) == expected

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a\t0\n\nb\t1\n", "line 2: expected TOKEN<TAB>ID, found ''"),
            ("a b\n", "line 1: expected TOKEN<TAB>ID, found 'a b'"),
            ("a\tb\t0\n", "line 1: expected TOKEN<TAB>ID"),
            ("a\t-1\n", "line 1: expected TOKEN<TAB>ID"),
            (f"a\t{'9' * 5000}\n", "line 1: expected TOKEN<TAB>ID"),
            (" \t0\n\u3000\t1\n", "line 2: expected each token once, found '\\u3000' again"),
            ("a\t0\na\t1\n", "line 2: expected each token once, found 'a' again"),
            ("a\t0\nb\t0\n", "expected the ids 0 to 1, each once"),
            ("a\t1\nb\t2\n", "expected the ids 0 to 1, each once"),
            (b"a\t0\n\xff\t1\n", "expected UTF-8 text"),
        ],
    )
    def test_other_lines_are_refused(self, tmp_path, text, message):
        with pytest.raises(ElmoFormatError, match=f"char.dic: .*{re.escape(message)}"):
            self.read(tmp_path, text)


class TestArchitecture:
    def test_is_found_in_the_three_places(self, tmp_path):
        relative = write_model(tmp_path / "relative")
        assert read_many_langs(relative).files[-1] == relative / "configs" / "cnn.json"
        shutil.copyfile(relative / "configs" / "cnn.json", tmp_path / "cnn.json")
        absolute = write_model(tmp_path / "absolute", config_path=str(tmp_path / "cnn.json"))
        assert read_many_langs(absolute).files[-1] == tmp_path / "cnn.json"
        moved = write_model(tmp_path / "moved", config_path="/nowhere/at/all/cnn.json")
        shutil.copyfile(tmp_path / "cnn.json", moved / "cnn.json")
        assert read_many_langs(moved).files[-1] == moved / "cnn.json"
        given = write_model(tmp_path / "given", config_path="/nowhere/at/all/cnn.json")
        assert read_many_langs(given, options=tmp_path / "cnn.json").files[-1] == tmp_path / "cnn.json"

    @pytest.mark.parametrize("name", SAMPLE_NAMES)
    def test_the_published_one_is_known_and_its_sizes_are_compared(self, tmp_path, name):
        directory = write_model(tmp_path / "model", config_path=f"/Users/somebody/{name}")
        with pytest.raises(ElmoFormatError, match=re.escape("expected shape (12, 100), found (12, 6)")):
            read_many_langs(directory)

    def test_what_the_published_one_says(self):
        assert SAMPLE["token_embedder"]["filters"] == [
            *([1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024])
        ]
        assert (SAMPLE["token_embedder"]["word_dim"], SAMPLE["token_embedder"]["char_dim"]) == (100, 50)

    def test_absent_clips_are_none(self, tmp_path):
        description = architecture()
        del description["encoder"]["cell_clip"], description["encoder"]["proj_clip"]
        config = read_many_langs(write_model(tmp_path / "model", description)).config
        assert config.cell_clip is config.projection_clip is None

    def test_a_word_embedder_called_lstm_looks_up_whole_words(self, tmp_path):
        description = architecture(char_dim=0)
        description["token_embedder"]["name"] = "lstm"
        converted = read_many_langs(write_model(tmp_path / "model", description, words=[*WORDS, "a" * 30]))
        sentence = ["a" * 30, "the"]
        (found,) = layers_of(loaded(converted), converted.tokenizer, [sentence])
        np.testing.assert_allclose(found, converted.expected_layers(sentence), atol=2e-5, rtol=0)
        assert converted.tokenizer.max_lookup_characters is None

    def test_the_word_file_of_a_character_model_is_not_read(self, tmp_path):
        directory = write_model(tmp_path / "model", word_dim=0)
        (directory / "word.dic").write_text("anything")
        assert read_many_langs(directory).tokenizer.get_words()[:3] == ["<bos>", "<eos>", "<oov>"]

    def test_the_config_says_what_the_model_is(self, tmp_path):
        read_many_langs(write_model(tmp_path / "model")).config.save_pretrained(tmp_path / "saved")
        fields = json.loads((tmp_path / "saved" / "config.json").read_text())
        assert fields["token_input"] == "characters_and_words"
        assert fields["character_unit"] == "code_point"
        assert fields["word_embedding_size"] == 6
        assert fields["forget_bias"] == 0.0

    def test_a_softmax_is_left_out_by_name(self, tmp_path):
        directory = write_model(tmp_path / "model")
        (directory / "classifier.pkl").write_bytes(b"")
        assert any("classifier.pkl" in note for note in read_many_langs(directory).notes)


class TestRefusals:
    @pytest.fixture
    def refuses(self, tmp_path):
        def check(message, directory=None, **kwargs):
            directory = directory or write_model(tmp_path / "model", **kwargs)
            with pytest.raises(ElmoFormatError, match=message) as error:
                read_many_langs(directory)
            assert "\n" not in str(error.value)

        return check

    @pytest.mark.parametrize(
        ("section", "field", "value", "message"),
        [
            ("encoder", "name", "lstm", "encoder: expected elmo, found 'lstm'; a bidirectional torch.nn.LSTM"),
            ("encoder", "name", None, "encoder: expected elmo, found None"),
            ("encoder", "dim", "16", "dim: expected an integer, found '16'"),
            ("encoder", "dim", 3, "projection_size must not exceed cell_size"),
            ("encoder", "n_layers", 10**9, "num_hidden_layers must be between 1 and 1000"),
            ("encoder", "n_layers", 3, "encoder.pkl: forward_layer_2.input_linearity.weight: missing"),
            ("encoder", "n_layers", 1, "encoder.pkl: backward_layer_1.*not part of the model"),
            ("encoder", "cell_clip", "a", "cell_clip"),
            ("token_embedder", "name", "lstm", "token_embedder: expected cnn, or lstm with char_dim 0"),
            ("token_embedder", "activation", "gelu", "hidden_act"),
            ("token_embedder", "filters", None, "character_filters"),
            ("token_embedder", "filters", [[1, 3]], "convolutions.1.bias.*not part of the model"),
            ("token_embedder", "max_characters_per_token", 1, "max_characters_per_token: expected an integer between"),
            ("token_embedder", "char_dim", 4, r"char_emb_layer.embedding.weight: expected shape \(\d+, 4\), found"),
            ("token_embedder", "word_dim", 0, "word_emb_layer.embedding.weight.*not part of the model"),
        ],
    )
    def test_other_architectures(self, tmp_path, refuses, section, field, value, message):
        directory = write_model(tmp_path / "model")
        description = architecture()
        description[section][field] = value
        (directory / "configs" / "cnn.json").write_text(json.dumps(description))
        refuses(message, directory)

    def test_no_table_at_all(self, tmp_path, refuses):
        directory = write_model(tmp_path / "model")
        (directory / "configs" / "cnn.json").write_text(json.dumps(architecture(word_dim=0, char_dim=0)))
        refuses("word_dim and char_dim: expected at least one above 0", directory)

    def test_an_architecture_of_another_name_that_is_missing(self, refuses):
        refuses("config_path: expected the JSON file .* pass the file with --options", config_path="/nowhere/mine.json")

    @pytest.mark.parametrize("name", ["encoder.pkl", "token_embedder.pkl", "char.dic", "word.dic"])
    def test_missing_files(self, tmp_path, refuses, name):
        directory = write_model(tmp_path / "model")
        (directory / name).unlink()
        refuses(f"contains no {name}", directory)

    @pytest.mark.parametrize("name", ["char.dic", "word.dic"])
    def test_tables_of_another_length(self, tmp_path, refuses, name):
        directory = write_model(tmp_path / "model")
        with open(directory / name, "a", encoding="utf-8") as file:
            file.write(f"one more\t{len(read_dic(directory / name))}\n")
        refuses("embedding.weight: expected shape", directory)

    def test_files_without_marks(self, refuses):
        refuses("word.dic: expected the unknown word <oov>", words=["the"])

    def test_numbers_that_are_none(self, tmp_path, refuses):
        directory = write_model(tmp_path / "model")
        _, lstms = states(architecture(), 1, 1)
        lstms["forward_layer_0.state_linearity.bias"][3] = float("nan")
        torch.save(lstms, directory / "encoder.pkl")
        refuses("encoder.pkl: 'forward_layer_0.state_linearity.bias': expected finite values", directory)


def test_a_directory_is_recognised_by_its_files(tmp_path):
    assert is_many_langs(write_model(tmp_path / "model"))
    assert not is_many_langs(tmp_path)


@pytest.mark.skipif(not FORMATS.is_dir(), reason="needs small models of other formats (formats/ in ELMO_TEST_FILES)")
class TestSharedModels:
    """Against what the original code computed."""

    @pytest.fixture(params=["char", "char_word"])
    def name(self, request):
        return request.param

    def test_all_sentences_and_all_output_layers(self, name):
        converted = read_many_langs(FORMATS / name)
        sentences = json.loads((FORMATS / "sentences.json").read_text())
        expected = np.load(FORMATS / name / "expected.npz")
        found = layers_of(loaded(converted), converted.tokenizer, sentences)
        for i, layers in enumerate(found):
            words = layers[:, 1:-1]
            np.testing.assert_allclose(words, expected[f"all.{i}"], atol=2e-5, rtol=0)
            for layer in range(3):
                np.testing.assert_allclose(words[layer], expected[f"layer_{layer}.{i}"], atol=2e-5, rtol=0)
            if sentences[i]:
                np.testing.assert_allclose(words.mean(axis=0), expected[f"mean.{i}"], atol=2e-5, rtol=0)
            equations = converted.expected_layers(sentences[i])[:, 1:-1]
            np.testing.assert_allclose(equations, expected[f"all.{i}"], atol=2e-5, rtol=0)
