# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The nearest words by static vectors, and the table beside nearest contexts."""

import pytest
import torch

from benchmarks.quality.nearest_words import main, nearest_words
from modeling_elmo import ElmoTokenizer


TOKENIZER = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "play", "game", "theatre", "Play", "far"])
VECTORS = torch.tensor([[0.0, 0], [0, 0], [0, 0], [1, 0.2], [1, 0], [0, 1], [1, 0.2], [-1, 0], [0, 0], [0, 0]])


def test_nearest_words_are_by_cosine_without_the_word_itself():
    assert nearest_words("play", VECTORS, TOKENIZER, 2) == ["game", "theatre"]


@pytest.mark.parametrize("word", ["unknown", "<S>"])
def test_a_word_without_a_vector_is_named(word):
    with pytest.raises(ValueError, match=word):
        nearest_words(word, VECTORS, TOKENIZER, 2)


def test_the_table_has_static_words_and_contexts(model_dir, tmp_path, capsys):
    (tmp_path / "glove.txt").write_text("bank 1 0\nriver 0.5 0.5\nthe 0 1\n")
    (tmp_path / "corpus.txt").write_text("the bank of the river .\nthe river .\nthe bank .\n")
    main(tmp_path / "glove.txt", model_dir, str(tmp_path / "corpus.txt"), ["the [bank] ."], layer="top", number=1)
    rows = capsys.readouterr().out.splitlines()
    assert rows[2].startswith("| static | bank | river")
    assert rows[3] == "| ELMo | the [bank] . | the [bank] . |"
