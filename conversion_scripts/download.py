# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The published originals by name: their files from the addresses in `configuration/`, or from a mirror of these."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import h5py
from huggingface_hub import constants

from modeling_elmo import configuration
from modeling_elmo.files.errors import ElmoDownloadError, ElmoFormatError
from modeling_elmo.model.tokenization_elmo import SPECIAL_TOKENS, read_vocabulary

from .cached_file import fetch
from .convert import OriginalFiles, check_given
from .options_json import read_options
from .weights_hdf5 import weight_table


# What every official address begins with, and the address of a mirror takes the place of.
OFFICIAL = "https://s3-us-west-2.amazonaws.com/allennlp/models/elmo"

# Far more than any published file has (the largest: 375 MB), and little enough for any disk.
MAX_BYTES = {"options": 1_000_000, "vocabulary": 100_000_000, "weights": 1_000_000_000}


def download(
    name: str,
    mirror: str | None = None,
    cache_dir: Path | None = None,
    vocab: Path | None = None,
    token_embeddings: Path | None = None,
    progress: bool = False,
) -> OriginalFiles:
    """Fetches the original files of a published model into a cache, for `convert`.

    Files that are there are only asked for changes, and not even that where `HF_HUB_OFFLINE` is set.

    Args:
        name (`str`): One of `modeling_elmo.configuration.NAMES`.
        mirror (`str`, *optional*): What takes the place of `OFFICIAL` in the addresses; the official ones are not
            asked then.
        cache_dir (`Path`, *optional*): The cache: by default the directory `elmo` in that of Hugging Face (`HF_HOME`).
        vocab (`Path`, *optional*): A vocabulary file to take instead of the published one.
        token_embeddings (`Path`, *optional*): See `OriginalFiles`.
        progress (`bool`): Whether to show progress bars on a terminal.

    Raises:
        `ValueError`: If there is no such model, `mirror` is no address, or a given file is not there.
        `ElmoDownloadError`: If no address gives a file; it says what each of them did.
        `OSError`: If the cache can't be written.
    """
    source = json.loads((configuration.directory(name) / "source.json").read_text(encoding="utf-8"))
    if mirror is not None:
        _check_mirror(mirror)
    check_given(vocab=vocab, token_embeddings=token_embeddings)
    cache_dir = cache_dir or Path(constants.HF_HOME) / "elmo"
    addresses: dict[str, str] = {}

    def get(kind: str, check: Callable[[Path], None]) -> Path:
        failures = []
        for official in source[kind]:
            address = official if mirror is None else mirror.rstrip("/") + official.removeprefix(OFFICIAL)
            try:
                path = fetch(address, cache_dir, MAX_BYTES[kind], check, progress)
            except ElmoDownloadError as error:
                failures.append(f"{address}: {error}")
            else:
                addresses[path.name] = official
                return path
        raise ElmoDownloadError(f"{name}: its {kind} can't be fetched: {'; '.join(failures)}")

    options = get("options", _check_options)
    if vocab is None and "vocabulary" in source:
        vocab = get("vocabulary", _check_vocabulary)
    weights = get("weights", partial(_check_weights, options))
    return OriginalFiles(options, weights, vocab, token_embeddings, addresses, source["language"])


def _check_mirror(mirror: str) -> None:
    try:
        parts = urlsplit(mirror)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or not mirror.isascii() or not mirror.isprintable():
        raise ValueError(
            f"mirror: expected an address that begins with https:// or http://, found {mirror!r}; files of this "
            "machine are converted by the name of their directory"
        )
    # A query can't go before the names of files; and cached addresses are for all to read.
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(f"mirror: expected neither a query nor a user in the address of {parts.hostname}, found one")


def _check_options(path: Path) -> None:
    read_options(path)


def _check_vocabulary(path: Path) -> None:
    try:
        words = read_vocabulary(path)
    except ValueError as error:
        raise ElmoFormatError(str(error)) from error
    missing = [token for token in list(SPECIAL_TOKENS.values())[:3] if token not in words]
    if missing:
        raise ElmoFormatError(f"{path.name}: expected a vocabulary with {', '.join(missing)}, found none")


def _check_weights(options: Path, path: Path) -> None:
    config, _ = read_options(options)
    # The numbers alone; HDF5 adds some 30 KB. A whole file with wrong numbers is for `read_weights` to refuse.
    expected = sum(4 * math.prod(dataset.shape) for dataset in weight_table(config))
    if path.stat().st_size < expected:
        raise ElmoFormatError(f"{path.name}: expected at least {expected:,} bytes, found {path.stat().st_size:,}")
    if not h5py.is_hdf5(path):
        raise ElmoFormatError(f"{path.name}: not an HDF5 file")
