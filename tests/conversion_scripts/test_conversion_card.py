# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card: true of the model, well-formed whatever the files are called."""

import hashlib

import numpy as np
import pytest
import yaml

from modeling_elmo import ElmoConfig, ElmoTokenizer
from modeling_elmo.conversion_scripts import ConvertedModel, OriginalFiles, convert
from modeling_elmo.conversion_scripts.conversion_card import conversion_card


def card_of(folder, config=None, weights="weights.hdf5", addresses=None):
    """The card of a model whose original files are empty."""
    files = OriginalFiles(folder / "options.json", folder / weights, addresses=addresses or {})
    for path in files.all():
        path.touch()
    model = ConvertedModel(
        description="the original files",
        config=config or ElmoConfig(),
        parameters={},
        tokenizer=ElmoTokenizer(),
        files=files.all(),
        notes=[],
        expected_layers=lambda words: np.zeros((3, len(words) + 2, 1)),
        language=[],
        addresses=files.addresses,
    )
    return conversion_card(model, [1e-7, 1e-7, 1e-7])


def test_names_the_source_files_with_their_digests(source, tmp_path):
    convert(OriginalFiles.find(source), tmp_path / "elmo")
    card = (tmp_path / "elmo" / "README.md").read_text()
    for name in ("options.json", "weights.hdf5", "vocab.txt"):
        content = (source / name).read_bytes()
        assert f"| {name} | {len(content):,} | {hashlib.sha256(content).hexdigest()} |" in card


def test_describes_the_architecture(source, tmp_path):
    convert(OriginalFiles.find(source), tmp_path / "elmo", dtype="bfloat16")
    card = (tmp_path / "elmo" / "README.md").read_text()
    for line in ("| LSTM layers | 2, in both directions |", "| Skip connections | yes |", "| Weights | bfloat16 |"):
        assert line in card


def test_of_a_model_of_words_says_nothing_of_characters(tmp_path):
    card = card_of(tmp_path, ElmoConfig(token_input="words", vocab_size=1002))
    assert "| Input | words, a vocabulary of 1,002 |" in card
    assert "language model over words" in card
    assert "onvolution" not in card
    assert "character" not in card


def test_begins_with_metadata_that_the_hub_reads(tmp_path):
    _, metadata, _ = card_of(tmp_path).split("---\n", 2)
    assert yaml.safe_load(metadata)["library_name"] == "transformers"


def test_links_source_files_to_where_they_were_published(tmp_path):
    card = card_of(tmp_path, addresses={"options.json": "https://example.org/options.json"})
    assert "| [options.json](https://example.org/options.json) | 0 |" in card
    assert "| weights.hdf5 | 0 |" in card


@pytest.mark.parametrize("name", ["a|b.json", "a\nb.json", "naïve 日本.json"])
def test_names_of_files_do_not_break_the_table(tmp_path, name):
    last = card_of(tmp_path, weights=name).splitlines()[-1]
    assert last.replace("\\|", "").count("|") == 4
    assert last.startswith("| ")
