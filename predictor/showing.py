"""Answers for people and for machines: tables, lines and JSON of the verbs that ask."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.answers import Arm, Finding
    from predictor.coverage import Coverage

__all__ = ["arms_json", "coverage_json", "finding_json", "number", "show_table", "shown", "tell"]


def finding_json(found: Finding) -> dict[str, Any]:
    """Return a branch that found an item."""
    return {"branch": found.branch, "rank": found.rank, "score": number(found.score)}


def coverage_json(coverage: Coverage) -> dict[str, Any]:
    """Return what was left out, what the filter did, what each branch gave and the time of each stage."""
    names = ("stage", "subject", "reason")
    left_out = [dict(zip(names, part, strict=True)) for part in coverage.degradations]
    filtering = None if coverage.filtering is None else asdict(coverage.filtering)
    removed = None if coverage.removed is None else asdict(coverage.removed)
    branches = [asdict(part) for part in coverage.branches]
    told = {"left_out": left_out, "filtering": filtering, "removed": removed, "branches": branches}
    return told | {"stages_us": coverage.stages}


def arms_json(arms: Sequence[Arm]) -> dict[str, Any]:
    """Return the experiment arms that applied."""
    return {"arms": [{"layer": a.layer, "experiment": a.experiment, "arm": a.arm} for a in arms]}


def number(value: float) -> float | None:
    """Return a number that JSON can hold; None for NaN and infinities."""
    return float(value) if math.isfinite(value) else None


def shown(value: float) -> str:
    """Return a number as a table shows it."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def show_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], first: int = 1) -> None:
    """Print rows, numbered from ``first`` on."""
    from rich.console import Console  # noqa: PLC0415 - a verb imports what it runs
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("#", *heads, title=escape(title), title_justify="left")
    for place, row in enumerate(rows, start=first):
        table.add_row(str(place), *map(escape, row))
    Console().print(table)


def tell(name: str, version: str, coverage: Coverage) -> None:
    """Print what scored, where the time went and what is missing."""
    spent = ", ".join(f"{stage} {us / 1000:.2f} ms" for stage, us in coverage.stages.items())
    sys.stdout.write(f"scored by {name} version {version}; {spent}\n")
    for part in coverage.branches:
        gave = f"gave {part.returned}, {part.unique} alone" if not part.reason else part.outcome
        sys.stdout.write(f"{part.branch} {gave}, {part.elapsed_us / 1000:.2f} ms\n")
    if (told := coverage.filtering) is not None:
        where = "items of the catalogue" if told.exact else "items that recall found"
        removed = f"{told.removed} of {told.looked_at} {where}, {told.missing} of them since a value is missing"
        sys.stdout.write(f"the filter removed {removed}\n")
    if (gone := coverage.removed) is not None and any(asdict(gone).values()):
        sys.stdout.write(f"{gone.duplicates} found again, {gone.excluded} excluded, {gone.cut} cut\n")
    for stage, subject, reason in coverage.degradations:
        sys.stdout.write(f"left out: {stage} {subject}: {reason}\n")
