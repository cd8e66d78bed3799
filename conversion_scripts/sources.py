# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What SOURCE of `elmo convert` is: a directory, an archive or the name of a published model, and of which format."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from modeling_elmo.configuration import NAMES
from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.files.model_directory import LEMMAS, LEMMAS_NOTE

from .allennlp_archive import is_allennlp, read_allennlp
from .archives import is_archive, unpacked
from .converted_model import ConvertedModel
from .download import download
from .many_langs import is_many_langs, read_many_langs
from .original_files import OriginalFiles
from .original_hdf5 import read_original
from .published import fetch_published, find_published
from .tensorflow_checkpoint import find_checkpoint, read_checkpoint
from .unreadable import what_directory_is, what_file_is


HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """The options of `elmo convert` that say what to read, and how."""

    options: Path | None = None
    weights: Path | None = None
    vocab: Path | None = None
    no_vocab: bool = False
    token_embeddings: Path | None = None
    embedder: str | None = None
    language: Sequence[str] = ()
    dtype: str = "float32"
    mirror: str | None = None
    cache_dir: Path | None = None


@contextmanager
def open_source(source: Path | None, given: SourceOptions) -> Iterator[ConvertedModel]:
    """Yields the model that `convert` writes. Files of an archive exist until the block ends.

    Raises:
        `ElmoFormatError`: If the source is nothing that can be converted, or an option does not apply to it.
        `ElmoDownloadError`: If a published model can't be downloaded.
    """
    if given.no_vocab and given.vocab is not None:
        raise ElmoFormatError("--no-vocab and --vocab can't be combined")
    if source is not None and not source.exists():
        if str(source) in NAMES:
            if given.options is not None or given.weights is not None:
                raise ElmoFormatError(f"--options and --weights can't be combined with the published model {source}")
            files = download(str(source), given.mirror, given.cache_dir, given.vocab, given.token_embeddings)
            yield _read_files(files, given)
            return
        published = find_published(source.as_posix())
        if published is not None:
            found = fetch_published(published, given.mirror, given.cache_dir)
            rest = replace(given, mirror=None, cache_dir=None, language=given.language or [published.language])
            with ExitStack() as stack:
                if isinstance(found, OriginalFiles):
                    files = replace(found, vocab=given.vocab or found.vocab, token_embeddings=given.token_embeddings)
                    model = _read_files(files, rest)
                else:
                    model = stack.enter_context(open_source(found, rest))
                if LEMMAS.search(published.description) and LEMMAS_NOTE not in model.notes:
                    model.notes.append(LEMMAS_NOTE)
                yield model
            return
    if given.mirror is not None or given.cache_dir is not None:
        raise ElmoFormatError(
            f"--mirror and --cache-dir: expected the name of a published model as SOURCE, found {source or 'none'}"
        )
    if source is None or source.is_dir():
        yield _read_directory(source, given)
    elif (prefix := find_checkpoint(source)) is not None:
        yield _read_checkpoint(prefix, given)
    elif not source.exists():
        raise ElmoFormatError(f"{source}: {_what_missing(source)}")
    elif _is_hdf5(source):
        # The options are beside it.
        yield _read_directory(source.parent, replace(given, weights=given.weights or source))
    elif what := what_file_is(source):
        raise ElmoFormatError(f"{source}: {what}")
    elif is_archive(source):
        with unpacked(source) as directory:
            try:
                model = _read_directory(directory, given)
            except ElmoFormatError as error:
                # Not the name of the temporary directory, which is gone when the message is read.
                raise ElmoFormatError(str(error).replace(str(directory), source.name)) from error
            # The card names the archive, and the output does not replace it.
            model.files = [source, *(path for path in model.files if not path.is_relative_to(directory))]
            yield model
    else:
        raise ElmoFormatError(f"{source}: not a file of an ELMo; pass the directory or the archive of its files")


def _what_missing(source: Path) -> str:
    if "://" in str(source) or str(source).startswith(("http:", "https:")):
        return "an address; download the files and pass their directory, or their archive"
    return (
        "no such file or directory: expected a directory of original files, an archive, or the name of a published "
        "model (elmo convert --list prints them)"
    )


def _is_hdf5(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(HDF5_MAGIC)) == HDF5_MAGIC


def _read_directory(directory: Path | None, given: SourceOptions) -> ConvertedModel:
    if directory is not None and is_allennlp(directory):
        return read_allennlp(directory, given.dtype, given.options, given.weights, given.embedder, given.language)
    if directory is not None and is_many_langs(directory):
        if given.weights is not None or given.vocab is not None or given.token_embeddings is not None:
            raise ElmoFormatError(f"{directory}: a model of ELMoForManyLangs; of the options for files, use --options")
        return read_many_langs(directory, given.dtype, given.options, given.language)
    if directory is not None and given.weights is None and (prefix := find_checkpoint(directory)) is not None:
        return _read_checkpoint(prefix, given)
    has_options = directory is None or given.options is not None or any(directory.glob("*options*.json"))
    if directory is not None and not has_options and (what := what_directory_is(directory)) is not None:
        raise ElmoFormatError(f"{directory}: {what}")
    files = OriginalFiles.find(
        directory, given.options, given.weights, given.vocab, given.token_embeddings, given.no_vocab
    )
    return _read_files(files, given)


def _read_checkpoint(prefix: Path, given: SourceOptions) -> ConvertedModel:
    if given.weights is not None or given.token_embeddings is not None:
        raise ElmoFormatError(f"{prefix}: a TensorFlow checkpoint; of the options for files, use --options and --vocab")
    return read_checkpoint(prefix, given.dtype, given.options, given.vocab, given.no_vocab, given.language)


def _read_files(files: OriginalFiles, given: SourceOptions) -> ConvertedModel:
    model = read_original(replace(files, vocab=None) if given.no_vocab else files, given.dtype)
    model.language = list(given.language) or model.language
    return model
