# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The conditional random field, compared with an enumeration of all label sequences."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_elmo.model.crf import FORBIDDEN, ConditionalRandomField
from modeling_elmo.model.label_schemes import LabelConstraints


BIO = ["O", "B-X", "I-X", "B-Y", "I-Y"]
BIOES = ["O", "B-X", "I-X", "E-X", "S-X"]


def make_field(num_labels, constraints=None, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    field = ConditionalRandomField(num_labels, constraints).to(dtype)
    for parameter in field.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=dtype)
    return field


def score(field, emissions, labels):
    """The score of one labelling, term by term."""
    if not labels:
        return emissions.new_zeros(())
    total = field.start[labels[0]] + field.end[labels[-1]]
    for word, label in enumerate(labels):
        total = total + emissions[word, label]
    for before, after in itertools.pairwise(labels):
        total = total + field.transitions[before, after]
    return total


def is_allowed(labels, constraints):
    if constraints is None or not labels:
        return True
    steps = all(constraints.follows[before][after] for before, after in itertools.pairwise(labels))
    return constraints.starts[labels[0]] and constraints.ends[labels[-1]] and steps


@st.composite
def batches(draw):
    """Emissions and labels of a few short sentences with skipped words."""
    num_labels, batch_size, num_words = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 5))
    label = st.integers(0, num_labels - 1) | st.just(-100)
    rows = st.lists(label, min_size=num_words, max_size=num_words)
    labels = draw(st.lists(rows, min_size=batch_size, max_size=batch_size))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    emissions = torch.randn(batch_size, num_words, num_labels, generator=generator, dtype=torch.float64)
    return emissions, torch.tensor(labels, dtype=torch.long).view(batch_size, num_words)


class TestLogLikelihood:
    @settings(max_examples=60)
    @given(batches())
    def test_values_and_gradients_equal_those_of_an_enumeration(self, batch):
        emissions, labels = batch
        field = make_field(emissions.shape[2])
        gradients = []
        for by_enumeration in (False, True):
            field.zero_grad()
            inputs = emissions.clone().requires_grad_()
            if by_enumeration:
                expected = []
                for row, gold in zip(inputs, labels):
                    kept = [word for word in range(len(gold)) if gold[word] != -100]
                    everything = itertools.product(range(inputs.shape[2]), repeat=len(kept))
                    scores = torch.stack([score(field, row[kept], list(path)) for path in everything])
                    expected.append(score(field, row[kept], gold[kept].tolist()) - scores.logsumexp(0))
                result = torch.stack(expected)
            else:
                result = got = field(inputs, labels)
            if not result.requires_grad:
                return
            (result * torch.arange(1, len(result) + 1)).sum().backward()
            parts = [inputs, *field.parameters()]
            gradients.append([torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parts])
        torch.testing.assert_close(got, result)
        for fast, slow in zip(*gradients):
            torch.testing.assert_close(fast, slow)

    def test_probabilities_of_all_labellings_add_up_to_one(self):
        field, emissions = make_field(3), torch.randn(1, 4, 3, dtype=torch.float64)
        paths = torch.tensor(list(itertools.product(range(3), repeat=4)))
        total = field(emissions.expand(len(paths), -1, -1), paths).exp().sum()
        torch.testing.assert_close(total, torch.ones_like(total))

    def test_skipped_words_have_no_effect(self):
        field, emissions = make_field(3), torch.randn(1, 5, 3, dtype=torch.float64)
        labels = torch.tensor([[-100, 2, -100, 0, -100]])
        torch.testing.assert_close(field(emissions, labels), field(emissions[:, [1, 3]], labels[:, [1, 3]]))

    def test_zero_weights_label_each_word_independently(self):
        field = ConditionalRandomField(3)
        for parameter in field.parameters():
            torch.nn.init.zeros_(parameter)
        emissions, labels = torch.randn(2, 4, 3), torch.randint(3, (2, 4))
        expected = -torch.nn.functional.cross_entropy(emissions.transpose(1, 2), labels, reduction="none").sum(1)
        torch.testing.assert_close(field(emissions, labels), expected)

    def test_long_sentences_and_half_precision_stay_finite(self):
        field = make_field(4, dtype=torch.bfloat16)
        emissions = (100 * torch.randn(1, 2000, 4)).bfloat16().requires_grad_()
        result = field(emissions, torch.randint(4, (1, 2000)))
        assert result.dtype == torch.float32
        result.sum().backward()
        assert torch.isfinite(result).all()
        assert torch.isfinite(emissions.grad).all()

    def test_an_invalid_labelling_has_a_finite_likelihood(self):
        field = make_field(5, LabelConstraints.from_labels(BIO, "BIO"))
        assert field(torch.randn(1, 2, 5, dtype=torch.float64), torch.tensor([[2, 4]])) > FORBIDDEN


class TestDecoding:
    @settings(max_examples=60)
    @given(batches(), st.sampled_from([None, "BIO", "BIOES"]))
    def test_finds_the_best_allowed_labelling(self, batch, scheme):
        emissions, labels = batch
        mask = labels != -100
        constraints = None
        if scheme is not None:
            names = {"BIO": BIO, "BIOES": BIOES}[scheme]
            constraints = LabelConstraints.from_labels(names, scheme)
            emissions = torch.cat([emissions, emissions], dim=-1)[..., :5]
            emissions = torch.nn.functional.pad(emissions, (0, 5 - emissions.shape[-1]))
        field = make_field(emissions.shape[2], constraints)
        for row, kept, marginal in zip(emissions, mask, field.max_marginals(emissions, mask)):
            words = row[kept]
            everything = itertools.product(range(row.shape[1]), repeat=len(words))
            scores = {path: score(field, words, path).item() for path in everything if is_allowed(path, constraints)}
            best = max(scores, key=scores.get)
            assert marginal[kept].argmax(-1).tolist() == list(best)
            assert torch.equal(marginal[~kept], row[~kept])
            for word, values in enumerate(marginal[kept]):
                for label, value in enumerate(values):
                    through = [score for path, score in scores.items() if path[word] == label]
                    if through:
                        assert value.item() == pytest.approx(max(through) - scores[best], abs=1e-9)
                    else:
                        assert value < FORBIDDEN / 2

    def test_returns_a_labelling_even_if_none_is_valid(self):
        field = make_field(2, LabelConstraints.from_labels(["B-X", "I-X"], "BIOES"))
        marginals = field.max_marginals(torch.zeros(1, 1, 2), torch.ones(1, 1, dtype=torch.bool))
        assert marginals.isfinite().all()
        assert marginals.max() == 0

    def test_rows_do_not_depend_on_the_batch(self):
        field, emissions = make_field(4), torch.randn(3, 6, 4, dtype=torch.float64)
        mask = torch.tensor([[1, 1, 1, 1, 1, 1], [0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]]).bool()
        together = field.max_marginals(emissions, mask)
        for row in range(3):
            alone = slice(row, row + 1)
            torch.testing.assert_close(field.max_marginals(emissions[alone], mask[alone])[0], together[row])


def test_forward_dispatches_to_likelihood_and_marginals():
    field, emissions = make_field(3), torch.randn(2, 4, 3, dtype=torch.float64)
    labels, mask = torch.randint(3, (2, 4)), torch.ones(2, 4, dtype=torch.bool)
    assert torch.equal(field(emissions, labels), field.log_likelihood(emissions, labels))
    assert torch.equal(field(emissions, mask_BW=mask), field.max_marginals(emissions, mask))
