# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""README.md as the description on PyPI, which shows it without the repository: relative links become addresses."""

import re
from pathlib import Path

from setuptools import setup


ROOT = Path(__file__).parent
REPOSITORY = re.search(r'^Source = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]


def address(match):
    """Returns a Markdown link target as an absolute address."""
    kind = "raw" if match[1].endswith(".png") else "blob"
    return f"]({REPOSITORY}/{kind}/main/{match[1]})"


setup(
    long_description=re.sub(r"\]\((?!#|[a-z]+:)([^)]+)\)", address, (ROOT / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
