# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""A model directory -> the original files, for the original code and its readers."""

import os
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from modeling_elmo.configuration_elmo import ElmoConfig
from modeling_elmo.modeling_elmo import ElmoModel
from modeling_elmo.tokenization_elmo import ElmoTokenizer, read_vocabulary

from .errors import ElmoFormatError
from .options_json import write_options
from .output_directory import new_directory
from .vocab_embedding_hdf5 import write_vocab_embedding
from .weights_hdf5 import write_weights


def export(
    model_dir: Path, out_dir: Path, token_embeddings: bool = False, force: bool = False, progress: bool = False
) -> None:
    """Writes `options.json`, `weights.hdf5` and `vocab.txt`. Weights converted in float32 come back bit for bit.

    A model that reads words has its embeddings in `weights.hdf5`, as bilm-tf's training writes them; the inference code
    wants them in `vocab_embedding.hdf5`.

    Args:
        model_dir (`Path`): A directory that `convert` or `save_pretrained` wrote.
        out_dir (`Path`): The directory to make. It appears only when it is complete.
        token_embeddings (`bool`): Whether to write `vocab_embedding.hdf5` too.
        force (`bool`): Whether an `out_dir` that holds something is replaced.
        progress (`bool`): Whether to show progress bars on a terminal.

    Raises:
        `ElmoFormatError`: If the directory holds no complete ELMo model; nothing is left behind.
    """
    if not (model_dir / "config.json").is_file():
        raise ElmoFormatError(f"{model_dir}: expected a model directory, found no config.json in it")
    with new_directory(out_dir, force=force, sources=[model_dir / "config.json"]) as target:
        model, tokenizer = _load(model_dir)
        tokenizer.save_vocabulary(os.fspath(target))
        words = read_vocabulary(target / "vocab.txt")
        write_options(target / "options.json", model.config, len(words))
        write_weights(target / "weights.hdf5", model.config, model.state_dict(), len(words), progress)
        if token_embeddings:
            write_vocab_embedding(target / "vocab_embedding.hdf5", model, tokenizer, words, progress)


def _load(model_dir: Path) -> tuple[ElmoModel, ElmoTokenizer]:
    try:
        model_type = ElmoConfig.get_config_dict(model_dir)[0].get("model_type")
        if model_type != ElmoConfig.model_type:
            raise ElmoFormatError(f"{model_dir.name}: expected a model of type 'elmo', found {model_type!r}")
        model, report = ElmoModel.from_pretrained(model_dir, dtype=torch.float32, output_loading_info=True)
        tokenizer = ElmoTokenizer.from_pretrained(model_dir)
    except (OSError, RuntimeError, StrictDataclassError, SafetensorError) as error:
        raise ElmoFormatError(f"{model_dir.name}: {' '.join(str(error).split())}") from error
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("scalar_mixes."))
    if missing:
        raise ElmoFormatError(f"{model_dir.name}: lacks weights: {', '.join(missing)}")
    return model, tokenizer
