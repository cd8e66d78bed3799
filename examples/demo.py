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
"""From the original files to vectors in four steps: make a small model in the original format, convert it, load it with
`AutoModel`, embed two sentences.

    python examples/demo.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch.nn.functional import cosine_similarity
from transformers import AutoModel, AutoTokenizer, logging

import modeling_elmo
from modeling_elmo.conversion_scripts import export


SENTENCES = ["The bank of the river is steep.", "The bank doesn't lend money."]


def make_original_model(directory: Path) -> None:
    """Writes `options.json`, `weights.hdf5` and `vocab.txt` of a model with random weights."""
    config = modeling_elmo.ElmoConfig(cell_size=256, projection_size=64, character_filters=[[1, 16], [2, 32], [3, 64]])
    words = ["<S>", "</S>", "<UNK>", "The", "bank", "of", "the", "river", "is", "does", "n't", "lend", "money", "."]
    with tempfile.TemporaryDirectory() as model_dir:
        tokenizer = modeling_elmo.ElmoTokenizer(vocab=words)
        config.vocab_size = len(tokenizer)
        modeling_elmo.ElmoModel(config).save_pretrained(model_dir)
        tokenizer.save_pretrained(model_dir)
        export(Path(model_dir), directory)


def main() -> None:
    """Runs the four steps and prints what they give."""
    torch.manual_seed(0)
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as directory:
        original, converted = Path(directory, "original"), Path(directory, "elmo")
        print("1. A small model in the original format, with random weights")
        make_original_model(original)
        for path in sorted(original.iterdir()):
            print(f"   {path.name:<13}{path.stat().st_size:>10,} bytes")

        print("\n2. elmo convert original elmo")
        subprocess.run(
            [sys.executable, "-m", "modeling_elmo.cli", "convert", original, converted],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for path in sorted(converted.iterdir()):
            print(f"   {path.name:<24}{path.stat().st_size:>10,} bytes")

        print('\n3. AutoModel.from_pretrained("elmo")')
        tokenizer, model = AutoTokenizer.from_pretrained(converted), AutoModel.from_pretrained(converted)
        print(f"   {type(model).__name__}, {model.num_parameters():,} parameters")

    print("\n4. Two sentences")
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**batch, output_hidden_states=True)
    for row, sentence in enumerate(SENTENCES):
        print(f"   {sentence}\n      -> {tokenizer.decode(batch['character_ids'][row])}")
    print(f"   character_ids      {tuple(batch['character_ids'].shape)}")
    print(f"   last_hidden_state  {tuple(output.last_hidden_state.shape)}")
    print(f"   hidden_states      {len(output.hidden_states)} x {tuple(output.hidden_states[0].shape)}")
    print('   Cosine similarity of "bank" in the first sentence and "bank" in the second, layer by layer:')
    for layer, states in enumerate(output.hidden_states):
        similarity = cosine_similarity(states[0, 2], states[1, 2], dim=0)
        print(f"      layer {layer}: {similarity:.4f}" + ("  (no context yet)" if layer == 0 else ""))
    print("\nThe weights are random until a trained model ships with the project: the numbers mean nothing yet.")


if __name__ == "__main__":
    main()
