# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Model directories on the Hugging Face Hub: their cards and their upload.

| File | Contains |
| --- | --- |
| `model_card.py` | the `README.md` of a model, with the metadata that the Hub reads |
| `push.py` | a model directory -> a repository, in one commit |
"""

from .model_card import model_card
from .push import PushError, PushResult, push


__all__ = ["PushError", "PushResult", "model_card", "push"]
