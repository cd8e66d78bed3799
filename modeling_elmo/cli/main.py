# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `elmo`. Bad input and wrong usage are told in one line on standard error, with exit code 2."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from huggingface_hub.errors import StrictDataclassError
from huggingface_hub.utils import enable_progress_bars
from huggingface_hub.utils import logging as hub_logging
from transformers.utils import is_accelerate_available, logging

from ..configuration import NAMES
from ..version import __version__


# Errors of usage are click's `UsageError`, which typer keeps in different places in different versions: it is the class
# that this one is derived from.
UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="elmo",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class DType(str, Enum):
    """Type of the weights in a model directory."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Preset(str, Enum):
    """Size of a new model."""

    tiny = "tiny"
    small = "small"
    medium = "medium"
    original = "original"


class TokenInput(str, Enum):
    """What a new model reads."""

    characters = "characters"
    words = "words"


class Optimizer(str, Enum):
    """What turns gradients into steps."""

    adagrad = "adagrad"
    adamw = "adamw"


class Pool(str, Enum):
    """How the vectors of a sentence become one."""

    none = "none"
    mean = "mean"
    max = "max"
    first_last = "first-last"


class EmbeddingFormat(str, Enum):
    """What vectors are written as."""

    hdf5 = "hdf5"
    parquet = "parquet"
    safetensors = "safetensors"


Column = Annotated[
    str | None,
    typer.Option(help='Where Parquet, JSON lines or a dataset have their sentences; "text" if not given.'),
]

Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Replace OUT_DIR if it holds files. (A directory that holds others is never replaced.)"
    ),
]

Tokenized = Annotated[
    bool,
    typer.Option(
        "--tokenized/--raw",
        help="Whether words are what white space separates; or raw text, which ELMo's tokenizer splits.",
    ),
]

License = Annotated[
    str | None, typer.Option(help='For the model card, as the Hub names it: "apache-2.0".', show_default=False)
]

Language = Annotated[
    list[str], typer.Option(metavar="CODE", help='For the model card, an ISO code: "en". May be repeated.')
]

ReplaceInvalid = Annotated[
    bool, typer.Option("--replace-invalid", help="Read bytes that are not UTF-8 as U+FFFD. By default, an error.")
]


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def elmo(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """ELMo for Hugging Face transformers."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(short_help="Original files to a model directory.")
def convert(
    directories: Annotated[
        list[Path],
        typer.Argument(
            metavar="[SOURCE] OUT_DIR",
            help=f"A directory of original files, or the name of a published model ({', '.join(NAMES)}), whose files "
            "are fetched, unless there is a directory of this name; and the directory to make.",
        ),
    ],
    options: Annotated[Path | None, typer.Option(help="options.json, if not found in SOURCE.")] = None,
    weights: Annotated[Path | None, typer.Option(help="weights.hdf5, if not found in SOURCE.")] = None,
    vocab: Annotated[
        Path | None,
        typer.Option(help="vocab.txt, if not found in SOURCE, or instead of a published one. May be missing."),
    ] = None,
    token_embeddings: Annotated[
        Path | None, typer.Option(help="vocab_embedding.hdf5. The converted model then reads words, not characters.")
    ] = None,
    dtype: Annotated[DType, typer.Option(help="Type of the converted weights.")] = DType.float32,
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="For a published model: what stands in place of https://s3-us-west-2.amazonaws.com/allennlp/models/elmo"
            " in the addresses of its files.",
        ),
    ] = None,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            help="For a published model: where its files are kept. The directory elmo in HF_HOME, if not given.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    license: License = None,
    language: Language = [],  # noqa: B006
    push_to_hub: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="Push OUT_DIR to the Hub then, as elmo push does.")
    ] = None,
) -> None:
    """Convert an original ELMo model (options.json, weights.hdf5) into a directory for AutoModel.from_pretrained."""
    from ..conversion_scripts import OriginalFiles, download
    from ..conversion_scripts import convert as convert_files
    from ..files.atomic import check_new_directory

    if len(directories) > 2:
        raise typer.BadParameter(f"expected [SOURCE] OUT_DIR, found {len(directories)} directories")
    *sources, out_dir = directories
    if push_to_hub is not None:
        from ..hub.push import check_target

        check_target(push_to_hub)
    source = sources[0] if sources else None
    if source is None or source.is_dir() or str(source) not in NAMES:
        for option, value in (("--mirror", mirror), ("--cache-dir", cache_dir)):
            if value is not None:
                found = f"the directory {source}" if source is not None and source.is_dir() else source or "none"
                raise typer.BadParameter(f"{option}: expected one of {', '.join(NAMES)} to fetch, found {found}")
        if str(source) in NAMES:
            typer.echo(f"elmo: {source} is a directory here, which hides the published model of this name", err=True)
        files = OriginalFiles.find(source, options, weights, vocab, token_embeddings)
    else:
        for option, path in (("--options", options), ("--weights", weights)):
            if path is not None:
                raise typer.BadParameter(f"{option}: {source} is a published model, which has its own")
        check_new_directory(out_dir, force=force)
        with _interrupt_told():
            files = download(str(source), mirror, cache_dir, vocab, token_embeddings, progress=True)
    convert_files(files, out_dir, dtype=dtype.value, force=force, progress=True, license=license, language=language)
    typer.echo(f"Wrote {_printable(out_dir)}")
    if push_to_hub is not None:
        push(out_dir, push_to_hub)


