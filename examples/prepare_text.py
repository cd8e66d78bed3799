# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits paragraphs into sentences and words, to train ELMo on.

Reads text files, also compressed, with one paragraph per line. For each, writes a file with one sentence per line,
whose words are separated by spaces and split as by `ElmoTokenizer`. A sentence ends at a period, exclamation or
question mark, with any closing quotation marks and brackets, if white space and a capital letter or an opening
quotation mark follow. Titles and initials ("Mr. B. Smith") do not end a sentence.

    python examples/prepare_text.py OUTPUT_DIRECTORY TEXT...
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

from modeling_elmo.files.text import COMPRESSED, TextLines
from modeling_elmo.model.word_splitting import treebank_pre_tokenizer


SENTENCE_END = re.compile(r"""(?<=[.!?])["'\u201d\u2019)\]]*\s+(?=["'\u201c\u2018(\[]*[A-Z])""")
NO_END = re.compile(
    r"""(?:^|[\s"'\u201c\u2018(\[])(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Messrs|Prof|Rev|Hon|Capt|Col|Gen|Lieut|Sergt|Mme|Mlle|No|vs|viz|cf)\.$"""
)


def sentences(paragraph: str) -> Iterator[str]:
    """Yields the sentences of a paragraph."""
    begin = 0
    for match in SENTENCE_END.finditer(paragraph):
        if not NO_END.search(paragraph[begin : match.start()]):
            yield paragraph[begin : match.end()].strip()
            begin = match.end()
    if paragraph[begin:].strip():
        yield paragraph[begin:].strip()


def outputs(output_directory: Path, paths: Sequence[Path]) -> dict[Path, Path]:
    """Returns the text for each output file.

    Raises:
        `ValueError`: If a text does not exist, or an output would overwrite a text or another output.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{path}: no such file")
        output = output_directory / (path.name.removesuffix(path.suffix) if path.suffix in COMPRESSED else path.name)
        if output in found:
            raise ValueError(f"{path}: {found[output]} goes to {output}, too: the texts need different names")
        if any(output.exists() and output.samefile(source) for source in paths):
            raise ValueError(f"{path}: choose an output directory other than that of the text, {output_directory}")
        found[output] = path
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Splits the texts."""
    parser = argparse.ArgumentParser(description="Splits paragraphs into sentences and words.")
    parser.add_argument("output_directory", type=Path, help="Directory to write to; files keep their names.")
    parser.add_argument(
        "texts", nargs="+", metavar="TEXT", help="One paragraph per line; also compressed, or a pattern."
    )
    given = parser.parse_args(arguments)
    found = outputs(
        given.output_directory, [Path(each) for name in given.texts for each in sorted(glob(name)) or [name]]
    )
    split = treebank_pre_tokenizer()
    given.output_directory.mkdir(parents=True, exist_ok=True)
    for output, path in found.items():
        # The file gets its name only when it is complete.
        work = output.with_name(f"{output.name}.incomplete")
        try:
            with work.open("w", encoding="utf-8") as file:
                for paragraph in TextLines(path):
                    for sentence in sentences(paragraph):
                        print(*(word for word, _ in split.pre_tokenize_str(sentence)), file=file)
            work.replace(output)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: can't be read, or {output} can't be written ({error})") from error
        finally:
            work.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
