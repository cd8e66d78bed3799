# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Token embeddings of a vocabulary: of a model that has nothing else, and written for those who want them cached."""

import h5py
import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from modeling_elmo.conversion_scripts import OriginalFiles, convert, export, reference
from tests.helpers.original_format import make_options, make_weights, read_hdf5, write_hdf5, write_model

from .conftest import WORDS


EMBEDDINGS = np.random.default_rng(1).standard_normal((len(WORDS), 5)).astype(np.float32)


def write_embeddings(source, values=EMBEDDINGS, name="embedding"):
    write_hdf5(source / "vocab_embedding.hdf5", {name: values})
    return {"token_embeddings": source / "vocab_embedding.hdf5"}


def word_layer(directory, words):
    """Layer 0 of a converted model, one copy, for each word of a sentence without its boundaries."""
    tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModel.from_pretrained(directory)
    inputs = tokenizer([words], is_split_into_words=True, add_special_tokens=False, return_tensors="pt")
    assert "character_ids" not in inputs
    with torch.no_grad():
        return model(**inputs, output_hidden_states=True).hidden_states[0][0, :, :5].numpy()


class TestRead:
    def test_beside_a_character_model_they_take_the_place_of_its_character_encoder(self, source, tmp_path):
        convert(OriginalFiles.find(source, **write_embeddings(source)), tmp_path / "elmo")
        model = AutoModel.from_pretrained(tmp_path / "elmo")
        assert model.config.token_input == "words"
        assert not any("character" in name for name, _ in model.named_parameters())
        found = word_layer(tmp_path / "elmo", ["the", "unheard", "<S>", "river"])
        np.testing.assert_array_equal(found, EMBEDDINGS[[3, 2, 0, 6]])

    def test_of_a_model_of_words_that_has_them_apart(self, source, tmp_path):
        options = make_options(reads_words=True)
        write_model(source, options, make_weights(options, num_words=0), words=WORDS)
        convert(OriginalFiles.find(source, **write_embeddings(source)), tmp_path / "elmo")
        np.testing.assert_array_equal(word_layer(tmp_path / "elmo", WORDS), EMBEDDINGS)

    def test_of_a_model_of_words_that_has_them_with_its_weights(self, source, tmp_path):
        weights = write_model(source, make_options(reads_words=True), words=WORDS)
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        np.testing.assert_array_equal(word_layer(tmp_path / "elmo", WORDS), weights["embedding"])

    def test_of_another_vocabulary_than_that_of_the_training(self, source, tmp_path, change_options):
        change_options(lambda options: options.update(n_tokens_vocab=793_471))
        convert(OriginalFiles.find(source, **write_embeddings(source)), tmp_path / "elmo")
        assert AutoModel.from_pretrained(tmp_path / "elmo").config.vocab_size == len(WORDS) + 2

    def test_of_a_vocabulary_with_a_padding_word_of_its_own(self, source, tmp_path):
        words = [*WORDS[:3], "<PAD>", *WORDS[3:7]]
        (source / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
        convert(OriginalFiles.find(source, **write_embeddings(source)), tmp_path / "elmo")
        np.testing.assert_array_equal(word_layer(tmp_path / "elmo", ["river"]), EMBEDDINGS[7:])
        config = AutoModel.from_pretrained(tmp_path / "elmo").config
        assert (config.vocab_size, config.pad_token_id) == (len(words) + 1, 3)

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_in_half_precision(self, source, tmp_path, dtype):
        convert(OriginalFiles.find(source, **write_embeddings(source)), tmp_path / "elmo", dtype=dtype)
        table = AutoModel.from_pretrained(tmp_path / "elmo").word_embedding.weight
        assert table.dtype == getattr(torch, dtype)
        assert torch.equal(table[: len(WORDS)], torch.from_numpy(EMBEDDINGS).to(table.dtype))
        assert not table[len(WORDS) :].any()


class TestRefused:
    @pytest.mark.parametrize("shape", [(7, 5), (9, 5), (8, 4), (5, 8), (8,), (1, 8, 5), (0, 5)])
    def test_wrong_shape(self, source, refuses, shape):
        found = f"vocab_embedding.hdf5: embedding: expected shape (8, 5), found {shape}"
        refuses(found, **write_embeddings(source, np.zeros(shape, np.float32)))

    def test_wrong_type(self, source, refuses):
        files = write_embeddings(source, EMBEDDINGS.astype(np.float64))
        refuses("vocab_embedding.hdf5: embedding: expected float32, found float64", **files)

    def test_not_finite(self, source, refuses):
        files = write_embeddings(source, np.full((8, 5), np.nan, np.float32))
        refuses("vocab_embedding.hdf5: embedding: expected finite values, found NaN or infinity", **files)

    def test_another_dataset(self, source, refuses):
        message = "vocab_embedding.hdf5: embeddings: not part of the model that the options describe"
        refuses(message, **write_embeddings(source, name="embeddings"))

    def test_no_dataset(self, source, refuses):
        write_hdf5(source / "vocab_embedding.hdf5", {})
        refuses(
            "vocab_embedding.hdf5: embedding: missing; expected shape (8, 5)",
            token_embeddings=source / "vocab_embedding.hdf5",
        )

    def test_link(self, source, refuses):
        with h5py.File(source / "vocab_embedding.hdf5", "w") as file:
            file["embedding"] = h5py.ExternalLink("weights.hdf5", "char_embed")
        refuses("embedding: expected a dataset, found a link", token_embeddings=source / "vocab_embedding.hdf5")

    def test_no_hdf5(self, source, refuses):
        refuses("vocab.txt: not a readable HDF5 file", token_embeddings=source / "vocab.txt")

    def test_no_file(self, source, refuses):
        refuses("--token-embeddings: ", token_embeddings=source / "missing.hdf5")

    def test_without_a_vocabulary(self, source, refuses):
        files = write_embeddings(source)
        (source / "vocab.txt").unlink()
        refuses("--vocab is required for a model that reads words", **files)

    def test_missing_from_a_model_of_words(self, source, refuses):
        options = make_options(reads_words=True)
        write_model(source, options, make_weights(options, num_words=0), words=WORDS)
        refuses("weights.hdf5: embedding: missing; pass a file that has it with --token-embeddings")

    def test_too_large_for_float16(self, source, tmp_path):
        files = OriginalFiles.find(source, **write_embeddings(source, EMBEDDINGS * 1e6))
        with pytest.raises(ValueError, match="vocab_embedding.hdf5: contains values too large for float16"):
            convert(files, tmp_path / "elmo", dtype="float16")
        assert not (tmp_path / "elmo").exists()


class TestWritten:
    ODD_WORDS = ["", "naïve", "日本", "x" * 200, "é" * 100, "New York", "<PAD>", "a\x00b", "\u2028"]

    def test_are_those_of_the_equations_for_every_word(self, source, tmp_path):
        words = [*WORDS, *self.ODD_WORDS]
        options = make_options()
        weights = write_model(source, options, words=words)
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back", token_embeddings=True)
        found = read_hdf5(tmp_path / "back" / "vocab_embedding.hdf5")
        assert found.keys() == {"embedding"}
        rows = [reference.character_ids(word, 50) for word in words]
        expected = reference.token_embeddings(weights, options, rows)
        assert found["embedding"].dtype == np.float32
        np.testing.assert_allclose(found["embedding"], expected, atol=1e-5, rtol=0)

    def test_batches_of_words_are_joined_in_order(self, source, tmp_path, monkeypatch):
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "whole", token_embeddings=True)
        monkeypatch.setattr("modeling_elmo.conversion_scripts.vocab_embedding_hdf5.BATCH_WORDS", 3)
        export(tmp_path / "elmo", tmp_path / "parts", token_embeddings=True)
        whole, parts = (read_hdf5(tmp_path / name / "vocab_embedding.hdf5")["embedding"] for name in ("whole", "parts"))
        np.testing.assert_allclose(parts, whole, atol=1e-6)

    @pytest.mark.parametrize("apart", [True, False])
    def test_of_a_model_of_words_are_its_table_bit_for_bit(self, source, tmp_path, apart):
        options = make_options(reads_words=True)
        weights = make_weights(options, num_words=0 if apart else len(WORDS))
        write_model(source, options, {**weights, **({} if apart else {"embedding": EMBEDDINGS})}, words=WORDS)
        files = write_embeddings(source) if apart else {}
        convert(OriginalFiles.find(source, **files), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back", token_embeddings=True)
        for name in ("vocab_embedding.hdf5", "weights.hdf5"):
            assert read_hdf5(tmp_path / "back" / name)["embedding"].tobytes() == EMBEDDINGS.tobytes()

    def test_make_the_same_model_reading_words(self, source, tmp_path):
        """A cached vocabulary, as in bilm-tf's `usage_token.py`: the numbers are those of the characters."""
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        export(tmp_path / "elmo", tmp_path / "back", token_embeddings=True)
        files = OriginalFiles.find(tmp_path / "back", token_embeddings=tmp_path / "back" / "vocab_embedding.hdf5")
        convert(files, tmp_path / "cached")
        outputs = []
        for name in ("elmo", "cached"):
            tokenizer, model = (kind.from_pretrained(tmp_path / name) for kind in (AutoTokenizer, AutoModel))
            inputs = tokenizer([["the", "bank", "of", "<UNK>"]], is_split_into_words=True, return_tensors="pt")
            with torch.no_grad():
                outputs.append(model.eval()(**inputs).last_hidden_state)
        torch.testing.assert_close(*outputs, atol=1e-5, rtol=0)
