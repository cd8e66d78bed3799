# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The private methods of transformers that our classes override. transformers may rename or change them in any release:
these tests then fail first and name the method."""

import inspect

import pytest
from transformers import PreTrainedConfig, PreTrainedModel, TokenizersBackend
from transformers.modeling_utils import LoadStateDictConfig
from transformers.quantizers import HfQuantizer

from modeling_elmo import ElmoConfig, ElmoPreTrainedModel, ElmoTokenizer
from modeling_elmo.model.quantization import ElmoInt8Quantizer


# Each method, and why we override it.
OVERRIDES = {
    (ElmoPreTrainedModel, PreTrainedModel): {
        "_init_weights": "draws weights from the distributions of the original training code",
        "_load_pretrained_model": "checks weight files before they are read",
        "_finalize_model_loading": "checks the loaded weights against the config before memory is allocated",
        "_load_and_finalize_distributed_pretrained_model": "refuses shards, for which a whole model is allocated first",
        "_replicate_for_data_parallel": "installs hooks before replicas share the layers",
    },
    (ElmoTokenizer, TokenizersBackend): {
        "_from_pretrained": "checks tokenizer files before they are read",
        "_encode_plus": "adds character_ids",
        "_pad": "pads character_ids",
        "_save_pretrained": "saves the vocabulary of characters",
        "_add_tokens": "puts added tokens into the vocabulary in which split words are looked up",
        "_patch_mistral_regex": "makes no request to the Hub to repair another model's pattern",
    },
    (ElmoConfig, PreTrainedConfig): {
        "_dict_from_json_file": "checks config.json before its fields are used",
    },
    (ElmoInt8Quantizer, HfQuantizer): {
        "_process_model_before_weight_loading": "replaces layers before int8 weights are loaded into them",
        "_process_model_after_weight_loading": "rounds float weights after they are loaded",
        "_dequantize": "says that digits are lost for good",
    },
}

METHODS = [(*classes, name) for classes, reasons in OVERRIDES.items() for name in reasons]


@pytest.mark.parametrize(("cls", "base", "name"), METHODS, ids=[name for *_, name in METHODS])
def test_transformers_has_the_method_with_arguments_that_ours_accepts(cls, base, name):
    reason = OVERRIDES[cls, base][name]
    assert hasattr(base, name), f"transformers has no {name} anymore, which {reason}"
    ours, theirs = (inspect.signature(getattr(each, name)).parameters for each in (cls, base))
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    named = {each for each, parameter in ours.items() if parameter.kind not in variable}
    assert named <= theirs.keys(), f"transformers renamed arguments of {name}, which {reason}"
    passes_others = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in ours.values())
    assert passes_others or theirs.keys() <= named, f"transformers added arguments to {name}, which {reason}"


@pytest.mark.parametrize("classes", OVERRIDES, ids=lambda classes: classes[0].__name__)
def test_every_override_is_listed(classes):
    cls, base = classes
    own = [vars(each) for each in cls.__mro__ if each.__module__.startswith("modeling_elmo")]
    private = {name for attributes in own for name in attributes if name[0] == "_" != name[1]}
    found = {name for name in private if callable(getattr(cls, name)) and callable(getattr(base, name, None))}
    assert found <= OVERRIDES[classes].keys()


def test_tensors_of_an_adapter_need_no_folder(tiny_config):
    model = ElmoPreTrainedModel(tiny_config())
    report, _ = ElmoPreTrainedModel._load_pretrained_model(
        model, {}, [], LoadStateDictConfig(pretrained_model_name_or_path=None)
    )
    assert not report.unexpected_keys
