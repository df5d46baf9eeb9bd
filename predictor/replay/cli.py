"""The verb ``replay``: was this answered, from that, by this release, and would it be again?"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from predictor.replay.audit import replayed
from predictor.replay.chosen import Chosen, of_request, sampled
from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import ConfigError
from searchrank.serving_log import ServingLog

if TYPE_CHECKING:
    from predictor.replay.verdict import Verdict
    from searchrank.workspace import Workspace

__all__ = ["replay"]

DEFAULT_HOME: Final = Path(".searchrank")
_NAMED: Final = 20
_RPCS: Final = ("", "Rank", "Search")


@dataclass(slots=True, eq=False)
class _Report:
    """What became of all answers.

    Attributes:
        chosen: Which they were.
        equal: Answers that came out the same.
        parts: Differences by part.
        uncompared: Answers by part that could not be compared, and why.
        verdicts: All of one request; of many the first that differ.
    """

    chosen: Chosen
    keep_all: bool
    total: int = 0
    equal: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    uncompared: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)

    def take(self, verdict: Verdict) -> None:
        """Count one answer."""
        self.total += 1
        self.equal += verdict.is_equal
        self.parts.update(one.part for one in verdict.differences)
        self.uncompared.update(verdict.uncompared)
        if self.keep_all or (not verdict.is_equal and len(self.verdicts) < _NAMED):
            self.verdicts.append(verdict)

    @property
    def is_equal(self) -> bool:
        """Whether every answer came out the same and the log is whole."""
        return self.equal == self.total and not self.chosen.damaged

    def figures(self) -> dict[str, Any]:
        """Return what to report."""
        reasons = [{"part": part, "reason": why, "answers": n} for (part, why), n in self.uncompared.items()]
        return {
            "total": self.total,
            "equal": self.equal,
            "different": dict(self.parts),
            "uncompared": reasons,
            "damaged": self.chosen.damaged,
            "torn_files": len(self.chosen.log.torn),
            "unsealed": self.chosen.unsealed,
            "answers": [verdict.figures() for verdict in self.verdicts],
        }


def replay(  # noqa: PLR0913, PLR0917 - one option each
    request: Annotated[str, typer.Argument(help="Id of a logged request.")] = "",
    rpc: Annotated[str, typer.Option(help="Only its answers by Rank, or by Search.")] = "",
    at: Annotated[str, typer.Option(help="Only its answers made at a time that begins so: 2026-03-01T08:15.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All answers of the serving log.")] = False,
    sample: Annotated[int, typer.Option(min=0, help="So many answers, evenly spread over the serving log.")] = 0,
    recall: Annotated[
        bool | None, typer.Option(help="Ask recall again too; by default for one request, not for many.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Make logged answers again from raw inputs and compare them to the bit."""  # noqa: DOC501
    if bool(request) + every + bool(sample) != 1:
        raise ConfigError("name one request, or --all, or --sample N")
    if rpc not in _RPCS:
        raise ConfigError(f"{rpc!r} is neither Rank nor Search", field="--rpc")
    where = workspace(home)
    log = ServingLog.open(where.serving)
    chosen = of_request(log, request, rpc, at) if request else sampled(log, sample)
    report = _Report(chosen, keep_all=bool(request))
    asyncio.run(_replay(where, report, recall=bool(request) if recall is None else recall))
    if as_json:
        emit(report.figures())
    else:
        _show(report)
    if not report.is_equal:
        raise typer.Exit(1)


async def _replay(where: Workspace, report: _Report, *, recall: bool) -> None:
    chosen = report.chosen
    async for verdict in replayed(where, chosen.log, chosen.parts(), recall=recall):
        report.take(verdict)


def _show(report: _Report) -> None:
    console = Console()
    for verdict in report.verdicts:
        console.print(_table(verdict))
    console.print(f"{report.equal:,} of {report.total:,} answers: made again, equal to the bit")
    for part, count in report.parts.items():
        console.print(f"{count:,} answers: {part} DIFFERENT", highlight=False)
    if not report.keep_all:
        for (part, why), count in report.uncompared.items():
            console.print(f"{count:,} answers: {part} not compared, {escape(why)}", highlight=False)
    for problem in report.chosen.damaged:
        console.print(f"DAMAGED: {escape(problem)}", highlight=False)
    if report.chosen.unsealed:
        console.print(f"{report.chosen.unsealed:,} answers are in files without checksums, of an earlier version")
    if torn := len(report.chosen.log.torn):
        sys.stdout.write(f"{torn:,} files of the serving log end in the middle of a batch\n")


def _table(verdict: Verdict) -> Table:
    heading = f"{verdict.rpc} {verdict.request_id}, {verdict.answered_at}: {verdict.release}"
    title = f"{heading}, snapshot {verdict.read_from or verdict.snapshot_id}"
    table = Table("part", "", "", title=escape(title), title_justify="left", show_header=False)
    different = {one.part: one.detail for one in verdict.differences}
    for part in dict.fromkeys([*different, *verdict.compared]):
        words = ("DIFFERENT", different[part]) if part in different else ("equal", "")
        table.add_row(part, *map(escape, words))
    for part, why in verdict.uncompared:
        table.add_row(part, "not compared", escape(why))
    if verdict.read_from:
        table.add_row("snapshot", "another", escape(f"{verdict.snapshot_id} is gone; read from one before and the log"))
    return table
