# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Experiments: runs the example scripts on public data sets, and makes tables of what came out.

    python -m benchmarks.results run --data DATA --model models/elmo-tiny --output runs
    python -m benchmarks.results collect --output runs
    python -m benchmarks.results tables

A run that was stopped goes on when the same command is given again; what is finished is not run again. `collect` puts
the figures of finished experiments into `docs/results.json`, which the tables of `docs/results.md` show. The one idea:
an experiment is a name and the arguments of a script, and a table is a set of names, so that no table shows what this
module can't run again.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

import typer


EXAMPLES = Path(__file__).parents[1] / "examples"
RESULTS = "all_results.json"
FIGURES = Path(__file__).parents[1] / "docs" / "results.json"
SEEDS = ("1", "2", "3")

# Static word vectors, learned from the task's own data, are in every model: what is compared is what ELMo adds.
TRAINED = (
    *("--do_train", "--do_predict", "--word_vector_size", "100"),
    *("--train_sampling_strategy", "group_by_length", "--disable_tqdm", "true", "--resume_from_checkpoint", "true"),
)


@dataclass(frozen=True)
class Task:
    """A data set and how it is learned.

    Attributes:
        title (`str`): Its name in the tables.
        script (`str`): Of `examples/`.
        metric (`str`): The name of its result, in the scripts' `all_results.json`.
        metric_title (`str`): What the tables call it.
        percent (`float`): What the result is multiplied by to be a percentage.
        arguments (`tuple[str]`): Of the script; `DATA/` stands for the folder of the data.
    """

    title: str
    script: str
    metric: str
    metric_title: str
    percent: float
    arguments: tuple[str, ...]


# Enough for these tasks, and half the time of the default.
SMALL = ("--task_lstm_size", "100", "--early_stopping_patience", "3")
# From epoch to epoch, the accuracy on five hundred validation pairs moves by several percent.
PATIENT = ("--task_lstm_size", "100", "--early_stopping_patience", "10")
CRF = ("--use_crf", "true", "--label_scheme", "BIO")
SICK = (
    *("--file_format", "tsv", "--text_column", "sentence_A", "--text_pair_column", "sentence_B"),
    *("--train_file", "DATA/sick/SICK_train.txt", "--validation_file", "DATA/sick/SICK_trial.txt"),
    *("--test_file", "DATA/sick/SICK_test_annotated.txt"),
)
TASKS = {
    "wnut17": Task(
        "WNUT-17 entities",
        "run_token_classification.py",
        "test_f1",
        "F1",
        100,
        (
            *("--train_file", "DATA/wnut17/wnut17train.conll"),
            *("--validation_file", "DATA/wnut17/emerging.dev.conll"),
            *("--test_file", "DATA/wnut17/emerging.test.annotated"),
            # Without ELMo, no entity is found in the first epochs.
            *("--early_stopping_patience", "20"),
            *CRF,
        ),
    ),
    "gum": Task(
        "GUM entities",
        "run_token_classification.py",
        "test_f1",
        "F1",
        100,
        ("--train_file", "DATA/gum_ner/train/gum-train.conll", "--test_file", "DATA/gum_ner/test/gum-test.conll", *CRF),
    ),
    "chunking": Task(
        "CoNLL-2000 chunks",
        "run_token_classification.py",
        "test_f1",
        "F1",
        100,
        ("--train_file", "DATA/conll2000/train.txt", "--test_file", "DATA/conll2000/test.txt", *SMALL),
    ),
    "sst": Task(
        "SST-5 sentiment",
        "run_text_classification.py",
        "test_accuracy",
        "accuracy",
        100,
        (
            *("--file_format", "lines", "--train_file", "DATA/sst/stsa.fine.train"),
            *("--validation_file", "DATA/sst/stsa.fine.dev", "--test_file", "DATA/sst/stsa.fine.test"),
            *SMALL,
        ),
    ),
    "entailment": Task(
        "SICK entailment",
        "run_text_classification.py",
        "test_accuracy",
        "accuracy",
        100,
        (*SICK, "--label_column", "entailment_judgment", *PATIENT),
    ),
    "relatedness": Task(
        "SICK relatedness",
        "run_text_classification.py",
        "test_pearson",
        "Pearson",
        100,
        (*SICK, "--label_column", "relatedness_score", "--regression", "true", *PATIENT),
    ),
    "questions": Task(
        "XQuAD questions",
        "run_question_answering.py",
        "test_f1",
        "F1",
        1,
        # Ninety-five validation questions: F1 may fall for some epochs while the loss still does.
        ("--train_file", "DATA/xquad/xquad.en.json", "--test_fraction", "0.2", *PATIENT),
    ),
}
PROBES = {
    "part_of_speech": Task(
        "Part of speech (MASC)",
        "run_probe.py",
        "layer_{}_accuracy",
        "accuracy",
        100,
        (
            *("--task", "part_of_speech", "--train_files", "DATA/masc_tagged/*/*.txt"),
            *("--max_sentences", "8000", "--learning_rate", "1e-3", "--num_train_epochs", "20"),
        ),
    ),
    "word_sense": Task(
        "Word senses (Senseval: hard, interest, line, serve)",
        "run_probe.py",
        "layer_{}_accuracy",
        "accuracy",
        100,
        ("--task", "word_sense", "--train_files", "DATA/senseval/*.pos"),
    ),
}

