# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""PyTorch ELMo model.

    character ids -> character encoder -> token embedding [B, W, P]
                  -> L bidirectional LSTM layers          [B, W, 2P] each, with the token embedding twice as layer 0
                  -> scalar mix                           [B, W, 2P], the ELMo vectors

Original code: AllenNLP's `allennlp/modules/elmo.py` and bilm-tf's `bilm/model.py`. `forward` is a pure function: unlike
theirs, the model remembers nothing from call to call unless the caller passes `state`.

Dimensions: B batch, W words, C characters per word, N real tokens, L layers, P projection, H cells.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers.modeling_outputs import ModelOutput
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, auto_docstring
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .caches import TextCache
from .characters import boundary_characters, encode_characters
from .configuration_elmo import ElmoConfig
from .fast_path_guards import fingerprint, hooks_of, is_replica, is_traced
from .lstm import ElmoLayer, ProjectedLSTM
from .packing import Packing, Sequences, check_ids, check_shape
from .pretrained import ElmoPreTrainedModel
from .scalar_mix import ScalarMix
from .token_embedding import OWN_LAYERS, ElmoCharacterEncoder, ElmoWordEmbedding


# Hidden states [2L, B, P] and cell states [2L, B, H], layer by layer, forward before backward: as torch.nn.LSTM's.
State = tuple[torch.Tensor, torch.Tensor]


@auto_docstring(
    custom_intro="""
    Output of [`ElmoModel`]. Every tensor is zero at positions outside the attention mask.
    """
)
@dataclass
class ElmoModelOutput(ModelOutput):
    r"""
    last_hidden_state (`torch.FloatTensor` of shape `(batch_size, num_words, hidden_size)`):
        The ELMo vectors: the first scalar mix of the biLM's layers.
    elmo_representations (`tuple(torch.FloatTensor)` of length `config.num_output_representations`):
        All scalar mixes, each of shape `(batch_size, num_words, hidden_size)`; the first is `last_hidden_state`.
    hidden_states (`tuple(torch.FloatTensor)`, *optional*, returned when `output_hidden_states=True`):
        The biLM's layers, `config.num_hidden_layers + 1` tensors of shape `(batch_size, num_words, hidden_size)`: first
        the token embedding twice, then each LSTM layer with its forward half before its backward half.
    state (`tuple(torch.FloatTensor)`, *optional*, returned when `use_cache=True`):
        Hidden states `(2 * num_hidden_layers, batch_size, projection_size)` and cell states
        `(2 * num_hidden_layers, batch_size, cell_size)` after the last token, layer by layer, forward before backward.
    """

    last_hidden_state: torch.Tensor | None = None
    elmo_representations: tuple[torch.Tensor, ...] | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    state: tuple[torch.Tensor, torch.Tensor] | None = None


