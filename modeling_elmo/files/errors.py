# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Errors that name the file and say in one line what is wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import StrictDataclassError


class ElmoFormatError(ValueError):
    """An input file or directory is not in the expected format. The message names it and says what was found."""


class ElmoDownloadError(OSError):
    """A file can't be downloaded. The message names the file and the URL, and says what the server answered."""


def one_line(error: BaseException) -> str:
    """Returns the message of another library's error in one line."""
    if isinstance(error, StrictDataclassError) and error.__cause__ is not None:
        # Its own message names only the validator; the cause has the values.
        error = error.__cause__
    text = " ".join(str(error).split())
    # `str(KeyError)` is only the key.
    return f"{type(error).__name__}: {text}" if isinstance(error, KeyError) or not text else text


@contextmanager
def as_format_error(name: str) -> Iterator[None]:
    """Turns any error of another library into an `ElmoFormatError` that begins with `name`.

    Libraries have no common class for damaged files. Depending on the function that hits the damage, h5py raises
    `OSError`, `KeyError`, `RuntimeError`, `TypeError`, `ValueError` or `MemoryError`; transformers adds
    `AttributeError`.
    """
    try:
        yield
    except ElmoFormatError:
        raise
    except Exception as error:
        raise ElmoFormatError(f"{name}: {one_line(error)}") from error
