import os
import threading

import pytest

from searchrank import durable
from searchrank.durable import replace_folder, sync, sync_tree


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


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_takes_the_place_of_another_whole(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(durable, "_exchanged", lambda _one, _other: False)
    target, fresh = tmp_path / "index", tmp_path / ".index.new"
    for round_ in ("old", "new"):
        fresh.mkdir()
        (fresh / round_).write_text(round_)
        replace_folder(fresh, target)
        assert [path.name for path in target.iterdir()] == [round_]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_whoever_looks_while_folders_are_replaced_always_finds_one(tmp_path):
    target, stop, misses = tmp_path / "index", threading.Event(), []

    def look():
        while not stop.is_set():
            if not (target / "whole").is_file():
                misses.append(1)

    (target / "").mkdir()
    (target / "whole").touch()
    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(200):
        fresh = tmp_path / f".{number}"
        fresh.mkdir()
        (fresh / "whole").touch()
        replace_folder(fresh, target)
    stop.set()
    watcher.join()
    assert not misses
