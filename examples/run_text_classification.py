# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to classify texts or pairs of texts, or to predict a value for them.

    python examples/run_text_classification.py --model_name_or_path elmo --file_format lines \
        --train_file stsa.fine.train --validation_file stsa.fine.dev --test_file stsa.fine.test \
        --do_train --do_predict --output_dir runs/sst

    python examples/run_text_classification.py --model_name_or_path elmo --file_format tsv \
        --train_file SICK_train.txt --validation_file SICK_trial.txt --test_file SICK_test_annotated.txt \
        --text_column sentence_A --text_pair_column sentence_B --label_column relatedness_score --regression true \
        --elmo_at both --do_train --do_predict --output_dir runs/sick

Any model of `AutoModelForSequenceClassification` will do. An ELMo has two task models, for texts and for pairs:
`--text_pair_column` selects the one for pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset, exceptions, load_dataset
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, EvalPrediction, set_seed
from transformers.hf_argparser import HfArg

from arguments import FineTuningArguments, LabelledDataArguments, ModelArguments, parse_arguments, reports_errors
from data_splits import check_labels, label_fields, label_names, load_splits, text_lines
from fine_tuning import (
    find_checkpoint,
    load_config,
    load_model,
    make_trainer,
    max_length_of,
    save_results,
    train_and_evaluate,
)


# What a file's name says about its format.
FORMATS = {".csv": "csv", ".tsv": "tsv", ".json": "jsonl", ".jsonl": "jsonl"}


@dataclass
class TextArguments(LabelledDataArguments):
    """Which files to read, their format, and what the labels are."""

    file_format: Literal["csv", "tsv", "jsonl", "lines"] | None = HfArg(
        default=None, help="By default that of the file's extension; 'lines' have a label, a space and a text each."
    )
    text_column: str = HfArg(default="text", help="The column of the texts.")
    text_pair_column: str | None = HfArg(default=None, help="The column of the second texts of pairs.")
    label_column: str = HfArg(default="label", help="The column of the labels.")
    regression: bool = HfArg(default=False, help="Whether labels are numbers to predict.")
    is_split_into_words: bool | None = HfArg(
        default=None, help="Whether the words of the texts are separated by spaces. By default only in 'lines'."
    )
    cache_dir: str | None = HfArg(default=None, help="Cache folder of the `datasets` library.")

    @property
    def has_words(self) -> bool:
        """Whether spaces separate the words of the texts."""
        return self.file_format == "lines" if self.is_split_into_words is None else self.is_split_into_words


def read_texts(path: str, data: TextArguments) -> Dataset:
    """Reads a file into the columns `text`, `text_pair` (pairs only) and `label`, all of them strings."""
    name, file_format = Path(path).name, data.file_format or FORMATS.get(Path(path).suffix)
    if file_format is None:
        raise ValueError(f"{name}: pass --file_format csv, tsv, jsonl or lines")
    if file_format == "lines" and data.text_pair_column is not None:
        raise ValueError("text_pair_column: files of the format 'lines' have no pairs")
    if not Path(path).stat().st_size:
        raise ValueError(f"{name}: expected rows, found an empty file")
    if file_format == "lines":
        return read_lines(path, data.encoding)
    # Words such as "None" and "NA" are words. In TSV, quotation marks are ordinary characters.
    options: dict[str, Any] = {} if file_format == "jsonl" else {"keep_default_na": False}
    options |= {"sep": "\t", "quoting": 3} if file_format == "tsv" else {}
    options |= {"data_files": path, "encoding": data.encoding, "cache_dir": data.cache_dir}
    try:
        table = load_dataset("json" if file_format == "jsonl" else "csv", split="train", **options)
    except (exceptions.DatasetGenerationError, LookupError) as error:
        raise ValueError(f"{name}: not a readable {file_format} file: {error.__cause__ or error}") from error
    columns = {"text_column": data.text_column, "label_column": data.label_column}
    columns |= {} if data.text_pair_column is None else {"text_pair_column": data.text_pair_column}
    for argument, column in columns.items():
        if column not in table.column_names:
            raise ValueError(f"{argument}: expected one of {', '.join(table.column_names)} of {name}, found {column!r}")
    rows = [{argument.removesuffix("_column"): row[column] for argument, column in columns.items()} for row in table]
    for number, row in enumerate(rows, start=1):
        for part, value in row.items():
            if value in (None, ""):
                raise ValueError(f"{name}: row {number}: {part}_column is empty")
    return Dataset.from_list([{part: str(value) for part, value in row.items()} for row in rows])


def read_lines(path: str, encoding: str) -> Dataset:
    """Reads a file with a label, a space and a text on each line, as the Stanford Sentiment Treebank has them."""
    rows = []
    for where, line in text_lines(path, encoding):
        label, _, text = line.partition(" ")
        if line.strip():
            if not label or not text.strip():
                raise ValueError(f"{where}: expected a label, a space and a text: {line[:60]!r}")
            rows.append({"text": text.strip(), "label": label})
    return Dataset.from_list(rows)


