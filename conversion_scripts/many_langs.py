# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model of ELMoForManyLangs, which are those of some 45 languages: a directory that its training wrote.

| File | Contents |
| --- | --- |
| `config.json` | the options of the training command, of which only `config_path` is read |
| the file of `config_path` | the architecture. Published models often lack it: then it is the one of `SAMPLE_NAMES` |
| `char.dic`, `word.dic` | `TOKEN<TAB>ID` a line |
| `token_embedder.pkl`, `encoder.pkl` | state dicts of `torch.save` |

Characters are code points in a vocabulary of the model. Words have a table too, whose rows precede what the CNN gives
in the projection; either may be absent. The code confuses the marks around a word: it begins with `<eow>` and ends with
`<bow>`. A highway's gate is that of the input, and the forget gate's 1 is in the bias.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modeling_elmo.files.errors import ElmoFormatError, as_format_error, one_line
from modeling_elmo.model.characters import MAX_CHARACTERS
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.loading_checks import abbreviated, read_json_object
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer

from . import torch_reference
from .converted_model import ConvertedModel
from .torch_pickles import read_state_dict
from .weights_hdf5 import as_tensor


EMBEDDER, ENCODER = "token_embedder.pkl", "encoder.pkl"

# The file that the `config.json` of published models names, on a machine of the authors, and what it says.
SAMPLE_NAMES = ("cnn_50_100_512_4096_sample.json", "cnn_0_100_512_4096_sample.json")
SAMPLE: dict[str, Any] = {
    "encoder": {
        "name": "elmo",
        "projection_dim": 512,
        "cell_clip": 3,
        "proj_clip": 3,
        "dim": 4096,
        "n_layers": 2,
    },
    "token_embedder": {
        "name": "cnn",
        "activation": "relu",
        "filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]],
        "n_highway": 2,
        "word_dim": 100,
        "char_dim": 50,
        "max_characters_per_token": 50,
    },
}

# The entries of `char.dic` that are no characters, by what the code uses them for.
MARKS = {
    "begin_word": "<eow>",
    "end_word": "<bow>",
    "begin_sentence": "<bos>",
    "end_sentence": "<eos>",
    "padding": "<pad>",
    "unknown": "<oov>",
}

# The sentence boundaries and the unknown word in `word.dic`. Its `<pad>` is a word like others here.
SPECIAL_TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<oov>"}

# Stands for a token that is white space.
WHITE_SPACE = "\u3000"

# Far above any published file.
MAX_DIC_BYTES = 100_000_000
MAX_JSON_BYTES = 1_000_000


def is_many_langs(directory: Path) -> bool:
    """Whether a directory is that of an ELMoForManyLangs model, by the files in it."""
    return any((directory / name).is_file() for name in (EMBEDDER, ENCODER))


def read_many_langs(
    directory: Path, dtype: str = "float32", options: Path | None = None, language: Sequence[str] = ()
) -> ConvertedModel:
    """Reads an ELMoForManyLangs model.

    Args:
        directory (`Path`): The directory of the model.
        dtype (`str`): dtype of the weights.
        options (`Path`, *optional*): The architecture. By default, the file that `config.json` names.
        language (`Sequence[str]`, *optional*): ISO codes.

    Raises:
        `ElmoFormatError`: If a file is missing or not in the expected format, or the encoder is not an ELMo.
    """
    for name in (EMBEDDER, ENCODER):
        if not (directory / name).is_file():
            raise ElmoFormatError(f"{directory}: contains no {name}, which a model of ELMoForManyLangs needs")
    architecture, options_file, notes = _read_architecture(directory, options)
    source = options_file.name if options_file else SAMPLE_NAMES[0]
    fields = _fields(source, architecture)
    reads_characters = fields["token_input"] != "words"
    dics = ["char.dic"] * reads_characters + ["word.dic"] * (fields["token_input"] != "characters")
    ids = {name: read_dic(directory / name) for name in dics}
    with as_format_error(f"{directory}"):
        tokenizer = _make_tokenizer(fields, ids)
    if reads_characters:
        fields.update(_character_fields(tokenizer))
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    fields.update({name: getattr(tokenizer, name) for name in names}, vocab_size=len(tokenizer), dtype=dtype)
    with as_format_error(source):
        config = ElmoConfig(architectures=["ElmoModel"], **fields)
    # The maps are always there. The config says so only where its default is another.
    config.character_projection = True if reads_characters and not config.has_character_projection else None
    config.lstm_projection = None if config.has_lstm_projection else True
    arrays = _read_arrays(directory)
    if (directory / "classifier.pkl").is_file():
        notes.append("classifier.pkl was left out: its softmax is a part of the training alone.")
    sizes = {name: len(table) for name, table in ids.items()}
    return ConvertedModel(
        description="an ELMoForManyLangs model",
        config=config,
        parameters=_parameters(arrays, config, sizes, len(tokenizer), ids.get("word.dic", {}).get("<oov>", 0)),
        tokenizer=tokenizer,
        files=[*(directory / name for name in (EMBEDDER, ENCODER, *dics)), *([options_file] if options_file else [])],
        notes=notes,
        expected_layers=partial(_expected_layers, directory, architecture, ids),
        language=list(language),
    )


