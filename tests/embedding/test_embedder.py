# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Vectors of any number of sentences: equal to the model's own, however they are batched, in input order."""

import inspect
import pickle

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modeling_elmo import ElmoEmbedder, ElmoForTokenClassification, ElmoModel, ElmoTokenizer
from modeling_elmo.embedding.embedder import LAYERS, Sentence, windows
from modeling_elmo.embedding.pooling import POOLS


TOLERANCE = 1e-5
VOCABULARY = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]
TOKENIZER = ElmoTokenizer(vocab=VOCABULARY)


def random_model(config):
    """A model whose vectors have the usual magnitude."""
    torch.manual_seed(0)
    model = ElmoModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model


@pytest.fixture
def model(tiny_config):
    return random_model(tiny_config())


@pytest.fixture
def word_model(tiny_config):
    return random_model(tiny_config(token_input="words", vocab_size=len(TOKENIZER), pad_token_id=None))


def layers_of(model, words):
    """All layers `(L+1, words + 2, D)` of a single sentence, and its mix."""
    inputs = TOKENIZER([words], is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True)
    return torch.cat(output.hidden_states), output.last_hidden_state[0]


def expected_vectors(model, words, layers, pool, keep_boundaries):
    """The vectors by definition, from the model's own output."""
    everything, mix = layers_of(model, words)
    if layers == "all":
        kinds = everything
    elif layers == "mix":
        kinds = mix[None]
    elif layers == "average":
        kinds = everything.mean(0, keepdim=True)
    else:
        kinds = everything[-1 if layers == "top" else layers][None]
    if not keep_boundaries:
        kinds = kinds[:, 1:-1]
    size = kinds.shape[-1] // 2
    if pool != "none":
        if not kinds.shape[1]:
            kinds = torch.zeros(len(kinds), 2 * size)
        elif pool == "mean":
            kinds = kinds.mean(1)
        elif pool == "max":
            kinds = kinds.amax(1)
        else:
            kinds = torch.cat([kinds[:, -1, :size], kinds[:, 0, size:]], dim=-1)
    return kinds if layers == "all" else kinds[0]


words = st.sampled_from([*VOCABULARY, "", "x" * 70, "naïve", "日本"]) | st.text(
    st.characters(exclude_categories=("Cs",)), max_size=8
)
sentences = st.lists(st.lists(words, max_size=9), max_size=8)


