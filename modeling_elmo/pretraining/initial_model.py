# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What a training of a language model begins with: a new model of a preset size, or one that exists."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..configuration import directory
from ..files.model_directory import check_model_directory
from ..model.configuration_elmo import ElmoConfig
from ..model.language_model import ElmoForPreTraining
from ..model.tokenization_elmo import ElmoTokenizer
from .windows import check_vocabulary


# Beside the published architectures: one that a laptop trains in hours.
TINY = {
    "cell_size": 768,
    "projection_size": 128,
    "character_filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 128], [6, 128]],
    "num_highway_layers": 1,
    "num_negative_samples": 2048,
}
PRESETS = ("tiny", "small", "medium", "original")

# The original's, of every size of model.
DROPOUT = 0.1


def preset_config(name: str, vocab_size: int, **kwargs: Any) -> ElmoConfig:
    """Returns the config of a model to be trained from scratch, with the dropout of the original's training.

    Args:
        name (`str`): One of `PRESETS`.
        vocab_size (`int`): Entries of the tokenizer.
        kwargs: Fields that differ from the preset's.

    Raises:
        `ValueError`: If there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, found {name!r}")
    fields = {"lstm_dropout": DROPOUT, "vocab_size": vocab_size, "freeze_bilm": False, "pad_token_id": None, **kwargs}
    if name == "tiny":
        return ElmoConfig(**{**TINY, **fields})
    published = json.loads((directory(name) / "config.json").read_text(encoding="utf-8"))
    for field in ("architectures", "dtype", "transformers_version", "auto_map"):
        published.pop(field, None)
    return ElmoConfig(**{**published, **fields})


@dataclass(frozen=True)
class Start:
    """What a training begins with.

    Attributes:
        model (`ElmoForPreTraining`): Trainable.
        tokenizer (`ElmoTokenizer`): With its vocabulary.
    """

    model: ElmoForPreTraining
    tokenizer: ElmoTokenizer


def new_start(preset: str, vocab_file: Path, seed: int, **fields: Any) -> Start:
    """Makes a model with random weights.

    Args:
        preset (`str`): One of `PRESETS`.
        vocab_file (`Path`): The vocabulary.
        seed (`int`): Of the weights.
        fields: Fields of the config that differ from the preset's.

    Raises:
        `ValueError`: If the vocabulary lacks a special token, or a field is out of range.
    """
    tokenizer = read_tokenizer(vocab_file)
    config = preset_config(preset, len(tokenizer), **fields)
    torch.manual_seed(seed)
    return Start(ElmoForPreTraining(config), tokenizer)


def read_tokenizer(vocab_file: Path, max_characters_per_token: int = 50) -> ElmoTokenizer:
    """Returns a tokenizer for a vocabulary file to train with. Raises `ValueError` naming it otherwise."""
    try:
        tokenizer = ElmoTokenizer(vocab_file=vocab_file, max_characters_per_token=max_characters_per_token)
    except ValueError as error:
        # Of the vocabulary as an argument of its own.
        raise ValueError(f"{vocab_file}: {str(error).removeprefix('vocab: ')}") from error
    check_vocabulary(tokenizer, str(vocab_file))
    return tokenizer


def continued_start(model_dir: Path, vocab_file: Path | None, seed: int, **fields: Any) -> Start:
    """Loads a model to be trained on: a converted one, or one that was trained here.

    With another vocabulary than its own, or none, a model that reads characters begins with a new softmax.

    Args:
        model_dir (`Path`): The model directory.
        vocab_file (`Path`, *optional*): The vocabulary; the model's own by default.
        seed (`int`): Of the weights that it lacks.
        fields: Fields of the config that are to differ.

    Raises:
        `ValueError`: If it is no model directory, its vocabulary can't be used, or it reads words and the vocabulary is
            another.
    """
    check_model_directory(model_dir)
    config = ElmoConfig.from_pretrained(model_dir)
    own = ElmoTokenizer.from_pretrained(model_dir)
    tokenizer = own
    if vocab_file is not None:
        tokenizer = read_tokenizer(vocab_file, config.max_characters_per_token)
    else:
        check_vocabulary(own, f"{model_dir}: the vocabulary (--vocab names another)")
    has_own = tokenizer.get_words() == own.get_words() and config.vocab_size == len(own)
    if not has_own and config.token_input == "words":
        raise ValueError(
            f"{vocab_file or model_dir}: this model reads words, so it needs the vocabulary it was made with "
            f"({config.vocab_size:,} entries with <PAD> and <MASK>), found another of {len(tokenizer):,}"
        )
    torch.manual_seed(seed)
    model = ElmoForPreTraining.from_pretrained(
        model_dir,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        freeze_bilm=False,
        dtype=torch.float32,
        ignore_mismatched_sizes=not has_own,
        **fields,
    )
    if not has_own:
        # One of the same size has been loaded, for other words.
        model.lm_head = type(model.lm_head)(model.config)
        model._init_weights(model.lm_head)
    return Start(model, tokenizer)
