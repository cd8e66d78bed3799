# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Shared by all tests: no network. `fixtures.py` has the fixtures."""

import os
import signal
import tempfile
from pathlib import Path


# Before transformers is imported, which reads them once.
os.environ["HF_HUB_OFFLINE"] = "1"
# Remote code of models is copied here, not to the home directory.
_modules = tempfile.TemporaryDirectory(prefix="elmo-tests-")
os.environ["HF_MODULES_CACHE"] = _modules.name

# Shells start background jobs, and nohup its programs, with a signal ignored, which tested programs would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Files of others that some tests read where they are: CONTRIBUTING.md.
SHARED = Path(os.environ.get("ELMO_TEST_FILES", Path(__file__).parents[1].parent / "shared"))


def pytest_configure(config):
    # What starts the processes of pytest-xdist runs no tests: it begins seconds sooner without torch and transformers.
    if config.getoption("dist", "no") == "no":
        config.pluginmanager.import_plugin("tests.fixtures")
