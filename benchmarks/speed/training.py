# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Words per second of fine-tuning the whole biLM, only the scalar mix, or a tagger; memory; AllenNLP as well.

    python -m benchmarks.speed.training

A step is forward, loss (mean square of the ELMo vectors, without boundary tokens) and backward, in float32 without
dropout. No optimizer runs on either side: it would cost both the same. Each step uses a batch of 32 sentences with
prepared character ids. The tagger has the default size and a conditional random field over nine labels. Gradients are
checked first. The share of the bound is that of the least time that the whole biLM's step can take (`roofline.py`).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForTokenClassification

from modeling_elmo import ElmoForTokenClassification, ElmoModel
from modeling_elmo.hardware import cpu_name

from . import allennlp_elmo
from .correctness import (
    WrongResultError,
    check_close,
    check_gradients,
    check_vectors,
    expected_vectors,
    num_checked_sentences,
)
from .full_size_model import ModelFiles, model_files
from .inference import Batch
from .measurement import in_fresh_process, median_seconds, num_threads, peak_memory_mib
from .report import JsonOnly, Quick, Repeats, Report, Text, Threads, rounded, run
from .roofline import Limits
from .sentences import Sentence, get_sentences


BATCH_SIZE = 32
NUM_LABELS = 9

# Relative to the largest gradient of a matrix: the order of summation over time steps differs.
GRADIENT_TOLERANCE = 1e-4


def load(model_dir: Path, freeze_bilm: bool) -> ElmoModel:
    """Loads our model for training."""
    return AutoModel.from_pretrained(model_dir, freeze_bilm=freeze_bilm, representation_dropout=0.0).train()


def loss_of_ours(model: ElmoModel, batch: Batch) -> torch.Tensor:
    """Returns the mean square of the vectors of all words."""
    vectors = model(**batch.inputs).last_hidden_state
    is_word = torch.zeros(vectors.shape[:2], dtype=torch.bool)
    for row, sentence in zip(is_word, batch.sentences):
        row[1 : len(sentence) + 1] = True
    return vectors[is_word].square().mean()


def load_tagger(model_dir: Path) -> ElmoForTokenClassification:
    """Loads a tagger on a frozen biLM for training."""
    fields = {"num_labels": NUM_LABELS, "use_crf": True}
    return AutoModelForTokenClassification.from_pretrained(model_dir, **fields).train()


def load_caching_tagger(model_dir: Path) -> ElmoForTokenClassification:
    """Loads a tagger that caches the biLM's layers, as in every epoch after the first."""
    tagger = load_tagger(model_dir)
    tagger.elmo.cache_texts(10**9)
    return tagger


def loss_of_tagger(model: ElmoForTokenClassification, batch: Batch) -> torch.Tensor:
    """Returns the loss of arbitrary labels."""
    labels = torch.full(batch.inputs["attention_mask"].shape, -100)
    for row, sentence in zip(labels, batch.sentences):
        row[1 : len(sentence) + 1] = torch.arange(len(sentence)) % NUM_LABELS
    return model(**batch.inputs, labels=labels).loss


def loss_of_allennlp(elmo: Any, character_ids: torch.Tensor) -> torch.Tensor:
    """Returns the mean square of AllenNLP's vectors of all words."""
    return allennlp_elmo.vectors(elmo, character_ids)[character_ids.any(-1)].square().mean()


def step(model: torch.nn.Module, loss: Callable[[], torch.Tensor]) -> None:
    """Runs a training step."""
    model.zero_grad(set_to_none=True)
    loss().backward()


@torch.no_grad()
def infer(model: ElmoModel, batch: Batch) -> None:
    """Runs the inference with which training on a frozen biLM is compared."""
    model(**batch.inputs)


