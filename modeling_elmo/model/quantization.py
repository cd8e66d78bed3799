# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Quantisation: a biLM with weights of eight bits, in the manner of transformers.

    ElmoModel.from_pretrained(..., quantization_config=ElmoInt8Config())    rounds the weights of a model as it loads
    model.quantize()                                                        the same, of a loaded model

The saved config says so, and a saved model loads as int8. The LSTMs and the large matrices of the token embedding are
quantised: 99 % of the published models. The biLM is then frozen; heads and mixes can be trained.
"""

from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers.quantizers import HfQuantizer, auto
from transformers.utils.quantization_config import QuantizationConfigMixin

from .int8_weights import Int8Linear, Int8Weight, pack_all
from .loading_checks import INT8_METHOD
from .lstm import ElmoLayer, Int8LSTM, ProjectedLSTM
from .token_embedding import ElmoCharacterEncoder, ElmoHighwayLayer, ElmoWordEmbedding


# The modules whose LSTMs and linear layers are quantised.
LAYERS = (ElmoLayer, ElmoCharacterEncoder, ElmoHighwayLayer, ElmoWordEmbedding)


@dataclass
class ElmoInt8Config(QuantizationConfigMixin):
    """Weights of the biLM as int8, with one scale per row; inputs of products are rounded as they come."""

    quant_method: str = INT8_METHOD


class ElmoInt8Quantizer(HfQuantizer):
    """Replaces layers before the weights of an int8 model are loaded, or rounds weights after they are."""

    # `quantize_layers`, not a function of this module: the model's own code may be another copy of it.
    def _process_model_before_weight_loading(self, model: Any, **kwargs: Any) -> Any:
        if self.pre_quantized:
            model.quantize_layers()
        return model

    def _process_model_after_weight_loading(self, model: Any, **kwargs: Any) -> Any:
        model.quantize_layers()
        return model

    def is_serializable(self) -> bool:
        """Whether the model can be saved."""
        return True

    @property
    def is_trainable(self) -> bool:
        """`bool`: Whether a model can be trained on top of the frozen biLM."""
        return True

    @property
    def is_qat_trainable(self) -> bool:
        """`bool`: What `Trainer` asks before it trains a quantised model without adapters."""
        return True

    def _dequantize(self, model: Any, dtype: Any = None) -> Any:
        raise ValueError("dequantize: an int8 ELMo has lost digits for good; load the original model")


# A model's own copy of this code may be loaded as well as the package; either quantizer serves both.
if INT8_METHOD not in auto.AUTO_QUANTIZER_MAPPING:
    auto.register_quantization_config(INT8_METHOD)(ElmoInt8Config)
    auto.register_quantizer(INT8_METHOD)(ElmoInt8Quantizer)


def replace_layers(model: nn.Module) -> None:
    """Replaces the float layers of the biLM in `model` by packed int8 ones, in place.

    Layers without memory, on the meta device, are replaced as well, and packed when this is called again.
    """
    for parent in list(model.modules()):
        if isinstance(parent, LAYERS):
            for name, child in list(parent.named_children()):
                if isinstance(child, ProjectedLSTM):
                    setattr(parent, name, Int8LSTM(child))
                elif isinstance(child, nn.Linear):
                    setattr(parent, name, Int8Linear.of(child))
    pack_all(module for module in model.modules() if isinstance(module, Int8Weight))
    _leave_files(model)


def _leave_files(model: nn.Module) -> None:
    """Copies the tensors that are left of a weight file, so that it isn't mapped into memory for their sake.

    That is worth it only where they are small, as in a biLM without the softmax of a language model.
    """
    weights = [module for module in model.modules() if isinstance(module, Int8Weight)]
    parameters = [parameter for parameter in model.parameters() if not parameter.is_meta]
    if sum(parameter.nbytes for parameter in parameters) < sum(weight.num_packed for weight in weights):
        for weight in weights:
            # A new tensor: a view keeps its base.
            weight.scale = weight.scale.clone()
        for parameter in parameters:
            parameter.data = parameter.data.clone()
