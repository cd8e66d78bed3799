# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo as the language model that it is trained as, in both directions.

    log p(w_1 ... w_W) = sum_k log p(w_k | w_1 ... w_{k-1})        forward
                       = sum_k log p(w_k | w_{k+1} ... w_W)        backward

Both directions share the token embedding and the softmax, but not their LSTMs (Peters et al. 2018, section 3.1).
`ElmoForPreTraining` predicts the next and the previous word at each position; its loss is the mean of the two negative
log-likelihoods. `ElmoForMaskedLM` predicts each word from its left and right contexts together.

Dimensions: B batch, W words of a padded row, N predictions, V words of the vocabulary, P projection.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers.modeling_outputs import MaskedLMOutput, ModelOutput
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, auto_docstring
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .bilm import ElmoModel, State, join_states
from .configuration_elmo import IGNORED_LABEL, ElmoConfig
from .fast_path_guards import weights_of
from .packing import Neighbours, check_ids, check_shape
from .pretrained import ElmoPreTrainedModel
from .sampled_softmax import ElmoSoftmax, at_least_float32
from .scan import sequences_of


@auto_docstring(
    custom_intro="""
    Output of [`ElmoForPreTraining`].
    """
)
@dataclass
class ElmoForPreTrainingOutput(ModelOutput):
    r"""
    loss (`torch.FloatTensor` of shape `(1,)`, *optional*, returned with labels):
        Mean of the two directions' losses. Its exponential is the perplexity.
    forward_loss (`torch.FloatTensor` of shape `(1,)`, *optional*, returned with labels):
        Mean negative log-likelihood of the next words; in training, its estimate by the sampled softmax.
    backward_loss (`torch.FloatTensor` of shape `(1,)`, *optional*, returned with labels):
        The same for the previous words.
    forward_logits (`torch.FloatTensor` of shape `(batch_size, num_words, vocab_size - 2)`, *optional*):
        Without labels: scores of the next word at each position, for all words except `<PAD>` and `<MASK>`.
    backward_logits (`torch.FloatTensor` of shape `(batch_size, num_words, vocab_size - 2)`, *optional*):
        Without labels: scores of the previous word at each position.
    hidden_states (`tuple(torch.FloatTensor)`, *optional*, returned when `output_hidden_states=True`):
        The biLM's layers, as in [`ElmoModelOutput`].
    state (`tuple(torch.FloatTensor)`, *optional*, returned when `use_cache=True`):
        Hidden and cell states after the last token, as in [`ElmoModelOutput`].
    """

    loss: torch.Tensor | None = None
    forward_loss: torch.Tensor | None = None
    backward_loss: torch.Tensor | None = None
    forward_logits: torch.Tensor | None = None
    backward_logits: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    state: tuple[torch.Tensor, torch.Tensor] | None = None


