# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card: true of the model, well-formed whatever the files are called."""

import hashlib

import pytest
import yaml

from modeling_elmo import ElmoConfig
from modeling_elmo.conversion_scripts import OriginalFiles, convert
from modeling_elmo.conversion_scripts.conversion_card import write_model_card


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
    write_model_card(tmp_path, ElmoConfig(token_input="words", vocab_size=1002), [])
    card = (tmp_path / "README.md").read_text()
    assert "| Input | words, a vocabulary of 1,002 |" in card
    assert "language model over words" in card
    assert "onvolution" not in card
    assert "character" not in card


def test_begins_with_metadata_that_the_hub_reads(tmp_path):
    write_model_card(tmp_path, ElmoConfig(), [])
    _, metadata, _ = (tmp_path / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(metadata)["library_name"] == "transformers"


def test_links_source_files_to_where_they_were_published(tmp_path):
    for name in ("options.json", "vocab.txt"):
        (tmp_path / name).write_text("")
    addresses = {"options.json": "https://example.org/options.json"}
    write_model_card(tmp_path, ElmoConfig(), [tmp_path / "options.json", tmp_path / "vocab.txt"], addresses=addresses)
    card = (tmp_path / "README.md").read_text()
    assert "| [options.json](https://example.org/options.json) | 0 |" in card
    assert "| vocab.txt | 0 |" in card


@pytest.mark.parametrize("name", ["a|b.json", "a\nb.json", "naïve 日本.json"])
def test_names_of_files_do_not_break_the_table(tmp_path, name):
    (tmp_path / name).write_text("")
    write_model_card(tmp_path, ElmoConfig(), [tmp_path / name])
    last = (tmp_path / "README.md").read_text().splitlines()[-1]
    assert last.replace("\\|", "").count("|") == 4
    assert last.startswith("| ")
