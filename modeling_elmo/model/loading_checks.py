# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What comes from a folder that anyone may have written: its JSON files and its files of weights.

Checks what is true of every model before more is made of it: JSON is an object of bounded depth, weights are in whole
safetensors files of the model's own folder. No other format of weights is ever read: those of pickles run code.
"""

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME


# Tokenizer files nest 8 deep. What copies a value as deep as Python can parse it reaches the end of the stack.
MAX_NESTING = 50

# A config with names for 100,000 labels has 5 million bytes.
MAX_CONFIG_BYTES = 50_000_000

# Fields of other models' configs that make transformers fetch, run or compute something else. An ELMo config holds none
# of them; callers may still pass them as arguments.
FOREIGN_FIELDS = (
    "attn_implementation",
    "distributed_config",
    "experts_implementation",
    "fusion_config",
    "per_layer_config",
    "quantization_config",
    "transformers_weights",
)

# Weights that a model can't do without: those of the language model, in a base model or within one with a head.
BILM_WEIGHT = re.compile(r"(elmo\.)?(character_encoder|word_embedding|layers)\.")

# The types of these in a safetensors file, by the names that it gives them. A head may have numbers of any type.
WEIGHT_TYPES = {"F16", "BF16", "F32", "F64"}

# What parameters that are in no file may take, in all: a new head, a new softmax, static word vectors.
MAX_NEW_BYTES = 2**30
MAX_NEW_SHARE = 8


def read_json_object(path: str | os.PathLike[str], max_bytes: int | None = None) -> dict[str, Any]:
    """Reads a file that holds a JSON object.

    Args:
        path (`str` or `os.PathLike`): The file.
        max_bytes (`int`, *optional*): The most that it may have.

    Raises:
        `ValueError`: Naming the file, if it holds anything else, or nests more than `MAX_NESTING` deep.
    """
    name, size = os.path.basename(path), os.path.getsize(path)
    if max_bytes is not None and size > max_bytes:
        raise ValueError(f"{name}: expected at most {max_bytes} bytes, found {size}")
    try:
        text = Path(path).read_text(encoding="utf-8")
        value = json.loads(text)
        if r"\ud" in text.lower():
            # Halves of surrogate pairs, which can't be written again.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not a valid JSON file: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{name}: expected a JSON object, found {type(value).__name__}")
    if nests_deeper(value, MAX_NESTING):
        raise ValueError(f"{name}: expected lists and objects at most {MAX_NESTING} deep, found more")
    return value


def abbreviated(value: Any) -> str:
    """Returns a value shortened for an error message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nests_deeper(value: Any, depth: int) -> bool:
    """Returns whether lists and objects of a parsed JSON value nest more than `depth` deep."""
    level = [value]
    for _ in range(depth):
        level = [item for item in level if isinstance(item, (list, dict))]
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, (list, dict)) for item in level)


def check_config_fields(config_class: Any, fields: Mapping[str, Any]) -> None:
    """Checks the names of the fields of a `config.json`, and the types of those that transformers reads unchecked.

    Args:
        config_class (`type`): `ElmoConfig`, or a class derived from it.
        fields (`Mapping[str, Any]`): The parsed file.

    Raises:
        `ValueError`: If the file sets something that is not a config field but would be treated as one.
    """
    if fields.get("model_type", config_class.model_type) != config_class.model_type:
        found = abbreviated(fields["model_type"])
        raise ValueError(f"config.json: model_type: expected {config_class.model_type!r}, found {found}")
    for name in ("id2label", "label2id"):
        if not isinstance(fields.get(name), (dict, type(None))):
            raise ValueError(f"config.json: {name}: expected an object, found {abbreviated(fields[name])}")
    own = {each.name for each in dataclasses.fields(config_class)} | {"model_type"}
    for name, value in fields.items():
        is_own = name in own or isinstance(getattr(config_class, name, None), property)
        if not is_own and (hasattr(config_class, name) or (name in FOREIGN_FIELDS and value is not None)):
            raise ValueError(f"config.json: {name}: an ELMo config has no such field, found {abbreviated(value)}")
        _check_dtypes_within(name, value)


