# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `elmo`: exit codes, one line for whatever is wrong, and silence otherwise."""

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import AutoModel

import modeling_elmo
from modeling_elmo.cli.main import main
from modeling_elmo.conversion_scripts import weights_hdf5
from tests.helpers.http_server import HttpServer
from tests.helpers.original_format import make_options, write_hdf5, write_model
from tests.helpers.published_models import published_files


# Some tests call `main` themselves.
pytestmark = pytest.mark.usefixtures("settings_of_the_process")


@pytest.fixture
def fails(elmo):
    """Checks that a command ends with exit code 2 and this one line."""

    def run(message, *arguments):
        code, out, err = elmo(*arguments)
        assert code == 2
        assert out == ""
        assert err.startswith("elmo: ")
        assert message in err
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1

    return run


@pytest.fixture
def source(original_dir, tmp_path):
    shutil.copytree(original_dir, tmp_path / "source")
    return tmp_path / "source"


class TestConvert:
    def test_says_only_what_it_wrote(self, elmo, source, tmp_path):
        assert elmo("convert", source, tmp_path / "elmo") == (0, f"Wrote {tmp_path / 'elmo'}\n", "")
        AutoModel.from_pretrained(tmp_path / "elmo")

    def test_takes_files_by_name(self, elmo, source, tmp_path):
        for name in ("options.json", "weights.hdf5", "vocab.txt"):
            (source / name).rename(source / f"x{name}")
        arguments = [
            item
            for option, name in (("options", "options.json"), ("weights", "weights.hdf5"), ("vocab", "vocab.txt"))
            for item in (f"--{option}", source / f"x{name}")
        ]
        assert elmo("convert", *arguments, tmp_path / "elmo")[0] == 0
        assert elmo("convert", source, tmp_path / "elmo", *arguments, "--force")[0] == 0

    def test_takes_a_type(self, elmo, source, tmp_path):
        assert elmo("convert", source, tmp_path / "elmo", "--dtype", "bfloat16")[0] == 0
        assert json.loads((tmp_path / "elmo" / "config.json").read_text())["dtype"] == "bfloat16"

    def test_takes_token_embeddings(self, elmo, source, tmp_path):
        assert elmo("convert", source, tmp_path / "elmo")[0] == 0
        assert elmo("export", tmp_path / "elmo", tmp_path / "back", "--token-embeddings")[0] == 0
        embeddings = tmp_path / "back" / "vocab_embedding.hdf5"
        assert elmo("convert", source, tmp_path / "words", "--token-embeddings", embeddings)[0] == 0
        assert json.loads((tmp_path / "words" / "config.json").read_text())["token_input"] == "words"

    def test_force(self, elmo, fails, source, tmp_path):
        assert elmo("convert", source, tmp_path / "elmo")[0] == 0
        fails("elmo: this directory is not empty; --force replaces it", "convert", source, tmp_path / "elmo")
        assert elmo("convert", source, tmp_path / "elmo", "--force")[0] == 0

    def test_relative_names(self, elmo, source, tmp_path, monkeypatch):
        monkeypatch.chdir(source)
        assert elmo("convert", ".", "../elmo/") == (0, "Wrote ../elmo\n", "")
        monkeypatch.chdir(tmp_path / "elmo")
        assert elmo("export", ".", "../back")[0] == 0
        assert (tmp_path / "back" / "weights.hdf5").is_file()

    def test_bad_file(self, fails, source, tmp_path):
        (source / "weights.hdf5").write_text("nothing")
        fails("weights.hdf5: not a readable HDF5 file, or cut short", "convert", source, tmp_path / "a" / "elmo")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    def test_no_source(self, fails, tmp_path):
        fails("nowhere: expected a directory of original files", "convert", tmp_path / "nowhere", tmp_path / "elmo")
        fails("--options: required without a SOURCE (elmo convert SOURCE OUT_DIR)", "convert", tmp_path / "elmo")
        fails("--weights: ", "convert", tmp_path, tmp_path / "elmo", "--weights", tmp_path / "x")

    def test_source_in_the_target(self, fails, source):
        fails("can't be replaced, because options.json is read from it", "convert", source, source, "--force")
        assert len(list(source.iterdir())) == 3

    def test_error_of_the_disk(self, fails, source, tmp_path, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.convert"], "save_file", fail)
        fails("No space left on device", "convert", source, tmp_path / "elmo")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    def test_out_of_memory(self, fails, source, tmp_path, monkeypatch):
        def fail(*args, **kwargs):
            raise MemoryError

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.convert"], "save_file", fail)
        fails("out of memory", "convert", source, tmp_path / "elmo")

    def test_interrupt(self, elmo, source, tmp_path, monkeypatch):
        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.convert"], "save_file", interrupt)
        assert elmo("convert", source, tmp_path / "elmo") == (130, "", "")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    def test_a_name_that_is_neither_a_directory_nor_published(self, fails, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        published = "small, medium, original, original-5.5b, portuguese"
        fails(
            f"nonsense: expected a directory of original files, found none; the published models that elmo convert "
            f"can fetch are {published}",
            "convert",
            "nonsense",
            "elmo",
        )
        fails(
            f"--mirror: expected one of {published} as SOURCE, found nonsense",
            *("convert", "nonsense", "elmo", "--mirror", "https://example.org"),
        )
        fails("--cache-dir: expected one of small", "convert", "elmo", "--cache-dir", "cache")
        assert not list(tmp_path.iterdir())

    def test_names_that_would_act_upon_the_terminal_are_escaped(self, fails, source, tmp_path):
        write_hdf5(source / "weights.hdf5", {"\x1b[2J\n\rchar_embed": 1})
        fails(
            r"weights.hdf5: \x1b[2J\n\rchar_embed: the options describe nothing of this name",
            "convert",
            source,
            tmp_path / "elmo",
        )
        name = "a\nb\x1b[31m\u202e"
        fails(r"a\nb\x1b[31m\u202e: expected a directory", "convert", tmp_path / name, tmp_path / "elmo")

    @pytest.mark.parametrize("name", ["naïve 日本 🙂", "a\nb", os.fsdecode(b"\xff\xfe"), "'; rm -rf x", "--out"])
    def test_any_name_of_the_target(self, elmo, source, tmp_path, name):
        code, out, err = elmo("convert", "--", source, tmp_path / name)
        assert (code, err) == (0, "")
        assert len(out.splitlines()) == 1
        assert (tmp_path / name / "model.safetensors").is_file()


class TestExport:
    def test_says_only_what_it_wrote(self, elmo, model_dir, tmp_path):
        assert elmo("export", model_dir, tmp_path / "back") == (0, f"Wrote {tmp_path / 'back'}\n", "")

    def test_force(self, elmo, fails, model_dir, tmp_path):
        (tmp_path / "back").mkdir()
        (tmp_path / "back" / "old").write_text("old")
        fails("back: this directory is not empty; --force replaces it", "export", model_dir, tmp_path / "back")
        assert elmo("export", model_dir, tmp_path / "back", "--force")[0] == 0
        assert not (tmp_path / "back" / "old").exists()

    def test_no_model(self, fails, original_dir, tmp_path):
        fails("found no config.json in it", "export", tmp_path / "nowhere", tmp_path / "back")
        fails("found no config.json in it", "export", original_dir, tmp_path / "back")

    def test_model_with_wrong_shapes(self, fails, model_dir, tmp_path):
        # transformers tells this by a report of many lines.
        shutil.copytree(model_dir, tmp_path / "elmo")
        config = json.loads((model_dir / "config.json").read_text())
        (tmp_path / "elmo" / "config.json").write_text(json.dumps({**config, "cell_size": 13}))
        fails("expected shape", "export", tmp_path / "elmo", tmp_path / "back")

    def test_model_that_holds_more_than_elmo(self, elmo, model_dir, tmp_path):
        # As a task model does: what does not belong to ELMo is left out without a word.
        shutil.copytree(model_dir, tmp_path / "elmo")
        tensors = load_file(model_dir / "model.safetensors")
        tensors["classifier.weight"] = tensors["scalar_mixes.0.weight"].clone()
        save_file(tensors, tmp_path / "elmo" / "model.safetensors", metadata={"format": "pt"})
        code, _, err = elmo("export", tmp_path / "elmo", tmp_path / "back")
        assert (code, err) == (0, "")


class TestBuildVocab:
    def test_says_what_it_wrote(self, elmo, tmp_path):
        (tmp_path / "a.txt").write_text("the bank of the river\n\nthe bank\n")
        vocab = tmp_path / "vocab.txt"
        assert elmo("build-vocab", tmp_path / "a.txt", "-o", vocab) == (
            0,
            f"Wrote {vocab}: 7 entries. They cover 100.00% of 7 words in 2 lines.\n",
            "",
        )
        assert vocab.read_text().split() == ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river"]
        code, out, _ = elmo("build-vocab", tmp_path / "a*.txt", "-o", tmp_path / "small", "--min-count", 2, "--size", 4)
        assert (code, "4 entries. They cover 42.86% of 7 words" in out) == (0, True)

    def test_splits_raw_text(self, elmo, tmp_path):
        (tmp_path / "a.txt").write_text("I can't.\n")
        assert elmo("build-vocab", tmp_path / "a.txt", "-o", tmp_path / "vocab.txt", "--raw")[0] == 0
        assert (tmp_path / "vocab.txt").read_text().split()[3:] == [".", "I", "ca", "n't"]

    def test_bad_input(self, fails, tmp_path):
        fails(
            "no such file, and no file matches it as a pattern",
            "build-vocab",
            tmp_path / "a*",
            "-o",
            tmp_path / "vocab.txt",
        )
        (tmp_path / "a.txt").write_bytes(b"one\ntw\xe9\n")
        fails("a.txt: line 2: expected UTF-8, found byte 0xe9", "build-vocab", tmp_path / "a.txt", "-o", tmp_path / "v")
        (tmp_path / "b.txt").touch()
        fails("b.txt: this file holds no text", "build-vocab", tmp_path / "b.txt", "-o", tmp_path / "vocab.txt")
        fails("no such directory", "build-vocab", tmp_path / "b.txt", "-o", tmp_path / "no" / "vocab.txt")
        (tmp_path / "c.txt").write_text("one\n")
        fails("size: expected more than", "build-vocab", tmp_path / "c.txt", "-o", tmp_path / "v", "--size", 2)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "c.txt"]


class TestPretrainAndEvaluate:
    @pytest.fixture
    def text(self, tmp_path):
        (tmp_path / "a.txt").write_text("the bank of the river\nthe river\n" * 5)
        (tmp_path / "vocab.txt").write_text("\n".join(["<S>", "</S>", "<UNK>", "the", "bank", "of"]))
        return tmp_path / "a.txt"

    @pytest.fixture
    def pretrain(self, text, model_dir, tmp_path):
        """The arguments of a training on from a small model, with others in their place."""

        def make(*flags, **options):
            options = {"model": model_dir, "train": text, "output": tmp_path / "out", "max_steps": 2, **options}
            options = {"num_steps": 5, "batch_size": 2, **options}
            named = [(f"--{name.replace('_', '-')}", value) for name, value in options.items() if value is not None]
            return ["pretrain", *(item for pair in named for item in pair), *flags]

        return make

    def test_a_model_is_trained_and_evaluated(self, elmo, pretrain, text, tmp_path):
        code, out, err = elmo(*pretrain(epochs=1, max_steps=None, logging_steps=2, eval=text))
        assert (code, err) == (0, "")
        # 35 words and a boundary for each of 10 sentences, 10 a step.
        assert "step 4 of 4: evaluation: perplexity " in out
        assert out.endswith(f"Wrote {tmp_path / 'out'}\n")
        code, out, err = elmo("evaluate", tmp_path / "out", text)
        assert (code, err) == (0, "")
        lines = dict(line.rsplit(maxsplit=1) for line in out.splitlines())
        assert (lines["words"], lines["unknown words"]) == ("35", "0.00%")
        forward, backward, mean = (float(lines[f"{name}perplexity"]) for name in ("forward ", "backward ", ""))
        assert forward * backward == pytest.approx(mean**2, rel=1e-3)
        assert elmo("evaluate", tmp_path / "out", text, "--sentence-per-row")[0] == 0
        assert AutoModel.from_pretrained(tmp_path / "out").config.freeze_bilm

    def test_epochs_of_sentences(self, elmo, pretrain):
        # 10 sentences, 2 a step.
        code, out, err = elmo(*pretrain("--sentence-per-row", epochs=2, max_steps=None, logging_steps=5))
        assert (code, err) == (0, "")
        assert "step 5 of 10: perplexity " in out
        assert [line.rpartition(", ")[2] for line in out.splitlines()[:2]] == ["epoch 1.00", "epoch 2.00"]

    @pytest.mark.parametrize("tied", [False, True])
    def test_a_new_model_that_reads_words(self, elmo, pretrain, tmp_path, tied):
        (tmp_path / "words.txt").write_text("<S>\n</S>\n<UNK>\nthe\nbank\n")
        flags = ["--tie-word-embeddings"] * tied
        new = {"model": None, "preset": "tiny", "vocab": tmp_path / "words.txt", "max_steps": 1, "negative_samples": 0}
        code, _, err = elmo(*pretrain(*flags, **new, token_input="words"))
        assert (code, err) == (0, "")
        config = AutoModel.from_pretrained(tmp_path / "out").config
        assert (config.token_input, config.tie_word_embeddings, config.vocab_size) == ("words", tied, 7)

    def test_settings_that_differ_at_resume(self, elmo, fails, pretrain):
        assert elmo(*pretrain(max_steps=1))[0] == 0
        fails("made with num_steps=5, found 6", *pretrain(num_steps=6))
        fails("--no-resume requires a directory without checkpoints, found checkpoint-1", *pretrain("--no-resume"))

    def test_wrong_usage(self, fails, pretrain, tmp_path):
        fails("pass either --preset or --model", *pretrain(preset="tiny"))
        fails("pass either --preset or --model", *pretrain(model=None))
        fails("--preset requires --vocab", *pretrain(model=None, preset="tiny"))
        fails("'huge' is not one of 'tiny', 'small', 'medium', 'original'", *pretrain(model=None, preset="huge"))
        fails("pass either --max-steps or --epochs", *pretrain(epochs=1))
        fails("pass either --max-steps or --epochs", *pretrain(max_steps=None))
        fails("--token-input and --tie-word-embeddings apply only with --preset", *pretrain("--tie-word-embeddings"))
        fails("--token-input and --tie-word-embeddings apply only with --preset", *pretrain(token_input="words"))
        new = {"model": None, "preset": "tiny", "vocab": "vocab.txt"}
        fails("--tie-word-embeddings requires --token-input words", *pretrain("--tie-word-embeddings", **new))
        fails("--epochs: expected a positive number, found 0.0", *pretrain(max_steps=None, epochs=0))
        fails("--save-steps: expected at least 1, found 0", *pretrain(save_steps=0))
        fails("--keep: expected at least 1, found 0", *pretrain(keep=0))
        fails("batch_size: expected at least 1, found 0", *pretrain(batch_size=0))
        fails("learning_rate: expected a positive number", *pretrain(learning_rate=0))
        fails("'sgd' is not one of 'adagrad', 'adamw'", *pretrain(optimizer="sgd"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "vocab.txt"]

    def test_bad_input(self, fails, pretrain, text, model_dir, tmp_path):
        fails("nothing.txt: no such file", *pretrain(train=tmp_path / "nothing.txt"))
        fails("found no config.json in it", *pretrain(model=tmp_path))
        fails("lstm_dropout must be at least 0 and less than 1, got 2.0", *pretrain(dropout=2))
        vocab = tmp_path / "vocab.txt"
        vocab.write_text("<S>\n</S>\nthe\n")
        fails("vocab.txt: expected the special tokens", *pretrain(model=None, preset="tiny", vocab=vocab))
        text.write_bytes(b"the bank\nth\xe9 river\n")
        fails("a.txt: line 2: expected UTF-8, found byte 0xe9", *pretrain())
        text.write_bytes(b"")
        fails("a.txt: this file holds no text", *pretrain(output=tmp_path / "out2"))
        text.write_text("the bank\n")
        fails("this model has no softmax", "evaluate", model_dir, text)
        fails("found no config.json in it", "evaluate", tmp_path, text)

    def test_without_accelerate(self, fails, pretrain, monkeypatch):
        monkeypatch.setattr("transformers.utils.is_accelerate_available", lambda: False)
        fails("requires the package accelerate: pip install 'modeling-elmo[train]'", *pretrain())

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_an_interrupt_saves_a_checkpoint(self, elmo, pretrain, monkeypatch, tmp_path):
        from modeling_elmo.pretraining import job as pretraining

        monkeypatch.setattr(
            pretraining.ProgressReport,
            "on_step_begin",
            lambda self, args, state, control, **kwargs: os.kill(os.getpid(), signal.SIGINT),
        )
        code, _, err = elmo(*pretrain(max_steps=100))
        assert (code, err) == (130, "")
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint-1"]


class TestUsage:
    def test_without_arguments_shows_help(self, elmo):
        code, out, err = elmo()
        assert (code, err) == (2, "")
        assert "Usage: elmo" in out
        assert "convert" in out
        assert "export" in out

    def test_help(self, elmo):
        code, out, err = elmo("--help")
        assert (code, err) == (0, "")
        assert "ELMo for Hugging Face transformers." in out

    def test_version(self, elmo):
        assert elmo("--version") == (0, f"{modeling_elmo.__version__}\n", "")

    def test_help_of_convert(self, elmo):
        code, out, err = elmo("convert", "--help")
        assert (code, err) == (0, "")
        for part in (
            "[SOURCE] OUT_DIR",
            "--options",
            "--weights",
            "--vocab",
            "--token-embeddings",
            "--dtype",
            "bfloat16",
            "--force",
        ):
            assert part in out

    def test_help_of_export(self, elmo):
        code, out, err = elmo("export", "--help")
        assert (code, err) == (0, "")
        for part in ("MODEL_DIR", "OUT_DIR", "--token-embeddings", "--force"):
            assert part in out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--nothing"], "No such option: --nothing"),
            (["nothing"], "No such command 'nothing'"),
            (["convert"], "Missing argument '[SOURCE] OUT_DIR'"),
            (["convert", "a", "b", "c"], "expected [SOURCE] OUT_DIR, found 3 directories"),
            (["convert", "a", "b", "--nothing"], "No such option: --nothing"),
            (["convert", "a", "b", "--dtype", "int8"], "'int8' is not one of 'float32', 'bfloat16', 'float16'"),
            (["convert", "a", "b", "--dtype"], "Option '--dtype' requires an argument"),
            (["convert", "a", "b", "--weights"], "Option '--weights' requires an argument"),
            (["convert", "a", ""], ""),
            (["export"], "Missing argument 'MODEL_DIR'"),
            (["export", "a"], "Missing argument 'OUT_DIR'"),
            (["export", "a", "b", "c"], "unexpected extra argument"),
            (["export", "a", "b", "--dtype", "float16"], "No such option: --dtype"),
        ],
    )
    def test_wrong(self, fails, tmp_path, monkeypatch, arguments, message):
        monkeypatch.chdir(tmp_path)
        fails(message, *arguments)
        assert not list(tmp_path.iterdir())


