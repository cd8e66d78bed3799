# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Token embeddings remembered from batch to batch: they depend on nothing but the word.

The original tools could write the embeddings of a vocabulary to a file, and then knew no other words. Here a word that
is not remembered is encoded from its characters, as ever.

Dimensions: N words, C characters per word, P projection.
"""

import threading
from collections.abc import Callable, Iterable

import torch

from .fast_path_guards import fingerprint


# Token embeddings (N, P) of character ids (N, C), without gradients.
Encode = Callable[[torch.Tensor], torch.Tensor]


class WordCache:
    """Token embeddings by characters: those of a vocabulary, which stay, and a bounded number of others.

    When there is no room for more, all but the vocabulary are forgotten: words follow Zipf's law, and the frequent ones
    are soon back. When the weights change, everything is forgotten. Threads may share a cache.

    Args:
        max_new_words (`int`): How many words besides the vocabulary are remembered.
    """

    def __init__(self, max_new_words: int):
        self.max_new_words = max_new_words
        self._lock = threading.Lock()
        self._made_from: object = None
        self._vocabulary: dict[bytes, torch.Tensor] = {}
        self._new_words: dict[bytes, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self._vocabulary) + len(self._new_words)

    def __reduce__(self) -> tuple[type["WordCache"], tuple[int]]:
        # A copied or pickled model starts with nothing remembered.
        return WordCache, (self.max_new_words,)

    @torch.no_grad()
    def add_vocabulary(self, character_ids_NC: torch.Tensor, encode: Encode, weights: Iterable[torch.Tensor]) -> None:
        """Encodes words that are to be remembered for as long as the weights stay what they are."""
        made_from = fingerprint(*weights)
        vocabulary = dict(zip(_keys(character_ids_NC), encode(character_ids_NC).unbind()))
        with self._lock:
            self._forget_other_weights(made_from)
            self._vocabulary.update(vocabulary)

    @torch.no_grad()
    def embed(self, character_ids_NC: torch.Tensor, encode: Encode, weights: Iterable[torch.Tensor]) -> torch.Tensor:
        """Returns `encode(character_ids)`, in which only words that are not remembered are encoded."""
        made_from, keys = fingerprint(*weights), _keys(character_ids_NC)
        distinct = set(keys)
        with self._lock:
            self._forget_other_weights(made_from)
            stores = (self._vocabulary, self._new_words)
            embedding_of = {key: store[key] for store in stores for key in store.keys() & distinct}
        unknown = {key: position for position, key in enumerate(keys) if key not in embedding_of}
        if unknown:
            encoded = dict(zip(unknown, encode(character_ids_NC[list(unknown.values())]).unbind()))
            embedding_of.update(encoded)
            with self._lock:
                if made_from == self._made_from:
                    self._remember(encoded)
        return torch.stack([embedding_of[key] for key in keys])

    def _remember(self, encoded: dict[bytes, torch.Tensor]) -> None:
        if len(self._new_words) + len(encoded) > self.max_new_words:
            self._new_words = {}
        if len(encoded) <= self.max_new_words:
            self._new_words.update(encoded)

    def _forget_other_weights(self, made_from: object) -> None:
        if made_from != self._made_from:
            self._made_from, self._vocabulary, self._new_words = made_from, {}, {}


def _keys(character_ids_NC: torch.Tensor) -> list[bytes]:
    return [row.tobytes() for row in character_ids_NC.to("cpu", torch.int16).numpy()]
