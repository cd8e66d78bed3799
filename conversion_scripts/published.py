# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The name of a model in a published collection, such as `manylangs/de` or `nlpl/196` -> its files, in the cache.

`configuration/published.json` lists the models: names, languages, licenses where they are known, and addresses, by the
kinds of files that `download` knows. Addresses of one kind are tried one after another, except for the last two:

| Kind | |
| --- | --- |
| `options`, `weights`, `vocabulary` | original files |
| `archive` | a zip or tar file |
| `parts` | pieces of one tar file, in their order |
| `checkpoint_files` | files of a TensorFlow checkpoint, which belong in one directory |
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock
from requests import RequestException

from modeling_elmo import configuration
from modeling_elmo.files.atomic import new_file
from modeling_elmo.files.errors import ElmoDownloadError, ElmoFormatError, one_line

from .download import check_mirror, default_cache, fetch, fetch_first, folder_of, mirrored
from .original_files import OriginalFiles


KINDS = ("options", "weights", "vocabulary", "archive", "parts", "checkpoint_files")


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A row of the table.

    Attributes:
        name (`str`): Of its collection and in it, such as `"nlpl/196"`.
        language (`str`): ISO code.
        description (`str`): What it is.
        also (`str`, *optional*): Another name.
        license (`str`, *optional*): The Hub's name of the license, if it is known.
        page (`str`, *optional*): Where its files can be found by hand.
        files (`Mapping[str, list[str]]`): Addresses by kind; none if they are not known.
    """

    name: str
    language: str
    description: str
    also: str | None = None
    license: str | None = None
    page: str | None = None
    files: Mapping[str, list[str]] = field(default_factory=dict)


def published_models() -> list[PublishedModel]:
    """Returns all published models: those with a folder in `configuration/` first."""
    models = []
    for name in configuration.NAMES:
        source = json.loads((configuration.directory(name) / "source.json").read_text(encoding="utf-8"))
        files = {kind: source[kind] for kind in KINDS if kind in source}
        models.append(PublishedModel(name=name, language=source["language"], description=source["corpus"], files=files))
    for row in json.loads(configuration.PUBLISHED.read_text(encoding="utf-8")):
        files = {kind: row.pop(kind) for kind in KINDS if kind in row}
        models.append(PublishedModel(**row, files=files))
    return models


def find_published(name: str) -> PublishedModel | None:
    """Returns the model of a collection by one of its names, or `None` if the name is of no collection.

    Raises:
        `ElmoFormatError`: If the collection has no such model.
    """
    models = published_models()
    for model in models:
        if name in (model.name, model.also):
            return model
    collection = name.partition("/")[0]
    collections = {
        known.partition("/")[0] for model in models for known in (model.name, model.also or "") if "/" in known
    }
    if "/" not in name or collection not in collections:
        return None
    hint = "elmo convert --list prints what is"
    if collection == "nlpl":
        hint = "if it is an ELMo and not something else, download its zip file and pass the path"
    raise ElmoFormatError(f"{name}: not a known model of this collection; {hint}")


def fetch_published(
    model: PublishedModel, mirror: str | None = None, cache_dir: Path | None = None
) -> Path | OriginalFiles:
    """Fetches the files of a model of a collection into the cache of `download`.

    Args:
        model (`PublishedModel`): See `find_published`.
        mirror (`str`, *optional*): See `mirrored`; the original server is then not contacted.
        cache_dir (`Path`, *optional*): The cache. Defaults to the directory `elmo` in `HF_HOME`.

    Returns:
        `Path`: The archive, or the directory of a checkpoint.
        `OriginalFiles`: Original files that were published one by one.

    Raises:
        `ElmoFormatError`: If no address is known.
        `ElmoDownloadError`: If no URL provides a file; the message lists each URL and why it failed.
        `OSError`: If the cache can't be written.
    """
    check_mirror(mirror)
    cache = cache_dir or default_cache()
    if not model.files:
        raise ElmoFormatError(
            f"{model.name}: no address of its files is known; download them from {model.page} and pass their path"
        )

    def get(kind: str) -> Path:
        addresses = {mirrored(url, mirror): url for url in model.files[kind]}
        path, url = fetch_first(model.name, kind, addresses, cache)
        urls[path.name] = addresses[url]
        return path

    def get_all(kind: str) -> list[Path]:
        addresses = [mirrored(url, mirror) for url in model.files[kind]]
        folder = folder_of(addresses[0], cache)
        try:
            return [fetch(url, cache, kind, folder=folder) for url in addresses]
        except (ElmoDownloadError, RequestException) as error:
            raise ElmoDownloadError(f"{model.name}: {one_line(error)}") from error

    urls: dict[str, str] = {}
    if "archive" in model.files:
        return get("archive")
    if "parts" in model.files:
        return _joined(get_all("parts"))
    if "checkpoint_files" in model.files:
        folder = get_all("checkpoint_files")[0].parent
        if "vocabulary" in model.files and not (folder / "vocab.txt").exists():
            with new_file(folder / "vocab.txt") as temporary:
                shutil.copyfile(get("vocabulary"), temporary)
        return folder
    vocab = get("vocabulary") if "vocabulary" in model.files else None
    return OriginalFiles(get("options"), get("weights"), vocab, None, urls, model.language)


def _joined(parts: list[Path]) -> Path:
    """Returns the file of which these are the parts."""
    path = parts[0].with_suffix("")
    with FileLock(f"{path}.lock"):
        # The parts stay: their hashes are known, and another call looks for them.
        if not path.exists() or path.stat().st_size != sum(part.stat().st_size for part in parts):
            with new_file(path) as temporary, open(temporary, "wb") as file:
                for part in parts:
                    with open(part, "rb") as piece:
                        shutil.copyfileobj(piece, file)
    return path


def published_table() -> str:
    """Returns the table that `elmo convert --list` prints."""
    rows = [cells(model) for model in published_models()]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[4]]).rstrip() for row in rows)


def cells(model: PublishedModel) -> tuple[str, ...]:
    """Returns a model's names, language, license, description and address, as tables show them."""
    names = ", ".join(filter(None, (model.name, model.also)))
    # Files that were published one by one are in one place.
    addresses = [urls[0] for kind, urls in model.files.items() if kind != "vocabulary"]
    address = addresses[-1] if addresses else f"by hand from {model.page}"
    return names, model.language, model.license or "unknown", model.description, address
