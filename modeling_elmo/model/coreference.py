# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Coreference: which spans of a document mean the same (Lee et al. 2017, the paper's model, section 4).

A row is a document. A BiLSTM reads `[x; ELMo]` of each sentence. Every span of a sentence, up to a width, may be a
mention. Its representation has the outputs for its first and last word, the inputs of its words, averaged by a learned
attention (the head), and its width. The spans with the highest scores become the candidates, none of which cross. For
each candidate, the candidates before it and "none of them" are scored as its antecedent:

    score(i, j) = mention(i) + mention(j) + pair(i, j)        score(i, none) = 0

The loss is the negative log-likelihood of all right antecedents together, plus the cross entropy of all spans being
mentions or not, as in Zhang et al. 2018: without it, a mention that is no candidate would have no gradient. Chains of
best antecedents are the clusters.

Dimensions: B batch, N words of a document, L widths of spans, C candidates, K antecedents, M gold mentions, D features,
H hidden units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from transformers.processing_utils import Unpack
from transformers.utils import ModelOutput, TransformersKwargs, auto_docstring
from transformers.utils.generic import can_return_tuple

from .configuration_elmo import IGNORED_LABEL, ElmoConfig
from .packing import check_ids, check_shape
from .task_layers import masked_softmax
from .task_models import ElmoPreTrainedTaskModel


# The first distance of each bucket, counted in candidates.
DISTANCES = (1, 2, 3, 4, 5, 8, 16, 32, 64)

# The first and last word of a mention, counted from 0 without sentence boundaries.
Span = tuple[int, int]


@dataclass
class ElmoCoreferenceOutput(ModelOutput):
    """The output of [`ElmoForCoreferenceResolution`].

    Args:
        loss (`torch.FloatTensor` of shape `(1,)`, *optional*): The loss, if `labels` are given.
        logits (`torch.FloatTensor` of shape `(B, C, 1 + K)`): Entry k is the score of the k-th candidate before each
            candidate as its antecedent, entry 0 that of none. Without a k-th candidate, it is the minimum of the dtype.
        spans (`torch.LongTensor` of shape `(B, C, 2)`): The first and last word of each candidate, in order; -100 where
            a document has fewer candidates.
        hidden_states (`tuple(torch.FloatTensor)`, *optional*): The biLM's layers, if requested.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    spans: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None


class _Document(NamedTuple):
    """The scores of a document. `is_span_NL` is false for spans that cross the end of a sentence."""

    logits_CK: torch.Tensor
    spans_C2: torch.Tensor
    mention_scores_NL: torch.Tensor
    is_span_NL: torch.Tensor


class SpanScorer(nn.Module):
    """Scores every span as a mention, with one hidden layer, and represents some of them.

    The hidden layer is a sum of terms for the first word, the last word, the head and the width, so all but the sum is
    computed once per word rather than once per span.
    """

    def __init__(self, config: ElmoConfig, encoded_size: int, input_size: int, max_width: int):
        super().__init__()
        self.dropout, self.max_width = config.task_dropout, max_width
        size = config.task_lstm_size
        self.attention = nn.Linear(encoded_size, 1)
        self.first = nn.Linear(encoded_size, size)
        self.last = nn.Linear(encoded_size, size, bias=False)
        self.head = nn.Linear(input_size, size, bias=False)
        self.width_embedding = nn.Embedding(max_width, size)
        self.output = nn.Linear(size, 1)
        self.output_size = 2 * encoded_size + input_size + size

    def forward(self, encoded_ND: torch.Tensor, inputs_ND: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the scores `(N, L)` of the spans from each word on, by width, and the shares `(N, L, L)` that their
        words have in the head. Spans beyond the last word have arbitrary values."""
        scores_N1L = self._windows(self.attention(encoded_ND)).transpose(1, 2)
        is_inside_LL = torch.ones(self.max_width, self.max_width, dtype=torch.bool, device=encoded_ND.device).tril()
        shares_NLL = masked_softmax(scores_N1L, is_inside_LL)
        heads_NLH = shares_NLL @ self._windows(self.head(inputs_ND))
        ends_NLH = self._windows(self.last(encoded_ND))
        hidden_NLH = self.first(encoded_ND).unsqueeze(1) + ends_NLH + heads_NLH + self.width_embedding.weight
        hidden_NLH = _drop_units(torch.relu(hidden_NLH), self.dropout, self.training)
        return self.output(hidden_NLH).squeeze(-1), shares_NLL

    def represent(
        self, encoded_ND: torch.Tensor, inputs_ND: torch.Tensor, shares_NLL: torch.Tensor, spans_C2: torch.Tensor
    ) -> torch.Tensor:
        """Returns `[first word; last word; head; width]`, `(C, output_size)`."""
        first_C, last_C = spans_C2.unbind(1)
        width_C = last_C - first_C
        shares_C1L = shares_NLL[first_C, width_C].unsqueeze(1)
        heads_CD = (shares_C1L @ self._windows(inputs_ND)[first_C]).squeeze(1)
        parts = (encoded_ND[first_C], encoded_ND[last_C], heads_CD, self.width_embedding(width_C))
        return torch.cat(parts, dim=-1)

    def _windows(self, features_ND: torch.Tensor) -> torch.Tensor:
        """Returns the features `(N, L, D)` of each word and those after it, zeros beyond the last."""
        padded = F.pad(features_ND, (0, 0, 0, self.max_width - 1))
        return padded.unfold(0, self.max_width, 1).transpose(1, 2)


