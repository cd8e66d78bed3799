# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo in NumPy on the arrays of AllenNLP and ELMoForManyLangs: the ground truth for models converted from them.

Both name and lay out their layers alike, and unlike bilm-tf: a highway's gate is that of its *input*, gates of an LSTM
are in torch's order, and the forget gate's 1 is in its bias. As `reference.py`, this computes in float64, word by word,
and shares nothing with the reading of such files. `name` is what precedes the names of a layer's arrays.
"""

from collections.abc import Sequence

import numpy as np

from .reference import Weights, clip, float64, sigmoid


def linear(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """A linear map with a bias if there is one."""
    y = x @ float64(weights, f"{name}.weight").T
    return y + float64(weights, f"{name}.bias") if f"{name}.bias" in weights else y


def convolutions(weights: Weights, names: Sequence[str], characters: np.ndarray, activation: str) -> np.ndarray:
    """Convolutions over the embedded characters `[words, C, E]` of words, maxima, activation: `[words, F]`."""
    features = []
    for name in names:
        kernel = float64(weights, f"{name}.weight")  # [n, E, width]
        width = kernel.shape[2]
        windows = [characters[:, at : at + width] for at in range(characters.shape[1] - width + 1)]
        strongest = np.max([np.einsum("bwe,new->bn", window, kernel) for window in windows], axis=0)
        strongest = strongest + float64(weights, f"{name}.bias")
        features.append(np.tanh(strongest) if activation == "tanh" else np.maximum(strongest, 0))
    return np.concatenate(features, axis=1)


def highway(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """A highway layer: y = g x + (1 - g) t."""
    transformed, gate = np.split(linear(weights, name, x), 2, axis=1)
    gate = sigmoid(gate)
    return gate * x + (1 - gate) * np.maximum(transformed, 0)


def lstm(
    weights: Weights, name: str, x: np.ndarray, cell_clip: float | None, projection_clip: float | None
) -> np.ndarray:
    """One direction of a layer over its inputs `[words, P]`, in its reading order, from zero states."""
    inputs = linear(weights, f"{name}.input_linearity", x)
    recurrent = {part: float64(weights, f"{name}.state_linearity.{part}") for part in ("weight", "bias")}
    projection = float64(weights, f"{name}.state_projection.weight")  # [P, H]
    h, c = np.zeros(projection.shape[0]), np.zeros(projection.shape[1])
    rows = []
    for row in inputs:
        i, f, g, o = np.split(row + recurrent["weight"] @ h + recurrent["bias"], 4)
        c = clip(sigmoid(f) * c + sigmoid(i) * np.tanh(g), cell_clip)
        h = clip(projection @ (sigmoid(o) * np.tanh(c)), projection_clip)
        rows.append(h)
    return np.array(rows).reshape(x.shape)


def bilm_layers(
    weights: Weights,
    name: str,
    embeddings: np.ndarray,
    num_layers: int,
    cell_clip: float | None,
    projection_clip: float | None,
) -> np.ndarray:
    """All layers `[L + 1, words, 2P]` of one sentence, of which the first is the token embedding twice."""
    layers = [np.concatenate([embeddings, embeddings], axis=1)]
    forward, backward = embeddings, embeddings[::-1]
    for layer in range(num_layers):
        outputs = [
            lstm(weights, f"{name}{direction}_layer_{layer}", x, cell_clip, projection_clip)
            for direction, x in (("forward", forward), ("backward", backward))
        ]
        # Skip connections from the second layer on; states are without them.
        forward, backward = outputs if layer == 0 else (outputs[0] + forward, outputs[1] + backward)
        layers.append(np.concatenate([forward, backward[::-1]], axis=1))
    return np.array(layers)
