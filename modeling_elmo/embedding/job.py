# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`embed_corpus`: a corpus to a file of vectors, in bounded memory, resumable, in one or more processes.

A job splits the corpus into shards, computes each, and makes the output once all shards exist; until then they are in
`OUTPUT.incomplete`, with the settings they were made with. A shard depends on the corpus, the model and the settings,
not on what was computed before or by which process: shard k belongs to process k modulo their number, and an existing
one is not computed again. Every process reads the whole corpus, which costs little compared to computing.
"""

import hashlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed

from ..files.atomic import PARTIAL, exclusive_lock, move_into_place, write_json
from ..files.background import prefetch
from ..files.errors import one_line
from ..files.progress import Progress
from ..files.tables import import_parquet
from ..model.text_warnings import ElmoWarning
from .embedder import ElmoEmbedder, windows
from .formats import write_hdf5, write_parquet
from .shards import Shard, ShardFile, new_shard, shards
from .sources import SentenceSource
from .text_checks import TextChecks


FORMATS = ("hdf5", "parquet", "safetensors")
ENDINGS = {".hdf5": "hdf5", ".h5": "hdf5", ".parquet": "parquet"}
# Endings of single files. A directory of that name would surprise.
OTHER_ENDINGS = {".npy", ".npz", ".pkl", ".pt", ".pth", ".safetensors", ".txt", ".csv", ".tsv", ".json", ".jsonl"}
SHARD_BYTES = 256 * 10**6

SETTINGS_FILE = "settings.json"
# In a directory of Parquet files, whose readers skip names with an underscore.
PARQUET_SETTINGS_FILE = "_settings.json"
MANIFEST_FILE = "manifest.json"
LOCK_FILE = "lock"
# Exists once the output is complete, and stays if the process is killed before the rest is deleted.
COMPLETE_FILE = "complete"
STATE_NAMES = ("state_hidden", "state_cell")

# How long a process may wait for another one to finish its part.
MAX_WAIT = timedelta(days=30)

T = TypeVar("T")


@dataclass(frozen=True)
class EmbeddedCorpus:
    """The file or directory that a job made, and the sentences and words (boundaries not counted) of the corpus."""

    output: Path
    num_sentences: int
    num_words: int


def embed_corpus(
    embedder: ElmoEmbedder,
    source: SentenceSource,
    output: str | os.PathLike[str],
    *,
    format: str | None = None,
    tokenized: bool = True,
    shard_bytes: int = SHARD_BYTES,
    carry_state: bool = False,
    sentence_index: bool = True,
    force: bool = False,
    strict: bool = False,
    write: Callable[[str], None] | None = None,
) -> EmbeddedCorpus:
    """Writes the vectors of all sentences of a corpus.

    A job that was interrupted or killed resumes when it is started again with the same arguments, and produces the
    identical file. Under `torchrun` or `accelerate launch`, each process computes a part.

    Args:
        embedder (`ElmoEmbedder`): Computes the vectors.
        source (`SentenceSource`): The corpus.
        output (`str` or `os.PathLike`): The file or directory to make. It gets this name only once it is complete.
        format (`str`, *optional*): `"hdf5"`: one dataset per sentence, as the original commands wrote them;
            `"parquet"`: one file, or a directory if the name does not end in `.parquet`; or `"safetensors"`: a
            directory of shards with `manifest.json`. By default, follows the ending of the name: `.hdf5`, `.h5`,
            `.parquet`, and otherwise safetensors.
        tokenized (`bool`, *optional*, defaults to `True`): Whether to split texts at white space; otherwise the
            tokenizer splits them. Lists of words are used as they are.
        shard_bytes (`int`, *optional*, defaults to 256 million): Size of a shard's vectors, and the most that a killed
            job loses.
        carry_state (`bool`, *optional*, defaults to `False`): Carry the LSTM state from each sentence to the next, as
            the original commands did by default. Slow, and for one process only.
        sentence_index (`bool`, *optional*, defaults to `True`): Whether to write `sentence_to_index` to HDF5.
        force (`bool`, *optional*, defaults to `False`): Whether to replace an existing output.
        strict (`bool`, *optional*, defaults to `False`): Whether to raise what would be a warning about the text. A
            source that can be read twice is checked before anything is written.
        write (`Callable[[str], None]`, *optional*): Receives lines about the progress; by default they are printed.

    Returns:
        [`EmbeddedCorpus`].

    Raises:
        `ValueError`: For text that can't be read, an output that exists, was begun with another model, other settings
            or other sentences, or is being written by another run, or a dtype that the format does not support.
        `OSError`: If something can't be read or written.
        `ElmoWarning`: If `strict`, for text that is probably not meant as it is read. Otherwise a warning.
    """
    path = Path(output)
    kind = output_format(path, format)
    if not isinstance(shard_bytes, int) or shard_bytes < 1:
        raise ValueError(f"shard_bytes: expected an integer of at least 1, found {shard_bytes!r}")
    if embedder.dtype == torch.bfloat16 and kind != "safetensors":
        raise ValueError(f"{path}: {kind} does not support bfloat16; use float32 or float16, or write safetensors")
    if not path.name:
        raise ValueError(f"output: expected the name of a file or directory to make, found {path}")
    source_path = getattr(source, "path", None)
    if source_path is not None and path.exists() and os.path.exists(source_path) and path.samefile(source_path):
        raise ValueError(f"{path}: the output must be another file than the input")
    if embedder.split_sentences and (tokenized or carry_state):
        name = "tokenized" if tokenized else "carry_state"
        raise ValueError(f"split_sentences requires raw text and no carried state: {name}=False (--raw)")
    if kind == "parquet":
        import_parquet(str(path))
    with Processes() as processes, warnings.catch_warnings():
        if strict:
            warnings.simplefilter("error", ElmoWarning)
        if processes.count > 1 and not source.is_repeatable:
            raise ValueError(f"{source.name}: several processes require a file, because each of them reads all of it")
        if processes.count > 1 and carry_state:
            raise ValueError("carry_state requires a single process, because each sentence depends on the one before")
        settings = {
            "version": 1,
            **embedder.fingerprint(),
            "splitting": _splitting(embedder, tokenized),
            "shard_bytes": shard_bytes,
            "carry_state": carry_state,
        }
        if strict and source.is_repeatable:
            processes.first_does(partial(_check_texts, embedder, source, tokenized))
        progress = Progress(write, processes.is_first, " in this process" if processes.count > 1 else "")
        job = _Job(embedder, source, tokenized, path, kind, sentence_index, force, settings, processes, progress)
        try:
            with closing(progress), job.lock:
                return job.run()
        except (KeyboardInterrupt, SystemExit):
            if processes.is_first and job.work.exists():
                message = f"Interrupted. Progress is saved in {job.work}; rerun the same command to resume."
                print(message, file=sys.stderr, flush=True)
            raise


def output_format(path: Path, format: str | None = None) -> str:
    """Returns the format of an output. Raises `ValueError` if it is unknown, or the name ends like another format."""
    by_name = ENDINGS.get(path.suffix.lower())
    if str(path) == "-":
        raise ValueError("output: expected the name of a file or directory to make, found - (standard output)")
    if format is None and path.suffix.lower() in OTHER_ENDINGS:
        raise ValueError(
            f"{path}: expected a name that ends in {', '.join(ENDINGS)}, or one without an ending for a directory of "
            f"safetensors; {path.suffix} is not written"
        )
    if format is None:
        return by_name or "safetensors"
    if format not in FORMATS:
        raise ValueError(f"format: expected one of {', '.join(FORMATS)}, found {format!r}")
    if by_name not in (None, format):
        raise ValueError(f"{path}: the name ends like {by_name}, but the format is {format}; change one of them")
    return format


def _splitting(embedder: ElmoEmbedder, tokenized: bool) -> str:
    if tokenized:
        return "white space"
    by_sentence = "sentences " if embedder.split_sentences else ""
    return f"{by_sentence}tokenizer {embedder.tokenizer.splitting_hash()}"


def _check_texts(embedder: ElmoEmbedder, source: SentenceSource, tokenized: bool) -> None:
    checks = TextChecks(embedder)
    for window in windows(embedder.split(source, tokenized), embedder.window_words, embedder.piece_words):
        checks.add(sentence.words for sentence in window)
    checks.warn(is_all=True)


class Processes:
    """The processes of a job, as `torchrun` and `accelerate launch` start them; otherwise one."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.count > 1 else 0
        self.is_first = self.rank == 0
        self._owns_group = self.count > 1 and not distributed.is_initialized()

    def __enter__(self) -> "Processes":
        if self._owns_group:
            distributed.init_process_group("gloo", timeout=MAX_WAIT)
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        # A process that exits within its group may abort in gloo's threads although all its work is done. After an
        # error, the others may never get here.
        if self._owns_group and kind is None:
            distributed.barrier()
            distributed.destroy_process_group()

    def gather(self, value: Any) -> list[Any]:
        """Returns the values of all processes."""
        values: list[Any] = [value] * self.count
        if self.count > 1:
            distributed.all_gather_object(values, value)
        return values

    def first_does(self, action: Callable[[], T]) -> T:
        """Runs an action in the first process and returns its result. If it fails, all processes stop."""
        result, failure = None, None
        if self.is_first:
            try:
                result = action()
            except Exception as error:
                failure = error
        result, has_failed = self.gather((result, failure is not None))[0]
        if has_failed:
            # The first process reports the reason.
            raise failure or SystemExit(2)
        return result


