# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import json
import pickle
import struct

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification

from modeling_elmo import (
    ElmoConfig,
    ElmoForMaskedLM,
    ElmoForMultipleChoice,
    ElmoForPreTraining,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
    ElmoPreTrainedModel,
    ElmoTokenizer,
)
from modeling_elmo.model.loading_checks import check_new_parameters, read_json_object
from modeling_elmo.model.saved_code import AUTO_MAP
from tests.model.test_remote_code import run_without_package


MODEL_CLASSES = [
    ElmoModel,
    ElmoForMaskedLM,
    ElmoForMultipleChoice,
    ElmoForPreTraining,
    ElmoForQuestionAnswering,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
]


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def folder(tiny_config, tmp_path):
    """A model directory to spoil."""
    ElmoModel(tiny_config()).save_pretrained(tmp_path / "elmo")
    return tmp_path / "elmo"


@pytest.fixture
def change_config(folder):
    """Changes fields of `config.json`."""

    def change(**fields):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return change


@pytest.fixture
def change_weights(folder):
    """Changes the tensors of `model.safetensors` by a function of them."""

    def change(function):
        tensors = load_file(folder / "model.safetensors")
        function(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return change


def spring_trap(folder, name):
    """Puts a pickle in the place of the weights; returns the file that unpickling it would make."""
    sprung = folder.parent / "sprung"
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Trap(sprung)))
    return sprung


