# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`ElmoEmbedder`: sentences to vectors, in input order.

Sentences are grouped into *windows*: whole sentences with a given number of words in total. Within a window, distinct
words are encoded once, and sentences are sorted by length and batched by words. The vectors of a window depend on that
window only, bit for bit, wherever in a corpus a run starts. A sentence longer than a *piece* is a separate window.

Dimensions: S sentences of a window, B sentences of a batch, W positions of a padded row, N words of a window, K kinds
    of vectors (all L+1 layers, or 1), X distinct words, I ids per word, P projection, D = 2P, n rows of a
    piece.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from ..files.model_directory import VOLATILE_FIELDS, local_device
from ..files.sentences import sentence_splitter
from ..model.bilm import ElmoModel, State
from ..model.configuration_elmo import ElmoConfig
from ..model.packing import Packing
from ..model.tokenization_elmo import CHUNK_LINES, LONE_SURROGATE, ElmoTokenizer
from ..model.word_splitting import TextSplitter, split_at_white_space
from .long_sentences import LongSentence, mapped_tensor, tensor_bytes
from .pooling import POOLS, RunningPool, pool_texts, pool_words
from .sources import checked_sentence
from .text_checks import TextChecks, warn_of_lemmas


LAYERS = ("all", "average", "top", "mix")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)

# oneDNN generates code for every shape, and a process keeps it: with more sentences in a batch, or if the number of
# encoded words were not rounded up to a multiple, a process would keep growing.
MAX_BATCH_SENTENCES = 128
WORD_BUCKET = 64


class Words(list[str]):
    """The words of a text whose sentences are split, and the number of words of each sentence."""

    def __init__(self, sentences: Iterable[list[str]]):
        sentences = list(sentences)
        super().__init__(itertools.chain(*sentences))
        self.lengths = [len(words) for words in sentences]


class Sentence(NamedTuple):
    """A sentence, or a text of several: its original text and its words."""

    text: str
    words: list[str]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """`list[tuple[int, int]]`: The first character of each word in `text`, and the one after its last."""
        spans, end = [], 0
        for word in self.words:
            begin = self.text.index(word, end)
            end = begin + len(word)
            spans.append((begin, end))
        return spans


def sequences_of(words: list[str]) -> list[list[str]]:
    """Returns the words of each sentence of a text: of all sentences that the LSTMs read separately."""
    if not isinstance(words, Words) or len(words.lengths) < 2:
        return [words]
    ends = itertools.accumulate(words.lengths)
    return [words[end - length : end] for end, length in zip(ends, words.lengths)]


