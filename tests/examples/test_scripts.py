# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
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
