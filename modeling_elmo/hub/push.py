# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model directory -> a repository on the Hub, in one commit: all of the model or nothing, and nothing but the model.

The HTTP is that of `huggingface_hub`, token and address (`HF_TOKEN`, `HF_ENDPOINT`) are where it looks for them.
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
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from huggingface_hub.utils import validate_repo_id
from transformers.dynamic_module_utils import get_relative_import_files

from ..files.errors import ElmoFormatError, as_format_error, one_line
from ..files.model_directory import check_model_directory, load_model
from ..model import modeling_elmo as auto_classes
from ..model.configuration_elmo import ElmoConfig
from ..model.loading_checks import check_weight_index, read_json_object
from ..model.tokenization_elmo import ElmoTokenizer
from .model_card import change_card, class_name, model_card


WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

# What a model directory consists of, beside weights and code. Whatever else lies there stays there: checkpoints, states
# of optimizers, plots, hidden files.
NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
OPTIONAL = (
    *("added_tokens.json", "generation_config.json", "special_tokens_map.json", "vocab.txt"),
    *("trainer_state.json", "LICENSE", "LICENSE.txt", "LICENSE.md"),
)

# What the repository has of these and the directory has not is deleted: loading would prefer old weights to new shards.
WEIGHT_FILES = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")


class PublishingError(OSError):
    """The Hub could not be reached, or refused: why, in one line."""


@dataclass(frozen=True)
class Publication:
    """What `publish` has done.

    Attributes:
        repo_id (`str`): The repository's full name.
        url (`str`): Its address.
        commit (`str`): The commit that now holds the model: the one to pin with `revision=`.
        is_new (`bool`): Whether there was anything to change.
    """

    repo_id: str
    url: str
    commit: str
    is_new: bool


def publish(
    model_dir: Path,
    repo_id: str,
    private: bool | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
    license: str | None = None,
    language: Sequence[str] | None = None,
    token: str | None = None,
) -> Publication:
    """Uploads a model directory to the Hub: weights, config, tokenizer, code files, model card.

    The repository and the branch are made if need be. Files that the repository has already are not uploaded again;
    weights that it has and the directory has not are deleted. A directory without code files or a card, as models of
    this package may be kept in, gets them on the way.

    Args:
        model_dir (`Path`): Written by `convert`, `save_pretrained` or a training.
        repo_id (`str`): `"organization/name"`, or `"name"` for a repository of one's own.
        private (`bool`, *optional*): Whether a new repository is private. By default, what the organization has set.
            With it, nothing is uploaded to a repository that is public.
        revision (`str`, *optional*): The branch to change. By default, `main`.
        commit_message (`str`, *optional*): By default, "Upload ELMo".
        license (`str`, *optional*): Replaces the license in the card's metadata.
        language (`Sequence[str]`, *optional*): Replaces the languages in the card's metadata.
        token (`str`, *optional*): By default, that of `HF_TOKEN` or `hf auth login`.

    Raises:
        `ElmoFormatError`: If the directory holds no complete ELMo model. The Hub has then not been asked anything.
        `PublishingError`: If there is no token, the Hub can't be reached, or it refuses.
    """
    check_target(repo_id, token)
    api = HfApi(token=token, library_name="modeling-elmo")
    with tempfile.TemporaryDirectory(prefix="elmo-push-") as work:
        files = model_files(model_dir, Path(work))
        check_model(model_dir)
        card = _read_card(model_dir)
        with _hub_errors_told(repo_id):
            repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            if revision is not None:
                api.create_branch(repo_id, branch=revision, exist_ok=True)
            before = api.model_info(repo_id, revision=revision)
            if private and not before.private:
                raise PublishingError("this repository is there and public; only a new one is made private")
            contents: dict[str, Path | bytes] = {
                "README.md": change_card(card, repo_id, license, language).encode(),
                **files,
            }
            present = {file.rfilename for file in before.siblings or ()}
            leftover = sorted(name for name in present - set(files) if WEIGHT_FILES.fullmatch(name))
            operations = [
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in contents.items()),
                *(CommitOperationDelete(path_in_repo=name) for name in leftover),
            ]
            commit = api.create_commit(
                repo_id,
                operations,
                commit_message=commit_message or "Upload ELMo",
                revision=revision,
                parent_commit=before.sha,
            ).oid
    return Publication(repo_id, f"{api.endpoint}/{repo_id}", commit, is_new=commit != before.sha)


