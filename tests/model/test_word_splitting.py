# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What `treebank_pre_tokenizer` cuts, keeps whole, and promises for any text and any length."""

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from modeling_elmo.model.word_splitting import treebank_pre_tokenizer


PRE_TOKENIZER = treebank_pre_tokenizer()


def words(text: str) -> list[str]:
    return [word for word, _ in PRE_TOKENIZER.pre_tokenize_str(text)]


def is_white_space(character: str) -> bool:
    """Unicode's White_Space, which Rust follows; Python adds the four information separators."""
    return character.isspace() and character not in "\x1c\x1d\x1e\x1f"


# Each expected list is written with spaces between words.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't", "do n't"),
        ("DON'T", "DO N'T"),
        ("can't", "ca n't"),
        ("wouldn't've", "wouldn't 've"),
        ("I'll", "I 'll"),
        ("I'm, we're, they've, he'd", "I 'm , we 're , they 've , he 'd"),
        ("John's (Mary's)", "John 's ( Mary 's )"),
        ("'I like John's' he", "' I like John 's ' he"),
        ("sha'n't", "sha'n't"),
        ("o'clock rock'n'roll O'Brien", "o'clock rock'n'roll O'Brien"),
        ("it's-a", "it's-a"),
    ],
)
def test_a_clitic_is_cut_off_the_end_of_its_word(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot", "can not"),
        ("Cannot CANNOT", "Can not CAN NOT"),
        ("gimme gonna gotta lemme wanna", "gim me gon na got ta lem me wan na"),
        ("d'ye more'n", "d 'ye more 'n"),
        ("gonna.", "gon na ."),
        ("cannoth scannot wannabe", "cannoth scannot wannabe"),
    ],
)
def test_a_contraction_is_cut_in_two_words(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don\u2019t", "do n\u2019t"),
        ("it\u2019s", "it \u2019s"),
        ("I\u2019ll, you\u2019re", "I \u2019ll , you \u2019re"),
        ("o\u2019clock rock\u2019n\u2019roll", "o\u2019clock rock\u2019n\u2019roll"),
        ("d\u2019ye more\u2019n", "d \u2019ye more \u2019n"),
        ("\u2018the dogs\u2019 tails\u2019", "\u2018 the dogs \u2019 tails \u2019"),
        ("\u2018John\u2019s\u2019", "\u2018 John \u2019s \u2019"),
        ("\u2019tis", "\u2019 tis"),
    ],
)
def test_a_typographic_apostrophe_is_one_within_a_word_and_a_quote_elsewhere(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He said, "Hello."', 'He said , " Hello . "'),
        ("'Hello,' he said", "' Hello , ' he said"),
        ("the dogs' tails", "the dogs ' tails"),
        ("'tis 'em", "' tis ' em"),
        ("``quoted'' ''quoted''", "`` quoted '' '' quoted ''"),
        ("''tis'''", "'' tis '' '"),
        ("\u201ca\u201d \u00abb\u00bb \u201ec\u201c", "\u201c a \u201d \u00ab b \u00bb \u201e c \u201c"),
        ("rock 'n' roll", "rock 'n ' roll"),
        ("the 's of 'll", "the 's of 'll"),
    ],
)
def test_quotes_are_cut_off(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a, b: c; d? e! f", "a , b : c ; d ? e ! f"),
        ("(a) [b] {c} <d>", "( a ) [ b ] { c } < d >"),
        ("AT&T #1 $3.88 50% *a* @b", "AT & T # 1 $ 3.88 50 % * a * @ b"),
        ("wait... what.. no....", "wait ... what .. no ...."),
        ("a--b---c", "a -- b -- -c"),
        ("a\u2012b\u2013c\u2014d\u2015e", "a \u2012 b \u2013 c \u2014 d \u2015 e"),
        ("?!,,::", "? ! , , : :"),
        ("yes,no a:b", "yes , no a : b"),
    ],
)
def test_punctuation_is_isolated(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    "word",
    [
        "U.S. x",
        "3.14",
        "1,000",
        "1,000.50",
        "e-mail",
        "e.g. x",
        "10:30",
        "and/or",
        "x_y",
        "snow-white",
        "-5",
        "wait\u2026",
    ],
)
def test_a_word_with_inner_punctuation_stays_whole(word):
    assert words(word) == word.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I live in the U.S.", "I live in the U.S ."),
        ("Mr. Smith went. He left.", "Mr. Smith went. He left ."),
        ('He (Mr. Smith) "left.") \n', 'He ( Mr. Smith ) " left . " )'),
        ("He left. ' ) \u201d \u2019 \u00bb", "He left . ' ) \u201d \u2019 \u00bb"),
        ("He left .", "He left ."),
        ("He left...", "He left ..."),
        ("He left. A", "He left. A"),
        (".", "."),
    ],
)
def test_only_the_period_that_ends_the_text_is_cut_off(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://www.example.com:8080/a/b.html?q=1&r=%20#top",
        "ftp://ftp.example.org/pub/file.tar.gz",
        "www.example.com",
        "HTTPS://EXAMPLE.COM/~me",
        "http://example.com/cannot/gonna/it,is--so",
        "http://user@example.com/",
        "http://\u4f8b\u3048.jp/\u9053",
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("", " ."), ("(", ")"), ("see ", ", and"), ('"', '"'), ("", "?!"), ("", "'s"), ("<", ">")],
)
def test_a_url_stays_whole_without_the_punctuation_around_it(url, before, after):
    pieces = words(before + url + after)
    assert url in pieces
    assert "".join(pieces) == (before + url + after).replace(" ", "")


