# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Errors of other libraries in one line."""

import pytest
from huggingface_hub.errors import StrictDataclassError

from modeling_elmo import ElmoConfig
from modeling_elmo.files.errors import ElmoFormatError, as_format_error, one_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("several\n   lines"), "several lines"),
        (KeyError("weight"), "KeyError: 'weight'"),
        (MemoryError(), "MemoryError: "),
    ],
)
def test_one_line(error, line):
    assert one_line(error) == line


def test_an_error_of_a_config_field_has_its_value():
    with pytest.raises(StrictDataclassError) as caught:
        ElmoConfig(cell_size="large")
    assert "large" in one_line(caught.value) or "str" in one_line(caught.value)


def test_any_error_becomes_one_that_begins_with_the_name():
    with pytest.raises(ElmoFormatError, match="^weights.hdf5: KeyError: 'lstm'$"), as_format_error("weights.hdf5"):
        raise KeyError("lstm")
    with pytest.raises(ElmoFormatError, match="^as it is$"), as_format_error("weights.hdf5"):
        raise ElmoFormatError("as it is")
    with pytest.raises(KeyboardInterrupt), as_format_error("weights.hdf5"):
        raise KeyboardInterrupt
