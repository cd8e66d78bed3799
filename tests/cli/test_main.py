# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `elmo`: exit codes, one line for each error, and silence otherwise."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import modeling_elmo
from tests.helpers import programs


# Some tests call `main` themselves.
pytestmark = pytest.mark.usefixtures("settings_of_the_process")


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

    def test_help_lists_the_exit_codes_and_the_completion(self, elmo):
        _, out, _ = elmo("--help")
        assert "Exit codes: 0 done; 2 wrong usage" in out
        assert "--show-completion" in out

    def test_completion_of_a_shell(self):
        environment = {**os.environ, "_ELMO_COMPLETE": "complete_bash", "COMP_WORDS": "elmo con", "COMP_CWORD": "1"}
        command = [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['elmo']; from modeling_elmo.cli.main import main; main()",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["convert"], "")

    def test_quiet_prints_results_alone(self, elmo, source, tmp_path):
        assert elmo("--quiet", "convert", source, tmp_path / "elmo") == (0, "", "")
        (tmp_path / "text.txt").write_text("the bank\n")
        assert elmo("-q", "embed", tmp_path / "elmo", tmp_path / "text.txt", tmp_path / "v.h5") == (0, "", "")
        code, out, err = elmo("-q", "neighbors", tmp_path / "elmo", tmp_path / "text.txt", "the [bank]")
        assert (code, len(out.splitlines()), err) == (0, 1, "")

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

    def test_a_model_that_comes_with_the_package_has_a_name(self, elmo, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert elmo("export", "elmo-tiny", "original")[0] == 0
        assert Path("original", "weights.hdf5").is_file()

    def test_a_directory_of_that_name_goes_first(self, elmo, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("elmo-tiny").mkdir()
        code, _, err = elmo("export", "elmo-tiny", "original")
        assert (code, "elmo-tiny: expected a model directory" in err) == (2, True)

    def test_help_of_export(self, elmo):
        code, out, err = elmo("export", "--help")
        assert (code, err) == (0, "")
        for part in ("MODEL", "OUT_DIR", "--token-embeddings", "--force"):
            assert part in out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--nothing"], "No such option: --nothing"),
            (["nothing"], "No such command 'nothing'"),
            (["convert"], "Missing argument '[SOURCE] OUT_DIR'"),
            (["convert", "a", "b", "c"], "expected [SOURCE] OUT_DIR, found 3 directories"),
            (["convert", "a", "b", "--nothing"], "No such option: --nothing"),
            (["convert", "a", "b", "--dtype", "int4"], "'int4' is not one of 'float32', 'bfloat16', 'float16', 'int8'"),
            (["convert", "a", "b", "--dtype"], "Option '--dtype' requires an argument"),
            (["convert", "a", "b", "--weights"], "Option '--weights' requires an argument"),
            (["convert", "a", ""], ""),
            (["embed", "--quiet", "a", "b"], "--quiet: pass it before the command: elmo --quiet embed ..."),
            (["doctor", "-q"], "-q: pass it before the command: elmo -q doctor ..."),
            (["export"], "Missing argument 'MODEL'"),
            (["export", "a"], "Missing argument 'OUT_DIR'"),
            (["export", "a", "b", "c"], "unexpected extra argument"),
            (["export", "a", "b", "--dtype", "float16"], "--softmax, --state and --dtype require --format onnx"),
            (["export", "a", "b", "--format", "onnx", "--token-embeddings"], "requires --format original"),
            (["export", "a", "b", "--format", "onyx"], "'--format': 'onyx' is not one of 'original', 'onnx'"),
            (["export", "a", "b", "--format", "onnx"], "found no config.json in it"),
        ],
    )
    def test_wrong(self, fails, tmp_path, monkeypatch, arguments, message):
        monkeypatch.chdir(tmp_path)
        fails(message, *arguments)
        assert not list(tmp_path.iterdir())


class TestProcess:
    """The real thing, as a shell runs it."""

    def test_installed_command_and_module(self, source, tmp_path):
        script = Path(sys.executable).with_name("elmo")
        if not script.is_file():
            pytest.skip("the package is not installed beside this Python")
        command = [str(script), "convert", "source", "model"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (
            0,
            "Read the original files: options.json, weights.hdf5, vocab.txt\nWrote model\n",
            "",
        )
        # As `python -m modeling_elmo.cli` does.
        code = "import runpy; runpy.run_module('modeling_elmo.cli', run_name='__main__', alter_sys=True)"
        done = programs.run(code, "export", "model", "source", env=os.environ, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (
            2,
            "",
            "elmo: source: this directory is not empty; --force replaces it\n",
        )

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    @pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
    def test_stopped_by_a_signal_leaves_nothing(self, source, tmp_path, name, code):
        program = (
            "import os, sys, time\n"
            "import modeling_elmo.conversion_scripts\n"
            "from modeling_elmo.cli.main import main\n"
            "def stop(*args, **kwargs):\n"
            "    os.kill(os.getpid(), int(number))\n"
            "    time.sleep(60)\n"
            "sys.modules['modeling_elmo.conversion_scripts.convert'].write_safetensors = stop\n"
            "number = sys.argv.pop()\n"
            "sys.argv = ['elmo', 'convert', 'source', os.path.join('a', 'elmo')]\n"
            "main()\n"
        )
        result = programs.run(program, int(getattr(signal, name)), env=os.environ, cwd=tmp_path)
        assert (result.returncode, result.stdout, result.stderr) == (code, "", "")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_ctrl_c_ends_imports_even_where_they_swallow_it(self, tmp_path):
        (tmp_path / "transformers.py").write_text(
            "import os, signal, time\n"
            "try:\n"
            "    os.kill(os.getpid(), signal.SIGINT)\n"
            "    time.sleep(60)\n"
            "except KeyboardInterrupt:\n"
            "    pass\n"
        )
        # The directory is the first in which Python looks for modules.
        command = [sys.executable, "-m", "modeling_elmo.cli", "embed", "elmo-tiny", "text.txt", "vectors.h5"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "")

    def test_the_module_loads_torch_only_when_a_job_runs(self):
        command = [sys.executable, "-X", "importtime", "-m", "modeling_elmo.cli", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert (done.returncode, done.stdout) == (0, f"{modeling_elmo.__version__}\n")
        assert "typer" in done.stderr
        assert "torch" not in done.stderr
