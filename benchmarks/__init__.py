# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Measurements to run, not to install: no test asserts their results.

| Folder | Measures |
| --- | --- |
| `speed/` | words per second and memory, next to AllenNLP where it is installed (docs/performance.md) |
| `quality/` | tasks, probes and perplexity (docs/results.md) |
"""
