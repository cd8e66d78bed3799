# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences of files of every kind: nothing is lost or skipped, and errors name the line or row."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo.embedding.sources import DatasetColumn, checked_sentence, open_source
from modeling_elmo.files.tables import ParquetRows
from modeling_elmo.model.text_warnings import ElmoWarning


class TestTextFiles:
    @pytest.mark.parametrize("name", ["text", "text.gz", "text.XZ", "text.bz2"])
    def test_every_line_is_a_sentence(self, tmp_path, name):
        opened = {"": open, ".gz": gzip.open, ".XZ": lzma.open, ".bz2": bz2.open}[Path(name).suffix]
        with opened(tmp_path / name, "wb") as file:
            file.write("\ufeffThe bank .\n\nlast".encode())
        source = open_source(tmp_path / name)
        assert list(source) == list(source) == ["The bank .", "", "last"]

    def test_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb")))
        assert list(open_source("-")) == ["a", "b"]

    def test_invalid_text_can_be_replaced(self, tmp_path):
        (tmp_path / "text").write_bytes(b"bad \xff\n")
        assert list(open_source(tmp_path / "text", errors="replace")) == ["bad \ufffd"]

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            open_source(tmp_path / "nowhere")

    def test_has_no_columns(self, tmp_path):
        (tmp_path / "text").write_text("a")
        with pytest.raises(ValueError, match="a text file has no columns"):
            open_source(tmp_path / "text", column="text")


class TestColumns:
    def test_words_of_conllu(self, tmp_path):
        row = "\t_\t_\t_\t_\t_\t_\t_\t_\n"
        with gzip.open(tmp_path / "a.conllu.gz", "wt") as file:
            file.write(f"# text = del mar\n1-2\tdel{row}1\tde{row}2\tel{row}3\tmar{row}\n1\tsí{row}")
        assert list(open_source(tmp_path / "a.conllu.gz")) == [["de", "el", "mar"], ["sí"]]
        with pytest.raises(ValueError, match=r"a.conllu.gz:2: column: expected one of ID, FORM, .* found 'text'"):
            list(open_source(tmp_path / "a.conllu.gz", "text"))

    @pytest.mark.parametrize(
        "rows", ["#nlp O\nin O\nUlm B-X\n\n", "1 NN\n2 NN\n3 VB\n\n", "a\tN\tO\n\nb\tN\tI-X\n" * 9]
    )
    def test_a_text_file_of_words_with_labels_is_said(self, tmp_path, rows):
        (tmp_path / "wnut.txt").write_text(rows * 2)
        with pytest.warns(
            ElmoWarning, match=r"wnut.txt: its lines seem to have a word and its labels each, .*--column must be"
        ):
            list(open_source(tmp_path / "wnut.txt"))

    def test_a_text_file_of_other_lines_is_not_said(self, tmp_path, recwarn):
        (tmp_path / "text").write_text("Vitamin B-12\nhepatitis B\n1 a\n\n" * 5)
        assert len(list(open_source(tmp_path / "text"))) == 20
        assert not recwarn

    def test_an_index_reads_any_text_file_so(self, tmp_path):
        (tmp_path / "wnut.annotated").write_text("#nlp\tO\nUlm\tB-X\n\nb\tO\n")
        assert list(open_source(tmp_path / "wnut.annotated", "0")) == [["#nlp", "Ulm"], ["b"]]
        assert list(open_source(tmp_path / "wnut.annotated", "-2")) == [["#nlp", "Ulm"], ["b"]]


class TestJSONLines:
    def test_texts_and_words(self, tmp_path):
        path = tmp_path / "rows.jsonl"
        path.write_text('{"text": "The bank"}\n{"text": ["river", "of"]}\n{"text": ""}\n')
        assert list(open_source(path)) == ["The bank", ["river", "of"], ""]

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{", "rows.jsonl: line 2: not JSON"),
            ("[" * 100_000, "rows.jsonl: line 2: not JSON"),
            ('{"words": []}', "line 2: expected a column 'text', found words; column selects another one"),
            ("[]", "line 2: expected a field 'text', found list"),
            ('{"text": 3}', "line 2: text: expected a text or a list of words, found int 3"),
            ('{"text": [["a"]]}', "line 2: text: expected a text or a list of words, found list"),
        ],
    )
    def test_bad_rows(self, tmp_path, line, message):
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps({"text": "fine"}) + f"\n{line}\n")
        with pytest.raises(ValueError, match=message):
            list(open_source(path))


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")


