# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to label words: named entities, chunks, parts of speech, from files of CoNLL columns.

    python examples/run_token_classification.py --model_name_or_path elmo --train_file wnut17train.conll \
        --validation_file emerging.dev.conll --test_file emerging.test.annotated --use_crf true --label_scheme BIO \
        --do_train --do_predict --output_dir runs/wnut17

Any model of `AutoModelForTokenClassification` will do. The one idea: a word is labelled where its first token is, so
that a model that splits words (BERT) and one that does not (ELMo) are scored on the same words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification, EvalPrediction
from transformers.utils import logging

from data_files import InputError, LabelledWords, read_columns, reports_input_errors
from experiment import (
    FineTuningArguments,
    LabelledDataArguments,
    ModelArguments,
    Task,
    label_fields,
    label_id,
    load_config,
    max_length_of,
    parse_arguments,
    print_results,
    read_splits,
    run_experiment,
)
from modeling_elmo.model.crf import MARKS as MARKS_OF_SCHEMES


logger = logging.get_logger(f"transformers.{__name__}")

# Labels that are skipped, by models and metrics alike.
IGNORED = -100

# Labels with these first letters mark the words of entities: B-PER, I-PER, O.
MARKS = MARKS_OF_SCHEMES["BIOES"]


@dataclass
class TaggingModelArguments(ModelArguments):
    """Which model; for an ELMo, whether labels are scored together."""

    use_crf: bool | None = field(default=None, metadata={"help": "ELMo: a conditional random field over the labels."})
    label_scheme: Literal["BIO", "BIOES"] | None = field(
        default=None, metadata={"help": "ELMo with use_crf: the scheme that decoded labels must follow."}
    )


@dataclass
class ColumnArguments(LabelledDataArguments):
    """Which files, and which of their columns."""

    word_column: int = field(default=0, metadata={"help": "The column of the words, from 0; negative from the end."})
    label_column: int = field(default=-1, metadata={"help": "The column of the labels."})


def are_entities(names: Iterable[str]) -> bool:
    """Whether labels mark the words of entities, in a scheme such as BIO, and are not one class per word."""
    kinds = [name for name in names if name != "O"]
    return bool(kinds) and all(name[:2] in {f"{mark}-" for mark in MARKS if mark != "O"} for name in kinds)


def with_insides(labels: Iterable[str]) -> set[str]:
    """Returns labels, of BIO with an I-X for each B-X: the training data may have no long entity of a kind (as those of
    CoNLL-2000 have no I-LST, which its test data have)."""
    labels = set(labels)
    are_bio = all(label[:2] in ("B-", "I-") for label in labels - {"O"})
    return labels | {f"I{label[1:]}" for label in labels if label[0] == "B"} if are_bio else labels


def in_common_marks(labels: list[list[str]]) -> list[list[str]]:
    """Returns labels of BILOU and BMES as those of BIOES, which is what entities are counted by."""
    return [[MARKS.get(label[0], label[0]) + label[1:] for label in sentence] for sentence in labels]


def tagging_metrics(gold: list[list[str]], predicted: list[list[str]], names: Sequence[str]) -> dict[str, float]:
    """Scores labels.

    Args:
        gold (`list[list[str]]`): The right labels, sentence by sentence.
        predicted (`list[list[str]]`): As many predicted ones.
        names (`Sequence[str]`): All labels there are.

    Returns:
        `accuracy`, of words; where labels mark entities, also `precision`, `recall` and `f1` of entities as CoNLL's
        `conlleval` counts them, and `f1_` of each type.
    """
    right = [one == other for pair in zip(gold, predicted) for one, other in zip(*pair)]
    scores = {"accuracy": float(np.mean(right)) if right else 0.0}
    if are_entities(names):
        named = in_common_marks(gold), in_common_marks(predicted)
        scores |= {"precision": 0.0, "recall": 0.0, "f1": 0.0}
        # Of no entities at all, seqeval's averages are means of nothing.
        if any(get_entities(labels) for labels in named):
            report = classification_report(*named, output_dict=True, zero_division=0)
            total = report["micro avg"]
            scores |= {"precision": total["precision"], "recall": total["recall"], "f1": total["f1-score"]}
            types = {name: value for name, value in report.items() if not name.endswith(" avg")}
            scores |= {f"f1_{name}": value["f1-score"] for name, value in types.items()}
            scores = {name: float(value) for name, value in scores.items()}
    return scores


