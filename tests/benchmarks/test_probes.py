# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The probes, end to end."""

import json
import random

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.quality.probes import (
    LayerReader,
    ProbedModelArguments,
    Words,
    main,
    most_frequent_labels,
    nearest_senses,
)
from benchmarks.quality.readers import LabelledWords
from tests.examples.conftest import OTHERS, PEOPLE, PLACES, picture_size, results_of


@pytest.fixture
def tagged(tmp_path):
    rng = random.Random(0)
    lines = []
    for _ in range(60):
        words = [(rng.choice(PEOPLE), "NNP"), ("saw", "VBD"), (rng.choice(PLACES), "NNP"), (rng.choice(OTHERS), "X")]
        lines.append(" ".join(f"{word}_{tag}" for word, tag in words))
    path = tmp_path / "tagged.txt"
    path.write_text("\n".join([*lines, ". . ._:", ""]))
    return path


def senseval(word, senses, number, seed):
    """Instances of a word whose sense the word before it tells."""
    rng, instances = random.Random(seed), []
    for index in range(number):
        sense = rng.randrange(len(senses))
        name, before = senses[sense], ["aaa", "zzz", "mmm"][sense]
        context = (
            f'<wf pos="X">{rng.choice(OTHERS)}</wf> <wf pos="X">{before}</wf> <head> <wf pos="NN">{word}</wf></head>'
        )
        answer = f'<answer instance="{word}.{index}" senseid="{name}"/>'
        instances.append(
            f'<instance id="{word}.{index}">{answer}<context>{context} <wf pos=".">.</wf></context></instance>'
        )
    return f'<corpus lang="en"><lexelt item="{word}-n">{"".join(instances)}</lexelt></corpus>'


@pytest.fixture
def senses(tmp_path):
    (tmp_path / "line.pos").write_text(senseval("line", ["cord", "text", "phone"], 60, 0))
    (tmp_path / "hard.pos").write_text(senseval("hard", ["HARD1", "HARD2"], 40, 1))
    return [tmp_path / "line.pos", tmp_path / "hard.pos"]


@pytest.fixture
def probe(tmp_path):
    def probe(**arguments):
        defaults = {"output_dir": tmp_path / "run", "learning_rate": 0.03, "num_train_epochs": 15}
        command = []
        for name, value in {**defaults, **arguments}.items():
            command += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
        return main(command)

    return probe


def test_parts_of_speech_are_read_from_every_layer(probe, tagged, elmo_dir, tmp_path):
    results = probe(model_name_or_path=elmo_dir, task="part_of_speech", train_files=tagged, seeds=[1, 2])
    assert results["layer_0_accuracy"] > 0.9
    assert set(results) >= {f"layer_{layer}_accuracy_std" for layer in range(3)}
    # The last line is one word with a tag and two without.
    assert results["test_words"] % 4 in (0, 1)
    assert results_of(tmp_path / "run") == results
    for name in ("probes.png", "learning_curves.png"):
        (width, height), num_coloured = picture_size(tmp_path / "run" / name)
        assert min(width, height) > 300
        assert num_coloured > 200


def test_word_senses_need_context(probe, senses, elmo_dir):
    results = probe(model_name_or_path=elmo_dir, task="word_sense", train_files=senses, test_fraction=0.3)
    # The token embedding knows nothing of the words around.
    for name in ("accuracy", "nearest_sense"):
        assert results[f"layer_1_{name}"] > 0.9
        assert results[f"layer_0_{name}"] < 0.8
    assert results["most_frequent_label"] < 0.8
    assert results["layer_1_accuracy_hard-n"] > 0.9
    assert results["test_words"] == 30


def test_a_bert_is_probed_by_the_same_command(probe, tagged, bert_dir):
    results = probe(model_name_or_path=bert_dir, task="part_of_speech", train_files=tagged, pooling="first")
    assert results["layer_0_accuracy"] > 0.6
    assert "layer_2_accuracy" in results


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_vectors_of_split_words_are_pooled_in_the_order_of_the_sentences(bert_dir, pooling):
    sentences = [
        LabelledWords(["the", "Ada", "saw"], [None, "A", "B"], "x"),
        LabelledWords(["river"], ["C"], "y"),
    ]
    words = LayerReader(ProbedModelArguments(bert_dir, pooling=pooling)).read(sentences, "test")
    assert (words.labels, words.groups, words.forms) == (["A", "B", "C"], ["x", "x", "y"], ["ada", "saw", "river"])
    tokenizer, model = AutoTokenizer.from_pretrained(bert_dir), AutoModel.from_pretrained(bert_dir)
    encoded = tokenizer(sentences[0].words, is_split_into_words=True, return_tensors="pt")
    columns = [at for at, word in enumerate(encoded.word_ids()) if word == 1]
    assert len(columns) == 3
    with torch.no_grad():
        states = model(**encoded, output_hidden_states=True).hidden_states
    for layer, state in enumerate(states):
        expected = state[0, columns].mean(0) if pooling == "mean" else state[0, columns[0]]
        torch.testing.assert_close(words.layers[layer, 0], expected, atol=1e-5, rtol=1e-4)


