# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Seconds until a model is loaded, its weights are read and its first sentence is embedded; memory; AllenNLP as well.

    python -m benchmarks.speed.loading

Files are in the page cache. `from_pretrained` maps weights into memory without reading them, while AllenNLP copies
them. Comparing the loading alone would favor `from_pretrained`, so both are also timed until every weight has been read
and until the first sentence is embedded.
"""

from pathlib import Path

import torch
from transformers import AutoModel

from . import allennlp_elmo
from .correctness import check_vectors, expected_vectors
from .full_size_model import ModelFiles, model_files
from .inference import Batch
from .measurement import in_fresh_process, median_seconds, num_threads, peak_memory_mib
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .sentences import get_sentences


@torch.no_grad()
def read_weights(model: torch.nn.Module) -> torch.nn.Module:
    """Reads every weight once."""
    for parameter in model.parameters():
        parameter.sum()
    return model


@torch.no_grad()
def first_vectors(model_dir: Path, batch: Batch) -> torch.Tensor:
    """Loads our model and embeds one sentence."""
    model = AutoModel.from_pretrained(model_dir).eval()
    return model(**batch.inputs).last_hidden_state[0, 1:-1]


@torch.no_grad()
def first_vectors_of_allennlp(files: ModelFiles, character_ids: torch.Tensor) -> torch.Tensor:
    """Loads AllenNLP's model and embeds one sentence."""
    return allennlp_elmo.vectors(allennlp_elmo.load(files), character_ids)[0]


def memory_of_ours(model_dir: Path) -> tuple[float, float]:
    """Returns the MiB of the imports, and the additional MiB at the peak of loading and reading every weight."""
    before = peak_memory_mib()
    read_weights(AutoModel.from_pretrained(model_dir))
    return before, peak_memory_mib() - before


def memory_of_allennlp(files: ModelFiles) -> tuple[float, float]:
    """Returns the MiB of the imports, and the additional MiB at the peak of loading and reading every weight."""
    allennlp_elmo.import_allennlp()
    before = peak_memory_mib()
    read_weights(allennlp_elmo.load(files))
    return before, peak_memory_mib() - before


def main(
    text: Text = None,
    repeats: Repeats = 5,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure the seconds to load a model."""
    report = Report("loading", threads, json_only)
    report.say(allennlp_elmo.describe())
    batch = Batch.of(get_sentences(1, text))
    with num_threads(report.threads), model_files(is_tiny=quick) as files:
        (expected,) = expected_vectors(files, batch.sentences)
        check_vectors("loading", first_vectors(files.converted, batch), expected)
        rivals = {
            "load": lambda: AutoModel.from_pretrained(files.converted),
            "load and read every weight": lambda: read_weights(AutoModel.from_pretrained(files.converted)),
            "load and first sentence": lambda: first_vectors(files.converted, batch),
        }
        if allennlp_elmo.is_available():
            character_ids = allennlp_elmo.batch_to_ids(batch.sentences)
            rivals["allennlp, load"] = lambda: allennlp_elmo.load(files)
            rivals["allennlp, load and read every weight"] = lambda: read_weights(allennlp_elmo.load(files))
            rivals["allennlp, load and first sentence"] = lambda: first_vectors_of_allennlp(files, character_ids)
        seconds = {name: rounded(value) for name, value in median_seconds(rivals, repeats).items()}
        megabytes = sum(path.stat().st_size for path in files.converted.glob("*.safetensors")) / 1e6
        report.figures["seconds"] = seconds
        report.table(f"Loading {megabytes:,.0f} MB of weights", ["", "seconds"], [*seconds.items()])
        times = None
        if allennlp_elmo.is_available():
            times = {
                name: rounded(seconds[f"allennlp, {name}"] / seconds[name])
                for name in ("load", "load and read every weight", "load and first sentence")
            }
            report.table("Times faster than AllenNLP", ["", "ratio"], [*times.items()])
        report.figures["times_allennlp"] = times

        memory = {"ours": in_fresh_process(memory_of_ours, files.converted)}
        if allennlp_elmo.is_available():
            memory["allennlp"] = in_fresh_process(memory_of_allennlp, files)
        report.figures["peak_memory_mib"] = {name: rounded(value) for name, (_, value) in memory.items()}
        report.table(
            "Peak memory of loading and reading every weight",
            ["", "imports, MiB", "additional, MiB"],
            [[name, *both] for name, both in memory.items()],
        )
    report.finish()


if __name__ == "__main__":
    run(main)
