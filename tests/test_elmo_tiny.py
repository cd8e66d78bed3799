# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model that comes with the project loads offline, has learned English, and tells senses apart."""

import json
import math
import os
import random
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, pipeline

import demo
import modeling_elmo
from modeling_elmo import ElmoForMaskedLM, ElmoForPreTraining, ElmoForTokenClassification, ElmoTokenizer
from modeling_elmo.conversion_scripts import OriginalFiles, convert, export
from modeling_elmo.model.saved_code import AUTO_MAP, code_files
from tests.model.test_remote_code import run_without_package


MODEL = Path(__file__).parents[1] / "models" / "elmo-tiny"

PACKAGE_CODE = Path(modeling_elmo.__file__).parent / "model"

# In the manner of the books that it has read, and in none of them.
SENTENCES = [
    "The old man sat by the fire and said nothing .",
    "She opened the letter with a trembling hand .",
    "It was nearly dark when they came to the house .",
    "I do not know what you mean , he said .",
    "The captain looked at the sea and shook his head .",
    "There was a long silence , and then she began to laugh .",
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(MODEL)


@pytest.fixture(scope="module")
def model():
    return AutoModel.from_pretrained(MODEL).eval()


def test_it_is_small():
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 16e6
    assert {path.name for path in MODEL.iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        *(path.name for path in code_files(PACKAGE_CODE)),
    }


@pytest.mark.skipif(os.name == "nt", reason="git makes no links on Windows by default")
def test_it_carries_the_code_of_the_package():
    for path in code_files(PACKAGE_CODE):
        # A link in the repository, a copy in the sdist.
        assert (MODEL / path.name).read_bytes() == path.read_bytes()
    for name, auto_map in (
        ("config.json", AUTO_MAP),
        ("tokenizer_config.json", {"AutoTokenizer": AUTO_MAP["AutoTokenizer"]}),
    ):
        assert json.loads((MODEL / name).read_text())["auto_map"] == auto_map


@pytest.mark.skipif(os.name == "nt", reason="git makes no links on Windows by default")
def test_without_the_package_it_loads_if_its_code_is_trusted_and_is_refused_otherwise(tmp_path):
    code = """
from transformers import AutoModel, AutoTokenizer
for kind in (AutoTokenizer, AutoModel):
    print(type(kind.from_pretrained(sys.argv[1], trust_remote_code=True)).__name__)
    try:
        kind.from_pretrained(sys.argv[1], trust_remote_code=False)
    except ValueError as error:
        print("trust_remote_code=True" in str(error))
"""
    output = run_without_package(code, MODEL, cache=tmp_path).stdout
    assert output.split() == ["ElmoTokenizer", "True", "ElmoModel", "True"]


def test_its_card_begins_with_metadata_that_the_hub_reads():
    _, metadata, text = (MODEL / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    metadata = yaml.safe_load(metadata)
    assert (metadata["library_name"], metadata["pipeline_tag"]) == ("transformers", "feature-extraction")
    assert {"elmo", "bilm"} <= set(metadata["tags"])
    assert text.startswith("\n# elmo-tiny\n")


def test_it_is_ready_to_compute_and_to_fine_tune(model, tokenizer):
    # It is stored in half the size.
    assert model.dtype == torch.float32
    assert model.config.freeze_bilm
    assert isinstance(tokenizer, ElmoTokenizer)
    head = ElmoForTokenClassification.from_pretrained(MODEL, num_labels=3)
    assert not any(parameter.requires_grad for parameter in head.elmo.layers.parameters())


def test_saved_again_it_has_all_that_a_hub_repository_needs(tokenizer, tmp_path):
    ElmoForPreTraining.from_pretrained(MODEL).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert "AutoModelForMaskedLM" in json.loads((tmp_path / "config.json").read_text())["auto_map"]
    assert (tmp_path / "modeling_elmo.py").is_file()


@torch.no_grad()
def test_it_has_learned_english(tokenizer):
    model = ElmoForPreTraining.from_pretrained(MODEL).eval()

    def perplexities(sentences):
        batch = tokenizer([line.split() for line in sentences], is_split_into_words=True, padding=True)
        batch = batch.convert_to_tensors("pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        output = model(**batch, labels=labels)
        return math.exp(output.forward_loss), math.exp(output.backward_loss)

    shuffled = [" ".join(random.Random(0).sample(line.split(), len(line.split()))) for line in SENTENCES]
    for perplexity, of_shuffled in zip(perplexities(SENTENCES), perplexities(shuffled)):
        assert perplexity < 60
        assert of_shuffled > 10 * perplexity


@pytest.mark.parametrize("word", demo.SENSES)
def test_contextual_vectors_tell_senses_apart_and_layer_0_does_not(model, tokenizer, word):
    groups = demo.SENSES[word].values()
    vectors = demo.word_vectors(model, tokenizer, word, [line.split() for group in groups for line in group])
    senses = torch.tensor([number for number, group in enumerate(groups) for _ in group])
    similarity = (vectors @ vectors.mT).masked_fill(torch.eye(len(senses), dtype=torch.bool), -1)
    assert vectors[0].std(dim=0).max() < 1e-6
    for layer in (1, 2):
        right = senses[similarity[layer].argmax(dim=1)] == senses
        assert right.float().mean() >= 0.7
    assert (senses[similarity.argmax(dim=2)] == senses)[1:].float().mean() > 0.75


def test_it_fills_masks_and_finds_substitutes(tokenizer):
    fill = pipeline("fill-mask", model=AutoModelForMaskedLM.from_pretrained(MODEL), tokenizer=tokenizer)
    assert "I" in {found["token_str"] for found in fill("<MASK> am very glad to see you .", top_k=5)}
    words = ["We", "sat", "on", "the", "bank", "of", "the", "river", "."]
    substitutes = ElmoForMaskedLM.from_pretrained(MODEL).substitutes(tokenizer, words, words.index("bank"), 20)
    assert {"edge", "banks", "side"} & {word for word, _ in substitutes}


def test_it_goes_through_the_original_format_unchanged(model, tokenizer, tmp_path):
    export(MODEL, tmp_path / "original")
    convert(OriginalFiles.find(tmp_path / "original"), tmp_path / "elmo")
    again = AutoModel.from_pretrained(tmp_path / "elmo").state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again[name], tensor), name
