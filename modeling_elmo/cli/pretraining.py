# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo build-vocab`, `elmo pretrain` and `elmo evaluate`: text to a language model and its perplexity."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import BadParameter, Exit, Option, echo

from .options import (
    MinCoverage,
    ModelDirectory,
    ReplaceInvalid,
    SentencePerRow,
    Strict,
    TextLanguage,
    Texts,
    Tokenized,
    is_main_process,
    model_directory,
    printable,
    report,
    warn_of_too_many_threads,
)


def build_vocab(
    texts: Texts,
    output: Annotated[Path, Option("--output", "-o", help="The vocabulary file to create.")],
    size: Annotated[int | None, Option(help="Maximum number of entries, including the three special tokens.")] = None,
    min_count: Annotated[int, Option(help="Minimum count for a word to be included.")] = 1,
    tokenized: Tokenized = True,
    language: TextLanguage = None,
    replace_invalid: ReplaceInvalid = False,
    strict: Strict = False,
) -> None:
    """Count the words of text files: <S>, </S> and <UNK>, then words by decreasing frequency, one per line."""
    from ..files.progress import Progress
    from ..model.tokenization_elmo import ElmoTokenizer
    from ..model.word_splitting import split_at_white_space
    from ..pretraining.vocabulary import build_vocabulary, check_counts, count_words, write_vocabulary

    if not output.parent.is_dir():
        raise BadParameter(f"--output: {output.parent}: no such directory")
    split_words = split_at_white_space if tokenized else ElmoTokenizer(language=language).split_words
    counts, num_lines = count_words(_corpus(texts, replace_invalid), split_words, Progress())
    check_counts(counts, num_lines)
    vocabulary = build_vocabulary(counts, size, min_count)
    write_vocabulary(vocabulary.words, output)
    share = vocabulary.num_known_words / max(vocabulary.num_text_words, 1)
    report(
        f"Wrote {printable(output)}: {len(vocabulary.words):,} entries. They cover {share:.2%} of "
        f"{vocabulary.num_text_words:,} words in {num_lines:,} lines."
    )


def pretrain(
    output: Annotated[Path, Option(help="The directory for checkpoints and, at the end, the model.")],
    train: Annotated[list[str], Option(metavar="TEXT", help="Text file or quoted pattern. May be repeated.")],
    evaluate_on: Annotated[list[str], Option("--eval", metavar="TEXT", help="Held-out text. May be repeated.")] = [],  # noqa: B006
    vocab: Annotated[Path | None, Option(help="Vocabulary file from build-vocab.")] = None,
    preset: Annotated[Literal["tiny", "small", "medium", "original"] | None, Option(help="A new model's size.")] = None,
    token_input: Annotated[
        Literal["characters", "words"] | None, Option(help="What a new model reads. By default characters.")
    ] = None,
    tie_word_embeddings: Annotated[
        bool, Option("--tie-word-embeddings", help="Tie the softmax weights to the word embeddings.")
    ] = False,
    model: Annotated[
        Path | None,
        Option(help="Model directory to continue from, in place of --preset; or elmo-tiny.", callback=model_directory),
    ] = None,
    tokenized: Tokenized = True,
    language: TextLanguage = None,
    replace_invalid: ReplaceInvalid = False,
    strict: Strict = False,
    min_coverage: MinCoverage = 0.5,
    max_steps: Annotated[int | None, Option(help="Number of training steps.")] = None,
    epochs: Annotated[float | None, Option(help="Passes over the text, in place of --max-steps; counts it.")] = None,
    batch_size: Annotated[int, Option(help="Rows per batch, over all processes.")] = 128,
    num_steps: Annotated[int, Option(help="Words per window (truncated backpropagation).")] = 20,
    sentence_per_row: SentencePerRow = False,
    optimizer: Annotated[Literal["adagrad", "adamw"], Option(help="The original used Adagrad.")] = "adagrad",
    learning_rate: Annotated[float | None, Option(help="By default 0.2 for Adagrad, 0.001 for AdamW.")] = None,
    max_grad_norm: Annotated[float, Option(help="Clip gradients to this norm; 0 disables clipping.")] = 10.0,
    gradient_accumulation_steps: Annotated[int, Option(help="Windows per step.")] = 1,
    negative_samples: Annotated[int | None, Option(help="Negative samples; 0 for the full softmax.")] = None,
    dropout: Annotated[float | None, Option(help="Dropout of the LSTMs. By default 0.1, or that of --model.")] = None,
    bf16: Annotated[bool, Option("--bf16", help="Compute in bfloat16.")] = False,
    seed: Annotated[int, Option(help="Seed for weights, shuffling, dropout and negative samples.")] = 0,
    save_steps: Annotated[int, Option(min=1, help="Steps between checkpoints.")] = 1000,
    keep: Annotated[int, Option(min=1, help="Number of checkpoints to keep.")] = 2,
    eval_steps: Annotated[int, Option(min=1, help="Steps between evaluations.")] = 1000,
    logging_steps: Annotated[int, Option(min=1, help="Steps between reports.")] = 100,
    resume: Annotated[bool, Option(help="Whether to resume from the newest checkpoint in OUTPUT.")] = True,
) -> None:
    """Train ELMo's language model on text files with one sentence or paragraph per line.

    Rerun the same command to resume a run that was interrupted (Ctrl-C, SIGTERM) or killed, from its newest checkpoint.
    To use several processes: torchrun --nproc-per-node N -m modeling_elmo.cli pretrain ...
    """
    from transformers.utils import is_accelerate_available

    if (preset is None) == (model is None):
        raise BadParameter("pass either --preset or --model")
    if preset is not None and vocab is None:
        raise BadParameter("--preset requires --vocab")
    if model is not None and (token_input or tie_word_embeddings):
        raise BadParameter("--token-input and --tie-word-embeddings apply only with --preset, not with --model")
    if tie_word_embeddings and token_input != "words":
        raise BadParameter("--tie-word-embeddings requires --token-input words")
    if (max_steps is None) == (epochs is None):
        raise BadParameter("pass either --max-steps or --epochs")
    if epochs is not None and not 0 < epochs < 1e9:
        raise BadParameter(f"--epochs: expected a positive number, found {epochs}")
    if not is_accelerate_available():
        raise BadParameter("training requires the package accelerate: pip install accelerate")

    from ..pretraining import initial_model
    from ..pretraining import pretrain as run
    from ..pretraining.settings import LEARNING_RATES, PretrainingSettings

    warn_of_too_many_threads()
    corpus = _corpus(train, replace_invalid)
    eval_corpus = _corpus(evaluate_on, replace_invalid) if evaluate_on else None
    fields = {"num_negative_samples": negative_samples, "lstm_dropout": dropout, "token_input": token_input}
    fields = {name: value for name, value in fields.items() if value is not None}
    if preset is not None and vocab is not None:
        fields["tie_word_embeddings"] = tie_word_embeddings
        initial = initial_model.from_preset(preset, vocab, seed, language, **fields)
    else:
        assert model is not None
        initial = initial_model.from_model(model, vocab, seed, language, **fields)
    settings = PretrainingSettings(
        max_steps=1 if max_steps is None else max_steps,
        batch_size=batch_size,
        num_steps=num_steps,
        optimizer=optimizer,
        learning_rate=LEARNING_RATES[optimizer] if learning_rate is None else learning_rate,
        max_grad_norm=max_grad_norm,
        gradient_accumulation_steps=gradient_accumulation_steps,
        seed=seed,
        bf16=bf16,
        sentence_per_row=sentence_per_row,
        is_raw=not tokenized,
    )
    intervals = {"save_steps": save_steps, "eval_steps": eval_steps, "logging_steps": logging_steps}
    intervals["save_total_limit"] = keep
    command = shlex.join(["elmo", *sys.argv[1:]])
    code = run(
        initial,
        corpus,
        settings,
        output,
        eval_corpus,
        epochs=epochs,
        resume=resume,
        command=command,
        min_coverage=min_coverage,
        **intervals,
    )
    if code:
        raise Exit(code)
    if is_main_process():
        report(f"Wrote {printable(output)}")


