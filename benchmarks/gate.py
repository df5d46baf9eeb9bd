"""Whether the gate finds a planted loss in one small slice, and lets pass what differs by chance alone.

A champion and a retrained candidate rank the same simulated queries: both see the items' true worth through noise, most
of it the same. In a noise trial that is all. In a planted trial the candidate ranks some queries of one slice worse, so
many that the slice's NDCG@10 falls by the given share in expectation. Slices: 15 categories that part the queries, and
new users, tail queries, nights and the like that overlap them, 5 % to 30 % each.

How much two rankings share is taken from LightGBM: two forests of the simulated city that differ by their seed have a
median correlation of 0.97 within a list, and their NDCG@10 differs by 0.14 (standard deviation) from list to list.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt

from trainer.evaluation import ALPHA, Ranking, Slice, by_slice, ndcg, regressions

Floats = npt.NDArray[np.float64]

ROWS: Final = 12
PLANTED: Final = "new_users"
SHARES: Final = {PLANTED: 0.05, "tail_queries": 0.3, "nights": 0.1, "tablets": 0.05, "far_away": 0.2}
_CATEGORIES: Final = 15
_SHARED: Final = 0.97  # correlation of the scores of both rankings within a list


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Queries and what rankings can see of them.

    Attributes:
        labels: Shape (q, ROWS).
        seen: The worth of the items through the noise that all rankings share, shape (q, ROWS).
        members: Slices.
    """

    labels: Floats
    seen: Floats
    members: dict[str, npt.NDArray[np.bool_]]

    @classmethod
    def of(cls, queries: int, seed: int = 1) -> World:
        """Draw queries, each with something relevant."""
        generator = np.random.default_rng(seed)
        worth = generator.normal(size=(queries, ROWS))
        labels = (worth + generator.normal(size=worth.shape) > 1.6).astype(np.float64)
        labels[np.arange(queries), worth.argmax(1)] = 1.0 + (generator.random(queries) < 0.2)
        category = generator.integers(0, _CATEGORIES, queries)
        members = {name: generator.random(queries) < share for name, share in SHARES.items()}
        members |= {f"category_{k}": category == k for k in range(_CATEGORIES)}
        return cls(labels, worth + generator.normal(size=worth.shape), members)

    def trained(self, seed: int) -> Floats:
        """Return NDCG@10 of one more ranking, as good as all the others, shape (q,)."""
        noise = np.random.default_rng([2, seed]).normal(size=self.seen.shape) * self.seen.std()
        return measured(_SHARED * self.seen + np.sqrt(1 - _SHARED**2) * noise, self.labels)

    def planted(self, loss: float, even: Floats, seed: int) -> Floats:
        """Return its NDCG@10 when so many queries of the slice are ranked at random that it loses so much of it."""
        generator, inside = np.random.default_rng([3, seed]), self.members[PLANTED]
        at_random = measured(generator.normal(size=(inside.sum(), ROWS)), self.labels[inside])
        share = loss * even.mean() / (even.mean() - at_random.mean())
        fallen = even.copy()
        fallen[inside] = np.where(generator.random(len(at_random)) < share, at_random, even[inside])
        return fallen


def measured(scores: Floats, labels: Floats) -> Floats:
    """Return NDCG@10 of each list, shape (q,)."""
    return ndcg(Ranking.of(scores.ravel(), labels.ravel(), np.full(len(labels), ROWS)), 10)


def main() -> None:
    """Run both kinds of trials, print what came of them and, if asked, a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--trials", type=int, default=100, help="of each kind")
    parser.add_argument("--loss", type=float, default=0.02, help="share of the slice's NDCG@10 that is planted")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    world = World.of(options.queries)
    found = trials(world, options.trials, options.loss)
    one = found.last
    print(f"{options.queries:,} queries, {len(world.members)} slices and all, alpha {ALPHA} after Holm")
    print(f"noise alone passed {found.passed} of {options.trials}")
    print(
        f"{options.loss:.0%} planted in {PLANTED} ({one.queries:,} queries): blocked {found.blocked}, "
        f"named {found.named}"
    )
    print(f"the last: {one.theirs:.4f} to {one.ours:.4f}, p {one.p:.1e}, after Holm {one.p_holm:.1e}")
    print(
        f"loss found there in four of five trials: {one.detectable:.4f}, {one.detectable / one.theirs:.1%} of NDCG@10"
    )
    print(f"a verdict takes {found.verdict_ms:.0f} ms")
    if options.json:
        figures = {"queries": options.queries, "slices": len(world.members) + 1, "trials": options.trials}
        figures |= {"noise_passed": found.passed, "planted_blocked": found.blocked, "planted_named": found.named}
        print(json.dumps(figures | {"minimum_detectable": one.detectable, "verdict_ms": found.verdict_ms}))


@dataclass(frozen=True, slots=True)
class Trials:
    """How trials of both kinds ended.

    Attributes:
        passed: Noise trials in which nothing was refused.
        blocked: Planted trials in which something was refused.
        named: Planted trials in which the slice was among what was named.
        last: The slice in the last planted trial.
        verdict_ms: Median milliseconds of a verdict.
    """

    passed: int
    blocked: int
    named: int
    last: Slice
    verdict_ms: float


def trials(world: World, count: int, loss: float) -> Trials:
    """Run trials of both kinds: each ranking against the one before it as the champion."""
    champion, ends, times = world.trained(0), [], []
    last = by_slice({}, champion, champion)[0]
    for seed in range(1, count + 1):
        candidate = world.trained(seed)
        began = perf_counter()
        noise = by_slice(world.members, candidate, champion)
        times.append(perf_counter() - began)
        planted = by_slice(world.members, world.planted(loss, candidate, seed), champion)
        worse = [one.name for one in regressions(planted)]
        ends.append((not regressions(noise), bool(worse), PLANTED in worse))
        champion, last = candidate, next(one for one in planted if one.name == PLANTED)
    passed, blocked, named = np.sum(ends, axis=0).tolist()
    return Trials(passed, blocked, named, last, 1000 * float(np.median(times)))


if __name__ == "__main__":
    main()
