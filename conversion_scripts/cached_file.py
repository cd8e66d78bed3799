# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A file from the web, in a cache: fetched once, resumed where it was cut, there under its name only when it is whole.

The session is that of huggingface_hub, with its proxies, certificates, offline mode and repetition with back-off. Its
`http_get` is not used: it is internal, follows redirections from https:// to http://, writes whatever comes, and does
not ask whether the rest belongs to the same file.
"""

import errno
import hashlib
import importlib
import json
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import http_stream_backoff
from tqdm.auto import tqdm

from modeling_elmo.files.errors import ElmoDownloadError, ElmoFormatError, one_line


# huggingface_hub 1 is built on httpx, 2 on httpx2: what its own error is derived from tells which.
httpx: Any = importlib.import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])

# How often a request is repeated, and a transfer that is cut without a new byte.
MAX_RETRIES = 4
# Those of today's huggingface_hub: its first versions repeat after 503 alone.
RETRY_STATUS_CODES = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class _Version:
    """What a server says of a file: by it one knows the same file again. Stored beside the file as JSON."""

    address: str
    size: int
    etag: str | None
    last_modified: str | None

    def is_same(self, other: "_Version") -> bool:
        if self.etag and other.etag:
            return self.etag == other.etag
        return (self.size, self.last_modified) == (other.size, other.last_modified)

    @property
    def if_range(self) -> str | None:
        """What makes a server send the rest of this version only; a weak ETag does not."""
        if self.etag:
            return None if self.etag.startswith("W/") else self.etag
        return self.last_modified

    @property
    def if_changed(self) -> dict[str, str]:
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified} if self.last_modified else {}


class _CutError(Exception):
    """The connection broke within the body."""


def fetch(address: str, cache_dir: Path, max_bytes: int, check: Callable[[Path], None], progress: bool = False) -> Path:
    """Returns the cached file of an address, after fetching it if it is not there or has changed.

    Safe in several processes at once: one fetches, the others wait. An interrupted transfer is resumed by the next
    call. What is in the cache is used if the server can't be asked.

    Args:
        address (`str`): Its `http://` or `https://` address. Its last part names the file.
        cache_dir (`Path`): The cache. The file's directory in it is named by a digest of the address.
        max_bytes (`int`): The most that the file may have.
        check (`Callable`): Raises `ElmoFormatError` if a whole file is not what is wanted: it is not kept then.
        progress (`bool`): Whether to show a progress bar on a terminal.

    Raises:
        `ElmoDownloadError`: If the address does not give the file.
        `OSError`: If the file can't be written; what has arrived is kept.
    """
    path = cache_dir / hashlib.sha256(address.encode()).hexdigest()[:16] / address.rpartition("/")[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        cached = _read_version(path)
        if cached is not None and path.stat().st_size != cached.size:
            cached = None
        try:
            _fetch(address, path, cached, max_bytes, check, progress)
        except ElmoDownloadError:
            if cached is None:
                raise
    return path


def _fetch(
    address: str,
    path: Path,
    cached: _Version | None,
    max_bytes: int,
    check: Callable[[Path], None],
    progress: bool,
) -> None:
    """Makes `path` what the address gives, if that differs from the `cached` version."""
    part = path.with_name(f"{path.name}.incomplete")
    failures = 0
    while True:
        begun = _size(part)
        try:
            version = _transfer(address, part, cached, max_bytes, progress)
            break
        except _CutError as error:
            failures = 0 if _size(part) > begun else failures + 1
            if failures > MAX_RETRIES or cached is not None:
                raise ElmoDownloadError(str(error)) from error
            time.sleep(min(2**failures, 8))
    if version is None:
        return
    try:
        check(part)
    except ElmoFormatError as error:
        part.unlink()
        raise ElmoDownloadError(f"what it gives is not the file: {error}") from error
    part.replace(path)
    _version_file(part).replace(_version_file(path))


def _transfer(address: str, part: Path, cached: _Version | None, max_bytes: int, progress: bool) -> _Version | None:
    """Completes `part` by one request. Returns its version, or `None` if it is the `cached` one."""
    begun = _read_version(part) if cached is None else None
    if begun is not None and _size(part) == begun.size:
        return begun
    # Compressed on the way, a file's size and the rest of it are not what they are here.
    headers, start = {"Accept-Encoding": "identity"}, 0
    if cached is not None:
        headers |= cached.if_changed
    elif begun is not None and begun.if_range:
        start = _size(part)
        headers |= {"Range": f"bytes={start}-", "If-Range": begun.if_range} if start else {}
    try:
        with http_stream_backoff(
            "GET",
            address,
            headers=headers,
            max_retries=MAX_RETRIES if cached is None else 0,
            retry_on_status_codes=RETRY_STATUS_CODES,
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            follow_redirects=True,
        ) as response:
            if response.status_code == 416 and start:
                part.unlink()
                raise _CutError("416 Range Not Satisfiable")
            if response.status_code == 304 and cached is not None:
                return None
            start, version = _read_head(response, address, start, max_bytes)
            if start and begun is not None and not version.is_same(begun):
                # Sent by a server that knows no If-Range.
                part.unlink()
                raise _CutError("the file has changed since its first part was fetched")
            if cached is not None and version.is_same(cached):
                return None
            _write_body(response, part, start, version, progress)
            return version
    except HfHubHTTPError as error:
        raise ElmoDownloadError(f"{error.response.status_code} {error.response.reason_phrase}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ElmoDownloadError(one_line(error)) from error
    except OfflineModeIsEnabled as error:
        raise ElmoDownloadError("not asked, since HF_HUB_OFFLINE is set") from error


def _read_head(response: Any, address: str, start: int, max_bytes: int) -> tuple[int, _Version]:
    """Returns where the body begins in the file, and the file's version. Refuses what is not to be written."""
    schemes = {reply.url.scheme for reply in (*response.history, response)}
    if address.startswith("https:") and schemes != {"https"}:
        raise ElmoDownloadError(f"redirected to {response.url}; expected to stay with https://")
    if response.status_code not in (200, 206):
        raise ElmoDownloadError(f"{response.status_code} {response.reason_phrase}")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise ElmoDownloadError(f"expected the file as it is, found Content-Encoding: {encoding}")
    length = response.headers.get("Content-Length", "nothing")
    if not re.fullmatch("[0-9]{1,18}", length):
        raise ElmoDownloadError(f"expected the size of the file, found Content-Length: {length}")
    size = int(length)
    if response.status_code == 200:
        start = 0
    else:
        size += start
        found = response.headers.get("Content-Range", "nothing")
        if not start or found != f"bytes {start}-{size - 1}/{size}":
            raise ElmoDownloadError(f"expected the bytes from {start} on, found Content-Range: {found}")
    if size > max_bytes:
        raise ElmoDownloadError(f"expected at most {max_bytes:,} bytes, found {size:,}")
    return start, _Version(address, size, response.headers.get("ETag"), response.headers.get("Last-Modified"))


