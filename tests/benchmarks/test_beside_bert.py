# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What a word costs an ELMo and a BERT."""

import json
from pathlib import Path

from benchmarks.speed.beside_bert import main


def test_each_model_has_its_rates_and_parameters(elmo_dir, bert_dir, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text(("the river left " * 4 + ".\n") * 8)
    paths = [Path(elmo_dir), Path(bert_dir)]
    main(paths, text, repeats=1, threads=1, quick=True, json_only=True)
    figures = json.loads(capsys.readouterr().out)
    for path in paths:
        assert all(value > 0 for value in figures[path.name].values())
    assert len({figures[path.name]["parameters"] for path in paths}) == 2