@settings(max_examples=60)
@given(
    sentences,
    st.booleans(),
    st.sampled_from([*LAYERS, 0, 1, 2]),
    st.sampled_from(POOLS),
    st.booleans(),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 12),
)
@example([[], ["the"], ["<S>", "a" * 100, "</S>"], []], False, "all", "none", False, 100, 100, 100)
@example([["the"] * 9, [], ["bank"]], True, "mix", "first-last", True, 4, 4, 2)
def test_vectors_equal_the_models_own_in_order(
    tiny_config, sentences, reads_words, layers, pool, keep_boundaries, batch_words, window_words, piece_words
):
    kwargs = {"token_input": "words", "vocab_size": len(TOKENIZER), "pad_token_id": None} if reads_words else {}
    model = random_model(tiny_config(**kwargs))
    embedder = ElmoEmbedder(
        model,
        TOKENIZER,
        layers=layers,
        pool=pool,
        keep_boundaries=keep_boundaries,
        batch_words=batch_words,
        window_words=window_words,
        piece_words=piece_words,
    )
    found = list(embedder.embed(sentences))
    assert len(found) == len(sentences)
    for sentence, vectors in zip(sentences, found):
        expected = expected_vectors(model, sentence, layers, pool, keep_boundaries)
        torch.testing.assert_close(vectors, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("use_skip_connections", [True, False])
@pytest.mark.parametrize("projection_size", [4, 6])
def test_a_long_sentence_in_pieces_equals_one_pass(tiny_config, use_skip_connections, projection_size):
    config = tiny_config(use_skip_connections=use_skip_connections, projection_size=projection_size)
    model = random_model(config)
    generator = np.random.default_rng(0)
    sentence = [VOCABULARY[number] for number in generator.integers(3, 8, 1000)]
    (whole,) = ElmoEmbedder(model, layers="all", piece_words=2000).embed([sentence])
    for piece_words in (64, 999):
        (pieces,) = ElmoEmbedder(model, layers="all", piece_words=piece_words).embed([sentence])
        torch.testing.assert_close(pieces, whole, atol=1e-6, rtol=0)


def test_vectors_of_a_window_do_not_depend_on_earlier_windows(model):
    first, second = [["the", "bank", "odd"], ["odd"]], [["river", "of", "odd", "new"], ["odd", "."]]
    embedder = ElmoEmbedder(model, window_words=1)
    after_first = [embedder.vectors_of(window) for window in (first, second)][1]
    alone = ElmoEmbedder(random_model(model.config)).vectors_of(second)
    assert all(torch.equal(*pair) for pair in zip(after_first, alone))


def test_the_models_cache_changes_no_bit(model):
    sentences = [["the", "bank", "odd"], ["river", "odd", "."]]
    expected = list(ElmoEmbedder(model).embed(sentences))
    model.cache_vocabulary(VOCABULARY[3:], max_new_words=10)
    list(ElmoEmbedder(model).embed([["odd"]]))
    assert all(torch.equal(*pair) for pair in zip(ElmoEmbedder(model).embed(sentences), expected))


def test_raw_text_is_split_by_the_tokenizer(model):
    embedder = ElmoEmbedder(model)
    text, split = embedder.embed(["Don't stop.", ["Do", "n't", "stop", "."]])
    torch.testing.assert_close(text, split)


def test_boundary_tokens_are_boundaries_in_split_words_and_plain_text_in_raw_text(model):
    embedder = ElmoEmbedder(model, layers=0, keep_boundaries=True)
    split, raw = embedder.embed([["<S>"], "<S>"])
    torch.testing.assert_close(split[0], split[1])
    assert len(raw) == 5


def test_reads_at_most_one_window_ahead(model):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield ["the", "bank"]

    vectors = ElmoEmbedder(model, window_words=400).embed(endless())
    assert next(vectors).shape == (2, 8)
    assert len(taken) < 400


def test_types(model):
    (expected,) = ElmoEmbedder(model).embed([["the", "bank"]])
    for dtype in (torch.float16, torch.bfloat16):
        for piece_words in (1, 100):
            (vectors,) = ElmoEmbedder(model, dtype=dtype, piece_words=piece_words).embed([["the", "bank"]])
            assert vectors.dtype == dtype
            torch.testing.assert_close(vectors.float(), expected, atol=0.02, rtol=0.02)


def test_a_model_in_half_precision(tiny_config):
    model = random_model(tiny_config()).to(torch.bfloat16)
    sentences = [["the", "bank"], [], ["of"] * 20]
    whole, pieces = (list(ElmoEmbedder(model, piece_words=size).embed(sentences)) for size in (100, 3))
    for one, other in zip(whole, pieces):
        torch.testing.assert_close(one, other, atol=0.05, rtol=0.05)


def test_uses_the_base_of_a_model_with_a_head(tiny_config):
    head = ElmoForTokenClassification(tiny_config(task_lstm_size=3)).eval()
    (vectors,) = ElmoEmbedder(head).embed([["the"]])
    (expected,) = ElmoEmbedder(head.elmo).embed([["the"]])
    assert torch.equal(vectors, expected)


def test_windows_are_whole_sentences_and_long_ones_have_their_own():
    def sentence(length):
        return Sentence("", ["w"] * length)

    cut = windows(map(sentence, [3, 1, 9, 2, 1, 1, 0]), window_words=7, piece_words=8)
    assert [[len(sentence.words) for sentence in window] for window in cut] == [[3, 1], [9], [2, 1], [1, 0]]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"layers": "bottom"}, "layers: expected all, average, top, mix or a number from 0 to 2, found 'bottom'"),
        ({"layers": 3}, "number from 0 to 2, found 3"),
        ({"layers": True}, "found True"),
        ({"layers": -1}, "found -1"),
        ({"pool": "sum"}, "pool: expected one of none, mean, max, first-last, found 'sum'"),
        ({"dtype": torch.float64}, "dtype: expected one of torch.float32, torch.float16, torch.bfloat16"),
        ({"batch_words": 0}, "batch_words: expected an integer of at least 1, found 0"),
        ({"window_words": 1.5}, "window_words: expected an integer of at least 1, found 1.5"),
    ],
)
def test_unknown_choices(model, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ElmoEmbedder(model, **kwargs)


def test_a_mix_that_depends_on_the_batch_is_refused(tiny_config):
    model = ElmoModel(tiny_config(mix_layer_norm=True))
    with pytest.raises(ValueError, match="mix_layer_norm"):
        ElmoEmbedder(model)
    ElmoEmbedder(model, layers="top")


def test_a_model_that_reads_words_needs_a_tokenizer(word_model):
    with pytest.raises(ValueError, match="tokenizer: a model that reads words requires the tokenizer"):
        ElmoEmbedder(word_model)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="model: expected an ElmoModel"):
        ElmoEmbedder(torch.nn.Module.__new__(type("Other", (torch.nn.Module,), {"base_model": None})))


