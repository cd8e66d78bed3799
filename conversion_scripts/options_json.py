# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`options.json` <-> `ElmoConfig`.

`OPTIONS` names every option that describes a model, once for both directions; `ElmoConfig` checks their values.
Training adds more options to the file; the config carries them in `training_options`.
"""

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub.errors import StrictDataclassError

from modeling_elmo.files.errors import ElmoFormatError, one_line
from modeling_elmo.model.configuration_elmo import NUM_APPENDED_TOKENS, SELDOM_SET, ElmoConfig
from modeling_elmo.model.loading_checks import abbreviated, nests_deeper, read_json_object


# The published files have less than 1 KB and nest 4 deep. `config.json` must hold the options one level deeper.
MAX_BYTES = 10_000_000
MAX_NESTING = 20


class Option(NamedTuple):
    """An option that describes a model."""

    path: str  # Its sections and its name, separated by periods.
    field: str  # The field of the config.
    default: Any = None  # The field's value where the option is missing or null. No required field accepts `None`.
    only_if_set: bool = False  # Whether the option is left out where the field has its default value.


# In the order of the published files.
OPTIONS = (
    Option("lstm.use_skip_connections", "use_skip_connections", False),
    Option("lstm.projection_dim", "projection_size"),
    Option("lstm.cell_clip", "cell_clip"),
    Option("lstm.proj_clip", "projection_clip"),
    Option("lstm.dim", "cell_size"),
    Option("lstm.n_layers", "num_hidden_layers", 1),
    Option("char_cnn.activation", "hidden_act"),
    Option("char_cnn.filters", "character_filters"),
    Option("char_cnn.n_highway", "num_highway_layers", 0),
    Option("char_cnn.embedding.dim", "character_embedding_size"),
    Option("char_cnn.n_characters", "character_vocab_size"),
    Option("char_cnn.max_characters_per_token", "max_characters_per_token"),
    # The files of an encoder need not describe the training or the vocabulary.
    Option("n_negative_samples_batch", "num_negative_samples", ElmoConfig.num_negative_samples, only_if_set=True),
    Option("share_embedding_softmax", "tie_word_embeddings", ElmoConfig.tie_word_embeddings, only_if_set=True),
    Option("n_tokens_vocab", "vocab_size", ElmoConfig.vocab_size, only_if_set=True),
    Option("dropout", "lstm_dropout", ElmoConfig.lstm_dropout),
)

# All other options at the top level become `training_options`.
NOT_OF_TRAINING = {"lstm", "char_cnn", "n_tokens_vocab", "dropout"}


def read_options(path: Path, **kwargs: Any) -> tuple[ElmoConfig, int | None]:
    """Returns the config of an `options.json` and, if it states it, the number of words (`n_tokens_vocab`).

    `kwargs` are fields of the config that replace those of the file. Raises `ElmoFormatError` if the file is not JSON
    or does not describe an ELMo model.
    """
    try:
        options = read_json_object(path, MAX_BYTES)
    except ValueError as error:
        raise ElmoFormatError(one_line(error)) from error
    if nests_deeper(options, MAX_NESTING):
        raise ElmoFormatError(f"{path.name}: expected lists and objects at most {MAX_NESTING} deep, found more")
    try:
        # Python reads NaN, Infinity and 1e999, which are not JSON and which the config could not store.
        json.dumps(options, allow_nan=False)
        config = config_from_options(options, **kwargs)
    except (StrictDataclassError, ValueError) as error:
        # The config's errors name its fields.
        paths = {option.field: option.path for option in OPTIONS}
        reason = re.sub(r"\w+", lambda word: paths.get(word[0], word[0]), one_line(error))
        raise ElmoFormatError(f"{path.name}: {reason}") from error
    return config, options.get("n_tokens_vocab")


def write_options(path: Path, config: ElmoConfig, num_words: int | None) -> None:
    """Writes `options.json` for inference with the original code; `num_words` are those of the vocabulary file.

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
    """Builds a config from the contents of an original `options.json`. `kwargs` replace fields of the file.

    Raises:
        `ValueError`: If a section is missing, and for unidirectional models.
        `StrictDataclassError`: For values that `ElmoConfig` refuses.
    """
    for name in ("bidirectional", "share_embedding_softmax"):
        if not isinstance(options.get(name, True), bool):
            raise ValueError(f"{name}: expected true or false, found {abbreviated(options[name])}")
    if not options.get("bidirectional", True):
        raise ValueError("bidirectional: a unidirectional model has no backward LSTM; expected true, found False")
    fields: dict[str, Any] = {"token_input": "words" if options.get("char_cnn") is None else "characters"}
    for option in _options_of(fields["token_input"]):
        *sections, name = option.path.split(".")
        section: Any = options
        for part in sections:
            section = section.get(part)
            if not isinstance(section, Mapping):
                raise ValueError(f"{part}: expected a section (a JSON object), found {abbreviated(section)}")
        value = section.get(name)
        if option.field == "character_vocab_size" and type(value) is int and value == 261:
            # Training writes 261. Users set 262 for inference, which adds a padding id. The weights are the same.
            value = 262
        elif option.field == "vocab_size" and type(value) is int:
            value += NUM_APPENDED_TOKENS
        fields[option.field] = option.default if value is None else value
    training_options = {name: value for name, value in options.items() if name not in NOT_OF_TRAINING}
    return ElmoConfig(**{**fields, "training_options": training_options or None, **kwargs})


def options_of_config(config: ElmoConfig) -> dict[str, Any]:
    """Returns the contents of an original `options.json` for inference.

    `config_from_options` turns them back into this config, except for fields that the original code does not know (the
    mixes, `representation_dropout`, `freeze_bilm`, those of the task models).

    Raises:
        `ValueError`: If the original format can't hold the model, or `forget_bias` is not 1.0, the value built into the
            original code.
    """
    for name, default in SELDOM_SET.items():
        # A projection of characters is one more dataset. One of LSTMs is tied to their sizes.
        is_held = name == "character_projection" or (
            name == "lstm_projection" and config.projection_size < config.cell_size
        )
        if getattr(config, name) != default and not is_held:
            raise ValueError(f"the original format can't hold a model with {name} {getattr(config, name)!r}")
    if config.forget_bias != 1.0:
        raise ValueError(f"the original code's forget_bias is always 1.0, found {config.forget_bias}")
    options = dict(config.training_options or {})
    for name in ("lstm", "char_cnn"):
        options.pop(name, None)
    for option in _options_of(config.token_input):
        value = getattr(config, option.field)
        if option.only_if_set and value == option.default:
            continue
        *sections, name = option.path.split(".")
        section: dict[str, Any] = options
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value - NUM_APPENDED_TOKENS if option.field == "vocab_size" else value
    return copy.deepcopy(options)


def _options_of(token_input: str) -> list[Option]:
    return [option for option in OPTIONS if token_input == "characters" or not option.path.startswith("char_cnn.")]
