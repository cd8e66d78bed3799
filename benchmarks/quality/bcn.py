# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs examples/run_text_classification.py with the paper's classifier of sentiment in place of today's.

    python -m benchmarks.quality.bcn examples/run_text_classification.py --model_name_or_path models/elmo-tiny ...

The biattentive classification network (McCann et al. 2017, section 5), for single texts: a layer with relu before the
encoder, attention of the text to itself, a BiLSTM that integrates what it found, four kinds of pooling, and three
layers of maxout with batch normalization.
"""

import runpy
import sys
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from modeling_elmo import ElmoConfig
from modeling_elmo.model import task_models
from modeling_elmo.model.task_layers import TaskEncoder, TaskInput, masked_max, masked_mean, masked_softmax


# Values of which a unit of maxout returns the largest.
POOL_SIZE = 4


class ReluInput(TaskInput):
    """The input of the encoder: `relu(W [x; ELMo] + b)`, of the encoder's size."""

    def __init__(self, config: ElmoConfig, shared_over: str | None):
        super().__init__(config, shared_over)
        size = 2 * config.task_lstm_size
        self.layer = nn.Linear(self.output_size, size)
        self.output_size = size

    def forward(
        self,
        input_ids_BW: torch.Tensor | None,
        elmo_BWD: torch.Tensor | None,
        token_type_ids_BW: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Returns the features `(B, W, output_size)`."""
        return torch.relu(self.layer(super().forward(input_ids_BW, elmo_BWD, token_type_ids_BW)))


class BiattentivePooling(nn.Module):
    """Attention, integration and pooling. The network compares two texts; a single one is compared with itself, so
    both of its halves are equal, and one is computed.

        c_i = sum_j softmax_j(x_i . x_j) x_j        y = BiLSTM([x; x - c; x * c])
        output = [max y; mean y; min y; sum_i softmax_i(v . y_i + b) y_i]
    """

    def __init__(self, config: ElmoConfig, input_size: int):
        super().__init__()
        self.integrator = TaskEncoder(config, 3 * input_size, num_layers=1)
        self.attention = nn.Linear(self.integrator.output_size, 1)
        self.output_size = 4 * self.integrator.output_size

    def forward(self, features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """Maps `(B, W, input_size)`, zero outside the mask, to `(B, output_size)`; zero for an empty text."""
        visible_BWW = mask_BW.unsqueeze(2) & mask_BW.unsqueeze(1)
        context_BWD = masked_softmax(features_BWD @ features_BWD.transpose(1, 2), visible_BWW) @ features_BWD
        compared = torch.cat([features_BWD, features_BWD - context_BWD, features_BWD * context_BWD], dim=-1)
        read_BWH = self.integrator(compared, mask_BW)
        share_BW = masked_softmax(self.attention(read_BWH).squeeze(-1), mask_BW)
        attended_BH = torch.einsum("bw,bwh->bh", share_BW, read_BWH)
        extremes = (masked_max(read_BWH, mask_BW), -masked_max(-read_BWH, mask_BW))
        return torch.cat([*extremes, masked_mean(read_BWH, mask_BW), attended_BH], dim=-1)


class Maxout(nn.Module):
    """Three layers of maxout (Goodfellow et al. 2013), each after batch normalization, of half and a quarter of the
    features, then of the labels; dropout before the second and the third."""

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        sizes = [input_size, input_size // 2, input_size // 4, output_size]
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in sizes[:-1])
        self.layers = nn.ModuleList(nn.Linear(own, POOL_SIZE * after) for own, after in pairwise(sizes))

    def forward(self, features_BD: torch.Tensor) -> torch.Tensor:
        """Maps `(B, input_size)` to `(B, output_size)`."""
        for number, (norm, layer) in enumerate(zip(self.norms, self.layers)):
            rate = self.dropout if number else 0.0
            inputs = F.dropout(norm(features_BD), rate, self.training)
            features_BD = layer(inputs).unflatten(-1, (-1, POOL_SIZE)).amax(dim=-1)
        return features_BD


# What takes the place of what in models of the process.
REPLACED = {"TaskInput": ReluInput, "Pooling": BiattentivePooling, "FeedForward": Maxout}


def main(script: str, *others: str) -> None:
    """Runs a script with the given arguments."""
    for name, layer in REPLACED.items():
        setattr(task_models, name, layer)
    sys.argv = [script, *others]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
