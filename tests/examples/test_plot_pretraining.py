# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of a training: drawn from wherever its log lies."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import plot_pretraining


def entry(step, perplexity, prefix=""):
    names = (f"{prefix}perplexity", f"{prefix}forward_perplexity", f"{prefix}backward_perplexity")
    values = dict(zip(names, (perplexity, perplexity * 0.98, perplexity * 1.02)))
    return {"step": step, **values} if prefix else {"step": step, "words_seen": 2560 * step, "loss": 1.0, **values}


LOG = [entry(step, 20_000 / step) for step in range(1, 101)]
LOG += [entry(step, 22_000 / step, "eval_") for step in (50, 100)]


@pytest.fixture
def figures(monkeypatch):
    """The figures that are written, in place of closed files."""
    written = []
    save = Figure.savefig

    def remember(self, *args, **kwargs):
        written.append(self)
        save(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", remember)
    return written


def write_log(directory, log=LOG):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "trainer_state.json").write_text(json.dumps({"log_history": log}))


def test_curves_are_what_was_logged(figures, tmp_path):
    write_log(tmp_path)
    arguments = [str(tmp_path), str(tmp_path / "curve.png"), "--baseline", "trigrams=300", "--baseline", "a=b=400.5"]
    plot_pretraining.main(arguments)
    assert np.ptp(imread(tmp_path / "curve.png")) > 0
    (axes,) = figures[0].axes
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_allclose(lines["training (estimate)"], [20_000 / step for step in range(1, 101)])
    np.testing.assert_allclose(lines["held-out"], [440, 220])
    np.testing.assert_allclose(lines["held-out, backward"], [440 * 1.02, 220 * 1.02])
    assert list(lines["trigrams: 300.0"]) == [300, 300]
    assert list(lines["a=b: 400.5"]) == [400.5, 400.5]
    assert axes.get_xlabel() == "step"


@pytest.mark.parametrize("place", ["trainer_state.json", ""])
def test_the_newest_checkpoint_of_a_training_under_way_is_taken(figures, tmp_path, place):
    write_log(tmp_path / "out" / "checkpoint-20", LOG[:20])
    write_log(tmp_path / "out" / "checkpoint-100")
    training = tmp_path / "out" / "checkpoint-100" / place if place else tmp_path / "out"
    plot_pretraining.main([str(training), str(tmp_path / "curve.svg")])
    assert len(figures[0].axes[0].lines[0].get_xdata()) == 100


@pytest.mark.parametrize("log", [LOG[:3], LOG[-1:]], ids=["training", "evaluation"])
def test_a_log_of_one_of_both_is_drawn(figures, tmp_path, log):
    write_log(tmp_path, log)
    plot_pretraining.main([str(tmp_path), str(tmp_path / "curve.png")])
    (axes,) = figures[0].axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [line.get_label() for line in axes.lines]
    assert all(len(line.get_xdata()) for line in axes.lines)


def test_every_tick_has_a_label_of_its_own(figures, tmp_path):
    write_log(tmp_path, [entry(step, 20 - step / 2) for step in range(1, 5)])
    plot_pretraining.main([str(tmp_path), str(tmp_path / "curve.png")])
    (axes,) = figures[0].axes
    for axis in (axes.xaxis, axes.yaxis):
        labels = [label.get_text() for label in axis.get_ticklabels()]
        assert len(labels) > 2
        assert len(set(labels)) == len(labels)


def test_what_has_no_curve_is_refused(tmp_path):
    picture = tmp_path / "curve.png"
    with pytest.raises(ValueError, match=r"found no trainer_state\.json in it or in a checkpoint"):
        plot_pretraining.main([str(tmp_path), str(picture)])
    write_log(tmp_path, [{"step": 1, "loss": 3.0}])
    with pytest.raises(ValueError, match="log: no perplexities"):
        plot_pretraining.main([str(tmp_path), str(picture)])
    for wrong in ("300", "trigrams=none", "trigrams=nan", "trigrams=0"):
        with pytest.raises(ValueError, match=f"--baseline: expected NAME=PERPLEXITY, found '{wrong}'"):
            plot_pretraining.main([str(tmp_path), str(picture), "--baseline", wrong])
    assert not picture.exists()
