# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
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
