# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Small models in the place of the published ones, for servers of tests."""

import json

from modeling_elmo import configuration


SERVER = "https://s3-us-west-2.amazonaws.com"


def source(name):
    return json.loads((configuration.directory(name) / "source.json").read_text())


def published_files(original_dir, name, generation=0):
    """A small model under the addresses of a published one, without the server that they all begin with."""
    files = {"options": "options.json", "weights": "weights.hdf5", "vocabulary": "vocab.txt"}
    return {
        addresses[generation].removeprefix(SERVER): (original_dir / files[kind]).read_bytes()
        for kind, addresses in source(name).items()
        if kind in files
    }