@dataclass
class _Job:
    """One process's part of `embed_corpus`: prepares OUTPUT.incomplete, computes shards, makes the output."""

    embedder: ElmoEmbedder
    source: SentenceSource
    tokenized: bool
    output: Path
    kind: str
    sentence_index: bool
    force: bool
    settings: dict[str, Any]
    processes: Processes
    progress: Progress

    def __post_init__(self) -> None:
        self.work = self.output.with_name(self.output.name + ".incomplete")
        self.is_directory = self.kind != "hdf5" and self.output.suffix.lower() != ".parquet"
        # Where the output is made of the shards.
        self.new_output = self.work / f"output{'' if self.is_directory else self.output.suffix}"
        self.settings_digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()
        self.lock = ExitStack()
        # The LSTM state after the last sentence, if it is carried.
        self.state = self.embedder.initial_state() if self.settings["carry_state"] else None

    def run(self) -> EmbeddedCorpus:
        """Computes the missing shards and makes the output."""
        finished = self.processes.first_does(self._prepare)
        if finished is not None:
            return finished
        try:
            counts = self._compute()
        except (ValueError, ElmoWarning):
            # A refused input leaves nothing behind, except for finished shards.
            if self.processes.count == 1 and not any(self.work.glob("shard-*.safetensors")):
                shutil.rmtree(self.work, ignore_errors=True)
            raise
        found = self.processes.gather(counts)
        if len(set(found)) > 1:
            raise ValueError(
                f"{self.source.name}: expected the same sentences in every process, found {found} shards, sentences "
                f"and words"
            )
        num_shards, num_sentences, num_words = counts
        result = EmbeddedCorpus(self.output, num_sentences, num_words)
        self.processes.first_does(partial(self._make_output, result, num_shards))
        return result

    # Preparation

    def _prepare(self) -> EmbeddedCorpus | None:
        """Makes the directory of unfinished work; returns the result if a killed run has only left to delete it."""
        settings_file, complete_file = self.work / SETTINGS_FILE, self.work / COMPLETE_FILE
        self.output.parent.mkdir(parents=True, exist_ok=True)
        if complete_file.exists() and not self.new_output.exists() and self.output.exists():
            # An earlier run was killed between renaming the output and deleting its work.
            self._check_settings(settings_file)
            counts = json.loads(complete_file.read_text(encoding="utf-8"))
            shutil.rmtree(self.work)
            return EmbeddedCorpus(self.output, counts["sentences"], counts["words"])
        self._check_output()
        with self._writing():
            self.work.mkdir(exist_ok=True)
        names = {path.name for path in self.work.iterdir() if path.suffix != PARTIAL} - {LOCK_FILE}
        if names and SETTINGS_FILE not in names:
            raise ValueError(f"{self.work}: expected unfinished work of this command, found {min(names)}; delete it")
        self.lock.enter_context(exclusive_lock(self.work / LOCK_FILE, self.output))
        if settings_file.is_file():
            self._check_settings(settings_file)
        with self._writing():
            for path in self.work.glob(f"*{PARTIAL}"):
                path.unlink()
            write_json(settings_file, self.settings)
            # An output that was completed but not renamed is made again.
            complete_file.unlink(missing_ok=True)
        return None

    def _check_output(self) -> None:
        if not self.output.exists():
            return
        if self.is_directory != self.output.is_dir():
            expected, found = ("directory", "file") if self.is_directory else ("file", "directory")
            raise ValueError(f"{self.output}: expected a {expected} to write to, found a {found}")
        is_empty = self.is_directory and not any(self.output.iterdir())
        names = (SETTINGS_FILE, PARQUET_SETTINGS_FILE)
        if self.is_directory and not is_empty and not any(_are_settings(self.output / name) for name in names):
            raise ValueError(f"{self.output}: can't be replaced, because this command did not write it")
        if not self.force and not is_empty:
            raise ValueError(f"{self.output}: already exists; --force replaces it")

    def _check_settings(self, path: Path) -> None:
        saved = json.loads(path.read_text(encoding="utf-8"))
        differing = [
            "another model" if name == "model" else f"{name}={saved.get(name)}, found {self.settings.get(name)}"
            for name in sorted({*saved, *self.settings})
            if saved.get(name) != self.settings.get(name)
        ]
        if differing:
            raise ValueError(
                f"{self.work}: begun with {'; '.join(differing)}; use the same to resume, or delete it to start over"
            )

    # Computing

    def _compute(self) -> tuple[int, int, int]:
        """Computes this process's missing shards, and returns the numbers of all shards, sentences and words."""
        num_shards = num_sentences = num_words = num_found = 0
        sentences = self.embedder.split(self.source, self.tokenized)
        plan = shards(self.embedder, sentences, self.settings["shard_bytes"], self.source.share)
        checks = TextChecks(self.embedder)
        for shard in prefetch(plan, 1):
            if self.processes.is_first:
                checks.add(sentence.words for window in shard.windows for sentence in window)
                checks.warn()
            num_shards += 1
            num_sentences += shard.num_sentences
            num_words += shard.num_words
            if shard.index % self.processes.count != self.processes.rank:
                continue
            path = self._shard_path(shard.index)
            if path.exists():
                file = self._checked(path, shard)
                if self.state is not None:
                    hidden, cell = (torch.from_numpy(file.array(name)) for name in STATE_NAMES)
                    self.state = hidden, cell
                num_found += 1
                continue
            if not self.progress.is_started:
                if num_found:
                    self.progress.tell(f"resuming: {num_found:,} shards are done")
                self.progress.start(shard.share_after(0))
            self._compute_shard(path, shard)
        checks.warn(is_all=True)
        return num_shards, num_sentences, num_words

    def _shard_path(self, index: int) -> Path:
        return self.work / f"shard-{index:05}.safetensors"

    def _checked(self, path: Path, shard: Shard) -> ShardFile:
        file = ShardFile(path)
        if file.metadata.get("settings") != self.settings_digest:
            raise ValueError(f"{path}: made with other settings than the rest of its directory; delete {self.work}")
        if file.metadata.get("sentences") != shard.digest:
            first, last = shard.first_sentence, shard.first_sentence + shard.num_sentences - 1
            raise ValueError(
                f"{self.source.name}: sentences {first:,} to {last:,} (from 0) have changed since {self.work} was "
                f"begun; delete it to start over"
            )
        return file

    def _compute_shard(self, path: Path, shard: Shard) -> None:
        metadata = {
            "format": "pt",
            "settings": self.settings_digest,
            "sentences": shard.digest,
            "first_sentence": str(shard.first_sentence),
            "layers": str(self.embedder.layers),
            "pool": self.embedder.pool,
        }
        state_shapes = {name: tuple(tensor.shape) for name, tensor in zip(STATE_NAMES, self.state or ())}
        words_done = 0
        with self._writing(), new_shard(path, shard, self.embedder, metadata, state_shapes) as writer:
            for first, rows_KND, num_words in self._rows(shard):
                writer.rows(first, rows_KND)
                words_done += num_words
                self.progress.add(num_words, shard.share_after(words_done))
            for name, tensor in zip(STATE_NAMES, self.state or ()):
                writer.tensor(name, tensor)

    def _rows(self, shard: Shard) -> Iterator[tuple[int, torch.Tensor, int]]:
        """Yields the vectors of a shard: the first row, rows `(K, n, D)`, and how many words they took."""
        embedder, first = self.embedder, 0
        for window in shard.windows:
            sentences = [sentence.words for sentence in window]
            if self.state is None and not embedder.is_long(sentences):
                yield first, embedder.embed_window(sentences), sum(map(len, sentences))
                first += sum(embedder.row_counts(sentences))
                continue
            for words in sentences:
                sentence = None if self.state is None else embedder.long_sentence(words, self.state)
                for begin, rows_KND in embedder.long_rows(words) if sentence is None else embedder.pieces(sentence):
                    yield first + begin, rows_KND, len(words) if embedder.is_pooled else rows_KND.shape[1]
                (num_rows,) = embedder.row_counts([words])
                first += num_rows
                if sentence is not None:
                    self.state = sentence.state

    # The output

    def _make_output(self, result: EmbeddedCorpus, num_shards: int) -> None:
        paths = [self._shard_path(index) for index in range(num_shards)]
        if set(self.work.glob("shard-*.safetensors")) - set(paths):
            raise ValueError(f"{self.source.name}: has become shorter since {self.work} was begun; delete the latter")
        with self._writing():
            if self.kind == "safetensors":
                self._write_manifest(result, paths)
                self.lock.close()
                move_into_place(self.work, self.output)
                return
            self.progress.tell(f"writing {self.output}")
            _remove(self.new_output)
            try:
                self._write_new_output(paths)
            except BaseException:
                # The disk may be full.
                _remove(self.new_output)
                raise
            write_json(self.work / COMPLETE_FILE, {"sentences": result.num_sentences, "words": result.num_words})
            move_into_place(self.new_output, self.output)
            self.lock.close()
            shutil.rmtree(self.work, ignore_errors=True)

    def _write_new_output(self, paths: list[Path]) -> None:
        new = self.new_output
        if self.kind == "hdf5":
            write_hdf5(new, map(ShardFile, paths), self.sentence_index)
        elif not self.is_directory:
            write_parquet(new, map(ShardFile, paths))
        else:
            new.mkdir()
            for index, path in enumerate(paths):
                write_parquet(new / f"part-{index:05}.parquet", [ShardFile(path)])
            write_json(new / PARQUET_SETTINGS_FILE, self.settings)

    def _write_manifest(self, result: EmbeddedCorpus, paths: list[Path]) -> None:
        files = [ShardFile(path) for path in paths]
        manifest = {
            "sentences": result.num_sentences,
            "words": result.num_words,
            "dimensions": self.embedder.config.hidden_size,
            **{name: self.settings[name] for name in ("layers", "pool", "dtype", "keep_boundaries")},
            "shards": [
                {
                    "file": file.path.name,
                    "first_sentence": int(file.metadata["first_sentence"]),
                    "sentences": len(file.row_counts()),
                    "rows": file.num_rows,
                }
                for file in files
            ],
        }
        write_json(self.work / MANIFEST_FILE, manifest)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = os.strerror(error.errno) if error.errno else one_line(error)
            saved = (
                f"; progress is saved in {self.work}: rerun the same command to resume" if self.work.exists() else ""
            )
            raise OSError(f"{self.output}: can't be written ({message}){saved}") from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _are_settings(path: Path) -> bool:
    """Whether a file was written next to an output by this command; other programs have a settings.json too."""
    try:
        return {"version", "model", "layers", "shard_bytes"} <= set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False
