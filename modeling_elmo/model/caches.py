# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Caches of what a frozen biLM computes again and again: token embeddings of words, layers of whole sequences.

The original tools wrote both to files, the embeddings of a vocabulary and the layers of a data set, and could then read
nothing else. Here results are cached as they are computed; a miss is computed as usual. A cache is valid for one key,
which stands for everything that the results depend on besides the ids: with another key, all entries are dropped.

Dimensions: B batch, W words of a padded row, N words or tokens, I ids per word, S sequences, L layers, P
    projection.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

import torch

from .packing import Sequences


# Computes token embeddings (N, P) from ids (N, I), without gradients.
Encode = Callable[[torch.Tensor], torch.Tensor]

# Computes the layers, (B, W, 2P) each, of the real tokens of a mask (B, W), whose segments are given by ids (B, W).
ComputeLayers = Callable[[torch.Tensor, torch.Tensor], Iterable[torch.Tensor]]

# Memory overhead of a small tensor.
TENSOR_OVERHEAD = 400


class _Cache:
    """Entries for one key, within a limit. Threads may share it."""

    def __init__(self, limit: int):
        self.limit = limit
        self._lock = threading.Lock()
        self._key: object = None
        self._clear()

    def __reduce__(self) -> tuple[type["_Cache"], tuple[int]]:
        # A copied or pickled model starts with an empty cache.
        return type(self), (self.limit,)

    def _use(self, key: object) -> None:
        if key != self._key:
            self._key = key
            self._clear()

    def _clear(self) -> None:
        raise NotImplementedError


class WordCache(_Cache):
    """Token embeddings by ids: those of a vocabulary, which stay, and up to `limit` new words.

    When the limit is reached, all new words are dropped: by Zipf's law, the frequent ones soon return.
    """

    def _clear(self) -> None:
        self._vocabulary: dict[bytes, torch.Tensor] = {}
        self._new_words: dict[bytes, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self._vocabulary) + len(self._new_words)

    @torch.no_grad()
    def add_vocabulary(self, ids_NI: torch.Tensor, encode: Encode, key: object) -> None:
        """Encodes words that are to stay for as long as the key is the same."""
        vocabulary = dict(zip(_word_keys(ids_NI), encode(ids_NI).unbind()))
        with self._lock:
            self._use(key)
            self._vocabulary.update(vocabulary)

    @torch.no_grad()
    def embed(self, ids_NI: torch.Tensor, encode: Encode, key: object) -> torch.Tensor:
        """Returns `encode(character_ids)`, encoding only words that are not cached."""
        words = _word_keys(ids_NI)
        distinct = set(words)
        with self._lock:
            self._use(key)
            stores = (self._vocabulary, self._new_words)
            embedding_of = {word: store[word] for store in stores for word in store.keys() & distinct}
        missing = {word: index for index, word in enumerate(words) if word not in embedding_of}
        if missing:
            encoded = dict(zip(missing, encode(ids_NI[list(missing.values())]).unbind()))
            embedding_of.update(encoded)
            with self._lock:
                # Another thread may have changed the key since.
                if key == self._key:
                    self._add_new_words(encoded)
        return torch.stack([embedding_of[word] for word in words])

    def _add_new_words(self, encoded: dict[bytes, torch.Tensor]) -> None:
        if len(self._new_words) + len(encoded) > self.limit:
            self._new_words = {}
        if len(encoded) <= self.limit:
            self._new_words.update(encoded)


