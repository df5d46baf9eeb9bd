"""Is fusion that was learnt better than reciprocal rank on a city whose truth is known?

People of a simulated city search on the day after the log ends, and every branch of ``branches.py`` is asked. Each
candidate is relevant or not by a draw with the probability that this person would click it, looking at it. Half of
the requests teach the weights, the other half judge them; nobody's list is in both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import uvloop
from branches import configured
from branches_city import asked_of, day_of, make_city
from fusion_table import compare
from loop_city import Day

from predictor.serving import Serving
from predictor.surface import ServedSurface
from recall import Query
from recall.collection.run import retrieve_all
from recall.fusion.file import fusion_text
from trainer.fusion.fitting import JudgedList, fit_fusion

PLACES: Final = 20_000
REQUESTS: Final = 2_000
DEPTH: Final = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--home", type=Path, help="where the city is, or is put to be used again")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(make_city(options.home or Path(folder), options.places, configured()))
        serving.load()
        figures = uvloop.run(measure(serving.surface("places"), options.requests))
        serving.close()
    if options.json:
        print(json.dumps(figures))


async def measure(surface: ServedSurface, count: int) -> dict[str, float]:
    """Learn from every other request, judge by the rest, print and return the figures."""
    day = day_of(surface, count)
    _, queries = await asked_of(surface, day)
    lists = [_judged(surface, day, number, query) for number, query in enumerate(queries)]
    fitted = fit_fusion(lists[::2], surface.recaller.fusion.k)
    print(
        f"{len(surface.snapshot.catalogue):,} places; learnt from {len(lists[::2]):,} requests\n"
        f"{fusion_text(fitted.fusion)}"
    )
    has_words = np.array([bool(query.text) for query in queries[1::2]])
    is_known = np.array([_knows(query) for query in queries[1::2]])
    members: dict[str, npt.NDArray[np.bool_]] = {
        "with words": has_words,
        "without words": ~has_words,
        "known people": is_known,
        "new people": ~is_known,
    }
    return compare(lists[1::2], fitted.fusion, {name: who for name, who in members.items() if who.any()}, DEPTH)


def _judged(surface: ServedSurface, day: Day, number: int, query: Query) -> JudgedList:
    """Return all candidates of a request, and which of them this person would click."""
    found = retrieve_all(surface.recaller, query, DEPTH).recalled
    truth = day.attraction(number, surface.snapshot.catalogue.ids.take(found.rows).to_pylist())
    clicked = np.random.default_rng(number).random(len(truth)) < truth
    return JudgedList(found, dict.fromkeys(found.rows[clicked].tolist(), 1))


def _knows(query: Query) -> bool:
    """Whether a request lists items that the person dealt with."""
    return any(len(rows) for rows in query.lists.values())


if __name__ == "__main__":
    main()
