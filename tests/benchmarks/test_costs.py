# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What the models of the results cost."""

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.quality import costs, experiments
from benchmarks.quality.experiments import RESULTS, write_json


@pytest.fixture
def data(tmp_path):
    for part, words in (("train", 6), ("test", 4)):
        path = tmp_path / f"data/gum_ner/{part}/gum-{part}.conll"
        path.parent.mkdir(parents=True)
        path.write_text("word O\nword O\n\n" * (words // 2))
    return tmp_path / "data"


def test_words_per_second_are_those_of_the_whole_files(data, monkeypatch, capsys):
    commands = []

    def run(command, **kwargs):
        commands.append(command)
        directory = Path(command[command.index("--output_dir") + 1])
        directory.mkdir(parents=True)
        results = {"trained_parameters": 1_250_000, "train_runtime": 0.003, "eval_runtime": 0.0005, "test_runtime": 9.0}
        write_json(directory / RESULTS, results)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(costs.subprocess, "run", run)
    costs.main(data, data)
    lines = capsys.readouterr().out.splitlines()
    titles = [line.split(" | ")[0].removeprefix("| ") for line in lines[4:]]
    assert titles == list(experiments.PRETRAINED.values())
    assert all(line.endswith("| 1.2 | 2,000 | 8,000 |") for line in lines[4:])
    for command in commands:
        # The last of an argument counts.
        last = dict(pairwise(command))
        assert last["--num_train_epochs"] == "1"
        assert last["--validation_file"] == last["--test_file"]


def test_the_error_of_a_script_is_shown(data, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stderr="ValueError: no such file")
    monkeypatch.setattr(costs.subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(SystemExit, match="words learned from the task: ValueError: no such file"):
        costs.main(data, data)
