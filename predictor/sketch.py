"""Measures batches of requests against what training saw, and keeps the alarms."""

from __future__ import annotations

import itertools
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from predictor.detector import Detector
from searchrank.features import Evaluator, Rows
from searchrank.models import Measured, Traits, evenly
from searchrank.models.likeness import MISSING, SHARES, UNSEEN
from searchrank.models.traits import REQUEST_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.drift import Seen
    from searchrank.models import Likeness, Release

__all__ = ["Alarm", "Measurer", "Sketch"]

GROUP: Final = 8
"""Requests whose shares are looked at together."""
SKEW_US: Final = 300_000_000
"""As far as a request's moment may be from the clock here; Kerberos allows as much (RFC 4120)."""
_LATE_SHARE: Final = 0.1  # of requests may be further off
_KINDS: Final = {MISSING: "missing", UNSEEN: "unseen"}
_ADVICE: Final = {
    "missing": "look whether whatever fills it still does, and under this name",
    "unseen": "look whether a value was renamed; train again if it is new",
    "values": "look whether its unit or its source has changed; train again if the world has",
    "clock": "set the clock of the callers, or of this machine, by NTP; requests may also be old on purpose",
}
_logger = logging.getLogger("searchrank.predictor.drift")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Records = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A column that is not as it was in training.

    Attributes:
        surface: Where.
        release: Name and version of the release.
        column: Raw input, model column, or ``request.time``.
        kind: ``missing``, ``unseen``, ``values`` or ``clock``.
        was: How it was in training, in words.
        now: How it is.
        since: When it began, about; seconds since 1970 UTC.
    """

    surface: str
    release: str
    column: str
    kind: str
    was: str
    now: str
    since: float

    @property
    def words(self) -> str:
        """All of it, and what to do."""
        began = datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")
        return (
            f"drift on surface {self.surface}: {self.column} ({self.kind}) was {self.was}, is {self.now}, since about "
            f"{began}; {_ADVICE[self.kind]} (release {self.release})"
        )


class Measurer:
    """Measures rows of requests as training did; belongs to one thread.

    Attributes:
        names: Of the numbers, then of the categories.
    """

    def __init__(self, release: Release) -> None:
        self._traits, self._evaluator = Traits(release.plan), Evaluator(release.plan)
        self.names = (*self._traits.numbers, *release.plan.columns, *self._traits.categories)

    def measure(self, seen: Sequence[Seen]) -> tuple[Measured, Ints]:
        """Return what some rows of each request look like, model columns among the numbers, and whose each row is."""
        some = [evenly(len(one.pool.pairs)) for one in seen]
        whose = np.repeat(np.arange(len(seen)), [len(part) for part in some])
        times = np.array([one.asked.question.time_us for one in seen])
        items, block = _gathered([(one, one.pool.found.rows[part]) for one, part in zip(seen, some, strict=True)])
        records = _joined([one.asked.record for one in seen])
        candidates = _joined(
            [_taken(one.pool.pairs.rows.candidates, part) for one, part in zip(seen, some, strict=True)]
        )
        rows = Rows(np.arange(len(whose)), records, whose, candidates)
        measured = self._traits.measure(items, rows, times)
        numbers = np.concatenate([measured.numbers, self._evaluator.evaluate(block, rows)])
        return Measured(numbers, measured.categories), whose


class Sketch:
    """What one release's rows of one kind look like while serving; belongs to one thread.

    Attributes:
        alarms: What is not as it was; replaced, never changed.
    """

    def __init__(self, surface: str, release: Release, likeness: Likeness) -> None:
        self._surface, self._release = surface, f"{release.name}@{release.version}"
        self._likeness = likeness
        self._measurer = Measurer(release)
        columns = likeness.columns
        high = np.array([column.high for column in columns]).ravel()
        low = np.array([column.low for column in columns]).ravel()
        self._detector = Detector(np.concatenate([high, 1.0 - low, [_LATE_SHARE]]))
        self._numbers: npt.NDArray[np.float32] = np.empty((0, 0), np.float32)
        self.alarms: list[Alarm] = []

    def add(self, seen: list[Seen]) -> None:
        """Measure a batch of requests, a multiple of ``GROUP``, in their order."""
        measured, whose = self._measurer.measure(seen)
        times = np.array([one.asked.question.time_us for one in seen])
        numbers = measured.numbers
        groups = len(seen) // GROUP
        shares = self._likeness.shares(numbers, measured.categories, whose // GROUP, groups)
        late = np.abs(times - [one.clock for one in seen]) > SKEW_US
        self._numbers, self._skew = numbers, float(np.median(times - [one.clock for one in seen])) / 1e6
        flat = shares.reshape(groups, -1)
        told = np.concatenate([flat, 1.0 - flat, late.reshape(groups, GROUP).mean(axis=1, keepdims=True)], axis=1)
        for group, one in zip(told, seen[GROUP - 1 :: GROUP], strict=True):
            self._detector.look(group, one.clock / 1e6)
        self._tell()

    def _tell(self) -> None:
        """Make alarms of what the detector says; log those that begin or end."""
        before = {(alarm.column, alarm.kind): alarm for alarm in self.alarms}
        now = self._found()
        for key, alarm in now.items():
            if key not in before:
                _logger.warning(alarm.words, extra={"fields": {"event": "drift", **asdict(alarm)}})
        for key, alarm in before.items():
            if key not in now:
                _logger.info("drift is over on surface %s: %s (%s)", alarm.surface, alarm.column, alarm.kind)
        self.alarms = [before.get(key, alarm) for key, alarm in now.items()]

    def _found(self) -> dict[tuple[str, str], Alarm]:
        found: dict[tuple[str, str], Alarm] = {}
        for place in np.flatnonzero(self._detector.alarmed).tolist():
            column, share = divmod(place % (len(self._likeness.columns) * SHARES), SHARES)
            is_clock = place == len(self._detector.alarmed) - 1
            name = REQUEST_TIME if is_clock else self._likeness.columns[column].name
            kind = "clock" if is_clock else _KINDS.get(share, "values")
            if (name, kind) not in found:
                was, now = self._words(place, column, share, kind)
                since = float(self._detector.since[place])
                found[name, kind] = Alarm(self._surface, self._release, name, kind, was, now, since)
        return found

    def _words(self, place: int, column: int, share: int, kind: str) -> tuple[str, str]:
        """Return how a share was and is."""
        recent = float(self._detector.recent[place])
        if kind == "clock":
            return f"within {SKEW_US / 1e6:.0f} s of this clock", f"{self._skew:+.0f} s from it in the median"
        told = self._likeness.columns[column]
        was = float(told.shares[share])
        if place >= len(self._likeness.columns) * SHARES:
            recent = 1.0 - recent
        if kind != "values":
            return f"{kind} in {was:.1%} of the rows", f"{recent:.1%} now"
        if told.values is not None:
            return f"one of its {share - 1} most frequent values in {was:.1%} of the rows", f"{recent:.1%} now"
        edge, known = told.edges[share - 2], self._numbers[column][~np.isnan(self._numbers[column])]
        middle = f", with a median of {np.median(known):.6g}" if known.size else ""
        median = told.edges[len(told.edges) // 2]
        return (
            f"at most {edge:.6g} in {was:.1%} of the rows, with a median of {median:.6g}",
            f"{recent:.1%} now{middle}",
        )


def _gathered(seen: Sequence[tuple[Seen, Ints]]) -> tuple[Records, Records]:
    """Return the raw and the derived item records of all rows; at once where they are those of one snapshot."""
    raw, derived = [], []
    for _, some in itertools.groupby(seen, lambda one: id(one[0].asked.view.block)):
        part = list(some)
        view, rows = part[0][0].asked.view, np.concatenate([rows for _, rows in part])
        if rows.max() < len(view.block):
            raw.append(_taken(view.state.items.base.records, rows))
            derived.append(_taken(view.block.records, rows))
            continue
        for one, own in part:  # rows of items put since are of its own view
            at, block = one.asked.view.gathered(own)
            raw.append(one.asked.view.state.items.gather(own))
            derived.append(_taken(block.records, at))
    return _joined(raw), _joined(derived)


def _taken(records: Records, rows: Ints) -> Records:
    """Return records at rows as bytes are copied; numpy would copy them field by field."""
    return np.asarray(records.view(f"V{records.dtype.itemsize}")[rows].view(records.dtype))


def _joined(parts: Sequence[Records]) -> Records:
    """Return records one after the other, as bytes are copied."""
    if len(parts) == 1:
        return parts[0]
    plain = [part.view(f"V{part.dtype.itemsize}") for part in parts]
    return np.concatenate(plain).view(parts[0].dtype)
