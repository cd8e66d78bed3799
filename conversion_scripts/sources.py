# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What SOURCE of `elmo convert` is: a directory, an archive or the name of a published model, and of which format."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from modeling_elmo.configuration import NAMES
from modeling_elmo.files.errors import ElmoFormatError

from .allennlp_archive import is_allennlp, read_allennlp
from .archives import is_archive, unpacked
from .converted_model import ConvertedModel
from .download import download
from .many_langs import is_many_langs, read_many_langs
from .original_files import OriginalFiles
from .published import fetch_published, find_published
from .tensorflow_checkpoint import find_checkpoint, read_checkpoint


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """The options of `elmo convert` that say what to read, and how."""

    options: Path | None = None
    weights: Path | None = None
    vocab: Path | None = None
    token_embeddings: Path | None = None
    embedder: str | None = None
    language: Sequence[str] = ()
    dtype: str = "float32"
    mirror: str | None = None
    cache_dir: Path | None = None


@contextmanager
def open_source(source: Path | None, given: SourceOptions) -> Iterator[OriginalFiles | ConvertedModel]:
    """Yields what `convert` converts. Files of an archive exist until the block ends.

    Raises:
        `ElmoFormatError`: If the source is nothing that can be converted, or an option does not apply to it.
        `ElmoDownloadError`: If a published model can't be downloaded.
    """
    if source is not None and not source.exists():
        if str(source) in NAMES:
            if given.options is not None or given.weights is not None:
                raise ElmoFormatError(f"--options and --weights can't be combined with the published model {source}")
            yield download(str(source), given.mirror, given.cache_dir, given.vocab, given.token_embeddings)
            return
        published = find_published(source.as_posix())
        if published is not None:
            found = fetch_published(published, given.mirror, given.cache_dir)
            language = given.language or [published.language]
            rest = replace(given, mirror=None, cache_dir=None, language=language)
            if isinstance(found, OriginalFiles):
                yield replace(found, vocab=given.vocab or found.vocab, token_embeddings=given.token_embeddings)
            else:
                with open_source(found, rest) as model:
                    yield model
            return
    if given.mirror is not None or given.cache_dir is not None:
        raise ElmoFormatError(
            f"--mirror and --cache-dir: expected the name of a published model as SOURCE, found {source or 'none'}"
        )
    if source is not None and not source.is_dir() and (prefix := find_checkpoint(source)) is not None:
        yield _read_checkpoint(prefix, given)
        return
    if source is not None and source.is_file() and is_archive(source):
        with unpacked(source) as directory:
            try:
                model = _read_directory(directory, given)
            except ElmoFormatError as error:
                # Not the name of the temporary directory.
                raise ElmoFormatError(str(error).replace(str(directory), source.name)) from error
            if isinstance(model, ConvertedModel):
                # The card names the archive, and the output does not replace it.
                model.files = [source, *(path for path in model.files if not path.is_relative_to(directory))]
            yield model
        return
    yield _read_directory(source, given)


def _read_directory(directory: Path | None, given: SourceOptions) -> OriginalFiles | ConvertedModel:
    if directory is not None and directory.is_dir() and is_allennlp(directory):
        return read_allennlp(directory, given.dtype, given.options, given.weights, given.embedder, given.language)
    if directory is not None and directory.is_dir() and is_many_langs(directory):
        if given.weights is not None or given.vocab is not None or given.token_embeddings is not None:
            raise ElmoFormatError(f"{directory}: a model of ELMoForManyLangs; of the options for files, use --options")
        return read_many_langs(directory, given.dtype, given.options, given.language)
    if directory is not None and given.weights is None and (prefix := find_checkpoint(directory)) is not None:
        return _read_checkpoint(prefix, given)
    return OriginalFiles.find(directory, given.options, given.weights, given.vocab, given.token_embeddings)


def _read_checkpoint(prefix: Path, given: SourceOptions) -> ConvertedModel:
    if given.weights is not None or given.token_embeddings is not None:
        raise ElmoFormatError(f"{prefix}: a TensorFlow checkpoint; of the options for files, use --options and --vocab")
    return read_checkpoint(prefix, given.dtype, given.options, given.vocab, language=given.language)
