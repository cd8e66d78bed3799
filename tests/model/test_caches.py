# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer
from modeling_elmo.model.caches import TENSOR_OVERHEAD, TextCache
from modeling_elmo.model.packing import Sequences
from tests.helpers.task_examples import HEADS, randomized


TOKENIZER = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", *"abcdefgh"])
ROOM = 10**6


def room_for(*lengths):
    """Bytes of sequences of so many tokens: three layers of 8 float32 numbers for each."""
    return sum(3 * (length * 8 * 4 + TENSOR_OVERHEAD) for length in lengths)


def batch_of(*texts, **kwargs):
    """A batch of texts, pairs of texts being divided by a bar."""
    first = [text.partition("|")[0].split() for text in texts]
    second = [text.partition("|")[2].split() for text in texts] if "|" in "".join(texts) else None
    return TOKENIZER(first, second, is_split_into_words=True, padding=True, return_tensors="pt", **kwargs)


@pytest.fixture
def model(tiny_config):
    return randomized_bilm(ElmoModel(tiny_config()))


def randomized_bilm(model):
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return model


@pytest.fixture
def computed(model, monkeypatch):
    """The numbers of tokens that the LSTMs have read, call by call."""
    counts, run_layers = [], model.run_layers

    def counting(hidden_states, packing, *args):
        counts.append(len(packing.forward_index))
        return run_layers(hidden_states, packing, *args)

    monkeypatch.setattr(model, "run_layers", counting)
    return counts


def check(model, batch):
    """Compares with a model that remembers nothing."""
    plain = ElmoModel(model.config).to(model.dtype)
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(**batch).elmo_representations, plain(**batch).elmo_representations)


rows = st.lists(st.text("abc ", max_size=6), min_size=1, max_size=3).map("|".join)


class TestLayers:
    @settings(max_examples=25, deadline=None)
    @given(
        batches=st.lists(st.lists(rows, min_size=1, max_size=4), min_size=1, max_size=4),
        reads_words=st.booleans(),
        max_bytes=st.sampled_from([1, 4000, ROOM]),
        padding_side=st.sampled_from(["left", "right"]),
    )
    def test_are_those_of_a_model_that_remembers_nothing(self, batches, reads_words, max_bytes, padding_side):
        sizes = {"cell_size": 6, "projection_size": 4, "character_embedding_size": 3, "character_filters": [[2, 4]]}
        others = {"vocab_size": 12, "num_output_representations": 2, "representation_dropout": 0.0}
        token_input = "words" if reads_words else "characters"
        model = randomized_bilm(ElmoModel(ElmoConfig(**sizes, **others, token_input=token_input)))
        model.cache_texts(max_bytes)
        for texts in batches:
            # Any number of segments in a row, empty ones too, and real tokens that don't begin where the row does.
            parts = [[TOKENIZER(part.split(), is_split_into_words=True) for part in row.split("|")] for row in texts]
            examples = [
                {
                    "input_ids": [number for part in row for number in part["input_ids"]],
                    "character_ids": [characters for part in row for characters in part["character_ids"]],
                    "token_type_ids": [number for number, part in enumerate(row) for _ in part["input_ids"]],
                }
                for row in parts
            ]
            batch = TOKENIZER.pad(examples, return_tensors="pt", padding_side=padding_side)
            check(model, batch)
            assert model.text_cache.num_bytes <= max_bytes

    def test_neighbours_of_a_remembered_segment_stay_apart(self, model, computed):
        model.cache_texts(ROOM)
        model(**batch_of("b"))
        ids = TOKENIZER(["a", "b", "c"])["character_ids"]
        batch = {
            "character_ids": torch.tensor([[*ids[0], *ids[1], *ids[2]]]),
            "token_type_ids": torch.tensor([[0, 0, 0, 1, 1, 1, 0, 0, 0]]),
        }
        check(model, batch)
        assert computed == [3, 6]

    def test_only_sequences_that_are_not_remembered_are_computed(self, model, computed):
        model.cache_texts(ROOM)
        for texts, expected in [
            (["a b", "c"], [7]),
            (["c"], []),
            (["a b c", "a b", "c"], [5]),
            (["c|a b", "d|c"], [3]),
            (["d", "a b c"], []),
        ]:
            computed.clear()
            check(model, batch_of(*texts))
            assert computed == expected
        assert len(model.text_cache) == 4

    def test_a_sequence_that_comes_twice_in_a_batch_is_computed_once(self, model, computed):
        model.cache_texts(ROOM)
        check(model, batch_of("a b", "c", "a b"))
        assert computed == [7]

    def test_words_are_told_apart_by_all_their_characters(self, model, computed):
        model.cache_texts(ROOM)
        for word in ("naïve", "naive", "Naive", "n" * 47, "n" * 48):
            check(model, batch_of(word))
        assert computed == [3] * 5

    def test_word_ids_are_told_apart_in_any_vocabulary(self, tiny_config):
        model = randomized_bilm(ElmoModel(tiny_config(token_input="words", vocab_size=70_000)))
        model.cache_texts(ROOM)
        for word in (1, 257, 65537):
            check(model, {"input_ids": torch.tensor([[word]])})
        assert len(model.text_cache) == 3

    def test_rows_without_words_are_no_trouble(self, model):
        model.cache_texts(ROOM)
        batch = batch_of("a", "b")
        batch["attention_mask"][1] = 0
        check(model, batch)
        check(model, batch)
        batch["attention_mask"][:] = 0
        assert model(**batch)[0].abs().sum() == 0

    def test_the_mix_gets_its_gradients_also_from_what_inference_mode_remembered(self, model):
        plain, batch = copy.deepcopy(model), batch_of("a b", "c")
        model.cache_texts(ROOM)
        with torch.inference_mode():
            model(**batch_of("a b"))
        for each in (model, plain):
            each.train()(**batch)[0].square().sum().backward()
        for name, parameter in plain.scalar_mixes.named_parameters():
            torch.testing.assert_close(model.scalar_mixes.get_parameter(name).grad, parameter.grad)


