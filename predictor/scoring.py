"""Features and scores of one thread.

The time left is looked at between blocks of rows, the first included, so that work nobody waits for any more is not
done.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from predictor.ladder import WHOLE, Effort
from searchrank.features import Evaluator, Rows
from searchrank.serving_log import DIGEST_BLOCK, FeaturesDigest

if TYPE_CHECKING:
    from predictor.block import ItemBlock
    from predictor.journey import Deadline
    from searchrank.models import Blend, Release

__all__ = ["Pairs", "Scored", "Scoring"]

BLOCK: Final = DIGEST_BLOCK
_TRIAL_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of the rows.

    Attributes:
        scores: Shape ``(n,)`` float64; NaN from row ``done`` on.
        done: Rows scored, the first so many.
        features_us: Microseconds spent on features.
        features_digest: ``FeaturesDigest`` of all rows' features; None when not all were computed.
        effort: What was to be done.
        cached: Whether they were kept from an earlier answer.
    """

    scores: npt.NDArray[np.float64]
    done: int
    features_us: int
    features_digest: int | None = None
    effort: Effort = WHOLE
    cached: bool = False

    @classmethod
    def nothing(cls, rows: int) -> Scored:
        """Return that no row was scored."""
        return cls(np.full(rows, np.nan), 0, 0)


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is scored: pairs of a request and an item, and the item records that they speak of.

    Attributes:
        rows: The pairs.
        block: Items, derived and prepared for the release.
    """

    rows: Rows
    block: ItemBlock

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, kept: npt.NDArray[np.int64]) -> Pairs:
        """Return some of them."""
        return Pairs(self.rows.take(kept), self.block)


class Scoring:
    """A release with an evaluator of its own; belongs to one thread, since an evaluator's memory does."""

    def __init__(self, release: Release, evaluator: Evaluator, blend: Blend | None = None) -> None:
        """Bind what scores to what computes its columns.

        Args:
            release: The surface's own.
            evaluator: Of the blend's plan, if there is one, or the release's; used by nobody else.
            blend: What scores instead of the release alone.
        """
        self.scorer = release.scorer if blend is None else blend
        self._pair_scorer = release.pair_scorer if blend is None else blend.pair_scorer
        self._evaluator = evaluator
        self._item_only = release.plan.item_only
        self._width = len(release.plan.columns)  # the features' digest is of the release's own columns, the first
        self._proved = self._width - len(self._item_only)

    def matrix(self, rows: Rows, block: ItemBlock) -> npt.NDArray[np.float32]:
        """Return all of the model's columns, shape ``(f, n)``."""
        return self._evaluator.evaluate(block.records, rows)

    def pair_columns(self, rows: Rows, block: ItemBlock) -> npt.NDArray[np.float32]:
        """Return those of the model's columns that do not depend on the item alone, shape ``(others, n)``."""
        return self._evaluator.evaluate_pairs(block.records, rows)

    def score(self, pairs: Pairs, deadline: Deadline, effort: Effort = WHOLE) -> Scored:
        """Score pairs in order until all that is to be done is, or time is up."""
        rows, trees = pairs.rows, effort.point.trees or None
        scores, kept = np.full(len(rows), np.nan), effort.point.kept(len(rows))
        done, features, digest = 0, 0.0, FeaturesDigest(self._item_only)
        for start in range(0, kept, BLOCK):
            if deadline.passed:
                break
            began = perf_counter()
            part = rows if len(rows) <= min(kept, BLOCK) else rows.part(start, min(kept, start + BLOCK))
            columns = self.pair_columns(part, pairs.block)
            features += perf_counter() - began
            digest.add_parts(columns[: self._proved], pairs.block.digests[part.item_rows])
            done = start + len(part)
            scores[start:done] = self._pair_scorer.score(columns, pairs.block.prepared, part.item_rows, trees)
        proof = digest.value if 0 < done == len(rows) else None
        return Scored(scores, done, int(features * 1e6), proof, effort)

    def earlier_digest(self, pairs: Pairs) -> int:
        """Return the digest of all rows' features as logs had it before items had digests of their own."""
        digest = FeaturesDigest()
        for start in range(0, len(pairs), BLOCK):
            digest.add(self.matrix(pairs.rows.part(start, start + BLOCK), pairs.block)[: self._width])
        return digest.value

    def seconds_per_row(self, block: ItemBlock, trees: int | None = None) -> float:
        """Return what a row costs on this machine, by the fastest of three trials with missing values.

        Args:
            block: What is read of the items.
            trees: As for ``Scorer.score``.
        """
        sets = self._evaluator.plan.feature_set
        nothing = np.zeros(_TRIAL_ROWS, np.int64)
        items = np.full(_TRIAL_ROWS, len(block) - 1)
        candidates = sets.candidate_encoder.missing(_TRIAL_ROWS)
        rows = Rows(items, sets.request_encoder.missing(1), nothing, candidates)
        times = []
        for _ in range(3):
            began = perf_counter()
            self._pair_scorer.score(self.pair_columns(rows, block), block.prepared, rows.item_rows, trees)
            times.append(perf_counter() - began)
        return min(times) / _TRIAL_ROWS