def check_target(repo_id: str, token: str | None = None) -> None:
    """Checks what can be checked before anything is done. Raises `PublishingError` for a name that the Hub does not
    allow, and if there is no token."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishingError(f"{repo_id}: no name of a repository (ORGANIZATION/NAME): {one_line(error)}") from error
    if token is None and get_token() is None:
        raise PublishingError("no token for the Hub: run `hf auth login`, or set HF_TOKEN")


def model_files(model_dir: Path, work: Path) -> dict[str, Path]:
    """Lists the files of a model by their names in the repository, but for the card.

    Args:
        model_dir (`Path`): The model directory.
        work (`Path`): An empty directory, for the files that are made because the model directory has no code.

    Raises:
        `ElmoFormatError`: If there is no complete ELMo model, naming the files that are missing.
    """
    check_model_directory(model_dir)
    needed = [*NEEDED, *_weight_files(model_dir)]
    missing = [name for name in needed if not (model_dir / name).is_file()]
    if missing:
        raise ElmoFormatError(f"{model_dir}: not a complete ELMo model: lacks {', '.join(missing)}")
    files = {name: model_dir / name for name in [*needed, *OPTIONAL] if (model_dir / name).is_file()}
    if (model_dir / f"{auto_classes.__name__.rpartition('.')[2]}.py").is_file():
        return files | _code_files(model_dir)
    with as_format_error(str(model_dir)):
        ElmoConfig.from_pretrained(model_dir).save_pretrained(work)
        ElmoTokenizer.from_pretrained(model_dir).save_pretrained(work)
    return files | {path.name: path for path in work.iterdir() if path.is_file()}


def check_model(model_dir: Path) -> None:
    """Loads a model, as who downloads it will. Raises `ElmoFormatError` if that fails or weights are missing."""
    with as_format_error(f"{model_dir}: config.json"):
        config = ElmoConfig.from_pretrained(model_dir)
    name = class_name(config)
    _, missing = load_model(getattr(auto_classes, name), model_dir)
    if missing:
        raise ElmoFormatError(f"{model_dir}: lacks weights of {name}: {', '.join(missing)}")
    with as_format_error(f"{model_dir}: tokenizer"):
        ElmoTokenizer.from_pretrained(model_dir)


def _weight_files(model_dir: Path) -> list[str]:
    if (model_dir / WEIGHTS).is_file() or not (model_dir / INDEX).is_file():
        return [WEIGHTS]
    with as_format_error(str(model_dir)):
        check_weight_index(os.fspath(model_dir))
        return [INDEX, *sorted(set(read_json_object(model_dir / INDEX)["weight_map"].values()))]


def _code_files(model_dir: Path) -> dict[str, Path]:
    """Lists the code that config and tokenizer name, and what it imports."""
    modules = set()
    for name in ("config.json", "tokenizer_config.json"):
        with as_format_error(f"{model_dir}: {name}: auto_map"):
            for reference in read_json_object(model_dir / name).get("auto_map", {}).values():
                references = reference if isinstance(reference, list) else [reference]
                # "repository--module.class" is code that is not here.
                modules |= {text.partition(".")[0] for text in references if text and "--" not in text}
    if outside := sorted(module for module in modules if not module.isidentifier()):
        raise ElmoFormatError(f"{model_dir}: auto_map: expected modules in this directory, found {outside[0]!r}")
    files = {model_dir / f"{module}.py" for module in modules}
    for path in sorted(files):
        with as_format_error(f"{model_dir}: not a complete ELMo model"):
            files |= {Path(imported) for imported in get_relative_import_files(path)}
    # transformers looks for imports by a pattern, which may lead anywhere.
    if elsewhere := sorted(path for path in files if os.path.realpath(path.parent) != os.path.realpath(model_dir)):
        raise ElmoFormatError(f"{model_dir}: expected code that imports files of this directory, found {elsewhere[0]}")
    return {path.name: path for path in sorted(files)}


def _read_card(model_dir: Path) -> str:
    path = model_dir / "README.md"
    with as_format_error(f"{model_dir}: README.md"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not text.strip():
            text = model_card(ElmoConfig.from_pretrained(model_dir))
        # Metadata that can't be read is an error now, and not half-way.
        change_card(text, "organization/name")
    return text


@contextmanager
def _hub_errors_told(repo_id: str) -> Iterator[None]:
    """Makes a `PublishingError` of one line of whatever goes wrong between here and the Hub."""
    try:
        yield
    except Exception as error:
        # An upload that failed in a thread of its own is the cause of a `RuntimeError`.
        cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ else error
        if (reason := _reason(cause)) is None:
            raise
        raise PublishingError(f"{repo_id}: {reason}") from error


def _reason(error: BaseException) -> str | None:
    if isinstance(error, OfflineModeIsEnabled):
        return "the Hub is switched off: HF_HUB_OFFLINE is set"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        known = {
            401: "the Hub does not accept the token (401); `hf auth login` takes another",
            403: "the token does not allow to write there (403)",
            404: "not found on the Hub, or not visible with this token (404)",
            412: "somebody else has changed it meanwhile (412); try again",
            429: "the Hub has had too many requests (429); try again later",
        }
        told = " ".join((error.server_message or "").split())
        return known.get(status, f"the Hub answers {status}") + (f": {told}" if told else "")
    # The errors of the HTTP client, which is another package in other versions of huggingface_hub.
    if type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2"):
        return f"the Hub can't be reached: {one_line(error)}"
    # What the client meets when an answer is not what it takes it for.
    if isinstance(error, (AttributeError, LookupError, TypeError, json.JSONDecodeError, UnicodeError)):
        return f"the answer is not that of a Hub: {type(error).__name__}: {one_line(error)}"
    # What the client itself refuses, such as metadata of the card; files that can't be read; errors of Xet.
    if isinstance(error, (ValueError, OSError, RuntimeError)):
        return one_line(error)
    return None
