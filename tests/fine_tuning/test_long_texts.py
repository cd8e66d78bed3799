# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pairs of texts whose second is encoded sentence by sentence."""

from modeling_elmo import ElmoTokenizer
from modeling_elmo.fine_tuning import encode_by_sentence


TOKENIZER = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "a", "b", "."])


def test_each_sentence_has_its_boundaries_and_type():
    feature, spans = encode_by_sentence(TOKENIZER, "b", " a.  b a\nb", [(1, 3), (5, 8), (9, 10)])
    assert feature["input_ids"] == [0, 4, 1, 0, 3, 5, 1, 0, 4, 3, 1, 0, 4, 1]
    assert feature["token_type_ids"] == [0] * 3 + [1] * 4 + [2] * 4 + [1] * 3
    assert spans == [*[None] * 4, (1, 2), (2, 3), None, None, (5, 6), (7, 8), None, None, (9, 10), None]
    assert len(feature["character_ids"]) == len(feature["attention_mask"]) == 14


def test_a_text_of_one_sentence_is_encoded_as_a_pair():
    feature, _ = encode_by_sentence(TOKENIZER, "a b", "b.", [(0, 2)])
    assert feature == dict(TOKENIZER("a b", "b."))


def test_an_empty_text_has_no_words():
    feature, spans = encode_by_sentence(TOKENIZER, "a", "", [])
    assert feature["token_type_ids"] == [0] * 3
    assert spans == [None] * 3
