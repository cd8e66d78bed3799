# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What the embedder says of texts that are probably not meant as it reads them."""

import io
import warnings

import pytest
import torch

from modeling_elmo import ElmoEmbedder, ElmoModel, ElmoTokenizer
from modeling_elmo.embedding import embed_corpus
from modeling_elmo.embedding.sources import TextLines
from modeling_elmo.model.text_warnings import ElmoWarning


LONG = "x" * 60


@pytest.fixture
def embedder(tiny_config):
    return ElmoEmbedder(ElmoModel(tiny_config()), layers="top")


def said(embed, *arguments):
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(embed(*arguments))
    return [str(warning.message) for warning in caught if warning.category is ElmoWarning]


def test_a_single_text_is_one_sentence(embedder):
    (vectors,) = embedder.embed("The bank of the river.")
    (expected,) = embedder.embed(["The bank of the river."])
    assert len(vectors) == 6
    assert torch.equal(vectors, expected)
    with pytest.raises(ValueError, match=r"column: expected the text of a batch, found one text; use map"):
        embedder({"text": "The bank of the river."})
    with pytest.raises(ValueError, match="sentences: expected texts, found columns: text; pass one"):
        next(embedder.embed({"text": ["The bank of the river."]}))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["I", "love"], "texts of one word: all 2, such as 'I'. "),
        ([["I"], ["love"], []], "texts of one word: all 2, such as 'I'. "),
        ([["a whole sentence"]], "words with white space inside: 1 of 1, such as 'a whole sentence'. "),
        ([["a whole sentence"], ["and another"]], "words with white space inside: 2 of 2, such as 'a whole sentence'"),
        ([["New York", LONG, "is"]], "words with white space inside: 1 of 3, such as 'New York'. "),
        ([["Hello,", "bank."]], "words with a mark at their end: 2 of 2, such as 'Hello,'. If it is raw text, --raw"),
        ([["the", "bank."], ["a", "river."]], "words with a mark at their end: 2 of 4, such as 'bank.'. "),
        (
            [f"a {LONG}", f"b {LONG}xx"],
            f"words longer than the 48 bytes that the model reads: 2 of 4, the longest '{'x' * 40}'... (62 characters)",
        ),
        (["\u044f" * 24 + " a", "\u044f" * 25 + " a"], "words longer than the 48 bytes that the model reads: 1 of 4, "),
    ],
)
def test_what_is_unusual_is_said(embedder, texts, message):
    assert said(embedder.embed, texts)[0].startswith(message)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ElmoWarning)
        with pytest.raises(ElmoWarning, match="."):
            list(embedder.embed(texts))


@pytest.mark.parametrize(
    "texts",
    [
        "bank",
        ["bank"],
        [["bank"]],
        [],
        [""],
        ["", "bank", ""],
        ["The bank.", "river"],
        [["x" * 48, "\u3042" * 16]],
        [["Acme", "Inc."]],
        ["Hello, bank.", "Oh, no!"],
    ],
)
def test_nothing_is_said_of_usual_texts(embedder, texts):
    assert said(embedder.embed, texts) == []


def test_each_kind_is_said_once_however_many_windows(tiny_config):
    embedder = ElmoEmbedder(ElmoModel(tiny_config()), layers="top", window_words=8)
    texts = [["a b", LONG, "is"]] * 9
    assert [message.partition(":")[0] for message in said(embedder.embed, texts)] == [
        "words with white space inside",
        "words longer than the 48 bytes that the model reads",
    ]


def test_few_long_words_are_counted_to_the_end(tiny_config):
    embedder = ElmoEmbedder(ElmoModel(tiny_config()), layers="top", window_words=300)
    texts = ["a " * 299 + LONG] * 3
    (message,) = said(embedder.embed, texts)
    assert ": 3 of 900, " in message


def test_a_map_says_it_once_and_keeps_its_hash(embedder):
    before = embedder.__getstate__()
    batches = [{"text": ["I", "love"]}, {"text": [f"it {LONG}"]}, {"text": [f"it {LONG}"]}]
    messages = [message for batch in batches for message in said(embedder, batch)]
    assert [message.split()[:3] for message in messages] == [["texts", "of", "one"], ["words", "longer", "than"]]
    assert embedder.__getstate__() == before


def test_a_model_of_words_says_that_most_are_unknown(tiny_config):
    tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "the", "bank"])
    config = tiny_config(token_input="words", vocab_size=len(tokenizer), pad_token_id=None)
    embedder = ElmoEmbedder(ElmoModel(config), tokenizer, layers="top")
    assert said(embedder.embed, [f"the bank of {LONG}"]) == []
    (message,) = said(embedder.embed, ["The Bank of the river"])
    assert message.startswith("words outside the vocabulary: 4 of 5, such as 'river'.")


class TestCorpus:
    def test_standard_input_is_refused_before_there_is_an_output(self, embedder, tmp_path, monkeypatch):
        lines = io.TextIOWrapper(io.BytesIO(b"the\nbank\n"))
        monkeypatch.setattr("sys.stdin", lines)
        with pytest.raises(ElmoWarning, match="texts of one word: all 2"):
            embed_corpus(embedder, TextLines("-"), tmp_path / "v.hdf5", strict=True, write=str)
        assert not list(tmp_path.iterdir())

    def test_the_whole_corpus_is_counted(self, embedder, tmp_path):
        (tmp_path / "text.txt").write_text(f"the {'bank ' * 150}{LONG}\n" * 3)
        source, output = TextLines(tmp_path / "text.txt"), tmp_path / "v.hdf5"
        with pytest.warns(ElmoWarning, match=": 3 of 456, "):
            embed_corpus(embedder, source, output, shard_bytes=1, write=str)
