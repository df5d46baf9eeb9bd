"""The evaluation protocol: everybody's last fifth of ratings is held out, what comes later is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from trainer.levels import HeldOut

if TYPE_CHECKING:
    from examples.movies.read import Ratings, Tags

__all__ = ["LIKED", "Split", "held_out_of", "split"]

LIKED: Final = 4.0
"""Stars from which a rating is positive."""

_HELD_OUT: Final = 5


@dataclass(frozen=True, slots=True)
class Split:
    """Ratings to learn from and ratings to be judged by.

    Attributes:
        train: Ratings that are known, in the order of the file.
        held_out: Ratings that are not, likewise.
        users: Users with a positive among the held-out ratings, ascending: those over whom measures are averaged.
        cuts: For every user with ratings, the time of the last known one, by id; one who has none known is absent.
    """

    train: Ratings
    held_out: Ratings
    users: npt.NDArray[np.int64]
    cuts: dict[int, int]

    def known(self, tags: Tags) -> Tags:
        """Return the tags given no later than their user's last known rating."""
        cut = np.fromiter((self.cuts.get(u, -(1 << 62)) for u in tags.user.tolist()), np.int64, len(tags))
        return tags.take(tags.time <= cut)


def held_out_of(part: Split) -> HeldOut:
    """Return what is held out of a split, by user: what they rated before is not listed again."""
    return HeldOut(
        users=tuple(map(str, part.users.tolist())),
        known=_movies_by_user(part.train, part.users),
        wanted=_movies_by_user(part.held_out.take(part.held_out.stars >= LIKED), part.users),
    )


def _movies_by_user(ratings: Ratings, users: npt.NDArray[np.int64]) -> tuple[tuple[str, ...], ...]:
    order = np.argsort(ratings.user, kind="stable")
    at = [np.searchsorted(ratings.user[order], users, side=side) for side in ("left", "right")]
    movies = ratings.movie[order]
    return tuple(tuple(map(str, movies[a:b].tolist())) for a, b in zip(*at, strict=True))


def split(ratings: Ratings) -> Split:
    """Hold out the last 20 % of each user's ratings by time, rounded up; equal times stay in the order of the file.

    Splitting ``split(ratings).train`` again gives the inner split for tuning.
    """
    order = np.lexsort((ratings.time, ratings.user))
    user = ratings.user[order]
    first = np.searchsorted(user, user, side="left")
    count = np.searchsorted(user, user, side="right") - first
    known = np.empty(len(ratings), dtype=np.bool_)
    known[order] = np.arange(len(ratings)) - first < count - -(-count // _HELD_OUT)
    train, held_out = ratings.take(known), ratings.take(~known)
    cuts: dict[int, int] = {}
    for who, when in zip(train.user.tolist(), train.time.tolist(), strict=True):
        cuts[who] = max(when, cuts.get(who, when))
    return Split(train, held_out, np.unique(held_out.user[held_out.stars >= LIKED]), cuts)
