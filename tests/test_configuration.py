# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from modeling_elmo import ElmoConfig, ElmoTokenizer, configuration


# Millions of parameters, as the authors published them with the models.
PUBLISHED_SIZES = {"small": 13.6, "medium": 28.0, "original": 93.6, "original-5.5b": 93.6, "portuguese": 93.6}


@pytest.mark.parametrize("name", configuration.NAMES)
def test_has_the_published_number_of_parameters(name):
    config = AutoConfig.from_pretrained(configuration.directory(name))
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 1) == PUBLISHED_SIZES[name]


@pytest.mark.parametrize("name", configuration.NAMES)
def test_config_file_says_every_field_of_today(name):
    path = configuration.directory(name) / "config.json"
    stored = json.loads(path.read_text())
    expected = json.loads(ElmoConfig(**stored).to_json_string())
    assert stored == {key: value for key, value in expected.items() if key != "transformers_version"}


@pytest.mark.parametrize("name", configuration.NAMES)
def test_tokenizer_is_that_of_today(name):
    tokenizer = AutoTokenizer.from_pretrained(configuration.directory(name))
    assert type(tokenizer) is ElmoTokenizer
    source = json.loads((configuration.directory(name) / "source.json").read_text())
    today = ElmoTokenizer(language=source["language"])
    assert tokenizer.backend_tokenizer.to_str() == today.backend_tokenizer.to_str()


@pytest.mark.parametrize("name", configuration.NAMES)
def test_names_the_addresses_of_the_original_files(name):
    source = json.loads((configuration.directory(name) / "source.json").read_text())
    assert source["corpus"]
    assert source["language"] in ("en", "pt")
    for kind in ("options", "weights"):
        assert all(address.startswith("https://") for address in source[kind])


def test_refuses_a_name_that_was_never_published():
    with pytest.raises(ValueError, match="expected one of small, medium.*found 'large'"):
        configuration.directory("large")
