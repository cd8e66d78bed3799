# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Files with a word on each line, as treebanks and shared tasks publish them."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_elmo.files.columns import ColumnFile, ColumnWords


def read(text, **columns):
    return [(sentence.words, sentence.labels) for sentence in ColumnFile(text.split("\n"), "file", **columns)]


def conllu(*ids_words_tags):
    rows = [f"{id}\t{word}\t{word.lower()}\t{tag}\t_\t_\t0\troot\t_\t_" for id, word, tag in ids_words_tags]
    return "\n".join(rows) + "\n"


VAMOS = conllu(("1-2", "Vámonos", "_"), (1, "Vamos", "VERB"), (2, "nos", "PRON"), (3, "#", "SYM"), ("3.1", "x", "_"))
COMMENTS = "# sent_id = 1\n# text = Vámonos #\n"


class TestCoNLLU:
    @pytest.mark.parametrize("text", [VAMOS, COMMENTS + VAMOS, COMMENTS + VAMOS + "\n" + COMMENTS + VAMOS])
    def test_comments_ranges_and_empty_nodes_are_no_words(self, text):
        expected = (["Vamos", "nos", "#"], ["VERB", "PRON", "SYM"])
        assert read(text) == [expected] * text.count("1-2")

    @pytest.mark.parametrize("column", ["LEMMA", "lemma", 2, "2", -8])
    def test_columns_have_names_and_indices(self, column):
        assert read(VAMOS, label_column=column)[0][1] == ["vamos", "nos", "#"]
        assert read(VAMOS, word_column=column, label_column="DEPREL") == [(["vamos", "nos", "#"], ["root"] * 3)]

    def test_a_comment_can_name_the_columns(self):
        text = "# global.columns = ID FORM X:TAG\n# newdoc\n1\ta\tA\n2\tb\tB\n\n1\tc\tC\n"
        assert read(text) == [(["a", "b"], ["A", "B"]), (["c"], ["C"])]
        assert read(text, word_column="X:TAG", label_column="FORM")[0] == (["A", "B"], ["a", "b"])

    def test_lines_of_words_are_known(self):
        (sentence,) = ColumnFile((COMMENTS + VAMOS).split("\n"), "file")
        assert sentence.lines == [4, 5, 6]

    def test_a_number_that_is_none_is_an_error(self):
        with pytest.raises(ValueError, match="file:7: expected the number of a word, found 'x"):
            read(VAMOS + "\n" + conllu(("x", "a", "X")))

    def test_an_unknown_name_is_an_error(self):
        with pytest.raises(ValueError, match="file:1: label_column: expected one of ID, FORM, .*, found 'NER'"):
            read(VAMOS, label_column="NER")
        with pytest.raises(ValueError, match="file:1: word_column: expected an index, .* no names, found 'FORM'"):
            read("a O\n", word_column="FORM")


class TestNumberedWords:
    def test_germeval(self):
        text = (
            "#\thttp://example.org [2009-10-17]\n1\tIn\tO\tO\n2\tUlm\tB-LOC\tO\n3\t#nlp\tO\tO\n\n#\tx\n1\tUlm\tB-LOC\tO"
        )
        assert read(text) == [(["In", "Ulm", "#nlp"], ["O", "B-LOC", "O"]), (["Ulm"], ["B-LOC"])]
        assert read(text, label_column=3)[0][1] == ["O", "O", "O"]

    def test_the_first_column_can_be_chosen(self):
        assert read("1 a X\n2 b Y\n", word_column=0) == [(["1", "2"], ["a", "b"])]

    @pytest.mark.parametrize("text", ["1 NUM\n", "2 A\n3 B\n", "1 A\n1 B\n", "1 A\nb B\n", "1.5 A\nb B\n"])
    def test_words_that_are_numbers_are_words(self, text):
        assert read(text)[0][0] == [line.split()[0] for line in text.splitlines()]


