# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The command `elmo`. Bad input and wrong usage are told in one line on standard error, with exit code 2."""

import signal
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from transformers.utils import logging

from .version import __version__


# Errors of usage are click's `UsageError`, which typer keeps in different places in different versions: it is the class
# that this one is derived from.
UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="elmo",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class DType(str, Enum):
    """Type of the weights in a model directory."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Replace OUT_DIR if it holds files. (A directory that holds others is never replaced.)"
    ),
]

Tokenized = Annotated[
    bool,
    typer.Option(
        "--tokenized/--raw",
        help="Whether words are what white space separates; or raw text, which ELMo's tokenizer splits.",
    ),
]

ReplaceInvalid = Annotated[
    bool, typer.Option("--replace-invalid", help="Read bytes that are not UTF-8 as U+FFFD. By default, an error.")
]


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def elmo(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """ELMo for Hugging Face transformers."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(short_help="Original files to a model directory.")
def convert(
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="[SOURCE_DIR] OUT_DIR", help="Where the original files are, and the directory to make."),
    ],
    options: Annotated[Path | None, typer.Option(help="options.json, if not found in SOURCE_DIR.")] = None,
    weights: Annotated[Path | None, typer.Option(help="weights.hdf5, if not found in SOURCE_DIR.")] = None,
    vocab: Annotated[Path | None, typer.Option(help="vocab.txt, if not found in SOURCE_DIR. May be missing.")] = None,
    token_embeddings: Annotated[
        Path | None, typer.Option(help="vocab_embedding.hdf5. The converted model then reads words, not characters.")
    ] = None,
    dtype: Annotated[DType, typer.Option(help="Type of the converted weights.")] = DType.float32,
    force: Force = False,
) -> None:
    """Convert an original ELMo model (options.json, weights.hdf5) into a directory for AutoModel.from_pretrained."""
    from .conversion_scripts import OriginalFiles
    from .conversion_scripts import convert as convert_files

    if len(directories) > 2:
        raise typer.BadParameter(f"expected [SOURCE_DIR] OUT_DIR, found {len(directories)} directories")
    *source_dir, out_dir = directories
    files = OriginalFiles.find(source_dir[0] if source_dir else None, options, weights, vocab, token_embeddings)
    convert_files(files, out_dir, dtype=dtype.value, force=force, progress=True)
    typer.echo(f"Wrote {_printable(out_dir)}")


@app.command(short_help="A model directory to original files.")
def export(
    model_dir: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="Written by convert or save_pretrained.")],
    out_dir: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="The directory to make.")],
    token_embeddings: Annotated[
        bool, typer.Option("--token-embeddings", help="Write vocab_embedding.hdf5 too: every word's token embedding.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a model back as original files: options.json, weights.hdf5, vocab.txt."""
    from .conversion_scripts import export as export_files

    export_files(model_dir, out_dir, token_embeddings=token_embeddings, force=force, progress=True)
    typer.echo(f"Wrote {_printable(out_dir)}")


@app.command(short_help="Text to a vocabulary file.")
def build_vocab(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="Text files (.gz and .xz too), or patterns in quotes.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The vocabulary file to make.")],
    size: Annotated[int | None, typer.Option(help="The most entries, the three special tokens included.")] = None,
    min_count: Annotated[int, typer.Option(help="How often a word must stand in the text.")] = 1,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
) -> None:
    """Count the words of text files: <S>, </S> and <UNK>, then words by falling frequency, one a line."""
    from .corpus import TextFiles, WordSplitter
    from .tokenization_elmo import ElmoTokenizer
    from .vocabulary import build_vocabulary, count_words, write_vocabulary

    if not output.parent.is_dir():
        raise typer.BadParameter(f"--output: {output.parent}: no such directory")
    corpus = TextFiles(texts, errors="replace" if replace_invalid else "strict")
    splitter = WordSplitter(None if tokenized else ElmoTokenizer())
    vocabulary = build_vocabulary(*count_words(corpus, splitter), size=size, min_count=min_count)
    write_vocabulary(vocabulary.words, output)
    share = vocabulary.num_known_words / max(vocabulary.num_text_words, 1)
    typer.echo(
        f"Wrote {_printable(output)}: {len(vocabulary.words):,} entries. They cover {share:.2%} of "
        f"{vocabulary.num_text_words:,} words in {vocabulary.num_sentences:,} lines."
    )


def main() -> None:
    """Runs the command line: exit code 0, or 2 after one line on standard error."""
    from .conversion_scripts import ElmoFormatError

    _keep_quiet()
    _clean_up_when_stopped()
    try:
        # Not standalone: typer would tell wrong usage in several lines.
        code = app(prog_name="elmo", standalone_mode=False)
    except (ElmoFormatError, ValueError, OSError, MemoryError) as error:
        _fail(str(error) or "out of memory")
    except UsageError as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    raise SystemExit(code)


def _keep_quiet() -> None:
    """Silences progress bars and warnings of transformers."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _clean_up_when_stopped() -> None:
    """Lets a conversion that is terminated, or whose terminal is closed, take its temporary files away."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Under nohup, a closed terminal is to be ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _fail(message: str) -> NoReturn:
    typer.echo(f"elmo: {_printable(message)}", err=True)
    raise SystemExit(2)


def _printable(text: object) -> str:
    """Escapes what would break the line, or act upon the terminal: names of files and datasets may hold anything."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text))


if __name__ == "__main__":
    main()
