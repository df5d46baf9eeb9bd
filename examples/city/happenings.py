"""From simulated matrices to events: one row each, with late arrivals and repeats, then the columns of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from examples.city.attraction import distance_km
from examples.city.people import DEVICES
from examples.city.places import degrees
from examples.city.size import FIRST_DAY_US

if TYPE_CHECKING:
    from examples.city.clicks import Outcome
    from examples.city.requests import Requests
    from examples.city.size import Bools, Floats, Ints
    from examples.city.world import World

__all__ = ["KINDS", "Naming", "Rows", "Seen", "event_rows", "event_table"]

Rows = npt.NDArray[np.void]

KINDS: Final = ("search", "impression", "click", "order", "cancel")
_SEARCH, _IMPRESSION, _CLICK, _ORDER, _CANCEL = range(5)

_ROW: Final = np.dtype(
    [
        ("number", "<i8"),
        ("kind", "<i8"),
        ("time", "<i8"),
        ("arrival", "<i8"),
        ("request", "<i8"),
        ("user", "<i8"),
        ("item", "<i8"),
        ("query", "<i8"),
        ("position", "<i4"),
        ("exploring", "<f4"),
        ("value", "<f8"),
        ("eta", "<f8"),
        ("km", "<f8", (2,)),
    ]
)

_LATE_SHARE: Final = 0.02
_REPEAT_SHARE: Final = 0.002
_SECOND_US: Final = 1_000_000
_HALF_MINUTE_US: Final = 30 * _SECOND_US
_SESSION_US: Final = 2 * 3600 * _SECOND_US
_KM_A_MINUTE: Final = 0.3
_WAIT_MIN: Final = 4.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the requests of a block saw and did.

    Attributes:
        requests: The requests, ``n`` of them.
        first: Number of the first request in the whole city.
        shown: Rows in ``Places``, shape ``(n, k)``, -1 padded.
        outcome: What happened to each.
    """

    requests: Requests
    first: int
    shown: Ints
    outcome: Outcome


def event_rows(rng: np.random.Generator, world: World, seen: Seen, first: int) -> Rows:
    """Return the events of a block, repeats included, in no order of time.

    Args:
        rng: Source of chance for delays, travel times and repeats.
        world: The city.
        seen: What happened.
        first: Number of the first event; ids follow from it.
    """
    outcome = seen.outcome
    order_after = outcome.click_after + outcome.order_after
    parts = [
        _searches(seen),
        _impressions(rng, world, seen),
        _actions(world, seen, _CLICK, outcome.clicked, outcome.click_after),
        _actions(world, seen, _ORDER, outcome.ordered, order_after),
        _actions(world, seen, _CANCEL, outcome.cancelled, order_after + outcome.cancel_after),
    ]
    rows = np.concatenate(parts)
    rows["number"] = first + np.arange(len(rows))
    delays = rng.integers(_SECOND_US // 20, 2 * _SECOND_US, len(seen.requests.time))
    rows["arrival"] = rows["time"] + delays[rows["request"] - seen.first]
    late = (rows["kind"] >= _CLICK) & (rng.random(len(rows)) < _LATE_SHARE)
    rows["arrival"][late] += (rng.exponential(3600 * _SECOND_US, late.sum())).astype(np.int64) + 60 * _SECOND_US
    repeats = rows[rng.random(len(rows)) < _REPEAT_SHARE]
    repeats["arrival"] += rng.integers(_SECOND_US, _HALF_MINUTE_US, len(repeats))
    return np.concatenate((rows, repeats))


def _blank(seen: Seen, at: Ints, kind: int) -> Rows:
    """Return rows of a kind for the requests ``at`` of a block, with nothing but what the request says."""
    requests = seen.requests
    rows = np.zeros(len(at), _ROW)
    rows["kind"], rows["request"], rows["time"] = kind, seen.first + at, requests.time[at]
    rows["user"], rows["query"] = requests.user[at], requests.query[at]
    rows["item"] = rows["position"] = -1
    for name in ("value", "eta", "exploring", "km"):
        rows[name] = np.nan
    return rows


def _searches(seen: Seen) -> Rows:
    rows = _blank(seen, np.arange(len(seen.requests.time)), _SEARCH)
    rows["km"], rows["exploring"] = seen.requests.km, seen.requests.exploring
    return rows


def _impressions(rng: np.random.Generator, world: World, seen: Seen) -> Rows:
    at, position = np.nonzero(seen.shown >= 0)
    rows = _blank(seen, at, _IMPRESSION)
    minutes = _WAIT_MIN + distance_km(world, seen.requests, seen.shown) / _KM_A_MINUTE
    eta = minutes * np.exp(0.15 * rng.normal(size=minutes.shape))
    rows["time"] += _SECOND_US // 20
    rows["item"], rows["position"] = seen.shown[at, position], position
    rows["eta"] = np.round(eta[at, position], 1)
    return rows


def _actions(world: World, seen: Seen, kind: int, happened: Bools, after: Ints) -> Rows:
    at, position = np.nonzero(happened)
    rows = _blank(seen, at, kind)
    rows["time"] += after[at, position]
    rows["item"], rows["position"] = seen.shown[at, position], position
    rows["value"] = world.places.price[rows["item"]]
    return rows


@dataclass(frozen=True, slots=True)
class Naming:
    """What rows stand for: strings as Arrow arrays to take from, and times.

    Attributes:
        world: The city.
        items: Its item ids.
        users: Its user ids.
        later: Microseconds that are added to all times.
    """

    world: World
    items: pa.Array
    users: pa.Array
    later: int

    @classmethod
    def of(cls, world: World, later: int) -> Naming:
        """Name a city's places and people."""
        return cls(world, world.places.ids, world.people.ids, later)


def event_table(rows: Rows, naming: Naming) -> pa.Table:
    """Return rows as the log's columns, in the order given."""
    user = pa.array(rows["user"])
    search = rows["kind"] == _SEARCH
    session = (rows["time"] - FIRST_DAY_US) // _SESSION_US
    devices = pa.array(DEVICES).take(pa.array(naming.world.people.device[rows["user"]], mask=~search))
    return pa.table(
        {
            "event_id": _numbered("e", rows["number"]),
            "kind": pa.array(KINDS).take(pa.array(rows["kind"])),
            "event_time": pa.array(rows["time"] + naming.later, pa.timestamp("us", "UTC")),
            "arrival_time": pa.array(rows["arrival"] + naming.later, pa.timestamp("us", "UTC")),
            "request_id": _numbered("r", rows["request"]),
            "user_id": naming.users.take(user),
            "session_id": pc.binary_join_element_wise(
                naming.users.take(user), pa.array(session).cast(pa.string()), "-"
            ),
            "item_id": naming.items.take(pa.array(rows["item"], mask=rows["item"] < 0)),
            "query": naming.world.queries.texts.take(pa.array(rows["query"])),
            "surface": pa.array(["places"]).take(pa.array(np.zeros(len(rows), np.int64))),
            "position": pa.array(rows["position"], mask=rows["position"] < 0),
            "value": _number(rows["value"]),
            "request.location": _points(rows["km"], search),
            "request.device": devices,
            "request.exploration": _number(rows["exploring"].astype(np.float64)),
            "candidate.eta_min": _number(rows["eta"]),
        }
    )


def _numbered(letter: str, numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise(letter, pa.array(numbers).cast(pa.string()), "")


def _number(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _points(km: Floats, present: Bools) -> Any:
    """Return points where ``present``, null elsewhere."""
    index = pa.array(np.maximum(np.cumsum(present) - 1, 0), mask=~present)
    return degrees(np.ascontiguousarray(km[present])).take(index)
