# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Words per second from character ids to ELMo vectors by batch size, length, dtype and threads; memory; AllenNLP too.

    python -m benchmarks.speed.inference

Times the model's `forward` on prepared character ids, alternating with AllenNLP's if that is installed. Word counts do
not include the boundary tokens, which both models compute. Nothing is cached between batches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from transformers import AutoModel, BatchEncoding

from modeling_elmo import ElmoConfig, ElmoInt8Config, ElmoModel, ElmoTokenizer
from modeling_elmo.hardware import cpu_name

from . import allennlp_elmo
from .correctness import (
    WrongResultError,
    check_vectors,
    expected_vectors,
    num_checked_sentences,
    num_checked_words,
)
from .full_size_model import ModelFiles, model_files, needed_flop
from .measurement import in_fresh_process, median_seconds, num_threads, peak_memory_mib
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .roofline import Limits
from .sentences import Sentence, get_sentences


class DType(str, Enum):
    """Dtype of the weights."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    int8 = "int8"


def load(model_dir: Path, dtype: str) -> ElmoModel:
    """Loads our model with weights of a dtype."""
    if dtype == DType.int8:
        return AutoModel.from_pretrained(model_dir, quantization_config=ElmoInt8Config()).eval()
    return AutoModel.from_pretrained(model_dir, dtype=getattr(torch, dtype)).eval()


# Number of sentences for each batch size: small batches are slow and need fewer for a stable figure.
BATCH_SIZES = {1: 24, 8: 48, 32: 96, 64: 128, 128: 128}
QUICK_BATCH_SIZES = {1: 3, 32: 32}
# Batch size and number of sentences when sorting by length: enough for batches of about equal lengths.
SORTED_BATCH_SIZE, SORTED_SENTENCES = 64, 1024
# The batch sizes to compare with AllenNLP.
RIVAL_BATCH_SIZES = (1, 32)

LENGTHS = [10, 100, 1_000]
LONG_LENGTHS = [10_000, 100_000]
QUICK_LENGTHS = [10, 60]


def is_int8(model: ElmoModel) -> bool:
    """Whether the model has weights of int8."""
    return getattr(model.config, "quantization_config", None) is not None


@dataclass(frozen=True)
class Batch:
    """Model inputs and their sentences."""

    sentences: list[Sentence]
    inputs: BatchEncoding

    @classmethod
    def of(cls, sentences: list[Sentence]) -> "Batch":
        """Tokenizes sentences that are already split into words."""
        tokenizer = ElmoTokenizer()
        return cls(sentences, tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt"))

    @property
    def num_words(self) -> int:
        """The number of words, without boundary tokens."""
        return sum(map(len, self.sentences))


def batches_of(sentences: Sequence[Sentence], size: int) -> list[Batch]:
    """Returns batches of `size` sentences in their order."""
    return [Batch.of(list(sentences[start : start + size])) for start in range(0, len(sentences), size)]


@torch.no_grad()
def embed(model: ElmoModel, batches: Sequence[Batch]) -> None:
    """Runs our model."""
    for batch in batches:
        model(**batch.inputs)


@torch.no_grad()
def embed_with_allennlp(elmo: Any, batches_of_ids: Sequence[torch.Tensor]) -> None:
    """Runs AllenNLP's model."""
    for character_ids in batches_of_ids:
        allennlp_elmo.vectors(elmo, character_ids)


@torch.no_grad()
def check(what: str, model: ElmoModel, batches: Sequence[Batch], expected: dict[int, torch.Tensor]) -> None:
    """Runs all batches, which warms up too, and holds those sentences to `expected` whose vectors it has, by `id`."""
    num_checked = 0
    for batch in batches:
        vectors = model(**batch.inputs).last_hidden_state
        for row, sentence in zip(vectors, batch.sentences):
            if id(sentence) in expected:
                check_vectors(what, row[1 : len(sentence) + 1], expected[id(sentence)], is_int8(model))
                num_checked += 1
    if not num_checked:
        raise WrongResultError(f"{what}: no sentence was compared")


@torch.no_grad()
def check_ends(what: str, model: ElmoModel, batch: Batch, first: torch.Tensor, last: torch.Tensor) -> None:
    """Checks a long text, which is also the warm-up. The forward halves of its first words do not depend on the words
    after them, nor the backward halves of its last words on those before: `first` and `last` need no other words."""
    size = model.config.projection_size
    vectors = model(**batch.inputs).last_hidden_state[0, 1:-1]
    check_vectors(f"{what}, forward", vectors[: len(first), :size], first[:, :size], is_int8(model))
    check_vectors(f"{what}, backward", vectors[-len(last) :, size:], last[:, size:], is_int8(model))


