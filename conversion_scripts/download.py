# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The name of a published model -> its verified original files, fetched by pooch into a cache.

`configuration/NAME/source.json` lists the URLs of each file in the order to try them, and its SHA-256 under `"sha256"`
if it is known. If it is not, the SHA-256 of the first download is recorded next to the file and verified from then on.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import pooch
from filelock import FileLock
from huggingface_hub import constants
from requests import RequestException

from modeling_elmo import configuration
from modeling_elmo.files.atomic import new_file
from modeling_elmo.files.errors import ElmoDownloadError, ElmoFormatError, one_line
from modeling_elmo.files.progress import bar
from modeling_elmo.model.vocabulary_files import SPECIAL_TOKENS, read_vocabulary

from .archives import MAGIC
from .hdf5 import open_hdf5
from .options_json import read_options
from .original_files import OriginalFiles, check_given


# Far above any published file, and small enough for any disk: the largest weights have 375 MB, archives 1.5 GB,
# checkpoints 4 GB.
MAX_BYTES = {
    "options": 1_000_000,
    "vocabulary": 100_000_000,
    "weights": 1_000_000_000,
    "archive": 8_000_000_000,
    "parts": 8_000_000_000,
    "checkpoint_files": 8_000_000_000,
}

# After a failure that may pass, pooch tries again; each attempt resumes where the one before stopped.
MAX_RETRIES = 4
PASSING_FAILURES = (408, 416, 429, 500, 502, 503, 504)

MIRROR = re.compile(r"https?://(\[[0-9a-f:]+\]|[\w.-]+)(:\d{1,5})?(/[!-\"$->@-~]*)?", re.ASCII)


def download(
    name: str,
    mirror: str | None = None,
    cache_dir: Path | None = None,
    vocab: Path | None = None,
    token_embeddings: Path | None = None,
) -> OriginalFiles:
    """Fetches the original files of a published model into a cache, for `convert`.

    Cached files are verified and then used without contacting a server.

    Args:
        name (`str`): One of `modeling_elmo.configuration.NAMES`.
        mirror (`str`, *optional*): See `mirrored`; the official server is then not contacted.
        cache_dir (`Path`, *optional*): The cache. Defaults to the directory `elmo` in `HF_HOME`.
        vocab (`Path`, *optional*): A vocabulary file to use instead of the published one.
        token_embeddings (`Path`, *optional*): See `OriginalFiles`.

    Raises:
        `ValueError`: If the model is unknown, `mirror` is not a URL, or a given file does not exist.
        `ElmoDownloadError`: If no URL provides a file; the message lists each URL and why it failed.
        `OSError`: If the cache can't be written.
    """
    source = json.loads((configuration.directory(name) / "source.json").read_text(encoding="utf-8"))
    check_mirror(mirror)
    check_given(vocab=vocab, token_embeddings=token_embeddings)
    cache_dir = cache_dir or default_cache()
    urls: dict[str, str] = {}

    def get(kind: str) -> Path:
        addresses = {mirrored(url, mirror): url for url in source[kind]}
        path, url = fetch_first(name, kind, addresses, cache_dir, source.get("sha256", {}).get(kind))
        urls[path.name] = addresses[url]
        return path

    options = get("options")
    if vocab is None and "vocabulary" in source:
        vocab = get("vocabulary")
    return OriginalFiles(options, get("weights"), vocab, token_embeddings, urls, source["language"])


def default_cache() -> Path:
    """Returns the directory where downloads are kept."""
    return Path(constants.HF_HOME) / "elmo"


def check_mirror(mirror: str | None) -> None:
    """Raises `ValueError` if a mirror is not a plain URL."""
    if mirror is not None and not MIRROR.fullmatch(mirror):
        # Not quoted, because it may contain a password. Model cards and the cache would reveal it.
        raise ValueError(
            "mirror: expected a URL such as https://example.org/elmo, without user, query and fragment; "
            "to convert local files, pass their directory"
        )


def mirrored(url: str, mirror: str | None) -> str:
    """Returns a URL with `mirror`, if there is one, in place of its scheme and host."""
    return url if mirror is None else mirror.rstrip("/") + url.removeprefix("://".join(urlsplit(url)[:2]))


def fetch_first(
    name: str, kind: str, urls: Iterable[str], cache_dir: Path, sha256: str | None = None
) -> tuple[Path, str]:
    """Returns the cached file of the first URL that provides it, and that URL.

    Raises:
        `ElmoDownloadError`: If none does.
    """
    failures = []
    for url in urls:
        try:
            return fetch(url, cache_dir, kind, sha256), url
        except (ElmoDownloadError, RequestException) as error:
            failures.append(f"{url}: {one_line(error)}")
    raise ElmoDownloadError(f"{name}: {kind} can't be downloaded: {'; '.join(failures)}")


def folder_of(url: str, cache_dir: Path) -> Path:
    """Returns the folder of the cache for a URL: files of different models have the same names."""
    return cache_dir / hashlib.sha256(url.encode()).hexdigest()[:16]


