# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes questions without an answer, as in SQuAD 2.0, from a file in the format of SQuAD 1.1.

    python -m benchmarks.quality.unanswerable xquad.en.json runs/data/xquad2 --max-words 50

A third of the questions is asked of another paragraph, drawn at random from the same part of the data. Parts have
different articles, so nothing in one helps with another: `train.json`, `validation.json` and `test.json` in OUTPUT. To
train in minutes, paragraphs can be cut into passages of whole sentences.
"""

import json
import random
import re
from pathlib import Path
from typing import Annotated, Any

import typer


# Where a passage may end.
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")

# Shares of the articles.
PARTS = {"train": 0.7, "validation": 0.1, "test": 0.2}


def read_parts(path: Path, rng: random.Random) -> dict[str, list[Any]]:
    """Returns the articles of each part of a file in the format of SQuAD, drawn at random."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    rng.shuffle(articles)
    parts, begin, reached = {}, 0, 0.0
    for name, share in PARTS.items():
        reached += share
        end = round(reached * len(articles))
        parts[name] = articles[begin:end]
        begin = end
    return parts


def passages(paragraph: dict[str, Any], max_words: int) -> list[dict[str, Any]]:
    """Returns a paragraph in passages of sentences, with at most `max_words` words unless a sentence has more.

    A question stays with the passage of its answer, and is left out where that crosses the end of a passage.
    """
    context, made = paragraph["context"], []
    ends = [match.end() for match in SENTENCE_END.finditer(context)]
    begin, last = 0, 0
    for end in [*ends, len(context)]:
        if len(context[begin:end].split()) > max_words and last > begin:
            made.append((begin, last))
            begin = last
        last = end
    parts = []
    for first, end in [*made, (begin, len(context))]:
        questions = [
            {**question, "answers": [{**answer, "answer_start": answer["answer_start"] - first}]}
            for question in paragraph["qas"]
            for answer in question["answers"][:1]
            if first <= answer["answer_start"] and answer["answer_start"] + len(answer["text"]) <= end
        ]
        parts.append({"context": context[first:end], "qas": questions})
    return parts


def ask_elsewhere(
    articles: list[dict[str, Any]], share: float, rng: random.Random, max_words: int | None = None
) -> list[dict[str, Any]]:
    """Returns articles in which `share` of the questions are asked of another paragraph that lacks their answer."""
    sources = [paragraph for article in articles for paragraph in article["paragraphs"]]
    homes = [
        (home, passage)
        for home, paragraph in enumerate(sources)
        for passage in (passages(paragraph, max_words) if max_words else [paragraph])
    ]
    asked = [(home, place, question) for place, (home, own) in enumerate(homes) for question in own["qas"]]
    moved = set(rng.sample(range(len(asked)), round(share * len(asked))))
    questions: list[list[dict[str, Any]]] = [[] for _ in homes]
    for number, (home, place, question) in enumerate(asked):
        if number not in moved:
            questions[place].append({**question, "is_impossible": False})
            continue
        texts = [answer["text"].lower() for answer in question["answers"]]
        others = [
            at
            for at, (other, passage) in enumerate(homes)
            if other != home and not any(text in passage["context"].lower() for text in texts)
        ]
        questions[rng.choice(others)].append({**question, "answers": [], "is_impossible": True})
    made = [{"context": own["context"], "qas": qas} for (_, own), qas in zip(homes, questions) if qas]
    return [{"title": "", "paragraphs": made}]


def main(
    input: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Questions in the format of SQuAD 1.1.")],
    output: Annotated[Path, typer.Argument(help="The directory to write to.")],
    share: Annotated[float, typer.Option(help="Share of the questions to ask of another paragraph.")] = 1 / 3,
    max_words: Annotated[
        int | None, typer.Option(help="Cut paragraphs into passages of at most this many words.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = 0,
) -> None:
    """Write the three parts."""
    rng = random.Random(seed)
    parts = read_parts(input, rng)
    output.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        data = {"version": "2.0", "data": ask_elsewhere(part, share, rng, max_words)}
        (output / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
