# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The nearest contexts of a word are those with the largest cosine, wherever they are in the corpus."""

from itertools import count, repeat

import numpy as np
import pytest
import torch

from modeling_elmo import ElmoEmbedder, ElmoModel
from modeling_elmo.embedding.neighbors import marked_word, nearest_contexts
from modeling_elmo.embedding.sources import TextLines
from modeling_elmo.model.text_warnings import ElmoWarning


@pytest.fixture(scope="module")
def embedder(model_dir):
    return ElmoEmbedder(ElmoModel.from_pretrained(model_dir), layers="top", window_words=30, piece_words=40)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    generator = np.random.default_rng(0)
    words = ["the", "bank", "of", "river", "."]
    lines = [" ".join(words[number] for number in generator.integers(0, 5, 8)) for _ in range(60)]
    lines[7], lines[9] = "", "the river " * 30 + "bank of"
    lines[20] = lines[21] = "he sat on the bank of the river ."
    path = tmp_path_factory.mktemp("neighbors") / "corpus.txt"
    path.write_text("\n".join(lines))
    return path


SENTENCE = ["he", "sat", "on", "the", "bank", "of", "the", "river", "."]


@pytest.fixture(scope="module")
def cosines(embedder, corpus):
    """The cosine, line, index and word of each word, of lines that are embedded one by one."""
    (own,) = embedder.embed([SENTENCE])
    found = []
    for line, text in enumerate(corpus.read_text().split("\n"), start=1):
        (vectors,) = embedder.embed([text.split()])
        cosines = torch.nn.functional.cosine_similarity(vectors, own[4], dim=-1)
        found += zip(cosines.tolist(), repeat(line), count(), text.split())
    return found


@pytest.mark.parametrize("any_word", [False, True])
@pytest.mark.parametrize("top_k", [1, 7, 1000])
def test_have_the_largest_cosines(embedder, corpus, cosines, any_word, top_k):
    found = nearest_contexts(embedder, TextLines(corpus), SENTENCE, 4, top_k, any_word=any_word)
    expected = [(cosine, line, index) for cosine, line, index, word in cosines if any_word or word == "bank"]
    expected.sort(key=lambda entry: (-round(entry[0], 5), entry[1:]))
    assert len(found) == min(top_k, len(expected))
    np.testing.assert_allclose(
        [context.similarity for context in found], [entry[0] for entry in expected[:top_k]], atol=1e-5
    )
    assert (found[0].line, found[0].index) == (21, 4)
    assert found[0].marked() == "he sat on the [bank] of the river ."


def test_distant_words_are_not_shown(embedder, corpus):
    found = nearest_contexts(embedder, TextLines(corpus), SENTENCE, 4, 1000)
    (long,) = [context for context in found if context.line == 10]
    assert long.marked() == "... " + "the river " * 6 + "[bank] of"


class TestMarkedWord:
    def test_finds_the_word(self, embedder):
        sentence = "He sat on the [bank] of the bank ."
        assert marked_word(embedder, sentence) == (sentence.replace("[", "").replace("]", "").split(), 4)
        words, index = marked_word(embedder, "Don't [stop], he said.", tokenized=False)
        assert (words, index) == (["Do", "n't", "stop", ",", "he", "said", "."], 2)

    @pytest.mark.parametrize(
        ("sentence", "message"),
        [
            ("no mark", "expected one word in brackets, .* found 0"),
            ("[two] [marks]", "found 2"),
            ("part[ly] .", "expected one of the words 'partly .' in brackets, found 'ly'"),
            ("[two words]", "found 'two words'"),
        ],
    )
    def test_invalid_sentences(self, embedder, sentence, message):
        with pytest.raises(ValueError, match=message):
            marked_word(embedder, sentence)


def test_needs_one_vector_for_each_word(embedder, corpus):
    for kwargs in ({"layers": "all"}, {"pool": "mean"}, {"keep_boundaries": True}):
        with pytest.raises(ValueError, match="embedder must give one vector per word"):
            nearest_contexts(ElmoEmbedder(embedder.model, **kwargs), TextLines(corpus), SENTENCE, 4)
    with pytest.raises(ValueError, match="top_k: expected at least 1, found 0"):
        nearest_contexts(embedder, TextLines(corpus), SENTENCE, 4, 0)


def test_a_corpus_of_one_word_each_is_said(embedder, tmp_path):
    (tmp_path / "x.txt").write_text("the\nbank\nriver\n")
    with pytest.warns(ElmoWarning, match="texts of one word: all 3"):
        nearest_contexts(embedder, TextLines(tmp_path / "x.txt"), SENTENCE, 4)
