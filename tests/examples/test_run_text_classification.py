# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`run_text_classification.py`, end to end."""

import bz2
import json
import logging
import random
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from labelled_texts import TextArguments, logger, read_texts
from run_text_classification import classification_metrics, main, multi_label_metrics, regression_metrics
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


@pytest.fixture(params=["csv", "tsv", "jsonl", "json", "parquet", "csv.bz2"])
def pairs(request, tmp_path):
    rng, files = random.Random(0), {}
    for part, number in PARTS:
        path, rows = tmp_path / f"{part}.{request.param}", [pair(rng) for _ in range(number)]
        if request.param == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        elif request.param == "json":
            path.write_text(json.dumps(rows))
        elif request.param == "parquet":
            Dataset.from_list(rows).to_parquet(path)
        else:
            mark = "\t" if request.param == "tsv" else ","
            lines = [rows[0], *(row.values() for row in rows)]
            with (bz2.open if request.param == "csv.bz2" else open)(path, "wt") as file:
                file.write("".join(mark.join(map(str, line)) + "\n" for line in lines))
        files[f"{part}_file"] = path
    columns = {"text_column": "one", "text_pair_column": "two", "label_column": "same"}
    return {**files, **columns}


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
    found = read_texts(str(path), TextArguments())
    assert [(row["text"], row["label"]) for row in found] == [("NA", "0"), ('"so', "1"), ("None", "1")]


@pytest.fixture
def read(tmp_path, caplog, monkeypatch):
    """Reads a file of the given name and contents; returns its texts and labels, and what was said."""
    # Other tests in this process may have changed the loggers above it.
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    monkeypatch.setattr(logger, "level", logging.WARNING)

    def read(name, contents, **arguments):
        (tmp_path / name).write_text(contents)
        rows = read_texts(str(tmp_path / name), TextArguments(**arguments))
        return list(zip(rows["text"], rows["label"])), caplog.text

    return read


class TestLines:
    def test_tabs_and_spaces(self, read):
        expected = [("a great film", "pos"), ("bad", "neg")]
        for mark, mark_2 in ("  ", "\t\t", "\t ", " \t"):
            assert read("x.txt", f"pos{mark}a great film\n\nneg{mark_2}bad\n", file_format="lines") == (expected, "")
        rows, _ = read("x.txt", "very good\ta great film\nbad\tso\tso\n", file_format="lines")
        assert rows == [("a great film", "very good"), ("so\tso", "bad")]

    def test_labels_of_fasttext(self, read):
        lines = "__label__pos great film\n__label__pos __label__funny\ttwice\nso __label__neg it is\n"
        rows, _ = read("ft.txt", lines, file_format="lines")
        assert rows == [("great film", ["pos"]), ("twice", ["pos", "funny"]), ("so it is", ["neg"])]
        assert read("ft.txt", "__label__a b\n__label__c d", file_format="lines")[0] == [("b", "a"), ("d", "c")]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("__label__a b\nc d\n", "x.txt:2: expected __label__LABEL and a text"),
            ("__label__a b\n__label__a\n", "x.txt:2: expected __label__LABEL and a text"),
            ("label\ttext\npos\tgood\n", "x.txt:1: 'label.*' names columns: pass --file_format tsv"),
            ("a great film\tpos\nso bad\tneg\n", "x.txt:1: expected a label, a tab and a text, found the text first"),
        ],
    )
    def test_lines_that_are_something_else(self, read, text, message):
        with pytest.raises(ValueError, match=message):
            read("x.txt", text, file_format="lines")


