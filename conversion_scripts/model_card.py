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
"""The model card of a converted model: what it is, where it comes from, how to use it."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from modeling_elmo.configuration_elmo import ElmoConfig


def write_model_card(directory: Path, config: ElmoConfig, sources: Iterable[Path]) -> None:
    """Writes `README.md` into a model directory.

    Args:
        directory (`Path`): The model directory.
        config (`ElmoConfig`): The model's config.
        sources (`Iterable[Path]`): The original files, which are listed with their sizes and SHA-256.
    """
    sections = [
        "---\nlibrary_name: transformers\npipeline_tag: feature-extraction\ntags:\n- elmo\n- custom_code\n---",
        "# ELMo",
        f"Contextual word vectors from a bidirectional language model over {config.token_input} (Peters et al. 2018, "
        "[Deep contextualized word representations](https://arxiv.org/abs/1802.05365)), converted from its original "
        "files.",
        "## Usage",
        USAGE,
        "## Architecture",
        table(("Part", "Value"), architecture(config)),
        "## Source files",
        table(
            ("File", "Bytes", "SHA-256"), [(path.name, f"{path.stat().st_size:,}", _sha256(path)) for path in sources]
        ),
    ]
    (directory / "README.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


USAGE = """\
```python
import torch
from transformers import AutoModel, AutoTokenizer

name = "path/to/this/directory"
tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=True)
model = AutoModel.from_pretrained(name, trust_remote_code=True)

batch = tokenizer(["The bank of the river.", "The bank lends money."], padding=True, return_tensors="pt")
with torch.no_grad():
    output = model(**batch, output_hidden_states=True)
output.last_hidden_state  # [batch, words, dimensions]: the mix of all layers, to be trained with a task
output.hidden_states      # each layer of the language model
```

Where the package modeling-elmo is installed, `import modeling_elmo` takes the place of `trust_remote_code`."""


def architecture(config: ElmoConfig) -> list[tuple[str, str]]:
    if config.token_input == "characters":
        filters = ", ".join(f"{number} of width {width}" for width, number in config.character_filters)
        token = [
            ("Reads", f"characters, {config.max_characters_per_token} per word"),
            ("Character embedding", str(config.character_embedding_size)),
            ("Convolution filters", f"{config.num_character_filters:,}: {filters}; {config.hidden_act}"),
            ("Highway layers", str(config.num_highway_layers)),
        ]
    else:
        token = [("Reads", f"words, a vocabulary of {config.vocab_size:,}")]
    return [
        *token,
        ("Token embedding", str(config.projection_size)),
        ("LSTM layers", f"{config.num_hidden_layers}, in both directions"),
        ("Cells, output of one direction", f"{config.cell_size:,}, {config.projection_size:,}"),
        ("Cell clip, projection clip", f"{config.cell_clip}, {config.projection_clip}"),
        ("Skip connections", "yes" if config.use_skip_connections else "no"),
        ("Vector of a word", f"{config.hidden_size:,} dimensions"),
        ("Weights", str(config.dtype).removeprefix("torch.")),
    ]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    # A file's name may hold what ends a cell or a line.
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, tuple("---" for _ in head), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