class TestRoom:
    def test_what_is_remembered_stays_when_there_is_no_more_room(self, model, computed):
        model.cache_texts(room_for(4, 3))
        for batch, expected in [(["a b"], [4]), (["c d"], [4]), (["e"], [3]), (["a b", "c d", "e"], [4])]:
            computed.clear()
            check(model, batch_of(*batch))
            assert computed == expected
        assert model.text_cache.num_bytes == room_for(4, 3)

    def test_as_many_sequences_of_a_batch_are_remembered_as_there_is_room_for(self, model, computed):
        model.cache_texts(room_for(3, 3))
        for expected in ([9], [3], [3]):
            computed.clear()
            check(model, batch_of("a", "b", "c"))
            assert computed == expected

    def test_only_what_is_remembered_is_held(self, model):
        model.cache_texts(room_for(3))
        model(**batch_of("a", "a b c d e f g h"))
        (layers,) = model.text_cache._layers.values()
        assert [layer.untyped_storage().nbytes() for layer in layers] == [3 * 8 * 4] * 3

    def test_there_is_as_much_as_before_when_all_has_been_forgotten(self, model):
        model.cache_texts(room_for(4, 3))
        for _ in range(3):
            with torch.no_grad():
                model.layers[0].forward_lstm.bias.add_(1)
            model(**batch_of("a b", "c"))
            assert len(model.text_cache) == 2

    def test_none_means_no_cache(self, model):
        model.cache_texts(ROOM)
        model.cache_texts()
        assert model.text_cache is None

    def test_must_not_be_negative(self, model):
        with pytest.raises(ValueError, match="max_bytes: expected 0 or more, found -1"):
            model.cache_texts(-1)