@auto_docstring(
    custom_intro="""
    The base of ELMo's language models: the biLM and the softmax over the vocabulary.
    """
)
class ElmoPreTrainedLanguageModel(ElmoPreTrainedModel):
    _tied_weights_keys = {"lm_head.weight": "elmo.word_embedding.weight"}
    # The loss is a mean over the batch, so `Trainer` must average over accumulated batches.
    accepts_loss_kwargs = False

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.elmo = ElmoModel(config)
        self.lm_head = ElmoSoftmax(config)
        self.post_init()
        self.apply_freeze()

    def apply_freeze(self) -> None:
        # The mixes are for tasks: no loss here depends on them.
        self.elmo.scalar_mixes.requires_grad_(False)

    def get_output_embeddings(self) -> nn.Module:
        """Returns the softmax over the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, value: ElmoSoftmax) -> None:
        self.lm_head = value

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Module:
        """Returns the input embeddings. They can't be resized, unlike those of other models: `<PAD>` and `<MASK>`,
        which have no scores, must be the last entries of the vocabulary.

        Raises:
            `ValueError`: If the size would change.
        """
        multiple = kwargs.get("pad_to_multiple_of", args[0] if args else None)
        size = self.config.vocab_size if new_num_tokens is None else new_num_tokens
        size += -size % (multiple or 1)
        if size != self.config.vocab_size:
            raise ValueError(
                f"new_num_tokens: expected {self.config.vocab_size}, a language model's vocabulary can't be resized, "
                f"found {size}; use elmo pretrain --model to continue training with another vocabulary"
            )
        return self.get_input_embeddings()

    def _check_masked(self, input_ids: torch.Tensor | None, character_ids: torch.Tensor | None) -> None:
        """Raises `ValueError` if words are masked in `input_ids`, but not in the characters that the model reads."""
        if input_ids is None or character_ids is None or torch.compiler.is_compiling():
            return
        # <MASK> is the last entry of a vocabulary. A tokenizer gives all of them the same characters.
        rows = character_ids[input_ids == self.config.vocab_size - 1]
        if self.config.reads_characters and len(rows) and (rows != rows[0]).any():
            raise ValueError(
                "input_ids: words are masked whose characters, which this model reads, are not; no word needs a mask, "
                "since ELMo predicts each from its contexts: use DataCollatorForLanguageModeling(tokenizer, mlm=False)"
            )

    def _top_layer(
        self,
        inputs: list[torch.Tensor],
        mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        state: State | None = None,
        use_cache: bool | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, State | None]:
        """Returns the outputs of the last layer's two directions, `(B, W, P)` each, and the new state if requested.

        The checked `inputs` are one for both directions, or one each.
        """
        packing = sequences_of(mask, token_type_ids)
        embeddings = self.elmo.embed_tokens(packing, *inputs)
        state = self.elmo.initial_state(packing, embeddings[0], state, use_cache)
        pair = torch.cat([embeddings[0], embeddings[-1]], dim=-1)
        states = []
        for top, layer_state in self.elmo.run_layers(pair, packing, state):  # noqa: B007
            if use_cache:
                states.append(layer_state)
        is_trained = any(parameter.requires_grad for parameter in weights_of(self.elmo.layers))
        forward, backward = F.dropout(top, self.config.lstm_dropout, self.training and is_trained).chunk(2, dim=-1)
        return forward, backward, join_states(states) if use_cache else None

    def _check_labels(self, name: str, labels: torch.Tensor, mask: torch.Tensor) -> None:
        check_shape(name, labels, tuple(mask.shape))
        check_ids(name, labels, self.lm_head.num_words, ignored=IGNORED_LABEL)


@auto_docstring(
    custom_intro="""
    ELMo with the softmax that it is trained with, predicting the next and the previous word at each position.
    """
)
class ElmoForPreTraining(ElmoPreTrainedLanguageModel):
    # Samples the words of the sampled softmax. By default, torch's global generator.
    negative_sampling_generator: torch.Generator | None = None

    @can_return_tuple
    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    @auto_docstring
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        forward_labels: torch.Tensor | None = None,
        backward_labels: torch.Tensor | None = None,
        backward_input_ids: torch.Tensor | None = None,
        backward_character_ids: torch.Tensor | None = None,
        state: State | None = None,
        use_cache: bool | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | ElmoForPreTrainingOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`].
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            The ids of the words themselves, or -100 for words that are not predicted.
        forward_labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Instead of `labels`, the next word at each position, or -100.
        backward_labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            The previous word at each position, or -100. Required with `forward_labels`.
        backward_input_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Another text for the backward direction, in natural order, to train with carried state: that direction
            reads a corpus from its end.
        backward_character_ids (`torch.LongTensor`, *optional*):
            The same for a model that reads characters, with the shape of `character_ids`.
        state (`tuple(torch.FloatTensor)`, *optional*):
            Hidden and cell states to start from, as in [`ElmoModel`].
        use_cache (`bool`, *optional*):
            Whether to return `state`. Detach it between training steps.

        Returns:
            [`ElmoForPreTrainingOutput`] or `tuple`.

        Raises:
            `ValueError`: If shapes disagree, ids or labels are out of range, or labels are passed in both ways.
        """
        inputs, mask = self.elmo.checked_inputs(input_ids, character_ids, None, attention_mask, token_type_ids)
        self._check_masked(input_ids, character_ids)
        both = [inputs]
        if backward_input_ids is not None or backward_character_ids is not None:
            both.append(self.elmo.checked_ids(backward_input_ids, backward_character_ids))
            check_shape("the backward direction's ids", both[1], tuple(inputs.shape))
        if labels is not None:
            if forward_labels is not None or backward_labels is not None:
                raise ValueError("labels and forward_labels, backward_labels are mutually exclusive")
            self._check_labels("labels", labels, mask)
            neighbours = Neighbours.from_mask(mask, token_type_ids)
            forward_labels, backward_labels = (
                torch.where(column >= 0, labels.gather(1, column.clamp(min=0)), IGNORED_LABEL)
                for column in (neighbours.after, neighbours.before)
            )
        elif (forward_labels is None) != (backward_labels is None):
            raise ValueError("forward_labels and backward_labels require one another: pass both or neither")
        elif forward_labels is not None and backward_labels is not None:
            self._check_labels("forward_labels", forward_labels, mask)
            self._check_labels("backward_labels", backward_labels, mask)

        forward, backward, new_state = self._top_layer(both, mask, token_type_ids, state, use_cache)
        if forward_labels is None or backward_labels is None:
            forward_logits, backward_logits = (
                self.lm_head(hidden.flatten(0, 1)).unflatten(0, mask.shape) for hidden in (forward, backward)
            )
            return ElmoForPreTrainingOutput(
                forward_logits=forward_logits, backward_logits=backward_logits, state=new_state
            )
        forward_loss, backward_loss = self._losses((forward, backward), (forward_labels, backward_labels))
        return ElmoForPreTrainingOutput(
            loss=(forward_loss + backward_loss) / 2,
            forward_loss=forward_loss,
            backward_loss=backward_loss,
            state=new_state,
        )

    def _losses(
        self, directions: tuple[torch.Tensor, torch.Tensor], labels: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        """Returns each direction's mean negative log-likelihood, or 0 if there is nothing to predict."""
        is_predicted = [of_direction != IGNORED_LABEL for of_direction in labels]
        hidden_NP = torch.cat([hidden[chosen] for hidden, chosen in zip(directions, is_predicted)])
        labels_N = torch.cat([of_direction[chosen] for of_direction, chosen in zip(labels, is_predicted)])
        if self.training and self.config.num_negative_samples:
            generator = self.negative_sampling_generator
            losses_N = self.lm_head.sampled_loss(hidden_NP, labels_N, self.config.num_negative_samples, generator)
        else:
            losses_N = self.lm_head.full_loss(hidden_NP, labels_N)
        counts = [int(chosen.sum()) for chosen in is_predicted]
        return tuple(losses.sum() / max(len(losses), 1) for losses in losses_N.split(counts))


@auto_docstring(
    custom_intro="""
    ELMo predicting each word from its two contexts, for `pipeline("fill-mask")`. No prediction sees the word itself, so
    `substitutes` can rank alternatives to a word without masking it.
    """
)
class ElmoForMaskedLM(ElmoPreTrainedLanguageModel):
    @can_return_tuple
    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    @auto_docstring
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | MaskedLMOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`].
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Ids of the words to predict, -100 elsewhere.

        Returns:
            [`~transformers.modeling_outputs.MaskedLMOutput`] or `tuple`. The logits `(batch_size, num_words, vocab_size
            - 2)`, in float32 or wider, are log p(word | left) + log p(word | right) - log p(word) up to a constant, as
            for independent contexts; p(word) follows Zipf's law. An empty context is left out with its p(word).

        Raises:
            `ValueError`: If shapes disagree, or ids or labels are out of range.
        """
        inputs, mask = self.elmo.checked_inputs(input_ids, character_ids, None, attention_mask, token_type_ids)
        self._check_masked(input_ids, character_ids)
        if labels is not None:
            self._check_labels("labels", labels, mask)
        neighbours = Neighbours.from_mask(mask, token_type_ids)
        forward, backward, _ = self._top_layer([inputs], mask, token_type_ids)
        words = torch.arange(self.lm_head.num_words, device=mask.device)
        log_prior_V = self.lm_head.sampler.probability(words).log().to(at_least_float32(forward).dtype)
        logits = log_prior_V.expand(*mask.shape, -1)
        for hidden, source in ((forward, neighbours.before), (backward, neighbours.after)):
            logits = logits + self._evidence(hidden, source, log_prior_V)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return MaskedLMOutput(loss=loss, logits=logits)

    def _evidence(self, hidden: torch.Tensor, source: torch.Tensor, log_prior_V: torch.Tensor) -> torch.Tensor:
        """Returns log p(word | context) - log p(word) `(B, W, V)` from the contexts at columns `source`; 0 at -1."""
        flat_source = source + torch.arange(source.shape[0], device=source.device).unsqueeze(1) * source.shape[1]
        has_source = source.flatten() >= 0
        is_graph = torch.compiler.is_compiling()
        # A graph has fixed sizes: the other rows are computed, and set to 0.
        index = flat_source.flatten().clamp(min=0) if is_graph else flat_source.flatten()[has_source]
        rows = hidden.flatten(0, 1).index_select(0, index)
        evidence = at_least_float32(self.lm_head(rows)).log_softmax(-1) - log_prior_V
        if is_graph:
            return evidence.masked_fill(~has_source.unsqueeze(-1), 0).unflatten(0, source.shape)
        whole = evidence.new_zeros(source.numel(), evidence.shape[-1])
        return whole.index_copy(0, has_source.nonzero().squeeze(1), evidence).unflatten(0, source.shape)

    @torch.no_grad()
    def substitutes(self, tokenizer: Any, words: list[str], index: int, top_k: int = 10) -> list[tuple[str, float]]:
        """Returns the words that fit best in the position of one, with their probabilities.

        They can include the word itself, but not `<S>`, `</S>` or `<UNK>`, which are not words. A negative `index`
        counts from the end of the sentence.

        Raises:
            `ValueError`: If there is no such word, or the tokenizer's vocabulary is not the model's.
        """
        if not -len(words) <= index < len(words):
            raise ValueError(f"index: expected the index of one of {len(words)} words, found {index}")
        if len(tokenizer) != self.config.vocab_size:
            raise ValueError(
                f"tokenizer: expected the model's with {self.config.vocab_size} entries, found {len(tokenizer)} entries"
            )
        batch = tokenizer(words, is_split_into_words=True, return_tensors="pt").to(self.device)
        tokenizer.check_known(batch["input_ids"].tolist())
        position = batch.word_ids().index(index % len(words))
        is_training = self.training
        try:
            logits_V = self.eval()(**batch).logits[0, position]
        finally:
            self.train(is_training)
        probabilities_V = logits_V.float().softmax(-1)
        excluded = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id]
        probabilities_V[excluded] = -1.0
        best = probabilities_V.topk(max(0, min(top_k, len(logits_V) - len(excluded))))
        return list(zip(tokenizer.convert_ids_to_tokens(best.indices.tolist()), best.values.tolist()))
