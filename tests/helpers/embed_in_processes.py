# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Embeds a file, in one process or several: MODEL INPUT OUTPUT SHARD_BYTES."""

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
