# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to label words: named entities, chunks or parts of speech, from CoNLL-U or other columns.

    python examples/run_token_classification.py --model_name_or_path elmo --train_file wnut17train.conll \
        --validation_file emerging.dev.conll --test_file emerging.test.annotated --use_crf true \
        --do_train --do_predict --output_dir runs/wnut17

Any model of `AutoModelForTokenClassification` will do. A word's label is at its first token, so that a model that
splits words (BERT) and one that does not (ELMo) are scored on the same words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification, EvalPrediction, set_seed
from transformers.hf_argparser import HfArg
from transformers.trainer_utils import PredictionOutput
from transformers.utils import logging

from arguments import FineTuningArguments, LabelledDataArguments, ModelArguments, parse_arguments, reports_errors
from data_splits import check_labels, label_fields, label_names, load_splits, text_lines
from fine_tuning import (
    find_checkpoint,
    load_config,
    load_model,
    make_trainer,
    max_length_of,
    run_trainer,
)
from modeling_elmo.files.columns import ColumnFile
from modeling_elmo.fine_tuning.labels import are_entities, find_scheme, labels_in_scheme, with_all_marks
from modeling_elmo.model.label_schemes import MARKS as MARKS_OF_SCHEMES


logger = logging.get_logger(f"transformers.{__name__}")

# The label of tokens that models and metrics skip.
IGNORED = -100

# The first letters of labels such as B-PER, by scheme: those of BILOU and BMES have equivalents in BIOES.
MARKS = MARKS_OF_SCHEMES["BIOES"]


