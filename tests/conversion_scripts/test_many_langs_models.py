# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What converted models of ELMoForManyLangs are used for: everything that the English ones are."""

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
    pipeline,
)

from modeling_elmo import ElmoEmbedder, ElmoForTokenClassification, ElmoModel, ElmoTokenizer
from modeling_elmo.conversion_scripts import ElmoFormatError, export
from modeling_elmo.conversion_scripts.convert import convert
from modeling_elmo.conversion_scripts.sources import SourceOptions, open_source
from modeling_elmo.hub.push import _files_to_push
from tests.helpers.many_langs_format import write_model
from tests.model.test_remote_code import run_without_package


KINDS = {"characters": {"word_dim": 0}, "words": {"char_dim": 0}, "both": {}}
SENTENCES = [["今天", "天氣", "真", "好", "阿"], ["the", "cat", "sat", "x" * 30, "new york", "", "<bos>"], ["a"]]


@pytest.fixture(scope="module", params=list(KINDS))
def model_dir(request, tmp_path_factory):
    """A converted model of each kind, larger than the mutual differences of its words."""
    folder = tmp_path_factory.mktemp(request.param)
    write_model(folder / "original", **KINDS[request.param])
    with open_source(folder / "original", SourceOptions()) as source:
        convert(source, folder / "elmo")
    return folder / "elmo"


@pytest.fixture
def tokenizer(model_dir):
    return ElmoTokenizer.from_pretrained(model_dir)


@pytest.fixture
def model(model_dir):
    return ElmoModel.from_pretrained(model_dir).eval()


def layers_of(model, batch):
    with torch.no_grad():
        return torch.stack(model(**batch, output_hidden_states=True).hidden_states)


def encoded(tokenizer, sentences=SENTENCES):
    return tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")


def test_saved_and_loaded_again_everything_is_identical(model_dir, model, tokenizer, tmp_path):
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    names = {path.name for path in model_dir.iterdir()} - {"README.md"}
    assert {path.name for path in tmp_path.iterdir()} == names
    for name in ("config.json", "tokenizer.json", "characters.json"):
        if name in names:
            assert (tmp_path / name).read_bytes() == (model_dir / name).read_bytes()
    again, words = AutoModel.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    batch = encoded(tokenizer)
    assert encoded(words).data.keys() == batch.data.keys()
    assert all(torch.equal(value, batch[name]) for name, value in encoded(words).items())
    assert torch.equal(layers_of(again.eval(), batch), layers_of(model, batch))


@pytest.mark.parametrize("model_dir", ["both"], indirect=True)
def test_loads_without_the_package(model_dir, model, tokenizer, tmp_path):
    code = """
import json, torch
from transformers import AutoModel, AutoTokenizer
directory, out, sentences = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=True)
model = AutoModel.from_pretrained(directory, trust_remote_code=True).eval()
batch = tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
with torch.no_grad():
    torch.save([dict(batch), torch.stack(model(**batch, output_hidden_states=True).hidden_states)], out)
tokenizer.save_pretrained(out + ".saved")
again = AutoTokenizer.from_pretrained(out + ".saved", trust_remote_code=True)
assert again(sentences, is_split_into_words=True) == tokenizer(sentences, is_split_into_words=True)
"""
    out = tmp_path / "out.pt"
    run_without_package(code, model_dir, out, json.dumps(SENTENCES), cache=tmp_path)
    inputs, layers = torch.load(out)
    batch = encoded(tokenizer)
    assert all(torch.equal(value, batch[name]) for name, value in inputs.items())
    torch.testing.assert_close(layers, layers_of(model, batch), atol=1e-6, rtol=0)


def test_threads_share_a_model_and_a_tokenizer(model, tokenizer):
    expected = [layers_of(model, encoded(tokenizer, [sentence])) for sentence in SENTENCES]

    def run(index):
        return torch.equal(layers_of(model, encoded(tokenizer, [SENTENCES[index]])), expected[index])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(run, [0, 1, 2] * 10))


