# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of words: what is a line of them, and what is refused."""

import pytest

from modeling_elmo.model.vocabulary_files import read_vocabulary, vocabulary_lines, without_counts


MARKS = ["<S>", "</S>", "<UNK>"]


@pytest.mark.parametrize("pattern", ["{}\t120", "{} 7", "{}\t0.5", "{} 1e-05", "{},120", "12 {}"])
def test_words_with_counts_are_refused_by_their_first_line(tmp_path, pattern):
    lines = [*MARKS, *(pattern.format(word) for word in ("the", "bank"))]
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["", "!!!MAXTERMID", *lines]))
    assert vocabulary_lines(path) == ["", *lines]
    assert without_counts(lines) == [*MARKS, "the", "bank"]
    with pytest.raises(ValueError, match=r"vocab\.txt: line 6: expected a word, found '.*', a word with a count"):
        read_vocabulary(path)


@pytest.mark.parametrize("words", [[], ["120"], ["route 66", "the"], ["New York"], ["7 8", "the"], ["1,000", "2,500"]])
def test_numbers_and_words_with_numbers_are_words(tmp_path, words):
    (tmp_path / "vocab.txt").write_text("\n".join([*MARKS, *words]))
    assert read_vocabulary(tmp_path / "vocab.txt") == [*MARKS, *words]
