# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus to a file of vectors: in memory that does not grow, resumable, in one process or several.

A run cuts the corpus into shards, computes each, and makes the output of them when all are there. What a shard holds
follows from the corpus, the model and the settings, not from what was computed before it, by whom, or how often the run
was killed: shard k belongs to process k modulo their number, and one that is there is not computed again. Every process
reads the whole corpus, which takes little beside computing.

Until then everything is in `OUTPUT.incomplete`, beside OUTPUT: finished shards, and what they were made with.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from ..files.atomic import exclusive_lock, flush, write_json
from ..files.background import prefetch
from ..files.progress import Progress
from ..model.bilm import State
from .background import Assembly, Background
from .embedder import ElmoEmbedder, Sentence
from .formats import write_hdf5, write_parquet
from .shards import Shard, ShardFile, ShardWriter, shards
from .sources import SentenceSource, import_parquet


FORMATS = ("hdf5", "parquet", "safetensors")
ENDINGS = {".hdf5": "hdf5", ".h5": "hdf5", ".parquet": "parquet"}
SHARD_BYTES = 256 * 10**6

INCOMPLETE = ".incomplete"
SETTINGS_FILE = "settings.json"
# In a directory of Parquet files, whose readers leave out what begins so.
PARQUET_SETTINGS_FILE = "_settings.json"
MANIFEST_FILE = "manifest.json"
LOCK_FILE = "lock"
# Is there once the output is complete, and stays if the process is killed before all else is taken away.
COMPLETE_FILE = "complete"

# A process may wait so long for another to finish its part.
LONGEST_WAIT = timedelta(days=30)


@dataclass(frozen=True)
class EmbeddedCorpus:
    """What a run made.

    Attributes:
        output (`Path`): The file, or the directory.
        num_sentences (`int`): Sentences of the corpus.
        num_words (`int`): Their words, boundaries not counted.
    """

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
    write: Callable[[str], None] | None = None,
) -> EmbeddedCorpus:
    """Writes the vectors of all sentences of a corpus.

    A run that was stopped or killed goes on when it is started again with the same arguments, and ends with the very
    same file. Under `torchrun` or `accelerate launch`, each process computes a part.

    Args:
        embedder (`ElmoEmbedder`): What to compute.
        source (`SentenceSource`): The corpus.
        output (`str` or `os.PathLike`): What to make. It has this name only when it is complete.
        format (`str`, *optional*): `"hdf5"`: one dataset for each sentence, as the original commands wrote them;
            `"parquet"`: one file, or a directory if the name does not end in `.parquet`; or `"safetensors"`: a
            directory of shards with `manifest.json`. By default as the name ends: `.hdf5`, `.h5`, `.parquet`, and
            otherwise safetensors.
        tokenized (`bool`, *optional*, defaults to `True`): Whether words of a text are what white space separates;
            otherwise the tokenizer splits it. Lists of words stay as they are.
        shard_bytes (`int`, *optional*, defaults to 256 million): Size of a shard's vectors. Also what a run that is
            killed loses at most.
        carry_state (`bool`, *optional*, defaults to `False`): Sentence by sentence, with the LSTM state carried on from
            each to the next, as the original commands did unasked. Slow, and for one process only.
        sentence_index (`bool`, *optional*, defaults to `True`): Whether HDF5 has `sentence_to_index`.
        force (`bool`, *optional*, defaults to `False`): Whether an output that exists is replaced.
        write (`Callable[[str], None]`, *optional*): Takes lines about the progress, in place of standard output.

    Returns:
        [`EmbeddedCorpus`].

    Raises:
        `ValueError`: For text that can't be read, an output that exists, one that was begun with another model, other
            settings or other sentences, one that another run is writing, or a type that the format has not.
        `OSError`: If something can't be read or written.
    """
    path = Path(output)
    kind = output_format(path, format)
    if not isinstance(shard_bytes, int) or shard_bytes < 1:
        raise ValueError(f"shard_bytes: expected an integer of at least 1, found {shard_bytes!r}")
    if embedder.dtype == torch.bfloat16 and kind != "safetensors":
        raise ValueError(f"{path}: {kind} has no bfloat16; expected float32 or float16, or a directory of safetensors")
    if not path.name:
        raise ValueError(f"output: expected the name of a file or directory to make, found {path}")
    read_from = getattr(source, "path", None)
    if read_from is not None and path.exists() and os.path.exists(read_from) and path.samefile(read_from):
        raise ValueError(f"{path}: expected another file to write to than the one that is read")
    if kind == "parquet":
        import_parquet(str(path))
    with Processes() as processes:
        if processes.count > 1 and not source.is_repeatable:
            raise ValueError(f"{source.name}: expected a file for several processes, each of which reads all of it")
        if processes.count > 1 and carry_state:
            raise ValueError("carry_state: each sentence needs the one before it, so expected one process")
        settings = {
            "version": 1,
            **embedder.fingerprint(),
            "splitting": _splitting(embedder, tokenized),
            "shard_bytes": shard_bytes,
            "carry_state": carry_state,
        }
        run = _Run(embedder, source, path, kind, settings, processes, tokenized, force, write)
        try:
            return run.complete(sentence_index)
        except (KeyboardInterrupt, SystemExit):
            run.tell_stopped()
            raise


