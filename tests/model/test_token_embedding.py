# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from modeling_elmo.model import token_embedding
from modeling_elmo.model.characters import encode_characters
from modeling_elmo.model.token_embedding import ElmoCharacterEncoder


def test_padding_character_takes_part_in_the_maximum(tiny_config):
    # One filter of width 1 that answers only to the padding character (id 261).
    config = tiny_config(
        character_filters=[[1, 1]], character_embedding_size=1, projection_size=1, num_highway_layers=0
    )
    encoder = ElmoCharacterEncoder(config)
    with torch.no_grad():
        encoder.character_embedding.weight.fill_(-1.0)
        encoder.character_embedding.weight[261] = 2.0
        encoder.convolutions[0].weight.fill_(1.0)
        encoder.convolutions[0].bias.zero_()
    words = torch.from_numpy(encode_characters(["a", "a" * 48], 50))
    assert encoder(words).squeeze(1).tolist() == [2.0, 0.0]


@pytest.mark.parametrize(("projection_size", "has_projection"), [(6, False), (4, True)])
def test_projects_only_where_sizes_differ(tiny_config, projection_size, has_projection):
    config = tiny_config(character_filters=[[1, 2], [2, 4]], projection_size=projection_size)
    encoder = ElmoCharacterEncoder(config)
    assert (encoder.projection is not None) == has_projection
    assert encoder(torch.from_numpy(encode_characters(["word"], 50))).shape == (1, projection_size)


@pytest.mark.parametrize("hidden_act", ["relu", "tanh"])
def test_activation_bounds_features_without_highway_and_projection(tiny_config, hidden_act):
    config = tiny_config(
        character_filters=[[2, 4]], num_highway_layers=0, projection_size=4, hidden_act=hidden_act, cell_size=6
    )
    encoder = ElmoCharacterEncoder(config)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=5.0)
        features = encoder(torch.from_numpy(encode_characters(["some", "words", "here"], 50)))
    low, high = (0.0, np.inf) if hidden_act == "relu" else (-1.0, 1.0)
    assert low <= features.min() <= features.max() <= high


def test_row_of_padding_positions_is_never_trained(tiny_config):
    encoder = ElmoCharacterEncoder(tiny_config())
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    encoder(torch.zeros(3, 50, dtype=torch.long)).sum().backward()
    assert encoder.character_embedding.weight.grad[0].abs().sum() == 0


def test_no_words_give_no_embeddings(tiny_config):
    assert ElmoCharacterEncoder(tiny_config())(torch.zeros(0, 50, dtype=torch.long)).shape == (0, 4)


def random_encoder(config):
    encoder = ElmoCharacterEncoder(config)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return encoder


character_ids = st.lists(
    st.one_of(
        st.text(max_size=12).map(lambda word: encode_characters([word], 50)[0].tolist()),
        st.sampled_from([[0] * 50, [261] * 50, [5] * 50, [261] * 49 + [7], [0] * 49 + [261]]),
    ),
    max_size=8,
).map(lambda rows: torch.tensor(rows, dtype=torch.long).reshape(-1, 50))


