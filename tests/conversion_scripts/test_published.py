# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Models of other collections by name: what the table says, and how their files come into the cache."""

import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from modeling_elmo import configuration
from modeling_elmo.conversion_scripts import ElmoDownloadError, ElmoFormatError, OriginalFiles
from modeling_elmo.conversion_scripts.published import (
    PublishedModel,
    cells,
    fetch_published,
    find_published,
    published_models,
    published_table,
)
from modeling_elmo.hub.model_card import table
from tests.helpers.http_server import HttpServer


PAGE = Path(__file__).parents[2] / "docs" / "published_models.md"


@pytest.fixture(autouse=True)
def _online(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def archive(tmp_path, original_dir):
    """A zip file of original files."""
    return Path(shutil.make_archive(str(tmp_path / "model"), "zip", original_dir)).read_bytes()


class TestTable:
    def test_names_are_unique(self):
        names = [name for model in published_models() for name in (model.name, model.also) if name]
        assert len({*names}) == len(names)
        assert not {name for name in names if not re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)?", name)}

    def test_languages_are_iso_codes(self):
        assert not [model.name for model in published_models() if not re.fullmatch("[a-z]{2,3}", model.language)]

    def test_every_model_has_addresses_or_a_page(self):
        for model in published_models():
            assert model.files or model.page
            for urls in model.files.values():
                assert all(re.fullmatch(r"https?://[!-~]+", url) for url in urls)

    def test_the_forty_four_languages_have_the_numbers_of_their_repository(self):
        models = [model for model in published_models() if "repository/11/" in str(model.files) and model.also]
        assert len(models) == 44
        for number, model in enumerate(models, 136):
            assert model.also == f"nlpl/{number}"
            assert model.files == {"archive": [f"http://vectors.nlpl.eu/repository/11/{number}.zip"]}
            assert model.name == f"manylangs/{model.language}"
        codes = {model.also: model.language for model in models}
        assert [codes[f"nlpl/{number}"] for number in (136, 144, 164, 165, 179)] == ["ar", "en", "nl", "nb", "zh"]

    def test_is_printed_with_a_line_per_model(self):
        lines = published_table().splitlines()
        assert len(lines) == len(published_models())
        assert lines[0].startswith("small ")
        (line,) = [line for line in lines if line.startswith("nlpl/196 ")]
        assert re.search(r"  ru +unknown +ruwikiruscorpora.*  http://vectors\.nlpl\.eu/repository/20/196\.zip$", line)

    def test_is_that_of_the_documentation(self):
        rows = [cells(model) for model in published_models()]
        assert table(("Name", "Language", "License", "Model", "Address"), rows) in PAGE.read_text(encoding="utf-8")


class TestNames:
    @pytest.mark.parametrize("name", ["manylangs/de", "nlpl/142"])
    def test_of_one_model(self, name):
        model = find_published(name)
        assert (model.name, model.language) == ("manylangs/de", "de")

    @pytest.mark.parametrize("name", ["models/elmo", "/tmp/x", "", "x", "../nlpl"])
    def test_of_no_collection(self, name):
        assert find_published(name) is None

    def test_that_a_collection_does_not_have(self):
        with pytest.raises(ElmoFormatError, match="manylangs/xx: not a known model .*; elmo convert --list"):
            find_published("manylangs/xx")
        with pytest.raises(
            ElmoFormatError, match="nlpl/5: not a known model .*download its zip file and pass the path"
        ):
            find_published("nlpl/5")

    def test_of_folders(self):
        assert [find_published(name).name for name in configuration.NAMES] == [*configuration.NAMES]


class TestFetching:
    def test_an_archive(self, tmp_path, archive):
        with HttpServer({"/m/repository/20/196.zip": archive}) as server:
            path = fetch_published(find_published("nlpl/196"), f"{server.url}/m", tmp_path / "cache")
            assert path.name == "196.zip"
            assert path.read_bytes() == archive
            assert fetch_published(find_published("nlpl/196"), f"{server.url}/m", tmp_path / "cache") == path
            assert len(server.requests) == 1

    def test_the_next_address_is_tried(self, tmp_path, archive):
        with HttpServer({"/repository/11/195.zip": archive}) as server:
            path = fetch_published(find_published("nlpl/195"), server.url, tmp_path / "cache")
            assert [request.path for request in server.requests] == ["/repository/20/195.zip", "/repository/11/195.zip"]
        assert path.read_bytes() == archive

    def test_a_page_instead_of_an_archive_is_refused(self, tmp_path):
        with (
            HttpServer({"/repository/20/196.zip": b"<html>moved</html>"}) as server,
            pytest.raises(ElmoDownloadError, match=r"196\.zip.*: expected a zip or tar file"),
        ):
            fetch_published(find_published("nlpl/196"), server.url, tmp_path / "cache")
        assert not list((tmp_path / "cache").rglob("196.zip"))

    def test_files_that_were_published_one_by_one(self, tmp_path, original_dir):
        files = {
            f"/cloud/eu-elmo/{name}": (original_dir / name).read_bytes() for name in ("options.json", "weights.hdf5")
        }
        with HttpServer(files) as server:
            found = fetch_published(find_published("schweter/eu"), server.url, tmp_path / "cache")
        assert isinstance(found, OriginalFiles)
        assert found.weights.read_bytes() == (original_dir / "weights.hdf5").read_bytes()
        assert found.language == "eu"
        assert found.addresses["options.json"] == "https://schweter.eu/cloud/eu-elmo/options.json"

    def test_parts_are_joined(self, tmp_path, archive):
        model = find_published("t-systems/de")
        paths = ["/" + url.split("/", 3)[3] for url in model.files["parts"]]
        pieces = [archive[:100], archive[100:200], archive[200:300], archive[300:]]
        with HttpServer(dict(zip(paths, pieces))) as server:
            for _ in range(2):
                path = fetch_published(model, server.url, tmp_path / "cache")
                assert path.name == "bilm-output-result.tgz"
                assert path.read_bytes() == archive
            assert len(server.requests) == 4

    def test_files_of_a_checkpoint_come_into_one_folder(self, tmp_path, original_dir):
        model = find_published("bilm-tf/original")
        urls = model.files["checkpoint_files"]
        files = {"/" + url.split("/", 3)[3]: url.rpartition("/")[2].encode() for url in urls}
        files["/allennlp/models/elmo/vocab-2016-09-10.txt"] = (original_dir / "vocab.txt").read_bytes()
        with HttpServer(files) as server:
            folder = fetch_published(model, server.url, tmp_path / "cache")
        for url in urls:
            name = url.rpartition("/")[2]
            assert (folder / name).read_bytes() == name.encode()
        assert (folder / "vocab.txt").read_bytes() == (original_dir / "vocab.txt").read_bytes()

    def test_a_module_of_tensorflow_hub_has_a_name_that_says_what_it_is(self, tmp_path, archive):
        with HttpServer({"/google/elmo/3": archive}) as server:
            assert fetch_published(find_published("tfhub/elmo-3"), server.url, tmp_path).name == "3.tar.gz"

    def test_without_an_address_the_page_is_named(self, tmp_path):
        with pytest.raises(
            ElmoFormatError, match=r"embeddia/fi: no address .* download them from https://www\.clarin\.si"
        ):
            fetch_published(find_published("embeddia/fi"), None, tmp_path)

    def test_nothing_is_requested_offline(self, tmp_path, monkeypatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        for name in ("manylangs/de", "t-systems/de", "bilm-tf/original", "exawizards/ja"):
            with pytest.raises(ElmoDownloadError, match=f"{name}: .*HF_HUB_OFFLINE is set"):
                fetch_published(find_published(name), None, tmp_path)

    def test_a_mirror_that_is_not_a_plain_url_is_refused(self, tmp_path):
        model = PublishedModel(
            name="x/y", language="en", description="", files={"archive": ["https://example.org/x.zip"]}
        )
        with pytest.raises(ValueError, match="mirror: expected a URL"):
            fetch_published(model, "file:///x", tmp_path)
