# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Small models with random weights, their inputs, and what a graph of them computes."""

from contextlib import contextmanager

import pytest
import torch

from modeling_elmo import ElmoConfig, ElmoForMultipleChoice
from modeling_elmo.model import scan
from modeling_elmo.model.characters import MARKS


SIZES = {
    "cell_size": 12,
    "projection_size": 6,
    "character_embedding_size": 3,
    "character_filters": [[1, 4], [3, 8]],
    "max_characters_per_token": 12,
    "task_lstm_size": 5,
    "vocab_size": 30,
    "freeze_bilm": False,
}
# A tokenizer's characters that are code points, and what a config says of them.
CODE_POINTS = {**{mark: f"<{mark}>" for mark in MARKS}, "characters": [*(f"<{mark}>" for mark in MARKS), *"abehknrt"]}
CODE_POINT_FIELDS = {
    "character_unit": "code_point",
    "character_vocab_size": 1 + len(CODE_POINTS["characters"]),
    "bos_character_id": 1 + MARKS.index("begin_sentence"),
    "eos_character_id": 1 + MARKS.index("end_sentence"),
    "pad_character_id": 1 + MARKS.index("padding"),
}


def make(model_class, **fields):
    torch.manual_seed(0)
    model = model_class(ElmoConfig(**{**SIZES, **fields})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4)
    return model


def make_inputs(model, mask, seed=0, segments=True):
    """Random words, characters padded as in texts, and two texts per row."""
    generator = torch.Generator().manual_seed(seed)
    config, shape = model.config, mask.shape
    size = config.max_characters_per_token
    characters = torch.randint(1, min(257, config.character_vocab_size), (*shape, size), generator=generator)
    length = torch.randint(3, size + 1, (*shape, 1), generator=generator)
    characters = torch.where(torch.arange(size) < length, characters, config.pad_character_id) * mask.unsqueeze(-1)
    words = torch.randint(2, 28, shape, generator=generator)
    inputs = {"attention_mask": mask.long()}
    if segments:
        second = torch.randint(1, max(2, shape[1]), (shape[0], 1), generator=generator)
        inputs["token_type_ids"] = (torch.arange(shape[1]) >= second).long()
    if config.reads_words or config.word_vector_size:
        inputs["input_ids"] = words
    if config.reads_characters:
        inputs["character_ids"] = characters
    if isinstance(model, ElmoForMultipleChoice):
        inputs = {name: value.unsqueeze(0) for name, value in inputs.items()}
    return inputs


def _loop(step, state, inputs, *, dim=0, reverse=False):
    """What the operator `scan` computes, in Python: made for one batch in no time, where a graph takes seconds."""
    masks = inputs[1]
    length = masks[0].shape[dim]
    outputs = []
    for index in reversed(range(length)) if reverse else range(length):
        of_step = tuple(tuple(tensor.select(dim, index) for tensor in tensors) for tensors in inputs)
        state, output = step(state, of_step)
        outputs.append(output)
    outputs = outputs[::-1] if reverse else outputs
    return state, tuple(torch.stack(tensors, dim) for tensors in zip(*outputs))


@contextmanager
def graph_mode():
    """Models compute as in a graph, which is not made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        patch.setattr(scan, "scan", _loop)
        yield
