# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Publishing a model directory, with the Hub's real client against a server that speaks its interface."""

import json
import re
import shutil
import time

import pytest
import torch
from huggingface_hub import ModelCard, constants
from huggingface_hub.errors import HFValidationError
from transformers import AutoModel, AutoTokenizer

from modeling_elmo import ElmoForTokenClassification
from modeling_elmo.conversion_scripts import ElmoFormatError
from modeling_elmo.hub import PushError, push
from tests.helpers.http_server import Response
from tests.helpers.hub_server import ORGANIZATION, HubServer, lead_client
from tests.test_repository import ROOT


REPOSITORY = f"{ORGANIZATION}/elmo"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub, and the client in this process led to it."""
    with HubServer() as hub:
        lead_client(monkeypatch, hub, tmp_path)
        yield hub


@pytest.fixture
def folder(model_dir, tmp_path):
    """A model directory, to be changed by the test."""
    return shutil.copytree(model_dir, tmp_path / "elmo")


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def uploads(hub):
    return [request.path for request in hub.requests if request.method == "PUT"]


class TestFiles:
    def test_all_of_the_model_is_published_in_one_commit(self, hub, folder):
        done = push(folder, REPOSITORY)
        published = hub.files_of(REPOSITORY)
        del published[".gitattributes"]
        card = published.pop("README.md").decode()
        expected = contents(folder)
        assert card == expected.pop("README.md").decode().replace("path/to/this/directory", REPOSITORY)
        assert published == expected
        (commit,) = hub.repositories[REPOSITORY].history()
        assert (commit.message, commit.oid) == ("Upload ELMo", done.commit)
        assert (done.repo_id, done.url, done.is_new) == (REPOSITORY, f"{hub.url}/{REPOSITORY}", True)

    def test_nothing_else_is_published(self, hub, folder):
        for name in ("optimizer.pt", "pytorch_model.bin", "training_args.bin", "notes.txt", ".env", "other.py"):
            (folder / name).write_text("secret")
        for name in ("checkpoint-1", ".git", ".cache", "runs"):
            (folder / name).mkdir()
            (folder / name / "model.safetensors").write_text("secret")
        push(folder, REPOSITORY)
        assert not any(b"secret" in content for content in hub.files_of(REPOSITORY).values())

    def test_again_changes_nothing(self, hub, folder):
        first = push(folder, REPOSITORY)
        hub.requests.clear()
        second = push(folder, REPOSITORY)
        assert (second.commit, second.is_new) == (first.commit, False)
        assert uploads(hub) == []
        assert len(hub.repositories[REPOSITORY].history()) == 1

    def test_only_what_differs_is_changed(self, hub, folder):
        push(folder, REPOSITORY)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "mix_l2": 0.5}))
        hub.requests.clear()
        assert push(folder, REPOSITORY, commit_message="Less of the mix").is_new
        assert uploads(hub) == []
        (commit,) = [request.body for request in hub.requests if "/commit/" in request.path]
        header, change = (json.loads(line) for line in commit.splitlines())
        assert header["value"]["summary"] == "Less of the mix"
        assert (change["key"], change["value"]["path"]) == ("file", "config.json")

    def test_shards_are_published_and_leave_when_they_are_replaced(self, hub, folder):
        model = AutoModel.from_pretrained(folder)
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").unlink()
        model.save_pretrained(folder, max_shard_size="2KB")
        push(folder, REPOSITORY)
        first = {name for name in hub.files_of(REPOSITORY) if "safetensors" in name}
        assert first == {path.name for path in folder.glob("*safetensors*")}
        assert len(first) > 2
        (folder / "model.safetensors").write_bytes(whole)
        push(folder, REPOSITORY)
        assert {name for name in hub.files_of(REPOSITORY) if "safetensors" in name} == {"model.safetensors"}
        assert ".gitattributes" in hub.files_of(REPOSITORY)

    def test_files_that_the_repository_has_of_its_own_stay(self, hub, folder):
        own = {"images/curve.png": b"png", "train.py": b"code", "onnx/model.safetensors": b"other"}
        hub.commit(REPOSITORY, own)
        push(folder, REPOSITORY)
        assert own.items() <= hub.files_of(REPOSITORY).items()

    def test_a_directory_without_code_gets_it_on_the_way(self, hub, tmp_path):
        bare = tmp_path / "bare"
        shutil.copytree(ROOT / "models" / "elmo-tiny", bare, ignore=shutil.ignore_patterns("*.py"))
        for name in ("config.json", "tokenizer_config.json"):
            fields = json.loads((bare / name).read_text())
            del fields["auto_map"]
            (bare / name).write_text(json.dumps(fields))
        push(bare, REPOSITORY)
        for name, content in hub.files_of(REPOSITORY).items():
            (tmp_path / name).write_bytes(content)
        assert (tmp_path / "modeling_elmo.py").is_file()
        assert "AutoModel" in json.loads((tmp_path / "config.json").read_text())["auto_map"]
        assert "AutoTokenizer" in json.loads((tmp_path / "tokenizer_config.json").read_text())["auto_map"]
        assert AutoTokenizer.from_pretrained(tmp_path)("bank") == AutoTokenizer.from_pretrained(
            ROOT / "models" / "elmo-tiny"
        )("bank")

    def test_links_to_code_that_git_wrote_as_text_are_replaced_by_the_code(self, hub, folder):
        code = {path.name: path.read_bytes() for path in folder.glob("*.py")}
        for name in code:
            (folder / name).write_text(f"../../modeling_elmo/model/{name}")
        push(folder, REPOSITORY)
        pushed = hub.files_of(REPOSITORY)
        assert {name: pushed[name] for name in code} == code

    def test_code_of_a_directory_saved_by_an_earlier_version_is_published(self, hub, folder):
        (folder / "modeling_elmo.py").rename(folder / "auto_classes.py")
        config = (folder / "config.json").read_text()
        (folder / "config.json").write_text(config.replace('"modeling_elmo.', '"auto_classes.'))
        push(folder, REPOSITORY)
        published = hub.files_of(REPOSITORY)
        assert published["auto_classes.py"] == (folder / "auto_classes.py").read_bytes()
        assert "modeling_elmo.py" not in published
        assert "bilm.py" in published

    def test_an_upload_that_is_cut_is_made_again(self, hub, folder, no_waiting):
        hub.cut_next("/upload/", after=100, times=2)
        push(folder, REPOSITORY)
        assert hub.files_of(REPOSITORY)["model.safetensors"] == (folder / "model.safetensors").read_bytes()
        assert len(uploads(hub)) >= 3

    def test_an_upload_that_fails_leaves_the_repository_as_it_was(self, hub, folder, no_waiting):
        first = push(folder, REPOSITORY)
        model = AutoModel.from_pretrained(folder)
        with torch.no_grad():
            model.scalar_mixes[0].gamma.fill_(2)
        model.save_pretrained(folder)
        hub.fail_next("/upload/", status=500, times=100)
        with pytest.raises(PushError, match=r"org/elmo: HfHubHTTPError: .*500"):
            push(folder, REPOSITORY)
        assert hub.repositories[REPOSITORY].find("main").oid == first.commit


class TestTarget:
    def test_private(self, hub, folder):
        push(folder, REPOSITORY, private=True)
        assert hub.repositories[REPOSITORY].is_private

    def test_private_is_not_uploaded_to_a_public_repository(self, hub, folder):
        hub.commit(REPOSITORY, {})
        with pytest.raises(PushError, match="org/elmo: this repository exists and is public"):
            push(folder, REPOSITORY, private=True)
        assert uploads(hub) == []
        assert "model.safetensors" not in hub.files_of(REPOSITORY)

    def test_another_branch(self, hub, folder):
        hub.commit(REPOSITORY, {"config.json": b"{}"})
        done = push(folder, REPOSITORY, revision="v2")
        assert hub.repositories[REPOSITORY].branches["v2"].oid == done.commit
        assert hub.files_of(REPOSITORY)["config.json"] == b"{}"
        assert not push(folder, REPOSITORY, revision="v2").is_new

    def test_a_name_alone_is_a_repository_of_the_user(self, hub, folder):
        done = push(folder, "elmo")
        assert done.repo_id == "tester/elmo"
        assert b'"tester/elmo"' in hub.files_of("tester/elmo")["README.md"]


class TestCard:
    def test_metadata_can_be_given(self, hub, folder):
        push(folder, REPOSITORY, license="mit", language=["en", "de"])
        card = ModelCard(hub.files_of(REPOSITORY)["README.md"].decode())
        assert (card.data.license, card.data.language) == ("mit", ["en", "de"])
        assert card.data.library_name == "transformers"
        assert "license" not in ModelCard.load(folder / "README.md").data.to_dict()

    def test_a_card_is_written_where_there_is_none(self, hub, tmp_path):
        config = AutoModel.from_pretrained(ROOT / "models" / "elmo-tiny").config
        config.name_or_path = ""
        ElmoForTokenClassification(config).save_pretrained(tmp_path / "tagger")
        AutoTokenizer.from_pretrained(ROOT / "models" / "elmo-tiny").save_pretrained(tmp_path / "tagger")
        push(tmp_path / "tagger", REPOSITORY)
        card = hub.files_of(REPOSITORY)["README.md"].decode()
        assert ModelCard(card).data.pipeline_tag == "token-classification"
        assert "AutoModelForTokenClassification.from_pretrained(name" in card
        assert f'"{REPOSITORY}"' in card

    def test_unreadable_metadata(self, hub, folder):
        (folder / "README.md").write_text("---\ntags: [\n---\n")
        with pytest.raises(ElmoFormatError, match=r"README\.md: "):
            push(folder, REPOSITORY)
        assert hub.requests == []


class TestIncomplete:
    def refused(self, hub, directory, message):
        with pytest.raises(ElmoFormatError, match=message) as error:
            push(directory, REPOSITORY)
        assert "\n" not in str(error.value)
        assert hub.requests == []

    @pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
    def test_missing_file(self, hub, folder, name):
        (folder / name).unlink()
        self.refused(hub, folder, rf"elmo: .*{re.escape(name)}")

    @pytest.mark.parametrize("name", ["tokenization_elmo.py", "word_splitting.py", "lstm.py"])
    def test_missing_code(self, hub, folder, name):
        (folder / name).unlink()
        self.refused(hub, folder, rf"elmo: incomplete ELMo model: .*{re.escape(name)}")

    def test_missing_shard(self, hub, folder):
        model = AutoModel.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        model.save_pretrained(folder, max_shard_size="2KB")
        shard = sorted(folder.glob("model-*.safetensors"))[1]
        shard.unlink()
        self.refused(hub, folder, f"{re.escape(shard.name)}: not a whole safetensors file: No such file")

    def test_index_that_leads_out_of_the_directory(self, hub, folder):
        (folder / "model.safetensors").unlink()
        index = {"metadata": {}, "weight_map": {"scalar_mixes.0.gamma": "../secret.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        self.refused(hub, folder, "index.json: expected safetensors files of its own folder, found '../secret")

    def test_code_that_lies_elsewhere(self, hub, folder):
        (folder.parent / "secret.py").write_text("secret")
        config = json.loads((folder / "config.json").read_text())
        config["auto_map"]["AutoModel"] = f"{folder.parent}/secret.ElmoModel"
        (folder / "config.json").write_text(json.dumps(config))
        self.refused(hub, folder, "expected code in this directory only, found /")

    def test_code_that_imports_what_lies_elsewhere(self, hub, folder):
        (folder.parent / "secret.py").write_text("secret")
        with open(folder / "word_splitting.py", "a") as file:
            file.write(f'"""\nfrom .{folder.parent}/secret import key\n"""\n')
        self.refused(hub, folder, "expected code in this directory only, found .*secret.py")

    def test_weights_of_another_model(self, hub, folder):
        shutil.copy(ROOT / "models" / "elmo-tiny" / "model.safetensors", folder)
        self.refused(hub, folder, r"elmo: ")

    def test_damaged_weights(self, hub, folder):
        (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1])
        self.refused(hub, folder, r"elmo: ")

    def test_model_of_another_kind(self, hub, folder):
        (folder / "config.json").write_text('{"model_type": "bert"}')
        self.refused(hub, folder, "expected a model of type 'elmo', found 'bert'")

    def test_no_directory(self, hub, tmp_path):
        self.refused(hub, tmp_path / "nowhere", "nowhere: expected a model directory")


class TestRefusal:
    def refused(self, message, directory, repository=REPOSITORY):
        with pytest.raises(PushError, match=message) as error:
            push(directory, repository)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("name", ["a/b/c", "org/.elmo", "org/el mo", "", "org/" + "x" * 200])
    def test_a_name_that_the_hub_does_not_allow(self, hub, folder, name):
        with pytest.raises(HFValidationError):
            push(folder, name)
        assert hub.requests == []

    def test_no_token(self, hub, folder, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        self.refused(r"no token for the Hub: run `hf auth login` or set HF_TOKEN", folder)
        assert hub.requests == []

    def test_a_wrong_token(self, hub, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_other")
        self.refused(r"org/elmo: [A-Za-z]+: .*401", folder)

    def test_an_organization_of_others(self, hub, folder):
        self.refused(r"others/elmo: HfHubHTTPError: .*403 Forbidden: You don't have", folder, "others/elmo")

    def test_a_repository_that_goes_away(self, hub, folder):
        hub.fail_next("/preupload/", status=404, headers={"X-Error-Code": "RepoNotFound"})
        self.refused(r"org/elmo: RepositoryNotFoundError: .*404", folder)

    def test_a_commit_of_somebody_else_meanwhile(self, hub, folder, monkeypatch):
        push(folder, REPOSITORY)
        (folder / "README.md").unlink()
        answer = hub.respond

        def respond(request):
            if "/commit/" in request.path:
                hub.commit(REPOSITORY, {"NOTES.md": b"notes"})
            return answer(request)

        monkeypatch.setattr(hub, "respond", respond)
        self.refused(r"org/elmo: HfHubHTTPError: .*412", folder)

    def test_too_many_requests(self, hub, folder, no_waiting):
        hub.fail_next("/preupload/", status=429, times=100)
        self.refused(r"org/elmo: HfHubHTTPError: .*429", folder)
        assert sum("/preupload/" in request.path for request in hub.requests) > 3

    def test_a_failure_that_passes_is_not_told(self, hub, folder, no_waiting):
        hub.fail_next("/preupload/", status=500, times=2)
        hub.fail_next("/preupload/", status=429)
        assert push(folder, REPOSITORY).is_new

    @pytest.mark.parametrize("body", [b"<html></html>", b"[]", b"null", b"{}", b'{"url": 5}', b"\xff"])
    def test_another_server(self, hub, folder, monkeypatch, body):
        monkeypatch.setattr(hub, "respond", lambda request: Response(body))
        self.refused(r"org/elmo: [A-Za-z]+Error: ", folder)

    def test_no_connection(self, hub, folder, monkeypatch, no_waiting):
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
        self.refused(r"org/elmo: ConnectError: ", folder)

    def test_offline(self, hub, folder, monkeypatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        self.refused(r"org/elmo: OfflineModeIsEnabled: .*HF_HUB_OFFLINE", folder)


class TestCommand:
    def test_push(self, hub, folder, elmo):
        options = ("--private", "--commit-message", "First", "--license", "mit", "--language", "pt")
        code, out, _ = elmo("push", folder, REPOSITORY, *options)
        (commit,) = hub.repositories[REPOSITORY].history()
        assert (code, out) == (0, f"Pushed {folder} to {hub.url}/{REPOSITORY}, commit {commit.oid}\n")
        assert commit.message == "First"
        assert hub.repositories[REPOSITORY].is_private
        code, out, _ = elmo("push", folder, REPOSITORY, *options)
        assert (code, out) == (0, f"{hub.url}/{REPOSITORY}: nothing to change, commit {commit.oid}\n")

    def test_convert_and_push(self, hub, original_dir, tmp_path, elmo):
        options = ("--license", "cc0-1.0", "--language", "en", "--push-to-hub", REPOSITORY)
        code, out, _ = elmo("convert", original_dir, tmp_path / "made", *options)
        assert code == 0
        assert f"\nWrote {tmp_path / 'made'}\nPushed " in out
        card = ModelCard(hub.files_of(REPOSITORY)["README.md"].decode())
        assert (card.data.license, card.data.language) == ("cc0-1.0", ["en"])

    def test_without_a_token_nothing_is_converted(self, hub, original_dir, tmp_path, elmo, monkeypatch):
        monkeypatch.delenv("HF_TOKEN")
        code, _, err = elmo("convert", original_dir, tmp_path / "made", "--push-to-hub", REPOSITORY)
        assert (code, err) == (2, "elmo: no token for the Hub: run `hf auth login` or set HF_TOKEN\n")
        assert not (tmp_path / "made").exists()

    def test_errors_take_one_line(self, hub, folder, elmo):
        (folder / "tokenizer.json").unlink()
        code, out, err = elmo("push", folder, REPOSITORY)
        assert (code, out) == (2, "")
        assert err == f"elmo: {folder}: incomplete ELMo model, lacks tokenizer.json\n"
