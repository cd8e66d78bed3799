# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`weights.hdf5`: the biLM's weights with TensorFlow's names and layout.

`weight_table` lists every dataset of the file with its parameters in `ElmoModel` and the conversion in both directions.
Reading and writing only walk through that table.

TensorFlow multiplies x W and torch W x, so matrices are transposed. TensorFlow orders gates as input, new memory,
forget, output; torch as input, forget, new memory, output. The forget bias of 1 is added at run time and never stored.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch

from modeling_elmo.files.errors import ElmoFormatError, as_format_error
from modeling_elmo.files.progress import bar
from modeling_elmo.model.configuration_elmo import ElmoConfig

from .hdf5 import dataset_names, file_name, new_hdf5, open_hdf5, read_datasets


# The file has no character embedding for padding positions.
NUM_STORED_CHARACTERS = 261

# Part of the names of LSTM layers. bilm-tf's training leaves it out if there is one layer.
CELL = "MultiRNNCell/Cell{}/"


class Dataset(NamedTuple):
    """A dataset of the file, its parameters in `ElmoModel`, and how each becomes the other, bit for bit."""

    name: str
    shape: tuple[int, ...]
    parameters: tuple[str, ...]
    to_parameters: Callable[[np.ndarray], tuple[np.ndarray, ...]] = lambda values: (values,)
    from_parameters: Callable[..., np.ndarray] = lambda values: values


def weight_table(config: ElmoConfig, num_words: int = 0) -> list[Dataset]:
    """Lists the datasets of a model's `weights.hdf5`.

    Args:
        config (`ElmoConfig`): The model's config.
        num_words (`int`): Rows of the dataset `embedding`, for a model that reads words.
    """
    if config.token_input == "characters":
        table = _character_encoder_table(config)
    else:
        table = [Dataset("embedding", (num_words, config.projection_size), ("word_embedding.weight",))]
    for direction, direction_name in enumerate(("forward", "backward")):
        for layer in range(config.num_hidden_layers):
            cell = f"RNN_{direction}/RNN/{CELL.format(layer)}LSTMCell"
            table += _lstm_table(config, cell, f"layers.{layer}.{direction_name}_lstm")
    return table


def _character_encoder_table(config: ElmoConfig) -> list[Dataset]:
    encoder, size = "character_encoder", config.num_character_filters
    table = [
        Dataset(
            "char_embed",
            (NUM_STORED_CHARACTERS, config.character_embedding_size),
            (f"{encoder}.character_embedding.weight",),
            lambda values: (np.pad(values, ((1, 0), (0, 0))),),
            lambda weight: weight[1:],
        )
    ]
    for i, (width, number) in enumerate(config.character_filters):
        convolution = f"{encoder}.convolutions.{i}"
        table += [
            Dataset(
                f"CNN/W_cnn_{i}",
                (1, width, config.character_embedding_size, number),
                (f"{convolution}.weight",),
                lambda values: (values[0].transpose(2, 1, 0),),
                lambda weight: weight.transpose(2, 1, 0)[None],
            ),
            Dataset(f"CNN/b_cnn_{i}", (number,), (f"{convolution}.bias",)),
        ]
    for i in range(config.num_highway_layers):
        for original, name in (("carry", "gate"), ("transform", "transform")):
            module = f"{encoder}.highway_layers.{i}.{name}"
            table += _linear_table(f"CNN_high_{i}/{{}}_{original}", (size, size), module)
    if config.has_character_projection:
        table += _linear_table("CNN_proj/{}_proj", (size, config.projection_size), f"{encoder}.projection")
    return table


def _linear_table(name: str, shape: tuple[int, int], module: str) -> list[Dataset]:
    bias = Dataset(name.format("b"), shape[1:], (f"{module}.bias",))
    return [_matrix(name.format("W"), shape, f"{module}.weight"), bias]


def _matrix(name: str, shape: tuple[int, int], parameter: str) -> Dataset:
    return Dataset(name, shape, (parameter,), lambda values: (values.T,), lambda weight: weight.T)


