# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Schemes of the labels of files, and the entities that labels mark."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from modeling_elmo.files.columns import ColumnFile
from modeling_elmo.fine_tuning.labels import are_entities, as_bio, find_scheme, labels_in_scheme, with_all_marks
from modeling_elmo.model.label_schemes import check_decodable


# Two sentences: X Y | X X' , where X' follows another entity of its type.
IOB1 = [["I-X", "I-X", "O", "I-Y"], ["I-X", "B-X", "I-X"]]
BIO = [["B-X", "I-X", "O", "B-Y"], ["B-X", "B-X", "I-X"]]
BIOES = [["B-X", "E-X", "O", "S-Y"], ["S-X", "B-X", "E-X"]]
BILOU = [["B-X", "L-X", "O", "U-Y"], ["U-X", "B-X", "L-X"]]


def sentences_of(labels):
    text = "\n\n".join("\n".join(f"w {label}" for label in sentence) for sentence in labels)
    return list(ColumnFile(text.split("\n"), "file"))


@pytest.fixture
def said(monkeypatch):
    """What is logged: loggers of transformers don't propagate to pytest."""
    messages = []
    logger = logging.getLogger("modeling_elmo.fine_tuning.labels")
    monkeypatch.setattr(logger, "warning", messages.append)
    return messages


class TestDetection:
    @pytest.mark.parametrize(
        ("labels", "scheme"), [(IOB1, "IOB1"), (BIO, "BIO"), (BIOES, "BIOES"), (BILOU, "BILOU"), ([["I", "O"]], "IOB1")]
    )
    def test_the_scheme_is_found_and_said(self, labels, scheme, said):
        assert find_scheme(labels) == scheme
        labels_in_scheme(sentences_of(labels), "file")
        assert said == [f"file: labels follow {scheme}{' and are converted to BIO' if scheme == 'IOB1' else ''}."]

    @pytest.mark.parametrize("labels", [[["O", "O"]], [["NN", "VB"]], [], [["B-X", "O", "I-X"], ["I-X"]]])
    def test_there_may_be_none(self, labels):
        assert find_scheme(labels) is None

    def test_iob1_becomes_bio(self, said):
        assert labels_in_scheme(sentences_of(IOB1), "file") == BIO
        assert labels_in_scheme(sentences_of(IOB1), "file", "IOB1") == BIO
        assert said[1] == "file: labels are converted from IOB1 to BIO."
        assert find_scheme(map(as_bio, IOB1)) == "BIO"

    @pytest.mark.parametrize("labels", [BIO, BIOES, BILOU, [["NN", "B-X", "O"]]])
    def test_other_labels_stay(self, labels, said):
        assert labels_in_scheme(sentences_of(labels), "file") == labels

    def test_a_stray_i_among_bio_is_read_as_conlleval_reads_it(self, said):
        labels = [*BIO, ["O", "I-Y"]]
        assert labels_in_scheme(sentences_of(labels), "file") == [*BIO, ["O", "B-Y"]]
        assert said == ["file:11: I-Y can't stand after O in BIO. It is read as B, as conlleval does."]

    def test_an_entity_of_bioes_without_an_end_is_said(self, said):
        labels = [*BIOES, ["B-X", "O", "B-X"]]
        assert labels_in_scheme(sentences_of(labels), "file") == labels
        assert said == ["file:11: O can't stand after B-X in BIOES (2 such places)."]

    @pytest.mark.parametrize(
        ("labels", "line", "found"),
        [
            ([*BIO, ["0", "O"]], 10, "0"),
            ([["Tag"], *BIO], 1, "Tag"),
            ([["O", "b-x", "i-x"]], 2, "b-x"),
            ([["o", "B-X", "I-X"]], 1, "o"),
            ([["X-B", "X-I", "O"]], 1, "X-B"),
            ([["O", "B_X"]], 2, "B_X"),
        ],
    )
    def test_labels_that_only_seem_to_mark_entities_are_said(self, labels, line, found, said):
        assert labels_in_scheme(sentences_of(labels), "file") == labels
        assert said == [
            f"file:{line}: label {found!r} is none of O, B-TYPE, I-TYPE, ..., as others seem to be: entities are not "
            "scored and decoding obeys no scheme."
        ]

    @pytest.mark.parametrize("labels", [["NN", "NN", "B-X"], ["O", "PER", "LOC"], ["O", "O"], ["Case=Nom", "_"]])
    def test_other_classes_of_words_are_no_matter(self, labels, said):
        assert labels_in_scheme(sentences_of([labels]), "file") == [labels]
        assert not said


