# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pools the words of a sentence into one vector: a whole batch at once, or a long sentence piece by piece.

Dimensions: B sentences, W positions, D = 2P, K kinds of vectors, n rows of a piece.
"""

import torch


POOLS = ("none", "mean", "max", "first-last")


def pool_words(layer_BWD: torch.Tensor, kept_BW: torch.Tensor, pool: str) -> torch.Tensor:
    """Returns one vector `(B, D)` per row of words `(B, W, D)`; zeros for a row without kept words."""
    values_BWD = layer_BWD.float()
    count_B1 = kept_BW.sum(1, keepdim=True)
    if pool == "mean":
        return (values_BWD * kept_BW.unsqueeze(-1)).sum(1) / count_B1.clamp(min=1)
    if pool == "max":
        max_BD = values_BWD.masked_fill(~kept_BW.unsqueeze(-1), -torch.inf).amax(1)
        return max_BD.where(count_B1 > 0, 0.0)
    index_B = torch.arange(len(kept_BW), device=kept_BW.device)
    first_B = kept_BW.int().argmax(1)
    last_B = (first_B + count_B1.squeeze(1) - 1).clamp(min=0)
    size = values_BWD.shape[-1] // 2
    both_BD = torch.cat([values_BWD[index_B, last_B, :size], values_BWD[index_B, first_B, size:]], dim=-1)
    return both_BD.where(count_B1 > 0, 0.0)


class RunningPool:
    """Pools rows that come in pieces, from the last piece of a sentence to the first."""

    def __init__(self, pool: str):
        self.pool = pool
        self.num_rows = 0
        self.pooled: torch.Tensor | None = None

    def add(self, piece_KND: torch.Tensor) -> None:
        """Adds rows `(K, n, D)`, which precede those added before."""
        if not piece_KND.shape[1]:
            return
        self.num_rows += piece_KND.shape[1]
        size = piece_KND.shape[2] // 2
        if self.pool == "first-last":
            if self.pooled is None:
                self.pooled = piece_KND[:, -1].clone()
            self.pooled[:, size:] = piece_KND[:, 0, size:]
        elif self.pool == "max":
            largest = piece_KND.amax(dim=1)
            self.pooled = largest if self.pooled is None else torch.maximum(self.pooled, largest)
        else:
            total = piece_KND.sum(dim=1, dtype=torch.float64)
            self.pooled = total if self.pooled is None else self.pooled + total

    def result(self, num_kinds: int, size: int) -> torch.Tensor:
        """Returns the vectors `(K, D)`, zeros if there were no rows."""
        if self.pooled is None:
            return torch.zeros((num_kinds, size))
        return (self.pooled / self.num_rows if self.pool == "mean" else self.pooled).cpu().float()


def pool_texts(rows_KND: torch.Tensor, counts: list[int], pool: str) -> torch.Tensor:
    """Returns the vectors `(K, S, D)` of S texts, which have these numbers of the rows `(K, N, D)`."""
    pooled = []
    for text_KND in rows_KND.split(counts, dim=1):
        pooling = RunningPool(pool)
        pooling.add(text_KND)
        pooled.append(pooling.result(len(rows_KND), rows_KND.shape[2]))
    return torch.stack(pooled, dim=1)
