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
"""The biLM's layers remembered from epoch to epoch: a frozen biLM gives a sequence the same vectors every time.

The original tools wrote the layers of a data set to a file, and trained on the file. Here they are remembered as they
come by, and what is not remembered is computed, as ever.

Dimensions: B batch, W words of a padded row, N real tokens, S sequences, L layers, P projection.
"""

import threading
from collections.abc import Callable, Iterable

import torch

from .projected_lstm import Sequences


# The layers, each (B, W, 2P), of the real tokens of a mask (B, W), whose sequences are told apart by numbers (B, W).
ComputeLayers = Callable[[torch.Tensor, torch.Tensor], Iterable[torch.Tensor]]


class TextCache:
    """Layers of sequences by their ids, in bounded memory.

    When there is no room for more, what is remembered stays and other sequences are computed each time: in every epoch
    each comes once, so that to forget one for another would gain nothing. When what the layers are made from changes,
    everything is forgotten. Threads may share a cache.

    Args:
        max_bytes (`int`): The memory for layers; some 200 bytes a word for the ids and the bookkeeping come to it.
    """

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self._lock = threading.Lock()
        self._made_from: object = None
        self._layers: dict[bytes, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self._layers)

    def __reduce__(self) -> tuple[type["TextCache"], tuple[int]]:
        # A copied or pickled model starts with nothing remembered.
        return TextCache, (self.max_bytes,)

    @torch.no_grad()
    def layers(
        self, ids: torch.Tensor, mask: torch.Tensor, sequences: Sequences, compute: ComputeLayers, made_from: object
    ) -> tuple[torch.Tensor, ...]:
        """Returns the layers of a batch, in which only sequences that are not remembered are computed.

        Args:
            ids (`torch.LongTensor` of shape `(B, W)` or `(B, W, C)`): What the sequences consist of.
            mask (`torch.Tensor` of shape `(B, W)`): True at real tokens.
            sequences (`Sequences`): Those of the mask; one at least.
            compute (`ComputeLayers`): The biLM.
            made_from (`object`): Equal for as long as `compute` gives the same layers.

        Returns:
            L+1 tensors `(B, W, 2P)`, zero outside the mask.
        """
        keys = _keys(ids.flatten(0, 1).index_select(0, sequences.position), sequences.length.tolist())
        with self._lock:
            if made_from != self._made_from:
                self._made_from, self._layers, self.num_bytes = made_from, {}, 0
            layers_of = {key: self._layers[key] for key in self._layers.keys() & set(keys)}
        unknown: dict[bytes, int] = {}
        for number, key in enumerate(keys):
            if key not in layers_of:
                unknown.setdefault(key, number)
        if unknown:
            computed = _compute_some(list(unknown.values()), sequences, mask, compute)
            layers_of.update(zip(unknown, computed))
            with self._lock:
                if made_from == self._made_from:
                    self._remember(zip(unknown, computed))
        words_LND = torch.cat([layers_of[key] for key in keys], dim=1)
        layers = words_LND.new_zeros(len(words_LND), mask.numel(), words_LND.shape[-1])
        return layers.index_copy_(1, sequences.position, words_LND).unflatten(1, mask.shape).unbind()

    def _remember(self, computed: Iterable[tuple[bytes, torch.Tensor]]) -> None:
        for key, layers_LND in computed:
            if key not in self._layers and self.num_bytes + layers_LND.nbytes <= self.max_bytes:
                # A copy: a view would hold the whole batch in memory.
                self._layers[key] = layers_LND.clone()
                self.num_bytes += layers_LND.nbytes


def _compute_some(
    numbers: list[int], sequences: Sequences, mask: torch.Tensor, compute: ComputeLayers
) -> tuple[torch.Tensor, ...]:
    """Returns the layers `(L+1, N, 2P)` of each of some sequences, by their numbers, which rise."""
    is_wanted_S = torch.zeros_like(sequences.row, dtype=torch.bool)
    is_wanted_S[numbers] = True
    position = sequences.position[is_wanted_S[sequences.number]]
    wanted = torch.zeros_like(mask).flatten().index_fill_(0, position, True).view(mask.shape)
    # Neighbours of one that is left out must not become one.
    number = torch.zeros_like(mask, dtype=torch.long).flatten().index_copy_(0, sequences.position, sequences.number)
    layers = compute(wanted, number.view(mask.shape))
    words_LND = torch.stack([layer.flatten(0, 1).index_select(0, position) for layer in layers])
    return words_LND.split(sequences.length[numbers].tolist(), dim=1)


def _keys(ids_N: torch.Tensor, lengths: list[int]) -> list[bytes]:
    ids = ids_N.to("cpu", torch.int16 if ids_N.ndim > 1 else torch.int32)
    return [sequence.numpy().tobytes() for sequence in ids.split(lengths)]


__all__ = ["TextCache"]
