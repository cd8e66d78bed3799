# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo push`: a model directory to the Hub."""

import sys
from typing import Annotated

from typer import Argument, Option

from .options import Language, License, ModelDirectory, printable, report


def push(
    model_dir: ModelDirectory,
    repository: Annotated[str, Argument(metavar="ORG/NAME", help="The repository on the Hub.")],
    private: Annotated[bool, Option("--private", help="Make a new repository private.")] = False,
    revision: Annotated[
        str | None, Option(help="Branch to update; created if it does not exist. By default, main.", show_default=False)
    ] = None,
    commit_message: Annotated[str | None, Option(help="Message of the commit.", show_default=False)] = None,
    license: License = None,
    language: Language = [],  # noqa: B006
) -> None:
    """Publish a model: weights, config, tokenizer, code for trust_remote_code and the model card, in one commit.

    The token is that of `hf auth login` or of HF_TOKEN. Running it again uploads only files that have changed.
    """
    from huggingface_hub.utils import enable_progress_bars

    from ..files.progress import QUIET
    from ..hub.push import push as push_model

    if sys.stderr.isatty() and not QUIET.get():
        enable_progress_bars()
    done = push_model(
        model_dir,
        repository,
        private=private or None,
        revision=revision,
        commit_message=commit_message,
        license=license,
        language=language,
    )
    if done.is_new:
        report(f"Pushed {printable(model_dir)} to {printable(done.url)}, commit {done.commit}")
    else:
        report(f"{printable(done.url)}: nothing to change, commit {done.commit}")
