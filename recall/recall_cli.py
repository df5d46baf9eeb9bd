"""The verb ``recall``: what is found for a query, by which branch, at what cost; or a run file for many queries."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from recall.branch import Query
from recall.collection.corpus import Corpus
from recall.collection.jsonl import read_lines
from recall.collection.run import Costs, retrieve_all, write_run
from recall.fusion.file import read_fusion
from recall.narrowing import Narrowing
from recall.offline import of_project
from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall.recaller import Retrieval


__all__ = ["recall"]

_HOME = Path(".searchrank")


def recall(  # noqa: PLR0913, PLR0917 - one parameter an option
    query: Annotated[str, typer.Argument(help="Words to look for; may be empty.")] = "",
    user: Annotated[str, typer.Option(help="User whose recent items count; an unknown one has none.")] = "",
    surface: Annotated[str, typer.Option(help="Surface; may be left out when there is only one.")] = "",
    condition: Annotated[str, typer.Option("--filter", help="What an item must be, in the feature language.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most candidates of a query.")] = 100,
    branches: Annotated[str, typer.Option(help="Branches to ask, by comma; all by default.")] = "",
    index: Annotated[Path | None, typer.Option(help="What 'index build --corpus' made, instead of a project.")] = None,
    queries: Annotated[Path | None, typer.Option(help="JSON lines of _id and text, to be looked for in turn.")] = None,
    run: Annotated[Path | None, typer.Option(help="TREC run file to write for --queries.")] = None,
    fusion: Annotated[
        Path | None, typer.Option(help="What 'fusion fit' wrote, instead of how the lists become one otherwise.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say what each branch cost, gave and gave alone, and how it scored each item."),
    ] = False,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Print the candidates for a query and which branch found each at what rank, or write a run for many.

    Raises:
        ConfigError: When only one of --queries and --run is given, or --filter is of no use here.
    """
    if (queries is None) != (run is None):
        raise ConfigError("--queries and --run go together: what to look for, and the file to write")
    if index is None:
        recaller, ids, asked, narrowing = of_project(workspace(home), surface, user, (query, condition))
    else:
        if condition:
            raise ConfigError("--filter reads inputs of a project; a collection has none")
        corpus, asked, narrowing = Corpus.open(index), Query(text=query), Narrowing()
        recaller, ids = corpus.recaller, corpus.ids
    recaller = recaller if fusion is None else recaller.fused_by(read_fusion(fusion))
    recaller = recaller.only(branches.split(",")) if branches else recaller
    costs = Costs()
    figures: dict[str, Any]
    if queries is not None and run is not None:
        lines = write_run(run, read_lines(queries), (recaller, ids), limit, costs.add)
        figures = {"run": str(run), "queries": costs.queries, "lines": lines}
        Console(stderr=json).print(f"{lines:,} lines for {costs.queries:,} queries in {run}", highlight=False)
    else:
        found = retrieve_all(recaller, asked, limit)
        costs.add(found)
        figures = _print_found(found, ids, limit, (json, explain))
    if explain:
        Console(stderr=json).print(_costs_table(costs))
        figures["branches"] = costs.figures()
        figures["removed"] = asdict(narrowing) | {"duplicates": costs.duplicates}
        Console(stderr=json).print(_removed(narrowing, costs.duplicates), highlight=False)
    if json:
        emit(figures)


def _print_found(found: Retrieval, ids: Sequence[str], limit: int, how: tuple[bool, bool]) -> dict[str, Any]:
    """Print the best candidates and return them; ``how``: for machines, and with scores of branches."""
    json, explain = how
    best = found.recalled.take(np.arange(min(limit, len(found.recalled))))
    items = [str(ids[row]) for row in best.rows.tolist()]
    found = replace(found, recalled=best)
    Console(stderr=json).print(_recall_table(found, items, scores=explain))
    return _recall_figures(found, items)


def _removed(narrowing: Narrowing, duplicates: int) -> str:
    """Say what was not to be found, and what was found more than once."""
    missing = f", {narrowing.missing:,} of them unknown" if narrowing.missing else ""
    kept_out = f"{narrowing.excluded:,} excluded, {narrowing.filtered:,} removed by the filter{missing}"
    return f"{kept_out}; {duplicates:,} found again by another branch"


def _costs_table(costs: Costs) -> Table:
    table = Table(title=f"{costs.queries:,} queries", title_justify="left", box=SIMPLE_HEAD)
    for name in ("branch", "ms a query", "returned", "found by no other", "problems"):
        table.add_column(name, justify="left" if name == "branch" else "right")
    for name, told in costs.figures().items():
        table.add_row(name, f"{told['ms']:.2f}", *(f"{told[key]:,}" for key in ("returned", "unique", "problems")))
    return table


def _recall_table(found: Retrieval, ids: list[str], *, scores: bool) -> Table:
    recalled = found.recalled
    table = Table(title=_summary(found), title_justify="left", box=SIMPLE_HEAD)
    for name in ("", "item", "score", *recalled.branches):
        table.add_column(name, justify="left" if name == "item" else "right", no_wrap=True)
    for at, item in enumerate(ids):
        told = zip(recalled.ranks[:, at].tolist(), recalled.scores[:, at].tolist(), strict=True)
        places = [(f"{rank} ({score:.4g})" if scores else f"{rank}") if rank else "-" for rank, score in told]
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
        {"branch": told.pop("name"), **told, "seconds": round(told["seconds"], 6)}
        for told in map(asdict, found.coverage)
    ]
    return {"items": items, "coverage": coverage}
