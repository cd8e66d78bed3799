# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""State dicts of all versions of torch are read as torch reads them, and hostile files are refused unread."""

import io
import os
import pickle
import re
import zipfile
from collections import OrderedDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_elmo.conversion_scripts import ElmoFormatError, torch_pickles
from modeling_elmo.conversion_scripts.torch_pickles import read_state_dict
from tests.conftest import SHARED


DTYPES = [*torch_pickles.DTYPES.values()]


def saved(state, is_zip=True, **kwargs):
    """The bytes that `torch.save` writes, in its format of today or of before version 1.6."""
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=is_zip, **kwargs)
    return file.getvalue()


def rewritten(data, change):
    """A zip file whose members are changed by a function of name and content."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as changed:
        for info in archive.infolist():
            content = change(info.filename, archive.read(info))
            if content is not None:
                changed.writestr(info.filename, content)
    return out.getvalue()


def with_pickle(data, old, new):
    """A file of torch with another piece of its pickle."""
    if not data.startswith(b"PK"):
        assert old in data
        return data.replace(old, new)
    return rewritten(data, lambda name, content: content.replace(old, new) if name.endswith("data.pkl") else content)


@pytest.fixture
def read(tmp_path):
    """Reads the state dict in some bytes."""

    def read_bytes(data):
        path = tmp_path / "weights.th"
        path.write_bytes(data)
        return read_state_dict(path)

    return read_bytes


@pytest.fixture
def refuses(read):
    """Checks that some bytes are refused in one line."""

    def check(data, message):
        with pytest.raises(ElmoFormatError, match=rf"^weights\.th: .*{re.escape(message)}") as error:
            read(data)
        assert "\n" not in str(error.value)

    return check


def assert_equal_states(found, expected):
    """Same names in the same order, same tensors bit for bit."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
