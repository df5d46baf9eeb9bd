"""The verbs ``index`` and ``refresh``: a project's indexes, or that of a collection of documents."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from recall.collection.corpus import CORPUS_RECALL, build_corpus
from recall.collection.embeddings import Embeddings
from recall.indexes.refresh import Refreshed, refresh_workspace
from recall.indexes.retention import KEPT
from recall.stats_cli import index_stats
from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


__all__ = ["index", "refresh"]

_HOME = Path(".searchrank")

index = typer.Typer(
    add_completion=False,
    help="Build the live snapshot and its indexes anew, bring them up to date, look at them, or index a collection.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


def refresh(
    keep: Annotated[int, typer.Option(min=2, help="How many of the last snapshots stay.")] = KEPT,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Bring the live snapshot up to date with event log, items and users; does nothing when nothing changed."""
    with _progress() as told:
        made = refresh_workspace(workspace(home), kept=keep, progress=told)
    _show(made, json=json)


@index.callback()
def index_project(
    context: typer.Context,
    keep: Annotated[int, typer.Option(min=2, help="How many of the last snapshots stay.")] = KEPT,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Build the live snapshot and its recall indexes anew, whatever changed."""
    if context.invoked_subcommand is None:
        with _progress() as told:
            made = refresh_workspace(workspace(home), force=True, kept=keep, progress=told)
        _show(made, json=json)


@index.command("build")
def index_build(  # noqa: PLR0913, PLR0917 - one parameter an option
    corpus: Annotated[Path, typer.Option(help="JSON lines of _id, title and text; .gz is read too.")],
    to: Annotated[Path, typer.Option(help="Folder of the index; an older one there is replaced.")],
    recall: Annotated[Path | None, typer.Option(help="YAML of a recall section over title and text.")] = None,
    embeddings: Annotated[
        Path | None, typer.Option(help="Vectors of its documents, in an .npz perhaps those of queries too.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(help="JSON lines of _id and text: the queries in it.")] = None,
    json: Json = False,
) -> None:
    """Index a collection of documents, without a project, for 'searchrank recall --index'.

    Raises:
        ConfigError: When --queries comes without --embeddings.
    """
    if queries is not None and embeddings is None:
        raise ConfigError("--queries says which queries have vectors in --embeddings; name that file too")
    start = time.monotonic()
    section = CORPUS_RECALL if recall is None else _section(recall)
    vectors = Embeddings.read(embeddings, queries) if embeddings is not None else None
    with _progress() as told:
        documents = build_corpus(corpus, to, section, told, embeddings=vectors)
    figures = {"documents": documents, "index": str(to), "seconds": round(time.monotonic() - start, 3)}
    Console(stderr=json).print(f"{documents:,} documents in {to}, {figures['seconds']:.1f} s", highlight=False)
    if json:
        emit(figures)


index.command("update")(refresh)
index.command("stats")(index_stats)


def _section(path: Path) -> Mapping[str, object]:
    try:
        section = yaml.safe_load(path.read_text())
    except OSError as error:
        raise NotFoundError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(section, dict):
        raise ConfigError(f"{path} is not a recall section, such as 'lexical: {{fields: {{title: 2.0, text: 1.0}}}}'")
    return section


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
        took = "as it was" if built.reused else f"{built.seconds:.2f}"
        table.add_row(built.name, "", f"{built.bytes / 1e6:.2f}", took)
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
        "indexes": {
            b.name: {"bytes": b.bytes, "seconds": round(b.seconds, 3), "reused": b.reused} for b in made.indexes
        },
        "seconds": round(made.seconds, 3),
    }
