# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits text into words in the style of the Penn Treebank.

The rules are those of NLTK's `NLTKWordTokenizer`, written as regular expressions for `tokenizers`, so that
tokenizer.json holds all of them. Each `Split` isolates the matches of its expression, the text between two matches is a
word, and only white space is removed. Each text should be one sentence: only its last period is split off.

The order of the steps matters, because each step sees only the pieces of the previous one: `\\z` is the end of the text
in `FINAL_PERIOD`, but in `CLITIC` the end of a word without its punctuation.

The regex engine, Oniguruma, backtracks, and panics after ten million backtracking steps in one match. Repetitions of a
character are therefore possessive (`*+`, `++`) and those of a group bounded (`{0,99}`), which makes the time linear in
the length of any text.
"""

from collections.abc import Callable, Sequence

from tokenizers import Regex, pre_tokenizers
from tokenizers.pre_tokenizers import PreTokenizer, Split, WhitespaceSplit


# Typewriter and typographic. The latter is also a closing quote, which is how NLTK always treats it.
APOSTROPHE = r"['\u2019]"

# The period at the end of the text, before any closing quotes, brackets and white space; not the end of an ellipsis.
FINAL_PERIOD = r"(?<!\.)\.(?=[\])}>\"'\u00BB\u2019\u201D\s]*+\z)"

# A URL contains no character of URL_STOP and does not end in one of URL_END. Without apostrophes, CLITIC can't match.
URL_END = r".,:;!?*)\]}"
URL_STOP = r"<>\"'`\u00AB\u00BB\u2012-\u2015\u2018\u2019\u201C-\u201E"
URL = rf"\b(?i:https?://|ftp://|www\.)(?:[{URL_END}]*+[^{URL_END}{URL_STOP}]++){{1,999}}"

# Words joined by . + or -, then @ and a domain with a period. The look-behinds allow a match to start only at the first
# word: without an @, starting at every character takes quadratic time, and starting at every word is 100 times slower.
EMAIL = r"(?<!\w)(?<!\w[.+-])\w++(?:[.+-]\w++){0,99}@(?:\w++-){0,99}\w++\.\w++(?:[.-]\w++){0,99}"

ELLIPSIS = r"\.\.++"
DASH = r"--|[\u2012-\u2015]"
MARK = r"[;@#$%&?!*()\[\]{}<>]"

# 1,000 and 10:30 are words.
COMMA_OR_COLON = r"[,:](?!\d)"

DOUBLE_QUOTE = r"\"|''|``?|[\u00AB\u00BB\u2018\u201C\u201D\u201E]"

# A quote before a word that is not a clitic. CLITIC handles closing quotes.
OPENING_QUOTE = r"(?<!\w)'(?=\w)(?!(?i:s|m|d|t|n|ll|re|ve)\b)"

# Within a word, it is an apostrophe.
TYPOGRAPHIC_QUOTE = r"(?<!\w)\u2019|\u2019(?!\w)"

# Two words written as one, split after the first: cannot, gimme, gonna, gotta, lemme, wanna, d'ye, more'n.
CONTRACTION = (
    r"\b(?i:can(?=not\b)|gim(?=me\b)|gon(?=na\b)|got(?=ta\b)|lem(?=me\b)|wan(?=na\b)"
    rf"|d(?={APOSTROPHE}ye\b)|more(?={APOSTROPHE}n\b))"
)

# The first match at a position wins: URL and EMAIL contain characters that the others would split off.
PUNCTUATION = "|".join(
    (URL, EMAIL, ELLIPSIS, DASH, MARK, COMMA_OR_COLON, DOUBLE_QUOTE, OPENING_QUOTE, TYPOGRAPHIC_QUOTE, CONTRACTION)
)

# The end of a word (do|n't, John|'s, they|'ll), or a closing quote, also after such an end (John|'s|').
# Never directly after an apostrophe: '' is one quote, and sha'n't is one word.
CLITIC = rf"(?<!{APOSTROPHE})(?:(?i:n{APOSTROPHE}t|{APOSTROPHE}(?:s|m|d|ll|re|ve))(?='?\z)|'\z)"


# Splits texts into words: `ElmoTokenizer.split_words` for raw text, `split_at_white_space` for tokenized text.
TextSplitter = Callable[[Sequence[str]], list[list[str]]]


def split_at_white_space(texts: Sequence[str]) -> list[list[str]]:
    """Returns the words of tokenized texts."""
    return [text.split() for text in texts]


def treebank_pre_tokenizer() -> PreTokenizer:
    """Returns what splits a sentence: `I can't, he said.` into `I`, `ca`, `n't`, `,`, `he`, `said`, `.`.

    Words are slices of the text, which together contain every character except white space, in any script. There are
    two deliberate differences from NLTK: URLs and e-mail addresses stay whole, and a typographic apostrophe (U+2019)
    between two letters is treated like the typewriter apostrophe, not as a closing quote.
    """
    return pre_tokenizers.Sequence(
        [
            Split(Regex(FINAL_PERIOD), behavior="isolated"),
            WhitespaceSplit(),
            Split(Regex(PUNCTUATION), behavior="isolated"),
            Split(Regex(CLITIC), behavior="isolated"),
        ]
    )


def first_characters(number: int) -> PreTokenizer:
    """Returns what keeps the first code points of each word."""
    # The look-behind can begin only where the word does.
    return Split(Regex(rf"(?m)(?<=\A.{{{number}}}).+"), behavior="removed")