def check(model: ElmoModel, rival: Any, files: ModelFiles, batch: Batch) -> None:
    """Checks vectors and gradients. This is also the warm-up."""
    checked = batch.sentences[: num_checked_sentences()]
    vectors = model(**batch.inputs).last_hidden_state.detach()
    for row, sentence, expected in zip(vectors, checked, expected_vectors(files, checked)):
        check_vectors("training", row[1 : len(sentence) + 1], expected)
    step(model, partial(loss_of_ours, model, batch))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if rival is None:
        check_gradients(trained, partial(loss_of_ours, model, batch))
        return
    allennlp_elmo.forget(rival)
    step(rival, partial(loss_of_allennlp, rival, allennlp_elmo.batch_to_ids(batch.sentences)))
    check_gradients_against_allennlp(model, rival)


def check_gradients_against_allennlp(model: ElmoModel, rival: Any) -> None:
    """Checks the gradients of all matrices of the LSTMs, and of the first and the last of the character encoder."""
    pairs = [
        ("character projection", model.character_encoder.projection, "_token_embedder._projection"),
        ("first convolution", model.character_encoder.convolutions[0], "_token_embedder.char_conv_0"),
    ]
    matrices = [(what, ours.weight, rival._elmo_lstm.get_submodule(name).weight) for what, ours, name in pairs]
    for index, layer in enumerate(model.layers):
        for direction in ("forward", "backward"):
            ours = getattr(layer, f"{direction}_lstm")
            theirs = rival._elmo_lstm._elmo_lstm.get_submodule(f"{direction}_layer_{index}")
            for name, matrix in (
                ("weight_ih", theirs.input_linearity),
                ("weight_hh", theirs.state_linearity),
                ("weight_hr", theirs.state_projection),
            ):
                matrices.append((f"{direction} layer {index}, {name}", getattr(ours, name), matrix.weight))
    for what, ours, theirs in matrices:
        check_close(f"gradient of {what}", ours.grad, theirs.grad, GRADIENT_TOLERANCE)


def memory_of_ours(model_dir: Path, freeze_bilm: bool, sentences: list[Sentence]) -> float:
    """Returns the MiB that loading and one step add to the imports."""
    batch = Batch.of(sentences)
    before = peak_memory_mib()
    model = load(model_dir, freeze_bilm)
    step(model, partial(loss_of_ours, model, batch))
    return peak_memory_mib() - before


def memory_of_allennlp(files: ModelFiles, sentences: list[Sentence]) -> float:
    """Returns the MiB that loading and one step add to the imports."""
    character_ids = allennlp_elmo.batch_to_ids(sentences)
    before = peak_memory_mib()
    elmo = allennlp_elmo.load(files, requires_grad=True)
    step(elmo, partial(loss_of_allennlp, elmo, character_ids))
    return peak_memory_mib() - before


