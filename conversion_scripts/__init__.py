# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Original formats <-> this package, one file per format.

    options_json.py            options.json          <-> ElmoConfig
    weights_hdf5.py            weights.hdf5          <-> tensors of model.safetensors
    vocab_embedding_hdf5.py    vocab_embedding.hdf5  <-> the word embeddings of a model that reads words
    (vocab.txt is read and written by ElmoTokenizer)

    convert.py                 all of them -> a model directory
    reference.py, parity.py    ELMo in NumPy, and how far a converted model is from it
    model_card.py              what a conversion tells about itself
    export.py                  a model directory -> all of them
    download.py                the name of a published model -> its original files
    cached_file.py             an address -> a file in the cache

No model class depends on anything here.
"""

from modeling_elmo.files.errors import ElmoDownloadError, ElmoFormatError

from .convert import OriginalFiles, convert
from .download import download
from .export import export


__all__ = [
    "ElmoDownloadError",
    "ElmoFormatError",
    "OriginalFiles",
    "convert",
    "download",
    "export",
]
