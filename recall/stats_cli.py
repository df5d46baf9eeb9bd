"""The verb ``index stats``: what lies in the live indexes, for people and machines."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from recall.indexes.stats import SnapshotStats, corpus_stats, workspace_stats
from searchrank.cli import Home, Json, emit, workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall.indexes.stats import IndexStats

__all__ = ["index_stats"]


def index_stats(
    index: Annotated[Path | None, typer.Option(help="What 'index build --corpus' made, instead of a project.")] = None,
    home: Home = Path(".searchrank"),
    json: Json = False,
) -> None:
    """Say what the live indexes hold: documents, terms, bytes, what made them, how old they are, what was put since."""
    console, now = Console(stderr=json), dt.datetime.now(dt.UTC)
    found = workspace_stats(workspace(home)) if index is None else None
    indexes = corpus_stats(index) if index is not None else found.indexes if found else ()
    if found is not None:
        _tell(found, now, console)
    console.print(_table(indexes, now))
    if json:
        told: dict[str, Any] = {"indexes": [_figures(one, now) for one in indexes]}
        emit((_snapshot_figures(found, now) if found else {}) | told)


def _tell(found: SnapshotStats, now: dt.datetime, console: Console) -> None:
    delta = found.delta
    console.print(
        f"snapshot {found.snapshot}, {_age(found.created, now)} old: {found.items:,} items, {found.events:,} events\n"
        f"since then {delta.events:,} events, which put {delta.put:,} items and deleted {delta.deleted:,}",
        highlight=False,
    )


def _table(indexes: Sequence[IndexStats], now: dt.datetime) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("index", "surfaces", "rows", "MB", "age", "made by", "holds"):
        table.add_column(name, justify="right" if name in {"rows", "MB", "age"} else "left", overflow="fold")
    for one in indexes:
        holds = "\n".join(f"{count:,} {what}" for what, count in one.figures.items())
        size, age = f"{one.bytes / 1e6:.2f}", _age(one.built, now)
        table.add_row(one.name, ", ".join(one.surfaces), f"{one.rows:,}", size, age, one.made_by[:12], holds)
    return table


def _age(moment: dt.datetime, now: dt.datetime) -> str:
    return str(dt.timedelta(seconds=max(0, round((now - moment).total_seconds()))))


def _figures(one: IndexStats, now: dt.datetime) -> dict[str, Any]:
    return {
        "name": one.name,
        "surfaces": list(one.surfaces),
        "rows": one.rows,
        "bytes": one.bytes,
        "made_by": one.made_by,
        "age_seconds": round((now - one.built).total_seconds(), 3),
        "figures": dict(one.figures),
    }


def _snapshot_figures(found: SnapshotStats, now: dt.datetime) -> dict[str, Any]:
    delta = found.delta
    return {
        "snapshot": found.snapshot,
        "age_seconds": round((now - found.created).total_seconds(), 3),
        "items": found.items,
        "events": found.events,
        "delta": {"events": delta.events, "put": delta.put, "deleted": delta.deleted},
    }