class ElmoEmbedder:
    r"""Computes the vectors of any number of sentences.

    Args:
        model (`ElmoModel`): The model, on its device, or a model with a head, whose base is used. It is put into
            evaluation mode.
        tokenizer (`ElmoTokenizer`, *optional*): Splits raw text, and maps words to ids for a model that reads words. A
            model that reads characters doesn't need one.
        layers (`str` or `int`, *optional*, defaults to `"mix"`): The vectors of a word: `"all"` L+1 layers, their
            `"average"`, the `"top"` one, a layer's number (0 has no context), or the model's scalar `"mix"`.
        pool (`str`, *optional*, defaults to `"none"`): `"mean"` or `"max"` over the words of a sentence, or
            `"first-last"`: the forward half of the last word and the backward half of the first, the two states that
            have read the whole sentence. `"none"`: one vector per word. A sentence without words gets zeros.
        dtype (`torch.dtype`, *optional*, defaults to `torch.float32`): Of the vectors: float32, float16 or bfloat16.
        keep_boundaries (`bool`, *optional*, defaults to `False`): Whether `<S>` and `</S>` get rows too.
        batch_words (`int`, *optional*, defaults to 4096): Positions of a batch, including padding. Larger batches are
            hardly faster.
        window_words (`int`, *optional*, defaults to 16,384): Words that are sorted and batched together. The larger
            the window, the more of its words recur in it and are encoded once.
        piece_words (`int`, *optional*, defaults to 4096): Sentences with more words are computed in pieces.
        split_sentences (`bool`, *optional*, defaults to `False`): Whether a raw text may be several sentences, each of
            which the LSTMs read on its own, as in training. The text keeps one row per word, in order.
        column (`str`, *optional*, defaults to `"text"`): The column that holds the sentences of a batch, when the
            embedder is called.
        output_column (`str`, *optional*, defaults to `"embeddings"`): The column for their vectors.

    Raises:
        `ValueError`: For an unknown choice, a layer that the model doesn't have, a mix that depends on the batch
            (`mix_layer_norm`), or if a model that reads words gets no tokenizer.

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
        batch_words: int = 4096,
        window_words: int = 16_384,
        piece_words: int = 4096,
        split_sentences: bool = False,
        column: str = "text",
        output_column: str = "embeddings",
    ):
        base = model if isinstance(model, ElmoModel) else getattr(model, "base_model", None)
        if not isinstance(base, ElmoModel):
            found = f"found {type(model).__name__}; ElmoEmbedder.from_pretrained takes a directory"
            raise ValueError(f"model: expected an ElmoModel or a model built on one, {found}")
        self.model: ElmoModel = base.eval()
        self.config: ElmoConfig = base.config
        self.layers = checked_layers(layers, self.config)
        if pool not in POOLS:
            raise ValueError(f"pool: expected one of {', '.join(POOLS)}, found {pool!r}")
        if dtype not in DTYPES:
            raise ValueError(f"dtype: expected one of {', '.join(map(str, DTYPES))}, found {dtype}")
        for name, count in (("batch", batch_words), ("window", window_words), ("piece", piece_words)):
            if not isinstance(count, int) or count < 1:
                raise ValueError(f"{name}_words: expected an integer of at least 1, found {count!r}")
        self.tokenizer = _default_tokenizer(self.config) if tokenizer is None else tokenizer
        self.pool = pool
        self.dtype = dtype
        self.keep_boundaries = keep_boundaries
        self.batch_words = batch_words
        self.window_words = window_words
        self.piece_words = piece_words
        self.split_sentences = split_sentences
        if split_sentences and pool == "first-last":
            raise ValueError("pool: first-last needs one sentence, so it can't be used with split_sentences; use mean")
        self._find_sentences = sentence_splitter(self.tokenizer.language) if split_sentences else None
        self.column = column
        self.output_column = output_column
        self._map_checks: TextChecks | None = None
        self.boundaries = str(self.tokenizer.bos_token), str(self.tokenizer.eos_token)

    @classmethod
    def from_pretrained(cls, model: str | os.PathLike[str], **kwargs: Any) -> "ElmoEmbedder":
        """Loads a model directory, or a name on the Hub, and puts the model on the accelerator, if there is one."""
        loaded = ElmoModel.from_pretrained(model).to(local_device())
        warn_of_lemmas(model)
        return cls(loaded, ElmoTokenizer.from_pretrained(model), **kwargs)

    @property
    def num_kinds(self) -> int:
        """`int`: K, L+1 for all layers and 1 otherwise."""
        return self.config.num_hidden_layers + 1 if self.layers == "all" else 1

    @property
    def is_pooled(self) -> bool:
        """`bool`: Whether a sentence has one row, whatever its number of words."""
        return self.pool != "none"

    def num_rows(self, words: list[str]) -> int:
        """Returns the number of rows of a sentence before pooling."""
        return len(words) + 2 * self.keep_boundaries * len(sequences_of(words))

    def row_counts(self, window: Sequence[list[str]]) -> list[int]:
        """Returns the number of rows of each sentence."""
        return [1] * len(window) if self.is_pooled else [self.num_rows(words) for words in window]

    def embed(self, sentences: Iterable[str | Sequence[str]]) -> Iterator[torch.Tensor]:
        """Yields the vectors of each sentence, a raw text or a list of words, reading at most one window ahead.

        A single text is one sentence. Warns (`ElmoWarning`) once if words are cut or have white space inside, or every
        text is one word.

        Yields:
            `torch.Tensor` of shape `(words, D)` on the CPU, `(L + 1, words, D)` with `layers="all"`; pooled, `(D,)` or
            `(L + 1, D)`. The vectors of a sentence with more than `piece_words` words are mapped from a temporary file,
            which exists as long as they do.
        """
        if isinstance(sentences, Mapping):
            raise ValueError(f"sentences: expected texts, found columns: {', '.join(map(str, sentences))}; pass one")
        sentences = [sentences] if isinstance(sentences, str) else sentences
        yield from self._embed(sentences, TextChecks(self))

    def _embed(self, sentences: Iterable[str | Sequence[str]], checks: TextChecks) -> Iterator[torch.Tensor]:
        for window in windows(self.split(sentences), self.window_words, self.piece_words):
            words_S = [sentence.words for sentence in window]
            checks.add(words_S)
            checks.warn()
            yield from self.vectors_of(words_S)
        checks.warn(is_all=True)

    def vectors_of(self, window: list[list[str]]) -> Iterator[torch.Tensor]:
        """Yields the vectors of the sentences of one window, shaped as by `embed`."""
        counts = self.row_counts(window)
        if self.is_long(window):
            shape = (self.num_kinds, counts[0], self.config.hidden_size)
            vectors = [mapped_tensor(shape, self.dtype, self.long_rows(window[0]))]
        else:
            vectors = list(self.embed_window(window).split(counts, dim=1))
        for rows_KND in vectors:
            # A view would keep the whole window in memory.
            rows = rows_KND if len(vectors) == 1 else rows_KND.clone()
            rows = rows[:, 0] if self.is_pooled else rows
            yield rows if self.layers == "all" else rows[0]

    def split(self, sentences: Iterable[str | Sequence[str]], tokenized: bool = False) -> Iterator[Sentence]:
        """Yields sentences with their words. Texts are split by the tokenizer or, if `tokenized`, at white space.

        Raises:
            `ValueError`: For an item that is not a sentence, naming its index, as `checked_sentence` does.
        """
        split_words = split_at_white_space if tokenized else self.tokenizer.split_words
        find_sentences = None if tokenized else self._find_sentences
        remaining = enumerate(iter(sentences))
        while items := list(itertools.islice(remaining, CHUNK_LINES)):
            checked = [checked_sentence(item, f"sentence {index}") for index, item in items]
            texts = [_without_surrogates(item) for item in checked if isinstance(item, str)]
            split = zip(texts, words_of(texts, split_words, find_sentences) if texts else [])
            for item in checked:
                if isinstance(item, str):
                    yield Sentence(*next(split))
                else:
                    words = [_without_surrogates(word) for word in item]
                    yield Sentence(" ".join(words), words)

    # Windows

    def is_long(self, window: Sequence[Sequence[str]]) -> bool:
        """Whether a window is one sentence that is computed in pieces."""
        return len(window) == 1 and len(window[0]) > self.piece_words

    @torch.no_grad()
    def embed_window(self, window: list[list[str]]) -> torch.Tensor:
        """Returns the vectors of a window of sentences.

        Returns:
            `torch.Tensor` of shape `(K, N, D)`, the words of all sentences concatenated; pooled, `(K, S, D)`. On the
            CPU, in the embedder's `dtype`.
        """
        sequences = list(itertools.chain.from_iterable(map(sequences_of, window)))
        if len(sequences) == len(window) or not self.is_pooled:
            return self._embed_sequences(sequences, self.pool)
        rows_KND = self._embed_sequences(sequences, "none")
        return pool_texts(rows_KND, [self.num_rows(words) for words in window], self.pool).to(self.dtype)

    def _embed_sequences(self, window: list[list[str]], pool: str) -> torch.Tensor:
        counts = [1 if pool != "none" else self.num_rows(words) for words in window]
        rows_S = torch.arange(sum(counts)).split(counts)
        # Sentences without words to pool keep the zeros.
        vectors_KND = torch.zeros((self.num_kinds, sum(counts), self.config.hidden_size), dtype=self.dtype)
        table_XP, ids_S = self._encode_distinct([self._with_boundaries(words) for words in window])
        for members in self.batches([self.num_rows(words) for words in window]):
            mask_BW, ids_BW = _padded([ids_S[member] for member in members])
            batch_KBWD = self._embed_batch(table_XP, ids_BW, mask_BW)
            # Without boundaries, the first and the last position of a row are left out.
            kept_BW = mask_BW if self.keep_boundaries else torch.nn.functional.pad(mask_BW[:, 2:], (1, 1))
            kept_BW = kept_BW.to(self.model.device)
            if pool != "none":
                batch_KND = torch.stack([pool_words(layer_BWD, kept_BW, pool) for layer_BWD in batch_KBWD])
            else:
                batch_KND = batch_KBWD[:, kept_BW]
            vectors_KND[:, torch.cat([rows_S[member] for member in members])] = batch_KND.to("cpu", self.dtype)
        return vectors_KND

    def batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """Yields the indices of the sentences of each batch, longest first, without the sentences that have no rows."""
        order = sorted((index for index, length in enumerate(lengths) if length), key=lambda index: -lengths[index])
        begin = 0
        while begin < len(order):
            width = lengths[order[begin]] + (0 if self.keep_boundaries else 2)
            size = min(MAX_BATCH_SENTENCES, max(1, self.batch_words // width))
            yield order[begin : begin + size]
            begin += size

    def _with_boundaries(self, words: list[str]) -> list[str]:
        return [self.boundaries[0], *words, self.boundaries[1]]

    def _encode_distinct(self, tokens_S: list[list[str]]) -> tuple[torch.Tensor, list[np.ndarray]]:
        """Returns the embeddings `(X, P)` of the distinct tokens, and for each sentence its rows of them."""
        words = list(dict.fromkeys(itertools.chain(self.boundaries, *tokens_S)))
        id_of = {word: id for id, word in enumerate(words)}
        ids_S = [np.fromiter(map(id_of.__getitem__, tokens), np.int64, len(tokens)) for tokens in tokens_S]
        ids_XI = self.tokenizer.token_ids(words, self.config.token_input)
        if not self.config.reads_characters:
            return self.model.token_embedding(torch.from_numpy(ids_XI).to(self.model.device)), ids_S
        # Sort by length: a batch is padded to its longest word. The encoder's cache is not used, because its vectors
        # were computed in other batches and may differ in their low bits.
        characters_XC = ids_XI[:, int(self.config.reads_words) :]
        order_X = np.argsort((characters_XC != self.config.pad_character_id).sum(axis=1), kind="stable")
        bucketed = len(words) + -len(words) % WORD_BUCKET
        ids_XI = ids_XI[order_X[np.minimum(np.arange(bucketed), len(words) - 1)]]
        encoded_XP = self.model.character_encoder.encode_sorted(torch.from_numpy(ids_XI).to(self.model.device))
        table_XP = encoded_XP.new_empty(len(words), encoded_XP.shape[1])
        table_XP[torch.from_numpy(order_X).to(table_XP.device)] = encoded_XP[: len(words)]
        return table_XP, ids_S

    def _embed_batch(self, table_XP: torch.Tensor, ids_BW: torch.Tensor, mask_BW: torch.Tensor) -> torch.Tensor:
        device = table_XP.device
        mask = mask_BW.to(device)
        embeddings_BWP = table_XP[ids_BW.to(device)].masked_fill(~mask.unsqueeze(-1), 0)
        packing = Packing.from_mask(mask)
        state = self.model.initial_state(packing, embeddings_BWP)
        pair_BWD = torch.cat([embeddings_BWP, embeddings_BWP], dim=-1)
        outputs = (output for output, _ in self.model.run_layers(pair_BWD, packing, state))
        return _combined(self, itertools.chain([pair_BWD], outputs), mask)

    # Long sentences

    def initial_state(self) -> State:
        """Returns the state in which a sentence starts: hidden `(2L, 1, P)` and cell `(2L, 1, H)`."""
        mask = torch.ones((1, 1), dtype=torch.bool, device=self.model.device)
        return self.model.initial_state(Packing.from_mask(mask), mask.new_empty((1, 1, 0), dtype=self.model.dtype))

    def long_sentence(self, words: list[str], state: State | None = None) -> LongSentence:
        """Returns the run of the model over a sentence, for `pieces`, from `initial_state` or another state. Then all
        layers are run, so that the state after the sentence is complete."""

        def encode(tokens: list[str]) -> torch.Tensor:
            table_XP, (ids,) = self._encode_distinct([tokens])
            return table_XP[torch.from_numpy(ids).to(table_XP.device)]

        is_lower = isinstance(self.layers, int) and state is None
        num_layers = int(self.layers) if is_lower else self.config.num_hidden_layers
        tokens, start = self._with_boundaries(words), self.initial_state() if state is None else state
        return LongSentence(self.model, encode, tokens, self.piece_words, num_layers, start)

    @torch.no_grad()
    def long_rows(self, words: list[str]) -> Iterator[tuple[int, torch.Tensor]]:
        """Computes a text of any length, of one sentence or more, in bounded memory. Yields what `pieces` yields."""
        sequences = sequences_of(words)
        if len(sequences) == 1:
            yield from self.pieces(self.long_sentence(words))
            return
        pooling, first = RunningPool(self.pool), 0
        for window in windows((Sentence("", each) for each in sequences), self.window_words, self.piece_words):
            group = [sentence.words for sentence in window]
            parts = self.pieces(self.long_sentence(group[0]), "none") if self.is_long(group) else None
            for begin, rows_KND in parts or [(0, self._embed_sequences(group, "none"))]:
                if self.is_pooled:
                    pooling.add(rows_KND)
                else:
                    yield first + begin, rows_KND
            first += sum(map(self.num_rows, group))
        if self.is_pooled:
            yield 0, pooling.result(self.num_kinds, self.config.hidden_size)[:, None].to(self.dtype)

    @torch.no_grad()
    def pieces(self, sentence: LongSentence, pool: str | None = None) -> Iterator[tuple[int, torch.Tensor]]:
        """Computes a sentence of any length in bounded memory. `pool` is the embedder's, unless it is given.

        Yields:
            The first row of a piece and its rows `(K, n, D)`, on the CPU in the embedder's `dtype`, from the end of the
            sentence to its beginning. Pooled, one row `(K, 1, D)` for the whole sentence.
        """
        num_tokens = len(sentence.tokens)
        pool = self.pool if pool is None else pool
        pooling = RunningPool(pool)
        for start, layers_KND in sentence.pieces():
            count = layers_KND.shape[1]
            mask = torch.ones((1, count), dtype=torch.bool, device=layers_KND.device)
            piece_KND = _combined(self, iter(layers_KND.unsqueeze(1)), mask)[:, 0]
            if not self.keep_boundaries:
                piece_KND = piece_KND[:, (start == 0) : count - (start + count == num_tokens)]
            if pool != "none":
                pooling.add(piece_KND)
            else:
                yield max(0, start - (not self.keep_boundaries)), piece_KND.to("cpu", self.dtype)
        if pool != "none":
            yield 0, pooling.result(self.num_kinds, self.config.hidden_size)[:, None].to(self.dtype)

    # Use as a function for maps

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Adds vectors to a batch of columns: the function for `datasets.Dataset.map(batched=True)`, with any number of
        processes, and for Ray Data's `map_batches`.

        Args:
            batch (`dict`): Has texts or lists of words in `column`.

        Returns:
            `dict`: The batch with NumPy arrays in `output_column`: one per sentence, or, pooled, one for all.

        Raises:
            `ValueError`: If the column is missing or no batch, or for bfloat16, which NumPy does not support.
        """
        if self.dtype == torch.bfloat16:
            raise ValueError("dtype: NumPy does not support bfloat16; use float32 or float16 in a map")
        if self.column not in batch:
            raise ValueError(f"column: expected one of {', '.join(map(str, batch))}, found {self.column!r}")
        if isinstance(batch[self.column], str):
            raise ValueError(
                f"column: expected the {self.column} of a batch, found one text; use map(..., batched=True)"
            )
        sentences = (list(item) if isinstance(item, np.ndarray) else item for item in batch[self.column])
        self._map_checks = self._map_checks or TextChecks(self)
        vectors = [tensor.numpy() for tensor in self._embed(sentences, self._map_checks)]
        return {**batch, self.output_column: np.stack(vectors) if self.is_pooled and vectors else vectors}

    def __getstate__(self) -> dict[str, Any]:
        # `datasets` hashes the embedder to find results of an earlier map; what was said doesn't change them.
        return {**self.__dict__, "_map_checks": None}

    def fingerprint(self) -> dict[str, Any]:
        """Returns everything the vectors depend on, as JSON types: a hash of config and weights, and the settings."""
        return _fingerprint(self)


