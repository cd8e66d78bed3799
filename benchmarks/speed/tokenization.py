# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Words per second from words or raw text to tensors of character ids, compared with AllenNLP's `batch_to_ids`.

    python -m benchmarks.speed.tokenization

Our tokenizer also returns word ids and the mask. Its vocabulary has the more frequent half of the distinct words.
"""

from collections import Counter

import torch

from modeling_elmo import ElmoTokenizer
from modeling_elmo.conversion_scripts import reference
from modeling_elmo.model.vocabulary_files import SPECIAL_TOKENS

from . import allennlp_elmo
from .correctness import WrongResultError
from .measurement import median_seconds, num_threads
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .sentences import Sentence, get_sentences


BATCH_SIZE = 32
MAX_CHARACTERS = 50


def make_tokenizer(sentences: list[Sentence]) -> ElmoTokenizer:
    """Returns a tokenizer with the more frequent half of the distinct words."""
    by_frequency = [word for word, _ in Counter(word for sentence in sentences for word in sentence).most_common()]
    special = list(SPECIAL_TOKENS)[:3]
    return ElmoTokenizer(vocab=[*special, *by_frequency[: len(by_frequency) // 2]])


def expected_ids(batch: list[Sentence]) -> list[torch.Tensor]:
    """Returns character ids `(words, 50)` of each sentence, without boundary tokens."""
    if allennlp_elmo.is_available():
        rows = allennlp_elmo.batch_to_ids(batch)
        return [row[: len(sentence)] for row, sentence in zip(rows, batch)]
    return [torch.tensor([reference.character_ids(word, MAX_CHARACTERS) for word in sentence]) for sentence in batch]


def check(tokenizer: ElmoTokenizer, batches: list[list[Sentence]]) -> None:
    """Checks every character id of every batch. This is also the warm-up."""
    for number, batch in enumerate(batches):
        inputs = tokenizer(batch, is_split_into_words=True, padding=True, return_tensors="pt")
        ids = inputs["character_ids"]
        for row, mask, sentence, expected in zip(ids, inputs["attention_mask"], batch, expected_ids(batch)):
            length = len(sentence) + 2
            is_right = (
                torch.equal(row[1 : length - 1], expected) and not row[length:].any() and int(mask.sum()) == length
            )
            if not is_right:
                raise WrongResultError(f"tokenization: batch {number} has wrong character ids")


def main(
    text: Text = None,
    repeats: Repeats = 7,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure words per second of tokenization."""
    report = Report("tokenization", threads, json_only)
    report.say(allennlp_elmo.describe())
    sentences = get_sentences(BATCH_SIZE * (2 if quick else 30), text)
    words = sum(map(len, sentences))
    tokenizer = make_tokenizer(sentences)
    batches = [sentences[start : start + BATCH_SIZE] for start in range(0, len(sentences), BATCH_SIZE)]
    texts = [[" ".join(sentence) for sentence in batch] for batch in batches]
    with num_threads(report.threads):
        check(tokenizer, batches)
        rivals = {
            "words": lambda: [
                tokenizer(batch, is_split_into_words=True, padding=True, return_tensors="pt") for batch in batches
            ],
            "raw text": lambda: [tokenizer(batch, padding=True, return_tensors="pt") for batch in texts],
        }
        if allennlp_elmo.is_available():
            rivals["allennlp, words"] = lambda: [allennlp_elmo.batch_to_ids(batch) for batch in batches]
        rate = {name: rounded(words / seconds) for name, seconds in median_seconds(rivals, repeats).items()}
    report.figures["words"] = words
    report.figures["words_per_second"] = rate
    report.table(f"Batches of {BATCH_SIZE}, {words:,} words", ["", "words per second"], [*rate.items()])
    times = rounded(rate["words"] / rate["allennlp, words"]) if "allennlp, words" in rate else None
    report.figures["times_allennlp"] = times
    if times is not None:
        report.say(f"\nwords, times AllenNLP's words per second: {times}")
    report.finish()


if __name__ == "__main__":
    run(main)
