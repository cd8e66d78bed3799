# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""float16 and int8 weights in an ONNX graph.

float16 weights are converted to float32 when the model is loaded. int8 weights have a scale for each block of inputs of
each output, and are multiplied as integers with inputs that ONNX Runtime rounds likewise, row by row, block by block
(its operator `MatMulNBits`). Rows of embedding tables are int8 with a scale per row.

Dimensions: N outputs, K inputs, V rows of a table, D values of a row.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx_ir as ir


# Inputs that share a scale.
BLOCK_SIZE = 32

# Weights below this number of values are not worth it.
LEAST_SIZE = 4096

# The domain of ONNX Runtime's own operators.
RUNTIME = "com.microsoft"

# Of `MatMulNBits`: inputs are rounded to int8.
INT8_INPUTS = 4


def store_as(model: ir.Model, dtype: str) -> None:
    """Stores the large weights of a model in `"float16"` or `"int8"`; `"float32"` leaves them as they are."""
    if dtype == "int8":
        _store_as_int8(model)
    elif dtype == "float16":
        _store_as_float16(model)


def weights_of(model: ir.Model) -> list[tuple[str, ir.Value, ir.TensorProtocol]]:
    """Returns the name, value and tensor of each weight."""
    values = list(model.graph.initializers.items())
    return [(name, value, value.const_value) for name, value in values if value.const_value is not None]


def _large_weights(model: ir.Model) -> Iterator[tuple[str, ir.Value, np.ndarray]]:
    for name, value, tensor in weights_of(model):
        if tensor.dtype == ir.DataType.FLOAT and tensor.size >= LEAST_SIZE:
            yield name, value, tensor.numpy()


def _store_as_float16(model: ir.Model) -> None:
    for name, value, array in _large_weights(model):
        stored = _initializer(model, f"{name}.float16", array.astype(np.float16))
        cast = ir.node("Cast", [stored], {"to": ir.DataType.FLOAT})
        model.graph.insert_before(model.graph[0], cast)
        ir.convenience.replace_all_uses_with(value, cast.outputs[0])
        del model.graph.initializers[name]


def _store_as_int8(model: ir.Model) -> None:
    model.opset_imports.setdefault(RUNTIME, 1)
    for name, value, array in _large_weights(model):
        uses = list(value.uses())
        if array.ndim != 2:
            continue
        if all(use.node.op_type in ("MatMul", "Gemm") and use.idx == 1 for use in uses):
            for use in uses:
                _multiply_as_int8(model, use.node, name, array)
        elif all(use.node.op_type == "Gather" and use.idx == 0 for use in uses):
            for use in uses:
                _look_up_int8(model, use.node, name, array)
        if not value.uses():
            del model.graph.initializers[name]


def _multiply_as_int8(model: ir.Model, node: ir.Node, name: str, weight_NK: np.ndarray) -> None:
    if "transB" not in node.attributes or not node.attributes["transB"].as_int():
        weight_NK = weight_NK.T
    num_outputs, num_inputs = weight_NK.shape
    num_blocks = -(-num_inputs // BLOCK_SIZE)
    blocks = np.pad(weight_NK, ((0, 0), (0, num_blocks * BLOCK_SIZE - num_inputs)))
    blocks = blocks.reshape(num_outputs, num_blocks, BLOCK_SIZE)
    rounded, scale = _rounded(blocks)
    # Without zero points, 128 stands for 0.
    stored = _initializer(model, f"{name}.int8", (rounded.astype(np.int16) + 128).astype(np.uint8))
    scales = _initializer(model, f"{name}.scale", scale.reshape(-1))
    sizes = {"K": num_inputs, "N": num_outputs, "bits": 8, "block_size": BLOCK_SIZE, "accuracy_level": INT8_INPUTS}
    product = ir.node("MatMulNBits", [node.inputs[0], stored, scales], sizes, domain=RUNTIME)
    new = [product]
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        new.append(ir.node("Add", [product.outputs[0], node.inputs[2]]))
    _replace_node(node, new)


def _look_up_int8(model: ir.Model, node: ir.Node, name: str, table_VD: np.ndarray) -> None:
    rounded_VD, scale_V1 = _rounded(table_VD)
    rows = ir.node("Gather", [_initializer(model, f"{name}.int8", rounded_VD), node.inputs[1]])
    scales = ir.node("Gather", [_initializer(model, f"{name}.scale", scale_V1), node.inputs[1]])
    cast = ir.node("Cast", [rows.outputs[0]], {"to": ir.DataType.FLOAT})
    _replace_node(node, [rows, scales, cast, ir.node("Mul", [cast.outputs[0], scales.outputs[0]])])


def _rounded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns int8 values, and their scale (float32) along the last dimension, which it keeps with size 1."""
    scale = np.abs(values).max(axis=-1, keepdims=True) / 127
    scale[scale == 0] = 1
    return np.rint(values / scale).astype(np.int8), scale.astype(np.float32)


def _initializer(model: ir.Model, name: str, array: np.ndarray) -> ir.Value:
    if name not in model.graph.initializers:
        tensor = ir.tensor(np.ascontiguousarray(array), name=name)
        value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        model.graph.register_initializer(value)
    return model.graph.initializers[name]


def _replace_node(node: ir.Node, new: list[Any]) -> None:
    assert node.graph is not None
    ir.convenience.replace_nodes_and_values(node.graph, node, [node], new, node.outputs, new[-1].outputs)
