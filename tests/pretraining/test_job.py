# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Training runs: whatever interrupts one, it resumes as if nothing had happened."""

import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForPreTraining, AutoTokenizer
from typer.testing import CliRunner

from modeling_elmo import ElmoForPreTraining, ElmoModel, ElmoTokenizer
from modeling_elmo.cli.app import app
from modeling_elmo.conversion_scripts.options_json import config_from_options
from modeling_elmo.files import atomic
from modeling_elmo.pretraining import job, pretrain, trainer
from modeling_elmo.pretraining.checkpoints import checkpoints
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import InitialModel
from modeling_elmo.pretraining.perplexity import load_language_model, measure_perplexity, one_process
from modeling_elmo.pretraining.settings import PretrainingSettings
from tests.conftest import SHARED
from tests.helpers import programs
from tests.helpers.original_format import make_options
from tests.helpers.training_examples import STEPS, WORDS, losses, settings, start, train_into


class Killed(BaseException):
    """Ends a run as a signal that can't be handled does."""


def kill(*args, **kwargs):
    raise Killed


class TestResume:
    @pytest.fixture
    def killed(self, train):
        def run_it(**kwargs):
            with pytest.raises(Killed):
                train(**kwargs)

        return run_it

    @pytest.mark.parametrize("step", [1, 4, 8])
    def test_after_a_kill_between_steps(self, train, killed, expected, monkeypatch, step):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == step - 1:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
            killed()
        assert train() == expected

    @pytest.mark.parametrize("place", ["torch.save", "write_json", "move_into_place", "rotate_checkpoints"])
    def test_after_a_kill_in_the_middle_of_a_checkpoint(self, train, killed, expected, monkeypatch, place, tmp_path):
        target = {"torch.save": "torch.save"}.get(place, f"modeling_elmo.pretraining.trainer.{place}")
        original = torch.save if place == "torch.save" else getattr(trainer, place)
        calls = []

        def at_the_second_checkpoint(*args, **kwargs):
            # A checkpoint has several files that torch writes.
            calls.append(args)
            if len(calls) == (7 if place == "torch.save" else 2):
                if place == "torch.save":
                    Path(args[1]).write_bytes(b"half a fi")
                raise Killed
            return original(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(target, at_the_second_checkpoint)
            killed()
        names = ["checkpoint-3", "checkpoint-6"] if place == "rotate_checkpoints" else ["checkpoint-3"]
        assert [path.name for path in checkpoints(tmp_path / "out")] == names
        assert train() == expected
        assert not (tmp_path / "out" / ".incomplete").exists()

    def test_after_a_kill_before_the_model_was_written(self, train, killed, expected, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(job, "save_trained_model", kill)
            killed()
        assert train() == expected

    def test_with_gradient_accumulation_and_reports_over_several_steps(self, train, killed, monkeypatch):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 7:
                raise Killed

        options = {"options": {"gradient_accumulation_steps": 2, "optimizer": "adamw"}, "logging_steps": 4}
        expected = train("uninterrupted", **options)
        with monkeypatch.context() as patch:
            patch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
            killed(**options)
        assert train(**options) == expected
        assert len(expected) == 2

    def test_with_a_sentence_per_row(self, train, killed, monkeypatch):
        options = {"options": {"sentence_per_row": True}}
        expected = train("uninterrupted", **options)
        with monkeypatch.context() as patch:
            patch.setattr(job, "save_trained_model", kill)
            patch.setattr(trainer.ElmoPretrainer, "evaluate", kill)
            killed(**options, eval_steps=7, eval_corpus=TextFiles([__file__]))
        assert train(**options) == expected

    def test_after_a_signal(self, train, expected, text, tmp_path, monkeypatch):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 4:
                os.kill(os.getpid(), signal.SIGTERM)

        handler = signal.getsignal(signal.SIGTERM)
        with monkeypatch.context() as patch:
            patch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
            corpus = TextFiles([text / "*.txt"])
            code = pretrain(start(), corpus, settings(), tmp_path / "out", logging_steps=1, save_steps=3, write=len)
        assert code == 143
        assert signal.getsignal(signal.SIGTERM) == handler
        assert checkpoints(tmp_path / "out")[-1].name == "checkpoint-5"
        assert train() == expected

    def test_a_full_disk_leaves_the_older_checkpoints(self, train, expected, monkeypatch, tmp_path):
        save = torch.save
        for error in (OSError(errno.ENOSPC, "No space left on device"), RuntimeError("file write failed")):

            def fail(value, path, *args, error=error, **kwargs):
                if "checkpoint-6" in str(path):
                    raise error
                save(value, path, *args, **kwargs)

            with monkeypatch.context() as patch:
                patch.setattr(torch, "save", fail)
                with pytest.raises(OSError, match=r"checkpoint-6: can't be written .*; older checkpoints are intact"):
                    train()
            assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint-3"]
        assert train() == expected

    @pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
    def test_a_file_that_cannot_grow_leaves_the_older_checkpoints(self, train, expected, monkeypatch, tmp_path):
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)

        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 4:
                resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))

        with monkeypatch.context() as patch:
            patch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
            try:
                with pytest.raises(
                    OSError, match=r"checkpoint-6: can't be written \(.*; free there: [\d,]+ MB\); older"
                ):
                    train()
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint-3"]
        assert train() == expected

    def test_another_run_in_the_same_directory_is_refused(self, train, expected, text, monkeypatch, tmp_path):
        refused = []

        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step in (1, 4):
                corpus, out = TextFiles([text / "*.txt"]), tmp_path / "out"
                with pytest.raises(ValueError, match="out: another run is writing to it"):
                    pretrain(start(), corpus, settings(), out, write=len)
                refused.append(state.global_step)

        monkeypatch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
        assert train() == expected
        assert refused == [1, 4]
        assert not (tmp_path / "out" / ".lock").exists()

    def test_another_run_that_wrote_a_checkpoint_in_the_meantime_is_noticed(self, text, tmp_path):
        class SlowToCount(TextFiles):
            def order(self, seed):
                (tmp_path / "out" / "checkpoint-6").mkdir(parents=True)
                return super().order(seed)

        with pytest.raises(ValueError, match="out: another run has written to this directory in the meantime"):
            pretrain(start(), SlowToCount([text / "*.txt"]), settings(), tmp_path / "out", epochs=1, write=len)

    @pytest.mark.parametrize(
        "name", ["model.safetensors", "optimizer.pt", "scheduler.pt", "pretraining_rows_0.pt", "trainer_state.json"]
    )
    def test_a_damaged_checkpoint_is_reported(self, train, trained, name):
        (trained / "checkpoint-8" / name).write_bytes(b"{half a fi")
        with pytest.raises(ValueError, match=r"checkpoint-8: can't be read \(.+; delete it to resume from the"):
            train()

    def test_from_the_checkpoint_before_a_damaged_one(self, train, trained, expected):
        shutil.rmtree(trained / "checkpoint-8")
        assert train() == expected

    def test_a_checkpoint_that_lacks_the_rows_of_a_process_is_reported(self, train, trained):
        path = trained / "checkpoint-8" / "pretraining_rows_0.pt"
        state = torch.load(path, weights_only=True)
        torch.save({**state, "first_row": 4}, path.with_name("pretraining_rows_1.pt"))
        with pytest.raises(ValueError, match="expected the states of 4 rows, found those of 8"):
            train()

    def test_in_a_thread(self, text, expected, tmp_path):
        with ThreadPoolExecutor(1) as threads:
            training = threads.submit(train_into, tmp_path / "out", text, {"max_steps": 2})
            assert training.result() == expected[:2]

    def test_on_a_file_system_without_locks(self, train, expected, monkeypatch):
        def acquire(self):
            raise NotImplementedError("FileSystem does not appear to support flock")

        monkeypatch.setattr(atomic.FileLock, "acquire", acquire)
        assert train(options={"max_steps": 2}) == expected[:2]

    def test_the_lock_of_a_killed_run_is_ignored(self, train, expected, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / ".lock").touch()
        assert train(options={"max_steps": 2}) == expected[:2]

    def test_a_run_at_a_constant_rate_can_be_extended(self, train, trained, expected):
        longer = train(options={"max_steps": 10})
        assert longer[:STEPS] == expected
        assert len(longer) == 10

    def test_with_bfloat16(self, train, tmp_path):
        exact = train("float32", model={"num_negative_samples": 0})
        options = {"options": {"bf16": True}, "model": {"num_negative_samples": 0}}
        expected = train(**options)
        assert expected[-1][1] < expected[0][1]
        assert expected != exact
        torch.testing.assert_close(expected, exact, rtol=0.02, atol=0.0)
        shutil.rmtree(tmp_path / "out" / "checkpoint-8")
        assert train(**options) == expected
        assert load_language_model(tmp_path / "out")[0].dtype == torch.float32


