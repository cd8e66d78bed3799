# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The biLM's layers remembered from epoch to epoch: a frozen biLM gives a sequence the same vectors every time.

The original tools wrote the layers of a data set to a file, and trained on the file. Here they are remembered as they
come by, and what is not remembered is computed, as ever.

Dimensions: B batch, W words of a padded row, N tokens, L layers, P projection.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

import torch

from .packing import Sequences


# The layers, each (B, W, 2P), of the real tokens of a mask (B, W), whose sequences are told apart by numbers (B, W).
ComputeLayers = Callable[[torch.Tensor, torch.Tensor], Iterable[torch.Tensor]]

# What a small tensor takes in memory beside its numbers.
BYTES_OF_TENSOR = 400


class TextCache:
    """Layers of sequences by their ids, in bounded memory.

    When there is no room for more, what is remembered stays and other sequences are computed each time: to forget one
    that comes again in the next epoch, for another that does so too, would gain nothing. When what the layers are made
    from changes, everything is forgotten. Threads may share a cache.

    Args:
        max_bytes (`int`): The memory, on the device of the biLM.
    """

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self._lock = threading.Lock()
        self._made_from: object = None
        # L+1 tensors (N, 2P) of each sequence.
        self._layers: dict[bytes, list[torch.Tensor]] = {}

    def __len__(self) -> int:
        return len(self._layers)

    def __reduce__(self) -> tuple[type["TextCache"], tuple[int]]:
        # A copied or pickled model starts with nothing remembered.
        return TextCache, (self.max_bytes,)

    def layers(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        sequences: Sequences,
        compute: ComputeLayers,
        num_layers: int,
        made_from: object,
    ) -> Iterator[torch.Tensor]:
        """Yields the layers of a batch, for which only sequences that are not remembered are computed.

        Args:
            ids (`torch.LongTensor` of shape `(B, W)` or `(B, W, C)`): What the sequences consist of.
            mask (`torch.Tensor` of shape `(B, W)`): True at real tokens.
            sequences (`Sequences`): Those of the mask; one at least.
            compute (`ComputeLayers`): The biLM, without gradients.
            num_layers (`int`): How many layers it gives, layer 0 among them.
            made_from (`object`): Equal for as long as it gives the same layers.

        Returns:
            Tensors `(B, W, 2P)`, zero outside the mask.
        """
        lengths = sequences.length.tolist()
        position_of = sequences.position.split(lengths)
        keys = _keys(ids.flatten(0, 1).index_select(0, sequences.position), lengths)
        known = self._known(keys, made_from)
        # Of sequences that come twice, the first is computed.
        computed: dict[bytes, int] = {}
        for number, key in enumerate(keys):
            if key not in known:
                computed.setdefault(key, number)
        put_in = [(key, position_of[number]) for number, key in enumerate(keys) if computed.get(key) != number]
        put_at = torch.cat([position for _, position in put_in]) if put_in else None
        if computed:
            layers = iter(compute(*_only(list(computed.values()), sequences, mask)))
        else:
            layers = (words_ND.new_zeros(*mask.shape, words_ND.shape[-1]) for words_ND in known[keys[0]])

        new: dict[bytes, list[torch.Tensor]] = {}
        for index, layer in enumerate(layers):
            words_XD = layer.flatten(0, 1)
            if index == 0:
                new = {key: [] for key in self._with_room(computed, lengths, num_layers, layer)}
            for key, words in new.items():
                words.append(words_XD.index_select(0, position_of[computed[key]]))
            if index == num_layers - 1:
                self._remember(new, made_from)
            if put_at is not None:
                words_ND = torch.cat(
                    [
                        known[key][index] if key in known else words_XD.index_select(0, position_of[computed[key]])
                        for key, _ in put_in
                    ]
                )
                layer = words_XD.index_copy(0, put_at, words_ND).unflatten(0, mask.shape)
            yield layer

    def _known(self, keys: list[bytes], made_from: object) -> dict[bytes, list[torch.Tensor]]:
        with self._lock:
            if made_from != self._made_from:
                self._made_from, self._layers, self.num_bytes = made_from, {}, 0
            return {key: self._layers[key] for key in keys if key in self._layers}

    def _with_room(
        self, computed: dict[bytes, int], lengths: list[int], num_layers: int, layer: torch.Tensor
    ) -> list[bytes]:
        """Returns which of the computed sequences there is room for, if all layers are like this one."""
        room, fitting = self.max_bytes - self.num_bytes, []
        for key, number in computed.items():
            room -= num_layers * (lengths[number] * layer.shape[-1] * layer.itemsize + BYTES_OF_TENSOR)
            if room < 0:
                break
            fitting.append(key)
        return fitting

    def _remember(self, new: dict[bytes, list[torch.Tensor]], made_from: object) -> None:
        with self._lock:
            # Another thread may have been here since.
            if made_from != self._made_from:
                return
            for key, words in new.items():
                num_bytes = sum(words_ND.nbytes + BYTES_OF_TENSOR for words_ND in words)
                if key not in self._layers and self.num_bytes + num_bytes <= self.max_bytes:
                    self._layers[key] = words
                    self.num_bytes += num_bytes


def _only(numbers: list[int], sequences: Sequences, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a mask of some of the sequences, and the numbers of all: neighbours of one left out must not be one."""
    is_wanted_S = torch.zeros_like(sequences.row, dtype=torch.bool)
    is_wanted_S[numbers] = True
    wanted, number = mask.new_zeros(mask.numel()), sequences.number.new_zeros(mask.numel())
    wanted[sequences.position] = is_wanted_S[sequences.number]
    number[sequences.position] = sequences.number
    return wanted.view(mask.shape), number.view(mask.shape)


def _keys(ids_N: torch.Tensor, lengths: list[int]) -> list[bytes]:
    # Ids themselves would take more memory than the vectors of a small model.
    sequences = ids_N.to("cpu", torch.int32).split(lengths)
    return [blake2b(ids.numpy().tobytes(), digest_size=16).digest() for ids in sequences]


__all__ = ["TextCache"]