class AntecedentScorer(nn.Module):
    """Scores pairs of candidates by `[g_i; g_j; p_i * p_j; distance]`, with one hidden layer.

    p is a projection of the representation g. Lee et al. multiply the representations themselves, which have five to
    ten times as many values, and cost as much more.
    """

    def __init__(self, config: ElmoConfig, span_size: int, max_antecedents: int):
        super().__init__()
        self.dropout, self.max_antecedents = config.task_dropout, max_antecedents
        size = config.task_lstm_size
        self.projection = nn.Linear(span_size, size)
        self.anaphor = nn.Linear(span_size, size)
        self.antecedent = nn.Linear(span_size, size, bias=False)
        self.product = nn.Linear(size, size, bias=False)
        self.distance_embedding = nn.Embedding(len(DISTANCES), size)
        self.output = nn.Linear(size, 1)

    def forward(self, candidates_CD: torch.Tensor, mention_scores_C: torch.Tensor) -> torch.Tensor:
        """Returns the scores `(C, 1 + K)` of no antecedent and of the K candidates before each candidate."""
        device, number = candidates_CD.device, len(candidates_CD)
        back_K = torch.arange(1, min(self.max_antecedents, max(number - 1, 0)) + 1, device=device)
        index_CK = torch.arange(number, device=device).unsqueeze(1) - back_K
        is_missing_CK = index_CK < 0
        index_CK = index_CK.clamp(min=0)
        projected_CH = F.dropout(self.projection(candidates_CD), self.dropout, self.training)
        distance_K = torch.bucketize(back_K, torch.tensor(DISTANCES, device=device), right=True) - 1
        hidden_CKH = (
            self.anaphor(candidates_CD).unsqueeze(1)
            + self.antecedent(candidates_CD)[index_CK]
            + self.product(projected_CH.unsqueeze(1) * projected_CH[index_CK])
            + self.distance_embedding(distance_K)
        )
        hidden_CKH = _drop_units(torch.relu(hidden_CKH), self.dropout, self.training)
        pairs_CK = self.output(hidden_CKH).squeeze(-1)
        scores_CK = pairs_CK + mention_scores_C.unsqueeze(1) + mention_scores_C[index_CK]
        lowest = torch.finfo(scores_CK.dtype).min
        scores_CK = scores_CK.masked_fill(is_missing_CK, lowest)
        none_C1 = scores_CK.new_zeros(number, 1)
        # The same number of columns for every document.
        return F.pad(torch.cat([none_C1, scores_CK], dim=1), (0, self.max_antecedents - len(back_K)), value=lowest)