class TestSharedCache:
    """What another thread does while layers are computed."""

    def layers_of(self, cache, key, ids=(1, 2, 3), meanwhile=None):
        ids = torch.tensor([ids])
        mask = torch.ones_like(ids, dtype=torch.bool)

        def compute(mask, numbers):
            yield torch.full((*mask.shape, 4), float(key))
            if meanwhile is not None:
                meanwhile()
            yield torch.full((*mask.shape, 4), float(key))

        return list(cache.layers(ids, mask, Sequences.from_mask(mask), compute, 2, key))

    def test_layers_of_weights_that_have_changed_since_are_not_remembered(self):
        cache = TextCache(ROOM)
        self.layers_of(cache, 1, meanwhile=lambda: self.layers_of(cache, 2, ids=(4, 5)))
        assert self.layers_of(cache, 2)[0].unique() == 2

    def test_room_that_another_has_taken_since_is_not_there(self):
        cache = TextCache(2 * (3 * 4 * 4 + TENSOR_OVERHEAD))
        self.layers_of(cache, 1, meanwhile=lambda: self.layers_of(cache, 1, ids=(4, 5, 6)))
        assert len(cache) == 1
        assert cache.num_bytes == cache.limit

    def test_a_sequence_that_two_have_computed_counts_once(self):
        cache = TextCache(ROOM)
        self.layers_of(cache, 1)
        once = cache.num_bytes
        cache = TextCache(ROOM)
        self.layers_of(cache, 1, meanwhile=lambda: self.layers_of(cache, 1))
        assert cache.num_bytes == once

    def test_threads_may_share_it(self, model):
        batches = [batch_of(*rows) for rows in (["a b", "c"], ["c", "d e"], ["a b", "d e"], ["f"])] * 8
        expected = [model(**batch)[0] for batch in batches]
        model.cache_texts(room_for(4, 4, 3))
        with torch.no_grad(), ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda batch: model(**batch)[0], batches))
        for got, wanted in zip(found, expected):
            torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)
        assert model.text_cache.num_bytes <= room_for(4, 4, 3)


