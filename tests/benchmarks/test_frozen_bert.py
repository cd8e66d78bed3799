# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A frozen BERT that task models read as an ELMo."""

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.quality.frozen_bert import BertReader, FrozenBert, save_stand_in
from modeling_elmo import ElmoTokenizer


@pytest.fixture
def frozen(bert_dir, tmp_path):
    FrozenBert.reader = BertReader(bert_dir)
    save_stand_in(FrozenBert.reader, tmp_path)
    model = FrozenBert.from_pretrained(tmp_path).eval()
    model.cache_texts(10**6)
    yield model
    del FrozenBert.reader


def test_a_word_has_the_layers_of_its_first_subword(frozen, bert_dir):
    tokenizer, bert = AutoTokenizer.from_pretrained(bert_dir), AutoModel.from_pretrained(bert_dir).eval()
    with torch.no_grad():
        states = bert(**tokenizer("ada the", return_tensors="pt"), output_hidden_states=True).hidden_states
        # [CLS] a ##d ##a the [SEP]; a new mix is the average.
        expected = torch.stack(states).mean(0)[0, [1, 4]]
        texts = [["ada", "the"], ["the", "\u200b", "ada", "."]]
        batch = ElmoTokenizer()(texts, is_split_into_words=True, padding=True, return_tensors="pt")
        for _ in range(2):
            # The second time from the cache, in half precision in both.
            found = frozen(**batch).last_hidden_state
            torch.testing.assert_close(found[0, 1:3], expected, atol=2e-3, rtol=0)
            assert not found[0, [0, 3, 4, 5]].any()
            # BERT's tokenizer drops this word.
            assert not found[1, 2].any()
    trained = {name for name, weight in frozen.named_parameters() if weight.requires_grad}
    assert trained == {"scalar_mixes.0.gamma", "scalar_mixes.0.weight"}


def test_the_texts_of_a_pair_are_read_separately(frozen):
    pair = ElmoTokenizer()([["ada", "the"]], [["the", "ver"]], is_split_into_words=True, return_tensors="pt")
    single = ElmoTokenizer()([["the", "ver"]], is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        found, expected = frozen(**pair).last_hidden_state[0], frozen(**single).last_hidden_state[0]
    torch.testing.assert_close(found[-len(expected) :], expected, atol=2e-3, rtol=0)
