# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo with task models on top: tagging, classification, question answering, multiple choice.

Combines the layers of `task_layers.py` into the task models of the paper (Peters et al. 2018, section 4), and computes
losses. Task models read words only: the sentence boundaries `<S>` and `</S>`, which the biLM needs, are masked like
padding, as in the original. They are not pooled, attended to, labelled or part of an answer.

Every loss is a sum over the counted items (words, examples, values) divided by their number in the whole optimisation
step, so gradients accumulated over small batches equal those of one large batch. `Trainer` counts the `labels` other
than -100 and passes the result as `num_items_in_batch`; without it, a batch counts its own items.

Dimensions: B batch, W words of a padded row, D features.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import initialization as init
from transformers.modeling_outputs import (
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, auto_docstring, logging
from transformers.utils.generic import can_return_tuple

from .bilm import ElmoModel
from .configuration_elmo import IGNORED_LABEL, ElmoConfig
from .crf import ConditionalRandomField
from .packing import check_ids, check_shape
from .pretrained import ElmoPreTrainedModel
from .scalar_mix import ScalarMix
from .scan import sequences_of
from .task_layers import (
    BiAttention,
    ElmoWordVectors,
    EncodedWords,
    FeedForward,
    PairComparison,
    Pooling,
    SelfAttention,
    TaskEncoder,
    TaskInput,
    TaskLSTM,
    TrilinearSimilarity,
)


logger = logging.get_logger(__name__)


def _is_one_of(ids: torch.Tensor, marks: list[int]) -> torch.Tensor:
    """Returns `torch.isin(ids, marks)`, which ONNX has no operator for."""
    return (ids.unsqueeze(-1) == torch.tensor(marks, dtype=torch.long, device=ids.device)).any(-1)


@auto_docstring(
    custom_intro="""
    The base of ELMo models with a task model on top: how ELMo vectors enter it.
    """
)
class ElmoPreTrainedTaskModel(ElmoPreTrainedModel):
    # The number of texts per row; `token_type_ids` distinguishes two. None: any number, such as a document's sentences.
    max_segments: int | None = 1
    # Dropout as in the reference models: variational (Chen et al. 2017 in AllenNLP, Clark & Gardner 2017) where words
    # are compared, and none between the first encoder and an alignment or pooling.
    dropout_shared_over: str | None = "text"
    drops_encoded = False
    # How many features of each word, besides its vectors, the first encoder reads.
    num_word_features = 0

    def __init__(self, config: ElmoConfig):
        num_mixes = config.elmo_at_input + config.elmo_at_output
        config.num_output_representations = max(config.num_output_representations, num_mixes)
        super().__init__(config)
        self.elmo = ElmoModel(config)
        # The task model applies this dropout itself.
        self.elmo.representation_dropout = 0.0
        self.task_input = TaskInput(config, self.dropout_shared_over)
        output_dropout = config.task_dropout if self.drops_encoded else 0.0
        input_size = self.task_input.output_size + self.num_word_features
        self.encoder = TaskEncoder(
            config, input_size, config.task_lstm_layers, output_dropout, self.dropout_shared_over
        )
        self.encoded_size = self.encoder.output_size + (config.hidden_size if config.elmo_at_output else 0)

    def post_init(self) -> None:
        super().post_init()
        self.apply_freeze()

    def apply_freeze(self) -> None:
        if self.task_input.word_vectors is not None and self.config.freeze_word_vectors:
            self.task_input.word_vectors.requires_grad_(False)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, TaskLSTM):
            self._init_lstm(module)
        elif isinstance(module, ElmoWordVectors):
            init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, TrilinearSimilarity):
            for weight in module.parameters():
                init.normal_(weight, std=len(weight) ** -0.5)
        elif isinstance(module, ConditionalRandomField):
            for weight in module.parameters():
                init.zeros_(weight)
        else:
            super()._init_weights(module)

    def _init_lstm(self, lstm: TaskLSTM) -> None:
        """Input weights: Glorot per gate. Recurrent weights: orthogonal. Biases: 1 for the forget gate, 0 elsewhere."""
        for name, parameter in lstm.named_parameters():
            # In float32: orthogonal matrices have no half-precision algorithm.
            gates = [torch.zeros_like(gate, dtype=torch.float32) for gate in parameter.chunk(4)]
            for index, gate in enumerate(gates):
                if name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(gate)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(gate)
                elif name.startswith("bias_ih") and index == 1:
                    nn.init.ones_(gate)
            init.copy_(parameter, torch.cat(gates).to(parameter.dtype))

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Module:
        """As in [`ElmoPreTrainedModel`]. New rows of static word embeddings are zero; surplus rows are dropped."""
        embeddings = super().resize_token_embeddings(new_num_tokens, *args, **kwargs)
        table, size = self.task_input.word_vectors, self.config.vocab_size
        if table is not None and table.num_embeddings != size:
            weight = F.pad(table.weight.detach(), (0, 0, 0, size - table.num_embeddings))
            table.weight = nn.Parameter(weight, requires_grad=table.weight.requires_grad)
            table.num_embeddings = size
        return embeddings

    def set_word_vectors(self, matrix: torch.Tensor) -> None:
        """Sets the static word embeddings `(vocab_size, word_vector_size)`, for example to `load_word_vectors`.

        Raises:
            `ValueError`: If the model has no static word embeddings, or has embeddings of another shape.
        """
        if self.task_input.word_vectors is None:
            raise ValueError(
                f"matrix: this model has no static word embeddings; load it with word_vector_size={matrix.shape[-1]}"
            )
        weight = self.task_input.word_vectors.weight
        check_shape("matrix", matrix, tuple(weight.shape))
        with torch.no_grad():
            weight.copy_(matrix)

    def encode(
        self,
        input_ids: torch.Tensor | None,
        character_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None,
        token_type_ids: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
        *,
        word_features: Callable[[torch.Tensor], torch.Tensor] | None = None,
        **kwargs: Any,
    ) -> EncodedWords:
        """Runs the biLM and the task model's first encoder. See [`ElmoModel`] for the inputs.

        `word_features` returns the `num_word_features` of each word, `(B, W, D)`, for the mask of the words `(B, W)`.
        """
        config, elmo = self.config, self.elmo
        _, is_real = elmo.checked_inputs(input_ids, character_ids, inputs_embeds, attention_mask, token_type_ids)
        is_second = self._find_second_text(is_real, token_type_ids)
        # Only the biLM reads the sentences of a text separately.
        texts = is_second.long() if self.max_segments == 2 and token_type_ids is not None else token_type_ids
        mask = is_real & ~self._find_boundaries(input_ids, character_ids, is_real)
        if config.word_vector_size:
            if input_ids is None:
                raise ValueError("input_ids: this model requires word ids to look up its static word embeddings")
            check_ids("input_ids", input_ids, config.vocab_size)

        representations: Any = (None,)
        hidden_states = None
        # A baseline of static word embeddings alone does not need the biLM.
        wants_states = kwargs.get("output_hidden_states", config.output_hidden_states)
        if config.elmo_at_input or config.elmo_at_output or wants_states:
            inputs = (input_ids, character_ids, is_real, token_type_ids, inputs_embeds)
            outputs = elmo(*inputs, return_dict=True, **kwargs)
            representations, hidden_states = outputs.elmo_representations, outputs.hidden_states
        features = self.task_input(input_ids, representations[0], texts)
        if word_features is not None:
            features = torch.cat([features, word_features(mask)], dim=-1)
        inputs, features = features, self.encoder(features, mask, texts)
        if config.elmo_at_output:
            at_output = self.task_input.drop_elmo(representations[config.elmo_at_input], texts)
            features = torch.cat([features, at_output.masked_fill(~mask.unsqueeze(-1), 0)], dim=-1)
        return EncodedWords(inputs, features, mask, is_second, hidden_states)

    def _find_second_text(self, is_real: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        """Returns the mask `(B, W)` of each row's second text. Raises `ValueError` if rows have too many texts."""
        if self.max_segments is None:
            return torch.zeros_like(is_real)
        if self.max_segments == 1:
            # A single text may have any type id.
            if token_type_ids is not None and sequences_of(is_real, token_type_ids).has_segments:
                raise ValueError(
                    "token_type_ids: this model reads one text per row, found several; to classify pairs of texts, "
                    "load it with num_segments=2"
                )
            return torch.zeros_like(is_real)
        if token_type_ids is None:
            raise ValueError(
                "token_type_ids: this model reads two texts and requires token_type_ids, 0 in the first and 1 in the "
                "second; tokenizer(texts, text_pairs) returns them"
            )
        is_second = is_real & (token_type_ids > 0)
        # The second text begins with 1; its sentences may alternate between 1 and 2.
        is_one = is_real & (token_type_ids == 1)
        is_wrong = is_real & (((token_type_ids != 0) != (is_one.cumsum(1) > 0)) | (token_type_ids > 2))
        if not torch.compiler.is_compiling() and is_wrong.any():
            row = int(is_wrong.any(1).nonzero()[0])
            found = token_type_ids[row][is_real[row]].unique_consecutive().tolist()
            raise ValueError(
                f"token_type_ids: expected 0 in the first text, then 1 in the second, found {found[:4]} in row {row} "
                "(only sentences of the second may have 1 and 2 by turns)"
            )
        return is_second

    def _find_boundaries(
        self, input_ids: torch.Tensor | None, character_ids: torch.Tensor | None, is_real: torch.Tensor
    ) -> torch.Tensor:
        """Returns the mask `(B, W)` of `<S>` and `</S>`. Token embeddings passed instead of ids have none."""
        if self.config.token_input == "words" and input_ids is not None:
            marks = [mark for mark in (self.config.bos_token_id, self.config.eos_token_id) if mark is not None]
            return _is_one_of(input_ids, marks)
        if character_ids is not None:
            # The only character, after the begin-of-word mark.
            marks = [self.config.bos_character_id, self.config.eos_character_id]
            return _is_one_of(character_ids[..., 1], marks)
        return torch.zeros_like(is_real)

    def mean_loss(
        self, total: torch.Tensor, num_items: torch.Tensor | int, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        """Returns the loss to minimise: a mean, in training plus the penalty of the scalar mixes.

        `total` is the sum of the losses of the `num_items` of a batch, `num_items_in_batch` their number in the whole
        optimisation step, on all devices. The penalty is divided in the same way, so that it counts once per step.
        """
        divisor = num_items if num_items_in_batch is None else num_items_in_batch
        divisor = torch.as_tensor(divisor, device=total.device).clamp(min=1)
        loss = total / divisor
        if self.training and self.config.mix_l2:
            share = 1.0 if num_items_in_batch is None else torch.as_tensor(num_items, device=total.device) / divisor
            loss = loss + share * self._mix_penalty()
        return loss

    def _mix_penalty(self) -> torch.Tensor | float:
        """The paper's lambda * ||w||^2 (section 3.3) of the mixes in use, with w before the softmax, without gamma."""
        num_mixes = self.config.elmo_at_input + self.config.elmo_at_output
        mixes = [mix for mix in self.elmo.scalar_mixes[:num_mixes] if isinstance(mix, ScalarMix)]
        squares = [mix.weight.float().square().sum() for mix in mixes if mix.fixed_weight is None]
        return self.config.mix_l2 * torch.stack(squares).sum() if squares else 0.0


class ElmoPreTrainedLabelingModel(ElmoPreTrainedTaskModel):
    """The base of models with one label per word, from a linear layer or, with `use_crf=True`, a CRF on top of it."""

    dropout_shared_over = None
    drops_encoded = True

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        # transformers recognizes it by the names of its classes.
        self.loss_type = "ForTokenClassification"
        self.classifier = nn.Linear(self.encoded_size, config.num_labels)
        self.crf: Any = ConditionalRandomField.from_config(config) if config.use_crf else None

    def label_words(
        self, words: EncodedWords, labels: torch.Tensor | None, num_items_in_batch: torch.Tensor | int | None
    ) -> TokenClassifierOutput:
        """Scores the labels of words; labels `(B, W)` of -100, and those outside the words, are ignored."""
        logits = self.classifier(words.features)
        loss = None
        if labels is not None:
            check_shape("labels", labels, tuple(logits.shape[:2]))
            check_ids("labels", labels, self.config.num_labels, IGNORED_LABEL)
            labels = labels.to(logits.device, torch.long).masked_fill(~words.mask.to(logits.device), IGNORED_LABEL)
            if self.config.use_crf:
                total = -self.crf(logits, labels).sum()
            else:
                total = self.loss_function(logits, labels, self.config, num_items_in_batch=1)
            loss = self.mean_loss(total, (labels != IGNORED_LABEL).sum(), num_items_in_batch)
        if self.crf is not None and not self.training:
            logits = self.crf(logits, mask_BW=words.mask)
        return TokenClassifierOutput(loss=loss, logits=logits, hidden_states=words.hidden_states)


@auto_docstring(
    custom_intro="""
    ELMo with a BiLSTM tagger on top, one label per word: named entities, chunks, parts of speech, word senses. With
    `use_crf=True`, this is the paper's model for named entities (section 4).
    """
)
class ElmoForTokenClassification(ElmoPreTrainedLabelingModel):
    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        if config.label_scheme is not None and not config.use_crf:
            raise ValueError(f"label_scheme={config.label_scheme!r} requires use_crf=True")
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
        labels: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | TokenClassifierOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`].
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Labels, 0 to `config.num_labels - 1`. Words labelled -100, padding, `<S>` and `</S>` are ignored.

        Returns:
            [`~transformers.modeling_outputs.TokenClassifierOutput`] or `tuple`. The logits are
            `(batch_size, num_words, num_labels)`. With a CRF in evaluation mode, they are relative to the best label
            sequence under the constraints of `label_scheme`, which is their argmax (Viterbi): the score of the best
            sequence with that label at that word. In training mode, they are the input of the CRF.

        Raises:
            `ValueError`: If labels have the wrong shape or are out of range; see also [`ElmoModel`].

        Example:
        ```python
        >>> import torch
        >>> from modeling_elmo import ElmoConfig, ElmoForTokenClassification, ElmoTokenizer

        >>> tokenizer = ElmoTokenizer()
        >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
        >>> labels = {0: "O", 1: "B-PER", 2: "I-PER"}
        >>> config = ElmoConfig(**sizes, id2label=labels, use_crf=True, label_scheme="BIO")
        >>> model = ElmoForTokenClassification(config).eval()
        >>> batch = tokenizer(["Ada", "Lovelace", "wrote"], is_split_into_words=True, return_tensors="pt")
        >>> output = model(**batch, labels=torch.tensor([[-100, 1, 2, 0, -100]]))
        >>> output.logits.shape
        torch.Size([1, 5, 3])
        ```"""
        words = self.encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        return self.label_words(words, labels, kwargs.get("num_items_in_batch"))


@auto_docstring(
    custom_intro="""
    ELMo with a classifier or regressor of texts on top (a BiLSTM and pooling), or of pairs of texts
    (`config.num_segments=2`: with attention between the texts). `config.problem_type` selects the loss.
    """
)
class ElmoForSequenceClassification(ElmoPreTrainedTaskModel):
    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.max_segments = config.num_segments
        if config.num_segments == 1:
            self.pooling = Pooling(config, self.encoded_size)
            size = self.pooling.output_size
        else:
            self.comparison = PairComparison(config, self.encoded_size)
            size = self.comparison.output_size
        self.classifier = FeedForward(config, size, config.num_labels)
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
        labels: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | SequenceClassifierOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`];
            `config.num_segments=2` requires `token_type_ids`.
        labels (`torch.Tensor` of shape `(batch_size,)` or `(batch_size, num_labels)`, *optional*):
            Labels, 0 to `config.num_labels - 1`; for `"multi_label_classification"`, targets `(batch_size, num_labels)`
            from 0 to 1; for `"regression"`, values. Entries of -100 are ignored. An unset `config.problem_type` is
            inferred: regression if `num_labels` is 1, otherwise single-label for integers and multi-label for floats.

        Returns:
            [`~transformers.modeling_outputs.SequenceClassifierOutput`] or `tuple`. The logits are
            `(batch_size, num_labels)`.

        Raises:
            `ValueError`: If rows have more texts than `config.num_segments`, or if labels don't fit the problem type;
                see also [`ElmoModel`].

        Example:
        ```python
        >>> from modeling_elmo import ElmoConfig, ElmoForSequenceClassification, ElmoTokenizer

        >>> tokenizer = ElmoTokenizer()
        >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
        >>> model = ElmoForSequenceClassification(ElmoConfig(**sizes, num_labels=3, num_segments=2)).eval()
        >>> model(**tokenizer("A man sleeps.", "Nobody is awake.", return_tensors="pt")).logits.shape
        torch.Size([1, 3])
        ```"""
        words = self.encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        if self.max_segments == 1:
            features = self.pooling(words.features, words.mask)
        else:
            if not torch.compiler.is_compiling() and not words.is_second.any():
                logger.warning_once("token_type_ids: no text has a second text, but this model classifies pairs.")
            features = self.comparison(words.features, *words.texts)
        logits = self.classifier(features)
        loss = None
        if labels is not None:
            loss = self._loss(logits, labels.to(logits.device), kwargs.get("num_items_in_batch"))
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=words.hidden_states)

    def _loss(
        self, logits: torch.Tensor, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        config = self.config
        if config.problem_type is None and config.num_labels == 1:
            config.problem_type = "regression"
        elif config.problem_type is None:
            kind = "multi" if labels.is_floating_point() else "single"
            config.problem_type = f"{kind}_label_classification"
        is_ignored = labels == IGNORED_LABEL
        num_items = (~is_ignored).sum()
        if config.problem_type == "single_label_classification":
            if labels.ndim == 2 and labels.shape[1] == 1:
                labels = labels.squeeze(1)
            check_shape("labels", labels, tuple(logits.shape[:1]))
            check_ids("labels", labels, config.num_labels, IGNORED_LABEL)
            scores, targets = logits.float(), labels.long()
            total = self.loss_function(labels=targets, pooled_logits=scores, config=config, num_items_in_batch=1)
            return self.mean_loss(total, num_items, num_items_in_batch)
        # The losses of transformers for the other problem types ignore `num_items_in_batch`.
        if config.num_labels == 1 and labels.ndim == 1:
            labels, is_ignored = labels.unsqueeze(1), is_ignored.unsqueeze(1)
        check_shape("labels", labels, tuple(logits.shape))
        targets = labels.float()
        if config.problem_type == "regression":
            losses = (logits.float() - targets).square()
        else:
            if (~is_ignored & ((targets < 0) | (targets > 1))).any():
                raise ValueError("labels: expected values from 0 to 1, or -100, for multi_label_classification")
            losses = F.binary_cross_entropy_with_logits(logits.float(), targets.clamp(min=0), reduction="none")
        return self.mean_loss(losses.masked_fill(is_ignored, 0).sum(), num_items, num_items_in_batch)


@auto_docstring(
    custom_intro="""
    ELMo with a model for extractive question answering on top: attention between question and context, and within the
    context (the paper's model for SQuAD: BiDAF, Seo et al. 2016, as improved by Clark & Gardner 2017). The question is
    the first text, the context the second.
    """
)
class ElmoForQuestionAnswering(ElmoPreTrainedTaskModel):
    max_segments = 2
    drops_encoded = True

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        size, num_layers = 2 * config.task_lstm_size, min(config.task_lstm_layers, 1)
        output_dropout = (config.task_dropout, self.dropout_shared_over)
        self.bi_attention = BiAttention(config, self.encoded_size, size)
        self.modeling_encoder = TaskEncoder(config, size, num_layers, *output_dropout)
        self.self_attention = SelfAttention(config, size, size)
        self.start_encoder = TaskEncoder(config, size, num_layers, *output_dropout)
        self.start_classifier = nn.Linear(size, 1)
        self.end_encoder = TaskEncoder(config, 2 * size, num_layers, *output_dropout)
        self.end_classifier = nn.Linear(self.end_encoder.output_size, 1)
        if config.allows_no_answer:
            self.comparison = PairComparison(config, self.encoded_size)
            self.no_answer_classifier = FeedForward(config, self.comparison.output_size, 1)
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
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | QuestionAnsweringModelOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`];
            `token_type_ids` are required. For a context whose sentences the biLM reads separately, see
            [`~modeling_elmo.fine_tuning.encode_by_sentence`].
        start_positions (`torch.LongTensor` of shape `(batch_size,)`, *optional*):
            Column of the first word of the answer. With `config.allows_no_answer`, 0 if there is none. Otherwise a
            position that is not a word of the context (for example where a piece of a long context lacks the answer)
            is ignored.
        end_positions (`torch.LongTensor` of shape `(batch_size,)`, *optional*):
            Column of the last word of the answer.

        Returns:
            [`~transformers.modeling_outputs.QuestionAnsweringModelOutput`] or `tuple`. Start and end logits are
            `(batch_size, num_words)`, the minimum of their dtype outside the words of the context. With
            `config.allows_no_answer`, column 0 of both is the score of no answer, as that of `[CLS]` is in models such
            as BERT. The loss is a mean over all examples of the batch, including those without an answer. `Trainer`
            counts the examples of a step by their `labels`: add a `label` to each, for instance 0, to make accumulated
            gradients exact.

        Raises:
            `ValueError`: If a row does not have two texts, or if positions have the wrong shape; see also
                [`ElmoModel`].

        Example:
        ```python
        >>> from modeling_elmo import ElmoConfig, ElmoForQuestionAnswering, ElmoTokenizer
        >>> from modeling_elmo.fine_tuning import best_spans

        >>> tokenizer = ElmoTokenizer()
        >>> config = ElmoConfig(cell_size=64, projection_size=16, character_filters=[[1, 8], [3, 24]])
        >>> model = ElmoForQuestionAnswering(config).eval()
        >>> output = model(**tokenizer("Who wrote it?", "Ada Lovelace wrote it.", return_tensors="pt"))
        >>> spans = best_spans(output.start_logits, output.end_logits, max_answer_length=3, top_k=2)
        >>> spans.starts.shape
        torch.Size([1, 2])
        ```"""
        words = self.encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        question, context = words.texts
        is_incomplete = words.mask.any(1) & ~words.is_second.any(1)
        if not torch.compiler.is_compiling() and is_incomplete.any():
            raise ValueError(
                "token_type_ids: expected a question (0) and a context (1) in every row, found no context in row "
                f"{int(is_incomplete.nonzero()[0])}; tokenizer(questions, contexts) returns both"
            )
        features = self.bi_attention(words.features, context, question)
        features = features + self.self_attention(self.modeling_encoder(features, context), context)
        starts = self.start_encoder(features, context)
        ends = self.end_encoder(torch.cat([starts, features], dim=-1), context)
        logits = (self.start_classifier(starts).squeeze(-1), self.end_classifier(ends).squeeze(-1))
        # With minus infinity, the cross-entropy of a row without context would be NaN.
        start_logits, end_logits = (scores.masked_fill(~context, torch.finfo(scores.dtype).min) for scores in logits)
        if self.config.allows_no_answer:
            no_answer = self.no_answer_classifier(self.comparison(words.features, question, context))
            # Not slices: their length would exclude a text of two words from an exported graph.
            is_first = torch.arange(context.shape[1], device=context.device) == 0
            start_logits, end_logits = (torch.where(is_first, no_answer, of) for of in (start_logits, end_logits))
            # A position that the loss counts.
            context = context | is_first
        loss = None
        if start_positions is not None and end_positions is not None:
            start_loss = self._loss(start_logits, start_positions, context, "start_positions")
            end_loss = self._loss(end_logits, end_positions, context, "end_positions")
            loss = self.mean_loss((start_loss + end_loss) / 2, len(start_logits), kwargs.get("num_items_in_batch"))
        return QuestionAnsweringModelOutput(
            loss=loss, start_logits=start_logits, end_logits=end_logits, hidden_states=words.hidden_states
        )

    def _loss(self, logits: torch.Tensor, positions: torch.Tensor, context: torch.Tensor, name: str) -> torch.Tensor:
        """Returns the sum of the losses of the rows whose position is in the context."""
        positions = positions.to(logits.device, torch.long)
        if positions.ndim == 2 and positions.shape[1] == 1:
            positions = positions.squeeze(1)
        check_shape(name, positions, (len(logits),))
        column = positions.clamp(0, logits.shape[1] - 1)
        is_answer = (column == positions) & context.gather(1, column.unsqueeze(1)).squeeze(1)
        column = column.masked_fill(~is_answer, IGNORED_LABEL)
        return F.cross_entropy(logits.float(), column, ignore_index=IGNORED_LABEL, reduction="sum")


@auto_docstring(
    custom_intro="""
    ELMo with a multiple-choice model on top: each choice is compared with the prompt as
    [`ElmoForSequenceClassification`] compares the texts of a pair, and scored. The prompt is the first text, the choice
    the second.
    """
)
class ElmoForMultipleChoice(ElmoPreTrainedTaskModel):
    max_segments = 2

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.comparison = PairComparison(config, self.encoded_size)
        self.classifier = FeedForward(config, self.comparison.output_size, 1)
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
        labels: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | MultipleChoiceModelOutput:
        r"""
        input_ids (`torch.LongTensor` of shape `(batch_size, num_choices, num_words)`, *optional*):
            Word ids of prompt and choice. All inputs are those of [`ElmoModel`] with an added dimension of choices;
            `token_type_ids` are required.
        character_ids (`torch.LongTensor` of shape `(batch_size, num_choices, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them, or their last two dimensions flattened to one, as
            `DataCollatorForMultipleChoice` returns them.
        token_type_ids (`torch.LongTensor` of shape `(batch_size, num_choices, num_words)`):
            0 in the prompt, 1 in the choice.
        labels (`torch.LongTensor` of shape `(batch_size,)`, *optional*):
            The correct choice, 0 to `num_choices - 1`. Examples labelled -100 are ignored.

        Returns:
            [`~transformers.modeling_outputs.MultipleChoiceModelOutput`] or `tuple`. The logits are
            `(batch_size, num_choices)`.

        Raises:
            `ValueError`: If the inputs lack the dimension of choices, or if labels are out of range; see also
                [`ElmoModel`].
        """  # noqa: E501
        if character_ids is not None and character_ids.ndim == 3:
            character_ids = character_ids.unflatten(2, (-1, self.config.max_characters_per_token))
        inputs = (input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds)
        given = [tensor for tensor in inputs if tensor is not None]
        if any(tensor.ndim < 3 or tensor.shape[:2] != given[0].shape[:2] for tensor in given):
            raise ValueError(
                "expected inputs of shape (batch_size, num_choices, num_words, ...), found "
                + ", ".join(str(tuple(tensor.shape)) for tensor in given)
            )
        words = self.encode(*(tensor if tensor is None else tensor.flatten(0, 1) for tensor in inputs), **kwargs)
        logits = self.classifier(self.comparison(words.features, *words.texts)).view(given[0].shape[:2])
        loss = None
        if labels is not None:
            labels = labels.to(logits.device)
            check_shape("labels", labels, tuple(logits.shape[:1]))
            check_ids("labels", labels, logits.shape[1], IGNORED_LABEL)
            total = F.cross_entropy(logits.float(), labels.long(), ignore_index=IGNORED_LABEL, reduction="sum")
            loss = self.mean_loss(total, (labels != IGNORED_LABEL).sum(), kwargs.get("num_items_in_batch"))
        return MultipleChoiceModelOutput(loss=loss, logits=logits, hidden_states=words.hidden_states)