def test_static_vectors_are_a_single_layer(probe, tagged, elmo_dir, tmp_path):
    tags = dict.fromkeys(PEOPLE + PLACES, "1 0 0") | dict.fromkeys(OTHERS, "0 0 1") | {"saw": "0 1 0"}
    (tmp_path / "vectors.txt").write_text("".join(f"{word} {values}\n" for word, values in tags.items()))
    data = {"model_name_or_path": elmo_dir, "task": "part_of_speech", "train_files": tagged}
    results = probe(**data, word_vectors=tmp_path / "vectors.txt")
    assert results["layer_0_accuracy"] > 0.9
    assert "layer_1_accuracy" not in results


def test_vectors_of_elmo_are_its_layers(elmo_dir):
    sentences = [LabelledWords(["Ada", "saw"], ["A", "B"]), LabelledWords(["Rome"], ["C"])]
    words = LayerReader(ProbedModelArguments(elmo_dir)).read(sentences, "test")
    tokenizer, model = AutoTokenizer.from_pretrained(elmo_dir), AutoModel.from_pretrained(elmo_dir)
    with torch.no_grad():
        batch = tokenizer([["Ada", "saw"]], is_split_into_words=True, return_tensors="pt")
        states = model(**batch, output_hidden_states=True).hidden_states
    expected = torch.stack([state[0, 1:3] for state in states])
    torch.testing.assert_close(words.layers[:, :2], expected, atol=1e-5, rtol=1e-4)


def test_finished_probes_are_not_trained_again(probe, tagged, elmo_dir, tmp_path):
    arguments = {"model_name_or_path": elmo_dir, "task": "part_of_speech", "train_files": tagged}
    probe(**arguments)
    path = tmp_path / "run/probes.json"
    state = json.loads(path.read_text())
    state["probes"]["layer_1_seed_1"]["accuracy"] = 0.123
    del state["probes"]["layer_2_seed_1"]
    path.write_text(json.dumps(state))
    results = probe(**arguments, resume_from_checkpoint=True)
    assert results["layer_1_accuracy"] == 0.123
    assert results["layer_2_accuracy"] > 0.123
    with pytest.raises(SystemExit, match=r"batch_size: expected 64, as in .*probes.json, found 7: choose another"):
        probe(**arguments, resume_from_checkpoint=True, batch_size=7)
    path.write_text(path.read_text()[:40])
    with pytest.raises(SystemExit, match=r"probes.json: not a JSON file"):
        probe(**arguments, resume_from_checkpoint=True)


class TestClassifiersWithoutTraining:
    @staticmethod
    def words(vectors, labels, forms=None):
        return Words(torch.tensor([vectors]), labels, [""] * len(labels), forms or ["w"] * len(labels))

    def test_nearest_sense_is_that_of_the_mean_with_the_nearest_direction(self):
        train = self.words([[1.0, 0.0], [3.0, 0.4], [0.0, 1.0]], ["a", "a", "b"])
        test = self.words([[9.0, 1.0], [0.1, 0.2], [0.001, 0.0]], ["", "", ""])
        assert nearest_senses(train, test, 0) == ["a", "b", "a"]

    def test_most_frequent_label_is_that_of_the_word_or_of_all(self):
        train = self.words([[0.0]] * 4, ["N", "N", "V", "V"], ["dog", "run", "run", "run"])
        assert most_frequent_labels(train, self.words([[0.0]] * 3, [""] * 3, ["dog", "run", "new"])) == ["N", "V", "N"]


class TestErrors:
    @pytest.fixture
    def fails(self, probe, elmo_dir):
        def fails(**arguments):
            with pytest.raises(SystemExit) as error:
                probe(**{"model_name_or_path": elmo_dir, **arguments})
            message = str(error.value)
            assert message.startswith("error: ")
            assert "\n" not in message
            return message

        return fails

    def test_a_file_that_is_missing(self, fails):
        message = fails(task="part_of_speech", train_files="nowhere.txt")
        assert "No such file or directory: 'nowhere.txt'" in message

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("train_fraction", 7.0, "more than 0 and at most 1"),
            ("test_fraction", -0.5, "at least 0 and less than 1"),
            ("max_sentences", -3, "at least 1"),
            ("batch_size", 0, "at least 1"),
            ("encoding_batch_size", 0, "at least 1"),
            ("seeds", [1, 1], "each once"),
        ],
    )
    def test_an_argument_out_of_range(self, fails, tagged, name, value, expected):
        message = fails(task="part_of_speech", train_files=tagged, **{name: value})
        assert message.startswith(f"error: {name}: expected {expected}, found ")

    def test_a_file_without_tags(self, fails, tmp_path):
        (tmp_path / "plain.txt").write_text("no tags here\n")
        assert "plain.txt: expected words with tags" in fails(task="part_of_speech", train_files=tmp_path / "plain.txt")

    def test_a_file_that_is_not_xml(self, fails, tagged):
        assert "tagged.txt: not an XML file" in fails(task="word_sense", train_files=tagged)

    def test_an_instance_without_its_word(self, fails, tmp_path):
        text = senseval("line", ["cord", "text"], 9, 0).replace("<head>", "<b>").replace("</head>", "</b>")
        (tmp_path / "line.pos").write_text(text)
        assert "instance line.0" in fails(task="word_sense", train_files=tmp_path / "line.pos")

    def test_a_word_without_training_data(self, fails, senses):
        message = fails(task="word_sense", train_files=senses[0], test_files=senses[1])
        assert "hard-n" in message
