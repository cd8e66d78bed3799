# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads texts, or pairs of texts, with labels: tables (CSV, TSV, JSON, Parquet, `datasets`) and lines with a label.

Labels that are whole numbers have one form in all files: `1`, `1.0` and `"1.0"` are the label `1`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from datasets import ClassLabel, Dataset, Features
from transformers.hf_argparser import HfArg
from transformers.utils import logging

from arguments import LabelledDataArguments
from data_splits import is_number, text_lines
from modeling_elmo.embedding.sources import checked_sentence
from modeling_elmo.files.tables import is_header, open_rows, table_format


logger = logging.get_logger(f"transformers.{__name__}")

# What marks a label in the files of fastText.
FASTTEXT = "__label__"

# The label of texts without one: SNLI's pairs on which annotators disagree.
NO_LABEL = "-"


@dataclass
class TextArguments(LabelledDataArguments):
    """Which files to read, their format, and what the labels are."""

    file_format: Literal["csv", "tsv", "json", "jsonl", "parquet", "lines"] | None = HfArg(
        default=None,
        help="By default that of the file's extension; 'lines' have a label, a space or tab and a text each, or are "
        "those of fastText: __label__A __label__B text.",
    )
    text_column: str = HfArg(default="text", help="The column of the texts.")
    text_pair_column: str | None = HfArg(default=None, help="The column of the second texts of pairs.")
    label_column: str = HfArg(default="label", help="The column of the labels; lists of labels are multi-label.")
    ignore_labels: list[str] | None = field(
        default=None,
        metadata={
            "help": "Leave out texts with these labels. By default '-' where all others are words, as in SNLI; '' for "
            "none."
        },
    )
    regression: bool = HfArg(default=False, help="Whether labels are numbers to predict.")
    is_split_into_words: bool | None = HfArg(
        default=None, help="Whether the words of the texts are separated by spaces. By default only in 'lines'."
    )

    @property
    def has_words(self) -> bool:
        """Whether spaces separate the words of the texts."""
        return self.file_format == "lines" if self.is_split_into_words is None else self.is_split_into_words


def read_texts(path: str, data: TextArguments) -> Dataset:
    """Reads a file into the columns `text`, `text_pair` (pairs only) and `label`: a text, or a list if multi-label."""
    name, file_format = Path(path).name, data.file_format or table_format(path)
    if file_format is None and not Path(path).is_dir():
        raise ValueError(f"{name}: pass --file_format csv, tsv, json, parquet or lines")
    if file_format == "lines" and data.text_pair_column is not None:
        raise ValueError("text_pair_column: files of the format 'lines' have no pairs")
    if Path(path).is_file() and not Path(path).stat().st_size:
        raise ValueError(f"{name}: expected rows, found an empty file")
    rows = read_lines(path, data.encoding) if file_format == "lines" else list(table_rows(path, file_format, data))
    rows = without_ignored(rows, name, data.ignore_labels)
    warn_of_columns(rows, name, data)
    if any(len(row["label"]) != 1 for row in rows):
        if data.regression:
            raise ValueError(f"{name}: expected one number as the label, found several; --regression has one label")
        return Dataset.from_list(rows)
    return Dataset.from_list([{**row, "label": row["label"][0]} for row in rows])


def table_rows(path: str, file_format: str | None, data: TextArguments) -> Iterator[dict[str, Any]]:
    """Yields the texts of a table, and a list of labels for each."""
    parts = {"text": data.text_column, "label": data.label_column}
    parts |= {} if data.text_pair_column is None else {"text_pair": data.text_pair_column}
    options = {column: f"--{part}_column" for part, column in parts.items()}
    rows = open_rows(path, options, "json" if file_format == "jsonl" else file_format, encoding=data.encoding)
    features = getattr(rows, "features", None)
    if features is None and hasattr(rows, "schema"):
        features = Features.from_arrow_schema(rows.schema)
    kind = features.get(data.label_column) if features else None
    for number, row in enumerate(rows, start=1):
        where = f"{Path(path).name}: {getattr(rows, 'place', f'row {number}')}"
        if not isinstance(row, dict):
            raise ValueError(f"{where}: expected an object with the columns, found {type(row).__name__}")
        found = {}
        for part, column in parts.items():
            if column not in row:
                raise ValueError(
                    f"{where}: expected a column {column!r}, found {', '.join(row)}; see {options[column]}"
                )
            if row[column] in (None, "") or row[column] != row[column]:
                raise ValueError(f"{where}: {part}_column is empty")
            if part != "label":
                text = checked_sentence(row[column], f"{where}: {column}")
                found[part] = text if isinstance(text, str) else " ".join(text)
        yield {**found, "label": labels_of(row[data.label_column], kind, where)}


