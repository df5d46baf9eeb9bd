"""Which requests gained and which lost most, and what they were shown before and now."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.evaluation.comparison import CHAMPION_RANKING, MODEL, RECALL_ORDER
from trainer.evaluation.metrics import ndcg
from trainer.evaluation.page import Cell, histogram, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from trainer.evaluation.comparison import Details

__all__ = ["requests_of", "titles_of"]

_NAMED: Final = 5


def requests_of(details: Details, titles: Mapping[str, str]) -> list[str]:
    """Return the part of a page that tells which requests gained and lost most.

    They are compared with what is live, or, when nothing is or it could not be asked, with the order of recall.

    Args:
        details: The requests and their rankings.
        titles: What people call an item, by its id, as far as known.
    """
    other = CHAMPION_RANKING if CHAMPION_RANKING in details.rankings else RECALL_ORDER
    if other not in details.rankings:
        return []
    ours, theirs = (ndcg(details.rankings[name], 10) for name in (MODEL, other))
    apart = ours - theirs
    order = np.argsort(apart, kind="stable")
    best, worst = order[::-1][:_NAMED], order[:_NAMED]
    gain, lose, same = (int(found.sum()) for found in (apart > 0, apart < 0, apart == 0))
    counts = f"{gain:,} requests gain, {lose:,} lose, {same:,} do neither"
    parts = [
        f"<h2>Request by request, beside {html.escape(other)}</h2>",
        f"<p>{counts}. NDCG@10 of the model less that of the other, for those that differ:</p>",
        histogram(apart, "NDCG@10 of the model less that of the other ranking"),
    ]
    for title, chosen in (("Winners", best[apart[best] > 0]), ("Losers", worst[apart[worst] < 0])):
        if len(chosen):
            rows = [
                [*_asked(details, query), theirs[query], ours[query], *_lists(details, other, query, titles)]
                for query in chosen.tolist()
            ]
            columns = [
                "request",
                "what was asked",
                "before",
                "now",
                f"first five by {other}",
                "first five by the model",
            ]
            parts += [f"<h2>{title}</h2>", table(columns, rows)]
    return parts


def titles_of(items: pa.Table, column: str) -> dict[str, str]:
    """Return what people call items, by id; nothing when there is no such column of texts."""
    if column not in items.column_names or str(items.schema.field(column).type) not in {"string", "large_string"}:
        return {}
    pairs = zip(items.column("item_id").to_pylist(), items.column(column).to_pylist(), strict=True)
    return {str(one): title for one, title in pairs if title}


def _asked(details: Details, query: int) -> tuple[str, Cell]:
    """Return which request it is and what was asked; not by whom: pages are passed on, and outlive who is forgotten."""
    asked = details.samples.requests.slice(query, 1).to_pylist()[0]
    return str(asked.get("request_id", query)), Cell(html.escape(asked.get("query") or ""), left=True)


def _lists(details: Details, other: str, query: int, titles: Mapping[str, str]) -> tuple[Cell, Cell]:
    """Return the first five items by either ranking; what was relevant stands out."""
    ids, cells = details.samples.impressions.column("item_id"), []
    for ranking in (details.rankings[other], details.rankings[MODEL]):
        there = np.flatnonzero(ranking.query == query)[:_NAMED]
        names = [html.escape(titles.get(str(one), str(one))) for one in ids.take(ranking.rows[there]).to_pylist()]
        marked = [f"<b>{n}</b>" if grade > 0 else n for n, grade in zip(names, ranking.labels[there], strict=True)]
        cells.append(Cell("<br>".join(marked), left=True))
    return cells[0], cells[1]