def _write_body(response: Any, part: Path, start: int, version: _Version, progress: bool) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < version.size - start:
        reason = f"{version.size - start:,} bytes are to come, and {free:,} are free"
        raise OSError(errno.ENOSPC, reason, str(part.parent))
    with (
        open(part, "ab" if start else "wb") as file,
        tqdm(
            desc=part.stem,
            total=version.size,
            initial=start,
            unit="B",
            unit_scale=True,
            disable=None if progress else True,
            delay=1,
            leave=False,
        ) as bar,
    ):
        # After the old part is gone, and before there is a new one: they never belong to different versions.
        _version_file(part).write_text(json.dumps(asdict(version)), encoding="utf-8")
        received = start
        try:
            for block in response.iter_raw():
                received += len(block)
                # A body in chunks ends when it likes, whatever its Content-Length.
                if received > version.size:
                    raise ElmoDownloadError(f"expected {version.size:,} bytes, found more")
                _write(file, block, part)
                bar.update(len(block))
        except httpx.HTTPError as error:
            # Not for `http_stream_backoff`, which would ask again and go on from the start.
            raise _CutError(f"cut after {received:,} of {version.size:,} bytes: {one_line(error)}") from error
    if received < version.size:
        raise _CutError(f"cut after {received:,} of {version.size:,} bytes")


def _write(file: Any, block: bytes, path: Path) -> None:
    try:
        file.write(block)
    except OSError as error:
        error.filename = str(path)
        raise


def _version_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _read_version(path: Path) -> _Version | None:
    """Returns the version of a file; `None` if it is not there, or not known whole."""
    # A file that a kill has cut, or that someone has changed, is no reason to fail.
    with suppress(OSError, ValueError, TypeError):
        version = _Version(**json.loads(_version_file(path).read_text(encoding="utf-8")))
        return version if path.is_file() else None
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