def memory_of_ours(model_dir: Path, dtype: str, sentences: list[Sentence]) -> float:
    """Returns the MiB that loading and one batch add to the imports."""
    inputs = Batch.of(sentences).inputs
    before = peak_memory_mib()
    model = load(model_dir, dtype)
    with torch.no_grad():
        model(**inputs)
    return peak_memory_mib() - before


def memory_of_allennlp(files: ModelFiles, sentences: list[Sentence]) -> float:
    """Returns the MiB that loading and one batch add to the imports."""
    character_ids = allennlp_elmo.batch_to_ids(sentences)
    before = peak_memory_mib()
    embed_with_allennlp(allennlp_elmo.load(files), [character_ids])
    return peak_memory_mib() - before


@dataclass(frozen=True)
class Rates:
    """Converts seconds to words/s, GFLOP/s and the share of the machine's limit (`roofline.py`)."""

    config: ElmoConfig
    limits: dict[str, Limits]
    repeats: int

    def measure(
        self, rivals: dict[str, Callable[[], Any]], batches: Sequence[Batch], **case: Any
    ) -> list[dict[str, Any]]:
        """Times the rivals and returns a dictionary for each. Those named after a dtype are ours."""
        words = sum(batch.num_words for batch in batches)
        flop = sum(needed_flop(self.config, batch.inputs["character_ids"]) for batch in batches)
        rows = []
        for name, seconds in median_seconds(rivals, self.repeats).items():
            # AllenNLP computes in float32.
            limits = self.limits.get(name, self.limits["float32"])
            bounds = [limits.bound(self.config, batch.inputs["character_ids"]) for batch in batches]
            bound, of_memory = (sum(column) for column in zip(*bounds))
            figures = {
                "words_per_second": words / seconds,
                "mflop_per_word": flop / words / 1e6,
                "gflop_per_second": flop / seconds / 1e9,
                "bound": words / bound,
                "memory_share_of_bound": of_memory / bound,
                "share_of_bound": bound / seconds,
            }
            figures = {key: rounded(value) for key, value in figures.items()}
            rows.append({**case, "model": name, "words": words, **figures})
        return rows


@dataclass(frozen=True)
class Contest:
    """The models to time, and the expected vectors of some sentences by the sentence's `id`."""

    files: ModelFiles
    models: dict[str, ElmoModel]
    allennlp: Any
    expected: dict[int, torch.Tensor]
    rates: Rates

    def sizes(self, sentences: list[Sentence], batch_sizes: dict[int, int]) -> list[dict[str, Any]]:
        """Measures batches of several sizes."""
        workloads = [(size, "as they come", batches_of(sentences[:count], size)) for size, count in batch_sizes.items()]
        by_length = batches_of(sorted(sentences[:SORTED_SENTENCES], key=len), SORTED_BATCH_SIZE)
        workloads.append((SORTED_BATCH_SIZE, "by length", by_length))
        measured = []
        for size, order, batches in workloads:
            rivals: dict[str, Callable[[], Any]] = {}
            for name, model in self.models.items():
                check(f"{name}, batches of {size} {order}", model, batches, self.expected)
                rivals[name] = partial(embed, model, batches)
            if self.allennlp is not None and size in RIVAL_BATCH_SIZES:
                ids = [allennlp_elmo.batch_to_ids(batch.sentences) for batch in batches]
                embed_with_allennlp(self.allennlp, ids[:1])
                rivals["allennlp"] = partial(embed_with_allennlp, self.allennlp, ids)
            measured += self.rates.measure(rivals, batches, batch_size=size, sentences=order)
        return measured

    def lengths(self, words: list[str], lengths: Sequence[int]) -> list[dict[str, Any]]:
        """Measures single texts of several lengths."""
        measured = []
        for length in lengths:
            text = words[:length]
            number = min(length, num_checked_words())
            first, last = expected_vectors(self.files, [text[:number], text[-number:]])
            batches = [Batch.of([text])]
            rivals = {}
            for name, model in self.models.items():
                check_ends(f"{name}, one text of {length:,} words", model, batches[0], first, last)
                rivals[name] = partial(embed, model, batches)
            # A single run has enough steps for a stable figure.
            rates = replace(self.rates, repeats=1) if length >= 1000 else self.rates
            measured += rates.measure(rivals, batches, length=length)
        return measured

    def threads(self, sentences: list[Sentence], number: int) -> list[dict[str, Any]]:
        """Measures batches of 32 in `number` threads."""
        batches = batches_of(sentences, 32)
        with num_threads(number):
            rivals = {}
            for name, model in self.models.items():
                check(f"{name}, {number} threads", model, batches, self.expected)
                rivals[name] = partial(embed, model, batches)
            return self.rates.measure(rivals, batches, threads=number)


COLUMNS = ["words", "words_per_second", "gflop_per_second", "bound", "memory_share_of_bound", "share_of_bound"]


