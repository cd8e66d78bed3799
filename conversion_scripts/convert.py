# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original files -> a model directory that behaves like any other transformers model."""

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
        token_embeddings (`Path`, *optional*): `vocab_embedding.hdf5`; with it, the converted model reads words.
        addresses (`Mapping[str, str]`): Where files were published, by their names; filled by `download`.
        language (`str`, *optional*): ISO code of the language that the card names by default; filled by `download`.
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
        """Finds the files in `source_dir` that are not given.

        They may have the prefixes that the published files have (`elmo_2x1024_128_2048cnn_1xhighway_options.json`).
        Token embeddings are never looked for: a model that reads characters is usually wanted though they lie beside
        it.

        Raises:
            `ElmoFormatError`: If a file is missing or several could be meant.
        """
        if source_dir is not None and not source_dir.is_dir():
            raise ElmoFormatError(
                f"{source_dir}: expected a directory of original files, found none; the published models that elmo "
                f"convert can fetch are {', '.join(NAMES)}"
            )
        check_given(options, weights, vocab, token_embeddings)
        options = options or _find(source_dir, "--options", "options.json", "*options*.json")
        weights = weights or _find(source_dir, "--weights", "weights.hdf5", "*weights*.hdf5")
        vocab = vocab or _find(source_dir, "--vocab", "vocab.txt", "*vocab*.txt", is_optional=True)
        if options is None or weights is None:
            missing = "--options" if options is None else "--weights"
            raise ElmoFormatError(f"{missing}: required without a SOURCE (elmo convert SOURCE OUT_DIR)")
        return cls(options, weights, vocab, token_embeddings)

    def all(self) -> list[Path]:
        """Returns the files that there are."""
        return [path for path in (self.options, self.weights, self.vocab, self.token_embeddings) if path is not None]


def check_given(
    options: Path | None = None,
    weights: Path | None = None,
    vocab: Path | None = None,
    token_embeddings: Path | None = None,
) -> None:
    """Raises `ElmoFormatError` if what is given is not a file."""
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
        raise ElmoFormatError(f"{source_dir}: holds no {name} (nor {pattern}); name one with {option}")
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
    """Writes a model directory: config, safetensors, tokenizer, the code files for `trust_remote_code`, a model card.

    The model is then compared with the original's equations; the card says how far apart they are.

    Args:
        files (`OriginalFiles`): What to convert.
        out_dir (`Path`): The directory to make. It appears only when it is complete.
        dtype (`str`): `"float32"`, `"bfloat16"` or `"float16"`.
        force (`bool`): Whether an `out_dir` that holds something is replaced.
        progress (`bool`): Whether to show progress bars on a terminal.
        license (`str`, *optional*): The license to name in the card, as the Hub does.
        language (`Sequence[str]`, *optional*): ISO codes of the languages to name in it. By default, that of `files`.

    Raises:
        `ElmoFormatError`: If a file is not what it has to be; nothing is left behind.
    """
    with new_directory(out_dir, force=force, sources=files.all()) as target:
        config, num_words = read_options(files.options, dtype=dtype, architectures=["ElmoModel"])
        words = _read_words(files, config, num_words)
        tokenizer = _make_tokenizer(files, config, words)
        parameters = _read_parameters(files, config, len(words), len(tokenizer), progress)
        if files.token_embeddings is not None:
            config.token_input = "words"
        if files.vocab is None and num_words is not None:
            # Nothing here depends on it, but the original code does: kept for the way back.
            config.training_options = {**(config.training_options or {}), "n_tokens_vocab": num_words}
        config.vocab_size = len(tokenizer)
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            setattr(config, name, getattr(tokenizer, name))
        save_model_directory(target, config, parameters, tokenizer)
        del parameters  # Memory for the measurement.
        differences = measure_parity(target, config, tokenizer, files.options, files.weights, files.token_embeddings)
        if not language and files.language:
            language = [files.language]
        write_model_card(target, config, files.all(), differences, license, language, files.addresses)


def save_model_directory(
    target: Path, config: ElmoConfig, parameters: dict[str, torch.Tensor], tokenizer: ElmoTokenizer
) -> None:
    """Writes everything but the model card; the scalar mixes start as in training."""
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
    # safetensors makes files for their owner alone.
    shutil.copymode(target / "config.json", target / "model.safetensors")


def _reads_words(files: OriginalFiles, config: ElmoConfig) -> bool:
    """Whether the converted model reads words: the options say so, or given token embeddings replace the CNN."""
    return config.token_input == "words" or files.token_embeddings is not None


def _read_words(files: OriginalFiles, config: ElmoConfig, num_words: int | None) -> list[str]:
    """Reads the vocabulary, `num_words` long if the options say so. Without one there are no words."""
    reads_words = _reads_words(files, config)
    if files.vocab is None:
        if reads_words:
            raise ElmoFormatError("--vocab: required for a model that reads words")
        return []
    try:
        words = read_vocabulary(files.vocab)
    except ValueError as error:
        raise ElmoFormatError(str(error)) from error
    # Token embeddings may be those of any vocabulary, not the one of the training that the options tell of.
    if num_words not in (None, len(words)) and files.token_embeddings is None:
        raise ElmoFormatError(
            f"{files.options.name}: n_tokens_vocab is {num_words}, but {files.vocab.name} has {len(words)} words"
        )
    missing = [token for token in list(SPECIAL_TOKENS.values())[:3] if token not in words]
    if reads_words and missing:
        raise ElmoFormatError(f"{files.vocab.name}: a model that reads words needs {', '.join(missing)} in it")
    return words


def _make_tokenizer(files: OriginalFiles, config: ElmoConfig, words: list[str]) -> ElmoTokenizer:
    kwargs: dict[str, Any] = {}
    if _reads_words(files, config):
        names = ElmoTokenizer.model_input_names
        # As an argument, it is saved with the tokenizer.
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
            f"{files.weights.name}: embedding: missing; --token-embeddings may name a file that has it"
        )
    # The tokens that the tokenizer appends to the vocabulary: `<PAD>` and `<MASK>`.
    parameters[name] = F.pad(parameters[name], (0, 0, 0, vocab_size - num_words))
    return parameters
