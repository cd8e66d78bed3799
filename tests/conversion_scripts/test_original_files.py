# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Which files of a directory, or of those given, make up an original model."""

from pathlib import Path

import pytest

from modeling_elmo.conversion_scripts import ElmoFormatError, OriginalFiles


class TestFind:
    def make(self, directory, *names):
        directory.mkdir(exist_ok=True)
        for name in names:
            (directory / name).write_text("")

    def test_plain_names(self, tmp_path):
        self.make(tmp_path, "options.json", "weights.hdf5", "vocab.txt", "vocab_embedding.hdf5", "README.md")
        expected = OriginalFiles(tmp_path / "options.json", tmp_path / "weights.hdf5", tmp_path / "vocab.txt")
        assert OriginalFiles.find(tmp_path) == expected

    @pytest.mark.parametrize("prefix", ["elmo_2x4096_512_2048cnn_2xhighway_5.5B_", "lm_", "elmo_pt_"])
    def test_published_names(self, tmp_path, prefix):
        self.make(tmp_path, f"{prefix}options.json", f"{prefix}weights.hdf5", "vocab-2016-09-10.txt")
        files = OriginalFiles.find(tmp_path)
        assert files.options == tmp_path / f"{prefix}options.json"
        assert files.weights == tmp_path / f"{prefix}weights.hdf5"
        assert files.vocab == tmp_path / "vocab-2016-09-10.txt"

    def test_plain_name_comes_before_others(self, tmp_path):
        self.make(tmp_path, "options.json", "old_options.json", "weights.hdf5", "old_weights.hdf5")
        files = OriginalFiles.find(tmp_path)
        assert (files.options.name, files.weights.name) == ("options.json", "weights.hdf5")

    @pytest.mark.parametrize(
        ("option", "names"),
        [
            ("--options", ["a_options.json", "b_options.json"]),
            ("--weights", ["a_weights.hdf5", "b_weights.hdf5"]),
            ("--vocab", ["a_vocab.txt", "vocab_b.txt"]),
        ],
    )
    def test_several_candidates(self, tmp_path, option, names):
        self.make(tmp_path, "options.json", "weights.hdf5", *names)
        if option != "--vocab":
            (tmp_path / ("options.json" if option == "--options" else "weights.hdf5")).unlink()
        with pytest.raises(ElmoFormatError, match=f"found {names[0]}, {names[1]}; choose one with {option}"):
            OriginalFiles.find(tmp_path)

    @pytest.mark.parametrize(("option", "name"), [("--options", "options.json"), ("--weights", "weights.hdf5")])
    def test_missing(self, tmp_path, option, name):
        self.make(tmp_path, "options.json", "weights.hdf5")
        (tmp_path / name).unlink()
        with pytest.raises(ElmoFormatError, match=rf"contains no {name} \(nor .*\); pass one with {option}"):
            OriginalFiles.find(tmp_path)

    def test_directory_by_the_name_of_a_file(self, tmp_path):
        self.make(tmp_path, "options.json")
        (tmp_path / "weights.hdf5").mkdir()
        with pytest.raises(ElmoFormatError, match=r"contains no weights\.hdf5"):
            OriginalFiles.find(tmp_path)

    def test_working_directory_is_named_in_the_error(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ElmoFormatError, match=r"^\.: contains no options\.json"):
            OriginalFiles.find(Path("."))

    def test_missing_vocabulary_is_no_error(self, tmp_path):
        self.make(tmp_path, "options.json", "weights.hdf5")
        assert OriginalFiles.find(tmp_path).vocab is None

    def test_no_directory(self, tmp_path):
        with pytest.raises(ElmoFormatError, match="nowhere: expected a directory of original files or the name"):
            OriginalFiles.find(tmp_path / "nowhere")

    def test_file_in_the_place_of_the_directory(self, tmp_path):
        self.make(tmp_path, "options.json")
        with pytest.raises(ElmoFormatError, match="expected a directory of original files or the name"):
            OriginalFiles.find(tmp_path / "options.json")

    @pytest.mark.parametrize("option", ["options", "weights", "vocab", "token_embeddings"])
    @pytest.mark.parametrize("is_directory", [False, True])
    def test_given_file_that_is_none(self, tmp_path, option, is_directory):
        self.make(tmp_path, "options.json", "weights.hdf5")
        path = tmp_path if is_directory else tmp_path / "missing"
        with pytest.raises(ElmoFormatError, match=f"--{option.replace('_', '-')}: .* is not a file"):
            OriginalFiles.find(tmp_path, **{option: path})

    def test_given_files_come_before_those_of_the_directory(self, tmp_path):
        self.make(tmp_path, "options.json", "weights.hdf5", "vocab.txt", "x", "y", "z")
        given = {"options": tmp_path / "x", "weights": tmp_path / "y", "vocab": tmp_path / "z"}
        assert OriginalFiles.find(tmp_path, **given) == OriginalFiles.find(**given) == OriginalFiles(**given)

    @pytest.mark.parametrize("missing", ["options", "weights"])
    def test_without_a_directory_both_files_are_needed(self, tmp_path, missing):
        self.make(tmp_path, "x")
        given = {name: tmp_path / "x" for name in ("options", "weights") if name != missing}
        with pytest.raises(ElmoFormatError, match=f"--{missing} is required without a SOURCE "):
            OriginalFiles.find(**given)

    def test_not_a_directory_of_characters_that_mean_something_in_patterns(self, tmp_path):
        self.make(tmp_path / "a[b]*", "x_options.json", "x_weights.hdf5")
        assert OriginalFiles.find(tmp_path / "a[b]*").options.name == "x_options.json"
