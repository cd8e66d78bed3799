# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The layers of the task models (Peters et al. 2018, sections 3.2, 3.3 and 4).

How ELMo vectors enter a task model, BiLSTMs, pooling, and attention between and within texts. Labels and losses are in
`task_models.py`. Every layer reads padded tensors and a mask. Masked words have no effect on other words, and outputs
per word are zero there, so texts may be empty and padding may be anywhere.

Dimensions: B batch, W words of a padded row, N unmasked words, D features, H LSTM cells, V vocabulary, T texts of a
row.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from .configuration_elmo import ElmoConfig
from .fast_lstm import LSTMSettings, LSTMWeights, TrainedLSTM
from .fast_path_guards import is_as_made, is_traced, weights_of
from .lstm import scan_lstm
from .packing import Packing
from .scan import Steps, sequences_of


# A plain LSTM has neither.
PLAIN = LSTMSettings(forget_bias=0.0, cell_clip=None, projection_clip=None)


class ElmoWordVectors(nn.Embedding):
    """Static word embeddings `[V, D]`, one row per word id of the tokenizer."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.vocab_size, config.word_vector_size)


def dropout(
    features_BWD: torch.Tensor,
    rate: float,
    training: bool,
    shared_over: str | None = None,
    token_type_ids_BW: torch.Tensor | None = None,
) -> torch.Tensor:
    """Dropout with a mask per word, or with one mask for all words of a text (`shared_over="text"`).

    The shared mask is variational dropout (Gal & Ghahramani 2016), which keeps the words of a text comparable. The two
    texts of a row, which `token_type_ids_BW` distinguishes, get separate masks: with one mask for both, the products of
    their features would be larger in training than in evaluation.
    """
    if shared_over is None or not training:
        return F.dropout(features_BWD, rate, training)
    masks_BTD = F.dropout(features_BWD.new_ones(features_BWD.shape[0], 2, features_BWD.shape[2]), rate)
    if token_type_ids_BW is None:
        return features_BWD * masks_BTD[:, :1]
    return features_BWD * torch.where(token_type_ids_BW.unsqueeze(-1) > 0, masks_BTD[:, 1:], masks_BTD[:, :1])


class TaskInput(nn.Module):
    """The input of a task model: `[x; ELMo]` (section 3.2), static word embeddings x, ELMo vectors, or both.

    `config.task_dropout` applies to x, `config.representation_dropout` to ELMo; `shared_over` is that of [`dropout`].
    """

    def __init__(self, config: ElmoConfig, shared_over: str | None):
        super().__init__()
        self.dropout, self.elmo_dropout = config.task_dropout, config.representation_dropout
        self.shared_over = shared_over
        self.has_elmo = config.elmo_at_input
        self.word_vectors = ElmoWordVectors(config) if config.word_vector_size else None
        self.output_size = config.word_vector_size + (config.hidden_size if config.elmo_at_input else 0)

    def forward(
        self,
        input_ids_BW: torch.Tensor | None,
        elmo_BWD: torch.Tensor | None,
        token_type_ids_BW: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Returns the features `(B, W, output_size)`; pass `None` for an input that the model does not read."""
        features = []
        if self.word_vectors is not None:
            vectors_BWD = self.word_vectors(input_ids_BW)
            features.append(dropout(vectors_BWD, self.dropout, self.training, self.shared_over, token_type_ids_BW))
        if self.has_elmo and elmo_BWD is not None:
            features.append(self.drop_elmo(elmo_BWD, token_type_ids_BW))
        return torch.cat(features, dim=-1)

    def drop_elmo(self, elmo_BWD: torch.Tensor, token_type_ids_BW: torch.Tensor | None) -> torch.Tensor:
        """Applies the dropout of ELMo vectors."""
        return dropout(elmo_BWD, self.elmo_dropout, self.training, self.shared_over, token_type_ids_BW)


