# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which code files a saved model, and so its repository on the Hub, contains: it loads without this package."""

from pathlib import Path
from typing import Any

from transformers.dynamic_module_utils import get_relative_import_files


# Where each Auto class finds its ELMo class in a model directory. The package registers these names, and every saved
# config contains them, so that a directory works with every Auto class even without the package.
AUTO_MAP: dict[str, Any] = {
    "AutoConfig": "configuration_elmo.ElmoConfig",
    "AutoTokenizer": ["tokenization_elmo.ElmoTokenizer", None],
    # One module for all models: transformers re-executes any module named here, so two would define every class twice.
    "AutoModel": "modeling_elmo.ElmoModel",
    "AutoModelForMaskedLM": "modeling_elmo.ElmoForMaskedLM",
    "AutoModelForMultipleChoice": "modeling_elmo.ElmoForMultipleChoice",
    "AutoModelForPreTraining": "modeling_elmo.ElmoForPreTraining",
    "AutoModelForQuestionAnswering": "modeling_elmo.ElmoForQuestionAnswering",
    "AutoModelForSequenceClassification": "modeling_elmo.ElmoForSequenceClassification",
    "AutoModelForTokenClassification": "modeling_elmo.ElmoForTokenClassification",
}

# Modules named by the `auto_map` of directories that earlier versions saved.
FORMER_MODULES = {"auto_classes"}

# Tags of every model on the Hub.
TAGS = ("elmo", "custom_code")


def module_of(reference: Any) -> str:
    """Returns the module of an entry of an `auto_map`: `module.Class`, `repository--module.Class`, or a pair."""
    name = reference if isinstance(reference, str) else next(filter(None, reference))
    return name.rpartition("--")[2].partition(".")[0]


def code_files(folder: Path) -> list[Path]:
    """Returns the files of a folder that define the classes of `AUTO_MAP`, and the files they import."""
    # A set: most entries name the same module, and finding its imports means parsing every file.
    modules = {folder / f"{module_of(reference)}.py" for reference in AUTO_MAP.values()}
    present = {path for path in modules if path.is_file()}
    imported = {Path(name) for path in present for name in get_relative_import_files(path)}
    return sorted({path.resolve() for path in present | imported})
