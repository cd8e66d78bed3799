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
"""Training of ELMo's language model on `Trainer`, in the manner of bilm-tf's `training.py`.

`corpus.py` makes the batches, `language_model.py` computes the loss; here is what goes around them: the LSTM state that
is carried from window to window, checkpoints from which a training goes on exactly where it was, evaluation, and the
model directory in the end.

What a step does follows from the checkpoint before it and from numbers: random numbers are seeded anew for every
window, by the seed and the window's number. So a training that was killed and resumed gives the losses of one that was
not, and several processes draw the same negative samples.
"""

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import distributed
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import rotate_checkpoints

from .configuration_elmo import ElmoConfig
from .corpus import (
    IGNORED_LABEL,
    Corpus,
    Position,
    Prefetched,
    Reading,
    SentenceRows,
    Windows,
    WordSplitter,
    rows_of_process,
)
from .durable_files import complete_directory, flush, write_json
from .language_model import ElmoForPreTraining
from .model_card import model_card as elmo_card
from .model_card import table
from .model_files import short
from .perplexity import Perplexity, check_vocabulary_size, measure_perplexity, perplexity_of
from .presets import Start
from .process_group import leave_process_group
from .tokenization_elmo import ElmoTokenizer
from .training_directory import INCOMPLETE, checkpoints, sole_use
from .training_progress import ProgressReport, StopSignals
from .vocabulary import count_words


# Adagrad from an accumulator of 1 is the original's, with its learning rate.
LEARNING_RATES = {"adagrad": 0.2, "adamw": 1e-3}


SETTINGS_FILE = "pretraining.json"
ROWS_FILE = "pretraining_rows_{}.pt"


@dataclass(frozen=True)
class PretrainingSettings:
    """What the numbers of a training depend on, beside the model and the text.

    Attributes:
        max_steps (`int`): Steps of the optimizer.
        batch_size (`int`): Rows of a batch, over all processes. Each process needs the same number of them.
        num_steps (`int`): Words of a window, at whose ends gradients stop.
        optimizer (`str`): `"adagrad"`, the original's, at a constant learning rate; or `"adamw"`, with a rate that
            rises for a twentieth of the steps (1,000 at most) and then falls linearly to 0.
        learning_rate (`float`): Of the optimizer.
        max_grad_norm (`float`): Gradients are scaled down to this norm. 0: never.
        gradient_accumulation_steps (`int`): Windows per step.
        seed (`int`): Of the shuffling, of new weights, dropout and negative samples.
        bf16 (`bool`): Whether to compute in bfloat16 (the weights and the cell states stay in float32).
        sentence_per_row (`bool`): Whether each sentence is a row of its own, from a state of zeros.
        is_raw (`bool`): Whether the text is raw, to be split by `ElmoTokenizer`.

    Raises:
        `ValueError`: For a number that is out of its range.
    """

    max_steps: int
    batch_size: int = 128
    num_steps: int = 20
    optimizer: str = "adagrad"
    learning_rate: float = LEARNING_RATES["adagrad"]
    max_grad_norm: float = 10.0
    gradient_accumulation_steps: int = 1
    seed: int = 0
    bf16: bool = False
    sentence_per_row: bool = False
    is_raw: bool = False

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "num_steps", "gradient_accumulation_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, found {getattr(self, name)}")
        if self.optimizer not in LEARNING_RATES:
            raise ValueError(f"optimizer: expected {' or '.join(LEARNING_RATES)}, found {self.optimizer!r}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate: expected a positive number, found {self.learning_rate}")
        if not 0 <= self.max_grad_norm < math.inf:
            raise ValueError(f"max_grad_norm: expected a number of at least 0, found {self.max_grad_norm}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: expected a number from 0 to {2**32 - 1}, found {self.seed}")

    @property
    def window_size(self) -> int:
        """`int`: How much of `epoch_size` a window of the global batch is."""
        return self.batch_size if self.sentence_per_row else self.batch_size * self.num_steps

    @property
    def loss_scale(self) -> int:
        """`int`: What the loss is multiplied by before gradients are taken. The original's is the sum over a window's
        steps, not their mean. Adagrad, whose accumulator begins at 1 whatever the gradient's scale, learns faster for
        it, and `max_grad_norm` is meant for it. AdamW is the same whatever the scale."""
        return self.num_steps if self.optimizer == "adagrad" and not self.sentence_per_row else 1

    def reading(self, rows: range) -> Reading:
        """Returns how training reads its text."""
        return Reading(self.batch_size, rows, self.num_steps, self.seed, self.is_raw)


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
        self._wait_for_all()
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
            self._wait_for_all()
            if self.args.should_save:
                complete_directory(work, output / name)
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
        self._wait_for_all()

    def _wait_for_all(self) -> None:
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
        for batch, positions in Prefetched(batches):
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


