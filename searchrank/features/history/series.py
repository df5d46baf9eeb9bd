"""One series: the events a statistic looks at, ordered by object, key and time, with running totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError, DefinitionError
from searchrank.features.catalogue import Catalogue
from searchrank.features.hash_table import HashTable
from searchrank.features.history.events import EventColumns
from searchrank.features.inputs import Input, Root, Statistic, StatisticKind
from searchrank.features.kernels import trace
from searchrank.features.kernels.lookup import group
from searchrank.features.kernels.statistic import MICRO
from searchrank.native import address, compiled

__all__ = ["Objects", "Series", "SeriesKey", "build_series", "statistics_of"]

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]

_MOST: Final = 9e12  # in micro-units an int64 holds it
_BLOCK: Final = 1 << 18  # items expanded at once, so that memory stays flat


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What makes two statistics share a series.

    Attributes:
        root: Whose events: user, item or query.
        event: Kind that is counted.
        over: Kind in the denominator of a rate, else empty.
        by: Item input that gives the keys of a map, else empty.
        totals: ``sums`` of values, ``hits`` of ``event`` among both kinds, ``items`` to list, or nothing.
    """

    root: Root
    event: str
    over: str
    by: str
    totals: str

    @classmethod
    def of(cls, item: Input, statistic: Statistic) -> SeriesKey:
        """Return the key of the series that a statistic reads."""
        totals = {
            StatisticKind.COUNT: "",
            StatisticKind.SUM: "sums",
            StatisticKind.MEAN: "sums",
            StatisticKind.RATE: "hits",
            StatisticKind.LAST: "items",
        }[statistic.kind]
        return cls(item.root, statistic.event, statistic.over, statistic.by, totals)

    @property
    def kept(self) -> int:
        """What a trace keeps beside times."""
        return {"": trace.NONE, "items": trace.ITEMS}.get(self.totals, trace.RUNNING)


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """The users, items or queries that have events.

    Attributes:
        table: Row of each hash; the number of objects for any other.
        count: Number of objects.
    """

    table: HashTable
    count: int

    @classmethod
    def of(cls, hashes: Ints) -> Objects:
        """Return the distinct objects of a column of events."""
        distinct = np.unique(hashes)
        distinct = distinct[distinct != 0]
        return cls(HashTable.build(distinct), len(distinct))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Events of one kind (or two), ordered by object, key and known time.

    Attributes:
        starts: First position of each object, and the end, (objects + 1,); of a map: first pair.
        times: Known time, (n,).
        totals: ``sums``: running total in micro-units, (n + 1,). ``hits``: running count of ``event`` among both
            kinds, (n + 1,). ``items``: item hashes, (n,). Else empty.
        kept: What ``totals`` is, as traces tell it.
        keys: Key of each pair of object and key, ascending within an object, (pairs,); empty without keys.
        pair_starts: First position of each pair, and the end, (pairs + 1,); empty without keys.
        keyed: Whether there are keys.
    """

    starts: Ints
    times: Ints
    totals: Ints
    kept: int
    keys: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    pair_starts: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    keyed: bool = False


def statistics_of(inputs: Iterable[Input]) -> list[tuple[Input, Statistic]]:
    """Return the inputs that are counted from events, with how."""
    return [(item, item.statistic) for item in inputs if item.statistic is not None]


def build_series(key: SeriesKey, events: EventColumns, objects: Objects, catalogue: Catalogue | None) -> Series:
    """Select, order and total the events of a series.

    Raises:
        DataError: When a value is too large to be summed exactly.
        DefinitionError: When ``by`` does not name a category, tokens or list input of items.
    """
    chosen = _choose(key, events)
    rows = objects.table.rows(getattr(events, key.root.value)[chosen]).astype(np.int32)
    if not key.by:
        order = _grouped(rows, objects.count)
        chosen = chosen[order]
        return Series(_starts(rows, objects.count), events.known_time[chosen], _totals(key, events, chosen), key.kept)
    members = _Members.of(key.by, catalogue, events.item[chosen])
    places, codes = members.expand(events.item[chosen])
    rows = rows[places]
    first = _grouped(codes, len(members.keys))
    order = first[_grouped(rows[first], objects.count)]
    chosen, rows, codes = chosen[places[order]], rows[order], codes[order]
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(rows) != 0) | (np.diff(codes) != 0)])[: len(rows)])
    return Series(
        _starts(rows[begins], objects.count),
        events.known_time[chosen],
        _totals(key, events, chosen),
        key.kept,
        keys=members.keys[codes[begins]],
        pair_starts=np.append(begins, len(rows)).astype(np.int64),
        keyed=True,
    )


def _choose(key: SeriesKey, events: EventColumns) -> Rows:
    """Return the positions of the events that a series holds."""
    wanted = np.array([*(name in {key.event, key.over} for name in events.kinds), False])[events.kind]
    wanted &= getattr(events, key.root.value) != 0
    if key.totals == "sums":
        wanted &= np.isfinite(events.value)
    if key.totals == "items" or key.by:
        wanted &= events.item != 0
    return np.flatnonzero(wanted).astype(np.int32)


def _totals(key: SeriesKey, events: EventColumns, chosen: Rows) -> Ints:
    if key.totals == "items":
        return events.item[chosen]
    if key.totals == "hits":
        hits = events.kind[chosen] == (events.kinds.index(key.event) if key.event in events.kinds else -1)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(hits, dtype=np.int64)])
    if key.totals == "sums":
        values = events.value[chosen]
        if np.abs(values).max(initial=0.0) > _MOST:
            raise DataError(f"a value of {key.event} is more than {_MOST:.0e}; use a larger unit")
        # They may wrap around: what is read are differences, exact as long as the sum of one object holds.
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.rint(values * MICRO).astype(np.int64))])
    return np.empty(0, np.int64)


def _starts(rows: Rows, groups: int) -> Ints:
    """Return where each group begins once ``rows`` are grouped, and the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=groups), dtype=np.int64)])


