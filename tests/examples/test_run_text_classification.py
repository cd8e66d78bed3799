# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`run_text_classification.py`, end to end."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from run_text_classification import TextArguments, classification_metrics, main, read_texts, regression_metrics
from tests.examples.conftest import results_of


GOOD, BAD = ["good", "fine", "great"], ["bad", "poor", "awful"]
PARTS = [("train", 64), ("validation", 16), ("test", 16)]


def review(rng):
    label = rng.choice(["0", "1"])
    return label, f"it is {rng.choice(GOOD if label == '1' else BAD)} ."


@pytest.fixture
def labelled_lines(tmp_path):
    rng, files = random.Random(0), {}
    for part, number in PARTS:
        path = tmp_path / f"{part}.txt"
        path.write_text("".join(f"{label} {text}\n" for label, text in (review(rng) for _ in range(number))))
        files[f"{part}_file"] = path
    return {**files, "file_format": "lines"}


def pair(rng):
    """Two texts, whether one word is the same in both, and a number that goes with it."""
    first = rng.choice(GOOD)
    second = first if rng.random() < 0.5 else rng.choice(BAD)
    is_same = first == second
    return {
        "one": f"It's {first}",
        "two": f"{second} it is",
        "same": "YES" if is_same else "NO",
        "score": 1 + 4 * is_same,
    }


@pytest.fixture(params=["csv", "tsv", "jsonl"])
def pairs(request, tmp_path):
    rng, files = random.Random(0), {}
    for part, number in PARTS:
        path, rows = tmp_path / f"{part}.{request.param}", [pair(rng) for _ in range(number)]
        if request.param == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            mark = "," if request.param == "csv" else "\t"
            lines = [rows[0], *(row.values() for row in rows)]
            path.write_text("".join(mark.join(map(str, line)) + "\n" for line in lines))
        files[f"{part}_file"] = path
    columns = {"text_column": "one", "text_pair_column": "two", "label_column": "same"}
    return {**files, **columns, "cache_dir": tmp_path / "cache"}


def test_an_elmo_learns_to_classify_texts(run, labelled_lines, elmo_dir, tmp_path):
    # Which is the order of training alone: predictions are in that of the file.
    order = {"train_sampling_strategy": "group_by_length"}
    results = run(main, **labelled_lines, **order, model_name_or_path=elmo_dir, do_train=True, do_predict=True)
    directory = tmp_path / "run"
    assert results["test_accuracy"] > 0.95
    assert results["test_macro_f1"] > 0.95
    assert results_of(directory) == pytest.approx(results)
    rows = [line.split("\t") for line in (directory / "predictions.tsv").read_text().splitlines()]
    assert rows[0] == ["label", "prediction"]
    assert np.mean([gold == predicted for gold, predicted in rows[1:]]) == results["test_accuracy"]
    model, tokenizer = (auto.from_pretrained(directory) for auto in (AutoModelForSequenceClassification, AutoTokenizer))
    logits = model(**tokenizer("it is awful .", return_tensors="pt")).logits
    assert model.config.id2label[int(logits.argmax())] == "0"


@pytest.mark.parametrize("pairs", ["tsv"], indirect=True)
def test_an_elmo_learns_to_classify_pairs(run, pairs, elmo_dir):
    results = run(main, **pairs, model_name_or_path=elmo_dir, do_train=True, do_predict=True, elmo_at="both")
    assert results["test_accuracy"] > 0.9
    assert 0 < results["final_mix_share_1_2"] < 1


@pytest.mark.parametrize("pairs", ["tsv"], indirect=True)
def test_an_elmo_learns_numbers(run, pairs, elmo_dir, tmp_path):
    scores = {**pairs, "label_column": "score", "regression": True}
    results = run(main, **scores, model_name_or_path=elmo_dir, do_train=True, do_predict=True)
    assert results["test_pearson"] > 0.8
    assert 0 < results["test_mse"] < 2
    predicted = [float(line.split("\t")[1]) for line in (tmp_path / "run/predictions.tsv").read_text().splitlines()[1:]]
    assert max(predicted) - min(predicted) > 2


