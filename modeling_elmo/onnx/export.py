# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model directory -> a directory with `model.onnx` and all that is needed to run it.

torch.export records the model, torch's exporter writes its operators as those of ONNX. The loops over words are `Scan`
operators; see `modeling_elmo/model/scan.py`.

Dimensions: B batch, W words of a padded row, C characters per word, P projection, H cells.
"""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub import ModelCardData
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from onnxscript import optimizer
from torch import nn

from ..files.atomic import new_directory
from ..files.errors import ElmoFormatError
from ..files.model_directory import check_model_directory, load_model
from ..files.progress import step
from ..hub.model_card import class_name
from ..model import modeling_elmo
from ..model.bilm import ElmoModel
from ..model.characters import CodePointCharacters
from ..model.configuration_elmo import ElmoConfig
from ..model.int8_weights import Int8Linear
from ..model.language_model import ElmoForMaskedLM, ElmoPreTrainedLanguageModel
from ..model.lstm import Int8LSTM, ProjectedLSTM
from ..model.pretrained import ElmoPreTrainedModel
from ..model.task_models import ElmoForMultipleChoice, ElmoForQuestionAnswering, ElmoPreTrainedTaskModel
from ..model.tokenization_elmo import ElmoTokenizer
from . import onnx_elmo
from .weights import store_as, weights_of


# The first version with all operators here. ONNX Runtime 1.17 and later run it.
OPSET = 18

# Bytes of one protobuf message. Larger weights go to a separate file, `model.onnx.data`.
MAX_MESSAGE_BYTES = 2**31 - 2**20

# Sizes of the example that torch.export records. All different, so that it doesn't take one for another.
EXAMPLE_BATCH, EXAMPLE_CHOICES, EXAMPLE_WORDS = 3, 4, 7


class GraphModel(nn.Module):
    """A model with tensors as arguments and results, in the order of its `inputs` and `outputs`."""

    def __init__(self, model: ElmoPreTrainedModel, has_state: bool):
        super().__init__()
        self.model = model
        self.has_state = has_state
        config = model.config
        is_task = isinstance(model, ElmoPreTrainedTaskModel)
        self.inputs = ["input_ids"] if config.reads_words or (is_task and config.word_vector_size) else []
        self.inputs += ["character_ids"] if config.reads_characters else []
        self.inputs += ["attention_mask", "token_type_ids"]
        layers = [f"hidden_states.{layer}" for layer in range(config.num_hidden_layers + 1)]
        if isinstance(model, ElmoModel):
            self.outputs = ["last_hidden_state", *layers]
        elif isinstance(model, ElmoForQuestionAnswering):
            self.outputs = ["start_logits", "end_logits"]
        else:
            self.outputs = ["logits", *(layers if isinstance(model, ElmoForMaskedLM) else [])]
        if has_state:
            self.inputs += ["hidden", "cell"]
            self.outputs += ["new_hidden", "new_cell"]

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        arguments: dict[str, Any] = dict(zip(self.inputs, tensors))
        if self.has_state:
            arguments |= {"state": (arguments.pop("hidden"), arguments.pop("cell")), "use_cache": True}
        found = self.model(**arguments, output_hidden_states=any("." in name for name in self.outputs))
        values = {f"hidden_states.{index}": layer for index, layer in enumerate(found.hidden_states or ())}
        if self.has_state:
            values |= dict(zip(("new_hidden", "new_cell"), found.state))
        return tuple(values[name] if name in values else found[name] for name in self.outputs)

    def example(self) -> tuple[tuple[torch.Tensor, ...], tuple[dict[int, Any], ...]]:
        """Returns inputs, and which of their dimensions are free."""
        config, batch = self.model.config, torch.export.Dim("batch")
        words = torch.export.Dim("words")
        shape: tuple[int, ...] = (EXAMPLE_BATCH, EXAMPLE_WORDS)
        free = {0: batch, 1: words}
        if isinstance(self.model, ElmoForMultipleChoice):
            shape = (EXAMPLE_BATCH, EXAMPLE_CHOICES, EXAMPLE_WORDS)
            free = {0: batch, 1: torch.export.Dim("choices"), 2: words}
        # The second half of each row is the second text.
        second = (torch.arange(EXAMPLE_WORDS) > EXAMPLE_WORDS // 2).long().expand(shape).contiguous()
        inputs, dimensions = [], []
        for name in self.inputs:
            dimensions.append(dict(free))
            if name == "character_ids":
                size = config.max_characters_per_token
                widest = max(width for width, _ in config.character_filters)
                inputs.append(torch.ones(*shape, size, dtype=torch.long))
                if widest + 1 < size:
                    # One window alone would be a special case to torch.
                    dimensions[-1][len(shape)] = torch.export.Dim("characters", min=widest + 1, max=size)
            elif name in ("hidden", "cell"):
                size = config.projection_size if name == "hidden" else config.cell_size
                inputs.append(torch.zeros(2 * config.num_hidden_layers, EXAMPLE_BATCH, size))
                dimensions[-1] = {1: batch}
            elif name == "token_type_ids":
                inputs.append(second)
            else:
                # A separate tensor: torch.export would take two inputs that share one for a single input.
                inputs.append(torch.ones(shape, dtype=torch.long))
        return tuple(inputs), tuple(dimensions)


@dataclass(frozen=True)
class OnnxOptions:
    """What to export.

    Attributes:
        dtype (`str`): How weights are stored: `"float32"`, `"float16"` (half the size; computed in float32) or `"int8"`
            (a quarter of the size; not exact).
        has_softmax (`bool`): Whether to include the softmax of a language model: `logits` as of `ElmoForMaskedLM`.
        has_state (`bool`): Whether the LSTMs' states are inputs and outputs. Only for models without a head.
    """

    dtype: Literal["float32", "float16", "int8"] = "float32"
    has_softmax: bool = False
    has_state: bool = False


def export_onnx(model_dir: Path, out_dir: Path, options: OnnxOptions = OnnxOptions(), force: bool = False) -> list[str]:
    """Writes a directory with `model.onnx`, the tokenizer, `onnx_elmo.py` and a card. Returns the outputs' names.

    The model is that of the directory's config: a task model with its head; a language model without its softmax unless
    requested.

    Raises:
        `ElmoFormatError`: If the directory holds no complete ELMo model, or not what the options request. Nothing is
            left behind.
    """
    check_model_directory(model_dir)
    with new_directory(out_dir, force=force, sources=[model_dir]) as target:
        model = _load(model_dir, options)
        tokenizer = ElmoTokenizer.from_pretrained(model_dir)
        graph_model = GraphModel(model, options.has_state).eval()
        with step("Recording the model as ONNX"):
            program = _program(graph_model)
        store_as(program.model, options.dtype)
        about = facts(model.config, tokenizer) | {"num_texts": getattr(model, "max_segments", None)}
        program.model.metadata_props["elmo"] = json.dumps(about, ensure_ascii=False)
        size = sum(int(tensor.nbytes) for _, _, tensor in weights_of(program.model))
        with step("Writing model.onnx"):
            program.save(str(target / "model.onnx"), external_data=size > MAX_MESSAGE_BYTES)
        _save_json_files(model.config, tokenizer, target)
        shutil.copy(onnx_elmo.__file__, target)
        (target / "README.md").write_text(_card(graph_model, options), encoding="utf-8")
    return graph_model.outputs


def _save_json_files(config: ElmoConfig, tokenizer: ElmoTokenizer, target: Path) -> None:
    """Writes what `save_pretrained` does, without the code that goes along with a model for torch."""
    with tempfile.TemporaryDirectory() as directory:
        config.save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        for path in sorted(Path(directory).glob("*.json")):
            content = json.loads(path.read_bytes())
            for name in ("auto_map", "quantization_config"):
                content.pop(name, None)
            text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
            (target / path.name).write_text(text, encoding="utf-8", newline="\n")


def _load(model_dir: Path, options: OnnxOptions) -> ElmoPreTrainedModel:
    config = ElmoConfig.from_pretrained(model_dir)
    name = class_name(config)
    for other in config.architectures or ():
        if other != name and hasattr(modeling_elmo, other):
            raise ElmoFormatError(
                f"{model_dir}: {other} can't be exported to ONNX; save the ELMo in it, ElmoModel.from_pretrained(...)"
            )
    model_class: Any = getattr(modeling_elmo, name)
    is_language_model = issubclass(model_class, ElmoPreTrainedLanguageModel)
    if is_language_model:
        model_class = ElmoForMaskedLM if options.has_softmax else ElmoModel
    elif options.has_softmax:
        raise ElmoFormatError(f"{model_dir}: --softmax (has_softmax) requires a language model, found {name}")
    if options.has_state and model_class is not ElmoModel:
        raise ElmoFormatError(
            f"{model_dir}: --state (has_state) requires a model without a head, found {model_class.__name__}"
        )
    model, missing = load_model(model_class, model_dir, dtype=torch.float32)
    if is_language_model and options.has_softmax and any(name.startswith("lm_head.") for name in missing):
        raise ElmoFormatError(f"{model_dir}: --softmax (has_softmax) requires the weights of the softmax, found none")
    _replace_int8(model)
    return model.eval()


def _replace_int8(model: ElmoPreTrainedModel) -> None:
    """Replaces int8 layers by those of float32 with the same values: torch.export can't read packed weights."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            layer: nn.Module
            if isinstance(child, Int8LSTM):
                layer = ProjectedLSTM(model.config)
                ih, hh, bias, hr = child.plain_weights(torch.float32)
                state = {"weight_ih": ih, "weight_hh": hh, "bias": bias, "weight_hr": hr}
            elif isinstance(child, Int8Linear):
                weight = child.weight.dequantized()
                layer = nn.Linear(weight.shape[1], weight.shape[0], bias=child.bias is not None)
                state = {"weight": weight, "bias": child.bias}
            else:
                continue
            layer.load_state_dict({key: value for key, value in state.items() if value is not None})
            setattr(parent, name, layer)


