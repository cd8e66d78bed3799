# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Rules of the repository that no linter knows."""

import ast
import re
import subprocess
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]

# What a file that travels with a model may import: the dependencies of transformers itself.
REMOTE_IMPORTS = {"torch", "transformers", "tokenizers", "numpy", "huggingface_hub", "safetensors"}
STANDARD = {
    *("collections", "copy", "dataclasses", "functools", "hashlib", "itertools", "json", "logging", "math"),
    *("os", "pathlib", "re", "shutil", "threading", "typing"),
}

# Arrows run one way: each file may import relatively only these.
RELATIVE_IMPORTS = {
    "model_files": set(),
    "configuration_elmo": {"characters", "model_files"},
    "treebank": set(),
    "characters": set(),
    "matrix_product": set(),
    "word_cache": {"matrix_product"},
    "character_encoder": {"characters", "configuration_elmo", "matrix_product", "word_cache"},
    "fast_lstm": {"matrix_product"},
    "projected_lstm": {"configuration_elmo", "fast_lstm", "matrix_product"},
    "text_cache": {"projected_lstm"},
    "split_words": set(),
    "tokenization_elmo": {"characters", "model_files", "split_words", "treebank"},
    "sampled_softmax": {"configuration_elmo", "matrix_product"},
    "model_card": {"configuration_elmo"},
    "modeling_elmo": {
        "character_encoder",
        "characters",
        "configuration_elmo",
        "matrix_product",
        "model_files",
        "model_card",
        "projected_lstm",
        "sampled_softmax",
        "text_cache",
    },
    "language_model": {"configuration_elmo", "matrix_product", "modeling_elmo", "projected_lstm", "sampled_softmax"},
    "task_layers": {"configuration_elmo", "fast_lstm", "matrix_product", "projected_lstm"},
    "conditional_random_field": set(),
    "task_heads": {
        "conditional_random_field",
        "configuration_elmo",
        "modeling_elmo",
        "projected_lstm",
        "task_layers",
    },
    # All that these import: see its docstring.
    "auto_classes": {
        "character_encoder",
        "characters",
        "conditional_random_field",
        "configuration_elmo",
        "fast_lstm",
        "language_model",
        "matrix_product",
        "model_card",
        "model_files",
        "modeling_elmo",
        "projected_lstm",
        "sampled_softmax",
        "task_heads",
        "task_layers",
        "text_cache",
        "word_cache",
    },
}


def imports(path):
    absolute, relative = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            absolute |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            relative.add(node.module)
        elif isinstance(node, ast.ImportFrom):
            absolute.add(node.module.partition(".")[0])
    return absolute, relative


@pytest.mark.parametrize("name", RELATIVE_IMPORTS)
def test_files_that_travel_with_a_model_depend_on_transformers_and_one_another_only(name):
    absolute, relative = imports(ROOT / "modeling_elmo" / f"{name}.py")
    assert absolute <= REMOTE_IMPORTS | STANDARD
    assert relative == RELATIVE_IMPORTS[name]


def test_the_module_of_the_auto_classes_names_all_that_it_leads_to():
    named = RELATIVE_IMPORTS["auto_classes"]
    assert {name for module in named for name in RELATIVE_IMPORTS[module]} <= named


def test_every_source_file_opens_with_the_license_and_a_docstring():
    files = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("not a git checkout")
    for name in files.stdout.split():
        text = (ROOT / name).read_text()
        if name == "tests/__init__.py" or not text:
            continue
        assert text.startswith("# Copyright"), name
        is_test = name.startswith("tests/")
        assert is_test or ast.get_docstring(ast.parse(text)), name


def test_documentation_links_to_files_that_exist():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
