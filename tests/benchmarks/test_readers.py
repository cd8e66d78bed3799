# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The files that the example scripts read, and how they are divided."""

import pytest

from data_files import InputError, hold_out, read_columns, read_senseval, read_squad, read_tagged_text, take_fraction
from tests.conftest import SHARED


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "file.txt"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


class TestColumns:
    def test_sentences_end_at_blank_lines_marks_and_the_end_of_the_file(self, write):
        path = write("\n-DOCSTART- -X- O\n\na X O\r\nb Y B-Q\n \t\n\n-DOCSTART- -X- O\nc Z O")
        sentences = read_columns(path)
        assert [sentence.words for sentence in sentences] == [["a", "b"], ["c"]]
        assert [sentence.labels for sentence in sentences] == [["O", "B-Q"], ["O"]]
        assert sentences[0].places == ["file.txt:4", "file.txt:5"]

    def test_columns_are_chosen_by_index_from_either_end(self, write):
        path = write("a X O\n")
        assert read_columns(path, label_column=1)[0].labels == ["X"]
        assert read_columns(path, word_column=-2, label_column=-1)[0].words == ["X"]

    def test_words_may_be_white_space_or_line_ends_of_other_alphabets_where_tabs_separate(self, write):
        path = write("\u00a0\tO\n\u0085\tO\na b\tB-X\n")
        assert read_columns(path)[0].words == ["\u00a0", "\u0085", "a b"]

    def test_words_may_be_white_space_of_other_alphabets_where_spaces_separate(self, write):
        assert read_columns(write("\u00a0 N O\na  N   B-X \n"))[0].words == ["\u00a0", "a"]

    @pytest.mark.parametrize("line", ["b O", "b N", "b N B-X O", "b"])
    def test_a_line_with_other_columns_is_an_error(self, write, line):
        with pytest.raises(InputError, match=r"file.txt:2: expected 3 columns, as on the lines before, found"):
            read_columns(write(f"a N O\n{line}\n"))

    @pytest.mark.parametrize("columns", [{}, {"label_column": 0}])
    def test_words_are_not_taken_for_labels(self, write, columns):
        with pytest.raises(InputError, match=r"file.txt:1: expected different columns of words and labels"):
            read_columns(write("a\nb\n"), **columns)

    def test_latin_1_is_read_where_asked(self, write):
        path = write("Zürich N B-LOC\n", "latin-1")
        assert read_columns(path, encoding="latin-1")[0].words == ["Zürich"]

    def test_a_byte_order_mark_is_no_part_of_a_word(self, write):
        assert read_columns(write("\ufeffa O\n"))[0].words == ["a"]

    @pytest.mark.parametrize("text", ["", "\n\n", "-DOCSTART- O\n"])
    def test_a_file_without_words_is_an_error(self, write, text):
        with pytest.raises(InputError, match="file.txt: expected a word on each line"):
            read_columns(write(text))

    def test_an_encoding_that_is_none_is_an_error(self, write):
        with pytest.raises(InputError, match="encoding: .* found 'utf-7000'"):
            read_columns(write("a O\n"), encoding="utf-7000")

    def test_a_file_of_another_encoding_as_a_whole_is_an_error(self, write):
        with pytest.raises(InputError, match="file.txt: not utf-16: .*BOM; see encoding"):
            read_columns(write("a O\n"), encoding="utf-16")

    def test_a_directory_is_an_error(self, tmp_path):
        with pytest.raises(InputError, match="found a directory"):
            read_columns(str(tmp_path))


def test_pieces_without_a_tag_are_words_without_a_label(write):
    (sentence,) = read_tagged_text(write("well_UH . ._: a_b_NN _ \n\n"))
    assert sentence.words == ["well", ".", ".", "a_b", "_"]
    assert sentence.labels == ["UH", None, ":", "NN", None]


class TestHoldOut:
    def test_divides_all_and_keeps_the_order(self):
        stay, held = hold_out(range(100), 0.2, seed=0)
        assert len(held) == 20
        assert sorted([*stay, *held]) == list(range(100))
        assert stay == sorted(stay)
        assert hold_out(range(100), 0.2, seed=0) == (stay, held)
        assert hold_out(range(100), 0.2, seed=1)[1] != held

    def test_units_stay_together(self):
        stay, held = hold_out(range(100), 0.3, seed=0, unit=lambda number: number // 10)
        assert len(held) == 30
        assert not {number // 10 for number in stay} & {number // 10 for number in held}

    def test_nothing_left_is_an_error(self):
        with pytest.raises(InputError, match="nothing would stay"):
            hold_out([1], 0.1, seed=0)


def test_a_smaller_fraction_is_part_of_a_larger():
    parts = [take_fraction(range(1000), fraction, seed=3) for fraction in (0.01, 0.1, 1.0)]
    assert list(map(len, parts)) == [10, 100, 1000]
    assert set(parts[0]) < set(parts[1]) < set(parts[2])
    assert take_fraction([1, 2], 0.001, seed=0) in ([1], [2])


@pytest.mark.parametrize(
    ("read", "name", "number"),
    [
        (read_columns, "wnut17/emerging.test.annotated", 1287),
        (read_columns, "conll2000/test.txt", 2012),
        (lambda path: read_columns(path, encoding="latin-1"), "conll2002/ned.testa", 2895),
        (read_senseval, "senseval/interest.pos", 2368),
        (read_squad, "xquad/xquad.en.json", 1190),
        (read_tagged_text, "masc_tagged/written/wsj_0006.txt", 2),
    ],
)
def test_published_files_are_read_whole(read, name, number):
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"needs the published data sets (shared/data/{name} beside the checkout)")
    assert len(read(str(path))) == number
