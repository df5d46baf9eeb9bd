"""What less work costs: NDCG when fewer candidates are scored by fewer trees, measured when a release is made."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from searchrank.errors import DataError

__all__ = ["EFFORT", "EffortCurve", "EffortPoint"]

EFFORT = "effort.json"


@dataclass(frozen=True, slots=True)
class EffortPoint:
    """One way of doing less.

    Attributes:
        candidates: Share of the candidates that are scored, the first of them, more than 0 and at most 1; the others
            follow in their order.
        trees: Trees that are used, the first so many; 0: all.
        ndcg: Mean NDCG@10, 0 to 1.
    """

    candidates: float
    trees: int
    ndcg: float

    def kept(self, candidates: int) -> int:
        """Return how many of so many candidates are scored."""
        return math.ceil(self.candidates * candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortCurve:
    """A grid of them, measured on the same lists.

    Attributes:
        points: All that were measured; the first is the whole work.
        lists: How many lists they were measured on.
        length: Mean number of candidates in a list: shares of much longer ones may cost less, of shorter ones more.
        trees: Trees of the whole forest.
    """

    points: tuple[EffortPoint, ...]
    lists: int
    length: float
    trees: int

    def __post_init__(self) -> None:
        """Refuse what cannot be such a grid.

        Raises:
            DataError: When it does not begin with the whole work, or a number is out of its range.
        """
        if not self.points or (self.points[0].candidates, self.points[0].trees) != (1.0, 0):
            raise DataError("its first point must be the whole work: candidates 1, trees 0", field="effort")
        for point in self.points:
            if not (0 < point.candidates <= 1 and 0 <= point.trees < self.trees and 0 <= point.ndcg <= 1):
                raise DataError(f"{point} is not within its ranges", field="effort")

    @property
    def whole(self) -> EffortPoint:
        """The point of all candidates and trees."""
        return self.points[0]

    def loss(self, point: EffortPoint) -> float:
        """Return by how much NDCG@10 is less there than at the whole work; below 0 when it is more."""
        return self.whole.ndcg - point.ndcg

    def to_text(self) -> str:
        """Write ``effort.json``."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> EffortCurve:
        """Read ``effort.json``.

        Raises:
            DataError: When it is damaged.
        """
        try:
            content = json.loads(text)
            points = tuple(
                EffortPoint(float(p["candidates"]), int(p["trees"]), float(p["ndcg"])) for p in content["points"]
            )
            return cls(
                points=points,
                lists=int(content["lists"]),
                length=float(content["length"]),
                trees=int(content["trees"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{EFFORT} is damaged: {error!r}", field="effort") from error

    def table(self) -> list[str]:
        """Return it as Markdown, one line a number of trees, one column a share of candidates."""
        shares = sorted({p.candidates for p in self.points}, reverse=True)
        found = {(p.candidates, p.trees or self.trees): p.ndcg for p in self.points}
        counts = sorted({trees for _, trees in found}, reverse=True)
        return [
            f"| trees | {' | '.join(f'{share:.0%} of the candidates' for share in shares)} |",
            f"| ---: | {' | '.join('---:' for _ in shares)} |",
            *(f"| {trees} | {' | '.join(_shown(found.get((share, trees))) for share in shares)} |" for trees in counts),
        ]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
