# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: which one a run resumes from, and whether it may."""

import json
from dataclasses import fields

import pytest
import torch

from modeling_elmo import ElmoTokenizer
from modeling_elmo.pretraining.checkpoints import (
    RowsState,
    check_settings,
    checkpoint_settings,
    checkpoints,
    find_checkpoint,
)
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.settings import PretrainingSettings
from tests.helpers.training_examples import STEPS, WORDS, settings, start


@pytest.fixture
def check(uninterrupted, text):
    """Compares the last checkpoint of a training with other settings, model, tokenizer and text."""

    def run(options=None, model=None, words=WORDS, files="*.txt"):
        config, corpus = start(**(model or {})).model.config, TextFiles([text / files])
        # As `Trainer` does.
        config.use_cache = False
        new = checkpoint_settings(settings(**(options or {})), config, ElmoTokenizer(vocab=words), corpus)
        check_settings(checkpoints(uninterrupted)[-1], new)

    return run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"options": {"seed": 1, "learning_rate": 0.1}}, "learning_rate=0.2, found 0.1; seed=0, found 1"),
        ({"options": {"optimizer": "adamw", "max_steps": 9}}, "made with max_steps=8, found 9; optimizer='adagrad'"),
        ({"model": {"lstm_dropout": 0.2}}, "lstm_dropout=0.1, found 0.2"),
        ({"model": {"cell_size": 7}}, "cell_size=6, found 7"),
        ({"words": [*WORDS[:3], *WORDS[:2:-1]]}, "made with vocabulary='[0-9a-f]{20,}"),
        ({"files": "a.txt"}, r"made with text=\['a.txt', 'b.txt'\], found \['a.txt'\]"),
    ],
)
def test_settings_that_differ_are_named(check, changed, message):
    with pytest.raises(ValueError, match=message):
        check(**changed)


# Another value of every setting of a run.
OTHERS = {
    "max_steps": 10,
    "batch_size": 2,
    "num_steps": 6,
    "optimizer": "adamw",
    "learning_rate": 0.1,
    "max_grad_norm": 1.0,
    "gradient_accumulation_steps": 2,
    "seed": 1,
    "bf16": True,
    "sentence_per_row": True,
    "is_raw": True,
}


@pytest.mark.parametrize("name", [field.name for field in fields(PretrainingSettings)])
def test_only_the_number_of_steps_may_differ(check, name):
    check()
    if name == "max_steps":
        check({name: OTHERS[name]})
    else:
        with pytest.raises(ValueError, match=f"made with {name}=.*, found {OTHERS[name]!r}"):
            check({name: OTHERS[name]})


def test_a_text_that_was_edited_is_named(check, text):
    check()
    path = text / "b.txt"
    content = path.read_bytes()
    path.write_bytes(content + b"the bank\n")
    try:
        with pytest.raises(
            ValueError, match=rf"made with text_bytes=.*, {len(content)}\], found .*, {len(content) + 9}\]"
        ):
            check()
    finally:
        path.write_bytes(content)


def test_a_checkpoint_that_does_not_know_the_size_of_the_text_is_resumed(tmp_path, text):
    new = checkpoint_settings(settings(), start().model.config, start().tokenizer, TextFiles([text / "a.txt"]))
    (tmp_path / "pretraining.json").write_text(json.dumps({k: v for k, v in new.items() if k != "text_bytes"}))
    check_settings(tmp_path, new)


def test_a_falling_rate_needs_the_same_number_of_steps(text, tmp_path):
    def of_steps(max_steps):
        options = settings(optimizer="adamw", max_steps=max_steps)
        return checkpoint_settings(options, start().model.config, start().tokenizer, TextFiles([text / "a.txt"]))

    (tmp_path / "pretraining.json").write_text(json.dumps(of_steps(40)))
    check_settings(tmp_path, of_steps(40))
    with pytest.raises(ValueError, match="made with max_steps=40, found 50"):
        check_settings(tmp_path, of_steps(50))


def test_which_one_is_resumed_from(uninterrupted, tmp_path):
    assert [path.name for path in checkpoints(uninterrupted)] == ["checkpoint-6", "checkpoint-8"]
    assert find_checkpoint(uninterrupted, True).name == "checkpoint-8"
    with pytest.raises(ValueError, match="--no-resume requires .*, found checkpoint-8"):
        find_checkpoint(uninterrupted, False)
    for name in ("checkpoint-10", "checkpoint-9", ".incomplete"):
        (tmp_path / "out" / name).mkdir(parents=True)
    assert find_checkpoint(tmp_path / "out", True).name == "checkpoint-10"
    assert find_checkpoint(tmp_path / "new", True) is None
    assert checkpoints(tmp_path / "new") == []


def test_a_directory_of_something_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ValueError, match=r"expected an empty directory, or one with checkpoints, found thesis\.tex"):
        find_checkpoint(tmp_path, True)
    with pytest.raises(NotADirectoryError):
        find_checkpoint(tmp_path / "thesis.tex", True)
    with pytest.raises(ValueError, match="no-checkpoint: not a checkpoint of this command"):
        check_settings(tmp_path / "no-checkpoint", {"optimizer": "adagrad"})


def test_the_state_of_the_rows_is_small(uninterrupted):
    state = torch.load(checkpoints(uninterrupted)[-1] / "pretraining_rows_0.pt", weights_only=True)
    assert state["positions"][0]["taken"].shape == (4,)
    assert state["num_windows"] == STEPS


def test_rows_may_be_divided_among_other_processes(uninterrupted, tmp_path):
    checkpoint, device = checkpoints(uninterrupted)[-1], torch.device("cpu")
    whole = RowsState.load(checkpoint, range(4), 4, device)
    for process in (0, 1):
        first = 2 * process
        RowsState.load(checkpoint, range(first, first + 2), 4, device).save(tmp_path, process, first)
    again = RowsState.load(tmp_path, range(4), 4, device)
    for position, other in zip(whole.positions, again.positions):
        assert position.taken_R.tolist() == other.taken_R.tolist()
        assert position.used_R.tolist() == other.used_R.tolist()
        assert position.counts == other.counts
    assert all(map(torch.equal, whole.lstm_state, again.lstm_state))
    assert (again.num_windows, again.num_words) == (whole.num_windows, whole.num_words) == (STEPS, 20 * STEPS)
    with pytest.raises(ValueError, match="expected the states of 2 rows, found those of 4"):
        RowsState.load(tmp_path, range(2), 2, device)
