from __future__ import annotations

import logging

import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.events import EventLog
from searchrank.features import hash_text
from searchrank.state.links import MAX_IDS, Links


def link(one: str, other: str) -> dict[str, str]:
    return {"kind": "link", "user_id": one, "linked_id": other}


def group(*ids: str) -> tuple[int, ...]:
    return tuple(sorted(map(hash_text, ids)))


def test_a_link_joins_all_ids_of_both_persons_from_its_offset_on(batch):
    told = [link("phone", "laptop"), {"kind": "click"}, link("tv", "watch"), link("watch", "laptop")]
    links = Links().applied(batch(told), 100)
    asked = hash_text("tv")
    assert links.ids(asked) == group("phone", "laptop", "tv", "watch")
    assert links.at(103).ids(asked) == group("tv", "watch")
    assert links.at(102).ids(asked) == (asked,)
    assert links.at(101).ids(hash_text("phone")) == group("phone", "laptop")
    assert [len(links.at(k)) for k in (100, 101, 102, 103, 104)] == [0, 1, 1, 2, 3]
    assert bool(links.at(101))
    assert not links.at(100)


def test_nobody_is_linked_to_nobody(batch):
    assert Links().applied(batch([link("a", "b")]), 0).ids(0) == (0,)


def test_a_link_told_again_changes_nothing(batch):
    links = Links().applied(batch([link("a", "b"), link("b", "a"), link("a", "b")]), 0)
    assert len(links) == 1
    assert links.ids(hash_text("a")) == group("a", "b")


def test_older_links_do_not_see_what_came_later(batch):
    first = Links().applied(batch([link("a", "b")]), 0)
    second = first.applied(batch([link("b", "c")]), 1)
    other = first.applied(batch([link("b", "d")]), 1)
    assert first.ids(hash_text("a")) == group("a", "b")
    assert second.ids(hash_text("a")) == group("a", "b", "c")
    assert other.ids(hash_text("a")) == group("a", "b", "d")


def test_a_person_has_a_limited_number_of_ids(batch, caplog):
    told = [link("p0", f"p{k}") for k in range(1, MAX_IDS + 3)]
    with caplog.at_level(logging.WARNING):
        links = Links().applied(batch(told), 7)
    assert len(links.ids(hash_text("p0"))) == MAX_IDS
    assert links.ids(hash_text(f"p{MAX_IDS}")) == (hash_text(f"p{MAX_IDS}"),)
    assert "offset 38 is not followed" in caplog.text


def test_links_are_found_in_a_log_and_read_back_from_a_file(tmp_path, batch):
    with EventLog.open(tmp_path / "log", writable=True) as log:
        log.append(batch([link("a", "b"), {"kind": "click"}]))
        log.append(batch([link("b", "c"), link("c", "d")], first=2))
    links = Links.read(EventLog.open(tmp_path / "log"), 3)
    assert (links.end, links.ids(hash_text("a"))) == (3, group("a", "b", "c"))
    links.write(tmp_path / "links.npy")
    again = Links.open(tmp_path / "links.npy")
    assert (again.end, len(again), again.ids(hash_text("c"))) == (3, 2, group("a", "b", "c"))
    assert again.at(2).ids(hash_text("c")) == (hash_text("c"),)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "links.npy").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"links\.npy is damaged"):
        Links.open(tmp_path / "links.npy")


def test_events_without_the_column_link_nobody():
    events = pa.RecordBatch.from_pylist([{"kind": "click", "user_id": "a"}])
    links = Links().applied(events, 5)
    assert (links.end, len(links)) == (6, 0)
