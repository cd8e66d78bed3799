# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Plots of runs."""

import json

import pytest
from matplotlib.figure import Figure

from benchmarks.quality.plots import plot_learning_curves, plot_mix_weights, plot_run
from tests.examples.conftest import picture_size


LOG = [
    {"epoch": 1.0, "loss": 2.0, "mix_share_0_0": 0.2, "mix_share_0_1": 0.8},
    {"epoch": 1.0, "eval_loss": 1.9, "eval_f1": 0.5},
    {"epoch": 2.0, "loss": 1.0, "mix_share_0_0": 0.1, "mix_share_0_1": 0.9},
    {"epoch": 2.0, "eval_loss": 1.4, "eval_f1": 0.75},
    {"epoch": 3.0, "eval_loss": 1.6, "eval_f1": 0.25},
]


@pytest.fixture
def figure(monkeypatch, tmp_path):
    """The last figure that was written."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **kwargs: figures.append(self))
    return figures


@pytest.mark.parametrize(
    ("metric", "greater_is_better", "best"), [("f1", True, (2.0, 0.75)), ("loss", False, (2.0, 1.4))]
)
def test_the_best_value_of_the_metric_is_written_out(figure, tmp_path, metric, greater_is_better, best):
    plot_learning_curves(LOG, metric, greater_is_better, tmp_path / "curves.png")
    losses, metrics = figure[0].axes
    assert [line.get_label() for line in losses.lines] == ["training", "validation"]
    assert losses.lines[0].get_xydata().tolist() == [[1, 2], [2, 1]]
    (text,) = metrics.texts
    assert text.xy == best
    assert text.get_text() == f"{best[1]:.4f}"


def test_the_picture_of_the_mix_shows_the_shares_of_the_model_that_is_kept(figure, tmp_path):
    final = {"mix_share_0_0": 0.2, "mix_share_0_1": 0.8}
    plot_mix_weights(LOG, final, ["input"], tmp_path / "mix.png")
    table, course = figure[0].axes[:2]
    assert [text.get_text() for text in table.texts] == ["0.20", "0.80"]
    assert [patch.get_hatch() for patch in table.patches] == ["--", ".."]
    assert [line.get_ydata().tolist() for line in course.lines[:2]] == [[0.2, 0.1], [0.8, 0.9]]


@pytest.mark.parametrize("has_mix", [True, False])
def test_a_run_is_plotted_from_its_files(tmp_path, has_mix):
    log = LOG if has_mix else [{name: value for name, value in entry.items() if "mix" not in name} for entry in LOG]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    results = {"test_f1": 0.7, "final_mix_share_0_0": 0.2, "final_mix_share_0_1": 0.8}
    (tmp_path / "all_results.json").write_text(json.dumps(results))
    (tmp_path / "config.json").write_text(json.dumps({"elmo_at_input": True, "elmo_at_output": False}))
    plot_run(tmp_path)
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == ["learning_curves", "mix_weights"][: 1 + has_mix]
    for path in tmp_path.glob("*.png"):
        (width, height), num_coloured = picture_size(path)
        assert min(width, height) > 300
        assert num_coloured > 200
