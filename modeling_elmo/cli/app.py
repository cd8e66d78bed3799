# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The typer application `elmo`: its commands, what precedes each of them, and their errors."""

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ..version import __version__
from .conversion import convert, export
from .doctor import doctor
from .embedding import embed, neighbors
from .hub import push
from .main import exit_at_once
from .options import printable
from .pretraining import build_vocab, evaluate, pretrain


# The base class of click's usage errors. The module that holds it depends on typer's version.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="elmo",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class _Command(TyperCommand):
    def invoke(self, ctx: Any) -> Any:
        """Runs the command. Arguments are parsed by now, so that `--help` and wrong usage have loaded nothing."""
        # Models save their code with them only if they are registered.
        from .. import registration  # noqa: F401
        from ..files.progress import QUIET

        QUIET.set(ctx.find_root().params.get("quiet", False))
        _silence_libraries()
        if signal.getsignal(signal.SIGINT) is exit_at_once:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        with _warnings_as_lines(is_strict=ctx.params.get("strict", False)):
            return super().invoke(ctx)


for _function, _short_help in (
    (convert, "Original files to a model directory."),
    (push, "A model directory to the Hub."),
    (export, "A model directory to original files or ONNX."),
    (build_vocab, "Text to a vocabulary file."),
    (pretrain, "Train a language model on text."),
    (evaluate, "A language model's perplexity on text."),
    (embed, "Sentences to a file of vectors."),
    (neighbors, "The nearest contexts of a word."),
    (doctor, "What this machine can do."),
):
    app.command(cls=_Command, short_help=_short_help)(_function)


def _show_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(__version__)
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog="Exit codes: 0 done; 2 wrong usage, bad input, or nothing found; 130 interrupted by Ctrl-C, 143 by SIGTERM, "
    "129 by SIGHUP; 1 internal error, with a traceback, or nobody reads the output, as after `| head`.",
)
def _elmo(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print results, warnings and errors only: no progress, no report of files. Before the command: elmo "
            "--quiet embed ...",
        ),
    ] = False,
) -> None:
    """ELMo for Hugging Face transformers."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@contextmanager
def _warnings_as_lines(is_strict: bool) -> Iterator[None]:
    """Prints a warning of this package in one line, or raises it."""
    from tqdm import tqdm

    from ..model.text_warnings import ElmoWarning

    def show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        if issubclass(category, ElmoWarning):
            # Above a progress bar.
            tqdm.write(f"elmo: warning: {printable(message)}", file=sys.stderr)
        else:
            show_others(message, category, *args, **kwargs)

    with warnings.catch_warnings():
        show_others, warnings.showwarning = warnings.showwarning, show
        warnings.simplefilter("error" if is_strict else "default", ElmoWarning)
        yield


def _silence_libraries() -> None:
    """Silences progress bars of transformers, and warnings of transformers and of the Hub client."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    logging.set_verbosity_error()
    hub_logging.set_verbosity_error()
    logging.disable_progress_bar()


def error_message(error: Exception) -> str | None:
    """Returns one printable line about bad input or wrong usage, and None for an error of the program.

    Raises:
        `KeyboardInterrupt`: If the user has aborted a command.
    """
    if isinstance(error, typer.Abort):
        raise KeyboardInterrupt from error
    if isinstance(error, _UsageError):
        option, context = getattr(error, "option_name", None), error.ctx
        if option in ("--quiet", "-q") and context is not None and context.parent is not None:
            return f"{option}: pass it before the command: elmo {option} {context.info_name} ..."
        # Some versions of typer name the class of the error within.
        return printable(error.format_message().replace("Value error, ", "", 1))
    from huggingface_hub.errors import StrictDataclassError

    from ..files.errors import one_line
    from ..model.text_warnings import ElmoWarning

    if isinstance(error, StrictDataclassError):
        return printable(one_line(error))
    if isinstance(error, ElmoWarning):
        return printable(f"{error} (without --strict, it is a warning)")
    if isinstance(error, OSError) and error.errno and error.strerror == os.strerror(error.errno):
        # Of a move, the name that the user gave, not that of the temporary file.
        name = error.filename2 or error.filename
        return printable(f"{'' if name is None else f'{name}: '}{error.strerror.lower()}")
    if isinstance(error, (ValueError, OSError, MemoryError)):
        return printable(str(error) or "out of memory")
    return None
