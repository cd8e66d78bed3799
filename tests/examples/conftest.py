# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Models of a few thousand weights for the example scripts, and data that they can learn in seconds."""

import json
import random
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from modeling_elmo import ElmoConfig, ElmoModel, ElmoTokenizer


PEOPLE = ["Ada", "Grace", "Alan"]
PLACES = ["Rome", "Oslo", "Lima"]
OTHERS = ["saw", "the", "river", "left", "for", "."]

SIZES = {
    "cell_size": 48,
    "projection_size": 24,
    "character_embedding_size": 8,
    "character_filters": [[1, 16], [2, 16], [3, 16]],
    "num_highway_layers": 1,
    "representation_dropout": 0.0,
    "task_dropout": 0.0,
    "task_lstm_size": 16,
}


@pytest.fixture(scope="session")
def elmo_dir(tmp_path_factory):
    """An ELMo that reads characters, without a vocabulary."""
    directory = tmp_path_factory.mktemp("elmo")
    model, generator = ElmoModel(ElmoConfig(**SIZES)), torch.Generator().manual_seed(0)
    # Fresh weights tell words apart so faintly that a task takes long to learn.
    for name, parameter in sorted(model.named_parameters()):
        if "scalar_mixes" not in name:
            parameter.data = 0.4 * torch.randn(parameter.shape, generator=generator)
    model.character_encoder.character_embedding.weight.data[0] = 0
    model.save_pretrained(directory)
    ElmoTokenizer().save_pretrained(directory)
    return str(directory)


@pytest.fixture(scope="session")
def bert_dir(tmp_path_factory):
    """A BERT whose vocabulary has letters and a few pieces, so that most words are split."""
    directory = tmp_path_factory.mktemp("bert")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        "the",
        "##ver",
    ]
    pieces += list(".,?0123456789")
    backend = Tokenizer(models.WordPiece({piece: id for id, piece in enumerate(pieces)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=96,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{name}_token": token for name, token in special.items()},
    )
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(**sizes, vocab_size=len(pieces), max_position_embeddings=96, hidden_dropout_prob=0.0)
    BertModel(config).save_pretrained(directory)
    return str(directory)


@pytest.fixture
def run(tmp_path):
    """Runs a script with arguments as keywords, on top of those that make it small; `None` leaves one of them out."""

    def run(main, **arguments):
        defaults = {
            "output_dir": tmp_path / "run",
            "per_device_train_batch_size": 8,
            "num_train_epochs": 6,
            "learning_rate": 0.02,
            "use_cpu": True,
            "disable_tqdm": True,
        }
        command = []
        for name, value in {**defaults, **arguments}.items():
            if value is not None:
                values = value if isinstance(value, list) else [value]
                command += [f"--{name}", *map(str, values)]
        return main(command)

    return run


def results_of(directory):
    return json.loads(Path(directory, "all_results.json").read_text())


def tagged_sentence(rng):
    """Words and labels that a name's first letters decide."""
    words = [rng.choice(PEOPLE), rng.choice(OTHERS), rng.choice(PLACES), rng.choice(PLACES), rng.choice(OTHERS)]
    return words, ["B-PER", "O", "B-LOC", "I-LOC", "O"]


@pytest.fixture
def columns(tmp_path):
    """Files of CoNLL columns, with a part of speech between words and labels."""

    def write(name, number, seed=0):
        rng = random.Random(seed)
        text = "-DOCSTART- X O\n\n"
        for _ in range(number):
            text += "".join(f"{word} X {label}\n" for word, label in zip(*tagged_sentence(rng))) + "\n"
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def picture_size(path):
    """The size of a PNG in pixels, and the number of coloured ones."""
    from PIL import Image

    with Image.open(path) as image:
        colours = image.convert("RGB").getcolors(maxcolors=1_000_000)
        assert colours is not None
        spans = [(count, max(colour) - min(colour)) for count, colour in colours]
        num_coloured = sum(count for count, span in spans if span > 60)
        return image.size, num_coloured