def show(report: Report, title: str, cases: list[str], measured: list[dict[str, Any]]) -> None:
    """Prints measurements as a table with `cases` as the first columns."""
    report.table(
        title,
        [name.replace("_", " ") for name in [*cases, "model", *COLUMNS]],
        [[str(row[name]) for name in [*cases, "model"]] + [row[name] for name in COLUMNS] for row in measured],
    )


def main(
    text: Text = None,
    repeats: Repeats = 3,
    threads: Threads = None,
    dtype: Annotated[DType | None, typer.Option(help="Measure only this dtype.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Also texts of 10,000 and 100,000 words.")] = False,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure words per second from character ids to ELMo vectors."""
    report = Report("inference", threads, json_only)
    report.say(allennlp_elmo.describe())
    batch_sizes = QUICK_BATCH_SIZES if quick else BATCH_SIZES
    lengths = QUICK_LENGTHS if quick else [*LENGTHS, *(LONG_LENGTHS if long else [])]
    sentences = get_sentences(64 if quick else SORTED_SENTENCES, text)
    words = [word for sentence in get_sentences(max(lengths) // 10, text) for word in sentence]
    dtypes = [each.value for each in DType if dtype in (None, each)]

    with num_threads(report.threads), model_files(is_tiny=quick) as files:
        models = {name: load(files.converted, name) for name in dtypes}
        checked = sentences[: num_checked_sentences()]
        expected = {id(sentence): vectors for sentence, vectors in zip(checked, expected_vectors(files, checked))}
        allennlp = allennlp_elmo.load(files) if allennlp_elmo.is_available() else None
        config = next(iter(models.values())).config
        rates = Rates(config, Limits.measure(config, quick), repeats)
        contest = Contest(files, models, allennlp, expected, rates)
        show_limits(report, rates.limits)

        measured = contest.sizes(sentences, batch_sizes)
        report.figures["batches"] = measured
        show(report, "Sentences", ["batch_size", "sentences"], measured)
        show_ratios(report, measured)

        report.figures["lengths"] = contest.lengths(words, lengths)
        show(report, "One text", ["length"], report.figures["lengths"])

        by_threads = []
        for number in range(1, report.threads + 1):
            with num_threads(number):
                of_as_many = replace(rates, limits=Limits.measure(config, quick))
            by_threads += replace(contest, rates=of_as_many).threads(sentences[: batch_sizes[32]], number)
        report.figures["threads_at_batch_32"] = by_threads
        show(report, "Batches of 32 by threads (each against the bound of as many)", ["threads"], by_threads)

        memory = {name: in_fresh_process(memory_of_ours, files.converted, name, sentences[:32]) for name in dtypes}
        if allennlp is not None:
            memory["allennlp"] = in_fresh_process(memory_of_allennlp, files, sentences[:32])
        report.figures["peak_memory_mib"] = {name: rounded(value) for name, value in memory.items()}
        report.table("Peak memory beyond the imports, load and one batch of 32", ["model", "MiB"], [*memory.items()])
    report.finish()


def show_limits(report: Report, limits: dict[str, Limits]) -> None:
    """Prints what the machine can do, and what the columns mean."""
    report.say(f"{cpu_name()}: reads {limits['float32'].memory_rate / 1e9:.1f} GB/s from memory")
    report.figures["cpu"] = cpu_name()
    report.figures["memory_gb_per_second"] = rounded(limits["float32"].memory_rate / 1e9)
    report.figures["product_gflop_per_second"] = {}
    report.figures["step_weights_gb_per_second"] = {}
    for name, each in limits.items():
        product, read = rounded(each.product_rate / 1e9), rounded(each.step_rate / 1e9)
        report.figures["product_gflop_per_second"][name] = product
        report.figures["step_weights_gb_per_second"][name] = read
        report.say(f"{name}: best matrix product {product:,.0f} GFLOP/s, reads the weights of a step at {read} GB/s")
    report.say(
        "FLOP: the matrix products that a batch requires, once for every word and boundary token in the LSTMs,\n"
        "once for every distinct one in the character encoder. Padding and repeated work do not count.\n"
        "Bound: what the machine could do if products and reading weights took all the time (roofline.py)."
    )


def show_ratios(report: Report, measured: list[dict[str, Any]]) -> None:
    """Prints the ratio of our words per second to AllenNLP's."""
    rate = {(row["batch_size"], row["model"]): row["words_per_second"] for row in measured}
    ratios = {
        f"{name}, batch {size}": rounded(rate[size, name] / rate[size, "allennlp"])
        for size in RIVAL_BATCH_SIZES
        for name in DType.__members__
        if (size, "allennlp") in rate and (size, name) in rate
    }
    report.figures["times_allennlp"] = ratios or None
    if ratios:
        report.table("Times AllenNLP's words per second", ["model", "ratio"], [*ratios.items()])


if __name__ == "__main__":
    run(main)
