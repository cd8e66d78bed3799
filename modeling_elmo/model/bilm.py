# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""PyTorch ELMo model.

    character ids -> character encoder -> token embedding [B, W, P]
                  -> L bidirectional LSTM layers          [B, W, 2P] each, with the token embedding twice as layer 0
                  -> scalar mix                           [B, W, 2P], the ELMo vectors

Original code: AllenNLP's `allennlp/modules/elmo.py` and bilm-tf's `bilm/model.py`. `forward` is a pure function: unlike
theirs, the model remembers nothing from call to call unless the caller passes `state`.

Dimensions: B batch, W words, C characters per word, N real tokens, L layers, P projection, H cells.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import ModelOutput
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, auto_docstring
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs, maybe_install_capturing_hooks

from .character_encoder import OWN_LAYERS, ElmoCharacterEmbedding, ElmoCharacterEncoder, ElmoHighwayGate
from .characters import boundary_characters, encode_characters
from .configuration_elmo import ElmoConfig
from .matrix_product import fingerprint, hooks_of, is_replica, is_traced
from .model_card import TAGS, replace_empty_card
from .model_files import (
    BILM_WEIGHT,
    check_loading_arguments,
    check_new_parameters,
    check_weight_files,
    check_weight_index,
)
from .projected_lstm import ElmoLayer, Packing, ProjectedLSTM, Sequences
from .sampled_softmax import ElmoSoftmax
from .text_cache import TextCache


# Hidden states [2L, B, P] and cell states [2L, B, H], layer by layer, forward before backward: as torch.nn.LSTM's.
State = tuple[torch.Tensor, torch.Tensor]


class ElmoWordEmbedding(nn.Embedding):
    """Token embeddings of a model that reads words: word ids to `[..., P]`."""

    def __init__(self, config: ElmoConfig):
        super().__init__(config.vocab_size, config.projection_size)


