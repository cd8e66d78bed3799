# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A training run in one process or several."""

import os

import torch
from transformers import Trainer, TrainingArguments

from modeling_elmo.pretraining.trainer import leave_process_group
from tests.helpers.task_examples import HEADS, TOKENIZER


def main(output_file: str, batch_size: int) -> None:
    torch.set_num_threads(1)
    head = HEADS["tagging_crf"]
    torch.manual_seed(0)
    model = head.model(mix_l2=0.5)
    # Values with a nonzero gradient of the penalty.
    model.elmo.scalar_mixes[0].weight.data = torch.tensor([0.3, -0.2, 0.5])
    arguments = TrainingArguments(
        output_dir=f"{output_file}-checkpoints",
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=2,
        max_steps=3,
        learning_rate=0.1,
        optim="sgd",
        max_grad_norm=0.0,
        lr_scheduler_type="constant",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        ddp_backend="gloo" if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None,
    )
    trainer = Trainer(model, arguments, train_dataset=head.examples(24), data_collator=head.collator_class(TOKENIZER))
    trainer.train()
    if trainer.is_world_process_zero():
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        torch.save({"processes": arguments.world_size, "losses": losses, "weights": model.state_dict()}, output_file)
    leave_process_group(trainer)
