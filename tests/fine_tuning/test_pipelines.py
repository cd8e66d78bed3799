# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pipelines, ours and those of transformers, on saved directories."""

import warnings

import pytest
import torch
from torch import nn
from transformers import pipeline

from modeling_elmo import (
    ElmoConfig,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
    ElmoTokenizer,
)
from modeling_elmo.fine_tuning import ElmoFeatureExtractionPipeline, ElmoTokenClassificationPipeline
from tests.helpers.task_examples import BIO, SIZES, TOKENIZER


STRATEGIES = ["none", "simple", "first", "average", "max"]

TEXT = "The bank of Zürich (the river bank.), Ελλάς!"


@pytest.fixture
def save(tmp_path):
    def save(model):
        model.save_pretrained(tmp_path)
        TOKENIZER.save_pretrained(tmp_path)
        return str(tmp_path)

    return save


class Tagger(nn.Module):
    """Replaces a trained classifier: assigns given labels, so that the expected output of a pipeline is known."""

    def __init__(self, labels_of_words):
        super().__init__()
        self.labels_of_words = labels_of_words

    def forward(self, features):
        scores = torch.zeros(*features.shape[:2], 1 + max(self.labels_of_words, default=0))
        for column, label in enumerate(self.labels_of_words):
            scores[:, column + 1, label] = 3.0 + column / 10
        return scores


def tagger(directory, labels, **kwargs):
    """Returns a pipeline whose model assigns these labels to the words of a text."""
    result = pipeline("token-classification", directory, **kwargs)
    ids = {label: id for id, label in result.model.config.id2label.items()}
    result.model.classifier = Tagger([ids[label] for label in labels])
    return result


# The bank of Zürich ( the river bank. ) , Ελλάς !
WORDS = ["The", "bank", "of", "Zürich", "(", "the", "river", "bank.", ")", ",", "Ελλάς", "!"]
LABELS = ["O", "O", "O", "B-X", "O", "B-X", "I-X", "I-X", "O", "O", "B-X", "O"]
ENTITIES = [("X", "Zürich"), ("X", "the river bank."), ("X", "Ελλάς")]


class TestTokenClassification:
    def test_returns_every_word_with_its_position(self, save):
        directory = save(ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO)))
        words = tagger(directory, LABELS, ignore_labels=[])(TEXT)
        assert [word["word"] for word in words] == WORDS
        assert [TEXT[word["start"] : word["end"]] for word in words] == WORDS
        assert [word["entity"] for word in words] == LABELS
        assert [word["index"] for word in words] == list(range(1, len(WORDS) + 1))

    def test_joins_words_into_entities(self, save):
        directory = save(ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO)))
        found = tagger(directory, LABELS, aggregation_strategy="simple")(TEXT)
        assert [(entity["entity_group"], TEXT[entity["start"] : entity["end"]]) for entity in found] == ENTITIES
        assert [entity["word"] for entity in found] == [text for _, text in ENTITIES]

    @pytest.mark.parametrize("strategy", STRATEGIES[1:])
    def test_all_strategies_give_the_same_entities(self, save, strategy):
        directory = save(ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO)))
        kwargs = {"pipeline_class": ElmoTokenClassificationPipeline}
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            found = tagger(directory, LABELS, aggregation_strategy=strategy, **kwargs)(TEXT)
        expected = tagger(directory, LABELS, aggregation_strategy="simple")(TEXT)
        for got, wanted in zip(found, expected, strict=True):
            assert {**got, "score": None} == {**wanted, "score": None}
            assert got["score"] == pytest.approx(wanted["score"])

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_pre_split_words_have_positions(self, save, strategy):
        directory = save(ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            pipe = tagger(directory, LABELS, aggregation_strategy=strategy)
            (found,) = pipe([WORDS], is_split_into_words=True)
        joined = " ".join(WORDS)
        texts = [joined[entity["start"] : entity["end"]] for entity in found]
        expected = (
            [text for _, text in ENTITIES] if strategy != "none" else ["Zürich", "the", "river", "bank.", "Ελλάς"]
        )
        assert texts == expected

    @pytest.mark.parametrize("strategy", ["simple", "first"])
    def test_supports_bioes(self, save, strategy):
        labels = ["O", "B-X", "I-X", "E-X", "S-X", "S-Y"]
        config = ElmoConfig(**SIZES, id2label=dict(enumerate(labels)))
        directory = save(ElmoForTokenClassification(config))
        gold = ["S-X", "S-X", "O", "S-Y", "O", "B-X", "I-X", "E-X", "O", "O", "O", "O"]
        kwargs = {"pipeline_class": ElmoTokenClassificationPipeline, "aggregation_strategy": strategy}
        found = tagger(directory, gold, **kwargs)(TEXT)
        groups = [(entity["entity_group"], TEXT[entity["start"] : entity["end"]]) for entity in found]
        assert groups == [("X", "The"), ("X", "bank"), ("Y", "Zürich"), ("X", "the river bank.")]

    def test_supports_iob1(self, save):
        directory = save(ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO)))
        labels = ["I-X", "B-X", "O", "I-X", "O", "I-X", "I-X", "I-X", *["O"] * 4]
        found = tagger(directory, labels, aggregation_strategy="simple")(TEXT)
        assert [entity["word"] for entity in found] == ["The", "bank", "Zürich", "the river bank."]

    def test_labels_of_a_crf_are_the_best_path(self, save):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO, use_crf=True, label_scheme="BIO"))
        nn.init.normal_(model.classifier.weight, std=3)
        directory = save(model.eval())
        words = pipeline("token-classification", directory, ignore_labels=[])(TEXT)
        batch = TOKENIZER(TEXT, return_tensors="pt")
        mask = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
        mask[:, 1:-1] = True
        path = model.crf.max_marginals(model.train()(**batch).logits, mask).argmax(-1)[mask]
        assert [word["entity"] for word in words] == [BIO[label] for label in path.tolist()]

    def test_results_do_not_depend_on_the_batch(self, save):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, id2label=BIO))
        nn.init.normal_(model.classifier.weight, std=3)
        pipe = pipeline("token-classification", save(model), ignore_labels=[])
        texts = [TEXT, "One", "the bank of the river"]
        for together, text in zip(pipe(texts, batch_size=3), texts):
            for got, expected in zip(together, pipe(text), strict=True):
                assert got["score"] == pytest.approx(expected["score"], abs=1e-5)
                assert {**got, "score": None} == {**expected, "score": None}


