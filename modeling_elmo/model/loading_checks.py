# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the files of a model directory, which anyone may have written.

JSON files are objects of bounded depth and set only fields of their own; tokenizers are small enough to use; weights
are whole safetensors files of the model's own folder. No other format of weights is ever read: pickles run code.
"""

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME


# Tokenizer files nest 8 deep. Copying a value as deep as Python can parse overflows the stack.
MAX_NESTING = 50

# A config with names for 100,000 labels takes 5 million bytes.
MAX_CONFIG_BYTES = 50_000_000

# All of Unicode takes 15 million bytes, one character a line.
MAX_CHARACTERS_BYTES = 50_000_000

# What a `config.json` may set besides the fields of its config class. Anything else could make transformers fetch, run
# or compute something: kernels, quantisation, other weights. Callers may still pass it as an argument.
OTHER_CONFIG_FIELDS = {
    *("_commit_hash", "_name_or_path", "auto_map", "hidden_size", "model_type", "num_labels", "output_attentions"),
    *("quantization_config", "torch_dtype", "use_cache"),
}

# The only way of quantisation that a `config.json` may name: our own.
INT8_METHOD = "elmo_int8"

# Arguments of a tokenizer that its `tokenizer_config.json` must not set: files to read, and their contents.
TOKENIZER_ARGUMENTS = (
    *("character_file", "characters", "gguf_file", "init_inputs", "tokenizer_file", "tokenizer_object", "vocab"),
    "vocab_file",
    *("tokenizer_padding", "tokenizer_truncation", "_json_padding", "_json_truncation"),
)

# Added tokens are searched for in every text; words belong into the vocabulary. 200,000 would take 9 s and 600 MB.
MAX_ADDED_TOKENS = 10_000

# The replacements of a `tokenizer.json` may make a text this many times as long, and it may make this many tokens of a
# word. Without a bound, a file of a few lines could use up the memory.
MAX_GROWTH = 1_000

# Weights of the language model, in a base model or in one with a head. No model works without them.
BILM_WEIGHT = re.compile(r"(elmo\.)?(character_encoder|word_embedding|layers)\.")

# Bounds of the memory for all parameters that no file has: a new head, a new softmax, static word vectors.
MAX_NEW_BYTES = 2**30
MAX_NEW_SHARE = 8


def read_json_object(path: str | os.PathLike[str], max_bytes: int | None = None) -> dict[str, Any]:
    """Reads a JSON object from a file of at most `max_bytes`.

    Raises:
        `ValueError`: If the file contains anything else or nests more than `MAX_NESTING` deep; names the file.
    """
    name, size = os.path.basename(path), os.path.getsize(path)
    if max_bytes is not None and size > max_bytes:
        raise ValueError(f"{name}: expected at most {max_bytes} bytes, found {size}")
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not a valid JSON file: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{name}: expected a JSON object, found {type(value).__name__}")
    _check_json_value(name, value, max_bytes)
    return value


def _check_json_value(name: str, value: dict[str, Any], max_bytes: int | None) -> None:
    if nests_deeper(value, MAX_NESTING):
        raise ValueError(f"{name}: expected lists and objects at most {MAX_NESTING} deep, found more")
    try:
        size = len(json.dumps(value, ensure_ascii=False, default=str).encode())
    except ValueError as error:
        # Halves of surrogate pairs could not be written again.
        raise ValueError(f"{name}: not a valid JSON file: {error}") from error
    if max_bytes is not None and size > max_bytes:
        raise ValueError(f"{name}: expected at most {max_bytes} bytes, found {size}")
    values: list[Any] = [value]
    for item in values:
        # transformers turns every `dtype` into a name when it prints or saves a config.
        if isinstance(item, dict) and not isinstance(item.get("dtype"), (str, int, dict, type(None))):
            raise ValueError(f"{name}: dtype: expected a name, found {abbreviated(item['dtype'])}")
        if isinstance(item, (dict, list)):
            values.extend(item.values() if isinstance(item, dict) else item)


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


def checked_config_fields(config_class: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a parsed `config.json`, checked before transformers acts on them.

    Raises:
        `ValueError`: If it is too large or deep, of another model, or sets what is neither a field of `config_class`
            nor among `OTHER_CONFIG_FIELDS`.
    """
    own = {each.name for each in dataclasses.fields(config_class)} | OTHER_CONFIG_FIELDS
    fields = {name: value for name, value in fields.items() if name in own or value is not None}
    _check_json_value("config.json", fields, MAX_CONFIG_BYTES)
    found = fields.get("model_type", config_class.model_type)
    if found != config_class.model_type:
        raise ValueError(f"config.json: model_type: expected {config_class.model_type!r}, found {abbreviated(found)}")
    if not isinstance(fields.get("id2label"), (dict, type(None))):
        raise ValueError(f"config.json: id2label: expected an object, found {abbreviated(fields['id2label'])}")
    classes = fields.get("auto_map") or {}
    if not isinstance(classes, dict) or not all(map(_names_a_class, classes.values())):
        raise ValueError(f"config.json: auto_map: expected the names of classes, found {abbreviated(classes)}")
    quantization = fields.get("quantization_config")
    if quantization not in (None, {"quant_method": INT8_METHOD}):
        raise ValueError(
            f"config.json: quantization_config: expected the quant_method {INT8_METHOD!r} alone, found "
            f"{abbreviated(quantization)}"
        )
    for name in fields.keys() - own:
        raise ValueError(f"config.json: {name}: an ELMo config has no such field, found {abbreviated(fields[name])}")
    return fields


