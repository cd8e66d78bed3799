# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes everything that is read from files: `python -m tests.fuzz_loading --inputs 20000 --seed 0`.

Each input is a small model with one mutated file, in its bytes or its structure. Loading it must end in a model that
runs or in a single documented error, without a crash, a hang, more than 2 GB of memory, or a file left behind. A
separate process loads the inputs, so that even a crash of the HDF5 library is noticed. The seed and the number of an
input determine it: repeat one with `--first NUMBER --inputs 1`.
"""

import argparse
import copy
import importlib
import io
import json
import multiprocessing
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.speed.measurement import peak_memory_mib


MAX_MEMORY = 2 * 2**30
SENTENCE = "The bank of the river."
WORDS = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]

HOSTILE_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 2**31, 2**63, -(2**63), 10**9, 10**12, 10**30, 1e308, -1e-308, 0.5),
    *(float("nan"), float("inf"), float("-inf")),
    *(
        "",
        "a",
        "\0",
        "\ud800",
        "../../x",
        "/etc/passwd",
        "https://example.com/x",
        "x" * 100_000,
        "other/repo--module.Class",
    ),
    *([], {}, [[]], [None], [1, 2, 3], {"a": 1}, {"": ""}, [10**9] * 3, ["x"] * 1000, {"__float__": "NaN"}),
]
HOSTILE_KEYS = [
    *("num_labels", "id2label", "dtype", "torch_dtype", "quantization_config", "transformers_weights", "auto_map"),
    *("attn_implementation", "hidden_size", "_name_or_path", "validate", "__class__", "to_dict", "vocab_file"),
    *("tokenizer_object", "init_inputs", "extra_special_tokens", "added_tokens_decoder", "model_max_length", "padding"),
    *("truncation", "normalizer", "chat_template", "x", "architectures", "word_vector_size", "tie_word_embeddings"),
]
HOSTILE_BYTES = [
    *(b"\0" * 8, b"\xff" * 8, b"\xff" * 4, b"\x7f" + b"\xff" * 7, struct.pack("<Q", 2**40), struct.pack("<Q", 2**31)),
    *(struct.pack("<I", 2**31 - 1), b"\xed\xa0\x80", b"\n", b'"', b"{", b"[" * 2000, b"-", b"1e999", b"\xef\xbb\xbf"),
]


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flips, overwrites, removes, repeats, moves or inserts bytes, one to four times."""
    mutated = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        size = len(mutated)
        # Half of the time near the beginning, where headers are.
        offset = rng.randrange(min(size, 3000) or 1) if rng.random() < 0.5 else rng.randrange(size or 1)
        kind = rng.choice(["flip", "flip", "byte", "byte", "number", "insert", "cut", "remove", "repeat", "splice"])
        length = rng.choice([1, 2, 4, 8, 16, 100, 1000])
        if kind == "flip" and size:
            mutated[offset] ^= 1 << rng.randrange(8)
        elif kind == "byte" and size:
            mutated[offset] = rng.randrange(256)
        elif kind == "number":
            value = rng.choice(HOSTILE_BYTES)
            mutated[offset : offset + len(value)] = value
        elif kind == "insert":
            mutated[offset:offset] = rng.choice([*HOSTILE_BYTES, rng.randbytes(length)])
        elif kind == "cut":
            del mutated[offset:]
        elif kind == "remove":
            del mutated[offset : offset + length]
        elif kind == "repeat":
            mutated[offset:offset] = mutated[offset : offset + length] * rng.choice([1, 2, 50])
        else:
            source = rng.randrange(size or 1)
            mutated[offset : offset + length] = mutated[source : source + length]
    return bytes(mutated)


