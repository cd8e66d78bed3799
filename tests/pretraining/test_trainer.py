# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Steps of training, and what is reported about them."""

import itertools
import json
from types import SimpleNamespace

import pytest
import torch

from modeling_elmo.pretraining import trainer
from modeling_elmo.pretraining.checkpoints import checkpoints
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.perplexity import measure_perplexity
from modeling_elmo.pretraining.windows import Windows
from tests.helpers.training_examples import STEPS, settings, start


def test_a_step_is_the_originals(train, text):
    """Adagrad from an accumulator of 1, of the loss times the steps of a window, clipped."""
    trained = train(options={"max_grad_norm": 0.5}, model={"num_negative_samples": 0, "lstm_dropout": 0.0})
    beginning = start(num_negative_samples=0, lstm_dropout=0.0)
    model = beginning.model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    accumulators = [torch.ones_like(parameter) for parameter in parameters]
    windows = iter(Windows(TextFiles([text / "*.txt"]), beginning.tokenizer, settings().batch_plan(range(4)), True))
    state, expected = None, []
    for _ in range(STEPS):
        output = model(**next(windows)[0], state=state, use_cache=True)
        state = tuple(tensor.detach() for tensor in output.state)
        expected.append(output.loss.item())
        gradients = torch.autograd.grad(5 * output.loss, parameters)
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        with torch.no_grad():
            for parameter, gradient, accumulator in zip(parameters, gradients, accumulators):
                gradient = gradient * min(1.0, 0.5 / norm.item())
                accumulator += gradient**2
                parameter -= 0.2 * gradient / accumulator.sqrt()
    torch.testing.assert_close([entry[1] for entry in trained], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("logging_steps", [1, 1000])
def test_an_infinite_loss_ends_the_run_and_is_not_saved(train, tmp_path, logging_steps):
    with pytest.raises(ValueError, match="the loss is infinite or NaN"):
        train(options={"learning_rate": 1e30, "max_grad_norm": 0}, logging_steps=logging_steps)
    assert checkpoints(tmp_path / "out") == []


@pytest.mark.parametrize("reads", ["words", "tied words"])
def test_a_model_that_reads_words(train, reads):
    model = {"token_input": "words", "tie_word_embeddings": reads == "tied words"}
    trained = train(model={**model, "num_negative_samples": 0}, save_steps=1000)
    assert trained[-1][1] < trained[0][1]


def test_speed_is_that_of_training_alone(train, text, monkeypatch, tmp_path):
    now = [0.0]

    def on_step_begin(self, args, state, control, **kwargs):
        now[0] += 0.5

    def evaluated(*args, **kwargs):
        now[0] += 1000
        return measure_perplexity(*args, **kwargs)

    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
    monkeypatch.setattr(trainer, "measure_perplexity", evaluated)
    train(eval_corpus=TextFiles([text / "a.txt"]), eval_steps=2)
    log = json.loads((tmp_path / "out" / "trainer_state.json").read_text())["log_history"]
    # 4 rows of 5 words in half a second.
    assert [entry["words_per_second"] for entry in log if "loss" in entry] == [40.0] * STEPS


def test_progress_is_reported_in_lines(train, text):
    lines = []
    train(write=lines.append, eval_corpus=TextFiles([text / "a.txt"]), eval_steps=4)
    covered, *lines = lines
    assert covered == f"the vocabulary covers 92.55% of 94 words of {text / 'a.txt'}"
    assert len(lines) == STEPS + 2
    assert lines[0].startswith("step 1 of 8: perplexity ")
    assert "words/s" in lines[0]
    assert lines[4].startswith("step 4 of 8: evaluation: perplexity ")


def test_processes_share_negative_samples_and_nothing_else():
    numbers = itertools.product((0, 1), repeat=3)
    windows = [trainer.window_seeds(seed, window, process) for seed, window, process in numbers]
    assert [negatives for negatives, _ in windows[::2]] == [negatives for negatives, _ in windows[1::2]]
    assert len({negatives for negatives, _ in windows}) == 4
    assert len({dropout for _, dropout in windows} | {negatives for negatives, _ in windows}) == 12