def words_of(
    texts: list[str], split_words: TextSplitter, find_sentences: Callable[[str], list[tuple[int, int]]] | None
) -> Iterable[list[str]]:
    """Returns the words of each text: of its sentences, if they are to be found."""
    if find_sentences is None:
        return split_words(texts)
    spans = [find_sentences(text) or [(0, 0)] for text in texts]
    sentences = iter(split_words([text[slice(*span)] for text, found in zip(texts, spans) for span in found]))
    return [Words(itertools.islice(sentences, len(found))) for found in spans]


def windows(sentences: Iterable[Sentence], window_words: int, piece_words: int) -> Iterator[list[Sentence]]:
    """Yields lists of whole sentences with at least `window_words` words in total, boundaries included, and finally the
    rest. A sentence with more than `piece_words` words is a separate window."""
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
    """Returns a choice of layers, with digits converted to an integer.

    Raises:
        `ValueError`: If the model doesn't have it.
    """
    top = config.num_hidden_layers
    if isinstance(layers, str) and layers.isascii() and layers.isdigit():
        layers = int(layers)
    is_number = isinstance(layers, int) and not isinstance(layers, bool)
    if layers not in LAYERS if not is_number else not 0 <= int(layers) <= top:
        raise ValueError(f"layers: expected {', '.join(LAYERS)} or a number from 0 to {top}, found {layers!r}")
    if layers == "mix" and config.mix_layer_norm:
        raise ValueError(
            "layers: mix can't be used with this model: its mix normalises the layers over the batch (mix_layer_norm), "
            "so a sentence's vectors would depend on the rest of the batch; use all, average, top or a number"
        )
    return layers


