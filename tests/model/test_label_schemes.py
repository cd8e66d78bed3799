# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which labels may follow which, in each scheme, and which labels a config accepts."""

import json

import pytest

from modeling_elmo import ElmoConfig, ElmoForSequenceClassification, ElmoForTokenClassification
from modeling_elmo.model.label_schemes import LabelConstraints
from tests.helpers.task_examples import SIZES


BIO = ["O", "B-X", "I-X", "B-Y", "I-Y"]
BIOES = ["O", "B-X", "I-X", "E-X", "S-X"]


class TestConstraints:
    def test_bio(self):
        constraints = LabelConstraints.from_labels(BIO, "BIO")
        assert constraints.starts == [True, True, False, True, False]
        assert constraints.ends == [True] * 5
        assert constraints.follows == [
            [True, True, False, True, False],
            [True, True, True, True, False],
            [True, True, True, True, False],
            [True, True, False, True, True],
            [True, True, False, True, True],
        ]

    def test_iob1(self):
        constraints = LabelConstraints.from_labels(BIO, "IOB1")
        assert constraints.starts == [True, False, True, False, True]
        assert constraints.ends == [True] * 5
        assert constraints.follows == [
            [True, False, True, False, True],
            [True, True, True, False, True],
            [True, True, True, False, True],
            [True, False, True, True, True],
            [True, False, True, True, True],
        ]

    def test_bioes(self):
        constraints = LabelConstraints.from_labels([*BIOES, "E-Y"], "BIOES")
        assert constraints.starts == [True, True, False, False, True, False]
        assert constraints.ends == [True, False, False, True, True, True]
        begins, continues = [True, True, False, False, True, False], [False, False, True, True, False, False]
        assert constraints.follows == [begins, continues, continues, begins, begins, begins]

    @pytest.mark.parametrize(
        "names", [["O", "B-X", "I-X", "L-X", "U-X"], ["O", "B-X", "M-X", "E-X", "S-X"], ["O", "B", "I", "E", "S"]]
    )
    def test_other_names_of_the_same_marks(self, names):
        assert LabelConstraints.from_labels(names, "BIOES") == LabelConstraints.from_labels(BIOES, "BIOES")

    def test_bilou(self):
        names = ["O", "B-X", "I-X", "L-X", "U-X"]
        assert LabelConstraints.from_labels(names, "BILOU") == LabelConstraints.from_labels(BIOES, "BIOES")


def tagger_config(labels, scheme):
    return ElmoConfig(**SIZES, id2label=dict(enumerate(labels)), use_crf=True, label_scheme=scheme)


class TestConfig:
    @pytest.mark.parametrize(
        ("label", "scheme"),
        [("E-X", "BIO"), ("E-X", "IOB1"), ("LABEL_1", "BIO"), ("X", "BIOES"), ("O-X", "BIO"), ("S-X", "BILOU")],
    )
    def test_labels_outside_the_scheme_are_refused(self, label, scheme):
        with pytest.raises(ValueError, match=f"id2label: label_scheme='{scheme}' expects O, .* '{label}'"):
            tagger_config(["O", label], scheme)

    @pytest.mark.parametrize(
        ("labels", "scheme", "missing"),
        [
            (["O", "I-X"], "BIO", "'I-X' without 'B-X'"),
            (["O", "B-X", "I-X", "I-Y"], "BIO", "'I-Y' without 'B-Y'"),
            (["O", "I"], "BIO", "'I' without 'B'"),
            (["O", "B-X"], "IOB1", "'B-X' without 'I-X'"),
            (["O", "S-X", "B-X"], "BIOES", "'B-X' without 'E-X'"),
            (["O", "B-X", "I-X", "U-X"], "BILOU", "'B-X' without 'L-X'"),
        ],
    )
    def test_labels_that_can_never_be_decoded_are_refused(self, labels, scheme, missing):
        with pytest.raises(ValueError, match=f"id2label: .* can never decode {missing}; add it"):
            tagger_config(labels, scheme)

    @pytest.mark.parametrize(
        ("labels", "scheme"),
        [
            (["O", "I-X"], "IOB1"),
            (["O", "B-X"], "BIO"),
            (["O", "S-X"], "BIOES"),
            (["O", "B-X", "L-X"], "BILOU"),
            (["O", "B-X", "L-X", "U-X"], "BIOES"),
        ],
    )
    def test_labels_that_can_be_decoded_are_accepted(self, labels, scheme):
        assert tagger_config(labels, scheme).label_scheme == scheme


class TestSavedTagger:
    @pytest.fixture
    def saved(self, tmp_path):
        ElmoForTokenClassification(tagger_config(BIO, "BIO")).save_pretrained(tmp_path)
        return tmp_path

    def test_loads_with_its_scheme(self, saved):
        model = ElmoForTokenClassification.from_pretrained(saved)
        assert model.config.label_scheme == "BIO"
        assert model.crf.constraints == LabelConstraints.from_labels(BIO, "BIO")

    def test_the_scheme_can_change_with_the_labels(self, saved):
        labels = {0: "O", 1: "I-X"}
        assert ElmoConfig.from_pretrained(saved, id2label=labels, label_scheme="IOB1").label_scheme == "IOB1"
        assert ElmoConfig.from_pretrained(saved, label_scheme=None).label_scheme is None

    def test_loads_with_labels_that_can_never_be_decoded_as_earlier_versions_saved_them(self, saved):
        path = saved / "config.json"
        fields = json.loads(path.read_text())
        fields["id2label"]["1"] = "I-Z"
        path.write_text(json.dumps(fields))
        model = ElmoForTokenClassification.from_pretrained(saved)
        assert model.config.label_scheme == "BIO"
        assert model.config.id2label[1] == "I-Z"
        model.save_pretrained(saved / "again")
        assert ElmoConfig.from_pretrained(saved / "again").label_scheme == "BIO"
        assert ElmoConfig.from_pretrained(saved, label_scheme="IOB1", id2label={0: "I-Z"}).label_scheme == "IOB1"
        with pytest.raises(ValueError, match="can never decode 'I-Z'"):
            ElmoConfig.from_pretrained(saved, label_scheme="BIO")

    def test_a_head_without_words_can_replace_the_tagger(self, saved):
        model = ElmoForSequenceClassification.from_pretrained(saved, num_labels=2)
        assert model.config.label_scheme is None
        assert ElmoConfig.from_pretrained(saved, id2label={0: "O", 1: "B-Z"}).label_scheme == "BIO"
