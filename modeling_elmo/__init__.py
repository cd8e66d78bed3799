# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo (Peters et al. 2018) for Hugging Face transformers.

Importing this package registers its classes with the Auto classes:

    import modeling_elmo
    from transformers import AutoModel, AutoTokenizer

| | |
| --- | --- |
| `model/` | the code of a saved model and of its repository on the Hub: config, tokenizer, models |
| `files/` | reading and writing the files of users, for any job |
| `conversion_scripts/` | original files to a model directory, and back |
| `configuration/` | the published architectures |
| `embedding/` | sentences to files of vectors |
| `pretraining/` | text to a language model |
| `fine_tuning/` | what task models need around them |
| `onnx/` | a model directory to ONNX, and what runs it without torch |
| `hub/` | model cards, and a model directory to the Hub |
| `cli/` | the command `elmo` |
| `hardware.py` | what the machine can do |
| `registration.py` | makes the Auto classes know ELMo |
"""

import os as _os
import sys as _sys

from .version import __version__


def _is_command() -> bool:
    """Returns whether this process is the installed script `elmo` or `python -m modeling_elmo.cli`, which import this
    package before they start."""
    if _sys.argv[:1] == ["-m"]:  # Python still looks for the module.
        return "modeling_elmo.cli" in _sys.orig_argv
    folder, name = _os.path.split(_os.path.realpath(_sys.argv[0])) if _sys.argv else ("", "")
    # The folder's links are resolved, not the executable's: in a virtual environment it is a link itself.
    return _os.path.splitext(name)[0] == "elmo" and folder == _os.path.realpath(_os.path.dirname(_sys.executable))


# torch and transformers take seconds to import. `elmo --help` does not wait for them: see registration.py.
if not _is_command():
    from . import registration as _registration  # noqa: F401
    from .embedding.embedder import ElmoEmbedder
    from .model.bilm import ElmoModel, ElmoModelOutput
    from .model.configuration_elmo import ElmoConfig
    from .model.coreference import ElmoCoreferenceOutput, ElmoForCoreferenceResolution
    from .model.language_model import (
        ElmoForMaskedLM,
        ElmoForPreTraining,
        ElmoForPreTrainingOutput,
        ElmoPreTrainedLanguageModel,
    )
    from .model.pretrained import ElmoPreTrainedModel
    from .model.quantization import ElmoInt8Config
    from .model.semantic_roles import ElmoForSemanticRoleLabeling
    from .model.task_models import (
        ElmoForMultipleChoice,
        ElmoForQuestionAnswering,
        ElmoForSequenceClassification,
        ElmoForTokenClassification,
        ElmoPreTrainedTaskModel,
    )
    from .model.tokenization_elmo import ElmoTokenizer

__all__ = [
    "ElmoConfig",
    "ElmoCoreferenceOutput",
    "ElmoEmbedder",
    "ElmoForCoreferenceResolution",
    "ElmoForMaskedLM",
    "ElmoForMultipleChoice",
    "ElmoForPreTraining",
    "ElmoForPreTrainingOutput",
    "ElmoForQuestionAnswering",
    "ElmoForSemanticRoleLabeling",
    "ElmoForSequenceClassification",
    "ElmoForTokenClassification",
    "ElmoInt8Config",
    "ElmoModel",
    "ElmoModelOutput",
    "ElmoPreTrainedLanguageModel",
    "ElmoPreTrainedModel",
    "ElmoPreTrainedTaskModel",
    "ElmoTokenizer",
    "__version__",
]
