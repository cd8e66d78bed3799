# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A file from the web into the cache: whatever the connection, the server, the disk and the user do on the way."""

import errno
import itertools
import json
import os
import random
import threading
from pathlib import Path

import pytest
from huggingface_hub import constants, set_client_factory
from huggingface_hub.utils._http import default_client_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_elmo.conversion_scripts import ElmoDownloadError, ElmoFormatError, cached_file
from modeling_elmo.conversion_scripts.cached_file import fetch, httpx
from tests.helpers.http_server import HttpServer, Response


DATA = random.Random(0).randbytes(150_000)
PATH = "/models/weights.hdf5"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with HttpServer({PATH: DATA}) as server:
        yield server


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Nobody waits; these are the seconds they would have."""
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.fixture
def get(server, tmp_path):
    """Fetches the file, and returns it."""

    def get(path=PATH, max_bytes=1_000_000, check=lambda path: None, cache=tmp_path):
        return fetch(server.url + path, cache, max_bytes, check)

    return get


@pytest.fixture
def answer():
    """Makes every request of this process go to a function, in place of the network."""

    def answer(function):
        set_client_factory(lambda: httpx.Client(transport=httpx.MockTransport(function), follow_redirects=True))

    yield answer
    set_client_factory(default_client_factory)


def ranges(server):
    return [request.headers["Range"] for request in server.requests]


def part_of(path):
    return path.with_name(f"{path.name}.incomplete")


class Interrupted:
    """Ctrl-C after so many bytes."""

    def __init__(self, after):
        self.left, self.write = after, cached_file._write

    def __call__(self, file, block, path):
        self.write(file, block[: self.left], path)
        self.left -= len(block)
        if self.left <= 0:
            raise KeyboardInterrupt


@pytest.fixture
def interrupted(get, monkeypatch, tmp_path):
    """Begins to fetch and stops; returns how much has arrived."""

    def interrupted(after):
        with monkeypatch.context() as patch:
            patch.setattr(cached_file, "_write", Interrupted(after))
            with pytest.raises(KeyboardInterrupt):
                get()
        (part,) = tmp_path.rglob("*.incomplete")
        assert not part.with_suffix("").exists()
        return part.stat().st_size

    return interrupted


class TestFetch:
    def test_gives_the_file_under_its_own_name(self, get):
        path = get()
        assert path.name == "weights.hdf5"
        assert path.read_bytes() == DATA
        assert not part_of(path).exists()

    def test_asks_for_the_file_as_it_is(self, get, server):
        get()
        assert server.requests[0].headers["Accept-Encoding"] == "identity"

    def test_addresses_share_nothing(self, get, server):
        server.files["/other/weights.hdf5"] = b"other"
        assert get().read_bytes() == DATA
        assert get("/other/weights.hdf5").read_bytes() == b"other"
        assert get().read_bytes() == DATA

    def test_empty_file(self, get, server):
        server.files[PATH] = b""
        assert get().read_bytes() == b""

    def test_a_file_that_is_there_is_not_sent_again(self, get, server):
        path = get()
        before = path.stat()
        assert get() == path
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert [request.headers["If-None-Match"] is None for request in server.requests] == [True, False]

    def test_a_server_without_conditions_sends_no_body_again(self, get, server, monkeypatch):
        path = get()
        monkeypatch.setattr(cached_file, "_write_body", None)
        etag = json.loads(path.with_name(f"{path.name}.json").read_text())["etag"]
        server.respond = lambda request: Response(DATA, headers={"ETag": etag})
        assert get().read_bytes() == path.read_bytes() == DATA

    def test_a_changed_file_takes_the_place_of_the_old(self, get, server):
        get()
        server.files[PATH] = DATA[::-1]
        assert get().read_bytes() == DATA[::-1]
        assert get().read_bytes() == DATA[::-1]

    @pytest.mark.parametrize("status", [404, 503])
    def test_what_is_there_is_used_when_the_server_fails(self, get, server, status, waits):
        path = get()
        server.fail_next(PATH, status, times=9)
        assert get() == path
        assert waits == []

    def test_what_is_there_is_used_when_there_is_no_server(self, get, server):
        path = get()
        server.__exit__()
        assert get() == path
        assert path.read_bytes() == DATA

    def test_what_is_there_is_used_when_a_new_version_is_cut(self, get, server):
        get()
        server.files[PATH] = DATA[::-1]
        server.cut_next(PATH, 1000)
        assert get().read_bytes() == DATA
        assert get().read_bytes() == DATA[::-1]

    def test_offline_uses_what_is_there_and_asks_nobody(self, get, server, monkeypatch):
        path = get()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert get() == path
        assert len(server.requests) == 1

    def test_offline_without_the_file(self, get, server, monkeypatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(ElmoDownloadError, match="not asked, since HF_HUB_OFFLINE is set"):
            get()
        assert server.requests == []

    @pytest.mark.parametrize("damage", ["shorter", "longer", "gone", "no record", "bad record"])
    def test_a_damaged_cache_is_mended(self, get, damage):
        path = get()
        record = path.with_name(f"{path.name}.json")
        if damage == "gone":
            path.unlink()
        elif damage == "no record":
            record.unlink()
        elif damage == "bad record":
            record.write_text('{"size": 3}')
        else:
            path.write_bytes(DATA[:-1] if damage == "shorter" else DATA + b"x")
        assert get().read_bytes() == DATA

    def test_what_is_not_wanted_is_not_kept(self, get, tmp_path):
        def refuse(path):
            raise ElmoFormatError(f"{path.stat().st_size} bytes of nonsense")

        with pytest.raises(ElmoDownloadError, match="is not the file: 150000 bytes of nonsense"):
            get(check=refuse)
        assert not [path for path in tmp_path.rglob("*") if path.suffix in (".hdf5", ".incomplete")]
        assert get().read_bytes() == DATA

    def test_threads_wait_for_one_of_them(self, get, server, monkeypatch):
        monkeypatch.undo()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        paths = []
        threads = [threading.Thread(target=lambda: paths.append(get())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [path.read_bytes() for path in paths] == [DATA] * 4
        assert sum(request.headers["If-None-Match"] is None for request in server.requests) == 1


class TestResume:
    @settings(max_examples=25)
    @given(st.lists(st.integers(0, len(DATA) - 1), max_size=4))
    def test_a_transfer_cut_anywhere_gives_the_same_file(self, tmp_path_factory, cuts):
        with pytest.MonkeyPatch.context() as patch, HttpServer({PATH: DATA}) as server:
            patch.setattr(constants, "HF_HUB_OFFLINE", False)
            patch.setattr("time.sleep", lambda seconds: None)
            for cut in cuts:
                server.cut_next(PATH, cut)
            path = fetch(server.url + PATH, tmp_path_factory.mktemp("cache"), len(DATA), lambda path: None)
            assert path.read_bytes() == DATA
            starts = [int(wanted[6:-1]) if wanted else 0 for wanted in ranges(server)]
            # A cut counts only for a body that is longer.
            assert starts == sorted(starts)
            assert all(later - earlier in (0, *cuts) for earlier, later in itertools.pairwise(starts))
            assert len(starts) > 1 or not cuts

    @pytest.mark.parametrize("after", [1, 65_536, 149_999, 150_000])
    def test_the_next_call_goes_on_after_an_interrupt(self, get, server, interrupted, after):
        assert interrupted(after) == after
        assert get().read_bytes() == DATA
        # Nothing is asked for when everything is there.
        assert ranges(server) == [None, f"bytes={after}-"][: 1 + (after < len(DATA))]

    def test_many_interrupts(self, get, server, interrupted):
        assert [interrupted(30_000) for _ in range(5)][:4] == [30_000, 60_000, 90_000, 120_000]
        assert get().read_bytes() == DATA

    def test_a_file_that_has_changed_begins_anew(self, get, server, interrupted):
        interrupted(1000)
        server.files[PATH] = DATA[::-1]
        assert get().read_bytes() == DATA[::-1]
        assert ranges(server) == [None, "bytes=1000-"]

    def test_a_file_that_has_changed_begins_anew_at_a_server_without_if_range(self, get, server, interrupted):
        interrupted(1000)
        server.files[PATH] = new = DATA[::-1] + b"x"
        server.respond = lambda request: (
            Response(new[1000:], 206, {"ETag": '"new"', "Content-Range": f"bytes 1000-{len(new) - 1}/{len(new)}"})
            if request.headers["Range"]
            else Response(new, headers={"ETag": '"new"'})
        )
        assert get().read_bytes() == new

    def test_a_server_without_ranges_begins_anew(self, get, server, interrupted):
        interrupted(1000)
        server.respond = lambda request: Response(DATA, headers={"ETag": '"x"'})
        assert get().read_bytes() == DATA

    @pytest.mark.parametrize("headers", [{"ETag": 'W/"weak"'}, {}])
    def test_parts_of_a_file_that_can_not_be_told_from_others_are_not_joined(self, get, server, interrupted, headers):
        server.respond = lambda request: Response(DATA, headers={**headers, "Accept-Ranges": "bytes"})
        interrupted(1000)
        assert get().read_bytes() == DATA
        assert ranges(server) == [None, None]

    def test_the_date_of_a_file_tells_it_from_others(self, get, server, interrupted):
        date = "Mon, 10 Sep 2018 00:00:00 GMT"
        rest = {"Last-Modified": date, "Content-Range": f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"}
        server.respond = lambda request: (
            Response(DATA[1000:], 206, rest)
            if request.headers["If-Range"] == date
            else Response(DATA, headers={"Last-Modified": date})
        )
        interrupted(1000)
        assert get().read_bytes() == DATA
        assert ranges(server) == [None, "bytes=1000-"]

    def test_a_part_longer_than_the_file_begins_anew(self, get, server, interrupted, tmp_path):
        interrupted(1000)
        (part,) = tmp_path.rglob("*.incomplete")
        part.write_bytes(DATA + b"x")
        assert get().read_bytes() == DATA

    @pytest.mark.parametrize("found", ["bytes 0-148999/149000", "bytes 1000-149999/*", "bytes 999-149998/150000", None])
    def test_another_range_than_asked_for_is_refused(self, get, server, interrupted, found):
        interrupted(1000)
        etag = server.respond(server.requests[0]).headers["ETag"]
        headers = {"ETag": etag, **({"Content-Range": found} if found else {})}
        server.respond = lambda request: Response(DATA[1000:], 206, headers)
        with pytest.raises(
            ElmoDownloadError, match=f"the bytes from 1000 on, found Content-Range: {found or 'nothing'}"
        ):
            get()


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_an_error_that_passes(self, get, server, status, waits):
        server.fail_next(PATH, status, times=3)
        assert get().read_bytes() == DATA
        assert len(waits) == 3
        assert waits == sorted(waits)

    def test_waits_as_long_as_the_server_says(self, get, server, waits):
        server.fail_next(PATH, 429, headers={"Retry-After": "70"})
        assert get().read_bytes() == DATA
        assert len(waits) == 1
        assert waits[0] >= 70

    @pytest.mark.parametrize(("status", "requests"), [(500, 5), (404, 1), (403, 1)])
    def test_an_error_that_stays(self, get, server, status, requests):
        server.fail_next(PATH, status, times=99)
        with pytest.raises(ElmoDownloadError, match=f"^{status} [A-Z][A-Za-z ]+$"):
            get()
        assert len(server.requests) == requests

    def test_a_connection_that_is_cut_often_but_brings_something(self, get, server):
        server.cut_next(PATH, 16_000, times=9)
        assert get().read_bytes() == DATA
        assert len(server.requests) == 10

    def test_a_connection_that_is_always_cut(self, get, server):
        server.cut_next(PATH, 0, times=99)
        with pytest.raises(ElmoDownloadError, match="cut after 0 of 150,000 bytes"):
            get()
        assert len(server.requests) == 5

    def test_no_server(self, get, server):
        server.__exit__()
        with pytest.raises(ElmoDownloadError, match="Connection refused"):
            get()

    @pytest.mark.parametrize("address", ["http://[::1/x", "http://a b/x", "ftp://localhost/x", "file:///etc/passwd"])
    def test_no_address(self, tmp_path, address, server):
        with pytest.raises(ElmoDownloadError) as error:
            fetch(address, tmp_path, 1000, lambda path: None)
        assert "\n" not in str(error.value)


class TestBounds:
    def refuses(self, get, tmp_path, message, **kwargs):
        with pytest.raises(ElmoDownloadError, match=message):
            get(**kwargs)
        written = [path.stat().st_size for path in tmp_path.rglob("*.incomplete")]
        assert sum(written) <= len(DATA)
        assert not list(tmp_path.rglob("*.hdf5"))

    def test_a_file_too_large(self, get, tmp_path):
        self.refuses(get, tmp_path, "expected at most 149,999 bytes, found 150,000", max_bytes=len(DATA) - 1)
        assert get(max_bytes=len(DATA)).read_bytes() == DATA

    def test_a_size_too_large_to_be_true(self, get, tmp_path, answer, server):
        answer(lambda request: httpx.Response(200, headers={"Content-Length": "9" * 30}, content=iter([b"x"])))
        self.refuses(get, tmp_path, "expected the size of the file, found Content-Length: 999")

    def test_no_size(self, get, tmp_path, answer):
        answer(lambda request: httpx.Response(200, content=iter([DATA])))
        self.refuses(get, tmp_path, "expected the size of the file, found Content-Length: nothing")

    def test_an_endless_body(self, get, tmp_path, answer):
        def endless():
            for _ in range(1000):
                yield b"x" * 10_000

        answer(lambda request: httpx.Response(200, headers={"Content-Length": "1000000"}, content=endless()))
        with pytest.raises(ElmoDownloadError, match="expected 1,000,000 bytes, found more"):
            get()
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.incomplete")) <= 1_000_000

    def test_a_body_that_ends_before_its_size(self, get, tmp_path, answer):
        answer(lambda request: httpx.Response(200, headers={"Content-Length": "1000"}, content=iter([b"x" * 999])))
        self.refuses(get, tmp_path, "cut after 999 of 1,000 bytes")

    def test_a_compressed_body(self, get, tmp_path, server):
        server.respond = lambda request: Response(DATA, headers={"Content-Encoding": "gzip"})
        self.refuses(get, tmp_path, "expected the file as it is, found Content-Encoding: gzip")

    def test_a_part_nobody_asked_for(self, get, tmp_path, server):
        headers = {"Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"}
        server.respond = lambda request: Response(DATA, 206, headers)
        self.refuses(get, tmp_path, "expected the bytes from 0 on")

    def test_a_success_without_a_file(self, get, tmp_path, server):
        server.respond = lambda request: Response(b"", 204)
        self.refuses(get, tmp_path, "204 No Content")


class TestRedirects:
    def test_to_another_path(self, get, server):
        server.redirect("/old/weights.hdf5", PATH)
        path = get("/old/weights.hdf5")
        assert path.read_bytes() == DATA
        assert json.loads(path.with_name("weights.hdf5.json").read_text())["address"].endswith("/old/weights.hdf5")

    def test_without_end(self, get, server):
        server.redirect(PATH, PATH)
        with pytest.raises(ElmoDownloadError, match="redirects"):
            get()

    @pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://localhost/x", "data:text/plain,x"])
    def test_to_another_scheme(self, get, server, to, tmp_path):
        server.redirect(PATH, to)
        with pytest.raises(ElmoDownloadError):
            get()
        assert not list(tmp_path.rglob("*.hdf5"))

    def test_out_of_https(self, tmp_path, answer):
        def respond(request):
            if request.url.scheme == "https":
                return httpx.Response(302, headers={"Location": "http://example.org/weights.hdf5"})
            return httpx.Response(200, content=DATA)

        answer(respond)
        with pytest.raises(
            ElmoDownloadError, match="redirected to http://example.org/.*expected to stay with https://"
        ):
            fetch("https://example.org/weights.hdf5", tmp_path, 1_000_000, lambda path: None)
        assert not list(tmp_path.rglob("*.incomplete"))

    def test_out_of_https_and_back(self, tmp_path, answer):
        places = iter(["http://example.org/x", "https://example.org/x"])

        def respond(request):
            place = next(places, None)
            return httpx.Response(302, headers={"Location": place}) if place else httpx.Response(200, content=DATA)

        answer(respond)
        with pytest.raises(ElmoDownloadError, match="expected to stay with https://"):
            fetch("https://example.org/weights.hdf5", tmp_path, 1_000_000, lambda path: None)


class TestDisk:
    def test_too_small_is_told_before_anything_is_written(self, get, monkeypatch, tmp_path):
        usage = cached_file.shutil.disk_usage(tmp_path)._replace(free=149_999)
        monkeypatch.setattr(cached_file.shutil, "disk_usage", lambda path: usage)
        with pytest.raises(OSError, match="150,000 bytes are to come, and 149,999 are free") as error:
            get()
        assert error.value.errno == errno.ENOSPC
        assert not isinstance(error.value, ElmoDownloadError)
        assert not list(tmp_path.rglob("*.incomplete"))

    def test_only_the_rest_must_fit(self, get, interrupted, monkeypatch, tmp_path):
        interrupted(1000)
        usage = cached_file.shutil.disk_usage(tmp_path)._replace(free=149_000)
        monkeypatch.setattr(cached_file.shutil, "disk_usage", lambda path: usage)
        assert get().read_bytes() == DATA

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
    def test_full_names_the_file(self, get, interrupted, tmp_path):
        interrupted(1000)
        (part,) = tmp_path.rglob("*.incomplete")
        part.unlink()
        part.symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left on device") as error:
            get()
        assert Path(error.value.filename) == part
