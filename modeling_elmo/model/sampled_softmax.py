# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The softmax over the vocabulary, full and sampled (Jean et al. 2015; TensorFlow's `sampled_softmax_loss`).

Word ids are in order of decreasing frequency, so by Zipf's law a log-uniform distribution over ids is close to that of
the words: P(k) = log((k + 2) / (k + 1)) / log(V + 1). Negative samples are drawn from it without repetition, as by
TensorFlow's `log_uniform_candidate_sampler`: one after another, until there are enough distinct ones. The logarithm of
a word's expected count after t tries, 1 - (1 - P)^t, is subtracted from its logit: the sampled softmax then estimates
the full one.

Dimensions: N predictions, V words, S sampled words, P projection.
"""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from .configuration_elmo import NUM_APPENDED_TOKENS, ElmoConfig
from .fast_matmul import linear


# Logits computed per chunk: 128 MB of float32.
CHUNK_LOGITS = 2**25


class LogUniformSampler:
    """Samples distinct words from a log-uniform distribution and computes their expected counts."""

    def __init__(self, num_words: int):
        self.num_words = num_words

    def probability(self, ids: torch.Tensor) -> torch.Tensor:
        """Returns the probability P of word ids, float64."""
        return torch.log1p(1 / (ids.double() + 1)) / math.log1p(self.num_words)

    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[torch.Tensor, int]:
        """Returns `num_samples` distinct ids, int64 on the CPU, and the number of tries."""
        tries = torch.empty(0, dtype=torch.int64)
        while True:
            uniform = torch.rand(2 * num_samples + len(tries), dtype=torch.float64, generator=generator)
            drawn = torch.exp(uniform * math.log1p(self.num_words)).long() - 1
            tries = torch.cat([tries, drawn.clamp(max=self.num_words - 1)])
            ids, occurrence = torch.unique(tries, return_inverse=True)
            if len(ids) >= num_samples:
                break
        first = torch.full_like(ids, len(tries)).scatter_reduce(0, occurrence, torch.arange(len(tries)), "amin")
        first, order = first.sort()
        return ids[order[:num_samples]], int(first[num_samples - 1]) + 1

    def log_expected_count(self, ids: torch.Tensor, num_tries: int) -> torch.Tensor:
        """Returns the logarithm of the expected count of ids among the samples, float64."""
        return torch.log(-torch.expm1(num_tries * torch.log1p(-self.probability(ids))))


class ElmoSoftmax(nn.Module):
    """Scores of all words given a hidden state of one direction. Both directions share it (paper, section 3.1).

    `<PAD>` and `<MASK>`, which the tokenizer appends to a vocabulary, have rows, so that the weight can be tied to the
    word embeddings, but no scores.
    """

    def __init__(self, config: ElmoConfig):
        super().__init__()
        self.num_words = config.vocab_size - NUM_APPENDED_TOKENS
        self.weight = nn.Parameter(torch.empty(config.vocab_size, config.projection_size))
        self.bias = nn.Parameter(torch.empty(config.vocab_size))
        self.sampler = LogUniformSampler(self.num_words)

    def forward(self, hidden_NP: torch.Tensor) -> torch.Tensor:
        """Returns logits `(N, V)`."""
        return linear(hidden_NP, self.weight[: self.num_words], self.bias[: self.num_words])

    def full_loss(self, hidden_NP: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
        """Returns the negative log-likelihoods `(N,)` of words."""

        def loss(hidden_NP: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(at_least_float32(self(hidden_NP)), labels_N, reduction="none")

        return _in_chunks(loss, hidden_NP, labels_N, self.num_words)

    def sampled_loss(
        self,
        hidden_NP: torch.Tensor,
        labels_N: torch.Tensor,
        num_samples: int,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Returns estimates `(N,)` of the negative log-likelihoods, with one sample of words for all predictions."""
        if num_samples >= self.num_words:
            return self.full_loss(hidden_NP, labels_N)
        sampled, num_tries = self.sampler.sample(num_samples, generator)
        sampled = sampled.to(hidden_NP.device)
        weight_SP = self.weight.index_select(0, sampled)
        expected_S = self.sampler.log_expected_count(sampled, num_tries)
        bias_S = (self.bias.index_select(0, sampled) - expected_S).to(self.bias.dtype)

        def loss(hidden_NP: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
            true_N = (hidden_NP * self.weight.index_select(0, labels_N)).sum(-1) + self.bias.index_select(0, labels_N)
            expected_N = self.sampler.log_expected_count(labels_N, num_tries)
            true_N = at_least_float32(true_N) - expected_N.to(at_least_float32(true_N).dtype)
            logits_NS = at_least_float32(linear(hidden_NP, weight_SP, bias_S))
            # If the true word is sampled, it must not count twice.
            logits_NS = logits_NS.masked_fill(labels_N[:, None] == sampled, -torch.inf)
            return torch.logaddexp(true_N, logits_NS.logsumexp(-1)) - true_N

        return _in_chunks(loss, hidden_NP, labels_N, num_samples)


def at_least_float32(values: torch.Tensor) -> torch.Tensor:
    """Converts half precision to float32, which sums over a vocabulary need."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _in_chunks(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    hidden_NP: torch.Tensor,
    labels_N: torch.Tensor,
    num_words: int,
) -> torch.Tensor:
    """Computes losses chunk by chunk, recomputing logits in the backward pass, so that memory is bounded."""
    size = max(1, CHUNK_LOGITS // num_words)
    if len(labels_N) <= size:
        return loss(hidden_NP, labels_N)
    chunks = zip(hidden_NP.split(size), labels_N.split(size))
    if not torch.is_grad_enabled():
        return torch.cat([loss(hidden, labels) for hidden, labels in chunks])
    return torch.cat([checkpoint(loss, hidden, labels, use_reentrant=False) for hidden, labels in chunks])
