# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""SOURCE is recognised: directories and archives of each format, and names of published models."""

import gzip
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard, constants
from transformers import AutoModel, AutoTokenizer

from modeling_elmo.conversion_scripts import (
    ConvertedModel,
    ElmoFormatError,
    OriginalFiles,
    SourceOptions,
    convert,
    export,
    open_source,
    sources,
)
from modeling_elmo.files.model_directory import LEMMAS_NOTE, reads_lemmas
from tests.conftest import SHARED
from tests.helpers.allennlp_format import EMBEDDER, elmo_settings, elmo_state, experiment, named, pack, write_model
from tests.helpers.http_server import HttpServer
from tests.helpers.original_format import make_options, make_weights, read_hdf5, write_hdf5


KEY = "model.text_field_embedder.token_embedders.elmo.options_file"


@pytest.fixture
def allennlp_dir(tmp_path):
    options = make_options()
    state = {**named(EMBEDDER, elmo_state(options, make_weights(options))), "rest": torch.zeros(2)}
    config = experiment({"elmo": elmo_settings(dropout=0.1)})
    return write_model(tmp_path / "allennlp", config, state, {KEY: json.dumps(options).encode()}, is_zip=False)


def converted(source, out, **given):
    with open_source(source, SourceOptions(**given)) as model:
        convert(model, out, force=True)
    return AutoModel.from_pretrained(out), AutoTokenizer.from_pretrained(out)


class TestAllenNLP:
    @pytest.mark.parametrize("folder", ["", "./", "model/"])
    def test_an_archive_converts_like_its_directory(self, allennlp_dir, tmp_path, folder):
        archive = pack(allennlp_dir, tmp_path / "model.tar.gz", folder)
        model, tokenizer = converted(archive, tmp_path / "a")
        other, _ = converted(allennlp_dir, tmp_path / "b")
        batch = tokenizer([["The", "bank"]], is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            assert torch.equal(model(**batch).last_hidden_state, other(**batch).last_hidden_state)
        assert torch.equal(model.scalar_mixes[0].weight, torch.tensor([0.1, -0.2, 0.3]))
        assert model.config.representation_dropout == 0.1

    def test_the_card_names_the_archive_and_what_was_left_out(self, allennlp_dir, tmp_path):
        archive = pack(allennlp_dir, tmp_path / "model.tar.gz")
        converted(archive, tmp_path / "a", language=["en"])
        card = ModelCard.load(tmp_path / "a" / "README.md")
        assert "| model.tar.gz |" in card.text
        assert "- Parts of the AllenNLP model beside this ELMo are left out: rest." in card.text
        assert "converted from the ELMo text_field_embedder.token_embedder_elmo of an AllenNLP model" in card.text

    def test_a_saved_model_stays_the_same(self, allennlp_dir, tmp_path):
        model, _ = converted(allennlp_dir, tmp_path / "a")
        model.save_pretrained(tmp_path / "b")
        again = AutoModel.from_pretrained(tmp_path / "b")
        for name, value in model.state_dict().items():
            assert torch.equal(value, again.state_dict()[name])

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_half_precision(self, allennlp_dir, tmp_path, dtype):
        model, _ = converted(allennlp_dir, tmp_path / "a", dtype=dtype)
        assert str(model.dtype) == f"torch.{dtype}"

    def test_nothing_is_left_behind_after_an_error(self, allennlp_dir, tmp_path):
        (allennlp_dir / "fta" / KEY).write_text("{}")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ElmoFormatError), open_source(allennlp_dir, SourceOptions()) as model:
            convert(model, tmp_path / "new" / "elmo")
        assert sorted(tmp_path.rglob("*")) == before

    def test_the_source_is_never_replaced(self, allennlp_dir):
        with (
            pytest.raises(ElmoFormatError, match=r"weights\.th is read from it|another directory"),
            open_source(allennlp_dir, SourceOptions()) as model,
        ):
            convert(model, allennlp_dir, force=True)