class TestTables:
    @pytest.mark.parametrize("name", ["h.csv", "h.csv.bz2"])
    def test_csv(self, tmp_path, name):
        text = '\ufeffid, tweet\r\n1,"hello , world"\r\n\r\n2,"two\nlines ""so"""\r\n3,\r\n'
        with (bz2.open if name.endswith("bz2") else open)(tmp_path / name, "wb") as file:
            file.write(text.encode())
        source = open_source(tmp_path / name, column="tweet")
        assert list(source) == list(source) == ["hello , world", 'two\nlines "so"', ""]
        assert source.share() == 1
        with pytest.raises(ValueError, match="expected a column 'text', found id, tweet; --column selects another one"):
            open_source(tmp_path / name)

    @given(
        rows=st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=9), max_size=5
        ),
        mark=st.sampled_from(",;\t"),
        size=st.integers(1, 20),
    )
    def test_what_other_programs_write_comes_back(self, tmp_path_factory, rows, mark, size):
        path = tmp_path_factory.mktemp("tables")
        with open(path / "h.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=mark).writerows([["id", "text"], *enumerate(rows)])
        (path / "i.json").write_text(json.dumps([{"text": row} for row in rows], ensure_ascii=False), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("modeling_elmo.files.tables.CHUNK_CHARACTERS", size)
            for name in ("h.csv", "i.json"):
                with warnings.catch_warnings():
                    # Drawn texts may all be numbers.
                    warnings.simplefilter("ignore", ElmoWarning)
                    assert list(open_source(path / name)) == rows

    @pytest.mark.parametrize("mark", [";", "\t"])
    def test_csv_with_other_separators(self, tmp_path, mark):
        (tmp_path / "h.csv").write_text(f"id{mark}text\n1{mark}a, b\n")
        assert list(open_source(tmp_path / "h.csv")) == ["a, b"]

    def test_tsv_has_a_row_on_each_line(self, tmp_path):
        (tmp_path / "h.tsv").write_text('id\ttweet\n1\t"so\n2\tnow" , it\n')
        assert list(open_source(tmp_path / "h.tsv", column="tweet")) == ['"so', 'now" , it']

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "expected a row with the names of the columns, found an empty file"),
            ("id,text\n1,a\n2,b, c\n", "line 3: expected 2 fields, as in the first row, found 3; texts that contain"),
            ("id,text\n1\n", "line 2: expected 2 fields, as in the first row, found 1"),
            ('id,text\n1,"a\n2,b\n', r"line 2: not a row of CSV \(unexpected end of data\)"),
            ('id,text\n1,a\n\n2,"a\n' + "b\n" * 600, "after line 3: expected at most 1000 bytes a row, found more"),
            ("id,text\n1,a\r2,b\n", "line 2: not a row of CSV"),
            ("text,text\na,b\n", "line 1: expected one column 'text', found 2"),
        ],
    )
    def test_bad_csv(self, tmp_path, monkeypatch, text, message):
        monkeypatch.setattr("modeling_elmo.files.tables.MAX_LINE_BYTES", 1000)
        (tmp_path / "h.csv").write_text(text)
        with pytest.raises(ValueError, match=f"h.csv: {message}"):
            list(open_source(tmp_path / "h.csv"))

    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_a_json_array(self, tmp_path, monkeypatch, indent, size):
        monkeypatch.setattr("modeling_elmo.files.tables.CHUNK_CHARACTERS", size)
        path = tmp_path / "i.json"
        for texts in ([], ["a b"], ["a b", "", ["c", "]"], "é" * 99]):
            rows = [{"text": text, "number": -12.5} for text in texts]
            path.write_text("\ufeff \n" + json.dumps(rows, indent=indent) + "\n", encoding="utf-8")
            assert list(open_source(path)) == texts

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('[{"text": "a"}, {"text"', "row 2: expected JSON of at most 1000 bytes a row, found something else"),
            ('[{"text": "a"} {"text": "b"}]', "row 1: expected JSON of .* a comma or ]"),
            (
                '[{"text": "a"}, {"text": "' + "b" * 2000 + '"}]',
                "row 2: expected (at most 1000 bytes|JSON)",
            ),
            ('[{"text": "a"}]\n[{"text": "b"}]', "expected one array, found more after row 1"),
            ('["a", "b"]', "row 1: expected a field 'text', found str"),
            ('[{"text": "a"}, {"words": "a"}]', "row 2: expected a column 'text', found words"),
            ('{"data": [{"text": "a"}]}', "line 1: expected a column 'text', found data"),
            ('{\n"data": [{"text": "a"}]}', "line 1: not JSON .* expected an object on each line, or one array"),
        ],
    )
    def test_bad_json(self, tmp_path, monkeypatch, text, message):
        monkeypatch.setattr("modeling_elmo.files.tables.MAX_LINE_BYTES", 1000)
        monkeypatch.setattr("modeling_elmo.embedding.sources.MAX_LINE_BYTES", 1000)
        monkeypatch.setattr("modeling_elmo.files.tables.CHUNK_CHARACTERS", 10)
        (tmp_path / "i.json").write_text(text)
        with pytest.raises(ValueError, match=f"i.json: ({message})"):
            list(open_source(tmp_path / "i.json"))


class TestWarnings:
    @pytest.mark.parametrize("header", ["id\ttweet", "text", "label,text", '"","review"', "Sentence_ID;Sentence"])
    def test_a_header_read_as_a_sentence(self, tmp_path, header):
        (tmp_path / "h.txt").write_text(f"{header}\n1\thello\n")
        with pytest.warns(ElmoWarning, match="h.txt: line 1: .* seems to name the columns of a table"):
            assert len(list(open_source(tmp_path / "h.txt"))) == 2

    @pytest.mark.parametrize("number", [1, 3, 200])
    def test_a_column_of_numbers(self, tmp_path, number):
        (tmp_path / "h.csv").write_text("id,tweet\n" + "".join(f"{row},{row} a\n" for row in range(number)))
        with pytest.warns(ElmoWarning, match="h.csv: the column 'id' holds numbers, not texts"):
            assert len(list(open_source(tmp_path / "h.csv", "id"))) == number
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(list(open_source(tmp_path / "h.csv", "tweet"))) == number