class TestPickles:
    @pytest.mark.parametrize("model_class", MODEL_CLASSES)
    def test_no_model_is_loaded_from_one(self, folder, model_class):
        sprung = spring_trap(folder, "pytorch_model.bin")
        with pytest.raises(OSError, match="no file named model.safetensors"):
            model_class.from_pretrained(folder)
        assert not sprung.exists()

    def test_every_model_class_is_tested(self):
        names = {reference.partition(".")[2] for reference in AUTO_MAP.values() if isinstance(reference, str)}
        assert names == {model_class.__name__ for model_class in MODEL_CLASSES} | {"ElmoConfig"}

    def test_nor_without_the_package(self, folder, tmp_path):
        sprung = spring_trap(folder, "pytorch_model.bin")
        code = """
import json, transformers
for name in json.load(open(f"{sys.argv[1]}/config.json"))["auto_map"]:
    if name.startswith("AutoModel"):
        try:
            getattr(transformers, name).from_pretrained(sys.argv[1], trust_remote_code=True)
        except OSError as error:
            print("no file named model.safetensors" in str(error))
"""
        lines = run_without_package(code, folder, cache=tmp_path).stdout.splitlines()
        assert lines == ["True"] * len(MODEL_CLASSES)
        assert not sprung.exists()

    @pytest.mark.parametrize("dtype", ["float32", None])
    def test_nor_from_shards_that_an_index_of_safetensors_names(self, folder, change_config, dtype):
        change_config(dtype=dtype)
        sprung = spring_trap(folder, "model-00001.bin")
        index = {"metadata": {}, "weight_map": {"layers.0.forward_lstm.bias": "model-00001.bin"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(ValueError, match="expected safetensors files of its own folder, found 'model-00001.bin'"):
            ElmoModel.from_pretrained(folder)
        assert not sprung.exists()

    @pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter_model.bin"])
    def test_nor_from_a_file_that_the_config_names(self, folder, change_config, name):
        sprung = spring_trap(folder, name)
        change_config(transformers_weights=name)
        with pytest.raises(ValueError, match="config.json: transformers_weights: an ELMo config has no such field"):
            ElmoModel.from_pretrained(folder)
        assert not sprung.exists()

    def test_nor_from_a_file_that_is_named_itself(self, folder):
        config = ElmoConfig.from_pretrained(folder)
        sprung = spring_trap(folder, "pytorch_model.bin")
        for arguments in ({}, {"dtype": "auto"}):
            config.dtype = None
            with pytest.raises(ValueError, match="expected safetensors files of its own folder"):
                ElmoModel.from_pretrained(folder / "pytorch_model.bin", config=config, **arguments)
            assert not sprung.exists()

    @pytest.mark.parametrize(
        "arguments", [{"use_safetensors": False}, {"weights_only": False}, {"gguf_file": "elmo.gguf"}]
    )
    def test_asking_for_another_format_is_refused(self, folder, arguments):
        with pytest.raises(ValueError, match=f"{next(iter(arguments))}.*loaded from safetensors files only"):
            ElmoModel.from_pretrained(folder, **arguments)

    def test_shards_of_a_training_are_refused(self, folder):
        (folder / "model.safetensors").rename(folder / "shard-00001-model-00001-of-00001.safetensors")
        # Before torch 2.7, transformers refuses them itself.
        with pytest.raises((ValueError, OSError), match="expected model.safetensors, found shards|requires torch"):
            ElmoModel.from_pretrained(folder)

    def test_an_adapter_is_loaded_from_tensors_alone(self, folder):
        with pytest.raises(ValueError, match="load_adapter requires adapter_state_dict"):
            ElmoModel.from_pretrained(folder).load_adapter(str(folder))


class TestIndex:
    @pytest.mark.parametrize(
        "name", ["../other/model.safetensors", "/model.safetensors", "..\\model.safetensors", 1, None]
    )
    def test_may_not_lead_out_of_the_folder(self, folder, name):
        (folder.parent / "other").mkdir()
        (folder / "model.safetensors").rename(folder.parent / "other" / "model.safetensors")
        index = {"metadata": {}, "weight_map": {"layers.0.forward_lstm.bias": name}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(ValueError, match="index.json: expected safetensors files of its own folder"):
            ElmoModel.from_pretrained(folder)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[", "index.json: not a valid JSON file"),
            ("[]", "index.json: expected a JSON object, found list"),
            ("{}", "index.json: metadata: expected an object, found NoneType"),
            ('{"metadata": {}, "weight_map": []}', "index.json: weight_map: expected an object, found list"),
            ('{"metadata": {}, "weight_map": {"x": "a.safetensors"}}', "a.safetensors: not a whole safetensors file"),
        ],
    )
    def test_damaged(self, folder, text, message):
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            ElmoModel.from_pretrained(folder)


class TestSafetensors:
    @pytest.mark.parametrize("size", [0, 7, 8, 100, -1])
    def test_cut_short(self, folder, size):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(ValueError, match="model.safetensors: not a whole safetensors file"):
            ElmoModel.from_pretrained(folder)

    def test_header_longer_than_the_file(self, folder):
        path = folder / "model.safetensors"
        path.write_bytes(struct.pack("<Q", 2**40) + path.read_bytes()[8:])
        with pytest.raises(ValueError, match="model.safetensors: not a whole safetensors file"):
            ElmoModel.from_pretrained(folder)

    def test_tensors_that_share_bytes(self, folder):
        path = folder / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        first, second = [name for name, value in header.items() if value.get("shape") == [24]][:2]
        header[second] = header[first]
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
        with pytest.raises(ValueError, match="model.safetensors: not a whole safetensors file"):
            ElmoModel.from_pretrained(folder)

    def test_numbers_of_another_type(self, folder, change_weights):
        name = "layers.0.forward_lstm.bias"
        change_weights(lambda tensors: tensors.update({name: tensors[name].to(torch.int64)}))
        model = ElmoModel.from_pretrained(folder)
        assert model.layers[0].forward_lstm.bias.dtype == torch.float32

    def test_a_head_of_ones_own_may_have_integers(self, tiny_config, tmp_path):
        class Tagger(ElmoPreTrainedModel):
            def __init__(self, config):
                super().__init__(config)
                self.elmo = ElmoModel(config)
                self.norm = torch.nn.BatchNorm1d(config.hidden_size)
                self.post_init()

        model = Tagger(tiny_config())
        model.norm.num_batches_tracked.fill_(3)
        model.save_pretrained(tmp_path / "tagger")
        assert Tagger.from_pretrained(tmp_path / "tagger").norm.num_batches_tracked == 3


class TestConfigAndWeights:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"num_hidden_layers": 100_000}, "num_hidden_layers must be between 1 and 1000, got 100000"),
            ({"cell_size": 10**9}, "cell_size must be between 1 and 1000000, got 1000000000"),
            ({"num_labels": 10**9}, "num_labels must be between 0 and 100000, got 1000000000"),
            ({"id2label": 3}, "config.json: id2label: expected an object, found 3"),
            ({"training_options": {"x": [{"dtype": [None]}]}}, r"config.json: dtype: expected a name, found \[None\]"),
            ({"auto_map": 1}, "config.json: auto_map: expected the names of classes, found 1"),
            ({"auto_map": {"AutoModel": [None, None]}}, "config.json: auto_map: expected the names of classes"),
            ({"auto_map": {"AutoModel": ["a.B", "a.B", "a.B"]}}, "config.json: auto_map: expected the names"),
            ({"id2label": {"__float__": "Infinity"}}, "config.json: id2label: expected an object, found inf"),
            ({"dtype": "load"}, "dtype must be one of float32, bfloat16, float16, float64, got 'load'"),
            ({"model_type": "bert"}, "config.json: model_type: expected 'elmo', found 'bert'"),
            ({"num_hidden_layers": 3}, "config.json describes weights that no file has: layers.2.backward_lstm.bias, "),
            ({"token_input": "words"}, "config.json describes weights that no file has: word_embedding.weight"),
            (
                {"num_hidden_layers": 1},
                "config.json does not describe weights that the files have: layers.1.backward.* more; to use "
                "some layers only, load the model without num_hidden_layers and take its hidden_states",
            ),
            (
                {"quantization_config": {"quant_method": "gptq"}},
                "quantization_config: expected the quant_method 'elmo_int8' alone",
            ),
            (
                {"quantization_config": {"quant_method": "elmo_int8", "modules_to_not_convert": ["layers"]}},
                "quantization_config: expected the quant_method 'elmo_int8' alone",
            ),
            ({"attn_implementation": "someone/kernel"}, "attn_implementation: an ELMo config has no such field"),
            ({"_attn_implementation": "someone/kernel"}, "_attn_implementation: an ELMo config has no such field"),
            ({"per_layer_config": {"0": {"cell_size": 9}}}, "per_layer_config: an ELMo config has no such field"),
            ({"validate": 1}, "config.json: validate: an ELMo config has no such field, found 1"),
            ({"__class__": "x"}, "config.json: __class__: an ELMo config has no such field, found 'x'"),
        ],
    )
    def test_disagreement_is_refused(self, folder, change_config, fields, message):
        change_config(**fields)
        with pytest.raises((ValueError, StrictDataclassError), match=message):
            ElmoModel.from_pretrained(folder)

    @pytest.mark.parametrize("load", [ElmoConfig, AutoConfig, ElmoModel, AutoModel, AutoModelForTokenClassification])
    @pytest.mark.parametrize("trusts", [{}, {"trust_remote_code": True}], ids=["", "trust_remote_code"])
    def test_a_config_is_checked_whoever_loads_it(self, folder, change_config, load, trusts):
        nested = json.loads('{"a": ' * 60 + "1" + "}" * 60)
        before = (folder / "config.json").read_text()
        for fields, message in [
            ({"attn_implementation": "someone/kernel"}, "attn_implementation: an ELMo config has no such field"),
            ({"experts_implementation": "someone/kernel"}, "experts_implementation: an ELMo config has no such field"),
            ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config: expected the quant_method"),
            ({"transformers_weights": "x.bin"}, "transformers_weights: an ELMo config has no such field"),
            ({"a_field_of_a_later_version": {"runs": "code"}}, "a_field_of_a_later_version: an ELMo config has no"),
            ({"validate": 1}, "validate: an ELMo config has no such field"),
            ({"training_options": nested}, "expected lists and objects at most 50 deep, found more"),
            ({"training_options": {"a": "a" * 50_000_000}}, "expected at most 50000000 bytes"),
        ]:
            change_config(**fields)
            with pytest.raises(ValueError, match=message):
                load.from_pretrained(folder, **trusts)
            (folder / "config.json").write_text(before)

    def test_a_config_is_checked_without_the_package(self, folder, change_config, tmp_path):
        change_config(attn_implementation="someone/kernel")
        code = """
import transformers
for name in ("AutoConfig", "AutoModel"):
    try:
        getattr(transformers, name).from_pretrained(sys.argv[1], trust_remote_code=True)
    except ValueError as error:
        print(error)
"""
        output = run_without_package(code, folder, cache=tmp_path).stdout
        assert output.count("attn_implementation: an ELMo config has no such field") == 2

    def test_callers_may_pass_what_a_file_may_not(self, folder):
        assert AutoConfig.from_pretrained(folder, attn_implementation="eager")._attn_implementation == "eager"

    def test_no_number_of_labels_is_the_default(self, folder, change_config):
        change_config(num_labels=None)
        assert ElmoModel.from_pretrained(folder).config.num_labels == 2

    def test_a_file_is_an_object_even_if_it_looks_like_a_number(self, folder):
        (folder / "config.json").write_text('{"__float__": "NaN"}')
        with pytest.raises((ValueError, RuntimeError), match=r"config\.json|model type"):
            ElmoModel.from_pretrained(folder)

    def test_integers_beyond_64_bits_are_numbers_too(self, folder, change_config):
        change_config(cell_clip=10**30, projection_clip=10**30, forget_bias=10**30)
        model = ElmoModel.from_pretrained(folder)
        with torch.no_grad():
            output = model(**ElmoTokenizer()("Some words.", return_tensors="pt"))
        assert output.last_hidden_state.isfinite().all()

    def test_sizes_that_disagree_are_refused_before_they_take_memory(self, folder, change_config):
        # 2 layers of 36 TB each.
        change_config(cell_size=1_000_000, projection_size=500_000)
        with pytest.raises(RuntimeError, match="as config.json says, found") as error:
            ElmoModel.from_pretrained(folder)
        assert "\n" not in str(error.value)
        with pytest.raises(ValueError, match="config.json: asks for .* bytes of weights that no file has"):
            ElmoModel.from_pretrained(folder, ignore_mismatched_sizes=True)

    @pytest.mark.parametrize(
        "fields", [{"task_lstm_size": 1_000_000}, {"word_vector_size": 1_000_000, "vocab_size": 100_000_000}]
    )
    def test_a_new_head_of_absurd_size_is_refused_before_it_takes_memory(self, folder, change_config, fields):
        change_config(**fields)
        with pytest.raises(ValueError, match="config.json: asks for .* bytes of weights that no file has"):
            ElmoForTokenClassification.from_pretrained(folder)

    def test_new_weights_are_bounded_by_a_floor_or_by_what_was_loaded(self):
        with torch.device("meta"):
            new = {"head": torch.empty(2**28), "bias": torch.empty(1)}
        with pytest.raises(ValueError, match=f"asks for {2**30 + 4} bytes .* most of them for head \\(268435456,\\)"):
            check_new_parameters(new, num_loaded_bytes=0)
        check_new_parameters(new, num_loaded_bytes=2**28)
        check_new_parameters({"head": new["head"]}, num_loaded_bytes=0)

    def test_a_new_head_and_other_mixes_are_made_anew(self, folder):
        model, report = ElmoForTokenClassification.from_pretrained(
            folder, num_labels=5, num_output_representations=2, output_loading_info=True
        )
        assert {"classifier.weight", "elmo.scalar_mixes.1.gamma"} <= set(report["missing_keys"])
        assert model.classifier.weight.isfinite().all()

    @pytest.mark.parametrize("arguments", [{"device_map": "cpu"}, {"dtype": torch.bfloat16}, {"dtype": "auto"}])
    def test_other_ways_to_load_go_on(self, folder, arguments):
        pytest.importorskip("accelerate")
        model = AutoModel.from_pretrained(folder, **arguments)
        expected = ElmoModel.from_pretrained(folder).to(model.dtype)
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in expected.state_dict().items())

    def test_shards_load_with_a_variant(self, folder, tmp_path):
        model = ElmoModel.from_pretrained(folder)
        model.save_pretrained(tmp_path / "shards", max_shard_size="2KB", variant="v1")
        assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
        loaded = ElmoModel.from_pretrained(tmp_path / "shards", variant="v1")
        assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())

    def test_resized_embeddings_of_a_tied_model_load(self, tiny_config, tmp_path):
        for tied in (False, True):
            config = tiny_config(token_input="words", vocab_size=9, tie_word_embeddings=tied)
            ElmoForMaskedLM(config).save_pretrained(tmp_path / str(tied))
            assert ElmoForMaskedLM.from_pretrained(tmp_path / str(tied)).config.vocab_size == 9
        model = ElmoModel.from_pretrained(tmp_path / "True")
        model.resize_token_embeddings(12)
        model.save_pretrained(tmp_path / "resized")
        assert len(ElmoModel.from_pretrained(tmp_path / "resized").word_embedding.weight) == 12

    def test_code_of_another_repository_is_not_asked_for_where_the_package_is(self, folder, change_config):
        change_config(auto_map={**AUTO_MAP, "AutoModelForTokenClassification": "other/repo--module.Class"})
        model = AutoModelForTokenClassification.from_pretrained(folder)
        assert type(model) is ElmoForTokenClassification


