# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The perplexity of a language model on text, with the softmax over the whole vocabulary."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import distributed

from ..files.background import prefetch
from ..files.errors import ElmoFormatError
from ..files.model_directory import load_model, local_device
from ..model.configuration_elmo import IGNORED_LABEL
from ..model.language_model import ElmoForPreTraining
from ..model.tokenization_elmo import ElmoTokenizer
from .corpus import Corpus
from .windows import Reading, SentenceRows, Windows


@dataclass(frozen=True)
class Perplexity:
    """What a language model makes of a text.

    Attributes:
        forward_loss (`float`): Mean negative log-likelihood of the next word, ends of sentences included.
        backward_loss (`float`): The same of the word before.
        num_predictions (`int`): How many words each direction predicted: those of the text, and one boundary per
            sentence.
        num_words (`int`): Words of the text.
        num_unknown_words (`int`): How many of them the vocabulary lacks.
    """

    forward_loss: float
    backward_loss: float
    num_predictions: int
    num_words: int
    num_unknown_words: int

    @property
    def loss(self) -> float:
        """`float`: Mean of both directions' losses."""
        return (self.forward_loss + self.backward_loss) / 2

    @property
    def perplexities(self) -> tuple[float, float, float]:
        """`tuple[float, float, float]`: Forward, backward, and the geometric mean of both, which the original
        reports."""
        return perplexity_of(self.forward_loss), perplexity_of(self.backward_loss), perplexity_of(self.loss)


def perplexity_of(loss: float) -> float:
    return math.exp(loss) if loss < 700 else math.inf


@torch.no_grad()
def measure_perplexity(
    model: ElmoForPreTraining,
    tokenizer: ElmoTokenizer,
    corpus: Corpus,
    reading: Reading,
    sentence_per_row: bool = False,
    on_batch: Callable[[int], bool] | None = None,
) -> Perplexity | None:
    """Reads a corpus once, from a state of zeros, with the softmax over the whole vocabulary.

    Args:
        model (`ElmoForPreTraining`): Is in evaluation mode afterwards.
        tokenizer (`ElmoTokenizer`): The model's.
        corpus (`Corpus`): The text.
        reading (`Reading`): Its seed should be None. With several processes, whose rows are parts of the global batch,
            all get the result of all.
        sentence_per_row (`bool`, *optional*): As in training.
        on_batch (`Callable[[int], bool]`, *optional*): Told the number of predictions made so far; False ends it all.

    Returns:
        [`Perplexity`], or None if `on_batch` ended it.

    Raises:
        `ValueError`: If the vocabulary is not the model's, or for text that can't be read.
    """
    check_vocabulary_size(model, tokenizer)
    model.eval()
    has_characters = model.config.token_input == "characters"
    batches = (SentenceRows if sentence_per_row else Windows)(corpus, tokenizer, reading, has_characters)
    # Forward loss, backward loss, predictions, words, unknown words.
    sums = torch.zeros(5, dtype=torch.float64)
    state = None
    for batch, _ in prefetch(batches, 8):
        labels = batch["labels"] if sentence_per_row else batch["forward_labels"]
        is_word = (labels != IGNORED_LABEL) & (labels != tokenizer.eos_token_id) & (labels != tokenizer.bos_token_id)
        predictions = (labels != IGNORED_LABEL).sum() - (len(labels) if sentence_per_row else 0)
        batch = {name: values.to(model.device) for name, values in batch.items()}
        output = model(**batch, state=None if sentence_per_row else state, use_cache=not sentence_per_row)
        state = output.state
        losses = torch.stack([output.forward_loss, output.backward_loss]).double().cpu() * predictions
        unknown = (is_word & (labels == tokenizer.unk_token_id)).sum()
        sums += torch.cat([losses, torch.stack([predictions, is_word.sum(), unknown]).double()])
        if on_batch is not None and not on_batch(int(sums[2])):
            return None
    if len(reading.rows) < reading.batch_size:
        sums = sums.to(model.device)
        distributed.all_reduce(sums)
    forward, backward, predictions, words, unknown = sums.tolist()
    return Perplexity(forward / predictions, backward / predictions, int(predictions), int(words), int(unknown))


def check_vocabulary_size(model: ElmoForPreTraining, tokenizer: ElmoTokenizer) -> None:
    """Raises `ValueError` unless the softmax has a row for each entry of the vocabulary."""
    if model.config.vocab_size != len(tokenizer):
        raise ValueError(
            f"the vocabulary has {len(tokenizer):,} entries with <PAD> and <MASK>, the model's softmax "
            f"{model.config.vocab_size:,}: expected the same number"
        )


def load_language_model(model_dir: Path) -> tuple[ElmoForPreTraining, ElmoTokenizer]:
    """Loads a model with its softmax, and its tokenizer.

    Raises:
        `ValueError`: If it is no model directory, or has no softmax.
    """
    model, missing = load_model(ElmoForPreTraining, model_dir)
    missing = [name for name in missing if name.startswith("lm_head")]
    if missing:
        raise ElmoFormatError(
            f"{model_dir}: this model has no softmax ({missing[0]}); use one that elmo pretrain has trained"
        )
    return model.to(local_device()), ElmoTokenizer.from_pretrained(model_dir)


def one_process(batch_size: int, num_steps: int, is_raw: bool) -> Reading:
    """Returns how one process reads a text once."""
    for name, number in (("batch_size", batch_size), ("num_steps", num_steps)):
        if number < 1:
            raise ValueError(f"{name}: expected at least 1, found {number}")
    return Reading(batch_size, range(batch_size), num_steps, None, is_raw)
