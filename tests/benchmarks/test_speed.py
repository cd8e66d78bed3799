# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run, refuse to time what is wrong, and count what they say they count. No time is asserted."""

import gzip
import json
import lzma
import sys

import numpy as np
import pytest
import torch

from benchmarks.speed import (
    allennlp_elmo,
    correctness,
    embedding,
    full_size_model,
    growth,
    inference,
    loading,
    measurement,
    pretraining,
    report,
    roofline,
    sentences,
    tokenization,
    training,
)
from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer


KEYS = {
    inference: {
        *("cpu", "memory_gb_per_second", "product_gflop_per_second", "step_weights_gb_per_second"),
        "batches",
        "times_allennlp",
        "lengths",
        "threads_at_batch_32",
        "peak_memory_mib",
    },
    training: {
        *("words", "words_per_second", "frozen_times_inference", "tagger_times_inference"),
        *("remembering_times_tagger", "times_allennlp", "share_of_bound", "peak_memory_mib"),
    },
    tokenization: {"words", "words_per_second", "times_allennlp"},
    growth: {"cpu", "length", "batch_size", "vocabulary", "processes"},
    loading: {"seconds", "times_allennlp", "peak_memory_mib"},
    embedding: {"words", "words_per_second", "share_of_the_model_alone", "long_line_mib"},
}


def name_of(benchmark):
    return benchmark.__name__.rpartition(".")[2]


def run_quickly(benchmark, **kwargs):
    benchmark.main(**{"repeats": 1, "threads": 1, "quick": True, "json_only": True, **kwargs})


@pytest.mark.parametrize("benchmark", KEYS, ids=name_of)
def test_a_benchmark_runs_and_ends_with_one_json_line(benchmark, monkeypatch, capsys):
    if benchmark is not loading:
        # One benchmark shows that new processes work; each costs seconds.
        monkeypatch.setattr(benchmark, "in_fresh_process", lambda function, *args: function(*args), raising=False)
        monkeypatch.setattr(benchmark, "rate_of_processes", lambda *args: 1.0, raising=False)
    run_quickly(benchmark)
    (line,) = capsys.readouterr().out.splitlines()
    figures = json.loads(line)
    assert figures["benchmark"] == name_of(benchmark)
    assert figures.keys() == {"benchmark", "threads", "torch", "transformers"} | KEYS[benchmark]
    if "times_allennlp" in figures:
        assert (figures["times_allennlp"] is not None) == allennlp_elmo.is_available()


def test_inference_reports_every_size_and_type(monkeypatch, capsys):
    monkeypatch.setattr(inference, "in_fresh_process", lambda function, *args: 0.0)
    run_quickly(inference, json_only=False)
    *tables, line = capsys.readouterr().out.splitlines()
    figures = json.loads(line)
    ours = [row for row in figures["batches"] if row["model"] != "allennlp"]
    assert [(row["batch_size"], row["sentences"], row["model"]) for row in ours] == [
        (size, order, dtype)
        for size, order in ((1, "as they come"), (32, "as they come"), (64, "by length"))
        for dtype in ("float32", "bfloat16", "int8")
    ]
    assert [row["length"] for row in figures["lengths"][::3]] == inference.QUICK_LENGTHS
    assert all(row["words_per_second"] > 0 and row["share_of_bound"] > 0 for row in ours)
    assert "Sentences" in tables
    assert any(line.startswith("One text") for line in tables)


def test_pretraining_reports_every_preset(monkeypatch, capsys):
    monkeypatch.setattr(pretraining, "in_fresh_process", lambda function, *args: function(*args))
    pretraining.main(steps=2, threads=1, quick=True)
    *tables, line = capsys.readouterr().out.splitlines()
    figures = json.loads(line)
    assert list(figures["presets"]) == ["tiny", "small", "original"]
    for found in figures["presets"].values():
        assert found["words_per_second"] > 0
        assert found["share_of_roofline"] > 0
    assert "Training steps" in tables
    with pytest.raises(ValueError, match="preset: expected one of tiny, small, original, found 'huge'"):
        pretraining.main(presets=["huge"])


