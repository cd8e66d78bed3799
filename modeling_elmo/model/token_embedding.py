# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Token embeddings, layer 0 of the biLM: a character CNN, or a table for models that read words.

The character encoder (Peters et al. 2018, section 3.4; Kim et al. 2015), for one word of C character ids:

    e      = rows of the character embedding                        [C, E]
    f_w    = act(max over positions of (W_w * e + b_w))             one group of filters per width w
    x      = [f_1; f_2; ...]                                        [F]
    x      = g * relu(W_t x + b_t) + (1 - g) * x,                   once per highway layer
             g = sigmoid(W_g x + b_g)
    output = W_p x + b_p                                            [P], omitted where F = P

The maximum runs over all C positions: as in training, the padding characters after a word count. All windows that lie
in padding give the same value, so one of them is enough.

`ElmoCharacterEncoder.plain_forward` is these equations, for each word at its full length. `forward` encodes each
distinct word once, with no more padding than needed.

Dimensions: N words, D distinct words, C characters per word, E character embedding, F filters, P projection.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .caches import WordCache
from .characters import PAD_CHARACTER
from .configuration_elmo import ElmoConfig
from .fast_matmul import apply_linear, linear
from .fast_path_guards import fingerprint, is_as_made, is_replica, is_traced, settings_of, weights_of


# Words encoded per chunk without gradients: bounds the memory of a batch of any size.
CHUNK_WORDS = 512

# Training rounds the number of words and of characters up to multiples of these, so that matrix shapes recur: oneDNN
# compiles code for each new shape, and freed memory fits only shapes seen before.
WORD_BUCKET, CHARACTER_BUCKET = 128, 4


class ElmoCharacterEmbedding(nn.Embedding):
    """Character ids to vectors. Id 0 is for positions without a word: its row is zero and never trained."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.character_vocab_size, config.character_embedding_size, padding_idx=0)


class ElmoHighwayGate(nn.Linear):
    """The gate of a highway layer. A separate class, since its bias starts at -2: words first pass unchanged."""


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
            nn.Conv1d(config.character_embedding_size, num_filters, kernel_size=width)
            for width, num_filters in config.character_filters
        )
        self.activation = torch.relu if config.hidden_act == "relu" else torch.tanh
        size = config.num_character_filters
        self.highway_layers = nn.ModuleList(ElmoHighwayLayer(size) for _ in range(config.num_highway_layers))
        self.projection = nn.Linear(size, config.projection_size) if config.has_character_projection else None
        self.widest_filter = max(width for width, _ in config.character_filters)
        self.word_cache: WordCache | None = None

    def forward(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        if self.word_cache is None or not len(character_ids_NC) or not self._can_use_cache(character_ids_NC):
            return self._encode_distinct(character_ids_NC)
        return self.word_cache.embed(character_ids_NC, self._encode_distinct, self._cache_key())

    def encode_sorted(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        """Returns the embeddings `(N, P)` of distinct words sorted by length, computed in chunks, without the cache.

        A word's low bits depend on the other words of its chunk. The same words in the same order give the same bits,
        whatever was computed before.
        """
        return torch.cat([self._encode(self._trim(words)) for words in character_ids_NC.split(CHUNK_WORDS)])

    def cache_words(self, vocabulary_NC: torch.Tensor, max_new_words: int) -> None:
        """Caches these words, plus up to `max_new_words` others. No words and 0 disable the cache."""
        self.word_cache = None
        if len(vocabulary_NC) or max_new_words:
            cache = WordCache(max_new_words)
            cache.add_vocabulary(vocabulary_NC, self._encode_distinct, self._cache_key())
            self.word_cache = cache

    def _is_trained(self) -> bool:
        return torch.is_grad_enabled() and any(parameter.requires_grad for parameter in weights_of(self))

    def _can_use_cache(self, character_ids_NC: torch.Tensor) -> bool:
        """Whether embeddings need no gradients and depend only on words and weights, and not on autocast."""
        return not (
            self._is_trained()
            or is_replica(self)
            or is_traced(character_ids_NC)
            or torch.is_autocast_enabled(character_ids_NC.device.type)
        ) and is_as_made(self)

    def _cache_key(self) -> tuple[object, ...]:
        return settings_of(self), fingerprint(*self.parameters())

    def _encode_distinct(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        distinct_DC, occurrence_N = torch.unique(self._trim(character_ids_NC), dim=0, return_inverse=True)
        if not self._is_trained():
            embedding_DP = torch.cat([self._encode(words) for words in distinct_DC.split(CHUNK_WORDS)])
        else:
            # All activations are kept for the gradients: chunks would not save memory.
            num_fillers = -len(distinct_DC) % WORD_BUCKET
            embedding_DP = self._encode(torch.cat([distinct_DC, distinct_DC[:1].expand(num_fillers, -1)]))
        return embedding_DP.index_select(0, occurrence_N)

    def _trim(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        """Cuts off the padding that all words share, except for one window of the widest filter."""
        is_used_C = (character_ids_NC != PAD_CHARACTER).any(dim=0)
        positions = torch.arange(1, len(is_used_C) + 1, device=is_used_C.device)
        length = int((positions * is_used_C).max()) + self.widest_filter
        return character_ids_NC[:, : length + -length % CHARACTER_BUCKET]

    def _encode(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        characters_NCE = self.character_embedding(character_ids_NC)
        # Activations are monotonic, and C times cheaper after the maximum.
        features = [_max_over_windows(convolution, characters_NCE) for convolution in self.convolutions]
        embedding_NF = self.activation(torch.cat(features, dim=-1))
        for highway_layer in self.highway_layers:
            embedding_NF = highway_layer(embedding_NF)
        return embedding_NF if self.projection is None else apply_linear(self.projection, embedding_NF)

    def plain_forward(self, character_ids_NC: torch.Tensor) -> torch.Tensor:
        """The reference for `forward`: the equations, for each word at its full length."""
        characters_NEC = self.character_embedding(character_ids_NC).transpose(1, 2)
        filters = [tuple(group.parameters()) for group in self.convolutions]
        features = [F.conv1d(characters_NEC, weight, bias).amax(dim=-1) for weight, bias in filters]
        x_NF = self.activation(torch.cat(features, dim=-1))
        for layer in self.highway_layers:
            transform, gate = layer.children()
            gate_NF = torch.sigmoid(F.linear(x_NF, *gate.parameters()))
            x_NF = gate_NF * torch.relu(F.linear(x_NF, *transform.parameters())) + (1 - gate_NF) * x_NF
        return x_NF if self.projection is None else F.linear(x_NF, *self.projection.parameters())


def _max_over_windows(convolution: nn.Module, characters_NCE: torch.Tensor) -> torch.Tensor:
    """Returns the maximum `(N, n)` of one group of filters over all positions of a word."""
    if type(convolution) is not nn.Conv1d or not is_as_made(convolution):
        return convolution(characters_NCE.transpose(1, 2)).amax(dim=-1)
    # A matrix product with the windows of all words. With so few channels, it is several times faster than conv1d.
    windows_NLEW = characters_NCE.unfold(1, convolution.kernel_size[0], 1)
    values = linear(windows_NLEW.flatten(0, 1).flatten(1), convolution.weight.flatten(1), convolution.bias)
    return values.unflatten(0, windows_NLEW.shape[:2]).amax(dim=1)


class ElmoWordEmbedding(nn.Embedding):
    """Token embeddings of a model that reads words: word ids `[...]` -> `[..., P]`."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.vocab_size, config.projection_size)
