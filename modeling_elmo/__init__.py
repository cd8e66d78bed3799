# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo (Peters et al. 2018) for Hugging Face transformers.

Importing this package registers its classes with the Auto classes:

    import modeling_elmo
    from transformers import AutoModel, AutoTokenizer
"""

import transformers as _transformers

from .embedding.embedder import ElmoEmbedder
from .fine_tuning.answers import Spans, best_spans
from .fine_tuning.word_vectors import WordVectorCounts, load_word_vectors
from .model import modeling_elmo as _auto_classes
from .model.bilm import ElmoModel, ElmoModelOutput
from .model.configuration_elmo import ElmoConfig
from .model.language_model import (
    ElmoForMaskedLM,
    ElmoForPreTraining,
    ElmoForPreTrainingOutput,
    ElmoPreTrainedLanguageModel,
)
from .model.pretrained import ElmoPreTrainedModel
from .model.saved_code import AUTO_MAP as _AUTO_MAP
from .model.task_models import (
    ElmoForMultipleChoice,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoPreTrainedTaskModel,
)
from .model.tokenization_elmo import ElmoTokenizer
from .version import __version__


def _register_with_auto_classes() -> None:
    _transformers.AutoConfig.register(ElmoConfig.model_type, ElmoConfig, exist_ok=True)
    _transformers.AutoTokenizer.register(ElmoConfig, tokenizer_class=ElmoTokenizer, exist_ok=True)
    # So that `save_pretrained` says where the class is and copies its file, for use without this package: that of the
    # tokenizer, and those of classes that users derive. The files of our own models the config copies all.
    ElmoConfig.register_for_auto_class()
    ElmoTokenizer.register_for_auto_class()
    for auto_name, reference in _AUTO_MAP.items():
        if auto_name not in ("AutoConfig", "AutoTokenizer"):
            model_class = getattr(_auto_classes, reference.rpartition(".")[2])
            getattr(_transformers, auto_name).register(ElmoConfig, model_class, exist_ok=True)
            model_class.register_for_auto_class(auto_name)


_register_with_auto_classes()


__all__ = [
    "ElmoConfig",
    "ElmoEmbedder",
    "ElmoForMaskedLM",
    "ElmoForMultipleChoice",
    "ElmoForPreTraining",
    "ElmoForPreTrainingOutput",
    "ElmoForQuestionAnswering",
    "ElmoForSequenceClassification",
    "ElmoForTokenClassification",
    "ElmoModel",
    "ElmoModelOutput",
    "ElmoPreTrainedLanguageModel",
    "ElmoPreTrainedModel",
    "ElmoPreTrainedTaskModel",
    "ElmoTokenizer",
    "Spans",
    "WordVectorCounts",
    "__version__",
    "best_spans",
    "load_word_vectors",
]
