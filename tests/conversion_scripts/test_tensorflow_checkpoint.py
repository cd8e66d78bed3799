# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow checkpoints of all kinds, against the equations on their own arrays and what TensorFlow computed."""

import json
import re

import numpy as np
import pytest
import torch

from modeling_elmo import ElmoForMaskedLM, ElmoForPreTraining, ElmoModel, ElmoTokenizer
from modeling_elmo.conversion_scripts import ElmoFormatError, SourceOptions, convert, export, open_source, reference
from modeling_elmo.conversion_scripts.tensorflow_checkpoint import find_checkpoint, read_checkpoint
from modeling_elmo.pretraining.corpus import TextFiles
from modeling_elmo.pretraining.initial_model import from_model
from modeling_elmo.pretraining.perplexity import load_language_model, measure_perplexity, one_process
from tests.conftest import SHARED
from tests.helpers.original_format import make_options, make_weights, read_hdf5
from tests.helpers.tensor_bundle_format import module_name, variables, write_bundle


CHECKPOINTS = SHARED / "formats" / "bilm_tf_checkpoint"
WORDS = ["<S>", "</S>", "<UNK>", "the", "bank", "of", "river", ".", "naïve"]
KINDS = {
    "characters": {"n_characters": 261},
    "words": {"reads_words": True},
    "shared": {"reads_words": True, "share_embedding_softmax": True},
    "plain": {
        "reads_words": True,
        "n_layers": 1,
        "dim": 5,
        "use_skip_connections": None,
        "cell_clip": None,
        "proj_clip": None,
    },
    "tanh": {
        "n_characters": 261,
        "activation": "tanh",
        "n_highway": None,
        "n_layers": 3,
        "max_characters_per_token": 9,
    },
}


