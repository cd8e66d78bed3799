# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers
from packaging.version import Version
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, Trainer, TrainingArguments

from modeling_elmo import (
    ElmoForPreTraining,
    ElmoForSequenceClassification,
    ElmoInt8Config,
    ElmoModel,
    ElmoTokenizer,
)
from modeling_elmo.model.int8_weights import Int8Linear, Int8Weight, fbgemm_limit
from modeling_elmo.model.lstm import Int8LSTM, ProjectedLSTM


TEXTS = ["The bank of the river .", "He robbed the bank , they said .", "x"]


def random_model(config, model_class=ElmoModel, seed=0):
    """A model whose vectors have the usual magnitude."""
    torch.manual_seed(seed)
    model = model_class(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model


def config_of(path, **changes):
    config = AutoConfig.from_pretrained(path)
    config.update(changes)
    return config


@pytest.fixture
def batch():
    return ElmoTokenizer()(TEXTS, padding=True, return_tensors="pt")


def layers(model, batch):
    with torch.no_grad():
        return torch.stack(model.eval()(**batch, output_hidden_states=True).hidden_states)


class TestQuantize:
    def test_replaces_the_large_matrices_and_freezes_the_bilm(self, tiny_config):
        model = random_model(tiny_config(freeze_bilm=False)).quantize()
        kinds = {type(module) for module in model.modules()}
        assert {Int8LSTM, Int8Linear, Int8Weight} <= kinds
        assert ProjectedLSTM not in kinds
        assert not any(p.requires_grad for part in (model.layers, model.character_encoder) for p in part.parameters())
        assert model.quantize() is model

    def test_freezes_the_bilm_within_a_task_model(self, tiny_config):
        model = random_model(tiny_config(freeze_bilm=False), ElmoForSequenceClassification).quantize()
        assert not any(parameter.requires_grad for parameter in model.elmo.character_encoder.parameters())
        assert any(parameter.requires_grad for parameter in model.classifier.parameters())

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"lstm_projection": False, "projection_size": 6, "cell_size": 6},
            {"num_highway_layers": 0},
            {"hidden_act": "tanh"},
            {"token_input": "words", "vocab_size": 10},
        ],
    )
    def test_layers_are_those_of_float32_but_for_rounding(self, tiny_config, batch, fields):
        model = random_model(tiny_config(**fields))
        if fields.get("token_input") == "words":
            batch.pop("character_ids")
        exact = layers(model, batch)
        found = layers(model.quantize(), batch)
        mask = batch["attention_mask"].bool()
        assert torch.cosine_similarity(exact[:, mask], found[:, mask], dim=-1).min() > 0.99
        assert not found[:, ~mask].any()

    def test_the_fast_path_is_the_plain_one_but_for_the_rounding_of_inputs(self, tiny_config, monkeypatch):
        lstm = Int8LSTM(random_model(tiny_config()).layers[0].forward_lstm)
        arguments = torch.randn(5, 4), [2, 2, 1], (torch.randn(2, 4), torch.randn(2, 6))
        with torch.no_grad():
            found = lstm(*arguments)[0]
            torch.testing.assert_close(found, lstm.plain_forward(*arguments)[0], rtol=0.1, atol=0.05)
            monkeypatch.setattr(Int8Weight, "forward", Int8Weight.plain_product)
            torch.testing.assert_close(found, lstm(*arguments)[0])

    def test_a_sentence_has_the_same_layers_in_any_batch(self, tiny_config, batch):
        model = random_model(tiny_config()).quantize()
        together = layers(model, batch)
        for row, text in enumerate(TEXTS):
            alone = layers(model, ElmoTokenizer()([text], return_tensors="pt"))
            torch.testing.assert_close(alone[:, 0], together[:, row, : alone.shape[2]], rtol=1e-5, atol=1e-6)

    def test_weights_that_are_not_finite_are_refused(self, tiny_config):
        model = random_model(tiny_config())
        model.layers[0].forward_lstm.weight_hh.data[1, 1] = float("nan")
        with pytest.raises(ValueError, match="finite"):
            model.quantize()

    def test_caches_give_the_same(self, tiny_config, batch):
        model = random_model(tiny_config()).quantize().eval()
        with torch.no_grad():
            expected = model(**batch).last_hidden_state
            model.cache_vocabulary(["The", "bank"], max_new_words=10)
            model.cache_texts(10**6)
            for _ in range(2):
                torch.testing.assert_close(model(**batch).last_hidden_state, expected)
            assert model.text_cache is not None
            model.load_state_dict(random_model(tiny_config(), seed=1).quantize().state_dict())
            assert (model(**batch).last_hidden_state - expected).abs().max() > 1e-3

    def test_caches_notice_new_int8_weights_alone(self, tiny_config, batch):
        model, other = (random_model(tiny_config(), seed=seed).quantize().eval() for seed in (0, 1))
        model.cache_vocabulary(["The", "bank"], max_new_words=10)
        model.cache_texts(10**6)
        with torch.no_grad():
            before = model(**batch).last_hidden_state
            new = {name: value for name, value in other.state_dict().items() if name.endswith(("values", "scale"))}
            model.load_state_dict(new, strict=False)
            after = model(**batch).last_hidden_state
            model.cache_vocabulary([], max_new_words=0)
            model.cache_texts(0)
            torch.testing.assert_close(after, model(**batch).last_hidden_state)
        assert (after - before).abs().max() > 1e-3

    def test_caches_notice_other_constants(self, tiny_config, batch):
        model = random_model(tiny_config()).quantize().eval()
        model.cache_texts(10**6)
        with torch.no_grad():
            before = model(**batch).last_hidden_state
            model.layers[0].forward_lstm.forget_bias = -3.0
            assert (model(**batch).last_hidden_state - before).abs().max() > 1e-3

    def test_caches_notice_other_scales(self, tiny_config, batch):
        model = random_model(tiny_config()).quantize().eval()
        model.cache_vocabulary(["The", "bank"], max_new_words=10)
        model.cache_texts(10**6)
        with torch.no_grad():
            for weight in (model.layers[0].forward_lstm.weight_ih, model.character_encoder.projection.weight):
                before = model(**batch).last_hidden_state
                weight.scale.mul_(2)
                assert (model(**batch).last_hidden_state - before).abs().max() > 1e-3

    def test_gradients_reach_embeddings_that_the_caller_gives(self, tiny_config):
        model = random_model(tiny_config()).quantize()
        embeds = torch.randn(1, 3, 4, requires_grad=True)
        model(inputs_embeds=embeds).last_hidden_state.sum().backward()
        assert embeds.grad.abs().min() > 0


