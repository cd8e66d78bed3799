# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The layers of task models, compared with loops over words, and on rows without words."""

import pytest
import torch
from torch import nn

from modeling_elmo.model.task_layers import (
    Alignment,
    BiAttention,
    FeedForward,
    PairComparison,
    Pooling,
    SelfAttention,
    TaskEncoder,
    TaskInput,
    TaskLSTM,
    TrilinearSimilarity,
    dropout,
    masked_max,
    masked_mean,
    masked_softmax,
)
from modeling_elmo.model.task_models import ElmoForSequenceClassification


D = 6

# Masks of the first and the second text of each row: some with gaps, one word, or none.
FIRST = torch.tensor([[1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [0] * 7, [0, 1, 1, 0, 1, 0, 0], [0] * 7]).bool()
SECOND = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 0, 0], [0] * 7, [0] * 7]).bool()


@pytest.fixture
def config(tiny_config):
    return tiny_config(task_lstm_size=4, task_dropout=0.0)


@pytest.fixture
def words():
    """Features of words; zero at masked words."""
    features = torch.randn(5, 7, D, generator=torch.Generator().manual_seed(1))
    return features.masked_fill(~(FIRST | SECOND).unsqueeze(-1), 0)


def initialized(module):
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.eval()


class TestMasks:
    def test_softmax_is_over_unmasked_words(self):
        scores, mask = torch.randn(5, 7), FIRST
        result = masked_softmax(scores, mask)
        for row, values, kept in zip(result, scores, mask):
            torch.testing.assert_close(row[kept], values[kept].softmax(0))
            assert not row[~kept].any()

    def test_pooling_ignores_masked_words(self, words):
        for pool, plain in ((masked_max, lambda w: w.amax(0)), (masked_mean, lambda w: w.mean(0))):
            for row, features, kept in zip(pool(words, FIRST), words, FIRST):
                torch.testing.assert_close(row, plain(features[kept]) if kept.any() else torch.zeros(D))

    @pytest.mark.parametrize("num_words", [0, 3])
    def test_fully_masked_rows_give_zeros_and_finite_gradients(self, num_words):
        features = torch.randn(2, num_words, D, requires_grad=True)
        mask = torch.zeros(2, num_words, dtype=torch.bool)
        for result in (
            masked_max(features, mask),
            masked_mean(features, mask),
            masked_softmax(features, mask[..., None]),
        ):
            assert not result.any()
            (gradient,) = torch.autograd.grad(result.sum(), features)
            assert not gradient.any()

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_has_no_nan(self, dtype):
        scores = torch.full((1, 3), torch.finfo(dtype).max, dtype=dtype)
        assert torch.isfinite(masked_softmax(scores, torch.tensor([[True, False, True]]))).all()


class TestDropoutSharedOverTexts:
    def test_drops_the_same_features_in_a_text_and_others_in_other_texts(self, words):
        types = torch.tensor([[0, 0, 0, 1, 1, 1, 1]]).expand(5, 7)
        features = torch.rand(5, 7, 200) + 1
        kept = dropout(features, 0.5, True, "text", types) != 0
        for row in kept:
            assert (row[:3] == row[0]).all()
            assert (row[3:] == row[3]).all()
            assert (row[0] != row[3]).any()
        assert (kept[0] != kept[1]).any()
        kept = dropout(features, 0.5, True, "text") != 0
        assert (kept == kept[:, :1]).all()

    def test_preserves_the_mean_product_of_two_texts(self):
        features, types = torch.rand(1, 2, 20000) + 1, torch.tensor([[0, 1]])
        first, second = dropout(features, 0.5, True, "text", types)[0]
        assert float(first @ second / (features[0, 0] @ features[0, 1])) == pytest.approx(1, abs=0.05)

    def test_applies_in_training_only(self, words):
        assert torch.equal(dropout(words, 0.5, False, "text"), words)