class TestFastPath:
    """The fast path against the plain reference."""

    @pytest.mark.parametrize("hidden_act", ["relu", "tanh"])
    @pytest.mark.parametrize("filters", [[[1, 2], [2, 3], [7, 5]], [[50, 4]], [[3, 4]]])
    @given(ids=character_ids, seed=st.integers(0, 2**32))
    def test_embeddings_and_gradients_are_those_of_the_reference(self, tiny_config, hidden_act, filters, ids, seed):
        torch.manual_seed(seed)
        encoder = random_encoder(tiny_config(hidden_act=hidden_act, character_filters=filters)).double()
        weight = torch.randn(len(ids), 4).double()

        def run(forward):
            embedding = forward(ids)
            return embedding, torch.autograd.grad((embedding * weight).sum(), list(encoder.parameters()))

        torch.testing.assert_close(run(encoder), run(encoder.plain_forward))
        with torch.no_grad():
            torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_other_dtypes(self, tiny_config, dtype):
        encoder = random_encoder(tiny_config()).to(dtype)
        ids = torch.from_numpy(encode_characters(["some", "words", "some", "more"], 50))
        tolerance = 1e-5 if dtype == torch.float32 else 0.2
        for grad in (True, False):
            with torch.set_grad_enabled(grad):
                torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids), rtol=tolerance, atol=tolerance)

    def test_each_distinct_word_is_encoded_once_and_trimmed(self, tiny_config, monkeypatch):
        encoder, encoded = random_encoder(tiny_config()), []
        encode = encoder._encode
        monkeypatch.setattr(encoder, "_encode", lambda ids: encoded.append(tuple(ids.shape)) or encode(ids))
        with torch.no_grad():
            encoder(torch.from_numpy(encode_characters(["to", "be", "or", "not", "to", "be"], 50)))
        # Four words of at most three letters with their two marks, and one window of padding, rounded up.
        assert encoder.widest_filter == 3
        assert encoded == [(4, 8)]

    def test_training_has_few_shapes(self, tiny_config, monkeypatch):
        encoder, encoded = random_encoder(tiny_config()), set()
        encode = encoder._encode
        monkeypatch.setattr(encoder, "_encode", lambda ids: encoded.add(tuple(ids.shape)) or encode(ids))
        for number in range(1, 300, 7):
            ids = torch.from_numpy(encode_characters([str(10**9 + word) for word in range(number)], 50))
            torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids))
        assert encoded == {(128, 16), (256, 16), (384, 16)}

    def test_memory_is_bounded_without_gradients(self, tiny_config, monkeypatch):
        monkeypatch.setattr(token_embedding, "CHUNK_WORDS", 3)
        encoder, encoded = random_encoder(tiny_config()), []
        encode = encoder._encode
        monkeypatch.setattr(encoder, "_encode", lambda ids: encoded.append(len(ids)) or encode(ids))
        ids = torch.from_numpy(encode_characters([str(number) for number in range(10)], 50))
        with torch.no_grad():
            torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids))
        assert encoded == [3, 3, 3, 1]

    def test_follows_autocast(self, tiny_config):
        encoder = random_encoder(tiny_config())
        ids = torch.from_numpy(encode_characters(["some", "words"], 50))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert encoder(ids).dtype == encoder.plain_forward(ids).dtype == torch.bfloat16

    def test_other_layers_in_the_place_of_its_own_are_called(self, tiny_config):
        class Twice(nn.Conv1d):
            def forward(self, inputs):
                return 2 * super().forward(inputs)

        encoder = random_encoder(tiny_config(hidden_act="relu", num_highway_layers=0))
        ids = torch.from_numpy(encode_characters(["some", "words"], 50))
        with torch.no_grad():
            encoder.projection.bias.zero_()
            expected = 2 * encoder(ids)
            for convolution in encoder.convolutions:
                convolution.__class__ = Twice
            torch.testing.assert_close(encoder(ids), expected)

    def test_is_made_of_layers_that_tools_for_them_find(self, tiny_config):
        # Quantisation and adapters look for these very types.
        encoder = ElmoCharacterEncoder(tiny_config(num_highway_layers=1))
        assert type(encoder.projection) is type(encoder.highway_layers[0].transform) is nn.Linear
        assert {type(convolution) for convolution in encoder.convolutions} == {nn.Conv1d}


