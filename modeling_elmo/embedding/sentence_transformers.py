# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo as the first module of a sentence-transformers model, followed by `Pooling`.

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from modeling_elmo.embedding.sentence_transformers import ElmoEncoder

    encoder = ElmoEncoder("elmo")
    model = SentenceTransformer(modules=[encoder, Pooling(encoder.get_embedding_dimension())])

Requires the extra `sentence-transformers`. A saved model names this module, so loading it requires this package too.
"""

import os
from collections.abc import Sequence
from typing import Any

import torch

from ..model.bilm import ElmoModel
from ..model.tokenization_elmo import ElmoTokenizer
from .embedder import checked_layers


try:
    from sentence_transformers.base.modules.input_module import InputModule
except ImportError as error:
    raise ImportError(
        "modeling_elmo.embedding.sentence_transformers requires the package sentence-transformers, 5.2 or later: "
        "pip install sentence-transformers"
    ) from error


class ElmoEncoder(InputModule):
    """Texts to ELMo's word vectors, to be pooled. The rows of `<S>` and `</S>` are masked like padding.

    Args:
        model_name_or_path (`str`): A model directory, or a name on the Hub.
        layers (`str` or `int`, *optional*, defaults to `"mix"`): `"average"`, `"top"`, a layer's number, or the model's
            scalar `"mix"`.
        max_seq_length (`int`, *optional*): Longer texts are cut to this many words, boundaries included. By default,
            texts are not cut.
        kwargs: For the model's `from_pretrained`, such as `freeze_bilm=False` to train the whole model.

    Raises:
        `ValueError`: For an unknown choice of layers.
    """

    config_file_name = "elmo_encoder.json"
    config_keys = ["layers", "max_seq_length"]

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        layers: str | int = "mix",
        max_seq_length: int | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        self.model: ElmoModel = ElmoModel.from_pretrained(model_name_or_path, **kwargs)
        self.tokenizer = ElmoTokenizer.from_pretrained(model_name_or_path)
        self.layers = checked_layers(layers, self.model.config)
        if self.layers == "all":
            raise ValueError("layers: expected one vector per word (average, top, mix or a number), found all")
        self.max_seq_length = max_seq_length

    def get_embedding_dimension(self) -> int:
        """Returns the size of a word's vector."""
        return self.model.config.hidden_size

    # The name in older versions.
    get_word_embedding_dimension = get_embedding_dimension

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """Returns the ids of texts or lists of words, with their masks."""
        texts: list[Any] = [list(text) if isinstance(text, (list, tuple)) else text for text in inputs]
        is_split = bool(texts) and isinstance(texts[0], list)
        if prompt:
            texts = [[*prompt.split(), *text] if is_split else prompt + text for text in texts]
        batch = self.tokenizer(
            texts,
            is_split_into_words=is_split,
            padding=True,
            truncation=self.max_seq_length is not None,
            max_length=self.max_seq_length,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        return dict(batch)

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Adds `token_embeddings` `(B, W, D)`, and removes the boundaries from `attention_mask` `(B, W)`."""
        names = ("input_ids", "character_ids", "attention_mask")
        inputs = {name: features[name] for name in names if name in features}
        output = self.model(**inputs, output_hidden_states=self.layers != "mix")
        if self.layers == "mix":
            vectors = output.last_hidden_state
        elif self.layers == "average":
            vectors = torch.stack(output.hidden_states).mean(0)
        else:
            vectors = output.hidden_states[-1 if self.layers == "top" else self.layers]
        mask = features["attention_mask"]
        if "special_tokens_mask" in features:
            mask = mask * (1 - features["special_tokens_mask"])
        return {**features, "token_embeddings": vectors, "attention_mask": mask}

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Writes a model directory with `elmo_encoder.json`."""
        self.model.save_pretrained(output_path)
        self.tokenizer.save_pretrained(output_path)
        self.save_config(output_path)

    @classmethod
    def load(cls, model_name_or_path: str, **kwargs: Any) -> "ElmoEncoder":
        """Loads a directory written by `save`, or a name on the Hub."""
        names = ("subfolder", "token", "cache_folder", "revision", "local_files_only")
        location = {name: kwargs[name] for name in names if name in kwargs}
        config = cls.load_config(model_name_or_path, **location)
        return cls(cls.load_dir_path(model_name_or_path, **location), **config)
