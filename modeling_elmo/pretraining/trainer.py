# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer of the language model: what one step is, what is logged, and what a checkpoint holds.

A step depends only on the checkpoint before it and on the settings: random numbers are seeded for every window, by the
seed and the window's number. So a resumed run has the losses of an uninterrupted one, and several processes draw the
same negative samples.
"""

import gc
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import distributed
from transformers import PrinterCallback, Trainer, TrainerCallback
from transformers.trainer_utils import rotate_checkpoints

from ..files.atomic import move_into_place, write_json
from ..files.background import prefetch
from ..files.progress import Progress
from ..model.configuration_elmo import IGNORED_LABEL
from ..model.language_model import ElmoForPreTraining
from ..model.tokenization_elmo import ElmoTokenizer
from .checkpoints import INCOMPLETE, SETTINGS_FILE, RowsState, checkpoint_settings
from .corpus import Corpus
from .perplexity import Perplexity, check_vocabulary_size, measure_perplexity, perplexity_of
from .settings import PretrainingSettings, training_arguments
from .signals import StopSignals
from .windows import SentenceRows, Windows, rows_of_process


class ElmoPretrainer(Trainer):
    """Trains a language model on a corpus.

    Args:
        model (`ElmoForPreTraining`): With `freeze_bilm=False`.
        tokenizer (`ElmoTokenizer`): Saved with the model.
        corpus, settings, output_dir, eval_corpus, intervals: As for `pretrain`.
        epoch_size (`int`, *optional*): The result of `corpus_size`, to report epochs.
        signals (`StopSignals`, *optional*): After a signal, the run finishes its step, saves a checkpoint and stops.
    """

    def __init__(
        self,
        model: ElmoForPreTraining,
        tokenizer: ElmoTokenizer,
        corpus: Corpus,
        settings: PretrainingSettings,
        output_dir: Path,
        eval_corpus: Corpus | None = None,
        epoch_size: int | None = None,
        signals: StopSignals | None = None,
        **intervals: int,
    ) -> None:
        check_vocabulary_size(model, tokenizer)
        arguments = training_arguments(settings, output_dir, eval_corpus is not None, **intervals)
        # The fused step reads and writes each weight once; most of them are the softmax's.
        is_fused = arguments.device.type == "cpu"
        optimizer: tuple[Any, dict[str, Any]] = (torch.optim.AdamW, {"weight_decay": 0.0})
        if settings.optimizer == "adagrad":
            optimizer = (torch.optim.Adagrad, {"initial_accumulator_value": 1.0, "fused": is_fused})
        optimizer[1]["lr"] = settings.learning_rate
        super().__init__(
            model,
            arguments,
            eval_dataset=eval_corpus,
            processing_class=tokenizer,
            optimizer_cls_and_kwargs=optimizer,
        )
        self.signals = signals or StopSignals()
        self.remove_callback(PrinterCallback)
        self.add_callback(self.signals)
        self.model_accepts_loss_kwargs = False
        self.settings = settings
        self.tokenizer = tokenizer
        self.corpus = corpus
        self.eval_corpus = eval_corpus
        self.epoch_size = epoch_size
        self.rows = rows_of_process(settings.batch_size, self.args.process_index, self.args.world_size)
        self.rows_state = RowsState.start(len(self.rows), self.args.device)
        self.has_begun = False
        # When the last report was made, and the words before it.
        self._since = (time.monotonic(), 0)
        self._run_dir: str | None = None
        self._evaluated: tuple[int, Perplexity] | None = None

    # One step

    def get_train_dataloader(self) -> Any:
        """Yields the batches of this process from the current position on, without end."""
        batches = (SentenceRows if self.settings.sentence_per_row else Windows)(
            self.corpus,
            self.tokenizer,
            self.settings.batch_plan(self.rows),
            self.model.config.reads_characters,
            self.rows_state.positions,
        )
        for batch, after in prefetch(batches):
            yield {**batch, "positions": after}

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Trains on one window and records the position after it."""
        inputs = dict(inputs)
        positions = inputs.pop("positions")
        negatives, dropout = window_seeds(self.settings.seed, self.rows_state.num_windows, self.args.process_index)
        torch.manual_seed(dropout)
        self.model.negative_sampling_generator = torch.Generator().manual_seed(negatives)
        loss = super().training_step(model, inputs)
        self.rows_state.positions = positions
        self.rows_state.num_windows += 1
        return loss / self.settings.loss_scale

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Returns the loss to differentiate. The LSTM state is the previous window's, without its gradient."""
        is_window = not self.settings.sentence_per_row
        rows = self.rows_state
        output = model(**inputs, state=rows.lstm_state if is_window else None, use_cache=is_window)
        losses = torch.stack([output.forward_loss, output.backward_loss])
        if is_window:
            rows.lstm_state = tuple(tensor.detach() for tensor in output.state)
            rows.num_words += inputs["input_ids"].numel() * self.args.world_size
        else:
            # Rows differ in length, so each process is weighted by its predictions: all words of its rows but one each.
            count = (inputs["labels"] != IGNORED_LABEL).sum() - len(inputs["labels"])
            total = self.accelerator.reduce(count, "sum")
            losses = losses * (count * self.args.world_size / total)
            rows.num_words += int(total)
        rows.losses += losses.detach().double()
        rows.num_losses += 1
        loss = losses.mean() * self.settings.loss_scale
        return (loss, output) if return_outputs else loss

    # Reports

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds perplexities and speed to the logged values."""
        rows = self.rows_state
        if "loss" in logs:
            self._check_losses()
            losses = self.accelerator.reduce(rows.losses, "mean")
            forward, backward = (losses / rows.num_losses).tolist()
            logs["perplexity"] = perplexity_of((forward + backward) / 2)
            logs["forward_perplexity"], logs["backward_perplexity"] = perplexity_of(forward), perplexity_of(backward)
            now = time.monotonic()
            logs["words_per_second"] = (rows.num_words - self._since[1]) / max(now - self._since[0], 1e-9)
            logs["words_seen"] = rows.num_words
            self._since = now, rows.num_words
            rows.losses.zero_()
            rows.num_losses = 0
        self.state.epoch = None
        if self.epoch_size:
            self.state.epoch = rows.num_windows * self.settings.window_size / self.epoch_size
        super().log(logs, start_time)

    def _check_losses(self) -> None:
        if not self.rows_state.losses.isfinite().all():
            raise ValueError(
                f"step {self.state.global_step}: the loss is infinite or NaN; try a lower learning rate or a lower "
                f"max_grad_norm (earlier checkpoints are intact)"
            )

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        """Measures the perplexity of the evaluation text. A signal cuts it short."""
        since = time.monotonic()
        result = self.evaluation()
        # The reported speed excludes evaluation.
        self._since = self._since[0] + time.monotonic() - since, self._since[1]
        if result is None:
            return {}
        names = ("loss", "forward_perplexity", "backward_perplexity", "perplexity")
        values = (result.loss, *result.perplexities)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in zip(names, values)}
        self.log(metrics)
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def evaluation(self) -> Perplexity | None:
        """Returns the perplexity of the evaluation text, measured once per step, or None if a signal cut it short."""
        if self._evaluated is None or self._evaluated[0] != self.state.global_step:
            assert self.eval_corpus is not None
            result = measure_perplexity(
                self.model,
                self.tokenizer,
                self.eval_corpus,
                replace(self.settings.batch_plan(self.rows), seed=None),
                # Several processes must not stop at different batches.
                lambda num_words: self.args.world_size > 1 or self.signals.received is None,
            )
            if result is None:
                return None
            self._evaluated = self.state.global_step, result
        return self._evaluated[1]

    # Checkpoints

    def _get_output_dir(self, trial: Any) -> str:
        return self._run_dir or super()._get_output_dir(trial)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes a checkpoint under a temporary name and renames it when it is complete."""
        self._check_losses()
        output = Path(self.args.output_dir)
        name = f"checkpoint-{self.state.global_step}"
        is_saved = (output / name).exists()
        self.accelerator.wait_for_everyone()
        if is_saved:
            # The run was resumed from it and stopped before the next step.
            return
        self._run_dir = str(output / INCOMPLETE)
        work = output / INCOMPLETE / name
        try:
            super()._save_checkpoint(model, trial)
            self.rows_state.trainer_loss = self._tr_loss.item()
            self.rows_state.last_logged = self._globalstep_last_logged
            self.rows_state.save(work, self.args.process_index, self.rows.start)
            if self.args.should_save:
                write_json(work / SETTINGS_FILE, self.checkpoint_settings())
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                move_into_place(work, output / name)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(output / INCOMPLETE, ignore_errors=True)
            # torch's error does not mention a full disk.
            message = f"{' '.join(str(error).split())}; free there: {shutil.disk_usage(output).free / 1e6:,.0f} MB"
            raise OSError(f"{output / name}: can't be written ({message}); older checkpoints are intact") from error
        finally:
            self._run_dir = None
        if self.args.should_save:
            shutil.rmtree(output / INCOMPLETE, ignore_errors=True)
            rotate_checkpoints(str(output), save_total_limit=self.args.save_total_limit)
        self.accelerator.wait_for_everyone()

    def checkpoint_settings(self) -> dict[str, Any]:
        """Returns the settings of this run that must match to resume."""
        return checkpoint_settings(self.settings, self.model.config, self.tokenizer, self.corpus, self.epoch_size)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Also restores the rows: their positions in the text and their LSTM states."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            self.rows_state = RowsState.load(Path(checkpoint), self.rows, self.settings.batch_size, self.args.device)
            # The checkpoint's trainer state has the intervals of the earlier run.
            for name in ("save_steps", "eval_steps", "logging_steps"):
                setattr(self.state, name, getattr(self.args, name))

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # A run that was killed between its last checkpoint and its result has no step left.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        # `Trainer` has reset its sums.
        self._tr_loss += self.rows_state.trainer_loss
        self._globalstep_last_logged = self.rows_state.last_logged
        self._since = time.monotonic(), self.rows_state.num_words
        self.has_begun = True
        super()._run_epoch(*args, **kwargs)


