# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of docs/results.md from the figures in docs/results.json.

python -m benchmarks.quality.tables
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated

import typer

from .experiments import (
    ALL_TASKS,
    ASKED_OF_SENTIMENT,
    COMPARED,
    DROPPED,
    FIGURES,
    FRACTIONS,
    PRETRAINED,
    PROBED,
    PROBES,
    QUESTION_FRACTIONS,
    SAMPLED,
    SENTIMENT,
    TASKS,
    VARIANTS,
    Experiment,
    Figures,
    read_figures,
)


# The columns that say what a row is about.
LABELS = {"Task", "Metric", "Model", "Probe", "Vectors"}


class Tables:
    """The tables; experiments without figures are dashes, and rows or columns of dashes alone are left out."""

    def __init__(self, figures: Figures):
        self.figures = figures

    def cell(self, experiment: Experiment, metric: str | None = None) -> str:
        """Returns the mean and the sample standard deviation of a result over the seeds, in percent."""
        task = ALL_TASKS[experiment.task]
        values = self.figures.get(experiment.name, {}).get(metric or task.metric)
        if not values:
            return "-"
        values = [100 * value for value in values]
        return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")

    def tasks(self) -> list[list[str]]:
        """Returns what ELMo adds to each task."""
        rows = [["Task", "Metric", *PRETRAINED.values()]]
        for name, task in TASKS.items():
            cells = [self.cell(Experiment(name, variant)) for variant in PRETRAINED]
            rows.append([task.title, task.metric_title, *cells])
        return rows

    def variants(self, names: tuple[str, ...], tasks: tuple[str, ...] = COMPARED) -> list[list[str]]:
        """Returns a row for each model and a column for each of the compared tasks."""
        rows = [["Model", *(ALL_TASKS[task].title for task in tasks)]]
        return rows + [[VARIANTS[name][0], *(self.cell(Experiment(task, name)) for task in tasks)] for name in names]

    def fractions(self, sampled: Mapping[str, Sequence[str]], fractions: Sequence[str]) -> list[list[str]]:
        """Returns results by the fraction of the training data, for the models of each task."""
        rows = [["Task", "Model", *(f"{float(fraction):.0%}" for fraction in fractions)]]
        for task, variants in sampled.items():
            for variant in variants:
                cells = [self.cell(Experiment(task, variant, fraction)) for fraction in fractions]
                rows.append([ALL_TASKS[task].title, PRETRAINED[variant], *cells])
        return rows

    def probes(self) -> list[list[str]]:
        """Returns what a linear classifier reads from each layer."""
        rows = [["Probe", "Vectors", *(f"Layer {layer}" for layer in range(7))]]
        for name, task in PROBES.items():
            rows.append(
                [task.title, "most frequent label", self.cell(Experiment(name), "most_frequent_label"), *[""] * 6]
            )
            metrics = {"": task.metric} | ({", nearest mean": "layer_{}_nearest_sense"} if name == "word_sense" else {})
            for how, metric in metrics.items():
                for variant, (title, _) in PROBED.items():
                    cells = [self.cell(Experiment(name, variant), metric.format(layer)) for layer in range(7)]
                    rows.append(["", title + how, cells[0], *("" if cell == "-" else cell for cell in cells[1:])])
        return rows

    def mixes(self) -> list[list[str]]:
        """Returns the share of each layer in the mix of each task."""
        rows = [["Task", "Layer 0", "Layer 1", "Layer 2"]]
        for name, task in TASKS.items():
            shares = [self.cell_of_share(Experiment(name, "mix"), layer) for layer in range(3)]
            rows.append([task.title, *shares])
        return rows

    def cell_of_share(self, experiment: Experiment, layer: int) -> str:
        """Returns the mean share of a layer in the mix."""
        values = self.figures.get(experiment.name, {}).get(f"final_mix_share_0_{layer}")
        return f"{mean(values):.2f}" if values else "-"

    def all(self) -> Iterator[tuple[str, list[list[str]]]]:
        """Yields title and rows of each table."""
        layers = ("none", "layer0", "top", "average", "lambda1", "mix")
        questions = {"questions": ("none", "glove", "mix", "glove_mix")}
        for title, rows in (
            ("What ELMo adds", self.tasks()),
            ("Which layers", self.variants(layers)),
            ("Where ELMo enters", self.variants(("mix", "output", "both"))),
            ("How much of ELMo is dropped", self.variants(("none", "mix", "no_dropout"), DROPPED)),
            ("When sentiment gains", self.variants(ASKED_OF_SENTIMENT, ("sst", *SENTIMENT))),
            ("How much data", self.fractions(SAMPLED, FRACTIONS)),
            ("How many questions", self.fractions(questions, QUESTION_FRACTIONS)),
            ("What each layer knows", self.probes()),
            ("What each task uses", self.mixes()),
        ):
            yield title, without_gaps(rows)


def without_gaps(rows: list[list[str]]) -> list[list[str]]:
    """Leaves out rows and columns in which nothing is measured."""
    header, *others = rows

    def is_figure(title: str, cell: str) -> bool:
        return title not in LABELS and any(map(str.isdigit, cell))

    others = [row for row in others if any(map(is_figure, header, row))]
    is_kept = [
        title in LABELS or any(is_figure(title, row[column]) for row in others) for column, title in enumerate(header)
    ]
    return [list(compress(row, is_kept)) for row in (header, *others)]


def markdown(rows: list[list[str]]) -> str:
    """Returns a Markdown table. The first row is the header."""
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, f"|{' --- |' * len(rows[0])}", *others])


def main(file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The figures.")] = FIGURES) -> None:
    """Print the tables in Markdown."""
    for title, rows in Tables(read_figures(file)).all():
        typer.echo(f"### {title}\n\n{markdown(rows)}\n")


if __name__ == "__main__":
    typer.run(main)
