# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo build-vocab`, `elmo pretrain` and `elmo evaluate`: text to a language model and its perplexity."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .options import ReplaceInvalid, SentencePerRow, Texts, Tokenized, check_at_least_one, is_main_process, printable


def build_vocab(
    texts: Texts,
    output: Annotated[Path, typer.Option("--output", "-o", help="The vocabulary file to create.")],
    size: Annotated[
        int | None, typer.Option(help="Maximum number of entries, including the three special tokens.")
    ] = None,
    min_count: Annotated[int, typer.Option(help="Minimum count for a word to be included.")] = 1,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
) -> None:
    """Count the words of text files: <S>, </S> and <UNK>, then words by decreasing frequency, one per line."""
    from ..model.tokenization_elmo import ElmoTokenizer
    from ..model.word_splitting import split_at_white_space
    from ..pretraining.corpus import TextFiles
    from ..pretraining.vocabulary import build_vocabulary, count_words, write_vocabulary

    if not output.parent.is_dir():
        raise typer.BadParameter(f"--output: {output.parent}: no such directory")
    corpus = TextFiles(texts, errors="replace" if replace_invalid else "strict")
    split_words = split_at_white_space if tokenized else ElmoTokenizer().split_words
    vocabulary = build_vocabulary(*count_words(corpus, split_words), size=size, min_count=min_count)
    write_vocabulary(vocabulary.words, output)
    share = vocabulary.num_known_words / max(vocabulary.num_text_words, 1)
    typer.echo(
        f"Wrote {printable(output)}: {len(vocabulary.words):,} entries. They cover {share:.2%} of "
        f"{vocabulary.num_text_words:,} words in {vocabulary.num_sentences:,} lines."
    )


