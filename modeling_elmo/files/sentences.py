# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentences of a text, found by the library sentencex (docs/sentences.md says why this one)."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec


# sentencex looks at every quotation of what it gets for each sentence end, which takes quadratic time, and a quotation
# that never ends is one sentence. With this many characters at a time, the time is linear and the damage bounded.
MAX_CHARACTERS = 10_000

Span = tuple[int, int]


def sentence_splitter(language: str = "en") -> Callable[[str], list[Span]]:
    """Returns what finds the sentences of a text: the first character of each and the one after its last.

    White space around sentences belongs to none. An empty line always ends a sentence.

    Args:
        language (`str`, *optional*, defaults to `"en"`): An ISO code. For a language that sentencex doesn't know, it
            uses the rules of a similar one.

    Raises:
        `ValueError`: If sentencex is not installed.
    """
    if find_spec("sentencex") is None:
        raise ValueError("split_sentences: requires the package sentencex: pip install sentencex")
    # Other processes get it by pickle.
    return partial(_split, language=language)


def _split(text: str, language: str) -> list[Span]:
    spans = (_stripped(text, begin, end) for begin, end in _boundaries(text, language))
    return [(begin, end) for begin, end in spans if begin < end]


def _boundaries(text: str, language: str) -> Iterator[Span]:
    from sentencex import get_sentence_boundaries

    first = 0
    while first < len(text):
        part = text[first : first + MAX_CHARACTERS]
        spans = [(found["start_index"], found["end_index"]) for found in get_sentence_boundaries(language, part)]
        # The last sentence may go on after this part, unless it is the only one.
        if first + len(part) < len(text) and len(spans) > 1:
            spans.pop()
        yield from ((first + begin, first + end) for begin, end in spans)
        first += spans[-1][1]


def _stripped(text: str, begin: int, end: int) -> Span:
    sentence = text[begin:end]
    return end - len(sentence.lstrip()), begin + len(sentence.rstrip())
