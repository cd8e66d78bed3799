# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs transformers' own model tests, of a source archive, against the ELMo models, beside a tiny BERT.

    pip download --no-binary :all: --no-deps transformers==5.23.0
    tar xzf transformers-5.23.0.tar.gz
    python -m benchmarks.quality.transformers_suites transformers-5.23.0

Prints what passed, failed and was skipped by kind of model, and the error of each failure: docs/with_transformers.md
has its reason. The archive lacks two of the files that its tests import, of exporters and of generation: they are
replaced by empty classes. Requires pytest and parameterized.
"""

import argparse
import collections
import importlib
import sys
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
)
from transformers.models.auto import modeling_auto

from modeling_elmo import (
    ElmoConfig,
    ElmoForMaskedLM,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
)


VOCAB_SIZE, BATCH_SIZE, NUM_WORDS = 40, 3, 7

ELMO = (ElmoModel, ElmoForMaskedLM, ElmoForSequenceClassification, ElmoForTokenClassification)
BERT = (BertModel, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification)

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

    def get_config(self) -> Any:
        """Returns the config of a small model."""
        if self.kind == "BERT":
            sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
            return BertConfig(vocab_size=VOCAB_SIZE, num_hidden_layers=2, **sizes)
        return ElmoConfig(**SIZES, **KINDS[self.kind])

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


def suites(source: Path) -> dict[str, type]:
    """Returns the test cases, by kind of model."""
    package = types.ModuleType("transformers_tests")
    package.__path__ = [str(source / "tests")]
    sys.modules["transformers_tests"] = package
    stub("transformers_tests.exporters.test_export", "ExportTesterMixin")
    stub("transformers_tests.generation.test_utils", "GenerationTesterMixin")
    # The tests ask these tables which models have no loss, and they name built-in models alone.
    modeling_auto.MODEL_MAPPING_NAMES["elmo"] = "ElmoModel"
    mixin = importlib.import_module("transformers_tests.test_modeling_common").ModelTesterMixin
    found = {}
    for kind in ("BERT", *KINDS):
        attributes = {
            "all_model_classes": BERT if kind == "BERT" else ELMO,
            "has_attentions": kind == "BERT",
            "_prepare_for_class": prepare_for_class,
            "setUp": lambda self, kind=kind: setattr(self, "model_tester", Tester(kind)),
        }
        name = f"Test_{kind}"
        found[name] = type(name, (mixin, unittest.TestCase), {**attributes, "__module__": "transformers_suites_cases"})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="unpacked source archive of transformers")
    parser.add_argument("-k", default="", help="expression of pytest that selects tests")
    arguments = parser.parse_args()
    cases = types.ModuleType("transformers_suites_cases")
    vars(cases).update(suites(arguments.source))
    report = Report()

    class Collector:
        """Gives pytest the test cases, which are in no file."""

        @staticmethod
        def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> Any:
            module = pytest.Module.from_parent(parent, path=module_path)
            module._getobj = lambda: cases
            return module

    options = [
        __file__,
        "-q",
        "--no-header",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:warnings",
        "-k",
        arguments.k,
    ]
    pytest.main([*options, "--noconftest", "-o", "python_classes=Test_"], plugins=[report, Collector()])
    for suite, counts in report.outcomes.items():
        print(suite, dict(counts))
    for test, errors in sorted(report.failures.items()):
        for suite, error in errors.items():
            print(f"{test} {suite}: {error}")


if __name__ == "__main__":
    main()
