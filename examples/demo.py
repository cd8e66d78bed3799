# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""elmo-tiny tells two senses of a word apart, proposes other words, and survives a round trip to the original format.

python examples/demo.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch.nn.functional import normalize
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, logging

import modeling_elmo  # registers ELMo with the Auto classes


MODEL = Path(__file__).parents[1] / "models" / "elmo-tiny"

SENSES = {
    "bank": {
        "river": [
            "They pulled the boat up on the bank and made a fire .",
            "He sat all day upon the bank with his rod and caught nothing .",
            "The horses came down to the bank of the river to drink .",
            "We swam across and lay on the grassy bank in the sun .",
            "Willows grew along the bank of the stream .",
            "The path followed the left bank of the river for a mile .",
            "She slipped on the muddy bank and fell into the water .",
            "A heron stood quite still near the opposite bank .",
        ],
        "money": [
            "He went to the bank to draw out his money .",
            "The bank had lent him a thousand pounds at five per cent .",
            "All her savings were in the bank when it failed .",
            "The bank closed its doors and the clerks were sent home .",
            "He was a clerk in a bank before he came into his fortune .",
            "The notes of the bank were no longer accepted as payment .",
            "My father left a large sum in the bank for me .",
            "The director of the bank refused to give them credit .",
        ],
    },
    "leaves": {
        "of a tree": [
            "The leaves of the trees were yellow and red .",
            "Dry leaves covered the path through the wood .",
            "The wind shook the leaves above our heads .",
            "She pressed a few green leaves between the pages .",
            "The goats ate all the leaves they could reach .",
            "Its leaves are broad and its flowers are white .",
        ],
        "goes away": [
            "The train leaves at six in the morning .",
            "He leaves his wife and children in great want .",
            "She leaves the room without a word .",
            "If he leaves us now we are lost .",
            "The ship leaves the harbour with the tide .",
            "When my uncle leaves town he locks the house .",
        ],
    },
}


@torch.no_grad()
def word_vectors(
    model: modeling_elmo.ElmoModel, tokenizer: modeling_elmo.ElmoTokenizer, word: str, sentences: list[list[str]]
) -> torch.Tensor:
    """Returns the vectors of a word in S sentences by each layer, `(L + 1, S, D)`, normalized."""
    batch = tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
    layers = torch.stack(model(**batch, output_hidden_states=True).hidden_states)
    # Each sentence begins with <S>.
    positions = [sentence.index(word) + 1 for sentence in sentences]
    return normalize(layers[:, torch.arange(len(sentences)), positions], dim=-1)


def show_senses(model: modeling_elmo.ElmoModel, tokenizer: modeling_elmo.ElmoTokenizer, word: str) -> None:
    """Prints how similar a word is to itself in other sentences, layer by layer."""
    sentences = [sentence.split() for group in SENSES[word].values() for sentence in group]
    senses = [name for name, group in SENSES[word].items() for _ in group]
    vectors = word_vectors(model, tokenizer, word, sentences)
    is_same_sense = torch.tensor([[one == other for other in senses] for one in senses])
    is_other_sentence = ~torch.eye(len(senses), dtype=torch.bool)
    similarities = vectors @ vectors.mT
    nearest = similarities.masked_fill(~is_other_sentence, -1).argmax(dim=2).tolist()

    header = ("same sense", "other sense", "nearest has the same sense")
    print(f"   {word:<24}{header[0]:>12}{header[1]:>14}{header[2]:>34}")
    for layer, similarity in enumerate(similarities):
        same = similarity[is_same_sense & is_other_sentence].mean()
        other = similarity[~is_same_sense].mean()
        right = sum(senses[index] == sense for index, sense in zip(nearest[layer], senses))
        # Without context, all occurrences of a word are equal.
        summary = f"{right} of {len(senses)}" if layer else "all are equally near"
        name = f"layer {layer}" if layer else "layer 0 (no context)"
        print(f"   {name:<24}{same:>12.2f}{other:>14.2f}{summary:>34}")

    print("   The most similar use of the word, by layer 2:")
    for row in range(1, len(senses), 4):
        print(f"      {' '.join(sentences[row])} [{senses[row]}]")
        print(f"         -> {' '.join(sentences[nearest[2][row]])} [{senses[nearest[2][row]]}]")


def show_substitutes(tokenizer: modeling_elmo.ElmoTokenizer) -> None:
    """Prints the words that the language model predicts in place of a word."""
    model = AutoModelForMaskedLM.from_pretrained(MODEL).eval()
    for sentence in ("We sat on the bank of the river .", "He had put all his money into the bank ."):
        words = sentence.split()
        found = model.substitutes(tokenizer, words, words.index("bank"), 6)
        print(f"   {sentence}\n       -> {', '.join(word for word, _ in found)}")


def show_round_trip(model: modeling_elmo.ElmoModel, tokenizer: modeling_elmo.ElmoTokenizer) -> None:
    """Writes the model in the original format, converts it back, and compares."""
    with tempfile.TemporaryDirectory() as directory:
        original, converted = Path(directory, "original"), Path(directory, "elmo")
        for arguments in (["export", MODEL, original], ["convert", original, converted]):
            command = [sys.executable, "-m", "modeling_elmo.cli", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for path in sorted(original.iterdir()):
            print(f"   original{os.sep}{path.name:<20}{path.stat().st_size:>12,} bytes")
        batch = tokenizer(
            ["The bank of the river is steep.", "The bank lends no money."], padding=True, return_tensors="pt"
        )
        with torch.no_grad():
            one, other = (
                each(**batch).last_hidden_state for each in (model, AutoModel.from_pretrained(converted).eval())
            )
    print(f"   Vectors of two sentences before and after: largest absolute difference {(one - other).abs().max():.1e}")


def main() -> None:
    """Runs the four steps and prints their results."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    logging.disable_progress_bar()
    print(f'1. AutoModel.from_pretrained("{MODEL.relative_to(MODEL.parents[1])}")')
    tokenizer, model = AutoTokenizer.from_pretrained(MODEL), AutoModel.from_pretrained(MODEL).eval()
    config = model.config
    print(
        f"   {type(model).__name__}: {model.num_parameters():,} parameters, {config.num_hidden_layers} layers of "
        f"{config.cell_size} cells, {config.hidden_size} dimensions"
    )
    print("\n2. Words in two senses: cosine similarity between their vectors in two sentences")
    for word in SENSES:
        show_senses(model, tokenizer, word)
    print('\n3. Substitutes for "bank" (AutoModelForMaskedLM)')
    show_substitutes(tokenizer)
    print("\n4. elmo export models/elmo-tiny original; elmo convert original elmo")
    show_round_trip(model, tokenizer)


if __name__ == "__main__":
    main()
