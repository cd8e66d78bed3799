# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits text into words in the style of the Penn Treebank, in any number of sentences and in other languages, too.

The rules for English are those of NLTK's `NLTKWordTokenizer`, written as regular expressions for `tokenizers`, so that
tokenizer.json holds all of them. Each `Split` isolates the matches of its expression, the text between two matches is a
word, and only white space is removed. NLTK's rules are for one sentence, of which they split the last period off. Here,
`sentence_period` finds the period of every sentence.

The order of the steps matters, because each step sees only the pieces of the previous one: `\\z` is the end of the text
in `sentence_period`, but in the clitics the end of a word without its punctuation.

The regex engine, Oniguruma, backtracks, and panics after ten million backtracking steps in one match. Repetitions of a
character are therefore possessive (`*+`, `++`) and those of a group bounded (`{0,99}`), which makes the time linear in
the length of any text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Regex, pre_tokenizers
from tokenizers.pre_tokenizers import PreTokenizer, Split, WhitespaceSplit


# Typewriter and typographic. The latter is also a closing quote, which is how NLTK always treats it.
APOSTROPHE = r"['\u2019]"

# What may stand between the last period of a sentence and the space after it.
CLOSING = r"\])}>\"'\u00BB\u2019\u201D"

# The same where quotes are \u201Eso\u201C, \u00BBso\u00AB or \u203Aso\u2039.
CLOSING_ABROAD = CLOSING + r"\u00AB\u2018\u201C\u2039\u203A"

# A URL contains no character of URL_STOP and does not end in one of URL_END. Without apostrophes, no clitic can match.
URL_END = r".,:;!?*)\]}"
URL_STOP = r"<>\"'`\u00AB\u00BB\u2012-\u2015\u2018\u2019\u201C-\u201E"
URL = rf"\b(?i:https?://|ftp://|www\.)(?:[{URL_END}]*+[^{URL_END}{URL_STOP}]++){{1,999}}"

# Words joined by . + or -, then @ and a domain with a period. The look-behinds allow a match to start only at the first
# word: without an @, starting at every character takes quadratic time, and starting at every word is 100 times slower.
EMAIL = r"(?<!\w)(?<!\w[.+-])\w++(?:[.+-]\w++){0,99}@(?:\w++-){0,99}\w++\.\w++(?:[.-]\w++){0,99}"

ELLIPSIS = r"\.\.++"
DASH = "--"

# The punctuation of other scripts (Unicode's P), beyond ASCII. English text uses some of it, which NLTK leaves alone:
# \u00A7 \u00B6 \u00B7 \u2026 and what else NOT_A_MARK has of Latin-1 and U+20xx. The rest of NOT_A_MARK stands within
# words: hyphens, apostrophes, Armenian accents, the signs of Hebrew, Devanagari and Gujarati abbreviations, Arabic
# decimal points, the points between Tibetan syllables.
NOT_A_MARK = (
    r"\x00-\x7F\u00A7\u00B6\u00B7\u055A-\u055C\u055E\u058A\u05BE\u05F3\u05F4\u060C\u066B\u066C\u0970\u0AF0\u0F0B\u0F0C"
    r"\u1400\u1806\u1807\u180A\u2010-\u2019\u201C-\u201E\u2020-\u2038\u2043\uFE63\uFF07\uFF0C-\uFF0F\uFF1A\uFF3C"
)
MARK = (
    r"[;@#$%&?!*()\[\]{}<>\"\u00AB\u00BB\u2012-\u2015\u2018\u201C-\u201E"
    rf"[\p{{Pd}}\p{{Ps}}\p{{Pe}}\p{{Pi}}\p{{Pf}}\p{{Po}}&&[^{NOT_A_MARK}]]]"
)

# 1,000 and 10:30 are words; so are they in full width.
COMMA_OR_COLON = r"[,:\u060C\uFF0C\uFF0E\uFF1A](?!\d)"

DOUBLE_QUOTE = "''|``?"

