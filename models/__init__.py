# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The models that come with the package, one folder each, ready for `from_pretrained`.

    from modeling_elmo import models
    from transformers import AutoModel

    model = AutoModel.from_pretrained(models.directory("elmo-tiny"))

elmo-tiny is installed with the package, 14 MB of 15: it needs no network and always fits the code.
"""

from pathlib import Path


NAMES = ("elmo-tiny",)


def directory(name: str) -> Path:
    """Returns the folder of a model.

    Raises:
        `ValueError`: If the name is unknown.
    """
    if name not in NAMES:
        raise ValueError(f"models: expected one of {', '.join(NAMES)}, found {name!r}")
    return Path(__file__).parent / name
