# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original files -> a model directory for transformers, checked against the original equations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from modeling_elmo.configuration import NAMES
from modeling_elmo.files.atomic import new_directory
from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.model.bilm import ElmoModel
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.language_model import ElmoForPreTraining
from modeling_elmo.model.tokenization_elmo import SPECIAL_TOKENS, ElmoTokenizer, read_vocabulary

from .conversion_card import conversion_card
from .converted_model import ConvertedModel, StoredTensor
from .download import download
from .options_json import read_options
from .original_files import OriginalFiles
from .parity import measure_parity
from .safetensors_writer import write_safetensors
from .vocab_embedding_hdf5 import read_vocab_embedding
from .weights_hdf5 import as_tensor, read_weights


WORD_EMBEDDING = "word_embedding.weight"


def locate(
    source: Path | None = None,
    options: Path | None = None,
    weights: Path | None = None,
    vocab: Path | None = None,
    token_embeddings: Path | None = None,
    mirror: str | None = None,
    cache_dir: Path | None = None,
) -> OriginalFiles:
    """Finds the files that the arguments of `elmo convert` mean: in a directory, one by one, or to download.

    `source` is a directory, or else the name of a published model. See `OriginalFiles.find` and `download`.

    Raises:
        `ElmoFormatError`: If files are missing, or an argument does not apply to this kind of source.
        `ElmoDownloadError`: See `download`.
    """
    if source is None or source.is_dir() or str(source) not in NAMES:
        if mirror is not None or cache_dir is not None:
            raise ElmoFormatError(
                f"--mirror and --cache-dir: expected one of {', '.join(NAMES)} as SOURCE, found {source or 'none'}"
            )
        return OriginalFiles.find(source, options, weights, vocab, token_embeddings)
    if options is not None or weights is not None:
        raise ElmoFormatError(f"--options and --weights can't be combined with the published model {source}")
    return download(str(source), mirror, cache_dir, vocab, token_embeddings)


def convert(
    source: OriginalFiles | ConvertedModel,
    out_dir: Path,
    dtype: str = "float32",
    force: bool = False,
    license: str | None = None,
    language: Sequence[str] | None = None,
) -> None:
    """Writes a model directory: config, safetensors, tokenizer, code files for `trust_remote_code` and model card.

    The model is compared with the original equations, and the card lists the differences.

    Args:
        source (`OriginalFiles` or `ConvertedModel`): What to convert, see `open_source`.
        out_dir (`Path`): The directory to make. It appears only once it is complete.
        dtype (`str`): `"float32"`, `"bfloat16"` or `"float16"`, for `OriginalFiles`.
        force (`bool`): Whether to replace an `out_dir` that is not empty.
        license (`str`, *optional*): The license for the card, by its name on the Hub.
        language (`Sequence[str]`, *optional*): ISO codes of the languages for the card. Defaults to that of `source`.

    Raises:
        `ElmoFormatError`: If a file is not in the expected format. Nothing is left behind.
    """
    files = source.files if isinstance(source, ConvertedModel) else source.all()
    with new_directory(out_dir, force=force, sources=files) as target:
        if isinstance(source, ConvertedModel):
            config, parameters, tokenizer = source.config, source.parameters, source.tokenizer
        else:
            config, parameters, tokenizer = _read(source, dtype)
        save_model_directory(target, config, parameters, tokenizer)
        # Frees memory for the measurement.
        del parameters
        if isinstance(source, ConvertedModel):
            source.parameters = {}
        differences = measure_parity(target, tokenizer, source)
        card = conversion_card(config, source, differences, license, language)
        (target / "README.md").write_text(card, encoding="utf-8")


def save_model_directory(
    target: Path,
    config: ElmoConfig,
    parameters: Mapping[str, torch.Tensor | StoredTensor],
    tokenizer: ElmoTokenizer,
) -> None:
    """Writes everything except the model card. Scalar mixes that the source lacks are initialised for training."""
    parameters = dict(parameters)
    is_language_model = config.architectures == ["ElmoForPreTraining"]
    with torch.device("meta"):
        model = ElmoForPreTraining(config) if is_language_model else ElmoModel(config)
    # Of weights that are shared, the file has one copy.
    names = model.state_dict().keys() - model.all_tied_weights_keys
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items() if name in names}
    dtype = next(iter(parameters.values())).dtype
    for name, shape in expected.items():
        if "scalar_mixes." in name and name not in parameters:
            parameters[name] = torch.full(shape, 1.0 if name.endswith("gamma") else 0.0, dtype=dtype)
    assert {name: tuple(value.shape) for name, value in parameters.items()} == expected
    config.save_pretrained(target)
    tokenizer.save_pretrained(target)
    write_safetensors(target / "model.safetensors", parameters)


def _read(files: OriginalFiles, dtype: str) -> tuple[ElmoConfig, dict[str, torch.Tensor], ElmoTokenizer]:
    config, num_words = read_options(files.options, dtype=dtype, architectures=["ElmoModel"])
    reads_words = config.token_input == "words" or files.token_embeddings is not None
    words = _read_words(files, num_words, reads_words)
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
    if files.vocab is None and num_words is not None:
        # Not needed here, but `export` must return it to the original code.
        config.training_options = {**(config.training_options or {}), "n_tokens_vocab": num_words}
    config.vocab_size = len(tokenizer)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(config, name, getattr(tokenizer, name))
    return config, parameters, tokenizer


def _read_words(files: OriginalFiles, num_words: int | None, reads_words: bool) -> list[str]:
    """Reads the vocabulary and checks its length, if the options give it. Without a file, returns no words."""
    if files.vocab is None:
        if reads_words:
            raise ElmoFormatError("--vocab is required for a model that reads words")
        return []
    try:
        words = read_vocabulary(files.vocab)
    except ValueError as error:
        raise ElmoFormatError(str(error)) from error
    # Token embeddings may belong to another vocabulary than the one in the options.
    if num_words not in (None, len(words)) and files.token_embeddings is None:
        raise ElmoFormatError(
            f"{files.options.name}: n_tokens_vocab is {num_words}, but {files.vocab.name} has {len(words)} words"
        )
    missing = [token for token in list(SPECIAL_TOKENS.values())[:3] if token not in words]
    if reads_words and missing:
        raise ElmoFormatError(
            f"{files.vocab.name}: a model that reads words needs {', '.join(missing)} in the vocabulary"
        )
    return words


def _read_parameters(
    files: OriginalFiles, config: ElmoConfig, num_words: int, vocab_size: int
) -> dict[str, torch.Tensor]:
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