def pretrain(
    output: Annotated[Path, typer.Option(help="The directory for checkpoints and, at the end, the model.")],
    train: Annotated[
        list[str], typer.Option(metavar="TEXT", help="Text file or quoted pattern to train on. May be repeated.")
    ],
    evaluate_on: Annotated[
        list[str], typer.Option("--eval", metavar="TEXT", help="Held-out text to evaluate on. May be repeated.")
    ] = [],  # noqa: B006
    vocab: Annotated[Path | None, typer.Option(help="Vocabulary file from build-vocab.")] = None,
    preset: Annotated[
        Literal["tiny", "small", "medium", "original"] | None, typer.Option(help="Size of a new model.")
    ] = None,
    token_input: Annotated[
        Literal["characters", "words"] | None,
        typer.Option(
            help="What a new model reads: characters (the default), or words through an embedding table.",
            show_default=False,
        ),
    ] = None,
    tie_word_embeddings: Annotated[
        bool, typer.Option("--tie-word-embeddings", help="Tie the softmax weights to the word embeddings.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="Model directory to continue from, in place of --preset: domain adaptation.")
    ] = None,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
    max_steps: Annotated[int | None, typer.Option(help="Number of training steps.")] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Passes over the text, in place of --max-steps. Counts its words first.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Rows per batch, over all processes.")] = 128,
    num_steps: Annotated[int, typer.Option(help="Words per window (truncated backpropagation).")] = 20,
    sentence_per_row: SentencePerRow = False,
    optimizer: Annotated[
        Literal["adagrad", "adamw"], typer.Option(help="The original training used Adagrad.")
    ] = "adagrad",
    learning_rate: Annotated[
        float | None, typer.Option(help="By default 0.2 for Adagrad, 0.001 for AdamW.", show_default=False)
    ] = None,
    max_grad_norm: Annotated[float, typer.Option(help="Clip gradients to this norm; 0 disables clipping.")] = 10.0,
    gradient_accumulation_steps: Annotated[int, typer.Option(help="Windows per step.")] = 1,
    negative_samples: Annotated[
        int | None,
        typer.Option(help="Negative samples of the training softmax; 0 for the full softmax.", show_default=False),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Dropout on LSTM inputs and outputs. By default 0.1 for a new model, otherwise that of --model.",
            show_default=False,
        ),
    ] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16.")] = False,
    seed: Annotated[int, typer.Option(help="Seed for weights, shuffling, dropout and negative samples.")] = 0,
    save_steps: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 1000,
    keep: Annotated[int, typer.Option(help="Number of checkpoints to keep.")] = 2,
    eval_steps: Annotated[int, typer.Option(help="Steps between evaluations.")] = 1000,
    logging_steps: Annotated[int, typer.Option(help="Steps between reports.")] = 100,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Whether to resume from the newest checkpoint in OUTPUT.")
    ] = True,
) -> None:
    """Train ELMo's language model on text files with one sentence or paragraph per line.

    Rerun the same command to resume a run that was interrupted (Ctrl-C, SIGTERM) or killed, from its newest checkpoint.
    To use several processes: torchrun --nproc-per-node N -m modeling_elmo.cli pretrain ...
    """
    is_new = preset is not None
    if is_new == (model is not None):
        raise typer.BadParameter("pass either --preset or --model")
    if is_new and vocab is None:
        raise typer.BadParameter("--preset requires --vocab")
    if not is_new and (token_input or tie_word_embeddings):
        raise typer.BadParameter("--token-input and --tie-word-embeddings apply only with --preset, not with --model")
    if tie_word_embeddings and token_input != "words":
        raise typer.BadParameter("--tie-word-embeddings requires --token-input words")
    if (max_steps is None) == (epochs is None):
        raise typer.BadParameter("pass either --max-steps or --epochs")
    intervals = {"--save-steps": save_steps, "--eval-steps": eval_steps, "--logging-steps": logging_steps}
    for option, value in {**intervals, "--keep": keep}.items():
        check_at_least_one(option, value)
    if epochs is not None and not 0 < epochs < 1e9:
        raise typer.BadParameter(f"--epochs: expected a positive number, found {epochs}")
    _check_accelerate()

    from ..pretraining import initial_model
    from ..pretraining import pretrain as run
    from ..pretraining.corpus import TextFiles
    from ..pretraining.settings import LEARNING_RATES, PretrainingSettings

    errors = "replace" if replace_invalid else "strict"
    corpus = TextFiles(train, errors)
    eval_corpus = TextFiles(evaluate_on, errors) if evaluate_on else None
    fields: dict[str, Any] = {"num_negative_samples": negative_samples, "lstm_dropout": dropout}
    fields = {name: value for name, value in fields.items() if value is not None}
    if model is not None:
        initial = initial_model.from_model(model, vocab, seed, **fields)
    else:
        assert preset is not None
        assert vocab is not None
        if token_input is not None:
            fields |= {"token_input": token_input, "tie_word_embeddings": tie_word_embeddings}
        initial = initial_model.from_preset(preset, vocab, seed, **fields)
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
    code = run(
        initial,
        corpus,
        settings,
        output,
        eval_corpus,
        epochs=epochs,
        resume=resume,
        command=shlex.join(["elmo", *sys.argv[1:]]),
        save_steps=save_steps,
        eval_steps=eval_steps,
        logging_steps=logging_steps,
        save_total_limit=keep,
    )
    if code:
        raise typer.Exit(code)
    if is_main_process():
        typer.echo(f"Wrote {printable(output)}")


def _check_accelerate() -> None:
    from transformers.utils import is_accelerate_available

    if not is_accelerate_available():
        raise typer.BadParameter("training requires the package accelerate: pip install 'modeling-elmo[train]'")


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model directory from pretrain.")],
    texts: Texts,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
    batch_size: Annotated[int, typer.Option(help="Rows per batch.")] = 32,
    num_steps: Annotated[int, typer.Option(help="Words per window.")] = 20,
    sentence_per_row: SentencePerRow = False,
) -> None:
    """Measure the perplexity of text with the full softmax, in each direction and on average.

    Sentence ends are predicted like words. Words outside the vocabulary are predicted as <UNK>.
    """
    from ..pretraining.corpus import TextFiles
    from ..pretraining.perplexity import load_language_model, measure_perplexity, one_process

    corpus = TextFiles(texts, errors="replace" if replace_invalid else "strict")
    language_model, tokenizer = load_language_model(model)
    plan = one_process(batch_size, num_steps, is_raw=not tokenized)
    result = measure_perplexity(language_model, tokenizer, corpus, plan, sentence_per_row)
    assert result is not None
    forward, backward, mean = result.perplexities
    typer.echo(f"perplexity          {mean:12,.3f}")
    typer.echo(f"forward perplexity  {forward:12,.3f}")
    typer.echo(f"backward perplexity {backward:12,.3f}")
    typer.echo(f"words               {result.num_words:12,}")
    typer.echo(f"unknown words       {result.num_unknown_words / max(result.num_words, 1):12.2%}")
