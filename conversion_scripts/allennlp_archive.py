# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""AllenNLP models that contain an ELMo -> that ELMo: a `model.tar.gz`, or the directory that training wrote.

| Member | Contents |
| --- | --- |
| `config.json` | the experiment. The settings of an ELMo are somewhere below `model` |
| `weights.th`, in a directory of training `best.th` | the tensors of the whole model, those of the biLM among them |
| `fta/KEY` | up to AllenNLP 0.9: files that the config names, under the dotted path of the setting |

The biLM is always read from the tensors: where it was trained along, the `weights.hdf5` that the config names is the
one before training. Clips and activation are in no tensor, so the options must be found: see `_find_options`.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modeling_elmo import configuration
from modeling_elmo.files.errors import ElmoFormatError, one_line
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.loading_checks import abbreviated, read_json_object
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer

from . import reference, torch_reference
from .converted_model import ConvertedModel
from .options_json import MAX_BYTES, config_from_options, options_of_config, read_options
from .torch_pickles import read_state_dict
from .weights_hdf5 import Dataset, as_tensor


# Packed by `archive_model`; not packed yet.
WEIGHTS = ("weights.th", "best.th")

# What follows the name of every ELMo in the state dict.
LSTMS = "_elmo_lstm._elmo_lstm."
CHARACTERS = "_elmo_lstm._token_embedder."

# Types of AllenNLP's other biLM, whose published model is a Transformer.
OTHER_BILM = re.compile(r"bidirectional_lm|language_model")

# The published options by the addresses that configs have named them by.
OFFICIAL = re.compile(r"https://(s3-us-west-2\.amazonaws\.com/allennlp|allennlp\.s3\.amazonaws\.com)/models/elmo")

# AllenNLP's default of `options_file` is the published model of this name.
DEFAULT = "original"

MAX_ELMOS = 100
MAX_LISTED = 10
MAX_NAME = 500


@dataclass(frozen=True)
class _Settings:
    """The settings of an ELMo in `config.json`, and the keys that lead to them."""

    path: tuple[str, ...]
    values: Mapping[str, Any]


def is_allennlp(directory: Path) -> bool:
    """Whether a directory is that of an AllenNLP model, by the files in it."""
    has_weights = any((directory / name).is_file() for name in WEIGHTS)
    return has_weights or any(directory.glob("model_state_epoch_*.th"))


def is_member_needed(name: str) -> bool:
    """Whether a member of an archive is read. The untrained weights under `fta/` are not."""
    return name in ("config.json", *WEIGHTS) or (name.startswith("fta/") and "options_file" in name)


def read_allennlp(
    directory: Path,
    dtype: str = "float32",
    options: Path | None = None,
    weights: Path | None = None,
    embedder: str | None = None,
    language: Sequence[str] = (),
) -> ConvertedModel:
    """Reads the ELMo of an AllenNLP model, with its scalar mixes.

    Args:
        directory (`Path`): An unpacked archive, or a directory of training.
        dtype (`str`): dtype of the weights.
        options (`Path`, *optional*): `options.json`. By default, what the archive has or names.
        weights (`Path`, *optional*): The tensors. Defaults to `weights.th`, then `best.th`.
        embedder (`str`, *optional*): The name of the ELMo to read, where there are several.
        language (`Sequence[str]`, *optional*): ISO codes. One of them chooses the ELMo of a multilingual embedder.

    Raises:
        `ElmoFormatError`: If the model contains no ELMo or several, if the options can't be found, or if a file is not
            in the expected format.
    """
    config_file = directory / "config.json"
    files = [config_file] if config_file.is_file() else []
    experiment = _read_json(config_file) if files else {}
    weights = weights or _find_weights(directory)
    state = read_state_dict(weights)
    prefix = _choose(weights.name, state, experiment, embedder, language)
    code = _language_of(prefix, state)
    settings = _settings_of(prefix, experiment, code)
    fields = {"dtype": dtype, "architectures": ["ElmoModel"], **_fields(prefix, state, settings)}
    found = options or _find_options(directory, settings, code)
    if isinstance(found, Path):
        config, num_words = read_options(found, **fields)
        files.append(found)
    else:
        known = options_of_config(ElmoConfig.from_pretrained(configuration.directory(found)))
        config, num_words = config_from_options(known, **fields), known.get("n_tokens_vocab")
    if not config.use_skip_connections or config.token_input != "characters" or config.max_characters_per_token != 50:
        raise ElmoFormatError(
            f"{found}: AllenNLP's ELMo reads 50 characters per word and has skip connections; these options describe "
            "another model: pass those it was made with as --options"
        )
    # AllenNLP has both, whatever the sizes are. The config says so only where its default is another.
    config.character_projection = None if config.has_character_projection else True
    config.lstm_projection = None if config.has_lstm_projection else True
    parameters = _read_parameters(weights.name, state, prefix, config)
    tokenizer = ElmoTokenizer(max_characters_per_token=config.max_characters_per_token)
    if num_words is not None:
        config.training_options = {**(config.training_options or {}), "n_tokens_vocab": num_words}
    config.vocab_size = len(tokenizer)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(config, name, getattr(tokenizer, name))
    return ConvertedModel(
        description=f"the ELMo {_label(prefix)} of an AllenNLP model",
        config=config,
        parameters=parameters,
        tokenizer=tokenizer,
        files=[weights, *files],
        notes=_notes(weights.name, state, prefix, settings, found, code),
        expected_layers=partial(_expected_layers, state, prefix, config),
        language=[code] if code else [],
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path, MAX_BYTES)
    except ValueError as error:
        raise ElmoFormatError(one_line(error)) from error


