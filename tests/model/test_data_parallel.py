# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`Trainer` wraps a model in `nn.DataParallel` where one process sees several GPUs. Here torch's own function makes the
replicas, but for the copying of weights between GPUs, and they run one after the other."""

import importlib
from collections.abc import Callable

import pytest
import torch
from torch import nn

from modeling_elmo import ElmoForMaskedLM, ElmoForPreTraining, ElmoModel
from tests.helpers.task_examples import HEADS, TOKENIZER, logits_of, randomized


# The name stands for the function in the package.
replication = importlib.import_module("torch.nn.parallel.replicate")


@pytest.fixture
def replicate(monkeypatch) -> Callable[[nn.Module], list[nn.Module]]:
    def copy_to_devices(tensors, devices, detach=False):
        return [[tensor.detach().clone() if detach else tensor.clone() for tensor in tensors] for _ in devices]

    monkeypatch.setattr(replication, "_broadcast_coalesced_reshape", copy_to_devices)
    return lambda model: replication.replicate(model, [0, 1])


def gradients(model):
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def halves_of(batch):
    return [{name: value[part] for name, value in batch.items()} for part in (slice(0, 2), slice(2, 4))]


@pytest.mark.parametrize("freeze", [True, False], ids=["frozen", "trained"])
@pytest.mark.parametrize("name", HEADS)
def test_replicas_of_a_task_model_together_do_what_the_model_does(replicate, name, freeze):
    head = HEADS[name]
    no_dropout = {"task_dropout": 0.0, "representation_dropout": 0.0}
    model = randomized(head.model(freeze_bilm=freeze, mix_l2=0.1, **no_dropout)).train()
    batch = head.collate(head.examples(4))
    whole = model(**batch)
    whole.loss.backward()
    expected = gradients(model)
    assert freeze == (not any(name.startswith("elmo.layers.") for name in expected))

    labels = batch.get("labels", batch.get("start_positions"))
    # As `Trainer` counts for several devices.
    count = (labels != -100).sum().expand(1, 1)
    outputs = [replica(**half, num_items_in_batch=count) for replica, half in zip(replicate(model), halves_of(batch))]
    torch.testing.assert_close(sum(output.loss for output in outputs).squeeze(), whole.loss)
    sum(output.loss for output in outputs).backward()
    found = gradients(model)
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, atol=1e-5, rtol=1e-4)
    for of_half, of_whole in zip(logits_of(outputs[1]), logits_of(whole)):
        torch.testing.assert_close(of_half, of_whole[2:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("token_input", ["characters", "words"])
@pytest.mark.parametrize("model_class", [ElmoModel, ElmoForPreTraining, ElmoForMaskedLM])
def test_replicas_of_a_language_model_do_what_the_model_does(replicate, tiny_config, model_class, token_input):
    model = model_class(tiny_config(token_input=token_input, vocab_size=len(TOKENIZER), freeze_bilm=False)).train()
    batch = TOKENIZER(["a b c", "d e"], padding=True, return_tensors="pt")
    if model_class is not ElmoModel:
        batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)

    def loss_of(module):
        torch.manual_seed(0)
        output = module(**batch)
        return output.last_hidden_state.square().mean() if model_class is ElmoModel else output.loss

    loss = loss_of(model)
    loss.backward()
    expected = gradients(model)
    copied = loss_of(replicate(model)[1])
    copied.backward()
    found = gradients(model)
    torch.testing.assert_close(copied, loss)
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient)


@pytest.mark.parametrize("model_class", [ElmoModel, ElmoForPreTraining])
def test_dropout_of_a_trained_bilm_falls_in_replicas_too(replicate, tiny_config, model_class):
    config = tiny_config(lstm_dropout=0.5, freeze_bilm=False, vocab_size=len(TOKENIZER))
    model = model_class(config).train()
    batch = TOKENIZER(["a b c"], return_tensors="pt")
    labels = {} if model_class is ElmoModel else {"labels": batch["input_ids"]}
    outputs = []
    for module in (model, replicate(model)[0]):
        torch.manual_seed(0)
        outputs.append(module(**batch, **labels)[0])
    torch.testing.assert_close(*outputs)


def test_replicas_share_no_cache_with_the_model(replicate, tiny_config):
    model = ElmoModel(tiny_config())
    model.cache_texts(10**6)
    model.cache_vocabulary(max_new_words=100)
    batch = TOKENIZER(["a b c"], return_tensors="pt")
    torch.testing.assert_close(replicate(model)[1](**batch)[0], model(**batch)[0])
    caches = model.text_cache, model.character_encoder.word_cache
    before = [len(cache) for cache in caches]
    assert before == [1, 5]
    replicate(model)[1](**TOKENIZER(["d e f g", "h"], padding=True, return_tensors="pt"))
    assert [len(cache) for cache in caches] == before


def test_replicas_train_the_lstms_alone(replicate, tiny_config):
    model = ElmoModel(tiny_config(freeze_bilm=False))
    model.character_encoder.requires_grad_(False)
    batch = TOKENIZER(["a b c", "d e"], padding=True, return_tensors="pt")
    model(**batch)[0].square().sum().backward()
    expected = gradients(model)
    replicate(model)[1](**batch)[0].square().sum().backward()
    found = gradients(model)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_replicas_leave_no_hooks_behind(replicate, tiny_config):
    model = ElmoModel(tiny_config())
    batch = TOKENIZER(["a b c"], return_tensors="pt")
    for _ in range(2):
        for replica in replicate(model):
            assert len(replica(**batch, output_hidden_states=True).hidden_states) == 3
    assert len(model(**batch, output_hidden_states=True).hidden_states) == 3
