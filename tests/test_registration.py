# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Importing the package registers the Auto classes; the command `elmo` loads torch only when a job runs."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.helpers import programs


PUBLIC_NAMES = {
    "modeling_elmo": [
        *("ElmoConfig", "ElmoTokenizer", "ElmoModel", "ElmoModelOutput", "ElmoPreTrainedModel"),
        *("ElmoForPreTraining", "ElmoForMaskedLM", "ElmoForTokenClassification", "ElmoForSequenceClassification"),
        *("ElmoForQuestionAnswering", "ElmoForMultipleChoice", "ElmoForSemanticRoleLabeling", "ElmoEmbedder"),
        *("ElmoForCoreferenceResolution", "ElmoCoreferenceOutput"),
    ],
    "modeling_elmo.conversion_scripts": ["convert", "export", "download"],
    "modeling_elmo.embedding": ["ElmoEmbedder", "embed_corpus", "nearest_contexts"],
    "modeling_elmo.embedding.sentence_transformers": ["ElmoEncoder"],
    "modeling_elmo.pretraining": ["pretrain", "build_vocabulary", "measure_perplexity"],
    "modeling_elmo.fine_tuning": ["load_word_vectors", "best_spans", "ElmoTokenClassificationPipeline"],
    "modeling_elmo.hub": ["push", "model_card"],
    "modeling_elmo.configuration": ["directory"],
}

# Runs the installed script as its own process does, then prints which modules it has loaded.
RUN_SCRIPT = """
import runpy, sys
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit:
    pass
print("loaded:", *({"torch", "transformers", "datasets", "modeling_elmo.registration"} & set(sys.modules)))
"""


@pytest.mark.parametrize("module", PUBLIC_NAMES)
def test_public_names_are_importable(module):
    if module.endswith("sentence_transformers"):
        pytest.importorskip("sentence_transformers", reason="needs the package sentence-transformers")
    # As `from module import name` does: a submodule that has been imported must not hide a function of its name.
    for name in PUBLIC_NAMES[module]:
        assert callable(getattr(import_module(module), name)), name


@pytest.fixture
def script():
    path = Path(sys.executable).with_name("elmo")
    if not path.is_file():
        pytest.skip("the package is not installed next to this Python")
    return path


def as_script(script, *arguments):
    return f"import sys\nsys.argv = {[str(script), *map(str, arguments)]!r}\n{RUN_SCRIPT}"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["pretrain", "--help"], []])
def test_help_loads_neither_torch_nor_transformers(script, arguments):
    command = [sys.executable, "-c", as_script(script, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def run_program(code, cwd):
    """Runs code that needs torch, in a process that has imported it."""
    done = programs.run(code, env=os.environ, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_of_the_command_registers_and_saves_code(script, original_dir, tmp_path):
    printed = run_program(as_script(script, "convert", original_dir, tmp_path / "elmo"), tmp_path)
    assert "modeling_elmo.registration" in printed.rpartition("loaded:")[2].split()
    assert "AutoModel" in json.loads((tmp_path / "elmo" / "config.json").read_text())["auto_map"]
    assert (tmp_path / "elmo" / "modeling_elmo.py").is_file()


def test_a_script_of_the_user_is_registered_even_if_it_is_called_elmo(model_dir, tmp_path):
    (tmp_path / "elmo").write_text(
        "import modeling_elmo\n"
        "from transformers import AutoModel\n"
        f"print(type(AutoModel.from_pretrained({str(model_dir)!r})).__name__)\n"
    )
    code = f"import runpy, sys\nsys.argv = [{str(tmp_path / 'elmo')!r}]\n"
    code += "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    assert run_program(code, tmp_path) == "ElmoModel\n"


def test_the_command_module_registers_in_a_program_of_the_user(model_dir, tmp_path):
    program = (
        "import modeling_elmo.cli.main\n"
        "from transformers import AutoModel\n"
        f"print(type(AutoModel.from_pretrained({str(model_dir)!r})).__name__)\n"
    )
    assert run_program(program, tmp_path) == "ElmoModel\n"
