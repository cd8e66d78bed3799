# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which files make up an original model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.model.loading_checks import read_json_object


# The usual names, and those that contain them. `model.hdf5` is that of the NLPL repository.
OPTIONS = ("options.json", "*options*.json")
WEIGHTS = ("weights.hdf5", "*weights*.hdf5", "model.hdf5", "*.hdf5", "*.h5")
VOCABULARY = ("vocab.txt", "*vocab*.txt", "vocab.txt.gz", "*vocab*.txt.gz")
SUFFIXES = {"options": ".json", "weights": ".hdf5"}

# Never weights.
OTHERS = ("vocab_embedding.hdf5",)

MAX_META_BYTES = 1_000_000


@dataclass(frozen=True)
class OriginalFiles:
    """The files of an original model. `addresses` and `language` are set by `download`."""

    options: Path  # `options.json`
    weights: Path  # `weights.hdf5`
    vocab: Path | None = None  # `vocab.txt`, one word a line
    token_embeddings: Path | None = None  # `vocab_embedding.hdf5`. With it, the converted model reads words.
    addresses: Mapping[str, str] = field(default_factory=dict)  # URLs of published files by their names
    language: str | None = None  # ISO code of the card's default language
    reads_lemmas: bool = field(default=False, compare=False)  # Its description says so.
    is_vocab_found: bool = field(default=False, compare=False)  # `find` found the vocabulary; nobody named it.

    @classmethod
    def find(
        cls,
        source_dir: Path | None = None,
        options: Path | None = None,
        weights: Path | None = None,
        vocab: Path | None = None,
        token_embeddings: Path | None = None,
        no_vocab: bool = False,
    ) -> "OriginalFiles":
        """Finds in `source_dir` the files that are not given.

        Names may have prefixes, like those of the published files (`elmo_2x1024_128_2048cnn_1xhighway_options.json`).
        Where several match, the one with the prefix of the given file is taken. `no_vocab` leaves the vocabulary out.
        Token embeddings must be given: most users want a model that reads characters even if the directory has them.

        Raises:
            `ElmoFormatError`: If a file is missing, or several files match.
        """
        check_given(options=options, weights=weights, vocab=vocab, token_embeddings=token_embeddings)
        corpora: list[Mapping[str, Any]] = []
        is_vocab_found = False
        if source_dir is not None:
            if not source_dir.is_dir():
                raise ElmoFormatError(
                    f"{source_dir}: expected a directory of original files or the name of a published model "
                    "(elmo convert --list prints them)"
                )
            options = options or _find(source_dir, "--options", OPTIONS, _beside(weights, "weights", "options"))
            weights = weights or _find(source_dir, "--weights", WEIGHTS, _beside(options, "options", "weights"))
            if vocab is None and not no_vocab:
                vocab = _find(source_dir, "--vocab", VOCABULARY, is_optional=True)
                is_vocab_found = vocab is not None
            corpora = _corpora(source_dir / "meta.json")
        if options is None or weights is None:
            missing = "--options" if options is None else "--weights"
            raise ElmoFormatError(f"{missing} is required without a SOURCE (elmo convert SOURCE OUT_DIR)")
        reads_lemmas = any(corpus.get("lemmatized") is True for corpus in corpora)
        return cls(options, weights, vocab, token_embeddings, {}, _language(corpora), reads_lemmas, is_vocab_found)

    def all(self) -> list[Path]:
        """Returns all files that are present."""
        return [path for path in (self.options, self.weights, self.vocab, self.token_embeddings) if path is not None]


def check_given(**paths: Path | None) -> None:
    """Raises `ElmoFormatError` if the path given for an option is not a file."""
    for name, path in paths.items():
        if path is not None and not path.is_file():
            raise ElmoFormatError(f"--{name.replace('_', '-')}: {path} is not a file")


def _find(
    source_dir: Path, option: str, patterns: Sequence[str], beside: str | None = None, is_optional: bool = False
) -> Path | None:
    """Finds a file by the first pattern that matches any, or by the name that belongs to a given file."""
    if beside is not None and (source_dir / beside).is_file():
        return source_dir / beside
    for pattern in patterns:
        candidates = sorted(path for path in source_dir.glob(pattern) if path.is_file() and path.name not in OTHERS)
        if len(candidates) > 1:
            names = ", ".join(path.name for path in candidates)
            raise ElmoFormatError(f"{source_dir}: expected one {pattern}, found {names}; choose one with {option}")
        if candidates:
            return candidates[0]
    if not is_optional:
        nor = " or ".join(patterns[1:3])
        raise ElmoFormatError(f"{source_dir}: contains no {patterns[0]} (nor {nor}); pass one with {option}")
    return None


def _beside(path: Path | None, part: str, other: str) -> str | None:
    """The name that belongs to a given one: `x_weights.hdf5` to `x_options.json`."""
    if path is None or part not in path.name:
        return None
    return path.with_suffix(SUFFIXES[other]).name.replace(part, other)


def _corpora(meta: Path) -> list[Mapping[str, Any]]:
    """Returns what NLPL's `meta.json` says of the training text. All of its fields may be missing."""
    if not meta.is_file():
        return []
    try:
        corpora = read_json_object(meta, MAX_META_BYTES).get("corpus")
    except ValueError:
        return []
    return [corpus for corpus in (corpora if isinstance(corpora, list) else [corpora]) if isinstance(corpus, dict)]


def _language(corpora: Sequence[Mapping[str, Any]]) -> str | None:
    for corpus in corpora:
        code = corpus.get("language")
        if isinstance(code, str) and re.fullmatch("[a-z]{2,3}", code):
            return code
    return None