class TestBothFormats:
    def test_every_dtype_and_shape_is_read_as_torch_does(self, read, is_zip):
        state = {f"a.{dtype}": (torch.randn(3, 4) * 5).to(dtype) for dtype in DTYPES}
        state |= {"scalar": torch.tensor(2.5), "empty": torch.empty(0, 3), "row": torch.randn(7)}
        assert_equal_states(read(saved(state, is_zip)), state)

    def test_the_state_of_a_module_with_versions_of_its_layers(self, read, is_zip):
        state = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict()
        assert state._metadata
        assert_equal_states(read(saved(state, is_zip)), state)

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_protocols_of_pickle(self, read, is_zip, protocol):
        state = OrderedDict(a=torch.randn(2, 3))
        assert_equal_states(read(saved(state, is_zip, pickle_protocol=protocol)), state)

    def test_parameters_and_views_and_shared_values(self, read, is_zip):
        values = torch.randn(4, 6)
        state = {"parameter": torch.nn.Parameter(values), "part": values[1:3, ::2], "turned": values.t()}
        found = read(saved(state, is_zip))
        assert_equal_states(found, state)
        assert found["part"].untyped_storage().data_ptr() == found["turned"].untyped_storage().data_ptr()

    def test_tensors_of_a_gpu_come_to_the_cpu(self, read, is_zip):
        state = OrderedDict(a=torch.randn(5))
        data = with_pickle(saved(state, is_zip), b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0")
        found = read(data)
        assert found["a"].device.type == "cpu"
        assert_equal_states(found, state)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ([torch.zeros(2)], "found list"),
            (torch.zeros(2), "found View"),
            ({"a": 1}, "'a': expected names and tensors"),
            ({}, "found no names"),
            ({"model": {"a": torch.zeros(2)}}, "'model': expected names and tensors"),
            ({1: torch.zeros(2)}, "found int"),
            (torch.nn.Linear(2, 2), "expected names and tensors"),
        ],
        ids=["list", "tensor", "number", "empty", "nested", "key", "module"],
    )
    def test_anything_but_names_and_tensors_is_refused(self, refuses, is_zip, value, message):
        refuses(saved(value, is_zip), message)

    @pytest.mark.parametrize(
        ("function", "arguments"),
        [(os.system, ("exit 3",)), (bytearray, (10**12,)), (eval, ("1",)), (torch.UntypedStorage, (10**12,))],
        ids=["system", "memory", "eval", "storage"],
    )
    def test_a_call_is_refused_and_not_made(self, refuses, is_zip, function, arguments):
        class Call:
            def __reduce__(self):
                return function, arguments

        refuses(saved({"a": Call()}, is_zip), "nothing of it was run")

    def test_a_state_that_is_set_by_code_is_refused(self, refuses, is_zip):
        class Quiet(dict):
            pass

        Quiet.__module__, Quiet.__qualname__ = __name__, "Quiet"
        globals()["Quiet"] = Quiet
        refuses(saved(Quiet(a=torch.zeros(2)), is_zip), "expected names and tensors")

    def test_more_values_than_the_storage_has_are_refused(self, refuses, is_zip):
        data = saved({"a": torch.zeros(3, 5)}, is_zip)
        # Shape and strides: 5 becomes 255.
        refuses(with_pickle(data, b"K\3K\5\x86", b"K\3K\xff\x86"), "expected a tensor within its 15 values")
        refuses(with_pickle(data, b"K\5K\1\x86", b"K\xffK\1\x86"), "expected a tensor within its 15 values")

    def test_repeated_values_are_refused(self, refuses, is_zip):
        refuses(saved({"a": torch.zeros(1).expand(200, 200)}, is_zip), "expected a tensor within its 1 values")

    def test_a_negative_stride_is_refused(self, refuses, is_zip):
        data = saved({"a": torch.zeros(3, 5)}, is_zip)
        refuses(with_pickle(data, b"K\5K\1\x86", b"J\xff\xff\xff\xffK\1\x86"), "expected sizes between 0")

    def test_a_storage_larger_than_the_file_is_refused(self, refuses, is_zip):
        # The size is the last number in the tuple of a storage, which the older format ends with `None`.
        end = b"tq" if is_zip else b"Ntq"
        for size in (b"J\xff\xff\xff\x7f", b"\x8a\6\xff\xff\xff\xff\xff\x7f", b"M\xff\1"):
            refuses(with_pickle(saved({"a": torch.zeros(15)}, is_zip), b"K\x0f" + end, size + end), "expected")

    def test_one_storage_under_many_names_is_bounded(self, refuses, is_zip):
        values = torch.zeros(100_000)
        refuses(saved({str(i): values for i in range(10)}, is_zip), "tensors of 4000000 bytes")

    def test_every_cut_is_refused(self, refuses, is_zip):
        data = saved(OrderedDict(a=torch.randn(3), b=torch.randn(2, 2)), is_zip)
        for size in range(0, len(data), 7):
            refuses(data[:size], "")

    @given(edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6))
    def test_changed_bytes_give_tensors_or_one_error(self, read, is_zip, edits):
        data = bytearray(saved(OrderedDict(a=torch.randn(3), b=torch.randn(2, 2)), is_zip))
        for offset, value in edits:
            data[offset % len(data)] = value
        try:
            state = read(bytes(data))
        except ElmoFormatError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017
        else:
            assert sum(value.numel() for value in state.values()) < 200


