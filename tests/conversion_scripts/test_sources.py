# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""SOURCE is recognised: directories and archives of each format, and names of published models."""

import json
import shutil
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
    open_source,
)
from tests.helpers.allennlp_format import EMBEDDER, elmo_settings, elmo_state, experiment, named, pack, write_model
from tests.helpers.http_server import HttpServer
from tests.helpers.original_format import make_options, make_weights


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
