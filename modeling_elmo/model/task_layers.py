# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The layers that the paper's task models put on top of ELMo (Peters et al. 2018, sections 3.2, 3.3 and 4).

How ELMo enters a task model, BiLSTMs over real words, pooling, and attention between and within texts. Nothing here
knows labels, losses or tasks: that is `task_heads.py`. The one idea: every layer takes padded tensors and masks, and
what is masked is zero in the output and changes nothing else, so that a text may be empty and padding be anywhere.

Dimensions: B batch, W words of a padded row, N words that count, D features, H LSTM cells, V vocabulary.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from .configuration_elmo import ElmoConfig
from .fast_lstm import LSTMSettings, TrainedLSTM
from .fast_path_guards import is_traced, weights_of
from .packing import Packing


# What a plain LSTM has none of.
PLAIN = LSTMSettings(forget_bias=0.0, cell_clip=None, projection_clip=None)


class ElmoWordVectors(nn.Embedding):
    """Static word embeddings `[V, D]`, one row per word id of the tokenizer."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.vocab_size, config.word_vector_size)


def text_dropout(
    features_BWD: torch.Tensor, rate: float, training: bool, token_type_ids_BW: torch.Tensor | None = None
) -> torch.Tensor:
    """Variational dropout (Gal & Ghahramani 2016): of the same features in all words of a text.

    Words of one text then stay comparable, and a maximum over them is on average what it is without dropout. The two
    texts of a row, told apart by `token_type_ids_BW`, have a mask each: with one for both, products of their features
    would be greater in training than they are afterwards.
    """
    if not training:
        return features_BWD
    masks_BTD = F.dropout(features_BWD.new_ones(features_BWD.shape[0], 2, features_BWD.shape[2]), rate)
    if token_type_ids_BW is None:
        return features_BWD * masks_BTD[:, :1]
    return features_BWD * torch.where(token_type_ids_BW.unsqueeze(-1) > 0, masks_BTD[:, 1:], masks_BTD[:, :1])


def dropout_by(
    masks: str | None,
    features_BWD: torch.Tensor,
    rate: float,
    training: bool,
    token_type_ids_BW: torch.Tensor | None = None,
) -> torch.Tensor:
    """Dropout with a mask for each word (`"words"`), one for all words of a text (`"texts"`), or none (`None`)."""
    if masks == "texts":
        return text_dropout(features_BWD, rate, training, token_type_ids_BW)
    return F.dropout(features_BWD, rate, training and masks == "words")


class TaskInput(nn.Module):
    """What a task model reads: `[x; ELMo]` (section 3.2), of static word embeddings x and ELMo vectors either or both.

    Each has its own rate of dropout, `config.task_dropout` and `config.representation_dropout`; `masks` as in
    [`dropout_by`].
    """

    def __init__(self, config: ElmoConfig, masks: str):
        super().__init__()
        self.dropout, self.elmo_dropout = config.task_dropout, config.representation_dropout
        self.masks = masks
        self.has_elmo = config.elmo_at_input
        self.word_vectors = ElmoWordVectors(config) if config.word_vector_size else None
        self.output_size = config.word_vector_size + (config.hidden_size if config.elmo_at_input else 0)

    def forward(
        self,
        input_ids_BW: torch.Tensor | None,
        elmo_BWD: torch.Tensor | None,
        token_type_ids_BW: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Returns the features `(B, W, output_size)` of word ids and ELMo vectors; what is not read may be `None`."""
        features = []
        if self.word_vectors is not None:
            vectors_BWD = self.word_vectors(input_ids_BW)
            features.append(dropout_by(self.masks, vectors_BWD, self.dropout, self.training, token_type_ids_BW))
        if self.has_elmo and elmo_BWD is not None:
            features.append(self.drop_elmo(elmo_BWD, token_type_ids_BW))
        return torch.cat(features, dim=-1)

    def drop_elmo(self, elmo_BWD: torch.Tensor, token_type_ids_BW: torch.Tensor | None) -> torch.Tensor:
        """Returns ELMo vectors with their dropout."""
        return dropout_by(self.masks, elmo_BWD, self.elmo_dropout, self.training, token_type_ids_BW)


