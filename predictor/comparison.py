"""Why one item ranks above another, as a value: of a server's answer, of a logged answer made again, on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.v1 import ranking_pb2

__all__ = ["ABOVE", "BELOW", "BOTH", "Comparison", "Flip"]

ABOVE: Final = "above"
BELOW: Final = "below"
BOTH: Final = "both"
_WIRE: Final = {
    ABOVE: ranking_pb2.CHANGED_ABOVE,
    BELOW: ranking_pb2.CHANGED_BELOW,
    BOTH: ranking_pb2.CHANGED_BOTH,
}
_WORDS: Final = {number: word for word, number in _WIRE.items()}


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of one feature that turns the order around.

    Attributes:
        feature: What changes.
        whose: ``above``: of the item above; ``below``: of the item below; ``both``: a feature of the request.
        before: Its value, in its own unit; NaN: missing.
        after: The nearest value that turns the order around.
        is_code: Whether values are codes of categories, of which none is nearer than another.
        spreads: How far that is in the model's column, in spreads of the training data; infinite: they do not tell.
    """

    feature: str
    whose: str
    before: float
    after: float
    is_code: bool = False
    spreads: float = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two items of one answer.

    Attributes:
        above: Position of the one that ranks above, by score, then by the given order; one without a score is below.
        below: Position of the other.
        gap: Score of the first less that of the second; NaN when one of them has none.
        contributions: Shape ``(f,)``, what each model column adds to the gap; the sum is the gap up to rounding. Empty:
            this kind of model tells nothing but its score.
        flips: For each feature that alone can turn the order around its smallest change, the smallest first.
    """

    above: int
    below: int
    gap: float
    contributions: npt.NDArray[np.float64]
    flips: tuple[Flip, ...]

    @classmethod
    def of(cls, answer: ranking_pb2.Comparison) -> Comparison:
        """Return what a wire answer says."""
        flips = tuple(
            Flip(one.feature, _WORDS.get(one.changed, ""), one.before, one.after, one.is_code) for one in answer.flips
        )
        return cls(answer.above, answer.below, answer.gap, np.array(answer.contributions, np.float64), flips)

    def wire(self) -> ranking_pb2.Comparison:
        """Return it as a message."""
        flips = [
            ranking_pb2.Flip(
                feature=one.feature, changed=_WIRE[one.whose], before=one.before, after=one.after, is_code=one.is_code
            )
            for one in self.flips
        ]
        return ranking_pb2.Comparison(
            above=self.above,
            below=self.below,
            gap=self.gap,
            contributions=self.contributions.tolist(),
            flips=flips,
        )
