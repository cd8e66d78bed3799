# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""AllenNLP's ELMo as the rival of the benchmarks, where it is importable. Nothing of it is part of this project."""

import logging
from functools import cache
from types import ModuleType
from typing import Any

import torch

from .full_size_model import ModelFiles
from .sentences import Sentence


@cache
def import_allennlp() -> ModuleType | ImportError:
    """The module `allennlp.modules.elmo`, or why there is none."""
    try:
        from allennlp.modules import elmo
    except ImportError as error:
        return error
    logging.getLogger("allennlp").setLevel(logging.WARNING)
    return elmo


def is_available() -> bool:
    """Whether AllenNLP can be imported."""
    return isinstance(import_allennlp(), ModuleType)


def describe() -> str:
    """One line on which AllenNLP takes part, or why none does."""
    found = import_allennlp()
    if isinstance(found, ImportError):
        return f"AllenNLP takes no part: {found}"
    from allennlp.version import VERSION

    return f"AllenNLP {VERSION} takes part"


def load(files: ModelFiles, requires_grad: bool = False) -> Any:
    """AllenNLP's `Elmo` with one scalar mix and no dropout."""
    return (
        import_allennlp()
        .Elmo(str(files.options), str(files.weights), 1, dropout=0.0, requires_grad=requires_grad)
        .train(requires_grad)
    )


def batch_to_ids(sentences: list[Sentence]) -> torch.Tensor:
    """Character ids `[B, W, 50]` without boundary tokens, which `Elmo` adds itself."""
    return import_allennlp().batch_to_ids(sentences)


def forget(elmo: Any) -> None:
    """Resets the LSTM states that `Elmo` otherwise carries from one call to the next."""
    elmo._elmo_lstm._elmo_lstm.reset_states()


def vectors(elmo: Any, character_ids: torch.Tensor) -> torch.Tensor:
    """ELMo vectors `[B, W, 2P]` without boundary tokens."""
    return elmo(character_ids)["elmo_representations"][0]
