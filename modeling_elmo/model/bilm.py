# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The bidirectional language model (biLM) and its scalar mixes: `ElmoModel`, from ids to ELMo vectors.

    character ids -> character encoder -> token embedding x_k                          [B, W, P]
    h_0 = [x; x]                                                                       [B, W, 2P]
    h_j = [forward LSTM_j of the left half of h_{j-1}; backward LSTM_j of the right]   [B, W, 2P], j = 1 ... L
    ELMo = scalar mix of h_0 ... h_L                                                   [B, W, 2P]

From its second layer on, an LSTM adds its input to its output. Original code: AllenNLP's `allennlp/modules/elmo.py` and
bilm-tf's `bilm/model.py`. Unlike theirs, `forward` is a pure function: no state is kept between calls, unless the
caller passes `state`.

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
from .characters import ByteCharacters
from .configuration_elmo import ElmoConfig
from .fast_path_guards import fingerprint, is_as_made, is_replica, is_traced, settings_of
from .int8_weights import Int8Weight, scales_of
from .lstm import ElmoLayer
from .packing import Packing, Sequences, check_ids, check_shape
from .pretrained import ElmoPreTrainedModel
from .scalar_mix import ScalarMix
from .scan import Steps, sequences_of
from .token_embedding import ElmoCharacterEncoder, ElmoWordEmbedding


