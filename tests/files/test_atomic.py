# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The output directory appears whole or not at all, and nothing that was there is lost."""

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from modeling_elmo.files.atomic import exclusive_lock, new_directory, new_file
from modeling_elmo.files.errors import ElmoFormatError
from tests.conversion_scripts.conftest import contents


def write(path, text="new", meanwhile=lambda target: None, **kwargs):
    with new_directory(path, **kwargs) as target:
        assert target.parent.parent == Path(os.path.realpath(path)).parent, "not a sibling: renaming it would copy it"
        (target / "file").write_text(text)
        meanwhile(target)


def files(directory):
    return {path.name: path.read_text() for path in directory.iterdir()}


class TestNewFile:
    def test_replaces_a_file_and_keeps_a_link_to_it(self, tmp_path):
        (tmp_path / "file").write_text("old")
        (tmp_path / "link").symlink_to("file")
        with new_file(tmp_path / "link") as temporary:
            temporary.write_text("new")
            assert (tmp_path / "file").read_text() == "old"
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").read_text() == "new"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]

    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
    def test_leaves_nothing_and_keeps_the_old_after_an_error(self, tmp_path, error):
        def write_half():
            with new_file(tmp_path / "file") as temporary:
                temporary.write_text("half")
                raise error

        (tmp_path / "file").write_text("old")
        with pytest.raises(type(error)):
            write_half()
        assert files(tmp_path) == {"file": "old"}

    def test_two_writers_do_not_meet(self, tmp_path):
        with new_file(tmp_path / "file") as first, new_file(tmp_path / "file") as second:
            first.write_text("first")
            second.write_text("second")
        assert files(tmp_path) == {"file": "first"}

    def test_has_the_usual_permissions_and_replaces_no_directory(self, tmp_path):
        (tmp_path / "usual").write_text("")
        with new_file(tmp_path / "file") as temporary:
            temporary.write_text("")
        assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode
        (tmp_path / "out").mkdir()

        def write_over_a_directory():
            with new_file(tmp_path / "out") as temporary:
                temporary.write_text("")

        with pytest.raises(IsADirectoryError):
            write_over_a_directory()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out", "usual"]


def test_a_lock_has_one_holder_and_leaves_no_file(tmp_path):
    def hold(then=lambda: None):
        with exclusive_lock(tmp_path / "lock", tmp_path / "out"):
            then()

    for _ in range(2):
        with pytest.raises(ValueError, match="out: another run is writing to it"):
            hold(hold)
        assert contents(tmp_path) == []
    hold()


class TestNewDirectory:
    @pytest.mark.parametrize(
        "name", ["out", "a b  c", "naïve-日本語-🙂", "-out", "x" * 255, ".hidden", "a/b/c", "out.old"]
    )
    def test_is_made_with_its_parents(self, tmp_path, name):
        write(tmp_path / name)
        assert files(tmp_path / name) == {"file": "new"}
        assert [path.name for path in tmp_path.iterdir()] == [Path(name).parts[0]]

    def test_name_with_a_slash_at_the_end_or_relative(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        write(Path("out/"))
        write(Path("a/../b/./c"))
        assert files(tmp_path / "out") == files(tmp_path / "b" / "c") == {"file": "new"}

    def test_is_not_there_before_it_is_complete(self, tmp_path):
        with new_directory(tmp_path / "out") as target:
            assert target.is_dir()
            assert not (tmp_path / "out").exists()

    def test_has_the_usual_permissions(self, tmp_path):
        (tmp_path / "usual").mkdir()
        write(tmp_path / "out")
        assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)

    def test_may_exist_when_empty(self, tmp_path):
        (tmp_path / "out").mkdir()
        write(tmp_path / "out")
        assert files(tmp_path / "out") == {"file": "new"}
        assert contents(tmp_path) == [tmp_path / "out", tmp_path / "out" / "file"]

    def test_link_to_a_directory_stays_a_link(self, tmp_path):
        (tmp_path / "disk").mkdir()
        (tmp_path / "out").symlink_to("disk", target_is_directory=True)
        write(tmp_path / "out")
        write(tmp_path / "out", "newer", force=True)
        assert (tmp_path / "out").is_symlink()
        assert files(tmp_path / "disk") == {"file": "newer"}

    def test_link_to_nothing_makes_what_it_points_to(self, tmp_path):
        (tmp_path / "out").symlink_to("disk/later", target_is_directory=True)
        write(tmp_path / "out")
        assert files(tmp_path / "disk" / "later") == {"file": "new"}


