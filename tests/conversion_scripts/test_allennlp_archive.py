# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The ELMo inside an AllenNLP model is found, read from the trained tensors, and everything left out is named."""

import json
import re
import tarfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from modeling_elmo import ElmoModel
from modeling_elmo.conversion_scripts import ElmoFormatError, reference
from modeling_elmo.conversion_scripts.allennlp_archive import is_allennlp, is_member_needed, read_allennlp
from modeling_elmo.conversion_scripts.torch_pickles import read_state_dict
from tests.conftest import SHARED
from tests.helpers.allennlp_format import EMBEDDER, elmo_settings, elmo_state, experiment, named, write_model
from tests.helpers.original_format import make_options, make_weights


FORMATS = SHARED / "formats" / "allennlp"
WORDS = ["The", "bank", "lends", "naïve", "日本", "x" * 60]
KEY = "model.text_field_embedder.token_embedders.elmo.options_file"
OPTIONS = make_options()
STATE = elmo_state(OPTIONS, make_weights(OPTIONS))
REST = {"encoder._module.weight_ih_l0": torch.zeros(20, 10), "tag_projection_layer._module.bias": torch.zeros(3)}


@pytest.fixture
def options_file(tmp_path):
    """The options of `STATE`, outside the model."""
    path = tmp_path / "elmo_options.json"
    path.write_text(json.dumps(OPTIONS))
    return path


@pytest.fixture
def write(tmp_path):
    """Writes an archive with one embedder and its options, or what the arguments say."""

    def write_directory(state=None, config=None, fta=True, **kwargs):
        state = {**named(EMBEDDER, STATE), **REST} if state is None else state
        config = experiment({"elmo": elmo_settings()}) if config is None else config
        archived = {KEY: json.dumps(OPTIONS).encode()} if fta is True else fta
        return write_model(tmp_path / "model", config, state, archived, **kwargs)

    return write_directory


@pytest.fixture
def refuses(write):
    """Checks that a model is refused in one line."""

    def check(message, *, options=None, embedder=None, language=(), weights=None, **kwargs):
        directory = write(**kwargs)
        with pytest.raises(ElmoFormatError, match=re.escape(message)) as error:
            read_allennlp(directory, options=options, embedder=embedder, language=language, weights=weights)
        assert "\n" not in str(error.value)

    return check


def loaded(converted):
    """The converted model with its parameters."""
    model = ElmoModel(converted.config).eval()
    missing, unexpected = model.load_state_dict(converted.parameters, strict=False)
    assert not unexpected
    assert all(name.startswith("scalar_mixes.") for name in missing)
    return model


