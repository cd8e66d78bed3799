# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Plots of a fine-tuning run: learning curves, and how the layers of ELMo were mixed (the paper's Figure 2).

    python -m benchmarks.quality.plots runs/wnut17

Reads what `Trainer` logged and writes `learning_curves.png` and, if the run trained a mix, `mix_weights.png` into the
directory of the run. The plots of probes are here, too.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


# The share of a layer in a mix is logged as mix_share_{mix}_{layer}.
MIX_SHARE = "mix_share"

# What the scripts select the best epoch by.
METRICS = ("f1", "pearson", "accuracy")

Log = Sequence[Mapping[str, Any]]


def series(log: Log, name: str) -> tuple[list[float], list[float]]:
    """Returns the epochs at which a value was logged, and the values."""
    found = [(entry["epoch"], entry[name]) for entry in log if name in entry and "epoch" in entry]
    return [epoch for epoch, _ in found], [value for _, value in found]


def plot_learning_curves(log: Log, metric: str, greater_is_better: bool, path: Path) -> None:
    """Plots losses, and a metric on the validation data with its best value in writing, over epochs."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, metrics = figure.subplots(1, 2)
    for name, label in (("loss", "training"), ("eval_loss", "validation")):
        epochs, values = series(log, name)
        if values:
            losses.plot(epochs, values, marker=".", label=label)
    losses.set(xlabel="epoch", ylabel="loss")
    if losses.lines:
        losses.legend()
    epochs, values = series(log, f"eval_{metric}")
    if values:
        metrics.plot(epochs, values, marker=".", color="tab:orange", label="validation")
        best = int(np.argmax(values) if greater_is_better else np.argmin(values))
        metrics.annotate(
            f"{values[best]:.4f}", (epochs[best], values[best]), xytext=(0, 6), textcoords="offset points", ha="center"
        )
        metrics.margins(y=0.12)
    metrics.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    for axes in (losses, metrics):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def mix_shares(log: Log) -> dict[tuple[int, int], tuple[list[float], list[float]]]:
    """Returns the logged shares of layers by mix and layer: epochs and values."""
    names = {name for entry in log for name in entry if name.startswith(f"{MIX_SHARE}_")}
    keys = sorted(tuple(map(int, name.split("_")[-2:])) for name in names)
    return {(mix, layer): series(log, f"{MIX_SHARE}_{mix}_{layer}") for mix, layer in keys}


def plot_mix_weights(log: Log, final_shares: Mapping[str, float], mix_names: Sequence[str], path: Path) -> None:
    """Plots the shares of ELMo's layers, the softmax of the mix weights: those of the model, and their course.

    As in the paper's Figure 2, shares below 1/3 are hatched and those above 2/3 dotted.

    Args:
        log (`Sequence[Mapping]`): What was logged.
        final_shares (`Mapping[str, float]`): The shares of the final model, under the names of the log.
        mix_names (`Sequence[str]`): The name of each mix.
        path (`Path`): The image file.
    """
    shares = mix_shares(log)
    num_mixes, num_layers = (1 + max(key[axis] for key in shares) for axis in (0, 1))
    figure = Figure(figsize=(4.2 + 4.2 * num_mixes, 3.6), layout="constrained")
    table, *courses = figure.subplots(1, 1 + num_mixes, width_ratios=[1, *[1.4] * num_mixes])
    # Row 0 is the token embedding, at the bottom as in the paper.
    final = np.array(
        [[final_shares[f"{MIX_SHARE}_{mix}_{layer}"] for mix in range(num_mixes)] for layer in range(num_layers)]
    )
    image = table.imshow(final, cmap="Blues", vmin=0, vmax=1, origin="lower", aspect="auto")
    figure.colorbar(image, ax=table)
    for (layer, mix), share in np.ndenumerate(final):
        hatch = "--" if share < 1 / 3 else ".." if share > 2 / 3 else None
        if hatch:
            corner = (mix - 0.5, layer - 0.5)
            table.add_patch(Rectangle(corner, 1, 1, fill=False, hatch=hatch, edgecolor="gray", linewidth=0))
        table.text(
            mix,
            layer,
            f"{share:.2f}",
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
        )
    names = ["token\nembedding", *(f"layer {layer}" for layer in range(1, num_layers))]
    table.set_xticks(range(num_mixes), mix_names)
    table.set_yticks(range(num_layers), names)
    table.set_title("share of each layer\n(dashes: below 1/3, dots: above 2/3)", fontsize="medium")
    for mix, axes in enumerate(courses):
        for layer in range(num_layers):
            axes.plot(*shares[mix, layer], marker=".", label=names[layer].replace("\n", " "))
        axes.axhline(1 / num_layers, color="gray", linewidth=0.8, linestyle=":")
        axes.set(xlabel="epoch", ylabel="share", title=mix_names[mix])
        axes.grid(alpha=0.3)
    courses[0].legend()
    figure.savefig(path, dpi=120)


def plot_probes(accuracies: Mapping[str, Sequence[float]], baseline: float, title: str, path: Path) -> None:
    """Plots the accuracy of probes as bars, with the deviation over seeds and a baseline.

    Args:
        accuracies (`Mapping[str, Sequence[float]]`): A value for each seed, by the name of the probe.
        baseline (`float`): The accuracy of a classifier without a model.
        title (`str`): The title of the figure.
        path (`Path`): The image file.
    """
    figure = Figure(figsize=(1.8 + 1.2 * len(accuracies), 3.8), layout="constrained")
    axes = figure.subplots()
    means = [float(np.mean(values)) for values in accuracies.values()]
    spreads = [float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for values in accuracies.values()]
    bars = axes.bar(list(accuracies), means, yerr=spreads if any(spreads) else None, capsize=4, color="tab:blue")
    axes.bar_label(bars, [f"{mean:.3f}" for mean in means], padding=2)
    axes.axhline(baseline, color="tab:orange", linestyle="--", label=f"most frequent label: {baseline:.3f}")
    # Room for the values above the bars.
    axes.set_ylim(0.0, 1.1)
    axes.set(ylabel="accuracy", title=title)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def plot_probe_curves(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Plots the accuracy of probes on the validation data over epochs."""
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, marker=".", label=name)
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def plot_run(run: Path) -> None:
    """Plots a run of a fine-tuning script into its directory."""
    state, results, config = (
        json.loads((run / name).read_text(encoding="utf-8"))
        for name in ("trainer_state.json", "all_results.json", "config.json")
    )
    log = state["log_history"]
    metric = next((name for name in METRICS if series(log, f"eval_{name}")[0]), "loss")
    plot_learning_curves(log, metric, metric != "loss", run / "learning_curves.png")
    if mix_shares(log):
        final = {name.removeprefix("final_"): value for name, value in results.items() if MIX_SHARE in name}
        names = [name for name in ("input", "output") if config[f"elmo_at_{name}"]]
        plot_mix_weights(log, final, names, run / "mix_weights.png")


def main(
    runs: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Output directories of scripts.")],
) -> None:
    """Plot the learning curves and the mix weights of runs."""
    for run in runs:
        plot_run(run)


if __name__ == "__main__":
    typer.run(main)