def evaluate(
    model: ModelDirectory,
    texts: Texts,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
    strict: Strict = False,
    min_coverage: MinCoverage = 0.5,
    batch_size: Annotated[
        int,
        Option(
            min=1,
            help="Rows per batch. Each row starts without context, so the result depends a little on their number; "
            "elmo pretrain evaluates with its own --batch-size.",
        ),
    ] = 32,
    num_steps: Annotated[int, Option(min=1, help="Words per window.")] = 20,
    sentence_per_row: SentencePerRow = False,
    as_bilm_tf: Annotated[
        bool,
        Option(
            "--as-bilm-tf",
            help="Make batches as the original's test does: each sentence goes to the first free row, and when one row "
            "finds none, the rest of the others does not count. With --batch-size 1, it makes no difference.",
        ),
    ] = False,
) -> None:
    """Measure the perplexity of text with the full softmax, in each direction and on average.

    Sentence ends are predicted like words. Words outside the vocabulary are predicted as <UNK>.
    """
    from ..files.progress import Progress
    from ..pretraining.coverage import check_coverage
    from ..pretraining.perplexity import load_language_model, measure_perplexity, one_process

    corpus = _corpus(texts, replace_invalid)
    if as_bilm_tf and sentence_per_row:
        raise BadParameter("--as-bilm-tf and --sentence-per-row can't be combined")
    plan = one_process(batch_size, num_steps, not tokenized, sentence_per_row, as_bilm_tf)
    language_model, tokenizer = load_language_model(model)
    check_coverage(corpus, language_model, tokenizer, plan, min_coverage)
    progress = Progress(partial(echo, err=True))
    progress.start(None)

    def count(num_words: int) -> bool:
        progress.add(num_words, None)
        return True

    result = measure_perplexity(language_model, tokenizer, corpus, plan, count)
    progress.close(says_speed=False)
    assert result is not None
    forward, backward, mean = result.perplexities
    echo(f"perplexity          {mean:12,.3f}")
    echo(f"forward perplexity  {forward:12,.3f}")
    echo(f"backward perplexity {backward:12,.3f}")
    if not sentence_per_row:
        echo(f"rows of a batch     {batch_size:12,}")
    echo(f"words               {result.num_words:12,}")
    echo(f"unknown words       {result.num_unknown_words / max(result.num_words, 1):12.2%}")


def _corpus(texts: list[str], replace_invalid: bool) -> Any:
    from ..pretraining.corpus import TextFiles

    return TextFiles(texts, errors="replace" if replace_invalid else "strict")
