# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The time of a word as one size grows: length of a text, batch, vocabulary of the softmax, threads, processes.

    python -m benchmarks.speed.growth

Runs the architecture of elmo-tiny (768 cells, 128 projected) with random weights, whose values don't matter for speed.
Where the cost of a word is flat, a larger job takes proportionally longer. The softmax is timed alone: it computes the
loss of each word over the whole vocabulary, as `elmo evaluate` does.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer, hardware
from modeling_elmo.model.sampled_softmax import ElmoSoftmax
from modeling_elmo.pretraining.initial_model import preset_config

from .full_size_model import TINY
from .measurement import median_seconds, num_threads
from .pretraining import random_words
from .report import JsonOnly, Quick, Repeats, Report, Threads, rounded, run


LENGTHS, QUICK_LENGTHS = (10, 100, 1_000, 10_000, 100_000), (10, 100)
BATCHES, QUICK_BATCHES = (1, 8, 32, 128, 1_024), (1, 8)
VOCABULARIES, QUICK_VOCABULARIES = (1_000, 10_000, 100_000, 800_000), (100, 1_000)
# Processes, and threads of each.
PROCESSES, QUICK_PROCESSES = ((1, 1), (1, 2), (2, 1), (2, 2)), ((1, 1),)

# Words of a sentence in batches, and words whose loss is computed.
SENTENCE_WORDS, SOFTMAX_WORDS = 20, 256

# Words to run in one timing at least: short texts alone are too quick for a stable figure.
LEAST_WORDS = 200


def make_model(is_quick: bool) -> ElmoModel:
    """Returns a model of the architecture, or a tiny one."""
    torch.manual_seed(0)
    config = ElmoConfig(**TINY) if is_quick else preset_config("tiny", 1_000)
    return ElmoModel(config).eval()


def make_inputs(num_texts: int, num_words: int) -> dict[str, torch.Tensor]:
    """Returns texts of random words, all of one length."""
    words = random_words(5_000)
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(words), (num_texts, num_words), generator=generator).tolist()
    texts = [[words[index] for index in row] for row in chosen]
    return dict(ElmoTokenizer()(texts, is_split_into_words=True, return_tensors="pt"))


@torch.no_grad()
def embed(model: ElmoModel, inputs: dict[str, torch.Tensor], times: int = 1) -> None:
    """Runs the model."""
    for _ in range(times):
        model(**inputs)


def microseconds_per_word(model: ElmoModel, num_texts: int, num_words: int, repeats: int) -> float:
    """Returns the median time of a batch, divided by its words."""
    inputs, words = make_inputs(num_texts, num_words), num_texts * num_words
    times = max(1, LEAST_WORDS // words)
    embed(model, inputs if words <= 1_000 else {name: value[:1, :100] for name, value in inputs.items()})
    seconds = median_seconds({"": partial(embed, model, inputs, times)}, 1 if words > 10_000 else repeats)[""]
    return rounded(1e6 * seconds / words / times)


@torch.no_grad()
def microseconds_of_softmax(vocab_size: int, is_quick: bool, repeats: int) -> float:
    """Returns the median time of a word's loss over the whole vocabulary."""
    config = ElmoConfig(**TINY, vocab_size=vocab_size) if is_quick else preset_config("tiny", vocab_size)
    softmax = ElmoSoftmax(config)
    softmax.weight.normal_()
    softmax.bias.zero_()
    hidden_NP = torch.randn(SOFTMAX_WORDS, config.projection_size)
    labels_N = torch.randint(softmax.num_words, (SOFTMAX_WORDS,))
    run = partial(softmax.full_loss, hidden_NP, labels_N)
    run()
    return rounded(1e6 * median_seconds({"": run}, repeats)[""] / SOFTMAX_WORDS)


def words_per_second_of(barrier: Any, threads: int, is_quick: bool, rates: Any) -> None:
    """Runs batches of 32 in a separate process, as soon as all processes are ready."""
    torch.set_num_threads(threads)
    model, inputs = make_model(is_quick), make_inputs(32, SENTENCE_WORDS)
    embed(model, inputs)
    barrier.wait()
    start, times = time.perf_counter(), 1 if is_quick else 8
    embed(model, inputs, times)
    rates.put(times * 32 * SENTENCE_WORDS / (time.perf_counter() - start))


def rate_of_processes(number: int, threads: int, is_quick: bool) -> float:
    """Returns the words/s of all processes together, each with this many threads."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(number), context.Queue()
    processes = [
        context.Process(target=words_per_second_of, args=(barrier, threads, is_quick, rates)) for _ in range(number)
    ]
    for process in processes:
        process.start()
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return rounded(total)


def main(repeats: Repeats = 3, threads: Threads = None, quick: Quick = False, json_only: JsonOnly = False) -> None:
    """Measure the time of a word as one size grows."""
    report = Report("growth", threads, json_only)
    report.figures["cpu"] = hardware.cpu_name()
    model = make_model(quick)
    cost = partial(microseconds_per_word, model, repeats=repeats)
    softmax = partial(microseconds_of_softmax, is_quick=quick, repeats=repeats)

    def show(name: str, title: str, sizes: Sequence[int], measure: Callable[[int], float]) -> None:
        with num_threads(report.threads):
            report.figures[name] = {size: measure(size) for size in sizes}
        rows = [[f"{size:,}", figure] for size, figure in report.figures[name].items()]
        report.table(title, [name.replace("_", " "), "µs per word"], rows)

    show("length", "One text, by its words", QUICK_LENGTHS if quick else LENGTHS, partial(cost, 1))
    show(
        "batch_size",
        f"Batches of sentences of {SENTENCE_WORDS} words",
        QUICK_BATCHES if quick else BATCHES,
        lambda size: cost(size, SENTENCE_WORDS),
    )
    show("vocabulary", "The loss over a vocabulary", QUICK_VOCABULARIES if quick else VOCABULARIES, softmax)
    chosen = QUICK_PROCESSES if quick else PROCESSES
    rates = [(number, each, rate_of_processes(number, each, quick)) for number, each in chosen]
    report.figures["processes"] = [dict(zip(("processes", "threads", "words_per_second"), row)) for row in rates]
    report.table(
        "Batches of 32 in several processes",
        ["processes", "threads of each", "words/s of all"],
        [[str(number), each, rate] for number, each, rate in rates],
    )
    report.finish()


if __name__ == "__main__":
    run(main)