def _hostile_value(rng: random.Random) -> Any:
    # A copy: it may be mutated in turn.
    return copy.deepcopy(rng.choice(HOSTILE_VALUES))


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Replaces, removes, adds or moves values of parsed JSON, one to three times."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        places: list[tuple[Any, Any]] = []
        level: list[Any] = [value]
        while level:
            level = [item for item in level if isinstance(item, (dict, list)) and item]
            found = [(item, key) for item in level for key in (item if isinstance(item, dict) else range(len(item)))]
            places += found
            level = [item[key] for item, key in found]
        if not places or rng.random() < 0.02:
            return _hostile_value(rng)
        item, key = rng.choice(places)
        kind = rng.choice(["replace", "replace", "replace", "number", "remove", "add", "move", "nest"])
        if kind == "replace":
            item[key] = _hostile_value(rng)
        elif kind == "number" and type(item[key]) in (int, float):
            item[key] = rng.choice([item[key] + 1, item[key] - 1, -item[key], item[key] * 1000, float(item[key])])
        elif kind == "remove":
            del item[key]
        elif kind == "add" and isinstance(item, dict):
            item[rng.choice(HOSTILE_KEYS)] = _hostile_value(rng)
        elif kind == "move":
            other, other_key = rng.choice(places)
            # A copy, since a container in itself would be a circle.
            item[key] = json.loads(json.dumps(other[other_key]))
        else:
            for _ in range(rng.choice([1, 30, 200])):
                item[key] = [item[key]]
    return value


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Mutates a JSON file by structure."""
    value = mutate_value(json.loads(data), rng)
    return json.dumps(value).encode("utf-8", "surrogatepass")


def mutate_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Mutates the header of a safetensors file by structure, and sometimes the length before it."""
    (length,) = struct.unpack("<Q", data[:8])
    header = mutate_json(data[8 : 8 + length], rng)
    length = len(header) if rng.random() < 0.8 else rng.choice([0, 1, len(header) - 1, len(data), 10**8, 2**63])
    return struct.pack("<Q", length) + header + data[8 + struct.unpack("<Q", data[:8])[0] :]


def mutate_hdf5(data: bytes, rng: random.Random) -> bytes:
    """Mutates an HDF5 file by structure: replaces datasets by other datasets, groups and links."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "x.hdf5")
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            for name in rng.sample(names, min(len(names), rng.randint(1, 3))):
                _replace_dataset(file, name, rng)
        mutated = path.read_bytes()
    return mutate_bytes(mutated, rng) if rng.random() < 0.3 else mutated


def _replace_dataset(file: h5py.File, name: str, rng: random.Random) -> None:
    values = file[name][...]
    chunks = tuple(max(1, size // rng.randint(1, 3)) for size in values.shape)
    huge = tuple(size * 10**5 for size in values.shape)
    datasets: list[dict[str, Any]] = [
        {"data": values.astype(rng.choice(["f8", "f2", "i4", "u1"]))},
        {"data": np.where(values > 0, values, rng.choice([np.nan, np.inf, 1e38])).astype("f4")},
        {"data": values[..., :-1]},
        {"data": values, "chunks": chunks, "compression": rng.choice(["gzip", "lzf"]), "shuffle": rng.random() < 0.5},
        {"shape": huge, "dtype": "f4", "chunks": True, "compression": "gzip"},
        {"shape": values.shape, "dtype": h5py.vlen_dtype(np.float32)},
        {"shape": values.shape, "dtype": h5py.string_dtype()},
    ]
    links: list[Any] = [
        *(h5py.SoftLink("/char_embed"), h5py.ExternalLink("/etc/passwd", "x"), np.dtype("f4")),
        *(file["/"], file[name.rpartition("/")[0] or "/"], next(iter(file.values()))),
    ]
    del file[name]
    kind = rng.choice(["dataset", "dataset", "dataset", "link", "group", "none", "another"])
    if kind == "dataset":
        file.create_dataset(name, **rng.choice(datasets))
    elif kind == "link":
        file[name] = rng.choice(links)
    elif kind == "group":
        file.create_group(name)
    elif kind == "another":
        file[f"{name}x"] = values


def mutate_zip(data: bytes, rng: random.Random) -> bytes:
    """Mutates one member of a zip file, such as the pickle of a file of torch, or how the members are stored."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as mutated:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
        pickles = [index for index, (name, _) in enumerate(members) if name.endswith(".pkl")]
        chosen = rng.choice(pickles) if pickles and rng.random() < 0.7 else rng.randrange(len(members))
        kind = rng.choice(["content", "content", "content", "remove", "rename", "twice", "packed"])
        for index, (name, content) in enumerate(members):
            if index != chosen:
                mutated.writestr(name, content)
            elif kind == "content":
                mutated.writestr(name, mutate_bytes(content, rng))
            elif kind in ("rename", "twice"):
                mutated.writestr(rng.choice(["/etc/x", "../x", f"{name}x", "archive/data.pkl", "a" * 1000]), content)
            elif kind == "packed":
                mutated.writestr(name, content + b"\0" * 10**6, zipfile.ZIP_DEFLATED)
            if index == chosen and kind == "twice":
                mutated.writestr(members[0][0], content)
    return out.getvalue()


