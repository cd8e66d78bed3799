# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What people give to `elmo convert` that is no ELMo: one line that says what it is and what to do."""

import gzip
import io
import json
import pickle
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save

from modeling_elmo.conversion_scripts import ElmoFormatError, SourceOptions, convert, open_source
from tests.helpers.original_format import make_options, write_hdf5, write_model


VECTORS = "".join(f"word{row} {' '.join(f'{value:.3f}' for value in np.arange(50) / 7)}\n" for row in range(5))


def torch_file():
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, buffer)
    return buffer.getvalue()


def zip_of(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def npz():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(2))
    return buffer.getvalue()


@pytest.fixture
def message(tmp_path):
    """Returns the single line with which a source is refused."""

    def run(source, **given):
        with pytest.raises(ElmoFormatError) as error, open_source(source, SourceOptions(**given)) as model:
            convert(model, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        text = str(error.value)
        assert "\n" not in text
        return text

    return run


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS, not the file itself"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a page of a web server, not the file"),
        (b"5 50\n" + VECTORS.encode(), "vectors of words in the text format of word2vec: one vector per word"),
        (b"5 50\nword0 " + bytes(range(200)), "vectors of words in the binary format of word2vec"),
        (VECTORS.encode(), "vectors of words, as GloVe writes them"),
        (VECTORS.replace(" ", "\t").encode(), "vectors of words, as GloVe writes them"),
        (gzip.compress(VECTORS.encode(), mtime=0), "vectors of words, as GloVe writes them"),
        (b"\xba\x16\x4f\x2f" + bytes(100), "a model of fastText"),
        (npz(), "arrays of NumPy, not weights"),
        (torch_file(), "a file of PyTorch, which says nothing about the model: pass the directory"),
        (pickle.dumps({"a": 1}), "a pickle, which could run any program and is not read"),
        (save({"a": np.zeros(2)}), "a file of safetensors"),
        (json.dumps(make_options()).encode(), "a JSON file: pass the directory that it belongs to"),
        (bytes(100) + bytes.fromhex("57fb808b247547db"), "a checkpoint of TensorFlow's old format V1"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "an archive of 7-Zip, which is not read: unpack it"),
        (b"Hello, this is a letter.\n", "not a file of an ELMo; pass the directory or the archive of its files"),
    ],
)
def test_a_file_of_something_else_is_named(message, tmp_path, data, expected):
    (tmp_path / "file").write_bytes(data)
    assert message(tmp_path / "file").startswith(f"{tmp_path / 'file'}: {expected}")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "an empty directory"),
        (
            {"config.json": '{"model_type": "elmo"}', "model.safetensors": ""},
            "already converted: load it with",
        ),
        ({"config.json": '{"model_type": "bert"}'}, "a model of kind 'bert' for transformers, not an ELMo"),
        ({"bert_config.json": "{}"}, "a BERT of TensorFlow, not an ELMo: transformers converts it"),
        ({"modules.json": "[]"}, "a model of sentence-transformers, not an ELMo"),
        ({"glove.txt": VECTORS}, "glove.txt holds vectors of words, as GloVe writes them"),
        (
            {"meta.json": "{}", "model.txt": f"5 50\n{VECTORS}", "model.bin": "5 50\n"},
            "model.bin holds vectors",
        ),
        ({"README": "x"}, "contains no options.json"),
    ],
)
def test_a_directory_of_something_else_is_named(message, tmp_path, files, expected):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    assert message(folder).startswith(f"{folder}: {expected}")


def test_an_archive_of_something_else_is_named(message, tmp_path):
    (tmp_path / "11.zip").write_bytes(zip_of(meta__json="{}", README="x", model__txt=f"5 50\n{VECTORS}"))
    assert message(tmp_path / "11.zip").startswith("11.zip: model.txt holds vectors of words in the text format")


def test_a_transformer_of_allennlp_is_named(message, tmp_path):
    embedder = {"type": "bidirectional_lm_token_embedder", "archive_file": "x"}
    config = {"model": {"type": "tagger", "text_field_embedder": {"token_embedders": {"elmo": embedder}}}}
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for name, data in (("config.json", json.dumps(config).encode()), ("weights.th", torch_file())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert "Transformer" in message(tmp_path / "model.tar.gz")


def test_a_directory_with_two_candidates_lists_them(message, tmp_path):
    write_model(tmp_path, make_options(), words=["<S>", "</S>", "<UNK>"])
    for name in ("a_weights.hdf5", "b_weights.hdf5"):
        (tmp_path / "weights.hdf5").with_name(name).write_bytes((tmp_path / "weights.hdf5").read_bytes())
    (tmp_path / "weights.hdf5").unlink()
    found = message(tmp_path)
    assert found.endswith("found a_weights.hdf5, b_weights.hdf5; choose one with --weights")


def test_a_directory_of_models_lists_them(message, tmp_path):
    for name in ("small", "large"):
        (tmp_path / "models" / name).mkdir(parents=True)
        write_model(tmp_path / "models" / name, make_options())
    assert message(tmp_path / "models").endswith("the files of a model are in 'large, small': pass one of them")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"0": np.zeros((3, 2, 8), "f4"), "1": np.zeros((3, 4, 8), "f4")}, "this file holds vectors of sentences, not"),
        ({"embedding": np.zeros((9, 8), "f4")}, "this file holds the embeddings of a vocabulary, not all weights"),
    ],
)
def test_other_hdf5_files_given_as_weights_are_named(message, tmp_path, content, expected):
    write_model(tmp_path, make_options())
    write_hdf5(tmp_path / "weights.hdf5", content)
    assert message(tmp_path).startswith(f"weights.hdf5: {expected}")


def test_a_model_of_keras_given_as_weights_is_named(message, tmp_path):
    write_model(tmp_path, make_options())
    with h5py.File(tmp_path / "weights.hdf5", "w") as file:
        file.create_group("model_weights")
    assert message(tmp_path).startswith("weights.hdf5: a model of Keras, not an ELMo")


def test_an_address_is_not_a_file(message):
    from pathlib import Path

    assert "an address; download the files" in message(Path("https://example.org/elmo"))
