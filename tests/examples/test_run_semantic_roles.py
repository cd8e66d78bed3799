# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`run_semantic_roles.py`, end to end, and its metric against a plain count."""

import random

import pytest
from datasets import Dataset
from transformers import AutoTokenizer, RobertaConfig

from modeling_elmo import ElmoForSemanticRoleLabeling
from role_metrics import role_metrics
from run_semantic_roles import main, tokenize_with_predicates
from tests.examples.conftest import PEOPLE, PLACES, results_of


@pytest.fixture(params=["words", "spans"])
def file(request, tmp_path):
    """Sentences of two predicates: each has the person before it and the place after it."""
    rng, text = random.Random(0), ""
    for _ in range(60):
        rows = []
        for verb in range(2):
            words = [rng.choice(PEOPLE), rng.choice(["saw", "left"]), rng.choice(PLACES), rng.choice(PLACES)]
            roles = ["ARG0", "V", "ARG1", "_"] if request.param == "words" else ["(A0*)", "(V*)", "(A1*", "*)"]
            empty = "_" if request.param == "words" else "*"
            for index, (word, role) in enumerate(zip(words, roles)):
                cells = [empty, empty]
                cells[verb] = role
                rows.append("\t".join([word, "X", "see" if index == 1 else "_", *cells]))
        text += "\n".join(rows) + "\n\n"
    (tmp_path / "roles.txt").write_text(text)
    return str(tmp_path / "roles.txt")


def test_an_elmo_learns_which_roles_belong_to_which_predicate(run, file, elmo_dir, tmp_path):
    parts = {"test_fraction": 0.3, "validation_fraction": 0.3, "num_train_epochs": 16}
    results = run(main, train_file=file, model_name_or_path=elmo_dir, do_train=True, do_predict=True, **parts)
    assert results["test_f1"] > 0.95
    # Of sixty sentences, one block of twenty each is left for training, held out and tested on.
    assert results["train_samples"] == 40
    assert results_of(tmp_path / "run") == pytest.approx(results, nan_ok=True)
    blocks = (tmp_path / "run/predictions.txt").read_text().split("\n\n")[:-1]
    assert len(blocks) == 40
    assert {len(block.splitlines()) for block in blocks} == {8}
    model = ElmoForSemanticRoleLabeling.from_pretrained(tmp_path / "run")
    assert model.config.label_scheme == ("BIO" if "B-A0" in model.config.label2id else None)

    again = run(main, test_file=file, model_name_or_path=tmp_path / "run", do_predict=True, output_dir=tmp_path / "b")
    assert again["test_f1"] > 0.95


def test_a_bert_is_trained_by_the_same_command(run, file, bert_dir):
    parts = {"test_fraction": 0.3, "validation_fraction": 0.3, "num_train_epochs": 1}
    results = run(main, train_file=file, model_name_or_path=bert_dir, do_train=True, do_predict=True, **parts)
    assert results["train_samples"] == 40
    assert 0 <= results["test_f1"] <= 1


def test_other_models_see_the_predicate_as_a_token_type(bert_dir):
    tokenizer = AutoTokenizer.from_pretrained(bert_dir)
    rows = Dataset.from_list([{"words": ["ada", "saw", "the"], "labels": ["A0", "V", "A1"], "predicate": 1}])
    (feature,) = tokenize_with_predicates(rows, tokenizer, ["A0", "V", "A1"], None)
    assert tokenizer.convert_ids_to_tokens(feature["input_ids"])[4] == "s"
    assert feature["token_type_ids"] == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_a_model_that_cannot_mark_the_predicate_is_an_error(run, file, tmp_path):
    RobertaConfig(type_vocab_size=1).save_pretrained(tmp_path)
    message = "error: model_name_or_path: expected an ELMo or a model with two .* found a model of the type roberta"
    with pytest.raises(SystemExit, match=message):
        run(main, train_file=file, model_name_or_path=tmp_path, do_train=True)


def test_a_predicate_that_would_be_cut_off_is_an_error(run, file, elmo_dir):
    with pytest.raises(SystemExit, match="error: max_seq_length: the predicate '.*' of a sentence of 8 words"):
        run(main, train_file=file, model_name_or_path=elmo_dir, do_train=True, max_seq_length=5)


def count(labels, are_spans):
    """The arguments of a predicate by definition: sets of words, each with a role."""
    if not are_spans:
        return {(label, index) for index, label in enumerate(labels) if label not in ("O", "V", "C-V")}
    pieces, arguments = [], []
    for index, label in enumerate(labels):
        if label == "O":
            continue
        mark, role = label[:1], label[2:]
        if mark == "I" and index and labels[index - 1] != "O" and labels[index - 1][2:] == role:
            pieces[-1][1].append(index)
        else:
            pieces.append((role, [index]))
    for role, words in pieces:
        plain = role[2:] if role.startswith("C-") else role
        before = [argument for argument in arguments if argument[0] == plain]
        if role.startswith("C-") and before:
            before[-1][1].append(tuple(words))
        else:
            arguments.append((plain, [tuple(words)]))
    return {(role, tuple(words)) for role, words in arguments if role != "V"}


@pytest.mark.parametrize("are_spans", [False, True])
def test_scores_are_those_of_a_plain_count(are_spans):
    rng = random.Random(0)
    roles = ["V", "A0", "A1", "C-A0", "R-A0", "C-V"]
    names = ["O", *(f"{mark}-{role}" for mark in "BI" for role in roles)] if are_spans else ["O", "O", *roles]
    for _ in range(1000):
        lengths = [rng.randrange(1, 9) for _ in range(rng.randrange(1, 4))]
        gold = [[rng.choice(names) for _ in range(length)] for length in lengths]
        predicted = [[label if rng.random() < 0.7 else rng.choice(names) for label in each] for each in gold]
        sets = [[count(labels, are_spans) for labels in each] for each in (gold, predicted)]
        num_gold, num_predicted = (sum(map(len, each)) for each in sets)
        num_right = sum(len(one & other) for one, other in zip(*sets))
        scores = role_metrics(gold, predicted, are_spans)
        assert scores["recall"] == pytest.approx(num_right / num_gold if num_gold else 0)
        assert scores["precision"] == pytest.approx(num_right / num_predicted if num_predicted else 0)
        assert scores["f1"] == pytest.approx(2 * num_right / (num_gold + num_predicted) if num_right else 0)
