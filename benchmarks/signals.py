"""How fast are statistics counted from events, and is what came piece by piece the same as all at once?

Clicks, orders and impressions of a shop, by known time. ``batch`` orders all events for every statistic, as a build of
the snapshot does; ``incremental`` does so with each of many pieces of random size, in random order, as workers do with
what the log tells them, and reads all pieces together. ``plain`` counts the same windows event by event, for some of
the questions. All three must agree at random users, items and times: the first two to the bit, and the third with both,
its integers and fixed-point sums written here once more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns, History

EVENTS: Final = 1_000_000
DAYS: Final = 14
DAY_US: Final = 86_400_000_000
MICRO: Final = 1_000_000
KINDS: Final = ("impression", "click", "order")
FEATURES: Final = """
inputs:
  item.clicks: {type: signal, count: click}
  item.clicks_1d: {type: signal, count: click, window: 1d}
  item.sold: {type: signal, sum: order, window: 7d}
  item.price_paid: {type: signal, mean: order, prior: 20, strength: 5}
  item.ctr: {type: signal, rate: click, over: impression, prior: 0.1, strength: 20, refresh: 1h}
  user.clicks_7d: {type: signal, count: click, window: 7d}
  user.spent: {type: signal, sum: order}
  user.recent: {type: list, of: item_id, limit: 20, last: click}
features:
  clicks: item.clicks * 1
"""
Values = Mapping[str, npt.NDArray[np.generic]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--pieces", type=int, default=200, help="how many pieces the events come in")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.events, options.pieces)
    print(f"{options.events:,} events, {len(statistics())} statistics, one core; events a second\n")
    for name in ("batch", "incremental"):
        print(f"{name:14}{figures[name]:>12,.0f}")
    print(f"\nlargest difference: {figures['max_difference']}; differing bytes: {figures['differing_bytes']:.0f}")
    if options.json:
        print(json.dumps({"events_per_s": figures["batch"], "max_difference": figures["max_difference"]}))


def statistics() -> list[str]:
    """Return the names of the statistics."""
    return [name for name, one in FeatureSet.parse(FEATURES).inputs.items() if one.statistic is not None]


def measure(count: int, pieces: int) -> dict[str, float]:
    """Return events a second of both ways and how far they, and a plain count, are apart."""
    features, random = FeatureSet.parse(FEATURES), np.random.default_rng(0)
    events = drawn(count, random)
    History.build(features, events.take(slice(0, 100)))  # kernels are loaded
    start = perf_counter()
    batch = History.build(features, events)
    taken = perf_counter() - start
    empty = History.build(features, events.take(slice(0, 0)))
    bounds = np.sort(np.append(random.integers(0, count, pieces - 1), [0, count]))
    start = perf_counter()
    made = {
        number: empty.part(events.take(slice(*bounds[number : number + 2]))) for number in random.permutation(pieces)
    }
    incremental = empty.extended([made[number] for number in range(pieces)])
    taken_in_pieces = perf_counter() - start
    asked = questions(events, random)
    ours, theirs = read(batch, asked), read(incremental, asked)
    differing = sum(np.count_nonzero(_bytes(ours[name]) != _bytes(theirs[name])) for name in ours)
    return {
        "batch": count / taken,
        "incremental": count / taken_in_pieces,
        "differing_bytes": float(differing),
        "max_difference": max(apart(ours, theirs), apart(ours, plain(events, asked))),
    }


def drawn(count: int, random: np.random.Generator) -> EventColumns:
    """Return events of a shop: a few items have many, and an order has a price."""
    kind = random.choice(3, count, p=[0.8, 0.17, 0.03]).astype(np.int32)
    objects = max(10, count // 50)
    return EventColumns(
        kinds=KINDS,
        kind=kind,
        known_time=np.sort(random.integers(0, DAYS * DAY_US, count)),
        user=random.integers(1, objects, count),
        item=(objects * random.random(count) ** 3).astype(np.int64) + 1,
        query=np.zeros(count, np.int64),
        value=np.where(kind == 2, random.lognormal(3, 1, count).round(2), np.nan),
    )


def questions(events: EventColumns, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return whom to ask for and when, shape ``(3, n)``: items, users and times, some of them the times of events."""
    some = random.integers(0, len(events), 20_000)
    times = events.known_time[random.integers(0, len(events), 20_000)] + random.integers(0, 2, 20_000)
    return np.stack([events.item[some], events.user[some], times])


def read(history: History, asked: npt.NDArray[np.int64]) -> Values:
    """Return every statistic at every question."""
    items, users, times = asked
    return {**history.items(items, times), **history.requests(users, np.zeros_like(users), times)}


def plain(events: EventColumns, asked: npt.NDArray[np.int64]) -> Values:
    """Count some windows again, from the events of each object one by one; NaN where it was not asked."""
    found = {
        name: np.full(asked.shape[1], np.nan) for name in ("item.clicks", "item.clicks_1d", "item.sold", "user.spent")
    }
    paid = np.where(np.isnan(events.value), 0, np.rint(np.nan_to_num(events.value) * MICRO)).astype(np.int64)
    for at, (item, user, time) in enumerate(asked[:, :300].T.tolist()):
        clicks = events.known_time[(events.item == item) & (events.kind == 1)]
        found["item.clicks"][at] = (clicks < time).sum()
        found["item.clicks_1d"][at] = ((clicks < time) & (clicks >= time - DAY_US)).sum()
        orders = (events.kind == 2) & (events.known_time < time)
        week = orders & (events.item == item) & (events.known_time >= time - 7 * DAY_US)
        found["item.sold"][at] = paid[week].sum() / MICRO
        found["user.spent"][at] = paid[orders & (events.user == user)].sum() / MICRO
    return {name: values.astype(np.float32) for name, values in found.items()}


def apart(ours: Values, theirs: Values) -> float:
    """Return the largest difference of numbers that both have."""
    largest = 0.0
    for name, values in theirs.items():
        if values.dtype.kind == "f":
            differences = np.abs(ours[name].astype(np.float64) - values.astype(np.float64))
            largest = max(largest, float(np.nanmax(differences)))
    return largest


def _bytes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1)


if __name__ == "__main__":
    main()
