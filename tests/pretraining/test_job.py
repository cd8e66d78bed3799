# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Training of language models: what is resumed is as if nothing had happened, whatever happened."""

import errno
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForPreTraining, AutoTokenizer, TrainerControl
from typer.testing import CliRunner

from modeling_elmo import ElmoForPreTraining, ElmoModel, ElmoTokenizer
from modeling_elmo.cli.app import app
from modeling_elmo.conversion_scripts.options_json import config_from_options
from modeling_elmo.files import atomic
from modeling_elmo.pretraining import job, pretrain, trainer
from modeling_elmo.pretraining import signals as stop_signals
from modeling_elmo.pretraining.checkpoints import check_settings, checkpoints, find_checkpoint
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import InitialModel
from modeling_elmo.pretraining.perplexity import load_language_model, measure_perplexity, one_process
from modeling_elmo.pretraining.settings import PretrainingSettings
from modeling_elmo.pretraining.windows import BatchPlan, StreamPosition, Windows
from tests.conftest import SHARED
from tests.helpers.original_format import make_options
from tests.helpers.training_examples import STEPS, WORDS, losses, settings, start, write_text


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    directory = tmp_path_factory.mktemp("text")
    write_text(directory)
    return directory


def train_into(output, text, options=None, model=None, **kwargs):
    """Trains into a directory, from its newest checkpoint on; gives the losses of all steps."""
    kwargs = {"logging_steps": 1, "save_steps": 3, "write": len, **kwargs}
    corpus = TextFiles([text / "*.txt"])
    code = pretrain(start(**(model or {})), corpus, settings(**(options or {})), output, **kwargs)
    assert code == 0
    return losses(output)


@pytest.fixture
def train(text, tmp_path):
    def run_it(name="out", *args, **kwargs):
        return train_into(tmp_path / name, text, *args, **kwargs)

    return run_it


@pytest.fixture(scope="module")
def expected(text, tmp_path_factory):
    """The losses of a training that nothing interrupts."""
    return train_into(tmp_path_factory.mktemp("uninterrupted") / "out", text)


