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
import numpy as np
import pytest
import torch

from modeling_elmo.character_encoder import ElmoCharacterEncoder
from modeling_elmo.tokenization_elmo import encode_characters


def test_padding_character_takes_part_in_the_maximum(tiny_config):
    # One filter of width 1 that answers only to the padding character (id 261).
    config = tiny_config(
        character_filters=[[1, 1]], character_embedding_size=1, projection_size=1, num_highway_layers=0
    )
    encoder = ElmoCharacterEncoder(config)
    with torch.no_grad():
        encoder.character_embedding.weight.fill_(-1.0)
        encoder.character_embedding.weight[261] = 2.0
        encoder.convolutions[0].weight.fill_(1.0)
        encoder.convolutions[0].bias.zero_()
    words = torch.from_numpy(encode_characters(["a", "a" * 48], 50))
    assert encoder(words).squeeze(1).tolist() == [2.0, 0.0]


@pytest.mark.parametrize(("projection_size", "has_projection"), [(6, False), (4, True)])
def test_projects_only_where_sizes_differ(tiny_config, projection_size, has_projection):
    config = tiny_config(character_filters=[[1, 2], [2, 4]], projection_size=projection_size)
    encoder = ElmoCharacterEncoder(config)
    assert (encoder.projection is not None) == has_projection
    assert encoder(torch.from_numpy(encode_characters(["word"], 50))).shape == (1, projection_size)


@pytest.mark.parametrize("hidden_act", ["relu", "tanh"])
def test_activation_bounds_features_without_highway_and_projection(tiny_config, hidden_act):
    config = tiny_config(
        character_filters=[[2, 4]], num_highway_layers=0, projection_size=4, hidden_act=hidden_act, cell_size=6
    )
    encoder = ElmoCharacterEncoder(config)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=5.0)
        features = encoder(torch.from_numpy(encode_characters(["some", "words", "here"], 50)))
    low, high = (0.0, np.inf) if hidden_act == "relu" else (-1.0, 1.0)
    assert low <= features.min() <= features.max() <= high


def test_row_of_padding_positions_is_never_trained(tiny_config):
    encoder = ElmoCharacterEncoder(tiny_config())
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    encoder(torch.zeros(3, 50, dtype=torch.long)).sum().backward()
    assert encoder.character_embedding.weight.grad[0].abs().sum() == 0


def test_no_words_give_no_embeddings(tiny_config):
    assert ElmoCharacterEncoder(tiny_config())(torch.zeros(0, 50, dtype=torch.long)).shape == (0, 4)
