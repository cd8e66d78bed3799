# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of a batch of words that are already split, laid out without Rust.

Rust's part would be to look every word up and to make an `Encoding` of every sample, which hardly anybody reads. Here
the post-processor is asked once what it puts around words, a row is its pieces side by side, and encodings are made
when somebody asks for them. Which ids and characters the words have is the tokenizer's business.

Dimensions: N positions of all rows together, R pieces of all rows together.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Encoding, Tokenizer
from tokenizers.models import WordLevel


# A sample: the words of its one or two segments.
Sample = tuple[list[str], ...]

# What a post-processor does with one word, it does with any number of them.
ONE_WORD = Tokenizer(WordLevel({"word": 0}, unk_token="word")).encode(["word"], is_pretokenized=True)


class Piece(NamedTuple):
    """A part of a row: a segment of the sample (0 or 1), a token that the post-processor adds (`None`), or padding."""

    source: int | None
    token_id: int
    type_id: int
    is_special: int


PADDING = -1


class Layout(NamedTuple):
    """Rows side by side, as if they were one.

    Attributes:
        keys (`list`): Of each of the N positions its word, the id of an added token, or `None` for padding.
        widths (`list[int]`): How many positions each row has.
        pieces (`list[Piece]`): The R pieces of all rows.
        piece_widths (`list[int]`): How many positions each piece has.
        added_ids (`list[int]`): The distinct ids of added tokens.
        pad_id (`int`): The id of padding.
    """

    keys: list[str | int | None]
    widths: list[int]
    pieces: list[Piece]
    piece_widths: list[int]
    added_ids: list[int]
    pad_id: int

    def token_type_ids(self) -> np.ndarray:
        """Returns int64 `(N,)`."""
        return self._spread([piece.type_id for piece in self.pieces])

    def special_tokens_mask(self) -> np.ndarray:
        """Returns int64 `(N,)`."""
        return self._spread([piece.is_special for piece in self.pieces])

    def _spread(self, values_R: list[int]) -> np.ndarray:
        return np.repeat(np.array(values_R, dtype=np.int64), self.piece_widths)


def lay_out(samples: Sequence[Sample], backend: Tokenizer, add_special_tokens: bool) -> Layout | None:
    """Returns the layout of what `backend.encode_batch` would give, padding included.

    `None` if the backend would cut a sample, or puts into a row what isn't the sample's segments in their order and
    tokens around them.
    """
    templates = {n: _read_template(backend, n, add_special_tokens) for n in set(map(len, samples))}
    if not all(templates.values()):
        return None
    added_ids = {piece.token_id: None for template in templates.values() for piece in template if piece.source is None}
    num_added = {n: sum(piece.source is None for piece in template) for n, template in templates.items()}
    widths = [sum(map(len, sample)) + num_added[len(sample)] for sample in samples]
    truncation, padding = backend.truncation, backend.padding
    if truncation is not None and max(widths) > truncation["max_length"]:
        return None

    fills, pad_id = [0] * len(samples), 0
    if padding is not None:
        width, multiple = padding["length"], padding["pad_to_multiple_of"] or 1
        width = max(widths) if width is None else width
        width = -(-width // multiple) * multiple
        fills = [max(width - own, 0) for own in widths]
        widths = [own + fill for own, fill in zip(widths, fills)]
        pad_id = padding["pad_id"]
        fill_piece = Piece(PADDING, pad_id, padding["pad_type_id"], is_special=1)
        is_left = padding["direction"] == "left"
        templates = {n: [fill_piece, *own] if is_left else [*own, fill_piece] for n, own in templates.items()}

    pieces: list[Piece] = []
    contents: list[Sequence[str | int | None]] = []
    for sample, fill in zip(samples, fills):
        template = templates[len(sample)]
        sources: list[Sequence[str | int | None]] = [*sample, [None] * fill]
        pieces += template
        contents += [[piece.token_id] if piece.source is None else sources[piece.source] for piece in template]
    return Layout(
        list(chain.from_iterable(contents)), widths, pieces, list(map(len, contents)), list(added_ids), pad_id
    )


def _read_template(backend: Any, num_segments: int, add_special_tokens: bool) -> list[Piece]:
    """Returns the pieces of a row, none if they can't be told."""
    if backend.post_processor is None:
        return []
    probe = backend.post_processor.process(ONE_WORD, ONE_WORD if num_segments == 2 else None, add_special_tokens)
    segments = [source for source, word in zip(probe.sequence_ids, probe.word_ids) if word is not None]
    if segments != list(range(num_segments)):
        return []
    return list(map(Piece, probe.sequence_ids, probe.ids, probe.type_ids, probe.special_tokens_mask))


class LazyEncodings(Sequence[Encoding]):
    """Encodings that are made at first use. A copy or a pickle is a plain list of them.

    Threads that are first at the same time make them more than once, and alike.
    """

    def __init__(self, length: int, encode: Callable[[], list[Encoding]]):
        self._length = length
        self._encode: Callable[[], list[Encoding]] | None = encode
        self._encodings: list[Encoding] = []

    def _made(self) -> list[Encoding]:
        encode = self._encode
        if encode is not None:
            self._encodings = encode()
            # In this order: who finds no function finds encodings.
            self._encode = None
        return self._encodings

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        return self._made()[index]

    def __iter__(self) -> Iterator[Encoding]:
        return iter(self._made())

    def __repr__(self) -> str:
        return repr(self._made())

    def __reduce__(self) -> tuple[type[list[Encoding]], tuple[list[Encoding]]]:
        return list, (self._made(),)
