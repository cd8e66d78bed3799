# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Data files of the example scripts: what they look like inside, and how they are divided.

Reads columns, tables, labelled lines, SQuAD's JSON, tagged text and Senseval's XML into plain examples, and holds parts
of them out; knows neither models nor tokenizers. The one idea: a file that is not as expected stops a script with one
line that names the file, the place, what was found and what was expected ([`InputError`]).
"""

import functools
import json
import random
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar


Example = TypeVar("Example")

# The line that begins a document in the files of the CoNLL shared tasks.
DOCUMENT_MARK = "-DOCSTART-"

TABLE_FORMATS = {".csv": "csv", ".tsv": "tsv", ".json": "jsonl", ".jsonl": "jsonl"}


class InputError(ValueError):
    """What a user can put right: an argument, or a file. Scripts print it as one line, without a traceback."""


def reports_input_errors(main: Callable[..., Any]) -> Callable[..., Any]:
    """Makes the main function of a script end with one line for an [`InputError`]."""

    @functools.wraps(main)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        try:
            return main(*args, **kwargs)
        except InputError as error:
            raise SystemExit(f"error: {error}") from error

    return reporting


@dataclass(frozen=True)
class LabelledWords:
    """A sentence with a label for each word, `None` where a word has none.

    Attributes:
        words (`list[str]`): The words.
        labels (`list[str | None]`): As many labels.
        places (`list[str]`): Where each word stands, `file:line`, for errors.
        group (`str`): What words of one kind are told apart within: for word senses, the ambiguous word.
    """

    words: list[str]
    labels: list[str | None]
    places: list[str]
    group: str = ""


@dataclass(frozen=True)
class LabelledText:
    """A text, or a pair of texts, with its label as it stands in the file, and `file:line` of it for errors."""

    text: str
    text_pair: str | None
    label: str
    place: str


@dataclass(frozen=True)
class Question:
    """A question about a context, and its right answers: the text of each and the character where it starts."""

    id: str
    question: str
    context: str
    answers: list[tuple[str, int]]


def lines(path: str, encoding: str = "utf-8") -> Iterator[tuple[str, str]]:
    """Yields where each line of a file is (`file:line`) and the line, without its end."""
    name = Path(path).name
    try:
        # Only line feeds end a line: words of web text hold the other characters that Python would split at.
        with open(path, encoding=encoding, newline="\n") as file:
            for number, line in enumerate(file, start=1):
                yield f"{name}:{number}", line.rstrip("\r\n").removeprefix("\ufeff")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a file, found a directory") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: not {encoding}: {error.reason} ({error.object[error.start]:#x}); see encoding"
        ) from None
    except UnicodeError as error:
        # Of the whole file, such as one of UTF-16 without a mark of its byte order.
        raise InputError(f"{name}: not {encoding}: {error}; see encoding") from None
    except LookupError:
        raise InputError(
            f"encoding: expected the name of an encoding such as utf-8 or latin-1, found {encoding!r}"
        ) from None


def read_columns(
    path: str, word_column: int = 0, label_column: int = -1, encoding: str = "utf-8"
) -> list[LabelledWords]:
    """Reads a file of the CoNLL kind: one word a line, its columns separated by tabs or else by spaces.

    Empty lines and document marks (`-DOCSTART-`) end a sentence. All other lines have the same number of columns: of a
    line that lacks one, another column would be taken for the label.

    Args:
        path (`str`): The file.
        word_column (`int`, *optional*, defaults to 0): Which column holds the words, from 0; negative from the end.
        label_column (`int`, *optional*, defaults to -1): Which column holds the labels.
        encoding (`str`, *optional*, defaults to `"utf-8"`): Of the file.

    Raises:
        [`InputError`]: If the file is missing, of another encoding or without words, if a line has another number of
            columns than the first, or if it lacks one of those asked for.
    """
    num_columns: int | None = None
    sentences: list[LabelledWords] = []
    words: list[tuple[str, str, str]] = []

    def end_sentence() -> None:
        if words:
            sentences.append(LabelledWords(*map(list, zip(*words))))
            words.clear()

    for place, line in lines(path, encoding):
        if not line.strip(" \t"):
            end_sentence()
            continue
        # Not at any white space: some words of web text are a white space of their own.
        columns = line.split("\t") if "\t" in line else [column for column in line.split(" ") if column]
        if columns[0] == DOCUMENT_MARK:
            end_sentence()
            continue
        num_columns = num_columns or len(columns)
        if len(columns) != num_columns:
            raise InputError(
                f"{place}: expected {num_columns} columns, as on the lines before, found {len(columns)}: {line[:60]!r}"
            )
        found = []
        for name, index in (("word_column", word_column), ("label_column", label_column)):
            if not -len(columns) <= index < len(columns) or not columns[index]:
                raise InputError(f"{place}: expected a column {index} ({name}), found {len(columns)} columns: {line!r}")
            found.append(columns[index])
        if (label_column - word_column) % num_columns == 0:
            raise InputError(
                f"{place}: expected different columns of words and labels (word_column={word_column}, "
                f"label_column={label_column}), found {num_columns} columns: {line[:60]!r}"
            )
        words.append((found[0], found[1], place))
    end_sentence()
    if not sentences:
        raise InputError(f"{Path(path).name}: expected a word on each line, found no words")
    return sentences


def read_labelled_lines(path: str, encoding: str = "utf-8") -> list[LabelledText]:
    """Reads a file with a label, a space and a text on each line, as those of the Stanford Sentiment Treebank."""
    examples = []
    for place, line in lines(path, encoding):
        if not line.strip():
            continue
        label, space, text = line.partition(" ")
        if not label or not space or not text.strip():
            raise InputError(f"{place}: expected a label, a space and a text, found {line[:60]!r}")
        examples.append(LabelledText(text.strip(), None, label, place))
    if not examples:
        raise InputError(f"{Path(path).name}: expected a label and a text on each line, found no lines")
    return examples


def read_table(
    path: str,
    file_format: str,
    text_column: str,
    text_pair_column: str | None,
    label_column: str,
    encoding: str = "utf-8",
    cache_dir: str | None = None,
) -> list[LabelledText]:
    """Reads a file with named columns through `datasets`.

    Args:
        path (`str`): The file.
        file_format (`str`): `"csv"`; `"tsv"`, in which quotation marks are like other characters; or `"jsonl"`.
        text_column (`str`): Name of the column of the texts.
        text_pair_column (`str`, *optional*): Name of the column of the second texts of pairs.
        label_column (`str`): Name of the column of labels.
        encoding (`str`, *optional*, defaults to `"utf-8"`): Of the file.
        cache_dir (`str`, *optional*): Where `datasets` keeps what it has read.

    Raises:
        [`InputError`]: If the file is missing, can't be read, is empty, or lacks a column or a label.
    """
    import datasets

    name = Path(path).name
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    if not Path(path).stat().st_size:
        # Not all readers of `datasets` take an empty file for an error.
        raise InputError(f"{name}: expected rows, found an empty file")
    # Words such as "None" and "NA" are words.
    options: dict[str, Any] = {"keep_default_na": False} if file_format != "jsonl" else {}
    if file_format == "tsv":
        options |= {"sep": "\t", "quoting": 3}
    builder = "json" if file_format == "jsonl" else "csv"
    try:
        table = datasets.load_dataset(
            builder, data_files=str(path), split="train", encoding=encoding, cache_dir=cache_dir, **options
        )
    except (datasets.exceptions.DatasetGenerationError, UnicodeDecodeError, ValueError, LookupError) as error:
        cause = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise InputError(f"{name}: not a readable {file_format} file: {cause[0]}") from error
    named = {"text_column": text_column, "text_pair_column": text_pair_column, "label_column": label_column}
    for argument, column in named.items():
        if column is not None and column not in table.column_names:
            raise InputError(f"{argument}: expected one of {', '.join(table.column_names)} of {name}, found {column!r}")
    examples = []
    for number, row in enumerate(table, start=1):
        place = f"{name}: row {number}"
        for argument, column in named.items():
            if column is not None and row[column] in (None, ""):
                raise InputError(f"{place}: expected something in the column {column!r} ({argument}), found nothing")
        pair = None if text_pair_column is None else str(row[text_pair_column])
        examples.append(LabelledText(str(row[text_column]), pair, str(row[label_column]), place))
    if not examples:
        raise InputError(f"{name}: expected rows, found none")
    return examples


def read_squad(path: str) -> list[Question]:
    """Reads a file of SQuAD 1.1: articles, their paragraphs, and questions that each have an answer in the paragraph.

    Raises:
        [`InputError`]: If the file is missing or of another form, if two questions have one id, if a question has no
            answer, or if an answer is not where its `answer_start` says.
    """
    name = Path(path).name
    text = "\n".join(line for _, line in lines(path))
    questions: dict[str, Question] = {}
    try:
        for article in json.loads(text)["data"]:
            for paragraph in article["paragraphs"]:
                for entry in paragraph["qas"]:
                    answers = [(answer["text"], answer["answer_start"]) for answer in entry["answers"]]
                    question = Question(str(entry["id"]), entry["question"], paragraph["context"], answers)
                    _check_question(question, f"{name}: question {question.id}")
                    if question.id in questions:
                        raise InputError(f"{name}: question {question.id}: expected an id of its own, found it twice")
                    questions[question.id] = question
    except json.JSONDecodeError as error:
        raise InputError(f"{name}: not a JSON file: {error}") from None
    except (KeyError, TypeError) as error:
        raise InputError(f"{name}: expected the form of SQuAD (data, paragraphs, qas, answers): {error!r}") from None
    if not questions:
        raise InputError(f"{name}: expected questions, found none")
    return list(questions.values())


def _check_question(question: Question, place: str) -> None:
    texts = [("question", question.question), ("context", question.context)]
    for key, text in [*texts, *(("text", answer) for answer, _ in question.answers)]:
        if not isinstance(text, str):
            raise InputError(f"{place}: expected a string as {key}, found {text!r}")
    if not question.answers:
        raise InputError(f"{place}: expected an answer, as in SQuAD 1.1, found none")
    for answer, start in question.answers:
        if type(start) is not int or start < 0:
            raise InputError(f"{place}: expected a whole number of at least 0 as answer_start, found {start!r}")
        if question.context[start : start + len(answer)] != answer or not answer:
            raise InputError(f"{place}: expected {answer!r} at character {start} of the context")


def read_tagged_text(path: str, encoding: str = "utf-8") -> list[LabelledWords]:
    """Reads text with a tag after each word (`the_DT bank_NN`), one sentence a line.

    A piece without a tag is a word without a label: in MASC, the first pieces of a word with spaces in it (`. . ._:`).
    """
    sentences = []
    for place, line in lines(path, encoding):
        pieces = [piece.rpartition("_") for piece in line.split()]
        tagged = [(word, tag) if word and tag else (f"{word}{mark}{tag}", None) for word, mark, tag in pieces]
        if tagged:
            words, labels = map(list, zip(*tagged))
            sentences.append(LabelledWords(words, labels, [place] * len(words)))
    if not any(label for sentence in sentences for label in sentence.labels):
        raise InputError(f"{Path(path).name}: expected words with tags, as in the_DT, found none")
    return sentences


def read_senseval(path: str, encoding: str = "utf-8") -> list[LabelledWords]:
    """Reads the instances of an ambiguous word in Senseval's XML; only this word has a label, its sense."""
    name = Path(path).name
    try:
        root = ElementTree.fromstring("\n".join(line for _, line in lines(path, encoding)))
    except ElementTree.ParseError as error:
        raise InputError(f"{name}: not an XML file: {error}") from None
    sentences = []
    for item in root.iter("lexelt"):
        for instance in item.iter("instance"):
            place = f"{name}: instance {instance.get('id')}"
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
                raise InputError(f"{place}: expected an answer with a senseid and a context with a head")
            kept = [(word, label) for word, label in zip(words, labels) if word]
            sentences.append(LabelledWords(*map(list, zip(*kept)), [place] * len(kept), str(item.get("item"))))
    if not sentences:
        raise InputError(f"{name}: expected instances of an ambiguous word, found none")
    return sentences


