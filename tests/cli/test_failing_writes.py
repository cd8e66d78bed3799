# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Every command that writes, when files may only grow to a limit, as on a full disk."""

import json
import os

import pytest

from tests.helpers import programs


if os.name == "nt":
    pytest.skip("limits of POSIX", allow_module_level=True)

# Arguments: folder, limits, commands. Forks for each, since imports take longer than the commands.
PROGRAM = """
import json, os, resource, shutil, sys
from pathlib import Path

import h5py, pyarrow.parquet, torch
import modeling_elmo.cli.app, modeling_elmo.conversion_scripts, modeling_elmo.embedding.job
from modeling_elmo.cli.main import main

folder, limits, commands = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
results = {command: [] for command in commands}
for number, (command, limit) in enumerate((command, limit) for command in commands for limit in limits):
    workspace = folder.with_name(f"workspace-{number}")
    shutil.copytree(folder, workspace)
    before = set(os.listdir(workspace))
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.close(writing)
        os.chdir(workspace)
        sys.argv = ["elmo", *command.split()]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        # It ends as every other process: that is when HDF5 would crash.
        main()
    os.close(writing)
    with os.fdopen(reading) as pipe:
        errors = pipe.read()
    status = os.waitpid(pid, 0)[1]
    left = sorted(set(os.listdir(workspace)) - before)
    results[command].append((limit, os.waitstatus_to_exitcode(status), errors, left))
print(json.dumps(results))
"""

LIMITS = [0, 2000, 30_000, 10**7]

OUTPUTS = {
    "convert files out": "out",
    "export elmo out --token-embeddings": "out",
    "build-vocab text.txt -o out.txt": "out.txt",
    "embed elmo text.txt out.hdf5": "out.hdf5",
    "embed elmo text.txt out.parquet": "out.parquet",
    "embed elmo text.txt out": "out",
}


@pytest.fixture(scope="module")
def results(original_dir, model_dir, tmp_path_factory):
    """By command: the limit, the exit code, the standard error and the files that were left, of each run."""
    folder = tmp_path_factory.mktemp("failing") / "inputs"
    folder.mkdir()
    (folder / "files").symlink_to(original_dir)
    (folder / "elmo").symlink_to(model_dir)
    (folder / "text.txt").write_text("the bank of the river .\n" * 200 + " ".join(f"word{n}" for n in range(300)))
    result = programs.run(
        PROGRAM,
        folder,
        json.dumps(LIMITS),
        json.dumps(list(OUTPUTS)),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=folder.parent,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize(("command", "output"), OUTPUTS.items())
def test_a_write_that_fails_is_one_line(results, command, output):
    codes = set()
    for limit, exit_code, errors, left in results[command]:
        codes.add(exit_code)
        assert exit_code in (0, 2), (limit, errors)
        assert errors.count("\n") == (exit_code != 0), (limit, errors)
        assert not errors or errors.startswith("elmo: "), (limit, errors)
        allowed = {output} if exit_code == 0 else {f"{output}.incomplete"} if command.startswith("embed") else set()
        assert set(left) <= allowed, (limit, left)
    assert codes == {0, 2}
