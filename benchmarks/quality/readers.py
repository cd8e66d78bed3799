# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Readers of the data that are probed: text with a tag after each word (MASC), and Senseval's XML."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LabelledWords:
    """A sentence with a label for each word, `None` for words without one.

    Attributes:
        words (`list[str]`): The words.
        labels (`list[str | None]`): The label of each word.
        group (`str`): Labels are compared only within a group: for word senses, the ambiguous word.
    """

    words: list[str]
    labels: list[str | None]
    group: str = ""


def read_tagged_text(path: str, encoding: str = "utf-8") -> list[LabelledWords]:
    """Reads text with a tag after each word (`the_DT bank_NN`), one sentence per line.

    A piece without a tag is a word without a label: in MASC, the first pieces of a word with spaces in it (`. . ._:`).
    """
    sentences = []
    # Only line feeds end a line: text contains the other characters that Python would split at.
    for line in Path(path).read_bytes().decode(encoding).split("\n"):
        pieces = [piece.rpartition("_") for piece in line.split()]
        tagged = [(word, tag) if word and tag else (f"{word}{mark}{tag}", None) for word, mark, tag in pieces]
        if tagged:
            words, labels = map(list, zip(*tagged))
            sentences.append(LabelledWords(words, labels))
    if not any(label for sentence in sentences for label in sentence.labels):
        raise ValueError(f"{path}: expected words with tags, as in the_DT, found none")
    return sentences


def read_senseval(path: str, encoding: str = "utf-8") -> list[LabelledWords]:
    """Reads the instances of an ambiguous word from Senseval's XML. Only this word has a label: its sense."""
    try:
        root = ElementTree.fromstring(Path(path).read_bytes().decode(encoding))
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}: not an XML file: {error}") from error
    sentences = []
    for item in root.iter("lexelt"):
        for instance in item.iter("instance"):
            answer, context = instance.find("answer"), instance.find("context")
            sense = None if answer is None else answer.get("senseid")
            words: list[str] = []
            labels: list[str | None] = []
            for child in context if context is not None else ():
                is_head = child.tag == "head"
                for number, word in enumerate(child.iter("wf") if is_head else [child]):
                    words.append((word.text or "").strip())
                    labels.append(sense if is_head and number == 0 else None)
            if sense is None or sense not in labels:
                where = f"{path}: instance {instance.get('id')}"
                raise ValueError(f"{where}: expected an answer with a senseid and a context with a head")
            kept = [(word, label) for word, label in zip(words, labels) if word]
            sentences.append(LabelledWords(*map(list, zip(*kept)), str(item.get("item"))))
    if not sentences:
        raise ValueError(f"{path}: expected instances of an ambiguous word, found none")
    return sentences