class TaskLSTM(nn.LSTM):
    """A BiLSTM. `forward` is torch's; `read` processes the words of a `Packing`, `read_steps` those of a graph.

    For sequences of unequal length on a CPU, torch's backward pass allocates a tensor of all words of the batch at
    every time step. `TrainedLSTM` avoids that: a training step takes half the time, or a third for long sequences. For
    equal lengths, and without gradients, torch is as fast or faster.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, dropout: float):
        dropout = dropout if num_layers > 1 else 0.0
        super().__init__(input_size, hidden_size, num_layers, dropout=dropout, bidirectional=True)

    def read(self, words_ND: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Returns `(N, 2H)` for words `(N, D)`, both in the forward order of a non-empty packing."""
        weights = weights_of(self)
        is_trained = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (words_ND, *weights))
        is_ragged = packing.batch_sizes[0] != packing.batch_sizes[-1]
        autocasts = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if autocasts else words_ND.dtype
        has_one_dtype = autocasts or all(weight.dtype == dtype for weight in weights)
        is_fast = is_trained and is_ragged and words_ND.device.type == "cpu" and has_one_dtype
        if not is_fast or is_traced(words_ND, *weights) or not is_as_made(self):
            # `Packing` uses the order of torch's packed sequences.
            return self(PackedSequence(words_ND, torch.tensor(packing.batch_sizes)))[0].data
        # The position of each word of the forward order in the backward order, and the inverse.
        from_backward_N = packing.backward_index.argsort()[packing.forward_index.argsort().argsort()]
        to_backward_N = from_backward_N.argsort()
        with torch.autocast("cpu", enabled=False):
            hidden = words_ND.to(dtype)
            for layer in range(self.num_layers):
                if layer:
                    hidden = F.dropout(hidden, self.dropout, self.training)
                forward_NH = self._run(hidden, packing.batch_sizes, f"l{layer}")
                backward_NH = self._run(hidden.index_select(0, to_backward_N), packing.batch_sizes, f"l{layer}_reverse")
                hidden = torch.cat([forward_NH, backward_NH.index_select(0, from_backward_N)], dim=-1)
        return hidden

    def read_steps(self, words_BWD: torch.Tensor, steps: Steps) -> torch.Tensor:
        """Returns `(B, W, 2H)` for words `(B, W, D)`, zero outside the mask."""
        for layer in range(self.num_layers):
            if layer:
                words_BWD = F.dropout(words_BWD, self.dropout, self.training)
            directions = []
            for is_backward, name in enumerate((f"l{layer}", f"l{layer}_reverse")):
                weights = self._weights(name, words_BWD.dtype)
                state = self._zero_state(words_BWD, words_BWD.shape[0])
                directions.append(scan_lstm(words_BWD, steps, state, bool(is_backward), weights, PLAIN)[0])
            words_BWD = torch.cat(directions, dim=-1)
        return words_BWD

    def _run(self, inputs_ND: torch.Tensor, batch_sizes: list[int], name: str) -> torch.Tensor:
        """Runs one direction of one layer on `(N, D)`; returns `(N, H)` in the same order."""
        weights, state = self._weights(name, inputs_ND.dtype), self._zero_state(inputs_ND, batch_sizes[0])
        return TrainedLSTM.apply(inputs_ND, *state, *weights, batch_sizes, PLAIN)[0]

    def _weights(self, name: str, dtype: torch.dtype) -> LSTMWeights:
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ih, hh, bias_ih, bias_hh = (getattr(self, f"{kind}_{name}").to(dtype) for kind in kinds)
        return LSTMWeights(ih, hh, bias_ih + bias_hh, None)

    def _zero_state(self, like: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        hidden_SH = like.new_zeros(size, self.hidden_size)
        return hidden_SH, torch.zeros_like(hidden_SH, dtype=torch.promote_types(like.dtype, torch.float32))


@dataclass(frozen=True)
class EncodedWords:
    """The words of a batch, as a task model's first encoder returns them."""

    # What the encoder reads, `[x; ELMo]`, with dropout, `(B, W, D)`.
    inputs: torch.Tensor
    # [h; ELMo'], or h alone, `(B, W, D)`; zero outside the mask.
    features: torch.Tensor
    # `(B, W)`: words, neither padding nor sentence boundaries; the second text, boundaries included.
    mask: torch.Tensor
    is_second: torch.Tensor
    # The biLM's layers, if requested.
    hidden_states: tuple[torch.Tensor, ...] | None

    @property
    def texts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The masks `(B, W)` of the words of the first and of the second text."""
        return self.mask & ~self.is_second, self.mask & self.is_second


class TaskEncoder(nn.Module):
    """A BiLSTM that reads each text separately. With no layers (a linear probe), it returns its input.

    Dropout applies between layers and, at the rate `output_dropout`, to the output; `shared_over` is that of
    [`dropout`]. The output of an encoder that feeds [`Alignment`], where equal words should match, or [`Pooling`] is
    not dropped out.
    """

    def __init__(
        self,
        config: ElmoConfig,
        input_size: int,
        num_layers: int,
        output_dropout: float = 0.0,
        shared_over: str | None = None,
    ):
        super().__init__()
        self.output_dropout = output_dropout
        self.shared_over = shared_over
        self.lstm = TaskLSTM(input_size, config.task_lstm_size, num_layers, config.task_dropout) if num_layers else None
        self.output_size = 2 * config.task_lstm_size if num_layers else input_size

    def forward(
        self, inputs_BWD: torch.Tensor, mask_BW: torch.Tensor, token_type_ids_BW: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Maps `(B, W, input_size)` to `(B, W, output_size)`, zero outside the mask, whose gaps are skipped.

        Each run of equal `token_type_ids_BW` is a text.
        """
        if self.lstm is None:
            return inputs_BWD.masked_fill(~mask_BW.unsqueeze(-1), 0)
        packing = sequences_of(mask_BW, token_type_ids_BW)
        if isinstance(packing, Steps):
            hidden_BWH = self.lstm.read_steps(inputs_BWD, packing)
        elif not packing.batch_sizes:
            return inputs_BWD.new_zeros(*mask_BW.shape, self.output_size)
        else:
            index = packing.forward_index
            hidden_ND = self.lstm.read(inputs_BWD.flatten(0, 1).index_select(0, index), packing)
            hidden = hidden_ND.new_zeros(mask_BW.numel(), self.output_size).index_copy(0, index, hidden_ND)
            hidden_BWH = hidden.view(*mask_BW.shape, self.output_size)
        return dropout(hidden_BWH, self.output_dropout, self.training, self.shared_over, token_type_ids_BW)


class FeedForward(nn.Module):
    """Maps features to scores: one hidden layer with relu and dropout, or a linear layer in a probe."""

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        hidden_size = 2 * config.task_lstm_size
        self.hidden = nn.Linear(input_size, hidden_size) if config.task_lstm_layers else None
        self.output = nn.Linear(hidden_size if self.hidden else input_size, output_size)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps `(..., input_size)` to `(..., output_size)`."""
        if self.hidden is not None:
            features = F.dropout(torch.relu(self.hidden(features)), self.dropout, self.training)
        return self.output(features)


def masked_softmax(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax over the unmasked entries of the last dimension; 0 at masked entries, even if all are masked."""
    # The minimum of the dtype, since a softmax over minus infinity only is NaN, and so is its gradient.
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1).masked_fill(~mask, 0)


