# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo as what it is trained to be: a language model in each direction.

The two directions share the token representation and the softmax, their LSTMs are separate (Peters et al. 2018, section
3.1). `ElmoForPreTraining` predicts from each word the next one and the one before; its loss is the mean of the two
negative log-likelihoods. `ElmoForMaskedLM` predicts each word from what is left of it and what is right of it.

Dimensions: B batch, W words of a padded row, N predictions, V words of the vocabulary, P projection, L layers, H cells.
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
from .packing import Packing, check_shape
from .pretrained import ElmoPreTrainedModel
from .sampled_softmax import ElmoSoftmax, at_least_float32


@auto_docstring(
    custom_intro="""
    Output of [`ElmoForPreTraining`].
    """
)
@dataclass
class ElmoForPreTrainingOutput(ModelOutput):
    r"""
    loss (`torch.FloatTensor` of shape `(1,)`, *optional*, returned with labels):
        Mean of the two directions' losses; its exponential is the perplexity.
    forward_loss (`torch.FloatTensor` of shape `(1,)`, *optional*, returned with labels):
        Mean negative log-likelihood of the next words; in training, its estimate by the sampled softmax.
    backward_loss (`torch.FloatTensor` of shape `(1,)`, *optional*, returned with labels):
        The same of the words before.
    forward_logits (`torch.FloatTensor` of shape `(batch_size, num_words, vocab_size - 2)`, *optional*):
        Without labels: scores of the word after each position, for all words but `<PAD>` and `<MASK>`.
    backward_logits (`torch.FloatTensor` of shape `(batch_size, num_words, vocab_size - 2)`, *optional*):
        Without labels: scores of the word before each position.
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


@dataclass(frozen=True)
class Neighbours:
    """Flat positions (row times W plus column) that follow one another in a sequence: `after[i]` on `before[i]`."""

    before: torch.Tensor
    after: torch.Tensor

    @classmethod
    def of(cls, mask: torch.Tensor, token_type_ids: torch.Tensor | None) -> "Neighbours":
        """Finds them in a batch whose real tokens are where `mask` `(B, W)` is true."""
        position = mask.flatten().nonzero().squeeze(1)
        before, after = position[:-1], position[1:]
        is_same = before // mask.shape[1] == after // mask.shape[1]
        if token_type_ids is not None:
            token_type = token_type_ids.flatten()
            is_same &= token_type[before] == token_type[after]
        return cls(before[is_same], after[is_same])

    def shifted(self, values: torch.Tensor, source: torch.Tensor, target: torch.Tensor, fill: float) -> torch.Tensor:
        """Carries `values` `(B, W, ...)` from the `source` positions to `target`, and `fill` to all others."""
        flat = values.flatten(0, 1)
        return torch.full_like(flat, fill).index_copy(0, target, flat.index_select(0, source)).view(values.shape)


@auto_docstring(
    custom_intro="""
    The base of ELMo's language models: the biLM and the softmax over the vocabulary.
    """
)
class ElmoPreTrainedLanguageModel(ElmoPreTrainedModel):
    _tied_weights_keys = {"lm_head.weight": "elmo.word_embedding.weight"}
    # A mean over what a batch has: `Trainer` is to divide by the number of batches it accumulates.
    accepts_loss_kwargs = False

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.elmo = ElmoModel(config)
        self.lm_head = ElmoSoftmax(config)
        self.post_init()
        self._apply_freeze()

    def _apply_freeze(self) -> None:
        # The mixes are for tasks; nothing here depends on them.
        self.elmo.scalar_mixes.requires_grad_(False)

    def get_output_embeddings(self) -> nn.Module:
        """Returns the softmax over the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, value: ElmoSoftmax) -> None:
        self.lm_head = value

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Module:
        """Returns the input embeddings. Unlike that of other models, the vocabulary of a language model has its size:
        scores are of the words before `<PAD>` and `<MASK>`, which have to be the last.

        Raises:
            `ValueError`: If the size is to change.
        """
        if new_num_tokens not in (None, self.config.vocab_size):
            raise ValueError(
                f"new_num_tokens: a language model's vocabulary has the size it was made with, "
                f"{self.config.vocab_size}, found {new_num_tokens}; elmo pretrain --model trains it on with another"
            )
        return self.get_input_embeddings()

    def _top_layer(
        self,
        inputs: list[torch.Tensor],
        mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        state: State | None,
        use_cache: bool | None,
    ) -> tuple[torch.Tensor, torch.Tensor, State | None]:
        """Returns what the last layer's two directions give, `(B, W, P)` each, and the new state, if asked for.

        Args:
            inputs (`list[torch.Tensor]`): What the model reads, checked: for both directions, or one for each.
        """
        packing = Packing.from_mask(mask, token_type_ids)
        # One call for both directions: words that they share are encoded once.
        index = torch.cat([packing.forward_index + number * mask.numel() for number in range(len(inputs))])
        embeddings = self.elmo.embed_tokens(torch.cat(inputs).long(), index).split(len(mask))
        state = self.elmo.initial_state(packing, embeddings[0], state, use_cache)
        pair = torch.cat([embeddings[0], embeddings[-1]], dim=-1)
        new_states = []
        for top, layer_state in self.elmo.run_layers(pair, packing, state):  # noqa: B007
            if use_cache:
                new_states.append(layer_state)
        is_trained = any(parameter.requires_grad for parameter in weights_of(self.elmo.layers))
        forward, backward = F.dropout(top, self.config.lstm_dropout, self.training and is_trained).chunk(2, dim=-1)
        return forward, backward, join_states(new_states) if use_cache else None

    def _check_labels(self, name: str, labels: torch.Tensor, mask: torch.Tensor) -> None:
        check_shape(name, labels, tuple(mask.shape))
        words = labels[labels != IGNORED_LABEL]
        if words.numel() and not torch.compiler.is_compiling():
            least, most = int(words.min()), int(words.max())
            if least < 0 or most >= self.lm_head.num_words:
                raise ValueError(
                    f"{name}: expected word ids from 0 to {self.lm_head.num_words - 1}, or {IGNORED_LABEL}, "
                    f"found {least if least < 0 else most}"
                )


