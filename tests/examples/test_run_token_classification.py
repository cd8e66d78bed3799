# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`run_token_classification.py`, end to end."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from tokenizers import pre_tokenizers
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
)

from arguments import FineTuningArguments
from modeling_elmo import ElmoModel
from run_token_classification import (
    ColumnArguments,
    TaggingModelArguments,
    main,
    read_columns,
    tagging_metrics,
    tokenize,
)
from tests.conftest import SHARED
from tests.examples.conftest import results_of


@pytest.fixture
def files(columns):
    return {
        "train_file": columns("train.txt", 40),
        "validation_file": columns("dev.txt", 12, seed=1),
        "test_file": columns("test.txt", 12, seed=2),
    }


def test_an_elmo_learns_and_leaves_model_predictions_and_results(run, files, elmo_dir, tmp_path):
    crf = {"use_crf": True, "label_scheme": "BIO", "elmo_at": "both"}
    results = run(main, **files, **crf, model_name_or_path=elmo_dir, do_train=True, do_predict=True)
    directory = tmp_path / "run"
    assert results["test_f1"] > 0.95
    assert results["test_f1_LOC"] > 0.95
    assert results["eval_accuracy"] > 0.95
    assert results_of(directory) == pytest.approx(results, nan_ok=True)
    for layer in range(3):
        assert 0 < results[f"final_mix_share_1_{layer}"] < 1

    blocks = (directory / "predictions.txt").read_text().split("\n\n")[:-1]
    rows = [line.split("\t") for block in blocks for line in block.splitlines()]
    assert len(blocks) == 12
    assert sum(gold == predicted for _, gold, predicted in rows) == round(results["test_accuracy"] * len(rows))

    model = AutoModelForTokenClassification.from_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    batch = tokenizer(["Ada", "left", "Rome", "Oslo", "."], is_split_into_words=True, return_tensors="pt")
    labels = [model.config.id2label[id] for id in model(**batch).logits[0].argmax(-1).tolist()]
    assert labels[1:-1] == ["B-PER", "O", "B-LOC", "I-LOC", "O"]


def test_a_bert_that_splits_words_is_trained_by_the_same_command(run, files, bert_dir, tmp_path):
    results = run(main, **files, model_name_or_path=bert_dir, do_train=True, do_predict=True, learning_rate=0.005)
    assert results["test_f1"] > 0.9
    rows = [line.split("\t") for line in (tmp_path / "run/predictions.txt").read_text().splitlines() if line]
    assert len(rows) == 12 * 5


def test_labels_of_a_split_word_are_at_its_first_token(files, bert_dir):
    tokenizer = AutoTokenizer.from_pretrained(bert_dir)
    sentences = Dataset.from_list([{"words": ["ada", "the"], "labels": ["B-X", "O"]}])
    (feature,) = tokenize(sentences, tokenizer, ["O", "B-X"], None)
    assert tokenizer.convert_ids_to_tokens(feature["input_ids"]) == ["[CLS]", "a", "##d", "##a", "the", "[SEP]"]
    assert feature["labels"] == [-100, 1, -100, -100, 0, -100]


def test_a_model_whose_tokens_begin_with_spaces_reads_words_that_are_split_already(run, files, tmp_path):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {token: id for id, token in enumerate([*special, *alphabet])}
    RobertaTokenizer(vocab=vocabulary, merges=[], model_max_length=64).save_pretrained(tmp_path / "roberta")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = RobertaConfig(**sizes, vocab_size=len(vocabulary), max_position_embeddings=70)
    RobertaModel(config).save_pretrained(tmp_path / "roberta")
    results = run(main, **files, model_name_or_path=tmp_path / "roberta", do_train=True, num_train_epochs=1)
    assert results["eval_loss"] > 0


