# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from modeling_elmo import ElmoConfig
from modeling_elmo.model import sampled_softmax
from modeling_elmo.model.sampled_softmax import ElmoSoftmax, LogUniformSampler


def softmax_of(num_words, projection_size=5):
    config = ElmoConfig(vocab_size=num_words + 2, projection_size=projection_size, cell_size=8)
    softmax = ElmoSoftmax(config).double()
    torch.nn.init.normal_(softmax.weight)
    torch.nn.init.normal_(softmax.bias)
    return softmax


class TestLogUniformSampler:
    @given(st.integers(1, 300))
    def test_probabilities_are_those_of_the_formula_and_add_up_to_one(self, num_words):
        found = LogUniformSampler(num_words).probability(torch.arange(num_words)).numpy()
        ids = np.arange(num_words)
        np.testing.assert_allclose(found, np.log((ids + 2) / (ids + 1)) / np.log(num_words + 1))
        assert found.sum() == pytest.approx(1)

    @given(st.integers(2, 200), st.data(), st.integers(0, 2**32))
    def test_samples_are_different_words_of_the_vocabulary(self, num_words, data, seed):
        num_samples = data.draw(st.integers(1, num_words - 1))
        ids, num_tries = LogUniformSampler(num_words).sample(num_samples, torch.Generator().manual_seed(seed))
        assert len(set(ids.tolist())) == len(ids) == num_samples
        assert ids.min() >= 0
        assert ids.max() < num_words
        assert num_tries >= num_samples

    def test_draws_one_after_another_until_there_are_enough(self):
        # What a plain loop over the same random numbers does.
        sampler, num_compared = LogUniformSampler(50), 0
        for seed in range(30):
            ids, num_tries = sampler.sample(8, torch.Generator().manual_seed(seed))
            uniform = torch.rand(16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).numpy()
            words = [int(np.exp(number * np.log(51))) - 1 for number in uniform]
            different = list(dict.fromkeys(words))
            if len(different) >= 8:
                num_compared += 1
                assert ids.tolist() == different[:8]
                assert num_tries == words.index(different[7]) + 1
        assert num_compared > 10

    def test_words_are_drawn_as_often_as_expected(self):
        sampler, generator = LogUniformSampler(30), torch.Generator().manual_seed(0)
        drawn, expected = torch.zeros(30), torch.zeros(30)
        for _ in range(4000):
            ids, num_tries = sampler.sample(8, generator)
            drawn[ids] += 1
            expected += sampler.log_expected_count(torch.arange(30), num_tries).exp().float()
        torch.testing.assert_close(drawn / 4000, expected / 4000, rtol=0.1, atol=0.02)


