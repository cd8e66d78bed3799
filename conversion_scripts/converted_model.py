# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What the reader of each original format returns, and `convert` saves, measures and describes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer


@dataclass(frozen=True)
class StoredTensor:
    """A parameter that is read while it is written, so that it need not be in memory as a whole.

    Attributes:
        shape (`tuple[int, ...]`): Its shape.
        dtype (`torch.dtype`): That of the config.
        pieces (`Callable`): Reads its values in their order, as tensors of that dtype.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    pieces: Callable[[], Iterator[torch.Tensor]]


@dataclass(kw_only=True)
class ConvertedModel:
    """An ELMo of any original format, in this package's parts.

    Attributes:
        description (`str`): What it was, such as "an ELMoForManyLangs model"; printed, and in the model card.
        config (`ElmoConfig`): `architectures` names the class that the parameters belong to: `ElmoModel`, or
            `ElmoForPreTraining` if there is a softmax.
        parameters (`Mapping[str, torch.Tensor | StoredTensor]`): By their names in that class, in the config's dtype.
            Dropped once they are saved.
        tokenizer (`ElmoTokenizer`): Makes the ids that the model reads.
        files (`list[Path]`): What was read. The output never replaces them.
        notes (`list[str]`): What was left out, assumed or ignored, in whole sentences.
        expected_layers (`Callable`): Words of a sentence -> all layers by the equations on the source's own arrays,
            float64 `[L + 1, words + 2, 2P]`.
        language (`list[str]`): ISO codes, if the source tells them.
        expected_scores (`Callable`, *optional*): For a softmax: outputs `[N, P]` of one direction's last layer, and the
            ids of words -> the scores `[N, words]` of those words by the source's arrays, float64.
        addresses (`Mapping[str, str]`): URLs of downloaded files, by their names.
    """

    description: str
    config: ElmoConfig
    parameters: Mapping[str, torch.Tensor | StoredTensor]
    tokenizer: ElmoTokenizer
    files: list[Path]
    notes: list[str]
    expected_layers: Callable[[Sequence[str]], np.ndarray]
    language: list[str]
    expected_scores: Callable[[np.ndarray, Sequence[int]], np.ndarray] | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
