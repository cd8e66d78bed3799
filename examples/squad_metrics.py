# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The scores of SQuAD 1.1 (Rajpurkar et al. 2016, section 6.1): exact match and F1 of answers."""

import re
import string
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np


ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = set(string.punctuation)


def normalized(answer: str) -> str:
    """Returns an answer as SQuAD compares it: in lower case, without punctuation, articles and extra white space."""
    kept = "".join(character for character in answer.lower() if character not in PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", kept).split())


def exact_match(prediction: str, answer: str) -> float:
    """Returns 1.0 if the two are the same once normalized, else 0.0."""
    return float(normalized(prediction) == normalized(answer))


def f1(prediction: str, answer: str) -> float:
    """Returns the harmonic mean of precision and recall over the words of the two, once normalized."""
    predicted, gold = normalized(prediction).split(), normalized(answer).split()
    num_shared = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * num_shared / (len(predicted) + len(gold)) if num_shared else 0.0


def squad_metrics(questions: Iterable[dict[str, Any]], predictions: dict[str, str]) -> dict[str, float]:
    """Scores answers, in percent.

    Args:
        questions (`Iterable[dict]`): Questions with one or more correct answers, of which the best match counts.
        predictions (`dict[str, str]`): Answers by the id of the question; a missing one counts as wrong.

    Returns:
        `exact_match` and `f1`, means over the questions.
    """
    scores: dict[str, list[float]] = {"exact_match": [], "f1": []}
    for question in questions:
        prediction = predictions.get(question["id"])
        for name, score in (("exact_match", exact_match), ("f1", f1)):
            matches = [0.0 if prediction is None else score(prediction, text) for text in question["answers"]["text"]]
            scores[name].append(max(matches))
    return {name: 100 * float(np.mean(values)) if values else 0.0 for name, values in scores.items()}
