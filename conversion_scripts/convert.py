# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`ConvertedModel` -> a model directory for transformers, checked against the original equations."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from modeling_elmo.files.atomic import new_directory
from modeling_elmo.files.model_directory import load_model
from modeling_elmo.files.progress import step
from modeling_elmo.model.bilm import ElmoModel
from modeling_elmo.model.configuration_elmo import ElmoConfig
from modeling_elmo.model.language_model import ElmoForPreTraining
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer
from modeling_elmo.model.word_splitting import LANGUAGES

from .conversion_card import conversion_card
from .converted_model import ConvertedModel, StoredTensor
from .original_files import OriginalFiles
from .original_hdf5 import read_original
from .parity import measure_parity
from .safetensors_writer import write_safetensors


def convert(
    source: OriginalFiles | ConvertedModel,
    out_dir: Path,
    dtype: str = "float32",
    force: bool = False,
    license: str | None = None,
    language: Sequence[str] | None = None,
) -> None:
    """Writes a model directory: config, safetensors, tokenizer, code files for `trust_remote_code` and model card.

    The model is compared with the original equations, and the card lists the differences.

    Args:
        source (`OriginalFiles` or `ConvertedModel`): What to convert, see `open_source`.
        out_dir (`Path`): The directory to make. It appears only once it is complete.
        dtype (`str`): `"float32"`, `"bfloat16"` or `"float16"`, for `OriginalFiles`. `"int8"` rounds the weights of
            either kind of source after the comparison; see `modeling_elmo/model/quantization.py`.
        force (`bool`): Whether to replace an `out_dir` that is not empty.
        license (`str`, *optional*): The license for the card, by its name on the Hub.
        language (`Sequence[str]`, *optional*): ISO codes of the languages for the card. Defaults to that of `source`.
            A single one also chooses the tokenizer's word rules.

    Raises:
        `ElmoFormatError`: If a file is not in the expected format. Nothing is left behind.
    """
    files = source.files if isinstance(source, ConvertedModel) else source.all()
    with new_directory(out_dir, force=force, sources=files) as target:
        model = (
            source
            if isinstance(source, ConvertedModel)
            else read_original(source, "float32" if dtype == "int8" else dtype)
        )
        codes = set(language or model.language)
        if len(codes) == 1 and codes != {"en"}:
            model.tokenizer.set_language(code if (code := codes.pop()) in LANGUAGES else "xx")
        save_model_directory(target, model.config, model.parameters, model.tokenizer)
        model.parameters = {}  # Frees memory for the measurement.
        with step("Comparing with the original equations"):
            differences = measure_parity(target, model)
        if dtype == "int8":
            with step("Rounding to int8"):
                _quantize(target, model)
        card = conversion_card(model, differences, license, language)
        (target / "README.md").write_text(card, encoding="utf-8")


def _model_class(config: ElmoConfig) -> type[ElmoForPreTraining] | type[ElmoModel]:
    return ElmoForPreTraining if config.architectures == ["ElmoForPreTraining"] else ElmoModel


def _quantize(target: Path, source: ConvertedModel) -> None:
    """Rounds the weights of a model directory to int8."""
    model, _ = load_model(_model_class(source.config), target)
    model.quantize()
    # Not into the file that the loaded weights may still be read from.
    state = model.state_dict()
    names = sorted(state.keys() - model.all_tied_weights_keys)
    save_file({name: state[name] for name in names}, target / "int8.safetensors", {"format": "pt"})
    (target / "int8.safetensors").replace(target / "model.safetensors")
    model.config.save_pretrained(target)
    source.notes.append("The large weights were rounded to int8, with a scale per row, after the comparison below.")


def save_model_directory(
    target: Path,
    config: ElmoConfig,
    parameters: Mapping[str, torch.Tensor | StoredTensor],
    tokenizer: ElmoTokenizer,
) -> None:
    """Writes everything except the model card. Scalar mixes that the source lacks are initialised for training."""
    parameters = dict(parameters)
    with torch.device("meta"):
        model = _model_class(config)(config)
    # Of weights that are shared, the file has one copy.
    names = model.state_dict().keys() - model.all_tied_weights_keys
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items() if name in names}
    dtype = next(iter(parameters.values())).dtype
    for name, shape in expected.items():
        if "scalar_mixes." in name and name not in parameters:
            parameters[name] = torch.full(shape, 1.0 if name.endswith("gamma") else 0.0, dtype=dtype)
    assert {name: tuple(value.shape) for name, value in parameters.items()} == expected
    config.save_pretrained(target)
    tokenizer.save_pretrained(target)
    write_safetensors(target / "model.safetensors", parameters)
