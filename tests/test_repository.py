# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Rules of the repository that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]

PACKAGE = ROOT / "modeling_elmo"

# The files of `model/` by name: what travels with every saved model.
MODEL_FILES = sorted(path.stem for path in (PACKAGE / "model").glob("*.py") if path.stem != "__init__")

# The dependencies of transformers itself: all that a saved model may need.
DEPENDENCIES = {"torch", "transformers", "tokenizers", "numpy", "huggingface_hub", "safetensors"}

# Which folders each folder may import; also those at the top of the repository that are installed with the package.
MAY_IMPORT = {
    "model": set(),
    "files": set(),
    "configuration": set(),
    "models": set(),
    "hub": {"model", "files"},
    "conversion_scripts": {"model", "files", "configuration", "hub.model_card"},
    "pretraining": {"model", "files", "configuration", "hub.model_card"},
    "embedding": {"model", "files"},
    "fine_tuning": {"model", "files"},
    "onnx": {"model", "files", "hub.model_card"},
}

# The same for modules beside the folders. `__init__` leads to all public names, and `cli` to everything.
MODULES_MAY_IMPORT = {"hardware": {"model"}, "registration": {"model", "fine_tuning.pipelines"}, "version": set()}


def folder_of(name):
    return ROOT / name if (ROOT / name).is_dir() else PACKAGE / name


def files_of(name):
    return [PACKAGE / f"{name}.py"] if name in MODULES_MAY_IMPORT else folder_of(name).glob("*.py")


