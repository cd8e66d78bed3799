# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`options.json`: the architecture, and after training also the training options. See `ElmoConfig.from_options`."""

import json
import re
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError

from modeling_elmo.files.errors import ElmoFormatError, one_line
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.loading_checks import nests_deeper


# The published files have under 1 KB and nest 4 deep; a file of gigabytes under this name is a mistake, and one that
# nests a thousand deep can't be copied into a config.
MAX_BYTES = 10_000_000
MAX_NESTING = 20

# What the config calls an option: its own errors name these.
OPTION_NAMES = {
    "cell_size": "lstm.dim",
    "projection_size": "lstm.projection_dim",
    "num_hidden_layers": "lstm.n_layers",
    "cell_clip": "lstm.cell_clip",
    "projection_clip": "lstm.proj_clip",
    "character_embedding_size": "char_cnn.embedding.dim",
    "character_filters": "char_cnn.filters",
    "num_highway_layers": "char_cnn.n_highway",
    "max_characters_per_token": "char_cnn.max_characters_per_token",
    "lstm_dropout": "dropout",
}


def read_options(path: Path, **kwargs: Any) -> tuple[ElmoConfig, int | None]:
    """Reads a model's `options.json`.

    Args:
        path (`Path`): The file.
        kwargs: Fields of the config that are to differ from the file.

    Returns:
        `ElmoConfig` and, where the file tells it, the number of words of the vocabulary (`n_tokens_vocab`).

    Raises:
        `ElmoFormatError`: If the file is not JSON, or its contents are no ELMo architecture.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ElmoFormatError(f"{path.name}: expected at most {MAX_BYTES} bytes, found {path.stat().st_size}")
    try:
        options = json.loads(path.read_bytes())
        # Python reads NaN, Infinity and 1e999, which no JSON file holds and the config's could not keep.
        json.dumps(options, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise ElmoFormatError(f"{path.name}: not a JSON file: {one_line(error)}") from error
    if nests_deeper(options, MAX_NESTING):
        raise ElmoFormatError(f"{path.name}: expected lists and objects at most {MAX_NESTING} deep, found more")
    try:
        config = ElmoConfig.from_options(options, **kwargs)
    except StrictDataclassError as error:
        reason = re.sub(r"\w+", lambda word: OPTION_NAMES.get(word[0], word[0]), one_line(error))
        raise ElmoFormatError(f"{path.name}: {reason}") from error
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {one_line(error)}") from error
    return config, options.get("n_tokens_vocab")


def write_options(path: Path, config: ElmoConfig, num_words: int | None) -> None:
    """Writes `options.json` for inference with the original code.

    Args:
        path (`Path`): The file to write.
        config (`ElmoConfig`): The model's config.
        num_words (`int`, *optional*): Number of words of the vocabulary file that goes with it, if there is one.

    Raises:
        `ElmoFormatError`: If the original code has no option for what the config says.
    """
    try:
        options = config.to_options()
        if num_words is not None:
            options["n_tokens_vocab"] = num_words
        text = json.dumps(options, indent=2, allow_nan=False)
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {one_line(error)}") from error
    path.write_text(text + "\n", encoding="utf-8")
