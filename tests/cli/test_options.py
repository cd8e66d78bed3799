# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands of `elmo`, their arguments and their options are a contract."""

import typing

import pytest
from typer.main import get_command

from modeling_elmo.cli.app import app


# For each command: arguments, then options, each with its default and its choices.
COMMANDS = {
    "convert": [
        ("[SOURCE] OUT_DIR", "required"),
        ("--options", None),
        ("--weights", None),
        ("--vocab", None),
        ("--no-vocab", False),
        ("--token-embeddings", None),
        ("--dtype", "float32", "float32|bfloat16|float16|int8"),
        ("--mirror", None),
        ("--cache-dir", None),
        ("--embedder", None),
        ("--force", False),
        ("--license", None),
        ("--language", []),
        ("--push-to-hub", None),
        ("--list", False),
    ],
    "push": [
        ("MODEL", "required"),
        ("ORG/NAME", "required"),
        ("--private", False),
        ("--revision", None),
        ("--commit-message", None),
        ("--license", None),
        ("--language", []),
    ],
    "export": [
        ("MODEL", "required"),
        ("OUT_DIR", "required"),
        ("--format", "original", "original|onnx"),
        ("--token-embeddings --no-token-embeddings", None),
        ("--dtype", "float32", "float32|float16|int8"),
        ("--softmax", False),
        ("--state", False),
        ("--force", False),
    ],
    "build-vocab": [
        ("TEXT...", "required"),
        ("--output -o", "required"),
        ("--size", None),
        ("--min-count", 1),
        ("--tokenized --raw", True),
        ("--language", None),
        ("--replace-invalid", False),
        ("--strict", False),
    ],
    "pretrain": [
        ("--output", "required"),
        ("--train", "required"),
        ("--eval", []),
        ("--vocab", None),
        ("--preset", None, "tiny|small|medium|original"),
        ("--token-input", None, "characters|words"),
        ("--tie-word-embeddings", False),
        ("--model", None),
        ("--tokenized --raw", True),
        ("--language", None),
        ("--replace-invalid", False),
        ("--strict", False),
        ("--min-coverage", 0.5),
        ("--max-steps", None),
        ("--epochs", None),
        ("--batch-size", 128),
        ("--num-steps", 20),
        ("--sentence-per-row", False),
        ("--optimizer", "adagrad", "adagrad|adamw"),
        ("--learning-rate", None),
        ("--max-grad-norm", 10.0),
        ("--gradient-accumulation-steps", 1),
        ("--negative-samples", None),
        ("--dropout", None),
        ("--bf16", False),
        ("--seed", 0),
        ("--save-steps", 1000),
        ("--keep", 2),
        ("--eval-steps", 1000),
        ("--logging-steps", 100),
        ("--resume --no-resume", True),
    ],
    "evaluate": [
        ("MODEL", "required"),
        ("TEXT...", "required"),
        ("--tokenized --raw", True),
        ("--replace-invalid", False),
        ("--strict", False),
        ("--min-coverage", 0.5),
        ("--batch-size", 32),
        ("--num-steps", 20),
        ("--sentence-per-row", False),
        ("--as-bilm-tf", False),
    ],
    "embed": [
        ("MODEL", "required"),
        ("INPUT", "required"),
        ("OUTPUT", "required"),
        ("--layers", "all"),
        ("--pool", "none", "none|mean|max|first-last"),
        ("--dtype", "float32", "float32|bfloat16|float16"),
        ("--int8", False),
        ("--keep-boundaries", False),
        ("--tokenized --raw", True),
        ("--split-sentences", False),
        ("--column", None),
        ("--format", None, "hdf5|parquet|safetensors"),
        ("--batch-words", 4096),
        ("--shard-size", 256),
        ("--carry-state", False),
        ("--forget-sentences", False),
        ("--replace-invalid", False),
        ("--strict", False),
        ("--force", False),
    ],
    "neighbors": [
        ("MODEL", "required"),
        ("CORPUS", "required"),
        ("SENTENCE", "required"),
        ("--top-k", 10),
        ("--layer", "top"),
        ("--any-word", False),
        ("--tokenized --raw", True),
        ("--column", None),
        ("--replace-invalid", False),
    ],
    "doctor": [],
}


def test_the_commands_are_those_listed():
    assert list(get_command(app).commands) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_arguments_and_options_listed(name):
    (function,) = (
        each.callback for each in app.registered_commands if each.callback.__name__ == name.replace("-", "_")
    )
    types = typing.get_type_hints(function)
    found = []
    for parameter in get_command(app).commands[name].params:
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        default = "required" if parameter.required else parameter.default
        row = [" ".join([*parameter.opts, *parameter.secondary_opts]) if is_option else parameter.metavar, default]
        # A choice, or a choice or None.
        for each in (types[parameter.name], *typing.get_args(types[parameter.name])):
            if typing.get_origin(each) is typing.Literal:
                row.append("|".join(typing.get_args(each)))
        found.append(tuple(row))
    assert found == COMMANDS[name]
