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
"""The one module through which Auto classes load ELMo models that bring their code along.

Holds nothing of its own. transformers runs a module that an `auto_map` names even if another module has imported it
already, and so makes its classes anew: models from two such modules would not be of one another's classes.

It names every module that there is to import. transformers copies code into its cache file by file, and takes a file
that it finds there to have beside it what it imports: not so while another process is still copying. What is named here
is looked for file by file.
"""

# ruff: noqa: F401
from .character_encoder import ElmoCharacterEncoder
from .characters import encode_characters
from .conditional_random_field import LabelConstraints
from .configuration_elmo import ElmoConfig
from .fast_lstm import LSTMWeights
from .language_model import ElmoForMaskedLM, ElmoForPreTraining
from .matrix_product import product
from .model_card import model_card
from .model_files import read_json_object
from .modeling_elmo import ElmoModel
from .projected_lstm import ElmoLayer
from .sampled_softmax import ElmoSoftmax
from .task_heads import (
    ElmoForMultipleChoice,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
)
from .task_layers import ElmoWordVectors
from .text_cache import TextCache
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
