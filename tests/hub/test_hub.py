# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Models by their names on the Hub: downloaded, trained, published again, by the real client in processes of their own.

Most of these can't import the package: all that they know of ELMo comes from the repository.
"""

import json
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from huggingface_hub import ModelCard
from transformers import AutoModel, AutoTokenizer

from modeling_elmo import ElmoForTokenClassification, ElmoModel
from modeling_elmo.conversion_scripts import OriginalFiles, convert
from modeling_elmo.hub import push
from modeling_elmo.model.saved_code import AUTO_MAP
from tests.helpers import programs
from tests.helpers.hub_server import TOKEN, HubServer, lead_client
from tests.model.test_remote_code import SENTENCES, WITHOUT_PACKAGE
from tests.test_documentation import HUB_PAGE, commands, python_blocks


@pytest.fixture
def hub(model_dir):
    """A Hub with `org/elmo`."""
    with HubServer() as hub:
        hub.commit("org/elmo", model_dir)
        yield hub


def run(hub, home, code, *arguments, program=WITHOUT_PACKAGE, token=TOKEN, **variables):
    """Runs code in a new process, which keeps what it downloads in `home`. Returns what it prints."""
    home.mkdir(exist_ok=True)
    environment = {**os.environ, **hub.environment(home, token), "TRANSFORMERS_VERBOSITY": "error", **variables}
    result = programs.run(program + code, *arguments, env=environment, cwd=home)
    assert result.returncode == 0, result.stderr
    return result.stdout


def layers(model, tokenizer):
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        return torch.stack(model(**batch, output_hidden_states=True).hidden_states)


LAYERS = (
    """
import json, torch, transformers
from transformers import AutoModel, AutoTokenizer

def layers(name, **kwargs):
    tokenizer = AutoTokenizer.from_pretrained(name, **kwargs)
    model = AutoModel.from_pretrained(name, **kwargs)
    with torch.no_grad():
        output = model(**tokenizer(SENTENCES, padding=True, return_tensors="pt"), output_hidden_states=True)
    return torch.stack(output.hidden_states)

"""
    + f"SENTENCES = {SENTENCES!r}\n"
)


def test_every_class_is_loaded_by_name_through_cuts_and_then_without_a_connection(hub, model_dir, tmp_path):
    first = hub.repositories["org/elmo"].find("main").oid
    model, tokenizer = AutoModel.from_pretrained(model_dir), AutoTokenizer.from_pretrained(model_dir)
    expected = layers(model, tokenizer)
    with torch.no_grad():
        model.layers[0].forward_lstm.bias.add_(1)
    model.save_pretrained(tmp_path / "second")
    hub.commit("org/elmo", tmp_path / "second")
    tagger = ElmoForTokenClassification.from_pretrained(model_dir, num_labels=3)
    for part in (tagger, tokenizer):
        part.save_pretrained(tmp_path / "tagger")
    card = "---\npipeline_tag: token-classification\nlibrary_name: transformers\n---\n"
    hub.commit("org/tagger", {**contents(tmp_path / "tagger"), "README.md": card.encode()})
    code = """
kwargs = {"trust_remote_code": True}
directory, revision, auto_map = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for auto_class in auto_map:
    part = getattr(transformers, auto_class).from_pretrained("org/elmo", **kwargs)
    assert type(part).__module__.startswith("transformers_modules.org.elmo"), auto_class
torch.save(layers("org/elmo", **kwargs), f"{directory}/main.pt")
torch.save(layers("org/elmo", revision=revision, **kwargs), f"{directory}/pinned.pt")
features = transformers.pipeline("feature-extraction", model="org/elmo", **kwargs)(SENTENCES[0])
tag = transformers.pipeline(model="org/tagger", **kwargs)
scores = tag.model(**tag.tokenizer(SENTENCES[0], return_tensors="pt")).logits
torch.save([torch.tensor(features), scores.detach()], f"{directory}/pipelines.pt")
print(type(tag).__name__, len(tag(SENTENCES[0])))
"""
    for name in ("config.json", "/storage/", "modeling_elmo.py", "tokenizer.json"):
        hub.cut_next(name, after=300)
    printed = run(hub, tmp_path / "home", LAYERS + code, tmp_path, first, json.dumps(list(AUTO_MAP)))
    assert printed == f"TokenClassificationPipeline {len(tokenizer.tokenize(SENTENCES[0]))}\n"
    main, pinned = torch.load(tmp_path / "main.pt"), torch.load(tmp_path / "pinned.pt")
    torch.testing.assert_close(pinned, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(main, layers(model, tokenizer), atol=1e-6, rtol=0)
    assert not torch.allclose(main, pinned)
    features, scores = torch.load(tmp_path / "pipelines.pt")
    batch = tokenizer(SENTENCES[0], return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(features, model(**batch).last_hidden_state)
        torch.testing.assert_close(scores, tagger.eval()(**batch).logits)

    # With the package, from what was downloaded, its own classes.
    hub.requests.clear()
    code = """
