# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of docs/results.md from the figures in docs/results.json.

python -m benchmarks.quality.figures
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

import typer
from matplotlib.figure import Figure

from .experiments import (
    ALL_TASKS,
    FIGURES,
    FRACTIONS,
    PRETRAINED,
    PROBED,
    PROBES,
    SAMPLED,
    Experiment,
    Figures,
    read_figures,
)


IMAGES = FIGURES.parent / "images"


class Curves:
    """Draws results of experiments, in percent, as points with the deviation over the seeds."""

    def __init__(self, figures: Figures):
        self.figures = figures

    def draw(
        self,
        axes: Any,
        positions: Sequence[float],
        experiments: Sequence[Experiment],
        metrics: Sequence[str],
        **style: Any,
    ) -> None:
        """Draws the experiments that have figures, a metric of each, at their positions."""
        found = [
            (position, [100 * value for value in values])
            for position, experiment, metric in zip(positions, experiments, metrics, strict=True)
            if (values := self.figures.get(experiment.name, {}).get(metric))
        ]
        if found:
            spread = [stdev(values) if len(values) > 1 else 0.0 for _, values in found]
            axes.errorbar(
                [position for position, _ in found], [mean(values) for _, values in found], spread, capsize=3, **style
            )

    def sample_efficiency(self, path: Path) -> None:
        """Draws results by the fraction of the training data, with and without ELMo: the paper's Figure 1."""
        figure = Figure(figsize=(12, 3.6), layout="constrained")
        fractions = [100 * float(fraction) for fraction in FRACTIONS]
        for axes, (name, variants) in zip(figure.subplots(1, len(SAMPLED)), SAMPLED.items(), strict=True):
            task = ALL_TASKS[name]
            for variant, color in zip(variants, ("tab:gray", "tab:blue"), strict=True):
                experiments = [Experiment(name, variant, fraction) for fraction in FRACTIONS]
                metrics, label = [task.metric] * len(FRACTIONS), PRETRAINED[variant]
                self.draw(axes, fractions, experiments, metrics, label=label, color=color, marker="o")
            axes.set(xscale="log", xlabel="training data", ylabel=task.metric_title, title=task.title)
            axes.set_xticks(fractions, [f"{fraction:g} %" for fraction in fractions], minor=False)
            axes.minorticks_off()
            axes.grid(alpha=0.3)
            axes.legend()
        figure.savefig(path, dpi=120)

    def layers(self, path: Path) -> None:
        """Draws what a linear classifier reads from each layer of ELMo and of others: the paper's Tables 5 and 6."""
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        for axes, (name, task) in zip(figure.subplots(1, len(PROBES)), PROBES.items(), strict=True):
            for (variant, (label, _)), marker in zip(PROBED.items(), "osD", strict=True):
                metrics = [task.metric.format(layer) for layer in range(7)]
                self.draw(axes, range(7), [Experiment(name, variant)] * 7, metrics, label=label, marker=marker)
            (baseline,) = self.figures[name]["most_frequent_label"]
            axes.axhline(100 * baseline, color="gray", linestyle="--", label="most frequent label")
            axes.set(xlabel="layer", ylabel=task.metric_title, title=task.title.partition(" (")[0], xticks=range(7))
            axes.grid(alpha=0.3)
            axes.legend()
        figure.savefig(path, dpi=120)


def main(
    file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The figures.")] = FIGURES,
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where to write the pictures.")] = IMAGES,
) -> None:
    """Draw the pictures."""
    curves = Curves(read_figures(file))
    curves.sample_efficiency(images / "results-data.png")
    curves.layers(images / "results-layers.png")


if __name__ == "__main__":
    typer.run(main)
