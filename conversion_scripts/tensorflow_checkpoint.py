# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow checkpoints of bilm-tf, and modules of TensorFlow Hub, -> `ConvertedModel`.

| Checkpoint of training | Module | |
| --- | --- | --- |
| `lm/` | `bilm/` | before the names of `weights.hdf5`, see `CELL` for those of LSTMs |
| `lm/char_embed` `[261, E]` | `[262, E]` | row 0 of a module is the padding, which `weights.hdf5` does not have |
| `lm/softmax/W` `[n, P]`, `b` `[n]` | none | without `W`, the softmax shares the weights of `lm/embedding` |
| none | `aggregation/weights`, `scaling` | the scalar mix |

What training keeps beside a variable (`NAME/Adagrad`), counters and the states of a module are not read. The options
stand in `options.json` beside the checkpoint; the words of the softmax in `vocab.txt`, which training does not copy.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modeling_elmo import configuration
from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.model.configuration_elmo import NUM_APPENDED_TOKENS, ElmoConfig
from modeling_elmo.model.loading_checks import abbreviated
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer
from modeling_elmo.model.vocabulary_files import SPECIAL_TOKENS, read_vocabulary

from . import reference
from .converted_model import ConvertedModel, StoredTensor
from .options_json import options_of_config, read_options
from .original_files import check_given
from .tensor_bundle import TensorBundle, is_table
from .weights_hdf5 import NUM_STORED_CHARACTERS, Dataset, as_tensor, weight_table


# The parts of an LSTM, by all the names that versions of TensorFlow gave them.
CELL = re.compile(
    r"RNN_([01])/(?:rnn|RNN)/(?:(?:multi_rnn_cell/cell_|MultiRNNCell/Cell)([0-9]{1,3})/)?(?:rnn/)?"
    r"(?:lstm_cell|LSTMCell)/(kernel|W_0|bias|B|projection/kernel|W_P_0)"
)
CELL_PARTS = {"kernel": "W_0", "bias": "B", "projection/kernel": "W_P_0"}

# The parts of a model. Other names are counters and states.
PART = re.compile(r"(char_embed|embedding|CNN\w*|RNN_\d+|softmax)(/|$)")
SOFTMAX = ("softmax/W", "softmax/b")

MIX = re.compile(r"(?:^|/)aggregation/(weights|scaling)$")
MODULE = "variables/variables"
PARTS_OF_NAME = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")

MAX_STATE_BYTES = 1_000_000
ROWS = 4096  # of a large tensor in memory: 8 MB at 512 columns
WORD_EMBEDDING, LM_HEAD = "word_embedding.weight", "lm_head."


def find_checkpoint(source: Path) -> Path | None:
    """Returns the prefix of the checkpoint that a path means, or None if it means another kind of model.

    The path is a prefix, one of the files of a checkpoint, or a directory with a checkpoint or with a module. In a
    directory with several, the file `checkpoint` names the newest one.

    Raises:
        `ElmoFormatError`: If it is of the format before TensorBundle, if the file `checkpoint` names one that is not
            there, or if there are several and no such file.
    """
    if not source.is_dir():
        prefix = source.with_name(PARTS_OF_NAME.sub("", source.name)) if source.name else source
        if _has_index(prefix):
            return prefix
        if prefix != source and source.is_file():
            raise ElmoFormatError(f"{_index(prefix)}: missing; a checkpoint is read by its index")
        if source.is_file():
            _refuse_old(source)
        return None
    if (source / "checkpoint").is_file():
        prefix = source / _newest(source / "checkpoint")
        if _has_index(prefix):
            return prefix
        if prefix.is_file():
            _refuse_old(prefix)
        if not any(source.glob("*.hdf5")):
            raise ElmoFormatError(f"{source / 'checkpoint'}: names {prefix.name}, but {_index(prefix).name} is missing")
        return None
    if _has_index(source / MODULE):
        return source / MODULE
    prefixes = sorted(path.with_suffix("") for path in source.glob("*.index") if path.is_file())
    prefixes = [prefix for prefix in prefixes if any(source.glob(f"{_escape(prefix.name)}.data-*"))]
    if len(prefixes) > 1:
        names = abbreviated(", ".join(_index(prefix).name for prefix in prefixes))
        raise ElmoFormatError(f"{source}: several checkpoints; pass the index of one as SOURCE: {names}")
    return prefixes[0] if prefixes else None


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.index")


