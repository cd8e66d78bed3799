# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Kills every command at random moments: `python -m tests.kill_commands --moments 20 --seed 0`.

Each command runs once undisturbed. Then it is started again and again in a new folder and gets a signal after a random
part of its time: SIGKILL, SIGTERM or SIGINT. What is there under the name of the output must be complete, no other file
may be left (but for what the command resumes from, and after SIGKILL), and the same command run again must end with the
files of the undisturbed run.

At as many moments a second process of the same command starts. One of the two must succeed, and one that fails must
print a single line.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

from tests.helpers.hub_server import ORGANIZATION, HubServer
from tests.helpers.original_format import make_options, write_model


TWICE = "twice"
DISTURBANCES = ("SIGKILL", "SIGTERM", "SIGINT", TWICE)
WORDS = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]
TEXT = "the bank of the river .\nthe river\n\nof the bank of rivers .\n" * 400
REPOSITORY = f"{ORGANIZATION}/killed"
SERVER = multiprocessing.get_context("forkserver")

Files = dict[str, bytes]


@dataclass(frozen=True)
class Command:
    """A command to kill.

    Attributes:
        arguments (`str`): Its arguments, in a folder with `original`, `elmo`, `text.txt` and `vocab.txt`.
        output (`str`): The file or folder that it makes.
        resumes_from (`str`, *optional*): The file or folder that a stopped run leaves, to resume from.
        is_steady (`Callable`): Whether a file is the same in each run, by its name.
    """

    arguments: str
    output: str
    resumes_from: str | None = None
    is_steady: Callable[[str], bool] = lambda name: True


COMMANDS = [
    Command("convert original out", "out"),
    Command("export elmo out", "out"),
    Command("build-vocab text.txt -o out.txt", "out.txt"),
    *(
        Command(f"embed elmo text.txt {name} --layers all --shard-size 1", name, f"{name}.incomplete")
        for name in ("out.hdf5", "out.parquet", "out")
    ),
    Command(
        "pretrain --output out --train text.txt --vocab vocab.txt --preset tiny --max-steps 6 --save-steps 2 "
        "--batch-size 2 --num-steps 3 --negative-samples 0",
        "out",
        "out",
        # The others hold times, or the settings of `Trainer`.
        lambda name: name.count("/") == 1 and name.endswith((".safetensors", "config.json", "tokenizer.json")),
    ),
    Command(f"push elmo {REPOSITORY}", "pushed"),
]


def make_inputs(folder: Path) -> None:
    """Writes what the commands read."""
    from modeling_elmo.conversion_scripts import OriginalFiles, convert

    write_model(folder / "original", make_options(dim=64, projection_dim=32), words=WORDS)
    convert(OriginalFiles.find(folder / "original"), folder / "elmo")
    (folder / "text.txt").write_text(TEXT)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))


def files_of(path: Path) -> Files:
    """Returns the contents of a file, or of all files of a folder, by their names."""
    paths = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {each.relative_to(path.parent).as_posix(): each.read_bytes() for each in paths}


