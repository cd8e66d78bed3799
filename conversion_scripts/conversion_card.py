# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card of a converted model: adds its source files and its parity with them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pooch

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
        sources (`Iterable[Path]`): The original files, listed with their sizes and SHA-256.
        differences (`Sequence[float]`): The largest difference of each layer, from `measure_parity`.
        license (`str`, *optional*): The Hub's name of the license.
        language (`Sequence[str]`, *optional*): ISO codes of the languages.
        addresses (`Mapping[str, str]`, *optional*): URLs of published files by their names.
    """
    addresses = addresses or {}
    files = [
        (
            f"[{path.name}]({addresses[path.name]})" if path.name in addresses else path.name,
            f"{path.stat().st_size:,}",
            pooch.file_hash(str(path)),
        )
        for path in sources
    ]
    sections = ["## Source files", table(("File", "Bytes", "SHA-256"), files)]
    if differences:
        # The second digit depends on the number of threads.
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
