# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Programs in processes of their own that start in half the time of a new Python, which most would spend on torch.

They are forked from a server that has imported torch and nothing that reads the environment: transformers and the
package are imported by each program anew. The installed command needs a Python started by a shell: its test uses
`subprocess`.
"""

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory


_SERVER = multiprocessing.get_context("forkserver")
# What transformers imports of other packages.
_SERVER.set_forkserver_preload(
    ["torch._dynamo", "torch.distributed.tensor", "torch.distributed.fsdp", "scipy.optimize", "tokenizers", "h5py"]
)

# Runs the command `elmo` with the program's arguments.
ELMO = "import torch; torch.set_num_threads(1); from modeling_elmo.cli.main import main; main()"


@dataclass(frozen=True)
class Program:
    """A program that runs."""

    process: BaseProcess
    folder: TemporaryDirectory

    def printed(self, stream: str = "out") -> str:
        """Returns what it has printed so far, to `out` or `err`."""
        path = Path(self.folder.name, stream)
        return path.read_text() if path.exists() else ""

    def finish(self, timeout: float = 300) -> subprocess.CompletedProcess:
        """Waits for its end; raises `subprocess.TimeoutExpired` if it doesn't come."""
        self.process.join(timeout)
        is_running = self.process.exitcode is None
        if is_running:
            self.process.kill()
            self.process.join()
        out, err = self.printed("out"), self.printed("err")
        self.folder.cleanup()
        if is_running:
            raise subprocess.TimeoutExpired(self.process.name, timeout, out, err)
        return subprocess.CompletedProcess(self.process.name, self.process.exitcode, out, err)


def start(code: str, *arguments: object, env: Mapping[str, str], cwd: Path) -> Program:
    """Starts code in a process."""
    folder = TemporaryDirectory(prefix="elmo-program-")
    command = ["-c", *map(str, arguments)]
    process = _SERVER.Process(target=_execute, args=(code, command, dict(env), cwd, Path(folder.name)), daemon=True)
    process.start()
    return Program(process, folder)


def run(code: str, *arguments: object, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess:
    """Runs code in one process."""
    return start(code, *arguments, env=env, cwd=cwd).finish()


def run_group(
    code: str, *arguments: object, count: int, env: Mapping[str, str], cwd: Path
) -> list[subprocess.CompletedProcess]:
    """Runs code in a group of processes with the variables that `torchrun` sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    environments = [{**env, **group, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    programs = [start(code, *arguments, env=environment, cwd=cwd) for environment in environments]
    return [program.finish() for program in programs]


def _execute(code: str, command: list[str], environment: dict[str, str], cwd: Path, folder: Path) -> None:
    for number, stream in enumerate(("out", "err"), start=1):
        with open(folder / stream, "wb") as file:
            os.dup2(file.fileno(), number)
    # transformers puts its cache of code there, in the process of the tests, which programs have in common.
    sys.path[:] = [path for path in sys.path if path != os.environ.get("HF_MODULES_CACHE")]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = command
    # As `python -c` does, so that programs import from their directory.
    sys.path.insert(0, "")
    exec(compile(code, "<string>", "exec"), sys.modules["__main__"].__dict__)
