# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Perplexity of text is what every sentence by itself gives."""

import math

import numpy as np
import pytest

from modeling_elmo import ElmoTokenizer
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.perplexity import load_language_model, measure_perplexity, one_process
from tests.helpers.training_examples import WORDS, start


def test_is_that_of_every_sentence_by_itself(text):
    model, tokenizer = start().model, start().tokenizer
    corpus = TextFiles([text / "a.txt"])
    result = measure_perplexity(model, tokenizer, corpus, one_process(3, 5, sentence_per_row=True))
    sums, count, unknown = np.zeros(2), 0, 0
    for line in corpus.read(0):
        batch = tokenizer(line.split(), is_split_into_words=True, return_tensors="pt")
        output = model.eval()(**batch, labels=batch["input_ids"])
        number = len(line.split()) + 1
        sums += number * np.array([output.forward_loss.item(), output.backward_loss.item()])
        count += number
        unknown += line.split().count("bridge")
    assert result.num_predictions == count
    assert result.num_words == count - 20
    assert result.num_unknown_words == unknown > 0
    assert np.allclose([result.forward_loss, result.backward_loss], sums / count, rtol=1e-5)
    assert math.isclose(result.perplexities[2] ** 2, result.perplexities[0] * result.perplexities[1])


def test_lstm_states_are_carried_from_window_to_window(text):
    # Two windows of 5 are one of 10, in evaluation, where gradients don't matter.
    model, tokenizer = start(lstm_dropout=0.0).model.eval(), start().tokenizer
    corpus = TextFiles([text / "*.txt"])
    results = [
        measure_perplexity(model, tokenizer, corpus, one_process(3, num_steps)) for num_steps in (1, 5, 20, 1000)
    ]
    for result in results[1:]:
        assert result.num_predictions == results[0].num_predictions
        assert math.isclose(result.forward_loss, results[0].forward_loss, rel_tol=1e-5)
        assert math.isclose(result.backward_loss, results[0].backward_loss, rel_tol=1e-5)


def test_of_another_vocabulary(text):
    with pytest.raises(ValueError, match="the vocabulary has 12 entries .*, but the model's softmax has 13; use the"):
        measure_perplexity(
            start().model, ElmoTokenizer(vocab=WORDS[:-1]), TextFiles([text / "a.txt"]), one_process(3, 5)
        )


def test_a_model_without_a_softmax_has_none(model_dir):
    with pytest.raises(ValueError, match="this model has no softmax"):
        load_language_model(model_dir)
