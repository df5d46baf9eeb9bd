"""What was found for many queries, as TREC run files hold it: ``query Q0 document rank score tag``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from recall.branch import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from recall.collection.jsonl import Line
    from recall.recaller import Recaller, Retrieval

__all__ = ["TAG", "Costs", "retrieve_all", "write_run"]

TAG: Final = "searchrank"
"""The last column of a run file: who made it."""


@dataclass(slots=True)
class Costs:
    """What each branch cost and gave, over some queries; and how often an item was found again by another branch."""

    queries: int = 0
    duplicates: int = 0
    _told: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, found: Retrieval) -> None:
        """Count one query."""
        self.queries += 1
        self.duplicates += found.duplicates
        for part in found.coverage:
            told = self._told.setdefault(part.name, dict.fromkeys(("seconds", "returned", "unique", "problems"), 0.0))
            told["seconds"] += part.seconds
            told["returned"] += part.found
            told["unique"] += part.unique
            told["problems"] += bool(part.problem)

    def figures(self) -> dict[str, dict[str, float]]:
        """Return for each branch milliseconds a query, candidates returned, found by no other, and failures."""
        return {
            name: {"ms": round(told["seconds"] * 1e3 / self.queries, 4)}
            | {key: int(told[key]) for key in ("returned", "unique", "problems")}
            for name, told in self._told.items()
        }


def retrieve_all(recaller: Recaller, query: Query, limit: int) -> Retrieval:
    """Return every candidate of every branch, each asked for its quota, or for as many as the limit if that is more."""
    quotas = {name: max(limit, quota) for name, quota in recaller.quotas.items()}
    return recaller.with_quotas(quotas).retrieve(query, max(1, sum(quotas.values())))


def write_run(
    out: Path,
    queries: Iterable[Line],
    asked: tuple[Recaller, Sequence[str]],
    limit: int,
    told: Callable[[Retrieval], None] = lambda _found: None,
) -> int:
    """Write a run file and return the number of its lines.

    The score is the branch's own when there is one branch, else that of fusion. The file comes into place at the end.

    Args:
        out: The file to write.
        queries: What to look for.
        asked: Who is asked, and the id of each row.
        limit: Most lines a query.
        told: Called with what was found for each query.
    """
    recaller, ids = asked
    beside, lines = out.with_name(f".{out.name}.writing"), 0
    try:
        with beside.open("w", encoding="utf-8") as file:
            for query in queries:
                found = retrieve_all(recaller, Query(text=query.text), limit)
                told(found)
                best = found.recalled.take(np.arange(min(limit, len(found.recalled))))
                scores = best.scores[0] if len(best.branches) == 1 else best.fused
                for at, (row, score) in enumerate(zip(best.rows.tolist(), scores.tolist(), strict=True)):
                    file.write(f"{query.id} Q0 {ids[row]} {at + 1} {score!r} {TAG}\n")
                lines += len(best)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return lines
