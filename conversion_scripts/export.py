# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A model directory -> original files, for the original code and other readers."""

from pathlib import Path

import torch

from modeling_elmo.files.atomic import new_directory
from modeling_elmo.files.errors import ElmoFormatError, as_format_error
from modeling_elmo.files.model_directory import check_model_directory, load_model
from modeling_elmo.model.bilm import ElmoModel
from modeling_elmo.model.tokenization_elmo import ElmoTokenizer
from modeling_elmo.model.vocabulary_files import SPECIAL_TOKENS, vocabulary_lines

from .options_json import write_options
from .vocab_embedding_hdf5 import write_vocab_embedding
from .weights_hdf5 import write_weights


def export(model_dir: Path, out_dir: Path, token_embeddings: bool | None = None, force: bool = False) -> None:
    """Writes `options.json`, `weights.hdf5` and `vocab.txt`. Weights converted in float32 are restored bit for bit.

    The embeddings of a model that reads words are written to `weights.hdf5`, as bilm-tf's training does, and to
    `vocab_embedding.hdf5`, where its inference looks for them. A model without a vocabulary gets no `vocab.txt`. The
    softmax of a language model is not exported; the original `dump_weights` omits it too.

    Args:
        model_dir (`Path`): A directory that `convert` or `save_pretrained` wrote.
        out_dir (`Path`): The directory to make. It appears only once it is complete.
        token_embeddings (`bool`, *optional*): Whether to write `vocab_embedding.hdf5` too. Defaults to whether the
            model reads words.
        force (`bool`): Whether to replace an `out_dir` that is not empty.

    Raises:
        `ElmoFormatError`: If the directory holds no complete ELMo model. Nothing is left behind.
    """
    check_model_directory(model_dir)
    with new_directory(out_dir, force=force, sources=[model_dir]) as target:
        model, _ = load_model(ElmoModel, model_dir, dtype=torch.float32)
        if getattr(model, "is_quantized", False):
            raise ElmoFormatError(
                f"{model_dir}: expected float32, bfloat16 or float16 weights, found int8; export "
                "the model that it was rounded from"
            )
        reads_words = model.config.token_input == "words"
        if token_embeddings is None:
            token_embeddings = reads_words
        tokenizer = _load_tokenizer(model_dir)
        words = None
        if tokenizer is not None:
            # A word added to the tokenizer may contain a line break.
            with as_format_error(f"{model_dir}: tokenizer"):
                tokenizer.save_vocabulary(str(target))
            words = vocabulary_lines(target / "vocab.txt")
        if words is None and (reads_words or token_embeddings):
            raise ElmoFormatError(f"{model_dir}: contains no vocabulary, so its embeddings can't be written")
        num_words = None if words is None else len(words)
        if num_words is not None and reads_words and num_words > model.config.vocab_size:
            raise ElmoFormatError(
                f"{model_dir}: vocab_size: expected at least {num_words}, the tokenizer's words, found "
                f"{model.config.vocab_size}"
            )
        write_options(target / "options.json", model.config, num_words)
        write_weights(target / "weights.hdf5", model.config, model.state_dict(), num_words or 0)
        if token_embeddings and tokenizer is not None and words is not None:
            write_vocab_embedding(target / "vocab_embedding.hdf5", model, tokenizer, words)


def _load_tokenizer(model_dir: Path) -> ElmoTokenizer | None:
    """Returns the tokenizer, or `None` if it is missing or has no vocabulary."""
    # Without these files, `from_pretrained` would make a tokenizer without a vocabulary.
    if not any((model_dir / name).is_file() for name in ElmoTokenizer.vocab_files_names.values()):
        return None
    with as_format_error(f"{model_dir}: tokenizer"):
        tokenizer = ElmoTokenizer.from_pretrained(model_dir)
    has_vocabulary = tokenizer.num_words > 0 or len(tokenizer) > len(SPECIAL_TOKENS)
    return tokenizer if has_vocabulary else None
