"""What an arm may change: typed parameters, and the parts of serving that a parameter may set."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

__all__ = ["BLEND", "BRANCH_QUOTA", "RELEASE", "RERANK", "TARGETS", "Parameter", "ParameterType", "Value", "limits"]

Value: TypeAlias = float | int | str

RELEASE: Final = "release"
BLEND: Final = "blend"
RERANK: Final = "rerank"
BRANCH_QUOTA: Final = re.compile(r"recall\.([a-z][a-z0-9_]*)\.quota")
TARGETS: Final = ("limit", "candidates", "release", "blend", "rerank", "recall.<branch>.quota")
_TEXT: Final = (0, 0)  # a text has no least and most
_LIMITS: Final = {
    "limit": (1, 1_000),
    "candidates": (1, 10_000),
    RELEASE: (1, 1_000_000_000),
    BLEND: _TEXT,
    RERANK: _TEXT,
}


class ParameterType(StrEnum):
    """Kinds of values."""

    NUMBER = "number"
    INTEGER = "integer"
    TEXT = "text"
    CHOICE = "choice"


def limits(sets: str) -> tuple[int, int] | None:
    """Return the least and the most that may be set in a part of serving, or None when there is no such part."""
    return (1, 10_000) if BRANCH_QUOTA.fullmatch(sets) else _LIMITS.get(sets)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that arms of a layer may change.

    Attributes:
        name: Name in the layer, unique on the surface.
        type: Kind of its values.
        default: Value outside every experiment; None: what the project says (only where ``sets`` names something).
        sets: The part of serving that it sets; empty: it is handed to the caller alone.
        choices: What a choice may be.
    """

    name: str
    type: ParameterType
    default: Value | None = None
    sets: str = ""
    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str:
        """Return why a value is refused; empty when it is not."""
        if not _FITS[self.type](value):
            return f"{self.name} is {_WORDS[self.type]}, not {value!r:.60}"
        if self.type is ParameterType.CHOICE and value not in self.choices:
            return f"{self.name} is one of {', '.join(self.choices)}, not {value!r:.60}"
        bounds = limits(self.sets) if self.sets and not isinstance(value, str) else None
        if bounds and not bounds[0] <= value <= bounds[1]:
            return f"{self.name} sets {self.sets}, from {bounds[0]:,} to {bounds[1]:,}, not {value:,}"
        return ""


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 1_000


_FITS: Final = {
    ParameterType.NUMBER: _is_number,
    ParameterType.INTEGER: _is_integer,
    ParameterType.TEXT: _is_text,
    ParameterType.CHOICE: _is_text,
}
_WORDS: Final = {
    ParameterType.NUMBER: "a number",
    ParameterType.INTEGER: "a whole number",
    ParameterType.TEXT: "a text (write it in quotes)",
    ParameterType.CHOICE: "a text (write it in quotes)",
}
