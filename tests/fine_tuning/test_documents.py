# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents as inputs of the model of coreference."""

import pytest

from modeling_elmo.fine_tuning import DocumentCollator, encode_document
from tests.helpers.task_examples import TOKENIZER


def test_sentences_alternate_and_mentions_have_the_number_of_their_cluster():
    example = encode_document(TOKENIZER, [["the", "bank"], ["river"]], [[(0, 1)], [(2, 2), (1, 1)]])
    assert example["token_type_ids"] == [0, 0, 0, 0, 1, 1, 1]
    assert example["input_ids"] == [0, 3, 4, 1, 0, 6, 1]
    assert (example["start_positions"], example["end_positions"]) == ([0, 2, 1], [1, 2, 1])
    assert example["labels"] == [0, 1, 1]


def test_documents_and_mentions_are_padded():
    documents = [([["the", "bank"], ["river"]], [[(0, 1), (2, 2)]]), ([["bank"]], [])]
    batch = DocumentCollator(TOKENIZER)([encode_document(TOKENIZER, *document) for document in documents])
    assert batch["attention_mask"].tolist() == [[1] * 7, [1, 1, 1, 0, 0, 0, 0]]
    assert batch["labels"].tolist() == [[0, 0], [-100, -100]]
    assert batch["end_positions"].tolist() == [[1, 2], [-100, -100]]
    without = DocumentCollator(TOKENIZER)([encode_document(TOKENIZER, [["bank"]])])
    assert "labels" not in without


def test_a_word_that_is_a_sentence_boundary_is_an_error():
    with pytest.raises(ValueError, match="sentences: expected words, found '<S>'"):
        encode_document(TOKENIZER, [["the", "<S>"]])
