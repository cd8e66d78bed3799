# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`OnnxElmo` reads texts as `ElmoTokenizer` does, and needs three packages."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from modeling_elmo import ElmoConfig, ElmoTokenizer
from modeling_elmo.onnx import OnnxElmo, onnx_elmo
from modeling_elmo.onnx.export import facts
from tests.helpers.graphs import CODE_POINT_FIELDS, CODE_POINTS


INPUTS = ("input_ids", "character_ids", "attention_mask", "token_type_ids")
WORDS = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "l'", "ri", "."]
TOKENIZERS = {
    "bytes": {},
    "code points": {"characters": CODE_POINTS},
    "looked up by their start": {"characters": CODE_POINTS, "max_characters_per_token": 5, "max_lookup_characters": 3},
    "without <S>": {"add_bos_token": False},
    "without boundaries": {"add_bos_token": False, "add_eos_token": False},
    "French": {"language": "fr"},
    "short rows": {"max_characters_per_token": 5},
}

words = st.text(max_size=12) | st.sampled_from([*WORDS, "<PAD>", "river", "\ud800", "a\udfffb"])
raw_texts = st.text(max_size=30) | st.sampled_from(["The bank of the river.", "l'été <S> don't", "", " ", "\ud83d."])


def write_echo(directory, tokenizer):
    """Writes a model in ONNX whose vectors are the character ids."""
    settings = CODE_POINT_FIELDS if "character_unit" in tokenizer.init_kwargs else {}
    config = ElmoConfig(character_filters=[[1, 4], [3, 8]], **settings)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [None] * 2) for name in INPUTS]
    inputs[1] = helper.make_tensor_value_info("character_ids", TensorProto.INT64, [None] * 3)
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 3) for name in ("last_hidden_state", "negative")
    ]
    nodes = [
        helper.make_node("Cast", ["character_ids"], ["last_hidden_state"], to=TensorProto.FLOAT),
        helper.make_node("Neg", ["last_hidden_state"], ["negative"]),
    ]
    graph = helper.make_graph(nodes, "echo", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(
        model, {"elmo": json.dumps(facts(config, tokenizer) | {"num_texts": None}, ensure_ascii=False)}
    )
    onnx.save(model, directory / "model.onnx")
    tokenizer.backend_tokenizer.save(str(directory / "tokenizer.json"))
    return directory


@pytest.fixture(scope="module", params=TOKENIZERS)
def pair(request, tmp_path_factory):
    """A tokenizer, and an `OnnxElmo` made from it."""
    tokenizer = ElmoTokenizer(vocab=WORDS, **{"max_characters_per_token": 12, **TOKENIZERS[request.param]})
    directory = write_echo(tmp_path_factory.mktemp("echo"), tokenizer)
    return tokenizer, OnnxElmo(directory, num_threads=1)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_echo(tmp_path_factory.mktemp("echo"), ElmoTokenizer(vocab=WORDS))


def assert_same_ids(found, expected, padding):
    """Characters may lack columns of padding alone."""
    length = found["character_ids"].shape[2]
    assert np.isin(expected["character_ids"][..., length:], (0, padding)).all()
    np.testing.assert_array_equal(found["character_ids"], expected["character_ids"][..., :length])
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


class TestEncode:
    @given(texts=st.lists(raw_texts, min_size=1, max_size=4).filter(lambda texts: any(map(str.strip, texts))))
    def test_raw_texts_are_read_as_by_the_tokenizer(self, pair, texts):
        tokenizer, elmo = pair
        expected = tokenizer(texts, padding=True, split_special_tokens=True, return_tensors="np")
        assert_same_ids(elmo.encode(texts), expected, elmo.facts["pad_character_id"])
        assert [elmo.words(text) for text in texts] == tokenizer.split_words(texts)

    @given(texts=st.lists(st.lists(words, min_size=1, max_size=4), min_size=1, max_size=3))
    def test_words_are_read_as_by_the_tokenizer(self, pair, texts):
        tokenizer, elmo = pair
        found = elmo.encode(texts)
        for row, text in enumerate(texts):
            is_word = found["is_word"][row]
            expected = tokenizer.token_ids(text, "characters_and_words", split_special_tokens=True)
            length = found["character_ids"].shape[2]
            np.testing.assert_array_equal(found["input_ids"][row, is_word], expected[:, 0])
            np.testing.assert_array_equal(found["character_ids"][row, is_word], expected[:, 1 : 1 + length])
        if tokenizer.max_lookup_characters is None:
            settings = {"is_split_into_words": True, "split_special_tokens": True, "padding": True}
            expected = tokenizer(texts, **settings, return_tensors="np")
            assert_same_ids(found, expected, elmo.facts["pad_character_id"])

    @given(texts=st.lists(st.tuples(raw_texts, raw_texts), min_size=1, max_size=3))
    def test_pairs_are_read_as_by_the_tokenizer(self, pair, texts):
        tokenizer, elmo = pair
        firsts, seconds = ([f"{text} the" for text in side] for side in zip(*texts))
        expected = tokenizer(firsts, seconds, padding=True, split_special_tokens=True, return_tensors="np")
        assert_same_ids(elmo.encode(firsts, seconds), expected, elmo.facts["pad_character_id"])

    def test_batches_without_words_have_a_column_of_padding(self, pair):
        _, elmo = pair
        assert elmo.encode([])["character_ids"].shape[:2] == (0, 1)
        if not elmo.facts["template"][0][1:]:
            assert elmo.encode(["", []])["attention_mask"].tolist() == [[0], [0]]

    def test_padding_has_a_window_of_the_widest_filter(self, directory):
        elmo = OnnxElmo(directory)
        assert elmo.encode([["abcd"]])["character_ids"].shape == (1, 3, 6 + 3)
        assert elmo.encode([["a" * 99]])["character_ids"].shape == (1, 3, 50)

    @pytest.mark.parametrize("arguments", [("text",), (["text"], "pair")])
    def test_a_text_that_is_no_list_is_refused(self, directory, arguments):
        with pytest.raises(TypeError, match="^texts, pairs: expected lists of texts, found a string$"):
            OnnxElmo(directory).encode(*arguments)

    def test_texts_without_their_pairs_are_refused(self, directory):
        with pytest.raises(ValueError, match="^pairs: expected one for each of 2 texts, found 1$"):
            OnnxElmo(directory).encode(["a", "b"], ["c"])


class TestEmbed:
    def test_yields_words_of_each_text_in_any_batch_size(self, directory):
        elmo = OnnxElmo(directory)
        texts = ["The bank.", ["of", "the", "river", "bank"], "", []]
        for size in (1, 3, 9):
            vectors = list(elmo.embed(iter(texts), batch_size=size))
            assert [len(of_text) for of_text in vectors] == [3, 4, 0, 0]
            first = [vector[1] - 1 for of_text in vectors for vector in of_text]
            assert bytes(map(int, first)).decode() == "Tb.otrb"

    def test_an_output_is_chosen_by_name(self, directory):
        elmo = OnnxElmo(directory)
        assert elmo.output_names == ["last_hidden_state", "negative"]
        assert next(elmo.embed(["the"], output="negative")).max() < 0

    def test_a_string_is_one_text(self, directory):
        assert [len(vectors) for vectors in OnnxElmo(directory).embed("the bank")] == [2]

    def test_a_state_for_a_model_without_one_is_refused(self, directory):
        with pytest.raises(ValueError, match=r"^state: requires a model from .* --state$"):
            OnnxElmo(directory)(["the"], state=(np.zeros(1), np.zeros(1)))

    def test_choices_of_one_question_are_a_batch_of_a_multiple_choice_model(self, directory, tmp_path):
        shutil.copytree(directory, tmp_path / "copy")
        model = onnx.load(tmp_path / "copy" / "model.onnx")
        for value in [*model.graph.input, *model.graph.output]:
            value.type.tensor_type.shape.dim.add()
        onnx.save(model, tmp_path / "copy" / "model.onnx")
        texts = (["the bank"] * 3, ["of the river", "the", "bank ."])
        expected = OnnxElmo(directory)(*texts)["last_hidden_state"]
        np.testing.assert_array_equal(OnnxElmo(tmp_path / "copy")(*texts)["last_hidden_state"], expected[None])

    def test_a_file_that_does_not_name_its_number_of_texts_runs(self, directory):
        elmo = OnnxElmo(directory)
        del elmo.facts["num_texts"]
        assert elmo(["the"], ["bank"])["last_hidden_state"].shape[:2] == (1, 6)

    @pytest.mark.parametrize(("num_texts", "pairs"), [(1, ["bank"]), (2, None)])
    def test_more_or_fewer_texts_than_the_model_reads_are_refused(self, directory, num_texts, pairs):
        elmo = OnnxElmo(directory)
        elmo.facts["num_texts"] = num_texts
        with pytest.raises(
            ValueError, match=rf"^pairs: expected {num_texts} text.* per row .*, found {3 - num_texts}$"
        ):
            elmo(["the"], pairs)


class TestFiles:
    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_a_missing_file_is_named(self, directory, tmp_path, name):
        shutil.copytree(directory, tmp_path / "copy")
        (tmp_path / "copy" / name).unlink()
        with pytest.raises(ValueError, match=f"copy: contains no {name}; expected a directory from elmo export"):
            OnnxElmo(tmp_path / "copy")

    def test_a_model_of_another_program_is_refused(self, directory, tmp_path):
        shutil.copytree(directory, tmp_path / "copy")
        model = onnx.load(tmp_path / "copy" / "model.onnx")
        del model.metadata_props[:]
        onnx.save(model, tmp_path / "copy" / "model.onnx")
        with pytest.raises(ValueError, match="expected a model from elmo export --format onnx"):
            OnnxElmo(tmp_path / "copy")

    def test_a_damaged_model_is_refused_in_a_line(self, directory, tmp_path):
        shutil.copytree(directory, tmp_path / "copy")
        (tmp_path / "copy" / "model.onnx").write_bytes(b"no model")
        with pytest.raises(Exception, match="model.onnx") as caught:
            OnnxElmo(tmp_path / "copy")
        assert "\n" not in str(caught.value).strip()

    def test_arguments_of_embed_that_would_give_nothing_are_refused(self, directory):
        model = OnnxElmo(directory)
        with pytest.raises(ValueError, match="batch_size: expected at least 1, found 0"):
            list(model.embed(["a"], batch_size=0))
        with pytest.raises(ValueError, match=r"output: expected .* \(last_hidden_state, negative\), found nonsense"):
            list(model.embed(["a"], output="nonsense"))


class TestPackages:
    def test_imports_nothing_but_numpy_onnxruntime_and_tokenizers(self):
        tree = ast.parse(Path(onnx_elmo.__file__).read_text(encoding="utf-8"))
        names = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level
                names.add(str(node.module).partition(".")[0])
        assert names - set(sys.stdlib_module_names) == {"numpy", "onnxruntime", "tokenizers"}

    def test_runs_where_torch_and_transformers_are_missing(self, directory, tmp_path):
        shutil.copytree(directory, tmp_path / "copy")
        shutil.copy(onnx_elmo.__file__, tmp_path / "copy")
        code = (
            "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'modeling_elmo')))\n"
            "from onnx_elmo import OnnxElmo\n"
            "print(OnnxElmo('.')(['The bank.'])['last_hidden_state'].shape)"
        )
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "copy")}
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path / "copy", env=environment, capture_output=True, text=True
        )
        assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "(1, 5, 9)", "")