def _grouped(rows: Rows, groups: int) -> Rows:
    """Return the stable order by group."""
    order = np.empty(len(rows), np.int32)
    cursors = _starts(rows, groups)
    rows = np.ascontiguousarray(rows)
    compiled(group)(len(rows), address(rows), address(cursors), groups, address(order))
    return order


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """The keys of some items: of each its category, or each distinct member of its list.

    Attributes:
        catalogue: Gives items their rows.
        rows: The rows of these items, ascending, (m,).
        keys: Distinct keys, ascending, (k,).
        starts: First member of each of the items and of an unknown one, and the end, (m + 2,).
        codes: Members as positions in ``keys``, ascending within an item.
    """

    catalogue: Catalogue
    rows: Ints
    keys: Ints
    starts: Ints
    codes: Rows

    @classmethod
    def of(cls, by: str, catalogue: Catalogue | None, items: Ints) -> _Members:
        if catalogue is None:
            raise DataError(f"statistics by {by} need the catalogue")
        fields: Mapping[str, Any] = catalogue.records.dtype.fields or {}
        kind = fields.get(by)
        if kind is None or not (kind[0] == np.int64 or (kind[0].names or ())[-1:] == ("values",)):
            raise DefinitionError(f"by: {by} must be a category, tokens or list input of items")
        known = np.unique(catalogue.rows_of_hashes(items))
        known = known[known < len(catalogue)]
        cells = catalogue.records[by][known]
        if cells.dtype.names:
            inside = np.arange(cells["values"].shape[1]) < cells["count"][:, None]
            rows, values = np.nonzero(inside)[0], cells["values"][inside]
        else:
            rows, values = np.arange(len(cells)), np.ascontiguousarray(cells)
        rows, values = rows[values != 0], values[values != 0]
        keys, codes = np.unique(values, return_inverse=True)
        pairs = np.unique(rows * max(1, len(keys)) + codes)
        starts = _starts((pairs // max(1, len(keys))).astype(np.int32), len(known) + 1)
        return cls(catalogue, known, keys, starts, (pairs % max(1, len(keys))).astype(np.int32))

    def expand(self, items: Ints) -> tuple[Rows, Rows]:
        """Return, for each member of each item, the item's position and the member's code."""
        blocks = [self._expand(items[k : k + _BLOCK], k) for k in range(0, len(items), _BLOCK)]
        nothing = np.empty(0, np.int32)
        places, codes = (np.concatenate([nothing, *(block[part] for block in blocks)]) for part in (0, 1))
        return places, codes

    def _expand(self, items: Ints, offset: int) -> tuple[Rows, Rows]:
        rows = np.searchsorted(self.rows, self.catalogue.rows_of_hashes(items))
        begins = self.starts[rows]
        lengths = self.starts[rows + 1] - begins
        places = np.repeat(np.arange(len(items)), lengths)
        within = np.arange(len(places)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return (places + offset).astype(np.int32), self.codes[begins[places] + within]
