# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""HDF5 files as an enemy or an accident makes them."""

import zlib

import h5py
import numpy as np
import pytest

from modeling_elmo.conversion_scripts import ElmoFormatError, OriginalFiles, convert
from modeling_elmo.conversion_scripts.hdf5 import open_hdf5, read_datasets
from modeling_elmo.conversion_scripts.options_json import read_options
from modeling_elmo.conversion_scripts.weights_hdf5 import read_weights
from tests.helpers.original_format import make_options, make_weights, read_hdf5, write_hdf5, write_model


CELL = "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell"


def replace(file, name, **kwargs):
    """Puts another dataset in the place of one; by default with the same values."""
    values = file[name][...]
    del file[name]
    return file.create_dataset(name, **{"data": values, **kwargs})


class TestFile:
    def test_cut_short(self, source, refuses):
        path = source / "weights.hdf5"
        whole = path.read_bytes()
        for size in (8, 100, 1000, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            refuses("weights.hdf5: not a readable HDF5 file, or cut short")

    def test_empty(self, source, refuses):
        (source / "weights.hdf5").write_bytes(b"")
        refuses("weights.hdf5: an empty file: download it again")

    def test_not_hdf5(self, source, refuses):
        (source / "weights.hdf5").write_text("404 Not Found" * 1000)
        refuses(
            "weights.hdf5: not a readable HDF5 file, or cut short: Unable to synchronously open file (file signature"
        )

    def test_without_datasets(self, source, refuses):
        write_hdf5(source / "weights.hdf5", {})
        refuses("weights.hdf5: char_embed: missing; expected shape (261, 4)")

    @pytest.mark.parametrize("seed", range(4))
    def test_damaged_bytes_give_one_error_of_one_kind(self, tmp_path, seed):
        write_model(tmp_path, make_options())
        config, _ = read_options(tmp_path / "options.json")
        path = tmp_path / "weights.hdf5"
        whole = path.read_bytes()
        random = np.random.default_rng(seed)
        errors = []
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(random.integers(1, 20)):
                # Most of the structure lies in the first 3,000 bytes.
                damaged[random.integers(len(whole) if random.random() < 0.3 else 3000)] = random.integers(256)
            path.write_bytes(damaged)
            try:
                read_weights(path, config)
            except ElmoFormatError as error:
                errors.append(str(error))
        assert len(errors) > 50
        assert all(error.startswith("weights.hdf5: ") and "\n" not in error for error in errors)


class TestLinks:
    def test_external_link(self, source, change_weights, refuses):
        write_hdf5(source / "elsewhere.h5", {"char_embed": np.zeros((261, 4), np.float32)})

        def change(file):
            del file["char_embed"]
            file["char_embed"] = h5py.ExternalLink("elsewhere.h5", "char_embed")

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected a dataset, found a link (ExternalLink)")

    def test_external_link_to_the_cells_of_a_single_layer(self, source, refuses):
        options = make_options(n_layers=1)
        write_model(source, options)
        weights = make_weights(options)
        cells = {name.replace("MultiRNNCell/Cell0/", ""): values for name, values in weights.items() if "RNN" in name}
        write_hdf5(source / "elsewhere.h5", cells)
        write_hdf5(source / "weights.hdf5", {name: v for name, v in weights.items() if "RNN" not in name})
        with h5py.File(source / "weights.hdf5", "r+") as file:
            file["RNN_0"] = h5py.ExternalLink("elsewhere.h5", "RNN_0")
        refuses("weights.hdf5: RNN_0: expected a dataset, found a link (ExternalLink)")

    @pytest.mark.parametrize(
        ("name", "item", "message"),
        [
            ("CNN/b_cnn_0", h5py.SoftLink("/CNN_high_0/b_carry"), "expected a dataset, found a link (SoftLink)"),
            ("char_embed", np.dtype("f4"), "not part of the model that the options describe"),
            ("CNN", np.zeros(3, np.float32), "not part of the model that the options describe"),
        ],
        ids=["soft link", "named datatype", "dataset for a group"],
    )
    def test_something_else_in_the_place_of_what_is_expected(self, change_weights, refuses, name, item, message):
        def change(file):
            del file[name]
            file[name] = item

        change_weights(change)
        refuses(f"weights.hdf5: {name}: {message}")

    def test_dangling_soft_link(self, change_weights, refuses):
        def change(file):
            file["more"] = h5py.SoftLink("/nowhere")

        change_weights(change)
        refuses("weights.hdf5: more: expected a dataset, found a link (SoftLink)")

    def test_cycle_of_hard_links(self, change_weights, refuses):
        def change(file):
            del file["RNN_0/RNN/MultiRNNCell/Cell1"]
            file["RNN_0/RNN/MultiRNNCell/Cell1"] = file["RNN_0"]

        change_weights(change)
        refuses("weights.hdf5: RNN_0/RNN/MultiRNNCell/Cell1/RNN: not part of the model that the options describe")

    def test_group_that_holds_itself(self, change_weights, refuses):
        def change(file):
            file["CNN/CNN"] = file["CNN"]

        change_weights(change)
        refuses("weights.hdf5: CNN/CNN: not part of the model that the options describe")


class TestDatasets:
    def test_virtual(self, source, change_weights, refuses):
        write_hdf5(source / "elsewhere.h5", {"values": np.zeros((261, 4), np.float32)})

        def change(file):
            layout = h5py.VirtualLayout(shape=(261, 4), dtype="f4")
            layout[...] = h5py.VirtualSource(source / "elsewhere.h5", "values", shape=(261, 4))
            del file["char_embed"]
            file.create_virtual_dataset("char_embed", layout)

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected data within the file, found a reference to another file")

    def test_stored_in_another_file(self, source, change_weights, refuses):
        (source / "secret").write_bytes(bytes(261 * 4 * 4))

        def change(file):
            external = [(str(source / "secret"), 0, 261 * 4 * 4)]
            replace(file, "char_embed", data=None, shape=(261, 4), dtype="f4", external=external)

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected data within the file, found a reference to another file")

    def test_compressed_by_a_plug_in(self, change_weights, refuses):
        def change(file):
            del file["char_embed"]
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_chunk((261, 4))
            # Blosc, here only named, and LZF with a greater number, which is harmless.
            properties.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)
            properties.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)
            space = h5py.h5s.create_simple((261, 4))
            dataset = h5py.h5d.create(file.id, b"char_embed", h5py.h5t.IEEE_F32LE, space, properties)
            dataset.write_direct_chunk((0, 0), bytes(261 * 4 * 4))

        change_weights(change)
        refuses(
            "weights.hdf5: char_embed: expected filters of h5py in its order, [2, 1, 32000, 3], found [32001, 32000]"
        )

    def test_declared_but_never_written(self, change_weights, refuses):
        change_weights(lambda file: replace(file, "char_embed", data=None, shape=(261, 4), dtype="f4"))
        refuses("weights.hdf5: char_embed: expected 4176 bytes of data, found 0")

    def test_enormous_and_never_written(self, source, change_options, change_weights, refuses):
        # 32 TB: an attempt to make room for them would be told as another error.
        change_options(lambda options: options["lstm"].update(dim=1_000_000, projection_dim=1_000_000))
        change_options(lambda options: options["char_cnn"].update(filters=[[1, 1_000_000]], n_highway=0))

        def change(file):
            for name in list(file):
                del file[name]
            file["char_embed"] = np.zeros((261, 4), np.float32)
            file["CNN/W_cnn_0"] = np.zeros((1, 1, 4, 1_000_000), np.float32)
            file["CNN/b_cnn_0"] = np.zeros(1_000_000, np.float32)
            for direction in (0, 1):
                for layer in (0, 1):
                    cell = file.create_group(f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell")
                    cell.create_dataset("W_0", (2_000_000, 4_000_000), "f4", chunks=(1000, 1000), compression="gzip")
                    cell["W_0"][0, 0] = 1
                    cell.create_dataset("B", (4_000_000,), "f4")

        change_weights(change)
        refuses("weights.hdf5: values: expected at most ")

    def test_one_dataset_under_many_names(self, source, change_options, change_weights, refuses):
        change_options(lambda options: options["lstm"].update(n_layers=1000))

        def change(file):
            for direction in (0, 1):
                cells = file[f"RNN_{direction}/RNN/MultiRNNCell"]
                for layer in range(2, 1000):
                    cells[f"Cell{layer}"] = cells["Cell1"]

        change_weights(change)
        refuses("weights.hdf5: datasets: expected at most ")

    def test_numbers_far_larger_than_the_file(self, change_options, change_weights, refuses):
        change_options(lambda options: options["char_cnn"]["embedding"].update(dim=100_000))

        def change(file):
            zeros = np.zeros((261, 100_000), np.float32)
            replace(file, "char_embed", data=zeros, chunks=(1, 100_000), compression="gzip")

        change_weights(change)
        refuses("weights.hdf5: values: expected at most 16777216 bytes in a file of ")

    @pytest.mark.parametrize("kwargs", [{"compression": "gzip"}, {"compression": "gzip", "fletcher32": True}])
    def test_chunk_that_unpacks_to_more_than_a_chunk(self, change_weights, refuses, kwargs):
        def change(file):
            dataset = replace(file, "char_embed", data=None, shape=(261, 4), dtype="f4", chunks=(261, 4), **kwargs)
            dataset.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**6)))

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected chunks of 4176 bytes, found one of 4177")

    def test_stored_chunk_larger_than_a_chunk(self, change_weights, refuses):
        def change(file):
            dataset = replace(file, "char_embed", data=None, shape=(261, 4), dtype="f4", chunks=(261, 4), shuffle=True)
            dataset.id.write_direct_chunk((0, 0), bytes(10**6))

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected chunks of at most 4176 bytes, found 1000000")

    def test_chunk_larger_than_the_dataset(self, change_weights, refuses):
        def change(file):
            replace(file, "char_embed", chunks=(10**4, 10**4), maxshape=(None, None), compression="gzip")

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected chunks of at most 1048576 bytes, found 400000000")

    def test_filters_that_multiply(self, change_weights, refuses):
        def change(file):
            del file["char_embed"]
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_chunk((261, 4))
            properties.set_deflate(9)
            properties.set_deflate(9)
            space = h5py.h5s.create_simple((261, 4))
            dataset = h5py.h5d.create(file.id, b"char_embed", h5py.h5t.IEEE_F32LE, space, properties)
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones((261, 4), np.float32))

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected filters of h5py in its order, [2, 1, 32000, 3], found [1, 1]")

    def test_chunk_that_was_never_written(self, change_weights, refuses):
        def change(file):
            dataset = replace(file, "char_embed", data=None, shape=(261, 4), dtype="f4", chunks=(100, 4))
            dataset[:200] = 1

        change_weights(change)
        refuses("weights.hdf5: char_embed: expected 3 chunks, found 2")

    def test_chunk_with_a_wrong_checksum(self, source, change_weights, refuses):
        values = np.arange(261 * 4, dtype=np.float32).reshape(261, 4)
        change_weights(lambda file: replace(file, "char_embed", data=values, chunks=(261, 4), fletcher32=True))
        path = source / "weights.hdf5"
        whole = bytearray(path.read_bytes())
        whole[whole.index(values.tobytes()) + 1000] ^= 1
        path.write_bytes(whole)
        refuses("weights.hdf5: char_embed: can't be read")

    def test_group_in_the_place_of_a_dataset(self, change_weights, refuses):
        def change(file):
            del file["char_embed"]
            file.create_group("char_embed")

        change_weights(change)
        refuses("weights.hdf5: char_embed: not part of the model that the options describe")

    def test_null_and_scalar(self, change_weights, refuses):
        change_weights(lambda file: replace(file, "char_embed", data=h5py.Empty("f4")))
        refuses("weights.hdf5: char_embed: expected shape (261, 4), found None")
        change_weights(lambda file: replace(file, "char_embed", data=np.float32(1)))
        refuses("weights.hdf5: char_embed: expected shape (261, 4), found ()")

    @pytest.mark.parametrize(
        "kwargs",
        [
            {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (100, 3)},
            {"compression": "lzf"},
            {"chunks": (1, 1)},
            {"maxshape": (None, None)},
            {"dtype": ">f4"},
        ],
        ids=["gzip", "lzf", "chunks", "resizable", "big-endian"],
    )
    def test_other_ways_to_store_the_same_numbers_are_read(self, source, tmp_path, change_weights, kwargs):
        convert(OriginalFiles.find(source), tmp_path / "as it was")
        before = read_hdf5(source / "weights.hdf5")
        change_weights(lambda file: replace(file, "char_embed", **kwargs))
        np.testing.assert_array_equal(read_hdf5(source / "weights.hdf5")["char_embed"], before["char_embed"])
        convert(OriginalFiles.find(source), tmp_path / "elmo")
        name = "model.safetensors"
        assert (tmp_path / "elmo" / name).read_bytes() == (tmp_path / "as it was" / name).read_bytes()


