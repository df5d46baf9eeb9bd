"""What one event is: the columns every log has, and those that a feature set adds.

=============== ============================================================================================
column          meaning
=============== ============================================================================================
event_id        unique for ever; a second event of the same id is dropped
kind            ``search`` (one a request), ``impression`` (one a shown item), ``click``, ``order``, …; a few are
                reserved (``searchrank.events.kinds``)
event_time      when it happened; labels use this inside an attribution window
arrival_time    when the log got it; features know nothing earlier
request_id      ties impressions and clicks to their search
user_id         who; null when nobody is signed in
linked_id       on ``link`` events: another id of the same person as ``user_id``
session_id      the caller's session
item_id         what
query           text as typed
surface         where it was shown, as in ``project.yaml``
position        0-based rank of a shown item
value           what the kind says: stars of a rating, money of an order
``request.*``   on ``search`` events: the request inputs as sent
``session.*``   on ``search`` events
``query.*``     on ``search`` events: what was known of the query beside its statistics
``candidate.*`` on ``impression`` events: the candidate inputs as sent
``recall.*``    on ``impression`` events: what recall said of the item when it was shown
``item.*``      on ``put_item`` events: the item's document; an absent value is missing from then on
``user.*``      on ``put_user`` events: the user's document, likewise
=============== ============================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CORE",
    "IMPLIED_INPUTS",
    "INPUT_ROOTS",
    "REQUIRED_COLUMNS",
    "DeclaredInput",
    "DeclaredInputs",
    "schema",
]

CORE: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("kind", pa.string()),
        ("event_time", pa.timestamp("us", "UTC")),
        ("arrival_time", pa.timestamp("us", "UTC")),
        ("request_id", pa.string()),
        ("user_id", pa.string()),
        ("linked_id", pa.string()),
        ("session_id", pa.string()),
        ("item_id", pa.string()),
        ("query", pa.string()),
        ("surface", pa.string()),
        ("position", pa.int32()),
        ("value", pa.float64()),
    ]
)

REQUIRED_COLUMNS: Final = ("event_id", "kind", "event_time")
INPUT_ROOTS: Final = ("request.", "session.", "query.", "candidate.", "recall.", "item.", "user.")
IMPLIED_INPUTS: Final = frozenset({"request.query", "request.time"})
"""Inputs that are core columns under another name: ``query`` and ``event_time`` of the search."""


class DeclaredInput(Protocol):
    """The part of a declared input that decides its column (``searchrank.features.inputs.Input`` has it)."""

    @property
    def type(self) -> str:
        """The word after ``type:``."""

    @property
    def size(self) -> int:
        """Length of a vector."""

    @property
    def statistic(self) -> object:
        """How it is counted from events; None for a column that is sent."""


class DeclaredInputs(Protocol):
    """Anything with declared inputs, such as a ``FeatureSet``."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Declared inputs by full name; each value is a ``DeclaredInput``."""


def schema(declared: DeclaredInputs) -> pa.Schema:
    """Return the core columns and one for each input of ``INPUT_ROOTS`` that is no statistic."""
    extra = [
        pa.field(name, _arrow_type(declared.inputs[name]))
        for name in sorted(declared.inputs)
        if name.startswith(INPUT_ROOTS) and name not in IMPLIED_INPUTS and declared.inputs[name].statistic is None
    ]
    return pa.schema([*CORE, *extra])


def _arrow_type(declared: DeclaredInput) -> pa.DataType:
    if declared.type == "vector":
        return pa.list_(pa.float32(), declared.size)
    return _ARROW_TYPES[declared.type]


_ARROW_TYPES: Final = {
    "float": pa.float64(),
    "signal": pa.float64(),
    "category": pa.string(),
    "tokens": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "point": pa.list_(pa.float64(), 2),
    "list": pa.list_(pa.string()),
    "map": pa.map_(pa.string(), pa.float32()),
}
