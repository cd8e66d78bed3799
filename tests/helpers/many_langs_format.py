# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes models of ELMoForManyLangs with random weights. Written from the format's description, not from our reader."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch


CHARACTERS = [*"abcdehlnoprstuwxyzTWåäö.,今天氣真好阿مرحبا", "\u3000", "😀", "👍", "\u0301"]
CHARACTER_MARKS = ["<bos>", "<eos>", "<oov>", "<pad>", "<bow>", "<eow>"]
WORDS = ["<oov>", "<bos>", "<eos>", "<pad>", "the", "cat", "sat", "今天", "天氣", "new york", "caf\u00e9", "😀"]


def architecture(
    word_dim: int = 6,
    char_dim: int = 5,
    dim: int = 10,
    projection_dim: int = 4,
    n_layers: int = 2,
    filters: Sequence[tuple[int, int]] = ((1, 3), (2, 4)),
    n_highway: int = 1,
    activation: str = "relu",
    max_characters_per_token: int = 12,
    **encoder: Any,
) -> dict[str, Any]:
    """The file of `config_path`."""
    return {
        "encoder": {
            "name": "elmo",
            "projection_dim": projection_dim,
            "cell_clip": 3,
            "proj_clip": 3,
            "dim": dim,
            "n_layers": n_layers,
            **encoder,
        },
        "token_embedder": {
            "name": "cnn",
            "activation": activation,
            "filters": [list(group) for group in filters],
            "n_highway": n_highway,
            "word_dim": word_dim,
            "char_dim": char_dim,
            "max_characters_per_token": max_characters_per_token,
        },
        "classifier": {"name": "sampled_softmax", "n_samples": 8},
        "dropout": 0.1,
    }


def states(
    description: Mapping[str, Any], num_words: int, num_characters: int, seed: int = 0
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The state dicts of `token_embedder.pkl` and `encoder.pkl`."""
    generator = torch.Generator().manual_seed(seed)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.7

    parts, encoder = description["token_embedder"], description["encoder"]
    embedder, size = OrderedDict(), parts["word_dim"]
    if parts["word_dim"]:
        embedder["word_emb_layer.embedding.weight"] = tensor(num_words, parts["word_dim"])
    if parts["char_dim"]:
        embedder["char_emb_layer.embedding.weight"] = tensor(num_characters, parts["char_dim"])
        for i, (width, number) in enumerate(parts["filters"]):
            embedder[f"convolutions.{i}.weight"] = tensor(number, parts["char_dim"], width)
            embedder[f"convolutions.{i}.bias"] = tensor(number)
        filters = sum(number for _, number in parts["filters"])
        for i in range(parts["n_highway"]):
            embedder[f"highways._layers.{i}.weight"] = tensor(2 * filters, filters)
            embedder[f"highways._layers.{i}.bias"] = tensor(2 * filters)
        size += filters
    projection, cells = encoder["projection_dim"], encoder["dim"]
    embedder["projection.weight"], embedder["projection.bias"] = tensor(projection, size), tensor(projection)
    lstms = OrderedDict()
    for layer in range(encoder["n_layers"]):
        for direction in ("forward", "backward"):
            name = f"{direction}_layer_{layer}"
            lstms[f"{name}.input_linearity.weight"] = tensor(4 * cells, projection)
            lstms[f"{name}.state_linearity.weight"] = tensor(4 * cells, projection)
            lstms[f"{name}.state_linearity.bias"] = tensor(4 * cells)
            lstms[f"{name}.state_projection.weight"] = tensor(projection, cells)
    return embedder, lstms


def dic(tokens: Sequence[str], seed: int = 0) -> str:
    """The text of a `.dic`: ids that are not the numbers of lines."""
    ids = np.random.default_rng(seed).permutation(len(tokens))
    return "".join(f"{token}\t{id}\n" for token, id in zip(tokens, ids))


def write_model(
    directory: Path,
    description: Mapping[str, Any] | None = None,
    words: Sequence[str] = WORDS,
    characters: Sequence[str] = CHARACTERS,
    is_zip: bool = True,
    config_path: str = "configs/cnn.json",
    **kwargs: Any,
) -> Path:
    """Writes the directory of a model; `kwargs` are those of `architecture`."""
    description = description or architecture(**kwargs)
    directory.mkdir(parents=True, exist_ok=True)
    characters = [*dict.fromkeys(characters), *CHARACTER_MARKS]
    for name, state in zip(("token_embedder", "encoder"), states(description, len(words), len(characters))):
        torch.save(state, directory / f"{name}.pkl", _use_new_zipfile_serialization=is_zip)
    (directory / "word.dic").write_text(dic(words), encoding="utf-8", newline="")
    (directory / "char.dic").write_text(dic(characters), encoding="utf-8", newline="")
    (directory / "config.json").write_text(json.dumps({"seed": 1, "config_path": config_path, "model": "output"}))
    if not config_path.startswith("/"):
        (directory / config_path).parent.mkdir(exist_ok=True)
        (directory / config_path).write_text(json.dumps(description))
    return directory