@torch.no_grad()
def _program(graph_model: GraphModel) -> torch.onnx.ONNXProgram:
    inputs, dimensions = graph_model.example()
    with _without_noise():
        program = torch.export.export(graph_model, inputs, dynamic_shapes=(dimensions,), strict=False)
        onnx_program = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=graph_model.inputs,
            output_names=graph_model.outputs,
            verbose=False,
        )
        assert onnx_program is not None
        # Slices and copies of weights, which the exporter leaves if they are large.
        limit = MAX_MESSAGE_BYTES
        optimizer.optimize_ir(onnx_program.model, input_size_limit=limit, output_size_limit=limit)
        # Traces with paths of this machine, larger than a small model.
        ClearMetadataAndDocStringPass()(onnx_program.model)
    return onnx_program


@contextmanager
def _without_noise() -> Iterator[None]:
    """Hides what the exporter says about itself: packages that it would use, its own deprecated calls."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def facts(config: ElmoConfig, tokenizer: ElmoTokenizer) -> dict[str, Any]:
    """Returns what `OnnxElmo` needs to know about the inputs, for the metadata of the model."""
    characters = tokenizer.characters
    first, second = characters.boundary_ids().tolist()
    vocabulary = characters.vocabulary if isinstance(characters, CodePointCharacters) else None
    names = [] if vocabulary is None else vocabulary["characters"]
    boundary_ids = {tokenizer.bos_token: first[1], tokenizer.eos_token: second[1]}
    processor = json.loads(tokenizer.backend_tokenizer.to_str())["post_processor"] or {}
    return {
        "begin_word_id": first[0],
        "end_word_id": first[2],
        "pad_character_id": config.pad_character_id,
        "unknown_character_id": None if vocabulary is None else names.index(vocabulary["unknown"]) + 1,
        # Code points by id, from 1; none if characters are UTF-8 bytes plus 1.
        "characters": names,
        "max_characters_per_token": tokenizer.max_characters_per_token,
        "widest_filter": max(width for width, _ in config.character_filters),
        "max_lookup_characters": tokenizer.max_lookup_characters,
        "pad_token_id": tokenizer.pad_token_id,
        "unk_token_id": tokenizer.unk_token_id,
        "special_tokens": tokenizer.all_special_tokens,
        # What a row consists of, for one text and for two.
        "template": [
            [_part(part, boundary_ids, tokenizer) for part in processor.get(kind, [])] for kind in ("single", "pair")
        ],
    }


def _part(part: dict[str, Any], boundary_ids: dict[Any, int], tokenizer: ElmoTokenizer) -> dict[str, int]:
    if text := part.get("Sequence"):
        return {"text": "AB".index(text["id"]), "type_id": text["type_id"]}
    token = part["SpecialToken"]
    id = tokenizer.convert_tokens_to_ids(token["id"])
    return {"id": id, "character_id": boundary_ids[token["id"]], "type_id": token["type_id"]}


def _card(graph_model: GraphModel, options: OnnxOptions) -> str:
    model, config = graph_model.model, graph_model.model.config
    rows = "batch, choices" if isinstance(model, ElmoForMultipleChoice) else "batch"
    second = ', ["Where is the bank?"]' if getattr(model, "max_segments", None) == 2 else ""
    widths = [width for width, _ in config.character_filters]
    data = ModelCardData(library_name="onnx", tags=["elmo", "onnx"])
    stored = {
        "float32": "float32",
        "float16": "float16, computed in float32",
        "int8": "int8, with a scale for each block of 32 inputs; vectors are near those of float32, not equal",
    }
    sizes = {
        "input_ids": f"int64 ({rows}, words)",
        "character_ids": f"int64 ({rows}, words, characters)",
        "attention_mask": f"int64 ({rows}, words): 1 at real words",
        "token_type_ids": f"int64 ({rows}, words): a run of equal ids is a separate sentence; zeros for one text",
        "hidden": "float32 (2 * layers, batch, projection): zeros to begin with",
        "cell": "float32 (2 * layers, batch, cells): zeros to begin with",
    }
    outputs = {
        "last_hidden_state": f"float32 (batch, words, {config.hidden_size}): ELMo vectors, the mix of the layers",
        "logits": "float32: scores of labels, or of the words of the vocabulary",
    }
    lines = [f"| `{name}` | {sizes[name]} |" for name in graph_model.inputs]
    outcome = [f"| `{name}` | {outputs.get(name, 'float32')} |" for name in graph_model.outputs]
    return "\n".join(
        [
            f"---\n{data.to_yaml()}\n---",
            "# ELMo in ONNX",
            "",
            f"`{type(model).__name__}` (Peters et al. 2018) for ONNX Runtime. Its weights are",
            f"{stored[options.dtype]}.",
            "",
            "Made by `elmo export --format onnx` of modeling-elmo.",
            "",
            "```bash",
            "pip install onnxruntime tokenizers",
            "```",
            "",
            "```python",
            "from onnx_elmo import OnnxElmo  # onnx_elmo.py in this directory",
            "",
            'elmo = OnnxElmo(".")',
            f'outputs = elmo(["The bank of the river."]{second})  # each output by its name',
            "```",
            "",
            "| input | |",
            "| --- | --- |",
            *lines,
            "",
            "| output | |",
            "| --- | --- |",
            *outcome,
            "",
            f"A word has {config.max_characters_per_token} character ids. In a batch of short words, it may have",
            f"fewer: those of the longest, marks included, and {max(widths)} of padding.",
            "",
        ]
    )
