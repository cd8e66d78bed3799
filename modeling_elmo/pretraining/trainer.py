# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer of the language model."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
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
from .checkpoints import INCOMPLETE, checkpoint_settings
from .corpus import Corpus
from .perplexity import Perplexity, check_vocabulary_size, measure_perplexity, perplexity_of
from .settings import SETTINGS_FILE, PretrainingSettings, training_arguments
from .signals import StopSignals
from .windows import Position, SentenceRows, Windows, rows_of_process


ROWS_FILE = "pretraining_rows_{}.pt"


class ElmoPretrainer(Trainer):
    """Trains a language model on a corpus.

    Args:
        model (`ElmoForPreTraining`): With `freeze_bilm=False`.
        tokenizer (`ElmoTokenizer`): Saved with the model.
        corpus (`Corpus`): The text to train on.
        settings (`PretrainingSettings`): What the numbers depend on.
        output_dir (`Path`): Where checkpoints go.
        eval_corpus (`Corpus`, *optional*): The text to evaluate on.
        save_steps, eval_steps, logging_steps (`int`, *optional*): After how many steps each is done.
        save_total_limit (`int`, *optional*, defaults to 2): How many checkpoints are kept.
        epoch_size (`int`, *optional*): How much text the corpus is, to tell epochs by; see the function of this name.
        signals (`StopSignals`, *optional*): When one was received, the training ends after its step, with a checkpoint.
    """

    def __init__(
        self,
        model: ElmoForPreTraining,
        tokenizer: ElmoTokenizer,
        corpus: Corpus,
        settings: PretrainingSettings,
        output_dir: Path,
        eval_corpus: Corpus | None = None,
        save_steps: int = 1000,
        eval_steps: int = 1000,
        logging_steps: int = 100,
        save_total_limit: int = 2,
        epoch_size: int | None = None,
        signals: StopSignals | None = None,
    ) -> None:
        check_vocabulary_size(model, tokenizer)
        arguments = training_arguments(
            settings, output_dir, save_steps, eval_steps if eval_corpus else None, logging_steps, save_total_limit
        )
        # The fused step reads and writes the softmax's weights once, where they are the most of the model.
        is_fused = arguments.device.type == "cpu"
        adagrad = {"lr": settings.learning_rate, "initial_accumulator_value": 1.0, "fused": is_fused}
        optimizers = {
            "adagrad": (torch.optim.Adagrad, adagrad),
            "adamw": (torch.optim.AdamW, {"lr": settings.learning_rate, "weight_decay": 0.0}),
        }
        super().__init__(
            model,
            arguments,
            eval_dataset=eval_corpus,
            processing_class=tokenizer,
            optimizer_cls_and_kwargs=optimizers[settings.optimizer],
        )
        self.remove_callback(PrinterCallback)
        self.signals = signals or StopSignals()
        self.add_callback(_Stop(self, self.signals))
        self.settings = settings
        self.tokenizer = tokenizer
        self.corpus = corpus
        self.eval_corpus = eval_corpus
        self.epoch_size = epoch_size
        self.rows = rows_of_process(settings.batch_size, self.args.process_index, self.args.world_size)
        self.positions = Position.start(len(self.rows)), Position.start(len(self.rows))
        self.lstm_state: tuple[torch.Tensor, torch.Tensor] | None = None
        self.num_windows = 0
        # Over all processes, with a boundary per sentence.
        self.num_words = 0
        # Sums of forward and backward losses, and how many, since the last time they were logged.
        self.losses = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        self.num_losses = 0
        self.last_logged = (self.args.logging_steps, 0.0)
        self._restored: dict[str, Any] | None = None
        self._since = (time.monotonic(), 0)
        self._run_dir: str | None = None
        self._evaluated: tuple[int, Perplexity] | None = None
        self.has_begun = False
        self.model_accepts_loss_kwargs = False

    # What a step is

    def get_train_dataloader(self) -> Any:
        """Returns the batches of this process, made ahead, from where the training is."""
        return _TrainBatches(self)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Does a window, and remembers where it ended."""
        inputs = dict(inputs)
        positions = inputs.pop("positions")
        self._seed_window()
        loss = super().training_step(model, inputs)
        self.positions = positions
        self.num_windows += 1
        return loss / self.settings.loss_scale

    def _seed_window(self) -> None:
        # Dropout differs between processes, which have different rows; the negative samples are the same for all.
        negatives, dropout = _seeds(self.settings.seed, self.num_windows, self.args.process_index)
        torch.manual_seed(dropout)
        if self.model.negative_sampling_generator is None:
            self.model.negative_sampling_generator = torch.Generator()
        self.model.negative_sampling_generator.manual_seed(negatives)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Returns the loss whose gradient is taken. The LSTM state goes on from the window before, without gradient."""
        is_window = not self.settings.sentence_per_row
        output = model(**inputs, state=self.lstm_state if is_window else None, use_cache=is_window)
        losses = torch.stack([output.forward_loss, output.backward_loss])
        if is_window:
            self.lstm_state = tuple(tensor.detach() for tensor in output.state)
            self.num_words += inputs["input_ids"].numel() * self.args.world_size
        else:
            # Rows of different lengths: each process counts as much as it predicts, all words of a row but one.
            count = (inputs["labels"] != IGNORED_LABEL).sum() - len(inputs["labels"])
            total = count.clone()
            if self.args.world_size > 1:
                distributed.all_reduce(total)
                losses = losses * (count * self.args.world_size / total)
            self.num_words += int(total)
        self.losses += losses.detach().double()
        self.num_losses += 1
        loss = losses.mean() * self.settings.loss_scale
        return (loss, output) if return_outputs else loss

    # What is told

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds what a user of a language model wants to know: perplexities and speed."""
        if "loss" in logs:
            self._check_losses()
            losses = self.losses.clone()
            if self.args.world_size > 1:
                distributed.all_reduce(losses)
            forward, backward = (losses / self.num_losses / self.args.world_size).tolist()
            perplexities = {"perplexity": (forward + backward) / 2, "forward": forward, "backward": backward}
            logs["perplexity"] = perplexity_of(perplexities["perplexity"])
            logs["forward_perplexity"], logs["backward_perplexity"] = perplexity_of(forward), perplexity_of(backward)
            now = time.monotonic()
            logs["words_per_second"] = (self.num_words - self._since[1]) / max(now - self._since[0], 1e-9)
            logs["words_seen"] = self.num_words
            self._since = now, self.num_words
            self.losses.zero_()
            self.num_losses = 0
        self.state.epoch = None
        if self.epoch_size:
            self.state.epoch = self.num_windows * self.settings.window_size / self.epoch_size
        super().log(logs, start_time)

    def _check_losses(self) -> None:
        if not self.losses.isfinite().all():
            raise ValueError(
                f"step {self.state.global_step}: the loss is not a finite number; expected one: a lower learning rate, "
                f"or a lower max_grad_norm may help (checkpoints before this step are intact)"
            )

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        """Measures the perplexity of the evaluation text; cut short when the training is to end."""
        since = time.monotonic()
        result = self.evaluation()
        # Training's speed is that of training.
        self._since = self._since[0] + time.monotonic() - since, self._since[1]
        if result is None:
            return {}
        forward, backward, mean = result.perplexities
        metrics = {
            f"{metric_key_prefix}_loss": result.loss,
            f"{metric_key_prefix}_perplexity": mean,
            f"{metric_key_prefix}_forward_perplexity": forward,
            f"{metric_key_prefix}_backward_perplexity": backward,
        }
        self.log(metrics)
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def evaluation(self) -> Perplexity | None:
        """Measures the perplexity of the evaluation text, once per step; None if a signal ended it."""
        if self._evaluated is None or self._evaluated[0] != self.state.global_step:
            assert self.eval_corpus is not None
            result = measure_perplexity(
                self.model,
                self.tokenizer,
                self.eval_corpus,
                replace(self.settings.reading(self.rows), seed=None),
                self.settings.sentence_per_row,
                # Processes end together or not at all.
                (lambda _: self.signals.received is None) if self.args.world_size == 1 else None,
            )
            if result is None:
                return None
            self._evaluated = self.state.global_step, result
        return self._evaluated[1]

    # What is kept

    def _get_output_dir(self, trial: Any) -> str:
        return self._run_dir or super()._get_output_dir(trial)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes a checkpoint under another name, which it loses when it is complete."""
        self._check_losses()
        output = Path(self.args.output_dir)
        name = f"checkpoint-{self.state.global_step}"
        is_there = (output / name).exists()
        self.wait_for_all()
        if is_there:
            # Resumed, and stopped before the next step.
            return
        self._run_dir = str(output / INCOMPLETE)
        work = output / INCOMPLETE / name
        try:
            super()._save_checkpoint(model, trial)
            torch.save(self._rows_state(), work / ROWS_FILE.format(self.args.process_index))
            if self.args.should_save:
                write_json(work / SETTINGS_FILE, self.checkpoint_settings())
            self.wait_for_all()
            if self.args.should_save:
                move_into_place(work, output / name)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(output / INCOMPLETE, ignore_errors=True)
            # torch does not say that a disk is full.
            message = f"{' '.join(str(error).split())}; free there: {shutil.disk_usage(output).free / 1e6:,.0f} MB"
            raise OSError(f"{output / name}: can't be written ({message}); older checkpoints are intact") from error
        finally:
            self._run_dir = None
        if self.args.should_save:
            shutil.rmtree(output / INCOMPLETE, ignore_errors=True)
            rotate_checkpoints(str(output), save_total_limit=self.args.save_total_limit)
        self.wait_for_all()

    def wait_for_all(self) -> None:
        if self.args.world_size > 1:
            distributed.barrier()

    def checkpoint_settings(self) -> dict[str, Any]:
        """Returns what a training that goes on from a checkpoint must agree with."""
        return checkpoint_settings(self.settings, self.model.config, self.tokenizer, self.corpus, self.epoch_size)

    def _rows_state(self) -> dict[str, Any]:
        return {
            "first_row": self.rows.start,
            "positions": [
                {
                    "taken": torch.from_numpy(position.taken_R),
                    "used": torch.from_numpy(position.used_R),
                    "counts": position.counts,
                }
                for position in self.positions
            ],
            "state": None if self.lstm_state is None else tuple(tensor.cpu() for tensor in self.lstm_state),
            "num_windows": self.num_windows,
            "num_words": self.num_words,
            "losses": self.losses.cpu(),
            "num_losses": self.num_losses,
            "trainer_loss": self._tr_loss.item(),
            "last_logged": self._globalstep_last_logged,
        }

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Also takes up the rows: where each is in the text, and its LSTM state."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        # The processes may be more or fewer than those that wrote it.
        parts: list[dict[str, Any]] = []
        while os.path.isfile(path := os.path.join(checkpoint, ROWS_FILE.format(len(parts)))):
            parts.append(torch.load(path, map_location="cpu", weights_only=True))
        found = [
            row
            for part in parts
            for row in range(part["first_row"], part["first_row"] + len(part["positions"][0]["taken"]))
        ]
        if found != list(range(self.settings.batch_size)):
            raise ValueError(f"expected the states of {self.settings.batch_size} rows, found those of {len(found)}")
        own = slice(self.rows.start, self.rows.stop)
        positions = []
        for direction in range(2):
            pieces = [part["positions"][direction] for part in parts]
            taken, used = (torch.cat([piece[name] for piece in pieces])[own].numpy() for name in ("taken", "used"))
            counts = {block: count for piece in pieces for block, count in piece["counts"].items()}
            positions.append(Position(taken.copy(), used.copy(), counts))
        self.positions = positions[0], positions[1]
        if parts[0]["state"] is not None:
            hidden, cell = (torch.cat(tensors, dim=1)[:, own] for tensors in zip(*(part["state"] for part in parts)))
            self.lstm_state = hidden.to(self.args.device), cell.to(self.args.device)
        self.num_windows = parts[0]["num_windows"]
        self.num_words = parts[0]["num_words"]
        self.losses = torch.stack([part["losses"] for part in parts]).mean(0).to(self.args.device)
        self.num_losses = parts[0]["num_losses"]
        self._restored = {
            "trainer_loss": sum(part["trainer_loss"] for part in parts) / len(parts),
            "last_logged": parts[0]["last_logged"],
        }

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # One that ended between its last checkpoint and its result has no step left.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        else:
            super()._run_epoch(*args, **kwargs)

    def begin(self) -> None:
        """Called when `Trainer` has set its sums to zero and training is about to begin."""
        if self._restored is not None:
            self._tr_loss += self._restored["trainer_loss"]
            self._globalstep_last_logged = self._restored["last_logged"]
            self._restored = None
            # A checkpoint brings along how often these were done before.
            for name in ("save_steps", "eval_steps", "logging_steps"):
                setattr(self.state, name, getattr(self.args, name))
        self._since = time.monotonic(), self.num_words
        self.has_begun = True


