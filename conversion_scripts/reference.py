# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo in NumPy, written from the equations and meant to be read: the ground truth for the PyTorch model.

It computes word by word in float64, from the arrays of an original `weights.hdf5` or from the open file; the latter
keeps one layer at a time in memory. It shares no code with the rest of the package. Sources: Peters et al. 2018; the
shapes and names of bilm-tf's files; TensorFlow's `LSTMCell`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


Weights = Mapping[str, Any]
State = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]


def float64(weights: Weights, name: str) -> np.ndarray:
    """Reads one array."""
    return np.asarray(weights[name][...], dtype=np.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    # Split by sign, because exp of a large positive value overflows.
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def clip(x: np.ndarray, bound: float | None) -> np.ndarray:
    """Clips to [-bound, bound], or not at all without a bound."""
    return x if bound is None else np.clip(x, -bound, bound)


def character_ids(word: str, max_characters: int) -> list[int]:
    """UTF-8 bytes plus one, between marks for the word's begin and end, then padding."""
    if word in ("<S>", "</S>"):
        content = [257 if word == "<S>" else 258]
    else:
        content = [byte + 1 for byte in word.encode("utf-8")[: max_characters - 2]]
    row = [259, *content, 260]
    return row + [261] * (max_characters - len(row))


def token_embeddings(weights: Weights, options: Mapping[str, Any], rows: Sequence[Sequence[int]]) -> np.ndarray:
    """The character encoder: `[words, P]` for the character ids of words."""
    cnn = options["char_cnn"]
    # The file has no row for id 0, the padding of positions without a word.
    table = np.concatenate([np.zeros((1, cnn["embedding"]["dim"])), float64(weights, "char_embed")])
    characters = table[np.array(rows)]  # [words, C, E]
    features = []
    for i, (width, _) in enumerate(cnn["filters"]):
        kernel = float64(weights, f"CNN/W_cnn_{i}")[0]  # [width, E, n]
        bias = float64(weights, f"CNN/b_cnn_{i}")
        windows = [characters[:, at : at + width] for at in range(characters.shape[1] - width + 1)]
        responses = [np.einsum("bwe,wen->bn", window, kernel) + bias for window in windows]
        strongest = np.max(responses, axis=0)
        features.append(np.tanh(strongest) if cnn["activation"] == "tanh" else np.maximum(strongest, 0))
    x = np.concatenate(features, axis=1)
    for i in range(cnn.get("n_highway") or 0):
        name = f"CNN_high_{i}"
        gate = sigmoid(x @ float64(weights, f"{name}/W_carry") + float64(weights, f"{name}/b_carry"))
        candidate = np.maximum(x @ float64(weights, f"{name}/W_transform") + float64(weights, f"{name}/b_transform"), 0)
        x = gate * candidate + (1 - gate) * x
    if "CNN_proj/W_proj" in weights:
        x = x @ float64(weights, "CNN_proj/W_proj") + float64(weights, "CNN_proj/b_proj")
    return x


def lstm_cell(weights: Weights, direction: int, layer: int) -> dict[str, np.ndarray]:
    """Reads the arrays of one cell. A single layer may have a name without `MultiRNNCell`."""
    name = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
    if layer == 0 and f"{name}/W_0" not in weights:
        name = f"RNN_{direction}/RNN/LSTMCell"
    return {part: float64(weights, f"{name}/{part}") for part in ("W_0", "B", "W_P_0") if f"{name}/{part}" in weights}


def lstm_step(
    cell: Mapping[str, np.ndarray], options: Mapping[str, Any], x: np.ndarray, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One step of TensorFlow's `LSTMCell`, with gates in the order input, new memory, forget, output."""
    lstm = options["lstm"]
    i, j, f, o = np.split(np.concatenate([x, h]) @ cell["W_0"] + cell["B"], 4)
    c = clip(sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(j), lstm.get("cell_clip"))
    h = sigmoid(o) * np.tanh(c)
    if "W_P_0" in cell:
        h = clip(h @ cell["W_P_0"], lstm.get("proj_clip"))
    return h, c


def zero_state(options: Mapping[str, Any]) -> State:
    """Hidden and cell state by (direction, layer)."""
    lstm = options["lstm"]
    layers = range(lstm.get("n_layers") or 1)
    sizes = lstm["projection_dim"], lstm["dim"]
    return {(d, layer): (np.zeros(sizes[0]), np.zeros(sizes[1])) for d in (0, 1) for layer in layers}


def bilm_layers(
    weights: Weights, options: Mapping[str, Any], embeddings: np.ndarray, state: State | None = None
) -> tuple[np.ndarray, State]:
    """The biLM over one sentence.

    Returns the layers `[L + 1, words, 2P]`, of which the first is the token embedding twice, and the final state.
    """
    lstm = options["lstm"]
    state = dict(state or zero_state(options))
    layers = [np.concatenate([embeddings, embeddings], axis=1)]
    outputs = {0: embeddings, 1: embeddings[::-1]}  # each direction in its reading order
    for layer in range(lstm.get("n_layers") or 1):
        for direction in (0, 1):
            cell = lstm_cell(weights, direction, layer)
            h, c = state[direction, layer]
            rows = []
            for x in outputs[direction]:
                h, c = lstm_step(cell, options, x, h, c)
                # The state carries h without the skip connection.
                rows.append(h + x if layer > 0 and lstm.get("use_skip_connections") else h)
            state[direction, layer] = (h, c)
            outputs[direction] = np.array(rows).reshape(-1, lstm["projection_dim"])
        layers.append(np.concatenate([outputs[0], outputs[1][::-1]], axis=1))
    return np.array(layers), state


def softmax(x: np.ndarray) -> np.ndarray:
    """Exponentials normalised to sum to 1."""
    e = np.exp(x - np.max(x))
    return e / e.sum()


def scalar_mix(layers: Sequence[np.ndarray], weight: Sequence[float], gamma: float = 1.0) -> np.ndarray:
    """Equation 1 of the paper."""
    return gamma * sum(share * layer for share, layer in zip(softmax(np.asarray(weight, dtype=np.float64)), layers))
