# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files with coreference: documents, sentences, brackets in both styles, and what is refused."""

import random

import pytest

from modeling_elmo.files.coreference_columns import CoreferenceDocument, CoreferenceFile, bracket_cells


def read(text, **kwargs):
    return list(CoreferenceFile(text.split("\n"), "file.txt", **kwargs))


GUM = """#begin document one
Ada\tNNP\t(1(2)
's\tPOS\t2)
mother\tNN\t1)

#\tNN\t_
She\tPRP\t(2)
#begin document two
Yes\tUH\t_
"""

CONLL = """#begin document (bc/one); part 000
bc/one 0 0 Ada NNP - (1|(2)
bc/one 0 1 mother NN - 1)

bc/one 0 0 her PRP - (2)
#end document
"""


def test_documents_have_sentences_and_clusters():
    text = GUM.replace("(1(2)", "(1(2")
    assert read(text) == [
        CoreferenceDocument("one", [["Ada", "'s", "mother"], ["#", "She"]], [[(0, 1), (4, 4)], [(0, 2)]]),
        CoreferenceDocument("two", [["Yes"]], []),
    ]


def test_columns_of_conll_2012():
    expected = CoreferenceDocument("(bc/one); part 000", [["Ada", "mother"], ["her"]], [[(0, 0), (2, 2)], [(0, 1)]])
    assert read(CONLL, word_column=3) == [expected]


def test_mentions_of_one_cluster_may_be_nested():
    text = "#begin document x\na\t(1\nb\t(1\nc\t1)\nd\t1)"
    assert read(text)[0].clusters == [[(0, 3), (1, 2)]]


def test_a_span_counts_once():
    assert read("#begin document x\na\t(1)(2)\nb\t(2)")[0].clusters == [[(0, 0)], [(1, 1)]]


def test_cells_are_read_as_they_were_written():
    rng = random.Random(0)
    for _ in range(50):
        # Brackets of one cluster can't show which of two mentions that cross ends first; these are nested.
        spans = sorted({(first, rng.choice([first, 11 - first])) for first in rng.choices(range(6), k=5)})
        clusters = [spans[number::2] for number in range(2) if spans[number::2]]
        lines = [f"w\t{cell}" for cell in bracket_cells(12, clusters)]
        assert sorted(read("\n".join(["#begin document x", *lines]))[0].clusters) == sorted(clusters)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\t_", "file.txt:1: expected '#begin document' before the first word, found 'a"),
        ("#begin document x\na\t(1\n\nb\t_", "file.txt:2: the mention \\(1 of this document has no end"),
        ("#begin document x\na\t_\nb\t1)", "file.txt:3: a mention of 1 ends, but none has begun"),
        ("#begin document x\na\t(1", "has no end"),
        ("#begin document x\na\t1", "file.txt:2: expected `_` or brackets such as .*, found '1'"),
        ("#begin document x\na\t()", "found '\\(\\)'"),
        ("#begin document x\na", "file.txt:2: expected a word in column 0 and brackets of mentions in the last"),
    ],
)
def test_what_is_no_file_of_coreference_is_an_error_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_a_document_is_bounded(monkeypatch):
    monkeypatch.setattr("modeling_elmo.files.coreference_columns.MAX_LINE_BYTES", 100)
    with pytest.raises(ValueError, match="file.txt:11: a document of more than 100 characters"):
        read("#begin document x\n" + "word\t_____\n" * 20)


def test_word_column_is_an_index():
    with pytest.raises(ValueError, match="word_column: expected 0 or more, found -1"):
        read("", word_column=-1)
