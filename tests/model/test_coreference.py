# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The model of coreference against loops over spans and pairs; candidates, loss, clusters, saving."""

import itertools

import pytest
import torch

from modeling_elmo import ElmoForCoreferenceResolution
from modeling_elmo.fine_tuning import DocumentCollator, encode_document
from modeling_elmo.model.coreference import DISTANCES, find_clusters
from tests.helpers.graphs import graph_mode
from tests.helpers.task_examples import HEADS, TOKENIZER, randomized
from tests.model.test_remote_code import run_without_package


DOCUMENT = [["the", "bank", "of", "the", "river"], ["a", "bank"], ["it", "flows", "the", "river", "."]]
CLUSTERS = [[(0, 4), (5, 6)], [(3, 4), (7, 7), (9, 10)]]


@pytest.fixture
def model():
    return randomized(HEADS["coreference"].model()).eval()


def batch_of(*documents):
    return DocumentCollator(TOKENIZER)([encode_document(TOKENIZER, *document) for document in documents])


def spans_of(output, row=0):
    return [span for span in map(tuple, output.spans[row].tolist()) if span[0] >= 0]


def words_of(model, batch):
    """What the model reads of each word of a single document: outputs and inputs of the encoder."""
    found = {}
    hook = model.encoder.register_forward_hook(
        lambda module, args, output: found.update(inputs=args[0], mask=args[1], encoded=output)
    )
    model(**batch)
    hook.remove()
    return found["encoded"][found["mask"]], found["inputs"][found["mask"]]


def represent(model, encoded, inputs, first, last):
    share = model.spans.attention(encoded[first : last + 1]).softmax(0)
    head = (share * inputs[first : last + 1]).sum(0)
    return encoded[first], encoded[last], head, model.spans.width_embedding.weight[last - first]


def mention_score(model, encoded, inputs, first, last):
    part = model.spans
    start, end, head, width = represent(model, encoded, inputs, first, last)
    hidden = part.first(start) + part.last(end) + part.head(head) + width
    return part.output(hidden.relu()).item()


def all_spans(model):
    sentences = [range(5), range(5, 7), range(7, 12)]
    return [
        (first, last)
        for words in sentences
        for first, last in itertools.combinations_with_replacement(words, 2)
        if last - first < model.max_width
    ]


@torch.no_grad()
def test_candidates_are_the_best_spans_of_sentences_that_do_not_cross(model, monkeypatch):
    monkeypatch.setattr(model, "candidates_per_word", 0.8)
    batch = batch_of((DOCUMENT,))
    encoded, inputs = words_of(model, batch)
    scores = {span: mention_score(model, encoded, inputs, *span) for span in all_spans(model)}
    kept = []
    for first, last in sorted(scores, key=scores.get, reverse=True):
        crossed = any(a < first <= b < last or first < a <= last < b for a, b in kept)
        if not crossed and len(kept) < int(0.8 * 12):
            kept.append((first, last))
    assert spans_of(model(**batch)) == sorted(kept)
    assert sorted(kept) != sorted(sorted(scores, key=scores.get)[-9:])


@torch.no_grad()
def test_logits_are_the_scores_of_pairs(model):
    batch = batch_of((DOCUMENT,))
    encoded, inputs = words_of(model, batch)
    output = model(**batch)
    spans, part = spans_of(output), model.antecedents
    vectors = [torch.cat(represent(model, encoded, inputs, *span)) for span in spans]
    lowest = torch.finfo(torch.float32).min
    assert len(spans) == 3
    for number, back in itertools.product(range(3), range(101)):
        expected = torch.tensor(0.0 if not back else lowest)
        if 0 < back <= number:
            one, other = vectors[number], vectors[number - back]
            bucket = sum(distance <= back for distance in DISTANCES) - 1
            hidden = part.anaphor(one) + part.antecedent(other) + part.distance_embedding.weight[bucket]
            hidden = hidden + part.product(part.projection(one) * part.projection(other))
            mentions = [mention_score(model, encoded, inputs, *spans[index]) for index in (number, number - back)]
            expected = part.output(hidden.relu())[0] + sum(mentions)
        torch.testing.assert_close(output.logits[0, number, back], expected, atol=1e-4, rtol=1e-4)


def test_distances_have_buckets():
    found = torch.bucketize(
        torch.tensor([1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 500]), torch.tensor(DISTANCES), right=True
    )
    assert found.tolist() == [1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]