@pytest.mark.parametrize("item", [3, None, ["a", 1], b"bytes"])
def test_an_item_that_is_not_a_sentence_is_named_by_its_index(model, item):
    with pytest.raises(ValueError, match="sentence 1: expected a text or a list of words, found"):
        list(ElmoEmbedder(model).embed([["fine"], item]))


def test_half_a_surrogate_pair_is_a_replacement_character(model):
    embedder = ElmoEmbedder(model)
    for one, other in ((["a\ud800"], ["a\ufffd"]), ("a\ud800", "a\ufffd")):
        torch.testing.assert_close(*embedder.embed([one, other]))


class TestMap:
    def test_adds_a_column(self, model):
        embedder = ElmoEmbedder(model, column="words", output_column="vectors")
        batch = {"words": [["the", "bank"], np.array(["river"], dtype=object)], "label": [1, 2]}
        result = embedder(batch)
        assert result["label"] == [1, 2]
        assert [vectors.shape for vectors in result["vectors"]] == [(2, 8), (1, 8)]
        pooled = ElmoEmbedder(model, pool="mean", column="words")(batch)["embeddings"]
        assert pooled.shape == (2, 8)

    def test_is_a_function_for_datasets(self, model):
        datasets = pytest.importorskip("datasets", reason="needs the package datasets")
        texts = ["The bank.", "", "A river of words."]
        dataset = datasets.Dataset.from_dict({"text": texts})
        embedder = ElmoEmbedder(model, pool="mean")
        expected = np.stack([vectors.numpy() for vectors in embedder.embed(texts)])
        for kwargs in ({}, {"num_proc": 2}):
            mapped = dataset.map(embedder, batched=True, batch_size=2, **kwargs)
            np.testing.assert_allclose(np.array(mapped["embeddings"]), expected, atol=1e-6)

    def test_is_a_function_for_ray(self, model):
        ray = pytest.importorskip("ray", reason="needs the package ray[data]")
        rows = ray.data.from_items([{"text": "The bank."}]).map_batches(ElmoEmbedder(model, pool="mean")).take_all()
        assert rows[0]["embeddings"].shape == (8,)

    def test_is_picklable(self, model):
        embedder = ElmoEmbedder(model, layers="top")
        list(embedder.embed(["used"]))
        copied = pickle.loads(pickle.dumps(embedder))
        assert torch.equal(next(copied.embed(["The bank"])), next(embedder.embed(["The bank"])))

    def test_errors_name_the_column_and_the_dtype(self, model):
        with pytest.raises(ValueError, match="column: expected one of words, found 'text'"):
            ElmoEmbedder(model)({"words": []})
        with pytest.raises(ValueError, match="NumPy does not support bfloat16"):
            ElmoEmbedder(model, dtype=torch.bfloat16)({"text": []})