class TestTaskInput:
    def test_concatenates_static_vectors_and_elmo(self, tiny_config):
        layer = initialized(TaskInput(tiny_config(word_vector_size=3, vocab_size=9), None))
        elmo, ids = torch.randn(2, 4, 8), torch.randint(9, (2, 4))
        output = layer(ids, elmo)
        assert layer.output_size == 11
        assert torch.equal(output[..., :3], layer.word_vectors.weight[ids])
        assert torch.equal(output[..., 3:], elmo)

    def test_either_may_be_missing(self, tiny_config):
        elmo, ids = torch.randn(2, 4, 8), torch.randint(5, (2, 4))
        assert torch.equal(TaskInput(tiny_config(), None)(None, elmo), elmo)
        layer = initialized(TaskInput(tiny_config(word_vector_size=3, elmo_at_input=False), None))
        assert torch.equal(layer(ids, elmo), layer.word_vectors.weight[ids])
        assert layer.output_size == 3

    @pytest.mark.parametrize("shared_over", [None, "text"])
    def test_each_part_is_dropped_out_in_training_at_its_own_rate(self, tiny_config, shared_over):
        rates = {"task_dropout": 0.5, "representation_dropout": 0.2}
        layer = initialized(TaskInput(tiny_config(word_vector_size=200, **rates), shared_over))
        ids, elmo = torch.zeros(1, 30, dtype=torch.long), torch.ones(1, 30, 200)
        expected, output = layer(ids, elmo)[0], layer.train()(ids, elmo)[0]
        for part, rate in ((slice(0, 200), 0.5), (slice(200, 400), 0.2)):
            kept = output[:, part] != 0
            assert kept.float().mean() == pytest.approx(1 - rate, abs=0.1)
            assert bool((kept == kept[0]).all()) == (shared_over == "text")
            torch.testing.assert_close(output[:, part][kept] * (1 - rate), expected[:, part][kept])