def write_checkpoint(directory, kind, words=WORDS, name="model.ckpt-7", **kwargs):
    options = make_options(**KINDS[kind])
    options["n_tokens_vocab"] = len(WORDS)
    arrays = variables(options, len(WORDS))
    write_bundle(directory / name, arrays, **kwargs)
    (directory / "options.json").write_text(json.dumps(options))
    (directory / "checkpoint").write_text(f'model_checkpoint_path: "/home/x/{name}"\n')
    if words:
        (directory / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return options, arrays


def converted(source, out, **options):
    with open_source(source, SourceOptions(**options)) as model:
        convert(model, out)
    return model


def refuses(source, message, **options):
    with pytest.raises(ElmoFormatError, match=message) as error, open_source(source, SourceOptions(**options)):
        pass
    assert "\n" not in str(error.value)


class TestModels:
    @pytest.mark.parametrize("kind", KINDS)
    def test_scores_are_those_of_the_equations(self, tmp_path, kind):
        _, arrays = write_checkpoint(tmp_path / "source", kind, num_shards=2, entries_per_block=3)
        model = converted(tmp_path / "source", tmp_path / "model")
        assert model.config.architectures == ["ElmoForPreTraining"]
        language_model, tokenizer = load_language_model(tmp_path / "model")
        words = ["the", "naïve", "bridge"]
        layers = model.expected_layers(words)
        weights = arrays.get("lm/softmax/W", arrays.get("lm/embedding"))
        batch = tokenizer([words], is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            output = language_model(**batch)
        for half, logits in zip(np.split(layers[-1], 2, axis=1), (output.forward_logits, output.backward_logits)):
            expected = half @ weights.T.astype(np.float64) + arrays["lm/softmax/b"]
            assert np.allclose(logits[0].numpy(), expected, atol=1e-4)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_bilm_is_exported_as_it_was(self, tmp_path, kind):
        options, _ = write_checkpoint(tmp_path / "source", kind)
        converted(tmp_path / "source", tmp_path / "model")
        export(tmp_path / "model", tmp_path / "out")
        expected = make_weights(options, num_words=len(WORDS))
        found = read_hdf5(tmp_path / "out" / "weights.hdf5")
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)

    def test_layers_are_those_of_the_hdf5_file(self, tmp_path):
        options, _ = write_checkpoint(tmp_path / "source", "characters")
        found = read_checkpoint(tmp_path / "source" / "model.ckpt-7").expected_layers(["the"])
        rows = [reference.character_ids(word, 50) for word in ("<S>", "the", "</S>")]
        weights = make_weights(options, num_words=len(WORDS))
        expected, _ = reference.bilm_layers(weights, options, reference.token_embeddings(weights, options, rows))
        assert np.array_equal(found, expected)

    def test_a_shared_softmax_is_tied_and_stored_once(self, tmp_path):
        write_checkpoint(tmp_path / "source", "shared")
        converted(tmp_path / "source", tmp_path / "model")
        model = ElmoForPreTraining.from_pretrained(tmp_path / "model")
        assert model.config.tie_word_embeddings
        assert model.lm_head.weight is model.elmo.word_embedding.weight
        size = (tmp_path / "model" / "model.safetensors").stat().st_size
        model.save_pretrained(tmp_path / "again")
        assert (tmp_path / "again" / "model.safetensors").stat().st_size == size

    @pytest.mark.parametrize("kind", ["characters", "shared"])
    def test_all_classes_load_it_and_training_continues(self, tmp_path, kind):
        write_checkpoint(tmp_path / "source", kind)
        converted(tmp_path / "source", tmp_path / "model")
        tokenizer = ElmoTokenizer.from_pretrained(tmp_path / "model")
        for model_class in (ElmoModel, ElmoForMaskedLM, ElmoForPreTraining):
            model, report = model_class.from_pretrained(tmp_path / "model", output_loading_info=True)
            assert not report["missing_keys"]
        masked = ElmoForMaskedLM.from_pretrained(tmp_path / "model")
        assert len(masked.substitutes(tokenizer, ["the", "bank"], 0, top_k=3)) == 3
        initial = from_model(tmp_path / "model", None, 0)
        assert torch.equal(initial.model.lm_head.weight, model.lm_head.weight)

    def test_half_precision(self, tmp_path):
        write_checkpoint(tmp_path / "source", "characters")
        model = converted(tmp_path / "source", tmp_path / "model", dtype="bfloat16")
        assert model.config.dtype == torch.bfloat16

    def test_a_softmax_without_vocabulary_is_left_out(self, tmp_path):
        write_checkpoint(tmp_path / "source", "characters", words=None)
        model = converted(tmp_path / "source", tmp_path / "model")
        assert "The softmax (9 words) was left out" in model.notes[0]
        assert model.config.architectures == ["ElmoModel"]
        export(tmp_path / "model", tmp_path / "out")
        assert json.loads((tmp_path / "out" / "options.json").read_text())["n_tokens_vocab"] == 9

    def test_a_softmax_is_left_out_on_request(self, tmp_path):
        write_checkpoint(tmp_path / "source", "characters", words=["other"])
        model = converted(tmp_path / "source", tmp_path / "model", no_vocab=True)
        assert model.config.architectures == ["ElmoModel"]
        refuses(tmp_path / "source", "--no-vocab and --vocab can't be combined", no_vocab=True, vocab=tmp_path / "x")

    def test_weights_of_the_same_directory_are_named(self, tmp_path):
        write_checkpoint(tmp_path / "source", "characters")
        (tmp_path / "source" / "weights.hdf5").write_bytes(b"")
        assert (
            "weights.hdf5 in the same directory was not read"
            in read_checkpoint(tmp_path / "source" / "model.ckpt-7").notes[0]
        )


class TestVocabulary:
    @pytest.mark.parametrize("kind", ["characters", "words"])
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (WORDS[:-1], "expected 9 words, .* found 8"),
            ([*WORDS[:-1], "<PAD>"], "expected no <PAD> and <MASK>"),
            (["a", *WORDS[1:]], "expected <S>.* found no <S>"),
        ],
    )
    def test_of_other_words_is_refused(self, tmp_path, kind, words, message):
        write_checkpoint(tmp_path, kind, words)
        refuses(tmp_path, rf"vocab\.txt: {message}")

    def test_is_required_for_words(self, tmp_path):
        write_checkpoint(tmp_path, "words", words=None)
        refuses(tmp_path, "--vocab is required")


