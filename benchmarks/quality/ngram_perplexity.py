# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Perplexity of a unigram and of a Kneser-Ney trigram model, to compare with that of `elmo evaluate`.

    python -m benchmarks.quality.ngram_perplexity --vocab vocab.txt --train 'text/train-*.txt' text/heldout.txt

The predicted words are those that `elmo evaluate` counts: all words of each sentence, with <UNK> for words that are not
in the vocabulary, and the boundary after the last word (before the first in the backward direction). All entries of the
vocabulary have a probability, as in the softmax. The trigram model is the interpolated modified Kneser-Ney model of
Chen and Goodman (1998), the usual baseline among n-gram models. It starts over with each sentence.

An n-gram is an integer with its word ids as digits in base V, so that sorting counts n-grams. 29 million words took 27
seconds and 2.0 GB on one core.

Dimensions: T tokens of a text, G distinct n-grams, H distinct contexts, N predictions, V entries of the vocabulary.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.speed.report import JsonOnly, Report, run
from modeling_elmo.model.word_splitting import TextSplitter, split_at_white_space
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import read_tokenizer
from modeling_elmo.pretraining.windows import WordEncoder


# Discounts of a count of 1, of 2, and of 3 or more, for texts too small to estimate them.
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)

# The ids of three words are the digits of an int64.
MAX_VOCABULARY = int(2 ** (63 / 3))


@dataclass(frozen=True)
class Tokens:
    """A text as an array, each sentence between its boundaries.

    Attributes:
        ids_T (`np.ndarray`): Word ids, int32, in the order in which they are predicted.
        num_before_T (`np.ndarray`): The number of tokens of the sentence before each, at most 2; int8. It is 0 at the
            first boundary of a sentence, which is not predicted.
        first (`int`): The id of that boundary.
        vocab_size (`int`): V.
        num_words (`int`): Number of words, without boundaries.
        num_unknown_words (`int`): How many of them are not in the vocabulary.
    """

    ids_T: np.ndarray
    num_before_T: np.ndarray
    first: int
    vocab_size: int
    num_words: int
    num_unknown_words: int

    @classmethod
    def read(cls, corpus: TextFiles, table: WordEncoder, split_words: TextSplitter) -> "Tokens":
        """Reads a corpus in the forward direction's order.

        Raises:
            `ValueError`: If the text can't be read, or the vocabulary is too large for three ids in 64 bits.
        """
        if table.num_words > MAX_VOCABULARY:
            raise ValueError(f"vocab: expected at most {MAX_VOCABULARY:,} entries, found {table.num_words:,}")
        blocks: list[np.ndarray] = []
        lengths: list[int] = []
        for block in corpus.order(None):
            sentences = [table.encode(words)[0] for words in split_words(corpus.read(block))]
            lengths += map(len, sentences)
            blocks.append(np.concatenate(sentences, dtype=np.int32, casting="same_kind"))
        ids_T = np.concatenate(blocks)
        num_before_T = np.full(len(ids_T), 2, dtype=np.int8)
        starts = np.cumsum([0, *lengths[:-1]])
        num_before_T[starts], num_before_T[starts + 1] = 0, 1
        first, last = table.boundaries
        is_word_T = (ids_T != first) & (ids_T != last)
        return cls(
            ids_T, num_before_T, first, table.num_words, int(is_word_T.sum()), int((ids_T == table.unknown).sum())
        )

    def backward(self, last: int) -> "Tokens":
        """Returns the text in reverse order, in which sentences start with the boundary `last`."""
        num_before_T = np.full(len(self.ids_T), 2, dtype=np.int8)
        starts = np.flatnonzero(self.num_before_T[::-1] == 0)
        # A sentence starts one after the end of the previous one.
        starts = np.concatenate([[0], starts[:-1] + 1])
        num_before_T[starts], num_before_T[starts + 1] = 0, 1
        return Tokens(self.ids_T[::-1], num_before_T, last, self.vocab_size, self.num_words, self.num_unknown_words)

    def ngrams(self, order: int) -> np.ndarray:
        """Returns the keys of all n-grams of `order` 2 or 3 within a sentence."""
        (position,) = np.nonzero(self.num_before_T >= order - 1)
        keys = self.ids_T[position].astype(np.int64)
        for back in range(1, order):
            keys += self.ids_T[position - back].astype(np.int64) * self.vocab_size**back
        return keys


