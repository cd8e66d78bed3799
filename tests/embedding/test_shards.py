# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards: ordinary safetensors files, whose header follows from the sentences alone."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from modeling_elmo import ElmoEmbedder, ElmoModel
from modeling_elmo.embedding.embedder import Sentence
from modeling_elmo.embedding.shards import ShardFile, new_shard, shards


@pytest.fixture
def embedder(tiny_config):
    return ElmoEmbedder(ElmoModel(tiny_config()), layers="all", window_words=8)


def sentences(*lengths):
    return [Sentence("é " * length, ["é"] * length) for length in lengths]


METADATA = {"format": "pt", "pool": "none", "settings": "x"}


def write(path, shard, embedder):
    with new_shard(path, shard, embedder, METADATA):
        pass


def test_a_shard_is_a_safetensors_file(embedder, tmp_path):
    (shard,) = shards(embedder, sentences(3, 0, 2), 10**6)
    path = tmp_path / "shard.safetensors"
    vectors = torch.randn(3, 5, 8)
    with new_shard(path, shard, embedder, METADATA, state_shapes={"state": (2, 3)}) as writer:
        writer.rows(3, vectors[:, 3:])
        writer.rows(0, vectors[:, :3])
        writer.tensor("state", torch.ones(2, 3))
    tensors = load_file(path)
    assert torch.equal(tensors["embeddings"], vectors)
    assert tensors["offsets"].tolist() == [0, 3, 3, 5]
    assert tensors["text"].numpy().tobytes().decode() == "é " * 5
    assert tensors["text_offsets"].tolist() == [0, 9, 9, 15]
    assert torch.equal(tensors["state"], torch.ones(2, 3))
    with safe_open(path, "pt") as file:
        assert file.metadata() == METADATA

    file = ShardFile(path)
    assert file.texts() == ["é é é ", "", "é é "]
    assert file.num_rows == 5
    for begin, end in ((1, 4), (0, 5), (2, 2), (5, 5)):
        np.testing.assert_array_equal(file.rows(begin, end), vectors[:, begin:end].numpy())


def test_shards_end_with_a_window_at_their_size_or_their_words(embedder, monkeypatch):
    # Windows of 2 sentences; a row has 3 x 8 x 4 bytes.
    corpus = sentences(*[2] * 10)
    by_size = list(shards(embedder, corpus, 5 * 96))
    assert [shard.num_sentences for shard in by_size] == [4, 4, 2]
    assert [shard.first_sentence for shard in by_size] == [0, 4, 8]
    monkeypatch.setattr("modeling_elmo.embedding.shards.SHARD_WORDS", 3)
    assert [shard.num_words for shard in shards(embedder, corpus, 10**9)] == [4] * 5


def test_the_digest_depends_on_sentences_and_their_words(embedder):
    corpora = [
        [Sentence("a b", ["a", "b"])],
        [Sentence("a b", ["a b"])],
        [Sentence("a c", ["a", "c"])],
        [Sentence("a", ["a"]), Sentence(" b", ["b"])],
    ]
    digests = {shard.digest for corpus in corpora for shard in shards(embedder, corpus, 1)}
    assert len({next(shards(embedder, corpus, 1)).digest for corpus in corpora}) == 4
    assert len(digests) == 4


def test_an_abandoned_shard_leaves_nothing(embedder, tmp_path):
    (shard,) = shards(embedder, sentences(3), 10**6)

    def write_half():
        with new_shard(tmp_path / "shard.safetensors", shard, embedder, METADATA):
            assert list(tmp_path.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert not list(tmp_path.iterdir())


def test_a_shard_is_on_the_disk_before_it_is_renamed(embedder, tmp_path, monkeypatch):
    (shard,) = shards(embedder, sentences(3), 10**6)
    path = tmp_path / "shard.safetensors"
    flushed = []
    monkeypatch.setattr(
        "modeling_elmo.files.atomic.flush", lambda what: flushed.append((what, what.stat().st_size, path.exists()))
    )
    with new_shard(path, shard, embedder, METADATA) as writer:
        writer.rows(0, torch.randn(3, 3, 8))
        (temporary,) = tmp_path.iterdir()
        assert not path.exists()
    assert flushed == [(temporary, path.stat().st_size, False), (tmp_path, tmp_path.stat().st_size, True)]


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_file_is_not_a_shard(embedder, tmp_path, size):
    (shard,) = shards(embedder, sentences(3), 10**6)
    path = tmp_path / "shard.safetensors"
    write(path, shard, embedder)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"shard\.safetensors: expected a shard of embeddings"):
        ShardFile(path)


def test_runs_are_whole_sentences(embedder, tmp_path):
    (shard,) = shards(embedder, sentences(1, 1, 5, 1, 0, 1), 10**6)
    path = tmp_path / "shard.safetensors"
    write(path, shard, embedder)
    assert list(ShardFile(path).runs(3 * 96)) == [(0, 2, 0, 2), (2, 3, 2, 7), (3, 6, 7, 9)]


def test_other_safetensors_files_are_not_shards(tmp_path):
    header = json.dumps({"x": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}).encode()
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match="expected a shard of embeddings"):
        ShardFile(tmp_path / "x")
