# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Training ELMo's language model on text, in the manner of bilm-tf's `training.py`.

| File | Contents |
| --- | --- |
| `corpus.py` | where sentences come from: text files or a `datasets` stream, in blocks |
| `vocabulary.py` | counting words, choosing a vocabulary, writing its file |
| `coverage.py` | how much of a text a vocabulary covers, and whether that is enough |
| `windows.py` | sentences to batches: shuffling, windows of words, the position to resume from |
| `initial_model.py` | the model at the start of training: new by preset, or an existing one |
| `settings.py` | `PretrainingSettings`, the arguments of `Trainer`, the training section of `options.json` |
| `trainer.py` | `ElmoPretrainer`: steps, the carried LSTM state, logging, evaluation |
| `checkpoints.py` | the files of a checkpoint: names, the state of the rows, the settings that must match |
| `signals.py` | stopping after the current step on SIGINT, SIGTERM and SIGHUP |
| `perplexity.py` | the perplexity of a text |
| `job.py` | `pretrain`: the whole run, from corpus to model directory |
"""

from importlib import import_module
from typing import Any


# Imported on first use: training needs the package accelerate.
_MODULES = {"build_vocabulary": "vocabulary", "measure_perplexity": "perplexity", "pretrain": "job"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


__all__ = ["build_vocabulary", "measure_perplexity", "pretrain"]