@app.command(short_help="A model directory to the Hub.")
def push(
    model_dir: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="Written by convert or save_pretrained.")],
    repository: Annotated[str, typer.Argument(metavar="ORG/NAME", help="Its name on the Hub.")],
    private: Annotated[
        bool, typer.Option("--private", help="If the repository is new, show it to nobody else.")
    ] = False,
    revision: Annotated[
        str | None, typer.Option(help="The branch to change, made if need be; main, if not given.", show_default=False)
    ] = None,
    commit_message: Annotated[str | None, typer.Option(help="What the commit is called.", show_default=False)] = None,
    license: License = None,
    language: Language = [],  # noqa: B006
) -> None:
    """Publish a model: weights, config, tokenizer, code for trust_remote_code and the model card, in one commit.

    The token is that of `hf auth login` or of HF_TOKEN. Done again, only what differs is changed.
    """
    from ..hub.push import publish

    if sys.stderr.isatty():
        enable_progress_bars()
    done = publish(
        model_dir,
        repository,
        private=private or None,
        revision=revision,
        commit_message=commit_message,
        license=license,
        language=language,
    )
    if done.is_new:
        typer.echo(f"Pushed {_printable(model_dir)} to {_printable(done.url)}, commit {done.commit}")
    else:
        typer.echo(f"{_printable(done.url)}: nothing to change, commit {done.commit}")


@contextmanager
def _interrupt_told() -> Iterator[None]:
    """Says what becomes of a download that Ctrl-C stops."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("elmo: stopped; what has arrived is kept, and the same command goes on from there", err=True)
        raise


@app.command(short_help="A model directory to original files.")
def export(
    model_dir: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="Written by convert or save_pretrained.")],
    out_dir: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="The directory to make.")],
    token_embeddings: Annotated[
        bool | None,
        typer.Option(
            "--token-embeddings/--no-token-embeddings",
            help="Write vocab_embedding.hdf5 too: every word's token embedding. By default, if the model reads words.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write a model back as original files: options.json, weights.hdf5, vocab.txt.

    They have no place for the softmax of a language model, as the original's have none.
    """
    from ..conversion_scripts import export as export_files

    export_files(model_dir, out_dir, token_embeddings=token_embeddings, force=force, progress=True)
    typer.echo(f"Wrote {_printable(out_dir)}")


@app.command(short_help="Text to a vocabulary file.")
def build_vocab(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="Text files (.gz and .xz too), or patterns in quotes.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The vocabulary file to make.")],
    size: Annotated[int | None, typer.Option(help="The most entries, the three special tokens included.")] = None,
    min_count: Annotated[int, typer.Option(help="How often a word must stand in the text.")] = 1,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
) -> None:
    """Count the words of text files: <S>, </S> and <UNK>, then words by falling frequency, one a line."""
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
        f"Wrote {_printable(output)}: {len(vocabulary.words):,} entries. They cover {share:.2%} of "
        f"{vocabulary.num_text_words:,} words in {vocabulary.num_sentences:,} lines."
    )


