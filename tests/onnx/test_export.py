# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""`elmo export --format onnx`: the numbers of torch in ONNX Runtime, for inputs of all sizes. Few exports: each takes
seconds."""

import json
import re
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from onnx_ir import load, save
from packaging.version import Version

from modeling_elmo import (
    ElmoForMaskedLM,
    ElmoForSemanticRoleLabeling,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
    ElmoTokenizer,
)
from modeling_elmo.files.errors import ElmoFormatError
from modeling_elmo.model.lstm import Int8LSTM
from modeling_elmo.onnx import OnnxElmo, export, weights
from modeling_elmo.onnx.export import OnnxOptions, export_onnx
from tests.helpers.graphs import CODE_POINT_FIELDS, CODE_POINTS, SIZES, graph_mode, make, make_inputs


# Until then, a fused product of no rows fails.
NEEDS_EMPTY_PRODUCTS = pytest.mark.skipif(
    Version(onnxruntime.__version__) < Version("1.24"), reason="needs ONNX Runtime 1.24"
)
TEXTS = ["The bank of the river.", "", ["a", "word" * 9, "<S>"]]
# Left, right, holes, a row without words; one word; sizes other than the example's.
MASKS = [
    torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]]).bool(),
    torch.ones(1, 1, dtype=torch.bool),
    torch.ones(1, 9, dtype=torch.bool),
    torch.rand(5, 12, generator=torch.Generator().manual_seed(0)) > 0.3,
]


def write_model(model, directory):
    model.save_pretrained(directory)
    words = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", "."]
    characters = CODE_POINTS if model.config.character_unit == "code_point" else None
    length = SIZES["max_characters_per_token"]
    tokenizer = ElmoTokenizer(vocab=words, characters=characters, max_characters_per_token=length)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def words_and_characters(tmp_path_factory):
    """Its characters are code points."""
    directory = tmp_path_factory.mktemp("words")
    torch.manual_seed(0)
    model = make(
        ElmoModel,
        token_input="characters_and_words",
        word_embedding_size=4,
        mix_parameters=[0.5, 0.0, -1.0],
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=8,
        **CODE_POINT_FIELDS,
    )
    export_onnx(write_model(model, directory / "model"), directory / "onnx", OnnxOptions(has_state=True))
    return model, directory / "onnx"


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """Its weights are in a file of their own."""
    directory = tmp_path_factory.mktemp("tagger")
    labels = {0: "O", 1: "B-X", 2: "I-X"}
    model = make(ElmoForTokenClassification, id2label=labels, use_crf=True, label_scheme="BIO", word_vector_size=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "MAX_MESSAGE_BYTES", 10_000)
        export_onnx(write_model(model, directory / "model"), directory / "onnx")
    return model, directory / "onnx"


@pytest.fixture(scope="module")
def pair_classifier(tmp_path_factory):
    """Its directory holds int8 weights."""
    directory = tmp_path_factory.mktemp("pairs")
    model = make(ElmoForSequenceClassification, num_segments=2, num_hidden_layers=1).quantize()
    assert isinstance(model.elmo.layers[0].forward_lstm, Int8LSTM)
    export_onnx(write_model(model, directory / "model"), directory / "onnx")
    return model, directory / "onnx"


@pytest.fixture(scope="module")
def language_model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lm")
    model = make(ElmoForMaskedLM, token_input="words", bos_token_id=0, eos_token_id=1, pad_token_id=8)
    export_onnx(write_model(model, directory / "model"), directory / "onnx", OnnxOptions(has_softmax=True))
    return model, directory / "onnx"


def run(directory, inputs):
    """Runs a model in ONNX on the inputs of one in torch; returns its outputs by name."""
    session = onnxruntime.InferenceSession(directory / "model.onnx")
    feed = {name: value.numpy() for name, value in inputs.items()}
    feed = {"token_type_ids": np.zeros_like(feed["attention_mask"]), **feed}
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, feed)))


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-5)


def random_state(model, batch):
    config = model.config
    shapes = ((2 * config.num_hidden_layers, batch, size) for size in (config.projection_size, config.cell_size))
    return tuple(torch.randn(shape) for shape in shapes)


class TestValues:
    @pytest.mark.parametrize("mask", MASKS)
    @pytest.mark.parametrize("segments", [False, True])
    @torch.no_grad()
    def test_layers_mix_and_state_of_a_model(self, words_and_characters, mask, segments):
        model, directory = words_and_characters
        inputs = make_inputs(model, mask, segments=segments)
        state = (torch.zeros_like(part) if segments else part for part in random_state(model, len(mask)))
        hidden, cell = state
        expected = model(
            **inputs, state=None if segments else (hidden, cell), use_cache=not segments, output_hidden_states=True
        )
        found = run(directory, inputs | {"hidden": hidden, "cell": cell})
        assert_near(found["last_hidden_state"], expected.last_hidden_state)
        for layer, values in enumerate(expected.hidden_states):
            assert_near(found[f"hidden_states.{layer}"], values)
        if not segments:
            assert_near(found["new_hidden"], expected.state[0])
            assert_near(found["new_cell"], expected.state[1])

    @torch.no_grad()
    def test_words_may_have_fewer_characters(self, words_and_characters):
        model, directory = words_and_characters
        inputs = make_inputs(model, MASKS[0], segments=False)
        inputs["character_ids"][..., 5:] = torch.where(MASKS[0], model.config.pad_character_id, 0).unsqueeze(-1)
        hidden, cell = random_state(model, len(MASKS[0]))
        shorter = inputs | {"character_ids": inputs["character_ids"][..., : 5 + 3], "hidden": hidden, "cell": cell}
        found = run(directory, shorter)["last_hidden_state"]
        assert_near(found, model(**inputs, state=(hidden, cell)).last_hidden_state)

    @pytest.mark.parametrize("mask", MASKS)
    @torch.no_grad()
    def test_logits_of_a_tagger_with_a_crf(self, tagger, mask):
        model, directory = tagger
        inputs = make_inputs(model, mask, segments=False)
        assert_near(run(directory, inputs)["logits"], model(**inputs).logits)

    @pytest.mark.parametrize("mask", MASKS[3:])
    @torch.no_grad()
    def test_logits_of_a_pair_classifier_with_int8_weights(self, pair_classifier, mask):
        model, directory = pair_classifier
        mask[:, :2] = True
        inputs = make_inputs(model, mask)
        with graph_mode():
            expected = model(**inputs).logits
        assert_near(run(directory, inputs)["logits"], expected)

    @pytest.mark.parametrize("mask", MASKS)
    @pytest.mark.parametrize("segments", [False, True])
    @torch.no_grad()
    def test_logits_of_a_language_model(self, language_model, mask, segments):
        model, directory = language_model
        inputs = make_inputs(model, mask, segments=segments)
        assert_near(run(directory, inputs)["logits"], model(**inputs).logits)


class TestOnnxElmo:
    @torch.no_grad()
    def test_runs_texts(self, words_and_characters):
        model, directory = words_and_characters
        elmo, tokenizer = OnnxElmo(directory, num_threads=1), ElmoTokenizer.from_pretrained(directory.parent / "model")
        texts = [elmo.words(text) for text in TEXTS]
        settings = {"is_split_into_words": True, "split_special_tokens": True, "padding": True}
        batch = tokenizer(texts, **settings, return_tensors="pt")
        expected = model(**batch, use_cache=True)
        found = elmo(TEXTS)
        assert_near(found["last_hidden_state"], expected.last_hidden_state)
        next_batch = elmo(TEXTS, state=(found["new_hidden"], found["new_cell"]))
        assert_near(next_batch["last_hidden_state"], model(**batch, state=expected.state).last_hidden_state)
        for vectors, row, mask in zip(elmo.embed(TEXTS), expected.last_hidden_state, batch["attention_mask"]):
            assert_near(vectors, row[mask.bool()][1:-1])

    @torch.no_grad()
    def test_runs_pairs(self, pair_classifier):
        model, directory = pair_classifier
        tokenizer = ElmoTokenizer.from_pretrained(directory.parent / "model")
        batch = tokenizer(["the bank"], ["of the river"], return_tensors="pt")
        with graph_mode():
            expected = model(**batch).logits
        assert_near(OnnxElmo(directory)(["the bank"], ["of the river"])["logits"], expected)

    def test_only_outputs_with_a_vector_per_word_are_embedded(self, words_and_characters, pair_classifier, tagger):
        assert OnnxElmo(words_and_characters[1]).vector_names == [
            name for name in OnnxElmo(words_and_characters[1]).output_names if not name.startswith("new_")
        ]
        (logits,) = OnnxElmo(tagger[1]).embed(["the bank"], output="logits")
        assert len(logits) == 2
        with pytest.raises(ValueError, match=r"output: expected one with a vector per word \(none: .*\), found logits"):
            next(OnnxElmo(pair_classifier[1]).embed(["the bank"], output="logits"))

    def test_a_state_of_other_shapes_is_refused(self, words_and_characters):
        _, directory = words_and_characters
        elmo = OnnxElmo(directory)
        found = elmo(["the", "bank"])
        message = r"^state: expected new_hidden and new_cell of shapes \[\(4, 2, 6\), \(4, 2, 12\)\], found \["
        for state in ([found["new_hidden"]], [found["new_hidden"][:, :1], found["new_cell"]]):
            with pytest.raises(ValueError, match=message):
                elmo(["the", "bank"], state=state)

    @pytest.mark.parametrize("texts", [pytest.param([], marks=NEEDS_EMPTY_PRODUCTS), [""], [[]]])
    def test_runs_batches_without_words(self, words_and_characters, language_model, tagger, texts):
        for _, directory in (words_and_characters, language_model, tagger):
            elmo = OnnxElmo(directory)
            single, _ = elmo.facts["template"]
            elmo.facts["template"] = [[part for part in single if "text" in part]]
            assert all(np.isfinite(array).all() for array in elmo(texts).values())
            assert len(elmo(texts)[elmo.output_names[0]]) == len(texts)


class TestDtypes:
    @pytest.mark.parametrize(("dtype", "worst"), [("float16", 0.9999), ("int8", 0.99)])
    def test_small_weights_give_near_vectors(self, words_and_characters, tmp_path, monkeypatch, dtype, worst):
        model, directory = words_and_characters
        monkeypatch.setattr(weights, "LEAST_SIZE", 40)
        program = load(directory / "model.onnx")
        weights.store_as(program, dtype)
        stored = {tensor.dtype.name for _, _, tensor in weights.weights_of(program) if tensor.size >= 40}
        assert ("FLOAT16" in stored) == (dtype == "float16")
        assert bool(stored & {"INT8", "UINT8"}) == (dtype == "int8")
        save(program, tmp_path / "model.onnx")
        inputs = make_inputs(model, MASKS[3], segments=True)
        hidden, cell = random_state(model, len(MASKS[3]))
        inputs |= {"hidden": hidden * 0, "cell": cell * 0}
        found, expected = (run(path, inputs)["last_hidden_state"] for path in (tmp_path, directory))
        found, expected = found[MASKS[3].numpy()], expected[MASKS[3].numpy()]
        cosine = (found * expected).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(expected, axis=-1)
        assert worst < cosine.min() < 1 - 1e-9


class TestDirectory:
    def test_holds_a_model_that_is_complete(self, words_and_characters):
        _, directory = words_and_characters
        names = {"README.md", "config.json", "model.onnx", "onnx_elmo.py", "tokenizer.json", "tokenizer_config.json"}
        assert {path.name for path in directory.iterdir()} == names | {"characters.json"}
        card = (directory / "README.md").read_text()
        elmo = OnnxElmo(directory)
        assert all(f"| `{name}` |" in card for name in [*elmo.input_names, *elmo.output_names])

    def test_the_call_on_the_card_runs(self, words_and_characters, pair_classifier):
        for _, directory in (words_and_characters, pair_classifier):
            call = re.search(r"(elmo = .*)```", (directory / "README.md").read_text(), flags=re.DOTALL)[1]
            exec(call.replace('"."', repr(str(directory))), globals())

    def test_holds_no_code_path_and_no_path_of_this_machine(self, words_and_characters, tagger):
        for _, directory in (words_and_characters, tagger):
            for path in directory.iterdir():
                content = path.read_bytes()
                assert not re.search(rb"site-packages|\.py\"|/tests/|" + str(directory.parent).encode(), content), path
                if path.suffix == ".json":
                    assert "auto_map" not in json.loads(content)

    def test_weights_of_a_large_model_are_a_file_of_their_own(self, tagger):
        model, directory = tagger
        size = (directory / "model.onnx.data").stat().st_size
        assert size > 2 * sum(weight.numel() for weight in model.parameters())

    def test_facts_are_in_the_model(self, language_model):
        elmo = OnnxElmo(language_model[1])
        assert elmo.facts["template"][0][0] == {"id": 0, "character_id": 257, "type_id": 0}
        assert elmo.output_names == ["logits", "hidden_states.0", "hidden_states.1", "hidden_states.2"]


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                OnnxOptions(has_softmax=True),
                r"model: --softmax \(has_softmax\) requires a language model, found ElmoModel",
            ),
        ],
    )
    def test_what_a_model_lacks_is_named(self, tmp_path, options, message):
        directory = write_model(make(ElmoModel), tmp_path / "model")
        with pytest.raises(ElmoFormatError, match=message):
            export_onnx(directory, tmp_path / "onnx", options)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]

    def test_a_state_requires_a_model_without_a_head(self, tmp_path):
        directory = write_model(make(ElmoForTokenClassification, num_labels=2), tmp_path / "model")
        with pytest.raises(ElmoFormatError, match="--state .* requires a model without a head, found ElmoForToken"):
            export_onnx(directory, tmp_path / "onnx", OnnxOptions(has_state=True))

    def test_a_head_without_an_auto_class_is_refused(self, tmp_path):
        directory = write_model(make(ElmoForSemanticRoleLabeling, num_labels=2), tmp_path / "model")
        with pytest.raises(ElmoFormatError, match="ElmoForSemanticRoleLabeling can't be exported to ONNX"):
            export_onnx(directory, tmp_path / "onnx")

    def test_a_softmax_that_is_not_there_is_missed(self, tmp_path):
        model = make(ElmoModel)
        model.config.architectures = ["ElmoForMaskedLM"]
        directory = write_model(model, tmp_path / "model")
        config = json.loads((directory / "config.json").read_text())
        (directory / "config.json").write_text(json.dumps({**config, "architectures": ["ElmoForMaskedLM"]}))
        with pytest.raises(ElmoFormatError, match="--softmax .* requires the weights of the softmax, found none"):
            export_onnx(directory, tmp_path / "onnx", OnnxOptions(has_softmax=True))

    def test_nothing_is_left_of_an_export_that_fails(self, tmp_path, monkeypatch):
        def fail(*arguments, **settings):
            raise OSError("disk full")

        directory = write_model(make(ElmoModel), tmp_path / "model")
        monkeypatch.setattr(torch.export, "export", fail)
        with pytest.raises(OSError, match="disk full"):
            export_onnx(directory, tmp_path / "onnx")
        assert [path.name for path in tmp_path.iterdir()] == ["model"]


class TestCommand:
    def test_says_what_to_install(self, elmo, model_dir, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxscript", None)
        code, out, err = elmo("export", model_dir, tmp_path / "onnx", "--format", "onnx")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "pip install onnx onnxruntime onnxscript" in err
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--softmax"], "--softmax, --state and --dtype require --format onnx"),
            (["--format", "onnx", "--token-embeddings"], "--token-embeddings requires --format original"),
            (["--format", "onnx", "--softmax"], "--softmax (has_softmax) requires a language model, found ElmoModel"),
        ],
    )
    def test_wrong_arguments_are_one_line(self, elmo, model_dir, tmp_path, arguments, message):
        code, out, err = elmo("export", model_dir, tmp_path / "onnx", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
        assert not list(tmp_path.iterdir())

    def test_a_directory_without_a_model_is_one_line(self, elmo, tmp_path):
        code, _, err = elmo("export", tmp_path, tmp_path / "onnx", "--format", "onnx")
        assert (code, err.count("\n")) == (2, 1)
        assert "expected a model directory" in err

    def test_prints_the_outputs(self, elmo, model_dir, tmp_path, monkeypatch):
        given = []

        def pretend(*arguments, **settings):
            given.append((arguments, settings))
            return ["logits"]

        monkeypatch.setattr(export, "export_onnx", pretend)
        options = ("--format", "onnx", "--dtype", "int8", "--softmax", "--state", "--force")
        code, out, _ = elmo("export", model_dir, tmp_path / "onnx", *options)
        assert (code, out) == (0, f"Wrote {tmp_path / 'onnx'}: outputs logits\n")
        assert given == [((model_dir, tmp_path / "onnx", OnnxOptions("int8", True, True)), {"force": True})]
