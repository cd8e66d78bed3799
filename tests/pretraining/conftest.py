# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of training."""

import gc
import shutil

import pytest

from tests.helpers.training_examples import losses, train_into, write_text


@pytest.fixture(autouse=True, scope="package")
def _small_heap():
    # `Trainer` collects garbage in each run. That takes longer, the more objects there are.
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="package")
def text(tmp_path_factory):
    directory = tmp_path_factory.mktemp("text")
    write_text(directory)
    return directory


@pytest.fixture
def train(text, tmp_path):
    def run_it(name="out", *args, **kwargs):
        return train_into(tmp_path / name, text, *args, **kwargs)

    return run_it


@pytest.fixture(scope="package")
def uninterrupted(text, tmp_path_factory):
    """The directory of a training that nothing interrupts. It has the checkpoints of steps 6 and 8."""
    directory = tmp_path_factory.mktemp("uninterrupted") / "out"
    train_into(directory, text)
    return directory


@pytest.fixture
def expected(uninterrupted):
    """Its losses."""
    return losses(uninterrupted)


@pytest.fixture
def trained(uninterrupted, tmp_path):
    """A copy of it to change, at `out`."""
    return shutil.copytree(uninterrupted, tmp_path / "out")
