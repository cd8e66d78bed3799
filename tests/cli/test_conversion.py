# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo convert` and `elmo export`."""

import errno
import io
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from modeling_elmo.cli.main import main
from modeling_elmo.conversion_scripts import weights_hdf5
from tests.helpers import programs
from tests.helpers.http_server import HttpServer
from tests.helpers.original_format import make_options, write_hdf5, write_model
from tests.helpers.published_models import published_files


# Some tests call `main` themselves.
pytestmark = pytest.mark.usefixtures("settings_of_the_process")


class TestConvert:
    def test_says_what_it_found_and_wrote(self, elmo, source, tmp_path):
        assert elmo("convert", source, tmp_path / "elmo") == (
            0,
            f"Read the original files: options.json, weights.hdf5, vocab.txt\nWrote {tmp_path / 'elmo'}\n",
            "",
        )
        AutoModel.from_pretrained(tmp_path / "elmo")

    def test_lists_published_models(self, elmo):
        code, output, errors = elmo("convert", "--list")
        assert (code, errors) == (0, "")
        lines = output.splitlines()
        assert lines[0].startswith("small ")
        assert any(line.startswith("manylangs/de, nlpl/142 ") for line in lines)

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

    def test_rounds_to_int8(self, elmo, fails, source, tmp_path):
        assert elmo("convert", source, tmp_path / "int8", "--dtype", "int8", "--language", "en")[0] == 0
        assert AutoModel.from_pretrained(tmp_path / "int8").is_quantized
        assert "rounded to int8" in (tmp_path / "int8" / "README.md").read_text()
        assert not list((tmp_path / "int8").glob("int8.safetensors"))
        weights = load_file(tmp_path / "int8" / "model.safetensors")
        assert {str(weight.dtype) for weight in weights.values()} == {"torch.int8", "torch.float32"}
        fails(
            "found int8; export the model that it was rounded from", "export", tmp_path / "int8", tmp_path / "original"
        )

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
        assert elmo("convert", ".", "../elmo/") == (
            0,
            "Read the original files: options.json, weights.hdf5, vocab.txt\nWrote ../elmo\n",
            "",
        )
        monkeypatch.chdir(tmp_path / "elmo")
        assert elmo("export", ".", "../back")[0] == 0
        assert (tmp_path / "back" / "weights.hdf5").is_file()

    def test_bad_file(self, fails, source, tmp_path):
        (source / "weights.hdf5").write_text("nothing")
        fails("weights.hdf5: not a readable HDF5 file, or cut short", "convert", source, tmp_path / "a" / "elmo")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    def test_no_source(self, fails, source, tmp_path):
        fails(
            "nowhere: no such file or directory: expected a directory",
            "convert",
            tmp_path / "nowhere",
            tmp_path / "elmo",
        )
        fails("--options is required without a SOURCE (elmo convert SOURCE OUT_DIR)", "convert", tmp_path / "elmo")
        fails("--weights: ", "convert", source, tmp_path / "elmo", "--weights", tmp_path / "x")

    def test_source_in_the_target(self, fails, source):
        fails("can't be replaced, because options.json is read from it", "convert", source, source, "--force")
        assert len(list(source.iterdir())) == 3

    def test_error_of_the_disk(self, fails, source, tmp_path, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.convert"], "write_safetensors", fail)
        fails("elmo: no space left on device", "convert", source, tmp_path / "elmo")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    def test_out_of_memory(self, fails, source, tmp_path, monkeypatch):
        def fail(*args, **kwargs):
            raise MemoryError

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.convert"], "write_safetensors", fail)
        fails("out of memory", "convert", source, tmp_path / "elmo")

    def test_interrupt(self, elmo, source, tmp_path, monkeypatch):
        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(sys.modules["modeling_elmo.conversion_scripts.convert"], "write_safetensors", interrupt)
        assert elmo("convert", source, tmp_path / "elmo") == (130, "", "")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    def test_a_name_that_is_neither_a_directory_nor_published(self, fails, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        fails(
            "nonsense: no such file or directory: expected a directory of original files, an archive, or the name of",
            "convert",
            "nonsense",
            "elmo",
        )
        fails(
            "--mirror and --cache-dir: expected the name of a published model as SOURCE, found nonsense",
            *("convert", "nonsense", "elmo", "--mirror", "https://example.org"),
        )
        fails("--mirror and --cache-dir: expected the name of", "convert", "elmo", "--cache-dir", "cache")
        assert not list(tmp_path.iterdir())

    def test_names_that_would_act_upon_the_terminal_are_escaped(self, fails, source, tmp_path):
        write_hdf5(source / "weights.hdf5", {"CNN/\x1b[2J\n\rchar_embed": 1})
        fails(
            r"weights.hdf5: CNN/\x1b[2J\n\rchar_embed: not part of the model that the options describe",
            "convert",
            source,
            tmp_path / "elmo",
        )
        name = "a\nb\x1b[31m\u202e"
        fails(r"a\nb\x1b[31m\u202e: no such file or directory", "convert", tmp_path / name, tmp_path / "elmo")

    @pytest.mark.parametrize("name", ["naïve 日本 🙂", "a\nb", os.fsdecode(b"\xff\xfe"), "'; rm -rf x", "--out"])
    def test_any_name_of_the_target(self, elmo, source, tmp_path, name):
        code, out, err = elmo("convert", "--", source, tmp_path / name)
        assert (code, err) == (0, "")
        assert len(out.splitlines()) == 2
        assert (tmp_path / name / "model.safetensors").is_file()


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
        code, out, err = elmo(*arguments)
        assert (code, out.splitlines()[-1], err) == (0, "Wrote elmo", "")
        assert Path("elmo/model.safetensors").read_bytes() == (model_dir / "model.safetensors").read_bytes()
        assert Path("elmo/tokenizer.json").read_bytes() == (model_dir / "tokenizer.json").read_bytes()

    def test_fetches_nothing_twice(self, elmo, arguments, mirror, monkeypatch):
        elmo(*arguments)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        number = len(mirror.requests)
        assert elmo(*arguments, "--force")[0] == 0
        assert len(mirror.requests) == number

    def test_takes_a_vocabulary(self, elmo, arguments, original_dir):
        Path("words.txt").write_text("<S>\n</S>\n<UNK>\n")
        assert elmo(*arguments, "--vocab", "words.txt")[0] == 0
        assert json.loads(Path("elmo/config.json").read_text())["vocab_size"] == 5

    def test_nothing_is_fetched_in_vain(self, fails, arguments, mirror):
        fails(
            "--options and --weights can't be combined with the published model small",
            *arguments,
            "--options",
            "options.json",
        )
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
        assert (code, out.splitlines()[-1]) == (0, "Wrote elmo")
        assert err == "elmo: converting the directory small, not the published model of that name\n"
        fails(
            "--mirror and --cache-dir: expected the name of a published model as SOURCE, found small",
            *arguments,
            "--force",
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
        command = ["convert", "small", *arguments, "--mirror", mirror.url]
        environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
        return programs.start(programs.ELMO, *command, env=environment, cwd=home.parent)

    def test_two_processes_at_once(self, mirror, model_dir, tmp_path):
        started = [self.start(mirror, tmp_path / "home", tmp_path / f"elmo{number}") for number in range(2)]
        for number, program in enumerate(started):
            done = program.finish()
            assert (done.returncode, done.stderr) == (0, "")
            weights = (tmp_path / f"elmo{number}" / "model.safetensors").read_bytes()
            assert weights == (model_dir / "model.safetensors").read_bytes()
        assert len(mirror.requests) == 3

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_interrupted_resumes(self, mirror, tmp_path):
        # More than one read of the client.
        write_model(tmp_path / "large", make_options(dim=128, projection_dim=32), words=["<S>", "</S>", "<UNK>"])
        mirror.files = published_files(tmp_path / "large", "small")
        mirror.cut_next("weights", after=200_000, times=100)
        program = self.start(mirror, tmp_path / "home", tmp_path / "new" / "elmo")
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.rglob("*weights.hdf5.incomplete")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(program.process.pid, signal.SIGINT)
        done = program.finish(60)
        assert (done.returncode, done.stderr) == (
            130,
            "elmo: interrupted; rerun the same command to resume the download\n",
        )
        assert not (tmp_path / "new").exists()
        (part,) = tmp_path.rglob("*weights.hdf5.incomplete")
        arrived = part.stat().st_size
        mirror._faults.clear()
        done = self.start(mirror, tmp_path / "home", tmp_path / "elmo").finish(60)
        assert (done.stdout.splitlines()[-1], done.stderr) == (f"Wrote {tmp_path}/elmo", "")
        assert mirror.requests[-1].headers["Range"] == f"bytes={arrived}-"


class TestExport:
    def test_says_what_it_found_and_wrote(self, elmo, model_dir, tmp_path):
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


def test_every_kind_of_model_prints_the_same_two_lines(elmo, tmp_path):
    words = ["<S>", "</S>", "<UNK>"]
    for index, options in enumerate([make_options(n_layers=1), make_options(reads_words=True)]):
        write_model(tmp_path / f"source{index}", options, words=words)
        assert elmo("convert", tmp_path / f"source{index}", tmp_path / f"elmo{index}")[2] == ""
        assert elmo("export", tmp_path / f"elmo{index}", tmp_path / f"back{index}")[2] == ""
        # The original code reads a model of words with this file only.
        assert (tmp_path / f"back{index}" / "vocab_embedding.hdf5").exists() == (index == 1)


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

        def run(is_terminal, seconds, *options):
            convert = weights_hdf5.as_tensor

            def convert_slowly(*args):
                time.sleep(seconds)
                return convert(*args)

            monkeypatch.setattr(weights_hdf5, "as_tensor", convert_slowly)
            monkeypatch.setattr(sys, "stderr", Terminal(is_terminal))
            monkeypatch.setattr(sys, "argv", ["elmo", *options, "convert", str(original_dir), str(tmp_path / "elmo")])
            with pytest.raises(SystemExit):
                main()
            return sys.stderr.getvalue()

        return run

    def test_is_shown_on_a_terminal_when_it_takes_a_while(self, progress):
        assert "Reading weights:" in progress(True, 0.07)

    def test_is_not_shown_when_it_takes_no_time(self, progress):
        assert progress(True, 0) == ""

    def test_is_not_shown_if_quiet(self, progress):
        assert progress(True, 0.07, "--quiet") == ""

    def test_is_not_written_to_files_and_pipes(self, progress):
        assert progress(False, 0.07) == ""
