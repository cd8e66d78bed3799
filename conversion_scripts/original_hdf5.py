# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original files, `options.json` and `weights.hdf5` with the rest -> the parts of a converted model."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.files.model_directory import LEMMAS_NOTE
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer

from . import reference
from .converted_model import ConvertedModel
from .hdf5 import open_hdf5
from .options_json import read_options
from .original_files import OriginalFiles
from .unreadable import check_weights
from .vocab_embedding_hdf5 import read_vocab_embedding
from .vocabulary_file import read_words
from .weights_hdf5 import as_tensor, has_character_projection, read_weights


WORD_EMBEDDING = "word_embedding.weight"


def read_original(files: OriginalFiles, dtype: str = "float32") -> ConvertedModel:
    """Reads original files.

    Args:
        files (`OriginalFiles`): See `OriginalFiles.find` and `download`.
        dtype (`str`): `"float32"`, `"bfloat16"` or `"float16"`.

    Raises:
        `ElmoFormatError`: If a file is not in the expected format.
    """
    config, num_words = read_options(files.options, dtype=dtype, architectures=["ElmoModel"])
    reads_words = config.token_input == "words" or files.token_embeddings is not None
    words: list[str] = []
    notes = [LEMMAS_NOTE] if files.reads_lemmas else []
    if files.vocab is not None:
        # Token embeddings may belong to another vocabulary than the one in the options.
        expected = num_words if files.token_embeddings is None else None
        words, notes_on_words = read_words(
            files.vocab, files.options.name, expected, reads_words, not files.is_vocab_found
        )
        notes += notes_on_words
    elif reads_words:
        raise ElmoFormatError("--vocab is required for a model that reads words")
    kwargs: dict[str, Any] = {}
    if reads_words:
        # Passed as an argument, it is saved with the tokenizer.
        kwargs["model_input_names"] = [name for name in ElmoTokenizer.model_input_names if name != "character_ids"]
    try:
        tokenizer = ElmoTokenizer(vocab=words, max_characters_per_token=config.max_characters_per_token, **kwargs)
    except ValueError as error:
        raise ElmoFormatError(f"{files.vocab}: {error}") from error
    parameters = _read_parameters(files, config, len(words), len(tokenizer))
    if reads_words:
        config.token_input = "words"
        config.character_projection = None
    if files.vocab is None and num_words is not None:
        # Not needed here, but `export` must return it to the original code.
        config.training_options = {**(config.training_options or {}), "n_tokens_vocab": num_words}
    config.vocab_size = len(tokenizer)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(config, name, getattr(tokenizer, name))
    return ConvertedModel(
        description="the original files",
        config=config,
        parameters=parameters,
        tokenizer=tokenizer,
        files=files.all(),
        notes=notes,
        expected_layers=partial(_expected_layers, config, tokenizer, files),
        language=[files.language] if files.language else [],
        addresses=files.addresses,
    )


def _read_parameters(
    files: OriginalFiles, config: ElmoConfig, num_words: int, vocab_size: int
) -> dict[str, torch.Tensor]:
    check_weights(files.weights)
    if config.token_input == "characters" and not config.has_character_projection:
        # bilm-tf makes none where the filters add up to its size. AllenNLP always does.
        config.character_projection = has_character_projection(files.weights) or None
    parameters = read_weights(files.weights, config, num_words, config.dtype)
    if files.token_embeddings is not None:
        parameters = {name: value for name, value in parameters.items() if name.startswith("layers.")}
        embeddings = read_vocab_embedding(files.token_embeddings, num_words, config.projection_size)
        parameters[WORD_EMBEDDING] = as_tensor(embeddings, config.dtype, files.token_embeddings.name)
    elif config.token_input == "characters":
        return parameters
    elif WORD_EMBEDDING not in parameters:
        raise ElmoFormatError(
            f"{files.weights.name}: embedding: missing; pass a file that has it with --token-embeddings"
        )
    # Zeros for `<PAD>` and `<MASK>`, which the tokenizer appends to the vocabulary.
    parameters[WORD_EMBEDDING] = F.pad(parameters[WORD_EMBEDDING], (0, 0, 0, vocab_size - num_words))
    return parameters


def _expected_layers(
    config: ElmoConfig, tokenizer: ElmoTokenizer, files: OriginalFiles, sentence: Sequence[str]
) -> np.ndarray:
    """Returns all layers computed by the equations, `[L + 1, words, 2P]`."""
    options = json.loads(files.options.read_bytes())
    words = ["<S>", *sentence, "</S>"]
    with open_hdf5(files.weights) as file:
        if config.token_input == "characters":
            rows = [reference.character_ids(word, config.max_characters_per_token) for word in words]
            embeddings = reference.token_embeddings(file, options, rows)
        else:
            ids = tokenizer.convert_tokens_to_ids(words)
            with open_hdf5(files.token_embeddings or files.weights) as table:
                embeddings = np.array([table["embedding"][i] for i in ids], dtype=np.float64)
        return reference.bilm_layers(file, options, embeddings)[0]