def execute(folder: Path, arguments: list[str], log: str) -> None:
    """Runs the command in a process of its own."""
    from modeling_elmo.cli.main import main

    os.chdir(folder)
    sys.argv = ["elmo", *arguments]
    with open(log, "wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main()


class Killer:
    """Runs one command, undisturbed or killed, each time in a new folder.

    Attributes:
        expected (`Files`): The output of the undisturbed run.
        seconds (`float`): How long it took.
    """

    def __init__(self, command: Command, inputs: Path, workspace: Path, hub: HubServer) -> None:
        self.command, self.inputs, self.workspace, self.hub = command, inputs, workspace, hub
        self.prepare()
        process = self.start()
        start = time.monotonic()
        process.join()
        self.seconds = time.monotonic() - start
        self.expected = self.output()
        assert self.expected, self.log()

    def prepare(self) -> None:
        """Makes a new folder of inputs."""
        shutil.rmtree(self.workspace, ignore_errors=True)
        shutil.copytree(self.inputs, self.workspace)
        self.hub.repositories.pop(REPOSITORY, None)

    def start(self, log: str = "log") -> BaseProcess:
        """Starts the command, and returns when its own code begins to run."""
        process = SERVER.Process(target=execute, args=(self.workspace, self.command.arguments.split(), log))
        process.start()
        while not (self.workspace / log).exists() and process.is_alive():
            time.sleep(0.001)
        return process

    def output(self) -> Files:
        """Returns the files of the output that are the same in each run."""
        if self.command.output == "pushed":
            return self.hub.files_of(REPOSITORY) if REPOSITORY in self.hub.repositories else {}
        files = files_of(self.workspace / self.command.output)
        return {name: data for name, data in files.items() if self.command.is_steady(name)}

    def log(self, name: str = "log") -> str:
        """Returns what the command has printed."""
        return (self.workspace / name).read_text()

    def left(self) -> set[str]:
        """Returns the names of files that are neither inputs, logs nor the output."""
        left = {path.name for path in self.workspace.iterdir()} - {path.name for path in self.inputs.iterdir()}
        return left - {"log", "second log", self.command.output}

    def kill(self, share: float, number: signal.Signals) -> str:
        """Kills the command after a share of its time. Returns `done`, `stopped` or what is wrong."""
        self.prepare()
        process = self.start()
        time.sleep(share * self.seconds)
        with suppress(ProcessLookupError):
            os.kill(process.pid or 0, number)
        process.join()
        was_done = process.exitcode == 0
        if process.exitcode not in (0, -number, 128 + number):
            return f"WRONG exit code {process.exitcode}: {self.log()}"
        if was_done and "Exception ignored in" in self.log():
            # Python drops what a handler raises while an object is deleted.
            return "done, the signal was dropped" if self.output() == self.expected else "WRONG output"
        if "Traceback" in self.log():
            return f"WRONG traceback: {self.log()}"
        found = self.output()
        if set(found) == {".gitattributes"}:
            # A repository is made before its first commit.
            found = {}
        if found not in ({}, self.expected) and self.command.resumes_from != self.command.output:
            return f"WRONG partial output: {sorted(found)}"
        left = self.left() - {self.command.resumes_from}
        if left and number != signal.SIGKILL:
            return f"WRONG left behind: {sorted(left)}"
        if not was_done:
            (self.workspace / "log").unlink()
            process = self.start()
            process.join()
            # After the last moment, there is nothing left to do.
            if process.exitcode != 0 and not found:
                return f"WRONG second run: exit code {process.exitcode}: {self.log()}"
        if self.output() != self.expected:
            return f"WRONG output of the second run: {sorted(self.output())}: {self.log()}"
        return "done" if was_done else "stopped"

    def run_twice(self, share: float) -> str:
        """Starts a second process of the command after a share of its time. Returns `N done` or what is wrong."""
        self.prepare()
        first = self.start()
        time.sleep(share * self.seconds)
        processes = {"log": first, "second log": self.start("second log")}
        for process in processes.values():
            process.join()
        for log, process in processes.items():
            text = self.log(log)
            is_error = text.splitlines()[-1].startswith("elmo: ")
            if process.exitcode not in (0, 2) or is_error == (process.exitcode == 0) or "Traceback" in text:
                return f"WRONG exit code {process.exitcode}: {text}"
        if self.output() != self.expected:
            return f"WRONG output: {sorted(self.output())}"
        if left := self.left():
            return f"WRONG left behind: {sorted(left)}"
        return f"{sum(process.exitcode == 0 for process in processes.values())} done"


def kill_commands(
    moments: int, seed: int, commands: list[Command], disturbances: Collection[str] = DISTURBANCES, report: bool = False
) -> Counter[str]:
    """Disturbs commands at random moments and counts the outcomes, by command and disturbance."""
    outcomes: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elmo-kill-")))
        hub = stack.enter_context(HubServer())
        # Before the server of processes starts, which hands them on.
        stack.enter_context(mock.patch.dict(os.environ, hub.environment(folder / "home")))
        SERVER.set_forkserver_preload(["modeling_elmo.cli.app", "modeling_elmo.pretraining.job", "pyarrow.parquet"])
        (folder / "inputs").mkdir()
        maker = SERVER.Process(target=make_inputs, args=(folder / "inputs",))
        maker.start()
        maker.join()
        assert maker.exitcode == 0
        for command in commands:
            killer = Killer(command, folder / "inputs", folder / "workspace", hub)
            rng = random.Random(f"{seed} {command.arguments}")
            for name in disturbances:
                for _ in range(moments):
                    share = rng.random()
                    outcome = killer.run_twice(share) if name == TWICE else killer.kill(share, signal.Signals[name])
                    kind = " ".join(command.arguments.split()[:4])
                    outcomes[f"{kind}: {name}: {outcome}"] += 1
                    if report and outcome.startswith("WRONG"):
                        print(f"{kind}: {name} after {share:.1%} of {killer.seconds:.1f} s: {outcome}", flush=True)
            if report:
                count = len(disturbances) * moments
                print(f"{command.arguments}: {count} moments of {killer.seconds:.1f} s", flush=True)
    return outcomes


def main() -> int:
    """Runs the program; returns 1 if an outcome was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=20, help="moments of each disturbance and command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", help="only the commands that begin with this, such as embed")
    parser.add_argument("--disturbance", choices=DISTURBANCES, help="only this one")
    given = parser.parse_args()
    commands = [command for command in COMMANDS if command.arguments.startswith(given.command or "")]
    outcomes = kill_commands(
        given.moments, given.seed, commands, [given.disturbance] if given.disturbance else DISTURBANCES, report=True
    )
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:5,}  {outcome}")
    return int(any("WRONG" in outcome for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