def output_format(path: Path, format: str | None = None) -> str:
    """Returns the format of an output.

    Raises:
        `ValueError`: If it is unknown, or the name ends as that of another.
    """
    by_name = ENDINGS.get(path.suffix.lower())
    if format is None:
        return by_name or "safetensors"
    if format not in FORMATS:
        raise ValueError(f"format: expected one of {', '.join(FORMATS)}, found {format!r}")
    if by_name not in (None, format):
        raise ValueError(f"{path}: expected a name for {format}, found one that ends as those of {by_name} do")
    return format


def _splitting(embedder: ElmoEmbedder, tokenized: bool) -> str:
    if tokenized:
        return "white space"
    backend = json.loads(embedder.tokenizer.backend_tokenizer.to_str())
    rules = {name: backend[name] for name in ("normalizer", "pre_tokenizer")}
    return "tokenizer " + hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


class Processes:
    """The processes of a run, as `torchrun` and `accelerate launch` start them: one if nothing did."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.count > 1 else 0
        self._is_own = False

    def __enter__(self) -> "Processes":
        if self.count > 1 and not distributed.is_initialized():
            distributed.init_process_group("gloo", timeout=LONGEST_WAIT)
            self._is_own = True
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        # A process that ends inside its group may abort (gloo's threads) although all is done. After an error the
        # others may not get here.
        if self._is_own and kind is None:
            distributed.barrier()
            distributed.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """`bool`: Whether this process does what only one may do."""
        return self.rank == 0

    def gather(self, value: Any) -> list[Any]:
        """Returns the values of all processes."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def first_does(self, action: Callable[[], None]) -> None:
        """Lets the first process do something; if that fails, no process goes on."""
        failure: Exception | None = None
        if self.is_first:
            try:
                action()
            except Exception as error:
                failure = error
        if any(self.gather(failure is not None)):
            if failure is not None:
                raise failure
            # The first process tells why.
            raise SystemExit(2)


