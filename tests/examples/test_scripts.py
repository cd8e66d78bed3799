# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What all scripts have in common."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import TrainerState
from transformers.trainer_utils import SaveStrategy

from fine_tuning import MixTrainer, with_vocabulary
from modeling_elmo import ElmoConfig, ElmoTokenizer


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
    text = capsys.readouterr().out
    assert "usage" in text.lower()
    assert len(text.splitlines()) < 180


def test_arguments_of_every_trainer_are_listed_on_request(monkeypatch, capsys):
    for option, is_listed in (("--help", False), ("--help-all", True)):
        monkeypatch.setattr(sys, "argv", ["run_text_classification", option])
        with pytest.raises(SystemExit):
            importlib.import_module("run_text_classification").main()
        text = capsys.readouterr().out
        assert "--learning_rate" in text
        assert ("--adam_epsilon" in text) == is_listed


def test_of_equal_scores_the_one_with_the_lowest_loss_is_the_best():
    trainer = MixTrainer.__new__(MixTrainer)
    trainer.args = SimpleNamespace(metric_for_best_model="f1", greater_is_better=True, save_strategy=SaveStrategy.EPOCH)
    trainer.state = TrainerState()
    best = []
    for step, (f1, loss) in enumerate([(0.5, 0.3), (0.5, 0.4), (0.5, 0.1), (0.4, 0.0), (0.6, 0.5)], start=1):
        metrics = {"eval_f1": f1, "eval_loss": loss}
        trainer.state.global_step = step
        trainer.state.log_history += [{"step": step, "loss": 1.0}, {"step": step, **metrics}]
        is_best = trainer._determine_best_metric(metrics, None)
        assert is_best == (trainer.state.best_global_step == step)
        best.append(trainer.state.best_global_step)
    assert best == [1, 1, 3, 3, 5]


@pytest.mark.parametrize("has_file", [True, False])
def test_a_file_of_vectors_adds_the_words_of_the_data_to_the_vocabulary(has_file):
    known = ["<S>", "</S>", "<UNK>", "the", "bank"]
    texts = [["the", "Oslo", "river"], "a bank"]
    found = with_vocabulary(ElmoTokenizer(vocab=known), ElmoConfig(vocab_size=7), texts, has_file)
    assert found.get_words()[: found.num_words] == known + ["Oslo", "river", "a"] * has_file
