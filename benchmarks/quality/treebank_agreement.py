# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Agreement of `treebank_pre_tokenizer` with NLTK's `NLTKWordTokenizer`: F1 over spans, and the differences.

    python -m benchmarks.quality.treebank_agreement TEXT_FILE

TEXT_FILE has one paragraph per line and may be compressed with xz. NLTK's rules are for single sentences, so paragraphs
are cut into sentences first, as by `examples/prepare_text.py`.
"""

import json
import lzma
import re
import time
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from nltk.tokenize import NLTKWordTokenizer
from prepare_text import sentences

from modeling_elmo.model.word_splitting import treebank_pre_tokenizer


Span = tuple[int, int]
Words = tuple[str, ...]

SPACES = re.compile(r"\s*")

# The first pattern that matches a disagreement names its kind.
KINDS = {
    "URL (intended)": r"(?i)https?://|ftp://|www\.",
    "e-mail address (intended)": r"\w@\w+[.-]",
    "typographic apostrophe (intended)": r"\u2019\w",
    "punctuation after a contraction (NLTK cuts off even a period within the text)": (
        r"(?i)^(?:not|me|na|ta|'ye|'n)[^\w\s]"
    ),
    "clitic before a closing quote that punctuation follows (NLTK leaves it)": r"(?i)'(?:s|m|d)'$",
    "second of two commas or colons (NLTK leaves it on the next word)": r"^[,:]\S",
    "last period before a space and a closing quote (NLTK takes it for an opening one)": r"\.$",
    "other single quote": r"['`]",
    "other": "",
}


def paragraphs(path: Path) -> list[str]:
    """Returns the non-empty lines of a file."""
    text = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return [line for line in text.decode().split("\n") if line.strip()]


def align(words: list[str], text: str) -> list[Span]:
    """Returns the spans of NLTK's words, in which `` and '' may replace a double quote.

    Raises `ValueError` if a word is not in the text.
    """
    spans = []
    end = 0
    for word in words:
        start = SPACES.match(text, end).end()
        candidates = (word, '"', "''") if word in ("``", "''") else (word,)
        source = next((candidate for candidate in candidates if text.startswith(candidate, start)), None)
        if source is None:
            raise ValueError(f"NLTK's word {word!r} is not at {start}: {text[start : start + 20]!r}")
        end = start + len(source)
        spans.append((start, end))
    return spans


def nltk_spans(nltk: NLTKWordTokenizer, text: str) -> tuple[list[Span], bool]:
    """Returns NLTK's spans, and whether its own `span_tokenize`, which can fail on quotes, finds the same."""
    spans = align(nltk.tokenize(text), text)
    try:
        own = list(nltk.span_tokenize(text))
    except ValueError:
        own = None
    return spans, own == spans


def disagreements(text: str, ours: list[Span], theirs: list[Span]) -> list[tuple[Words, Words, str]]:
    """Returns the shortest pieces of text that the two split differently: our words, their words, the context."""
    found = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        first_i, first_j = i, j
        i, j = i + 1, j + 1
        while ours[i - 1][1] != theirs[j - 1][1]:
            if ours[i - 1][1] < theirs[j - 1][1]:
                i += 1
            else:
                j += 1
        left, right = ours[first_i:i], theirs[first_j:j]
        if left != right:
            start, end = left[0][0], left[-1][1]
            words = [tuple(text[a:b] for a, b in spans) for spans in (left, right)]
            found.append((*words, text[max(0, start - 20) : end + 20]))
    return found


def kind(whole: str) -> str:
    """Returns the kind of a disagreement about a piece of text."""
    return next(name for name, pattern in KINDS.items() if re.search(pattern, whole))


def main(
    text_file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A paragraph per line; .xz or plain.")],
    count: Annotated[int, typer.Option(min=1, help="Number of paragraphs.")] = 1000,
) -> None:
    """Print the F1 of the pre-tokenizer against NLTK's, and the kinds of differences."""
    texts = [text for paragraph in islice(paragraphs(text_file), count) for text in sentences(paragraph)]
    nltk = NLTKWordTokenizer()
    pre_tokenizer = treebank_pre_tokenizer()

    start = time.perf_counter()
    ours = [[span for _, span in pre_tokenizer.pre_tokenize_str(text)] for text in texts]
    our_seconds = time.perf_counter() - start
    start = time.perf_counter()
    for text in texts:
        nltk.tokenize(text)
    their_seconds = time.perf_counter() - start

    theirs, same = zip(*(nltk_spans(nltk, text) for text in texts), strict=True)
    common = sum(len(set(left) & set(right)) for left, right in zip(ours, theirs, strict=True))
    ours_total, theirs_total = sum(map(len, ours)), sum(map(len, theirs))
    precision, recall = common / ours_total, common / theirs_total
    f1 = 2 * common / (ours_total + theirs_total)
    our_rate, their_rate = ours_total / our_seconds, theirs_total / their_seconds
    identical = sum(left == right for left, right in zip(ours, theirs, strict=True))
    print(f"{len(texts)} sentences, {identical} split identically; span_tokenize gives the same spans in {sum(same)}")
    print(f"words: ours {ours_total}, NLTK {theirs_total}, common {common}")
    print(f"precision {precision:.5f}  recall {recall:.5f}  F1 {f1:.5f}")
    print(f"words/s: ours {our_rate:,.0f}, NLTK {their_rate:,.0f}")

    kinds: dict[str, Counter] = defaultdict(Counter)
    contexts = {}
    for text, left, right in zip(texts, ours, theirs, strict=True):
        for our_words, their_words, context in disagreements(text, left, right):
            kinds[kind("".join(our_words))][our_words, their_words] += 1
            contexts[our_words, their_words] = context
    figures = {
        "sentences": len(texts),
        "words": ours_total,
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "words_per_second_over_nltk": our_rate / their_rate,
    }
    print("\ncount  kind: examples (count): ours / NLTK")
    for name, pairs in sorted(kinds.items(), key=lambda item: -item[1].total()):
        print(f"{pairs.total():5}  {name}")
        for (our_words, their_words), number in pairs.most_common(3):
            context = contexts[our_words, their_words]
            print(f"         ({number}) {' '.join(our_words)} / {' '.join(their_words)}    in: {context}")
    print(json.dumps(figures))


if __name__ == "__main__":
    typer.run(main)
