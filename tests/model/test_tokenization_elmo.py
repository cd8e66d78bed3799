# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ElmoTokenizer: word ids, character rows, and everything transformers does with a tokenizer.

How raw text is cut into words is `test_treebank.py`'s; here it matters only that nothing is lost.
"""

import copy
import json
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
import transformers.utils.hub
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from torch.utils.data import DataLoader
from transformers import (
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    DataCollatorForPermutationLanguageModeling,
    DataCollatorForSeq2Seq,
    DataCollatorForTokenClassification,
    DataCollatorWithFlattening,
    DataCollatorWithPadding,
    DefaultDataCollator,
    default_data_collator,
)
from transformers.data.data_collator import DataCollatorForMultipleChoice
from transformers.pipelines.base import pad_collate_fn

from modeling_elmo import ElmoConfig, ElmoTokenizer
from modeling_elmo.conversion_scripts.reference import character_ids
from modeling_elmo.model.characters import MARKS, encode_characters
from modeling_elmo.model.text_warnings import ElmoWarning


deterministic = settings(derandomize=True, deadline=None, max_examples=75)

SPECIAL = ["<S>", "</S>", "<UNK>"]
VOCABULARY = [*SPECIAL, "the", "cat", "sat", "do", "n't", "New", "York", "."]
PAD, MASK = 11, 12
C = 12

# What `tokenizers` calls white space: Unicode's White_Space, which str.isspace() exceeds by U+001C to U+001F.
WHITE_SPACE = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | set(map(chr, range(0x2000, 0x200B)))

# Any string that Python can hold, lone surrogates included, and the words that could be taken for something else.
ODD_WORDS = ["", " ", "\n", "\0", "New York", "don't", "a<S>b", "<S>", "</S>", "<UNK>", "<PAD>", "<MASK>", " <S>"]
any_text = st.text(st.characters())
any_word = any_text | st.sampled_from(ODD_WORDS + VOCABULARY)


def make_tokenizer(**kwargs):
    return ElmoTokenizer(vocab=VOCABULARY, max_characters_per_token=C, **kwargs)


TOKENIZER = make_tokenizer()


@pytest.fixture
def tokenizer():
    return make_tokenizer()


def rows(*words, max_characters=C):
    """Character ids as the reference has them; `None` stands for padding."""
    zeros = [0] * max_characters
    return [zeros if word is None else character_ids(word, max_characters) for word in words]


def readable(text):
    return "".join("\ufffd" if 0xD800 <= ord(letter) <= 0xDFFF else letter for letter in text)


def write_vocabulary(directory, content):
    path = directory / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_same_encoding(actual, expected):
    assert list(actual) == list(expected)
    for name in expected:
        assert np.array_equal(actual[name], expected[name]), name


def assert_characters_follow_ids(batch, tokenizer):
    """For texts whose words are all in the vocabulary: the two kinds of ids say the same, in every position."""
    for ids, mask, characters in zip(batch["input_ids"], batch["attention_mask"], batch["character_ids"], strict=True):
        tokens = tokenizer.convert_ids_to_tokens(ids)
        expected = [token if real else None for token, real in zip(tokens, mask, strict=True)]
        assert characters == rows(*expected, max_characters=tokenizer.max_characters_per_token)


# Vocabulary


def test_line_n_has_id_n_and_pad_and_mask_follow(tmp_path):
    tokenizer = ElmoTokenizer(write_vocabulary(tmp_path, "<S>\n</S>\n<UNK>\nthe\n,\n"))
    words = ["<S>", "</S>", "<UNK>", "the", ",", "<PAD>", "<MASK>"]
    assert tokenizer.get_vocab() == {word: id for id, word in enumerate(words)}
    assert tokenizer.convert_tokens_to_ids(words) == list(range(7))
    assert tokenizer.convert_ids_to_tokens(list(range(7))) == words
    assert len(tokenizer) == tokenizer.vocab_size == 7
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id) == (5, 6)


def test_special_tokens_that_the_file_lacks_follow_the_vocabulary(tmp_path):
    tokenizer = ElmoTokenizer(vocab_file=write_vocabulary(tmp_path, "the\n</S>\ncat"))
    assert tokenizer.get_vocab() == {"the": 0, "</S>": 1, "cat": 2, "<S>": 3, "<UNK>": 4, "<PAD>": 5, "<MASK>": 6}
    assert tokenizer("the dog")["input_ids"] == [3, 0, 4, 1]


def test_special_tokens_of_the_file_keep_their_lines(tmp_path):
    tokenizer = ElmoTokenizer(write_vocabulary(tmp_path, "<PAD>\nthe\n<MASK>\n<UNK>\n<S>\n</S>\n"))
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.bos_token_id, len(tokenizer)) == (0, 2, 4, 6)


def test_special_token_ids_are_those_the_config_defaults_to(tokenizer):
    config = ElmoConfig(vocab_size=len(tokenizer))
    ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert ids == (config.bos_token_id, config.eos_token_id, config.pad_token_id)
    assert len(ElmoTokenizer()) == ElmoConfig().vocab_size


def test_without_vocabulary_every_word_has_the_id_of_unk_and_its_characters():
    tokenizer = ElmoTokenizer()
    batch = tokenizer("the cat")
    assert batch["input_ids"] == [0, 2, 2, 1]
    assert batch["character_ids"] == rows("<S>", "the", "cat", "</S>", max_characters=50)


def test_vocabulary_with_ids_is_read_in_their_order(tokenizer):
    again = ElmoTokenizer(vocab=tokenizer.get_vocab())
    assert again.get_vocab() == tokenizer.get_vocab()
    assert ElmoTokenizer(vocab={"b": 1, "a": 0}).convert_ids_to_tokens([0, 1, 2]) == ["a", "b", "<S>"]


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        (["the", "cat", "sat", "cat"], "words 1 and 3 .from 0. are both 'cat'"),
        ({"the": 0, "cat": 2}, r"expected the ids 0 to 1, found \[0, 2\]"),
        ("vocab.txt", "expected words, found 'vocab.txt'; pass the name of a file as vocab_file"),
        (["the", None], "expected words, found None"),
    ],
)
def test_unusable_vocabulary_is_refused(vocab, message):
    with pytest.raises(ValueError, match=f"^vocab: .*{message}"):
        ElmoTokenizer(vocab=vocab)


def test_repeated_line_is_refused_with_both_places_named(tmp_path):
    with pytest.raises(ValueError, match="words 1 and 3 .from 0. are both 'cat'"):
        ElmoTokenizer(write_vocabulary(tmp_path, "<S>\ncat\nsat\ncat\n"))


def test_lines_of_words_with_counts_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"line 4: expected a word, found 'the\\t120', a word with a count"):
        ElmoTokenizer(write_vocabulary(tmp_path, "<S>\n</S>\n<UNK>\nthe\t120\nbank\t7\n"))


def test_maxtermid_takes_no_id(tmp_path):
    tokenizer = ElmoTokenizer(write_vocabulary(tmp_path, "<S>\n</S>\n<UNK>\n!!!MAXTERMID\nthe\n"))
    assert tokenizer.convert_tokens_to_ids(["the", "!!!MAXTERMID"]) == [3, tokenizer.unk_token_id]


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf<S>\n</S>\n<UNK>\nthe\n", b"<S>\r\n</S>\r\n<UNK>\r\nthe\r\n", b" <S>\n</S>\t\n<UNK> \t\nthe"],
    ids=["byte order mark", "CRLF", "spaces at the ends"],
)
def test_ends_of_lines_are_no_part_of_words(tmp_path, content):
    tokenizer = ElmoTokenizer(write_vocabulary(tmp_path, content))
    assert tokenizer.convert_ids_to_tokens(list(range(4))) == [*SPECIAL, "the"]


def test_other_white_space_is_part_of_words(tmp_path):
    words = [*SPECIAL, "New York", "a\tb", "\xa0", "\u3000x", "\x0b", "\x85", "\u2028", "a\rb", "\x1c"]
    tokenizer = ElmoTokenizer(write_vocabulary(tmp_path, "\n".join(words)))
    assert tokenizer.convert_ids_to_tokens(list(range(len(words)))) == words
    assert tokenizer(words[3:], is_split_into_words=True)["input_ids"] == [0, *range(3, len(words)), 1]


@pytest.mark.parametrize("content", [b"the\nca\xff\n", "the\n".encode("utf-16")], ids=["latin-1", "utf-16"])
def test_vocabulary_that_is_not_utf8_is_refused_by_name(tmp_path, content):
    with pytest.raises(ValueError, match=r"vocab\.txt: expected UTF-8 text, found byte 0xff"):
        ElmoTokenizer(write_vocabulary(tmp_path, content))


@pytest.mark.parametrize("argument", ["vocab_file", "tokenizer_file"])
def test_missing_file_is_refused_by_name(tmp_path, argument):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        ElmoTokenizer(**{argument: tmp_path / "nothing-here"})


@pytest.mark.parametrize("value", [2, 0, -1, None, 50.0, "50", True, 10**9])
def test_max_characters_per_token_is_an_integer_that_fits_a_boundary(value):
    message = f"max_characters_per_token: expected an integer between 3 and 10000, found {value!r}"
    with pytest.raises(ValueError, match=message):
        ElmoTokenizer(max_characters_per_token=value)


def test_tokenizer_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="expected a tokenizer of kind WordLevel, found BPE"):
        ElmoTokenizer(tokenizer_object=Tokenizer(models.BPE()))


def test_words_come_in_the_order_of_their_ids(tokenizer):
    tokenizer.add_tokens(["Zebra"])
    assert tokenizer.get_words() == [*VOCABULARY, "<PAD>", "<MASK>", "Zebra"]
    assert tokenizer.get_words() == tokenizer.convert_ids_to_tokens(range(len(tokenizer)))


def test_tokens_added_by_the_tokenizers_library_are_found_among_words():
    backend = Tokenizer(models.WordLevel({"<UNK>": 0, "the": 1}, unk_token="<UNK>"))
    backend.add_special_tokens(["<S>", "</S>", "<PAD>", "<MASK>", "<UNK>"])
    tokenizer = ElmoTokenizer(tokenizer_object=backend)
    assert tokenizer(["<MASK>", "<S>", "the", "</S>"], is_split_into_words=True)["input_ids"] == [5, 2, 1, 3]
    assert backend.get_vocab_size(with_added_tokens=False) == 2


def test_large_vocabulary_is_not_looked_up_on_the_hub(monkeypatch):
    asked = []
    for name in ("hf_api", "cached_file"):
        monkeypatch.setattr(transformers.utils.hub, name, lambda *args, **kwargs: asked.append(args))
    tokenizer = ElmoTokenizer(vocab=map(str, range(100_001)), name_or_path="someone/elmo")
    assert len(tokenizer) == 100_006
    assert asked == []


# Characters


@deterministic
@given(st.lists(st.text() | st.sampled_from(VOCABULARY)), st.integers(3, 60))
def test_character_rows_equal_the_reference(words, max_characters):
    tokenizer = copy.copy(TOKENIZER)
    tokenizer.max_characters_per_token = max_characters
    batch = tokenizer(words, is_split_into_words=True)
    assert batch["character_ids"] == rows("<S>", *words, "</S>", max_characters=max_characters)


@deterministic
@given(st.lists(st.text()), st.integers(3, 60))
def test_encode_characters_equals_the_reference(words, max_characters):
    characters = encode_characters(words, max_characters)
    assert characters.shape == (len(words), max_characters)
    assert characters.dtype == np.int64
    assert characters.tolist() == rows(*words, max_characters=max_characters)


# The euro sign, three bytes, lies across the cut at C - 2 = 10 bytes.
WILD_WORDS = [*ODD_WORDS, "x" * 9 + "€", "x" * 8 + "€", "x" * 10, "€" * 4, "\xff", "\U0010ffff", "\ud800", "x" * 10_000]


@deterministic
@given(
    st.lists(st.lists(st.sampled_from(WILD_WORDS) | any_word, max_size=6), min_size=1, max_size=4),
    st.sampled_from(["right", "left"]),
    st.sampled_from(["pt", "np", None]),
)
@example([WILD_WORDS, []], "left", "pt")
def test_padded_batch_equals_the_reference_word_by_word(sentences, side, framework):
    batch = TOKENIZER(sentences, is_split_into_words=True, padding=True, padding_side=side, return_tensors=framework)
    width = max(map(len, sentences)) + 2
    for index, words in enumerate(sentences):
        fill = [None] * (width - len(words) - 2)
        expected = rows("<S>", *map(readable, words), "</S>", *fill)
        if side == "left":
            expected = expected[len(expected) - len(fill) :] + expected[: len(expected) - len(fill)]
        assert np.array_equal(batch["character_ids"][index], expected)
        real = [0] * len(fill) + [1] * (width - len(fill))
        assert np.array_equal(batch["attention_mask"][index], real if side == "left" else real[::-1])


def test_one_long_word_does_not_make_room_for_long_words_everywhere():
    sentences = [["x" * 10**6, "the"], *[["the", "cat"] * 10] * 31]
    tracemalloc.start()
    batch = TOKENIZER(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert batch["character_ids"].shape == (32, 22, C)
    # The word itself, copied once or twice; 704 words of its length would take 700 MB.
    assert peak < 10 * 10**6


def test_boundaries_have_marks_of_their_own():
    assert TOKENIZER("")["character_ids"] == [[259, 257, 260] + [261] * 9, [259, 258, 260] + [261] * 9]
    # encode_characters knows words alone.
    assert encode_characters(["<S>"], 6).tolist() == [[259, 61, 84, 63, 260, 261]]


def test_long_words_are_cut_at_a_byte_even_within_a_character():
    tokenizer = ElmoTokenizer(max_characters_per_token=4)
    # The euro sign is three bytes.
    assert tokenizer("€", add_special_tokens=False)["character_ids"] == [[259, 0xE2 + 1, 0x82 + 1, 260]]


def test_padding_rows_are_zero_and_a_word_that_reads_pad_is_a_word():
    batch = TOKENIZER([["<PAD>"], ["the", "cat"]], is_split_into_words=True, padding=True)
    assert batch["input_ids"] == [[0, PAD, 1, PAD], [0, 3, 4, 1]]
    assert batch["attention_mask"] == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert batch["character_ids"][0] == rows("<S>", "<PAD>", "</S>", None)


# Words already split


@deterministic
@given(st.lists(st.lists(any_word), min_size=1, max_size=4), st.booleans())
def test_one_word_in_is_one_row_out(sentences, add_special_tokens):
    batch = TOKENIZER(sentences, is_split_into_words=True, add_special_tokens=add_special_tokens)
    boundary = [None] if add_special_tokens else []
    for index, words in enumerate(sentences):
        length = len(words) + 2 * len(boundary)
        assert batch.word_ids(index) == [*boundary, *range(len(words)), *boundary]
        assert all(len(batch[name][index]) == length for name in TOKENIZER.model_input_names)
        inside = slice(len(boundary), length - len(boundary))
        assert batch["input_ids"][index][inside] == [
            VOCABULARY.index(word) if word in VOCABULARY else {"<PAD>": PAD, "<MASK>": MASK}.get(word, 2)
            for word in words
        ]
        assert batch["character_ids"][index][inside] == rows(*map(readable, words))


@deterministic
@given(st.lists(any_word, max_size=5), st.lists(any_word, max_size=5))
@example(["", "<MASK>", "</S>"], ["<S>"])
def test_offsets_of_words_span_the_words(first, second):
    for split_special_tokens in (False, True):
        batch = TOKENIZER(
            [(first, second)],
            is_split_into_words=True,
            return_offsets_mapping=True,
            split_special_tokens=split_special_tokens,
        )
        sources = zip(batch["offset_mapping"][0], batch.word_ids(0), batch.sequence_ids(0), strict=True)
        for (start, end), word, segment in sources:
            if word is not None:
                text = (first, second)[segment][word]
                # The span (0, 0) says that a row holds no word, so an empty word has another.
                assert (start, end) == (0, len(text) or 1)


def test_each_half_of_a_surrogate_pair_becomes_a_replacement_character():
    batch = TOKENIZER(["\ud800", "a\udfff", "\ud83d\ude00"], is_split_into_words=True, add_special_tokens=False)
    assert batch["character_ids"] == rows("\ufffd", "a\ufffd", "\ufffd\ufffd")


@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_word_of_a_megabyte_is_one_row(is_split_into_words):
    word = "x" * 2**20
    text = ["the", word] if is_split_into_words else f"the {word}"
    batch = TOKENIZER(text, is_split_into_words=is_split_into_words, return_offsets_mapping=True)
    assert batch["character_ids"] == rows("<S>", "the", word, "</S>")
    assert batch["offset_mapping"][2] == ((0, 2**20) if is_split_into_words else (4, 4 + 2**20))


def test_boundary_word_is_the_boundary_and_with_split_special_tokens_data():
    words = ["<S>", "the", "</S>", "<MASK>", "a<S>b"]
    batch = TOKENIZER(words, is_split_into_words=True, add_special_tokens=False)
    assert batch["input_ids"] == [0, 3, 1, MASK, 2]
    assert batch["character_ids"] == rows(*words)
    batch = TOKENIZER(words, is_split_into_words=True, add_special_tokens=False, split_special_tokens=True)
    assert batch["input_ids"] == [2, 3, 2, 2, 2]
    assert batch["character_ids"] == encode_characters(words, C).tolist()


@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_split_special_tokens_may_be_the_tokenizers_own_setting(is_split_into_words):
    tokenizer = make_tokenizer(split_special_tokens=True)
    text = ["<S>"] if is_split_into_words else "<S>"
    assert 0 not in tokenizer(text, is_split_into_words=is_split_into_words)["input_ids"][1:]
    assert "<S>" not in tokenizer.tokenize(text, is_split_into_words=is_split_into_words)
    batch = tokenizer(text, is_split_into_words=is_split_into_words, split_special_tokens=False)
    assert batch["input_ids"] == [0, 0, 1]


# Pairs and batches


@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_pairs_are_the_same_however_they_are_given(is_split_into_words):
    first, second = "the cat sat", "New York zebra"
    if is_split_into_words:
        first, second = first.split(), second.split()

    def encode(*args):
        return TOKENIZER(*args, is_split_into_words=is_split_into_words)

    single = encode(first, second)
    assert single["input_ids"] == [0, 3, 4, 5, 1, 0, 8, 9, 2, 1]
    assert single["token_type_ids"] == [0] * 5 + [1] * 5
    assert single["character_ids"] == rows("<S>", "the", "cat", "sat", "</S>", "<S>", "New", "York", "zebra", "</S>")
    assert single.sequence_ids() == [None, 0, 0, 0, None, None, 1, 1, 1, None]
    assert single.word_ids() == [None, 0, 1, 2, None, None, 0, 1, 2, None]
    for batch in (
        encode([first], [second]),
        encode((first,), (second,)),
        encode([(first, second)]),
        encode([[first, second]]),
    ):
        assert_same_encoding(batch, {name: [value] for name, value in single.items()})


@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_batch_gives_what_its_samples_give_alone(is_split_into_words):
    samples = ["", "the", "New York . do n't", ("the cat", "sat"), ("", "sat"), ("sat", ""), "unheard of"]
    if is_split_into_words:
        samples = [tuple(map(str.split, s)) if isinstance(s, tuple) else s.split() for s in samples]
    batch = TOKENIZER(samples, is_split_into_words=is_split_into_words)
    for index, sample in enumerate(samples):
        alone = TOKENIZER([sample], is_split_into_words=is_split_into_words)
        assert_same_encoding({name: value[index : index + 1] for name, value in batch.items()}, alone)


def test_empty_second_text_is_none_for_a_single_sample_as_in_other_tokenizers():
    assert TOKENIZER("the", "")["input_ids"] == TOKENIZER("the")["input_ids"]
    assert TOKENIZER(["the"], [""])["input_ids"] == [[0, 3, 1, 0, 1]]


# Raw text


@deterministic
@given(any_text | st.lists(any_word).map(" ".join))
def test_no_text_loses_a_character_that_is_not_white_space(text):
    batch = TOKENIZER(text, return_offsets_mapping=True, add_special_tokens=False)
    spans = batch["offset_mapping"]
    covered = [index for start, end in spans for index in range(start, end)]
    assert covered == sorted(set(covered))
    left = [text[index] for index in sorted(set(range(len(text))) - set(covered))]
    assert set(left) <= WHITE_SPACE
    assert all(start < end for start, end in spans)
    assert len(batch["character_ids"]) == len(batch["input_ids"]) == len(spans)
    assert batch["character_ids"] == rows(*(readable(text[start:end]) for start, end in spans))


def test_offsets_slice_the_words_out_of_the_text():
    text = "  Don't sat\tin New York — 北京, naïve 😀!\n"
    batch = TOKENIZER(text, return_offsets_mapping=True)
    words = [text[start:end] for start, end in batch["offset_mapping"]]
    assert words == ["", "Do", "n't", "sat", "in", "New", "York", "—", "北", "京", ",", "naïve", "😀", "!", ""]
    assert batch.word_ids() == [None, *range(13), None]
    assert batch["character_ids"] == rows("<S>", *words[1:-1], "</S>")


def test_batch_encoding_maps_between_texts_words_and_rows():
    batch = TOKENIZER(["New York sat", "the cat"], ["do n't", "sat"])
    assert batch.tokens(0) == ["<S>", "New", "York", "sat", "</S>", "<S>", "do", "n't", "</S>"]
    assert batch.char_to_token(0, 4) == 2
    assert batch.char_to_token(0, 3) is None
    assert batch.char_to_token(0, 3, sequence_index=1) == 7
    assert batch.token_to_chars(1, 2) == (4, 7)
    assert batch.word_to_tokens(0, 1, sequence_index=1) == (7, 8)
    assert batch.word_to_chars(0, 2) == (9, 12)
    assert batch.char_to_word(1, 5) == 1
    assert batch.token_to_sequence(0, 6) == 1
    assert batch.n_sequences == 2
    assert batch.is_fast


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("<S> the </S>", [0, 3, 1]),
        ("<S>the", [2, 2, 2, 3]),
        ("a<S>b", [2, 2, 2, 2, 2]),
        ("the <MASK> sat .", [3, MASK, 5, 10]),
        ("<s> <S >", [2] * 6),
    ],
)
def test_special_tokens_are_found_as_whole_words_only(text, ids):
    assert TOKENIZER(text, add_special_tokens=False)["input_ids"] == ids


def test_split_special_tokens_makes_them_text():
    batch = TOKENIZER("<S> the", add_special_tokens=False, split_special_tokens=True)
    assert batch["character_ids"] == encode_characters(["<", "S", ">", "the"], C).tolist()


def test_megabyte_of_text_keeps_every_word():
    text = "the cat, sat. " * 75_000
    batch = TOKENIZER(text, return_attention_mask=False, return_token_type_ids=False)
    assert len(batch["input_ids"]) == len(batch["character_ids"]) > 300_000
    assert batch["character_ids"][-4:] == rows(",", "sat", ".", "</S>")


def test_nul_is_a_character():
    assert TOKENIZER("\0 a\0b", add_special_tokens=False)["character_ids"] == rows("\0", "a\0b")


# Truncation


@pytest.mark.parametrize(
    ("truncation", "side", "tokens"),
    [
        ("longest_first", "right", "<S> the cat </S> <S> New York </S>"),
        (True, "right", "<S> the cat </S> <S> New York </S>"),
        ("only_first", "right", "<S> the </S> <S> New York . </S>"),
        ("only_second", "right", "<S> the cat sat </S> <S> New </S>"),
        (True, "left", "<S> cat sat </S> <S> York . </S>"),
        ("only_first", "left", "<S> sat </S> <S> New York . </S>"),
    ],
)
@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_truncation_keeps_characters_beside_their_ids(tokenizer, truncation, side, tokens, is_split_into_words):
    tokenizer.truncation_side = side
    pair = ["the cat sat", "New York ."]
    if is_split_into_words:
        pair = [text.split() for text in pair]
    batch = tokenizer([pair], truncation=truncation, max_length=8, is_split_into_words=is_split_into_words)
    assert batch.tokens(0) == tokens.split()
    assert_characters_follow_ids(batch, tokenizer)


def test_max_length_alone_truncates_and_model_max_length_is_the_default():
    assert TOKENIZER("the cat sat", max_length=4)["input_ids"] == [0, 3, 4, 1]
    tokenizer = make_tokenizer(model_max_length=3)
    assert tokenizer("the cat sat", truncation=True)["input_ids"] == [0, 3, 1]
    assert tokenizer("", padding="max_length")["input_ids"] == [0, 1, PAD]
    assert (tokenizer.max_len_single_sentence, tokenizer.num_special_tokens_to_add(pair=True)) == (1, 4)


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_overflowing_rows_have_the_characters_of_their_own_words(padding, is_split_into_words):
    texts = ["the zebra sat do n't unheard", "New"]
    words = [text.split() for text in texts]
    batch = TOKENIZER(
        words if is_split_into_words else texts,
        is_split_into_words=is_split_into_words,
        truncation=True,
        max_length=5,
        stride=1,
        return_overflowing_tokens=True,
        padding=padding,
    )
    assert batch["overflow_to_sample_mapping"] == [0, 0, 0, 1]
    windows = [["the", "zebra", "sat"], ["sat", "do", "n't"], ["n't", "unheard"], ["New"]]
    for characters, window in zip(batch["character_ids"], windows, strict=True):
        fill = [None] * (3 - len(window)) if padding else []
        assert characters == rows("<S>", *window, "</S>", *fill)


def test_overflow_of_a_single_text_and_of_pairs():
    batch = TOKENIZER("the cat sat", max_length=4, truncation=True, return_overflowing_tokens=True)
    assert batch["input_ids"] == [[0, 3, 4, 1], [0, 5, 1]]
    assert_characters_follow_ids(batch, TOKENIZER)
    kwargs = {"truncation": "only_second", "max_length": 7, "return_overflowing_tokens": True, "padding": True}
    batch = TOKENIZER(["do"], ["the cat sat . New"], return_tensors="np", **kwargs)
    assert batch["character_ids"].shape == (3, 7, C)
    as_lists = {name: value.tolist() for name, value in batch.items()}
    assert_characters_follow_ids(as_lists, TOKENIZER)
    assert [row[4:6] for row in as_lists["input_ids"]] == [[3, 4], [5, 10], [8, 1]]


# Padding and the form of the output


TEXTS = ["the cat sat .", "do", "", "New York"]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    ("kwargs", "width"),
    [
        ({"padding": True}, 6),
        ({"padding": "longest"}, 6),
        ({"padding": "max_length", "max_length": 9}, 9),
        ({"padding": True, "pad_to_multiple_of": 4}, 8),
        ({"padding": "max_length", "max_length": 4, "truncation": True}, 4),
    ],
)
def test_padding_pads_every_array_on_one_side(tokenizer, kwargs, width, side):
    batch = tokenizer(TEXTS, padding_side=side, return_special_tokens_mask=True, **kwargs)
    alone = [tokenizer(text, return_special_tokens_mask=True, **{**kwargs, "padding": False}) for text in TEXTS]
    values = {"input_ids": PAD, "character_ids": [0] * C, "special_tokens_mask": 1}
    for index, sample in enumerate(alone):
        for name, row in sample.items():
            fill = [values.get(name, 0)] * (width - len(row))
            assert batch[name][index] == (row + fill if side == "right" else fill + row)
    tokenizer.padding_side = side
    assert_same_encoding(tokenizer(TEXTS, return_special_tokens_mask=True, **kwargs), batch)


@pytest.mark.parametrize("framework", ["pt", "np"])
@pytest.mark.parametrize("text", ["the cat", TEXTS], ids=["single", "batch"])
def test_return_tensors_gives_the_lists_as_arrays(framework, text):
    tensors = TOKENIZER(text, padding=True, return_tensors=framework)
    lists = TOKENIZER([text] if isinstance(text, str) else text, padding=True)
    kind = {"pt": torch.Tensor, "np": np.ndarray}[framework]
    assert all(isinstance(value, kind) for value in tensors.values())
    assert all(value.dtype in (torch.int64, np.int64) for value in tensors.values())
    assert_same_encoding({name: value.tolist() for name, value in tensors.items()}, lists)


def test_lists_are_plain_integers_fit_for_json():
    batch = TOKENIZER(TEXTS, padding=True)
    assert json.loads(json.dumps(dict(batch))) == dict(batch)


@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_tensors_of_unequal_lengths_are_refused_as_by_other_tokenizers(is_split_into_words):
    batch = [text.split() for text in TEXTS] if is_split_into_words else TEXTS
    with pytest.raises(ValueError, match="you should probably activate truncation and/or padding"):
        TOKENIZER(batch, return_tensors="pt", is_split_into_words=is_split_into_words)


@pytest.mark.parametrize("is_split_into_words", [False, True])
def test_empty_text_is_its_two_boundaries(is_split_into_words):
    empty = [] if is_split_into_words else ""
    batch = TOKENIZER(empty, is_split_into_words=is_split_into_words)
    assert batch["character_ids"] == rows("<S>", "</S>")
    batch = TOKENIZER([empty], is_split_into_words=is_split_into_words, add_special_tokens=False, return_tensors="np")
    assert batch["input_ids"].shape == (1, 0)


@pytest.mark.parametrize("framework", [None, "pt", "np"])
@pytest.mark.parametrize(
    "kwargs", [{}, {"return_attention_mask": False, "return_offsets_mapping": True}, {"padding": True}]
)
def test_empty_batch_has_the_keys_of_any_batch_and_no_rows(framework, kwargs):
    batch = TOKENIZER([], return_tensors=framework, **kwargs)
    assert list(batch) == list(TOKENIZER([""], **kwargs))
    assert all(len(value) == 0 for value in batch.values())
    if framework:
        assert batch["character_ids"].shape == (*batch["input_ids"].shape, C)
        assert batch["input_ids"].dtype in (torch.int64, np.int64)


def test_what_is_not_asked_for_is_not_returned():
    batch = TOKENIZER("the cat", return_attention_mask=False, return_token_type_ids=False)
    assert list(batch) == ["input_ids", "character_ids"]
    batch = TOKENIZER(["the", "cat"], ["sat", "sat do"], padding=True, return_attention_mask=False)
    assert batch["character_ids"][0] == rows("<S>", "the", "</S>", "<S>", "sat", "</S>", None)


def test_length_and_special_tokens_mask():
    batch = TOKENIZER("the cat", return_length=True, return_special_tokens_mask=True)
    assert (batch["length"], batch["special_tokens_mask"]) == ([4], [1, 0, 0, 1])
    assert TOKENIZER(["the cat", "do"], return_length=True)["length"] == [4, 3]
    assert TOKENIZER.get_special_tokens_mask([0, 3, PAD], already_has_special_tokens=True) == [1, 0, 1]


def test_without_special_tokens_only_the_words_are_left():
    batch = TOKENIZER("the cat", "sat", add_special_tokens=False)
    assert (batch["input_ids"], batch["token_type_ids"]) == ([3, 4, 5], [0, 0, 1])
    assert batch["character_ids"] == rows("the", "cat", "sat")


def test_model_input_names_without_characters_leave_them_out():
    tokenizer = make_tokenizer(model_input_names=["input_ids", "attention_mask"])
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    assert list(batch) == ["input_ids", "attention_mask"]
    assert list(tokenizer.pad(tokenizer(["the"]))) == ["input_ids", "attention_mask"]
    assert list(tokenizer([])) == ["input_ids", "attention_mask"]


# The other ways to call a tokenizer


def test_encode_tokenize_and_convert():
    assert TOKENIZER.encode("the zebra") == [0, 3, 2, 1]
    assert TOKENIZER.encode(["the", "New York"], is_split_into_words=True) == [0, 3, 2, 1]
    ids = TOKENIZER.encode("the", "cat sat", truncation="only_second", max_length=6, return_tensors="pt")
    assert ids.tolist() == [[0, 3, 1, 0, 4, 1]]
    assert TOKENIZER.tokenize("the zebra do n't") == ["the", "<UNK>", "do", "n't"]
    assert TOKENIZER.tokenize("the", "cat", add_special_tokens=True) == ["<S>", "the", "</S>", "<S>", "cat", "</S>"]
    assert TOKENIZER.convert_tokens_to_ids(["cat", "zebra"]) == [4, 2]
    assert TOKENIZER.convert_tokens_to_string(["the", "cat"]) == "the cat"


def test_text_target_gives_labels():
    batch = TOKENIZER(text=["the cat"], text_target=["sat do"])
    assert batch["labels"] == [[0, 5, 6, 1]]
    assert_same_encoding(TOKENIZER(text_target=["the"]), TOKENIZER(["the"]))


def test_special_tokens_are_named():
    assert TOKENIZER.special_tokens_map == {
        "bos_token": "<S>",
        "eos_token": "</S>",
        "unk_token": "<UNK>",
        "pad_token": "<PAD>",
        "mask_token": "<MASK>",
    }
    assert TOKENIZER.all_special_ids == [0, 1, 2, PAD, MASK]


def test_special_tokens_may_have_other_names():
    tokenizer = ElmoTokenizer(vocab=["<s>", "the"], bos_token="<s>", eos_token="</s>", pad_token="[PAD]")
    batch = tokenizer(["the <s>", "the"], padding=True)
    assert batch["input_ids"] == [[0, 1, 0, 2], [0, 1, 2, tokenizer.convert_tokens_to_ids("[PAD]")]]
    expected = rows("<S>", "the", "<S>", "</S>", max_characters=50)
    assert batch["character_ids"][0] == expected


def test_calls_leave_the_tokenizer_as_it_was(tokenizer):
    before = pickle.dumps(tokenizer)
    tokenizer(TEXTS, padding="max_length", truncation=True, max_length=4, split_special_tokens=True)
    tokenizer([["the"]], is_split_into_words=True, padding=True, padding_side="left")
    assert pickle.dumps(tokenizer) == before


# tokenizer.pad and data collators


def as_lists(sample):
    return sample


def as_arrays(sample):
    return {name: np.array(value) for name, value in sample.items()}


def as_tensors(sample):
    return {name: torch.tensor(value) for name, value in sample.items()}


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("form", [as_lists, as_arrays, as_tensors])
@pytest.mark.parametrize("kwargs", [{}, {"pad_to_multiple_of": 5}, {"padding": "max_length", "max_length": 8}])
def test_pad_gives_what_padding_at_the_call_gives(tokenizer, side, form, kwargs):
    tokenizer.padding_side = side
    texts = [text for text in TEXTS if text]
    expected = tokenizer(texts, **{"padding": True, **kwargs}, return_tensors="np")
    samples = [form(dict(tokenizer(text))) for text in texts]
    kind = {as_lists: list, as_arrays: np.ndarray, as_tensors: torch.Tensor}[form]
    padded = tokenizer.pad(samples, **kwargs)
    assert all(isinstance(value, kind) for value in padded.values())
    assert_same_encoding(padded, expected)
    assert_same_encoding(tokenizer.pad(samples, return_tensors="pt", **kwargs), expected)
    together = {name: [sample[name] for sample in samples] for name in samples[0]}
    tokenizer.padding_side = {"right": "left", "left": "right"}[side]
    assert_same_encoding(tokenizer.pad(together, padding_side=side, **kwargs), expected)


def test_pad_leaves_its_argument_as_it_was(tokenizer):
    sample = dict(tokenizer("the cat"))
    before = copy.deepcopy(sample)
    assert tokenizer.pad(sample, padding="max_length", max_length=6) == tokenizer(
        "the cat", padding="max_length", max_length=6
    )
    assert sample == before


def test_pad_takes_one_sample_an_empty_one_or_none(tokenizer):
    padded = tokenizer.pad(tokenizer("the"), padding="max_length", max_length=5)
    assert padded["character_ids"] == rows("<S>", "the", "</S>", None, None)
    padded = tokenizer.pad(tokenizer(["", "the"], add_special_tokens=False))
    assert padded["character_ids"] == [rows(None), rows("the")]
    assert tokenizer.pad(tokenizer(["", ""], add_special_tokens=False))["character_ids"] == [[], []]
    assert tokenizer.pad({"input_ids": []})["input_ids"] == []


def test_pad_leaves_unequal_lengths_alone_when_told_so(tokenizer):
    batch = tokenizer(["the cat", "do"])
    assert_same_encoding(
        {name: list(map(len, value)) for name, value in tokenizer.pad(batch, padding=False).items()},
        {name: [4, 3] for name in batch},
    )


@pytest.mark.parametrize(
    "character_ids", [[[0] * C] * 2, [[0] * (C + 1)] * 3, [0] * 3, []], ids=["too few", "too long", "flat", "none"]
)
def test_pad_refuses_characters_that_do_not_fit_the_words(tokenizer, character_ids):
    with pytest.raises(ValueError, match=rf"character_ids: expected shape \(3, {C}\)"):
        tokenizer.pad({"input_ids": [[0, 3, 1]], "character_ids": [character_ids]})


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("framework", ["pt", "np"])
class TestDataCollators:
    @pytest.fixture
    def tokenizer(self, side):
        return make_tokenizer(padding_side=side)

    @pytest.fixture
    def features(self, tokenizer):
        return [dict(tokenizer(text)) for text in TEXTS]

    @pytest.fixture
    def expected(self, tokenizer):
        return tokenizer(TEXTS, padding=True, return_tensors="np")

    @staticmethod
    def pad_labels(labels, side, fill=-100):
        width = max(map(len, labels))
        filled = [[fill] * (width - len(row)) for row in labels]
        return [row + f if side == "right" else f + row for row, f in zip(labels, filled)]

    def test_with_padding(self, tokenizer, features, expected, framework):
        features = [{**feature, "label": index} for index, feature in enumerate(features)]
        batch = DataCollatorWithPadding(tokenizer, return_tensors=framework)(features)
        assert batch.pop("labels").tolist() == [0, 1, 2, 3]
        assert_same_encoding(batch, expected)

    def test_for_token_classification(self, tokenizer, features, expected, framework, side):
        labels = [[7] * len(feature["input_ids"]) for feature in features]
        features = [{**feature, "labels": row} for feature, row in zip(features, labels)]
        batch = DataCollatorForTokenClassification(tokenizer, return_tensors=framework)(features)
        assert batch.pop("labels").tolist() == self.pad_labels(labels, side)
        assert_same_encoding(batch, expected)

    def test_for_seq2seq(self, tokenizer, features, expected, framework, side):
        labels = [[1], [2, 3, 4], [], [5, 6]]
        features = [{**feature, "labels": row} for feature, row in zip(features, labels)]
        batch = DataCollatorForSeq2Seq(tokenizer, return_tensors=framework)(features)
        assert batch.pop("labels").tolist() == self.pad_labels(labels, side)
        assert_same_encoding(batch, expected)

    def test_for_causal_language_modeling(self, tokenizer, features, expected, framework):
        batch = DataCollatorForLanguageModeling(tokenizer, mlm=False, return_tensors=framework)(features)
        labels = np.where(expected["attention_mask"] == 1, expected["input_ids"], -100)
        assert np.array_equal(batch.pop("labels"), labels)
        assert_same_encoding(batch, expected)

    def test_for_masked_language_modeling(self, tokenizer, features, expected, framework):
        collator = DataCollatorForLanguageModeling(
            tokenizer, mlm_probability=1.0, mask_replace_prob=1.0, random_replace_prob=0.0, return_tensors=framework
        )
        batch = collator(features)
        is_word = np.isin(expected["input_ids"], tokenizer.all_special_ids, invert=True)
        assert np.array_equal(batch["input_ids"], np.where(is_word, MASK, expected["input_ids"]))
        assert np.array_equal(batch["labels"], np.where(is_word, expected["input_ids"], -100))
        assert np.array_equal(batch["character_ids"], expected["character_ids"])

    def test_for_whole_word_masking(self, tokenizer, framework):
        kwargs = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
        features = tokenizer(TEXTS, padding=True, **kwargs)
        features = [{name: value[index] for name, value in features.items()} for index in range(len(TEXTS))]
        collator = DataCollatorForLanguageModeling(
            tokenizer,
            whole_word_mask=True,
            mlm_probability=1.0,
            mask_replace_prob=1.0,
            random_replace_prob=0.0,
            return_tensors=framework,
        )
        batch = collator(features)
        assert ((batch["input_ids"] == MASK) == (batch["labels"] != -100)).all()
        assert (batch["input_ids"] == MASK).sum() == 7

    def test_for_permutation_language_modeling(self, tokenizer, features, expected, framework):
        batch = DataCollatorForPermutationLanguageModeling(tokenizer, return_tensors=framework)(features)
        masked = batch["labels"] != -100
        assert (batch["input_ids"][masked] == MASK).all()
        assert np.array_equal(batch["input_ids"][~masked], expected["input_ids"][~np.asarray(masked)])

    def test_with_flattening(self, features, framework):
        batch = DataCollatorWithFlattening(return_tensors=framework)(features)
        ids = [id for feature in features for id in feature["input_ids"]]
        assert batch["input_ids"].tolist() == [ids]

    def test_default(self, tokenizer, framework):
        texts = ["the cat", "sat do"]
        features = [{**tokenizer(text), "label": 1} for text in texts]
        expected = tokenizer(texts, return_tensors="np")
        for batch in (
            DefaultDataCollator(return_tensors=framework)(features),
            default_data_collator(features, return_tensors=framework),
        ):
            assert batch.pop("labels").tolist() == [1, 1]
            assert_same_encoding(batch, expected)


@pytest.mark.parametrize("side", ["right", "left"])
def test_data_collator_for_multiple_choice(side):
    tokenizer = make_tokenizer(padding_side=side)
    questions = [("the cat", ["sat", "do n't ."]), ("New York", ["do", "sat sat"])]
    features = [{**tokenizer([[q, a] for a in answers]), "label": 1} for q, answers in questions]
    batch = DataCollatorForMultipleChoice(tokenizer)(features)
    flat = [(question, answer) for question, answers in questions for answer in answers]
    expected = tokenizer(flat, padding=True, return_tensors="np")
    assert batch["labels"].tolist() == [1, 1]
    assert batch["input_ids"].shape == (2, 2, 9)
    # The collator folds the last two axes of character ids into one.
    assert batch["character_ids"].shape == (2, 2, 9 * C)
    assert np.array_equal(batch["character_ids"].view(4, 9, C), expected["character_ids"])


@pytest.mark.parametrize("side", ["right", "left"])
def test_pipelines_batch_as_the_tokenizer_pads(side):
    tokenizer = make_tokenizer(padding_side=side)
    items = [dict(tokenizer(text, return_tensors="pt")) for text in TEXTS]
    expected = tokenizer(TEXTS, padding=True, return_tensors="np")
    batch = pad_collate_fn(tokenizer, None)(items)
    assert_same_encoding({name: batch[name] for name in expected}, expected)


def test_datasets_map_and_data_loader_round_trip(tokenizer, tmp_path):
    datasets = pytest.importorskip("datasets")
    words = [text.split() for text in TEXTS]
    dataset = datasets.Dataset.from_dict({"words": words}).map(
        lambda batch: tokenizer(batch["words"], is_split_into_words=True),
        batched=True,
        remove_columns="words",
        cache_file_name=str(tmp_path / "cache.arrow"),
    )
    expected = tokenizer(TEXTS, padding=True, return_tensors="pt")
    collator = DataCollatorWithPadding(tokenizer)
    for layout in (None, "numpy", "torch"):
        (batch,) = DataLoader(dataset.with_format(layout), batch_size=len(TEXTS), collate_fn=collator)
        assert_same_encoding({name: batch[name] for name in expected}, expected)


# Saving and loading


PROBES = ["the cat <S> cot category", "do n't", ""]


def encode_all_ways(tokenizer):
    words = [text.split() for text in PROBES]
    return [
        tokenizer(PROBES, list(reversed(PROBES)), padding=True).data,
        tokenizer(words, is_split_into_words=True, padding=True).data,
        tokenizer.tokenize("the <S> zebra cot"),
        tokenizer.get_vocab(),
        tokenizer.all_special_tokens,
        (tokenizer.add_bos_token, tokenizer.add_eos_token),
    ]


def make_changed_tokenizer(change):
    if isinstance(change, dict):
        return make_tokenizer(**change)
    tokenizer = make_tokenizer()
    change(tokenizer)
    return tokenizer


CHANGES = {
    "none": {},
    "no bos": {"add_bos_token": False},
    "no eos": {"add_eos_token": False},
    "no boundaries": {"add_bos_token": False, "add_eos_token": False},
    "no bos, later": lambda tokenizer: setattr(tokenizer, "add_bos_token", False),
    "no eos, later": lambda tokenizer: setattr(tokenizer, "add_eos_token", False),
    "shorter words, later": lambda tokenizer: setattr(tokenizer, "max_characters_per_token", 7),
    "padding side": {"padding_side": "left"},
    "words only": {"model_input_names": ["input_ids", "attention_mask"]},
    "split special tokens": {"split_special_tokens": True},
    "other names": {"bos_token": "<s>", "mask_token": "[MASK]", "extra_special_tokens": ["[E]"]},
    "added token": lambda tokenizer: tokenizer.add_tokens(["cot"]),
    "added whole word": lambda tokenizer: tokenizer.add_tokens([AddedToken("cat", single_word=True)]),
    "added special tokens": lambda tokenizer: tokenizer.add_special_tokens(
        {"cls_token": "[CLS]", "extra_special_tokens": ["cot"]}
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_saved_tokenizer_loads_as_it_was(tmp_path, change):
    tokenizer = make_changed_tokenizer(change)
    expected = encode_all_ways(tokenizer)
    tokenizer.save_pretrained(tmp_path / "first")
    for auto_class in (ElmoTokenizer, AutoTokenizer):
        loaded = auto_class.from_pretrained(tmp_path / "first")
        assert isinstance(loaded, ElmoTokenizer)
        assert encode_all_ways(loaded) == expected
        loaded.save_pretrained(tmp_path / "second")
        assert encode_all_ways(auto_class.from_pretrained(tmp_path / "second")) == expected
    assert encode_all_ways(pickle.loads(pickle.dumps(tokenizer))) == expected
    assert encode_all_ways(copy.deepcopy(tokenizer)) == expected


@pytest.mark.parametrize(
    "kwargs",
    [
        {"add_bos_token": False},
        {"add_eos_token": False},
        {"add_bos_token": False, "add_eos_token": False},
        {"max_characters_per_token": 7},
        {"padding_side": "left"},
        {"model_input_names": ["input_ids"]},
        {"extra_special_tokens": ["cot"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("auto_class", [ElmoTokenizer, AutoTokenizer])
def test_arguments_of_from_pretrained_prevail_and_are_saved(tmp_path, auto_class, kwargs):
    make_tokenizer().save_pretrained(tmp_path / "plain")
    expected = encode_all_ways(ElmoTokenizer(vocab=VOCABULARY, **{"max_characters_per_token": C, **kwargs}))
    loaded = auto_class.from_pretrained(tmp_path / "plain", **kwargs)
    assert encode_all_ways(loaded) == expected
    loaded.save_pretrained(tmp_path / "changed")
    assert encode_all_ways(auto_class.from_pretrained(tmp_path / "changed")) == expected


@pytest.mark.parametrize("auto_class", [ElmoTokenizer, AutoTokenizer])
def test_an_argument_with_the_name_of_a_method_is_not_blamed_on_the_files(tmp_path, auto_class):
    make_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(AttributeError, match="^add_special_tokens conflicts with the method"):
        auto_class.from_pretrained(tmp_path, add_special_tokens=True)


@pytest.mark.parametrize(
    "save", [{"add_bos_token": False}, {"add_eos_token": False}, {"add_bos_token": False, "add_eos_token": False}]
)
def test_boundaries_left_out_when_saved_can_be_asked_for_when_loaded(tmp_path, save):
    make_tokenizer(**save).save_pretrained(tmp_path)
    loaded = ElmoTokenizer.from_pretrained(tmp_path, **dict.fromkeys(save, True))
    assert loaded("the")["input_ids"] == [0, 3, 1]
    assert (loaded.add_bos_token, loaded.add_eos_token) == (True, True)


def test_boundaries_left_out_when_saved_stay_out_when_the_other_is_spoken_of(tmp_path):
    make_tokenizer(add_eos_token=False).save_pretrained(tmp_path)
    assert ElmoTokenizer.from_pretrained(tmp_path, add_bos_token=True)("the")["input_ids"] == [0, 3]
    assert ElmoTokenizer.from_pretrained(tmp_path, add_bos_token=False)("the")["input_ids"] == [3]


@pytest.mark.parametrize("auto_class", [ElmoTokenizer, AutoTokenizer])
def test_loads_from_a_folder_with_only_a_vocabulary(tmp_path, auto_class):
    write_vocabulary(tmp_path, "<S>\n</S>\n<UNK>\nthe\n")
    if auto_class is AutoTokenizer:
        # Says which class to load.
        ElmoConfig(vocab_size=6).save_pretrained(tmp_path)
    tokenizer = auto_class.from_pretrained(tmp_path)
    assert tokenizer("the cat")["input_ids"] == [0, 3, 2, 1]
    assert tokenizer.get_vocab() == ElmoTokenizer(vocab=[*SPECIAL, "the"]).get_vocab()


def test_saved_vocabulary_reads_back_with_the_same_ids(tmp_path):
    for index, change in enumerate(CHANGES.values()):
        tokenizer = make_changed_tokenizer(change)
        (path,) = tokenizer.save_vocabulary(str(tmp_path), filename_prefix=str(index))
        assert path == str(tmp_path / f"{index}-vocab.txt")
        names = {name: token for name, token in tokenizer.special_tokens_map.items() if name != "cls_token"}
        assert ElmoTokenizer(path, **names).get_vocab() == tokenizer.get_vocab()


def test_saved_vocabulary_is_the_original_file(tmp_path):
    content = "<S>\n</S>\n<UNK>\nthe\nnaïve\n\xa0\n"
    source = write_vocabulary(tmp_path, content)
    (tmp_path / "saved").mkdir()
    ElmoTokenizer(source).save_vocabulary(tmp_path / "saved")
    assert (tmp_path / "saved" / "vocab.txt").read_bytes() == content.encode()


@pytest.mark.parametrize("word", ["two\nlines", " space", "tab\t", "\r", "!!!MAXTERMID"])
def test_word_that_no_line_can_hold_is_refused(tmp_path, word):
    tokenizer = ElmoTokenizer(vocab=[*SPECIAL, word])
    with pytest.raises(ValueError, match=r"vocab\.txt: .* can't be a line of this file"):
        tokenizer.save_vocabulary(tmp_path)
    assert list(tmp_path.iterdir()) == []
    # tokenizer.json has no such limits.
    tokenizer.save_pretrained(tmp_path)
    assert ElmoTokenizer.from_pretrained(tmp_path).get_vocab() == tokenizer.get_vocab()


# Added tokens


@pytest.mark.parametrize("name", ["bos_token", "mask_token"])
def test_a_special_token_is_required(name):
    with pytest.raises(ValueError, match=f"{name}: required.* found None; add_bos_token=False"):
        ElmoTokenizer(**{name: None})


def test_special_tokens_keep_the_white_space_that_they_take():
    tokenizer = ElmoTokenizer(vocab=["the"], mask_token=AddedToken("[M]", lstrip=True))
    token = tokenizer.added_tokens_decoder[tokenizer.mask_token_id]
    assert (token.lstrip, token.rstrip, token.single_word) == (True, False, True)
    assert tokenizer.tokenize("the [M] the") == ["the", " [M]", "the"]


def test_added_tokens_are_found_in_words_and_text_and_take_the_next_ids(tokenizer):
    assert tokenizer.add_tokens(["cot", "the", "", "cot", AddedToken("sofa bed")]) == 2
    assert tokenizer.add_special_tokens({"cls_token": "[CLS]", "extra_special_tokens": ["[E]", "[CLS]"]}) == 2
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer))) == list(range(17))
    words = ["cot", "sofa bed", "[CLS]", "[E]", "the", "cots"]
    ids = [13, 14, 15, 16, 3, 2]
    assert tokenizer.convert_tokens_to_ids(words) == ids
    batch = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    assert batch["input_ids"] == ids
    assert batch["character_ids"] == rows(*words)
    batch = tokenizer("cot sofa bed [CLS][E] the", add_special_tokens=False)
    assert batch["input_ids"] == ids[:5]
    assert batch["character_ids"] == rows(*words[:5])
    assert tokenizer.all_special_tokens == ["<S>", "</S>", "<UNK>", "<PAD>", "[CLS]", "<MASK>", "[E]"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "cot sofa bed the"


def test_characters_of_an_added_token_are_those_of_the_token_itself(tokenizer):
    tokenizer.add_tokens([AddedToken("[M]", lstrip=True, rstrip=True)])
    batch = tokenizer("the  [M]  cat", add_special_tokens=False, return_offsets_mapping=True)
    assert batch["character_ids"] == rows("the", "[M]", "cat")
    assert batch["offset_mapping"] == [(0, 3), (3, 10), (10, 13)]


def test_single_word_tokens_leave_longer_words_whole(tokenizer):
    tokenizer.add_tokens([AddedToken("cot", single_word=True)])
    assert tokenizer("cot cots", add_special_tokens=False)["input_ids"] == [13, 2]


def test_thousands_of_added_tokens_do_not_slow_every_call_down(tokenizer, monkeypatch):
    tokenizer.add_tokens([f"[{index}]" for index in range(3000)])
    calls = []

    class CountingTokenizer:
        def __init__(self, *args):
            object.__setattr__(self, "backend", Tokenizer(*args))

        def __getattr__(self, name):
            calls.append(name)
            return getattr(self.backend, name)

        def __setattr__(self, name, value):
            setattr(self.backend, name, value)

    monkeypatch.setattr("modeling_elmo.model.tokenization_elmo.Tokenizer", CountingTokenizer)
    assert tokenizer("the [2999]")["input_ids"] == [0, 3, 3012, 1]
    # Each of these calls takes time in proportion to all the tokens there are.
    assert (calls.count("add_tokens"), calls.count("add_special_tokens")) == (1, 1)


# Training


def test_new_vocabulary_has_the_original_order(tokenizer, tmp_path):
    corpus = [["a cat sat", "a cat don't"], ["a cat do"]]
    trained = tokenizer.train_new_from_iterator(corpus, vocab_size=8)
    words = ["<S>", "</S>", "<UNK>", "a", "cat", "do", "<PAD>", "<MASK>"]
    assert trained.get_vocab() == {word: id for id, word in enumerate(words)}
    assert trained("a dog")["character_ids"] == rows("<S>", "a", "dog", "</S>")
    assert ElmoConfig(vocab_size=len(trained)).pad_token_id == trained.pad_token_id
    trained.save_pretrained(tmp_path)
    assert encode_all_ways(ElmoTokenizer.from_pretrained(tmp_path)) == encode_all_ways(trained)


def test_training_keeps_settings_and_takes_new_special_tokens(tokenizer):
    tokenizer.add_eos_token = False
    trained = tokenizer.train_new_from_iterator(
        [["a cat"]], vocab_size=20, new_special_tokens=["[E]"], special_tokens_map={"<S>": "<s>"}
    )
    assert trained.convert_ids_to_tokens(trained("[E] cat")["input_ids"]) == ["<s>", "[E]", "cat"]
    assert trained.extra_special_tokens == ["[E]"]
    assert trained.max_characters_per_token == C


def test_training_keeps_the_characters_of_a_tokenizer_that_reads_code_points(tmp_path):
    marks = {mark: f"<{mark}>" for mark in MARKS}
    characters = {**marks, "characters": [*marks.values(), *"acdogst"]}
    make_tokenizer(characters=characters).save_pretrained(tmp_path / "first")
    trained = AutoTokenizer.from_pretrained(tmp_path / "first").train_new_from_iterator(["a cat"], vocab_size=20)
    assert trained.get_words() == ["<S>", "</S>", "<UNK>", "a", "cat", "<PAD>", "<MASK>"]
    assert trained("a dog")["character_ids"] == make_tokenizer(characters=characters)("a dog")["character_ids"]
    trained.save_pretrained(tmp_path / "second")
    assert encode_all_ways(ElmoTokenizer.from_pretrained(tmp_path / "second")) == encode_all_ways(trained)


# Decoding


@pytest.mark.parametrize("form", [list, np.array, torch.tensor])
def test_decode_gives_the_text_back_from_either_kind_of_ids(form):
    batch = TOKENIZER(["the cat sat", "do n't", "New zebra ."], padding=True)
    by_ids = ["<S> the cat sat </S>", "<S> do n't </S> <PAD>", "<S> New <UNK> . </S>"]
    by_characters = [*by_ids[:2], "<S> New zebra . </S>"]
    for name, texts in (("input_ids", by_ids), ("character_ids", by_characters)):
        assert TOKENIZER.decode(form(batch[name])) == texts
        assert TOKENIZER.batch_decode(form(batch[name])) == texts
        assert TOKENIZER.batch_decode([form(row) for row in batch[name]]) == texts
        assert [TOKENIZER.decode(form(row)) for row in batch[name]] == texts
        unpadded = [text.replace("<S> ", "").split(" </S>")[0].replace(" <UNK>", "") for text in texts]
        assert TOKENIZER.decode(form(batch[name]), skip_special_tokens=True) == unpadded
        assert TOKENIZER.batch_decode(form(batch[name]), skip_special_tokens=True) == unpadded


@deterministic
@given(st.lists(st.text().filter(lambda word: word not in ODD_WORDS), min_size=1))
def test_characters_decode_to_the_words_as_far_as_they_go(words):
    tokenizer = ElmoTokenizer()
    characters = tokenizer(words, is_split_into_words=True)["character_ids"]
    expected = " ".join(word.encode()[:48].decode("utf-8", "replace") for word in words)
    assert tokenizer.decode(characters, skip_special_tokens=True) == expected
    assert tokenizer.batch_decode([characters]) == [f"<S> {expected} </S>"]


def test_truncated_character_decodes_to_a_replacement():
    tokenizer = ElmoTokenizer(max_characters_per_token=4)
    assert tokenizer.decode(tokenizer("€ a")["character_ids"]) == "<S> \ufffd a </S>"


def test_padded_samples_of_a_batch_of_characters_are_padding():
    batch = np.stack([rows("<S>", "the", "</S>"), np.zeros((3, C), int)])
    assert TOKENIZER.decode(batch) == ["<S> the </S>", "<PAD> <PAD> <PAD>"]
    assert TOKENIZER.decode(batch, skip_special_tokens=True) == ["the", ""]
    assert TOKENIZER.decode([rows("the"), []]) == ["the", ""]


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (3, "the"),
        ([], ""),
        ([[], []], ["", ""]),
        (np.zeros((0, C), int), ""),
        ({"input_ids": [3, 4]}, "the cat"),
        (torch.tensor(4), "cat"),
        ((3, 4), "the cat"),
    ],
)
def test_decode_takes_the_forms_that_other_tokenizers_take(ids, text):
    assert TOKENIZER.decode(ids) == text


def test_decode_cleans_up_when_asked():
    ids = TOKENIZER("do n't .")["input_ids"]
    assert TOKENIZER.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True) == "don't."


# Each is C = 12 long, so that nothing but its form tells it from characters.
NOT_CHARACTERS = {
    "zeros": [0] * 12,
    "no begin": [98, 260] + [261] * 10,
    "no end": [259] + [98] * 11,
    "word after the end": [259, 98, 260, 98] + [261] * 8,
    "zero inside": [259, 0, 98, 260] + [261] * 8,
    "mark among bytes": [259, 257, 98, 260] + [261] * 8,
    "begin inside": [259, 259, 260] + [261] * 9,
    "negative": [259, -1, 260] + [261] * 9,
    "words": list(range(12)),
}


@pytest.mark.parametrize("name", [name for name in NOT_CHARACTERS if name != "negative"])
def test_word_ids_are_not_taken_for_characters(name):
    tokenizer = ElmoTokenizer(vocab=[*SPECIAL, *map(str, range(297))], max_characters_per_token=C)
    row = NOT_CHARACTERS[name]
    words = " ".join(tokenizer.convert_ids_to_tokens(row))
    assert tokenizer.decode([row]) == [words]
    if name != "zeros":
        # One row that is none of characters is enough.
        assert tokenizer.decode([row, *rows("the")])[0] == words


@pytest.mark.parametrize("row", [row for name, row in NOT_CHARACTERS.items() if name != "zeros"])
def test_batch_of_characters_with_an_impossible_row_is_refused(row):
    with pytest.raises(ValueError, match=f"token_ids: expected rows of {C} character ids, found \\["):
        TOKENIZER.decode([rows("the", "cat"), [row, *rows("sat")]])


@deterministic
@given(st.lists(st.lists(st.integers(0, 300), min_size=C, max_size=C), min_size=1, max_size=3))
def test_batches_of_word_ids_decode_as_words(batch):
    tokenizer = ElmoTokenizer(vocab=[*SPECIAL, *map(str, range(298))], max_characters_per_token=C)
    assert tokenizer.decode(batch) == [" ".join(tokenizer.convert_ids_to_tokens(ids)) for ids in batch]


# Threads


def test_threads_with_different_arguments_get_what_one_gets(tokenizer):
    tokenizer.add_tokens(["cot"])
    words = [["the", "cat", "New York"], ["<S>"], ["cot", "", "sat", "do"]]
    texts = ["the cat sat do n't <S> cot", "", "New York the"]
    arguments = [
        {
            "text": words if split else texts,
            "is_split_into_words": split,
            "padding": padding,
            "padding_side": side,
            **rest,
        }
        for split, padding, side, rest in product(
            (False, True),
            (False, True, "max_length"),
            ("left", "right"),
            (
                {"max_length": 7, "truncation": True},
                {"max_length": 4, "truncation": True, "return_overflowing_tokens": True},
                {"max_length": 9, "truncation": False, "split_special_tokens": True},
            ),
        )
    ]

    def encode(kwargs):
        return tokenizer(**kwargs, verbose=False).data

    expected = [encode(kwargs) for kwargs in arguments]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(encode, arguments * 20)) == expected * 20


# Splitting without encoding


def test_raw_texts_are_split_as_they_are_encoded(tokenizer):
    texts = ["the cat don't", "", " \t", "New York, e.g. cats.", "\ud83d cat"]
    words = tokenizer.split_words(texts)
    assert words == [
        ["the", "cat", "do", "n't"],
        [],
        [],
        ["New", "York", ",", "e.g.", "cats", "."],
        ["\ufffd", "cat"],
    ]
    for text, expected in zip(texts, words):
        assert tokenizer(text)["character_ids"] == tokenizer(expected, is_split_into_words=True)["character_ids"]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokenizer.split_words, [texts] * 50)) == [words] * 50


def test_special_tokens_in_texts_to_split_are_text(tokenizer):
    tokenizer.add_tokens(["a cat"])
    words = tokenizer.split_words(["a <S> b", "<MASK>", "a cat"])
    assert words == [["a", "<", "S", ">", "b"], ["<", "MASK", ">"], ["a", "cat"]]


def test_text_to_split_that_is_no_string_is_named(tokenizer):
    with pytest.raises(ValueError, match=r"texts\[1\]: expected a string, found 5"):
        tokenizer.split_words(["the", 5])


# Encodings of words that are already split


def test_words_are_split_by_the_rules_of_a_language_which_is_saved(tmp_path):
    tokenizer = make_tokenizer(language="fr", split_cjk_characters=False)
    text = "l'\u00e9t\u00e9 \u4e2d\u6587"
    words = ["l'", "\u00e9t\u00e9", "\u4e2d\u6587"]
    assert tokenizer.split_words([text]) == [words]
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert (loaded.language, loaded.split_cjk_characters) == ("fr", False)
    assert loaded.split_words([text]) == [words]
    other = AutoTokenizer.from_pretrained(tmp_path, language="xx", split_cjk_characters=True)
    assert other.split_words([text]) == [["l'\u00e9t\u00e9", "\u4e2d", "\u6587"]]
    assert tokenizer.train_new_from_iterator(["l'\u00e9t\u00e9"], 100).split_words([text]) == [words]


def test_a_saved_tokenizer_keeps_the_word_rules_of_its_file(tmp_path):
    tokenizer = make_tokenizer(language="fr")
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).split_words(["l'an. Il"]) == [["l'an.", "Il"]]


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="language: expected one of en, "):
        make_tokenizer(language="klingon")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("Thai", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22\u0e04\u0e23\u0e31\u0e1a"),
        ("Khmer", "\u1797\u17b6\u179f\u17b6\u1781\u17d2\u1798\u17c2\u179a"),
        ("Lao", "\u0e9e\u0eb2\u0eaa\u0eb2\u0ea5\u0eb2\u0ea7\u0eaa"),
        ("Burmese", "\u1019\u103c\u1014\u103a\u1019\u102c\u1018\u102c\u101e\u102c"),
    ],
)
def test_a_script_that_needs_a_dictionary_gets_one_warning(language, text):
    tokenizer = ElmoTokenizer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer(["English. \u00e9", " ".join(text)])
        tokenizer([[text]], is_split_into_words=True)
    with pytest.warns(ElmoWarning, match=f"^{language} has no spaces between words"):
        tokenizer(["English", text, text])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer.split_words([text])
    with pytest.warns(ElmoWarning, match=f"^{language} has no spaces between words"):
        ElmoTokenizer().split_words([text])


def test_batch_encoding_maps_between_words_and_rows_of_split_words():
    batch = TOKENIZER([["New", "York"], ["the"]], [["do"], ["n't", "sat"]], is_split_into_words=True)
    assert batch.word_ids(1) == [None, 0, None, None, 0, 1, None]
    assert batch.sequence_ids(1) == [None, 0, None, None, 1, 1, None]
    assert batch.word_to_tokens(1, 1, sequence_index=1) == (5, 6)
    assert batch.token_to_word(0, 2) == 1
    assert batch.token_to_chars(0, 2) == (0, 4)
    assert batch.word_to_chars(0, 1) == (0, 4)
    assert batch.char_to_token(1, 0) == 1
    assert batch.char_to_word(1, 0) == 0
    assert batch.n_sequences == 2


# Errors


@pytest.mark.parametrize(
    ("text", "kwargs", "message"),
    [
        (5, {}, "text: expected a string, found 5"),
        (b"the", {}, "text: expected a string, found b'the'"),
        (np.array(["the"]), {}, "text: expected a string, found array"),
        (["the", None], {}, r"text\[1\]: expected a string, found None"),
        ([5], {}, r"text\[0\]: expected a string, found 5"),
        ([["a", "b", "c"]], {}, r"text\[0\]: expected a string, found \['a', .*words need is_split_into_words=True"),
        ([("a",)], {}, r"text\[0\]: expected a string, found \("),
        ([()], {}, r"text\[0\]: expected a string, found \(\)"),
        ([("a", 5)], {}, r"text\[0\]: expected a string, found \('a', 5\)"),
        ("the", {"text_pair": 5}, "text_pair: expected a string, found 5"),
        ("the", {"text_pair": 0}, "text_pair: expected a string, found 0"),
        ("the", {"text_pair": ["cat"]}, r"text_pair: expected a string, found \['cat'\]"),
        (["the"], {"text_pair": 5}, "text_pair: expected a batch of 1 like text, found 5"),
        (["the"], {"text_pair": "cat"}, "text_pair: expected a batch of 1 like text, found 'cat'"),
        (["the"], {"text_pair": ["a", "b"]}, r"text_pair: expected a batch of 1 like text, found \['a', 'b'\]"),
        (["the"], {"text_pair": [None]}, r"text_pair\[0\]: expected a string, found None"),
        ([("a", "b")], {"text_pair": ["c"]}, r"text\[0\]: expected a string, found \("),
    ],
)
def test_wrong_text_is_named(text, kwargs, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        TOKENIZER(text, **kwargs)


@pytest.mark.parametrize(
    ("text", "kwargs", "message"),
    [
        ("the cat", {}, r"text: expected a list of words \(is_split_into_words=True\), found 'the cat'"),
        (5, {}, "text: expected a list of words .*, found 5"),
        ([None], {}, "text: expected a string, found None"),
        (["the", 5], {}, "text: expected a string, found 5"),
        (["the", ["cat"]], {}, r"text: expected a string, found \['cat'\]"),
        ([["the"], "cat"], {}, r"text\[1\]: expected a list of words .*, found 'cat'"),
        ([["the"], None], {}, r"text\[1\]: expected a list of words .*, found None"),
        ([["the", None]], {}, r"text\[0\]: expected a string, found None"),
        ([[["the"], ["cat"], ["sat"]]], {}, r"text\[0\]: expected a string, found \['the'\]"),
        (["the"], {"text_pair": "cat"}, "text_pair: expected a list of words .*, found 'cat'"),
        ([["the"]], {"text_pair": ["cat"]}, r"text_pair\[0\]: expected a list of words .*, found 'cat'"),
        ([["the"]], {"text_pair": []}, r"text_pair: expected a batch of 1 like text, found \[\]"),
    ],
)
def test_wrong_words_are_named(text, kwargs, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        TOKENIZER(text, is_split_into_words=True, **kwargs)


def test_long_values_are_shortened_in_messages():
    with pytest.raises(ValueError, match=r"found b'x+\.\.\.$") as error:
        TOKENIZER(b"x" * 10**6)
    assert len(str(error.value)) < 200


def test_nothing_to_encode_is_refused_as_by_other_tokenizers():
    with pytest.raises(ValueError, match="specify either `text` or `text_target`"):
        TOKENIZER()


class TestFilesFromOthers:
    @pytest.fixture
    def change(self, tmp_path):
        ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "bank"]).save_pretrained(tmp_path)

        def change(name, function):
            content = json.loads((tmp_path / name).read_text())
            function(content)
            (tmp_path / name).write_text(json.dumps(content))

        return change

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("max_characters_per_token", 10**9, "max_characters_per_token: expected an integer between 3 and 10000"),
            ("model_max_length", [1], r"model_max_length: expected a number, found \[1\]"),
            ("num_words", "3", "tokenizer_config.json: num_words: expected a number, found '3'"),
            ("vocab_file", "/etc/passwd", "tokenizer_config.json: vocab_file: expected none, found '/etc/passwd'"),
            ("init_inputs", ["/etc/passwd"], "tokenizer_config.json: init_inputs: expected none"),
            ("extra_special_tokens", 3, "tokenizer_config.json, tokenizer.json: TypeError: extra_special_tokens"),
        ],
    )
    def test_config_is_refused(self, tmp_path, change, name, value, message):
        change("tokenizer_config.json", lambda content: content.update({name: value}))
        for load in (ElmoTokenizer, AutoTokenizer):
            with pytest.raises(ValueError, match=message):
                load.from_pretrained(tmp_path)

    @pytest.mark.parametrize("load", [ElmoTokenizer, AutoTokenizer])
    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("tokenizer.json", {"added_tokens": [{"content": "x"}] * 10_001}),
            ("tokenizer_config.json", {"added_tokens_decoder": {str(number): {} for number in range(10_001)}}),
            ("tokenizer_config.json", {"extra_special_tokens": ["x"] * 10_001}),
            ("special_tokens_map.json", {"additional_special_tokens": ["x"] * 10_001}),
            ("added_tokens.json", {str(number): number for number in range(10_001)}),
        ],
    )
    def test_too_many_added_tokens_are_refused_before_they_take_time(self, tmp_path, change, load, name, fields):
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text("{}")
        change(name, lambda content: content.update(fields))
        with pytest.raises(ValueError, match=f"{name}: expected at most 10000 added tokens, found 10001"):
            load.from_pretrained(tmp_path)

    @pytest.mark.parametrize(
        ("function", "message"),
        [
            (lambda content: content.update(model=3), "expected a tokenizer of kind WordLevel, found 3"),
            (lambda content: content["model"].update(type="BPE"), "of kind WordLevel, found 'BPE'"),
            (lambda content: content["model"].update(unk_token="x"), "tokenizer.json: not a tokenizer: .*Missing"),
            (
                lambda content: content.update(pre_tokenizer={"type": "FixedLength", "length": 0}),
                "tokenizer.json: not a tokenizer: ",
            ),
            (lambda content: content["post_processor"]["special_tokens"].pop("<S>"), "not a tokenizer: no entry found"),
            (
                lambda content: content["post_processor"]["special_tokens"]["<S>"].update(ids=[99]),
                "post_processor: expected ids of the vocabulary, found 99",
            ),
            (
                lambda content: content.update(
                    post_processor={
                        "type": "Sequence",
                        "processors": [{"type": "BertProcessing", "sep": ["</S>", 99], "cls": ["<S>", 0]}],
                    }
                ),
                "post_processor: expected ids of the vocabulary, found 99",
            ),
            (
                lambda content: content["post_processor"]["single"].extend(content["post_processor"]["single"] * 400),
                "post_processor: expected at most 1000 tokens for a word, found 12",
            ),
            (
                lambda content: content.update(
                    normalizer={
                        "type": "Sequence",
                        "normalizers": [{"type": "Replace", "pattern": {"Regex": "."}, "content": "x" * 10}] * 9,
                    }
                ),
                "expected replacements that make a text at most 1000 times as long",
            ),
        ],
        ids=[
            "no model",
            "model of another kind",
            "no unknown word",
            "panic in use",
            "token without definition",
            "id of no token",
            "id of no token, nested",
            "template without end",
            "replacements without end",
        ],
    )
    def test_tokenizer_is_refused(self, tmp_path, change, function, message):
        change("tokenizer.json", function)
        with pytest.raises(ValueError, match=message):
            ElmoTokenizer.from_pretrained(tmp_path)

    @pytest.mark.parametrize("data", [b'{"num_words": ', b"\xff"])
    def test_a_damaged_config_is_named(self, tmp_path, change, data):
        (tmp_path / "tokenizer_config.json").write_bytes(data)
        with pytest.raises(ValueError, match=r"^tokenizer_config.json, tokenizer.json: \w+Error: "):
            ElmoTokenizer.from_pretrained(tmp_path)

    def test_what_is_saved_is_read(self, tmp_path):
        tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "0"], clean_up_tokenization_spaces=None)
        tokenizer.backend_tokenizer.normalizer = normalizers.Replace(Regex("[0-9]"), "0")
        tokenizer.save_pretrained(tmp_path / "saved")
        assert ElmoTokenizer.from_pretrained(tmp_path / "saved")("0")["input_ids"] == [0, 3, 1]

    def test_padding_to_any_length_is_not_taken_from_a_file(self, tmp_path, change):
        padding = {
            "strategy": {"Fixed": 10**12},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "<PAD>",
        }
        change("tokenizer.json", lambda content: content.update(padding=padding))
        assert ElmoTokenizer.from_pretrained(tmp_path)("bank")["input_ids"] == [0, 3, 1]


class TestWarnings:
    def test_words_that_are_cut_are_said_once(self, recwarn):
        tokenizer = ElmoTokenizer()
        before = pickle.dumps(tokenizer)
        for text in (f"a {'x' * 49} a", "y" * 49):
            tokenizer([text, "b " + "z" * 48], return_tensors="pt", padding=True)
        (warning,) = recwarn
        assert warning.category is ElmoWarning
        assert str(warning.message).startswith(
            "words longer than the 48 bytes that the model reads: 1 of 6, the longest"
        )
        assert pickle.dumps(tokenizer) == before

    def test_unknown_words_around_a_mask_are_said_once(self, recwarn):
        tokenizer = ElmoTokenizer(vocab=[*SPECIAL, "the", "bank", "of"])
        tokenizer(["el banco del rio", "the <MASK> of the bank", "the <MASK> of el banco del rio"])
        assert len(recwarn) == 0
        for text in ("el <MASK> del rio the bank of", "el <MASK> del rio verde"):
            tokenizer(text)
        assert [str(warning.message).partition(".")[0] for warning in recwarn] == [
            "words outside the vocabulary: 3 of 6"
        ]
