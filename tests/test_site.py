# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The documentation's site: what `make docs`, which needs more packages, can't see itself."""

import importlib
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "[x](../SECURITY.md#scope)", "[x](https://host/name/blob/main/SECURITY.md#scope)"),
        ("api/model.md", "[x](../../modeling_elmo/model)", "[x](https://host/name/tree/main/modeling_elmo/model)"),
        ("api/model.md", "[x](../hub.md) [y](onnx.md)", "[x](../hub.md) [y](onnx.md)"),
    ],
)
def test_links_out_of_the_documentation_lead_to_the_repository(page, link, expected):
    hook = runpy.run_path(str(DOCS / "links.py"))["on_page_markdown"]
    config = SimpleNamespace(docs_dir=str(DOCS), extra={"repository": "https://host/name"})
    assert hook(link, SimpleNamespace(file=SimpleNamespace(src_uri=page)), config, None) == expected


def test_the_api_pages_have_every_public_name():
    rooms = ["", ".embedding", ".pretraining", ".fine_tuning", ".conversion_scripts", ".hub", ".onnx"]
    public = {name for room in rooms for name in importlib.import_module(f"modeling_elmo{room}").__all__}
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("api/*.md"))
    described = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)$", pages, flags=re.MULTILINE)}
    assert public - {"__version__"} <= described