def _find_weights(directory: Path) -> Path:
    for name in WEIGHTS:
        if (directory / name).is_file():
            return directory / name
    epochs = sorted(path.name for path in directory.glob("model_state_epoch_*.th"))
    raise ElmoFormatError(
        f"{directory}: a training of AllenNLP without {' or '.join(WEIGHTS)}; choose one with --weights: "
        f"{abbreviated(', '.join(epochs))}"
    )


def _label(prefix: str) -> str:
    """The name that chooses an ELMo: the path of the module that has it."""
    return prefix.rstrip(".").removesuffix("._elmo")


def _language_of(prefix: str, state: Mapping[str, torch.Tensor]) -> str | None:
    """The language of one of the ELMos of a multilingual embedder."""
    parent, _, module = prefix.removesuffix(".").rpartition("elmo_")
    return module if module and f"{parent}aligning_{module}.weight" in state else None


def _choose(
    name: str,
    state: Mapping[str, torch.Tensor],
    experiment: Mapping[str, Any],
    embedder: str | None,
    language: Sequence[str],
) -> str:
    """Returns what precedes the names of an ELMo's tensors."""
    end = f"{CHARACTERS}_char_embedding_weights"
    prefixes = [key.removesuffix(end) for key in state if key.endswith(end)]
    if not prefixes:
        raise ElmoFormatError(f"{name}: {_what_instead(experiment)}")
    if len(prefixes) > MAX_ELMOS:
        raise ElmoFormatError(f"{name}: expected at most {MAX_ELMOS} ELMos, found {len(prefixes)}")
    # Messages quote names.
    for prefix in prefixes:
        if not prefix.isprintable() or len(prefix) > MAX_NAME:
            raise ElmoFormatError(f"{name}: {abbreviated(prefix)}: expected a name of at most {MAX_NAME} letters")
    if embedder is not None:
        chosen = [prefix for prefix in prefixes if re.search(rf"(^|\W|_){re.escape(embedder)}$", _label(prefix))]
        if not chosen:
            raise ElmoFormatError(f"--embedder: expected one of {_list(map(_label, prefixes))}, found {embedder}")
        prefixes = chosen
    languages = {prefix: code for prefix in prefixes if (code := _language_of(prefix, state)) is not None}
    if len(languages) == len(prefixes):
        wanted = [prefix for prefix, code in languages.items() if code in language]
        if language and not wanted:
            raise ElmoFormatError(
                f"{name}: --language: expected one of {_list(languages.values())}, found {_list(language)}"
            )
        prefixes = wanted or prefixes
        if len(prefixes) > 1:
            raise ElmoFormatError(
                f"{name}: a multilingual embedder with an ELMo for each language; choose one with --language: "
                f"{_list(languages[prefix] for prefix in prefixes)}"
            )
    # A module that a model uses at two places has its tensors under two names.
    different = [prefix for prefix in prefixes[1:] if not _are_equal(state, prefixes[0], prefix)]
    if different:
        raise ElmoFormatError(
            f"{name}: several ELMos; choose one with --embedder: {_list(map(_label, [prefixes[0], *different]))}"
        )
    return prefixes[0]


