# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original files -> a model directory for transformers, checked against the original equations."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from modeling_elmo.configuration import NAMES
from modeling_elmo.files.atomic import new_directory
from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.model.bilm import ElmoModel
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.tokenization_elmo import SPECIAL_TOKENS, ElmoTokenizer, read_vocabulary

from .conversion_card import write_model_card
from .options_json import read_options
from .parity import measure_parity
from .vocab_embedding_hdf5 import read_vocab_embedding
from .weights_hdf5 import as_tensor, read_weights


@dataclass(frozen=True)
class OriginalFiles:
    """The files of an original model.

    Attributes:
        options (`Path`): `options.json`.
        weights (`Path`): `weights.hdf5`.
        vocab (`Path`, *optional*): `vocab.txt`, one word a line.
        token_embeddings (`Path`, *optional*): `vocab_embedding.hdf5`. With it, the converted model reads words.
        addresses (`Mapping[str, str]`): URLs of published files by their names. Set by `download`.
        language (`str`, *optional*): ISO code of the card's default language. Set by `download`.
    """

    options: Path
    weights: Path
    vocab: Path | None = None
    token_embeddings: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None

    @classmethod
    def find(
        cls,
        source_dir: Path | None = None,
        options: Path | None = None,
        weights: Path | None = None,
        vocab: Path | None = None,
        token_embeddings: Path | None = None,
    ) -> "OriginalFiles":
        """Finds in `source_dir` the files that are not given.

        Names may have prefixes, like those of the published files (`elmo_2x1024_128_2048cnn_1xhighway_options.json`).
        Token embeddings must be given: most users want a model that reads characters even if the directory has them.

        Raises:
            `ElmoFormatError`: If a file is missing, or several files match.
        """
        if source_dir is not None and not source_dir.is_dir():
            raise ElmoFormatError(
                f"{source_dir}: expected a directory of original files or the name of a published model "
                f"({', '.join(NAMES)})"
            )
        check_given(options, weights, vocab, token_embeddings)
        options = options or _find(source_dir, "--options", "options.json", "*options*.json")
        weights = weights or _find(source_dir, "--weights", "weights.hdf5", "*weights*.hdf5")
        vocab = vocab or _find(source_dir, "--vocab", "vocab.txt", "*vocab*.txt", is_optional=True)
        if options is None or weights is None:
            missing = "--options" if options is None else "--weights"
            raise ElmoFormatError(f"{missing} is required without a SOURCE (elmo convert SOURCE OUT_DIR)")
        return cls(options, weights, vocab, token_embeddings)

    def all(self) -> list[Path]:
        """Returns all files that are present."""
        return [path for path in (self.options, self.weights, self.vocab, self.token_embeddings) if path is not None]


def check_given(
    options: Path | None = None,
    weights: Path | None = None,
    vocab: Path | None = None,
    token_embeddings: Path | None = None,
) -> None:
    """Raises `ElmoFormatError` if a given path is not a file."""
    given = {"--options": options, "--weights": weights, "--vocab": vocab, "--token-embeddings": token_embeddings}
    for option, path in given.items():
        if path is not None and not path.is_file():
            raise ElmoFormatError(f"{option}: {path} is not a file")


def _find(source_dir: Path | None, option: str, name: str, pattern: str, is_optional: bool = False) -> Path | None:
    if source_dir is None:
        return None
    if (source_dir / name).is_file():
        return source_dir / name
    candidates = sorted(path for path in source_dir.glob(pattern) if path.is_file())
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise ElmoFormatError(f"{source_dir}: expected one {pattern}, found {names}; choose one with {option}")
    if not candidates and not is_optional:
        raise ElmoFormatError(f"{source_dir}: contains no {name} (nor {pattern}); pass one with {option}")
    return candidates[0] if candidates else None


