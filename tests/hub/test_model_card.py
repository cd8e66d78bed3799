# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Model cards: metadata that the Hub reads, examples under the model's name."""

import pytest
from huggingface_hub import ModelCard

from modeling_elmo import ElmoConfig
from modeling_elmo.hub.model_card import change_card, model_card
from modeling_elmo.model.saved_code import AUTO_MAP


HEADS = [name for name in AUTO_MAP if name.startswith("AutoModelFor") and name != "AutoModelForPreTraining"]


def config_of(auto_class, **kwargs):
    return ElmoConfig(architectures=[AUTO_MAP[auto_class].rpartition(".")[2]], **kwargs)


def test_metadata():
    card = ModelCard(model_card(ElmoConfig(), license="mit", language=["en"]))
    assert card.data.to_dict() == {
        "language": ["en"],
        "library_name": "transformers",
        "license": "mit",
        "pipeline_tag": "feature-extraction",
        "tags": ["elmo", "custom_code"],
    }


def test_what_is_not_known_is_not_there():
    data = ModelCard(model_card(ElmoConfig())).data.to_dict()
    assert data.keys() == {"library_name", "pipeline_tag", "tags"}


@pytest.mark.parametrize("auto_class", HEADS)
def test_a_head_has_its_own_task_and_class(auto_class):
    text = model_card(config_of(auto_class))
    assert ModelCard(text).data.pipeline_tag != "feature-extraction"
    assert f"{auto_class}.from_pretrained(name, trust_remote_code=True)" in text
    assert AUTO_MAP[auto_class].rpartition(".")[2] in text


@pytest.mark.parametrize("auto_class", ["AutoModel", "AutoModelForPreTraining"])
def test_others_extract_features(auto_class):
    card = ModelCard(model_card(config_of(auto_class)))
    assert card.data.pipeline_tag == "feature-extraction"
    assert "AutoModel.from_pretrained(name" in card.text


def test_a_name_stands_in_all_examples():
    text = change_card(model_card(ElmoConfig()), "org/elmo")
    assert text.count('"org/elmo"') == 3
    assert "path/to" not in text


def test_a_card_that_needs_no_change_stays_as_it_is():
    text = "---\nlicense: mit\ntags:\n- a\n---\n\n# Mine\n\ntext \n"
    assert change_card(text, "org/elmo") == text


def test_changes_replace_license_and_language():
    text = model_card(ElmoConfig(), license="mit", language=["en"])
    data = ModelCard(change_card(text, "org/elmo", license="other", language=["de"])).data
    assert (data.license, data.language, data.tags) == ("other", ["de"], ["elmo", "custom_code"])


def test_a_card_without_metadata_gets_some():
    text = change_card("# Mine\n", "org/elmo", license="mit")
    assert ModelCard(text).data.license == "mit"
    assert "# Mine" in text