class TestTaskEncoder:
    @pytest.mark.parametrize("num_layers", [1, 2])
    def test_equals_a_plain_lstm_on_each_text(self, config, words, num_layers):
        encoder = initialized(TaskEncoder(config, D, num_layers))
        output = encoder(words, FIRST | SECOND, SECOND)
        assert output.shape == (5, 7, encoder.output_size) == (5, 7, 8)
        for row, features, *masks in zip(output, words, FIRST, SECOND):
            for mask in masks:
                if mask.any():
                    expected, _ = nn.LSTM.forward(encoder.lstm, features[mask].unsqueeze(1))
                    torch.testing.assert_close(row[mask], expected.squeeze(1), atol=1e-6, rtol=1e-5)
        assert not output[~(FIRST | SECOND)].any()

    @pytest.mark.parametrize("num_layers", [1, 2])
    def test_values_and_gradients_equal_those_of_torch(self, config, words, num_layers, monkeypatch):
        encoder = initialized(TaskEncoder(config, D, num_layers)).double()
        results, calls, forward = [], [], TaskLSTM.forward
        monkeypatch.setattr(TaskLSTM, "forward", lambda *args: calls.append(1) or forward(*args))
        for is_torch in (False, True):
            if is_torch:
                monkeypatch.setattr("modeling_elmo.model.task_layers.is_traced", lambda *tensors: True)
            inputs = words.detach().double().requires_grad_()
            output = encoder(inputs, FIRST | SECOND, SECOND)
            weight = torch.arange(output.numel(), dtype=torch.float64).view_as(output).sin()
            parts = [inputs, *encoder.parameters()]
            results.append([output, *torch.autograd.grad((output * weight).sum(), parts)])
            assert len(calls) == is_torch
        for fast, plain in zip(*results):
            torch.testing.assert_close(fast, plain)

    def test_torch_runs_where_a_hook_would_not_be_called(self, config, words):
        encoder, calls = initialized(TaskEncoder(config, D, 1)), []
        encoder.lstm.register_forward_hook(lambda *_: calls.append(1))
        encoder(words, FIRST | SECOND, SECOND).sum().backward()
        assert calls == [1]

    def test_torch_runs_if_it_is_as_fast(self, config, words):
        encoder, calls = initialized(TaskEncoder(config, D, 1)), []
        encoder.lstm.register_forward_hook(lambda *_: calls.append(1))
        encoder(words[:1], FIRST[:1])
        assert len(calls) == 1
        with torch.no_grad():
            encoder(words, FIRST)
        assert len(calls) == 2

    @pytest.mark.parametrize("is_autocast", [True, False])
    def test_half_precision_is_close_to_single(self, config, words, is_autocast):
        encoder = initialized(TaskEncoder(config, D, 2))
        expected = encoder(words, FIRST | SECOND, SECOND)
        if is_autocast:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                output = encoder(words, FIRST | SECOND, SECOND)
        else:
            output = encoder.bfloat16()(words.bfloat16(), FIRST | SECOND, SECOND)
        assert output.dtype == torch.bfloat16
        torch.testing.assert_close(output.float(), expected, atol=0.03, rtol=0.03)

    def test_dropout_between_layers_applies_in_training_only(self, tiny_config, words):
        encoder = initialized(TaskEncoder(tiny_config(task_dropout=0.5, task_lstm_size=20), D, 2))
        outputs = [encoder.train(mode)(words, FIRST) for mode in (True, True, False, False)]
        assert not torch.allclose(outputs[0], outputs[1])
        assert torch.equal(outputs[2], outputs[3])

    def test_without_layers_returns_its_input(self, config, words):
        encoder = TaskEncoder(config, D, 0)
        assert encoder.output_size == D
        assert torch.equal(encoder(words, FIRST), words.masked_fill(~FIRST.unsqueeze(-1), 0))
        assert not list(encoder.parameters())

    def test_returns_zeros_without_words(self, config):
        encoder = initialized(TaskEncoder(config, D, 1))
        for num_words in (0, 3):
            output = encoder(torch.randn(2, num_words, D), torch.zeros(2, num_words, dtype=torch.bool))
            assert output.shape == (2, num_words, 8)
            assert not output.any()

    def test_dropout_is_between_layers_and_on_the_output(self, tiny_config):
        encoder = initialized(TaskEncoder(tiny_config(task_dropout=0.5, task_lstm_size=40), D, 2, 0.5)).train()
        inputs, mask = torch.randn(1, 5, D), torch.ones(1, 5, dtype=torch.bool)
        output = encoder(inputs, mask)
        assert 0.3 < (output == 0).float().mean() < 0.7
        kept = output != 0
        encoder.output_dropout = 0.0
        assert not torch.allclose(encoder(inputs, mask)[kept] * 2, output[kept])

    @pytest.mark.parametrize("shared_over", [None, "text"])
    @pytest.mark.parametrize("rate", [0.0, 0.5])
    def test_output_dropout_is_shared_over_words_as_requested(self, tiny_config, rate, shared_over):
        encoder = initialized(TaskEncoder(tiny_config(task_dropout=0.5, task_lstm_size=40), D, 1, rate, shared_over))
        inputs, mask = torch.randn(1, 6, D), torch.ones(1, 6, dtype=torch.bool)
        types = torch.tensor([[0, 0, 0, 1, 1, 1]])
        expected = encoder(inputs, mask, types)
        output = encoder.train()(inputs, mask, types)
        assert torch.equal(output, expected) == (rate == 0)
        kept = output[0] != 0
        is_alike = [bool((text == text[0]).all()) for text in (kept[:3], kept[3:])]
        assert is_alike == [rate == 0 or shared_over == "text"] * 2
        torch.testing.assert_close(output[0][kept], expected[0][kept] / (1 - rate))


class TestPooling:
    def test_concatenates_the_kinds_in_the_order_of_the_config(self, tiny_config, words):
        layer = initialized(Pooling(tiny_config(pooling=["mean", "attention", "max"]), D))
        output = layer(words, FIRST)
        assert output.shape == (5, layer.output_size) == (5, 3 * D)
        for row, features, kept in zip(output, words, FIRST):
            values = features[kept]
            if not len(values):
                assert not row.any()
                continue
            share = torch.stack(
                [layer.attention.weight[0] @ word + layer.attention.bias[0] for word in values]
            ).softmax(0)
            attended = sum(s * word for s, word in zip(share, values))
            torch.testing.assert_close(row, torch.cat([values.mean(0), attended, values.amax(0)]))

    @pytest.mark.parametrize("kind", ["attention", "max", "mean"])
    def test_mean_in_training_equals_the_value_in_evaluation(self, tiny_config, words, kind):
        layer = initialized(Pooling(tiny_config(pooling=[kind], task_dropout=0.5), D))
        with torch.no_grad():
            expected = layer.eval()(words, FIRST)
            samples = torch.stack([layer.train()(words, FIRST) for _ in range(4000)])
        assert not torch.equal(samples[0], samples[1])
        torch.testing.assert_close(samples.mean(0), expected, atol=0.1 * float(expected.abs().max()), rtol=0)

    def test_has_weights_for_attention_only(self, tiny_config):
        assert not list(Pooling(tiny_config(pooling=["max", "mean"]), D).parameters())


