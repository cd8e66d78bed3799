# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import lzma

import prepare_text
import pytest


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('"Stop!" he said. "Why?" She left.', ['"Stop!" he said.', '"Why?"', "She left."]),
        ("Mr. B. Smith saw Dr. Jones. He ran.", ["Mr. B. Smith saw Dr. Jones.", "He ran."]),
        ("It is 3.14 of them, e.g. this one.", ["It is 3.14 of them, e.g. this one."]),
        ("He came (at last.) She went.", ["He came (at last.)", "She went."]),
        ("“Well.” “Yes.”", ["“Well.”", "“Yes.”"]),
        ("", []),
        ("   ", []),
    ],
)
def test_paragraphs_are_cut_where_sentences_end(paragraph, expected):
    assert list(prepare_text.sentences(paragraph)) == expected


def test_writes_a_sentence_a_line_split_into_words(tmp_path):
    with lzma.open(tmp_path / "book.txt.xz", "wt", encoding="utf-8") as file:
        file.write("Don't panic. It's me.\n\nNext, please.\n")
    (tmp_path / "plain.txt").write_text("The end.\n", encoding="utf-8")
    prepare_text.main([str(tmp_path / name) for name in ("out", "book.txt.xz", "plain*.txt")])
    lines = (tmp_path / "out" / "book.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["Do n't panic .", "It 's me .", "Next , please ."]
    assert (tmp_path / "out" / "plain.txt").read_text(encoding="utf-8") == "The end .\n"


def test_a_text_is_never_written_over(tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("One. Two.\n", encoding="utf-8")
    with pytest.raises(ValueError, match="choose an output directory other than that of the text"):
        prepare_text.main([str(tmp_path), str(book)])
    assert book.read_text(encoding="utf-8") == "One. Two.\n"
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "book.txt").write_text("Three.\n", encoding="utf-8")
    with pytest.raises(ValueError, match="the texts need different names"):
        prepare_text.main([str(tmp_path / "out"), str(book), str(tmp_path / "more" / "book.txt")])
    with pytest.raises(ValueError, match="none.txt: no such file"):
        prepare_text.main([str(tmp_path / "out"), str(book), str(tmp_path / "none.txt")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("book.txt", b"One.\n\xff\n"),
        ("book.txt.xz", lzma.compress(b"One.\n" * 99)[:-9]),
        ("book.txt.gz", gzip.compress(b"One.\n" * 99, mtime=0)[:-9]),
    ],
)
def test_a_damaged_text_is_named_and_leaves_nothing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: can't be read"):
        prepare_text.main([str(tmp_path / "out"), str(tmp_path / name)])
    assert list((tmp_path / "out").iterdir()) == []