class TestFinding:
    def test_the_newest_of_several(self, tmp_path):
        write_checkpoint(tmp_path, "characters", name="model.ckpt-8")
        write_checkpoint(tmp_path, "characters", name="model.ckpt-9")
        write_checkpoint(tmp_path, "characters", name="model.ckpt-é")
        for line in (
            'model_checkpoint_path: "/home/x/model.ckpt-8"\nall_model_checkpoint_paths: "/home/x/model.ckpt-9"',
            "model_checkpoint_path: 'model.ckpt-8'",
            'model_checkpoint_path: "C:\\\\x\\\\model.ckpt-8"',
        ):
            (tmp_path / "checkpoint").write_text(line)
            assert find_checkpoint(tmp_path) == tmp_path / "model.ckpt-8"
        (tmp_path / "checkpoint").write_text(r'model_checkpoint_path: "/x/model.ckpt-\303\251"')
        assert find_checkpoint(tmp_path) == tmp_path / "model.ckpt-é"

    @pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001", ".meta"])
    def test_a_file_of_a_checkpoint_or_its_prefix(self, tmp_path, suffix):
        write_checkpoint(tmp_path, "characters")
        assert find_checkpoint(tmp_path / f"model.ckpt-7{suffix}") == tmp_path / "model.ckpt-7"
        converted(tmp_path / f"model.ckpt-7{suffix}", tmp_path / "out")

    def test_without_the_file_checkpoint(self, tmp_path):
        write_checkpoint(tmp_path, "characters")
        (tmp_path / "checkpoint").unlink()
        assert find_checkpoint(tmp_path) == tmp_path / "model.ckpt-7"
        write_bundle(tmp_path / "model.ckpt-8", {})
        refuses(tmp_path, "several checkpoints; pass the index of one as SOURCE")

    @pytest.mark.parametrize("name", ["", "..", "/", "x" * 300])
    def test_of_a_hostile_name(self, tmp_path, name):
        (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{name}"')
        refuses(tmp_path, "expected the name of a checkpoint")

    def test_of_one_that_is_missing_or_old(self, tmp_path):
        write_checkpoint(tmp_path, "characters")
        (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-6"')
        refuses(tmp_path, r"names model\.ckpt-6, but model\.ckpt-6\.index is missing")
        (tmp_path / "model.ckpt-7.index").rename(tmp_path / "model.ckpt-6")
        refuses(tmp_path, "model.ckpt-6: a checkpoint of TensorFlow's old format V1")
        refuses(tmp_path / "model.ckpt-6", "a checkpoint of TensorFlow's old format V1")
        refuses(tmp_path / "model.ckpt-7.data-00000-of-00001", r"model\.ckpt-7\.index: missing")
        (tmp_path / "checkpoint").write_text("x")
        refuses(tmp_path, "expected a line model_checkpoint_path")

    def test_other_directories_have_none(self, tmp_path, original_dir):
        assert find_checkpoint(tmp_path) is None
        assert find_checkpoint(original_dir) is None
        assert find_checkpoint(tmp_path / "nothing") is None


class TestRefusal:
    def test_of_arrays_that_do_not_fit_the_options(self, tmp_path):
        _, arrays = write_checkpoint(tmp_path, "characters")
        write_bundle(tmp_path / "model.ckpt-7", {**arrays, "lm/CNN_high_1/W_carry": np.ones(3, dtype=np.float32)})
        refuses(tmp_path, "'CNN_high_1/W_carry': not part of the model")
        write_bundle(tmp_path / "model.ckpt-7", {**arrays, "lm/char_embed": np.ones((3, 4), dtype=np.float32)})
        refuses(tmp_path, re.escape("char_embed: expected shape (261, 4), found (3, 4)"))
        write_bundle(tmp_path / "model.ckpt-7", {name: arrays[name] for name in arrays if name != "lm/CNN/b_cnn_0"})
        refuses(tmp_path, "CNN/b_cnn_0: missing")
        write_bundle(tmp_path / "model.ckpt-7", {name: arrays[name] for name in arrays if name != "lm/softmax/W"})
        refuses(tmp_path, "softmax/W: missing")
        write_bundle(tmp_path / "model.ckpt-7", {"layer/kernel": np.ones(3, dtype=np.float32)})
        refuses(tmp_path, r"expected the variables of one biLM \(lm/RNN_0/...\), found others \('layer/kernel'\)")

    def test_of_values_that_are_no_weights_leaves_nothing(self, tmp_path):
        _, arrays = write_checkpoint(tmp_path / "source", "characters")
        for values in (np.full(4, np.nan, dtype=np.float32), np.ones(4, dtype=np.int32)):
            write_bundle(tmp_path / "source" / "model.ckpt-7", {**arrays, "lm/CNN/b_cnn_0": values})
            with pytest.raises(ElmoFormatError, match="lm/CNN/b_cnn_0"):
                converted(tmp_path / "source", tmp_path / "out")
            assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_of_options_of_another_kind_or_none(self, tmp_path):
        write_checkpoint(tmp_path, "characters")
        (tmp_path / "options.json").write_text(json.dumps(make_options(reads_words=True)))
        refuses(tmp_path, "expected the options of a model that reads characters")
        (tmp_path / "options.json").unlink()
        refuses(tmp_path, "contains no options.json")


class TestModules:
    """Modules of TensorFlow Hub, by the names that bilm-tf's inference graph has."""

    def write(self, directory, options, **others):
        weights = make_weights(options)
        # Row 0 is the padding.
        weights["char_embed"] = np.pad(weights["char_embed"], ((1, 0), (0, 0)))
        arrays = {module_name(name): values for name, values in weights.items()}
        arrays |= {"bilm/Variable": np.zeros((8, 5), dtype=np.float32), "bilm/Variable_1": np.zeros((8, 12))}
        write_bundle(directory / "variables" / "variables", {**arrays, **others})
        return make_weights(options)

    def test_weights_and_mix(self, tmp_path):
        options = make_options()
        others = {"aggregation/weights": np.float32([0.1, 0.2, 0.3]), "aggregation/scaling": np.float32(1.5)}
        expected = self.write(tmp_path / "source", options, **others)
        (tmp_path / "options.json").write_text(json.dumps(options))
        model = converted(tmp_path / "source", tmp_path / "model", options=tmp_path / "options.json")
        assert any("became the scalar mix" in note for note in model.notes)
        mix = ElmoModel.from_pretrained(tmp_path / "model").scalar_mixes[0]
        assert np.allclose(mix.weight.detach(), [0.1, 0.2, 0.3])
        assert mix.gamma.item() == 1.5
        export(tmp_path / "model", tmp_path / "out")
        found = read_hdf5(tmp_path / "out" / "weights.hdf5")
        assert all(np.array_equal(found[name], expected[name]) for name in expected)

    def test_options_are_never_guessed_for_other_sizes(self, tmp_path):
        self.write(tmp_path, make_options())
        refuses(tmp_path, "the clips and the activation are in no tensor; pass one with --options")


@pytest.mark.skipif(
    not CHECKPOINTS.is_dir(), reason="needs small models of other formats (formats/ in ELMO_TEST_FILES)"
)
@pytest.mark.parametrize("name", ["characters", "words_shared_softmax", "words_one_layer_no_projection"])
class TestAgainstTensorFlow:
    @pytest.fixture
    def model_dir(self, tmp_path, name):
        converted(CHECKPOINTS / name, tmp_path / "model", vocab=CHECKPOINTS / "vocab.txt")
        return tmp_path / "model"

    @pytest.mark.parametrize("kind", ["carried_batch_1", "reset"])
    def test_logits(self, model_dir, name, kind):
        model, tokenizer = load_language_model(model_dir)
        input_name = "character_ids" if model.config.reads_characters else "input_ids"
        found, state = [], None
        for line in (CHECKPOINTS / "held_out.txt").read_text().splitlines():
            words = ["<S>", *line.split(), "</S>"]
            batch = tokenizer([words], is_split_into_words=True, add_special_tokens=False, return_tensors="pt")
            ids = batch[input_name]
            with torch.no_grad():
                output = model(
                    **{input_name: ids[:, :-1], f"backward_{input_name}": ids[:, 1:]}, state=state, use_cache=True
                )
            state = output.state if kind == "carried_batch_1" else None
            found.append(torch.stack([output.forward_logits[0], output.backward_logits[0].flip(0)], dim=1))
        with np.load(CHECKPOINTS / name / "expected.npz") as expected:
            assert np.allclose(torch.cat(found).numpy(), expected[f"{kind}.logits"], rtol=0, atol=1e-5)

    @pytest.mark.parametrize(
        ("kind", "plan"),
        [
            ("carried_batch_1", one_process(1, 20)),
            ("carried_batch_4", one_process(4, 5, as_bilm_tf=True)),
            ("reset", one_process(8, 20, sentence_per_row=True)),
        ],
    )
    def test_perplexities(self, model_dir, name, kind, plan):
        found = measure_perplexity(*load_language_model(model_dir), TextFiles([CHECKPOINTS / "held_out.txt"]), plan)
        facts = json.loads((CHECKPOINTS / name / "facts.json").read_text())[kind]
        assert np.allclose(found.perplexities, [facts[part] for part in ("forward", "backward", "both")], rtol=1e-5)

    def test_weights_are_exported_as_the_original_dumps_them(self, model_dir, name, tmp_path):
        export(model_dir, tmp_path / "out")
        found, expected = read_hdf5(tmp_path / "out" / "weights.hdf5"), read_hdf5(CHECKPOINTS / name / "weights.hdf5")
        if name == "words_one_layer_no_projection":
            found = {key.replace("MultiRNNCell/Cell0/", ""): values for key, values in found.items()}
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_on_the_command_line(tmp_path, elmo):
    write_checkpoint(tmp_path / "source", "words")
    assert elmo("convert", tmp_path / "source", tmp_path / "model")[0] == 0
    (tmp_path / "text").write_text("the bank .\nthe river of the bank .\n")
    evaluate = ["evaluate", tmp_path / "model", tmp_path / "text", "--batch-size", 2]
    code, out, _ = elmo(*evaluate, "--as-bilm-tf")
    assert code == 0
    assert re.search(r"words +7\n", out)
    assert elmo(*evaluate, "--as-bilm-tf", "--sentence-per-row")[0] != 0
