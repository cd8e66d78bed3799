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

A model that reads characters and words has a word table too, whose row precedes x in the projection: W_p [w; x] + b_p.
The maximum runs over all C positions: as in training, the padding characters after a word count. All windows that lie
in padding give the same value, so one of them is enough.

`ElmoCharacterEncoder.plain_forward` is these equations, for each word at its full length. `forward` encodes each
distinct word once, with no more padding than needed.

Dimensions: N words, D distinct words, C characters per word, I ids per word, E character embedding, F filters, P
    projection. I is C, or C + 1 with the word id, which comes first.
"""

import torch
from torch import nn

from .caches import WordCache
from .characters import PAD_POSITION
from .configuration_elmo import ElmoConfig
from .fast_matmul import apply_linear, linear
from .fast_path_guards import fingerprint, is_as_made, is_replica, is_traced, settings_of, weights_of
from .int8_weights import scales_of


# Words encoded per chunk without gradients: bounds the memory of a batch of any size.
CHUNK_WORDS = 512

# Training rounds the number of words and of characters up to multiples of these, so that matrix shapes recur: oneDNN
# compiles code for each new shape, and freed memory fits only shapes seen before.
WORD_BUCKET, CHARACTER_BUCKET = 128, 4


class ElmoCharacterEmbedding(nn.Embedding):
    """Character ids to vectors. Id 0 is for positions without a word: its row is zero and never trained."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.character_vocab_size, config.character_embedding_size, padding_idx=PAD_POSITION)


