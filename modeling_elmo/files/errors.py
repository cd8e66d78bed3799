# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The errors of conversion, said in one line: bad input, and files that can't be fetched."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import StrictDataclassError


class ElmoFormatError(ValueError):
    """An input file or directory is not what it has to be: its name, what was found and what was expected."""


class ElmoDownloadError(OSError):
    """A file can't be fetched: which, from where, and what was found there."""


def one_line(error: BaseException) -> str:
    """Returns the reason of an error of another library in one line."""
    if isinstance(error, StrictDataclassError) and error.__cause__ is not None:
        # The message names the validator, its cause alone what was found and expected.
        error = error.__cause__
    text = " ".join(str(error).split())
    # A key alone says nothing.
    return f"{type(error).__name__}: {text}" if isinstance(error, KeyError) or not text else text


@contextmanager
def damage_told(place: str) -> Iterator[None]:
    """Makes an `ElmoFormatError` of whatever another library raises when it reads what is damaged.

    None has a class of its own for it. By the function of h5py that meets it, the same damage is an `OSError`,
    `KeyError`, `RuntimeError`, `TypeError`, `ValueError` or `MemoryError`; transformers adds `AttributeError`.
    """
    try:
        yield
    except ElmoFormatError:
        raise
    except Exception as error:
        raise ElmoFormatError(f"{place}: {one_line(error)}") from error
