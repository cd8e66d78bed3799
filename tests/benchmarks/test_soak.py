# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import typer

from benchmarks.quality import soak


OPTIONS = {"minutes": 0.02, "callers": 2, "clients": 2, "jobs": 1, "model": soak.TINY, "seed": 0, "threads": 1}


def test_every_kind_of_user_gets_right_answers(capsys):
    soak.main(**OPTIONS, quick=True, json_only=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["wrong"] == {}
    assert figures["calls"].keys() == {"model", "server", "embedding", "disturbance"}
    assert figures["worst_difference"] < soak.TOLERANCE
    assert figures["memory_mib"]["first"] > 0


def test_a_wrong_answer_is_noticed(monkeypatch, capsys):
    vectors, calls = soak.Soak.vectors, []

    def wrong(self, texts):
        calls.append(texts)
        # The first calls compute what is expected.
        return [rows + (len(calls) > soak.QUICK_TEXTS) for rows in vectors(self, texts)]

    monkeypatch.setattr(soak.Soak, "vectors", wrong)
    with pytest.raises(typer.Exit):
        soak.main(**OPTIONS, quick=True, json_only=True)
    found = json.loads(capsys.readouterr().out)["wrong"]
    assert any(kind.startswith("model: ValueError: expected the same vectors") for kind in found)


def test_the_slope_is_that_of_the_later_part():
    seconds = np.linspace(0, 3600, 101)
    memory = np.where(seconds < 800, 5 * seconds, 4000 + (seconds - 800) / 360)
    assert soak.slope(list(zip(seconds.tolist(), memory.tolist()))) == pytest.approx(10)
