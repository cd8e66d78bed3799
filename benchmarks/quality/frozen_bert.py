# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a script of `examples/` with a frozen BERT in ELMo's place: same task models, data and metrics.

    python -m benchmarks.quality.frozen_bert examples/run_token_classification.py --model_name_or_path BERT ...

A word's vector in each layer is that of its first subword. The layers, those of the subword embeddings included, are
mixed as ELMo's are. Each sentence, or each text of a pair, is read on its own, once: its layers are cached in half
precision. Words beyond the 512th subword of a text, and those without a subword, have zero vectors.
"""

import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer

from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer
from modeling_elmo.model import task_models
from modeling_elmo.model.bilm import ElmoModelOutput
from modeling_elmo.model.characters import ByteCharacters
from modeling_elmo.model.packing import Sequences


class BertReader:
    """A frozen BERT that reads words.

    Args:
        path (`str`): The model directory or a name on the Hub, of a model with a fast tokenizer.
    """

    def __init__(self, path: str):
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModel.from_pretrained(path).eval()
        self.config = self.model.config

    @torch.no_grad()
    def read(self, texts: Sequence[list[str]]) -> list[torch.Tensor]:
        """Returns the layers `(L+1, words, D)` of each text, in half precision."""
        encoded = self.tokenizer(
            list(texts),
            is_split_into_words=True,
            padding=True,
            truncation=True,
            max_length=self.config.max_position_embeddings,
            return_tensors="pt",
        )
        states = self.model(**encoded, output_hidden_states=True).hidden_states
        layers_BLSD = torch.stack(states, dim=1).half()
        found = []
        for row, words in enumerate(texts):
            first: dict[int, int] = {}
            for subword, word in enumerate(encoded.word_ids(row)):
                if word is not None:
                    first.setdefault(word, subword)
            layers = layers_BLSD.new_zeros(layers_BLSD.shape[1], len(words), layers_BLSD.shape[3])
            layers[:, list(first)] = layers_BLSD[row][:, list(first.values())]
            found.append(layers)
        return found


class FrozenBert(ElmoModel):
    """A BERT that task models read as an ELMo of the same sizes, whose own layers are not used."""

    # Of the class, not of its instances: BERT's weights are not part of the task model.
    reader: BertReader

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> ElmoModelOutput:
        """Returns the mixes of the layers; arguments as in [`ElmoModel`]."""
        ids, mask = self.checked_inputs(input_ids, character_ids, inputs_embeds, attention_mask, token_type_ids)
        assert self.text_cache is not None

        def compute(mask: torch.Tensor, segments: torch.Tensor) -> Iterator[torch.Tensor]:
            return self.compute(ids, Sequences.from_mask(mask, segments), mask)

        sequences, num_layers = Sequences.from_mask(mask, token_type_ids), self.config.num_hidden_layers + 1
        cached = self.text_cache.layers(ids, mask, sequences, compute, num_layers, key=None)
        layers = [layer.float() for layer in cached]
        representations = tuple(mix(layers, mask) for mix in self.scalar_mixes)
        return ElmoModelOutput(last_hidden_state=representations[0], elmo_representations=representations)

    def compute(self, ids: torch.Tensor, sequences: Sequences, mask: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yields the layers `(B, W, D)` of the words in character ids `(B, W, C)`; zero at `<S>` and `</S>`."""
        characters = ByteCharacters(self.config.max_characters_per_token)
        lengths = sequences.length.tolist()
        rows = ids.flatten(0, 1)[sequences.position].tolist()
        # A boundary is a number. BERT has no subword for an empty word.
        words = [word if isinstance(word, str) else "" for word in map(characters.read, rows)]
        starts = sequences.start.tolist()
        texts = [words[start : start + length] for start, length in zip(starts, lengths)]
        layers_LND = torch.cat(self.reader.read(texts), dim=1)
        for layer_ND in layers_LND:
            flat = layer_ND.new_zeros(mask.numel(), layer_ND.shape[-1]).index_copy(0, sequences.position, layer_ND)
            yield flat.unflatten(0, mask.shape)


def save_stand_in(reader: BertReader, directory: Path) -> None:
    """Saves an ELMo with the sizes of a BERT, whose weights are never used, for the scripts to load."""
    config = ElmoConfig(
        projection_size=reader.config.hidden_size // 2,
        num_hidden_layers=reader.config.num_hidden_layers,
        cell_size=reader.config.hidden_size // 2,
        character_embedding_size=1,
        character_filters=[[1, 1]],
        num_highway_layers=0,
    )
    ElmoModel(config).save_pretrained(directory)
    ElmoTokenizer().save_pretrained(directory)


def main(script: str, *others: str) -> None:
    """Runs a script with the given arguments, of which `--model_name_or_path` names the BERT."""
    found = list(others)
    place = found.index("--model_name_or_path") + 1
    FrozenBert.reader = BertReader(found[place])
    task_models.ElmoModel = FrozenBert  # type: ignore[misc]
    with TemporaryDirectory() as directory:
        save_stand_in(FrozenBert.reader, Path(directory))
        found[place] = directory
        sys.argv = [script, *found]
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
