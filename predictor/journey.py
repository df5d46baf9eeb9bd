"""One request's way through the stages: how long it may take, how long it took, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall import BranchCoverage
    from searchrank.experiments import Assigned

__all__ = ["Deadline", "Degradation", "Filtering", "Journey", "Removed"]

MARGIN_SHARE: Final = 0.1
MARGIN_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which an answer must be on its way.

    Attributes:
        expires: Seconds on the clock of ``time.monotonic``.
    """

    expires: float

    @classmethod
    def of_call(cls, remaining: float | None, budget: float) -> Deadline:
        """Return the deadline that a call is served by.

        Args:
            remaining: Seconds that the caller still waits, or None when it sent no deadline. The aim is this
                minus the larger of 2 ms and 10 %.
            budget: Seconds to take when the caller sent no deadline.
        """
        seconds = budget if remaining is None else remaining - max(MARGIN_SECONDS, MARGIN_SHARE * remaining)
        return cls(monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left; below 0 when it has passed."""
        return self.expires - monotonic()

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return monotonic() >= self.expires

    def share(self, part: float) -> Deadline:
        """Return an earlier deadline that leaves later stages time: ``part`` (0 to 1) of what is left."""
        now = monotonic()
        return Deadline(now + max(0.0, self.expires - now) * part)


@dataclass(frozen=True, slots=True)
class Degradation:
    """Something that was left out of an answer.

    Attributes:
        stage: Stage of the pipeline.
        subject: What is missing; empty: the whole stage.
        reason: Why, in words.
    """

    stage: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filtering:
    """What a filter removed.

    Attributes:
        looked_at: Items that it was asked of.
        removed: Items that it removed, those for which it is unknown among them.
        missing: Items that it removed because a value is missing.
        exact: Whether it was asked of the whole catalogue before recall, else of what recall found.
    """

    looked_at: int
    removed: int
    missing: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """What of the branches' lists did not become a candidate, and what they were not to find.

    Attributes:
        duplicates: Finds of items that another branch had found too.
        excluded: Items of the catalogue that the surface's ``exclude`` kept out.
        cut: Items that fusion put behind those that were wanted.
    """

    duplicates: int
    excluded: int
    cut: int


@dataclass(slots=True)
class Journey:
    """Written by the stages of one request, read into its answer's coverage; belongs to one task.

    Attributes:
        deadline: When the answer is due.
        degradations: What was left out so far.
        stages: Name and microseconds of the stages that ran, in order.
        arms: Experiment arms that apply.
        filtering: What the filter did; None without one.
        rules: Re-ranking rules that applied, with how many items each moved.
        branches: What became of each recall branch; empty when recall was not asked.
        removed: What became no candidate; None when recall was not asked.
    """

    deadline: Deadline
    degradations: list[Degradation] = field(default_factory=list)
    stages: list[tuple[str, int]] = field(default_factory=list)
    arms: tuple[Assigned, ...] = ()
    filtering: Filtering | None = None
    rules: tuple[tuple[str, int], ...] = ()
    branches: tuple[BranchCoverage, ...] = ()
    removed: Removed | None = None
    _mark: float = field(default_factory=monotonic)

    def ran(self, stage: str) -> None:
        """Note that a stage ended now and began when the one before it ended; times of one that runs again add up."""
        now = monotonic()
        before = dict(self.stages).get(stage)
        if before is not None:
            self.stages.remove((stage, before))
        self.stages.append((stage, (before or 0) + int((now - self._mark) * 1e6)))
        self._mark = now

    def recalled(self, branches: Sequence[BranchCoverage]) -> None:
        """Note what became of each branch; of one that is asked again the last list counts, and its times add up."""
        before = {part.name: part.seconds for part in self.branches}
        if before:
            branches = [replace(part, seconds=part.seconds + before.get(part.name, 0.0)) for part in branches]
        self.branches = tuple(branches)
        for part in branches:
            if part.problem:
                self.left_out("recall", part.name, part.problem)

    def left_out(self, stage: str, subject: str, reason: str) -> None:
        """Note that something is missing from the answer; once is enough."""
        part = Degradation(stage, subject, reason)
        if part not in self.degradations:
            self.degradations.append(part)
