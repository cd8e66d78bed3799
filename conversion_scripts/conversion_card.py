# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card of a converted model: adds its source files and its parity with them."""

from collections.abc import Sequence

import pooch

from modeling_elmo.hub.model_card import model_card, table

from .converted_model import ConvertedModel


def conversion_card(
    source: ConvertedModel,
    differences: Sequence[float],
    license: str | None = None,
    language: Sequence[str] | None = None,
) -> str:
    """Returns the text of the card; `differences` are those of the layers, from `measure_parity`.

    The original files are listed with their sizes and SHA-256. See `model_card` for license and languages.
    """
    links = {name: f"[{name}]({url})" for name, url in source.addresses.items()}
    sources = [
        (links.get(path.name, path.name), f"{path.stat().st_size:,}", pooch.file_hash(str(path)))
        for path in source.files
    ]
    # The second digit depends on the number of threads.
    layers = [
        (name, f"{value:.0e}")
        for name, value in zip(
            [
                "Token embedding",
                *(f"LSTM layer {layer + 1}" for layer in range(source.config.num_hidden_layers)),
                "Softmax",
            ],
            differences,
        )
    ]
    sections = [
        "## Parity",
        "Measured at conversion, on sentences of a few words: the largest absolute difference between this model's "
        "layers and ELMo's equations, computed in float64 from the original weights.",
        table(("Layer", "Largest difference"), layers),
        "## Source files",
        table(("File", "Bytes", "SHA-256"), sources),
    ]
    if source.notes:
        sections += ["## Notes", "\n".join(f"- {note}" for note in source.notes)]
    origin = f"converted from {source.description}"
    return model_card(source.config, origin, sections, license=license, language=language or source.language or None)
