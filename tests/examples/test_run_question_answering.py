# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`run_question_answering.py`, end to end, and SQuAD's definition of right."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from run_question_answering import QuestionArguments, best_answers, main, read_squad, tokenize
from squad_metrics import Answer, exact_match, f1, squad_metrics
from tests.conftest import SHARED
from tests.examples.conftest import PEOPLE, PLACES


def a_question(id, context, answers):
    return {"id": id, "question": "Who saw it?", "context": context, "answers": answers}


def pieces_of(questions, tokenizer, **arguments):
    return tokenize(Dataset.from_list(questions), tokenizer, QuestionArguments(**arguments))


def write_squad(path, number, seed=0):
    """Paragraphs about a person and a place, with a question about each."""
    rng, paragraphs = random.Random(seed), []
    for index in range(number):
        person, place = rng.choice(PEOPLE), rng.choice(PLACES)
        context = f"In {rng.randrange(9)} {person} saw ({place}) {index}."
        questions = [("Who saw it?", person), ("Where is it?", place)]
        asked = [
            {
                "id": f"{seed}-{index}-{text}",
                "question": text,
                "answers": [{"text": answer, "answer_start": context.find(answer)}],
            }
            for text, answer in questions
        ]
        paragraphs.append({"context": context, "qas": asked})
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "it", "paragraphs": paragraphs}]}))
    return str(path)


@pytest.fixture
def files(tmp_path):
    parts = [("train", 40), ("validation", 8), ("test", 8)]
    return {
        f"{part}_file": write_squad(tmp_path / f"{part}.json", number, seed)
        for seed, (part, number) in enumerate(parts)
    }


def test_an_elmo_learns_and_answers_in_the_words_of_the_context(run, files, elmo_dir, tmp_path):
    results = run(main, **files, model_name_or_path=elmo_dir, do_train=True, do_predict=True, elmo_at="both")
    directory = tmp_path / "run"
    assert results["test_f1"] > 0.9
    assert results["test_exact_match"] > 0.9
    questions = read_squad(files["test_file"])
    answers = json.loads((directory / "predictions.json").read_text())
    assert set(answers) == set(questions["id"])
    scores = squad_metrics(questions, {id: Answer(text) for id, text in answers.items()})
    assert scores["exact_match"] == results["test_exact_match"]
    for question in questions:
        assert answers[question["id"]] in question["context"]
    assert AutoModelForQuestionAnswering.from_pretrained(directory).config.elmo_at_output


def write_squad_2(path, number, seed=0):
    """Questions of which half are asked of a paragraph about neither a person nor a place."""
    content = json.loads(Path(write_squad(path, number, seed)).read_text())
    for number, paragraph in enumerate(content["data"][0]["paragraphs"]):
        for question in paragraph["qas"]:
            question["is_impossible"] = number % 2 == 1
            question["answers"] *= number % 2 == 0
        if number % 2:
            paragraph["context"] = f"The river left {number}."
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize("name", ["squad.json.gz", "squad.parquet", "squad.jsonl", "squad"])
def test_files_of_every_kind_have_the_same_questions(tmp_path, name):
    expected = read_squad(write_squad_2(tmp_path / "expected.json", 4))
    if name == "squad":
        expected.save_to_disk(tmp_path / name)
    elif name == "squad.json.gz":
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "expected.json").read_bytes()))
    else:
        (expected.to_parquet if name == "squad.parquet" else expected.to_json)(tmp_path / name)
    assert list(read_squad(str(tmp_path / name))) == list(expected)


def test_an_elmo_learns_to_abstain(run, elmo_dir, tmp_path):
    files = {
        f"{part}_file": write_squad_2(tmp_path / f"{part}.json", 24, seed)
        for seed, part in enumerate(("train", "test"))
    }
    files |= {"do_predict": True, "validation_fraction": 0}
    results = run(main, **files, model_name_or_path=elmo_dir, do_train=True, num_train_epochs=4)
    assert results["test_no_answer_f1"] > 0.9
    assert results["test_has_answer_f1"] > 0
    answers = json.loads((tmp_path / "run/predictions.json").read_text())
    assert 16 <= list(answers.values()).count("") <= 32
    again = run(
        main, **files, model_name_or_path=tmp_path / "run", output_dir=tmp_path / "again", no_answer_threshold=1e9
    )
    assert again["test_no_answer_recall"] == 0
    assert again["test_best_f1"] == pytest.approx(results["test_best_f1"])