class TestRefused:
    @pytest.fixture(autouse=True)
    def _nothing_changes(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").write_text("old")
        before = {path: path.lstat().st_ino for path in contents(tmp_path)}
        yield
        assert {path: path.lstat().st_ino for path in contents(tmp_path)} == before

    def refuses(self, path, message, error=ElmoFormatError, **kwargs):
        with pytest.raises(error, match=message), new_directory(path, **kwargs):
            pytest.fail("refused too late")

    def test_not_empty(self, tmp_path):
        self.refuses(tmp_path / "out", "out: this directory is not empty; --force replaces it")

    @pytest.mark.parametrize("force", [False, True])
    def test_file(self, tmp_path, force):
        self.refuses(tmp_path / "out" / "old", "old: expected a directory to write to, found a file", force=force)

    def test_below_a_file(self, tmp_path):
        self.refuses(tmp_path / "out" / "old" / "x" / "y", "old", OSError)

    def test_source_within(self, tmp_path):
        path, source = tmp_path / "out", tmp_path / "out" / "old"
        self.refuses(path, "out: can't be replaced, because old is read from it", force=True, sources=[source])

    def test_source_is_the_directory_itself(self, tmp_path):
        self.refuses(tmp_path / "out", "because out is read from it", force=True, sources=[tmp_path / "x/../out"])

    def test_working_directory(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path / "out")
        self.refuses(Path(), "this is the working directory", force=True)

    def test_mount_point(self, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(os.path, "ismount", lambda path: str(path).endswith("out"))
            self.refuses(tmp_path / "out", "out: this is a mount point", force=True)

    def test_root(self):
        self.refuses(Path("/"), "/: this directory is not empty")


class TestRefusedLinks:
    def test_source_that_is_a_link_in_the_directory(self, tmp_path):
        (tmp_path / "blob").write_text("weights")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "weights").symlink_to(tmp_path / "blob")
        (tmp_path / "alias").symlink_to("out")
        for source in (tmp_path / "out" / "weights", tmp_path / "alias" / "weights"):
            with pytest.raises(ElmoFormatError, match="because weights is read from it"):
                write(tmp_path / "out", force=True, sources=[source])
        assert (tmp_path / "out" / "weights").is_symlink()

    def test_source_reached_by_a_link_from_elsewhere(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "weights").write_text("weights")
        (tmp_path / "alias").symlink_to("out/weights")
        with pytest.raises(ElmoFormatError, match="because alias is read from it"):
            write(tmp_path / "out", force=True, sources=[tmp_path / "alias"])

    def test_link_to_itself(self, tmp_path):
        (tmp_path / "out").symlink_to("out")
        with pytest.raises(OSError, match="symbolic link|exists|directory"):
            write(tmp_path / "out" / "x")
        assert contents(tmp_path) == [tmp_path / "out"]


class TestForce:
    @pytest.fixture(autouse=True)
    def old(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").write_text("old")

    def test_replaces_the_files(self, tmp_path):
        write(tmp_path / "out", force=True)
        assert contents(tmp_path) == [tmp_path / "out", tmp_path / "out" / "file"]

    def test_does_not_delete_other_directories(self, tmp_path):
        (tmp_path / "out" / ".git").mkdir()
        with pytest.raises(ElmoFormatError, match="can't be replaced, because it holds another directory, .git"):
            write(tmp_path / "out", force=True)
        assert (tmp_path / "out" / ".git").is_dir()

    def test_deletes_a_link_but_not_what_it_points_to(self, tmp_path):
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept" / "file").write_text("kept")
        (tmp_path / "out" / "link").symlink_to("../kept")
        write(tmp_path / "out", force=True)
        assert files(tmp_path / "kept") == {"file": "kept"}
        assert files(tmp_path / "out") == {"file": "new"}

    @pytest.mark.parametrize("error", [OSError(errno.EIO, "disk"), KeyboardInterrupt()])
    @pytest.mark.parametrize("after", [False, True])
    def test_restores_the_old_when_the_last_rename_fails(self, tmp_path, monkeypatch, error, after):
        replace = Path.replace

        def fail(self, target):
            if self.name == "new" or after:
                monkeypatch.undo()
                if after:
                    replace(self, target)
                raise error
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(type(error)):
            write(tmp_path / "out", force=True)
        assert contents(tmp_path) == [tmp_path / "out", tmp_path / "out" / "old"]

    def test_interrupt_right_after_the_last_rename_leaves_the_new(self, tmp_path, monkeypatch):
        replace = Path.replace

        def fail(self, target):
            replace(self, target)
            if self.name == "new":
                raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "out", force=True)
        assert contents(tmp_path) == [tmp_path / "out", tmp_path / "out" / "file"]

    def test_old_is_never_deleted_when_it_can_not_be_restored(self, tmp_path, monkeypatch):
        replace = Path.replace

        def fail(self, target):
            if self.name == "out":
                return replace(self, target)
            raise OSError(errno.EIO, "disk")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk"):
            write(tmp_path / "out", force=True)
        (aside,) = tmp_path.iterdir()
        assert files(aside) == {"old": "old"}


class TestErrorWithin:
    @pytest.mark.parametrize("error", [ValueError(), OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), SystemExit(1)])
    @pytest.mark.parametrize("path", ["out", "a/b/out"])
    def test_leaves_nothing_not_even_parents(self, tmp_path, error, path):
        def fail(target):
            raise error

        with pytest.raises(type(error)):
            write(tmp_path / path, meanwhile=fail)
        assert contents(tmp_path) == []

    def test_keeps_parents_that_were_there_or_are_used_by_now(self, tmp_path):
        (tmp_path / "a").mkdir()

        def fail(target):
            (tmp_path / "a/b/other").write_text("by someone else")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            write(tmp_path / "a/b/c/out", meanwhile=fail)
        assert contents(tmp_path) == [tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/other"]

    def test_keeps_the_old(self, tmp_path):
        def fail(target):
            raise RuntimeError

        write(tmp_path / "out", "old")
        with pytest.raises(RuntimeError):
            write(tmp_path / "out", force=True, meanwhile=fail)
        assert contents(tmp_path) == [tmp_path / "out", tmp_path / "out" / "file"]
        assert files(tmp_path / "out") == {"file": "old"}

    def test_what_came_in_the_way_meanwhile_is_kept(self, tmp_path):
        with pytest.raises(ElmoFormatError, match="not empty"):
            write(tmp_path / "out", meanwhile=lambda target: write(tmp_path / "out", "theirs"))
        assert files(tmp_path / "out") == {"file": "theirs"}
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_failing_to_make_the_temporary_directory_takes_parents_away(self, tmp_path, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr("tempfile.mkdtemp", fail)
        with pytest.raises(OSError, match="No space left on device"):
            write(tmp_path / "a/b/out")
        assert contents(tmp_path) == []

    def test_name_too_long_takes_parents_away(self, tmp_path):
        with pytest.raises(OSError, match="too long"):
            write(tmp_path / "a" / ("x" * 256))
        assert contents(tmp_path) == []

    def test_temporary_directory_that_vanished(self, tmp_path):
        with pytest.raises(OSError, match="No such file"):
            write(tmp_path / "a" / "out", meanwhile=lambda target: shutil.rmtree(target.parent))
        assert contents(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_parent_that_may_not_be_written_to(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        write(tmp_path / "closed" / "a" / "out")
    assert contents(tmp_path) == [tmp_path / "closed"]


@pytest.mark.parametrize("make", [new_file, new_directory])
def test_an_error_of_writing_names_the_output(tmp_path, make):
    with pytest.raises(OSError, match=r"No space left on device: '.*out'$"), make(tmp_path / "out"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match="Input/output error$"), make(tmp_path / "out"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert list(tmp_path.iterdir()) == []
