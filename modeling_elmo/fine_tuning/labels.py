# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels of words as files have them: the scheme that they follow, where they violate it, and IOB1 as BIO.

Models learn BIO instead of IOB1. In IOB1, only the first word of an entity after another one of its type has a B, so
that few examples show it, or none.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transformers.utils import logging

from ..files.columns import ColumnSentence
from ..model.label_schemes import MARKS, OUTSIDE, may_follow, parse_label


logger = logging.get_logger(__name__)

# The marks of all schemes, as BIOES names them.
ALL_MARKS = MARKS["BIOES"]

# Marks in small letters, behind the type, or not followed by a hyphen.
_MISSPELT = re.compile(r"^[BIOESLUM][-_:./]|[-_:./][BIOESLUM]$", re.IGNORECASE)


class Step(NamedTuple):
    """A label and the one before it, `O` at the ends of a sentence; how often it occurs, and on which line first."""

    before: str
    label: str
    is_first: bool
    is_end: bool
    times: int
    line: int


def are_entities(names: Iterable[str]) -> bool:
    """Returns whether labels mark the words of entities in a scheme such as BIO, rather than one class per word."""
    names = set(names)
    # Without types, the marks are the labels. `O` sets them apart from other classes of one letter.
    is_untyped = OUTSIDE in names and bool(names & {"B", "I"})
    kinds = names - {OUTSIDE}
    return bool(kinds) and all(_is_marked(name) or (is_untyped and name in ALL_MARKS) for name in kinds)


def find_scheme(sentences: Iterable[Sequence[str]]) -> str | None:
    """Returns the scheme that labels follow throughout: `"BIO"`, `"IOB1"`, `"BIOES"` or `"BILOU"`."""
    steps = _steps((labels, range(len(labels))) for labels in sentences)
    if not are_entities(step.label for step in steps):
        return None
    scheme, faults = _nearest_scheme(steps)
    return None if faults else scheme


def labels_in_scheme(sentences: Sequence[ColumnSentence], name: str, scheme: str | None = None) -> list[list[str]]:
    """Checks the labels of a file, and returns them in a scheme that a model can learn: those of IOB1 as BIO.

    Args:
        sentences (`Sequence[ColumnSentence]`): The sentences of the file.
        name (`str`): The file, for messages.
        scheme (`str`, *optional*): The scheme that the labels must follow. By default it is detected, a warning says
            which it is, and an I of IOB1 among labels of BIO is read as B.

    Raises:
        `ValueError`: If labels violate the given scheme. The message names the line and says what to do.
    """
    labels = [sentence.labels for sentence in sentences]
    steps = _steps((sentence.labels, sentence.lines) for sentence in sentences)
    if scheme is not None:
        _check(steps, name, scheme)
        if scheme != "IOB1":
            return labels
        logger.warning(f"{name}: labels are converted from IOB1 to BIO.")
        return [as_bio(each) for each in labels]
    names = {step.label for step in steps}
    if not are_entities(names):
        _warn_of_other_labels(steps, name)
        return labels
    found, faults = _nearest_scheme(steps)
    if faults:
        place = _place(faults, name, found)
        logger.warning(f"{place}. It is read as B, as conlleval does." if found == "BIO" else f"{place}.")
    else:
        logger.warning(f"{name}: labels follow {found}{' and are converted to BIO' if found == 'IOB1' else ''}.")
    return [as_bio(each) for each in labels] if found in ("IOB1", "BIO") else labels


def as_bio(labels: Sequence[str]) -> list[str]:
    """Returns the labels of a sentence in BIO, with the entities that `conlleval` finds in IOB1 or BIO."""
    converted = []
    for before, label in zip([OUTSIDE, *labels], labels):
        begins = label[0] == "I" and (before == OUTSIDE or before[1:] != label[1:])
        converted.append(f"B{label[1:]}" if begins else label)
    return converted


def with_all_marks(names: Iterable[str]) -> set[str]:
    """Returns labels of entities with every mark of each type, which training data may lack, as CoNLL-2000 lacks
    I-LST. Other labels are returned as they are."""
    names = set(names)
    if not are_entities(names):
        return names
    marks = {name[0] for name in names - {OUTSIDE}}
    if marks <= {"B", "I"}:
        # A type without B is not in BIO; what does not occur is not added.
        return names | {f"I{name[1:]}" for name in names if name[0] == "B"}
    spelling = "BILU" if marks & {"L", "U"} else "BMES" if "M" in marks else "BIES"
    return names | {f"{mark}{name[1:]}" for name in names - {OUTSIDE} for mark in spelling}