def test_wrong_gradients_of_pretraining_get_no_speed(monkeypatch, capsys):
    forward = pretraining.ElmoForPreTraining.forward

    def same_loss_twice_the_gradients(self, *args, **kwargs):
        output = forward(self, *args, **kwargs)
        output.loss = output.loss + (output.loss - output.loss.detach())
        return output

    monkeypatch.setattr(pretraining.ElmoForPreTraining, "forward", same_loss_twice_the_gradients)
    with pytest.raises(correctness.WrongResultError, match="gradients: expected a slope"):
        pretraining.main(["tiny"], steps=1, threads=1, quick=True, json_only=True)
    assert capsys.readouterr().out == ""


def test_operations_of_a_training_step():
    config = ElmoConfig(**full_size_model.TINY, num_negative_samples=9)
    # One row, two words of three and two letters, the other way round for the backward direction.
    ids = torch.full((1, 2, 50), 261)
    ids[0, :, 0] = 259
    ids[0, 0, 1:5], ids[0, 1, 1:4] = torch.tensor([98, 99, 100, 260]), torch.tensor([98, 99, 260])
    batch = {"input_ids": torch.zeros(1, 2), "character_ids": ids, "backward_character_ids": ids.flip(1)}
    lstm = 2 * full_size_model.lstm_flop_per_word(config)
    encoder = 2 * full_size_model.character_encoder_flop_per_word(config, 5)
    softmax = 4 * 2 * config.projection_size * 10
    assert pretraining.step_flop(config, batch) == 3 * (lstm + encoder + softmax)


def test_random_words_are_different_and_frequent_ones_short():
    words = pretraining.random_words(5000)
    assert len(set(words)) == 5000
    assert all(word.isalpha() and len(word) <= pretraining.LONGEST_WORD for word in words)
    assert np.mean([len(word) for word in words[:20]]) < np.mean([len(word) for word in words[-500:]])
    assert words[:10] == pretraining.random_words(5000)[:10]


@pytest.fixture
def wrong_vectors(monkeypatch):
    """Makes the model's vectors wrong by a little, where asked."""

    def make(is_wrong=lambda model: True):
        forward = ElmoModel.forward

        def wrong(self, *args, **kwargs):
            output = forward(self, *args, **kwargs)
            if is_wrong(self):
                shifted = output.last_hidden_state.clone()
                # One word of one sentence, as a fault in the packing would leave it.
                shifted[0, 1] = -shifted[0, 1]
                output.last_hidden_state = shifted
            return output

        monkeypatch.setattr(ElmoModel, "forward", wrong)

    return make


@pytest.mark.parametrize("benchmark", [inference, training, loading], ids=name_of)
def test_wrong_vectors_get_no_speed(benchmark, wrong_vectors, capsys):
    wrong_vectors()
    with pytest.raises(correctness.WrongResultError, match="expected vectors within 1e-05"):
        run_quickly(benchmark, json_only=False)
    assert "words per second" not in capsys.readouterr().out


def test_wrong_vectors_in_half_precision_alone_get_no_speed(wrong_vectors, capsys):
    wrong_vectors(lambda model: model.dtype == torch.bfloat16)
    with pytest.raises(correctness.WrongResultError, match=r"bfloat16.* expected a cosine above 0.999"):
        run_quickly(inference)
    assert capsys.readouterr().out == ""


def test_sentences_that_nobody_compared_get_no_speed(tiny_config):
    model, batches = ElmoModel(tiny_config()).eval(), inference.batches_of([["a", "b"]], 1)
    with pytest.raises(correctness.WrongResultError, match="no sentence was compared"):
        inference.check("batch", model, batches, {})


