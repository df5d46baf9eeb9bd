import os

import pytest

from searchrank.durable import sync, sync_tree


@pytest.fixture
def flushed(monkeypatch):
    """Inodes in the order in which they were flushed."""
    found, true = [], os.fsync

    def fsync(handle):
        found.append(os.fstat(handle).st_ino)
        true(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_all_of_a_tree_is_flushed_and_its_name_last(tmp_path, flushed):
    inner = tmp_path / "snapshot" / "indexes"
    inner.mkdir(parents=True)
    (inner / "postings").write_bytes(b"1")
    (tmp_path / "snapshot" / "manifest.json").write_bytes(b"2")
    sync_tree(tmp_path / "snapshot")
    expected = {path.stat().st_ino for path in (tmp_path, *tmp_path.rglob("*"))}
    assert set(flushed) == expected
    assert flushed[-1] == tmp_path.stat().st_ino


def test_what_is_not_there_cannot_be_flushed(tmp_path):
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "nothing")