class TestPickles:
    @pytest.mark.parametrize(
        "program",
        [
            b"\x80\x02" + b"}" * 100_000 + b".",
            b"\x80\x02]" + b"h\0" * 100 + b".",
            b"\x80\x02(" + b"(" * 50_000 + b"t" * 50_000 + b".",
            b"\x80\x02)q\0" + b"h\0h\0\x86q\0" * 60 + b"}h\0h\0s.",
            b"\x80\x02r\xff\xff\xff\x7f.",
            b"\x80\x02Nr\xff\xff\xff\x7f0.",
            b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
            b"\x80\x02\x8b\xff\xff\xff\x7f.",
            b"cos\nsystem\n(S'exit 3'\ntR.",
            b"\x80\x02cos\nsystem\n)\x81.",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
            b"\x80\x02}X\1\0\0\0aNs.",
            b"\x80\x02\x85.",
            b"\x80\x02t.",
            b"\x80\x02u.",
            b"\x80\x02",
            b"",
        ],
    )
    def test_hostile_programs_end_at_once(self, refuses, program):
        data = saved({"a": torch.zeros(2)})
        refuses(rewritten(data, lambda name, content: program if name.endswith("data.pkl") else content), "")
        refuses(program, "")
        magic = pickle.dumps(torch_pickles.MAGIC_NUMBER, 2) + pickle.dumps(1001, 2)
        refuses(magic + pickle.dumps({"little_endian": True}, 2) + program, "")

    def test_a_plain_pickle_is_named(self, refuses):
        refuses(pickle.dumps({"a": 1}, 2), "not a file of torch.save")

    def test_a_long_pickle_is_refused(self, refuses, monkeypatch):
        monkeypatch.setattr(torch_pickles, "MAX_PICKLE_BYTES", 200)
        state = {str(i): torch.zeros(1) for i in range(10)}
        refuses(saved(state), "data.pkl: expected at most 200 bytes")
        refuses(saved(state, is_zip=False), "")

    def test_many_tensors_are_refused(self, refuses, monkeypatch):
        monkeypatch.setattr(torch_pickles, "MAX_TENSORS", 5)
        refuses(saved({str(i): torch.zeros(1) for i in range(6)}), "expected at most 5 tensors, found 6")

    def test_a_large_file_is_refused_unread(self, refuses, monkeypatch):
        monkeypatch.setattr(torch_pickles, "MAX_BYTES", 100)
        refuses(saved({"a": torch.zeros(100)}), "expected at most 100 bytes")


class TestZip:
    def test_a_packed_member_is_refused(self, refuses):
        out = io.BytesIO()
        data = saved({"a": torch.zeros(2_000_000)})
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for info in archive.infolist():
                packed.writestr(info.filename, archive.read(info))
        assert len(out.getvalue()) < 20_000
        refuses(out.getvalue(), "expected a stored member, found a packed one")

    def test_a_missing_or_shorter_storage_is_refused(self, refuses):
        data = saved({"a": torch.zeros(5)})
        refuses(rewritten(data, lambda name, content: None if name.endswith("/0") else content), "data/0")
        refuses(
            rewritten(data, lambda name, content: content[:-4] if name.endswith("/0") else content),
            "expected 20 bytes, found 16",
        )

    def test_another_zip_file_is_named(self, refuses):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("weights.hdf5", b"x")
        refuses(out.getvalue(), "a zip file, but not one of torch.save")

    def test_a_damaged_value_is_noticed(self, refuses):
        data = saved({"a": torch.full((50,), 1.5)})
        at = data.index(torch.full((2,), 1.5).numpy().tobytes())
        refuses(data[:at] + b"\1" + data[at + 1 :], "Bad CRC-32")

    def test_big_endian_values_are_refused(self, refuses):
        data = saved({"a": torch.zeros(5)})
        refuses(
            rewritten(data, lambda name, content: b"big" if name.endswith("byteorder") else content),
            "byteorder: expected little",
        )

    def test_files_of_torch_1_have_no_byte_order(self, read):
        state = {"a": torch.randn(5)}
        data = rewritten(saved(state), lambda name, content: None if name.endswith("byteorder") else content)
        assert_equal_states(read(data), state)


class TestStream:
    def test_a_storage_that_is_not_listed_is_refused(self, refuses):
        data = saved(OrderedDict(a=torch.randn(3)), is_zip=False)
        keys = data.rindex(b"\x80\x02]")
        end = data.index(b".", keys)
        refuses(data[:keys] + pickle.dumps(["other"], 2) + data[end + 1 :], "list of storages")

    def test_tensors_of_torch_0_3(self, read):
        # Its pickles have no argument for gradients: `_rebuild_tensor`, not `_rebuild_tensor_v2`.
        state = OrderedDict(a=torch.randn(3))
        data = saved(state, is_zip=False).replace(b"_rebuild_tensor_v2", b"_rebuild_tensor")
        assert_equal_states(read(data), state)


@pytest.mark.skipif(
    not (SHARED / "formats").is_dir(), reason="needs small models of other formats (formats/ in ELMO_TEST_FILES)"
)
def test_shared_files_are_read_as_torch_does():
    paths = sorted((SHARED / "formats" / "elmoformanylangs").glob("*/*.pkl"))
    assert len(paths) == 4
    for path in paths:
        assert_equal_states(read_state_dict(path), torch.load(path, map_location="cpu", weights_only=True))
