# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences of texts: where they begin and end in the text, in linear time, and without the library."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modeling_elmo.files.sentences
from modeling_elmo.files.sentences import MAX_CHARACTERS, sentence_splitter


pytest.importorskip("sentencex")

SPLIT = sentence_splitter()


def sentences(text, language="en"):
    return [text[begin:end] for begin, end in sentence_splitter(language)(text)]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Ada was born in London.", "She met Dr. J. Smith of the U.S. Army.", "3.14 is pi!", "So?"]),
        ("de", ["Am 3. Mai kam er z.B. nicht.", "Dr. M. auch."]),
        ("hi", ["\u092f\u0939 \u0939\u0948\u0964", "\u0935\u0939 \u0917\u092f\u093e\u0964"]),
        ("xx", ["Ja.", "Nej."]),
    ],
)
@pytest.mark.parametrize("between", ["\n\n", " \n \n\t"])
def test_sentences_have_no_white_space_around_them(language, expected, between):
    text = f"  {between.join(expected)} \n"
    assert sentences(text, language) == expected


def test_an_empty_line_ends_a_sentence_without_a_mark():
    assert sentences("A heading\n\nIt is\na text without an end") == ["A heading", "It is\na text without an end"]


def test_chinese_sentences_need_no_space_between_them():
    assert sentences("\u4ed6\u6765\u4e86\u3002\u5979\u8d70\u4e86\uff01", "zh") == [
        *("\u4ed6\u6765\u4e86\u3002", "\u5979\u8d70\u4e86\uff01"),
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*"aA1 \n.!?\"'(\u4e2d\u3002\u0301\U0001f600", "Mr. ", "x. Y"]), max_size=60).map("".join)
)
def test_sentences_hold_all_but_white_space_in_order(text):
    end = 0
    for begin, next_end in SPLIT(text):
        assert text[end:begin].strip() == ""
        assert text[begin:next_end] == text[begin:next_end].strip() != ""
        end = next_end
    assert text[end:].strip() == ""


def test_a_sentence_may_cross_the_parts_of_a_long_text():
    text = "One two three. " * (MAX_CHARACTERS // 5)
    assert sentences(text) == ["One two three."] * (MAX_CHARACTERS // 5)
    assert len(SPLIT("x" * MAX_CHARACTERS * 3)) == 3


def test_many_quotations_take_linear_time():
    start = time.process_time()
    SPLIT("He said: 'a' and \"b.\" Then. " * 8000)
    # One call of sentencex takes more than ten seconds.
    assert time.process_time() - start < 6


def test_without_the_library_its_extra_is_named(monkeypatch):
    monkeypatch.setattr(modeling_elmo.files.sentences, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"requires the package sentencex: pip install sentencex"):
        sentence_splitter()
