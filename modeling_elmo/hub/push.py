# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model directory -> a repository on the Hub, in one commit: the whole model or nothing, and only the model.

`huggingface_hub` sends the requests and finds the token (`HF_TOKEN`) and the server (`HF_ENDPOINT`). We call
`create_commit`, because `upload_folder` may split an upload into several.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.utils import validate_repo_id
from transformers.dynamic_module_utils import get_relative_import_files

from ..files.errors import ElmoFormatError, as_format_error, one_line
from ..files.model_directory import check_model_directory, load_model
from ..model import modeling_elmo
from ..model.configuration_elmo import ElmoConfig
from ..model.saved_code import FORMER_MODULES, module_of
from ..model.tokenization_elmo import ElmoTokenizer
from .model_card import change_card, class_name, model_card


WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

# A model directory besides weights and code. Everything else stays where it is: checkpoints, optimizer states, plots,
# hidden files.
NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
OPTIONAL = (
    *("added_tokens.json", "characters.json", "generation_config.json", "special_tokens_map.json", "vocab.txt"),
    *("trainer_state.json", "LICENSE", "LICENSE.txt", "LICENSE.md"),
)

# Deleted from the repository if the directory lacks them: transformers would prefer old weights to new shards.
WEIGHT_FILES = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")


class PushError(OSError):
    """The Hub could not be reached or refused the request. The message says why, in one line."""


@dataclass(frozen=True)
class PushResult:
    """The result of `push`."""

    repo_id: str  # The full name of the repository.
    url: str
    commit: str  # The commit that holds the model, to pin with `revision=`.
    is_new: bool  # Whether the push made this commit; otherwise nothing had changed.


def push(
    model_dir: Path,
    repo_id: str,
    private: bool | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
    license: str | None = None,
    language: Sequence[str] | None = None,
    token: str | None = None,
) -> PushResult:
    """Uploads a model directory to the Hub: weights, config, tokenizer, code files and model card.

    Creates the repository and the branch if they do not exist. Only changed files are uploaded. Weight files missing
    from the directory are deleted from the repository, and its other files stay. A directory without code files or card
    is completed in the upload.

    Args:
        model_dir (`Path`): A directory written by `convert`, `save_pretrained` or training.
        repo_id (`str`): `"organization/name"`, or `"name"` for a repository of the user.
        private (`bool`, *optional*): Whether a new repository is private; an existing public one is then refused.
            Defaults to the organization's setting.
        revision (`str`, *optional*): The branch to change. Defaults to `main`.
        commit_message (`str`, *optional*): Defaults to "Upload ELMo".
        license (`str`, *optional*): Replaces the license in the card's metadata.
        language (`Sequence[str]`, *optional*): Replaces the languages in the card's metadata.
        token (`str`, *optional*): Defaults to `HF_TOKEN` or the token of `hf auth login`.

    Raises:
        `ElmoFormatError`: If the directory holds no complete ELMo model. No request has then been sent.
        `PushError`: If the Hub can't be reached or refuses. Also the errors of `check_target`.
    """
    check_target(repo_id, token)
    api = HfApi(token=token, library_name="modeling-elmo")
    with tempfile.TemporaryDirectory(prefix="elmo-push-") as work:
        files = _files_to_push(model_dir, Path(work))
        card = _read_card(model_dir)
        with _as_push_error(repo_id):
            repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            if revision is not None:
                api.create_branch(repo_id, branch=revision, exist_ok=True)
            before = api.model_info(repo_id, revision=revision)
            if private and not before.private:
                raise PushError(f"{repo_id}: this repository exists and is public; --private requires a new one")
            present = {file.rfilename for file in before.siblings or ()}
            leftover = sorted(name for name in present - set(files) if WEIGHT_FILES.fullmatch(name))
            commit = api.create_commit(
                repo_id,
                [
                    CommitOperationAdd("README.md", change_card(card, repo_id, license, language).encode()),
                    *(CommitOperationAdd(name, path) for name, path in files.items()),
                    *(CommitOperationDelete(name) for name in leftover),
                ],
                commit_message=commit_message or "Upload ELMo",
                revision=revision,
                parent_commit=before.sha,
            ).oid
    return PushResult(repo_id, f"{api.endpoint}/{repo_id}", commit, is_new=commit != before.sha)


