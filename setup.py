# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""README.md as the description on PyPI, which shows it without the repository: relative links become addresses."""

import re
from pathlib import Path

from setuptools import setup


ROOT = Path(__file__).parent
REPOSITORY = re.search(r'^Source = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]


def address(match):
    """Returns a link of Markdown with the address of its target, as a picture or a page."""
    start, path = match.groups()
    return f"{start}({REPOSITORY}/{'raw' if start.startswith('!') else 'blob'}/main/{path})"


setup(
    long_description=re.sub(
        r"(!?\[[^\]]*\])\((?!https?:|#)([^)]+)\)", address, (ROOT / "README.md").read_text(encoding="utf-8")
    ),
    long_description_content_type="text/markdown",
)
