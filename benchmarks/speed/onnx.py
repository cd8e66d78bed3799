# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime against torch: words per second, seconds to a first sentence, memory, size of the packages.

    python -m benchmarks.speed.onnx

Both read prepared ids: torch runs the model's `forward`, ONNX Runtime the file that `elmo export` wrote.
"""

import importlib.metadata
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from modeling_elmo import ElmoTokenizer
from modeling_elmo.hardware import cpu_name
from modeling_elmo.onnx import OnnxElmo
from modeling_elmo.onnx.export import OnnxOptions, export_onnx

from .correctness import check_vectors
from .full_size_model import model_files
from .inference import batches_of, embed, load
from .measurement import in_fresh_process, median_seconds, num_threads, peak_memory_mib
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .sentences import Sentence, get_sentences


TINY = Path(__file__).parents[2] / "models" / "elmo-tiny"
DTYPES = ("float32", "int8")
# Batch size and number of sentences.
SIZES = {1: 12, 32: 32}
QUICK_SIZES = {1: 2, 32: 4}
PACKAGES = {"torch": ("numpy", "tokenizers", "torch", "transformers"), "onnx": ("numpy", "onnxruntime", "tokenizers")}

# Without this package and torch. Prints seconds from the files to a first sentence's vectors, and the peak in MiB.
FIRST_SENTENCE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from onnx_elmo import OnnxElmo
start = time.perf_counter()
OnnxElmo(sys.argv[1], num_threads=int(sys.argv[2]))([sys.argv[3:]])
seconds = time.perf_counter() - start
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1024)
"""


def export_all(model_dir: Path, target: Path) -> dict[str, Path]:
    """Exports a model in each dtype."""
    for dtype in DTYPES:
        export_onnx(model_dir, target / dtype, OnnxOptions(dtype=dtype))  # type: ignore[arg-type]
    return {dtype: target / dtype for dtype in DTYPES}


def embed_with_onnx(elmo: OnnxElmo, feeds: Sequence[dict[str, np.ndarray]]) -> None:
    """Runs the model in ONNX Runtime."""
    for feed in feeds:
        elmo.session.run(["last_hidden_state"], feed)


def first_sentence_in_torch(model_dir: Path, dtype: str, sentence: Sentence) -> tuple[float, float]:
    """Returns the seconds from the files to a first sentence's vectors, and the peak in MiB."""
    start = time.perf_counter()
    embed(load(model_dir, dtype), batches_of([sentence], 1))
    return time.perf_counter() - start, peak_memory_mib()


def first_sentence_in_onnx(onnx_dir: Path, sentence: Sentence, threads: int) -> tuple[float, float]:
    """Returns the same for ONNX Runtime, in a process without torch."""
    command = [sys.executable, "-c", FIRST_SENTENCE, str(onnx_dir), str(threads), *sentence]
    seconds, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(peak)


def installed_megabytes(packages: Sequence[str]) -> float:
    """Returns the size of packages without what they require."""
    files = [path for name in packages for path in importlib.metadata.files(name) or ()]
    return sum(path.size or 0 for path in files) / 1e6


def words_per_second(
    models: dict[str, Any], sentences: Sequence[Sentence], sizes: dict[int, int], repeats: int
) -> list[dict[str, Any]]:
    """Times every model on batches of each size."""
    rows = []
    for size, count in sizes.items():
        part = list(sentences[:count])
        batches = batches_of(part, size)
        rivals: dict[str, Callable[[], None]] = {}
        for name, model in models.items():
            if isinstance(model, OnnxElmo):
                inputs = [model.encode(batch.sentences) for batch in batches]
                feeds = [{key: batch[key] for key in model.input_names} for batch in inputs]
                rivals[name] = partial(embed_with_onnx, model, feeds)
            else:
                rivals[name] = partial(embed, model, batches)
            # The first call is slower.
            rivals[name]()
        num_words = sum(map(len, part))
        for name, seconds in median_seconds(rivals, repeats).items():
            rows.append({"batch_size": size, "model": name, "words_per_second": rounded(num_words / seconds)})
    return rows


