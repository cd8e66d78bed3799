# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Archives are unpacked whole, within bounds and within their directory."""

import io
import re
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from modeling_elmo.conversion_scripts import ElmoFormatError, archives
from modeling_elmo.conversion_scripts.archives import is_archive, unpacked


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Temporary directories are made here."""
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    return tmp_path / "work"


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def write_tar(path, members, mode="w:gz"):
    """A member is a name with its content, or a `TarInfo`."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


WRITERS = {
    "zip": write_zip,
    "stored": lambda path, members: write_zip(path, members, zipfile.ZIP_STORED),
    "tar": lambda path, members: write_tar(path, members, "w"),
    "gz": write_tar,
    "bz2": lambda path, members: write_tar(path, members, "w:bz2"),
    "xz": lambda path, members: write_tar(path, members, "w:xz"),
}


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    return lambda members: WRITERS[request.param](tmp_path / "archive", members)


def refuses(path, message, work):
    with pytest.raises(ElmoFormatError, match=rf"^archive: .*{re.escape(message)}") as error, unpacked(path):
        pass
    assert "\n" not in str(error.value)
    assert not list(work.iterdir())


def test_all_files_are_unpacked_and_gone_after_use(write, work):
    path = write([("a.txt", b"1"), ("folder/b.bin", bytes(range(256)) * 100)])
    assert is_archive(path)
    with unpacked(path) as directory:
        assert (directory / "a.txt").read_bytes() == b"1"
        assert (directory / "folder" / "b.bin").read_bytes() == bytes(range(256)) * 100
    assert not list(work.iterdir())


def test_a_tar_file_that_ends_with_a_zip_file_is_a_tar_file(tmp_path):
    inner = write_zip(tmp_path / "inner", [("x", b"1")], zipfile.ZIP_STORED).read_bytes()
    with unpacked(write_tar(tmp_path / "archive", [("a", b"1"), ("weights.th", inner)], "w")) as directory:
        assert {path.name for path in directory.iterdir()} == {"a", "weights.th"}


def test_a_single_folder_is_entered(write):
    with unpacked(write([("x/y/a.txt", b"1"), ("x/y/b.txt", b"2")])) as directory:
        assert {path.name for path in directory.iterdir()} == {"a.txt", "b.txt"}


def test_what_is_never_read_is_passed_over(write):
    names = ["fta/model.weight_file", "model.ckpt-1.meta", "__MACOSX/a", "x/._a", "training_state_epoch_1.th"]
    with unpacked(write([("a", b"1"), *((name, b"2") for name in names)])) as directory:
        assert [path.name for path in directory.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\..\\x", "C:x", "/".join("abcdefghijkl")])
def test_names_that_lead_outside_are_refused(write, work, name):
    refuses(write([("a", b"1"), (name, b"2")]), "expected a name within the archive", work)


def test_a_name_that_occurs_twice_is_refused(tmp_path, work):
    refuses(write_tar(tmp_path / "archive", [("a", b"1"), ("a", b"2")]), "can't be unpacked", work)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_passed_over(tmp_path, kind):
    path = write_tar(tmp_path / "archive", [("a", b"1"), link("b", "/etc/passwd", kind)])
    with unpacked(path) as directory:
        assert [path.name for path in directory.iterdir()] == ["a"]


def test_a_bomb_is_refused(write, work, monkeypatch):
    monkeypatch.setattr(archives, "MIN_BYTES", 10_000)
    monkeypatch.setattr(archives, "MAX_COMPRESSION", 0)
    refuses(write([("a", b"\0" * 20_000)]), "files of 10,000 bytes together, found more", work)


def test_many_members_are_refused(write, work, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    refuses(write([(str(number), b"") for number in range(4)]), "expected at most 3 files", work)


def test_every_cut_is_refused(write, work):
    path = write([("a", bytes(range(256)) * 8)])
    whole = path.read_bytes()
    for size in range(0, min(len(whole) // 2, 2000), 97):
        path.write_bytes(whole[:size])
        refuses(path, "", work)


def test_an_encrypted_or_unusual_zip_is_refused(tmp_path, work):
    refuses(write_zip(tmp_path / "archive", [("a", b"1")], zipfile.ZIP_LZMA), "packed unusually", work)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" * 100])
def test_other_files_are_none(tmp_path, content):
    path = Path(tmp_path, "file")
    path.write_bytes(content)
    assert not is_archive(path)