def _has_index(prefix: Path) -> bool:
    return bool(prefix.name) and _index(prefix).is_file()


def _escape(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _refuse_old(path: Path) -> None:
    if is_table(path):
        raise ElmoFormatError(
            f"{path}: a checkpoint of TensorFlow's old format V1, from before 0.12; save it again with TensorFlow"
        )


def _newest(path: Path) -> str:
    """Reads the name of the newest checkpoint. Its directory is that of the machine of training."""
    if path.stat().st_size > MAX_STATE_BYTES:
        raise ElmoFormatError(f"{path}: expected at most {MAX_STATE_BYTES:,} bytes, found {path.stat().st_size:,}")
    found = re.search(rb"^\s*model_checkpoint_path\s*:\s*([\"'])((?:[^\\\n]|\\.)*?)\1", path.read_bytes(), re.MULTILINE)
    if found is None:
        raise ElmoFormatError(f'{path}: expected a line model_checkpoint_path: "NAME", found none')
    # Text protobufs write letters outside ASCII as octal numbers.
    text = re.sub(rb"\\([0-7]{3}|.)", _unescape, found[2]).decode("utf-8", "replace")
    name = re.split(r"[/\\]", text)[-1]
    if name in ("", ".", "..") or "\0" in name or len(name) > 200:
        raise ElmoFormatError(f"{path}: expected the name of a checkpoint, found {abbreviated(text)}")
    return name


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8) & 0xFF]) if len(match[1]) == 3 else match[1]


