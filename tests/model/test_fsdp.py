# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""FSDP: weights divided among two processes give the values of one process."""

import os

from modeling_elmo import models
from tests.helpers import programs


# Trains on one half of a batch in each process, and on the whole batch without FSDP, and evaluates after each step: the
# fast paths keep copies of weights, which FSDP gathers anew.
COMPARE = """
import copy, sys
import torch
from torch import distributed
from torch.distributed.fsdp import fully_shard
from modeling_elmo import ElmoForTokenClassification

torch.set_num_threads(1)
distributed.init_process_group("gloo")
torch.manual_seed(0)
model = ElmoForTokenClassification.from_pretrained(sys.argv[1], num_labels=3, freeze_bilm=False).eval()
# As a whole, where layers take the fast paths, and layer by layer, where hooks of FSDP are on each.
whole, by_layer = copy.deepcopy(model), copy.deepcopy(model)
for module in [whole, *by_layer.elmo.layers, by_layer]:
    fully_shard(module)
words = torch.randint(1, 200, (4, 5, model.config.max_characters_per_token))
labels = torch.randint(3, (4, 5))
mine = slice(distributed.get_rank(), None, 2)
before = model(character_ids=words).logits
pairs = [(each, torch.optim.SGD(each.parameters(), lr=1.0)) for each in (model, whole, by_layer)]
for _ in range(3):
    logits = []
    for each, optimizer in pairs:
        rows = slice(None) if each is model else mine
        each(character_ids=words[rows], labels=labels[rows]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            logits.append(each(character_ids=words[mine]).logits)
    for found in logits[1:]:
        torch.testing.assert_close(found, logits[0], rtol=1e-4, atol=1e-5)
assert (logits[0] - before[mine]).abs().max() > 1e-2
distributed.destroy_process_group()
"""


def test_training_and_evaluation_of_two_processes_are_those_of_one(tmp_path):
    for done in programs.run_group(COMPARE, models.directory("elmo-tiny"), count=2, env=os.environ, cwd=tmp_path):
        assert done.returncode == 0, done.stderr