class TestParquet:
    @pytest.fixture
    def write(self, tmp_path):
        pyarrow = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs the package pyarrow")

        def write(columns):
            parquet.write_table(pyarrow.table(columns), tmp_path / "rows.parquet")
            return tmp_path / "rows.parquet"

        return write

    def test_texts_and_words(self, write):
        path = write({"text": ["a b", ""], "words": [["a", "b"], []]})
        source = open_source(path)
        assert list(source) == ["a b", ""]
        assert source.share() == 1
        assert list(open_source(path, column="words")) == [["a", "b"], []]

    def test_bad_columns_and_files(self, write, tmp_path):
        path = write({"text": ["a", None], "number": [1, 2]})
        with pytest.raises(ValueError, match="expected a column 'words', found text, number"):
            open_source(path, column="words")
        with pytest.raises(ValueError, match="rows.parquet: row 2: text: expected a text or a list of words"):
            list(open_source(path))
        (tmp_path / "bad.parquet").write_bytes(b"nothing of the kind")
        with pytest.raises(ValueError, match="bad.parquet: not a readable Parquet file"):
            open_source(tmp_path / "bad.parquet")

    def test_repeated_values_are_not_copied(self, write, monkeypatch):
        monkeypatch.setattr("modeling_elmo.files.tables.CHUNK_BYTES", 1000)
        pyarrow = pytest.importorskip("pyarrow")
        long, dictionary = "x" * 600, pyarrow.array(["a b", "x" * 600])
        texts = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 1, 1, None, 1]), dictionary)
        words = pyarrow.array([[long, "a"], [], [long], [long, long], None])
        path = write({"text": texts, "words": words})
        assert list(ParquetRows(path, ["text"])) == [{"text": text} for text in texts.to_pylist()]
        assert list(ParquetRows(path, ["words"])) == [{"words": row} for row in words.to_pylist()]

    def test_rows_that_are_too_long_on_average_are_not_read(self, write, monkeypatch):
        monkeypatch.setattr("modeling_elmo.files.tables.MAX_LINE_BYTES", 5000)
        path = write({"text": ["x" * 10_000], "words": [["x"] * 10_000]})
        for column in ("text", "words"):
            with pytest.raises(ValueError, match=f"row group 0: expected at most 5000 bytes a row, found .* {column}"):
                list(open_source(path, column))

    def test_says_what_to_install(self, tmp_path, monkeypatch):
        (tmp_path / "rows.parquet").write_bytes(b"")
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ValueError, match="Parquet requires the package pyarrow: pip install"):
            open_source(tmp_path / "rows.parquet")


class TestDatasetColumn:
    def test_datasets_in_memory_streamed_and_on_disk(self, tmp_path):
        datasets = pytest.importorskip("datasets", reason="needs the package datasets")
        dataset = datasets.Dataset.from_dict({"text": ["a b", ""], "words": [["a"], []]})
        assert list(DatasetColumn(dataset)) == ["a b", ""]
        assert list(DatasetColumn(dataset.to_iterable_dataset(), "words")) == [["a"], []]
        dataset.save_to_disk(tmp_path / "saved")
        source = open_source(tmp_path / "saved", column="words")
        assert list(source) == [["a"], []]
        assert source.share() == 1
        with pytest.raises(ValueError, match="expected a column 'x', found text, words"):
            DatasetColumn(dataset, "x")
        with pytest.raises(ValueError, match="expected one split of a dataset, found the splits train"):
            DatasetColumn(datasets.DatasetDict({"train": dataset}))

    def test_a_directory_without_a_dataset(self, tmp_path):
        pytest.importorskip("datasets", reason="needs the package datasets")
        with pytest.raises(ValueError, match=r"expected a file, or a directory written by Dataset\.save_to_disk"):
            open_source(tmp_path)


class TestBounds:
    @pytest.fixture(autouse=True)
    def limit(self, monkeypatch):
        monkeypatch.setattr("modeling_elmo.embedding.sources.MAX_LINE_BYTES", 20)

    @pytest.mark.parametrize("sentence", ["x" * 20, ["x" * 9, "y" * 10], "é" * 10])
    def test_a_sentence_of_the_maximum_size(self, sentence):
        assert checked_sentence(sentence, "name") == sentence

    @pytest.mark.parametrize("sentence", ["x" * 21, ["x" * 10, "y" * 10], "é" * 11, "\ud800" * 7])
    def test_a_larger_sentence_of_a_dataset_is_an_error_that_names_its_row(self, sentence):
        with pytest.raises(ValueError, match="dataset: row 2: text: expected at most 20 bytes, found more"):
            list(DatasetColumn([{"text": "fine"}, {"text": sentence}]))
