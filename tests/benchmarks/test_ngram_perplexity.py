# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The n-gram models, compared with counting in dictionaries."""

import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from benchmarks.quality import ngram_perplexity
from benchmarks.quality.ngram_perplexity import KneserNey, Tokens, discounts, unigram_loss
from modeling_elmo import ElmoForPreTraining, ElmoTokenizer
from modeling_elmo.model.word_splitting import split_at_white_space
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.perplexity import measure_perplexity, one_process
from modeling_elmo.pretraining.windows import WordEncoder


WORDS = ["<S>", "</S>", "<UNK>", *"abcdefghij"]
FIRST, LAST, UNKNOWN = 0, 1, 2


def random_sentences(seed, count):
    """Words by Zipf's law, of which "x" is not in the vocabulary; enough of them to estimate all discounts."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 12)
    return [
        list(random.choice([*"abcdefghij", "x"], 1 + random.integers(7), p=shares / shares.sum())) for _ in range(count)
    ]


@pytest.fixture
def table():
    return WordEncoder(ElmoTokenizer(vocab=WORDS), has_characters=False)


@pytest.fixture
def read(table, tmp_path):
    """Makes tokens of sentences, in two files."""

    def make(sentences, name="text"):
        half = (len(sentences) + 1) // 2
        for part, lines in enumerate((sentences[:half], sentences[half:])):
            if lines:
                (tmp_path / f"{name}-{part}.txt").write_text("".join(" ".join(line) + "\n" for line in lines))
        return Tokens.read(TextFiles([tmp_path / f"{name}-*.txt"]), table, split_at_white_space)

    return make


def ids_of(sentences, direction):
    known = {word: number for number, word in enumerate(WORDS)}
    found = [[FIRST, *(known.get(word, UNKNOWN) for word in sentence), LAST] for sentence in sentences]
    return found if direction == "forward" else [sentence[::-1] for sentence in found]


class Reference:
    """Interpolated modified Kneser-Ney with one dictionary per order, from its definition."""

    def __init__(self, sentences):
        self.counts = {3: Counter(), 2: Counter(), 1: Counter()}
        before = {2: defaultdict(set), 1: defaultdict(set)}
        first = sentences[0][0]
        for ids in sentences:
            for at in range(1, len(ids)):
                before[1][(ids[at],)].add(ids[at - 1])
                if at == 1:
                    self.counts[2][first, ids[1]] += 1
                else:
                    self.counts[3][tuple(ids[at - 2 : at + 1])] += 1
                    before[2][ids[at - 1], ids[at]].add(ids[at - 2])
        for order, sets in before.items():
            for ngram, words in sets.items():
                if ngram not in self.counts[order]:
                    self.counts[order][ngram] = len(words)
        self.discounts = {}
        for order, counts in self.counts.items():
            n = Counter(counts.values())
            self.discounts[order] = [0.5, 1.0, 1.5]
            if all(n[times] for times in (1, 2, 3, 4)):
                y = n[1] / (n[1] + 2 * n[2])
                found = [times - (times + 1) * y * n[times + 1] / n[times] for times in (1, 2, 3)]
                if all(0 < value <= times for times, value in enumerate(found, 1)):
                    self.discounts[order] = found

    def probability(self, word, context):
        order = len(context) + 1
        lower = 1 / len(WORDS) if order == 1 else self.probability(word, context[1:])
        following = {ngram: count for ngram, count in self.counts[order].items() if ngram[:-1] == context}
        total = sum(following.values())
        if not total:
            return lower
        taken = {ngram: self.discounts[order][min(count, 3) - 1] for ngram, count in following.items()}
        ngram = (*context, word)
        own = following[ngram] - taken[ngram] if ngram in following else 0.0
        return own / total + sum(taken.values()) / total * lower


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("count", [400, 3])
def test_trigram_model_is_that_of_the_definition(read, direction, count):
    seen, predicted = random_sentences(0, count), random_sentences(1, 20)
    tokens = [read(seen), read(predicted, "heldout")]
    if direction == "backward":
        tokens = [part.backward(LAST) for part in tokens]
    reference = Reference(ids_of(seen, direction))
    # The large text tells its discounts, the small one doesn't.
    assert (reference.discounts[3] == [0.5, 1.0, 1.5]) == (count == 3)
    losses = [
        -np.log(reference.probability(ids[at], tuple(ids[max(0, at - 2) : at])))
        for ids in ids_of(predicted, direction)
        for at in range(1, len(ids))
    ]
    assert KneserNey(tokens[0]).loss(tokens[1]) == pytest.approx(np.mean(losses), rel=1e-12)


@pytest.mark.parametrize("count", [400, 3])
def test_probabilities_of_every_context_sum_to_one(read, count):
    model = KneserNey(read(random_sentences(0, count)))
    size = len(WORDS)
    contexts = np.stack(np.meshgrid(np.arange(-1, size), np.arange(size)), axis=-1).reshape(-1, 2)
    words = np.tile(np.arange(size), len(contexts))
    probabilities = model.probabilities(np.repeat(contexts, size, axis=0), words).reshape(-1, size)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-12)


def test_unigram_model_is_relative_frequencies(read):
    seen, predicted = read([["a", "a", "x"], ["b"]]), read([["a", "c"]], "heldout")
    # Six predictions, and one for each of thirteen entries.
    expected = -np.log(np.array([3, 1, 3]) / 19).mean()
    assert unigram_loss(seen, predicted) == pytest.approx(expected)


def test_discounts_are_those_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4, 9], [60, 20, 10, 5, 7])
    assert discounts(counts) == pytest.approx((1 - 2 * 0.6 / 3, 2 - 3 * 0.6 / 2, 3 - 4 * 0.6 / 2))


@pytest.mark.parametrize("sizes", [[60, 20, 10, 0], [50, 10, 3, 80]], ids=["missing", "negative"])
def test_discounts_that_a_text_is_too_small_to_estimate(sizes):
    assert discounts(np.repeat([1, 2, 3, 4], sizes)) == (0.5, 1.0, 1.5)


def test_predictions_are_those_of_a_language_models_evaluation(read, tiny_config, tmp_path):
    tokens = read(random_sentences(2, 30))
    tokenizer = ElmoTokenizer(vocab=WORDS)
    model = ElmoForPreTraining(tiny_config(vocab_size=len(tokenizer)))
    corpus = TextFiles([tmp_path / "text-*.txt"])
    result = measure_perplexity(model, tokenizer, corpus, one_process(4, 5))
    for one_direction in (tokens, tokens.backward(LAST)):
        assert (one_direction.num_before_T > 0).sum() == result.num_predictions
    assert (tokens.num_words, tokens.num_unknown_words) == (result.num_words, result.num_unknown_words)


def test_a_vocabulary_beyond_64_bits_is_refused(table, monkeypatch, tmp_path):
    monkeypatch.setattr(ngram_perplexity, "MAX_VOCABULARY", 12)
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(ValueError, match="vocab: expected at most 12 entries, found 13"):
        Tokens.read(TextFiles([tmp_path / "a.txt"]), table, split_at_white_space)


def test_the_benchmark_prints_one_json_line(read, tmp_path, capsys):
    for name, seed in (("text", 0), ("heldout", 1)):
        read(random_sentences(seed, 60), name)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    arguments = [[str(tmp_path / "heldout-*.txt")], [str(tmp_path / "text-*.txt")], tmp_path / "vocab.txt"]
    ngram_perplexity.main(*arguments, json_only=True)
    (line,) = capsys.readouterr().out.splitlines()
    perplexity = json.loads(line)["perplexity"]
    for of_model in perplexity.values():
        assert of_model["mean"] == pytest.approx((of_model["forward"] * of_model["backward"]) ** 0.5, abs=0.01)
    ngram_perplexity.main(*arguments)
    assert "are not in the vocabulary" in capsys.readouterr().out