@auto_docstring(
    custom_intro="""
    ELMo with a model of coreference on top: it finds the mentions of a document and which of them mean the same (Lee et
    al. 2017). A row is a document, whose sentences alternate between 0 and 1 in `token_type_ids`. No Auto class of
    transformers has this task.
    """
)
class ElmoForCoreferenceResolution(ElmoPreTrainedTaskModel):
    max_segments = None
    dropout_shared_over = None
    drops_encoded = True
    # The words of the longest mention, how many candidates a document has for each of its words, and how many of the
    # candidates before it are considered for each. Lee et al.: 10, 0.4, 250.
    max_width = 20
    candidates_per_word = 0.3
    max_antecedents = 100

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.spans = SpanScorer(config, self.encoded_size, self.task_input.output_size, self.max_width)
        self.antecedents = AntecedentScorer(config, self.spans.output_size, self.max_antecedents)
        self.post_init()

    @can_return_tuple
    @auto_docstring
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        start_positions: torch.Tensor | None = None,
        end_positions: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | ElmoCoreferenceOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`].
        start_positions (`torch.LongTensor` of shape `(batch_size, num_mentions)`, *optional*):
            The first word of each mention: 0 for the first word of the document. Sentence boundaries do not count.
        end_positions (`torch.LongTensor` of shape `(batch_size, num_mentions)`, *optional*):
            The last word of each mention, likewise.
        labels (`torch.LongTensor` of shape `(batch_size, num_mentions)`, *optional*):
            The cluster of each mention, 0 or more: mentions of one cluster mean the same. -100 is padding. With labels,
            both kinds of positions are required.

        Returns:
            [`ElmoCoreferenceOutput`] or `tuple`: logits and spans, in which [`find_clusters`] finds the clusters.

        Raises:
            `ValueError`: If labels and positions differ in shape, or if a mention is not in its document; see also
                [`ElmoModel`].
            `NotImplementedError`: In a graph, whose sizes can't depend on scores.

        Example:
        ```python
        >>> from modeling_elmo import ElmoConfig, ElmoForCoreferenceResolution, ElmoTokenizer
        >>> from modeling_elmo.fine_tuning import DocumentCollator, encode_document

        >>> tokenizer = ElmoTokenizer()
        >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
        >>> model = ElmoForCoreferenceResolution(ElmoConfig(**sizes)).eval()
        >>> document = [["Ada", "wrote", "programs", "."], ["She", "liked", "them", "."]]
        >>> batch = DocumentCollator(tokenizer)([encode_document(tokenizer, document)])
        >>> model(**batch).spans.shape
        torch.Size([1, 3, 2])
        ```"""
        if torch.compiler.is_compiling():
            raise NotImplementedError(f"{type(self).__name__}: a graph can't choose candidates; export its `elmo`")
        words = self.encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        sentences_BW = torch.zeros_like(words.mask, dtype=torch.long)
        if token_type_ids is not None:
            sentences_BW[:, 1:] = (token_type_ids[:, 1:] != token_type_ids[:, :-1]).cumsum(1)
        gold_BM3 = sentences_BW.new_zeros(len(sentences_BW), 0, 3)
        if labels is not None:
            self._check_mentions(start_positions, end_positions, labels, words.mask.sum(1))
            parts: Any = (start_positions, end_positions, labels)
            gold_BM3 = torch.stack(parts, dim=-1).to(gold_BM3.device)
        documents, losses = [], []
        for row, mask in enumerate(words.mask):
            document = self._score(words.features[row, mask], words.inputs[row, mask], sentences_BW[row, mask])
            documents.append(document)
            gold_M3 = gold_BM3[row][gold_BM3[row, :, 2] != IGNORED_LABEL]
            if labels is not None:
                losses += [_antecedent_loss(document, gold_M3), _mention_loss(document, gold_M3)]
        loss = None
        if labels is not None:
            loss = self.mean_loss(
                torch.stack(losses).sum(), (labels != IGNORED_LABEL).sum(), kwargs.get("num_items_in_batch")
            )
        # As many rows as a document of all columns has: replicas of a model return the same shape.
        size = max(1, int(self.candidates_per_word * words.mask.shape[1]))
        logits = torch.stack([_padded(document.logits_CK, size, 0) for document in documents])
        spans = torch.stack([_padded(document.spans_C2, size, IGNORED_LABEL) for document in documents])
        return ElmoCoreferenceOutput(loss=loss, logits=logits, spans=spans, hidden_states=words.hidden_states)

    def _score(self, encoded_ND: torch.Tensor, inputs_ND: torch.Tensor, sentences_N: torch.Tensor) -> "_Document":
        """Scores the spans of a document and, of the best of them, the antecedents."""
        number = len(encoded_ND)
        if not number:
            logits_CK, scores_NL = (encoded_ND.new_zeros(0, size) for size in (1 + self.max_antecedents, 1))
            return _Document(logits_CK, sentences_N.new_zeros(0, 2), scores_NL, scores_NL.bool())
        scores_NL, shares_NLL = self.spans(encoded_ND, inputs_ND)
        last_NL = torch.arange(number, device=encoded_ND.device).unsqueeze(1)
        last_NL = last_NL + torch.arange(self.max_width, device=encoded_ND.device)
        of_last_NL = F.pad(sentences_N, (0, self.max_width), value=-1)[last_NL]
        is_span_NL = of_last_NL == sentences_N.unsqueeze(1)
        num_kept = int(self.candidates_per_word * number) or min(number, 1)
        spans_C2 = _best_spans(scores_NL, is_span_NL, num_kept)
        candidates_CD = self.spans.represent(encoded_ND, inputs_ND, shares_NLL, spans_C2)
        scores_C = scores_NL[spans_C2[:, 0], spans_C2[:, 1] - spans_C2[:, 0]]
        return _Document(self.antecedents(candidates_CD, scores_C), spans_C2, scores_NL, is_span_NL)

    def _check_mentions(self, starts: Any, ends: Any, labels: torch.Tensor, num_words_B: torch.Tensor) -> None:
        check_shape("labels", labels, (len(num_words_B), "num_mentions"))
        check_ids("labels", labels, torch.iinfo(torch.long).max, IGNORED_LABEL)
        for name, positions in (("start_positions", starts), ("end_positions", ends)):
            check_shape(name, positions, tuple(labels.shape))
        is_wrong = (starts < 0) | (ends < starts) | (ends >= num_words_B.to(ends.device).unsqueeze(1))
        is_wrong &= labels != IGNORED_LABEL
        if is_wrong.any():
            row, column = is_wrong.nonzero()[0].tolist()
            raise ValueError(
                f"start_positions, end_positions: expected the first and last of the {int(num_words_B[row])} words of "
                f"row {row}, counted from 0, found {int(starts[row, column])} and {int(ends[row, column])}"
            )


def _drop_units(hidden: torch.Tensor, rate: float, training: bool) -> torch.Tensor:
    """Dropout of hidden units `(A, B, H)`, with one mask for all B: one for each would take a quarter of a step."""
    if not training:
        return hidden
    return hidden * F.dropout(hidden.new_ones(hidden.shape[0], 1, hidden.shape[2]), rate)


def _padded(rows_CX: torch.Tensor, size: int, value: int) -> torch.Tensor:
    return F.pad(rows_CX, (0, 0, 0, size - len(rows_CX)), value=value)


@torch.no_grad()
def _best_spans(scores_NL: torch.Tensor, is_span_NL: torch.Tensor, num_kept: int) -> torch.Tensor:
    """Returns the spans with the highest scores, none of which cross, `(C, 2)` in the order of the text."""
    index = is_span_NL.flatten().nonzero().squeeze(1)
    order = scores_NL.flatten()[index].argsort(descending=True, stable=True)
    kept: list[Span] = []
    # The last word of the longest kept span from each word on, the first word of the longest one up to each word.
    furthest: dict[int, int] = {}
    earliest: dict[int, int] = {}
    for flat in index[order].tolist():
        if len(kept) == num_kept:
            break
        first, width = divmod(flat, scores_NL.shape[1])
        last = first + width
        if any(furthest.get(word, 0) > last for word in range(first + 1, last + 1)):
            continue
        if any(earliest.get(word, first) < first for word in range(first, last)):
            continue
        kept.append((first, last))
        furthest[first] = max(last, furthest.get(first, last))
        earliest[last] = min(first, earliest.get(last, first))
    return torch.tensor(sorted(kept), dtype=torch.long, device=scores_NL.device).view(-1, 2)


def _mention_loss(document: _Document, gold_M3: torch.Tensor) -> torch.Tensor:
    """Returns the sum over all spans of the cross entropy of whether they are mentions."""
    scores_NL, is_span_NL = document.mention_scores_NL.float(), document.is_span_NL
    first_M, width_M = gold_M3[:, 0], gold_M3[:, 1] - gold_M3[:, 0]
    is_short_M = width_M < scores_NL.shape[1]
    target_NL = torch.zeros_like(scores_NL)
    target_NL[first_M[is_short_M], width_M[is_short_M]] = 1
    return F.binary_cross_entropy_with_logits(scores_NL[is_span_NL], target_NL[is_span_NL], reduction="sum")


def _antecedent_loss(document: _Document, gold_M3: torch.Tensor) -> torch.Tensor:
    """Returns the sum over candidates of `-log P(a right antecedent)`.

    The right one is none for the first mention of a cluster, and for a candidate that is no mention.
    """
    logits_CK, spans_C2 = document.logits_CK, document.spans_C2
    # One row more, which is no span: there may be no mention.
    gold_M3 = F.pad(gold_M3, (0, 0, 0, 1), value=-1)
    is_gold_CM = (spans_C2.unsqueeze(1) == gold_M3[:, :2]).all(-1)
    # If a span is in two clusters, the first counts.
    cluster_C = torch.where(is_gold_CM.any(1), gold_M3[is_gold_CM.long().argmax(1), 2], -1)
    number, num_columns = logits_CK.shape
    index_CK = torch.arange(number, device=logits_CK.device).unsqueeze(1) - torch.arange(
        1, num_columns, device=logits_CK.device
    )
    is_right_CK = (index_CK >= 0) & (cluster_C[index_CK.clamp(min=0)] == cluster_C.unsqueeze(1))
    is_right_CK &= cluster_C.unsqueeze(1) >= 0
    is_right_CK = torch.cat([~is_right_CK.any(1, keepdim=True), is_right_CK], dim=1)
    scores_CK = logits_CK.float()
    right_CK = scores_CK.masked_fill(~is_right_CK, torch.finfo(scores_CK.dtype).min)
    return (scores_CK.logsumexp(1) - right_CK.logsumexp(1)).sum()


def find_clusters(spans: Any, logits: Any) -> list[list[list[Span]]]:
    """Finds the clusters of documents: each candidate joins the cluster of its best antecedent.

    Args:
        spans (`torch.Tensor` or array of shape `(B, C, 2)`): Of [`ElmoCoreferenceOutput`].
        logits (`torch.Tensor` or array of shape `(B, C, 1 + K)`): Likewise.

    Returns:
        `list`: For each document, its clusters: the first and last words of at least two mentions each, in order.
    """
    best: Sequence[Sequence[int]] = torch.as_tensor(logits).argmax(-1).tolist()
    found = []
    for of_document, back in zip(torch.as_tensor(spans).tolist(), best):
        clusters: list[list[Span]] = []
        cluster_of: list[list[Span]] = []
        for index, ((first, last), steps) in enumerate(zip(of_document, back)):
            # Padding has no antecedent, so it makes clusters of one.
            if not steps:
                clusters.append([])
            cluster_of.append(cluster_of[index - steps] if steps else clusters[-1])
            cluster_of[-1].append((first, last))
        found.append([cluster for cluster in clusters if len(cluster) > 1])
    return found
