# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The task models: outputs, losses, training, loading, and errors for bad input."""

import copy
import itertools
import os
import re
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer, Trainer, TrainingArguments

from modeling_elmo import (
    ElmoConfig,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoTokenizer,
)
from modeling_elmo.fine_tuning import best_spans, encode_by_sentence
from tests.helpers import programs, train_in_processes
from tests.helpers.task_examples import BIO, HEADS, SIZES, TOKENIZER, logits_of, randomized
from tests.model.test_remote_code import run_without_package


every_head = pytest.mark.parametrize("name", HEADS)
every_class = pytest.mark.parametrize(
    "name", ["tagging_crf", "single_label", "pairs", "question_answering", "multiple_choice", "roles"]
)


def batch_of(name, num_examples=5, tokenizer=TOKENIZER, **kwargs):
    return HEADS[name].collate(HEADS[name].examples(num_examples, **kwargs), tokenizer)


def without_labels(batch):
    return {name: value for name, value in batch.items() if not name.endswith(("labels", "positions"))}


def unfolded(name, batch):
    """A batch as the biLM reads it: of multiple choice, a row per choice."""
    if name != "multiple_choice":
        return batch
    flat = {key: value.flatten(0, 1) for key, value in batch.items()}
    return {**flat, "character_ids": flat["character_ids"].unflatten(1, (-1, 50))}


def close(got, expected):
    torch.testing.assert_close(got, expected, atol=2e-5, rtol=1e-4)


