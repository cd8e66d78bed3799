# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of language model training, held against a slow reading of the same sentences, word by word."""

import gzip
import itertools
import lzma

import numpy as np
import pytest
import torch

from modeling_elmo import ElmoTokenizer
from modeling_elmo.pretraining.corpus import StreamedDataset, TextFiles
from modeling_elmo.pretraining.windows import (
    IGNORED_LABEL,
    MAX_WORDS_PER_ROW,
    BatchPlan,
    SentenceRows,
    StreamPosition,
    Windows,
    WordEncoder,
    rows_of_process,
)


VOCABULARY = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]


@pytest.fixture
def tokenizer():
    return ElmoTokenizer(vocab=VOCABULARY, max_characters_per_token=12)


@pytest.fixture
def shards(tmp_path):
    """Three shards of sentences of 0 to 30 words, some of which the vocabulary lacks."""
    random = np.random.default_rng(0)
    words = [*VOCABULARY[3:], "money", "naïve", "日本", "extraordinarily-long-word"]
    for number, (name, opened) in enumerate((("a.txt", open), ("b.txt.gz", gzip.open), ("c.txt.xz", lzma.open))):
        with opened(tmp_path / name, "wt", encoding="utf-8", newline="\n") as file:
            for _ in range(10 + number):
                file.write(" ".join(random.choice(words, 1 + random.integers(30))) + "\n")
            file.write("\n \t\n")
    return tmp_path / "*.txt*"


def plan(**kwargs):
    kwargs = {"batch_size": 4, "num_steps": 7, "seed": 3, "is_raw": False, **kwargs}
    return BatchPlan(**{"rows": range(kwargs["batch_size"]), **kwargs})


def take(items, count):
    return list(itertools.islice(items, count))


def plain_rows(sentences, batch_size, is_backward):
    """What each row reads and predicts: pairs of words, sentence by sentence."""
    rows = [[] for _ in range(batch_size)]
    for number, sentence in enumerate(sentences):
        marked = ["<S>", *sentence.split(), "</S>"]
        if is_backward:
            marked.reverse()
        rows[number % batch_size] += itertools.pairwise(marked)
    return rows


