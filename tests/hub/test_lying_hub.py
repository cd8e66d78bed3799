# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A Hub, or somebody between it and the user, whose answers are not what they announce."""

import dataclasses
import json
import os
import time

from modeling_elmo import ElmoModel
from tests.helpers import programs
from tests.helpers.http_server import HttpServer, Response
from tests.helpers.hub_server import HubServer


class LyingHub(HubServer):
    """Answers every request about `org/LIE` by the method of that name."""

    def __init__(self, other_host):
        super().__init__()
        self.other_host = other_host

    def respond(self, request):
        response = super().respond(request)
        for name, repository in self.repositories.items():
            # Weights are stored under their hash, which differs from repository to repository.
            (commit,) = repository.history()
            paths = [f"/{name}/", f"/api/models/{name}", f"/storage/{commit.files['model.safetensors'].oid}/"]
            if response.status in (200, 302) and any(request.path.startswith(path) for path in paths):
                return getattr(self, name.removeprefix("org/"))(request, response)
        return response

    def honest(self, request, response):
        return response

    def truncated(self, request, response):
        return _change(response, body=response.body[:-10]) if "/storage/" in request.path else response

    def longer(self, request, response):
        return _change(response, body=response.body + bytes(1000)) if "/storage/" in request.path else response

    def stops(self, request, response):
        def pieces():
            yield response.body[:100]
            time.sleep(1.5)

        return _change(response, pieces=pieces()) if "/storage/" in request.path else response

    def commit_is_a_path(self, request, response):
        if "X-Repo-Commit" not in response.headers:
            return response
        return _change(response, headers={**response.headers, "X-Repo-Commit": "../../../escaped"})

    def names_are_paths(self, request, response):
        if "/api/models/" not in request.path:
            return response
        found = json.loads(response.body)
        if "/tree/" in request.path:
            found.append({"type": "file", "path": "../../../escaped", "oid": "0" * 40, "size": 3})
        else:
            found["siblings"].append({"rfilename": "../../../escaped"})
        return _change(response, body=json.dumps(found).encode())

    def sends_elsewhere(self, request, response):
        if not request.path.endswith("/config.json"):
            return response
        return Response(b"", 302, {**response.headers, "Location": f"{self.other_host}/config.json"})


def _change(response, **fields):
    return dataclasses.replace(response, **fields)


PROGRAM = """
import json, sys
import huggingface_hub.file_download
import modeling_elmo
from huggingface_hub import snapshot_download
from transformers import AutoModel

# The pause before another try.
huggingface_hub.file_download.time.sleep = lambda seconds: None
outcomes = {}
for name in sys.argv[1:]:
    # An answer that stops is waited for six times.
    for load in (AutoModel.from_pretrained, snapshot_download)[: 1 if name == "org/stops" else 2]:
        try:
            load(name)
            outcome = "loaded"
        except Exception as error:
            outcome = str(error)
        outcomes.setdefault(name.removeprefix("org/"), []).append(outcome)
print(json.dumps(outcomes))
"""

EXPECTED = {
    "honest": ("loaded", "loaded"),
    "truncated": ("Consistency check failed", "Consistency check failed"),
    "longer": ("Consistency check failed", "Consistency check failed"),
    "stops": ("Can't load the model",),
    "commit_is_a_path": ("Invalid pointer path", "Invalid pointer path"),
    "names_are_paths": ("loaded", "Invalid filename"),
    "sends_elsewhere": ("loaded", "loaded"),
}


def test_a_lie_is_an_error_and_writes_nothing_outside_the_cache(tmp_path, tiny_config):
    with HttpServer() as other, LyingHub(other.url.replace("127.0.0.1", "localhost")) as hub:
        for lie in EXPECTED:
            ElmoModel(tiny_config()).save_pretrained(tmp_path / lie)
            hub.commit(f"org/{lie}", tmp_path / lie)
        other.files["/config.json"] = (tmp_path / "sends_elsewhere" / "config.json").read_bytes()
        home = tmp_path / "user" / "home"
        home.mkdir(parents=True)
        environment = {**os.environ, **hub.environment(home), "HF_HUB_DOWNLOAD_TIMEOUT": "1"}
        names = [f"org/{lie}" for lie in EXPECTED]
        result = programs.run(PROGRAM, *names, env=environment, cwd=home)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    for lie, expected in EXPECTED.items():
        for outcome, message in zip(found[lie], expected, strict=True):
            assert outcome.startswith(message), (lie, outcome)
    assert list((tmp_path / "user").iterdir()) == [home]
    assert list(tmp_path.rglob("escaped*")) == []
    # The token of the Hub is not for others.
    assert [request.headers["Authorization"] for request in other.requests if request.method == "GET"] == [None]
    # What was not complete is not taken for complete later.
    for lie in ("truncated", "longer", "stops"):
        assert not list(home.rglob(hub.repositories[f"org/{lie}"].find("main").files["model.safetensors"].oid))