def test_predictions_of_words_that_were_cut_off_are_none(run, files, elmo_dir, tmp_path):
    cut = {"max_seq_length": 5, "num_train_epochs": 1}
    run(main, **files, **cut, model_name_or_path=elmo_dir, do_train=True, do_predict=True)
    first = (tmp_path / "run/predictions.txt").read_text().split("\n\n")[0].splitlines()
    assert len(first) == 5
    assert [line.split("\t")[2] for line in first[3:]] == ["O", "O"]


def test_a_resumed_run_gives_what_an_uninterrupted_one_gives(run, files, elmo_dir, tmp_path):
    files = {**files, "model_name_or_path": elmo_dir, "do_train": True, "do_predict": True, "num_train_epochs": 4}
    noisy = {"task_dropout": 0.2, "learning_rate": 0.003, "save_total_limit": 9}
    whole = run(main, **files, **noisy)
    checkpoint = tmp_path / "run/checkpoint-10"
    assert checkpoint.is_dir()
    (tmp_path / "again").mkdir()
    shutil.copytree(checkpoint, tmp_path / "again/checkpoint-10")
    again = run(main, **files, **noisy, output_dir=tmp_path / "again", resume_from_checkpoint=True)
    for name in ("test_f1", "test_loss", "eval_loss", "final_mix_share_0_1"):
        assert again[name] == pytest.approx(whole[name], rel=1e-3)
    logs = [
        json.loads(Path(tmp_path, name, "trainer_state.json").read_text())["log_history"] for name in ("run", "again")
    ]
    losses = [[entry["loss"] for entry in log if "loss" in entry] for log in logs]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert len(losses[1]) == 4


def test_an_incomplete_checkpoint_is_skipped(run, files, elmo_dir, tmp_path):
    files = {**files, "model_name_or_path": elmo_dir, "do_train": True, "num_train_epochs": 2, "save_total_limit": 9}
    run(main, **files)
    path = tmp_path / "run/checkpoint-5/trainer_state.json"
    state = json.loads(path.read_text())
    state["log_history"][0]["loss"] = 123.0
    path.write_text(json.dumps(state))
    (tmp_path / "run/checkpoint-10/trainer_state.json").unlink()
    run(main, **files, resume_from_checkpoint=True)
    history = json.loads((tmp_path / "run/trainer_state.json").read_text())["log_history"]
    assert [entry["loss"] == 123 for entry in history if "loss" in entry] == [True, False]


@pytest.mark.parametrize(("given", "found"), [(True, "true"), ("True", "true"), (False, None), ("false", None)])
def test_resuming_is_asked_for_in_a_json_file_as_on_the_command_line(tmp_path, given, found):
    arguments = FineTuningArguments(output_dir=str(tmp_path), resume_from_checkpoint=given, use_cpu=True)
    assert arguments.resume_from_checkpoint == found


def test_training_stops_early_where_nothing_gets_better(run, files, elmo_dir):
    results = run(
        main, **files, model_name_or_path=elmo_dir, do_train=True, early_stopping_patience=2, learning_rate=1e-9
    )
    assert results["epoch"] == 3


def test_without_evaluation_training_does_not_stop_early(run, files, elmo_dir, tmp_path):
    never = {"eval_strategy": "no", "load_best_model_at_end": False, "early_stopping_patience": 1}
    results = run(main, **files, **never, model_name_or_path=elmo_dir, do_train=True, learning_rate=1e-9)
    assert results["epoch"] == 6
    assert "eval_f1" in results


def test_a_saved_model_is_evaluated_without_training(run, files, elmo_dir, tmp_path):
    trained = run(main, **files, model_name_or_path=elmo_dir, do_train=True, do_predict=True, num_train_epochs=3)
    test_only = {"test_file": files["test_file"], "output_dir": tmp_path / "again"}
    results = run(main, **test_only, model_name_or_path=tmp_path / "run", do_predict=True)
    assert results["test_f1"] == pytest.approx(trained["test_f1"])
    assert results["test_loss"] == pytest.approx(trained["test_loss"], rel=1e-4)


