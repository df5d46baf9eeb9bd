"""Counted events since a snapshot as parts of its history: few, because each is several times as long as the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from searchrank.features.history import EventColumns

if TYPE_CHECKING:
    from searchrank.features.catalogue import Catalogue
    from searchrank.features.history import History, Part

__all__ = ["Tier", "Tiers", "joined"]

_RATIO: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Tier:
    """One part and the events it was made of, from which it is made again together with others."""

    events: EventColumns
    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class Tiers:
    """Parts of a history that follow its base; never changed.

    Attributes:
        base: Makes the parts.
        catalogue: Gives items their keys.
        tiers: The older first.
        least: Events; what is smaller is made anew with what follows it.
        inline: Events; ``extended`` makes no more than these anew, the rest is for ``merged``.
    """

    base: History
    catalogue: Catalogue
    tiers: tuple[Tier, ...] = ()
    least: int = 256
    inline: int = 16_384

    def __len__(self) -> int:
        """Number of events."""
        return sum(len(tier.events) for tier in self.tiers)

    def extended(self, events: EventColumns) -> Tiers:
        """Return the tiers with further events; small ones at the end are made anew together with them."""
        if not len(events):
            return self
        kept, run, size = list(self.tiers), [events], len(events)
        while kept and self._is_short(kept[-1], size) and len(kept[-1].events) + size <= self.inline:
            run.insert(0, kept.pop().events)
            size += len(run[0])
        return replace(self, tiers=(*kept, self._tier(run)))

    @property
    def loose(self) -> tuple[Tier, ...]:
        """The tiers that ``merged`` would make one of; empty when there is nothing to do.

        They are among those that ``extended`` will not touch again, whatever comes.
        """
        sizes = [len(tier.events) for tier in self.tiers]
        stop = next((k for k in range(len(sizes)) if sum(sizes[k:]) <= self.inline), len(sizes))
        size, first = 0, stop
        for number in reversed(range(stop)):
            if size and self._is_short(self.tiers[number], size):
                first = number
            size += sizes[number]
        return self.tiers[first:stop]

    def merged(self, loose: Sequence[Tier]) -> Tier:
        """Return one tier in place of several; takes a second for a million events."""
        return self._tier([tier.events for tier in loose])

    def replaced(self, loose: Sequence[Tier], merged: Tier) -> Tiers:
        """Return the tiers with ``merged`` in place of those it was made of."""
        first = self.tiers.index(loose[0])
        return replace(self, tiers=(*self.tiers[:first], merged, *self.tiers[first + len(loose) :]))

    def _is_short(self, tier: Tier, following: int) -> bool:
        return len(tier.events) < max(self.least, _RATIO * following)

    def _tier(self, run: Sequence[EventColumns]) -> Tier:
        events = joined(run)
        return Tier(events, self.base.part(events, self.catalogue))


def joined(run: Sequence[EventColumns]) -> EventColumns:
    """Return events of the same kinds as one, by known time, of one time in the given order."""
    if len(run) == 1:
        return run[0]
    names = [f.name for f in fields(EventColumns) if f.name != "kinds"]
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in run]) for name in names}
    events = replace(run[0], **columns)
    times = events.known_time
    return events if bool(np.all(times[1:] >= times[:-1])) else events.take(np.argsort(times, kind="stable"))
