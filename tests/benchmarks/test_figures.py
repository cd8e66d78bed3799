# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the results."""

import pytest
from matplotlib.figure import Figure

from benchmarks.quality.figures import Curves


@pytest.fixture
def figure(monkeypatch):
    """The figures that were written."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **kwargs: figures.append(self))
    return figures


def points(container):
    """The positions and heights of a curve with deviations."""
    return container.lines[0].get_xydata().tolist()


def test_results_by_the_amount_of_data_are_in_percent(figure, tmp_path):
    results = {"gum-mix": [0.4, 0.5], "gum-mix-0.1": [0.2], "gum-none": [0.3]}
    Curves({name: {"test_f1": values} for name, values in results.items()}).sample_efficiency(tmp_path / "data.png")
    without, with_elmo = figure[0].axes[0].containers
    assert points(with_elmo) == [[10, 20], [100, 45]]
    assert points(without) == [[100, 30]]
    assert not figure[0].axes[1].containers


def test_each_layer_that_was_probed_is_a_point(figure, tmp_path):
    baseline = {"most_frequent_label": [0.5]}
    layers = {f"layer_{layer}_accuracy": [0.6 + layer / 10] for layer in range(3)}
    found = {
        "part_of_speech": baseline | layers,
        "word_sense": baseline,
        "part_of_speech-glove": {"layer_0_accuracy": [0.7]},
    }
    Curves(found).layers(tmp_path / "layers.png")
    elmo, glove = figure[0].axes[0].containers
    assert points(elmo) == [pytest.approx([layer, 60 + 10 * layer]) for layer in range(3)]
    assert points(glove) == [pytest.approx([0, 70])]
    assert [text.get_text() for text in figure[0].axes[0].get_legend().get_texts()] == [
        *("most frequent label", "ELMo", "GloVe")
    ]