class TestProcesses:
    """The command, in processes of its own."""

    @pytest.fixture
    def command(self, text, tmp_path):
        start().model.save_pretrained(tmp_path / "model")
        ElmoTokenizer(vocab=WORDS).save_pretrained(tmp_path / "model")

        def make(output, *more):
            arguments = {"model": tmp_path / "model", "train": text / "*.txt", "output": tmp_path / output}
            arguments |= {"max-steps": 6, "batch-size": 4, "num-steps": 5, "logging-steps": 1, "save-steps": 2}
            return [*(f"--{name}={value}" for name, value in arguments.items()), *more]

        return make

    @pytest.fixture
    def environment(self):
        return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}

    def test_sigkill_loses_only_the_steps_since_the_last_checkpoint(self, command, environment, tmp_path):
        arguments = [*command("out"), "--max-steps=1000000"]
        program = programs.start(programs.ELMO, "pretrain", *arguments, env=environment, cwd=tmp_path)
        while "\nstep 5 " not in program.printed():
            assert program.process.is_alive(), program.printed("err")
            time.sleep(0.005)
        program.process.kill()
        assert program.finish().returncode == -signal.SIGKILL
        found = checkpoints(tmp_path / "out")
        last = int(found[-1].name.partition("-")[2])
        assert last >= 4
        ends = last + 2
        sys_argv = [*command("out"), f"--max-steps={ends}"]
        assert self.in_process(sys_argv) == 0
        assert self.in_process([*command("whole"), f"--max-steps={ends}", "--save-steps=1000"]) == 0
        assert losses(tmp_path / "out") == losses(tmp_path / "whole")

    def in_process(self, arguments):
        return CliRunner().invoke(app, ["pretrain", *arguments], catch_exceptions=False).exit_code

    def test_two_processes_do_what_one_does(self, command, environment, tmp_path):
        more = ["--dropout=0", "--gradient-accumulation-steps=2"]
        assert self.in_process(command("one", *more)) == 0
        # As docs/pretraining.md has it; it starts torch.distributed.run.
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]
        launch += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0"]
        arguments = ["--module", "modeling_elmo.cli", "pretrain", *command("two", *more)]
        done = subprocess.run([*launch, *arguments], capture_output=True, text=True, env=environment, timeout=200)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("Wrote") == 1
        self.check_two(command("two", *more), tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="processes of POSIX")
    def test_two_processes_weigh_rows_of_sentences(self, command, environment, tmp_path):
        more = ["--dropout=0", "--sentence-per-row"]
        assert self.in_process(command("one", *more)) == 0
        arguments = ["pretrain", *command("two", *more)]
        for done in programs.run_group(programs.ELMO, *arguments, count=2, env=environment, cwd=tmp_path):
            assert done.returncode == 0, done.stderr[-2000:]
        self.check_two(command("two", *more), tmp_path)

    def check_two(self, arguments, tmp_path):
        assert len(list(checkpoints(tmp_path / "two")[-1].glob("pretraining_rows_*"))) == 2
        before = losses(tmp_path / "two")
        torch.testing.assert_close(before, losses(tmp_path / "one"), rtol=1e-4, atol=1e-5)
        # Any number of processes can resume from its checkpoints.
        shutil.rmtree(tmp_path / "two" / "checkpoint-6")
        assert self.in_process(arguments) == 0
        torch.testing.assert_close(losses(tmp_path / "two"), before, rtol=1e-4, atol=1e-5)


