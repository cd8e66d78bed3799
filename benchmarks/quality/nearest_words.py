# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The paper's Table 4 for any word: its nearest words by static vectors, its nearest contexts by ELMo's.

    python -m benchmarks.quality.nearest_words glove.txt models/elmo-tiny heldout.txt \
        "The children went out to [play] in the garden ." "The new [play] was given at the theatre ."

A static vector is all meanings of a word at once; a vector in context finds sentences with the same meaning.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch.nn import functional as F

from modeling_elmo import ElmoEmbedder, ElmoTokenizer
from modeling_elmo.embedding.neighbors import marked_word, nearest_contexts
from modeling_elmo.embedding.sources import open_source
from modeling_elmo.fine_tuning import load_word_vectors

from .tables import markdown


def nearest_words(word: str, vectors_VD: torch.Tensor, tokenizer: ElmoTokenizer, number: int) -> list[str]:
    """Returns the words of a vocabulary whose vectors are nearest to a word's, by cosine.

    Args:
        word (`str`): The word.
        vectors_VD (`torch.Tensor` of shape `(V, D)`): The vectors of the vocabulary, zero where there is none.
        tokenizer (`ElmoTokenizer`): The tokenizer with the vocabulary.
        number (`int`): How many.

    Raises:
        `ValueError`: If the word has no vector.
    """
    id = tokenizer.convert_tokens_to_ids(word)
    if id == tokenizer.unk_token_id or not vectors_VD[id].any():
        raise ValueError(f"{word}: expected a word of the model's vocabulary with a static vector")
    similarities_V = F.normalize(vectors_VD, dim=1) @ F.normalize(vectors_VD[id], dim=0)
    forms = tokenizer.convert_ids_to_tokens(similarities_V.argsort(descending=True).tolist())
    # A word and its other spelling, "play" and "Play", have the same vector.
    distinct = list(dict.fromkeys(form.lower() for form in forms if form.lower() != word.lower()))
    return distinct[:number]


def main(
    vectors: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Static vectors, as GloVe's.")],
    model: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A model directory.")],
    corpus: Annotated[str, typer.Argument(help="Sentences, as `elmo embed` accepts them.")],
    sentences: Annotated[list[str], typer.Argument(help="Sentences with the word in brackets.")],
    layer: Annotated[str, typer.Option(help="The layer of ELMo, or top.")] = "top",
    number: Annotated[int, typer.Option(min=1, help="Nearest words and contexts to show.")] = 3,
) -> None:
    """Print the nearest neighbours of a word in Markdown."""
    embedder = ElmoEmbedder.from_pretrained(model, layers=layer)
    tokenizer = embedder.tokenizer
    matrix, _ = load_word_vectors(vectors, tokenizer)
    rows = [["", "Source", "Nearest"]]
    sources = [marked_word(embedder, sentence) for sentence in sentences]
    for word in dict.fromkeys(words[index] for words, index in sources):
        rows.append(["static", word, ", ".join(nearest_words(word, matrix, tokenizer, 8))])
    for sentence, (words, index) in zip(sentences, sources):
        found = nearest_contexts(embedder, open_source(corpus), words, index, number)
        rows.append(["ELMo", sentence, "<br>".join(context.marked() for context in found)])
    typer.echo(markdown(rows))


if __name__ == "__main__":
    typer.run(main)