def fetch(url: str, cache_dir: Path, kind: str, sha256: str | None = None, folder: Path | None = None) -> Path:
    """Returns the cached file of a URL, downloading it unless a verified copy exists. Safe in several processes.

    It is in the `folder_of` the URL, or in another folder for files that belong together.

    Raises:
        `ElmoDownloadError`, `RequestException`: If it can't be downloaded.
    """
    folder = folder or folder_of(url, cache_dir)
    folder.mkdir(parents=True, exist_ok=True)
    address = urlsplit(url)
    # The archives of TensorFlow Hub have addresses such as `.../elmo/3?tf-hub-format=compressed`.
    path = folder / (address.path.rpartition("/")[2] + (".tar.gz" if address.query else ""))
    record = folder / f"{path.name}.sha256"
    pooch.get_logger().setLevel("WARNING")  # Otherwise it logs each file on standard error.
    with FileLock(f"{path}.lock"):
        if sha256 is None and record.is_file():
            sha256 = record.read_text(encoding="utf-8")
        files = pooch.create(
            folder, "", registry={path.name: sha256}, urls={path.name: url}, retry_if_failed=MAX_RETRIES
        )
        files.fetch(path.name, downloader=_Download(path, kind, sha256))
        if not record.is_file():
            with new_file(record) as temporary:
                temporary.write_text(pooch.file_hash(str(path)), encoding="utf-8")
    return path


class _Download:
    """Downloads a file for pooch: resumes what was interrupted and refuses what can't be the file.

    What has arrived is kept as `NAME.incomplete`, and the server's ETag, which identifies the version of the file, as
    `NAME.etag`. pooch repeats the download after errors of `requests`, but not after `ElmoDownloadError`.
    """

    def __init__(self, path: Path, kind: str, sha256: str | None):
        self.kind = kind
        self.sha256 = sha256
        self.part = path.with_name(f"{path.name}.incomplete")
        self.etag = path.with_name(f"{path.name}.etag")

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        if constants.HF_HUB_OFFLINE:
            raise ElmoDownloadError("not requested, because HF_HUB_OFFLINE is set")
        progress = bar(self.part.stem, total=1, unit="B", unit_scale=True)
        with progress, open(self.part, "ab") as file:
            # Compressed in transit, a file has another size, and its parts can't be joined.
            headers = {"Accept-Encoding": "identity"}
            if file.tell() and self.etag.is_file():
                headers |= {"Range": f"bytes={file.tell()}-", "If-Range": self.etag.read_text(encoding="utf-8")}
            hooks = {"response": partial(self._check_response, file)}
            pooch.HTTPDownloader(progress, 2**16, headers=headers, hooks=hooks)(url, file, None)
        self.etag.unlink(missing_ok=True)
        try:
            if self.sha256 not in (None, found := pooch.file_hash(str(self.part))):
                raise ElmoFormatError(f"expected SHA-256 {self.sha256}, found {found}")
            _check_content(self.part, self.kind)
        except ValueError as error:
            self.part.unlink()
            raise ElmoDownloadError(f"the response is not the file: {error}") from error
        self.part.replace(output_file)

    def _check_response(self, file: BinaryIO, response: Any, **kwargs: Any) -> None:
        """Refuses a response before its body is read. Empties `file` unless the body continues it."""
        status, headers = response.status_code, response.headers
        if response.is_redirect:
            schemes = ("https://",) if response.url.startswith("https://") else ("https://", "http://")
            target = urljoin(response.url, headers["Location"])
            if not target.startswith(schemes):
                raise ElmoDownloadError(f"redirected to {target}; expected {' or '.join(schemes)}")
            return
        if status == 206:
            continues = f"bytes {file.tell()}-"
            if not file.tell() or not headers.get("Content-Range", "").startswith(continues):
                raise ElmoDownloadError(f"Content-Range: expected {continues}, found {headers.get('Content-Range')}")
        elif status in (200, 416):
            file.truncate(0)
            self.etag.unlink(missing_ok=True)
        if status in PASSING_FAILURES:
            response.raise_for_status()
        if status not in (200, 206):
            raise ElmoDownloadError(f"{status} {response.reason}")
        length = headers.get("Content-Length", "")
        if not length.isdecimal() or {"Content-Encoding", "Transfer-Encoding"} & {name.title() for name in headers}:
            raise ElmoDownloadError("expected an unencoded response with the size of the file (Content-Length)")
        if (size := file.tell() + int(length)) > MAX_BYTES[self.kind]:
            raise ElmoDownloadError(f"expected at most {MAX_BYTES[self.kind]:,} bytes, found {size:,}")
        # A weak ETag does not identify bytes.
        if status == 200 and headers.get("ETag", "W/").startswith('"'):
            self.etag.write_text(headers["ETag"], encoding="utf-8")


def _check_content(path: Path, kind: str) -> None:
    """Raises `ValueError` if a file is something else, such as the login page of a network."""
    if kind == "options":
        read_options(path)
    elif kind == "weights":
        with open_hdf5(path):
            pass
    elif kind == "vocabulary":
        _check_vocabulary(path)
    else:
        with open(path, "rb") as file:
            start = file.read(6)
        # Later parts and the files of a checkpoint begin in any way, but not as a web page.
        if not start.startswith(MAGIC) if kind == "archive" else start.lstrip().startswith(b"<"):
            raise ElmoFormatError(
                f"{path.name}: expected {'a zip or tar file' if kind == 'archive' else 'binary data'}"
            )


def _check_vocabulary(path: Path) -> None:
    if missing := set(list(SPECIAL_TOKENS.values())[:3]) - set(read_vocabulary(path)):
        raise ElmoFormatError(f"{path.name}: expected a vocabulary with {', '.join(sorted(missing))}")
