# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading text files of word vectors."""

import gzip
import lzma
import shutil

import pytest
import torch

from modeling_elmo import ElmoConfig, ElmoForTokenClassification, ElmoTokenizer
from modeling_elmo.fine_tuning import WordVectorCounts, load_word_vectors


LINES = ["the 0.5 1 -2e-3", "bank 1 2 3", "ΟΔΟΣ 4 5 6", "of 7 8 9"]


@pytest.fixture
def tokenizer():
    return ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "The", "the", "Bank", "of", "river", "ΟΔΟΣ"])


@pytest.fixture
def write(tmp_path):
    def write(lines, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        return path

    return write


class TestReading:
    def test_returns_a_row_per_word_id_and_counts(self, tokenizer, write):
        matrix, counts = load_word_vectors(write(LINES), tokenizer)
        assert matrix.dtype == torch.float32
        assert matrix.shape == (len(tokenizer), 3)
        expected = {"The": [0.5, 1, -0.002], "the": [0.5, 1, -0.002], "Bank": [1, 2, 3], "of": [7, 8, 9]}
        expected["ΟΔΟΣ"] = [4, 5, 6]
        for word, id in tokenizer.get_vocab().items():
            torch.testing.assert_close(matrix[id], torch.tensor(expected.get(word, [0, 0, 0]), dtype=torch.float32))
        assert counts == WordVectorCounts(hits=3, lower_case_hits=2, misses=1)

    @pytest.mark.parametrize("order", [("bank 1", "Bank 2"), ("Bank 2", "bank 1")])
    def test_an_exact_match_wins_over_lower_case_in_any_order(self, tokenizer, write, order):
        matrix, counts = load_word_vectors(write(order), tokenizer)
        assert matrix[tokenizer.convert_tokens_to_ids("Bank")] == 2
        assert (counts.hits, counts.lower_case_hits) == (1, 0)

    def test_the_first_of_two_vectors_is_used(self, tokenizer, write):
        matrix, _ = load_word_vectors(write(["of 1", "of 2", "bank 3", "bank 4"]), tokenizer)
        assert matrix[tokenizer.convert_tokens_to_ids("of")] == 1
        assert matrix[tokenizer.convert_tokens_to_ids("Bank")] == 3

    def test_the_unknown_word_may_have_a_vector_and_special_tokens_are_not_counted(self, tokenizer, write):
        matrix, counts = load_word_vectors(write(["<unk> 3", "of 1"]), tokenizer)
        assert matrix[tokenizer.unk_token_id] == 3
        assert counts == WordVectorCounts(hits=1, lower_case_hits=0, misses=5)

    @pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
    def test_reads_compressed_files(self, tokenizer, write, suffix, compress):
        path = write(LINES)
        expected, _ = load_word_vectors(path, tokenizer)
        packed = path.with_suffix(f".txt{suffix}")
        packed.write_bytes(compress(path.read_bytes()))
        assert torch.equal(load_word_vectors(packed, tokenizer)[0], expected)

    @pytest.mark.parametrize(
        "lines",
        [
            ["4 3", *LINES],
            [line + " " for line in LINES],
            [line + "\r" for line in LINES],
            [*LINES, "", ". . . 1 2 3", "at name@domain.com 1 2 3", "\u00a0 1 2 3", "\u2028 1 2 3", "5 6 7 8"],
        ],
        ids=["word2vec's first line", "trailing spaces", "Windows line ends", "odd words"],
    )
    def test_reads_the_variants_of_published_files(self, tokenizer, write, lines):
        expected, counts = load_word_vectors(write(LINES), tokenizer)
        got, same = load_word_vectors(write(lines, "other.txt"), tokenizer)
        assert torch.equal(got, expected)
        assert same == counts

    def test_can_be_set_in_a_task_model(self, tokenizer, write, tiny_config):
        matrix, _ = load_word_vectors(write(LINES), tokenizer)
        model = ElmoForTokenClassification(tiny_config(vocab_size=len(tokenizer), word_vector_size=3))
        model.set_word_vectors(matrix)
        assert torch.equal(model.task_input.word_vectors.weight, matrix)
        assert isinstance(model.config, ElmoConfig)


class TestErrors:
    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (["the 1 2", "of 1"], "vectors.txt: line 2: expected a word and 2 values, found 1"),
            (["the 1 2", "of 1 2 3"], "vectors.txt: line 2: expected a word and 2 values, found 3"),
            (["2 3", "the 1 2 3", "of"], "vectors.txt: line 3: expected a word and 3 values, found 0"),
            (["the 1 2", "other 1 2 3"], "vectors.txt: line 2: expected a word and 2 values, found 3"),
            (["the 1 2", "of 1 x"], "vectors.txt: line 2: expected finite values after the word, found 'x'"),
            (["the 1 nan"], "vectors.txt: line 1: expected finite values after the word, found 'nan'"),
            (["the 1 1e999"], "vectors.txt: line 1: expected finite values .* found '1e999'"),
            (["the"], "vectors.txt: line 1: expected a word and 1 to 100000 values, found 0"),
            (["the\t1\t2"], "vectors.txt: line 1: expected spaces, found tabs; tr "),
            (["1 2", "the\t1\t2"], "vectors.txt: line 2: expected spaces, found tabs; tr "),
            (["4 0", "the"], "vectors.txt: line 2: expected a word and 1 to 100000 values, found 0"),
            ([], "vectors.txt: .* found no such line"),
            (["4 3"], "vectors.txt: .* found no such line"),
        ],
    )
    def test_name_the_file_and_the_line(self, tokenizer, write, lines, message):
        with pytest.raises(ValueError, match=message):
            load_word_vectors(write(lines), tokenizer)

    def test_a_file_not_compressed_as_its_name_says_is_an_error(self, tokenizer, write):
        path = write(LINES)
        shutil.copy(path, path.with_suffix(".gz"))
        with pytest.raises(ValueError, match="vectors.gz: damaged, or not compressed as its name says"):
            load_word_vectors(path.with_suffix(".gz"), tokenizer)