def label_targets(part: str, rows: Dataset, names: Sequence[str] | None) -> list[Any]:
    """Returns the ids of labels, or the numbers that they are if `names` is `None`."""
    labels = list(rows["label"]) if len(rows) else []
    if names is not None:
        check_labels({part: labels}, names)
        return [names.index(label) for label in labels]
    for number, label in enumerate(labels, start=1):
        try:
            is_number = math.isfinite(float(label))
        except ValueError:
            is_number = False
        if not is_number:
            raise ValueError(f"{part} data, example {number}: expected a number as the label, found {label!r}")
    return [float(label) for label in labels]


def classification_metrics(gold: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Scores logits `(texts, labels)`: `accuracy`, and `macro_f1`, the mean over the labels that occur."""
    predicted = logits.argmax(axis=-1)
    macro_f1 = f1_score(gold, predicted, average="macro", zero_division=0)
    return {"accuracy": float(np.mean(predicted == gold)), "macro_f1": float(macro_f1)}


def regression_metrics(gold: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Scores values: `pearson` and `spearman` correlation (0 if one side is constant), and `mse`."""
    scores = {"mse": float(np.mean((gold - predicted) ** 2))}
    is_constant = len(gold) < 2 or np.ptp(gold) == 0 or np.ptp(predicted) == 0
    for name, correlation in (("pearson", pearsonr), ("spearman", spearmanr)):
        scores[name] = 0.0 if is_constant else float(correlation(gold, predicted).statistic)
    return scores


def split_texts(row: dict[str, str], data: TextArguments) -> list[Any]:
    """Returns the text or the pair of a row, split into words if spaces separate them."""
    texts = [row[part] for part in ("text", "text_pair") if part in row]
    return [text.split() for text in texts] if data.has_words else texts


def tokenize(rows: Dataset, labels: Sequence[int | float], tokenizer: Any, data: TextArguments) -> list[dict[str, Any]]:
    """Returns the tokens of texts or pairs, with their labels."""
    max_length = max_length_of(tokenizer, data.max_seq_length)
    options = {"is_split_into_words": data.has_words, "truncation": max_length is not None, "max_length": max_length}
    # A list, since reading character ids from an Arrow table takes longer than tokenizing the texts again.
    return [{**tokenizer(*split_texts(row, data), **options), "label": label} for row, label in zip(rows, labels)]


def write_predictions(path: Path, rows: Dataset, predictions: np.ndarray, names: Sequence[str] | None) -> None:
    """Writes the label and the prediction for each text, in the order of the file."""
    if names is None:
        predicted = [f"{value:.4f}" for value in predictions.reshape(-1)]
    else:
        predicted = [names[id] for id in predictions.argmax(axis=-1)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("label\tprediction\n")
        file.writelines(f"{label}\t{prediction}\n" for label, prediction in zip(rows["label"], predicted))


ARGUMENTS = (ModelArguments, TextArguments, FineTuningArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the given arguments or those of the command line. Returns its results."""
    model_arguments, data, training = parse_arguments(ARGUMENTS, arguments)
    checkpoint = find_checkpoint(training)
    splits, whole = load_splits(data, training, lambda path: read_texts(path, data))
    if data.regression:
        names, fields = None, {"num_labels": 1, "problem_type": "regression"}
    else:
        found = label_names(whole["label"]) if training.do_train else load_config(model_arguments).id2label.values()
        names = list(data.label_list if training.do_train and data.label_list else found)
        fields = {**label_fields(names), "problem_type": "single_label_classification"}
    targets = {name: label_targets(name, part, names) for name, part in splits.items()}

    set_seed(training.seed)
    tokenizer, model, new_weights, counts = load_model(
        AutoModelForSequenceClassification,
        model_arguments,
        is_new=training.do_train,
        fields=fields,
        texts=(text for part in splits.values() for row in part for text in split_texts(row, data)),
        elmo_fields={"num_segments": 1 if data.text_pair_column is None else 2},
    )
    if data.regression and training.do_train and "classifier.output.bias" in new_weights:
        # The new head of an ELMo starts at the mean, which it would otherwise take an epoch to find.
        torch.nn.init.constant_(model.classifier.output.bias, float(np.mean(targets["train"])))
    features = {name: tokenize(part, targets[name], tokenizer, data) for name, part in splits.items()}

    def compute_metrics(output: EvalPrediction) -> dict[str, float]:
        if data.regression:
            return regression_metrics(output.label_ids.reshape(-1), output.predictions.reshape(-1))
        return classification_metrics(output.label_ids, output.predictions)

    trainer = make_trainer(
        model,
        training,
        "pearson" if data.regression else "accuracy",
        train_dataset=features["train"],
        eval_dataset=features["validation"],
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
    results = counts | train_and_evaluate(trainer, checkpoint, len(splits["train"]))
    if training.do_predict:
        output = trainer.predict(features["test"], metric_key_prefix="test")
        results |= output.metrics
        if trainer.is_world_process_zero():
            write_predictions(Path(training.output_dir, "predictions.tsv"), splits["test"], output.predictions, names)
    save_results(trainer, results)
    return results


if __name__ == "__main__":
    main()
