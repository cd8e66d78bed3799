# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

from tests.test_repository import ROOT


def test_a_killed_command_leaves_all_or_nothing_and_can_be_run_again():
    # Its processes are forked from a server that has imported the package, unlike those of the other tests.
    command = [sys.executable, "-m", "tests.kill_commands", "--moments", "1", "--command", "convert"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "convert original out: SIGKILL: " in result.stdout
    assert "convert original out: twice: " in result.stdout
