# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes questions without an answer, as in SQuAD 2.0, from a file in the format of SQuAD 1.1.

    python -m benchmarks.quality.unanswerable xquad.en.json runs/data/xquad2

A third of the questions is asked of another paragraph, drawn at random from the same part of the data. Parts have
different articles, so nothing in one helps with another: `train.json`, `validation.json` and `test.json` in OUTPUT.
"""

import json
import random
from pathlib import Path
from typing import Annotated, Any

import typer


# Shares of the articles.
PARTS = {"train": 0.7, "validation": 0.1, "test": 0.2}


def ask_elsewhere(articles: list[dict[str, Any]], share: float, rng: random.Random) -> list[dict[str, Any]]:
    """Returns articles in which `share` of the questions are asked of another paragraph that lacks their answer."""
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    asked = [(home, question) for home, paragraph in enumerate(paragraphs) for question in paragraph["qas"]]
    moved = set(rng.sample(range(len(asked)), round(share * len(asked))))
    questions: list[list[dict[str, Any]]] = [[] for _ in paragraphs]
    for number, (home, question) in enumerate(asked):
        if number not in moved:
            questions[home].append({**question, "is_impossible": False})
            continue
        texts = [answer["text"].lower() for answer in question["answers"]]
        others = [
            place
            for place, paragraph in enumerate(paragraphs)
            if place != home and not any(text in paragraph["context"].lower() for text in texts)
        ]
        questions[rng.choice(others)].append({**question, "answers": [], "is_impossible": True})
    made = iter(zip(paragraphs, questions))
    return [
        {**article, "paragraphs": [{"context": paragraph["context"], "qas": qas} for paragraph, qas in parts]}
        for article in articles
        for parts in [[next(made) for _ in article["paragraphs"]]]
    ]


def main(
    input: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Questions in the format of SQuAD 1.1.")],
    output: Annotated[Path, typer.Argument(help="The directory to write to.")],
    share: Annotated[float, typer.Option(help="Share of the questions to ask of another paragraph.")] = 1 / 3,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = 0,
) -> None:
    """Write the three parts."""
    articles = json.loads(input.read_text(encoding="utf-8"))["data"]
    rng = random.Random(seed)
    rng.shuffle(articles)
    output.mkdir(parents=True, exist_ok=True)
    begin, reached = 0, 0.0
    for name, part in PARTS.items():
        reached += part
        end = round(reached * len(articles))
        data = {"version": "2.0", "data": ask_elsewhere(articles[begin:end], share, rng)}
        (output / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")
        begin = end


if __name__ == "__main__":
    typer.run(main)