def test_arguments_may_come_from_a_json_file(files, elmo_dir, tmp_path):
    arguments = {**files, "model_name_or_path": elmo_dir, "do_train": True, "num_train_epochs": 1, "use_cpu": True}
    arguments |= {"output_dir": str(tmp_path / "run"), "disable_tqdm": True, "elmo_at": "input"}
    (tmp_path / "arguments.json").write_text(json.dumps(arguments))
    assert main([str(tmp_path / "arguments.json")])["epoch"] == 1


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        ({"elmo_layers": "top"}, {"mix_parameters": [-9e10, -9e10, 0.0]}),
        ({"elmo_layers": "0"}, {"mix_parameters": [0.0, -9e10, -9e10]}),
        ({"elmo_layers": "average"}, {"mix_parameters": [0.0, 0.0, 0.0]}),
        ({"elmo_at": "both", "mix_l2": 1.0}, {"elmo_at_input": True, "elmo_at_output": True, "mix_l2": 1.0}),
        (
            {"elmo_at": "none", "word_vector_size": 8},
            {"elmo_at_input": False, "elmo_at_output": False, "word_vector_size": 8, "freeze_word_vectors": False},
        ),
        ({"freeze": False, "task_lstm_layers": 0}, {"freeze_bilm": False, "task_lstm_layers": 0}),
    ],
)
def test_ablations_of_the_paper_are_arguments(run, files, elmo_dir, tmp_path, arguments, config):
    run(main, **files, **arguments, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=1)
    saved = json.loads((tmp_path / "run/config.json").read_text())
    assert {name: saved[name] for name in config} == config


def test_a_frozen_bilm_reads_each_text_once_where_there_is_room(run, files, elmo_dir, tmp_path, monkeypatch):
    num_tokens, run_layers = [], ElmoModel.run_layers

    def counting(model, hidden_states, packing, *args):
        num_tokens.append(len(packing.forward_index))
        return run_layers(model, hidden_states, packing, *args)

    monkeypatch.setattr(ElmoModel, "run_layers", counting)
    results = {}
    for gigabytes in (None, 0, 1e-6):
        num_tokens.clear()
        output = {"output_dir": tmp_path / f"run-{gigabytes}", "num_train_epochs": 3}
        output |= {} if gigabytes is None else {"text_cache_gb": gigabytes}
        metrics = run(main, **files, **output, model_name_or_path=elmo_dir, do_train=True)
        results[gigabytes] = metrics["eval_loss"], sum(num_tokens)
    assert results[None][0] == pytest.approx(results[0][0], rel=1e-4)
    # The validation data come once more, when the best epoch has been loaded.
    assert results[None][1] < results[0][1] / 2
    assert results[None][1] < results[1e-6][1] < results[0][1]


def test_static_word_vectors_take_the_words_of_the_data_where_the_model_has_no_vocabulary(
    run, files, elmo_dir, tmp_path
):
    (tmp_path / "glove.txt").write_text("Ada 1 0\nRome 0 1\nriver 0.5 0.5\nunseen 9 9\n")
    files = {**files, "word_vectors": tmp_path / "glove.txt", "elmo_at": "none"}
    results = run(main, **files, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=1)
    assert results["word_vector_hits"] == 3
    assert results["word_vector_misses"] == 9
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "run")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run")
    row = model.task_input.word_vectors.weight[tokenizer.get_vocab()["river"]]
    assert row.tolist() == [0.5, 0.5]


def test_an_entity_may_be_longer_than_those_of_its_kind_in_the_training_data(run, files, elmo_dir, tmp_path):
    Path(files["train_file"]).write_text("the X O\nOslo X B-LOC\n\nof X O\n\n" * 4)
    Path(files["test_file"]).write_text("Rio X B-LOC\nGrande X I-LOC\n\n")
    files = {**files, "validation_file": None}
    run(main, **files, model_name_or_path=elmo_dir, do_train=True, do_predict=True, num_train_epochs=1)
    saved = json.loads((tmp_path / "run/config.json").read_text())
    assert list(saved["id2label"].values()) == ["O", "B-LOC", "I-LOC"]


