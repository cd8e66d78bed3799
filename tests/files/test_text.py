# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines of text files: nothing is lost or skipped, and errors name the line."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading

import pytest

from modeling_elmo.files.text import TextLines


TEXT = "\ufeffThe bank .\r\n\r\n naïve\u2028river \n\x85\nlast"
SENTENCES = ["The bank .", "", " naïve\u2028river ", "\x85", "last"]


def zst(data):
    """Two frames, as tools that compress in parallel write them."""
    pyarrow = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    half = 3 * len(data) // 4
    return b"".join(pyarrow.Codec("zstd").compress(part, asbytes=True) for part in (data[:half], data[half:]))


COMPRESSIONS = {"": bytes, ".gz": gzip.compress, ".XZ": lzma.compress, ".xz": lzma.compress}
COMPRESSIONS |= {".bz2": bz2.compress, ".zst": zst}


class TestTextLines:
    def test_a_very_long_line_in_a_small_file_is_an_error(self, tmp_path, monkeypatch):
        monkeypatch.setattr("modeling_elmo.files.text.MAX_LINE_BYTES", 1000)
        with gzip.open(tmp_path / "text.gz", "wb") as file:
            file.write(b"x" * 999 + b"\n" + b"y" * 10_000)
        sentences = iter(TextLines(tmp_path / "text.gz"))
        assert next(sentences) == "x" * 999
        with pytest.raises(ValueError, match="text.gz: line 2: expected at most 1000 bytes, found more"):
            next(sentences)

    @pytest.mark.parametrize("suffix", COMPRESSIONS)
    def test_every_line_is_a_sentence(self, tmp_path, suffix):
        path = tmp_path / f"text{suffix}"
        path.write_bytes(COMPRESSIONS[suffix](TEXT.encode()))
        source = TextLines(path)
        assert list(source) == SENTENCES
        assert list(source) == SENTENCES

    def test_a_final_line_feed_starts_no_line(self, tmp_path):
        (tmp_path / "text").write_bytes(b"a\nb\n")
        assert list(TextLines(tmp_path / "text")) == ["a", "b"]
        (tmp_path / "text").write_bytes(b"")
        assert list(TextLines(tmp_path / "text")) == []

    def test_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        source = TextLines("-")
        assert not source.is_repeatable
        assert list(source) == SENTENCES
        assert source.share() is None

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_read_once(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(TEXT.encode()))
        writer.start()
        source = TextLines(tmp_path / "pipe")
        assert not source.is_repeatable
        assert list(source) == SENTENCES
        writer.join()

    def test_invalid_text_is_named_or_replaced(self, tmp_path):
        path = tmp_path / "text"
        path.write_bytes(b"fine\nbad \xff\n")
        with pytest.raises(ValueError, match="text: line 2: expected UTF-8, found byte 0xff"):
            list(TextLines(path))
        assert list(TextLines(path, errors="replace")) == ["fine", "bad \ufffd"]

    def test_zst_says_what_to_install(self, tmp_path, monkeypatch):
        (tmp_path / "text.zst").write_bytes(b"")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ValueError, match=r"text.zst: .zst requires the package pyarrow: pip install"):
            list(TextLines(tmp_path / "text.zst"))

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-8-sig"])
    def test_other_encodings(self, tmp_path, encoding):
        sentences = [line.replace("\u2028", "-") for line in SENTENCES]
        (tmp_path / "text").write_bytes("\n".join(sentences).encode(encoding))
        assert list(TextLines(tmp_path / "text", encoding=encoding)) == sentences

    def test_bad_encodings(self, tmp_path):
        (tmp_path / "text").write_bytes(b"a\n\x81\n")
        with pytest.raises(ValueError, match="encoding: expected one such as utf-8 or latin-1, found 'utf-9'"):
            TextLines(tmp_path / "text", encoding="utf-9")
        with pytest.raises(ValueError, match="text: line 2: expected CP1252, found byte 0x81"):
            list(TextLines(tmp_path / "text", encoding="cp1252"))
        (tmp_path / "text").write_bytes(b"a")
        with pytest.raises(ValueError, match="text: line 1: expected UTF-16-LE, found byte 0x61"):
            list(TextLines(tmp_path / "text", encoding="utf-16-le"))

    @pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
    def test_damaged_archives(self, tmp_path, suffix):
        path = tmp_path / f"text{suffix}"
        path.write_bytes(b"not compressed\n")
        with pytest.raises(ValueError, match="damaged, or not compressed as its name says"):
            list(TextLines(path))
        whole = COMPRESSIONS[suffix](b"a line\n" * 1000)
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="damaged"):
            list(TextLines(path))

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            TextLines(tmp_path / "nowhere")

    def test_reports_the_share_that_has_been_read(self, tmp_path):
        (tmp_path / "text").write_text("a line\n" * 10_000)
        source = TextLines(tmp_path / "text")
        shares = [share for _ in source if (share := source.share()) is not None]
        assert 0 < shares[0] < 0.5
        assert shares[-1] == 1


def test_without_line_feeds_lines_end_in_carriage_returns(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfa b\r\rc\r")
    assert list(TextLines(tmp_path / "x.txt")) == ["a b", "", "c"]
    (tmp_path / "x.txt").write_bytes(b"a\rb\nc\r\n")
    assert list(TextLines(tmp_path / "x.txt")) == ["a\rb", "c"]
