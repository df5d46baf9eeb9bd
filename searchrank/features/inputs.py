"""What a raw column may be: its root, type, missing policy, limits and, for a statistic, how it is counted.

A value of every kind occupies one fixed-size *cell*, so that a row is one record and a column is an address, a
stride and a row number. Strings never reach a kernel: a category, a token and an id are 64-bit hashes.

======== ========================================= ==========================
kind     cell                                      missing
======== ========================================= ==========================
number   float32                                   NaN
category int64 hash                                0
time     int64 microseconds since 1970, UTC        smallest int64
point    2 x float64: latitude, longitude, degrees NaN, NaN
vector   size x float32                            NaN throughout
list     int64 count, limit x int64 hash           count -1
map      int64 count, limit x int64, limit x float32, keys ascending   count -1
======== ========================================= ==========================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

__all__ = [
    "CANDIDATE_ROOTS",
    "MISSING_TIME",
    "REQUEST_ROOTS",
    "Input",
    "InputType",
    "Kind",
    "Root",
    "Statistic",
    "StatisticKind",
    "cell",
    "layout",
]

MISSING_TIME: Final = -(1 << 63)


class Root(StrEnum):
    """Whose value it is; the first part of an input's name."""

    REQUEST = "request"
    SESSION = "session"
    USER = "user"
    QUERY = "query"
    ITEM = "item"
    CANDIDATE = "candidate"
    RECALL = "recall"


REQUEST_ROOTS: Final = frozenset({Root.REQUEST, Root.SESSION, Root.USER, Root.QUERY})
CANDIDATE_ROOTS: Final = frozenset({Root.CANDIDATE, Root.RECALL})


class Kind(StrEnum):
    """How a value is stored; what operators are typed by."""

    NUMBER = "number"
    CATEGORY = "category"
    TIME = "time"
    POINT = "point"
    VECTOR = "vector"
    LIST = "list"
    MAP = "map"


class InputType(StrEnum):
    """The word written after ``type:``."""

    FLOAT = "float"
    SIGNAL = "signal"
    CATEGORY = "category"
    TOKENS = "tokens"
    TIME = "time"
    POINT = "point"
    VECTOR = "vector"
    LIST = "list"
    MAP = "map"

    @property
    def kind(self) -> Kind:
        """The storage kind of this type."""
        return _KINDS.get(self) or Kind(self.value)


_KINDS: Final = {
    InputType.FLOAT: Kind.NUMBER,
    InputType.SIGNAL: Kind.NUMBER,
    InputType.TOKENS: Kind.LIST,
}


class StatisticKind(StrEnum):
    """What a declared statistic computes from events (see ``searchrank.features.history``)."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    RATE = "rate"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """How an input is counted from events.

    Attributes:
        kind: What is computed.
        event: Event kind that is counted, summed, averaged or listed (``click``).
        over: For ``rate``: the event kind in the denominator (``impression``).
        by: For a map: the item input whose value is the key (``item.category``); a list counts once per member.
        window_us: Length of the window that ends at the refresh boundary; 0 means all time.
        refresh_us: The value read at time t is that of the last multiple of this before or at t.
        prior: For ``rate`` and ``mean``: the value with no evidence.
        strength: For ``rate`` and ``mean``: how many events the prior weighs.
    """

    kind: StatisticKind
    event: str
    over: str = ""
    by: str = ""
    window_us: int = 0
    refresh_us: int = 1
    prior: float = 0.0
    strength: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One declared raw column.

    Attributes:
        name: ``root.noun``.
        type: Declared type.
        missing: None keeps a missing value missing; a number or string replaces it; ``[]`` makes it empty.
        unit: Free text for people and the fingerprint.
        size: Length of a vector.
        limit: Most members of tokens, a list or a map; the rest is cut (the first ``limit`` are kept).
        of: For a list: what its members are (``item_id``).
        statistic: How it is counted from events, or None for a column that is handed in.
        training_only: Known in training alone; serving uses ``serving``.
        serving: The constant that serving uses for a training-only input.
    """

    name: str
    type: InputType
    missing: float | str | tuple[()] | None = None
    unit: str = ""
    size: int = 0
    limit: int = 0
    of: str = ""
    statistic: Statistic | None = None
    training_only: bool = False
    serving: float | None = None

    @property
    def root(self) -> Root:
        """Whose value it is."""
        return Root(self.name.split(".", 1)[0])

    @property
    def kind(self) -> Kind:
        """Storage kind."""
        return self.type.kind

    @property
    def is_live(self) -> bool:
        """Whether an item's value moves with events, so that it is never frozen with the catalogue."""
        return self.root is Root.ITEM and self.statistic is not None


def cell(kind: Kind, *, size: int = 0, limit: int = 0) -> np.dtype[np.void] | np.dtype[np.generic]:
    """Return the numpy type of one cell."""
    match kind:
        case Kind.NUMBER:
            return np.dtype("<f4")
        case Kind.CATEGORY | Kind.TIME:
            return np.dtype("<i8")
        case Kind.POINT:
            return np.dtype(("<f8", (2,)))
        case Kind.VECTOR:
            return np.dtype(("<f4", (size,)))
        case Kind.LIST:
            return np.dtype([("count", "<i8"), ("values", "<i8", (limit,))], align=True)
        case Kind.MAP:
            return np.dtype([("count", "<i8"), ("keys", "<i8", (limit,)), ("values", "<f4", (limit,))], align=True)


def layout(inputs: Iterable[Input]) -> np.dtype[np.void]:
    """Return the record type that holds one cell per input, in the given order, aligned to 8 bytes.

    The first field is a private 8-byte pad, so that a record of no inputs still has a size.
    """
    fields = [("_pad", "<i8"), *((i.name, cell(i.kind, size=i.size, limit=i.limit)) for i in inputs)]
    return np.dtype(fields, align=True)