@pytest.mark.skipif(torch.accelerator.is_available(), reason="with an accelerator, memory is pinned")
@pytest.mark.filterwarnings("error:'pin_memory'")
def test_without_an_accelerator_no_memory_is_pinned(run, files, elmo_dir):
    run(main, **files, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=1, use_cpu=None)


def test_a_fraction_of_the_training_data_is_used(run, files, elmo_dir):
    results = run(main, **files, model_name_or_path=elmo_dir, do_train=True, train_fraction=0.1, num_train_epochs=1)
    assert results["train_samples"] == 4


def test_a_frozen_bert_keeps_its_weights(run, files, bert_dir, tmp_path):
    run(main, **files, model_name_or_path=bert_dir, do_train=True, num_train_epochs=1, freeze=True)
    start, end = (AutoModelForTokenClassification.from_pretrained(path) for path in (bert_dir, tmp_path / "run"))
    for name, weight in start.bert.named_parameters():
        assert torch.equal(weight, end.bert.get_parameter(name))


def in_iob1(path):
    """Rewrites a file of BIO, whose entities of a type never follow one another, in IOB1."""
    path = Path(path)
    path.write_text(path.read_text().replace(" B-", " I-"))


def test_iob1_gives_what_the_same_data_in_bio_give(run, files, elmo_dir, tmp_path):
    arguments = {**files, "model_name_or_path": elmo_dir, "use_crf": True, "do_train": True, "do_predict": True}
    arguments["num_train_epochs"] = 2
    bio = run(main, **arguments, label_scheme="BIO")
    for path in files.values():
        in_iob1(path)
    detected = run(main, **arguments, output_dir=tmp_path / "detected")
    for name in ("test_f1", "test_f1_LOC", "test_loss"):
        assert detected[name] == bio[name]
    saved = json.loads((tmp_path / "detected/config.json").read_text())
    assert saved["label_scheme"] == "BIO"
    assert list(saved["id2label"].values()) == ["O", "B-LOC", "B-PER", "I-LOC", "I-PER"]


def test_a_scheme_is_no_argument_for_elmo_alone():
    assert TaggingModelArguments(model_name_or_path="bert", label_scheme="BIO").given_for_elmo() == []
    assert TaggingModelArguments(model_name_or_path="bert", label_scheme="IOB2").label_scheme == "BIO"
    assert TaggingModelArguments(model_name_or_path="bert", label_scheme="IOBES").label_scheme == "BIOES"


