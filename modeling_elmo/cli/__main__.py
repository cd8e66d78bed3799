# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`python -m modeling_elmo.cli`: the command `elmo`."""

from .main import main


main()
