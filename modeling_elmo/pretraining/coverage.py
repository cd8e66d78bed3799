# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How much of a text a vocabulary covers: whether it is the right one, before days of training.

With the wrong vocabulary, most words are `<UNK>`, which is easy to predict: the perplexity looks better than with the
right one.
"""

import warnings
from collections import Counter
from dataclasses import dataclass

from ..model.language_model import ElmoForPreTraining
from ..model.text_warnings import CutWords, ElmoWarning, GluedMarks, shown
from ..model.tokenization_elmo import ElmoTokenizer
from ..model.vocabulary_files import SPECIAL_TOKENS
from ..model.word_splitting import TextSplitter
from .corpus import Corpus
from .windows import BatchPlan


# The right vocabulary covers 68 to 70 % of English, Spanish and Dutch with 1,000 words, and 86 to 93 % with 20,000; all
# in lower case, 72 to 83 %. That of another of these languages covers at most 43 %, punctuation included.
MIN_COVERAGE = 0.5

# Lines that are counted, evenly spaced in the first block.
MAX_LINES = 10_000


@dataclass(frozen=True)
class Coverage:
    """Words of a text: all, those in a vocabulary, the most frequent one that is not, and what is said of them."""

    num_words: int
    num_known: int
    unknown: str
    cut: CutWords
    glued: GluedMarks

    @property
    def share(self) -> float:
        """`float`: The share of the words that the vocabulary has, from 0 to 1; 1 if there are no words."""
        return self.num_known / self.num_words if self.num_words else 1.0


def measure_coverage(corpus: Corpus, tokenizer: ElmoTokenizer, split_words: TextSplitter) -> Coverage:
    """Counts the words of lines from the first block of a corpus. Raises `ValueError` if it can't be read."""
    lines = corpus.read(0) or []
    counts: Counter[str] = Counter()
    glued = GluedMarks()
    for words in split_words(lines[:: max(1, len(lines) // MAX_LINES)][:MAX_LINES]):
        counts.update(words)
        glued.add(words)
    find, length = tokenizer.backend_tokenizer.token_to_id, tokenizer.max_lookup_characters
    unknown = {word: count for word, count in counts.items() if find(word[:length]) is None}
    cut = CutWords(tokenizer.characters)
    cut.add([*counts])
    num_words = sum(counts.values())
    most_frequent = max(unknown, key=lambda word: unknown[word], default="")
    return Coverage(num_words, num_words - sum(unknown.values()), most_frequent, cut, glued)


def check_coverage(
    corpus: Corpus,
    model: ElmoForPreTraining,
    tokenizer: ElmoTokenizer,
    plan: BatchPlan,
    min_coverage: float = MIN_COVERAGE,
) -> str:
    """Measures how much of a text a vocabulary covers, and warns of words that are cut.

    A vocabulary without words, that has the special tokens alone, is one on purpose: it is only warned of.

    Returns:
        `str`: A line for the user.

    Raises:
        `ValueError`: If the vocabulary covers less than `min_coverage`, a share from 0 to 1.
    """
    name = corpus.names[0]
    coverage = measure_coverage(corpus, tokenizer, plan.splitter(tokenizer))
    found = f"the vocabulary covers {coverage.share:.2%} of {coverage.num_words:,} words of {name}"
    if set(tokenizer.get_words()) <= set(SPECIAL_TOKENS.values()):
        message = f"{found}: it has no words, so that the model learns nothing but where sentences end"
        warnings.warn(message, ElmoWarning, stacklevel=2)
    elif coverage.share < min_coverage:
        raise ValueError(
            f"{found}, expected at least {min_coverage:.0%}; the most frequent word that it lacks is "
            f"{shown(coverage.unknown)}. Is it made of such text, in this language, this case and with words split in "
            "this way (--raw)? --min-coverage 0 leaves this check out"
        )
    if (glued := coverage.glued.message()) is not None:
        warnings.warn(f"{name}: {glued}", ElmoWarning, stacklevel=2)
    if model.config.reads_characters and coverage.cut.num_cut:
        warnings.warn(f"{name}: {coverage.cut.message()}", ElmoWarning, stacklevel=2)
    return found
