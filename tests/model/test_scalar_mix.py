# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
from torch import nn

from modeling_elmo.conversion_scripts import reference
from modeling_elmo.model.scalar_mix import ScalarMix


def test_fixed_weights_pass_through_the_softmax(tiny_config):
    mix = ScalarMix(tiny_config(mix_parameters=[0.0, 1.0, 2.0]))
    layers = [torch.randn(2, 3, 8) for _ in range(3)]
    expected = reference.scalar_mix([layer.numpy() for layer in layers], [0, 1, 2])
    np.testing.assert_allclose(mix(layers, torch.ones(2, 3, dtype=torch.bool)).numpy(), expected, atol=1e-6)


def test_layer_norm_uses_one_mean_and_variance_of_all_real_tokens(tiny_config):
    mix = ScalarMix(tiny_config(mix_layer_norm=True))
    for parameter in mix.parameters():
        nn.init.normal_(parameter, std=0.5)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    layers = [torch.randn(2, 3, 8) * 3 + 5 for _ in range(3)]
    normalized = []
    for layer in layers:
        real = layer[mask]
        normalized.append(((layer - real.mean()) / real.std(correction=0) * mask[..., None]).numpy())
    expected = reference.scalar_mix(normalized, mix.weight.detach().numpy(), mix.gamma.item())
    masked = [layer * mask[..., None] for layer in layers]
    np.testing.assert_allclose(mix(masked, mask).detach().numpy(), expected, atol=1e-5)


def test_layer_norm_of_a_constant_or_empty_layer_is_finite(tiny_config):
    mix = ScalarMix(tiny_config(mix_layer_norm=True, mix_parameters=[0, 0, 0]))
    for layer in (torch.ones(1, 2, 8), torch.zeros(0, 2, 8), torch.full((1, 2, 8), 1000.0, dtype=torch.float16)):
        mask = torch.ones(layer.shape[:2], dtype=torch.bool)
        assert torch.isfinite(mix([layer] * 3, mask)).all()