def _is_marked(name: str) -> bool:
    return name[1:2] == "-" and name[0] in ALL_MARKS and name[0] != OUTSIDE


def _steps(sentences: Iterable[tuple[Sequence[str], Sequence[int]]]) -> list[Step]:
    """Returns every distinct step from label to label, in the order of the file."""
    found: dict[tuple[str, str, bool, bool], list[int]] = {}
    for labels, lines in sentences:
        ends = zip([OUTSIDE, *labels], [*labels, OUTSIDE], [*lines, lines[-1]] if lines else [])
        for index, (before, label, line) in enumerate(ends):
            step = found.setdefault((before, label, index == 0, index == len(labels)), [0, line])
            step[0] += 1
    return [Step(*key, times, line) for key, (times, line) in found.items()]


def _nearest_scheme(steps: list[Step]) -> tuple[str, list[Step]]:
    """Returns the scheme of labels that mark entities, and the steps that it forbids."""
    marks = {step.label[0] for step in steps} - {OUTSIDE}
    longer = "BILOU" if marks <= {"B", "I", "L", "U"} else "BIOES"
    schemes = ["BIO", "IOB1"] if marks <= {"B", "I"} else [longer]
    faults = {scheme: _faults(steps, scheme) for scheme in schemes}
    return next(((scheme, []) for scheme in schemes if not faults[scheme]), (schemes[0], faults[schemes[0]]))


def _faults(steps: list[Step], scheme: str) -> list[Step]:
    parsed = {label: parse_label(label, scheme) for label in {name for step in steps for name in step[:2]}}
    return [step for step in steps if not may_follow(parsed[step.before], parsed[step.label], scheme)]


def _check(steps: list[Step], name: str, scheme: str) -> None:
    """Raises `ValueError` at the first label that the scheme forbids."""
    other = ""
    if are_entities(step.label for step in steps):
        nearest, faults = _nearest_scheme(steps)
        other = "" if faults else f"; the labels follow {nearest}: set label_scheme to {nearest}"
    for step in steps:
        try:
            parse_label(step.label, scheme)
        except ValueError as error:
            raise ValueError(f"{name}:{step.line}: {error}{other}") from error
    if faults := _faults(steps, scheme):
        first = min(faults, key=lambda fault: fault.line)
        # Only an I can violate BIO.
        fix = (
            f"write B{first.label[1:]}, or leave label_scheme out to have it read so"
            if scheme == "BIO"
            else "correct it"
        )
        raise ValueError(f"{_place(faults, name, scheme)}{other or f'; {fix}'}")


def _place(faults: list[Step], name: str, scheme: str) -> str:
    """Returns what is wrong with the first fault, and how many there are."""
    step = min(faults, key=lambda fault: fault.line)
    before = "at the beginning of a sentence" if step.is_first else f"after {step.before}"
    what = f"a sentence can't end with {step.before}" if step.is_end else f"{step.label} can't stand {before}"
    count = sum(fault.times for fault in faults)
    return f"{name}:{step.line}: {what} in {scheme}" + (f" ({count:,} such places)" if count > 1 else "")


def _warn_of_other_labels(steps: list[Step], name: str) -> None:
    """Warns where labels mark entities in another spelling, or all but a few do."""
    labels = [step for step in steps if step.label != OUTSIDE]
    others = [step for step in labels if not _is_marked(step.label)]
    num_marked = sum(step.times for step in labels) - sum(step.times for step in others)
    are_misspelt = {OUTSIDE, "o"} & {step.label for step in steps} and all(
        _MISSPELT.search(step.label) or step.label == "o" for step in labels
    )
    if others and (are_misspelt or num_marked > sum(step.times for step in others)):
        logger.warning(
            f"{name}:{others[0].line}: label {others[0].label!r} is none of O, B-TYPE, I-TYPE, ..., as others seem to "
            "be: entities are not scored and decoding obeys no scheme."
        )
