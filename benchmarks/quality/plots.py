# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a training run: learning curves, and how the layers of ELMo were mixed (the paper's Figure 2).

Draws what `Trainer` has logged (`trainer_state.json` keeps it); computes nothing else. The one idea: figures are made
without `pyplot`, so that no window system is needed and nothing is left behind from one to the next.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter


# The logged share of a layer in a mix: mix_share_{mix}_{layer}.
MIX_SHARE = "mix_share"

Log = Sequence[Mapping[str, Any]]


def series(log: Log, name: str) -> tuple[list[float], list[float]]:
    """Returns the epochs at which a number was logged, and its values."""
    found = [(entry["epoch"], entry[name]) for entry in log if name in entry and "epoch" in entry]
    return [epoch for epoch, _ in found], [value for _, value in found]


def plot_learning_curves(log: Log, metric: str, greater_is_better: bool, path: Path) -> None:
    """Draws the losses and a metric on the validation data, its best value written out, over epochs, into an image."""
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


def plot_perplexities(log: Log, baselines: Mapping[str, float], path: Path) -> None:
    """Draws the perplexity of a language model's training and of its evaluations, over steps, into an image file.

    The perplexity of training is an estimate by the sampled softmax, which is low while it has few samples: the two
    curves have no common scale.

    Args:
        log (`Sequence[Mapping]`): What `elmo pretrain` logged.
        baselines (`Mapping[str, float]`): Perplexities of other models on the evaluation text, by their names.
        path (`Path`): The image file.

    Raises:
        `ValueError`: If no perplexity was logged.
    """
    trained = [entry for entry in log if "perplexity" in entry]
    evaluated = [entry for entry in log if "eval_perplexity" in entry]
    if not trained and not evaluated:
        raise ValueError("log: expected perplexities, as elmo pretrain logs them, found none")
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    steps = [entry["step"] for entry in trained]
    axes.plot(
        steps, [entry["perplexity"] for entry in trained], color="tab:blue", linewidth=1.2, label="training (estimate)"
    )
    lowest, highest = (
        [choose(entry[f"{side}_perplexity"] for side in ("forward", "backward")) for entry in trained]
        for choose in (min, max)
    )
    axes.fill_between(steps, lowest, highest, color="tab:blue", alpha=0.25, linewidth=0)
    if evaluated:
        steps_evaluated = [entry["step"] for entry in evaluated]
        for name, label, style in (
            ("eval_perplexity", "held-out", {"marker": "o", "linewidth": 1.6}),
            ("eval_forward_perplexity", "held-out, forward", {"marker": ">", "linewidth": 0}),
            ("eval_backward_perplexity", "held-out, backward", {"marker": "<", "linewidth": 0}),
        ):
            values = [entry[name] for entry in evaluated]
            axes.plot(steps_evaluated, values, color="tab:orange", markersize=4, label=label, **style)
        axes.annotate(
            f"{evaluated[-1]['eval_perplexity']:.1f}",
            (steps_evaluated[-1], evaluated[-1]["eval_perplexity"]),
            xytext=(-6, 10),
            textcoords="offset points",
            ha="right",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
        )
    for number, (name, value) in enumerate(baselines.items()):
        style = ("--", ":", "-.")[number % 3]
        axes.axhline(value, color="gray", linewidth=1.0, linestyle=style, label=f"{name}: {value:.1f}")
    axes.set(xlabel="step", ylabel="perplexity", yscale="log")
    # The first steps are off any scale on which the last ones can be told apart.
    shown = sorted(entry["perplexity"] for entry in trained)[: math.ceil(0.97 * len(trained))]
    shown += [*(entry["eval_perplexity"] for entry in evaluated), *baselines.values()]
    axes.set_ylim(0.85 * min(shown), 1.15 * max(shown))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0), numticks=20))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if trained:
        per_step = trained[-1]["words_seen"] / trained[-1]["step"] / 1e6
        words = axes.secondary_xaxis("top", functions=(lambda step: step * per_step, lambda number: number / per_step))
        words.set_xlabel("million words seen")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=120)


def mix_shares(log: Log) -> dict[tuple[int, int], tuple[list[float], list[float]]]:
    """Returns the logged shares of layers, by mix and layer: epochs and values."""
    names = {name for entry in log for name in entry if name.startswith(f"{MIX_SHARE}_")}
    keys = sorted(tuple(map(int, name.split("_")[-2:])) for name in names)
    return {(mix, layer): series(log, f"{MIX_SHARE}_{mix}_{layer}") for mix, layer in keys}


def plot_mix_weights(log: Log, final_shares: Mapping[str, float], mix_names: Sequence[str], path: Path) -> None:
    """Draws the shares of ELMo's layers (softmax of the mix weights): those of the model, and those on the way there.

    As in the paper's Figure 2, shares below 1/3 are hatched and those above 2/3 dotted.

    Args:
        log (`Sequence[Mapping]`): What was logged.
        final_shares (`Mapping[str, float]`): The shares of the model that is kept, under the names of the log.
        mix_names (`Sequence[str]`): What each mix is called.
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
    table.set_title("share of each layer")
    for mix, axes in enumerate(courses):
        for layer in range(num_layers):
            axes.plot(*shares[mix, layer], marker=".", label=names[layer].replace("\n", " "))
        axes.axhline(1 / num_layers, color="gray", linewidth=0.8, linestyle=":")
        axes.set(xlabel="epoch", ylabel="share", title=mix_names[mix])
        axes.grid(alpha=0.3)
    courses[0].legend()
    figure.savefig(path, dpi=120)


def plot_probes(accuracies: Mapping[str, Sequence[float]], baseline: float, title: str, path: Path) -> None:
    """Draws the accuracy of probes as bars, with the spread over seeds and a baseline.

    Args:
        accuracies (`Mapping[str, Sequence[float]]`): For the name of each probe, one number per seed.
        baseline (`float`): What a classifier without a model gets.
        title (`str`): Of the figure.
        path (`Path`): The image file.
    """
    figure = Figure(figsize=(1.8 + 1.2 * len(accuracies), 3.8), layout="constrained")
    axes = figure.subplots()
    means = [float(np.mean(values)) for values in accuracies.values()]
    spreads = [float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for values in accuracies.values()]
    bars = axes.bar(list(accuracies), means, yerr=spreads if any(spreads) else None, capsize=4, color="tab:blue")
    axes.bar_label(bars, [f"{mean:.3f}" for mean in means], padding=2)
    axes.axhline(baseline, color="tab:orange", linestyle="--", label=f"most frequent label: {baseline:.3f}")
    least = min([baseline, *means])
    axes.set_ylim(max(0.0, least - 0.15 * (1 - least) - 0.05), 1.0)
    axes.set(ylabel="accuracy", title=title)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def plot_probe_curves(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Draws the accuracy of probes on the validation data over epochs."""
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, marker=".", label=name)
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
