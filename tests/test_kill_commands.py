# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
from tests.kill_commands import COMMANDS, SIGNALS, kill_commands


def test_a_killed_command_leaves_all_or_nothing_and_can_be_run_again():
    commands = [command for command in COMMANDS if command.arguments.startswith("convert")]
    outcomes = kill_commands(1, 0, commands)
    assert not [outcome for outcome in outcomes if "WRONG" in outcome]
    assert sum(outcomes.values()) == len(SIGNALS) * len(commands)