class _Run:
    """One run of a process: what `embed_corpus` does."""

    def __init__(
        self,
        embedder: ElmoEmbedder,
        source: SentenceSource,
        output: Path,
        kind: str,
        settings: dict[str, Any],
        processes: Processes,
        tokenized: bool,
        force: bool,
        write: Callable[[str], None] | None,
    ):
        self.embedder = embedder
        self.source = source
        self.output = output
        self.kind = kind
        self.settings = settings
        self.settings_digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self.processes = processes
        self.tokenized = tokenized
        self.force = force
        self.progress = Progress(write, processes.is_first, " in this process" if processes.count > 1 else "")
        self.work = output.with_name(output.name + INCOMPLETE)
        # In a format of several files, where the new ones wait.
        self.is_directory = kind == "safetensors" or (kind == "parquet" and output.suffix.lower() != ".parquet")
        self.lock = ExitStack()
        self.finished: EmbeddedCorpus | None = None

    def complete(self, sentence_index: bool) -> EmbeddedCorpus:
        """Computes the shards that are missing, and makes the output."""
        try:
            self.processes.first_does(self._begin)
            finished = self.processes.gather(self.finished)[0]
            if finished is not None:
                return finished
            with ExitStack() as stack:
                assembly = None
                if self.processes.count == 1 and self.kind != "safetensors":
                    assembly = stack.enter_context(self._assembly(sentence_index))
                num_shards, num_sentences, num_words = self._compute(assembly)
                self._check_all_read_the_same(num_shards, num_sentences, num_words)
                result = EmbeddedCorpus(self.output, num_sentences, num_words)
                self.processes.first_does(lambda: self._make_output(result, num_shards, sentence_index, assembly))
        finally:
            self.progress.close()
            self.lock.close()
        return result

    # The beginning

    def _begin(self) -> None:
        self.output.parent.mkdir(parents=True, exist_ok=True)
        if self._is_complete():
            self._check_settings(self.work / SETTINGS_FILE)
            counts = json.loads((self.work / COMPLETE_FILE).read_text(encoding="utf-8"))
            shutil.rmtree(self.work)
            self.finished = EmbeddedCorpus(self.output, counts["sentences"], counts["words"])
            return
        self._check_output()
        with self._writing():
            self.work.mkdir(exist_ok=True)
        names = {path.name for path in self.work.iterdir()}
        settings_file = self.work / SETTINGS_FILE
        if not settings_file.is_file() and names - {LOCK_FILE, f"{SETTINGS_FILE}.partial"}:
            raise ValueError(
                f"{self.work}: expected unfinished work of this command, found {min(names - {LOCK_FILE})}; delete it"
            )
        self.lock.enter_context(exclusive_lock(self.work / LOCK_FILE, self.output))
        if settings_file.is_file():
            self._check_settings(settings_file)
        else:
            with self._writing():
                write_json(settings_file, self.settings)
        # Of an output that was made, but got no name: it is made anew.
        (self.work / COMPLETE_FILE).unlink(missing_ok=True)

    def _is_complete(self) -> bool:
        """Whether a run ended between giving the output its name and taking its work away."""
        return (self.work / COMPLETE_FILE).exists() and not self._new_output().exists() and self.output.exists()

    def _new_output(self) -> Path:
        return self.work / f"output{self.output.suffix if not self.is_directory else ''}"

    def _check_output(self) -> None:
        if not self.output.exists():
            return
        if self.is_directory != self.output.is_dir():
            expected, found = ("directory", "file") if self.is_directory else ("file", "directory")
            raise ValueError(f"{self.output}: expected a {expected} to write to, found a {found}")
        contents = {path.name for path in self.output.iterdir()} if self.is_directory else set()
        if contents and not any(_are_settings(self.output / name) for name in (SETTINGS_FILE, PARQUET_SETTINGS_FILE)):
            raise ValueError(f"{self.output}: can't be replaced, since this command did not write it")
        if not self.force and (contents or not self.is_directory):
            raise ValueError(f"{self.output}: exists already; --force replaces it")

    def _check_settings(self, path: Path) -> None:
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not what this command wrote ({error}); delete {self.work}") from error
        differing = [name for name in sorted({*saved, *self.settings}) if saved.get(name) != self.settings.get(name)]
        if differing:
            described = "; ".join(
                "another model" if name == "model" else f"{name}={saved.get(name)}, found {self.settings.get(name)}"
                for name in differing
            )
            raise ValueError(
                f"{self.work}: begun with {described}. Expected the same, to go on; delete it to begin anew"
            )

    # Computing

    def _sentences(self) -> Iterator[Sentence]:
        return self.embedder.split(self.source, self.tokenized)

    def _compute(self, assembly: Assembly | None) -> tuple[int, int, int]:
        embedder = self.embedder
        num_shards = num_sentences = num_words = num_found = 0
        state: State | None = None
        plan = shards(embedder, self._sentences(), int(self.settings["shard_bytes"]), self.source.share)
        with Background() as background:
            for shard in prefetch(plan, 1):
                num_shards += 1
                num_sentences += shard.num_sentences
                num_words += shard.num_words
                if shard.number % self.processes.count != self.processes.rank:
                    continue
                path = self._shard_path(shard.number)
                if path.exists():
                    file = self._checked(path, shard)
                    if self.settings["carry_state"]:
                        state = tuple(torch.from_numpy(file.array(name).copy()) for name in STATE_NAMES)  # type: ignore
                    num_found += 1
                else:
                    if not self.progress.is_started:
                        if num_found:
                            self.progress.tell(f"resuming: {num_found:,} shards are done")
                        self.progress.start(shard.shares[0] if shard.shares else None)
                    state = self._compute_shard(shard, path, background, state)
                if assembly is not None:
                    # Once it has been written.
                    background.submit(partial(assembly.add, path))
        return num_shards, num_sentences, num_words

    def _shard_path(self, number: int) -> Path:
        return self.work / f"shard-{number:05}.safetensors"

    def _checked(self, path: Path, shard: Shard) -> ShardFile:
        file = ShardFile(path)
        if file.metadata.get("settings") != self.settings_digest:
            raise ValueError(f"{path}: made with other settings than those beside it; delete {self.work}")
        if file.metadata.get("sentences") != shard.digest:
            first, last = shard.first_sentence, shard.first_sentence + shard.num_sentences - 1
            raise ValueError(
                f"{self.source.name}: sentences {first:,} to {last:,} (from 0) are not those that {self.work} was "
                f"begun with; delete it to begin anew"
            )
        return file

    def _compute_shard(self, shard: Shard, path: Path, background: "Background", state: State | None) -> State | None:
        embedder, carries = self.embedder, bool(self.settings["carry_state"])
        self._shard, self._words_done = shard, 0
        metadata = {
            "format": "pt",
            "settings": self.settings_digest,
            "sentences": shard.digest,
            "first_sentence": str(shard.first_sentence),
            "layers": str(embedder.layers),
            "pool": embedder.pool,
        }
        with self._writing():
            writer = ShardWriter(path, shard, embedder, metadata, self._state_shapes() if carries else None)

        def submit(task: Callable[..., None], *arguments: Any) -> None:
            background.submit(lambda: self._written(task, *arguments))

        try:
            first = 0
            for window in shard.windows:
                sentences = [sentence.words for sentence in window]
                if carries:
                    for words in sentences:
                        first, state = self._compute_by_pieces(words, first, writer, submit, state, carries)
                        self._report(len(words))
                elif embedder.is_long(sentences):
                    first, _ = self._compute_by_pieces(sentences[0], first, writer, submit, None, carries)
                else:
                    vectors_KND, _ = embedder.embed_window(sentences)
                    submit(writer.rows, first, vectors_KND)
                    first += vectors_KND.shape[1]
                    self._report(sum(map(len, sentences)))
            if carries:
                assert state is not None
                for name, tensor in zip(STATE_NAMES, state):
                    submit(writer.tensor, name, tensor)
            submit(writer.finish)
        except BaseException:
            background.cancel()
            writer.abandon()
            raise
        background.on_failure = writer.abandon
        return state

    def _compute_by_pieces(
        self, words: list[str], first: int, writer: ShardWriter, submit: Any, state: State | None, carries: bool
    ) -> tuple[int, State | None]:
        embedder = self.embedder
        last: list[State] | None = [] if carries else None
        if embedder.is_pooled:
            submit(writer.rows, first, embedder.pooled_pieces(words, state, last)[:, None])
            count = 1
        else:
            for begin, piece_KND in embedder.pieces(words, state, last):
                submit(writer.rows, first + begin, piece_KND)
                if not carries:
                    self._report(piece_KND.shape[1])
            count = embedder.num_rows(words)
        return first + count, last[0] if last else None

    def _report(self, num_words: int) -> None:
        self._words_done += num_words
        share = None
        if self._shard.shares is not None:
            first, last = self._shard.shares
            share = first + (last - first) * min(1.0, self._words_done / max(1, self._shard.num_words))
        self.progress.add(num_words, share)

    def _state_shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.embedder.config
        count = 2 * config.num_hidden_layers
        return dict(zip(STATE_NAMES, ((count, 1, config.projection_size), (count, 1, config.cell_size))))

    def _check_all_read_the_same(self, *counts: int) -> None:
        found = self.processes.gather(counts)
        if len(set(found)) > 1:
            raise ValueError(
                f"{self.source.name}: expected the same sentences in every process, found {found} shards, sentences "
                f"and words"
            )

    # The output

    def _assembly(self, sentence_index: bool) -> Assembly:
        return Assembly(
            partial(self._write_new, sentence_index=sentence_index), partial(self._remove, self._new_output())
        )

    def _write_new(self, files: Iterator[ShardFile], sentence_index: bool) -> None:
        new = self._new_output()
        with self._writing():
            self._remove(new)
            if self.kind == "hdf5":
                write_hdf5(new, files, sentence_index)
            elif not self.is_directory:
                write_parquet(new, files)
            else:
                new.mkdir()
                for number, file in enumerate(files):
                    part = new / f"part-{number:05}.parquet"
                    write_parquet(part, iter([file]))
                    flush(part)
                write_json(new / PARQUET_SETTINGS_FILE, self.settings)
            flush(new)

    def _make_output(
        self, result: EmbeddedCorpus, num_shards: int, sentence_index: bool, assembly: Assembly | None
    ) -> None:
        paths = [self._shard_path(number) for number in range(num_shards)]
        for path in self.work.glob("shard-*"):
            if path not in paths:
                raise ValueError(f"{self.source.name}: it has become shorter since {self.work} was begun; delete that")
        if self.kind == "safetensors":
            with self._writing():
                self._finish_shards(result, paths)
            return
        self.progress.tell(f"writing {self.output}")
        if assembly is not None:
            assembly.finish()
        else:
            self._write_new(map(ShardFile, paths), sentence_index)
        with self._writing():
            write_json(self.work / COMPLETE_FILE, {"sentences": result.num_sentences, "words": result.num_words})
            self._give_name(self._new_output())
            self.lock.close()
            shutil.rmtree(self.work, ignore_errors=True)

    def _finish_shards(self, result: EmbeddedCorpus, paths: list[Path]) -> None:
        embedder = self.embedder
        entries = []
        for path in paths:
            file = ShardFile(path)
            count = len(file.row_counts())
            entries.append(
                {
                    "file": path.name,
                    "first_sentence": int(file.metadata["first_sentence"]),
                    "sentences": count,
                    "rows": file.num_rows,
                }
            )
        manifest = {
            "sentences": result.num_sentences,
            "words": result.num_words,
            "dimensions": embedder.config.hidden_size,
            **{name: self.settings[name] for name in ("layers", "pool", "dtype", "keep_boundaries")},
            "shards": entries,
        }
        write_json(self.work / MANIFEST_FILE, manifest)
        self.lock.close()
        self._give_name(self.work)

    def _give_name(self, new: Path) -> None:
        aside = self.output.with_name(self.output.name + ".replaced")
        if self.is_directory and self.output.exists():
            # A directory takes the place of another in two steps: whatever stops them, one of the two is whole.
            self._remove(aside)
            self.output.rename(aside)
        os.replace(new, self.output)
        flush(self.output.parent)
        if self.is_directory:
            self._remove(aside)

    def _remove(self, path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    # What goes wrong

    def _written(self, task: Callable[..., None], *arguments: Any) -> None:
        with self._writing():
            task(*arguments)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        # h5py and pyarrow have errors of the disk in classes of their own.
        try:
            yield
        except (OSError, RuntimeError) as error:
            message = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise OSError(
                f"{self.output}: can't be written ({' '.join(message.split())}); what is done is in {self.work}: the "
                f"same command goes on from there"
            ) from error

    def tell_stopped(self) -> None:
        """Says that nothing is lost."""
        if self.processes.is_first and self.work.exists():
            print(
                f"Stopped. What is done is in {self.work}: the same command goes on from there.",
                file=sys.stderr,
                flush=True,
            )


STATE_NAMES = ("state_hidden", "state_cell")


def _are_settings(path: Path) -> bool:
    """Whether a file is what this command writes beside its output, and not some program's settings."""
    try:
        return {"version", "model", "layers", "shard_bytes"} <= set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False


__all__ = ["EmbeddedCorpus", "embed_corpus", "output_format"]