class TaskLSTM(nn.LSTM):
    """A BiLSTM of one or more layers: `forward` is that of torch, `read` reads the words of a `Packing`.

    For sequences of unequal length, torch's gradient on a CPU makes a tensor of all words of a batch at every time
    step. `TrainedLSTM` does not: a training step took 44 in place of 89 ms for 32 sequences of 5 to 45 words, 248 in
    place of 765 ms for 32 of 31 to 250 (200 cells, one core). Of equal length, and without gradients, torch is as fast
    or faster.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, dropout: float):
        dropout = dropout if num_layers > 1 else 0.0
        super().__init__(input_size, hidden_size, num_layers, dropout=dropout, bidirectional=True)

    def read(self, words_ND: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Returns `(N, 2H)` for words `(N, D)`, both in the forward order of a packing that has words."""
        weights = weights_of(self)
        is_trained = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (words_ND, *weights))
        is_ragged = packing.batch_sizes[0] != packing.batch_sizes[-1]
        autocasts = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if autocasts else words_ND.dtype
        has_one_dtype = autocasts or all(weight.dtype == dtype for weight in weights)
        is_on_cpu = words_ND.device.type == "cpu"
        # Weights that accelerate brings when `forward` is called are on the meta device until then: traced.
        if not (is_trained and is_ragged and is_on_cpu and has_one_dtype) or is_traced(words_ND, *weights):
            # The order of `Packing` is that of torch's packed sequences.
            return self(PackedSequence(words_ND, torch.tensor(packing.batch_sizes)))[0].data
        # Where the words of the forward order stand in the backward order, and the reverse.
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

    def _run(self, inputs_ND: torch.Tensor, batch_sizes: list[int], name: str) -> torch.Tensor:
        """One direction of one layer: `(N, H)` in the order of the inputs `(N, D)`."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ih, hh, bias_ih, bias_hh = (getattr(self, f"{kind}_{name}").to(inputs_ND.dtype) for kind in kinds)
        hidden_SH = inputs_ND.new_zeros(batch_sizes[0], self.hidden_size)
        cell_SH = hidden_SH.to(torch.promote_types(hidden_SH.dtype, torch.float32))
        return TrainedLSTM.apply(inputs_ND, hidden_SH, cell_SH, ih, hh, bias_ih + bias_hh, None, batch_sizes, PLAIN)[0]


class TaskEncoder(nn.Module):
    """A BiLSTM over the words of a text, each text alone; with no layers, the words as they are (a linear probe).

    Dropout comes between its layers, not on what goes in, and on what it gives with `masks` as in [`dropout_by`]: none
    before texts are aligned ([`Alignment`], where equal words are to match) or pooled ([`Pooling`]).
    """

    def __init__(self, config: ElmoConfig, input_size: int, num_layers: int, masks: str | None = None):
        super().__init__()
        self.dropout = config.task_dropout
        self.masks = masks
        self.lstm = TaskLSTM(input_size, config.task_lstm_size, num_layers, config.task_dropout) if num_layers else None
        self.output_size = 2 * config.task_lstm_size if num_layers else input_size

    def forward(
        self, inputs_BWD: torch.Tensor, mask_BW: torch.Tensor, token_type_ids_BW: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Encodes words in the context of their text.

        Args:
            inputs_BWD (`torch.Tensor` of shape `(B, W, input_size)`): Features of the words.
            mask_BW (`torch.Tensor` of shape `(B, W)`): True at the words that count; those of a row follow one another,
                whatever stands between.
            token_type_ids_BW (`torch.Tensor` of shape `(B, W)`, *optional*): The text that each word belongs to: each
                run of equal numbers is read on its own.

        Returns:
            `(B, W, output_size)`, zero outside the mask.
        """
        if self.lstm is None:
            return inputs_BWD.masked_fill(~mask_BW.unsqueeze(-1), 0)
        batch_size, num_words = mask_BW.shape
        packing = Packing.from_mask(mask_BW, token_type_ids_BW)
        index = packing.forward_index
        output_shape = (batch_size * num_words, self.output_size)
        if not packing.batch_sizes:
            return inputs_BWD.new_zeros(output_shape).unflatten(0, (batch_size, num_words))
        words_ND = inputs_BWD.flatten(0, 1).index_select(0, index)
        hidden_ND = self.lstm.read(words_ND, packing)
        hidden = hidden_ND.new_zeros(output_shape).index_copy(0, index, hidden_ND)
        hidden_BWH = hidden.unflatten(0, (batch_size, num_words))
        return dropout_by(self.masks, hidden_BWH, self.dropout, self.training, token_type_ids_BW)


