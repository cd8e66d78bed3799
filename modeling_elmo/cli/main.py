# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs the command `elmo`: bad input and wrong usage are one line on standard error and exit code 2.

Imports nothing but the standard library before `main` handles Ctrl-C.
"""

import os
import signal
import sys


def main() -> None:
    """Runs the command line and exits: with code 0, 2 after an error, or 128 plus the number of a signal.

    `elmo --help` lists the codes."""
    _clean_up_when_stopped()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, exit_at_once)
    code: int | None = 130
    try:
        from .app import app, error_message

        try:
            # Not standalone: typer would report wrong usage in several lines.
            code = app(prog_name="elmo", standalone_mode=False)
        except Exception as error:
            message = error_message(error)
            if message is None:
                raise
            sys.stderr.write(f"elmo: {message}\n")
            code = 2
    except KeyboardInterrupt:
        pass
    raise SystemExit(code)


def exit_at_once(number: int, frame: object) -> None:
    """Handles Ctrl-C until a command begins: imports may swallow a `KeyboardInterrupt`, or print it."""
    os._exit(128 + number)


def _clean_up_when_stopped() -> None:
    """Exits normally on SIGTERM and SIGHUP, so that temporary files are removed."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Under nohup, SIGHUP stays ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
