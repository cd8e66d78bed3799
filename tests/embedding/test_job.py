# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus to a file: every format, every interruption, any number of processes."""

import errno
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

import modeling_elmo.embedding.job
import modeling_elmo.files.atomic
import modeling_elmo.files.progress
from modeling_elmo import ElmoEmbedder, ElmoModel
from modeling_elmo.conversion_scripts import OriginalFiles, convert
from modeling_elmo.embedding.job import embed_corpus, output_format
from modeling_elmo.embedding.pooling import POOLS
from modeling_elmo.embedding.sources import TextLines, open_source
from tests.helpers import programs


ROOT = Path(__file__).parents[2]
WORDS = ["the", "bank", "of", "river", ".", "naïve", "日本", "odd"]
SHARD_BYTES = 20_000
# The corpus has several windows, and a sentence of several pieces.
WINDOWS = {"window_words": 200, "piece_words": 25}


@pytest.fixture(scope="module")
def model(model_dir):
    return ElmoModel.from_pretrained(model_dir).eval()


@pytest.fixture
def embedder(model):
    return ElmoEmbedder(model, layers="all", **WINDOWS)


def write_sentences(path, num_sentences, longest=20, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, longest + 1, num_sentences)
    lines = [" ".join(WORDS[number] for number in generator.integers(0, len(WORDS), length)) for length in lengths]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lines