def mutate_table(data: bytes, rng: random.Random) -> bytes:
    """Mutates the entries of a checkpoint's index, which has one block of them, and makes its checksum right."""
    from tests.helpers.tensor_bundle_format import table_of_blocks

    # The footer begins with the place of the next block, as a number of 7 bits per byte.
    first, second = data[-48], data[-47]
    size = (first & 127) + (second << 7 if first > 127 else 0) - 5
    return table_of_blocks([(b"\xff", mutate_bytes(data[:size], rng))])


@dataclass(frozen=True)
class Target:
    """A file to mutate.

    Attributes:
        folder (`str`): Its model.
        file (`str`): Its name.
        mutate (`Callable`): Mutates its structure. The bytes of any file can be mutated.
        load (`str`): How it is loaded.
        weight (`int`): How often it is chosen.
    """

    folder: str
    file: str
    mutate: Callable[[bytes, random.Random], bytes]
    load: str
    weight: int = 2


ALLENNLP_OPTIONS = "model.text_field_embedder.token_embedders.elmo.options_file"

TARGETS = [
    Target("original", "options.json", mutate_json, "convert", 3),
    Target("original", "weights.hdf5", mutate_hdf5, "convert", 5),
    Target("original", "vocab.txt", mutate_bytes, "convert", 1),
    Target("words", "vocab_embedding.hdf5", mutate_hdf5, "convert", 1),
    Target("compressed", "weights.hdf5", mutate_bytes, "convert", 3),
    Target("allennlp", "weights.th", mutate_zip, "convert", 3),
    Target("allennlp", "config.json", mutate_json, "convert", 2),
    Target("allennlp", f"fta/{ALLENNLP_OPTIONS}", mutate_json, "convert", 1),
    Target("allennlp_old", "weights.th", mutate_bytes, "convert", 3),
    Target("packed", "model.zip", mutate_zip, "convert", 2),
    Target("packed", "model.tar", mutate_bytes, "convert", 2),
    Target("packed", "model.tar.gz", mutate_bytes, "convert", 1),
    Target("many_langs", "token_embedder.pkl", mutate_zip, "convert", 3),
    Target("many_langs", "config.json", mutate_json, "convert", 1),
    Target("many_langs", "configs/cnn.json", mutate_json, "convert", 3),
    Target("many_langs", "char.dic", mutate_bytes, "convert", 2),
    Target("many_langs", "word.dic", mutate_bytes, "convert", 2),
    Target("many_langs_old", "encoder.pkl", mutate_bytes, "convert", 2),
    Target("many_langs_elmo", "config.json", mutate_json, "model", 2),
    Target("many_langs_elmo", "characters.json", mutate_json, "tokenizer", 2),
    Target("many_langs_elmo", "tokenizer_config.json", mutate_json, "tokenizer", 1),
    Target("checkpoint", "model.ckpt-7.index", mutate_table, "convert", 4),
    Target("checkpoint", "model.ckpt-7.data-00000-of-00001", mutate_bytes, "convert", 1),
    Target("checkpoint", "checkpoint", mutate_bytes, "convert", 1),
    Target("checkpoint", "options.json", mutate_json, "convert", 2),
    Target("checkpoint", "vocab.txt", mutate_bytes, "convert", 1),
    Target("elmo", "config.json", mutate_json, "model", 4),
    Target("elmo", "model.safetensors", mutate_safetensors, "model", 4),
    Target("tagger", "config.json", mutate_json, "tagger", 2),
    Target("shards", "model.safetensors.index.json", mutate_json, "model", 2),
    Target("elmo", "tokenizer.json", mutate_json, "tokenizer", 4),
    Target("elmo", "tokenizer_config.json", mutate_json, "tokenizer", 3),
    Target("elmo", "vocab.txt", mutate_bytes, "tokenizer", 1),
    Target("elmo", "config.json", mutate_json, "export", 1),
    Target("elmo", "tokenizer.json", mutate_json, "export", 1),
]


