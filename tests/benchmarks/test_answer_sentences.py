# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pairs of a question and a sentence that has its answer or not."""

import csv
import json
import random

from benchmarks.quality.answer_sentences import answer_pairs, main


def article(number, context=None, answer=None):
    context = context or f"Town {number} is old.\nIts mayor is Ada{number}, as\tall know. The river is long."
    answer = answer or f"Ada{number}"
    question = {"id": str(number), "question": f"Who governs {number}?"}
    question["answers"] = [{"text": answer, "answer_start": context.find(answer)}]
    return {"title": str(number), "paragraphs": [{"context": context, "qas": [question]}]}


def test_a_question_has_a_pair_with_its_answer_and_one_without():
    pairs = list(answer_pairs([article(number) for number in range(9)], random.Random(0)))
    assert len(pairs) == 18
    for number in range(9):
        own, other = pairs[2 * number : 2 * number + 2]
        assert own == (f"Who governs {number}?", f"Its mayor is Ada{number}, as all know.", "answer")
        assert other.question == own.question
        assert other.sentence in {f"Town {number} is old.", "The river is long."}
        assert other.label == "other"


def test_a_question_without_one_sentence_of_each_kind_is_left_out():
    alone = article(1, "The mayor is Ada. Who is ada? Ada.", "Ada")
    across = article(2, "Town is old. Its river is long. It is blue.", "old. Its river")
    assert not list(answer_pairs([alone, across], random.Random(0)))


def test_parts_have_different_articles_and_can_be_made_again(tmp_path):
    (tmp_path / "in.json").write_text(json.dumps({"data": [article(number) for number in range(10)]}))
    for name in ("out", "again"):
        main(tmp_path / "in.json", tmp_path / name, seed=0)
    questions = []
    for part, count in (("train", 7), ("validation", 1), ("test", 2)):
        made = (tmp_path / f"out/{part}.tsv").read_text()
        assert made == (tmp_path / f"again/{part}.tsv").read_text()
        rows = list(csv.DictReader(made.splitlines(), delimiter="\t"))
        assert [row["label"] for row in rows] == ["answer", "other"] * count
        questions += {row["question"] for row in rows}
    assert len(questions) == len(set(questions)) == 10
