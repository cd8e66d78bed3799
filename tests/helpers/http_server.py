# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""An HTTP server for tests, in a thread of the test: files by path, and the faults that a test arms.

    with HttpServer({"/weights.hdf5": data}) as server:
        server.cut_next("weights", after=1000)
        server.fail_next("weights", status=503, times=2)
        download(f"{server.url}/weights.hdf5")
    assert [request.headers["Range"] for request in server.requests] == ...

`tests.helpers.hub_server` builds the Hub's interface on it by overriding `respond`.
"""

import hashlib
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked for. Names of `headers` are matched in any case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes


@dataclass
class Response:
    """What it gets. With `Accept-Ranges` among the `headers`, ranges of the `body` can be asked for.

    `pieces` are sent instead of the `body`, without its length, until the client closes the connection.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] | None = None


@dataclass
class _Fault:
    path_part: str
    times: int
    method: str | None = None
    cut_after: int | None = None
    response: Response | None = None


class HttpServer:
    """Serves `files`, which may be changed at any time, on a free port of this machine while the context is open.

    Attributes:
        files (`dict[str, bytes]`): Contents by path; a path begins with a slash.
        requests (`list[Request]`): What has been asked for, in order; faults and redirections included.
        url (`str`): `http://127.0.0.1:PORT`.
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.requests: list[Request] = []
        self._redirects: dict[str, Response] = {}
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"http_server": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HttpServer":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def cut_next(self, path_part: str, after: int, times: int = 1) -> None:
        """Closes the connection after `after` bytes of a body: the request's if it has one, or the response's.

        Counts only for requests whose path holds `path_part` and whose body is longer.
        """
        self._faults.append(_Fault(path_part, times, cut_after=after))

    def fail_next(
        self,
        path_part: str,
        status: int,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
    ) -> None:
        """Answers the next requests whose path holds `path_part` (of one `method`, if given) with an error."""
        self._faults.append(_Fault(path_part, times, method, response=Response(b"", status, dict(headers or {}))))

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        """Sends requests for a path to another one, or to another URL."""
        self._redirects[path] = Response(b"", status, {"Location": to})

    def respond(self, request: Request) -> Response:
        """Answers a request that no fault and no redirection catches."""
        if request.path not in self.files:
            return Response(b"not found", 404)
        if request.method not in ("GET", "HEAD"):
            return Response(b"", 405)
        body = self.files[request.path]
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if request.headers["If-None-Match"] == etag:
            return Response(status=304)
        return Response(body, headers={"ETag": etag, "Accept-Ranges": "bytes"})

    def _take_fault(self, kind: str, path: str, method: str, size: int | None = None) -> Any:
        """Returns the `kind` of the first armed fault that fits, and counts it."""
        with self._lock:
            for fault in self._faults:
                value = getattr(fault, kind)
                if (
                    value is not None
                    and fault.times > 0
                    and fault.path_part in path
                    and fault.method in (None, method)
                    and (size is None or value < size)
                ):
                    fault.times -= 1
                    return value
        return None


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes before it has read an answer, as of an error, is no error of the server."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    http_server: HttpServer
    protocol_version = "HTTP/1.1"
    # Without this a response waits some 40 ms for the acknowledgement of its headers.
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        server = self.http_server
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        size = int(self.headers.get("Content-Length", 0))
        cut = server._take_fault("cut_after", path, self.command, size)
        body = self.rfile.read(size if cut is None else cut)
        request = Request(self.command, path, parse_qs(parts.query, keep_blank_values=True), self.headers, body)
        server.requests.append(request)
        if cut is not None:
            self.close_connection = True
            return
        failure = server._take_fault("response", path, self.command)
        self._send(request, failure or server._redirects.get(path) or server.respond(request))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def _send(self, request: Request, response: Response) -> None:
        status, body, headers = response.status, response.body, dict(response.headers)
        is_whole = request.headers["If-Range"] not in (None, headers.get("ETag"))
        if request.headers["Range"] and "Accept-Ranges" in headers and not is_whole:
            status, body, headers["Content-Range"] = _cut_range(request.headers["Range"], body)
        cut = None
        if request.method != "HEAD":
            cut = self.http_server._take_fault("cut_after", request.path, request.method, len(body))
        self.send_response(status)
        if response.pieces is not None:
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if response.pieces is not None and request.method != "HEAD":
            self.wfile.writelines(response.pieces)
            return
        if cut is not None:
            body, self.close_connection = body[:cut], True
        if request.method != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: `HttpServer.requests` is the log."""


def _cut_range(wanted: str, body: bytes) -> tuple[int, bytes, str]:
    """Returns status, bytes and `Content-Range` for a `Range` of `bytes=2-5`, `bytes=2-` or `bytes=-5`."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    assert match, f"Range: {wanted}"
    first, last = match.groups()
    start = int(first) if first else max(0, len(body) - int(last))
    stop = min(len(body), int(last) + 1) if first and last else len(body)
    if start >= stop:
        return 416, b"", f"bytes */{len(body)}"
    return 206, body[start:stop], f"bytes {start}-{stop - 1}/{len(body)}"