def hold_out(
    examples: Sequence[Example], fraction: float, seed: int, unit: Callable[[Example], Hashable] | None = None
) -> tuple[list[Example], list[Example]]:
    """Divides examples in two at random, in the order in which they stand.

    Args:
        examples (`Sequence`): What is divided.
        fraction (`float`): How much is held out, of all units; at least one of them, unless it is 0.
        seed (`int`): The same seed gives the same division.
        unit (`Callable`, *optional*): What stays together, such as the questions about one paragraph.

    Returns:
        What stays, and what is held out.

    Raises:
        [`InputError`]: If nothing would stay.
    """
    units: dict[Hashable, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        units[index if unit is None else unit(example)].append(index)
    number = max(1, round(fraction * len(units))) if fraction else 0
    if number >= len(units):
        raise InputError(f"can't hold {fraction:g} of {len(units)} examples out: nothing would stay")
    chosen = random.Random(seed).sample(list(units), number)
    held = {index for name in chosen for index in units[name]}
    stay = [example for index, example in enumerate(examples) if index not in held]
    return stay, [examples[index] for index in sorted(held)]


def take_fraction(examples: Sequence[Example], fraction: float, seed: int) -> list[Example]:
    """Takes some of the examples at random, in the order in which they stand: of two fractions with one seed, the
    smaller is part of the larger. At least one."""
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    return [examples[index] for index in sorted(order[: max(1, round(fraction * len(examples)))])]
