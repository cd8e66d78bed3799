# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs transformers' own tests of models, tokenizers and pipelines on those of ELMo and on a tiny BERT.

    pip download --no-binary :all: --no-deps transformers==5.23.0
    tar xzf transformers-5.23.0.tar.gz
    python -m benchmarks.quality.transformers_suites transformers-5.23.0

Prints what passed, failed and was skipped by suite, and the error of each failure: docs/with_transformers.md has its
reason. Nothing is downloaded: tokenizers and models are made in temporary folders.

PyPI's archive has no `tests/pipelines`, without which pipelines are left out: a checkout of the repository of
transformers has them, and `utils/test_module`, which they import. The tests of exporters and generation are replaced by
empty classes. Requires pytest, parameterized and jinja2, for pipelines also datasets.
"""

import argparse
import collections
import importlib
import json
import os
import string
import sys
import tempfile
import types
import unittest
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizer,
)
from transformers.models.auto import modeling_auto
from transformers.pipelines import PIPELINE_REGISTRY

from modeling_elmo import (
    ElmoConfig,
    ElmoForMaskedLM,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
    ElmoTokenizer,
)
from modeling_elmo.model.characters import MARKS


VOCAB_SIZE, BATCH_SIZE, NUM_WORDS = 40, 3, 7

ELMO = (ElmoModel, ElmoForMaskedLM, ElmoForSequenceClassification, ElmoForTokenClassification)
BERT = (BertModel, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification)

TASKS = ("feature-extraction", "fill-mask", "text-classification", "token-classification")
WORDS = (
    "the a of and to in is it this that was with on as for test method inputs these some words first second sentence "
    "one hello world name my he she very happy running great city another string time no example by at from . , ? '"
)

SIZES: dict[str, Any] = {"vocab_size": VOCAB_SIZE, "cell_size": 24, "projection_size": 16, "task_lstm_size": 8}
KINDS: dict[str, dict[str, Any]] = {
    "words": {"token_input": "words", "freeze_bilm": False},
    "characters": {"character_filters": [[1, 8], [3, 16]], "freeze_bilm": False},
    "frozen": {"character_filters": [[1, 8], [3, 16]]},
}


class Tester:
    """Makes the configs and inputs of one kind of model, as the testers in transformers do."""

    batch_size, seq_length, num_hidden_layers, hidden_size = BATCH_SIZE, NUM_WORDS, 2, 32
    num_attention_heads = 2
    is_training = True

    def __init__(self, kind: str):
        self.kind = kind

    def get_config(self, **kwargs: Any) -> Any:
        """Returns the config of a small model."""
        if self.kind == "BERT":
            sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32, "num_hidden_layers": 2}
            return BertConfig(**{"vocab_size": VOCAB_SIZE, **sizes, **kwargs})
        return ElmoConfig(**{**SIZES, **KINDS[self.kind], **kwargs})

    def prepare_config_and_inputs_for_common(self) -> tuple[Any, dict[str, torch.Tensor]]:
        """Returns a config and a batch without padding."""
        ids = torch.randint(5, VOCAB_SIZE - 2, (BATCH_SIZE, NUM_WORDS))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if self.kind in ("characters", "frozen"):
            inputs["character_ids"] = torch.randint(1, 257, (BATCH_SIZE, NUM_WORDS, 50))
        return self.get_config(), inputs


def prepare_for_class(
    self: Any, inputs: dict[str, torch.Tensor], model_class: Any, return_labels: bool = False
) -> dict[str, torch.Tensor]:
    """Returns a copy of the inputs, with labels if requested; replaces the method that knows built-in models alone."""
    inputs = {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in inputs.items()}
    if return_labels and "ForSequence" in model_class.__name__:
        inputs["labels"] = torch.zeros(BATCH_SIZE, dtype=torch.long)
    elif return_labels and "For" in model_class.__name__:
        inputs["labels"] = torch.zeros(BATCH_SIZE, NUM_WORDS, dtype=torch.long)
    return inputs


class Report:
    """Collects the outcomes of pytest."""

    def __init__(self) -> None:
        self.outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.failures: dict[str, dict[str, str]] = collections.defaultdict(dict)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Counts a test once: what it says when called, or why it was not."""
        *_, suite, test = report.nodeid.split("::")
        # Parts of a test, of which there is one for each model, fail with it.
        is_part, has_failed = hasattr(report, "context"), suite in self.failures.get(test, {})
        if (
            has_failed
            or (report.outcome != "failed" and is_part)
            or (report.outcome == "passed" and report.when != "call")
        ):
            return
        self.outcomes[suite][report.outcome] += 1
        if report.outcome == "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failures[test][suite] = (crash.message if crash else str(report.longrepr)).splitlines()[0][:160]


