# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers from the logits of question answering, compared with a search of all spans."""

import pytest
import torch

from modeling_elmo.fine_tuning import best_spans
from tests.helpers.task_examples import HEADS, TOKENIZER, logits_of, randomized


@pytest.mark.parametrize(("max_answer_length", "top_k"), [(1, 1), (2, 3), (3, 20), (30, 5), (7, 200)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_finds_the_best_spans(max_answer_length, top_k, dtype):
    start, end = torch.randn(2, 4, 9).to(dtype)
    start[0, :4] = end[0, :4] = start[1, 2:] = end[2] = torch.finfo(dtype).min
    spans = best_spans(start, end, max_answer_length, top_k)
    assert spans.starts.shape == spans.ends.shape == spans.scores.shape == (4, top_k)
    for row in range(4):
        minimum = torch.finfo(dtype).min
        expected = [
            (float(start[row, s]) + float(end[row, e]), s, e)
            for s in range(9)
            for e in range(s, min(9, s + max_answer_length))
            if start[row, s] > minimum and end[row, e] > minimum
        ]
        expected.sort(reverse=True)
        found = list(zip(spans.scores[row].tolist(), spans.starts[row].tolist(), spans.ends[row].tolist()))
        num_found = min(len(expected), top_k)
        assert [score for score, *_ in found[:num_found]] == pytest.approx(
            [score for score, *_ in expected[:num_found]]
        )
        assert len(set(found[:num_found])) == num_found
        assert found[num_found:] == [(float("-inf"), -1, -1)] * (top_k - num_found)
        for score, s, e in found[:num_found]:
            assert score == pytest.approx(float(start[row, s]) + float(end[row, e]))
            assert s <= e < s + max_answer_length


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_words_masked_under_autocast_are_no_answer_after_conversion_to_float32(dtype):
    model = randomized(HEADS["question_answering"].model()).eval()
    batch = TOKENIZER([("Who ?", ""), ("", "A bank .")], padding=True, return_tensors="pt")
    with torch.autocast("cpu", dtype=dtype):
        logits = logits_of(model(**batch))
    assert logits[0].dtype == dtype
    spans = best_spans(*(each.float() for each in logits), top_k=7)
    assert (spans.starts >= 0).sum(1).tolist() == [0, 6]


def test_the_first_column_is_the_score_of_no_answer_if_it_is_allowed():
    start, end = torch.randn(2, 3, 6)
    start[:, 0], end[:, 0] = 9, 8
    spans = best_spans(start, end, allows_no_answer=True)
    assert spans.no_answer_scores.tolist() == [17, 17, 17]
    others = best_spans(start[:, 1:], end[:, 1:])
    assert torch.equal(spans.scores, others.scores)
    assert torch.equal(spans.starts, others.starts + 1)
    assert best_spans(start, end).no_answer_scores is None


def test_rows_without_columns_have_no_answers():
    spans = best_spans(torch.zeros(2, 0), torch.zeros(2, 0), top_k=2)
    assert spans.starts.tolist() == [[-1, -1], [-1, -1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 3), torch.zeros(2, 4)), r"found \(2, 3\) and \(2, 4\)"),
        ((torch.zeros(3), torch.zeros(3)), r"expected shape \(batch_size, num_words\)"),
        ((torch.zeros(2, 3), torch.zeros(2, 3), 0), "max_answer_length: expected at least 1, found 0"),
        ((torch.zeros(2, 3), torch.zeros(2, 3), 1, -2), "top_k: expected at least 1, found -2"),
    ],
)
def test_invalid_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        best_spans(*arguments)