def check_target(repo_id: str, token: str | None = None) -> None:
    """Raises `HFValidationError` for a name that the Hub does not allow, `PushError` without a token. Sends nothing."""
    validate_repo_id(repo_id)
    if token is None and get_token() is None:
        raise PushError("no token for the Hub: run `hf auth login` or set HF_TOKEN")


def _files_to_push(model_dir: Path, work: Path) -> dict[str, Path]:
    """Loads a model, and returns its files by name, except the card. Writes those that it lacks to `work`."""
    check_model_directory(model_dir)
    if missing := [name for name in NEEDED if not (model_dir / name).is_file()]:
        raise ElmoFormatError(f"{model_dir}: incomplete ELMo model, lacks {', '.join(missing)}")
    with as_format_error(str(model_dir)):
        config = ElmoConfig.from_pretrained(model_dir)
        tokenizer = ElmoTokenizer.from_pretrained(model_dir)
    name = class_name(config)
    _, missing = load_model(getattr(modeling_elmo, name), model_dir)
    if missing:
        raise ElmoFormatError(f"{model_dir}: lacks weights of {name}: {', '.join(missing)}")
    names = {WEIGHTS, *NEEDED, *OPTIONAL}
    if not (model_dir / WEIGHTS).is_file():
        names |= {INDEX, *json.loads((model_dir / INDEX).read_bytes())["weight_map"].values()}
    files = {name: model_dir / name for name in sorted(names) if (model_dir / name).is_file()}
    if any(_is_code(model_dir / f"{module}.py") for module in ("modeling_elmo", *FORMER_MODULES)):
        return files | _code_files(model_dir)
    config.save_pretrained(work)
    tokenizer.save_pretrained(work)
    return files | {path.name: path for path in work.iterdir() if path.is_file()}


def _is_code(path: Path) -> bool:
    """Returns whether a file exists and is more than the target of a link, which git writes as text on Windows."""
    return path.is_file() and b"\n" in path.read_bytes()


def _code_files(model_dir: Path) -> dict[str, Path]:
    """Returns the code files that config and tokenizer name, and those they import. All must be in the directory."""
    files: set[Path] = set()
    with as_format_error(f"{model_dir}: incomplete ELMo model"):
        for name in ("config.json", "tokenizer_config.json"):
            for reference in json.loads((model_dir / name).read_bytes()).get("auto_map", {}).values():
                files.add(model_dir / f"{module_of(reference)}.py")
        for path in sorted(files):
            files |= {Path(imported) for imported in get_relative_import_files(path)}
    # transformers finds imports by a pattern, so they may lead anywhere.
    if outside := sorted(path for path in files if os.path.realpath(path.parent) != os.path.realpath(model_dir)):
        raise ElmoFormatError(f"{model_dir}: expected code in this directory only, found {outside[0]}")
    return {path.name: path for path in sorted(files)}


def _read_card(model_dir: Path) -> str:
    path = model_dir / "README.md"
    with as_format_error(f"{model_dir}: README.md"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not text.strip():
            text = model_card(ElmoConfig.from_pretrained(model_dir))
        # Fails on unreadable metadata before any request.
        change_card(text, "organization/name")
    return text


@contextmanager
def _as_push_error(repo_id: str) -> Iterator[None]:
    """Turns any error between this machine and the Hub into a `PushError` of one line."""
    try:
        yield
    except PushError:
        raise
    except Exception as error:
        # An upload that fails in a thread is the cause of a `RuntimeError`.
        cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ else error
        raise PushError(f"{repo_id}: {type(cause).__name__}: {one_line(cause)}") from error