class TestOutputs:
    @every_head
    def test_returns_logits_and_with_labels_a_loss(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        output, silent = model(**batch), model(**without_labels(batch))
        width = batch["input_ids"].shape[-1]
        shapes = {"tagging": (5, width, 3), "regression": (5, 1), "question_answering": (5, width)}
        shapes["roles"] = shapes["tagging"]
        if name == "coreference":
            shapes[name] = (*output.spans.shape[:2], 1 + model.max_antecedents)
        for logits in logits_of(output):
            assert logits.shape == shapes.get(name.removesuffix("_crf"), (5, 3))
        assert output.loss.shape == ()
        assert output.loss.item() > 0
        assert silent.loss is None
        assert all(map(torch.equal, logits_of(output), logits_of(silent)))

    @every_head
    @pytest.mark.parametrize("by_config", [True, False])
    def test_returns_a_tuple_on_request(self, name, by_config):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        expected = model(**batch)
        model.config.return_dict = not by_config
        output = model(**batch, **({} if by_config else {"return_dict": False}))
        assert isinstance(output, tuple)
        assert torch.equal(output[0], expected.loss)
        assert all(map(torch.equal, output[1:], logits_of(expected)))

    @every_class
    def test_returns_the_layers_of_the_bilm_on_request(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        states = model(**batch, output_hidden_states=True).hidden_states
        flat = unfolded(name, without_labels(batch))
        expected = model.elmo(**flat, output_hidden_states=True).hidden_states
        assert len(states) == 3
        assert all(map(torch.equal, states, expected))
        model.config.output_hidden_states = True
        assert all(map(torch.equal, model(**batch).hidden_states, expected))

    @every_head
    def test_logits_of_an_example_do_not_depend_on_the_batch_or_the_padding_side(self, name):
        head, model = HEADS[name], randomized(HEADS[name].model()).eval()
        examples = head.examples(6)
        left = ElmoTokenizer(vocab=TOKENIZER.get_words()[: TOKENIZER.num_words], padding_side="left")
        batches = [head.collate(examples), head.collate(examples, left)]
        outputs = [model(**without_labels(batch)) for batch in batches]
        for row, example in enumerate(examples):
            alone = head.collate([example])
            expected = logits_of(model(**without_labels(alone)))
            for batch, output in zip(batches, outputs):
                for logits, wanted in zip(logits_of(output), expected):
                    got = logits[row]
                    if name == "coreference":
                        got = got[: len(wanted[0])]
                    if got.shape != wanted[0].shape:
                        got = got[batch["attention_mask"][row].bool()]
                    close(got, wanted[0])

    @every_head
    def test_attention_mask_is_derived_from_the_characters(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), without_labels(batch_of(name))
        expected = logits_of(model(**batch))
        del batch["attention_mask"]
        assert all(map(torch.equal, logits_of(model(**batch)), expected))

    @pytest.mark.parametrize("name", ["tagging", "single_label", "question_answering"])
    def test_reads_token_embeddings_instead_of_characters(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), without_labels(batch_of(name))
        real = batch["attention_mask"].bool()
        embedded = torch.zeros(*real.shape, SIZES["projection_size"])
        embedded[real] = model.elmo.character_encoder(batch["character_ids"][real])
        context = {key: batch[key] for key in ("attention_mask", "token_type_ids")}
        for logits in logits_of(model(inputs_embeds=embedded, **context)):
            assert torch.isfinite(logits).all()

    @every_head
    def test_reads_word_ids_instead_of_characters(self, name):
        model, batch = randomized(HEADS[name].model(token_input="words")).eval(), batch_of(name)
        del batch["character_ids"]
        output = model(**batch)
        boundaries = torch.isin(batch["input_ids"], torch.tensor([0, 1]))
        assert torch.isfinite(output.loss)
        if name == "question_answering":
            assert (output.start_logits[boundaries] == torch.finfo(torch.float32).min).all()

    @every_head
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
    def test_trains_in_other_precisions(self, name, dtype):
        model = HEADS[name].model(freeze_bilm=False, freeze_word_vectors=False).to(dtype).train()
        output = model(**batch_of(name))
        output.loss.backward()
        assert {logits.dtype for logits in logits_of(output)} == {dtype}
        assert torch.isfinite(output.loss)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    @every_head
    def test_trains_in_float16(self, name):
        model, batch = HEADS[name].model(freeze_bilm=False).to(torch.float16), batch_of(name)
        output = model.train()(**batch)
        output.loss.backward()
        assert torch.isfinite(output.loss)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
        assert all(torch.isfinite(logits).all() for logits in logits_of(model.eval()(**batch)))

    @every_head
    def test_integers_may_have_any_dtype(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        narrow = {key: value.int() if value.dtype == torch.int64 else value for key, value in batch.items()}
        assert torch.equal(model(**narrow).loss, model(**batch).loss)

    @every_head
    def test_trains_under_autocast(self, name):
        model, batch = HEADS[name].model().train(), batch_of(name)
        expected = model(**batch).loss
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=0.05)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


class TestHowElmoEnters:
    def test_concatenates_static_vectors_and_elmo_at_input_and_output(self):
        fields = {"elmo_at_output": True, "word_vector_size": 3, "num_labels": 4, "task_lstm_layers": 2}
        model = randomized(ElmoForTokenClassification(ElmoConfig(**SIZES, **fields))).eval()
        batch = without_labels(batch_of("tagging", 1))
        at_input, at_output = model.elmo(**batch).elmo_representations
        x = model.task_input.word_vectors(batch["input_ids"])
        words = torch.cat([x, at_input], dim=-1)[:, 1:-1]
        h, _ = model.encoder.lstm(words.transpose(0, 1))
        expected = model.classifier(torch.cat([h.transpose(0, 1), at_output[:, 1:-1]], dim=-1))
        close(model(**batch).logits[:, 1:-1], expected)

    def test_a_probe_is_linear(self):
        fields = {"task_lstm_layers": 0, "num_labels": 4}
        model = randomized(ElmoForTokenClassification(ElmoConfig(**SIZES, **fields))).eval()
        batch = without_labels(batch_of("tagging"))
        words = torch.isin(batch["character_ids"][..., 1], torch.tensor([0, 257, 258])).logical_not()
        close(model(**batch).logits[words], model.classifier(model.elmo(**batch).last_hidden_state[words]))
        pooled = randomized(ElmoForSequenceClassification(ElmoConfig(**SIZES, **fields, pooling=["mean"]))).eval()
        assert {name for name, _ in pooled.named_parameters() if not name.startswith("elmo.")} == {
            "classifier.output.weight",
            "classifier.output.bias",
        }
        row = {key: value[:1] for key, value in without_labels(batch_of("single_label")).items()}
        vectors = pooled.elmo(**row).last_hidden_state[row["attention_mask"].bool()][1:-1]
        close(pooled(**row).logits[0], pooled.classifier.output(vectors.mean(0)))

    @pytest.mark.parametrize(
        ("fields", "num_mixes"),
        [
            ({}, 1),
            ({"elmo_at_output": True}, 2),
            ({"elmo_at_output": True, "elmo_at_input": False, "word_vector_size": 2}, 1),
            ({"num_output_representations": 3}, 3),
        ],
    )
    def test_has_as_many_mixes_as_it_uses(self, fields, num_mixes, tmp_path):
        model = ElmoForSequenceClassification(ElmoConfig(**SIZES, **fields, num_labels=3))
        assert len(model.elmo.scalar_mixes) == model.config.num_output_representations == num_mixes
        model.train()(**batch_of("single_label")).loss.backward()
        used = fields.get("elmo_at_input", True) + fields.get("elmo_at_output", False)
        assert [mix.weight.grad is not None for mix in model.elmo.scalar_mixes] == [
            index < used for index in range(num_mixes)
        ]
        model.save_pretrained(tmp_path)
        _, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
        assert not report["missing_keys"]
        assert not any("scalar_mixes" in key for key in report["unexpected_keys"])

    def test_static_vectors_alone_do_not_run_the_bilm(self, monkeypatch):
        fields = {"elmo_at_input": False, "word_vector_size": 3}
        model = randomized(ElmoForSequenceClassification(ElmoConfig(**SIZES, **fields))).eval()
        batch = without_labels(batch_of("single_label"))
        with_states = model(**batch, output_hidden_states=True)
        assert len(with_states.hidden_states) == 3
        monkeypatch.setattr(model.elmo, "layers", None)
        assert torch.equal(model(**batch).logits, with_states.logits)

    def test_a_trained_model_loads_with_fixed_mix_parameters(self, tmp_path):
        randomized(HEADS["pairs"].model()).save_pretrained(tmp_path)
        loaded, report = ElmoForSequenceClassification.from_pretrained(
            tmp_path, mix_parameters=[-9e10, 1, -9e10], output_loading_info=True
        )
        assert not report["unexpected_keys"]
        loaded.train()(**batch_of("pairs")).loss.backward()

    @every_class
    def test_sentence_boundaries_are_masked(self, name):
        """Noise in the vectors of `<S>` and `</S>` does not change any output."""
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        boundaries = torch.isin(
            unfolded(name, without_labels(batch))["character_ids"][..., 1], torch.tensor([257, 258])
        )
        assert boundaries.any()
        fixed = torch.randn(*boundaries.shape, 24)
        outputs = []
        for noise in (0.0, 1.0):
            mixed = fixed + noise * boundaries.unsqueeze(-1)
            hooks = [mix.register_forward_hook(lambda *_, value=mixed: value) for mix in model.elmo.scalar_mixes]
            outputs.append(model(**batch))
            for hook in hooks:
                hook.remove()
        assert torch.equal(outputs[0].loss, outputs[1].loss)
        assert all(map(torch.equal, logits_of(outputs[0]), logits_of(outputs[1])))


class TestWordVectors:
    def test_are_set_and_frozen(self):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, word_vector_size=3))
        matrix = torch.randn(len(TOKENIZER), 3)
        model.set_word_vectors(matrix)
        assert torch.equal(model.task_input.word_vectors.weight, matrix)
        assert not model.task_input.word_vectors.weight.requires_grad

    @pytest.mark.parametrize("freeze", [True, False])
    def test_are_frozen_after_loading_if_the_config_says_so(self, freeze, tmp_path):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, word_vector_size=3, freeze_word_vectors=freeze))
        model.save_pretrained(tmp_path)
        weight = ElmoForTokenClassification.from_pretrained(tmp_path).task_input.word_vectors.weight
        assert weight.requires_grad != freeze
        assert torch.equal(weight, model.task_input.word_vectors.weight)

    def test_grow_and_shrink_with_the_vocabulary(self, tmp_path):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, word_vector_size=3))
        before = model.task_input.word_vectors.weight.clone()
        model.resize_token_embeddings(len(before) + 2)
        table = model.task_input.word_vectors
        assert torch.equal(table.weight, F.pad(before, (0, 0, 0, 2)))
        assert not table.weight.requires_grad
        model.save_pretrained(tmp_path)
        assert ElmoForTokenClassification.from_pretrained(tmp_path).config.vocab_size == len(before) + 2
        model.resize_token_embeddings(4)
        assert torch.equal(table.weight, before[:4])

    def test_of_another_shape_are_an_error(self):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, word_vector_size=3))
        with pytest.raises(ValueError, match=r"matrix: expected shape \(10, 3\), found \(10, 4\)"):
            model.set_word_vectors(torch.zeros(10, 4))
        model = ElmoForTokenClassification(ElmoConfig(**SIZES))
        with pytest.raises(ValueError, match="has no static word embeddings; load it with word_vector_size=4"):
            model.set_word_vectors(torch.zeros(10, 4))

    def test_require_word_ids_within_the_vocabulary(self):
        model = ElmoForTokenClassification(ElmoConfig(**SIZES, word_vector_size=3))
        batch = without_labels(batch_of("tagging"))
        with pytest.raises(ValueError, match="input_ids: expected ids from 0 to 9, found 10"):
            model(**{**batch, "input_ids": batch["input_ids"] * 0 + 10})
        del batch["input_ids"]
        with pytest.raises(ValueError, match="input_ids: this model requires word ids"):
            model(**batch)