def convert(
    files: OriginalFiles,
    out_dir: Path,
    dtype: str = "float32",
    force: bool = False,
    progress: bool = False,
    license: str | None = None,
    language: Sequence[str] | None = None,
) -> None:
    """Writes a model directory: config, safetensors, tokenizer, code files for `trust_remote_code` and model card.

    The model is compared with the original equations, and the card lists the differences.

    Args:
        files (`OriginalFiles`): What to convert.
        out_dir (`Path`): The directory to make. It appears only once it is complete.
        dtype (`str`): `"float32"`, `"bfloat16"` or `"float16"`.
        force (`bool`): Whether to replace an `out_dir` that is not empty.
        progress (`bool`): Whether to show progress bars on a terminal.
        license (`str`, *optional*): The license for the card, by its name on the Hub.
        language (`Sequence[str]`, *optional*): ISO codes of the languages for the card. Defaults to that of `files`.

    Raises:
        `ElmoFormatError`: If a file is not in the expected format. Nothing is left behind.
    """
    with new_directory(out_dir, force=force, sources=files.all()) as target:
        config, num_words = read_options(files.options, dtype=dtype, architectures=["ElmoModel"])
        words = _read_words(files, config, num_words)
        tokenizer = _make_tokenizer(files, config, words)
        parameters = _read_parameters(files, config, len(words), len(tokenizer), progress)
        if files.token_embeddings is not None:
            config.token_input = "words"
        if files.vocab is None and num_words is not None:
            # Not needed here, but `export` must return it to the original code.
            config.training_options = {**(config.training_options or {}), "n_tokens_vocab": num_words}
        config.vocab_size = len(tokenizer)
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            setattr(config, name, getattr(tokenizer, name))
        save_model_directory(target, config, parameters, tokenizer)
        del parameters  # Frees memory for the measurement.
        differences = measure_parity(target, config, tokenizer, files.options, files.weights, files.token_embeddings)
        if not language and files.language:
            language = [files.language]
        write_model_card(target, config, files.all(), differences, license, language, files.addresses)


def save_model_directory(
    target: Path, config: ElmoConfig, parameters: dict[str, torch.Tensor], tokenizer: ElmoTokenizer
) -> None:
    """Writes everything except the model card. The scalar mixes are initialised as for training."""
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in ElmoModel(config).state_dict().items()}
    dtype = next(iter(parameters.values())).dtype
    for name, shape in expected.items():
        if name.startswith("scalar_mixes."):
            parameters[name] = torch.full(shape, 1.0 if name.endswith("gamma") else 0.0, dtype=dtype)
    assert {name: tuple(value.shape) for name, value in parameters.items()} == expected
    config.save_pretrained(target)
    tokenizer.save_pretrained(target)
    save_file(parameters, target / "model.safetensors", metadata={"format": "pt"})
    # safetensors makes files that only their owner can read.
    shutil.copymode(target / "config.json", target / "model.safetensors")


def _reads_words(files: OriginalFiles, config: ElmoConfig) -> bool:
    """Returns whether the converted model reads words, by its options or because token embeddings replace the CNN."""
    return config.token_input == "words" or files.token_embeddings is not None


def _read_words(files: OriginalFiles, config: ElmoConfig, num_words: int | None) -> list[str]:
    """Reads the vocabulary and checks its length, if the options give it. Without a file, returns no words."""
    reads_words = _reads_words(files, config)
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


def _make_tokenizer(files: OriginalFiles, config: ElmoConfig, words: list[str]) -> ElmoTokenizer:
    kwargs: dict[str, Any] = {}
    if _reads_words(files, config):
        names = ElmoTokenizer.model_input_names
        # Passed as an argument, it is saved with the tokenizer.
        kwargs["model_input_names"] = [name for name in names if name != "character_ids"]
    try:
        return ElmoTokenizer(vocab=words, max_characters_per_token=config.max_characters_per_token, **kwargs)
    except ValueError as error:
        raise ElmoFormatError(f"{files.vocab}: {error}") from error


def _read_parameters(
    files: OriginalFiles, config: ElmoConfig, num_words: int, vocab_size: int, progress: bool
) -> dict[str, torch.Tensor]:
    name = "word_embedding.weight"
    parameters = read_weights(files.weights, config, num_words, config.dtype, progress)
    if files.token_embeddings is not None:
        parameters = {key: value for key, value in parameters.items() if key.startswith("layers.")}
        embeddings = read_vocab_embedding(files.token_embeddings, num_words, config.projection_size)
        parameters[name] = as_tensor(embeddings, config.dtype, files.token_embeddings.name)
    elif config.token_input == "characters":
        return parameters
    elif name not in parameters:
        raise ElmoFormatError(
            f"{files.weights.name}: embedding: missing; pass a file that has it with --token-embeddings"
        )
    # Zeros for `<PAD>` and `<MASK>`, which the tokenizer appends to the vocabulary.
    parameters[name] = F.pad(parameters[name], (0, 0, 0, vocab_size - num_words))
    return parameters
