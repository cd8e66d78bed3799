# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model that the benchmarks run: the published "original" architecture (93.6 million parameters), random weights.

Speed does not depend on the values of the weights, so nothing is downloaded. The check of the results needs vectors of
the usual magnitude, however: the initial weights are scaled so that each layer's activations have a standard deviation
of about a half, as in a trained model. The model is saved in both formats to measure the readers of either. This module
also counts the floating point operations that the model needs.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from modeling_elmo import ElmoConfig, ElmoModel, configuration
from modeling_elmo.conversion_scripts import export
from modeling_elmo.model.lstm import ProjectedLSTM


# Factor for the initial weights of bilm-tf; the standard deviations of the three layers are then 0.7, 0.4 and 0.6.
SCALE = 4

TINY = {
    "cell_size": 24,
    "projection_size": 8,
    "character_embedding_size": 4,
    "character_filters": [[1, 4], [2, 8], [3, 12]],
}


@dataclass(frozen=True)
class ModelFiles:
    """A model in the original format (`options.json`, `weights.hdf5`) and converted (for `from_pretrained`)."""

    original: Path
    converted: Path

    @property
    def options(self) -> Path:
        """The original `options.json`."""
        return self.original / "options.json"

    @property
    def weights(self) -> Path:
        """The original `weights.hdf5`."""
        return self.original / "weights.hdf5"


@contextmanager
def model_files(is_tiny: bool = False) -> Iterator[ModelFiles]:
    """Saves the model in a temporary directory, which is deleted when the context ends."""
    config = ElmoConfig.from_pretrained(configuration.directory("original"))
    if is_tiny:
        config = ElmoConfig(**TINY)
    torch.manual_seed(0)
    model = ElmoModel(config)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv1d):
                module.weight.mul_(SCALE)
            elif isinstance(module, ProjectedLSTM):
                module.weight_ih.mul_(SCALE)
                module.weight_hh.mul_(SCALE)
    with tempfile.TemporaryDirectory(prefix="elmo-benchmark-") as directory:
        files = ModelFiles(original=Path(directory, "original"), converted=Path(directory, "converted"))
        model.save_pretrained(files.converted)
        export(files.converted, files.original)
        yield files


def recurrent_weights(config: ElmoConfig) -> int:
    """Returns the number of weights that each step of one direction of one layer reads: gates and projection."""
    projection = config.cell_size * config.projection_size if config.has_lstm_projection else 0
    return 4 * config.cell_size * config.projection_size + projection


def input_weights(config: ElmoConfig) -> int:
    """Returns the number of weights of one direction of one layer for its inputs, which need no step before them."""
    return 4 * config.cell_size * config.projection_size


def lstm_flop_per_word(config: ElmoConfig) -> int:
    """Returns the floating point operations in the matrix products of all LSTMs for one word.

    Counts gates from the input and from the hidden state, and the projection, in both directions and all layers. A
    multiply-add counts as two.
    """
    return 2 * config.num_hidden_layers * 2 * (input_weights(config) + recurrent_weights(config))


def encoder_weights(config: ElmoConfig) -> int:
    """Returns the number of weights of the character encoder's highway layers and projection."""
    size = config.num_character_filters
    projection = size * config.projection_size if config.has_character_projection else 0
    return config.num_highway_layers * 2 * size**2 + projection


def convolution_flop_per_word(config: ElmoConfig, num_characters: int) -> int:
    """Returns the floating point operations of the convolutions for one word.

    Windows entirely in the padding after a word all have the same result: one of them is enough. Words of
    `num_characters`, including their marks, therefore need `num_characters` + the width of the widest filter.
    """
    widest = max(width for width, _ in config.character_filters)
    length = min(config.max_characters_per_token, num_characters + widest)
    return 2 * sum(
        (length - width + 1) * width * config.character_embedding_size * number
        for width, number in config.character_filters
    )


def character_encoder_flop_per_word(config: ElmoConfig, num_characters: int) -> int:
    """Returns the floating point operations of convolutions, highway layers and projection for one word."""
    return convolution_flop_per_word(config, num_characters) + 2 * encoder_weights(config)


def distinct_words(character_ids: torch.Tensor) -> tuple[int, int]:
    """Returns the number of distinct words of a batch `(B, W, C)` and the characters of the longest, marks included."""
    distinct_NC = torch.unique(character_ids[character_ids.any(-1)], dim=0)
    # 261 pads the word after its end mark.
    return len(distinct_NC), int((distinct_NC != 261).sum(-1).max())


def needed_flop(config: ElmoConfig, character_ids: torch.Tensor) -> int:
    """Returns the floating point operations that a batch `(B, W, C)` requires; see the functions above.

    The LSTMs run once for every word and boundary token, the character encoder once for every *distinct* one in the
    batch. Work on padding and repeated work do not count: a model that does them has a lower rate.
    """
    num_distinct, num_characters = distinct_words(character_ids)
    return int(character_ids.any(-1).sum()) * lstm_flop_per_word(
        config
    ) + num_distinct * character_encoder_flop_per_word(config, num_characters)