class TestErrors:
    @pytest.fixture
    def fails(self, run, files, elmo_dir):
        def fails(**arguments):
            with pytest.raises(SystemExit) as error:
                run(main, **{**files, "model_name_or_path": elmo_dir, "do_train": True, **arguments})
            message = str(error.value)
            assert message.startswith("error: ")
            assert "\n" not in message
            return message

        return fails

    def test_a_column_that_is_missing(self, fails):
        assert "train.txt:3: expected label_column 5, found 3 columns" in fails(label_column=5)

    def test_a_label_that_the_training_data_lack(self, fails, files):
        path = Path(files["test_file"])
        path.write_text(path.read_text() + "Mars X B-PLANET\n")
        message = fails(do_predict=True, num_train_epochs=1)
        assert message.startswith("error: test data: expected a label of O, B-LOC, ")
        assert "found 'B-PLANET'; see --label_list" in message

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_labels_of_another_scheme(self, fails, files, part):
        in_iob1(files[f"{part}_file"])
        message = fails(use_crf=True, label_scheme="BIO")
        assert f"{part}.txt:3: I-PER can't stand at the beginning of a sentence in BIO (" in message
        assert message.endswith("the labels follow IOB1: set label_scheme to IOB1")

    def test_a_scheme_for_labels_that_mark_no_entities(self, fails):
        assert "train.txt:3: label_scheme='BIO' expects O, B-TYPE, I-TYPE; found 'X'" in fails(
            label_scheme="BIO", label_column=1
        )

    def test_a_file_that_is_missing(self, fails):
        assert "No such file or directory: 'nowhere.txt'" in fails(validation_file="nowhere.txt")

    def test_a_model_that_is_missing(self, fails, tmp_path):
        assert str(tmp_path / "nowhere") in fails(model_name_or_path=tmp_path / "nowhere")

    def test_another_encoding(self, fails, files):
        Path(files["train_file"]).write_bytes("Zürich X B-LOC\n".encode("latin-1"))
        assert "train.txt: can't be read as utf-8: " in fails()

    def test_another_number_of_columns(self, fails, files):
        path = Path(files["train_file"])
        path.write_text(path.read_text() + "Mars\n")
        assert "expected 3 columns, found 1: 'Mars'" in fails()

    def test_unknown_or_incompatible_arguments(self, fails):
        assert "--no_such_argument" in fails(no_such_argument=1)
        assert "load_best_model_at_end" in fails(eval_strategy="no")

    def test_a_saved_head_for_other_labels(self, fails, run, files, elmo_dir, tmp_path):
        run(main, **files, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=1)
        Path(files["train_file"]).write_text("Mars X B-PLANET\n\nthe X O\n\n")
        other = {"model_name_or_path": tmp_path / "run", "output_dir": tmp_path / "other", "validation_file": None}
        message = fails(**other, test_file=None, validation_fraction=0)
        assert "start from a model without a head" in message

    def test_nothing_to_do(self, fails):
        assert "--do_train" in fails(do_train=False)

    def test_an_output_directory_that_holds_another_run(self, fails, tmp_path):
        (tmp_path / "run/checkpoint-3").mkdir(parents=True)
        assert "output_dir" in fails()

    def test_an_output_directory_with_the_results_of_another_run(self, fails, run, files, elmo_dir):
        without = {"save_strategy": "no", "load_best_model_at_end": False, "num_train_epochs": 1}
        run(main, **files, **without, model_name_or_path=elmo_dir, do_train=True)
        assert "contains another run" in fails(**without)

    def test_a_path_without_a_checkpoint(self, fails, tmp_path):
        assert f"Can't find a valid checkpoint at {tmp_path}" in fails(resume_from_checkpoint=tmp_path)

    def test_an_unknown_layer(self, fails):
        assert "from 0 to 2, found '7'" in fails(elmo_layers="7")

    @pytest.mark.parametrize("value", [-1, math.nan, math.inf])
    def test_an_invalid_cache_size(self, fails, value):
        assert f"text_cache_gb: expected a finite number, 0 or more, found {float(value)}" in fails(text_cache_gb=value)

    def test_arguments_for_elmo_with_another_model(self, fails, bert_dir):
        message = fails(model_name_or_path=bert_dir, elmo_at="both", use_crf=True)
        assert "elmo_at, use_crf" in message
        assert "bert" in message

    def test_a_loss_that_is_not_the_models(self, fails, run, files, bert_dir):
        assert "label_smoothing_factor: must be 0 for an ELMo" in fails(label_smoothing_factor=0.1)
        run(main, **files, model_name_or_path=bert_dir, do_train=True, num_train_epochs=1, label_smoothing_factor=0.1)

    @pytest.mark.parametrize("elmo_at", ["none", "output"])
    def test_no_input_at_all(self, fails, elmo_at):
        assert "a task model needs an input" in fails(elmo_at=elmo_at)
        assert "a task model needs an input" in fails(elmo_at=elmo_at, word_vector_size=0)

    def test_ragged_word_vectors(self, fails, tmp_path):
        (tmp_path / "vectors.txt").write_text("a 1 2\nb 1\n")
        assert "vectors.txt: line 2" in fails(word_vectors=tmp_path / "vectors.txt")

    def test_a_missing_file_of_word_vectors(self, fails, tmp_path):
        assert "No such file or directory: 'nowhere.txt'" in fails(word_vectors="nowhere.txt")
        assert "Is a directory" in fails(word_vectors=tmp_path)

    def test_a_fraction_out_of_range(self, fails):
        assert "train_fraction" in fails(train_fraction=1.5)

    @pytest.mark.parametrize("number", [0, -1])
    @pytest.mark.parametrize("name", ["max_eval_samples", "max_seq_length"])
    def test_a_number_below_one(self, fails, name, number):
        assert fails(**{name: number}) == f"error: {name}: expected at least 1, found {number}"

    def test_an_output_directory_that_is_a_file(self, fails, tmp_path):
        (tmp_path / "run").touch()
        assert str(tmp_path / "run") in fails()

    @pytest.mark.parametrize("content", ["[1]", "7", "null"])
    def test_a_json_file_that_holds_no_arguments(self, tmp_path, content):
        (tmp_path / "arguments.json").write_text(content)
        with pytest.raises(SystemExit, match="arguments.json: expected an object with arguments by name"):
            main([str(tmp_path / "arguments.json")])