class TestLabels:
    def test_pairs_without_a_gold_label_are_left_out_and_counted(self, read):
        text = "text\tlabel\na\tneutral\nb\t-\nc\tentailment\n"
        rows, said = read("x.tsv", text)
        assert rows == [("a", "neutral"), ("c", "entailment")]
        assert "x.tsv: left out 1 of 3 texts by their label: '-' (1); see --ignore_labels." in said
        assert len(read("x.tsv", text, ignore_labels=[""])[0]) == 3
        assert read("x.tsv", text, ignore_labels=["-", "neutral"])[0] == [("c", "entailment")]
        with pytest.raises(ValueError, match="expected texts with other labels"):
            read("x.tsv", text, ignore_labels=["-", "neutral", "entailment"])

    def test_a_minus_among_signs_is_a_label(self, read):
        assert len(read("x.csv", "text,label\na,+\nb,-\nc,0\n")[0]) == 3

    @pytest.mark.parametrize(
        ("labels", "names"), [('[0, 1.0, "2.0"]', ["0", "1", "2"]), ('["1.5", 1.5, " 1 "]', ["1.5", "1.5", "1"])]
    )
    def test_numbers_have_one_form(self, read, labels, names):
        rows = [{"text": "a", "label": label} for label in json.loads(labels)]
        assert [label for _, label in read("x.json", json.dumps(rows))[0]] == names

    def test_lists_of_labels(self, read):
        rows = [{"text": ["a", "b"], "label": ["x", 2.0]}, {"text": "c", "label": []}]
        assert read("x.json", json.dumps(rows))[0] == [("a b", ["x", "2"]), ("c", [])]

    @pytest.mark.parametrize("is_directory", [True, False])
    def test_class_labels_of_datasets_have_their_names(self, tmp_path, is_directory):
        features = Features({"text": Value("string"), "label": ClassLabel(names=["neutral", "entailment"])})
        dataset = Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, -1, 0]}, features=features)
        path = tmp_path / ("saved" if is_directory else "x.parquet")
        dataset.save_to_disk(path) if is_directory else dataset.to_parquet(path)
        assert list(read_texts(str(path), TextArguments())["label"]) == ["entailment", "neutral"]

    @pytest.mark.parametrize(
        ("label", "arguments", "message"),
        [
            ("{0}.5", {}, "labels are numbers, such as 0.5, and each is a class; see --regression"),
            ("x{0}", {}, "each text has a label of its own, such as 'x0': is --label_column right"),
            ("x", {"text_column": "id"}, "all texts are numbers, such as 0: is --text_column right"),
        ],
    )
    def test_columns_that_are_probably_others(self, read, label, arguments, message):
        table = "id,text,label\n" + "".join(f"{row},a {row},{label.format(row)}\n" for row in range(12))
        assert message in read("x.csv", table, **arguments)[1]


def test_an_elmo_learns_several_labels(run, elmo_dir, tmp_path):
    rng = random.Random(0)
    for part, number in PARTS:
        rows = [rng.sample(GOOD + BAD, 2) for _ in range(number)]
        labels = [{"__label__good" if word in GOOD else "__label__bad" for word in words} for words in rows]
        lines = [f"{' '.join(sorted(own))} {' '.join(words)}\n" for own, words in zip(labels, rows)]
        (tmp_path / part).write_text("".join(lines))
    files = {f"{part}_file": tmp_path / part for part, _ in PARTS}
    files = {**files, "file_format": "lines", "do_predict": True}
    results = run(main, **files, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=4)
    assert results["test_micro_f1"] > 0.8
    assert 0 < results["test_exact_match"] <= 1
    predicted = (tmp_path / "run/predictions.tsv").read_text().splitlines()[1:]
    assert {label for line in predicted for label in line.split("\t")} <= {"good", "bad", "bad,good", ""}
    assert "bad,good" in {line.split("\t")[1] for line in predicted}
    again = run(main, **files, model_name_or_path=tmp_path / "run", output_dir=tmp_path / "again")
    assert again["test_micro_f1"] == pytest.approx(results["test_micro_f1"])


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
        assert (
            "train.tsv: line 1: expected a column 'entailment', found one, two, same, score; --label_column" in message
        )

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
        assert "bad.jsonl" in fails(train_file=tmp_path / "bad.jsonl")

    @pytest.mark.parametrize("name", ["empty.jsonl", "empty.csv"])
    def test_a_file_that_is_empty(self, fails, tmp_path, name):
        (tmp_path / name).touch()
        message = fails(train_file=tmp_path / name)
        assert message == f"error: {name}: expected rows, found an empty file"


class TestMetrics:
    def test_macro_f1_weighs_labels_alike(self):
        gold, logits = np.array([0, 0, 0, 1]), np.eye(2)[[0, 0, 0, 0]]
        scores = classification_metrics(gold, logits)
        assert scores == pytest.approx({"accuracy": 0.75, "macro_f1": 3 / 7})

    def test_several_labels_are_scored_one_by_one_and_together(self):
        gold, logits = np.array([[1, 0], [1, 1], [0, 0]]), np.array([[2.0, -1], [2, -1], [-1, -1]])
        scores = multi_label_metrics(gold, logits)
        assert scores == pytest.approx({"micro_f1": 4 / 5, "macro_f1": 1 / 2, "exact_match": 2 / 3})

    def test_correlations_are_those_of_the_definition(self):
        scores = regression_metrics(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
        assert scores == pytest.approx({"mse": 2 / 3, "pearson": 0.5, "spearman": 0.5})

    def test_a_constant_prediction_correlates_with_nothing(self):
        assert regression_metrics(np.array([1.0, 2.0]), np.array([3.0, 3.0]))["pearson"] == 0.0
