"""Learning without impressions: what recall finds for people as known earlier, and what they chose after that.

A level is the state at a cut: statistics and indexes made from what is known there. Forests are learnt on the lists of
earlier cuts and judged by the list of the last one.

Stability: what is listed in ``__all__`` is public and kept.
"""

from trainer.levels.fitting import Fitted, ReleaseFacts, columns_of, fit_levels, release_draft
from trainer.levels.held_out import HeldOut
from trainer.levels.judging import judge
from trainer.levels.level import Level, Lists
from trainer.levels.measure import measure, ranked

__all__ = [
    "Fitted",
    "HeldOut",
    "Level",
    "Lists",
    "ReleaseFacts",
    "columns_of",
    "fit_levels",
    "judge",
    "measure",
    "ranked",
    "release_draft",
]