def stub(name: str, class_name: str) -> None:
    """Puts a module with one empty class where the archive has none."""
    module = types.ModuleType(name)
    setattr(module, class_name, type(class_name, (), {}))
    package = types.ModuleType(name.rpartition(".")[0])
    package.__path__ = []
    sys.modules.setdefault(package.__name__, package)
    sys.modules.setdefault(name, module)


def model_suites() -> dict[str, type]:
    """Returns the test cases of models, by kind of model."""
    stub("tests.exporters.test_export", "ExportTesterMixin")
    stub("tests.generation.test_utils", "GenerationTesterMixin")
    # The tests ask these tables which models have no loss, and they name built-in models alone.
    modeling_auto.MODEL_MAPPING_NAMES["elmo"] = "ElmoModel"
    mixin = importlib.import_module("tests.test_modeling_common").ModelTesterMixin
    found = {}
    for kind in ("BERT", *KINDS):
        attributes = {
            "all_model_classes": BERT if kind == "BERT" else ELMO,
            "has_attentions": kind == "BERT",
            "_prepare_for_class": prepare_for_class,
            "setUp": lambda self, kind=kind: setattr(self, "model_tester", Tester(kind)),
        }
        found[f"models_{kind}"] = type(f"models_{kind}", (mixin, unittest.TestCase), attributes)
    return found


def make_tokenizer(kind: str) -> Any:
    """Returns a tokenizer with a small vocabulary: of words, and for BERT of characters."""
    if kind == "BERT":
        characters = string.ascii_lowercase + string.digits + string.punctuation
        pieces = dict.fromkeys([*WORDS.split(), *characters, *(f"##{character}" for character in characters)])
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
        return BertTokenizer(vocab={token: index for index, token in enumerate(tokens)}, model_max_length=512)
    arguments: dict[str, Any] = {}
    if kind == "code_points":
        marks = {mark: f"<{mark}>" for mark in MARKS}
        arguments = {"characters": {**marks, "characters": [*marks.values(), *string.ascii_letters]}}
    return ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", *WORDS.split()], **arguments)


def tokenizer_suites(folder: Path) -> dict[str, type]:
    """Returns the test cases of tokenizers; those of transformers load theirs from the Hub."""
    mixins = (
        importlib.import_module("tests.test_tokenization_common").TokenizerTesterMixin,
        importlib.import_module("tests.test_tokenizers_backend_mixin").TokenizersBackendTesterMixin,
    )
    found = {}
    for kind in ("BERT", "bytes", "code_points"):
        tokenizer, directory = make_tokenizer(kind), str(folder / f"tokenizer_{kind}")
        tokenizer.save_pretrained(directory)
        attributes = {
            "tokenizer_class": type(tokenizer),
            "from_pretrained_id": [directory],
            "tokenizers_list": [(type(tokenizer), directory, {})],
            "tmpdirname": directory,
            "setUpClass": classmethod(lambda cls: None),
            "tearDownClass": classmethod(lambda cls: None),
        }
        found[f"tokenizers_{kind}"] = type(f"tokenizers_{kind}", (*mixins, unittest.TestCase), attributes)
    return found


