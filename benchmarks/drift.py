"""How many requests until a fault is alarmed, how many alarms in a clean day, and what does looking cost?

The day after a simulated city's log ends is asked of its service in process, from midnight to midnight in the city's
rhythm. Then the service is asked from a quarter of the day on with one fault each, after a few hundred good requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

from drift_city import HOUR_US, City, make_city, null_ratings, prices_in_cents, renamed_category

from examples.city import CitySize
from predictor.drift import BATCH, EVERY
from predictor.sketch import Alarm

FAULTS = {
    "price_x100": (prices_in_cents, "item.price"),
    "renamed_category": (renamed_category, "item.category"),
    "nulls_10_percent": (null_ratings, "item.rating"),
    "clock_1h": (None, "request.time"),
}
BEFORE = 512
MOST = 2_000
STEP = EVERY * BATCH


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="of the clean day")
    parser.add_argument("--events", type=int, default=100_000, help="of the city's log")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="searchrank-") as folder:
        size = CitySize(events=options.events)
        city = City(make_city(Path(folder), size), size, options.requests)
        found = asyncio.run(_measured(city, options.requests))
    if options.json:
        print(json.dumps(found))


async def _measured(city: City, requests: int) -> dict[str, Any]:
    clean, cpu_us = await _clean(city, requests)
    print(f"clean day of {requests:,} requests: {len(clean)} alarms{''.join(f'; {words}' for words in clean)}")
    share, looking = await _share(city, cpu_us, min(requests, 4_096))
    print(f"CPU a request: {cpu_us:.0f} us of the pipeline without gRPC, {looking:.1f} us of it for drift: {share:.2%}")
    after: dict[str, int | None] = {}
    for fault in FAULTS:
        after[fault] = await _planted(city, fault, requests // 4)
    return {"alarmed_after": after, "clean_alarms": len(clean), "cpu_share": round(share, 5)}


async def _clean(city: City, requests: int) -> tuple[list[str], float]:
    """Return the words of every alarm of a clean day, and CPU microseconds a request."""
    city.renew()
    found: dict[tuple[str, str], str] = {}
    began = process_time()
    for number in range(requests):
        await city.ask(number)
        if number % STEP == STEP - 1:
            found |= {(alarm.column, alarm.kind): alarm.words for alarm in city.drift.alarms}
    city.drift.settle()
    taken = process_time() - began
    found |= {(alarm.column, alarm.kind): alarm.words for alarm in city.drift.alarms}
    return list(found.values()), taken / requests * 1e6


async def _share(city: City, cpu_us: float, requests: int) -> tuple[float, float]:
    """Return which share of a request's CPU time goes into looking, and how many microseconds that is."""
    city.renew()
    drift, spent = city.drift, [0.0, 0.0]
    saw, measure = drift.saw, drift._measure  # noqa: SLF001 - timed where they run

    def timed(place: int, work: Any) -> Any:
        def run(*parts: Any) -> None:
            began = thread_time()
            work(*parts)
            spent[place] += thread_time() - began

        return run

    drift.saw, drift._measure = timed(0, saw), timed(1, measure)  # type: ignore[method-assign]  # noqa: SLF001
    for number in range(requests):
        await city.ask(number)
    drift.settle()
    spent[0] = max(0.0, spent[0] - requests * _clock_seconds())
    looking = sum(spent) / requests * 1e6
    print(f"on the loop {spent[0] / requests * 1e6:.1f} us a request, on its thread {spent[1] / requests * 1e6:.1f} us")
    return looking / cpu_us, looking


def _clock_seconds() -> float:
    """Return what two looks at the clock seem to take, since every request is timed."""
    return min(-thread_time() + thread_time() for _ in range(1_000))


async def _planted(city: City, fault: str, first: int) -> int | None:
    """Return how many requests after a fault began its column was alarmed; None: it was not."""
    change, column = FAULTS[fault]
    city.renew()
    for number in range(first, first + BEFORE):
        await city.ask(number)
    if change is not None:
        city.with_items(change(city.items))
    skew, began, after = 0 if change else HOUR_US, perf_counter(), None
    named: list[Alarm] = []
    for number in range(MOST):
        await city.ask(first + BEFORE + number, skew_us=skew)
        if number % STEP == STEP - 1:
            city.drift.settle()
            named = [alarm for alarm in city.drift.alarms if alarm.column == column]
            if named:
                after = number + 1
                break
    others = [f"{alarm.column} ({alarm.kind})" for alarm in city.drift.alarms if alarm.column != column]
    print(f"{fault:18} alarmed after {after} requests ({perf_counter() - began:.1f} s)")
    for alarm in named:
        print(f"    {alarm.words}")
    print(f"    with it: {', '.join(others) or 'nothing else'}")
    if change is not None:
        city.with_items(None)
    return after


if __name__ == "__main__":
    main()
