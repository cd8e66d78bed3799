# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences to vectors: in memory, to files, and the nearest contexts of a word.

| File | Contents |
| --- | --- |
| `embedder.py` | `ElmoEmbedder`: sentences are sorted, batched and computed; vectors come in input order |
| `long_sentences.py` | one sentence of any length, computed piece by piece |
| `pooling.py` | the words of a sentence to one vector |
| `sources.py` | the input: text files, standard input, columns of tables, `datasets` |
| `text_checks.py` | what is said about texts that are probably not meant as they are read |
| `shards.py` | a part of a corpus with its vectors: a safetensors file |
| `formats.py` | the output: HDF5 in the layout of the original commands, Parquet |
| `job.py` | `embed_corpus`: a corpus to a file, resumable, in one or more processes |
| `neighbors.py` | `nearest_contexts`: where a word is used as in a given sentence |
| `sentence_transformers.py` | `ElmoEncoder`: ELMo as a module of sentence-transformers |
"""

import importlib
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from .embedder import ElmoEmbedder
    from .job import embed_corpus
    from .neighbors import nearest_contexts


_MODULES = {"ElmoEmbedder": "embedder", "embed_corpus": "job", "nearest_contexts": "neighbors"}


def __getattr__(name: str) -> Any:
    # On first use, because `job` imports h5py and torch.distributed.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


__all__ = ["ElmoEmbedder", "embed_corpus", "nearest_contexts"]
