# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Asks of each layer of a model what a linear classifier can read from it: parts of speech, or word senses.

    python examples/run_probe.py --model_name_or_path elmo --task part_of_speech \
        --train_files masc_tagged/written/*.txt --test_files masc_tagged/spoken/*.txt --output_dir runs/pos

    python examples/run_probe.py --model_name_or_path elmo --task word_sense \
        --train_files hard.pos interest.pos line.pos serve.pos --output_dir runs/senses

The paper's Tables 5 and 6. Any model of `AutoModel` that gives its hidden states will do; where a word has several
tokens, its vector is their mean, or that of the first. The one idea: the model is frozen, so its layers are computed
once and kept in memory, and only the classifiers train, layer by layer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm
from transformers import AutoModel, set_seed
from transformers.utils import logging

from data_files import (
    InputError,
    LabelledWords,
    hold_out,
    read_senseval,
    read_tagged_text,
    reports_input_errors,
    take_fraction,
)
from experiment import (
    REMEMBERED_WORDS,
    RESULTS,
    PretrainedArguments,
    check_at_least_one,
    check_fractions,
    check_run,
    check_same_arguments,
    label_names,
    load_config,
    load_tokenizer,
    max_length_of,
    parse_arguments,
    print_results,
    read_json,
    spread,
    write_json,
)
from learning_plots import plot_probe_curves, plot_probes


logger = logging.get_logger(f"transformers.{__name__}")


@dataclass
class ProbedModelArguments(PretrainedArguments):
    """Which model, and how its tokens become words."""

    pooling: Literal["mean", "first"] = field(
        default="mean", metadata={"help": "What the vector of a word is that has several tokens."}
    )
    encoding_batch_size: int = field(default=32, metadata={"help": "Sentences that the model reads at a time."})

    def __post_init__(self) -> None:
        check_at_least_one(self, "encoding_batch_size")


@dataclass
class ProbeDataArguments:
    """Which files, and how much of them."""

    task: Literal["part_of_speech", "word_sense"] = field(
        metadata={"help": "part_of_speech reads word_TAG, one sentence a line; word_sense reads Senseval's XML."}
    )
    train_files: list[str] = field(metadata={"help": "The training data."})
    test_files: list[str] = field(
        default_factory=list, metadata={"help": "The test data; by default a part of the training data."}
    )
    test_fraction: float = field(default=0.2, metadata={"help": "How much is held out where there are no test files."})
    validation_fraction: float = field(
        default=0.1, metadata={"help": "How much of what is left chooses the epoch at which a classifier is best."}
    )
    train_fraction: float = field(default=1.0, metadata={"help": "How much of the training data is used."})
    max_sentences: int | None = field(default=None, metadata={"help": "Use so many sentences of all files at most."})
    split_seed: int = field(default=0, metadata={"help": "Seed of what is held out and taken."})
    encoding: str = field(default="utf-8", metadata={"help": "Encoding of the files, such as latin-1."})

    def __post_init__(self) -> None:
        check_fractions(self)
        check_at_least_one(self, "max_sentences")

    def read(self, paths: Sequence[str]) -> list[LabelledWords]:
        """Reads files, one after the other."""
        read = read_tagged_text if self.task == "part_of_speech" else read_senseval
        return [sentence for path in paths for sentence in read(path, self.encoding)]


@dataclass
class ProbeArguments:
    """How the classifiers train."""

    output_dir: str = field(metadata={"help": "Where results and pictures go."})
    learning_rate: float = field(default=3e-3, metadata={"help": "Of Adam."})
    weight_decay: float = field(default=0.0, metadata={"help": "Of Adam, decoupled from the gradient."})
    batch_size: int = field(default=64, metadata={"help": "Words of a training step."})
    num_train_epochs: int = field(default=50, metadata={"help": "Epochs at most."})
    early_stopping_patience: int = field(
        default=5, metadata={"help": "Stop after so many epochs without a better one."}
    )
    seeds: list[int] = field(default_factory=lambda: [1], metadata={"help": "Seeds of the classifiers."})
    resume_from_checkpoint: bool = field(
        default=False, metadata={"help": "Whether probes that output_dir has results of are kept, not trained again."}
    )

    def __post_init__(self) -> None:
        check_at_least_one(self, "batch_size", "num_train_epochs")
        check_run(self.output_dir, self.seeds)


@dataclass(frozen=True)
class Words:
    """The labelled words of a data set, N of them.

    Attributes:
        layers (`torch.Tensor` of shape `(L, N, D)`): Their vectors in each layer.
        labels (`list[str]`): Their labels.
        groups (`list[str]`): The group of each: labels are told apart within it.
        forms (`list[str]`): The words themselves, in lower case.
    """

    layers: torch.Tensor
    labels: list[str]
    groups: list[str]
    forms: list[str]

    def of_group(self, group: str) -> "Words":
        rows = [row for row, other in enumerate(self.groups) if other == group]
        picked = ([values[row] for row in rows] for values in (self.labels, self.groups, self.forms))
        return Words(self.layers[:, rows], *picked)


class LayerReader:
    """Reads the vectors of labelled words from all layers of a frozen model."""

    def __init__(self, arguments: ProbedModelArguments):
        self.arguments = arguments
        self.tokenizer = load_tokenizer(arguments, load_config(arguments).model_type)
        self.max_length = max_length_of(self.tokenizer, None)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            model = AutoModel.from_pretrained(
                arguments.model_name_or_path, trust_remote_code=arguments.trust_remote_code
            )
        except (OSError, ValueError) as error:
            raise InputError(f"model_name_or_path: {arguments.model_name_or_path}: {error}") from error
        self.model = model.eval().requires_grad_(False).to(device)
        if model.config.model_type == "elmo" and model.config.token_input == "characters":
            model.cache_vocabulary(max_new_words=REMEMBERED_WORDS)

    @torch.no_grad()
    def read(self, sentences: Sequence[LabelledWords], name: str) -> Words:
        """Returns the vectors of the labelled words, in the order of the sentences.

        Words that have no token, because a model reads no sentence as long, are left out and counted.
        """
        labels, groups, forms = [], [], []
        of_sentence: list[torch.Tensor] = [torch.empty(0)] * len(sentences)
        wanted: list[list[int]] = [[] for _ in sentences]
        num_lost = 0
        for rows in tqdm(list(self._batches(sentences)), desc=f"Layers of the {name} data", disable=None):
            batch = self.tokenizer(
                [sentences[row].words for row in rows],
                is_split_into_words=True,
                padding=True,
                truncation=self.max_length is not None,
                max_length=self.max_length,
                return_tensors="pt",
            )
            states = self.model(**batch.to(self.model.device), output_hidden_states=True).hidden_states
            layers_LBTD = torch.stack(states)
            for place, row in enumerate(rows):
                tokens = defaultdict(list)
                for column, word in enumerate(batch.word_ids(place)):
                    if word is not None:
                        tokens[word].append(column)
                labelled = [index for index, label in enumerate(sentences[row].labels) if label is not None]
                wanted[row] = [index for index in labelled if index in tokens]
                num_lost += len(labelled) - len(wanted[row])
                of_sentence[row] = self._vectors(layers_LBTD[:, place], [tokens[index] for index in wanted[row]])
        for sentence, indices in zip(sentences, wanted):
            labels += [sentence.labels[index] for index in indices]
            groups += [sentence.group] * len(indices)
            forms += [sentence.words[index].lower() for index in indices]
        if num_lost:
            logger.warning(f"{num_lost} labelled words of the {name} data have no token: they are left out.")
        return Words(torch.cat(of_sentence, dim=1), labels, groups, forms)

    def _batches(self, sentences: Sequence[LabelledWords]) -> Iterator[list[int]]:
        by_length = sorted(range(len(sentences)), key=lambda row: len(sentences[row].words))
        size = self.arguments.encoding_batch_size
        for first in range(0, len(by_length), size):
            yield by_length[first : first + size]

    def _vectors(self, layers_LTD: torch.Tensor, columns: list[list[int]]) -> torch.Tensor:
        """Returns the vectors `(L, N, D)` of N words, each of one or several tokens."""
        if self.arguments.pooling == "first" or all(len(each) == 1 for each in columns):
            return layers_LTD[:, [each[0] for each in columns]].float().cpu()
        pooled = [layers_LTD[:, each].float().mean(dim=1) for each in columns]
        return torch.stack(pooled, dim=1).cpu()


@dataclass(frozen=True)
class Probe:
    """What a trained classifier says of the test data, and its accuracy on the validation data by epoch."""

    predictions: list[str]
    curve: list[float]


def train_probe(
    train: Words, validation: Words, test: Words, layer: int, arguments: ProbeArguments, seed: int
) -> Probe:
    """Trains a linear classifier on a layer: softmax regression, stopped early by the loss on the validation data.

    Vectors are normalised, number by number, by mean and deviation of the training data: layers differ in scale, and
    one learning rate is to suit all.
    """
    names = label_names(train.labels)
    ids = {name: id for id, name in enumerate(names)}
    mean, deviation = train.layers[layer].mean(dim=0), train.layers[layer].std(dim=0, correction=0)
    inputs, held, tested = ((words.layers[layer] - mean) / (deviation + 1e-6) for words in (train, validation, test))
    targets = torch.tensor([ids[label] for label in train.labels])
    # A label that the training data lack can't be predicted right, and has no loss.
    held_targets = torch.tensor([ids.get(label, -1) for label in validation.labels], dtype=torch.long)
    set_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    classifier = nn.Linear(inputs.shape[1], len(names))
    optimizer = torch.optim.AdamW(
        classifier.parameters(), lr=arguments.learning_rate, weight_decay=arguments.weight_decay
    )
    best = {name: value.clone() for name, value in classifier.state_dict().items()}
    curve: list[float] = []
    losses: list[float] = []
    for _ in range(arguments.num_train_epochs):
        for rows in torch.randperm(len(inputs), generator=generator).split(arguments.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(classifier(inputs[rows]), targets[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            scores = classifier(held)
        losses.append(float(F.cross_entropy(scores, held_targets, ignore_index=-1, reduction="sum")))
        curve.append(float((scores.argmax(dim=1) == held_targets).float().mean()) if len(held) else 0.0)
        if losses[-1] <= min(losses):
            best = {name: value.clone() for name, value in classifier.state_dict().items()}
        if len(losses) - 1 - int(np.argmin(losses)) >= arguments.early_stopping_patience:
            break
    classifier.load_state_dict(best)
    with torch.no_grad():
        return Probe([names[id] for id in classifier(tested).argmax(dim=1)], curve)


def nearest_senses(train: Words, test: Words, layer: int) -> list[str]:
    """Gives each word the sense whose mean vector in the training data is nearest, by the cosine: the paper's method
    for word senses (section 5.3, after Melamud et al. 2016)."""
    names = label_names(train.labels)
    rows = defaultdict(list)
    for row, label in enumerate(train.labels):
        rows[label].append(row)
    means = torch.stack([train.layers[layer][rows[name]].mean(dim=0) for name in names])
    similarity = F.normalize(test.layers[layer], dim=1) @ F.normalize(means, dim=1).T
    return [names[id] for id in similarity.argmax(dim=1)]


def most_frequent_labels(train: Words, test: Words) -> list[str]:
    """Gives each word the label that it has most often in the training data, or else the most frequent of all."""
    by_form: dict[str, Counter[str]] = defaultdict(Counter)
    for form, label in zip(train.forms, train.labels):
        by_form[form][label] += 1
    most_frequent = Counter(train.labels).most_common(1)[0][0]
    return [by_form[form].most_common(1)[0][0] if form in by_form else most_frequent for form in test.forms]


def accuracy(words: Words, predictions: Sequence[str]) -> float:
    return float(np.mean([one == other for one, other in zip(words.labels, predictions)]))


class ProbeRun:
    """All probes of one data set: group by group, layer by layer, seed by seed."""

    def __init__(self, parts: dict[str, Words], arguments: ProbeArguments, settings: dict[str, Any]):
        self.parts, self.arguments, self.settings = parts, arguments, settings
        self.groups = sorted(set(parts["train"].groups))
        self.state_file = Path(arguments.output_dir, "probes.json")
        self.done: dict[str, dict[str, Any]] = {}
        if arguments.resume_from_checkpoint and self.state_file.is_file():
            state = read_json(self.state_file)
            check_same_arguments(state.get("settings", {}), settings, self.state_file)
            self.done = state.get("probes", {})

    def probe(self, layer: int, seed: int) -> dict[str, Any]:
        """Returns the accuracy of a layer on the test data, of all words and by group, and the first group's curve."""
        key = f"layer_{layer}_seed_{seed}"
        if key not in self.done:
            right, curves, result = 0.0, [], {}
            for group in self.groups:
                train, validation, test = (self.parts[name].of_group(group) for name in ("train", "validation", "test"))
                probe = train_probe(train, validation, test, layer, self.arguments, seed)
                score = accuracy(test, probe.predictions) if test.labels else 0.0
                right += score * len(test.labels)
                curves.append(probe.curve)
                if group:
                    result[f"accuracy_{group}"] = score
            curve = [float(np.mean(values)) for values in zip(*(_extended(curve, curves) for curve in curves))]
            self.done[key] = {"accuracy": right / len(self.parts["test"].labels), **result, "curve": curve}
            write_json(self.state_file, {"settings": self.settings, "probes": self.done})
        return self.done[key]

    def grouped(self, predict: Any) -> float:
        """Returns the accuracy of what `predict` says of the test data, given training and test data of a group."""
        right = 0
        for group in self.groups:
            test = self.parts["test"].of_group(group)
            predictions = predict(self.parts["train"].of_group(group), test) if test.labels else []
            right += sum(one == other for one, other in zip(test.labels, predictions))
        return right / len(self.parts["test"].labels)


def _extended(curve: list[float], curves: list[list[float]]) -> list[float]:
    # One that stopped early stays where it was.
    return curve + curve[-1:] * (max(map(len, curves)) - len(curve))


def read_parts(data: ProbeDataArguments) -> dict[str, list[LabelledWords]]:
    """Reads the files and divides them into training, validation and test data, by sentence."""
    train, test = data.read(data.train_files), data.read(data.test_files)
    if data.max_sentences is not None:
        train, test = (
            take_fraction(part, min(1.0, data.max_sentences / len(part)), data.split_seed) if part else part
            for part in (train, test)
        )
    if not test:
        train, test = hold_out(train, data.test_fraction, data.split_seed)
    train, validation = hold_out(train, data.validation_fraction, data.split_seed + 1)
    train = take_fraction(train, data.train_fraction, data.split_seed)
    for name, part in (("test_fraction", test), ("validation_fraction", validation)):
        if not part:
            raise InputError(f"{name}: expected a part above 0, found 0")
        missing = {sentence.group for sentence in part} - {sentence.group for sentence in train}
        if missing:
            raise InputError(f"train_files: no training data for {', '.join(sorted(missing))}")
    return {"train": train, "validation": validation, "test": test}


ARGUMENTS = (ProbedModelArguments, ProbeDataArguments, ProbeArguments)


@reports_input_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the script with the arguments of the command line, or those given. Returns its results."""
    model, data, probing = parse_arguments(ARGUMENTS, arguments)
    sentences = read_parts(data)
    reader = LayerReader(model)
    parts = {name: reader.read(part, name) for name, part in sentences.items()}
    num_layers = len(parts["train"].layers)
    own = {"output_dir", "seeds", "resume_from_checkpoint"}
    settings = {**asdict(model), **asdict(data), **{k: v for k, v in asdict(probing).items() if k not in own}}
    run = ProbeRun(parts, probing, settings)

    results: dict[str, Any] = {"seeds": probing.seeds, "test_words": len(parts["test"].labels)}
    results["train_words"] = len(parts["train"].labels)
    results["most_frequent_label"] = run.grouped(most_frequent_labels)
    bars, curves = {}, {}
    for layer in range(num_layers):
        probes = [run.probe(layer, seed) for seed in probing.seeds]
        scores = [{name: value for name, value in probe.items() if name != "curve"} for probe in probes]
        results |= {f"layer_{layer}_{name}": value for name, value in spread(scores).items()}
        bars[f"layer {layer}"] = [probe["accuracy"] for probe in probes]
        curves[f"layer {layer}"] = probes[0]["curve"]
        if data.task == "word_sense":
            results[f"layer_{layer}_nearest_sense"] = run.grouped(
                lambda train, test, layer=layer: nearest_senses(train, test, layer)
            )
    directory = Path(probing.output_dir)
    write_json(directory / RESULTS, results)
    title = "word senses" if data.task == "word_sense" else "parts of speech"
    plot_probes(bars, results["most_frequent_label"], title, directory / "probes.png")
    plot_probe_curves(curves, directory / "learning_curves.png")
    return results


if __name__ == "__main__":
    print_results(main())