class Killed(BaseException):
    """Ends a training as a signal that can't be handled does."""


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
    def test_a_file_that_can_not_grow_leaves_the_older_checkpoints(self, train, expected, monkeypatch, tmp_path):
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

    def test_another_training_in_the_same_directory_is_kept_out(self, train, expected, text, monkeypatch, tmp_path):
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
    def test_a_checkpoint_that_is_damaged_is_told(self, train, expected, tmp_path, name):
        train()
        (tmp_path / "out" / "checkpoint-8" / name).write_bytes(b"{half a fi")
        with pytest.raises(ValueError, match=r"checkpoint-8: can't be read \(.+; delete it to resume from the"):
            train()
        shutil.rmtree(tmp_path / "out" / "checkpoint-8")
        assert train() == expected

    def test_a_checkpoint_that_lacks_the_rows_of_a_process_is_told(self, train, tmp_path):
        train()
        path = tmp_path / "out" / "checkpoint-8" / "pretraining_rows_0.pt"
        state = torch.load(path, weights_only=True)
        torch.save({**state, "first_row": 4}, path.with_name("pretraining_rows_1.pt"))
        with pytest.raises(ValueError, match="expected the states of 4 rows, found those of 8"):
            train()

    def test_in_a_thread(self, text, expected, tmp_path):
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(train_into, tmp_path / "out", text).result() == expected

    def test_on_a_file_system_without_locks(self, train, expected, monkeypatch):
        def acquire(self):
            raise NotImplementedError("FileSystem does not appear to support flock")

        monkeypatch.setattr(atomic.FileLock, "acquire", acquire)
        assert train() == expected

    def test_the_lock_of_a_training_that_was_killed_is_none(self, train, expected, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / ".lock").touch()
        assert train() == expected

    def test_settings_that_differ_are_named(self, train, text, tmp_path):
        train()
        for options, message in (
            ({"options": {"batch_size": 2}}, "made with batch_size=4, found 2"),
            ({"options": {"seed": 1, "learning_rate": 0.1}}, "learning_rate=0.2, found 0.1; seed=0, found 1"),
            ({"model": {"lstm_dropout": 0.2}}, "lstm_dropout=0.1, found 0.2"),
            ({"model": {"cell_size": 7}}, "cell_size=6, found 7"),
        ):
            with pytest.raises(ValueError, match=message):
                train(**options)
        reversed_words = ElmoTokenizer(vocab=[*WORDS[:3], *WORDS[:2:-1]])
        for tokenizer, corpus, message in (
            (reversed_words, TextFiles([text / "*.txt"]), "made with vocabulary='[0-9a-f]{20,}"),
            (start().tokenizer, TextFiles([text / "a.txt"]), r"made with text=\['a.txt', 'b.txt'\], found \['a.txt'\]"),
        ):
            with pytest.raises(ValueError, match=message):
                pretrain(InitialModel(start().model, tokenizer), corpus, settings(), tmp_path / "out")
        with pytest.raises(ValueError, match="--no-resume requires .*, found checkpoint-8"):
            find_checkpoint(tmp_path / "out", False)

    def test_a_training_at_a_constant_rate_can_be_made_longer(self, train, expected):
        assert train() == expected
        longer = train(options={"max_steps": 10})
        assert longer[:STEPS] == expected
        assert len(longer) == 10

    def test_a_training_at_a_falling_rate_can_not(self, train, tmp_path):
        options = {"optimizer": "adamw", "learning_rate": 0.01, "max_steps": 40}
        train(options=options, save_steps=1000)
        log = json.loads((tmp_path / "out" / "trainer_state.json").read_text())["log_history"]
        rates = [entry["learning_rate"] for entry in log if "loss" in entry]
        # It rises for two steps.
        assert rates[0] < rates[1] < rates[2] == pytest.approx(0.01)
        assert rates[2:] == sorted(rates[2:], reverse=True)
        assert 0 < rates[-1] < 0.0005
        with pytest.raises(ValueError, match="made with max_steps=40, found 50"):
            train(options={**options, "max_steps": 50})

    @pytest.mark.parametrize("bf16", [False, True])
    def test_the_precision_may_change_at_a_checkpoint(self, train, tmp_path, bf16):
        unchanged = train("unchanged", options={"bf16": bf16})
        first = train(options={"bf16": bf16, "max_steps": 3})
        changed = train(options={"bf16": not bf16})
        assert changed[:3] == first == unchanged[:3]
        assert len(changed) == STEPS
        assert changed[3:] != unchanged[3:]
        torch.testing.assert_close(changed, unchanged, rtol=0.02, atol=0.0)
        assert load_language_model(tmp_path / "out")[0].dtype == torch.float32

    def test_a_directory_of_something_else(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("x")
        with pytest.raises(
            ValueError, match=r"expected an empty directory, or one with checkpoints, found thesis\.tex"
        ):
            find_checkpoint(tmp_path, True)
        with pytest.raises(ValueError, match="expected a directory to write to, found a file"):
            find_checkpoint(tmp_path / "thesis.tex", True)
        (tmp_path / "out" / "checkpoint-3").mkdir(parents=True)
        with pytest.raises(ValueError, match="checkpoint-3: not a checkpoint of this command"):
            check_settings(tmp_path / "out" / "checkpoint-3", {"optimizer": "adagrad"})


class TestProcesses:
    """The command, as a shell runs it."""

    COMMAND = [sys.executable, "-m", "modeling_elmo.cli", "pretrain"]

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
        process = subprocess.Popen(
            [*self.COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        with process:
            for line in process.stdout:
                if line.startswith("step 5 "):
                    break
            process.kill()
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

    @pytest.mark.parametrize("rows", ["windows", "sentences"])
    def test_two_processes_do_what_one_does(self, command, environment, tmp_path, rows):
        more = ["--dropout=0"]
        more += ["--gradient-accumulation-steps=2"] if rows == "windows" else ["--sentence-per-row"]
        assert self.in_process(command("one", *more)) == 0
        # As docs/pretraining.md has it; it starts torch.distributed.run.
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]
        launch += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0"]
        arguments = ["--module", "modeling_elmo.cli", "pretrain", *command("two", *more)]
        done = subprocess.run([*launch, *arguments], capture_output=True, text=True, env=environment, timeout=200)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("Wrote") == 1
        assert len(list(checkpoints(tmp_path / "two")[-1].glob("pretraining_rows_*"))) == 2
        torch.testing.assert_close(losses(tmp_path / "two"), losses(tmp_path / "one"), rtol=1e-4, atol=1e-5)
        # Its checkpoints are for any number of processes.
        shutil.rmtree(tmp_path / "two" / "checkpoint-6")
        before = losses(tmp_path / "two")
        assert self.in_process(command("two", *more)) == 0
        torch.testing.assert_close(losses(tmp_path / "two"), before, rtol=1e-4, atol=1e-5)

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_a_second_signal_ends_the_process_at_once_but_not_the_same_twice(self, monkeypatch):
        now = [100.0]
        monkeypatch.setattr(stop_signals.time, "monotonic", lambda: now[0])
        with stop_signals.StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.received == signal.SIGTERM
            now[0] += 10
            with pytest.raises(SystemExit, match="130"):
                os.kill(os.getpid(), signal.SIGINT)

    def test_processes_share_negative_samples_and_nothing_else(self):
        numbers = itertools.product((0, 1), repeat=3)
        windows = [trainer.window_seeds(seed, window, process) for seed, window, process in numbers]
        assert [negatives for negatives, _ in windows[::2]] == [negatives for negatives, _ in windows[1::2]]
        assert len({negatives for negatives, _ in windows}) == 4
        assert len({dropout for _, dropout in windows} | {negatives for negatives, _ in windows}) == 12

    def test_a_signal_to_one_process_is_one_to_all(self, monkeypatch):
        def all_reduce(tensor, op):
            # What the other process has received.
            assert op == torch.distributed.ReduceOp.MAX
            tensor.clamp_(min=int(signal.SIGTERM))

        monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
        signals, control = stop_signals.StopSignals(), TrainerControl()
        stop = trainer.StopOnSignal(None, signals)
        stop.on_step_end(SimpleNamespace(world_size=1, device="cpu"), None, control)
        assert not control.should_training_stop
        stop.on_step_end(SimpleNamespace(world_size=2, device="cpu"), None, control)
        assert control.should_training_stop
        assert control.should_save
        # So that each knows, when the training has ended, that it has not come to its end.
        assert signals.received == signal.SIGTERM


class TestTraining:
    def test_lstm_states_are_carried_from_window_to_window(self, text):
        # Two windows of 5 are one of 10, in evaluation, where gradients don't matter.
        model, tokenizer = start(lstm_dropout=0.0).model.eval(), start().tokenizer
        corpus = TextFiles([text / "*.txt"])
        results = [
            measure_perplexity(model, tokenizer, corpus, BatchPlan(3, range(3), num_steps, None, False))
            for num_steps in (1, 5, 20, 1000)
        ]
        for result in results[1:]:
            assert result.num_predictions == results[0].num_predictions
            assert math.isclose(result.forward_loss, results[0].forward_loss, rel_tol=1e-5)
            assert math.isclose(result.backward_loss, results[0].backward_loss, rel_tol=1e-5)

    def test_a_step_is_the_originals(self, train, text):
        """Adagrad from an accumulator of 1, of the loss times the steps of a window, clipped."""
        trained = train(options={"max_grad_norm": 0.5}, model={"num_negative_samples": 0, "lstm_dropout": 0.0})
        beginning = start(num_negative_samples=0, lstm_dropout=0.0)
        model = beginning.model.train()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        accumulators = [torch.ones_like(parameter) for parameter in parameters]
        windows = iter(Windows(TextFiles([text / "*.txt"]), beginning.tokenizer, settings().batch_plan(range(4)), True))
        state, expected = None, []
        for _ in range(STEPS):
            output = model(**next(windows)[0], state=state, use_cache=True)
            state = tuple(tensor.detach() for tensor in output.state)
            expected.append(output.loss.item())
            gradients = torch.autograd.grad(5 * output.loss, parameters)
            norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
            with torch.no_grad():
                for parameter, gradient, accumulator in zip(parameters, gradients, accumulators):
                    gradient = gradient * min(1.0, 0.5 / norm.item())
                    accumulator += gradient**2
                    parameter -= 0.2 * gradient / accumulator.sqrt()
        torch.testing.assert_close([entry[1] for entry in trained], expected, rtol=1e-4, atol=1e-5)

    def test_a_loss_that_is_no_number_ends_it(self, train, monkeypatch, tmp_path):
        with pytest.raises(ValueError, match="the loss is infinite or NaN"):
            train(options={"learning_rate": 1e30, "max_grad_norm": 0})
        assert all(np.isfinite(path.stat().st_size) for path in checkpoints(tmp_path / "out"))

    @pytest.mark.parametrize("reads", ["words", "tied words"])
    def test_a_model_that_reads_words(self, train, reads):
        model = {"token_input": "words", "tie_word_embeddings": reads == "tied words"}
        trained = train(model={**model, "num_negative_samples": 0}, save_steps=1000)
        assert trained[-1][1] < trained[0][1]

    def test_bfloat16(self, train):
        trained = train(options={"bf16": True}, model={"num_negative_samples": 0}, save_steps=1000)
        assert trained[-1][1] < trained[0][1]

    def test_the_result_is_a_model_directory(self, train, text, tmp_path):
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
        result = measure_perplexity(language_model, tokenizer, TextFiles([text / "a.txt"]), one_process(4, 5, False))
        assert math.isclose(evaluated[-1], result.loss, rel_tol=1e-5)
        assert logged[0]["epoch"] > 0

    def test_speed_is_that_of_training_alone(self, train, text, monkeypatch, tmp_path):
        now = [0.0]

        def on_step_begin(self, args, state, control, **kwargs):
            now[0] += 0.5

        def evaluated(*args, **kwargs):
            now[0] += 1000
            return measure_perplexity(*args, **kwargs)

        monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: now[0]))
        monkeypatch.setattr(trainer.ProgressReport, "on_step_begin", on_step_begin)
        monkeypatch.setattr(trainer, "measure_perplexity", evaluated)
        train(eval_corpus=TextFiles([text / "a.txt"]), eval_steps=2)
        log = json.loads((tmp_path / "out" / "trainer_state.json").read_text())["log_history"]
        # 4 rows of 5 words in half a second.
        assert [entry["words_per_second"] for entry in log if "loss" in entry] == [40.0] * STEPS

    def test_progress_is_told_in_lines(self, train, text):
        lines = []
        train(write=lines.append, eval_corpus=TextFiles([text / "a.txt"]), eval_steps=4)
        assert len(lines) == STEPS + 2
        assert lines[0].startswith("step 1 of 8: perplexity ")
        assert "words/s" in lines[0]
        assert lines[4].startswith("step 4 of 8: evaluation: perplexity ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", 0),
        ("batch_size", 0),
        ("num_steps", -1),
        ("optimizer", "sgd"),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("max_grad_norm", -1.0),
        ("gradient_accumulation_steps", 0),
        ("seed", -1),
    ],
)
def test_settings_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name}: expected "):
        settings(**{name: value})