class TestEmbed:
    @pytest.fixture
    def corpus(self, tmp_path):
        (tmp_path / "corpus.txt").write_text("the bank of the river .\n\nthe odd bank .\n")
        return tmp_path / "corpus.txt"

    def test_says_what_it_wrote(self, elmo, model_dir, corpus, tmp_path):
        output = tmp_path / "vectors.hdf5"
        code, out, err = elmo("embed", model_dir, corpus, output)
        assert (code, err) == (0, "")
        assert out.splitlines()[-1] == f"Wrote {output}: 10 words in 3 sentences"
        with h5py.File(output) as file:
            assert sorted(file) == ["0", "1", "2", "sentence_to_index"]
            assert [file[name].shape for name in "012"] == [(3, 6, 10), (3, 0, 10), (3, 4, 10)]

    def test_options(self, elmo, model_dir, corpus, tmp_path):
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"words": "The bank."}\n')
        options = (
            *("--layers", "1", "--pool", "first-last", "--dtype", "float16", "--keep-boundaries", "--raw"),
            *("--column", "words", "--format", "hdf5", "--batch-words", "5", "--shard-size", "1", "--forget-sentences"),
        )
        assert elmo("embed", model_dir, rows, tmp_path / "vectors", *options)[0] == 0
        with h5py.File(tmp_path / "vectors") as file:
            assert list(file) == ["0"]
            assert (file["0"].dtype, file["0"].shape) == ("float16", (10,))
        assert elmo("embed", model_dir, corpus, tmp_path / "vectors.h5", "--carry-state", "--layers", "top")[0] == 0

    def test_what_is_wrong(self, elmo, fails, model_dir, corpus, tmp_path):
        output = tmp_path / "vectors.hdf5"
        fails("expected a model directory, found no config.json in it", "embed", tmp_path, corpus, output)
        fails("No such file or directory", "embed", model_dir, tmp_path / "nowhere", output)
        fails(
            "layers: expected all, average, top, mix or a number", "embed", model_dir, corpus, output, "--layers", "9"
        )
        fails("hdf5 has no bfloat16", "embed", model_dir, corpus, output, "--dtype", "bfloat16")
        fails("--shard-size: expected at least 1, found 0", "embed", model_dir, corpus, output, "--shard-size", "0")
        (tmp_path / "bad.txt").write_bytes(b"fine\n\xff\n")
        fails("bad.txt: line 2: expected UTF-8, found byte 0xff", "embed", model_dir, tmp_path / "bad.txt", output)
        assert not output.exists()
        (tmp_path / "vectors.hdf5.incomplete").rename(tmp_path / "aside")
        assert elmo("embed", model_dir, tmp_path / "bad.txt", output, "--replace-invalid")[0] == 0
        fails("exists already; --force replaces it", "embed", model_dir, corpus, output)
        assert elmo("embed", model_dir, corpus, output, "--force")[0] == 0

    def test_an_interrupt_tells_how_to_go_on(self, elmo, model_dir, corpus, tmp_path, monkeypatch):
        def interrupt(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr(modeling_elmo.ElmoEmbedder, "embed_window", interrupt)
        code, _, err = elmo("embed", model_dir, corpus, tmp_path / "vectors.hdf5")
        assert code == 130
        work = tmp_path / "vectors.hdf5.incomplete"
        assert err == f"Stopped. What is done is in {work}: the same command goes on from there.\n"


class TestNeighbors:
    def test_shows_contexts_nearest_first(self, elmo, model_dir, tmp_path):
        corpus = tmp_path / "corpus.txt"
        corpus.write_text("of the bank\nno such word\nthe bank of the river .\n")
        code, out, err = elmo("neighbors", model_dir, corpus, "the [bank] of the river .", "--top-k", "5")
        assert (code, err) == (0, "")
        first, second = out.splitlines()
        assert first == f"1.0000  {corpus}:3  the [bank] of the river ."
        assert second.endswith(f"  {corpus}:1  of the [bank]")
        out = elmo("neighbors", model_dir, corpus, "the [bank]", "--any-word", "--layer", "0", "--top-k", "3")[1]
        assert [line.split()[0] for line in out.splitlines()[:2]] == ["1.0000", "1.0000"]

    def test_what_is_not_there(self, elmo, fails, model_dir, tmp_path):
        corpus = tmp_path / "corpus.txt"
        corpus.write_text("the river\n")
        assert elmo("neighbors", model_dir, corpus, "the [bank]") == (0, "", f"{corpus}: no sentence with 'bank'\n")
        fails("expected one word in brackets", "neighbors", model_dir, corpus, "the bank")
        fails("expected one vector for each word", "neighbors", model_dir, corpus, "the [bank]", "--layer", "all")


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal, if it is told so."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


class TestProgress:
    @pytest.fixture
    def progress(self, monkeypatch, original_dir, tmp_path):
        """What a conversion that takes so many seconds for each dataset writes to standard error."""

        def run(is_terminal, seconds):
            read = weights_hdf5.read_dataset

            def read_slowly(*args):
                time.sleep(seconds)
                return read(*args)

            monkeypatch.setattr(weights_hdf5, "read_dataset", read_slowly)
            monkeypatch.setattr(sys, "stderr", Terminal(is_terminal))
            monkeypatch.setattr(sys, "argv", ["elmo", "convert", str(original_dir), str(tmp_path / "elmo")])
            with pytest.raises(SystemExit):
                main()
            return sys.stderr.getvalue()

        return run

    def test_is_shown_on_a_terminal_when_it_takes_a_while(self, progress):
        assert "Reading weights:" in progress(True, 0.07)

    def test_is_not_shown_when_it_takes_no_time(self, progress):
        assert progress(True, 0) == ""

    def test_is_not_written_to_files_and_pipes(self, progress):
        assert progress(False, 0.07) == ""


class TestConvertPublished:
    @pytest.fixture
    def mirror(self, original_dir, monkeypatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        with HttpServer(published_files(original_dir, "small")) as server:
            yield server

    @pytest.fixture
    def arguments(self, mirror, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        return ["convert", "small", "elmo", "--mirror", mirror.url, "--cache-dir", "cache"]

    def test_fetches_and_converts(self, elmo, arguments, model_dir):
        assert elmo(*arguments) == (0, "Wrote elmo\n", "")
        assert Path("elmo/model.safetensors").read_bytes() == (model_dir / "model.safetensors").read_bytes()
        assert Path("elmo/tokenizer.json").read_bytes() == (model_dir / "tokenizer.json").read_bytes()

    def test_fetches_nothing_twice(self, elmo, arguments, mirror, monkeypatch):
        elmo(*arguments)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        number = len(mirror.requests)
        assert elmo(*arguments, "--force") == (0, "Wrote elmo\n", "")
        assert len(mirror.requests) == number

    def test_takes_a_vocabulary(self, elmo, arguments, original_dir):
        Path("words.txt").write_text("<S>\n</S>\n<UNK>\n")
        assert elmo(*arguments, "--vocab", "words.txt")[0] == 0
        assert json.loads(Path("elmo/config.json").read_text())["vocab_size"] == 5

    def test_nothing_is_fetched_in_vain(self, fails, arguments, mirror):
        fails("--options can't be combined with the published model small", *arguments, "--options", "options.json")
        fails("--vocab: words.txt is not a file", *arguments, "--vocab", "words.txt")
        fails("expected a URL such as https://example.org/elmo", *arguments, "--mirror", "example.org")
        Path("elmo").mkdir()
        Path("elmo/notes.txt").touch()
        fails("elmo: this directory is not empty; --force replaces it", *arguments)
        assert mirror.requests == []

    def test_a_file_that_is_nowhere(self, fails, arguments, mirror):
        mirror.files.clear()
        fails("small: options can't be downloaded: http://127.0.0.1:", *arguments)
        assert not Path("elmo").exists()

    def test_a_directory_comes_before_the_published_model(self, elmo, fails, arguments, mirror, source):
        source.rename("small")
        code, out, err = elmo("convert", "small", "elmo")
        assert (code, out) == (0, "Wrote elmo\n")
        assert err == "elmo: converting the directory small, not the published model of that name\n"
        fails(
            "--mirror: expected one of small, medium, original, original-5.5b, portuguese as SOURCE, found the "
            "directory small",
            *arguments,
        )
        assert mirror.requests == []

    def test_progress_is_shown_on_a_terminal(self, arguments, mirror, monkeypatch):
        respond = mirror.respond

        def respond_slowly(request):
            time.sleep(1.1)
            return respond(request)

        monkeypatch.setattr(mirror, "respond", respond_slowly)
        monkeypatch.setattr(sys, "stderr", Terminal(True))
        monkeypatch.setattr(sys, "argv", ["elmo", *arguments])
        with pytest.raises(SystemExit):
            main()
        assert "elmo_2x1024_128_2048cnn_1xhighway_weights.hdf5:" in sys.stderr.getvalue()

    def start(self, mirror, home, *arguments):
        command = [sys.executable, "-m", "modeling_elmo.cli", "convert", "small", *arguments, "--mirror", mirror.url]
        environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_two_processes_at_once(self, mirror, model_dir, tmp_path):
        processes = [self.start(mirror, tmp_path / "home", tmp_path / f"elmo{number}") for number in range(2)]
        assert [process.communicate(timeout=100)[1] for process in processes] == ["", ""]
        for number, process in enumerate(processes):
            assert process.returncode == 0
            weights = (tmp_path / f"elmo{number}" / "model.safetensors").read_bytes()
            assert weights == (model_dir / "model.safetensors").read_bytes()
        assert len(mirror.requests) == 3

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_interrupted_resumes(self, mirror, tmp_path):
        # More than one read of the client.
        write_model(tmp_path / "large", make_options(dim=128, projection_dim=32), words=["<S>", "</S>", "<UNK>"])
        mirror.files = published_files(tmp_path / "large", "small")
        mirror.cut_next("weights", after=200_000, times=100)
        with self.start(mirror, tmp_path / "home", tmp_path / "new" / "elmo") as process:
            deadline = time.monotonic() + 60
            while not any(path.stat().st_size for path in tmp_path.rglob("*weights.hdf5.incomplete")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert process.stderr.read() == ("elmo: interrupted; rerun the same command to resume the download\n")
        assert not (tmp_path / "new").exists()
        (part,) = tmp_path.rglob("*weights.hdf5.incomplete")
        arrived = part.stat().st_size
        mirror._faults.clear()
        with self.start(mirror, tmp_path / "home", tmp_path / "elmo") as process:
            assert process.communicate(timeout=60) == (f"Wrote {tmp_path}/elmo\n", "")
        assert mirror.requests[-1].headers["Range"] == f"bytes={arrived}-"


class TestProcess:
    """The real thing, as a shell runs it."""

    def run(self, *command, **kwargs):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=100, **kwargs)
        return done.returncode, done.stdout, done.stderr

    def test_installed_command_and_module(self, source, tmp_path):
        command = [Path(sys.executable).with_name("elmo")]
        if not command[0].is_file():
            pytest.skip("the package is not installed beside this Python")
        assert self.run(*command, "convert", "source", "model", cwd=tmp_path) == (0, "Wrote model\n", "")
        command = [sys.executable, "-m", "modeling_elmo.cli"]
        assert self.run(*command, "export", "model", "source", cwd=tmp_path) == (
            2,
            "",
            "elmo: source: this directory is not empty; --force replaces it\n",
        )

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
    def test_stopped_by_a_signal_leaves_nothing(self, source, tmp_path, number, code):
        program = (
            "import sys, time\n"
            "import modeling_elmo.conversion_scripts\n"
            "from modeling_elmo.cli.main import main\n"
            "def wait(*args, **kwargs):\n"
            "    print('saving', flush=True)\n"
            "    time.sleep(60)\n"
            "sys.modules['modeling_elmo.conversion_scripts.convert'].save_file = wait\n"
            f"sys.argv = ['elmo', 'convert', {str(source)!r}, {str(tmp_path / 'a' / 'elmo')!r}]\n"
            "main()\n"
        )
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "saving\n"
            process.send_signal(number)
            assert process.wait(60) == code
            assert process.stderr.read() == ""
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_every_kind_of_model_prints_the_same_two_lines(elmo, tmp_path):
    words = ["<S>", "</S>", "<UNK>"]
    for index, options in enumerate([make_options(n_layers=1), make_options(reads_words=True)]):
        write_model(tmp_path / f"source{index}", options, words=words)
        assert elmo("convert", tmp_path / f"source{index}", tmp_path / f"elmo{index}")[2] == ""
        assert elmo("export", tmp_path / f"elmo{index}", tmp_path / f"back{index}")[2] == ""
        # The original code reads a model of words with this file only.
        assert (tmp_path / f"back{index}" / "vocab_embedding.hdf5").exists() == (index == 1)