@app.command(short_help="Train a language model on text.")
def pretrain(
    output: Annotated[Path, typer.Option(help="The directory for checkpoints, and for the model in the end.")],
    train: Annotated[
        list[str], typer.Option(metavar="TEXT", help="Text file or pattern (in quotes) to train on. May be repeated.")
    ],
    evaluate_on: Annotated[
        list[str], typer.Option("--eval", metavar="TEXT", help="Text to evaluate on, not trained on. May be repeated.")
    ] = [],  # noqa: B006
    vocab: Annotated[Path | None, typer.Option(help="Vocabulary file, as build-vocab makes it.")] = None,
    preset: Annotated[Preset | None, typer.Option(help="The size of a new model.")] = None,
    token_input: Annotated[
        TokenInput | None,
        typer.Option(
            help="What a new model reads: characters, if not given, or words, through a table of embeddings.",
            show_default=False,
        ),
    ] = None,
    tie_word_embeddings: Annotated[
        bool, typer.Option("--tie-word-embeddings", help="With words: that table is the softmax's, too.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="Model directory to train on from, in place of --preset: domain adaptation.")
    ] = None,
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
    max_steps: Annotated[int | None, typer.Option(help="Steps to train for.")] = None,
    epochs: Annotated[
        float | None, typer.Option(help="How often to go through the text, in place of --max-steps. It is counted.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Rows of a batch, over all processes.")] = 128,
    num_steps: Annotated[int, typer.Option(help="Words of a window, the reach of gradients.")] = 20,
    sentence_per_row: Annotated[
        bool, typer.Option("--sentence-per-row", help="Each sentence by itself; LSTM states are not carried on.")
    ] = False,
    optimizer: Annotated[Optimizer, typer.Option(help="The original's is Adagrad.")] = Optimizer.adagrad,
    learning_rate: Annotated[
        float | None, typer.Option(help="0.2 for Adagrad, 0.001 for AdamW, if not given.", show_default=False)
    ] = None,
    max_grad_norm: Annotated[float, typer.Option(help="Gradients are scaled down to this norm; 0: never.")] = 10.0,
    gradient_accumulation_steps: Annotated[int, typer.Option(help="Windows per step.")] = 1,
    negative_samples: Annotated[
        int | None, typer.Option(help="Words that the softmax of training compares with; 0: all.", show_default=False)
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Dropout on LSTM inputs and outputs; of a new model 0.1, if not given, else that of --model.",
            show_default=False,
        ),
    ] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16.")] = False,
    seed: Annotated[int, typer.Option(help="Of weights, shuffling, dropout and negative samples.")] = 0,
    save_steps: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 1000,
    keep: Annotated[int, typer.Option(help="How many checkpoints are kept.")] = 2,
    eval_steps: Annotated[int, typer.Option(help="Steps between evaluations.")] = 1000,
    logging_steps: Annotated[int, typer.Option(help="Steps between reports.")] = 100,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Whether to go on from the newest checkpoint in OUTPUT.")
    ] = True,
) -> None:
    """Train ELMo's language model on text files, one sentence or paragraph a line.

    A training that was stopped (Ctrl-C, SIGTERM) or killed goes on from its newest checkpoint when the same command is
    given again. Several processes: torchrun --nproc-per-node N -m modeling_elmo.cli pretrain ...
    """
    from ..pretraining import initial_model
    from ..pretraining import pretrain as run
    from ..pretraining.corpus import TextFiles
    from ..pretraining.settings import LEARNING_RATES, PretrainingSettings

    if (preset is None) == (model is None):
        raise typer.BadParameter("expected one of --preset and --model")
    if preset is not None and vocab is None:
        raise typer.BadParameter("--preset needs --vocab")
    if model is not None and (token_input or tie_word_embeddings):
        raise typer.BadParameter("--token-input, --tie-word-embeddings: of new models only; --model is what it is")
    if tie_word_embeddings and token_input != TokenInput.words:
        raise typer.BadParameter("--tie-word-embeddings needs --token-input words")
    if (max_steps is None) == (epochs is None):
        raise typer.BadParameter("expected one of --max-steps and --epochs")
    for name, number in (("save", save_steps), ("eval", eval_steps), ("logging", logging_steps)):
        if number < 1:
            raise typer.BadParameter(f"--{name}-steps: expected at least 1, found {number}")
    if keep < 1:
        raise typer.BadParameter(f"--keep: expected at least 1, found {keep}")
    if epochs is not None and not 0 < epochs < 1e9:
        raise typer.BadParameter(f"--epochs: expected a positive number, found {epochs}")
    _need_accelerate()
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
            fields |= {"token_input": token_input.value, "tie_word_embeddings": tie_word_embeddings}
        initial = initial_model.from_preset(preset.value, vocab, seed, **fields)
    settings = PretrainingSettings(
        max_steps=1 if max_steps is None else max_steps,
        batch_size=batch_size,
        num_steps=num_steps,
        optimizer=optimizer.value,
        learning_rate=LEARNING_RATES[optimizer.value] if learning_rate is None else learning_rate,
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
    if int(os.environ.get("RANK", "0")) == 0:
        typer.echo(f"Wrote {_printable(output)}")


@app.command(short_help="A language model's perplexity of text.")
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="Written by pretrain.")],
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="Text files (.gz and .xz too), or patterns in quotes.")
    ],
    tokenized: Tokenized = True,
    replace_invalid: ReplaceInvalid = False,
    batch_size: Annotated[int, typer.Option(help="Rows of a batch.")] = 32,
    num_steps: Annotated[int, typer.Option(help="Words of a window.")] = 20,
    sentence_per_row: Annotated[
        bool, typer.Option("--sentence-per-row", help="Each sentence by itself; LSTM states are not carried on.")
    ] = False,
) -> None:
    """Measure the perplexity of text, with the softmax over the whole vocabulary, in both directions and on average.

    Ends of sentences are predicted as words are, and words that the vocabulary lacks are predicted as <UNK>.
    """
    from ..pretraining.corpus import TextFiles
    from ..pretraining.perplexity import load_language_model, measure_perplexity, one_process

    corpus = TextFiles(texts, errors="replace" if replace_invalid else "strict")
    language_model, tokenizer = load_language_model(model)
    reading = one_process(batch_size, num_steps, is_raw=not tokenized)
    result = measure_perplexity(language_model, tokenizer, corpus, reading, sentence_per_row)
    assert result is not None
    forward, backward, mean = result.perplexities
    typer.echo(f"perplexity          {mean:12,.3f}")
    typer.echo(f"forward perplexity  {forward:12,.3f}")
    typer.echo(f"backward perplexity {backward:12,.3f}")
    typer.echo(f"words               {result.num_words:12,}")
    typer.echo(f"unknown words       {result.num_unknown_words / max(result.num_words, 1):12.2%}")