class ProgressReport(TrainerCallback):
    """Reports progress: a bar on a terminal; otherwise a line whenever something is logged."""

    def __init__(self, write: Callable[[str], None] | None, settings: PretrainingSettings) -> None:
        self.progress = Progress(write)
        self.settings = settings

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.is_shown &= state.is_world_process_zero
        self.progress.start(state.global_step / state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not self.progress.show(state.global_step / state.max_steps) and self.progress.is_due():
            self.progress.tell(f"step {state.global_step:,} of {state.max_steps:,}")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        line = _describe_logs(logs or {})
        if line is None:
            return
        line = f"step {state.global_step:,} of {state.max_steps:,}: {line}"
        if "eval_perplexity" in logs and not self.settings.sentence_per_row:
            line += f" (as elmo evaluate --batch-size {self.settings.batch_size})"
        if "loss" not in logs or not self.progress.show(state.global_step / state.max_steps, line):
            self.progress.tell(line)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.close()


def _describe_logs(logs: dict[str, float]) -> str | None:
    prefix = "eval_" if "eval_perplexity" in logs else ""
    if f"{prefix}perplexity" not in logs:
        return None
    mean, forward, backward = (logs[f"{prefix}{name}perplexity"] for name in ("", "forward_", "backward_"))
    line = f"perplexity {mean:,.2f} (forward {forward:,.2f}, backward {backward:,.2f})"
    if prefix:
        return f"evaluation: {line}"
    line += f", learning rate {logs['learning_rate']:.3g}, {logs['words_per_second']:,.0f} words/s"
    return f"{line}, epoch {logs['epoch']:.2f}" if logs.get("epoch") is not None else line


def window_seeds(seed: int, window: int, process: int) -> tuple[int, int]:
    """Returns the seed of a window's negative samples, which is the same in all processes, and of its dropout."""
    sequences = (np.random.SeedSequence((seed, window, use)) for use in (1, 2 + process))
    negatives, dropout = (int(sequence.generate_state(1, np.uint64)[0]) >> 1 for sequence in sequences)
    return negatives, dropout


def leave_process_group(trainer: Trainer) -> None:
    """Shuts down the process group once all processes have called this. The trainer can't train again.

    A process that exits inside its group may abort in gloo's threads, although all work is done. A process that
    destroys the group while `DistributedDataParallel`'s gradient reducer exists may hang: the reducer, as the last
    owner of the group, waits for gloo's thread while it holds the GIL, which that thread may need (torch 2.13). So the
    reducer is freed first.
    """
    if distributed.is_initialized():
        distributed.barrier()
        trainer.model_wrapped = trainer.model
        trainer.accelerator.free_memory()
        gc.collect()
        distributed.destroy_process_group()
