# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints what the models of docs/results.md cost: the parameters trained, and the words per second of one thread.

    python -m benchmarks.quality.costs --data DATA --model models/elmo-tiny

Each is trained on GUM's entities for one epoch, and then evaluated on the test data. Nothing was read before: in later
epochs, the vectors of frozen models come from a cache.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from modeling_elmo.hardware import cpu_name

from .experiments import PRETRAINED, RESULTS, ROOT, TASKS, Experiment, environment, read_json
from .tables import markdown


TASK = "gum"
ONE_EPOCH = (
    *("--num_train_epochs", "1", "--eval_strategy", "no"),
    *("--save_strategy", "no", "--load_best_model_at_end", "false"),
)


def count_words(path: str) -> int:
    """Returns the number of words in a file, which stand on a line each."""
    return sum(bool(line.strip()) for line in Path(path).read_text(encoding="utf-8").splitlines())


def row(title: str, results: dict[str, Any], words: dict[str, int]) -> list[str]:
    """Returns the row of a model from the results of its script."""
    return [
        title,
        f"{results['trained_parameters'] / 1e6:.1f}",
        f"{words['--train_file'] / results['train_runtime']:,.0f}",
        # Not `test_runtime`: the second time, the vectors of the same texts come from the cache.
        f"{words['--test_file'] / results['eval_runtime']:,.0f}",
    ]


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The folder of the data sets.")],
    model: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The model directory.")],
) -> None:
    """Measure one model after the other."""
    data, model = data.resolve(), model.resolve()
    arguments = Experiment(TASK, "none").arguments(data)
    files = {name: arguments[arguments.index(name) + 1] for name in ("--train_file", "--test_file")}
    words = {name: count_words(path) for name, path in files.items()}
    # So all of the training data is trained on, and the test data are read by the evaluation after it.
    whole = ["--validation_file", files["--test_file"]]
    rows = [["Model", "parameters trained, million", "training, words/s", "inference, words/s"]]
    with TemporaryDirectory() as directory:
        for variant, title in PRETRAINED.items():
            ((path, command),) = Experiment(TASK, variant).commands(data, model, Path(directory), seeds=[1]).items()
            run = [sys.executable, *command, *whole, *ONE_EPOCH]
            done = subprocess.run(run, env=environment(), cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"error: {title}: {done.stderr[-2000:]}")
            rows.append(row(title, read_json(path / RESULTS), words))
    typer.echo(f"{TASKS[TASK].title}, {cpu_name()}\n\n{markdown(rows)}")


if __name__ == "__main__":
    typer.run(main)
