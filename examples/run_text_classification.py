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

Files are tables (CSV, TSV, JSON, Parquet, `datasets`) or lines with a label and a text, fastText's too. If a text has
several labels, or none, the model predicts any number of labels for each.

Any model of `AutoModelForSequenceClassification` will do. An ELMo has two task models, for texts and for pairs:
`--text_pair_column` selects the one for pairs.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, EvalPrediction, set_seed
from transformers.trainer_utils import PredictionOutput

from arguments import FineTuningArguments, ModelArguments, parse_arguments, reports_errors
from data_splits import check_labels, is_number, label_fields, label_names, load_splits
from fine_tuning import (
    find_checkpoint,
    load_config,
    load_model,
    make_trainer,
    max_length_of,
    run_trainer,
)
from labelled_texts import TextArguments, label_text, read_texts


MULTI_LABEL = "multi_label_classification"


def label_targets(part: str, rows: Dataset, names: Sequence[str] | None, is_multi: bool = False) -> list[Any]:
    """Returns the ids of labels, the targets of all labels if `is_multi`, or numbers if `names` is `None`."""
    labels = list(rows["label"]) if len(rows) else []
    if names is not None:
        lists = [label if isinstance(label, list) else [label] for label in labels]
        ids = {label_text(name): id for id, name in enumerate(names)}
        check_labels({part: itertools.chain.from_iterable(lists)}, list(ids))
        if is_multi:
            return [[float(id in map(ids.get, own)) for id in range(len(names))] for own in lists]
        for number, own in enumerate(lists, start=1):
            if len(own) != 1:
                raise ValueError(f"{part} data, example {number}: expected one label, found {own}; the model has one")
        return [ids[label] for (label,) in lists]
    for number, label in enumerate(labels, start=1):
        if not is_number(label):
            raise ValueError(f"{part} data, example {number}: expected a number as the label, found {label!r}")
    return [float(label) for label in labels]


def classification_metrics(gold: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Scores logits `(texts, labels)`: `accuracy`, and `macro_f1`, the mean over the labels that occur."""
    predicted = logits.argmax(axis=-1)
    macro_f1 = f1_score(gold, predicted, average="macro", zero_division=0)
    return {"accuracy": float(np.mean(predicted == gold)), "macro_f1": float(macro_f1)}


def multi_label_metrics(gold: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Scores logits `(texts, labels)`, of which those above 0 are predicted: F1 over all labels, and exact matches."""
    predicted = logits > 0
    scores = {
        f"{kind}_f1": float(f1_score(gold, predicted, average=kind, zero_division=0)) for kind in ("micro", "macro")
    }
    return {**scores, "exact_match": float(np.mean((predicted == gold).all(axis=-1)))}


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


def write_predictions(
    path: Path, rows: Dataset, predictions: np.ndarray, names: Sequence[str] | None, is_multi: bool
) -> None:
    """Writes the label and the prediction for each text, in the order of the file; several are joined by commas."""
    if names is None:
        predicted = [f"{value:.4f}" for value in predictions.reshape(-1)]
    elif is_multi:
        predicted = [",".join(name for name, value in zip(names, row) if value > 0) for row in predictions]
    else:
        predicted = [names[id] for id in predictions.argmax(axis=-1)]
    labels = [",".join(label) if isinstance(label, list) else label for label in rows["label"]]
    with open(path, "w", encoding="utf-8") as file:
        file.write("label\tprediction\n")
        file.writelines(f"{label}\t{prediction}\n" for label, prediction in zip(labels, predicted))


ARGUMENTS = (ModelArguments, TextArguments, FineTuningArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the given arguments or those of the command line. Returns its results."""
    model_arguments, data, training = parse_arguments(ARGUMENTS, arguments)
    checkpoint = find_checkpoint(training)
    splits, whole = load_splits(data, training, lambda path: read_texts(path, data))
    names, is_multi = None, False
    fields: dict[str, Any] = {"num_labels": 1, "problem_type": "regression"}
    if not data.regression:
        if training.do_train:
            is_multi = any(isinstance(label, list) for label in whole["label"])
            found = label_names(label for row in whole["label"] for label in (row if is_multi else [row]))
            names = [label_text(label) for label in data.label_list] or found
        else:
            config = load_config(model_arguments)
            names, is_multi = list(config.id2label.values()), config.problem_type == MULTI_LABEL
        fields = {**label_fields(names), "problem_type": MULTI_LABEL if is_multi else "single_label_classification"}
    targets = {name: label_targets(name, part, names, is_multi) for name, part in splits.items()}

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
        metrics = multi_label_metrics if is_multi else classification_metrics
        return metrics(output.label_ids, output.predictions)

    def write(output: PredictionOutput) -> None:
        path = Path(training.output_dir, "predictions.tsv")
        write_predictions(path, splits["test"], output.predictions, names, is_multi)

    trainer = make_trainer(
        model,
        training,
        "pearson" if data.regression else "micro_f1" if is_multi else "accuracy",
        train_dataset=features["train"],
        eval_dataset=features["validation"],
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
    return run_trainer(trainer, checkpoint, len(splits["train"]), counts, features["test"], write)


if __name__ == "__main__":
    main()
