# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Words in the style of the Penn Treebank, cut by `tokenizers` alone, so that tokenizer.json holds the whole rule.

The rules are those of NLTK's `NLTKWordTokenizer`, stated as what is *cut off*: each `Split` isolates what its
expression matches, what lies between two matches is a word, and only white space is ever removed. A text is supposed
to be one sentence: of its periods, only the last is cut off.

The steps run in this order because each sees only the pieces left by the one before: `\\z` is the end of the text in
`FINAL_PERIOD`, and in `CLITIC` the end of a word whose punctuation is gone.

The engine, Oniguruma, backtracks, and panics after ten million steps back in one match. So the repetition of a
character is possessive (`*+`, `++`), that of a group is bounded (`{0,99}`), and time is linear in the length of the
text, whatever the text.
"""

from collections.abc import Callable, Sequence

from tokenizers import Regex, pre_tokenizers
from tokenizers.pre_tokenizers import PreTokenizer, Split, WhitespaceSplit


# Typewriter and typographic. The second is also a closing quote, the only use of it that NLTK knows.
APOSTROPHE = r"['\u2019]"

# The period that ends the text but for closing quotes, closing brackets and white space, unless it ends an ellipsis.
FINAL_PERIOD = r"(?<!\.)\.(?=[\])}>\"'\u00BB\u2019\u201D\s]*+\z)"

# A URL does not end with a character of URL_END, nor hold one of URL_STOP. Without apostrophe, it is safe from CLITIC.
URL_END = r".,:;!?*)\]}"
URL_STOP = r"<>\"'`\u00AB\u00BB\u2012-\u2015\u2018\u2019\u201C-\u201E"
URL = rf"\b(?i:https?://|ftp://|www\.)(?:[{URL_END}]*+[^{URL_END}{URL_STOP}]++){{1,999}}"

# Words joined by . + or - then @ and a domain with a period. The look-behinds let it start only where the first word
# does: where no @ follows, a start at every character takes quadratic time, at every word a hundred times as long.
EMAIL = r"(?<!\w)(?<!\w[.+-])\w++(?:[.+-]\w++){0,99}@(?:\w++-){0,99}\w++\.\w++(?:[.-]\w++){0,99}"

ELLIPSIS = r"\.\.++"
DASH = r"--|[\u2012-\u2015]"
MARK = r"[;@#$%&?!*()\[\]{}<>]"

# 1,000 and 10:30 are words.
COMMA_OR_COLON = r"[,:](?!\d)"

DOUBLE_QUOTE = r"\"|''|``?|[\u00AB\u00BB\u2018\u201C\u201D\u201E]"

# A quote before a word, unless that word is a clitic. The closing quote is left to CLITIC.
OPENING_QUOTE = r"(?<!\w)'(?=\w)(?!(?i:s|m|d|t|n|ll|re|ve)\b)"

# Within a word it is an apostrophe.
TYPOGRAPHIC_QUOTE = r"(?<!\w)\u2019|\u2019(?!\w)"

# Two words written as one, cut after the first: cannot, gimme, gonna, gotta, lemme, wanna, d'ye, more'n.
CONTRACTION = (
    r"\b(?i:can(?=not\b)|gim(?=me\b)|gon(?=na\b)|got(?=ta\b)|lem(?=me\b)|wan(?=na\b)"
    rf"|d(?={APOSTROPHE}ye\b)|more(?={APOSTROPHE}n\b))"
)

# The first that matches at a position wins: URL and EMAIL hold characters that the others would cut off.
PUNCTUATION = "|".join(
    (URL, EMAIL, ELLIPSIS, DASH, MARK, COMMA_OR_COLON, DOUBLE_QUOTE, OPENING_QUOTE, TYPOGRAPHIC_QUOTE, CONTRACTION)
)

# The end of a word (do|n't, John|'s, they|'ll), or a closing quote, which may also follow that end (John|'s|').
# Never right after an apostrophe: '' is one quote, and sha'n't one word.
CLITIC = rf"(?<!{APOSTROPHE})(?:(?i:n{APOSTROPHE}t|{APOSTROPHE}(?:s|m|d|ll|re|ve))(?='?\z)|'\z)"


# What splits raw texts into the words of each: `ElmoTokenizer.split_words`, or this for text that is tokenized already.
TextSplitter = Callable[[Sequence[str]], list[list[str]]]


def split_at_white_space(texts: Sequence[str]) -> list[list[str]]:
    """Returns the words of texts that are tokenized already."""
    return [text.split() for text in texts]


def treebank_pre_tokenizer() -> PreTokenizer:
    """Cuts a sentence into words and punctuation: `I can't, he said.` gives `I`, `ca`, `n't`, `,`, `he`, `said`, `.`.

    The pieces are slices of the text, and together they hold each of its characters but white space, whatever the
    script. Two differences from NLTK are deliberate: URLs and e-mail addresses stay whole, and a typographic apostrophe
    (U+2019) between two letters is cut like the typewriter's, not as a closing quote.
    """
    return pre_tokenizers.Sequence(
        [
            Split(Regex(FINAL_PERIOD), behavior="isolated"),
            WhitespaceSplit(),
            Split(Regex(PUNCTUATION), behavior="isolated"),
            Split(Regex(CLITIC), behavior="isolated"),
        ]
    )
