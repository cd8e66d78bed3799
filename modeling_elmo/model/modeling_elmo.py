# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The one module through which Auto classes load ELMo models that bring their code along.

Holds nothing of its own. transformers runs a module that an `auto_map` names even if another module has imported it
already, and so makes its classes anew: models from two such modules would not be of one another's classes.

It names every module that there is to import. transformers copies code into its cache file by file, and takes a file
that it finds there to have beside it what it imports: not so while another process is still copying. What is named here
is looked for file by file.
"""

# ruff: noqa: F401
from .bilm import ElmoModel
from .caches import TextCache
from .characters import encode_characters
from .configuration_elmo import ElmoConfig
from .crf import LabelConstraints
from .fast_lstm import LSTMWeights
from .fast_matmul import product
from .fast_path_guards import is_traced
from .language_model import ElmoForMaskedLM, ElmoForPreTraining
from .loading_checks import read_json_object
from .lstm import ElmoLayer
from .packing import Packing
from .pretrained import ElmoPreTrainedModel
from .sampled_softmax import ElmoSoftmax
from .saved_code import AUTO_MAP
from .scalar_mix import ScalarMix
from .task_layers import ElmoWordVectors
from .task_models import (
    ElmoForMultipleChoice,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
)
from .token_embedding import ElmoCharacterEncoder
from .word_cache import WordCache


__all__ = [
    "ElmoForMaskedLM",
    "ElmoForMultipleChoice",
    "ElmoForPreTraining",
    "ElmoForQuestionAnswering",
    "ElmoForSequenceClassification",
    "ElmoForTokenClassification",
    "ElmoModel",
]
