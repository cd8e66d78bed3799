# Copyright 2026 The modeling-elmo authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Small models in the place of the published ones, for servers of tests."""

import json

from modeling_elmo import configuration


OFFICIAL = "https://s3-us-west-2.amazonaws.com/allennlp/models/elmo"


def source(name):
    return json.loads((configuration.directory(name) / "source.json").read_text())


def published_files(original_dir, name, generation=0):
    """A small model under the addresses of a published one, without what they all begin with."""
    files = {"options": "options.json", "weights": "weights.hdf5", "vocabulary": "vocab.txt"}
    return {
        addresses[generation].removeprefix(OFFICIAL): (original_dir / files[kind]).read_bytes()
        for kind, addresses in source(name).items()
        if kind in files
    }