@dataclass(frozen=True)
class _Arrays(Mapping[str, np.ndarray]):
    """The variables of a biLM by their names in `weights.hdf5`, read one by one."""

    bundle: TensorBundle
    names: Mapping[str, str]  # What they are called in the bundle.
    is_module: bool

    def shape(self, name: str) -> tuple[int, ...]:
        shape = self.bundle.tensors[self.names[name]].shape
        return (shape[0] - 1, *shape[1:]) if self._has_padding(name) else shape

    def _has_padding(self, name: str) -> bool:
        shape = self.bundle.tensors[self.names[name]].shape
        return name == "char_embed" and self.is_module and shape[:1] == (NUM_STORED_CHARACTERS + 1,)

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Reads an array, or rows of it, float32. Raises `ElmoFormatError` for other kinds of values."""
        values = self.bundle.read(self.names[name], start + self._has_padding(name), stop)
        if values.dtype.kind != "f":
            raise ElmoFormatError(
                f"{self.bundle.index.name}: {self.names[name]}: expected float values, found {values.dtype}"
            )
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows(name)

    def __contains__(self, name: object) -> bool:
        # The one of `Mapping` would read the array.
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _read_names(bundle: TensorBundle) -> _Arrays:
    """Finds the variables of the biLM, whatever precedes their names."""
    prefixes = sorted({name[: match.start()] for name in bundle.tensors if (match := CELL.search(name))})
    if len(prefixes) != 1:
        found = f"several: {abbreviated(', '.join(prefixes))}" if prefixes else _some_names(bundle)
        raise ElmoFormatError(f"{bundle.index.name}: expected the variables of one biLM (lm/RNN_0/...), found {found}")
    (prefix,) = prefixes
    names: dict[str, str] = {}
    for stored in bundle.tensors:
        # What an optimizer keeps for a variable has its name and one more part.
        if not stored.startswith(prefix) or stored.rpartition("/")[0] in bundle.tensors:
            continue
        name = stored.removeprefix(prefix)
        if match := CELL.fullmatch(name):
            direction, layer, part = match.groups()
            name = f"RNN_{direction}/RNN/MultiRNNCell/Cell{int(layer or 0)}/LSTMCell/{CELL_PARTS.get(part, part)}"
        if name in names:
            raise ElmoFormatError(f"{bundle.index.name}: {stored} and {names[name]} are the same variable")
        if PART.match(name):
            names[name] = stored
    is_module = prefix.endswith("bilm/") or any(map(MIX.search, bundle.tensors))
    return _Arrays(bundle, names, is_module)


def _some_names(bundle: TensorBundle) -> str:
    names = [name for name in bundle.tensors if name.isprintable()]
    return f"others ({abbreviated(', '.join(names[:3]))})" if names else "none"


def read_checkpoint(
    prefix: Path,
    dtype: str = "float32",
    options: Path | None = None,
    vocab: Path | None = None,
    no_vocab: bool = False,
    language: Sequence[str] = (),
) -> ConvertedModel:
    """Reads the biLM of a checkpoint or module and, if it has one and its words are known, the softmax.

    Args:
        prefix (`Path`): See `find_checkpoint`.
        dtype (`str`): dtype of the weights.
        options (`Path`, *optional*): `options.json`. By default, the one in the checkpoint's directory.
        vocab (`Path`, *optional*): The words of the softmax and of a model that reads words. By default as `options`.
        no_vocab (`bool`): Whether to leave out the vocabulary, and with it the softmax.
        language (`Sequence[str]`, *optional*): ISO codes for the card.

    Raises:
        `ElmoFormatError`: If a file is missing, not in the expected format, or does not belong to the others.
    """
    check_given(options=options, vocab=vocab)
    bundle = TensorBundle(prefix)
    arrays = _read_names(bundle)
    notes: list[str] = []
    options = options or _find(prefix.parent, "--options", "options.json", "*options*.json")
    if vocab is None and not no_vocab:
        vocab = _find(prefix.parent, "--vocab", "vocab.txt", "*vocab*.txt")
    files = [path for path in (options, vocab) if path is not None]
    config = _read_config(arrays, options, dtype, notes)
    num_rows = _num_rows(arrays, config)
    num_words = 0
    if num_rows is not None and vocab is None and config.token_input == "characters":
        notes.append(
            f"The softmax ({num_rows:,} words) was left out: its rows are the words of the vocabulary of training; "
            "convert again with --vocab to have it."
        )
    elif num_rows is not None:
        num_words = num_rows
    tokenizer = _make_tokenizer(config, vocab, num_words)
    has_softmax = num_words > 0 and "softmax/b" in arrays
    is_shared = has_softmax and "softmax/W" not in arrays
    stated = config.tie_word_embeddings
    config.tie_word_embeddings = is_shared
    if has_softmax and stated != is_shared:
        notes.append(
            f"The softmax has {'no ' if is_shared else ''}weights of its own, so share_embedding_softmax of the "
            f"options ({str(stated).lower()}) was ignored."
        )
    config.architectures = ["ElmoForPreTraining" if has_softmax else "ElmoModel"]
    if not num_words and isinstance(stated_words := _options(config, options).get("n_tokens_vocab"), int):
        # Not needed here, but `export` must return it to the original code.
        config.training_options = {**(config.training_options or {}), "n_tokens_vocab": stated_words}
    config.vocab_size = len(tokenizer)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(config, name, getattr(tokenizer, name))
    if others := sorted(path.name for path in prefix.parent.glob("*.hdf5")):
        names = abbreviated(", ".join(others))[1:-1]
        notes.append(f"{names} in the same directory was not read; choose it with --weights.")
    parameters = _parameters(arrays, config, num_words, has_softmax)
    parameters |= _read_mix(bundle, config, notes)
    if arrays.is_module:
        notes.append("The LSTM states that the module carries between calls were left out: sentences start from zero.")
    return ConvertedModel(
        description="a module of TensorFlow Hub" if arrays.is_module else "a TensorFlow checkpoint of bilm-tf",
        config=config,
        parameters=parameters,
        tokenizer=tokenizer,
        files=[*bundle.files(), *files],
        notes=notes,
        expected_layers=partial(_expected_layers, arrays, _options(config, options), config, tokenizer),
        language=list(language),
        expected_scores=partial(_expected_scores, arrays) if has_softmax else None,
    )


def _find(directory: Path, option: str, name: str, pattern: str) -> Path | None:
    if (directory / name).is_file():
        return directory / name
    found = sorted(path for path in directory.glob(pattern) if path.is_file())
    if len(found) > 1:
        names = abbreviated(", ".join(path.name for path in found))
        raise ElmoFormatError(f"{directory}: expected one {pattern}, found {names}; choose one with {option}")
    return found[0] if found else None


# The config


def _read_config(arrays: _Arrays, options: Path | None, dtype: str, notes: list[str]) -> ElmoConfig:
    fields: dict[str, Any] = {"dtype": dtype}
    index = arrays.bundle.index.name
    if options is not None:
        config, _ = read_options(options, **fields)
        if ("char_embed" in arrays) != (config.token_input == "characters"):
            reads = "characters" if "char_embed" in arrays else "words"
            raise ElmoFormatError(f"{options.name}: expected the options of a model that reads {reads}, as {index} is")
    else:
        config = _published_config(arrays, fields, notes)
    # bilm-tf has a projection where the sizes differ. What the file has is used.
    if config.token_input == "characters" and (has := "CNN_proj/W_proj" in arrays) != config.has_character_projection:
        config.character_projection = has
    if (has := any(name.endswith("/W_P_0") for name in arrays)) != config.has_lstm_projection:
        config.lstm_projection = has
    return config


def _published_config(arrays: _Arrays, fields: Mapping[str, Any], notes: list[str]) -> ElmoConfig:
    """The options of a module: those of the published model of exactly its shapes, if there is one."""
    index = arrays.bundle.index
    if arrays.is_module:
        for name in configuration.NAMES:
            config = ElmoConfig.from_pretrained(configuration.directory(name), **fields)
            table = {dataset.name: dataset.shape for dataset in weight_table(config)}
            if table == {stored: arrays.shape(stored) for stored in arrays if stored not in SOFTMAX}:
                notes.append(
                    f"A module has no options: those of the published model {name}, which has the same sizes, were "
                    f"assumed (activation {config.hidden_act}, clips {config.cell_clip:g} and "
                    f"{config.projection_clip:g}, skip connections, {config.max_characters_per_token} characters a "
                    "word). If they are others, convert again with --options."
                )
                return config
    raise ElmoFormatError(
        f"{index.parent}: contains no options.json (nor *options*.json), and the clips and the activation are in no "
        "tensor; pass one with --options"
    )


def _options(config: ElmoConfig, options: Path | None) -> dict[str, Any]:
    if options is None:
        return options_of_config(config)
    values: dict[str, Any] = json.loads(options.read_bytes())
    return values


# The vocabulary


def _num_rows(arrays: _Arrays, config: ElmoConfig) -> int | None:
    """The number of words that the softmax or the embedding is for, None without both."""
    rows = {
        name: arrays.shape(name)[0]
        for name in ("embedding", *SOFTMAX)
        if name in arrays and len(arrays.shape(name)) > 0
    }
    index = arrays.bundle.index.name
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{name} {number:,}" for name, number in rows.items())
        raise ElmoFormatError(f"{index}: expected as many rows in all arrays of words, found {found}")
    if "softmax/W" in arrays and "softmax/b" not in arrays:
        raise ElmoFormatError(f"{index}: softmax/b: missing; expected shape {(rows['softmax/W'],)}")
    if "softmax/b" in arrays and not rows.keys() & {"softmax/W", "embedding"}:
        raise ElmoFormatError(f"{index}: softmax/W: missing; expected {(rows['softmax/b'], config.projection_size)}")
    return next(iter(rows.values()), None)


def _make_tokenizer(config: ElmoConfig, vocab: Path | None, num_words: int) -> ElmoTokenizer:
    kwargs: dict[str, Any] = {}
    advice = ""
    if config.token_input == "words":
        # Passed as an argument, it is saved with the tokenizer.
        kwargs["model_input_names"] = [name for name in ElmoTokenizer.model_input_names if name != "character_ids"]
        if vocab is None:
            raise ElmoFormatError(
                "--vocab is required for a checkpoint of a model that reads words: its rows are the words of training"
            )
    else:
        advice = "; or convert the biLM alone with --no-vocab"
    words: list[str] = []
    if vocab is not None:
        try:
            words = read_vocabulary(vocab)
            tokenizer = ElmoTokenizer(vocab=words, max_characters_per_token=config.max_characters_per_token, **kwargs)
        except ValueError as error:
            raise ElmoFormatError(f"{vocab.name}: {str(error).removeprefix(f'{vocab.name}: ')}{advice}") from error
        if num_words:
            _check_words(vocab.name, words, num_words, len(tokenizer), advice)
        return tokenizer
    return ElmoTokenizer(vocab=words, max_characters_per_token=config.max_characters_per_token, **kwargs)


def _check_words(name: str, words: Sequence[str], num_words: int, num_entries: int, advice: str) -> None:
    """The rows of a softmax have no names: a list of another length can't be that of training."""
    if len(words) != num_words:
        raise ElmoFormatError(
            f"{name}: expected {num_words:,} words, one for each row of the checkpoint's softmax or embedding, found "
            f"{len(words):,}; pass the vocabulary of training as --vocab{advice}"
        )
    missing = [token for token in list(SPECIAL_TOKENS.values())[:3] if token not in words]
    if missing:
        raise ElmoFormatError(f"{name}: expected <S>, </S> and <UNK> among the words, found no {missing[0]}{advice}")
    if num_entries != num_words + NUM_APPENDED_TOKENS:
        raise ElmoFormatError(f"{name}: expected no <PAD> and <MASK> among the words, which are added to them{advice}")


