# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run starts from: presets, vocabularies, existing models."""

import pytest
import torch
from transformers import AutoModel

from modeling_elmo.conversion_scripts import OriginalFiles, convert
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import from_model, from_preset, preset_config
from modeling_elmo.pretraining.job import pretrain
from modeling_elmo.pretraining.perplexity import load_language_model
from tests.helpers.original_format import make_options, write_model
from tests.helpers.training_examples import WORDS, losses, settings, start


@pytest.mark.parametrize("name", ["tiny", "small", "medium", "original"])
def test_presets(name):
    config = preset_config(name, 100)
    assert (config.vocab_size, config.pad_token_id, config.freeze_bilm) == (100, 98, False)
    # That of bilm-tf's `train_elmo.py`.
    assert config.lstm_dropout == 0.1
    assert preset_config(name, 100, lstm_dropout=0.0).lstm_dropout == 0.0
    assert config.projection_size == {"tiny": 128, "small": 128, "medium": 256, "original": 512}[name]


def test_no_such_preset():
    with pytest.raises(ValueError, match="preset: expected one of tiny, small, medium, original, found 'huge'"):
        preset_config("huge", 100)


SMALL = {
    "cell_size": 6,
    "projection_size": 4,
    "character_embedding_size": 3,
    "character_filters": [[1, 4], [3, 5]],
    "num_negative_samples": 4,
}


@pytest.mark.parametrize("missing", ["<S>", "</S>", "<UNK>"])
def test_a_vocabulary_without_its_special_tokens(tmp_path, missing):
    (tmp_path / "vocab.txt").write_text("\n".join(word for word in WORDS if word != missing))
    with pytest.raises(ValueError, match=rf"vocab\.txt: expected the special tokens .* found no {missing}"):
        from_preset("tiny", tmp_path / "vocab.txt", 0)


def test_a_vocabulary_that_repeats_a_word(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*WORDS, "the"]))
    with pytest.raises(ValueError, match=r"vocab\.txt: words must be distinct, but words 3 and 11 "):
        from_preset("tiny", tmp_path / "vocab.txt", 0)


@pytest.mark.parametrize("line", ["the\t120", "the 120", "   120 the"])
def test_a_vocabulary_with_counts(tmp_path, line):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["<S>", "</S>", "<UNK>", line, line.replace("the", "a")]))
    with pytest.raises(ValueError, match=f"^{path}: line 4: expected a word, found '.*', a word with a count; leave"):
        from_preset("tiny", path, 0)


def test_the_language_is_that_of_the_tokenizer(model_dir, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    french = from_preset("tiny", tmp_path / "vocab.txt", 0, "fr", **SMALL)
    assert french.tokenizer.split_words(["l'eau"]) == [["l'", "eau"]]
    french.tokenizer.save_pretrained(tmp_path / "french")
    french.model.save_pretrained(tmp_path / "french")
    for vocab in (None, tmp_path / "vocab.txt"):
        assert from_model(tmp_path / "french", vocab, 0).tokenizer.language == "fr"
        assert from_model(tmp_path / "french", vocab, 0, "it").tokenizer.language == "it"


def test_a_converted_model_is_trained_on(model_dir, tmp_path):
    converted = AutoModel.from_pretrained(model_dir)
    beginning = from_model(model_dir, None, 0, num_negative_samples=0)
    assert all(parameter.requires_grad for parameter in beginning.model.elmo.layers.parameters())
    for name, tensor in converted.state_dict().items():
        assert torch.equal(beginning.model.elmo.state_dict()[name], tensor)
    (tmp_path / "a.txt").write_text("the bank of the river .\n" * 5)
    corpus = TextFiles([tmp_path / "a.txt"])
    assert pretrain(beginning, corpus, settings(), tmp_path / "out", logging_steps=1, write=len) == 0
    assert losses(tmp_path / "out")[-1][1] < losses(tmp_path / "out")[0][1]


def test_an_int8_model_is_not_trained_on(model_dir, tmp_path):
    AutoModel.from_pretrained(model_dir).quantize().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="found int8; train the model that it was rounded from"):
        from_model(tmp_path, None, seed=0)


def test_another_vocabulary_brings_a_new_softmax(tmp_path):
    start().model.save_pretrained(tmp_path / "model")
    start().tokenizer.save_pretrained(tmp_path / "model")
    old = load_language_model(tmp_path / "model")[0]
    for words in (WORDS[::-1], WORDS[:-2]):
        (tmp_path / "vocab.txt").write_text("\n".join(words))
        new = from_model(tmp_path / "model", tmp_path / "vocab.txt", 0).model
        assert new.lm_head.weight.shape[0] == len(words) + 2
        assert new.lm_head.weight.isfinite().all()
        assert not torch.equal(new.lm_head.weight[:5], old.lm_head.weight[:5])
        layers = old.elmo.layers.state_dict()
        assert all(torch.equal(new.elmo.layers.state_dict()[name], layers[name]) for name in layers)
    same = from_model(tmp_path / "model", None, 0).model
    assert torch.equal(same.lm_head.weight, old.lm_head.weight)


def test_another_vocabulary_for_a_model_that_reads_words(tmp_path):
    start(token_input="words").model.save_pretrained(tmp_path / "model")
    start().tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS[:-1]))
    with pytest.raises(ValueError, match="this model reads words, so it needs the vocabulary it was made with"):
        from_model(tmp_path / "model", tmp_path / "vocab.txt", 0)


def test_no_model(tmp_path):
    with pytest.raises(ValueError, match=r"expected a model directory, found no config\.json in it"):
        from_model(tmp_path, None, 0)


def test_a_converted_model_without_vocabulary_needs_one(tmp_path):
    write_model(tmp_path, make_options())
    convert(OriginalFiles.find(tmp_path), tmp_path / "elmo")
    with pytest.raises(ValueError, match=r"the vocabulary \(pass another as --vocab\): expected the special tokens"):
        from_model(tmp_path / "elmo", None, 0)
