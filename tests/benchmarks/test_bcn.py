# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The biattentive classification network of the sentiment experiment."""

import torch

from benchmarks.quality import bcn
from modeling_elmo import ElmoConfig, ElmoForSequenceClassification, ElmoTokenizer
from modeling_elmo.model import task_models


SIZES = {"cell_size": 16, "projection_size": 6, "character_filters": [[1, 4], [3, 8]], "task_lstm_size": 5}


def plain_pooling(pooling, words_WD):
    """The equations of the docstring for one text, word by word."""
    contexts = []
    for word in words_WD:
        shares = torch.stack([word @ other for other in words_WD]).softmax(0)
        contexts.append(sum(share * other for share, other in zip(shares, words_WD)))
    context = torch.stack(contexts)
    compared = torch.cat([words_WD, words_WD - context, words_WD * context], dim=-1)
    read, _ = pooling.integrator.lstm(compared)
    attended = (pooling.attention(read).softmax(0) * read).sum(0)
    return torch.cat([read.max(0).values, read.min(0).values, read.mean(0), attended])


def test_a_text_is_compared_with_itself_as_in_the_equations():
    torch.manual_seed(0)
    pooling = bcn.BiattentivePooling(ElmoConfig(**SIZES), 7).eval()
    features, mask = torch.randn(3, 6, 7), torch.ones(3, 6, dtype=torch.bool)
    mask[1, 4:], mask[2] = False, False
    features = features.masked_fill(~mask.unsqueeze(-1), 0)
    with torch.no_grad():
        found = pooling(features, mask)
        for row, length in ((0, 6), (1, 4)):
            torch.testing.assert_close(found[row], plain_pooling(pooling, features[row, :length]))
    assert not found[2].any()


def test_a_unit_of_maxout_returns_its_largest_value():
    torch.manual_seed(0)
    maxout = bcn.Maxout(ElmoConfig(**SIZES), 8, 3).eval()
    features = expected = torch.randn(2, 8)
    with torch.no_grad():
        for norm, layer in zip(maxout.norms, maxout.layers):
            values = layer(norm(expected))
            size = values.shape[1] // bcn.POOL_SIZE
            expected = torch.stack([values[:, 4 * unit : 4 * unit + 4].max(1).values for unit in range(size)], dim=1)
        torch.testing.assert_close(maxout(features), expected)
    assert expected.shape == (2, 3)


def test_a_classifier_learns_with_its_layers(monkeypatch):
    for name, layer in bcn.REPLACED.items():
        monkeypatch.setattr(task_models, name, layer)
    torch.manual_seed(0)
    model = ElmoForSequenceClassification(ElmoConfig(**SIZES, num_labels=2, task_dropout=0.0))
    used = {type(module) for module in model.modules()}
    assert used >= set(bcn.REPLACED.values())
    batch = ElmoTokenizer()(["good , good", "bad", "so good", "how bad !"], padding=True, return_tensors="pt")
    labels = torch.tensor([1, 0, 1, 0])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