# What differs between the models of a comparison.
VARIANTS = {
    "none": ("no ELMo", ("--elmo_at", "none")),
    "layer0": ("layer 0 only", ("--elmo_at", "input", "--elmo_layers", "0")),
    "top": ("top layer only", ("--elmo_at", "input", "--elmo_layers", "top")),
    "average": ("average of the layers", ("--elmo_at", "input", "--elmo_layers", "average")),
    "lambda1": ("mix, λ = 1", ("--elmo_at", "input", "--mix_l2", "1")),
    "mix": ("mix, λ = 0.001", ("--elmo_at", "input", "--mix_l2", "0.001")),
    "output": ("output", ("--elmo_at", "output")),
    "both": ("input and output", ("--elmo_at", "both")),
    # Elsewhere half of ELMo's vectors is dropped.
    "no_dropout": ("with ELMo, no dropout on it", ("--elmo_at", "input", "--representation_dropout", "0")),
}
COMPARED = ("gum",)
FRACTIONS = ("0.01", "0.1", "1")
SAMPLED = ("gum", "entailment")
DROPPED = ("entailment",)


@dataclass(frozen=True)
class Experiment:
    """A task, a model of it, and how much of the training data it sees."""

    task: str
    variant: str = ""
    fraction: str = "1"

    @property
    def name(self) -> str:
        parts = [self.task, self.variant, "" if self.fraction == "1" else self.fraction]
        return "-".join(part for part in parts if part)

    def arguments(self) -> list[str]:
        """Returns the arguments of the script, the files and the model aside."""
        if self.task in PROBES:
            return [*PROBES[self.task].arguments, "--seeds", *SEEDS, "--resume_from_checkpoint", "true"]
        arguments = [*TASKS[self.task].arguments, *VARIANTS[self.variant][1], *TRAINED]
        if self.fraction != "1":
            # As many steps as a tenth of the data has in as many epochs would be too few to learn from.
            arguments += [
                "--train_fraction",
                self.fraction,
                "--num_train_epochs",
                "60",
                "--early_stopping_patience",
                "10",
            ]
        return [*arguments, "--seeds", *SEEDS]

    def command(self, data: Path, model: Path, output: Path) -> list[str]:
        """Returns the command line."""
        script = (PROBES | TASKS)[self.task].script
        arguments: list[str] = []
        for argument in self.arguments():
            if not argument.startswith("DATA/"):
                arguments.append(argument)
            elif "*" in argument:
                arguments += map(str, sorted(data.glob(argument.removeprefix("DATA/"))))
            else:
                arguments.append(str(data / argument.removeprefix("DATA/")))
        model_and_output = ["--model_name_or_path", str(model), "--output_dir", str(output / self.name)]
        return [str(EXAMPLES / script), *model_and_output, *arguments]


