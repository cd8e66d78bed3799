# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Words per second of `elmo pretrain` by preset, as a share of the machine's matrix-product rate; memory.

    python -m benchmarks.speed.pretraining

Times training with its defaults (128 rows, windows of 20 words, the preset's negative samples, Adagrad, gradient
clipping): reading and encoding text, forward, backward, and the optimizer's step, without evaluations and checkpoints.
The text consists of random words by Zipf's law; speed does not depend on whether the model learns anything. The
vocabularies suit the presets: 20,000 entries, 100,000, and the 793,471 of the published model.

Each word counts once although both directions read it, as in the words/s that `elmo pretrain` reports.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from modeling_elmo import ElmoConfig, ElmoForPreTraining, ElmoTokenizer
from modeling_elmo.hardware import product_rate
from modeling_elmo.pretraining.initial_model import preset_config
from modeling_elmo.pretraining.settings import PretrainingSettings
from modeling_elmo.pretraining.trainer import ElmoPretrainer
from modeling_elmo.pretraining.vocabulary import LEADING_TOKENS
from modeling_elmo.pretraining.windows import Windows

from .correctness import check_gradients
from .full_size_model import TINY, character_encoder_flop_per_word, lstm_flop_per_word
from .measurement import in_fresh_process, num_threads, peak_memory_mib
from .report import JsonOnly, Quick, Report, Threads, rounded, run
from .sentences import LETTERS, LONGEST, SHORTEST


VOCABULARY_SIZES = {"tiny": 20_000, "small": 100_000, "original": 793_471}

# The first steps allocate buffers.
WARM_UP_STEPS = 2

# A separate thread prepares this many windows in advance. Meanwhile, one core trains more slowly.
NUM_WINDOWS_AHEAD = 32

LONGEST_WORD = 20