# The architecture


def _read_architecture(directory: Path, options: Path | None) -> tuple[dict[str, Any], Path | None, list[str]]:
    """Finds the file of `config_path` as the original does, or the published one of that name."""
    if options is not None:
        return _read_json(options), options, []
    config_file = directory / "config.json"
    named = _read_json(config_file).get("config_path") if config_file.is_file() else None
    base = ""
    if isinstance(named, str) and named:
        base = os.path.basename(named.replace("\\", "/"))
        for path in (directory / named, directory / base):
            # Unlike `Path.is_file`, false for names that no file can have.
            if os.path.isfile(path):
                return _read_json(path), path, []
    if base in SAMPLE_NAMES:
        return SAMPLE, None, [f"{base} is missing, so its published content was assumed; all sizes fit the weights."]
    raise ElmoFormatError(
        f"{config_file}: config_path: expected the JSON file of the architecture or {SAMPLE_NAMES[0]}, found "
        f"{abbreviated(named)}; pass the file with --options: it has the clips, which no other file has"
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path, MAX_JSON_BYTES)
    except ValueError as error:
        raise ElmoFormatError(one_line(error)) from error


def _fields(source: str, architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of the config that an architecture has."""
    encoder, embedder = (_section(source, architecture, name) for name in ("encoder", "token_embedder"))
    if encoder.get("name") != "elmo":
        raise ElmoFormatError(
            f"{source}: encoder: expected elmo, found {abbreviated(encoder.get('name'))}"
            + (
                "; a bidirectional torch.nn.LSTM, whose layers read both directions, is no ELMo"
                if encoder.get("name") == "lstm"
                else ""
            )
        )
    word_dim, char_dim = (_number(source, embedder, name) for name in ("word_dim", "char_dim"))
    if embedder.get("name") not in ("cnn", "lstm") or (embedder["name"] == "lstm" and char_dim):
        raise ElmoFormatError(
            f"{source}: token_embedder: expected cnn, or lstm with char_dim 0, found "
            f"{abbreviated(embedder.get('name'))} with char_dim {char_dim}"
        )
    if not word_dim and not char_dim:
        raise ElmoFormatError(f"{source}: word_dim and char_dim: expected at least one above 0, found none")
    fields: dict[str, Any] = {
        "token_input": "characters" if not word_dim else "characters_and_words" if char_dim else "words",
        "word_embedding_size": word_dim or None,
        "num_hidden_layers": _number(source, encoder, "n_layers"),
        "cell_size": _number(source, encoder, "dim"),
        "projection_size": _number(source, encoder, "projection_dim"),
        # 0 is none.
        "cell_clip": encoder.get("cell_clip") or None,
        "projection_clip": encoder.get("proj_clip") or None,
        "forget_bias": 0.0,
    }
    if embedder["name"] == "cnn":
        fields["max_characters_per_token"] = _number(source, embedder, "max_characters_per_token")
    if char_dim:
        fields |= {
            "character_unit": "code_point",
            "character_embedding_size": char_dim,
            "character_filters": embedder.get("filters"),
            "num_highway_layers": _number(source, embedder, "n_highway"),
            "hidden_act": embedder.get("activation"),
        }
    return fields


def _section(source: str, architecture: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = architecture.get(name)
    if not isinstance(section, dict):
        raise ElmoFormatError(f"{source}: {name}: expected an object, found {abbreviated(section)}")
    return section


def _number(source: str, section: Mapping[str, Any], name: str) -> int:
    value = section.get(name) or 0
    if type(value) is not int:
        raise ElmoFormatError(f"{source}: {name}: expected an integer, found {abbreviated(value)}")
    return value


# The vocabularies


def read_dic(path: Path) -> dict[str, int]:
    """Reads a `.dic`: tokens and their ids, which are the numbers, not the lines.

    Raises:
        `ElmoFormatError`: If a line is anything else, or the ids are not 0 to n - 1, each once.
    """
    if not path.is_file():
        raise ElmoFormatError(f"{path.parent}: contains no {path.name}, which this model needs")
    if (size := path.stat().st_size) > MAX_DIC_BYTES:
        raise ElmoFormatError(f"{path.name}: expected at most {MAX_DIC_BYTES:,} bytes, found {size:,}")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ElmoFormatError(f"{path.name}: expected UTF-8 text, found {one_line(error)}") from error
    ids: dict[str, int] = {}
    # As the original: lines end wherever Unicode says, and a token that is white space is stripped off.
    for number, line in enumerate(text.splitlines(), 1):
        *token, id = line.strip().split("\t")
        # `int` accepts more, such as 1_000.
        if len(token) > 1 or not (id.isascii() and id.isdigit() and len(id) < 10):
            raise ElmoFormatError(f"{path.name}: line {number}: expected TOKEN<TAB>ID, found {abbreviated(line)}")
        word = token[0] if token else WHITE_SPACE
        if word in ids:
            raise ElmoFormatError(
                f"{path.name}: line {number}: expected each token once, found {abbreviated(word)} again"
            )
        ids[word] = int(id)
    if sorted(ids.values()) != list(range(len(ids))):
        raise ElmoFormatError(f"{path.name}: expected the ids 0 to {len(ids) - 1}, each once")
    return ids


def _in_order(ids: Mapping[str, int]) -> list[str]:
    return sorted(ids, key=lambda token: ids[token])


def _make_tokenizer(fields: Mapping[str, Any], ids: Mapping[str, Mapping[str, int]]) -> ElmoTokenizer:
    kwargs: dict[str, Any] = dict(SPECIAL_TOKENS)
    length = fields.get("max_characters_per_token")
    if length is not None:
        kwargs |= {"max_characters_per_token": length, "max_lookup_characters": length - 2}
    if "char.dic" in ids:
        if missing := [mark for mark in MARKS.values() if mark not in ids["char.dic"]]:
            raise ElmoFormatError(f"char.dic: expected the mark {missing[0]}, found none")
        kwargs["characters"] = {**MARKS, "characters": _in_order(ids["char.dic"])}
    else:
        # Passed as an argument, it is saved with the tokenizer.
        kwargs["model_input_names"] = [name for name in ElmoTokenizer.model_input_names if name != "character_ids"]
    if "word.dic" in ids and "<oov>" not in ids["word.dic"]:
        raise ElmoFormatError("word.dic: expected the unknown word <oov>, found none")
    words = _in_order(ids["word.dic"]) if "word.dic" in ids else list(SPECIAL_TOKENS.values())
    return ElmoTokenizer(vocab=words, **kwargs)


def _character_fields(tokenizer: ElmoTokenizer) -> dict[str, Any]:
    characters: Any = tokenizer.characters
    bos, eos = characters.boundaries
    return {
        "character_vocab_size": len(characters.ids),
        "pad_character_id": characters.padding,
        "bos_character_id": bos,
        "eos_character_id": eos,
    }


# The weights


def _read_arrays(directory: Path) -> dict[str, np.ndarray]:
    """Reads both state dicts; the names of their arrays are preceded by that of the file."""
    arrays = {}
    for file in (EMBEDDER, ENCODER):
        for name, value in read_state_dict(directory / file).items():
            if not value.is_floating_point():
                raise ElmoFormatError(f"{file}: {abbreviated(name)}: expected float values, found {value.dtype}")
            if not torch.isfinite(value).all():
                raise ElmoFormatError(f"{file}: {abbreviated(name)}: expected finite values, found NaN or infinity")
            arrays[f"{file}: {name}"] = value.float().numpy()
    return arrays


def _parameters(
    arrays: Mapping[str, np.ndarray], config: ElmoConfig, sizes: Mapping[str, int], vocab_size: int, unknown: int
) -> dict[str, torch.Tensor]:
    parameters: dict[str, torch.Tensor] = {}
    table = {name: (shape, names) for name, shape, names in _weight_table(config, sizes)}
    for name in sorted(arrays.keys() - table.keys()):
        raise ElmoFormatError(f"{abbreviated(name)}: not part of the model that the architecture describes")
    for name, (shape, names) in table.items():
        if name not in arrays:
            raise ElmoFormatError(f"{name}: missing; expected shape {shape}")
        values = arrays[name]
        if values.shape != shape:
            raise ElmoFormatError(f"{name}: expected shape {shape}, found {values.shape}")
        if len(names) == 2:
            # The original's gate is that of the input, ours that of the transformed input.
            transform, gate = np.split(values, 2)
            pairs = zip(names, (transform, -gate))
        elif names[0].endswith("character_embedding.weight"):
            # Id 0 is for positions without a word.
            pairs = zip(names, (np.pad(values, ((1, 0), (0, 0))),))
        elif names[0].endswith("word_embedding.weight"):
            # Tokens that the tokenizer appends are unknown words to the original.
            pairs = zip(
                names,
                (np.concatenate([values, np.repeat(values[unknown : unknown + 1], vocab_size - len(values), 0)]),),
            )
        else:
            pairs = zip(names, (values,))
        for parameter, part in pairs:
            parameters[parameter] = as_tensor(part, config.dtype, name)
    return parameters


def _weight_table(
    config: ElmoConfig, sizes: Mapping[str, int]
) -> Iterator[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    """The arrays of a model, their shapes, and the parameters that each becomes."""
    file, module = f"{EMBEDDER}: ", "character_encoder." if config.reads_characters else "word_embedding."
    if config.reads_words:
        name = f"{module}word_embedding.weight" if config.reads_characters else f"{module}weight"
        yield f"{file}word_emb_layer.embedding.weight", (sizes["word.dic"], config.word_row_size), (name,)
    if config.reads_characters:
        shape: tuple[int, ...] = (sizes["char.dic"], config.character_embedding_size)
        yield f"{file}char_emb_layer.embedding.weight", shape, (f"{module}character_embedding.weight",)
        for i, (width, number) in enumerate(config.character_filters):
            for part, shape in (("weight", (number, config.character_embedding_size, width)), ("bias", (number,))):
                yield f"{file}convolutions.{i}.{part}", shape, (f"{module}convolutions.{i}.{part}",)
        size = config.num_character_filters
        for i in range(config.num_highway_layers):
            for part, shape in (("weight", (2 * size, size)), ("bias", (2 * size,))):
                names = tuple(f"{module}highway_layers.{i}.{name}.{part}" for name in ("transform", "gate"))
                yield f"{file}highways._layers.{i}.{part}", shape, names
    size = config.character_features if config.reads_characters else config.word_row_size
    for part, shape in (("weight", (config.projection_size, size)), ("bias", (config.projection_size,))):
        yield f"{file}projection.{part}", shape, (f"{module}projection.{part}",)
    gates = 4 * config.cell_size
    for direction, layer in product(("forward", "backward"), range(config.num_hidden_layers)):
        for name, shape, parameter in (
            ("input_linearity.weight", (gates, config.projection_size), "weight_ih"),
            ("state_linearity.weight", (gates, config.projection_size), "weight_hh"),
            ("state_linearity.bias", (gates,), "bias"),
            ("state_projection.weight", (config.projection_size, config.cell_size), "weight_hr"),
        ):
            lstm = f"layers.{layer}.{direction}_lstm.{parameter}"
            yield f"{ENCODER}: {direction}_layer_{layer}.{name}", shape, (lstm,)


# Parity


def _expected_layers(
    directory: Path,
    architecture: Mapping[str, Any],
    ids: Mapping[str, Mapping[str, int]],
    words: Sequence[str],
) -> np.ndarray:
    """Computes all layers of one sentence, `[L + 1, words + 2, 2P]` float64, by the equations on the original arrays.

    Written from the facts of the format, as `reference.py` is, and shares nothing with the conversion but the files.
    """
    # Read again: what is kept for later would take memory until then.
    arrays = _read_arrays(directory)
    encoder, embedder = architecture["encoder"], architecture["token_embedder"]
    length = embedder["max_characters_per_token"] if embedder["name"] == "cnn" else MAX_CHARACTERS
    sentence = ["<bos>", *(word[: length - 2] for word in words), "<eos>"]
    parts, name = [], f"{EMBEDDER}: "
    if "word.dic" in ids:
        rows = [ids["word.dic"].get(word, ids["word.dic"]["<oov>"]) for word in sentence]
        parts.append(np.asarray(arrays[f"{name}word_emb_layer.embedding.weight"][rows], dtype=np.float64))
    if "char.dic" in ids:
        characters = ids["char.dic"]
        rows_of_ids = []
        for word in sentence:
            content = [word] if word in ("<bos>", "<eos>") else list(word)
            spelled = [characters.get(character, characters["<oov>"]) for character in content]
            row = [characters["<eow>"], *spelled, characters["<bow>"]]
            rows_of_ids.append(row + [characters["<pad>"]] * (length - len(row)))
        table = np.asarray(arrays[f"{name}char_emb_layer.embedding.weight"], dtype=np.float64)
        names = [f"{name}convolutions.{i}" for i in range(len(embedder["filters"]))]
        x = torch_reference.convolutions(arrays, names, table[np.array(rows_of_ids)], embedder["activation"])
        for i in range(embedder.get("n_highway") or 0):
            x = torch_reference.highway(arrays, f"{name}highways._layers.{i}", x)
        parts.append(x)
    embeddings = torch_reference.linear(arrays, f"{name}projection", np.concatenate(parts, axis=1))
    return torch_reference.bilm_layers(
        arrays,
        f"{ENCODER}: ",
        embeddings,
        encoder["n_layers"],
        encoder.get("cell_clip") or None,
        encoder.get("proj_clip") or None,
    )
