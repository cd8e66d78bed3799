# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which words a model does not read to their end, and how that is said."""

from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo.model.characters import MARKS, ByteCharacters, CodePointCharacters
from modeling_elmo.model.text_warnings import CutWords


CODE_POINTS = CodePointCharacters(8, {**{mark: mark for mark in MARKS}, "characters": [*MARKS, *"ab"]})


@given(st.lists(st.text("ab\u00e9\u3042\U0001f600", min_size=1)))
def test_words_are_cut_that_are_longer_than_a_row(words):
    assert ByteCharacters(8).cut(words) == [word for word in words if len(word.encode()) > 6]
    assert CODE_POINTS.cut(words) == [word for word in words if len(word) > 6]


def test_the_message_counts_characters_of_the_model():
    cut = CutWords(CODE_POINTS)
    cut.add(["\u3042" * 6, "b"])
    cut.add(["abababa"])
    assert cut.message().startswith(
        "words longer than the 6 characters that the model reads: 1 of 3, the longest 'abababa'. "
    )
