# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers to questions from logits."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F


# The greatest of the least numbers of all types: what autocast has masked, and somebody has made float32 of since
# (as `Trainer` does), is known by it still.
NO_WORD = torch.finfo(torch.float16).min


@dataclass(frozen=True)
class Spans:
    """Answers, best first, K per row.

    Attributes:
        starts (`torch.LongTensor` of shape `(B, K)`): Column of the first word; -1 where a row has fewer answers.
        ends (`torch.LongTensor` of shape `(B, K)`): Column of the last word.
        scores (`torch.FloatTensor` of shape `(B, K)`): Sum of the two logits; minus infinity where there is no answer.
    """

    starts: torch.Tensor
    ends: torch.Tensor
    scores: torch.Tensor


@torch.no_grad()
def best_spans(
    start_logits: torch.Tensor, end_logits: torch.Tensor, max_answer_length: int = 30, top_k: int = 1
) -> Spans:
    """Finds the best answers: the spans with the greatest sum of start and end logit, of all that are short enough.

    Args:
        start_logits (`torch.Tensor` of shape `(B, W)`): As [`ElmoForQuestionAnswering`] gives them, in any type: where
            they are the least number of float16 (-65504) or less, no answer starts.
        end_logits (`torch.Tensor` of shape `(B, W)`): The same for ends.
        max_answer_length (`int`, *optional*, defaults to 30): The most words of an answer.
        top_k (`int`, *optional*, defaults to 1): How many answers to find.

    Returns:
        [`Spans`].

    Raises:
        `ValueError`: If the shapes differ, or a number is below 1.
    """
    if start_logits.ndim != 2 or start_logits.shape != end_logits.shape:
        raise ValueError(
            f"start_logits and end_logits: expected one shape (batch_size, num_words), found "
            f"{tuple(start_logits.shape)} and {tuple(end_logits.shape)}"
        )
    for name, value in (("max_answer_length", max_answer_length), ("top_k", top_k)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, found {value}")
    num_words = start_logits.shape[1]
    length = min(max_answer_length, max(num_words, 1))
    none = float("-inf")
    starts_BW, ends_BW = (scores.double().masked_fill(scores <= NO_WORD, none) for scores in (start_logits, end_logits))
    # Column w, number l: the answer from w to w + l.
    ends_BWL = F.pad(ends_BW, (0, length), value=none).unfold(1, length, 1)[:, :num_words]
    scores_BN = (starts_BW.unsqueeze(2) + ends_BWL).flatten(1)
    scores_BN = F.pad(scores_BN, (0, max(0, top_k - scores_BN.shape[1])), value=none)
    scores_BK, index_BK = scores_BN.topk(top_k, dim=1)
    is_none_BK = scores_BK == none
    starts_BK = index_BK // length
    return Spans(
        starts=starts_BK.masked_fill(is_none_BK, -1),
        ends=(starts_BK + index_BK % length).masked_fill(is_none_BK, -1),
        scores=scores_BK.to(torch.promote_types(start_logits.dtype, torch.float32)),
    )


__all__ = ["Spans", "best_spans"]
