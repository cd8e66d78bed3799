# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Plots the learning curve of `elmo pretrain`: perplexity in training and on the held-out text over steps.

Reads the log in the directory of a trained model or of an unfinished training run, whose newest checkpoint has it, or a
`trainer_state.json`. `--baseline` adds a line for another model's perplexity on the held-out text.

    python examples/plot_pretraining.py my-elmo curve.png --baseline 'trigrams=89.6'
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from modeling_elmo.pretraining.checkpoints import checkpoints


LOG_FILE = "trainer_state.json"


Log = Sequence[Mapping[str, Any]]


def find_log(path: Path) -> Path:
    """Returns the file with the log of a training run.

    Raises:
        `ValueError`: If there is no log.
    """
    if path.is_file():
        return path
    for directory in (path, *reversed(checkpoints(path))):
        if (directory / LOG_FILE).is_file():
            return directory / LOG_FILE
    raise ValueError(f"{path}: found no {LOG_FILE} in it or in a checkpoint")


def baseline(text: str) -> tuple[str, float]:
    """Returns name and value of `NAME=PERPLEXITY`."""
    name, _, value = text.rpartition("=")
    try:
        perplexity = float(value)
    except ValueError:
        perplexity = math.nan
    if not name or not 1 <= perplexity < math.inf:
        raise ValueError(f"--baseline: expected NAME=PERPLEXITY, found {text!r}")
    return name, perplexity


def plot_perplexities(log: Log, baselines: Mapping[str, float], path: Path) -> None:
    """Plots the perplexity of a language model in training and on held-out text over steps.

    The perplexity in training is an estimate by the sampled softmax, which is too low with few samples: don't compare
    the two curves.

    Args:
        log (`Sequence[Mapping]`): The log of `elmo pretrain`.
        baselines (`Mapping[str, float]`): Perplexities of other models on the held-out text, by name.
        path (`Path`): The image file.

    Raises:
        `ValueError`: If no perplexity was logged.
    """
    trained = [entry for entry in log if "perplexity" in entry]
    evaluated = [entry for entry in log if "eval_perplexity" in entry]
    if not trained and not evaluated:
        raise ValueError("log: no perplexities; use a log of elmo pretrain")
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    steps = [entry["step"] for entry in trained]
    if trained:
        values = [entry["perplexity"] for entry in trained]
        axes.plot(steps, values, color="tab:blue", linewidth=1.2, label="training (estimate)")
    lowest, highest = (
        [choose(entry[f"{side}_perplexity"] for side in ("forward", "backward")) for entry in trained]
        for choose in (min, max)
    )
    axes.fill_between(steps, lowest, highest, color="tab:blue", alpha=0.25, linewidth=0)
    if evaluated:
        steps_evaluated = [entry["step"] for entry in evaluated]
        for name, label, style in (
            ("eval_perplexity", "held-out", {"marker": "o", "linewidth": 1.6}),
            ("eval_forward_perplexity", "held-out, forward", {"marker": ">", "linewidth": 0}),
            ("eval_backward_perplexity", "held-out, backward", {"marker": "<", "linewidth": 0}),
        ):
            values = [entry[name] for entry in evaluated]
            axes.plot(steps_evaluated, values, color="tab:orange", markersize=4, label=label, **style)
        axes.annotate(
            f"{evaluated[-1]['eval_perplexity']:.1f}",
            (steps_evaluated[-1], evaluated[-1]["eval_perplexity"]),
            xytext=(-6, 10),
            textcoords="offset points",
            ha="right",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
        )
    for number, (name, value) in enumerate(baselines.items()):
        style = ("--", ":", "-.")[number % 3]
        axes.axhline(value, color="gray", linewidth=1.0, linestyle=style, label=f"{name}: {value:.1f}")
    set_scales(axes, trained, [*(entry["eval_perplexity"] for entry in evaluated), *baselines.values()])
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=120)


def set_scales(axes: Axes, trained: Log, other_perplexities: Sequence[float]) -> None:
    """Scales and labels the axes: steps and, at the top, the words seen."""
    axes.set(xlabel="step", ylabel="perplexity", yscale="log")
    # The first steps are beyond any scale on which the last ones differ visibly.
    shown = sorted(entry["perplexity"] for entry in trained)[: math.ceil(0.97 * len(trained))]
    shown += other_perplexities
    axes.set_ylim(0.85 * min(shown), 1.15 * max(shown))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0), numticks=20))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if trained:
        per_step = trained[-1]["words_seen"] / trained[-1]["step"] / 1e6
        words = axes.secondary_xaxis("top", functions=(lambda step: step * per_step, lambda number: number / per_step))
        words.set_xlabel("million words seen")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the picture."""
    parser = argparse.ArgumentParser(description="Draws the learning curve of elmo pretrain.")
    parser.add_argument("training", type=Path, help=f"Directory of a model or of a training, or a {LOG_FILE}.")
    parser.add_argument("picture", type=Path, help="The image file to write.")
    parser.add_argument("--baseline", action="append", default=[], help="NAME=PERPLEXITY of another model.")
    given = parser.parse_args(arguments)
    log = json.loads(find_log(given.training).read_text(encoding="utf-8"))["log_history"]
    plot_perplexities(log, dict(map(baseline, given.baseline)), given.picture)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
