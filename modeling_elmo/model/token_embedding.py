# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The character encoder: character ids of a word -> its context-independent token embedding.

Equations (Peters et al. 2018, section 3.4; Kim et al. 2015), for one word of C character ids:

    e      = rows of the character embedding                        [C, E]
    f_w    = act(max over positions of (W_w * e + b_w))             one group of filters per width w
    x      = [f_1; f_2; ...]                                        [F]
    x      = g * relu(W_t x + b_t) + (1 - g) * x,                   once per highway layer
             g = sigmoid(W_g x + b_g)
    output = W_p x + b_p                                            [P], left out where F = P

The maximum runs over all C positions: the padding characters after a word take part, as they did in training. But every
window that lies wholly in padding gives the same value, so that one such window is enough.

`ElmoCharacterEncoder.plain_forward` is the equations as they stand, for each word at its full length; `forward` encodes
each distinct word once, and no more of its padding than needed.

Dimensions: N words, D distinct words, C characters per word, E character embedding, F filters, P projection.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .characters import PAD_CHARACTER
from .configuration_elmo import ElmoConfig
from .fast_matmul import apply_linear, linear
from .fast_path_guards import has_hooks, is_replica, is_traced, weights_of
from .word_cache import WordCache


# Without gradients, so many words are encoded at a time: that bounds the memory of a batch of any size.
WORDS_AT_A_TIME = 512

# Training rounds the number of words and of characters up to multiples of these, so that most steps have matrices of
# shapes that were there before: oneDNN makes code for every new shape, and memory freed by one step fits the next. Else
# a process grows by gigabytes in a few hundred steps.
WORDS_OF_A_SHAPE, CHARACTERS_OF_A_SHAPE = 128, 4


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
        gate_NF = torch.sigmoid(apply_linear(self.gate, inputs_NF))
        return gate_NF * torch.relu(apply_linear(self.transform, inputs_NF)) + (1 - gate_NF) * inputs_NF


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
        self.widest_filter = max(width for width, _ in config.character_filters)
        self.word_cache: WordCache | None = None

    def forward(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        cache = self.word_cache
        if cache is None or not len(character_ids_NC) or self._is_trained() or not self._is_as_made(character_ids_NC):
            return self._encode_distinct(character_ids_NC)
        return cache.embed(character_ids_NC, self._encode_distinct, self.parameters())

    def encode_sorted(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        """Returns the embeddings `(N, P)` of distinct words sorted by length, computed in chunks, without the cache.

        A word's low bits depend on the words beside it in its chunk. A caller that gives the same words in the same
        order gets the same bits, whatever was computed before.
        """
        return torch.cat([self._encode(self._trim(words)) for words in character_ids_NC.split(WORDS_AT_A_TIME)])

    def cache_words(self, vocabulary_NC: torch.Tensor, max_new_words: int) -> None:
        """Remembers the embeddings of these words from now on, and of so many others; none at all if there are none."""
        self.word_cache = None
        if len(vocabulary_NC) or max_new_words:
            cache = WordCache(max_new_words)
            cache.add_vocabulary(vocabulary_NC, self._encode_distinct, self.parameters())
            self.word_cache = cache

    def _is_trained(self) -> bool:
        return torch.is_grad_enabled() and any(parameter.requires_grad for parameter in weights_of(self))

    def _is_as_made(self, character_ids_NC: torch.Tensor) -> bool:
        """Whether embeddings follow from words and weights alone: not from autocast, hooks, or wrapped layers."""
        return (
            not is_traced(character_ids_NC)
            and not is_replica(self)
            and not torch.is_autocast_enabled(character_ids_NC.device.type)
            and all(type(module) in OWN_LAYERS and not has_hooks(module) for module in self.modules())
        )

    def _encode_distinct(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        distinct_DC, occurrence_N = torch.unique(self._trim(character_ids_NC), dim=0, return_inverse=True)
        if not self._is_trained():
            embedding_DP = torch.cat([self._encode(words) for words in distinct_DC.split(WORDS_AT_A_TIME)])
        else:
            # With gradients all activations are kept in any case.
            missing = -len(distinct_DC) % WORDS_OF_A_SHAPE
            embedding_DP = self._encode(torch.cat([distinct_DC, distinct_DC[:1].expand(missing, -1)]))
        return embedding_DP.index_select(0, occurrence_N)

    def _trim(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        """Cuts off the padding that is common to all words, but for one window of the widest filter."""
        is_used_C = (character_ids_NC != PAD_CHARACTER).any(dim=0)
        positions = torch.arange(1, len(is_used_C) + 1, device=is_used_C.device)
        length = int((positions * is_used_C).max()) + self.widest_filter
        return character_ids_NC[:, : length + -length % CHARACTERS_OF_A_SHAPE]

    def _encode(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        characters_NCE = self.character_embedding(character_ids_NC)
        # Activations are monotonic: applied after the maximum, they cost C times less.
        features = [_most_over_windows(convolution, characters_NCE) for convolution in self.convolutions]
        embedding_NF = self.activation(torch.cat(features, dim=-1))
        for highway_layer in self.highway_layers:
            embedding_NF = highway_layer(embedding_NF)
        return embedding_NF if self.projection is None else apply_linear(self.projection, embedding_NF)

    def plain_forward(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        """The reference for `forward`: the equations, for each word by itself and at its full length."""
        characters_NEC = self.character_embedding(character_ids_NC).transpose(1, 2)
        filters = [tuple(group.parameters()) for group in self.convolutions]
        features = [F.conv1d(characters_NEC, weight, bias).amax(dim=-1) for weight, bias in filters]
        x_NF = self.activation(torch.cat(features, dim=-1))
        for layer in self.highway_layers:
            transform, gate = layer.children()
            gate_NF = torch.sigmoid(F.linear(x_NF, *gate.parameters()))
            x_NF = gate_NF * torch.relu(F.linear(x_NF, *transform.parameters())) + (1 - gate_NF) * x_NF
        return x_NF if self.projection is None else F.linear(x_NF, *self.projection.parameters())


def _most_over_windows(convolution: nn.Module, characters_NCE: torch.Tensor) -> torch.Tensor:
    """Returns the maximum `(N, n)` of one group of filters over all positions of a word."""
    if type(convolution) is not nn.Conv1d or has_hooks(convolution):
        return convolution(characters_NCE.transpose(1, 2)).amax(dim=-1)
    # As a product with the windows of all words: for so few channels, several times as fast as a convolution.
    windows_NLEW = characters_NCE.unfold(1, convolution.kernel_size[0], 1)
    values = linear(windows_NLEW.flatten(0, 1).flatten(1), convolution.weight.flatten(1), convolution.bias)
    return values.unflatten(0, windows_NLEW.shape[:2]).amax(dim=1)


# What an encoder is made of, unless somebody has put other layers in their place.
OWN_LAYERS = {
    *(ElmoCharacterEmbedding, ElmoCharacterEncoder, ElmoHighwayGate, ElmoHighwayLayer),
    *(nn.Conv1d, nn.Linear, nn.ModuleList),
}


class ElmoWordEmbedding(nn.Embedding):
    """Token embeddings of a model that reads words: word ids to `[..., P]`."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.vocab_size, config.projection_size)


__all__ = ["ElmoCharacterEncoder"]