class Tagging:
    """What examples, features and metrics of tagging are, for the labels of one data set."""

    def __init__(self, names: Sequence[str], max_seq_length: int | None):
        self.names, self.max_seq_length = list(names), max_seq_length
        self.ids = {name: id for id, name in enumerate(names)}

    def task(self, elmo_fields: dict[str, Any]) -> Task:
        return Task(
            auto_class=AutoModelForTokenClassification,
            metric="f1" if are_entities(self.names) else "accuracy",
            config_fields=label_fields(self.names),
            elmo_fields=elmo_fields,
            features=self.features,
            collator=DataCollatorForTokenClassification,
            metrics=lambda examples, features: self.compute_metrics,
            write_predictions=self.write_predictions,
            words=lambda examples, tokenizer: (word for example in examples for word in example.words),
            reduce_logits=lambda logits, labels: logits.argmax(dim=-1),
        )

    def features(self, examples: list[LabelledWords], tokenizer: Any, is_training: bool) -> list[dict[str, Any]]:
        """Tokens of sentences, with the label of each word at its first token."""
        max_length = max_length_of(tokenizer, self.max_seq_length)
        features, num_lost = [], 0
        for example in examples:
            encoded = tokenizer(
                example.words, is_split_into_words=True, truncation=max_length is not None, max_length=max_length
            )
            first_tokens = {
                word: token for token, word in reversed([*enumerate(encoded.word_ids())]) if word is not None
            }
            labels = [IGNORED] * len(encoded["input_ids"])
            scored_words = sorted(first_tokens)
            for word in scored_words:
                labels[first_tokens[word]] = label_id(self.ids, example.labels[word], example.places[word])
            num_lost += len(example.words) - len(scored_words)
            # The collator leaves out what the model does not read.
            features.append({**encoded, "labels": labels, "scored_words": scored_words})
        if num_lost:
            logger.warning(
                f"{num_lost} words have no token (cut off, or unknown to the tokenizer): they are not scored."
            )
        return features

    def compute_metrics(self, output: EvalPrediction) -> dict[str, float]:
        """Scores label ids `(sentences, tokens)`, padded with -100."""
        gold, predicted = self._names_of(output.label_ids, output.predictions)
        return tagging_metrics(gold, predicted, self.names)

    def _names_of(self, labels: Any, predictions: Any) -> tuple[list[list[str]], list[list[str]]]:
        gold, predicted = [], []
        for label_row, prediction_row in zip(np.asarray(labels), np.asarray(predictions)):
            is_word = label_row != IGNORED
            gold.append([self.names[id] for id in label_row[is_word]])
            predicted.append([self.names[id] for id in prediction_row[is_word]])
        return gold, predicted

    def write_predictions(
        self, examples: list[LabelledWords], features: list[dict[str, Any]], output: Any, directory: Path
    ) -> None:
        """Writes `predictions.txt`: word, label and predicted label, as `conlleval` reads them; `O` where there is
        none, or else the first label."""
        _, predicted = self._names_of(output.label_ids, output.predictions)
        none = "O" if "O" in self.ids else self.names[0]
        with open(directory / "predictions.txt", "w", encoding="utf-8") as file:
            for example, feature, names in zip(examples, features, predicted):
                by_word = dict(zip(feature["scored_words"], names))
                for index, (word, label) in enumerate(zip(example.words, example.labels)):
                    file.write(f"{word}\t{label}\t{by_word.get(index, none)}\n")
                file.write("\n")


ARGUMENTS = (TaggingModelArguments, ColumnArguments, FineTuningArguments)


@reports_input_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the arguments of the command line, or those given. Returns its results."""
    model, data, training = parse_arguments(ARGUMENTS, arguments)
    splits, everything = read_splits(
        data, training, lambda path: read_columns(path, data.word_column, data.label_column, data.encoding)
    )
    if training.do_train:
        names = data.labels(with_insides(label for example in everything for label in example.labels))
    else:
        names = list(load_config(model).id2label.values())
    if model.label_scheme is not None and not are_entities(names):
        raise InputError(f"label_scheme: expected labels such as B-X and O, found {', '.join(names[:5])}")
    return run_experiment(Tagging(names, data.max_seq_length).task({}), model, data, training, splits)


if __name__ == "__main__":
    print_results(main())