def training_arguments(
    settings: PretrainingSettings,
    output_dir: Path,
    save_steps: int,
    eval_steps: int | None,
    logging_steps: int,
    save_total_limit: int,
) -> TrainingArguments:
    """Returns what `Trainer` is to know of all this."""
    num_processes = int(os.environ.get("WORLD_SIZE", "1"))
    has_accelerator = torch.accelerator.is_available()
    is_constant = settings.optimizer == "adagrad"
    arguments = TrainingArguments(
        output_dir=str(output_dir),
        max_steps=settings.max_steps,
        per_device_train_batch_size=max(1, settings.batch_size // num_processes),
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant" if is_constant else "linear",
        warmup_steps=0 if is_constant else min(1000, settings.max_steps // 20),
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        bf16=settings.bf16,
        logging_steps=logging_steps,
        # A loss that is no number shows, and ends the training.
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=save_steps,
        save_total_limit=save_total_limit,
        eval_strategy="no" if eval_steps is None else "steps",
        eval_steps=eval_steps,
        # The text goes on from the position in the checkpoint; nothing is to be skipped.
        ignore_data_skip=True,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not has_accelerator,
        ddp_backend="gloo" if num_processes > 1 and not has_accelerator else None,
        # Every step has a gradient for all that is trained.
        ddp_find_unused_parameters=False,
    )
    # Several devices are for several processes: one that used all would have one LSTM state for them.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def checkpoint_settings(
    settings: PretrainingSettings,
    config: ElmoConfig,
    tokenizer: ElmoTokenizer,
    corpus: Corpus,
    epoch_size: int | None = None,
) -> dict[str, Any]:
    """Returns what a training that goes on from a checkpoint must agree with, as it stands in the checkpoint."""
    vocabulary = hashlib.sha256("\n".join(tokenizer.get_words()).encode()).hexdigest()
    fields = {**config.to_dict()}
    for name in ("transformers_version", "architectures", "dtype", "auto_map", "_name_or_path", "training_options"):
        fields.pop(name, None)
    # As JSON gives it back.
    model = json.loads(json.dumps(fields))
    return {
        **asdict(settings),
        "vocabulary": vocabulary,
        "text": [os.path.basename(name) for name in corpus.names],
        "model": model,
        "epoch_size": epoch_size,
    }


def check_settings(checkpoint: Path, settings: dict[str, Any]) -> None:
    """Raises `ValueError` if a checkpoint was made with other settings, naming them."""
    try:
        saved = json.loads((checkpoint / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{checkpoint}: not a checkpoint of this command ({error})") from error
    # A training that began in float32 may go on in bfloat16, and back: what is kept is float32.
    free = {"epoch_size", "bf16"}
    # At a constant learning rate, a training may be made longer.
    if settings["optimizer"] == "adagrad":
        free.add("max_steps")
    differing = []
    for name, value in settings.items():
        if name == "model" and isinstance(saved.get("model"), dict):
            old = saved["model"]
            fields = sorted({*old, *value})
            differing += [(field, old.get(field), value.get(field)) for field in fields]
        elif name not in free:
            differing.append((name, saved.get(name), value))
    differing = [(name, old, new) for name, old, new in differing if old != new]
    if differing:
        described = "; ".join(f"{name}={short(old)}, found {short(new)}" for name, old, new in differing)
        raise ValueError(
            f"{checkpoint}: made with {described}. A training goes on with the settings that it began with; "
            f"another one needs another directory"
        )


def save_pretrained_model(trainer: ElmoPretrainer, output_dir: Path, card: str) -> None:
    """Writes the trained model into a directory, ready for the Hub: weights with the softmax, config, tokenizer, code
    files, model card, and the learning curve in `trainer_state.json`.

    Raises:
        `OSError`: If it can't be written; nothing of it is then in the directory.
    """
    work = output_dir / INCOMPLETE
    shutil.rmtree(work, ignore_errors=True)
    model = trainer.model
    try:
        # Who loads it fine-tunes it, with the biLM frozen as by default, until another training of this kind.
        model.config.freeze_bilm = True
        model.save_pretrained(work)
        trainer.tokenizer.save_pretrained(work)
        trainer.state.save_to_json(str(work / "trainer_state.json"))
        (work / "README.md").write_text(card, encoding="utf-8")
        for path in sorted(work.iterdir()):
            flush(path)
            path.replace(output_dir / path.name)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise OSError(f"{output_dir}: can't write the model ({' '.join(str(error).split())})") from error
    finally:
        model.config.freeze_bilm = False
        shutil.rmtree(work, ignore_errors=True)


def model_card(trainer: ElmoPretrainer, command: str, result: Perplexity | None) -> str:
    """Returns the `README.md` of a trained model."""
    config, settings = trainer.model.config, trainer.settings
    training = [
        ("Steps", f"{trainer.state.global_step:,}"),
        ("Words seen", f"{trainer.num_words:,}"),
        ("Rows of a batch", f"{settings.batch_size} x {settings.gradient_accumulation_steps}"),
        ("Words of a window", "a sentence per row" if settings.sentence_per_row else str(settings.num_steps)),
        ("Optimizer", f"{settings.optimizer}, learning rate {settings.learning_rate:g}"),
        ("Gradient norm", f"at most {settings.max_grad_norm:g}"),
        ("Dropout", f"{config.lstm_dropout:g}"),
        ("Negative samples", f"{config.num_negative_samples:,}"),
        ("Vocabulary", f"{len(trainer.tokenizer) - 2:,} entries"),
        ("Seed", str(settings.seed)),
    ]
    if result is not None:
        forward, backward, mean = result.perplexities
        training.append(
            (
                "Perplexity of the evaluation text",
                f"{mean:,.2f} (forward {forward:,.2f}, backward {backward:,.2f}; {result.num_words:,} words, "
                f"{result.num_unknown_words / max(result.num_words, 1):.2%} unknown)",
            )
        )
    sections = [
        "## Training",
        table(("Setting", "Value"), training),
        "Text: " + ", ".join(f"`{os.path.basename(name)}`" for name in trainer.corpus.names),
        f"```\n{command}\n```",
    ]
    return elmo_card(config, "trained by `elmo pretrain`", sections)


def epoch_size(
    corpus: Corpus, tokenizer: ElmoTokenizer, is_raw: bool, sentence_per_row: bool, checkpoint: Path | None = None
) -> int:
    """Counts a corpus: its words with a boundary per sentence; its sentences, where each is to be a row. A checkpoint
    that knows their number is asked."""
    if checkpoint is not None:
        try:
            saved = json.loads((checkpoint / SETTINGS_FILE).read_text(encoding="utf-8"))["epoch_size"]
        except (OSError, ValueError, KeyError):
            saved = None
        if isinstance(saved, int):
            return saved
    counts, num_sentences = count_words(corpus, WordSplitter(tokenizer if is_raw else None))
    return num_sentences if sentence_per_row else sum(counts.values()) + num_sentences


def training_options(
    settings: PretrainingSettings, config: ElmoConfig, epoch_size: int | None = None
) -> dict[str, Any]:
    """Returns what the original's `options.json` says about a training, under the names of `bin/train_elmo.py`.

    The numbers of words and epochs are there if the text was counted.
    """
    options: dict[str, Any] = {
        "bidirectional": True,
        "unroll_steps": settings.num_steps,
        "batch_size": settings.batch_size * settings.gradient_accumulation_steps,
        "all_clip_norm_val": settings.max_grad_norm,
        "learning_rate": settings.learning_rate,
        "sample_softmax": config.num_negative_samples > 0,
        "n_negative_samples_batch": config.num_negative_samples,
    }
    if epoch_size is not None:
        if not settings.sentence_per_row:
            options["n_train_tokens"] = epoch_size
        num_windows = settings.max_steps * settings.gradient_accumulation_steps
        options["n_epochs"] = max(1, round(num_windows * settings.window_size / epoch_size))
    return options


def run(
    start: Start,
    corpus: Corpus,
    settings: PretrainingSettings,
    output_dir: Path,
    eval_corpus: Corpus | None = None,
    checkpoint: Path | None = None,
    command: str = "",
    write: Callable[[str], None] | None = None,
    **steps: Any,
) -> int:
    """Trains a model and writes it into `output_dir`.

    Args:
        start (`Start`): Model and tokenizer.
        corpus (`Corpus`): The text to train on.
        settings (`PretrainingSettings`): What the numbers depend on.
        output_dir (`Path`): Where checkpoints and the result go.
        eval_corpus (`Corpus`, *optional*): The text to evaluate on.
        checkpoint (`Path`, *optional*): Where to go on from.
        command (`str`, *optional*): For the model card.
        write (`Callable`, *optional*): Takes lines of the report of progress, in place of standard output.
        steps: `save_steps`, `eval_steps`, `logging_steps`, `save_total_limit`, `epoch_size` of `ElmoPretrainer`.

    Returns:
        `int`: 0, or 128 and the number of the signal that ended the training, after a checkpoint.

    Raises:
        `ValueError`: If the checkpoint was made with other settings, or another training is using `output_dir`; also
            for text that can't be read.
        `OSError`: If a checkpoint can't be written.
    """
    with StopSignals() as signals, ExitStack() as stack:
        trainer = ElmoPretrainer(
            start.model, start.tokenizer, corpus, settings, output_dir, eval_corpus, signals=signals, **steps
        )
        trainer.add_callback(ProgressReport(write))
        start.model.config.training_options = training_options(settings, start.model.config, steps.get("epoch_size"))
        is_main = trainer.is_world_process_zero()
        if checkpoint is not None:
            check_settings(checkpoint, trainer.checkpoint_settings())
        if is_main:
            output_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(sole_use(output_dir))
            if checkpoints(output_dir)[-1:] != ([] if checkpoint is None else [checkpoint]):
                raise ValueError(f"{output_dir}: another training has written to this directory meanwhile")
            shutil.rmtree(output_dir / INCOMPLETE, ignore_errors=True)
        trainer._wait_for_all()
        try:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        except Exception as error:
            if checkpoint is None or trainer.has_begun:
                raise
            message = f"{' '.join(str(error).split())}; without it, training goes on from the one before"
            raise ValueError(f"{checkpoint}: can't be read ({message})") from error
        is_complete = signals.received is None or trainer.state.global_step >= settings.max_steps
        result = None
        if is_complete and eval_corpus is not None:
            result = trainer.evaluation()
            is_complete = result is not None
        if is_complete and is_main:
            save_pretrained_model(trainer, output_dir, model_card(trainer, command, result))
        leave_process_group(trainer)
        return 0 if is_complete else 128 + (signals.received or 0)
