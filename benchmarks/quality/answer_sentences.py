# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes pairs of a question and a sentence, which has the answer or not, from a file in the format of SQuAD 1.1.

    python -m benchmarks.quality.answer_sentences xquad.en.json DATA/answer_sentences

As in QNLI (Wang et al. 2018), which was made of SQuAD in the same way, but a question has two pairs: one with the
sentence that has its answer, one with another sentence of the same paragraph, drawn at random. Guessing has an accuracy
of 50 %. Parts have different articles: `train.tsv`, `validation.tsv` and `test.tsv` in OUTPUT.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from modeling_elmo.files.sentences import sentence_splitter

from .unanswerable import read_parts


class Pair(NamedTuple):
    """A question and a sentence, and whether the sentence has its answer."""

    question: str
    sentence: str
    label: str


def answer_pairs(articles: list[dict[str, Any]], rng: random.Random) -> Iterator[Pair]:
    """Yields the two pairs of each question; none if the answer is in two sentences or in all."""
    split = sentence_splitter()
    for paragraph in (paragraph for article in articles for paragraph in article["paragraphs"]):
        context = paragraph["context"]
        spans = split(context)
        for question in paragraph["qas"]:
            answer = question["answers"][0]
            first, text = answer["answer_start"], answer["text"]
            own = [context[begin:end] for begin, end in spans if begin <= first and first + len(text) <= end]
            others = [context[begin:end] for begin, end in spans if text.lower() not in context[begin:end].lower()]
            if own and others:
                yield Pair(one_line(question["question"]), one_line(own[0]), "answer")
                yield Pair(one_line(question["question"]), one_line(rng.choice(others)), "other")


def one_line(text: str) -> str:
    """Returns a text with single spaces."""
    return " ".join(text.split())


def main(
    input: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Questions in the format of SQuAD 1.1.")],
    output: Annotated[Path, typer.Argument(help="The directory to write to.")],
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = 0,
) -> None:
    """Write the three parts."""
    rng = random.Random(seed)
    parts = read_parts(input, rng)
    output.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        with open(output / f"{name}.tsv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(["question", "sentence", "label"])
            writer.writerows(answer_pairs(part, rng))


if __name__ == "__main__":
    typer.run(main)
