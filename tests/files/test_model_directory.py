# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Model directories: one message for each error."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from modeling_elmo import ElmoForPreTraining, ElmoModel
from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.files.model_directory import check_model_directory, load_model, local_device


@pytest.fixture
def directory(tiny_config, tmp_path):
    ElmoModel(tiny_config()).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_is_loaded_with_the_names_of_missing_weights(directory):
    assert check_model_directory(directory) == directory
    model, missing = load_model(ElmoModel, directory, dtype=torch.float64)
    assert model.dtype == torch.float64
    assert missing == []
    assert load_model(ElmoForPreTraining, directory)[1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "expected a model directory, found no config.json in it"),
        ("{", "config.json: "),
        ("[]", "config.json: expected a model of type 'elmo', found None"),
        ('{"model_type": "bert"}', "config.json: expected a model of type 'elmo', found 'bert'"),
    ],
)
def test_what_is_no_model_directory(tmp_path, config, message):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(ElmoFormatError, match=message) as caught:
        load_model(ElmoModel, tmp_path)
    assert str(caught.value).startswith(str(tmp_path))


def test_weights_of_another_shape_are_named(directory):
    weights = load_file(directory / "model.safetensors")
    name = min(name for name in weights if "lstm" in name)
    save_file({**weights, name: torch.zeros(3)}, directory / "model.safetensors", {"format": "pt"})
    with pytest.raises(ElmoFormatError, match=name):
        load_model(ElmoModel, directory)
    (directory / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ElmoFormatError, match=str(directory)):
        load_model(ElmoModel, directory)


@pytest.mark.parametrize(("rank", "number"), [("0", 0), ("3", 1)])
def test_each_process_of_a_machine_has_its_accelerator(monkeypatch, rank, number):
    monkeypatch.setenv("LOCAL_RANK", rank)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert local_device() == torch.device("cuda", number)
