# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The user's files: reading text, writing files that are never half written, reporting progress.

Every job uses these modules; they know no job and import nothing else of this package.

| File | Contents |
| --- | --- |
| `errors.py` | `ElmoFormatError`; errors of other libraries in one line |
| `atomic.py` | new files and directories that appear complete or not at all; an exclusive lock |
| `text.py` | the lines of text files: compressed, standard input, pipes; errors by file and line |
| `columns.py` | sentences of CoNLL-U and other files with a word on each line |
| `role_columns.py` | sentences and their semantic roles: CoNLL-2005, Universal Propositions |
| `coreference_columns.py` | documents and which of their words mean the same: CoNLL-2012, OntoGUM |
| `tables.py` | the rows of tables: CSV, TSV, JSON, Parquet, saved datasets; errors by file and row |
| `sentences.py` | where the sentences of a text begin and end |
| `background.py` | `prefetch`: the next items are made in a thread |
| `progress.py` | a bar on a terminal, otherwise a line every 30 seconds |
| `model_directory.py` | checking and loading a model directory, with one message for each error |
"""
