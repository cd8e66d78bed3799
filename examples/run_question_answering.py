# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to answer questions about a text, from files in the format of SQuAD 1.1 or 2.0.

    python examples/run_question_answering.py --model_name_or_path elmo --train_file xquad.en.json \
        --test_fraction 0.1 --elmo_at both --do_train --do_predict --output_dir runs/xquad

Any model of `AutoModelForQuestionAnswering` will do. An answer is a span of characters of the context, so that models
with different tokens are scored on the same texts. Whole paragraphs are held out: no context is both in training and in
evaluation. If questions have no answer in their context (`"is_impossible": true`), the model learns to abstain, and an
empty text is predicted.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForQuestionAnswering, DataCollatorWithPadding, EvalPrediction, set_seed
from transformers.hf_argparser import HfArg
from transformers.trainer_utils import PredictionOutput

from arguments import DataArguments, FineTuningArguments, ModelArguments, parse_arguments, reports_errors
from data_splits import load_splits
from fine_tuning import find_checkpoint, load_model, make_trainer, max_length_of, run_trainer
from modeling_elmo import ElmoTokenizer
from modeling_elmo.files.sentences import sentence_splitter
from modeling_elmo.files.tables import open_rows, table_format
from modeling_elmo.files.text import TextLines, without_compression
from modeling_elmo.fine_tuning import best_spans, encode_by_sentence
from squad_metrics import Answer, squad_metrics


# Tokens of a piece of a context for models of limited length: what BERT used for SQuAD.
PIECE_LENGTH = 384