def main(
    text: Text = None,
    repeats: Repeats = 3,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Measure words per second of fine-tuning steps."""
    report = Report("training", threads, json_only)
    report.say(allennlp_elmo.describe())
    sentences = get_sentences(BATCH_SIZE * (1 if quick else 3), text)
    batches = [Batch.of(sentences[start : start + BATCH_SIZE]) for start in range(0, len(sentences), BATCH_SIZE)]

    with num_threads(report.threads), model_files(is_tiny=quick) as files:
        rival = allennlp_elmo.load(files, requires_grad=True) if allennlp_elmo.is_available() else None
        whole, frozen = load(files.converted, freeze_bilm=False), load(files.converted, freeze_bilm=True)
        tagger, caching = load_tagger(files.converted), load_caching_tagger(files.converted)
        check(whole, rival, files, batches[0])
        check_frozen(frozen, whole, batches[0])
        check_caching(caching, tagger, batches)

        def every(run_batch: Callable[[Batch], None]) -> Callable[[], None]:
            return lambda: [run_batch(batch) for batch in batches] and None

        rivals = {
            "whole biLM": every(lambda batch: step(whole, partial(loss_of_ours, whole, batch))),
            "frozen biLM": every(lambda batch: step(frozen, partial(loss_of_ours, frozen, batch))),
            "tagger on a frozen biLM": every(lambda batch: step(tagger, partial(loss_of_tagger, tagger, batch))),
            "tagger on cached layers": every(lambda batch: step(caching, partial(loss_of_tagger, caching, batch))),
            "inference": every(lambda batch: infer(frozen, batch)),
        }
        if rival is not None:
            ids = {id(batch): allennlp_elmo.batch_to_ids(batch.sentences) for batch in batches}
            rivals["allennlp, whole biLM"] = every(
                lambda batch: step(rival, partial(loss_of_allennlp, rival, ids[id(batch)]))
            )
        words = sum(batch.num_words for batch in batches)
        rate = {name: rounded(words / seconds) for name, seconds in median_seconds(rivals, repeats).items()}
        report.figures["words"] = words
        report.figures["words_per_second"] = rate
        limits = Limits.measure(whole.config, quick)["float32"]
        ids_of_batches = [batch.inputs["character_ids"] for batch in batches]
        bound = sum(limits.bound(whole.config, ids, is_training=True)[0] for ids in ids_of_batches)
        report.figures["share_of_bound"] = rounded(rate["whole biLM"] * bound / words)
        report.table(f"Steps on batches of {BATCH_SIZE}", ["", "words per second"], [*rate.items()])
        report.say(
            f"\n{cpu_name()}: best matrix product {limits.product_rate / 1e9:,.0f} GFLOP/s, memory "
            f"{limits.memory_rate / 1e9:.1f} GB/s\nwhole biLM, share of the bound of {words / bound:,.0f} words per "
            f"second: {report.figures['share_of_bound']}"
        )
        report.figures["frozen_times_inference"] = rounded(rate["frozen biLM"] / rate["inference"])
        report.say(f"\nfrozen biLM against inference: {report.figures['frozen_times_inference']}")
        report.figures["tagger_times_inference"] = rounded(rate["tagger on a frozen biLM"] / rate["inference"])
        report.say(f"tagger on a frozen biLM against inference: {report.figures['tagger_times_inference']}")
        report.figures["remembering_times_tagger"] = rounded(
            rate["tagger on cached layers"] / rate["tagger on a frozen biLM"]
        )
        report.say(f"tagger on cached layers, times the former: {report.figures['remembering_times_tagger']}")
        times = None if rival is None else rounded(rate["whole biLM"] / rate["allennlp, whole biLM"])
        report.figures["times_allennlp"] = times
        if times is not None:
            report.say(f"whole biLM, times AllenNLP's words per second: {times}")

        measure_memory(report, files, batches[0].sentences, has_rival=rival is not None)
    report.finish()


def measure_memory(report: Report, files: ModelFiles, sentences: list[Sentence], has_rival: bool) -> None:
    """Reports the peak memory of loading and one step."""
    memory = {
        "whole biLM": in_fresh_process(memory_of_ours, files.converted, False, sentences),
        "frozen biLM": in_fresh_process(memory_of_ours, files.converted, True, sentences),
    }
    if has_rival:
        memory["allennlp, whole biLM"] = in_fresh_process(memory_of_allennlp, files, sentences)
    report.figures["peak_memory_mib"] = {name: rounded(value) for name, value in memory.items()}
    report.table("Peak memory beyond the imports, load and one step", ["", "MiB"], [*memory.items()])


def check_frozen(frozen: ElmoModel, whole: ElmoModel, batch: Batch) -> None:
    """Checks that the mix has the same gradients on a frozen biLM as on one that is trained."""
    step(frozen, partial(loss_of_ours, frozen, batch))
    for ours, theirs in zip(frozen.scalar_mixes.parameters(), whole.scalar_mixes.parameters()):
        check_close("gradient of the scalar mix", ours.grad, theirs.grad, GRADIENT_TOLERANCE)


def check_caching(
    caching: ElmoForTokenClassification, tagger: ElmoForTokenClassification, batches: list[Batch]
) -> None:
    """Checks that cached layers give the same vectors. Afterwards, all batches are cached."""
    for batch in batches:
        caching.elmo(**batch.inputs)
        num_sequences = len(caching.elmo.text_cache)
        found, expected = (model.elmo(**batch.inputs).last_hidden_state.detach() for model in (caching, tagger))
        check_close("cached layers", found, expected, GRADIENT_TOLERANCE)
        if not 0 < num_sequences == len(caching.elmo.text_cache):
            raise WrongResultError("cached layers: some sentences are not cached")


if __name__ == "__main__":
    run(main)
