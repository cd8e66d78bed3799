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
"""`options.json`: the architecture, and after training also the training options. See `ElmoConfig.from_options`."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError

from modeling_elmo.configuration_elmo import ElmoConfig

from .errors import ElmoFormatError


# The published files have under 1 KB; a file of gigabytes under this name is a mistake.
MAX_BYTES = 10_000_000


def read_options(path: Path, **kwargs: Any) -> ElmoConfig:
    """Reads the config of a model from its `options.json`.

    Args:
        path (`Path`): The file.
        kwargs: Fields of the config that are to differ from the file.

    Raises:
        `ElmoFormatError`: If the file is not JSON, or its contents are no ELMo architecture.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ElmoFormatError(f"{path.name}: expected at most {MAX_BYTES} bytes, found {path.stat().st_size}")
    try:
        options = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ElmoFormatError(f"{path.name}: not a JSON file: {error}") from error
    try:
        return ElmoConfig.from_options(options, **kwargs)
    except StrictDataclassError as error:
        # The second line holds the reason, after the name of the inner exception.
        reason = str(error.__cause__ or error)
        raise ElmoFormatError(f"{path.name}: {reason}") from error
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {error}") from error


def write_options(path: Path, config: ElmoConfig, num_words: int) -> None:
    """Writes `options.json` for inference with the original code.

    Args:
        path (`Path`): The file to write.
        config (`ElmoConfig`): The model's config.
        num_words (`int`): Number of words of the vocabulary file that goes with it.
    """
    try:
        options = {**config.to_options(), "n_tokens_vocab": num_words}
    except ValueError as error:
        raise ElmoFormatError(f"{path.name}: {error}") from error
    path.write_text(json.dumps(options, indent=2) + "\n", encoding="utf-8")
