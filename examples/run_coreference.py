# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes an ELMo to resolve coreference: which words of a document mean the same person, thing or event.

    python examples/run_coreference.py --model_name_or_path elmo --train_file train.txt --validation_file dev.txt \
        --test_file test.txt --word_vectors glove.txt --do_train --do_predict --output_dir runs/coreference

A file has a word on each line, whose last column has the brackets of mentions with the number of their cluster, as in
CoNLL-2012 and OntoGUM. `#begin document` starts a document; blank lines separate its sentences. Scores are those
of CoNLL-2012. Predictions have the same format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import EvalPrediction, set_seed
from transformers.hf_argparser import HfArg
from transformers.trainer_utils import PredictionOutput

from arguments import DataArguments, FineTuningArguments, ModelArguments, parse_arguments, reports_errors
from coreference_metrics import coreference_metrics
from data_splits import load_splits, text_lines
from fine_tuning import find_checkpoint, load_config, load_model, make_trainer, run_trainer
from modeling_elmo import ElmoForCoreferenceResolution
from modeling_elmo.files.coreference_columns import BEGIN, CoreferenceFile, bracket_cells
from modeling_elmo.fine_tuning import DocumentCollator, encode_document
from modeling_elmo.model.coreference import Span, find_clusters


@dataclass
class CoreferenceArguments(DataArguments):
    """Which files to read, and which of their columns."""

    word_column: int = HfArg(default=0, help="The index of the column of the words; 3 in CoNLL-2012.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_seq_length is not None:
            raise ValueError("max_seq_length: documents are read as a whole, so that no mention loses its antecedents")


@dataclass
class CoreferenceTrainingArguments(FineTuningArguments):
    """The defaults of the other scripts, but for documents in place of sentences."""

    per_device_train_batch_size: int = HfArg(default=1, help="Documents of a training step.")
    per_device_eval_batch_size: int = HfArg(default=4, help="Batch size in evaluation.")


def read_documents(path: str, data: CoreferenceArguments) -> Dataset:
    """Reads a file of documents with coreference. See [`CoreferenceFile`]."""
    lines = (line for _, line in text_lines(path, data.encoding))
    rows = [vars(document) for document in CoreferenceFile(lines, Path(path).name, data.word_column)]
    if not rows:
        raise ValueError(f"{Path(path).name}: expected documents, which begin with {BEGIN!r}, found none")
    return Dataset.from_list(rows)


def clusters_of(documents: Dataset) -> list[list[list[Span]]]:
    """Returns the right clusters of documents, which `datasets` has turned into lists."""
    return [[[(first, last) for first, last in cluster] for cluster in clusters] for clusters in documents["clusters"]]


def write_predictions(path: Path, documents: Dataset, clusters: Sequence[Sequence[Sequence[Span]]]) -> None:
    """Writes the predicted clusters: a word on each line, with the brackets of mentions."""
    with open(path, "w", encoding="utf-8") as file:
        for row, of_document in zip(documents, clusters):
            cells = iter(bracket_cells(sum(map(len, row["sentences"])), of_document))
            sentences = ["".join(f"{word}\t{next(cells)}\n" for word in words) for words in row["sentences"]]
            file.write(f"{BEGIN} {row['name']}\n" + "\n".join(sentences) + "\n")


ARGUMENTS = (ModelArguments, CoreferenceArguments, CoreferenceTrainingArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the given arguments or those of the command line. Returns its results."""
    model_arguments, data, training = parse_arguments(ARGUMENTS, arguments)
    checkpoint = find_checkpoint(training)
    splits, _ = load_splits(data, training, lambda path: read_documents(path, data))
    config = load_config(model_arguments)
    if config.model_type != "elmo":
        raise ValueError(f"model_name_or_path: expected an ELMo, found a model of the type {config.model_type}")

    set_seed(training.seed)
    tokenizer, model, _, counts = load_model(
        ElmoForCoreferenceResolution,
        model_arguments,
        is_new=training.do_train,
        fields={},
        texts=(words for part in splits.values() for row in part for words in row["sentences"]),
    )
    features = {
        name: [encode_document(tokenizer, row["sentences"], row["clusters"]) for row in part]
        for name, part in splits.items()
    }

    def compute_metrics(part: str) -> Any:
        def compute(output: EvalPrediction) -> dict[str, float]:
            logits, spans = output.predictions
            return coreference_metrics(clusters_of(splits[part]), find_clusters(spans, logits))

        return compute

    def write(output: PredictionOutput) -> None:
        logits, spans = output.predictions
        path = Path(training.output_dir, "predictions.txt")
        write_predictions(path, splits["test"], find_clusters(spans, logits))

    trainer = make_trainer(
        model,
        training,
        "conll_f1",
        train_dataset=features["train"],
        eval_dataset=features["validation"],
        data_collator=DocumentCollator(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics("validation"),
    )
    num_examples, metrics = len(splits["train"]), compute_metrics("test")
    return run_trainer(trainer, checkpoint, num_examples, counts, features["test"], write, metrics)


if __name__ == "__main__":
    main()
