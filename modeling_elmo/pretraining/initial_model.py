# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model at the start of training: a new one of a preset size, or an existing one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..configuration import directory
from ..files.model_directory import VOLATILE_FIELDS, check_model_directory
from ..model.configuration_elmo import ElmoConfig
from ..model.language_model import ElmoForPreTraining
from ..model.tokenization_elmo import ElmoTokenizer
from .windows import check_vocabulary


# The preset besides the published architectures: a laptop trains it in hours.
TINY = {
    "cell_size": 768,
    "projection_size": 128,
    "character_filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 128], [6, 128]],
    "num_highway_layers": 1,
    "num_negative_samples": 2048,
}
PRESETS = ("tiny", "small", "medium", "original")

# bilm-tf's dropout, for models of every size.
DROPOUT = 0.1


def preset_config(name: str, vocab_size: int, **fields: Any) -> ElmoConfig:
    """Returns the config of a model to train from scratch, with the dropout of the original training. `fields` replace
    those of the preset; a name that is not one of `PRESETS` raises `ValueError`."""
    if name not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, found {name!r}")
    preset: dict[str, Any] = TINY
    if name != "tiny":
        preset = json.loads((directory(name) / "config.json").read_text(encoding="utf-8"))
        preset = {field: preset[field] for field in preset if field not in (*VOLATILE_FIELDS, "dtype")}
    fields = {"lstm_dropout": DROPOUT, "vocab_size": vocab_size, "freeze_bilm": False, "pad_token_id": None, **fields}
    return ElmoConfig(**{**preset, **fields})


@dataclass(frozen=True)
class InitialModel:
    """A model to train, with `freeze_bilm=False`, and its tokenizer, with a vocabulary."""

    model: ElmoForPreTraining
    tokenizer: ElmoTokenizer


def from_preset(preset: str, vocab_file: Path, seed: int, language: str | None = None, **fields: Any) -> InitialModel:
    """Makes a model with random weights from `seed`, of the config that `preset_config` returns. `language` is that of
    the tokenizer. Raises `ValueError` if the vocabulary lacks a special token, or a field is out of range."""
    tokenizer = read_tokenizer(vocab_file, language=language)
    config = preset_config(preset, len(tokenizer), **fields)
    torch.manual_seed(seed)
    return InitialModel(ElmoForPreTraining(config), tokenizer)


def from_model(
    model_dir: Path, vocab_file: Path | None, seed: int, language: str | None = None, **fields: Any
) -> InitialModel:
    """Loads a model to continue training: a converted one, or one that was trained here.

    A model that reads characters alone gets a new softmax, with weights from `seed`, if it has none, or if the
    vocabulary is not its own. `language` replaces that of its tokenizer, and `fields` those of its config. Raises
    `ValueError` if it is no model directory or one of int8, the vocabulary can't be used for training, or the model
    reads words and the vocabulary is not its own.
    """
    check_model_directory(model_dir)
    config = ElmoConfig.from_pretrained(model_dir)
    if getattr(config, "quantization_config", None) is not None:
        raise ValueError(
            f"{model_dir}: expected float32, bfloat16 or float16 weights to train, found int8; train the model that it "
            "was rounded from"
        )
    own = ElmoTokenizer.from_pretrained(model_dir, **({} if language is None else {"language": language}))
    if vocab_file is None:
        tokenizer = own
        check_vocabulary(own, f"{model_dir}: the vocabulary (pass another as --vocab)")
    else:
        tokenizer = read_tokenizer(vocab_file, **own.character_settings())
    is_own = tokenizer.get_words() == own.get_words() and config.vocab_size == len(own)
    if not is_own and config.reads_words:
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
        ignore_mismatched_sizes=not is_own,
        **fields,
    )
    if not is_own:
        # If it has the same size, the old softmax has been loaded, whose rows belong to other words.
        model.lm_head = type(model.lm_head)(model.config)
        model.initialize_weights()
    return InitialModel(model, tokenizer)


def read_tokenizer(vocab_file: Path, **settings: Any) -> ElmoTokenizer:
    """Returns a tokenizer to train with; `settings` are its other arguments. Raises `ValueError`, naming the file, if
    its vocabulary can't be used."""
    try:
        tokenizer = ElmoTokenizer(vocab_file=vocab_file, **settings)
    except ValueError as error:
        # The tokenizer's message names its argument, or the file without its directory.
        reason = str(error).removeprefix("vocab: ").removeprefix(f"{vocab_file.name}: ")
        hint = "; awk '!seen[$0]++' removes repeated lines" if "are both" in reason else ""
        raise ValueError(f"{vocab_file}: {reason}{hint}") from error
    check_vocabulary(tokenizer, str(vocab_file))
    return tokenizer
