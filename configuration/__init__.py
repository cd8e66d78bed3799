# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The published architectures, one folder each: `config.json`, tokenizer files, and `source.json`.

`source.json` names the training corpus, the language and the URLs of the original files, in the order to try them. If
known, their SHA-256 follows as `"sha256": {"options": "...", "weights": "...", "vocabulary": "..."}`. No weights are
kept here. `published.json` lists the models of other collections.

    from transformers import AutoConfig
    from modeling_elmo import configuration

    config = AutoConfig.from_pretrained(configuration.directory("small"))
"""

from pathlib import Path


# Models of other collections: names, languages, licenses and addresses.
PUBLISHED = Path(__file__).parent / "published.json"

NAMES = ("small", "medium", "original", "original-5.5b", "portuguese")


def directory(name: str) -> Path:
    """Returns the folder of a published architecture, ready for `from_pretrained`.

    Raises:
        `ValueError`: If the name is unknown.
    """
    if name not in NAMES:
        raise ValueError(f"expected one of {', '.join(NAMES)}, found {name!r}")
    return Path(__file__).parent / name
