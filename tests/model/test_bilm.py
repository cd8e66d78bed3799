# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import copy
import pickle
import threading
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModel, AutoTokenizer, DataCollatorForTokenClassification, Trainer, TrainingArguments
from transformers.integrations.neftune import activate_neftune
from transformers.modeling_outputs import TokenClassifierOutput
from transformers.utils import output_capturing

from modeling_elmo import ElmoConfig, ElmoModel, ElmoPreTrainedModel, ElmoTokenizer
from modeling_elmo.conversion_scripts import reference
from modeling_elmo.model import fast_lstm


TOKENIZER = ElmoTokenizer()

SENTENCES = [
    ["the", "cat", "sat"],
    ["one"],
    ["a", "much", "longer", "sentence", "of", "nine", "words", ",", "really"],
    [],
    ["naïve", "日本", "😀", "e-mail"],
]


def encode(sentences, **kwargs):
    return TOKENIZER(sentences, is_split_into_words=True, padding=True, return_tensors="pt", **kwargs)


def randomize(model, scale=0.5):
    """Weights large enough that a wrong turn anywhere shows."""
    for name, parameter in model.named_parameters():
        nn.init.normal_(parameter, std=scale)
        if name.endswith("character_embedding.weight"):
            parameter.data[0] = 0
    return model


@pytest.fixture
def make_model(tiny_config):
    def make(**kwargs):
        return randomize(ElmoModel(tiny_config(**kwargs))).eval()

    return make


