# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A whole training run: from a corpus and an initial model to a model directory, resuming where it was interrupted."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError

from ..files.atomic import exclusive_lock, move_into_place
from ..files.progress import Progress
from ..hub.model_card import model_card as elmo_card
from ..hub.model_card import table
from ..model.tokenization_elmo import ElmoTokenizer
from .checkpoints import INCOMPLETE, LOCK, check_settings, checkpoints, find_checkpoint, read_settings
from .corpus import Corpus
from .coverage import MIN_COVERAGE, check_coverage
from .initial_model import InitialModel
from .perplexity import Perplexity
from .settings import PretrainingSettings, training_options
from .signals import StopSignals
from .trainer import ElmoPretrainer, ProgressReport, leave_process_group
from .vocabulary import count_words


def pretrain(
    initial: InitialModel,
    corpus: Corpus,
    settings: PretrainingSettings,
    output_dir: Path,
    eval_corpus: Corpus | None = None,
    *,
    epochs: float | None = None,
    resume: bool = True,
    command: str = "",
    min_coverage: float = MIN_COVERAGE,
    write: Callable[[str], None] | None = None,
    **intervals: int,
) -> int:
    """Trains a language model and writes it into `output_dir`, from the newest checkpoint there if there is one.

    Args:
        initial (`InitialModel`): Model and tokenizer.
        corpus (`Corpus`): The text to train on.
        settings (`PretrainingSettings`): The settings that determine the result.
        output_dir (`Path`): The directory for checkpoints and the trained model.
        eval_corpus (`Corpus`, *optional*): The text to evaluate on.
        epochs (`float`, *optional*): Passes over the corpus, which is counted first, instead of `settings.max_steps`.
        resume (`bool`): Whether to resume; otherwise checkpoints are an error.
        command (`str`): The command, for the model card.
        min_coverage (`float`, *optional*): The share of the text, from 0 to 1, that the vocabulary must cover.
        write (`Callable`, *optional*): Receives lines about the progress, instead of standard output.
        intervals: `save_steps`, `eval_steps`, `logging_steps`, and `save_total_limit`, how many checkpoints are kept.

    Returns:
        `int`: 0, or 128 plus the number of the signal that stopped the run after a checkpoint.

    Raises:
        `ValueError`: If the checkpoint was made with other settings, `output_dir` holds something else or is used by
            another run, a text can't be read, or the vocabulary covers too little of it.
        `OSError`: If a file can't be written.
    """
    checkpoint = find_checkpoint(output_dir, resume)
    covered = check_coverage(corpus, initial.model, initial.tokenizer, settings.batch_plan(range(0)), min_coverage)
    epoch_size = None
    if epochs is not None:
        epoch_size = corpus_size(corpus, initial.tokenizer, settings, checkpoint, write)
        num_windows = epochs * epoch_size / settings.window_size
        settings = replace(settings, max_steps=max(1, round(num_windows / settings.gradient_accumulation_steps)))
    initial.model.config.training_options = training_options(settings, initial.model.config, epoch_size)
    with StopSignals() as signals, ExitStack() as stack:
        trainer = ElmoPretrainer(
            initial.model,
            initial.tokenizer,
            corpus,
            settings,
            output_dir,
            eval_corpus,
            epoch_size,
            signals,
            **intervals,
        )
        report = ProgressReport(write, settings)
        trainer.add_callback(report)
        if checkpoint is not None:
            check_settings(checkpoint, trainer.checkpoint_settings())
        if trainer.is_world_process_zero():
            stack.enter_context(_output_directory(output_dir, checkpoint))
            report.progress.tell(covered)
        trainer.accelerator.wait_for_everyone()
        try:
            trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
        except Exception as error:
            if checkpoint is None or trainer.has_begun:
                raise
            message = f"{' '.join(str(error).split())}; delete it to resume from the one before"
            raise ValueError(f"{checkpoint}: can't be read ({message})") from error
        is_complete = signals.received is None or trainer.state.global_step >= settings.max_steps
        result = None
        if is_complete and eval_corpus is not None:
            result = trainer.evaluation()
            is_complete = result is not None
        if not is_complete and trainer.is_world_process_zero():
            _say_interrupted(checkpoints(output_dir)[-1])
        if is_complete and trainer.is_world_process_zero():
            save_trained_model(trainer, output_dir, model_card(trainer, command, result))
        leave_process_group(trainer)
        return 0 if is_complete else 128 + (signals.received or 0)


