# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo convert` and `elmo export`: original files to a model directory and back."""

from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, BadParameter, Exit, Option, echo

from ..configuration import NAMES
from .hub import push
from .options import Force, License, ModelDirectory, SourceLanguage, printable, report


def _list_published(is_requested: bool) -> None:
    if is_requested:
        from ..conversion_scripts.published import published_table

        echo(published_table())
        raise Exit


def convert(
    directories: Annotated[
        list[Path],
        Argument(
            metavar="[SOURCE] OUT_DIR",
            help="SOURCE is a directory or an archive (zip, tar) of an ELMo's files, its weights.hdf5 beside the "
            "options, or the name of a published model to download (--list prints them); a directory of that name "
            "takes precedence. OUT_DIR is the directory to create.",
        ),
    ],
    options: Annotated[Path | None, Option(help="options.json, if it is not in SOURCE.")] = None,
    weights: Annotated[Path | None, Option(help="weights.hdf5, if it is not in SOURCE.")] = None,
    vocab: Annotated[
        Path | None, Option(help="vocab.txt, if it is not in SOURCE, or to replace a published one. Optional.")
    ] = None,
    no_vocab: Annotated[
        bool, Option("--no-vocab", help="Leave the vocabulary out, which models that read characters do not need.")
    ] = False,
    token_embeddings: Annotated[
        Path | None, Option(help="vocab_embedding.hdf5. The converted model then reads words, not characters.")
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16", "int8"],
        Option(help="dtype of the converted weights. int8 rounds them: a quarter of the size, not exact."),
    ] = "float32",
    mirror: Annotated[
        str | None,
        Option(
            metavar="URL",
            help="For a published model: server to download from. It replaces https://HOST in the addresses that "
            "--list prints.",
        ),
    ] = None,
    cache_dir: Annotated[
        Path | None,
        Option(help="For a published model: where downloads are kept. By default, the directory elmo in HF_HOME."),
    ] = None,
    embedder: Annotated[
        str | None, Option(metavar="NAME", help="For an AllenNLP model with several ELMos: the one to convert.")
    ] = None,
    force: Force = False,
    license: License = None,
    language: SourceLanguage = [],  # noqa: B006
    push_to_hub: Annotated[
        str | None, Option(metavar="ORG/NAME", help="Then push OUT_DIR to the Hub, as elmo push does.")
    ] = None,
    list_published: Annotated[
        bool,
        Option("--list", callback=_list_published, is_eager=True, help="Print the published models, and exit."),
    ] = False,
) -> None:
    """Convert an ELMo of any original format into a directory for AutoModel.from_pretrained."""
    from .. import conversion_scripts
    from ..files.atomic import check_new_directory
    from ..hub.push import check_target

    if len(directories) > 2:
        raise BadParameter(f"expected [SOURCE] OUT_DIR, found {len(directories)} directories")
    *sources, out_dir = directories
    source = sources[0] if sources else None
    if push_to_hub is not None:
        check_target(push_to_hub)
    check_new_directory(out_dir, force=force)
    given = conversion_scripts.SourceOptions(
        options=options,
        weights=weights,
        vocab=vocab,
        no_vocab=no_vocab,
        token_embeddings=token_embeddings,
        embedder=embedder,
        language=language,
        dtype="float32" if dtype == "int8" else dtype,
        mirror=mirror,
        cache_dir=cache_dir,
    )
    with ExitStack() as stack:
        try:
            model = stack.enter_context(conversion_scripts.open_source(source, given))
        except KeyboardInterrupt:
            if source is not None and not source.exists():
                echo("elmo: interrupted; rerun the same command to resume the download", err=True)
            raise
        if source is not None and source.is_dir() and str(source) in NAMES:
            echo(f"elmo: converting the directory {source}, not the published model of that name", err=True)
        for note in model.notes:
            echo(f"elmo: {printable(note)}", err=True)
        conversion_scripts.convert(model, out_dir, dtype=dtype, force=force, license=license, language=language)
        # Last: a command that fails prints one line.
        names = ", ".join(path.name for path in model.files)
        report(f"Read {printable(model.description)}: {printable(names)}")
    report(f"Wrote {printable(out_dir)}")
    if push_to_hub is not None:
        push(out_dir, push_to_hub)


def export(
    model_dir: ModelDirectory,
    out_dir: Annotated[Path, Argument(metavar="OUT_DIR", help="The directory to create.")],
    format: Annotated[
        Literal["original", "onnx"],
        Option(help="original: options.json, weights.hdf5, vocab.txt. onnx: model.onnx, for ONNX Runtime."),
    ] = "original",
    token_embeddings: Annotated[
        bool | None,
        Option(
            "--token-embeddings/--no-token-embeddings",
            help="Original: also write vocab_embedding.hdf5, the token embedding of every word. By default, only for "
            "models that read words.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16", "int8"],
        Option(help="ONNX: dtype of the weights. int8 rounds them: a quarter of the size, not exact."),
    ] = "float32",
    softmax: Annotated[
        bool,
        Option(
            "--softmax", help="ONNX: also the softmax of a language model, which scores each word of the vocabulary."
        ),
    ] = False,
    state: Annotated[
        bool, Option("--state", help="ONNX: the states of the LSTMs are inputs and outputs, for a text in pieces.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a model as files for other programs: the original format, or ONNX.

    The original format holds the language model's layers alone, without its softmax. ONNX has a task model's head.
    """
    if format == "original":
        if softmax or state or dtype != "float32":
            raise BadParameter("--softmax, --state and --dtype require --format onnx")
        from ..conversion_scripts import export as export_files

        export_files(model_dir, out_dir, token_embeddings=token_embeddings, force=force)
        report(f"Wrote {printable(out_dir)}")
        return
    if token_embeddings is not None:
        raise BadParameter("--token-embeddings requires --format original")
    if not all(map(find_spec, ("onnx", "onnxruntime", "onnxscript"))):
        raise BadParameter("--format onnx requires more packages: pip install onnx onnxruntime onnxscript")
    from ..onnx.export import OnnxOptions, export_onnx

    options = OnnxOptions(dtype=dtype, has_softmax=softmax, has_state=state)
    outputs = export_onnx(model_dir, out_dir, options, force=force)
    report(f"Wrote {printable(out_dir)}: outputs {', '.join(outputs)}")