@app.command(short_help="Sentences to a file of vectors.")
def embed(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model directory.")],
    input: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A text file with one sentence a line (.gz and .xz too), - for standard input, a .parquet or .jsonl "
            "file, or a directory that Dataset.save_to_disk wrote.",
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The file to make, or the directory.")],
    layers: Annotated[str, typer.Option(help="all, average, top, mix (the model's), or a layer's number.")] = "all",
    pool: Annotated[Pool, typer.Option(help="One vector for each sentence, made in this way.")] = Pool.none,
    dtype: Annotated[DType, typer.Option(help="Type of the vectors.")] = DType.float32,
    keep_boundaries: Annotated[
        bool, typer.Option("--keep-boundaries", help="Keep the vectors of <S> and </S>.")
    ] = False,
    tokenized: Tokenized = True,
    column: Column = None,
    format: Annotated[
        EmbeddingFormat | None,
        typer.Option(
            help="By default as OUTPUT's name ends: .hdf5, .h5, .parquet; otherwise a directory of safetensors.",
            show_default=False,
        ),
    ] = None,
    batch_words: Annotated[int, typer.Option(help="Words of a batch, padding included.")] = 4096,
    shard_size: Annotated[
        int, typer.Option(help="Millions of bytes that are kept together when the run is killed.")
    ] = 256,
    carry_state: Annotated[
        bool,
        typer.Option(
            "--carry-state", help="Carry the LSTM state from sentence to sentence, as the original commands did. Slow."
        ),
    ] = False,
    forget_sentences: Annotated[
        bool, typer.Option("--forget-sentences", help="Leave sentence_to_index out of an HDF5 file.")
    ] = False,
    replace_invalid: ReplaceInvalid = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUTPUT if it exists.")] = False,
) -> None:
    """Compute the vectors of every sentence of INPUT, in its order.

    HDF5 has the layout of bilm-tf's and AllenNLP's commands: a dataset for each sentence, named by its line from 0.

    A run that was stopped (Ctrl-C, SIGTERM) or killed goes on when the same command is given again, and ends with the
    same file. Several processes: torchrun --nproc-per-node N -m modeling_elmo.cli embed ...
    """
    import torch

    from ..embedding.embedder import ElmoEmbedder
    from ..embedding.job import embed_corpus, output_format
    from ..embedding.sources import open_source
    from ..files.model_directory import check_model_directory

    if shard_size < 1:
        raise typer.BadParameter(f"--shard-size: expected at least 1, found {shard_size}")
    kind = output_format(output, None if format is None else format.value)
    source = open_source(input, column, "replace" if replace_invalid else "strict")
    embedder = ElmoEmbedder.from_pretrained(
        check_model_directory(model),
        layers=layers,
        pool=pool.value,
        dtype=getattr(torch, dtype.value),
        keep_boundaries=keep_boundaries,
        batch_words=batch_words,
    )
    result = embed_corpus(
        embedder,
        source,
        output,
        format=kind,
        tokenized=tokenized,
        shard_bytes=shard_size * 10**6,
        carry_state=carry_state,
        sentence_index=not forget_sentences,
        force=force,
    )
    if int(os.environ.get("RANK", "0")) == 0:
        typer.echo(f"Wrote {_printable(output)}: {result.num_words:,} words in {result.num_sentences:,} sentences")