def test_accumulated_batches_of_unequal_size_are_one_large_batch(run, files, elmo_dir, tmp_path):
    files = {**files, "train_file": write_squad(tmp_path / "few.json", 5)}
    plain = {"model_name_or_path": elmo_dir, "do_train": True, "num_train_epochs": 2, "optim": "sgd"}
    losses = [
        run(
            main,
            **files,
            **plain,
            learning_rate=0.5,
            output_dir=tmp_path / f"by-{size}",
            per_device_train_batch_size=size,
            gradient_accumulation_steps=steps,
        )["eval_loss"]
        for size, steps in ((10, 1), (4, 3))
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_a_bert_with_contexts_in_pieces_is_trained_by_the_same_command(run, files, bert_dir, tmp_path):
    pieces = {"max_seq_length": 36, "stride": 8, "num_train_epochs": 2, "learning_rate": 0.003}
    results = run(main, **files, **pieces, model_name_or_path=bert_dir, do_train=True, do_predict=True)
    assert 0 <= results["test_exact_match"] <= results["test_f1"] <= 1
    assert len(json.loads((tmp_path / "run/predictions.json").read_text())) == 16


@pytest.fixture
def long_question():
    context = "Rome Oslo Lima " * 6 + "Ada saw the river."
    return a_question("1", context, {"text": ["Ada"], "answer_start": [context.find("Ada")]})


def test_pieces_of_a_context_find_the_answer_where_it_is(long_question, bert_dir):
    tokenizer = AutoTokenizer.from_pretrained(bert_dir)
    pieces = pieces_of([long_question], tokenizer, max_seq_length=40, stride=10)
    assert len(pieces) > 2
    assert max(len(piece["input_ids"]) for piece in pieces) == 40
    found = [piece for piece in pieces if piece["start_positions"]]
    assert found
    for piece in found:
        columns = range(piece["start_positions"], piece["end_positions"] + 1)
        assert tokenizer.convert_ids_to_tokens([piece["input_ids"][at] for at in columns]) == ["a", "##d", "##a"]
    assert any((piece["start_positions"], piece["end_positions"]) == (0, 0) for piece in pieces)


def test_the_best_answer_of_all_pieces_counts_and_padding_and_question_are_no_answers(long_question, bert_dir):
    tokenizer = AutoTokenizer.from_pretrained(bert_dir)
    pieces = pieces_of([long_question], tokenizer, max_seq_length=40, stride=10)
    # Far below the -100 that Trainer pads with.
    logits = np.full((2, len(pieces), 48), -500.0, dtype=np.float32)
    logits[:, :, 40:] = -100
    logits[:, :, 1] = 50
    at = max(index for index, piece in enumerate(pieces) if piece["start_positions"])
    logits[0, at, pieces[at]["start_positions"]] = 7
    logits[1, at, pieces[at]["end_positions"]] = 7
    logits[:, 0, 6] = 2
    # The smallest score of no answer is that of the first piece.
    logits[:, :, 0] = [[1, *[8] * (len(pieces) - 1)]] * 2
    answers = best_answers(Dataset.from_list([long_question]), pieces, tuple(logits), 30)
    assert answers == {"1": Answer("Ada", 2 - 14)}


def test_whole_paragraphs_are_held_out(run, files, elmo_dir):
    only = {"train_file": files["train_file"], "test_fraction": 0.2, "validation_fraction": 0.2}
    results = run(main, **only, model_name_or_path=elmo_dir, do_train=True, do_predict=True, num_train_epochs=1)
    # Of 40 paragraphs 8 are test data, of the others 6 are validation data; each has two questions.
    assert results["train_samples"] == 52


def test_the_sentences_of_a_context_are_separate_sequences(elmo_dir, bert_dir):
    pytest.importorskip("sentencex")
    context = "Ada was born in London. She wrote notes."
    question = a_question("q", context, {"text": ["notes"], "answer_start": [context.index("notes")]})
    (feature,) = pieces_of([question], AutoTokenizer.from_pretrained(elmo_dir), split_sentences=True)
    start, end = feature["start_positions"], feature["end_positions"]
    assert context[slice(*feature["spans"][start])] == "notes"
    assert (end, feature["token_type_ids"][start]) == (start, 2)
    with pytest.raises(ValueError, match="split_sentences: requires an ELMo"):
        pieces_of([question], AutoTokenizer.from_pretrained(bert_dir), split_sentences=True)


class TestMetrics:
    @pytest.mark.parametrize(
        ("prediction", "answer", "is_exact", "score"),
        [
            ("The Eiffel Tower!", "eiffel tower", 1, 1),
            ("an  apple", "apple", 1, 1),
            ("theatre", "atre", 0, 0),
            ("Ada Lovelace", "Ada", 0, 2 / 3),
            ("red red blue", "red blue blue", 0, 2 / 3),
            ("U.S.", "US", 1, 1),
            ("", "Ada", 0, 0),
            ("the", "a", 1, 0),
            ("anthem", "them", 0, 0),
        ],
    )
    def test_scores_are_those_of_squad(self, prediction, answer, is_exact, score):
        assert exact_match(prediction, answer) == is_exact
        assert f1(prediction, answer) == pytest.approx(score)

    def test_the_nearest_of_several_answers_counts_and_a_missing_prediction_is_wrong(self):
        questions = [a_question("1", "c", {"text": ["Ada Lovelace", "Ada"]}), a_question("2", "c", {"text": ["x"]})]
        assert squad_metrics(questions, {"1": Answer("ada")}) == {"exact_match": 0.5, "f1": 0.5}
        assert squad_metrics([], {}) == {"exact_match": 0.0, "f1": 0.0}

    def test_abstention_is_scored_as_in_squad_2(self):
        golds = [["Ada Lovelace"], ["x y"], ["the", "Rome"], [], [], []]
        questions = [a_question(str(id), "c", {"text": gold}) for id, gold in enumerate(golds)]
        margins = {"0": -3.0, "1": 2.0, "2": -1.0, "3": 1.0, "4": -2.0}
        answers = {id: Answer(text, margins[id]) for id, text in zip("01234", ["Ada", "x", "a", "Ada", "Ada"])}
        scores = squad_metrics(questions, answers, threshold=0.0)
        # Right: a part of the first answer, the fourth abstention. "the" is no answer once it is normalized.
        assert scores == pytest.approx(
            {
                "exact_match": 1 / 6,
                "f1": (2 / 3 + 1) / 6,
                "has_answer_exact_match": 0,
                "has_answer_f1": (2 / 3) / 3,
                "no_answer_recall": 1 / 3,
                "no_answer_precision": 1 / 2,
                "no_answer_f1": 2 / 5,
                # The question without a prediction is wrong at any threshold; the first and the last two are right.
                "best_f1": (2 / 3 + 2) / 6,
                "best_f1_threshold": -3,
            }
        )
        always = squad_metrics(questions, answers)
        assert always["f1"] == pytest.approx((2 / 3 + 2 / 3) / 6)
        assert always["no_answer_f1"] == always["no_answer_recall"] == 0
        never = squad_metrics(questions, answers, threshold=-10.0)
        assert never["f1"] == never["exact_match"] == pytest.approx(2 / 6)
        assert never["has_answer_f1"] == 0


class TestErrors:
    @pytest.fixture
    def fails(self, run, elmo_dir, tmp_path):
        def fails(content, **arguments):
            path = tmp_path / "bad.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            with pytest.raises(SystemExit) as error:
                run(main, **{"train_file": path, "model_name_or_path": elmo_dir, "do_train": True, **arguments})
            message = str(error.value)
            assert message.startswith("error: ")
            assert "\n" not in message
            return message

        return fails

    @staticmethod
    def squad(answers):
        question = {"id": "q7", "question": "Who?", "answers": answers}
        return {"data": [{"paragraphs": [{"context": "Ada saw it.", "qas": [question]}]}]}

    def test_an_answer_that_is_not_where_it_should_be(self, fails):
        message = fails(self.squad([{"text": "Ada", "answer_start": 4}]))
        assert "bad.json: question q7: expected 'Ada' at character 4" in message

    def test_a_question_without_an_answer(self, fails):
        assert 'question q7: expected an answer, or "is_impossible": true as in SQuAD 2.0' in fails(self.squad([]))

    def test_a_question_both_with_an_answer_and_without(self, fails):
        content = self.squad([{"text": "Ada", "answer_start": 0}])
        content["data"][0]["paragraphs"][0]["qas"][0]["is_impossible"] = True
        assert "question q7: expected no answers beside is_impossible, found 'Ada'" in fails(content)

    @pytest.mark.parametrize("start", ["4", 4.0, True, None, -11])
    def test_an_answer_start_that_is_no_character_of_the_context(self, fails, start):
        message = fails(self.squad([{"text": "Ada", "answer_start": start}]))
        assert f"question q7: expected 'Ada' at character {start} of the context" in message

    @pytest.mark.parametrize("key", ["question", "context", "text"])
    def test_texts_that_are_missing(self, fails, key):
        content = self.squad([{"text": None if key == "text" else "Ada", "answer_start": 0}])
        paragraph = content["data"][0]["paragraphs"][0]
        if key != "text":
            (paragraph if key == "context" else paragraph["qas"][0])[key] = None
        assert "bad.json: " in fails(content)

    def test_two_questions_of_one_id(self, fails):
        content = self.squad([{"text": "Ada", "answer_start": 0}])
        content["data"] *= 2
        assert "bad.json: question q7 appears twice" in fails(content)

    def test_a_file_of_another_form(self, fails):
        assert "expected the format of SQuAD" in fails({"rows": []})
        assert "bad.json: Expecting property name" in fails("{")

    @pytest.mark.parametrize("model", ["elmo", "bert"])
    @pytest.mark.parametrize("stride", [0, 3])
    def test_a_question_longer_than_a_piece_reports_the_minimum_length(self, model, stride, long_question, request):
        tokenizer = AutoTokenizer.from_pretrained(request.getfixturevalue(f"{model}_dir"))
        # Letters are tokens of this BERT, words those of ELMo: a question, three or four marks, and one more.
        least = {"elmo": 4, "bert": 9}[model] + {"elmo": 4, "bert": 3}[model] + stride + 1

        def pieces(length):
            questions = [{**long_question, "question": "Who?"}, long_question]
            return pieces_of(questions, tokenizer, max_seq_length=length, stride=stride)

        for length in (1, stride + 5, least - 1):
            with pytest.raises(ValueError, match=f"max_seq_length: expected at least {least} .* found {length};"):
                pieces(length)
        assert max(len(piece["input_ids"]) for piece in pieces(least)) == least

    def test_a_stride_longer_than_a_text_that_fits_has_no_effect(self, long_question, elmo_dir):
        tokenizer = AutoTokenizer.from_pretrained(elmo_dir)
        assert len(pieces_of([long_question], tokenizer, max_seq_length=60, stride=128)) == 1

    def test_a_question_longer_than_the_model_reads(self, fails, files, bert_dir):
        limits = {"train_file": files["train_file"], "model_name_or_path": bert_dir, "max_seq_length": 6}
        assert "max_seq_length" in fails("", **limits)

    def test_an_answer_length_below_one(self, fails):
        assert "max_answer_length" in fails("", max_answer_length=0)


def test_a_published_file_is_read_completely():
    path = SHARED / "data/xquad/xquad.en.json"
    if not path.is_file():
        pytest.skip("needs the published data sets (data/xquad/xquad.en.json in ELMO_TEST_FILES)")
    assert len(read_squad(str(path))) == 1190
