# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The part of the Hub's HTTP interface that `huggingface_hub` uses to publish and to download models.

    with HubServer() as hub:
        hub.commit("org/elmo", {"config.json": b"{}"})
        subprocess.run([...], env={**os.environ, **hub.environment(tmp_path)})

The real client is sent here by `HF_ENDPOINT`, which it reads when imported. Where `hf_xet` is installed, it uploads
through Xet, so `HF_HUB_DISABLE_XET=1` is needed to upload through LFS. (It downloads through Xet only if the server
announces it, and this one does not.) Revision names must not contain a slash.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, constants

from tests.helpers.http_server import HttpServer, Request, Response


TOKEN = "hf_of_the_test_user"
USER = "tester"
# The user may write here, but not to other organizations.
ORGANIZATION = "org"

SMALL = 10 * 1024 * 1024


@dataclass(frozen=True)
class File:
    """A file of a commit; the client compares `oid`: the git hash of text files, the SHA-256 of files in git LFS."""

    content: bytes
    is_lfs: bool

    @property
    def oid(self) -> str:
        return self.sha256 if self.is_lfs else self.git_oid

    @property
    def git_oid(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Commit:
    """A version of a repository, named by a hash of its files and its parent."""

    message: str
    files: dict[str, File]
    parent: "Commit | None" = None

    @property
    def oid(self) -> str:
        names = sorted((path, file.oid) for path, file in self.files.items())
        parent = self.parent.oid if self.parent else None
        return hashlib.sha1(json.dumps([parent, self.message, names]).encode()).hexdigest()


@dataclass
class Repository:
    """Branches point to commits. Commits are kept, even if no branch points to them."""

    is_private: bool = False
    branches: dict[str, Commit] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def add(self, commit: Commit, branch: str) -> None:
        self.commits[commit.oid] = self.branches[branch] = commit

    def find(self, revision: str) -> Commit:
        commit = self.branches.get(revision) or self.commits.get(revision)
        if commit is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def history(self, revision: str = "main") -> list[Commit]:
        """Returns a commit and those before it, except the first, which the Hub makes."""
        commits = [self.find(revision)]
        while commits[-1].parent:
            commits.append(commits[-1].parent)
        return commits[:-1]


class HubError(Exception):
    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **headers}


