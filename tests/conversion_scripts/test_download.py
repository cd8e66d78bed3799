# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The published originals by name: which URLs are requested, and what becomes of bad connections, servers and disks."""

import errno
import hashlib
import io
import json
import threading

import pooch
import pytest
import requests
from huggingface_hub import ModelCard, constants

from modeling_elmo import configuration
from modeling_elmo.conversion_scripts import ElmoDownloadError, ElmoFormatError, convert, download
from tests.helpers.http_server import HttpServer, Response
from tests.helpers.original_format import make_options, write_model
from tests.helpers.published_models import SERVER, published_files, source


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The client is online and never waits; these are the seconds it would have waited."""
    waits = []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.fixture(scope="module")
def large_dir(tmp_path_factory):
    """Original files that take several reads."""
    folder = tmp_path_factory.mktemp("large")
    write_model(folder, make_options(dim=128, projection_dim=32), words=["<S>", "</S>", "<UNK>", "bank"])
    return folder


@pytest.fixture
def data(large_dir):
    return (large_dir / "weights.hdf5").read_bytes()


@pytest.fixture
def mirror(large_dir):
    """Serves `small` and `portuguese`, the latter at its second URLs."""
    files = published_files(large_dir, "small") | published_files(large_dir, "portuguese", generation=1)
    with HttpServer({f"/copy/of{path}": data for path, data in files.items()}) as server:
        yield server


@pytest.fixture
def get(mirror, tmp_path):
    def get(name="small", **kwargs):
        return download(name, **{"mirror": f"{mirror.url}/copy/of", "cache_dir": tmp_path / "cache", **kwargs})

    return get


@pytest.fixture
def answer(monkeypatch):
    """Passes every request of this process to a function of its URL, instead of the network."""

    def answer(function):
        def send(self, request, **kwargs):
            response = requests.Response()
            response.request, response.url = request, request.url
            response.status_code, headers, body = function(request.url)
            response.headers.update(headers)
            response.raw = io.BytesIO(body)
            return response

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)

    return answer


def path_of(server, part):
    (path,) = [path for path in server.files if part in path and "/pt/" not in path]
    return path


def requested(server):
    return [request.path.rpartition("/")[2] for request in server.requests]


def ranges(server):
    return [request.headers["Range"] for request in server.requests if "weights" in request.path]


class TestUrls:
    @pytest.mark.parametrize("name", configuration.NAMES)
    def test_official_urls_are_of_one_server(self, name):
        for kind in ("options", "weights", "vocabulary"):
            assert all(url.startswith(f"{SERVER}/") for url in source(name).get(kind, []))

    @pytest.mark.parametrize("name", configuration.NAMES)
    def test_official_urls_are_requested(self, name, original_dir, tmp_path, answer):
        files = published_files(original_dir, name)
        urls = []

        def respond(url):
            urls.append(url)
            data = files[url.removeprefix(SERVER)]
            return 200, {"Content-Length": str(len(data))}, data

        answer(respond)
        found = download(name, cache_dir=tmp_path)
        assert urls == [source(name)[kind][0] for kind in ("options", "vocabulary", "weights") if kind in source(name)]
        assert found.addresses == {url.rpartition("/")[2]: url for url in urls}
        assert [path.read_bytes() for path in found.all()] == [
            (original_dir / file).read_bytes() for file in ("options.json", "weights.hdf5", "vocab.txt")
        ][: len(urls)]

    def test_downloaded_files_convert_like_local_ones(self, original_dir, model_dir, tmp_path):
        with HttpServer(published_files(original_dir, "small")) as server:
            files = download("small", mirror=server.url, cache_dir=tmp_path / "cache")
        assert files.options.name == "elmo_2x1024_128_2048cnn_1xhighway_options.json"
        convert(files, tmp_path / "elmo")
        assert ModelCard.load(tmp_path / "elmo" / "README.md").data.language == ["en"]
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            assert (tmp_path / "elmo" / name).read_bytes() == (model_dir / name).read_bytes()

    def test_the_next_url_is_tried(self, get, mirror):
        files = get("portuguese")
        expected = ["elmo_pt_options.json", "options.json", "elmo_pt_weights.hdf5", "elmo_pt_weights.hdf5"]
        assert requested(mirror) == expected
        assert files.vocab is None
        assert files.language == "pt"
        # The official URL, whichever server it came from.
        assert files.addresses["options.json"] == f"{SERVER}/allennlp/models/elmo/contributed/pt/wikipedia/options.json"

    def test_the_error_lists_each_url(self, get, mirror, waits):
        mirror.fail_next("wikipedia/options.json", 403)
        at = f"{mirror.url}/copy/of/allennlp/models/elmo/contributed/pt"
        with pytest.raises(ElmoDownloadError) as error:
            get("portuguese")
        assert str(error.value) == (
            f"portuguese: options can't be downloaded: {at}/elmo_pt_options.json: 404 Not Found; "
            f"{at}/wikipedia/options.json: 403 Forbidden"
        )
        assert waits == []

    def test_a_slash_after_the_mirror_changes_nothing(self, get, mirror, monkeypatch):
        expected = get()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert get(mirror=f"{mirror.url}/copy/of/") == expected

    def test_a_given_vocabulary_replaces_the_published_one(self, get, mirror, original_dir):
        files = get(vocab=original_dir / "vocab.txt")
        assert files.vocab == original_dir / "vocab.txt"
        assert not any("vocab" in name for name in requested(mirror))

    @pytest.mark.parametrize("option", ["vocab", "token_embeddings"])
    def test_a_missing_given_file_is_reported_before_any_download(self, get, mirror, tmp_path, option):
        with pytest.raises(ElmoFormatError, match="missing.txt is not a file"):
            get(**{option: tmp_path / "missing.txt"})
        assert mirror.requests == []

    @pytest.mark.parametrize("name", ["large", "", "../small", "Small"])
    def test_unknown_name(self, get, mirror, name):
        with pytest.raises(ValueError, match="expected one of small, medium, original, original-5.5b, portuguese, "):
            get(name)
        assert mirror.requests == []

    @pytest.mark.parametrize(
        "mirror",
        [
            *(
                "",
                "example.org",
                "/home",
                "file:///home",
                "ftp://example.org",
                "https://",
                "https://[",
                "http://x:port",
            ),
            *("http://é", "http://x y", "https://example.org/?key=x", "https://example.org/#x"),
            "https://me:pass@example.org",
        ],
    )
    def test_a_mirror_that_is_not_a_plain_url_is_refused(self, mirror, tmp_path):
        with pytest.raises(ValueError, match="mirror: expected a URL such as https://example.org/elmo") as error:
            download("small", mirror=mirror, cache_dir=tmp_path)
        assert "pass@" not in str(error.value)


class TestCache:
    def test_cached_files_are_used_without_a_request(self, get, mirror, monkeypatch):
        expected = get()
        before = expected.weights.stat().st_mtime_ns
        number = len(mirror.requests)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert get() == expected
        assert expected.weights.stat().st_mtime_ns == before
        assert len(mirror.requests) == number
        with pytest.raises(ElmoDownloadError, match="medium: options can't be downloaded: .*HF_HUB_OFFLINE is set"):
            get("medium")
        assert len(mirror.requests) == number

    def test_it_defaults_to_a_folder_in_that_of_hugging_face(self, get, tmp_path, monkeypatch):
        monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
        assert get(cache_dir=None).weights.is_relative_to(tmp_path / "home" / "elmo")

    def test_files_of_one_name_are_kept_apart(self, get, mirror, original_dir, tmp_path, data):
        with HttpServer(published_files(original_dir, "small")) as other:
            assert get(mirror=other.url).weights.read_bytes() == (original_dir / "weights.hdf5").read_bytes()
        assert get().weights.read_bytes() == data

    @pytest.mark.parametrize("damage", ["shorter", "changed", "gone", "no record"])
    def test_a_damaged_file_is_downloaded_again(self, get, damage, data):
        path = get().weights
        if damage == "gone":
            path.unlink()
        elif damage == "no record":
            path.with_name(f"{path.name}.sha256").unlink()
        else:
            path.write_bytes(data[:-1] if damage == "shorter" else data[:-1] + b"x")
        assert get().weights.read_bytes() == data

    def test_the_first_download_is_recorded_and_another_file_refused_later(self, get, mirror, data):
        path = get().weights
        recorded = hashlib.sha256(data).hexdigest()
        assert path.with_name(f"{path.name}.sha256").read_text() == recorded
        path.unlink()
        mirror.files[path_of(mirror, "weights")] = data[:-1] + bytes([data[-1] ^ 1])
        with pytest.raises(ElmoDownloadError, match=f"expected SHA-256 {recorded}, found "):
            get()
        assert not path.exists()

    @pytest.mark.parametrize("is_right", [True, False])
    def test_a_published_hash_is_verified(self, get, data, tmp_path, monkeypatch, is_right):
        known = hashlib.sha256(data if is_right else b"other").hexdigest()
        (tmp_path / "source.json").write_text(json.dumps({**source("small"), "sha256": {"weights": known}}))
        monkeypatch.setattr(configuration, "directory", lambda name: tmp_path)
        if is_right:
            assert get().weights.read_bytes() == data
        else:
            with pytest.raises(ElmoDownloadError, match=f"expected SHA-256 {known}, found "):
                get()
            assert not list(tmp_path.rglob("*.hdf5*incomplete"))

    def test_threads_wait_for_the_first(self, get, mirror, monkeypatch):
        monkeypatch.undo()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        found = []
        threads = [threading.Thread(target=lambda: found.append(get())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [get()] * 4
        assert len(mirror.requests) == 3


class TestResume:
    @pytest.fixture
    def interrupted(self, get, mirror, tmp_path, monkeypatch):
        """Stops a download as Ctrl-C does, and returns the number of bytes that arrived."""

        def interrupted(after=200_000):
            mirror.cut_next("weights", after)
            with monkeypatch.context() as patch:
                patch.setattr("time.sleep", interrupt)
                with pytest.raises(KeyboardInterrupt):
                    get()
            (part,) = tmp_path.rglob("*weights.hdf5.incomplete")
            assert not part.with_suffix("").exists()
            mirror.requests.clear()
            return part.stat().st_size

        def interrupt(_):
            raise KeyboardInterrupt

        return interrupted

    def test_cuts_within_one_download(self, get, mirror, data):
        for cut in (0, 100_000, 70_000, 200_000):
            mirror.cut_next("weights", cut)
        files = get()
        assert files.weights.read_bytes() == data
        starts = [int(wanted[6:-1]) if wanted else 0 for wanted in ranges(mirror)]
        assert len(starts) == 5
        assert starts == sorted(starts)
        assert starts[-1] > 0
        assert sorted(path.name for path in files.weights.parent.iterdir() if path.suffix != ".lock") == [
            files.weights.name,
            f"{files.weights.name}.sha256",
        ]

    def test_the_next_download_resumes_after_an_interrupt(self, get, mirror, data, interrupted):
        arrived = interrupted()
        assert 100_000 < arrived <= 200_000
        assert get().weights.read_bytes() == data
        assert ranges(mirror) == [f"bytes={arrived}-"]

    def test_a_changed_file_starts_again(self, get, mirror, large_dir, data, interrupted, tmp_path):
        arrived = interrupted()
        write_model(tmp_path / "new", make_options(dim=128, projection_dim=31))
        new = (tmp_path / "new" / "weights.hdf5").read_bytes()
        mirror.files[path_of(mirror, "weights")] = new
        assert get().weights.read_bytes() == new
        assert ranges(mirror) == [f"bytes={arrived}-"]

    @pytest.mark.parametrize("headers", [{"ETag": '"x"'}, {"ETag": 'W/"weak"', "Accept-Ranges": "bytes"}, {}])
    def test_a_server_without_ranges_or_versions_starts_again(self, get, mirror, data, interrupted, headers):
        respond = mirror.respond
        mirror.respond = lambda request: (
            Response(data, headers=headers) if "weights" in request.path else respond(request)
        )
        interrupted()
        assert get().weights.read_bytes() == data

    def test_a_part_longer_than_the_file_starts_again(self, get, mirror, data, interrupted, tmp_path):
        interrupted()
        (part,) = tmp_path.rglob("*.incomplete")
        part.write_bytes(data + b"x")
        assert get().weights.read_bytes() == data

    @pytest.mark.parametrize("found", ["bytes 0-148999/149000", None])
    def test_another_range_is_refused(self, get, mirror, data, interrupted, found):
        interrupted()
        mirror.respond = lambda request: Response(data, 206, {"Content-Range": found} if found else {})
        with pytest.raises(ElmoDownloadError, match=f"Content-Range: expected bytes [0-9]+-, found {found}"):
            get()


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_an_error_that_passes(self, get, mirror, data, status, waits):
        mirror.fail_next("weights", status, times=3)
        assert get().weights.read_bytes() == data
        assert waits == [1, 2, 3]

    @pytest.mark.parametrize(("status", "number"), [(500, 5), (404, 1), (403, 1)])
    def test_an_error_that_stays(self, get, mirror, status, number):
        mirror.fail_next("options", status, times=99)
        with pytest.raises(ElmoDownloadError, match=f"options.json: {status} [A-Z]"):
            get()
        assert len(mirror.requests) == number

    def test_a_connection_that_is_always_cut(self, get, mirror, data):
        mirror.cut_next("weights", 0, times=99)
        with pytest.raises(ElmoDownloadError, match=f"0 bytes read, {len(data)} more expected"):
            get()
        assert len(ranges(mirror)) == 5

    def test_no_server(self, get, mirror):
        mirror.__exit__()
        with pytest.raises(ElmoDownloadError, match="Connection refused") as error:
            get()
        assert "\n" not in str(error.value)


class TestRefused:
    """A login page, half a file, or an endless one must not get into the cache."""

    PAGE = b"<html>Please log in</html>\n" * 10_000

    def refused(self, get, tmp_path, message):
        with pytest.raises(ElmoDownloadError, match=message):
            get()
        assert not [path for path in tmp_path.rglob("*weights.hdf5*") if path.suffix != ".lock"]

    @pytest.mark.parametrize(
        ("part", "message"),
        [
            ("options", "options.json.incomplete: not a valid JSON file"),
            ("vocab", "expected a vocabulary with </S>, <S>, <UNK>"),
            ("weights", "weights.hdf5.incomplete: not a readable HDF5 file"),
        ],
    )
    def test_another_file(self, get, mirror, tmp_path, part, message):
        expected = dict(mirror.files)
        mirror.files[path_of(mirror, part)] = self.PAGE
        self.refused(get, tmp_path, f"the response is not the file: .*{message}")
        mirror.files = expected
        assert get().weights.is_file()

    def test_weights_cut_short(self, get, mirror, data, tmp_path):
        mirror.files[path_of(mirror, "weights")] = data[:-1]
        self.refused(get, tmp_path, "not a readable HDF5 file, or cut short")

    def test_a_vocabulary_in_another_encoding(self, get, mirror, tmp_path):
        mirror.files[path_of(mirror, "vocab")] += b"\xff\n"
        self.refused(get, tmp_path, "expected UTF-8 text")

    @pytest.mark.parametrize(("part", "limit"), [("options", 1_000_000), ("vocab", 100_000_000)])
    def test_a_file_too_large(self, get, mirror, tmp_path, part, limit):
        mirror.files[path_of(mirror, part)] = bytes(limit + 1)
        self.refused(get, tmp_path, f"expected at most {limit:,} bytes, found {limit + 1:,}")
        assert all(path.stat().st_size < 1000 for path in tmp_path.rglob("*.incomplete"))

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Length": "-1"},
            {"Content-Length": "10", "Content-Encoding": "gzip"},
            {"Content-Length": "10", "transfer-encoding": "chunked"},
        ],
    )
    def test_a_response_of_unknown_size(self, get, tmp_path, answer, headers):
        answer(lambda url: (200, headers, bytes(10)))
        self.refused(get, tmp_path, "expected an unencoded response with the size of the file")

    def test_a_size_too_large_to_be_true(self, get, tmp_path, answer):
        answer(lambda url: (200, {"Content-Length": "9" * 30}, b"x"))
        self.refused(get, tmp_path, "expected at most 1,000,000 bytes, found 999,")

    @pytest.mark.parametrize(("status", "message"), [(204, "204 No Content"), (206, "expected bytes 0-")])
    def test_a_success_that_is_not_the_file(self, get, mirror, tmp_path, status, message):
        mirror.respond = lambda request: Response(b"", status)
        self.refused(get, tmp_path, message)


class TestRedirects:
    def test_to_another_path(self, get, mirror, data):
        path = path_of(mirror, "weights")
        mirror.files["/new/weights.hdf5"] = mirror.files.pop(path)
        mirror.redirect(path, "/new/weights.hdf5")
        files = get()
        assert files.weights.read_bytes() == data
        assert files.weights.name == path.rpartition("/")[2]

    def test_without_end(self, get, mirror):
        mirror.redirect(path_of(mirror, "options"), path_of(mirror, "options"))
        with pytest.raises(ElmoDownloadError, match="redirects"):
            get()

    @pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://localhost/x", "data:text/plain,x"])
    def test_to_another_scheme(self, get, mirror, to):
        mirror.redirect(path_of(mirror, "options"), to)
        with pytest.raises(ElmoDownloadError, match="redirected to .*; expected https:// or http://"):
            get()

    def test_out_of_https(self, tmp_path, answer):
        urls = []

        def respond(url):
            urls.append(url)
            return 302, {"Location": "http://example.org/options.json"}, b""

        answer(respond)
        with pytest.raises(ElmoDownloadError, match="redirected to http://example.org/.*; expected https://"):
            download("small", cache_dir=tmp_path)
        assert all(url.startswith("https://") for url in urls)

    def test_credentials_are_not_passed_on(self, get, mirror, tmp_path, monkeypatch):
        (tmp_path / "netrc").write_text("machine 127.0.0.1\nlogin me\npassword secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        path = path_of(mirror, "weights")
        mirror.files["/new/weights.hdf5"] = mirror.files.pop(path)
        mirror.redirect(path, f"{mirror.url.replace('127.0.0.1', 'localhost')}/new/weights.hdf5")
        get()
        *before, after = [request.headers["Authorization"] for request in mirror.requests]
        assert all(value.startswith("Basic ") for value in before)
        assert after is None


def test_a_full_disk_is_not_a_failed_download(get, monkeypatch):
    def write(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", write)
    with pytest.raises(OSError, match="No space left on device") as error:
        get()
    assert not isinstance(error.value, ElmoDownloadError)
