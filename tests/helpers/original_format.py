# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Small random models in the original file formats, written with h5py and json alone.

Independent of the package on purpose: what `elmo convert` reads here was not written by `elmo export`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def make_options(
    dim: int = 12,
    projection_dim: int = 5,
    n_layers: int | None = 2,
    use_skip_connections: bool | None = True,
    cell_clip: float | None = 3,
    proj_clip: float | None = 3,
    filters: Iterable[tuple[int, int]] = ((1, 4), (2, 3), (3, 6)),
    n_highway: int | None = 1,
    activation: str = "relu",
    embedding_dim: int = 4,
    max_characters_per_token: int = 50,
    n_characters: int = 262,
    reads_words: bool = False,
    **training_options: Any,
) -> dict[str, Any]:
    """Contents of `options.json`; `None` leaves an option out, as older files do."""
    lstm = {
        "dim": dim,
        "projection_dim": projection_dim,
        "n_layers": n_layers,
        "use_skip_connections": use_skip_connections,
        "cell_clip": cell_clip,
        "proj_clip": proj_clip,
    }
    options = {"lstm": {name: value for name, value in lstm.items() if value is not None}, **training_options}
    if not reads_words:
        char_cnn = {
            "embedding": {"dim": embedding_dim},
            "filters": [list(group) for group in filters],
            "n_highway": n_highway,
            "activation": activation,
            "n_characters": n_characters,
            "max_characters_per_token": max_characters_per_token,
        }
        options["char_cnn"] = {name: value for name, value in char_cnn.items() if value is not None}
    return options


def make_weights(
    options: dict[str, Any], seed: int = 0, num_words: int = 0, scale: float = 0.5
) -> dict[str, np.ndarray]:
    """Random float32 arrays by dataset name, large enough that clipping and saturation happen."""
    rng = np.random.default_rng(seed)

    def random(*shape: int) -> np.ndarray:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    lstm = options["lstm"]
    dim, projection_dim = lstm["dim"], lstm["projection_dim"]
    weights = {}
    if "char_cnn" in options:
        cnn = options["char_cnn"]
        size = sum(number for _, number in cnn["filters"])
        weights["char_embed"] = random(261, cnn["embedding"]["dim"])
        for i, (width, number) in enumerate(cnn["filters"]):
            weights[f"CNN/W_cnn_{i}"] = random(1, width, cnn["embedding"]["dim"], number)
            weights[f"CNN/b_cnn_{i}"] = random(number)
        for i in range(cnn.get("n_highway") or 0):
            for part in ("carry", "transform"):
                weights[f"CNN_high_{i}/W_{part}"] = random(size, size)
                weights[f"CNN_high_{i}/b_{part}"] = random(size)
        if size != projection_dim:
            weights["CNN_proj/W_proj"] = random(size, projection_dim)
            weights["CNN_proj/b_proj"] = random(projection_dim)
    elif num_words:
        weights["embedding"] = random(num_words, projection_dim)
    for direction in range(2):
        for layer in range(lstm.get("n_layers", 1)):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            weights[f"{cell}/W_0"] = random(2 * projection_dim, 4 * dim)
            weights[f"{cell}/B"] = random(4 * dim)
            if projection_dim < dim:
                weights[f"{cell}/W_P_0"] = random(dim, projection_dim)
    return weights


def write_model(
    directory: Path,
    options: dict[str, Any],
    weights: dict[str, np.ndarray] | None = None,
    words: Iterable[str] | None = None,
) -> dict[str, np.ndarray]:
    """Writes `options.json`, `weights.hdf5` and, given words, `vocab.txt`; returns the weights."""
    directory.mkdir(parents=True, exist_ok=True)
    words = None if words is None else list(words)
    if weights is None:
        weights = make_weights(options, num_words=len(words or []))
    (directory / "options.json").write_text(json.dumps(options))
    write_hdf5(directory / "weights.hdf5", weights)
    if words is not None:
        (directory / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    return weights


def write_hdf5(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes one dataset per array."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values)


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Reads every dataset."""
    arrays = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: arrays.update({name: item[...]}) if isinstance(item, h5py.Dataset) else None)
    return arrays
