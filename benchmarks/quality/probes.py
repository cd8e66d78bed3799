# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures what a linear classifier can read from each layer of a model: parts of speech, or word senses.

    python -m benchmarks.quality.probes --model_name_or_path elmo --task part_of_speech \
        --train_files masc_tagged/written/*.txt --test_files masc_tagged/spoken/*.txt --output_dir runs/pos

    python -m benchmarks.quality.probes --model_name_or_path elmo --task word_sense \
        --train_files hard.pos interest.pos line.pos serve.pos --output_dir runs/senses

As in the paper's Tables 5 and 6. Any model of `AutoModel` with hidden states will do; `--word_vectors` probes static
vectors in its place, as a single layer. The model is frozen: its layers are computed once and kept in memory, and only
the classifiers train.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm
from transformers import AutoModel, set_seed
from transformers.hf_argparser import HfArg
from transformers.utils import logging

from arguments import PretrainedArguments, check_fractions, check_positive, parse_arguments, reports_errors
from data_splits import hold_out, label_names, sample
from fine_tuning import NUM_CACHED_WORDS, RESULTS, load_config, load_tokenizer, max_length_of, print_results
from modeling_elmo import ElmoTokenizer
from modeling_elmo.fine_tuning import load_word_vectors

from .experiments import check_same, read_json, summarize, write_json
from .plots import plot_probe_curves, plot_probes
from .readers import LabelledWords, read_senseval, read_tagged_text


logger = logging.get_logger(f"transformers.{__name__}")


@dataclass
class ProbedModelArguments(PretrainedArguments):
    """Which model to load, and how its tokens become words."""

    pooling: Literal["mean", "first"] = HfArg(default="mean", help="The vector of a word that has several tokens.")
    encoding_batch_size: int = HfArg(default=32, help="Batch size of the model.")
    word_vectors: str | None = HfArg(default=None, help="Static vectors to probe in place of the model, as GloVe's.")

    def __post_init__(self) -> None:
        check_positive(self, "encoding_batch_size")


@dataclass
class ProbeDataArguments:
    """Which files to read, and how much of them to use."""

    task: Literal["part_of_speech", "word_sense"] = HfArg(
        help="part_of_speech reads word_TAG, one sentence per line; word_sense reads Senseval's XML."
    )
    train_files: list[str] = field(metadata={"help": "The training data."})
    test_files: list[str] = field(
        default_factory=list, metadata={"help": "The test data; by default a part of the training data."}
    )
    test_fraction: float = HfArg(default=0.2, help="Fraction to hold out if there are no test files.")
    validation_fraction: float = HfArg(
        default=0.1, help="Fraction of the rest that selects the best epoch of a classifier."
    )
    train_fraction: float = HfArg(default=1.0, help="Fraction of the remaining training data to use.")
    max_sentences: int | None = HfArg(default=None, help="Maximum number of sentences to use of all files.")
    split_seed: int = HfArg(default=0, help="Seed of what is held out and used.")
    encoding: str = HfArg(default="utf-8", help="Encoding of the files, such as latin-1.")

    def __post_init__(self) -> None:
        check_fractions(self)
        check_positive(self, "max_sentences")

    def read(self, paths: Sequence[str]) -> list[LabelledWords]:
        """Reads all sentences of several files."""
        read = read_tagged_text if self.task == "part_of_speech" else read_senseval
        return [sentence for path in paths for sentence in read(path, self.encoding)]


@dataclass
class ProbeArguments:
    """How to train the classifiers."""

    output_dir: str = HfArg(help="Where to write results and plots.")
    learning_rate: float = HfArg(default=3e-3, help="Learning rate of Adam.")
    weight_decay: float = HfArg(default=0.0, help="Weight decay of AdamW.")
    batch_size: int = HfArg(default=64, help="Words in a training step.")
    num_train_epochs: int = HfArg(default=50, help="Maximum number of epochs.")
    early_stopping_patience: int = HfArg(default=5, help="Stop after this many epochs without an improvement.")
    seeds: list[int] = field(default_factory=lambda: [1], metadata={"help": "Seeds of the classifiers."})
    resume_from_checkpoint: bool = HfArg(
        default=False, help="Whether to keep the results in output_dir instead of training these probes again."
    )

    def __post_init__(self) -> None:
        check_positive(self, "batch_size", "num_train_epochs")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: expected each once, found {' '.join(map(str, self.seeds))}")


@dataclass(frozen=True)
class Words:
    """The N labelled words of a data set.

    Attributes:
        layers (`torch.Tensor` of shape `(L, N, D)`): Their vectors in each layer.
        labels (`list[str]`): Their labels.
        groups (`list[str]`): The group of each: labels are compared within it.
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
        model = AutoModel.from_pretrained(arguments.model_name_or_path, trust_remote_code=arguments.trust_remote_code)
        self.model = model.eval().requires_grad_(False).to(device)
        if model.config.model_type == "elmo" and model.config.reads_characters:
            model.cache_vocabulary(max_new_words=NUM_CACHED_WORDS)

    @torch.no_grad()
    def read(self, sentences: Sequence[LabelledWords], name: str) -> Words:
        """Returns the vectors of the labelled words, in the order of the sentences.

        Words beyond the maximum length of a model have no token: they are skipped, with a warning.
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
            for index, row in enumerate(rows):
                tokens = defaultdict(list)
                for column, word in enumerate(batch.word_ids(index)):
                    if word is not None:
                        tokens[word].append(column)
                labelled = [word for word, label in enumerate(sentences[row].labels) if label is not None]
                wanted[row] = [word for word in labelled if word in tokens]
                num_lost += len(labelled) - len(wanted[row])
                of_sentence[row] = self._vectors(layers_LBTD[:, index], [tokens[word] for word in wanted[row]])
        for sentence, indices in zip(sentences, wanted):
            labels += [sentence.labels[index] for index in indices]
            groups += [sentence.group] * len(indices)
            forms += [sentence.words[index].lower() for index in indices]
        if num_lost:
            logger.warning(f"{num_lost} labelled words of the {name} data have no token and are skipped.")
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


class WordVectorReader:
    """Reads static vectors of labelled words, as a single layer. Words without a vector have zeros."""

    def __init__(self, path: str, parts: Iterable[Sequence[LabelledWords]]):
        forms = {word for part in parts for sentence in part for word in sentence.words}
        self.tokenizer = ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", *sorted(forms - {"<S>", "</S>", "<UNK>"})])
        self.matrix, _ = load_word_vectors(path, self.tokenizer)

    def read(self, sentences: Sequence[LabelledWords], name: str) -> Words:
        """Returns the vectors of the labelled words, in the order of the sentences."""
        labelled = [
            (sentence.words[index], label, sentence.group)
            for sentence in sentences
            for index, label in enumerate(sentence.labels)
            if label is not None
        ]
        forms, labels, groups = map(list, zip(*labelled))
        ids = self.tokenizer.convert_tokens_to_ids(forms)
        return Words(self.matrix[ids][None], labels, groups, [form.lower() for form in forms])


@dataclass(frozen=True)
class Probe:
    """The predictions of a trained classifier on the test data, and its validation accuracy by epoch."""

    predictions: list[str]
    curve: list[float]


def train_probe(
    train: Words, validation: Words, test: Words, layer: int, arguments: ProbeArguments, seed: int
) -> Probe:
    """Trains a linear classifier on a layer: softmax regression, stopped early by the validation loss.

    Each feature is normalized by its mean and deviation in the training data, because layers differ in scale and share
    a learning rate.
    """
    names = label_names(train.labels)
    ids = {name: id for id, name in enumerate(names)}
    mean, deviation = train.layers[layer].mean(dim=0), train.layers[layer].std(dim=0, correction=0)
    inputs, held, tested = ((words.layers[layer] - mean) / (deviation + 1e-6) for words in (train, validation, test))
    targets = torch.tensor([ids[label] for label in train.labels])
    # A label that the training data lack can't be predicted correctly and has no loss.
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
    """Returns, for each word, the sense whose mean vector in the training data is nearest by cosine: the paper's method
    (section 5.3, after Melamud et al. 2016)."""
    names = label_names(train.labels)
    rows = defaultdict(list)
    for row, label in enumerate(train.labels):
        rows[label].append(row)
    means = torch.stack([train.layers[layer][rows[name]].mean(dim=0) for name in names])
    similarity = F.normalize(test.layers[layer], dim=1) @ F.normalize(means, dim=1).T
    return [names[id] for id in similarity.argmax(dim=1)]


def most_frequent_labels(train: Words, test: Words) -> list[str]:
    """Returns, for each word, its most frequent label in the training data; for new words, that of all words."""
    by_form: dict[str, Counter[str]] = defaultdict(Counter)
    for form, label in zip(train.forms, train.labels):
        by_form[form][label] += 1
    most_frequent = Counter(train.labels).most_common(1)[0][0]
    return [by_form[form].most_common(1)[0][0] if form in by_form else most_frequent for form in test.forms]


def accuracy(words: Words, predictions: Sequence[str]) -> float:
    """Returns the share of correct predictions."""
    return float(np.mean([one == other for one, other in zip(words.labels, predictions)]))


class ProbeRun:
    """All probes of a data set: one for each group, layer and seed."""

    def __init__(self, parts: dict[str, Words], arguments: ProbeArguments, settings: dict[str, Any]):
        self.parts, self.arguments, self.settings = parts, arguments, settings
        self.groups = sorted(set(parts["train"].groups))
        self.state_file = Path(arguments.output_dir, "probes.json")
        self.done: dict[str, dict[str, Any]] = {}
        if arguments.resume_from_checkpoint and self.state_file.is_file():
            state = read_json(self.state_file)
            check_same(state.get("settings", {}), settings, self.state_file)
            self.done = state.get("probes", {})

    def probe(self, layer: int, seed: int) -> dict[str, Any]:
        """Returns the test accuracy of a layer, over all words and by group, and the mean curve of the groups."""
        key = f"layer_{layer}_seed_{seed}"
        if key not in self.done:
            num_correct, curves, result = 0.0, [], {}
            for group in self.groups:
                train, validation, test = (self.parts[name].of_group(group) for name in ("train", "validation", "test"))
                probe = train_probe(train, validation, test, layer, self.arguments, seed)
                score = accuracy(test, probe.predictions) if test.labels else 0.0
                num_correct += score * len(test.labels)
                curves.append(probe.curve)
                if group:
                    result[f"accuracy_{group}"] = score
            curve = [float(np.mean(values)) for values in zip(*(_extended(curve, curves) for curve in curves))]
            self.done[key] = {"accuracy": num_correct / len(self.parts["test"].labels), **result, "curve": curve}
            write_json(self.state_file, {"settings": self.settings, "probes": self.done})
        return self.done[key]

    def grouped(self, predict: Callable[[Words, Words], list[str]]) -> float:
        """Returns the test accuracy of `predict`, which gets the training and the test data of a group."""
        num_correct = 0
        for group in self.groups:
            test = self.parts["test"].of_group(group)
            predictions = predict(self.parts["train"].of_group(group), test) if test.labels else []
            num_correct += sum(one == other for one, other in zip(test.labels, predictions))
        return num_correct / len(self.parts["test"].labels)


def _extended(curve: list[float], curves: list[list[float]]) -> list[float]:
    # A curve that stopped early keeps its last value.
    return curve + curve[-1:] * (max(map(len, curves)) - len(curve))


def pick(sentences: list[LabelledWords], indices: list[int]) -> list[LabelledWords]:
    """Returns some of the sentences."""
    return [sentences[index] for index in indices]


def divide(
    sentences: list[LabelledWords], fraction: float, seed: int
) -> tuple[list[LabelledWords], list[LabelledWords]]:
    """Returns the sentences to keep and those held out."""
    if not fraction:
        return sentences, []
    kept, held_out = hold_out(range(len(sentences)), fraction, seed)
    return pick(sentences, kept), pick(sentences, held_out)


def read_parts(data: ProbeDataArguments) -> dict[str, list[LabelledWords]]:
    """Reads the files and divides their sentences into training, validation and test data."""
    train, test = data.read(data.train_files), data.read(data.test_files)
    if data.max_sentences is not None:
        train, test = (
            pick(part, sample(len(part), min(1.0, data.max_sentences / len(part)), data.split_seed)) if part else part
            for part in (train, test)
        )
    if not test:
        train, test = divide(train, data.test_fraction, data.split_seed)
    train, validation = divide(train, data.validation_fraction, data.split_seed + 1)
    train = pick(train, sample(len(train), data.train_fraction, data.split_seed))
    for name, part in (("test_fraction", test), ("validation_fraction", validation)):
        if not part:
            raise ValueError(f"{name}: expected a part above 0, found 0")
        missing = {sentence.group for sentence in part} - {sentence.group for sentence in train}
        if missing:
            raise ValueError(f"train_files: no training data for {', '.join(sorted(missing))}")
    return {"train": train, "validation": validation, "test": test}


ARGUMENTS = (ProbedModelArguments, ProbeDataArguments, ProbeArguments)


@reports_errors
def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the probes with the given arguments or those of the command line. Returns the results."""
    model, data, probing = parse_arguments(ARGUMENTS, arguments)
    sentences = read_parts(data)
    reader = WordVectorReader(model.word_vectors, sentences.values()) if model.word_vectors else LayerReader(model)
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
        results |= {f"layer_{layer}_{name}": value for name, value in summarize(scores).items()}
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
    print_results(results)
    return results


if __name__ == "__main__":
    main()