def _lstm_table(config: ElmoConfig, name: str, module: str) -> list[Dataset]:
    input_size = output_size = config.projection_size
    cell_size = config.cell_size

    def split_kernel(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weight = _swap_gates(values.T)
        return weight[:, :input_size], weight[:, input_size:]

    def join_kernel(weight_ih: np.ndarray, weight_hh: np.ndarray) -> np.ndarray:
        return _swap_gates(np.concatenate([weight_ih, weight_hh], axis=1)).T

    table = [
        Dataset(
            f"{name}/W_0",
            (input_size + output_size, 4 * cell_size),
            (f"{module}.weight_ih", f"{module}.weight_hh"),
            split_kernel,
            join_kernel,
        ),
        Dataset(f"{name}/B", (4 * cell_size,), (f"{module}.bias",), lambda values: (_swap_gates(values),), _swap_gates),
    ]
    if config.has_lstm_projection:
        table.append(_matrix(f"{name}/W_P_0", (cell_size, output_size), f"{module}.weight_hr"))
    return table


def _swap_gates(values: np.ndarray) -> np.ndarray:
    """Swaps the second and third quarters of the first axis: TensorFlow's gate order <-> torch's."""
    first, second, third, fourth = np.split(values, 4)
    return np.concatenate([first, third, second, fourth])


def read_weights(
    path: Path, config: ElmoConfig, num_words: int = 0, dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    """Returns the parameters of `ElmoModel` in a `weights.hdf5` by name; see `weight_table` for `num_words`.

    Raises:
        `ElmoFormatError`: If the file can't be read, or its datasets do not match the config.
    """
    parameters: dict[str, torch.Tensor] = {}
    with open_hdf5(path) as file:
        table = _table_of_file(file, config, num_words)
        arrays = read_datasets(file, {name: dataset.shape for name, dataset in table.items()})
        for (stored_name, dataset), values in zip(bar("Reading weights", table.items()), arrays):
            for name, value in zip(dataset.parameters, dataset.to_parameters(values)):
                parameters[name] = as_tensor(value, dtype, f"{path.name}: {stored_name}")
    return parameters


def _table_of_file(file: h5py.File, config: ElmoConfig, num_words: int) -> dict[str, Dataset]:
    """Returns the datasets by their names in the file. Raises `ElmoFormatError` if they are not those expected."""
    table = {dataset.name: dataset for dataset in weight_table(config, num_words)}
    single_cell = {name.replace(CELL.format(0), ""): dataset for name, dataset in table.items()}
    found = dataset_names(file, table.keys() | single_cell if config.num_hidden_layers == 1 else set(table))
    if any(name.startswith("RNN_0/RNN/LSTMCell/") for name in found):
        table = single_cell
    for name in sorted(found - table.keys()):
        raise ElmoFormatError(
            f"{file_name(file)}: {name}: this layer occurs twice, with and without MultiRNNCell in its name"
        )
    for name, dataset in table.items():
        # The embeddings of a model that reads words may be in a separate file.
        if name not in found and name != "embedding":
            raise ElmoFormatError(f"{file_name(file)}: {name}: missing; expected shape {dataset.shape}")
    return {name: dataset for name, dataset in table.items() if name in found}


def has_character_projection(path: Path) -> bool:
    """Whether a file has the projection of characters, which is there even where the filters add up to its size."""
    with open_hdf5(path) as file, as_format_error(f"{path.name}: damaged"):
        return "CNN_proj" in file


def as_tensor(values: np.ndarray, dtype: torch.dtype, name: str) -> torch.Tensor:
    """Converts the values of a dataset to a tensor. Raises `ElmoFormatError` if they are too large for `dtype`."""
    tensor = torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
    if not torch.isfinite(tensor).all():
        raise ElmoFormatError(f"{name}: contains values too large for {str(dtype).removeprefix('torch.')}")
    return tensor


def write_weights(path: Path, config: ElmoConfig, parameters: dict[str, torch.Tensor], num_words: int = 0) -> None:
    """Writes parameters of `ElmoModel` as `weights.hdf5`, in float32; see `weight_table` for `num_words`.

    Raises:
        `ElmoFormatError`: If a parameter contains NaN or infinity.
    """
    with new_hdf5(path) as file:
        table = weight_table(config, num_words)
        for dataset in bar("Writing weights", table):
            values = [parameters[name].float().numpy() for name in dataset.parameters]
            values = [value[:num_words] if dataset.name == "embedding" else value for value in values]
            for name, value in zip(dataset.parameters, values):
                if not np.isfinite(value).all():
                    raise ElmoFormatError(f"{name}: expected finite values, found NaN or infinity")
            file.create_dataset(dataset.name, data=dataset.from_parameters(*values), dtype="float32")
