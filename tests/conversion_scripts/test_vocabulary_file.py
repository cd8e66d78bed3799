# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import gzip

import pytest

from modeling_elmo import ElmoTokenizer
from modeling_elmo.conversion_scripts import ElmoFormatError
from modeling_elmo.conversion_scripts.vocabulary_file import read_words


MARKS = ["<S>", "</S>", "<UNK>"]


@pytest.fixture
def read(tmp_path):
    """Reads the lines of a vocabulary, by default one that was found beside a model that reads characters."""

    def run(lines, num_words=None, reads_words=False, is_named=False, name="vocab.txt"):
        data = "".join(f"{line}\n" for line in lines).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return read_words(path, "options.json", num_words, reads_words, is_named)

    return run


@pytest.mark.parametrize("name", ["vocab.txt", "vocab.txt.gz"])
def test_line_n_has_id_n(read, name):
    assert read([*MARKS, "the", "bank"], 5, name=name) == ([*MARKS, "the", "bank"], [])


def test_another_number_of_words_is_noted_where_nobody_named_the_file(read):
    words, notes = read([*MARKS, "the"], 793471)
    assert words == [*MARKS, "the"]
    assert notes == [
        "options.json: n_tokens_vocab is 793471, but vocab.txt has 4 words; a model that reads characters gives the "
        "same vectors with any vocabulary."
    ]
    assert read([*MARKS, "the"], 793471, is_named=True) == (words, [])


def test_a_model_that_reads_words_needs_the_number_of_its_options(read):
    with pytest.raises(ElmoFormatError, match=r"n_tokens_vocab is 5, but vocab\.txt has 4 words"):
        read([*MARKS, "the"], 5, reads_words=True)


def test_of_a_repeated_word_the_last_line_is_looked_up(read):
    words, notes = read([*MARKS, "the", "bank", "the", "the"])
    assert len(words) == len(set(words)) == 7
    assert words[4] == "bank"
    (note,) = notes
    assert note.startswith(
        "vocab.txt: words 3 and 6 (from 0) are both 'the'; the last line of a repeated word is looked"
    )
    tokenizer = ElmoTokenizer(vocab=words)
    assert tokenizer.convert_tokens_to_ids(["bank", "the"]) == [4, 6]
    batch = tokenizer(["the", "the <line 4>"], is_split_into_words=False)
    assert batch["input_ids"][0] == [0, 6, 1]
    assert 3 not in batch["input_ids"][1]


def test_blank_lines_are_repeated_words(read):
    words, notes = read([*MARKS, "", "the", ""])
    assert (words[4], len(words), len(notes)) == ("the", 6, 1)


def test_a_repeated_word_of_a_model_that_reads_words_is_refused(read):
    with pytest.raises(
        ElmoFormatError, match="words 3 and 4 .* are both 'the'; a model that reads words needs one line"
    ):
        read([*MARKS, "the", "the"], 5, reads_words=True)


@pytest.mark.parametrize("pattern", ["{}\t120", "{} 7", "  12 {}"])
def test_counts_are_taken_off(read, pattern):
    words, notes = read([*MARKS, *(pattern.format(word) for word in ("the", "bank"))], 5)
    assert words == [*MARKS, "the", "bank"]
    assert notes == ["The counts in vocab.txt are left out: its lines are words with counts."]


def test_numbers_and_words_with_numbers_are_words(read):
    lines = [*MARKS, "120", "7", "route 66", "the"]
    assert read(lines) == (lines, [])


def test_a_file_that_cannot_be_read_is_left_out_where_nobody_named_it(read, tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"\xff\n")
    words, notes = read_words(tmp_path / "vocab.txt", "options.json", None, False, False)
    assert words == []
    assert notes == [
        "The vocabulary is left out, which does not change the vectors: vocab.txt: expected UTF-8 text, found byte "
        "0xff."
    ]
    with pytest.raises(ElmoFormatError, match="found byte 0xff; for a model that reads characters, --no-vocab"):
        read_words(tmp_path / "vocab.txt", "options.json", None, False, True)
    with pytest.raises(ElmoFormatError, match="found byte 0xff$"):
        read_words(tmp_path / "vocab.txt", "options.json", None, True, False)


def test_a_compressed_file_has_a_bound(read, monkeypatch):
    monkeypatch.setattr("modeling_elmo.conversion_scripts.vocabulary_file.MIN_BYTES", 100)
    with pytest.raises(ElmoFormatError, match=r"vocab\.txt\.gz: expected at most .* bytes in a file of its size"):
        read([*MARKS, *["the bank"] * 10_000], is_named=True, name="vocab.txt.gz")
