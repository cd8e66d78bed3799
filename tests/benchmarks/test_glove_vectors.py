# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""GloVe's vectors as a package of npm has them, and as the scripts read them."""

import io
import json
import tarfile

import torch

from benchmarks.quality.glove_vectors import NAME, main
from modeling_elmo import ElmoTokenizer
from modeling_elmo.fine_tuning import load_word_vectors


def test_the_vectors_of_the_package_become_a_file_that_loads(tmp_path):
    # The norm of the vector and the index of the word follow its values.
    vectors = {"the": [0.5, -1.25, 9.0, 0], "bank": [2, 3e-05, 9.0, 1]}
    package = {"size": 2, "dimensions": 2, "words": ["the", "bank"], "vectors": vectors, "unkVector": [0, 0, 0, -1]}
    data = json.dumps(package).encode()
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        member = tarfile.TarInfo(NAME)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    main(tmp_path / "package.tgz", tmp_path / "glove.txt")
    matrix, counts = load_word_vectors(
        tmp_path / "glove.txt", ElmoTokenizer(vocab=["<S>", "</S>", "<UNK>", "bank", "The"])
    )
    assert torch.equal(matrix[3:5], torch.tensor([[2, 3e-05], [0.5, -1.25]]))
    assert (counts.hits, counts.lower_case_hits, counts.misses) == (1, 1, 0)
