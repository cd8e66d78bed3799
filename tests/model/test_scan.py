# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Graphs: the same numbers as packed sequences, whatever the mask, and for all sizes once exported."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_elmo import (
    ElmoForMaskedLM,
    ElmoForMultipleChoice,
    ElmoForPreTraining,
    ElmoForQuestionAnswering,
    ElmoForSemanticRoleLabeling,
    ElmoForSequenceClassification,
    ElmoForTokenClassification,
    ElmoModel,
)
from tests.helpers.graphs import graph_mode, make, make_inputs


VARIANTS = [
    {},
    {"projection_size": 12},
    {"num_hidden_layers": 3, "use_skip_connections": False, "hidden_act": "tanh"},
    {"cell_clip": None, "projection_clip": 0.05, "forget_bias": 0.0},
    {"cell_clip": 0.05, "num_output_representations": 2},
    {"mix_parameters": [1.0, 0.0, -1.0]},
    {"mix_layer_norm": True},
    {"token_input": "words", "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 28},
    {"token_input": "characters_and_words", "word_embedding_size": 4},
]
HEADS = [
    (ElmoForMaskedLM, {}),
    (ElmoForPreTraining, {}),
    (ElmoForTokenClassification, {"num_labels": 3}),
    (ElmoForTokenClassification, {"id2label": {0: "O", 1: "B-X", 2: "I-X"}, "use_crf": True, "label_scheme": "BIO"}),
    (ElmoForTokenClassification, {"task_lstm_layers": 0, "elmo_at_output": True, "word_vector_size": 4}),
    (ElmoForSequenceClassification, {"pooling": ["attention", "max", "mean"], "task_lstm_layers": 2}),
    (ElmoForSequenceClassification, {"num_segments": 2}),
    (ElmoForQuestionAnswering, {"allows_no_answer": True}),
    (ElmoForMultipleChoice, {}),
    (ElmoForSemanticRoleLabeling, {"id2label": {0: "O", 1: "B-X", 2: "I-X"}, "label_scheme": "BIO"}),
]


def as_graph(model, **inputs):
    with graph_mode():
        return model(**inputs)


def assert_equal(found, expected):
    found, expected = (torch.utils._pytree.tree_leaves(value.to_tuple()) for value in (found, expected))
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


masks = st.integers(1, 4).flatmap(
    lambda batch: st.integers(1, 7).flatmap(
        lambda words: st.lists(st.booleans(), min_size=batch * words, max_size=batch * words).map(
            lambda values: torch.tensor(values).view(batch, words)
        )
    )
)


class TestBiLM:
    @pytest.mark.parametrize("fields", VARIANTS, ids=str)
    @settings(max_examples=12)
    @given(mask=masks, seed=st.integers(0, 99), segments=st.booleans())
    def test_graph_has_the_numbers_of_packed_sequences(self, fields, mask, seed, segments):
        model = make(ElmoModel, **fields)
        inputs = make_inputs(model, mask, seed, segments) | {"output_hidden_states": True}
        with torch.no_grad():
            assert_equal(as_graph(model, **inputs), model(**inputs))

    def test_state_goes_in_and_out(self):
        model = make(ElmoModel)
        inputs = make_inputs(model, torch.rand(3, 6) > 0.3, segments=False)
        state = torch.randn(4, 3, 6), torch.randn(4, 3, 12)
        with torch.no_grad():
            expected = model(**inputs, state=state, use_cache=True)
            assert_equal(as_graph(model, **inputs, state=state, use_cache=True), expected)

    def test_gradients_are_those_of_packed_sequences(self):
        model = make(ElmoModel)
        inputs = make_inputs(model, torch.rand(3, 6) > 0.3)
        gradients = []
        for output in (as_graph(model, **inputs), model(**inputs)):
            model.zero_grad()
            output.last_hidden_state.square().sum().backward()
            gradients.append([parameter.grad.clone() for parameter in model.parameters()])
        for found, expected in zip(*gradients):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    def test_int8_weights(self):
        model = make(ElmoModel).quantize()
        inputs = make_inputs(model, torch.rand(3, 6) > 0.3)
        with torch.no_grad():
            found, expected = as_graph(model, **inputs).last_hidden_state, model(**inputs).last_hidden_state
        # The graph multiplies without rounding its inputs.
        assert torch.nn.functional.cosine_similarity(found, expected, dim=-1)[expected.any(-1)].min() > 0.99

    def test_words_may_have_fewer_characters(self):
        model = make(ElmoModel)
        inputs = make_inputs(model, torch.ones(2, 3, dtype=torch.bool))
        inputs["character_ids"][..., 5:] = 261
        shorter = inputs | {"character_ids": inputs["character_ids"][..., : 5 + 3]}
        with torch.no_grad():
            assert_equal(as_graph(model, **shorter), model(**inputs))


class TestHeads:
    @pytest.mark.parametrize(("model_class", "fields"), HEADS)
    @settings(max_examples=8)
    @given(mask=masks, seed=st.integers(0, 99))
    def test_graph_has_the_numbers_of_packed_sequences(self, model_class, fields, mask, seed):
        model = make(model_class, **fields)
        # Two texts need two words.
        mask = torch.cat([torch.ones(len(mask), 2, dtype=torch.bool), mask], dim=1)
        reads_one = isinstance(model, (ElmoForTokenClassification, ElmoForSemanticRoleLabeling)) or fields.get(
            "pooling"
        )
        inputs = make_inputs(model, mask, seed, segments=not reads_one)
        if isinstance(model, ElmoForSemanticRoleLabeling):
            inputs["predicate_index"] = torch.arange(len(mask)) % 2
        if not reads_one:
            inputs["token_type_ids"][..., 0], inputs["token_type_ids"][..., 1:] = 0, 1
        with torch.no_grad():
            assert_equal(as_graph(model, **inputs), model(**inputs))


class TestExport:
    def test_exported_program_takes_all_sizes(self):
        model = make(ElmoModel)
        free = torch.export.Dim.DYNAMIC
        example = make_inputs(model, torch.ones(2, 5, dtype=torch.bool))
        sizes = {name: dict.fromkeys(range(value.ndim), free) for name, value in example.items()}
        with torch.no_grad():
            program = torch.export.export(model, (), example, dynamic_shapes=sizes, strict=False)
            file = io.BytesIO()
            torch.export.save(program, file)
            file.seek(0)
            exported = torch.export.load(file).module()
            for shape in ((1, 3), (3, 9), (4, 4)):
                inputs = make_inputs(model, torch.rand(shape) > 0.3, seed=1)
                assert_equal(exported(**inputs), model(**inputs))

    def test_full_graph_is_compiled_with_gradients(self):
        if torch.__version__ < "2.13":
            pytest.skip("torch 2.13 or later compiles them")
        model = make(ElmoModel, num_hidden_layers=1, representation_dropout=0.0).train()
        inputs = make_inputs(model, torch.rand(3, 6) > 0.3, segments=False)
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
        values, gradients = [], []
        for function in (compiled, model):
            model.zero_grad()
            values.append(function(**inputs).last_hidden_state)
            values[-1].square().sum().backward()
            gradients.append([parameter.grad.clone() for parameter in model.parameters()])
        torch.testing.assert_close(*values, rtol=1e-5, atol=1e-5)
        for found, expected in zip(*gradients):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
    def test_jit_trace_is_refused(self):
        model = make(ElmoModel)
        inputs = make_inputs(model, torch.ones(2, 3, dtype=torch.bool))
        with pytest.raises(NotImplementedError, match=r"use torch\.export"):
            torch.jit.trace(model, example_kwarg_inputs=inputs, strict=False)