# Hidden states [2L, B, P] and cell states [2L, B, H], layer by layer, forward before backward, as in torch.nn.LSTM.
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
        All scalar mixes, each of shape `(batch_size, num_words, hidden_size)`. The first is `last_hidden_state`.
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
        if config.reads_characters:
            self.character_encoder = ElmoCharacterEncoder(config)
        else:
            self.word_embedding = ElmoWordEmbedding(config)
        self.layers = nn.ModuleList(ElmoLayer(config, layer_idx) for layer_idx in range(config.num_hidden_layers))
        self.scalar_mixes = nn.ModuleList(ScalarMix(config) for _ in range(config.num_output_representations))
        self.gradient_checkpointing = False
        self.representation_dropout = config.representation_dropout
        self.text_cache: TextCache | None = None
        if config.mix_parameters is not None:
            # Fixed mixes have no parameters, but a checkpoint of the same biLM may contain trained ones.
            self._keys_to_ignore_on_load_unexpected = [
                *self._keys_to_ignore_on_load_unexpected,
                r"scalar_mixes\.\d+\.(weight|gamma)",
            ]
        self.post_init()
        self.apply_freeze()

    def apply_freeze(self) -> None:
        if self.config.freeze_bilm or any(isinstance(module, Int8Weight) for module in self.modules()):
            for part in self._bilm_parts():
                part.requires_grad_(False)

    def _bilm_parts(self) -> tuple[nn.Module, nn.Module]:
        """Returns what `freeze_bilm` freezes: everything except the mixes."""
        return self.token_embedding, self.layers

    @property
    def token_embedding(self) -> nn.Module:
        """`nn.Module`: Computes token embeddings `(N, P)` from ids `(N, I)`, or `(N,)` of words alone."""
        return self.character_encoder if self.config.reads_characters else self.word_embedding

    def get_input_embeddings(self) -> nn.Module:
        """Returns the word embedding table or, without one, the character encoder."""
        if self.config.token_input == "characters_and_words":
            return self.character_encoder.get_submodule("word_embedding")
        return self.token_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        owner = self.character_encoder if self.config.token_input == "characters_and_words" else self
        setattr(owner, "word_embedding" if self.config.reads_words else "character_encoder", value)

    def cache_vocabulary(self, words: Iterable[str] = (), max_new_words: int = 0, tokenizer: Any = None) -> None:
        """Computes the token embeddings of words once and reuses them until the weights change.

        The original tools stored these embeddings in `vocab_embedding.hdf5`. The cache is used when the character
        encoder needs no gradients. It costs about 500 bytes a word besides the embedding and is not saved.

        Args:
            words (`Iterable[str]`, *optional*): The vocabulary. `<S>` and `</S>` are added to it.
            max_new_words (`int`, *optional*, defaults to 0): How many other words to cache as they occur. Beyond it,
                they are all dropped to make room for new ones. No words and 0 disable the cache.
            tokenizer (`ElmoTokenizer`, *optional*): Makes the ids of `words`. A model that reads bytes needs none.

        Raises:
            `ValueError`: If the model reads words alone, since it has a table of their embeddings, or the tokenizer is
                missing.
        """
        if not self.config.reads_characters:
            raise ValueError("cache_vocabulary requires a model that reads characters; this one reads words")
        words, reads = list(words), self.config.token_input
        if tokenizer is not None:
            boundaries = [str(tokenizer.bos_token), str(tokenizer.eos_token)] if words else []
            rows = [
                tokenizer.token_ids(boundaries, reads),
                tokenizer.token_ids(words, reads, split_special_tokens=True),
            ]
        elif words and (self.config.reads_words or self.config.character_unit != "byte"):
            raise ValueError("tokenizer: required, since it has the vocabulary of words or characters of this model")
        else:
            characters = ByteCharacters(self.config.max_characters_per_token)
            rows = [characters.boundary_ids()[: 2 * bool(words)], characters.encode(words)]
        self.character_encoder.cache_words(torch.from_numpy(np.concatenate(rows)).to(self.device), max_new_words)

    def cache_texts(self, max_bytes: int = 0) -> None:
        """Caches the biLM's layers of each sequence until the weights change.

        A frozen biLM gives a sequence the same layers, up to rounding, in every epoch of fine-tuning, so it only has to
        run in the first. (With the original tools, one wrote a data set's vectors to a file.) The cache is not saved.
        It is bypassed when biLM weights are trained, when a call takes or returns `state` or returns `hidden_states`,
        and when the result may depend on more than ids and weights: with hooks, replaced layers or adapters, under
        compilation, and in the replicas of `nn.DataParallel`.

        Args:
            max_bytes (`int`, *optional*, defaults to 0): The memory limit, on the device of the biLM. A word of the
                original model costs 12 KB. Once the cache is full, further sequences are recomputed. 0 disables it.

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
            Word ids. Required by a model that reads words; a model that reads characters alone doesn't need them.
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, of bytes 0 to 261, as returned by `ElmoTokenizer`. Required by a model that reads characters.
        attention_mask (`torch.Tensor` of shape `(batch_size, num_words)`, *optional*):
            Positive at real words, 0 elsewhere. Padding may be anywhere in a row. By default, a position is padding if
            its characters are all 0 or its word id is `config.pad_token_id`.
        token_type_ids (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Segment ids. Each run of equal ids is encoded as a separate sentence.
        inputs_embeds (`torch.FloatTensor` of shape `(batch_size, num_words, projection_size)`, *optional*):
            Token embeddings, instead of ids.
        state (`tuple(torch.FloatTensor)`, *optional*):
            Hidden and cell states to start from, such as an earlier output's `state`. Zeros by default. (The original
            implementations always carry the state from batch to batch.)
        use_cache (`bool`, *optional*):
            Whether to return `state`. In training it carries gradients: detach it between steps.

        Returns:
            [`ElmoModelOutput`] or `tuple`.

        Raises:
            `ValueError`: If the inputs' shapes disagree, ids are out of range, or the required input is missing.

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
        states: list[State] = []
        wants_layers = kwargs.get("output_hidden_states", self.config.output_hidden_states)
        is_plain_call = inputs_embeds is None and state is None and not use_cache and not wants_layers
        if is_plain_call and self._can_use_cache(inputs):
            layers = self._cached_layers(inputs, mask, token_type_ids)
        else:
            layers = self._compute_layers(inputs, mask, token_type_ids, state, states if use_cache else None)
        # A single mix reads layers as they are computed: without gradients, only two are in memory at a time.
        mixed = layers if len(self.scalar_mixes) == 1 else list(layers)
        representations = tuple(
            F.dropout(mix(mixed, mask), self.representation_dropout, self.training) for mix in self.scalar_mixes
        )
        return ElmoModelOutput(
            last_hidden_state=representations[0],
            elmo_representations=representations,
            state=join_states(states) if use_cache else None,
        )

    def _compute_layers(
        self,
        inputs: torch.Tensor,
        mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        state: State | None = None,
        new_states: list[State] | None = None,
    ) -> Iterator[torch.Tensor]:
        """Yields the layers `(B, W, 2P)` of ids or token embeddings; appends their states to `new_states`."""
        packing = sequences_of(mask, token_type_ids)
        if inputs.is_floating_point():
            embeddings = inputs.masked_fill(~mask.unsqueeze(-1), 0)
        else:
            (embeddings,) = self.embed_tokens(packing, inputs)
        state = self.initial_state(packing, embeddings, state, new_states is not None)
        layer = torch.cat([embeddings, embeddings], dim=-1)
        yield layer
        outputs = self.run_layers(layer, packing, state)
        del embeddings
        for layer, layer_state in outputs:
            if new_states is not None:
                new_states.append(layer_state)
            yield layer

    def _can_use_cache(self, ids: torch.Tensor) -> bool:
        """Whether a cache exists, and layers depend on ids and frozen weights alone, all on one device."""
        if self.text_cache is None or is_replica(self):
            return False
        weights = self._bilm_weights()
        return (
            not is_traced(ids, *weights)
            and not any(weight.requires_grad or weight.device != ids.device for weight in weights)
            and all(map(is_as_made, self._bilm_parts()))
        )

    def _cached_layers(
        self, ids: torch.Tensor, mask: torch.Tensor, token_type_ids: torch.Tensor | None
    ) -> Iterator[torch.Tensor]:
        """Yields what `_compute_layers` does, through the cache; requires `_can_use_cache`."""
        assert self.text_cache is not None
        sequences = Sequences.from_mask(mask, token_type_ids)
        if not len(sequences.row):
            return self._compute_layers(ids, mask, token_type_ids)

        def compute(mask: torch.Tensor, segments: torch.Tensor) -> Iterator[torch.Tensor]:
            return self._compute_layers(ids, mask, segments)

        num_layers = self.config.num_hidden_layers + 1
        return self.text_cache.layers(ids, mask, sequences, compute, num_layers, self._cache_key(ids.device.type))

    def _cache_key(self, device_type: str) -> tuple[object, ...]:
        """Returns the cache key: everything the layers depend on besides the ids."""
        dtype = torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else None
        return (
            dtype,
            [settings_of(part) for part in self._bilm_parts()],
            fingerprint(*self._bilm_weights(), *scales_of(*self._bilm_parts())),
        )

    def _bilm_weights(self) -> list[nn.Parameter]:
        return [weight for part in self._bilm_parts() for weight in part.parameters()]

    def run_layers(
        self, hidden_states: torch.Tensor, packing: Packing | Steps, state: State
    ) -> Iterator[tuple[torch.Tensor, State]]:
        """Runs the LSTM layers one by one, as the caller asks for them.

        Takes layer 0 `(B, W, 2P)`, the token embedding of each direction, and the `initial_state`. Yields each LSTM
        layer's output `(B, W, 2P)` and its state after each row: hidden `(2, B, P)` and cell `(2, B, H)`. Layers are
        zero outside the mask.
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
        if inputs_embeds is None:
            inputs = self.checked_ids(input_ids, character_ids)
        else:
            check_shape("inputs_embeds", inputs_embeds, ("batch", "words", self.config.projection_size))
            if not inputs_embeds.is_floating_point():
                raise ValueError(f"inputs_embeds: expected a floating-point dtype, found {inputs_embeds.dtype}")
            if input_ids is not None or character_ids is not None:
                raise ValueError("inputs_embeds and ids (input_ids, character_ids) are mutually exclusive")
            inputs = inputs_embeds
        for name, tensor in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
            if tensor is not None:
                check_shape(name, tensor, tuple(inputs.shape[:2]))
        if attention_mask is not None:
            if not torch.compiler.is_compiling() and (attention_mask < 0).any():
                raise ValueError("attention_mask: expected 1 at real words and 0 elsewhere, found a negative value")
            return inputs, attention_mask != 0
        if inputs_embeds is None and self.config.reads_characters:
            # Without the word ids, whose padding is not 0.
            return inputs, (inputs[..., int(self.config.reads_words) :] != 0).any(-1)
        if inputs_embeds is None and self.config.pad_token_id is not None:
            return inputs, torch.ne(inputs, self.config.pad_token_id)
        return inputs, torch.ones(inputs.shape[:2], dtype=torch.bool, device=inputs.device)

    def checked_ids(self, input_ids: torch.Tensor | None, character_ids: torch.Tensor | None) -> torch.Tensor:
        """Returns the ids that this model reads, `(B, W, I)`, or `(B, W)` of words alone, checked as `checked_inputs`.

        I is C, or C + 1 with the word id, which comes first.
        """
        config, size = self.config, self.config.max_characters_per_token
        if config.reads_words:
            if input_ids is None:
                reads = config.token_input.replace("_", " ")
                raise ValueError(f"this model reads {reads}: pass input_ids (batch, words) or inputs_embeds")
            check_shape("input_ids", input_ids, ("batch", "words"))
            check_ids("input_ids", input_ids, config.vocab_size)
            if not config.reads_characters:
                return input_ids
        if character_ids is None:
            raise ValueError(
                f"this model reads characters: pass character_ids (batch, words, {size}), as returned by "
                f"ElmoTokenizer, or inputs_embeds; found {'nothing' if input_ids is None else 'only input_ids'}"
            )
        # A graph has no padding characters to save: it may get fewer than there can be.
        num_characters = "characters" if torch.compiler.is_compiling() else size
        check_shape("character_ids", character_ids, ("batch", "words", num_characters))
        if input_ids is not None:
            check_shape("input_ids", input_ids, tuple(character_ids.shape[:2]))
        check_ids("character_ids", character_ids, config.character_vocab_size)
        if not config.reads_words or input_ids is None:
            return character_ids
        return torch.cat([input_ids.unsqueeze(-1).long(), character_ids.long()], dim=-1)

    def embed_tokens(self, packing: Packing | Steps, *ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Returns token embeddings `(B, W, P)`, zero outside the mask, of each of several texts `ids` with one packing.

        Words that the texts share are encoded once.
        """
        if isinstance(packing, Steps):
            tokens = [self.token_embedding(of_text.long().flatten(0, 1)) for of_text in ids]
            mask = packing.is_real
            return tuple(of_text.unflatten(0, mask.shape).masked_fill(~mask.unsqueeze(-1), 0) for of_text in tokens)
        batch_size, num_words = ids[0].shape[:2]
        flat_ids = torch.cat(ids).long().flatten(0, 1)
        index = torch.cat([packing.forward_index + text * batch_size * num_words for text in range(len(ids))])
        tokens_NP = self.token_embedding(flat_ids.index_select(0, index))
        embeddings = tokens_NP.new_zeros(len(flat_ids), self.config.projection_size).index_copy(0, index, tokens_NP)
        return embeddings.unflatten(0, (len(ids) * batch_size, num_words)).split(batch_size)

    def initial_state(
        self, packing: Packing | Steps, inputs_embeds: torch.Tensor, state: Any = None, use_cache: bool | None = False
    ) -> State:
        """Returns the states to start from: those of `state`, checked, or zeros like `inputs_embeds` `(B, W, P)`.

        Raises:
            `ValueError`: If `state` has another shape, or if it is passed, or is to be returned (`use_cache`), for rows
                with several segments.
        """
        if packing.has_segments and (use_cache or state is not None):
            raise ValueError(
                f"{'use_cache=True' if use_cache else 'state'} requires one sequence per row: found rows with several "
                "segments in token_type_ids"
            )
        config, batch_size = self.config, inputs_embeds.shape[0]
        # The cell state accumulates over a sentence, which needs more than half precision.
        cell_dtype = torch.promote_types(inputs_embeds.dtype, torch.float32)
        hidden_shape = (2 * config.num_hidden_layers, batch_size, config.projection_size)
        cell_shape = (2 * config.num_hidden_layers, batch_size, config.cell_size)
        if state is None:
            return inputs_embeds.new_zeros(hidden_shape), inputs_embeds.new_zeros(cell_shape, dtype=cell_dtype)
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            found = f"{len(state)} items" if isinstance(state, (tuple, list)) else type(state).__name__
            raise ValueError(f"state: expected a pair (hidden states, cell states), found {found}")
        hidden, cell = state
        check_shape("state: hidden states", hidden, hidden_shape)
        check_shape("state: cell states", cell, cell_shape)
        return hidden.to(inputs_embeds), cell.to(inputs_embeds.device, cell_dtype)


def join_states(states: list[State]) -> State:
    """Concatenates the states of the layers."""
    hidden, cell = zip(*states)
    return torch.cat(hidden), torch.cat(cell)
