# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`ElmoPreTrainedModel`, the base of all ELMo models: how they are initialised, loaded, saved and frozen.

Weights are drawn from the distributions of the original training code, and read from safetensors files alone. What was
loaded must be the model that the config describes: missing or surplus biLM weights and wrong shapes are errors, raised
before memory is allocated for missing weights. Loading makes all parameters trainable, so freezing is applied again.

Some methods override private ones of transformers: `tests/model/test_transformers_contract.py` lists them and why.
"""

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils import auto_docstring
from transformers.utils.output_capturing import maybe_install_capturing_hooks

from .configuration_elmo import ElmoConfig
from .int8_weights import Int8Weight
from .loading_checks import BILM_WEIGHT, INT8_METHOD, check_new_parameters, check_weight_files, check_weight_index
from .lstm import ElmoLayer, ProjectedLSTM
from .quantization import ElmoInt8Config, ElmoInt8Quantizer, replace_layers
from .sampled_softmax import ElmoSoftmax
from .saved_code import TAGS
from .scalar_mix import ScalarMix
from .token_embedding import ElmoCharacterEmbedding, ElmoHighwayGate, ElmoWordEmbedding


@auto_docstring(
    custom_intro="""
    The base of all ELMo models: how they are initialised, loaded, saved and frozen.
    """
)
class ElmoPreTrainedModel(PreTrainedModel):
    config: ElmoConfig
    base_model_prefix = "elmo"
    supports_gradient_checkpointing = True
    # There is no attention to implement, so scripts that ask for this one for every model get the same model.
    _supports_sdpa = True
    _no_split_modules = ["ElmoCharacterEncoder", "ElmoLayer"]
    _can_record_outputs = {"hidden_states": ElmoLayer}
    # Base models load from a language-model checkpoint without its softmax.
    _keys_to_ignore_on_load_unexpected = [r"^lm_head\."]

    def __init__(self, config: ElmoConfig, *args: Any, **kwargs: Any):
        # Assigning a field checks only its type.
        config.validate()
        super().__init__(config, *args, **kwargs)
        # For model cards, including those of `Trainer`. A copy, since `add_model_tags` appends to it.
        self.model_tags = list(TAGS)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draws weights from the distributions of the original training code (bilm-tf's `training.py`)."""
        if isinstance(module, ProjectedLSTM):
            # The original stores [x, h] -> gates as one matrix, with one Glorot bound.
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
        """As in `PreTrainedModel`, but from safetensors files alone, which must match the config.

        Raises:
            `ValueError`: If an argument or a file asks for another format, a file is damaged, biLM weights are missing
                or not described by the config, or the config asks for far more weights than the files contain.
            `RuntimeError`: If weights have other shapes, without `ignore_mismatched_sizes=True`.
        """
        for name in ("use_safetensors", "weights_only", "gguf_file"):
            if kwargs.get(name) not in (None, True):
                raise ValueError(f"{name}={kwargs[name]!r}: ELMo models are loaded from safetensors files only")
        if pretrained_model_name_or_path is not None:
            folder = os.path.join(pretrained_model_name_or_path, kwargs.get("subfolder") or "")
            check_weight_index(folder, kwargs.get("variant"))
            kwargs["use_safetensors"] = True
        dtype = kwargs.get("dtype") or kwargs.get("torch_dtype")
        if getattr(kwargs.get("config"), "dtype", "auto") is None and dtype in (None, "auto"):
            # Otherwise transformers infers the dtype from the checkpoint.
            kwargs["dtype"] = torch.float32
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        (loaded[0] if isinstance(loaded, tuple) else loaded)._freeze()
        return loaded

    def _freeze(self) -> None:
        for module in self.modules():
            if isinstance(module, ElmoPreTrainedModel):
                module.apply_freeze()

    @staticmethod
    def _load_pretrained_model(
        model: Any, state_dict: Any, checkpoint_files: list[str] | None, load_config: Any, *args: Any, **kwargs: Any
    ) -> Any:
        # An adapter's tensors come with an empty list of files, and no folder.
        if checkpoint_files:
            subfolder = (load_config.download_kwargs or {}).get("subfolder") or ""
            check_weight_files(os.path.join(load_config.pretrained_model_name_or_path, subfolder), checkpoint_files)
        return PreTrainedModel._load_pretrained_model(model, state_dict, checkpoint_files, load_config, *args, **kwargs)

    @staticmethod
    def _finalize_model_loading(model: Any, load_config: Any, loading_info: Any) -> Any:
        # Missing weights are still on the meta device here.
        _check_loaded(model, load_config, loading_info)
        return PreTrainedModel._finalize_model_loading(model, load_config, loading_info)

    def _load_and_finalize_distributed_pretrained_model(self, *args: Any, **kwargs: Any) -> Any:
        # transformers would allocate all weights of the config before it reads a file.
        raise ValueError("expected model.safetensors, found shards of a distributed training run")

    def load_adapter(self, *args: Any, **kwargs: Any) -> Any:
        """As in `PreTrainedModel`, but raises `ValueError` without `adapter_state_dict`.

        Given a folder, transformers would allocate adapter weights of whatever rank its `adapter_config.json` says.
        `from_pretrained` would do so for every model folder that contains an adapter.
        """
        if kwargs.get("adapter_state_dict") is None:
            raise ValueError("load_adapter requires adapter_state_dict: pass the result of safetensors' load_file")
        return super().load_adapter(*args, **kwargs)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """As in `PreTrainedModel`; see `ElmoConfig.save_pretrained` for the code files.

        Raises:
            `ValueError`: If another quantizer than `quantize` has replaced weights: no ELMo model loads them.
        """
        quantizer = getattr(self, "hf_quantizer", None)
        method = None if quantizer is None else quantizer.quantization_config.quant_method
        if method not in (None, INT8_METHOD):
            raise ValueError(
                f"save_pretrained: a model with weights of {getattr(method, 'value', method)} could not be loaded "
                "again; save the original model and quantise it as it loads, or save the result of model.quantize()"
            )
        if not any(isinstance(module, Int8Weight) for module in self.modules()):
            # A new model with the config of an int8 one has float weights.
            self.config.__dict__.pop("quantization_config", None)
        self.config.code_file = __file__
        try:
            super().save_pretrained(*args, **kwargs)
        finally:
            self.config.__dict__.pop("code_file", None)

    def _replicate_for_data_parallel(self) -> Any:
        # Otherwise each replica would install hooks on layers that it shares with the model, at every step.
        maybe_install_capturing_hooks(self)
        return super()._replicate_for_data_parallel()

    def quantize(self) -> "ElmoPreTrainedModel":
        """Rounds the LSTMs and the large matrices of the token embedding to int8, in place; see `quantization.py`.

        The biLM is frozen then. The model is saved as int8. Returns the model.

        Raises:
            `ValueError`: If a weight is not finite.
        """
        if getattr(self, "hf_quantizer", None) is None:
            quantizer = ElmoInt8Quantizer(ElmoInt8Config(), pre_quantized=False)
            quantizer.preprocess_model(self)
            self.hf_quantizer = quantizer
            quantizer.postprocess_model(self)
            self._freeze()
        return self

    def quantize_layers(self) -> None:
        """Replaces the layers that `quantize` rounds; called by `ElmoInt8Quantizer`."""
        replace_layers(self)

    def apply_freeze(self) -> None:
        """Marks the parameters that the config freezes, except those of ELMo models within this one."""

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Module:
        """As in `PreTrainedModel` for a model that reads words. A model that reads characters has no word embeddings:
        only `config.vocab_size` changes."""
        if self.config.reads_words:
            return super().resize_token_embeddings(new_num_tokens, *args, **kwargs)
        if new_num_tokens is not None:
            self.config.vocab_size = new_num_tokens
        return self.get_input_embeddings()

    @property
    def dummy_inputs(self) -> dict[str, torch.Tensor]:
        """`dict[str, torch.Tensor]`: A batch of one word for a forward pass."""
        inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.long)}
        if self.config.reads_characters:
            inputs["character_ids"] = torch.ones(1, 1, self.config.max_characters_per_token, dtype=torch.long)
        return inputs


