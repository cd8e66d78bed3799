# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The character encoder: character ids of a word -> its context-independent token embedding.

Equations (Peters et al. 2018, section 3.4; Kim et al. 2015), for one word of C character ids:

    e      = rows of the character embedding                        [C, E]
    f_w    = act(max over positions of (W_w * e + b_w))             one group of filters per width w
    x      = [f_1; f_2; ...]                                        [F]
    x      = g * relu(W_t x + b_t) + (1 - g) * x,                   once per highway layer
             g = sigmoid(W_g x + b_g)
    output = W_p x + b_p                                            [P], left out where F = P

The maximum runs over all C positions: the padding characters after a word take part, as they did in training.

Dimensions: N words, C characters per word, E character embedding, F filters, P projection.
"""

import torch
from torch import nn

from .configuration_elmo import ElmoConfig


class ElmoCharacterEmbedding(nn.Embedding):
    """Character ids to vectors. Id 0 pads positions without a word; its row is zero and is never trained."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.character_vocab_size, config.character_embedding_size, padding_idx=0)


class ElmoHighwayGate(nn.Linear):
    """The gate of a highway layer: a class of its own, since its bias starts at -2 (words pass unchanged at first)."""


class ElmoHighwayLayer(nn.Module):
    """One highway layer (Srivastava et al. 2015): `[N, F] -> [N, F]`."""

    def __init__(self, size: int):
        super().__init__()
        self.transform = nn.Linear(size, size)
        self.gate = ElmoHighwayGate(size, size)

    def forward(self, inputs_NF: torch.Tensor) -> torch.Tensor:
        gate_NF = torch.sigmoid(self.gate(inputs_NF))
        return gate_NF * torch.relu(self.transform(inputs_NF)) + (1 - gate_NF) * inputs_NF


class ElmoCharacterEncoder(nn.Module):
    """Character CNN, highway layers and projection: character ids `[N, C]` (int64) -> token embeddings `[N, P]`."""

    def __init__(self, config: ElmoConfig):
        super().__init__()
        self.character_embedding = ElmoCharacterEmbedding(config)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.character_embedding_size, number, kernel_size=width)
            for width, number in config.character_filters
        )
        self.activation = torch.relu if config.hidden_act == "relu" else torch.tanh
        size = config.num_character_filters
        self.highway_layers = nn.ModuleList(ElmoHighwayLayer(size) for _ in range(config.num_highway_layers))
        self.projection = nn.Linear(size, config.projection_size) if config.has_character_projection else None

    def forward(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        characters_NEC = self.character_embedding(character_ids_NC).transpose(1, 2)
        # Activations are monotonic: applied after the maximum, they cost C times less.
        features = [convolution(characters_NEC).amax(dim=-1) for convolution in self.convolutions]
        embedding_NF = self.activation(torch.cat(features, dim=-1))
        for highway_layer in self.highway_layers:
            embedding_NF = highway_layer(embedding_NF)
        return embedding_NF if self.projection is None else self.projection(embedding_NF)


__all__ = ["ElmoCharacterEncoder"]