@pytest.mark.parametrize("pairs", ["tsv"], indirect=True)
def test_a_new_head_for_numbers_begins_at_their_mean_and_a_saved_one_where_it_was(run, pairs, elmo_dir, tmp_path):
    scores = {**pairs, "label_column": "score", "regression": True, "do_train": True, "do_predict": True}
    as_it_begins = {"num_train_epochs": 1, "learning_rate": 1e-9}

    def mean_prediction(directory):
        rows = (directory / "predictions.tsv").read_text().splitlines()[1:]
        return np.mean([float(row.split("\t")[1]) for row in rows])

    run(main, **scores, **as_it_begins, model_name_or_path=elmo_dir)
    targets = [float(line.rpartition("\t")[2]) for line in Path(pairs["train_file"]).read_text().splitlines()[1:]]
    assert np.mean(targets) > 2.5
    assert mean_prediction(tmp_path / "run") == pytest.approx(np.mean(targets), abs=0.5)

    head = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run")
    head.classifier.output.bias.data.fill_(-9)
    head.save_pretrained(tmp_path / "run")
    run(main, **scores, **as_it_begins, model_name_or_path=tmp_path / "run", output_dir=tmp_path / "again")
    assert mean_prediction(tmp_path / "again") == pytest.approx(-9, abs=0.5)


@pytest.mark.parametrize("pairs", ["csv"], indirect=True)
@pytest.mark.parametrize("is_regression", [True, False])
def test_a_bert_is_trained_by_the_same_command(run, pairs, bert_dir, is_regression):
    pairs = {**pairs, "label_column": "score" if is_regression else "same", "regression": is_regression}
    results = run(main, **pairs, model_name_or_path=bert_dir, do_train=True, do_predict=True, num_train_epochs=1)
    assert results["test_loss"] > 0
    assert ("test_pearson" if is_regression else "test_accuracy") in results


def test_a_bert_learns_to_classify_texts(run, labelled_lines, bert_dir):
    results = run(
        main, **labelled_lines, model_name_or_path=bert_dir, do_train=True, do_predict=True, learning_rate=0.003
    )
    assert results["test_accuracy"] > 0.9


@pytest.mark.parametrize("pairs", ["tsv"], indirect=True)
def test_static_word_vectors_take_the_words_of_raw_text_as_the_tokenizer_cuts_it(run, pairs, elmo_dir, tmp_path):
    no_elmo = {"elmo_at": "none", "word_vector_size": 8}
    results = run(main, **pairs, **no_elmo, model_name_or_path=elmo_dir, do_train=True, do_predict=True)
    assert results["test_accuracy"] > 0.9
    vocabulary = AutoTokenizer.from_pretrained(tmp_path / "run").get_vocab()
    assert {"It", "'s", "good"} <= set(vocabulary)
    assert "It's" not in vocabulary


def test_validation_data_are_held_out_where_there_are_none(run, labelled_lines, elmo_dir):
    files = {"train_file": labelled_lines["train_file"], "file_format": "lines"}
    parts = {"validation_fraction": 0.25, "test_fraction": 0.25, "num_train_epochs": 1}
    results = run(main, **files, **parts, model_name_or_path=elmo_dir, do_train=True, do_predict=True)
    assert results["train_samples"] == 36
    assert {"eval_accuracy", "test_accuracy"} <= set(results)


def test_a_run_needs_no_validation_data(run, labelled_lines, elmo_dir):
    files = {"train_file": labelled_lines["train_file"], "file_format": "lines", "validation_fraction": 0}
    results = run(main, **files, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=2)
    assert results["epoch"] == 2
    assert results["train_samples"] == 64
    assert "eval_loss" not in results


