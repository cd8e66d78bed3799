# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What may differ when a command resumes. Each option either must be the same or can't change the result."""

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from typer.main import get_command

from modeling_elmo import ElmoEmbedder
from modeling_elmo.cli.app import app


def options_of(command):
    return {option.opts[0] for option in get_command(app).commands[command].params}


@pytest.fixture
def other_model(model_dir, tmp_path):
    """A model of the same config with other weights."""
    directory = shutil.copytree(model_dir, tmp_path / "other-model")
    path = directory / "model.safetensors"
    save_file({name: 2 * tensor for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    return directory


class TestPretrain:
    # Of the options that must be the same: another value, and the setting that the error names.
    BOUND = {
        "--train": (["--train={}/b.txt"], "text"),
        "--vocab": (["--vocab={}/vocab.txt"], "vocabulary"),
        "--preset": (["--preset=tiny", "--vocab={}/vocab.txt"], "projection_size"),
        "--token-input": (["--preset=tiny", "--vocab={}/vocab.txt", "--token-input=words"], "token_input"),
        "--tie-word-embeddings": (
            ["--preset=tiny", "--vocab={}/vocab.txt", "--token-input=words", "--tie-word-embeddings"],
            "tie_word_embeddings",
        ),
        "--tokenized": (["--raw"], "is_raw"),
        "--language": (["--raw", "--language=fr"], "splitting"),
        "--batch-size": (["--batch-size=3"], "batch_size"),
        "--num-steps": (["--num-steps=6"], "num_steps"),
        "--sentence-per-row": (["--sentence-per-row"], "sentence_per_row"),
        "--optimizer": (["--optimizer=adamw"], "optimizer"),
        "--learning-rate": (["--learning-rate=0.1"], "learning_rate"),
        "--max-grad-norm": (["--max-grad-norm=1"], "max_grad_norm"),
        "--gradient-accumulation-steps": (["--gradient-accumulation-steps=2"], "gradient_accumulation_steps"),
        "--negative-samples": (["--negative-samples=0"], "num_negative_samples"),
        "--dropout": (["--dropout=0.2"], "lstm_dropout"),
        "--bf16": (["--bf16"], "bf16"),
        "--seed": (["--seed=1"], "seed"),
    }
    # Another value of the options that don't change the weights after a step.
    FREE = {
        "--eval": ["--eval={}/b.txt"],
        "--eval-steps": ["--eval={}/b.txt", "--eval-steps=1"],
        # The weights are those of the checkpoint.
        "--model": ["--model={}/other-model"],
        "--replace-invalid": ["--replace-invalid"],
        # At a constant learning rate, a run can be made longer.
        "--max-steps": ["--max-steps=3"],
        "--epochs": ["--epochs=0.67"],
        "--save-steps": ["--save-steps=2"],
        "--keep": ["--keep=1"],
        "--logging-steps": ["--logging-steps=1"],
        "--min-coverage": ["--min-coverage=0.1"],
        "--strict": ["--strict"],
    }
    # Where to resume, and whether at all.
    OTHERS = {"--output", "--resume"}

    @pytest.fixture
    def pretrain(self, elmo, model_dir, other_model, tmp_path):
        """Runs the command with other options."""
        (tmp_path / "a.txt").write_text("the bank of the river\nthe river\n" * 5)
        (tmp_path / "b.txt").write_text("the river\n" * 5)
        (tmp_path / "vocab.txt").write_text("<S>\n</S>\n<UNK>\nthe\nbank\n")

        def run(*others):
            others = [option.format(tmp_path) for option in others]
            options = [f"--train={tmp_path}/a.txt", f"--output={tmp_path}/out", "--num-steps=5", "--batch-size=2"]
            options += ["--save-steps=1", "--negative-samples=4"]
            if not any(option.startswith(("--preset", "--model")) for option in others):
                options.append(f"--model={model_dir}")
            if not any(option.startswith(("--max-steps", "--epochs")) for option in others):
                options.append("--max-steps=2")
            if any(option.startswith("--train") for option in others):
                del options[0]
            return elmo("pretrain", *options, *others)

        return run

    @pytest.fixture
    def weights(self, pretrain, tmp_path):
        """The weights after two steps of a run that is then set back to its first checkpoint."""
        assert pretrain()[0] == 0
        weights = (tmp_path / "out" / "checkpoint-2" / "model.safetensors").read_bytes()
        shutil.rmtree(tmp_path / "out" / "checkpoint-2")
        return weights

    def test_every_option_is_listed(self):
        assert options_of("pretrain") == {*self.BOUND, *self.FREE, *self.OTHERS}

    def test_options_that_change_the_result_must_be_the_same(self, pretrain, weights):
        for name, (others, setting) in self.BOUND.items():
            code, _, err = pretrain(*others)
            assert code == 2, name
            assert f"{setting}=" in err.partition("made with ")[2], name

    @pytest.mark.parametrize("name", FREE)
    def test_other_options_do_not_change_the_result(self, pretrain, weights, tmp_path, name):
        code, _, err = pretrain(*self.FREE[name])
        assert (code, err) == (0, "")
        assert (tmp_path / "out" / "checkpoint-2" / "model.safetensors").read_bytes() == weights


class TestEmbed:
    # Of the arguments and options that must be the same: another value, and how the error begins.
    BOUND = {
        "model": (["{}/other-model", "{}/a.jsonl"], "begun with another model"),
        "input": (["{}/model", "{}/b.jsonl"], "sentences 0 to "),
        "--layers": (["--layers=top"], "begun with layers=all"),
        "--pool": (["--pool=mean"], "begun with pool=none"),
        "--dtype": (["--dtype=float16"], "begun with dtype=float32"),
        "--int8": (["--int8"], "begun with another model"),
        "--keep-boundaries": (["--keep-boundaries"], "begun with keep_boundaries=False"),
        "--tokenized": (["--raw"], "begun with splitting=white space"),
        "--split-sentences": (["--raw", "--split-sentences"], "begun with splitting=white space"),
        "--column": (["--column=other"], "sentences 0 to "),
        "--batch-words": (["--batch-words=100"], "begun with batch_words=4096"),
        "--shard-size": (["--shard-size=2"], "begun with shard_bytes=1000000"),
        "--carry-state": (["--carry-state"], "begun with carry_state=False"),
    }
    # Another value of the options that don't change vectors.
    FREE = {
        "--format": ["--format=hdf5"],
        "--forget-sentences": ["--format=hdf5", "--forget-sentences"],
        "--replace-invalid": ["--replace-invalid"],
        "--force": ["--force"],
        "--strict": ["--strict"],
    }
    OTHERS = {"output"}

    @pytest.fixture
    def embed(self, elmo, model_dir, other_model, tmp_path):
        """Runs the command with other arguments and options."""
        (tmp_path / "model").symlink_to(model_dir)
        words = np.array(["the", "bank", "of", "river", "."])
        texts = [" ".join(row) for row in np.random.default_rng(0).choice(words, (2000, 20))]
        for name, rows in (("a", texts), ("b", texts[::-1])):
            lines = (json.dumps({"text": row, "other": row.upper()}) for row in rows)
            (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))

        def run(others, output="out"):
            others = [item.format(tmp_path) for item in others]
            if others[:1] == [] or others[0].startswith("--"):
                others = [tmp_path / "model", tmp_path / "a.jsonl", *others]
            model, input, *options = others
            return elmo("embed", model, input, tmp_path / output, "--shard-size=1", *options)

        return run

    @pytest.fixture
    def interrupted(self, embed, monkeypatch, tmp_path):
        """Unfinished work with a shard."""
        embed_window, calls = ElmoEmbedder.embed_window, []

        def interrupt(*args):
            calls.append(args)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return embed_window(*args)

        with monkeypatch.context() as patch:
            patch.setattr(ElmoEmbedder, "embed_window", interrupt)
            assert embed([])[0] == 130
        assert len(list(tmp_path.glob("out.incomplete/shard-*.safetensors"))) == 1

    def test_every_option_is_listed(self):
        assert options_of("embed") == {*self.BOUND, *self.FREE, *self.OTHERS}

    def test_options_that_change_the_result_must_be_the_same(self, embed, interrupted):
        for name, (others, message) in self.BOUND.items():
            code, _, err = embed(others)
            assert (code, message in err) == (2, True), (name, err)

    @pytest.mark.parametrize("name", FREE)
    def test_other_options_do_not_change_the_result(self, embed, interrupted, tmp_path, name):
        code, out, err = embed(self.FREE[name])
        assert (code, err) == (0, "")
        assert "resuming: 1 shards are done" in out
        assert embed(self.FREE[name], "whole")[0] == 0
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def contents(path):
    """Returns the bytes of a file, or of the files of a directory."""
    return path.read_bytes() if path.is_file() else {file.name: file.read_bytes() for file in path.iterdir()}