def test_the_result_is_a_model_directory(train, text, tmp_path):
    train(eval_corpus=TextFiles([text / "a.txt"]), epochs=0.5, command="elmo pretrain --preset tiny")
    output = tmp_path / "out"
    card = (output / "README.md").read_text()
    assert "elmo pretrain --preset tiny" in card
    assert "Perplexity of the evaluation text" in card
    tokenizer = AutoTokenizer.from_pretrained(output)
    assert tokenizer.convert_tokens_to_ids(WORDS) == list(range(len(WORDS)))
    model = AutoModel.from_pretrained(output)
    assert isinstance(model, ElmoModel)
    assert not any(parameter.requires_grad for parameter in model.layers.parameters())
    language_model = AutoModelForPreTraining.from_pretrained(output).eval()
    batch = tokenizer("the bank .", return_tensors="pt")
    assert language_model(**batch, labels=batch["input_ids"]).loss > 0
    logged = json.loads((output / "trainer_state.json").read_text())["log_history"]
    evaluated = [entry["eval_loss"] for entry in logged if "eval_loss" in entry]
    result = measure_perplexity(language_model, tokenizer, TextFiles([text / "a.txt"]), one_process(4, 5))
    assert math.isclose(evaluated[-1], result.loss, rel_tol=1e-5)
    assert logged[0]["epoch"] > 0


