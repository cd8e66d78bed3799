# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pairs of texts whose second has several sentences, each of which the biLM reads as a sequence of its own."""

from collections.abc import Sequence
from typing import Any

from ..model.tokenization_elmo import ElmoTokenizer


def encode_by_sentence(
    tokenizer: ElmoTokenizer, first: str, second: str, sentences: Sequence[tuple[int, int]]
) -> tuple[dict[str, list[Any]], list[tuple[int, int] | None]]:
    """Encodes a pair of texts, such as question and context, sentence by sentence.

    Each sentence has its own `<S>` and `</S>`. `token_type_ids` are 0 in the first text, and 1 and 2 by turns in the
    sentences of the second, so that models of pairs of texts start the LSTMs of the biLM at each sentence, but read the
    second text as one in all layers above.

    Args:
        tokenizer (`ElmoTokenizer`): Of the model.
        first (`str`): The first text, a single sentence.
        second (`str`): The second text.
        sentences (`Sequence[tuple[int, int]]`): The first character of each of its sentences and the one after its
            last, as [`~modeling_elmo.files.sentences.sentence_splitter`] finds them.

    Returns:
        `dict[str, list]`: The inputs of the model for one example, to be padded.
        `list`: For each column, the characters in `second` of its word; `None` elsewhere.
    """
    texts = [first, *(second[begin:end] for begin, end in sentences)]
    encoded = tokenizer(texts, return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")
    types = [[min(index, 2 - index % 2)] * len(ids) for index, ids in enumerate(encoded["input_ids"])]
    spans: list[tuple[int, int] | None] = [None] * len(offsets[0])
    for number, ((begin, _), words) in enumerate(zip(sentences, offsets[1:]), start=1):
        is_word = [id is not None for id in encoded.word_ids(number)]
        spans += [(begin + a, begin + b) if real else None for (a, b), real in zip(words, is_word)]
    rows = {**encoded, "token_type_ids": types}
    return {name: [value for row in values for value in row] for name, values in rows.items()}, spans
