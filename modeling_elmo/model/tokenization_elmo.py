# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo tokenizer: text or words -> word ids and the characters of every word.

`tokenizers` (Rust) splits text, looks up words and adds the sentence boundaries. This file adds `character_ids`, a row
of character ids per word, which is what ELMo reads. A word outside the vocabulary gets the id of `<UNK>` and keeps its
characters.

Dimensions: N words, B sentences, W positions per sentence, C characters per word.
"""

import copy
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, compress, starmap
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import BatchEncoding, TokenizersBackend
from transformers.utils import TensorType, to_py_obj

from .characters import (
    MAX_CHARACTERS,
    PAD_POSITION,
    ByteCharacters,
    Characters,
    CodePointCharacters,
    indices_among,
)
from .loading_checks import (
    MAX_CHARACTERS_BYTES,
    abbreviated,
    check_tokenizer_fields,
    read_json_object,
    read_tokenizer,
)
from .text_warnings import TokenizerWarnings
from .vocabulary_files import LINE_SPACE, NOT_A_WORD, SPECIAL_TOKENS, read_vocabulary
from .word_splitting import first_characters, language_rules, treebank_pre_tokenizer


# Lines of raw text to pass to `ElmoTokenizer.split_words` at once: enough for several threads to share the work.
CHUNK_LINES = 256

# Python strings may contain halves of surrogate pairs, which no encoding accepts.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# Not a character according to Unicode, so no vocabulary contains words made of it.
NONCHARACTER = "\uffff"

# Files of a saved tokenizer, by the names that the base class uses for them.
SAVED_FILES = {
    "tokenizer_config_file": "tokenizer_config.json",
    "tokenizer_file": "tokenizer.json",
    "special_tokens_map_file": "special_tokens_map.json",
    "added_tokens_file": "added_tokens.json",
}

# What the base class, which does not check these files, raises for wrong contents.
UNCHECKED_ERRORS = (
    *(AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError),
    *(json.JSONDecodeError, UnicodeDecodeError),
)


def _numbered(words: Iterable[str]) -> dict[str, int]:
    if isinstance(words, str):
        raise ValueError(f"vocab: expected words, found {abbreviated(words)}; pass the name of a file as vocab_file")
    if isinstance(words, Mapping):
        ids = words
        words = sorted(ids, key=lambda word: ids[word])
        if [ids[word] for word in words] != list(range(len(words))):
            raise ValueError(
                f"vocab: expected the ids 0 to {len(words) - 1}, found {abbreviated(sorted(ids.values()))}"
            )
    numbered: dict[str, int] = {}
    for id, word in enumerate(words):
        if not isinstance(word, str):
            raise ValueError(f"vocab: expected words, found {abbreviated(word)}")
        if numbered.setdefault(word, id) != id:
            raise ValueError(
                f"vocab: words must be distinct, but words {numbered[word]} and {id} (from 0) are both {word!r}"
            )
    return numbered


def _check_length(name: str, value: Any, least: int) -> None:
    if type(value) is not int or not least <= value <= MAX_CHARACTERS:
        raise ValueError(
            f"{name}: expected an integer between {least} and {MAX_CHARACTERS}, found {abbreviated(value)}"
        )


def _characters(
    length: int,
    vocabulary: Mapping[str, Any] | None,
    character_file: str | os.PathLike[str] | None,
    unit: str | None,
) -> Characters:
    if vocabulary is None and unit in (None, "byte"):
        return ByteCharacters(length)
    if vocabulary is None and character_file is None:
        raise ValueError("characters.json: missing; it has the character vocabulary of this tokenizer")
    try:
        return CodePointCharacters(length, vocabulary or read_json_object(character_file or "", MAX_CHARACTERS_BYTES))
    except ValueError as error:
        raise ValueError(f"characters.json: {str(error).removeprefix('characters.json: ')}") from error


def _whole_word(token: str | AddedToken) -> AddedToken:
    # `single_word`: "<S>" is the boundary token, and the "<S>" in "a<S>b" is not.
    lstrip, rstrip = (token.lstrip, token.rstrip) if isinstance(token, AddedToken) else (False, False)
    return AddedToken(str(token), single_word=True, lstrip=lstrip, rstrip=rstrip, normalized=False, special=True)


class ElmoTokenizer(TokenizersBackend):
    r"""
    Splits text into words and encodes each as a word id and as characters.

    Text is split in the style of the Penn Treebank ("don't" -> "do" "n't"), like ELMo's training text. The rules are
    saved in tokenizer.json. With `is_split_into_words=True`, words are never split or dropped: each word is one row.
    `<S>` and `</S>` are added
    around each sequence. A word that is exactly `<S>` is the boundary token; within a word, or with
    `split_special_tokens=True`, it is plain text. Encoding is thread-safe.

    Args:
        vocab_file (`str` or `os.PathLike`, *optional*):
            A vocabulary file, one word per line; line n (from 0) has id n. Special tokens that it lacks get the next
            ids. Without a vocabulary, every word has the id of `<UNK>`, enough for a model that reads characters.
        vocab (`Iterable[str]` or `dict[str, int]`, *optional*):
            The words, instead of `vocab_file`: in the order of their ids, or with their ids.
        max_characters_per_token (`int`, *optional*, defaults to 50):
            Length of a row of character ids; the model's `config.max_characters_per_token`.
        num_words (`int`, *optional*, defaults to 0):
            Size of the vocabulary without appended special tokens, counted when it is read, and saved with it.
        characters (`dict`, *optional*):
            The vocabulary of a model that reads code points; see `CodePointCharacters`. By default, characters are
            UTF-8 bytes. It is saved as `characters.json`.
        character_file (`str` or `os.PathLike`, *optional*):
            That file, instead of `characters`.
        character_unit (`str`, *optional*, defaults to `"byte"`):
            The model's `config.character_unit`; `"code_point"` requires `characters` or its file.
        max_lookup_characters (`int`, *optional*):
            Words are looked up by this many of their first code points, as in ELMoForManyLangs. By default, whole.
        language (`str`, *optional*):
            Whose rules split text, for instance `"fr"` for "l'été" -> "l'" "été": one of `word_splitting.LANGUAGES`, by
            default `"en"`. Passed to `from_pretrained`, it replaces the rules of tokenizer.json.
        split_cjk_characters (`bool`, *optional*, defaults to `True`):
            Whether each Chinese and Japanese character of a text is a word. The same holds for `from_pretrained`.
        bos_token, eos_token, unk_token, pad_token, mask_token (`str`, *optional*):
            The special tokens, by default those of `SPECIAL_TOKENS`.

    Example:
    ```python
    >>> from modeling_elmo import ElmoTokenizer

    >>> tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "do", "n't", "."])
    >>> batch = tokenizer("Don't panic.")
    >>> batch["input_ids"]
    [0, 2, 4, 2, 5, 1]
    >>> tokenizer.decode(batch["character_ids"], skip_special_tokens=True)
    "Do n't panic ."
    ```
    """

    vocab_files_names = {
        "vocab_file": "vocab.txt",
        "tokenizer_file": "tokenizer.json",
        "character_file": "characters.json",
    }
    model_input_names = ["input_ids", "character_ids", "token_type_ids", "attention_mask"]
    padding_side = "right"
    model = WordLevel

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        vocab: Iterable[str] | Mapping[str, int] | None = None,
        max_characters_per_token: int = 50,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | None = None,
        num_words: int = 0,
        characters: Mapping[str, Any] | None = None,
        character_file: str | os.PathLike[str] | None = None,
        character_unit: str | None = None,
        max_lookup_characters: int | None = None,
        language: str | None = None,
        split_cjk_characters: bool = True,
        **kwargs: Any,
    ):
        _check_length("max_characters_per_token", max_characters_per_token, 3)
        if max_lookup_characters is not None:
            _check_length("max_lookup_characters", max_lookup_characters, 1)
            kwargs["max_lookup_characters"] = max_lookup_characters
        self.characters = _characters(max_characters_per_token, characters, character_file, character_unit)
        if isinstance(self.characters, CodePointCharacters):
            kwargs["character_unit"] = "code_point"
        self.language, self.split_cjk_characters = language or "en", split_cjk_characters
        language_rules(self.language)
        rules = {"language": language, "split_cjk_characters": None if split_cjk_characters else False}
        kwargs.update({name: value for name, value in rules.items() if value is not None})
        self._warnings = TokenizerWarnings()
        if none := [name for name in SPECIAL_TOKENS if name in kwargs and kwargs[name] is None]:
            hint = "; add_bos_token=False and add_eos_token=False leave the boundaries out of texts"
            raise ValueError(f"{none[0]}: required, since ELMo's vocabularies have it, found None{hint}")
        special_tokens = {name: _whole_word(kwargs.get(name) or default) for name, default in SPECIAL_TOKENS.items()}
        kwargs.update(special_tokens)
        if tokenizer_object is not None:
            self._tokenizer = copy.deepcopy(tokenizer_object)
        elif tokenizer_file is not None:
            self._tokenizer = read_tokenizer(tokenizer_file)
        else:
            if vocab is None:
                vocab = [] if vocab_file is None else read_vocabulary(vocab_file)
            ids = _numbered(vocab)
            num_words = len(ids)
            for token in special_tokens.values():
                ids.setdefault(str(token), len(ids))
            self._tokenizer = Tokenizer(WordLevel(ids, unk_token=str(special_tokens["unk_token"])))
            self._tokenizer.pre_tokenizer = treebank_pre_tokenizer(self.language, split_cjk_characters)
            self._tokenizer.add_special_tokens(list(special_tokens.values()))
            kwargs = {"add_bos_token": True, "add_eos_token": True, **kwargs}
        self._merge_added_tokens()
        # In a tokenizer file, only the template tells whether boundaries are added. If one of the two arguments is
        # missing, the base class would take it for False.
        template = self._tokenizer.encode("").tokens
        boundaries = {"add_bos_token": kwargs["bos_token"], "add_eos_token": kwargs["eos_token"]}
        adds = {name: kwargs.get(name, str(token) in template) for name, token in boundaries.items()}
        if any(name in kwargs for name in adds):
            kwargs.update(adds)
        super().__init__(max_characters_per_token=max_characters_per_token, num_words=num_words, **kwargs)
        self._add_bos_token, self._add_eos_token = adds.values()
        self.num_words = num_words
        self.max_lookup_characters = max_lookup_characters

    @property
    def max_characters_per_token(self) -> int:
        """`int`: C, the length of a row of character ids."""
        return self.characters.length

    @max_characters_per_token.setter
    def max_characters_per_token(self, value: int) -> None:
        # A copy of this tokenizer shares the characters.
        self.characters = copy.copy(self.characters)
        self.characters.length = value

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """As in the base class. A `language` or `split_cjk_characters` replaces the rules in tokenizer.json.

        Raises:
            `ValueError`: If a file is damaged or contains fields that do not belong to this tokenizer.
        """
        try:
            tokenizer = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        except UNCHECKED_ERRORS as error:
            # An argument with the name of a method is not the files' fault.
            if isinstance(error, AttributeError) and any(callable(getattr(cls, name, None)) for name in kwargs):
                raise
            raise ValueError(f"tokenizer_config.json, tokenizer.json: {type(error).__name__}: {error}") from error
        if "language" in kwargs or "split_cjk_characters" in kwargs:
            tokenizer.set_language(tokenizer.language)
        return tokenizer

    def set_language(self, language: str) -> None:
        """Splits text by the rules of a language from now on. Raises `ValueError` if there are none for it."""
        self._tokenizer.pre_tokenizer = treebank_pre_tokenizer(language, self.split_cjk_characters)
        self.language = self.init_kwargs["language"] = language

    @classmethod
    def _from_pretrained(cls, resolved_vocab_files: dict[str, str | None], *args: Any, **kwargs: Any) -> Any:
        for key, name in SAVED_FILES.items():
            if (path := resolved_vocab_files.get(key)) is not None:
                check_tokenizer_fields(name, read_json_object(path))
        return super()._from_pretrained(resolved_vocab_files, *args, **kwargs)

    @classmethod
    def convert_to_native_format(cls, trust_remote_code: bool = False, **kwargs: Any) -> dict[str, Any]:
        """Passes file names to `__init__`, which reads both kinds of file."""
        return kwargs

    @classmethod
    def _patch_mistral_regex(cls, tokenizer: Tokenizer, *args: Any, **kwargs: Any) -> Tokenizer:
        # The base class would query the Hub for every tokenizer of more than 100,000 words, to repair another model's.
        return tokenizer

    def _add_tokens(self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False) -> int:
        old_size = len(self)
        super()._add_tokens(new_tokens, special_tokens=special_tokens)
        self._merge_added_tokens()
        return len(self) - old_size

    def _merge_added_tokens(self) -> None:
        """Adds added tokens to the model's vocabulary, the only place where words already split are looked up."""
        model = self._tokenizer.model
        if not isinstance(model, WordLevel):
            raise ValueError(f"ElmoTokenizer: expected a tokenizer of kind WordLevel, found {type(model).__name__}")
        if len(self) > self.vocab_size:
            self._tokenizer.model = WordLevel(self.get_vocab(), unk_token=model.unk_token)

    def _backend(self, is_split_into_words: bool) -> "ElmoTokenizer":
        """Returns a view of this tokenizer for one call, so that threads share its vocabulary, but no truncation.

        For words already split, it does not look for special tokens within words: the vocabulary has whole words only.
        """
        backend = Tokenizer(self._tokenizer.model)
        backend.post_processor = self._tokenizer.post_processor
        steps = [] if is_split_into_words else [self._tokenizer.pre_tokenizer]
        if self.max_lookup_characters is not None:
            steps.append(first_characters(self.max_lookup_characters))
        if steps:
            backend.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
        if not is_split_into_words:
            added_tokens = self._tokenizer.get_added_tokens_decoder().values()
            backend.add_special_tokens([token for token in added_tokens if token.special])
            backend.add_tokens([token for token in added_tokens if not token.special])
        # As `copy.copy`, in a fifth of the time.
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, _tokenizer=backend)
        return view

    def split_words(self, texts: Sequence[str]) -> list[list[str]]:
        """Splits raw texts into words, as encoding does, with special tokens as plain text. Thread-safe.

        Halves of surrogate pairs are replaced by U+FFFD.
        """
        texts = [_encodable(text, f"texts[{index}]") for index, text in enumerate(texts)]
        self._warnings.check_spaces(texts)
        # Without a vocabulary, so that no word is looked up.
        backend = Tokenizer(WordLevel({"": 0}, unk_token=""))
        backend.pre_tokenizer = self._tokenizer.pre_tokenizer
        encodings = backend.encode_batch(texts)
        return [[text[start:end] for start, end in encoding.offsets] for text, encoding in zip(texts, encodings)]

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
        is_batched = isinstance(text, (list, tuple))
        if is_split_into_words:
            is_batched = is_batched and len(text) > 0 and isinstance(text[0], (list, tuple))
        if split_special_tokens is None:
            split_special_tokens = self.split_special_tokens
        samples = _samples(text, text_pair, is_batched, is_split_into_words)
        if not samples:
            # The backend rejects empty batches: encode a dummy and drop it.
            kwargs.update(return_tensors=return_tensors, return_overflowing_tokens=return_overflowing_tokens)
            dummy: list[Any] = [[]] if is_split_into_words else [""]
            result = self._encode_plus(dummy, None, is_split_into_words, split_special_tokens, **kwargs)
            return BatchEncoding({name: value[:0] for name, value in result.items()}, [])

        if not is_split_into_words:
            self._warnings.check_spaces(text for sample in samples for text in sample)
        # The backend drops empty words and treats the word `<S>` as the boundary, so these words are hidden from it.
        hidden = {"", *(self.all_special_tokens if split_special_tokens else ())} if is_split_into_words else set()
        inputs = [tuple(_hide(segment, hidden) for segment in sample) for sample in samples]
        encoded = super(ElmoTokenizer, self._backend(is_split_into_words))._encode_plus(
            text=[sample if len(sample) == 2 else sample[0] for sample in inputs],
            is_split_into_words=is_split_into_words,
            split_special_tokens=split_special_tokens,
            return_overflowing_tokens=return_overflowing_tokens,
            **kwargs,
        )
        data, encodings = dict(encoded), encoded.encodings
        mask = self.mask_token_id
        if masked := [ids for ids in data["input_ids"] if mask in ids]:
            self.check_known(masked)
        lengths = [len(encoding) for encoding in encodings]
        is_rectangular = return_tensors is not None and len(set(lengths)) == 1
        if "character_ids" in self.model_input_names:
            origin = data.get("overflow_to_sample_mapping", range(len(encodings)))
            samples = [samples[index] for index in origin]
            characters_NC = self._character_ids(encodings, samples, is_split_into_words, return_tensors is None)
            if is_rectangular:
                rows: Any = characters_NC.reshape(len(lengths), lengths[0], self.max_characters_per_token)
            else:
                rows = np.split(characters_NC, list(accumulate(lengths))[:-1])
                rows = rows if return_tensors is not None else [row.tolist() for row in rows]
            data = {"input_ids": data.pop("input_ids"), "character_ids": rows, **data}
        if is_rectangular:
            # `BatchEncoding` would read the lists several times and copy the characters.
            data = {name: np.asarray(value, dtype=np.int64) for name, value in data.items()}
            if return_tensors == TensorType.PYTORCH:
                data = {name: torch.from_numpy(value) for name, value in data.items()}
                return_tensors = None
        elif not is_batched and return_tensors is None and not return_overflowing_tokens:
            data = {name: value[0] if isinstance(value[0], list) else value for name, value in data.items()}
        return BatchEncoding(data, encodings, tensor_type=return_tensors, n_sequences=encoded.n_sequences)

    def _character_ids(
        self, encodings: list[Any], samples: list[tuple[Any, ...]], is_split_into_words: bool, as_objects: bool
    ) -> np.ndarray:
        """Returns the character ids `(N, C)` of all positions of the encodings, whose words come from `samples`."""
        model: Any = self._tokenizer.model
        unknown = self._tokenizer.token_to_id(model.unk_token)
        is_real = np.frombuffer(b"".join([bytes(encoding.attention_mask) for encoding in encodings]), dtype=bool)
        # The id of a token determines its row; for a word outside the vocabulary, the word does.
        keys: list[int | str] = []
        for encoding, sample in zip(encodings, samples):
            word_ids = encoding.word_ids
            slices = word_ids if is_split_into_words else starmap(slice, encoding.offsets)
            origins = zip(encoding.ids, word_ids, encoding.sequence_ids, slices)
            keys += [
                id if id != unknown or word_id is None else sample[segment][index]
                for id, word_id, segment, index in compress(origins, encoding.attention_mask)
            ]
        distinct = dict.fromkeys(keys)
        indices_N = np.full(len(is_real), -1)
        indices_N[is_real] = indices_among(distinct, keys)
        boundaries = dict(zip((self.bos_token_id, self.eos_token_id), self.characters.boundary_rows()))
        # Not `encoding.tokens`, in which an added token may include the white space around it.
        find: Any = self._tokenizer.id_to_token
        words = [key if isinstance(key, str) else find(key) for key in distinct]
        self._warnings.check_lengths(words, self.characters)
        rows = [boundaries.get(key) or self.characters.row(word) for key, word in zip(distinct, words)]
        return self.characters.matrix(rows, indices_N, as_objects)

    def token_ids(self, words: Sequence[str], token_input: str, split_special_tokens: bool = False) -> np.ndarray:
        """Returns the ids of words for the token embedding of a model, int64. No boundaries are added.

        Args:
            words (`Sequence[str]`): N words.
            token_input (`str`): The model's `config.token_input`.
            split_special_tokens (`bool`, *optional*, defaults to `False`): Whether `<S>` and the like are plain words.

        Returns:
            `np.ndarray`: Word ids `(N,)`, character ids `(N, C)`, or `(N, 1 + C)` with the word ids before.
        """
        words = [_encodable(word, "words") for word in words]
        special = self.all_special_tokens if split_special_tokens else ()
        distinct = dict.fromkeys(words)
        indices_N = indices_among(distinct, words)
        find, unknown = self._tokenizer.token_to_id, self.unk_token_id
        columns = []
        if token_input != "characters":
            ids = [None if word in special else find(word[: self.max_lookup_characters]) for word in distinct]
            columns.append(np.array([unknown if id is None else id for id in ids], dtype=np.int64)[indices_N])
        if token_input == "words":
            return columns[0]
        marks = () if split_special_tokens else (str(self.bos_token), str(self.eos_token))
        boundaries = dict(zip(marks, self.characters.boundary_rows()))
        rows = [boundaries.get(word) or self.characters.row(word) for word in distinct]
        return np.column_stack([*columns, self.characters.matrix(rows, indices_N)])

    def check_known(self, ids_S: Iterable[list[int]]) -> None:
        """Warns once if most words of sentences in which a word is predicted are not in the vocabulary."""
        special = {self.bos_token_id, self.eos_token_id, self.pad_token_id, self.mask_token_id}
        ids = [id for ids in ids_S for id in ids if id not in special]
        self._warnings.check_known(ids.count(self.unk_token_id), len(ids))

    def pad(self, *args: Any, **kwargs: Any) -> BatchEncoding:
        """As in the base class; `character_ids` are padded with rows of zeros."""
        padded = super().pad(*args, **kwargs)
        if "character_ids" in padded and isinstance(padded["input_ids"], list):
            padded["character_ids"] = to_py_obj(padded["character_ids"])
        return padded

    def _pad(self, encoded_inputs: Any, *args: Any, **kwargs: Any) -> Any:
        expected = (len(encoded_inputs["input_ids"]), self.max_characters_per_token)
        encoded_inputs = super()._pad(dict(encoded_inputs), *args, **kwargs)
        if "character_ids" in encoded_inputs:
            characters = np.array(encoded_inputs["character_ids"], dtype=np.int64)
            if not len(characters):
                characters = characters.reshape(0, self.max_characters_per_token)
            if characters.shape != expected:
                raise ValueError(
                    f"character_ids: expected shape {expected}, which input_ids and max_characters_per_token imply, "
                    f"found {characters.shape}"
                )
            padded = np.full((len(encoded_inputs["input_ids"]), expected[1]), PAD_POSITION, dtype=np.int64)
            side = kwargs.get("padding_side") or self.padding_side
            first = 0 if side == "right" else len(padded) - len(characters)
            padded[first : first + len(characters)] = characters
            # Arrays are converted to tensors much faster than lists.
            encoded_inputs["character_ids"] = padded
        return encoded_inputs

    def decode(self, token_ids: Any, skip_special_tokens: bool = False, **kwargs: Any) -> str | list[str]:
        """Returns text, its words separated by spaces.

        Args:
            token_ids: Word ids `(words)`, of which those outside the vocabulary become `<UNK>`, or character ids
                `(words, max_characters_per_token)`, which become the original words, or a batch of either. Character
                ids are recognised by their form: each row is all 0 or, of bytes, `[259, bytes ..., 260, 261 ...]`.
            skip_special_tokens (`bool`, *optional*, defaults to `False`):
                Whether to leave out special tokens.
        """
        token_ids = to_py_obj(token_ids)
        depth = _depth(token_ids)
        is_characters = depth == 2 and any(map(any, token_ids)) and None not in map(self._read_characters, token_ids)
        if is_characters:
            return self._decode_characters(token_ids, skip_special_tokens)
        if depth == 3:
            return [self._decode_characters(rows, skip_special_tokens) for rows in token_ids]
        return super().decode(token_ids, skip_special_tokens=skip_special_tokens, **kwargs)

    def _decode_characters(self, rows: list[list[int]], skip_special_tokens: bool) -> str:
        words = [self._read_characters(row) for row in rows]
        if None in words:
            raise ValueError(
                f"token_ids: expected rows of {self.max_characters_per_token} character ids, found "
                f"{abbreviated(rows[words.index(None)])}"
            )
        special = self.all_special_tokens if skip_special_tokens else []
        return " ".join(word for word in words if word is not None and word not in special)

    def _read_characters(self, row: list[int]) -> str | None:
        """Returns the word of a row of character ids, `None` if the row does not have their form."""
        if row == [PAD_POSITION] * self.max_characters_per_token:
            return str(self.pad_token)
        word = self.characters.read(row)
        return str((self.bos_token, self.eos_token)[word]) if isinstance(word, int) else word

    def get_words(self) -> list[str]:
        """Returns the vocabulary in the order of its ids, including added tokens."""
        ids = self.get_vocab()
        return sorted(ids, key=lambda word: ids[word])

    def train_new_from_iterator(self, *args: Any, **kwargs: Any) -> "ElmoTokenizer":
        """As in the base class. The new vocabulary has the original order, with `<PAD>` and `<MASK>` at the end."""
        # The base class passes on `init_kwargs`, which lack the table of characters.
        view = copy.copy(self)
        view.init_kwargs = {name: value for name, value in self.init_kwargs.items() if name != "character_unit"}
        trained = super(ElmoTokenizer, view).train_new_from_iterator(*args, **kwargs)
        words = [word for word in trained.get_words() if word not in (trained.pad_token, trained.mask_token)]
        adds = {"add_bos_token": self.add_bos_token, "add_eos_token": self.add_eos_token}
        return type(self)(vocab=words, **{**trained.init_kwargs, **adds, **self.character_settings()})

    def splitting_hash(self) -> str:
        """Returns a hash of the rules that split raw text into words."""
        backend = json.loads(self.backend_tokenizer.to_str())
        rules = {name: backend[name] for name in ("normalizer", "pre_tokenizer")}
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    def character_settings(self) -> dict[str, Any]:
        """Returns the arguments with which another vocabulary gets the same characters and word rules."""
        names = ("max_characters_per_token", "max_lookup_characters")
        settings = {name: getattr(self, name) for name in names}
        rules = ("language", "split_cjk_characters")
        settings |= {name: self.init_kwargs[name] for name in rules if name in self.init_kwargs}
        if isinstance(self.characters, CodePointCharacters):
            settings["characters"] = self.characters.vocabulary
        return settings

    def _save_pretrained(
        self, save_directory: str, file_names: tuple[str, ...], *args: Any, **kwargs: Any
    ) -> tuple[str, ...]:
        file_names = super()._save_pretrained(save_directory, file_names, *args, **kwargs)
        if not isinstance(self.characters, CodePointCharacters):
            return file_names
        prefix = kwargs.get("filename_prefix")
        path = os.path.join(save_directory, f"{prefix}-" * bool(prefix) + self.vocab_files_names["character_file"])
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            json.dump(self.characters.vocabulary, file, ensure_ascii=False, indent=1)
        return (*file_names, path)

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Writes `vocab.txt` in the original format, without the appended `<PAD>` and `<MASK>`.

        Raises:
            `ValueError`: If a word can't be written as a line of a vocabulary file.
        """
        words = self.get_words()
        while len(words) > self.num_words and words[-1] in (self.pad_token, self.mask_token):
            words.pop()
        for word in words:
            if word != word.strip(LINE_SPACE) or "\n" in word or word == NOT_A_WORD:
                raise ValueError(f"{self.vocab_files_names['vocab_file']}: {word!r} can't be a line of this file")
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        path = os.path.join(save_directory, prefix + self.vocab_files_names["vocab_file"])
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{word}\n" for word in words)
        return (path,)


def _samples(text: Any, text_pair: Any, is_batched: bool, is_split_into_words: bool) -> list[tuple[Any, ...]]:
    """Returns each sample of a call as a tuple of its one or two segments, without lone surrogates."""
    if not is_batched:
        first = _segment(text, "text", is_split_into_words)
        second = None if text_pair is None else _segment(text_pair, "text_pair", is_split_into_words)
        # As in the base class, an empty second segment is ignored.
        return [(first, second) if second else (first,)]
    if text_pair is None:
        return [_sample(sample, f"text[{index}]", is_split_into_words) for index, sample in enumerate(text)]
    if not isinstance(text_pair, (list, tuple)) or len(text_pair) != len(text):
        raise ValueError(f"text_pair: expected a batch of {len(text)} like text, found {abbreviated(text_pair)}")
    return [
        (
            _segment(first, f"text[{index}]", is_split_into_words),
            _segment(second, f"text_pair[{index}]", is_split_into_words),
        )
        for index, (first, second) in enumerate(zip(text, text_pair))
    ]


def _sample(sample: Any, name: str, is_split_into_words: bool) -> tuple[Any, ...]:
    """Returns a sample of a batch: one segment or a pair of segments."""
    kind = (list, tuple) if is_split_into_words else str
    if isinstance(sample, (list, tuple)) and len(sample) == 2 and all(isinstance(part, kind) for part in sample):
        return tuple(_segment(part, name, is_split_into_words) for part in sample)
    return (_segment(sample, name, is_split_into_words),)


def _segment(segment: Any, name: str, is_split_into_words: bool) -> Any:
    if not is_split_into_words:
        return _encodable(segment, name)
    if not isinstance(segment, (list, tuple)):
        raise ValueError(f"{name}: expected a list of words (is_split_into_words=True), found {abbreviated(segment)}")
    try:
        text = "".join(segment)
    except TypeError:
        is_encodable = False
    else:
        is_encodable = text.isascii() or LONE_SURROGATE.search(text) is None
    return list(segment) if is_encodable else [_encodable(word, name) for word in segment]


def _hide(segment: Any, hidden: set[str]) -> Any:
    if not hidden or hidden.isdisjoint(segment):
        return segment
    return [NONCHARACTER * (len(word) or 1) if word in hidden else word for word in segment]


def _encodable(text: Any, name: str) -> str:
    if not isinstance(text, str):
        hint = " (words need is_split_into_words=True)" if isinstance(text, (list, tuple)) else ""
        raise ValueError(f"{name}: expected a string, found {abbreviated(text)}{hint}")
    return text if text.isascii() else LONE_SURROGATE.sub("\ufffd", text)


def _depth(ids: Any) -> int:
    """Returns how deeply lists are nested: 0 for a number, 1 for a list of numbers."""
    return 1 + max(map(_depth, ids), default=0) if isinstance(ids, list) else 0


__all__ = ["ElmoTokenizer"]