class TestElmoSoftmax:
    def test_full_loss_is_that_of_the_equations(self):
        softmax, hidden, labels = softmax_of(11), torch.randn(7, 5).double(), torch.randint(0, 11, (7,))
        logits = hidden.numpy() @ softmax.weight[:11].detach().numpy().T + softmax.bias[:11].detach().numpy()
        expected = np.log(np.exp(logits).sum(1)) - logits[np.arange(7), labels.numpy()]
        np.testing.assert_allclose(softmax.full_loss(hidden, labels).detach().numpy(), expected)

    def test_sampled_loss_is_that_of_the_equations(self):
        softmax, hidden, labels = softmax_of(60), torch.randn(9, 5).double(), torch.randint(0, 6, (9,))
        found = softmax.sampled_loss(hidden, labels, 12, torch.Generator().manual_seed(3)).detach().numpy()
        sampled, num_tries = softmax.sampler.sample(12, torch.Generator().manual_seed(3))
        weight, bias = softmax.weight.detach().numpy(), softmax.bias.detach().numpy()

        def corrected(row, word):
            probability = np.log((word + 2) / (word + 1)) / np.log(61)
            return hidden[row].numpy() @ weight[word] + bias[word] - np.log(1 - (1 - probability) ** num_tries)

        num_hits = 0
        for row, label in enumerate(labels.tolist()):
            others = [corrected(row, word) for word in sampled.tolist() if word != label]
            num_hits += label in sampled
            right = corrected(row, label)
            assert found[row] == pytest.approx(np.log(np.exp(right) + np.exp(others).sum()) - right)
        assert num_hits > 0

    def test_sampled_gradient_is_the_full_one_in_expectation(self):
        softmax, hidden, labels = softmax_of(40), torch.randn(6, 5).double(), torch.randint(0, 40, (6,))
        softmax.weight.data.mul_(0.3)
        generator = torch.Generator().manual_seed(0)
        full = torch.autograd.grad(softmax.full_loss(hidden, labels).sum(), softmax.weight)[0]
        mean = torch.zeros_like(full)
        for _ in range(600):
            loss = softmax.sampled_loss(hidden, labels, 25, generator).sum()
            mean += torch.autograd.grad(loss, softmax.weight)[0] / 600
        # The estimate is biased for few samples; it is near for many.
        assert torch.cosine_similarity(mean.flatten(), full.flatten(), dim=0) > 0.99

    def test_as_many_samples_as_words_is_the_full_softmax(self):
        softmax, hidden, labels = softmax_of(8), torch.randn(3, 5).double(), torch.tensor([0, 7, 3])
        assert torch.equal(softmax.sampled_loss(hidden, labels, 8), softmax.full_loss(hidden, labels))

    @pytest.mark.parametrize("is_sampled", [True, False])
    def test_chunks_change_neither_losses_nor_gradients(self, monkeypatch, is_sampled):
        softmax, labels = softmax_of(30), torch.randint(0, 30, (11,))
        hidden = torch.randn(11, 5).double().requires_grad_()

        def run():
            generator = torch.Generator().manual_seed(1)
            loss = (
                softmax.sampled_loss(hidden, labels, 10, generator) if is_sampled else softmax.full_loss(hidden, labels)
            )
            return loss, torch.autograd.grad(loss.sum(), [hidden, softmax.weight, softmax.bias])

        whole = run()
        monkeypatch.setattr(sampled_softmax, "CHUNK_LOGITS", 70)
        torch.testing.assert_close(run(), whole)
        with torch.no_grad():
            torch.testing.assert_close(
                softmax.full_loss(hidden, labels), F.cross_entropy(softmax(hidden), labels, reduction="none")
            )

    @pytest.mark.parametrize("is_sampled", [True, False])
    def test_logits_are_in_memory_a_chunk_at_a_time(self, monkeypatch, is_sampled):
        softmax, labels = softmax_of(30), torch.randint(0, 30, (11,))
        hidden = torch.randn(11, 5).double().requires_grad_()
        computed, kept, linear = [], [], sampled_softmax.linear

        def record(*args):
            computed.append(linear(*args).shape)
            return linear(*args)

        def keep(tensor):
            kept.append(tensor.shape[-1] if tensor.ndim == 2 else 0)
            return tensor

        monkeypatch.setattr(sampled_softmax, "linear", record)
        monkeypatch.setattr(sampled_softmax, "CHUNK_LOGITS", 70)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = softmax.sampled_loss(hidden, labels, 10) if is_sampled else softmax.full_loss(hidden, labels)
        num_words = 10 if is_sampled else 30
        assert max(kept) < num_words
        assert {shape.numel() // num_words for shape in computed} == ({7, 4} if is_sampled else {2, 1})
        # They are made again for the gradients.
        num_chunks = len(computed)
        loss.sum().backward()
        assert len(computed) == 2 * num_chunks

    @pytest.mark.parametrize("is_sampled", [True, False])
    def test_sums_are_taken_in_float32(self, is_sampled):
        # 300 logits of nearly one size: bfloat16 would add up to half of their sum.
        softmax, labels = softmax_of(300).bfloat16(), torch.randint(0, 300, (4,))
        softmax.weight.data.mul_(0.01)
        softmax.bias.data.zero_()
        hidden = torch.randn(4, 5)
        generator = torch.Generator().manual_seed(0)
        results = []
        for dtype in (torch.bfloat16, torch.float32):
            generator.manual_seed(0)
            softmax = softmax.to(dtype)
            arguments = (hidden.to(dtype), labels)
            results.append(
                softmax.sampled_loss(*arguments, 200, generator) if is_sampled else softmax.full_loss(*arguments)
            )
        assert results[0].dtype == torch.float32
        torch.testing.assert_close(results[0], results[1], atol=0.01, rtol=0)

    def test_appended_tokens_have_no_scores(self):
        softmax = softmax_of(6)
        assert softmax(torch.randn(2, 5).double()).shape == (2, 6)
        softmax.full_loss(torch.randn(2, 5).double(), torch.tensor([0, 5])).sum().backward()
        assert softmax.weight.grad[6:].abs().sum() == 0
