"""What a business rule says, and its canonical text."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from searchrank.features import Expression

__all__ = ["Bury", "Pin", "Quota", "Rule"]


@dataclass(frozen=True, slots=True)
class Pin:
    """An item at a place.

    Attributes:
        item: Its id.
        place: From 1.
        when: Only where this is true of it; None: always.
    """

    item: str
    place: int
    when: Expression | None = None

    @property
    def text(self) -> str:
        """The rule as it is written."""
        return f"pin {json.dumps(self.item, ensure_ascii=False)} at {self.place}{_clause('when', self.when)}"


@dataclass(frozen=True, slots=True)
class Bury:
    """Items behind all others.

    Attributes:
        when: Those of which this is true.
    """

    when: Expression

    @property
    def text(self) -> str:
        """The rule as it is written."""
        return f"bury{_clause('when', self.when)}"


@dataclass(frozen=True, slots=True)
class Quota:
    """At most so many items of one group in a window of places.

    Attributes:
        most: How many.
        window: Places in a row.
        first: Whether only the first ``window`` places count, else every window.
        by: What makes a group; items without it are in none. None: all that the rule speaks of are one group.
        when: The rule speaks of items of which this is true; None: of all.
    """

    most: int
    window: int
    first: bool = False
    by: Expression | None = None
    when: Expression | None = None

    @property
    def text(self) -> str:
        """The rule as it is written; one item of a group in every window is spacing."""
        when = _clause("when", self.when)
        if self.most == 1 and not self.first and self.by is not None:
            return f"space {_canonical(self.by)} by {self.window}{when}"
        window = f"{'first ' if self.first else ''}{self.window}"
        return f"at most {self.most} of {window}{_clause('by', self.by)}{when}"


Rule = Pin | Bury | Quota


def _clause(word: str, expression: Expression | None) -> str:
    return f" {word} {_canonical(expression)}" if expression is not None else ""


def _canonical(expression: Expression) -> str:
    return ast.unparse(ast.parse(expression.text.strip(), mode="eval"))
