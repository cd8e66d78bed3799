# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds a file, in one or more processes: MODEL INPUT OUTPUT SHARD_BYTES."""

import sys

import torch

from modeling_elmo import ElmoEmbedder
from modeling_elmo.embedding.job import embed_corpus
from modeling_elmo.embedding.sources import open_source


def main(model: str, source: str, output: str, shard_bytes: str) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    embedder = ElmoEmbedder.from_pretrained(model, layers="all", window_words=500)
    embed_corpus(embedder, open_source(source), output, shard_bytes=int(shard_bytes))


if __name__ == "__main__":
    main(*sys.argv[1:])