class HubServer(HttpServer):
    """A Hub with one user, and the faults of `HttpServer`.

    Attributes:
        repositories (`dict[str, Repository]`): The repositories by `"org/name"`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.repositories: dict[str, Repository] = {}
        self._uploads: dict[str, bytes] = {}

    def environment(self, home: Path, token: str | None = TOKEN) -> dict[str, str]:
        """Returns the environment that sends a new process here, with caches and token under `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_MODULES_CACHE": str(home / "modules"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": token or "",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def commit(
        self, repo_id: str, files: Mapping[str, bytes | None] | Path, message: str = "A commit", branch: str = "main"
    ) -> str:
        """Changes files of a repository, which is made if need be; `None` deletes one. Returns the commit's name."""
        if isinstance(files, Path):
            files = {
                path.relative_to(files).as_posix(): path.read_bytes() for path in files.rglob("*") if path.is_file()
            }
        if repo_id not in self.repositories:
            self._create(repo_id)
        repository = self.repositories[repo_id]
        parent = repository.find(branch)
        contents = dict(parent.files)
        for path, content in files.items():
            if content is None:
                del contents[path]
            else:
                contents[path] = File(content, _is_large(path, len(content)))
        commit = Commit(message, contents, parent)
        repository.add(commit, branch)
        return commit.oid

    def files_of(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Returns contents by path."""
        return {path: file.content for path, file in self.repositories[repo_id].find(revision).files.items()}

    def respond(self, request: Request) -> Response:
        for method, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and request.method == method:
                try:
                    result = answer(self, request, **match.groupdict())
                except HubError as error:
                    body = json.dumps({"error": str(error)}).encode()
                    return Response(body, error.status, {"Content-Type": "application/json", **error.headers})
                if isinstance(result, Response):
                    return result
                return Response(json.dumps(result).encode(), headers={"Content-Type": "application/json"})
        return Response(f"{request.method} {request.path}: this Hub does not know it".encode(), 404)

    # Users and their permissions.

    def _create(self, repo_id: str, is_private: bool = False) -> None:
        self.repositories[repo_id] = Repository(is_private)
        first = Commit("initial commit", {".gitattributes": File(b"*.safetensors filter=lfs\n", False)})
        self.repositories[repo_id].add(first, "main")

    def _user(self, request: Request) -> str | None:
        authorization = request.headers["Authorization"]
        if authorization is None:
            return None
        if authorization != f"Bearer {TOKEN}":
            raise HubError(401, "Invalid credentials in Authorization header")
        return USER

    def _may_write(self, request: Request, namespace: str) -> None:
        if self._user(request) is None:
            raise HubError(401, "Invalid username or password.")
        if namespace not in (USER, ORGANIZATION):
            raise HubError(403, f"You don't have the rights to create a model under the namespace {namespace}")

    def _find(self, request: Request, repo_id: str) -> Repository:
        repository = self.repositories.get(repo_id)
        if repository is None or (repository.is_private and self._user(request) is None):
            raise HubError(404 if self._user(request) else 401, "Repository not found", "RepoNotFound")
        return repository

    def _find_to_write(self, request: Request, repo_id: str) -> Repository:
        repository = self._find(request, repo_id)
        self._may_write(request, repo_id.partition("/")[0])
        return repository

    # Repositories and their revisions.

    def _create_repository(self, request: Request) -> Any:
        wanted = json.loads(request.body)
        namespace = wanted.get("organization") or USER
        self._may_write(request, namespace)
        repo_id = f"{namespace}/{wanted['name']}"
        if repo_id in self.repositories:
            body = json.dumps({"error": "You already created this model repo", "url": f"{self.url}/{repo_id}"})
            return Response(body.encode(), 409)
        self._create(repo_id, is_private=wanted.get("visibility") == "private")
        return {"url": f"{self.url}/{repo_id}", "name": repo_id}

    def _create_branch(self, request: Request, repo_id: str, name: str) -> Any:
        repository = self._find_to_write(request, repo_id)
        if name in repository.branches:
            raise HubError(409, f"Reference already exists: {name}")
        repository.branches[name] = repository.find(json.loads(request.body).get("startingPoint", "main"))
        return {}

    def _info(self, request: Request, repo_id: str, revision: str | None = None) -> Any:
        repository = self._find(request, repo_id)
        commit = repository.find(revision or "main")
        info = {"_id": commit.oid[:24], "id": repo_id, "modelId": repo_id, "sha": commit.oid, "tags": []}
        info["private"] = repository.is_private
        info["siblings"] = [{"rfilename": path} for path in sorted(commit.files)]
        if "README.md" in commit.files:
            card = ModelCard(commit.files["README.md"].content.decode()).data.to_dict()
            info |= {name: card[name] for name in ("library_name", "pipeline_tag", "tags") if name in card}
            info["cardData"] = card
        return info

    # Their files.

    def _tree(self, request: Request, repo_id: str, revision: str, folder: str | None = None) -> Any:
        commit = self._find(request, repo_id).find(revision)
        prefix = f"{folder.strip('/')}/" if folder else ""
        is_recursive = request.query.get("recursive", [""])[0].lower() in ("1", "true")
        entries = {}
        for path, file in sorted(commit.files.items()):
            child, _, rest = path.removeprefix(prefix).partition("/")
            if path.startswith(prefix) and (is_recursive or not rest):
                entries[path] = _file_entry(path, file)
            elif path.startswith(prefix):
                entries[prefix + child] = {"type": "directory", "path": prefix + child, "oid": commit.oid, "size": 0}
        if prefix and not entries:
            raise HubError(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        return list(entries.values())

    def _resolve(self, request: Request, repo_id: str, revision: str, path: str) -> Any:
        commit = self._find(request, repo_id).find(revision)
        headers = {"X-Repo-Commit": commit.oid}
        if path not in commit.files:
            raise HubError(404, "Entry not found", "EntryNotFound", **headers)
        file = commit.files[path]
        if not file.is_lfs:
            return Response(file.content, headers={**headers, "ETag": f'"{file.oid}"', "Accept-Ranges": "bytes"})
        self.files[f"/storage/{file.oid}/{path}"] = file.content
        headers |= {"X-Linked-ETag": f'"{file.oid}"', "X-Linked-Size": str(len(file.content))}
        # Another host, as it is for the Hub: the client must not send its token there.
        storage = self.url.replace("127.0.0.1", "localhost")
        return Response(b"", 302, {**headers, "Location": f"{storage}/storage/{file.oid}/{path}"})

    def _stored(self, request: Request) -> Any:
        assert request.headers["Authorization"] is None
        return super().respond(request)

    # Commits: text files come with the request, others are uploaded before.

    def _validate_card(self, request: Request) -> Any:
        return {"errors": [], "warnings": []}

    def _preupload(self, request: Request, repo_id: str, revision: str) -> Any:
        files = self._find_to_write(request, repo_id).find(revision).files
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if _is_large(file["path"], file["size"]) else "regular",
                    "shouldIgnore": False,
                    "oid": files[file["path"]].oid if file["path"] in files else None,
                }
                for file in json.loads(request.body)["files"]
            ]
        }

    def _lfs_batch(self, request: Request, repo_id: str) -> Any:
        self._find_to_write(request, repo_id)
        objects = []
        for wanted in json.loads(request.body)["objects"]:
            entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
            if self._upload_of(wanted["oid"]) is None:
                upload = {"href": f"{self.url}/upload/{wanted['oid']}", "header": {}}
                verify = {"href": f"{self.url}/{repo_id}.git/info/lfs/objects/verify"}
                entry["actions"] = {"upload": upload, "verify": verify}
            objects.append(entry)
        return {"transfer": "basic", "objects": objects}

    def _upload(self, request: Request, oid: str) -> Any:
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise HubError(400, "The content is not what its name says")
        self._uploads[oid] = request.body
        return Response()

    def _verify_upload(self, request: Request, repo_id: str) -> Any:
        wanted = json.loads(request.body)
        content = self._upload_of(wanted["oid"])
        if content is None or len(content) != wanted["size"]:
            raise HubError(404, "The upload is not complete")
        return {}

    def _upload_of(self, oid: str) -> bytes | None:
        if oid not in self._uploads:
            for repository in self.repositories.values():
                for commit in repository.commits.values():
                    self._uploads |= {file.sha256: file.content for file in commit.files.values() if file.is_lfs}
        return self._uploads.get(oid)

    def _commit(self, request: Request, repo_id: str, revision: str) -> Any:
        repository = self._find_to_write(request, repo_id)
        if "create_pr" in request.query:
            raise HubError(400, "This Hub has no pull requests")
        if revision not in repository.branches:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        header, *operations = (json.loads(line) for line in request.body.splitlines())
        if header["value"].get("parentCommit") not in (None, repository.branches[revision].oid):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        files: dict[str, bytes | None] = {}
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self._upload_of(value["oid"])
                if files[value["path"]] is None:
                    raise HubError(400, f"{value['path']} was not uploaded")
            elif operation["key"] == "deletedFile":
                files[value["path"]] = None
            else:
                raise HubError(400, f"This Hub does not know {operation['key']}")
        oid = self.commit(repo_id, files, header["value"]["summary"], revision)
        return {"success": True, "commitOid": oid, "commitUrl": f"{self.url}/{repo_id}/commit/{oid}"}


def lead_client(monkeypatch: pytest.MonkeyPatch, hub: HubServer, home: Path) -> None:
    """Sends the client of this process to a Hub, with only its user's token."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    # transformers keeps the client that it made first, with that one's endpoint.
    monkeypatch.setattr("transformers.utils.hub._hf_api", None, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "no token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def _is_large(path: str, size: int) -> bool:
    return path.endswith(".safetensors") or size > SMALL


def _file_entry(path: str, file: File) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "oid": file.git_oid, "size": len(file.content)}
    if file.is_lfs:
        entry["lfs"] = {"oid": file.sha256, "size": len(file.content), "pointerSize": 130}
    return entry


_REPO = r"(?P<repo_id>[^/]+/[^/]+)"
_API = rf"/api/models/{_REPO}"
_REVISION = r"(?P<revision>[^/]+)"

ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", r"/api/repos/create", HubServer._create_repository),
    ("POST", r"/api/validate-yaml", HubServer._validate_card),
    ("GET", _API, HubServer._info),
    ("GET", rf"{_API}/revision/{_REVISION}", HubServer._info),
    ("POST", rf"{_API}/branch/(?P<name>[^/]+)", HubServer._create_branch),
    ("GET", rf"{_API}/tree/{_REVISION}(/(?P<folder>.+))?", HubServer._tree),
    ("POST", rf"{_API}/preupload/{_REVISION}", HubServer._preupload),
    ("POST", rf"{_API}/commit/{_REVISION}", HubServer._commit),
    ("HEAD", rf"/{_REPO}/resolve/{_REVISION}/(?P<path>.+)", HubServer._resolve),
    ("GET", rf"/{_REPO}/resolve/{_REVISION}/(?P<path>.+)", HubServer._resolve),
    ("HEAD", r"/storage/.+", HubServer._stored),
    ("GET", r"/storage/.+", HubServer._stored),
    ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", HubServer._lfs_batch),
    ("POST", rf"/{_REPO}\.git/info/lfs/objects/verify", HubServer._verify_upload),
    ("PUT", r"/upload/(?P<oid>[^/]+)", HubServer._upload),
]