def experiments() -> Iterator[Experiment]:
    """Yields all experiments once, those first that most tables need."""
    seen = set()
    every = [
        *map(Experiment, PROBES),
        *(Experiment(task, variant) for task in TASKS for variant in ("mix", "none")),
        *(
            Experiment(task, variant, fraction)
            for task in SAMPLED
            for fraction in FRACTIONS
            for variant in ("mix", "none")
        ),
        *(
            Experiment(task, variant)
            for variant in ("top", "both", "output", "lambda1", "average", "layer0")
            for task in COMPARED
        ),
        *(Experiment(task, "no_dropout") for task in DROPPED),
    ]
    for experiment in every:
        if experiment not in seen:
            seen.add(experiment)
            yield experiment


# Of each experiment by its name: metrics, each with a value for every seed.
Figures = dict[str, dict[str, list[float]]]


def read_figures(path: Path) -> Figures:
    """Returns the figures that were collected, none if there is no such file."""
    if not path.is_file():
        return {}
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))
    return figures


def figures_of_run(directory: Path) -> dict[str, list[float]] | None:
    """Returns the figures of one experiment, or `None` if it is not finished: scores of the test data, shares of ELMo's
    layers in the mixes of the model that was scored; a single value of what does not depend on a seed."""
    if not (directory / RESULTS).is_file():
        return None
    results: dict[str, Any] = json.loads((directory / RESULTS).read_text(encoding="utf-8"))
    figures = {
        name.removesuffix("_values"): values
        for name, values in results.items()
        if name.endswith("_values") and name.startswith(("test_", "layer_", "final_mix_share_"))
    }
    figures |= {name: [value] for name, value in results.items() if name.endswith(WITHOUT_SEED)}
    return {name: values for name, values in figures.items() if not name.startswith(TIMES)}


TIMES = ("test_runtime", "test_samples_per_second", "test_steps_per_second")
WITHOUT_SEED = ("most_frequent_label", "nearest_sense")


class Tables:
    """The tables, of the experiments that have figures."""

    def __init__(self, figures: Figures):
        self.figures = figures

    def cell(self, experiment: Experiment, metric: str | None = None) -> str:
        """Returns the mean and the sample standard deviation of a result over the seeds, in percent."""
        task = (PROBES | TASKS)[experiment.task]
        values = self.figures.get(experiment.name, {}).get(metric or task.metric)
        if not values:
            return "-"
        values = [task.percent * value for value in values]
        return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")

    def tasks(self) -> list[list[str]]:
        """What ELMo adds to each task."""
        rows = [["Task", "Metric", "no ELMo", "with ELMo"]]
        for name, task in TASKS.items():
            cells = [self.cell(Experiment(name, variant)) for variant in ("none", "mix")]
            rows.append([task.title, task.metric_title, *cells])
        return rows

    def variants(self, names: tuple[str, ...], tasks: tuple[str, ...] = COMPARED) -> list[list[str]]:
        """A row for each model, a column for each of the compared tasks."""
        rows = [["Model", *(TASKS[task].title for task in tasks)]]
        return rows + [[VARIANTS[name][0], *(self.cell(Experiment(task, name)) for task in tasks)] for name in names]

    def fractions(self) -> list[list[str]]:
        """How much data it takes."""
        rows = [["Task", "Model", *(f"{float(fraction):.0%}" for fraction in FRACTIONS)]]
        for task in SAMPLED:
            for variant, title in (("none", "no ELMo"), ("mix", "with ELMo")):
                cells = [self.cell(Experiment(task, variant, fraction)) for fraction in FRACTIONS]
                rows.append([TASKS[task].title, title, *cells])
        return rows

    def probes(self) -> list[list[str]]:
        """What a linear classifier reads from each layer."""
        rows = [["Probe", "Most frequent label", "Layer 0", "Layer 1", "Layer 2"]]
        for name, task in PROBES.items():
            layers = [self.cell(Experiment(name), task.metric.format(layer)) for layer in range(3)]
            rows.append([task.title, self.cell(Experiment(name), "most_frequent_label"), *layers])
        nearest = [self.cell(Experiment("word_sense"), f"layer_{layer}_nearest_sense") for layer in range(3)]
        return [*rows, ["The same, by the nearest mean of a sense", "", *nearest]]

    def mixes(self) -> list[list[str]]:
        """How much of each layer a task takes."""
        rows = [["Task", "Layer 0", "Layer 1", "Layer 2"]]
        for name, task in TASKS.items():
            shares = [self.cell_of_share(Experiment(name, "mix"), layer) for layer in range(3)]
            rows.append([task.title, *shares])
        return rows

    def cell_of_share(self, experiment: Experiment, layer: int) -> str:
        values = self.figures.get(experiment.name, {}).get(f"final_mix_share_0_{layer}")
        return f"{mean(values):.2f}" if values else "-"

    def all(self) -> Iterator[tuple[str, list[list[str]]]]:
        """Yields the tables with their titles."""
        yield "What ELMo adds", self.tasks()
        yield "Which layers", self.variants(("none", "layer0", "top", "average", "lambda1", "mix"))
        yield "Where ELMo enters", self.variants(("mix", "output", "both"))
        yield "How much of ELMo is dropped", self.variants(("none", "mix", "no_dropout"), DROPPED)
        yield "How much data", self.fractions()
        yield "What each layer knows", self.probes()
        yield "What each task takes", self.mixes()