class TestForgetting:
    @pytest.mark.parametrize(
        "change",
        [
            lambda model: model.layers[1].forward_lstm.weight_hh.mul_(2),
            lambda model: model.layers[0].backward_lstm.bias.data.add_(1),
            lambda model: model.character_encoder.character_embedding.weight.data.mul_(2),
            lambda model: model.load_state_dict({name: w + 0.1 for name, w in model.state_dict().items()}),
            lambda model: model.double(),
        ],
        ids=["in place", ".data", "characters", "load_state_dict", "to"],
    )
    def test_everything_is_forgotten_when_the_weights_change(self, model, computed, change):
        model.cache_texts(ROOM)
        batch = batch_of("a b", "c")
        model(**batch)
        with torch.no_grad():
            change(model)
        check(model, batch)
        check(model, batch)
        assert computed == [7, 7]

    def test_weights_may_be_written_while_other_threads_compute(self, tiny_config):
        # Large enough for oneDNN, so that packed copies of weights are made too.
        model = randomized_bilm(ElmoModel(tiny_config(cell_size=32, projection_size=32)))
        batches = [batch_of(*rows) for rows in (["a b", "c"], ["c", "d e"], ["a b", "d e"])]
        weights, expected = [], []
        for factor in (1, 0.5):
            weights.append([factor * parameter.detach() for parameter in model.parameters()])
            with torch.no_grad():
                plain = copy.deepcopy(model)
                torch._foreach_mul_(list(plain.parameters()), factor)
                expected.append([plain(**batch)[0] for batch in batches])
        model.cache_texts(ROOM)
        model.cache_vocabulary(max_new_words=10)
        ends = threading.Event()

        def compute():
            while not ends.is_set():
                for batch in batches:
                    with torch.no_grad():
                        model(**batch)

        with torch.no_grad(), ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(compute) for _ in range(2)]
            try:
                for number in range(30):
                    for parameter, weight in zip(model.parameters(), weights[number % 2]):
                        parameter.copy_(weight)
                    for batch, wanted in zip(batches, expected[number % 2]):
                        torch.testing.assert_close(model(**batch)[0], wanted, atol=1e-5, rtol=1e-5)
            finally:
                ends.set()
            for future in futures:
                future.result()

    def test_the_mixes_are_no_part_of_what_is_remembered(self, model, computed):
        model.cache_texts(ROOM)
        model(**batch_of("a b"))
        with torch.no_grad():
            model.scalar_mixes[0].weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
        check(model, batch_of("a b"))
        assert computed == [4]

    @pytest.mark.parametrize("token_input", ["characters", "words"])
    def test_layers_of_another_precision_are_not_taken_for_those_that_are_wanted(self, tiny_config, token_input):
        model = randomized_bilm(ElmoModel(tiny_config(token_input=token_input, vocab_size=12)))
        plain = copy.deepcopy(model)
        model.cache_texts(ROOM)
        batch = batch_of("a b", "c")
        for dtype in (None, torch.bfloat16, torch.float16, torch.bfloat16, None):
            with torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
                expected = plain(**batch)[0]
                for _ in range(2):
                    found = model(**batch)[0]
                    assert found.dtype == expected.dtype
                    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
                # As small as they come.
                assert [layer.dtype for layer in next(iter(model.text_cache._layers.values()))][1:] == [
                    dtype or torch.float32
                ] * 2

    @pytest.mark.parametrize(
        ("name", "value"), [("forget_bias", 3.0), ("cell_clip", 0.1), ("projection_clip", 0.1)], ids=str
    )
    def test_everything_is_forgotten_when_the_settings_change(self, model, name, value):
        plain, batch = copy.deepcopy(model), batch_of("a b", "c")
        model.cache_texts(ROOM)
        before = model(**batch)[0]
        for each in (model, plain):
            setattr(each.layers[1].backward_lstm, name, value)
        torch.testing.assert_close(model(**batch)[0], plain(**batch)[0])
        assert not torch.allclose(before, plain(**batch)[0])

    def test_copies_start_empty_and_keep_their_bound(self, model):
        model.cache_texts(ROOM)
        model(**batch_of("a"))
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert len(twin.text_cache) == 0
            assert twin.text_cache.limit == ROOM
            torch.testing.assert_close(twin(**batch_of("a"))[0], model(**batch_of("a"))[0])
            assert len(twin.text_cache) == 1

    def test_is_no_part_of_what_is_saved(self, model, tmp_path):
        model.save_pretrained(tmp_path / "without")
        model.cache_texts(ROOM)
        model(**batch_of("a"))
        model.save_pretrained(tmp_path / "with")
        for path in (tmp_path / "without").iterdir():
            assert path.read_bytes() == (tmp_path / "with" / path.name).read_bytes()


