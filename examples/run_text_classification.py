# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to classify texts or pairs of texts, or to give them a number.

    python examples/run_text_classification.py --model_name_or_path elmo --file_format lines \
        --train_file stsa.fine.train --validation_file stsa.fine.dev --test_file stsa.fine.test \
        --do_train --do_predict --output_dir runs/sst

    python examples/run_text_classification.py --model_name_or_path elmo --file_format tsv \
        --train_file SICK_train.txt --validation_file SICK_trial.txt --test_file SICK_test_annotated.txt \
        --text_column sentence_A --text_pair_column sentence_B --label_column relatedness_score --regression true \
        --elmo_at both --do_train --do_predict --output_dir runs/sick

Any model of `AutoModelForSequenceClassification` will do. The one idea: whether there are pairs is said by the columns
that are named, and decides which of its two task models an ELMo gets.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, EvalPrediction

from data_files import TABLE_FORMATS, InputError, LabelledText, read_labelled_lines, read_table, reports_input_errors
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


@dataclass
class TextArguments(LabelledDataArguments):
    """Which files, what they look like inside, and what the labels are."""

    file_format: Literal["csv", "tsv", "jsonl", "lines"] | None = field(
        default=None,
        metadata={"help": "By default as the name of the file ends; 'lines' have a label, a space and a text each."},
    )
    text_column: str = field(default="text", metadata={"help": "The column of the texts."})
    text_pair_column: str | None = field(default=None, metadata={"help": "The column of the second texts of pairs."})
    label_column: str = field(default="label", metadata={"help": "The column of the labels."})
    regression: bool = field(default=False, metadata={"help": "Whether labels are numbers to come close to."})
    is_split_into_words: bool | None = field(
        default=None,
        metadata={"help": "Whether spaces separate the words of the texts. By default in 'lines' only."},
    )
    cache_dir: str | None = field(default=None, metadata={"help": "Where datasets keeps what it has read."})

    def read(self, path: str) -> list[LabelledText]:
        """Reads one of the files."""
        file_format = self.format_of(path)
        if file_format == "lines":
            if self.text_pair_column is not None:
                raise InputError("text_pair_column: a file of the format 'lines' has no pairs, found a column for them")
            return read_labelled_lines(path, self.encoding)
        columns = (self.text_column, self.text_pair_column, self.label_column)
        return read_table(path, file_format, *columns, encoding=self.encoding, cache_dir=self.cache_dir)

    def format_of(self, path: str) -> str:
        file_format = self.file_format or TABLE_FORMATS.get(Path(path).suffix)
        if file_format is None:
            raise InputError(f"file_format: expected csv, tsv, jsonl or lines for {Path(path).name}, found none")
        return file_format

    @property
    def has_words(self) -> bool:
        return self.file_format == "lines" if self.is_split_into_words is None else self.is_split_into_words


