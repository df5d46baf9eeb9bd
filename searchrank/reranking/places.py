"""Which item stands where: pins first, then place after place by the kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from searchrank.native import address, compiled
from searchrank.native.memory import bits_of
from searchrank.reranking.kernels.filling import METHODS, fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.project import Explore
    from searchrank.reranking.rule import Pin, Quota

__all__ = ["REACH", "Filled", "Pinned", "fill_places", "seed_of"]

REACH: Final = 1_000
"""Places up to which quotas and spacing are kept; no answer of Search is longer."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Pinned:
    """Items at fixed places.

    Attributes:
        places: Shape ``(n,)``, the candidate at each place, -1 where none is pinned.
    """

    places: Ints
    _taken: set[int] = field(default_factory=set)

    def put(self, candidate: int, pin: Pin) -> str:
        """Give a candidate its place, or the nearest free one; return why it is not the one that was asked for."""
        if candidate in self._taken:
            return "the item is pinned by an earlier rule"
        n = len(self.places)
        free = np.flatnonzero(self.places < 0)
        wanted = min(pin.place - 1, n - 1)
        later = free[free >= wanted]
        place = int(later[0] if len(later) else free[-1])
        self.places[place] = candidate
        self._taken.add(candidate)
        if place == pin.place - 1:
            return ""
        return f"the list has {n} places" if pin.place > n else f"place {pin.place} is taken by an earlier rule"

    @property
    def candidates(self) -> Ints:
        """Those that have a place."""
        return self.places[self.places >= 0]


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A full list.

    Attributes:
        order: Shape ``(n,)``, the candidate at each place.
        propensities: Shape ``(n,)``, by place; 1 where nothing was drawn.
        drawn: How often another than the best was drawn.
        held: Shape ``(n,)``, for each candidate the number of the quota that first held it back; -1: none.
        relaxed: Shape ``(quotas, 2)``: at how many places each was not kept, and the first of these.
    """

    order: Ints
    propensities: Floats
    drawn: int
    held: Ints
    relaxed: Ints


def seed_of(salt: str, request_id: str) -> int:
    """Return what draws depend on: xxh3-64 of ``salt.request_id``, as a signed number.

    Example:
        >>> seed_of("", "r1") == seed_of("", "r1") != seed_of("again", "r1")
        True
    """
    value = xxh3_64_intdigest(f"{salt}.{request_id}".encode("utf-8", "surrogatepass"))
    return value - (1 << 64) if value >> 63 else value


def fill_places(  # noqa: PLR0913, PLR0917 - what every step before made
    pinned: Pinned,
    classes: Sequence[Ints],
    groups: npt.NDArray[np.int64],
    quotas: Sequence[Quota],
    scores: Floats,
    explore: tuple[Explore, int] | None,
) -> Filled:
    """Choose an item for each place.

    Args:
        pinned: Those that have one; filled up with the others.
        classes: Scored, unscored and buried candidates without the pinned ones, each best first.
        groups: Shape ``(quotas, n)``, group of each candidate; 0: the quota does not speak of it.
        quotas: Those written first are kept first.
        scores: Shape ``(n,)``.
        explore: What is drawn, and the seed of the request; None: nothing.
    """
    n, rules = len(pinned.places), len(quotas)
    order = np.concatenate(classes)
    m, m1 = len(order), len(classes[0])
    fixed = np.flatnonzero(pinned.places >= 0)
    table = np.array([(q.most, q.window, q.first) for q in quotas], np.int64).reshape(rules, 3)
    width = 2 * int(table[:, 1].max(initial=0)) + 1
    spec, seed = explore if explore is not None else (None, 0)
    pool = 0 if spec is None else min(spec.pool or spec.depth, m1)
    relaxed, held, propensities = np.zeros((rules, 2), np.int64), np.full(n, -1), np.zeros(n + 1)
    room = [np.empty(size, np.int64) for size in (2 * (m + 1), rules * width, rules, 2 * pool)]
    parts = (order, pinned.places, groups, table, relaxed, held, propensities, *room, scores)
    chance = (0, 0, 0, 0, 0, 0)
    if spec is not None:
        bits = bits_of(spec.rate), bits_of(spec.temperature)
        chance = (METHODS.index(spec.method), spec.depth, pool, *bits, seed)
    last = int(fixed[-1]) if len(fixed) else -1
    numbers = (m, m1, m1 + len(classes[1]), rules, min(n, REACH) if rules or pool else 0, width, last, *chance)
    operands = np.array([*numbers, *map(address, parts)], np.int64)
    compiled(fill)(n, address(operands))
    return Filled(pinned.places, propensities[:n], int(propensities[n]), held, relaxed)
