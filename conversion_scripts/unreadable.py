# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What people take for an ELMo: says what a file or directory is, and what to do.

Only beginnings of files are read. Every function returns a phrase to follow the name, or `None`.
"""

import gzip
import json
import re
import zipfile
import zlib
from pathlib import Path

import h5py

from modeling_elmo.files.errors import ElmoFormatError, as_format_error
from modeling_elmo.model.loading_checks import abbreviated

from .hdf5 import open_hdf5


HEAD_BYTES = 65536
MAX_LISTED = 1000
MAX_CONFIG_BYTES = 10_000_000

WORD_VECTORS = (
    "one vector per word, whatever its sentence, so not an ELMo: gensim reads such files, and elmo convert needs the "
    "weights of an ELMo"
)
UNPACK = "unpack it and pass the directory"
IN_ITS_DIRECTORY = "pass the directory that it belongs to"

# Beginnings of files, and the phrase.
MAGIC = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself: run git lfs pull, or download the file"),
    (b"7z\xbc\xaf\x27\x1c", f"an archive of 7-Zip, which is not read: {UNPACK}"),
    (b"Rar!", f"a RAR archive, which is not read: {UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed by Zstandard, which is not read: {UNPACK}"),
    (b"\xba\x16\x4f\x2f", f"a model of fastText: {WORD_VECTORS}"),
    (b"\x93NUMPY", "an array of NumPy, not weights: pass the file or directory that it was made with"),
    (b"\x80\x02", f"a file of PyTorch or another pickle, which says nothing about the model: {IN_ITS_DIRECTORY}"),
    (b"\x80\x04", "a pickle, which could run any program and is not read: pass the original files"),
    (b"%PDF", "a PDF document: pass the files of a model"),
)
HTML = re.compile(rb"\s*<(!doctype html|html|head|\?xml)", re.IGNORECASE)
NUMBER = r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?"
WORD2VEC_HEADER = re.compile(rb"\d{1,10} \d{1,5}\r?\n")
VECTOR_LINE = re.compile(rf"\S+([ \t]{NUMBER}){{5,}}[ \t]*", re.IGNORECASE)

# Beginnings of names in the weights of an ELMo.
ELMO_GROUPS = ("RNN_", "CNN", "char_embed")


def what_file_is(path: Path) -> str | None:
    """Says what a file is that is no ELMo's."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"PK\x03\x04"):
        return _what_zip_is(path)
    if head.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path) as file:
                head = file.read(HEAD_BYTES)
        except (OSError, EOFError, ValueError, zlib.error):
            return None
    return _what_begins_with(head)


def _what_begins_with(head: bytes) -> str | None:
    if not head:
        return "an empty file: download it again"
    for magic, phrase in MAGIC:
        if head.startswith(magic):
            return phrase
    if HTML.match(head):
        return "a page of a web server, not the file: the download failed, so open its address in a browser to see why"
    lines = head.split(b"\n")
    if WORD2VEC_HEADER.match(head):
        kind = "text" if len(lines) > 1 and VECTOR_LINE.fullmatch(_text(lines[1])) else "binary"
        return f"vectors of words in the {kind} format of word2vec: {WORD_VECTORS}"
    if VECTOR_LINE.fullmatch(_text(lines[0])):
        return f"vectors of words, as GloVe writes them: {WORD_VECTORS}"
    if head.lstrip().startswith(b"{"):
        return f"a JSON file: {IN_ITS_DIRECTORY}"
    if re.match(rb".{7}\0\{", head, re.DOTALL):
        return "a file of safetensors, so of a model that is converted, or no ELMo: load its directory with AutoModel"
    return None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")


def _what_zip_is(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return None
    if any(re.fullmatch(r"[^/]+/data\.pkl", name) for name in names):
        return f"a file of PyTorch, which says nothing about the model: {IN_ITS_DIRECTORY}"
    if names and all(name.endswith(".npy") for name in names):
        return "arrays of NumPy, not weights: pass the file or directory that they were made with"
    return None


def what_directory_is(directory: Path) -> str | None:
    """Says what a directory is that has no file of an ELMo."""
    files = {path.name: path for path in sorted(directory.iterdir())[:MAX_LISTED]}
    if not files:
        return "an empty directory"
    kind = _model_type(files.get("config.json"))
    if kind == "elmo":
        return "already converted: load it with AutoModel.from_pretrained; elmo export writes the original files"
    if kind is not None:
        return f"a model of kind {kind} for transformers, not an ELMo: load it with AutoModel.from_pretrained"
    if "bert_config.json" in files or any(name.startswith("bert_model.ckpt") for name in files):
        return "a BERT of TensorFlow, not an ELMo: transformers converts it"
    if "modules.json" in files:
        return "a model of sentence-transformers, not an ELMo: load it with SentenceTransformer"
    vectors = (".txt", ".vec", ".bin", ".model", ".gz")
    for name, path in files.items():
        if path.is_file() and path.suffix in vectors and (what := what_file_is(path)) and WORD_VECTORS in what:
            return f"{name} holds {what}"
    models = [name for name, path in files.items() if path.is_dir() and any(path.glob("*options*.json"))]
    if models:
        which = "it" if len(models) == 1 else "one of them"
        return f"the files of a model are in {abbreviated(', '.join(models))}: pass {which}"
    return None


def _model_type(config: Path | None) -> str | None:
    """Returns the kind of a model of transformers."""
    if config is None or not config.is_file() or config.stat().st_size > MAX_CONFIG_BYTES:
        return None
    try:
        kind = json.loads(config.read_bytes()).get("model_type")
    except (AttributeError, ValueError, RecursionError):
        return None
    return None if not isinstance(kind, str) else kind if kind == "elmo" else abbreviated(kind)


def check_weights(path: Path) -> None:
    """Raises `ElmoFormatError` if a file given as weights is one of the files that are often taken for them."""
    if (what := what_file_is(path)) is not None:
        raise ElmoFormatError(f"{path.name}: {what}")
    with open_hdf5(path) as file, as_format_error(f"{path.name}: damaged"):
        if (what := _what_hdf5_is(file)) is not None:
            raise ElmoFormatError(f"{path.name}: {what}")


def _what_hdf5_is(file: h5py.File) -> str | None:
    names = []
    for name in file:
        names.append(name)
        if len(names) == MAX_LISTED:
            break
    if not names or any(name.startswith(ELMO_GROUPS) for name in names):
        return None
    if "model_weights" in names or "layer_names" in file.attrs or "keras_version" in file.attrs:
        return "a model of Keras, not an ELMo: load it with Keras"
    if names == ["embedding"]:
        return "this file holds the embeddings of a vocabulary, not all weights: pass it as --token-embeddings"
    if "sentence_to_index" in names or all(_is_dataset(file, name) for name in names[:20]):
        return (
            "this file holds vectors of sentences, not weights: pass the weights that they were computed with, such "
            "as weights.hdf5 beside options.json"
        )
    return None


def _is_dataset(file: h5py.File, name: str) -> bool:
    # Does not open it: it may refer to other files.
    is_in_file = isinstance(file.get(name, getlink=True), h5py.HardLink)
    return is_in_file and file.get(name, getclass=True) is h5py.Dataset