def _check_dtypes_within(name: str, value: Any) -> None:
    # transformers writes the `dtype` of any object within a field as if it were a string.
    if isinstance(value, dict):
        if not isinstance(value.get("dtype"), (str, type(None))):
            raise ValueError(f"config.json: {name}: dtype: expected a string, found {abbreviated(value['dtype'])}")
        for inner in value.values():
            _check_dtypes_within(name, inner)


def check_loading_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuses the arguments of `from_pretrained` that ask for weights in another format.

    Raises:
        `ValueError`: Naming the argument.
    """
    for name in ("use_safetensors", "weights_only"):
        if arguments.get(name) is False:
            raise ValueError(f"{name}=False: ELMo models are loaded from safetensors files alone, never from pickles")
    if arguments.get("gguf_file") is not None:
        raise ValueError(
            f"gguf_file: ELMo models are loaded from safetensors files alone, found {arguments['gguf_file']}"
        )


def check_weight_index(folder: str, variant: str | None = None) -> None:
    """Checks the index of the shards in a folder, if there is one and it is what weights would be loaded by.

    Raises:
        `ValueError`: If it is damaged, or names anything but safetensors files beside it.
    """
    stem, _, suffix = SAFE_WEIGHTS_INDEX_NAME.rpartition(".")
    name = f"{stem}.{suffix}" if variant is None else f"{stem}.{variant}.{suffix}"
    path = os.path.join(folder, name)
    if not os.path.isfile(path):
        return
    index = read_json_object(path)
    for section in ("metadata", "weight_map"):
        if not isinstance(index.get(section), dict):
            raise ValueError(f"{name}: {section}: expected an object, found {type(index.get(section)).__name__}")
    for shard in index["weight_map"].values():
        _check_weight_file_name(name, shard)


def _check_weight_file_name(place: str, name: Any) -> None:
    if not isinstance(name, str) or not name.endswith(".safetensors") or set(name) & {"/", "\\", "\0"}:
        raise ValueError(f"{place}: expected safetensors files of its own folder, found {abbreviated(name)}")


def check_weight_files(folder: str, paths: Iterable[str]) -> None:
    """Checks the headers of the files that weights are about to be read from.

    Args:
        folder (`str`): The model's folder, or its name on the Hub, whose client keeps files within a folder of its own.
        paths (`Iterable[str]`): The files.

    Raises:
        `ValueError`: Naming the file, if it is not a whole safetensors file, lies elsewhere, or a weight of the biLM is
            not of a floating-point type.
    """
    for path in paths:
        name = os.path.relpath(path, folder) if os.path.isdir(folder) else os.path.basename(path)
        _check_weight_file_name("weights", name)
        try:
            with safe_open(path, framework="pt") as file:
                types = {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{name}: not a whole safetensors file: {error}") from error
        for key, found in types.items():
            if BILM_WEIGHT.match(key) and found not in WEIGHT_TYPES:
                raise ValueError(f"{name}: {key}: expected one of the types {sorted(WEIGHT_TYPES)}, found {found}")


def check_new_parameters(new: Mapping[str, torch.Tensor], num_loaded_bytes: int) -> None:
    """Bounds what is made anew, by sizes that stand in the config alone.

    Args:
        new (`Mapping[str, torch.Tensor]`): Parameters that no file has, not yet in memory.
        num_loaded_bytes (`int`): How much memory those take that a file has.

    Raises:
        `ValueError`: If they take more than `MAX_NEW_BYTES`, and more than `MAX_NEW_SHARE` times what was loaded.
    """
    num_bytes = sum(value.nbytes for value in new.values())
    most = max(MAX_NEW_BYTES, MAX_NEW_SHARE * num_loaded_bytes)
    if num_bytes > most:
        largest = max(new, key=lambda name: new[name].nbytes)
        raise ValueError(
            f"config.json: asks for {num_bytes} bytes of weights that no file has, the most of them {largest} "
            f"{tuple(new[largest].shape)}; expected at most {most}"
        )
