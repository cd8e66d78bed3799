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
"""Cuts paragraphs into sentences and words: what ELMo is trained on.

Reads text files with a paragraph a line (plain, .gz, .xz) and writes, for each, a file with a sentence a line, its
words separated by spaces, split as `ElmoTokenizer` splits them. A sentence ends at a period, exclamation or question
mark, with the quotation marks and brackets that close after it, before white space and an opening quotation mark or a
capital letter; titles and initials ("Mr. B. Smith") end none.

    python examples/prepare_text.py OUTPUT_DIRECTORY TEXT...
"""

import gzip
import lzma
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from modeling_elmo.treebank import treebank_pre_tokenizer


OPENERS = {".gz": gzip.open, ".xz": lzma.open}
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


def main(output_directory: str, *paths: str) -> None:
    split = treebank_pre_tokenizer()
    Path(output_directory).mkdir(parents=True, exist_ok=True)
    for path in map(Path, paths):
        name = path.name.removesuffix(path.suffix) if path.suffix in OPENERS else path.name
        with (
            OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as text,
            Path(output_directory, name).open("w", encoding="utf-8") as output,
        ):
            for paragraph in text:
                for sentence in sentences(paragraph):
                    print(*(word for word, _ in split.pre_tokenize_str(sentence)), file=output)


if __name__ == "__main__":
    main(*sys.argv[1:])