def _names_a_class(reference: Any) -> bool:
    """Whether an entry of an `auto_map` is a name, or the pair of names, of which one may be missing, of tokenizers."""
    names = reference if isinstance(reference, list) and len(reference) == 2 else [reference]
    return any(names) and all(isinstance(name, (str, type(None))) for name in names)


def check_tokenizer_fields(name: str, fields: Mapping[str, Any]) -> None:
    """Checks a file of a tokenizer.

    Raises:
        `ValueError`: If it sets one of `TOKENIZER_ARGUMENTS`, or no number for a number, or adds too many tokens.
    """
    for value in (fields, *fields.values()):
        if isinstance(value, (list, Mapping)) and len(value) > MAX_ADDED_TOKENS:
            raise ValueError(f"{name}: expected at most {MAX_ADDED_TOKENS} added tokens, found {len(value)}")
    for field in TOKENIZER_ARGUMENTS:
        if fields.get(field) is not None:
            raise ValueError(f"{name}: {field}: expected none, found {abbreviated(fields[field])}")
    for field in ("model_max_length", "num_words"):
        if type(fields.get(field, 0)) not in (int, float):
            raise ValueError(f"{name}: {field}: expected a number, found {abbreviated(fields[field])}")


def read_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """Reads a `tokenizer.json`.

    Raises:
        `ValueError`: If it is damaged, is not a tokenizer of whole words, or could use any amount of memory.
    """
    name, content = os.path.basename(path), read_json_object(path)
    model = content.get("model")
    kind = model.get("type") if isinstance(model, dict) else model
    if kind != "WordLevel":
        raise ValueError(f"{name}: model: expected a tokenizer of kind WordLevel, found {abbreviated(kind)}")
    if _growth([content.get("normalizer"), content.get("decoder")]) > MAX_GROWTH:
        raise ValueError(f"{name}: expected replacements that make a text at most {MAX_GROWTH} times as long")
    try:
        tokenizer = Tokenizer.from_file(os.fspath(path))
        # Each call decides how to truncate and pad. The file could ask for any length.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # Some contradictions show only in use.
        ids = tokenizer.encode("a").ids + tokenizer.encode("a", "a").ids
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # `tokenizers` raises bare `Exception`, and a panic of Rust is none
        raise ValueError(f"{name}: not a tokenizer: {error}") from error
    if len(ids) > MAX_GROWTH:
        raise ValueError(f"{name}: post_processor: expected at most {MAX_GROWTH} tokens for a word, found {len(ids)}")
    unknown = [id for id in ids if tokenizer.id_to_token(id) is None]
    if unknown:
        raise ValueError(f"{name}: post_processor: expected ids of the vocabulary, found {unknown[0]}")
    return tokenizer


def _growth(part: Any) -> int:
    """Returns how many times as long the replacements in a part of `tokenizer.json` can make a text."""
    if isinstance(part, list):
        return math.prod(map(_growth, part))
    if not isinstance(part, dict):
        return 1
    content = part.get("content")
    return (1 + len(content) if isinstance(content, str) else 1) * _growth(list(part.values()))


def check_weight_index(folder: str, variant: str | None = None) -> None:
    """Checks the index of the shards in a folder, if it exists.

    Raises:
        `ValueError`: If it is damaged or names anything but safetensors files in its own folder.
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


def _check_weight_file_name(source: str, name: Any) -> None:
    if not isinstance(name, str) or not name.endswith(".safetensors") or set(name) & {"/", "\\", "\0"}:
        raise ValueError(f"{source}: expected safetensors files of its own folder, found {abbreviated(name)}")


def check_weight_files(folder: str, paths: Iterable[str]) -> None:
    """Checks that weight files, in a model's folder or in the cache of a model on the Hub, are safetensors files.

    Raises:
        `ValueError`: If a file is in another folder or not a whole safetensors file; names the file.
    """
    for path in paths:
        name = os.path.relpath(path, folder) if os.path.isdir(folder) else os.path.basename(path)
        _check_weight_file_name("weights", name)
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{name}: not a whole safetensors file: {error}") from error


def check_new_parameters(new: Mapping[str, torch.Tensor], num_loaded_bytes: int) -> None:
    """Raises `ValueError` if parameters that no file has, not yet in memory, would take too much of it.

    Their sizes come from the config only: up to `MAX_NEW_BYTES` or `MAX_NEW_SHARE` times the loaded parameters.
    """
    num_bytes = sum(value.nbytes for value in new.values())
    limit = max(MAX_NEW_BYTES, MAX_NEW_SHARE * num_loaded_bytes)
    if num_bytes > limit:
        largest = max(new, key=lambda name: new[name].nbytes)
        raise ValueError(
            f"config.json: asks for {num_bytes} bytes of weights that no file has, most of them for {largest} "
            f"{tuple(new[largest].shape)}; expected at most {limit}"
        )
