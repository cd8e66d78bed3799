# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card of a converted model: besides what every card says, its source files and its parity with them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from modeling_elmo.hub.model_card import model_card, table
from modeling_elmo.model.configuration_elmo import ElmoConfig


def write_model_card(
    directory: Path,
    config: ElmoConfig,
    sources: Iterable[Path],
    differences: Sequence[float] = (),
    license: str | None = None,
    language: Sequence[str] | None = None,
    addresses: Mapping[str, str] | None = None,
) -> None:
    """Writes `README.md` into a model directory.

    Args:
        directory (`Path`): The model directory.
        config (`ElmoConfig`): The model's config.
        sources (`Iterable[Path]`): The original files, which are listed with their sizes and SHA-256.
        differences (`Sequence[float]`): The largest difference of each layer, from `measure_parity`.
        license (`str`, *optional*): As the Hub names it.
        language (`Sequence[str]`, *optional*): ISO codes.
        addresses (`Mapping[str, str]`, *optional*): Where files were published, by their names.
    """
    addresses = addresses or {}
    files = [
        (
            f"[{path.name}]({addresses[path.name]})" if path.name in addresses else path.name,
            f"{path.stat().st_size:,}",
            _sha256(path),
        )
        for path in sources
    ]
    sections = ["## Source files", table(("File", "Bytes", "SHA-256"), files)]
    if differences:
        # One digit: the second depends on the number of threads.
        rows = [(_layer_name(layer), f"{value:.0e}") for layer, value in enumerate(differences)]
        sections = [
            "## Parity",
            "Measured at conversion, on sentences of a few words: the largest absolute difference between this model's "
            "layers and ELMo's equations, computed in float64 from the original weights.",
            table(("Layer", "Largest difference"), rows),
            *sections,
        ]
    card = model_card(config, "converted from its original files", sections, license=license, language=language)
    (directory / "README.md").write_text(card, encoding="utf-8")


def _layer_name(layer: int) -> str:
    return f"LSTM layer {layer}" if layer else "Token embedding"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
