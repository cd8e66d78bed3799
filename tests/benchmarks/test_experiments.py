# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Experiments on public data sets, and the tables made from them."""

import importlib
import subprocess
from pathlib import Path

import pytest
import typer

from arguments import parse_arguments
from benchmarks.quality import experiments, tables
from benchmarks.quality.experiments import ALL_TASKS, PROBES, RESULTS, Experiment, summarize, write_json


def test_every_experiment_has_arguments_that_its_script_understands(tmp_path):
    for name in ("masc_tagged/spoken/a.txt", "senseval/line.pos"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        (tmp_path / "data" / name).touch()
    names = [experiment.name for experiment in experiments.experiments()]
    assert len(names) == len(set(names))
    for experiment in experiments.experiments():
        seeds = []
        commands = experiment.commands(tmp_path / "data", tmp_path / "model", tmp_path / "runs")
        for path, (start, *arguments) in commands.items():
            module = arguments.pop(0) if start == "-m" else Path(start).stem
            if module.endswith(("frozen_bert", "bcn")):
                module = Path(arguments.pop(0)).stem
            _, *_, training = parse_arguments(importlib.import_module(module).ARGUMENTS, arguments)
            seeds += training.seeds if experiment.task in PROBES else [training.seed]
            assert Path(training.output_dir) == path
            assert path.is_relative_to(tmp_path / "runs" / experiment.name)
        assert seeds == [1, 2, 3]


def test_a_summary_has_mean_deviation_and_values():
    summary = summarize([{"seed": 1, "loss": 1.0, "name": "a"}, {"seed": 2, "loss": 3.0, "name": "a"}])
    assert summary == {"loss": 2.0, "loss_std": pytest.approx(2**0.5), "loss_values": [1.0, 3.0]}
    assert summarize([{"loss": 1}]) == {"loss": 1.0, "loss_std": 0.0, "loss_values": [1]}


def test_every_cell_of_the_tables_is_an_experiment():
    figures = {}
    for number, experiment in enumerate(experiments.experiments()):
        metric = ALL_TASKS[experiment.task].metric
        figures[experiment.name] = {"most_frequent_label": [0.5], metric: [number / 100 - 0.01, number / 100 + 0.01]}
        for layer in range(3):
            probed = {f"layer_{layer}_accuracy": [0.1], f"layer_{layer}_nearest_sense": [0.1]}
            figures[experiment.name] |= {**probed, f"final_mix_share_0_{layer}": [0.2, 0.3]}
    made = tables.Tables(figures)
    cells = [cell for _, rows in made.all() for row in rows[1:] for cell in row[1:]]
    assert "-" not in cells
    mix = made.cell(Experiment("sst", "mix"))
    assert mix == f"{[each.name for each in experiments.experiments()].index('sst-mix'):.1f} ± 1.4"
    assert made.mixes()[1][1:] == ["0.25"] * 3


def test_experiments_without_figures_are_dashes():
    assert tables.Tables({}).probes()[2][1:] == ["ELMo", "-", *[""] * 6]


def test_rows_and_columns_without_figures_are_left_out():
    shown = dict(tables.Tables({"sst-mix": {"test_accuracy": [0.4]}}).all())
    assert shown["When sentiment gains"] == [["Model", "SST-5 sentiment"], ["mix, λ = 0.001", "40.0"]]
    assert shown["How much data"] == [["Task", "Model"]]


def test_figures_of_finished_runs_are_added_to_those_of_others(tmp_path):
    file, runs = tmp_path / "results.json", tmp_path / "runs"
    file.write_text('{"word_sense": {"layer_0_accuracy": [0.5]}, "gum-mix": {"test_f1": [0.0]}}')
    found = {
        "gum-mix": {
            "test_f1": 0.45,
            "test_f1_values": [0.4, 0.5],
            "final_mix_share_0_0_values": [0.1, 0.2],
            "test_runtime_values": [1, 2],
            "train_loss_values": [1],
        },
        "part_of_speech": {"layer_0_accuracy_values": [0.9], "most_frequent_label": 0.8},
    }
    for name, values in found.items():
        write_json(runs / name / RESULTS, values)
    (runs / "gum-none").mkdir()
    experiments.collect(runs, file)
    assert experiments.read_figures(file) == {
        "word_sense": {"layer_0_accuracy": [0.5]},
        "gum-mix": {"test_f1": [0.4, 0.5], "final_mix_share_0_0": [0.1, 0.2]},
        "part_of_speech": {"layer_0_accuracy": [0.9], "most_frequent_label": [0.8]},
    }


def test_the_page_shows_the_collected_figures():
    page = (experiments.FIGURES.parent / "results.md").read_text(encoding="utf-8")
    for _, rows in tables.Tables(experiments.read_figures(experiments.FIGURES)).all():
        assert tables.markdown(rows) in page


def test_a_probe_of_bert_reads_with_its_own_tokenizer(tmp_path):
    (probe,) = Experiment("word_sense", "bert").commands(tmp_path, Path("elmo"), tmp_path).values()
    assert "--tokenizer_name" not in probe
    for in_its_place in Experiment("gum", "bert").commands(tmp_path, Path("elmo"), tmp_path).values():
        assert in_its_place[in_its_place.index("--tokenizer_name") + 1] == "elmo"


class TestRuns:
    @pytest.fixture
    def ran(self, tmp_path, monkeypatch):
        """The runs that were started, in place of those; the one named in the file `fails` fails."""
        ran = []

        def run(command, **kwargs):
            output = Path(command[command.index("--output_dir") + 1])
            name = str(output.relative_to(tmp_path / "runs"))
            ran.append(name)
            if (tmp_path / "fails").is_file() and (tmp_path / "fails").read_text() == name:
                return subprocess.CompletedProcess(command, 1)
            (output / "checkpoint-5").mkdir(parents=True)
            (output / "model.safetensors").touch()
            write_json(output / RESULTS, {"test_accuracy": len(ran)})
            return subprocess.CompletedProcess(command, 0)

        monkeypatch.setattr(experiments.subprocess, "run", run)
        return ran

    def test_only_unfinished_runs_are_started_and_no_models_are_kept(self, ran, tmp_path):
        (tmp_path / "fails").write_text("wnut17-mix/seed-2")
        with pytest.raises(typer.Exit):
            experiments.run(tmp_path, tmp_path, tmp_path / "runs", only="wnut17-[mn]*", jobs=1)
        assert ran == [*(f"wnut17-none/seed-{seed}" for seed in (1, 2, 3)), "wnut17-mix/seed-1", "wnut17-mix/seed-2"]
        assert not (tmp_path / "runs/wnut17-mix" / RESULTS).exists()
        (tmp_path / "fails").unlink()
        ran.clear()
        experiments.run(tmp_path, tmp_path, tmp_path / "runs", only="wnut17-[mn]*", jobs=1)
        assert ran == ["wnut17-mix/seed-2", "wnut17-mix/seed-3"]
        results = experiments.read_json(tmp_path / "runs/wnut17-mix" / RESULTS)
        assert results["test_accuracy_values"] == [4, 1, 2]
        assert not [*tmp_path.rglob("checkpoint-*"), *tmp_path.rglob("*.safetensors")]

    def test_a_summary_has_the_seeds_that_are_finished(self, ran, tmp_path):
        for seeds in ([2], [2, 3]):
            experiments.run(tmp_path, tmp_path, tmp_path / "runs", only="wnut17-mix", seeds=seeds, jobs=1)
            assert experiments.read_json(tmp_path / "runs/wnut17-mix" / RESULTS)["seeds"] == seeds
        assert ran == ["wnut17-mix/seed-2", "wnut17-mix/seed-3"]

    def test_experiments_with_figures_can_be_left_out(self, ran, tmp_path, monkeypatch):
        monkeypatch.setattr(experiments, "FIGURES", tmp_path / "results.json")
        experiments.FIGURES.write_text('{"wnut17-mix": {"test_accuracy": [0.4]}}')
        experiments.run(tmp_path, tmp_path, tmp_path / "runs", only="wnut17-[mn]*", missing=True, jobs=1)
        assert ran == [f"wnut17-none/seed-{seed}" for seed in (1, 2, 3)]

    def test_results_of_other_arguments_are_refused(self, ran, tmp_path):
        (tmp_path / "other").mkdir()
        experiments.run(tmp_path, tmp_path, tmp_path / "runs", only="wnut17-mix", jobs=1)
        stored = tmp_path / "runs/wnut17-mix/arguments.json"
        with pytest.raises(SystemExit, match=f"error: model: expected .*, as in {stored}, found .*other"):
            experiments.run(tmp_path, tmp_path / "other", tmp_path / "runs", only="wnut17-mix", jobs=1)

    def test_a_damaged_file_is_named(self, tmp_path):
        (tmp_path / "results.json").write_text('{"a": 1')
        with pytest.raises(ValueError, match="results.json: not a JSON file"):
            experiments.read_json(tmp_path / "results.json")
