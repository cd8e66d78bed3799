# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original file formats <-> this package. One file per format.

| File | Contents |
| --- | --- |
| `original_hdf5.py` | original files -> `ConvertedModel` |
| `options_json.py` | `options.json` <-> `ElmoConfig` |
| `weights_hdf5.py` | `weights.hdf5` <-> the tensors of `model.safetensors` |
| `vocabulary_file.py` | `vocab.txt` -> the words by their ids |
| `vocab_embedding_hdf5.py` | `vocab_embedding.hdf5` <-> the word embeddings of a model that reads words |
| `convert.py`, `export.py` | `ConvertedModel` -> a model directory; a model directory -> original files |
| `sources.py`, `archives.py` | what SOURCE is, and unpacking it |
| `unreadable.py` | what people take for an ELMo, and what to do with it |
| `original_files.py` | which files make up an original model |
| `download.py` | the name of a published model -> its original files |
| `published.py` | the name of a model in another collection -> its files |
| `hdf5.py` | reading HDF5 files that may come from anyone, and writing them |
| `converted_model.py` | what the reader of a format returns |
| `allennlp_archive.py` | `model.tar.gz` of AllenNLP, unpacked: the ELMo in it |
| `many_langs.py` | a model of ELMoForManyLangs -> `ConvertedModel` |
| `tensorflow_checkpoint.py` | a checkpoint of bilm-tf, or a module of TensorFlow Hub -> `ConvertedModel` |
| `tensor_bundle.py` | reading TensorFlow's checkpoints that may come from anyone |
| `safetensors_writer.py` | writing `model.safetensors` in pieces |
| `torch_pickles.py` | reading state dicts of `torch.save` that may come from anyone |
| `torch_reference.py` | ELMo in NumPy on the arrays of AllenNLP and ELMoForManyLangs |
| `reference.py`, `parity.py` | ELMo in NumPy, and how far a converted model is from it |
| `conversion_card.py` | what the model card says about a conversion |

No model class depends on this folder.
"""

from modeling_elmo.files.errors import ElmoDownloadError, ElmoFormatError

from .convert import convert
from .converted_model import ConvertedModel
from .download import download
from .export import export
from .original_files import OriginalFiles
from .sources import SourceOptions, open_source


__all__ = [
    "ConvertedModel",
    "ElmoDownloadError",
    "ElmoFormatError",
    "OriginalFiles",
    "SourceOptions",
    "convert",
    "download",
    "export",
    "open_source",
]