def imported_modules(path):
    """Yields (module, imported name) with modules of the package as absolute names."""
    relative = path.relative_to(ROOT).with_suffix("").parts
    package = [*(() if relative[0] == "modeling_elmo" else ("modeling_elmo",)), *relative[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_file_of_the_model_folder_imports_its_siblings_by_one_dot_and_else_what_transformers_depends_on(name):
    for node in ast.walk(ast.parse((PACKAGE / "model" / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            assert node.module in MODEL_FILES
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for module in modules:
                assert module.partition(".")[0] in DEPENDENCIES | set(sys.stdlib_module_names)


def test_the_face_of_the_model_folder_names_all_that_it_leads_to():
    def siblings(name):
        tree = ast.parse((PACKAGE / "model" / f"{name}.py").read_text())
        return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}

    named = siblings("modeling_elmo")
    assert {name for module in named for name in siblings(module)} <= named


def test_every_folder_and_module_has_a_rule_for_its_imports():
    found = {path.stem for path in [*PACKAGE.glob("*.py"), *(init.parent for init in PACKAGE.glob("*/__init__.py"))]}
    assert found - {"__init__", "cli"} <= MAY_IMPORT.keys() | MODULES_MAY_IMPORT.keys()


@pytest.mark.parametrize("name", MAY_IMPORT | MODULES_MAY_IMPORT)
def test_folders_import_one_another_one_way(name):
    rules = MAY_IMPORT | MODULES_MAY_IMPORT
    allowed = {f"modeling_elmo.{each}" for each in rules[name] | {name}} | {"modeling_elmo.version"}
    for path in files_of(name):
        for module, imported in imported_modules(path):
            if module.partition(".")[0] == "modeling_elmo":
                found = {module, f"{module}.{imported}"}
                assert any(f"{each}.".startswith(f"{prefix}.") for each in found for prefix in allowed), (
                    path.name,
                    found,
                )


def underscore_names(tree):
    """Returns the private names that a file defines and those that it uses: imported, or as attributes."""
    defined, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        elif isinstance(node, ast.Attribute):
            (defined if isinstance(node.ctx, ast.Store) else used).add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("modeling_elmo")):
            used |= {alias.name for alias in node.names}
    return [{name for name in names if re.match("_[^_]", name)} for names in (defined, used)]


def test_no_underscore_name_is_used_outside_its_file():
    folders = ["modeling_elmo", "conversion_scripts", "configuration", "models", "examples", "benchmarks"]
    names = {
        path: underscore_names(ast.parse(path.read_text())) for each in folders for path in (ROOT / each).rglob("*.py")
    }
    for path, (defined, used) in names.items():
        of_others = set().union(*(others for other, (others, _) in names.items() if other != path)) - defined
        assert not used & of_others, path.name


def test_every_source_file_opens_with_the_license_and_a_docstring():
    files = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("not a git checkout")
    for name in files.stdout.split():
        text = (ROOT / name).read_text()
        if name == "tests/__init__.py" or not text:
            continue
        assert text.startswith(
            "# Copyright 2026 The modeling-elmo authors.\n# SPDX-License-Identifier: Apache-2.0\n"
        ), name
        is_test = name.startswith("tests/")
        assert is_test or ast.get_docstring(ast.parse(text)), name


def test_documentation_links_to_files_that_exist():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("models/*/README.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


# Modules without a test file of their own, and which tests cover them instead.
TESTED_ELSEWHERE = {
    "cli/__main__.py": "cli/test_main.py runs it",
    "cli/app.py": "cli/test_main.py",
    "cli/hub.py": "hub/test_hub.py, against a Hub",
    "conversion_scripts/converted_model.py": "the tests of each reader, which return one",
    "conversion_scripts/original_hdf5.py": "test_convert.py",
    "conversion_scripts/reference.py": "test_parity.py, against outputs of the original code",
    "conversion_scripts/torch_reference.py": "test_allennlp_archive.py, against reference.py",
    "embedding/formats.py": "embedding/test_job.py, by the files that it writes",
    "embedding/long_sentences.py": "embedding/test_embedder.py, against sentences in one piece",
    "embedding/pooling.py": "embedding/test_embedder.py",
    "files/errors.py": "the tests of each reader, by its messages",
    "files/model_directory.py": "model/test_loading_checks.py",
    "files/progress.py": "embedding/test_job.py and pretraining/test_trainer.py",
    "files/text.py": "embedding/test_sources.py and pretraining/test_corpus.py",
    "fine_tuning/answers.py": "model/test_task_models.py, on the logits of a model",
    "model/characters.py": "model/test_tokenization_elmo.py",
    "model/fast_lstm.py": "model/test_lstm.py, against the plain path",
    "model/modeling_elmo.py": "model/test_remote_code.py",
    "model/pretrained.py": "model/test_bilm.py and model/test_loading_checks.py",
    "model/saved_code.py": "model/test_remote_code.py",
    "onnx/weights.py": "onnx/test_export.py",
}


def modules_of_folders():
    for folder in [*MAY_IMPORT, "cli"]:
        if folder != "configuration":
            for path in sorted(folder_of(folder).glob("*.py")):
                if path.stem != "__init__":
                    yield folder, path


def test_each_module_has_a_test_file_or_is_tested_elsewhere():
    for folder, path in modules_of_folders():
        name = f"{folder}/{path.name}"
        has_tests = (ROOT / "tests" / folder / f"test_{path.stem}.py").is_file()
        assert has_tests or name in TESTED_ELSEWHERE, name


def test_the_docstring_of_a_folder_names_its_files():
    for folder, path in modules_of_folders():
        described = ast.get_docstring(ast.parse((path.parent / "__init__.py").read_text()))
        assert path.name in described, f"{folder}/{path.name}"


MAX_FUNCTION, MAX_CLASS, MAX_FILE = 60, 350, 650

# What is longer, and why.
LONG = {
    "cli/conversion.py convert": "an option takes up to five lines, and typer reads them from the signature",
    "cli/pretraining.py pretrain": "as above: 28 options",
    "cli/embedding.py embed": "as above",
    "model/tokenization_elmo.py ElmoTokenizer": "transformers asks one class for all of it",
}


def code_lines(node, lines):
    """Counts the lines of a function that are neither blank, comment nor docstring."""
    docstrings = set()
    for each in ast.walk(node):
        if isinstance(each, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(each) is not None:
            docstrings |= set(range(each.body[0].lineno, each.body[0].end_lineno + 1))
    numbers = set(range(node.lineno, node.end_lineno + 1)) - docstrings
    return sum(not re.match(r"\s*(#|$)", lines[number - 1]) for number in numbers)


def test_functions_classes_and_files_are_short():
    long = set()
    for folder, path in modules_of_folders():
        text = path.read_text()
        if text.count("\n") > MAX_FILE:
            long.add(f"{folder}/{path.name}")
        for node in ast.walk(ast.parse(text)):
            is_long = (isinstance(node, ast.FunctionDef) and code_lines(node, text.splitlines()) > MAX_FUNCTION) or (
                isinstance(node, ast.ClassDef) and node.end_lineno - node.lineno + 1 > MAX_CLASS
            )
            if is_long:
                long.add(f"{folder}/{path.name} {node.name}")
    assert long <= set(LONG)


def test_command_modules_import_libraries_only_inside_commands():
    for path in (PACKAGE / "cli").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0):
                module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                assert module.partition(".")[0] in {"typer", *sys.stdlib_module_names}, path.name