class ElmoWordEmbedding(nn.Embedding):
    """The table of a model that reads words: word ids `[...]` -> `[..., D]`.

    If the model reads nothing else, this is the token embedding `[..., P]`: D is P, or a projection follows.
    """

    def __init__(self, config: ElmoConfig):
        super().__init__(config.vocab_size, config.word_row_size)
        is_projected = config.token_input == "words" and config.word_embedding_size is not None
        self.projection = nn.Linear(config.word_row_size, config.projection_size) if is_projected else None

    def forward(self, word_ids: torch.Tensor) -> torch.Tensor:
        _check_no_noise(self)
        rows = super().forward(word_ids)
        return rows if self.projection is None else apply_linear(self.projection, rows)


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
    """Character CNN, highway layers and projection: ids `[N, I]` (int64) -> token embeddings `[N, P]`."""

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
        self.word_embedding = ElmoWordEmbedding(config) if config.reads_words else None
        is_projected, size = config.has_character_projection, config.character_features
        self.projection = nn.Linear(size, config.projection_size) if is_projected else None
        self.first_character = int(config.reads_words)
        self.pad_character_id = config.pad_character_id
        self.widest_filter = max(width for width, _ in config.character_filters)
        self.word_cache: WordCache | None = None

    def forward(self, ids_NI: torch.Tensor) -> torch.Tensor:
        _check_no_noise(self)
        if torch.compiler.is_compiling():
            # A graph does not know how many words are distinct, or how long they are.
            return self.plain_forward(ids_NI)
        if self.word_cache is None or not len(ids_NI) or not self._can_use_cache(ids_NI):
            return self._encode_distinct(ids_NI)
        return self.word_cache.embed(ids_NI, self._encode_distinct, self._cache_key())

    def encode_sorted(self, ids_NI: torch.Tensor) -> torch.Tensor:
        """Returns the embeddings `(N, P)` of distinct words sorted by length, computed in chunks, without the cache.

        A word's low bits depend on the other words of its chunk. The same words in the same order give the same bits,
        whatever was computed before.
        """
        return torch.cat([self._encode(self._trim(words)) for words in ids_NI.split(CHUNK_WORDS)])

    def cache_words(self, vocabulary_NI: torch.Tensor, max_new_words: int) -> None:
        """Caches these words, plus up to `max_new_words` others. No words and 0 disable the cache."""
        self.word_cache = None
        if len(vocabulary_NI) or max_new_words:
            cache = WordCache(max_new_words)
            cache.add_vocabulary(vocabulary_NI, self._encode_distinct, self._cache_key())
            self.word_cache = cache

    def _is_trained(self) -> bool:
        return torch.is_grad_enabled() and any(parameter.requires_grad for parameter in weights_of(self))

    def _can_use_cache(self, ids_NI: torch.Tensor) -> bool:
        """Whether embeddings need no gradients and depend only on words and weights, and not on autocast."""
        return not (
            self._is_trained() or is_replica(self) or is_traced(ids_NI) or torch.is_autocast_enabled(ids_NI.device.type)
        ) and is_as_made(self)

    def _cache_key(self) -> tuple[object, ...]:
        return settings_of(self), fingerprint(*self.parameters(), *scales_of(self))

    def _encode_distinct(self, ids_NI: torch.Tensor) -> torch.Tensor:
        distinct_DI, occurrence_N = torch.unique(self._trim(ids_NI), dim=0, return_inverse=True)
        if not self._is_trained():
            embedding_DP = torch.cat([self._encode(words) for words in distinct_DI.split(CHUNK_WORDS)])
        else:
            # All activations are kept for the gradients: chunks would not save memory.
            num_fillers = -len(distinct_DI) % WORD_BUCKET
            embedding_DP = self._encode(torch.cat([distinct_DI, distinct_DI[:1].expand(num_fillers, -1)]))
        return embedding_DP.index_select(0, occurrence_N)

    def _trim(self, ids_NI: torch.Tensor) -> torch.Tensor:
        """Cuts off the padding that all words share, except for one window of the widest filter."""
        is_used_C = (ids_NI[:, self.first_character :] != self.pad_character_id).any(dim=0)
        positions = torch.arange(1, len(is_used_C) + 1, device=is_used_C.device)
        length = int((positions * is_used_C).max()) + self.widest_filter
        return ids_NI[:, : self.first_character + length + -length % CHARACTER_BUCKET]

    def _encode(self, ids_NI: torch.Tensor) -> torch.Tensor:
        characters_NCE = self.character_embedding(ids_NI[:, self.first_character :])
        # Activations are monotonic, and C times cheaper after the maximum.
        features = [_max_over_windows(convolution, characters_NCE) for convolution in self.convolutions]
        embedding_NF = self.activation(torch.cat(features, dim=-1))
        for highway_layer in self.highway_layers:
            embedding_NF = highway_layer(embedding_NF)
        if self.word_embedding is not None:
            embedding_NF = torch.cat([self.word_embedding(ids_NI[:, 0]), embedding_NF], dim=-1)
        return embedding_NF if self.projection is None else apply_linear(self.projection, embedding_NF)

    def plain_forward(self, ids_NI: torch.Tensor) -> torch.Tensor:
        """The reference for `forward`: the equations, for each word at its full length."""
        characters_NEC = self.character_embedding(ids_NI[:, self.first_character :]).transpose(1, 2)
        features = [convolution(characters_NEC).amax(dim=-1) for convolution in self.convolutions]
        x_NF = self.activation(torch.cat(features, dim=-1))
        for layer in self.highway_layers:
            transform, gate = layer.children()
            gate_NF = torch.sigmoid(gate(x_NF))
            x_NF = gate_NF * torch.relu(transform(x_NF)) + (1 - gate_NF) * x_NF
        if self.word_embedding is not None:
            x_NF = torch.cat([self.word_embedding(ids_NI[:, 0]), x_NF], dim=-1)
        return x_NF if self.projection is None else self.projection(x_NF)


def _check_no_noise(embedding: nn.Module) -> None:
    # The noise is added by a hook, after `forward`.
    if getattr(embedding, "neftune_noise_alpha", None) is not None:
        raise ValueError(
            "neftune_noise_alpha: expected None, since NEFTune adds noise to the embeddings of padded rows, and ELMo "
            "has one row per word; use lstm_dropout and task_dropout"
        )


def _max_over_windows(convolution: nn.Module, characters_NCE: torch.Tensor) -> torch.Tensor:
    """Returns the maximum `(N, n)` of one group of filters over all positions of a word."""
    if type(convolution) is not nn.Conv1d or not is_as_made(convolution):
        return convolution(characters_NCE.transpose(1, 2)).amax(dim=-1)
    # A matrix product with the windows of all words. With so few channels, it is several times faster than conv1d.
    windows_NLEW = characters_NCE.unfold(1, convolution.kernel_size[0], 1)
    values = linear(windows_NLEW.flatten(0, 1).flatten(1), convolution.weight.flatten(1), convolution.bias)
    return values.unflatten(0, windows_NLEW.shape[:2]).amax(dim=1)
