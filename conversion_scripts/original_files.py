# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which files make up an original model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modeling_elmo.configuration import NAMES
from modeling_elmo.files.errors import ElmoFormatError


@dataclass(frozen=True)
class OriginalFiles:
    """The files of an original model. The last two fields are set by `download`."""

    options: Path  # `options.json`
    weights: Path  # `weights.hdf5`
    vocab: Path | None = None  # `vocab.txt`, one word a line
    token_embeddings: Path | None = None  # `vocab_embedding.hdf5`. With it, the converted model reads words.
    addresses: Mapping[str, str] = field(default_factory=dict)  # URLs of published files by their names
    language: str | None = None  # ISO code of the card's default language

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
        check_given(options=options, weights=weights, vocab=vocab, token_embeddings=token_embeddings)
        if source_dir is not None:
            if not source_dir.is_dir():
                raise ElmoFormatError(
                    f"{source_dir}: expected a directory of original files or the name of a published model "
                    f"({', '.join(NAMES)})"
                )
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


def check_given(**paths: Path | None) -> None:
    """Raises `ElmoFormatError` if the path given for an option is not a file."""
    for name, path in paths.items():
        if path is not None and not path.is_file():
            raise ElmoFormatError(f"--{name.replace('_', '-')}: {path} is not a file")


def _find(source_dir: Path, option: str, name: str, pattern: str, is_optional: bool = False) -> Path | None:
    if (source_dir / name).is_file():
        return source_dir / name
    candidates = sorted(path for path in source_dir.glob(pattern) if path.is_file())
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise ElmoFormatError(f"{source_dir}: expected one {pattern}, found {names}; choose one with {option}")
    if not candidates and not is_optional:
        raise ElmoFormatError(f"{source_dir}: contains no {name} (nor {pattern}); pass one with {option}")
    return candidates[0] if candidates else None
