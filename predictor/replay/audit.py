"""Many answers made again: in groups of one release and snapshot, by offset, so that the log is read forwards once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from predictor.replay.again import answer_again
from predictor.replay.logged import Logged, logged_answers
from predictor.replay.recalling import recall_again, why_not
from predictor.replay.stand import Stands
from predictor.replay.verdict import Difference, Verdict, compare, compare_page, not_made
from searchrank.errors import SearchRankError

if TYPE_CHECKING:
    from predictor.replay.again import Again
    from searchrank.serving_log import Checked, ServingLog
    from searchrank.workspace import Workspace

__all__ = ["Line", "replayed"]

_CANDIDATES: Final = 2_000_000  # held at once: about 200 MB


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One answer of the log.

    Attributes:
        logged: The answer.
        problem: What its seal says of the batch it is in; empty when it is as it was written.
    """

    logged: Logged
    problem: str

    @property
    def group(self) -> tuple[object, ...]:
        """What is opened for it."""
        return (self.logged.release, self.logged.snapshot_id, self.logged.surface)


async def replayed(
    workspace: Workspace, log: ServingLog, parts: Iterable[Checked], *, recall: bool
) -> AsyncIterator[Verdict]:
    """Make answers again and compare each with the log.

    Args:
        workspace: Where releases, snapshots and the event log are.
        log: The serving log, in which the first pages of further ones are looked for.
        parts: Its answers, or some of them; what cannot be read is left to the caller.
        recall: Whether recall is asked again too.
    """
    stands = Stands(workspace, recall=recall)
    for held in _held(parts):
        lines = [
            Line(one, part.problem) for part in held if part.batch is not None for one in logged_answers(part.batch)
        ]
        pages = defaultdict(list)
        for line in lines:
            if line.logged.page:
                pages[line.logged.request_id].append(line)
        firsts = [line for line in lines if not line.logged.page]
        missing = set(pages) - {line.logged.request_id for line in firsts}
        elsewhere = list(_firsts(log, missing))
        asked_for = {id(line) for line in firsts}
        for line in sorted([*firsts, *elsewhere], key=lambda one: (str(one.group), one.logged.offset)):
            verdict, again, read_from = await _one(stands, line, recall=recall)
            if id(line) in asked_for:
                yield _sealed(verdict, line)
            for page in pages.pop(line.logged.request_id, ()):
                made = None if again is None else compare_page(page.logged, line.logged, again, read_from)
                yield _sealed(made or replace(verdict, answered_at=page.logged.answered_at.isoformat()), page)
        for page in (one for some in pages.values() for one in some):
            yield _sealed(
                not_made(page.logged, "log", "the answer that this page goes on from is not in the log"), page
            )


def _held(parts: Iterable[Checked]) -> Iterator[list[Checked]]:
    held: list[Checked] = []
    candidates = 0
    for part in parts:
        held.append(part)
        if part.batch is not None:
            candidates += int(pc.sum(pc.list_value_length(part.batch.column("item_id"))).as_py() or 0)
        if candidates >= _CANDIDATES:
            yield held
            held, candidates = [], 0
    if held:
        yield held


def _firsts(log: ServingLog, requests: set[str]) -> Iterator[Line]:
    """Yield the first answers of some requests."""
    if not requests:
        return
    wanted = pa.array(sorted(requests))
    for part in log.checked():
        if part.batch is None:
            continue
        some = part.batch.filter(pc.is_in(part.batch.column("request_id"), wanted))
        yield from (Line(one, part.problem) for one in logged_answers(some) if not one.page)


async def _one(stands: Stands, line: Line, *, recall: bool) -> tuple[Verdict, Again | None, str]:
    """Make one answer again; return the verdict, the answer unless it cannot be made, and the snapshot read."""
    logged = line.logged
    stand = stands.of(logged)
    if isinstance(stand, Difference):
        return not_made(logged, stand.part, stand.detail), None, ""
    try:
        surface = stand.at(logged)
        again = await answer_again(surface, logged)
    except SearchRankError as error:
        return not_made(logged, "events", str(error)), None, ""
    found: Difference | str | None = why_not(logged, stand.no_recall)
    if not found:
        found = await recall_again(surface, logged, again) if recall else "it was not asked again"
    return compare(logged, again, stand.snapshot_id, found), again, stand.snapshot_id


def _sealed(verdict: Verdict, line: Line) -> Verdict:
    if not line.problem:
        return verdict
    return replace(verdict, differences=(Difference("log", line.problem), *verdict.differences))
