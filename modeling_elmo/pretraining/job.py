# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Training of ELMo's language model on `Trainer`, in the manner of bilm-tf's `training.py`.

`corpus.py` makes the batches, `language_model.py` computes the loss; here is what goes around them: the LSTM state that
is carried from window to window, checkpoints from which a training goes on exactly where it was, evaluation, and the
model directory in the end.

What a step does follows from the checkpoint before it and from numbers: random numbers are seeded anew for every
window, by the seed and the window's number. So a training that was killed and resumed gives the losses of one that was
not, and several processes draw the same negative samples.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ..files.atomic import exclusive_lock, flush
from ..hub.model_card import model_card as elmo_card
from ..hub.model_card import table
from .checkpoints import INCOMPLETE, LOCK, check_settings, checkpoints
from .corpus import Corpus
from .initial_model import Start
from .perplexity import Perplexity
from .process_group import leave_process_group
from .settings import PretrainingSettings, training_options
from .signals import StopSignals
from .trainer import ElmoPretrainer, ProgressReport


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
            stack.enter_context(exclusive_lock(output_dir / LOCK, output_dir))
            if checkpoints(output_dir)[-1:] != ([] if checkpoint is None else [checkpoint]):
                raise ValueError(f"{output_dir}: another training has written to this directory meanwhile")
            shutil.rmtree(output_dir / INCOMPLETE, ignore_errors=True)
        trainer.wait_for_all()
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
