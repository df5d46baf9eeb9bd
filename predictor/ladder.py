"""How much is done for a request: the steps from a release's whole work down to the least that is worth having."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from searchrank.models import EffortPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from predictor.journey import Deadline
    from searchrank.models import EffortCurve

__all__ = ["WHOLE", "Effort", "Ladder"]


@dataclass(frozen=True, slots=True)
class Effort:
    """One step.

    Attributes:
        point: What is done, and the NDCG@10 that it had when it was measured.
        cost: What it takes on this machine, as a share of the whole work.
        trees: Trees of the whole forest; 0: not known.
    """

    point: EffortPoint
    cost: float = 1.0
    trees: int = 0


WHOLE: Final = Effort(EffortPoint(1.0, 0, 0.0))


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps that are worth taking: each costs less than the one before, and nothing that costs less is better.

    Attributes:
        steps: The whole work first; it alone where a release does not say what less would cost.
    """

    steps: tuple[Effort, ...] = (WHOLE,)

    @classmethod
    def only(cls, trees: int) -> Ladder:
        """Return the ladder of one step, the first so many trees for every candidate; 0: all."""
        return cls((Effort(EffortPoint(1.0, trees, 0.0)),))

    @classmethod
    def of(cls, curve: EffortCurve | None, max_loss: float, seconds: Callable[[int], float]) -> Ladder:
        """Return the ladder of a release.

        Args:
            curve: What less work costs in NDCG.
            max_loss: Most NDCG@10 that may be lost.
            seconds: Gives what a candidate takes with so many trees, on this machine.
        """
        if curve is None:
            return cls()
        fewest = min(point.trees or curve.trees for point in curve.points)
        most, least = seconds(curve.trees), seconds(fewest)
        each = max(0.0, most - least) / max(1, curve.trees - fewest)

        def cost(point: EffortPoint) -> float:
            return point.candidates * (1 - each * (curve.trees - (point.trees or curve.trees)) / most)

        allowed = [point for point in curve.points if point is curve.whole or curve.loss(point) <= max_loss]
        return cls(_best([Effort(point, cost(point), curve.trees) for point in allowed]))

    def chosen(self, pressure: float, seconds: float, deadline: Deadline) -> Effort:
        """Return what to do for a request.

        Args:
            pressure: See ``Overload``; 0 to 1 go down the ladder by equal parts of its cost.
            seconds: What the whole work takes.
            deadline: What is chosen should be done by then.
        """
        steps = self.steps
        if len(steps) == 1:
            return steps[0]
        most = 1 - min(1.0, pressure) * (1 - steps[-1].cost) if pressure else 1.0
        left = deadline.remaining
        if seconds * most > left:
            most = max(0.0, left / seconds)
        return next((step for step in steps if step.cost <= most + 1e-9), steps[-1])


def _best(steps: Sequence[Effort]) -> tuple[Effort, ...]:
    """Return the first step, and after it those than which none is both cheaper and as good, the dearest first."""
    kept: list[Effort] = []
    for step in sorted(steps[1:], key=lambda one: (one.cost, -one.point.ndcg)):
        if step.cost < 1 and (not kept or step.point.ndcg > kept[-1].point.ndcg):
            kept.append(step)
    return (steps[0], *reversed(kept))
