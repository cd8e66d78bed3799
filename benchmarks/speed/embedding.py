# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Words per second from a file of sentences to files of vectors, compared with the model alone; memory of long lines.

    python -m benchmarks.speed.embedding

The model alone runs on the batches that the embedder would make, sorted by length within windows, with prepared
character ids; it reads and writes nothing. The others start from a text file and end with a complete output: they read,
split, sort, compute all layers, and write shards and the output. `--model` measures your own model instead of the
full-size one with random weights.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from modeling_elmo import ElmoEmbedder, ElmoModel
from modeling_elmo.embedding.embedder import Sentence as EmbeddedSentence
from modeling_elmo.embedding.embedder import windows
from modeling_elmo.embedding.job import embed_corpus
from modeling_elmo.embedding.sources import TextLines

from .correctness import check_vectors
from .full_size_model import model_files
from .inference import Batch
from .measurement import in_fresh_process, median_seconds, num_threads, peak_memory_mib
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .sentences import Sentence, get_sentences


OUTPUTS = {"hdf5": "vectors.hdf5", "parquet": "vectors.parquet", "safetensors": "vectors"}

NUM_SENTENCES, QUICK_SENTENCES = 2_000, 40
LONG_LINES, QUICK_LONG_LINES = [20_000, 200_000], [200, 400]


def sorted_batches(embedder: ElmoEmbedder, sentences: list[Sentence]) -> list[Batch]:
    """Returns the batches that an embedder makes of sentences."""
    whole = (EmbeddedSentence("", sentence) for sentence in sentences)
    return [
        Batch.of([window[index].words for index in indices])
        for window in windows(whole, embedder.window_words, embedder.piece_words)
        for indices in embedder.batches([len(sentence.words) for sentence in window])
    ]


@torch.no_grad()
def run_model(model: ElmoModel, batches: list[Batch]) -> None:
    """Runs the model alone."""
    for batch in batches:
        model(**batch.inputs)


def embed_file(embedder: ElmoEmbedder, text: Path, output: Path) -> None:
    """Embeds a file into a file."""
    embed_corpus(embedder, TextLines(text), output, force=True, write=lambda line: None)


def embed_all(embedder: ElmoEmbedder, sentences: list[Sentence]) -> None:
    """Embeds sentences in memory."""
    for _ in embedder.embed(sentences):
        pass


def memory_of_a_line(model_dir: Path, text: Path, directory: Path) -> tuple[float, float]:
    """Returns the MiB of the model and a short sentence, and the additional MiB at the peak of embedding a file."""
    embedder = ElmoEmbedder(ElmoModel.from_pretrained(model_dir), layers="all")
    list(embedder.embed([["a", "short", "sentence"]]))
    before = peak_memory_mib()
    embed_file(embedder, text, directory / "line.hdf5")
    return before, peak_memory_mib() - before


def main(
    text: Text = None,
    model: Annotated[Path | None, typer.Option(help="A model directory instead of the full-size model.")] = None,
    sentences: Annotated[int | None, typer.Option(min=1, help="Number of sentences.")] = None,
    long_lines: Annotated[bool, typer.Option(help="Whether to measure the memory of long lines.")] = True,
    repeats: Repeats = 3,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure what reading, sorting and writing add to the cost of the model."""
    report = Report("embedding", threads, json_only)
    chosen = get_sentences(sentences or (QUICK_SENTENCES if quick else NUM_SENTENCES), text)
    num_words = sum(map(len, chosen))
    with (
        num_threads(report.threads),
        model_files(is_tiny=quick or model is not None) as files,
        tempfile.TemporaryDirectory(prefix="elmo-embedding-") as name,
    ):
        directory, model_dir = Path(name), model or files.converted
        corpus = directory / "corpus.txt"
        corpus.write_text("".join(" ".join(sentence) + "\n" for sentence in chosen), encoding="utf-8")
        elmo = ElmoModel.from_pretrained(model_dir).eval()
        embedder = ElmoEmbedder(elmo, layers="all")
        check(embedder, chosen)
        rivals: dict[str, Callable[[], Any]] = {
            "the model alone": partial(run_model, elmo, sorted_batches(embedder, chosen)),
            "in memory": partial(embed_all, embedder, chosen),
            **{kind: partial(embed_file, embedder, corpus, directory / file) for kind, file in OUTPUTS.items()},
        }
        seconds = median_seconds(rivals, repeats)
        alone = seconds["the model alone"]
        report.figures["words"] = num_words
        report.figures["words_per_second"] = {name: rounded(num_words / value) for name, value in seconds.items()}
        report.figures["share_of_the_model_alone"] = {name: rounded(alone / value) for name, value in seconds.items()}
        report.table(
            f"{len(chosen):,} sentences, {num_words:,} words, all layers in float32",
            ["", "words/s", "of the model alone"],
            [[name, num_words / value, alone / value] for name, value in seconds.items()],
        )
        report.figures["long_line_mib"] = memory_of_lines(report, model_dir, directory, quick) if long_lines else None
    report.finish()


def check(embedder: ElmoEmbedder, sentences: list[Sentence]) -> None:
    """Compares the vectors of the first sentences with those of the model alone."""
    some = sentences[:8]
    for sentence, vectors in zip(some, embedder.embed(some)):
        with torch.no_grad():
            output = embedder.model(**Batch.of([sentence]).inputs, output_hidden_states=True)
        check_vectors("embedding", vectors[-1], output.hidden_states[-1][0, 1:-1])


def memory_of_lines(report: Report, model_dir: Path, directory: Path, quick: bool) -> dict[str, float]:
    """Returns the additional memory of one line by its number of words."""
    memory = {}
    for count in QUICK_LONG_LINES if quick else LONG_LINES:
        line = directory / "line.txt"
        words = [word for sentence in get_sentences(count // 10, None) for word in sentence][:count]
        line.write_text(" ".join(words) + "\n", encoding="utf-8")
        memory[str(len(words))] = in_fresh_process(memory_of_a_line, model_dir, line, directory)
    report.table(
        "Peak memory of one line to HDF5",
        ["words", "model, MiB", "additional, MiB"],
        [[count, *both] for count, both in memory.items()],
    )
    return {count: rounded(beyond) for count, (_, beyond) in memory.items()}


if __name__ == "__main__":
    run(main)
