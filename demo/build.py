# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds the page: static files for any web server.

python demo/build.py build/page

It needs the extra `onnx`, and node with what `npm ci` installs in demo/; `make page` does all of it.

The steps: export the model, cut the graph in two (the page needs logits only for the words that its reader clicks),
translate the word rules, compress what is large, list all files.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx_ir as ir
from onnx.utils import extract_model
from onnx_ir.passes.common import RemoveUnusedNodesPass


DEMO = Path(__file__).parent
MODEL = DEMO.parent / "models" / "elmo-tiny"

# The name that `elmo export` gives to the scores of all words.
LOGITS = "logits"

# What of npm's packages a page needs: the runtime for processors, and its WebAssembly.
RUNTIME = DEMO / "node_modules" / "onnxruntime-web" / "dist"
RUNTIME_SCRIPT, RUNTIME_BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"

# The page's own files.
SOURCES = ["index.html", "style.css", "icon.svg", "manifest.webmanifest", "js"]


def export_model(model: Path, dtype: str, directory: Path) -> Path:
    """Writes the language model in ONNX into a directory; returns the file."""
    command = [sys.executable, "-m", "modeling_elmo.cli", "export", model, directory]
    subprocess.run([*map(str, command), "--format", "onnx", "--softmax", "--dtype", dtype], check=True)
    return directory / "model.onnx"


def split_graph(path: Path, directory: Path, dtype: str) -> None:
    """Writes the layers and, apart from them, the softmax that reads the top layer."""
    model = ir.load(path)
    inputs = [str(each.name) for each in model.graph.inputs]
    layers = sorted(name for output in model.graph.outputs if (name := str(output.name)) != LOGITS)
    # `extract_model` does not keep the weights of loops; this would not stop at the top layer.
    extract_model(path, directory / "softmax.onnx", [layers[-1], *inputs[1:]], [LOGITS])
    model.graph.outputs[:] = [output for output in model.graph.outputs if output.name in layers]
    RemoveUnusedNodesPass()(model)
    ir.save(model, directory / "layers.onnx")
    write_json(directory / "model.json", {"dtype": dtype, "layers": layers, "logits": LOGITS})


def write_vocabulary(tokenizer_file: Path, path: Path) -> None:
    """Writes the words that the softmax knows, a line each, in the order of their ids."""
    ids = json.loads(tokenizer_file.read_text(encoding="utf-8"))["model"]["vocab"]
    path.write_text("\n".join(sorted(ids, key=ids.__getitem__)), encoding="utf-8", newline="\n")


def write_json(path: Path, content: object) -> None:
    """Writes a JSON file."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8", newline="\n")


def compress(path: Path) -> None:
    """Replaces a file by its gzip, always the same bytes."""
    Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes(), compresslevel=9, mtime=0))
    path.unlink()


def write_service_worker(directory: Path) -> None:
    """Writes the service worker, whose version and list of files are those of this build."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    names = [path.relative_to(directory).as_posix() for path in files]
    # The large ones are stored when the page loads them, which is once.
    small = [name for name in names if not name.endswith(".gz")]
    text = (DEMO / "service-worker.js").read_text(encoding="utf-8")
    text = text.replace('"BUILD"', json.dumps(digest.hexdigest()[:16])).replace('["FILES"]', json.dumps(small))
    (directory / "service-worker.js").write_text(text, encoding="utf-8", newline="\n")


def build(model: Path, dtype: str, onnx_file: Path | None, output: Path) -> None:
    """Writes all files of the page into a separate directory."""
    if output.exists() and not (output / "service-worker.js").exists():
        sys.exit(f"{output}: exists and is no page, so it is not replaced; choose another directory")
    shutil.rmtree(output, ignore_errors=True)
    data = output / "data"
    data.mkdir(parents=True)
    for name in SOURCES:
        source = DEMO / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, output / name)
    (output / "runtime").mkdir()
    shutil.copy(RUNTIME / RUNTIME_SCRIPT, output / "runtime")
    shutil.copy(RUNTIME / RUNTIME_BINARY, data)
    with tempfile.TemporaryDirectory() as directory:
        split_graph(onnx_file or export_model(model, dtype, Path(directory, "onnx")), data, dtype)
    subprocess.run(["node", DEMO / "rules.mjs", model / "tokenizer.json", data / "rules.json"], check=True)
    write_vocabulary(model / "tokenizer.json", data / "vocabulary.txt")
    for name in ("layers.onnx", "softmax.onnx", RUNTIME_BINARY, "vocabulary.txt"):
        compress(data / name)
    write_json(data / "sizes.json", {path.name: path.stat().st_size for path in sorted(data.glob("*.gz"))})
    write_service_worker(output)
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    print(f"{output}: {size / 1e6:.1f} MB")


def main() -> None:
    """Reads the arguments and builds the page."""
    parser = argparse.ArgumentParser(description="Builds the page: static files for any web server.")
    parser.add_argument("output", type=Path, help="directory to write; what it contains is deleted")
    parser.add_argument("--model", type=Path, default=MODEL, help="language model, a directory (default: elmo-tiny)")
    parser.add_argument(
        "--dtype", default="int8", choices=["float32", "float16", "int8"], help="dtype of the weights (default: int8)"
    )
    parser.add_argument(
        "--onnx", type=Path, help="an exported language model of that --dtype, instead of exporting --model"
    )
    arguments = parser.parse_args()
    build(arguments.model, arguments.dtype, arguments.onnx, arguments.output)


if __name__ == "__main__":
    main()
