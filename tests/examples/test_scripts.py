# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What all scripts have in common."""

import importlib
import sys
from pathlib import Path

import pytest


EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))
SCRIPTS = [path.stem for path in FILES if "\ndef main(arguments" in path.read_text(encoding="utf-8")]


def test_scripts_are_found():
    assert "run_text_classification" in SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_explains_its_arguments(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(script).main()
    assert not stop.value.code
    assert "usage" in capsys.readouterr().out.lower()