def test_the_period_after_a_url_is_not_of_it():
    assert words("See http://a.org/b. It is (www.a.org).") == [
        *("See", "http://a.org/b", ".", "It", "is"),
        *("(", "www.a.org", ")", "."),
    ]


@pytest.mark.parametrize(
    "address", ["me@example.com", "first.last+tag@mail-1.example.co.uk", "a_b@x.org", "cannot@x.org"]
)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("(", ")."), ("mailto:", ", and"), ("--", "."), ("", "'s")])
def test_an_email_address_stays_whole_without_the_punctuation_around_it(address, before, after):
    assert address in words(before + address + after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a@b", "a @ b"), ("@me", "@ me"), ("http://", "http : //"), ("www.", "www ."), ("http://. x", "http : //. x")],
)
def test_what_is_neither_url_nor_address_is_cut_as_usual(text, expected):
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    "text",
    [
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
        "cafe\u0301",
        "\u4e2d\u6587\u5206\u8bcd\u3002",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "\x00\x01\x7f",
        "\x1c",
        "\u200b\ufeff",
    ],
)
def test_any_script_is_a_word(text):
    assert words(f"{text} {text}") == [text, text]


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0\u2003\u3000\u0085"])
def test_white_space_holds_no_word(text):
    assert words(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Good muffins (the best) cost $3.88 in New York, don't they?",
        '"I can\'t," she said; "it\'s John\'s -- not mine..."',
        "They'll save and invest more, cannot they? 'Tis so.",
        "He isn't 'in', but I'd've thought he'd be here by 10:30.",
    ],
)
def test_nltk_cuts_the_same_words(text):
    nltk = pytest.importorskip("nltk.tokenize").NLTKWordTokenizer()
    assert words(text) == [text[start:end] for start, end in nltk.span_tokenize(text)]


FRAGMENTS = [
    *"a1 \n.,:-'\"`()<@&_/\x00\x1c",
    *"\u2019\u2018\u201d\u2014\u00a0\u4e2d\u0301\u200d\U0001f600\u0e44\u05e9\ufb01\u00df\u0149\u0130",
    *("..", "--", "''", "n't", "'s", "cannot", "d'ye", "http://", "www.", "a@b.c", "\u0939\u093f"),
]
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS)).map("".join))


@settings(max_examples=500)
@given(TEXTS)
def test_only_white_space_vanishes_and_offsets_are_exact(text):
    end = 0
    for word, span in PRE_TOKENIZER.pre_tokenize_str(text):
        assert all(map(is_white_space, text[end : span[0]]))
        assert span[0] < span[1]
        assert text[span[0] : span[1]] == word
        end = span[1]
    assert all(map(is_white_space, text[end:]))


@settings(max_examples=200)
@given(TEXTS)
def test_a_tokenizer_cuts_alike_after_json_and_pickle(text):
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "n't": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = treebank_pre_tokenizer()
    expected = tokenizer.encode(text)
    assert expected.offsets == [span for _, span in PRE_TOKENIZER.pre_tokenize_str(text)]
    for copy in (Tokenizer.from_str(tokenizer.to_str()), pickle.loads(pickle.dumps(tokenizer))):
        assert copy.to_str() == tokenizer.to_str()
        assert (copy.encode(text).offsets, copy.encode(text).ids) == (expected.offsets, expected.ids)
    copy = pickle.loads(pickle.dumps(PRE_TOKENIZER))
    assert copy.pre_tokenize_str(text) == PRE_TOKENIZER.pre_tokenize_str(text)


def seconds(text: str) -> float:
    """The best of three, in seconds of this process's work: other processes don't count."""
    times = []
    for _ in range(3):
        start = time.process_time()
        PRE_TOKENIZER.pre_tokenize_str(text)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(
    ("head", "unit", "tail"),
    [
        *(("", unit, "") for unit in "a.'(,-`w \u00a0\u2019\u4e2d\u0301\x00"),
        *(("", unit, "") for unit in ("a.", "a-", "a--", "a'", "a@", "@a", "a@b.", "a@b-", "a@b.c ", "1,")),
        *(("", unit, "") for unit in ("\"'", "n't", "'ll", ". ", '."', ".)", ". ) ", "cannot", "d'ye")),
        *(("", unit, "") for unit in ("http://", "http://.", "www.")),
        ("http://", "a", ""),
        ("http://", ".", ""),
        ("http://a", "!", ""),
        ("http://", "a.", ""),
        (".", " ", "a"),
        (".", ")", "a"),
        ("a@", "a.", "@"),
        ("a@", "a-", ""),
        ("", "a.", "@"),
    ],
)
def test_time_is_linear(head, unit, tail):
    """Eight times the text takes about eight times as long; were time quadratic, 64."""
    shorter, longer = (head + unit * (size // len(unit)) + tail for size in (5_000, 40_000))
    assert seconds(longer) < 24 * seconds(shorter)


@pytest.mark.parametrize("unit", ["a.", "a-", "a'", ". ", "'", "\"'"])
def test_no_text_is_much_slower_than_another(unit):
    assert seconds(unit * (50_000 // len(unit))) < 30 * seconds("a" * 50_000)


@pytest.mark.parametrize(
    "text",
    ["http://" + "a." * 5_300_000, "a." * 10_500_000 + "a@", "." + " " * 10_500_000 + "a"],
    ids=["URL", "EMAIL", "FINAL_PERIOD"],
)
def test_a_long_text_stays_below_the_ten_million_retries_at_which_the_engine_panics(text):
    assert "".join(words(text)) == text.replace(" ", "")
