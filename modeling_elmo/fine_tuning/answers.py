# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds answers in the logits of a question-answering model."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F


# Masked logits are the minimum of their dtype. That of float16 is the largest of these minima, so a masked logit is
# still recognized after autocast and a conversion to float32, as in `Trainer`.
NO_WORD = torch.finfo(torch.float16).min


@dataclass(frozen=True)
class Spans:
    """The K best answers of each row, `(B, K)`, best first; where a row has fewer, -1 and minus infinity."""

    starts: torch.Tensor  # Columns of the first words, int64.
    ends: torch.Tensor  # Columns of the last words, int64.
    scores: torch.Tensor  # Sums of the two logits, at least float32.
    no_answer_scores: torch.Tensor | None = None  # `(B,)`, likewise, if no answer is allowed.


@torch.no_grad()
def best_spans(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    max_answer_length: int = 30,
    top_k: int = 1,
    allows_no_answer: bool = False,
) -> Spans:
    """Finds the spans of at most `max_answer_length` words with the highest sums of start and end logits.

    Args:
        start_logits (`torch.Tensor` of shape `(B, W)`): Start logits of [`ElmoForQuestionAnswering`], of any dtype. No
            answer starts where they are -65504, the minimum of float16, or less.
        end_logits (`torch.Tensor` of shape `(B, W)`): End logits; likewise.
        max_answer_length (`int`): Maximum number of words of an answer.
        top_k (`int`): K, answers per row.
        allows_no_answer (`bool`): Whether column 0 is the score of no answer, as with the config field of that name.
            The question has no answer if this score is higher than that of the best span.

    Raises:
        `ValueError`: If the shapes differ, or if `max_answer_length` or `top_k` is below 1.
    """
    if start_logits.ndim != 2 or start_logits.shape != end_logits.shape:
        shapes = f"{tuple(start_logits.shape)} and {tuple(end_logits.shape)}"
        raise ValueError(f"start_logits and end_logits: expected shape (batch_size, num_words), found {shapes}")
    for name, value in (("max_answer_length", max_answer_length), ("top_k", top_k)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, found {value}")
    num_words = start_logits.shape[1]
    length = min(max_answer_length, max(num_words, 1))
    none = float("-inf")
    starts_BW, ends_BW = (scores.double().masked_fill(scores <= NO_WORD, none) for scores in (start_logits, end_logits))
    dtype = torch.promote_types(start_logits.dtype, torch.float32)
    no_answer_B = None
    if allows_no_answer:
        no_answer_B = (starts_BW[:, 0] + ends_BW[:, 0]).to(dtype)
        starts_BW[:, 0] = ends_BW[:, 0] = none
    # Entry [w, l] of the last two dimensions is the answer from column w to column w + l.
    ends_BWL = F.pad(ends_BW, (0, length), value=none).unfold(1, length, 1)[:, :num_words]
    scores_BN = (starts_BW.unsqueeze(2) + ends_BWL).flatten(1)
    scores_BN = F.pad(scores_BN, (0, max(0, top_k - scores_BN.shape[1])), value=none)
    scores_BK, index_BK = scores_BN.topk(top_k, dim=1)
    is_none_BK = scores_BK == none
    starts_BK = index_BK // length
    return Spans(
        starts=starts_BK.masked_fill(is_none_BK, -1),
        ends=(starts_BK + index_BK % length).masked_fill(is_none_BK, -1),
        scores=scores_BK.to(dtype),
        no_answer_scores=no_answer_B,
    )