class TestAlignment:
    def test_compares_each_word_with_attended_words_of_the_other_text(self, config, words):
        layer = initialized(Alignment(config, D, 4))
        sees = (FIRST.unsqueeze(2) & SECOND.unsqueeze(1)) | (SECOND.unsqueeze(2) & FIRST.unsqueeze(1))
        output = layer(words, sees)
        for row in range(5):
            for mine, others in ((FIRST[row], SECOND[row]), (SECOND[row], FIRST[row])):
                for word in mine.nonzero().flatten():
                    a, b = words[row, word], words[row, others]
                    aligned = sum(s * other for s, other in zip((b @ a).softmax(0), b)) if len(b) else torch.zeros(D)
                    features = torch.cat([a, aligned, a - aligned, a * aligned])
                    expected = (layer.projection.weight @ features + layer.projection.bias).relu()
                    torch.testing.assert_close(output[row, word], expected)

    def test_swapping_the_texts_swaps_the_halves_of_the_output(self, config, words):
        layer = initialized(PairComparison(config, D))
        output, exchanged = layer(words, FIRST, SECOND), layer(words, SECOND, FIRST)
        assert output.shape == (5, layer.output_size)
        torch.testing.assert_close(output, torch.cat(exchanged.chunk(2, dim=1)[::-1], dim=1))

    def test_each_text_is_composed_and_pooled_separately(self, config, words):
        layer = initialized(PairComparison(config, D))
        output = layer(words, FIRST, SECOND)
        sees = FIRST.unsqueeze(2) & SECOND.unsqueeze(1)
        compared = layer.alignment(words, sees | sees.transpose(1, 2))
        nothing = torch.zeros_like(FIRST)
        for half, mask in zip(output.chunk(2, dim=1), (FIRST, SECOND)):
            alone = layer.composition(compared, mask, nothing)
            torch.testing.assert_close(half, layer.pooling(alone, mask))


class TestBiAttention:
    def test_similarity_is_trilinear(self):
        layer, first, second = initialized(TrilinearSimilarity(D)), torch.randn(2, 3, D), torch.randn(2, 4, D)
        result = layer(first, second)
        for b, i, j in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4)).tolist():
            h, u = first[b, i], second[b, j]
            expected = layer.first_weight @ h + layer.second_weight @ u + layer.product_weight @ (h * u)
            torch.testing.assert_close(result[b, i, j], expected)

    def test_bi_attention_follows_its_equations(self, config, words):
        layer = initialized(BiAttention(config, D, 4))
        output = layer(words, SECOND, FIRST)
        assert not output[~SECOND].any()
        for row in range(5):
            h, q = words[row, SECOND[row]], words[row, FIRST[row]]
            if not len(h):
                continue
            if len(q):
                scores = layer.similarity(h[None], q[None])[0]
                attended = scores.softmax(1) @ q
                summary = scores.amax(1).softmax(0) @ h
            else:
                attended, summary = torch.zeros_like(h), torch.zeros(D)
            features = torch.cat([h, attended, h * attended, summary * attended], dim=1)
            torch.testing.assert_close(output[row, SECOND[row]], layer.projection(features).relu())

    def test_self_attention_sees_all_other_words(self, config, words):
        layer = initialized(SelfAttention(config, D, 4))
        output = layer(words, SECOND)
        assert not output[~SECOND].any()
        for row in range(5):
            h = words[row, SECOND[row]]
            for word in range(len(h)):
                others = torch.cat([h[:word], h[word + 1 :]])
                attended = torch.zeros(D)
                if len(others):
                    attended = layer.similarity(h[None, word : word + 1], others[None])[0, 0].softmax(0) @ others
                expected = layer.projection(torch.cat([h[word], attended, h[word] * attended])).relu()
                torch.testing.assert_close(output[row, SECOND[row]][word], expected)


