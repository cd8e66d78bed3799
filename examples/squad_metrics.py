# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The scores of SQuAD 1.1 (Rajpurkar et al. 2016, section 6.1) and 2.0 (Rajpurkar et al. 2018, section 4.2)."""

import re
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Answer:
    """The best answer to a question, and by how much the score of no answer exceeds its score."""

    text: str
    no_answer_margin: float = -np.inf

    def chosen(self, threshold: float) -> str:
        """Returns the answer, or an empty text where the margin is above the threshold."""
        return "" if self.no_answer_margin > threshold else self.text


NO_PREDICTION = Answer("")


def squad_metrics(
    questions: Iterable[dict[str, Any]], predictions: dict[str, Answer], threshold: float = np.inf
) -> dict[str, float]:
    """Scores answers, in percent.

    Args:
        questions (`Iterable[dict]`): Questions with their correct answers, of which the best match counts.
        predictions (`dict[str, Answer]`): Answers by the id of the question; a missing one counts as wrong.
        threshold (`float`): The margin above which no answer is predicted.

    Returns:
        `exact_match` and `f1`, means over the questions, from 0 to 1 as in the other scripts (the official script gives
        percent). If some have no answer, also those of [`abstention_metrics`].
    """
    questions = list(questions)
    is_two = any(not question["answers"]["text"] for question in questions)
    table = np.zeros((len(questions), 2, 2))  # [question, answered or not, exact match or F1]
    for scores, question in zip(table, questions):
        gold = [text for text in question["answers"]["text"] if normalized(text) or not is_two]
        if prediction := predictions.get(question["id"]):
            for row, text in zip(scores, (prediction.text, "")):
                row[:] = [max(score(text, each) for each in gold or [""]) for score in (exact_match, f1)]
                if not gold:
                    row[1] = row[0]
    margins = np.array([predictions.get(question["id"], NO_PREDICTION).no_answer_margin for question in questions])
    chosen = np.where((margins > threshold)[:, np.newaxis], table[:, 1], table[:, 0])
    means = chosen.mean(axis=0) if len(chosen) else [0.0, 0.0]
    results = dict(zip(("exact_match", "f1"), map(float, means)))
    if is_two:
        has_answer = np.array([bool(question["answers"]["text"]) for question in questions])
        results |= abstention_metrics(chosen, table[..., 1], margins, has_answer, threshold)
    return results


def abstention_metrics(
    chosen: np.ndarray, f1_table: np.ndarray, margins: np.ndarray, has_answer: np.ndarray, threshold: float
) -> dict[str, float]:
    """Scores what a model does about questions without an answer (SQuAD 2.0).

    Args:
        chosen (`np.ndarray` of shape `(questions, 2)`): Exact match and F1.
        f1_table (`np.ndarray` of shape `(questions, 2)`): F1 if it answers, and if it abstains.
        margins, has_answer (`np.ndarray` of shape `(questions,)`): By how much the score of no answer exceeds that of
            the best one, and whether there is one.
        threshold (`float`): The margin above which no answer is predicted.

    Returns:
        `has_answer_exact_match` and `has_answer_f1`, means over the questions with an answer; `no_answer_recall`, the
        share of the others for which none is predicted (`NoAns_exact` and `NoAns_f1` of the official script),
        `no_answer_precision`, and `no_answer_f1`, their harmonic mean; `best_f1`, the highest F1 of all questions that
        a threshold reaches, and this `best_f1_threshold`.
    """
    with_answer = chosen[has_answer].mean(axis=0) if has_answer.any() else [0.0, 0.0]
    abstains = margins > threshold
    num_right = int((abstains & ~has_answer).sum())
    recall = num_right / int((~has_answer).sum())
    precision = num_right / max(int(abstains.sum()), 1)
    # From "always answer" on, the questions with the smallest margins are answered.
    order = np.argsort(margins, kind="stable")
    gains = (f1_table[:, 0] - f1_table[:, 1])[order]
    totals = f1_table[:, 1].sum() + np.concatenate([[0.0], np.cumsum(gains)])
    ends = np.append(np.diff(margins[order]) != 0, True)
    candidates = np.append(True, ends)
    best = int(np.where(candidates, totals, -np.inf).argmax())
    return {
        "has_answer_exact_match": float(with_answer[0]),
        "has_answer_f1": float(with_answer[1]),
        "no_answer_recall": recall,
        "no_answer_precision": precision,
        "no_answer_f1": 2 * recall * precision / (recall + precision) if num_right else 0.0,
        "best_f1": float(totals[best]) / len(margins),
        "best_f1_threshold": float(margins[order][best - 1]) if best else float(margins.min()) - 1,
    }
