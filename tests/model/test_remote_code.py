# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model directory without the package: `trust_remote_code=True` in a process that can't import `modeling_elmo`."""

import json
import os

import pytest
import torch
from transformers import AutoModel, AutoModelForTokenClassification, AutoTokenizer

from modeling_elmo import ElmoConfig, ElmoForPreTraining, ElmoForTokenClassification, ElmoModel, ElmoTokenizer
from modeling_elmo.model.saved_code import AUTO_MAP
from tests.helpers import programs
from tests.test_repository import MODEL_FILES


# Makes the package unimportable; the code files of a directory are imported under another name.
WITHOUT_PACKAGE = """
import importlib.abc, sys

class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("modeling_elmo", "h5py", "typer"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
sys.path = [path for path in sys.path if path]
try:
    import modeling_elmo
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the package can be imported")
"""

SENTENCES = ["The bank of the river.", "don't <S> bank", "日本"]


def run_without_package(code, *arguments, cache):
    environment = {**os.environ, "HF_MODULES_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    result = programs.run(WITHOUT_PACKAGE + code, *arguments, env=environment, cwd=cache)
    assert result.returncode == 0, result.stderr
    return result


def test_every_auto_class_loads_from_one_directory_and_gives_the_same_numbers(model_dir, tmp_path):
    code = """
import json, torch, transformers
directory, again, sentences = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
kwargs = {"trust_remote_code": True}
auto_map = json.load(open(f"{directory}/config.json"))["auto_map"]
loaded = {name: getattr(transformers, name).from_pretrained(directory, **kwargs) for name in auto_map}
tokenizer, model = loaded["AutoTokenizer"], loaded["AutoModel"]
batch = tokenizer(sentences, padding=True, return_tensors="pt")
with torch.no_grad():
    output = model(**batch, output_hidden_states=True)
torch.save([batch["character_ids"], *output.hidden_states], f"{again}.pt")
# What such a process saves is as complete as what it loaded.
model.save_pretrained(again)
tokenizer.save_pretrained(again)
reloaded = transformers.AutoModel.from_pretrained(again, **kwargs)
assert torch.equal(reloaded(**batch).last_hidden_state, output.last_hidden_state)
assert transformers.AutoTokenizer.from_pretrained(again, **kwargs)(sentences) == tokenizer(sentences)
"""
    again = tmp_path / "again"
    run_without_package(code, model_dir, again, json.dumps(SENTENCES), cache=tmp_path)
    characters, *hidden_states = torch.load(f"{again}.pt")

    tokenizer, model = AutoTokenizer.from_pretrained(model_dir), AutoModel.from_pretrained(model_dir)
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    assert torch.equal(batch["character_ids"], characters)
    with torch.no_grad():
        expected = model(**batch, output_hidden_states=True).hidden_states
    for got, wanted in zip(hidden_states, expected):
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)
    assert {path.name for path in again.iterdir()} == {path.name for path in model_dir.iterdir()} - {"README.md"}
    # And with the package it is an ordinary model of the package again.
    assert type(AutoModel.from_pretrained(again)) is type(model)


def test_what_the_package_saves_loads_without_it(tmp_path):
    config = ElmoConfig(cell_size=6, projection_size=4, character_filters=[[2, 5]])
    ElmoModel(config).save_pretrained(tmp_path / "elmo")
    ElmoTokenizer().save_pretrained(tmp_path / "elmo")
    code = """
import transformers
for name in ("AutoConfig", "AutoTokenizer", "AutoModel"):
    loaded = getattr(transformers, name).from_pretrained(sys.argv[1], trust_remote_code=True)
    print(type(loaded).__name__, type(loaded).__module__.startswith("transformers_modules."))
"""
    output = run_without_package(code, tmp_path / "elmo", cache=tmp_path).stdout
    assert output.splitlines() == ["ElmoConfig True", "ElmoTokenizer True", "ElmoModel True"]


