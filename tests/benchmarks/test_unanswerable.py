# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions that are asked of paragraphs without their answer."""

import json
import random

from benchmarks.quality.unanswerable import ask_elsewhere, main, passages


def paragraph(number):
    context = f"First {number} is here. Then answer{number} stood in it. The end {number} comes."
    answer = {"text": f"answer{number}", "answer_start": context.find("answer")}
    return {"context": context, "qas": [{"id": str(number), "question": "What stood?", "answers": [answer]}]}


def test_a_third_of_the_questions_is_asked_of_a_paragraph_without_their_answer():
    articles = [{"title": "a", "paragraphs": [paragraph(number) for number in range(9)]}]
    for max_words in (None, 6):
        (made,) = ask_elsewhere(articles, 1 / 3, random.Random(0), max_words)
        asked = [(each["context"], question) for each in made["paragraphs"] for question in each["qas"]]
        assert sorted(question["id"] for _, question in asked) == [str(number) for number in range(9)]
        moved = [(context, question) for context, question in asked if question["is_impossible"]]
        assert len(moved) == 3
        for context, question in moved:
            assert not question["answers"]
            assert f"answer{question['id']}" not in context
            assert question["id"] not in context
        for context, question in asked:
            for answer in question["answers"]:
                assert context[answer["answer_start"] :].startswith(answer["text"])


def test_passages_are_whole_sentences():
    contexts = [part["context"] for part in passages(paragraph(1), 9)]
    assert contexts == ["First 1 is here. Then answer1 stood in it. ", "The end 1 comes."]
    assert len(passages(paragraph(1), 1)) == 3
    assert [len(part["qas"]) for part in passages(paragraph(1), 5)] == [0, 1, 0]


def test_parts_have_different_articles(tmp_path):
    articles = [{"title": "a", "paragraphs": [paragraph(10 * at + number) for number in range(3)]} for at in range(10)]
    (tmp_path / "in.json").write_text(json.dumps({"data": articles}))
    main(tmp_path / "in.json", tmp_path / "out", 1 / 3, None, 0)
    ids = {}
    for part in ("train", "validation", "test"):
        data = json.loads((tmp_path / f"out/{part}.json").read_text())["data"]
        ids[part] = {question["id"] for each in data for own in each["paragraphs"] for question in own["qas"]}
    assert [len(own) for own in ids.values()] == [21, 3, 6]
    assert len(set.union(*ids.values())) == 30