class TextCache(_Cache):
    """The biLM's layers of sequences by their ids, in up to `limit` bytes on its device.

    Once the cache is full, further sequences are recomputed: evicting would gain nothing, since every sequence returns
    once per epoch.
    """

    def _clear(self) -> None:
        self.num_bytes = 0
        # L+1 tensors (N, 2P) of each sequence.
        self._layers: dict[bytes, list[torch.Tensor]] = {}

    def __len__(self) -> int:
        return len(self._layers)

    def layers(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        sequences: Sequences,
        compute: ComputeLayers,
        num_layers: int,
        key: object,
    ) -> Iterator[torch.Tensor]:
        """Yields the layers `(B, W, 2P)` of a batch, zero outside the mask, computing only sequences not cached.

        `ids` are `(B, W)` or `(B, W, I)`; `sequences`, at least one, are those of `mask` `(B, W)`.
        `compute` yields `num_layers` layers, layer 0 included, without gradients, which depend on `key` and ids only.
        """
        lengths = sequences.length.tolist()
        positions = sequences.position.split(lengths)
        names = _sequence_keys(ids.flatten(0, 1).index_select(0, sequences.position), lengths)
        with self._lock:
            self._use(key)
            cached = {name: self._layers[name] for name in names if name in self._layers}
        # A sequence that occurs twice is computed at its first occurrence.
        computed: dict[bytes, int] = {}
        for index, name in enumerate(names):
            if name not in cached:
                computed.setdefault(name, index)
        reused = [(name, positions[index]) for index, name in enumerate(names) if computed.get(name) != index]
        reused_positions = torch.cat([position for _, position in reused]) if reused else None
        if computed:
            layers = iter(compute(*_select(list(computed.values()), sequences, mask)))
        else:
            layers = (words_ND.new_zeros(*mask.shape, words_ND.shape[-1]) for words_ND in cached[names[0]])

        new: dict[bytes, list[torch.Tensor]] = {}
        for layer_index, layer in enumerate(layers):
            words_XD = layer.flatten(0, 1)
            if layer_index == 0:
                new = {name: [] for name in self._names_that_fit(computed, lengths, num_layers, layer)}
            for name, of_sequence in new.items():
                of_sequence.append(words_XD.index_select(0, positions[computed[name]]))
            if layer_index == num_layers - 1:
                self._add(new, key)
            if reused_positions is not None:
                words_ND = torch.cat(
                    [
                        cached[name][layer_index]
                        if name in cached
                        else words_XD.index_select(0, positions[computed[name]])
                        for name, _ in reused
                    ]
                )
                layer = words_XD.index_copy(0, reused_positions, words_ND).unflatten(0, mask.shape)
            yield layer

    def _names_that_fit(
        self, computed: dict[bytes, int], lengths: list[int], num_layers: int, layer: torch.Tensor
    ) -> list[bytes]:
        """Returns the computed sequences that still fit into the cache, if all layers are like this one."""
        room, names = self.limit - self.num_bytes, []
        for name, index in computed.items():
            room -= num_layers * (lengths[index] * layer.shape[-1] * layer.itemsize + TENSOR_OVERHEAD)
            if room < 0:
                break
            names.append(name)
        return names

    def _add(self, new: dict[bytes, list[torch.Tensor]], key: object) -> None:
        with self._lock:
            # Another thread may have changed the key, or filled the cache, since.
            if key != self._key:
                return
            for name, layers in new.items():
                num_bytes = sum(words_ND.nbytes + TENSOR_OVERHEAD for words_ND in layers)
                if name not in self._layers and self.num_bytes + num_bytes <= self.limit:
                    self._layers[name] = layers
                    self.num_bytes += num_bytes


def _select(chosen: list[int], sequences: Sequences, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a mask of the chosen sequences, and segment ids of all: the neighbours of a gap must not be joined."""
    is_chosen_S = torch.zeros_like(sequences.row, dtype=torch.bool)
    is_chosen_S[chosen] = True
    chosen_mask, segments = mask.new_zeros(mask.numel()), sequences.index.new_zeros(mask.numel())
    chosen_mask[sequences.position] = is_chosen_S[sequences.index]
    segments[sequences.position] = sequences.index
    return chosen_mask.view(mask.shape), segments.view(mask.shape)


def _word_keys(ids_NI: torch.Tensor) -> list[bytes]:
    return [row.tobytes() for row in ids_NI.to("cpu", torch.int32).numpy()]


def _sequence_keys(ids_N: torch.Tensor, lengths: list[int]) -> list[bytes]:
    # Digests: the ids themselves would take more memory than the vectors of a small model.
    sequences = ids_N.to("cpu", torch.int32).split(lengths)
    return [blake2b(ids.numpy().tobytes(), digest_size=16).digest() for ids in sequences]
