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
"""ELMo tokenizer: text or words -> word ids and the characters of every word.

`tokenizers` (Rust) splits text, looks words up and adds the sentence boundaries; this file adds `character_ids`, one
row of character ids per word, which is what ELMo reads. A word outside the vocabulary has the id of `<UNK>` and keeps
all its characters.

Character ids (bilm-tf's `bilm/data.py`): a UTF-8 byte plus 1 is 1 to 256, then come the five marks below; 0 pads
positions that hold no word. A word is [259, bytes ..., 260, 261 ...], cut to `max_characters_per_token`.

Dimensions: N words, C characters per word.
"""

import copy
import os
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from transformers import BatchEncoding, TokenizersBackend
from transformers.utils import to_py_obj

from .treebank import treebank_pre_tokenizer


BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PAD_CHARACTER = 257, 258, 259, 260, 261
PAD_POSITION = 0

# A Python string may hold halves of surrogate pairs, which no encoding accepts.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# In vocabulary files of the Google language model that bilm-tf started from: not a word, and takes no id.
NOT_A_WORD = "!!!MAXTERMID"

SPECIAL_TOKENS = {
    "bos_token": "<S>",
    "eos_token": "</S>",
    "unk_token": "<UNK>",
    "pad_token": "<PAD>",
    "mask_token": "<MASK>",
}


def encode_characters(words: Sequence[str], max_characters_per_token: int) -> np.ndarray:
    """Returns the character ids of words, each distinct word encoded once.

    Args:
        words (`Sequence[str]`): N words, each taken as it is: `<S>` gives its three bytes, not the boundary mark.
        max_characters_per_token (`int`): C, at least 3. A word keeps its first C - 2 bytes.

    Returns:
        `np.ndarray` of shape `(N, C)`, int64.
    """
    distinct = {word: row for row, word in enumerate(dict.fromkeys(words))}
    space = max_characters_per_token - 2
    # A character has at least one byte, so only the first `space` characters can matter, however long the word is.
    encoded = [word[:space].encode("utf-8", "surrogatepass")[:space] for word in distinct]
    length = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    characters = np.full((len(encoded), max_characters_per_token), PAD_CHARACTER, dtype=np.int64)
    characters[:, 0] = BEGIN_WORD
    is_byte = np.arange(space) < length[:, None]
    characters[:, 1:-1][is_byte] = np.frombuffer(b"".join(encoded), dtype=np.uint8).astype(np.int64) + 1
    characters[np.arange(len(encoded)), length + 1] = END_WORD
    return characters[np.fromiter((distinct[word] for word in words), dtype=np.int64, count=len(words))]


def _boundary_characters(mark: int, max_characters_per_token: int) -> np.ndarray:
    row = np.full(max_characters_per_token, PAD_CHARACTER, dtype=np.int64)
    row[:3] = BEGIN_WORD, mark, END_WORD
    return row