@dataclass
class TaggingModelArguments(ModelArguments):
    """Which model to load; for an ELMo, whether to score labels jointly."""

    use_crf: bool | None = HfArg(default=None, help="ELMo: whether to use a conditional random field over the labels.")
    label_scheme: Literal["IOB1", "BIO", "IOB2", "BIOES", "IOBES", "BILOU"] | None = HfArg(
        default=None,
        help="The scheme that the labels of the files must follow, and decoded labels of an ELMo with use_crf; by "
        "default it is detected. BIO is also called IOB2, BIOES also IOBES. Labels of IOB1 are converted to BIO.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = {"IOB2": "BIO", "IOBES": "BIOES"}
        self.label_scheme = names.get(self.label_scheme or "", self.label_scheme)  # type: ignore[assignment]

    def given_for_elmo(self) -> list[str]:
        """Returns the names of the given arguments that have no meaning for another model."""
        return [name for name in super().given_for_elmo() if name != "label_scheme"]


@dataclass
class ColumnArguments(LabelledDataArguments):
    """Which files to read, and which of their columns."""

    word_column: str | None = HfArg(
        default=None,
        help="The column of the words: its index, counted from 0 or negative from the end, or its name in CoNLL-U. By "
        "default the first one, or the second one if the first one numbers the words.",
    )
    label_column: str | None = HfArg(
        default=None,
        help="The column of the labels. By default the last one, or the one after the words if they are numbered; in "
        "CoNLL-U, UPOS.",
    )


def read_columns(path: str, data: ColumnArguments, scheme: str | None = None) -> Dataset:
    """Reads a file with a word on each line, and checks its labels. See [`ColumnFile`] and [`labels_in_scheme`]."""
    name = Path(path).name
    lines = (line for _, line in text_lines(path, data.encoding))
    file = ColumnFile(lines, name, data.word_column, data.label_column)
    if file.is_numbered:
        logger.warning(f"{name}: words and labels are in the columns {file.describe()}.")
    sentences = list(file)
    if file.column_names and all(label == "_" for sentence in sentences for label in sentence.labels):
        raise ValueError(
            f"{name}: expected labels, found only `_` in the columns {file.describe()}; see --label_column"
        )
    labels = labels_in_scheme(sentences, name, scheme)
    return Dataset.from_list([{"words": each.words, "labels": own} for each, own in zip(sentences, labels)])


def tagging_metrics(gold: list[list[str]], predicted: list[list[str]], names: Sequence[str]) -> dict[str, float]:
    """Scores labels, sentence by sentence.

    Returns:
        `accuracy` of words; if `names`, all the labels, mark entities, also `precision`, `recall` and `f1` of entities
        as CoNLL's `conlleval` counts them, and `f1_` of each type.
    """
    correct = [one == other for pair in zip(gold, predicted) for one, other in zip(*pair)]
    scores = {"accuracy": float(np.mean(correct)) if correct else 0.0}
    if are_entities(names):
        gold, predicted = (
            [[MARKS.get(label[0], label[0]) + label[1:] for label in sentence] for sentence in labels]
            for labels in (gold, predicted)
        )
        scores |= {"precision": 0.0, "recall": 0.0, "f1": 0.0}
        # Without any entity, seqeval would average over nothing.
        if get_entities(gold) or get_entities(predicted):
            report = classification_report(gold, predicted, output_dict=True, zero_division=0)
            total = report["micro avg"]
            scores |= {"precision": total["precision"], "recall": total["recall"], "f1": total["f1-score"]}
            scores |= {f"f1_{name}": report[name]["f1-score"] for name in report if not name.endswith(" avg")}
    return {name: float(value) for name, value in scores.items()}


def tokenize(sentences: Dataset, tokenizer: Any, names: Sequence[str], max_length: int | None) -> list[dict[str, Any]]:
    """Returns the tokens of sentences, with the label id of each word at its first token."""
    ids = {name: id for id, name in enumerate(names)}
    # A list, since reading character ids from an Arrow table takes longer than tokenizing the words again.
    features, num_lost = [], 0
    for sentence in sentences:
        encoded = tokenizer(
            sentence["words"], is_split_into_words=True, truncation=max_length is not None, max_length=max_length
        )
        labels, scored_words = [], []
        for word in encoded.word_ids():
            is_first = word is not None and word not in scored_words[-1:]
            labels.append(ids[sentence["labels"][word]] if is_first else IGNORED)
            scored_words += [word] if is_first else []
        num_lost += len(sentence["words"]) - len(scored_words)
        features.append({**encoded, "labels": labels, "scored_words": scored_words})
    if num_lost:
        logger.warning(f"{num_lost} words have no token (cut off, or unknown to the tokenizer) and are not scored.")
    return features


def decode(ids: np.ndarray, gold_ids: np.ndarray, names: Sequence[str]) -> list[list[str]]:
    """Returns the labels of each sentence, without those of tokens that are skipped."""
    return [[names[id] for id in row[gold != IGNORED]] for row, gold in zip(ids, gold_ids)]


def write_predictions(
    path: Path, sentences: Dataset, features: list[dict[str, Any]], predicted: list[list[str]], names: Sequence[str]
) -> None:
    """Writes word, label and predicted label on each line, as `conlleval` reads them; words that have no prediction
    get `O` or, if there is no such label, the first one."""
    missing = "O" if "O" in names else names[0]
    with open(path, "w", encoding="utf-8") as file:
        for sentence, feature, labels in zip(sentences, features, predicted):
            by_word = dict(zip(feature["scored_words"], labels))
            for index, (word, label) in enumerate(zip(sentence["words"], sentence["labels"])):
                file.write(f"{word}\t{label}\t{by_word.get(index, missing)}\n")
            file.write("\n")


ARGUMENTS = (TaggingModelArguments, ColumnArguments, FineTuningArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the given arguments or those of the command line. Returns its results."""
    model_arguments, data, training = parse_arguments(ARGUMENTS, arguments)
    checkpoint = find_checkpoint(training)
    splits, whole = load_splits(data, training, lambda path: read_columns(path, data, model_arguments.label_scheme))
    config = load_config(model_arguments)
    if training.do_train:
        names = data.label_list or label_names(with_all_marks(label for labels in whole["labels"] for label in labels))
        model_arguments.label_scheme = find_scheme(whole["labels"])
    else:
        names = list(config.id2label.values())
        if model_arguments.label_scheme == "IOB1":
            # That was the scheme of the files. The model has its own.
            model_arguments.label_scheme = None
    if not (getattr(config, "use_crf", False) if model_arguments.use_crf is None else model_arguments.use_crf):
        model_arguments.label_scheme = None
    check_labels({name: (label for each in part for label in each["labels"]) for name, part in splits.items()}, names)

    set_seed(training.seed)
    tokenizer, model, _, counts = load_model(
        AutoModelForTokenClassification,
        model_arguments,
        is_new=training.do_train,
        fields=label_fields(names),
        texts=(sentence["words"] for part in splits.values() for sentence in part),
    )
    max_length = max_length_of(tokenizer, data.max_seq_length)
    features = {name: tokenize(part, tokenizer, names, max_length) for name, part in splits.items()}

    def compute_metrics(output: EvalPrediction) -> dict[str, float]:
        gold, predicted = (decode(ids, output.label_ids, names) for ids in (output.label_ids, output.predictions))
        return tagging_metrics(gold, predicted, names)

    def write(output: PredictionOutput) -> None:
        predicted = decode(output.predictions, output.label_ids, names)
        write_predictions(
            Path(training.output_dir, "predictions.txt"), splits["test"], features["test"], predicted, names
        )

    trainer = make_trainer(
        model,
        training,
        "f1" if are_entities(names) else "accuracy",
        train_dataset=features["train"],
        eval_dataset=features["validation"],
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
        preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(dim=-1),
    )
    return run_trainer(trainer, checkpoint, len(splits["train"]), counts, features["test"], write)


if __name__ == "__main__":
    main()