def _check_loaded(model: PreTrainedModel, load_config: Any, loading_info: Any) -> None:
    """Raises `ValueError` or `RuntimeError` unless the loaded weights are those that the config describes."""
    # Tied weights are stored once.
    tied = dict(getattr(model, "all_tied_weights_keys", None) or {})
    tied.update({source: target for target, source in tied.items()})
    absent = loading_info.missing_and_mismatched()
    parameters = model.state_dict()
    new = {name: value for name, value in parameters.items() if {name, tied.get(name, name)} <= absent}
    if load_config.pretrained_model_name_or_path is not None:
        _check_no_bilm_weights("config.json describes weights that no file has", loading_info.missing_keys & new.keys())
        _check_no_bilm_weights(
            "config.json does not describe weights that the files have",
            loading_info.unexpected_keys,
            "; to use some layers only, load the model without num_hidden_layers and take its hidden_states",
        )
    for name, found, expected in sorted(loading_info.mismatched_keys):
        if getattr(load_config.hf_quantizer, "pre_quantized", False) and BILM_WEIGHT.match(name):
            raise RuntimeError(
                f"{name}: expected shape {tuple(expected)}, as config.json says, found {tuple(found)} in the weight "
                "files; int8 weights can't be initialised: load the original model"
            )
        if not load_config.ignore_mismatched_sizes:
            raise RuntimeError(
                f"{name}: expected shape {tuple(expected)}, as config.json says, found {tuple(found)} in the weight "
                "files; pass ignore_mismatched_sizes=True to initialise such weights"
            )
    check_new_parameters(new, sum(value.nbytes for name, value in parameters.items() if name not in absent))


def _check_no_bilm_weights(problem: str, names: Iterable[str], advice: str = "") -> None:
    found = sorted(name for name in names if BILM_WEIGHT.match(name))
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise ValueError(f"{problem}: {', '.join(found[:3])}{more}{advice}")
