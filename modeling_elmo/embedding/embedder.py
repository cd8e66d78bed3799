# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences in, vectors out: `ElmoEmbedder`, which sorts, batches, computes, and gives results in input order.

Whatever comes is cut into *windows*: whole sentences, so many words together. Within a window the distinct words are
encoded once, and sentences are sorted by length and batched by words. Nothing is remembered from window to window, so
that what a window gives depends on the window alone, bit for bit, wherever in a corpus the work begins. A sentence of
more words than a *piece* goes piece by piece: the two directions are independent stacks, so the forward one runs from
left to right with its state carried on, its outputs wait in a temporary file, and the backward one runs from right to
left. Files and processes are the business of `corpus_embedding.py`.

Dimensions: S sentences of a window, B sentences of a batch, W positions of a padded row, N words of a window, K kinds
    of vectors (all L+1 layers, or 1), P projection, D = 2P, T positions of one sentence.
"""

import hashlib
import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from ..files.model_directory import VOLATILE_FIELDS, local_device
from ..model.bilm import ElmoModel, State
from ..model.characters import PAD_CHARACTER, boundary_characters, encode_characters
from ..model.configuration_elmo import ElmoConfig
from ..model.packing import DirectionState, Packing
from ..model.tokenization_elmo import CHUNK_LINES, LONE_SURROGATE, ElmoTokenizer
from ..model.word_splitting import split_at_white_space
from .long_sentences import WaitingOutputs, octets
from .pooling import POOLS, RunningPool, pool_words


LAYERS = ("all", "average", "top", "mix")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)

# A batch of so many positions. Larger ones are hardly faster, and a window has few of them to sort.
BATCH_WORDS = 4096

# Half of the distinct words of a text come again in the next thousand: the more words are looked at together, the less
# each costs to encode.
WINDOW_WORDS = 16_384

# oneDNN makes code for every number of rows, which a process keeps.
MOST_SENTENCES = 128

# A sentence of more positions goes by pieces of so many.
PIECE_WORDS = 4096

# Numbers of words are rounded up to multiples of this where they are encoded. oneDNN makes code for every new shape,
# and memory that one shape has freed fits the next: with any number of words, a process would grow.
WORDS_OF_A_SHAPE = 64


class Sentence(NamedTuple):
    """A sentence: the text it came as, and its words."""

    text: str
    words: list[str]


class Embedded(NamedTuple):
    """The vectors of some sentences.

    Attributes:
        vectors (`torch.Tensor`): On the CPU, in the embedder's `dtype`. Of shape `(K, N, D)`, the words of all
            sentences one after another; pooled, `(K, S, D)`.
        lengths (`list[int]`): How many rows of N each of the S sentences has.
    """

    vectors: torch.Tensor
    lengths: list[int]


class ElmoEmbedder:
    r"""Computes the vectors of any number of sentences.

    Args:
        model (`ElmoModel`): The model, on its device; of a model with a head the base is taken. It is put into
            evaluation mode.
        tokenizer (`ElmoTokenizer`, *optional*): Splits raw text, and numbers the words of a model that reads words. A
            model that reads characters needs none.
        layers (`str` or `int`, *optional*, defaults to `"mix"`): Which vectors a word gets: `"all"` L+1 layers, their
            `"average"`, the `"top"` one, that of a number (0 is without context), or the model's scalar `"mix"`.
        pool (`str`, *optional*, defaults to `"none"`): `"mean"` or `"max"` over the words of a sentence, or
            `"first-last"`: the forward half of the last word beside the backward half of the first, the two states that
            have read the whole sentence. `"none"`: a vector for each word. A sentence without words has zeros.
        dtype (`torch.dtype`, *optional*, defaults to `torch.float32`): Of the vectors: float32, float16 or bfloat16.
        keep_boundaries (`bool`, *optional*, defaults to `False`): Whether `<S>` and `</S>` have rows, too.
        batch_words (`int`, *optional*, defaults to 4096): Positions of a batch, padding included.
        window_words (`int`, *optional*, defaults to 16,384): Words that are sorted and batched together.
        piece_words (`int`, *optional*, defaults to 4096): Sentences of more words are computed by pieces.
        column (`str`, *optional*, defaults to `"text"`): Where a batch has its sentences, when the embedder is called.
        output_column (`str`, *optional*, defaults to `"embeddings"`): Where it gets its vectors.

    Raises:
        `ValueError`: For an unknown choice, a layer that the model has not, a mix whose vectors depend on a batch
            (`mix_layer_norm`), or no tokenizer for a model that reads words.

    Example:
    ```python
    >>> from modeling_elmo import ElmoConfig, ElmoEmbedder, ElmoModel

    >>> model = ElmoModel(ElmoConfig(cell_size=64, projection_size=16, character_filters=[[1, 8], [3, 24]]))
    >>> embedder = ElmoEmbedder(model, layers="all")
    >>> [tuple(vectors.shape) for vectors in embedder.embed(["Raw text.", ["Words", "that", "are", "split"]])]
    [(3, 3, 32), (3, 4, 32)]
    ```
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: ElmoTokenizer | None = None,
        *,
        layers: str | int = "mix",
        pool: str = "none",
        dtype: torch.dtype = torch.float32,
        keep_boundaries: bool = False,
        batch_words: int = BATCH_WORDS,
        window_words: int = WINDOW_WORDS,
        piece_words: int = PIECE_WORDS,
        column: str = "text",
        output_column: str = "embeddings",
    ):
        base = model if isinstance(model, ElmoModel) else model.base_model
        if not isinstance(base, ElmoModel):
            raise ValueError(f"model: expected an ElmoModel, or one with a head on it, found {type(model).__name__}")
        self.model: ElmoModel = base.eval()
        self.config: ElmoConfig = base.config
        self.layers = checked_layers(layers, self.config)
        if pool not in POOLS:
            raise ValueError(f"pool: expected one of {', '.join(POOLS)}, found {pool!r}")
        if dtype not in DTYPES:
            raise ValueError(f"dtype: expected one of {', '.join(map(str, DTYPES))}, found {dtype}")
        for name, number in (("batch", batch_words), ("window", window_words), ("piece", piece_words)):
            if not isinstance(number, int) or number < 1:
                raise ValueError(f"{name}_words: expected an integer of at least 1, found {number!r}")
        if tokenizer is None:
            if self.config.token_input == "words":
                raise ValueError("tokenizer: this model reads words, so it needs the tokenizer that numbers them")
            tokenizer = ElmoTokenizer(max_characters_per_token=self.config.max_characters_per_token)
        self.tokenizer = tokenizer
        self.pool = pool
        self.dtype = dtype
        self.keep_boundaries = keep_boundaries
        self.batch_words = batch_words
        self.window_words = window_words
        self.piece_words = piece_words
        self.column = column
        self.output_column = output_column
        self.boundaries = str(tokenizer.bos_token), str(tokenizer.eos_token)
        self._vocabulary = tokenizer.get_vocab() if self.config.token_input == "words" else None

    @classmethod
    def from_pretrained(cls, model: str | os.PathLike[str], **kwargs: Any) -> "ElmoEmbedder":
        """Loads a model directory, and puts the model on the accelerator, if there is one.

        Args:
            model (`str` or `os.PathLike`): The directory, or a name on the Hub.
            kwargs: As for the class.
        """
        return cls(ElmoModel.from_pretrained(model).to(local_device()), ElmoTokenizer.from_pretrained(model), **kwargs)

    @property
    def num_kinds(self) -> int:
        """`int`: K, L+1 for all layers and 1 otherwise."""
        return self.config.num_hidden_layers + 1 if self.layers == "all" else 1

    @property
    def is_pooled(self) -> bool:
        """`bool`: Whether a sentence has one row, whatever its number of words."""
        return self.pool != "none"

    def num_rows(self, words: Sequence[str]) -> int:
        """Returns how many rows the words of a sentence have, before they are pooled."""
        return len(words) + 2 * self.keep_boundaries

    def embed(self, sentences: Iterable[str | Sequence[str]]) -> Iterator[torch.Tensor]:
        """Yields the vectors of each sentence, in order, looking so far ahead as a window is long.

        Args:
            sentences (`Iterable`): Raw texts, which the tokenizer splits, or lists of words, which stay as they are.

        Yields:
            `torch.Tensor` of shape `(words, D)` on the CPU, `(L + 1, words, D)` with `layers="all"`; pooled, `(D,)` or
            `(L + 1, D)`. The vectors of a sentence of more than `piece_words` words are mapped from a temporary file,
            which goes with them.
        """
        for window in windows(self.split(sentences), self.window_words, self.piece_words):
            yield from self.vectors_of([sentence.words for sentence in window])

    def vectors_of(self, window: list[list[str]]) -> Iterator[torch.Tensor]:
        """Yields the vectors of the sentences of one window, shaped as by `embed`."""
        if self.is_long(window):
            yield self._squeezed(self._mapped(window[0]))
            return
        vectors, lengths = self.embed_window(window)
        sizes = [1] * len(lengths) if self.is_pooled else lengths
        for rows in vectors.split(sizes, dim=1):
            # A part of a window would keep all of it in memory.
            rows = rows.clone()
            yield self._squeezed(rows[:, 0] if self.is_pooled else rows)

    def _squeezed(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors if self.layers == "all" else vectors[0]

    def split(self, sentences: Iterable[str | Sequence[str]], tokenized: bool = False) -> Iterator[Sentence]:
        """Yields sentences with their words: texts are split, by the tokenizer or, if `tokenized`, at white space.

        Raises:
            `ValueError`: For what is neither a text nor a list of words, naming its place.
        """
        split_words = split_at_white_space if tokenized else self.tokenizer.split_words
        remaining = enumerate(iter(sentences))
        while items := list(itertools.islice(remaining, CHUNK_LINES)):
            checked = [_checked_sentence(item, f"sentence {number}") for number, item in items]
            texts = [item for item in checked if isinstance(item, str)]
            split = iter(split_words(texts) if texts else [])
            for item in checked:
                if isinstance(item, str):
                    yield Sentence(item, next(split))
                else:
                    yield Sentence(" ".join(item), item)

    # What a window is and gives

    def is_long(self, window: Sequence[Sequence[str]]) -> bool:
        """Whether a window is one sentence that goes piece by piece."""
        return len(window) == 1 and len(window[0]) > self.piece_words

    @torch.no_grad()
    def embed_window(self, window: list[list[str]]) -> Embedded:
        """Returns the vectors of a window of sentences."""
        lengths = [self.num_rows(words) for words in window]
        num_rows = len(window) if self.is_pooled else sum(lengths)
        # Where a sentence has no rows to pool, zeros are what is left.
        allocate = torch.zeros if self.is_pooled else torch.empty
        vectors_KND = allocate((self.num_kinds, num_rows, self.config.hidden_size), dtype=self.dtype)
        first_row_S = np.cumsum([0, *lengths])[:-1]
        tokens_S = [[self.boundaries[0], *words, self.boundaries[1]] for words in window]
        table_XP, numbers_S = self._encode_distinct(tokens_S)
        for members in self.batches(lengths):
            mask_BW, numbers_BW = _padded([numbers_S[member] for member in members])
            batch_KBWD = self._embed_batch(table_XP, numbers_BW, mask_BW)
            kept_BW = mask_BW if self.keep_boundaries else _without_boundaries(mask_BW)
            if self.is_pooled:
                kept = kept_BW.to(self.model.device)
                pooled = torch.stack([pool_words(layer, kept, self.pool) for layer in batch_KBWD])
                vectors_KND[:, torch.tensor(members)] = pooled.to("cpu", self.dtype)
                continue
            source = kept_BW.flatten().nonzero().squeeze(1)
            starts = torch.from_numpy(first_row_S[members]) - (0 if self.keep_boundaries else 1)
            target = (starts[:, None] + torch.arange(mask_BW.shape[1]))[kept_BW]
            source = source.to(self.model.device)
            for kind, layer_BWD in enumerate(batch_KBWD):
                rows = layer_BWD.flatten(0, 1).index_select(0, source).to("cpu", self.dtype)
                vectors_KND[kind].index_copy_(0, target, rows)
        return Embedded(vectors_KND, lengths)

    def batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """Yields the sentences of each batch by their places in the window, longest first; not those without rows."""
        order = sorted((place for place, length in enumerate(lengths) if length), key=lambda place: -lengths[place])
        begin = 0
        while begin < len(order):
            width = lengths[order[begin]] + (0 if self.keep_boundaries else 2)
            size = min(MOST_SENTENCES, max(1, self.batch_words // width))
            yield order[begin : begin + size]
            begin += size

    def _encode_distinct(self, tokens_S: list[list[str]]) -> tuple[torch.Tensor, list[np.ndarray]]:
        """Returns the embeddings `(X, P)` of the distinct tokens of sentences, and each sentence's rows of them."""
        first, last = self.boundaries
        distinct = dict.fromkeys((first, last))
        for tokens in tokens_S:
            distinct.update(dict.fromkeys(tokens))
        number_of = dict(zip(distinct, itertools.count()))
        numbers_S = [np.fromiter(map(number_of.__getitem__, tokens), np.int64, len(tokens)) for tokens in tokens_S]
        words = list(distinct)
        if self._vocabulary is not None:
            unknown = self._vocabulary[str(self.tokenizer.unk_token)]
            ids_X = torch.tensor([self._vocabulary.get(word, unknown) for word in words])
            return self.model.word_embedding(ids_X.to(self.model.device)), numbers_S
        size = self.config.max_characters_per_token
        # A word that reads `<S>` is the boundary; so is it to the tokenizer.
        rows_XC = np.concatenate([boundary_characters(size), encode_characters(words[2:], size)])
        # Words of a length go together: what is computed of each is as long as the longest beside it. Not through the
        # encoder's cache: that remembers what was computed beside other words, so that low bits would be others.
        order_X = np.argsort((rows_XC != PAD_CHARACTER).sum(axis=1), kind="stable")
        rows_XC = rows_XC[order_X[np.minimum(np.arange(_rounded_up(len(words))), len(words) - 1)]]
        encoded_XP = self.model.character_encoder.encode_sorted(torch.from_numpy(rows_XC).to(self.model.device))
        table_XP = encoded_XP.new_empty(len(words), encoded_XP.shape[1])
        table_XP[torch.from_numpy(order_X).to(table_XP.device)] = encoded_XP[: len(words)]
        return table_XP, numbers_S

    def _embed_batch(self, table_XP: torch.Tensor, numbers_BW: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        device = table_XP.device
        mask = mask_BW.to(device)
        embeddings_BWP = table_XP[numbers_BW.to(device)].masked_fill(~mask.unsqueeze(-1), 0)
        packing = Packing.from_mask(mask)
        state = self.model.initial_state(packing, embeddings_BWP)
        pair_BWD = torch.cat([embeddings_BWP, embeddings_BWP], dim=-1)
        outputs = (output for output, _ in self.model.run_layers(pair_BWD, packing, state))
        return self._combined(itertools.chain([pair_BWD], outputs), mask)

    def _combined(self, layers: Iterator[torch.Tensor], mask_BW: torch.Tensor) -> torch.Tensor:
        """Returns the kinds of vectors `(K, B, W, D)` that layers give, asking for no more layers than needed."""
        if self.layers == "all":
            return torch.stack(list(layers))
        if self.layers == "mix":
            return self.model.scalar_mixes[0](layers, mask_BW).unsqueeze(0)
        if self.layers == "average":
            total, count = next(layers).clone(), 1
            for layer in layers:
                total += layer
                count += 1
            return (total / count).unsqueeze(0)
        number = self.config.num_hidden_layers if self.layers == "top" else int(self.layers)
        return next(itertools.islice(layers, number, None)).unsqueeze(0)

    # A sentence in pieces

    def _mapped(self, words: list[str]) -> torch.Tensor:
        """Returns the vectors `(K, N, D)` of a long sentence, or `(K, D)` pooled, in a file that has no name."""
        if self.is_pooled:
            return self.pooled_pieces(words)
        shape = (self.num_kinds, self.num_rows(words), self.config.hidden_size)
        size = torch.empty((), dtype=self.dtype).element_size()
        row = shape[2] * size
        with tempfile.TemporaryFile(prefix="elmo-") as file:
            for begin, piece_KND in self.pieces(words):
                for kind, rows_ND in enumerate(piece_KND):
                    file.seek((kind * shape[1] + begin) * row)
                    file.write(octets(rows_ND))
            file.flush()
            # Python's `mmap` keeps the file, which other names don't reach, for as long as it is mapped.
            mapped = np.memmap(file, dtype=np.uint8, mode="r+", shape=(shape[0] * shape[1] * row,))
        return torch.from_numpy(mapped).view(self.dtype).view(shape)

    def pooled_pieces(self, words: list[str], state: State | None = None, last: list[State] | None = None) -> Any:
        """Returns the pooled vectors `(K, D)` of a sentence that is computed piece by piece; args as `pieces`."""
        pooling = RunningPool(self.pool, self.num_rows(words))
        for _, piece_KND in self._pieces(words, state, last):
            pooling.add(piece_KND)
        return pooling.result(self.num_kinds, self.config.hidden_size).to(self.dtype)

    def pieces(
        self, words: list[str], state: State | None = None, last: list[State] | None = None
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Computes a sentence of any length in memory that does not depend on it.

        Args:
            words (`list[str]`): The sentence.
            state (`tuple[torch.Tensor, torch.Tensor]`, *optional*): Where the LSTMs start, as for `ElmoModel`: `(2L, 1,
                P)` and `(2L, 1, H)`. By default zeros.
            last (`list`, *optional*): Gets the state after the sentence.

        Yields:
            The first row of a piece and its rows `(K, n, D)`, on the CPU, from the sentence's end to its beginning.
        """
        for begin, piece_KND in self._pieces(words, state, last):
            yield begin, piece_KND.to("cpu", self.dtype)

    @torch.no_grad()
    def _pieces(
        self, words: list[str], state: State | None, last: list[State] | None
    ) -> Iterator[tuple[int, torch.Tensor]]:
        num_layers = self._num_layers if last is None else self.config.num_hidden_layers
        num_tokens = len(words) + 2
        starts = range(0, num_tokens, self.piece_words)
        states = self._direction_states(state)
        with WaitingOutputs(num_layers + 1, num_tokens, self.config.projection_size) as waiting:
            for start in starts:
                tokens = self._tokens_of_piece(words, start)
                table_XP, (numbers,) = self._encode_distinct([tokens])
                x_NP = table_XP[torch.from_numpy(numbers).to(table_XP.device)]
                waiting.write(0, start, x_NP)
                for number in range(num_layers):
                    x_NP = self._run_direction(number, 0, x_NP, states)
                    waiting.write(number + 1, start, x_NP)
            for start in reversed(starts):
                forward = [waiting.read(number, start, self.piece_words) for number in range(num_layers + 1)]
                x_NP = forward[0].to(self.model.device)
                backward = [x_NP]
                for number in range(num_layers):
                    flipped_NP = self._run_direction(number, 1, backward[-1].flip(0), states)
                    backward.append(flipped_NP.flip(0))
                halves = zip(forward, backward)
                layers = (torch.cat([first.to(second.device), second], dim=-1)[None] for first, second in halves)
                mask = torch.ones((1, len(x_NP)), dtype=torch.bool, device=x_NP.device)
                piece_KND = self._combined(layers, mask)[:, 0]
                if not self.keep_boundaries:
                    is_last = start + len(x_NP) == num_tokens
                    piece_KND = piece_KND[:, (start == 0) : len(x_NP) - is_last]
                yield max(0, start - (not self.keep_boundaries)), piece_KND
        if last is not None:
            hidden, cell = zip(*(states[number, direction] for number in range(num_layers) for direction in (0, 1)))
            last.append((torch.stack(hidden), torch.stack(cell)))

    @property
    def _num_layers(self) -> int:
        """`int`: How many LSTM layers have to run."""
        return self.layers if isinstance(self.layers, int) else self.config.num_hidden_layers

    def _tokens_of_piece(self, words: list[str], start: int) -> list[str]:
        end = min(start + self.piece_words, len(words) + 2)
        tokens = words[max(0, start - 1) : end - 1]
        if start == 0:
            tokens = [self.boundaries[0], *tokens]
        return [*tokens, self.boundaries[1]] if end == len(words) + 2 else tokens

    def _direction_states(self, state: State | None) -> dict[tuple[int, int], DirectionState]:
        config, device = self.config, self.model.device
        if state is None:
            dtype = self.model.dtype
            # The cell state accumulates over a sentence: half precision would lose it.
            cell_dtype = torch.promote_types(dtype, torch.float32)
            count = 2 * config.num_hidden_layers
            hidden = torch.zeros((count, 1, config.projection_size), dtype=dtype)
            state = hidden, torch.zeros((count, 1, config.cell_size), dtype=cell_dtype)
        pairs = zip(state[0].to(device), state[1].to(device))
        return {divmod(place, 2): (hidden, cell) for place, (hidden, cell) in enumerate(pairs)}

    def _run_direction(
        self, number: int, direction: int, x_NP: torch.Tensor, states: dict[tuple[int, int], DirectionState]
    ) -> torch.Tensor:
        layer: Any = self.model.layers[number]
        lstm = layer.backward_lstm if direction else layer.forward_lstm
        output_NP, states[number, direction] = lstm(x_NP, [1] * len(x_NP), states[number, direction])
        return output_NP + x_NP if layer.has_skip_connection else output_NP

    # As a function for maps

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Adds vectors to a batch of columns: the function for `datasets.Dataset.map(batched=True)`, in any number of
        processes, and for Ray Data's `map_batches`.

        Args:
            batch (`dict`): With texts, or lists of words, in the column `column`.

        Returns:
            `dict`: The batch, and in `output_column` the vectors as NumPy arrays: a list of one for each sentence, or
                pooled, one for all.

        Raises:
            `ValueError`: If there is no such column, or for bfloat16, which NumPy has not.
        """
        if self.dtype == torch.bfloat16:
            raise ValueError("dtype: NumPy has no bfloat16, expected float32 or float16 for a map")
        if self.column not in batch:
            raise ValueError(f"column: expected one of {', '.join(map(str, batch))}, found {self.column!r}")
        sentences = (list(item) if isinstance(item, np.ndarray) else item for item in batch[self.column])
        vectors = [tensor.numpy() for tensor in self.embed(sentences)]
        return {**batch, self.output_column: np.stack(vectors) if self.is_pooled and vectors else vectors}

    def fingerprint(self) -> dict[str, Any]:
        """Returns what the vectors follow from, as JSON has it: a hash of config and weights, and the settings."""
        digest = hashlib.sha256()
        fields = self.config.to_dict()
        for name in VOLATILE_FIELDS:
            fields.pop(name, None)
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(octets(tensor))
        if self._vocabulary is not None:
            digest.update(json.dumps(sorted(self._vocabulary.items())).encode())
        return {
            "model": digest.hexdigest(),
            "layers": self.layers,
            "pool": self.pool,
            "dtype": str(self.dtype).removeprefix("torch."),
            "keep_boundaries": self.keep_boundaries,
            "batch_words": self.batch_words,
            "window_words": self.window_words,
            "piece_words": self.piece_words,
        }


def windows(sentences: Iterable[Sentence], window_words: int, piece_words: int) -> Iterator[list[Sentence]]:
    """Yields runs of whole sentences of at least `window_words` words together, boundaries included, and the rest in
    the end. A sentence of more than `piece_words` words is a window of its own."""
    window: list[Sentence] = []
    num_words = 0
    for sentence in sentences:
        is_long = len(sentence.words) > piece_words
        if is_long and window:
            yield window
            window, num_words = [], 0
        window.append(sentence)
        num_words += len(sentence.words) + 2
        if is_long or num_words >= window_words:
            yield window
            window, num_words = [], 0
    if window:
        yield window


def checked_layers(layers: str | int, config: ElmoConfig) -> str | int:
    """Returns the choice of layers, a number in digits as a number. Raises `ValueError` if the model has no such."""
    most = config.num_hidden_layers
    if isinstance(layers, str) and layers.isascii() and layers.isdigit():
        layers = int(layers)
    is_number = isinstance(layers, int) and not isinstance(layers, bool)
    if layers not in LAYERS if not is_number else not 0 <= int(layers) <= most:
        raise ValueError(f"layers: expected {', '.join(LAYERS)} or a number from 0 to {most}, found {layers!r}")
    if layers == "mix" and config.mix_layer_norm:
        raise ValueError(
            "layers: expected all, average, top or a number, found mix: this model's mix normalises the layers by mean "
            "and variance of a batch (mix_layer_norm), so that a sentence would get other vectors beside others"
        )
    return layers


def _checked_sentence(item: Any, name: str) -> str | list[str]:
    if isinstance(item, str):
        return item if item.isascii() else LONE_SURROGATE.sub("\ufffd", item)
    if not isinstance(item, (list, tuple)) or not all(isinstance(word, str) for word in item):
        found = f"{item!r:.60}"
        raise ValueError(f"{name}: expected a text or a list of words, found {type(item).__name__} {found}")
    words = list(item)
    if not all(map(str.isascii, words)):
        words = [LONE_SURROGATE.sub("\ufffd", word) for word in words]
    return words


def _rounded_up(num_words: int) -> int:
    return num_words + -num_words % WORDS_OF_A_SHAPE


def _padded(rows: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns where rows `(B, W)` have values, and their values, 0 elsewhere."""
    lengths_B = np.array([len(row) for row in rows])
    mask_BW = np.arange(lengths_B.max()) < lengths_B[:, None]
    values_BW = np.zeros(mask_BW.shape, dtype=np.int64)
    values_BW[mask_BW] = np.concatenate(rows)
    return torch.from_numpy(mask_BW), torch.from_numpy(values_BW)


def _without_boundaries(mask_BW: torch.Tensor) -> torch.Tensor:
    """Returns the mask of rows without their first and last position; rows begin at the left."""
    kept_BW = mask_BW.clone()
    kept_BW[:, 0] = False
    kept_BW[torch.arange(len(mask_BW)), mask_BW.sum(1) - 1] = False
    return kept_BW


__all__ = ["Embedded", "ElmoEmbedder", "Sentence", "windows"]
