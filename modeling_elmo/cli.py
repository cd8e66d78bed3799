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
"""The command `elmo`. Bad input is told in one line on standard error, with exit code 2."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


app = typer.Typer(
    name="elmo",
    help="ELMo for Hugging Face transformers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class DType(str, Enum):
    """Type of the weights in a model directory."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


Force = Annotated[bool, typer.Option("--force", help="Replace OUT_DIR if it already holds something.")]


@app.command()
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
    typer.echo(f"Wrote {out_dir}")


@app.command()
def export(
    model_dir: Annotated[Path, typer.Argument(help="A directory that convert or save_pretrained wrote.")],
    out_dir: Annotated[Path, typer.Argument(help="The directory to make.")],
    token_embeddings: Annotated[
        bool, typer.Option("--token-embeddings", help="Write vocab_embedding.hdf5 too: every word's token embedding.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a model back as original files: options.json, weights.hdf5, vocab.txt."""
    from .conversion_scripts import export as export_files

    export_files(model_dir, out_dir, token_embeddings=token_embeddings, force=force, progress=True)
    typer.echo(f"Wrote {out_dir}")


def main() -> None:
    """Runs the command line."""
    from .conversion_scripts import ElmoFormatError

    try:
        app()
    except (ElmoFormatError, OSError) as error:
        typer.echo(f"elmo: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