def test_copies_and_pickles_of_the_tokenizer(tokenizer):
    expected = tokenizer(SENTENCES, is_split_into_words=True)
    for other in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert other(SENTENCES, is_split_into_words=True) == expected


def test_padding_on_either_side(model, tokenizer):
    right = layers_of(model, encoded(tokenizer))
    tokenizer.padding_side = "left"
    left = layers_of(model, encoded(tokenizer))
    length = len(SENTENCES[2]) + 2
    torch.testing.assert_close(left[:, 2, -length:], right[:, 2, :length], atol=1e-6, rtol=0)


def test_the_embedder_gives_the_layers_of_the_model(model_dir, model, tokenizer):
    embedder = ElmoEmbedder.from_pretrained(model_dir, layers="all", keep_boundaries=True)
    embedder.model.cpu()
    expected = layers_of(model, encoded(tokenizer))
    for row, vectors in enumerate(embedder.embed(SENTENCES)):
        torch.testing.assert_close(vectors, expected[:, row, : vectors.shape[1]], atol=1e-5, rtol=0)
    pieces = ElmoEmbedder(model, tokenizer, layers="all", piece_words=3)
    for vectors, whole in zip(pieces.embed(SENTENCES), expected.unbind(1)):
        torch.testing.assert_close(vectors.clone(), whole[:, 1 : vectors.shape[1] + 1], atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="requires the tokenizer"):
        ElmoEmbedder(model)


def test_the_embedder_notices_other_characters(model_dir, model, tokenizer):
    before = ElmoEmbedder(model, tokenizer).fingerprint()
    assert ElmoEmbedder(model, ElmoTokenizer.from_pretrained(model_dir)).fingerprint() == before
    settings = tokenizer.character_settings()
    if "characters" in settings:
        names = settings["characters"]["characters"]
        settings["characters"] = {**settings["characters"], "characters": names[::-1]}
    else:
        settings["max_lookup_characters"] = 3
    names = {name: getattr(tokenizer, name) for name in ("bos_token", "eos_token", "unk_token")}
    other = ElmoTokenizer(vocab=tokenizer.get_words()[:-2], **names, **settings)
    assert other.get_vocab() == tokenizer.get_vocab()
    assert ElmoEmbedder(model, other).fingerprint() != before


def test_elmo_embed_of_chinese_words(elmo, model_dir, model, tokenizer, tmp_path):
    (tmp_path / "corpus.txt").write_text("今天 天氣 真 好 阿\nthe cat\n", encoding="utf-8")
    assert elmo("embed", model_dir, tmp_path / "corpus.txt", tmp_path / "vectors.hdf5")[0] == 0
    expected = layers_of(model, encoded(tokenizer))[:, 0, 1:6]
    with h5py.File(tmp_path / "vectors.hdf5") as file:
        np.testing.assert_allclose(file["0"][...], expected.numpy(), atol=1e-5, rtol=0)


def test_caches_give_the_same(model, tokenizer):
    batch = encoded(tokenizer)
    with torch.no_grad():
        expected = model(**batch).last_hidden_state
        model.cache_texts(10**6)
        for _ in range(2):
            torch.testing.assert_close(model(**batch).last_hidden_state, expected, atol=1e-6, rtol=0)
        assert len(model.text_cache) == len(SENTENCES)
        model.cache_texts(0)
        if not model.config.reads_characters:
            with pytest.raises(ValueError, match="requires a model that reads characters"):
                model.cache_vocabulary(SENTENCES[0], tokenizer=tokenizer)
            return
        with pytest.raises(ValueError, match="tokenizer: required"):
            model.cache_vocabulary(SENTENCES[0])
        model.cache_vocabulary(SENTENCES[0], max_new_words=100, tokenizer=tokenizer)
        assert len(model.character_encoder.word_cache) == len(SENTENCES[0]) + 2
        torch.testing.assert_close(model(**batch).last_hidden_state, expected, atol=1e-6, rtol=0)
        # `<bos>` is the boundary, which is there already.
        assert len(model.character_encoder.word_cache) == len(SENTENCES[0]) + 2 + len(SENTENCES[1]) - 1 + 1