def masked_max(features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
    """Returns the maximum of each feature over the words of a text, `(B, D)`; 0 for an empty text."""
    mask_BW1 = mask_BW.unsqueeze(-1)
    if not mask_BW.shape[1]:
        return features_BWD.sum(dim=1)
    maximum_BD = features_BWD.masked_fill(~mask_BW1, torch.finfo(features_BWD.dtype).min).amax(dim=1)
    return maximum_BD.masked_fill(~mask_BW1.any(dim=1), 0)


def masked_mean(features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
    """Returns the mean of each feature over the words of a text, `(B, D)`; 0 for an empty text."""
    mask_BW1 = mask_BW.unsqueeze(-1)
    total_BD = features_BWD.masked_fill(~mask_BW1, 0).sum(dim=1)
    return total_BD / mask_BW1.sum(dim=1).clamp(min=1)


class Pooling(nn.Module):
    """Pools a text to one vector: any of `"attention"`, `"max"` and `"mean"`, concatenated.

    Attention is that of the biattentive classification network (McCann et al. 2017, the paper's model for sentiment): a
    softmax over one learned score per word. Dropout applies to the pooled vector, because the maximum over words that
    are dropped and rescaled would be larger in training than in evaluation.
    """

    def __init__(self, config: ElmoConfig, input_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.kinds = list(config.pooling)
        self.attention = nn.Linear(input_size, 1) if "attention" in self.kinds else None
        self.output_size = input_size * len(self.kinds)

    def forward(self, features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """Returns `(B, output_size)`; zero for an empty text."""
        pooled = {"max": masked_max, "mean": masked_mean, "attention": self._attend}
        vectors = torch.cat([pooled[kind](features_BWD, mask_BW) for kind in self.kinds], dim=-1)
        return F.dropout(vectors, self.dropout, self.training)

    def _attend(self, features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        assert self.attention is not None
        share_BW = masked_softmax(self.attention(features_BWD).squeeze(-1), mask_BW)
        return torch.einsum("bw,bwd->bd", share_BW, features_BWD.masked_fill(~mask_BW.unsqueeze(-1), 0))


class Alignment(nn.Module):
    """Compares each word with the words that it attends to (ESIM: Chen et al. 2017, sections 3.2 and 3.3).

        e_ij = a_i . b_j                       a~_i = sum_j softmax_j(e_ij) b_j
        output_i = relu(W [a_i; a~_i; a_i - a~_i; a_i * a~_i] + b)

    Both texts of a pair are in one row, so one matrix product serves both directions; the mask selects the pairs.
    """

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.projection = nn.Linear(4 * input_size, output_size)

    def forward(self, words_BWD: torch.Tensor, visible_BWW: torch.Tensor) -> torch.Tensor:
        """Maps `(B, W, input_size)`, the words of both texts, to `(B, W, output_size)`.

        `visible_BWW` is true where the first word may attend to the second. A word that may not attend to any is
        compared with zeros.
        """
        share_BWW = masked_softmax(words_BWD @ words_BWD.transpose(1, 2), visible_BWW)
        aligned_BWD = share_BWW @ words_BWD
        compared = torch.cat([words_BWD, aligned_BWD, words_BWD - aligned_BWD, words_BWD * aligned_BWD], dim=-1)
        return F.dropout(torch.relu(self.projection(compared)), self.dropout, self.training)


class PairComparison(nn.Module):
    """Encodes a pair of texts as one vector, as ESIM does (Chen et al. 2017; the paper's model for entailment).

    Every word is compared with the words of the other text that it attends to, a second BiLSTM reads the results, and
    each text is pooled.
    """

    def __init__(self, config: ElmoConfig, input_size: int):
        super().__init__()
        self.alignment = Alignment(config, input_size, 2 * config.task_lstm_size)
        num_layers = min(config.task_lstm_layers, 1)
        self.composition = TaskEncoder(config, 2 * config.task_lstm_size, num_layers)
        self.pooling = Pooling(config, self.composition.output_size)
        self.output_size = 2 * self.pooling.output_size

    def forward(self, words_BWD: torch.Tensor, first_BW: torch.Tensor, second_BW: torch.Tensor) -> torch.Tensor:
        """Maps `(B, W, input_size)`, zero outside the masks of both texts, to `(B, output_size)`."""
        first_sees_BWW = first_BW.unsqueeze(2) & second_BW.unsqueeze(1)
        compared_BWD = self.alignment(words_BWD, first_sees_BWW | first_sees_BWW.transpose(1, 2))
        composed_BWD = self.composition(compared_BWD, first_BW | second_BW, second_BW)
        return torch.cat([self.pooling(composed_BWD, first_BW), self.pooling(composed_BWD, second_BW)], dim=-1)


class TrilinearSimilarity(nn.Module):
    """Similarity of word pairs (BiDAF: Seo et al. 2016, section 2.4): `w1 . h_i + w2 . u_j + w3 . (h_i * u_j)`."""

    def __init__(self, input_size: int):
        super().__init__()
        self.first_weight = nn.Parameter(torch.empty(input_size))
        self.second_weight = nn.Parameter(torch.empty(input_size))
        self.product_weight = nn.Parameter(torch.empty(input_size))

    def forward(self, first_BWD: torch.Tensor, second_BWD: torch.Tensor) -> torch.Tensor:
        """Returns the similarity `(B, W, W)` of every first word, `(B, W, input_size)`, to every second word."""
        first_BW1 = (first_BWD @ self.first_weight).unsqueeze(2)
        second_B1W = (second_BWD @ self.second_weight).unsqueeze(1)
        return first_BW1 + second_B1W + (first_BWD * self.product_weight) @ second_BWD.transpose(1, 2)


class BiAttention(nn.Module):
    """Reads a context with attention to a question (Clark & Gardner 2017, section 2.1, after Seo et al. 2016).

    c_i = sum_j softmax_j(a_ij) q_j        p = softmax_i(max_j a_ij)        q_c = sum_i p_i h_i
    output_i = relu(W [h_i; c_i; h_i * c_i; q_c * c_i] + b)
    """

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.similarity = TrilinearSimilarity(input_size)
        self.projection = nn.Linear(4 * input_size, output_size)

    def forward(self, words_BWD: torch.Tensor, context_BW: torch.Tensor, question_BW: torch.Tensor) -> torch.Tensor:
        """Maps `(B, W, input_size)` to `(B, W, output_size)`, zero outside the mask of the context."""
        if not words_BWD.shape[1]:
            return self.projection(words_BWD.repeat(1, 1, 4))
        scores_BWW = self.similarity(words_BWD, words_BWD)
        sees_BWW = context_BW.unsqueeze(2) & question_BW.unsqueeze(1)
        attended_BWD = masked_softmax(scores_BWW, sees_BWW) @ words_BWD
        best_BW = scores_BWW.masked_fill(~sees_BWW, torch.finfo(scores_BWW.dtype).min).amax(dim=-1)
        share_BW = masked_softmax(best_BW, context_BW & question_BW.any(dim=1, keepdim=True))
        summary_B1D = torch.einsum("bw,bwd->bd", share_BW, words_BWD).unsqueeze(1)
        features = torch.cat([words_BWD, attended_BWD, words_BWD * attended_BWD, summary_B1D * attended_BWD], dim=-1)
        output = dropout(torch.relu(self.projection(features)), self.dropout, self.training, "text")
        return output.masked_fill(~context_BW.unsqueeze(-1), 0)


class SelfAttention(nn.Module):
    """Lets each word of a text attend to all others (Clark & Gardner 2017, section 2.1: self-attention).

    c_i = sum_{j != i} softmax_j(a_ij) h_j        output_i = relu(W [h_i; c_i; h_i * c_i] + b)
    """

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.similarity = TrilinearSimilarity(input_size)
        self.projection = nn.Linear(3 * input_size, output_size)

    def forward(self, words_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """Maps `(B, W, input_size)` to `(B, W, output_size)`, zero outside `mask_BW` `(B, W)`."""
        is_other_WW = ~torch.eye(mask_BW.shape[1], dtype=torch.bool, device=mask_BW.device)
        sees_BWW = mask_BW.unsqueeze(2) & mask_BW.unsqueeze(1) & is_other_WW
        attended_BWD = masked_softmax(self.similarity(words_BWD, words_BWD), sees_BWW) @ words_BWD
        features = torch.cat([words_BWD, attended_BWD, words_BWD * attended_BWD], dim=-1)
        output = dropout(torch.relu(self.projection(features)), self.dropout, self.training, "text")
        return output.masked_fill(~mask_BW.unsqueeze(-1), 0)
