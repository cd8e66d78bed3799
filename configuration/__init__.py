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
"""The published architectures, one folder each: `config.json`, tokenizer files, and `source.json`.

`source.json` names the training corpus and the addresses of the original files, in the order in which to try them. No
weights are kept here.

    from transformers import AutoConfig
    from modeling_elmo import configuration

    config = AutoConfig.from_pretrained(configuration.directory("small"))
"""

from pathlib import Path


NAMES = ("small", "medium", "original", "original-5.5b", "portuguese")


def directory(name: str) -> Path:
    """Returns the folder of a published architecture, ready for `from_pretrained`.

    Raises:
        `ValueError`: If there is none of this name.
    """
    if name not in NAMES:
        raise ValueError(f"expected one of {', '.join(NAMES)}, found {name!r}")
    return Path(__file__).parent / name