class TestPassedBy:
    def test_where_the_bilm_is_trained(self, tiny_config):
        model = randomized_bilm(ElmoModel(tiny_config(freeze_bilm=False)))
        model.cache_texts(ROOM)
        model(**batch_of("a b"))[0].sum().backward()
        assert model.layers[0].forward_lstm.weight_hh.grad.abs().sum() > 0
        assert len(model.text_cache) == 0

    def test_where_a_single_weight_is_trained(self, model):
        model.cache_texts(ROOM)
        model.layers[1].backward_lstm.bias.requires_grad_(True)
        model(**batch_of("a b"))
        assert len(model.text_cache) == 0

    @pytest.mark.parametrize("name", ["use_cache", "state", "output_hidden_states", "config", "inputs_embeds"])
    def test_where_more_than_vectors_of_words_is_asked_for(self, model, name):
        model.cache_texts(ROOM)
        batch = batch_of("a b")
        state = model(**batch, use_cache=True).state
        if name == "state":
            assert not torch.equal(model(**batch, state=state)[0], model(**batch)[0])
        elif name == "config":
            model.config.output_hidden_states = True
            assert len(model(**batch).hidden_states) == 3
        elif name == "inputs_embeds":
            embeddings = torch.ones(1, 4, 4, requires_grad=True)
            model(inputs_embeds=embeddings)[0].sum().backward()
            assert embeddings.grad.abs().sum() > 0
        else:
            for _ in range(2):
                assert model(**batch, **{name: True})[name.removeprefix("output_").replace("use_cache", "state")]
        assert len(model.text_cache) == (name == "state")

    def test_not_where_hidden_states_were_collected_before(self, model, computed):
        model.cache_texts(ROOM)
        model(**batch_of("a"), output_hidden_states=True)
        for _ in range(2):
            check(model, batch_of("a"))
        assert computed == [3, 3]

    def test_where_operations_are_counted(self, model):
        model.cache_texts(ROOM)
        counts = []
        for _ in range(2):
            with FlopCounterMode(display=False) as counter:
                model(**batch_of("a b"))
            counts.append(counter.get_total_flops())
        assert counts[0] == counts[1] > 0

    def test_where_weights_are_no_plain_tensors(self, model):
        class Weight(nn.Parameter):
            pass

        model.cache_texts(ROOM)
        model.layers[0].forward_lstm.weight_hh = Weight(model.layers[0].forward_lstm.weight_hh.data, False)
        model(**batch_of("a b"))
        assert len(model.text_cache) == 0

    @pytest.mark.parametrize("cache", ["text", "word"])
    @pytest.mark.parametrize("change", ["a hook on all modules", "another activation"])
    def test_where_a_module_is_not_as_it_was_made(self, model, cache, change):
        model.cache_texts(ROOM) if cache == "text" else model.cache_vocabulary(["a", "b"])
        check(model, batch_of("a b"))
        factor, handle = 1.0, None
        if change == "another activation":
            model.character_encoder.activation = lambda values: factor * torch.relu(values)
        else:
            handle = nn.modules.module.register_module_forward_hook(
                lambda module, args, output: factor * output if isinstance(module, nn.Conv1d | nn.Linear) else output
            )
        try:
            outputs = []
            for factor in (1.0, 3.0):  # noqa: B007
                outputs.append(model(**batch_of("a b")).last_hidden_state)
            assert not torch.allclose(*outputs)
        finally:
            if handle is not None:
                handle.remove()

    def test_not_with_another_of_the_known_activations(self, model):
        model.cache_vocabulary(["a", "b"])
        for activation in (torch.relu, torch.tanh):
            model.character_encoder.activation = activation
            vectors = copy.deepcopy(model)(**batch_of("a b")).last_hidden_state
            torch.testing.assert_close(model(**batch_of("a b")).last_hidden_state, vectors)

    @pytest.mark.parametrize("change", ["a hook", "another layer", "another forward"])
    def test_where_layers_depend_on_more_than_weights(self, model, change):
        class Switch(nn.Linear):
            factor = 1.0

            def forward(self, inputs):
                return self.factor * super().forward(inputs)

        layer, projection = model.layers[1], model.character_encoder.projection
        switch = Switch(projection.in_features, projection.out_features).requires_grad_(False)
        if change == "another layer":
            model.character_encoder.projection = switch
        elif change == "a hook":
            layer.register_forward_hook(lambda module, args, output: (switch.factor * output[0], *output[1:]))
        else:
            forward = layer.forward
            layer.forward = lambda *args: (switch.factor * forward(*args)[0], *forward(*args)[1:])
        model.cache_texts(ROOM)
        before = model(**batch_of("a b"))[0]
        switch.factor = 2.0
        assert not torch.allclose(model(**batch_of("a b"))[0], before)
        assert len(model.text_cache) == 0


@pytest.mark.parametrize("name", HEADS)
def test_a_task_model_learns_the_same(name):
    head = HEADS[name]
    plain = randomized(head.model())
    model = copy.deepcopy(plain)
    model.elmo.cache_texts(ROOM)
    batches = [head.collate(head.examples(4, seed)) for seed in (0, 1)] * 2
    losses = []
    for each in (plain, model):
        optimizer = torch.optim.SGD([p for p in each.parameters() if p.requires_grad], lr=0.01)
        losses.append([])
        for batch in batches:
            torch.manual_seed(0)
            loss = each.train()(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses[-1].append(loss.item())
    assert len(model.elmo.text_cache) > 0
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