def run(converted, words):
    """The output of the converted model for one sentence."""
    batch = converted.tokenizer([words], is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        return loaded(converted)(**batch, output_hidden_states=True)


def original_layers(options, weights, words):
    """The layers by the equations on the original arrays."""
    rows = [reference.character_ids(word, 50) for word in ["<S>", *words, "</S>"]]
    return reference.bilm_layers(weights, options, reference.token_embeddings(weights, options, rows))[0]


class TestLayers:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"activation": "tanh", "cell_clip": None, "proj_clip": None},
            {"n_layers": 1, "n_highway": None},
            {"n_layers": 3, "n_highway": 3, "cell_clip": 0.3, "proj_clip": 0.2},
            {"filters": [(1, 4)], "projection_dim": 7, "dim": 9, "embedding_dim": 2},
        ],
        ids=["published", "tanh", "one-layer", "three-layers", "other-sizes"],
    )
    def test_are_those_of_the_original_arrays(self, write, changes):
        options = make_options(**changes)
        weights = make_weights(options)
        mix = (0.0,) * (options["lstm"]["n_layers"] + 2)
        state = named(EMBEDDER, elmo_state(options, weights, [mix]))
        converted = read_allennlp(write(state, fta={KEY: json.dumps(options).encode()}))
        expected = original_layers(options, weights, WORDS)
        layers = np.stack([layer[0].numpy() for layer in run(converted, WORDS).hidden_states])
        assert np.abs(layers - expected).max() < 2e-6
        # The equations for parity, on the archive's own arrays.
        assert np.abs(converted.expected_layers(WORDS) - expected).max() < 1e-6

    def test_have_projections_whatever_the_sizes_are(self, write):
        options = make_options(filters=[(1, 2), (2, 3)], projection_dim=5, dim=5)
        weights, rng = make_weights(options), np.random.default_rng(1)
        shapes = {"CNN_proj/W_proj": (5, 5), "CNN_proj/b_proj": (5,)}
        shapes |= {f"RNN_{d}/RNN/MultiRNNCell/Cell{layer}/LSTMCell/W_P_0": (5, 5) for d in (0, 1) for layer in (0, 1)}
        weights |= {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        state = named(EMBEDDER, elmo_state(options, weights))
        converted = read_allennlp(write(state, fta={KEY: json.dumps(options).encode()}))
        assert (converted.config.character_projection, converted.config.lstm_projection) == (True, True)
        layers = np.stack([layer[0].numpy() for layer in run(converted, WORDS).hidden_states])
        assert np.abs(layers - original_layers(options, weights, WORDS)).max() < 2e-6

    def test_are_trained_ones_not_those_of_the_file_before_training(self, write):
        directory = write(fta={KEY: json.dumps(OPTIONS).encode(), KEY.replace("options", "weight"): b"untrained"})
        assert run(read_allennlp(directory), WORDS).hidden_states

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
    def test_have_the_dtype_that_is_asked_for(self, write, dtype):
        converted = read_allennlp(write(), dtype=dtype)
        assert {str(value.dtype) for value in converted.parameters.values()} == {f"torch.{dtype}"}
        assert str(converted.config.dtype) == f"torch.{dtype}"

    def test_of_half_precision_are_read(self, write):
        state = {name: value.half() for name, value in named(EMBEDDER, STATE).items()}
        converted = read_allennlp(write(state))
        layers = np.stack([layer[0].numpy() for layer in run(converted, WORDS).hidden_states])
        assert np.abs(layers - converted.expected_layers(WORDS)).max() < 2e-6


class TestMixes:
    def test_one(self, write):
        converted = read_allennlp(write())
        output = run(converted, WORDS)
        layers = [layer[0].numpy() for layer in output.hidden_states]
        expected = reference.scalar_mix(layers, [0.1, -0.2, 0.3], 1.5)
        assert np.abs(output.last_hidden_state[0].numpy() - expected).max() < 1e-6

    def test_several(self, write):
        state = named(
            "_elmo.", elmo_state(OPTIONS, make_weights(OPTIONS), [(1, 2, 3, 0.5), (0, 0, 1, 2), (1, 0, 0, 1)])
        )
        config = experiment({}, type="bcn", elmo=elmo_settings(type=None, num_output_representations=3))
        converted = read_allennlp(write(state, config, fta={"model.elmo.options_file": json.dumps(OPTIONS).encode()}))
        assert converted.config.num_output_representations == 3
        output = run(converted, WORDS)
        layers = [layer[0].numpy() for layer in output.hidden_states]
        for k, mix in enumerate([(1, 2, 3, 0.5), (0, 0, 1, 2), (1, 0, 0, 1)]):
            expected = reference.scalar_mix(layers, mix[:3], mix[3])
            assert np.abs(output.elmo_representations[k][0].numpy() - expected).max() < 1e-6

    def test_fixed_by_the_settings_stay_fixed(self, write):
        values = [-9e10, 1, -9e10]
        state = named(EMBEDDER, elmo_state(OPTIONS, make_weights(OPTIONS), [(*values, 1)]))
        config = experiment({"elmo": elmo_settings(scalar_mix_parameters=values)})
        converted = read_allennlp(write(state, config))
        assert converted.config.mix_parameters == values
        assert not [name for name in converted.parameters if name.startswith("scalar_mixes")]
        output = run(converted, WORDS)
        assert torch.equal(output.last_hidden_state, output.hidden_states[1])

    def test_that_differ_from_the_settings_are_those_of_the_tensors(self, write):
        config = experiment({"elmo": elmo_settings(scalar_mix_parameters=[1, 2, 3])})
        converted = read_allennlp(write(config=config))
        assert converted.config.mix_parameters is None
        assert torch.equal(converted.parameters["scalar_mixes.0.weight"], torch.tensor([0.1, -0.2, 0.3]))

    def test_none(self, write):
        converted = read_allennlp(write(named(EMBEDDER, elmo_state(OPTIONS, make_weights(OPTIONS), []))))
        assert converted.config.num_output_representations == 1
        assert not [name for name in converted.parameters if name.startswith("scalar_mixes")]


class TestSettings:
    def test_become_fields_of_the_config(self, write):
        config = experiment({"elmo": elmo_settings(do_layer_norm=True, dropout=0.2, requires_grad=True)})
        converted = read_allennlp(write(config=config)).config
        assert (converted.mix_layer_norm, converted.representation_dropout, converted.freeze_bilm) == (True, 0.2, False)

    def test_have_the_defaults_of_allennlp(self, write):
        converted = read_allennlp(write()).config
        assert (converted.mix_layer_norm, converted.representation_dropout, converted.freeze_bilm) == (False, 0.5, True)

    @pytest.mark.parametrize(
        "change", [{"dropout": "a"}, {"dropout": 1.5}, {"requires_grad": 3}, {"do_layer_norm": "x"}]
    )
    def test_that_are_wrong_are_named(self, refuses, change):
        (name,) = change
        refuses(f"config.json: {name}: expected", config=experiment({"elmo": elmo_settings(**change)}))

    def test_of_the_layout_before_0_9_are_found(self, write):
        config = experiment({})
        config["model"]["text_field_embedder"] = {"elmo": elmo_settings(dropout=0.1)}
        key = "model.text_field_embedder.elmo.options_file"
        converted = read_allennlp(write(config=config, fta={key: json.dumps(OPTIONS).encode()}))
        assert converted.config.representation_dropout == 0.1

    def test_that_are_missing_are_said_to_be(self, write, options_file):
        directory = write()
        (directory / "config.json").unlink()
        converted = read_allennlp(directory, options=options_file)
        assert any("config.json has no settings of this ELMo" in note for note in converted.notes)


class TestOptions:
    def test_are_those_of_the_archive(self, write):
        converted = read_allennlp(write())
        assert converted.config.cell_clip == 3
        assert converted.files[-1].name == KEY

    def test_are_those_of_the_path_that_the_config_names(self, write, options_file):
        config = experiment({"elmo": elmo_settings(options_file=str(options_file))})
        converted = read_allennlp(write(config=config, fta=None))
        assert converted.files[-1] == options_file

    def test_are_those_of_that_name_beside_the_config(self, write, options_file):
        directory = write(fta=None)
        (directory / "options.json").write_bytes(options_file.read_bytes())
        assert read_allennlp(directory).files[-1] == directory / "options.json"

    def test_that_are_given_come_first(self, write, tmp_path):
        other = tmp_path / "other.json"
        other.write_text(json.dumps(make_options(cell_clip=7)))
        assert read_allennlp(write(), options=other).config.cell_clip == 7

    @pytest.mark.parametrize("fta", [None, {}])
    def test_that_are_nowhere_are_asked_for_and_not_guessed(self, refuses, fta):
        refuses("--options is required: clips and activation are only in the options.json", fta=fta)

    @pytest.mark.parametrize(
        "address",
        [
            "https://s3-us-west-2.amazonaws.com/allennlp/models/elmo/2x4096_512_2048cnn_2xhighway/"
            "elmo_2x4096_512_2048cnn_2xhighway_options.json",
            "https://allennlp.s3.amazonaws.com/models/elmo/2x4096_512_2048cnn_2xhighway/"
            "elmo_2x4096_512_2048cnn_2xhighway_options.json",
            None,
        ],
    )
    def test_of_published_models_are_known(self, refuses, address):
        # They describe a model of other sizes than this one.
        config = experiment({"elmo": elmo_settings(options_file=address)})
        refuses("the options describe a float tensor of shape (262, 16)", config=config, fta=None)

    @pytest.mark.parametrize("named_file", ["/dev/zero", "\0", "a" * 5000, "..", "", "https://example.org/o.json", 7])
    def test_of_hostile_names_are_not_found(self, refuses, named_file):
        config = experiment({"elmo": elmo_settings(options_file=named_file)})
        refuses("--options is required", config=config, fta=None)

    @pytest.mark.parametrize(
        "changes", [{"use_skip_connections": False}, {"max_characters_per_token": 40}, {"reads_words": True}]
    )
    def test_of_what_allennlp_never_ran_are_refused(self, refuses, changes):
        options = make_options(**changes)
        refuses("these options describe another model", fta={KEY: json.dumps(options).encode()})

    def test_of_another_model_are_noticed(self, refuses):
        options = make_options(n_layers=1)
        refuses("backward_layer_1.input_linearity.w...: not part of the model", fta={KEY: json.dumps(options).encode()})


class TestNames:
    @pytest.mark.parametrize(
        ("prefix", "path"),
        [
            ("text_field_embedder.token_embedder_tokens._elmo.", ("text_field_embedder", "token_embedders", "tokens")),
            ("_elmo.", ("elmo",)),
            ("model.inner._text_field_embedder.token_embedder_x_y._elmo.", ("inner", "deeper", "x_y")),
            ("submodels.0._elmo_of_it.", ("submodels", "elmo_of_it")),
        ],
    )
    def test_are_found_wherever_they_are(self, write, prefix, path):
        section = elmo_settings(dropout=0.25, type=None)
        for key in reversed(path):
            section = {key: section}
        key = ".".join(("model", *path, "options_file"))
        directory = write(named(prefix, STATE), {"model": section}, {key: json.dumps(OPTIONS).encode()})
        converted = read_allennlp(directory)
        assert converted.config.representation_dropout == 0.25
        assert run(converted, WORDS).hidden_states

    def test_several_are_listed_and_one_is_chosen(self, write):
        other = elmo_state(OPTIONS, make_weights(OPTIONS, seed=1))
        state = {
            **named("text_field_embedder.token_embedder_a._elmo.", STATE),
            **named("text_field_embedder.token_embedder_b._elmo.", other),
        }
        config = experiment({"a": elmo_settings(dropout=0.1), "b": elmo_settings(dropout=0.2)})
        fta = {KEY.replace("elmo.", f"{name}."): json.dumps(OPTIONS).encode() for name in "ab"}
        directory = write(state, config, fta)
        with pytest.raises(ElmoFormatError, match="choose one with --embedder: .*token_embedder_a, .*token_embedder_b"):
            read_allennlp(directory)
        with pytest.raises(ElmoFormatError, match="--embedder: expected one of"):
            read_allennlp(directory, embedder="c")
        for name, dropout, arrays in (("a", 0.1, STATE), ("text_field_embedder.token_embedder_b", 0.2, other)):
            converted = read_allennlp(directory, embedder=name)
            assert converted.config.representation_dropout == dropout
            bias = "_elmo_lstm._elmo_lstm.forward_layer_0.state_linearity.bias"
            assert torch.equal(converted.parameters["layers.0.forward_lstm.bias"], arrays[bias])

    def test_one_used_at_two_places_is_one(self, write):
        state = {
            **named("passage_field_embedder.token_embedder_elmo._elmo.", STATE),
            **named("question_field_embedder.token_embedder_elmo._elmo.", STATE),
        }
        assert read_allennlp(write(state)).parameters


class TestWhatIsLeftOut:
    def test_the_rest_of_the_model_is_named(self, write):
        (note,) = [note for note in read_allennlp(write()).notes if "left out" in note]
        assert note == "Parts of the AllenNLP model beside this ELMo are left out: encoder, tag_projection_layer."

    def test_the_projection_of_the_embedder_is_named(self, write):
        parent = EMBEDDER.removesuffix("_elmo.")
        projection = {"_projection.weight": torch.zeros(6, 10), "_projection.bias": torch.zeros(6)}
        state = {**named(EMBEDDER, STATE), **named(parent, projection)}
        converted = read_allennlp(write(state, experiment({"elmo": elmo_settings(projection_dim=6)})))
        (note,) = [note for note in converted.notes if "left out" in note]
        assert "own projection is left out: text_field_embedder.token_embedder_elmo._projection" in note
        assert "(6, 10)" in note
        assert run(converted, WORDS).last_hidden_state.shape[-1] == 10

    def test_cached_words_are_dropped(self, write):
        state = {**named(EMBEDDER, STATE), f"{EMBEDDER}_elmo_lstm._word_embedding.weight": torch.zeros(7, 5)}
        assert len(read_allennlp(write(state)).notes) == 1


class TestMultilingual:
    @pytest.fixture
    def directory(self, write):
        parent, state = "text_field_embedder.token_embedder_elmo.", {}
        for seed, code in enumerate(("en", "es", "de")):
            state |= named(f"{parent}elmo_{code}.", elmo_state(OPTIONS, make_weights(OPTIONS, seed)))
            state[f"{parent}aligning_{code}.weight"] = torch.eye(10)
        files = {code: f"/home/somebody/{code}_options.json" for code in ("en", "es", "de")}
        settings = elmo_settings(
            type="elmo_token_embedder_multilang", options_file=None, weight_file=None, options_files=files, dropout=0.1
        )
        fta = {
            f"{KEY}s.{code}": json.dumps(make_options(cell_clip=seed + 1)).encode()
            for seed, code in enumerate(("en", "es", "de"))
        }
        return write(state, experiment({"elmo": settings}), fta)

    def test_a_language_chooses(self, directory):
        for seed, code in enumerate(("en", "es", "de")):
            converted = read_allennlp(directory, language=[code])
            assert converted.language == [code]
            assert converted.config.cell_clip == seed + 1
            assert converted.config.representation_dropout == 0.1
            options = make_options(cell_clip=seed + 1)
            expected = original_layers(options, make_weights(options, seed), WORDS)
            assert np.abs(run(converted, WORDS).hidden_states[2][0].numpy() - expected[2]).max() < 2e-6

    def test_the_alignment_is_named(self, directory):
        notes = read_allennlp(directory, language=["es"]).notes
        assert any("token_embedder_elmo.aligning_es" in note and "left out" in note for note in notes)

    def test_without_a_language_they_are_listed(self, directory):
        with pytest.raises(ElmoFormatError, match="choose one with --language: en, es, de"):
            read_allennlp(directory)
        with pytest.raises(ElmoFormatError, match="--language: expected one of en, es, de, found fr"):
            read_allennlp(directory, language=["fr"])


class TestRefusals:
    def test_a_transformer_is_named(self, refuses):
        config = experiment({"elmo": {"type": "bidirectional_lm_token_embedder", "archive_file": "x"}})
        state = {"text_field_embedder.token_embedder_elmo._lm._contextualizer.x": torch.zeros(3)}
        refuses(
            "a Transformer biLM of AllenNLP (bidirectional_lm_token_embedder), not an ELMo", state=state, config=config
        )

    def test_a_model_without_an_elmo_is_named(self, refuses):
        config = experiment({"tokens": {"type": "embedding", "embedding_dim": 3}})
        refuses("a model without an ELMo (it is made of embedding, lstm, simple_tagger)", state=REST, config=config)

    def test_a_missing_tensor(self, refuses):
        state = {name: value for name, value in named(EMBEDDER, STATE).items() if "backward_layer_1" not in name}
        refuses("backward_layer_1.input_linearity.weight: missing", state=state)

    def test_another_shape(self, refuses):
        refuses(
            "found torch.float32, (3, 3)",
            state={**named(EMBEDDER, STATE), f"{EMBEDDER}scalar_mix_0.gamma": torch.zeros(3, 3)},
        )

    @pytest.mark.parametrize("prefix", ["a\nb._elmo.", "x" * 1000])
    def test_names_that_are_none(self, refuses, prefix):
        refuses("expected a name of at most 500 letters", state=named(prefix, STATE))

    def test_unknown_tensors_of_the_lstms(self, refuses):
        state = {**named(EMBEDDER, STATE), f"{EMBEDDER}_elmo_lstm.x\ny": torch.zeros(2)}
        refuses("'_elmo_lstm.x\\ny': not part of the model that the options describe", state=state)

    def test_integers(self, refuses):
        state = {name: value.long() for name, value in named(EMBEDDER, STATE).items()}
        refuses("found torch.int64", state=state)

    def test_numbers_that_are_none(self, refuses):
        state = named(EMBEDDER, {**STATE, "scalar_mix_0.gamma": torch.tensor([float("nan")])})
        refuses("scalar_mix_0.gamma: expected finite values", state=state)


class TestFiles:
    def test_weights_of_a_training(self, write):
        directory = write(weights="best.th", is_zip=False)
        assert is_allennlp(directory)
        assert read_allennlp(directory).files[0].name == "best.th"

    def test_a_training_without_best_weights_has_to_be_told(self, write):
        directory = write(weights="model_state_epoch_3.th")
        assert is_allennlp(directory)
        with pytest.raises(ElmoFormatError, match=r"choose one with --weights: 'model_state_epoch_3\.th'"):
            read_allennlp(directory)
        assert read_allennlp(directory, weights=directory / "model_state_epoch_3.th").parameters

    def test_members_of_an_archive(self):
        needed = ["config.json", "weights.th", f"fta/{KEY}"]
        assert all(map(is_member_needed, needed))
        others = ["vocabulary/labels.txt", f"fta/{KEY.replace('options', 'weight')}", "meta.json", "../config.json"]
        assert not any(map(is_member_needed, others))

    def test_other_directories_are_not_taken_for_one(self, original_dir, model_dir):
        assert not is_allennlp(original_dir)
        assert not is_allennlp(model_dir)


@given(
    path=st.lists(st.sampled_from(["model", "type", "text_field_embedder", "token_embedders", "elmo", "dropout"])),
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    ),
)
def test_any_config_gives_a_model_or_one_error(tmp_path_factory, path, value):
    config = experiment({"elmo": elmo_settings()})
    section = config
    for key in path:
        if isinstance(section.get(key), dict):
            section = section[key]
    section[path[-1] if path else "model"] = value
    directory = tmp_path_factory.mktemp("model") / "model"
    write_model(directory, config, named(EMBEDDER, STATE), {KEY: json.dumps(OPTIONS).encode()})
    try:
        assert read_allennlp(directory).parameters
    except ElmoFormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017


