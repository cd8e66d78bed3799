# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Options and output of every benchmark: tables, and a JSON line at the end."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import typer

from .correctness import WrongResultError


Text = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Text with a paragraph per line (plain, .gz, .xz) instead of synthetic text.",
    ),
]
Repeats = Annotated[int, typer.Option(min=1, help="Number of timings; the median is reported.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of torch; by default its own choice.")]
Quick = Annotated[bool, typer.Option("--quick", help="A tiny model and few sentences, to test the benchmark itself.")]
JsonOnly = Annotated[bool, typer.Option("--json-only", help="Print only the JSON line.")]

Cell = str | int | float | None


class Report:
    """Prints results as they come, unless only the JSON line is wanted."""

    def __init__(self, benchmark: str, threads: int | None, is_json_only: bool):
        self.threads = threads or torch.get_num_threads()
        self.is_json_only = is_json_only
        self.figures: dict[str, Any] = {
            "benchmark": benchmark,
            "threads": self.threads,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        # Progress bars and load reports would appear between the tables.
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.say(f"{benchmark}: {self.threads} threads, torch {torch.__version__}")

    def say(self, text: str) -> None:
        """Prints a line."""
        if not self.is_json_only:
            print(text, flush=True)

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Prints a table with the first column left-aligned and the others right-aligned."""
        cells = [list(header), *([_text(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        self.say(f"\n{title}")
        for first, *others in cells:
            padded = [text.rjust(width) for text, width in zip(others, widths[1:])]
            self.say("  ".join([first.ljust(widths[0]), *padded]).rstrip())

    def finish(self) -> None:
        """Prints the JSON line."""
        self.say("")
        print(json.dumps(self.figures), flush=True)


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def rounded(value: float) -> float:
    """Returns a value with three significant digits: no timing has more."""
    return float(f"{value:.3g}")


def run(main: Callable[..., None]) -> None:
    """Runs the command line of a benchmark. A wrong result or an unsuitable text is reported in one line."""
    try:
        typer.run(main)
    except (WrongResultError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