def _say_interrupted(checkpoint: Path) -> None:
    print(f"Interrupted. Progress is saved in {checkpoint}; rerun the same command to resume.", file=sys.stderr)


@contextmanager
def _output_directory(output_dir: Path, checkpoint: Path | None) -> Iterator[None]:
    """Makes the directory, and keeps other runs out of it."""
    output_dir.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(output_dir / LOCK, output_dir):
        if checkpoints(output_dir)[-1:] != ([] if checkpoint is None else [checkpoint]):
            raise ValueError(f"{output_dir}: another run has written to this directory in the meantime")
        shutil.rmtree(output_dir / INCOMPLETE, ignore_errors=True)
        yield


def corpus_size(
    corpus: Corpus,
    tokenizer: ElmoTokenizer,
    settings: PretrainingSettings,
    checkpoint: Path | None = None,
    write: Callable[[str], None] | None = None,
) -> int:
    """Returns the size of an epoch: words, including one boundary per sentence; or sentences, with a sentence per row.
    If the checkpoint has it, the text is not counted again."""
    saved = None if checkpoint is None else read_settings(checkpoint).get("epoch_size")
    if isinstance(saved, int):
        return saved
    progress = Progress(write, is_shown=os.environ.get("RANK", "0") == "0")
    counts, num_sentences = count_words(corpus, settings.batch_plan(range(0)).splitter(tokenizer), progress)
    return num_sentences if settings.sentence_per_row else sum(counts.values()) + num_sentences


def save_trained_model(trainer: ElmoPretrainer, output_dir: Path, card: str) -> None:
    """Writes the trained model, ready for the Hub: weights including the softmax, config, tokenizer, code files, model
    card, and the learning curve in `trainer_state.json`."""
    work = output_dir / INCOMPLETE
    shutil.rmtree(work, ignore_errors=True)
    model = trainer.model
    try:
        # Users who load it get a frozen biLM, as by default.
        model.config.freeze_bilm = True
        model.save_pretrained(work)
        trainer.tokenizer.save_pretrained(work)
        trainer.state.save_to_json(str(work / "trainer_state.json"))
        (work / "README.md").write_text(card, encoding="utf-8")
        for path in sorted(work.iterdir()):
            move_into_place(path, output_dir / path.name)
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
        ("Words seen", f"{trainer.rows_state.num_words:,}"),
        ("Rows of a batch", f"{settings.batch_size} x {settings.gradient_accumulation_steps}"),
        ("Words of a window", "one sentence per row" if settings.sentence_per_row else str(settings.num_steps)),
        ("Optimizer", f"{settings.optimizer}, learning rate {settings.learning_rate:g}"),
        ("Gradient norm", f"at most {settings.max_grad_norm:g}"),
        ("Dropout", f"{config.lstm_dropout:g}"),
        ("Negative samples", f"{config.num_negative_samples:,}"),
        ("Vocabulary", f"{len(trainer.tokenizer) - 2:,} entries"),
        ("Seed", str(settings.seed)),
    ]
    if result is not None:
        forward, backward, mean = result.perplexities
        unknown = f"{result.num_words:,} words, {result.num_unknown_words / max(result.num_words, 1):.2%} unknown"
        value = f"{mean:,.2f} (forward {forward:,.2f}, backward {backward:,.2f}; {unknown})"
        training.append(("Perplexity of the evaluation text", value))
    sections = [
        "## Training",
        table(("Setting", "Value"), training),
        "Text: " + ", ".join(f"`{os.path.basename(name)}`" for name in trainer.corpus.names),
        f"```\n{command}\n```",
    ]
    return elmo_card(config, "trained by `elmo pretrain`", sections)
