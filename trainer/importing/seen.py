"""What was imported, as far as definitions can be suggested from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from trainer.importing.column import Column, Conversion
from trainer.importing.mapping import Kind

if TYPE_CHECKING:
    from trainer.importing.survey import Survey

__all__ = ["GRADES", "Seen", "quoted_kind"]

GRADES: Final = {
    "click": 1, "view": 1, "visit": 1, "like": 1, "favourite": 2, "favorite": 2, "save": 2, "add_to_cart": 2, "cart": 2,
    "addtocart": 2, "booking": 3, "book": 3, "order": 3, "purchase": 3, "buy": 3, "transaction": 3,
}  # fmt: skip
"""Kinds of events that say that an item was wanted, and how much."""

_SHOWN: Final = frozenset({"search", "impression", "cancel"})
_MOST_KINDS: Final = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """What the suggestions are made from.

    Attributes:
        items: Mapped item columns.
        users: Mapped user columns.
        sent: Mapped inputs of requests and candidates.
        table: The catalogue.
        profiles: The profiles, or None.
        kinds: Events of each kind, without searches and impressions, most first.
        valued: Mean value of the kinds whose events have one.
        shown: Whether there are impressions.
    """

    items: list[Column]
    users: list[Column]
    sent: list[Column]
    table: pa.Table
    profiles: pa.Table | None
    kinds: list[str]
    valued: dict[str, float]
    shown: bool

    @classmethod
    def of(cls, read: Survey) -> Seen:
        """Look at what was read."""
        columns: dict[Kind, dict[str, Column]] = {kind: {} for kind in Kind}
        for kind, entries in read.mapping.tables.items():
            for entry in entries:
                columns[kind] |= {column.target: column for column in entry.columns if "." in column.target}
        entries = read.mapping.tables.get(Kind.EVENTS, ())
        derived = {c.constant for e in entries if e.min_value is not None for c in e.columns if c.target == "kind"}
        valued = {kind: mean for kind, mean in read.means.items() if kind not in derived}
        table = read.items if read.items is not None else pa.table({"item_id": pa.array([], pa.string())})
        ranked = sorted((kind for kind in read.kinds if kind not in _SHOWN), key=lambda kind: -read.kinds[kind])
        return cls(
            [c for c in columns[Kind.ITEMS].values() if c.target in table.column_names],
            [c for c in columns[Kind.USERS].values() if read.users is not None],
            list(columns[Kind.EVENTS].values()) if read.kinds else [],
            table,
            read.users,
            ranked[:_MOST_KINDS],
            {kind: mean for kind, mean in valued.items() if kind in ranked[:_MOST_KINDS]},
            "impression" in read.kinds,
        )

    def of_type(self, *conversions: Conversion) -> list[str]:
        """Return the item columns of some conversions."""
        return [column.target for column in self.items if column.conversion in conversions]

    @property
    def wanted(self) -> dict[str, int]:
        """Grade of each kind that says that an item was wanted."""
        graded = {kind: GRADES[kind.lower()] for kind in self.kinds if kind.lower() in GRADES}
        plain = {kind: 1 for kind in self.kinds if kind not in self.valued}
        return graded or plain or dict.fromkeys(self.kinds, 1)


def quoted_kind(text: str) -> str:
    """Return a kind of event as YAML has it."""
    return text if text.replace("_", "").isalnum() and not text.isdigit() else f'"{text}"'