class TestOtherColumns:
    def test_conll_2003(self):
        text = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n. . O O\n\n-DOCSTART- -X- O O\n\nBonn NNP B-NP B-LOC\n"
        assert read(text) == [(["EU", "."], ["B-ORG", "O"]), (["Bonn"], ["B-LOC"])]
        assert read(text, label_column=1)[0][1] == ["NNP", "."]

    def test_wnut(self):
        assert read("@ada\tO\n#nlp\tO\n\t\n#\tO\nUlm\tB-location\n") == [
            (["@ada", "#nlp"], ["O", "O"]),
            (["#", "Ulm"], ["O", "B-location"]),
        ]

    @pytest.mark.parametrize(
        "comment",
        [
            *("# id 5239d808\tdomain=en", "# a comment of many words", "# newdoc", "# x = y"),
            *("#begin document (a); part 0", "###MEDLINE:1\n"),
        ],
    )
    def test_comments_before_sentences(self, comment):
        text = f"{comment}\n# _ _ O\nUlm _ _ B-X\n\n{comment}\nb _ _ O"
        assert read(text) == [(["#", "Ulm"], ["O", "B-X"]), (["b"], ["O"])]

    @pytest.mark.parametrize("line", ["#nlp", "#", "# two"])
    def test_a_line_without_a_label_is_no_comment(self, line):
        with pytest.raises(ValueError, match="file:2: expected 3 columns"):
            read(f"a X O\n{line}\nb X O")

    def test_a_file_whose_words_all_begin_with_a_hash(self):
        assert read("#nlp O\n#elmo O") == [(["#nlp", "#elmo"], ["O", "O"])]

    def test_an_empty_cell_is_an_error(self):
        with pytest.raises(ValueError, match="file:2: expected a value in label_column, found none"):
            read("a\tO\nb\t\n")

    def test_a_sentence_without_an_end_is_an_error(self, monkeypatch):
        monkeypatch.setattr("modeling_elmo.files.columns.MAX_LINE_BYTES", 30)
        with pytest.raises(ValueError, match="file:8: a sentence of more than 30 characters: no blank line"):
            read("a O\n" * 12)


def test_more_lines_than_are_looked_at_first():
    sentences = [([f"w{i}", "#"], ["X", "Y"]) for i in range(200)]
    text = "\n\n".join(f"# s = {i}\n1\tw{i}\tX\n2\t#\tY" for i in range(200))
    assert read(text) == sentences


@settings(max_examples=40)
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1), min_size=1))
def test_any_words_are_read_where_they_are_numbered(sentences):
    text = "\n\n".join("\n".join(f"{i}\t{w}\tX\t_" for i, w in enumerate([*words, "."], 1)) for words in sentences)
    assert [words for words, _ in read(text)] == [[*words, "."] for words in sentences]


@given(st.text("#1-2.a=\t \n", max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ValueError):
        sentences = list(ColumnFile(text.split("\n"), "file"))
        assert all(len(each.words) == len(each.labels) == len(each.lines) > 0 for each in sentences)


class TestColumnWords:
    def test_reads_the_words_of_sentences_again_and_again(self, tmp_path):
        (tmp_path / "a.conllu").write_text(COMMENTS + VAMOS + "\n" + VAMOS, encoding="utf-8")
        source = ColumnWords(tmp_path / "a.conllu")
        assert list(source) == list(source) == [["Vamos", "nos", "#"]] * 2
        assert source.share() == 1
        assert next(iter(ColumnWords(tmp_path / "a.conllu", "LEMMA"))) == ["vamos", "nos", "#"]

    def test_one_column_is_enough(self, tmp_path):
        (tmp_path / "a.conll").write_text("a\nb\n\nc\n")
        assert list(ColumnWords(tmp_path / "a.conll")) == [["a", "b"], ["c"]]
        with pytest.raises(ValueError, match=r"a.conll:1: expected column 3, found 1 columns"):
            list(ColumnWords(tmp_path / "a.conll", "3"))
