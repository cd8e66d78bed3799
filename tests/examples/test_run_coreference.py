# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`run_coreference.py`, end to end, and its metrics against plain counts."""

import itertools
import random

import pytest

from coreference_metrics import coreference_metrics
from modeling_elmo import ElmoForCoreferenceResolution
from modeling_elmo.files.coreference_columns import CoreferenceFile
from run_coreference import main
from tests.examples.conftest import OTHERS, PEOPLE, results_of


@pytest.fixture
def file(tmp_path):
    """Documents of two sentences, in which names recur."""
    rng, text = random.Random(0), ""
    for number in range(24):
        people = rng.sample(PEOPLE, 2)
        text += f"#begin document {number}\n"
        for _ in range(2):
            for index in rng.sample(range(2), 2):
                text += f"{people[index]}\t({index})\n{rng.choice(OTHERS)}\t_\n"
            text += "\n"
    (tmp_path / "documents.txt").write_text(text)
    return str(tmp_path / "documents.txt")


def test_an_elmo_learns_that_equal_names_mean_the_same(run, file, elmo_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(ElmoForCoreferenceResolution, "candidates_per_word", 0.5)
    parts = {"test_fraction": 0.2, "validation_fraction": 0.2, "num_train_epochs": 15, "learning_rate": 0.01}
    parts |= {"word_vector_size": 16, "per_device_train_batch_size": 4}
    results = run(main, train_file=file, model_name_or_path=elmo_dir, do_train=True, do_predict=True, **parts)
    assert results["test_conll_f1"] > 0.9
    assert results["train_samples"] == 15
    assert results_of(tmp_path / "run") == pytest.approx(results, nan_ok=True)
    lines = (tmp_path / "run/predictions.txt").read_text().splitlines()
    documents = list(CoreferenceFile(lines, "predictions.txt"))
    assert [list(map(len, document.sentences)) for document in documents] == [[4, 4]] * 5
    assert any(document.clusters for document in documents)

    again = run(main, test_file=file, model_name_or_path=tmp_path / "run", do_predict=True, output_dir=tmp_path / "b")
    assert again["test_conll_f1"] > 0.9


def test_what_the_script_refuses(run, file, elmo_dir, bert_dir):
    with pytest.raises(SystemExit, match="error: model_name_or_path: expected an ELMo, found a model of the type bert"):
        run(main, train_file=file, model_name_or_path=bert_dir, do_train=True)
    with pytest.raises(SystemExit, match="error: max_seq_length: documents are read as a whole"):
        run(main, train_file=file, model_name_or_path=elmo_dir, do_train=True, max_seq_length=5)


def random_clusters(rng, mentions):
    chosen = [mention for mention in mentions if rng.random() < 0.8]
    clusters = [[] for _ in range(rng.randrange(1, 5))]
    for mention in chosen:
        rng.choice(clusters).append(mention)
    return [cluster for cluster in clusters if cluster]


def plain_recalls(gold, predicted):
    """Numerators and denominators by definition: links of a forest, mention by mention, every alignment."""
    groups = {mention: set(cluster) for cluster in predicted for mention in cluster}
    links = 0
    for cluster in gold:
        # How many links of predicted clusters a spanning forest of this one can have.
        trees = [{mention} for mention in cluster]
        for one, other in itertools.combinations(cluster, 2):
            first, second = (next(tree for tree in trees if mention in tree) for mention in (one, other))
            if first is not second and other in groups.get(one, ()):
                trees = [tree for tree in trees if tree is not first and tree is not second] + [first | second]
                links += 1
    shares = [len(set(cluster) & groups.get(mention, set())) / len(cluster) for cluster in gold for mention in cluster]
    few, many = sorted([gold, predicted], key=len)
    similarity = max(
        sum(2 * len(set(a) & set(b)) / (len(a) + len(b)) for a, b in zip(few, order))
        for order in itertools.permutations(many, len(few))
    )
    return {
        "muc": (links, sum(len(cluster) - 1 for cluster in gold)),
        "b_cubed": (sum(shares), len(shares)),
        "ceaf_e": (similarity, len(gold)),
    }


def test_scores_are_those_of_plain_counts():
    rng = random.Random(0)
    for _ in range(250):
        documents = [
            [random_clusters(rng, [(word, word + word % 3) for word in range(rng.randrange(2, 10))]) for _ in range(2)]
            for _ in range(2)
        ]
        gold, predicted = zip(*documents)
        scores = coreference_metrics(gold, predicted)
        f1s = []
        for name in ("muc", "b_cubed", "ceaf_e"):
            rates = []
            for kind in ("recall", "precision"):
                pairs = documents if kind == "recall" else [document[::-1] for document in documents]
                right, total = map(sum, zip(*(plain_recalls(*pair)[name] for pair in pairs)))
                rates.append(right / total if total else 0)
                assert scores[f"{name}_{kind}"] == pytest.approx(rates[-1])
            f1s.append(2 * rates[0] * rates[1] / sum(rates) if sum(rates) else 0)
            assert scores[f"{name}_f1"] == pytest.approx(f1s[-1])
        assert scores["conll_f1"] == pytest.approx(sum(f1s) / 3)


def test_an_example_of_pradhan_et_al():
    """Section 4 and figure 1 of the paper: key {a b c}, {d e f g}; response {a b}, {c d}, {f g h i}."""
    scores = coreference_metrics([["abc", "defg"]], [["ab", "cd", "fghi"]])
    found = {name: [scores[f"{name}_recall"], scores[f"{name}_precision"]] for name in ("muc", "b_cubed", "ceaf_e")}
    assert found == {
        "muc": pytest.approx([2 / 5, 2 / 5]),
        "b_cubed": pytest.approx([35 / 12 / 7, 4 / 8]),
        "ceaf_e": pytest.approx([1.3 / 2, 1.3 / 3]),
    }
    assert scores["mention_recall"] == pytest.approx(6 / 7)
    assert scores["mention_precision"] == pytest.approx(6 / 8)