def test_the_position_of_a_checkpoint_is_small(train, tmp_path):
    train()
    state = torch.load(checkpoints(tmp_path / "out")[-1] / "pretraining_rows_0.pt", weights_only=True)
    assert state["positions"][0]["taken"].shape == (4,)
    assert StreamPosition.start(4).taken_R.shape == (4,)
    assert state["num_windows"] == STEPS


@pytest.mark.parametrize("reads", ["characters", "words", "words, with skip connections", "words, shared"])
def test_the_originals_own_training_test(reads, tmp_path):
    """The sizes, options and number of steps of bilm-tf's `tests/test_training.py`."""
    directory = SHARED / "parity" / "bilm_tf" / "train"
    if not directory.is_dir():
        pytest.skip("needs the text of bilm-tf's training test (shared/parity beside the checkout)")
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
    # 50 epochs of 134 words.
    own = PretrainingSettings(max_steps=300, batch_size=2, num_steps=10, max_grad_norm=1.0)
    beginning = InitialModel(ElmoForPreTraining(config_from_options(options, freeze_bilm=False)), tokenizer)
    pretrain(beginning, corpus, own, tmp_path / "out", save_steps=1000, write=len)
    model, tokenizer = load_language_model(tmp_path / "out")
    assert measure_perplexity(model, tokenizer, corpus, one_process(1, 1, False)).perplexities[2] < 20