class ProgressReport(TrainerCallback):
    """Reports progress: a bar on a terminal; otherwise a line whenever something is logged."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self.progress = Progress(write)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.is_shown = state.is_world_process_zero
        self.progress.start(state.global_step / state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.show(state.global_step / state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        line = _describe_logs(logs or {})
        if line is None:
            return
        line = f"step {state.global_step:,} of {state.max_steps:,}: {line}"
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


class _TrainBatches:
    """What `Trainer` takes for a data loader without a length."""

    def __init__(self, trainer: ElmoPretrainer) -> None:
        self.trainer = trainer

    def __iter__(self) -> Iterator[dict[str, Any]]:
        trainer, settings = self.trainer, self.trainer.settings
        has_characters = trainer.model.config.token_input == "characters"
        batches = (SentenceRows if settings.sentence_per_row else Windows)(
            trainer.corpus, trainer.tokenizer, settings.reading(trainer.rows), has_characters, trainer.positions
        )
        for batch, positions in prefetch(batches):
            yield {**batch, "positions": positions}


class _Stop(TrainerCallback):
    """Ends a training after the step in which it was told to, with a checkpoint. Also tells when it begins."""

    def __init__(self, trainer: ElmoPretrainer, signals: StopSignals) -> None:
        self.trainer = trainer
        self.signals = signals

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        number = self.signals.received or 0
        if args.world_size > 1:
            # Told at different moments, or one alone, all processes end after the same step.
            told = torch.tensor(number, device=args.device)
            distributed.all_reduce(told, distributed.ReduceOp.MAX)
            number = int(told)
        if number:
            self.signals.received = number
            control.should_save = True
            control.should_training_stop = True


def _seeds(seed: int, window: int, process: int) -> tuple[int, int]:
    """Returns the seeds of a window's negative samples, the same in all processes, and of its dropout."""
    negatives, *dropout = (
        int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
        for entropy in ((seed, window, 1), (seed, window, 2 + process))
    )
    return negatives, dropout[0]
