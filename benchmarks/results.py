# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Experiments: runs the example scripts on public data sets, and makes tables of what came out.

    python -m benchmarks.results run --data DATA --model models/elmo-tiny --output runs
    python -m benchmarks.results tables --output runs

A run that was stopped goes on when the same command is given again; what is finished is not run again. The one idea:
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
from pathlib import Path
from typing import Annotated, Any

import typer


EXAMPLES = Path(__file__).parents[1] / "examples"
RESULTS = "all_results.json"
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
        ("--train_file", "DATA/conll2000/train.txt", "--test_file", "DATA/conll2000/test.txt"),
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
        ),
    ),
    "entailment": Task(
        "SICK entailment",
        "run_text_classification.py",
        "test_accuracy",
        "accuracy",
        100,
        (*SICK, "--label_column", "entailment_judgment"),
    ),
    "relatedness": Task(
        "SICK relatedness",
        "run_text_classification.py",
        "test_pearson",
        "Pearson",
        100,
        (*SICK, "--label_column", "relatedness_score", "--regression", "true"),
    ),
    "questions": Task(
        "XQuAD questions",
        "run_question_answering.py",
        "test_f1",
        "F1",
        1,
        ("--train_file", "DATA/xquad/xquad.en.json", "--test_fraction", "0.2"),
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
}
COMPARED = ("gum", "entailment")
FRACTIONS = ("0.01", "0.1", "1")
SAMPLED = ("chunking", "entailment")


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
    ]
    for experiment in every:
        if experiment not in seen:
            seen.add(experiment)
            yield experiment


class Tables:
    """The tables, of the experiments that are finished."""

    def __init__(self, output: Path):
        self.output = output

    def results(self, experiment: Experiment) -> dict[str, Any] | None:
        path = self.output / experiment.name / RESULTS
        if not path.is_file():
            return None
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return results

    def cell(self, experiment: Experiment, metric: str | None = None) -> str:
        """Returns the mean and the sample standard deviation of a result over the seeds, in percent."""
        task = (PROBES | TASKS)[experiment.task]
        results, metric = self.results(experiment), metric or task.metric
        if results is None or metric not in results:
            return "-"
        mean, deviation = (task.percent * results.get(name, 0.0) for name in (metric, f"{metric}_std"))
        return f"{mean:.1f} ± {deviation:.1f}"

    def tasks(self) -> list[list[str]]:
        """What ELMo adds to each task."""
        rows = [["Task", "Metric", "no ELMo", "with ELMo"]]
        for name, task in TASKS.items():
            cells = [self.cell(Experiment(name, variant)) for variant in ("none", "mix")]
            rows.append([task.title, task.metric_title, *cells])
        return rows

    def variants(self, names: tuple[str, ...]) -> list[list[str]]:
        """A row for each model, a column for each of the compared tasks."""
        rows = [["Model", *(TASKS[task].title for task in COMPARED)]]
        return rows + [[VARIANTS[name][0], *(self.cell(Experiment(task, name)) for task in COMPARED)] for name in names]

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
            results = self.results(Experiment(name)) or {}
            baseline = results.get("most_frequent_label")
            layers = [self.cell(Experiment(name), task.metric.format(layer)) for layer in range(3)]
            rows.append([task.title, "-" if baseline is None else f"{100 * baseline:.1f}", *layers])
        return rows


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
    only: Annotated[str, typer.Option(help="Only experiments whose name begins so.")] = "",
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

    chosen = [experiment for experiment in experiments() if experiment.name.startswith(only)]
    with ThreadPoolExecutor(jobs) as pool:
        if not all(list(pool.map(run_one, chosen))):
            raise typer.Exit(1)


@app.command()
def tables(output: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where results are.")]) -> None:
    """Print the tables, in Markdown, of what has results."""
    made = Tables(output)
    for title, rows in (
        ("Tasks", made.tasks()),
        ("Which layers", made.variants(("none", "layer0", "top", "average", "lambda1", "mix"))),
        ("Where ELMo enters", made.variants(("mix", "output", "both"))),
        ("How much data", made.fractions()),
        ("What each layer knows", made.probes()),
    ):
        typer.echo(f"### {title}\n\n{markdown(rows)}\n")


if __name__ == "__main__":
    app()
