"""Who dealt with what, as a graph of users and items: each one's neighbours in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.features.text import MISSING_HASH

if TYPE_CHECKING:
    from recall.interaction import Interactions

__all__ = ["Graph"]

USER_LIMIT: Final = 2_000
"""Latest distinct items of a user that count: cost grows with the square of a user's items."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Distinct pairs of a user and an item that they dealt with, read from both sides.

    Attributes:
        item_ends: Shape ``(items + 1,)`` int64; the users of item i are at ``item_ends[i]:item_ends[i + 1]``.
        users: Shape ``(pairs,)`` int32, numbers of users, for each item those latest to deal with it first.
        user_ends: Shape ``(users + 1,)`` int64, likewise for the items of users.
        items: Shape ``(pairs,)`` int32, catalogue rows, each user's latest first.
    """

    item_ends: npt.NDArray[np.int64]
    users: npt.NDArray[np.int32]
    user_ends: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]

    @property
    def size(self) -> int:
        """Number of items, those without users among them."""
        return len(self.item_ends) - 1

    @classmethod
    def of(cls, interactions: Interactions) -> Graph:
        """Join users and items by events; how often does not matter, events that name no user do not count."""
        size = max(interactions.size, 1)
        latest_first = np.flatnonzero(interactions.events.user != MISSING_HASH)[::-1]
        numbers = np.unique(interactions.events.user[latest_first], return_inverse=True)[1]
        keys = numbers * np.int64(size) + interactions.rows[latest_first]
        keys = keys[np.sort(np.unique(keys, return_index=True)[1])]
        users, items = (part.astype(np.int32) for part in np.divmod(keys, size))
        order = np.argsort(users, kind="stable")
        counted = np.empty(len(users), np.bool_)
        counted[order] = np.arange(len(users)) - np.searchsorted(users[order], users[order]) < USER_LIMIT
        users, items = users[counted], items[counted]
        by_user, by_item = np.argsort(users, kind="stable"), np.argsort(items, kind="stable")
        return cls(
            _ends(items, interactions.size),
            users[by_item],
            _ends(users, int(users.max(initial=-1)) + 1),
            items[by_user],
        )


def _ends(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(numbers, minlength=count), dtype=np.int64)])
