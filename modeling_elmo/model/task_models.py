# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo with task models on top: tagging, classification, question answering, multiple choice.

Puts the layers of `task_layers.py` together in the manner of the paper's task models (Peters et al. 2018, section 4),
computes losses and checks labels. The one idea: a task model reads words. The sentence boundaries `<S>` and `</S>`,
which the biLM needs, are masked like padding, as the original removes them: they are not pooled, attended to, labelled
or answers.

Every loss is a sum over what is counted (words, examples, numbers) divided by how many of these the optimisation step
has, so that gradients accumulated over small batches are those of one large batch. `Trainer` counts `labels` that are
not -100 and passes `num_items_in_batch`; without it, a batch counts its own.

Dimensions: B batch, W words of a padded row, C characters per word, D features, K labels, A choices.
"""

from dataclasses import dataclass
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
from .crf import ConditionalRandomField, LabelConstraints
from .packing import Packing
from .pretrained import ElmoPreTrainedModel
from .scalar_mix import ScalarMix
from .task_layers import (
    BiAttention,
    ElmoWordVectors,
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

# The characters within `<S>` and `</S>`, which follow the begin-of-word mark.
BOUNDARY_CHARACTERS = (257, 258)


@dataclass(frozen=True)
class EncodedWords:
    """The words of a batch as the task model's first encoder gives them.

    Attributes:
        features (`torch.Tensor` of shape `(B, W, D)`): [h; ELMo'], or h alone; zero where there is no word.
        mask (`torch.BoolTensor` of shape `(B, W)`): True at words: neither padding nor sentence boundaries.
        is_second (`torch.BoolTensor` of shape `(B, W)`): True in the second segment, words or not.
        hidden_states (`tuple[torch.Tensor]`, *optional*): The biLM's layers, where asked for.
    """

    features: torch.Tensor
    mask: torch.Tensor
    is_second: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] | None

    @property
    def segments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the words of the first and of the second segment are, `(B, W)` each."""
        return self.mask & ~self.is_second, self.mask & self.is_second


@auto_docstring(
    custom_intro="""
    The base of ELMo models with a task model on top: how ELMo enters it, in one place.
    """
)
class ElmoPreTrainedTaskModel(ElmoPreTrainedModel):
    # How many texts an example has: 2 are told apart by `token_type_ids`.
    max_segments = 1
    # The masks of dropout, as in [`dropout_by`], on what goes into the first encoder and on what it gives. Those of the
    # reference models: variational (Chen et al. 2017 in AllenNLP, Clark & Gardner 2017) where words are compared.
    input_masks = "texts"
    encoded_masks: str | None = None

    def __init__(self, config: ElmoConfig):
        num_mixes = config.elmo_at_input + config.elmo_at_output
        config.num_output_representations = max(config.num_output_representations, num_mixes)
        super().__init__(config)
        self.elmo = ElmoModel(config)
        # The task model drops them out itself.
        self.elmo.representation_dropout = 0.0
        self.task_input = TaskInput(config, self.input_masks)
        self.encoder = TaskEncoder(config, self.task_input.output_size, config.task_lstm_layers, self.encoded_masks)
        self.encoded_size = self.encoder.output_size + (config.hidden_size if config.elmo_at_output else 0)

    def post_init(self) -> None:
        super().post_init()
        self.apply_freeze()

    @property
    def _hidden_size(self) -> int:
        """Size of hidden layers; 0 where there are none."""
        return 2 * self.config.task_lstm_size if self.config.task_lstm_layers else 0

    def apply_freeze(self) -> None:
        word_vectors = self.task_input.word_vectors
        if word_vectors is not None and self.config.freeze_word_vectors:
            word_vectors.requires_grad_(False)

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
        """Glorot for the input of each gate, orthogonal for its recurrence, and forget gates that begin open."""
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
        """As in [`ElmoPreTrainedModel`]; static word embeddings get rows of zeros, or lose their last rows."""
        embeddings = super().resize_token_embeddings(new_num_tokens, *args, **kwargs)
        table = self.task_input.word_vectors
        if table is not None and table.num_embeddings != self.config.vocab_size:
            missing = self.config.vocab_size - table.num_embeddings
            weight = F.pad(table.weight.detach(), (0, 0, 0, missing))
            table.weight = nn.Parameter(weight, requires_grad=table.weight.requires_grad)
            table.num_embeddings = self.config.vocab_size
        return embeddings

    def set_word_vectors(self, matrix: torch.Tensor) -> None:
        """Puts in static word embeddings, for example those of `load_word_vectors`.

        Args:
            matrix (`torch.Tensor` of shape `(vocab_size, word_vector_size)`): One row per word id.

        Raises:
            `ValueError`: If the model has no place for them, or one of another shape.
        """
        table = self.task_input.word_vectors
        if table is None:
            raise ValueError(
                f"matrix: this model has no static word embeddings; load it with word_vector_size={matrix.shape[-1]}"
            )
        if matrix.shape != table.weight.shape:
            raise ValueError(
                f"matrix: expected shape (vocab_size, word_vector_size), which is {tuple(table.weight.shape)}, found "
                f"{tuple(matrix.shape)}"
            )
        with torch.no_grad():
            table.weight.copy_(matrix)

    def _encode(
        self,
        input_ids: torch.Tensor | None,
        character_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None,
        token_type_ids: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
        **kwargs: Any,
    ) -> EncodedWords:
        """Runs the biLM and the task model's first encoder. See [`ElmoModel`] for the inputs."""
        config, elmo = self.config, self.elmo
        _, is_real = elmo.checked_inputs(input_ids, character_ids, inputs_embeds, attention_mask, token_type_ids)
        is_second = self._second_segments(is_real, token_type_ids)
        mask = is_real & ~self._boundaries(input_ids, character_ids, is_real)
        if self.task_input.word_vectors is not None:
            self._check_word_ids(input_ids)

        representations: tuple[torch.Tensor | None, ...] = (None,)
        hidden_states = None
        # Static word embeddings alone, the baseline of the paper's comparisons, need no biLM.
        wants_states = kwargs.get("output_hidden_states", config.output_hidden_states)
        if config.elmo_at_input or config.elmo_at_output or wants_states:
            bilm_inputs = {"input_ids": input_ids, "character_ids": character_ids, "inputs_embeds": inputs_embeds}
            texts = {"attention_mask": is_real, "token_type_ids": token_type_ids}
            outputs = elmo(**bilm_inputs, **texts, return_dict=True, **kwargs)
            representations, hidden_states = outputs.elmo_representations, outputs.hidden_states
        features = self.task_input(input_ids, representations[0], token_type_ids)
        features = self.encoder(features, mask, token_type_ids)
        if config.elmo_at_output:
            at_output = representations[1 if config.elmo_at_input else 0]
            assert at_output is not None
            at_output = self.task_input.drop_elmo(at_output, token_type_ids)
            features = torch.cat([features, at_output.masked_fill(~mask.unsqueeze(-1), 0)], dim=-1)
        return EncodedWords(features, mask, is_second, hidden_states)

    def _second_segments(self, is_real: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        """Returns where the second segment of each row is, once there are no more segments than the model reads."""
        if token_type_ids is None:
            if self.max_segments == 1:
                return torch.zeros_like(is_real)
            raise ValueError(
                "token_type_ids: this model reads two texts, told apart by 0 and 1 in token_type_ids, as ElmoTokenizer "
                "returns them for a text and its text_pair; found none"
            )
        if self.max_segments == 1:
            # One text may carry any number: what counts is that it is one.
            if Packing.from_mask(is_real, token_type_ids).has_segments:
                raise ValueError(
                    "token_type_ids: this model reads one text, found several segments in a row"
                    + self._advice_for_pairs()
                )
            return torch.zeros_like(is_real)
        types = token_type_ids.masked_fill(~is_real, 0)
        if ((types != 0) & (types != 1)).any():
            found = int(types[(types != 0) & (types != 1)][0])
            raise ValueError(f"token_type_ids: this model reads two segments, 0 and then 1, found segment {found}")
        is_second = is_real & (types == 1)
        if (is_real & ~is_second & (is_second.cumsum(1) > 0)).any():
            raise ValueError(
                "token_type_ids: this model reads two segments, 0 and then 1, found 0 after 1: more than two segments, "
                "or the second before the first"
            )
        return is_second

    def _advice_for_pairs(self) -> str:
        return ""

    def _boundaries(
        self, input_ids: torch.Tensor | None, character_ids: torch.Tensor | None, is_real: torch.Tensor
    ) -> torch.Tensor:
        """Returns where `<S>` and `</S>` are; nowhere, where embeddings come in place of ids."""
        if self.config.token_input == "words" and input_ids is not None:
            ids, marks = input_ids, (self.config.bos_token_id, self.config.eos_token_id)
        elif character_ids is not None:
            ids, marks = character_ids[..., 1], BOUNDARY_CHARACTERS
        else:
            return torch.zeros_like(is_real)
        is_boundary = torch.zeros_like(is_real)
        for mark in marks:
            if mark is not None:
                is_boundary = is_boundary | (ids == mark)
        return is_boundary

    def _check_word_ids(self, input_ids: torch.Tensor | None) -> None:
        if input_ids is None:
            raise ValueError(
                "input_ids: this model looks up static word embeddings by word id "
                f"(word_vector_size={self.config.word_vector_size}); found none"
            )
        _check_integers("input_ids", input_ids, self.config.vocab_size, "word ids")

    def _mix_penalty(self) -> torch.Tensor | float:
        """The paper's lambda * ||w||^2 (section 3.3) over the mixes in use; w as before the softmax, without gamma."""
        num_mixes = self.config.elmo_at_input + self.config.elmo_at_output
        mixes = [mix for mix in self.elmo.scalar_mixes[:num_mixes] if isinstance(mix, ScalarMix)]
        squares = [mix.weight.float().square().sum() for mix in mixes if mix.fixed_weight is None]
        return self.config.mix_l2 * torch.stack(squares).sum() if squares else 0.0

    def _mean_loss(
        self, total: torch.Tensor, num_items: torch.Tensor | int, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        """Returns a loss to minimise: a mean, and in training the penalty of the mixes.

        Args:
            total (`torch.Tensor`): The sum of the losses of a batch.
            num_items (`int` or `torch.Tensor`): How many losses the batch has.
            num_items_in_batch (`int` or `torch.Tensor`, *optional*): How many all batches of the optimisation step
                have, on all devices. The penalty is then divided among them as the mean is, so that it counts once.
        """
        num_items = torch.as_tensor(num_items, device=total.device)
        if num_items_in_batch is None:
            divisor, share = num_items.clamp(min=1), torch.ones_like(total)
        else:
            divisor = torch.as_tensor(num_items_in_batch, device=total.device).clamp(min=1)
            share = num_items / divisor
        loss = total / divisor
        return loss + share * self._mix_penalty() if self.training and self.config.mix_l2 else loss


@auto_docstring(
    custom_intro="""
    ELMo with a BiLSTM tagger on top, one label per word (the paper's model for named entities, section 4, where
    `use_crf=True`): named entities, chunks, parts of speech, word senses. `<S>` and `</S>` have no label.
    """
)
class ElmoForTokenClassification(ElmoPreTrainedTaskModel):
    input_masks = encoded_masks = "words"

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.classifier = nn.Linear(self.encoded_size, config.num_labels)
        self.crf: ConditionalRandomField | None = None
        if config.use_crf:
            if set(config.id2label) != set(range(config.num_labels)):
                raise ValueError(
                    f"id2label: expected labels 0 to {config.num_labels - 1}, found {list(config.id2label)}"
                )
            labels = [config.id2label[index] for index in range(config.num_labels)]
            constraints = LabelConstraints.from_labels(labels, config.label_scheme) if config.label_scheme else None
            self.crf = ConditionalRandomField(config.num_labels, constraints)
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
            Character ids, as `ElmoTokenizer` gives them. The other inputs too are those of [`ElmoModel`].
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Labels, 0 to `config.num_labels - 1`; words with -100 are skipped, as are padding, `<S>` and `</S>`.

        Returns:
            [`~transformers.modeling_outputs.TokenClassifierOutput`] or `tuple`. The logits are
            `(batch_size, num_words, num_labels)`. With a conditional random field, in evaluation mode, those of a word
            are the scores of the best labellings of the sentence that have each label there, relative to the best of
            all: their argmax is the best labelling (Viterbi), under the constraints of `label_scheme`. In training mode
            they are the field's input.

        Raises:
            `ValueError`: If labels have another shape than the words or are out of range; see also [`ElmoModel`].

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
        num_items_in_batch = kwargs.pop("num_items_in_batch", None)
        words = self._encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        logits = self.classifier(words.features)
        loss = None
        if labels is not None:
            loss = self._loss(logits, labels, words.mask, num_items_in_batch)
        if self.crf is not None and not self.training:
            logits = self.crf(logits, mask_BW=words.mask)
        return TokenClassifierOutput(loss=loss, logits=logits, hidden_states=words.hidden_states)

    def _loss(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        mask: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None,
    ) -> torch.Tensor:
        _check_label_shape(labels, logits.shape[:2], "(batch_size, num_words)")
        _check_integers("labels", labels, self.config.num_labels, "labels", ignored=IGNORED_LABEL)
        labels = labels.to(logits.device, torch.long).masked_fill(~mask.to(logits.device), IGNORED_LABEL)
        num_labels = (labels != IGNORED_LABEL).sum()
        if self.crf is not None:
            total = -self.crf(logits, labels).sum()
        else:
            total = self.loss_function(logits, labels, self.config, num_items_in_batch=1)
        return self._mean_loss(total, num_labels, num_items_in_batch)


@auto_docstring(
    custom_intro="""
    ELMo with a classifier of texts on top, or of pairs of texts: a BiLSTM and pooling, and for pairs
    (`config.num_segments=2`) attention from each text to the other in between. The problem is told by
    `config.problem_type`: one of several labels, any number of labels, or numbers.
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
        self.classifier = FeedForward(config, size, self._hidden_size, config.num_labels)
        self.post_init()

    def _advice_for_pairs(self) -> str:
        return "; a model that classifies pairs of texts has num_segments=2 in its config"

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
            Character ids, as `ElmoTokenizer` gives them. The other inputs too are those of [`ElmoModel`]; with
            `config.num_segments=2`, `token_type_ids` are required.
        labels (`torch.Tensor` of shape `(batch_size,)` or `(batch_size, num_labels)`, *optional*):
            By `config.problem_type`: of `"single_label_classification"`, labels from 0 to `config.num_labels - 1`; of
            `"multi_label_classification"`, `(batch_size, num_labels)` zeros and ones; of `"regression"`, numbers,
            `(batch_size,)` if `num_labels` is 1 and `(batch_size, num_labels)` otherwise. What is -100 is skipped, in
            all of them. If it is not set, the first labels decide: one label means numbers, whole numbers one of
            several labels, other numbers any number of labels.

        Returns:
            [`~transformers.modeling_outputs.SequenceClassifierOutput`] or `tuple`. The logits are
            `(batch_size, num_labels)`.

        Raises:
            `ValueError`: If there are more segments than `config.num_segments`, or if labels are not as the problem
                wants them; see also [`ElmoModel`].

        Example:
        ```python
        >>> from modeling_elmo import ElmoConfig, ElmoForSequenceClassification, ElmoTokenizer

        >>> tokenizer = ElmoTokenizer()
        >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
        >>> model = ElmoForSequenceClassification(ElmoConfig(**sizes, num_labels=3, num_segments=2)).eval()
        >>> model(**tokenizer("A man sleeps.", "Nobody is awake.", return_tensors="pt")).logits.shape
        torch.Size([1, 3])
        ```"""
        num_items_in_batch = kwargs.pop("num_items_in_batch", None)
        words = self._encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        if self.max_segments == 1:
            features = self.pooling(words.features, words.mask)
        else:
            if not words.is_second.any():
                logger.warning_once("A classifier of pairs was given texts without a second text in token_type_ids.")
            features = self.comparison(words.features, *words.segments)
        logits = self.classifier(features)
        loss = None
        if labels is not None:
            loss = self._loss(logits, labels.to(logits.device), num_items_in_batch)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=words.hidden_states)

    def _loss(
        self, logits: torch.Tensor, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        config = self.config
        if config.problem_type is None:
            if config.num_labels == 1:
                config.problem_type = "regression"
            else:
                is_single = not labels.is_floating_point()
                config.problem_type = "single_label_classification" if is_single else "multi_label_classification"
        num_counted = (labels != IGNORED_LABEL).sum()
        if config.problem_type == "single_label_classification":
            if labels.ndim == 2 and labels.shape[1] == 1:
                labels = labels.squeeze(1)
            _check_label_shape(labels, logits.shape[:1], "(batch_size,)")
            _check_integers("labels", labels, config.num_labels, "labels", ignored=IGNORED_LABEL)
            scores, wanted = logits.float(), labels.long()
            total = self.loss_function(labels=wanted, pooled_logits=scores, config=config, num_items_in_batch=1)
            return self._mean_loss(total, num_counted, num_items_in_batch)
        # The losses of transformers for these two ignore `num_items_in_batch`.
        if config.num_labels == 1 and labels.ndim == 1:
            labels = labels.unsqueeze(1)
        _check_label_shape(labels, logits.shape, "(batch_size, num_labels)")
        targets = labels.float()
        if config.problem_type == "regression":
            losses = (logits.float() - targets).square()
        else:
            if ((targets != IGNORED_LABEL) & ((targets < 0) | (targets > 1))).any():
                raise ValueError("labels: expected numbers from 0 to 1, or -100, in multi_label_classification")
            losses = F.binary_cross_entropy_with_logits(logits.float(), targets.clamp(min=0), reduction="none")
        total = losses.masked_fill(labels == IGNORED_LABEL, 0).sum()
        return self._mean_loss(total, num_counted, num_items_in_batch)


@auto_docstring(
    custom_intro="""
    ELMo with a reader on top that finds the answer to a question within a context: attention between the two and
    within the context (the paper's model for SQuAD: BiDAF, Seo et al. 2016, as improved by Clark & Gardner 2017). The
    question is the first segment, the context the second.
    """
)
class ElmoForQuestionAnswering(ElmoPreTrainedTaskModel):
    max_segments = 2
    encoded_masks = "texts"

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        size, num_layers = 2 * config.task_lstm_size, min(config.task_lstm_layers, 1)
        self.bi_attention = BiAttention(config, self.encoded_size, size)
        self.modeling_encoder = TaskEncoder(config, size, num_layers, "texts")
        self.self_attention = SelfAttention(config, size, size)
        self.start_encoder = TaskEncoder(config, size, num_layers, "texts")
        self.start_classifier = nn.Linear(size, 1)
        self.end_encoder = TaskEncoder(config, 2 * size, num_layers, "texts")
        self.end_classifier = nn.Linear(self.end_encoder.output_size, 1)
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
            Character ids, as `ElmoTokenizer` gives them. The other inputs too are those of [`ElmoModel`];
            `token_type_ids` are required.
        start_positions (`torch.LongTensor` of shape `(batch_size,)`, *optional*):
            Column of the first word of the answer. One that is not a word of the context (as where a piece of a long
            context lacks the answer) is not learned from.
        end_positions (`torch.LongTensor` of shape `(batch_size,)`, *optional*):
            Column of the last word of the answer.

        Returns:
            [`~transformers.modeling_outputs.QuestionAnsweringModelOutput`] or `tuple`. Start and end logits are
            `(batch_size, num_words)`, the least number of their type outside the words of the context. See
            `best_spans` for the answers. The loss is a mean over all examples of the batch, those without an answer
            included. `Trainer` counts the examples of a step by their `labels`, which this model has no use for:
            where each example has a `label` all the same, 0 for one, accumulated gradients are exact also where
            batches differ in size.

        Raises:
            `ValueError`: If a row does not have two segments, or if the positions have another shape than the batch;
                see also [`ElmoModel`].

        Example:
        ```python
        >>> from modeling_elmo import ElmoConfig, ElmoForQuestionAnswering, ElmoTokenizer, best_spans

        >>> tokenizer = ElmoTokenizer()
        >>> config = ElmoConfig(cell_size=64, projection_size=16, character_filters=[[1, 8], [3, 24]])
        >>> model = ElmoForQuestionAnswering(config).eval()
        >>> output = model(**tokenizer("Who wrote it?", "Ada Lovelace wrote it.", return_tensors="pt"))
        >>> spans = best_spans(output.start_logits, output.end_logits, max_answer_length=3, top_k=2)
        >>> spans.starts.shape
        torch.Size([1, 2])
        ```"""
        num_items_in_batch = kwargs.pop("num_items_in_batch", None)
        words = self._encode(input_ids, character_ids, attention_mask, token_type_ids, inputs_embeds, **kwargs)
        question, context = words.segments
        features = self.bi_attention(words.features, context, question)
        features = features + self.self_attention(self.modeling_encoder(features, context), context)
        starts = self.start_encoder(features, context)
        ends = self.end_encoder(torch.cat([starts, features], dim=-1), context)
        logits = (self.start_classifier(starts).squeeze(-1), self.end_classifier(ends).squeeze(-1))
        # Not minus infinity: the cross-entropy of a row without context would be NaN.
        start_logits, end_logits = (scores.masked_fill(~context, torch.finfo(scores.dtype).min) for scores in logits)
        loss = None
        if start_positions is not None and end_positions is not None:
            start_loss = self._loss(start_logits, start_positions, context, "start_positions")
            end_loss = self._loss(end_logits, end_positions, context, "end_positions")
            loss = self._mean_loss((start_loss + end_loss) / 2, len(start_logits), num_items_in_batch)
        return QuestionAnsweringModelOutput(
            loss=loss, start_logits=start_logits, end_logits=end_logits, hidden_states=words.hidden_states
        )

    def _second_segments(self, is_real: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        is_second = super()._second_segments(is_real, token_type_ids)
        is_without = is_real.any(1) & ~is_second.any(1)
        if is_without.any():
            raise ValueError(
                "token_type_ids: expected a question (0) and a context (1) in every row, found no context in row "
                f"{int(is_without.nonzero()[0])}; tokenizer(questions, contexts) gives both"
            )
        return is_second

    def _loss(self, logits: torch.Tensor, positions: torch.Tensor, context: torch.Tensor, name: str) -> torch.Tensor:
        """Returns the sum of the losses of the rows whose position is in the context."""
        positions = positions.to(logits.device)
        if positions.ndim == 2 and positions.shape[1] == 1:
            positions = positions.squeeze(1)
        if positions.shape != logits.shape[:1] or positions.is_floating_point():
            raise ValueError(
                f"{name}: expected integers of shape (batch_size,), which is {tuple(logits.shape[:1])}, found "
                f"{positions.dtype} of shape {tuple(positions.shape)}"
            )
        num_words = logits.shape[1]
        is_column = (positions >= 0) & (positions < num_words)
        column = positions.long().clamp(0, num_words - 1)
        is_answer = is_column & context.gather(1, column.unsqueeze(1)).squeeze(1)
        column = column.masked_fill(~is_answer, IGNORED_LABEL)
        return F.cross_entropy(logits.float(), column, ignore_index=IGNORED_LABEL, reduction="sum")


@auto_docstring(
    custom_intro="""
    ELMo with a chooser on top: each choice is compared with the prompt as [`ElmoForSequenceClassification`] compares
    the texts of a pair, and gets a score. The prompt is the first segment, the choice the second.
    """
)
class ElmoForMultipleChoice(ElmoPreTrainedTaskModel):
    max_segments = 2

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.comparison = PairComparison(config, self.encoded_size)
        self.classifier = FeedForward(config, self.comparison.output_size, self._hidden_size, 1)
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
            Word ids of prompt and choice. All inputs are those of [`ElmoModel`], with a dimension for the choices;
            `token_type_ids` are required.
        character_ids (`torch.LongTensor` of shape `(batch_size, num_choices, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` gives them; also `(batch_size, num_choices, num_words *
            max_characters_per_token)`, as `DataCollatorForMultipleChoice` makes them.
        attention_mask (`torch.Tensor` of shape `(batch_size, num_choices, num_words)`, *optional*):
            Positive at real words, 0 elsewhere.
        token_type_ids (`torch.LongTensor` of shape `(batch_size, num_choices, num_words)`):
            0 in the prompt, 1 in the choice.
        inputs_embeds (`torch.FloatTensor` of shape `(batch_size, num_choices, num_words, projection_size)`, *optional*):
            Token embeddings, in place of ids.
        labels (`torch.LongTensor` of shape `(batch_size,)`, *optional*):
            The right choice, 0 to `num_choices - 1`; examples with -100 are skipped.

        Returns:
            [`~transformers.modeling_outputs.MultipleChoiceModelOutput`] or `tuple`. The logits are
            `(batch_size, num_choices)`.

        Raises:
            `ValueError`: If the inputs have no dimension of choices, or if labels are out of range; see also
                [`ElmoModel`].
        """  # noqa: E501
        num_items_in_batch = kwargs.pop("num_items_in_batch", None)
        inputs = {
            "input_ids": input_ids,
            "character_ids": self._unfolded(character_ids),
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
            "inputs_embeds": inputs_embeds,
        }
        num_dimensions = {"character_ids": 4, "inputs_embeds": 4}
        shape = None
        for name, tensor in inputs.items():
            if tensor is None:
                continue
            shape = shape or tensor.shape[:2]
            if tensor.ndim != num_dimensions.get(name, 3) or tensor.shape[:2] != shape:
                found = (
                    f"{name}: expected (batch_size, num_choices, num_words, ...), the same in all inputs, found shape"
                )
                raise ValueError(f"{found} {tuple(tensor.shape)}")
        flat = {name: None if tensor is None else tensor.flatten(0, 1) for name, tensor in inputs.items()}
        words = self._encode(**flat, **kwargs)
        logits = self.classifier(self.comparison(words.features, *words.segments)).view(shape)
        loss = None
        if labels is not None:
            labels = labels.to(logits.device)
            _check_label_shape(labels, logits.shape[:1], "(batch_size,)")
            _check_integers("labels", labels, logits.shape[1], "choices", ignored=IGNORED_LABEL)
            total = F.cross_entropy(logits.float(), labels.long(), ignore_index=IGNORED_LABEL, reduction="sum")
            loss = self._mean_loss(total, (labels != IGNORED_LABEL).sum(), num_items_in_batch)
        return MultipleChoiceModelOutput(loss=loss, logits=logits, hidden_states=words.hidden_states)

    def _unfolded(self, character_ids: torch.Tensor | None) -> torch.Tensor | None:
        size = self.config.max_characters_per_token
        if character_ids is None or character_ids.ndim != 3 or character_ids.shape[2] % size:
            return character_ids
        return character_ids.unflatten(2, (-1, size))


def _check_label_shape(labels: torch.Tensor, expected: torch.Size, name: str) -> None:
    if labels.shape != expected:
        raise ValueError(f"labels: expected shape {name}, which is {tuple(expected)}, found {tuple(labels.shape)}")


def _check_integers(name: str, values: torch.Tensor, size: int, meaning: str, ignored: int | None = None) -> None:
    """Raises `ValueError` unless all are integers from 0 to `size - 1`, or `ignored`."""
    if values.is_floating_point() or values.dtype == torch.bool:
        raise ValueError(f"{name}: expected integers, found {values.dtype}")
    if torch.compiler.is_compiling():
        return
    is_wrong = (values < 0) | (values >= size)
    if ignored is not None:
        is_wrong &= values != ignored
    if is_wrong.any():
        also = "" if ignored is None else f" or {ignored}"
        raise ValueError(f"{name}: expected {meaning} from 0 to {size - 1}{also}, found {int(values[is_wrong][0])}")


__all__ = [
    "ElmoForMultipleChoice",
    "ElmoForQuestionAnswering",
    "ElmoForSequenceClassification",
    "ElmoForTokenClassification",
    "ElmoPreTrainedTaskModel",
]