class TestMetrics:
    def test_entities_count_as_in_conlleval(self):
        gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O"]]
        predicted = [["B-PER", "O", "O", "B-LOC"], ["B-LOC"]]
        scores = tagging_metrics(gold, predicted, ["O", "B-PER", "I-PER", "B-LOC"])
        # Of three predicted entities one is right, of two entities one is found.
        assert scores["precision"] == pytest.approx(1 / 3)
        assert scores["recall"] == pytest.approx(1 / 2)
        assert scores["f1"] == pytest.approx(0.4)
        assert scores["f1_LOC"] == pytest.approx(2 / 3)
        assert scores["f1_PER"] == 0
        assert scores["accuracy"] == pytest.approx(3 / 5)

    @pytest.mark.parametrize("marks", ["BIES", "BILU", "BMES"])
    def test_entities_are_the_same_under_other_names_of_the_marks(self, marks):
        def named(sentence):
            return [mark if mark == "O" else f"{marks['BIES'.index(mark)]}-X" for mark in sentence]

        gold, predicted = [named("SSOBIE")], [named("SOOBIE")]
        scores = tagging_metrics(gold, predicted, ["O", *named("BIES")])
        assert (scores["precision"], scores["recall"]) == (1, pytest.approx(2 / 3))
        assert scores["accuracy"] == pytest.approx(5 / 6)

    @pytest.mark.filterwarnings("error")
    def test_no_entities_at_all_have_a_score_of_zero(self):
        assert tagging_metrics([["O"]], [["O"]], ["O", "B-X"])["f1"] == 0

    def test_parts_of_speech_are_no_entities(self):
        assert tagging_metrics([["NN", "DT"]], [["NN", "NN"]], ["NN", "DT"]) == {"accuracy": 0.5}


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "file.txt"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


def read(path, **arguments):
    return read_columns(path, ColumnArguments(**arguments))