# A quote before a word that is not a clitic. The clitics handle closing quotes.
OPENING_QUOTE = r"(?<!\w)'(?=\w)(?!(?i:s|m|d|t|n|ll|re|ve)\b)"

# Within a word, it is an apostrophe.
TYPOGRAPHIC_QUOTE = r"\u2019(?:(?<!\w\u2019)|(?!\w))"

# Two words written as one, split after the first: cannot, gimme, gonna, gotta, lemme, wanna, d'ye, more'n.
CONTRACTION = (
    r"\b(?i:can(?=not\b)|gim(?=me\b)|gon(?=na\b)|got(?=ta\b)|lem(?=me\b)|wan(?=na\b)"
    rf"|d(?={APOSTROPHE}ye\b)|more(?={APOSTROPHE}n\b))"
)

# The first match at a position wins: URL and EMAIL contain characters that the others would split off.
PUNCTUATION = (URL, EMAIL, MARK, COMMA_OR_COLON, ELLIPSIS, DASH, DOUBLE_QUOTE, OPENING_QUOTE, TYPOGRAPHIC_QUOTE)

# All of them begin at the begin of a word or outside of words: with this, the engine tries none of them elsewhere.
BEGIN = r"(?:(?<!\w)|(?=\W))"

# A Chinese character or a Japanese one, hiragana and katakana included, with the marks that belong to it.
CJK_CHARACTER = (
    r"[\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309D-\u309F\u30A1-\u30FA\u30FC-\u312F\u31A0-\u31BF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\uFF66-\uFF9D\x{1B000}-\x{1B16F}\x{20000}-\x{3FFFF}]"
    r"[\u3099\u309A\uFE00-\uFE0F\uFF9E\uFF9F\x{E0100}-\x{E01EF}]*+"
)

# The end of a word (do|n't, John|'s, they|'ll), or a closing quote, also after such an end (John|'s|').
# Never directly after an apostrophe: '' is one quote, and sha'n't is one word.
ENGLISH_CLITIC = rf"(?<!{APOSTROPHE})(?:(?i:n{APOSTROPHE}t|{APOSTROPHE}(?:s|m|d|ll|re|ve))(?='?\z)|'\z)"


@dataclass(frozen=True)
class LanguageRules:
    """What one language does otherwise than others. Words are separated by spaces, patterns are regular expressions.

    Attributes:
        abbreviations (`str`): Words that keep their period within a text, in any case. Initials (J.) and words with a
            period in them (e.g., U.S.) always do.
        capitalized (`str`): The same, but only as they are written here: Ill. is a state, and ill is not.
        numbered (`str`): Words that keep their period before a number, in any case: No. 5.
        starters (`str`): Words after which a single capital letter is not an initial: "So do I. He left."
        keeps_ordinals (`bool`): Whether a number of one or two digits keeps its period: am 3. Mai.
        closing (`str`): The characters that may stand between a period and the space after it.
        contraction (`str`): The first part of two words that are written as one.
        clitic (`str`): The part at the end of a word that is a word of its own, or a closing quote.
        elision (`str`): The part at the beginning of a word that is a word of its own.
    """

    abbreviations: str = ""
    capitalized: str = ""
    numbered: str = ""
    starters: str = ""
    keeps_ordinals: bool = False
    closing: str = CLOSING_ABROAD
    contraction: str = ""
    clitic: str = rf"(?<!{APOSTROPHE})'\z"
    elision: str = ""


def _elided(words: str) -> str:
    return rf"\A(?i:{'|'.join(words.split())}){APOSTROPHE}(?=\w)"


