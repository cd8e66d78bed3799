# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo in a sentence-transformers model: encodes, saves, reloads."""

import numpy as np
import pytest

from modeling_elmo import ElmoEmbedder


sentence_transformers = pytest.importorskip("sentence_transformers", reason="needs the package sentence-transformers")
from sentence_transformers.sentence_transformer.modules import Pooling  # noqa: E402

from modeling_elmo.embedding.sentence_transformers import ElmoEncoder  # noqa: E402


SENTENCES = ["The bank of the river.", "Money", "", "A sentence that is longer than the others, by far."]


def make(encoder):
    pooling = Pooling(encoder.get_embedding_dimension())
    return sentence_transformers.SentenceTransformer(modules=[encoder, pooling], device="cpu")


@pytest.mark.parametrize("layers", ["mix", "average", "top", 1])
def test_encodes_as_the_embedder_does_and_reloads(model_dir, tmp_path, layers):
    model = make(ElmoEncoder(model_dir, layers=layers))
    vectors = model.encode(SENTENCES)
    expected = ElmoEmbedder.from_pretrained(model_dir, layers=layers, pool="mean").embed(SENTENCES)
    np.testing.assert_allclose(vectors, np.stack([vector.numpy() for vector in expected]), atol=1e-5)
    model.save(str(tmp_path / "saved"))
    # The saved model names a class of this package, which sentence-transformers imports only if told to.
    loaded = sentence_transformers.SentenceTransformer(str(tmp_path / "saved"), device="cpu", trust_remote_code=True)
    np.testing.assert_array_equal(loaded.encode(SENTENCES), vectors)


def test_split_words_are_kept_and_long_texts_are_cut(model_dir):
    encoder = ElmoEncoder(model_dir, max_seq_length=4)
    features = encoder.preprocess([["Don't", "stop", "now"], ["x"]])
    assert features["input_ids"].shape == (2, 4)
    assert encoder(features)["attention_mask"].tolist() == [[0, 1, 1, 0], [0, 1, 0, 0]]
    assert encoder.preprocess(["stop"], prompt="Don't ")["input_ids"].shape == (1, 4)


def test_needs_one_vector_for_each_word(model_dir):
    with pytest.raises(ValueError, match="expected one vector per word"):
        ElmoEncoder(model_dir, layers="all")
