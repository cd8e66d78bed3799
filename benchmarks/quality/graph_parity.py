# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Graphs against the fast path: the largest difference of torch.export and ONNX Runtime, for random models.

    python -m benchmarks.quality.graph_parity --count 20

Configs, heads, masks, segments and states are random. `--model` compares model directories instead.
"""

import random
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import transformers
import typer

from modeling_elmo import (
    ElmoConfig,
    ElmoForMaskedLM,
    ElmoForMultipleChoice,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
    ElmoTokenizer,
)
from modeling_elmo.model.pretrained import ElmoPreTrainedModel
from modeling_elmo.onnx import OnnxElmo
from modeling_elmo.onnx.export import GraphModel, OnnxOptions, export_onnx


HEADS: list[tuple[type[ElmoPreTrainedModel], dict[str, Any]]] = [
    (ElmoModel, {}),
    (ElmoForMaskedLM, {}),
    (ElmoForTokenClassification, {"num_labels": 3, "word_vector_size": 4}),
    (ElmoForTokenClassification, {"id2label": {0: "O", 1: "B-X", 2: "I-X"}, "use_crf": True, "label_scheme": "BIO"}),
    (ElmoForSequenceClassification, {"pooling": ["attention", "max", "mean"], "task_lstm_layers": 2}),
    (ElmoForSequenceClassification, {"num_segments": 2}),
    (ElmoForQuestionAnswering, {"allows_no_answer": True}),
    (ElmoForMultipleChoice, {}),
]
VOCABULARY = 30
BATCHES = 4


def random_config(rng: random.Random, fields: dict[str, Any]) -> ElmoConfig:
    """Returns the config of a small model of any kind."""
    projection, is_projected = rng.randint(1, 8), rng.random() < 0.7
    kind = rng.choice(["characters", "characters", "words", "characters_and_words"])
    length = rng.randint(7, 20)
    filters = [[rng.randint(1, min(5, length)), rng.randint(1, 6)] for _ in range(rng.randint(1, 3))]
    settings = {
        "cell_size": rng.randint(projection + 1, 16) if is_projected else projection,
        "projection_size": projection,
        "character_embedding_size": rng.randint(1, 5),
        "character_filters": filters,
        "max_characters_per_token": length,
        "num_highway_layers": rng.randint(0, 2),
        "num_hidden_layers": rng.randint(1, 3),
        "use_skip_connections": rng.random() < 0.5,
        "hidden_act": rng.choice(["relu", "tanh"]),
        "cell_clip": rng.choice([None, 0.1, 3.0]),
        "projection_clip": rng.choice([None, 0.1, 3.0]),
        "forget_bias": rng.choice([0.0, 1.0]),
        "mix_layer_norm": rng.random() < 0.3,
        "task_lstm_size": rng.randint(1, 6),
        "vocab_size": VOCABULARY,
        "token_input": kind,
    }
    if kind != "characters":
        settings |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 3}
    if kind == "characters_and_words":
        settings["word_embedding_size"] = 4
    return ElmoConfig(**{**settings, **fields})


def randomize(model: ElmoPreTrainedModel) -> ElmoPreTrainedModel:
    """Gives all weights values that matter."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4)
    return model.eval()


def random_inputs(model: ElmoPreTrainedModel, reads_two: bool, has_state: bool) -> dict[str, torch.Tensor]:
    """Returns inputs of random sizes, masks and segments."""
    config = model.config
    shape = tuple(torch.randint(1, 5, (1,)).tolist() + torch.randint(3, 12, (1,)).tolist())
    mask = torch.rand(shape) > 0.3
    if reads_two:
        mask[:, :2] = True
    size = config.max_characters_per_token
    characters = torch.randint(1, 257, (*shape, size))
    length = torch.randint(3, size + 1, (*shape, 1))
    characters = torch.where(torch.arange(size) < length, characters, config.pad_character_id) * mask.unsqueeze(-1)
    types = torch.zeros(shape, dtype=torch.long)
    if reads_two:
        types[:, 1:] = 1
    elif isinstance(model, (ElmoModel, ElmoForMaskedLM)) and not has_state:
        types = torch.randint(0, 2, shape)
    inputs = {
        "input_ids": torch.randint(0, VOCABULARY, shape),
        "character_ids": characters,
        "attention_mask": mask.long(),
        "token_type_ids": types,
    }
    if isinstance(model, ElmoForMultipleChoice):
        inputs = {name: value.unsqueeze(0) for name, value in inputs.items()}
    if has_state:
        for name, width in (("hidden", config.projection_size), ("cell", config.cell_size)):
            inputs[name] = torch.randn(2 * config.num_hidden_layers, shape[0], width)
    return inputs


