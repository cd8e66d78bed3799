# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How coreference is scored: MUC, B³, CEAFe and the mean of their F1, as the scorer of CoNLL-2012 does.

Pradhan et al. 2014, "Scoring Coreference Partitions of Predicted Mentions: A Reference Implementation", has the
formulas. Numerators and denominators are summed over documents.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


# A cluster has its mentions, each in one cluster.
Cluster = frozenset[Hashable]

# Numerator and denominator of recall.
Ratio = tuple[float, float]


def muc_recall(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> Ratio:
    """Links that join a gold cluster, less those that are missing because its mentions are in several parts."""
    cluster_of = {mention: number for number, cluster in enumerate(predicted) for mention in cluster}
    right = total = 0
    for cluster in gold:
        found = [cluster_of[mention] for mention in cluster if mention in cluster_of]
        num_parts = len(set(found)) + len(cluster) - len(found)
        right += len(cluster) - num_parts
        total += len(cluster) - 1
    return right, total


def b_cubed_recall(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> Ratio:
    """For each gold mention, the share of its cluster that it is predicted with."""
    right = sum(len(one & other) ** 2 / len(one) for one in gold for other in predicted)
    return right, sum(map(len, gold))


def ceaf_e_recall(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> Ratio:
    """The similarity of gold and predicted clusters, of which each is paired with at most one other."""
    similarity = [[2 * len(one & other) / (len(one) + len(other)) for other in predicted] for one in gold]
    matrix = np.array(similarity, dtype=float).reshape(len(gold), len(predicted))
    return float(matrix[linear_sum_assignment(matrix, maximize=True)].sum()), len(gold)


def mention_recall(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> Ratio:
    """Gold mentions that are in some cluster."""
    mentions, found = (frozenset[Hashable]().union(*clusters) for clusters in (gold, predicted))
    return len(mentions & found), len(mentions)


METRICS: dict[str, Callable[[Sequence[Cluster], Sequence[Cluster]], Ratio]] = {
    "muc": muc_recall,
    "b_cubed": b_cubed_recall,
    "ceaf_e": ceaf_e_recall,
    "mention": mention_recall,
}
AVERAGED = ("muc", "b_cubed", "ceaf_e")


def coreference_metrics(
    gold: Iterable[Iterable[Iterable[Hashable]]], predicted: Iterable[Iterable[Iterable[Hashable]]]
) -> dict[str, float]:
    """Scores the clusters of documents. Mentions are right if they are equal, such as `(first word, last word)`.

    Args:
        gold (`Iterable`): For each document, the mentions of each right cluster.
        predicted (`Iterable`): Those that a model has found.

    Returns:
        `conll_f1`, the mean of three F1; `_precision`, `_recall` and `_f1` of `muc`, `b_cubed`, `ceaf_e`; the same of
        `mention`, whether in the right cluster or not.
    """
    sums = {name: np.zeros((2, 2)) for name in METRICS}
    for documents in zip(gold, predicted, strict=True):
        right, found = ([frozenset(cluster) for cluster in clusters] for clusters in documents)
        for name, recall in METRICS.items():
            # Precision is recall with the roles exchanged.
            sums[name] += [recall(right, found), recall(found, right)]
    scores = {}
    for name, ratios in sums.items():
        recall, precision = (float(part / total) if total else 0.0 for part, total in ratios)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        scores |= {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}
    return {"conll_f1": sum(scores[f"{name}_f1"] for name in AVERAGED) / len(AVERAGED), **scores}
