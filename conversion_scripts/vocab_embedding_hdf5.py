# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`vocab_embedding.hdf5`: the token embedding of each line of the vocabulary file, as the dataset `embedding` `[n, P]`.

bilm-tf writes it to skip the character encoder. Its inference on a model that reads words needs it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.files.progress import bar
from modeling_elmo.model.bilm import ElmoModel
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer

from .hdf5 import dataset_names, new_hdf5, open_hdf5, read_datasets


DATASET = "embedding"
BATCH_WORDS = 512


def read_vocab_embedding(path: Path, num_words: int, projection_size: int) -> np.ndarray:
    """Reads the embeddings of a vocabulary, float32 `(num_words, projection_size)`.

    Raises:
        `ElmoFormatError`: If the file contains anything else.
    """
    with open_hdf5(path) as file:
        if DATASET not in dataset_names(file, {DATASET}):
            raise ElmoFormatError(f"{path.name}: {DATASET}: missing; expected shape {(num_words, projection_size)}")
        return next(read_datasets(file, {DATASET: (num_words, projection_size)}))


@torch.no_grad()
def write_vocab_embedding(path: Path, model: ElmoModel, tokenizer: ElmoTokenizer, words: Sequence[str]) -> None:
    """Writes the token embeddings of a vocabulary, `words` in the order of their ids."""
    with new_hdf5(path) as file:
        dataset = file.create_dataset(DATASET, (len(words), model.config.projection_size), dtype="float32")
        starts = range(0, len(words), BATCH_WORDS)
        for start in bar("Embedding the vocabulary", starts):
            batch = list(words[start : start + BATCH_WORDS])
            ids = torch.from_numpy(tokenizer.token_ids(batch, model.config.token_input))
            dataset[start : start + len(batch)] = model.token_embedding(ids).float().numpy()