class TestWindows:
    @pytest.mark.parametrize("direction", ["forward", "backward"])
    def test_are_those_of_the_original_algorithm(self, shards, tokenizer, direction):
        windows = Windows(TextFiles([shards]), tokenizer, plan(), True)
        stream = windows.directions[direction == "backward"].sentences.read_from(0)
        rows = plain_rows(take(stream, 600), 4, direction == "backward")
        prefix = "" if direction == "forward" else "backward_"
        for number, (batch, _) in enumerate(take(windows, 40)):
            for row, pairs in enumerate(rows):
                window = pairs[7 * number : 7 * (number + 1)]
                if direction == "backward":
                    window = window[::-1]
                words, labels = zip(*window)
                expected = tokenizer([list(words)], is_split_into_words=True, add_special_tokens=False)
                assert batch[f"{prefix}input_ids"][row].tolist() == expected["input_ids"][0]
                assert batch[f"{prefix}character_ids"][row].tolist() == expected["character_ids"][0]
                assert batch[f"{direction}_labels"][row].tolist() == tokenizer.convert_tokens_to_ids(list(labels))
            assert "attention_mask" not in batch

    def test_each_epoch_has_every_sentence_once_in_an_order_of_its_own(self, shards, tokenizer):
        corpus = TextFiles([shards])
        everything = sorted(line for block in range(3) for line in corpus.read(block))
        orders = []
        for direction in Windows(corpus, tokenizer, plan(), True).directions:
            texts = take(direction.sentences.read_from(0), 3 * len(everything))
            orders += [texts[start : start + len(everything)] for start in range(0, len(texts), len(everything))]
        assert all(sorted(order) == everything for order in orders)
        assert len({tuple(order) for order in orders}) == 6

    def test_the_seed_decides(self, shards, tokenizer):
        def first(seed):
            return next(iter(Windows(TextFiles([shards]), tokenizer, plan(seed=seed), True)))[0]

        assert torch.equal(first(1)["input_ids"], first(1)["input_ids"])
        assert not torch.equal(first(1)["input_ids"], first(2)["input_ids"])

    @pytest.mark.parametrize("num_processes", [2, 4])
    def test_several_processes_see_what_one_sees(self, shards, tokenizer, num_processes):
        corpus = TextFiles([shards])
        whole = take(Windows(corpus, tokenizer, plan(), True), 30)
        parts = [
            take(Windows(corpus, tokenizer, plan(rows=rows_of_process(4, process, num_processes)), True), 30)
            for process in range(num_processes)
        ]
        for (batch, _), *pieces in zip(whole, *parts):
            for name, values in batch.items():
                assert torch.equal(values, torch.cat([piece[name] for piece, _ in pieces]))

    @pytest.mark.parametrize("is_raw", [False, True])
    @pytest.mark.parametrize("stop", [0, 1, 13, 60])
    def test_resume_where_they_were(self, shards, tokenizer, stop, is_raw):
        corpus = TextFiles([shards])
        settings = plan(is_raw=is_raw)
        items = take(Windows(corpus, tokenizer, settings, True), stop + 5)
        expected = [batch for batch, _ in items[stop:]]
        positions = items[stop - 1][1] if stop else None
        resumed = [batch for batch, _ in take(Windows(corpus, tokenizer, settings, True, positions), 5)]
        assert all(torch.equal(one[name], other[name]) for one, other in zip(expected, resumed) for name in one)

    def test_going_on_reads_no_shard_that_is_behind(self, shards, tokenizer, monkeypatch):
        corpus = TextFiles([shards])
        positions = take(Windows(corpus, tokenizer, plan(), True), 400)[-1][1]
        read, blocks = TextFiles.read, []
        monkeypatch.setattr("modeling_elmo.pretraining.windows.CHUNK_LINES", 1)
        monkeypatch.setattr(TextFiles, "read", lambda self, block: blocks.append(block) or read(self, block))
        next(iter(Windows(corpus, tokenizer, plan(), True, positions)))
        # Some rows are ahead of others; but 140 shards have been read before.
        assert len(blocks) <= 24

    def test_a_shard_that_has_changed_is_reported(self, shards, tokenizer, tmp_path):
        corpus = TextFiles([tmp_path / "a.txt"])
        positions = take(Windows(corpus, tokenizer, plan(), True), 3)[-1][1]
        with open(tmp_path / "a.txt", "a", encoding="utf-8") as file:
            file.write("the bank\n")
        corpus = TextFiles([tmp_path / "a.txt"])
        with pytest.raises(ValueError, match=r"a\.txt: it held 10 sentences when last read, found 11"):
            take(Windows(corpus, tokenizer, plan(), True, positions), 20)

    @pytest.mark.parametrize("batch_size", [1, 4, 50])
    def test_read_once_they_hold_every_word_once(self, shards, tokenizer, batch_size):
        corpus = TextFiles([shards])
        sentences = [line for block in range(3) for line in corpus.read(block)]
        seen = {"": [], "backward_": []}
        for batch, _ in Windows(corpus, tokenizer, plan(batch_size=batch_size, seed=None), True):
            mask = batch.get("attention_mask", torch.ones_like(batch["input_ids"])).bool()
            assert torch.equal(mask, batch["forward_labels"] != IGNORED_LABEL)
            assert torch.equal(mask, batch["backward_labels"] != IGNORED_LABEL)
            assert torch.equal(mask, batch["character_ids"].any(-1))
            assert torch.equal(mask, batch["backward_character_ids"].any(-1))
            for prefix, ids in seen.items():
                ids += batch[f"{prefix}input_ids"][mask].tolist()
        for prefix, ids in seen.items():
            rows = plain_rows(sentences, 1, bool(prefix))
            expected = tokenizer.convert_tokens_to_ids([word for word, _ in rows[0]])
            assert sorted(ids) == sorted(expected)

    def test_a_line_of_100000_words(self, tokenizer, tmp_path):
        (tmp_path / "a.txt").write_text("the bank " * 50_000 + "\nof the river .\n")
        settings = plan(batch_size=2, num_steps=1000, seed=None)
        batches = [batch for batch, _ in Windows(TextFiles([tmp_path / "a.txt"]), tokenizer, settings, True)]
        assert sum(int((batch["forward_labels"] != IGNORED_LABEL).sum()) for batch in batches) == 100_001 + 5

    def test_of_a_model_that_reads_words_have_no_characters(self, shards, tokenizer):
        with_characters = next(iter(Windows(TextFiles([shards]), tokenizer, plan(), True)))[0]
        batch = next(iter(Windows(TextFiles([shards]), tokenizer, plan(), False)))[0]
        assert sorted(batch) == ["backward_input_ids", "backward_labels", "forward_labels", "input_ids"]
        assert all(torch.equal(values, with_characters[name]) for name, values in batch.items())

    def test_raw_text_is_split_as_by_the_tokenizer(self, tokenizer, tmp_path):
        (tmp_path / "a.txt").write_text("I can't see the river's bank.\n")
        settings = plan(batch_size=1, num_steps=11, is_raw=True)
        batch = next(iter(Windows(TextFiles([tmp_path / "a.txt"]), tokenizer, settings, True)))[0]
        encoded = tokenizer("I can't see the river's bank.", return_tensors="pt")
        assert torch.equal(batch["character_ids"][0, :10], encoded["character_ids"][0, :-1])
        assert torch.equal(batch["backward_character_ids"][0, -10:], encoded["character_ids"][0, 1:])


