# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`options.json` <-> `ElmoConfig`.

`OPTIONS` names every option that describes a model, once for both directions. Training adds more options to the file;
the config carries them in `training_options`.
"""

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub.errors import StrictDataclassError

from modeling_elmo.files.errors import ElmoFormatError, one_line
from modeling_elmo.model.configuration_elmo import MAX_NUMBER, MAX_VOCAB_SIZE, NUM_APPENDED_TOKENS, ElmoConfig
from modeling_elmo.model.loading_checks import abbreviated, nests_deeper


# The published files have less than 1 KB and nest 4 deep. A larger file is a mistake; deeper values can't be copied.
MAX_BYTES = 10_000_000
MAX_NESTING = 20


def _integer(path: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_VOCAB_SIZE:
        raise ValueError(f"{path}: expected an integer between 0 and {MAX_VOCAB_SIZE}, found {abbreviated(value)}")
    return value


def _number(path: str, value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) <= MAX_NUMBER:
        raise ValueError(f"{path}: expected a number, found {abbreviated(value)}")
    return value


def _boolean(path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{path}: expected true or false, found {abbreviated(value)}")
    return value


def _activation(path: str, value: Any) -> str:
    if value not in ("relu", "tanh"):
        raise ValueError(f'{path}: expected "relu" or "tanh", found {abbreviated(value)}')
    return value


def _filters(path: str, value: Any) -> list[list[int]]:
    is_pairs = isinstance(value, list) and all(
        isinstance(group, list) and len(group) == 2 and all(type(size) is int for size in group) for group in value
    )
    if not is_pairs:
        raise ValueError(f"{path}: expected a list of [width, number] pairs, found {abbreviated(value)}")
    return value


def _num_characters(path: str, value: Any) -> int:
    # Training writes 261. Users set 262 for inference, which adds a padding id. The weights are the same.
    if type(value) is not int or value not in (261, 262):
        raise ValueError(f"{path}: expected 261 (training) or 262 (inference), found {abbreviated(value)}")
    return 262


REQUIRED = object()


class Option(NamedTuple):
    """An option that describes a model.

    Attributes:
        path (`str`): Its sections and its name, separated by periods.
        field (`str`): The field of the config.
        parse (`Callable`): Checks a value of the file and returns that of the field; called with path and value.
        default (`Any`): The field's value where the option is missing or null. `REQUIRED`: that is an error.
        offset (`int`): How much greater the field's value is.
        only_if_set (`bool`): Whether the option is not written where the field has its default value.
    """

    path: str
    field: str
    parse: Callable[[str, Any], Any]
    default: Any = REQUIRED
    offset: int = 0
    only_if_set: bool = False


# In the order of the published files.
OPTIONS = (
    Option("lstm.use_skip_connections", "use_skip_connections", _boolean, False),
    Option("lstm.projection_dim", "projection_size", _integer),
    Option("lstm.cell_clip", "cell_clip", _number, None),
    Option("lstm.proj_clip", "projection_clip", _number, None),
    Option("lstm.dim", "cell_size", _integer),
    Option("lstm.n_layers", "num_hidden_layers", _integer, 1),
    Option("char_cnn.activation", "hidden_act", _activation),
    Option("char_cnn.filters", "character_filters", _filters),
    Option("char_cnn.n_highway", "num_highway_layers", _integer, 0),
    Option("char_cnn.embedding.dim", "character_embedding_size", _integer),
    Option("char_cnn.n_characters", "character_vocab_size", _num_characters),
    Option("char_cnn.max_characters_per_token", "max_characters_per_token", _integer),
    # The files of an encoder need not describe the training or the vocabulary.
    Option(
        "n_negative_samples_batch", "num_negative_samples", _integer, ElmoConfig.num_negative_samples, only_if_set=True
    ),
    Option(
        "share_embedding_softmax", "tie_word_embeddings", _boolean, ElmoConfig.tie_word_embeddings, only_if_set=True
    ),
    Option("n_tokens_vocab", "vocab_size", _integer, 3, offset=NUM_APPENDED_TOKENS, only_if_set=True),
    Option("dropout", "lstm_dropout", _number, ElmoConfig.lstm_dropout),
)

# All other options at the top level become `training_options`.
NOT_OF_TRAINING = {"lstm", "char_cnn", "n_tokens_vocab", "dropout"}


def read_options(path: Path, **kwargs: Any) -> tuple[ElmoConfig, int | None]:
    """Reads a model's `options.json`.

    Args:
        path (`Path`): The file.
        kwargs: Fields of the config that replace those of the file.

    Returns:
        `ElmoConfig`, and the number of words of the vocabulary (`n_tokens_vocab`) if the file states it.

    Raises:
        `ElmoFormatError`: If the file is not JSON or does not describe an ELMo model.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ElmoFormatError(f"{path.name}: expected at most {MAX_BYTES} bytes, found {path.stat().st_size}")
    try:
        options = json.loads(path.read_bytes())
        # Python reads NaN, Infinity and 1e999, which are not JSON and which the config could not store.
        json.dumps(options, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise ElmoFormatError(f"{path.name}: not a JSON file: {one_line(error)}") from error
    if nests_deeper(options, MAX_NESTING):
        raise ElmoFormatError(f"{path.name}: expected lists and objects at most {MAX_NESTING} deep, found more")
    try:
        config = config_from_options(options, **kwargs)
    except StrictDataclassError as error:
        # The config's errors name its fields.
        paths = {option.field: option.path for option in OPTIONS if not option.offset}
        reason = re.sub(r"\w+", lambda word: paths.get(word[0], word[0]), one_line(error))
        raise ElmoFormatError(f"{path.name}: {reason}") from error
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {one_line(error)}") from error
    return config, options.get("n_tokens_vocab")


def write_options(path: Path, config: ElmoConfig, num_words: int | None) -> None:
    """Writes `options.json` for inference with the original code.

    Args:
        path (`Path`): The file to write.
        config (`ElmoConfig`): The model's config.
        num_words (`int`, *optional*): Number of words of the vocabulary file, if there is one.

    Raises:
        `ElmoFormatError`: If the original code has no option for a value of the config.
    """
    try:
        options = options_of_config(config)
        if num_words is not None:
            options["n_tokens_vocab"] = num_words
        text = json.dumps(options, indent=2, allow_nan=False)
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {one_line(error)}") from error
    path.write_text(text + "\n", encoding="utf-8")


def config_from_options(options: Mapping[str, Any], **kwargs: Any) -> ElmoConfig:
    """Builds a config from the contents of an original `options.json`.

    Args:
        options (`Mapping[str, Any]`): The parsed file: a section `lstm`, a section `char_cnn` unless the model reads
            words, and, in files written by training, options at the top level.
        kwargs: Fields of the config that the file lacks, or that replace those of the file.

    Raises:
        `ValueError`: If an option is missing or invalid, with its name; also for unidirectional models.
        `StrictDataclassError`: For sizes that contradict one another (see `ElmoConfig.validate_architecture`).
    """
    if not isinstance(options, Mapping):
        raise ValueError(f"options: expected a JSON object, found {abbreviated(options)}")
    if options.get("bidirectional", True) is not True:
        raise ValueError(
            "bidirectional: a unidirectional model has no backward LSTM; expected true, found "
            f"{abbreviated(options['bidirectional'])}"
        )
    fields: dict[str, Any] = {"token_input": "characters" if "char_cnn" in options else "words"}
    for option in OPTIONS:
        if option.path.startswith("char_cnn.") and fields["token_input"] == "words":
            continue
        value = _find(options, option.path)
        is_default = value is None and option.default is not REQUIRED
        parsed = option.default if is_default else option.parse(option.path, value)
        fields[option.field] = parsed + option.offset if option.offset else parsed
    training_options = {name: value for name, value in options.items() if name not in NOT_OF_TRAINING}
    return ElmoConfig(**{**fields, "training_options": training_options or None, **kwargs})


def options_of_config(config: ElmoConfig) -> dict[str, Any]:
    """Returns the contents of an original `options.json` for inference.

    `config_from_options` turns them back into this config, except for fields that the original code does not know (the
    mixes, `representation_dropout`, `freeze_bilm`, those of the task models).

    Raises:
        `ValueError`: If `forget_bias` is not 1.0, the value built into the original code.
    """
    if config.forget_bias != 1.0:
        raise ValueError(f"the original code's forget_bias is always 1.0, found {config.forget_bias}")
    options = dict(config.training_options or {})
    for name in ("lstm", "char_cnn"):
        options.pop(name, None)
    for option in OPTIONS:
        value = getattr(config, option.field) - option.offset if option.offset else getattr(config, option.field)
        is_known = config.token_input == "characters" or not option.path.startswith("char_cnn.")
        if is_known and not (option.only_if_set and value == option.default):
            *sections, name = option.path.split(".")
            section: dict[str, Any] = options
            for part in sections:
                section = section.setdefault(part, {})
            section[name] = value
    return copy.deepcopy(options)


def _find(options: Mapping[str, Any], path: str) -> Any:
    """Returns the value of an option, `None` if it is missing. Raises `ValueError` if its section is missing."""
    *sections, name = path.split(".")
    section = options
    for depth, part in enumerate(sections, start=1):
        section_path = ".".join(sections[:depth])
        if part not in section:
            raise ValueError(f"{section_path}: this section is missing")
        section = section[part]
        if not isinstance(section, Mapping):
            raise ValueError(f"{section_path}: expected a section (a JSON object), found {abbreviated(section)}")
    return section.get(name)