LAYERS = {
    "encoder": lambda c: (TaskEncoder(c, D, 2), lambda m, w, a, b: m(w, a | b, b)),
    "pooling": lambda c: (Pooling(c, D), lambda m, w, a, b: m(w, a)),
    "comparison": lambda c: (PairComparison(c, D), lambda m, w, a, b: m(w, a, b)),
    "bi_attention": lambda c: (BiAttention(c, D, 4), lambda m, w, a, b: m(w, b, a)),
    "self_attention": lambda c: (SelfAttention(c, D, 4), lambda m, w, a, b: m(w, b)),
}


@pytest.mark.parametrize("name", LAYERS)
class TestEveryLayer:
    def test_has_finite_values_and_gradients_with_empty_texts(self, config, words, name):
        layer, call = LAYERS[name](config)
        initialized(layer)
        words.requires_grad_()
        for rows in (slice(None), slice(2, 3), slice(3, 4), slice(4, 5), slice(0, 0)):
            layer.zero_grad()
            output = call(layer, words[rows], FIRST[rows], SECOND[rows])
            assert torch.isfinite(output).all()
            if not output.requires_grad:
                continue
            gradients = torch.autograd.grad(output.sum(), [words, *layer.parameters()], allow_unused=True)
            assert all(gradient is None or torch.isfinite(gradient).all() for gradient in gradients)

    def test_rows_do_not_depend_on_the_batch_or_the_padding(self, config, words, name):
        layer, call = LAYERS[name](config)
        initialized(layer)
        together = call(layer, words, FIRST, SECOND)
        for row in range(5):
            alone = call(layer, words[row : row + 1], FIRST[row : row + 1], SECOND[row : row + 1])
            torch.testing.assert_close(alone[0], together[row], atol=1e-6, rtol=1e-5)
            kept = FIRST[row] | SECOND[row]
            shifted = [torch.cat([t[row][~kept], t[row][kept]])[None] for t in (words, FIRST, SECOND)]
            moved = call(layer, *shifted)[0]
            if moved.ndim == 2:
                moved, expected = moved[len(kept) - int(kept.sum()) :], together[row][kept]
            else:
                expected = together[row]
            torch.testing.assert_close(moved, expected, atol=1e-6, rtol=1e-5)

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
    def test_preserves_the_dtype(self, config, words, name, dtype):
        layer, call = LAYERS[name](config)
        assert call(initialized(layer).to(dtype), words.to(dtype), FIRST, SECOND).dtype == dtype


class TestFeedForward:
    def test_has_a_hidden_layer_except_in_a_probe(self, config, tiny_config):
        features = torch.randn(3, D)
        deep, flat = (
            initialized(FeedForward(config, D, 2)),
            initialized(FeedForward(tiny_config(task_lstm_layers=0), D, 2)),
        )
        assert deep.hidden.out_features == 8
        torch.testing.assert_close(deep(features), deep.output(deep.hidden(features).relu()))
        torch.testing.assert_close(flat(features), flat.output(features))


class TestInitialization:
    def test_recurrences_are_orthogonal_and_forget_gates_start_open(self, tiny_config):
        lstm = ElmoForSequenceClassification(tiny_config(task_lstm_size=8, task_lstm_layers=2)).encoder.lstm
        for name, parameter in lstm.named_parameters():
            gates = parameter.detach().chunk(4)
            if name.startswith("weight_hh"):
                for gate in gates:
                    torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
            elif name.startswith("weight_ih"):
                bound = (6 / sum(gates[0].shape)) ** 0.5
                assert 0.8 * bound < parameter.abs().max() <= bound
            else:
                expected = 1.0 if name.startswith("bias_ih") else 0.0
                assert [gate.unique().tolist() for gate in gates] == [[0.0], [expected], [0.0], [0.0]]
