# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What a word costs an ELMo and another pretrained model, such as a BERT: words per second, parameters.

    python -m benchmarks.speed.beside_bert models/elmo-tiny DATA/bert --text sentences.txt

Each model reads the same split sentences in batches of 32 of about equal lengths, as its own tokenizer divides them.
Tokenization is not timed. `training` is a step of all weights on the sum of the last layer, without an optimizer.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from transformers import AutoModel, AutoTokenizer, BatchEncoding

import modeling_elmo  # noqa: F401
from modeling_elmo.hardware import cpu_name

from .measurement import median_seconds, num_threads
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .sentences import Sentence, get_sentences


BATCH_SIZE, NUM_SENTENCES, TRAINED_SENTENCES = 32, 512, 64


def batches_of(model_dir: Path, sentences: Sequence[Sentence]) -> list[BatchEncoding]:
    """Returns the inputs of a model, sorted by length."""
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    by_length = sorted(sentences, key=len)
    groups = [by_length[begin : begin + BATCH_SIZE] for begin in range(0, len(by_length), BATCH_SIZE)]
    return [tokenizer(group, is_split_into_words=True, padding=True, return_tensors="pt") for group in groups]


def read(model: Any, batches: Sequence[BatchEncoding]) -> None:
    """Computes the vectors of all batches."""
    with torch.inference_mode():
        for batch in batches:
            model(**batch)


def train(model: Any, batches: Sequence[BatchEncoding]) -> None:
    """Computes the gradients of all weights for all batches."""
    for batch in batches:
        model(**batch).last_hidden_state.sum().backward()
        model.zero_grad()


def main(
    models: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Model directories.")],
    text: Text = None,
    repeats: Repeats = 3,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure the words per second of pretrained models."""
    report = Report("beside_bert", threads, json_only)
    report.figures["cpu"] = cpu_name()
    sentences = get_sentences(8 if quick else NUM_SENTENCES, text)
    few = sentences[: 4 if quick else TRAINED_SENTENCES]
    found = {}
    with num_threads(report.threads):
        loaded = {path.name: AutoModel.from_pretrained(path).requires_grad_() for path in models}
        for name, inputs in (("inference", sentences), ("training", few)):
            batches = {path.name: batches_of(path, inputs) for path in models}
            work = read if name == "inference" else train
            rivals = {each: partial(work, loaded[each].train(name == "training"), batches[each]) for each in loaded}
            for start in rivals.values():
                start()
            seconds = median_seconds(rivals, repeats)
            num_words = sum(map(len, inputs))
            found[name] = {each: rounded(num_words / seconds[each]) for each in loaded}
    for each, model in loaded.items():
        report.figures[each] = {
            "inference_words_per_second": found["inference"][each],
            "training_words_per_second": found["training"][each],
            "parameters": model.num_parameters(),
        }
    rows = [[each, *report.figures[each].values()] for each in loaded]
    report.table("Batches of 32 sentences", ["model", "inference, words/s", "training, words/s", "parameters"], rows)
    report.finish()


if __name__ == "__main__":
    run(main)
