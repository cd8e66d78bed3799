# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Importing this module registers the ELMo classes with the Auto classes of transformers.

`import modeling_elmo` does so, except in the command `elmo`, which imports this module when a job begins: help needs
neither torch nor transformers.
"""

import transformers
from transformers.pipelines import PIPELINE_REGISTRY

from .fine_tuning.pipelines import ElmoFeatureExtractionPipeline
from .model import modeling_elmo as model_classes
from .model.configuration_elmo import ElmoConfig
from .model.saved_code import AUTO_MAP
from .model.tokenization_elmo import ElmoTokenizer


def _register() -> None:
    transformers.AutoConfig.register(ElmoConfig.model_type, ElmoConfig, exist_ok=True)
    transformers.AutoTokenizer.register(ElmoConfig, tokenizer_class=ElmoTokenizer, exist_ok=True)
    # `register_for_auto_class`: `save_pretrained` then records where the class is and copies its file, for use without
    # this package. This concerns the tokenizer and classes derived by users; the config copies the files of our models.
    ElmoConfig.register_for_auto_class()
    ElmoTokenizer.register_for_auto_class()
    # The original, which this class is for other models, splits batches of the tuple of mixes wrongly.
    PIPELINE_REGISTRY.supported_tasks["feature-extraction"]["impl"] = ElmoFeatureExtractionPipeline
    for auto_name, reference in AUTO_MAP.items():
        if auto_name not in ("AutoConfig", "AutoTokenizer"):
            model_class = getattr(model_classes, reference.rpartition(".")[2])
            getattr(transformers, auto_name).register(ElmoConfig, model_class, exist_ok=True)
            model_class.register_for_auto_class(auto_name)


_register()
