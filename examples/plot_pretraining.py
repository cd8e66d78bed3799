# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the learning curve of `elmo pretrain`: perplexity of training and of the held-out text, over steps.

Reads what the training logged: the directory of a trained model, of a training under way (its newest checkpoint is
taken), or a `trainer_state.json`. Other models' perplexities on the held-out text can stand beside it as lines.

    python examples/plot_pretraining.py my-elmo curve.png --baseline 'trigrams=89.6'
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from learning_plots import plot_perplexities
from modeling_elmo.pretraining.checkpoints import checkpoints


LOG_FILE = "trainer_state.json"


def find_log(path: Path) -> Path:
    """Returns the file with the log of a training.

    Raises:
        `ValueError`: If there is none.
    """
    if path.is_file():
        return path
    for directory in (path, *reversed(checkpoints(path))):
        if (directory / LOG_FILE).is_file():
            return directory / LOG_FILE
    raise ValueError(f"{path}: expected {LOG_FILE} in it or in a checkpoint, found none")


def baseline(text: str) -> tuple[str, float]:
    """Returns name and value of `NAME=PERPLEXITY`."""
    name, _, value = text.rpartition("=")
    try:
        perplexity = float(value)
    except ValueError:
        perplexity = math.nan
    if not name or not 1 <= perplexity < math.inf:
        raise ValueError(f"--baseline: expected NAME=PERPLEXITY, found {text!r}")
    return name, perplexity


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the picture."""
    parser = argparse.ArgumentParser(description="Draws the learning curve of elmo pretrain.")
    parser.add_argument("training", type=Path, help=f"Directory of a model or of a training, or a {LOG_FILE}.")
    parser.add_argument("picture", type=Path, help="The image file to write.")
    parser.add_argument("--baseline", action="append", default=[], help="NAME=PERPLEXITY of another model.")
    given = parser.parse_args(arguments)
    log = json.loads(find_log(given.training).read_text(encoding="utf-8"))["log_history"]
    plot_perplexities(log, dict(map(baseline, given.baseline)), given.picture)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
