"""The verbs ``index``, ``refresh`` and ``recall``."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from recall.branch import Query
from recall.indexing import Refreshed, recall_configs, refresh_workspace
from recall.recaller import Recaller, Retrieval
from recall.retention import KEPT
from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import ConfigError
from searchrank.features import Encoder, FeatureSet, hash_text
from searchrank.features.history import query_hash
from searchrank.features.snapshot import Snapshot, current, fill_requests
from searchrank.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from recall.config import RecallConfig

__all__ = ["index", "recall", "refresh"]

_HOME = Path(".searchrank")


def refresh(
    keep: Annotated[int, typer.Option(min=2, help="How many of the last snapshots stay.")] = KEPT,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Bring the live snapshot up to date with event log, items and users; does nothing when nothing changed."""
    with _progress() as told:
        made = refresh_workspace(workspace(home), kept=keep, progress=told)
    _show(made, json=json)


def index(
    keep: Annotated[int, typer.Option(min=2, help="How many of the last snapshots stay.")] = KEPT,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Build the live snapshot and its recall indexes anew, whatever changed."""
    with _progress() as told:
        made = refresh_workspace(workspace(home), force=True, kept=keep, progress=told)
    _show(made, json=json)


def recall(  # noqa: PLR0913, PLR0917 - one parameter an option
    query: Annotated[str, typer.Argument(help="Words to look for; may be empty.")] = "",
    user: Annotated[str, typer.Option(help="User whose recent items count; an unknown one has none.")] = "",
    surface: Annotated[str, typer.Option(help="Surface; may be left out when there is only one.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most candidates to print.")] = 20,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Print the candidates for a query and which branch found each at what rank."""
    place = workspace(home)
    project = Project.load(place)
    name = surface or (next(iter(project.surfaces)) if len(project.surfaces) == 1 else "")
    project.surface(name)
    config = recall_configs(project)[name]
    features = FeatureSet.load(place.features)
    snapshot = Snapshot.open(current(place.snapshots), features)
    recaller = Recaller.open(snapshot.indexes, config)
    asked = Query(text=query, recent=_recent_rows(snapshot, features, config, user), time=time.time_ns() // 1_000)
    found = recaller.retrieve(asked, limit)
    ids = [snapshot.catalogue.ids[row].as_py() for row in found.recalled.rows.tolist()]
    Console(stderr=json).print(_recall_table(found, ids))
    if json:
        emit(_recall_figures(found, ids))


def _recent_rows(snapshot: Snapshot, features: FeatureSet, config: RecallConfig, user: str) -> npt.NDArray[np.int64]:
    """Return the rows of what a user dealt with lately, as a request made now would read them.

    Raises:
        ConfigError: When the configured input is not a list.
    """
    name = config.item_to_item.recent if config.item_to_item else ""
    if not user or name not in features.request_layout.names:
        return np.empty(0, np.int64)
    record = Encoder(features.request_inputs).missing()
    users, times = np.array([hash_text(user)]), np.array([time.time_ns() // 1_000])
    fill_requests(snapshot, record, users, np.array([query_hash("")]), times)
    cell = record[name][0]
    if cell.dtype.names is None or "values" not in cell.dtype.names:
        raise ConfigError(f"{name} is not a list of items", field="recall.item_to_item.recent")
    return snapshot.catalogue.rows_of_hashes(np.array(cell["values"][: max(0, int(cell["count"]))]))


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show on standard error what is being done."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=None)
        yield lambda done, total, what: shown.update(task, completed=done, total=total, description=what)


def _show(made: Refreshed, *, json: bool) -> None:
    console = Console(stderr=json)
    if made.changed:
        console.print(_index_table(made))
    else:
        console.print(f"Nothing changed since snapshot {made.snapshot.name}, which stays live.", highlight=False)
    if made.resumed:
        console.print("An earlier run was interrupted; this one went on with what it had finished.")
    if made.behind:
        console.print(f"{made.behind:,} events have come since; they count after the next run.", highlight=False)
    if made.removed:
        console.print(f"Removed old snapshots: {', '.join(made.removed)}", highlight=False)
    if json:
        emit(_index_figures(made))


def _index_table(made: Refreshed) -> Table:
    table = Table(title=f"snapshot {made.snapshot.name}", title_justify="left", box=SIMPLE_HEAD)
    for name in ("part", "rows", "MB", "seconds"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for name, count in (("items", made.items), ("users", made.users), ("events", made.events)):
        table.add_row(name, f"{count:,}", "", "")
    for built in made.indexes:
        table.add_row(built.name, "", f"{built.bytes / 1e6:.2f}", f"{built.seconds:.2f}")
    table.add_row("in all", "", f"{sum(b.bytes for b in made.indexes) / 1e6:.2f}", f"{made.seconds:.2f}")
    return table


def _index_figures(made: Refreshed) -> dict[str, Any]:
    return {
        "snapshot": made.snapshot.name,
        "changed": made.changed,
        "resumed": made.resumed,
        "behind": made.behind,
        "removed": list(made.removed),
        "items": made.items,
        "users": made.users,
        "events": made.events,
        "indexes": {b.name: {"bytes": b.bytes, "seconds": round(b.seconds, 3)} for b in made.indexes},
        "seconds": round(made.seconds, 3),
    }


def _recall_table(found: Retrieval, ids: list[str]) -> Table:
    recalled = found.recalled
    table = Table(title=_summary(found), title_justify="left", box=SIMPLE_HEAD)
    for name in ("", "item", "score", *recalled.branches):
        table.add_column(name, justify="left" if name == "item" else "right", no_wrap=True)
    for at, item in enumerate(ids):
        places = [f"{rank}" if rank else "-" for rank in recalled.ranks[:, at].tolist()]
        table.add_row(str(at + 1), item, f"{recalled.fused[at]:.5f}", *places)
    return table


def _summary(found: Retrieval) -> str:
    """Say what each branch did: how many it found in which time, or why none."""
    parts = [
        f"{part.name}: {part.problem or f'{part.found} in {part.seconds * 1e3:.2f} ms'}" for part in found.coverage
    ]
    return "; ".join(parts) or "the surface has no recall branches"


def _recall_figures(found: Retrieval, ids: list[str]) -> dict[str, Any]:
    recalled = found.recalled
    items = [
        {
            "item_id": item,
            "score": float(recalled.fused[at]),
            "found_by": {
                name: {"rank": int(recalled.ranks[b, at]), "score": float(recalled.scores[b, at])}
                for b, name in enumerate(recalled.branches)
                if recalled.ranks[b, at]
            },
        }
        for at, item in enumerate(ids)
    ]
    coverage = [
        {"branch": p.name, "found": p.found, "seconds": round(p.seconds, 6), "problem": p.problem}
        for p in found.coverage
    ]
    return {"items": items, "coverage": coverage}