class TestFingerprint:
    def test_differs_between_models_and_settings(self, model, tiny_config):
        same = ElmoEmbedder(random_model(tiny_config())).fingerprint()
        assert ElmoEmbedder(model).fingerprint() == same
        assert ElmoEmbedder(model, layers="top").fingerprint() != same
        with torch.no_grad():
            model.layers[0].forward_lstm.bias[0] += 1e-3
        assert ElmoEmbedder(model).fingerprint()["model"] != same["model"]

    def test_has_every_argument_that_changes_vectors(self, model):
        bound = {"layers": "top", "pool": "mean", "dtype": torch.float16, "keep_boundaries": True}
        bound |= {"batch_words": 5, "window_words": 7, "piece_words": 9}
        # Names of columns of `Dataset.map`; `embed_corpus` keeps how text was split by itself.
        free = {"column": "other", "output_column": "other", "split_sentences": True}
        arguments = inspect.signature(ElmoEmbedder).parameters.keys()
        assert arguments - {"model", "tokenizer"} == {*bound, *free}
        fingerprint = ElmoEmbedder(model).fingerprint()
        for name, value in (bound | free).items():
            differs = ElmoEmbedder(model, **{name: value}).fingerprint() != fingerprint
            assert differs == (name in bound), name


class TestSplitSentences:
    TEXT = "The bank of the river.  It  isn\u2019t (U.S.) 3.14.\n\nThe end"
    SENTENCES = ["The bank of the river.", "It  isn\u2019t (U.S.) 3.14.", "The end"]

    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("sentencex")

    @pytest.mark.parametrize("keep_boundaries", [False, True])
    @pytest.mark.parametrize("layers", ["all", "mix"])
    def test_a_text_has_the_vectors_of_its_sentences_in_order(self, model, layers, keep_boundaries):
        options = {"layers": layers, "keep_boundaries": keep_boundaries}
        whole = list(ElmoEmbedder(model, split_sentences=True, **options).embed([self.TEXT, "", "The end"]))
        parts = list(ElmoEmbedder(model, **options).embed([*self.SENTENCES, "", "The end"]))
        expected = [torch.cat(parts[:3], dim=-2), parts[3], parts[4]]
        for found, vectors in zip(whole, expected, strict=True):
            torch.testing.assert_close(found, vectors, atol=TOLERANCE, rtol=0)

    @pytest.mark.parametrize("piece_words", [2, 6, 15])
    def test_long_texts_and_sentences_have_the_same_vectors(self, model, piece_words):
        texts = [self.TEXT, "The end."]
        for pool in ("none", "mean", "max"):
            expected = ElmoEmbedder(model, split_sentences=True, pool=pool).embed(texts)
            found = ElmoEmbedder(model, split_sentences=True, pool=pool, piece_words=piece_words).embed(texts)
            for left, right in zip(found, expected, strict=True):
                torch.testing.assert_close(left, right, atol=TOLERANCE, rtol=0)

    @pytest.mark.parametrize("layers", ["all", "top"])
    def test_pooling_is_over_all_words_of_the_text(self, model, layers):
        rows = next(ElmoEmbedder(model, split_sentences=True, layers=layers).embed([self.TEXT]))
        for pool, expected in (("mean", rows.mean(-2)), ("max", rows.amax(-2))):
            embedder = ElmoEmbedder(model, split_sentences=True, layers=layers, pool=pool)
            found = next(embedder.embed([self.TEXT, "The end."]))
            torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)

    @pytest.mark.parametrize("split_sentences", [False, True])
    def test_offsets_point_into_the_text(self, model, split_sentences):
        text = "\n " + self.TEXT + "\ud800. \U0001f600 Yes "
        embedder = ElmoEmbedder(model, split_sentences=split_sentences)
        (sentence,) = embedder.split([text])
        assert [sentence.text[begin:end] for begin, end in sentence.offsets] == sentence.words
        assert len(sentence.text) == len(text)
        assert len(sentence.words) == next(embedder.embed([text])).shape[0]

    def test_lists_of_words_are_one_sentence(self, model):
        words = ["The", "end", ".", "The", "bank", "."]
        left, right = (next(ElmoEmbedder(model, split_sentences=split).embed([words])) for split in (False, True))
        assert torch.equal(left, right)

    def test_an_embedder_for_maps_can_be_pickled(self, model):
        embedder = ElmoEmbedder(model, split_sentences=True)
        batch = {"text": [self.TEXT, "The end."]}
        copy = pickle.loads(pickle.dumps(embedder))
        assert [len(rows) for rows in copy(batch)["embeddings"]] == [
            len(rows) for rows in embedder(batch)["embeddings"]
        ]

    def test_first_last_is_refused(self, model):
        with pytest.raises(ValueError, match="pool: first-last needs one sentence"):
            ElmoEmbedder(model, split_sentences=True, pool="first-last")