# The parameters


def _parameters(
    arrays: _Arrays, config: ElmoConfig, num_words: int, has_softmax: bool
) -> dict[str, torch.Tensor | StoredTensor]:
    table = weight_table(config, num_words)
    expected = {dataset.name: dataset.shape for dataset in table}
    index = arrays.bundle.index.name
    if has_softmax:
        expected |= {"softmax/b": (num_words,)}
        if not config.tie_word_embeddings:
            expected["softmax/W"] = (num_words, config.projection_size)
    for name, shape in expected.items():
        if name not in arrays:
            raise ElmoFormatError(f"{index}: {name}: missing; expected shape {shape}")
        if arrays.shape(name) != shape:
            raise ElmoFormatError(f"{index}: {name}: expected shape {shape}, found {arrays.shape(name)}")
    for name in sorted(arrays.names.keys() - expected.keys() - {*SOFTMAX}):
        raise ElmoFormatError(f"{index}: {abbreviated(name)}: not part of the model that the options describe")
    start = "elmo." if has_softmax else ""
    parameters: dict[str, torch.Tensor | StoredTensor] = {}
    size = config.projection_size
    for dataset in table:
        if dataset.name == "embedding":
            parameters[start + WORD_EMBEDDING] = _words(arrays, config, "embedding", (size,))
            continue
        for place, (name, shape) in enumerate(zip(dataset.parameters, _shapes(dataset))):
            parameters[start + name] = StoredTensor(
                shape, config.dtype, partial(_pieces, arrays, config, dataset, place)
            )
    if has_softmax:
        parameters[f"{LM_HEAD}bias"] = _words(arrays, config, "softmax/b", ())
        if not config.tie_word_embeddings:
            parameters[f"{LM_HEAD}weight"] = _words(arrays, config, "softmax/W", (size,))
    return parameters