class TestJSON:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "x.json: not a valid JSON file"),
            (b"[" * 100_000, "x.json: not a valid JSON file"),
            (b'{"a": ' * 51 + b"1" + b"}" * 51, "x.json: expected lists and objects at most 50 deep, found more"),
            (b'{"a": "\xed\xa0\x80"}', "x.json: not a valid JSON file"),
            (b'{"a": "\\ud800"}', "x.json: not a valid JSON file"),
            (b'{"a": ' + b"1" * 5000 + b"}", "x.json: not a valid JSON file"),
            (b"1" * 1001, "x.json: expected at most 1000 bytes, found 1001"),
            (b"null", "x.json: expected a JSON object, found NoneType"),
        ],
        ids=["empty", "bottomless", "deep", "surrogate", "half a pair", "long number", "large", "no object"],
    )
    def test_refused(self, tmp_path, data, message):
        (tmp_path / "x.json").write_bytes(data)
        limit = 1000 if data == b"1" * 1001 else None
        with pytest.raises(ValueError, match=message):
            read_json_object(tmp_path / "x.json", limit)

    def test_as_deep_as_allowed(self, tmp_path):
        (tmp_path / "x.json").write_text('{"a": ' * 50 + "1" + "}" * 50)
        assert "a" in read_json_object(tmp_path / "x.json")