def largest_differences(model: ElmoPreTrainedModel, model_dir: Path, has_state: bool, reads_two: bool) -> list[float]:
    """Returns the largest difference of torch.export's program and of ONNX Runtime to the fast path."""
    graph_model = GraphModel(model, has_state).eval()
    with tempfile.TemporaryDirectory() as directory:
        options = OnnxOptions(has_softmax=isinstance(model, ElmoForMaskedLM), has_state=has_state)
        export_onnx(model_dir, Path(directory, "onnx"), options)
        elmo = OnnxElmo(Path(directory, "onnx"))
        example, dimensions = graph_model.example()
        program = torch.export.export(graph_model, example, dynamic_shapes=(dimensions,), strict=False).module()
        worst = [0.0, 0.0]
        for _ in range(BATCHES):
            inputs = random_inputs(model, reads_two, has_state)
            inputs = {name: inputs[name] for name in graph_model.inputs}
            expected = graph_model(*inputs.values())
            by_onnx = elmo.session.run(None, {name: value.numpy() for name, value in inputs.items()})
            for index, found in enumerate((program(*inputs.values()), map(torch.from_numpy, by_onnx))):
                differences = [(one - other).abs().max().item() for one, other in zip(found, expected)]
                worst[index] = float(np.max([worst[index], *differences]))
    return worst


@torch.no_grad()
def main(
    count: Annotated[int, typer.Option(min=1, help="Number of random models.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of configs, weights and inputs.")] = 0,
    model: Annotated[list[Path], typer.Option(help="Compare the biLM of a directory instead; may be repeated.")] = [],  # noqa: B006
) -> None:
    """Compare graphs with the fast path."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    rng = random.Random(seed)
    torch.manual_seed(seed)
    worst: dict[str, list[list[float]]] = defaultdict(list)
    for path in model:
        loaded = ElmoModel.from_pretrained(path).eval()
        worst[str(path)].append(largest_differences(loaded, path, has_state=True, reads_two=False))
    for index in range(0 if model else count):
        model_class, fields = HEADS[index % len(HEADS)]
        one = randomize(model_class(random_config(rng, fields)))
        has_state = model_class is ElmoModel and rng.random() < 0.5
        reads_two = fields.get("num_segments") == 2 or model_class in (ElmoForQuestionAnswering, ElmoForMultipleChoice)
        with tempfile.TemporaryDirectory() as directory:
            one.save_pretrained(directory)
            words = ["<S>", "</S>", "<UNK>"]
            length = one.config.max_characters_per_token
            ElmoTokenizer(vocab=words, max_characters_per_token=length).save_pretrained(directory)
            found = largest_differences(one, Path(directory), has_state, reads_two)
        kind = f"{model_class.__name__} {fields}, {one.config.token_input}" + ", state" * has_state
        worst[kind].append(found)
        print(f"{index + 1:3} {found[0]:.1e} {found[1]:.1e} {kind}", flush=True)
    print(f"\n{'torch.export':>12} {'ONNX':>8}  largest difference to the fast path")
    for kind, values in sorted(worst.items()):
        by_export, by_onnx = np.max(values, axis=0)
        print(f"{by_export:12.1e} {by_onnx:8.1e}  {kind}")


if __name__ == "__main__":
    typer.run(main)
