# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The version of this package."""

__version__ = "0.2.0"