@dataclass(frozen=True)
class Counts:
    """Discounted counts of n-grams of one order, and what the discounts leave for the order below.

    Attributes:
        keys_G (`np.ndarray`): The n-grams, in ascending order.
        discounted_G (`np.ndarray`): The count of each minus its discount, divided by the count of its context.
        contexts_H (`np.ndarray`): The (n - 1)-grams that they start with, in ascending order.
        left_over_H (`np.ndarray`): The probability that the discounts leave for the order below, for each context.
    """

    keys_G: np.ndarray
    discounted_G: np.ndarray
    contexts_H: np.ndarray
    left_over_H: np.ndarray

    @classmethod
    def of(cls, keys_G: np.ndarray, counts_G: np.ndarray, vocab_size: int) -> "Counts":
        """Discounts the counts of distinct n-grams, given in ascending order."""
        discount_G = np.array([0.0, *discounts(counts_G)])[np.minimum(counts_G, 3)]
        context_G = keys_G // vocab_size
        contexts_H, first_H = np.unique(context_G, return_index=True)
        total_H = np.add.reduceat(counts_G, first_H)
        size_H = np.diff(np.append(first_H, len(keys_G)))
        return cls(
            keys_G,
            (counts_G - discount_G) / np.repeat(total_H, size_H),
            contexts_H,
            np.add.reduceat(discount_G, first_H) / total_H,
        )

    def interpolate(self, keys_N: np.ndarray, lower_N: np.ndarray, vocab_size: int) -> np.ndarray:
        """Returns the probabilities of n-grams, given those of the order below."""
        discounted_N = _look_up(keys_N, self.keys_G, self.discounted_G, 0.0)
        return discounted_N + _look_up(keys_N // vocab_size, self.contexts_H, self.left_over_H, 1.0) * lower_N


def _look_up(keys_N: np.ndarray, sorted_G: np.ndarray, values_G: np.ndarray, missing: float) -> np.ndarray:
    index_N = np.minimum(np.searchsorted(sorted_G, keys_N), len(sorted_G) - 1)
    return np.where(sorted_G[index_N] == keys_N, values_G[index_N], missing)


def discounts(counts_G: np.ndarray) -> tuple[float, ...]:
    """Returns the discounts of a count of 1, of 2, and of 3 or more (Chen and Goodman 1998).

    They are estimated from the numbers of n-grams that were counted once, twice, three and four times. If one of these
    is 0, or a discount is negative or larger than its count, the `FALLBACK_DISCOUNTS` apply.
    """
    once, twice, thrice, four_times = (int((counts_G == times).sum()) for times in (1, 2, 3, 4))
    if not (once and twice and thrice and four_times):
        return FALLBACK_DISCOUNTS
    share = once / (once + 2 * twice)
    found = (
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * four_times / thrice,
    )
    return found if all(0 < value <= times for times, value in enumerate(found, 1)) else FALLBACK_DISCOUNTS


class KneserNey:
    """A trigram model of one direction.

    The two lower orders count the distinct words that precede an n-gram, not its occurrences. Bigrams of a boundary and
    the first word of a sentence, which nothing precedes, are counted by their occurrences.

    Args:
        tokens (`Tokens`): The text to count.
    """

    def __init__(self, tokens: Tokens):
        size = self.vocab_size = tokens.vocab_size
        trigrams_G, counts_G = np.unique(tokens.ngrams(3), return_counts=True)
        self.trigrams = Counts.of(trigrams_G, counts_G, size)
        inner_G, inner_counts_G = np.unique(trigrams_G % size**2, return_counts=True)
        bigrams = tokens.ngrams(2)
        first_G, first_counts_G = np.unique(bigrams[bigrams // size == tokens.first], return_counts=True)
        is_inner_G = inner_G // size != tokens.first
        bigrams_G = np.concatenate([inner_G[is_inner_G], first_G])
        order = np.argsort(bigrams_G)
        counts_G = np.concatenate([inner_counts_G[is_inner_G], first_counts_G])
        self.bigrams = Counts.of(bigrams_G[order], counts_G[order], size)
        unigrams_G, counts_G = np.unique(bigrams_G % size, return_counts=True)
        # Their only context is the empty one, 0.
        self.unigrams = Counts.of(unigrams_G, counts_G, size)

    def probabilities(self, contexts_N2: np.ndarray, words_N: np.ndarray) -> np.ndarray:
        """Returns the probabilities of words.

        Args:
            contexts_N2 (`np.ndarray`): Ids of the two words before each, int64. The first of the two is -1 where the
                second begins the sentence.
            words_N (`np.ndarray`): Their ids, int64.
        """
        size = self.vocab_size
        has_two_N = contexts_N2[:, 0] >= 0
        bigrams_N = contexts_N2[:, 1] * size + words_N
        unigram_N = self.unigrams.interpolate(words_N, np.full(len(words_N), 1 / size), size)
        bigram_N = self.bigrams.interpolate(bigrams_N, unigram_N, size)
        # Without a second word before, use a key that no trigram has.
        trigrams_N = np.where(has_two_N, contexts_N2[:, 0] * size**2 + bigrams_N, -1)
        return np.where(has_two_N, self.trigrams.interpolate(trigrams_N, bigram_N, size), bigram_N)

    def loss(self, tokens: Tokens) -> float:
        """Returns the mean negative log-likelihood of a text's predictions."""
        (position,) = np.nonzero(tokens.num_before_T)
        ids_T = tokens.ids_T.astype(np.int64)
        before_N = np.where(tokens.num_before_T[position] > 1, ids_T[position - 2], -1)
        contexts_N2 = np.stack([before_N, ids_T[position - 1]], axis=1)
        return float(-np.log(self.probabilities(contexts_N2, ids_T[position])).mean())


def unigram_loss(train: Tokens, evaluated: Tokens) -> float:
    """Returns the mean negative log-likelihood under relative frequencies with add-one smoothing."""
    counts_V = np.bincount(train.ids_T[train.num_before_T > 0], minlength=train.vocab_size) + 1
    log_probability_V = np.log(counts_V / counts_V.sum())
    return float(-log_probability_V[evaluated.ids_T[evaluated.num_before_T > 0]].mean())


def main(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Text to predict, or quoted patterns.")],
    train: Annotated[list[str], typer.Option(metavar="TEXT", help="Text or pattern to train on. May be repeated.")],
    vocab: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The language model's vocabulary.")],
    tokenized: Annotated[bool, typer.Option("--tokenized/--raw", help="As in elmo evaluate.")] = True,
    json_only: JsonOnly = False,
) -> None:
    """Measure the perplexity of a unigram and a trigram model on the words that elmo evaluate predicts."""
    report = Report("ngram_perplexity", 1, json_only)
    tokenizer = read_tokenizer(vocab)
    table = WordEncoder(tokenizer, has_characters=False)
    counted, evaluated = (
        Tokens.read(TextFiles(patterns), table, split_at_white_space if tokenized else tokenizer.split_words)
        for patterns in (train, texts)
    )
    last = table.boundaries[1]
    losses: dict[str, list[float]] = {"unigram": [], "trigram": []}
    for seen, predicted in ((counted, evaluated), (counted.backward(last), evaluated.backward(last))):
        losses["unigram"].append(unigram_loss(seen, predicted))
        losses["trigram"].append(KneserNey(seen).loss(predicted))
    report.figures["train_words"] = counted.num_words
    report.figures["words"] = evaluated.num_words
    report.figures["unknown_words"] = evaluated.num_unknown_words
    report.figures["perplexity"] = {}
    for model, (forward, backward) in losses.items():
        report.figures["perplexity"][model] = {
            "mean": round(math.exp((forward + backward) / 2), 2),
            "forward": round(math.exp(forward), 2),
            "backward": round(math.exp(backward), 2),
        }
    report.say(
        f"trained on {counted.num_words:,} words, measured on {evaluated.num_words:,}, of which "
        f"{evaluated.num_unknown_words / max(evaluated.num_words, 1):.2%} are not in the vocabulary"
    )
    report.table(
        "Perplexity",
        ["", "mean", "forward", "backward"],
        [
            [model, *(f"{value:,.2f}" for value in figures.values())]
            for model, figures in report.figures["perplexity"].items()
        ],
    )
    report.finish()


if __name__ == "__main__":
    run(main)