def labels_of(value: Any, kind: Any, where: str) -> list[str]:
    """Returns the labels of a row: texts, numbers, ids of a `ClassLabel`, or a list of these."""
    if isinstance(value, (list, tuple)):
        kind = getattr(kind, "feature", None)
        return [label for each in value for label in labels_of(each, kind, where)]
    if isinstance(kind, ClassLabel) and isinstance(value, int):
        # `datasets` has -1 for no label.
        return [kind.int2str(value) if value >= 0 else NO_LABEL]
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"{where}: expected a label or a list of labels, found {type(value).__name__}")
    return [label_text(value)]


def label_text(value: str | float) -> str:
    """Returns the one form of a label: `1` for 1, 1.0 and `"1.0"`."""
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", str(value).strip())


def read_lines(path: str, encoding: str) -> list[dict[str, Any]]:
    """Reads lines of a label, a space or a tab, and a text, or lines of fastText, with a list of labels for each text.

    A tab separates them if each line has one: labels may then have spaces. Lines of fastText have any number of labels
    at any place.
    """
    lines = [(where, line) for where, line in text_lines(path, encoding) if line.strip()]
    is_fasttext = bool(lines) and any(word.startswith(FASTTEXT) for word in lines[0][1].split())
    separator = r"\t" if all("\t" in line.strip() for _, line in lines) else r"[ \t]"
    rows = []
    for where, line in lines:
        if is_fasttext:
            words = line.split()
            labels = [word.removeprefix(FASTTEXT) for word in words if word.startswith(FASTTEXT)]
            text = " ".join(word for word in words if not word.startswith(FASTTEXT))
            if not all(labels) or not labels or not text:
                raise ValueError(f"{where}: expected {FASTTEXT}LABEL and a text, as in the first line: {line[:60]!r}")
        else:
            label, text, *_ = (*re.split(separator, line, maxsplit=1), "")
            if not label.strip() or not text.strip():
                raise ValueError(f"{where}: expected a label, a space or tab, and a text: {line[:60]!r}")
            labels = [label_text(label)]
        rows.append({"text": text.strip(), "label": labels})
    if lines and "\t" in lines[0][1] and is_header(lines[0][1]):
        raise ValueError(f"{lines[0][0]}: {lines[0][1][:60]!r} names columns: pass --file_format tsv")
    if rows and separator == r"\t" and all(" " in row["label"][0] and " " not in row["text"] for row in rows):
        raise ValueError(
            f"{lines[0][0]}: expected a label, a tab and a text, found the text first in every line; exchange them, or "
            "add a first line with the names of the columns and pass --file_format tsv"
        )
    return rows


def without_ignored(rows: list[dict[str, Any]], name: str, ignored: list[str] | None) -> list[dict[str, Any]]:
    """Returns the rows without ignored labels (see `TextArguments`), and says how many are left out."""
    if ignored is None:
        others = {label for row in rows for label in row["label"]} - {NO_LABEL}
        ignored = [NO_LABEL] if len(others) > 1 and all(re.search(r"[^\W\d]{2}", label) for label in others) else []
    left_out = {label_text(label) for label in ignored}
    counts = Counter(label for row in rows for label in row["label"] if label in left_out)
    if not counts:
        return rows
    kept = [row for row in rows if left_out.isdisjoint(row["label"])]
    found = ", ".join(f"{label!r} ({count:,})" for label, count in counts.items())
    num_left_out = f"{len(rows) - len(kept):,} of {len(rows):,}"
    logger.warning(f"{name}: left out {num_left_out} texts by their label: {found}; see --ignore_labels.")
    if not kept:
        raise ValueError(f"{name}: expected texts with other labels than {found}, found none")
    return kept


def warn_of_columns(rows: list[dict[str, Any]], name: str, data: TextArguments) -> None:
    """Warns if texts or labels are probably in other columns."""
    for part in ("text", "text_pair"):
        if rows and all(part in row and is_number(row[part]) for row in rows):
            logger.warning(f"{name}: all texts are numbers, such as {rows[0][part]}: is --{part}_column right?")
    labels = [label for row in rows for label in row["label"]]
    if data.regression or len(rows) < 10:
        return
    if any(is_number(label) and not float(label).is_integer() for label in labels) and all(map(is_number, labels)):
        logger.warning(f"{name}: labels are numbers, such as {labels[0]}, and each is a class; see --regression.")
    elif {"-1", "0", "1", "2"} <= set(labels):
        logger.warning(f"{name}: the label -1 is a class; if it stands for no label, pass --ignore_labels -1.")
    elif len(set(labels)) == len(rows):
        logger.warning(f"{name}: each text has a label of its own, such as {labels[0]!r}: is --label_column right?")
