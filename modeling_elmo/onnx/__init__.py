# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo outside of Python and torch: a model directory to ONNX, and what runs it.

| File | Contains |
| --- | --- |
| `export.py` | a model directory -> a directory with `model.onnx` |
| `weights.py` | float16 and int8 weights in an ONNX graph |
| `onnx_elmo.py` | `OnnxElmo`: texts to arrays with ONNX Runtime; a copy goes along with each `model.onnx` |
"""

try:
    from .onnx_elmo import OnnxElmo
except ImportError as error:
    raise ImportError("modeling_elmo.onnx requires more packages: pip install onnx onnxruntime onnxscript") from error


__all__ = ["OnnxElmo"]
