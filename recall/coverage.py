"""What became of each branch of one question: what it cost, what it gave, and what no other branch gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BranchCoverage", "Outcome", "with_unique"]


class Outcome(StrEnum):
    """How asking a branch ended."""

    ANSWERED = "answered"
    """It gave its list, which may be empty."""
    FAILED = "failed"
    """It raised an error."""
    LATE = "late"
    """It gave nothing by the deadline, or none of it was left to ask it."""
    SKIPPED = "skipped"
    """It was not asked, being busy or late before."""


@dataclass(frozen=True, slots=True)
class BranchCoverage:
    """What became of one branch.

    Attributes:
        name: The branch.
        found: Candidates it handed over.
        seconds: Wall time it took, or was waited for; 0 when it was not asked.
        problem: Why it gave nothing; empty when it answered.
        outcome: How asking it ended.
        unique: Candidates that no other branch handed over.
    """

    name: str
    found: int
    seconds: float
    problem: str = ""
    outcome: Outcome = Outcome.ANSWERED
    unique: int = 0


def with_unique(coverage: Sequence[BranchCoverage], unique: Sequence[int]) -> tuple[BranchCoverage, ...]:
    """Return the same coverage with the number of candidates that each branch alone found."""
    return tuple(
        BranchCoverage(told.name, told.found, told.seconds, told.problem, told.outcome, count)
        for told, count in zip(coverage, unique, strict=True)
    )
