# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents with their coreference clusters as inputs of [`ElmoForCoreferenceResolution`]: a row for each document."""

from collections.abc import Sequence
from typing import Any

import torch

from ..model.configuration_elmo import IGNORED_LABEL
from ..model.tokenization_elmo import ElmoTokenizer


# Columns with an entry for each mention.
MENTION_COLUMNS = ("start_positions", "end_positions", "labels")


def encode_document(
    tokenizer: ElmoTokenizer,
    sentences: Sequence[Sequence[str]],
    clusters: Sequence[Sequence[Sequence[int]]] | None = None,
) -> dict[str, list[Any]]:
    """Encodes a document. Each sentence has its own `<S>` and `</S>`; `token_type_ids` are 0 and 1 by turns.

    Args:
        tokenizer (`ElmoTokenizer`): Of the model.
        sentences (`Sequence[Sequence[str]]`): The words of each sentence.
        clusters (`Sequence`, *optional*): The mentions of each cluster: the first and the last word of each, counted
            from 0 over the whole document.

    Returns:
        `dict[str, list]`: The inputs of the model for one example, for [`DocumentCollator`].

    Raises:
        `ValueError`: If a word reads like a sentence boundary, which is no word to the model.
    """
    boundaries = {tokenizer.bos_token, tokenizer.eos_token}
    for sentence in sentences:
        for word in boundaries.intersection(sentence):
            raise ValueError(f"sentences: expected words, found {word!r}, the mark of a sentence boundary")
    encoded = tokenizer([list(sentence) for sentence in sentences] or [[]], is_split_into_words=True)
    types = [[number % 2] * len(ids) for number, ids in enumerate(encoded["input_ids"])]
    rows = {**encoded, "token_type_ids": types}
    example = {name: [value for row in values for value in row] for name, values in rows.items()}
    if clusters is not None:
        mentions = [(*mention, number) for number, cluster in enumerate(clusters) for mention in cluster]
        for column, name in enumerate(MENTION_COLUMNS):
            example[name] = [mention[column] for mention in mentions]
    return example


class DocumentCollator:
    """Pads the documents of a batch, and their mentions with -100."""

    def __init__(self, tokenizer: ElmoTokenizer):
        self.tokenizer = tokenizer

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Returns the inputs of the model for the examples of [`encode_document`]."""
        words = [{name: row[name] for name in row if name not in MENTION_COLUMNS} for row in examples]
        batch: dict[str, torch.Tensor] = dict(self.tokenizer.pad(words, return_tensors="pt"))
        for name in MENTION_COLUMNS:
            if name in examples[0]:
                lists = [torch.tensor(row[name], dtype=torch.long) for row in examples]
                batch[name] = torch.nn.utils.rnn.pad_sequence(lists, batch_first=True, padding_value=IGNORED_LABEL)
        return batch
