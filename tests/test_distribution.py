# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The wheel and the sdist, and the wheel in a clean environment: `make test-dist`, which builds and installs them."""

import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from modeling_elmo.version import __version__


ROOT = Path(__file__).parents[1]
DIST = os.environ.get("ELMO_DIST")
INSTALLED = Path(os.environ.get("ELMO_INSTALLED", ""))
pytestmark = pytest.mark.skipif(DIST is None, reason="needs a wheel: make test-dist")

README_SNIPPET = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
USES_TRANSFORMERS_ALONE = """
from transformers import AutoModel, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("saved", trust_remote_code=True)
model = AutoModel.from_pretrained("saved", trust_remote_code=True)
print(type(model).__module__.partition(".")[0], model(**tokenizer("The bank .", return_tensors="pt"))[0].shape)
"""


def one(pattern):
    (path,) = Path(DIST).glob(pattern)
    return path


@pytest.fixture
def wheel():
    with zipfile.ZipFile(one("*.whl")) as file:
        yield file


def start(directory, *command):
    """Runs a program of the clean environment outside the checkout."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(directory / "cache")}
    for name in ("PYTHONPATH", "HF_TOKEN"):
        environment.pop(name, None)
    program = [INSTALLED.resolve() / "bin" / command[0], *command[1:]]
    return subprocess.run(program, cwd=directory, env=environment, capture_output=True, text=True)


def run(directory, *command):
    """Runs a program that succeeds; returns what it printed to stdout and stderr."""
    done = start(directory, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_the_wheel_holds_types_license_configurations_and_elmo_tiny(wheel):
    names = set(wheel.namelist())
    info = f"modeling_elmo-{__version__}.dist-info"
    assert {"modeling_elmo/py.typed", f"{info}/licenses/LICENSE", f"{info}/entry_points.txt"} <= names
    assert {path.split("/")[0] for path in names} == {"modeling_elmo", info}
    for folder in ("configuration", "models"):
        of_checkout = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True)
        assert of_checkout.stdout
        assert {f"modeling_elmo/{name}" for name in of_checkout.stdout.split()} <= names


def test_the_code_of_elmo_tiny_is_in_the_wheel_itself(wheel):
    """In a checkout it is symbolic links, which git without `core.symlinks` writes as text."""
    for path in (ROOT / "models" / "elmo-tiny").glob("*.py"):
        of_package = wheel.read(f"modeling_elmo/model/{path.name}")
        assert wheel.read(f"modeling_elmo/models/elmo-tiny/{path.name}") == of_package


def test_the_wheel_is_small_enough_for_the_index(wheel):
    assert Path(wheel.filename).stat().st_size < 20 * 2**20


def test_the_wheel_names_what_it_is_and_its_addresses(wheel):
    metadata = wheel.read(f"modeling_elmo-{__version__}.dist-info/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Project-URL: Issues" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
    # PyPI shows the README without the repository.
    assert "# modeling-elmo" in metadata
    assert not re.findall(r"\]\((?!https?://)[^)]*\)", metadata)


def test_the_sdist_holds_every_file_of_the_repository():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    with tarfile.open(one("*.tar.gz")) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    # What only a checkout needs begins with a dot.
    assert {name for name in tracked if not name.startswith(".")} <= names


def test_the_first_snippet_of_the_readme_runs_outside_the_checkout(tmp_path):
    printed, errors = run(tmp_path, "python", "-c", README_SNIPPET)
    assert "torch.Size" in printed
    assert "Warning" not in errors


def test_the_commands_run_outside_the_checkout(tmp_path):
    (tmp_path / "text.txt").write_text("He sat on the bank of the river .\nThe bank lends money .\n" * 3)
    run(tmp_path, "elmo", "embed", "elmo-tiny", "text.txt", "vectors.hdf5")
    found, _ = run(tmp_path, "elmo", "neighbors", "elmo-tiny", "text.txt", "The [bank] of the river .")
    assert "bank" in found
    run(tmp_path, "elmo", "export", "elmo-tiny", "original")
    run(tmp_path, "elmo", "convert", "original", "converted")
    printed, _ = run(tmp_path, "elmo", "evaluate", "elmo-tiny", "text.txt")
    assert "perplexity" in printed
    run(tmp_path, "elmo", "build-vocab", "text.txt", "-o", "vocab.txt", "--size", "8")
    assert __version__ in run(tmp_path, "elmo", "--version")[0]


# What needs more than the package: packages of an extra, a token.
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["pretrain", "--model", "elmo-tiny", "--train", "text.txt", "--epochs", "1", "--output", "out"],
            "pip install",
        ),
        (["export", "elmo-tiny", "out", "--format", "onnx"], "pip install onnx onnxruntime onnxscript"),
        (["push", "elmo-tiny", "org/name"], "no token for the Hub"),
    ],
)
def test_a_command_that_lacks_something_says_what(tmp_path, arguments, message):
    (tmp_path / "text.txt").write_text("He sat on the bank of the river .\n")
    done = start(tmp_path, "elmo", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_saved_model_needs_transformers_alone(tmp_path):
    run(
        *(tmp_path, "python", "-c"),
        "from modeling_elmo import ElmoModel, ElmoTokenizer, models\n"
        "for each in (ElmoModel, ElmoTokenizer):\n"
        "    each.from_pretrained(models.directory('elmo-tiny')).save_pretrained('saved')",
    )
    printed, _ = run(tmp_path, "python", "-c", USES_TRANSFORMERS_ALONE)
    assert printed.strip() == "transformers_modules torch.Size([1, 5, 256])"
