# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The figures of docs/sentences.md: what is compared with what."""

import json

import pytest
from typer.testing import CliRunner


pytest.importorskip("sentencex")
splitting = pytest.importorskip("benchmarks.quality.sentence_splitting")

CONLLU = """# text = C'est du pain.
1\tC'\tce
2\test\têtre
3-4\tdu\t_
3\tde\tde
4\tle\tle
5\tpain\tpain
5.1\tx\tx
6\t.\t.

# text = Ah
1\tAh\tah
"""


@pytest.fixture
def conllu(tmp_path):
    (tmp_path / "a.conllu").write_text(CONLLU, encoding="utf-8")
    return tmp_path / "a.conllu"


def test_tokens_are_those_of_the_surface(conllu):
    assert list(splitting.read_conllu(conllu)) == [
        ("C'est du pain.", ["C'", "est", "du", "pain", "."]),
        ("Ah", ["Ah"]),
    ]


def test_words_are_compared_by_the_rules_of_each_language(conllu):
    result = CliRunner().invoke(splitting.app, ["words", str(conllu), "--language", "fr"])
    rules = {figures["rules"]: figures["f1"] for figures in map(json.loads, result.output.splitlines())}
    assert rules == {"fr": 1.0, "xx": pytest.approx(8 / 11, abs=1e-4), "en": pytest.approx(8 / 11, abs=1e-4)}


def test_a_sentence_without_a_final_mark_ends_its_paragraph(tmp_path):
    lines = ["The_DT end_NN ._.", "-LRB-_( Ok_UH ._. -RRB-_)", "A_DT heading_NN", "It_PRP is_VBZ n't_RB ._."]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    (tmp_path / "b.txt").write_text("It DT\n. .\n\nOk UH\n")
    assert splitting.paragraphs([tmp_path / "a.txt"], "tagged") == [["The end.", "(Ok.)", "A heading"], ["It isn't."]]
    assert splitting.paragraphs([tmp_path / "b.txt"], "columns") == [["It.", "Ok"]]


def test_only_boundaries_within_a_paragraph_count(conllu, tmp_path):
    (tmp_path / "b.txt").write_text("It DT\nis VBZ\n. .\n\nOk UH\n. .\n")
    result = CliRunner().invoke(splitting.app, ["sentences", str(tmp_path / "b.txt"), "--format", "columns"])
    figures = next(json.loads(line) for line in result.output.splitlines() if "sentencex" in line)
    assert (figures["paragraphs"], figures["f1"]) == (1, 1.0)
    text, spans = splitting.joined(["A b.", "C."])
    assert splitting.inner_ends(spans, text) == {4}