class TestLoss:
    """Losses against plain formulas."""

    def test_of_words_is_the_mean_cross_entropy_of_labelled_words(self):
        model, batch = randomized(HEADS["tagging"].model()).eval(), batch_of("tagging")
        batch["labels"][0, 1] = -100
        output, losses = model(**batch), []
        for row, labels in zip(output.logits, batch["labels"]):
            losses += [-word.log_softmax(-1)[label] for word, label in zip(row, labels) if label != -100]
        close(output.loss, torch.stack(losses).mean())

    def test_of_a_crf_is_a_mean_over_words(self):
        model, batch = randomized(HEADS["tagging_crf"].model()), batch_of("tagging_crf")
        model.config.mix_l2 = 0
        output = model.train()(**batch)
        expected = -model.crf(output.logits, batch["labels"]).sum() / (batch["labels"] != -100).sum()
        close(output.loss, expected)
        close(model.eval()(**batch).loss, expected)

    def test_labels_of_padding_and_boundaries_are_ignored(self):
        for name in ("tagging", "tagging_crf"):
            model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
            expected = model(**batch).loss
            assert torch.equal(model(**{**batch, "labels": batch["labels"].clamp(min=0)}).loss, expected)

    @pytest.mark.parametrize("name", ["single_label", "multi_label", "regression"])
    def test_of_texts_is_that_of_transformers(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        output = model(**batch)
        expected = model.loss_function(labels=batch["labels"], pooled_logits=output.logits, config=model.config)
        close(output.loss, expected)

    @pytest.mark.parametrize("name", ["single_label", "multi_label", "regression", "multiple_choice"])
    def test_labels_of_minus_100_are_ignored(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        skipping = {**batch, "labels": batch["labels"].clone()}
        skipping["labels"][1] = -100
        others = {key: torch.cat([value[:1], value[2:]]) for key, value in batch.items()}
        close(model(**skipping).loss, model(**others).loss)
        skipping["labels"][:] = -100
        assert model(**skipping).loss == 0

    def test_problem_type_is_inferred_from_the_first_labels(self):
        for num_labels, labels, expected in (
            (3, torch.tensor([0, 2, 1, 1, 0]), "single_label_classification"),
            (3, torch.rand(5, 3).round(), "multi_label_classification"),
            (1, torch.rand(5), "regression"),
        ):
            model = ElmoForSequenceClassification(ElmoConfig(**SIZES, num_labels=num_labels))
            batch = without_labels(batch_of("single_label"))
            assert model(**batch, labels=labels).loss.isfinite()
            assert model.config.problem_type == expected

    def test_regression_may_have_several_values(self):
        config = ElmoConfig(**SIZES, num_labels=2, problem_type="regression")
        model, batch = randomized(ElmoForSequenceClassification(config)).eval(), without_labels(batch_of("regression"))
        labels = torch.randn(5, 2)
        output = model(**batch, labels=labels)
        close(output.loss, (output.logits - labels).square().mean())

    def test_of_answers_is_that_of_transformers(self):
        model, batch = randomized(HEADS["question_answering"].model()).eval(), batch_of("question_answering")
        output = model(**batch)
        positions = batch["start_positions"], batch["end_positions"]
        close(output.loss, model.loss_function(output.start_logits, output.end_logits, *positions))
        column = {key: batch[key].unsqueeze(1) if key.endswith("positions") else batch[key] for key in batch}
        assert torch.equal(model(**column).loss, output.loss)

    @pytest.mark.parametrize("position", [-100, -1, 0, 1, 1000])
    def test_answers_outside_the_context_are_ignored(self, position):
        model, batch = randomized(HEADS["question_answering"].model()), batch_of("question_answering")
        whole = model.eval()(**batch).loss
        first = model(**{key: value[:1] for key, value in batch.items()}).loss
        for key in ("start_positions", "end_positions"):
            batch[key][0] = position
        close(model(**batch).loss, whole - first / 5)

    @every_head
    def test_penalty_of_the_mixes_is_added_in_training(self, name):
        model, batch = randomized(HEADS[name].model(mix_l2=0.25)), batch_of(name)
        penalty = 0.25 * sum(mix.weight.square().sum() for mix in model.elmo.scalar_mixes)
        close(model.train()(**batch).loss - model.eval()(**batch).loss, penalty)
        assert penalty > 0.01

    def test_penalty_excludes_unused_mixes(self):
        model = randomized(HEADS["single_label"].model(mix_l2=0.25, num_output_representations=2)).train()
        model(**batch_of("single_label")).loss.backward()
        assert model.elmo.scalar_mixes[1].weight.grad is None


class TestTagging:
    def test_argmax_of_the_logits_is_the_best_labelling_under_the_constraints(self):
        model, batch = randomized(HEADS["tagging_crf"].model()).eval(), batch_of("tagging_crf", 20)
        # Raises the scores of I, which is forbidden at the start.
        model.classifier.bias.data[2] += 3
        labelled = batch["labels"] != -100
        best = model(**batch).logits.argmax(-1)
        emissions = model.train()(**batch).logits
        assert torch.equal(best[labelled], model.crf.max_marginals(emissions, labelled).argmax(-1)[labelled])
        for row, mask in zip(best, labelled):
            for before, label in itertools.pairwise([0, *row[mask].tolist()]):
                assert not (label == 2 and before == 0)
        assert (best[labelled] == 2).any()
        assert (emissions.argmax(-1)[:, 1] == 2).any()


class TestQuestionAnswering:
    def test_logits_are_the_minimum_of_their_dtype_outside_the_words_of_the_context(self):
        model, batch = randomized(HEADS["question_answering"].model()).eval(), batch_of("question_answering")
        output = model(**batch)
        is_word = (batch["character_ids"][..., 1] > 0) & (batch["character_ids"][..., 1] < 257)
        context = is_word & (batch["token_type_ids"] == 1)
        for logits in logits_of(output):
            assert (logits[~context] == torch.finfo(torch.float32).min).all()
            assert (logits[context].abs() < 1e4).all()

    def test_the_bilm_alone_reads_the_sentences_of_a_context_separately(self):
        model = randomized(HEADS["question_answering"].model()).eval()
        context = "the bank of the river. a bank"
        feature, spans = encode_by_sentence(TOKENIZER, "the river", context, [(0, 22), (23, 29)])
        batch = {name: torch.tensor([values]) for name, values in feature.items()}
        read = {}
        model.elmo.register_forward_hook(lambda module, args, output: read.update(vectors=output.hidden_states))
        model.encoder.register_forward_hook(lambda module, args, output: read.update(encoder=args))
        output = model(**batch, output_hidden_states=True)
        vectors, encoder_inputs = read["vectors"], read["encoder"]
        texts = ["the river", "the bank of the river.", "a bank"]
        alone = [model.elmo(**TOKENIZER(text, return_tensors="pt"), output_hidden_states=True) for text in texts]
        for layer, layer_vectors in enumerate(vectors):
            expected = torch.cat([each.hidden_states[layer] for each in alone], dim=1)
            torch.testing.assert_close(layer_vectors, expected, atol=1e-5, rtol=0)
        assert torch.equal(encoder_inputs[2], (batch["token_type_ids"] > 0).long())
        is_context = torch.tensor([span is not None for span in spans])
        assert torch.equal(output.start_logits[0] > torch.finfo(torch.float32).min, is_context)
        assert [context[slice(*span)] for span in spans if span] == [
            "the",
            "bank",
            "of",
            "the",
            "river",
            ".",
            "a",
            "bank",
        ]

    def test_layers_are_connected_as_in_clark_and_gardner(self):
        model, batch = randomized(HEADS["question_answering"].model()).eval(), batch_of("question_answering")
        inputs = {}
        for name in ("modeling_encoder", "start_encoder", "end_encoder", "self_attention"):
            model.get_submodule(name).register_forward_hook(
                lambda module, args, output, name=name: inputs.update({name: args[0], f"{name}_output": output})
            )
        model(**without_labels(batch))
        residual = inputs["modeling_encoder"] + inputs["self_attention_output"]
        assert torch.equal(inputs["start_encoder"], residual)
        assert torch.equal(inputs["end_encoder"], torch.cat([inputs["start_encoder_output"], residual], dim=-1))

    def test_no_answer_has_a_score_of_its_own_in_the_first_column(self):
        head = HEADS["question_answering"]
        model, batch = randomized(head.model(allows_no_answer=True, mix_l2=0)).eval(), batch_of("question_answering")
        output = model(**batch)
        start, end = logits_of(output)
        assert torch.equal(start[:, 0], end[:, 0])
        assert len(set(start[:, 0].tolist())) == len(start)
        plain = head.model()
        plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
        for logits, others in zip((start, end), logits_of(plain.eval()(**batch))):
            assert torch.equal(logits[:, 1:], others[:, 1:])
        positions = [torch.stack([batch[f"{name}_positions"][0], torch.tensor(0)]) for name in ("start", "end")]
        two = {key: value[:2] for key, value in without_labels(batch).items()}
        loss = model(**two, start_positions=positions[0], end_positions=positions[1]).loss
        rows = [-each[:2].log_softmax(-1).gather(1, at[:, None]) for each, at in zip((start, end), positions)]
        assert loss.item() == pytest.approx(torch.cat(rows).sum().item() / 4, rel=1e-5)

    def test_a_context_without_words_has_no_answer(self):
        model = randomized(HEADS["question_answering"].model(mix_l2=0)).train()
        batch = TOKENIZER([("Who ?", ""), ("", "A bank .")], padding=True, return_tensors="pt")
        positions = {"start_positions": torch.tensor([1, 4]), "end_positions": torch.tensor([1, 4])}
        output = model(**batch, **positions)
        output.loss.backward()
        assert torch.isfinite(output.loss)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
        spans = best_spans(output.start_logits, output.end_logits)
        assert spans.starts[0] == spans.ends[0] == -1
        assert spans.scores[0] == float("-inf")
        assert 3 <= spans.starts[1] <= spans.ends[1] <= 5


class TestMultipleChoice:
    def test_reads_characters_flattened_or_not(self):
        model, batch = randomized(HEADS["multiple_choice"].model()).eval(), batch_of("multiple_choice")
        assert batch["character_ids"].ndim == 3
        unfolded = {**batch, "character_ids": batch["character_ids"].unflatten(2, (-1, 50))}
        assert torch.equal(model(**unfolded).logits, model(**batch).logits)

    def test_the_score_of_a_choice_does_not_depend_on_other_choices(self):
        model, batch = randomized(HEADS["multiple_choice"].model()).eval(), without_labels(batch_of("multiple_choice"))
        scores = model(**batch).logits
        for choice in range(3):
            alone = {key: value[:, choice : choice + 1] for key, value in batch.items()}
            close(model(**alone).logits[:, 0], scores[:, choice])


class TestEmptyTexts:
    TEXTS = [("", ""), ("", "one"), ("one", ""), ("a bank", "of the river .")]

    @pytest.mark.parametrize("name", ["tagging", "tagging_crf", "single_label", "multi_label", "regression"])
    def test_texts_without_words_have_finite_losses_and_gradients(self, name):
        model = randomized(HEADS[name].model()).train()
        for texts in ([""], ["", "one", ""]):
            batch = TOKENIZER(texts, padding=True, return_tensors="pt")
            shapes = {"multi_label": (len(texts), 3), "single_label": (len(texts),), "regression": (len(texts),)}
            dtype = torch.long if name in ("tagging", "tagging_crf", "single_label") else torch.float
            labels = torch.ones(shapes.get(name, batch["input_ids"].shape), dtype=dtype)
            output = model(**batch, labels=labels)
            output.loss.backward()
            assert torch.isfinite(output.loss)
            assert torch.isfinite(output.logits).all()
            assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    @pytest.mark.parametrize("name", ["pairs", "multiple_choice"])
    def test_either_text_of_a_pair_may_be_empty(self, name):
        model = randomized(HEADS[name].model()).train()
        batch = TOKENIZER(self.TEXTS, padding=True, return_tensors="pt")
        labels = torch.zeros(4, dtype=torch.long)
        if name == "multiple_choice":
            batch, labels = {key: value.unflatten(0, (2, 2)) for key, value in batch.items()}, labels[:2]
        output = model(**batch, labels=labels)
        output.loss.backward()
        assert torch.isfinite(output.logits).all()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    @every_head
    def test_rows_of_padding_do_not_change_other_rows(self, name):
        model, batch = randomized(HEADS[name].model()).eval(), without_labels(batch_of(name))
        padded = {key: F.pad(value, (0, 0) * (value.ndim - 1) + (0, 1)) for key, value in batch.items()}
        output = model(**padded)
        for logits, expected in zip(logits_of(output), logits_of(model(**batch))):
            assert torch.isfinite(logits).all()
            close(logits[:-1], expected)


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "change", "message"),
        [
            ("tagging", lambda b: {"labels": b["labels"].clamp(min=0) + 3}, "labels: .* 0 to 2, or -100, found [345]"),
            ("tagging", lambda b: {"labels": b["labels"] * 0 - 1}, "labels: .* from 0 to 2, or -100, found -1"),
            (
                "tagging",
                lambda b: {"labels": b["labels"][:, :-1]},
                r"labels: expected shape \(5, \d+\), found \(5, \d+\)",
            ),
            ("tagging", lambda b: {"labels": b["labels"].float()}, "labels: expected integers, found torch.float32"),
            ("tagging_crf", lambda b: {"labels": b["labels"] * 0 + 3}, "labels: .* from 0 to 2, or -100, found 3"),
            ("single_label", lambda b: {"labels": b["labels"] + 3}, "labels: .* from 0 to 2, or -100, found"),
            (
                "single_label",
                lambda b: {"labels": torch.zeros(5, 3).long()},
                r"labels: expected shape \(5\), found \(5, 3\)",
            ),
            (
                "multi_label",
                lambda b: {"labels": torch.zeros(5, 4)},
                r"labels: expected shape \(5, 3\), found \(5, 4\)",
            ),
            ("multi_label", lambda b: {"labels": torch.full((5, 3), 2.0)}, "labels: expected values from 0 to 1"),
            ("regression", lambda b: {"labels": torch.zeros(5, 2)}, r"labels: expected shape \(5, 1\), found \(5, 2\)"),
            ("multiple_choice", lambda b: {"labels": b["labels"] + 3}, "labels: .* from 0 to 2, or -100"),
            (
                "multiple_choice",
                lambda b: {"input_ids": b["input_ids"][:, 0]},
                "expected inputs of shape .*num_choices",
            ),
            (
                "question_answering",
                lambda b: {"start_positions": torch.zeros(4).long()},
                r"start_positions: expected shape \(5\), found \(4,\)",
            ),
            ("question_answering", lambda b: {"token_type_ids": None}, "reads two texts and requires token_type_ids"),
            (
                "question_answering",
                lambda b: {"token_type_ids": b["token_type_ids"] * torch.tensor([[1], [1], [0], [1], [1]])},
                "a question .* and a context .* found no context in row 2",
            ),
            ("pairs", lambda b: {"token_type_ids": None}, "reads two texts and requires token_type_ids"),
            (
                "pairs",
                lambda b: {"token_type_ids": 2 * b["token_type_ids"]},
                r"0 in the first text, then 1 in the second, found \[0, 2\] in row 0",
            ),
            ("pairs", lambda b: {"token_type_ids": 1 - b["token_type_ids"]}, r"found \[1, 0\] in row 0"),
            ("multiple_choice", lambda b: {"token_type_ids": 5 * b["token_type_ids"]}, r"found \[0, 5\] in row 0"),
            ("tagging", lambda b: {"attention_mask": b["attention_mask"][:, :-1]}, "attention_mask: expected shape"),
        ],
    )
    def test_is_one_clear_error(self, name, change, message):
        batch = batch_of(name)
        with pytest.raises(ValueError, match=message):
            HEADS[name].model()(**{**batch, **change(batch)})

    @pytest.mark.parametrize("name", ["tagging", "single_label"])
    def test_two_texts_in_a_model_of_single_texts_are_an_error(self, name):
        batch = TOKENIZER(["a bank"], ["of the river"], return_tensors="pt")
        with pytest.raises(ValueError, match="reads one text per row, found several; .* num_segments=2"):
            HEADS[name].model()(**batch)

    def test_a_single_text_may_have_any_type_id(self):
        model, batch = randomized(HEADS["single_label"].model()).eval(), without_labels(batch_of("single_label"))
        expected = model(**batch).logits
        assert torch.equal(model(**{**batch, "token_type_ids": batch["token_type_ids"] + 1}).logits, expected)

    def test_labels_outside_the_scheme_are_an_error(self):
        with pytest.raises(ValueError, match="id2label: .* found 'LABEL_0'"):
            ElmoConfig(**SIZES, num_labels=3, use_crf=True, label_scheme="BIO")

    def test_a_scheme_without_a_crf_is_an_error(self):
        with pytest.raises(ValueError, match="label_scheme='BIO' requires use_crf=True"):
            HEADS["tagging"].model(label_scheme="BIO")

    def test_label_ids_that_do_not_start_at_0_are_an_error(self):
        with pytest.raises(ValueError, match=r"id2label: expected ids 0 to 1, found \[1, 2\]"):
            ElmoForTokenClassification(ElmoConfig(**SIZES, id2label={1: "O", 2: "B-X"}, use_crf=True))

    def test_inconsistent_label_counts_are_an_error(self, tmp_path):
        with pytest.raises(ValueError, match="num_labels=2 and 3 names"):
            ElmoConfig(**SIZES, id2label=BIO, num_labels=2)
        HEADS["tagging"].model().save_pretrained(tmp_path)
        with pytest.raises(ValueError, match="num_labels=2 and 3 names"):
            ElmoForTokenClassification.from_pretrained(tmp_path, id2label=BIO, num_labels=2)
        with pytest.raises(RuntimeError, match="size"):
            ElmoForTokenClassification.from_pretrained(tmp_path, num_labels=4)

    def test_a_saved_model_loads_with_other_labels_on_request(self, tmp_path):
        HEADS["tagging"].model().save_pretrained(tmp_path)
        for labels in ({"num_labels": 4}, {"id2label": dict(enumerate("ABCD"))}):
            model = ElmoForTokenClassification.from_pretrained(tmp_path, **labels, ignore_mismatched_sizes=True)
            assert model.classifier.out_features == model.config.num_labels == 4
        assert model.config.id2label[3] == "D"
        assert ElmoForTokenClassification.from_pretrained(tmp_path, num_labels=3).config.id2label == BIO

    def test_single_texts_in_a_model_of_pairs_raise_a_warning(self, monkeypatch):
        warnings = []
        monkeypatch.setattr("modeling_elmo.model.task_models.logger.warning_once", warnings.append)
        HEADS["pairs"].model()(**without_labels(batch_of("pairs")))
        assert not warnings
        logits = HEADS["pairs"].model()(**without_labels(batch_of("single_label"))).logits
        assert torch.isfinite(logits).all()
        assert "no text has a second text" in warnings[0]


