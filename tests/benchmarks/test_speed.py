# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run, refuse to time what is wrong, and count what they say they count. No time is asserted."""

import gzip
import importlib
import json
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

import experiment as experiment_of_script
from benchmarks import (
    allennlp_elmo,
    correctness,
    embedding,
    full_size_model,
    inference,
    loading,
    measurement,
    pretraining,
    report,
    results,
    sentences,
    tokenization,
    training,
)
from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer


KEYS = {
    inference: {
        "roofline_gflop_per_second",
        "batches",
        "times_allennlp",
        "lengths",
        "threads_at_batch_32",
        "peak_memory_mib",
    },
    training: {
        *("words", "words_per_second", "frozen_times_inference", "tagger_times_inference"),
        *("remembering_times_tagger", "times_allennlp", "peak_memory_mib"),
    },
    tokenization: {"words", "words_per_second", "times_allennlp"},
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
        for dtype in ("float32", "bfloat16")
    ]
    assert [row["length"] for row in figures["lengths"][::2]] == inference.QUICK_LENGTHS
    assert all(row["words_per_second"] > 0 and row["share_of_roofline"] > 0 for row in ours)
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
    with pytest.raises(correctness.WrongResultError, match="batch 0 has other character ids"):
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
def test_vectors_that_are_no_numbers_are_wrong(dtype):
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


def test_the_packed_product_of_the_roofline_is_the_plain_one():
    input_NI, weight_OI = torch.randn(5, 16), torch.randn(7, 16)
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this build of torch has no packed products")
    packed = measurement._packed_product(input_NI, weight_OI)
    torch.testing.assert_close(packed(), measurement._plain_product(input_NI, weight_OI)())


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


class TestResults:
    """Experiments on public data sets."""

    def test_every_experiment_is_one_that_its_script_understands(self, tmp_path):
        for name in ("masc_tagged/spoken/a.txt", "senseval/line.pos"):
            (tmp_path / "data" / name).parent.mkdir(parents=True)
            (tmp_path / "data" / name).touch()
        names = set()
        for experiment in results.experiments():
            script, *arguments = experiment.command(tmp_path / "data", tmp_path / "model", tmp_path / "runs")
            module = importlib.import_module(Path(script).stem)
            _, *_, training = experiment_of_script.parse_arguments(module.ARGUMENTS, arguments)
            assert training.seeds == [1, 2, 3]
            assert Path(training.output_dir) == tmp_path / "runs" / experiment.name
            names.add(experiment.name)
        assert len(names) == len(list(results.experiments()))

    def test_every_cell_of_the_tables_is_an_experiment(self):
        figures = {}
        for number, experiment in enumerate(results.experiments()):
            metric = (results.PROBES | results.TASKS)[experiment.task].metric
            figures[experiment.name] = {
                "most_frequent_label": [0.5],
                metric: [number / 100 - 0.01, number / 100 + 0.01],
            }
            for layer in range(3):
                probed = {f"layer_{layer}_accuracy": [0.1], f"layer_{layer}_nearest_sense": [0.1]}
                figures[experiment.name] |= {**probed, f"final_mix_share_0_{layer}": [0.2, 0.3]}
        made = results.Tables(figures)
        cells = [cell for _, rows in made.all() for row in rows[1:] for cell in row[1:]]
        assert "-" not in cells
        mix = made.cell(results.Experiment("sst", "mix"))
        assert mix == f"{[each.name for each in results.experiments()].index('sst-mix'):.1f} ± 1.4"
        assert made.mixes()[1][1:] == ["0.25"] * 3

    def test_what_has_no_results_yet_is_a_dash(self):
        assert results.Tables({}).probes()[1][1:] == ["-"] * 4

    def test_figures_of_finished_runs_are_added_to_those_of_others(self, tmp_path):
        file, runs = tmp_path / "results.json", tmp_path / "runs"
        file.write_text('{"word_sense": {"layer_0_accuracy": [0.5]}, "gum-mix": {"test_f1": [0.0]}}')
        found = {
            "gum-mix": {
                "test_f1": 0.45,
                "test_f1_values": [0.4, 0.5],
                "final_mix_share_0_0_values": [0.1, 0.2],
                "test_runtime_values": [1, 2],
                "train_loss_values": [1],
            },
            "part_of_speech": {"layer_0_accuracy_values": [0.9], "most_frequent_label": 0.8},
        }
        for name, values in found.items():
            (runs / name).mkdir(parents=True)
            (runs / name / results.RESULTS).write_text(json.dumps(values))
        (runs / "gum-none").mkdir()
        results.collect(runs, file)
        assert results.read_figures(file) == {
            "word_sense": {"layer_0_accuracy": [0.5]},
            "gum-mix": {"test_f1": [0.4, 0.5], "final_mix_share_0_0": [0.1, 0.2]},
            "part_of_speech": {"layer_0_accuracy": [0.9], "most_frequent_label": [0.8]},
        }

    def test_the_page_shows_the_figures_that_were_collected(self):
        page = (results.FIGURES.parent / "results.md").read_text(encoding="utf-8")
        for _, rows in results.Tables(results.read_figures(results.FIGURES)).all():
            assert results.markdown(rows) in page

    def test_finished_experiments_are_not_run_again_and_models_are_not_kept(self, tmp_path, monkeypatch):
        ran = []

        def run(command, **kwargs):
            output = Path(command[command.index("--output_dir") + 1])
            ran.append(output.name)
            if output.name == "sst-none":
                return subprocess.CompletedProcess(command, 1)
            (output / "seed-1" / "checkpoint-5").mkdir(parents=True)
            for directory in ("seed-1", "seed-1/checkpoint-5"):
                (output / directory / "model.safetensors").touch()
            (output / results.RESULTS).write_text("{}")
            return subprocess.CompletedProcess(command, 0)

        monkeypatch.setattr(results.subprocess, "run", run)
        with pytest.raises(typer.Exit):
            results.run(tmp_path, tmp_path, tmp_path / "runs", only="sst-*", jobs=1)
        assert not [*tmp_path.rglob("checkpoint-*"), *tmp_path.rglob("*.safetensors")]
        first, ran[:] = list(ran), []
        assert len(first) >= 2
        with pytest.raises(typer.Exit):
            results.run(tmp_path, tmp_path, tmp_path / "runs", only="sst-*", jobs=1)
        assert ran == ["sst-none"]
        monkeypatch.setattr(results, "FIGURES", tmp_path / "results.json")
        results.FIGURES.write_text('{"sst-none": {"test_accuracy": [0.4]}}')
        results.run(tmp_path, tmp_path, tmp_path / "others", only="sst-*", missing=True, jobs=1)
        assert ran == ["sst-none", "sst-mix"]
