# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from safetensors.torch import save_file

from modeling_elmo.conversion_scripts.converted_model import StoredTensor
from modeling_elmo.conversion_scripts.safetensors_writer import write_safetensors


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_files_are_those_of_safetensors(tmp_path, dtype):
    tensors = {name: torch.randn(shape).to(dtype) for name, shape in [("b", (3, 5)), ("a.é", (7,)), ("c", ())]}
    save_file(tensors, tmp_path / "expected", metadata={"format": "pt"})
    pieces = StoredTensor((3, 5), dtype, lambda: iter(tensors["b"].split(2)))
    write_safetensors(tmp_path / "found", {**tensors, "b": pieces})
    write_safetensors(tmp_path / "transposed", {**tensors, "b": tensors["b"].T.contiguous().T})
    expected = (tmp_path / "expected").read_bytes()
    assert (tmp_path / "found").read_bytes() == expected
    assert (tmp_path / "transposed").read_bytes() == expected
