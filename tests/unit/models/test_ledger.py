from __future__ import annotations

import json
import logging
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from searchrank.errors import ConflictError, DataError, NotFoundError
from searchrank.models import Ledger, Manifest
from searchrank.models.ledger import Entry
from searchrank.models.manifest import MANIFEST
from searchrank.models.storage import exclusive


def _release(root: Path, name: str = "city", version: int = 1) -> Path:
    manifest = Manifest(
        name=name, version=version, created="2026-01-01", scorer="linear", columns=("a",), fingerprints={}
    )
    folder = root / "releases" / name / manifest.folder
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(manifest.to_text())
    return folder


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl")


def test_nothing_is_live_before_the_first_promotion(ledger):
    assert (ledger.live("city"), ledger.entries(), ledger.stamp()) == (None, (), (0, 0, 0))


def test_what_was_promoted_last_is_live(ledger, tmp_path):
    first, second = _release(tmp_path), _release(tmp_path, version=2)
    one = ledger.promote(first, author="ann")
    two = ledger.promote(second)
    assert ledger.live("city") == two
    assert (two.version, two.previous, one.previous, one.author) == (2, one.digest, None, "ann")
    assert ledger.folder(two) == second
    assert not Path(two.folder).is_absolute()


def test_models_are_told_apart(ledger, tmp_path):
    city = ledger.promote(_release(tmp_path))
    movies = ledger.promote(_release(tmp_path, "movies"))
    assert (ledger.live("city"), ledger.live("movies"), ledger.live("shops")) == (city, movies, None)
    assert ledger.entries("movies") == (movies,)
    assert movies.previous is None


def test_promoting_what_is_live_changes_nothing(ledger, tmp_path):
    folder = _release(tmp_path)
    entry = ledger.promote(folder)
    stamp = ledger.stamp()
    assert ledger.promote(folder) == entry
    assert ledger.stamp() == stamp


def test_each_rollback_goes_one_further_back(ledger, tmp_path):
    digests = [ledger.promote(_release(tmp_path, version=v)).digest for v in (1, 2, 3)]
    assert ledger.rollback("city", author="bob").digest == digests[1]
    entry = ledger.rollback("city")
    assert (entry.digest, entry.action, entry.previous) == (digests[0], "rollback", digests[1])
    with pytest.raises(NotFoundError, match="before version 1"):
        ledger.rollback("city")
    assert ledger.live("city") == entry


def test_a_promotion_after_a_rollback_goes_back_to_what_was_live(ledger, tmp_path):
    folders = [_release(tmp_path, version=v) for v in (1, 2, 3)]
    first = ledger.promote(folders[0])
    ledger.promote(folders[1])
    ledger.rollback("city")
    ledger.promote(folders[2])
    assert ledger.rollback("city").digest == first.digest


def test_a_rollback_without_history_is_refused(ledger):
    with pytest.raises(NotFoundError, match="nothing was live"):
        ledger.rollback("city")


def test_what_was_live_when_is_answered(ledger, tmp_path):
    start = datetime.now(UTC)
    one = ledger.promote(_release(tmp_path))
    two = ledger.promote(_release(tmp_path, version=2))
    assert ledger.at("city", start - timedelta(seconds=1)) is None
    assert ledger.at("city", one.time) == one
    assert ledger.at("city", two.time + timedelta(days=1)) == two


def test_a_folder_without_a_release_cannot_be_promoted(ledger, tmp_path):
    with pytest.raises(NotFoundError, match="no release"):
        ledger.promote(tmp_path)
    assert ledger.entries() == ()


def test_every_entry_reads_back_as_it_was_written(ledger, tmp_path):
    entry = ledger.promote(_release(tmp_path), author="安")
    assert ledger.entries() == (entry,)
    assert Entry.from_line(entry.to_line()) == entry


def test_every_write_changes_the_stamp(ledger, tmp_path):
    stamps = [ledger.stamp()]
    for version in (1, 2):
        ledger.promote(_release(tmp_path, version=version))
        stamps.append(ledger.stamp())
    ledger.rollback("city")
    assert len({*stamps, ledger.stamp()}) == 4


def test_a_torn_last_line_is_passed_over_and_mended_by_the_next_write(ledger, tmp_path, caplog):
    one = ledger.promote(_release(tmp_path))
    with ledger.path.open("a") as file:
        file.write('{"time": "2026-01-01T00:00')
    with caplog.at_level(logging.WARNING):
        assert ledger.live("city") == one
    assert "torn line" in caplog.text
    two = ledger.promote(_release(tmp_path, version=2))
    assert Ledger(ledger.path).entries() == (one, two)
    assert [json.loads(line)["version"] for line in ledger.path.read_text().splitlines()] == [1, 2]


@pytest.mark.parametrize("line", ["{}", "nonsense", "[]", '{"time": "yesterday"}', '{"time": 3}', "\udcff"])
def test_a_damaged_whole_line_is_named(ledger, tmp_path, line):
    ledger.promote(_release(tmp_path))
    with ledger.path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(DataError, match="jsonl:2 cannot be read"):
        ledger.entries()


def test_time_never_runs_backwards(ledger, tmp_path):
    one = ledger.promote(_release(tmp_path))
    ahead = Entry.from_line(one.to_line().replace(one.time.isoformat(), "2999-01-01T00:00:00+00:00"))
    ledger.path.write_text(ahead.to_line())
    assert ledger.promote(_release(tmp_path, version=2)).time == ahead.time


def test_a_writer_that_finds_the_lock_held_gives_up(tmp_path):
    def hold():
        with exclusive(tmp_path / "lock", patience=0.0):
            pass

    with exclusive(tmp_path / "lock"), pytest.raises(ConflictError, match="another process"):
        hold()
    hold()


def _promote_all(path: str, folders: list[str]) -> None:
    for folder in folders:
        Ledger(Path(path)).promote(Path(folder))


@pytest.mark.slow
def test_writers_in_several_processes_lose_nothing(ledger, tmp_path):
    names = [[str(_release(tmp_path, f"m{p}", v)) for v in range(1, 11)] for p in range(3)]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_promote_all, args=(str(ledger.path), part)) for part in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    for p in range(3):
        assert [e.version for e in ledger.entries(f"m{p}")] == list(range(1, 11))


def test_an_author_may_hold_any_character_that_ends_a_line_elsewhere(ledger, tmp_path):
    entry = ledger.promote(_release(tmp_path), author="a\u2028b\x85c\x1cd\r\ne")
    assert ledger.entries() == (entry,)


def test_a_ledger_that_was_put_in_place_of_another_is_read_anew(ledger, tmp_path):
    for version in (1, 2, 3):
        ledger.promote(_release(tmp_path, version=version))
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(lines[2] + lines[1])
    assert [entry.version for entry in ledger.entries()] == [3, 2]
    ledger.path.unlink()
    assert ledger.entries() == ()