class TestOutputs:
    def test_last_hidden_state_is_the_first_of_the_mixes(self, make_model):
        output = make_model(num_output_representations=3)(**encode(SENTENCES))
        assert len(output.elmo_representations) == 3
        assert torch.equal(output.last_hidden_state, output.elmo_representations[0])
        assert output.last_hidden_state.shape == (5, 11, 8)
        assert output.hidden_states is None
        assert output.state is None

    def test_hidden_states_are_the_token_embedding_twice_and_each_layer(self, make_model):
        model = make_model(num_hidden_layers=3)
        inputs = encode(SENTENCES)
        output = model(**inputs, output_hidden_states=True)
        assert len(output.hidden_states) == 4
        first, second = output.hidden_states[0].chunk(2, dim=-1)
        assert torch.equal(first, second)
        real = inputs["attention_mask"].bool()
        words = model.character_encoder(inputs["character_ids"][real])
        torch.testing.assert_close(first[real], words)

    def test_hidden_states_are_mixed_into_the_last_hidden_state(self, make_model):
        model = make_model()
        output = model(**encode(SENTENCES), output_hidden_states=True)
        mix = model.scalar_mixes[0]
        layers = [layer.detach().numpy() for layer in output.hidden_states]
        expected = reference.scalar_mix(layers, mix.weight.detach().numpy(), mix.gamma.item())
        np.testing.assert_allclose(output.last_hidden_state.detach().numpy(), expected, atol=1e-6)

    def test_everything_is_zero_outside_the_mask(self, make_model):
        inputs = encode(SENTENCES)
        output = make_model(mix_layer_norm=True)(**inputs, output_hidden_states=True)
        for tensor in (*output.hidden_states, *output.elmo_representations):
            assert not tensor[inputs["attention_mask"] == 0].any()
            assert tensor[inputs["attention_mask"] == 1].any(-1).all()

    @pytest.mark.skipif(
        not hasattr(output_capturing, "selected_hidden_states"), reason="this transformers returns all hidden states"
    )
    def test_selected_hidden_states_only(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        everything = model(**inputs, output_hidden_states=True).hidden_states
        selected = model(**inputs, output_hidden_states=[0, -1]).hidden_states
        assert [state is None for state in selected] == [False, True, False]
        assert torch.equal(selected[-1], everything[-1])

    @pytest.mark.parametrize("by_config", [True, False])
    def test_returns_a_tuple_where_asked(self, make_model, by_config):
        model, inputs = make_model(), encode(SENTENCES)
        expected = model(**inputs, output_hidden_states=True)
        model.config.return_dict = not by_config
        output = model(**inputs, output_hidden_states=True, **({} if by_config else {"return_dict": False}))
        assert isinstance(output, tuple)
        assert torch.equal(output[0], expected.last_hidden_state)
        assert len(output) == 3

    def test_hidden_states_retain_gradients(self, make_model):
        output = make_model(freeze_bilm=False)(**encode(SENTENCES), output_hidden_states=True)
        for state in output.hidden_states:
            state.retain_grad()
        output.last_hidden_state.square().sum().backward()
        assert all(state.grad.abs().sum() > 0 for state in output.hidden_states)

    def test_same_input_gives_the_same_output_on_every_call(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        first = model(**inputs).last_hidden_state
        model(**encode([["something", "else"]]))
        assert torch.equal(first, model(**inputs).last_hidden_state)


class TestBatches:
    """What a sentence gives does not depend on its neighbours, its place, its padding."""

    @settings(max_examples=30)
    @given(st.data())
    def test_a_sentence_gives_the_same_in_any_batch_order_and_padding(self, data):
        torch.manual_seed(0)
        config = ElmoConfig(cell_size=6, projection_size=4, character_embedding_size=3, character_filters=[[2, 5]])
        model = randomize(ElmoModel(config)).eval()
        sentences = data.draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6))
        # Each row: the sentence's words with holes anywhere between, before and after them.
        width = max(map(len, sentences)) + 2 + data.draw(st.integers(0, 4))
        characters = torch.full((len(sentences), width, 50), data.draw(st.sampled_from([0, 77, 261])))
        mask = torch.zeros(len(sentences), width, dtype=torch.long)
        for row, sentence in enumerate(sentences):
            alone = encode([sentence])["character_ids"][0]
            columns = sorted(data.draw(st.permutations(range(width)))[: len(alone)])
            characters[row, columns] = alone
            mask[row, columns] = 1
        with torch.no_grad():
            output = model(character_ids=characters, attention_mask=mask, output_hidden_states=True)
            for row, sentence in enumerate(sentences):
                alone = model(**encode([sentence]), output_hidden_states=True)
                for got, expected in zip(output.hidden_states, alone.hidden_states):
                    torch.testing.assert_close(got[row][mask[row] == 1], expected[0], atol=1e-6, rtol=0)

    def test_left_and_right_padding_agree(self, make_model):
        model = make_model()
        left, right = (encode(SENTENCES, padding_side=side) for side in ("left", "right"))
        got, expected = model(**left).last_hidden_state, model(**right).last_hidden_state
        for row in range(len(SENTENCES)):
            words = got[row][left["attention_mask"][row] == 1]
            torch.testing.assert_close(words, expected[row][right["attention_mask"][row] == 1], atol=1e-6, rtol=0)

    def test_mask_defaults_to_positions_that_are_not_padding(self, make_model):
        inputs = encode(SENTENCES)
        characters, words = make_model(), make_model(token_input="words", vocab_size=5)
        for model, name in ((characters, "character_ids"), (words, "input_ids")):
            expected = model(**{name: inputs[name], "attention_mask": inputs["attention_mask"]}).last_hidden_state
            assert torch.equal(model(**{name: inputs[name]}).last_hidden_state, expected)

    @pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
    def test_empty_batches_give_empty_outputs(self, make_model, shape):
        output = make_model()(character_ids=torch.zeros(*shape, 50, dtype=torch.long), output_hidden_states=True)
        assert output.last_hidden_state.shape == (*shape, 8)
        assert output.hidden_states[-1].shape == (*shape, 8)

    def test_rows_without_words_are_zero_and_harm_nobody(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        expected = model(**inputs).last_hidden_state
        inputs["attention_mask"][1] = 0
        got = model(**inputs).last_hidden_state
        assert not got[1].any()
        torch.testing.assert_close(got[[0, 2, 3, 4]], expected[[0, 2, 3, 4]])
        inputs["attention_mask"][:] = 0
        assert not model(**inputs).last_hidden_state.any()

    def test_two_threads_get_what_one_gets(self, make_model):
        model = make_model()
        batches = [encode([sentence]) for sentence in SENTENCES] * 8
        with torch.no_grad():
            expected = [model(**batch, output_hidden_states=True).hidden_states for batch in batches]
        results: dict[int, list] = {}

        def work(thread):
            with torch.no_grad():
                order = batches if thread % 2 else batches[::-1]
                results[thread] = [model(**batch, output_hidden_states=True).hidden_states for batch in order]

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread, result in results.items():
            for got, wanted in zip(result if thread % 2 else result[::-1], expected):
                assert all(torch.equal(a, b) for a, b in zip(got, wanted))
        assert len(results) == 4

    def test_a_sentence_of_thousands_of_words_works(self, make_model):
        output = make_model()(**encode([["word"] * 3000]))
        assert torch.isfinite(output.last_hidden_state).all()


class TestSegments:
    def test_each_segment_is_a_sentence_of_its_own(self, make_model):
        model = make_model()
        pairs = [(SENTENCES[0], SENTENCES[2]), (SENTENCES[4], SENTENCES[1])]
        inputs = TOKENIZER(
            [pair[0] for pair in pairs],
            [pair[1] for pair in pairs],
            is_split_into_words=True,
            padding=True,
            return_tensors="pt",
        )
        output = model(**inputs).last_hidden_state
        for row, pair in enumerate(pairs):
            alone = [model(**encode([segment])).last_hidden_state[0] for segment in pair]
            expected = torch.cat(alone)
            torch.testing.assert_close(output[row, : len(expected)], expected, atol=1e-6, rtol=0)

    def test_padding_between_equal_types_does_not_end_a_segment(self, make_model):
        model, inputs = make_model(), encode([SENTENCES[0]])
        inputs["attention_mask"][0, 2] = 0
        with_types = model(**inputs).last_hidden_state
        inputs["token_type_ids"][0, 2] = 1
        assert torch.equal(model(**inputs).last_hidden_state, with_types)

    @pytest.mark.parametrize("kwargs", [{"use_cache": True}, {"state": True}])
    def test_state_and_several_segments_exclude_one_another(self, make_model, kwargs):
        model = make_model()
        inputs = TOKENIZER("one two", "three", return_tensors="pt")
        if "state" in kwargs:
            kwargs["state"] = (torch.zeros(4, 1, 4), torch.zeros(4, 1, 6))
        with pytest.raises(ValueError, match="requires one sequence per row"):
            model(**inputs, **kwargs)


class TestState:
    def test_forward_half_of_a_text_in_pieces_is_that_of_the_whole(self, make_model):
        model = make_model()
        whole = encode([SENTENCES[2], SENTENCES[2][::-1]], add_special_tokens=False)["character_ids"]
        expected = model(character_ids=whole, output_hidden_states=True).hidden_states[-1]
        state, pieces = None, []
        for piece in whole.split(4, dim=1):
            output = model(character_ids=piece, state=state, use_cache=True, output_hidden_states=True)
            pieces.append(output.hidden_states[-1])
            state = output.state
        got = torch.cat(pieces, dim=1)
        torch.testing.assert_close(got[..., :4], expected[..., :4], atol=1e-6, rtol=0)
        assert not torch.allclose(got[..., 4:], expected[..., 4:])

    def test_state_has_the_shape_and_order_of_torch_lstm(self, make_model):
        model = make_model(num_hidden_layers=3)
        inputs = encode([SENTENCES[0]])
        output = model(**inputs, use_cache=True, output_hidden_states=True)
        hidden, cell = output.state
        assert hidden.shape == (6, 1, 4)
        assert cell.shape == (6, 1, 6)
        # The first layer has no skip connection: its output is its hidden state.
        torch.testing.assert_close(hidden[0, 0], output.hidden_states[1][0, -1, :4])
        torch.testing.assert_close(hidden[1, 0], output.hidden_states[1][0, 0, 4:])

    def test_zero_state_is_the_default(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        state = torch.zeros(4, 5, 4), torch.zeros(4, 5, 6)
        assert torch.equal(model(**inputs, state=state).last_hidden_state, model(**inputs).last_hidden_state)

    def test_state_passes_rows_without_words_unchanged(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        inputs["attention_mask"][1] = 0
        state = torch.randn(4, 5, 4), torch.randn(4, 5, 6)
        after = model(**inputs, state=state, use_cache=True).state
        for got, before in zip(after, state):
            assert torch.equal(got[:, 1], before[:, 1])
            assert not torch.equal(got[:, 0], before[:, 0])

    def test_a_state_of_another_precision_is_converted(self, make_model):
        model, inputs = make_model().to(torch.bfloat16), encode(SENTENCES)
        state = torch.randn(4, 5, 4).double(), torch.randn(4, 5, 6).double()
        after = model(**inputs, state=state, use_cache=True).state
        assert [tensor.dtype for tensor in after] == [torch.bfloat16, torch.float32]

    def test_given_state_is_not_changed(self, make_model):
        state = torch.randn(4, 5, 4), torch.randn(4, 5, 6)
        copies = copy.deepcopy(state)
        make_model()(**encode(SENTENCES), state=state, use_cache=True)
        assert all(torch.equal(a, b) for a, b in zip(state, copies))

    @pytest.mark.parametrize(
        ("state", "message"),
        [
            (
                (torch.zeros(4, 2, 4), torch.zeros(4, 5, 6)),
                r"hidden states: expected shape \(4, 5, 4\), found \(4, 2, 4\)",
            ),
            (
                (torch.zeros(4, 5, 4), torch.zeros(2, 5, 6)),
                r"cell states: expected shape \(4, 5, 6\), found \(2, 5, 6\)",
            ),
            ((torch.zeros(4, 5, 4),), "expected a pair .* found 1 items"),
            (5, "expected a pair .* found int"),
            ((None, None), "hidden states: expected a tensor, found NoneType"),
        ],
    )
    def test_refuses_a_state_of_another_model_or_batch(self, make_model, state, message):
        with pytest.raises(ValueError, match=message):
            make_model()(**encode(SENTENCES), state=state)


class TestInputs:
    def test_token_embeddings_take_the_place_of_characters(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        embeddings = model(**inputs, output_hidden_states=True).hidden_states[0][..., :4].clone()
        embeddings[inputs["attention_mask"] == 0] = float("nan")
        output = model(inputs_embeds=embeddings, attention_mask=inputs["attention_mask"])
        torch.testing.assert_close(output.last_hidden_state, model(**inputs).last_hidden_state)

    def test_token_embeddings_are_all_real_by_default(self, make_model):
        assert make_model()(inputs_embeds=torch.randn(2, 3, 4)).last_hidden_state.any(-1).all()

    def test_a_model_that_reads_words_needs_only_word_ids(self, make_model):
        model = make_model(token_input="words", vocab_size=7)
        output = model(input_ids=torch.tensor([[0, 6, 1]]), output_hidden_states=True)
        assert torch.equal(output.hidden_states[0][0, :, :4], model.word_embedding.weight[[0, 6, 1]])

    @pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
    def test_ids_of_any_integer_type_are_taken(self, make_model, dtype):
        inputs = encode(SENTENCES[:2])
        inputs["character_ids"] = inputs["character_ids"].clamp(max=200)
        model = make_model()
        expected = model(**inputs).last_hidden_state
        inputs["character_ids"] = inputs["character_ids"].to(dtype)
        assert torch.equal(model(**inputs).last_hidden_state, expected)

    @pytest.mark.parametrize("convert", [torch.Tensor.bool, torch.Tensor.float, lambda mask: 2 * mask])
    def test_a_mask_of_any_type_is_taken(self, make_model, convert):
        inputs, model = encode(SENTENCES), make_model()
        expected = model(**inputs).last_hidden_state
        inputs["attention_mask"] = convert(inputs["attention_mask"])
        assert torch.equal(model(**inputs).last_hidden_state, expected)

    def test_a_word_with_a_zero_among_its_characters_is_real(self, make_model):
        characters = encode([["word"]])["character_ids"]
        characters[0, 1, 5:] = 0
        assert make_model()(character_ids=characters).last_hidden_state.any(-1).all()

    def test_without_a_padding_id_every_word_id_is_real(self, make_model):
        model = make_model(token_input="words", vocab_size=5)
        model.config.pad_token_id = None
        assert model(input_ids=torch.arange(5)[None]).last_hidden_state.any(-1).all()

    def test_dummy_inputs_run(self, make_model):
        for model in (make_model(), make_model(token_input="words")):
            assert model(**model.dummy_inputs).last_hidden_state.shape == (1, 1, 8)

    @pytest.mark.parametrize(
        ("reads", "change", "message"),
        [
            ("characters", {"character_ids": None}, "reads characters: pass character_ids .* found only input_ids"),
            ("characters", {"character_ids": None, "input_ids": None}, "found nothing"),
            (
                "characters",
                {"character_ids": torch.zeros(5, 11, 40).long()},
                r"expected shape \(batch, words, 50\).*11, 40",
            ),
            ("characters", {"character_ids": torch.zeros(5, 11).long()}, r"found \(5, 11\)"),
            ("characters", {"character_ids": torch.full((5, 11, 50), 262)}, "ids from 0 to 261, found 262"),
            ("characters", {"character_ids": torch.full((5, 11, 50), -1)}, "ids from 0 to 261, found -1"),
            (
                "characters",
                {"character_ids": torch.zeros(5, 11, 50)},
                "character_ids: expected integers, found torch.float32",
            ),
            (
                "characters",
                {"input_ids": torch.zeros(5, 10).long()},
                r"input_ids: expected shape \(5, 11\), found \(5, 10\)",
            ),
            ("characters", {"attention_mask": torch.ones(5, 10)}, r"attention_mask: expected shape \(5, 11\)"),
            ("characters", {"attention_mask": torch.ones(5)}, r"attention_mask: .* found \(5,\)"),
            ("characters", {"token_type_ids": torch.ones(4, 11)}, r"token_type_ids: .* found \(4, 11\)"),
            ("characters", {"inputs_embeds": torch.ones(5, 11, 4)}, "mutually exclusive"),
            (
                "characters",
                {"inputs_embeds": torch.ones(5, 11, 8)},
                r"inputs_embeds: expected shape \(batch, words, 4\)",
            ),
            ("characters", {"inputs_embeds": torch.ones(5, 11, 4).long()}, "expected a floating-point dtype"),
            ("characters", {"inputs_embeds": torch.ones(5, 11, 4), "input_ids": None}, "mutually exclusive"),
            ("characters", {"character_ids": np.zeros((5, 11, 50))}, "character_ids: expected a tensor, found ndarray"),
            ("characters", {"character_ids": torch.zeros(5, 11, 50).bool()}, "expected integers, found torch.bool"),
            ("characters", {"attention_mask": np.ones((5, 11))}, "attention_mask: expected a tensor, found ndarray"),
            ("characters", {"attention_mask": -torch.ones(5, 11)}, "expected 1 at real words .* negative"),
            ("words", {"input_ids": None}, "reads words: pass input_ids"),
            ("words", {"input_ids": torch.zeros(5, 11, 1).long()}, r"input_ids: expected shape \(batch, words\)"),
            ("words", {"input_ids": torch.full((5, 11), 5)}, "input_ids: expected ids from 0 to 4, found 5"),
            ("words", {"input_ids": torch.zeros(5, 11)}, "input_ids: expected integers"),
        ],
    )
    def test_refuses_inputs_that_do_not_fit(self, make_model, reads, change, message):
        with pytest.raises(ValueError, match=message):
            make_model(token_input=reads)(**{**encode(SENTENCES), **change})


class TestTraining:
    def test_only_the_mixes_train_by_default(self, make_model):
        model = make_model().train()
        assert {name for name, p in model.named_parameters() if p.requires_grad} == {
            "scalar_mixes.0.weight",
            "scalar_mixes.0.gamma",
        }
        output = model(**encode(SENTENCES), output_hidden_states=True)
        # Nothing of the biLM is kept for a backward pass.
        assert not any(state.requires_grad for state in output.hidden_states)
        output.last_hidden_state.sum().backward()
        assert model.scalar_mixes[0].weight.grad.abs().sum() > 0

    @pytest.mark.parametrize("token_input", ["characters", "words"])
    def test_one_switch_lets_everything_train(self, make_model, token_input):
        model = make_model(freeze_bilm=False, token_input=token_input, num_output_representations=2)
        sum(output.square().sum() for output in model(**encode(SENTENCES)).elmo_representations).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name

    @pytest.mark.parametrize("freeze", [True, False])
    def test_freezing_survives_loading(self, make_model, tmp_path, freeze):
        make_model().save_pretrained(tmp_path)
        for loaded in (
            ElmoModel.from_pretrained(tmp_path, freeze_bilm=freeze),
            AutoModel.from_pretrained(tmp_path, freeze_bilm=freeze),
            ElmoModel.from_pretrained(tmp_path, freeze_bilm=freeze, output_loading_info=True)[0],
        ):
            frozen = {name for name, parameter in loaded.named_parameters() if not parameter.requires_grad}
            biLM = {name for name, _ in loaded.named_parameters() if not name.startswith("scalar_mixes")}
            assert frozen == (biLM if freeze else set())

    def test_gradients_flow_through_a_frozen_bilm_to_token_embeddings(self, make_model):
        embeddings = torch.randn(2, 3, 4, requires_grad=True)
        make_model()(inputs_embeds=embeddings).last_hidden_state.sum().backward()
        assert embeddings.grad.abs().sum() > 0

    @pytest.mark.parametrize("mix_layer_norm", [True, False])
    def test_gradients_are_right(self, make_model, mix_layer_norm):
        model = make_model(
            cell_size=3, projection_size=2, cell_clip=0.5, projection_clip=0.4, mix_layer_norm=mix_layer_norm
        ).double()
        layers = {name: p for name, p in model.named_parameters() if not name.startswith("character_encoder")}
        embeddings = torch.randn(2, 3, 2, dtype=torch.double, requires_grad=True)
        mask = torch.tensor([[1, 1, 0], [1, 1, 1]])

        def run(embeddings, *values):
            kwargs = {"inputs_embeds": embeddings, "attention_mask": mask}
            output = torch.func.functional_call(model, dict(zip(layers, values)), kwargs=kwargs)
            return output.last_hidden_state

        values = [parameter.detach().requires_grad_() for parameter in layers.values()]
        assert torch.autograd.gradcheck(run, (embeddings, *values))

    def test_checkpointing_changes_no_gradient(self, make_model):
        model = make_model(freeze_bilm=False, num_hidden_layers=3).train()
        gradients = []
        for checkpointing in (False, True):
            if checkpointing:
                enable = "activation_checkpointing_enable"  # its newer name
                getattr(model, enable, model.gradient_checkpointing_enable)()
            model.zero_grad()
            model(**encode(SENTENCES)).last_hidden_state.square().sum().backward()
            gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
        assert all(layer.gradient_checkpointing for layer in model.layers)
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(gradients[1][name], gradient)

    def test_a_few_steps_lower_a_loss(self, make_model):
        model = make_model(freeze_bilm=False).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        inputs, target = encode(SENTENCES), torch.randn(5, 11, 8)
        losses = []
        for _ in range(20):
            loss = ((model(**inputs).last_hidden_state - target) ** 2).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    def test_drops_representations_independently_in_training_only(self, make_model):
        model, inputs = make_model(representation_dropout=0.5, num_output_representations=2), encode(SENTENCES)
        expected = model(**inputs).elmo_representations
        model.scalar_mixes[1].load_state_dict(model.scalar_mixes[0].state_dict())
        first, second = model.train()(**inputs).elmo_representations
        assert not torch.equal(first, second)
        kept = first != 0
        torch.testing.assert_close(first[kept], 2 * expected[0][kept])
        real = inputs["attention_mask"].bool()
        assert 0.3 < kept[real].float().mean() < 0.7

    def test_trains_with_drop_out_between_layers_where_the_original_has_it(self, make_model):
        inputs = encode(SENTENCES)
        for freeze in (True, False):
            model = make_model(lstm_dropout=0.5, freeze_bilm=freeze).train()
            first, second = (model(**inputs).last_hidden_state for _ in range(2))
            assert torch.equal(first, second) == freeze


class TestScalarMix:
    def test_fixed_weights_are_not_parameters_and_win_over_stored_ones(self, make_model, tmp_path, tiny_config):
        make_model().save_pretrained(tmp_path)
        model = ElmoModel.from_pretrained(tmp_path, mix_parameters=[-1e4, 0, -1e4])
        output = model(**encode(SENTENCES), output_hidden_states=True)
        assert list(model.scalar_mixes.parameters()) == []
        torch.testing.assert_close(output.last_hidden_state, output.hidden_states[1])

    def test_stored_mixes_that_find_no_place_are_reported(self, make_model, tmp_path):
        make_model(num_output_representations=2).save_pretrained(tmp_path)
        _, report = ElmoModel.from_pretrained(tmp_path, num_output_representations=1, output_loading_info=True)
        assert set(report["unexpected_keys"]) == {"scalar_mixes.1.weight", "scalar_mixes.1.gamma"}
        _, report = ElmoModel.from_pretrained(tmp_path, mix_parameters=[0, 0, 1], output_loading_info=True)
        assert not report["unexpected_keys"]


class TestPrecision:
    # Wide enough that rounding averages out as it does in a real model.
    SIZES = {"cell_size": 64, "projection_size": 32, "character_filters": [[1, 16], [2, 16], [3, 32]]}

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_half_precision_stays_close_with_its_cell_state_in_float32(self, tiny_config, tmp_path, dtype):
        model = ElmoModel(tiny_config(**self.SIZES)).eval()
        model.save_pretrained(tmp_path)
        half = AutoModel.from_pretrained(tmp_path, dtype=dtype)
        assert {parameter.dtype for parameter in half.parameters()} == {dtype}
        inputs = encode(SENTENCES)
        got, expected = (m(**inputs, use_cache=True, output_hidden_states=True) for m in (half, model))
        assert got.last_hidden_state.dtype == got.state[0].dtype == dtype
        assert got.state[1].dtype == torch.float32
        real = inputs["attention_mask"].bool()
        for a, b in zip(got.hidden_states, expected.hidden_states):
            assert nn.functional.cosine_similarity(a[real].float(), b[real], dim=-1).min() > 0.999

    def test_half_precision_trains(self, tiny_config):
        model = ElmoModel(tiny_config(**self.SIZES, freeze_bilm=False)).to(torch.bfloat16).train()
        model(**encode(SENTENCES)).last_hidden_state.float().square().sum().backward()
        assert all(torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in model.parameters())

    def test_autocast_trains_with_float32_weights_and_cell_state(self, tiny_config):
        model = ElmoModel(tiny_config(**self.SIZES, freeze_bilm=False)).train()
        inputs = encode(SENTENCES)
        expected = model(**inputs).last_hidden_state
        with torch.autocast("cpu", dtype=torch.bfloat16):
            embedded = model(inputs_embeds=torch.randn(2, 3, 32), use_cache=True)
            output = model(**inputs, use_cache=True)
        assert embedded.state[1].dtype == torch.float32
        assert output.state[1].dtype == torch.float32
        output.last_hidden_state.float().sum().backward()
        assert all(p.grad.dtype == torch.float32 and torch.isfinite(p.grad).all() for p in model.parameters())
        real = inputs["attention_mask"].bool()
        got = output.last_hidden_state.float()
        assert nn.functional.cosine_similarity(got[real], expected[real], dim=-1).min() > 0.999

    def test_double_precision_is_double_throughout(self, make_model):
        output = make_model().double()(**encode(SENTENCES), use_cache=True)
        assert {output.last_hidden_state.dtype, output.state[0].dtype, output.state[1].dtype} == {torch.float64}


class TestInitialization:
    CONFIG = {"cell_size": 60, "projection_size": 20, "character_embedding_size": 16, "character_filters": [[3, 400]]}

    @pytest.mark.parametrize("hidden_act", ["relu", "tanh"])
    def test_weights_are_drawn_as_the_original_draws_them(self, tiny_config, hidden_act):
        model = ElmoModel(tiny_config(**self.CONFIG, hidden_act=hidden_act))
        encoder, lstm = model.character_encoder, model.layers[1].backward_lstm
        uniform = lambda bound: (-bound, bound, bound / 3**0.5)  # noqa: E731
        embedding = encoder.character_embedding.weight
        assert not embedding[0].any()
        check_distribution(embedding[1:], *uniform(1.0))
        convolution = encoder.convolutions[0]
        if hidden_act == "relu":
            check_distribution(convolution.weight, *uniform(0.05))
        else:
            check_distribution(convolution.weight, None, None, (3 * 16) ** -0.5)
        highway = encoder.highway_layers[0]
        check_distribution(highway.gate.weight, None, None, 400**-0.5)
        check_distribution(highway.transform.weight, None, None, 400**-0.5)
        check_distribution(encoder.projection.weight, None, None, 400**-0.5)
        check_distribution(lstm.weight_ih, *uniform((6 / (40 + 240)) ** 0.5))
        check_distribution(lstm.weight_hh, *uniform((6 / (40 + 240)) ** 0.5))
        check_distribution(lstm.weight_hr, *uniform((6 / (20 + 60)) ** 0.5))
        for bias in (convolution.bias, highway.transform.bias, encoder.projection.bias, lstm.bias):
            assert not bias.any()
        assert (highway.gate.bias == -2).all()
        assert not model.scalar_mixes[0].weight.any()
        assert model.scalar_mixes[0].gamma == 1

    def test_word_embeddings_are_drawn_as_the_original_draws_them(self, tiny_config):
        weight = ElmoModel(tiny_config(token_input="words", vocab_size=500)).word_embedding.weight
        bound = (6 / 504) ** 0.5
        check_distribution(weight, -bound, bound, bound / 3**0.5)

    def test_weights_of_other_shapes_are_drawn_where_asked_for_and_the_others_kept(self, tiny_config, tmp_path):
        model = randomize(ElmoModel(tiny_config(**self.CONFIG)))
        model.save_pretrained(tmp_path)
        weights = load_file(tmp_path / "model.safetensors")
        others = {
            "character_encoder.character_embedding.weight",
            "character_encoder.highway_layers.0.gate.bias",
            "layers.0.forward_lstm.weight_ih",
            "layers.1.backward_lstm.bias",
        }
        save_file(
            {name: value[1:].clone() if name in others else value for name, value in weights.items()},
            tmp_path / "model.safetensors",
            metadata={"format": "pt"},
        )
        loaded, report = ElmoModel.from_pretrained(
            tmp_path, num_output_representations=2, ignore_mismatched_sizes=True, output_loading_info=True
        )
        assert {name for name, *_ in report["mismatched_keys"]} == others
        assert set(report["missing_keys"]) == {"scalar_mixes.1.weight", "scalar_mixes.1.gamma"}
        for name, value in loaded.state_dict().items():
            if name in weights and name not in others:
                assert torch.equal(value, weights[name]), name
        embedding = loaded.character_encoder.character_embedding.weight
        assert not embedding[0].any()
        check_distribution(embedding[1:], -1, 1, 1 / 3**0.5)
        assert (loaded.character_encoder.highway_layers[0].gate.bias == -2).all()
        bound = (6 / (40 + 240)) ** 0.5
        check_distribution(loaded.layers[0].forward_lstm.weight_ih, -bound, bound, bound / 3**0.5)
        assert not loaded.layers[1].backward_lstm.bias.any()
        assert loaded.scalar_mixes[1].gamma == 1


def check_distribution(values, low, high, std):
    values = values.detach().double()
    if low is not None:
        assert low <= values.min()
        assert values.max() <= high
        assert values.max() > 0.95 * high
    # Five standard errors of the mean and (for a kurtosis of 3 at most) of the deviation.
    assert abs(values.mean()) < 5 * std / values.numel() ** 0.5
    assert abs(values.std() / std - 1) < 5 / (2 * values.numel()) ** 0.5


class TestLoading:
    def test_weight_names_and_shapes_are_a_contract(self, tiny_config):
        names = {name: tuple(value.shape) for name, value in ElmoModel(tiny_config()).state_dict().items()}
        lstm = {"weight_ih": (24, 4), "weight_hh": (24, 4), "bias": (24,), "weight_hr": (4, 6)}
        expected = {
            "character_encoder.character_embedding.weight": (262, 3),
            "character_encoder.convolutions.0.weight": (4, 3, 1),
            "character_encoder.convolutions.0.bias": (4,),
            "character_encoder.convolutions.1.weight": (5, 3, 3),
            "character_encoder.convolutions.1.bias": (5,),
            "character_encoder.highway_layers.0.transform.weight": (9, 9),
            "character_encoder.highway_layers.0.transform.bias": (9,),
            "character_encoder.highway_layers.0.gate.weight": (9, 9),
            "character_encoder.highway_layers.0.gate.bias": (9,),
            "character_encoder.projection.weight": (4, 9),
            "character_encoder.projection.bias": (4,),
            "scalar_mixes.0.weight": (3,),
            "scalar_mixes.0.gamma": (1,),
        }
        for layer in range(2):
            for direction in ("forward", "backward"):
                expected |= {f"layers.{layer}.{direction}_lstm.{name}": shape for name, shape in lstm.items()}
        assert names == expected

    def test_saved_models_load_equal(self, make_model, tmp_path):
        model, inputs = make_model(), encode(SENTENCES)
        model.save_pretrained(tmp_path)
        loaded, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        assert type(loaded) is ElmoModel
        torch.testing.assert_close(loaded(**inputs).last_hidden_state, model(**inputs).last_hidden_state)

    @pytest.mark.parametrize("dtype", ["auto", torch.bfloat16, "bfloat16"])
    def test_loads_with_the_type_asked_for(self, make_model, tmp_path, dtype):
        make_model().to(torch.bfloat16).save_pretrained(tmp_path)
        loaded = AutoModel.from_pretrained(tmp_path, dtype=dtype)
        assert {parameter.dtype for parameter in loaded.parameters()} == {torch.bfloat16}

    def test_loads_from_shards_in_a_subfolder(self, make_model, tmp_path):
        model, inputs = make_model(), encode(SENTENCES)
        model.save_pretrained(tmp_path / "sub", max_shard_size="4KB")
        assert len(list((tmp_path / "sub").glob("*.safetensors"))) > 1
        loaded = AutoModel.from_pretrained(tmp_path, subfolder="sub")
        torch.testing.assert_close(loaded(**inputs).last_hidden_state, model(**inputs).last_hidden_state)

    def test_copies_and_pickles_give_the_same(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        expected = model(**inputs).last_hidden_state
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            with torch.inference_mode():
                assert torch.equal(other(**inputs).last_hidden_state, expected)

    def test_loads_onto_a_device_map_with_layers_offloaded_to_disk(self, make_model, tmp_path):
        pytest.importorskip("accelerate")
        model, inputs = make_model(), encode(SENTENCES)
        model.save_pretrained(tmp_path / "model")
        device_map = {"character_encoder": "cpu", "layers.0": "cpu", "layers.1": "disk", "scalar_mixes": "cpu"}
        loaded = AutoModel.from_pretrained(
            tmp_path / "model", device_map=device_map, offload_folder=tmp_path / "offload"
        )
        assert next(loaded.layers[1].parameters()).device.type == "meta"
        torch.testing.assert_close(loaded(**inputs).last_hidden_state, model(**inputs).last_hidden_state)

    def test_is_built_on_the_meta_device_without_memory(self):
        with torch.device("meta"):
            model = ElmoModel(ElmoConfig())
        assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
        assert sum(parameter.numel() for parameter in model.parameters()) == 93_600_864 + 4

    def test_resizing_the_vocabulary_of_a_model_that_reads_characters_changes_only_its_config(self, make_model):
        model, inputs = make_model(), encode(SENTENCES)
        expected = model(**inputs).last_hidden_state
        assert model.resize_token_embeddings(100) is model.character_encoder
        assert model.config.vocab_size == 100
        assert torch.equal(model(**inputs).last_hidden_state, expected)

    def test_resizing_the_vocabulary_of_a_model_that_reads_words_resizes_its_table(self, make_model):
        model = make_model(token_input="words", vocab_size=7)
        before = model.word_embedding.weight.clone()
        model.resize_token_embeddings(9, mean_resizing=False)
        assert model.word_embedding.weight.shape == (9, 4)
        assert torch.equal(model.word_embedding.weight[:7], before)
        assert model.config.vocab_size == 9
        assert model(input_ids=torch.tensor([[8]])).last_hidden_state.shape == (1, 1, 8)

    def test_input_embeddings_can_be_read_and_set(self, make_model):
        for model in (make_model(), make_model(token_input="words")):
            embeddings = copy.deepcopy(model.get_input_embeddings())
            model.set_input_embeddings(embeddings)
            assert model.get_input_embeddings() is embeddings

    def test_an_attention_implementation_makes_no_difference(self, make_model, tmp_path):
        model, inputs = make_model(), encode(SENTENCES)
        model.save_pretrained(tmp_path)
        content = (tmp_path / "config.json").read_text()
        loaded = AutoModel.from_pretrained(tmp_path, attn_implementation="sdpa")
        assert torch.equal(loaded(**inputs).last_hidden_state, model(**inputs).last_hidden_state)
        loaded.save_pretrained(tmp_path)
        assert (tmp_path / "config.json").read_text() == content

    def test_noise_for_padded_embeddings_is_refused(self, make_model):
        model = make_model()
        activate_neftune(model, neftune_noise_alpha=5.0)
        with pytest.raises(ValueError, match="neftune_noise_alpha: expected None"):
            model(**encode(SENTENCES))

    def test_resizing_to_nothing_changes_nothing(self, make_model):
        model = make_model()
        assert model.resize_token_embeddings() is model.character_encoder
        assert model.config.vocab_size == 5


class Head(ElmoPreTrainedModel):
    """What a user may build: a linear classifier of words on top."""

    def __init__(self, config):
        super().__init__(config)
        self.elmo = ElmoModel(config)
        self.classifier = nn.Linear(config.hidden_size, 2)
        self.post_init()

    def forward(self, input_ids=None, character_ids=None, attention_mask=None, labels=None, **kwargs):
        vectors = self.elmo(input_ids, character_ids, attention_mask).last_hidden_state
        logits = self.classifier(vectors)
        loss = nn.functional.cross_entropy(logits.transpose(1, 2), labels) if labels is not None else None
        return TokenClassifierOutput(loss=loss, logits=logits)


class HeadOfAnotherName(ElmoPreTrainedModel):
    """The same, with the biLM under a name of its own."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = ElmoModel(config)
        self.post_init()


class TestHeads:
    def test_a_head_takes_the_weights_of_a_base_model_and_gives_them_back(self, make_model, tmp_path):
        base, inputs = make_model(), encode(SENTENCES)
        base.save_pretrained(tmp_path / "base")
        head, report = Head.from_pretrained(tmp_path / "base", output_loading_info=True)
        assert set(report["missing_keys"]) == {"classifier.weight", "classifier.bias"}
        head.save_pretrained(tmp_path / "head")
        again = ElmoModel.from_pretrained(tmp_path / "head")
        torch.testing.assert_close(again(**inputs).last_hidden_state, base(**inputs).last_hidden_state)

    @pytest.mark.parametrize("head_class", [Head, HeadOfAnotherName])
    def test_the_bilm_of_a_head_stays_frozen_after_loading(self, tiny_config, tmp_path, head_class):
        head_class(tiny_config()).save_pretrained(tmp_path)
        loaded = head_class.from_pretrained(tmp_path)
        bilm = [p for name, p in loaded.named_parameters() if ".layers." in name or ".character_encoder." in name]
        assert bilm
        assert not any(parameter.requires_grad for parameter in bilm)

    @pytest.mark.parametrize("freeze", [True, False])
    def test_trainer_trains_what_is_not_frozen_and_saves_all_of_it(self, tiny_config, tmp_path, freeze):
        pytest.importorskip("accelerate")
        torch.manual_seed(0)
        model = Head(tiny_config(freeze_bilm=freeze))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        encoded = [encode([sentence]) for sentence in SENTENCES * 4 if sentence]
        examples = [
            {
                "input_ids": example["input_ids"][0].tolist(),
                "character_ids": example["character_ids"][0].tolist(),
                "attention_mask": example["attention_mask"][0].tolist(),
                "labels": [length % 2 for length in range(example["input_ids"].shape[1])],
            }
            for example in encoded
        ]
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "checkpoints"),
            per_device_train_batch_size=4,
            gradient_accumulation_steps=2,
            num_train_epochs=3,
            learning_rate=0.05,
            report_to=[],
            use_cpu=True,
            logging_steps=1,
            disable_tqdm=True,
        )
        collator = DataCollatorForTokenClassification(TOKENIZER)
        trainer = Trainer(model, arguments, train_dataset=examples, data_collator=collator, processing_class=TOKENIZER)
        trainer.train()
        changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
        bilm = {name for name in before if ".layers." in name or ".character_encoder." in name}
        assert changed - bilm == {name for name in before if name not in bilm}
        assert bool(changed & bilm) != freeze
        trainer.save_model(tmp_path / "saved")
        loaded = Head.from_pretrained(tmp_path / "saved")
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in loaded.state_dict().items())
        assert AutoTokenizer.from_pretrained(tmp_path / "saved")(["x"]) == TOKENIZER(["x"])


class TestCacheVocabulary:
    WORDS = ["the", "cat", "sat", "<S>", "naïve"]

    @pytest.fixture
    def model(self, tiny_config):
        return ElmoModel(tiny_config()).eval()

    def batch(self, *sentences):
        tokenizer = ElmoTokenizer()
        return tokenizer([s.split() for s in sentences], is_split_into_words=True, padding=True, return_tensors="pt")

    def test_gives_the_same_vectors_for_words_inside_and_outside(self, model):
        batch = self.batch("the cat sat", "the naïve dog sat on the mat")
        with torch.no_grad():
            expected = model(**batch, output_hidden_states=True).hidden_states
            model.cache_vocabulary(self.WORDS)
            assert len(model.character_encoder.word_cache) == len(self.WORDS) + 2
            for _ in range(2):
                found = model(**batch, output_hidden_states=True).hidden_states
                torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
        assert len(model.character_encoder.word_cache) == len(self.WORDS) + 2

    def test_sentence_boundaries_are_in_it(self, model, monkeypatch):
        model.cache_vocabulary(self.WORDS)
        monkeypatch.setattr(model.character_encoder, "_encode", None)
        with torch.no_grad():
            model(**self.batch("the cat sat"))

    def test_remembers_new_words_on_request_and_can_be_dropped(self, model):
        batch = self.batch("the dog sat")
        with torch.no_grad():
            expected = model(**batch)[0]
            model.cache_vocabulary(max_new_words=10)
            torch.testing.assert_close(model(**batch)[0], expected)
            assert len(model.character_encoder.word_cache) == 5
            model.cache_vocabulary()
            assert model.character_encoder.word_cache is None

    def test_training_of_the_bilm_after_it_is_right(self, tiny_config):
        model = ElmoModel(tiny_config(freeze_bilm=False))
        model.cache_vocabulary(self.WORDS)
        batch, optimizer = self.batch("the cat sat"), torch.optim.SGD(model.parameters(), lr=1.0)
        model(**batch)[0].square().sum().backward()
        assert model.character_encoder.character_embedding.weight.grad.abs().sum() > 0
        optimizer.step()
        with torch.no_grad():
            found = model(**batch)[0]
            model.cache_vocabulary()
            torch.testing.assert_close(found, model(**batch)[0])

    def test_is_no_part_of_what_is_saved(self, model, tmp_path):
        model.cache_vocabulary(self.WORDS)
        model.save_pretrained(tmp_path)
        assert ElmoModel.from_pretrained(tmp_path).character_encoder.word_cache is None

    def test_a_model_that_reads_words_has_no_use_for_it(self, tiny_config):
        with pytest.raises(ValueError, match="reads words"):
            ElmoModel(tiny_config(token_input="words")).cache_vocabulary(["the"])


class TestLongText:
    def test_holds_the_gates_of_a_few_tokens_at_a_time(self, tiny_config, monkeypatch):
        rows, product = [], fast_lstm.product
        monkeypatch.setattr(
            fast_lstm, "product", lambda inputs, *args, **kw: rows.append(len(inputs)) or product(inputs, *args, **kw)
        )
        with torch.no_grad():
            ElmoModel(tiny_config()).eval()(inputs_embeds=torch.randn(1, 3_000, 4))
        assert max(rows) == fast_lstm.CHUNK_TOKENS

    def test_holds_two_layers_at_a_time(self, tiny_config):
        model, alive, most = ElmoModel(tiny_config(num_hidden_layers=5)).eval(), weakref.WeakSet(), []

        def watch(module, inputs, output):
            alive.add(output[0])
            most.append(len(alive))

        for layer in model.layers:
            layer.register_forward_hook(watch)
        with torch.no_grad():
            model(**encode(SENTENCES))
        assert most == [1, 2, 2, 2, 2]

    def test_pieces_of_a_long_text_give_its_forward_halves(self, tiny_config):
        model, inputs = ElmoModel(tiny_config()).eval(), torch.randn(1, 3_000, 4)
        with torch.no_grad():
            whole = model(inputs_embeds=inputs, output_hidden_states=True).hidden_states
            state, pieces = None, []
            for piece in inputs.split(1_000, dim=1):
                output = model(inputs_embeds=piece, state=state, use_cache=True, output_hidden_states=True)
                state = output.state
                pieces.append(output.hidden_states)
        for layer, parts in zip(whole, zip(*pieces)):
            torch.testing.assert_close(layer[..., :4], torch.cat(parts, dim=1)[..., :4])
