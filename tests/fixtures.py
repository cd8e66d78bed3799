# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests: NaN in uninitialised memory, small models on disk."""

import signal
import sys

import pytest
import torch
from hypothesis import HealthCheck, settings
from transformers.utils import logging

import modeling_elmo
from modeling_elmo.cli.main import main
from modeling_elmo.conversion_scripts import OriginalFiles, convert
from tests.conftest import SHARED
from tests.helpers.original_format import make_options, write_model


settings.register_profile(
    "deterministic",
    derandomize=True,
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
settings.load_profile("deterministic")


@pytest.fixture(autouse=True, scope="session")
def _reproducible_torch():
    torch.set_num_threads(1)
    # Also fills `torch.empty` with NaN, which exposes reads of uninitialised memory.
    torch.use_deterministic_algorithms(True)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def original_dir(tmp_path_factory):
    """A small model in the original format, with a vocabulary."""
    directory = tmp_path_factory.mktemp("original")
    words = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]
    write_model(directory, make_options(), words=words)
    return directory


@pytest.fixture(scope="session")
def model_dir(original_dir, tmp_path_factory):
    """The same model, converted."""
    directory = tmp_path_factory.mktemp("converted") / "elmo"
    convert(OriginalFiles.find(original_dir), directory)
    return directory


@pytest.fixture
def tiny_config():
    """Makes configs of models that run in a millisecond; dropout is off unless asked for."""

    def make(**kwargs):
        defaults = {
            "cell_size": 6,
            "projection_size": 4,
            "character_embedding_size": 3,
            "character_filters": [[1, 4], [3, 5]],
            "num_highway_layers": 1,
            "representation_dropout": 0.0,
        }
        return modeling_elmo.ElmoConfig(**{**defaults, **kwargs})

    return make


# The signals that `main` handles, of which Windows lacks one.
HANDLED = {getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)}


@pytest.fixture
def settings_of_the_process():
    """Restores the settings of the process that the command's `main` changes."""
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    verbosity = logging.get_verbosity()
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.set_verbosity(verbosity)
    logging.enable_progress_bar()


@pytest.fixture
def elmo(settings_of_the_process, monkeypatch, capsys):
    """Runs the command in this process; returns its exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["elmo", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def parity_dir():
    """Small original models with the outputs of the original code, if available."""
    directory = SHARED / "parity"
    if not directory.is_dir():
        pytest.skip(
            "needs the test models of bilm-tf and AllenNLP with outputs (parity/ in ELMO_TEST_FILES: CONTRIBUTING.md)"
        )
    return directory
