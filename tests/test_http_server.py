# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The server that downloads are tested with."""

import http.client
import random
import socket
import struct
import urllib.error
import urllib.request

import pytest

from tests.helpers.http_server import HttpServer


DATA = random.Random(0).randbytes(1024)


@pytest.fixture
def server():
    with HttpServer({"/data": DATA}) as server:
        yield server


def get(server, path="/data", method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{server.url}{path}", headers=headers, method=method)
    return urllib.request.urlopen(request, timeout=10)


def status(server, *args, **kwargs):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(server, *args, **kwargs)
    caught.value.close()
    return caught.value.code


def test_what_a_client_has_already_is_not_sent_again(server):
    etag = get(server).headers["ETag"]
    assert status(server, If_None_Match=etag) == 304
    assert get(server, If_None_Match='"other"').read() == DATA


@pytest.mark.parametrize(
    ("wanted", "start", "stop"), [("bytes=3-9", 3, 10), ("bytes=1000-", 1000, 1024), ("bytes=-5", 1019, 1024)]
)
def test_ranges(server, wanted, start, stop):
    response = get(server, Range=wanted)
    assert response.status == 206
    assert response.read() == DATA[start:stop]
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"


def test_range_behind_the_end_and_range_of_another_version(server):
    assert status(server, Range="bytes=1024-") == 416
    assert get(server, Range="bytes=3-", If_Range='"another"').read() == DATA


def test_head_has_the_headers_alone(server):
    response = get(server, method="HEAD")
    assert (response.headers["Content-Length"], response.headers["Accept-Ranges"]) == ("1024", "bytes")
    assert response.read() == b""


def test_a_cut_answer_is_incomplete_as_often_as_asked_for(server):
    server.cut_next("data", after=100, times=2)
    get(server, method="HEAD")
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead) as caught:
            get(server).read()
        assert caught.value.partial == DATA[:100]
    assert get(server).read() == DATA


def test_failures_and_redirections(server):
    server.fail_next("data", status=429, headers={"Retry-After": "0"})
    server.redirect("/moved", "/data")
    assert status(server) == 429
    assert get(server, "/moved").read() == DATA
    assert status(server, "/nowhere") == 404
    assert [request.path for request in server.requests] == ["/data", "/moved", "/data", "/nowhere"]


def test_a_client_that_goes_before_the_answer_is_no_error(capsys):
    with HttpServer({"/large": bytes(10**7)}) as server:
        # So that the end of the block waits for the answer.
        server._server.daemon_threads = False
        with socket.create_connection(server._server.server_address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.recv(1)
    assert capsys.readouterr().err == ""