class TestCheck:
    @pytest.mark.parametrize(
        ("labels", "scheme"), [(IOB1, "IOB1"), (BIO, "BIO"), (BIOES, "BIOES"), (BILOU, "BIOES"), (BILOU, "BILOU")]
    )
    def test_labels_of_the_scheme_pass(self, labels, scheme, said):
        assert labels_in_scheme(sentences_of(labels), "file", scheme)

    @pytest.mark.parametrize(
        ("labels", "scheme", "message"),
        [
            (
                IOB1,
                "BIO",
                r"file:1: I-X can't stand at the beginning of a sentence in BIO \(3 such places\); "
                "the labels follow IOB1: set label_scheme to IOB1",
            ),
            (BIO, "IOB1", "file:1: B-X can't .* in IOB1 .*; the labels follow BIO: set label_scheme to BIO"),
            (BIO, "BIOES", "file:3: O can't stand after I-X in BIOES .*; the labels follow BIO: set"),
            (
                BIOES,
                "BIO",
                "file:2: label_scheme='BIO' expects O, B-TYPE, I-TYPE; found 'E-X'; the labels follow BIOES",
            ),
            (BIOES, "BILOU", "file:2: label_scheme='BILOU' expects .*; found 'E-X'; the labels follow BIOES"),
            (
                [["B-X", "O", "I-X"]],
                "BIO",
                "file:3: I-X can't stand after O in BIO; write B-X, or leave label_scheme out to have it read so",
            ),
            ([["O", "B-X"]], "BIOES", "file:2: a sentence can't end with B-X in BIOES; the labels follow BIO"),
            ([["NN", "VB"]], "BIO", "file:1: label_scheme='BIO' expects O, B-TYPE, I-TYPE; found 'NN'$"),
        ],
    )
    def test_others_are_an_error_with_the_line_and_what_to_do(self, labels, scheme, message):
        with pytest.raises(ValueError, match=message):
            labels_in_scheme(sentences_of(labels), "file", scheme)


LABELS = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]))


@given(LABELS)
def test_conversion_keeps_the_entities_that_conlleval_finds(labels):
    converted = as_bio(labels)
    assert get_entities(converted) == get_entities(labels)
    assert find_scheme([converted]) in ("BIO", None if set(labels) <= {"O"} else "BIO")
    assert as_bio(converted) == converted


def test_parts_of_speech_are_no_entities():
    assert not are_entities(["NN", "B-X", "O"])
    assert not are_entities(["B", "I", "C"])
    assert are_entities(["O", "B-X", "I-X"])
    assert are_entities(["O", "B", "I"])


@pytest.mark.parametrize(
    ("names", "added", "scheme"),
    [
        (["O", "B-X"], {"I-X"}, "BIO"),
        (["O", "B", "I"], set(), "BIO"),
        (["O", "S-X"], {"B-X", "I-X", "E-X"}, "BIOES"),
        (["O", "U-X", "B-Y", "L-Y"], {"B-X", "I-X", "L-X", "U-Y", "I-Y"}, "BILOU"),
        (["O", "S-X", "B-X", "M-X", "E-X"], set(), "BIOES"),
    ],
)
def test_marks_that_the_data_lack_are_added(names, added, scheme):
    assert with_all_marks(names) == set(names) | added
    check_decodable(with_all_marks(names), scheme)