def make_models(directory: Path) -> None:
    """Writes the models from which inputs are made."""
    import torch

    from modeling_elmo import ElmoForTokenClassification, ElmoModel, ElmoTokenizer
    from modeling_elmo.conversion_scripts import OriginalFiles, convert
    from modeling_elmo.conversion_scripts.many_langs import read_many_langs
    from tests.helpers import allennlp_format as allennlp
    from tests.helpers import many_langs_format as many_langs
    from tests.helpers.original_format import make_options, make_weights, write_hdf5, write_model
    from tests.helpers.tensor_bundle_format import variables, write_bundle

    torch.manual_seed(0)
    options = make_options()
    weights = write_model(directory / "original", options, words=WORDS)
    shutil.copytree(directory / "original", directory / "words")
    embeddings = make_weights(make_options(reads_words=True), num_words=len(WORDS))["embedding"]
    write_hdf5(directory / "words" / "vocab_embedding.hdf5", {"embedding": embeddings})
    shutil.copytree(directory / "original", directory / "compressed")
    with h5py.File(directory / "compressed" / "weights.hdf5", "w") as file:
        for number, (name, values) in enumerate(weights.items()):
            kinds = [
                {"compression": "gzip", "shuffle": True},
                {"compression": "lzf"},
                {"compression": "gzip", "fletcher32": True},
            ]
            file.create_dataset(name, data=values, chunks=values.shape, **kinds[number % 3])
    state = {**allennlp.named(allennlp.EMBEDDER, allennlp.elmo_state(options, weights)), "rest": torch.zeros(2)}
    experiment = allennlp.experiment(
        {"elmo": allennlp.elmo_settings(projection_dim=3, scalar_mix_parameters=[1, 2, 3])}
    )
    fta = {ALLENNLP_OPTIONS: json.dumps(options).encode()}
    allennlp.write_model(directory / "allennlp", experiment, state, fta)
    allennlp.write_model(directory / "allennlp_old", experiment, state, fta, is_zip=False)
    for kind in ("zip", "tar", "gztar"):
        shutil.make_archive(str(directory / "packed" / "model"), kind, directory / "allennlp")
    shutil.copytree(directory / "original", directory / "checkpoint")
    (directory / "checkpoint" / "weights.hdf5").unlink()
    (directory / "checkpoint" / "checkpoint").write_text('model_checkpoint_path: "/home/x/model.ckpt-7"')
    write_bundle(directory / "checkpoint" / "model.ckpt-7", variables(options, len(WORDS)))
    many_langs.write_model(directory / "many_langs")
    many_langs.write_model(directory / "many_langs_old", is_zip=False)
    convert(read_many_langs(directory / "many_langs"), directory / "many_langs_elmo")
    convert(OriginalFiles.find(directory / "original"), directory / "elmo")
    model = ElmoModel.from_pretrained(directory / "elmo")
    model.save_pretrained(directory / "shards", max_shard_size="3KB")
    tagger = ElmoForTokenClassification.from_pretrained(directory / "elmo", num_labels=3, task_lstm_size=4)
    tagger.save_pretrained(directory / "tagger")
    ElmoTokenizer.from_pretrained(directory / "elmo").save_vocabulary(str(directory / "elmo"))
    for path in directory.glob("*/*.py"):
        path.unlink()


def make_input(models: Path, target: Target, rng: random.Random, folder: Path) -> None:
    """Copies a model and mutates one file of the copy."""
    shutil.copytree(models / target.folder, folder)
    path = folder / target.file
    mutate = target.mutate if rng.random() < 0.6 else mutate_bytes
    mutated = mutate(path.read_bytes(), rng)
    if target.file == "vocab.txt" and target.load == "tokenizer":
        (folder / "tokenizer.json").unlink()
    path.write_bytes(mutated)


