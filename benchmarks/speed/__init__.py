# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Speed and memory. Each benchmark checks results before it times them: `python -m benchmarks.speed.inference`.

| File | Content |
| --- | --- |
| `inference.py` | from character ids to ELMo vectors |
| `training.py` | fine-tuning steps |
| `pretraining.py` | steps of `elmo pretrain` |
| `tokenization.py` | from words or text to character ids |
| `embedding.py` | from a text file to files of vectors |
| `growth.py` | the time of a word as one size grows |
| `beside_bert.py` | what a word costs an ELMo and a BERT |
| `loading.py` | from files to the first sentence |
| `onnx.py` | ONNX Runtime against torch |
| `full_size_model.py` | the model that is measured, and the operations that it needs |
| `sentences.py` | the sentences that it reads |
| `correctness.py` | checks of the results |
| `allennlp_elmo.py` | AllenNLP's ELMo, for comparison |
| `roofline.py` | the least time that a batch can take on this machine |
| `measurement.py` | medians, memory |
| `report.py` | options, tables and the JSON line of every benchmark |
"""