def test_language_models_give_the_same_numbers_without_the_package(tmp_path):
    tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "the", "bank"])
    config = ElmoConfig(cell_size=6, projection_size=4, character_filters=[[2, 5]], vocab_size=len(tokenizer))
    model = ElmoForPreTraining(config).eval()
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "elmo")
    code = """
import torch, transformers
directory, kwargs = sys.argv[1], {"trust_remote_code": True}
tokenizer = transformers.AutoTokenizer.from_pretrained(directory, **kwargs)
batch = tokenizer("the bank", return_tensors="pt")
model = transformers.AutoModelForPreTraining.from_pretrained(directory, **kwargs)
with torch.no_grad():
    torch.save(model(**batch, labels=batch["input_ids"]).loss, sys.argv[2])
fill = transformers.pipeline("fill-mask", model=directory, top_k=2, **kwargs)
print(len(fill("the <MASK>")), type(fill.model).__name__)
"""
    loss = tmp_path / "loss.pt"
    assert run_without_package(code, tmp_path / "elmo", loss, cache=tmp_path).stdout == "2 ElmoForMaskedLM\n"
    batch = tokenizer("the bank", return_tensors="pt")
    torch.testing.assert_close(torch.load(loss), model(**batch, labels=batch["input_ids"]).loss.detach())


@pytest.fixture
def former_dir(tmp_path):
    """A directory as earlier versions saved it: the Auto classes find models in auto_classes.py."""
    directory = tmp_path / "former"
    config = ElmoConfig(cell_size=6, projection_size=4, character_filters=[[2, 5]])
    ElmoForTokenClassification(config).save_pretrained(directory)
    ElmoTokenizer().save_pretrained(directory)
    (directory / "modeling_elmo.py").rename(directory / "auto_classes.py")
    text = (directory / "config.json").read_text()
    (directory / "config.json").write_text(text.replace('"modeling_elmo.', '"auto_classes.'))
    return directory


def test_directories_of_earlier_versions_are_saved_again_with_the_code_of_this_one(former_dir, tmp_path):
    model = AutoModelForTokenClassification.from_pretrained(former_dir)
    assert type(model) is ElmoForTokenClassification
    model.save_pretrained(tmp_path / "again")
    AutoTokenizer.from_pretrained(former_dir).save_pretrained(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "config.json").read_text())["auto_map"] == AUTO_MAP
    assert {path.stem for path in (tmp_path / "again").glob("*.py")} == set(MODEL_FILES)


def test_directories_of_earlier_versions_load_without_the_package(former_dir, tmp_path):
    code = """
import transformers
for name in ("AutoTokenizer", "AutoModelForTokenClassification"):
    print(type(getattr(transformers, name).from_pretrained(sys.argv[1], trust_remote_code=True)).__name__)
"""
    output = run_without_package(code, former_dir, cache=tmp_path).stdout
    assert output.splitlines() == ["ElmoTokenizer", "ElmoForTokenClassification"]


def test_code_of_a_directory_is_run_only_on_request(model_dir, tmp_path):
    code = """
import transformers
try:
    transformers.AutoModel.from_pretrained(sys.argv[1], trust_remote_code=False)
except ValueError as error:
    print("trust_remote_code" in str(error))
"""
    assert run_without_package(code, model_dir, cache=tmp_path).stdout.strip() == "True"


def test_with_the_package_its_own_classes_are_used_whatever_is_trusted(model_dir):
    for trust in (None, False, True):
        model = AutoModel.from_pretrained(model_dir, trust_remote_code=trust)
        assert type(model).__module__ == "modeling_elmo.model.bilm"


@pytest.mark.parametrize(
    "name", ["token_embedding.py", "lstm.py", "word_splitting.py", "modeling_elmo.py", "task_models.py"]
)
def test_code_files_are_those_of_the_package(model_dir, name):
    from modeling_elmo.model import bilm as module

    package = os.path.dirname(module.__file__)
    with open(os.path.join(package, name)) as ours:
        assert (model_dir / name).read_text() == ours.read()