def load_input(target: Target, folder: Path) -> None:
    """Loads an input and runs the loaded model or tokenizer. Raises what loading raises."""
    import torch

    from modeling_elmo import ElmoForTokenClassification, ElmoModel, ElmoTokenizer
    from modeling_elmo.conversion_scripts import OriginalFiles, SourceOptions, convert, export, open_source

    out = folder.parent / "out" / "model"
    if target.load == "convert" and target.folder.startswith(("allennlp", "many_langs", "packed", "checkpoint")):
        source = folder / target.file if target.folder == "packed" else folder
        with open_source(source, SourceOptions()) as model:
            convert(model, out)
        return
    if target.load == "convert":
        embeddings = folder / "vocab_embedding.hdf5" if target.folder == "words" else None
        convert(OriginalFiles.find(folder, token_embeddings=embeddings), out)
        return
    if target.load == "export":
        export(folder, out)
        return
    if target.load == "tokenizer":
        tokenizer = ElmoTokenizer.from_pretrained(folder)
        batch = tokenizer([SENTENCE, "bank"], padding=True, return_tensors="pt")
        assert batch["input_ids"].shape[0] == 2
        return
    model_class = ElmoForTokenClassification if target.load == "tagger" else ElmoModel
    model = model_class.from_pretrained(folder)
    with torch.no_grad():
        inputs = model.dummy_inputs
        output = model(**inputs)
    values = output.logits if target.load == "tagger" else output.last_hidden_state
    assert values.shape[:2] == inputs["input_ids"].shape


def outcome_of(load: Callable[[Target, Path], None], target: Target, folder: Path) -> str:
    """Loads an input and returns the outcome: `loaded`, `refused ...` or `WRONG ...`."""
    from huggingface_hub.errors import StrictDataclassError

    from modeling_elmo.conversion_scripts import ElmoFormatError

    folder.parent.joinpath("out").mkdir()
    try:
        load(target, folder)
    except ElmoFormatError as error:
        outcome = "refused ElmoFormatError" if "\n" not in str(error) else f"WRONG lines: {error}"
    except StrictDataclassError:
        outcome = "refused StrictDataclassError"
    except Exception as error:  # BaseException: a panic in Rust
        is_refusal = type(error) in (ValueError, OSError) or (
            type(error) is RuntimeError and "expected shape" in str(error)
        )
        if target.load in ("convert", "export") or not is_refusal or not str(error) or "\n" in str(error).strip():
            outcome = f"WRONG {type(error).__name__}: {str(error)[:300]!r}"
        else:
            outcome = f"refused {type(error).__name__}"
    except BaseException as error:
        outcome = f"WRONG {type(error).__name__}: {str(error)[:300]!r}"
    else:
        outcome = "loaded"
    left = [path.name for path in folder.parent.rglob("out/*") if path.name != "model" or outcome != "loaded"]
    left += [path.name for path in Path(tempfile.gettempdir()).iterdir()]
    if left and not outcome.startswith("WRONG"):
        outcome = f"WRONG left behind: {left}"
    if peak_memory_mib() * 2**20 > MAX_MEMORY:
        outcome = f"WRONG memory: {outcome}"
    return outcome


def work(connection: Connection, models: Path, workspace: Path, seed: int, loader: str) -> None:
    """Receives the numbers of inputs, loads the inputs, and sends the outcome of each."""
    os.environ.update(HF_HUB_OFFLINE="1", HF_MODULES_CACHE=str(workspace / "modules"), TMPDIR=str(workspace / "tmp"))
    (workspace / "tmp").mkdir(parents=True)
    tempfile.tempdir = None
    # Hides the logs of libraries, and messages of the C library about crashes.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    # Windows lacks it.
    import resource

    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Import now, since the time of an input is limited.
    importlib.import_module("modeling_elmo.conversion_scripts")
    load = importlib.import_module(loader).load_input
    while (number := connection.recv()) is not None:
        target, rng = choose(seed, number)
        folder = workspace / "input" / "model"
        for directory in (folder.parent, workspace / "tmp"):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        make_input(models, target, rng, folder)
        connection.send("begin")
        connection.send(outcome_of(load, target, folder))


def choose(seed: int, number: int) -> tuple[Target, random.Random]:
    """Returns the target of an input and the generator of its mutations."""
    rng = random.Random(f"{seed} {number}")
    return rng.choices(TARGETS, [target.weight for target in TARGETS])[0], rng