def test_a_cached_word_is_not_taken_for_one_of_a_distant_id(tiny_config):
    sizes = {"token_input": "characters_and_words", "word_embedding_size": 2, "vocab_size": 2**16 + 2}
    model = ElmoModel(tiny_config(**sizes)).eval()
    model.cache_vocabulary(max_new_words=10)
    ids = torch.tensor([[1, 2**16 + 1, 1]])
    characters = torch.full((1, 3, 50), 261)
    with torch.no_grad():
        model(input_ids=ids, character_ids=characters)
        assert len(model.character_encoder.word_cache) == 2


def test_one_step_of_a_tagger(model_dir, tokenizer, tmp_path):
    tagger = ElmoForTokenClassification.from_pretrained(model_dir, num_labels=2, task_lstm_size=4)
    examples = [
        {**tokenizer(sentence, is_split_into_words=True), "labels": [-100, *([1] * len(sentence)), -100]}
        for sentence in SENTENCES
    ]
    arguments = TrainingArguments(
        str(tmp_path), max_steps=2, per_device_train_batch_size=3, report_to=[], use_cpu=True, save_strategy="no"
    )
    trainer = Trainer(
        tagger,
        arguments,
        train_dataset=examples,
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
    )
    before = copy.deepcopy(tagger.state_dict())
    assert np.isfinite(trainer.train().training_loss)
    changed = {name for name, value in tagger.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    # The biLM is frozen, and boundaries are not words.
    assert not any(name.startswith(("elmo.layers", "elmo.character", "elmo.word")) for name in changed)
    tagger.save_pretrained(tmp_path / "tagger")
    tokenizer.save_pretrained(tmp_path / "tagger")
    tags = pipeline("token-classification", model=str(tmp_path / "tagger"), device="cpu")("今天 天氣 the cat")
    # Of raw text, each Chinese character is a word.
    assert [tag["word"] for tag in tags] == [*"今天天氣", "the", "cat"]


def test_boundaries_are_no_words_of_a_tagger(model_dir, tokenizer):
    tagger = ElmoForTokenClassification.from_pretrained(model_dir, num_labels=2)
    batch = encoded(tokenizer, [["the", "cat"]])
    ids, characters = batch["input_ids"], batch.get("character_ids")
    found = tagger._find_boundaries(ids, characters, torch.ones_like(ids, dtype=torch.bool))
    assert found.tolist() == [[True, False, False, True]]


def test_all_weights_train(model, tokenizer):
    model.requires_grad_(True).train()
    model.representation_dropout = 0.0
    batch = encoded(tokenizer)
    model(**batch).last_hidden_state.square().sum().backward()
    gradients = {name: value.grad for name, value in model.named_parameters()}
    assert all(value is not None and value.isfinite().all() for value in gradients.values())
    if model.config.reads_characters:
        # No word has the position of padding, but all have padding characters.
        table = gradients["character_encoder.character_embedding.weight"]
        assert not table[0].any()
        assert table[model.config.pad_character_id].any()


@pytest.mark.parametrize("model_dir", ["characters", "both"], indirect=True)
def test_training_goes_on(elmo, model_dir, tmp_path):
    config = json.loads((model_dir / "config.json").read_text())
    (tmp_path / "train.txt").write_text("the cat sat\n今天 天氣\n" * 10, encoding="utf-8")
    (tmp_path / "vocab.txt").write_text("<S>\n</S>\n<UNK>\nthe\ncat\n今天\n", encoding="utf-8")
    command = ["pretrain", "--model", model_dir, "--train", tmp_path / "train.txt", "--output", tmp_path / "out"]
    command += ["--max-steps", 2, "--batch-size", 2, "--num-steps", 5, "--negative-samples", 0]
    if config["token_input"] == "characters":
        code, _, err = elmo(*command, "--vocab", tmp_path / "vocab.txt")
    else:
        # The word table belongs to the model's own vocabulary.
        assert elmo(*command, "--vocab", tmp_path / "vocab.txt")[0] != 0
        code, _, err = elmo(*command)
    assert (code, err) == (0, "")
    assert elmo("evaluate", tmp_path / "out", tmp_path / "train.txt")[0] == 0
    trained = json.loads((tmp_path / "out" / "config.json").read_text())
    names = ("token_input", "character_unit", "character_vocab_size", "word_embedding_size", "forget_bias")
    assert [trained.get(name) for name in names] == [config.get(name) for name in names]
    assert (tmp_path / "out" / "characters.json").is_file() == (model_dir / "characters.json").is_file()


def test_the_original_format_cannot_hold_it(model_dir, tmp_path):
    with pytest.raises(ElmoFormatError, match="the original format can't hold a model with (character_unit|word_emb)"):
        export(model_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_all_files_are_published(model_dir, tmp_path):
    assert set(_files_to_push(model_dir, tmp_path)) == {path.name for path in model_dir.iterdir()} - {"README.md"}


def test_new_words_get_rows(model, tokenizer):
    size = len(tokenizer)
    tokenizer.add_tokens(["貓"])
    table = model.resize_token_embeddings(len(tokenizer))
    assert model.config.vocab_size == size + 1
    assert table is model.get_input_embeddings()
    if model.config.reads_words:
        assert len(table.weight) == size + 1
        assert table.weight.shape[1] == model.config.word_embedding_size
    assert layers_of(model, encoded(tokenizer, [["貓", "the"]])).isfinite().all()


class TestCharactersFile:
    @pytest.fixture
    def folder(self, tmp_path):
        write_model(tmp_path / "original", word_dim=0)
        with open_source(tmp_path / "original", SourceOptions()) as source:
            convert(source, tmp_path / "elmo")
        return tmp_path / "elmo"

    def fails(self, folder, message):
        with pytest.raises(ValueError, match=message) as error:
            ElmoTokenizer.from_pretrained(folder)
        assert "\n" not in str(error.value)

    def test_one_that_is_missing(self, folder):
        (folder / "characters.json").unlink()
        self.fails(folder, "characters.json: missing")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"characters": None}, "characters: expected a list of 1 to"),
            ({"characters": []}, "characters: expected a list of 1 to"),
            ({"characters": ["a", 1]}, "characters: expected strings"),
            ({"characters": ["a", "a"]}, "characters: expected each character once"),
            ({"padding": "<none>"}, "padding: expected one of the characters, found '<none>'"),
            ({"padding": {}}, "padding: expected one of the characters"),
            ({"begin_word": None}, "begin_word: expected one of the characters"),
        ],
    )
    def test_one_that_is_no_vocabulary(self, folder, change, message):
        path = folder / "characters.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        self.fails(folder, f"characters.json: {message}")

    def test_a_config_does_not_name_another(self, folder):
        path = folder / "tokenizer_config.json"
        fields = json.loads(path.read_text())
        for field in ("character_file", "characters"):
            path.write_text(json.dumps({**fields, field: "/etc/passwd"}))
            self.fails(folder, f"{field}: expected none")

    @pytest.mark.parametrize("value", [0, -1, 10**6, "18", True])
    def test_bounds_of_the_look_up(self, folder, value):
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "max_lookup_characters": value}))
        self.fails(folder, "max_lookup_characters: expected an integer between 1 and 10000")

    def test_one_that_does_not_fit_the_model(self, folder):
        path = folder / "characters.json"
        vocabulary = json.loads(path.read_text())
        vocabulary["characters"] = [*(f"{number}!" for number in range(300)), *vocabulary["characters"]]
        path.write_text(json.dumps(vocabulary))
        batch = ElmoTokenizer.from_pretrained(folder)(["the"], is_split_into_words=True, return_tensors="pt")
        with pytest.raises(ValueError, match="character_ids: expected ids from 0 to"):
            ElmoModel.from_pretrained(folder)(**batch)
