"""What a filter says of every item, worked out condition by condition.

Stability: internal to recall and predictor.
"""

from recall.filtering.asking import Case, Items, TooManyError, Written, ask
from recall.filtering.compiled import Compiled
from recall.filtering.conditions import Condition, Joined, Member, Opposite, Single, conditions, leaves
from recall.filtering.members import Members
from recall.filtering.truth import NO, UNKNOWN, YES, Truths

__all__ = [
    "NO",
    "UNKNOWN",
    "YES",
    "Case",
    "Compiled",
    "Condition",
    "Items",
    "Joined",
    "Member",
    "Members",
    "Opposite",
    "Single",
    "TooManyError",
    "Truths",
    "Written",
    "ask",
    "conditions",
    "leaves",
]
