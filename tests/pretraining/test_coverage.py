# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How much of a text a vocabulary covers, and when that stops a training."""

import warnings

import pytest

from modeling_elmo import ElmoForPreTraining, ElmoTokenizer
from modeling_elmo.model.text_warnings import ElmoWarning
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.coverage import check_coverage, measure_coverage
from modeling_elmo.pretraining.perplexity import one_process


MARKS = ["<S>", "</S>", "<UNK>"]
LINES = ["the bank of the river", "the banco del rio", f"the {'x' * 60}"]


@pytest.fixture
def check(tiny_config, tmp_path):
    def run(words, lines=LINES, min_coverage=0.5, is_raw=False, **fields):
        (tmp_path / "a.txt").write_text("\n".join(lines))
        tokenizer = ElmoTokenizer(vocab=[*MARKS, *words])
        model = ElmoForPreTraining(tiny_config(vocab_size=len(tokenizer), **fields))
        corpus = TextFiles([tmp_path / "a.txt"])
        return check_coverage(corpus, model, tokenizer, one_process(2, 5, is_raw), min_coverage)

    return run


def test_the_share_is_said(check, tmp_path):
    with pytest.warns(ElmoWarning, match=r"a\.txt: words longer than the 48 bytes that the model reads: 1 of 8, "):
        assert check(["the", "bank", "of"]) == f"the vocabulary covers 54.55% of 11 words of {tmp_path / 'a.txt'}"


def test_the_wrong_vocabulary_is_refused(check):
    message = r"covers 18\.18% of 11 words of .*a\.txt, expected at least 50%; .* that it lacks is 'the'\. Is it made"
    with pytest.raises(ValueError, match=message):
        check(["banco", "del"])
    with pytest.warns(ElmoWarning, match="longer"):
        assert "18.18%" in check(["banco", "del"], min_coverage=0.1)


def test_text_that_is_not_split_is_noticed(check):
    lines = ["The bank.", "The river.", "The end."]
    words = ["The", "bank", "river", "end", "."]
    with pytest.raises(ValueError, match=r"covers 50\.00% .* expected at least 60%; .* lacks is 'bank\.'"):
        check(words, lines, 0.6)
    assert "covers 100.00% of 9 words" in check(words, lines, 0.6, is_raw=True)
    with pytest.warns(ElmoWarning, match=r"a\.txt: words with a mark at their end: 3 of 6, such as 'bank\.'\. "):
        check(words, lines)


def test_a_vocabulary_without_words_is_there_on_purpose(check):
    with pytest.warns(ElmoWarning, match=r"covers 0\.00% .*: it has no words, so that the model learns nothing but"):
        check([], LINES[:1])


def test_a_vocabulary_of_characters_covers_text_of_characters(check):
    assert "100.00%" in check(["a", "b"], ["a b a a", "b b"])


def test_a_model_of_words_cuts_none(check):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(["the", "bank", "of"], token_input="words", pad_token_id=None)


def test_words_are_looked_up_by_their_first_characters(tmp_path):
    (tmp_path / "a.txt").write_text("banking banks\n")
    tokenizer = ElmoTokenizer(vocab=[*MARKS, "bank"], max_lookup_characters=4)
    assert measure_coverage(TextFiles([tmp_path / "a.txt"]), tokenizer, tokenizer.split_words).share == 1.0


def test_lines_of_the_whole_file_are_counted(monkeypatch, tmp_path):
    monkeypatch.setattr("modeling_elmo.pretraining.coverage.MAX_LINES", 4)
    (tmp_path / "a.txt").write_text("title page\n" * 2 + "the river\n" * 6)
    tokenizer = ElmoTokenizer(vocab=[*MARKS, "the", "river"])
    coverage = measure_coverage(TextFiles([tmp_path / "a.txt"]), tokenizer, tokenizer.split_words)
    assert (coverage.num_words, coverage.num_known, coverage.unknown) == (8, 6, "title")
