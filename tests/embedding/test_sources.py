# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences of files of every kind: nothing is lost or skipped, and errors name the line or row."""

import gzip
import io
import json
import lzma
import sys
from pathlib import Path

import pytest

from modeling_elmo.embedding.sources import DatasetColumn, JSONLines, ParquetRows, checked_sentence, open_source


class TestTextFiles:
    @pytest.mark.parametrize("name", ["text", "text.gz", "text.XZ"])
    def test_every_line_is_a_sentence(self, tmp_path, name):
        opened = {"": open, ".gz": gzip.open, ".XZ": lzma.open}[Path(name).suffix]
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
            ('{"words": []}', "line 2: expected a field 'text', found the fields words"),
            ("[]", "line 2: expected a field 'text', found list"),
            ('{"text": 3}', "line 2: text: expected a text or a list of words, found int 3"),
            ('{"text": [["a"]]}', "line 2: text: expected a text or a list of words, found list"),
        ],
    )
    def test_bad_rows(self, tmp_path, line, message):
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps({"text": "fine"}) + f"\n{line}\n")
        with pytest.raises(ValueError, match=message):
            list(JSONLines(path))


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
        monkeypatch.setattr("modeling_elmo.embedding.sources.CHUNK_BYTES", 1000)
        pyarrow = pytest.importorskip("pyarrow")
        long, dictionary = "x" * 600, pyarrow.array(["a b", "x" * 600])
        texts = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 1, 1, None, 1]), dictionary)
        words = pyarrow.array([[long, "a"], [], [long], [long, long], None])
        path = write({"text": texts, "words": words})
        assert list(ParquetRows(path, "text")) == [{"text": text} for text in texts.to_pylist()]
        assert list(ParquetRows(path, "words")) == [{"words": row} for row in words.to_pylist()]

    def test_rows_that_are_too_long_on_average_are_not_read(self, write, monkeypatch):
        monkeypatch.setattr("modeling_elmo.embedding.sources.MAX_LINE_BYTES", 5000)
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