def _shapes(dataset: Dataset) -> list[tuple[int, ...]]:
    # No memory is used: all elements of the array are one.
    empty = np.broadcast_to(np.zeros((), dtype=np.int8), dataset.shape)
    return [values.shape for values in dataset.to_parameters(empty)]


def _pieces(arrays: _Arrays, config: ElmoConfig, dataset: Dataset, place: int) -> Iterator[torch.Tensor]:
    label = f"{arrays.bundle.index.name}: {arrays.names[dataset.name]}"
    yield as_tensor(dataset.to_parameters(arrays[dataset.name])[place], config.dtype, label)


def _words(arrays: _Arrays, config: ElmoConfig, name: str, columns: tuple[int, ...]) -> StoredTensor:
    """A parameter with a row for each entry of the vocabulary: those of the words, and zeros for the appended."""

    def pieces() -> Iterator[torch.Tensor]:
        label = f"{arrays.bundle.index.name}: {arrays.names[name]}"
        for at in range(0, num_words, ROWS):
            yield as_tensor(arrays.rows(name, at, at + ROWS), config.dtype, label)
        yield torch.zeros(config.vocab_size - num_words, *columns, dtype=config.dtype)

    num_words = arrays.shape(name)[0]
    return StoredTensor((config.vocab_size, *columns), config.dtype, pieces)