@dataclass
class QuestionArguments(DataArguments):
    """Which files to read, and how contexts and answers are limited."""

    stride: int = HfArg(default=128, help="Tokens that consecutive pieces of a long context share.")
    split_sentences: bool = HfArg(
        default=False, help="Of an ELMo: read each sentence of a context as a sequence of its own."
    )
    max_answer_length: int = HfArg(default=30, help="Maximum number of tokens of a predicted answer.")
    no_answer_threshold: float = HfArg(
        default=0.0,
        help="Abstain where the score of no answer exceeds that of the best answer by more than this; results have the "
        "threshold that would be best.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_answer_length < 1 or self.stride < 0:
            raise ValueError(
                f"max_answer_length, stride: expected 1 and 0 or more, found {self.max_answer_length}, {self.stride}"
            )


def read_squad(path: str) -> Dataset:
    """Reads the questions of a SQuAD file, each with its context and its answers in it, none if it is impossible."""
    name, questions = Path(path).name, {}
    try:
        for context, entry, is_impossible in squad_entries(path):
            answers = {key: [answer[key] for answer in entry["answers"]] for key in ("text", "answer_start")}
            question = {"id": str(entry["id"]), "context": context, "answers": answers}
            question["question"] = entry["question"].strip()
            check_answers(**question, is_impossible=is_impossible)
            if question["id"] in questions:
                raise ValueError(f"question {question['id']} appears twice")
            questions[question["id"]] = question
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: expected the format of SQuAD (data, paragraphs, qas, answers): {error!r}") from error
    except ValueError as error:
        raise ValueError(str(error) if name in str(error) else f"{name}: {error}") from error
    if not questions:
        raise ValueError(f"{name}: expected questions, found none")
    return Dataset.from_list(list(questions.values()))


def squad_entries(path: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yields each question with its context, and whether it has no answer.

    A `.json` file has the nested format of SQuAD. Other tables have a row for each question, as in `datasets`.
    """
    if Path(path).is_dir() or not without_compression(path).endswith(".json"):
        if table_format(path) is None and not Path(path).is_dir():
            raise ValueError("expected a file in the format of SQuAD, whose name ends in .json, or a table")
        columns = ("id", "question", "context", "answers")
        for row in open_rows(path, dict.fromkeys(columns, "a file of SQuAD")):
            pairs = zip(row["answers"]["text"], row["answers"]["answer_start"])
            answers = [{"text": text, "answer_start": start} for text, start in pairs]
            yield row["context"], {**row, "answers": answers}, not answers
        return
    with TextLines(path).opened() as file:
        content = json.loads(file.read().decode("utf-8-sig"))
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                yield paragraph["context"], entry, entry.get("is_impossible", False)


def check_answers(
    id: str, question: str, context: str, answers: dict[str, list[Any]], is_impossible: bool = False
) -> None:
    """Raises `ValueError` if a question has no answer, or one that isn't in the context at its `answer_start`."""
    if is_impossible and answers["text"]:
        raise ValueError(f"question {id}: expected no answers beside is_impossible, found {answers['text'][0]!r}")
    if not is_impossible and not answers["text"]:
        raise ValueError(f'question {id}: expected an answer, or "is_impossible": true as in SQuAD 2.0, found none')
    for text, start in zip(answers["text"], answers["answer_start"]):
        if type(start) is not int or start < 0 or not text or context[start : start + len(text)] != text:
            raise ValueError(f"question {id}: expected {text!r} at character {start} of the context")


def tokenize(questions: Dataset, tokenizer: Any, data: QuestionArguments) -> list[dict[str, Any]]:
    """Returns the tokens of questions and contexts, or of pieces of long contexts, with the tokens of the answer."""
    # Logits are padded on the right; tokens of contexts must keep their columns.
    tokenizer.padding_side = "right"
    max_length = max_length_of(tokenizer, data.max_seq_length)
    if max_length is not None and data.max_seq_length is None:
        max_length = min(max_length, PIECE_LENGTH)
    if data.split_sentences:
        return tokenize_by_sentence(questions, tokenizer, max_length)
    features = []
    for number, row in enumerate(questions):
        options: dict[str, Any] = {}
        if max_length is not None and max_length >= least_length(row, tokenizer, data):
            options = {"truncation": "only_second", "max_length": max_length, "stride": data.stride}
            options["return_overflowing_tokens"] = True
        encoded = tokenizer([row["question"]], [row["context"]], return_offsets_mapping=True, **options)
        if not options and max_length is not None and len(encoded["input_ids"][0]) > max_length:
            least = max(least_length(each, tokenizer, data) for each in questions)
            raise ValueError(
                f"max_seq_length: expected at least {least} (the longest question with its special tokens, a stride of "
                f"{data.stride} and a token of the context), found {max_length}; see also stride"
            )
        inputs = [name for name in encoded if name not in ("offset_mapping", "overflow_to_sample_mapping")]
        for piece, offsets in enumerate(encoded["offset_mapping"]):
            # The characters of each token of the context; `None` for other tokens.
            spans = [span if side == 1 else None for span, side in zip(offsets, encoded.sequence_ids(piece))]
            feature = {name: encoded[name][piece] for name in inputs}
            if isinstance(tokenizer, ElmoTokenizer):
                # For exact averages over accumulated batches: `Trainer` counts labels, and an ELMo divides by them.
                feature["label"] = 0
            features.append({**feature, **answer_columns(row, spans), "spans": spans, "example": number})
    return features


def tokenize_by_sentence(questions: Dataset, tokenizer: Any, max_length: int | None) -> list[dict[str, Any]]:
    """The same for an ELMo that reads each sentence of a context as a sequence of its own."""
    if not isinstance(tokenizer, ElmoTokenizer) or max_length is not None:
        raise ValueError("split_sentences: requires an ELMo and no max_seq_length")
    find_sentences = sentence_splitter(tokenizer.language)
    features = []
    for number, row in enumerate(questions):
        feature, spans = encode_by_sentence(tokenizer, row["question"], row["context"], find_sentences(row["context"]))
        features.append({**feature, **answer_columns(row, spans), "label": 0, "spans": spans, "example": number})
    return features


def answer_columns(row: dict[str, Any], spans: Sequence[tuple[int, int] | None]) -> dict[str, int]:
    """Returns the columns of the first answer, 0 if there is none."""
    start, end = 0, 0
    if row["answers"]["text"]:
        start, end = answer_tokens(spans, row["answers"]["text"][0], row["answers"]["answer_start"][0])
    return {"start_positions": start, "end_positions": end}


def least_length(row: dict[str, Any], tokenizer: Any, data: QuestionArguments) -> int:
    """Returns the length of the shortest possible piece: the question, the stride, and one more token."""
    question = tokenizer(row["question"], add_special_tokens=False)["input_ids"]
    return len(question) + tokenizer.num_special_tokens_to_add(pair=True) + data.stride + 1


def answer_tokens(spans: Sequence[tuple[int, int] | None], answer: str, start: int) -> tuple[int, int]:
    """Returns the first and the last token of an answer; 0, a special token, if the piece lacks a part of it.

    Args:
        spans (`Sequence[tuple[int, int]]`): The characters of each token of the context; `None` for other tokens.
        answer (`str`): The answer.
        start (`int`): Its first character in the context.
    """
    end = start + len(answer)
    inside = [token for token, span in enumerate(spans) if span is not None and span[0] < end and span[1] > start]
    context = [span for span in spans if span is not None and span[0] < span[1]]
    if not inside or context[0][0] > start or context[-1][1] < end:
        return 0, 0
    return inside[0], inside[-1]


def is_unanswerable(questions: Dataset) -> bool:
    """Returns whether some question has no answer."""
    return any(not answers["text"] for answers in questions["answers"]) if len(questions) else False


def best_answers(
    questions: Dataset, features: list[dict[str, Any]], predictions: Any, max_answer_length: int
) -> dict[str, Answer]:
    """Returns the best answer to each question from start and end logits `(pieces, tokens)`, over all its pieces."""
    scores, answers = [-np.inf] * len(questions), [""] * len(questions)
    # A question has no answer if no piece has one.
    no_answer = [np.inf] * len(questions)
    contexts = list(questions["context"])
    for feature, *logits in zip(features, *predictions[:2]):
        spans, example = feature["spans"], feature["example"]
        # Column 0, which is no word of the context, is the score of no answer.
        outside = torch.tensor([column > 0 and span is None for column, span in enumerate(spans)])
        rows = [torch.from_numpy(row[: len(spans)]).float() for row in logits]
        rows = [row.masked_fill(outside, torch.finfo(torch.float32).min).unsqueeze(0) for row in rows]
        best = best_spans(*rows, max_answer_length=max_answer_length, allows_no_answer=True)
        start, end, score = int(best.starts), int(best.ends), float(best.scores)
        no_answer[example] = min(no_answer[example], float(best.no_answer_scores))
        if start >= 0 and score > scores[example]:
            scores[example], answers[example] = score, contexts[example][spans[start][0] : spans[end][1]]
    found = (Answer(*each) for each in zip(answers, np.subtract(no_answer, scores).tolist()))
    return dict(zip(questions["id"], found))


ARGUMENTS = (ModelArguments, QuestionArguments, FineTuningArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the given arguments or those of the command line. Returns its results."""
    model_arguments, data, training = parse_arguments(ARGUMENTS, arguments)
    checkpoint = find_checkpoint(training)
    splits, _ = load_splits(data, training, read_squad, unit="context")
    set_seed(training.seed)
    tokenizer, model, _, counts = load_model(
        AutoModelForQuestionAnswering,
        model_arguments,
        is_new=training.do_train,
        fields={},
        texts=(row[name] for part in splits.values() for row in part for name in ("question", "context")),
        elmo_fields={"allows_no_answer": is_unanswerable(splits["train"])},
    )
    # Other models have a score at their first token, but learn it from such questions only.
    abstains = getattr(model.config, "allows_no_answer", any(map(is_unanswerable, splits.values())))
    threshold = data.no_answer_threshold if abstains else np.inf
    features = {name: tokenize(part, tokenizer, data) for name, part in splits.items()}

    def compute_metrics(part: str) -> Any:
        def compute(output: EvalPrediction) -> dict[str, float]:
            answers = best_answers(splits[part], features[part], output.predictions, data.max_answer_length)
            return squad_metrics(splits[part], answers, threshold)

        return compute

    def write(output: PredictionOutput) -> None:
        answers = best_answers(splits["test"], features["test"], output.predictions, data.max_answer_length)
        texts = {id: answer.chosen(threshold) for id, answer in answers.items()}
        path = Path(training.output_dir, "predictions.json")
        path.write_text(json.dumps(texts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    trainer = make_trainer(
        model,
        training,
        "f1",
        train_dataset=features["train"],
        eval_dataset=features["validation"],
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics("validation"),
    )
    num_examples, metrics = len(splits["train"]), compute_metrics("test")
    return run_trainer(trainer, checkpoint, num_examples, counts, features["test"], write, metrics)


if __name__ == "__main__":
    main()