class Worker:
    """A process that loads inputs, and is replaced when it crashes or hangs."""

    def __init__(self, models: Path, workspace: Path, seed: int, time_limit: float, loader: str):
        self.models, self.workspace, self.seed, self.time_limit, self.loader = (
            models,
            workspace,
            seed,
            time_limit,
            loader,
        )
        self.process: Any = None
        self.connection: Any = None

    def outcome(self, number: int) -> str:
        """Loads an input."""
        if self.process is None:
            self._start()
        self.connection.send(number)
        try:
            for limit in (60, self.time_limit):
                if not self.connection.poll(limit):
                    self.stop()
                    return f"WRONG hang: more than {limit} s"
                outcome = self.connection.recv()
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            self.stop()
            return f"WRONG crash: exit code {code}"
        return str(outcome)

    def _start(self) -> None:
        shutil.rmtree(self.workspace, ignore_errors=True)
        # Its server imports torch once, where `tests.helpers.programs` has told it to.
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(theirs, self.models, self.workspace, self.seed, self.loader), daemon=True
        )
        self.process.start()
        theirs.close()

    def stop(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


def fuzz(
    numbers: Sequence[int],
    seed: int,
    save: Path | None = None,
    time_limit: float = 20,
    report: bool = False,
    loader: str = __name__,
    processes: int = 1,
) -> Counter[str]:
    """Loads inputs and counts their outcomes; wrong outcomes are listed by input.

    Args:
        numbers (`Sequence[int]`): The inputs.
        seed (`int`): Seed of the inputs.
        save (`Path`, *optional*): A directory for copies of inputs with a wrong outcome.
        time_limit (`float`): Maximum seconds per input.
        report (`bool`): Whether to print progress and wrong outcomes.
        loader (`str`): The module whose `load_input` is tested.
        processes (`int`): Processes that load inputs at the same time.
    """
    outcomes: Counter[str] = Counter()
    remaining = iter(enumerate(numbers, start=1))
    started = time.monotonic()

    def load(workspace: Path) -> None:
        worker = Worker(models, workspace, seed, time_limit, loader)
        try:
            # A generator could not be shared by threads; the iterator of `enumerate` can.
            for count, number in remaining:
                target, _ = choose(seed, number)
                outcome = worker.outcome(number)
                kind = f"{target.load} {target.folder}/{target.file}"
                if outcome.startswith("WRONG"):
                    outcomes[f"{outcome} (input {number}, {kind})"] += 1
                    if save is not None:
                        shutil.copytree(worker.workspace / "input", save / str(number), dirs_exist_ok=True)
                    if report:
                        print(f"{number}: {kind}: {outcome}", flush=True)
                else:
                    outcomes[f"{kind}: {outcome}"] += 1
                if report and count % 1000 == 0:
                    print(f"{count} inputs, {time.monotonic() - started:.0f} s", flush=True)
        finally:
            worker.stop()

    with tempfile.TemporaryDirectory(prefix="elmo-fuzz-") as directory:
        models = Path(directory, "models")
        models.mkdir()
        make_models(models)
        with ThreadPoolExecutor(processes) as executor:
            for _ in executor.map(load, [Path(directory, f"worker{index}") for index in range(processes)]):
                pass
    return outcomes


def main() -> int:
    """Runs the program; returns 1 if an outcome was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--save", type=Path, help="directory for inputs whose outcome is wrong")
    parser.add_argument("--time-limit", type=float, default=20, help="seconds that an input may take")
    parser.add_argument("--processes", type=int, default=1, help="processes that load inputs at the same time")
    parser.add_argument("--file", help="load only inputs with this file mutated, such as config.json")
    given = parser.parse_args()
    numbers = [
        number
        for number in range(given.first, given.first + given.inputs)
        if given.file in (None, choose(given.seed, number)[0].file)
    ]
    outcomes = fuzz(
        numbers,
        given.seed,
        given.save,
        given.time_limit,
        report=True,
        loader="tests.fuzz_loading",
        processes=given.processes,
    )
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:7,}  {outcome}")
    return int(any(outcome.startswith("WRONG") for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
