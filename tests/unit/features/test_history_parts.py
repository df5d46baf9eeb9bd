"""A history read in parts, as of an offset, from elsewhere, or for one who goes by two ids: the bits of the whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.features import FeatureSet, hash_text
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import Chains, EventColumns, History
from searchrank.features.inputs import Root
from tests.unit.features.history_oracle import FEATURES, SECOND, Event, check, random_events, table_of, write_catalogue


@pytest.fixture(scope="module")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture(scope="module")
def catalogue(feature_set, tmp_path_factory) -> Catalogue:
    return write_catalogue(tmp_path_factory.mktemp("catalogue") / "items", feature_set)


def in_parts(feature_set, catalogue, events: list[Event], cuts: list[int]) -> History:
    """Return a history of a part for each stretch between the cuts, which events of any time may lie in."""
    stretches = [events[a:b] for a, b in itertools.pairwise([0, *cuts, len(events)])]
    columns = [EventColumns.from_table(table_of(stretch)) for stretch in stretches]
    history = History.build(feature_set, columns[0], catalogue)
    return history.extended([history.part(one, catalogue) for one in columns[1:]])


@pytest.mark.parametrize("cuts", [[0], [300], [1, 2, 3], [100, 200], [20, 20, 250, 299]])
def test_a_history_in_parts_has_the_bits_of_the_whole(cuts, feature_set, catalogue):
    events = random_events(21, 300)
    check(in_parts(feature_set, catalogue, events, cuts), feature_set, events, 21)


def test_only_what_was_known_before_counts_beside_the_time(feature_set, catalogue):
    events = sorted(random_events(22, 300), key=lambda e: e.known)
    history = in_parts(feature_set, catalogue, events, [100, 250])
    users, queries = (np.array([one, 0, other]) for one, other in ((hash_text("u1"), hash_text("u2")), (5, 6)))
    times, bound = np.full(3, 60 * SECOND), 17 * SECOND
    then = History.build(
        feature_set, EventColumns.from_table(table_of([e for e in events if e.known < bound])), catalogue
    )
    for read, given in ((History.requests, (users, queries, times)), (History.items, (users, times))):
        for name, cells in read(history, *given, np.full(3, bound)).items():
            expected = read(then, *given)[name]
            for field in cells.dtype.names or (...,):  # a copy of a record has anything between its fields
                assert cells[field].tobytes() == expected[field].tobytes()
    assert (
        history.requests(users, queries, times)["user.clicks"][0]
        > then.requests(users, queries, times)["user.clicks"][0]
    )


def test_traces_kept_elsewhere_are_read_as_chains(feature_set, catalogue):
    events = random_events(23, 200)
    history = in_parts(feature_set, catalogue, events, [50, 120])
    users = np.array([hash_text(u) for u in ("u1", "u2", "never")])
    kept = [dict(part.traces[Root.USER].items()) for part in history.parts]
    chains = Chains.of([b"".join(rows.get(user, b"") for rows in kept) for user in users.tolist()])
    layout_ = feature_set.request_layout
    here, there = np.zeros(3, layout_), np.zeros(3, layout_)
    times = np.full(3, 50 * SECOND)
    history.fill(Root.USER, here, users, times)
    history.fill(Root.USER, there, users, times, chains=chains)
    assert here.tobytes() == there.tobytes()
    assert here["user.clicks"][0] > 0


@pytest.mark.parametrize("row", [b"x", b"\0" * 8, (24).to_bytes(8, "little"), (12).to_bytes(8, "little") + b"12345678"])
def test_a_damaged_chain_is_refused(row):
    with pytest.raises(DataError):
        Chains.of([row])


def test_one_who_goes_by_two_names_is_counted_under_both(feature_set, catalogue):
    events = random_events(24, 200)
    history = in_parts(feature_set, catalogue, events, [120])
    both = np.array([hash_text("u1"), hash_text("u2")])
    chains = history.chains(Root.USER, both, np.array([0, 2]))
    record = np.zeros(1, feature_set.request_layout)
    history.fill(Root.USER, record, both[:1], np.array([50 * SECOND]), chains=chains)
    alone = history.requests(both, np.zeros(2, np.int64), np.full(2, 50 * SECOND))["user.clicks"]
    assert record["user.clicks"][0] == alone.sum() > alone.max()