class TestColumns:
    def test_sentences_end_at_blank_lines_marks_and_the_end_of_the_file(self, write):
        path = write("\n-DOCSTART- -X- O\n\na X O\r\nb Y B-Q\n \t\n\n-DOCSTART- -X- O\nc Z O")
        sentences = read(path)
        assert list(sentences["words"]) == [["a", "b"], ["c"]]
        assert list(sentences["labels"]) == [["O", "B-Q"], ["O"]]

    def test_columns_are_chosen_by_index_from_either_end(self, write):
        path = write("a X O\n")
        assert read(path, label_column=1)[0]["labels"] == ["X"]
        assert read(path, word_column=-2, label_column=-1)[0]["words"] == ["X"]

    def test_words_may_be_white_space_or_line_ends_of_other_alphabets_where_tabs_separate(self, write):
        path = write("\u00a0\tO\n\u0085\tO\na b\tB-X\n")
        assert read(path)[0]["words"] == ["\u00a0", "\u0085", "a b"]

    def test_words_may_be_white_space_of_other_alphabets_where_spaces_separate(self, write):
        assert read(write("\u00a0 N O\na  N   B-X \n"))[0]["words"] == ["\u00a0", "a"]

    @pytest.mark.parametrize("line", ["b O", "b N", "b N B-X O", "b"])
    def test_a_line_with_other_columns_is_an_error(self, write, line):
        with pytest.raises(ValueError, match=r"file.txt:2: expected 3 columns, found"):
            read(write(f"a N O\n{line}\n"))

    @pytest.mark.parametrize("columns", [{}, {"label_column": 0}])
    def test_words_are_not_taken_for_labels(self, write, columns):
        with pytest.raises(ValueError, match=r"file.txt:1: word_column and label_column must differ"):
            read(write("a\nb\n"), **columns)

    def test_conllu_has_columns_with_names(self, write):
        path = write("# text = b\n1\tb\ta\tNOUN\t_\t_\t0\troot\t_\t_\n")
        assert read(path)[0] == {"words": ["b"], "labels": ["NOUN"]}
        assert read(path, word_column="LEMMA", label_column="7")[0] == {"words": ["a"], "labels": ["root"]}
        with pytest.raises(ValueError, match="file.txt: expected labels, found only `_` in the columns FORM and XPOS"):
            read(path, label_column="XPOS")

    def test_the_encoding_is_an_argument(self, write):
        path = write("Zürich N B-LOC\n", "latin-1")
        assert read(path, encoding="latin-1")[0]["words"] == ["Zürich"]

    def test_a_byte_order_mark_is_no_part_of_a_word(self, write):
        assert read(write("\ufeffa O\n"))[0]["words"] == ["a"]

    @pytest.mark.parametrize("text", ["", "\n\n", "-DOCSTART- O\n"])
    def test_a_file_without_words_is_an_error(self, write, text):
        with pytest.raises(ValueError, match="file.txt: expected a word on each line"):
            read(write(text))

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-7000"])
    def test_another_encoding_is_an_error(self, write, encoding):
        with pytest.raises(ValueError, match=f"file.txt: can't be read as {encoding}: .*; see --encoding"):
            read(write("a O\n"), encoding=encoding)


@pytest.mark.parametrize(
    ("name", "encoding", "number"),
    [
        ("wnut17/emerging.test.annotated", "utf-8", 1287),
        ("conll2000/test.txt", "utf-8", 2012),
        ("conll2002/ned.testa", "latin-1", 2895),
    ],
)
def test_published_files_are_read_completely(name, encoding, number):
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"needs the published data sets (data/{name} in ELMO_TEST_FILES)")
    assert len(read(str(path), encoding=encoding)) == number


@pytest.mark.parametrize(
    ("name", "words", "labels"),
    [
        ("iob1_train", ["Anna", "left", "Ulm", "Ulm", "Bonn"], ["B-PER", "O", "B-LOC", "B-LOC", "B-LOC"]),
        ("conllu", ["Vamos", "nos", "mar"], ["VERB", "PRON", "NOUN"]),
        ("conllu_stripped", ["Vamos", "nos", "mar"], ["VERB", "PRON", "NOUN"]),
        ("germeval", ["Anna", "lebt", "in", "Ulm"], ["B-PER", "O", "O", "B-LOC"]),
    ],
)
def test_files_that_others_had_trouble_with(name, words, labels):
    path = SHARED / "cases" / f"{name}.conll"
    if not path.is_file():
        pytest.skip(f"needs the reported cases (cases/{name}.conll in ELMO_TEST_FILES)")
    sentences = read(str(path))
    assert [word for each in sentences["words"] for word in each] == words
    assert [label for each in sentences["labels"] for label in each] == labels
