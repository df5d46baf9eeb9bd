"""What each person clicked last: the habit that brings people back to places they know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from examples.city.size import Ints

__all__ = ["REMEMBERED", "remember"]

REMEMBERED: Final = 6


def remember(recent: Ints, users: Ints, items: Ints) -> Ints:
    """Return everybody's last places after some more clicks.

    Args:
        recent: Last places of each user, oldest first, padded with -1 at the front, shape ``(users, REMEMBERED)``.
        users: Who clicked, in the order of time, shape ``(n,)``.
        items: What, shape ``(n,)``.
    """
    known = np.repeat(np.arange(len(recent)), REMEMBERED)
    who = np.concatenate((known, users))
    what = np.concatenate((recent.ravel(), items))
    order = np.argsort(who, kind="stable")
    who, what = who[order], what[order]
    ends = np.searchsorted(who, np.arange(len(recent)), side="right")
    last: Ints = what[ends[:, None] - np.arange(REMEMBERED, 0, -1)]
    return last
