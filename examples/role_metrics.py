# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How semantic roles are scored: F1 of arguments, without the predicate itself."""

from collections import Counter
from collections.abc import Sequence

from seqeval.metrics.sequence_labeling import get_entities


# The role of the predicate, which is given.
PREDICATE = "V"
CONTINUES = "C-"

# A role, and the first and last word of each of its spans.
Argument = tuple[str, tuple[tuple[int, int], ...]]


def arguments_of_words(labels: Sequence[str]) -> list[Argument]:
    """Returns the arguments in labels of single words, as CoNLL-2009 counts them: each labelled word is one."""
    return [
        (label, ((index, index),))
        for index, label in enumerate(labels)
        if label != "O" and label.removeprefix(CONTINUES) != PREDICATE
    ]


def arguments_of_spans(labels: Sequence[str]) -> list[Argument]:
    """Returns the arguments in labels of BIO, as the scorer of CoNLL-2005, `srl-eval.pl`, counts them.

    A span of the role `C-A0` continues the last argument `A0` before it, and both are one argument; without such an
    argument, it is a separate `A0`.
    """
    arguments: list[tuple[str, list[tuple[int, int]]]] = []
    latest: dict[str, list[tuple[int, int]]] = {}
    for name, first, last in get_entities(list(labels)):
        role = name.removeprefix(CONTINUES)
        if name != role and role in latest:
            latest[role].append((first, last))
        else:
            latest[role] = [(first, last)]
            arguments.append((role, latest[role]))
    return [(role, tuple(spans)) for role, spans in arguments if role != PREDICATE]


def role_metrics(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], are_spans: bool
) -> dict[str, float]:
    """Scores the labels of the words of each predicate.

    Args:
        gold (`Sequence[Sequence[str]]`): The right labels, a list for each predicate.
        predicted (`Sequence[Sequence[str]]`): The labels that a model has predicted.
        are_spans (`bool`): Whether labels mark spans in BIO, rather than single words.

    Returns:
        `precision`, `recall` and `f1` of arguments: same predicate, words and role; and `f1_` of each role.
    """
    find = arguments_of_spans if are_spans else arguments_of_words
    counts = {"gold": Counter[str](), "predicted": Counter[str](), "right": Counter[str]()}
    for right, found in zip(gold, predicted, strict=True):
        sets = {"gold": set(find(right)), "predicted": set(find(found))}
        for name, arguments in {**sets, "right": sets["gold"] & sets["predicted"]}.items():
            counts[name].update(role for role, _ in arguments)
    total = _scores(*(counter.total() for counter in counts.values()))
    roles = sorted(counts["gold"] | counts["predicted"])
    return total | {f"f1_{role}": _scores(*(each[role] for each in counts.values()))["f1"] for role in roles}


def _scores(num_gold: int, num_predicted: int, num_right: int) -> dict[str, float]:
    precision, recall = (num_right / number if number else 0.0 for number in (num_predicted, num_gold))
    f1 = 2 * num_right / (num_gold + num_predicted) if num_right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}