@pytest.mark.skipif(not FORMATS.is_dir(), reason="needs small models of other formats (formats/ in ELMO_TEST_FILES)")
class TestSharedModels:
    """Against what AllenNLP computed for the same archives."""

    @pytest.fixture(params=["tagger_frozen", "tagger_finetuned", "two_mixes"])
    def name(self, request):
        return request.param

    @pytest.fixture
    def converted(self, name, tmp_path):
        with tarfile.open(FORMATS / f"{name}.tar.gz") as archive:
            archive.extractall(tmp_path, filter="data")
        options = None if name == "tagger_finetuned" else FORMATS / "options.json"
        return read_allennlp(tmp_path, options=options)

    def outputs(self, name, converted):
        """The output for the five sentences as one batch, the sentences, and the expected arrays."""
        sentences = json.loads((FORMATS / "sentences.json").read_text())
        batch = converted.tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
        with torch.no_grad():
            output = loaded(converted)(**batch, output_hidden_states=True)
        return output, sentences, np.load(FORMATS / f"{name}.expected.npz")

    def assert_representations(self, name, converted, start):
        output, sentences, expected = self.outputs(name, converted)
        keys = [key for key in expected if key.startswith(start)]
        assert len(keys) == converted.config.num_output_representations
        for key in keys:
            found = output.elmo_representations[int(key[-1])].numpy()
            for row, sentence in enumerate(sentences):
                length = len(sentence)
                assert np.abs(found[row, 1 : length + 1] - expected[key][row, :length]).max() < 5e-5
                assert not found[row, length + 2 :].any()

    def test_representations(self, name, converted):
        self.assert_representations(name, converted, "elmo_representations_")

    def test_layers(self, name, converted):
        output, sentences, expected = self.outputs(name, converted)
        for layer in range(3):
            if (key := f"activations_with_boundaries_{layer}") in expected:
                mask = expected["mask_with_boundaries"][..., None]
                assert np.abs((output.hidden_states[layer].numpy() - expected[key]) * mask).max() < 5e-5
                for row, sentence in enumerate(sentences):
                    equations = converted.expected_layers(sentence)[layer]
                    assert np.abs(equations - expected[key][row, : len(sentence) + 2]).max() < 5e-5

    def test_layer_norm(self, name, converted):
        if name == "two_mixes":
            converted.config.mix_layer_norm = True
            self.assert_representations(name, converted, "layer_norm_elmo_representations_")

    def test_the_projection_of_the_embedder_is_the_one_that_the_note_names(self, name, converted):
        if name == "tagger_finetuned":
            output, sentences, expected = self.outputs(name, converted)
            state = read_state_dict(converted.files[0])
            projection = "text_field_embedder.token_embedder_elmo._projection"
            assert any(projection in note for note in converted.notes)
            projected = F.linear(output.last_hidden_state, state[f"{projection}.weight"], state[f"{projection}.bias"])
            for row, sentence in enumerate(sentences):
                found = projected[row, 1 : len(sentence) + 1].numpy()
                assert np.abs(found - expected["token_embedder_output"][row, : len(sentence)]).max() < 5e-5
