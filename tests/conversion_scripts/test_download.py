# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The published originals by name: which addresses are asked, in which order, and what is made of the answers."""

import math

import pytest
from huggingface_hub import ModelCard, constants, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from modeling_elmo import configuration
from modeling_elmo.conversion_scripts import ElmoDownloadError, ElmoFormatError, convert, download
from modeling_elmo.conversion_scripts.cached_file import httpx
from modeling_elmo.conversion_scripts.options_json import read_options
from modeling_elmo.conversion_scripts.weights_hdf5 import weight_table
from tests.helpers.http_server import HttpServer
from tests.helpers.published_models import OFFICIAL, published_files, source


@pytest.fixture(autouse=True)
def _online(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def mirror(original_dir):
    """Serves `small` and `portuguese`, the latter at its second addresses."""
    files = published_files(original_dir, "small") | published_files(original_dir, "portuguese", generation=1)
    with HttpServer({f"/copy/of{path}": data for path, data in files.items()}) as server:
        yield server


@pytest.fixture
def get(mirror, tmp_path):
    def get(name="small", **kwargs):
        return download(name, **{"mirror": f"{mirror.url}/copy/of", "cache_dir": tmp_path / "cache", **kwargs})

    return get


def asked(server):
    return [request.path.rpartition("/")[2] for request in server.requests]


@pytest.mark.parametrize("name", configuration.NAMES)
def test_official_addresses_have_one_beginning(name):
    for kind in ("options", "weights", "vocabulary"):
        assert all(address.startswith(f"{OFFICIAL}/") for address in source(name).get(kind, []))


@pytest.mark.parametrize("name", configuration.NAMES)
def test_asks_the_official_addresses(name, original_dir, tmp_path):
    files = published_files(original_dir, name)
    requests = []

    def respond(request):
        requests.append(str(request.url))
        data = files[requests[-1].removeprefix(OFFICIAL)]
        return httpx.Response(200, headers={"Content-Length": str(len(data))}, content=iter([data]))

    set_client_factory(lambda: httpx.Client(transport=httpx.MockTransport(respond), follow_redirects=True))
    try:
        found = download(name, cache_dir=tmp_path)
    finally:
        set_client_factory(default_client_factory)
    assert requests == [source(name)[kind][0] for kind in ("options", "vocabulary", "weights") if kind in source(name)]
    assert found.addresses == {url.rpartition("/")[2]: url for url in requests}
    assert [path.read_bytes() for path in found.all()] == [
        (original_dir / file).read_bytes() for file in ("options.json", "weights.hdf5", "vocab.txt")
    ][: len(requests)]


def test_converts_to_what_the_files_convert_to(get, model_dir, tmp_path):
    files = get()
    assert files.options.name == "elmo_2x1024_128_2048cnn_1xhighway_options.json"
    convert(files, tmp_path / "elmo")
    assert ModelCard.load(tmp_path / "elmo" / "README.md").data.language == ["en"]
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (tmp_path / "elmo" / name).read_bytes() == (model_dir / name).read_bytes()


def test_the_next_address_is_tried(get, mirror):
    files = get("portuguese")
    assert asked(mirror) == ["elmo_pt_options.json", "options.json", "elmo_pt_weights.hdf5", "elmo_pt_weights.hdf5"]
    assert files.vocab is None
    assert files.language == "pt"
    # Where it was published, whoever gave it.
    assert files.addresses["options.json"] == f"{OFFICIAL}/contributed/pt/wikipedia/options.json"


def test_tells_what_each_address_did(get, mirror):
    mirror.fail_next("wikipedia/options.json", 403)
    at = f"{mirror.url}/copy/of/contributed/pt"
    with pytest.raises(ElmoDownloadError) as error:
        get("portuguese")
    assert str(error.value) == (
        f"portuguese: its options can't be fetched: {at}/elmo_pt_options.json: 404 Not Found; "
        f"{at}/wikipedia/options.json: 403 Forbidden"
    )


def test_what_is_there_is_used_offline(get, mirror, monkeypatch):
    expected = get()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    number = len(mirror.requests)
    assert get() == expected
    assert len(mirror.requests) == number
    with pytest.raises(ElmoDownloadError, match="medium: its options can't be fetched: .*HF_HUB_OFFLINE is set"):
        get("medium")


def test_a_slash_after_the_mirror_is_as_none(get, mirror, monkeypatch):
    expected = get()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert get(mirror=f"{mirror.url}/copy/of/") == expected


def test_by_default_the_cache_is_beside_that_of_hugging_face(get, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    assert get(cache_dir=None).weights.is_relative_to(tmp_path / "home" / "elmo")


def test_a_given_vocabulary_takes_the_place_of_the_published(get, mirror, original_dir):
    files = get(vocab=original_dir / "vocab.txt")
    assert files.vocab == original_dir / "vocab.txt"
    assert not any("vocab" in name for name in asked(mirror))


@pytest.mark.parametrize("option", ["vocab", "token_embeddings"])
def test_a_given_file_that_is_not_there_is_told_first(get, mirror, tmp_path, option):
    with pytest.raises(ElmoFormatError, match="missing.txt is not a file"):
        get(**{option: tmp_path / "missing.txt"})
    assert mirror.requests == []


@pytest.mark.parametrize("name", ["large", "", "../small", "Small"])
def test_unknown_name(get, mirror, name):
    with pytest.raises(ValueError, match="expected one of small, medium, original, original-5.5b, portuguese, found "):
        get(name)
    assert mirror.requests == []


@pytest.mark.parametrize(
    "mirror",
    [
        "",
        "example.org",
        "/home",
        "file:///home",
        "ftp://example.org",
        "https://",
        "https://[",
        "http://x:port",
        "http://é",
    ],
)
def test_mirror_that_is_no_address(mirror, tmp_path):
    with pytest.raises(ValueError, match="mirror: expected an address that begins with https:// or http://, found "):
        download("small", mirror=mirror, cache_dir=tmp_path)


@pytest.mark.parametrize(
    "mirror", ["https://example.org/?key=x", "https://example.org/#x", "https://me:pass@example.org"]
)
def test_mirror_with_what_must_not_be_stored(mirror, tmp_path):
    with pytest.raises(
        ValueError, match="neither a query nor a user in the address of example.org, found one"
    ) as error:
        download("small", mirror=mirror, cache_dir=tmp_path)
    assert "pass@" not in str(error.value)


class TestChecks:
    """A page of a provider's portal, or half a file, must not get into the cache."""

    PAGE = b"<html>Please log in</html>\n" * 10_000

    def change(self, mirror, part, change):
        (path,) = [path for path in mirror.files if part in path and "/pt/" not in path]
        mirror.files[path] = change(mirror.files[path])

    @pytest.mark.parametrize(
        ("part", "message"),
        [
            ("options", "options.json.incomplete: not a JSON file"),
            ("vocab", "expected a vocabulary with <S>, </S>, <UNK>, found none"),
            ("weights", "weights.hdf5.incomplete: not an HDF5 file"),
        ],
    )
    def test_another_file(self, get, mirror, tmp_path, part, message):
        expected = dict(mirror.files)
        self.change(mirror, part, lambda data: self.PAGE)
        with pytest.raises(ElmoDownloadError, match=f"what it gives is not the file: .*{message}"):
            get()
        mirror.files = expected
        assert get().weights.is_file()

    def test_weights_shorter_than_their_numbers(self, get, mirror, original_dir):
        config, _ = read_options(original_dir / "options.json")
        size = 4 * sum(math.prod(dataset.shape) for dataset in weight_table(config))
        self.change(mirror, "weights", lambda data: data[: size - 1])
        with pytest.raises(ElmoDownloadError, match=f"expected at least {size:,} bytes, found {size - 1:,}"):
            get()

    def test_vocabulary_in_another_encoding(self, get, mirror):
        self.change(mirror, "vocab", lambda data: data + b"\xff\n")
        with pytest.raises(ElmoDownloadError, match="expected UTF-8 text"):
            get()

    @pytest.mark.parametrize(("part", "limit"), [("options", 1_000_000), ("vocab", 100_000_000)])
    def test_file_too_large(self, get, mirror, part, limit):
        self.change(mirror, part, lambda data: bytes(limit + 1))
        with pytest.raises(ElmoDownloadError, match=f"expected at most {limit:,} bytes, found {limit + 1:,}"):
            get()