def test_wrong_gradients_get_no_speed(monkeypatch, capsys):
    forward = ElmoModel.forward

    def same_values_twice_the_gradients(self, *args, **kwargs):
        output = forward(self, *args, **kwargs)
        vectors = output.last_hidden_state
        output.last_hidden_state = vectors + (vectors - vectors.detach())
        return output

    monkeypatch.setattr(ElmoModel, "forward", same_values_twice_the_gradients)
    with pytest.raises(correctness.WrongResultError, match="gradient"):
        run_quickly(training)
    assert capsys.readouterr().out == ""


def test_wrong_character_ids_get_no_speed(monkeypatch, capsys):
    call = ElmoTokenizer.__call__

    def wrong(self, *args, **kwargs):
        inputs = call(self, *args, **kwargs)
        inputs["character_ids"][-1, 2, 1] += 1
        return inputs

    monkeypatch.setattr(ElmoTokenizer, "__call__", wrong)
    with pytest.raises(correctness.WrongResultError, match="batch 0 has wrong character ids"):
        run_quickly(tokenization)
    assert capsys.readouterr().out == ""


def test_a_wrong_result_ends_the_command_in_one_line(monkeypatch, capsys):
    def main():
        raise correctness.WrongResultError("the vectors are wrong")

    monkeypatch.setattr(sys, "argv", ["benchmark"])
    with pytest.raises(SystemExit) as stopped:
        report.run(main)
    assert stopped.value.code == "WrongResultError: the vectors are wrong"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_vectors_with_nan_are_wrong(dtype):
    expected = torch.randn(3, 4)
    correctness.check_vectors("same", expected.to(dtype), expected)
    found = expected.clone()
    found[1, 2] = float("nan")
    with pytest.raises(correctness.WrongResultError, match="bad"):
        correctness.check_vectors("bad", found.to(dtype), expected)
    with pytest.raises(correctness.WrongResultError, match=r"expected vectors \(3, 4\), found \(2, 4\)"):
        correctness.check_vectors("short", expected[:2].to(dtype), expected)


@pytest.mark.parametrize(
    ("factors", "direction"),
    [((1, 1, 1), None), ((2, 2, 2), "gradients"), ((1, 3, 1), "gradients"), ((0, 1, 1), "parameters")],
)
def test_gradients_are_held_to_the_slope_of_the_loss(factors, direction):
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
    before = weight.detach().clone()

    def loss():
        return weight.square().sum()

    loss().backward()
    weight.grad *= torch.tensor(factors)
    if direction is None:
        correctness.check_gradients([weight], loss)
        assert torch.equal(weight.detach(), before)
    else:
        with pytest.raises(correctness.WrongResultError, match=f"expected a slope of .* along the {direction}"):
            correctness.check_gradients([weight], loss)


