# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced at once."""

from __future__ import annotations

import os

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files


def test_a_reader_keeps_the_old_file_and_the_next_one_finds_the_new(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with path.open() as reader:
        files.replace(str(path), b"new", 0o640, os.getuid(), os.getgid(), mtime=5)
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert (path.stat().st_mode & 0o7777, path.stat().st_mtime_ns) == (0o640, 5)
    assert os.listdir(tmp_path) == ["a"]


def test_what_a_killed_run_has_left_is_taken_over_and_links_are_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / ".a.cloudnet").symlink_to(victim)
    (tmp_path / "a").symlink_to(victim)
    files.replace(str(tmp_path / "a"), b"new", 0o644, os.getuid(), os.getgid())
    assert victim.read_text() == "untouched"
    assert (tmp_path / "a").read_text() == "new"
    assert not (tmp_path / "a").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["a", "victim"]


def test_nothing_is_left_of_a_replacement_that_fails(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        files.replace(str(tmp_path / "a"), b"new", 0o644, os.getuid(), os.getgid())
    assert os.listdir(tmp_path) == ["a"]
