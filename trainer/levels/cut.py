"""A log without impressions is cut: everybody's last fifth of items is held out, and all that they did later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from trainer.levels.held_out import HeldOut

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Cut", "cut"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HELD_OUT: Final = 5
_SHOWN: Final = ("search", "impression", "cancel")
_MOST_USERS: Final = 5_000
_FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Events on both sides of everybody's cut.

    Attributes:
        known: Those before, in the order of the log.
        held_out: What people wanted after.
    """

    known: pa.Table
    held_out: HeldOut


def cut(events: pa.Table, wanted: Collection[str], *, most: int = _MOST_USERS) -> Cut:
    """Hold out the last fifth of the items that each person dealt with, rounded up, by the first time they did.

    Of a held-out item nothing is known, and of a person nothing that they did after the first of their held-out items.
    Equal times go by the order of the log. Cutting ``cut(events).known`` again gives an earlier level.

    Args:
        events: All columns of a log.
        wanted: Kinds of events that say that an item was wanted.
        most: People over whom measures are averaged at most, spread evenly.

    Raises:
        DataError: When nobody has a held-out item that they wanted.
    """
    acts = _acts(events)
    users, user = _coded(events.column("user_id"))
    items, item = _coded(events.column("item_id"))
    times: Ints = events.column("event_time").cast(pa.int64()).to_numpy()
    rows = np.flatnonzero(acts)
    pairs = _Pairs.of(user[rows], item[rows], times[rows])
    held = pairs.is_held
    cuts = np.full(len(users) + 1, _FOREVER)
    np.minimum.at(cuts, pairs.user[held], pairs.first[held])
    unknown = times > cuts[user]
    unknown[rows] |= held[pairs.number]
    good = np.zeros(len(pairs.user), np.bool_)
    is_wanted = pc.is_in(events.column("kind"), pa.array(sorted(wanted), pa.string())).to_numpy()[rows]
    good[pairs.number[is_wanted]] = True
    people = np.unique(pairs.user[held & good])
    if not len(people):
        raise DataError(
            f"nobody has an item to hold out that they wanted ({', '.join(sorted(wanted))}); more events are needed"
        )
    people = people[np.linspace(0, len(people) - 1, min(most, len(people))).round().astype(int)]
    return Cut(
        events.filter(pa.array(~unknown)),
        HeldOut(
            users=tuple(users.take(pa.array(people)).to_pylist()),
            known=_listed(people, pairs.user[~held], pairs.item[~held], items),
            wanted=_listed(people, pairs.user[held & good], pairs.item[held & good], items),
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Each pair of user and item once.

    Attributes:
        user: (p,) code of the user.
        item: (p,) code of the item.
        first: (p,) when the user first dealt with it.
        is_held: (p,) whether it is among the user's last fifth.
        number: (n,) pair of each event.
    """

    user: Ints
    item: Ints
    first: Ints
    is_held: Mask
    number: Ints

    @classmethod
    def of(cls, user: Ints, item: Ints, times: Ints) -> _Pairs:
        """Return the pairs of events that have both."""
        order = np.lexsort((np.arange(len(user)), times, item, user))
        new = np.ones(len(order), np.bool_)
        new[1:] = (user[order][1:] != user[order][:-1]) | (item[order][1:] != item[order][:-1])
        number = np.empty(len(order), np.int64)
        number[order] = np.cumsum(new) - 1
        first = order[new]
        by_time = np.lexsort((first, times[first], user[first]))
        owner = user[first][by_time]
        start, end = (np.searchsorted(owner, owner, side=side) for side in ("left", "right"))
        count, place = end - start, np.arange(len(owner)) - start
        held = np.empty(len(owner), np.bool_)
        held[by_time] = place >= count - -(-count // _HELD_OUT)
        return cls(user[first], item[first], times[first], held, number)


def _acts(events: pa.Table) -> Mask:
    """Return which events say that somebody dealt with an item."""
    shown = pc.is_in(events.column("kind"), pa.array(_SHOWN, pa.string()))
    whose = pc.and_(events.column("user_id").is_valid(), events.column("item_id").is_valid())
    found: Mask = pc.and_(whose, pc.invert(shown)).to_numpy()
    return found


def _coded(texts: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Return the distinct texts and the code of each; their number for a missing one."""
    encoded = texts.combine_chunks().dictionary_encode()
    codes: Ints = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary, codes


def _listed(people: Ints, users: Ints, items: Ints, names: pa.Array) -> tuple[tuple[str, ...], ...]:
    """Return the items of each of some people."""
    order = np.argsort(users, kind="stable")
    starts = np.searchsorted(users[order], people, side="left")
    ends = np.searchsorted(users[order], people, side="right")
    return tuple(
        tuple(names.take(pa.array(items[order[start:end]])).to_pylist())
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    )
