# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo build-vocab`, `elmo pretrain` and `elmo evaluate`."""

import os
import signal

import pytest
from transformers import AutoModel, AutoTokenizer


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

    def test_splits_raw_text_by_the_rules_of_a_language(self, elmo, fails, tmp_path):
        (tmp_path / "a.txt").write_text("L'an. M. Qu'il.\n")
        options = ("build-vocab", tmp_path / "a.txt", "-o", tmp_path / "vocab.txt", "--raw", "--language")
        assert elmo(*options, "fr")[0] == 0
        assert (tmp_path / "vocab.txt").read_text().split()[3:] == [".", "L'", "M.", "Qu'", "an", "il"]
        fails("language: expected one of en, ca, ", *options, "klingon")

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
        fails("a directory; pass its files as a pattern", "build-vocab", tmp_path, "-o", tmp_path / "vocab.txt")
        (tmp_path / "c.txt").write_text("one\n")
        fails("size: expected more than", "build-vocab", tmp_path / "c.txt", "-o", tmp_path / "v", "--size", 2)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "c.txt"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("one\ntwo\n", "texts of one word: all 2, such as 'one'. Is the text split?"),
            ("Hello, bank\nHello, river\n", "words with a mark at their end: 2 of 4, such as 'Hello,'. If it is raw"),
            (f"one two\n{'x' * 49}\n", "words longer than the 48 bytes that the model reads: 1 of 3, "),
        ],
    )
    def test_unusual_text_is_said_once_or_refused(self, elmo, fails, tmp_path, text, message):
        (tmp_path / "a.txt").write_text(text)
        command = ("build-vocab", tmp_path / "a.txt", "-o", tmp_path / "vocab.txt")
        fails(message, *command, "--strict")
        assert not (tmp_path / "vocab.txt").exists()
        code, _, err = elmo(*command)
        assert (code, len(err.splitlines())) == (0, 1)
        assert err.startswith(f"elmo: warning: {message}")


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

    def test_a_training_evaluates_as_the_command_that_it_names(self, elmo, pretrain, text, tmp_path):
        _, out, _ = elmo(*pretrain(eval=text))
        line = next(line for line in out.splitlines() if "evaluation: " in line)
        assert line.endswith(" (as elmo evaluate --batch-size 2)")
        of_batch_size = {}
        for batch_size in (2, 5):
            _, out, _ = elmo("evaluate", tmp_path / "out", text, "--batch-size", batch_size)
            of_batch_size[batch_size] = float(out.split()[1])
            assert ["rows", "of", "a", "batch", str(batch_size)] in [each.split() for each in out.splitlines()]
        assert f"evaluation: perplexity {of_batch_size[2]:.2f} (" in line
        assert of_batch_size[2] != of_batch_size[5]

    def test_epochs_of_sentences(self, elmo, pretrain):
        # 10 sentences, 2 a step.
        code, out, err = elmo(*pretrain("--sentence-per-row", epochs=2, max_steps=None, logging_steps=5))
        assert (code, err) == (0, "")
        assert "step 5 of 10: perplexity " in out
        assert out.startswith("the vocabulary covers 100.00% of 35 words of ")
        assert [line.rpartition(", ")[2] for line in out.splitlines()[1:3]] == ["epoch 1.00", "epoch 2.00"]

    @pytest.mark.parametrize("tied", [False, True])
    def test_a_new_model_that_reads_words(self, elmo, pretrain, tmp_path, tied):
        (tmp_path / "words.txt").write_text("<S>\n</S>\n<UNK>\nthe\nbank\n")
        flags = ["--tie-word-embeddings"] * tied
        new = {"model": None, "preset": "tiny", "vocab": tmp_path / "words.txt", "max_steps": 1, "negative_samples": 0}
        code, _, err = elmo(*pretrain(*flags, **new, token_input="words", language="it"))
        assert (code, err) == (0, "")
        config = AutoModel.from_pretrained(tmp_path / "out").config
        assert (config.token_input, config.tie_word_embeddings, config.vocab_size) == ("words", tied, 7)
        assert AutoTokenizer.from_pretrained(tmp_path / "out").language == "it"

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
        fails("Invalid value for '--save-steps': Input should be greater than or equal to 1", *pretrain(save_steps=0))
        fails("Invalid value for '--keep'", *pretrain(keep=0))
        fails("batch_size: expected at least 1, found 0", *pretrain(batch_size=0))
        fails("learning_rate: expected a positive number", *pretrain(learning_rate=0))
        fails("'sgd' is not one of 'adagrad', 'adamw'", *pretrain(optimizer="sgd"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "vocab.txt"]

    def test_bad_input(self, fails, pretrain, text, model_dir, tmp_path):
        fails("nothing.txt: no such file", *pretrain(train=tmp_path / "nothing.txt"))
        fails("nothing.txt: no such file", *pretrain(vocab=tmp_path / "nothing.txt"))
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
        fails("requires the package accelerate: pip install accelerate", *pretrain())

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_the_wrong_vocabulary_stops_before_anything_is_written(self, elmo, fails, pretrain, text, tmp_path):
        (tmp_path / "other.txt").write_text("\n".join(["<S>", "</S>", "<UNK>", "banco", "of"]))
        other = {"vocab": tmp_path / "other.txt"}
        fails("the vocabulary covers 14.29% of 35 words of ", *pretrain(**other))
        assert not (tmp_path / "out").exists()
        assert elmo(*pretrain(min_coverage=0.1, **other))[0] == 0
        fails("the vocabulary covers 14.29% of 35 words of ", "evaluate", tmp_path / "out", text)
        code, out, err = elmo("evaluate", tmp_path / "out", text, "--min-coverage", 0)
        assert (code, err) == (0, "")
        assert out.splitlines()[-1].split() == ["unknown", "words", "85.71%"]

    def test_words_that_are_cut_are_said_once_or_refused(self, elmo, fails, pretrain, text, tmp_path):
        text.write_text(text.read_text() + "the " + "x" * 60 + "\n")
        message = f"{text}: words longer than the 48 bytes that the model reads: 1 of 5, "
        fails(message, *pretrain("--strict", vocab=tmp_path / "vocab.txt"))
        assert not (tmp_path / "out").exists()
        code, _, err = elmo(*pretrain(vocab=tmp_path / "vocab.txt"))
        assert code == 0
        assert err.startswith(f"elmo: warning: {message}")
        assert len(err.splitlines()) == 1

    def test_an_interrupt_saves_a_checkpoint(self, elmo, pretrain, monkeypatch, tmp_path):
        from modeling_elmo.pretraining import job as pretraining

        monkeypatch.setattr(
            pretraining.ProgressReport,
            "on_step_begin",
            lambda self, args, state, control, **kwargs: os.kill(os.getpid(), signal.SIGINT),
        )
        code, _, err = elmo(*pretrain(max_steps=100))
        saved = tmp_path / "out" / "checkpoint-1"
        assert (code, err) == (130, f"Interrupted. Progress is saved in {saved}; rerun the same command to resume.\n")
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint-1"]