def random_words(count: int, seed: int = 0) -> list[str]:
    """Returns distinct made-up words. The first ones are short, as frequent words are."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, len(LETTERS) + 1)
    words: dict[str, None] = {}
    while len(words) < count:
        mean_N = 1 + np.log10(len(words) + 1 + np.arange(count))
        length_N = 1 + np.minimum(random.poisson(mean_N), LONGEST_WORD - 1)
        letters_NC = random.choice(LETTERS, size=(count, LONGEST_WORD), p=shares / shares.sum())
        letters_NC[np.arange(LONGEST_WORD) >= length_N[:, None]] = ""
        # Join the letters of each row to a word.
        words.update(dict.fromkeys("".join(row) for row in letters_NC.tolist()))
    return list(words)[:count]


class RandomText:
    """A corpus of random sentences: lengths log-normal with a mean of 22 words, words by Zipf's law.

    Args:
        words (`list[str]`): Words in order of decreasing frequency.
        num_sentences (`int`): Number of sentences of an epoch.
    """

    def __init__(self, words: list[str], num_sentences: int = 10_000):
        random = np.random.default_rng(1)
        # As in `sentences.py`: fitted to English books.
        shares = (np.arange(len(words)) + 3.7) ** -1.2
        cumulated = np.cumsum(shares / shares.sum())
        self.names = ["random text"]
        self.sizes: list[int] = []
        self.sentences = []
        for _ in range(num_sentences):
            length = int(np.clip(np.rint(random.lognormal(mean=2.9, sigma=0.6)), SHORTEST, LONGEST))
            ranks = np.minimum(np.searchsorted(cumulated, random.random(length)), len(words) - 1)
            self.sentences.append(" ".join(words[rank] for rank in ranks))

    def order(self, seed: tuple[int, ...] | None) -> Iterable[int]:
        """Returns the only block."""
        return [0]

    def read(self, block: int) -> list[str]:
        """Returns all sentences."""
        return self.sentences


def step_flop(config: ElmoConfig, batch: dict[str, torch.Tensor]) -> int:
    """Returns the floating point operations in matrix products that a training step on a window `(B, W)` requires.

    - For every position, in both directions: the LSTMs' gates and projections (`lstm_flop_per_word`).
    - For every distinct word in the positions of both directions: the character encoder.
    - For every prediction, one per position and direction: P products for the correct word and each negative sample.

    All of it counts three times: forward, and backward for the gradients of the inputs and of the weights. Element-wise
    work (gates, dropout, the optimizer's pass over all weights) does not count, nor does recomputation to save memory:
    both lower the share.
    """
    num_positions = batch["input_ids"].numel()
    words_NC = torch.cat([batch["character_ids"], batch["backward_character_ids"]]).flatten(0, 1)
    distinct_NC = torch.unique(words_NC, dim=0)
    # 261 pads the word after its end mark.
    num_characters = int((distinct_NC != 261).sum(-1).max())
    encoder = len(distinct_NC) * character_encoder_flop_per_word(config, num_characters)
    num_compared = 1 + config.num_negative_samples
    softmax = 2 * num_positions * 2 * config.projection_size * num_compared
    return 3 * (num_positions * lstm_flop_per_word(config) + encoder + softmax)


class FilledFirst:
    """Iterates over batches after a pause in which more of them are prepared."""

    def __init__(self, batches: Iterable[Any], pause: float) -> None:
        self.batches = batches
        self.pause = pause

    def __iter__(self) -> Iterator[Any]:
        for number, batch in enumerate(self.batches):
            if number == 0:
                time.sleep(self.pause)
            yield batch


class TimedTraining(ElmoPretrainer):
    """A training run that records the end of each step and writes nothing.

    Args:
        seconds_per_window (`float`): The time to prepare a window.
    """

    def __init__(self, *args: Any, seconds_per_window: float) -> None:
        super().__init__(*args)
        self.seconds_per_window = seconds_per_window
        self.ends: list[float] = []

    def get_train_dataloader(self) -> "FilledFirst":
        """Returns the batches, the first one when enough of them are prepared."""
        return FilledFirst(super().get_train_dataloader(), 1.5 * NUM_WINDOWS_AHEAD * self.seconds_per_window)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Trains on a window. Its start is the end of the previous step, including the optimizer."""
        self.ends.append(time.perf_counter())
        return super().training_step(*args, **kwargs)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Records the end of the last step; does not save the model."""
        self.ends.append(time.perf_counter())


def preset(name: str, is_quick: bool, vocab_size: int | None = None) -> tuple[ElmoConfig, list[str]]:
    """Returns the config of a preset, and the words of a vocabulary of `vocab_size` entries, or of the usual size."""
    size = vocab_size or (200 if is_quick else VOCABULARY_SIZES[name])
    fields = {**TINY, "num_negative_samples": 16} if is_quick else {}
    if vocab_size is not None:
        fields["num_negative_samples"] = vocab_size // 2
    return preset_config(name, size + 2, **fields), random_words(size - len(LEADING_TOKENS))


def measure(name: str, num_steps: int, bf16: bool, is_quick: bool) -> dict[str, float]:
    """Trains a model of a preset for some steps, after a warm-up.

    Returns:
        `dict[str, float]`: Words and floating point operations of a step, its median seconds, and the additional peak
        memory of the process in MiB.
    """
    config, words = preset(name, is_quick)
    tokenizer = ElmoTokenizer(vocab=[*LEADING_TOKENS, *words])
    corpus = RandomText(words, 200 if is_quick else 10_000)
    sizes = {"batch_size": 4, "num_steps": 5} if is_quick else {}
    settings = PretrainingSettings(max_steps=WARM_UP_STEPS + num_steps, bf16=bf16, **sizes)
    windows = Windows(corpus, tokenizer, settings.batch_plan(range(settings.batch_size)), has_characters=True)
    start = time.perf_counter()
    batches = [batch for batch, _ in islice(windows, num_steps)]
    seconds_per_window = (time.perf_counter() - start) / num_steps
    before = peak_memory_mib()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="elmo-benchmark-") as directory:
        model = ElmoForPreTraining(config)
        trainer = TimedTraining(
            model, tokenizer, corpus, settings, Path(directory), seconds_per_window=seconds_per_window
        )
        trainer.train()
    seconds = np.diff(trainer.ends)[WARM_UP_STEPS:]
    assert len(seconds) == num_steps
    return {
        "words": settings.batch_size * settings.num_steps,
        "flop": float(np.mean([step_flop(config, batch) for batch in batches])),
        "seconds": float(np.median(seconds)),
        "peak_memory_mib": peak_memory_mib() - before,
        "parameters": trainer.model.num_parameters(),
    }


def check(name: str, is_quick: bool) -> None:
    """Compares the gradients of a preset's model with its loss, with a small vocabulary, on a small window."""
    config, words = preset(name, is_quick, vocab_size=200)
    tokenizer = ElmoTokenizer(vocab=[*LEADING_TOKENS, *words])
    settings = PretrainingSettings(max_steps=1, batch_size=2, num_steps=5)
    batch, _ = next(iter(Windows(RandomText(words, 20), tokenizer, settings.batch_plan(range(2)), has_characters=True)))
    torch.manual_seed(0)
    # With dropout, the loss would differ in every call.
    config.lstm_dropout = 0.0
    model = ElmoForPreTraining(config).train()
    # With the small initial weights, the slope along the parameters would be too small to compare.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    generator = model.negative_sampling_generator = torch.Generator()

    def loss() -> torch.Tensor:
        generator.manual_seed(0)
        return model(**batch).loss

    loss().backward()
    check_gradients([parameter for parameter in model.parameters() if parameter.requires_grad], loss)


def main(
    presets: Annotated[
        list[str] | None, typer.Option("--preset", help="A preset to measure; by default all. May be repeated.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Number of steps; the median is reported.")] = 5,
    threads: Threads = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16, as elmo pretrain --bf16 does.")] = False,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure words per second of training a language model from scratch."""
    names = presets or list(VOCABULARY_SIZES)
    for name in names:
        if name not in VOCABULARY_SIZES:
            raise ValueError(f"preset: expected one of {', '.join(VOCABULARY_SIZES)}, found {name!r}")
    report = Report("pretraining", threads, json_only)
    report.figures["dtype"] = "bfloat16" if bf16 else "float32"
    with num_threads(report.threads):
        best = product_rate(report.figures["dtype"], is_quick=quick)
        report.figures["roofline_gflop_per_second"] = rounded(best / 1e9)
        report.say(f"best {report.figures['dtype']} matrix product: {best / 1e9:,.0f} GFLOP/s")
        report.figures["presets"] = {}
        for name in names:
            check(name, quick)
            found = in_fresh_process(measure, name, steps, bf16, quick)
            report.say(f"{name}: {found['seconds']:.3g} seconds a step")
            report.figures["presets"][name] = {
                "parameters": found["parameters"],
                "words_per_second": rounded(found["words"] / found["seconds"]),
                "mflop_per_word": rounded(found["flop"] / found["words"] / 1e6),
                "share_of_roofline": rounded(found["flop"] / found["seconds"] / best),
                "peak_memory_mib": rounded(found["peak_memory_mib"]),
            }
    report.table(
        "Training steps",
        ["", "parameters", "words per second", "MFLOP per word", "share of roofline", "peak memory, MiB"],
        [[name, *figures.values()] for name, figures in report.figures["presets"].items()],
    )
    report.finish()


if __name__ == "__main__":
    run(main)
