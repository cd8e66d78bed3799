# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The tutorials run from their first line to their last, and print what they say."""

import doctest
import re

import pytest
from huggingface_hub import constants

from tests.helpers.hub_server import HubServer, lead_client
from tests.test_documentation import ROOT, Shell


PAGES = sorted(page for page in ROOT.glob("docs/tutorials/*.md") if page.stem != "index")


def run_page(text, name, shell, capsys):
    """Runs the Python of a page as one session, and its commands, in their order; compares what each block prints."""
    session, printed = {}, ""
    for language, block in re.findall(r"```(python|bash|text)\n(.*?)```", text, flags=re.DOTALL):
        if language == "text":
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert doctest.OutputChecker().check_output(block, printed, flags), f"{name} prints:\n{printed}"
            continue
        if language == "python":
            exec(compile(block, name, "exec"), session)
        else:
            for line in block.replace("\\\n", " ").splitlines():
                shell.run(line)
        printed = capsys.readouterr().out


@pytest.mark.usefixtures("settings_of_the_process")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs_and_prints_what_it_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    if page.stem != "publish":
        run_page(text, page.name, Shell(monkeypatch), capsys)
        return
    with HubServer() as hub:
        lead_client(monkeypatch, hub, tmp_path)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        run_page(text.replace("my-org/", "org/"), page.name, Shell(monkeypatch), capsys)
        assert "modeling_elmo.py" in hub.files_of("org/my-elmo")
