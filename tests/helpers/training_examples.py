# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A small text to train on, models that are always the same, and what a training left in its log."""

import json

import numpy as np
import torch

from modeling_elmo import ElmoConfig, ElmoForPreTraining, ElmoTokenizer
from modeling_elmo.pretraining import pretrain
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import InitialModel
from modeling_elmo.pretraining.settings import PretrainingSettings


WORDS = ["<S>", "</S>", "<UNK>", "the", "of", "a", "bank", "river", "money", "water", "."]
STEPS = 8


def write_text(directory):
    """Writes two shards of sentences of 1 to 9 words; the vocabulary lacks one."""
    random = np.random.default_rng(0)
    for name in ("a.txt", "b.txt"):
        lines = [" ".join(random.choice([*WORDS[3:], "bridge"], 1 + random.integers(9))) for _ in range(20)]
        (directory / name).write_text("\n".join(lines) + "\n")


def start(**kwargs):
    """Makes a small model that is always the same."""
    tokenizer = ElmoTokenizer(vocab=WORDS)
    torch.manual_seed(5)
    fields = {
        "cell_size": 6,
        "projection_size": 4,
        "character_embedding_size": 3,
        "character_filters": [[1, 4], [3, 5]],
    }
    fields |= {"num_negative_samples": 4, "lstm_dropout": 0.1, "freeze_bilm": False, "vocab_size": len(tokenizer)}
    return InitialModel(ElmoForPreTraining(ElmoConfig(**{**fields, **kwargs})), tokenizer)


def settings(**kwargs):
    return PretrainingSettings(**{"max_steps": STEPS, "batch_size": 4, "num_steps": 5, **kwargs})


def losses(output):
    log = json.loads((output / "trainer_state.json").read_text())["log_history"]
    keys = ("step", "loss", "forward_perplexity", "backward_perplexity", "grad_norm", "words_seen")
    return [tuple(entry[key] for key in keys) for entry in log if "loss" in entry]


def train_into(output, text, options=None, model=None, **kwargs):
    """Trains into a directory, from its newest checkpoint on; gives the losses of all steps."""
    kwargs = {"logging_steps": 1, "save_steps": 3, "write": len, **kwargs}
    corpus = TextFiles([text / "*.txt"])
    code = pretrain(start(**(model or {})), corpus, settings(**(options or {})), output, **kwargs)
    assert code == 0
    return losses(output)