@auto_docstring(
    custom_intro="""
    ELMo with the softmax of its training: from each word, the next one and the one before.
    """
)
class ElmoForPreTraining(ElmoPreTrainedLanguageModel):
    # Draws the words of the sampled softmax; torch's own generator by default.
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
        input_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Word ids. The input of a model that reads words.
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids. The input of a model that reads characters.
        attention_mask (`torch.Tensor` of shape `(batch_size, num_words)`, *optional*):
            1 at real words, 0 elsewhere; as in [`ElmoModel`].
        token_type_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Segments: each run of equal numbers is a sentence of its own.
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            The word ids of the words themselves, -100 where a word is not to be predicted: each is predicted by the
            forward direction from the word before it, and by the backward direction from the word after it.
        forward_labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            In place of `labels`, the word after each position, or -100.
        backward_labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            The word before each position, or -100. Goes with `forward_labels`.
        backward_input_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Another text for the backward direction, in its natural order; by default both read the same. Training with
            carried state needs this: the backward direction goes through a text from its end.
        backward_character_ids (`torch.LongTensor`, *optional*):
            The same for a model that reads characters, shaped as `character_ids`.
        state (`tuple(torch.FloatTensor)`, *optional*):
            Hidden and cell states to start from; as in [`ElmoModel`].
        use_cache (`bool`, *optional*):
            Whether to return `state`. Detach it between steps of training.

        Returns:
            [`ElmoForPreTrainingOutput`] or `tuple`.

        Raises:
            `ValueError`: If shapes disagree, ids or labels are out of range, or labels are given twice.
        """
        inputs, mask = self.elmo.checked_inputs(input_ids, character_ids, None, attention_mask, token_type_ids)
        both = [inputs]
        if backward_input_ids is not None or backward_character_ids is not None:
            both.append(self.elmo.checked_inputs(backward_input_ids, backward_character_ids)[0])
            check_shape("the backward direction's ids", both[1], tuple(inputs.shape))
        if labels is not None:
            if forward_labels is not None or backward_labels is not None:
                raise ValueError("labels and forward_labels, backward_labels: pass one or the others")
            self._check_labels("labels", labels, mask)
            neighbours = Neighbours.of(mask, token_type_ids)
            forward_labels = neighbours.shifted(labels, neighbours.after, neighbours.before, IGNORED_LABEL)
            backward_labels = neighbours.shifted(labels, neighbours.before, neighbours.after, IGNORED_LABEL)
        elif (forward_labels is None) != (backward_labels is None):
            raise ValueError("forward_labels and backward_labels: expected both or none, found one")
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
        """Returns each direction's mean negative log-likelihood; 0 where nothing is to be predicted."""
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
    that what else might stand in its place can be asked without masking it: see `substitutes`.
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
        input_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Word ids. The input of a model that reads words.
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids. The input of a model that reads characters.
        attention_mask (`torch.Tensor` of shape `(batch_size, num_words)`, *optional*):
            1 at real words, 0 elsewhere; as in [`ElmoModel`].
        token_type_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Segments: each run of equal numbers is a sentence of its own.
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Word ids to be predicted, -100 elsewhere.

        Returns:
            [`~transformers.modeling_outputs.MaskedLMOutput`] or `tuple`, with logits `(batch_size, num_words,
            vocab_size - 2)`, float32 at least: log p(word | left) + log p(word | right) - log p(word), up to a
            constant, as is right for contexts that are independent given the word; p(word) is Zipf's law over the word
            ids. A context of no words is left out, with its p(word).

        Raises:
            `ValueError`: If shapes disagree, or ids or labels are out of range.
        """
        inputs, mask = self.elmo.checked_inputs(input_ids, character_ids, None, attention_mask, token_type_ids)
        if labels is not None:
            self._check_labels("labels", labels, mask)
        neighbours = Neighbours.of(mask, token_type_ids)
        forward, backward, _ = self._top_layer([inputs], mask, token_type_ids, None, None)
        words = torch.arange(self.lm_head.num_words, device=mask.device)
        log_prior_V = self.lm_head.sampler.probability(words).log().to(at_least_float32(forward).dtype)
        logits = log_prior_V.expand(*mask.shape, -1).flatten(0, 1).clone()
        for hidden, source, target in (
            (forward, neighbours.before, neighbours.after),
            (backward, neighbours.after, neighbours.before),
        ):
            scores = at_least_float32(self.lm_head(hidden.flatten(0, 1).index_select(0, source))).log_softmax(-1)
            logits = logits.index_add(0, target, scores - log_prior_V)
        logits = logits.unflatten(0, mask.shape)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return MaskedLMOutput(loss=loss, logits=logits)

    @torch.no_grad()
    def substitutes(self, tokenizer: Any, words: list[str], index: int, top_k: int = 10) -> list[tuple[str, float]]:
        """Returns the words that fit best in the place of one, with their probabilities.

        The word itself is among them, if it fits. `<S>`, `</S>` and `<UNK>` are not: no word is left to say.

        Args:
            tokenizer (`ElmoTokenizer`): The model's tokenizer.
            words (`list[str]`): The words of a sentence.
            index (`int`): Which of them; negative numbers count from the end.
            top_k (`int`, *optional*, defaults to 10): How many substitutes.

        Raises:
            `ValueError`: If there is no such word, or the tokenizer has another vocabulary than the model.
        """
        if not -len(words) <= index < len(words):
            raise ValueError(f"index: expected the place of one of {len(words)} words, found {index}")
        if len(tokenizer) != self.config.vocab_size:
            raise ValueError(
                f"tokenizer: expected the model's, of {self.config.vocab_size} entries, found one of {len(tokenizer)}"
            )
        batch = tokenizer(words, is_split_into_words=True, return_tensors="pt").to(self.device)
        position = batch.word_ids().index(index % len(words))
        is_training = self.training
        try:
            logits_V = self.eval()(**batch).logits[0, position]
        finally:
            self.train(is_training)
        probabilities_V = logits_V.float().softmax(-1)
        no_words = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id]
        probabilities_V[no_words] = -1.0
        best = probabilities_V.topk(max(0, min(top_k, len(logits_V) - len(no_words))))
        return list(zip(tokenizer.convert_ids_to_tokens(best.indices.tolist()), best.values.tolist()))


__all__ = ["ElmoForMaskedLM", "ElmoForPreTraining", "ElmoForPreTrainingOutput", "ElmoPreTrainedLanguageModel"]