def test_rivals_take_turns():
    order = []
    seconds = measurement.median_seconds({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert seconds.keys() == {"a", "b"}


def test_the_number_of_threads_is_restored():
    before = torch.get_num_threads()
    with measurement.num_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_operations_of_the_published_model():
    config = ElmoConfig()
    # Gates 4096 x 4 from 512 + 512, projection 4096 to 512; two directions, two layers.
    assert full_size_model.lstm_flop_per_word(config) == 4 * 2 * (16384 * 1024 + 4096 * 512) == 150_994_944
    convolutions = sum((50 - width + 1) * width * 16 * number for width, number in config.character_filters)
    longest = full_size_model.character_encoder_flop_per_word(config, 50)
    assert longest == 2 * (convolutions + 2 * 2 * 2048**2 + 2048 * 512)
    assert full_size_model.character_encoder_flop_per_word(config, 43) == longest
    assert full_size_model.character_encoder_flop_per_word(config, 42) < longest


def test_padding_and_repeated_words_are_not_counted():
    config = ElmoConfig(**full_size_model.TINY)

    def flop(batch):
        return full_size_model.needed_flop(config, inference.Batch.of(batch).inputs["character_ids"])

    lstm = full_size_model.lstm_flop_per_word(config)
    # <S>, </S> and one word of three letters with its two marks.
    encoder = full_size_model.character_encoder_flop_per_word(config, 5)
    assert flop([["abc"]]) == 3 * (lstm + encoder)
    assert flop([["abc", "abc", "abc"], ["abc"]]) == 8 * lstm + 3 * encoder
    assert flop([["abc", "ab"]]) == 4 * (lstm + encoder)


class TestBound:
    def limits(self, **kwargs):
        rates = {"product_rate": 1e9, "float_rate": 1e9, "memory_rate": 1e15, "step_rate": 1e15, **kwargs}
        return roofline.Limits(weight_bytes=4, **rates)

    def test_products_alone_take_their_operations(self):
        config = ElmoConfig(**full_size_model.TINY)
        ids = inference.Batch.of([["abc", "ab", "abc"], ["a"]]).inputs["character_ids"]
        seconds, of_memory = self.limits().bound(config, ids)
        assert seconds == pytest.approx(full_size_model.needed_flop(config, ids) / 1e9)
        assert of_memory == 0
        assert self.limits().bound(config, ids, is_training=True)[0] == pytest.approx(3 * seconds)

    def test_reading_alone_takes_the_weights_of_every_step(self):
        config = ElmoConfig(**full_size_model.TINY)
        ids = inference.Batch.of([["abc", "ab", "abc"], ["a"]]).inputs["character_ids"]
        limits = self.limits(product_rate=1e30, float_rate=1e30, memory_rate=1e9, step_rate=1e9)
        seconds, of_memory = limits.bound(config, ids)
        # Five steps, boundaries included. Cells 24, projection 8; filters 24, two highway layers.
        recurrent, inputs, encoder = 4 * 24 * 8 + 24 * 8, 4 * 24 * 8, 2 * 2 * 24**2 + 24 * 8
        assert seconds == of_memory == pytest.approx(4 * (4 * (5 * recurrent + inputs) + encoder) / 1e9)

    def test_each_step_waits_for_the_slower_of_the_two(self):
        config = ElmoConfig(**full_size_model.TINY)
        ids = inference.Batch.of([["a", "b", "c"], ["d"]]).inputs["character_ids"]
        # Reading a weight of four bytes takes as long as three rows' operations, or one and a half.
        for rate, steps in ((4e9 / 6, 5 * 3), (4e9 / 3, 3 * 2 + 2 * 1.5)):
            seconds, _ = self.limits(step_rate=rate).bound(config, ids)
            others = full_size_model.needed_flop(config, ids) / 1e9 - 8 * 2 * (4 * 24 * 8 + 24 * 8) * 4 / 1e9
            assert seconds == pytest.approx(others + steps * 2 * (4 * 24 * 8 + 24 * 8) * 4 / 1e9)


def test_synthetic_sentences_have_the_lengths_and_repetitions_that_they_claim():
    made = sentences.synthetic_sentences(1000)
    lengths = [len(sentence) for sentence in made]
    assert min(lengths) >= sentences.SHORTEST
    assert max(lengths) <= sentences.LONGEST
    assert np.mean(lengths) == pytest.approx(22, abs=1)
    words = [word for sentence in made for word in sentence]
    assert len(set(words[:700])) / 700 == pytest.approx(0.49, abs=0.06)
    assert np.mean([len(word) for word in words]) == pytest.approx(4.3, abs=0.5)
    assert made[:10] == sentences.get_sentences(10)


@pytest.mark.parametrize(("suffix", "open_file"), [(".txt", open), (".gz", gzip.open), (".xz", lzma.open)])
def test_sentences_of_a_file(tmp_path, suffix, open_file):
    path = tmp_path / f"text{suffix}"
    with open_file(path, "wt", encoding="utf-8") as file:
        file.write("It doesn't rain. No.\n\nDo naïve words count, then?\n")
    assert sentences.get_sentences(2, path) == [
        ["It", "does", "n't", "rain", "."],
        ["Do", "naïve", "words", "count", ",", "then", "?"],
    ]
    with pytest.raises(ValueError, match="expected 3 sentences of 3 to 80 words, found 2"):
        sentences.get_sentences(3, path)
