# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""AllenNLP's ELMo, which the benchmarks compare with if it is installed. It is not part of this project."""

import logging
from functools import cache
from types import ModuleType
from typing import Any

import torch

from .full_size_model import ModelFiles
from .sentences import Sentence


@cache
def import_allennlp() -> ModuleType | ImportError:
    """Returns the module `allennlp.modules.elmo`, or the error if it can't be imported."""
    try:
        from allennlp.modules import elmo
    except ImportError as error:
        return error
    logging.getLogger("allennlp").setLevel(logging.WARNING)
    return elmo


def is_available() -> bool:
    """Whether AllenNLP is installed."""
    return isinstance(import_allennlp(), ModuleType)


def describe() -> str:
    """Returns a line with the version of AllenNLP, or why it is not available."""
    found = import_allennlp()
    if isinstance(found, ImportError):
        return f"without AllenNLP: {found}"
    from allennlp.version import VERSION

    return f"compared with AllenNLP {VERSION}"


def load(files: ModelFiles, requires_grad: bool = False) -> Any:
    """Loads AllenNLP's `Elmo` with one scalar mix and no dropout."""
    return (
        import_allennlp()
        .Elmo(str(files.options), str(files.weights), 1, dropout=0.0, requires_grad=requires_grad)
        .train(requires_grad)
    )


def batch_to_ids(sentences: list[Sentence]) -> torch.Tensor:
    """Returns character ids `(B, W, 50)` without boundary tokens, which `Elmo` adds itself."""
    return import_allennlp().batch_to_ids(sentences)


def forget(elmo: Any) -> None:
    """Resets the LSTM states, which `Elmo` otherwise keeps between calls."""
    elmo._elmo_lstm._elmo_lstm.reset_states()


def vectors(elmo: Any, character_ids: torch.Tensor) -> torch.Tensor:
    """Returns ELMo vectors `(B, W, 2P)` without boundary tokens."""
    return elmo(character_ids)["elmo_representations"][0]
