# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Vocabulary files: one word per line, line n (from 0) has id n."""

import os
import re


# Stripped from the lines of a vocabulary file. Other white space may be part of a word.
LINE_SPACE = " \t\r\n"

# A line in vocabulary files of the Google language model that bilm-tf started from. Not a word; it has no id.
NOT_A_WORD = "!!!MAXTERMID"

SPECIAL_TOKENS = {
    "bos_token": "<S>",
    "eos_token": "</S>",
    "unk_token": "<UNK>",
    "pad_token": "<PAD>",
    "mask_token": "<MASK>",
}

# Lines of programs that count words: the count, or the frequency, after the word; after a comma; or before it, as
# `uniq -c` writes it.
WITH_COUNT = (
    re.compile(r"(\S+)[ \t]+\d+(?:\.\d+)?(?:[eE]-?\d+)?"),
    re.compile(r"([^\s,]*[^\s,\d][^\s,]*),\d+"),
    re.compile(r"\d+[ \t]+(\S+)"),
)


def read_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    """Returns the words of a vocabulary file. Raises `ValueError` without UTF-8, and for words with counts."""
    lines = vocabulary_lines(path)
    if (words := without_counts(lines)) is not None:
        counted = next(line for line, word in zip(lines, words) if line != word)
        number = _all_lines(path).index(counted) + 1
        raise ValueError(
            f"{os.path.basename(path)}: line {number}: expected a word, found {counted!r}, a word with a count; leave "
            "the counts out"
        )
    return lines


def vocabulary_lines(path: str | os.PathLike[str]) -> list[str]:
    """Returns the lines of a vocabulary file that have ids. Raises `ValueError` without UTF-8."""
    return [line for line in _all_lines(path) if line != NOT_A_WORD]


def _all_lines(path: str | os.PathLike[str]) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as file:
            return [line.strip(LINE_SPACE) for line in file]
    except UnicodeDecodeError as error:
        name = os.path.basename(path)
        raise ValueError(f"{name}: expected UTF-8 text, found byte {error.object[error.start]:#04x}") from error


def without_counts(lines: list[str]) -> list[str] | None:
    """Returns the words of lines that are words with counts, or `None` if they are not."""
    special = {"", *SPECIAL_TOKENS.values()}
    for pattern in WITH_COUNT:
        matches = [pattern.fullmatch(line) for line in lines]
        if any(matches) and all(match or line in special for match, line in zip(matches, lines)):
            return [match[1] if match else line for match, line in zip(matches, lines)]
    return None