@torch.no_grad()
def test_the_loss_is_the_likelihood_of_right_antecedents_and_of_mentions(model, monkeypatch):
    monkeypatch.setattr(model, "candidates_per_word", 2.0)
    batch = batch_of((DOCUMENT, CLUSTERS))
    encoded, inputs = words_of(model, batch)
    output = model(**batch)
    cluster_of = {mention: number for number, cluster in enumerate(CLUSTERS) for mention in cluster}
    spans, total = spans_of(output), 0.0
    for number, span in enumerate(spans):
        shares = output.logits[0, number].double().softmax(0)
        right = [
            back
            for back in range(1, number + 1)
            if span in cluster_of and cluster_of.get(spans[number - back]) == cluster_of[span]
        ]
        total -= shares[right or [0]].sum().log().item()
    assert len(set(cluster_of) & set(spans)) >= 3
    for span in all_spans(model):
        score = torch.tensor(mention_score(model, encoded, inputs, *span)).double()
        total -= torch.nn.functional.logsigmoid(score if span in cluster_of else -score).item()
    assert output.loss.item() == pytest.approx(total / 5, rel=1e-4)
    assert model(**batch, num_items_in_batch=10).loss.item() == pytest.approx(total / 10, rel=1e-4)


def test_a_mention_that_is_no_candidate_has_a_gradient(model):
    batch = batch_of((DOCUMENT, CLUSTERS))
    output = model(**batch)
    assert all(last - first != 4 for first, last in output.spans[0].tolist())
    output.loss.backward()
    assert model.spans.width_embedding.weight.grad[4].abs().max() > 0


def test_clusters_follow_the_best_antecedents():
    spans = torch.tensor(
        [[[0, 1], [2, 2], [3, 3], [4, 5], [6, 6]], [[0, 0], [1, 1], [-100, -100], [-100, -100], [-100, -100]]]
    )
    logits = torch.full((2, 5, 4), -1.0)
    for row, column, back in [(0, 2, 2), (0, 3, 2), (0, 4, 2), (1, 1, 1)]:
        logits[row, column, back] = 1.0
    logits[..., 0] = 0
    assert find_clusters(spans, logits) == [[[(0, 1), (3, 3), (6, 6)], [(2, 2), (4, 5)]], [[(0, 0), (1, 1)]]]
    assert find_clusters(spans.numpy(), logits.numpy())[1] == [[(0, 0), (1, 1)]]


@pytest.mark.parametrize("sentences", [[], [[]], [["bank"]]])
def test_documents_may_be_as_short_as_nothing(model, sentences):
    output = model(**batch_of((DOCUMENT, CLUSTERS), (sentences, [])))
    assert spans_of(output, 1) == [(0, 0)] * (sentences == [["bank"]])
    assert output.loss.isfinite()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"start_positions": None}, "start_positions: expected a tensor, found NoneType"),
        ({"end_positions": torch.zeros(1, 2).long()}, r"end_positions: expected shape \(1, 5\), found \(1, 2\)"),
        ({"labels": torch.zeros(5).long()}, r"labels: expected shape \(1, num_mentions\)"),
        (
            {"end_positions": torch.full((1, 5), 12)},
            "expected the first and last of the 12 words of row 0, .* 0 and 12",
        ),
        ({"start_positions": torch.full((1, 5), 9)}, "found 9 and 4"),
    ],
)
def test_mentions_outside_the_document_are_an_error(model, changed, message):
    with pytest.raises(ValueError, match=message):
        model(**{**batch_of((DOCUMENT, CLUSTERS)), **changed})


def test_a_graph_is_refused(model):
    with graph_mode(), pytest.raises(NotImplementedError, match="a graph can't choose candidates"):
        model(**batch_of((DOCUMENT,)))


def test_loads_without_the_package(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    batch = batch_of((DOCUMENT,))
    torch.save(batch, tmp_path / "batch.pt")
    code = """
import torch
from transformers.dynamic_module_utils import get_class_from_dynamic_module
folder = sys.argv[1]
model_class = get_class_from_dynamic_module("modeling_elmo.ElmoForCoreferenceResolution", folder + "/saved")
model = model_class.from_pretrained(folder + "/saved").eval()
torch.save(model(**torch.load(folder + "/batch.pt")).logits, folder + "/logits.pt")
"""
    run_without_package(code, tmp_path, cache=tmp_path)
    loaded = ElmoForCoreferenceResolution.from_pretrained(tmp_path / "saved")
    for logits in (torch.load(tmp_path / "logits.pt"), loaded(**batch).logits):
        torch.testing.assert_close(logits, model(**batch).logits)