class TestTextClassification:
    @pytest.mark.parametrize(
        ("fields", "function"),
        [
            ({"num_labels": 3, "problem_type": "single_label_classification"}, lambda x: x.softmax(-1)),
            ({"num_labels": 3, "problem_type": "multi_label_classification"}, torch.sigmoid),
            ({"num_labels": 1, "problem_type": "regression"}, lambda x: x),
        ],
    )
    def test_scores_follow_the_problem_type(self, save, fields, function):
        model = ElmoForSequenceClassification(ElmoConfig(**SIZES, **fields)).eval()
        pipe = pipeline("text-classification", save(model), top_k=None)
        texts = [TEXT, "One"]
        for text, result in zip(texts, pipe(texts, batch_size=2)):
            with torch.no_grad():
                expected = function(model(**TOKENIZER(text, return_tensors="pt")).logits[0])
            scores = {entry["label"]: entry["score"] for entry in result}
            assert scores == {f"LABEL_{i}": pytest.approx(value, abs=1e-5) for i, value in enumerate(expected.tolist())}

    def test_pairs_are_classified_as_pairs(self, save):
        model = ElmoForSequenceClassification(ElmoConfig(**SIZES, num_labels=3, num_segments=2)).eval()
        nn.init.normal_(model.classifier.output.weight)
        pipe = pipeline("text-classification", save(model), top_k=None)
        pairs = [{"text": "The bank", "text_pair": "of the river"}, {"text": "of the river", "text_pair": "The bank ."}]
        for pair, result in zip(pairs, pipe(pairs, batch_size=2)):
            with torch.no_grad():
                expected = model(**TOKENIZER(**pair, return_tensors="pt")).logits[0].softmax(-1)
            scores = {entry["label"]: entry["score"] for entry in result}
            assert scores == {f"LABEL_{i}": pytest.approx(value, abs=1e-5) for i, value in enumerate(expected.tolist())}

    def test_returns_the_most_likely_label(self, save):
        model = ElmoForSequenceClassification(ElmoConfig(**SIZES, id2label={0: "bad", 1: "good"})).eval()
        (result,) = pipeline("text-classification", save(model))([TEXT])
        scores = model(**TOKENIZER(TEXT, return_tensors="pt")).logits[0]
        assert result["label"] == ["bad", "good"][scores.argmax()]


class TestFeatureExtraction:
    @pytest.mark.parametrize("model_class", [ElmoModel, ElmoForTokenClassification])
    def test_returns_the_elmo_vectors(self, save, model_class):
        model = model_class(ElmoConfig(**SIZES)).eval()
        pipe = pipeline("feature-extraction", save(model))
        expected = getattr(model, "elmo", model)(**TOKENIZER(TEXT, return_tensors="pt")).last_hidden_state
        torch.testing.assert_close(torch.tensor(pipe(TEXT)), expected, atol=1e-5, rtol=1e-4)
        assert type(pipe) is ElmoFeatureExtractionPipeline
        together, short = pipe([TEXT, "One"], batch_size=2)
        torch.testing.assert_close(torch.tensor(together), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.tensor(short)[:, :3], torch.tensor(pipe("One")), atol=1e-5, rtol=1e-4)


def test_words_are_returned_without_a_vocabulary(save, tmp_path):
    directory = save(ElmoForTokenClassification(ElmoConfig(**{**SIZES, "vocab_size": 5}, id2label=BIO)))
    ElmoTokenizer().save_pretrained(directory)
    words = tagger(directory, LABELS, ignore_labels=[])(TEXT)
    assert [word["word"] for word in words] == WORDS
