# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run, and what they become for `Trainer` and for the original."""

import math

import pytest

from modeling_elmo.pretraining.settings import training_options
from modeling_elmo.pretraining.trainer import ElmoPretrainer
from tests.helpers.training_examples import settings, start


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", 0),
        ("batch_size", 0),
        ("num_steps", -1),
        ("optimizer", "sgd"),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("max_grad_norm", -1.0),
        ("gradient_accumulation_steps", 0),
        ("seed", -1),
    ],
)
def test_values_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name}: expected "):
        settings(**{name: value})


def test_the_rate_of_adamw_rises_and_falls(tmp_path):
    options = settings(optimizer="adamw", learning_rate=0.01, max_steps=40)
    trainer = ElmoPretrainer(*vars(start()).values(), corpus=None, settings=options, output_dir=tmp_path)
    trainer.create_optimizer_and_scheduler(40)
    rates = []
    for _ in range(40):
        rates += trainer.lr_scheduler.get_last_lr()[:1]
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    # It rises for two steps.
    assert rates[0] < rates[1] < rates[2] == pytest.approx(0.01)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.0005


def test_what_the_originals_options_record():
    config = start().model.config
    assert training_options(settings(gradient_accumulation_steps=2), config, 64) == {
        "bidirectional": True,
        "unroll_steps": 5,
        "batch_size": 8,
        "all_clip_norm_val": 10.0,
        "learning_rate": 0.2,
        "sample_softmax": True,
        "n_negative_samples_batch": 4,
        "n_train_tokens": 64,
        # 8 steps of 2 windows of 20 words.
        "n_epochs": 5,
    }
    of_sentences = training_options(settings(sentence_per_row=True), config, 40)
    assert "n_train_tokens" not in of_sentences
    assert of_sentences["n_epochs"] == 1