import modeling_elmo
torch.save(layers("org/elmo"), sys.argv[1])
model = AutoModel.from_pretrained("org/elmo")
print(type(model) is modeling_elmo.ElmoModel)
"""
    offline = {"program": "import sys\n", "HF_HUB_OFFLINE": "1"}
    assert run(hub, tmp_path / "home", LAYERS + code, tmp_path / "offline.pt", **offline) == "True\n"
    torch.testing.assert_close(torch.load(tmp_path / "offline.pt"), main, atol=1e-6, rtol=0)
    assert hub.requests == []


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


DOWNLOAD = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], allow_patterns=sys.argv[2:] or None))
"""


def test_a_transfer_that_is_cut_at_random_places_goes_on_where_it_was(hub, tmp_path):
    # The client keeps what it has got in blocks of 10 MiB.
    block, generator = 10 * 2**20, random.Random(0)
    weights = generator.randbytes(3 * block)
    hub.commit("org/large", {"model.safetensors": weights, "config.json": b"{}"})
    starts = [0]
    for place in sorted(generator.sample(range(len(weights)), 5)):
        hub.cut_next("/storage/", after=place - starts[-1])
        starts.append(place // block * block)
    snapshot = run(hub, tmp_path, DOWNLOAD, "org/large", program="").strip()
    with open(f"{snapshot}/model.safetensors", "rb") as file:
        assert file.read() == weights
    ranges = [request.headers["Range"] for request in hub.requests if "/storage/" in request.path]
    assert ranges == [f"bytes={start}-" if start else None for start in starts]
    assert starts[-1] > 0


def test_requests_that_the_hub_refuses_for_the_moment_are_made_again(hub, model_dir, tmp_path):
    hub.fail_next("/storage/", status=429, method="GET")
    hub.fail_next("tokenizer.json", status=500, method="HEAD")
    snapshot = run(hub, tmp_path, DOWNLOAD, "org/elmo", "tokenizer.json", "model.safetensors", program="").strip()
    for name in ("tokenizer.json", "model.safetensors"):
        with open(f"{snapshot}/{name}", "rb") as file:
            assert file.read() == (model_dir / name).read_bytes()


def test_two_processes_may_download_at_once_into_one_cache(hub, model_dir, tmp_path):
    code = 'torch.save(layers("org/elmo", trust_remote_code=True), sys.argv[1])'
    outputs = [tmp_path / "first.pt", tmp_path / "second.pt"]
    with ThreadPoolExecutor() as executor:
        list(executor.map(lambda output: run(hub, tmp_path / "home", LAYERS + code, output), outputs))
    expected = layers(AutoModel.from_pretrained(model_dir), AutoTokenizer.from_pretrained(model_dir))
    for output in outputs:
        torch.testing.assert_close(torch.load(output), expected, atol=1e-6, rtol=0)
    assert list((tmp_path / "home" / "hub").rglob("*.incomplete")) == []


def test_what_is_not_there_is_told(hub, model_dir, tmp_path):
    files = contents(model_dir)
    hub.commit("org/missing", {name: content for name, content in files.items() if name != "lstm.py"})
    hub.commit(
        "org/renamed", {name.replace("modeling_elmo.py", "classes.py"): content for name, content in files.items()}
    )
    hub.commit("org/private", files)
    hub.repositories["org/private"].is_private = True
    code = """
import transformers
for name, revision in (
    ("org/missing", "main"), ("org/renamed", "main"), ("org/private", "main"), ("org/none", "main"), ("org/elmo", "v9")
):
    try:
        transformers.AutoModel.from_pretrained(name, revision=revision, trust_remote_code=True)
    except Exception as error:
        print(type(error).__name__, " ".join(str(error).split()))
transformers.AutoConfig.from_pretrained("org/private", token=sys.argv[1], trust_remote_code=True)
"""
    told = run(hub, tmp_path, code, TOKEN, token=None).splitlines()
    for line, part in zip(told, ("lstm.py", "modeling_elmo.py", "org/private", "org/none", "v9")):
        assert line.startswith("OSError")
        assert part in line
    assert len(told) == 5


def test_full_cycle(hub, original_dir, model_dir, tmp_path, monkeypatch):
    """Convert, push, load by name without the package, train a step, push again, load again: the same outputs."""
    lead_client(monkeypatch, hub, tmp_path)
    convert(OriginalFiles.find(original_dir), tmp_path / "elmo")
    push(tmp_path / "elmo", "org/converted")
    published = hub.files_of("org/converted")
    assert published["model.safetensors"] == (model_dir / "model.safetensors").read_bytes()

    code = """
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments
kwargs = {"trust_remote_code": True}
tokenizer = AutoTokenizer.from_pretrained("org/converted", **kwargs)
model = AutoModelForSequenceClassification.from_pretrained("org/converted", num_labels=2, **kwargs)
arguments = TrainingArguments(
    "trained", max_steps=1, learning_rate=0.1, push_to_hub=True, hub_model_id="org/trained", report_to=[], use_cpu=True
)
data = [{**tokenizer(text), "label": label} for label, text in enumerate(SENTENCES[:2])]
collator = DataCollatorWithPadding(tokenizer)
trainer = Trainer(model, arguments, train_dataset=data, data_collator=collator, processing_class=tokenizer)
trainer.train()
trainer.push_to_hub()
tokenizer.push_to_hub("org/by-hand", private=True)
model.push_to_hub("org/by-hand", tags=["mine"])
with torch.no_grad():
    torch.save(model.eval()(**tokenizer(SENTENCES, padding=True, return_tensors="pt")).logits, sys.argv[1])
"""
    run(hub, tmp_path / "trainer", LAYERS + code, tmp_path / "trained.pt")
    for name in ("org/trained", "org/by-hand"):
        assert published.keys() <= hub.files_of(name).keys()
    assert hub.repositories["org/by-hand"].is_private
    for name, tags in (("org/by-hand", {"mine"}), ("org/trained", set())):
        card = ModelCard(hub.files_of(name)["README.md"].decode())
        assert {"elmo", "custom_code"} | tags <= set(card.data.tags)

    code = """
for name in ("org/trained", "org/by-hand"):
    classifier = transformers.pipeline("text-classification", model=name, trust_remote_code=True)
    with torch.no_grad():
        logits = classifier.model(**classifier.tokenizer(SENTENCES, padding=True, return_tensors="pt")).logits
    # Logits of a step at this rate are in the tens: a last bit of float32 is 4e-6.
    torch.testing.assert_close(logits, torch.load(sys.argv[1]), atol=1e-6, rtol=1e-6)
print(type(classifier.model).__module__.startswith("transformers_modules.org."))
"""
    assert run(hub, tmp_path / "user", LAYERS + code, tmp_path / "trained.pt") == "True\n"
    trained = ElmoModel.from_pretrained(tmp_path / "trainer" / "trained")
    assert trained.scalar_mixes[0].weight.any()


def test_examples_of_the_documentation_run(hub, model_dir, tmp_path):
    shutil.copytree(model_dir, tmp_path / "home" / "elmo")
    code = """
import json, shlex, sys
from modeling_elmo.cli import main as cli
lines, blocks = map(json.loads, sys.argv[1:])
for line in lines:
    _, *sys.argv[1:] = shlex.split(line)
    try:
        cli.main()
    except SystemExit as stopped:
        assert not stopped.code, line
for block in blocks:
    exec(block, {})
"""
    mine = [line.replace("my-org/", "org/") for line in commands(HUB_PAGE)]
    blocks = [block.replace("my-org/", "org/") for block in python_blocks(HUB_PAGE)]
    assert (len(mine), len(blocks)) == (3, 5)
    run(hub, tmp_path / "home", code, json.dumps(mine), json.dumps(blocks), program="")
    assert hub.repositories["org/my-second-elmo"].is_private
    card = ModelCard(hub.files_of("org/my-elmo", "experiments")["README.md"].decode())
    assert card.data.license == "apache-2.0"
    assert hub.files_of("org/my-tagger").keys() == hub.files_of("org/my-elmo").keys()
