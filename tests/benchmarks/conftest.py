# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The small models of the example scripts serve the probes, too."""

from tests.examples.conftest import bert_dir, elmo_dir  # noqa: F401
