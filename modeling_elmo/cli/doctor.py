# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo doctor`: what this machine can do, and the dtype of the weights that suits it."""

from typer import echo

from .options import printable


# How to choose the dtype of the weights.
LINES = {
    "float32": "from_pretrained(...), which is the default",
    "bfloat16": "from_pretrained(..., dtype=torch.bfloat16)",
    "int8": "from_pretrained(..., quantization_config=ElmoInt8Config()); elmo embed --int8; elmo convert --dtype int8",
}

# Another dtype is recommended from this gain in speed on. Measurements vary by less.
WORTHWHILE_GAIN = 1.15


def doctor() -> None:
    """Print what this machine can do, and which dtype of the weights suits it.

    Measures matrix products and memory for some seconds. Needs no model.
    """
    import os
    import platform

    import torch
    import transformers

    from .. import hardware
    from ..version import __version__

    versions = f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}"
    echo(f"modeling-elmo {__version__}, {versions}")
    instructions = hardware.cpu_instructions()
    present = [name for name, is_present in instructions.items() if is_present]
    absent = [name for name, is_present in instructions.items() if not is_present]
    echo(f"processor   {printable(hardware.cpu_name())} ({platform.machine()})")
    echo(f"  has       {', '.join(present) or 'unknown'}")
    if absent:
        echo(f"  lacks     {', '.join(absent)}")
    cores = hardware.available_cores()
    echo(f"cores       {cores} of {os.cpu_count()} available, torch uses {torch.get_num_threads()} threads")
    echo(f"torch has   {', '.join(hardware.torch_engines()) or 'no fast engine'}")
    advice = hardware.thread_advice()
    if advice is not None:
        echo(f"  warning   {advice}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > cores / 2:
        echo(f"  warning   other programs are running (load {load:.1f}): what follows is too low")
    echo(f"memory      {hardware.read_rate() / 1e9:.1f} GB/s are read")
    _compare_dtypes()


def _compare_dtypes() -> None:
    """Prints the speed of the matrix products by dtype, and a recommendation."""
    from .. import hardware

    echo("")
    echo("products of    GFLOP/s    speed for one sentence    for batches of 32, against float32")
    one, many = {}, {}
    for kind in hardware.KINDS:
        one[kind], many[kind] = hardware.step_seconds(kind, 1), hardware.step_seconds(kind, 32)
        gains = f"{one['float32'] / one[kind]:18.1f}x {many['float32'] / many[kind]:20.1f}x"
        echo(f"{kind:12} {hardware.product_rate(kind) / 1e9:9,.0f} {gains}")
    gain = {kind: min(one["float32"] / one[kind], many["float32"] / many[kind]) for kind in hardware.KINDS}
    fastest = max(gain, key=lambda kind: gain[kind])
    exact = "bfloat16" if gain["bfloat16"] >= WORTHWHILE_GAIN else "float32"
    echo("")
    if fastest == "int8" and gain["int8"] >= WORTHWHILE_GAIN * gain[exact]:
        echo(
            f"Recommended: int8, {gain['int8']:.1f} times as fast as float32 or more, if vectors may be rounded (their"
        )
        echo("cosine to those of float32 is above 0.999; the biLM itself can't be trained):")
        echo(f"  {LINES['int8']}")
        echo(f"Otherwise {exact}:")
    else:
        echo(f"Recommended: {exact}:")
    echo(f"  {LINES[exact]}")