def _are_equal(state: Mapping[str, torch.Tensor], first: str, second: str) -> bool:
    one, other = (
        {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        for prefix in (first, second)
    )
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def _list(names: Iterable[str]) -> str:
    names = [abbreviated(name)[1:-1] for name in names]
    return ", ".join(names[:MAX_LISTED]) + (f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else "")


def _sections(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """All objects of a parsed JSON file with the keys that lead to them. `_read_json` bounds how deep they nest."""
    if isinstance(value, dict):
        yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _sections(child, (*path, str(key)))


def _what_instead(experiment: Mapping[str, Any]) -> str:
    """Says what a model without an ELMo has."""
    types = sorted({str(section["type"]) for _, section in _sections(experiment.get("model")) if "type" in section})
    if other := [name for name in types if OTHER_BILM.search(name)]:
        return (
            f"a Transformer biLM of AllenNLP ({_list(other)}), not an ELMo: it has no LSTMs with projections, so no "
            "model of this package can compute it; convert a model with an elmo_token_embedder"
        )
    made_of = f" (it is made of {_list(types)})" if types else ""
    return f"a model without an ELMo{made_of}: expected tensors that end in {CHARACTERS}_char_embedding_weights"


def _settings_of(prefix: str, experiment: Mapping[str, Any], code: str | None) -> _Settings:
    """Finds the settings of an ELMo: by its name, if there are several."""
    found = [
        _Settings(path, section)
        for path, section in _sections(experiment.get("model"), ("model",))
        if {"options_file", "options_files"} & section.keys() or "elmo_token_embedder" in str(section.get("type"))
    ]
    module = _module_of(prefix, code)
    name = module.rpartition(".")[2].removeprefix("token_embedder_").lstrip("_")
    field = module.partition(".")[0]
    for matching in (
        [settings for settings in found if settings.path[-1] == name and field in settings.path],
        [settings for settings in found if settings.path[-1] == name],
        found,
    ):
        if len(matching) == 1:
            return matching[0]
    return _Settings((), {})


def _module_of(prefix: str, code: str | None) -> str:
    """The embedder that an ELMo is a part of."""
    return _label(prefix) if code is None else _label(prefix).removesuffix(f"elmo_{code}").rstrip(".")


def _fields(prefix: str, state: Mapping[str, torch.Tensor], settings: _Settings) -> dict[str, Any]:
    """Fields of the config that options don't have."""
    values = settings.values
    dropout = 0.5 if values.get("dropout") is None else values["dropout"]
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        raise ElmoFormatError(f"config.json: dropout: expected a number from 0 to 1, found {abbreviated(dropout)}")
    for name in ("do_layer_norm", "requires_grad"):
        if not isinstance(values.get(name) or False, bool):
            raise ElmoFormatError(f"config.json: {name}: expected true or false, found {abbreviated(values[name])}")
    num_mixes = next(k for k in range(len(state) + 1) if f"{prefix}scalar_mix_{k}.gamma" not in state)
    return {
        # The forget gate's 1 is in the bias.
        "forget_bias": 0.0,
        "num_output_representations": max(1, num_mixes),
        "mix_layer_norm": bool(values.get("do_layer_norm")),
        "mix_parameters": _fixed_mix(prefix, state, values.get("scalar_mix_parameters"), num_mixes),
        "representation_dropout": dropout,
        "freeze_bilm": not values.get("requires_grad"),
    }


def _fixed_mix(prefix: str, state: Mapping[str, torch.Tensor], values: Any, num_mixes: int) -> list[float] | None:
    """Returns the fixed weights of the mixes, if the settings have them and they are those of the tensors."""
    is_numbers = isinstance(values, list) and all(type(value) in (int, float) and abs(value) < 3e38 for value in values)
    if not is_numbers:
        return None
    for k in range(num_mixes):
        expected = {f"scalar_parameters.{j}": value for j, value in enumerate(values)} | {"gamma": 1.0}
        for name, value in expected.items():
            found = state.get(f"{prefix}scalar_mix_{k}.{name}")
            if found is None or found.numel() != 1 or found.item() != np.float32(value):
                return None
    return values


def _find_options(directory: Path, settings: _Settings, code: str | None) -> Path | str:
    """Finds the options: the file, or the name of the published model that has them.

    Archives of AllenNLP up to 0.9 have the file. Later ones name its path or address, which may lead nowhere by now.
    """
    keys = ("options_file",) if code is None else ("options_files", code)
    named: Any = settings.values
    for key in keys:
        named = named.get(key) if isinstance(named, Mapping) else None
    archived = directory / "fta" / ".".join((*settings.path, *keys)).replace(os.sep, "")
    if os.path.isfile(archived):
        return archived
    if len(candidates := list(directory.glob("fta/*options_file*"))) == 1:
        return candidates[0]
    if named is None and settings.values.get("type") == "elmo_token_embedder":
        return DEFAULT
    if isinstance(named, str):
        for name in configuration.NAMES:
            source = json.loads((configuration.directory(name) / "source.json").read_text(encoding="utf-8"))
            if OFFICIAL.sub("", named) in [OFFICIAL.sub("", address) for address in source["options"]]:
                return name
        for path in (directory / named, directory / os.path.basename(named), Path(named)):
            # Unlike `Path.is_file`, false for names that no file can have.
            if os.path.isfile(path):
                return path
    where = f"{abbreviated(named)} in config.json is not a file of this machine" if named else "config.json names none"
    raise ElmoFormatError(
        "--options is required: clips and activation are only in the options.json that this ELMo was made with, "
        f"and {where}"
    )


def _read_parameters(
    file: str, state: Mapping[str, torch.Tensor], prefix: str, config: ElmoConfig
) -> dict[str, torch.Tensor]:
    tensors = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    table = {
        dataset.name: dataset
        for dataset in _weight_table(config, "scalar_mix_0.gamma" in tensors and config.mix_parameters is None)
    }
    for name in sorted(tensors.keys() - table.keys()):
        # Of `vocab_to_cache`: the token embeddings of some words, computed from the rest.
        if name.startswith("_elmo_lstm.") and not name.startswith("_elmo_lstm._word_embedding."):
            raise ElmoFormatError(
                f"{file}: {prefix}: {abbreviated(name)}: not part of the model that the options describe"
            )
    parameters: dict[str, torch.Tensor] = {}
    for name, dataset in table.items():
        path = f"{file}: {prefix}{name}"
        if name not in tensors:
            raise ElmoFormatError(f"{path}: missing; expected shape {dataset.shape}")
        value = tensors[name]
        if tuple(value.shape) != dataset.shape or not value.is_floating_point():
            raise ElmoFormatError(
                f"{path}: the options describe a float tensor of shape {dataset.shape}, found {value.dtype}, "
                f"{tuple(value.shape)}"
            )
        values = value.float().numpy()
        if not np.isfinite(values).all():
            raise ElmoFormatError(f"{path}: expected finite values, found NaN or infinity")
        for parameter, part in zip(dataset.parameters, dataset.to_parameters(values)):
            parameters[parameter] = as_tensor(part, config.dtype, path)
    for k in range(config.num_output_representations):
        names = [f"scalar_mixes.{k}.weight.{j}" for j in range(config.num_hidden_layers + 1)]
        if names[0] in parameters:
            parameters[f"scalar_mixes.{k}.weight"] = torch.cat([parameters.pop(name) for name in names])
    return parameters


def _weight_table(config: ElmoConfig, has_mixes: bool) -> Iterator[Dataset]:
    """The tensors of an ELMo by their names after its prefix, and what each becomes."""
    encoder = "character_encoder"
    shape: tuple[int, ...] = (config.character_vocab_size, config.character_embedding_size)
    yield Dataset(f"{CHARACTERS}_char_embedding_weights", shape, (f"{encoder}.character_embedding.weight",))
    for i, (width, number) in enumerate(config.character_filters):
        for part, shape in (("weight", (number, config.character_embedding_size, width)), ("bias", (number,))):
            yield Dataset(f"{CHARACTERS}char_conv_{i}.{part}", shape, (f"{encoder}.convolutions.{i}.{part}",))
    size = config.num_character_filters
    for i in range(config.num_highway_layers):
        for part, shape in (("weight", (2 * size, size)), ("bias", (2 * size,))):
            parameters = tuple(f"{encoder}.highway_layers.{i}.{name}.{part}" for name in ("transform", "gate"))
            yield Dataset(f"{CHARACTERS}_highways._layers.{i}.{part}", shape, parameters, _split_highway)
    for part, shape in (("weight", (config.projection_size, size)), ("bias", (config.projection_size,))):
        yield Dataset(f"{CHARACTERS}_projection.{part}", shape, (f"{encoder}.projection.{part}",))
    gates = 4 * config.cell_size
    for direction, layer in product(("forward", "backward"), range(config.num_hidden_layers)):
        for name, shape, parameter in (
            ("input_linearity.weight", (gates, config.projection_size), "weight_ih"),
            ("state_linearity.weight", (gates, config.projection_size), "weight_hh"),
            ("state_linearity.bias", (gates,), "bias"),
            ("state_projection.weight", (config.projection_size, config.cell_size), "weight_hr"),
        ):
            module = f"{LSTMS}{direction}_layer_{layer}"
            yield Dataset(f"{module}.{name}", shape, (f"layers.{layer}.{direction}_lstm.{parameter}",))
    if has_mixes:
        for k in range(config.num_output_representations):
            yield Dataset(f"scalar_mix_{k}.gamma", (1,), (f"scalar_mixes.{k}.gamma",))
            for j in range(config.num_hidden_layers + 1):
                yield Dataset(f"scalar_mix_{k}.scalar_parameters.{j}", (1,), (f"scalar_mixes.{k}.weight.{j}",))


def _split_highway(values: np.ndarray) -> tuple[np.ndarray, ...]:
    # AllenNLP's gate is that of the input, ours that of the transformed input.
    transform, gate = np.split(values, 2)
    return transform, -gate


def _notes(
    file: str,
    state: Mapping[str, torch.Tensor],
    prefix: str,
    settings: _Settings,
    options: Path | str,
    code: str | None,
) -> list[str]:
    """Says where the options are from, and what of the archive is not in the converted model."""
    if isinstance(options, Path):
        notes = [f"Clips and activation are those of {options.name}."]
    else:
        notes = [f"Clips and activation are those of the published model {options}, which config.json stands for."]
    if not settings.path:
        notes.append("config.json has no settings of this ELMo: its biLM is frozen, and its dropout is 0.5.")
    parent = prefix.removesuffix("_elmo." if code is None else f"elmo_{code}.")
    if settings.values.get("projection_dim") and (projection := state.get(f"{parent}_projection.weight")) is not None:
        notes.append(
            f"The embedder's own projection is left out: {parent}_projection in {file}, {tuple(projection.shape)}. "
            "It follows the scalar mix; vectors here are the mix itself."
        )
    if code is not None:
        notes.append(
            f"The matrix that aligns the vectors with those of other languages is left out: {parent}aligning_{code} in "
            f"{file}; multiply vectors with its transpose to align them."
        )
    kept = (prefix, f"{parent}_projection.", f"{parent}aligning_")
    others = dict.fromkeys(name.partition(".")[0] for name in state if not name.startswith(kept))
    if others:
        notes.append(f"Parts of the AllenNLP model beside this ELMo are left out: {_list(others)}.")
    return notes


def _expected_layers(
    state: Mapping[str, torch.Tensor], prefix: str, config: ElmoConfig, words: Sequence[str]
) -> np.ndarray:
    """Returns all layers computed by the equations, `[L + 1, words + 2, 2P]`."""
    rows = [reference.character_ids(word, config.max_characters_per_token) for word in ("<S>", *words, "</S>")]
    encoder = f"{prefix}{CHARACTERS}"
    x = reference.float64(state, f"{encoder}_char_embedding_weights")[np.array(rows)]
    names = [f"{encoder}char_conv_{i}" for i in range(len(config.character_filters))]
    x = torch_reference.convolutions(state, names, x, config.hidden_act)
    for i in range(config.num_highway_layers):
        x = torch_reference.highway(state, f"{encoder}_highways._layers.{i}", x)
    x = torch_reference.linear(state, f"{encoder}_projection", x)
    return torch_reference.bilm_layers(
        state, f"{prefix}{LSTMS}", x, config.num_hidden_layers, config.cell_clip, config.projection_clip
    )
