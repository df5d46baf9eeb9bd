"""What an answer says of itself: what was left out, what each branch gave, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from predictor.journey import Filtering, Removed

if TYPE_CHECKING:
    from searchrank.v1 import ranking_pb2

__all__ = ["OUTCOMES", "BranchCoverage", "Coverage"]

OUTCOMES: Final = {1: "answered", 2: "failed", 3: "late", 4: "skipped"}
"""How asking a branch ended, by the number that the wire has for it."""


@dataclass(frozen=True, slots=True)
class BranchCoverage:
    """What became of one recall branch.

    Attributes:
        branch: Its name.
        outcome: How asking it ended: ``answered``, ``failed``, ``late`` or ``skipped``.
        elapsed_us: Wall time that it took or was waited for, microseconds.
        returned: Candidates that it handed over.
        unique: Those of them that no other branch handed over.
        reason: Why it gave nothing; empty when it answered.
    """

    branch: str
    outcome: str
    elapsed_us: int
    returned: int
    unique: int
    reason: str = ""

    @classmethod
    def of(cls, told: ranking_pb2.BranchCoverage) -> BranchCoverage:
        """Return what a wire answer says."""
        outcome = OUTCOMES.get(told.outcome, "")
        return cls(told.branch, outcome, told.elapsed_us, told.returned, told.unique, told.reason)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the work was done.

    Attributes:
        degradations: (stage, subject, reason) of what was left out; empty when nothing was.
        stages: Microseconds a stage took, in the order in which they ran.
        filtering: What the filter did; None without one.
        rules: Re-ranking rules that moved items, and how many.
        branches: What became of each recall branch; empty when recall was not asked.
        removed: What of their lists became no candidate; None when recall was not asked.
    """

    degradations: tuple[tuple[str, str, str], ...]
    stages: dict[str, int]
    filtering: Filtering | None = None
    rules: tuple[tuple[str, int], ...] = ()
    branches: tuple[BranchCoverage, ...] = ()
    removed: Removed | None = None

    @classmethod
    def of(cls, told: ranking_pb2.Coverage) -> Coverage:
        """Return what a wire answer says."""
        what, gone = told.filtering, told.removed
        return cls(
            tuple((part.stage, part.subject, part.reason) for part in told.degradations),
            {part.stage: part.elapsed_us for part in told.stages},
            Filtering(what.looked_at, what.removed, what.missing, what.exact) if told.HasField("filtering") else None,
            tuple((part.rule, part.items) for part in told.rules),
            tuple(map(BranchCoverage.of, told.branches)),
            Removed(gone.duplicates, gone.excluded, gone.cut) if told.HasField("removed") else None,
        )
