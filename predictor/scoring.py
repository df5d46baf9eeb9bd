"""Features and scores of one thread, and the choice of the thread.

Short work runs on the event loop, where it costs no hand-over; long work goes to the one scoring thread of the
worker, first in, first out, so that it never holds up other calls. The time left is looked at between blocks of
rows, the first included, so that work nobody waits for any more is not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt

from searchrank.features import Evaluator, Rows
from searchrank.serving_log import DIGEST_BLOCK, FeaturesDigest

if TYPE_CHECKING:
    from predictor.block import ItemBlock
    from predictor.journey import Deadline
    from searchrank.models import Release

__all__ = ["Lane", "Pairs", "Scored", "Scoring"]

BLOCK: Final = DIGEST_BLOCK
INLINE_SECONDS: Final = 0.002
_TRIAL_ROWS: Final = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of the rows.

    Attributes:
        scores: Shape ``(n,)`` float64; NaN from row ``done`` on.
        done: Rows scored before time ran out.
        features_us: Microseconds spent on features.
        features_digest: ``FeaturesDigest`` of all rows' features; None when not all were computed.
    """

    scores: npt.NDArray[np.float64]
    done: int
    features_us: int
    features_digest: int | None = None


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

    def __init__(self, release: Release, evaluator: Evaluator) -> None:
        self.scorer = release.scorer
        self._pair_scorer = release.pair_scorer
        self._evaluator = evaluator
        self._item_only = release.plan.item_only

    def matrix(self, rows: Rows, block: ItemBlock) -> npt.NDArray[np.float32]:
        """Return all of the model's columns, shape ``(f, n)``."""
        return self._evaluator.evaluate(block.records, rows)

    def pair_columns(self, rows: Rows, block: ItemBlock) -> npt.NDArray[np.float32]:
        """Return those of the model's columns that do not depend on the item alone, shape ``(others, n)``."""
        return self._evaluator.evaluate_pairs(block.records, rows)

    def score(self, pairs: Pairs, deadline: Deadline) -> Scored:
        """Score pairs in order until all are done or time is up."""
        rows = pairs.rows
        scores = np.full(len(rows), np.nan)
        done, features, digest = 0, 0.0, FeaturesDigest(self._item_only)
        for start in range(0, len(rows), BLOCK):
            if deadline.passed:
                break
            began = perf_counter()
            part = rows if len(rows) <= BLOCK else rows.part(start, start + BLOCK)
            columns = self.pair_columns(part, pairs.block)
            features += perf_counter() - began
            digest.add_parts(columns, pairs.block.digests[part.item_rows])
            scores[start : start + BLOCK] = self._pair_scorer.score(columns, pairs.block.prepared, part.item_rows)
            done = start + len(part)
        return Scored(scores, done, int(features * 1e6), digest.value if 0 < done == len(rows) else None)

    def earlier_digest(self, pairs: Pairs) -> int:
        """Return the digest of all rows' features as logs had it before items had digests of their own."""
        digest = FeaturesDigest()
        for start in range(0, len(pairs), BLOCK):
            digest.add(self.matrix(pairs.rows.part(start, start + BLOCK), pairs.block))
        return digest.value

    def seconds_per_row(self, block: ItemBlock) -> float:
        """Return what a row costs on this machine, by the faster of three trials with missing values."""
        sets = self._evaluator.plan.feature_set
        nothing = np.zeros(_TRIAL_ROWS, np.int64)
        items = np.full(_TRIAL_ROWS, len(block) - 1)
        candidates = sets.candidate_encoder.missing(_TRIAL_ROWS)
        rows = Rows(items, sets.request_encoder.missing(1), nothing, candidates)
        times = []
        for _ in range(3):
            began = perf_counter()
            self._pair_scorer.score(self.pair_columns(rows, block), block.prepared, rows.item_rows)
            times.append(perf_counter() - began)
        return min(times) / _TRIAL_ROWS


class Lane:
    """Runs work here when it is short, on the worker's one thread when it is long."""

    def __init__(self, inline_seconds: float = INLINE_SECONDS) -> None:
        """Start no thread yet.

        Args:
            inline_seconds: Longest work, by estimate, that runs on the loop.
        """
        self._inline_seconds = inline_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")

    def is_short(self, seconds: float) -> bool:
        """Whether work of this estimate runs on the loop."""
        return seconds <= self._inline_seconds

    async def queue(self, work: Callable[[], T]) -> T:
        """Run long work after all that was queued before it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)