def _combined(embedder: ElmoEmbedder, layers: Iterator[torch.Tensor], mask_BW: torch.Tensor) -> torch.Tensor:
    """Returns the kinds of vectors `(K, B, W, D)` made of the layers, computing no more layers than needed."""
    if embedder.layers == "all":
        return torch.stack(list(layers))
    if embedder.layers == "mix":
        return embedder.model.scalar_mixes[0](layers, mask_BW).unsqueeze(0)
    if embedder.layers == "average":
        total, count = next(layers).clone(), 1
        for layer in layers:
            total += layer
            count += 1
        return (total / count).unsqueeze(0)
    index = embedder.config.num_hidden_layers if embedder.layers == "top" else int(embedder.layers)
    return next(itertools.islice(layers, index, None)).unsqueeze(0)


def _fingerprint(embedder: ElmoEmbedder) -> dict[str, Any]:
    digest = hashlib.sha256()
    fields = embedder.config.to_dict()
    fields = {name: value for name, value in fields.items() if name not in VOLATILE_FIELDS}
    digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
    for name, tensor in sorted(embedder.model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor_bytes(tensor))
    if embedder.config.reads_words:
        digest.update(json.dumps(sorted(embedder.tokenizer.get_vocab().items())).encode())
    settings = embedder.tokenizer.character_settings()
    if settings.pop("max_characters_per_token") and any(settings.values()):
        digest.update(json.dumps(settings, sort_keys=True).encode())
    names = ("layers", "pool", "keep_boundaries", "batch_words", "window_words", "piece_words")
    settings = {name: getattr(embedder, name) for name in names}
    return {"model": digest.hexdigest(), "dtype": str(embedder.dtype).removeprefix("torch."), **settings}


def _default_tokenizer(config: ElmoConfig) -> ElmoTokenizer:
    if config.reads_words or config.character_unit != "byte":
        raise ValueError("tokenizer: a model that reads words requires the tokenizer with its vocabulary")
    return ElmoTokenizer(max_characters_per_token=config.max_characters_per_token)


def _without_surrogates(text: str) -> str:
    return text if text.isascii() else LONE_SURROGATE.sub("\ufffd", text)


def _padded(rows: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the mask `(B, W)` of rows of different lengths, and their values `(B, W)` padded with 0."""
    lengths_B = np.array([len(row) for row in rows])
    mask_BW = np.arange(lengths_B.max()) < lengths_B[:, None]
    values_BW = np.zeros(mask_BW.shape, dtype=np.int64)
    values_BW[mask_BW] = np.concatenate(rows)
    return torch.from_numpy(mask_BW), torch.from_numpy(values_BW)