@pytest.fixture
def corpus(tmp_path):
    """Sentences, one of them long enough for pieces, one empty, one twice."""
    lines = write_sentences(tmp_path / "corpus.txt", 100)
    lines += ["the bank " * 30, "", "the odd bank .", "the odd bank ."]
    (tmp_path / "corpus.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return tmp_path / "corpus.txt"


def embed(embedder, corpus, output, **kwargs):
    return embed_corpus(
        embedder, open_source(corpus), output, **{"shard_bytes": SHARD_BYTES, "write": lambda line: None, **kwargs}
    )


def expected_vectors(embedder, corpus):
    return list(embedder.embed(line.split() for line in corpus.read_text(encoding="utf-8").splitlines()))


def read_original_layout(path):
    """As readers of the original commands' files do."""
    with h5py.File(path, "r") as file:
        sentence_to_index = json.loads(file["sentence_to_index"][0])
        vectors = [file[str(number)][...] for number in range(len(file) - 1)]
    return vectors, sentence_to_index


def read_shards(directory):
    manifest = json.loads((directory / "manifest.json").read_text())
    for entry in manifest["shards"]:
        tensors = load_file(directory / entry["file"])
        vectors, offsets = tensors["embeddings"], tensors["offsets"].tolist()
        texts = tensors["text"].numpy().tobytes()
        text_offsets = tensors["text_offsets"].tolist()
        for number in range(entry["sentences"]):
            text = texts[text_offsets[number] : text_offsets[number + 1]].decode()
            if manifest["pool"] == "none":
                yield text, vectors[..., offsets[number] : offsets[number + 1], :]
            else:
                yield text, vectors[number]


class TestFormats:
    @pytest.mark.parametrize(("layers", "pool"), [("all", "none"), ("mix", "mean")])
    def test_all_formats_hold_the_embedders_vectors_in_order(self, model, corpus, tmp_path, layers, pool):
        embedder = ElmoEmbedder(model, layers=layers, pool=pool, **WINDOWS)
        expected = expected_vectors(embedder, corpus)
        lines = corpus.read_text(encoding="utf-8").splitlines()

        result = embed(embedder, corpus, tmp_path / "vectors.hdf5")
        assert (result.num_sentences, result.num_words) == (len(lines), sum(len(line.split()) for line in lines))
        vectors, sentence_to_index = read_original_layout(tmp_path / "vectors.hdf5")
        for array, tensor in zip(vectors, expected, strict=True):
            assert array.dtype == np.float32
            assert array.shape == tensor.shape
            np.testing.assert_array_equal(array, tensor.numpy())
        # Of equal sentences, the last one counts, as in the original.
        assert sentence_to_index == {line.strip(): str(number) for number, line in enumerate(lines)}

        embed(embedder, corpus, tmp_path / "vectors")
        found = list(read_shards(tmp_path / "vectors"))
        assert [text for text, _ in found] == lines
        assert all(torch.equal(*pair) for pair in zip((tensor for _, tensor in found), expected))

        parquet = pytest.importorskip("pyarrow.parquet", reason="needs the package pyarrow")
        embed(embedder, corpus, tmp_path / "vectors.parquet")
        embed(embedder, corpus, tmp_path / "parts", format="parquet")
        for path in ("vectors.parquet", "parts"):
            table = parquet.read_table(tmp_path / path)
            assert table["sentence"].to_pylist() == lines
            for value, tensor in zip(table["embeddings"].to_pylist(), expected, strict=True):
                found = np.array(value, dtype=np.float32).reshape(tensor.shape)
                np.testing.assert_array_equal(found, tensor.numpy())
        assert not list(tmp_path.glob("*.incomplete"))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_types(self, model, corpus, tmp_path, dtype):
        embedder = ElmoEmbedder(model, layers="top", dtype=dtype, **WINDOWS)
        expected = expected_vectors(embedder, corpus)
        embed(embedder, corpus, tmp_path / "vectors")
        assert all(
            torch.equal(tensor, other) for (_, tensor), other in zip(read_shards(tmp_path / "vectors"), expected)
        )
        for name in ("vectors.hdf5", "vectors.parquet"):
            if dtype == torch.bfloat16:
                with pytest.raises(ValueError, match="does not support bfloat16; use float32 or float16"):
                    embed(embedder, corpus, tmp_path / name)
            else:
                embed(embedder, corpus, tmp_path / name)
        if dtype == torch.float16:
            vectors, _ = read_original_layout(tmp_path / "vectors.hdf5")
            assert vectors[0].dtype == np.float16
            np.testing.assert_array_equal(vectors[0], expected[0].numpy())

    def test_a_corpus_without_sentences(self, embedder, tmp_path):
        (tmp_path / "empty").write_text("")
        for name in ("vectors.hdf5", "vectors", "vectors.parquet"):
            assert embed(embedder, tmp_path / "empty", tmp_path / name).num_sentences == 0
        assert read_original_layout(tmp_path / "vectors.hdf5") == ([], {})

    @pytest.mark.parametrize("pool", POOLS)
    def test_lines_without_words_are_not_computed(self, model, tmp_path, monkeypatch, pool):
        calls = []
        run = ElmoEmbedder._embed_batch
        monkeypatch.setattr(ElmoEmbedder, "_embed_batch", lambda *args: calls.append(1) or run(*args))
        (tmp_path / "corpus.txt").write_text("\n" * 5000)
        embed(ElmoEmbedder(model, layers="all", pool=pool), tmp_path / "corpus.txt", tmp_path / "vectors")
        assert not calls
        found = [vectors for _, vectors in read_shards(tmp_path / "vectors")]
        assert len(found) == 5000
        assert not any(vectors.any() for vectors in found)

    def test_sentence_to_index_can_be_left_out(self, embedder, corpus, tmp_path):
        embed(embedder, corpus, tmp_path / "vectors.hdf5", sentence_index=False)
        with h5py.File(tmp_path / "vectors.hdf5") as file:
            assert "sentence_to_index" not in file
            assert len(file) == 104

    def test_raw_text_and_words_of_a_column(self, embedder, tmp_path):
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"text": "Don\'t."}\n{"text": ["Do", "n\'t", "."]}\n')
        embed(embedder, rows, tmp_path / "vectors.hdf5", tokenized=False)
        (first, second), sentence_to_index = read_original_layout(tmp_path / "vectors.hdf5")
        np.testing.assert_allclose(first, second, atol=1e-6)
        assert sentence_to_index == {"Don't.": "0", "Do n't .": "1"}

    def test_names_and_formats(self):
        assert output_format(Path("a.h5")) == output_format(Path("a"), "hdf5") == "hdf5"
        assert output_format(Path("a.b")) == "safetensors"
        with pytest.raises(ValueError, match="format: expected one of hdf5, parquet, safetensors, found 'csv'"):
            output_format(Path("a"), "csv")
        with pytest.raises(ValueError, match=r"a\.hdf5: the name ends like hdf5, but the format is parquet"):
            output_format(Path("a.hdf5"), "parquet")

    def test_shards_do_not_depend_on_one_another(self, embedder, corpus, tmp_path):
        embed(embedder, corpus, tmp_path / "vectors")
        shards = json.loads((tmp_path / "vectors" / "manifest.json").read_text())["shards"]
        assert len(shards) > 3
        assert [entry["first_sentence"] for entry in shards] == [
            sum(entry["sentences"] for entry in shards[:number]) for number in range(len(shards))
        ]


