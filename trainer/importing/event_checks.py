"""What is odd about events, noted while they pass by: memory grows with the ids alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.events import MAX_VALUE, RESERVED_KINDS
from searchrank.features import hash_texts
from trainer.importing.findings import Finding, Findings, Severity
from trainer.importing.moment import EARLIEST_US, LATEST_US, better_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EventChecks"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_DAY_US: Final = 86_400_000_000
_SHOWN: Final = ("search", "impression")


class EventChecks:
    """Looks at the events of one or several files, part by part, and at the end at all of them."""

    def __init__(self, findings: Findings, *, items: pa.Table | None, users: pa.Table | None, now_us: int) -> None:
        """Begin.

        Args:
            findings: Where what is odd is noted.
            items: The catalogue, or None when there is none to compare with.
            users: The profiles, likewise.
            now_us: The time by the clock here, microseconds since 1970 UTC.
        """
        self._findings = findings
        self._known = {
            name: np.sort(_hashes(table.column(name)))
            for name, table in (("item_id", items), ("user_id", users))
            if table is not None
        }
        self._strange: dict[str, set[int]] = {name: set() for name in self._known}
        self._now = now_us
        self._last: dict[str, int] = {}
        self.kinds: dict[str, int] = {}
        self._valued: dict[str, tuple[float, int]] = {}
        self.first = 1 << 62
        self.last = -(1 << 62)
        self._without_request = 0

    def look(self, file: str, table: pa.Table, rows: Ints, units: Mapping[str, int]) -> None:
        """Look at some events.

        Args:
            file: Where they come from.
            table: Core columns, with event and arrival times.
            rows: (n,) row of each in the file.
            units: Unit of the times that were numbers, microseconds, by column.
        """
        times = _micros(table, "event_time")
        self._look_at_times(file, times, rows, units.get("event_time", 0))
        arrived = _micros(table, "arrival_time")
        advice = "a clock is wrong, or the two columns are exchanged; features know an event from its arrival on"
        self._note(file, "arrival_time", arrived < times, rows, ("arrival_early", "arrives before it happens", advice))
        for name in self._known:
            if name in table.column_names:
                self._look_for_strangers(file, table, rows, name)
        self._count_kinds(table)
        self._look_at_positions(file, table, rows)
        self._look_at_what_is_refused(file, table, rows)

    def _look_at_times(self, file: str, times: Ints, rows: Ints, unit: int) -> None:
        odd = (times < EARLIEST_US) | (times > LATEST_US)
        if odd.any():
            self._note_odd_times(file, times, odd, rows, unit)
            times, rows = times[~odd], rows[~odd]
        if not len(times):
            return
        future = times > self._now + _DAY_US
        advice = "a clock or a zone is wrong; statistics would know them before they happen"
        self._note(file, "event_time", future, rows, ("future", "in the future by more than a day", advice))
        before = np.concatenate([[self._last.get(file, int(times[0]))], times[:-1]])
        self._note(
            file,
            "event_time",
            times < before,
            rows,
            ("out_of_order", "earlier than the row before", "nothing to do: statistics and samples go by time"),
            Severity.NOTE,
        )
        self._last[file] = int(times[-1])
        self.first, self.last = min(self.first, int(times.min())), max(self.last, int(times.max()))

    def _note_odd_times(self, file: str, times: Ints, odd: Mask, rows: Ints, unit: int) -> None:
        """Say that times lie before 1990 or after 2100, and which unit would put them between."""
        middle = float(np.median(times[odd]))
        better = better_unit(middle / unit, unit) if unit else ""
        year = 1970 + middle / (365.25 * _DAY_US)
        about = f"before 1990 or after 2100 (about the year {year:,.0f})"
        advice = (
            f"they look like {better}: write unit: {better}" if better else "check unit: and format: in the mapping"
        )
        self._note(file, "event_time", odd, rows, ("odd_time", about, advice), Severity.ERROR if better else None)

    def _look_for_strangers(self, file: str, table: pa.Table, rows: Ints, name: str) -> None:
        column = table.column(name)
        there = column.is_valid().to_numpy()
        hashes = _hashes(column.drop_null())
        known = self._known[name]
        at = np.minimum(np.searchsorted(known, hashes), max(len(known) - 1, 0))
        strange = np.zeros(len(column), np.bool_)
        strange[there] = known[at] != hashes if len(known) else True
        if not strange.any():
            return
        self._strange[name].update(hashes[strange[there]].tolist())
        whose, advice = {
            "item_id": ("items", "they count for nobody; export the items of that time too, if they matter"),
            "user_id": ("users", "nothing to do if profiles are few: a user without one is served too"),
        }[name]
        severity = Severity.WARNING if name == "item_id" else Severity.NOTE
        example = str(column.filter(pa.array(strange))[0].as_py())
        words = ("unseen_id", f"events of {whose} that the {whose} files do not have", advice)
        self._note(file, name, strange, rows, words, severity, example)

    @property
    def means(self) -> dict[str, float]:
        """Mean value of the events of each kind that have values."""
        return {kind: total / count for kind, (total, count) in self._valued.items() if count}

    def _count_kinds(self, table: pa.Table) -> None:
        for entry in pc.value_counts(table.column("kind").combine_chunks()).to_pylist():
            self.kinds[entry["values"]] = self.kinds.get(entry["values"], 0) + entry["counts"]
        if "value" in table.column_names:
            sums = table.group_by("kind").aggregate([("value", "sum"), ("value", "count")]).to_pylist()
            for row in sums:
                total, count = self._valued.get(row["kind"], (0.0, 0))
                self._valued[row["kind"]] = total + (row["value_sum"] or 0.0), count + row["value_count"]
        if "request_id" in table.column_names:
            missing = table.column("request_id").is_null()
            shown = pc.is_in(table.column("kind"), pa.array(_SHOWN, pa.string()))
            self._without_request += int(pc.sum(pc.and_(missing, shown)).as_py() or 0)
        else:
            shown = pc.is_in(table.column("kind"), pa.array(_SHOWN, pa.string()))
            self._without_request += int(pc.sum(shown).as_py() or 0)

    def _look_at_positions(self, file: str, table: pa.Table, rows: Ints) -> None:
        if "position" not in table.column_names:
            return
        positions = table.column("position").fill_null(0).to_numpy()
        advice = "positions count from 0; a place that is not known is left empty"
        self._note(file, "position", positions < 0, rows, ("negative_position", "below 0", advice))

    def _look_at_what_is_refused(self, file: str, table: pa.Table, rows: Ints) -> None:
        """Name what the log would refuse, before anything is written."""
        reserved = pc.is_in(table.column("kind"), pa.array(RESERVED_KINDS, pa.string())).to_numpy()
        words = ("reserved_kind", f"kinds that the log keeps for itself: {', '.join(RESERVED_KINDS)}")
        self._note(file, "kind", reserved, rows, (*words, "rename them with values: in the mapping"), Severity.ERROR)
        if "value" in table.column_names:
            large = np.abs(table.column("value").fill_null(0).to_numpy()) > MAX_VALUE
            words = ("large_value", f"larger than {MAX_VALUE:.0e}, which sums cannot hold exactly")
            self._note(file, "value", large, rows, (*words, "give it another unit with scale:"), Severity.ERROR)

    def finish(self, files: str) -> None:
        """Look at what all events are together.

        Args:
            files: The files in words.
        """
        for name, strangers in self._strange.items():
            if strangers and len(strangers) > len(self._known[name]) and name == "item_id":
                message = "more items are unknown than known: are these ids of the same kind?"
                self._say(files, name, "foreign_ids", message, len(strangers), Severity.WARNING)
        if self._without_request:
            message = "searches and impressions without request_id teach nothing: nobody knows what was shown together"
            self._say(files, "request_id", "no_request", message, self._without_request, Severity.WARNING)
        if self.kinds and "impression" not in self.kinds:
            message = "no impressions: a model learns from what people did, without what they were shown and left"
            self._say(files, "kind", "no_impressions", message, sum(self.kinds.values()), Severity.NOTE)
        if self.kinds and self.first == self.last and sum(self.kinds.values()) > 1:
            message = "all events have one time; what is held out for evaluation are the last rows of each user"
            self._say(files, "event_time", "one_time", message, sum(self.kinds.values()), Severity.NOTE)

    def _say(self, file: str, column: str, what: str, message: str, count: int, severity: Severity) -> None:  # noqa: PLR0913, PLR0917
        self._findings.add(
            Finding(severity=severity, what=what, file=file, column=column, message=message, count=count)
        )

    def _note(  # noqa: PLR0913, PLR0917 - the parts of a finding
        self,
        file: str,
        column: str,
        mask: Mask,
        rows: Ints,
        words: tuple[str, str, str],
        severity: Severity | None = None,
        example: str = "",
    ) -> None:
        if not mask.any():
            return
        what, message, advice = words
        more: dict[str, Any] = {"count": int(mask.sum()), "row": int(rows[int(np.argmax(mask))]), "example": example}
        severity = severity or Severity.WARNING
        self._findings.add(
            Finding(severity=severity, what=what, file=file, column=column, message=message, advice=advice, **more)
        )


def _hashes(ids: pa.ChunkedArray) -> Ints:
    encoded = ids.cast(pa.string()).combine_chunks().dictionary_encode()
    hashes: Ints = hash_texts(encoded.dictionary.to_pylist())[encoded.indices.to_numpy(zero_copy_only=False)]
    return hashes


def _micros(table: pa.Table, name: str) -> Ints:
    times: Ints = table.column(name).cast(pa.int64()).to_numpy()
    return times