# Which abbreviations end with a period and which words are elided are facts of the languages, checked against the lists
# of Moses (nonbreaking prefixes) and NLTK's punkt.
LANGUAGES = {
    "en": LanguageRules(
        abbreviations="mr mrs ms dr drs prof gen col maj lt lieut capt cmdr sgt sergt cpl pvt adm rev sen sens rep "
        "reps gov pres msgr messrs mme mlle st ste mt ft supt atty jr sr esq inc corp co ltd bros assn dept univ intl "
        "bldg ave blvd rd hwy sq vs etc al approx cf viz vol vols pp eds est yr mg hrs lbs oz incl esp",
        capitalized="Hon Fr Cos Cie Op Jan Feb Aug Sept Sep Oct Nov Dec Mon Tues Tue Thurs Thu Wed Fri Ala Ariz Calif "
        "Cal Colo Conn Del Fla Ga Ill Ind Kan Ky Mass Md Mich Minn Miss Mo Mont Neb Nev Okla Ore Pa Penn Tenn Tex Va "
        "Vt Wash Wis Wyo Ark",
        numbered="no nos p fig figs ch chap sec art ext pop ca c ver tel",
        starters="The He She It We They You I This That These Those There In But And If What When Who Why How So My "
        "His Her Our Their Your No Yes As At For On Not",
        closing=CLOSING,
        contraction=CONTRACTION,
        clitic=ENGLISH_CLITIC,
    ),
    "ca": LanguageRules(
        abbreviations="sr sra srs sres dr dra drs prof profa mn st sta etc pàg pàgs pp vol núm art fig aprox av avda "
        "cia tel ed",
        clitic=rf"(?<!{APOSTROPHE})(?:{APOSTROPHE}(?i:ls?|ns?|[mst]|hi|ho)\z|'\z)",
        elision=_elided("d l m n s t"),
    ),
    "de": LanguageRules(
        abbreviations="abb abs aufl bd bde bspw bzw ca chr co dipl dr etc evtl ggf hr hrn hrsg fr frl geb gest ing "
        "inkl jh jhd kap mio mr mrd mrs nr prof sog st std str tel tsd usf usw vgl zzgl jan feb aug sept okt nov dez",
        numbered="s art max min vol",
        keeps_ordinals=True,
    ),
    "es": LanguageRules(
        abbreviations="sr sra sres sras srta dr dra dres prof profa dña ud uds vd vds lic ing arq gral cnel tte excmo "
        "excma ilmo ilma mons sto sta av avda cía etc pág págs pp vol núm art fig aprox uu jr",
        numbered="no nos tel cap ed",
    ),
    "fr": LanguageRules(
        abbreviations="mm mme mmes mlle mlles mgr dr drs pr me st ste av apr env etc cf chap éd hab janv févr juil "
        "sept oct nov déc tél boul bd cie jr gén adj vol pp",
        numbered="no nos art fig",
        elision=_elided("[cdjlmnst] qu jusqu lorsqu puisqu quoiqu"),
    ),
    "it": LanguageRules(
        abbreviations="dott dr prof sig sigg avv arch geom rag sen gen col magg mons ss art artt cfr ecc pag pagg pp "
        "vol fig tel tab ra ssa",
        numbered="cap es n nn",
        # Not the apostrophe of po', be', mo' and the like.
        clitic=rf"(?<!{APOSTROPHE})(?<!\A(?i:[bfdmptv][aeo]|di|sta))'\z",
        elision=rf"\A\p{{L}}++{APOSTROPHE}(?=\w)",
    ),
    "nl": LanguageRules(
        abbreviations="dhr mevr mw mr mrs dr drs prof ir ing ds jhr bijv ca dwz enz etc evt excl incl inz max min nr "
        "nrs pag blz pp resp st str tel vgl zgn jan feb mrt apr aug sept okt nov dec",
    ),
    "pt": LanguageRules(
        abbreviations="sr sra srs sras srta dr dra drs prof profa exmo exma eng gen cel sto sta av etc pág págs pp vol "
        "núm art fig aprox jan fev abr jun jul ago set out nov dez jr ltda cia",
        numbered="no nos tel cap ed",
    ),
    # No language in particular: what all others share.
    "xx": LanguageRules(),
}


