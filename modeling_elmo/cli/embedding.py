# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo embed` and `elmo neighbors`: vectors of sentences, and the nearest contexts of a word."""

from collections.abc import Iterator
from functools import partial
from glob import glob
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, BadParameter, Option, echo

from .options import (
    Column,
    DType,
    ModelDirectory,
    ReplaceInvalid,
    Strict,
    Tokenized,
    is_main_process,
    printable,
    report,
    warn_of_too_many_threads,
)


def embed(
    model: ModelDirectory,
    input: Annotated[
        str,
        Argument(
            metavar="INPUT",
            help="Text with a sentence per line, - for standard input, a table (.csv, .tsv, .json, .jsonl, .parquet) "
            "with --column, or a directory written by Dataset.save_to_disk. Files may be compressed (.gz, .xz, .bz2, "
            ".zst).",
        ),
    ],
    output: Annotated[Path, Argument(metavar="OUTPUT", help="The file or directory to create.")],
    layers: Annotated[str, Option(help="all, average, top, mix (the model's own), or a layer index.")] = "all",
    pool: Annotated[
        Literal["none", "mean", "max", "first-last"], Option(help="Pool the words of each sentence into one vector.")
    ] = "none",
    dtype: Annotated[DType, Option(help="dtype of the vectors.")] = "float32",
    int8: Annotated[
        bool, Option("--int8", help="Round the model's weights to int8: faster, a quarter of the memory, not exact.")
    ] = False,
    keep_boundaries: Annotated[bool, Option("--keep-boundaries", help="Keep the vectors of <S> and </S>.")] = False,
    tokenized: Tokenized = True,
    split_sentences: Annotated[
        bool,
        Option("--split-sentences", help="With --raw: find the sentences of each text and embed each on its own."),
    ] = False,
    column: Column = None,
    format: Annotated[
        Literal["hdf5", "parquet", "safetensors"] | None,
        Option(
            help="By default from OUTPUT's ending: .hdf5, .h5, .parquet; otherwise a directory of safetensors.",
            show_default=False,
        ),
    ] = None,
    batch_words: Annotated[int, Option(help="Words per batch, including padding.")] = 4096,
    shard_size: Annotated[int, Option(min=1, help="Shard size in MB: the most work lost if the run is killed.")] = 256,
    carry_state: Annotated[
        bool, Option("--carry-state", help="Carry the LSTM state from sentence to sentence, as the original did. Slow.")
    ] = False,
    forget_sentences: Annotated[
        bool, Option("--forget-sentences", help="Omit sentence_to_index from an HDF5 file.")
    ] = False,
    replace_invalid: ReplaceInvalid = False,
    strict: Strict = False,
    force: Annotated[bool, Option("--force", help="Replace OUTPUT if it exists.")] = False,
) -> None:
    """Compute the vectors of every sentence of INPUT, in order.

    HDF5 files have the layout of bilm-tf's and AllenNLP's commands: one dataset per sentence, named by its line number,
    starting from 0.

    Rerun the same command to resume a run that was interrupted (Ctrl-C, SIGTERM) or killed; the result is the same.
    To use several processes: torchrun --nproc-per-node N -m modeling_elmo.cli embed ...
    """
    import torch

    from ..embedding import embed_corpus

    if split_sentences and tokenized:
        raise BadParameter("--split-sentences requires --raw")
    warn_of_too_many_threads()
    options = {"pool": pool, "dtype": getattr(torch, dtype), "keep_boundaries": keep_boundaries}
    options["split_sentences"] = split_sentences
    source, embedder = _open(input, column, replace_invalid, model, layers, batch_words=batch_words, **options)
    if int8:
        embedder.model.quantize()
    result = embed_corpus(
        embedder,
        source,
        output,
        format=format,
        tokenized=tokenized,
        shard_bytes=shard_size * 10**6,
        carry_state=carry_state,
        sentence_index=not forget_sentences,
        force=force,
        strict=strict,
    )
    if is_main_process():
        report(f"Wrote {printable(output)}: {result.num_words:,} words in {result.num_sentences:,} sentences")


def neighbors(
    model: ModelDirectory,
    corpus: Annotated[str, Argument(metavar="CORPUS", help="Sentences, as embed accepts them as INPUT.")],
    sentence: Annotated[
        str,
        Argument(
            metavar="SENTENCE", help='A sentence with the word in brackets: "He sat on the [bank] of the river ."'
        ),
    ],
    top_k: Annotated[int, Option(help="Number of contexts to show.")] = 10,
    layer: Annotated[str, Option(help="average, top, mix (the model's own), or a layer index.")] = "top",
    any_word: Annotated[
        bool, Option("--any-word", help="Compare with all words, not only with the same word.")
    ] = False,
    tokenized: Tokenized = True,
    column: Column = None,
    replace_invalid: ReplaceInvalid = False,
) -> None:
    """Find where CORPUS uses a word as SENTENCE does, by the cosine similarity of its vectors in context."""
    from ..embedding.neighbors import marked_word, nearest_contexts

    source, embedder = _open(corpus, column, replace_invalid, model, layer)
    words, index = marked_word(embedder, sentence, tokenized)
    texts = _watched(source)
    found = nearest_contexts(embedder, texts, words, index, top_k, any_word=any_word, tokenized=tokenized)
    for context in found:
        place = f"{source.name}:{context.line}"
        echo(f"{context.similarity:.4f}  {printable(place)}  {printable(context.marked())}")
    if not found:
        word = "a word" if any_word else repr(words[index])
        raise ValueError(f"{source.name}: no sentence with {word}")


def _watched(source: Any) -> Iterator[Any]:
    """Yields the sentences of a source and reports how many words are done, on standard error."""
    from ..files.progress import Progress

    progress = Progress(partial(echo, err=True))
    progress.start(source.share())
    for sentence in source:
        yield sentence
        progress.add(len(sentence.split() if isinstance(sentence, str) else sentence), source.share())
    progress.close(says_speed=False)


def _open(input: str, column: str | None, replace_invalid: bool, model: Path, layers: str, **kwargs: Any) -> Any:
    """Returns the sentences of an input and the embedder of a model directory."""
    from ..embedding import ElmoEmbedder
    from ..embedding.sources import open_source
    from ..files.model_directory import check_model_directory

    if not Path(input).exists() and (found := glob(input)):
        raise BadParameter(f"{input}: a pattern of {len(found)} files; expected one, or - for cat {input} | elmo ...")
    source = open_source(input, column, "replace" if replace_invalid else "strict")
    return source, ElmoEmbedder.from_pretrained(check_model_directory(model), layers=layers, **kwargs)
