"""The verb ``why``: why did this item rank above that one?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from predictor.gap_table import comparison_json, show_comparison
from predictor.replay.chosen import of_request
from predictor.replay.why import Why
from predictor.replay.why import why as ask_why
from predictor.showing import finding_json, number, shown
from searchrank.cli import Home, Json, emit, workspace
from searchrank.serving_log import ServingLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.answers import Finding

__all__ = ["why"]

DEFAULT_HOME: Final = Path(".searchrank")


def why(  # noqa: PLR0913, PLR0917 - one option each
    request: Annotated[str, typer.Argument(help="Id of a logged request.")],
    first: Annotated[str, typer.Argument(help="Id of an item that was a candidate.")],
    second: Annotated[str, typer.Argument(help="Id of another.")],
    rpc: Annotated[str, typer.Option(help="Its answer by Rank, or by Search.")] = "",
    at: Annotated[str, typer.Option(help="Its answer made at a time that begins so: 2026-03-01T08:15.")] = "",
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Say why one item of a logged answer ranked above another, and what would have turned them around."""
    where = workspace(home)
    chosen = of_request(ServingLog.open(where.serving), request, rpc, at)
    told = asyncio.run(ask_why(where, chosen, (first, second)))
    if as_json:
        emit(_json(told))
    else:
        _show(told)


def _json(told: Why) -> dict[str, Any]:
    items = [
        {
            "id": told.ids[k],
            "position": told.positions[k],
            "score": number(told.scores[k]),
            "columns": {name: number(value) for name, value in zip(told.columns, told.values[k].tolist(), strict=True)},
            "found_by": [finding_json(found) for found in told.found_by[k]],
        }
        for k in (0, 1)
    ]
    return {
        "replay": told.verdict.figures(),
        "items": items,
        "provenance": told.provenance,
        "sort": told.sort,
        **comparison_json(told.comparison, told.columns, told.ids),
    }


def _show(told: Why) -> None:
    console = Console()
    verdict = told.verdict
    equal = "made again, equal to the bit" if verdict.is_equal else "made again, DIFFERENT (see searchrank replay)"
    console.print(escape(f"{verdict.rpc} {verdict.request_id}, {verdict.release}: {equal}"), highlight=False)
    for k in (0, 1):
        place = f"place {told.positions[k] + 1}" if told.positions[k] >= 0 else "not returned"
        found = _found(told.found_by[k]) or ("no branch" if told.verdict.rpc == "Search" else "the caller")
        words = f"{told.ids[k]}: {place}, score {shown(told.scores[k])}, from {found}"
        console.print(escape(words), highlight=False)
    if told.sort:
        console.print(escape(f"the answer was ordered by {told.sort}; scores only break its ties"), highlight=False)
    columns = dict(zip(told.columns, told.features, strict=True))
    show_comparison(told.comparison, columns, told.values.tolist(), told.ids)


def _found(found: Sequence[Finding]) -> str:
    return ", ".join(f"{one.branch} #{one.rank}" for one in found)
