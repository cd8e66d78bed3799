# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Plots the vectors of a word in many sentences, layer by layer, coloured by sense: the picture of the README.

python examples/plot_senses.py senses.png
"""

import argparse
from pathlib import Path

import torch
from matplotlib.figure import Figure
from transformers import AutoModel, AutoTokenizer, logging

from demo import MODEL, SENSES, word_vectors


# Colour and marker of each sense: told apart without colour, too.
STYLES = (("tab:blue", "o"), ("tab:orange", "^"))
TITLES = ("layer 0: the word alone", "layer 1: in context", "layer 2: in context")


def plot_senses(vectors: torch.Tensor, senses: list[str], path: Path) -> None:
    """Plots the vectors of a word in S sentences, `(L + 1, S, D)`, on the two directions in which they differ most.

    Args:
        vectors (`torch.Tensor`): The vectors by layer.
        senses (`list[str]`): The sense of the word in each sentence.
        path (`Path`): The image file.
    """
    figure = Figure(figsize=(9, 2.95), layout="constrained")
    panels = figure.subplots(1, len(vectors), sharex=True, sharey=True)
    for axes, layer_SD, title in zip(panels, vectors, TITLES):
        centred_SD = layer_SD - layer_SD.mean(dim=0)
        points_S2 = centred_SD @ torch.linalg.svd(centred_SD).Vh[:2].T
        for sense, (color, marker) in zip(dict.fromkeys(senses), STYLES):
            of_sense = points_S2[[each == sense for each in senses]].T
            axes.scatter(*of_sense, c=color, marker=marker, s=50, alpha=0.75, linewidths=0, label=sense)
        axes.set_title(title, fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal")
    panels[0].legend(frameon=False, loc="upper left")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Plots "bank" in sixteen sentences."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("image", type=Path, help="the image file to write")
    image = parser.parse_args().image
    logging.disable_progress_bar()
    sentences = [sentence.split() for group in SENSES["bank"].values() for sentence in group]
    senses = [f"bank ({sense})" for sense, group in SENSES["bank"].items() for _ in group]
    tokenizer, model = AutoTokenizer.from_pretrained(MODEL), AutoModel.from_pretrained(MODEL)
    plot_senses(word_vectors(model, tokenizer, "bank", sentences), senses, image)


if __name__ == "__main__":
    main()
