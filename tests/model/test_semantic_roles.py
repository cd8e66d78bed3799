# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model of semantic roles: where the predicate enters, and which labels are decoded."""

import itertools

import pytest
import torch

from modeling_elmo import ElmoForSemanticRoleLabeling, ElmoTokenizer
from tests.helpers.task_examples import HEADS, TOKENIZER, randomized
from tests.model.test_remote_code import run_without_package


SPANS = {0: "I-A", 1: "O", 2: "B-A", 3: "B-V"}


def batch_of(texts, predicates, tokenizer=TOKENIZER):
    batch = tokenizer([text.split() for text in texts], is_split_into_words=True, padding=True, return_tensors="pt")
    return {**batch, "predicate_index": torch.tensor(predicates)}


def score(word_scores, labels, chain):
    start, steps, end = chain
    total = start[labels[0]] + end[labels[-1]] + sum(steps[pair] for pair in itertools.pairwise(labels))
    return (total + sum(scores[label] for scores, label in zip(word_scores, labels))).item()


def test_the_embedding_of_the_predicate_joins_the_vectors_of_its_word():
    model = randomized(HEADS["roles"].model()).eval()
    inputs = {}
    model.encoder.register_forward_hook(lambda module, args, output: inputs.update(words=args[0]))
    # The padding of the second sentence is on the left.
    left = ElmoTokenizer(vocab=TOKENIZER.get_words()[: TOKENIZER.num_words], padding_side="left")
    model(**batch_of(["the bank of the river", "a bank"], [2, 1], left))
    absent, present = model.predicate_embedding.weight
    found = inputs["words"][..., -100:]
    expected = absent.expand(2, 7, 100).clone()
    expected[0, 3] = expected[1, 5] = present
    assert torch.equal(found, expected)


def test_the_predicate_changes_the_roles():
    model = randomized(HEADS["roles"].model()).eval()
    logits = model(**batch_of(["the bank of the river"] * 2, [0, 3])).logits
    assert (logits[0] - logits[1]).abs().max() > 0.01


@pytest.mark.parametrize("use_crf", [False, True])
def test_decoded_labels_are_the_best_of_the_scheme(use_crf):
    fields = {"id2label": SPANS, "label_scheme": "BIO", "use_crf": use_crf}
    model = randomized(HEADS["roles"].model(**fields)).eval()
    model.classifier.bias.data[0] += 2
    batch = batch_of(["the bank of the river", "a bank", "the"], [1, 0, 0])
    decoded = model(**batch).logits.argmax(-1)
    scores = model.train()(**batch).logits
    zeros = torch.zeros(4), torch.zeros(4, 4), torch.zeros(4)
    chain = (model.crf.start, model.crf.transitions, model.crf.end) if use_crf else zeros
    for row, length in enumerate((5, 2, 1)):
        allowed = [
            labels
            for labels in itertools.product(range(4), repeat=length)
            if all(label != 0 or before in (0, 2) for before, label in itertools.pairwise([1, *labels]))
        ]
        best = max(allowed, key=lambda labels: score(scores[row, 1:], labels, chain))
        assert tuple(decoded[row, 1 : length + 1].tolist()) == best
    assert (scores.argmax(-1)[:, 1] == 0).any()


def test_without_a_crf_the_constraints_have_no_weights_and_the_loss_ignores_them():
    plain, constrained = (
        randomized(HEADS["roles"].model(id2label=SPANS, **fields)) for fields in ({}, {"label_scheme": "BIO"})
    )
    assert plain.state_dict().keys() == constrained.state_dict().keys()
    batch = batch_of(["the bank of the river"], [1])
    labels = torch.tensor([[-100, 0, 3, 0, 1, 2, -100]])
    assert torch.equal(plain(**batch, labels=labels).loss, constrained(**batch, labels=labels).loss)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (None, "predicate_index: this model requires, for each row, the index"),
        (torch.tensor([0, 2]), r"one of the 2 words of row 1, counted from 0, found 2"),
        (torch.tensor([-1, 0]), r"one of the 5 words of row 0, counted from 0, found -1"),
        (torch.zeros(2, 7).long(), r"predicate_index: expected shape \(2\), found \(2, 7\)"),
    ],
)
def test_a_predicate_that_is_no_word_is_an_error(index, message):
    batch = {**batch_of(["the bank of the river", "a bank"], [0, 0]), "predicate_index": index}
    with pytest.raises(ValueError, match=message):
        HEADS["roles"].model()(**batch)


def test_labels_that_the_scheme_can_never_decode_are_an_error():
    with pytest.raises(ValueError, match="can never decode 'I-A' without 'B-A'"):
        HEADS["roles"].model(id2label={0: "O", 1: "I-A"}, label_scheme="BIO")


def test_loads_without_the_package(tmp_path):
    model = randomized(HEADS["roles"].model()).eval()
    model.save_pretrained(tmp_path / "saved")
    batch = batch_of(["the bank of the river"], [1])
    torch.save(batch, tmp_path / "batch.pt")
    code = """
import torch
from transformers.dynamic_module_utils import get_class_from_dynamic_module
folder = sys.argv[1]
model_class = get_class_from_dynamic_module("modeling_elmo.ElmoForSemanticRoleLabeling", folder + "/saved")
model = model_class.from_pretrained(folder + "/saved").eval()
torch.save(model(**torch.load(folder + "/batch.pt")).logits, folder + "/logits.pt")
"""
    run_without_package(code, tmp_path, cache=tmp_path)
    loaded = ElmoForSemanticRoleLabeling.from_pretrained(tmp_path / "saved")
    for logits in (torch.load(tmp_path / "logits.pt"), loaded(**batch).logits):
        torch.testing.assert_close(logits, model(**batch).logits)
