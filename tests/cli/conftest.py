# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the tests of commands."""

import shutil

import pytest


@pytest.fixture
def fails(elmo):
    """Checks that a command ends with exit code 2 and this one line."""

    def run(message, *arguments):
        code, out, err = elmo(*arguments)
        assert code == 2
        assert out == ""
        assert err.startswith("elmo: ")
        assert message in err
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1

    return run


@pytest.fixture
def source(original_dir, tmp_path):
    shutil.copytree(original_dir, tmp_path / "source")
    return tmp_path / "source"