class TestSentenceRows:
    def test_are_what_the_tokenizer_gives(self, shards, tokenizer):
        corpus = TextFiles([shards])
        rows = SentenceRows(corpus, tokenizer, plan(), True)
        texts = take(rows.sentences.read_from(0), 20)
        for start, (batch, _) in zip(range(0, 20, 4), rows):
            words = [text.split() for text in texts[start : start + 4]]
            expected = tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
            assert torch.equal(batch["character_ids"], expected["character_ids"])
            assert torch.equal(batch["attention_mask"], expected["attention_mask"])
            mask = expected["attention_mask"].bool()
            assert torch.equal(batch["labels"], torch.where(mask, expected["input_ids"], IGNORED_LABEL))

    @pytest.mark.parametrize("stop", [1, 4, 30])
    def test_resume_where_they_were(self, shards, tokenizer, stop):
        corpus = TextFiles([shards])
        items = take(SentenceRows(corpus, tokenizer, plan(), True), stop + 3)
        resumed = take(SentenceRows(corpus, tokenizer, plan(), True, items[stop - 1][1]), 3)
        for (batch, _), (other, _) in zip(items[stop:], resumed):
            assert all(torch.equal(batch[name], other[name]) for name in batch)

    def test_a_long_sentence_is_cut(self, tokenizer, tmp_path):
        (tmp_path / "a.txt").write_text("the bank " * 1000)
        settings = plan(batch_size=1, seed=None)
        [(batch, _)] = SentenceRows(TextFiles([tmp_path / "a.txt"]), tokenizer, settings, True)
        assert batch["input_ids"].shape == (1, MAX_WORDS_PER_ROW)
        assert batch["input_ids"][0, -1] == tokenizer.eos_token_id


class TestWordEncoder:
    def test_words_that_are_forgotten_come_back(self, tokenizer, monkeypatch):
        expected = WordEncoder(tokenizer, True)
        monkeypatch.setattr("modeling_elmo.pretraining.windows.MAX_CACHED_WORDS", 5)
        encoder = WordEncoder(tokenizer, True)
        for number in range(30):
            words = ["the", f"word{number}", f"word{number % 3}", "日本" * number]
            for found, wanted in zip(encoder.encode(words), expected.encode(words)):
                assert np.array_equal(found, wanted)

    @pytest.mark.parametrize("word", ["<PAD>", "<MASK>"])
    def test_what_is_never_predicted_is_an_unknown_word(self, tokenizer, word):
        assert WordEncoder(tokenizer, True).encode([word])[0].tolist() == [0, 2, 1]

    @pytest.mark.parametrize("missing", ["<S>", "</S>", "<UNK>"])
    def test_a_vocabulary_without_its_special_tokens(self, missing):
        tokenizer = ElmoTokenizer(vocab=[word for word in VOCABULARY if word != missing])
        with pytest.raises(ValueError, match=f"special tokens <S>, </S>, <UNK> among its words, found no {missing}"):
            WordEncoder(tokenizer, True)

    def test_a_vocabulary_with_padding_in_it(self):
        with pytest.raises(ValueError, match="<PAD> and <MASK> must not be among its words"):
            WordEncoder(ElmoTokenizer(vocab=[*VOCABULARY[:3], "<PAD>", "the"]), True)


class Rows:
    """A stand-in for a streamed dataset: rows that can be skipped."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(self.rows)

    def skip(self, count):
        self.skips = [*getattr(self, "skips", []), count]
        return Rows(self.rows[count:])


class TestWindowsOfAStreamedDataset:
    def test_epochs_hold_every_row_once(self, tokenizer):
        rows = [{"text": f"word{number}"} for number in range(25)] + [{"text": ""}] * 30
        corpus = StreamedDataset(Rows(rows), rows_per_block=10)
        stream = Windows(corpus, tokenizer, plan(), True).directions[0].sentences.read_from(0)
        texts = take(stream, 50)
        assert sorted(texts[:25]) == sorted(texts[25:]) == sorted(row["text"] for row in rows[:25])
        assert texts[:25] != texts[25:]

    def test_each_direction_goes_through_it_in_one_go(self, tokenizer, monkeypatch):
        monkeypatch.setattr("modeling_elmo.pretraining.windows.CHUNK_LINES", 1)
        rows = Rows([{"text": f"word{number}"} for number in range(25)])
        windows = Windows(StreamedDataset(rows, rows_per_block=2), tokenizer, plan(batch_size=1), True)
        take(windows, 6)
        # Skipping reads what it skips.
        assert rows.skips == [0, 0]

    def test_resumes_where_it_was(self, tokenizer):
        corpus = StreamedDataset(Rows([{"text": f"the word{number} bank"} for number in range(25)]), rows_per_block=10)
        items = take(Windows(corpus, tokenizer, plan(), True), 20)
        resumed = take(Windows(corpus, tokenizer, plan(), True, items[9][1]), 10)
        assert all(torch.equal(a["character_ids"], b["character_ids"]) for (a, _), (b, _) in zip(items[10:], resumed))

    def test_without_text_is_reported(self, tokenizer):
        with pytest.raises(ValueError, match="this corpus holds no text"):
            next(iter(Windows(StreamedDataset(Rows([])), tokenizer, plan(), True)))


def test_rows_must_be_divisible():
    assert [*rows_of_process(6, 1, 2)] == [3, 4, 5]
    with pytest.raises(ValueError, match="expected a multiple of the number of processes, 4, found 6"):
        rows_of_process(6, 0, 4)


def test_a_position_can_be_kept_while_reading_goes_on():
    position = StreamPosition.start(2)
    kept = position.copy()
    position.taken_R += 1
    assert kept.taken_R.tolist() == [0, 0]
