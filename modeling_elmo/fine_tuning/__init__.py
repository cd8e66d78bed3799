# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What fine-tuning needs besides the task models of `model/task_models.py`.

word_vectors.py    text files of static word vectors -> the matrix of a task model
labels.py          schemes of labels in files: detected, checked, IOB1 as BIO
answers.py         logits of a question-answering model -> answers
documents.py       documents with their coreference -> inputs
long_texts.py      pairs with a text of several sentences -> inputs with a sequence for each
pipelines.py       pipelines of transformers, adapted to tokens that are words
"""

from .answers import Spans, best_spans
from .documents import DocumentCollator, encode_document
from .long_texts import encode_by_sentence
from .pipelines import ElmoFeatureExtractionPipeline, ElmoTokenClassificationPipeline
from .word_vectors import WordVectorCounts, load_word_vectors


__all__ = [
    "DocumentCollator",
    "ElmoFeatureExtractionPipeline",
    "ElmoTokenClassificationPipeline",
    "Spans",
    "WordVectorCounts",
    "best_spans",
    "encode_by_sentence",
    "encode_document",
    "load_word_vectors",
]
