# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo embed` and `elmo neighbors`."""

import shutil

import h5py
import pytest

import modeling_elmo


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

    def test_rounds_the_model_to_int8(self, elmo, model_dir, corpus, tmp_path):
        for options in ((), ("--int8",)):
            assert elmo("embed", model_dir, corpus, tmp_path / f"{len(options)}.hdf5", *options)[0] == 0
        with h5py.File(tmp_path / "0.hdf5") as exact, h5py.File(tmp_path / "1.hdf5") as rounded:
            difference = abs(exact["0"][:] - rounded["0"][:]).max()
            assert 0 < difference < 0.2 * abs(exact["0"][:]).max()

    def test_finds_the_sentences_of_raw_text(self, elmo, fails, model_dir, tmp_path):
        pytest.importorskip("sentencex")
        (tmp_path / "texts.txt").write_text("The bank. The river isn't it.\n")
        options = ("embed", model_dir, tmp_path / "texts.txt", tmp_path / "vectors.hdf5", "--split-sentences")
        fails("--split-sentences requires --raw", *options)
        assert elmo(*options, "--raw", "--keep-boundaries")[0] == 0
        with h5py.File(tmp_path / "vectors.hdf5") as file:
            assert file["0"].shape == (3, 3 + 6 + 4, 10)

    def test_what_is_wrong(self, elmo, fails, model_dir, corpus, tmp_path):
        output = tmp_path / "vectors.hdf5"
        fails("expected a model directory, found no config.json in it", "embed", tmp_path, corpus, output)
        fails(
            f"elmo: {tmp_path / 'nowhere'}: no such file or directory", "embed", model_dir, tmp_path / "nowhere", output
        )
        fails("corp*.txt: a pattern of 1 files; expected one", "embed", model_dir, tmp_path / "corp*.txt", output)
        fails(
            "layers: expected all, average, top, mix or a number", "embed", model_dir, corpus, output, "--layers", "9"
        )
        fails("hdf5 does not support bfloat16", "embed", model_dir, corpus, output, "--dtype", "bfloat16")
        fails("Invalid value for '--shard-size'", "embed", model_dir, corpus, output, "--shard-size", "0")
        (tmp_path / "bad.txt").write_bytes(b"fine\n\xff\n")
        fails("bad.txt: line 2: expected UTF-8, found byte 0xff", "embed", model_dir, tmp_path / "bad.txt", output)
        fails("output: expected the name of a file or directory to make, found -", "embed", model_dir, corpus, "-")
        for ending in (".npy", ".PT", ".txt"):
            fails(f"{ending} is not written", "embed", model_dir, corpus, tmp_path / f"vectors{ending}")
        assert not list(tmp_path.glob("vectors*"))
        assert elmo("embed", model_dir, tmp_path / "bad.txt", output, "--replace-invalid")[0] == 0
        fails("already exists; --force replaces it", "embed", model_dir, corpus, output)
        assert elmo("embed", model_dir, corpus, output, "--force")[0] == 0

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("words.txt", "the\n\nbank\n", "texts of one word: all 2, such as 'the'."),
            ("long.txt", f"the {'bank' * 13}\n", "words longer than the 48 bytes that the model reads: 1 of 2, "),
            ("words.jsonl", '{"text": ["the bank"]}\n', "words with white space inside: 1 of 1, such as 'the bank'."),
        ],
    )
    def test_unusual_text_is_said_once_or_refused(self, elmo, fails, model_dir, tmp_path, name, text, message):
        (tmp_path / name).write_text(text)
        output = tmp_path / "vectors.hdf5"
        fails(message, "embed", model_dir, tmp_path / name, output, "--strict")
        assert sorted(path.name for path in tmp_path.iterdir()) == [name]
        code, out, err = elmo("embed", model_dir, tmp_path / name, output)
        assert code == 0
        assert out.splitlines()[-1].startswith("Wrote ")
        assert len(err.splitlines()) == 1
        assert err.startswith(f"elmo: warning: {message}")

    def test_a_model_of_lemmas_is_named(self, elmo, fails, model_dir, corpus, tmp_path):
        shutil.copytree(model_dir, tmp_path / "lemmas")
        with open(tmp_path / "lemmas/README.md", "a") as card:
            card.write("\n- This model reads lemmas, so text must be lemmatized first.\n")
        fails("this model reads lemmas", "embed", tmp_path / "lemmas", corpus, tmp_path / "v.hdf5", "--strict")
        _, _, err = elmo("embed", tmp_path / "lemmas", corpus, tmp_path / "v.hdf5")
        assert err.startswith(f"elmo: warning: {tmp_path / 'lemmas'}: this model reads lemmas, says its model card.")
        assert len(err.splitlines()) == 1

    def test_an_interrupted_run_says_how_to_resume(self, elmo, model_dir, corpus, tmp_path, monkeypatch):
        def interrupt(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr(modeling_elmo.ElmoEmbedder, "embed_window", interrupt)
        code, _, err = elmo("embed", model_dir, corpus, tmp_path / "vectors.hdf5")
        assert code == 130
        work = tmp_path / "vectors.hdf5.incomplete"
        assert err == f"Interrupted. Progress is saved in {work}; rerun the same command to resume.\n"


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
        fails(f"elmo: {corpus}: no sentence with 'bank'\n", "neighbors", model_dir, corpus, "the [bank]")
        fails("expected one word in brackets", "neighbors", model_dir, corpus, "the bank")
        fails("embedder must give one vector per word", "neighbors", model_dir, corpus, "the [bank]", "--layer", "all")