@pytest.mark.parametrize("reads", ["characters", "words, shared, with skip connections"])
def test_the_originals_own_training_test(reads, tmp_path):
    """The sizes, options and number of steps of bilm-tf's `tests/test_training.py`."""
    directory = SHARED / "parity" / "bilm_tf" / "train"
    if not directory.is_dir():
        pytest.skip("needs the text of bilm-tf's training test (parity/bilm_tf/train in ELMO_TEST_FILES)")
    tokenizer = ElmoTokenizer(vocab_file=directory / "vocab.txt", max_characters_per_token=10)
    options = make_options(
        dim=16,
        projection_dim=8,
        use_skip_connections=True if "skip" in reads else None,
        cell_clip=None,
        proj_clip=None,
        filters=[(1, 8), (2, 8), (3, 16), (4, 32), (5, 64)],
        activation="tanh",
        n_characters=261,
        max_characters_per_token=10,
        reads_words=reads != "characters",
        n_tokens_vocab=len(tokenizer) - 2,
        n_negative_samples_batch=16,
        dropout=0.1,
        share_embedding_softmax="shared" in reads,
    )
    corpus = TextFiles([directory / "data.txt"])
    # 50 epochs of 134 words; a model that reads words has learnt them after half as many.
    own = PretrainingSettings(
        max_steps=300 if reads == "characters" else 150, batch_size=2, num_steps=10, max_grad_norm=1.0
    )
    beginning = InitialModel(ElmoForPreTraining(config_from_options(options, freeze_bilm=False)), tokenizer)
    pretrain(beginning, corpus, own, tmp_path / "out", save_steps=1000, write=len)
    model, tokenizer = load_language_model(tmp_path / "out")
    assert measure_perplexity(model, tokenizer, corpus, one_process(1, 1)).perplexities[2] < 20
