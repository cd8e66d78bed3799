# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`OnnxElmo`: texts to arrays with ONNX Runtime, without torch and transformers.

`elmo export --format onnx` copies this file into the directory that it writes. It imports nothing of the project, so
that the directory is complete: `pip install onnxruntime tokenizers` is all that it needs.

    from onnx_elmo import OnnxElmo

    elmo = OnnxElmo("directory")
    for vectors in elmo.embed(["The bank of the river.", ["Words", "in", "context"]]):
        print(vectors.shape)   # (words, dimensions)

Dimensions: B batch, W words of a row with boundaries and padding, C characters per word.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


# Raw text, or words.
Text = str | Sequence[str]

# Python strings may contain halves of surrogate pairs, which no encoding accepts.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class OnnxElmo:
    """A model that `elmo export --format onnx` wrote.

    Args:
        directory (`str` or `Path`): The directory with `model.onnx` and `tokenizer.json`.
        num_threads (`int`, *optional*): By default, all cores.

    Attributes:
        session (`onnxruntime.InferenceSession`): Runs the model.
        output_names (`list[str]`): The names of the outputs.

    Raises:
        `ValueError`: If one of the two files is missing, or `model.onnx` comes from another program.
    """

    def __init__(self, directory: str | Path, num_threads: int | None = None):
        directory = Path(directory)
        for name in ("model.onnx", "tokenizer.json"):
            if not (directory / name).is_file():
                raise ValueError(
                    f"{directory}: contains no {name}; expected a directory from elmo export --format onnx"
                )
        options = onnxruntime.SessionOptions()
        if num_threads is not None:
            options.intra_op_num_threads = num_threads
        self.session = onnxruntime.InferenceSession(directory / "model.onnx", options, ["CPUExecutionProvider"])
        facts = self.session.get_modelmeta().custom_metadata_map.get("elmo")
        if facts is None:
            raise ValueError(f"{directory / 'model.onnx'}: expected a model from elmo export --format onnx")
        # What the inputs are made of, as export.py describes it.
        self.facts: dict[str, Any] = json.loads(facts)
        self.input_names = [value.name for value in self.session.get_inputs()]
        outputs = self.session.get_outputs()
        self.output_names = [value.name for value in outputs]
        # `(B, W, D)`, where B has no fixed size, unlike the layers of a state.
        self.vector_names = [v.name for v in outputs if len(v.shape) == 3 and not isinstance(v.shape[0], int)]
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._characters = {character: id for id, character in enumerate(self.facts["characters"], 1)}

    def __call__(
        self,
        texts: Sequence[Text],
        pairs: Sequence[Text] | None = None,
        state: Sequence[np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """Runs one batch; returns each output by its name.

        Args:
            texts (`Sequence[str | Sequence[str]]`): Raw texts, or lists of words. `<S>` and the like are plain words.
            pairs (`Sequence[str | Sequence[str]]`, *optional*): The second texts, for a model that reads two. A
                multiple-choice model reads one question per call: the prompt, repeated, in `texts`, and its choices in
                `pairs`. Its logits are `(1, choices)`.
            state (`Sequence[np.ndarray]`, *optional*): For a model with `--state`, `new_hidden` and `new_cell`
                of the batch before. By default, zeros.

        Raises:
            `ValueError`: If the number of texts per row, of pairs, or a shape of the state is not what is expected.
        """
        # Models without a head read any number; files of the first exports don't say what theirs read.
        required, given = self.facts.get("num_texts"), 1 if pairs is None else 2
        if required not in (None, given):
            raise ValueError(f"pairs: expected {required} text(s) per row for this model, found {given}")
        outputs = self.session.run(None, self._feed(self.encode(texts, pairs), state))
        return dict(zip(self.output_names, outputs))

    def embed(
        self, texts: Iterable[Text], batch_size: int = 32, output: str = "last_hidden_state"
    ) -> Iterator[np.ndarray]:
        """Yields the vectors `(words, D)` of each text, without the sentence boundaries.

        Args:
            texts (`Iterable[str | Sequence[str]]`): Raw texts, or lists of words.
            batch_size (`int`, *optional*, defaults to 32): Texts that the model reads together.
            output (`str`, *optional*, defaults to `"last_hidden_state"`): One of `vector_names`, the outputs with a
                vector per word, such as `"hidden_states.1"`.

        Raises:
            `ValueError`: If `batch_size` is not positive, or the model has no such output.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, found {batch_size}")
        if output not in self.vector_names:
            names = ", ".join(self.vector_names) or "none: call the model with texts for its logits"
            raise ValueError(f"output: expected one with a vector per word ({names}), found {output}")
        texts = iter([texts] if isinstance(texts, str) else texts)
        while batch := list(islice(texts, batch_size)):
            inputs = self.encode(batch)
            (vectors,) = self.session.run([output], self._feed(inputs))
            yield from (row[is_word] for row, is_word in zip(vectors, inputs["is_word"]))

    def words(self, text: Text) -> list[str]:
        """Returns the words of a text; those of a list as they are, but for halves of surrogate pairs."""
        if not isinstance(text, str):
            return [LONE_SURROGATE.sub("\ufffd", word) for word in text]
        text = LONE_SURROGATE.sub("\ufffd", text)
        return [text[start:end] for _, (start, end) in self._tokenizer.pre_tokenizer.pre_tokenize_str(text)]

    def encode(self, texts: Sequence[Text], pairs: Sequence[Text] | None = None) -> dict[str, np.ndarray]:
        """Returns the inputs of a batch, int64, padded at the end; arguments as in `__call__`.

        `input_ids`, `attention_mask` and `token_type_ids` are `(B, W)`, `character_ids` is `(B, W, C)`. `is_word`
        `(B, W)`, bool, tells words from sentence boundaries and padding.
        """
        if isinstance(texts, str) or isinstance(pairs, str):
            raise TypeError("texts, pairs: expected lists of texts, found a string")
        if pairs is not None and len(pairs) != len(texts):
            raise ValueError(f"pairs: expected one for each of {len(texts)} texts, found {len(pairs)}")
        samples = [(text,) for text in texts] if pairs is None else list(zip(texts, pairs))
        rows = [self._tokens(*map(self.words, sample)) for sample in samples]
        # The loops of the graph need a word, even if it is padding.
        shape = len(rows), max([1, *map(len, rows)])
        longest = max((len(characters) for row in rows for _, characters, _, _ in row), default=0)
        # The maximum over the windows of a word counts windows in its padding: one of the widest filter must be there.
        length = min(longest + self.facts["widest_filter"], self.facts["max_characters_per_token"])
        inputs = {
            "input_ids": np.full(shape, self.facts["pad_token_id"], dtype=np.int64),
            "character_ids": np.zeros((*shape, length), dtype=np.int64),
            "attention_mask": np.zeros(shape, dtype=np.int64),
            "token_type_ids": np.zeros(shape, dtype=np.int64),
            "is_word": np.zeros(shape, dtype=bool),
        }
        for index, row in enumerate(rows):
            for column, (id, characters, type_id, is_word) in enumerate(row):
                inputs["input_ids"][index, column] = id
                inputs["character_ids"][index, column] = self.facts["pad_character_id"]
                inputs["character_ids"][index, column, : len(characters)] = characters
                inputs["attention_mask"][index, column] = 1
                inputs["token_type_ids"][index, column] = type_id
                inputs["is_word"][index, column] = is_word
        return inputs

    def _feed(self, inputs: dict[str, np.ndarray], state: Sequence[np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """Returns the inputs of the model among those of `encode`, and the state `(2 * layers, B, ...)`."""
        batch = len(inputs["attention_mask"])
        parts = [value for value in self.session.get_inputs() if value.name in ("hidden", "cell")]
        shapes = [(value.shape[0], batch, value.shape[2]) for value in parts]
        if state is None:
            state = [np.zeros(shape, dtype=np.float32) for shape in shapes]
        elif not parts:
            raise ValueError("state: requires a model from elmo export --format onnx --state")
        found = [np.shape(array) for array in state]
        if found != shapes:
            raise ValueError(f"state: expected new_hidden and new_cell of shapes {shapes}, found {found}")
        inputs = inputs | {value.name: array for value, array in zip(parts, state)}
        ranks = {value.name: len(value.shape) for value in self.session.get_inputs()}
        # Inputs of a multiple-choice model have a dimension before that of the choices.
        has_choices = ranks["attention_mask"] == 3
        return {name: inputs[name][None] if has_choices else inputs[name] for name in self.input_names}

    def _tokens(self, *texts: list[str]) -> list[tuple[int, list[int], int, bool]]:
        """Returns word id, character ids, type id and whether it is a word, of each word and boundary."""
        tokens = []
        for part in self.facts["template"][len(texts) - 1]:
            if "text" in part:
                tokens += [(*self._ids(word), part["type_id"], True) for word in texts[part["text"]]]
            else:
                tokens.append((part["id"], self._marked([part["character_id"]]), part["type_id"], False))
        return tokens

    def _ids(self, word: str) -> tuple[int, list[int]]:
        most, facts = self.facts["max_characters_per_token"] - 2, self.facts
        if self._characters:
            characters = [self._characters.get(character, facts["unknown_character_id"]) for character in word[:most]]
        else:
            characters = [byte + 1 for byte in word.encode()[:most]]
        is_special = word in facts["special_tokens"]
        found = None if is_special else self._tokenizer.token_to_id(word[: facts["max_lookup_characters"]])
        return facts["unk_token_id"] if found is None else found, self._marked(characters)

    def _marked(self, characters: list[int]) -> list[int]:
        return [self.facts["begin_word_id"], *characters, self.facts["end_word_id"]]