@app.command(short_help="The nearest contexts of a word.")
def neighbors(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model directory.")],
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Sentences: what embed takes as INPUT.")],
    sentence: Annotated[
        str, typer.Argument(metavar="SENTENCE", help='With the word in brackets: "He sat on the [bank] of the river ."')
    ],
    top_k: Annotated[int, typer.Option(help="How many contexts to show.")] = 10,
    layer: Annotated[str, typer.Option(help="As embed's --layers, but all.")] = "top",
    any_word: Annotated[
        bool, typer.Option("--any-word", help="Compare with all words of the corpus, not with the same one alone.")
    ] = False,
    tokenized: Tokenized = True,
    column: Column = None,
    replace_invalid: ReplaceInvalid = False,
) -> None:
    """Find where in CORPUS a word is used as it is in SENTENCE, by the cosine of its vectors in context."""
    from ..embedding.embedder import ElmoEmbedder
    from ..embedding.neighbors import marked_word, nearest_contexts
    from ..embedding.sources import open_source
    from ..files.model_directory import check_model_directory

    source = open_source(corpus, column, "replace" if replace_invalid else "strict")
    embedder = ElmoEmbedder.from_pretrained(check_model_directory(model), layers=layer)
    words, place = marked_word(embedder, sentence, tokenized)
    found = nearest_contexts(embedder, source, words, place, top_k, any_word=any_word, tokenized=tokenized)
    for context in found:
        text = context.marked()
        typer.echo(f"{context.similarity:.4f}  {_printable(f'{source.name}:{context.line}')}  {_printable(text)}")
    if not found:
        word = "a word" if any_word else repr(words[place])
        typer.echo(f"{_printable(source.name)}: no sentence with {_printable(word)}", err=True)


def _need_accelerate() -> None:
    if not is_accelerate_available():
        raise typer.BadParameter("training needs the package accelerate: pip install 'modeling-elmo[train]'")


def main() -> None:
    """Runs the command line: exit code 0, or 2 after one line on standard error."""
    from ..files.errors import one_line

    _keep_quiet()
    _clean_up_when_stopped()
    try:
        # Not standalone: typer would tell wrong usage in several lines.
        code = app(prog_name="elmo", standalone_mode=False)
    except StrictDataclassError as error:
        _fail(one_line(error))
    except (ValueError, OSError, MemoryError) as error:
        _fail(str(error) or "out of memory")
    except UsageError as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    raise SystemExit(code)


def _keep_quiet() -> None:
    """Silences progress bars of transformers, and warnings of it and of the Hub's client."""
    logging.set_verbosity_error()
    hub_logging.set_verbosity_error()
    logging.disable_progress_bar()


def _clean_up_when_stopped() -> None:
    """Lets a conversion that is terminated, or whose terminal is closed, take its temporary files away."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Under nohup, a closed terminal is to be ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _fail(message: str) -> NoReturn:
    typer.echo(f"elmo: {_printable(message)}", err=True)
    raise SystemExit(2)


def _printable(text: object) -> str:
    """Escapes what would break the line, or act upon the terminal: names of files and datasets may hold anything."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text))
