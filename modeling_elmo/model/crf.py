# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A linear-chain conditional random field (Lafferty et al. 2001; on top of a BiLSTM: Lample et al. 2016, section 2.2).

    score(y) = start[y_1] + sum_t emission[t, y_t] + sum_t transition[y_{t-1}, y_t] + end[y_n]
    log p(y) = score(y) - log sum_y' exp(score(y'))

Works on label ids. The chain runs over the unmasked words and skips all others, wherever they are. The constraints of
a label scheme apply to decoding only, so an invalid labelling in the training data has a finite loss.

Dimensions: B batch, W words of a padded row, T words of the longest chain, K labels.
"""

import torch
from torch import nn

from .configuration_elmo import IGNORED_LABEL, ElmoConfig
from .label_schemes import LabelConstraints
from .scan import Pair, Steps, Tensors


# The score of a forbidden step in decoding, far below all scores of trained models. It is finite so that a sentence
# without a valid labelling gets the one with the fewest forbidden steps.
FORBIDDEN = -1e4


class ConditionalRandomField(nn.Module):
    """Scores sequences of labels. With zero weights, as initially, each word is labelled independently."""

    def __init__(self, num_labels: int, constraints: LabelConstraints | None = None):
        super().__init__()
        self.constraints = constraints
        self._make_weights(num_labels)

    @classmethod
    def from_config(cls, config: ElmoConfig) -> "ConditionalRandomField":
        """Makes a chain of the labels of a config. Raises `ValueError` if their ids do not start at 0."""
        if sorted(config.id2label) != list(range(config.num_labels)):
            raise ValueError(f"id2label: expected ids 0 to {config.num_labels - 1}, found {list(config.id2label)}")
        labels = [config.id2label[index] for index in range(config.num_labels)]
        constraints = LabelConstraints.from_labels(labels, config.label_scheme) if config.label_scheme else None
        return cls(config.num_labels, constraints)

    def _make_weights(self, num_labels: int) -> None:
        self.start = nn.Parameter(torch.empty(num_labels))
        self.transitions = nn.Parameter(torch.empty(num_labels, num_labels))
        self.end = nn.Parameter(torch.empty(num_labels))

    def forward(
        self,
        emissions_BWK: torch.Tensor,
        labels_BW: torch.Tensor | None = None,
        mask_BW: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Returns the [`log_likelihood`] of labels or, without labels, the [`max_marginals`] of unmasked words.

        Models call `forward` only, because accelerate's hooks, which move weights and inputs of a model that is spread
        over devices, act on it.
        """
        if labels_BW is not None:
            return self.log_likelihood(emissions_BWK, labels_BW)
        assert mask_BW is not None
        return self.max_marginals(emissions_BWK, mask_BW)

    def log_likelihood(self, emissions_BWK: torch.Tensor, labels_BW: torch.Tensor) -> torch.Tensor:
        """Returns log p(labels) `(B,)`, by the forward algorithm; 0 if all words of a row are skipped.

        A word labelled -100 is skipped: its neighbours become adjacent.
        """
        order_BT, mask_BT = _kept_words(labels_BW != IGNORED_LABEL)
        emissions_BTK = _gather_scores(emissions_BWK, order_BT)
        if not order_BT.shape[1]:
            return emissions_BTK.new_zeros(len(labels_BW)) + 0 * emissions_BWK.sum()
        labels_BT = labels_BW.gather(1, order_BT).clamp(min=0)
        start_K, transitions_KK, end_K = self._weights(emissions_BTK)

        forward_BK = start_K + emissions_BTK[:, 0]
        for emissions_BK, mask_B in zip(emissions_BTK.unbind(1)[1:], mask_BT.unbind(1)[1:]):
            reached_BK = torch.logsumexp(forward_BK.unsqueeze(2) + transitions_KK, dim=1) + emissions_BK
            forward_BK = torch.where(mask_B.unsqueeze(1), reached_BK, forward_BK)
        log_partition_B = torch.logsumexp(forward_BK + end_K, dim=1)

        word_BT = emissions_BTK.gather(2, labels_BT.unsqueeze(2)).squeeze(2)
        step_BT = transitions_KK[labels_BT[:, :-1], labels_BT[:, 1:]]
        last_B = labels_BT.gather(1, (mask_BT.sum(1, keepdim=True) - 1).clamp(min=0)).squeeze(1)
        score_B = start_K[labels_BT[:, 0]] + (word_BT * mask_BT).sum(1) + (step_BT * mask_BT[:, 1:]).sum(1)
        return (score_B + end_K[last_B] - log_partition_B) * mask_BT[:, 0]

    @torch.no_grad()
    def max_marginals(self, emissions_BWK: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """Returns, for each word and label, the score of the best sequence with that label at that word (Viterbi).

        Scores `(B, W, K)` are relative to the best sequence that the constraints allow: 0 for its labels, negative for
        others. Outside `mask_BW`, whose words are skipped, they are the emissions `(B, W, K)`.
        """
        if torch.compiler.is_compiling():
            return self._graph_max_marginals(emissions_BWK, mask_BW)
        order_BT, mask_BT = _kept_words(mask_BW)
        emissions_BTK = _gather_scores(emissions_BWK, order_BT)
        if not order_BT.shape[1]:
            return emissions_BWK.clone()
        start_K, transitions_KK, _ = self._constrained_weights(emissions_BTK)
        best_BK = start_K + emissions_BTK[:, 0]
        best_so_far = [best_BK]
        for emissions_BK in emissions_BTK.unbind(1)[1:]:
            best_BK = (best_BK.unsqueeze(2) + transitions_KK).amax(dim=1) + emissions_BK
            best_so_far.append(best_BK)
        marginals_BTK = torch.stack(best_so_far, dim=1) + self._best_rest(emissions_BTK, mask_BT)
        marginals_BTK = marginals_BTK - marginals_BTK.amax(dim=2, keepdim=True)
        marginals_BTK = torch.where(mask_BT.unsqueeze(2), marginals_BTK, emissions_BTK).to(emissions_BWK)
        return emissions_BWK.scatter(1, order_BT.unsqueeze(2).expand_as(marginals_BTK), marginals_BTK)

    def _best_rest(self, emissions_BTK: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        """Returns the score `(B, T, K)` of the best continuation after each label, without the label's emission."""
        _, transitions_KK, end_K = self._constrained_weights(emissions_BTK)
        rest_BK = end_K.expand(len(emissions_BTK), -1)
        rests = [rest_BK]
        for emissions_BK, mask_B in zip(reversed(emissions_BTK.unbind(1)[1:]), reversed(mask_BT.unbind(1)[1:])):
            through_BK = (transitions_KK + (emissions_BK + rest_BK).unsqueeze(1)).amax(dim=2)
            rest_BK = torch.where(mask_B.unsqueeze(1), through_BK, rest_BK)
            rests.append(rest_BK)
        return torch.stack(rests[::-1], dim=1)

    def _graph_max_marginals(self, emissions_BWK: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """`max_marginals` with scans, for a graph."""
        scores_BWK = emissions_BWK.to(torch.promote_types(emissions_BWK.dtype, torch.float32))
        start_K, transitions_KK, end_K = self._constrained_weights(scores_BWK)

        def extend(state: Tensors, of_word: Tensors) -> Pair:
            (best_BK, is_inside_B1), (emissions_BK,) = state, of_word
            reached_BK = (best_BK.unsqueeze(2) + transitions_KK).amax(dim=1)
            best_BK = torch.where(is_inside_B1 > 0, reached_BK, start_K) + emissions_BK
            return (best_BK, torch.ones_like(is_inside_B1)), (best_BK,)

        def continue_(state: Tensors, of_word: Tensors) -> Pair:
            (next_BK, is_inside_B1), (emissions_BK,) = state, of_word
            through_BK = (transitions_KK + next_BK.unsqueeze(1)).amax(dim=2)
            rest_BK = torch.where(is_inside_B1 > 0, through_BK, end_K)
            return (emissions_BK + rest_BK, torch.ones_like(is_inside_B1)), (rest_BK,)

        steps = Steps.from_mask(mask_BW)
        batch, _, num_labels = scores_BWK.shape
        # Not bool: ONNX Runtime can't choose between bools.
        state = scores_BWK.new_zeros(batch, num_labels), scores_BWK.new_zeros(batch, 1)
        _, (best_so_far_BWK,) = steps.run(extend, state, (scores_BWK,))
        _, (rest_BWK,) = steps.run(continue_, state, (scores_BWK,), is_backward=True)
        marginals_BWK = best_so_far_BWK + rest_BWK
        marginals_BWK = marginals_BWK - marginals_BWK.amax(dim=2, keepdim=True)
        return torch.where(mask_BW.unsqueeze(2), marginals_BWK, scores_BWK).to(emissions_BWK)

    def _weights(self, like: torch.Tensor) -> list[torch.Tensor]:
        return [weight.to(like.dtype) for weight in (self.start, self.transitions, self.end)]

    def _constrained_weights(self, like: torch.Tensor) -> list[torch.Tensor]:
        weights = self._weights(like)
        if self.constraints is None:
            return weights
        allowed = (self.constraints.starts, self.constraints.follows, self.constraints.ends)
        return [
            weight.masked_fill(~torch.tensor(is_allowed, device=weight.device), FORBIDDEN)
            for weight, is_allowed in zip(weights, allowed)
        ]


class ConstrainedDecoding(ConditionalRandomField):
    """The same decoding for labels that are scored independently: all weights are zero, only the constraints count.

    He et al. 2017, section 2.3, for a softmax over the labels of each word.
    """

    def _make_weights(self, num_labels: int) -> None:
        self.num_labels = num_labels

    def _weights(self, like: torch.Tensor) -> list[torch.Tensor]:
        size = self.num_labels
        return [like.new_zeros(shape) for shape in ((size,), (size, size), (size,))]


def _kept_words(mask_BW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns columns `(B, T)` with each row's unmasked words first, in order, and their mask `(B, T)`."""
    length = int(mask_BW.sum(1).max()) if mask_BW.numel() else 0
    order_BW = (~mask_BW).to(torch.uint8).argsort(dim=1, stable=True)
    return order_BW[:, :length], mask_BW.gather(1, order_BW)[:, :length]


def _gather_scores(emissions_BWK: torch.Tensor, order_BT: torch.Tensor) -> torch.Tensor:
    emissions_BTK = emissions_BWK.gather(1, order_BT.unsqueeze(2).expand(-1, -1, emissions_BWK.shape[2]))
    # Scores are summed over a sentence: half precision would lose small differences.
    return emissions_BTK.to(torch.promote_types(emissions_BTK.dtype, torch.float32))
