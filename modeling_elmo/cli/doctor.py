# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo doctor`: what this machine can do, and the dtype of the weights that suits it."""

from typer import echo

from .options import printable


# How exact weights of a dtype are, and the lines to type.
LINES = {
    "float32": ("the vectors of the original", "from_pretrained(...)"),
    "bfloat16": ("cosine to the original vectors above 0.9999", "from_pretrained(..., dtype=torch.bfloat16)"),
    "int8": (
        "cosine to the original vectors above 0.999, the biLM can't be trained",
        "from_pretrained(..., quantization_config=ElmoInt8Config()), elmo embed --int8, elmo convert --dtype int8",
    ),
}

# Another dtype is recommended from this gain in speed on. Measurements vary by less.
WORTHWHILE_GAIN = 1.15


def doctor() -> None:
    """Print what this machine can do, and which dtype of the weights suits it.

    Measures memory and matrix products, which takes about half a minute. Needs no model.
    """
    import os
    import platform
    import sys

    import torch
    import transformers

    from .. import hardware
    from ..files.progress import QUIET
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
    num_threads = torch.get_num_threads()
    threads = f"{num_threads} thread{'s' if num_threads != 1 else ''}"
    echo(f"cores       {cores} of {os.cpu_count()} available, torch uses {threads}")
    echo(f"torch has   {', '.join(hardware.torch_engines()) or 'no fast engine'}")
    advice = hardware.thread_advice()
    if advice is not None:
        echo(f"  warning   {advice}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > cores / 2:
        echo(f"  warning   other programs are running (load {load:.1f}): what follows is too low")
    if sys.stderr.isatty() and not QUIET.get():
        echo("measuring memory, and products of three dtypes ...", err=True)
    echo(f"memory      {hardware.read_rate() / 1e9:.1f} GB/s are read")
    _compare_dtypes()


def _compare_dtypes() -> None:
    """Prints the speed of the matrix products by dtype, and a recommendation."""
    from .. import hardware

    echo("")
    echo("products of    GFLOP/s    speed for one sentence    for batches of 32")
    one, many = {}, {}
    for kind in hardware.KINDS:
        one[kind], many[kind] = hardware.step_seconds(kind, 1), hardware.step_seconds(kind, 32)
        gains = f"{one['float32'] / one[kind]:24.1f}x {many['float32'] / many[kind]:19.1f}x"
        echo(f"{kind:12} {hardware.product_rate(kind) / 1e9:9,.0f} {gains}")
    gain = {kind: min(one["float32"] / one[kind], many["float32"] / many[kind]) for kind in hardware.KINDS}
    recommended = ["bfloat16" if gain["bfloat16"] >= WORTHWHILE_GAIN else "float32"]
    if gain["int8"] >= WORTHWHILE_GAIN * gain[recommended[0]]:
        recommended.insert(0, "int8")
    for title, kind in zip(("Recommended", "More exact"), recommended):
        precision, line = LINES[kind]
        speed = "" if kind == "float32" else f"{gain[kind]:.1f} times float32's speed or more; "
        echo(f"\n{title}: {kind}, {speed}{precision}\n  {line}")