class TestLoading:
    @every_class
    def test_loads_a_base_model_and_saves_it_unchanged(self, name, model_dir, tmp_path):
        head = HEADS[name]
        fields = {key: value for key, value in head.fields.items() if key != "problem_type"}
        model, report = head.auto_class.from_pretrained(model_dir, **fields, output_loading_info=True)
        assert type(model) is head.model_class
        added = "elmo.scalar_mixes.1."
        assert all(not key.startswith("elmo.") or key.startswith(added) for key in report["missing_keys"])
        assert not report["unexpected_keys"]
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
        frozen = [p for key, p in model.elmo.named_parameters() if "scalar_mixes" not in key]
        assert not any(parameter.requires_grad for parameter in frozen)
        base = AutoModel.from_pretrained(model_dir)
        for key, value in base.state_dict().items():
            assert torch.equal(model.elmo.state_dict()[key], value)
        model.save_pretrained(tmp_path)
        again, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
        assert not report["missing_keys"]
        batch = AutoTokenizer.from_pretrained(model_dir)("the bank of the river", return_tensors="pt")
        close(again(**batch).last_hidden_state, base(**batch).last_hidden_state)

    @every_class
    def test_new_weights_have_the_scale_of_a_new_model(self, name, model_dir):
        """Loading builds a model on the meta device, so new weights are drawn later than in a new model."""
        head = HEADS[name]
        fields = {key: value for key, value in head.fields.items() if key != "problem_type"}
        loaded = head.auto_class.from_pretrained(model_dir, **fields)
        fresh = head.model_class(copy.deepcopy(loaded.config))
        for key, value in fresh.state_dict().items():
            if not key.startswith("elmo."):
                got = loaded.state_dict()[key]
                scale, expected = (tensor.float().square().mean().sqrt().item() for tensor in (got, value))
                # The scale of a weight of few values varies by chance.
                assert scale == pytest.approx(expected, rel=0.3 if got.numel() > 50 else 5, abs=1e-6)

    @every_head
    def test_saved_models_load_equal(self, name, tmp_path):
        head, batch = HEADS[name], batch_of(name)
        model = randomized(head.model()).eval()
        model.save_pretrained(tmp_path)
        loaded, report = head.auto_class.from_pretrained(tmp_path, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        assert type(loaded) is head.model_class
        assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in model.state_dict().items())
        for got, expected in zip(logits_of(loaded(**batch)), logits_of(model(**batch))):
            close(got, expected)
        trainable = {key for key, p in model.named_parameters() if p.requires_grad}
        assert {key for key, p in loaded.named_parameters() if p.requires_grad} == trainable

    def test_loads_in_half_precision_with_new_weights(self, model_dir):
        model = ElmoForQuestionAnswering.from_pretrained(model_dir, dtype=torch.bfloat16)
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters())

    @every_class
    def test_runs_with_weights_offloaded_to_disk(self, name, tmp_path):
        model, batch = randomized(HEADS[name].model()).eval(), batch_of(name)
        model.save_pretrained(tmp_path)
        device_map = {part: "cpu" if part == "elmo" else "disk" for part, _ in model.named_children()}
        loaded = HEADS[name].auto_class.from_pretrained(
            tmp_path, device_map=device_map, offload_folder=str(tmp_path / "offload")
        )
        output = loaded(**batch)
        close(output.loss, model(**batch).loss)
        for got, expected in zip(logits_of(output), logits_of(model(**batch))):
            close(got, expected)

    def test_can_be_created_on_the_meta_device(self):
        for head in HEADS.values():
            with torch.device("meta"):
                model = head.model()
            assert {parameter.device.type for parameter in model.parameters()} == {"meta"}

    def test_every_model_loads_without_the_package_from_one_set_of_classes(self, model_dir, tmp_path):
        code = """
import torch, transformers
base, out = sys.argv[1], sys.argv[2]
kwargs = {"trust_remote_code": True}
tokenizer = transformers.AutoTokenizer.from_pretrained(base, **kwargs)
batch = tokenizer([("The bank", "of it"), ("x", "y z")], padding=True, return_tensors="pt")
names = ["TokenClassification", "SequenceClassification", "QuestionAnswering", "MultipleChoice"]
saved = {}
for name in names:
    auto_class = getattr(transformers, "AutoModelFor" + name)
    model = auto_class.from_pretrained(base, num_segments=2, elmo_at_output=True, task_lstm_size=8, **kwargs)
    # A task model, the base model, and a task model again share one set of classes.
    elmo = transformers.AutoModel.from_pretrained(base, **kwargs)
    assert type(model.elmo) is type(elmo), name
    model = auto_class.from_pretrained(base, num_segments=2, elmo_at_output=True, task_lstm_size=8, **kwargs)
    assert isinstance(model, type(elmo).__mro__[1]), name
    assert not any(p.requires_grad for p in model.elmo.layers.parameters()), name
    assert all(torch.isfinite(p).all() for p in model.parameters()), name
    model.save_pretrained(f"{out}/{name}")
    tokenizer.save_pretrained(f"{out}/{name}")
    if name == "TokenClassification":
        inputs = tokenizer("The bank", return_tensors="pt")
    elif name == "MultipleChoice":
        inputs = {key: value[None] for key, value in batch.items()}
    else:
        inputs = batch
    with torch.no_grad():
        saved[name] = (dict(inputs), model(**inputs)[0])
torch.save(saved, f"{out}/outputs.pt")
"""
        run_without_package(code, model_dir, tmp_path, cache=tmp_path)
        for name, (inputs, expected) in torch.load(tmp_path / "outputs.pt").items():
            module = __import__("transformers")
            model = getattr(module, f"AutoModelFor{name}").from_pretrained(tmp_path / name)
            assert type(model).__module__ == "modeling_elmo.model.task_models"
            close(model(**inputs)[0], expected)
            code_files = {path.name for path in model_dir.glob("*.py")}
            assert {path.name for path in (tmp_path / name).glob("*.py")} == code_files

    @pytest.mark.parametrize(
        ("name", "title"),
        [
            ("tagging_crf", "`ElmoForTokenClassification`:"),
            ("single_label", "`ElmoForSequenceClassification`:"),
            ("pairs", "`ElmoForSequenceClassification` of pairs"),
            ("question_answering", "`ElmoForQuestionAnswering`:"),
            ("multiple_choice", "`ElmoForSequenceClassification` of pairs"),
            ("roles", "`ElmoForSemanticRoleLabeling`"),
            ("coreference", "`ElmoForCoreferenceResolution`"),
        ],
    )
    def test_weight_names_and_shapes_are_those_documented(self, name, title):
        model = HEADS[name].model(word_vector_size=7, **({"use_crf": True} if name == "roles" else {}))
        config = model.config
        sizes = {"K": 1 if name == "multiple_choice" else 3, "V": config.vocab_size, "X": 7, "S": 16, "Z": 3}
        sizes["E"] = 2 * sizes["S"] + (config.hidden_size if config.elmo_at_output else 0)
        sizes["I"] = 7 + config.hidden_size
        sizes["G"] = 2 * sizes["E"] + sizes["I"] + sizes["S"]
        page = (Path(__file__).parents[2] / "docs/architecture.md").read_text()
        section = page.partition("### Task heads\n")[2].partition("\n## ")[0]
        common, _, of_head = section.partition("\n`Elmo")
        of_head = ("`Elmo" + of_head).partition(f"{title}")[2].partition("\n`Elmo")[0]
        documented, lstms = {}, {}
        for line in (common + of_head).splitlines():
            if not line.startswith("| `"):
                continue
            names, shapes = (re.findall(r"`([^`]*)`", cell) for cell in line.split("|")[1:3])
            if names[0].endswith(".*"):
                lstms[names[0].removesuffix("*")] = line
                continue
            prefix = names[0].rpartition(".")[0]
            for weight, shape in zip(names, shapes):
                shape = re.sub(r"(?<=[0-9A-Z])(?=[A-Z])", "*", shape)
                documented[weight if weight in names[:1] else prefix + weight] = eval(shape, dict(sizes))
        found = {}
        for key, value in model.state_dict().items():
            lstm = next((prefix for prefix in lstms if key.startswith(prefix)), None)
            if not key.startswith("elmo.") and lstm is None:
                found[key] = list(value.shape)
            elif lstm is not None:
                module = model.get_submodule(lstm.removesuffix("."))
                assert isinstance(module, torch.nn.LSTM)
                into = re.search(r"\| (\w+) to S", lstms[lstm])[1]
                first = 7 + config.hidden_size + model.num_word_features
                expected = first if into == "I" else int(into[0]) * 16
                assert (module.input_size, module.hidden_size) == (expected, 16)
        assert found == documented
        assert {prefix for prefix in lstms if any(key.startswith(prefix) for key in model.state_dict())} == set(lstms)


