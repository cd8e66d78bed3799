# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which code files travel with a saved model."""

from pathlib import Path
from typing import Any

from transformers.dynamic_module_utils import get_relative_import_files


# Where each Auto class finds its ELMo class in a model directory. The one list of them: the package registers these
# names, and every saved config carries them, so that one folder serves every Auto class without the package installed.
AUTO_MAP: dict[str, Any] = {
    "AutoConfig": "configuration_elmo.ElmoConfig",
    "AutoTokenizer": ["tokenization_elmo.ElmoTokenizer", None],
    # Of the models, all in one module: transformers runs the module that an entry names even if another has imported it
    # already, so two would make two sets of classes.
    "AutoModel": "modeling_elmo.ElmoModel",
    "AutoModelForMaskedLM": "modeling_elmo.ElmoForMaskedLM",
    "AutoModelForMultipleChoice": "modeling_elmo.ElmoForMultipleChoice",
    "AutoModelForPreTraining": "modeling_elmo.ElmoForPreTraining",
    "AutoModelForQuestionAnswering": "modeling_elmo.ElmoForQuestionAnswering",
    "AutoModelForSequenceClassification": "modeling_elmo.ElmoForSequenceClassification",
    "AutoModelForTokenClassification": "modeling_elmo.ElmoForTokenClassification",
}

# Modules that the `auto_map` of directories saved by earlier versions names.
FORMER_MODULES = {"auto_classes"}

# Of every model on the Hub.
TAGS = ("elmo", "custom_code")


def module_of(reference: Any) -> str:
    """Returns the module that an entry of an `auto_map` names: `module.Class`, `repository--module.Class`, or two."""
    name = reference if isinstance(reference, str) else reference[0]
    return name.rpartition("--")[2].partition(".")[0]


def code_files(folder: Path) -> list[Path]:
    """Returns the files of a folder that hold the classes of `AUTO_MAP`, and what these import."""
    modules = [folder / f"{module_of(reference)}.py" for reference in AUTO_MAP.values()]
    present = [path for path in modules if path.is_file()]
    imported = [Path(name) for path in present for name in get_relative_import_files(path)]
    return sorted({path.resolve() for path in present + imported})
