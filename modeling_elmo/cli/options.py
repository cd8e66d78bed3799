# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, and how commands check and print values."""

import os
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option, echo

from ..models import NAMES, directory


def model_directory(model: Path | None) -> Path | None:
    """Returns the directory of a model that comes with the package, if that is meant."""
    return directory(str(model)) if model is not None and str(model) in NAMES and not model.exists() else model


ModelDirectory = Annotated[
    Path,
    Argument(
        metavar="MODEL",
        help="A model directory, as convert, pretrain and save_pretrained write it; or elmo-tiny, which comes with "
        "the package.",
        callback=model_directory,
    ),
]

DType = Literal["float32", "bfloat16", "float16"]

Column = Annotated[
    str | None,
    Option(help='Column or field that holds the sentences, for tables and datasets; "text" by default.'),
]

Force = Annotated[
    bool,
    Option(
        "--force", help="Replace OUT_DIR if it contains files. (A directory with subdirectories is never replaced.)"
    ),
]

Tokenized = Annotated[
    bool,
    Option(
        "--tokenized/--raw", help="Whether words are already separated by white space, or ELMo's tokenizer splits them."
    ),
]

License = Annotated[
    str | None,
    Option(help='License for the model card, by its identifier on the Hub: "apache-2.0".', show_default=False),
]

Language = Annotated[
    list[str], Option(metavar="CODE", help='Language for the model card, an ISO code: "en". May be repeated.')
]

SourceLanguage = Annotated[
    list[str],
    Option(
        metavar="CODE",
        help="Language of the model (ISO code): for the card, and for the rules that split raw text. May be repeated.",
    ),
]

Strict = Annotated[
    bool, Option("--strict", help="Make every warning about the text an error, before anything is written.")
]

TextLanguage = Annotated[
    str | None,
    Option(
        metavar="CODE",
        help="Language whose rules split raw text: en, ca, de, es, fr, it, nl, pt, or xx for another. By default en.",
        show_default=False,
    ),
]

MinCoverage = Annotated[
    float,
    Option(min=0, max=1, help="Share of the words of the text that the vocabulary must cover; 0 for any vocabulary."),
]

ReplaceInvalid = Annotated[
    bool, Option("--replace-invalid", help="Decode invalid UTF-8 as U+FFFD. By default, it is an error.")
]

Texts = Annotated[
    list[str], Argument(metavar="TEXT...", help="Text files (.gz, .xz, .bz2, .zst too), or quoted patterns.")
]

SentencePerRow = Annotated[
    bool, Option("--sentence-per-row", help="Process each sentence separately; LSTM states are not carried over.")
]


def report(line: str) -> None:
    """Prints a line about what was done, unless `elmo --quiet` runs."""
    from ..files.progress import QUIET

    if not QUIET.get():
        echo(line)


def is_main_process() -> bool:
    """Returns whether this is the one process of a launcher such as torchrun that reports to the user."""
    return int(os.environ.get("RANK", "0")) == 0


def warn_of_too_many_threads() -> None:
    """Prints a line if the threads of all processes are more than the cores."""
    from ..hardware import thread_advice

    advice = thread_advice()
    if advice is not None and is_main_process():
        echo(f"elmo: warning: {advice}", err=True)


def printable(text: object) -> str:
    """Escapes line breaks and control characters: file names and datasets may contain anything."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text))
