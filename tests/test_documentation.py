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
"""Every example in the documentation runs."""

import doctest
import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

import experiment
import modeling_elmo
from modeling_elmo.pipelines import ElmoTokenClassificationPipeline


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]


def python_blocks(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [block for block in blocks if not block.startswith("# AllenNLP")]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.name)
def test_examples_of_a_page_run(page, model_dir, tmp_path, monkeypatch):
    shutil.copytree(model_dir, tmp_path / "elmo")
    monkeypatch.chdir(tmp_path)
    for block in python_blocks(page):
        exec(compile(block, page.name, "exec"), {})


def commands_of_scripts():
    blocks = [
        block
        for page in PAGES
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    ]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("python examples/run_")]


@pytest.mark.parametrize("command", commands_of_scripts(), ids=lambda command: command.rpartition("/")[2])
def test_commands_have_arguments_that_the_scripts_know(command):
    _, script, *arguments = shlex.split(command)
    module = importlib.import_module(Path(script).stem)
    parsed = experiment.parse_arguments(module.ARGUMENTS, arguments)
    assert parsed[0].model_name_or_path in arguments


def test_example_of_a_model_card_runs(model_dir, monkeypatch):
    (block,) = python_blocks(model_dir / "README.md")
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
        modeling_elmo.load_word_vectors,
        modeling_elmo.ElmoEmbedder,
        ElmoTokenClassificationPipeline,
    ],
    ids=lambda documented: documented.__qualname__,
)
def test_examples_of_docstrings_run_and_give_what_they_say(documented, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^\s*```.*$", "", documented.__doc__, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, documented.__qualname__, None, None)
    assert test.examples
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert results.failed == 0
