# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The scalar mix, which turns the biLM's layers into ELMo vectors (Peters et al. 2018, equation 1).

    ELMo = gamma * sum_j s_j h_j,    s = softmax(w),    j = 0 ... L                            [B, W, 2P]

Dimensions: B batch, W words of a padded row, L layers, P projection.
"""

from collections.abc import Iterable

import torch
from torch import nn

from .configuration_elmo import ElmoConfig


class ScalarMix(nn.Module):
    """A weighted sum of the biLM's layers.

    `config.mix_parameters` fixes w, with gamma 1: the module then has no parameters. With `config.mix_layer_norm`, each
    layer is first normalised by one mean and one variance over all real tokens *of the batch* and all dimensions, as by
    AllenNLP's `do_layer_norm`: a sentence's vectors then depend on the rest of the batch.
    """

    def __init__(self, config: ElmoConfig):
        super().__init__()
        self.fixed_weight = config.mix_parameters
        self.layer_norm = config.mix_layer_norm
        if self.fixed_weight is None:
            self.weight = nn.Parameter(torch.empty(config.num_hidden_layers + 1))
            self.gamma = nn.Parameter(torch.empty(1))

    def forward(self, layers: Iterable[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        """Mixes L+1 tensors `(B, W, 2P)`, zero outside `mask` `(B, W)`, into one `(B, W, 2P)`."""
        if self.fixed_weight is None:
            share, gamma = self.weight.softmax(dim=0), self.gamma
        else:
            weight = torch.tensor(self.fixed_weight, dtype=torch.float32, device=mask.device)
            share, gamma = weight.softmax(dim=0), None
        mixed: torch.Tensor | None = None
        for weight, layer in zip(share, layers, strict=True):
            values = _normalize_over_batch(layer, mask) if self.layer_norm else layer
            weighted = weight.to(layer.dtype) * values
            mixed = weighted if mixed is None else mixed + weighted
        assert mixed is not None
        return mixed if gamma is None else gamma.to(mixed.dtype) * mixed


def _normalize_over_batch(layer: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    # Sums over a whole batch overflow float16.
    values = layer.to(torch.promote_types(layer.dtype, torch.float32))
    mask = mask.unsqueeze(-1)
    count = (mask.sum() * layer.shape[-1]).clamp(min=1)
    mean = (values * mask).sum() / count
    variance = ((values - mean).square() * mask).sum() / count
    # 1e-13, AllenNLP's value for float32, keeps a constant layer finite.
    return ((values - mean) / torch.sqrt(variance + 1e-13) * mask).to(layer.dtype)
