# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Small data sets for every task model, tokenized as a user would, and models small enough to memorize them."""

import random
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    DataCollatorForMultipleChoice,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
)

from modeling_elmo import (
    ElmoConfig,
    ElmoForCoreferenceResolution,
    ElmoForMultipleChoice,
    ElmoForQuestionAnswering,
    ElmoForSemanticRoleLabeling,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoTokenizer,
)
from modeling_elmo.fine_tuning import DocumentCollator, encode_document


VOCABULARY = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]
TOKENIZER = ElmoTokenizer(vocab=VOCABULARY)

SIZES = {
    "cell_size": 24,
    "projection_size": 12,
    "character_embedding_size": 8,
    "character_filters": [[1, 16], [2, 16]],
    "num_highway_layers": 1,
    "representation_dropout": 0.0,
    "task_dropout": 0.0,
    "task_lstm_size": 16,
    "vocab_size": len(TOKENIZER),
}

BIO = {0: "O", 1: "B-X", 2: "I-X"}
ROLES = {0: "_", 1: "ARG0", 2: "ARG1"}


@dataclass(frozen=True)
class Head:
    """A task: its model, its config, and random examples."""

    model_class: type
    auto_class: Any
    fields: dict[str, Any]
    collator_class: type = DataCollatorWithPadding

    def config(self, **kwargs: Any) -> ElmoConfig:
        return ElmoConfig(**{**SIZES, **self.fields, **kwargs})

    def model(self, **kwargs: Any) -> Any:
        return self.model_class(self.config(**kwargs))

    def collate(self, examples: list[dict[str, Any]], tokenizer: ElmoTokenizer = TOKENIZER) -> dict[str, torch.Tensor]:
        # Copies, because the multiple-choice collator of transformers 5.20 removes the labels from the examples.
        return dict(self.collator_class(tokenizer)([dict(example) for example in examples]))

    def examples(self, num_examples: int, seed: int = 0) -> list[dict[str, Any]]:
        """Returns sentences of random words with random labels, which can only be memorized."""
        rng = random.Random(seed)
        return [self._example(rng) for _ in range(num_examples)]

    def _example(self, rng: random.Random) -> dict[str, Any]:
        if self.model_class is ElmoForMultipleChoice:
            prompt, choices = sentence(rng), [sentence(rng) for _ in range(3)]
            encoded = TOKENIZER([prompt] * 3, choices, is_split_into_words=True)
            return {**encoded, "label": rng.randrange(3)}
        if self.model_class is ElmoForCoreferenceResolution:
            sentences = [sentence(rng) for _ in range(rng.choice([1, 2, 3]))]
            words = list(range(sum(map(len, sentences))))
            rng.shuffle(words)
            size = len(words) // 3
            clusters = [[(word, word) for word in cluster] for cluster in (words[:size], words[size : 2 * size])]
            return encode_document(TOKENIZER, sentences, clusters)
        is_pair = self.fields.get("num_segments") == 2 or self.model_class is ElmoForQuestionAnswering
        first, second = sentence(rng), sentence(rng)
        encoded = dict(TOKENIZER(first, second if is_pair else None, is_split_into_words=True))
        if self.model_class is ElmoForTokenClassification:
            labels, before = [], 0
            for _ in first:
                before = rng.choice([0, 1] if before == 0 else [0, 1, 2])
                labels.append(before)
            return {**encoded, "labels": [-100, *labels, -100]}
        if self.model_class is ElmoForSemanticRoleLabeling:
            predicate = rng.randrange(len(first))
            # Each side of the predicate has a role of its own, which other words of the side lack at random.
            labels = [0 if at == predicate else rng.choice([0, 1 + (at > predicate)]) for at in range(len(first))]
            return {**encoded, "labels": [-100, *labels, -100], "predicate_index": predicate}
        if self.model_class is ElmoForQuestionAnswering:
            offset = len(first) + 3
            start = rng.randrange(len(second))
            end = rng.randrange(start, min(start + 3, len(second)))
            return {**encoded, "start_positions": offset + start, "end_positions": offset + end}
        problem = self.fields["problem_type"]
        if problem == "single_label_classification":
            return {**encoded, "label": rng.randrange(3)}
        if problem == "multi_label_classification":
            return {**encoded, "label": [float(rng.random() < 0.5) for _ in range(3)]}
        return {**encoded, "label": rng.uniform(-1, 1)}


def sentence(rng: random.Random) -> list[str]:
    """Returns known and unknown words. The first is long enough to make the sentence unique."""

    def word(length: int) -> str:
        return "".join(rng.choice("abcdefghij") for _ in range(length))

    words = [rng.choice([*VOCABULARY[3:], word(1), word(3), word(6)]) for _ in range(rng.choice([0, 1, 2, 3, 4, 6]))]
    return [word(5), *words]


TAGGING = (ElmoForTokenClassification, AutoModelForTokenClassification)
CLASSIFICATION = (ElmoForSequenceClassification, AutoModelForSequenceClassification)
SINGLE, MULTI = "single_label_classification", "multi_label_classification"

HEADS = {
    "tagging": Head(*TAGGING, {"id2label": BIO}, DataCollatorForTokenClassification),
    "tagging_crf": Head(
        *TAGGING, {"id2label": BIO, "use_crf": True, "label_scheme": "BIO"}, DataCollatorForTokenClassification
    ),
    "single_label": Head(*CLASSIFICATION, {"num_labels": 3, "problem_type": SINGLE}),
    "multi_label": Head(*CLASSIFICATION, {"num_labels": 3, "problem_type": MULTI}),
    "regression": Head(*CLASSIFICATION, {"num_labels": 1, "problem_type": "regression"}),
    "pairs": Head(
        *CLASSIFICATION,
        {"num_labels": 3, "problem_type": SINGLE, "num_segments": 2, "elmo_at_output": True, "word_vector_size": 4},
    ),
    "question_answering": Head(ElmoForQuestionAnswering, AutoModelForQuestionAnswering, {"elmo_at_output": True}),
    "roles": Head(
        ElmoForSemanticRoleLabeling,
        ElmoForSemanticRoleLabeling,
        {"id2label": ROLES},
        DataCollatorForTokenClassification,
    ),
    "coreference": Head(ElmoForCoreferenceResolution, ElmoForCoreferenceResolution, {}, DocumentCollator),
    "multiple_choice": Head(ElmoForMultipleChoice, AutoModelForMultipleChoice, {}, DataCollatorForMultipleChoice),
}


def randomized(model: Any) -> Any:
    """Sets weights large enough for any error to be visible."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in sorted(model.named_parameters()):
        parameter.data = 0.4 * torch.randn(parameter.shape, generator=generator)
        if name.endswith("character_embedding.weight"):
            parameter.data[0] = 0
    for parameter in model.parameters():
        assert torch.isfinite(parameter).all()
    model.elmo.apply_freeze()
    model.apply_freeze()
    return model


def logits_of(output: Any) -> list[torch.Tensor]:
    return [output[name] for name in ("logits", "start_logits", "end_logits") if name in output]
