# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`vocab.txt` or `vocab.txt.gz`: one word a line, line n (from 0) has id n.

A model that reads characters gives the same vectors with any vocabulary and with none, so for it nothing in this file
is an error: what is unusual is noted. A model that reads words looks up a vector by the id, so the ids must be right.
"""

from pathlib import Path

from modeling_elmo.files.errors import ElmoFormatError, one_line
from modeling_elmo.files.text import TextLines
from modeling_elmo.model.loading_checks import abbreviated
from modeling_elmo.model.vocabulary_files import (
    LINE_SPACE,
    NOT_A_WORD,
    SPECIAL_TOKENS,
    vocabulary_lines,
    without_counts,
)


# How much larger a vocabulary may be than its compressed file. Small files may contain up to `MIN_BYTES`.
MAX_COMPRESSION = 100
MIN_BYTES = 2**26


def read_words(
    path: Path, options_name: str, num_words: int | None, reads_words: bool, is_named: bool
) -> tuple[list[str], list[str]]:
    """Reads a vocabulary.

    Args:
        path (`Path`): The file; decompressed if its name ends in `.gz`.
        options_name (`str`): The file that says `num_words`, for messages.
        num_words (`int`, *optional*): How many words there must be.
        reads_words (`bool`): Whether the model reads words.
        is_named (`bool`): Whether the user chose this file, so that another number of words is no surprise.

    Returns:
        The words by id, all different: of a repeated word the last line has it, as in the original code, and the lines
        before have names that no text contains. And notes for the user, whole sentences.

    Raises:
        `ElmoFormatError`: If the file can't be read; for a model that reads words, also if its ids can't be right.
    """
    try:
        words = _read_compressed(path) if path.suffix.lower() == ".gz" else vocabulary_lines(path)
    except (OSError, ValueError) as error:
        if reads_words or is_named:
            hint = "" if reads_words else "; for a model that reads characters, --no-vocab leaves it out"
            raise ElmoFormatError(f"{one_line(error)}{hint}") from error
        return [], [f"The vocabulary is left out, which does not change the vectors: {one_line(error)}."]
    notes = []
    if (counted := without_counts(words)) is not None:
        words = counted
        notes.append(f"The counts in {path.name} are left out: its lines are words with counts.")
    if num_words not in (None, len(words)):
        found = f"{options_name}: n_tokens_vocab is {num_words}, but {path.name} has {len(words)} words"
        if reads_words:
            raise ElmoFormatError(found)
        if not is_named:
            notes.append(f"{found}; a model that reads characters gives the same vectors with any vocabulary.")
    missing = [token for token in list(SPECIAL_TOKENS.values())[:3] if token not in words]
    if reads_words and missing:
        raise ElmoFormatError(f"{path.name}: a model that reads words needs {', '.join(missing)} in the vocabulary")
    return _distinct(path.name, words, reads_words, notes), notes


def _read_compressed(path: Path) -> list[str]:
    words, total = [], 0
    most = max(MIN_BYTES, MAX_COMPRESSION * path.stat().st_size)
    for line in TextLines(path):
        # As many bytes as letters, or more.
        total += len(line) + 1
        if total > most:
            raise ValueError(f"{path.name}: expected at most {most:,} bytes in a file of its size, found more")
        words.append(line.strip(LINE_SPACE))
    return [word for word in words if word != NOT_A_WORD]


def _distinct(name: str, words: list[str], reads_words: bool, notes: list[str]) -> list[str]:
    last = {word: id for id, word in enumerate(words)}
    repeated = [id for id, word in enumerate(words) if last[word] != id]
    if not repeated:
        return words
    first = repeated[0]
    word = words[first]
    what = f"words {first} and {last[word]} (from 0) are both {abbreviated(word)}"
    if reads_words:
        raise ElmoFormatError(
            f"{name}: {what}; a model that reads words needs one line for each: give the line that is never looked up "
            "another word"
        )
    notes.append(f"{name}: {what}; the last line of a repeated word is looked up ({len(repeated)} are not).")
    taken, distinct = set(words), list(words)
    for id in repeated:
        # White space keeps it from being a word of any text. Every line keeps its id.
        distinct[id] = f"{words[id]} <line {id + 1}>"
        while distinct[id] in taken:
            distinct[id] += ">"
        taken.add(distinct[id])
    return distinct