def test_pairs_read_the_same_from_every_format(pairs):
    arguments = TextArguments(**{name: str(value) for name, value in pairs.items()})
    rng = random.Random(0)
    expected = [pair(rng) for _ in range(64)]
    found = read_texts(arguments.train_file, arguments)
    assert [(row["text"], row["text_pair"], row["label"]) for row in found] == [
        (row["one"], row["two"], row["same"]) for row in expected
    ]


def test_words_that_look_like_missing_values_are_words_and_tables_of_tabs_know_no_quotation_marks(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text('text\tlabel\nNA\t0\n"so\t1\nNone\t1\n')
    found = read_texts(str(path), TextArguments(cache_dir=str(tmp_path / "cache")))
    assert [(row["text"], row["label"]) for row in found] == [("NA", "0"), ('"so', "1"), ("None", "1")]


class TestErrors:
    @pytest.fixture
    def fails(self, run, elmo_dir):
        def fails(**arguments):
            with pytest.raises(SystemExit) as error:
                run(main, **{"model_name_or_path": elmo_dir, "do_train": True, "num_train_epochs": 1, **arguments})
            message = str(error.value)
            assert message.startswith("error: ")
            assert "\n" not in message
            return message

        return fails

    @pytest.mark.parametrize("pairs", ["tsv"], indirect=True)
    def test_a_column_that_is_missing(self, fails, pairs):
        message = fails(**{**pairs, "label_column": "entailment"})
        assert "label_column: expected one of one, two, same, score of train.tsv, found 'entailment'" in message

    @pytest.mark.parametrize("pairs", ["jsonl"], indirect=True)
    def test_labels_that_are_not_numbers(self, fails, pairs):
        assert "train data, example 1: expected a number as the label" in fails(**pairs, regression=True)

    def test_a_label_that_the_training_data_lack(self, fails, labelled_lines):
        labelled_lines["test_file"].write_text("1 good\n7 fine\n")
        message = fails(**labelled_lines, do_predict=True)
        assert "test data: expected a label of 0, 1, found '7'" in message

    def test_a_line_without_a_text(self, fails, labelled_lines):
        labelled_lines["train_file"].write_text("1 good\n0\n")
        assert "train.txt:2" in fails(**labelled_lines)

    def test_a_format_that_the_name_does_not_say(self, fails, labelled_lines):
        assert "file_format" in fails(train_file=labelled_lines["train_file"])

    def test_a_file_that_is_missing(self, fails):
        assert "No such file or directory: 'nowhere.csv'" in fails(train_file="nowhere.csv")

    def test_a_file_that_is_not_json(self, fails, tmp_path):
        Path(tmp_path, "bad.jsonl").write_text('{"text": "a", "label": 1}\n{"text"\n')
        assert "bad.jsonl" in fails(train_file=tmp_path / "bad.jsonl", cache_dir=tmp_path / "cache")

    @pytest.mark.parametrize("name", ["empty.jsonl", "empty.csv"])
    def test_a_file_that_is_empty(self, fails, tmp_path, name):
        (tmp_path / name).touch()
        message = fails(train_file=tmp_path / name, cache_dir=tmp_path / "cache")
        assert message == f"error: {name}: expected rows, found an empty file"


class TestMetrics:
    def test_macro_f1_weighs_labels_alike(self):
        gold, logits = np.array([0, 0, 0, 1]), np.eye(2)[[0, 0, 0, 0]]
        scores = classification_metrics(gold, logits)
        assert scores == pytest.approx({"accuracy": 0.75, "macro_f1": 3 / 7})

    def test_correlations_are_those_of_the_definition(self):
        scores = regression_metrics(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
        assert scores == pytest.approx({"mse": 2 / 3, "pearson": 0.5, "spearman": 0.5})

    def test_a_constant_prediction_correlates_with_nothing(self):
        assert regression_metrics(np.array([1.0, 2.0]), np.array([3.0, 3.0]))["pearson"] == 0.0