class Killed(BaseException):
    """An exception that no code expects, like a kill."""


def kill_at(monkeypatch, owner, name, call):
    """Ends the run when a function is called for the n-th time, from 0."""
    original, calls = getattr(owner, name), []

    def function(*args, **kwargs):
        calls.append(1)
        if len(calls) > call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, function)


class TestResuming:
    @settings(max_examples=8)
    @given(
        st.lists(st.integers(0, 8), max_size=3),
        st.sampled_from(["vectors.hdf5", "vectors.parquet", "vectors"]),
        st.sampled_from(POOLS),
        st.booleans(),
    )
    def test_a_run_that_is_killed_ends_with_the_same_file(
        self, model, tmp_path_factory, kills, name, pool, carry_state
    ):
        tmp_path = tmp_path_factory.mktemp("killed")
        write_sentences(tmp_path / "corpus.txt", 25)
        embedder = ElmoEmbedder(model, layers="all", pool=pool, window_words=60, piece_words=15)
        kwargs = {"carry_state": carry_state, "shard_bytes": 2000}
        embed(embedder, tmp_path / "corpus.txt", tmp_path / "once" / name, **kwargs)
        for call in kills:
            with pytest.MonkeyPatch.context() as patch:
                kill_at(patch, modeling_elmo.embedding.job, "new_shard", call)
                try:
                    embed(embedder, tmp_path / "corpus.txt", tmp_path / "killed" / name, force=True, **kwargs)
                except Killed:
                    assert not (tmp_path / "killed" / name).exists()
                else:
                    break
        embed(embedder, tmp_path / "corpus.txt", tmp_path / "killed" / name, force=True, **kwargs)
        assert content(tmp_path / "killed") == content(tmp_path / "once")

    @pytest.mark.parametrize(
        ("module", "function"),
        [
            (modeling_elmo.embedding.job, "write_hdf5"),
            (modeling_elmo.embedding.job, "move_into_place"),
            (modeling_elmo.embedding.job, "write_json"),
            # Within `write_json`.
            (modeling_elmo.files.atomic, "flush"),
        ],
    )
    @pytest.mark.parametrize("name", ["vectors.hdf5", "vectors"])
    def test_killed_while_the_output_is_made(self, embedder, corpus, tmp_path, monkeypatch, module, function, name):
        embed(embedder, corpus, tmp_path / "once" / name)
        for call in range(4):
            with monkeypatch.context() as patch:
                kill_at(patch, module, function, call)
                with suppress(Killed):
                    embed(embedder, corpus, tmp_path / "killed" / name)
            if (tmp_path / "killed" / name).exists():
                break
        if content(tmp_path / "killed") != content(tmp_path / "once"):
            # Also if the output exists and only its shards have not been deleted.
            embed(embedder, corpus, tmp_path / "killed" / name)
        assert content(tmp_path / "killed") == content(tmp_path / "once")

    def test_an_output_that_was_not_renamed_is_made_again_even_next_to_an_older_one(
        self, embedder, corpus, tmp_path, monkeypatch
    ):
        output = tmp_path / "vectors.hdf5"
        embed(embedder, corpus, tmp_path / "once" / "vectors.hdf5")
        output.write_text("older")
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job, "move_into_place", 0)
            with pytest.raises(Killed):
                embed(embedder, corpus, output, force=True)
        assert (tmp_path / "vectors.hdf5.incomplete" / "complete").exists()
        # The next run is killed before there is a new output.
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job, "write_hdf5", 0)
            with pytest.raises(Killed):
                embed(embedder, corpus, output, force=True)
        assert output.read_text() == "older"
        embed(embedder, corpus, output, force=True)
        assert output.read_bytes() == (tmp_path / "once" / "vectors.hdf5").read_bytes()

    def test_killed_after_the_output_was_renamed(self, embedder, corpus, tmp_path, monkeypatch):
        embed(embedder, corpus, tmp_path / "once" / "vectors.hdf5")
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job.shutil, "rmtree", 0)
            with pytest.raises(Killed):
                embed(embedder, corpus, tmp_path / "killed" / "vectors.hdf5")
        assert (tmp_path / "killed" / "vectors.hdf5").exists()
        other = ElmoEmbedder(embedder.model, layers="top")
        with pytest.raises(ValueError, match="begun with layers=all"):
            embed(other, corpus, tmp_path / "killed" / "vectors.hdf5")
        result = embed(embedder, corpus, tmp_path / "killed" / "vectors.hdf5")
        assert result.num_sentences == 104
        with pytest.raises(ValueError, match="already exists"):
            embed(embedder, corpus, tmp_path / "killed" / "vectors.hdf5")
        assert content(tmp_path / "killed") == content(tmp_path / "once")

    def test_existing_shards_are_not_computed_again(self, embedder, corpus, tmp_path, monkeypatch):
        lines = []
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job, "new_shard", 3)
            with pytest.raises(Killed):
                embed(embedder, corpus, tmp_path / "vectors")
        before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "vectors.incomplete").glob("shard*")}
        assert len(before) == 3
        embed(embedder, corpus, tmp_path / "vectors", write=lines.append)
        assert lines[0] == "resuming: 3 shards are done"
        after = {name: (tmp_path / "vectors" / name).stat().st_mtime_ns for name in before}
        assert before == after

    def test_other_settings_sentences_and_models_are_refused(self, model, embedder, corpus, tmp_path, monkeypatch):
        output = tmp_path / "vectors.hdf5"
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job, "new_shard", 3)
            with pytest.raises(Killed):
                embed(embedder, corpus, output)
        before = content(tmp_path / "vectors.hdf5.incomplete")
        with pytest.raises(ValueError, match=r"\.incomplete: begun with layers=all, found top; use the same"):
            embed(ElmoEmbedder(model, layers="top", **WINDOWS), corpus, output)
        with pytest.raises(ValueError, match="begun with shard_bytes=20000, found 10"):
            embed(embedder, corpus, output, shard_bytes=10)
        with pytest.raises(ValueError, match="begun with splitting=white space, found tokenizer"):
            embed(embedder, corpus, output, tokenized=False)
        with monkeypatch.context() as patch:
            patch.setattr(model.config, "cell_clip", 7.0)
            with pytest.raises(ValueError, match="begun with another model"):
                embed(embedder, corpus, output)
        text = corpus.read_text(encoding="utf-8")
        corpus.write_text("odd " + text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"corpus\.txt: sentences 0 to .* have changed since .* was begun"):
            embed(embedder, corpus, output)
        corpus.write_text("the", encoding="utf-8")
        with pytest.raises(ValueError, match="have changed|become shorter"):
            embed(embedder, corpus, output)
        assert content(tmp_path / "vectors.hdf5.incomplete") == before
        corpus.write_text(text, encoding="utf-8")
        embed(embedder, corpus, output)

    def test_a_shard_of_other_settings_is_refused(self, model, embedder, corpus, tmp_path, monkeypatch):
        other = ElmoEmbedder(model, layers="all", **{**WINDOWS, "window_words": 201})
        for each, name in ((embedder, "vectors"), (other, "other")):
            with monkeypatch.context() as patch:
                kill_at(patch, modeling_elmo.embedding.job, "new_shard", 1)
                with pytest.raises(Killed):
                    embed(each, corpus, tmp_path / name)
        shard = "shard-00000.safetensors"
        (tmp_path / "other.incomplete" / shard).replace(tmp_path / "vectors.incomplete" / shard)
        with pytest.raises(ValueError, match="made with other settings than the rest of its directory"):
            embed(embedder, corpus, tmp_path / "vectors")

    def test_files_that_a_kill_left_half_written_are_swept(self, embedder, corpus, tmp_path, monkeypatch):
        embed(embedder, corpus, tmp_path / "once" / "vectors")
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job, "new_shard", 2)
            with pytest.raises(Killed):
                embed(embedder, corpus, tmp_path / "killed" / "vectors")
        # The second name is that of earlier versions.
        for name in (".elmo-0123abcd.partial", "shard-00002.partial"):
            (tmp_path / "killed" / "vectors.incomplete" / name).write_bytes(b"half")
        embed(embedder, corpus, tmp_path / "killed" / "vectors")
        assert content(tmp_path / "killed") == content(tmp_path / "once")

    def test_a_damaged_shard_is_named(self, embedder, corpus, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            kill_at(patch, modeling_elmo.embedding.job, "new_shard", 2)
            with pytest.raises(Killed):
                embed(embedder, corpus, tmp_path / "vectors")
        shard = tmp_path / "vectors.incomplete" / "shard-00001.safetensors"
        shard.write_bytes(shard.read_bytes()[:-1])
        with pytest.raises(ValueError, match=r"shard-00001\.safetensors: .*incomplete.*; delete it"):
            embed(embedder, corpus, tmp_path / "vectors")
        shard.write_bytes(b"short")
        with pytest.raises(ValueError, match="expected a shard of embeddings"):
            embed(embedder, corpus, tmp_path / "vectors")


def content(directory):
    """The files of a directory, except for locks."""
    files = sorted(path for path in Path(directory).rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


EMBED = "import sys; from tests.helpers.embed_in_processes import main; main(*sys.argv[1:])"


class TestProcesses:
    def test_killed_by_the_system_and_resumed_by_two_processes(self, model_dir, tmp_path):
        write_sentences(tmp_path / "corpus.txt", 2500)
        model = ElmoModel.from_pretrained(model_dir).eval()
        embedder = ElmoEmbedder(model, layers="all", window_words=500)
        embed(embedder, tmp_path / "corpus.txt", tmp_path / "once" / "vectors.hdf5", shard_bytes=200_000)
        (tmp_path / "killed").mkdir()
        work = tmp_path / "killed" / "vectors.hdf5.incomplete"
        arguments = (model_dir, tmp_path / "corpus.txt", tmp_path / "killed" / "vectors.hdf5", 200_000)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        program = programs.start(EMBED, *arguments, env=environment, cwd=ROOT)
        deadline = time.monotonic() + 300
        while len(list(work.glob("shard-*.safetensors"))) < 2 and program.process.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        program.process.kill()
        assert program.finish().returncode == -signal.SIGKILL
        num_done = len(list(work.glob("shard-*.safetensors")))
        assert not (tmp_path / "killed" / "vectors.hdf5").exists()
        results = programs.run_group(EMBED, *arguments, count=2, env=environment, cwd=ROOT)
        assert [result.returncode for result in results] == [0, 0], results[0].stderr + results[1].stderr
        printed = results[0].stdout + results[1].stdout
        assert f"resuming: {-(-num_done // 2)} shards are done" in printed
        assert "in this process" in printed
        assert content(tmp_path / "killed") == content(tmp_path / "once")

    def test_several_processes_require_files_and_no_carried_state(self, embedder, corpus, tmp_path, monkeypatch):
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setattr(modeling_elmo.embedding.job.distributed, "is_initialized", lambda: True)
        with pytest.raises(ValueError, match="carry_state requires a single process"):
            embed(embedder, corpus, tmp_path / "vectors", carry_state=True)
        with pytest.raises(ValueError, match="standard input: several processes require a file"):
            embed(embedder, "-", tmp_path / "vectors")
        assert not (tmp_path / "vectors.incomplete").exists()

    def test_two_runs_do_not_write_the_same(self, embedder, corpus, tmp_path):
        class Source(TextLines):
            def __iter__(self):
                yield "the"
                with pytest.raises(ValueError, match=r"vectors\.hdf5: another run is writing to it"):
                    embed(embedder, corpus, tmp_path / "vectors.hdf5")
                yield "bank"

        embed_corpus(embedder, Source(corpus), tmp_path / "vectors.hdf5", write=lambda line: None)
        assert len(read_original_layout(tmp_path / "vectors.hdf5")[0]) == 2


class TestOutput:
    def test_is_only_replaced_by_force(self, embedder, corpus, tmp_path):
        for name in ("vectors.hdf5", "vectors"):
            embed(embedder, corpus, tmp_path / name)
            with pytest.raises(ValueError, match="already exists; --force replaces it"):
                embed(embedder, corpus, tmp_path / name)
            embed(embedder, corpus, tmp_path / name, force=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "vectors", "vectors.hdf5"]

    def test_other_directories_and_files_are_never_replaced(self, embedder, corpus, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis").write_text("")
        for kwargs in ({}, {"force": True}):
            with pytest.raises(ValueError, match="mine: can't be replaced, because this command did not write it"):
                embed(embedder, corpus, tmp_path / "mine", **kwargs)
        (tmp_path / "mine.hdf5").mkdir()
        with pytest.raises(ValueError, match="expected a file to write to, found a directory"):
            embed(embedder, corpus, tmp_path / "mine.hdf5", force=True)
        (tmp_path / "file").write_text("")
        with pytest.raises(ValueError, match="expected a directory to write to, found a file"):
            embed(embedder, corpus, tmp_path / "file", force=True)
        # Many a program has a file of this name.
        for settings_of_others in ('{"theme": "dark"}', "no JSON", "3"):
            (tmp_path / "mine" / "settings.json").write_text(settings_of_others)
            with pytest.raises(ValueError, match="mine: can't be replaced"):
                embed(embedder, corpus, tmp_path / "mine", force=True)
        (tmp_path / "vectors.incomplete").mkdir()
        (tmp_path / "vectors.incomplete" / "thesis").write_text("")
        with pytest.raises(ValueError, match="expected unfinished work of this command, found thesis"):
            embed(embedder, corpus, tmp_path / "vectors")

    @pytest.mark.parametrize("name", ["corpus.h5", "corpus.parquet"])
    def test_the_input_is_never_replaced(self, embedder, tmp_path, monkeypatch, name):
        if name == "corpus.parquet":
            pyarrow = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet", reason="needs the package pyarrow")
            parquet.write_table(pyarrow.table({"text": ["the bank"]}), tmp_path / name)
        else:
            (tmp_path / name).write_text("the bank\n")
        before = content(tmp_path)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ValueError, match=f"{name}: the output must be another file than the input"):
            embed(embedder, tmp_path / name, Path(name), force=True)
        assert content(tmp_path) == before

    @pytest.mark.parametrize("output", [".", "/"])
    def test_an_output_has_a_name(self, embedder, corpus, output):
        with pytest.raises(ValueError, match="output: expected the name of a file or directory to make, found"):
            embed(embedder, corpus, output)

    # The smaller limit stops a shard; the larger one, the output of all shards.
    @pytest.mark.parametrize(
        ("name", "limit"),
        [("vectors", 10_000), ("vectors.hdf5", 10_000), ("vectors.hdf5", 60_000), ("vectors.parquet", 60_000)],
    )
    def test_a_full_disk_loses_nothing(self, embedder, corpus, tmp_path, name, limit):
        embed(embedder, corpus, tmp_path / "once" / name)
        resource = pytest.importorskip("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(
                OSError, match="can't be written .*progress is saved in .*: rerun the same command to resume"
            ):
                embed(embedder, corpus, tmp_path / "full" / name)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not (tmp_path / "full" / name).exists()
        assert not list((tmp_path / "full").rglob("*.partial"))
        embed(embedder, corpus, tmp_path / "full" / name)
        assert content(tmp_path / "full") == content(tmp_path / "once")

    def test_nothing_is_promised_where_nothing_could_be_saved(self, embedder, corpus, tmp_path, monkeypatch):
        mkdir = Path.mkdir

        def refuse(path, *args, **kwargs):
            if path.name == "vectors.incomplete":
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            mkdir(path, *args, **kwargs)

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(OSError, match=r"vectors: can't be written \(Read-only file system\)$"):
            embed(embedder, corpus, tmp_path / "vectors")

    def test_an_error_of_the_text_is_reported_as_it_is(self, embedder, corpus, tmp_path):
        text = corpus.read_bytes() * 5
        corpus.write_bytes(text + b"\xff\n")
        with pytest.raises(ValueError, match=r"corpus\.txt: line 521: expected UTF-8, found byte 0xff"):
            embed(embedder, corpus, tmp_path / "vectors.hdf5")
        assert not (tmp_path / "vectors.hdf5").exists()
        # Finished shards are not lost.
        corpus.write_bytes(text + b"fine\n")
        lines = []
        embed(embedder, corpus, tmp_path / "vectors.hdf5", write=lines.append)
        assert lines[0].startswith("resuming: ")

    @pytest.mark.parametrize(
        ("name", "data"),
        [("text.gz", b"not gzip"), ("rows.jsonl", b"{"), ("rows.jsonl", b'{"text": 3}'), ("text", b"x" * 2000)],
    )
    def test_a_refused_input_leaves_nothing(self, embedder, tmp_path, monkeypatch, name, data):
        monkeypatch.setattr("modeling_elmo.files.text.MAX_LINE_BYTES", 1000)
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=name):
            embed(embedder, tmp_path / name, tmp_path / "vectors.hdf5")
        assert list(tmp_path.iterdir()) == [tmp_path / name]

    def test_an_interrupted_run_says_how_to_resume(self, embedder, corpus, tmp_path, monkeypatch, capsys):
        def interrupt(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr(ElmoEmbedder, "embed_window", interrupt)
        with pytest.raises(KeyboardInterrupt):
            embed(embedder, corpus, tmp_path / "vectors.hdf5")
        assert "vectors.hdf5.incomplete; rerun the same command to resume." in capsys.readouterr().err
        assert not list((tmp_path / "vectors.hdf5.incomplete").glob("*.partial"))

    def test_shards_have_a_size(self, embedder, corpus, tmp_path):
        with pytest.raises(ValueError, match="shard_bytes: expected an integer of at least 1, found 0"):
            embed(embedder, corpus, tmp_path / "vectors", shard_bytes=0)


class TestProgress:
    def test_lines_report_speed_and_time_left(self, embedder, corpus, tmp_path, monkeypatch):
        monkeypatch.setattr(modeling_elmo.files.progress, "SECONDS_BETWEEN_LINES", 0.0)
        lines = []
        embed(embedder, corpus, tmp_path / "vectors.hdf5", write=lines.append)
        assert any("words/s, " in line and "% of the input, " in line and line.endswith(" left") for line in lines)
        assert lines[-2] == f"writing {tmp_path / 'vectors.hdf5'}"
        assert lines[-1].endswith("words/s")

    def test_a_terminal_gets_a_bar(self, embedder, corpus, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        lines = []
        embed(embedder, corpus, tmp_path / "vectors", write=lines.append)
        assert "%|" in capsys.readouterr().err
        assert len(lines) == 1


class TestCarriedState:
    def test_gives_what_the_original_code_computed(self, parity_dir, tmp_path):
        for name, texts in (("bilm_tf", "lm_embeddings_sentences.json"), ("allennlp", "sentences.json")):
            source = parity_dir / name
            convert(OriginalFiles.find(source), tmp_path / name)
            embedder = ElmoEmbedder.from_pretrained(tmp_path / name, layers="top")
            for number, sentences in enumerate(json.loads((source / texts).read_text())):
                corpus = tmp_path / "sentences.txt"
                corpus.write_text("".join(f"{sentence}\n" for sentence in sentences), encoding="utf-8")
                output = tmp_path / f"{name}_{number}.hdf5"
                embed(embedder, corpus, output, carry_state=True, shard_bytes=1000)
                vectors, _ = read_original_layout(output)
                with h5py.File(source / f"lm_embeddings_{number}.hdf5") as file:
                    for index, array in enumerate(vectors):
                        halves = np.stack(np.split(array, 2, axis=-1))
                        np.testing.assert_allclose(halves, file[str(index)][...], atol=1.5e-6, rtol=0)

    @pytest.mark.parametrize("piece_words", [7, 1000])
    def test_is_that_of_the_model(self, model, tmp_path, piece_words):
        lines = write_sentences(tmp_path / "corpus.txt", 30)
        embedder = ElmoEmbedder(model, layers="all", window_words=60, piece_words=piece_words)
        embed(embedder, tmp_path / "corpus.txt", tmp_path / "vectors.hdf5", carry_state=True, shard_bytes=3000)
        vectors, _ = read_original_layout(tmp_path / "vectors.hdf5")
        state = None
        for line, array in zip(lines, vectors, strict=True):
            inputs = embedder.tokenizer([line.split()], is_split_into_words=True, return_tensors="pt")
            with torch.no_grad():
                output = model(**inputs, state=state, use_cache=True, output_hidden_states=True)
            state = output.state
            expected = torch.cat(output.hidden_states)[:, 1:-1].numpy()
            np.testing.assert_allclose(array, expected, atol=1e-5, rtol=0)


MEMORY = """
import sys, torch
from benchmarks.speed.measurement import peak_memory_mib
from modeling_elmo import ElmoConfig, ElmoEmbedder, ElmoModel
from modeling_elmo.embedding import embed_corpus
from modeling_elmo.files.text import TextLines
torch.set_num_threads(1)
config = ElmoConfig(cell_size=256, projection_size=256, character_filters=[[1, 64]], num_hidden_layers=1)
embedder = ElmoEmbedder(ElmoModel(config), layers="all", piece_words=500)
for name in sys.argv[1:]:
    embed_corpus(embedder, TextLines(name), name + ".hdf5", write=lambda line: None)
    print(peak_memory_mib())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc for the peak memory of a process")
def test_memory_does_not_grow_with_a_line(tmp_path):
    names = []
    # Both are longer than the window of words that is read at a time.
    for count in (20_000, 40_000):
        names.append(str(tmp_path / f"{count}.txt"))
        Path(names[-1]).write_text(" ".join(f"word{number % 2000}" for number in range(count)))
    result = programs.run(MEMORY, *names, env=os.environ, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    short, long = map(float, result.stdout.split())
    # The vectors of 20,000 words, if they were kept, would be 78 MiB.
    assert long - short < 40


@pytest.mark.parametrize("pool", ["none", "mean"])
@pytest.mark.parametrize("piece_words", [4, 100])
def test_texts_of_several_sentences_keep_their_lines(model, tmp_path, pool, piece_words):
    pytest.importorskip("sentencex")
    texts = ["The bank of the river. It is odd. The end", "", "The bank."]
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text}\n" for text in texts))
    embedder = ElmoEmbedder(model, layers="all", split_sentences=True, pool=pool, piece_words=piece_words)
    embed_corpus(embedder, TextLines(path), tmp_path / "vectors.hdf5", tokenized=False)
    with h5py.File(tmp_path / "vectors.hdf5") as file:
        for index, vectors in enumerate(embedder.embed(texts)):
            np.testing.assert_allclose(file[str(index)][...], vectors, atol=1e-6)


def test_sentences_of_tokenized_text_are_not_split(model, corpus, tmp_path):
    pytest.importorskip("sentencex")
    embedder = ElmoEmbedder(model, split_sentences=True)
    with pytest.raises(ValueError, match="split_sentences requires raw text and no carried state: tokenized=False"):
        embed_corpus(embedder, TextLines(tmp_path / "corpus.txt"), tmp_path / "vectors.hdf5")
