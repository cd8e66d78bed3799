# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runnable measurements. Nothing here is asserted in tests, and nothing of it is installed."""