class TestWordCache:
    @pytest.fixture
    def encoder(self, tiny_config):
        return random_encoder(tiny_config()).requires_grad_(False)

    @pytest.fixture
    def encoded(self, encoder, monkeypatch):
        """The words that are really encoded, as they are."""
        words, encode = [], ElmoCharacterEncoder._encode

        def watched(self, ids):
            words.extend(bytes(id - 1 for id in row if 0 < id < 257).decode() for row in ids.tolist())
            return encode(self, ids)

        monkeypatch.setattr(ElmoCharacterEncoder, "_encode", watched)
        return words

    def ids(self, *words):
        return torch.from_numpy(encode_characters(words, 50))

    def test_a_vocabulary_is_encoded_once_and_other_words_each_time(self, encoder, encoded):
        encoder.cache_words(self.ids("the", "cat", "the"), max_new_words=0)
        assert sorted(encoded) == ["cat", "the"]
        for _ in range(2):
            encoded.clear()
            ids = self.ids("the", "dog", "the", "cat", "dog")
            torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids))
            assert encoded == ["dog"]

    def test_new_words_are_remembered_as_far_as_there_is_room(self, encoder, encoded):
        encoder.cache_words(self.ids("the"), max_new_words=3)
        for words, expected in [
            (["the", "a", "b"], ["a", "b"]),
            (["a", "the", "c"], ["c"]),
            (["a", "b", "c"], []),
            (["d", "a"], ["d"]),  # no room: all but "the" are forgotten, but for this batch
            (["d", "the"], []),
            (["a"], ["a"]),
            (["p", "q", "r", "s"], ["p", "q", "r", "s"]),  # never any room for these
            (["p"], ["p"]),
        ]:
            encoded.clear()
            ids = self.ids(*words)
            torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids))
            assert sorted(encoded) == expected
            assert len(encoder.word_cache) <= 4

    @pytest.mark.parametrize(
        "change",
        [
            lambda encoder: encoder.projection.weight.mul_(2),
            lambda encoder: encoder.projection.weight.data.mul_(2),
            lambda encoder: encoder.load_state_dict({name: w + 0.1 for name, w in encoder.state_dict().items()}),
            lambda encoder: encoder.double(),
        ],
        ids=["in place", ".data", "load_state_dict", "to"],
    )
    def test_everything_is_forgotten_when_the_weights_change(self, encoder, encoded, change):
        ids = self.ids("the", "cat")
        encoder.cache_words(ids, max_new_words=10)
        change(encoder)
        encoded.clear()
        torch.testing.assert_close(encoder(ids), encoder.plain_forward(ids))
        assert sorted(encoded) == ["cat", "the"]

    def test_it_is_passed_by_where_gradients_are_wanted_and_under_autocast(self, encoder, encoded):
        ids = self.ids("the", "cat")
        encoder.cache_words(ids, max_new_words=0)
        encoded.clear()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert encoder(ids).dtype == torch.bfloat16
        assert sorted(encoded) == ["cat", "the"]
        encoded.clear()
        encoder.requires_grad_(True)(ids).sum().backward()
        assert set(encoded) == {"cat", "the"}

    @pytest.mark.parametrize("change", ["a hook", "another layer"])
    def test_it_is_passed_by_where_embeddings_depend_on_more_than_weights(self, encoder, change):
        class Switch(nn.Linear):
            factor = 1.0

            def forward(self, inputs):
                return self.factor * super().forward(inputs)

        ids = self.ids("the", "cat")
        switch = Switch(encoder.projection.in_features, encoder.projection.out_features)
        if change == "another layer":
            encoder.projection = switch
        else:
            encoder.projection.register_forward_hook(lambda module, args, output: switch.factor * output)
        encoder.requires_grad_(False).cache_words(ids, max_new_words=5)
        before = encoder(ids)
        switch.factor = 2.0
        torch.testing.assert_close(encoder(ids), 2 * before)

    def test_what_inference_mode_remembered_serves_training_of_what_comes_after(self, encoder):
        ids = self.ids("the", "cat")
        encoder.cache_words(ids[:0], max_new_words=10)
        with torch.inference_mode():
            encoder(ids)
        weight = torch.ones(4, requires_grad=True)
        (encoder(ids) * weight).sum().backward()
        torch.testing.assert_close(weight.grad, encoder.plain_forward(ids).sum(0))

    def test_copies_start_empty_and_keep_their_bound(self, encoder):
        encoder.cache_words(self.ids("the"), max_new_words=5)
        for twin in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
            assert len(twin.word_cache) == 0
            torch.testing.assert_close(twin(self.ids("the", "cat")), encoder(self.ids("the", "cat")))
            assert len(twin.word_cache) == 2

    def test_no_words_are_no_trouble(self, encoder):
        encoder.cache_words(self.ids("the"), max_new_words=5)
        assert encoder(torch.zeros(0, 50, dtype=torch.long)).shape == (0, 4)

    def test_neither_vocabulary_nor_room_means_no_cache(self, encoder):
        encoder.cache_words(self.ids("the"), max_new_words=5)
        encoder.cache_words(self.ids("the")[:0], max_new_words=0)
        assert encoder.word_cache is None

    def test_threads_may_share_it(self, encoder):
        encoder.cache_words(self.ids("the"), max_new_words=20)
        batches = [self.ids("the", *(str(number * step) for number in range(9))) for step in range(40)]
        expected = [encoder.plain_forward(batch) for batch in batches]
        with ThreadPoolExecutor(8) as threads:
            torch.testing.assert_close(list(threads.map(encoder, batches)), expected)
