# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of semantic roles: predicates, spans in brackets, roles of single words, and what is refused."""

import contextlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_elmo.files.role_columns import RoleFile


def read(text, **columns):
    return [(each.words, each.predicates, each.roles) for each in RoleFile(text.split("\n"), "file", **columns)]


HEADS = "They\tPRP\t_\tARG0\t_\nwant\tVBP\twant.01\tV\t_\nto\tTO\t_\t_\t_\nsleep\tVB\tsleep.01\tARG1\tV\n"
SPANS = "The - (A0* (A0*\nbank - *) *\nfell fall (V*) *)\n, - * (R-A0*)\nslept sleep * (V*)\n"


def test_roles_of_single_words_have_a_column_for_each_predicate():
    expected = (["They", "want", "to", "sleep"], [1, 3], [["ARG0", "V", "O", "ARG1"], ["O", "O", "O", "V"]])
    assert read(HEADS) == [expected]
    assert read(HEADS + "\n\n" + HEADS) == [expected] * 2


def test_brackets_become_bio():
    ((words, predicates, roles),) = read(SPANS, predicate_column=1)
    assert words == ["The", "bank", "fell", ",", "slept"]
    assert predicates == [2, 4]
    assert roles == [["B-A0", "I-A0", "B-V", "O", "O"], ["B-A0", "I-A0", "I-A0", "B-R-A0", "B-V"]]


@pytest.mark.parametrize("end", ["", "\t"])
def test_a_sentence_without_predicates_has_no_roles(end):
    assert read(f"Oh\tUH\t_{end}\n!\t.\t_{end}\n") == [(["Oh", "!"], [], [])]


def test_random_spans_are_read_as_they_were_written():
    rng = random.Random(0)
    for _ in range(300):
        cells, expected = [], []
        for _ in range(rng.randrange(1, 5)):
            role, length = rng.choice(["", "A0", "C-A0", "V"]), rng.randrange(1, 4)
            if role:
                expected += [f"B-{role}", *[f"I-{role}"] * (length - 1)]
                cells += [f"({role}*)"] if length == 1 else [f"({role}*", *["*"] * (length - 2), "*)"]
            else:
                expected += ["O"] * length
                cells += ["*"] * length
        rows = [f"w {'x' if index == 0 else '-'} {cell}" for index, cell in enumerate(cells)]
        assert read("\n".join(rows), predicate_column=1)[0][2] in ([expected], [["O"] * len(expected)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tX\n", "file:1: expected a word in column 0 and predicates in column 2, found"),
        ("\n" + HEADS.replace("sleep.01", "_"), "file:2: expected 4 columns, since 1 predicates .*, found 5"),
        ("a\tX\tgo\n", "file:1: expected 4 columns, since 1 predicates stand in column 2 of this sentence, found 3"),
        ("\na X go (A*\nb X - (B*)\n", r"file:3: expected `\(ROLE\*`, .*, found '\(B\*\)'"),
        ("a X go *)\n", r"file:1: expected `\(ROLE\*`, .*, found '\*\)'"),
        ("a X go (A*\n", r"file:1: the span \(A of this sentence has no end"),
        ("a X go (A(B*))\n", r"file:1: expected `\(ROLE\*`"),
    ],
)
def test_a_damaged_sentence_is_an_error_that_names_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


@pytest.mark.parametrize("columns", [{"word_column": 2}, {"word_column": -1}])
def test_columns_must_differ_and_count_from_the_left(columns):
    with pytest.raises(ValueError, match="word_column and predicate_column: expected two indices"):
        read(HEADS, **columns)


def test_a_sentence_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr("modeling_elmo.files.role_columns.MAX_LINE_BYTES", 100)
    with pytest.raises(ValueError, match="file:26: a sentence of more than 100 characters: no blank line ends it"):
        list(RoleFile(["a b"] * 200, "file", predicate_column=1))
    assert len(list(RoleFile(["a _", ""] * 200, "file", predicate_column=1))) == 200


@settings(max_examples=100)
@given(st.text(alphabet="ab(*)_-\t \n", max_size=60))
def test_any_text_is_read_or_is_an_error(text):
    with contextlib.suppress(ValueError):
        for words, predicates, roles in read(text, predicate_column=1):
            assert len(predicates) == len(roles)
            assert all(len(each) == len(words) for each in roles)
