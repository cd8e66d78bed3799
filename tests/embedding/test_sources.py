# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences of files of every kind: nothing is lost or skipped, and errors name the line or row."""

import gzip
import io
import json
import lzma
import os
import sys
import threading

import pytest

from modeling_elmo.embedding.sources import DatasetColumn, JSONLines, TextLines, open_source


TEXT = "\ufeffThe bank .\r\n\r\n naïve\u2028river \n\x85\nlast"
SENTENCES = ["The bank .", "", " naïve\u2028river ", "\x85", "last"]


class TestTextLines:
    def test_a_very_long_line_in_a_small_file_is_an_error(self, tmp_path, monkeypatch):
        monkeypatch.setattr("modeling_elmo.files.text.MAX_LINE_BYTES", 1000)
        with gzip.open(tmp_path / "text.gz", "wb") as file:
            file.write(b"x" * 999 + b"\n" + b"y" * 10_000)
        sentences = iter(TextLines(tmp_path / "text.gz"))
        assert next(sentences) == "x" * 999
        with pytest.raises(ValueError, match="text.gz: line 2: expected at most 1000 bytes, found more"):
            next(sentences)

    @pytest.mark.parametrize(("suffix", "opened"), [("", open), (".gz", gzip.open), (".XZ", lzma.open)])
    def test_every_line_is_a_sentence(self, tmp_path, suffix, opened):
        path = tmp_path / f"text{suffix}"
        with opened(path, "wb") as file:
            file.write(TEXT.encode())
        source = open_source(path)
        assert list(source) == SENTENCES
        assert list(source) == SENTENCES

    def test_a_final_line_feed_starts_no_line(self, tmp_path):
        (tmp_path / "text").write_bytes(b"a\nb\n")
        assert list(TextLines(tmp_path / "text")) == ["a", "b"]
        (tmp_path / "text").write_bytes(b"")
        assert list(TextLines(tmp_path / "text")) == []

    def test_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        source = open_source("-")
        assert not source.is_repeatable
        assert list(source) == SENTENCES
        assert source.share() is None

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_read_once(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(TEXT.encode()))
        writer.start()
        source = open_source(tmp_path / "pipe")
        assert not source.is_repeatable
        assert list(source) == SENTENCES
        writer.join()

    def test_invalid_text_is_named_or_replaced(self, tmp_path):
        path = tmp_path / "text"
        path.write_bytes(b"fine\nbad \xff\n")
        with pytest.raises(ValueError, match="text: line 2: expected UTF-8, found byte 0xff"):
            list(TextLines(path))
        assert list(open_source(path, errors="replace")) == ["fine", "bad \ufffd"]

    @pytest.mark.parametrize("suffix", [".gz", ".xz"])
    def test_damaged_archives(self, tmp_path, suffix):
        path = tmp_path / f"text{suffix}"
        path.write_bytes(b"not compressed\n")
        with pytest.raises(ValueError, match="damaged, or not compressed as its name says"):
            list(open_source(path))
        whole = (gzip if suffix == ".gz" else lzma).compress(b"a line\n" * 1000)
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="damaged"):
            list(open_source(path))

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            open_source(tmp_path / "nowhere")

    def test_reports_the_share_that_has_been_read(self, tmp_path):
        (tmp_path / "text").write_text("a line\n" * 10_000)
        source = TextLines(tmp_path / "text")
        shares = [share for _ in source if (share := source.share()) is not None]
        assert 0 < shares[0] < 0.5
        assert shares[-1] == 1

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
