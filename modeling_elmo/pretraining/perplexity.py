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
from .windows import BatchPlan, SentenceRows, Windows


@dataclass(frozen=True)
class Perplexity:
    """A language model's loss on a text."""

    forward_loss: float  # Mean negative log-likelihood of the next word, including ends of sentences.
    backward_loss: float  # The same for the previous word.
    num_predictions: int  # Words that each direction predicted, including one boundary per sentence.
    num_words: int  # Words of the text.
    num_unknown_words: int  # How many of them are not in the vocabulary.

    @property
    def loss(self) -> float:
        """`float`: Mean of both directions' losses."""
        return (self.forward_loss + self.backward_loss) / 2

    @property
    def perplexities(self) -> tuple[float, float, float]:
        """`tuple[float, float, float]`: Forward, backward, and their geometric mean, which the original reports."""
        return perplexity_of(self.forward_loss), perplexity_of(self.backward_loss), perplexity_of(self.loss)


def perplexity_of(loss: float) -> float:
    """Returns the perplexity of a mean negative log-likelihood."""
    return math.exp(loss) if loss < 700 else math.inf


@torch.no_grad()
def measure_perplexity(
    model: ElmoForPreTraining,
    tokenizer: ElmoTokenizer,
    corpus: Corpus,
    plan: BatchPlan,
    is_wanted: Callable[[int], bool] = lambda num_words: True,
) -> Perplexity | None:
    """Measures perplexity in one pass over a corpus, from a state of zeros, with the full softmax.

    Args:
        model (`ElmoForPreTraining`): The model; it is left in evaluation mode.
        tokenizer (`ElmoTokenizer`): The model's tokenizer.
        corpus (`Corpus`): The text.
        plan (`BatchPlan`): Without a seed. If each of several processes has a part of the rows, all of them return the
            result of the whole corpus.
        is_wanted (`Callable[[int], bool]`, *optional*): Called after each batch with its number of words. If it returns
            False, the result is None.

    Raises:
        `ValueError`: If the vocabulary is not the model's, the text can't be read, or, as bilm-tf counts, no word of it
            counts.
    """
    check_vocabulary_size(model, tokenizer)
    model.eval()
    is_window = not plan.sentence_per_row
    batches = (Windows if is_window else SentenceRows)(
        corpus, tokenizer, plan, has_characters=model.config.reads_characters
    )
    # Forward loss, backward loss, predictions, words, unknown words.
    sums = torch.zeros(5, dtype=torch.float64)
    state = None
    for batch, _ in prefetch(batches, 8):
        labels = batch["forward_labels" if is_window else "labels"]
        is_word = (labels != IGNORED_LABEL) & (labels != tokenizer.eos_token_id) & (labels != tokenizer.bos_token_id)
        # In a row of one sentence, each direction predicts all but its first word.
        predictions = (labels != IGNORED_LABEL).sum() - (0 if is_window else len(labels))
        batch = {name: values.to(model.device) for name, values in batch.items()}
        output = model(**batch, state=state, use_cache=is_window)
        state = output.state
        losses = torch.stack([output.forward_loss, output.backward_loss]).double().cpu() * predictions
        unknown = (is_word & (labels == tokenizer.unk_token_id)).sum()
        sums += torch.cat([losses, torch.stack([predictions, is_word.sum(), unknown]).double()])
        if not is_wanted(int(is_word.sum())):
            return None
    if len(plan.rows) < plan.batch_size:
        sums = sums.to(model.device)
        distributed.all_reduce(sums)
    forward, backward, predictions, words, unknown = sums.tolist()
    if not predictions:
        raise ValueError(
            f"batch size: expected at most as many rows as the text has sentences, found {plan.batch_size}"
        )
    return Perplexity(forward / predictions, backward / predictions, int(predictions), int(words), int(unknown))


def check_vocabulary_size(model: ElmoForPreTraining, tokenizer: ElmoTokenizer) -> None:
    """Raises `ValueError` unless the softmax has one row per entry of the vocabulary."""
    if model.config.vocab_size != len(tokenizer):
        raise ValueError(
            f"the vocabulary has {len(tokenizer):,} entries with <PAD> and <MASK>, but the model's softmax has "
            f"{model.config.vocab_size:,}; use the vocabulary that the model was trained with"
        )


def load_language_model(model_dir: Path) -> tuple[ElmoForPreTraining, ElmoTokenizer]:
    """Loads a language model and its tokenizer. Raises `ValueError` if the directory has none, or no softmax."""
    model, missing = load_model(ElmoForPreTraining, model_dir)
    missing = [name for name in missing if name.startswith("lm_head")]
    if missing:
        message = (
            f"this model has no softmax ({missing[0]}); use one that elmo pretrain has trained or, converted with its "
            "vocabulary, a TensorFlow checkpoint"
        )
        raise ElmoFormatError(f"{model_dir}: {message}")
    return model.to(local_device()), ElmoTokenizer.from_pretrained(model_dir)


def one_process(
    batch_size: int, num_steps: int, is_raw: bool = False, sentence_per_row: bool = False, as_bilm_tf: bool = False
) -> BatchPlan:
    """Returns the plan of a single pass over a text in one process."""
    return BatchPlan(batch_size, range(batch_size), num_steps, None, is_raw, sentence_per_row, as_bilm_tf)