def arguments(directory, **kwargs):
    defaults = {
        "output_dir": str(directory),
        "per_device_train_batch_size": 8,
        "learning_rate": 0.02,
        "lr_scheduler_type": "constant",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
    }
    return TrainingArguments(**{**defaults, **kwargs})


def train(name, model, directory, examples=None, resume=None, **kwargs):
    head = HEADS[name]
    trainer = Trainer(
        model,
        arguments(directory, **kwargs),
        train_dataset=head.examples(16) if examples is None else examples,
        data_collator=head.collator_class(TOKENIZER),
        processing_class=TOKENIZER,
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


class TestTraining:
    @pytest.mark.parametrize("name", [name for name in HEADS if name != "coreference"])
    def test_memorizes_32_examples(self, name):
        head = HEADS[name]
        model, batch = head.model(task_lstm_size=32).train(), head.collate(head.examples(32))
        # Each step reads the same texts.
        model.elmo.cache_texts(10**7)
        num_steps = {"regression": 200, "multiple_choice": 65, "pairs": 40}.get(name, 110)
        rate = 0.02 if name == "question_answering" else 0.03
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.2, total_iters=num_steps)
        for _ in range(num_steps):
            model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        output = model.eval()(**batch)
        if name == "regression":
            assert output.loss < 0.04 * batch["labels"].var()
            return
        if name == "question_answering":
            spans = best_spans(output.start_logits, output.end_logits)
            right = (spans.starts[:, 0] == batch["start_positions"]) & (spans.ends[:, 0] == batch["end_positions"])
        elif name == "multi_label":
            right = (output.logits > 0) == batch["labels"].bool()
        else:
            right = (output.logits.argmax(-1) == batch["labels"])[batch["labels"] != -100]
        assert right.float().mean() > 0.98

    @every_class
    def test_trains_resumes_and_reloads_with_trainer(self, name, tmp_path):
        head = HEADS[name]
        torch.manual_seed(3)
        model = head.model()
        start = copy.deepcopy(model)
        # The learning rate is small enough for a steadily falling loss.
        steps = {"max_steps": 40, "learning_rate": 0.01}
        trainer, losses = train(name, model, tmp_path / "a", **steps, save_strategy="steps", save_steps=30)
        assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
        bilm = [key for key in start.elmo.state_dict() if not key.startswith("scalar_mixes.")]
        for key in bilm:
            assert torch.equal(start.elmo.state_dict()[key], model.elmo.state_dict()[key])
        assert not torch.equal(start.elmo.scalar_mixes[0].weight, model.elmo.scalar_mixes[0].weight)

        resumed, again = train(
            name, copy.deepcopy(start), tmp_path / "a", **steps, resume=str(tmp_path / "a/checkpoint-30")
        )
        assert again[-10:] == pytest.approx(losses[-10:], rel=1e-3, abs=1e-4)
        for key, value in model.state_dict().items():
            torch.testing.assert_close(resumed.model.state_dict()[key], value, atol=1e-3, rtol=1e-3)

        trainer.save_model(tmp_path / "saved")
        loaded = head.auto_class.from_pretrained(tmp_path / "saved")
        assert AutoTokenizer.from_pretrained(tmp_path / "saved")(["x"]) == TOKENIZER(["x"])
        batch = batch_of(name)
        for got, expected in zip(logits_of(loaded(**batch)), logits_of(model.eval()(**batch))):
            close(got, expected)
        metrics = trainer.evaluate(head.examples(5))
        assert metrics["eval_loss"] == pytest.approx(model(**batch).loss.item(), rel=1e-4)

    @every_head
    def test_accumulated_gradients_equal_those_of_one_large_batch(self, name, tmp_path):
        head, results = HEADS[name], []
        examples = head.examples(24)
        key = next(key for key in ("labels", "label", "start_positions") if key in examples[0])
        # Batches have different numbers of labels.
        for row in (0, 1, 5, 13):
            value = examples[row][key]
            examples[row][key] = [-100] * len(value) if isinstance(value, list) else -100
            if key == "start_positions":
                examples[row]["end_positions"] = -100
        for batch_size, steps in ((8, 1), (2, 4)):
            torch.manual_seed(0)
            model = head.model(mix_l2=0.5)
            for mix in model.elmo.scalar_mixes:
                mix.weight.data = torch.tensor([0.3, -0.2, 0.5])
            _, losses = train(
                name,
                model,
                tmp_path,
                examples=examples,
                max_steps=3,
                per_device_train_batch_size=batch_size,
                gradient_accumulation_steps=steps,
                optim="sgd",
                max_grad_norm=0.0,
                learning_rate=0.1,
            )
            results.append((losses, model.state_dict()))
        (one_losses, one), (many_losses, many) = results
        assert many_losses == pytest.approx(one_losses, rel=1e-4)
        for weight, value in one.items():
            torch.testing.assert_close(many[weight], value, atol=2e-6, rtol=1e-4)

    def test_labels_make_accumulation_exact_for_questions_in_batches_of_different_sizes(self, tmp_path):
        head, results = HEADS["question_answering"], []
        examples = [{**example, "label": 0} for example in head.examples(7)]
        for batch_size, steps in ((8, 1), (3, 3)):
            torch.manual_seed(0)
            model = head.model(mix_l2=0.5)
            sizes = {"per_device_train_batch_size": batch_size, "gradient_accumulation_steps": steps}
            plain = {"optim": "sgd", "max_grad_norm": 0.0, "learning_rate": 0.1, "max_steps": 2}
            trainer, losses = train("question_answering", model, tmp_path, examples=examples, **sizes, **plain)
            results.append((losses, model.state_dict(), trainer.evaluate(examples)["eval_loss"]))
        (one_losses, one, one_eval), (many_losses, many, many_eval) = results
        assert many_losses == pytest.approx(one_losses, rel=1e-4)
        assert many_eval == pytest.approx(one_eval, rel=1e-4)
        for weight, value in one.items():
            torch.testing.assert_close(many[weight], value, atol=2e-6, rtol=1e-4)

    def test_two_processes_agree_with_one(self, tmp_path):
        code = "import sys; from tests.helpers.train_in_processes import main; main(sys.argv[1], int(sys.argv[2]))"
        root, files = Path(__file__).parents[2], [str(tmp_path / name) for name in ("1.pt", "2.pt")]
        train_in_processes.main(files[0], 4)
        for result in programs.run_group(code, files[1], 2, count=2, env=os.environ, cwd=root):
            assert result.returncode == 0, result.stderr
        one, two = map(torch.load, files)
        assert (one["processes"], two["processes"]) == (1, 2)
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
        for key, value in one["weights"].items():
            torch.testing.assert_close(two["weights"][key], value, atol=2e-6, rtol=1e-4)

    def test_a_frozen_bilm_stores_nothing_for_the_backward_pass(self):
        model, outputs = HEADS["pairs"].model().train(), []
        for layer in [model.elmo.get_input_embeddings(), *model.elmo.layers]:
            layer.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        model(**batch_of("pairs")).loss.backward()
        tensors = [t for output in outputs for t in (output if isinstance(output, tuple) else (output,))]
        assert len(tensors) >= 3
        assert all(tensor.grad_fn is None and not tensor.requires_grad for tensor in tensors)
        assert all(parameter.grad is None for parameter in model.elmo.layers.parameters())

    def test_an_unfrozen_bilm_trains(self):
        model = HEADS["pairs"].model(freeze_bilm=False, freeze_word_vectors=False).train()
        model(**batch_of("pairs")).loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())

    @pytest.mark.parametrize(
        ("name", "layer"),
        [("single_label", "pooling"), ("pairs", "comparison.alignment"), ("pairs", "comparison.pooling")],
    )
    def test_no_dropout_on_the_input_of_pooling_and_alignment(self, name, layer):
        model, batch = HEADS[name].model(task_dropout=0.5, representation_dropout=0.0), batch_of(name)
        # Turns off the dropout of earlier layers.
        model.task_input.dropout = 0.0
        if layer == "comparison.pooling":
            model.comparison.alignment.dropout = 0.0
        found = []
        model.get_submodule(layer).register_forward_pre_hook(lambda module, inputs: found.append(inputs[0]))
        model.train()(**batch)
        model.eval()(**batch)
        trained, evaluated = found[: len(found) // 2], found[len(found) // 2 :]
        for one, other in zip(trained, evaluated, strict=True):
            torch.testing.assert_close(one, other)

    def test_dropout_acts_in_training_only(self):
        model, batch = HEADS["question_answering"].model(task_dropout=0.5), batch_of("question_answering")
        assert model.train()(**batch).loss != model(**batch).loss
        assert model.eval()(**batch).loss == model(**batch).loss
