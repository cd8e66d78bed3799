# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Parity measured at conversion: small where the conversion is right, and an error where it is not."""

import re

import pytest
import torch
from hypothesis import given, settings

from modeling_elmo.conversion_scripts import ElmoFormatError, OriginalFiles, convert, export, original_hdf5
from modeling_elmo.conversion_scripts.parity import measure_parity
from tests.helpers.original_format import make_options, make_weights, write_model
from tests.helpers.variants import options_of_every_kind

from .conftest import WORDS, contents


def measured(directory, files):
    return measure_parity(directory, original_hdf5.read_original(files))


@settings(max_examples=15)
@given(options_of_every_kind())
def test_of_models_of_every_kind_is_rounding(tmp_path_factory, options):
    directory = tmp_path_factory.mktemp("variant")
    write_model(directory / "source", options, make_weights(options, num_words=len(WORDS)), words=WORDS)
    files = OriginalFiles.find(directory / "source")
    convert(files, directory / "elmo")
    differences = measured(directory / "elmo", files)
    assert len(differences) == 1 + (options["lstm"].get("n_layers") or 1)
    assert max(differences) < 1e-4


def test_of_a_single_layer_under_its_own_name(source, tmp_path):
    options = make_options(n_layers=1)
    weights = {name.replace("MultiRNNCell/Cell0/", ""): values for name, values in make_weights(options).items()}
    write_model(source, options, weights, words=WORDS)
    files = OriginalFiles.find(source)
    convert(files, tmp_path / "elmo")
    assert max(measured(tmp_path / "elmo", files)) < 1e-5


def test_of_a_model_with_token_embeddings(source, tmp_path):
    convert(OriginalFiles.find(source), tmp_path / "elmo")
    export(tmp_path / "elmo", tmp_path / "back", token_embeddings=True)
    table = tmp_path / "back" / "vocab_embedding.hdf5"
    files = OriginalFiles.find(source, token_embeddings=table)
    convert(files, tmp_path / "words")
    assert max(measured(tmp_path / "words", files)) < 1e-5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_of_half_precision_tells_its_rounding(source, tmp_path, dtype):
    files = OriginalFiles.find(source)
    convert(files, tmp_path / "elmo", dtype=dtype)
    assert 1e-4 < max(measured(tmp_path / "elmo", files)) < 0.2


def test_is_told_by_the_card(source, tmp_path):
    files = OriginalFiles.find(source)
    convert(files, tmp_path / "elmo")
    card = (tmp_path / "elmo" / "README.md").read_text()
    rows = re.findall(r"^\| (Token embedding|LSTM layer \d) \| (\de-\d\d) \|$", card, flags=re.MULTILINE)
    assert [name for name, _ in rows] == ["Token embedding", "LSTM layer 1", "LSTM layer 2"]
    for (_, told), difference in zip(rows, measured(tmp_path / "elmo", files)):
        assert float(told) == float(f"{difference:.0e}")


def swap_directions(parameters):
    for name in [name for name in parameters if "forward_lstm" in name]:
        other = name.replace("forward", "backward")
        parameters[name], parameters[other] = parameters[other], parameters[name]


def swap_highway_parts(parameters):
    for name in [name for name in parameters if ".gate." in name]:
        other = name.replace("gate", "transform")
        parameters[name], parameters[other] = parameters[other], parameters[name]


def swap_gates(parameters):
    name = "layers.1.forward_lstm.bias"
    first, second, third, fourth = parameters[name].chunk(4)
    parameters[name] = torch.cat([first, third, second, fourth])


def shift_characters(parameters):
    name = "character_encoder.character_embedding.weight"
    parameters[name] = parameters[name].roll(1, 0)


@pytest.mark.parametrize("mistake", [swap_directions, swap_highway_parts, swap_gates, shift_characters])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_mistake_in_the_conversion_is_refused(source, tmp_path, monkeypatch, mistake, dtype):
    read_weights = original_hdf5.read_weights

    def read_wrongly(*args):
        parameters = read_weights(*args)
        mistake(parameters)
        return parameters

    monkeypatch.setattr(original_hdf5, "read_weights", read_wrongly)
    before = contents(tmp_path)
    with pytest.raises(ElmoFormatError, match=r"weights\.hdf5: the converted model differs by .* from the equations"):
        convert(OriginalFiles.find(source), tmp_path / "elmo", dtype=dtype)
    assert contents(tmp_path) == before
