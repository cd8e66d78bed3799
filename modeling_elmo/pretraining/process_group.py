# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""How the processes of a training part from one another."""

import gc

from torch import distributed
from transformers import Trainer


def leave_process_group(trainer: Trainer | None = None) -> None:
    """Ends what the processes of a training share, when all of them have come here; of a single process, nothing.

    A process that ends inside its group may abort in gloo's threads, although all is done. One that leaves it while the
    gradients' reducer of `DistributedDataParallel` is still there may wait forever: if the reducer is the last to hold
    the group, it waits for gloo's thread while it keeps Python's lock, which that thread may need to end (torch 2.13).
    So the reducer goes first.

    Args:
        trainer (`Trainer`, *optional*): The one that has trained, if it is not gone already. It can't train again.
    """
    if not distributed.is_initialized():
        return
    distributed.barrier()
    if trainer is not None:
        trainer.model_wrapped = trainer.model
        trainer.accelerator.free_memory()
    gc.collect()
    distributed.destroy_process_group()
