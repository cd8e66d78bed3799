# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from benchmarks.quality import soak


OPTIONS = {"minutes": 0.02, "callers": 2, "clients": 2, "jobs": 1, "model": soak.TINY, "seed": 0, "threads": 1}


def test_every_kind_of_user_gets_right_answers(capsys):
    soak.main(**OPTIONS, quick=True, json_only=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["wrong"] == {}
    assert figures["calls"].keys() == {"model", "server", "embedding", "disturbance"}
    assert figures["worst_difference"] < soak.TOLERANCE
    assert figures["memory_mib"]["first"] > 0


def test_a_wrong_answer_is_noticed():
    users = soak.Soak(soak.TINY, 2)
    users.check([0, 1], users.expected)
    for change in (lambda rows: rows + 1e-4, lambda rows: rows * np.nan, lambda rows: rows[1:]):
        found = [users.expected[0], change(users.expected[1])]

        def call(rng, found=found):
            users.ends.set()
            users.check([0, 1], found)

        users.ends.clear()
        users.repeat("model", call, seed=0)
    assert users.calls == {"model": 3}
    assert users.wrong.total() == 3


def test_the_slope_is_that_of_the_later_part():
    seconds = np.linspace(0, 3600, 101)
    memory = np.where(seconds < 800, 5 * seconds, 4000 + (seconds - 800) / 360)
    assert soak.slope(list(zip(seconds.tolist(), memory.tolist()))) == pytest.approx(10)