def classification_metrics(gold: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Scores logits `(texts, labels)`: `accuracy`, and `macro_f1`, the mean over the labels that occur."""
    predicted = logits.argmax(axis=-1)
    return {
        "accuracy": float(np.mean(predicted == gold)),
        "macro_f1": float(f1_score(gold, predicted, average="macro", zero_division=0)),
    }


def regression_metrics(gold: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Scores numbers: `pearson` and `spearman` correlation (0 where one side is constant), and `mse`."""
    scores = {"mse": float(np.mean((gold - predicted) ** 2))}
    is_constant = len(gold) < 2 or np.ptp(gold) == 0 or np.ptp(predicted) == 0
    for name, correlation in (("pearson", pearsonr), ("spearman", spearmanr)):
        scores[name] = 0.0 if is_constant else float(correlation(gold, predicted).statistic)
    return scores


class TextClassification:
    """What examples, features and metrics of a classification or a regression are."""

    def __init__(self, arguments: TextArguments, names: Sequence[str] | None):
        # No names: the labels are numbers.
        self.arguments, self.names = arguments, None if names is None else list(names)
        self.ids = {name: id for id, name in enumerate(names or ())}

    def task(self) -> Task:
        if self.names is None:
            config_fields = {"num_labels": 1, "problem_type": "regression"}
        else:
            config_fields = {**label_fields(self.names), "problem_type": "single_label_classification"}
        return Task(
            auto_class=AutoModelForSequenceClassification,
            metric="pearson" if self.names is None else "accuracy",
            config_fields=config_fields,
            elmo_fields={"num_segments": 1 if self.arguments.text_pair_column is None else 2},
            features=self.features,
            collator=DataCollatorWithPadding,
            metrics=lambda examples, features: self.compute_metrics,
            write_predictions=self.write_predictions,
            words=self.words,
            begin=self.begin if self.names is None else None,
        )

    def begin(self, model: Any, new_weights: set[str], examples: list[LabelledText]) -> None:
        """Lets the new head of an ELMo say the mean of the training data, which the first epoch would go into finding.

        A model of which every weight is pretrained is left as its authors begin it.
        """
        if model.config.model_type == "elmo" and "classifier.output.bias" in new_weights:
            mean = float(np.mean([self._label(example) for example in examples]))
            torch.nn.init.constant_(model.classifier.output.bias, mean)

    def features(self, examples: list[LabelledText], tokenizer: Any, is_training: bool) -> list[dict[str, Any]]:
        """Tokens of texts or pairs, with their labels."""
        max_length = max_length_of(tokenizer, self.arguments.max_seq_length)
        features = []
        for example in examples:
            texts = [text for text in (example.text, example.text_pair) if text is not None]
            if self.arguments.has_words:
                texts = [text.split() for text in texts]
            encoded = tokenizer(
                *texts,
                is_split_into_words=self.arguments.has_words,
                truncation=max_length is not None,
                max_length=max_length,
            )
            features.append({**encoded, "label": self._label(example)})
        return features

    def _label(self, example: LabelledText) -> int | float:
        if self.names is not None:
            return label_id(self.ids, example.label, example.place)
        try:
            number = float(example.label)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{example.place}: expected a number as the label, found {example.label!r}")
        return number

    def compute_metrics(self, output: EvalPrediction) -> dict[str, float]:
        if self.names is None:
            return regression_metrics(output.label_ids.reshape(-1), output.predictions.reshape(-1))
        return classification_metrics(output.label_ids, output.predictions)

    def write_predictions(
        self, examples: list[LabelledText], features: list[dict[str, Any]], output: Any, directory: Path
    ) -> None:
        """Writes `predictions.tsv`: label and prediction of each text, in the order of the file."""
        if self.names is None:
            predicted = [f"{number:.4f}" for number in output.predictions.reshape(-1)]
        else:
            predicted = [self.names[id] for id in output.predictions.argmax(axis=-1)]
        with open(directory / "predictions.tsv", "w", encoding="utf-8") as file:
            file.write("label\tprediction\n")
            file.writelines(f"{example.label}\t{name}\n" for example, name in zip(examples, predicted))

    def words(self, examples: list[LabelledText], tokenizer: Any) -> Iterable[str]:
        """Yields the words of the texts, as the tokenizer cuts them."""
        for example in examples:
            for text in (example.text, example.text_pair or ""):
                if self.arguments.has_words:
                    yield from text.split()
                else:
                    pieces = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
                    yield from (piece for piece, _ in pieces)


ARGUMENTS = (ModelArguments, TextArguments, FineTuningArguments)


@reports_input_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the arguments of the command line, or those given. Returns its results."""
    model, data, training = parse_arguments(ARGUMENTS, arguments)
    splits, everything = read_splits(data, training, data.read)
    names = None
    if not data.regression:
        is_new = training.do_train
        names = data.labels(each.label for each in everything) if is_new else load_config(model).id2label.values()
    return run_experiment(TextClassification(data, names).task(), model, data, training, splits)


if __name__ == "__main__":
    print_results(main())
