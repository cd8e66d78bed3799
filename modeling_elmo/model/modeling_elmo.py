# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The face of this folder: the one module that `auto_map` names, for models that bring their code along.

Re-exports only. transformers re-executes any module named in `auto_map`, so two entry modules would define every class
twice. It also names every other module of the folder. transformers copies code into its cache file by file, and assumes
that a file it finds there has all its imports next to it, which is wrong while another process is still copying. It
checks file by file only what is imported here.
"""

# ruff: noqa: F401
from .bilm import ElmoModel
from .caches import TextCache
from .characters import encode_characters
from .configuration_elmo import ElmoConfig
from .coreference import ElmoForCoreferenceResolution
from .crf import ConditionalRandomField
from .fast_lstm import LSTMWeights
from .fast_matmul import product
from .fast_path_guards import is_traced
from .int8_weights import Int8Weight
from .label_schemes import LabelConstraints
from .language_model import ElmoForMaskedLM, ElmoForPreTraining
from .loading_checks import read_json_object
from .lstm import ElmoLayer
from .packing import Packing
from .pretrained import ElmoPreTrainedModel
from .quantization import ElmoInt8Config
from .sampled_softmax import ElmoSoftmax
from .saved_code import AUTO_MAP
from .scalar_mix import ScalarMix
from .scan import Steps
from .semantic_roles import ElmoForSemanticRoleLabeling
from .task_layers import ElmoWordVectors
from .task_models import (
    ElmoForMultipleChoice,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
)
from .token_embedding import ElmoCharacterEncoder


__all__ = [
    "ElmoForCoreferenceResolution",
    "ElmoForMaskedLM",
    "ElmoForMultipleChoice",
    "ElmoForPreTraining",
    "ElmoForQuestionAnswering",
    "ElmoForSemanticRoleLabeling",
    "ElmoForSequenceClassification",
    "ElmoForTokenClassification",
    "ElmoModel",
]
