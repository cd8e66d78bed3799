# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Programs in processes of their own that start in half the time of a new Python, which most would spend on torch.

They are forked from a server that has imported torch and nothing that reads the environment: transformers and the
package are imported by each program anew. Signals, exit codes and the installed command need a Python started by a
shell: those tests use `subprocess`.
"""

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory


_SERVER = multiprocessing.get_context("forkserver")
# What transformers imports of other packages.
_SERVER.set_forkserver_preload(
    ["torch._dynamo", "torch.distributed.tensor", "torch.distributed.fsdp", "scipy.optimize"]
)


def run_all(
    code: str, *runs: tuple[list[object], Mapping[str, str]], cwd: Path, timeout: float = 300
) -> list[subprocess.CompletedProcess]:
    """Runs code in several processes at once, each with its arguments and its environment.

    Raises `subprocess.TimeoutExpired` if one of them doesn't end.
    """
    with TemporaryDirectory(prefix="elmo-programs-") as name:
        processes: list[BaseProcess] = []
        outputs = []
        for number, (arguments, environment) in enumerate(runs):
            paths = [Path(name, f"{number}.{stream}") for stream in ("out", "err")]
            command = ["-c", *map(str, arguments)]
            processes.append(_SERVER.Process(target=_execute, args=(code, command, dict(environment), cwd, paths)))
            outputs.append(paths)
            processes[-1].start()
        for process in processes:
            process.join(timeout)
        running = [process for process in processes if process.exitcode is None]
        for process in running:
            process.kill()
        results = [
            subprocess.CompletedProcess(code, process.exitcode, *(path.read_text() for path in paths))
            for process, paths in zip(processes, outputs)
        ]
    if running:
        raise subprocess.TimeoutExpired(code, timeout, results[0].stdout, results[0].stderr)
    return results


def run(code: str, *arguments: object, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess:
    """Runs code in one process."""
    return run_all(code, (list(arguments), env), cwd=cwd)[0]


def run_group(
    code: str, *arguments: object, count: int, env: Mapping[str, str], cwd: Path
) -> list[subprocess.CompletedProcess]:
    """Runs code in a group of processes with the variables that `torchrun` sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    environments = [{**env, **group, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    return run_all(code, *((list(arguments), environment) for environment in environments), cwd=cwd)


def _execute(code: str, command: list[str], environment: dict[str, str], cwd: Path, paths: list[Path]) -> None:
    for number, path in enumerate(paths, start=1):
        with open(path, "wb") as file:
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
