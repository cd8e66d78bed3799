# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model to spoil, and the check that a spoiled one is refused in one line and leaves nothing behind."""

import json
import re

import h5py
import pytest

from modeling_elmo.conversion_scripts import ElmoFormatError, OriginalFiles, convert
from tests.helpers.original_format import make_options, write_model


WORDS = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]


@pytest.fixture
def source(tmp_path):
    """A folder of original files, to be changed by the test."""
    write_model(tmp_path / "source", make_options(), words=WORDS)
    return tmp_path / "source"


@pytest.fixture
def change_options(source):
    """Changes the parsed `options.json` in place by a function of it."""

    def change(function):
        options = json.loads((source / "options.json").read_text())
        function(options)
        (source / "options.json").write_text(json.dumps(options))

    return change


@pytest.fixture
def change_weights(source):
    """Changes `weights.hdf5` by a function of the open file."""

    def change(function):
        with h5py.File(source / "weights.hdf5", "r+") as file:
            function(file)

    return change


def contents(directory):
    """All paths below a directory."""
    return sorted(directory.rglob("*"))


@pytest.fixture
def refuses(tmp_path, source):
    """Checks that converting `source` fails with one line that has `message` in it, and that no file is made."""

    def check(message, **files):
        before = contents(tmp_path)
        with pytest.raises(ElmoFormatError, match=re.escape(message)) as error:
            convert(OriginalFiles.find(source, **files), tmp_path / "new parent" / "elmo")
        assert "\n" not in str(error.value)
        assert contents(tmp_path) == before

    return check
