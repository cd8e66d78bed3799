# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Vocabularies counted from text."""

import errno
import os
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo import ElmoTokenizer
from modeling_elmo.model.vocabulary_files import read_vocabulary
from modeling_elmo.model.word_splitting import split_at_white_space
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.vocabulary import build_vocabulary, count_words, write_vocabulary


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4).filter(lambda word: word.split())


@given(st.lists(st.sampled_from(["a", "b", "c", "<S>", "<PAD>", "é", "!!!MAXTERMID"]) | WORDS), st.integers(1, 3))
def test_words_by_falling_frequency_then_alphabet_after_the_special_tokens(words, min_count):
    counts = Counter(word for text in words for word in text.split())
    vocabulary = build_vocabulary(counts, min_count=min_count)
    chosen = vocabulary.words[3:]
    assert vocabulary.words[:3] == ["<S>", "</S>", "<UNK>"]
    assert chosen == sorted(chosen, key=lambda word: (-counts[word], word))
    assert {word for word in counts if counts[word] >= min_count} - set(chosen) <= {"<S>", "<PAD>", "!!!MAXTERMID"}
    assert vocabulary.num_known_words == sum(counts[word] for word in chosen) <= vocabulary.num_text_words
    for size in range(4, len(vocabulary.words) + 2):
        assert build_vocabulary(counts, size=size, min_count=min_count).words == vocabulary.words[:size]


@given(st.lists(WORDS))
def test_a_vocabulary_file_is_read_as_it_was_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    vocabulary = build_vocabulary(Counter(word for text in texts for word in text.split()))
    write_vocabulary(vocabulary.words, path)
    assert read_vocabulary(path) == vocabulary.words


def test_counts_words_of_tokenized_and_raw_text(tmp_path):
    (tmp_path / "a.txt").write_text("The bank.\nI can't.\n\n")
    (tmp_path / "b.txt").write_text("The river .\n")
    corpus = TextFiles([tmp_path / "*.txt"])
    counts, num_sentences = count_words(corpus, split_at_white_space)
    assert (counts["The"], counts["bank."], counts["can't."], num_sentences) == (2, 1, 1, 3)
    counts, _ = count_words(corpus, ElmoTokenizer().split_words)
    assert (counts["The"], counts["bank"], counts["n't"], counts["."]) == (2, 1, 1, 3)


def test_sizes_that_leave_no_words():
    with pytest.raises(ValueError, match="size: expected more than the 3 special tokens, found 3"):
        build_vocabulary(Counter("abc"), size=3)
    with pytest.raises(ValueError, match="min_count: expected at least 1, found 0"):
        build_vocabulary(Counter("abc"), min_count=0)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_others_may_read_it_as_any_file(tmp_path):
    (tmp_path / "any.txt").touch()
    write_vocabulary(["the"], tmp_path / "vocab.txt")
    assert (tmp_path / "vocab.txt").stat().st_mode == (tmp_path / "any.txt").stat().st_mode


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    write_vocabulary(["old"], tmp_path / "vocab.txt")

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_vocabulary(["new"], tmp_path / "vocab.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["vocab.txt"]
    assert read_vocabulary(tmp_path / "vocab.txt") == ["old"]
