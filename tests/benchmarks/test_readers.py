# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Readers of the data for probes."""

import pytest

from benchmarks.quality.readers import read_senseval, read_tagged_text
from tests.conftest import SHARED


def test_pieces_without_a_tag_are_words_without_a_label(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("well_UH . ._: a_b_NN _ \n\n")
    (sentence,) = read_tagged_text(str(path))
    assert sentence.words == ["well", ".", ".", "a_b", "_"]
    assert sentence.labels == ["UH", None, ":", "NN", None]


@pytest.mark.parametrize(
    ("read", "name", "number"),
    [
        (read_senseval, "senseval/interest.pos", 2368),
        (read_tagged_text, "masc_tagged/written/wsj_0006.txt", 2),
    ],
)
def test_published_files_are_read_completely(read, name, number):
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"needs the published data sets (data/{name} in ELMO_TEST_FILES)")
    assert len(read(str(path))) == number