class ScalarMix(nn.Module):
    r"""A weighted sum of the biLM's layers (Peters et al. 2018, equation 1): gamma * sum_j softmax(w)_j h_j.

    With `config.mix_parameters` the weights are those and gamma is 1, and the module has no parameters. With
    `config.mix_layer_norm` each layer is first normalised by one mean and one variance over all real tokens *of the
    batch* and all dimensions, as AllenNLP's `do_layer_norm`: a sentence's vectors then depend on its neighbours.
    """

    def __init__(self, config: ElmoConfig):
        super().__init__()
        self.fixed_weight = config.mix_parameters
        self.layer_norm = config.mix_layer_norm
        if self.fixed_weight is None:
            self.weight = nn.Parameter(torch.empty(config.num_hidden_layers + 1))
            self.gamma = nn.Parameter(torch.empty(1))

    def forward(self, layers: Iterable[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        """Mixes L+1 tensors `(B, W, 2P)`, zero outside `mask` `(B, W)`, into one `(B, W, 2P)`."""
        if self.fixed_weight is None:
            share, gamma = self.weight.softmax(dim=0), self.gamma
        else:
            weight = torch.tensor(self.fixed_weight, dtype=torch.float32, device=mask.device)
            share, gamma = weight.softmax(dim=0), None
        mixed: torch.Tensor | None = None
        for weight, layer in zip(share, layers, strict=True):
            values = _normalize_over_batch(layer, mask) if self.layer_norm else layer
            weighted = weight.to(layer.dtype) * values
            mixed = weighted if mixed is None else mixed + weighted
        assert mixed is not None
        return mixed if gamma is None else gamma.to(mixed.dtype) * mixed


def _normalize_over_batch(layer: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    # Sums over a whole batch overflow float16, so they are taken in float32 at least.
    values = layer.to(torch.promote_types(layer.dtype, torch.float32))
    mask = mask.unsqueeze(-1)
    count = (mask.sum() * layer.shape[-1]).clamp(min=1)
    mean = (values * mask).sum() / count
    variance = ((values - mean).square() * mask).sum() / count
    # 1e-13 keeps a constant layer finite: AllenNLP's value for float32.
    return ((values - mean) / torch.sqrt(variance + 1e-13) * mask).to(layer.dtype)


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
    The base of all ELMo models: how they are loaded, initialised and frozen.
    """
)
class ElmoPreTrainedModel(PreTrainedModel):
    config: ElmoConfig
    base_model_prefix = "elmo"
    supports_gradient_checkpointing = True
    _no_split_modules = ["ElmoCharacterEncoder", "ElmoLayer"]
    _can_record_outputs = {"hidden_states": ElmoLayer}
    # The softmax of a language model is not missed by what is loaded from its directory without it.
    _keys_to_ignore_on_load_unexpected = [r"^lm_head\."]

    def __init__(self, config: ElmoConfig, *args: Any, **kwargs: Any):
        # Fields assigned since the config was made have been checked for their type alone.
        config.validate()
        super().__init__(config, *args, **kwargs)
        # For model cards, that of `Trainer` among them. A list of its own: `add_model_tags` appends to it.
        self.model_tags = list(TAGS)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draws weights from the distributions of the original training code (bilm-tf's `training.py`)."""
        if isinstance(module, ProjectedLSTM):
            # One Glorot bound for the joint matrix [x, h] -> gates, which the original stores as one.
            size_in = module.weight_ih.shape[1] + module.weight_hh.shape[1]
            bound = (6 / (size_in + module.weight_ih.shape[0])) ** 0.5
            init.uniform_(module.weight_ih, -bound, bound)
            init.uniform_(module.weight_hh, -bound, bound)
            init.zeros_(module.bias)
            if module.weight_hr is not None:
                init.xavier_uniform_(module.weight_hr)
        elif isinstance(module, ElmoCharacterEmbedding):
            weight = torch.empty_like(module.weight).uniform_(-1, 1)
            weight[module.padding_idx] = 0
            init.copy_(module.weight, weight)
        elif isinstance(module, ElmoWordEmbedding):
            init.xavier_uniform_(module.weight)
        elif isinstance(module, nn.Conv1d):
            if self.config.hidden_act == "relu":
                init.uniform_(module.weight, -0.05, 0.05)
            else:
                init.normal_(module.weight, std=(module.in_channels * module.kernel_size[0]) ** -0.5)
            init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                init.constant_(module.bias, -2.0 if isinstance(module, ElmoHighwayGate) else 0.0)
        elif isinstance(module, ElmoSoftmax):
            init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)
            init.zeros_(module.bias)
        elif isinstance(module, ScalarMix):
            if module.fixed_weight is None:
                init.zeros_(module.weight)
                init.ones_(module.gamma)
        else:
            super()._init_weights(module)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """As in `PreTrainedModel`, from safetensors files alone, whose weights must be those that the config describes.

        Raises:
            `ValueError`: If an argument or a file asks for another format, a file is damaged, weights of the biLM are
                missing or too many, or the config asks for far more weights than the files have.
            `RuntimeError`: If weights have other shapes, without `ignore_mismatched_sizes=True`.
        """
        check_loading_arguments(kwargs)
        if pretrained_model_name_or_path is not None:
            folder = os.path.join(pretrained_model_name_or_path, kwargs.get("subfolder") or "")
            check_weight_index(folder, kwargs.get("variant"))
            kwargs["use_safetensors"] = True
        asked = kwargs.get("dtype") or kwargs.get("torch_dtype")
        if getattr(kwargs.get("config"), "dtype", "auto") is None and asked in (None, "auto"):
            # Else it would be looked for in the weights, whatever they are in.
            kwargs["dtype"] = torch.float32
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        # Loading replaces every parameter by a trainable one, so freezing has to be done again.
        for module in (loaded[0] if isinstance(loaded, tuple) else loaded).modules():
            if isinstance(module, ElmoPreTrainedModel):
                module._apply_freeze()
        return loaded

    @staticmethod
    def _load_pretrained_model(
        model: Any, state_dict: Any, checkpoint_files: list[str] | None, load_config: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if checkpoint_files is not None:
            subfolder = (load_config.download_kwargs or {}).get("subfolder") or ""
            check_weight_files(os.path.join(load_config.pretrained_model_name_or_path, subfolder), checkpoint_files)
        return PreTrainedModel._load_pretrained_model(model, state_dict, checkpoint_files, load_config, *args, **kwargs)

    @staticmethod
    def _finalize_model_loading(model: Any, load_config: Any, loading_info: Any) -> Any:
        # What the files lack is still without memory here.
        _check_loaded(model, load_config, loading_info)
        return PreTrainedModel._finalize_model_loading(model, load_config, loading_info)

    def _load_and_finalize_distributed_pretrained_model(self, checkpoint_dir: Any, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(f"{checkpoint_dir}: expected one model.safetensors or its shards, found those of a training")

    def load_adapter(self, *args: Any, **kwargs: Any) -> Any:
        """As in `PreTrainedModel`, of an adapter's weights themselves: transformers would also read them from a pickle.

        Raises:
            `ValueError`: Without `adapter_state_dict`.
        """
        if kwargs.get("adapter_state_dict") is None:
            raise ValueError(
                "load_adapter: expected adapter_state_dict, as safetensors' load_file returns it, found none"
            )
        return super().load_adapter(*args, **kwargs)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """As in `PreTrainedModel`; see `ElmoConfig.save_pretrained` for the code files."""
        self.config.code_file = __file__
        try:
            super().save_pretrained(*args, **kwargs)
        finally:
            self.config.__dict__.pop("code_file", None)

    def _upload_modified_files(self, working_dir: str | os.PathLike, repo_id: str, *args: Any, **kwargs: Any) -> Any:
        # The last step of `push_to_hub`. (Should transformers rename it, its own card goes up.)
        replace_empty_card(working_dir, self.config, repo_id)
        return super()._upload_modified_files(working_dir, repo_id, *args, **kwargs)

    def _replicate_for_data_parallel(self) -> Any:
        # Else transformers, which finds no mark on a replica, would put its hooks on the shared layers at every step.
        maybe_install_capturing_hooks(self)
        return super()._replicate_for_data_parallel()

    def _apply_freeze(self) -> None:
        """Marks parameters of this very module as fixed that its config says are; each model within does its own."""

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Module:
        """As in `PreTrainedModel` for a model that reads words. One that reads characters has no table of words to
        resize: only `config.vocab_size` changes."""
        if self.config.token_input == "words":
            return super().resize_token_embeddings(new_num_tokens, *args, **kwargs)
        if new_num_tokens is not None:
            self.config.vocab_size = new_num_tokens
        return self.get_input_embeddings()

    @property
    def dummy_inputs(self) -> dict[str, torch.Tensor]:
        """`dict[str, torch.Tensor]`: A batch of one word, enough for a forward pass."""
        inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.long)}
        if self.config.token_input == "characters":
            inputs["character_ids"] = torch.ones(1, 1, self.config.max_characters_per_token, dtype=torch.long)
        return inputs


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
        inputs, mask = self._inputs_and_mask(input_ids, character_ids, inputs_embeds, attention_mask, token_type_ids)
        new_state: list[State] = []
        wants_layers = kwargs.get("output_hidden_states", self.config.output_hidden_states)
        if inputs_embeds is None and state is None and not use_cache and not wants_layers and self._remembers(inputs):
            layers: Iterable[torch.Tensor] = self._remembered_layers(inputs, mask, token_type_ids)
        else:
            layers = self._compute_layers(inputs, mask, token_type_ids, state, use_cache, new_state)
        # A single mix takes each layer as it comes, so that without gradients only two are in memory at a time.
        mixed = layers if len(self.scalar_mixes) == 1 else list(layers)
        representations = tuple(
            F.dropout(mix(mixed, mask), self.representation_dropout, self.training) for mix in self.scalar_mixes
        )
        return ElmoModelOutput(
            last_hidden_state=representations[0],
            elmo_representations=representations,
            state=join_states(new_state) if use_cache else None,
        )

    def _compute_layers(
        self,
        inputs: torch.Tensor,
        mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        state: State | None,
        use_cache: bool | None,
        new_state: list[State],
    ) -> Iterator[torch.Tensor]:
        """Yields the layers `(B, W, 2P)` of ids or of token embeddings, see `run_layers`."""
        packing = Packing.from_mask(mask, token_type_ids)
        if inputs.is_floating_point():
            embeddings = inputs.masked_fill(~mask.unsqueeze(-1), 0)
        else:
            embeddings = self._embed(inputs.long(), packing.forward_index)
        hidden, cell = self._initial_state(state, use_cache, packing, embeddings)
        return self.run_layers(torch.cat([embeddings, embeddings], dim=-1), packing, (hidden, cell), new_state)

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
        self, hidden_states: torch.Tensor, packing: Packing, state: State, new_state: list[State]
    ) -> Iterator[torch.Tensor]:
        """Yields the layers `(B, W, 2P)` of the biLM, `hidden_states` first, and appends to `new_state` each one's."""
        yield hidden_states
        for layer, hidden, cell in zip(self.layers, state[0].split(2), state[1].split(2)):
            hidden_states, *layer_state = layer(hidden_states, packing, hidden, cell)
            new_state.append((layer_state[0], layer_state[1]))
            yield hidden_states

    def _inputs_and_mask(
        self,
        input_ids: torch.Tensor | None,
        character_ids: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
        attention_mask: torch.Tensor | None,
        token_type_ids: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the one of the inputs that this model reads and the mask `(B, W)` of real tokens, all checked."""
        inputs = self._checked_inputs(input_ids, character_ids, inputs_embeds)
        for name, tensor in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
            if tensor is not None:
                _check_shape(name, tensor, tuple(inputs.shape[:2]))
        return inputs, self._real_tokens(inputs, attention_mask, is_embedded=inputs_embeds is not None)

    def _checked_inputs(
        self,
        input_ids: torch.Tensor | None,
        character_ids: torch.Tensor | None,
        inputs_embeds: torch.Tensor | None,
    ) -> torch.Tensor:
        """Returns the one of the inputs that this model reads."""
        config = self.config
        if inputs_embeds is not None:
            _check_shape("inputs_embeds", inputs_embeds, ("batch", "words", config.projection_size))
            if not inputs_embeds.is_floating_point():
                raise ValueError(f"inputs_embeds: expected floating point numbers, found {inputs_embeds.dtype}")
            if input_ids is not None or character_ids is not None:
                raise ValueError("inputs_embeds takes the place of input_ids and character_ids: pass one or the other")
            return inputs_embeds
        if config.token_input == "words":
            if input_ids is None:
                raise ValueError("this model reads words: pass input_ids (batch, words) or inputs_embeds")
            _check_shape("input_ids", input_ids, ("batch", "words"))
            _check_ids("input_ids", input_ids, config.vocab_size)
            return input_ids
        size = config.max_characters_per_token
        if character_ids is None:
            found = "nothing" if input_ids is None else "only input_ids, which are word ids"
            raise ValueError(
                f"this model reads characters: pass character_ids (batch, words, {size}), as ElmoTokenizer "
                f"returns them, or inputs_embeds; found {found}"
            )
        _check_shape("character_ids", character_ids, ("batch", "words", size))
        if input_ids is not None:
            _check_shape("input_ids", input_ids, tuple(character_ids.shape[:2]))
        _check_ids("character_ids", character_ids, config.character_vocab_size)
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

    def _embed(self, ids: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """Returns token embeddings `(B, W, P)`, computed at the real tokens only and zero elsewhere."""
        batch_size, num_words = ids.shape[:2]
        tokens_NP = self.get_input_embeddings()(ids.flatten(0, 1).index_select(0, index))
        embeddings = tokens_NP.new_zeros(batch_size * num_words, self.config.projection_size)
        return embeddings.index_copy(0, index, tokens_NP).unflatten(0, (batch_size, num_words))

    def _initial_state(
        self, state: Any, use_cache: bool | None, packing: Packing, inputs_embeds: torch.Tensor
    ) -> State:
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
        _check_shape("state: hidden states", hidden, hidden_shape)
        _check_shape("state: cell states", cell, cell_shape)
        return hidden.to(inputs_embeds), cell.to(inputs_embeds.device, cell_dtype)


# What a biLM is made of, unless somebody has put other layers in their place.
OWN_BILM_LAYERS = {*OWN_LAYERS, ElmoWordEmbedding, ElmoLayer, ProjectedLSTM}


def _has_hooks_of_others(module: nn.Module) -> bool:
    # Those with which transformers collects hidden states stay on the layers when they have done so.
    return any(getattr(hook, "__module__", None) != capture_outputs.__module__ for hook in hooks_of(module))


def _check_loaded(model: PreTrainedModel, load_config: Any, loading_info: Any) -> None:
    """Raises `ValueError` or `RuntimeError` unless what was loaded is the model that the config describes."""
    # Of tied weights the files have one.
    tied = dict(getattr(model, "all_tied_weights_keys", None) or {})
    tied.update({source: target for target, source in tied.items()})
    absent = loading_info.missing_and_mismatched()
    parameters = model.state_dict()
    new = {name: value for name, value in parameters.items() if {name, tied.get(name, name)} <= absent}
    if load_config.pretrained_model_name_or_path is not None:
        _check_bilm("config.json describes weights that no file has", loading_info.missing_keys & new.keys())
        _check_bilm("config.json does not describe weights that the files have", loading_info.unexpected_keys)
    for name, found, expected in sorted(loading_info.mismatched_keys):
        if not load_config.ignore_mismatched_sizes:
            raise RuntimeError(
                f"{name}: expected shape {tuple(expected)}, as config.json says, found {tuple(found)} in the files of "
                "weights; ignore_mismatched_sizes=True would begin with new ones"
            )
    check_new_parameters(new, sum(value.nbytes for name, value in parameters.items() if name not in absent))


def _check_bilm(problem: str, names: Iterable[str]) -> None:
    found = sorted(name for name in names if BILM_WEIGHT.match(name))
    if found:
        raise ValueError(f"{problem}: {', '.join(found[:3])}{f' and {len(found) - 3} more' if len(found) > 3 else ''}")


def join_states(states: list[State]) -> State:
    """Puts the states of the layers together."""
    hidden, cell = zip(*states)
    return torch.cat(hidden), torch.cat(cell)


def _check_shape(name: str, tensor: Any, expected: tuple[int | str, ...]) -> None:
    """Raises `ValueError` unless `tensor` has the shape `expected`, in which a word stands for any size."""
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"{name}: expected a tensor, found {type(tensor).__name__}")
    sizes = zip(tensor.shape, expected)
    if tensor.ndim != len(expected) or any(isinstance(size, int) and size != found for found, size in sizes):
        shape = ", ".join(map(str, expected))
        raise ValueError(f"{name}: expected shape ({shape}), found {tuple(tensor.shape)}")


def _check_ids(name: str, ids: torch.Tensor, size: int) -> None:
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(f"{name}: expected integers, found {ids.dtype}")
    # An id out of range would be an error far from its cause on a CPU, and stop the whole process on a GPU. Reading
    # values would cut a compiled graph in two.
    if ids.numel() and not torch.compiler.is_compiling():
        least, most = int(ids.min()), int(ids.max())
        if least < 0 or most >= size:
            raise ValueError(f"{name}: expected ids from 0 to {size - 1}, found {least if least < 0 else most}")


__all__ = ["ElmoModel", "ElmoModelOutput", "ElmoPreTrainedModel"]