def read_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    """Reads a vocabulary file: one word a line, line n (from 0) has id n.

    Raises:
        `ValueError`: If the file is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as file:
            words = [line.strip(" \t\r\n") for line in file]
    except UnicodeDecodeError as error:
        name = os.path.basename(path)
        raise ValueError(f"{name}: expected UTF-8 text, found byte {error.object[error.start]:#04x}") from error
    return [word for word in words if word != NOT_A_WORD]


def _numbered(words: Iterable[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for id, word in enumerate(words):
        if ids.setdefault(word, id) != id:
            raise ValueError(f"vocabulary: every word has one id: word {id} repeats word {ids[word]}, {word!r}")
    return ids


def _whole_word(token: str | AddedToken) -> AddedToken:
    # `single_word`: "<S>" is the boundary token, and the "<S>" in "a<S>b" is not.
    return AddedToken(str(token), single_word=True, normalized=False, special=True)


class ElmoTokenizer(TokenizersBackend):
    r"""
    Splits text into words and gives each its word id and its characters.

    Text is split in the manner of the Penn Treebank ("don't" -> "do" "n't"), as ELMo's training text was; with
    `is_split_into_words=True` a word is never split or dropped: one word in, one row out. `<S>` and `</S>` are added
    around each sequence. A word that is exactly `<S>` is the boundary token; within a word, or with
    `split_special_tokens=True`, it is data. Encoding is thread-safe.

    Args:
        vocab_file (`str` or `os.PathLike`, *optional*):
            A vocabulary file, one word a line; line n (from 0) has id n. Special tokens that it lacks (always `<PAD>`
            and `<MASK>`) get the ids after it. Without a vocabulary every word has the id of `<UNK>`, which is all that
            a model that reads characters needs.
        vocab (`Iterable[str]`, *optional*):
            The words themselves, in place of `vocab_file`.
        max_characters_per_token (`int`, *optional*, defaults to 50):
            Length of a row of character ids; the model's `config.max_characters_per_token`.
        bos_token (`str`, *optional*, defaults to `"<S>"`):
            Begins a sentence.
        eos_token (`str`, *optional*, defaults to `"</S>"`):
            Ends a sentence.
        unk_token (`str`, *optional*, defaults to `"<UNK>"`):
            Stands for words outside the vocabulary.
        pad_token (`str`, *optional*, defaults to `"<PAD>"`):
            Fills shorter rows of a batch.
        mask_token (`str`, *optional*, defaults to `"<MASK>"`):
            Stands for a word to be predicted.

    Example:
    ```python
    >>> from modeling_elmo import ElmoTokenizer

    >>> tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "do", "n't", "."])
    >>> batch = tokenizer("Do n't panic.")
    >>> batch["input_ids"]
    [0, 2, 4, 2, 5, 1]
    >>> tokenizer.decode(batch["character_ids"], skip_special_tokens=True)
    "Do n't panic ."
    ```
    """

    vocab_files_names = {"vocab_file": "vocab.txt", "tokenizer_file": "tokenizer.json"}
    model_input_names = ["input_ids", "character_ids", "token_type_ids", "attention_mask"]
    padding_side = "right"
    model = WordLevel

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        vocab: Iterable[str] | None = None,
        max_characters_per_token: int = 50,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | None = None,
        **kwargs: Any,
    ):
        if max_characters_per_token < 3:
            raise ValueError(f"max_characters_per_token: expected at least 3, found {max_characters_per_token}")
        special_tokens = {name: _whole_word(kwargs.get(name) or default) for name, default in SPECIAL_TOKENS.items()}
        kwargs.update(special_tokens)
        if tokenizer_object is not None:
            self._tokenizer = copy.deepcopy(tokenizer_object)
        elif tokenizer_file is not None and os.path.isfile(tokenizer_file):
            self._tokenizer = Tokenizer.from_file(os.fspath(tokenizer_file))
        else:
            if vocab is None:
                vocab = [] if vocab_file is None else read_vocabulary(vocab_file)
            ids = _numbered(vocab)
            for token in special_tokens.values():
                ids.setdefault(str(token), len(ids))
            self._tokenizer = Tokenizer(WordLevel(ids, unk_token=str(special_tokens["unk_token"])))
            self._tokenizer.pre_tokenizer = treebank_pre_tokenizer()
            self._tokenizer.add_special_tokens(list(special_tokens.values()))
            kwargs = {"add_bos_token": True, "add_eos_token": True, **kwargs}
        # A tokenizer file says in its template alone whether boundaries are added; the base class would take silence
        # about one of them for a no.
        template = self._tokenizer.encode("").tokens
        boundaries = {"add_bos_token": kwargs["bos_token"], "add_eos_token": kwargs["eos_token"]}
        adds = {name: kwargs.get(name, str(token) in template) for name, token in boundaries.items()}
        if any(name in kwargs for name in adds):
            kwargs.update(adds)
        super().__init__(max_characters_per_token=max_characters_per_token, **kwargs)
        self._add_bos_token, self._add_eos_token = adds.values()
        self.max_characters_per_token = max_characters_per_token

    @classmethod
    def convert_to_native_format(cls, trust_remote_code: bool = False, **kwargs: Any) -> dict[str, Any]:
        """Passes file names on to `__init__`, which reads both kinds of file."""
        return kwargs

    @classmethod
    def _patch_mistral_regex(cls, tokenizer: Tokenizer, *args: Any, **kwargs: Any) -> Tokenizer:
        # The base class asks the Hub about every tokenizer of more than 100,000 words, to mend one it doesn't concern.
        return tokenizer

    def _add_tokens(self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False) -> int:
        # New tokens are words: in the model's own vocabulary, so that they are found among words already split too.
        model = self._tokenizer.model
        unknown = dict.fromkeys(str(token) for token in new_tokens if model.token_to_id(str(token)) is None)
        if unknown:
            ids = self._tokenizer.get_vocab(with_added_tokens=False)
            ids.update({word: len(ids) + index for index, word in enumerate(unknown)})
            self._tokenizer.model = WordLevel(ids, unk_token=str(self.unk_token))
        super()._add_tokens(new_tokens, special_tokens=special_tokens)
        return len(unknown)

    def _backend(self, is_split_into_words: bool) -> "ElmoTokenizer":
        """Returns a view of this tokenizer for one call, which may set truncation and padding unseen by other threads.

        The vocabulary is shared, not copied. For words already split the view has no pre-tokenizer and looks for no
        special tokens inside words: the vocabulary finds whole words, special ones included.
        """
        backend = Tokenizer(self._tokenizer.model)
        backend.post_processor = self._tokenizer.post_processor
        if not is_split_into_words:
            backend.pre_tokenizer = self._tokenizer.pre_tokenizer
            for token in self._tokenizer.get_added_tokens_decoder().values():
                (backend.add_special_tokens if token.special else backend.add_tokens)([token])
        view = copy.copy(self)
        view._tokenizer = backend
        return view

    def _encode_plus(
        self,
        text: Any,
        text_pair: Any = None,
        is_split_into_words: bool = False,
        split_special_tokens: bool | None = None,
        return_tensors: Any = None,
        return_overflowing_tokens: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        if not isinstance(text, (str, list, tuple)):
            raise ValueError(
                f"text: expected a string, a list of words or a batch of them, found {type(text).__name__}"
            )
        is_batched = not isinstance(text, str)
        if is_split_into_words:
            is_batched = is_batched and len(text) > 0 and not isinstance(text[0], str)
        if split_special_tokens is None:
            split_special_tokens = self.split_special_tokens
        samples = _samples(text, text_pair, is_batched, is_split_into_words)
        if not samples:
            return self._empty_batch(return_tensors)

        batch: list[Any] = samples
        if is_split_into_words:
            # The backend drops empty words, and takes a word that reads "<S>" for the boundary token.
            hidden = {""} | (set(self.all_special_tokens) if split_special_tokens else set())
            unknown = str(self.unk_token)
            batch = [
                tuple([unknown if word in hidden else word for word in segment] for segment in sample)
                for sample in samples
            ]
        encoded = super(ElmoTokenizer, self._backend(is_split_into_words))._encode_plus(
            text=[sample if len(sample) == 2 else sample[0] for sample in batch],
            is_split_into_words=is_split_into_words,
            split_special_tokens=split_special_tokens,
            return_overflowing_tokens=return_overflowing_tokens,
            **kwargs,
        )
        data, encodings = dict(encoded), encoded.encodings
        if "character_ids" in self.model_input_names:
            origin = data.get("overflow_to_sample_mapping", range(len(encodings)))
            rows = self._character_rows(encodings, [samples[index] for index in origin], is_split_into_words)
            # Rows of unequal length are left to the base class to complain about.
            is_tensor = return_tensors is not None and len({len(row) for row in rows}) == 1
            characters = np.stack(rows) if is_tensor else [row.tolist() for row in rows]
            data = {"input_ids": data.pop("input_ids"), "character_ids": characters, **data}
        if not is_batched and return_tensors is None and not return_overflowing_tokens:
            data = {name: value[0] for name, value in data.items()}
        return BatchEncoding(data, encodings, tensor_type=return_tensors)

    def _empty_batch(self, return_tensors: Any) -> BatchEncoding:
        shape = {"character_ids": (0, 0, self.max_characters_per_token)}
        data = {name: np.zeros(shape.get(name, (0, 0)), dtype=np.int64) for name in self.model_input_names}
        if return_tensors is None:
            return BatchEncoding({name: [] for name in data})
        return BatchEncoding(data, tensor_type=return_tensors)

    def _character_rows(
        self, encodings: list[Any], samples: list[tuple[Any, ...]], is_split_into_words: bool
    ) -> list[np.ndarray]:
        """Returns the character ids `(N, C)` of each encoding, whose words come from `samples`."""
        words: list[str] = []
        for encoding, sample in zip(encodings, samples):
            origins = zip(encoding.word_ids, encoding.sequence_ids, encoding.offsets, encoding.tokens)
            for word_id, segment, (start, end), token in origins:
                if word_id is None:
                    words.append(token)
                else:
                    words.append(sample[segment][word_id] if is_split_into_words else sample[segment][start:end])
        characters = encode_characters(words, self.max_characters_per_token)
        ids = np.fromiter((id for encoding in encodings for id in encoding.ids), dtype=np.int64, count=len(words))
        is_real = np.fromiter(
            (real for encoding in encodings for real in encoding.attention_mask), dtype=np.int64, count=len(words)
        )
        for id, mark in ((self.bos_token_id, BEGIN_SENTENCE), (self.eos_token_id, END_SENTENCE)):
            characters[ids == id] = _boundary_characters(mark, self.max_characters_per_token)
        characters[is_real == 0] = PAD_POSITION
        return np.split(characters, list(accumulate(len(encoding.ids) for encoding in encodings))[:-1])

    def _pad(self, encoded_inputs: Any, *args: Any, **kwargs: Any) -> Any:
        encoded_inputs = super()._pad(encoded_inputs, *args, **kwargs)
        if "character_ids" in encoded_inputs:
            characters = np.asarray(encoded_inputs["character_ids"], dtype=np.int64)
            characters = characters.reshape(len(characters), self.max_characters_per_token)
            missing = len(encoded_inputs["input_ids"]) - len(characters)
            side = kwargs.get("padding_side") or self.padding_side
            width = ((0, missing) if side == "right" else (missing, 0), (0, 0))
            encoded_inputs["character_ids"] = np.pad(characters, width, constant_values=PAD_POSITION).tolist()
        return encoded_inputs

    def decode(self, token_ids: Any, skip_special_tokens: bool = False, **kwargs: Any) -> str | list[str]:
        """Gives text back, its words separated by spaces.

        Args:
            token_ids: Word ids `(words)`, or character ids `(words, max_characters_per_token)`; or a batch of either.
                As lists, arrays or tensors. Character ids are told by their form: each row is all 0 or
                `[259, bytes ..., 260, 261 ...]`.
            skip_special_tokens (`bool`, *optional*, defaults to `False`):
                Whether to leave special tokens out.

        Returns:
            `str`, or `list[str]` for a batch. Words outside the vocabulary read `<UNK>` if given by word ids; given by
            characters they read as they were, up to `max_characters_per_token - 2` bytes of UTF-8.
        """
        token_ids = to_py_obj(token_ids)
        if self._are_characters([token_ids]):
            words = self._words_of_characters(np.array(token_ids))
            special = set(self.all_special_tokens) if skip_special_tokens else set()
            return " ".join(word for word in words if word not in special)
        if isinstance(token_ids, list) and self._are_characters(token_ids):
            return [str(self.decode(rows, skip_special_tokens, **kwargs)) if rows else "" for rows in token_ids]
        return super().decode(token_ids, skip_special_tokens=skip_special_tokens, **kwargs)

    def _are_characters(self, batch: Any) -> bool:
        """Whether a batch, as nested lists, holds rows of character ids."""
        sequences = [rows for rows in batch if isinstance(rows, list) and rows]
        if not sequences or not all(isinstance(row, list) for rows in sequences for row in rows):
            return False
        if any(len(row) != self.max_characters_per_token for rows in sequences for row in rows):
            return False
        characters = np.array([row for rows in sequences for row in rows])
        if characters.ndim != 2:
            return False
        characters = characters[(characters != PAD_POSITION).any(axis=1)]
        if not len(characters):
            return characters.shape[0] > 0
        return bool((_byte_counts(characters) >= 0).all())

    def _words_of_characters(self, characters: np.ndarray) -> list[str]:
        words = []
        for row, count in zip(characters, _byte_counts(characters)):
            marks = {BEGIN_SENTENCE: self.bos_token, END_SENTENCE: self.eos_token}
            if row[0] == PAD_POSITION:
                words.append(str(self.pad_token))
            elif count == 1 and row[1] in marks:
                words.append(str(marks[row[1]]))
            else:
                words.append(bytes((row[1 : count + 1] - 1).tolist()).decode("utf-8", "replace"))
        return words

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Writes `vocab.txt` in the original format, without the tokens that were appended to the vocabulary."""
        words = sorted(self._tokenizer.get_vocab(), key=self._tokenizer.get_vocab().__getitem__)
        while words and words[-1] in (self.pad_token, self.mask_token):
            words.pop()
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        path = os.path.join(save_directory, prefix + self.vocab_files_names["vocab_file"])
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{word}\n" for word in words)
        return (path,)