class FeedForward(nn.Module):
    """Features to scores: one hidden layer with relu and dropout, or none (`hidden_size=0`)."""

    def __init__(self, config: ElmoConfig, input_size: int, hidden_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.hidden = nn.Linear(input_size, hidden_size) if hidden_size else None
        self.output = nn.Linear(hidden_size or input_size, output_size)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """`(..., input_size)` to `(..., output_size)`."""
        if self.hidden is not None:
            features = F.dropout(torch.relu(self.hidden(features)), self.dropout, self.training)
        return self.output(features)


def masked_softmax(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax over the last dimension where `mask` is true; 0 elsewhere, and everywhere where all is masked."""
    # The least number, not minus infinity: a softmax over nothing but the latter is NaN, and so is its gradient.
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1).masked_fill(~mask, 0)


def masked_max(features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
    """The greatest value of each feature over the words of a text, `(B, D)`; 0 for a text without words."""
    mask_BW1 = mask_BW.unsqueeze(-1)
    if not mask_BW.shape[1]:
        return features_BWD.sum(dim=1)
    greatest_BD = features_BWD.masked_fill(~mask_BW1, torch.finfo(features_BWD.dtype).min).amax(dim=1)
    return greatest_BD.masked_fill(~mask_BW1.any(dim=1), 0)


def masked_mean(features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
    """The mean of each feature over the words of a text, `(B, D)`; 0 for a text without words."""
    mask_BW1 = mask_BW.unsqueeze(-1)
    total_BD = features_BWD.masked_fill(~mask_BW1, 0).sum(dim=1)
    return total_BD / mask_BW1.sum(dim=1).clamp(min=1)


class Pooling(nn.Module):
    """A text of any length to one vector: any of `"attention"`, `"max"` and `"mean"` pooling, one after the other.

    Attention is that of the biattentive classification network (McCann et al. 2017; the paper's model for sentiment):
    a softmax over the words of one learned score each.

    Dropout is on the vector, not on the words: of values some of which are dropped and the others scaled up, the
    maximum is greater in training than it is afterwards.
    """

    def __init__(self, config: ElmoConfig, input_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.kinds = list(config.pooling)
        self.attention = nn.Linear(input_size, 1) if "attention" in self.kinds else None
        self.output_size = input_size * len(self.kinds)

    def forward(self, features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """Returns `(B, output_size)`; zero for a text without words."""
        pooled = {"max": masked_max, "mean": masked_mean, "attention": self._attend}
        vectors = torch.cat([pooled[kind](features_BWD, mask_BW) for kind in self.kinds], dim=-1)
        return F.dropout(vectors, self.dropout, self.training)

    def _attend(self, features_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        assert self.attention is not None
        share_BW = masked_softmax(self.attention(features_BWD).squeeze(-1), mask_BW)
        return torch.einsum("bw,bwd->bd", share_BW, features_BWD.masked_fill(~mask_BW.unsqueeze(-1), 0))


class Alignment(nn.Module):
    """Each word compared with the words that it attends to (ESIM: Chen et al. 2017, sections 3.2 and 3.3).

        e_ij = a_i . b_j                       a~_i = sum_j softmax_j(e_ij) b_j
        output_i = relu(W [a_i; a~_i; a_i - a~_i; a_i * a~_i] + b)

    Both texts of a pair stand in one row, so one product serves both directions: the mask says who may see whom.
    """

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.projection = nn.Linear(4 * input_size, output_size)

    def forward(self, words_BWD: torch.Tensor, visible_BWW: torch.Tensor) -> torch.Tensor:
        """Compares words.

        Args:
            words_BWD (`torch.Tensor` of shape `(B, W, input_size)`): The words of both texts.
            visible_BWW (`torch.Tensor` of shape `(B, W, W)`): True where the first word may attend to the second. A
                word that may attend to none is compared with zeros.

        Returns:
            `(B, W, output_size)`.
        """
        share_BWW = masked_softmax(words_BWD @ words_BWD.transpose(1, 2), visible_BWW)
        aligned_BWD = share_BWW @ words_BWD
        compared = torch.cat([words_BWD, aligned_BWD, words_BWD - aligned_BWD, words_BWD * aligned_BWD], dim=-1)
        return F.dropout(torch.relu(self.projection(compared)), self.dropout, self.training)


class PairComparison(nn.Module):
    """Two texts to one vector, in the manner of ESIM (Chen et al. 2017; the paper's model for entailment).

    Every word is compared with the words of the other text that it attends to, a second BiLSTM reads what came of it,
    and each text is pooled.
    """

    def __init__(self, config: ElmoConfig, input_size: int):
        super().__init__()
        self.alignment = Alignment(config, input_size, 2 * config.task_lstm_size)
        num_layers = min(config.task_lstm_layers, 1)
        self.composition = TaskEncoder(config, 2 * config.task_lstm_size, num_layers)
        self.pooling = Pooling(config, self.composition.output_size)
        self.output_size = 2 * self.pooling.output_size

    def forward(self, words_BWD: torch.Tensor, first_BW: torch.Tensor, second_BW: torch.Tensor) -> torch.Tensor:
        """Compares the texts of pairs.

        Args:
            words_BWD (`torch.Tensor` of shape `(B, W, input_size)`): The words of both texts; zero elsewhere.
            first_BW (`torch.Tensor` of shape `(B, W)`): True at words of the first text.
            second_BW (`torch.Tensor` of shape `(B, W)`): True at words of the second text.

        Returns:
            `(B, output_size)`.
        """
        first_sees_BWW = first_BW.unsqueeze(2) & second_BW.unsqueeze(1)
        compared_BWD = self.alignment(words_BWD, first_sees_BWW | first_sees_BWW.transpose(1, 2))
        composed_BWD = self.composition(compared_BWD, first_BW | second_BW, second_BW)
        return torch.cat([self.pooling(composed_BWD, first_BW), self.pooling(composed_BWD, second_BW)], dim=-1)


class TrilinearSimilarity(nn.Module):
    """Similarity of every two words (BiDAF: Seo et al. 2016, section 2.4): `w1 . h_i + w2 . u_j + w3 . (h_i * u_j)`."""

    def __init__(self, input_size: int):
        super().__init__()
        self.first_weight = nn.Parameter(torch.empty(input_size))
        self.second_weight = nn.Parameter(torch.empty(input_size))
        self.product_weight = nn.Parameter(torch.empty(input_size))

    def forward(self, first_BWD: torch.Tensor, second_BWD: torch.Tensor) -> torch.Tensor:
        """`(B, W, input_size)` twice to `(B, W, W)`; the second of the dimensions is that of the second words."""
        first_BW1 = (first_BWD @ self.first_weight).unsqueeze(2)
        second_B1W = (second_BWD @ self.second_weight).unsqueeze(1)
        return first_BW1 + second_B1W + (first_BWD * self.product_weight) @ second_BWD.transpose(1, 2)


class BiAttention(nn.Module):
    """Words of a context in the light of a question (Clark & Gardner 2017, section 2.1, after Seo et al. 2016).

    c_i = sum_j softmax_j(a_ij) q_j        p = softmax_i(max_j a_ij)        q_c = sum_i p_i h_i
    output_i = relu(W [h_i; c_i; h_i * c_i; q_c * c_i] + b)
    """

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.similarity = TrilinearSimilarity(input_size)
        self.projection = nn.Linear(4 * input_size, output_size)

    def forward(self, words_BWD: torch.Tensor, context_BW: torch.Tensor, question_BW: torch.Tensor) -> torch.Tensor:
        """Reads the context in the light of the question.

        Args:
            words_BWD (`torch.Tensor` of shape `(B, W, input_size)`): The words of question and context.
            context_BW (`torch.Tensor` of shape `(B, W)`): True at words of the context.
            question_BW (`torch.Tensor` of shape `(B, W)`): True at words of the question.

        Returns:
            `(B, W, output_size)`, zero outside the context.
        """
        if not words_BWD.shape[1]:
            return self.projection(words_BWD.repeat(1, 1, 4))
        scores_BWW = self.similarity(words_BWD, words_BWD)
        sees_BWW = context_BW.unsqueeze(2) & question_BW.unsqueeze(1)
        attended_BWD = masked_softmax(scores_BWW, sees_BWW) @ words_BWD
        best_BW = scores_BWW.masked_fill(~sees_BWW, torch.finfo(scores_BWW.dtype).min).amax(dim=-1)
        share_BW = masked_softmax(best_BW, context_BW & question_BW.any(dim=1, keepdim=True))
        summary_B1D = torch.einsum("bw,bwd->bd", share_BW, words_BWD).unsqueeze(1)
        features = torch.cat([words_BWD, attended_BWD, words_BWD * attended_BWD, summary_B1D * attended_BWD], dim=-1)
        output = text_dropout(torch.relu(self.projection(features)), self.dropout, self.training)
        return output.masked_fill(~context_BW.unsqueeze(-1), 0)


class SelfAttention(nn.Module):
    """Words of a text beside what the other words of it say (Clark & Gardner 2017, section 2.1: self-attention).

    c_i = sum_{j != i} softmax_j(a_ij) h_j        output_i = relu(W [h_i; c_i; h_i * c_i] + b)
    """

    def __init__(self, config: ElmoConfig, input_size: int, output_size: int):
        super().__init__()
        self.dropout = config.task_dropout
        self.similarity = TrilinearSimilarity(input_size)
        self.projection = nn.Linear(3 * input_size, output_size)

    def forward(self, words_BWD: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        """`(B, W, input_size)` to `(B, W, output_size)`, zero outside `mask_BW` `(B, W)`."""
        is_other_WW = ~torch.eye(mask_BW.shape[1], dtype=torch.bool, device=mask_BW.device)
        sees_BWW = mask_BW.unsqueeze(2) & mask_BW.unsqueeze(1) & is_other_WW
        attended_BWD = masked_softmax(self.similarity(words_BWD, words_BWD), sees_BWW) @ words_BWD
        features = torch.cat([words_BWD, attended_BWD, words_BWD * attended_BWD], dim=-1)
        output = text_dropout(torch.relu(self.projection(features)), self.dropout, self.training)
        return output.masked_fill(~mask_BW.unsqueeze(-1), 0)


__all__ = [
    "Alignment",
    "BiAttention",
    "ElmoWordVectors",
    "FeedForward",
    "PairComparison",
    "Pooling",
    "SelfAttention",
    "TaskEncoder",
    "TaskInput",
    "TaskLSTM",
    "TrilinearSimilarity",
    "text_dropout",
]
