# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Text files and datasets in blocks."""

import gzip
import lzma

import pytest

from modeling_elmo.pretraining.corpus import StreamedDataset, TextFiles


class TestTextFiles:
    def test_reads_what_stands_in_lines(self, tmp_path):
        (tmp_path / "a.txt").write_bytes("\ufeffone\r\n\n \t \ntwo\u2028\u0085three\nfour".encode())
        lines = TextFiles([tmp_path / "a.txt"]).read(0)
        assert [line.strip() for line in lines] == ["one", "two\u2028\u0085three", "four"]

    @pytest.mark.parametrize("content", [b"", b"\n\n", b" \t\r\n"])
    def test_an_empty_shard_is_named(self, tmp_path, content):
        (tmp_path / "a.txt").write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.txt: this file holds no text"):
            TextFiles([tmp_path / "a.txt"]).read(0)

    def test_an_empty_shard_is_reported_before_it_is_read(self, tmp_path):
        (tmp_path / "a.txt").write_text("the bank\n")
        (tmp_path / "b.txt").touch()
        with pytest.raises(ValueError, match=r"b\.txt: this file holds no text"):
            TextFiles([tmp_path / "*.txt"])

    def test_a_table_is_no_text(self, tmp_path):
        (tmp_path / "a.csv.gz").write_bytes(b"id,text")
        with pytest.raises(ValueError, match=r"a\.csv\.gz: a table, but training reads every line as a text"):
            TextFiles([tmp_path / "a.csv.gz"])

    def test_a_file_that_changes_during_the_run_is_named(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("the bank\n")
        corpus = TextFiles([path])
        assert corpus.read(0) == ["the bank"]
        path.write_text("the bank\nof the river\n")
        with pytest.raises(
            ValueError, match=r"a\.txt: had 9 bytes when the run began, found 22; restore it and resume"
        ):
            corpus.read(0)

    def test_invalid_utf_8_is_reported_with_its_line(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"one\ntwo\nth\xffree\n")
        with pytest.raises(ValueError, match=r"a\.txt: line 3: expected UTF-8, found byte 0xff"):
            TextFiles([tmp_path / "a.txt"]).read(0)
        assert TextFiles([tmp_path / "a.txt"], errors="replace").read(0) == ["one", "two", "th\ufffdree"]

    @pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.xz"])
    @pytest.mark.parametrize("damage", ["cut", "other"])
    def test_damaged_archives_are_reported(self, tmp_path, name, damage):
        compress = gzip.compress if name.endswith("gz") else lzma.compress
        content = compress(b"one two three\n" * 100)[:-12] if damage == "cut" else b"one two three\n"
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: damaged, or not compressed as its name says"):
            TextFiles([tmp_path / name]).read(0)

    def test_a_line_that_is_too_long_is_reported(self, tmp_path, monkeypatch):
        monkeypatch.setattr("modeling_elmo.files.text.MAX_LINE_BYTES", 100)
        path = tmp_path / "a.txt.gz"
        path.write_bytes(gzip.compress(b"the bank\n" + b"a" * 101))
        with pytest.raises(ValueError, match="a.txt.gz: line 2: expected at most 100 bytes, found more"):
            TextFiles([str(path)]).read(0)

    def test_patterns(self, tmp_path):
        for name in ("a1.txt", "a2.txt", "b[1].txt"):
            (tmp_path / name).write_text("one\n")
        assert TextFiles([tmp_path / "a*", tmp_path / "b[1].txt"]).names == [
            str(tmp_path / name) for name in ("a1.txt", "a2.txt", "b[1].txt")
        ]
        with pytest.raises(ValueError, match="no such file, and no file matches it as a pattern"):
            TextFiles([tmp_path / "c*"])
        with pytest.raises(ValueError, match=r"a1\.txt: this file is named twice"):
            TextFiles([tmp_path / "a*", tmp_path / "a1.txt"])


class TestStreamedDataset:
    def test_reads_runs_of_rows_in_any_order(self):
        datasets = pytest.importorskip("datasets")
        texts = ["the bank", " ", "of the river .", "a\nb", ""]
        dataset = datasets.Dataset.from_dict({"sentence": texts}).to_iterable_dataset()
        corpus = StreamedDataset(dataset, "sentence", rows_per_block=2)
        blocks = [["the bank"], ["of the river .", "a\nb"], [], None]
        assert [corpus.read(block) for block in (0, 1, 2, 3, 1, 0, 2)] == [*blocks, blocks[1], blocks[0], blocks[2]]
        with pytest.raises(
            ValueError, match="dataset column text: expected text, found NoneType; the row has sentence"
        ):
            StreamedDataset(dataset).read(0)