@auto_docstring(
    custom_intro="""
    The bidirectional language model of ELMo and its scalar mixes: words in context to vectors.
    """
)
class ElmoModel(ElmoPreTrainedModel):
    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        if config.token_input == "characters":
            self.character_encoder = ElmoCharacterEncoder(config)
        else:
            self.word_embedding = ElmoWordEmbedding(config)
        self.layers = nn.ModuleList(ElmoLayer(config, layer_idx) for layer_idx in range(config.num_hidden_layers))
        self.scalar_mixes = nn.ModuleList(ScalarMix(config) for _ in range(config.num_output_representations))
        self.gradient_checkpointing = False
        self.representation_dropout = config.representation_dropout
        self.text_cache: TextCache | None = None
        if config.mix_parameters is not None:
            # The mixes then have no parameters; a checkpoint of the same biLM may hold trained ones.
            self._keys_to_ignore_on_load_unexpected = [
                *self._keys_to_ignore_on_load_unexpected,
                r"scalar_mixes\.\d+\.(weight|gamma)",
            ]
        self.post_init()
        self._apply_freeze()

    def _apply_freeze(self) -> None:
        if self.config.freeze_bilm:
            for part in self._bilm_parts():
                part.requires_grad_(False)

    def get_input_embeddings(self) -> nn.Module:
        """Returns the module that makes token embeddings: the character encoder, or the table of word embeddings."""
        return self.character_encoder if self.config.token_input == "characters" else self.word_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        setattr(self, "character_encoder" if self.config.token_input == "characters" else "word_embedding", value)

    def cache_vocabulary(self, words: Iterable[str] = (), max_new_words: int = 0) -> None:
        """Computes the token embeddings of words once, for all later calls, until the weights change.

        What the original tools did with `vocab_embedding.hdf5`; but words outside the vocabulary are encoded from their
        characters, and up to `max_new_words` of them are remembered as well. The cache is used where the character
        encoder gets no gradients, and takes some 400 bytes a word beside the embedding. It is not saved.

        Args:
            words (`Iterable[str]`, *optional*): The vocabulary. `<S>` and `</S>` are in it unasked.
            max_new_words (`int`, *optional*, defaults to 0): How many other words are remembered; when they are more,
                the cache forgets them all and goes on with those that come. With no words and 0, the cache is dropped.

        Raises:
            `ValueError`: If the model reads words: it has a table of their embeddings.
        """
        if self.config.token_input == "words":
            raise ValueError("cache_vocabulary: this model reads words, its token embeddings are a table already")
        size = self.config.max_characters_per_token
        words = list(words)
        rows = np.concatenate([boundary_characters(size)[: 2 * bool(words)], encode_characters(words, size)])
        self.character_encoder.cache_words(torch.from_numpy(rows).to(self.device), max_new_words)

    def cache_texts(self, max_bytes: int = 0) -> None:
        """Remembers the biLM's layers of each sequence, for all later calls, until the weights change.

        What the original tools did with a file of a data set's vectors: a frozen biLM gives a sequence the same layers
        in every epoch of fine-tuning, to rounding, so that it need not run but in the first. The cache is not saved. It
        is passed by where a weight of the biLM is trained, where a call takes or returns `state` or returns
        `hidden_states`, and where layers may depend on more than ids and weights: on hooks (gradient checkpointing
        makes one), layers that somebody has put in, adapters; also under compilation and in the replicas of
        `nn.DataParallel`.

        Args:
            max_bytes (`int`, *optional*, defaults to 0): The memory, on the device of the biLM. In float32, a word
                takes 4 bytes times `hidden_size` times the number of layers, layer 0 among them: 12 KB of the original
                model. Sequences for which there is no more room are computed each time. With 0, the cache is dropped.

        Raises:
            `ValueError`: If `max_bytes` is negative.
        """
        if max_bytes < 0:
            raise ValueError(f"max_bytes: expected 0 or more, found {max_bytes}")
        self.text_cache = TextCache(max_bytes) if max_bytes else None

    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    @auto_docstring
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        state: State | None = None,
        use_cache: bool | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | ElmoModelOutput:
        r"""
        input_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Word ids. The input of a model that reads words; a model that reads characters does not need them.
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, 0 to 261, as `ElmoTokenizer` gives them. The input of a model that reads characters.
        attention_mask (`torch.Tensor` of shape `(batch_size, num_words)`, *optional*):
            Positive at real words, 0 elsewhere. The padding may be anywhere in a row. By default every position is real
            that is not padding: its characters are not all 0, or its word id is not `config.pad_token_id`.
        token_type_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Segments. Each run of equal numbers is encoded as a sentence of its own.
        inputs_embeds (`torch.FloatTensor` of shape `(batch_size, num_words, projection_size)`, *optional*):
            Token embeddings, in place of ids.
        state (`tuple(torch.FloatTensor)`, *optional*):
            Hidden states `(2 * num_hidden_layers, batch_size, projection_size)` and cell states
            `(2 * num_hidden_layers, batch_size, cell_size)` to start from, as an earlier output's `state`. Zeros by
            default. The original implementations carry it from batch to batch unasked.
        use_cache (`bool`, *optional*):
            Whether to return `state`. In training it carries gradients: detach it between steps. With gradient
            checkpointing, transformers switches it off.

        Returns:
            [`ElmoModelOutput`] or `tuple`.

        Raises:
            `ValueError`: If the inputs' shapes disagree, ids are out of range, or the input that the model reads is
                missing.

        Example:
        ```python
        >>> import torch
        >>> from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer

        >>> tokenizer = ElmoTokenizer()
        >>> model = ElmoModel(ElmoConfig(cell_size=64, projection_size=16, character_filters=[[1, 8], [3, 24]])).eval()
        >>> with torch.no_grad():
        ...     output = model(**tokenizer("Words in context .", return_tensors="pt"))
        >>> output.last_hidden_state.shape
        torch.Size([1, 6, 32])
        ```"""
        inputs, mask = self.checked_inputs(input_ids, character_ids, inputs_embeds, attention_mask, token_type_ids)
        new_states: list[State] = []
        wants_layers = kwargs.get("output_hidden_states", self.config.output_hidden_states)
        if inputs_embeds is None and state is None and not use_cache and not wants_layers and self._remembers(inputs):
            layers: Iterable[torch.Tensor] = self._remembered_layers(inputs, mask, token_type_ids)
        else:
            layers = self._compute_layers(inputs, mask, token_type_ids, state, use_cache, new_states)
        # A single mix takes each layer as it comes, so that without gradients only two are in memory at a time.
        mixed = layers if len(self.scalar_mixes) == 1 else list(layers)
        representations = tuple(
            F.dropout(mix(mixed, mask), self.representation_dropout, self.training) for mix in self.scalar_mixes
        )
        return ElmoModelOutput(
            last_hidden_state=representations[0],
            elmo_representations=representations,
            state=join_states(new_states) if use_cache else None,
        )

    def _compute_layers(
        self,
        inputs: torch.Tensor,
        mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        state: State | None,
        use_cache: bool | None,
        new_states: list[State],
    ) -> Iterator[torch.Tensor]:
        """Yields the layers `(B, W, 2P)` of ids or of token embeddings, and collects their states in `new_states`."""
        packing = Packing.from_mask(mask, token_type_ids)
        if inputs.is_floating_point():
            embeddings = inputs.masked_fill(~mask.unsqueeze(-1), 0)
        else:
            embeddings = self.embed_tokens(inputs.long(), packing.forward_index)
        state = self.initial_state(packing, embeddings, state, use_cache)
        layer = torch.cat([embeddings, embeddings], dim=-1)
        yield layer
        outputs = self.run_layers(layer, packing, state)
        del embeddings
        for layer, layer_state in outputs:
            if use_cache:
                new_states.append(layer_state)
            yield layer

    def _remembers(self, ids: torch.Tensor) -> bool:
        """Whether there is a cache, and layers follow from ids and weights alone: they are frozen, on one device, and
        nobody has put hooks or other layers in."""
        if self.text_cache is None or is_replica(self):
            return False
        weights = self._bilm_weights()
        return (
            not is_traced(ids, *weights)
            and not any(weight.requires_grad or weight.device != ids.device for weight in weights)
            and all(
                type(module) in OWN_BILM_LAYERS and "forward" not in vars(module) and not _has_hooks_of_others(module)
                for part in self._bilm_parts()
                for module in part.modules()
            )
        )

    def _remembered_layers(
        self, ids: torch.Tensor, mask: torch.Tensor, token_type_ids: torch.Tensor | None
    ) -> Iterator[torch.Tensor]:
        """The same as `_compute_layers`, where `_remembers`."""
        assert self.text_cache is not None

        def compute(mask: torch.Tensor, token_type_ids: torch.Tensor | None) -> Iterator[torch.Tensor]:
            return self._compute_layers(ids, mask, token_type_ids, None, False, [])

        sequences = Sequences.from_mask(mask, token_type_ids)
        if not len(sequences.row):
            return compute(mask, token_type_ids)
        made_from = self._what_layers_are_made_from(ids.device.type)
        num_layers = self.config.num_hidden_layers + 1
        return self.text_cache.layers(ids, mask, sequences, compute, num_layers, made_from)

    def _what_layers_are_made_from(self, device_type: str) -> tuple[object, ...]:
        """Returns what changes when the layers of a sequence may."""
        autocasts = torch.is_autocast_enabled(device_type)
        dtype = torch.get_autocast_dtype(device_type) if autocasts else None
        settings = [layer.settings() for layer in self.layers if isinstance(layer, ElmoLayer)]
        return dtype, settings, fingerprint(*self._bilm_weights())

    def _bilm_parts(self) -> tuple[nn.Module, nn.Module]:
        """Returns what `freeze_bilm` freezes: all but the mixes."""
        return self.get_input_embeddings(), self.layers

    def _bilm_weights(self) -> list[nn.Parameter]:
        return [weight for part in self._bilm_parts() for weight in part.parameters()]

    def run_layers(
        self, hidden_states: torch.Tensor, packing: Packing, state: State
    ) -> Iterator[tuple[torch.Tensor, State]]:
        """Runs the LSTM layers, one after the other as they are asked for.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, W, 2P)`): Layer 0, the token embedding of each direction; zero
                outside the mask.
            packing (`Packing`): Where the real tokens are.
            state (`State`): Where the layers start, see `initial_state`.

        Yields:
            Each LSTM layer's output `(B, W, 2P)`, zero outside the mask, and its state after each row: hidden
            `(2, B, P)` and cell `(2, B, H)`.
        """
        for layer, hidden, cell in zip(self.layers, state[0].split(2), state[1].split(2)):
            hidden_states, new_hidden, new_cell = layer(hidden_states, packing, hidden, cell)
            yield hidden_states, (new_hidden, new_cell)

    def checked_inputs(
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the input that this model reads and the mask `(B, W)` of real tokens, checked.

        Raises:
            `ValueError`: As `forward`.
        """
        inputs = self._select_input(input_ids, character_ids, inputs_embeds)
        for name, tensor in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
            if tensor is not None:
                check_shape(name, tensor, tuple(inputs.shape[:2]))
        return inputs, self._real_tokens(inputs, attention_mask, is_embedded=inputs_embeds is not None)

    def _select_input(
        self,
        input_ids: torch.Tensor | None,
        character_ids: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
    ) -> torch.Tensor:
        """Returns the one of the inputs that this model reads."""
        config = self.config
        if inputs_embeds is not None:
            check_shape("inputs_embeds", inputs_embeds, ("batch", "words", config.projection_size))
            if not inputs_embeds.is_floating_point():
                raise ValueError(f"inputs_embeds: expected floating point numbers, found {inputs_embeds.dtype}")
            if input_ids is not None or character_ids is not None:
                raise ValueError("inputs_embeds takes the place of input_ids and character_ids: pass one or the other")
            return inputs_embeds
        if config.token_input == "words":
            if input_ids is None:
                raise ValueError("this model reads words: pass input_ids (batch, words) or inputs_embeds")
            check_shape("input_ids", input_ids, ("batch", "words"))
            check_ids("input_ids", input_ids, config.vocab_size)
            return input_ids
        size = config.max_characters_per_token
        if character_ids is None:
            found = "nothing" if input_ids is None else "only input_ids, which are word ids"
            raise ValueError(
                f"this model reads characters: pass character_ids (batch, words, {size}), as ElmoTokenizer "
                f"returns them, or inputs_embeds; found {found}"
            )
        check_shape("character_ids", character_ids, ("batch", "words", size))
        if input_ids is not None:
            check_shape("input_ids", input_ids, tuple(character_ids.shape[:2]))
        check_ids("character_ids", character_ids, config.character_vocab_size)
        return character_ids

    def _real_tokens(
        self, inputs: torch.Tensor, attention_mask: torch.Tensor | None, is_embedded: bool
    ) -> torch.Tensor:
        """Returns the mask `(B, W)` of real tokens."""
        if attention_mask is not None:
            if (attention_mask < 0).any():
                raise ValueError("attention_mask: expected 1 at real words and 0 elsewhere, found a negative number")
            return attention_mask != 0
        pad_token_id = self.config.pad_token_id
        if self.config.token_input == "characters" and not is_embedded:
            return (inputs != 0).any(-1)
        if is_embedded or pad_token_id is None:
            return torch.ones(inputs.shape[:2], dtype=torch.bool, device=inputs.device)
        return torch.ne(inputs, pad_token_id)

    def embed_tokens(self, ids: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """Returns token embeddings `(B, W, P)` of `ids`, computed at the flat positions `index` and zero elsewhere."""
        batch_size, num_words = ids.shape[:2]
        tokens_NP = self.get_input_embeddings()(ids.flatten(0, 1).index_select(0, index))
        embeddings = tokens_NP.new_zeros(batch_size * num_words, self.config.projection_size)
        return embeddings.index_copy(0, index, tokens_NP).unflatten(0, (batch_size, num_words))

    def initial_state(
        self, packing: Packing, inputs_embeds: torch.Tensor, state: Any = None, use_cache: bool | None = False
    ) -> State:
        """Returns the states to start from: those of `state`, checked, or zeros.

        Args:
            packing (`Packing`): The sequences of the batch.
            inputs_embeds (`torch.Tensor` of shape `(B, W, P)`): Gives batch size, dtype and device.
            state (`State`, *optional*): An earlier output's `state`.
            use_cache (`bool`, *optional*): Whether the state after the batch is wanted.

        Raises:
            `ValueError`: If `state` has another shape, or rows hold several segments and a state is given or wanted.
        """
        if packing.has_segments and (use_cache or state is not None):
            raise ValueError(
                "state belongs to one sequence per row: found rows with several segments in token_type_ids and "
                f"{'use_cache=True' if use_cache else 'a state'}"
            )
        config, batch_size = self.config, inputs_embeds.shape[0]
        # The cell state accumulates over a sentence: half precision would lose it.
        cell_dtype = torch.promote_types(inputs_embeds.dtype, torch.float32)
        hidden_shape = (2 * config.num_hidden_layers, batch_size, config.projection_size)
        cell_shape = (2 * config.num_hidden_layers, batch_size, config.cell_size)
        if state is None:
            return (
                inputs_embeds.new_zeros(hidden_shape),
                inputs_embeds.new_zeros(cell_shape, dtype=cell_dtype),
            )
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            found = f"{len(state)} items" if isinstance(state, (tuple, list)) else type(state).__name__
            raise ValueError(f"state: expected a pair (hidden states, cell states), found {found}")
        hidden, cell = state
        check_shape("state: hidden states", hidden, hidden_shape)
        check_shape("state: cell states", cell, cell_shape)
        return hidden.to(inputs_embeds), cell.to(inputs_embeds.device, cell_dtype)


# What a biLM is made of, unless somebody has put other layers in their place.
OWN_BILM_LAYERS = {*OWN_LAYERS, ElmoWordEmbedding, ElmoLayer, ProjectedLSTM}


def _has_hooks_of_others(module: nn.Module) -> bool:
    # Those with which transformers collects hidden states stay on the layers when they have done so.
    return any(getattr(hook, "__module__", None) != capture_outputs.__module__ for hook in hooks_of(module))


def join_states(states: list[State]) -> State:
    """Puts the states of the layers together."""
    hidden, cell = zip(*states)
    return torch.cat(hidden), torch.cat(cell)


__all__ = ["ElmoModel", "ElmoModelOutput"]