def pipeline_suites(folder: Path) -> dict[str, type]:
    """Returns the test cases of pipelines, by kind of model. They know models on disk by a table of their classes."""
    table = {
        model_class.__name__: {"tokenizer_classes": [tokenizer_class.__name__], "processor_classes": []}
        for model_classes, tokenizer_class in ((BERT, BertTokenizer), (ELMO, ElmoTokenizer))
        for model_class in model_classes
    }
    (folder / "reports").mkdir()
    (folder / "reports" / "tiny_model_summary.json").write_text(json.dumps(table))
    os.environ["TRANSFORMERS_TINY_MODEL_PATH"] = str(folder)
    module: Any = importlib.import_module("tests.test_pipeline_mixin")
    module.transformers_module = types.SimpleNamespace(BertTokenizer=BertTokenizer, ElmoTokenizer=ElmoTokenizer)
    # The class that `pipeline("feature-extraction")` takes, for all models, since `modeling_elmo` was imported.
    features: Any = importlib.import_module("tests.pipelines.test_pipelines_feature_extraction")
    features.FeatureExtractionPipeline = PIPELINE_REGISTRY.supported_tasks["feature-extraction"]["impl"]
    found = {}
    for kind in ("BERT", *KINDS):
        tokenizer, model_classes = make_tokenizer(kind), BERT if kind == "BERT" else ELMO
        for model_class in model_classes:
            # Text classification is tested with pairs of texts, as zero-shot classification.
            pairs = {"num_segments": 2} if model_class is ElmoForSequenceClassification else {}
            model = model_class(Tester(kind).get_config(vocab_size=len(tokenizer), **pairs))
            directory = folder / kind / model.config.model_type / model_class.__name__
            model.save_pretrained(directory)
            tokenizer.save_pretrained(directory)
        attributes = {
            "pipeline_model_mapping": {**dict(zip(TASKS, model_classes)), "zero-shot": model_classes[2]},
            "setUp": lambda self, kind=kind: setattr(module, "TRANSFORMERS_TINY_MODEL_PATH", str(folder / kind)),
        }
        bases = (module.PipelineTesterMixin, unittest.TestCase)
        found[f"pipelines_{kind}"] = type(f"pipelines_{kind}", bases, attributes)
    return found


def suites(source: Path, folder: Path) -> dict[str, type]:
    """Returns all test cases; makes their tokenizers and models in a folder."""
    package = types.ModuleType("tests")
    package.__path__ = [str(source / "tests")]
    sys.modules["tests"] = package
    found = {**model_suites(), **tokenizer_suites(folder)}
    if (source / "tests" / "pipelines").is_dir():
        found |= pipeline_suites(folder)
    else:
        print(f"{source}: no tests/pipelines, so pipelines are left out", file=sys.stderr)
    for suite in found.values():
        suite.__module__ = "transformers_suites_cases"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="unpacked source archive of transformers")
    parser.add_argument("-k", default="", help="expression of pytest that selects tests")
    arguments = parser.parse_args()
    report = Report()
    cases = types.ModuleType("transformers_suites_cases")

    class Collector:
        """Gives pytest the test cases, which are in no file."""

        @staticmethod
        def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> Any:
            module = pytest.Module.from_parent(parent, path=module_path)
            module._getobj = lambda: cases
            return module

    options = ["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:warnings", "-c", os.devnull]
    with tempfile.TemporaryDirectory() as folder:
        vars(cases).update(suites(arguments.source, Path(folder)))
        pytest.main([__file__, *options, "-k", arguments.k], plugins=[report, Collector()])
    for suite, counts in report.outcomes.items():
        print(suite, dict(counts))
    for test, errors in sorted(report.failures.items()):
        for suite, error in errors.items():
            print(f"{test} {suite}: {error}")


if __name__ == "__main__":
    main()
