# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""No speed without the right numbers: what the ELMo vectors must be, and the checks that come before every timing.

The measure is AllenNLP where it is importable, else the NumPy reference of conversion, which is slow: it gets fewer
words to compute.
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


# In float32; bfloat16 has three digits, and is held to the direction of the vectors.
TOLERANCE = 1e-5
LEAST_COSINE = 0.999


class WrongResultError(Exception):
    """What was to be timed computes something else than it should."""


def num_checked_sentences() -> int:
    """How many sentences are compared before a timing."""
    return 32 if allennlp_elmo.is_available() else 2


def num_checked_words() -> int:
    """How many words at either end of a long text are compared."""
    return 100 if allennlp_elmo.is_available() else 20


def expected_vectors(files: ModelFiles, sentences: Sequence[Sentence]) -> list[torch.Tensor]:
    """The ELMo vectors `[words, 2P]` of each sentence, boundary tokens left out."""
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
    # The reference computes in float64: converted once, not at every step.
    weights: dict[str, np.ndarray] = {}

    def read(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            weights[name] = item[...].astype(np.float64)

    with h5py.File(path) as file:
        file.visititems(read)
    return weights


def check_vectors(what: str, found: torch.Tensor, expected: torch.Tensor) -> None:
    """Holds vectors `[words, ...]` to what they must be: within 1e-5 in float32, by their cosine in bfloat16.

    Raises:
        `WrongResultError`: Naming `what`, if they are not.
    """
    if found.shape != expected.shape:
        raise WrongResultError(f"{what}: expected vectors {tuple(expected.shape)}, found {tuple(found.shape)}")
    if found.dtype == torch.float32:
        worst = (found - expected).abs().max().item()
        # Written so that NaN fails.
        if not worst <= TOLERANCE:
            raise WrongResultError(f"{what}: expected vectors within {TOLERANCE}, found a difference of {worst:.2g}")
    else:
        least = F.cosine_similarity(found.float(), expected.float(), dim=-1).min().item()
        if not least > LEAST_COSINE:
            raise WrongResultError(f"{what}: expected a cosine above {LEAST_COSINE} to float32, found {least:.5f}")


def check_close(what: str, found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Holds a tensor to what it must be, relative to the greatest value.

    Raises:
        `WrongResultError`: Naming `what`, if it differs by more.
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
    """Holds all gradients at once to the loss itself: a small step must change it as much as they say.

    One step goes along the gradients, which shows any that is too great; one along the parameters themselves, which
    shows any that is missing.

    Raises:
        `WrongResultError`: If the slope of the loss is another than that of the gradients.
    """
    gradients = [parameter.grad for parameter in parameters]
    if any(gradient is None for gradient in gradients):
        raise WrongResultError("gradients: some parameter has none")
    originals = [parameter.detach().clone() for parameter in parameters]
    for what, direction in (("gradients", gradients), ("parameters", originals)):
        expected = sum((gradient * change).sum().item() for gradient, change in zip(gradients, direction))
        # A step that changes the loss by about 1 %: float32 still tells, and the loss is straight enough.
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
