# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Exactly the code that a saved model, and its repository on the Hub, contains.

It is flat, with single-dot imports, and imports nothing from outside this folder.

To read, in this order:

    configuration_elmo.py   ElmoConfig: every setting and its validation
    characters.py           words -> character ids
    word_splitting.py       text -> words
    vocabulary_files.py     files of words
    text_warnings.py        what is said about text that is probably not meant as it is read
    tokenization_elmo.py    ElmoTokenizer
    token_embedding.py      character CNN and word embeddings: layer 0
    packing.py              the real tokens of a batch in the order of the LSTMs
    lstm.py                 the LSTM's equations, a bidirectional layer
    scan.py                 the same sequences for a graph: torch.export, ONNX, torch.compile
    scalar_mix.py           the weighted sum of layers
    bilm.py                 ElmoModel: ids -> layers -> mixes

How a model is created, loaded and saved:

    pretrained.py           loading, initialisation, freezing
    loading_checks.py       checks of a model directory's files
    saved_code.py           which of these files a saved model, and so a repository on the Hub, contains
    modeling_elmo.py        every ELMo class by name, for the Auto classes

Training and task models:

    sampled_softmax.py      softmax over a sample of the vocabulary
    language_model.py       ElmoForPreTraining, ElmoForMaskedLM
    task_layers.py, crf.py  layers of task models
    label_schemes.py        IOB1, BIO, BIOES: which label of a word may follow which
    task_models.py          ElmoForTokenClassification and the other task models
    semantic_roles.py       ElmoForSemanticRoleLabeling
    coreference.py          ElmoForCoreferenceResolution

Fast paths:

    fast_matmul.py          matrix products through oneDNN and FBGEMM
    fast_lstm.py            the LSTM with a written-out gradient
    fast_path_guards.py     when the plain path is used instead
    caches.py               embeddings of words and layers of texts
    int8_weights.py         matrices of eight bits and their products
    quantization.py         a biLM with such matrices, in the manner of transformers
"""