def markdown(rows: list[list[str]]) -> str:
    """Returns a table, its first row being the header."""
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, f"|{' --- |' * len(rows[0])}", *others])


app = typer.Typer(add_completion=False, help=(__doc__ or "").partition("\n")[0])


@app.command()
def run(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The folder of the data sets.")],
    model: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The model directory.")],
    output: Annotated[Path, typer.Option(help="Where results go.")],
    only: Annotated[str, typer.Option(help="Only experiments of this name; a pattern as those of files.")] = "*",
    missing: Annotated[
        bool, typer.Option("--missing", help="Only experiments that docs/results.json has no figures of.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments at a time, each in one thread.")] = os.cpu_count() or 1,
) -> None:
    """Run the experiments that have no results yet."""
    output.mkdir(parents=True, exist_ok=True)

    def run_one(experiment: Experiment) -> bool:
        directory = output / experiment.name
        if (directory / RESULTS).is_file():
            return True
        command = [sys.executable, *experiment.command(data.resolve(), model.resolve(), output.resolve())]
        with open(output / f"{experiment.name}.log", "a", encoding="utf-8") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment).returncode == 0
        typer.echo(f"{experiment.name}: {'done' if done else f'failed, see {log.name}'}")
        if done:
            # What is left are numbers and pictures, not a model for each seed.
            for path in list(directory.rglob("checkpoint-*")):
                shutil.rmtree(path)
            for path in list(directory.rglob("*.safetensors")):
                path.unlink()
        return done

    known = read_figures(FIGURES) if missing else {}
    chosen = [each for each in experiments() if fnmatch(each.name, only) and each.name not in known]
    with ThreadPoolExecutor(jobs) as pool:
        if not all(list(pool.map(run_one, chosen))):
            raise typer.Exit(1)


@app.command()
def collect(
    output: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where results are.")],
    file: Annotated[Path, typer.Option(help="Where figures go, beside those that it has.")] = FIGURES,
) -> None:
    """Put the figures of the experiments that are finished into one file."""
    figures = read_figures(file)
    for experiment in experiments():
        found = figures_of_run(output / experiment.name)
        if found is not None:
            figures[experiment.name] = found
    entries = (
        f"  {json.dumps(name)}: {json.dumps(values, sort_keys=True)}" for name, values in sorted(figures.items())
    )
    file.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")


@app.command()
def tables(file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The figures.")] = FIGURES) -> None:
    """Print the tables, in Markdown, of what has figures."""
    for title, rows in Tables(read_figures(file)).all():
        typer.echo(f"### {title}\n\n{markdown(rows)}\n")


if __name__ == "__main__":
    app()
