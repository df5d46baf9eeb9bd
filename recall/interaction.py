"""Who dealt with what and when: the events that behaviour indexes are built from, about items of the catalogue."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.features.catalogue import Catalogue
    from searchrank.features.history import EventColumns

__all__ = ["Interactions", "warn_if_silent"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Events about items of the catalogue, by ascending time.

    Attributes:
        events: All events, whatever they are about.
        rows: Shape ``(n,)`` int64, the catalogue row of each event's item; ``size`` where there is none.
        size: Rows of the catalogue.
    """

    events: EventColumns
    rows: npt.NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, events: EventColumns, catalogue: Catalogue) -> Interactions:
        """Find the events' items in a catalogue."""
        return cls(events, catalogue.rows_of_hashes(events.item), len(catalogue))

    @property
    def end(self) -> int:
        """The time of the latest event of any kind, microseconds since 1970, UTC; 0 when there is none."""
        return int(self.events.known_time[-1]) if len(self.events) else 0

    def select(self, kinds: Sequence[str], *, min_value: float | None = None, after: int | None = None) -> Interactions:
        """Return the events of some kinds that are about an item of the catalogue.

        Args:
            kinds: Event kinds; one that never happened has no events.
            min_value: Leave out events whose value is lower or missing; None leaves out none.
            after: Leave out events known at this time or before, microseconds since 1970, UTC.
        """
        codes = [code for code, kind in enumerate(self.events.kinds) if kind in kinds]
        kept = np.isin(self.events.kind, codes) & (self.rows < self.size)
        if min_value is not None:
            kept &= self.events.value >= min_value  # NaN is not
        if after is not None:
            kept &= self.events.known_time > after
        return Interactions(self.events.take(np.flatnonzero(kept)), self.rows[kept], self.size)

    def counts(
        self, kinds: Sequence[str], *, min_value: float | None = None, window_us: int = 0
    ) -> npt.NDArray[np.int64]:
        """Return how many events of some kinds each item has, shape ``(size,)``.

        Args:
            kinds: See ``select``.
            min_value: See ``select``.
            window_us: Span before the latest event of any kind, microseconds; 0: all time.
        """
        counted = self.counted(kinds, min_value=min_value, window_us=window_us)
        return np.bincount(counted.rows, minlength=self.size)

    def counted(self, kinds: Sequence[str], *, min_value: float | None = None, window_us: int = 0) -> Interactions:
        """Return the events that ``counts`` counts."""
        return self.select(kinds, min_value=min_value, after=self.end - window_us if window_us else None)


def warn_if_silent(name: str, wanted: Sequence[str], events: EventColumns) -> None:
    """Say that no event will ever reach an index: the kinds are probably called otherwise.

    Args:
        name: Of the index.
        wanted: The kinds it counts.
        events: The log.
    """
    if not set(wanted) & set(events.kinds):
        kinds, there = ", ".join(wanted), ", ".join(events.kinds) or "no events"
        _logger.warning("%s will be empty: it counts %s, but the log holds %s", name, kinds, there)