@pytest.mark.parametrize("filters", [{}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}])
def test_chunks_that_are_too_short_are_not_read(tmp_path, filters):
    path = tmp_path / "file.hdf5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("values", (4096,), "float32", chunks=(4096,), **filters)
        dataset[...] = 1
        short = bytes(8)
        dataset.id.write_direct_chunk((0,), zlib.compress(short) if filters else short)
    with (
        open_hdf5(path) as file,
        pytest.raises(ElmoFormatError, match="chunks of 16384 bytes, found one of 8"),
    ):
        list(read_datasets(file, {"values": (4096,)}))


def test_a_checksum_in_the_place_of_values_is_not_read(tmp_path):
    path = tmp_path / "file.hdf5"
    with h5py.File(path, "w") as file:
        shorter = file.create_dataset("shorter", (4095,), "float32", chunks=(4095,), fletcher32=True)
        shorter[...] = 1
        _, chunk = shorter.id.read_direct_chunk((0,))
        dataset = file.create_dataset("values", (4096,), "float32", chunks=(4096,), fletcher32=True)
        dataset.id.write_direct_chunk((0,), chunk)
    with open_hdf5(path) as file, pytest.raises(ElmoFormatError, match="chunks of 16384 bytes, found one of 16380"):
        list(read_datasets(file, {"values": (4096,)}))


@pytest.mark.parametrize("attack", ["declared", "skipped"])
def test_lzf_chunks_that_are_too_short_are_not_read(tmp_path, attack):
    path = tmp_path / "file.hdf5"
    size = 4096 * 4
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("values", (4096,), "float32", chunks=(4096,), compression="lzf")
        # A run of 8 literal bytes, or the bytes themselves, marked as not compressed.
        dataset.id.write_direct_chunk((0,), b"\x07" + bytes(8), filter_mask=int(attack == "skipped"))
    if attack == "declared":
        # The last value of the filter: the size of a chunk.
        whole = path.read_bytes()
        start = whole.index(b"lzf")
        at = whole.index(size.to_bytes(4, "little"), start)
        path.write_bytes(whole[:at] + (16).to_bytes(4, "little") + whole[at + 4 :])
    with open_hdf5(path) as file, pytest.raises(ElmoFormatError, match="chunks of 16384 bytes, found"):
        list(read_datasets(file, {"values": (4096,)}))