class TestFiles:
    def test_a_model_is_rounded_as_it_loads_and_saved_as_int8(self, tiny_config, batch, tmp_path):
        random_model(tiny_config()).save_pretrained(tmp_path / "float")
        model = ElmoModel.from_pretrained(tmp_path / "float", quantization_config=ElmoInt8Config())
        expected = layers(model, batch)
        assert torch.equal(layers(ElmoModel.from_pretrained(tmp_path / "float").quantize(), batch), expected)
        model.save_pretrained(tmp_path / "int8")
        config = json.loads((tmp_path / "int8" / "config.json").read_text())
        assert config["quantization_config"] == {"quant_method": "elmo_int8"}
        for loaded in (
            ElmoModel.from_pretrained(tmp_path / "int8"),
            AutoModel.from_pretrained(tmp_path / "int8", trust_remote_code=True),
        ):
            assert loaded.is_quantized
            assert torch.equal(layers(loaded, batch), expected)

    @pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="lists the files that are mapped")
    @pytest.mark.skipif(not fbgemm_limit(), reason="nothing is packed")
    def test_a_loaded_model_does_not_hold_its_file(self, tiny_config, batch, tmp_path):
        random_model(tiny_config(cell_size=300)).quantize().save_pretrained(tmp_path)
        model = ElmoModel.from_pretrained(tmp_path)
        assert str(tmp_path) not in Path("/proc/self/maps").read_text()
        assert layers(model, batch).isfinite().all()

    def test_a_language_model_keeps_its_softmax(self, tiny_config, batch, tmp_path):
        model = random_model(tiny_config(vocab_size=30), ElmoForPreTraining).quantize().eval()
        model.save_pretrained(tmp_path)
        with torch.no_grad():
            expected = model(**batch).forward_logits
            assert torch.equal(ElmoForPreTraining.from_pretrained(tmp_path).eval()(**batch).forward_logits, expected)

    @pytest.mark.parametrize("has_config", [True, False])
    def test_weights_of_another_kind_than_the_config_says_are_an_error(self, tiny_config, tmp_path, has_config):
        model = random_model(tiny_config())
        if not has_config:
            model.quantize()
        model.save_pretrained(tmp_path)
        path = tmp_path / "config.json"
        config = {**json.loads(path.read_text()), "quantization_config": {"quant_method": "elmo_int8"}}
        path.write_text(json.dumps(config if has_config else {**config, "quantization_config": None}))
        with pytest.raises(ValueError, match=r"config.json describes weights that no file has"):
            ElmoModel.from_pretrained(tmp_path)

    @pytest.mark.parametrize(
        ("name", "change"),
        [("values", torch.Tensor.long), ("values", lambda v: v.fill_(127)), ("scale", torch.Tensor.int)],
    )
    def test_values_that_are_none_of_int8_weights_are_an_error(self, tiny_config, tmp_path, name, change):
        random_model(tiny_config()).quantize().save_pretrained(tmp_path)
        weights = load_file(tmp_path / "model.safetensors")
        key = f"layers.0.forward_lstm.weight_hh.{name}"
        save_file({**weights, key: change(weights[key])}, tmp_path / "model.safetensors", {"format": "pt"})
        with pytest.raises(ValueError, match="int8 weights: expected"):
            ElmoModel.from_pretrained(tmp_path)

    @pytest.mark.skipif(
        Version(transformers.__version__) < Version("5.21"),
        reason="transformers 5.20 doesn't report weights of other sizes",
    )
    def test_weights_of_other_sizes_are_not_initialised(self, tiny_config, tmp_path):
        random_model(tiny_config()).quantize().save_pretrained(tmp_path)
        with pytest.raises(RuntimeError, match="int8 weights can't be initialised"):
            ElmoModel.from_pretrained(tmp_path, config=config_of(tmp_path, cell_size=8), ignore_mismatched_sizes=True)

    def test_a_new_float_model_with_the_config_of_an_int8_one_is_saved_as_float(self, tiny_config, tmp_path):
        random_model(tiny_config()).quantize().save_pretrained(tmp_path / "int8")
        AutoModel.from_config(AutoConfig.from_pretrained(tmp_path / "int8")).save_pretrained(tmp_path / "new")
        assert not getattr(ElmoModel.from_pretrained(tmp_path / "new"), "is_quantized", False)

    def test_weights_of_another_quantizer_are_not_saved(self, tiny_config, tmp_path):
        model = ElmoModel(tiny_config())
        model.hf_quantizer = SimpleNamespace(quantization_config=SimpleNamespace(quant_method="torchao"))
        with pytest.raises(ValueError, match=r"save_pretrained: .*weights of torchao could not be loaded again"):
            model.save_pretrained(tmp_path)
        assert not list(tmp_path.iterdir())

    def test_a_head_trains_on_top(self, tiny_config, batch, tmp_path):
        random_model(tiny_config()).save_pretrained(tmp_path / "model")
        model = ElmoForSequenceClassification.from_pretrained(
            tmp_path / "model", num_labels=2, quantization_config=ElmoInt8Config()
        )
        before = {name: value.clone() for name, value in model.state_dict().items()}
        rows = [{**{key: value[row] for key, value in batch.items()}, "labels": row % 2} for row in range(3)]
        arguments = TrainingArguments(
            str(tmp_path / "out"), max_steps=2, learning_rate=0.1, report_to=[], use_cpu=True, disable_tqdm=True
        )
        Trainer(model, arguments, train_dataset=rows).train()
        after = model.state_dict()
        changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
        assert changed
        assert not any(".layers." in name or "character_encoder" in name for name in changed)
        model.save_pretrained(tmp_path / "tuned")
        loaded = ElmoForSequenceClassification.from_pretrained(tmp_path / "tuned").state_dict()
        assert all(torch.equal(value, loaded[name]) for name, value in after.items())

    def test_what_is_lost_cannot_be_had_back(self, tiny_config):
        with pytest.raises(ValueError, match="load the original model"):
            random_model(tiny_config()).quantize().dequantize()
