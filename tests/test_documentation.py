# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Every example in the documentation runs."""

import doctest
import importlib
import os
import re
import runpy
import shlex
import shutil
import sys
from glob import glob
from importlib.util import find_spec
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser

import modeling_elmo
from arguments import parse_arguments
from modeling_elmo import ElmoTokenizer
from modeling_elmo.cli.main import main
from modeling_elmo.fine_tuning import ElmoTokenClassificationPipeline, load_word_vectors
from modeling_elmo.pretraining import initial_model as presets
from tests.helpers import programs


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/coming_from/*.md"))]
# Its examples use the output of its commands.
PRETRAINING_PAGE = ROOT / "docs" / "pretraining.md"
OTHER_LANGUAGES_PAGE = ROOT / "docs" / "other_languages.md"
# Its examples need a Hub: tests/hub/test_hub.py.
HUB_PAGE = ROOT / "docs" / "hub.md"


# What users of other libraries wrote, beside what they write now.
OTHERS = ("# AllenNLP", "# bilm-tf", "# simple_elmo", "# ELMoForManyLangs", "# TensorFlow Hub", "# flair")


OPTIONAL_PACKAGES = ("sentence_transformers", "spacy", "langchain_core", "haystack", "setfit")


def python_blocks(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [block for block in blocks if not block.startswith(OTHERS)]


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if python_blocks(page) and page not in (PRETRAINING_PAGE, OTHER_LANGUAGES_PAGE, HUB_PAGE)],
    ids=lambda page: page.name,
)
def test_examples_of_a_page_run(page, model_dir, tmp_path, monkeypatch):
    shutil.copytree(model_dir, tmp_path / "elmo")
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    left_out = set()
    for block in python_blocks(page):
        missing = {package for package in OPTIONAL_PACKAGES if package in block and find_spec(package) is None}
        if not missing and "init_process_group" not in block:
            exec(compile(block, page.name, "exec"), {})
        left_out |= missing
    if left_out:
        pytest.skip(f"ran without the examples that need {', '.join(sorted(left_out))}")


def test_the_recipe_for_several_processes_runs(tmp_path):
    (recipe,) = (block for block in python_blocks(ROOT / "docs" / "recipes.md") if "init_process_group" in block)
    for done in programs.run_group(recipe, count=2, env=os.environ, cwd=tmp_path):
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def commands(page):
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


def commands_of_scripts():
    starts = ("python examples/run_", "python -m benchmarks.quality.probes")
    return [line for page in PAGES for line in commands(page) if line.startswith(starts)]


@pytest.mark.parametrize("command", commands_of_scripts(), ids=lambda command: command.rpartition("/")[2])
def test_commands_have_arguments_that_the_scripts_know(command):
    _, script, *arguments = shlex.split(command)
    module = importlib.import_module(arguments.pop(0) if script == "-m" else Path(script).stem)
    parsed = parse_arguments(module.ARGUMENTS, arguments)
    assert parsed[0].model_name_or_path in arguments


class Shell:
    """Runs the commands of a page in this process, also those for a launcher of several processes."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch

    def run(self, line):
        # Quoted patterns are expanded by the command itself.
        words = [found for word in shlex.split(line, posix=False) for found in self.expand(word)]
        if words[:2] == ["accelerate", "launch"]:
            at = words.index("modeling_elmo.cli")
            assert launch_command_parser().parse_args(words[2 : at + 1]).module
            words = ["elmo", *words[at + 1 :]]
        with pytest.raises(SystemExit) as stopped:
            self.start(*words)
        assert not stopped.value.code, line

    def start(self, program, *arguments):
        if program == "elmo":
            self.set_arguments(arguments)
            main()
        elif arguments[0] == "-m":
            self.set_arguments(arguments[2:])
            runpy.run_module(arguments[1], run_name="__main__")
        else:
            self.set_arguments(arguments[1:])
            runpy.run_path(str(ROOT / arguments[0]), run_name="__main__")
            raise SystemExit(0)

    def set_arguments(self, arguments):
        self.monkeypatch.setattr(sys, "argv", ["command", *arguments])

    @staticmethod
    def expand(word):
        return [word.strip("'\"")] if word[0] in "'\"" else sorted(glob(word)) or [word]


@pytest.mark.usefixtures("settings_of_the_process")
def test_commands_of_the_pretraining_page_run_in_their_order(model_dir, tmp_path, monkeypatch):
    small = {"cell_size": 6, "projection_size": 4, "character_embedding_size": 3, "character_filters": [[1, 4], [3, 5]]}
    monkeypatch.setattr(presets, "TINY", small)
    shutil.copytree(model_dir, tmp_path / "elmo")
    (tmp_path / "books").mkdir()
    for name in ("train-1", "train-2", "heldout"):
        (tmp_path / "books" / f"{name}.txt").write_text("The bank of the river. The bank lends money.\n" * 5)
    monkeypatch.chdir(tmp_path)
    shell = Shell(monkeypatch)
    for line in commands(PRETRAINING_PAGE):
        shell.run(line)
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"vocab.txt", "my-elmo", "my-elmo-of-two", "curve.png", "my-domain-elmo", "my-original-files"}
    for block in python_blocks(PRETRAINING_PAGE):
        exec(compile(block, PRETRAINING_PAGE.name, "exec"), {})


@pytest.mark.usefixtures("settings_of_the_process")
def test_the_path_to_a_model_of_another_language(tmp_path, monkeypatch, capsys):
    small = {"cell_size": 6, "projection_size": 4, "character_embedding_size": 3, "character_filters": [[1, 4], [3, 5]]}
    monkeypatch.setattr(presets, "TINY", small)
    (tmp_path / "texto").mkdir()
    for name in ("train-1", "train-2", "heldout"):
        text = "\u00bfQu\u00e9 banco, Sr. L\u00f3pez? El banco de la plaza.\n"
        (tmp_path / "texto" / f"{name}.txt").write_text(text * 5, encoding="utf-8")
    for name in ("esp.train", "esp.testa", "esp.testb"):
        (tmp_path / name).write_text("Ana B-PER\nvive O\nen O\nMadrid B-LOC\n. O\n\n" * 4)
    monkeypatch.chdir(tmp_path)
    shell = Shell(monkeypatch)
    for line in commands(OTHER_LANGUAGES_PAGE):
        shell.run(line)
    assert "They cover 100.00% of 130 words" in capsys.readouterr().out
    assert ElmoTokenizer.from_pretrained("nombres").language == "es"
    for block in python_blocks(OTHER_LANGUAGES_PAGE):
        exec(compile(block, OTHER_LANGUAGES_PAGE.name, "exec"), {})
    assert "torch.Size([7, 8])" in capsys.readouterr().out


def test_examples_of_a_model_card_run(model_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(model_dir / "README.md")
    assert len(blocks) == 3
    for block in blocks:
        exec(block.replace("path/to/this/directory", str(model_dir)), {})


@pytest.mark.parametrize(
    "documented",
    [
        modeling_elmo.ElmoConfig,
        modeling_elmo.ElmoTokenizer,
        modeling_elmo.ElmoModel.forward,
        modeling_elmo.ElmoForTokenClassification.forward,
        modeling_elmo.ElmoForSequenceClassification.forward,
        modeling_elmo.ElmoForQuestionAnswering.forward,
        modeling_elmo.ElmoForSemanticRoleLabeling.forward,
        modeling_elmo.ElmoForCoreferenceResolution.forward,
        load_word_vectors,
        modeling_elmo.ElmoEmbedder,
        ElmoTokenClassificationPipeline,
    ],
    ids=lambda documented: documented.__qualname__,
)
def test_examples_of_docstrings_run_and_return_what_they_show(documented, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^\s*```.*$", "", documented.__doc__, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, documented.__qualname__, None, None)
    assert test.examples
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert results.failed == 0