@torch.no_grad()
def compare(models: dict[str, Any], sentences: list[Sentence]) -> dict[str, float]:
    """Checks the float32 vectors of ONNX Runtime; returns the worst cosine of the int8 ones to float32."""
    (batch,) = batches_of(sentences, len(sentences))
    mask = batch.inputs["attention_mask"].bool()
    expected = models["torch float32"](**batch.inputs).last_hidden_state[mask]
    cosines = {}
    for name, model in models.items():
        if isinstance(model, OnnxElmo):
            found = torch.from_numpy(model(sentences)["last_hidden_state"])[mask]
        else:
            found = model(**batch.inputs).last_hidden_state[mask]
        if "int8" in name:
            cosines[name] = F.cosine_similarity(found, expected, dim=-1).min().item()
        else:
            check_vectors(name, found, expected)
    return cosines


def measure(report: Report, title: str, model_dir: Path, sentences: list[Sentence], quick: bool, repeats: int) -> None:
    """Measures one model."""
    figures: dict[str, Any] = {"words_per_second": []}
    with tempfile.TemporaryDirectory(prefix="elmo-benchmark-") as directory:
        exported = export_all(model_dir, Path(directory))
        figures["megabytes"] = {
            dtype: rounded((path / "model.onnx").stat().st_size / 1e6) for dtype, path in exported.items()
        }
        for threads in range(1, report.threads + 1):
            with num_threads(threads):
                models: dict[str, Any] = {f"torch {dtype}": load(model_dir, dtype) for dtype in DTYPES}
                models |= {f"onnx {dtype}": OnnxElmo(exported[dtype], threads) for dtype in DTYPES}
                figures["worst_cosine"] = compare(models, sentences[: 2 if quick else 32])
                rates = words_per_second(models, sentences, QUICK_SIZES if quick else SIZES, repeats)
                figures["words_per_second"] += [{"threads": threads, **row} for row in rates]
        first: dict[str, tuple[float, float]] = {}
        for dtype in DTYPES:
            with num_threads(1):
                first[f"torch {dtype}"] = in_fresh_process(first_sentence_in_torch, model_dir, dtype, sentences[0])
            first[f"onnx {dtype}"] = first_sentence_in_onnx(exported[dtype], sentences[0], 1)
        figures["first_sentence_seconds"] = {name: rounded(seconds) for name, (seconds, _) in first.items()}
        figures["peak_memory_mib"] = {name: rounded(peak) for name, (_, peak) in first.items()}
    report.figures[title] = figures
    rows = [
        [row["model"], row["threads"], row["batch_size"], row["words_per_second"]]
        for row in figures["words_per_second"]
    ]
    report.table(f"{title}: words per second", ["model", "threads", "batch", "words/s"], rows)
    report.table(f"{title}: worst cosine to float32", ["model", "cosine"], [*figures["worst_cosine"].items()])
    rows = [[name, rounded(seconds), rounded(peak)] for name, (seconds, peak) in first.items()]
    report.table(f"{title}: files to first vectors, one thread", ["model", "seconds", "peak MiB of the process"], rows)


def main(
    text: Text = None,
    repeats: Repeats = 3,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Compare ONNX Runtime with torch."""
    report = Report("onnx", threads, json_only)
    report.figures["cpu"] = cpu_name()
    report.say(cpu_name())
    sizes = {name: rounded(installed_megabytes(packages)) for name, packages in PACKAGES.items()}
    report.figures["installed_megabytes"] = sizes
    report.table("Packages, without what they require", ["", "MB"], [*sizes.items()])
    sentences = get_sentences(4 if quick else max(SIZES.values()), text)
    with num_threads(report.threads), model_files(is_tiny=quick) as files:
        if not quick:
            measure(report, "elmo-tiny", TINY, sentences, quick, repeats)
        ElmoTokenizer().save_pretrained(files.converted)
        measure(report, "full size", files.converted, sentences, quick, repeats)
    report.finish()


if __name__ == "__main__":
    run(main)
