# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from tests import fuzz_loading
from tests.helpers import programs  # noqa: F401 -- its server of processes starts those of the fuzzer, too


pytest.importorskip("resource")


def test_every_mutated_input_is_loaded_or_refused():
    outcomes = fuzz_loading.fuzz(range(150), seed=7)
    wrong = [outcome for outcome in outcomes if outcome.startswith("WRONG")]
    assert not wrong
    assert sum(outcomes.values()) == 150
    # If all inputs were refused, or none, the mutations would test nothing.
    for kind in ("loaded", "refused"):
        assert sum(count for outcome, count in outcomes.items() if f": {kind}" in outcome) > 15


SABOTAGE = """
import os, tempfile, time
from pathlib import Path

def load_input(target, folder):
    kinds = Path(__file__).with_name("kinds")
    kind, *others = kinds.read_text().split()
    kinds.write_text(" ".join(others))
    if kind == "error":
        {}["x"]
    elif kind == "lines":
        raise ValueError("two\\nlines")
    elif kind == "memory":
        bytearray(3 * 2**30)
    elif kind == "file":
        folder.parent.joinpath("out", ".elmo-x").touch()
    elif kind == "temporary":
        tempfile.mkstemp()
    elif kind == "crash":
        os.kill(os.getpid(), 11)
    elif kind == "hang":
        time.sleep(100)
"""


def test_wrong_outcomes_are_noticed(tmp_path, monkeypatch):
    expected = {
        "error": "WRONG KeyError",
        "lines": "WRONG ValueError",
        "memory": "WRONG MemoryError",
        "file": "WRONG left behind",
        "temporary": "WRONG left behind",
        "crash": "WRONG crash: exit code -11",
        "hang": "WRONG hang",
    }
    (tmp_path / "sabotage.py").write_text(SABOTAGE)
    (tmp_path / "kinds").write_text(" ".join(expected))
    monkeypatch.syspath_prepend(tmp_path)
    outcomes = fuzz_loading.fuzz(range(len(expected)), seed=0, time_limit=1, loader="sabotage")
    assert len(outcomes) == len(expected)
    for outcome, message in zip(outcomes, expected.values()):
        assert outcome.startswith(message)


def test_seed_and_number_determine_an_input(tmp_path):
    fuzz_loading.make_models(tmp_path)
    for number in range(40):
        folders = [tmp_path / f"{number}.{attempt}" for attempt in range(2)]
        for folder in folders:
            target, rng = fuzz_loading.choose(0, number)
            fuzz_loading.make_input(tmp_path, target, rng, folder)
        assert (folders[0] / target.file).read_bytes() == (folders[1] / target.file).read_bytes()