def _read_mix(bundle: TensorBundle, config: ElmoConfig, notes: list[str]) -> dict[str, torch.Tensor]:
    """The scalar mix of a module: weights before the softmax and a factor, as in bilm-tf's `weight_layers`."""
    names = {match[1]: name for name in bundle.tensors if (match := MIX.search(name))}
    shapes = {part: bundle.tensors[name].shape for part, name in names.items()}
    num_layers = config.num_hidden_layers + 1
    if not names:
        return {}
    if (
        shapes.keys() != {"weights", "scaling"}
        or shapes["weights"] != (num_layers,)
        or shapes["scaling"] not in ((), (1,))
    ):
        notes.append(f"aggregation/: expected {num_layers} weights and one factor, found {shapes}; they were left out.")
        return {}
    weights, scaling = (
        as_tensor(np.atleast_1d(bundle.read(names[part])), config.dtype, names[part]) for part in ("weights", "scaling")
    )
    notes.append(
        "aggregation/weights and aggregation/scaling became the scalar mix: the weights before a softmax, the token "
        "embedding's first, then those of the layers, times the scaling. The module does not say so; it is the paper's "
        "equation 1 and the order of the module's outputs."
    )
    return {"scalar_mixes.0.weight": weights, "scalar_mixes.0.gamma": scaling}


# Parity


def _expected_layers(
    arrays: _Arrays, options: Mapping[str, Any], config: ElmoConfig, tokenizer: ElmoTokenizer, words: Sequence[str]
) -> np.ndarray:
    """All layers of one sentence, `[L + 1, words + 2, 2P]` float64, by the equations on the checkpoint's arrays."""
    sentence = ["<S>", *words, "</S>"]
    if config.token_input == "characters":
        rows = [reference.character_ids(word, config.max_characters_per_token) for word in sentence]
        embeddings = reference.token_embeddings(arrays, options, rows)
    else:
        ids = tokenizer.convert_tokens_to_ids(sentence)
        embeddings = np.concatenate([arrays.rows("embedding", id, id + 1) for id in ids]).astype(np.float64)
    return reference.bilm_layers(arrays, options, embeddings)[0]


def _expected_scores(arrays: _Arrays, hidden: np.ndarray, words: Sequence[int]) -> np.ndarray:
    """Scores `[N, words]` float64 of words, by their ids, for outputs `[N, P]` of one direction's last layer."""
    name = "softmax/W" if "softmax/W" in arrays else "embedding"
    weights = np.concatenate([arrays.rows(name, id, id + 1) for id in words]).astype(np.float64)
    bias = np.concatenate([arrays.rows("softmax/b", id, id + 1) for id in words]).astype(np.float64)
    scores: np.ndarray = hidden @ weights.T + bias
    return scores