class TestOriginalFiles:
    @pytest.mark.parametrize("kind", ["zip", "gztar", "bztar"])
    def test_an_archive_converts_like_its_directory(self, original_dir, tmp_path, kind):
        archive = Path(shutil.make_archive(str(tmp_path / "model"), kind, original_dir))
        found, _ = converted(archive, tmp_path / "a")
        expected, _ = converted(original_dir, tmp_path / "b")
        for name, value in expected.state_dict().items():
            assert torch.equal(value, found.state_dict()[name])

    def test_errors_name_the_archive(self, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "a").touch()
        archive = Path(shutil.make_archive(str(tmp_path / "model"), "zip", tmp_path / "empty"))
        with (
            pytest.raises(ElmoFormatError, match=r"^model\.zip: contains no options\.json"),
            open_source(archive, SourceOptions()),
        ):
            pass

    def test_a_directory_is_found(self, original_dir):
        with open_source(original_dir, SourceOptions()) as model:
            assert model.files == OriginalFiles.find(original_dir).all()

    @pytest.mark.parametrize(
        ("weights", "vocabulary"),
        [
            ("model.hdf5", "vocab.txt"),
            ("elmo_weights.hdf5", "vocab.txt.gz"),
            ("anything.hdf5", "elmo-vocab.txt"),
            ("weights.hdf5", None),
        ],
    )
    def test_files_have_any_of_the_usual_names(self, original_dir, model_dir, tmp_path, weights, vocabulary):
        source = tmp_path / "source"
        source.mkdir()
        shutil.copy(original_dir / "options.json", source)
        shutil.copy(original_dir / "weights.hdf5", source / weights)
        if vocabulary is not None:
            data = (original_dir / "vocab.txt").read_bytes()
            (source / vocabulary).write_bytes(gzip.compress(data) if vocabulary.endswith(".gz") else data)
        for name in (source, source / weights):
            converted(name, tmp_path / "a")
            assert (tmp_path / "a" / "model.safetensors").read_bytes() == (model_dir / "model.safetensors").read_bytes()
            if vocabulary is not None:
                assert (tmp_path / "a" / "tokenizer.json").read_bytes() == (model_dir / "tokenizer.json").read_bytes()

    def test_a_projection_where_sizes_agree_is_used_and_exported(self, tmp_path):
        options = make_options(projection_dim=6, filters=[(1, 2), (2, 4)])
        weights = make_weights(options)
        rng = np.random.default_rng(1)
        weights["CNN_proj/W_proj"] = rng.standard_normal((6, 6)).astype(np.float32)
        weights["CNN_proj/b_proj"] = rng.standard_normal(6).astype(np.float32)
        source = tmp_path / "source"
        source.mkdir()
        (source / "options.json").write_text(json.dumps(options))
        write_hdf5(source / "weights.hdf5", weights)
        # Conversion compares the model with the equations.
        model, _ = converted(source, tmp_path / "a")
        assert model.config.character_projection is True
        export(tmp_path / "a", tmp_path / "back")
        found = read_hdf5(tmp_path / "back" / "weights.hdf5")
        assert found.keys() == weights.keys()
        for name, values in weights.items():
            np.testing.assert_array_equal(found[name], values)

    @pytest.mark.parametrize("kind", ["model.zip", "model_without_vocab.zip", "folder"])
    def test_models_of_the_nlpl_repository_give_the_numbers_of_simple_elmo(self, tmp_path, kind):
        folder = SHARED / "formats" / "nlpl"
        if not folder.is_dir():
            pytest.skip("needs small models of other formats (formats/ in ELMO_TEST_FILES)")
        source = folder / kind
        if kind == "folder":
            source = tmp_path / "source"
            with zipfile.ZipFile(folder / "model_without_vocab.zip") as archive:
                archive.extractall(source)
            shutil.copy(folder / "vocab.txt.gz", source)
        model, tokenizer = converted(source, tmp_path / "a")
        sentences = json.loads((folder / "sentences.json").read_text())
        batch = tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
        with torch.no_grad():
            layers = torch.stack(model(**batch, output_hidden_states=True).hidden_states, 1)
        expected = np.load(folder / "expected.npz")["all"]
        for found, wanted, words in zip(layers, expected, sentences):
            np.testing.assert_allclose(found[:, 1 : len(words) + 1].numpy(), wanted[:, : len(words)], atol=2e-6, rtol=0)


class TestNames:
    def test_of_collections_are_fetched_and_converted(self, original_dir, allennlp_dir, tmp_path, monkeypatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        nlpl = Path(shutil.make_archive(str(tmp_path / "model"), "zip", original_dir)).read_bytes()
        files = {
            "/repository/20/211.zip": nlpl,
            "/models/ner-model-2018.12.18.tar.gz": pack(allennlp_dir, tmp_path / "m.tar.gz").read_bytes(),
        }
        with HttpServer(files) as server:
            given = {"mirror": server.url, "cache_dir": tmp_path / "cache"}
            converted(Path("nlpl/211"), tmp_path / "a", **given)
            with open_source(Path("allennlp/ner-model-2018.12.18"), SourceOptions(**given)) as model:
                assert isinstance(model, ConvertedModel)
                assert np.isfinite(model.expected_layers(["bank"])).all()

    def test_a_directory_of_that_name_comes_first(self, original_dir, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        shutil.copytree(original_dir, tmp_path / "nlpl" / "211")
        with open_source(Path("nlpl/211"), SourceOptions()) as model:
            assert model.files[0] == Path("nlpl/211/options.json")

    def test_mirrors_are_for_names(self, original_dir):
        with (
            pytest.raises(ElmoFormatError, match="--mirror and --cache-dir: expected the name of a published model"),
            open_source(original_dir, SourceOptions(mirror="https://example.org")),
        ):
            pass


class TestLemmas:
    """A model that reads lemmas says so in its card, where `elmo embed` looks."""

    def test_by_the_description_in_its_directory(self, original_dir, tmp_path):
        source = shutil.copytree(original_dir, tmp_path / "source")
        (source / "meta.json").write_text(json.dumps({"corpus": [{"language": "rus", "lemmatized": True}]}))
        with open_source(source, SourceOptions()) as model:
            assert model.language == ["rus"]
            assert LEMMAS_NOTE in model.notes
            convert(model, tmp_path / "out")
        assert reads_lemmas(tmp_path / "out")

    @pytest.mark.parametrize(("name", "notes"), [("nlpl/196", [LEMMAS_NOTE]), ("nlpl/195", [])])
    def test_by_the_table_of_published_models(self, original_dir, monkeypatch, name, notes):
        monkeypatch.setattr(sources, "fetch_published", lambda *_: original_dir)
        with open_source(Path(name), SourceOptions()) as model:
            assert model.notes == notes

    @pytest.mark.parametrize(
        ("card", "expected"),
        [
            ("trained on lemmatised text", True),
            ("It reads lemmas.", True),
            ("Lemmas of a theorem", False),
            ("It reads words.", False),
        ],
    )
    def test_by_the_card(self, tmp_path, card, expected):
        assert not reads_lemmas(tmp_path)
        (tmp_path / "README.md").write_text(card)
        assert reads_lemmas(tmp_path) is expected
