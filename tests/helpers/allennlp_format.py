# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes AllenNLP models with an ELMo inside, from the arrays of an original `weights.hdf5`.

Written from the format's description, and independent of the package: the layers of such a model are those that
`reference.py` computes from the original arrays.
"""

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch


EMBEDDER = "text_field_embedder.token_embedder_elmo._elmo."
CELL = "RNN_{}/RNN/MultiRNNCell/Cell{}/LSTMCell"


def elmo_state(
    options: Mapping[str, Any], weights: Mapping[str, np.ndarray], mixes: Any = ((0.1, -0.2, 0.3, 1.5),)
) -> dict[str, torch.Tensor]:
    """The tensors of AllenNLP's `Elmo` by their names in it. A mix is its weights, then its gamma."""
    encoder, state = "_elmo_lstm._token_embedder.", {}
    state[f"{encoder}_char_embedding_weights"] = np.pad(weights["char_embed"], ((1, 0), (0, 0)))
    for i in range(len(options["char_cnn"]["filters"])):
        state[f"{encoder}char_conv_{i}.weight"] = weights[f"CNN/W_cnn_{i}"][0].transpose(2, 1, 0)
        state[f"{encoder}char_conv_{i}.bias"] = weights[f"CNN/b_cnn_{i}"]
    for i in range(options["char_cnn"].get("n_highway") or 0):
        # The gate is that of the input: 1 minus the original's.
        parts = weights[f"CNN_high_{i}/W_transform"].T, -weights[f"CNN_high_{i}/W_carry"].T
        state[f"{encoder}_highways._layers.{i}.weight"] = np.concatenate(parts)
        parts = weights[f"CNN_high_{i}/b_transform"], -weights[f"CNN_high_{i}/b_carry"]
        state[f"{encoder}_highways._layers.{i}.bias"] = np.concatenate(parts)
    state[f"{encoder}_projection.weight"] = weights["CNN_proj/W_proj"].T
    state[f"{encoder}_projection.bias"] = weights["CNN_proj/b_proj"]
    size = options["lstm"]["projection_dim"]
    for d, direction in enumerate(("forward", "backward")):
        for layer in range(options["lstm"].get("n_layers") or 1):
            name, cell = f"_elmo_lstm._elmo_lstm.{direction}_layer_{layer}", CELL.format(d, layer)
            i, j, f, o = np.split(weights[f"{cell}/W_0"].T, 4)
            kernel = np.concatenate([i, f, j, o])
            i, j, f, o = np.split(weights[f"{cell}/B"], 4)
            state[f"{name}.input_linearity.weight"] = kernel[:, :size]
            state[f"{name}.state_linearity.weight"] = kernel[:, size:]
            state[f"{name}.state_linearity.bias"] = np.concatenate([i, f + 1, j, o])
            state[f"{name}.state_projection.weight"] = weights[f"{cell}/W_P_0"].T
    for k, (*scalars, gamma) in enumerate(mixes):
        state[f"scalar_mix_{k}.gamma"] = np.array([gamma], dtype=np.float32)
        for j, scalar in enumerate(scalars):
            state[f"scalar_mix_{k}.scalar_parameters.{j}"] = np.array([scalar], dtype=np.float32)
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in state.items()}


def named(prefix: str, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict with another beginning of its names."""
    return {f"{prefix}{name}": value for name, value in state.items()}


def experiment(embedders: Mapping[str, Any], **model: Any) -> dict[str, Any]:
    """The contents of `config.json` for a tagger with these token embedders."""
    return {
        "dataset_reader": {"type": "sequence_tagging", "token_indexers": {"elmo": {"type": "elmo_characters"}}},
        "train_data_path": "/home/somebody/train.tsv",
        "model": {
            "type": "simple_tagger",
            "text_field_embedder": {"token_embedders": dict(embedders)},
            "encoder": {"type": "lstm", "input_size": 10, "hidden_size": 5},
            **model,
        },
        "trainer": {"num_epochs": 2},
    }


def elmo_settings(**settings: Any) -> dict[str, Any]:
    """The settings of an embedder of the type ELMo; `None` leaves one out."""
    values = {
        "type": "elmo_token_embedder",
        "options_file": "/home/somebody/elmo/options.json",
        "weight_file": "/home/somebody/elmo/weights.hdf5",
        **settings,
    }
    return {name: value for name, value in values.items() if value is not None}


def write_model(
    directory: Path,
    config: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    fta: Mapping[str, bytes] | None = None,
    weights: str = "weights.th",
    is_zip: bool = True,
) -> Path:
    """Writes an unpacked archive; `fta` are the archived files by their dotted paths, as up to AllenNLP 0.9."""
    (directory / "vocabulary").mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "vocabulary" / "labels.txt").write_text("V\nN\nO\n")
    torch.save(dict(state), directory / weights, _use_new_zipfile_serialization=is_zip)
    if fta is not None:
        (directory / "fta").mkdir()
        (directory / "files_to_archive.json").write_text(json.dumps(dict.fromkeys(fta, "/home/somebody/file")))
        for key, content in fta.items():
            (directory / "fta" / key).write_bytes(content)
    return directory


def pack(directory: Path, path: Path, folder: str = "") -> Path:
    """Packs a directory as `model.tar.gz`, its files at the top or in a folder."""
    with tarfile.open(path, "w:gz") as archive:
        for child in sorted(directory.iterdir()):
            archive.add(child, f"{folder}{child.name}")
    return path
