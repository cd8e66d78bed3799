# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A hook of MkDocs: on the site, links to files outside of docs/ lead to the repository, as they do on GitHub."""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Returns the page's text with `](../models/...)` as an address of the repository."""
    docs = Path(config.docs_dir)

    def address(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(docs.name, posixpath.dirname(page.file.src_uri), match[1]))
        if path.startswith(f"{docs.name}/"):
            return match[0]
        target = docs.parent / path
        if not target.exists():
            logging.getLogger("mkdocs.hooks").warning(f"{page.file.src_uri}: no file {match[1]}")
        return f"]({config.extra['repository']}/{'tree' if target.is_dir() else 'blob'}/main/{path}"

    return re.sub(r"\]\((\.\./[^)#\s]*)", address, markdown)
