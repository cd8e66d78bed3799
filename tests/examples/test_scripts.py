# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What all scripts have in common."""

import importlib
import sys
from pathlib import Path

import pytest

from fine_tuning import with_vocabulary
from modeling_elmo import ElmoConfig, ElmoTokenizer


EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))
SCRIPTS = [path.stem for path in FILES if "\ndef main(arguments" in path.read_text(encoding="utf-8")]


def test_scripts_are_found():
    assert "run_text_classification" in SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_explains_its_arguments(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(script).main()
    assert not stop.value.code
    assert "usage" in capsys.readouterr().out.lower()


@pytest.mark.parametrize("has_file", [True, False])
def test_a_file_of_vectors_adds_the_words_of_the_data_to_the_vocabulary(has_file):
    known = ["<S>", "</S>", "<UNK>", "the", "bank"]
    texts = [["the", "Oslo", "river"], "a bank"]
    found = with_vocabulary(ElmoTokenizer(vocab=known), ElmoConfig(vocab_size=7), texts, has_file)
    assert found.get_words()[: found.num_words] == known + ["Oslo", "river", "a"] * has_file
