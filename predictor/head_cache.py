"""Scores of requests that are asked again and again, kept by a digest of everything that they were computed from.

The key is what scoring reads, value by value, not where it came from. Whatever changes a score (a click, a put item, a
user's profile, an arm) changes the key, so nothing is ever thrown away because it is old, and a hit has the bits that
scoring would give.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
import xxhash

from predictor.scoring import Scored
from predictor.stages import name_shortfall, score
from searchrank.features import Evaluator, Scope
from searchrank.features.node import InputNode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from predictor.gathering import Pool
    from predictor.journey import Journey
    from predictor.ladder import Effort
    from predictor.stages import Asked
    from predictor.surface import ServedSurface
    from searchrank.features import Plan
    from searchrank.features.node import Node

__all__ = ["HeadCache", "Reads", "cached_score"]

HIT: Final = "hit"
MISS: Final = "miss"
_NOT_PUT: Final = -1  # no candidate's item was put since the snapshot

Key = tuple[bytes, float, int]  # a digest, the share of candidates that are scored, the trees that are used


@dataclass(frozen=True, slots=True)
class Reads:
    """What the columns of a plan read of a candidate's pair beside the item: bytes of two kinds of records.

    Values of the request alone that are computed first, such as the hour of its time, are read as computed.

    Attributes:
        request: (start, stop) of the bytes of a request record that are read as they are.
        candidate: The same of a candidate record.
    """

    request: tuple[tuple[int, int], ...]
    candidate: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Find out what a plan reads, models whose scores it reads included."""
        names: dict[Scope, set[str]] = {scope: set() for scope in Scope}
        waiting: list[Node] = list(plan.nodes)
        seen = set[str]()
        while waiting:
            node = waiting.pop()
            if node.key in seen:
                continue
            seen.add(node.key)
            if isinstance(node, InputNode):
                names[node.scope].add(node.input.name)
            elif node.scope is Scope.CANDIDATE:
                waiting.extend(node.operands)
        sets = plan.feature_set
        return cls(
            _bytes(sets.request_layout, names[Scope.REQUEST]), _bytes(sets.candidate_layout, names[Scope.CANDIDATE])
        )


def _bytes(layout: Any, names: set[str]) -> tuple[tuple[int, int], ...]:
    """Return where fields lie in a record, neighbours as one."""
    found: list[tuple[int, int]] = []
    for start, size in sorted((layout.fields[name][1], layout.fields[name][0].itemsize) for name in names):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], start + size)
        else:
            found.append((start, start + size))
    return tuple(found)


class HeadCache:
    """The scores that one release, or blend, gave over one snapshot; the ones asked for longest ago go first.

    Used on the event loop alone. An entry takes 8 bytes a candidate and about 500 more.
    """

    def __init__(self, plan: Plan, entries: int, count: Callable[[str], object] = lambda _: None) -> None:
        """Begin with nothing.

        Args:
            plan: Computes what is scored.
            entries: Most answers that are kept.
            count: Called with ``hit`` or ``miss``.
        """
        self._reads = Reads.of(plan)
        self._evaluator = Evaluator(plan)
        self._entries = entries
        self._count = count
        self._kept: OrderedDict[Key, Scored] = OrderedDict()
        self._seed = secrets.randbits(64)  # so that nobody outside can make two requests with one digest

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def digest(self, asked: Asked, pool: Pool) -> bytes:
        """Return one number for everything that scoring reads.

        Items are known by their rows: a row of the snapshot always has the same values, and so has one that was put
        since, until those are numbered anew.
        """
        items = asked.view.state.items
        lineage = _NOT_PUT if pool.pairs.block is asked.view.block else items.lineage
        digest = xxhash.xxh3_128(lineage.to_bytes(8, "little", signed=True), seed=self._seed)
        record = asked.record.tobytes()
        for start, stop in self._reads.request:
            digest.update(record[start:stop])
        digest.update(self._evaluator.request_values(asked.record).tobytes())
        digest.update(np.ascontiguousarray(pool.found.rows).data)
        if self._reads.candidate:
            candidates = _table(pool.pairs.rows.candidates)
            for start, stop in self._reads.candidate:
                digest.update(np.ascontiguousarray(candidates[:, start:stop]).data)
        return digest.digest()

    def get(self, digest: bytes, effort: Effort) -> Scored | None:
        """Return what was scored of the same with the same effort; None: it is not kept."""
        key = _key(digest, effort)
        found = self._kept.get(key)
        if found is None:
            self._count(MISS)
            return None
        self._kept.move_to_end(key)
        self._count(HIT)
        return found

    def put(self, digest: bytes, scored: Scored) -> None:
        """Keep scores, if nothing but the effort they were meant to have kept them from being more."""
        if scored.done < scored.effort.point.kept(len(scored.scores)):
            return
        scored.scores.flags.writeable = False  # the log and later answers read the same array
        kept = Scored(scored.scores, scored.done, 0, scored.features_digest, scored.effort, cached=True)
        self._kept[_key(digest, scored.effort)] = kept
        if len(self._kept) > self._entries:
            self._kept.popitem(last=False)


def _key(digest: bytes, effort: Effort) -> Key:
    return digest, effort.point.candidates, effort.point.trees


def _table(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """Return the bytes of records, shape ``(n, bytes)``."""
    return records.view(np.uint8).reshape(len(records), records.dtype.itemsize)


async def cached_score(surface: ServedSurface, asked: Asked, pool: Pool, journey: Journey) -> Scored:
    """Score as ``score`` does, or take the scores from the surface's cache."""
    cache, rows = surface.cache, len(pool.pairs)
    if cache is None or not rows:
        return await score(surface, pool.pairs, journey)
    digest = cache.digest(asked, pool)
    seconds = surface.seconds_per_row * rows
    effort = surface.ladder.chosen(surface.lane.overload.pressure, seconds, journey.deadline)
    found = cache.get(digest, effort)
    journey.ran("cache")
    if found is not None:
        name_shortfall(surface, found, rows, journey)
        return found
    scored = await score(surface, pool.pairs, journey)
    cache.put(digest, scored)
    return scored
