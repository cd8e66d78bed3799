# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Parity: the layers of a converted model compared with the equations on its original files.

The two are independent: `reference` computes in NumPy and float64 from the datasets of `weights.hdf5`, the model from
the files that the conversion has just written.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.files.model_directory import load_model
from modeling_elmo.model.bilm import ElmoModel
from modeling_elmo.model.configuration_elmo import NUM_APPENDED_TOKENS, ElmoConfig
from modeling_elmo.model.text_warnings import ElmoWarning

from .converted_model import ConvertedModel


# Multi-byte letters, a word that is truncated, a one-letter word, and sentences of different lengths.
SENTENCES = [["The", "bank", "lends", "naïve", "日本", "."], ["Pneumonoultramicroscopicsilicovolcanoconiosis" * 2, "a"]]

# Words, over the whole vocabulary, whose scores are compared.
NUM_SCORES = 20

# The largest difference that counts as rounding, relative to the largest value in any layer. Random models of all kinds
# reach 2e-7, 1e-2 and 2e-3; wrong weights reach about 1.
MAX_DIFFERENCE = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}


def measure_parity(model_dir: Path, source: ConvertedModel) -> list[float]:
    """Runs a few sentences through a converted model, and through the equations on its source.

    Returns:
        `list[float]`: The largest absolute difference of each layer, the token embedding first; then, if there is a
        softmax, that of the scores of some words.

    Raises:
        `ElmoFormatError`: If a layer differs by more than rounding to the dtype of the weights.
    """
    model, _ = load_model(ElmoModel, model_dir)
    config, sentences = model.config, SENTENCES
    if config.token_input == "words":
        words = [
            word for word in source.tokenizer.convert_ids_to_tokens(range(source.tokenizer.num_words)) if word.strip()
        ]
        sentences = [words[:6], words[6:8] + ["<UNK>"]]
    with warnings.catch_warnings():
        # A long word is one of those that are compared.
        warnings.simplefilter("ignore", ElmoWarning)
        batch = source.tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**batch, output_hidden_states=True)
    layers = torch.stack(output.hidden_states).double().numpy()  # [L + 1, sentences, words, 2P]
    # The equations need memory of their own.
    del model, output
    differences = np.zeros(len(layers))
    for row, sentence in enumerate(sentences):
        expected = source.expected_layers(sentence)
        found = layers[:, row, : expected.shape[1]]
        differences = np.maximum(differences, np.abs(found - expected).max(axis=(1, 2)))
    largest = np.abs(layers).max()
    if source.expected_scores is not None:
        found, expected = _scores(source, model_dir, config, layers[-1][batch["attention_mask"].bool().numpy()])
        differences = np.append(differences, np.abs(found - expected).max())
        largest = max(largest, np.abs(expected).max())
    limit = MAX_DIFFERENCE[config.dtype] * max(1.0, largest)
    # The largest file is that of the weights.
    name = max(source.files, key=lambda path: path.stat().st_size).name
    if not np.isfinite(differences).all() or (differences > limit).any():
        raise ElmoFormatError(
            f"{name}: the converted model differs by {differences.max():.1g} from the equations on it, "
            f"expected at most {limit:.1g} in {str(config.dtype).removeprefix('torch.')}"
        )
    return differences.tolist()


def _scores(
    source: ConvertedModel, model_dir: Path, config: ElmoConfig, hidden: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of some words by the saved softmax and by that of the source, `[2N, words]`, for outputs `[N, 2P]`."""
    assert source.expected_scores is not None
    hidden = np.concatenate(np.split(hidden, 2, axis=1))
    num_words = config.vocab_size - NUM_APPENDED_TOKENS
    ids = np.unique(np.linspace(0, num_words - 1, NUM_SCORES, dtype=np.int64)).tolist()
    with safe_open(model_dir / "model.safetensors", "pt") as file:
        # All of the published softmax would be 1.6 GB in memory.
        weight = file.get_slice("elmo.word_embedding.weight" if config.tie_word_embeddings else "lm_head.weight")
        rows = torch.cat([weight[id : id + 1] for id in ids]).double().numpy()
        bias = file.get_tensor("lm_head.bias")[ids].double().numpy()
    return hidden @ rows.T + bias, source.expected_scores(hidden, ids)
