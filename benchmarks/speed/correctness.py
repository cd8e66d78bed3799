# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that precede every timing: a fast but wrong result is not reported.

The expected vectors come from AllenNLP if it is installed, otherwise from the slow NumPy reference in
`conversion_scripts`, which gets fewer words to compute.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.nn import functional as F

from modeling_elmo.conversion_scripts import reference

from . import allennlp_elmo
from .full_size_model import ModelFiles
from .sentences import Sentence


# In float32. bfloat16 has three digits, int8 two: there, the direction of the vectors is checked.
TOLERANCE = 1e-5
LEAST_COSINE = 0.999


class WrongResultError(Exception):
    """The code to time computes a wrong result."""


def num_checked_sentences() -> int:
    """Returns the number of sentences to compare before a timing."""
    return 32 if allennlp_elmo.is_available() else 2


def num_checked_words() -> int:
    """Returns the number of words to compare at either end of a long text."""
    return 100 if allennlp_elmo.is_available() else 20


def expected_vectors(files: ModelFiles, sentences: Sequence[Sentence]) -> list[torch.Tensor]:
    """Returns the ELMo vectors `(words, 2P)` of each sentence, without boundary tokens."""
    if not allennlp_elmo.is_available():
        return _reference_vectors(files, sentences)
    elmo = allennlp_elmo.load(files)
    with torch.no_grad():
        vectors = allennlp_elmo.vectors(elmo, allennlp_elmo.batch_to_ids(list(sentences)))
    return [row[: len(sentence)] for row, sentence in zip(vectors, sentences)]


def _reference_vectors(files: ModelFiles, sentences: Sequence[Sentence]) -> list[torch.Tensor]:
    options = json.loads(files.options.read_text())
    weights = _read_as_float64(files.weights)
    max_characters = options["char_cnn"]["max_characters_per_token"]
    vectors = []
    for sentence in sentences:
        rows = [reference.character_ids(word, max_characters) for word in ["<S>", *sentence, "</S>"]]
        embeddings = reference.token_embeddings(weights, options, rows)
        layers, _ = reference.bilm_layers(weights, options, embeddings)
        vectors.append(torch.from_numpy(reference.scalar_mix(layers, np.zeros(len(layers)))[1:-1]))
    return vectors


def _read_as_float64(path: Path) -> dict[str, np.ndarray]:
    # The reference computes in float64: convert once, not at every step.
    weights: dict[str, np.ndarray] = {}

    def read(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            weights[name] = item[...].astype(np.float64)

    with h5py.File(path) as file:
        file.visititems(read)
    return weights


def check_vectors(what: str, found: torch.Tensor, expected: torch.Tensor, is_int8: bool = False) -> None:
    """Compares vectors `(words, ...)` with the expected ones: within 1e-5 in float32, by their cosine in bfloat16, and
    from weights of int8.

    Raises:
        `WrongResultError`: If they differ; the message names `what`.
    """
    if found.shape != expected.shape:
        raise WrongResultError(f"{what}: expected vectors {tuple(expected.shape)}, found {tuple(found.shape)}")
    if found.dtype == torch.float32 and not is_int8:
        worst = (found - expected).abs().max().item()
        # Written so that NaN fails.
        if not worst <= TOLERANCE:
            raise WrongResultError(f"{what}: expected vectors within {TOLERANCE}, found a difference of {worst:.2g}")
    else:
        least = F.cosine_similarity(found.float(), expected.float(), dim=-1).min().item()
        if not least > LEAST_COSINE:
            raise WrongResultError(f"{what}: expected a cosine above {LEAST_COSINE} to float32, found {least:.5f}")


def check_close(what: str, found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Compares a tensor with the expected one, relative to its largest value.

    Raises:
        `WrongResultError`: If it differs by more; the message names `what`.
    """
    scale = expected.abs().max().item()
    difference = (found - expected).abs().max().item()
    if not difference <= tolerance * scale:
        raise WrongResultError(
            f"{what}: expected values up to {scale:.3g} within {tolerance:g} of that, found a difference of "
            f"{difference:.2g}"
        )


def check_gradients(
    parameters: Sequence[torch.nn.Parameter], loss: Callable[[], torch.Tensor], tolerance: float = 0.01
) -> None:
    """Compares all gradients at once with the slope of the loss over a small step.

    One step is along the gradients, which detects those that are too large, and one along the parameters themselves,
    which detects missing ones.

    Raises:
        `WrongResultError`: If the slope of the loss differs from that of the gradients.
    """
    gradients = [parameter.grad for parameter in parameters]
    if any(gradient is None for gradient in gradients):
        raise WrongResultError("gradients: a parameter has no gradient")
    originals = [parameter.detach().clone() for parameter in parameters]
    for what, direction in (("gradients", gradients), ("parameters", originals)):
        expected = sum((gradient * change).sum().item() for gradient, change in zip(gradients, direction))
        # A change of the loss by about 1 % is large enough for float32, and small enough for a linear loss.
        step = 0.01 * loss().item() / abs(expected)
        values = []
        with torch.no_grad():
            for factor in (step, -step, 0):
                for parameter, original, change in zip(parameters, originals, direction):
                    parameter.copy_(original + factor * change)
                values.append(loss().item())
        slope = (values[0] - values[1]) / (2 * step)
        if not abs(slope - expected) <= tolerance * abs(expected):
            raise WrongResultError(f"gradients: expected a slope of {slope:.5g} along the {what}, found {expected:.5g}")