def _byte_counts(characters: np.ndarray) -> np.ndarray:
    """Returns the number of bytes of each word, -1 where a row is not of the form [259, bytes ..., 260, 261 ...]."""
    is_end = characters == END_WORD
    end = is_end.argmax(axis=1)
    column = np.arange(characters.shape[1])
    inside = (column > 0) & (column < end[:, None])
    after = column > end[:, None]
    is_word = (characters[:, 0] == BEGIN_WORD) & (end > 0)
    is_word &= (~inside | ((characters > 0) & (characters < BEGIN_WORD))).all(axis=1)
    is_word &= (~after | (characters == PAD_CHARACTER)).all(axis=1)
    return np.where(is_word, end - 1, -1)


def _samples(text: Any, text_pair: Any, is_batched: bool, is_split_into_words: bool) -> list[tuple[Any, ...]]:
    """Returns each sample of a call as a tuple of its one or two segments, free of lone surrogates."""
    if not is_batched:
        # As in the base class, an empty second segment is none.
        pairs = [(text, text_pair)] if text_pair else [(text,)]
    elif text_pair is not None:
        if isinstance(text_pair, str) or len(text_pair) != len(text):
            raise ValueError(f"text_pair: expected a batch of {len(text)} like text, found {_describe(text_pair)}")
        pairs = list(zip(text, text_pair))
    else:
        pairs = [tuple(sample) if _is_pair(sample, is_split_into_words) else (sample,) for sample in text]
    return [tuple(_encodable(segment, is_split_into_words) for segment in sample) for sample in pairs]


def _is_pair(sample: Any, is_split_into_words: bool) -> bool:
    if is_split_into_words:
        return len(sample) == 2 and not any(isinstance(segment, str) for segment in sample)
    return isinstance(sample, (list, tuple))


def _encodable(segment: Any, is_split_into_words: bool) -> Any:
    if is_split_into_words:
        if isinstance(segment, str) or not isinstance(segment, (list, tuple)):
            raise ValueError(f"is_split_into_words=True takes lists of words: found {_describe(segment)}")
        return [_encodable(word, False) for word in segment]
    if not isinstance(segment, str):
        raise ValueError(f"text: expected a string, found {_describe(segment)}")
    return segment if segment.isascii() else LONE_SURROGATE.sub("\ufffd", segment)


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


__all__ = ["ElmoTokenizer"]
