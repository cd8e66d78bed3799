# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What models know, and what they add to tasks.

| File | Content |
| --- | --- |
| `experiments.py` | the experiments of docs/results.md: the scripts in `examples/` on public data, with several seeds |
| `frozen_bert.py` | the same scripts with a frozen BERT in ELMo's place |
| `bcn.py` | sentiment with the paper's classifier in place of today's |
| `glove_vectors.py`, `answer_sentences.py` | data for experiments: GloVe's vectors, questions with sentences |
| `unanswerable.py` | questions without an answer, as in SQuAD 2.0 |
| `costs.py` | what the models of the experiments cost: parameters trained, words per second |
| `tables.py` | the tables of docs/results.md |
| `probes.py` | linear classifiers on the layers of a frozen model |
| `readers.py` | the formats of the data for probes |
| `figures.py` | the pictures of docs/results.md |
| `nearest_words.py` | nearest words of a static vector, nearest sentences of a word in context |
| `plots.py` | plots of runs and probes |
| `ngram_perplexity.py` | perplexity of n-gram models, to compare with `elmo evaluate` |
| `graph_parity.py` | torch.export and ONNX against the fast path, for random models |
| `soak.py` | one model in many threads, a server and jobs for an hour: wrong answers, growth of memory |
| `sentence_splitting.py` | docs/sentences.md: libraries that find sentences; words of raw text in ten languages |
| `transformers_suites.py` | transformers' own tests, run against ELMo's models, tokenizer and pipelines |
| `treebank_agreement.py` | agreement of word splitting with NLTK |
"""

import sys
from pathlib import Path


# The modules of `examples/` import one another by name, as scripts do.
sys.path.append(str(Path(__file__).parents[2] / "examples"))