def language_rules(language: str) -> LanguageRules:
    """Returns the rules of a language; `ValueError` if there are none."""
    if language not in LANGUAGES:
        raise ValueError(
            f"language: expected one of {', '.join(LANGUAGES)}, found {language!r}; xx has the rules that all "
            "languages share"
        )
    return LANGUAGES[language]


def sentence_period(rules: LanguageRules) -> str:
    """Returns the expression for the period that ends a sentence, before any closing quotes and brackets.

    The last period of a text always does, unless it is of an ellipsis. Any other needs white space after it, and must
    not be of an abbreviation, an initial or the number of a heading. A small letter may follow, since many write so,
    but not after a number.
    """

    def any_of(words: str) -> str:
        return "|".join(words.split()) or r"\p{Cn}"

    closing = rf"[{rules.closing}]*+"
    conditions = (
        # Wikipedia has notes there.[12]
        rf"(?={closing}(?:\[[^\[\]\n]{{1,40}}\]){{0,9}}\s)",
        rf"(?<!\b(?i:{any_of(rules.abbreviations)})\.)",
        rf"(?<!\b(?:{any_of(rules.capitalized)})\.)",
        rf"(?!(?<=\b(?i:{any_of(rules.numbered)})\.)\s++\d)",
        # Initials, and words with a period before their last letter.
        r"(?:(?<!(?:\A|\.-|[\s.(\[\"\u00AB\u2018\u201C])\p{L}\.)"
        rf"|(?<=\s\p{{Lu}}\.)(?={closing}\s++(?:{any_of(rules.starters)})\b))",
        # 2.1. Methods
        r"(?<!(?:\A|\n)\d[\d.]{0,6}\.)",
        # Louis XIV. and the 3. of five
        r"(?!(?<=\d\.|\b[IVXLC]{1,7}\.)\s++\p{Ll})",
        r"(?<!\b\d{1,2}\.)" if rules.keeps_ordinals else "",
    )
    return rf"(?<!\.)\.(?:(?=[{rules.closing}\s]*+\z)|{''.join(conditions)})"


# Splits texts into words: `ElmoTokenizer.split_words` for raw text, `split_at_white_space` for tokenized text.
TextSplitter = Callable[[Sequence[str]], list[list[str]]]


def split_at_white_space(texts: Sequence[str]) -> list[list[str]]:
    """Returns the words of tokenized texts."""
    return [text.split() for text in texts]


def treebank_pre_tokenizer(language: str = "en", split_cjk_characters: bool = True) -> PreTokenizer:
    """Returns what splits text: `I can't, he said. So what?` into `I ca n't , he said . So what ?`.

    Words are slices of the text, which together contain every character except white space, in any script. There are
    three deliberate differences from NLTK's rules for a sentence of English: URLs and e-mail addresses stay whole, a
    typographic apostrophe (U+2019) between two letters is treated like the typewriter apostrophe, not as a closing
    quote, and the punctuation of other scripts is split off.

    Args:
        language (`str`, *optional*, defaults to `"en"`): One of `LANGUAGES`; `"xx"` for any other.
        split_cjk_characters (`bool`, *optional*, defaults to `True`): Whether each Chinese and Japanese character is a
            word.

    Raises:
        `ValueError`: For another language.
    """
    rules = language_rules(language)
    punctuation = f"{BEGIN}(?:{'|'.join(filter(None, (*PUNCTUATION, rules.contraction)))})"
    if split_cjk_characters:
        punctuation += f"|{CJK_CHARACTER}"
    patterns = (punctuation, rules.clitic, rules.elision)
    return pre_tokenizers.Sequence(
        [
            Split(Regex(sentence_period(rules)), behavior="isolated"),
            WhitespaceSplit(),
            *(Split(Regex(pattern), behavior="isolated") for pattern in patterns if pattern),
        ]
    )


def first_characters(number: int) -> PreTokenizer:
    """Returns what keeps the first code points of each word."""
    # The look-behind can begin only where the word does.
    return Split(Regex(rf"(?m)(?<=\A.{{{number}}}).+"), behavior="removed")
