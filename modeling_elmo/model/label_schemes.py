# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Schemes in which labels such as `B-PER` mark the words of entities, and which label may follow which.

IOB1    I marks the words of an entity, B its first word where it follows another entity of its type (CoNLL-2003)
BIO     B marks the first word of every entity, I the others; also called IOB2
BIOES   S marks an entity of one word, B the first word of a longer one, E its last, I those between
BILOU   BIOES with L (last) for E and U (unit) for S
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .loading_checks import abbreviated


# The marks of each scheme, and which mark of BIOES each means. BMES has M (middle) for I.
MARKS = {
    "IOB1": {mark: mark for mark in "BIO"},
    "BIO": {mark: mark for mark in "BIO"},
    "BIOES": {**{mark: mark for mark in "BIOES"}, "L": "E", "U": "S", "M": "I"},
    "BILOU": {"B": "B", "I": "I", "L": "E", "O": "O", "U": "S"},
}

# Without these marks of the same type, no sequence of labels can contain a mark.
_NEEDED = {
    "IOB1": {"B": "I"},
    "BIO": {"I": "B"},
    "BIOES": {"B": "E", "I": "BE", "E": "B"},
}
_NEEDED["BILOU"] = _NEEDED["BIOES"]

# What precedes the first word and follows the last one.
OUTSIDE = "O"


def parse_label(label: str, scheme: str) -> tuple[str, str]:
    """Returns the mark, as BIOES names it, and the type of a label. Raises `ValueError` if the scheme has no such."""
    marks = MARKS[scheme]
    mark, _, kind = str(label).partition("-")
    if mark not in marks or (mark == OUTSIDE and kind):
        names = ", ".join(f"{mark}-TYPE" for mark in marks if mark != OUTSIDE)
        raise ValueError(f"label_scheme={scheme!r} expects O, {names}; found {abbreviated(label)}")
    return marks[mark], kind


def may_follow(first: tuple[str, str], second: tuple[str, str], scheme: str) -> bool:
    """Returns whether a parsed label may follow another one. `O` stands for the ends of a sentence, too."""
    is_same_type = first[0] != OUTSIDE and first[1] == second[1]
    if scheme == "IOB1":
        return second[0] != "B" or is_same_type
    if scheme == "BIO":
        return second[0] != "I" or is_same_type
    is_open = first[0] in ("B", "I")
    return is_open == (second[0] in ("I", "E")) and (not is_open or is_same_type)


def check_decodable(labels: Iterable[str], scheme: str) -> None:
    """Raises `ValueError` if a label is not of the scheme, or no sequence of these labels can contain it."""
    kinds: dict[str, dict[str, str]] = {}
    for label in labels:
        mark, kind = parse_label(label, scheme)
        kinds.setdefault(kind, {})[mark] = label
    spelling = {mark: name for name, mark in reversed(MARKS[scheme].items())}
    for kind, found in kinds.items():
        for mark, label in found.items():
            missing = [spelling[other] for other in _NEEDED[scheme].get(mark, "") if other not in found]
            if missing:
                needed = "-".join([missing[0], *filter(None, [kind])])
                raise ValueError(
                    f"label_scheme={scheme!r} can never decode {abbreviated(label)} without {abbreviated(needed)}; "
                    "add it, or pass the scheme that the labels follow"
                )


@dataclass(frozen=True)
class LabelConstraints:
    """Whether each of K labels may be the first or the last of a sentence; `follows[i][j]`: whether j may follow i."""

    starts: list[bool]
    follows: list[list[bool]]
    ends: list[bool]

    @classmethod
    def from_labels(cls, labels: Sequence[str], scheme: str) -> "LabelConstraints":
        """Derives the constraints from names such as `O`, `B-PER`, `I-PER`, in one of the schemes of `MARKS`.

        Raises:
            `ValueError`: If a label is not of the scheme.
        """
        parsed, outside = [parse_label(label, scheme) for label in labels], (OUTSIDE, "")
        return cls(
            starts=[may_follow(outside, label, scheme) for label in parsed],
            follows=[[may_follow(first, second, scheme) for second in parsed] for first in parsed],
            ends=[may_follow(label, outside, scheme) for label in parsed],
        )
