# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a model to answer questions about a text, on files in the form of SQuAD 1.1.

    python examples/run_question_answering.py --model_name_or_path elmo --train_file xquad.en.json \
        --test_fraction 0.1 --elmo_at both --do_train --do_predict --output_dir runs/xquad

Any model of `AutoModelForQuestionAnswering` will do. The one idea: an answer is a span of characters of the context, so
that models with different tokens are scored on the same texts. What is held out is held out by paragraph: no context is
both in training and in evaluation.
"""

import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering, DataCollatorWithPadding, EvalPrediction

from data_files import InputError, Question, read_squad, reports_input_errors
from experiment import (
    DataArguments,
    FineTuningArguments,
    ModelArguments,
    Task,
    max_length_of,
    parse_arguments,
    print_results,
    read_splits,
    run_experiment,
    write_json,
)
from modeling_elmo import best_spans


# Tokens of a piece of a context for a model that reads no more than some number: what BERT was given for SQuAD.
PIECE_LENGTH = 384

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = set(string.punctuation)


@dataclass
class QuestionArguments(DataArguments):
    """Which files, and how long contexts are cut and answers may be."""

    stride: int = field(default=128, metadata={"help": "Tokens that two pieces of a long context share."})
    max_answer_length: int = field(default=30, metadata={"help": "Tokens of a predicted answer at most."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_answer_length < 1 or self.stride < 0:
            raise InputError(
                f"max_answer_length, stride: expected 1 and 0 or more, found {self.max_answer_length}, {self.stride}"
            )


def normalized(answer: str) -> str:
    """Returns an answer as SQuAD compares it: in lower case, without punctuation, articles and extra white space."""
    kept = "".join(character for character in answer.lower() if character not in PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", kept).split())


def exact_match(prediction: str, answer: str) -> float:
    """1.0 if the two are the same once normalised, else 0.0."""
    return float(normalized(prediction) == normalized(answer))


def f1(prediction: str, answer: str) -> float:
    """The harmonic mean of precision and recall over the words of the two, once normalised.

    0.0 where they share no word, so that two answers of nothing but articles do not match.
    """
    predicted, right = normalized(prediction).split(), normalized(answer).split()
    num_shared = sum((Counter(predicted) & Counter(right)).values())
    return 2 * num_shared / (len(predicted) + len(right)) if num_shared else 0.0


def squad_metrics(questions: Iterable[Question], predictions: dict[str, str]) -> dict[str, float]:
    """Scores answers by the definition of SQuAD 1.1 (Rajpurkar et al. 2016, section 6.1), in percent.

    Args:
        questions (`Iterable[Question]`): Questions with one or several right answers, of which the nearest counts.
        predictions (`dict[str, str]`): By the id of the question; one that is missing counts as wrong.

    Returns:
        `exact_match` and `f1`, means over the questions.
    """
    scores: dict[str, list[float]] = {"exact_match": [], "f1": []}
    for question in questions:
        prediction = predictions.get(question.id)
        for name, score in (("exact_match", exact_match), ("f1", f1)):
            best = 0.0 if prediction is None else max(score(prediction, answer) for answer, _ in question.answers)
            scores[name].append(best)
    return {name: 100 * float(np.mean(values)) if values else 0.0 for name, values in scores.items()}


class QuestionAnswering:
    """What examples, features and metrics of question answering are."""

    def __init__(self, arguments: QuestionArguments):
        self.arguments = arguments

    def task(self) -> Task:
        return Task(
            auto_class=AutoModelForQuestionAnswering,
            metric="f1",
            config_fields={},
            elmo_fields={},
            features=self.features,
            collator=DataCollatorWithPadding,
            metrics=self.metrics,
            write_predictions=self.write_predictions,
            words=self.words,
        )

    def features(self, examples: list[Question], tokenizer: Any, is_training: bool) -> list[dict[str, Any]]:
        """Tokens of questions and contexts, or of pieces of long contexts, with the columns of the first answer."""
        # The contexts' columns are found again in padded logits: padding comes after.
        tokenizer.padding_side = "right"
        asked = self.arguments.max_seq_length
        max_length = max_length_of(tokenizer, asked)
        if max_length is not None and asked is None:
            max_length = min(max_length, PIECE_LENGTH)
        features = []
        for number, example in enumerate(examples):
            encoded = self._encoded(example, tokenizer, max_length)
            if encoded is None:
                least = max(self._least_length(each, tokenizer) for each in examples)
                raise InputError(
                    f"max_seq_length: expected at least {least} (the longest question and its marks, a stride of "
                    f"{self.arguments.stride} and a token of the context), found {max_length}; see also stride"
                )
            features += self._pieces(encoded, example, number)
        return features

    def _encoded(self, example: Question, tokenizer: Any, max_length: int | None) -> Any:
        """Returns the tokens of a question with those of its context, in pieces where they are more than `max_length`;
        `None` if there can't be such pieces."""
        cut: dict[str, Any] = {}
        if max_length is not None and max_length >= self._least_length(example, tokenizer):
            cut = {"truncation": "only_second", "max_length": max_length, "stride": self.arguments.stride}
            cut["return_overflowing_tokens"] = True
        # White space before a question is nothing but tokens for some tokenizers.
        encoded = tokenizer([example.question.strip()], [example.context], return_offsets_mapping=True, **cut)
        fits = cut or max_length is None or len(encoded["input_ids"][0]) <= max_length
        return encoded if fits else None

    def _least_length(self, example: Question, tokenizer: Any) -> int:
        """Returns the tokens of the shortest piece: each has the question, and goes on from the piece before it."""
        question = tokenizer(example.question.strip(), add_special_tokens=False)["input_ids"]
        marks = tokenizer.num_special_tokens_to_add(pair=True)
        return len(question) + marks + self.arguments.stride + 1

    def _pieces(self, encoded: Any, example: Question, number: int) -> list[dict[str, Any]]:
        model_inputs = {
            name: encoded[name] for name in encoded if name not in ("offset_mapping", "overflow_to_sample_mapping")
        }
        pieces = []
        for row in range(len(encoded["input_ids"])):
            sides = encoded.sequence_ids(row)
            # Where in the context each token is; nowhere for those of the question, marks and padding.
            spans = [span if side == 1 else None for span, side in zip(encoded["offset_mapping"][row], sides)]
            start, end = answer_columns(spans, *example.answers[0])
            piece = {name: values[row] for name, values in model_inputs.items()}
            pieces.append({**piece, "start_positions": start, "end_positions": end, "spans": spans, "example": number})
        return pieces

    def metrics(
        self, examples: list[Question], features: list[dict[str, Any]]
    ) -> Callable[[EvalPrediction], dict[str, float]]:
        def compute_metrics(output: EvalPrediction) -> dict[str, float]:
            return squad_metrics(examples, self.answers(examples, features, output.predictions))

        return compute_metrics

    def answers(self, examples: list[Question], features: list[dict[str, Any]], predictions: Any) -> dict[str, str]:
        """Returns the best answer to each question, of all pieces of its context.

        Args:
            examples (`list[Question]`): The questions.
            features (`list[dict]`): Their pieces.
            predictions (`tuple[np.ndarray]`): Start and end logits `(pieces, tokens)`, padded on the right.
        """
        best: dict[int, tuple[float, str]] = defaultdict(lambda: (-np.inf, ""))
        for feature, *logits in zip(features, *predictions[:2]):
            spans = feature["spans"]
            outside = torch.tensor([span is None for span in spans])
            scores = [torch.from_numpy(row[: len(spans)]).float() for row in logits]
            scores = [row.masked_fill(outside, torch.finfo(torch.float32).min).unsqueeze(0) for row in scores]
            found = best_spans(*scores, max_answer_length=self.arguments.max_answer_length)
            start, end, score = int(found.starts), int(found.ends), float(found.scores)
            if start >= 0 and score > best[feature["example"]][0]:
                context = examples[feature["example"]].context
                best[feature["example"]] = score, context[spans[start][0] : spans[end][1]]
        return {example.id: best[number][1] for number, example in enumerate(examples)}

    def write_predictions(
        self, examples: list[Question], features: list[dict[str, Any]], output: Any, directory: Path
    ) -> None:
        """Writes `predictions.json`, answers by question as SQuAD's own evaluation reads them."""
        write_json(directory / "predictions.json", self.answers(examples, features, output.predictions))

    def words(self, examples: list[Question], tokenizer: Any) -> Iterable[str]:
        """Yields the words of questions and contexts, as the tokenizer cuts them."""
        for text in dict.fromkeys(text for example in examples for text in (example.question, example.context)):
            yield from (piece for piece, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text))


def answer_columns(spans: Sequence[tuple[int, int] | None], answer: str, start: int) -> tuple[int, int]:
    """Returns the first and the last token of an answer; the first token of all (a mark) where the piece lacks a part.

    Args:
        spans (`Sequence[tuple[int, int]]`): The characters of each token of the context; `None` for other tokens.
        answer (`str`): The answer.
        start (`int`): Its first character in the context.
    """
    end = start + len(answer)
    inside = [column for column, span in enumerate(spans) if span is not None and span[0] < end and span[1] > start]
    context = [span for span in spans if span is not None and span[0] < span[1]]
    if not inside or context[0][0] > start or context[-1][1] < end:
        return 0, 0
    return inside[0], inside[-1]


ARGUMENTS = (ModelArguments, QuestionArguments, FineTuningArguments)


@reports_input_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the arguments of the command line, or those given. Returns its results."""
    model, data, training = parse_arguments(ARGUMENTS, arguments)
    splits, _ = read_splits(data, training, read_squad, unit=lambda question: question.context)
    return run_experiment(QuestionAnswering(data).task(), model, data, training, splits)


if __name__ == "__main__":
    print_results(main())
