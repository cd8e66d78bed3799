# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to label semantic roles: who did what to whom. The predicates are given, as in the paper.

    python examples/run_semantic_roles.py --model_name_or_path elmo --train_file train.txt --test_fraction 0.2 \
        --do_train --do_predict --output_dir runs/roles

A file has a word on each line, a column that marks predicates, and a column of roles for each predicate: spans as in
CoNLL-2005, or the role at the head of each argument as in Universal Propositions. A sentence is read once for each of
its predicates. What is held out are blocks of successive sentences, which are often of one document.

Other models of `AutoModelForTokenClassification` will do if they have two types of tokens, as BERT has: the second
marks the first token of the predicate. They do not know which labels may follow one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification, EvalPrediction, set_seed
from transformers.hf_argparser import HfArg
from transformers.trainer_utils import PredictionOutput

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
from modeling_elmo import ElmoForSemanticRoleLabeling, ElmoTokenizer
from modeling_elmo.files.role_columns import RoleFile
from modeling_elmo.fine_tuning.labels import are_entities, find_scheme, with_all_marks
from role_metrics import role_metrics
from run_token_classification import IGNORED, decode, tokenize, write_predictions


# Sentences that are held out together, where a file does not tell its documents.
BLOCK = 20


@dataclass
class RoleArguments(LabelledDataArguments):
    """Which files to read, and which of their columns."""

    word_column: int = HfArg(default=0, help="The index of the column of the words.")
    predicate_column: int = HfArg(
        default=2, help="The index of the column that marks predicates; the columns of roles follow it."
    )


def read_roles(path: str, data: RoleArguments) -> Dataset:
    """Reads a file of semantic roles: a row for each predicate of each sentence. See [`RoleFile`]."""
    lines = (line for _, line in text_lines(path, data.encoding))
    rows = []
    for number, sentence in enumerate(RoleFile(lines, Path(path).name, data.word_column, data.predicate_column)):
        for predicate, roles in zip(sentence.predicates, sentence.roles):
            rows.append(
                {"words": sentence.words, "labels": roles, "predicate": predicate, "block": f"{path}:{number // BLOCK}"}
            )
    if not rows:
        raise ValueError(f"{Path(path).name}: expected predicates in column {data.predicate_column}, found none")
    return Dataset.from_list(rows)


def tokenize_with_predicates(
    rows: Dataset, tokenizer: Any, names: Sequence[str], max_length: int | None
) -> list[dict[str, Any]]:
    """Returns the tokens of sentences with the label ids of their words and the index of the predicate, which for other
    models than an ELMo has a token type of its own."""
    features = tokenize(rows, tokenizer, names, max_length)
    for row, feature in zip(rows, features):
        if row["predicate"] not in feature["scored_words"]:
            raise ValueError(
                f"max_seq_length: the predicate {row['words'][row['predicate']]!r} of a sentence of "
                f"{len(row['words'])} words would be cut off"
            )
        feature["predicate_index"] = feature["scored_words"].index(row["predicate"])
        if not isinstance(tokenizer, ElmoTokenizer):
            firsts = [token for token, label in enumerate(feature["labels"]) if label != IGNORED]
            predicate = firsts[feature["predicate_index"]]
            feature["token_type_ids"] = [int(token == predicate) for token in range(len(feature["labels"]))]
    return features


ARGUMENTS = (ModelArguments, RoleArguments, FineTuningArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the given arguments or those of the command line. Returns its results."""
    model_arguments, data, training = parse_arguments(ARGUMENTS, arguments)
    checkpoint = find_checkpoint(training)
    splits, whole = load_splits(data, training, lambda path: read_roles(path, data), unit="block")
    config = load_config(model_arguments)
    is_elmo = config.model_type == "elmo"
    if not is_elmo and getattr(config, "type_vocab_size", 0) < 2:
        raise ValueError(
            "model_name_or_path: expected an ELMo or a model with two types of tokens, which mark the predicate, found "
            f"a model of the type {config.model_type}"
        )
    scheme = getattr(config, "label_scheme", None)
    if training.do_train:
        names = data.label_list or label_names(with_all_marks(role for roles in whole["labels"] for role in roles))
        scheme = find_scheme(whole["labels"])
    else:
        names = list(config.id2label.values())
    check_labels({name: (role for row in part for role in row["labels"]) for name, part in splits.items()}, names)

    set_seed(training.seed)
    tokenizer, model, _, counts = load_model(
        ElmoForSemanticRoleLabeling if is_elmo else AutoModelForTokenClassification,
        model_arguments,
        is_new=training.do_train,
        fields=label_fields(names),
        elmo_fields={"label_scheme": scheme},
        texts=(row["words"] for part in splits.values() for row in part),
    )
    max_length = max_length_of(tokenizer, data.max_seq_length)
    features = {name: tokenize_with_predicates(part, tokenizer, names, max_length) for name, part in splits.items()}

    def compute_metrics(output: EvalPrediction) -> dict[str, float]:
        gold, predicted = (decode(ids, output.label_ids, names) for ids in (output.label_ids, output.predictions))
        return role_metrics(gold, predicted, are_entities(names))

    def write(output: PredictionOutput) -> None:
        predicted = decode(output.predictions, output.label_ids, names)
        write_predictions(
            Path(training.output_dir, "predictions.txt"), splits["test"], features["test"], predicted, names
        )

    trainer = make_trainer(
        model,
        training,
        "f1",
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
