# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_elmo.conversion_scripts.tensor_bundle import TensorBundle, is_table, masked_crc32c
from modeling_elmo.files.errors import ElmoFormatError
from tests.conftest import SHARED
from tests.helpers.tensor_bundle_format import crc32c, masked, table, write_bundle


CHECKPOINTS = SHARED / "formats" / "bilm_tf_checkpoint"
ARRAYS = {
    "lm/embedding": np.arange(12, dtype=np.float32).reshape(6, 2),
    "lm/embedding/Adagrad": np.ones((6, 2), dtype=np.float32),
    "lm/é": np.float64([1, 2, 3]),
    "global_step": np.int64(7),
    "empty": np.zeros((0, 4), dtype=np.float32),
}


class TestReading:
    @pytest.mark.parametrize("num_shards", [1, 3])
    @pytest.mark.parametrize("entries_per_block", [1, 2, 1000])
    def test_all_tensors_are_read_from_blocks_and_shards(self, tmp_path, num_shards, entries_per_block):
        write_bundle(tmp_path / "x", ARRAYS, num_shards, entries_per_block)
        bundle = TensorBundle(tmp_path / "x")
        assert bundle.tensors.keys() == ARRAYS.keys()
        assert len(bundle.files()) == 1 + num_shards
        for name, values in ARRAYS.items():
            found = bundle.read(name)
            assert found.dtype == values.dtype
            assert np.array_equal(found, values)

    @pytest.mark.parametrize("rows", [(0, 1), (2, 4), (5, 100), (6, 7), (3, None)])
    def test_rows_are_those_of_the_whole(self, tmp_path, rows):
        write_bundle(tmp_path / "x", ARRAYS)
        found = TensorBundle(tmp_path / "x").read("lm/embedding", *rows)
        assert np.array_equal(found, ARRAYS["lm/embedding"][slice(*rows)])

    @settings(max_examples=30)
    @given(
        st.dictionaries(st.text("ab/é", min_size=1, max_size=6), st.integers(0, 5), max_size=40),
        st.integers(1, 4),
        st.integers(1, 20),
    )
    def test_any_names(self, tmp_path_factory, sizes, num_shards, entries_per_block):
        arrays = {name: np.arange(size, dtype=np.float32) for name, size in sizes.items()}
        prefix = tmp_path_factory.mktemp("bundle") / "x"
        write_bundle(prefix, arrays, num_shards, entries_per_block)
        bundle = TensorBundle(prefix)
        assert {name: bundle.read(name).tolist() for name in bundle.tensors} == {
            name: values.tolist() for name, values in arrays.items()
        }

    def test_checksum(self):
        # RFC 3720, B.4
        assert masked_crc32c(bytes(32)) == masked(0x8A9136AA)
        assert masked_crc32c(b"123456789") == masked(crc32c(b"123456789")) == masked(0xE3069283)


class TestRefusal:
    def check(self, prefix, message, read=None):
        with pytest.raises(ElmoFormatError, match=message) as error:
            TensorBundle(prefix).read(read)
        assert "\n" not in str(error.value)

    def test_of_compression(self, tmp_path):
        write_bundle(tmp_path / "x", ARRAYS, compression=1)
        self.check(tmp_path / "x", r"x\.index: a block is compressed \(snappy\)")

    def test_of_big_endian_values(self, tmp_path):
        write_bundle(tmp_path / "x", ARRAYS, endianness=1)
        self.check(tmp_path / "x", "big-endian")

    def test_of_slices_and_strings(self, tmp_path):
        special = {"lm/embedding": {"is_partitioned": 1}, "global_step": {"dtype": 7}}
        write_bundle(tmp_path / "x", ARRAYS, special=special)
        self.check(tmp_path / "x", "lm/embedding': a partitioned variable", "lm/embedding")
        self.check(tmp_path / "x", "found strings", "global_step")
        # Others can be read.
        TensorBundle(tmp_path / "x").read("empty")

    def test_of_a_size_that_is_not_that_of_the_shape(self, tmp_path):
        write_bundle(tmp_path / "x", ARRAYS, special={"lm/embedding": {"size": 2**40}})
        self.check(tmp_path / "x", re.escape("expected 48 bytes for shape (6, 2)"), "lm/embedding")

    def test_of_missing_and_short_data(self, tmp_path):
        write_bundle(tmp_path / "x", ARRAYS)
        data = tmp_path / "x.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:50])
        self.check(tmp_path / "x", "the file ends before this tensor does", "lm/embedding")
        data.unlink()
        self.check(tmp_path / "x", "x.data-00000-of-00001: missing", "lm/embedding")

    def test_of_damage(self, tmp_path):
        write_bundle(tmp_path / "x", ARRAYS)
        index = tmp_path / "x.index"
        data = index.read_bytes()
        index.write_bytes(data[:10] + bytes([data[10] ^ 1]) + data[11:])
        self.check(tmp_path / "x", r"x\.index: damaged: the checksum")
        index.write_bytes(data[:-1])
        self.check(tmp_path / "x", "found another kind of file")
        index.write_bytes(b"")
        self.check(tmp_path / "x", "found 0 bytes")
        index.unlink()
        self.check(tmp_path / "x", r"x\.index: missing")

    def test_of_a_large_index_before_it_is_read(self, tmp_path):
        with open(tmp_path / "x.index", "wb") as file:
            file.truncate(2**40)
        self.check(tmp_path / "x", "found 1,099,511,627,776 bytes")

    def test_of_many_or_long_names(self, tmp_path):
        (tmp_path / "x.index").write_bytes(table([(b"", b"\x08\x01"), (b"a" * 2000, b"")]))
        self.check(tmp_path / "x", "its name is too long")
        (tmp_path / "x.index").write_bytes(table([(b"", b"\x08\x01"), (b"a", b""), (b"a", b"")]))
        self.check(tmp_path / "x", "'a': expected each name once")
        (tmp_path / "x.index").write_bytes(table([(b"a", b"")]))
        self.check(tmp_path / "x", "expected the header")

    @pytest.mark.parametrize("value", [b"\x0b", b"\x12\xff\x01", b"\x08" + b"\xff" * 11, b"\x12\x02\x12\x05"])
    def test_of_damaged_messages(self, tmp_path, value):
        (tmp_path / "x.index").write_bytes(table([(b"", b"\x08\x01"), (b"a", value)]))
        self.check(tmp_path / "x", r"x\.index: 'a': damaged")


def test_tables_are_told_by_their_end(tmp_path):
    write_bundle(tmp_path / "x", ARRAYS)
    assert is_table(tmp_path / "x.index")
    (tmp_path / "other").write_bytes(b"x")
    assert not is_table(tmp_path / "other")


@pytest.mark.skipif(
    not CHECKPOINTS.is_dir(), reason="needs small models of other formats (formats/ in ELMO_TEST_FILES)"
)
@pytest.mark.parametrize("name", ["characters", "words_shared_softmax", "words_one_layer_no_projection"])
def test_variables_are_those_that_tensorflow_reads(name):
    bundle = TensorBundle(CHECKPOINTS / name / "model.ckpt-1300")
    with np.load(CHECKPOINTS / name / "variables.npz") as expected:
        assert bundle.tensors.keys() == set(expected.files)
        for variable in expected.files:
            found = bundle.read(variable)
            assert found.dtype == expected[variable].dtype
            assert np.array_equal(found, expected[variable])
